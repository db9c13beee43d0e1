import Basics

/// Writes the history of a Chat Completions request (conversion.md 3.1.2, 3.1.3).
struct ChatMessageWriter {
    private let able: Capabilities.OpenAI
    private let client: ClientDialect
    /// The client wants no thoughts: none are made up.
    private let isThinkingOff: Bool
    private var messages: [JSONValue] = []

    /// What stands in for a result the history does not have.
    private static let missing: JSONValue = "No result was provided for this tool call."

    static func messages(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        var writer = ChatMessageWriter(
            able: work.options.capabilities.openAI, client: request.client,
            isThinkingOff: request.reasoning.wantedLevel == ReasoningLevel.none)
        writer.writeSystem(request.system, isList: request.isSystemList)
        let turns = TurnPairing.paired(request.turns, merges: false, renames: false)
        for turn in turns {
            switch turn.role {
            case .system: writer.writeLaterSystem(turn.blocks.compactMap(Self.text), isList: turn.isList)
            case .user: try writer.writeUser(turn, &work)
            case .assistant: try writer.writeAssistant(turn, &work)
            }
        }
        // A request of no message at all is refused.
        if writer.messages.isEmpty { writer.append("user", ".") }
        if turns.last?.role == .assistant, request.client == .anthropic { try work.note(.prefill, .approximated) }
        if writer.able.quirks.callSignatures { CallSignature.signCurrentTurn(&writer.messages) }
        return writer.markKey.map { ChatCacheMarks.limited(writer.messages, $0) } ?? writer.messages
    }

    private static func text(_ block: HubBlock) -> HubText? {
        if case .text(let text) = block { return text }
        return nil
    }

    private mutating func writeSystem(_ texts: [HubText], isList: Bool) {
        guard let first = texts.first else { return }
        let content: JSONValue
        if able.stringContentOnly {
            content = .string(texts.compactMap(\.text.string).joined(separator: "\n\n"))
        } else if texts.count == 1, !isList, !isMarked(first.cache) {
            content = first.text
        } else {
            content = .array(texts.map(part))
        }
        let role: JSONValue = able.developerRole && able.isReasoning ? "developer" : "system"
        messages.append(["role": role, "content": content])
    }

    /// A system message in the midst stays there, as a user's reminder where only the first message may be the system's.
    private mutating func writeLaterSystem(_ texts: [HubText], isList: Bool) {
        guard able.systemFirst else { return writeSystem(texts, isList: isList) }
        let text = texts.compactMap(\.text.string).joined(separator: "\n\n")
        if !text.isEmpty { append("user", .string(HubText.reminder(text))) }
    }

    /// Adds a message; where roles must take turns it joins one of the same role before it.
    /// - Parameter more: its other members.
    private mutating func append(_ role: JSONValue, _ content: JSONValue, _ more: JSONObject = [:]) {
        guard able.strictAlternation, let last = messages.indices.last, var before = messages[last].object,
            before["role"] == role, before["tool_calls"] == nil, more.members.allSatisfy({ before[$0.key] == nil })
        else {
            var message: JSONObject = ["role": role, "content": content]
            for member in more.members { message.append(member.key, member.value) }
            return messages.append(.object(message))
        }
        let old = before["content"] ?? ""
        if let first = old.string, let second = content.string {
            before["content"] = .string(second.isEmpty ? first : first + "\n\n" + second)
        } else if !content.isNull {
            before["content"] = .array(Self.parts(of: old) + Self.parts(of: content))
        }
        for member in more.members { before.append(member.key, member.value) }
        messages[last] = .object(before)
    }

    private static func parts(of content: JSONValue) -> [JSONValue] {
        content.array ?? [["type": "text", "text": content]]
    }

    // MARK: Cache marks

    private func isMarked(_ mark: HubCacheMark?) -> Bool { mark != nil && markKey != nil }

    /// The member that a mark is; nil where none is taken.
    private var markKey: String? {
        able.quirks.cacheMarks ? ChatCacheMarks.anthropicKey : able.explicitCache ? ChatCacheMarks.key : nil
    }

    /// A part with the client's cache mark, where the upstream takes one.
    private func marked(_ part: JSONValue, _ mark: HubCacheMark?) -> JSONValue {
        guard let mark, let key = markKey, var object = part.object else { return part }
        object.append(key, able.quirks.cacheMarks ? mark.json : ["mode": "explicit"])
        return .object(object)
    }

    private func part(_ text: HubText) -> JSONValue { marked(["type": "text", "text": text.text], text.cache) }

