/// Small repairs to the JSON schemas of tools. Only schema positions are walked: a property that is called like a keyword is data.
enum SchemaRepair {
    /// Keywords whose value is one schema, a list of schemas, or schemas by name.
    static let single: Set<String> = ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"]
    static let lists: Set<String> = ["anyOf", "oneOf", "allOf", "prefixItems"]
    static let named: Set<String> = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]

    /// A tool's schema as OpenAI servers want it: an object at the root, `properties` in every object, no `$schema`.
    static func forChat(_ schema: JSONValue?) -> JSONValue {
        var root = opened(schema.map(withoutNulls)?.object ?? [:])
        root["$schema"] = nil
        if root["type"]?.string != "object" { root["type"] = "object" }
        return withProperties(.object(root))
    }

    /// A tool's schema whose root is nothing but a reference, as the definition that it means: servers look for `properties` there.
    private static func opened(_ schema: JSONObject) -> JSONObject {
        guard let reference = schema["$ref"]?.string, let name = definition(reference) else { return schema }
        let place = reference.hasPrefix("#/definitions/") ? "definitions" : "$defs"
        guard let target = schema[place]?[name]?.object, target["$ref"] == nil else { return schema }
        var root = target
        // What is said beside the reference counts more.
        for member in schema.members where member.key != "$ref" { root[member.key] = member.value }
        return root
    }

    /// The name of the definition that a local reference means.
    static func definition(_ reference: String) -> String? { reference.split(separator: "/").last.map(unescaped) }

    /// A step of a JSON Pointer, which has its own escapes for two characters.
    static func unescaped(_ step: Substring) -> String {
        step.split(separator: "~1", omittingEmptySubsequences: false).joined(separator: "/")
            .split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
    }

    /// A schema without keywords that say null: so some programs write those that are not there, and no vendor takes them.
    static func withoutNulls(_ schema: JSONValue) -> JSONValue { saysNull(schema) ? stripped(schema) : schema }

    private static let nullable: Set<String> = ["const", "default", "example"]

    private static func saysNull(_ schema: JSONValue) -> Bool {
        guard let object = schema.object else { return false }
        return object.members.contains { member in
            if member.value.isNull { return !nullable.contains(member.key) }
            if single.contains(member.key) || lists.contains(member.key) {
                return member.value.array?.contains(where: saysNull) ?? saysNull(member.value)
            }
            return named.contains(member.key) && member.value.object?.members.contains { saysNull($0.value) } ?? false
        }
    }

    private static func stripped(_ schema: JSONValue) -> JSONValue {
        guard let object = schema.object else { return schema }
        let said = object.members.filter { !$0.value.isNull || nullable.contains($0.key) }
        return .object(mapped(JSONObject(said), stripped))
    }

    /// Adds an empty `properties` to every object schema that lacks it.
    private static func withProperties(_ schema: JSONValue) -> JSONValue {
        guard var object = schema.object else { return schema }
        object = mapped(object, withProperties)
        if object["type"]?.string == "object", object["properties"] == nil { object["properties"] = [:] }
        return .object(object)
    }

    /// `object` with every schema right below it changed.
    static func mapped(_ object: JSONObject, _ change: (JSONValue) -> JSONValue) -> JSONObject {
        JSONObject(
            object.members.map { member in
                var member = member
                if single.contains(member.key) {
                    if let list = member.value.array {
                        member.value = .array(list.map(change))
                    } else if member.value.object != nil {
                        member.value = change(member.value)
                    }
                } else if lists.contains(member.key), let list = member.value.array {
                    member.value = .array(list.map(change))
                } else if named.contains(member.key), let named = member.value.object {
                    member.value = .object(JSONObject(named.members.map { .init(key: $0.key, value: change($0.value)) }))
                }
                return member
            })
    }

    /// Whether a schema is in the subset OpenAI enforces: every object closed, every property required.
    static func isStrict(_ schema: JSONValue) -> Bool {
        guard let object = schema.object else { return true }
        if object["type"]?.string == "object" || object["properties"] != nil {
            guard object["additionalProperties"]?.bool == false else { return false }
            let required = Set(object["required"]?.array?.compactMap(\.string) ?? [])
            let names = object["properties"]?.object?.members.map(\.key) ?? []
            guard names.allSatisfy({ required.contains($0) }) else { return false }
        }
        for member in object.members {
            if single.contains(member.key), !isStrict(member.value) { return false }
            if lists.contains(member.key), !(member.value.array ?? []).allSatisfy(isStrict) { return false }
            if named.contains(member.key), !(member.value.object?.members ?? []).allSatisfy({ isStrict($0.value) }) {
                return false
            }
        }
        return true
    }

    /// Whether a schema contains itself by its local references.
    static func isRecursive(_ schema: JSONValue) -> Bool {
        var definitions: [String: JSONValue] = ["#": schema]
        for key in ["$defs", "definitions"] {
            for member in schema[key]?.object?.members ?? [] { definitions["#/\(key)/\(member.key)"] = member.value }
        }
        var edges: [String: [String]] = [:]
        for (name, definition) in definitions { edges[name] = references(in: definition, isRoot: name == "#") }
        // A definition is done once everything it leads to is; one that is met again before that contains itself.
        var isDone: [String: Bool] = [:]
        var stack = definitions.keys.sorted().map { (name: $0, leaves: false) }
        while let (name, leaves) = stack.popLast() {
            if leaves {
                isDone[name] = true
                continue
            }
            if let done = isDone[name] {
                if done { continue }
                return true
            }
            isDone[name] = false
            stack.append((name, true))
            for next in edges[name] ?? [] where isDone[next] != true {
                if isDone[next] == false { return true }
                stack.append((next, false))
            }
        }
        return false
    }

    /// The local references in a schema; those in the root's definitions are the definitions' own.
    private static func references(in schema: JSONValue, isRoot: Bool) -> [String] {
        var found: [String] = []
        var waiting: [JSONValue] = [schema]
        var isFirst = isRoot
        while let value = waiting.popLast() {
            switch value {
            case .array(let items): waiting += items
            case .object(let object):
                for member in object.members {
                    if member.key == "$ref", let name = member.value.string {
                        found.append(name)
                    } else if !isFirst || (member.key != "$defs" && member.key != "definitions") {
                        waiting.append(member.value)
                    }
                }
                isFirst = false
            case .null, .bool, .number, .string, .unpaired: continue
            }
        }
        return found
    }

    /// A tool's schema as Anthropic wants it: an object at the root, and no alternatives there (conversion.md 3.2.4).
    static func forMessages(_ schema: JSONValue?) -> JSONValue {
        guard let given = schema.map(withoutNulls)?.object, !given.isEmpty else { return ["type": "object", "properties": [:]] }
        var root = opened(given)
        for keyword in ["anyOf", "oneOf", "allOf"] {
            guard let branches = root[keyword]?.array else { continue }
            root[keyword] = nil
            root = merged(root, branches, isAll: keyword == "allOf")
        }
        if root["type"]?.string != "object" {
            let rest = root.members.filter { $0.key != "type" }
            root = JSONObject([.init(key: "type", value: "object")] + rest)
        }
        return .object(root)
    }

    /// The properties of all branches in one object; required is what all of them (for `allOf`: any of them) require.
    private static func merged(_ root: JSONObject, _ branches: [JSONValue], isAll: Bool) -> JSONObject {
        var root = root
        var properties = root["properties"]?.object?.members ?? []
        var known = Set(properties.map(\.key))
        var required: [String]?
        for branch in branches {
            for member in branch["properties"]?.object?.members ?? [] where known.insert(member.key).inserted {
                properties.append(member)
            }
            let names = branch["required"]?.array?.compactMap(\.string) ?? []
            if let sofar = required {
                let (old, new) = (Set(sofar), Set(names))
                required = isAll ? sofar + names.filter { !old.contains($0) } : sofar.filter { new.contains($0) }
            } else {
                required = names
            }
        }
        root["properties"] = .object(JSONObject(properties))
        let own = root["required"]?.array?.compactMap(\.string) ?? []
        let ownSet = Set(own)
        let all = own + (required ?? []).filter { !ownSet.contains($0) }
        root["required"] = all.isEmpty ? nil : .array(all.map { .string($0) })
        return root
    }
}
