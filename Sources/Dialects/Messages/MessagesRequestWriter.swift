/// Writes an Anthropic Messages request (conversion.md 3.2).
struct MessagesRequestWriter {
    private let request: HubRequest
    private let able: Capabilities.Anthropic
    private var out = JSONObject()
    private var maxTokens = 0
    private var isThinking = false
    private var toolChoice: JSONObject?
    private var instructions: [HubText] = []

    private init(_ request: HubRequest, _ work: RequestWork) {
        self.request = request
        able = work.options.capabilities.anthropic
    }

    static func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        var writer = MessagesRequestWriter(request, work)
        return try writer.write(&work)
    }

    private mutating func write(_ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        var history = MessagesHistoryWriter(request, work)
        let messages = try history.messages(&work)
        let tools = try writeTools(usedTools: history.usedTools, &work)
        decideTokens(work)
        let thinking = try decideThinking(history.lastTurnLacksThinking, &work)
        let format = try decideFormat(&work)

        out.append("model", .string(work.model))
        out.append("max_tokens", .int(maxTokens))
        let system = history.system + instructions
        if !system.isEmpty { out.append("system", .array(system.map(MessagesHistoryWriter.text))) }
        out.append("messages", .array(messages))
        if !tools.isEmpty {
            out.append("tools", .array(tools))
            if let toolChoice { out.append("tool_choice", .object(toolChoice)) }
        }
        out.append("thinking", ifPresent: thinking.thinking)
        var config: JSONObject = [:]
        config.append("effort", ifPresent: thinking.effort)
        config.append("format", ifPresent: format)
        if !config.isEmpty { out.append("output_config", .object(config)) }
        try writeSampling(&work)
        if request.stream { out.append("stream", true) }
        if let user = request.user, !user.isEmpty { out.append("metadata", ["user_id": .string(user)]) }
        switch request.serviceTier {
        case "auto", "priority", "fast": out.append("service_tier", "auto")
        case "default", "flex", "scale", "standard": out.append("service_tier", "standard_only")
        default: break
        }
        limitCacheMarks()
        return out
    }

    // MARK: Limits and thinking

    private mutating func decideTokens(_ work: RequestWork) {
        var cap = able.maxOutput ?? Int.max
        if let tier = work.options.maxTokensCap { cap = Swift.min(cap, tier) }
        maxTokens = Swift.max(1, Swift.min(request.maxTokens ?? work.options.defaultMaxTokens, cap))
    }

    private mutating func decideThinking(
        _ lacksThinking: Bool, _ work: inout RequestWork
    ) throws(ConversionProblem) -> (thinking: JSONValue?, effort: JSONValue?) {
        guard let level = request.reasoning.wantedLevel else {
            guard request.reasoning.mode == .adaptive else {
                // It thinks by itself, and would miss the thoughts of calls that others made.
                let isSaid = lacksThinking && able.quirks.unsignedThinking && !able.quirks.thinksAlways
                return (isSaid ? ["type": "disabled"] : nil, nil)
            }
            guard able.adaptiveThinking else { return try manual(.medium, lacksThinking, &work) }
            guard !isForced else { return try thinkingOff(nil, false, &work) }
            isThinking = true
            return (adaptive, nil)
        }
        if level == .none {
            if able.quirks.thinksAlways {
                try work.note(.reasoning, .dropped)
                return (nil, nil)
            }
            if able.disabledThinking { return (["type": "disabled"], nil) }
            return (nil, able.adaptiveThinking ? "low" : nil)
        }
        guard able.adaptiveThinking else { return try manual(level, lacksThinking, &work) }
        let effort = level.degraded(to: able.efforts) ?? .low
        guard !isForced else { return try thinkingOff(.string(effort.label), false, &work) }
        isThinking = true
        return (adaptive, .string(effort.label))
    }

    /// Thoughts are shown to clients that ask for a summary in so many words.
    private var adaptive: JSONValue {
        request.reasoning.isVisible == true ? ["type": "adaptive", "display": "summarized"] : ["type": "adaptive"]
    }

    /// A forced call leaves no room for thoughts: the API refuses both together.
    private var isForced: Bool { toolChoice.map { $0["type"] == "any" || $0["type"] == "tool" } ?? false }

    private func thinkingOff(
        _ effort: JSONValue?, _ lacksThinking: Bool, _ work: inout RequestWork
    ) throws(ConversionProblem) -> (thinking: JSONValue?, effort: JSONValue?) {
        try work.note(.reasoning, .dropped)
        // A server that thinks unless it is told not to would miss the thoughts that are not there.
        let isSaid = lacksThinking && able.quirks.unsignedThinking && !able.quirks.thinksAlways && able.disabledThinking
        return (isSaid ? ["type": "disabled"] : nil, isSaid ? nil : effort)
    }

    /// Thinking with a budget: it wants room, an unforced tool choice, and the thoughts that led to the last calls.
    private mutating func manual(
        _ level: ReasoningLevel, _ lacksThinking: Bool, _ work: inout RequestWork
    ) throws(ConversionProblem) -> (thinking: JSONValue?, effort: JSONValue?) {
        guard able.budgetThinking, !isForced, !lacksThinking else { return try thinkingOff(nil, lacksThinking, &work) }
        var budget = Swift.max(1_024, level.budget(cap: 32_768))
        if case .budget(let tokens) = request.reasoning.mode, request.reasoning.level == nil { budget = Swift.max(1_024, tokens) }
        var cap = able.maxOutput ?? Int.max
        if let tier = work.options.maxTokensCap { cap = Swift.min(cap, tier) }
        if budget >= maxTokens {
            let (wanted, overflow) = budget.addingReportingOverflow(maxTokens)
            if !overflow, wanted <= cap {
                maxTokens = wanted
            } else {
                maxTokens = Swift.max(maxTokens, Swift.min(cap, overflow ? cap : wanted))
                budget = Swift.min(budget, maxTokens - 1)
            }
            work.raisedOutput = maxTokens
        }
        guard budget >= 1_024 else { return try thinkingOff(nil, false, &work) }
        isThinking = true
        let effort = able.quirks.takesEffort ? request.reasoning.level?.degraded(to: able.efforts) : nil
        return (["type": "enabled", "budget_tokens": .int(budget)], effort.map { .string($0.label) })
    }

    private mutating func decideFormat(_ work: inout RequestWork) throws(ConversionProblem) -> JSONValue? {
        switch request.format {
        case .jsonObject:
            instructions.append(HubText(text: "Answer with one JSON object only, without any other text."))
            try work.note(.format, .approximated)
            return nil
        case .schema(_, let schema, _, _):
            if able.structuredOutput {
                try Self.refuseRecursion(schema, work.param(.format))
                return ["type": "json_schema", "schema": MessagesSchema.cleaned(schema)]
            }
            let text = "Answer with one JSON object only, without any other text. It must match this JSON schema:\n" + schema.text
            instructions.append(HubText(text: .string(text)))
            try work.note(.format, .approximated)
            return nil
        case nil: return nil
        }
    }

    /// The grammar that enforces a schema cannot contain itself.
    private static func refuseRecursion(_ schema: JSONValue, _ param: String) throws(ConversionProblem) {
        if SchemaRepair.isRecursive(schema) {
            throw RequestWork.unsupported(param, "schemas that contain themselves are not available with this upstream")
        }
    }

    private mutating func writeSampling(_ work: inout RequestWork) throws(ConversionProblem) {
        let isRefused = !able.sampling || isThinking
        if let temperature = request.temperature {
            if isRefused {
                if temperature != 1 { try work.note(work.param(openAI: "temperature"), .dropped) }
            } else {
                if temperature > 1 { try work.note(work.param(openAI: "temperature"), .clamped) }
                out.append("temperature", .decimal(Swift.min(Swift.max(temperature, 0), 1)))
            }
        }
        if let topP = request.topP {
            if isRefused || (able.isTemperatureXorTopP && request.temperature != nil) {
                try work.note(.topP, .dropped)
            } else {
                out.append("top_p", topP)
            }
        }
        if let topK = request.topK {
            if isRefused { try work.note(.topK, .dropped) } else { out.append("top_k", topK) }
        }
        let stops = request.stops.filter { !$0.trimmingSpace.isEmpty }
        if !stops.isEmpty { out.append("stop_sequences", .array(stops.map { .string($0) })) }
        for name in request.sampling.keys.sorted() { try work.note(work.param(openAI: name), .dropped) }
        if request.verbosity != nil { try work.note(work.param(openAI: "verbosity"), .dropped) }
    }

    // MARK: Tools

    private mutating func writeTools(usedTools: [String], _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        var declared: [JSONValue] = []
        for (index, tool) in request.tools.enumerated() {
            if case .hosted(let kind, let declaration) = tool.kind {
                if kind == .webSearch, work.options.allowsWebSearch {
                    declared.append(try HostedSearch(declaration).messages(&work))
                    continue
                }
                if request.toolChoice == .tool(tool.name) || (request.tools.count == 1 && request.client != .responses) {
                    throw RequestWork.unsupported(work.tool(index), "\(tool.name) is not available with this upstream")
                }
                try work.note("tools.\(tool.name)", .dropped)
                continue
            }
            var out: JSONObject = ["name": .string(work.names.send(tool.name))]
            out.append("description", ifPresent: tool.description.map { .string($0) })
            if tool.isCustom { work.customTools.insert(tool.name) }
            let schema = tool.isCustom ? HubTool.customSchema : SchemaRepair.forMessages(tool.schema)
            if tool.strict == true { try Self.refuseRecursion(schema, work.tool(index)) }
            out.append("input_schema", tool.strict == true ? MessagesSchema.cleaned(schema) : schema)
            if tool.strict == true { out.append("strict", true) }
            if let mark = tool.cache { out.append("cache_control", mark.json) }
            declared.append(.object(out))
        }
        if declared.isEmpty {
            // Anthropic demands declarations as soon as the history has calls.
            toolChoice = usedTools.isEmpty ? nil : ["type": "none"]
            return usedTools.map { ["name": .string($0), "input_schema": ["type": "object"]] }
        }
        switch request.toolChoice {
        case .auto: toolChoice = ["type": "auto"]
        case .any: toolChoice = ["type": "any"]
        case .some(.none): toolChoice = ["type": "none"]
        case .tool(let name): toolChoice = ["type": "tool", "name": .string(work.names.send(name))]
        case nil: break
        }
        if request.allowsParallelTools == false, request.toolChoice != HubToolChoice.none {
            var choice = toolChoice ?? ["type": "auto"]
            choice.append("disable_parallel_tool_use", true)
            toolChoice = choice
        }
        return declared
    }

    /// Anthropic takes four cache marks: the last ones are kept.
    private mutating func limitCacheMarks() {
        var left = 4
        func limited(_ value: JSONValue) -> JSONValue {
            guard var object = value.object else { return value }
            if let content = object["content"]?.array { object["content"] = .array(content.reversed().map(limited).reversed()) }
            if object["cache_control"] != nil {
                if left > 0 { left -= 1 } else { object["cache_control"] = nil }
            }
            return .object(object)
        }
        for key in ["messages", "system", "tools"] {
            if let list = out[key]?.array { out[key] = .array(list.reversed().map(limited).reversed()) }
        }
    }
}

extension HubCacheMark {
    var json: JSONValue {
        switch self {
        case .short: ["type": "ephemeral"]
        case .long: ["type": "ephemeral", "ttl": "1h"]
        }
    }
}
