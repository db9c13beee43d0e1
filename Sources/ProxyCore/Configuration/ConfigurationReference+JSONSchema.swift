import Basics

extension ConfigurationReference {
    /// `docs/reference/proxy.schema.json`: JSON Schema, draft 7, which editors know best.
    public static func jsonSchema() -> String {
        // An included file needs no key, so none is required at the top.
        let members = contents(Schema.Root.mapping).members
        return SmallJSON.object([
            ("$schema", .string("http://json-schema.org/draft-07/schema#")),
            ("title", .string("proxy.yaml")),
            ("description", .string("Configuration of proxyd. Made from its schema by `make reference`.")),
            ("type", .string("object")),
            ("properties", members),
            ("patternProperties", .object([("^x-", .object([]))])),
            ("additionalProperties", .literal("false")),
        ]).text(.indented) + "\n"
    }

    private static func contents(_ mapping: Schema.Mapping) -> (members: SmallJSON, required: SmallJSON) {
        let members = mapping.keys.map { ($0.name, described($0)) }
        let required = mapping.keys.filter { $0.absence == .required }.map { SmallJSON.string($0.name) }
        return (.object(members), .array(required))
    }

    private static func described(_ key: any Schema.AnyKey) -> SmallJSON {
        var doc = key.doc
        if let inactive = key.inactive { doc += " Not active in this version: \(inactive)." }
        var members: [(String, SmallJSON)] = [("description", .string(doc))]
        if case .value(let text) = key.absence, text != "{}", text != "[]" {
            members.append(("default", defaultValue(text, key.shape)))
        }
        return .object(members + body(key.shape))
    }

    /// The default in its JSON type, where it has one.
    private static func defaultValue(_ text: String, _ shape: Schema.Shape) -> SmallJSON {
        guard case .scalar(let scalar) = shape else { return .string(text) }
        let isLiteral = scalar.json.contains { $0 != .string } && (SmallJSON.isNumber(text) || ["true", "false"].contains(text))
        return isLiteral ? .literal(text) : .string(text)
    }

    private static func body(_ shape: Schema.Shape) -> [(String, SmallJSON)] {
        switch shape {
        case .scalar(let scalar):
            return body(scalar)
        case .list(let item):
            return [("type", .array([.string("array"), .string("null")])), ("items", .object(body(item)))]
        case .oneOrList(let item):
            let one = SmallJSON.object(body(item))
            return [("anyOf", .array([one, .object([("type", .string("array")), ("items", one)])]))]
        case .entries(let item, _):
            return [
                ("type", .array([.string("object"), .string("null")])),
                ("additionalProperties", .object(body(item))),
            ]
        case .mapping(let mapping):
            let (members, required) = contents(mapping)
            var body: [(String, SmallJSON)] = [
                ("type", .array([.string("object"), .string("null")])),
                ("properties", members),
                ("additionalProperties", .literal("false")),
            ]
            if case .array(let names) = required, !names.isEmpty { body.append(("required", required)) }
            return body
        case .either(let short, let long, _):
            return [("anyOf", .array([short, long].map { .object(body($0)) }))]
        case .json:
            return [("type", .array([.string("object"), .string("null")]))]
        }
    }

    private static func body(_ scalar: Schema.Scalar) -> [(String, SmallJSON)] {
        let reference = SmallJSON.object([("type", .string("string")), ("pattern", .string("\\$\\{"))])
        if !scalar.choices.isEmpty {
            // Words that may be written in any case of letters have a pattern besides.
            let others = scalar.pattern.map {
                SmallJSON.object([("type", .string("string")), ("pattern", .string("^(\($0))$"))])
            }
            let words = SmallJSON.object([("enum", .array(scalar.choices.map { .string($0) }))])
            return [("anyOf", .array([words] + (others.map { [$0] } ?? []) + [reference]))]
        }
        var forms: [SmallJSON] = []
        for type in scalar.json where type != .string { forms.append(.object([("type", .string(type.rawValue))])) }
        guard let pattern = scalar.pattern else {
            return forms.isEmpty ? [("type", .string("string"))] : [("type", .array(scalar.json.map { .string($0.rawValue) }))]
        }
        // A quoted number is the same to proxyd, and a reference may stand for anything.
        forms.append(.object([("type", .string("string")), ("pattern", .string("^(\(pattern))$"))]))
        return [("anyOf", .array(forms + [reference]))]
    }
}
