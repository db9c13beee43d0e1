import Foundation
import RuleEngine

extension Schema {
    /// How one type of value is read.
    struct Kind<Value>: Sendable {
        let shape: Shape
        /// nil after an error was reported.
        let decode: @Sendable (YAMLNode, _ path: String, LoadContext) -> Value?
    }

    /// Why a text is not what it should be; the context adds the place.
    struct Problem: Error {
        var message: String
        /// Where in the text, in Unicode scalars.
        var offset = 0
        /// How much of it; nil for all.
        var length: Int?
        /// Whether `offset` counts in the text as it is written, references and all.
        var isWritten = false
        /// What else is wrong with it.
        var further: [Problem] = []

        init(_ message: String, offset: Int = 0, length: Int? = nil) {
            self.message = message
            self.offset = offset
            self.length = length
        }
    }

    /// All that is wrong, as one: nil where nothing is.
    static func joined(_ problems: [Problem]) -> Problem? {
        guard var first = problems.first else { return nil }
        first.further += problems.dropFirst()
        return first
    }

    /// A scalar with its references resolved.
    struct Text: Sendable {
        let value: String
        let node: YAMLNode
        let path: String
        let holdsReference: Bool

        /// The value as the file has it, in quotes, shortened: what messages may show. A resolved reference is never shown, nor
        /// is what a slip of the pen has made part of the value in further lines.
        var shown: String {
            guard case .scalar(let scalar) = node.content else { return "''" }
            return LoadContext.quoted(scalar.text, ofSeveralLines: node.start.line != node.end.line)
        }

        /// What is wrong in a part that is written out, before all references or behind them; nil elsewhere.
        private func written(_ problem: ConditionHints.Mended) -> Problem? {
            guard case .scalar(let scalar) = node.content else { return nil }
            let (written, resolved) = (Array(scalar.text.utf8), Array(value.utf8))
            let before = written.prefix { $0 != UInt8(ascii: "$") }.count
            let lastMark = written.lastIndex { $0 == UInt8(ascii: "$") || $0 == UInt8(ascii: "}") } ?? written.count
            let behind = max(0, written.count - lastMark - 1)
            let end = problem.offset + problem.length
            guard before + behind <= resolved.count, problem.offset >= 0, problem.length > 0, end <= resolved.count else {
                return nil
            }
            let secret = String(decoding: resolved[before..<resolved.count - behind], as: UTF8.self)
            guard secret.isEmpty || !problem.message.contains(secret) else { return nil }
            let start: Int
            if end <= before {
                start = problem.offset
            } else if problem.offset >= resolved.count - behind {
                start = written.count - (resolved.count - problem.offset)
            } else {
                return nil
            }
            func scalars(_ bytes: ArraySlice<UInt8>) -> Int { String(decoding: bytes, as: UTF8.self).unicodeScalars.count }
            var found = Problem(
                problem.message, offset: scalars(written[..<start]), length: scalars(written[start..<start + problem.length]))
            found.isWritten = true
            return found
        }

        /// What is wrong with an expression, at its place in the text.
        /// - Parameter hidden: said instead of what a reference stands for.
        func problem(_ problem: Condition.Problem, _ hidden: String) -> Problem {
            let problem = ConditionHints.mend(problem, in: value)
            guard !holdsReference else { return written(problem) ?? Problem(hidden) }
            let before = Array(value.utf8.prefix(problem.offset))
            let within = Array(value.utf8.dropFirst(problem.offset).prefix(problem.length))
            return Problem(
                problem.message, offset: String(decoding: before, as: UTF8.self).unicodeScalars.count,
                length: String(decoding: within, as: UTF8.self).unicodeScalars.count)
        }
    }
}

/// A value and the place it was read from.
struct Located<Value: Sendable>: Sendable {
    var value: Value
    var location: SourceLocation
    var length = 1
    var path: String
    /// Whether it came through a reference; it is not shown then, for it may be a secret put into the wrong place.
    var isReference = false
}

extension Located where Value == String {
    /// The value in quotes, for messages.
    var shown: String { isReference ? "what the reference stands for" : LoadContext.quoted(value) }
}

extension Schema.Kind {
    static func scalar(
        _ scalar: Schema.Scalar, _ parse: @escaping @Sendable (Schema.Text) throws(Schema.Problem) -> Value
    ) -> Self {
        Self(shape: .scalar(scalar)) { node, path, context in
            guard let text = context.text(node, path, expecting: scalar.noun) else { return nil }
            do throws(Schema.Problem) {
                return try parse(text)
            } catch {
                context.report(error, in: text)
                return nil
            }
        }
    }

    static func mapping(_ mapping: Schema.Mapping, _ build: @escaping @Sendable (Schema.Section) -> Value?) -> Self {
        Self(shape: .mapping(mapping)) { node, path, context in
            Schema.Section(node, path, mapping, context).flatMap(build)
        }
    }

    /// The short form for a single value, the long form for a mapping.
    static func either(
        _ short: Self, _ long: Self, spelledOut: @escaping @Sendable (String) -> [(key: String, value: String)]
    ) -> Self {
        Self(shape: .either(short: short.shape, long: long.shape, spelledOut: spelledOut)) { node, path, context in
            if case .mapping = node.content { return long.decode(node, path, context) }
            return short.decode(node, path, context)
        }
    }

