/// Writes a response as a Responses event stream: numbered events, one item open at a time (conversion.md 6.5).
///
/// The last event repeats every item, so this writer keeps what it has written; no other format asks for that.
struct ResponsesStreamWriter: ResponseEventWriter, Sendable {
    private var sequence = 0
    private var index = 0
    private var output: [UInt8] = []
    private var block: FoldedResponse.Block?
    /// Kind and id of the item that is open, or whose last events are being written.
    private var kind = ResponseBlock.text
    private var itemID = ""
    private var signature: WrappedSignature?
    private var hasRefusal = false

    mutating func begin(_ state: inout ResponseState) {
        beginEvent("response.created", &state)
        state.out.append(",\"response\":")
        ResponsesItems.append(.inProgress, output: [], state, to: &state.out)
        endEvent(&state)
        beginEvent("response.in_progress", &state)
        state.out.append(",\"response\":")
        ResponsesItems.append(.inProgress, output: [], state, to: &state.out)
        endEvent(&state)
    }

    mutating func open(_ kind: ResponseBlock, id: RawText, name: RawText, _ state: inout ResponseState) {
        let block = FoldedResponse.Block(kind: kind, id: Array(id), name: Array(name))
        self.block = block
        self.kind = kind
        itemID = ResponsesItems.id(kind, index, state)
        if kind == .refusal { hasRefusal = true }
        beginEvent("response.output_item.added", &state)
        state.out.append(",\"output_index\":")
        state.out.append(decimal: index)
        state.out.append(",\"item\":{\"id\":\"")
        state.out.append(itemID)
        switch kind {
        case .text, .refusal:
            state.out.append("\",\"type\":\"message\",\"status\":\"in_progress\",\"role\":\"assistant\",\"content\":[]}")
        case .thinking, .redacted:
            state.out.append("\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":null}")
        case .tool, .customTool:
            state.out.append(
                kind == .tool ? "\",\"type\":\"function_call\",\"call_id\":" : "\",\"type\":\"custom_tool_call\",\"call_id\":")
            state.out.append(quoting: block.id)
            ResponsesItems.appendName(block.name, state, to: &state.out)
            state.out.append(kind == .tool ? ",\"arguments\":\"\"" : ",\"input\":\"\"")
            state.out.append(",\"status\":\"in_progress\"}")
        case .toolSearch:
            state.out.append("\",\"type\":\"tool_search_call\",\"execution\":\"client\",\"call_id\":")
            state.out.append(quoting: block.id)
            state.out.append(",\"arguments\":{},\"status\":\"in_progress\"}")
        case .compaction: state.out.append("\",\"type\":\"compaction\",\"encrypted_content\":\"\"}")
        }
        endEvent(&state)
        switch kind {
        case .text:
            part(
                "response.content_part.added", "{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[],\"logprobs\":[]}",
                &state)
        case .refusal: part("response.content_part.added", "{\"type\":\"refusal\",\"refusal\":\"\"}", &state)
        case .thinking: part("response.reasoning_summary_part.added", "{\"type\":\"summary_text\",\"text\":\"\"}", &state)
        case .redacted, .tool, .customTool, .toolSearch, .compaction: break
        }
    }

    mutating func delta(_ kind: ResponseBlock, _ text: RawText, _ state: inout ResponseState) {
        block?.text.append(contentsOf: text)
        switch kind {
        case .text:
            beginItemEvent("response.output_text.delta", ",\"content_index\":0", &state)
            state.out.append(",\"delta\":\"")
            state.out.append(contentsOf: text)
            state.out.append("\",\"logprobs\":[")
            state.out += state.logprobs
            state.out.append(0x5D)
            endEvent(&state)
            block?.take(&state.logprobs)
        case .refusal: delta("response.refusal.delta", ",\"content_index\":0", text, "", &state)
        case .thinking: delta("response.reasoning_summary_text.delta", ",\"summary_index\":0", text, "", &state)
        case .tool: delta("response.function_call_arguments.delta", "", text, "", &state)
        case .customTool: delta("response.custom_tool_call_input.delta", "", text, "", &state)
        case .redacted, .toolSearch, .compaction: break
        }
    }

    mutating func sign(_ signature: WrappedSignature, _ state: inout ResponseState) {
        self.signature = signature
        guard signature.kind == .call, block == nil else { return }
        // A call has no field for it: an item of reasoning without words goes before the call.
        let none = RawText(start: nil, count: 0)
        open(.redacted, id: none, name: none, &state)
        close(.redacted, isCut: false, &state)
    }

    mutating func close(_ kind: ResponseBlock, isCut: Bool, _ state: inout ResponseState) {
        guard var block else { return }
        self.block = nil
        block.isCut = isCut
        if kind == .thinking || kind == .redacted { block.signature = signature }
        signature = nil
        writeDone(block, &state)
        if !output.isEmpty { output.append(0x2C) }
        ResponsesItems.append(block, index, state, to: &output)
        beginEvent("response.output_item.done", &state)
        state.out.append(",\"output_index\":")
        state.out.append(decimal: index)
        state.out.append(",\"item\":")
        ResponsesItems.append(block, index, state, to: &state.out)
        endEvent(&state)
        index &+= 1
    }

