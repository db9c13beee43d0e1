import Testing

@testable import Dialects

@Suite("Token estimate")
struct TokenEstimateTests {
    private func prompt(_ body: String, _ dialect: ClientDialect) throws -> TokenEstimate.Prompt {
        try withBytes(body) { bytes in
            var members: [JSONMember] = []
            try JSONScan.members(of: bytes, into: &members)
            return TokenEstimate.prompt(body: bytes, members: members, dialect: dialect)
        }
    }

    @Test(
        "A mark for the cache is seen where it stands, and no text that speaks of one is taken for it",
        arguments: [
            (#"{"cache_control":{"type":"ephemeral"},"messages":[]}"#, true),
            (
                #"{"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}"#,
                true
            ),
            (#"{"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]}"#, true),
            (#"{"tools":[{"name":"t","cache_control":{"type":"ephemeral"}}]}"#, true),
            (#"{"messages":[{"role":"user","content":"a \"cache_control\" b"}]}"#, false),
            (#"{"metadata":{"cache_control":1},"messages":[]}"#, false),
            (#"{"messages":[{"role":"user","content":"c"}]}"#, false),
        ])
    func cacheMarks(_ body: String, _ expected: Bool) throws {
        #expect(try prompt(body, .anthropic).marksCache == expected)
    }

    @Test(
        "The form of an answer and what is to follow it are a part of the prompt, in each format's words",
        arguments: [
            #""response_format":{"type":"json_schema","json_schema":{"schema":{"description":"…"}}}"#, #""suffix":"…""#,
            #""output_config":{"format":{"schema":{"description":"…"}}}"#, #""output_format":{"schema":{"description":"…"}}"#,
            #""text":{"format":{"schema":{"description":"…"}}}"#, #""generationConfig":{"responseSchema":{"description":"…"}}"#,
            #""generation_config":{"response_schema":{"description":"…"}}"#,
        ])
    func forms(_ member: String) throws {
        let long = "{" + member.replacing("…", with: String(repeating: "word ", count: 200)) + "}"
        #expect((250...320).contains(try prompt(long, .openai).tokens), "\(member)")
    }

    @Test(
        "Images count in the words of their format alone",
        arguments: [
            (
                #"{"messages":[{"role":"user","content":[{"type":"image"},{ "type" : "image" },{"text":"image"}]}]}"#, .anthropic,
                2
            ),
            (#"{"messages":[{"role":"user","content":[{"type":"image_url"},{"type":"image"}]}]}"#, .openai, 1),
            (#"{"input":[{"role":"user","content":[{"type":"input_image"}]}]}"#, .responses, 1),
            (
                #"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png"}},{"inline_data":{"mime_type":"image/a"}}]}]}"#,
                .gemini, 2
            ),
        ] as [(String, ClientDialect, Int)])
    func images(_ body: String, _ dialect: ClientDialect, _ count: Int) throws {
        #expect(try prompt(body, dialect).tokens / TokenEstimate.perImage == count)
    }
}
