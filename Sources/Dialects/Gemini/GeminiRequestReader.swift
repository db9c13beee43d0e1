import Basics

/// Reads a Gemini request (conversion.md 3.7). Its keys may be camelCase or snake_case.
struct GeminiRequestReader {
    private var request = HubRequest(client: .gemini)
    private var openCalls = OpenCalls()

    static func read(_ body: JSONObject, _ work: inout RequestWork) throws(ConversionProblem) -> HubRequest {
        var reader = GeminiRequestReader()
        for member in body.members { try reader.read(GeminiKey.camel(member.key), member.value, &work) }
        guard body["contents"] != nil else { throw RequestWork.invalid("contents", "contents is not specified") }
        return reader.request
    }

    private mutating func read(_ key: String, _ value: JSONValue, _ work: inout RequestWork) throws(ConversionProblem) {
        if value.isNull { return }
        switch key {
        case "model", "labels": break
        case "contents":
            let list = value.array ?? (value.object != nil ? [value] : [])
            guard !list.isEmpty else { throw RequestWork.invalid(key, "contents is not specified") }
            for (index, content) in list.enumerated() { try readContent(content, index, &work) }
        case "systemInstruction":
            if value.string != nil { request.system = [HubText(text: value)] }
            for part in value["parts"]?.array ?? (value["parts"].map { [$0] } ?? []) {
                if let text = part["text"], text.string != nil, !text.isEmptyText { request.system.append(HubText(text: text)) }
            }
        case "tools":
            for (index, tool) in (value.array ?? [value]).enumerated() { try readTool(tool, index, &work) }
        case "toolConfig": readToolConfig(value)
        case "generationConfig": try readConfig(value, &work)
        case "cachedContent": throw RequestWork.unsupported(key, "not available with this upstream")
        case "serviceTier":
            request.serviceTier = value.string == "standard" ? "default" : value.string
            request.serviceTierParam = key
        default: try work.note(key, .dropped)
        }
    }

    // MARK: Contents

    private mutating func readContent(_ content: JSONValue, _ index: Int, _ work: inout RequestWork) throws(ConversionProblem) {
        let path = "contents[\(index)]"
        let role: HubTurn.Role
        switch content["role"]?.string {
        case "model": role = .assistant
        case "user", "function", "tool", nil: role = .user
        case "system": role = .system
        default: throw RequestWork.invalid("\(path).role", "Please use a valid role: user, model.")
        }
        var turn = HubTurn(role: role, blocks: [], position: index)
        var calls = 0
        for (number, part) in (content["parts"]?.array ?? content["parts"].map { [$0] } ?? []).enumerated() {
            let place = "\(path).parts[\(number)]"
            turn.blocks += try read(part, place, index, &calls, &work).map { $0.placed(at: place) }
        }
        guard !turn.blocks.isEmpty else { return }
        // Google's own clients keep every chunk of a streamed response as a content of the model's: together they are one turn.
        guard role == .assistant else { return request.turns.append(turn) }
        if request.turns.last?.role != .assistant { request.turns.append(HubTurn(role: .assistant, blocks: [], position: index)) }
        guard let last = request.turns.indices.last else { return }
        for block in turn.blocks { Self.append(block, to: &request.turns[last].blocks) }
    }

    /// Pieces of the model's text that follow one another are one text.
    private static func append(_ block: HubBlock, to blocks: inout [HubBlock]) {
        if case .text(let more) = block, case .text(let text)? = blocks.last, let before = text.text.string,
            let after = more.text.string
        {
            blocks[blocks.count - 1] = .text(HubText(text: .string(before + after)))
        } else if case .thinking(let more) = block, case .thinking(var thought)? = blocks.last, thought.signature == nil {
            // The signature comes after the words it signs.
            thought.text = .string((thought.text.string ?? "") + (more.text.string ?? ""))
            thought.signature = more.signature
            blocks[blocks.count - 1] = .thinking(thought)
        } else {
            blocks.append(block)
        }
    }

