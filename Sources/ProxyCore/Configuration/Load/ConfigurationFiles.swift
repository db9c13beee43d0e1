import Crypto
import Foundation

/// The main file and what it includes, as one tree.
struct ConfigurationFiles {
    let context: LoadContext
    /// Globs that name further files, absolute or relative to where proxyd runs.
    private(set) var patterns: [String] = []
    private var digests: [String] = []

    init(_ context: LoadContext) {
        self.context = context
    }

    /// SHA-256 of the texts in their order, before references and wherever they lie: the same on all nodes that have the same files.
    /// Of a single one, what `sha256sum` prints for it; hex.
    var textHash: String {
        guard digests.count != 1 else { return digests[0] }
        return InputFiles.hex(SHA256.hash(data: Array(digests.map { $0 + "\n" }.joined().utf8)))
    }

    /// nil after an error that leaves nothing to decode.
    mutating func read(path: String) -> YAMLNode? {
        switch context.files.read(path) {
        case .failure(let failure):
            context.error(at: SourceLocation(file: path, line: 1, column: 1), "", "cannot be read: \(failure.message)")
            return nil
        case .success(let content):
            return read(bytes: content.bytes, file: path)
        }
    }

    mutating func read(bytes: [UInt8], file: String) -> YAMLNode? {
        guard let main = parse(bytes, file: file) else { return nil }
        return include(into: main)
    }

    /// - Parameter isPart: an included file, which may hold nothing.
    private mutating func parse(_ bytes: [UInt8], file: String, isPart: Bool = false) -> YAMLNode? {
        digests.append(InputFiles.hex(SHA256.hash(data: bytes)))
        context.add(SourceText(file: file, bytes: bytes))
        let result = YAMLReader.read(bytes, file: file)
        context.add(result.problems)
        if result.node == nil, !result.problems.isEmpty { context.markBroken(file) }
        guard let node = result.node, !node.isNull else {
            if result.problems.isEmpty, !isPart {
                context.error(at: SourceLocation(file: file, line: 1, column: 1), "", "the file is empty")
            }
            return nil
        }
        guard case .mapping(let entries) = KeyReferences(context: context).resolve(node).content else {
            context.error(at: node.start, "", Self.problem(withRoot: node))
            return nil
        }
        if let (entry, message) = ForeignFiles.problem(with: entries) {
            context.error(at: entry.keyLocation, "", message, length: entry.keyLength)
            return nil
        }
        var root = node
        root.content = .mapping(ForeignTags(context: context).refuse(in: entries).map(Self.listed))
        return root
    }

    private static func problem(withRoot node: YAMLNode) -> String {
        if case .scalar(let scalar) = node.content, let problem = ForeignFiles.problem(withText: scalar.text) { return problem }
        if let problem = ForeignTags.problem(with: node) { return problem }
        return "expected a mapping of keys such as 'listen' and 'rules', found \(node.noun)"
    }

    /// A single item where lists of several files follow one another, as the list that it stands for.
    private static func listed(_ entry: YAMLEntry) -> YAMLEntry {
        guard let key = Schema.Root.mapping[entry.key], case .append = key.merge, case .list(let item) = key.shape,
            case .mapping(let members) = entry.value.content, members.contains(where: { item.takes(key: $0.key) })
        else { return entry }
        var entry = entry
        entry.value.content = .sequence([entry.value])
        return entry
    }

    private mutating func include(into main: YAMLNode) -> YAMLNode {
        let key = Schema.Root.include
        guard let entry = main.entry(key.name), let globs = key.kind.decode(entry.value, key.name, context),
            case .mapping(var merged) = main.content
        else { return main }
        // What two globs name is taken once, however it is spelled.
        var taken: Set<String> = [Self.identity(main.start.file)]
        for glob in globs {
            let pattern = context.resolve(path: glob.value)
            patterns.append(pattern)
            let paths = Self.expand(pattern)
            if paths.isEmpty, !pattern.contains(where: { "*?[".contains($0) }) {
                context.error(glob, Schema.withHomeNote("there is no such file", on: glob.value))
            } else if let note = Schema.homeNote(on: glob.value) {
                context.warning(glob, note)
            }
            for path in paths where taken.insert(Self.identity(path)).inserted {
                let content: InputFiles.Content
                switch context.files.read(path) {
                case .success(let read): content = read
                case .failure(let failure):
                    context.error(glob, "'\(path)' cannot be read: \(failure.message)")
                    continue
                }
                guard let node = parse(content.bytes, file: path, isPart: true), case .mapping(let entries) = node.content else {
                    continue
                }
                for entry in entries { merge(entry, into: &merged) }
            }
        }
        var result = main
        result.content = .mapping(merged)
        return result
    }

    private func merge(_ entry: YAMLEntry, into merged: inout [YAMLEntry]) {
        let length = entry.keyLength
        if entry.key == Schema.Root.include.name {
            context.error(at: entry.keyLocation, entry.key, "an included file does not include others", length: length)
            return
        }
        guard let index = merged.firstIndex(where: { $0.key == entry.key }), let key = Schema.Root.mapping[entry.key] else {
            merged.append(entry)
            return
        }
        let first = merged[index]
        switch (key.merge, first.value.content, entry.value.content) {
        case (.append, .sequence(let before), .sequence(let items)):
            let all: [YAMLNode] = before + items
            merged[index].value.content = .sequence(all)
        case (.entries, .mapping(let before), .mapping(let items)):
            for item in items {
                guard let same = before.first(where: { $0.key == item.key }) else { continue }
                context.error(
                    at: item.keyLocation, context.path(entry.key, item.shownKey),
                    "'\(LoadContext.shortened(item.shownKey))' is written in two files; the first is at \(same.keyLocation)",
                    length: item.keyLength)
            }
            let fresh: [YAMLEntry] = items.filter { item in !before.contains { $0.key == item.key } }
            merged[index].value.content = .mapping(before + fresh)
        case (.append, _, _), (.entries, _, _):
            // One of them is empty, or no list or mapping at all, which its decoding tells.
            if first.value.isNull { merged[index] = entry } else if !entry.value.isNull { merged.append(entry) }
        case (.once, _, _):
            context.error(
                at: entry.keyLocation, entry.shownKey,
                "'\(entry.shownKey)' is written in two files; the first is at \(first.keyLocation)", length: length)
        }
    }

    /// What two spellings of one file's path have in common.
    private static func identity(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// The files a glob names, in name order.
    static func expand(_ pattern: String) -> [String] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0, let paths = result.gl_pathv else { return [] }
        return (0..<Int(clamping: result.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }.sorted()
    }
}
