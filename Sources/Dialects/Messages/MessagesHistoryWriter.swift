/// Writes the history of an Anthropic request: roles in turn, every call answered in the next turn (conversion.md 3.2.2).
struct MessagesHistoryWriter {
    private let request: HubRequest
    private let able: Capabilities.Anthropic
    /// The system text before the first turn.
    let system: [HubText]
    /// Tools the history calls, as they were sent, in order of their first call.
    private(set) var usedTools: [String] = []
    private var knownTools: Set<String> = []
    /// The last assistant turn calls tools and does not begin with a thinking block of Anthropic's.
    private(set) var lastTurnLacksThinking = false

    init(_ request: HubRequest, _ work: RequestWork) {
        self.request = request
        able = work.options.capabilities.anthropic
        system = request.system.filter { !$0.text.isBlankText }
    }

    /// A message being built; blocks are added in place, so that long runs of one role stay cheap.
    private struct Draft {
        var role: HubTurn.Role
        var blocks: [JSONValue]
    }

    private static let placeholder: [JSONValue] = [["type": "text", "text": "."]]

    mutating func messages(_ work: inout RequestWork) throws(ConversionProblem) -> [JSONValue] {
        var drafts: [Draft] = []
        let turns = TurnPairing.paired(withReminders(withThoughts(request.turns, work)), merges: true)
        for turn in withSystemBehindUsers(turns) {
            var blocks: [JSONValue] = []
            for block in turn.blocks { blocks += try self.blocks(block, turn, &work) }
            if blocks.isEmpty {
                guard turn.role == .user else { continue }
                blocks = Self.placeholder
            }
            if let last = drafts.indices.last, drafts[last].role == turn.role {
                drafts[last].blocks += blocks
            } else {
                drafts.append(Draft(role: turn.role, blocks: blocks))
            }
        }
        if drafts.first?.role != .user { drafts.insert(Draft(role: .user, blocks: Self.placeholder), at: 0) }
        try finish(&drafts, &work)
        lastTurnLacksThinking = Self.lacksThinking(drafts)
        return drafts.map { ["role": .string($0.role.label), "content": .array($0.blocks)] }
    }

    /// A history must not end with white space, and for some models not with an assistant turn at all.
    private func finish(_ drafts: inout [Draft], _ work: inout RequestWork) throws(ConversionProblem) {
        guard let last = drafts.indices.last, drafts[last].role == .assistant else { return }
        if let end = drafts[last].blocks.indices.last, let text = drafts[last].blocks[end]["text"]?.string {
            var trimmed = Substring(text)
            while let scalar = trimmed.unicodeScalars.last, scalar.properties.isWhitespace { trimmed.unicodeScalars.removeLast() }
            if trimmed.isEmpty {
                drafts[last].blocks.removeLast()
                if drafts[last].blocks.isEmpty { drafts.removeLast() }
            } else if trimmed.utf8.count < text.utf8.count {
                drafts[last].blocks[end] = ["type": "text", "text": .string(String(trimmed))]
            }
        }
        guard !able.prefill, drafts.last?.role == .assistant else { return }
        drafts.append(Draft(role: .user, blocks: [["type": "text", "text": "Continue."]]))
        try work.note(.prefill, .approximated)
    }

    // MARK: System turns

    /// A later system message that the model does not take is user text in a reminder's tags. It becomes that before calls and results
    /// are paired, so that it joins the user turn before it and tears no pair apart.
    private func withReminders(_ turns: [HubTurn]) -> [HubTurn] {
        able.systemInMessages ? turns : turns.map { $0.role == .system ? Self.reminder($0) : $0 }
    }

    /// Where the model takes system messages, it takes them behind a user's turn only.
    private func withSystemBehindUsers(_ turns: [HubTurn]) -> [HubTurn] {
        guard able.systemInMessages else { return turns }
        var before: HubTurn.Role?
        return turns.map { turn in
            defer { before = turn.role == .system && before == .user ? .user : turn.role }
            return turn.role == .system && before != .user ? Self.reminder(turn) : turn
        }
    }

    private static func reminder(_ turn: HubTurn) -> HubTurn {
        var turn = turn
        turn.role = .user
        turn.blocks = turn.blocks.map { block in
            guard case .text(var text) = block else { return block }
            text.text = .string(HubText.reminder(text.text.string ?? ""))
            return .text(text)
        }
        return turn
    }

    // MARK: Thoughts

