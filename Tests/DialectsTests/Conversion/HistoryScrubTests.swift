import Testing

@testable import Dialects

@Suite("What other vendors left in a history")
struct HistoryScrubTests {
    static let foreign = SignatureEnvelope(family: .gemini, model: "g", kind: .think, original: "s").sealed
    static func own(_ family: SignatureEnvelope.Family) -> String {
        SignatureEnvelope(family: family, model: "m", kind: .think, original: "mine").sealed
    }

    static func cleaned(_ body: JSONValue, _ dialect: Dialect, _ model: String = "m") -> JSONValue? {
        body.bytes.withUnsafeBytes { HistoryScrub.cleaned($0, for: dialect, model: model) }.flatMap {
            try? JSONValue(parsing: $0)
        }
    }

    static func assistant(_ blocks: JSONValue...) -> JSONValue {
        ["messages": [["role": "user", "content": "a"], ["role": "assistant", "content": .array(blocks)]]]
    }

    @Test("a body without any of it is left alone", arguments: [Dialect.anthropic, .openai, .responses, .gemini, .azure])
    func untouched(_ dialect: Dialect) {
        #expect(Self.cleaned(["messages": [["role": "user", "content": "pxd1. is a word"]]], dialect, "gemini-3-pro") == nil)
    }

    @Test("Anthropic: another's thought goes, its own comes out of the envelope")
    func messages() {
        let text: JSONValue = ["type": "text", "text": "x"]
        let thought: JSONValue = ["type": "thinking", "thinking": "t", "signature": .string(Self.foreign)]
        #expect(Self.cleaned(Self.assistant(thought, text), .anthropic) == Self.assistant(text))
        let sealed: JSONValue = ["type": "thinking", "thinking": "t", "signature": .string(Self.own(.anthropic))]
        let plain: JSONValue = ["type": "thinking", "thinking": "t", "signature": "mine"]
        #expect(Self.cleaned(Self.assistant(sealed, text), .anthropic) == Self.assistant(plain, text))
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

    @Test("Responses and Azure: another's item goes, its own comes out of the envelope", arguments: [Dialect.responses, .azure])
    func responses(_ dialect: Dialect) {
        let body: JSONValue = [
            "input": [
                ["type": "reasoning", "summary": [], "encrypted_content": .string(Self.foreign)],
                ["type": "reasoning", "summary": [], "encrypted_content": .string(Self.own(.openai))],
            ]
        ]
        #expect(
            Self.cleaned(body, dialect) == ["input": [["type": "reasoning", "summary": [], "encrypted_content": "mine"]]])
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
        for seal in [other, url] {
            let thought: JSONValue = ["text": "t", "thought": true, "thoughtSignature": .string(seal)]
            #expect(Self.cleaned(body(thought, call, call), .gemini, "gemini-3-pro") == body(signed, call))
            #expect(Self.cleaned(body(thought, call), .gemini, "gemini-2.5-pro") == body(call))
        }
        #expect(Self.cleaned(body(call), .gemini, "gemini-3-pro") == body(signed))
        #expect(Self.cleaned(body(call), .gemini, "gemini-2.5-pro") == nil)
    }
}
