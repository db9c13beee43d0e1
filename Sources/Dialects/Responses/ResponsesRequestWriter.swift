import Basics

/// Writes a Responses request (conversion.md 3.6). Nothing is stored at the vendor; reasoning comes back encrypted.
struct ResponsesRequestWriter {
    private var request: HubRequest
    private let able: Capabilities.OpenAI
    private var out = JSONObject()
    private var items: [JSONValue] = []
    /// The text of the assistant message in hand.
    private var said: [JSONValue] = []

    static func write(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        var writer = ResponsesRequestWriter(request: request, able: work.options.capabilities.openAI)
        return try writer.write(&work)
    }

    private mutating func write(_ work: inout RequestWork) throws(ConversionProblem) -> JSONObject {
        try request.fitFormat(isFirstParty: able.isFirstParty, &work)
        out.append("model", .string(work.model))
        let system = request.system.compactMap(\.text.string).filter { !$0.isEmpty }
        if !system.isEmpty { out.append("instructions", .string(system.joined(separator: "\n\n"))) }
        for turn in TurnPairing.paired(request.turns, merges: false) { try write(turn, &work) }
        // A request of nothing at all is refused.
        if items.isEmpty {
            items = [["type": "message", "role": "user", "content": [["type": "input_text", "text": "."]]]]
        }
        out.append("input", .array(items))
        if request.turns.last?.role == .assistant, request.client == .anthropic {
            try work.note(.prefill, .approximated)
        }
        var limit = request.maxTokens
        if let cap = work.options.maxTokensCap { limit = limit.map { Swift.min($0, cap) } ?? cap }
        out.append("max_output_tokens", ifPresent: limit.map { .int($0) })
        try writeSampling(&work)
        try writeTools(&work)
        try writeReasoning(&work)
        writeText()
        out.append("store", false)
        let wantsLogprobs = request.client == .openai && request.sampling["logprobs"] != nil
        let include: [JSONValue] = ["reasoning.encrypted_content"] + (wantsLogprobs ? ["message.output_text.logprobs"] : [])
        out.append("include", .array(include))
        // Some servers stream unless they are told not to.
        out.append("stream", .bool(request.stream))
        if let user = request.user, !user.isEmpty {
            out.append("safety_identifier", .string(user.utf8.count > 64 ? SHA256.hex(user, 64) : user))
        }
        if let tier = request.serviceTier { out.append("service_tier", .string(tier)) }
        out.append("prompt_cache_key", ifPresent: request.cacheKey)
        return out
    }

    private mutating func writeSampling(_ work: inout RequestWork) throws(ConversionProblem) {
        if let temperature = request.temperature {
            if able.isReasoning {
                try work.note(work.param(openAI: "temperature"), .dropped)
            } else {
                out.append("temperature", .decimal(temperature))
            }
        }
        if let topP = request.topP {
            if able.isReasoning { try work.note(.topP, .dropped) } else { out.append("top_p", topP) }
        }
        if request.topK != nil { try work.note(.topK, .dropped) }
        let stops = request.stops.filter { !$0.isEmpty }
        if !stops.isEmpty {
            work.emulatedStops = stops
            try work.note(.stops, .emulated)
        }
        for name in request.sampling.keys.sorted() {
            if name == "top_logprobs", let value = request.sampling[name] {
                // There is no way back for a Gemini client's.
                if request.client != .gemini { out.append(name, value) }
            } else if name == "logprobs", request.client == .openai {
                continue
            } else {
                try work.note(work.param(openAI: name), .dropped)
            }
        }
    }

    // MARK: Tools

