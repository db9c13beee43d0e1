import Testing

@testable import Dialects

@Suite("What other vendors left in a history")
struct HistorySanitizerTests {
    static let foreign = SignatureEnvelope(family: .gemini, model: "g", kind: .think, original: "s").encoded
    static func own(_ family: SignatureEnvelope.Family) -> String {
        SignatureEnvelope(family: family, model: "m", kind: .think, original: "mine").encoded
    }

    static func cleaned(_ body: JSONValue, _ dialect: ClientDialect, _ model: String = "m") -> JSONValue? {
        body.bytes.withUnsafeBytes { HistorySanitizer.cleaned($0, for: dialect, model: model) }.flatMap {
            try? JSONValue(parsing: $0)
        }
    }

    static func assistant(_ blocks: JSONValue...) -> JSONValue {
        ["messages": [["role": "user", "content": "a"], ["role": "assistant", "content": .array(blocks)]]]
    }

    @Test("a body without any of it is left alone", arguments: ClientDialect.allCases)
    func untouched(_ dialect: ClientDialect) {
        #expect(Self.cleaned(["messages": [["role": "user", "content": "pxd1. is a word"]]], dialect, "gemini-3-pro") == nil)
    }

    @Test("Anthropic: another's thought goes, its own comes out of the envelope")
    func messages() {
        let text: JSONValue = ["type": "text", "text": "x"]
        let thought: JSONValue = ["type": "thinking", "thinking": "t", "signature": .string(Self.foreign)]
        #expect(Self.cleaned(Self.assistant(thought, text), .anthropic) == Self.assistant(text))
        let signed: JSONValue = ["type": "thinking", "thinking": "t", "signature": .string(Self.own(.anthropic))]
        let plain: JSONValue = ["type": "thinking", "thinking": "t", "signature": "mine"]
        #expect(Self.cleaned(Self.assistant(signed, text), .anthropic) == Self.assistant(plain, text))
    }

