import Testing

@testable import Dialects

@Suite("A prompt that is too long")
struct ContextLimitTests {
    /// What servers say, with the tokens and the limit in it.
    static let sayings: [(String, Int?, Int?)] = [
        // OpenAI, DeepSeek, vLLM, OpenRouter
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.", 130_001,
            128_000
        ),
        (
            "This model's maximum context length is 102400 tokens. However, you requested 107837 tokens (99645 in the messages, 8192 in the completion).",
            107_837, 102_400
        ),
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens and your request has 10000 input tokens (32000 > 32768 - 10000).",
            42_000, 32_768
        ),
        (
            "Requested token count exceeds the model's maximum context length of 262144 tokens. You requested a total of 262462 tokens: 230462 tokens from the input messages and 32000 tokens for the completion.",
            262_462, 262_144
        ),
        ("Your input exceeds the context window of this model. Please adjust your input and try again.", nil, nil),
        // Anthropic, Bedrock, Gemini, xAI
        ("prompt is too long: 210000 tokens > 200000 maximum", 210_000, 200_000),
        ("Input is too long for requested model.", nil, nil),
        ("The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).", 1_196_265, 1_048_575),
        (
            "Unable to submit request because the input token count is 1196265 but model only supports up to 1048576. Reduce the input token count and try again.",
            1_196_265, 1_048_576
        ),
        ("This model's maximum prompt length is 131072 but the request contains 537812 tokens.", 537_812, 131_072),
        // SGLang, Together, llama.cpp, LM Studio, Ollama, oMLX
        ("The input (233781 tokens) is longer than the model's context length (202752 tokens).", 233_781, 202_752),
        ("request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it", 4_390, 4_096),
        ("Context size has been exceeded.", nil, nil),
        (
            "Trying to keep the first 6402 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens",
            6_402, 4_096
        ),
        ("input length exceeds the context length", nil, nil),
        ("Prompt too long: 32799 tokens exceeds max context window of 32768 tokens", 32_799, 32_768),
        ("Prompt has 5,958,968 tokens, but the configured context size is 256,000 tokens", 5_958_968, 256_000),
        // Mistral, Kimi, MiniMax, Z.ai, Qwen, Copilot, Groq
        (
            "Prompt contains 150000 tokens and 0 draft tokens, too large for model with 131072 maximum context length", 150_000,
            131_072
        ),
        ("Invalid request: Your request exceeded model token limit: 262144 (requested: 300000)", 300_000, 262_144),
        ("invalid params, context window exceeds limit", nil, nil), ("Prompt exceeds max length", nil, nil),
        ("Range of input length should be [1, 129024]", nil, nil),
        ("Total tokens of image and text exceed max message tokens", nil, nil),
        ("Input prompt (150000 tokens) is too long and exceeds limit of 131072", 150_000, 131_072),
        ("prompt token count of 130000 exceeds the limit of 128000", 130_000, 128_000),
        ("Please reduce the length of the messages or completion.", nil, nil),
        ("Input length 131393 exceeds the maximum allowed input length of 131040 tokens.", 131_393, 131_040),
    ]

    @Test("every server's words are heard, with their numbers", arguments: sayings, [400, 422, 500])
    func words(_ item: (String, Int?, Int?), _ status: Int) {
        let body = JSONValue.members(("error", ["message": .string(item.0)])).text
        withBytes(body) {
            let error = UpstreamError.read(status: status, body: $0)
            #expect(error.errorClass == .contextTooLong)
            #expect((400..<500).contains(error.status))
        }
        let length = ContextLimit.Length(item.0)
        #expect(length?.tokens == item.1 && length?.limit == item.2)
    }

    @Test(
        "what is no such thing is not heard as one",
        arguments: [
            "Request too large for model on tokens per minute (TPM): Limit 6000, Requested 7000",
            "Rate limit reached: too many tokens",
            "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens",
            "name must have less than 64 characters",
        ])
    func others(_ message: String) {
        withBytes(JSONValue.members(("error", ["message": .string(message)])).text) {
            #expect(UpstreamError.read(status: 400, body: $0).errorClass != .contextTooLong)
        }
    }

    @Test("clients find the phrases that they look for, and the numbers")
    func phrases() {
        let said = "request (4390 tokens) exceeds the available context size (4096 tokens)"
        let anthropic = ContextLimit.phrase(said, for: .anthropic)
        #expect(anthropic.hasPrefix("prompt is too long: 4390 tokens > 4096 maximum") && anthropic.contains(said))
        for dialect in [ClientDialect.openai, .responses] {
            let openAI = ContextLimit.phrase(said, for: dialect)
            #expect(openAI.hasPrefix("This model's maximum context length is 4096 tokens.") && openAI.contains(said))
            #expect(openAI.contains("prompt is too long: 4390 tokens > 4096 maximum"))
        }
        let theirs = "prompt is too long: 210000 tokens > 200000 maximum"
        #expect(ContextLimit.phrase(theirs, for: .anthropic) == theirs)
        #expect(ContextLimit.phrase(theirs, for: .openai).contains("maximum context length is 200000 tokens"))
        #expect(ContextLimit.phrase("Input is too long.", for: .anthropic) == "prompt is too long: Input is too long.")
        let both = ContextLimit.phrase(
            "This model's maximum context length is 102400 tokens. However, you requested 107837 tokens (99645 in the messages, 8192 in the completion).",
            for: .anthropic)
        #expect(both.contains("input length and `max_tokens` exceed context limit: 99645 + 8192 > 102400"))
    }

    @Test(
        "errors that have a number for a name are known by it, in whatever language the words are",
        arguments: [
            (400, "1261", ErrorClass.contextTooLong), (429, "1113", .billing), (429, "1302", .rateLimit),
            (400, "1301", .contentPolicy),
            (429, "1308", .rateLimit),
        ])
    func numbers(_ status: Int, _ code: String, _ errorClass: ErrorClass) {
        for code in [JSONValue.string(code), .number(code)] {
            withBytes(JSONValue.members(("error", ["code": code, "message": "超长"])).text) {
                #expect(UpstreamError.read(status: status, body: $0).errorClass == errorClass)
            }
        }
    }

    @Test("the numbers beside the words are told with them")
    func beside() {
        let body =
            #"{"error":{"code":400,"message":"the request exceeds the available context size","n_prompt_tokens":4390,"n_ctx":4096}}"#
        withBytes(body) {
            let error = UpstreamError.read(status: 400, body: $0)
            #expect(error.errorClass == .contextTooLong)
            #expect(
                ContextLimit.phrase(error.message, for: .anthropic).hasPrefix("prompt is too long: 4390 tokens > 4096 maximum"))
        }
    }

    @Test("Codex reads the codes of a failed response")
    func codes() {
        #expect(ErrorClass.contextTooLong.responsesCode == "context_length_exceeded")
        #expect(ErrorClass.billing.responsesCode == "insufficient_quota")
        #expect(ErrorClass.rateLimit.responsesCode == "rate_limit_exceeded")
    }

    @Test(
        "an empty account is none that is only busy, whatever status it has",
        arguments: [
            (429, "Insufficient balance or no resource package. Please recharge."), (400, "Insufficient Balance"), (402, "x"),
            (429, "Your account is in arrears"),
        ])
    func money(_ status: Int, _ message: String) {
        withBytes(JSONValue.members(("error", ["message": .string(message)])).text) {
            #expect(UpstreamError.read(status: status, body: $0).errorClass == .billing)
        }
    }
}