    func map<Other>(_ transform: @escaping @Sendable (Value, YAMLNode, String, LoadContext) -> Other?) -> Schema.Kind<Other> {
        Schema.Kind<Other>(shape: shape) { [decode] node, path, context in
            decode(node, path, context).flatMap { transform($0, node, path, context) }
        }
    }
}

extension Schema.Kind where Value: Sendable {
    /// The value with its place.
    var located: Schema.Kind<Located<Value>> {
        map { value, node, path, context in
            Located(
                value: value, location: node.start, length: context.length(of: node), path: path,
                isReference: context.holdsReference(node))
        }
    }

    static func located<Item>(_ item: Schema.Kind<Item>) -> Self where Value == Located<Item> { item.located }

    static func list<Item>(_ item: Schema.Kind<Item>) -> Self where Value == [Item] {
        Self(shape: .list(item.shape)) { node, path, context in
            switch node.content {
            case .sequence(let items):
                return items.enumerated().compactMap { item.decode($1, "\(path)[\($0)]", context) }
            case .scalar(let scalar) where scalar.isNull:
                return []
            case .scalar(let scalar) where item.shape.takesScalar:
                guard !scalar.text.holds(",") || context.holdsReference(node) else {
                    context.hideWhatShouldHoldMore(node)
                    context.error(
                        at: node, path, "a list is written [a, b], or with an item on each line ('- a'), not with commas alone")
                    return nil
                }
                return item.decode(node, "\(path)[0]", context).map { [$0] }
            case .mapping(let entries) where entries.contains { item.shape.takes(key: $0.key) }:
                return item.decode(node, "\(path)[0]", context).map { [$0] }
            case .scalar, .mapping:
                context.hideWhatShouldHoldMore(node)
                context.error(at: node, path, "expected a list, found \(node.noun)\(item.shape.itemHint)")
                return nil
            }
        }
    }

    static func oneOrList<Item>(_ item: Schema.Kind<Item>) -> Self where Value == [Item] {
        let list = list(item)
        return Self(shape: .oneOrList(item.shape)) { node, path, context in
            if case .sequence = node.content { return list.decode(node, path, context) }
            return item.decode(node, path, context).map { [$0] }
        }
    }

    static func entries<Item>(_ item: Schema.Kind<Item>, naming: String) -> Self
    where Value == [(name: Located<String>, value: Item)] {
        Self(shape: .entries(item.shape, naming: naming)) { node, path, context in
            switch node.content {
            case .mapping(let entries):
                return entries.compactMap { entry in
                    // A header without a value may be the value of another.
                    let isNameless = naming.hasSuffix("header") && entry.value.isNull
                    let path = context.path(path, isNameless ? "…" : entry.shownKey)
                    let name = Located(
                        value: entry.key, location: entry.keyLocation, length: entry.keyLength, path: path,
                        isReference: entry.writtenKey != nil)
                    return item.decode(entry.value, path, context).map { (name, $0) }
                }
            case .scalar(let scalar) where scalar.isNull:
                return []
            case .scalar, .sequence:
                context.hideWhatShouldHoldMore(node)
                context.error(at: node, path, "expected a mapping, found \(node.noun)\(node.namedHint(naming))")
                return nil
            }
        }
    }
}

extension Schema.Kind where Value == [(name: Located<String>, value: String)] {
    /// Tags, as many as a usage record holds.
    static var tags: Self {
        let any = Self.entries(.anyText, naming: "tag")
        return Self(shape: any.shape) { node, path, context in
            let tags = any.decode(node, path, context)
            let most = UsageRecord.maximumTags
            if let count = tags?.count, count > most {
                context.error(at: node, path, "has \(count) tags; \(most) are the most, as usage records hold no more")
            }
            return tags
        }
    }
}

extension Schema.Shape {
    /// Whether a single value may stand for it.
    var takesScalar: Bool {
        switch self {
        case .scalar: true
        case .either(let short, _, _): short.takesScalar
        case .list, .oneOrList, .entries, .mapping, .json: false
        }
    }

    /// Whether a mapping with this key may stand for it.
    func takes(key: String) -> Bool {
        switch self {
        case .mapping(let mapping): mapping[key] != nil
        case .either(let short, let long, _): short.takes(key: key) || long.takes(key: key)
        case .scalar, .list, .oneOrList, .entries, .json: false
        }
    }

    /// Whether a single one may stand for a list of it.
    var takesSingle: Bool {
        switch self {
        case .scalar, .mapping, .either: true
        case .list, .oneOrList, .entries, .json: false
        }
    }

    /// How a list of it is written.
    fileprivate var itemHint: String {
        guard case .mapping(let mapping) = self, let first = mapping.keys.first else { return "" }
        return "; each item begins with '- ', such as '- \(first.name): …'"
    }
}

extension YAMLNode {
    /// A hint for a list of mappings with names, where the names are to be keys.
    fileprivate func namedHint(_ naming: String) -> String {
        guard case .sequence(let items) = content, items.contains(where: { $0.entry("name") != nil }) else { return "" }
        return "; the \(naming)'s name is the key: 'my-\(naming):' instead of '- name: my-\(naming)'"
    }
}
