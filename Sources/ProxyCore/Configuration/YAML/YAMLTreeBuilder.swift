/// Builds the tree from a document's events, without recursion.
struct YAMLTreeBuilder {
    struct Place: Sendable {
        var line: Int
        var column: Int
    }

    struct Span: Sendable {
        var start: Place
        var end: Place
    }

    struct Properties: Sendable {
        var anchor: String?
        var tag: String?
    }

    enum Collection: Sendable { case sequence, mapping }

    static let keyIsNoScalar = "a key must be a single value"

    private(set) var root: YAMLNode?
    private(set) var problems: [Diagnostic] = []
    /// Set by an error after which nothing sensible can follow.
    private(set) var isStopped = false

    private let file: String
    private let bounds: YAMLReader.Bounds
    private var stack: [Frame] = []
    private var anchors: [String: YAMLNode] = [:]
    private var openAnchors: [String: Int] = [:]
    private var documents = 0

    private struct Frame {
        var collection: Collection
        var properties: Properties
        var start: SourceLocation
        var items: [YAMLNode] = []
        var entries: [YAMLEntry] = []
        var places: [String: SourceLocation] = [:]
        var key: (text: String, location: SourceLocation, isMerge: Bool)?
        var merges: [YAMLNode] = []
        var count = 1
        var height = 1

        /// A mapping of so few entries is looked through.
        private static let few = 12

        /// Where an entry of that name has its key.
        func place(of name: String) -> SourceLocation? {
            guard entries.count > Self.few else { return entries.first { $0.key == name }?.keyLocation }
            return places[name]
        }

        mutating func add(_ entry: YAMLEntry) {
            entries.append(entry)
            if entries.count == Self.few + 1 {
                for entry in entries { places[entry.key] = entry.keyLocation }
            } else if entries.count > Self.few {
                places[entry.key] = entry.keyLocation
            }
        }
    }

    init(file: String, bounds: YAMLReader.Bounds) {
        self.file = file
        self.bounds = bounds
    }

    mutating func beginDocument(_ span: Span) {
        documents += 1
        if documents > 1 { stop(at: location(span.start), "a second document begins here; the file holds one") }
    }

    mutating func scalar(_ scalar: YAMLScalar, _ properties: Properties, _ span: Span) {
        let node = YAMLNode(
            content: .scalar(scalar), start: location(span.start), end: location(span.end), tag: foreignTag(properties.tag))
        if let anchor = properties.anchor { anchors[anchor] = node }
        attach(node, isMergeKey: scalar.style == .plain && scalar.text == "<<")
    }

    mutating func alias(_ name: String, _ span: Span) {
        guard openAnchors[name, default: 0] == 0 else {
            return stop(at: location(span.start), "an alias stands inside the value it names")
        }
        guard let node = anchors[name] else {
            return stop(at: location(span.start), "no anchor of this name stands before (text that begins with '*' needs quotes)")
        }
        if case .mapping = stack.last?.collection, stack.last?.key == nil {
            // A key is where the alias is, whatever it says.
            var key = node
            key.start = location(span.start)
            key.end = location(span.end)
            return attach(key, isMergeKey: false)
        }
        attach(node, isMergeKey: false)
    }

    mutating func begin(_ collection: Collection, _ properties: Properties, _ span: Span) {
        guard stack.count < bounds.depth else {
            return stop(at: location(span.start), "nested deeper than \(bounds.depth) levels")
        }
        if let top = stack.last, top.collection == .mapping, top.key == nil {
            return stop(at: location(span.start), Self.keyIsNoScalar)
        }
        if let anchor = properties.anchor { openAnchors[anchor, default: 0] += 1 }
        stack.append(Frame(collection: collection, properties: properties, start: location(span.start)))
    }

    mutating func end(_ span: Span) {
        guard var frame = stack.popLast() else { return }
        let content: YAMLNode.Content
        switch frame.collection {
        case .sequence:
            content = .sequence(frame.items)
        case .mapping:
            merge(into: &frame)
            content = .mapping(frame.entries)
        }
        let node = YAMLNode(
            content: content, start: frame.start, end: location(span.end), tag: foreignTag(frame.properties.tag),
            count: frame.count, height: frame.height)
        if let anchor = frame.properties.anchor {
            openAnchors[anchor, default: 1] -= 1
            anchors[anchor] = node
        }
        attach(node, isMergeKey: false)
    }

    private mutating func attach(_ node: YAMLNode, isMergeKey: Bool) {
        guard stack.count + node.height <= bounds.depth + 1 else {
            return stop(at: node.start, "nested deeper than \(bounds.depth) levels once aliases are expanded")
        }
        guard !stack.isEmpty else {
            root = node
            return
        }
        let top = stack.count - 1
        stack[top].height = max(stack[top].height, node.height + 1)
        // Saturating: a sum of bounded numbers, and compared at once.
        stack[top].count = min(stack[top].count + node.count, bounds.nodes + 1)
        var count = 0
        for index in stack.indices { count += stack[index].count }
        guard count <= bounds.nodes else {
            return stop(at: node.start, "more than \(bounds.nodes) values once aliases are expanded")
        }
        guard stack[top].collection == .mapping else {
            stack[top].items.append(node)
            return
        }
        guard let key = stack[top].key else {
            guard case .scalar(let scalar) = node.content else {
                return stop(at: node.start, Self.keyIsNoScalar)
            }
            stack[top].key = (scalar.text, node.start, isMergeKey)
            return
        }
        stack[top].key = nil
        if key.isMerge {
            stack[top].merges.append(node)
        } else if let first = stack[top].place(of: key.text) {
            report(
                at: key.location,
                "'\(key.text)' is written twice in one mapping; the first is at \(first)\(Self.itemsHint(key.text))",
                length: key.text.unicodeScalars.count)
        } else {
            stack[top].add(YAMLEntry(key: key.text, keyLocation: key.location, value: node))
        }
    }

    /// `<<`: a mapping or a list of them, whose entries count where the mapping itself says nothing.
    private mutating func merge(into frame: inout Frame) {
        for node in frame.merges {
            switch node.content {
            case .mapping(let entries):
                adopt(entries, into: &frame)
            case .sequence(let items):
                for item in items {
                    guard case .mapping(let entries) = item.content else {
                        report(at: item.start, "'<<' takes a mapping or a list of mappings")
                        continue
                    }
                    adopt(entries, into: &frame)
                }
            case .scalar:
                report(at: node.start, "'<<' takes a mapping or a list of mappings")
            }
        }
    }

    private func adopt(_ entries: [YAMLEntry], into frame: inout Frame) {
        for entry in entries where frame.place(of: entry.key) == nil { frame.add(entry) }
    }

    /// What every item of a list has.
    private static func itemsHint(_ key: String) -> String {
        ["name", "models", "tiers", "upstream"].contains(key) ? " (each item of a list begins with '- ')" : ""
    }

    private func foreignTag(_ tag: String?) -> String? {
        guard let tag, tag != "!", !tag.hasPrefix("tag:yaml.org,2002:") else { return nil }
        return tag
    }

    private func location(_ place: Place) -> SourceLocation {
        SourceLocation(file: file, line: place.line, column: place.column)
    }

    private mutating func report(at location: SourceLocation, _ message: String, length: Int = 1) {
        problems.append(Diagnostic(.error, at: location, path: "", message: message, length: length))
    }

    private mutating func stop(at location: SourceLocation, _ message: String) {
        report(at: location, message)
        isStopped = true
    }
}
