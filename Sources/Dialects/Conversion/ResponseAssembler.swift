import Basics

/// Turns a response's events into blocks that open and close one after the other, and keeps the rules that hold for every client:
/// nothing empty opens a block, split surrogates are joined, hidden thoughts stay hidden, ids and names are the client's.
struct ResponseAssembler<Writer: ResponseEventWriter & Sendable>: ResponseEvents, Sendable {
    private(set) var writer: Writer
    var state: ResponseState
    private(set) var raised: Signals = []
    private(set) var error: UpstreamError?
    private(set) var reason: StopReason?
    /// The upstream's word for its end where nothing is known of it, or the client's format has none like it.
    private(set) var unknownEnding: String?
    /// Parts that were left out since nothing is known of them: where they stood, and their type.
    private(set) var unknownParts: [String] = []

    private enum ArgumentForm: Sendable { case unknown, shown, held }

    /// Kinds of parts of one answer that are told of.
    private static var mostUnknownParts: Int { 8 }

    /// Bytes of text, thoughts and calls that the upstream has told.
    private(set) var contentBytes = 0

    private var open: ResponseBlock?
    /// A message ended, of which the next is to be told apart.
    private var isApart = false
    private var isStarted = false
    private var isEnded = false
    private var hasTools = false
    private var toolCount = 0
    /// The ids of the calls so far.
    private var calledIDs: Set<[UInt8]> = []
    private var joiner = TextJoiner()
    private var stops: StopScanner
    /// Arguments of a call that cannot be shown before they are whole: free text, and what does not begin as an object does.
    private var wrapped: [UInt8] = []
    /// What is known of the arguments of the call in hand: they are shown as they come once they begin as an object does.
    private var form = ArgumentForm.unknown
    private var keeper = ThoughtKeeper()
    /// Characters of the text in hand, and where its passage begins: what OpenAI's clients count citations by.
    private var written = 0
    private var passageStart = 0
    private var citations = 0
    /// Citations that came while no text was open.
    private var waiting: [WebCitation] = []
    /// The summary that the upstream writes in a compaction, escaped.
    private var summary: [UInt8] = []

    init(_ writer: Writer, _ context: ConversionContext) {
        self.writer = writer
        state = ResponseState(context)
        stops = StopScanner(context.emulatedStops)
    }

    mutating func start(id: RawText, model: RawText) {
        guard !isStarted else { return }
        isStarted = true
        state.identify(id: id, model: model)
        writer.begin(&state)
    }

    var takesLogprobs: Bool { state.context.client == .openai || state.context.client == .responses }

    var countsCharacters: Bool { state.context.client == .openai || state.context.client == .responses }

    var showsMarkdownImages: Bool { state.context.client == .openai }

    var thinkTags: ThinkTags.Mode { state.context.thinkTags }

    var opensThoughts: Bool { state.context.opensThoughts }

    mutating func note(_ usage: TokenUsage) { state.usage = usage }

    mutating func note(serviceTier: RawText) { state.serviceTier = JSONText.decode(serviceTier) }

    mutating func note(logprobs: [UInt8]) {
        guard takesLogprobs, !logprobs.isEmpty, !isEnded else { return }
        if !state.logprobs.isEmpty { state.logprobs.append(0x2C) }
        state.logprobs += logprobs
    }

    /// What is to be remembered of this response's calls.
    var thoughts: [ToolThoughts] { keeper.all(state) }

    // MARK: Text

    mutating func text(_ text: RawText) {
        if !text.isEmpty { keeper.hasWords = true }
        if isApart, !text.isEmpty { setApart() }
        visible(.text, text)
    }

    mutating func nextMessage() { isApart = true }

    /// Parts two messages: they are blocks where the client's format has such, and paragraphs where it has one text.
    private mutating func setApart() {
        isApart = false
        switch state.context.client {
        case .anthropic, .responses: if open == .text { ensure(nil) }
        case .openai, .gemini:
            // What is known of the words to come is not about the break.
            let logprobs = state.logprobs
            state.logprobs = []
            [UInt8]("\\n\\n".utf8).withUnsafeBytes { visible(.text, $0) }
            state.logprobs = logprobs
            passageStart = written
        }
    }