    private mutating func writeTools(_ work: inout RequestWork) throws(ConversionProblem) {
        var declared: [JSONValue] = []
        for (index, tool) in request.tools.enumerated() {
            switch tool.kind {
            case .function, .custom:
                if tool.isCustom { work.customTools.insert(tool.name) }
                var function: JSONObject = ["type": "function", "name": .string(work.names.send(tool.name))]
                function.append("description", ifPresent: tool.description.map { .string($0) })
                let schema = tool.isCustom ? HubTool.customSchema : SchemaRepair.forChat(tool.schema)
                function.append("parameters", schema)
                // Left out, the vendor would tighten the schema on its own; what other vendors call strict may not be enough here.
                let isStrict = tool.strict == true && (request.client != .anthropic || SchemaRepair.isStrict(schema))
                function.append("strict", .bool(isStrict))
                declared.append(.object(function))
            case .hosted(.webSearch, let declaration): declared.append(try HostedSearch(declaration).responses(&work))
            case .hosted:
                if request.toolChoice == .tool(tool.name) || request.tools.count == 1 {
                    throw RequestWork.unsupported(work.tool(index), "\(tool.name) is not available with this upstream")
                }
                try work.note("tools.\(tool.name)", .dropped)
            }
        }
        guard !declared.isEmpty else { return }
        out.append("tools", .array(declared))
        switch request.toolChoice {
        case .auto: out.append("tool_choice", "auto")
        case .any: out.append("tool_choice", "required")
        case .some(.none): out.append("tool_choice", "none")
        case .tool(let name):
            let isSearch = request.tools.contains { tool in
                if tool.name == name, case .hosted(.webSearch, _) = tool.kind { true } else { false }
            }
            out.append(
                "tool_choice",
                isSearch ? ["type": "web_search"] : ["type": "function", "name": .string(work.names.send(name))])
        case nil: break
        }
        if let parallel = request.allowsParallelTools { out.append("parallel_tool_calls", .bool(parallel)) }
    }

    private mutating func writeReasoning(_ work: inout RequestWork) throws(ConversionProblem) {
        let level = request.reasoning.wantedLevel
        guard able.isReasoning || !request.reasoning.isRequested else {
            try work.note(.reasoning, .dropped)
            return
        }
        guard able.isReasoning, level != nil || request.reasoning.mode == .adaptive else { return }
        var reasoning: JSONObject = [:]
        if let effort = level?.degraded(to: able.efforts) { reasoning.append("effort", .string(effort.label)) }
        if request.reasoning.isRequested, request.reasoning.isVisible != false { reasoning.append("summary", "auto") }
        if !reasoning.isEmpty { out.append("reasoning", .object(reasoning)) }
    }

    private mutating func writeText() {
        var text: JSONObject = [:]
        switch request.format {
        case .jsonObject: text.append("format", ["type": "json_object"])
        case .schema(let name, let schema, let strict, let description):
            var format: JSONObject = ["type": "json_schema", "name": .string(name ?? "structured_output")]
            format.append("description", ifPresent: description.map { .string($0) })
            format.append("schema", schema)
            format.append("strict", .bool(strict ?? SchemaRepair.isStrict(schema)))
            text.append("format", .object(format))
        case nil: break
        }
        text.append("verbosity", ifPresent: request.verbosity)
        if !text.isEmpty { out.append("text", .object(text)) }
    }

    // MARK: Items

    private mutating func write(_ turn: HubTurn, _ work: inout RequestWork) throws(ConversionProblem) {
        let path = work.content(of: turn)
        switch turn.role {
        case .system:
            let parts = turn.blocks.compactMap(\.text).map { JSONValue.members(("type", "input_text"), ("text", $0)) }
            if !parts.isEmpty { items.append(["type": "message", "role": "developer", "content": .array(parts)]) }
        case .user:
            let (results, others) = TurnPairing.split(turn.blocks)
            for result in results {
                items.append([
                    "type": "function_call_output", "call_id": .string(work.ids.send(result.id)),
                    "output": try output(result, path),
                ])
            }
            var parts: [JSONValue] = []
            for block in others { parts += try self.parts(block, path) }
            if !parts.isEmpty { items.append(["type": "message", "role": "user", "content": .array(parts)]) }
        case .assistant:
            for block in turn.blocks {
                if block.text == nil { endMessage() }
                try writeAssistant(block, path, &work)
            }
            endMessage()
        }
    }

    /// Pieces of text that follow one another are one message.
    private mutating func endMessage() {
        guard !said.isEmpty else { return }
        items.append(["type": "message", "role": "assistant", "content": .array(said)])
        said = []
    }

