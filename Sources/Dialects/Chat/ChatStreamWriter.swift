/// Writes a response as a Chat Completions stream (conversion.md 6.2, 6.4).
struct ChatStreamWriter: ResponseEventWriter, Sendable {
    /// What every chunk begins with, up to the choice's delta.
    private var head: [UInt8] = []
    /// What follows a delta in every chunk but the last.
    private var tail: [UInt8] = []
    private var toolIndex = -1
    private var hasArguments = false
    private var hasText = false
    private var signature: WrappedSignature?

    mutating func begin(_ state: inout ResponseState) {
        head = Array("data: ".utf8)
        ChatChunk.appendIdentity("chat.completion.chunk", state, to: &head)
        head.append(",\"choices\":[{\"index\":0,\"delta\":{")
        tail = Array("},\"logprobs\":null,\"finish_reason\":null}]".utf8)
        if state.context.includesUsage { tail.append(",\"usage\":null") }
        tail.append("}\n\n")
        chunk("\"role\":\"assistant\",\"content\":\"\"", &state)
    }

    mutating func open(_ block: ResponseBlock, id: RawText, name: RawText, _ state: inout ResponseState) {
        guard block.isCall else { return }
        toolIndex &+= 1
        hasArguments = false
        state.out += head
        state.out.append("\"tool_calls\":[{\"index\":")
        state.out.append(decimal: toolIndex)
        state.out.append(",\"id\":\"")
        state.out.append(contentsOf: id)
        state.out.append(
            block == .tool
                ? "\",\"type\":\"function\",\"function\":{\"name\":\"" : "\",\"type\":\"custom\",\"custom\":{\"name\":\"")
        state.out.append(contentsOf: name)
        state.out.append(block == .tool ? "\",\"arguments\":\"\"}" : "\",\"input\":\"\"}")
        if let signature, state.context.upstream.format.signatures == .gemini {
            ChatChunk.append(signature: signature, to: &state.out)
        }
        signature = nil
        state.out.append("}]")
        state.out += tail
    }

    mutating func delta(_ block: ResponseBlock, _ text: RawText, _ state: inout ResponseState) {
        switch block {
        case .text:
            hasText = true
            if !state.logprobs.isEmpty { return appendWithLogprobs(text, &state) }
            append("\"content\":\"", text, "\"", &state)
        case .thinking: append("\"reasoning_content\":\"", text, "\"", &state)
        case .refusal: append("\"refusal\":\"", text, "\"", &state)
        case .tool, .customTool, .toolSearch:
            hasArguments = true
            appendArguments(block, text, &state)
        case .redacted, .compaction: break
        }
    }

    mutating func sign(_ signature: WrappedSignature, _ state: inout ResponseState) {
        if signature.kind == .call { self.signature = signature }
    }

    mutating func close(_ block: ResponseBlock, isCut: Bool, _ state: inout ResponseState) {
        guard block == .tool, !hasArguments, !isCut else { return }
        // Clients parse the string: an empty object is one, an empty string is not.
        [UInt8]("{}".utf8).withUnsafeBytes { appendArguments(.tool, $0, &state) }
    }

    mutating func annotate(_ citation: WebCitation, _ state: inout ResponseState) {
        state.out += head
        state.out.append("\"annotations\":[")
        citation.append(to: &state.out, nested: true)
        state.out.append("]")
        state.out += tail
    }

    mutating func end(_ ending: ResponseEnding, _ state: inout ResponseState) {
        if ending.reason == .refusal, !hasText, let words = ending.explanation, !words.isEmpty {
            words.withUnsafeBytes { append("\"refusal\":\"", $0, "\"", &state) }
        }
        state.out += head
        state.out.append("},\"logprobs\":")
        ChatChunk.append(logprobs: state.logprobs, to: &state.out)
        state.out.append(",\"finish_reason\":\"")
        state.out.append(ChatStop.label(ending.reason))
        state.out.append("\"}]")
        state.out.append(state.context.includesUsage ? ",\"usage\":null}\n\n" : "}\n\n")
        if state.context.includesUsage {
            state.out.append("data: ")
            ChatChunk.appendIdentity("chat.completion.chunk", state, to: &state.out)
            state.out.append(",\"choices\":[],\"usage\":")
            ChatUsage.append(state.usage ?? TokenUsage(), to: &state.out)
            state.out.append("}\n\n")
        }
        SSEWriter.done(into: &state.out)
    }

