import Basics

/// The items and the response object that both the stream and the whole response are made of (conversion.md 6.5).
enum ResponsesItems {
    /// The id of the item at `index`; it follows from the response's.
    static func id(_ block: ResponseBlock, _ index: Int, _ state: ResponseState) -> String {
        let hash = SHA256.hex("\(state.seed)/item/\(index)", 32)
        switch block {
        case .text, .refusal: return "msg_" + hash
        case .thinking, .redacted: return "rs_" + hash
        case .tool: return "fc_" + hash
        case .customTool: return "ctc_" + hash
        case .toolSearch: return "tsc_" + hash
        case .compaction: return "cmp_" + hash
        }
    }

    /// Appends a finished item.
    static func append(_ block: FoldedResponse.Block, _ index: Int, _ state: ResponseState, to out: inout [UInt8]) {
        out.append("{\"id\":\"")
        out.append(id(block.kind, index, state))
        switch block.kind {
        case .text:
            out.append("\",\"type\":\"message\",\"status\":\"")
            out.append(block.isCut ? "incomplete" : "completed")
            out.append("\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":")
            out.append(quoting: block.text)
            out.append(",\"annotations\":[")
            WebCitation.append(block.citations, to: &out)
            out.append("],\"logprobs\":[")
            out += block.logprobs
            out.append("]}]}")
        case .refusal:
            out.append(
                "\",\"type\":\"message\",\"status\":\"completed\",\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":"
            )
            out.append(quoting: block.text)
            out.append("}]}")
        case .thinking, .redacted:
            out.append("\",\"type\":\"reasoning\",\"summary\":[")
            if !block.text.isEmpty {
                out.append("{\"type\":\"summary_text\",\"text\":")
                out.append(quoting: block.text)
                out.append(0x7D)
            }
            out.append("],\"encrypted_content\":")
            // Unsigned thoughts carry an empty envelope: so it is known that they are not the vendor's own when they come back.
            out.append(jsonString: block.signature?.envelope ?? MessagesStop.emptySignature(state))
            out.append(0x7D)
        case .tool, .customTool:
            out.append(block.kind == .tool ? "\",\"type\":\"function_call\"" : "\",\"type\":\"custom_tool_call\"")
            out.append(",\"call_id\":")
            out.append(quoting: block.id)
            appendName(block.name, state, to: &out)
            out.append(block.kind == .tool ? ",\"arguments\":" : ",\"input\":")
            out.append(quoting: arguments(block))
            out.append(block.isCut ? ",\"status\":\"incomplete\"}" : ",\"status\":\"completed\"}")
        case .toolSearch:
            out.append("\",\"type\":\"tool_search_call\",\"execution\":\"client\",\"call_id\":")
            out.append(quoting: block.id)
            out.append(",\"arguments\":")
            block.input.write(to: &out)
            out.append(block.isCut ? ",\"status\":\"incomplete\"}" : ",\"status\":\"completed\"}")
        case .compaction:
            out.append("\",\"type\":\"compaction\",\"encrypted_content\":")
            out.append(quoting: block.text)
            out.append(0x7D)
        }
    }

    /// A call's arguments as they are shown: an empty object for none, but nothing invented for a call that was cut off.
    static func arguments(_ block: FoldedResponse.Block) -> [UInt8] {
        block.text.isEmpty && block.kind == .tool && !block.isCut ? Array("{}".utf8) : block.text
    }

    /// Appends the tool's name, and its namespace where the client declared it in one.
    static func appendName(_ name: [UInt8], _ state: ResponseState, to out: inout [UInt8]) {
        out.append(",\"name\":")
        guard let place = state.context.namespaces[name.withUnsafeBytes { JSONText.decode($0) }] else {
            return out.append(quoting: name)
        }
        out.append(jsonString: place.name)
        out.append(",\"namespace\":")
        out.append(jsonString: place.namespace)
    }

    // MARK: The response object

    enum Status {
        case inProgress, completed
        case incomplete(StaticString)
        case failed(UpstreamError)

        init(_ reason: StopReason, _ state: ResponseState) {
            switch reason {
            // Upstreams of the same format end this way what was no whole response.
            case .other where state.context.upstream.format.kin == .responses: self = .incomplete("max_output_tokens")
            case .maxTokens: self = .incomplete("max_output_tokens")
            case .refusal: self = .incomplete("content_filter")
            case .endTurn, .stopSequence, .toolUse, .pauseTurn, .other: self = .completed
            }
        }

        var label: StaticString {
            switch self {
            case .inProgress: "in_progress"
            case .completed: "completed"
            case .incomplete: "incomplete"
            case .failed: "failed"
            }
        }
    }

    /// Appends the whole response object; `output` holds its items, comma between them.
    static func append(_ status: Status, output: [UInt8], _ state: ResponseState, to out: inout [UInt8]) {
        out.append("{\"id\":\"")
        out.append(state.id)
        out.append("\",\"object\":\"response\",\"created_at\":")
        out.append(decimal: state.context.now)
        out.append(",\"status\":\"")
        out.append(status.label)
        out.append("\",\"background\":false,\"error\":")
        if case .failed(let error) = status {
            out.append("{\"code\":")
            out.append(jsonString: error.errorClass.responsesCode)
            out.append(",\"message\":")
            out.append(jsonString: error.errorClass.shown(error.message, to: .responses))
            out.append(0x7D)
        } else {
            out.append("null")
        }
        out.append(",\"incomplete_details\":")
        if case .incomplete(let reason) = status {
            out.append("{\"reason\":\"")
            out.append(reason)
            out.append("\"}")
        } else {
            out.append("null")
        }
        out.append(",\"model\":")
        out.append(quoting: state.model)
        out.append(",\"output\":[")
        out += output
        out.append("],\"previous_response_id\":")
        if let previous = state.context.previousResponse { out.append(jsonString: previous) } else { out.append("null") }
        out.append(state.context.history == nil ? ",\"store\":false" : ",\"store\":true")
        appendEcho(state.context.echo, to: &out)
        if let tier = state.serviceTier {
            out.append(",\"service_tier\":")
            out.append(jsonString: tier)
        }
        out.append(",\"usage\":")
        if case .inProgress = status { out.append("null") } else { appendUsage(state.usage ?? TokenUsage(), to: &out) }
        out.append(0x7D)
    }

    /// What the request said, and the vendor's defaults for what it did not.
    private static func appendEcho(_ echo: JSONObject, to out: inout [UInt8]) {
        let defaults: JSONObject = [
            "instructions": .null, "max_output_tokens": .null, "metadata": [:], "parallel_tool_calls": true,
            "reasoning": ["effort": .null, "summary": .null], "temperature": 1, "text": ["format": ["type": "text"]],
            "tool_choice": "auto", "tools": [], "top_p": 1, "truncation": "disabled", "user": .null,
        ]
        for member in defaults.members {
            out.append(",")
            out.append(jsonString: member.key)
            out.append(":")
            (echo[member.key] ?? member.value).write(to: &out)
        }
    }

    private static func appendUsage(_ usage: TokenUsage, to out: inout [UInt8]) {
        out.append("{\"input_tokens\":")
        out.append(decimal: usage.input)
        out.append(",\"input_tokens_details\":{\"cached_tokens\":")
        out.append(decimal: usage.cacheRead)
        out.append(",\"cache_write_tokens\":")
        out.append(decimal: usage.cacheWrite)
        out.append("},\"output_tokens\":")
        out.append(decimal: usage.output)
        out.append(",\"output_tokens_details\":{\"reasoning_tokens\":")
        out.append(decimal: usage.reasoning)
        out.append("},\"total_tokens\":")
        out.append(decimal: usage.total)
        out.append(0x7D)
    }
}

/// A whole response in the shape of Responses.
enum ResponsesBody {
    static func bytes(_ response: FoldedResponse, _ state: inout ResponseState) -> [UInt8] {
        let ending = response.ending ?? ResponseEnding(reason: .endTurn)
        var blocks: [FoldedResponse.Block] = []
        for block in response.blocks {
            if block.kind.isCall, block.signature != nil {
                // A call has no field for its signature: an item of reasoning without words goes before it.
                blocks.append(FoldedResponse.Block(kind: .redacted, id: [], name: [], signature: block.signature))
            }
            blocks.append(block)
        }
        if let block = explanation(ending, hasRefusal: response.has(.refusal)) { blocks.append(block) }
        var output: [UInt8] = []
        for (index, block) in blocks.enumerated() {
            if index > 0 { output.append(0x2C) }
            ResponsesItems.append(block, index, state, to: &output)
        }
        var out: [UInt8] = []
        state.remember(output, ending.reason)
        ResponsesItems.append(ResponsesItems.Status(ending.reason, state), output: output, state, to: &out)
        return out
    }

    /// The vendor's words for a refusal, as a message of their own.
    static func explanation(_ ending: ResponseEnding, hasRefusal: Bool) -> FoldedResponse.Block? {
        guard ending.reason == .refusal, !hasRefusal, let words = ending.explanation, !words.isEmpty else { return nil }
        return FoldedResponse.Block(kind: .refusal, id: [], name: [], text: words)
    }
}

extension ResponseState {
    /// What is kept of a response that ended well, beside the conversation before it.
    mutating func remember(_ output: [UInt8], _ reason: StopReason) {
        guard var items = context.history, reason != .refusal else { return }
        if !items.isEmpty, !output.isEmpty { items.append(0x2C) }
        items += output
        remembered = RememberedResponse(id: id, items: items)
    }
}