    // MARK: User turns

    /// Tool results first, one message each, right behind the call; then everything else in one user message.
    private mutating func writeUser(_ turn: HubTurn, _ work: inout RequestWork) throws(ConversionProblem) {
        let (results, others) = TurnPairing.split(turn.blocks)
        var parts: [JSONValue] = []
        for result in results { parts += try writeResult(result, &work) }
        let hasImages = !parts.isEmpty
        for block in others { parts += try self.parts(block, work.content(of: turn), &work) }
        guard let first = parts.first else {
            // An empty message is the client's business; it is kept as what it is.
            if turn.blocks.isEmpty, !turn.isList { append("user", "") }
            return
        }
        if able.stringContentOnly, parts.allSatisfy({ $0["type"]?.string == "text" }) {
            append("user", .string(parts.compactMap { $0["text"]?.string }.joined(separator: "\n")))
        } else if parts.count == 1, !turn.isList, !hasImages, first["type"] == "text" {
            append("user", first["text"] ?? "")
        } else {
            append("user", .array(parts))
        }
    }

    /// Writes one tool message; gives the parts that must follow in a user message: its images, each behind a text that says whose.
    private mutating func writeResult(_ result: HubToolResult, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue]
    {
        let id: JSONValue = .string(work.ids.send(result.id))
        if result.isMade {
            messages.append(["role": "tool", "tool_call_id": id, "content": Self.missing])
            return []
        }
        var all: [JSONValue] = []
        for block in result.content {
            if case .text(let text) = block {
                all.append(["type": "text", "text": text.text])
            } else {
                all += try parts(block, "messages.content.tool_result", &work)
            }
        }
        if result.isError { Self.markError(&all) }
        let texts = all.compactMap { $0["type"] == "text" ? $0["text"] : nil }
        var images = all.filter { $0["type"] != "text" }
        var content: JSONValue = texts.count == 1 ? texts[0] : .string(texts.compactMap(\.string).joined(separator: "\n"))
        if !images.isEmpty, able.toolContentParts {
            content = .array(all.filter { $0["text"]?.isEmptyText != true })
            images = []
        } else if !images.isEmpty, content.isEmptyText {
            content = "[image attached below]"
        }
        if able.quirks.cacheMarks, isMarked(result.cache), !content.isEmptyText, content.array == nil {
            content = .array([marked(["type": "text", "text": content], result.cache)])
        }
        messages.append(["role": "tool", "tool_call_id": id, "content": content])
        let label: JSONValue = .string("Attached to the result of tool call \(id.string ?? ""):")
        return images.flatMap { [["type": "text", "text": label], $0] }
    }

    /// The format has no field for a failure, so its text says it, once.
    private static func markError(_ parts: inout [JSONValue]) {
        guard let index = parts.firstIndex(where: { $0["type"] == "text" && $0["text"]?.isEmptyText != true }) else {
            parts.insert(["type": "text", "text": "Error: "], at: 0)
            return
        }
        let text = parts[index]["text"]?.string ?? ""
        if text.prefix(5).lowercased() != "error" { parts[index] = ["type": "text", "text": .string("Error: " + text)] }
    }

    // MARK: Assistant turns

    private mutating func writeAssistant(_ turn: HubTurn, _ work: inout RequestWork) throws(ConversionProblem) {
        var texts: [JSONValue] = []
        var isAdjacent = false
        var calls: [JSONValue] = []
        var thoughts: [String] = []
        var known: [ToolThoughts] = []
        // Google's signature on the call that comes next.
        var signature: String?
        for block in turn.blocks {
            switch block {
            case .text(let piece):
                // What one response was split into is one text again; what other blocks stood between is set apart.
                if !isAdjacent, !texts.isEmpty { texts.append("\n\n") }
                texts.append(piece.text)
                isAdjacent = true
                continue
            case .toolUse(let call):
                let kept = recalled(call.id, work)
                if let kept { known.append(kept) }
                calls.append(Self.call(call, CallSignature.own(call.signature) ?? signature ?? kept?.signature, &work))
                signature = nil
            case .thinking(let thinking):
                signature = CallSignature.own(thinking.signature ?? thinking.redacted)
                if thinking.redacted == nil, let thought = thinking.text.string, !thought.isEmpty { thoughts.append(thought) }
            case .image, .document, .audio, .toolResult:
                for part in try parts(block, work.content(of: turn), &work) {
                    if !texts.isEmpty { texts.append("\n\n") }
                    if let text = part["text"] {
                        texts.append(text)
                    } else {
                        // Content is never left out without a word the model can see.
                        try work.note(block.place ?? work.content(of: turn), .dropped)
                        texts.append(block.omission)
                    }
                }
            }
            isAdjacent = false
        }
        let text = texts.count > 1 ? .string(texts.compactMap(\.string).joined()) : texts.first
        guard text != nil || !calls.isEmpty else { return }
        var more = echoed(thoughts, known, hasCalls: !calls.isEmpty)
        if !calls.isEmpty { more.append("tool_calls", .array(calls)) }
        append("assistant", text ?? (able.emptyContent ? "" : .null), more)
    }