    @Test("Anthropic: a budget to think goes when the last calls have no thoughts before them", arguments: [true, false])
    func budget(_ hasThought: Bool) {
        let call: JSONValue = ["type": "tool_use", "id": "t", "name": "f", "input": [:]]
        let thought: JSONValue = ["type": "thinking", "thinking": "t", "signature": "theirs"]
        var body = (hasThought ? Self.assistant(thought, call) : Self.assistant(call)).object ?? [:]
        body.append("thinking", ["type": "enabled", "budget_tokens": 1024])
        let cleaned = Self.cleaned(.object(body), .anthropic)
        if hasThought { #expect(cleaned == nil) } else { #expect(cleaned?.object?.count == 1) }
    }

    static let thinking = #""thinking":{"type":"enabled","budget_tokens":1024}"#
    static func user(_ content: String) -> String { #"{"role":"user","content":\#(content)}"# }
    static func said(_ blocks: String...) -> String {
        #"{"role":"assistant","content":[\#(blocks.joined(separator: ","))]}"#
    }
    static let thought = #"{"type":"thinking","thinking":"t","signature":"theirs"}"#
    static let hidden = #"{"type":"redacted_thinking","data":"theirs"}"#
    static func call(_ id: String) -> String { #"{"type":"tool_use","id":"\#(id)","name":"f","input":{}}"# }
    static func result(_ id: String, _ more: String = "") -> String {
        user(#"[{"type":"tool_result","tool_use_id":"\#(id)","content":"x"}\#(more)]"#)
    }
    static func cleaned(_ body: String) -> String? {
        withBytes(body) { HistorySanitizer.cleaned($0, for: .anthropic, model: "m") }.map(text)
    }

    @Test(
        "Anthropic: a budget to think stays, and every byte with it, unless another vendor made the last turn's calls",
        arguments: [
            // A loop of calls is one turn: its thoughts stand before the first.
            [said(thought, call("toolu_1")), result("toolu_1"), said(call("toolu_2")), result("toolu_2")],
            [said(thought, call("a")), result("a"), said(call("b")), result("b")],
            [said(hidden, call("a")), result("a"), said(call("b")), result("b")],
            // A client that lost its thoughts hears that from the vendor.
            [said(call("toolu_1")), result("toolu_1")], [said(call("srvtoolu_1")), result("srvtoolu_1")],
            // The user's words end the turn.
            [said(call("a")), result("a"), said(#"{"type":"text","text":"x"}"#), user(#""so?""#)],
            [said(call("a")), result("a", #",{"type":"text","text":"so?"}"#)],
            [said(call("a")), result("a"), user(#"[{"type":"text","text":"so?"}]"#), said(thought, call("b")), result("b")],
            [said(#"{"type":"text","text":"x"}"#)], [#"{"role":"assistant","content":"x"}"#], [],
        ])
    func legitimate(_ history: [String]) {
        let messages = ([Self.user(#""a""#)] + history).joined(separator: " , ")
        let body = "{\(Self.thinking), \"messages\" : [\(messages)]}"
        #expect(Self.cleaned(body) == nil)
    }

    @Test(
        "Anthropic: only the budget goes, all other bytes stay",
        arguments: [
            [said(call("call_1")), result("call_1")],
            [said(call("call_1")), result("call_1"), said(call("toolu_2")), result("toolu_2")],
            [said(thought, call("toolu_1")), result("toolu_1"), user(#""so?""#), said(call("call_1")), result("call_1")],
        ])
    func foreign(_ history: [String]) {
        let messages = #""messages" : [{"role":"user","content":"\u00e9"}, \#(history.joined(separator: " , "))]"#
        #expect(Self.cleaned("{ \"a\": 1.0, \(Self.thinking), \(messages) }") == "{ \"a\": 1.0, \(messages) }")
        let adaptive = "{\"thinking\":{\"type\":\"adaptive\"},\(messages)}"
        #expect(Self.cleaned(adaptive) == nil)
    }

    @Test("Anthropic: another's thoughts are none, whoever the ids are from")
    func foreignThoughts() {
        let signature = #"{"type":"thinking","thinking":"t","signature":"\#(Self.foreign)"}"#
        func body(_ budget: String, _ blocks: String...) -> String {
            let turn = #"{"role":"assistant","content":[\#(blocks.joined(separator: ","))]}"#
            return "{\(budget)\"messages\":[\(Self.user(#""a""#)),\(turn),\(Self.result("toolu_1"))]}"
        }
        let budget = Self.thinking + ","
        #expect(Self.cleaned(body(budget, signature, Self.call("toolu_1"))) == body("", Self.call("toolu_1")))
        let both = body(budget, Self.thought, signature, Self.call("toolu_1"))
        #expect(Self.cleaned(both) == body(budget, Self.thought, Self.call("toolu_1")))
    }

    @Test("what was empty before stays, and a body in which nothing changes keeps its bytes")
    func empty() {
        let word: JSONValue = ["role": "user", "content": [["type": "text", "text": "pxd1. is a word"]]]
        let none: JSONValue = ["role": "user", "content": []]
        #expect(Self.cleaned(["messages": [word, none]], .anthropic) == nil)
        let thought: JSONValue = ["type": "thinking", "thinking": "t", "signature": .string(Self.foreign)]
        let signature: JSONValue = ["role": "assistant", "content": [thought]]
        #expect(Self.cleaned(["messages": [word, signature, none]], .anthropic) == ["messages": [word, none]])

        let chunk: JSONValue = ["role": "user", "parts": [["text": "cHhkMS is a word"]]]
        let bare: JSONValue = ["role": "user", "parts": []]
        #expect(Self.cleaned(["contents": [chunk, bare, "odd"]], .gemini, "gemini-3-pro") == nil)
        let part: JSONValue = [
            "text": "t", "thought": true, "thoughtSignature": .string(SignatureEnvelope.base64(Self.own(.anthropic))),
        ]
        let model: JSONValue = ["role": "model", "parts": [part]]
        let kept: JSONValue = ["contents": [chunk, bare, "odd"]]
        #expect(Self.cleaned(["contents": [chunk, model, bare, "odd"]], .gemini, "gemini-3-pro") == kept)
    }

    @Test("Responses: another's item goes, its own comes out of the envelope")
    func responses() {
        let body: JSONValue = [
            "input": [
                ["type": "reasoning", "summary": [], "encrypted_content": .string(Self.foreign)],
                ["type": "reasoning", "summary": [], "encrypted_content": .string(Self.own(.openai))],
            ]
        ]
        #expect(
            Self.cleaned(body, .responses) == ["input": [["type": "reasoning", "summary": [], "encrypted_content": "mine"]]])
    }

    @Test("Gemini: another's thought goes, in either alphabet, and Gemini 3's first call of a step is signed")
    func gemini() {
        let other = SignatureEnvelope.base64(Self.own(.anthropic))
        let url = String(other.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
        let call: JSONValue = ["functionCall": ["name": "f", "args": [:]]]
        func body(_ parts: JSONValue...) -> JSONValue {
            ["contents": [["role": "user", "parts": [["text": "a"]]], ["role": "model", "parts": .array(parts)]]]
        }
        let signed: JSONValue = [
            "functionCall": ["name": "f", "args": [:]], "thoughtSignature": .string(GeminiHistoryWriter.skippedSignature),
        ]
        for signature in [other, url] {
            let thought: JSONValue = ["text": "t", "thought": true, "thoughtSignature": .string(signature)]
            #expect(Self.cleaned(body(thought, call, call), .gemini, "gemini-3-pro") == body(signed, call))
            #expect(Self.cleaned(body(thought, call), .gemini, "gemini-2.5-pro") == body(call))
        }
        #expect(Self.cleaned(body(call), .gemini, "gemini-3-pro") == body(signed))
        #expect(Self.cleaned(body(call), .gemini, "gemini-2.5-pro") == nil)
    }
}
