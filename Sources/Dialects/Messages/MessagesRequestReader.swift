/// Reads an Anthropic Messages request (conversion.md 3.1.1).
struct MessagesRequestReader {
    private var request = HubRequest(client: .anthropic)

    static func read(_ body: JSONObject, _ work: inout RequestWork) throws(ConversionProblem) -> HubRequest {
        var reader = MessagesRequestReader()
        for member in body.members { try reader.read(member.key, member.value, &work) }
        guard body["max_tokens"].map({ !$0.isNull }) ?? false else { throw RequestWork.invalid("max_tokens", "Field required") }
        guard body["messages"].map({ !$0.isNull }) ?? false else { throw RequestWork.invalid("messages", "Field required") }
        if let format = body["output_format"] { reader.request.format = Self.format(format) ?? reader.request.format }
        return reader.request
    }

    private mutating func read(_ key: String, _ value: JSONValue, _ work: inout RequestWork) throws(ConversionProblem) {
        if value.isNull { return }
        switch key {
        case "model", "cache_control", "diagnostics", "inference_geo", "output_format", "anthropic_version": break
        case "max_tokens":
            guard let count = value.int else { throw RequestWork.invalid(key, "Input should be a valid integer") }
            guard count > 0 else { throw RequestWork.unsupported(key, "must be at least 1 for this upstream") }
            request.maxTokens = count
        case "messages":
            guard let messages = value.array else { throw RequestWork.invalid(key, "Input should be a valid list") }
            guard !messages.isEmpty else { throw RequestWork.invalid(key, "at least one message is required") }
            for (index, message) in messages.enumerated() {
                request.turns.append(try MessagesContentReader.turn(message, at: index, &work))
            }
        case "system":
            request.system = try Self.system(value)
            request.isSystemList = value.array != nil
        case "stream": request.stream = value.bool ?? false
        case "temperature":
            guard let number = value.double else { throw RequestWork.invalid(key, "Input should be a valid number") }
            request.temperature = number
        case "top_p": request.topP = value
        case "top_k": request.topK = value
        case "stop_sequences": request.stops = value.array?.compactMap(\.string) ?? []
        case "tools": request.tools = try Self.tools(value)
        case "tool_choice": try readToolChoice(value)
        case "thinking": try readThinking(value)
        case "output_config": try readOutputConfig(value, &work)
        case "metadata": request.user = value["user_id"]?.string
        case "service_tier":
            // What is fast is not made slow again by the default.
            guard request.serviceTier == nil else { break }
            switch value.string {
            case "standard_only": request.serviceTier = "default"
            // A rule's word for another vendor.
            case "flex", "priority": request.serviceTier = value.string
            default: request.serviceTier = "auto"
            }
        case "speed":
            guard value.string == "fast" else { break }
            request.serviceTier = "priority"
            request.serviceTierParam = key
        case "mcp_servers":
            if value.array.map({ !$0.isEmpty }) ?? true {
                throw RequestWork.unsupported(key, "not available with this upstream")
            }
        case "compaction": throw RequestWork.unsupported(key, "not available with this upstream")
        case "thread":
            if value["type"]?.string == "continue" || value.string == "continue" {
                // With these details the vendor's SDK sends the whole conversation instead.
                var problem = RequestWork.unsupported(key, "not available with this upstream")
                problem.details = ["error_code": "thread_unsupported_request", "unsupported": ["thread"]]
                throw problem
            }
            try work.note(key, .dropped)
        default: try work.note(key, .dropped)
        }
    }

    /// `system`: a text, or text blocks. Claude Code's attribution block changes with every request and ruins prompt caches.
    private static func system(_ value: JSONValue) throws(ConversionProblem) -> [HubText] {
        if value.string != nil { return value.isEmptyText ? [] : [HubText(text: value)] }
        guard let blocks = value.array else {
            throw RequestWork.invalid("system", "Input should be a string or a list of text blocks")
        }
        var texts: [HubText] = []
        for (index, block) in blocks.enumerated() {
            guard let text = block["text"], let string = text.string else {
                throw RequestWork.invalid("system.\(index).text", "Field required")
            }
            if string.isEmpty || string.hasPrefix("x-anthropic-billing-header:") { continue }
            texts.append(HubText(text: text, cache: MessagesContentReader.cache(block)))
        }
        return texts
    }

    private mutating func readThinking(_ value: JSONValue) throws(ConversionProblem) {
        switch value["type"]?.string {
        case "enabled":
            guard let budget = value["budget_tokens"]?.int else {
                throw RequestWork.invalid("thinking.enabled.budget_tokens", "Field required")
            }
            request.reasoning.mode = .budget(budget)
        case "adaptive": request.reasoning.mode = .adaptive
        case "disabled", "between_tools": request.reasoning.mode = .off
        default: throw RequestWork.invalid("thinking.type", "Input should be 'enabled', 'disabled' or 'adaptive'")
        }
        switch value["display"]?.string {
        case "omitted": request.reasoning.isVisible = false
        case "summarized": request.reasoning.isVisible = true
        default: break
        }
    }