    mutating func refusal(_ text: RawText) { visible(.refusal, text) }

    mutating func thinking(_ text: RawText) {
        if !state.context.showsThinking { contentBytes &+= text.count }
        if state.context.keepsThoughts, !isEnded { keeper.think(text) }
        guard state.context.showsThinking else { return }
        visible(.thinking, text)
    }

    private mutating func visible(_ block: ResponseBlock, _ text: RawText) {
        contentBytes &+= text.count
        guard !text.isEmpty, !isEnded, !stops.isStopped else { return }
        if state.context.compacts {
            ensureStarted()
            raised.insert(.content)
            if block == .text { summary.append(contentsOf: text) }
            return
        }
        ensure(block)
        raised.insert(.content)
        if joiner.needsWork(text) {
            joiner.join(text).withUnsafeBytes { raw in
                if !raw.isEmpty { write(block, raw) }
            }
        } else {
            write(block, text)
        }
    }

    /// Text that is well-formed goes to the client, past the stop sequences that are looked for here.
    private mutating func write(_ block: ResponseBlock, _ text: RawText) {
        if block == .text, countsCharacters {
            written &+= WebCitation.characters(text)
        }
        guard block == .text, stops.isActive else { return writer.delta(block, text, &state) }
        stops.feed(text)
        flushStops(isLast: false)
    }

    private mutating func flushStops(isLast: Bool) {
        let ready = stops.take(isLast: isLast)
        guard !ready.isEmpty else { return }
        ready.withUnsafeBytes { writer.delta(.text, $0, &state) }
    }

    mutating func redacted(_ data: RawText) {
        guard !isEnded, !state.context.compacts else { return }
        let plain = JSONText.decode(data)
        if state.context.keepsThoughts { keeper.redacted(plain) }
        guard state.context.showsThinking else { return }
        ensure(nil)
        ensureStarted()
        writer.open(.redacted, id: RawText(start: nil, count: 0), name: RawText(start: nil, count: 0), &state)
        writer.sign(wrapped(plain, .redacted), &state)
        writer.close(.redacted, isCut: false, &state)
        raised.insert(.content)
    }

    mutating func details(_ json: UnsafeRawBufferPointer) {
        if state.context.keepsDetails, !isEnded { keeper.details.add(json) }
    }

    mutating func sign(_ signature: RawText, _ kind: SignatureEnvelope.Kind) {
        guard !isEnded, !signature.isEmpty, !state.context.compacts else { return }
        let plain = JSONText.decode(signature)
        if state.context.keepsThoughts || kind == .call { keeper.sign(plain, kind) }
        if kind == .think || kind == .text, open != .thinking { return }
        // An Anthropic client gets the signature of a call in a thought before it, if it takes thoughts at all.
        if kind == .call, state.context.client == .anthropic, !state.context.showsThinking { return }
        if kind == .call { ensure(nil) }
        ensureStarted()
        writer.sign(wrapped(plain, kind), &state)
    }

    private func wrapped(_ plain: String, _ kind: SignatureEnvelope.Kind) -> WrappedSignature {
        let envelope = SignatureEnvelope(
            family: state.context.upstream.format.signatures,
            model: state.model.withUnsafeBytes { JSONText.decode($0) }, kind: kind, original: plain)
        return WrappedSignature(plain: plain, envelope: envelope.encoded, kind: kind)
    }

    // MARK: Tools

    mutating func toolStart(id: RawText, name: RawText) {
        contentBytes &+= name.count
        guard !isEnded, !stops.isStopped, !state.context.compacts else { return }
        ensure(nil)
        ensureStarted()
        raised.insert(.content)
        hasTools = true
        wrapped.removeAll(keepingCapacity: true)
        form = .unknown
        let ownName = clientName(name)
        let ownID = uniqueID(id)
        toolCount &+= 1
        if state.context.keepsThoughts || state.context.keepsDetails || keeper.isSigned {
            keeper.called(ownID.withUnsafeBytes { JSONText.decode($0) }, state)
        }
        let block = kind(ofCallTo: String(decoding: ownName, as: UTF8.self))
        open = block
        ownID.withUnsafeBytes { id in
            ownName.withUnsafeBytes { name in writer.open(block, id: id, name: name, &state) }
        }
    }

