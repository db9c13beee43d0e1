/// What the parts of one request conversion share: options, names, and the list of what was lost.
struct RequestWork {
    let options: ConversionOptions
    let client: ClientDialect
    private(set) var upstream: UpstreamDialect
    /// What the upstream is asked for.
    let model: String
    var names: ToolNames
    var ids: ToolIDs
    private(set) var notes: [LossyNote] = []
    /// Tools of the client's that take free text, by the client's name.
    var customTools: Set<String> = []
    /// A Responses client's tools that live in a namespace, by their flat name.
    var namespaces: [String: ToolNamespace] = [:]
    /// The function that stands for a Responses client's own search for tools.
    var toolSearch: String?
    /// What the rule sets in the upstream's own words, which the client's format does not know.
    private(set) var carried: [(member: String, value: JSONValue)] = []
    /// Stop sequences that the upstream does not take and proxyd looks for itself.
    var emulatedStops: [String] = []
    /// Tokens that the answer may have, where thoughts are given room beside what the client asked for.
    var raisedOutput: Int?

    init(options: ConversionOptions, client: ClientDialect, upstream: UpstreamDialect, model: String) {
        self.options = options
        self.client = client
        self.upstream = upstream
        self.model = model
        names = ToolNames(upstream.format.toolNames)
        let kin = upstream.format.kin
        let takesCallIDs = kin == .openai || kin == .responses
        ids = ToolIDs(upstream.format, takesCallIDs ? options.capabilities.openAI.quirks.callIDs : nil)
    }

    /// The request goes to the upstream in another format than its own.
    mutating func turn(to other: UpstreamDialect) {
        upstream = other
        names = ToolNames(other.format.toolNames)
        ids = ToolIDs(other.format, options.capabilities.openAI.quirks.callIDs)
    }

    /// What the client's format calls a field that the hub knows by its own name.
    func param(_ field: HubField) -> String {
        switch client {
        case .anthropic: field.messages
        case .openai: field.chat
        case .responses: field.responses
        case .gemini: field.gemini
        }
    }

    /// What the client calls a parameter that OpenAI calls `name`, where its format has it under a name or in a place of its own.
    func param(openAI name: String) -> String {
        switch (client, name) {
        case (.responses, "verbosity"): "text.verbosity"
        case (.responses, "logprobs"): "top_logprobs"
        case (.gemini, "temperature"): "generationConfig.temperature"
        case (.gemini, "seed"): "generationConfig.seed"
        case (.gemini, "presence_penalty"): "generationConfig.presencePenalty"
        case (.gemini, "frequency_penalty"): "generationConfig.frequencyPenalty"
        case (.gemini, "logprobs"): "generationConfig.responseLogprobs"
        case (.gemini, "top_logprobs"): "generationConfig.logprobs"
        default: name
        }
    }

    /// Where the client has what a turn says.
    func content(of turn: HubTurn) -> String {
        switch client {
        case .anthropic: "messages.\(turn.position).content"
        case .openai: "messages[\(turn.position)].content"
        case .responses: "input[\(turn.position)].content"
        case .gemini: "contents[\(turn.position)].parts"
        }
    }

    /// Where the client has a tool.
    func tool(_ index: Int) -> String { client == .anthropic ? "tools.\(index)" : "tools[\(index)]" }

    /// Records that `field` was not carried as it was.
    mutating func note(_ field: HubField, _ action: LossyNote.Action) throws(ConversionProblem) {
        try note(param(field), action)
    }

    /// Records that `param` was not carried as it was. In strict mode that refuses the request.
    mutating func note(_ param: String, _ action: LossyNote.Action) throws(ConversionProblem) {
        if action == .dropped, let set = options.set.carried(param, from: client, to: upstream.format.kin) {
            return carried.append(set)
        }
        switch options.lossPolicy {
        // A client that wants nothing lost of what it says said nothing of this.
        case .strict where !options.set.sets(param, for: client):
            throw ConversionProblem(
                .unsupported, "\(param): cannot be carried to this upstream (\(action.rawValue))", param: param)
        case .strict, .warn, .silent:
            let note = LossyNote(param, action)
            if notes.count < 64, !notes.contains(note) { notes.append(note) }
        }
    }

    /// The problem of a request that its own format forbids.
    static func invalid(_ param: String, _ what: String) -> ConversionProblem {
        ConversionProblem(.badRequest, "\(param): \(what)", param: param)
    }

    /// The problem of a request that the target cannot serve.
    static func unsupported(_ param: String, _ what: String) -> ConversionProblem {
        ConversionProblem(.unsupported, "\(param): \(what)", param: param)
    }
}

/// Fields that formats have under different names.
enum HubField {
    case reasoning, stops, format, topK, topP, parallelTools
    /// The model's words at the end, which it was to go on with.
    case prefill

    var messages: String {
        switch self {
        case .reasoning: "thinking"
        case .stops: "stop_sequences"
        case .format: "output_config.format"
        case .topK: "top_k"
        case .topP: "top_p"
        case .parallelTools: "tool_choice.disable_parallel_tool_use"
        case .prefill: "messages.prefill"
        }
    }

    var chat: String {
        switch self {
        case .reasoning: "reasoning_effort"
        case .stops: "stop"
        case .format: "response_format"
        case .topK: "top_k"
        case .topP: "top_p"
        case .parallelTools: "parallel_tool_calls"
        case .prefill: "messages.prefill"
        }
    }

    var responses: String {
        switch self {
        case .reasoning: "reasoning"
        case .format: "text.format"
        case .prefill: "input.prefill"
        case .stops, .topK, .topP, .parallelTools: chat
        }
    }

    var gemini: String {
        switch self {
        case .reasoning: "generationConfig.thinkingConfig"
        case .stops: "generationConfig.stopSequences"
        case .format: "generationConfig.responseSchema"
        case .topK: "generationConfig.topK"
        case .topP: "generationConfig.topP"
        case .parallelTools: "toolConfig"
        case .prefill: "contents.prefill"
        }
    }
}
