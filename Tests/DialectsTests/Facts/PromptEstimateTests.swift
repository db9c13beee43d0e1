import Testing

@testable import Dialects

@Suite("Estimates of prompts")
struct PromptEstimateTests {
    private static let text = String(repeating: "x", count: 36)

    @Test(
        "texts by 3.6, four for each message, images and documents by the piece",
        arguments: [
            (#"{"messages":[{"role":"user","content":"\#(text)"}]}"#, 14),
            (#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"\#(text)"}]}]}"#, 14),
            (#"{"system":[{"type":"text","text":"\#(text)","cache_control":{"type":"ephemeral"}}],"messages":[]}"#, 10),
            (#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"AAAA"}}]}]}"#, 1_604),
            (#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","data":"AA"}}]}]}"#, 1_504),
            (#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","data":"\#(text)"}}]}]}"#, 14),
            (#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]}]}"#, 7),
            (#"{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"\#(text)"}]}]}"#, 14),
            (#"{"tools":[{"name":"f","input_schema":{"type":"object"}}]}"#, 14),
            (
                #"{"contents":[{"role":"user","parts":[{"text":"\#(text)"},{"inlineData":{"mimeType":"image/png","data":"A"}}]}]}"#,
                1_614
            ),
            (#"{"generateContentRequest":{"contents":[{"parts":[{"text":"\#(text)"}]}]}}"#, 14),
            (#"{"contents":{"parts":[{"text":"\#(text)"}]}}"#, 14), (#"{"contents":[{"parts":[]},{"parts":[]}]}"#, 8),
            (#"{"input":"\#(text)","instructions":"\#(text)"}"#, 24), (#"{}"#, 1),
        ])
    func counts(_ body: String, _ tokens: Int) {
        #expect(withBytes(body) { PromptEstimate.tokens(body: $0) } == tokens)
    }

    @Test("what is no object has no estimate")
    func nothing() { #expect(withBytes("[1]") { PromptEstimate.tokens(body: $0) } == nil) }
}