    mutating func fail(_ error: UpstreamError, _ state: inout ResponseState) {
        state.out += ErrorBody.streamEvent(error.errorClass, message: error.message, dialect: .openai)
    }

    private func chunk(_ delta: StaticString, _ state: inout ResponseState) {
        state.out += head
        state.out.append(delta)
        state.out += tail
    }

    @inline(__always)
    private func append(_ before: StaticString, _ text: RawText, _ after: StaticString, _ state: inout ResponseState) {
        state.out += head
        state.out.append(before)
        state.out.append(contentsOf: text)
        state.out.append(after)
        state.out += tail
    }

    /// A piece of text with the probabilities that were told before it.
    private func appendWithLogprobs(_ text: RawText, _ state: inout ResponseState) {
        state.out += head
        state.out.append("\"content\":\"")
        state.out.append(contentsOf: text)
        state.out.append("\"},\"logprobs\":")
        ChatChunk.append(logprobs: state.logprobs, to: &state.out)
        state.logprobs = []
        state.out.append(",\"finish_reason\":null}]")
        state.out.append(state.context.includesUsage ? ",\"usage\":null}\n\n" : "}\n\n")
    }

    private func appendArguments(_ block: ResponseBlock, _ text: RawText, _ state: inout ResponseState) {
        state.out += head
        state.out.append("\"tool_calls\":[{\"index\":")
        state.out.append(decimal: toolIndex)
        state.out.append(block == .tool ? ",\"function\":{\"arguments\":\"" : ",\"custom\":{\"input\":\"")
        state.out.append(contentsOf: text)
        state.out.append("\"}}]")
        state.out += tail
    }
}

/// What chunks and whole responses of the chat format share.
enum ChatChunk {
    /// Appends `{"id":…,"object":…,"created":…,"model":…`, the object left open.
    static func appendIdentity(_ object: StaticString, _ state: ResponseState, to out: inout [UInt8]) {
        out.append("{\"id\":\"")
        out.append(state.id)
        out.append("\",\"object\":\"")
        out.append(object)
        out.append("\",\"created\":")
        out.append(decimal: state.context.now)
        out.append(",\"model\":\"")
        out.append(contentsOf: state.model)
        out.append(0x22)
        if let tier = state.serviceTier {
            out.append(",\"service_tier\":")
            out.append(jsonString: tier)
        }
    }

    /// Appends a choice's `logprobs`: null for none.
    static func append(logprobs: [UInt8], to out: inout [UInt8]) {
        guard !logprobs.isEmpty else { return out.append("null") }
        out.append("{\"content\":[")
        out += logprobs
        out.append("],\"refusal\":null}")
    }

    /// Google's own convention for thought signatures in the chat format.
    static func append(signature: WrappedSignature, to out: inout [UInt8]) {
        out.append(",\"extra_content\":{\"google\":{\"thought_signature\":")
        out.append(jsonString: signature.plain)
        out.append("}}")
    }
}

/// Usage as OpenAI counts it: everything of the input is in `prompt_tokens`.
enum ChatUsage {
    static func append(_ usage: TokenUsage, to out: inout [UInt8]) {
        out.append("{\"prompt_tokens\":")
        out.append(decimal: usage.input)
        out.append(",\"completion_tokens\":")
        out.append(decimal: usage.output)
        out.append(",\"total_tokens\":")
        out.append(decimal: usage.total)
        out.append(",\"prompt_tokens_details\":{\"cached_tokens\":")
        out.append(decimal: usage.cacheRead)
        out.append(",\"cache_write_tokens\":")
        out.append(decimal: usage.cacheWrite)
        out.append("},\"completion_tokens_details\":{\"reasoning_tokens\":")
        out.append(decimal: usage.reasoning)
        out.append("}}")
    }
}

/// Stop reasons in the chat format's words.
enum ChatStop {
    static func label(_ reason: StopReason) -> StaticString {
        switch reason {
        case .endTurn, .stopSequence, .pauseTurn, .other: "stop"
        case .maxTokens: "length"
        case .toolUse: "tool_calls"
        case .refusal: "content_filter"
        }
    }
}
