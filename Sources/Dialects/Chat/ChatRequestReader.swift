/// Reads a Chat Completions request (conversion.md 3.2.1).
struct ChatRequestReader {
    private var request = HubRequest(client: .openai)
    private var maxTokens: (completion: Int?, plain: Int?) = (nil, nil)
    private var users: (safety: String?, plain: String?) = (nil, nil)
    private var toolChoice: JSONValue?
    /// A body of Responses that came to this path, as some editors send it: its items, and what is said before them.
    private var items: JSONValue?
    private var instructions: JSONValue?
    /// The client wants the vendor to search the web.
    private var searches = false

    /// Members that have a place in no other format and change the response little or not at all.
    private static let silent: Set<String> = [
        "model", "store", "metadata", "prompt_cache_options", "prompt_cache_retention",
    ]

    static func read(_ body: JSONObject, _ work: inout RequestWork) throws(ConversionProblem) -> HubRequest {
        var reader = ChatRequestReader()
        for member in body.members { try reader.read(member.key, member.value, &work) }
        if let items = reader.items, reader.request.turns.isEmpty { try reader.readItems(items, &work) }
        guard reader.items != nil || body["messages"].map({ !$0.isNull }) ?? false else {
            throw RequestWork.invalid("messages", "Missing required parameter: 'messages'.")
        }
        reader.request.maxTokens = reader.maxTokens.completion ?? reader.maxTokens.plain
        reader.request.user = reader.users.safety ?? reader.users.plain
        // Beside log probabilities that nobody asked for, their number is the client's default.
        if reader.request.sampling["logprobs"] == nil { reader.request.sampling["top_logprobs"] = nil }
        if let choice = reader.toolChoice { try reader.readToolChoice(choice) }
        if reader.searches { reader.request.tools.append(HubTool(kind: .hosted(.webSearch, [:]), name: "web_search_options")) }
        return reader.request
    }

    private mutating func read(_ key: String, _ value: JSONValue, _ work: inout RequestWork) throws(ConversionProblem) {
        if value.isNull || Self.silent.contains(key) { return }
        switch key {
        case "messages":
            guard let list = value.array else { throw RequestWork.invalid(key, "expected an array") }
            guard !list.isEmpty else { throw RequestWork.invalid(key, "expected at least one message") }
            let content = try ChatContentReader.read(list, &work)
            request.system = content.system
            request.turns = content.turns
        case "max_completion_tokens": maxTokens.completion = try Self.positive(key, value)
        case "max_tokens": maxTokens.plain = try Self.positive(key, value)
        case "temperature":
            guard let number = value.double else { throw RequestWork.invalid(key, "expected a number") }
            request.temperature = number
        case "top_p": request.topP = value
        case "top_k": request.topK = value
        case "n":
            if let count = value.int, count > 1 {
                throw RequestWork.unsupported(key, "only one choice is available with this upstream")
            }
        case "stop":
            guard let stops = value.string.map({ [$0] }) ?? value.array?.compactMap(\.string),
                stops.count == value.array?.count ?? 1
            else { throw RequestWork.invalid(key, "expected a string or an array of strings") }
            request.stops = stops
        case "stream": request.stream = value.bool ?? false
        case "stream_options": request.includesUsage = value["include_usage"]?.bool ?? false
        case "tools": request.tools = try ChatToolReader.tools(value)
        case "functions": request.tools += try ChatToolReader.functions(value)
        case "tool_choice": toolChoice = value
        case "function_call": toolChoice = value["name"].map { ["type": "function", "function": ["name": $0]] } ?? value
        case "parallel_tool_calls": request.allowsParallelTools = value.bool
        case "reasoning_effort":
            guard let level = value.string.flatMap({ ReasoningLevel($0) }) else {
                throw RequestWork.invalid(key, "expected 'none', 'minimal', 'low', 'medium', 'high' or 'xhigh'")
            }
            request.reasoning.level = level
            if level == ReasoningLevel.none { request.reasoning.mode = .off }
        case "reasoning", "thinking", "think", "enable_thinking", "thinking_budget", "chat_template_kwargs":
            let isKnown = readThinking(key, value)
            // Only one of a template's arguments is understood.
            let hasMore = key == "chat_template_kwargs" && value.object?.count != 1
            if !isKnown || hasMore { try work.note(key, .dropped) }
        case "input" where request.turns.isEmpty: items = value
        case "instructions" where value.string != nil: instructions = value
        case "max_output_tokens": if maxTokens.plain == nil { maxTokens.plain = try Self.positive(key, value) }
        case "response_format": try readFormat(value)
        case "user": users.plain = value.string
        case "safety_identifier": users.safety = value.string
        case "service_tier": request.serviceTier = value.string
        case "verbosity": request.verbosity = value
        case "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias": readSampling(key, value)
        case "modalities":
            if value.array?.contains("audio") ?? false {
                throw RequestWork.unsupported(key, "audio is not available with this upstream")
            }
            request.modalities = value.array?.compactMap(\.string).filter { $0 != "text" } ?? []
            if !request.modalities.isEmpty, !work.upstream.format.takesModalities { try work.note(key, .dropped) }
        case "prompt_cache_key": request.cacheKey = value
        case "audio": throw RequestWork.unsupported(key, "not available with this upstream")
        case "web_search_options":
            guard work.options.allowsWebSearch else { throw RequestWork.unsupported(key, "not available with this upstream") }
            searches = true
        default: try work.note(key, .dropped)
        }
    }