    mutating func toolArguments(_ text: RawText) {
        contentBytes &+= text.count
        guard !isEnded, !text.isEmpty, let block = open, block.isCall else { return }
        if form == .unknown, block != .customTool {
            // Blanks before the first of it say nothing.
            guard let first = JSONText.firstVisible(of: text) else { return }
            form = first == 0x7B ? .shown : .held
        }
        guard form == .shown else { return wrapped.append(contentsOf: text) }
        if joiner.needsWork(text) {
            joiner.join(text).withUnsafeBytes { raw in
                if !raw.isEmpty { writer.delta(block, raw, &state) }
            }
        } else {
            writer.delta(block, text, &state)
        }
    }

    /// Arguments that are no object, in the words of the client: nothing is `{}`, and an object written as JSON twice is itself.
    private func meantArguments() -> [UInt8] {
        let said = HubArguments.text(wrapped.withUnsafeBytes { JSONText.decode($0) })
        let meant =
            switch state.context.client {
            case .anthropic, .gemini: said.object.text
            case .openai, .responses: said.shownText
            }
        var out: [UInt8] = []
        JSONText.append(escaping: meant, to: &out)
        return out
    }

    mutating func toolEnd() {
        if open?.isCall == true { ensure(nil) }
    }

    private func kind(ofCallTo name: String) -> ResponseBlock {
        if state.context.customTools.contains(name) { return .customTool }
        return state.context.toolSearch == name ? .toolSearch : .tool
    }

    /// The client's own name of a tool: as it declared it, and never empty.
    private func clientName(_ name: RawText) -> [UInt8] {
        if name.isEmpty { return Array("tool_\(toolCount)".utf8) }
        if state.context.toolNames.isEmpty { return name.repaired }
        guard let own = state.context.toolNames[JSONText.decode(name)] else { return name.repaired }
        var out: [UInt8] = []
        JSONText.append(escaping: own, to: &out)
        return out
    }

    /// An id that no other call of the response has: each result is to find its own.
    private mutating func uniqueID(_ id: RawText) -> [UInt8] {
        let own = clientID(id)
        if calledIDs.insert(own).inserted { return own }
        let prefix = state.context.client == .anthropic ? "toolu_" : "call_"
        return Array((prefix + SHA256.hex("\(String(decoding: own, as: UTF8.self))/\(toolCount)", 24)).utf8)
    }

    /// The upstream's id where the client's format admits it, else one that follows from the response's.
    private func clientID(_ id: RawText) -> [UInt8] {
        let isFine: Bool
        switch state.context.client {
        case .anthropic: isFine = !id.isEmpty && id.count <= 64 && id.allSatisfy(ToolIDs.isWord)
        case .openai, .responses, .gemini: isFine = !id.isEmpty && id.count <= 256
        }
        if isFine { return id.repaired }
        let source = id.isEmpty ? "\(state.seed)/\(toolCount)" : String(decoding: id, as: UTF8.self)
        let prefix = state.context.client == .anthropic ? "toolu_" : "call_"
        return Array((prefix + SHA256.hex(source, 24)).utf8)
    }

    // MARK: Blocks

    private mutating func ensureStarted() {
        if !isStarted { start(id: RawText(start: nil, count: 0), model: RawText(start: nil, count: 0)) }
    }

    /// Makes `block` the open one (nil: none), closing what else is open.
    private mutating func ensure(_ block: ResponseBlock?) {
        ensureStarted()
        guard open != block else { return }
        close(isCut: false)
        guard let block else { return }
        open = block
        if block == .text, state.context.client == .responses {
            // Each item's text is counted by itself.
            written = 0
            passageStart = 0
        }
        writer.open(block, id: RawText(start: nil, count: 0), name: RawText(start: nil, count: 0), &state)
    }