    /// The events that repeat a block's full text.
    private mutating func writeDone(_ block: FoldedResponse.Block, _ state: inout ResponseState) {
        switch block.kind {
        case .text:
            beginItemEvent("response.output_text.done", ",\"content_index\":0", &state)
            state.out.append(",\"text\":")
            state.out.append(quoting: block.text)
            state.out.append(",\"logprobs\":[")
            state.out += block.logprobs
            state.out.append(0x5D)
            endEvent(&state)
            beginPart("response.content_part.done", &state)
            state.out.append("{\"type\":\"output_text\",\"text\":")
            state.out.append(quoting: block.text)
            state.out.append(",\"annotations\":[")
            WebCitation.append(block.citations, to: &state.out)
            state.out.append("],\"logprobs\":[")
            state.out += block.logprobs
            state.out.append("]}")
            endEvent(&state)
        case .refusal:
            done("response.refusal.done", ",\"content_index\":0", "refusal", block.text, "", &state)
            beginPart("response.content_part.done", &state)
            state.out.append("{\"type\":\"refusal\",\"refusal\":")
            state.out.append(quoting: block.text)
            state.out.append(0x7D)
            endEvent(&state)
        case .thinking:
            done("response.reasoning_summary_text.done", ",\"summary_index\":0", "text", block.text, "", &state)
            beginPart("response.reasoning_summary_part.done", &state)
            state.out.append("{\"type\":\"summary_text\",\"text\":")
            state.out.append(quoting: block.text)
            state.out.append(0x7D)
            endEvent(&state)
        case .tool:
            let arguments = ResponsesItems.arguments(block)
            if block.text.isEmpty, !arguments.isEmpty {
                arguments.withUnsafeBytes { delta("response.function_call_arguments.delta", "", $0, "", &state) }
            }
            done("response.function_call_arguments.done", "", "arguments", arguments, "", &state)
        case .customTool: done("response.custom_tool_call_input.done", "", "input", block.text, "", &state)
        case .redacted, .toolSearch, .compaction: break
        }
    }

    mutating func annotate(_ citation: WebCitation, _ state: inout ResponseState) {
        guard let count = block?.citations.count, block?.kind == .text else { return }
        block?.citations.append(citation)
        beginItemEvent("response.output_text.annotation.added", ",\"content_index\":0,\"annotation_index\":", &state)
        state.out.append(decimal: count)
        state.out.append(",\"annotation\":")
        citation.append(to: &state.out)
        endEvent(&state)
    }

    mutating func end(_ ending: ResponseEnding, _ state: inout ResponseState) {
        if let block = ResponsesBody.explanation(ending, hasRefusal: hasRefusal) {
            let none = RawText(start: nil, count: 0)
            open(.refusal, id: none, name: none, &state)
            block.text.withUnsafeBytes { delta(.refusal, $0, &state) }
            close(.refusal, isCut: false, &state)
        }
        state.remember(output, ending.reason)
        let status = ResponsesItems.Status(ending.reason, state)
        if case .incomplete = status {
            beginEvent("response.incomplete", &state)
        } else {
            beginEvent("response.completed", &state)
        }
        state.out.append(",\"response\":")
        ResponsesItems.append(status, output: output, state, to: &state.out)
        endEvent(&state)
    }

    mutating func fail(_ error: UpstreamError, _ state: inout ResponseState) {
        if state.id.isEmpty { state.identify(id: RawText(start: nil, count: 0), model: RawText(start: nil, count: 0)) }
        beginEvent("response.failed", &state)
        state.out.append(",\"response\":")
        ResponsesItems.append(.failed(error), output: output, state, to: &state.out)
        endEvent(&state)
    }

    // MARK: Pieces

    private mutating func beginEvent(_ type: StaticString, _ state: inout ResponseState) {
        SSEWriter.begin(type, into: &state.out)
        state.out.append("{\"type\":\"")
        state.out.append(type)
        state.out.append("\",\"sequence_number\":")
        state.out.append(decimal: sequence)
        sequence &+= 1
    }

    private func endEvent(_ state: inout ResponseState) {
        state.out.append(0x7D)
        SSEWriter.end(into: &state.out)
    }

    private mutating func beginItemEvent(_ type: StaticString, _ place: StaticString, _ state: inout ResponseState) {
        beginEvent(type, &state)
        state.out.append(",\"item_id\":\"")
        state.out.append(itemID)
        state.out.append("\",\"output_index\":")
        state.out.append(decimal: index)
        state.out.append(place)
    }

    private mutating func delta(
        _ type: StaticString, _ place: StaticString, _ text: RawText, _ after: StaticString, _ state: inout ResponseState
    ) {
        beginItemEvent(type, place, &state)
        state.out.append(",\"delta\":\"")
        state.out.append(contentsOf: text)
        state.out.append(0x22)
        state.out.append(after)
        endEvent(&state)
    }

    private mutating func done(
        _ type: StaticString, _ place: StaticString, _ key: StaticString, _ text: [UInt8], _ after: StaticString,
        _ state: inout ResponseState
    ) {
        beginItemEvent(type, place, &state)
        state.out.append(",\"")
        state.out.append(key)
        state.out.append("\":")
        state.out.append(quoting: text)
        state.out.append(after)
        endEvent(&state)
    }

    private mutating func beginPart(_ type: StaticString, _ state: inout ResponseState) {
        beginItemEvent(type, kind == .thinking ? ",\"summary_index\":0,\"part\":" : ",\"content_index\":0,\"part\":", &state)
    }

    private mutating func part(_ type: StaticString, _ part: StaticString, _ state: inout ResponseState) {
        beginPart(type, &state)
        state.out.append(part)
        endEvent(&state)
    }
}
