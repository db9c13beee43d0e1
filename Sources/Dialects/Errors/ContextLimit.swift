import Basics

/// A prompt that is too long: by what words servers say so, how long it was, and what clients look for.
public enum ContextLimit {
    /// Whether a body says it, in any server's words. What is told of a rate is none, however many tokens it speaks of.
    public static func says(_ body: UnsafeRawBufferPointer) -> Bool {
        if rates.contains(where: { ByteSearch.contains($0, in: body) }) { return false }
        if phrases.contains(where: { ByteSearch.contains($0, in: body) }) { return true }
        return pairs.contains { ByteSearch.contains($0.0, in: body) && ByteSearch.contains($0.1, in: body) }
    }

    private static let rates: [StaticString] = [
        "per minute", "per day", "per hour", "(tpm)", "rate limit", "rate_limit_exceeded",
    ]

    /// What servers say of a context that is too long, in lower case.
    private static let phrases: [StaticString] = [
        // OpenAI, Azure, DeepSeek, vLLM, OpenRouter, Groq
        "context_length_exceeded", "string_above_max_length", "maximum context length", "exceeds the context window",
        "exceeds the model's context", "reduce the length of the messages", "reduce the length of either",
        "input tokens exceed the configured limit",
        // Anthropic, Bedrock
        "prompt is too long", "input is too long", "exceed context limit", "exceeds the context limit",
        // llama.cpp, its kin
        "exceed_context_size", "exceeds the available context", "context size has been exceeded", "context size exceeded",
        "exceeds context size", "exceeds the context size", "context_exceeded", "configured context size",
        // SGLang, Together
        "longer than the model's context", "longer than the maximum", "exceeds the maximum allowed input length",
        "exceeds the maximum allowed length", "exceeds max_seq_len", "exceeds max_model_len", "maximum model length",
        // LM Studio
        "greater than the context length", "context length of only", "context the overflows", "context overflow",
        // Ollama, oMLX, TGI
        "input length exceeds", "prompt too long", "exceeds maximum context", "exceeds max context", "max context window",
        "`inputs` tokens +", "inputs tokens +",
        // Mistral
        "too large for model with", "prompt contains too many tokens",
        // Kimi, MiniMax, Z.ai, Qwen
        "exceeded model token limit", "exceeds model token limit", "context window exceeds limit", "prompt exceeds max length",
        "model_context_window_exceeded", "context_window_exceeded", "range of input length should be",
        "input length should be", "exceeds the max length", "input characters limit",
        // Doubao, vLLM's own check
        "exceed max message tokens", "is too long and exceeds limit",
        // xAI, Fireworks, Cerebras
        "maximum prompt length", "prompt length is longer", "tokens exceeds the limit", "context length is only",
        // Cohere, Copilot, Perplexity, Watsonx
        "too many input tokens", "model_max_prompt_tokens_exceeded", "context length exceeded", "context length was exceeded",
        "context window exceeded", "context window limit", "context window full", "exceeds context length",
        "exceeds the context length", "exceeds token limit", "token limit exceeded",
        // Cohere
        "total number of tokens in the prompt cannot exceed", "number of tokens in the prompt",
        // Vertex, Llama API
        "exceeds the maximum number of tokens", "maximum number of input tokens",
    ]

    private static let pairs: [(StaticString, StaticString)] = [
        // Gemini; Copilot; LM Studio
        ("input token count", "exceed"), ("input token count", "only supports up to"),
        ("prompt token count", "exceeds the limit"),
        ("tokens to keep from the initial prompt", "context"), ("context length", "exceed"), ("context window", "exceed"),
        ("context size", "exceed"), ("too many tokens", "context"), ("too many tokens", "maximum"),
        ("too many tokens", "size limit exceeded"), ("too many tokens", "exceeds model limit"),
        ("input length", "exceed"), ("prompt length", "exceed"), ("input tokens", "exceed"), ("prompt tokens", "exceed"),
        ("must have less than", "tokens"), ("tokens in request", "max tokens allowed"), ("token limit", "prompt"),
    ]

    // MARK: What clients look for

    /// The vendor's words as clients of `dialect` know them: each has phrases by which it makes its history shorter.
    static func phrase(_ message: String, for dialect: ClientDialect) -> String {
        let length = Length(message)
        switch dialect {
        case .anthropic:
            // Anthropic's own two, with their numbers; Claude Code goes by either.
            if message.hasPrefix("prompt is too long") || message.hasPrefix("input length and `max_tokens` exceed") {
                return message
            }
            guard let length else { return "prompt is too long: " + message }
            return "prompt is too long: \(length.tokens) tokens > \(length.limit) maximum (\(length.sum)\(message))"
        case .openai, .responses:
            // LiteLLM goes by OpenAI's phrase, LangChain and others by Anthropic's.
            var said = message
            let has = said.withUTF8 { text in
                let text = UnsafeRawBufferPointer(text)
                return (
                    ByteSearch.contains("maximum context length is", in: text),
                    ByteSearch.contains("prompt is too long", in: text)
                )
            }
            guard !has.0 || !has.1 else { return message }
            let theirs = length.map { "prompt is too long: \($0.tokens) tokens > \($0.limit) maximum" } ?? "prompt is too long"
            let ending = has.1 ? "" : " (\(theirs))"
            if has.0 { return message + ending }
            let ours =
                length.map {
                    "This model's maximum context length is \($0.limit) tokens. However, you requested \($0.tokens) tokens."
                }
                ?? "This model's maximum context length is exceeded."
            return "\(ours) \(message)\(ending)"
        case .gemini:
            var said = message
            let isSaid = said.withUTF8 { ByteSearch.contains("input token count", in: UnsafeRawBufferPointer($0)) }
            guard !isSaid, let length else { return message }
            return
                "The input token count (\(length.tokens)) exceeds the maximum number of tokens allowed (\(length.limit)). \(message)"
        }
    }

