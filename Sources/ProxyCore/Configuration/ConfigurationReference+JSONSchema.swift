import Basics

extension ConfigurationReference {
    /// `docs/reference/proxy.schema.json`: JSON Schema, draft 7, which editors know best.
    ///
    /// It says what the checker says, but for what a schema cannot: names that others refer to, conditions, files that have to be
    /// there, bounds of numbers with units. Tests/BlackBox compares the two on generated files.
    public static func jsonSchema() -> String {
        // An included file needs no key, so none is required at the top.
        var writer = SchemaWriter()
        let members = writer.contents(Schema.Root.mapping).members
        return SmallJSON.object([
            ("$schema", .string("http://json-schema.org/draft-07/schema#")),
            ("title", .string("proxy.yaml")),
            ("description", .string("Configuration of proxyd. Made from its schema by `make reference`.")),
            ("type", .string("object")),
            ("properties", members),
            ("patternProperties", .object([("^x-", .object([]))])),
            ("additionalProperties", .literal("false")),
            ("definitions", .object(writer.definitions)),
        ]).text(.indented) + "\n"
    }
}

/// Writes shapes as JSON Schema. What lists hold is written once.
private struct SchemaWriter {
    private(set) var definitions: [(String, SmallJSON)] = []

    mutating func contents(_ mapping: Schema.Mapping) -> (members: SmallJSON, required: [String]) {
        var members: [(String, SmallJSON)] = []
        for key in mapping.keys { members.append((key.name, described(key))) }
        return (.object(members), mapping.keys.filter { $0.absence == .required }.map(\.name))
    }

    private mutating func described(_ key: any Schema.AnyKey) -> SmallJSON {
        var doc = key.doc
        if let inactive = key.inactive { doc += " Not active in this version: \(inactive)." }
        var members: [(String, SmallJSON)] = [("description", .string(doc))]
        if case .value(let text) = key.absence, text != "{}", text != "[]" {
            members.append(("default", defaultValue(text, key.shape)))
        }
        return .object(members + body(key.shape, of: key.name, isNonEmpty: key.isNonEmpty))
    }

    /// The default in its JSON type, where it has one.
    private func defaultValue(_ text: String, _ shape: Schema.Shape) -> SmallJSON {
        guard case .scalar(let scalar) = shape else { return .string(text) }
        let isLiteral = scalar.json.contains { $0 != .string } && (SmallJSON.isNumber(text) || ["true", "false"].contains(text))
        return isLiteral ? .literal(text) : .string(text)
    }

    private mutating func body(_ shape: Schema.Shape, of name: String, isNonEmpty: Bool = false) -> [(String, SmallJSON)] {
        switch shape {
        case .scalar(let scalar):
            return body(scalar)
        case .list(let item):
            return list(item, of: name, isNonEmpty: isNonEmpty)
        case .oneOrList(let item):
            let one = reference(item, of: name)
            return [
                ("anyOf", .array([one, .object([("type", .string("array")), ("items", one)] + least("minItems", isNonEmpty))]))
            ]
        case .entries(let item, let naming):
            return type("object", orNull: !isNonEmpty) + names(naming) + entries(item, of: name)
                + least("minProperties", isNonEmpty)
                + (naming == "tag" ? [("maxProperties", .literal("\(UsageRecord.maximumTags)"))] : [])
        case .mapping(let mapping):
            return body(mapping)
        case .either(let short, let long, _):
            // Nothing is read as the short form.
            var spelledOut = body(long, of: name)
            for index in spelledOut.indices where spelledOut[index].0 == "type" { spelledOut[index].1 = .string("object") }
            return [("anyOf", .array([.object(body(short, of: name)), .object(spelledOut)]))]
        case .json:
            typealias Fields = Schema.Kind<[RequestField]>
            let kept = SmallJSON.array(Fields.untouchableNames.map { .string($0) })
            let number = SmallJSON.object([
                ("anyOf", .array([.object(body(Fields.numberForm)), .object(type("null", orNull: false))]))
            ])
            return type("object", orNull: true) + [
                ("properties", .object(Fields.numericNames.map { ($0, number) })),
                ("propertyNames", .object([("not", .object([("enum", kept)]))])),
            ]
        }
    }