    private mutating func close(isCut: Bool) {
        guard let block = open else { return }
        open = nil
        if joiner.isHolding {
            joiner.release().withUnsafeBytes { write(block, $0) }
        }
        if block == .text, stops.isActive { flushStops(isLast: true) }
        if block == .customTool {
            unwrapped().withUnsafeBytes { raw in
                if !raw.isEmpty { writer.delta(block, raw, &state) }
            }
        } else if block.isCall, !wrapped.isEmpty {
            // What was cut off stays as it is.
            let text = isCut ? wrapped.withUnsafeBytes { $0.repaired } : meantArguments()
            text.withUnsafeBytes { writer.delta(block, $0, &state) }
            wrapped.removeAll(keepingCapacity: true)
        }
        writer.close(block, isCut: isCut, &state)
    }

    /// The free text inside a custom tool's JSON.
    private func unwrapped() -> [UInt8] {
        let json = wrapped.withUnsafeBytes { JSONText.bytes($0) }
        guard let value = try? JSONValue(parsing: json), let input = Self.freeText(in: value) else {
            return wrapped.withUnsafeBytes { $0.repaired }
        }
        var out: [UInt8] = []
        JSONText.append(escaping: input, to: &out)
        return out
    }

    /// The one text that a model put into JSON though it was asked for text alone: models name the member as they like.
    private static func freeText(in value: JSONValue) -> String? {
        if let text = value.string { return text }
        guard let object = value.object else { return nil }
        if let text = object["input"]?.string { return text }
        let texts = object.members.compactMap { $0.value.string }
        if texts.count == 1 { return texts[0] }
        for key in ["patch", "text", "content", "code", "arguments", "value"] {
            if let text = object[key]?.string { return text }
        }
        return nil
    }

    // MARK: The web

    mutating func searched(_ query: String) { state.searches.searched(query) }

    mutating func found(_ url: String, title: String) { state.searches.found(url, title: title) }

    mutating func passage() { passageStart = written }

    mutating func cite(_ citation: WebCitation) {
        guard !isEnded, !state.context.compacts, citations < 1_024 else { return }
        citations &+= 1
        state.searches.found(citation.url, title: citation.title)
        guard countsCharacters else { return }
        var placed = citation
        placed.start = passageStart &+ Swift.min(Swift.max(0, citation.start ?? 0), 1 << 32)
        placed.end = citation.end.map { passageStart &+ Swift.min(Swift.max(0, $0), 1 << 32) } ?? written
        if open == .text { writer.annotate(placed, &state) } else { waiting.append(placed) }
    }

    /// What is cited when its text is over still has to be said.
    private mutating func flushCitations() {
        guard !waiting.isEmpty else { return }
        if open != .text { ensure(.text) }
        for citation in waiting { writer.annotate(citation, &state) }
        waiting = []
    }

    // MARK: Compaction

    /// A summary that is whole becomes the one item of the response; anything else is none.
    private mutating func endCompaction(_ ending: ResponseEnding) {
        let text = summary.withUnsafeBytes { raw in raw.repaired.withUnsafeBytes { JSONText.decode($0) } }.trimmingSpace
        switch ending.reason {
        case .maxTokens: return fail(.broken("compaction: the upstream's summary was cut off at its limit of tokens"))
        case .refusal: return fail(.broken("compaction: the upstream refused to write a summary"))
        case .endTurn, .stopSequence, .toolUse, .pauseTurn, .other: break
        }
        guard !text.isEmpty, let sealing = state.context.sealing, let sealed = CompactionItem.sealed(text, sealing) else {
            return fail(.broken("compaction: the upstream wrote no summary"))
        }
        ensure(.compaction)
        Array(sealed.utf8).withUnsafeBytes { writer.delta(.compaction, $0, &state) }
        close(isCut: false)
        isEnded = true
        reason = .endTurn
        writer.end(ResponseEnding(reason: .endTurn), &state)
        raised.formUnion([.content, .terminal])
    }

    // MARK: The end

