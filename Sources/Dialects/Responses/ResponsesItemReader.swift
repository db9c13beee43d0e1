/// Reads the items of a Responses request into turns (conversion.md 3.5).
struct ResponsesItemReader {
    private(set) var system: [HubText] = []
    private(set) var turns: [HubTurn] = []
    private(set) var tools: [HubTool] = []
    /// The last item asks for a summary in the place of the conversation.
    private(set) var compacts = false

    mutating func read(_ items: [JSONValue], _ work: inout RequestWork) throws(ConversionProblem) {
        for (index, item) in items.enumerated() { try read(item, index, &work) }
    }

    private mutating func read(_ item: JSONValue, _ index: Int, _ work: inout RequestWork) throws(ConversionProblem) {
        let path = "input[\(index)]"
        let type = item["type"]?.string ?? "message"
        switch type {
        case "message": try readMessage(item, index, path, &work)
        case "function_call", "custom_tool_call":
            guard let id = item["call_id"]?.string else {
                throw RequestWork.invalid("\(path).call_id", "Missing required parameter")
            }
            guard var name = item["name"]?.string else { throw RequestWork.invalid("\(path).name", "Missing required parameter") }
            if let space = item["namespace"]?.string { name = ToolNamespace(namespace: space, name: name).flatName }
            let arguments: HubArguments =
                type == "function_call" ? HubArguments(item["arguments"]) : .value(["input": item["input"] ?? ""])
            addAssistant(.toolUse(HubToolUse(id: id, name: name, arguments: arguments)), index)
        case "function_call_output", "custom_tool_call_output":
            guard let id = item["call_id"]?.string else {
                throw RequestWork.invalid("\(path).call_id", "Missing required parameter")
            }
            let content = try Self.content(item["output"], "\(path).output", &work)
            turns.append(HubTurn(role: .user, blocks: [.toolResult(HubToolResult(id: id, content: content))], position: index))
        case "reasoning": readReasoning(item, index)
        case "additional_tools": tools += try ResponsesToolReader.tools(item["tools"] ?? [], &work)
        case "item_reference": throw RequestWork.unsupported(path, "this gateway stores no items")
        case "compaction_trigger": compacts = true
        case _ where CompactionItem.types.contains(type):
            if let text = try CompactionItem.text(item, path, work.options.sealing) {
                turns.append(HubTurn(role: .user, blocks: [.text(HubText(text: .string(text)))], position: index))
            }
        case "tool_search_call":
            guard let id = item["call_id"]?.string else { return try work.note("input.\(type)", .dropped) }
            let arguments = HubArguments.value(item["arguments"] ?? [:])
            addAssistant(.toolUse(HubToolUse(id: id, name: ToolSearchItem.name, arguments: arguments)), index)
        case "tool_search_output":
            let loaded = try ResponsesToolReader.tools(item["tools"] ?? [], &work)
            tools += loaded
            // The vendor's own search has no id; what it loaded is declared all the same.
            guard let id = item["call_id"]?.string else { return try work.note("input.\(type)", .dropped) }
            let content = [HubBlock.text(HubText(text: .string(ToolSearchItem.result(loaded))))]
            turns.append(HubTurn(role: .user, blocks: [.toolResult(HubToolResult(id: id, content: content))], position: index))
        default: try work.note("input.\(type)", .dropped)
        }
    }

    private mutating func readMessage(
        _ item: JSONValue, _ index: Int, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) {
        let blocks = try Self.content(item["content"], "\(path).content", &work)
        switch item["role"]?.string {
        case "user": turns.append(HubTurn(role: .user, blocks: blocks, position: index))
        case "assistant":
            // What was said in messages of their own is set apart where it becomes one text.
            if !blocks.isEmpty, turns.last?.role == .assistant, turns.last?.blocks.last?.text != nil {
                addAssistant(.omitted, index)
            }
            for block in blocks { addAssistant(block, index) }
        case "system", "developer":
            if turns.isEmpty {
                for case .text(let text) in blocks { system.append(text) }
            } else if !blocks.isEmpty {
                turns.append(HubTurn(role: .system, blocks: blocks, position: index))
            }
        default: throw RequestWork.invalid("\(path).role", "expected 'user', 'assistant', 'system' or 'developer'")
        }
    }

    /// Everything the model said and did before the next other item is one turn.
    private mutating func addAssistant(_ block: HubBlock, _ index: Int) {
        if let last = turns.indices.last, turns[last].role == .assistant {
            turns[last].blocks.append(block)
        } else {
            turns.append(HubTurn(role: .assistant, blocks: [block], position: index))
        }
    }

    private mutating func readReasoning(_ item: JSONValue, _ index: Int) {
        let parts = (item["summary"]?.array ?? []) + (item["content"]?.array ?? [])
        let text = parts.compactMap { $0["text"]?.string }.joined(separator: "\n\n")
        // OpenAI's own signature goes on as what it is; an envelope of ours names its vendor itself.
        let envelope = item["encrypted_content"]?.string.map { signature in
            SignatureEnvelope.isEnvelope(signature)
                ? signature : SignatureEnvelope(family: .openai, model: "", kind: .think, original: signature).encoded
        }
        if text.isEmpty, envelope == nil { return }
        addAssistant(.thinking(HubThinking(text: .string(text), signature: envelope)), index)
    }

    private static func content(
        _ value: JSONValue?, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> [HubBlock] {
        switch value {
        case .string, .unpaired:
            let text = value ?? ""
            return text.isEmptyText ? [] : [.text(HubText(text: text))]
        case .array(let parts):
            var blocks: [HubBlock] = []
            for (index, part) in parts.enumerated() {
                let place = "\(path)[\(index)]"
                if let block = try ChatPartReader.block(part, place, &work) { blocks.append(block.placed(at: place)) }
            }
            return blocks
        case .null, nil: return []
        case .bool, .number, .object: throw RequestWork.invalid(path, "expected a string or an array")
        }
    }
}
