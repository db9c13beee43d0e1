import Testing

@testable import Dialects

@Suite("Usage arithmetic")
struct UsageTests {
    @Test(
        "whole answers give the same counts in every format",
        arguments: [
            (
                ClientDialect.openai,
                #"{"model":"m","usage":{"prompt_tokens":120,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":30,"cache_write_tokens":20}}}"#,
                TokenUsage(uncachedInput: 70, cacheRead: 30, cacheWrite: 20, output: 4)
            ),
            (
                .openai, #"{"model":"m","usage":{"prompt_tokens":10,"prompt_cache_hit_tokens":6,"completion_tokens":1}}"#,
                TokenUsage(uncachedInput: 4, cacheRead: 6, output: 1)
            ),
            (
                .openai, #"{"model":"m","usage":{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":9}}}"#,
                TokenUsage(uncachedInput: 0, cacheRead: 9, lacks: .output)
            ),
            (
                .openai,
                #"{"results":[],"meta":{"tokens":{"input_tokens":90},"billed_units":{"input_tokens":25,"output_tokens":2,"search_units":1}}}"#,
                TokenUsage(uncachedInput: 25, output: 2)
            ),
            (
                .openai, #"{"results":[],"meta":{"billed_units":{"search_units":1},"tokens":{"input_tokens":9}}}"#,
                TokenUsage(uncachedInput: 9, lacks: .output)
            ),
            (
                .anthropic,
                #"{"model":"m","usage":{"input_tokens":13,"cache_read_input_tokens":22000,"cache_creation_input_tokens":31,"output_tokens":4,"output_tokens_details":{"thinking_tokens":2}}}"#,
                TokenUsage(uncachedInput: 13, cacheRead: 22000, cacheWrite: 31, output: 4, reasoning: 2)
            ),
            (
                .anthropic,
                #"{"model":"m","usage":{"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3},"output_tokens":4}}"#,
                TokenUsage(uncachedInput: 1, cacheWrite: 5, output: 4, cacheWriteHour: 3)
            ),
            (
                .responses,
                #"{"model":"m","usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":3}}}"#,
                TokenUsage(uncachedInput: 6, cacheRead: 4, output: 5, reasoning: 3)
            ),
            (
                .gemini,
                #"{"modelVersion":"m","usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":7,"thoughtsTokenCount":5,"totalTokenCount":17}}"#,
                TokenUsage(uncachedInput: 10, output: 7, reasoning: 5)
            ),
            (
                .gemini,
                #"[{"modelVersion":"m","usageMetadata":{"promptTokenCount":10}},{"usageMetadata":{"candidatesTokenCount":7,"toolUsePromptTokenCount":2}}]"#,
                TokenUsage(uncachedInput: 12, output: 7)
            ),
        ])
    func bodies(_ dialect: ClientDialect, _ body: String, _ expected: TokenUsage) {
        withBytes(body) { bytes in
            #expect(BodyMeter.usage(of: bytes, dialect: dialect) == expected)
        }
    }