    /// The thoughts that led to a call stand before it again, for clients whose format cannot carry them (conversion.md 4.5).
    private func withThoughts(_ turns: [HubTurn], _ work: RequestWork) -> [HubTurn] {
        guard let recall = work.options.recall, wantsThoughts || able.quirks.unsignedThinking else { return turns }
        return turns.map { turn in
            guard turn.role == .assistant else { return turn }
            var turn = turn
            var blocks: [HubBlock] = []
            var isFirst = true
            for block in turn.blocks {
                if case .toolUse(let call) = block, let known = recall(call.id), known.isFor(.anthropic, work.model) {
                    // The first ones led to the words before the call, too.
                    Self.restore(known.thoughts.prefix(known.early), in: turn, to: &blocks, at: isFirst ? 0 : blocks.count)
                    Self.restore(known.thoughts.dropFirst(known.early), in: turn, to: &blocks, at: blocks.count)
                    isFirst = false
                }
                blocks.append(block)
            }
            turn.blocks = blocks
            return turn
        }
    }

    /// Puts thoughts into a turn's blocks where they stood: beside those of them that the client gave back itself, else at `place`.
    private static func restore(
        _ thoughts: ArraySlice<ToolThoughts.Thought>, in turn: HubTurn, to blocks: inout [HubBlock], at place: Int
    ) {
        var waiting: [HubBlock] = []
        var next: Int?
        for thought in thoughts.compactMap(HubBlock.init) {
            if let given = blocks.firstIndex(where: { isSame($0, thought) }) {
                blocks.insert(contentsOf: waiting, at: given)
                next = given + waiting.count + 1
                waiting = []
            } else if turn.blocks.contains(where: { isSame($0, thought) }) {
                continue
            } else if let there = next {
                blocks.insert(thought, at: there)
                next = there + 1
            } else {
                waiting.append(thought)
            }
        }
        blocks.insert(contentsOf: waiting, at: place)
    }

    /// Whether a block is this thought, which the client gave back itself.
    private static func isSame(_ block: HubBlock, _ thought: HubBlock) -> Bool {
        guard case .thinking(let kept) = thought, case .thinking(let given) = block else { return false }
        guard let seal = kept.signature ?? kept.redacted else { return given.text == kept.text }
        return [given.signature, given.redacted].contains { ($0.flatMap { SignatureEnvelope($0)?.original } ?? $0) == seal }
    }

    private var wantsThoughts: Bool {
        if let level = request.reasoning.wantedLevel { return level > .none }
        return request.reasoning.mode == .adaptive
    }

    /// A turn goes on while its calls are answered, and ends with other words of the user's. Those that come with the last results
    /// end none: the calls just answered are still the last turn's.
    private static func lacksThinking(_ drafts: [Draft]) -> Bool {
        let words = drafts.indices.last { index in
            let draft = drafts[index]
            guard draft.role == .user, !draft.blocks.allSatisfy({ $0["type"] == "tool_result" }) else { return false }
            return index != drafts.indices.last || !draft.blocks.contains { $0["type"] == "tool_result" }
        }
        let turn = drafts[((words ?? -1) + 1)...].filter { $0.role == .assistant }
        guard turn.contains(where: { $0.blocks.contains { $0["type"] == "tool_use" } }) else { return false }
        let first = turn.first?.blocks.first?["type"]
        return first != "thinking" && first != "redacted_thinking"
    }

    // MARK: Blocks

    static func text(_ text: HubText) -> JSONValue {
        var block: JSONObject = ["type": "text", "text": text.text]
        if let mark = text.cache { block.append("cache_control", mark.json) }
        return .object(block)
    }

    private mutating func blocks(
        _ block: HubBlock, _ turn: HubTurn, _ work: inout RequestWork
    ) throws(ConversionProblem) -> [JSONValue] {
        let path = work.content(of: turn)
        switch block {
        // The API refuses texts of nothing but white space.
        case .text(let text): return text.text.isBlankText ? [] : [Self.text(text)]
        case .image(let image): return [Self.image(image)]
        case .document(let document): return [try Self.document(document)]
        case .audio(let audio): throw RequestWork.unsupported(audio.place ?? path, "audio is not available with this upstream")
        case .toolUse(let call):
            let name = work.names.send(call.name)
            if knownTools.insert(name).inserted { usedTools.append(name) }
            var block: JSONObject = [
                "type": "tool_use", "id": .string(work.ids.send(call.id)), "name": .string(name), "input": call.arguments.object,
            ]
            if let mark = call.cache { block.append("cache_control", mark.json) }
            return [.object(block)]
        case .toolResult(let result): return [try toolResult(result, path, &work)]
        case .thinking(let thinking): return able.quirks.unsignedThinking ? Self.unsigned(thinking) : Self.thinking(thinking)
        }
    }

