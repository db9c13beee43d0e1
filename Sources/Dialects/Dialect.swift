/// A wire format, by the word `proxy.yaml` uses for it.
public enum Dialect: String, Sendable, Hashable, CaseIterable {
    /// Anthropic Messages.
    case anthropic
    /// OpenAI Chat Completions (and what else lives under its `/v1`).
    case openai
    /// OpenAI Responses.
    case responses
    /// Google Gemini, `generateContent`.
    case gemini
    /// OpenAI's formats behind Azure's addresses; never a client's.
    case azure
}