    private mutating func read(
        _ part: JSONValue, _ path: String, _ turn: Int, _ calls: inout Int, _ work: inout RequestWork
    ) throws(ConversionProblem) -> [HubBlock] {
        let signature = GeminiKey.get(part, "thoughtSignature")?.string
        if let call = GeminiKey.get(part, "functionCall") {
            guard let name = call["name"]?.string else { throw RequestWork.invalid("\(path).functionCall.name", "required") }
            let id = call["id"]?.string ?? "call_\(turn)_\(calls)"
            calls += 1
            openCalls.add(name, id)
            let own = signature.map { Self.enveloped($0, .call) }
            return [.toolUse(HubToolUse(id: id, name: name, arguments: .value(call["args"] ?? [:]), signature: own))]
        }
        if let response = GeminiKey.get(part, "functionResponse") { return [.toolResult(try result(response, path, &work))] }
        if let text = part["text"], text.string != nil {
            if part["thought"]?.bool == true {
                let own = signature.map { Self.enveloped($0, .think) }
                return [.thinking(HubThinking(text: text, signature: own))]
            }
            return text.isEmptyText ? [] : [.text(HubText(text: text))]
        }
        if let data = GeminiKey.get(part, "inlineData") { return [try Self.inline(data, path, work)] }
        if let file = GeminiKey.get(part, "fileData") {
            guard let url = GeminiKey.get(file, "fileUri")?.string else {
                throw RequestWork.invalid("\(path).fileData.fileUri", "required")
            }
            guard url.hasPrefix("https://") || url.hasPrefix("http://"), !url.contains("generativelanguage.googleapis.com") else {
                throw RequestWork.unsupported("\(path).fileData", "the file is not found in this provider's file store")
            }
            let type = GeminiKey.get(file, "mimeType")?.string ?? AttachedFile.named(url, or: "image/jpeg")
            if type.hasPrefix("image/") { return [.image(HubMedia(source: .url(url, type: type)))] }
            guard !type.hasPrefix("video/"), !type.hasPrefix("audio/") else {
                throw RequestWork.unsupported("\(path).fileData", "files of type \(type) are not available with this upstream")
            }
            return [.document(HubDocument(source: .url(url)))]
        }
        if let code = GeminiKey.get(part, "executableCode")?["code"]?.string {
            return [.text(HubText(text: .string("\n```\n" + code + "\n```\n")))]
        }
        if let output = GeminiKey.get(part, "codeExecutionResult")?["output"]?.string {
            return [.text(HubText(text: .string("\n```\n" + output + "\n```\n")))]
        }
        if let signature, let envelope = SignatureEnvelope.envelope(inBase64: signature) {
            return [.thinking(HubThinking(text: "", signature: envelope))]
        }
        if signature == nil { try work.note("contents.parts", .dropped) }
        return []
    }

    /// A signature as the hub has it: another vendor's is in an envelope already, Gemini's own gets one.
    private static func enveloped(_ signature: String, _ kind: SignatureEnvelope.Kind) -> String {
        SignatureEnvelope.envelope(inBase64: signature)
            ?? SignatureEnvelope(family: .gemini, model: "", kind: kind, original: signature).encoded
    }

    private static func inline(
        _ data: JSONValue, _ path: String, _ work: RequestWork
    ) throws(ConversionProblem) -> HubBlock {
        guard let type = GeminiKey.get(data, "mimeType")?.string, let bytes = data["data"]?.string else {
            throw RequestWork.invalid("\(path).inlineData", "mimeType and data are required")
        }
        let standard = Base64.standard(bytes)
        let title = GeminiKey.get(data, "displayName")?.string
        return try AttachedFile.block(type: type, data: standard, title: title, path: "\(path).inlineData", work)
    }

