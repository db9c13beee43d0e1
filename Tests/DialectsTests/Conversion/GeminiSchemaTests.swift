import Testing

@testable import Dialects

@Suite("Schemas for Gemini")
struct GeminiSchemaTests {
    private static let fitRows: [(String, String)] = [
        // Nothing to do: as it came.
        (
            ##"{"type":"object","properties":{"const":{"type":"string","pattern":"a"},"x":{"$ref":"#/$defs/X"}},"$defs":{"X":{"type":"object"}}}"##,
            ##"{"type":"object","properties":{"const":{"type":"string","pattern":"a"},"x":{"$ref":"#/$defs/X"}},"$defs":{"X":{"type":"object"}}}"##
        ),
        // Words beside a reference: what it refers to is put in, and they count more.
        (
            ##"{"properties":{"a":{"$ref":"#/$defs/X","description":"mine"}},"$defs":{"X":{"type":"object","description":"its","properties":{"s":{"type":"string"}}}}}"##,
            ##"{"properties":{"a":{"type":"object","description":"mine","properties":{"s":{"type":"string"}}}},"$defs":{"X":{"type":"object","description":"its","properties":{"s":{"type":"string"}}}}}"##
        ),
        // A schema that contains itself keeps its reference, its words around it.
        (
            ##"{"$ref":"#/$defs/N","$defs":{"N":{"type":"object","properties":{"next":{"$ref":"#/$defs/N","description":"d"}}}}}"##,
            ##"{"$ref":"#/$defs/N","$defs":{"N":{"type":"object","properties":{"next":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/N"}],"description":"d"}},"description":"d"}}}}}"##
        ),
        // The older name of definitions.
        (
            ##"{"properties":{"a":{"$ref":"#/definitions/X"}},"definitions":{"X":{"type":"string"}}}"##,
            ##"{"properties":{"a":{"$ref":"#/$defs/X"}},"$defs":{"X":{"type":"string"}}}"##
        ),
        (##"{"const":"a"}"##, ##"{"enum":["a"],"type":"string"}"##),
        (##"{"const":7}"##, ##"{"enum":[7],"type":"integer"}"##),
        (##"{"const":true}"##, ##"{"type":"boolean","description":"(one of [true])"}"##),
        (##"{"type":"string","nullable":true}"##, ##"{"type":["string","null"]}"##),
        (##"{"type":"string","enum":["a",null]}"##, ##"{"type":["string","null"],"enum":["a"]}"##),
        (##"{"type":"integer","enum":[1,2]}"##, ##"{"type":"integer","enum":[1,2]}"##),
        (
            ##"{"properties":{"a":{"allOf":[{"$ref":"#/$defs/X"}],"description":"d"}},"$defs":{"X":{"type":"object"}}}"##,
            ##"{"properties":{"a":{"description":"d","type":"object"}},"$defs":{"X":{"type":"object"}}}"##
        ),
        (##"{"type":"array","items":[{"type":"string"}]}"##, ##"{"type":"array","prefixItems":[{"type":"string"}]}"##),
    ]

    private static let subsetRows: [(String, String)] = [
        (##"{"anyOf":[{"type":"string"},{"type":"null"}]}"##, ##"{"nullable":true,"type":"string"}"##),
        (##"{"type":["string","integer"]}"##, ##"{"anyOf":[{"type":"string"},{"type":"integer"}]}"##),
        (##"{"type":["string","null"]}"##, ##"{"type":"string","nullable":true}"##),
        (##"{"const":5}"##, ##"{"type":"integer","description":"(one of [5])"}"##),
        (##"{"type":"string","enum":["a",null]}"##, ##"{"type":"string","enum":["a"]}"##),
        (##"{"enum":["","x"]}"##, ##"{"enum":["x"],"type":"string"}"##),
        (##"{"type":"string","enum":[""]}"##, ##"{"type":"string"}"##),
        (##"{"type":"array"}"##, ##"{"type":"array","items":{"type":"string"}}"##),
        (
            ##"{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false}"##,
            ##"{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"integer"}]}}"##
        ),
        (
            ##"{"type":"array","items":[{"type":"string"},{"type":"integer"}]}"##,
            ##"{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"integer"}]}}"##
        ),
        (
            ##"{"properties":{"a":{"$ref":"#/definitions/a~1b~0"}},"definitions":{"a/b~":{"type":"string"}}}"##,
            ##"{"properties":{"a":{"type":"string"}}}"##
        ),
        (
            ##"{"properties":{"a":{"$ref":"#/$defs/X","description":"mine"}},"$defs":{"X":{"type":"object","description":"its"}}}"##,
            ##"{"properties":{"a":{"type":"object","description":"mine"}}}"##
        ),
    ]

    private static let googleRows: [(String, String)] = [
        (
            ##"{"type":"ARRAY","min_items":"2","items":{"type":"STRING","nullable":true,"enum":["a"]}}"##,
            ##"{"type":"array","minItems":2,"items":{"type":["string","null"],"enum":["a",null]}}"##
        ),
        (
            ##"{"anyOf":[{"type":"STRING"}],"nullable":true,"example":"x"}"##,
            ##"{"anyOf":[{"type":"string"},{"type":"null"}],"examples":["x"]}"##
        ),
        (##"{"type":"TYPE_UNSPECIFIED"}"##, "{}"),
    ]

    private static let claudeRows: [(String, String)] = [
        (
            ##"{"oneOf":[{"type":"object","properties":{"v":{"type":"number","multipleOf":0.5}}},{"type":"null"}]}"##,
            ##"{"anyOf":[{"type":"object","properties":{"v":{"type":"number","description":"(multipleOf: 0.5)"}},"additionalProperties":false},{"type":"null"}]}"##
        ),
        (##"{"type":"string","nullable":true}"##, ##"{"type":["string","null"]}"##),
        (
            ##"{"type":["object","null"],"additionalProperties":{"type":"string"}}"##,
            ##"{"type":["object","null"],"additionalProperties":false,"description":"(additionalProperties: {\"type\":\"string\"})"}"##
        ),
        (##"{"allOf":[{"$ref":"#/$defs/X"}]}"##, ##"{"$ref":"#/$defs/X"}"##),
        (##"{"type":"string","not":{"const":"a"}}"##, ##"{"type":"string","description":"(not: {\"const\":\"a\"})"}"##),
    ]

    private func parsed(_ text: String) throws -> JSONValue { try JSONValue(parsing: text) }

    @Test(
        "JSON Schema: nothing stands beside a reference, and other vendors' words become Gemini's",
        arguments: fitRows)
    func fitted(_ given: String, _ wanted: String) throws {
        #expect(try GeminiJSONSchema.fitted(parsed(given)) == parsed(wanted))
    }

    @Test("a reference of `allOf` to what it is in ends, in both forms")
    func recursion() throws {
        let schema = try parsed(
            ##"{"$ref":"#/$defs/X","$defs":{"X":{"type":"object","properties":{"c":{"allOf":[{"$ref":"#/$defs/X"},{"description":"d"}]}}}}}"##
        )
        #expect(GeminiJSONSchema.fitted(schema)["$defs"]?["X"]?["properties"]?["c"]?["type"] == "object")
        #expect(GeminiSchema.cleaned(schema)["properties"]?["c"]?["description"] == "d")
    }

    @Test("references that multiply are bounded")
    func growth() throws {
        // Long enough that the bound is soon met.
        let description = String(repeating: "d", count: 600)
        var definitions: [String] = []
        for level in 0..<24 {
            let next = "{\"$ref\":\"#/$defs/L\(level + 1)\",\"description\":\"\(description)\"}"
            definitions.append("\"L\(level)\":{\"type\":\"object\",\"properties\":{\"a\":\(next),\"b\":\(next)}}")
        }
        definitions.append("\"L24\":{\"type\":\"string\"}")
        let schema = try parsed("{\"$ref\":\"#/$defs/L0\",\"title\":\"t\",\"$defs\":{\(definitions.joined(separator: ","))}}")
        #expect(GeminiJSONSchema.fitted(schema).bytes.count < 32 << 20)
    }

    @Test("one long definition that is referred to often is not written often", arguments: [true, false])
    func longDefinition(_ isJSONSchema: Bool) throws {
        let long = String(repeating: "x", count: 1 << 20)
        let uses = (0..<200).map { "\"p\($0)\":{\"$ref\":\"#/$defs/L\",\"description\":\"d\($0)\"}" }
        let text = "{\"type\":\"string\",\"description\":\"e\",\"enum\":[\"\(long)\"]}"
        let schema = try parsed(
            "{\"type\":\"object\",\"properties\":{\(uses.joined(separator: ","))},\"$defs\":{\"L\":\(text)}}")
        let made = isJSONSchema ? GeminiJSONSchema.fitted(schema) : GeminiSchema.cleaned(schema)
        #expect(made.bytes.count < 12 << 20)
    }

    @Test(
        "OpenAPI's subset: null, several types, constants and what is said beside a reference",
        arguments: subsetRows)
    func cleaned(_ given: String, _ wanted: String) throws {
        #expect(try GeminiSchema.cleaned(parsed(given)) == parsed(wanted))
    }

    @Test(
        "a Gemini client's schema as JSON Schema",
        arguments: googleRows)
    func standard(_ given: String, _ wanted: String) throws {
        #expect(try GeminiSchema.standard(parsed(given)) == parsed(wanted))
    }

    @Test(
        "Claude's structured outputs: alternatives, null and what is not enforced, at every depth",
        arguments: claudeRows)
    func structured(_ given: String, _ wanted: String) throws {
        #expect(try MessagesSchema.cleaned(parsed(given)) == parsed(wanted))
    }
}
