import Dialects

/// Which requests a body looks like, where neither a dialect nor a path is told.
enum BodyForm {
    /// The path that such bodies are sent to; nil where nothing in it tells.
    static func path(of body: JSONValue?) -> String? {
        let parsed = body?.string.flatMap { try? JSONValue(parsing: Array($0.utf8)) } ?? body
        guard let object = parsed?.object else { return nil }
        func has(_ names: [String]) -> Bool { names.contains { object[$0].map { !$0.isNull } ?? false } }
        if has(["contents", "systemInstruction", "generationConfig"]) { return "/v1beta/models" }
        if has(["prompt"]) { return "/v1/completions" }
        if has(["input"]) { return has(["encoding_format", "dimensions"]) ? "/v1/embeddings" : "/v1/responses" }
        guard let messages = object["messages"]?.array else { return nil }
        if has(messagesOnly) { return "/v1/messages" }
        let isChosen = object["tool_choice"]?.string != nil
        if isChosen || has(chatOnly) || messages.contains(where: isChat) || isChat(tools: object["tools"]) {
            return "/v1/chat/completions"
        }
        // Anthropic's API does not answer without it.
        return has(["max_tokens"]) ? "/v1/messages" : "/v1/chat/completions"
    }

    private static let messagesOnly = ["system", "stop_sequences", "anthropic_version", "anthropic_beta"]
    private static let chatOnly = [
        "max_completion_tokens", "response_format", "stream_options", "stop", "n", "seed", "logprobs", "logit_bias", "modalities",
        "presence_penalty", "frequency_penalty", "reasoning_effort", "parallel_tool_calls", "functions",
    ]
    private static let chatParts: Set = ["image_url", "input_audio", "file", "refusal"]

    private static func isChat(_ message: JSONValue) -> Bool {
        switch message["role"]?.string {
        case "user", "assistant": break
        case nil: return false
        default: return true
        }
        if message["tool_calls"] != nil { return true }
        return message["content"]?.array?.contains { chatParts.contains($0["type"]?.string ?? "") } ?? false
    }

    private static func isChat(tools: JSONValue?) -> Bool {
        tools?.array?.contains { $0["function"] != nil } ?? false
    }
}
