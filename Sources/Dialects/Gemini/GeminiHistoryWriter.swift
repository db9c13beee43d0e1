/// Writes the contents of a Gemini request: roles in turn, all results of one turn's calls in one content (conversion.md 3.3).
struct GeminiHistoryWriter {
    private let able: Capabilities.Gemini
    private var contents: [Draft] = []

    private struct Draft {
        var isModel: Bool
        var parts: [JSONValue]
        var hasUserText = false
    }

    /// What takes the place of a signature that nobody has any more: the model is told not to look for it.
    static let skippedSignature = "skip_thought_signature_validator"

    init(_ able: Capabilities.Gemini) { self.able = able }

    mutating func contents(_ request: HubRequest, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        let turns = TurnPairing.paired(Self.withReminders(request.turns), merges: true)
        let order = Self.callOrder(turns)
        let isPlain = request.client == .openai
        for turn in turns {
            let path = work.content(of: turn)
            if turn.role == .assistant {
                add(Draft(isModel: true, parts: try modelParts(turn, isPlain, &work)))
            } else {
                add(try userDraft(turn, order, path, &work))
            }
        }
        if contents.first?.isModel ?? true { contents.insert(Draft(isModel: false, parts: [["text": "."]]), at: 0) }
        if let last = contents.last, last.isModel {
            // A history that ends with the model's turn is refused.
            contents.removeLast()
            try work.note(.prefill, .dropped)
        }
        if able.signatures { signCurrentTurn() }
        return contents.map { ["role": $0.isModel ? "model" : "user", "parts": .array($0.parts)] }
    }

    private mutating func add(_ draft: Draft) {
        if draft.parts.isEmpty { return }
        if let last = contents.indices.last, contents[last].isModel == draft.isModel {
            contents[last].parts += draft.parts
            contents[last].hasUserText = contents[last].hasUserText || draft.hasUserText
        } else {
            contents.append(draft)
        }
    }

    private static func withReminders(_ turns: [HubTurn]) -> [HubTurn] {
        turns.map { turn in
            guard turn.role == .system else { return turn }
            var turn = turn
            turn.role = .user
            turn.blocks = turn.blocks.compactMap { block in
                guard let text = block.text?.string else { return block }
                return .text(HubText(text: .string("<system-reminder>\n\(text)\n</system-reminder>")))
            }
            return turn
        }
    }

    // MARK: The model's turns

    private func modelParts(
        _ turn: HubTurn, _ isPlain: Bool, _ work: inout RequestWork
    ) throws(ConversionProblem) -> [JSONValue] {
        var parts: [JSONValue] = []
        // A signature goes on the part it came with and on no other.
        var signature: SignatureEnvelope?
        for block in turn.blocks {
            switch block {
            case .text(let text):
                if text.text.isEmptyText { continue }
                var part: JSONObject = ["text": text.text]
                if let signature, signature.kind != .call { part.append("thoughtSignature", .string(signature.original)) }
                signature = nil
                parts.append(.object(part))
            case .toolUse(let call):
                let function: JSONObject = ["name": .string(work.names.send(call.name)), "args": call.arguments.object]
                var part: JSONObject = ["functionCall": .object(function)]
                let came = signature?.kind == .call ? signature : nil
                let own = (Self.ownSignature(call.signature, isPlain: isPlain) ?? came)?.original ?? recalled(call.id, work)
                part.append("thoughtSignature", ifPresent: own.map { .string($0) })
                signature = nil
                parts.append(.object(part))
            case .thinking(let thinking):
                // Thoughts themselves are not sent back; a signature of Gemini's goes on the part it led to.
                if let own = Self.ownSignature(thinking.signature, isPlain: false) { signature = own }
            case .image, .document, .audio:
                if let shown = try? self.parts(block, work.content(of: turn), &work) {
                    parts += shown
                } else {
                    // An image that is given by its address is dropped: the server fetches nothing.
                    try work.note(block.place ?? work.content(of: turn), .dropped)
                    parts.append(["text": block.omission])
                }
            case .toolResult: continue
            }
        }
        return parts
    }

    /// The signature that came with a call, for clients that did not send it back.
    private func recalled(_ id: String, _ work: RequestWork) -> String? {
        guard let known = work.options.recall?(id), known.isFor(.gemini, work.model) else { return nil }
        return known.signature
    }

    /// Gemini's own signature, out of our envelope; nil for another vendor's, and for none.
    /// - Parameter isPlain: the client's field is one for Gemini's signatures alone, which stand there without an envelope.
    private static func ownSignature(_ text: String?, isPlain: Bool) -> SignatureEnvelope? {
        guard let text, !text.isEmpty else { return nil }
        guard SignatureEnvelope.isEnvelope(text) else {
            return isPlain ? SignatureEnvelope(family: .gemini, model: "", kind: .call, original: text) : nil
        }
        guard let opened = SignatureEnvelope(text), opened.family == .gemini, !opened.original.isEmpty else { return nil }
        return opened
    }

