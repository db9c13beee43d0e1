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

    /// Keywords that structured outputs do not know: what they say is told, but for what only names or shows.
    private static let unknown = [
        "not", "if", "then", "else", "contains", "propertyNames", "patternProperties", "dependentRequired",
        "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "minContains", "maxContains", "examples",
        "contentEncoding", "contentMediaType",
    ]
    /// Keywords that say nothing of values.
    private static let idle = ["$schema", "$comment", "deprecated", "readOnly", "writeOnly", "propertyOrdering"]

    static func cleaned(_ schema: JSONValue) -> JSONValue {
        guard var object = schema.object else { return schema }
        object = SchemaRepair.mapped(object, cleaned)
        var words: [String] = []
        for key in constraints + unknown {
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
        if let format = object["format"]?.string, !formats.contains(format) {
            object["format"] = nil
            words.append("format: \(format)")
        }
        for key in idle { object[key] = nil }
        unite(&object)
        if isObject(object) {
            if let others = object["additionalProperties"], others.bool == nil, others != [:] {
                words.append("additionalProperties: \(others.text)")
            }
            object["additionalProperties"] = false
        }
        if !words.isEmpty { GeminiSchema.describe(&object, words) }
        return .object(object)
    }

    private static func isObject(_ schema: JSONObject) -> Bool {
        schema["properties"] != nil || schema["type"] == "object" || schema["type"]?.array?.contains("object") ?? false
    }

    /// Alternatives under the one name that is known for them, null among them where OpenAPI's `nullable` says so.
    private static func unite(_ object: inout JSONObject) {
        if let branches = object["oneOf"], object["anyOf"] == nil {
            object["oneOf"] = nil
            object["anyOf"] = branches
        }
        // A reference is not taken among `allOf`; alone it is the schema itself.
        if let parts = object["allOf"]?.array, parts.count == 1, let only = parts[0]["$ref"], object["$ref"] == nil {
            object["allOf"] = nil
            object["$ref"] = only
        }
        guard object["nullable"]?.bool == true else { return }
        object["nullable"] = nil
        if let type = object["type"]?.string, type != "null" {
            object["type"] = [.string(type), "null"]
        } else if let branches = object["anyOf"]?.array {
            object["anyOf"] = .array(branches + [["type": "null"]])
        }
    }
}
