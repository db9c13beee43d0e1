/// JSON Schema as Gemini reads it in `parametersJsonSchema` and `responseJsonSchema` (ai.google.dev, GenerationConfig): nothing
/// stands beside `$ref` but what begins with a dollar sign, definitions are in `$defs`, and there is no `const`, `allOf` or
/// `nullable`. Everything else stays what it is. Only schema positions are walked.
struct GeminiJSONSchema {
    private let root: JSONValue
    /// How much may still be put in for references, which bounds what a schema can grow to.
    private var budget = GeminiSchema.mostGrowth

    static func fitted(_ schema: JSONValue) -> JSONValue {
        guard needsWork(schema) else { return schema }
        var fitting = GeminiJSONSchema(root: schema)
        return fitting.fitted(schema, [])
    }

    private init(root: JSONValue) { self.root = root }

    /// Whether there is anything to change. Nearly all schemas go as they came.
    private static func needsWork(_ schema: JSONValue) -> Bool {
        guard let object = schema.object else { return false }
        for member in object.members {
            switch member.key {
            case "const", "allOf", "nullable", "definitions": return true
            case "$ref":
                let isPlain = member.value.string?.hasPrefix("#/$defs/") ?? false
                if !isPlain || object.members.contains(where: { !$0.key.hasPrefix("$") }) { return true }
            case "enum":
                if !(member.value.array ?? []).allSatisfy(isListed) { return true }
            case "items":
                if member.value.array != nil || needsWork(member.value) { return true }
            case _ where SchemaRepair.single.contains(member.key):
                if needsWork(member.value) { return true }
            case _ where SchemaRepair.lists.contains(member.key):
                if (member.value.array ?? []).contains(where: needsWork) { return true }
            case _ where SchemaRepair.named.contains(member.key):
                if (member.value.object?.members ?? []).contains(where: { needsWork($0.value) }) { return true }
            default: break
            }
        }
        return false
    }

    /// What an enumeration may hold.
    private static func isListed(_ value: JSONValue) -> Bool {
        switch value {
        case .string, .number: true
        case .null, .bool, .unpaired, .array, .object: false
        }
    }

    /// `path` holds the references being put in.
    private mutating func fitted(_ schema: JSONValue, _ path: [String]) -> JSONValue {
        guard var object = schema.object else { return schema }
        if !path.isEmpty { budget -= 1 }
        Self.rename(&object)
        var path = path
        if let reference = object["$ref"]?.string {
            guard let inner = resolved(object, reference, path) else { return self.reference(object, reference, path) }
            return fitted(.object(inner), path + [reference])
        }
        if let parts = object["allOf"]?.array { object = joined(object, parts, &path) }
        if let reference = object["$ref"]?.string { return self.reference(object, reference, path) }
        Self.fitValues(&object)
        var members: [JSONObject.Member] = []
        for var member in object.members {
            if SchemaRepair.single.contains(member.key) {
                if member.value.object != nil { member.value = fitted(member.value, path) }
            } else if SchemaRepair.lists.contains(member.key), let list = member.value.array {
                member.value = .array(list.map { fitted($0, path) })
            } else if SchemaRepair.named.contains(member.key), let named = member.value.object {
                member.value = .object(JSONObject(named.members.map { .init(key: $0.key, value: fitted($0.value, path)) }))
            }
            members.append(member)
        }
        return .object(JSONObject(members))
    }

    // MARK: References

    /// What a reference with words beside it stands for, those words over its own; nil where it has to stay a reference.
    private mutating func resolved(_ object: JSONObject, _ reference: String, _ path: [String]) -> JSONObject? {
        let beside = object.members.filter { !$0.key.hasPrefix("$") }
        let isDefinition = reference.hasPrefix("#/$defs/") || reference.hasPrefix("#/definitions/")
        guard !beside.isEmpty || !isDefinition, !path.contains(reference), path.count < 32, budget > 0,
            var inner = target(reference)?.object
        else { return nil }
        budget -= JSONValue.object(inner).weight
        for member in beside { inner[member.key] = member.value }
        // The root's definitions are where they are looked for; a copy would only be carried about.
        for key in ["$defs", "definitions", "$schema", "$id"] { inner[key] = object[key] }
        return inner
    }

