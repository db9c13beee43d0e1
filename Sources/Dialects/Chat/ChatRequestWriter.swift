import Basics

/// Writes a Chat Completions request (conversion.md 3.1).
struct ChatRequestWriter {
    private var request: HubRequest
    private let able: Capabilities.OpenAI
    private var quirks: ChatQuirks { able.quirks }
    private var out = JSONObject()

    private init(_ request: HubRequest, _ work: RequestWork) {
        self.request = request
        able = work.options.capabilities.openAI
    }

    static func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        var writer = ChatRequestWriter(request, work)
        try writer.spellFormat(&work)
        try writer.request.fitFormat(isFirstParty: writer.able.isFirstParty, &work)
        writer.out.append("model", .string(work.model))
        writer.out.append("messages", .array(try ChatMessageWriter.messages(writer.request, &work)))
        try writer.writeLimits(&work)
        try writer.writeSampling(&work)
        if request.stream {
            writer.out.append("stream", true)
            if writer.able.streamUsage, !writer.quirks.refuses("stream_options") {
                writer.out.append("stream_options", ["include_usage": true])
            }
        }
        try writer.writeTools(&work)
        try writer.writeReasoning(&work)
        writer.writeFormat()
        try writer.writeRest(&work)
        return writer.out
    }

    private mutating func writeLimits(_ work: inout RequestWork) throws(ConversionProblem) {
        var limit = request.maxTokens
        if let cap = work.options.maxTokensCap { limit = limit.map { Swift.min($0, cap) } ?? cap }
        if let limit {
            let usesNewName = able.usesMaxCompletionTokens || able.isReasoning
            out.append(usesNewName ? "max_completion_tokens" : "max_tokens", .int(limit))
        }
    }

    private mutating func writeSampling(_ work: inout RequestWork) throws(ConversionProblem) {
        if let temperature = request.temperature {
            if able.isReasoning {
                // The default is no wish.
                if temperature != 1 { try work.note(work.param(openAI: "temperature"), .dropped) }
            } else {
                out.append("temperature", .decimal(temperature))
            }
        }
        if let topP = request.topP {
            if !able.isReasoning { out.append("top_p", topP) } else if topP.double != 1 { try work.note(.topP, .dropped) }
        }
        if let topK = request.topK {
            if able.topK { out.append("top_k", topK) } else { try work.note(.topK, .dropped) }
        }
        let stops = request.stops.filter { !$0.isEmpty }
        if !stops.isEmpty {
            let limit = able.isReasoning || quirks.refuses("stop") ? 0 : able.maxStops
            if limit > 0 { out.append("stop", .array(stops.prefix(limit).map { .string($0) })) }
            if stops.count > limit {
                work.emulatedStops = Array(stops.dropFirst(limit))
                try work.note(.stops, .emulated)
            }
        }
        for name in ["seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"] {
            guard let value = request.sampling[name] else { continue }
            if request.client == .gemini, name.hasSuffix("logprobs") {
                // There is no way back for them.
                if name == "logprobs" { try work.note(work.param(openAI: name), .dropped) }
                continue
            }
            if able.isReasoning, name.hasSuffix("_penalty") {
                try work.note(work.param(openAI: name), .dropped)
            } else {
                out.append(name, value)
            }
        }
    }

    // MARK: Tools

    private mutating func writeTools(_ work: inout RequestWork) throws(ConversionProblem) {
        var declared: [JSONValue] = []
        for (index, tool) in request.tools.enumerated() {
            switch tool.kind {
            case .function, .custom: declared.append(try declaration(tool, &work))
            case .hosted:
                if request.toolChoice == .tool(tool.name) || (request.toolChoice == .any && request.tools.count == 1) {
                    throw RequestWork.unsupported(work.tool(index), "\(tool.name) is not available with this upstream")
                }
                try work.note("tools.\(tool.name)", .dropped)
            }
        }
        guard !declared.isEmpty else {
            // A Responses client's built-in tools are offers; only a forced one is missed.
            if request.client != .responses, let first = request.tools.first {
                throw RequestWork.unsupported(
                    "tools", "\(first.name) is not available with this upstream, and no other tool remains")
            }
            return
        }
        out.append("tools", .array(declared))
        switch request.toolChoice {
        case .auto: out.append("tool_choice", "auto")
        case .any:
            out.append("tool_choice", .string(quirks.anyToolWord))
            if quirks.anyToolWord == "auto" { try work.note("tool_choice", .approximated) }
        case .some(.none): out.append("tool_choice", "none")
        case .tool(let name):
            if quirks.anyToolWord == "auto" {
                // Where no tool can be forced, none is named.
                out.append("tool_choice", "auto")
                try work.note("tool_choice", .approximated)
                break
            }
            out.append("tool_choice", ["type": "function", "function": ["name": .string(work.names.send(name))]])
        case nil: break
        }
        guard let parallel = request.allowsParallelTools else { return }
        if quirks.parallelCalls {
            out.append("parallel_tool_calls", .bool(parallel))
        } else if !parallel {
            try work.note(.parallelTools, .dropped)
        }
    }

    private func declaration(_ tool: HubTool, _ work: inout RequestWork) throws(ConversionProblem) -> JSONValue {
        var function: JSONObject = ["name": .string(work.names.send(tool.name))]
        function.append("description", ifPresent: tool.description.map { .string($0) })
        let schema = tool.isCustom ? HubTool.customSchema : SchemaRepair.forChat(tool.schema)
        if tool.isCustom { work.customTools.insert(tool.name) }
        function.append("parameters", schema)
        if tool.strict == true, SchemaRepair.isStrict(schema) {
            if quirks.strictTools { function.append("strict", true) } else { try work.note("tools.strict", .dropped) }
        }
        return ["type": "function", "function": .object(function)]
    }

    // MARK: Reasoning, format, the rest

    private mutating func writeReasoning(_ work: inout RequestWork) throws(ConversionProblem) {
        guard let level = request.reasoning.wantedLevel else {
            guard request.reasoning.mode == .adaptive else { return }
            // It thinks as much as it likes, if it may.
            if try refusesEffort(.medium, &work) { return }
            return write(quirks.thinkingOn)
        }
        guard level > .none else { return try writeThinkingOff(&work) }
        if try refusesEffort(level, &work) { return }
        write(quirks.thinkingOn)
        try writeEffort(level, &work)
    }

    /// The words that switch thinking off stand alone: some servers refuse an effort beside them.
    private mutating func writeThinkingOff(_ work: inout RequestWork) throws(ConversionProblem) {
        switch quirks.thinkingOff {
        case .words: write(quirks.thinkingOff)
        case .never: try work.note(.reasoning, .dropped)
        case .unknown: try writeEffort(.none, &work)
        }
    }

    private mutating func write(_ words: ChatQuirks.ThinkingWords) {
        guard case .words(let fields) = words else { return }
        for field in fields {
            if let value = field.value { field.path.set(value, in: &out) }
        }
    }

    /// Some models refuse an effort beside function tools here. They are told not to think, and the client is told that.
    private mutating func refusesEffort(
        _ level: ReasoningLevel, _ work: inout RequestWork
    ) throws(ConversionProblem) -> Bool {
        guard quirks.effortWithTools != .taken, out["tools"] != nil else { return false }
        try work.note(.reasoning, .dropped)
        if able.efforts.contains(.none) { try writeEffort(.none, &work) }
        return true
    }

    private mutating func writeEffort(_ level: ReasoningLevel, _ work: inout RequestWork) throws(ConversionProblem) {
        let field: FieldPath?
        switch quirks.effortField {
        case .known: field = able.isReasoning || able.reasoningEcho != nil ? Self.effortField : nil
        case .none: field = nil
        case .at(let path): field = path
        }
        guard let field, let word = quirks.word(for: level, of: able.efforts) else {
            // Thinking itself may have been asked for in other words.
            if request.reasoning.isRequested {
                try work.note(.reasoning, field == nil && hasThinkingOn ? .approximated : .dropped)
            }
            return
        }
        field.set(.string(word), in: &out)
    }

    private var hasThinkingOn: Bool {
        if case .words = quirks.thinkingOn { return true }
        return false
    }

    private static let effortField = FieldPath("reasoning_effort")

    /// What a format that the server does not take is in words.
    static func words(for schema: JSONValue?) -> String {
        let wish = "Answer with one JSON object only, without any other text."
        return schema.map { wish + " It must match this JSON schema:\n" + $0.text } ?? wish
    }

    /// A schema that the server does not take is said in words.
    private mutating func spellFormat(_ work: inout RequestWork) throws(ConversionProblem) {
        switch (request.format, quirks.jsonSchema) {
        case (nil, _), (_, .schema), (.jsonObject, .object): return
        case (.jsonObject, .none):
            request.system.append(HubText(text: .string(Self.words(for: nil))))
            request.format = nil
        case (.schema(_, let schema, _, _), let support):
            request.system.append(HubText(text: .string(Self.words(for: schema))))
            request.format = support == .object ? .jsonObject : nil
        }
        try work.note(.format, .approximated)
    }

    private mutating func writeFormat() {
        switch request.format {
        case .jsonObject: out.append("response_format", ["type": "json_object"])
        case .schema(let name, let schema, let strict, let description):
            var inner: JSONObject = ["name": .string(name ?? "structured_output")]
            inner.append("description", ifPresent: description.map { .string($0) })
            inner.append("schema", schema)
            inner.append("strict", .bool(strict ?? SchemaRepair.isStrict(schema)))
            out.append("response_format", ["type": "json_schema", "json_schema": .object(inner)])
        case nil: break
        }
    }

    private mutating func writeRest(_ work: inout RequestWork) throws(ConversionProblem) {
        if let user = request.user, !user.isEmpty, !quirks.user {
            try work.note(request.client == .anthropic ? "metadata.user_id" : "user", .dropped)
        } else if let user = request.user, !user.isEmpty {
            let short = user.utf8.count > 128 ? SHA256.hex(user, 64) : user
            out.append(able.isFirstParty ? "safety_identifier" : "user", .string(short))
        }
        if let tier = request.serviceTier {
            // Every server knows or ignores the plain ones; what costs more is asked for at the vendor only.
            let isTaken = able.isFirstParty || request.client == .responses || tier == "auto" || tier == "default"
            if quirks.serviceTier ?? isTaken {
                out.append("service_tier", .string(tier))
            } else {
                try work.note(request.serviceTierParam, .dropped)
            }
        }
        if let verbosity = request.verbosity {
            if quirks.verbosity ?? able.isFirstParty {
                out.append("verbosity", verbosity)
            } else {
                try work.note(work.param(openAI: "verbosity"), .dropped)
            }
        }
        // A key only says where to look for a prefix: without it nothing is lost but luck.
        if quirks.cacheKey ?? able.isFirstParty { out.append("prompt_cache_key", ifPresent: request.cacheKey) }
    }
}

extension HubTool {
    /// What a tool that takes free text is declared with where only JSON is known.
    static let customSchema: JSONValue = [
        "type": "object", "properties": ["input": ["type": "string"]], "required": ["input"], "additionalProperties": false,
    ]

    var isCustom: Bool {
        if case .custom = kind { return true }
        return false
    }
}

extension JSONValue {
    /// A number as JSON writes it: whole ones without a fraction.
    static func decimal(_ value: Double) -> JSONValue {
        if let whole = Int(exactly: value) { return .int(whole) }
        return value.isFinite ? .number("\(value)") : .null
    }
}
