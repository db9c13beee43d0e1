/// Writes the history of a Chat Completions request (conversion.md 3.1.2, 3.1.3).
struct ChatMessageWriter {
    private let able: Capabilities.OpenAI
    private let client: Dialect
    private var messages: [JSONValue] = []

    static func messages(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        var writer = ChatMessageWriter(able: work.options.capabilities.openAI, client: request.client)
        writer.writeSystem(request.system)
        let turns = TurnPairing.paired(request.turns, merges: false)
        for turn in turns {
            switch turn.role {
            case .system: writer.writeSystem(turn.blocks.compactMap(Self.text))
            case .user: try writer.writeUser(turn, &work)
            case .assistant: try writer.writeAssistant(turn, &work)
            }
        }
        if turns.last?.role == .assistant, request.client == .anthropic { try work.note("messages.prefill", .approximated) }
        return writer.messages
    }

    private static func text(_ block: HubBlock) -> HubText? {
        if case .text(let text) = block { return text }
        return nil
    }

    private mutating func writeSystem(_ texts: [HubText]) {
        guard let first = texts.first else { return }
        let content: JSONValue
        if texts.count == 1 {
            content = first.text
        } else if able.stringContentOnly {
            content = .string(texts.compactMap(\.text.string).joined(separator: "\n\n"))
        } else {
            content = .array(texts.map { ["type": "text", "text": $0.text] })
        }
        let role: JSONValue = able.developerRole && able.isReasoning ? "developer" : "system"
        messages.append(["role": role, "content": content])
    }

    // MARK: User turns

    /// Tool results first, one message each, right behind the call; then everything else in one user message.
    private mutating func writeUser(_ turn: HubTurn, _ work: inout RequestWork) throws(ConversionProblem) {
        let (results, others) = TurnPairing.split(turn.blocks)
        var images: [JSONValue] = []
        for result in results { images += try writeResult(result, &work) }
        var parts = images
        for block in others { parts += try self.parts(block, "messages.\(turn.position).content", &work) }
        guard !parts.isEmpty else {
            // An empty message is the client's business; it is kept as what it is.
            if turn.blocks.isEmpty { messages.append(["role": "user", "content": ""]) }
            return
        }
        if others.count == 1, images.isEmpty, parts.count == 1, case .text(let text) = others[0] {
            messages.append(["role": "user", "content": text.text])
        } else if able.stringContentOnly, parts.allSatisfy({ $0["type"]?.string == "text" }) {
            let text = parts.compactMap { $0["text"]?.string }.joined(separator: "\n")
            messages.append(["role": "user", "content": .string(text)])
        } else {
            messages.append(["role": "user", "content": .array(parts)])
        }
    }

    /// Writes one tool message; gives the image parts that must follow in a user message.
    private mutating func writeResult(_ result: HubToolResult, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue]
    {
        var images: [JSONValue] = []
        var texts: [String] = []
        var single: JSONValue?
        for block in result.content {
            switch block {
            case .text(let text):
                single = texts.isEmpty ? text.text : nil
                texts.append(text.text.string ?? "")
            case .image, .document, .audio, .toolUse, .toolResult, .thinking:
                for part in try parts(block, "messages.content.tool_result", &work) {
                    if let text = part["text"]?.string, part["type"]?.string == "text" {
                        texts.append(text)
                    } else {
                        images.append(part)
                    }
                }
            }
        }
        var text = texts.joined(separator: "\n")
        if result.isError, !text.lowercased().hasPrefix("error") {
            text = "Error: " + text
            single = nil
        }
        let id: JSONValue = .string(work.ids.send(result.id))
        if !images.isEmpty, able.toolContentParts {
            let parts: [JSONValue] = text.isEmpty ? images : [["type": "text", "text": .string(text)]] + images
            messages.append(["role": "tool", "tool_call_id": id, "content": .array(parts)])
            return []
        }
        if text.isEmpty, !images.isEmpty { text = "[image attached below]" }
        let content = texts.count == 1 ? single ?? .string(text) : .string(text)
        messages.append(["role": "tool", "tool_call_id": id, "content": text.isEmpty ? "" : content])
        if images.isEmpty { return [] }
        let label = "Attached to the result of tool call \(work.ids.send(result.id)):"
        return [["type": "text", "text": .string(label)]] + images
    }

