/// A wire format that clients speak, by the word `proxy.yaml` and logs use for it. What an upstream speaks is an `UpstreamDialect`.
public enum ClientDialect: String, Sendable, Hashable, CaseIterable {
    /// Anthropic Messages.
    case anthropic
    /// OpenAI Chat Completions (and what else lives under its `/v1`).
    case openai
    /// OpenAI Responses.
    case responses
    /// Google Gemini, `generateContent`.
    case gemini
}