    /// What is remembered of a call that goes back with it.
    private func recalled(_ id: String, _ work: RequestWork) -> ToolThoughts? {
        guard able.reasoningEcho != nil || able.quirks.echoesDetails || able.quirks.callSignatures,
            let known = work.options.recall?(id), known.isFor(.compat, work.model)
        else { return nil }
        return known
    }

    /// What goes back of the thoughts that led to a message: the client's own words for them, or what is remembered of its calls.
    private func echoed(_ given: [String], _ known: [ToolThoughts], hasCalls: Bool) -> JSONObject {
        var (texts, details) = known.unsigned
        if !given.isEmpty { texts = given }
        var echo: JSONObject = [:]
        let words = texts.joined(separator: "\n\n")
        if let field = able.reasoningEcho, field != Self.details {
            // Where a call must have thoughts, a blank stands for those that nobody knows.
            let isMissing = words.isEmpty && hasCalls && able.quirks.echoAlways && !isThinkingOff
            if !words.isEmpty || isMissing { echo.append(field, .string(isMissing ? " " : words)) }
        } else if able.reasoningEcho == Self.details, details.isEmpty, !words.isEmpty {
            details = [["type": "reasoning.text", "text": .string(words)]]
        }
        if !details.isEmpty, able.quirks.echoesDetails { echo.append(Self.details, .array(details)) }
        return echo
    }

    private static let details = "reasoning_details"

    private static func call(_ call: HubToolUse, _ signature: String?, _ work: inout RequestWork) -> JSONValue {
        var object: JSONObject = [
            "id": .string(work.ids.send(call.id)), "type": "function",
            "function": ["name": .string(work.names.send(call.name)), "arguments": .string(call.arguments.objectText)],
        ]
        if let signature { CallSignature.put(signature, on: &object) }
        return .object(object)
    }

    // MARK: Parts

    private func parts(_ block: HubBlock, _ path: String, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        switch block {
        case .text(let text): return text.text.isEmptyText ? [] : [part(text)]
        case .image(let image):
            guard able.quirks.images else { return try omitted("image", path, &work) }
            return [marked(Self.image(image), image.cache)]
        case .document(let document):
            var parts = try self.document(document, path, &work)
            if let last = parts.indices.last { parts[last] = marked(parts[last], document.cache) }
            return parts
        case .audio(let audio):
            guard able.quirks.audio else { return try omitted("audio", path, &work) }
            return [["type": "input_audio", "input_audio": ["data": .string(audio.data), "format": .string(audio.format)]]]
        case .toolUse, .toolResult, .thinking: return []
        }
    }

    /// A part that the server does not take. The model is told that there was one, and so is the client.
    private func omitted(_ what: String, _ path: String, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        try work.note(path, .dropped)
        return [["type": "text", "text": .string("[\(what) omitted: this model cannot read it]")]]
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
            guard able.quirks.files else { return try omitted("file", path, &work) }
            let name = document.title.flatMap { $0.isEmpty ? nil : $0 } ?? "document.pdf"
            return [
                ["type": "file", "file": ["filename": .string(name), "file_data": .string("data:\(type);base64,\(data)")]]
            ]
        case .url:
            let place = document.place ?? path
            throw RequestWork.unsupported(place, "documents by address are not available with this upstream")
        case .text(let text): return [["type": "text", "text": .string(head.isEmpty ? text : head + "\n" + text)]]
        case .blocks(let blocks):
            var parts: [JSONValue] = head.isEmpty ? [] : [["type": "text", "text": .string(head)]]
            for block in blocks {
                switch block {
                case .text(let text): parts.append(["type": "text", "text": text.text])
                case .image(let image):
                    parts += able.quirks.images ? [Self.image(image)] : try omitted("image", path, &work)
                case .document, .audio, .toolUse, .toolResult, .thinking: try work.note("\(path).document", .dropped)
                }
            }
            return parts
        }
    }
}