    private static func image(_ image: HubMedia) -> JSONValue {
        var block: JSONObject = ["type": "image"]
        switch image.source {
        case .base64(let type, let data):
            block.append("source", ["type": "base64", "media_type": .string(type), "data": .string(data)])
        case .url(let url, _): block.append("source", ["type": "url", "url": .string(url)])
        }
        if let mark = image.cache { block.append("cache_control", mark.json) }
        return .object(block)
    }

    private static func document(_ document: HubDocument) throws(ConversionProblem) -> JSONValue {
        var block: JSONObject = ["type": "document"]
        switch document.source {
        case .base64(let type, let data):
            block.append("source", ["type": "base64", "media_type": .string(type), "data": .string(data)])
        case .url(let url): block.append("source", ["type": "url", "url": .string(url)])
        case .text(let text):
            block.append("source", ["type": "text", "media_type": "text/plain", "data": .string(text)])
        case .blocks(let blocks):
            let texts = blocks.compactMap { $0.text?.string }.joined(separator: "\n")
            block.append("source", ["type": "text", "media_type": "text/plain", "data": .string(texts)])
        }
        block.append("title", ifPresent: document.title.map { .string($0) })
        block.append("context", ifPresent: document.context.map { .string($0) })
        if let mark = document.cache { block.append("cache_control", mark.json) }
        return .object(block)
    }

    private mutating func toolResult(
        _ result: HubToolResult, _ path: String, _ work: inout RequestWork
    ) throws(ConversionProblem) -> JSONValue {
        var block: JSONObject = ["type": "tool_result", "tool_use_id": .string(work.ids.send(result.id))]
        var content: [JSONValue] = []
        var only: JSONValue?
        for inner in result.content {
            switch inner {
            case .text(let text):
                if text.text.isBlankText { continue }
                only = content.isEmpty ? text.text : nil
                content.append(["type": "text", "text": text.text])
            case .image(let image):
                only = nil
                content.append(Self.image(image))
            case .document(let document):
                only = nil
                content.append(try Self.document(document))
            case .audio, .toolUse, .toolResult, .thinking: try work.note("\(path).tool_result", .dropped)
            }
        }
        if let only, !result.isList {
            block.append("content", only)
        } else if !content.isEmpty {
            block.append("content", .array(content))
        }
        if result.isError { block.append("is_error", true) }
        if let mark = result.cache { block.append("cache_control", mark.json) }
        return .object(block)
    }

    /// Past thoughts for a server that signs none, or not always: words that no other vendor signed.
    private static func unsigned(_ thinking: HubThinking) -> [JSONValue] {
        guard thinking.redacted == nil else { return [] }
        var signature = thinking.signature
        if let given = signature, SignatureEnvelope.isEnvelope(given) {
            guard let opened = SignatureEnvelope(given), opened.family == .anthropic || opened.family == .compat else {
                return []
            }
            signature = opened.original.isEmpty ? nil : opened.original
        }
        guard !thinking.text.isEmptyText else { return [] }
        var block: JSONObject = ["type": "thinking", "thinking": thinking.text]
        block.append("signature", ifPresent: signature.map { .string($0) })
        return [.object(block)]
    }

    /// Past thoughts go back only with a signature of Anthropic's own: its API refuses any other (conversion.md 4.4).
    private static func thinking(_ thinking: HubThinking) -> [JSONValue] {
        if let data = thinking.redacted {
            if SignatureEnvelope.isEnvelope(data) {
                guard let opened = SignatureEnvelope(data), opened.family == .anthropic else { return [] }
                return [["type": "redacted_thinking", "data": .string(opened.original)]]
            }
            return [["type": "redacted_thinking", "data": .string(data)]]
        }
        guard let signature = thinking.signature else { return [] }
        guard SignatureEnvelope.isEnvelope(signature) else {
            return [["type": "thinking", "thinking": thinking.text, "signature": .string(signature)]]
        }
        guard let opened = SignatureEnvelope(signature), opened.family == .anthropic, !opened.original.isEmpty else { return [] }
        if opened.kind == .redacted { return [["type": "redacted_thinking", "data": .string(opened.original)]] }
        return [["type": "thinking", "thinking": thinking.text, "signature": .string(opened.original)]]
    }
}

extension HubBlock {
    fileprivate init?(_ thought: ToolThoughts.Thought) {
        switch thought {
        case .signed(let text, let signature): self = .thinking(HubThinking(text: .string(text), signature: signature))
        case .redacted(let data): self = .thinking(HubThinking(redacted: data))
        case .plain(let text): self = .thinking(HubThinking(text: .string(text)))
        case .details: return nil
        }
    }
}
