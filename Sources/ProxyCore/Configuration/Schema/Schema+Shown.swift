import Basics
import Synchronization

/// What a file says, key by key, as `GET /admin/config` shows it: under the names of the schema, with its defaults, each value in
/// one form however it was written. It is asked only of files without an error.
extension Schema.Mapping {
    func shown(_ node: YAMLNode, _ context: LoadContext) -> SmallJSON {
        let entries = node.entries
        let absent = absent.values { keys.map { $0.shape.shown($0.absence, context) } }
        return .object(
            zip(keys, absent).map { key, absent in
                let index = entries.firstIndex { $0.key == key.name }
                return (key.name, index.map { key.shape.shown(entries[$0].value, context) } ?? absent)
            })
    }
}

extension Schema {
    /// What is shown of a mapping's keys where they are left out: the same in every file, and reckoned once.
    final class AbsentValues: Sendable {
        private let known = Mutex<[SmallJSON]?>(nil)

        func values(_ reckon: () -> [SmallJSON]) -> [SmallJSON] {
            if let values = known.withLock({ $0 }) { return values }
            let values = reckon()
            known.withLock { $0 = values }
            return values
        }
    }
}

extension Schema.Shape {
    /// What is shown of a key that was left out.
    fileprivate func shown(_ absence: Schema.Absence, _ context: LoadContext) -> SmallJSON {
        switch absence {
        case .value(let text): return shown(context.node(ofDefault: text), context)
        case .required, .none: return .null
        case .inherited:
            // Each of its members may be inherited by itself.
            guard case .mapping(let mapping) = self else { return .null }
            return mapping.shown(context.node(ofDefault: "{}"), context)
        }
    }

    func shown(_ node: YAMLNode, _ context: LoadContext) -> SmallJSON {
        switch self {
        case .scalar(let scalar): return scalar.shown(node, context)
        case .list(let item): return .array(node.items.map { item.shown($0, context) })
        case .oneOrList(let item):
            if case .sequence(let items) = node.content { return .array(items.map { item.shown($0, context) }) }
            return .array(node.isNull ? [] : [item.shown(node, context)])
        case .entries(let item, _): return .object(Self.joined(node.entries.map { ($0.key, item.shown($0.value, context)) }))
        case .mapping(let mapping): return mapping.shown(node, context)
        case .either(_, let long, let spelledOut):
            guard case .scalar = node.content, let text = context.text(node, "", expecting: "a text")?.value else {
                return long.shown(node, context)
            }
            return long.shown(YAMLNode(spelledOut(text), like: node), context)
        case .json: return Schema.Kind<[RequestField]>.json(node, "", context) ?? .null
        }
    }

    /// A preset and the file may have an entry of one name each: the later one wins, member by member.
    private static func joined(_ members: [(String, SmallJSON)]) -> [(String, SmallJSON)] {
        var result: [(String, SmallJSON)] = []
        for (name, value) in members {
            guard let index = result.firstIndex(where: { $0.0 == name }) else {
                result.append((name, value))
                continue
            }
            guard case .object(let before) = result[index].1, case .object(let after) = value else {
                result[index].1 = value
                continue
            }
            result[index].1 = .object(before.filter { old in !after.contains { $0.0 == old.0 } } + after)
        }
        return result
    }
}

extension Schema.Scalar {
    fileprivate func shown(_ node: YAMLNode, _ context: LoadContext) -> SmallJSON {
        // A secret's references are not even looked up.
        if isSecret { return Schema.Shown.redacted("") ?? .null }
        guard let text = context.text(node, "", expecting: noun) else { return .null }
        return shown?(text.escapingUser) ?? .string(text.value)
    }
}

extension Schema {
    /// One form for each kind of value.
    enum Shown {
        static let redacted: @Sendable (String) -> SmallJSON? = { .string(Secret($0).description) }

        /// `30s`, `1500ms`.
        static let duration: @Sendable (String) -> SmallJSON? = { text in
            guard let nanoseconds = try? Quantity.withUnit(text, units: Quantity.durations) else { return nil }
            let isWhole = nanoseconds.isMultiple(of: 1_000_000_000)
            return .string(isWhole ? "\(nanoseconds / 1_000_000_000)s" : Quantity.text(.nanoseconds(nanoseconds)))
        }

        static func number(_ text: String, units: [(name: String, factor: Int)]) -> SmallJSON? {
            (try? Quantity.withUnit(text, units: units)).map { .literal("\($0)") }
        }

        static let boolean: @Sendable (String) -> SmallJSON? = { .literal($0.lowercased()) }

        /// A number of USD, with or without their name.
        static let dollars: @Sendable (String) -> SmallJSON? = { text in
            let number = text.hasSuffix("USD") ? text.dropLast(3).prefix { $0 != " " } : text[...]
            guard let nano = try? Quantity.decimal(number, places: 9) else { return nil }
            return .literal(Quantity.text(nano, places: 9))
        }

        /// `5%`, `0.25%`.
        static let share: @Sendable (String) -> SmallJSON? = { text in
            let isPercent = text.hasSuffix("%")
            guard let share = try? Quantity.decimal(isPercent ? text.dropLast() : text[...], places: 12) else { return nil }
            return .string(Quantity.text(share, places: isPercent ? 12 : 10) + "%")
        }

        static let url: @Sendable (String) -> SmallJSON? = { text in
            (try? UpstreamURL.parse(text, shown: "", .base)).map { .string($0.description) }
        }

        /// Shows an address without its query, where webhooks like to carry their token.
        static let withoutQuery: @Sendable (String) -> SmallJSON? = { text in .string(String(text.prefix { $0 != "?" })) }

        /// `127.0.0.1:8180` for `localhost:8180`.
        static let listener: @Sendable (String) -> SmallJSON? = { text in
            (try? Listener(written: text, shown: "")).map { .string($0.text) }
        }

        /// Shows an address without its user and password.
        static let proxy: @Sendable (String) -> SmallJSON? = { text in
            guard text != "none" else { return .string(text) }
            // What cannot be read is not shown: it may hold a password.
            return (try? ForwardProxy.parse(text, needsScheme: true)).map { .string("http://\($0.authority)") } ?? redacted(text)
        }
    }
}

extension YAMLNode {
    /// A mapping of texts, written where another value is.
    fileprivate init(_ entries: [(key: String, value: String)], like node: YAMLNode) {
        let entries = entries.map { key, value in
            // References were resolved before; what looks like one now is none.
            let scalar = YAMLScalar(
                text: value.split(separator: "$", omittingEmptySubsequences: false).joined(separator: "$$"), style: .doubleQuoted)
            return YAMLEntry(
                key: key, keyLocation: node.start, value: YAMLNode(content: .scalar(scalar), start: node.start, end: node.end))
        }
        self.init(content: .mapping(entries), start: node.start, end: node.end)
    }

    /// Those of a list; a single value stands for a list of one.
    fileprivate var items: [YAMLNode] {
        switch content {
        case .sequence(let items): items
        case .scalar(let scalar): scalar.isNull ? [] : [self]
        case .mapping(let entries): entries.isEmpty ? [] : [self]
        }
    }

    fileprivate var entries: [YAMLEntry] {
        if case .mapping(let entries) = content { entries } else { [] }
    }
}

extension SmallJSON {
    static var null: SmallJSON { .literal("null") }
}
