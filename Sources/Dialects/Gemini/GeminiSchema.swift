/// The subset of OpenAPI that Gemini takes where it does not take JSON Schema (conversion.md 3.3). Only schema positions are walked.
enum GeminiSchema {
    private static let dropped = [
        "$schema", "$id", "$defs", "$comment", "definitions", "title", "default", "examples", "additionalProperties",
        "patternProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "if", "then", "else", "not",
        "dependentRequired", "dependentSchemas", "contentEncoding", "contentMediaType", "uniqueItems", "contains", "$ref",
        "prefixItems", "readOnly", "writeOnly", "deprecated",
    ]
    private static let described = ["exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern"]

    static func cleaned(_ schema: JSONValue) -> JSONValue {
        let named = (schema["$defs"]?.object?.members ?? []) + (schema["definitions"]?.object?.members ?? [])
        var definitions: [String: JSONValue] = [:]
        for member in named { definitions[member.key] = member.value }
        var budget = 20_000
        return cleaned(schema, definitions, [], &budget)
    }

    /// `path` holds the definitions being put in: one that refers to itself becomes a plain object. `budget` bounds the growth.
    private static func cleaned(
        _ schema: JSONValue, _ definitions: [String: JSONValue], _ path: [String], _ budget: inout Int
    ) -> JSONValue {
        guard var object = schema.object else { return ["type": "object"] }
        budget -= 1
        guard budget > 0, path.count < 32 else { return ["type": "object"] }
        if let reference = object["$ref"]?.string {
            let name = reference.split(separator: "/").last.map(String.init) ?? ""
            guard let target = definitions[name], !path.contains(name) else { return ["type": "object"] }
            return cleaned(target, definitions, path + [name], &budget)
        }
        object = merged(object)
        var words: [String] = []
        for key in described {
            if let value = object[key] { words.append("\(key): \(value.string ?? value.text)") }
        }
        if let constant = object["const"] { object["enum"] = [constant] }
        if let either = object["oneOf"] { object["anyOf"] = object["anyOf"] ?? either }
        var out = JSONObject()
        for member in object.members {
            switch member.key {
            case "const", "oneOf", "allOf": continue
            case "type":
                let types = member.value.array?.compactMap(\.string) ?? []
                guard !types.isEmpty else {
                    out.append("type", member.value)
                    continue
                }
                out.append("type", .string(types.first { $0 != "null" } ?? "string"))
                if types.contains("null") { out.append("nullable", true) }
            case "properties":
                var properties = JSONObject()
                for property in member.value.object?.members ?? [] {
                    properties.append(property.key, cleaned(property.value, definitions, path, &budget))
                }
                out.append("properties", .object(properties))
            case "items":
                out.append("items", cleaned(member.value.array?.first ?? member.value, definitions, path, &budget))
            case "anyOf":
                var branches: [JSONValue] = []
                for branch in member.value.array ?? [] { branches.append(cleaned(branch, definitions, path, &budget)) }
                out.append("anyOf", .array(branches))
            case "enum":
                let isText = object["type"].map { $0 == "string" } ?? true
                if isText {
                    out.append("enum", .array((member.value.array ?? []).map { .string($0.string ?? $0.text) }))
                } else {
                    words.append("one of \(member.value.text)")
                }
            case "required":
                let known = Set(object["properties"]?.object?.members.map(\.key) ?? [])
                let kept = (member.value.array ?? []).filter { known.contains($0.string ?? "") }
                if !kept.isEmpty { out.append("required", .array(kept)) }
            case "format":
                if ["enum", "date-time", "int32", "int64", "float", "double"].contains(member.value.string ?? "") {
                    out.append("format", member.value)
                }
            default:
                if dropped.contains(member.key) || described.contains(member.key) || member.key.hasPrefix("x-") { continue }
                out.append(member.key, member.value)
            }
        }
        if !words.isEmpty {
            let before = out["description"]?.string.map { $0 + " " } ?? ""
            out["description"] = .string(before + "(" + words.joined(separator: ", ") + ")")
        }
        if out["enum"] != nil, out["type"] == nil { out["type"] = "string" }
        return .object(out)
    }

    /// `allOf` put into the schema it is in.
    private static func merged(_ object: JSONObject) -> JSONObject {
        guard let parts = object["allOf"]?.array else { return object }
        var object = object
        var properties = object["properties"]?.object?.members ?? []
        var known = Set(properties.map(\.key))
        var required = object["required"]?.array ?? []
        var keywords = Set(object.members.map(\.key))
        for part in parts {
            for member in part["properties"]?.object?.members ?? [] where known.insert(member.key).inserted {
                properties.append(member)
            }
            required += part["required"]?.array ?? []
            for member in part.object?.members ?? [] where keywords.insert(member.key).inserted {
                object.append(member.key, member.value)
            }
        }
        if !properties.isEmpty { object["properties"] = .object(JSONObject(properties)) }
        if !required.isEmpty { object["required"] = .array(required) }
        return object
    }

    /// A Gemini client's schema as JSON Schema: types in lower case, `nullable` as a type.
    static func standard(_ schema: JSONValue) -> JSONValue {
        guard let given = schema.object else { return schema }
        var object = JSONObject()
        // Google's SDK writes its own words in snake_case. What is under `properties` are names, not words.
        for member in given.members where GeminiKey.camel(member.key) != "propertyOrdering" {
            object.append(GeminiKey.camel(member.key), member.value)
        }
        object = SchemaRepair.mapped(object, standard)
        if let type = object["type"]?.string {
            let isNullable = object["nullable"]?.bool == true
            object["type"] = isNullable ? [.string(type.lowercased()), "null"] : .string(type.lowercased())
            object["nullable"] = nil
        }
        return .object(object)
    }
}
