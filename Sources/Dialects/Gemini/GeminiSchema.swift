/// The subset of OpenAPI that Gemini takes where it does not take JSON Schema (conversion.md 3.3). Only schema positions are walked.
enum GeminiSchema {
    private static let dropped = [
        "$schema", "$id", "$defs", "$comment", "definitions", "title", "default", "examples", "additionalProperties",
        "patternProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "if", "then", "else", "not",
        "dependentRequired", "dependentSchemas", "contentEncoding", "contentMediaType", "uniqueItems", "contains", "$ref",
        "prefixItems", "readOnly", "writeOnly", "deprecated",
    ]
    private static let described = ["exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern"]
    private static let formats: Set<String> = ["enum", "date-time", "int32", "int64", "float", "double"]

    /// What may be put in for references, as `JSONValue.weight` counts it.
    static let mostGrowth = 4 << 20

    static func cleaned(_ schema: JSONValue) -> JSONValue {
        let named = (schema["$defs"]?.object?.members ?? []) + (schema["definitions"]?.object?.members ?? [])
        var definitions: [String: JSONValue] = [:]
        for member in named { definitions[member.key] = member.value }
        var budget = mostGrowth
        return cleaned(schema, definitions, [], &budget)
    }

    /// The same for the arguments of a function, which are an object.
    static func parameters(_ schema: JSONValue) -> JSONValue {
        let schema = cleaned(schema)
        guard var root = schema.object, root["type"] == nil, root["anyOf"] == nil else { return schema }
        root["type"] = "object"
        return .object(root)
    }

    /// `path` holds the definitions being put in: one that refers to itself becomes a plain object. `budget` bounds the growth.
    private static func cleaned(
        _ schema: JSONValue, _ definitions: [String: JSONValue], _ path: [String], _ budget: inout Int
    ) -> JSONValue {
        guard let given = schema.object else { return ["type": "object"] }
        budget -= 1
        guard budget > 0, path.count < 32 else { return ["type": "object"] }
        if let reference = given["$ref"]?.string { return definition(reference, in: given, definitions, path, &budget) }
        var path = path
        var object = merged(resolved(given, definitions, &path, &budget))
        var words: [String] = []
        for key in described {
            if let value = object[key] { words.append("\(key): \(value.string ?? value.text)") }
        }
        object = withoutNull(withoutSynonyms(object))
        var out = JSONObject()
        for member in object.members {
            switch member.key {
            case "const", "oneOf", "allOf": continue
            case "type": appendType(member.value, of: object, &out)
            case "properties":
                var properties = JSONObject()
                for property in member.value.object?.members ?? [] {
                    properties.append(property.key, cleaned(property.value, definitions, path, &budget))
                }
                out.append("properties", .object(properties))
            case "items":
                out.append("items", cleaned(member.value, definitions, path, &budget))
            case "anyOf":
                var branches: [JSONValue] = []
                for branch in member.value.array ?? [] { branches.append(cleaned(branch, definitions, path, &budget)) }
                out.append("anyOf", .array(branches))
            case "enum": choose(among: member.value, of: object["type"], &out, &words)
            case "required":
                let known = Set(object["properties"]?.object?.members.map(\.key) ?? [])
                let kept = (member.value.array ?? []).filter { known.contains($0.string ?? "") }
                if !kept.isEmpty { out.append("required", .array(kept)) }
            case "format":
                if formats.contains(member.value.string ?? "") { out.append("format", member.value) }
            default:
                if dropped.contains(member.key) || described.contains(member.key) || member.key.hasPrefix("x-") { continue }
                out.append(member.key, member.value)
            }
        }
        if !words.isEmpty { describe(&out, words) }
        if object["enum"] != nil, out["type"] == nil { out["type"] = "string" }
        // A list without word of what is in it is refused.
        if out["type"] == "array", out["items"] == nil { out["items"] = ["type": "string"] }
        return .object(out)
    }

    /// What a reference is for, in its place. What is said of this place counts more than what is said of all of its kind.
    private static func definition(
        _ reference: String, in object: JSONObject, _ definitions: [String: JSONValue], _ path: [String], _ budget: inout Int
    ) -> JSONValue {
        let name = SchemaRepair.definition(reference) ?? ""
        guard let target = definitions[name], !path.contains(name) else { return ["type": "object"] }
        budget -= target.weight
        guard let said = object["description"], var described = target.object else {
            return cleaned(target, definitions, path + [name], &budget)
        }
        described["description"] = said
        return cleaned(.object(described), definitions, path + [name], &budget)
    }

    /// A schema in the one word that is known here for each of several: `enum` for `const`, `anyOf` for `oneOf`, one schema for
    /// the places of a list.
    private static func withoutSynonyms(_ object: JSONObject) -> JSONObject {
        var object = object
        if let constant = object["const"] { constrain(&object, to: constant) }
        if let either = object["oneOf"] { object["anyOf"] = object["anyOf"] ?? either }
        // Places of a list have no schemas of their own here: each may hold any of them.
        if let places = object["items"]?.array ?? object["prefixItems"]?.array, object["items"]?.object == nil {
            object["items"] = places.count == 1 ? places[0] : places.isEmpty ? nil : ["anyOf": .array(places)]
        }
        return object
    }

