/// What a conversion must know beside the request itself. All of it comes from configuration or the exchange; none is guessed.
public struct ConversionOptions: Sendable {
    /// What the target model can do.
    public var capabilities: Capabilities
    /// What happens with what cannot be carried.
    public var lossPolicy: LossPolicy
    /// The upper bound for the response, where the tier has one.
    public var maxTokensCap: Int?
    /// The response's bound when the client named none and the target demands one.
    public var defaultMaxTokens: Int
    /// The same where nobody says otherwise.
    public static let maxTokensPutIn = 8_192
    /// Whether the response is to be streamed, for clients that say it in the path (Gemini); nil: as the body says.
    public var stream: Bool?
    /// Whether a client's web search may become the target's own, which costs its operator money.
    public var allowsWebSearch: Bool
    /// A Gemini client that did not ask for `alt=sse`: its stream is one JSON array.
    public var streamsAsArray: Bool
    /// What is remembered of a call by the client's id for it: signatures that the client's format has no field for
    /// (`ThoughtCache`).
    public var recall: (@Sendable (String) -> ToolThoughts?)?
    /// What is kept under a response's id (`ResponseMemory`); nil: nothing is kept.
    public var recallResponse: (@Sendable (String) -> [UInt8]?)?
    /// What seals the items that only this proxyd reads; nil: none are made.
    public var sealing: ItemSealing?
    /// What the rule sets; all of it that the client's format has a name for is in the body already.
    public var set = RequestOverrides.none
    /// Seconds since 1970, for the times that some responses carry.
    public var now: Int
    /// Ids of the response are derived from it when the upstream gives none.
    public var requestID: String

    public init(
        capabilities: Capabilities = Capabilities(), lossPolicy: LossPolicy = .warn, maxTokensCap: Int? = nil,
        defaultMaxTokens: Int = ConversionOptions.maxTokensPutIn, stream: Bool? = nil, allowsWebSearch: Bool = false,
        streamsAsArray: Bool = false, recall: (@Sendable (String) -> ToolThoughts?)? = nil, now: Int = 0, requestID: String = ""
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
        self.param = Self.name(param)
        self.action = action
    }

    /// The names of a client's members are its own choice: as much of one as a header and a metric can carry, printable.
    private static func name(_ param: String) -> String {
        let isFine = param.utf8.count <= longestName && param.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3B }
        guard !isFine else { return param }
        var name = ""
        for byte in param.utf8.prefix(longestName) {
            let isPlain = byte > 0x20 && byte < 0x7F && byte != 0x3B
            name.unicodeScalars.append(Unicode.Scalar(isPlain ? byte : UInt8(ascii: "?")))
        }
        return param.utf8.count > longestName ? name.prefix(longestName - 3) + "..." : name
    }

    private static let longestName = 64
    /// Bytes that the header's value may have.
    private static let longestHeader = 1_024

    /// The note as the header has it: `top_k=dropped`.
    public var description: String { "\(param)=\(action.rawValue)" }

    /// The field for a metric's label: of those that formats have; what a client made up is `other`.
    public var label: String {
        if Self.known.contains(param) { return param }
        let root = param.prefix { $0 != "." && $0 != "[" }
        return param.utf8.count != root.utf8.count && Self.known.contains(String(root)) ? String(root) : "other"
    }

    private static let known: Set<String> = [
        "audio", "cache_control", "container", "contents", "context_management", "finishReason", "finish_reason",
        "frequency_penalty", "function_call",
        "functions",
        "generationConfig", "include", "inference_geo", "input", "instructions", "labels", "logit_bias", "logprobs",
        "max_completion_tokens", "max_output_tokens", "max_tool_calls", "max_tokens", "mcp_servers", "messages",
        "messages.content",
        "messages.prefill", "input.prefill", "contents.prefill",
        "metadata", "modalities", "moderation", "n", "output_config", "output_format", "parallel_tool_calls",
        "prediction", "presence_penalty", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_retention",
        "reasoning",
        "reasoning_effort", "response_format", "safetySettings", "safety_identifier", "seed", "service_tier", "status", "stop",
        "stop_reason", "stop_sequences", "store", "stream_options", "system", "systemInstruction", "temperature", "text",
        "thinking",
        "toolConfig",
        "tool_choice", "tools", "top_k", "top_logprobs", "top_p", "truncation", "user", "verbosity", "web_search_options",
    ]

    /// The value of the `x-proxyd-lossy` header; nil when nothing was lost.
    ///
    /// Names are cut, and written so that none ends the line or looks like a second note; of many notes the last ones are counted.
    public static func header(_ notes: [LossyNote]) -> String? {
        guard let first = notes.first else { return nil }
        var text = first.description
        for (index, note) in notes.enumerated().dropFirst() {
            let next = note.description
            // Room for the words that say how many are not named.
            guard text.utf8.count + next.utf8.count + 24 <= longestHeader else {
                return text + ";and-\(notes.count - index)-more"
            }
            text += ";" + next
        }
        return text
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