    /// Reads the messages of a body that has items instead.
    private mutating func readItems(_ value: JSONValue, _ work: inout RequestWork) throws(ConversionProblem) {
        guard let list = value.array ?? value.string.map({ [["role": "user", "content": .string($0)]] }), !list.isEmpty else {
            throw RequestWork.invalid("input", "expected a string or an array")
        }
        var content = ResponsesItemReader()
        try content.read(list, &work)
        request.system = (instructions.map { [HubText(text: $0)] } ?? []) + content.system
        request.turns = content.turns
    }

    /// Reads the words for thinking that Chat servers have beside OpenAI's. False: nothing in it is known.
    private mutating func readThinking(_ key: String, _ value: JSONValue) -> Bool {
        var isOn: Bool?
        var budget: Int?
        switch key {
        case "enable_thinking": isOn = value.bool
        case "think":
            // Ollama's: whether, or how hard.
            isOn = value.bool
            if let level = value.string.flatMap({ ReasoningLevel($0) }) {
                request.reasoning.level = level
                return true
            }
        case "thinking_budget": budget = value.int
        case "chat_template_kwargs": isOn = value["enable_thinking"]?.bool ?? value["thinking"]?.bool
        case "thinking":
            isOn = value["type"]?.string.flatMap { ["enabled": true, "adaptive": true, "disabled": false][$0] }
            budget = value["budget_tokens"]?.int
        default:
            isOn = value["enabled"]?.bool
            budget = value["max_tokens"]?.int
            if let hides = value["exclude"]?.bool { request.reasoning.isVisible = !hides }
            if let level = value["effort"]?.string.flatMap({ ReasoningLevel($0) }) {
                request.reasoning.level = level
                isOn = isOn ?? (level == ReasoningLevel.none ? false : nil)
                if isOn == nil, budget == nil { return true }
            }
        }
        if isOn == false || budget == 0 {
            request.reasoning.mode = .off
        } else if let budget {
            // What is switched off stays off, whatever it might have cost.
            if request.reasoning.mode != .off { request.reasoning.mode = budget > 0 ? .budget(budget) : .adaptive }
        } else if isOn == true {
            if request.reasoning.mode == .unset { request.reasoning.mode = .adaptive }
        } else {
            return false
        }
        return true
    }

    private static func positive(_ key: String, _ value: JSONValue) throws(ConversionProblem) -> Int {
        guard let count = value.int, count > 0 else { throw RequestWork.invalid(key, "expected a positive integer") }
        return count
    }

    /// Values that say "as usual" are no wish.
    private mutating func readSampling(_ key: String, _ value: JSONValue) {
        if key.hasSuffix("_penalty"), value.double == 0 { return }
        if key == "logprobs", value.bool == false { return }
        if key == "logit_bias", value.object?.isEmpty ?? false { return }
        request.sampling[key] = value
    }

    private mutating func readFormat(_ value: JSONValue) throws(ConversionProblem) {
        switch value["type"]?.string {
        case "text": break
        case "json_object": request.format = .jsonObject
        case "json_schema":
            guard let inner = value["json_schema"], let schema = inner["schema"] else {
                throw RequestWork.invalid("response_format.json_schema", "Missing required parameter")
            }
            request.format = .schema(
                name: inner["name"]?.string, schema: schema, strict: inner["strict"]?.bool,
                description: inner["description"]?.string)
        default: throw RequestWork.invalid("response_format.type", "expected 'text', 'json_object' or 'json_schema'")
        }
    }