    /// How long a prompt was, and may be.
    struct Length: Equatable {
        var tokens: Int
        var limit: Int
        /// What was asked for as output, where it is part of `tokens`.
        var output: Int?

        /// Anthropic's other phrase, by which Claude Code asks for less output.
        var sum: String {
            guard let output, tokens - output < limit else { return "" }
            return "input length and `max_tokens` exceed context limit: \(tokens - output) + \(output) > \(limit). "
        }

        init(tokens: Int, limit: Int, output: Int? = nil) {
            self.tokens = tokens
            self.limit = limit
            self.output = output
        }

        /// Reads both out of a message, in whatever order and words it has them; nil where it has not both.
        init?(_ message: String) {
            let bytes = Array(message.utf8.prefix(2_000))
            let found = ContextLimit.numbers(in: bytes)
            let values = found.map(\.value)
            guard values.count >= 2, let most = values.max() else { return nil }
            let limit: Int
            if let named = ContextLimit.limit(in: bytes, found) {
                limit = named
            } else {
                guard let next = values.filter({ $0 < most }).max() else { return nil }
                limit = next
            }
            var rest = values.filter { $0 != limit }
            if most > limit {
                self.init(tokens: most, limit: limit)
                // The sum of prompt and output, when both are told too.
                rest.removeAll { $0 == most }
                if let output = rest.last(where: { rest.contains(most - $0) }) { self.output = output }
                return
            }
            // Prompt and output are told, and only their sum is too much.
            guard let first = rest.max(), let second = rest.filter({ $0 < first }).max() ?? (rest.count > 1 ? first : nil),
                first + second > limit
            else { return nil }
            self.init(tokens: first + second, limit: limit)
        }
    }

    private typealias Number = (value: Int, start: Int, end: Int)

    /// The numbers of 16 and more, and of tokens, which a thousands separator may be in.
    private static func numbers(in text: [UInt8]) -> [Number] {
        var found: [Number] = []
        var index = 0
        while index < text.count, found.count < 16 {
            guard ASCII.isDigit(text[index]) else {
                index += 1
                continue
            }
            let start = index
            var value = 0
            var isTooLong = false
            while index < text.count {
                if ASCII.isDigit(text[index]) {
                    value = value &* 10 &+ Int(text[index] &- 0x30)
                    if value > 1_000_000_000 { isTooLong = true; value = 0 }
                } else if !isSeparator(text, index) {
                    break
                }
                index += 1
            }
            // Part of a name (`gpt-4`, `k2.5`) or of a fraction is none.
            let isPart = start > 0 && (isWord(text[start - 1]) || ".-".utf8.contains(text[start - 1]))
            let isFollowed = index < text.count && isWord(text[index])
            let isNamed = [" token", " maximum"].contains { (word: StaticString) in
                word.withUTF8Buffer { text[index...].prefix($0.count).elementsEqual($0) }
            }
            if !isTooLong, !isPart, !isFollowed, value >= 16 || isNamed { found.append((value, start, index)) }
        }
        return found
    }

    /// A comma between a digit and three digits more.
    private static func isSeparator(_ text: [UInt8], _ index: Int) -> Bool {
        guard text[index] == UInt8(ascii: ","), index + 3 < text.count else { return false }
        let isGroup = ASCII.isDigit(text[index + 1]) && ASCII.isDigit(text[index + 2]) && ASCII.isDigit(text[index + 3])
        return isGroup && (index + 4 >= text.count || !ASCII.isDigit(text[index + 4]))
    }

    private static func isWord(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "_") || ASCII.isAlphanumeric(byte) }

    /// The number that the message calls the limit: the one behind `>`, or soon behind the word for it.
    private static func limit(in text: [UInt8], _ numbers: [Number]) -> Int? {
        for (first, second) in zip(numbers, numbers.dropFirst()) {
            let between = text[first.end..<second.start]
            guard between.contains(UInt8(ascii: ">")), !text[second.end...].prefix(3).contains(UInt8(ascii: "-")) else {
                continue
            }
            return second.value
        }
        return text.withUnsafeBytes { text in
            for name in names {
                guard let place = ByteSearch.firstIndex(of: name, in: text, from: 0) else { continue }
                let end = place + name.utf8CodeUnitCount
                if let number = numbers.first(where: { $0.start >= end && $0.start - end <= 48 }) { return number.value }
                // `model with 32768 maximum context length`
                if let number = numbers.last(where: { $0.end <= place && place - $0.end <= 12 }) { return number.value }
            }
            return nil
        }
    }

    private static let names: [StaticString] = [
        "maximum context length", "context length (", "maximum prompt length", "maximum input length", "max context window",
        "maximum allowed input length", "available context size", "context size (", "configured context size",
        "maximum number of tokens allowed", "context length is only", "context length of", "model's context length",
        "context window of", "max_seq_len", "max_model_len", "token limit:", "context limit", "the limit of", "limit of",
        "maximum",
    ]
}