    // MARK: Assistant turns

    private mutating func writeAssistant(_ turn: HubTurn, _ work: inout RequestWork) throws(ConversionProblem) {
        var texts: [JSONValue] = []
        var isAdjacent = false
        var calls: [JSONValue] = []
        var thoughts: [String] = []
        for block in turn.blocks {
            switch block {
            case .text(let piece):
                // What one answer was split into is one text again; what other blocks stood between is set apart.
                if !isAdjacent, !texts.isEmpty { texts.append("\n\n") }
                texts.append(piece.text)
                isAdjacent = true
                continue
            case .toolUse(let call): calls.append(Self.call(call, &work))
            case .thinking(let thinking):
                if thinking.redacted == nil, let thought = thinking.text.string, !thought.isEmpty { thoughts.append(thought) }
            case .image, .document, .audio, .toolResult:
                for part in try parts(block, "messages.\(turn.position).content", &work) {
                    guard let note = part["text"] else {
                        try work.note("messages.content", .dropped)
                        continue
                    }
                    if !texts.isEmpty { texts.append("\n\n") }
                    texts.append(note)
                }
            }
            isAdjacent = false
        }
        let text = texts.count > 1 ? .string(texts.compactMap(\.string).joined()) : texts.first
        guard text != nil || !calls.isEmpty else { return }
        var message: JSONObject = ["role": "assistant", "content": text ?? .null]
        if let field = able.reasoningEcho, !thoughts.isEmpty {
            message.append(field, .string(thoughts.joined(separator: "\n\n")))
        }
        if !calls.isEmpty { message.append("tool_calls", .array(calls)) }
        messages.append(.object(message))
    }

    private static func call(_ call: HubToolUse, _ work: inout RequestWork) -> JSONValue {
        [
            "id": .string(work.ids.send(call.id)), "type": "function",
            "function": ["name": .string(work.names.send(call.name)), "arguments": .string(call.arguments.text)],
        ]
    }

    // MARK: Parts

    private func parts(_ block: HubBlock, _ path: String, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        switch block {
        case .text(let text): return text.text.isEmptyText ? [] : [["type": "text", "text": text.text]]
        case .image(let image): return [Self.image(image)]
        case .document(let document): return try self.document(document, path, &work)
        case .audio(let format, let data):
            return [["type": "input_audio", "input_audio": ["data": .string(data), "format": .string(format)]]]
        case .toolUse, .toolResult, .thinking: return []
        }
    }

    private static func image(_ image: HubMedia) -> JSONValue {
        let url: String
        switch image.source {
        case .base64(let type, let data): url = "data:\(type);base64,\(data)"
        case .url(let address, _): url = address
        }
        var inner: JSONObject = ["url": .string(url)]
        if let detail = image.detail { inner.append("detail", .string(detail == "original" ? "high" : detail)) }
        return ["type": "image_url", "image_url": .object(inner)]
    }

    private func document(
        _ document: HubDocument, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> [JSONValue] {
        let head = [document.title, document.context].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "\n")
        switch document.source {
        case .base64(let type, let data):
            if type.hasPrefix("text/") {
                let text = Base64.decode(data).map { String(decoding: $0, as: UTF8.self) } ?? ""
                return [["type": "text", "text": .string(head.isEmpty ? text : head + "\n" + text)]]
            }
            let name = document.title.flatMap { $0.isEmpty ? nil : $0 } ?? "document.pdf"
            return [
                ["type": "file", "file": ["filename": .string(name), "file_data": .string("data:\(type);base64,\(data)")]]
            ]
        case .url: throw RequestWork.unsupported(path, "documents by address are not available with this upstream")
        case .text(let text): return [["type": "text", "text": .string(head.isEmpty ? text : head + "\n" + text)]]
        case .blocks(let blocks):
            var parts: [JSONValue] = head.isEmpty ? [] : [["type": "text", "text": .string(head)]]
            for block in blocks {
                switch block {
                case .text(let text): parts.append(["type": "text", "text": text.text])
                case .image(let image): parts.append(Self.image(image))
                case .document, .audio, .toolUse, .toolResult, .thinking: try work.note("\(path).document", .dropped)
                }
            }
            return parts
        }
    }
}
