import Basics

/// Writes a Chat Completions request (conversion.md 3.1).
struct ChatRequestWriter {
    private let request: HubRequest
    private let able: Capabilities.OpenAI
    private var out = JSONObject()

    private init(_ request: HubRequest, _ work: RequestWork) {
        self.request = request
        able = work.options.capabilities.openAI
    }

    static func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        var writer = ChatRequestWriter(request, work)
        writer.out.append("model", .string(work.model))
        writer.out.append("messages", .array(try ChatMessageWriter.messages(request, &work)))
        try writer.writeLimits(&work)
        try writer.writeSampling(&work)
        if request.stream {
            writer.out.append("stream", true)
            if writer.able.streamUsage { writer.out.append("stream_options", ["include_usage": true]) }
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
                if temperature != 1 { try work.note("temperature", .dropped) }
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
            let limit = able.isReasoning ? 0 : able.maxStops
            if limit > 0 { out.append("stop", .array(stops.prefix(limit).map { .string($0) })) }
            if stops.count > limit {
                work.emulatedStops = Array(stops.dropFirst(limit))
                try work.note(.stops, .emulated)
            }
        }
        for name in ["seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"] {
            guard let value = request.sampling[name] else { continue }
            if able.isReasoning, name.hasSuffix("_penalty") { try work.note(name, .dropped) } else { out.append(name, value) }
        }
    }

    // MARK: Tools

    private mutating func writeTools(_ work: inout RequestWork) throws(ConversionProblem) {
        var declared: [JSONValue] = []
        for (index, tool) in request.tools.enumerated() {
            switch tool.kind {
            case .function, .custom: declared.append(Self.declaration(tool, &work))
            case .hosted:
                if request.toolChoice == .tool(tool.name) || (request.toolChoice == .any && request.tools.count == 1) {
                    throw RequestWork.unsupported("tools.\(index)", "\(tool.name) is not available with this upstream")
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
        case .any: out.append("tool_choice", "required")
        case .some(.none): out.append("tool_choice", "none")
        case .tool(let name):
            out.append("tool_choice", ["type": "function", "function": ["name": .string(work.names.send(name))]])
        case nil: break
        }
        if let parallel = request.allowsParallelTools { out.append("parallel_tool_calls", .bool(parallel)) }
    }

    private static func declaration(_ tool: HubTool, _ work: inout RequestWork) -> JSONValue {
        var function: JSONObject = ["name": .string(work.names.send(tool.name))]
        function.append("description", ifPresent: tool.description.map { .string($0) })
        let schema = tool.isCustom ? HubTool.customSchema : SchemaRepair.forChat(tool.schema)
        if tool.isCustom { work.customTools.insert(tool.name) }
        function.append("parameters", schema)
        if tool.strict == true, SchemaRepair.isStrict(schema) { function.append("strict", true) }
        return ["type": "function", "function": .object(function)]
    }

    // MARK: Reasoning, format, the rest

    private mutating func writeReasoning(_ work: inout RequestWork) throws(ConversionProblem) {
        guard let level = request.reasoning.wantedLevel else { return }
        let isMarked = able.isReasoning || able.reasoningEcho != nil
        guard isMarked, let effort = level.degraded(to: able.efforts) else {
            if request.reasoning.isRequested { try work.note(.reasoning, .dropped) }
            return
        }
        out.append("reasoning_effort", .string(effort.label))
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
        if let user = request.user, !user.isEmpty {
            let short = user.utf8.count > 128 ? SHA256.hex(user, 64) : user
            out.append(able.isFirstParty ? "safety_identifier" : "user", .string(short))
        }
        if let tier = request.serviceTier {
            // Every server knows or ignores the plain ones; what costs more is asked for at the vendor only.
            if able.isFirstParty || request.client == .responses || tier == "auto" || tier == "default" {
                out.append("service_tier", .string(tier))
            } else {
                try work.note(request.serviceTierParam, .dropped)
            }
        }
        if let verbosity = request.verbosity {
            if able.isFirstParty || request.client == .responses {
                out.append("verbosity", verbosity)
            } else {
                try work.note("verbosity", .dropped)
            }
        }
        out.append("prompt_cache_key", ifPresent: request.cacheKey)
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
