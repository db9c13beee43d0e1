import Basics

/// Why a response ended, in the words of all servers that are met: a table, and what an unknown word's parts say.
///
/// Case and dashes do not count. A word for a failure is none for an ending: what came before it is no whole response.
enum FinishWords {
    enum Meaning: Sendable, Hashable {
        case ending(StopReason)
        /// The server broke off.
        case failure
    }

    /// What `word`, escaped, means; nil for one that nothing is known of.
    static func meaning(of word: RawText) -> Meaning? {
        // What nearly every response says needs no table.
        if word.equals("stop") || word.equals("end_turn") { return .ending(.endTurn) }
        if word.equals("tool_calls") || word.equals("tool_use") { return .ending(.toolUse) }
        guard word.count <= 64 else { return nil }
        let plain = word.map { $0 == 0x2D || $0 == 0x20 ? 0x5F : ASCII.lowercased($0) }
        return plain.withUnsafeBytes { plain in
            known.first { $0.words.contains { plain.equals($0) } }?.meaning
                ?? parts.first { $0.words.contains { ByteSearch.contains($0, in: plain) } }?.meaning
        }
    }

    /// Whether `word`, in the place of the text that a model stopped at, is a server's own word for an ending.
    static func standsForStop(_ word: RawText) -> Bool {
        let own: [StaticString] = [
            "stop", "end_turn", "eos", "eos_token", "stop_token", "tool_use", "tool_calls", "length", "max_tokens", "completed",
            // Tokens by which models end, which SGLang tells.
            "</s>", "<eos>", "<end_of_turn>",
        ]
        let isSpecial = word.count > 4 && word.starts(with: [0x3C, 0x7C]) && word.suffix(2).elementsEqual([0x7C, 0x3E])
        return isSpecial || own.contains { word.equals($0) }
    }

    private static let known: [(meaning: Meaning, words: [StaticString])] = [
        // OpenAI, Anthropic; TGI, Together, Fireworks; Cohere; Gemini behind Chat; Watsonx
        (
            .ending(.endTurn),
            [
                "stop", "end_turn", "eos", "eos_token", "end", "complete", "completed", "finish", "finished", "done", "normal",
                "compaction", "stop_token", "end_of_turn",
            ]
        ),
        // Anthropic, Cohere, TGI
        (.ending(.stopSequence), ["stop_sequence", "stop_string"]),
        // OpenAI, Anthropic, Mistral, Z.ai, Cohere, MiniMax, Gemini
        (
            .ending(.maxTokens),
            [
                "length", "max_tokens", "max_output_tokens", "max_completion_tokens", "max_new_tokens", "model_length",
                "model_context_window_exceeded", "context_length_exceeded", "context_window_exceeded", "error_limit",
                "max_length", "token_limit", "max_output", "continuation", "truncated", "limit",
            ]
        ),
        // OpenAI, Anthropic, Cohere, Ollama's kin
        (
            .ending(.toolUse),
            ["tool_calls", "tool_call", "tool_use", "function_call", "function_calls", "toolcalls", "tooluse"]
        ),
        (.ending(.pauseTurn), ["pause_turn"]),
        // OpenAI, Azure; Z.ai; Cohere; Bedrock; Gemini; GigaChat
        (
            .ending(.refusal),
            [
                "content_filter", "content_filtered", "contentfilter", "refusal", "sensitive", "safety", "error_toxic",
                "guardrail_intervened", "recitation", "blocklist", "blacklist", "prohibited_content", "spii", "language",
                "image_safety", "image_prohibited_content", "image_recitation", "model_armor", "escalation", "moderation",
                "pup_limited_disabled", "blocked", "content_policy_violation",
            ]
        ),
        // OpenRouter; Z.ai; DeepSeek; vLLM, SGLang; Cohere; Bedrock; Gemini
    ]

    /// What parts of unknown words say. What went wrong comes first: no good ending is made of a bad one.
    private static let parts: [(meaning: Meaning, words: [StaticString])] = [
        (
            .failure,
            [
                "error", "network_error", "insufficient_system_resource", "abort", "aborted", "cancelled", "canceled", "timeout",
                "internal_error", "server_error", "user_cancel", "failed", "failure", "load", "unload",
            ]
        ),
        (
            .ending(.refusal),
            [
                "filter", "safety", "sensitive", "refus", "moderat", "guardrail", "toxic", "prohibited", "policy", "blocked",
                "censor", "unsafe",
            ]
        ),
        (.ending(.maxTokens), ["length", "max_tokens", "token_limit", "context_window", "context_limit", "truncat"]),
        (
            .failure,
            [
                "error", "fail", "abort", "cancel", "timeout", "timed_out", "malformed", "unexpected_tool", "interrupt",
                "insufficient", "unavailable", "overload", "disconnect", "crash", "killed", "preempt", "exception", "rate_limit",
                "quota", "invalid",
            ]
        ),
        (.ending(.toolUse), ["tool_call", "tool_use", "function_call"]),
    ]
}
