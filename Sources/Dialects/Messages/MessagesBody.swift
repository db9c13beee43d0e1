/// A whole response in Anthropic's shape (conversion.md 5.2).
enum MessagesBody {
    static func bytes(_ response: FoldedResponse, _ state: ResponseState) -> [UInt8] {
        let ending = response.ending ?? ResponseEnding(reason: .endTurn)
        let refusal = response.text(of: .refusal)
        var out: [UInt8] = []
        out.append("{\"id\":\"")
        out.append(state.id)
        out.append("\",\"type\":\"message\",\"role\":\"assistant\",\"model\":")
        out.append(quoting: state.model)
        out.append(",\"content\":[")
        var isFirst = true
        for block in response.blocks where block.kind != .refusal {
            if !isFirst { out.append(0x2C) }
            isFirst = false
            append(block, state, to: &out)
        }
        if !state.searches.isEmpty {
            if !isFirst { out.append(0x2C) }
            isFirst = false
            MessagesSearch.append(call: state, input: MessagesSearch.input(state), to: &out)
            out.append(0x2C)
            MessagesSearch.append(result: state, to: &out)
        }
        if isFirst, !MessagesStop.isRefusal(ending, refusal) {
            out.append("{\"type\":\"text\",\"text\":")
            out.append(quoting: refusal)
            out.append(0x7D)
        }
        out.append("],")
        MessagesStop.append(ending, refusal: refusal, to: &out)
        out.append(",\"usage\":")
        MessagesUsage.append(state.usage ?? TokenUsage(), state, to: &out)
        out.append(0x7D)
        return out
    }

    private static func append(_ block: FoldedResponse.Block, _ state: ResponseState, to out: inout [UInt8]) {
        switch block.kind {
        case .refusal, .compaction: break
        case .text:
            out.append("{\"type\":\"text\",\"text\":")
            out.append(quoting: block.text)
            out.append(0x7D)
        case .thinking:
            out.append("{\"type\":\"thinking\",\"thinking\":")
            out.append(quoting: block.text)
            out.append(",\"signature\":")
            out.append(jsonString: block.signature?.envelope ?? MessagesStop.emptySignature(state))
            out.append(0x7D)
        case .redacted:
            out.append("{\"type\":\"redacted_thinking\",\"data\":")
            out.append(jsonString: block.signature?.envelope ?? "")
            out.append(0x7D)
        case .tool, .customTool, .toolSearch:
            if let signature = block.signature {
                out.append("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":")
                out.append(jsonString: signature.envelope)
                out.append("},")
            }
            out.append("{\"type\":\"tool_use\",\"id\":")
            out.append(quoting: block.id)
            out.append(",\"name\":")
            out.append(quoting: block.name)
            out.append(",\"input\":")
            block.input.write(to: &out)
            out.append(0x7D)
        }
    }
}