    /// A reference that stays. What describes it stands around it: an alternative of one.
    private mutating func reference(_ object: JSONObject, _ reference: String, _ path: [String]) -> JSONValue {
        let known = reference.hasPrefix("#/definitions/") ? "#/$defs/" + reference.dropFirst(14) : reference
        let isDescribed = object["title"] != nil || object["description"] != nil
        var out = JSONObject()
        for member in object.members {
            switch member.key {
            case "$ref": isDescribed ? out.append("anyOf", [["$ref": .string(known)]]) : out.append("$ref", .string(known))
            case "$defs":
                let named = member.value.object?.members ?? []
                out.append("$defs", .object(JSONObject(named.map { .init(key: $0.key, value: fitted($0.value, path)) })))
            case "title", "description": out.append(member.key, member.value)
            default: if member.key.hasPrefix("$") { out.append(member.key, member.value) }
            }
        }
        return .object(out)
    }

    /// What a local reference points to: `#`, or a path of names and numbers.
    private func target(_ reference: String) -> JSONValue? {
        guard reference.hasPrefix("#") else { return nil }
        var value = root
        for step in reference.dropFirst().split(separator: "/") {
            let name = SchemaRepair.unescaped(step)
            if let next = value[name] {
                value = next
            } else if let list = value.array, let index = Int(name), list.indices.contains(index) {
                value = list[index]
            } else {
                return nil
            }
        }
        return value
    }

    // MARK: Keywords

    /// `allOf` put into the schema it is in; references among its parts are put in first. One that has to stay is the only part.
    private mutating func joined(_ object: JSONObject, _ parts: [JSONValue], _ path: inout [String]) -> JSONObject {
        var object = object
        object["allOf"] = nil
        var whole: [JSONValue] = []
        for part in parts {
            guard var inner = part.object else { continue }
            if let reference = inner["$ref"]?.string {
                guard !path.contains(reference), path.count < 32, budget > 0, var found = target(reference)?.object else {
                    guard parts.count == 1 else { continue }
                    object["$ref"] = .string(reference)
                    return object
                }
                budget -= JSONValue.object(found).weight
                path.append(reference)
                for member in inner.members where member.key != "$ref" { found[member.key] = member.value }
                inner = found
            }
            if let nested = inner["allOf"]?.array, path.count < 32 { inner = joined(inner, nested, &path) }
            whole.append(.object(inner))
        }
        object["allOf"] = .array(whole)
        object = GeminiSchema.merged(object)
        object["allOf"] = nil
        return object
    }

    /// Keywords that have another name here.
    private static func rename(_ object: inout JSONObject) {
        if let old = object["definitions"]?.object {
            object["definitions"] = nil
            let known = object["$defs"]?.object?.members ?? []
            object["$defs"] = .object(
                JSONObject(known + old.members.filter { member in !known.contains { $0.key == member.key } }))
        }
        if let tuple = object["items"]?.array {
            object["items"] = nil
            if object["prefixItems"] == nil { object["prefixItems"] = .array(tuple) }
        }
    }

    /// Constants become enumerations of one, and null a type; what an enumeration cannot hold is told in words.
    private static func fitValues(_ object: inout JSONObject) {
        if let constant = object["const"] {
            object["const"] = nil
            object["enum"] = [constant]
            if object["type"] == nil { object["type"] = Self.type(of: constant) }
        }
        if object["nullable"]?.bool == true { allowNull(&object) }
        object["nullable"] = nil
        guard let values = object["enum"]?.array, !values.allSatisfy(isListed) else { return }
        let listed = values.filter(isListed)
        if values.contains(.null), object["type"]?.string != "null" { allowNull(&object) }
        let isTold = values.contains { !isListed($0) && !$0.isNull }
        if isTold || listed.isEmpty {
            object["enum"] = nil
            if isTold { GeminiSchema.describe(&object, ["one of \(JSONValue.array(values).text)"]) }
        } else {
            object["enum"] = .array(listed)
        }
    }

    private static func type(of value: JSONValue) -> JSONValue {
        switch value {
        case .string, .unpaired: "string"
        case .number: value.int != nil ? "integer" : "number"
        case .bool: "boolean"
        case .null: "null"
        case .array: "array"
        case .object: "object"
        }
    }

    private static func allowNull(_ object: inout JSONObject) {
        if let type = object["type"]?.string {
            if type != "null" { object["type"] = [.string(type), "null"] }
        } else if let types = object["type"]?.array {
            if !types.contains("null") { object["type"] = .array(types + ["null"]) }
        } else if let branches = object["anyOf"]?.array {
            if !branches.contains(where: { $0["type"] == "null" }) { object["anyOf"] = .array(branches + [["type": "null"]]) }
        }
    }
}
