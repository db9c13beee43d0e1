/// Schemas for Anthropic's structured outputs and strict tools: what it does not enforce is told in words (conversion.md 3.2.4).
enum MessagesSchema {
    private static let constraints = [
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
        "minProperties", "maxProperties", "uniqueItems",
    ]
    private static let formats: Set<String> = [
        "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
    ]

    private static func looksAround(_ pattern: String) -> Bool {
        ["(?=", "(?!", "(?<=", "(?<!"].contains { pattern.contains($0) }
    }

    static func cleaned(_ schema: JSONValue) -> JSONValue {
        guard var object = schema.object else { return schema }
        object = SchemaRepair.mapped(object, cleaned)
        var words: [String] = []
        for key in constraints {
            guard let value = object[key] else { continue }
            object[key] = nil
            words.append("\(key): \(value.text)")
        }
        if let least = object["minItems"]?.int, least > 1 {
            object["minItems"] = nil
            words.append("minItems: \(least)")
        }
        if let pattern = object["pattern"]?.string, Self.looksAround(pattern) {
            object["pattern"] = nil
            words.append("pattern: \(pattern)")
        }
        if let format = object["format"]?.string, !formats.contains(format) { object["format"] = nil }
        if object["type"]?.string == "object" || object["properties"] != nil { object["additionalProperties"] = false }
        if !words.isEmpty {
            let before = object["description"]?.string.map { $0 + " " } ?? ""
            object["description"] = .string(before + "(" + words.joined(separator: ", ") + ")")
        }
        return .object(object)
    }
}
