/// Reads a Responses request (conversion.md 3.5).
struct ResponsesRequestReader {
    private var request = HubRequest(client: .responses)
    private var users: (safety: String?, plain: String?) = (nil, nil)
    private var toolChoice: JSONValue?
    private var items: [JSONValue] = []
    private var instructions: JSONValue?
    private var stores = true

    private static let silent: Set<String> = [
        "model", "metadata", "prompt_cache_options", "prompt_cache_retention",
        "stream_options", "truncation", "max_tool_calls", "moderation",
    ]
    private static let refused: Set<String> = ["conversation", "prompt"]
    private static let echoed: Set<String> = [
        "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "reasoning", "temperature", "text", "tool_choice",
        "tools", "top_p", "truncation", "user", "safety_identifier", "prompt_cache_key", "top_logprobs",
    ]

    static func read(_ body: JSONObject, _ work: inout RequestWork) throws(ConversionProblem) -> HubRequest {
        var reader = ResponsesRequestReader()
        for member in body.members { try reader.read(member.key, member.value, &work) }
        guard body["input"] != nil else { throw RequestWork.invalid("input", "Missing required parameter: 'input'.") }
        try reader.joinHistory(work.options)
        guard !reader.items.isEmpty else { throw RequestWork.invalid("input", "at least one item is required") }
        if let text = reader.instructions, text.string != nil { reader.request.system = [HubText(text: text)] }
        var content = ResponsesItemReader()
        try content.read(reader.items, &work)
        reader.request.system += content.system
        reader.request.turns = content.turns
        if content.compacts { try reader.compact(work) }
        var known = Set(reader.request.tools.map(\.name))
        reader.request.tools += content.tools.filter { known.insert($0.name).inserted }
        reader.request.user = reader.users.safety ?? reader.users.plain
        if let choice = reader.toolChoice, !content.compacts { try reader.readToolChoice(choice) }
        return reader.request
    }

    /// What a kept response holds goes before the input, and what is to be kept of this one is remembered.
    private mutating func joinHistory(_ options: ConversionOptions) throws(ConversionProblem) {
        if let id = request.previousResponse {
            guard let recall = options.recallResponse else {
                throw RequestWork.unsupported("previous_response_id", "this gateway stores no responses")
            }
            guard let kept = recall(id) else { throw KeptHistory.unknown(id) }
            guard let past = try? JSONValue(parsing: Array("[".utf8) + kept + Array("]".utf8)), let list = past.array else {
                throw ConversionProblem(.internalError, "the kept response cannot be read")
            }
            items = list + items
        }
        guard stores, options.recallResponse != nil else { return }
        var history: [UInt8] = []
        for item in items {
            if !history.isEmpty { history.append(0x2C) }
            item.write(to: &history)
            if history.count > Self.longestHistory { return }
        }
        request.history = history
    }

    private static let longestHistory = 8 << 20

    /// The upstream is asked for a summary, in words; nothing else may come of it.
    private mutating func compact(_ work: RequestWork) throws(ConversionProblem) {
        guard work.options.sealing != nil else {
            throw RequestWork.unsupported("input", "compaction_trigger: compaction is not available with this upstream")
        }
        request.compacts = true
        request.history = nil
        request.format = nil
        request.toolChoice = HubToolChoice.none
        let text = HubText(text: .string(CompactionItem.request))
        request.turns.append(HubTurn(role: .user, blocks: [.text(text)], position: items.count))
    }

    private mutating func read(_ key: String, _ value: JSONValue, _ work: inout RequestWork) throws(ConversionProblem) {
        if value.isNull { return }
        if Self.echoed.contains(key) { request.echo[key] = value }
        if Self.silent.contains(key) { return }
        if Self.refused.contains(key) { throw RequestWork.unsupported(key, "this gateway stores no responses") }
        switch key {
        case "input":
            if value.string != nil {
                items = [["role": "user", "content": value]]
            } else if let list = value.array {
                items = list
            } else {
                throw RequestWork.invalid(key, "expected a string or an array")
            }
        case "instructions": instructions = value
        case "store": stores = value.bool ?? true
        case "previous_response_id":
            guard let id = value.string else { throw RequestWork.invalid(key, "expected a string") }
            request.previousResponse = id
        case "max_output_tokens":
            guard let count = value.int, count > 0 else { throw RequestWork.invalid(key, "expected a positive integer") }
            request.maxTokens = count
        case "temperature": request.temperature = value.double
        case "top_p": request.topP = value
        case "top_logprobs":
            // Elsewhere the number counts only beside the switch.
            guard value.int != 0 else { return }
            request.sampling["logprobs"] = true
            request.sampling["top_logprobs"] = value
        case "include":
            // Claude has none to tell, and of what is not included nothing is said.
            let wants = value.array?.contains("message.output_text.logprobs") ?? false
            if wants, work.upstream.format.kin != .anthropic { request.sampling["logprobs"] = true }
        case "user": users.plain = value.string
        case "safety_identifier": users.safety = value.string
        case "service_tier": request.serviceTier = value.string
        case "prompt_cache_key": request.cacheKey = value
        case "stream": request.stream = value.bool ?? false
        case "background":
            if value.bool == true { throw RequestWork.unsupported(key, "this gateway stores no responses") }
        case "reasoning":
            let effort = value["effort"].flatMap { $0.isNull ? nil : $0 }
            let level = effort?.string.flatMap { ReasoningLevel($0) }
            if effort != nil, level == nil {
                throw RequestWork.invalid("reasoning.effort", "expected 'none', 'minimal', 'low', 'medium', 'high' or 'xhigh'")
            }
            request.reasoning.level = level
            if level == ReasoningLevel.none { request.reasoning.mode = .off }
            if let summary = value["summary"] ?? value["generate_summary"] { request.reasoning.isVisible = !summary.isNull }
        case "text": try readText(value)
        case "tools": request.tools = try ResponsesToolReader.tools(value, &work)
        case "tool_choice": toolChoice = value
        case "parallel_tool_calls": request.allowsParallelTools = value.bool
        default: try work.note(key, .dropped)
        }
    }

