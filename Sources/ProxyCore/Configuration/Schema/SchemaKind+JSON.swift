import Basics

/// A member of a request body that a rule overrides.
struct RequestField: Sendable {
    var member: String
    var json: [UInt8]
}

extension Schema.Kind where Value == [RequestField] {
    /// A mapping of anything JSON can say. Plain scalars are numbers, booleans and null where they look so; others are text.
    static var json: Self {
        Self(shape: .json) { node, path, context in
            guard case .mapping(let entries) = node.content else {
                guard !node.isNull else { return [] }
                context.error(at: node, path, "expected a mapping, found \(node.noun)")
                return nil
            }
            return entries.compactMap { entry in
                let path = context.path(path, entry.shownKey)
                if let why = untouchable[entry.key] {
                    context.error(at: entry.keyLocation, path, why, length: entry.keyLength)
                    return nil
                }
                return json(entry.value, path, context).map { RequestField(member: entry.key, json: Array($0.text().utf8)) }
            }
        }
    }

    private static var untouchable: [String: String] {
        [
            "model": "the model is set by the rule's tiers",
            "stream": "whether the answer is streamed is the client's choice",
            "messages": "a rule does not change what is said",
        ]
    }

    /// No deeper than the reader allows a file to be.
    static func json(_ node: YAMLNode, _ path: String, _ context: LoadContext) -> SmallJSON? {
        switch node.content {
        case .sequence(let items):
            return .array(items.enumerated().compactMap { json($1, "\(path)[\($0)]", context) })
        case .mapping(let entries):
            return .object(
                entries.compactMap { entry in
                    json(entry.value, context.path(path, entry.shownKey), context).map { (entry.key, $0) }
                })
        case .scalar(let scalar):
            if scalar.isNull { return .literal("null") }
            guard let text = context.text(node, path, expecting: "a value") else { return nil }
            guard scalar.style == .plain else { return .string(text.value) }
            if ["true", "false"].contains(text.value) || SmallJSON.isNumber(text.value) { return .literal(text.value) }
            if Double(text.value) != nil {
                context.error(at: node, path, "\(text.shown) is a number that JSON cannot say; write 0.5, or quote it for text")
                return nil
            }
            return .string(text.value)
        }
    }
}