    mutating func end(_ ending: ResponseEnding) {
        guard !isEnded else { return }
        if state.context.compacts { return endCompaction(ending) }
        var ending = ending
        ending.stopSequence = ending.stopSequence?.withUnsafeBytes { $0.repaired }
        ending.explanation = ending.explanation?.withUnsafeBytes { $0.repaired }
        ensureStarted()
        flushCitations()
        close(isCut: ending.reason == .maxTokens)
        if !state.searches.isEmpty { writer.search(&state) }
        if let stop = stops.matched {
            ending.reason = .stopSequence
            ending.stopSequence = stop
        }
        if hasTools, ending.reason == .endTurn || ending.reason == .other || ending.reason == .stopSequence {
            // Several servers say that the turn ended when it calls tools.
            ending.reason = .toolUse
        } else if !hasTools, ending.reason == .toolUse {
            ending.reason = .endTurn
        }
        isEnded = true
        reason = ending.reason
        unknownEnding = ending.unknownWord.map { $0.withUnsafeBytes { JSONText.decode($0) } }
        // Chat has no word for a turn that would go on.
        if reason == .pauseTurn, state.context.client == .openai { unknownEnding = WholeResponse.pause }
        writer.end(ending, &state)
        raised.formUnion([.content, .terminal])
    }

    mutating func unknown(_ place: StaticString, _ type: RawText) {
        guard unknownParts.count < Self.mostUnknownParts else { return }
        // What is no word may be anything, also text of an answer.
        let isWord = !type.isEmpty && type.count <= 64 && type.allSatisfy { PercentEncoding.isUnreserved($0) }
        let part = "\(place).\(isWord ? String(decoding: type, as: UTF8.self) : "unknown")"
        if !unknownParts.contains(part) { unknownParts.append(part) }
    }

    mutating func fail(_ error: UpstreamError) {
        guard !isEnded else { return }
        isEnded = true
        self.error = error
        raised.insert(.error)
        writer.fail(error, &state)
    }

    /// Whether the response is over: nothing that comes now is looked at.
    var isOver: Bool { isEnded }
}

/// Gathers what is before each call of a response, for responses whose client cannot carry it.
private struct ThoughtKeeper: Sendable {
    /// Text has come since the call before.
    var hasWords = false
    /// The thought in hand, escaped, and whether words stand before it.
    private var text: [UInt8] = []
    private var isLate = false
    private var thoughts: [ToolThoughts.Thought] = []
    /// How many of them no words stand before.
    private var early = 0
    private var callSignature: String?
    /// The call that comes next has one.
    var isSigned: Bool { callSignature != nil }
    private var kept: [ToolThoughts] = []
    /// What a server says of its thoughts in a form of its own; it belongs to the first call, and may come behind it.
    var details = ReasoningDetails()
    private var firstCall: String?

    /// What is to be remembered, the details with the first call.
    func all(_ state: ResponseState) -> [ToolThoughts] {
        guard let firstCall, let text = details.text else { return kept }
        var all = kept
        let first = all.firstIndex { $0.id == firstCall }
        all.insert(
            ToolThoughts(
                id: firstCall, family: state.context.upstream.format.signatures, model: state.context.model,
                thoughts: (first.map { all.remove(at: $0).thoughts } ?? []) + [.details(text)], signature: nil), at: 0)
        return all
    }

    mutating func think(_ more: RawText) {
        if text.isEmpty { isLate = hasWords }
        text.append(contentsOf: more)
    }

    private mutating func add(_ thought: ToolThoughts.Thought, isLate: Bool) {
        thoughts.append(thought)
        if !isLate { early = thoughts.count }
    }

    mutating func sign(_ plain: String, _ kind: SignatureEnvelope.Kind) {
        switch kind {
        case .think:
            let isLate = text.isEmpty ? hasWords : self.isLate
            add(.signed(text: text.withUnsafeBytes { JSONText.decode($0) }, signature: plain), isLate: isLate)
            text = []
        case .call: callSignature = plain
        case .redacted, .text: break
        }
    }

    mutating func redacted(_ data: String) { add(.redacted(data), isLate: hasWords) }

    mutating func called(_ id: String, _ state: ResponseState) {
        if firstCall == nil { firstCall = id }
        if state.context.keepsUnsigned, !text.isEmpty {
            add(.plain(text.withUnsafeBytes { JSONText.decode($0) }), isLate: isLate)
        }
        defer {
            text = []
            thoughts = []
            early = 0
            hasWords = false
            callSignature = nil
        }
        guard !thoughts.isEmpty || callSignature != nil, kept.count < 256 else { return }
        kept.append(
            ToolThoughts(
                id: id, family: state.context.upstream.format.signatures,
                model: state.context.model, thoughts: thoughts, early: early, signature: callSignature))
    }
}
