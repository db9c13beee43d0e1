import Testing

@testable import Dialects

@Suite("Request facts")
struct RequestFactsTests {
    private func facts(_ body: String, _ dialect: ClientDialect) throws -> RequestFacts {
        try withBytes(body) { bytes in
            var members: [JSONMember] = []
            try JSONScan.members(of: bytes, into: &members)
            return RequestFacts(body: bytes, members: members, dialect: dialect)
        }
    }

    @Test("of a Messages request")
    func messages() throws {
        let facts = try facts(
            #"{"model":"m","stream":true,"max_tokens":50,"thinking":{"type":"enabled","budget_tokens":9},"tools":[{"name":"t"}],"metadata":{"user_id":"u"},"messages":[{"role":"user","content":[{"type": "image","source":{}}]},{"role":"assistant","content":"\"role\""}]}"#,
            .anthropic)
        #expect(facts.model == "m" && facts.stream && facts.hasTools && facts.hasImages && facts.thinking)
        #expect(facts.messages == 2 && facts.maxTokens == 50 && facts.metadata == ["user_id": "u"])
        #expect(facts.inputTokens > 1_600 && facts.inputTokens < 1_700)
    }

    @Test("of a Chat request without any of it")
    func chat() throws {
        let facts = try facts(
            #"{"model":"m","tools":[],"reasoning_effort":"none","messages":[{"role":"user","content":"type image"}]}"#, .openai)
        #expect(!facts.stream && !facts.hasTools && !facts.hasImages && !facts.thinking && facts.maxTokens == 0)
    }

    @Test("of Responses and Gemini requests")
    func others() throws {
        let responses = try facts(#"{"model":"m","input":"hi","reasoning":{"effort":"low"},"max_output_tokens":7}"#, .responses)
        #expect(responses.messages == 1 && responses.thinking && responses.maxTokens == 7)
        let gemini = try facts(
            #"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"x"}}]}],"generationConfig":{"maxOutputTokens":3,"thinkingConfig":{"thinkingBudget":0}}}"#,
            .gemini)
        #expect(gemini.hasImages && gemini.maxTokens == 3 && !gemini.thinking && gemini.messages == 1)
        for (budget, thinks) in [(0, false), (512, true)] {
            let snake = #"{"contents":[],"generation_config":{"thinking_config":{"thinking_budget":\#(budget)}}}"#
            #expect(try facts(snake, .gemini).thinking == thinks)
        }
    }

    @Test("base64 does not count as text")
    func base64() throws {
        let blob = String(repeating: "iVBORw0KGgoAAAANSUhEUgAA", count: 2_000)
        let facts = try facts(
            #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(blob)"}}]}]}"#,
            .openai)
        #expect(facts.inputTokens > 1_600 && facts.inputTokens < 1_800)
    }
}