    /// A response: matched to its call by id, else to the first open call of its name.
    private mutating func result(
        _ response: JSONValue, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> HubToolResult {
        let name = response["name"]?.string ?? ""
        let given = response["id"]?.string
        // An id that no call has is the client's own: then the name decides.
        let known = given.flatMap { openCalls.knows($0) ? openCalls.answer($0) : nil }
        let id = known ?? openCalls.first(name) ?? given ?? ""
        var result = HubToolResult(id: id, name: name, content: [])
        let value = response["response"] ?? [:]
        if let error = value["error"], value.object?.count == 1 {
            result.isError = true
            result.content = [.text(HubText(text: error.string != nil ? error : .string(error.text)))]
        } else if let output = value["output"] ?? value["result"], value.object?.count == 1 {
            result.content = [.text(HubText(text: output.string != nil ? output : .string(output.text)))]
        } else {
            result.content = [.text(HubText(text: .string(value.text)))]
        }
        for (number, part) in (response["parts"]?.array ?? []).enumerated() {
            if let data = GeminiKey.get(part, "inlineData") {
                let place = "\(path).parts[\(number)]"
                result.content.append(try Self.inline(data, place, work).placed(at: place))
            } else {
                try work.note("contents.parts.functionResponse", .dropped)
            }
        }
        return result
    }

    // MARK: Tools and configuration

    private mutating func readTool(_ tool: JSONValue, _ index: Int, _ work: inout RequestWork) throws(ConversionProblem) {
        for member in tool.object?.members ?? [] {
            switch GeminiKey.camel(member.key) {
            case "functionDeclarations":
                for (number, function) in (member.value.array ?? []).enumerated() {
                    guard let name = function["name"]?.string, !name.isEmpty else {
                        throw RequestWork.invalid("tools[\(index)].functionDeclarations[\(number)].name", "required")
                    }
                    let schema =
                        GeminiKey.get(function, "parametersJsonSchema").map { GeminiSchema.withoutOrder($0) }
                        ?? function["parameters"].map { GeminiSchema.standard($0) }
                    request.tools.append(HubTool(name: name, description: function["description"]?.string, schema: schema))
                }
            case "googleSearch", "googleSearchRetrieval":
                request.tools.append(HubTool(kind: .hosted(.webSearch, tool), name: "googleSearch"))
            case "urlContext": request.tools.append(HubTool(kind: .hosted(.webFetch, tool), name: "urlContext"))
            case "codeExecution": request.tools.append(HubTool(kind: .hosted(.codeExecution, tool), name: "codeExecution"))
            default: try work.note("tools.\(member.key)", .dropped)
            }
        }
    }

    private mutating func readToolConfig(_ value: JSONValue) {
        guard let calling = GeminiKey.get(value, "functionCallingConfig") else { return }
        let allowed = Set(GeminiKey.get(calling, "allowedFunctionNames")?.array?.compactMap(\.string) ?? [])
        switch calling["mode"]?.string?.uppercased() {
        case "AUTO", "VALIDATED": request.toolChoice = .auto
        case "NONE": request.toolChoice = HubToolChoice.none
        case "ANY":
            request.toolChoice = .any
            if allowed.count == 1, let only = allowed.first { request.toolChoice = .tool(only) }
            if allowed.count > 1 { request.tools = request.tools.filter { allowed.contains($0.name) } }
        default: break
        }
    }

    private mutating func readConfig(_ config: JSONValue, _ work: inout RequestWork) throws(ConversionProblem) {
        var mimeType: String?
        var schema: JSONValue?
        for member in config.object?.members ?? [] where !member.value.isNull {
            let value = Self.unquoted(member.value)
            switch GeminiKey.camel(member.key) {
            case "maxOutputTokens":
                guard let count = value.int, count > 0 else {
                    throw RequestWork.invalid("generationConfig.maxOutputTokens", "must be positive")
                }
                request.maxTokens = count
            case "temperature": request.temperature = value.double
            case "topP": request.topP = value
            case "topK": request.topK = value.int.map { .int($0) } ?? value
            case "stopSequences": request.stops = value.array?.compactMap(\.string) ?? []
            case "candidateCount":
                if let count = value.int, count > 1 {
                    throw RequestWork.unsupported(
                        "generationConfig.candidateCount", "only one candidate is available with this upstream")
                }
            case "seed": request.sampling["seed"] = value
            case "presencePenalty": request.sampling["presence_penalty"] = value
            case "frequencyPenalty": request.sampling["frequency_penalty"] = value
            case "responseLogprobs": request.sampling["logprobs"] = value
            case "logprobs": request.sampling["top_logprobs"] = value
            case "responseMimeType": mimeType = value.string?.lowercased()
            case "responseSchema": schema = GeminiSchema.standard(value)
            case "responseJsonSchema": schema = GeminiSchema.withoutOrder(value)
            case "thinkingConfig": readThinking(value)
            case "responseModalities":
                let words = value.array?.compactMap { $0.string?.uppercased() } ?? []
                if words.contains("AUDIO") || words.contains("IMAGE") {
                    throw RequestWork.unsupported(
                        "generationConfig.responseModalities", "only text is available with this upstream")
                }
            default: try work.note("generationConfig.\(member.key)", .dropped)
            }
        }
        if let schema, mimeType == "text/x.enum" {
            // One of some words, bare: a form that no other format has.
            let words = JSONValue.array(schema["enum"]?.array ?? []).text
            request.system.append(HubText(text: .string("Answer with exactly one of these and nothing else: " + words)))
            try work.note("generationConfig.responseSchema", .approximated)
        } else if let schema {
            request.format = .schema(name: nil, schema: schema, strict: nil, description: nil)
        } else if mimeType == "application/json" {
            request.format = .jsonObject
        }
    }

    /// Google reads numbers in quotes too.
    private static func unquoted(_ value: JSONValue) -> JSONValue {
        guard let text = value.string, let number = try? JSONValue(parsing: text), case .number = number else { return value }
        return number
    }

    private mutating func readThinking(_ value: JSONValue) {
        if let budget = GeminiKey.get(value, "thinkingBudget").map(Self.unquoted)?.int {
            request.reasoning.mode = budget == 0 ? .off : budget < 0 ? .adaptive : .budget(budget)
        }
        if let level = GeminiKey.get(value, "thinkingLevel")?.string {
            request.reasoning.level = ReasoningLevel(level.lowercased())
        }
        if let shows = GeminiKey.get(value, "includeThoughts")?.bool {
            request.reasoning.isVisible = shows
            // Asked for thoughts and not how many, the model decides.
            if shows, request.reasoning.mode == .unset, request.reasoning.level == nil { request.reasoning.mode = .adaptive }
        }
    }
}

/// Gemini's servers take snake_case for camelCase everywhere.
enum GeminiKey {
    static func camel(_ key: String) -> String {
        guard key.utf8.contains(0x5F) else { return key }
        let words = key.split(separator: "_")
        guard let first = words.first else { return key }
        return words.dropFirst().reduce(String(first)) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }

    /// The member `name` (camelCase) of an object, however it is written.
    static func get(_ value: JSONValue, _ name: String) -> JSONValue? {
        if let found = value[name] { return found }
        var snake = ""
        for character in name {
            if character.isUppercase { snake += "_" + character.lowercased() } else { snake.append(character) }
        }
        return value[snake]
    }
}