    /// Gives the first call of each model step after the last words of the user a signature if it lacks one.
    private mutating func signCurrentTurn() {
        let start = contents.lastIndex { !$0.isModel && $0.hasUserText } ?? 0
        for index in contents.indices where index > start && contents[index].isModel {
            guard let call = contents[index].parts.firstIndex(where: { $0["functionCall"] != nil }),
                var part = contents[index].parts[call].object, part["thoughtSignature"] == nil
            else { continue }
            part.append("thoughtSignature", .string(Self.skippedSignature))
            contents[index].parts[call] = .object(part)
        }
    }

    // MARK: The user's turns

    /// The order of all calls of the history.
    private static func callOrder(_ turns: [HubTurn]) -> [String: Int] {
        var order: [String: Int] = [:]
        for turn in turns where turn.role == .assistant {
            for case .toolUse(let call) in turn.blocks { order[call.id] = order.count }
        }
        return order
    }

    private func userDraft(
        _ turn: HubTurn, _ order: [String: Int], _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> Draft {
        let (results, others) = TurnPairing.split(turn.blocks)
        var draft = Draft(isModel: false, parts: [])
        var attachments: [JSONValue] = []
        for result in results.sorted(by: { order[$0.id] ?? .max < order[$1.id] ?? .max }) {
            let (part, extra) = try response(result, path, &work)
            draft.parts.append(part)
            attachments += extra
        }
        draft.parts += attachments
        if turn.blocks.isEmpty { draft.parts.append(["text": "."]) }
        for block in others {
            let parts = try self.parts(block, path, &work)
            if !parts.isEmpty { draft.hasUserText = true }
            draft.parts += parts
        }
        return draft
    }

    private func response(
        _ result: HubToolResult, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> (JSONValue, [JSONValue]) {
        var texts: [String] = []
        var single: JSONValue?
        var media: [JSONValue] = []
        var others: [JSONValue] = []
        for block in result.content {
            // A document may be text, or text and images: words are the result's own, data stand beside them.
            let parts: [JSONValue]
            if let text = block.text { parts = [["text": text]] } else { parts = try self.parts(block, path, &work) }
            for part in parts {
                if let text = part["text"] {
                    single = texts.isEmpty ? text : nil
                    texts.append(text.string ?? "")
                } else if Self.isInResult(part) {
                    media.append(part)
                } else {
                    others.append(part)
                }
            }
        }
        let text = texts.count == 1 ? single ?? "" : .string(texts.joined(separator: "\n"))
        var function: JSONObject = [
            "name": .string(work.names.send(result.name ?? "tool")),
            "response": result.isError ? ["error": text] : ["output": text],
        ]
        if able.multimodalToolResult, !media.isEmpty {
            function.append("parts", .array(media))
            media = []
        }
        return (["functionResponse": .object(function)], media + others)
    }

    /// Whether a part is of a kind that a function's response may hold: sounds and films stand behind it.
    private static func isInResult(_ part: JSONValue) -> Bool {
        let type = (part["inlineData"] ?? part["fileData"])?["mimeType"]?.string ?? ""
        return type.hasPrefix("image/") || type == "application/pdf" || type == "text/plain"
    }

    private func parts(_ block: HubBlock, _ path: String, _ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        switch block {
        case .text(let text): return text.text.isEmptyText ? [] : [["text": text.text]]
        case .image(let image):
            switch image.source {
            case .base64(let type, let data): return [Self.inline(type, data)]
            case .url(let url, let type):
                return [try file(url, type ?? AttachedFile.named(url, or: "image/jpeg"), image.place ?? path)]
            }
        case .document(let document): return try self.document(document, path)
        case .audio(let audio): return [Self.inline("audio/" + audio.format, audio.data)]
        case .toolUse, .toolResult, .thinking: return []
        }
    }

    private static func inline(_ type: String, _ data: String) -> JSONValue {
        ["inlineData": ["mimeType": .string(type), "data": .string(data)]]
    }

    private func file(_ url: String, _ type: String, _ path: String) throws(ConversionProblem) -> JSONValue {
        let isGoogles = url.hasPrefix("gs://") || url.hasPrefix("https://generativelanguage.googleapis.com/")
        guard able.fetchesURLs || isGoogles || url.hasPrefix("https://www.youtube.com/") else {
            throw RequestWork.unsupported(path, "images and documents by address are not available with this upstream")
        }
        return ["fileData": ["mimeType": .string(type), "fileUri": .string(url)]]
    }

    private func document(_ document: HubDocument, _ path: String) throws(ConversionProblem) -> [JSONValue] {
        let head = [document.title, document.context].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "\n")
        switch document.source {
        case .base64(let type, let data): return [Self.inline(type, data)]
        case .url(let url): return [try file(url, AttachedFile.named(url, or: "application/pdf"), document.place ?? path)]
        case .text(let text): return [["text": .string(head.isEmpty ? text : head + "\n" + text)]]
        case .blocks(let blocks):
            var parts: [JSONValue] = head.isEmpty ? [] : [["text": .string(head)]]
            for block in blocks {
                if let text = block.text { parts.append(["text": text]) }
                if case .image(let image) = block, case .base64(let type, let data) = image.source {
                    parts.append(Self.inline(type, data))
                }
            }
            return parts
        }
    }
}
