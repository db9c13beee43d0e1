/// Writes a response as a Gemini stream: one `GenerateContentResponse` for every delta, calls whole (conversion.md 6.9).
struct GeminiStreamWriter: ResponseEventWriter, Sendable {
    private var call: FoldedResponse.Block?
    private var signature: WrappedSignature?
    /// Calls that follow one another, comma between them: like Google's own they go out together.
    private var calls: [UInt8] = []
    /// Elements of the array that were written, where the stream is one.
    private var elements = 0
    /// The refusal's words: Google's own clients show nothing but text, the others look beside the end.
    private var refusal: [UInt8] = []

    mutating func begin(_ state: inout ResponseState) {}

    /// Begins a chunk: an event, or the next element of the array that clients without `alt=sse` get.
    private mutating func beginEvent(_ state: inout ResponseState) {
        guard state.context.streamsAsArray else { return SSEWriter.begin(into: &state.out) }
        state.out.append(elements == 0 ? "[" : ",\r\n")
        elements &+= 1
    }

    private func endEvent(_ state: inout ResponseState, isLast: Bool = false) {
        if !state.context.streamsAsArray { SSEWriter.end(into: &state.out) } else if isLast { state.out.append("]") }
    }

    mutating func open(_ block: ResponseBlock, id: RawText, name: RawText, _ state: inout ResponseState) {
        if !block.isCall { flushCalls(&state) }
        guard block.isCall else { return }
        call = FoldedResponse.Block(kind: block, id: Array(id), name: Array(name), signature: signature)
        signature = nil
    }

    mutating func delta(_ block: ResponseBlock, _ text: RawText, _ state: inout ResponseState) {
        switch block {
        case .tool, .customTool, .toolSearch: call?.text.append(contentsOf: text)
        case .text, .refusal, .thinking:
            if block == .refusal { refusal.append(contentsOf: text) }
            begin(chunk: &state)
            state.out.append("{\"text\":\"")
            state.out.append(contentsOf: text)
            state.out.append(block == .thinking ? "\",\"thought\":true}" : "\"}")
            end(chunk: &state)
        case .redacted, .compaction: break
        }
    }

    mutating func sign(_ signature: WrappedSignature, _ state: inout ResponseState) { self.signature = signature }

    mutating func close(_ block: ResponseBlock, isCut: Bool, _ state: inout ResponseState) {
        switch block {
        case .tool, .customTool, .toolSearch:
            guard let call else { return }
            self.call = nil
            if !calls.isEmpty { calls.append(0x2C) }
            GeminiBody.append(call: call, to: &calls)
        case .thinking:
            guard let signature else { return }
            begin(chunk: &state)
            state.out.append("{\"text\":\"\",\"thought\":true,\"thoughtSignature\":")
            state.out.append(jsonString: SignatureEnvelope.base64(signature.envelope))
            state.out.append(0x7D)
            end(chunk: &state)
            self.signature = nil
        case .redacted: signature = nil
        case .text, .refusal, .compaction: break
        }
    }

    private mutating func flushCalls(_ state: inout ResponseState) {
        guard !calls.isEmpty else { return }
        begin(chunk: &state)
        state.out += calls
        end(chunk: &state)
        calls = []
    }

    mutating func end(_ ending: ResponseEnding, _ state: inout ResponseState) {
        let ending = GeminiBody.shown(ending, refusal: refusal)
        flushCalls(&state)
        beginEvent(&state)
        state.out.append("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]},\"finishReason\":\"")
        state.out.append(GeminiBody.label(ending.reason))
        state.out.append(0x22)
        GeminiBody.append(explanation: ending, to: &state.out)
        GeminiBody.append(searches: state.searches, to: &state.out)
        state.out.append(",\"index\":0}],\"usageMetadata\":")
        GeminiBody.append(usage: state.usage ?? TokenUsage(), to: &state.out)
        GeminiBody.append(identity: state, to: &state.out)
        endEvent(&state, isLast: true)
    }

    mutating func fail(_ error: UpstreamError, _ state: inout ResponseState) {
        flushCalls(&state)
        beginEvent(&state)
        state.out += ErrorBody.bytes(error.errorClass, message: error.message, dialect: .gemini)
        endEvent(&state, isLast: true)
    }

    private mutating func begin(chunk state: inout ResponseState) {
        beginEvent(&state)
        state.out.append("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[")
    }

