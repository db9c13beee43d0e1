/// Writes a response as an Anthropic event stream (conversion.md 6.2, 6.3).
struct MessagesStreamWriter: ResponseEventWriter, Sendable {
    private var index = 0
    private var signature: WrappedSignature?
    private var hasBlocks = false
    /// The refusal's words: no block of text, they explain the stop reason.
    private var refusal: [UInt8] = []

    mutating func begin(_ state: inout ResponseState) {
        SSEWriter.begin("message_start", into: &state.out)
        state.out.append("{\"type\":\"message_start\",\"message\":{\"id\":\"")
        state.out.append(state.id)
        state.out.append("\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"")
        state.out.append(contentsOf: state.model)
        state.out.append("\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":")
        var usage = state.usage ?? TokenUsage()
        usage.output = 0
        MessagesUsage.append(usage, state, to: &state.out)
        state.out.append("}}")
        SSEWriter.end(into: &state.out)
    }

    mutating func open(_ block: ResponseBlock, id: RawText, name: RawText, _ state: inout ResponseState) {
        switch block {
        case .refusal: return
        case .redacted, .compaction: break
        case .text: startBlock("{\"type\":\"text\",\"text\":\"\"}", &state)
        case .thinking: startBlock("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}", &state)
        case .tool, .customTool, .toolSearch:
            if let signature {
                // A call has no field for a signature that clients return, so an empty thought before it carries the signature.
                self.signature = signature
                startBlock("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}", &state)
                closeThinking(&state)
                stopBlock(&state)
            }
            beginEvent("content_block_start", &state)
            state.out.append(",\"content_block\":{\"type\":\"tool_use\",\"id\":\"")
            state.out.append(contentsOf: id)
            state.out.append("\",\"name\":\"")
            state.out.append(contentsOf: name)
            state.out.append("\",\"input\":{}}}")
            SSEWriter.end(into: &state.out)
        }
        hasBlocks = true
    }

    mutating func delta(_ block: ResponseBlock, _ text: RawText, _ state: inout ResponseState) {
        switch block {
        case .text: append("{\"type\":\"text_delta\",\"text\":\"", text, &state)
        case .thinking: append("{\"type\":\"thinking_delta\",\"thinking\":\"", text, &state)
        case .tool, .customTool, .toolSearch: append("{\"type\":\"input_json_delta\",\"partial_json\":\"", text, &state)
        case .refusal: refusal.append(contentsOf: text)
        case .redacted, .compaction: break
        }
    }

    mutating func sign(_ signature: WrappedSignature, _ state: inout ResponseState) { self.signature = signature }

    mutating func close(_ block: ResponseBlock, isCut: Bool, _ state: inout ResponseState) {
        switch block {
        case .refusal: return
        case .redacted:
            beginEvent("content_block_start", &state)
            state.out.append(",\"content_block\":{\"type\":\"redacted_thinking\",\"data\":")
            state.out.append(jsonString: signature?.envelope ?? "")
            state.out.append("}}")
            SSEWriter.end(into: &state.out)
            signature = nil
        case .thinking: closeThinking(&state)
        case .text, .tool, .customTool, .toolSearch, .compaction: break
        }
        stopBlock(&state)
    }

    mutating func search(_ state: inout ResponseState) {
        hasBlocks = true
        beginEvent("content_block_start", &state)
        state.out.append(",\"content_block\":")
        MessagesSearch.append(call: state, input: [:], to: &state.out)
        state.out.append(0x7D)
        SSEWriter.end(into: &state.out)
        var input: [UInt8] = []
        MessagesSearch.input(state).bytes.withUnsafeBytes { JSONText.append(escaping: $0, to: &input) }
        input.withUnsafeBytes { append("{\"type\":\"input_json_delta\",\"partial_json\":\"", $0, &state) }
        stopBlock(&state)
        beginEvent("content_block_start", &state)
        state.out.append(",\"content_block\":")
        MessagesSearch.append(result: state, to: &state.out)
        state.out.append(0x7D)
        SSEWriter.end(into: &state.out)
        stopBlock(&state)
    }

    mutating func end(_ ending: ResponseEnding, _ state: inout ResponseState) {
        if !hasBlocks, !MessagesStop.isRefusal(ending, refusal) {
            // Several clients index the first block without looking.
            startBlock("{\"type\":\"text\",\"text\":\"\"}", &state)
            if !refusal.isEmpty { refusal.withUnsafeBytes { append("{\"type\":\"text_delta\",\"text\":\"", $0, &state) } }
            stopBlock(&state)
        }
        SSEWriter.begin("message_delta", into: &state.out)
        state.out.append("{\"type\":\"message_delta\",\"delta\":{")
        MessagesStop.append(ending, refusal: refusal, to: &state.out)
        state.out.append("},\"usage\":")
        MessagesUsage.append(state.usage ?? TokenUsage(), state, to: &state.out)
        state.out.append("}")
        SSEWriter.end(into: &state.out)
        SSEWriter.begin("message_stop", into: &state.out)
        state.out.append("{\"type\":\"message_stop\"}")
        SSEWriter.end(into: &state.out)
    }

    mutating func fail(_ error: UpstreamError, _ state: inout ResponseState) {
        state.out += ErrorBody.streamEvent(error.errorClass, message: error.message, dialect: .anthropic)
    }

    // MARK: Pieces

    private func beginEvent(_ name: StaticString, _ state: inout ResponseState) {
        SSEWriter.begin(name, into: &state.out)
        state.out.append("{\"type\":\"")
        state.out.append(name)
        state.out.append("\",\"index\":")
        state.out.append(decimal: index)
    }

    private func startBlock(_ block: StaticString, _ state: inout ResponseState) {
        beginEvent("content_block_start", &state)
        state.out.append(",\"content_block\":")
        state.out.append(block)
        state.out.append(0x7D)
        SSEWriter.end(into: &state.out)
    }

    @inline(__always)
    private func append(_ head: StaticString, _ text: RawText, _ state: inout ResponseState) {
        beginEvent("content_block_delta", &state)
        state.out.append(",\"delta\":")
        state.out.append(head)
        state.out.append(contentsOf: text)
        state.out.append("\"}}")
        SSEWriter.end(into: &state.out)
    }

    private mutating func stopBlock(_ state: inout ResponseState) {
        beginEvent("content_block_stop", &state)
        state.out.append(0x7D)
        SSEWriter.end(into: &state.out)
        index &+= 1
    }

    /// A thinking block ends with its signature; one from elsewhere gets our envelope, so that clients always have a text there.
    private mutating func closeThinking(_ state: inout ResponseState) {
        let envelope = signature?.envelope ?? MessagesStop.emptySignature(state)
        signature = nil
        beginEvent("content_block_delta", &state)
        state.out.append(",\"delta\":{\"type\":\"signature_delta\",\"signature\":")
        state.out.append(jsonString: envelope)
        state.out.append("}}")
        SSEWriter.end(into: &state.out)
    }
}

/// Usage as Anthropic counts it: cached input is not part of `input_tokens`.
enum MessagesUsage {
    static func append(_ usage: TokenUsage, _ state: ResponseState, to out: inout [UInt8]) {
        let tier = state.serviceTier
        out.append("{\"input_tokens\":")
        out.append(decimal: usage.uncachedInput)
        out.append(",\"cache_creation_input_tokens\":")
        out.append(decimal: usage.cacheWrite)
        out.append(",\"cache_read_input_tokens\":")
        out.append(decimal: usage.cacheRead)
        out.append(",\"output_tokens\":")
        out.append(decimal: usage.output)
        if usage.reasoning > 0 {
            out.append(",\"output_tokens_details\":{\"thinking_tokens\":")
            out.append(decimal: usage.reasoning)
            out.append(0x7D)
        }
        if !state.searches.isEmpty {
            out.append(",\"server_tool_use\":{\"web_search_requests\":")
            out.append(decimal: state.searches.requests)
            out.append(0x7D)
        }
        if tier == "default" { out.append(",\"service_tier\":\"standard\"") }
        if tier == "priority" { out.append(",\"service_tier\":\"priority\"") }
        out.append(0x7D)
    }
}

/// Stop reasons in Anthropic's words.
enum MessagesStop {
    /// Appends `"stop_reason":…,"stop_sequence":…` and, for a refusal, its details.
    static func append(_ ending: ResponseEnding, refusal: [UInt8], to out: inout [UInt8]) {
        let isRefusal = Self.isRefusal(ending, refusal)
        out.append("\"stop_reason\":\"")
        out.append(isRefusal ? "refusal" : label(ending.reason))
        out.append("\",\"stop_sequence\":")
        if ending.reason == .stopSequence, let stop = ending.stopSequence {
            out.append(0x22)
            out.append(contentsOf: stop)
            out.append(0x22)
        } else {
            out.append("null")
        }
        guard isRefusal else { return }
        out.append(",\"stop_details\":{\"type\":\"refusal\",\"category\":null,\"explanation\":")
        let words = refusal.isEmpty ? ending.explanation ?? [] : refusal
        if words.isEmpty {
            out.append("null}")
        } else {
            out.append(0x22)
            out.append(contentsOf: words)
            out.append("\"}")
        }
    }

    /// A refusal in words is one even when the upstream calls it a normal stop; a cut response stays cut.
    static func isRefusal(_ ending: ResponseEnding, _ refusal: [UInt8]) -> Bool {
        ending.reason == .refusal || (!refusal.isEmpty && ending.reason != .maxTokens)
    }

    private static func label(_ reason: StopReason) -> StaticString {
        switch reason {
        case .endTurn, .other: "end_turn"
        case .stopSequence: "stop_sequence"
        case .maxTokens: "max_tokens"
        case .toolUse: "tool_use"
        case .pauseTurn: "pause_turn"
        case .refusal: "refusal"
        }
    }

    /// The envelope of a thought that its vendor did not sign.
    static func emptySignature(_ state: ResponseState) -> String {
        SignatureEnvelope(
            family: state.context.upstream.format.signatures,
            model: state.model.withUnsafeBytes { JSONText.decode($0) }, kind: .think, original: ""
        ).encoded
    }
}