    private mutating func body(_ mapping: Schema.Mapping) -> [(String, SmallJSON)] {
        let (members, required) = contents(mapping)
        let isOptional = required.isEmpty && !mapping.demands.contains(where: \.isForSome)
        var body = type("object", orNull: isOptional)
        body += [("properties", members), ("additionalProperties", .literal("false"))]
        if !required.isEmpty { body.append(("required", .array(required.map { .string($0) }))) }
        if !mapping.demands.isEmpty { body.append(("allOf", .array(mapping.demands.map(Self.demand)))) }
        return body
    }

    private static func demand(_ demand: Schema.Demand) -> SmallJSON {
        func required(_ names: [String]) -> SmallJSON { .object([("required", .array(names.map { .string($0) }))]) }
        return switch demand {
        case .any(let groups): .object([("anyOf", .array(groups.map(required)))])
        case .one(let groups): .object([("oneOf", .array(groups.map(required)))])
        case .not(let names): .object([("not", required(names))])
        case .needs(let name, let other): .object([("dependencies", .object([(name, .array([.string(other)]))]))])
        }
    }

    // MARK: Lists and names

    /// A single item stands for a list of one, but a text with a comma.
    private mutating func list(_ item: Schema.Shape, of name: String, isNonEmpty: Bool) -> [(String, SmallJSON)] {
        let one = reference(item, of: name)
        let array = type("array", orNull: !isNonEmpty) + [("items", one)] + least("minItems", isNonEmpty)
        guard item.takesSingle else { return array }
        let commas = SmallJSON.object([
            ("type", .string("string")), ("pattern", .string("^(?![\\s\\S]*\\$\\{)[\\s\\S]*,")),
        ])
        let single = item.takesScalar ? SmallJSON.object([("allOf", .array([one])), ("not", commas)]) : one
        return [("anyOf", .array([.object(array), single]))]
    }

    /// The shape, where it is large by a name.
    private mutating func reference(_ shape: Schema.Shape, of name: String) -> SmallJSON {
        let body = SmallJSON.object(body(shape, of: name))
        if case .scalar = shape { return body }
        let text = body.text()
        var own = name
        var count = 1
        while let known = definitions.first(where: { $0.0 == own })?.1, known.text() != text {
            count += 1
            own = "\(name)-\(count)"
        }
        if !definitions.contains(where: { $0.0 == own }) { definitions.append((own, body)) }
        return .object([("$ref", .string("#/definitions/\(own)"))])
    }

    private mutating func entries(_ item: Schema.Shape, of name: String) -> [(String, SmallJSON)] {
        let prices = Schema.Root.prices.name
        guard name == prices, case .either(_, let price, _) = item else {
            return [("additionalProperties", .object(body(item, of: name)))]
        }
        // One key has a meaning of its own there.
        return [
            ("properties", .object([(Schema.PricesKeys.unknown.name, .object(body(item, of: name)))])),
            ("additionalProperties", .object(body(price, of: name))),
        ]
    }

    private func names(_ naming: String) -> [(String, SmallJSON)] {
        let pattern: String
        switch naming {
        case "upstream", "policy": pattern = "^\(Schema.Pattern.name)$"
        case "header": pattern = "^\(Schema.Pattern.headerName)$"
        case "collector-header": pattern = "^\(Schema.Pattern.collectorHeader)$"
        default: return []
        }
        return [("propertyNames", .object([("pattern", .string(pattern))]))]
    }

    private func type(_ name: String, orNull: Bool) -> [(String, SmallJSON)] {
        [("type", orNull ? .array([.string(name), .string("null")]) : .string(name))]
    }

    private func least(_ keyword: String, _ isNonEmpty: Bool) -> [(String, SmallJSON)] {
        isNonEmpty ? [(keyword, .literal("1"))] : []
    }

    // MARK: Scalars

    private func body(_ scalar: Schema.Scalar) -> [(String, SmallJSON)] {
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
        for type in scalar.json where type != .string {
            var form: [(String, SmallJSON)] = [("type", .string(type.rawValue))]
            if let least = scalar.least { form.append(("minimum", .literal("\(least)"))) }
            if let most = scalar.most { form.append(("maximum", .literal("\(most)"))) }
            forms.append(.object(form))
        }
        guard let pattern = scalar.pattern else {
            return [("type", scalar.json.count == 1 ? .string("string") : .array(scalar.json.map { .string($0.rawValue) }))]
        }
        // A quoted number is the same to proxyd, and a reference may stand for anything.
        forms.append(.object([("type", .string("string")), ("pattern", .string("^(\(pattern))$"))]))
        return [("anyOf", .array(forms + [reference]))]
    }
}