    @Test(
        "With a key of one's own at the provider its cost is OpenRouter's fee and the provider's",
        arguments: [
            (#""cost":0,"is_byok":true,"cost_details":{"upstream_inference_cost":0.0125}"#, 12_500_000),
            (#""cost_details":{"upstream_inference_cost":0.0125},"cost":0"#, 12_500_000),
            (#""cost":0.001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.0125}"#, 13_500_000),
            (#""cost":0.0125,"is_byok":false,"cost_details":{"upstream_inference_cost":0.0125}"#, 12_500_000),
            (#""cost":0.0125,"cost_details":{"upstream_inference_cost":0.0125}"#, 12_500_000),
            (#""cost":0,"is_byok":false,"cost_details":{"upstream_inference_cost":0.0125}"#, 0),
            (#""cost":0.0125,"is_byok":false,"cost_details":{"upstream_inference_cost":null}"#, 12_500_000),
            (#""is_byok":true,"cost_details":{"upstream_inference_cost":-1}"#, nil),
        ] as [(String, Int?)])
    func ownKeys(_ members: String, _ cost: Int?) {
        withBytes(#"{"model":"m","usage":{"prompt_tokens":1,"completion_tokens":1,"# + members + "}}") { bytes in
            #expect(BodyMeter.usage(of: bytes, dialect: .openai)?.reportedCost == cost)
        }
    }

    @Test("Gemini's array of chunks may have white space before it; an object counts even if it is not whole")
    func geminiArrays() {
        withBytes(" \r\n\t[ {\"usageMetadata\":{\"promptTokenCount\":3}} ]") {
            #expect(BodyMeter.usage(of: $0, dialect: .gemini) == TokenUsage(uncachedInput: 3, lacks: .output))
        }
        withBytes(" {\"usageMetadata\":{\"promptTokenCount\":3},\"candidates\":[") {
            #expect(BodyMeter.usage(of: $0, dialect: .gemini) == TokenUsage(uncachedInput: 3, lacks: .output))
        }
        withBytes("  ") { #expect(BodyMeter.usage(of: $0, dialect: .gemini) == nil) }
    }

    @Test("a body without usage has none, numbers beyond reason do not trap")
    func oddities() {
        withBytes("<html>") { #expect(BodyMeter.usage(of: $0, dialect: .anthropic) == nil) }
        withBytes(#"{"usage":{"input_tokens":9223372036854775807,"output_tokens":-5}}"#) {
            let usage = BodyMeter.usage(of: $0, dialect: .anthropic)
            #expect(usage?.output == 0)
            #expect((usage?.total ?? 0) > 0)
        }
    }

    @Test(
        "an object that names no number that is known tells no usage",
        arguments: [
            (ClientDialect.anthropic, "{}"), (.openai, "{}"), (.responses, "{}"),
            (.anthropic, #"{"input_tokens":null,"output_tokens":"2"}"#),
            (.openai, #"{"prompt_tokens":1e30,"completion_tokens":99999999999999999999}"#), (.anthropic, #"{"total_tokens":5}"#),
            (.openai, #"{"num_requests":1,"prompt_tokens_details":{"cached_tokens":null}}"#),
        ])
    func nothing(_ dialect: ClientDialect, _ usage: String) {
        withBytes(#"{"model":"m","usage":\#(usage)}"#) { #expect(BodyMeter.usage(of: $0, dialect: dialect) == nil) }
        withBytes(#"{"usageMetadata":{}}"#) { #expect(BodyMeter.usage(of: $0, dialect: .gemini) == nil) }
    }

    @Test(
        "a side that is not named is known by the sum of both, or lacks",
        arguments: [
            (ClientDialect.openai, #"{"prompt_tokens":10}"#, TokenUsage(uncachedInput: 10, lacks: .output)),
            (.openai, #"{"completion_tokens":2}"#, TokenUsage(output: 2, lacks: .input)),
            (.openai, #"{"prompt_tokens":10,"total_tokens":12}"#, TokenUsage(uncachedInput: 10, output: 2)),
            (.responses, #"{"output_tokens":2,"total_tokens":12}"#, TokenUsage(uncachedInput: 10, output: 2)),
            (.openai, #"{"prompt_tokens":10,"total_tokens":0}"#, TokenUsage(uncachedInput: 10, lacks: .output)),
            (.openai, #"{"total_tokens":12}"#, TokenUsage(uncachedInput: 12, lacks: [.input, .output])),
            (.anthropic, #"{"output_tokens":2,"cache_read_input_tokens":7}"#, TokenUsage(cacheRead: 7, output: 2, lacks: .input)),
            (.anthropic, #"{"input_tokens":1e1,"output_tokens":2.5}"#, TokenUsage(uncachedInput: 10, output: 3)),
            (
                .gemini, #"{"promptTokenCount":10,"thoughtsTokenCount":5,"totalTokenCount":15}"#,
                TokenUsage(uncachedInput: 10, output: 5, reasoning: 5)
            ),
            (.gemini, #"{"promptTokenCount":8,"totalTokenCount":8}"#, TokenUsage(uncachedInput: 8)),
            (.gemini, #"{"totalTokenCount":8}"#, TokenUsage(uncachedInput: 8, lacks: [.input, .output])),
        ])
    func sides(_ dialect: ClientDialect, _ usage: String, _ expected: TokenUsage) {
        let name = dialect == .gemini ? "usageMetadata" : "usage"
        withBytes(#"{"model":"m","\#(name)":\#(usage)}"#) { #expect(BodyMeter.usage(of: $0, dialect: dialect) == expected) }
    }

    @Test(
        "embeddings have no output: a sum alone is their input",
        arguments: [#"{"prompt_tokens":8}"#, #"{"total_tokens":8}"#, #"{"prompt_tokens":8,"total_tokens":8}"#])
    func embeddings(_ usage: String) {
        withBytes(#"{"object":"list","data":[],"usage":\#(usage)}"#) {
            #expect(BodyMeter($0, dialect: .openai, promise: .embeddings).usage == TokenUsage(uncachedInput: 8))
        }
    }

    @Test("an estimate takes the place of what is not told, and of no more")
    func estimates() {
        var usage = TokenUsage(cacheRead: 7, output: 2, lacks: .input)
        usage.estimate(input: 20)
        #expect(usage == TokenUsage(uncachedInput: 13, cacheRead: 7, output: 2))
        for (estimate, expected) in [(5, TokenUsage(uncachedInput: 5, output: 7)), (50, TokenUsage(uncachedInput: 12))] {
            var sum = TokenUsage(uncachedInput: 12, lacks: [.input, .output])
            sum.estimate(input: estimate)
            #expect(sum == expected)
        }
        var neither = TokenUsage(lacks: [.input, .output])
        neither.estimate(input: 5)
        #expect(neither == TokenUsage(uncachedInput: 5, lacks: .output))
    }

    @Test(
        "only the top level's usage counts, wherever else the word stands",
        arguments: [
            #"{"content":[{"input":{"usage":{"input_tokens":9}}}],"usage":{"input_tokens":3,"output_tokens":4}}"#,
            #"{"usage" : {"input_tokens":3,"details":{"usage":{"input_tokens":8}},"output_tokens":4},"x":{"usage":{"input_tokens":9}}}"#,
            #"{"text":"\"usage\":{\"input_tokens\":9} \\","usage":{"output_tokens":4,"input_tokens":3}}"#,
            #"{"usage":null,"a":["usage",{"usage":{"input_tokens":9}}],"usage":{"output_tokens":4,"input_tokens":3},"b":"}"}"#,
        ])
    func places(_ body: String) {
        withBytes(body) { #expect(BodyMeter.usage(of: $0, dialect: .anthropic) == TokenUsage(uncachedInput: 3, output: 4)) }
    }
}