    private mutating func writeAssistant(
        _ block: HubBlock, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) {
        switch block {
        case .text(let text):
            if text.text.isEmptyText { return }
            let part: JSONValue = ["type": "output_text", "text": text.text, "annotations": []]
            said.append(part)
        case .toolUse(let call):
            items.append([
                "type": "function_call", "call_id": .string(work.ids.send(call.id)),
                "name": .string(work.names.send(call.name)), "arguments": .string(call.arguments.text),
            ])
        case .thinking(let thinking):
            let envelope = thinking.signature ?? thinking.redacted
            guard let envelope, let opened = SignatureEnvelope(envelope), opened.family == .openai, !opened.original.isEmpty
            else {
                return
            }
            let text = thinking.text.string ?? ""
            let summary: JSONValue = text.isEmpty ? [] : [["type": "summary_text", "text": thinking.text]]
            items.append(["type": "reasoning", "summary": summary, "encrypted_content": .string(opened.original)])
        case .image, .document, .audio:
            // Content is never left out without a word the model can see.
            try work.note(block.place ?? path, .dropped)
            said.append(["type": "output_text", "text": block.omission, "annotations": []])
        case .toolResult: try work.note(path, .dropped)
        }
    }

    private func output(_ result: HubToolResult, _ path: String) throws(ConversionProblem) -> JSONValue {
        var parts: [JSONValue] = []
        var texts: [String] = []
        var hasMedia = false
        for block in result.content {
            if let text = block.text { texts.append(text.string ?? "") } else { hasMedia = true }
            parts += try self.parts(block, path)
        }
        var text = texts.joined(separator: "\n")
        let needsWord = result.isError && !text.lowercased().hasPrefix("error")
        if hasMedia {
            if needsWord { Self.prefixError(&parts) }
            return .array(parts)
        }
        if needsWord { text = "Error: " + text }
        if texts.count == 1, !needsWord, let only = result.content.first?.text { return only }
        return .string(text)
    }

    /// Puts `Error: ` before the first text, which becomes one where there is none.
    private static func prefixError(_ parts: inout [JSONValue]) {
        for index in parts.indices {
            guard var part = parts[index].object, let text = part["text"]?.string else { continue }
            part["text"] = .string("Error: " + text)
            parts[index] = .object(part)
            return
        }
        parts.insert(["type": "input_text", "text": "Error:"], at: 0)
    }

    private func parts(_ block: HubBlock, _ path: String) throws(ConversionProblem) -> [JSONValue] {
        switch block {
        case .text(let text): return text.text.isEmptyText ? [] : [["type": "input_text", "text": text.text]]
        case .image(let image):
            let url: String
            switch image.source {
            case .base64(let type, let data): url = "data:\(type);base64,\(data)"
            case .url(let address, _): url = address
            }
            return [["type": "input_image", "image_url": .string(url), "detail": .string(image.detail ?? "auto")]]
        case .document(let document): return try self.document(document, path)
        case .audio(let audio): throw RequestWork.unsupported(audio.place ?? path, "audio is not available with this upstream")
        case .toolUse, .toolResult, .thinking: return []
        }
    }

    private func document(_ document: HubDocument, _ path: String) throws(ConversionProblem) -> [JSONValue] {
        let head = [document.title, document.context].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "\n")
        switch document.source {
        case .base64(let type, let data):
            let name = document.title.flatMap { $0.isEmpty ? nil : $0 } ?? "document.pdf"
            return [["type": "input_file", "filename": .string(name), "file_data": .string("data:\(type);base64,\(data)")]]
        case .url(let url): return [["type": "input_file", "file_url": .string(url)]]
        case .text(let text): return [["type": "input_text", "text": .string(head.isEmpty ? text : head + "\n" + text)]]
        case .blocks(let blocks):
            var parts: [JSONValue] = head.isEmpty ? [] : [["type": "input_text", "text": .string(head)]]
            for block in blocks where block.text != nil || block.isImage { parts += try self.parts(block, path) }
            return parts
        }
    }
}

extension HubBlock {
    var isImage: Bool {
        if case .image = self { return true }
        return false
    }

    /// What the model is told in the place of something it cannot be shown.
    var omission: JSONValue { isImage ? "[image omitted]" : "[file omitted]" }
}
