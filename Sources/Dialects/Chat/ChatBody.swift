/// A whole response in the chat format's shape (conversion.md 5.2).
enum ChatBody {
    static func bytes(_ response: FoldedResponse, _ state: ResponseState) -> [UInt8] {
        let ending = response.ending ?? ResponseEnding(reason: .endTurn)
        var out: [UInt8] = []
        ChatChunk.appendIdentity("chat.completion", state, to: &out)
        out.append(",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":")
        if response.has(.text) { out.append(quoting: response.text(of: .text)) } else { out.append("null") }
        let thoughts = response.text(of: .thinking)
        if !thoughts.isEmpty {
            out.append(",\"reasoning_content\":")
            out.append(quoting: thoughts)
        }
        out.append(",\"refusal\":")
        var refusal = response.text(of: .refusal)
        if refusal.isEmpty, ending.reason == .refusal, !response.has(.text) { refusal = ending.explanation ?? [] }
        if refusal.isEmpty { out.append("null") } else { out.append(quoting: refusal) }
        let citations = response.blocks.flatMap(\.citations)
        if !citations.isEmpty {
            out.append(",\"annotations\":[")
            WebCitation.append(citations, to: &out, nested: true)
            out.append("]")
        }
        appendCalls(response, state, to: &out)
        out.append("},\"logprobs\":")
        ChatChunk.append(logprobs: state.logprobs, to: &out)
        out.append(",\"finish_reason\":\"")
        out.append(ChatStop.label(ending.reason))
        out.append("\"}],\"usage\":")
        ChatUsage.append(state.usage ?? TokenUsage(), to: &out)
        out.append(0x7D)
        return out
    }

    private static func appendCalls(_ response: FoldedResponse, _ state: ResponseState, to out: inout [UInt8]) {
        var isFirst = true
        for block in response.blocks where block.kind.isCall {
            out.append(isFirst ? ",\"tool_calls\":[" : ",")
            isFirst = false
            out.append("{\"id\":")
            out.append(quoting: block.id)
            let isCustom = block.kind == .customTool
            out.append(isCustom ? ",\"type\":\"custom\",\"custom\":{\"name\":" : ",\"type\":\"function\",\"function\":{\"name\":")
            out.append(quoting: block.name)
            out.append(isCustom ? ",\"input\":" : ",\"arguments\":")
            if block.text.isEmpty, !isCustom, !block.isCut { out.append("\"{}\"") } else { out.append(quoting: block.text) }
            out.append(0x7D)
            if let signature = block.signature, state.context.upstream.format.signatures == .gemini {
                ChatChunk.append(signature: signature, to: &out)
            }
            out.append(0x7D)
        }
        if !isFirst { out.append(0x5D) }
    }
}
