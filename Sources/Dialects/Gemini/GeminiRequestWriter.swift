/// Writes a Gemini request (conversion.md 3.3, 3.4). The model and the streaming mode are in its path.
struct GeminiRequestWriter {
    private let request: HubRequest
    private let able: Capabilities.Gemini
    private var out = JSONObject()
    private var config = JSONObject()

    static func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        var writer = GeminiRequestWriter(request: request, able: work.options.capabilities.gemini)
        return try writer.write(&work)
    }

    private mutating func write(_ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        var history = GeminiHistoryWriter(able)
        out.append("contents", .array(try history.contents(request, &work)))
        try writeTools(&work)
        try writeThinkingAndLimit(&work)
        try writeSampling(&work)
        try writeFormat(&work)
        if !config.isEmpty { out.append("generationConfig", .object(config)) }
        switch request.serviceTier {
        case "default": out.append("serviceTier", "standard")
        case "flex", "priority": out.append("serviceTier", request.serviceTier.map { .string($0) } ?? .null)
        case "fast": out.append("serviceTier", "priority")
        case nil, "auto": break
        default: try work.note(request.serviceTierParam, .dropped)
        }
        let system = request.system.map(\.text).filter { !$0.isBlankText } + (formatInWords.map { [.string($0)] } ?? [])
        guard !system.isEmpty else { return out }
        let parts: JSONValue = ["parts": .array(system.map { ["text": $0] })]
        return JSONObject([.init(key: "systemInstruction", value: parts)] + out.members)
    }

    // MARK: Tools

    private mutating func writeTools(_ work: inout RequestWork) throws(ConversionProblem) {
        if !able.jsonWithTools, request.format != nil, request.toolChoice == HubToolChoice.none, !request.tools.isEmpty {
            // None may be called, and the format is not to be had beside them.
            return try work.note("tools", .dropped)
        }
        var functions: [JSONValue] = []
        var hosted: [(JSONObject, String)] = []
        for (index, tool) in request.tools.enumerated() {
            switch tool.kind {
            case .function, .custom: functions.append(declaration(tool, &work))
            case .hosted(let kind, let declaration):
                let isFree = kind != .webSearch || request.client != .responses || work.options.allowsWebSearch
                switch isFree ? kind : .other {
                case .webSearch: hosted.append((try HostedSearch(declaration).gemini(&work), tool.name))
                case .webFetch: hosted.append((["urlContext": [:]], tool.name))
                case .codeExecution: hosted.append((["codeExecution": [:]], tool.name))
                case .other:
                    if request.toolChoice == .tool(tool.name) || (request.tools.count == 1 && request.client != .responses) {
                        throw RequestWork.unsupported(work.tool(index), "\(tool.name) is not available with this upstream")
                    }
                    try work.note("tools.\(tool.name)", .dropped)
                }
            }
        }
        if functions.isEmpty {
            guard !hosted.isEmpty else { return }
            out.append("tools", .array(hosted.map { .object($0.0) }))
            // Which built-in tool is used, these models decide.
            switch request.toolChoice {
            case .tool, .any: try work.note("tool_choice", .dropped)
            case .auto, .some(.none), nil: break
            }
            return
        }
        // Built-in tools and functions together are refused by most models.
        for (_, name) in hosted {
            if request.toolChoice == .tool(name) {
                throw RequestWork.unsupported("tool_choice", "\(name) is not available beside functions with this upstream")
            }
            try work.note("tools.\(name)", .dropped)
        }
        out.append("tools", [["functionDeclarations": .array(functions)]])
        var calling: JSONObject = [:]
        let isStrict = request.tools.allSatisfy { $0.strict == true }
        switch request.toolChoice {
        case .auto: calling.append("mode", isStrict ? "VALIDATED" : "AUTO")
        case .any: calling.append("mode", "ANY")
        case .some(.none): calling.append("mode", "NONE")
        case .tool(let name):
            calling.append("mode", "ANY")
            calling.append("allowedFunctionNames", [.string(work.names.send(name))])
        case nil:
            if isStrict { calling.append("mode", "VALIDATED") }
        }
        if !calling.isEmpty { out.append("toolConfig", ["functionCallingConfig": .object(calling)]) }
        if request.allowsParallelTools == false { try work.note(.parallelTools, .dropped) }
    }

    private func declaration(_ tool: HubTool, _ work: inout RequestWork) -> JSONValue {
        var out: JSONObject = ["name": .string(work.names.send(tool.name))]
        out.append("description", ifPresent: tool.description.map { .string($0) })
        if tool.isCustom { work.customTools.insert(tool.name) }
        let schema = tool.isCustom ? HubTool.customSchema : tool.schema.map(SchemaRepair.withoutNulls)
        let properties = schema?["properties"]?.object
        guard let schema, !(properties?.isEmpty ?? (schema.object?.isEmpty ?? true)) || schema["$ref"] != nil else {
            // A function without arguments has no schema at all.
            return .object(out)
        }
        if able.jsonSchemaTools {
            out.append("parametersJsonSchema", GeminiJSONSchema.fitted(schema))
        } else {
            out.append("parameters", GeminiSchema.parameters(schema))
        }
        return .object(out)
    }

    // MARK: Configuration

    private mutating func writeThinkingAndLimit(_ work: inout RequestWork) throws(ConversionProblem) {
        var limit = request.maxTokens
        if let cap = work.options.maxTokensCap { limit = limit.map { Swift.min($0, cap) } ?? cap }
        let thinking = try self.thinking(&work)
        if let asked = limit, asked < 4_096, request.reasoning.isRequested, let budget = thoughtBudget(thinking), budget > 0 {
            // Thoughts count against the limit.
            limit = Swift.min(asked &+ budget, work.options.maxTokensCap ?? Int.max)
            work.raisedOutput = limit
        }
        config.append("maxOutputTokens", ifPresent: limit.map { .int($0) })
        if let thinking { config.append("thinkingConfig", .object(thinking)) }
    }

    /// What the thoughts may come to: as the model is told, or by the level that it is told instead.
    private func thoughtBudget(_ thinking: JSONObject?) -> Int? {
        if let budget = thinking?["thinkingBudget"]?.int { return budget }
        guard thinking?["thinkingLevel"] != nil else { return nil }
        if case .budget(let tokens) = request.reasoning.mode, request.reasoning.level == nil { return tokens }
        return request.reasoning.wantedLevel.map { Swift.min($0, .high).budget(cap: able.maxThinkingBudget) }
    }

    private func thinking(_ work: inout RequestWork) throws(ConversionProblem) -> JSONObject? {
        let reasoning = request.reasoning
        let level = reasoning.wantedLevel
        guard level != nil || reasoning.mode == .adaptive else {
            if case .none = able.thinking { return nil }
            return reasoning.isVisible == true ? ["includeThoughts": true] : nil
        }
        var out: JSONObject = [:]
        switch able.thinking {
        case .none:
            if reasoning.isRequested { try work.note(.reasoning, .dropped) }
            return nil
        case .budget:
            if level == ReasoningLevel.none {
                out.append("thinkingBudget", .int(able.minThinkingBudget ?? 0))
                return out
            }
            var budget = level.map { $0.budget(cap: able.maxThinkingBudget) } ?? -1
            if case .budget(let tokens) = reasoning.mode, reasoning.level == nil { budget = tokens }
            if budget >= 0 { budget = Swift.min(Swift.max(budget, able.minThinkingBudget ?? 1), able.maxThinkingBudget) }
            out.append("thinkingBudget", .int(budget))
        case .level:
            // Off is not on the scale of these models: the least they have comes nearest.
            let least = able.minimalThinking ? "minimal" : "low"
            switch level {
            case .some(.none), .minimal: out.append("thinkingLevel", .string(least))
            case .low: out.append("thinkingLevel", "low")
            case .medium: out.append("thinkingLevel", "medium")
            case .high, .xhigh, .max: out.append("thinkingLevel", "high")
            case nil: break
            }
            if level == ReasoningLevel.none { return out }
        }
        // A Responses client that wants to read thoughts asks for a summary of them.
        if reasoning.isVisible ?? (request.client != .responses) { out.append("includeThoughts", true) }
        return out
    }

    private mutating func writeSampling(_ work: inout RequestWork) throws(ConversionProblem) {
        config.append("temperature", ifPresent: request.temperature.map { .decimal($0) })
        config.append("topP", ifPresent: request.topP)
        config.append("topK", ifPresent: request.topK)
        let stops = request.stops.filter { !$0.isEmpty }
        if !stops.isEmpty {
            config.append("stopSequences", .array(stops.prefix(able.maxStops).map { .string($0) }))
            if stops.count > able.maxStops {
                work.emulatedStops = Array(stops.dropFirst(able.maxStops))
                try work.note(.stops, .emulated)
            }
        }
        let names = [
            ("seed", "seed"), ("presence_penalty", "presencePenalty"), ("frequency_penalty", "frequencyPenalty"),
            ("logprobs", "responseLogprobs"), ("top_logprobs", "logprobs"),
        ]
        for (name, own) in names {
            guard let value = request.sampling[name] else { continue }
            config.append(own, value)
        }
        if request.sampling["logit_bias"] != nil { try work.note("logit_bias", .dropped) }
        if request.verbosity != nil { try work.note(work.param(openAI: "verbosity"), .dropped) }
        if !request.modalities.isEmpty {
            config.append("responseModalities", .array((["text"] + request.modalities).map { .string($0.uppercased()) }))
        }
    }

    // MARK: Format

    /// Models that take no JSON type beside tools are asked for JSON in words where there are both: a call is worth more than a
    /// form that they keep to anyway.
    private var formatInWords: String? {
        guard !able.jsonWithTools, out["tools"] != nil else { return nil }
        switch request.format {
        case .jsonObject: return "Answer with one JSON object only, without any other text."
        case .schema(_, let schema, _, _):
            return "Answer with one JSON value only, without any other text. It must match this JSON schema:\n" + schema.text
        case nil: return nil
        }
    }

    private mutating func writeFormat(_ work: inout RequestWork) throws(ConversionProblem) {
        guard formatInWords == nil else { return try work.note(.format, .approximated) }
        switch request.format {
        case .jsonObject: config.append("responseMimeType", "application/json")
        case .schema(_, let schema, _, _):
            config.append("responseMimeType", "application/json")
            if able.jsonSchemaTools {
                config.append("responseJsonSchema", GeminiJSONSchema.fitted(schema))
            } else {
                config.append("responseSchema", GeminiSchema.cleaned(schema))
            }
        case nil: break
        }
    }
}