    private mutating func readText(_ value: JSONValue) throws(ConversionProblem) {
        if let verbosity = value["verbosity"], !verbosity.isNull { request.verbosity = verbosity }
        guard let format = value["format"] else { return }
        switch format["type"]?.string {
        case "json_object": request.format = .jsonObject
        case "json_schema":
            guard let schema = format["schema"] else {
                throw RequestWork.invalid("text.format.schema", "Missing required parameter")
            }
            request.format = .schema(
                name: format["name"]?.string, schema: schema, strict: format["strict"]?.bool,
                description: format["description"]?.string)
        default: break
        }
    }

    private mutating func readToolChoice(_ value: JSONValue) throws(ConversionProblem) {
        switch value {
        case "auto": request.toolChoice = .auto
        case "none": request.toolChoice = HubToolChoice.none
        case "required": request.toolChoice = .any
        default:
            switch value["type"]?.string {
            case "function", "custom":
                guard let name = value["name"]?.string else {
                    throw RequestWork.invalid("tool_choice.name", "expected a tool name")
                }
                let place = value["namespace"]?.string.map { ToolNamespace(namespace: $0, name: name) }
                request.toolChoice = .tool(place?.flatName ?? name)
            case "allowed_tools":
                let names = Set((value["tools"]?.array ?? []).compactMap { $0["name"]?.string })
                let kept = request.tools.filter { names.contains($0.name) }
                if !kept.isEmpty { request.tools = kept }
                request.toolChoice = value["mode"]?.string == "required" ? .any : .auto
            case let type? where request.tools.contains { $0.name == type && $0.isOffered }: request.toolChoice = .tool(type)
            default: throw RequestWork.unsupported("tool_choice", "this tool is not available with this upstream")
            }
        }
    }
}

/// Reads the flat tool declarations of Responses requests.
enum ResponsesToolReader {
    static func tools(_ value: JSONValue, _ work: inout RequestWork) throws(ConversionProblem) -> [HubTool] {
        guard let list = value.array else { throw RequestWork.invalid("tools", "expected an array") }
        var tools: [HubTool] = []
        var spaced: [(HubTool, ToolNamespace)] = []
        for (index, tool) in list.enumerated() {
            let path = "tools[\(index)]"
            switch tool["type"]?.string {
            case "function", nil: tools.append(try ChatToolReader.function(tool, path))
            case "custom": tools.append(try ChatToolReader.custom(tool, path))
            case "namespace":
                guard let space = tool["name"]?.string else {
                    throw RequestWork.invalid("\(path).name", "Missing required parameter")
                }
                for (number, child) in (tool["tools"]?.array ?? []).enumerated() {
                    let childPath = "\(path).tools[\(number)]"
                    var read =
                        child["type"] == "custom"
                        ? try ChatToolReader.custom(child, childPath) : try ChatToolReader.function(child, childPath)
                    let place = ToolNamespace(namespace: space, name: read.name)
                    read.name = place.flatName
                    spaced.append((read, place))
                }
            case "tool_search" where tool["execution"] == "client":
                work.toolSearch = ToolSearchItem.name
                tools.append(ToolSearchItem.function(tool))
            default:
                let type = tool["type"]?.string ?? ""
                tools.append(HubTool(kind: .hosted(type.hasPrefix("web_search") ? .webSearch : .other, tool), name: type))
            }
        }
        // A tool outside wins a clash of names.
        var known = Set(tools.map(\.name))
        for (tool, place) in spaced where known.insert(tool.name).inserted {
            tools.append(tool)
            work.namespaces[tool.name] = place
        }
        return tools
    }
}