    private func end(chunk state: inout ResponseState) {
        state.out.append("]},\"index\":0}]")
        GeminiBody.append(identity: state, to: &state.out)
        endEvent(&state)
    }
}

/// A whole response in Gemini's shape, and the pieces its chunks are made of.
enum GeminiBody {
    static func bytes(_ response: FoldedResponse, _ state: ResponseState) -> [UInt8] {
        let ending = shown(response.ending ?? ResponseEnding(reason: .endTurn), refusal: response.text(of: .refusal))
        var out: [UInt8] = []
        out.append("{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[")
        var isFirst = true
        for block in response.blocks where block.kind != .redacted {
            if !isFirst { out.append(0x2C) }
            isFirst = false
            switch block.kind {
            case .tool, .customTool, .toolSearch: append(call: block, to: &out)
            case .text, .refusal, .thinking, .redacted, .compaction:
                out.append("{\"text\":")
                out.append(quoting: block.text)
                if block.kind == .thinking {
                    out.append(",\"thought\":true")
                    append(signature: block.signature, to: &out)
                }
                out.append(0x7D)
            }
        }
        out.append("]},\"finishReason\":\"")
        out.append(label(ending.reason))
        out.append(0x22)
        append(explanation: ending, to: &out)
        append(searches: state.searches, to: &out)
        out.append(",\"index\":0}],\"usageMetadata\":")
        append(usage: state.usage ?? TokenUsage(), to: &out)
        append(identity: state, to: &out)
        return out
    }

    static func append(call: FoldedResponse.Block, to out: inout [UInt8]) {
        out.append("{\"functionCall\":{\"id\":")
        out.append(quoting: call.id)
        out.append(",\"name\":")
        out.append(quoting: call.name)
        out.append(",\"args\":")
        call.input.write(to: &out)
        out.append(0x7D)
        append(signature: call.signature, to: &out)
        out.append(0x7D)
    }

    private static func append(signature: WrappedSignature?, to out: inout [UInt8]) {
        guard let signature else { return }
        out.append(",\"thoughtSignature\":")
        out.append(jsonString: SignatureEnvelope.base64(signature.envelope))
    }

    static func append(explanation ending: ResponseEnding, to out: inout [UInt8]) {
        guard ending.reason == .refusal, let words = ending.explanation, !words.isEmpty else { return }
        out.append(",\"finishMessage\":")
        out.append(quoting: words)
    }

    static func append(searches: WebSearches, to out: inout [UInt8]) {
        guard !searches.queries.isEmpty || !searches.sources.isEmpty else { return }
        let chunks = searches.sources.map { JSONValue.object(["web": ["uri": .string($0.url), "title": .string($0.title)]]) }
        out.append(",\"groundingMetadata\":")
        let value: JSONValue = [
            "webSearchQueries": .array(searches.queries.map { .string($0) }), "groundingChunks": .array(chunks),
        ]
        value.write(to: &out)
    }

    static func append(identity state: ResponseState, to out: inout [UInt8]) {
        out.append(",\"modelVersion\":")
        out.append(quoting: state.model)
        out.append(",\"responseId\":\"")
        out.append(state.id)
        out.append("\"}")
    }

    static func append(usage: TokenUsage, to out: inout [UInt8]) {
        out.append("{\"promptTokenCount\":")
        out.append(decimal: usage.input)
        if usage.cacheRead > 0 {
            out.append(",\"cachedContentTokenCount\":")
            out.append(decimal: usage.cacheRead)
        }
        out.append(",\"candidatesTokenCount\":")
        out.append(decimal: Swift.max(0, usage.output &- usage.reasoning))
        if usage.reasoning > 0 {
            out.append(",\"thoughtsTokenCount\":")
            out.append(decimal: usage.reasoning)
        }
        out.append(",\"totalTokenCount\":")
        out.append(decimal: usage.total)
        out.append(0x7D)
    }

    /// The end as it is told: a refusal in words is one even when the upstream calls it a normal stop; a cut response stays cut.
    static func shown(_ ending: ResponseEnding, refusal: [UInt8]) -> ResponseEnding {
        guard !refusal.isEmpty, ending.reason != .maxTokens else { return ending }
        return ResponseEnding(reason: .refusal, explanation: refusal)
    }

    static func label(_ reason: StopReason) -> StaticString {
        switch reason {
        case .endTurn, .stopSequence, .toolUse, .pauseTurn: "STOP"
        case .maxTokens: "MAX_TOKENS"
        case .refusal: "SAFETY"
        case .other: "OTHER"
        }
    }
}