    private mutating func readToolChoice(_ value: JSONValue) throws(ConversionProblem) {
        switch value {
        case "auto": request.toolChoice = .auto
        case "none": request.toolChoice = HubToolChoice.none
        case "required", "any": request.toolChoice = .any
        default:
            switch value["type"]?.string {
            case "auto": request.toolChoice = .auto
            case "any", "required": request.toolChoice = .any
            case "none": request.toolChoice = HubToolChoice.none
            case "function", "custom", "tool":
                let name = value["function"]?["name"]?.string ?? value["custom"]?["name"]?.string ?? value["name"]?.string
                guard let name else { throw RequestWork.invalid("tool_choice", "expected a tool name") }
                request.toolChoice = .tool(name)
            case "allowed_tools":
                let allowed = value["allowed_tools"] ?? value
                let names = Set(
                    (allowed["tools"]?.array ?? []).compactMap {
                        $0["function"]?["name"]?.string ?? $0["custom"]?["name"]?.string ?? $0["name"]?.string
                    })
                let kept = request.tools.filter { names.contains($0.name) }
                if !kept.isEmpty { request.tools = kept }
                request.toolChoice = allowed["mode"]?.string == "required" ? .any : .auto
            default: throw RequestWork.invalid("tool_choice", "expected 'auto', 'none', 'required' or a tool")
            }
        }
    }
}

/// Reads the tool declarations of OpenAI requests.
enum ChatToolReader {
    static func tools(_ value: JSONValue) throws(ConversionProblem) -> [HubTool] {
        guard let list = value.array else { throw RequestWork.invalid("tools", "expected an array") }
        var tools: [HubTool] = []
        for (index, tool) in list.enumerated() {
            switch tool["type"]?.string {
            case "function", nil:
                var read = try function(tool["function"] ?? tool, "tools[\(index)].function")
                read.cache = MessagesContentReader.cache(tool) ?? read.cache
                tools.append(read)
            case "custom" where tool["input_schema"] != nil: tools.append(try function(tool, "tools[\(index)]"))
            case "custom": tools.append(try custom(tool["custom"] ?? tool, "tools[\(index)].custom"))
            default:
                let type = tool["type"]?.string ?? ""
                tools.append(HubTool(kind: .hosted(type.hasPrefix("web_search") ? .webSearch : .other, tool), name: type))
            }
        }
        return tools
    }

    static func functions(_ value: JSONValue) throws(ConversionProblem) -> [HubTool] {
        guard let list = value.array else { throw RequestWork.invalid("functions", "expected an array") }
        var tools: [HubTool] = []
        for (index, tool) in list.enumerated() { tools.append(try function(tool, "functions[\(index)]")) }
        return tools
    }

    static func function(_ tool: JSONValue, _ path: String) throws(ConversionProblem) -> HubTool {
        guard let name = tool["name"]?.string, !name.isEmpty else {
            throw RequestWork.invalid("\(path).name", "Missing required parameter")
        }
        // Some clients declare tools as Anthropic does.
        let schema = (tool["parameters"] ?? tool["input_schema"]).flatMap { $0.isNull ? nil : $0 }
        if let schema, schema.object == nil { throw RequestWork.invalid("\(path).parameters", "expected an object") }
        return HubTool(
            name: name, description: tool["description"]?.string, schema: schema, strict: tool["strict"]?.bool,
            cache: MessagesContentReader.cache(tool))
    }

    /// A tool that takes free text; its grammar is told in words.
    static func custom(_ tool: JSONValue, _ path: String) throws(ConversionProblem) -> HubTool {
        guard let name = tool["name"]?.string, !name.isEmpty else {
            throw RequestWork.invalid("\(path).name", "Missing required parameter")
        }
        var description = tool["description"]?.string
        let grammar = tool["format"]?["grammar"] ?? tool["format"]
        if let definition = grammar?["definition"]?.string {
            description = (description.map { $0 + "\n\n" } ?? "") + "The input must match this grammar:\n" + definition
        }
        return HubTool(kind: .custom, name: name, description: description)
    }
}
