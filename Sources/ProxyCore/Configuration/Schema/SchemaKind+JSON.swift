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
                let value = isNumeric(entry.key) ? number(entry.value, path, context) : json(entry.value, path, context)
                return value.map { RequestField(member: entry.key, json: Array($0.text().utf8)) }
            }
        }
    }

    private static var untouchable: [String: String] {
        let said = "a rule does not change what is said"
        return [
            "model": "the model is set by the rule's tiers",
            "stream": "whether the answer is streamed is the client's choice",
            "messages": said, "input": said, "contents": said,
        ]
    }

    /// What no rule sets.
    static var untouchableNames: [String] { untouchable.keys.sorted() }

    /// Fields that are numbers in every format that has them.
    static var numericNames: [String] { counts + ["frequency_penalty", "presence_penalty", "temperature", "top_p"] }

    private static var counts: [String] { ["max_completion_tokens", "max_output_tokens", "max_tokens", "n", "seed", "top_k"] }

    static var numberForm: Schema.Scalar {
        Schema.Scalar(noun: "number", json: [.number], pattern: "-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?")
    }

    private static func isNumeric(_ name: String) -> Bool { numericNames.contains(name) }

    /// A number in quotes is one, too: a reference needs them. An upstream takes no `8k`.
    private static func number(_ node: YAMLNode, _ path: String, _ context: LoadContext) -> SmallJSON? {
        guard let value = json(node, path, context) else { return nil }
        switch value {
        case .literal(let text) where text == "null" || SmallJSON.isNumber(text): return value
        case .string(let text) where SmallJSON.isNumber(text): return .literal(text)
        case .literal, .string, .array, .object:
            let example = counts.contains { path.hasSuffix(".\($0)") } ? "8192" : "0.5"
            context.error(at: node, path, "takes a number in digits, such as \(example)")
            return nil
        }
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
            if SmallJSON.isNumber(text.value) { return .literal(text.value) }
            switch text.value {
            case "true", "True", "TRUE": return .literal("true")
            case "false", "False", "FALSE": return .literal("false")
            default: break
            }
            if isOtherNumber(text.value) {
                context.error(at: node, path, "\(text.shown) is a number that JSON cannot say; write 0.5, or quote it for text")
                return nil
            }
            return .string(text.value)
        }
    }

    /// What is a number to YAML, or to people, and none to JSON: `.5`, `0x10`, `.inf`.
    private static func isOtherNumber(_ text: String) -> Bool {
        if Double(text) != nil { return true }
        let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        if [".inf", ".nan"].contains(digits.lowercased()) { return true }
        return digits.hasPrefix("0o") && digits.count > 2 && digits.dropFirst(2).allSatisfy { ("0"..."7").contains($0) }
    }
}