    /// Writes a type, or of several types each as an alternative; null makes the schema nullable.
    private static func appendType(_ type: JSONValue, of object: JSONObject, _ out: inout JSONObject) {
        let types = type.array?.compactMap(\.string) ?? []
        guard !types.isEmpty else { return out.append("type", type) }
        let real = types.filter { $0 != "null" }
        if real.count > 1, object["anyOf"] == nil {
            out.append("anyOf", .array(real.map { ["type": .string($0)] }))
        } else {
            out.append("type", .string(real.first ?? "string"))
        }
        if types.contains("null") { out["nullable"] = true }
    }

    /// Texts to choose among, none of them empty; other values are said in words.
    private static func choose(
        among values: JSONValue, of type: JSONValue?, _ out: inout JSONObject, _ words: inout [String]
    ) {
        guard type.map({ $0 == "string" || $0.array?.contains("string") ?? false }) ?? true else {
            return words.append("one of \(values.text)")
        }
        let texts = (values.array ?? []).filter { !$0.isNull && !$0.isEmptyText }
        if !texts.isEmpty { out.append("enum", .array(texts.map { .string($0.string ?? $0.text) })) }
    }

    /// Adds to a schema's description what its keywords cannot say.
    static func describe(_ object: inout JSONObject, _ words: [String]) {
        let before = object["description"]?.string.map { $0 + " " } ?? ""
        object["description"] = .string(before + "(" + words.joined(separator: ", ") + ")")
    }

    /// A constant as an enumeration of one, with its type: other values than texts are no enumeration here.
    private static func constrain(_ object: inout JSONObject, to constant: JSONValue) {
        object["enum"] = [constant]
        guard object["type"] == nil else { return }
        switch constant {
        case .number: object["type"] = constant.int != nil ? "integer" : "number"
        case .bool: object["type"] = "boolean"
        case .null, .string, .unpaired, .array, .object: break
        }
    }

    /// An alternative that is null makes the schema nullable; what remains of two is the schema itself.
    private static func withoutNull(_ object: JSONObject) -> JSONObject {
        guard let branches = object["anyOf"]?.array, branches.contains(where: { $0["type"] == "null" }) else { return object }
        var object = object
        let rest = branches.filter { $0["type"] != "null" }
        object["nullable"] = true
        if rest.count == 1, let only = rest[0].object, only["$ref"] == nil {
            object["anyOf"] = nil
            for member in only.members where object[member.key] == nil { object.append(member.key, member.value) }
        } else {
            object["anyOf"] = rest.isEmpty ? nil : .array(rest)
        }
        return object
    }

    /// The references among the parts of `allOf`, put in.
    private static func resolved(
        _ object: JSONObject, _ definitions: [String: JSONValue], _ path: inout [String], _ budget: inout Int
    ) -> JSONObject {
        guard let parts = object["allOf"]?.array, parts.contains(where: { $0["$ref"] != nil }) else { return object }
        var object = object
        var whole: [JSONValue] = []
        for part in parts {
            guard let name = part["$ref"]?.string.flatMap({ SchemaRepair.definition($0) }) else {
                whole.append(part)
                continue
            }
            guard budget > 0, !path.contains(name), let found = definitions[name] else { continue }
            budget -= found.weight
            path.append(name)
            whole.append(found)
        }
        object["allOf"] = .array(whole)
        return object
    }

    /// `allOf` put into the schema it is in.
    static func merged(_ object: JSONObject) -> JSONObject {
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

    /// A schema without Google's own word for the order of properties, which no other vendor has.
    static func withoutOrder(_ schema: JSONValue) -> JSONValue {
        guard var object = schema.object else { return schema }
        object["propertyOrdering"] = nil
        return .object(SchemaRepair.mapped(object, withoutOrder))
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
        // Google writes 64-bit numbers as texts.
        for key in ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"] {
            if let number = object[key]?.string.flatMap({ Int($0) }) { object[key] = .int(number) }
        }
        if let example = object["example"], object["examples"] == nil {
            object["example"] = nil
            object["examples"] = [example]
        }
        if object["type"] == "TYPE_UNSPECIFIED" { object["type"] = nil }
        let isNullable = object["nullable"]?.bool == true
        object["nullable"] = nil
        if let type = object["type"]?.string {
            object["type"] = isNullable ? [.string(type.lowercased()), "null"] : .string(type.lowercased())
        } else if isNullable, let branches = object["anyOf"]?.array {
            object["anyOf"] = .array(branches + [["type": "null"]])
        }
        if isNullable, let values = object["enum"]?.array, !values.contains(.null) { object["enum"] = .array(values + [.null]) }
        return .object(object)
    }
}
