/// What a target model or server can do, as far as a conversion depends on it (conversion.md 2).
///
/// `Capabilities.known(dialect:model:host:)` fills them from what is known of the models; configuration overrides by name.
public struct Capabilities: Sendable, Hashable {
    public var anthropic = Anthropic()
    public var openAI = OpenAI()
    public var gemini = Gemini()
    /// Fields that the upstream refuses, whatever the model and the format.
    public var drops: [FieldPath] = []

    public init() {}

    public struct Anthropic: Sendable, Hashable {
        /// Takes `temperature`, `top_p`, `top_k`.
        public var sampling = true
        /// Refuses `temperature` and `top_p` together.
        public var isTemperatureXorTopP = false
        /// Takes `thinking.type: adaptive`.
        public var adaptiveThinking = false
        /// Takes `thinking.type: enabled` with a budget.
        public var budgetThinking = true
        public var disabledThinking = true
        /// The words of `output_config.effort` it takes, in rising order.
        public var efforts: [ReasoningLevel] = [.low, .medium, .high]
        /// Takes an assistant message at the end.
        public var prefill = true
        /// Takes `role: system` among the messages.
        public var systemInMessages = false
        /// Takes `output_config.format`.
        public var structuredOutput = false
        /// The most `max_tokens` may be.
        public var maxOutput: Int?
        /// The `anthropic-version` that converted requests are sent with.
        public var version = "2023-06-01" {
            // From this version on sampling parameters are refused even at their defaults.
            didSet { if version >= "2026-10-21" { sampling = false } }
        }
        public var quirks = MessagesQuirkSet()
    }

    public struct OpenAI: Sendable, Hashable {
        /// `max_completion_tokens` instead of `max_tokens`.
        public var usesMaxCompletionTokens = false
        /// A reasoning model: refuses sampling parameters and `stop`, takes `reasoning_effort`.
        public var isReasoning = false
        /// Efforts it takes, in rising order; empty: it takes no `reasoning_effort`.
        public var efforts: [ReasoningLevel] = [.low, .medium, .high]
        public var developerRole = false
        public var streamUsage = true
        /// Insists that the only system message is the first message.
        public var systemFirst = false
        /// Insists that user and assistant take turns.
        public var strictAlternation = false
        /// Wants an empty text, not null, as the content of a message that only calls tools.
        public var emptyContent = false
        /// Takes `prompt_cache_breakpoint` on parts.
        public var explicitCache = false
        /// Takes image parts in `role: tool`.
        public var toolContentParts = false
        /// Wants plain strings, no arrays of parts, for text.
        public var stringContentOnly = false
        /// The field in which past reasoning is sent back.
        public var reasoningEcho: String?
        /// First-party fields: `safety_identifier`, `service_tier`.
        public var isFirstParty = false
        /// Takes `top_k`.
        public var topK = false
        /// The most stop sequences it takes.
        public var maxStops = 4
        public var quirks = ChatQuirks()
    }

    public struct Gemini: Sendable, Hashable {
        public enum Thinking: String, Sendable, Hashable { case none, budget, level }

        public var thinking = Thinking.budget
        /// Has the level `minimal` under `low`.
        public var minimalThinking = false
        /// The least `thinkingBudget` it takes; nil: thinking can be switched off.
        public var minThinkingBudget: Int?
        public var maxThinkingBudget = 24_576
        /// Takes `parametersJsonSchema`.
        public var jsonSchemaTools = true
        /// Takes a JSON response type beside tools.
        public var jsonWithTools = true
        /// Demands thought signatures on function calls.
        public var signatures = false
        /// Takes `functionResponse.parts`.
        public var multimodalToolResult = false
        /// Fetches public addresses given as `fileData`.
        public var fetchesURLs = false
        public var maxStops = 5
    }
}

/// How hard a model is asked to think, on one scale for all vendors (conversion.md 4.1).
public enum ReasoningLevel: Int, Sendable, Hashable, CaseIterable, Comparable {
    case none, minimal, low, medium, high, xhigh, max

    public static func < (left: ReasoningLevel, right: ReasoningLevel) -> Bool { left.rawValue < right.rawValue }
}
