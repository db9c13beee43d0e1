/// What a conversion must know beside the request itself. All of it comes from configuration or the exchange; none is guessed.
public struct ConversionOptions: Sendable {
    /// What the target model can do.
    public var capabilities: Capabilities
    /// What happens with what cannot be carried.
    public var lossPolicy: LossPolicy
    /// The upper bound for the answer, where the tier has one.
    public var maxTokensCap: Int?
    /// The answer's bound when the client named none and the target demands one.
    public var defaultMaxTokens: Int
    /// Whether the answer is to be streamed, for clients that say it in the path (Gemini); nil: as the body says.
    public var stream: Bool?
    /// Whether a client's web search may become the target's own, which costs its operator money.
    public var allowsWebSearch: Bool
    /// A Gemini client that did not ask for `alt=sse`: its stream is one JSON array.
    public var streamsAsArray: Bool
    /// What is remembered of a call by the client's id for it: seals that the client's format has no field for (`ThoughtCache`).
    public var recall: (@Sendable (String) -> ToolThoughts?)?
    /// Seconds since 1970, for the times that some answers carry.
    public var now: Int
    /// Ids of the answer are derived from it when the upstream gives none.
    public var requestID: String

    public init(
        capabilities: Capabilities = Capabilities(), lossPolicy: LossPolicy = .warn, maxTokensCap: Int? = nil,
        defaultMaxTokens: Int = 8192, stream: Bool? = nil, allowsWebSearch: Bool = false, streamsAsArray: Bool = false,
        recall: (@Sendable (String) -> ToolThoughts?)? = nil, now: Int = 0, requestID: String = ""
    ) {
        self.capabilities = capabilities
        self.lossPolicy = lossPolicy
        self.maxTokensCap = maxTokensCap
        self.defaultMaxTokens = defaultMaxTokens
        self.stream = stream
        self.allowsWebSearch = allowsWebSearch
        self.streamsAsArray = streamsAsArray
        self.recall = recall
        self.now = now
        self.requestID = requestID
    }
}

/// What happens with what the target cannot carry, where leaving it out is not plainly wrong (conversion.md 10).
public enum LossPolicy: String, Sendable, Hashable, CaseIterable {
    /// The request is refused with a 400 that names the field.
    case strict
    /// It is left out or approximated, and said in `x-proxyd-lossy`.
    case warn
    /// It is left out or approximated.
    case silent
}

/// One thing a conversion changed or left out.
public struct LossyNote: Sendable, Hashable, CustomStringConvertible {
    public enum Action: String, Sendable, Hashable { case dropped, clamped, emulated, approximated, moved }

    /// The request field, by its path in the client's format.
    public var param: String
    public var action: Action

    public init(_ param: String, _ action: Action) {
        self.param = param
        self.action = action
    }

    /// As the header has it: `top_k=dropped`.
    public var description: String { "\(param)=\(action.rawValue)" }

    /// The value of the `x-proxyd-lossy` header; nil when nothing was lost.
    public static func header(_ notes: [LossyNote]) -> String? {
        notes.isEmpty ? nil : notes.map(\.description).joined(separator: ";")
    }
}

/// Why a request cannot be converted. It is the client's to read: `ErrorBody` gives it the client's shape.
public struct ConversionProblem: Error, Sendable, Hashable {
    public var errorClass: ErrorClass
    public var message: String
    /// The field at fault, by its path in the client's format.
    public var param: String?
    /// What an Anthropic client is told beside it, `error.details`: its SDK knows what to do without some features.
    public var details: JSONValue?

    public init(_ errorClass: ErrorClass, _ message: String, param: String? = nil) {
        self.errorClass = errorClass
        self.message = message
        self.param = param
    }
}