    private mutating func readOutputConfig(_ value: JSONValue, _ work: inout RequestWork) throws(ConversionProblem) {
        if let budget = value["task_budget"], !budget.isNull { try work.note("output_config.task_budget", .dropped) }
        if let effort = value["effort"]?.string { request.reasoning.level = ReasoningLevel(effort) }
        if let format = value["format"] { request.format = Self.format(format) }
    }

    private static func format(_ value: JSONValue) -> HubFormat? {
        guard value["type"]?.string == "json_schema", let schema = value["schema"] else { return nil }
        return .schema(name: value["name"]?.string, schema: schema, strict: nil, description: nil)
    }

    // MARK: Tools

    private mutating func readToolChoice(_ value: JSONValue) throws(ConversionProblem) {
        if value["disable_parallel_tool_use"]?.bool == true { request.allowsParallelTools = false }
        switch value["type"]?.string {
        case "auto": request.toolChoice = .auto
        case "any": request.toolChoice = .any
        case "none": request.toolChoice = HubToolChoice.none
        case "tool":
            guard let name = value["name"]?.string else { throw RequestWork.invalid("tool_choice.tool.name", "Field required") }
            request.toolChoice = .tool(name)
        default: throw RequestWork.invalid("tool_choice.type", "Input should be 'auto', 'any', 'tool' or 'none'")
        }
    }

    private static func tools(_ value: JSONValue) throws(ConversionProblem) -> [HubTool] {
        guard let list = value.array else { throw RequestWork.invalid("tools", "Input should be a valid list") }
        var tools: [HubTool] = []
        for (index, tool) in list.enumerated() {
            let type = tool["type"]?.string ?? "custom"
            guard let name = tool["name"]?.string ?? (type == "custom" ? nil : type) else {
                throw RequestWork.invalid("tools.\(index).name", "Field required")
            }
            if type == "custom" {
                guard tool["input_schema"]?.object != nil else {
                    throw RequestWork.invalid("tools.\(index).input_schema", "Field required")
                }
            }
            tools.append(try self.tool(tool, type, name, index))
        }
        return tools
    }

    private static func tool(_ tool: JSONValue, _ type: String, _ name: String, _ index: Int) throws(ConversionProblem) -> HubTool
    {
        var result = HubTool(name: name, cache: MessagesContentReader.cache(tool))
        if type == "custom" {
            result.description = tool["description"]?.string
            if let examples = tool["input_examples"], examples.array.map({ !$0.isEmpty }) ?? false {
                let prefix = result.description.map { $0 + "\n" } ?? ""
                result.description = prefix + "Examples: " + examples.text
            }
            result.schema = tool["input_schema"]
            result.strict = tool["strict"]?.bool
            return result
        }
        if type.hasPrefix("bash_") || type.hasPrefix("text_editor_") || type.hasPrefix("memory_") {
            (result.description, result.schema) = MessagesClientTools.declaration(type)
            return result
        }
        if type.hasPrefix("computer_") || type.hasPrefix("browser_toolset_") {
            throw RequestWork.unsupported("tools.\(index)", "\(type) is not available with this upstream")
        }
        let kind: HubHostedTool =
            type.hasPrefix("web_search_")
            ? .webSearch
            : type.hasPrefix("web_fetch_") ? .webFetch : type.hasPrefix("code_execution_") ? .codeExecution : .other
        result.kind = .hosted(kind, tool)
        return result
    }
}

/// The tools whose schema the model knows by their type: what another model must be told of them.
enum MessagesClientTools {
    static func declaration(_ type: String) -> (description: String, schema: JSONValue) {
        if type.hasPrefix("bash_") {
            return (
                "Run a command in a bash shell.",
                object(["command": ["type": "string"], "restart": ["type": "boolean"]], required: [])
            )
        }
        if type.hasPrefix("memory_") {
            let commands: [JSONValue] = ["view", "create", "str_replace", "insert", "delete", "rename"]
            return (
                "Read and change files in the memory directory.",
                object(
                    [
                        "command": ["type": "string", "enum": .array(commands)], "path": ["type": "string"],
                        "view_range": ["type": "array", "items": ["type": "integer"]], "file_text": ["type": "string"],
                        "old_str": ["type": "string"], "new_str": ["type": "string"], "insert_line": ["type": "integer"],
                        "insert_text": ["type": "string"], "old_path": ["type": "string"], "new_path": ["type": "string"],
                    ], required: ["command"])
            )
        }
        var commands: [JSONValue] = ["view", "create", "str_replace", "insert"]
        if type.hasSuffix("20250124") || type.hasSuffix("20241022") { commands.append("undo_edit") }
        return (
            "View, create and edit text files.",
            object(
                [
                    "command": ["type": "string", "enum": .array(commands)], "path": ["type": "string"],
                    "file_text": ["type": "string"], "old_str": ["type": "string"], "new_str": ["type": "string"],
                    "insert_line": ["type": "integer"], "view_range": ["type": "array", "items": ["type": "integer"]],
                ], required: ["command", "path"])
        )
    }

    private static func object(_ properties: JSONObject, required: [JSONValue]) -> JSONValue {
        ["type": "object", "properties": .object(properties), "required": .array(required)]
    }
}
