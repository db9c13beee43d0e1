import Testing

@testable import Dialects

@Suite("Counting tokens across formats")
struct TokenCountingTests {
    static let questions: [(ClientDialect, JSONValue)] = [
        (.anthropic, ["model": "m", "system": "s", "messages": [["role": "user", "content": "a"]]]),
        (.responses, ["model": "m", "instructions": "s", "input": "a"]),
        (
            .gemini,
            [
                "generateContentRequest": [
                    "model": "models/m", "systemInstruction": ["parts": [["text": "s"]]],
                    "contents": [["role": "user", "parts": [["text": "a"]]]],
                ]
            ]
        ),
    ]

    @Test(
        "a question carries the prompt and nothing that is not counted",
        arguments: [ClientDialect.anthropic, .responses, .gemini])
    func questions(_ upstream: ClientDialect) throws {
        for (client, question) in Self.questions where client != upstream {
            let converted = try question.bytes.withUnsafeBytes {
                try TokenCounting.convert(
                    body: $0, from: client, to: UpstreamDialect(upstream), model: "far", options: ConversionOptions())
            }
            let body = try JSONValue(parsing: converted.body)
            let members = Set((body["generateContentRequest"] ?? body).object?.members.map(\.key) ?? [])
            switch upstream {
            case .anthropic:
                #expect(members == ["model", "system", "messages"])
                #expect(converted.pathSuffix == "/v1/messages/count_tokens")
            case .responses:
                #expect(members == ["model", "instructions", "input"])
                #expect(converted.pathSuffix == "/v1/responses/input_tokens")
            default:
                #expect(members == ["model", "systemInstruction", "contents"])
                #expect(converted.pathSuffix == "/v1beta/models/far:countTokens")
            }
        }
    }

    @Test("an answer is said in the client's words; one without a count is none")
    func answers() {
        func answer(_ said: String, _ upstream: ClientDialect, _ client: ClientDialect) -> String? {
            Array(said.utf8).withUnsafeBytes { TokenCounting.response($0, from: UpstreamDialect(upstream), to: client) }
                .map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(answer(#"{"input_tokens":7}"#, .anthropic, .gemini) == #"{"totalTokens":7}"#)
        #expect(answer(#"{"totalTokens":7}"#, .gemini, .responses) == #"{"object":"response.input_tokens","input_tokens":7}"#)
        #expect(answer(#"{"object":"response.input_tokens","input_tokens":7}"#, .responses, .anthropic) == #"{"input_tokens":7}"#)
        #expect(answer(#"{"tokens":7}"#, .anthropic, .gemini) == nil)
        #expect(answer("", .gemini, .anthropic) == nil)
    }
}
