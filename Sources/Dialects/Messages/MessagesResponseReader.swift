import Basics

/// Reads an Anthropic response, streamed or whole, as events (conversion.md 6.4).
struct MessagesResponseReader: ResponseReader {
    private enum Block: Sendable { case text, thinking, tool, ignored }

    private var tally = UsageTally()
    private var blocks: [(index: Int, block: Block)] = []
    private var isStarted = false
    private var hasBlocks = false
    private var ending: ResponseEnding?
    /// The word by which the response ended where it is one for a failure.
    private var failedBy: String?
    private var isOver = false
    /// The input that a tool block started with, escaped; it counts unless deltas follow.
    private var startInput: [UInt8] = []
    private var isFirstText = true
    /// Citations of the text block in hand, told when it is whole.
    private var citations: [WebCitation] = []
    /// The call in hand, until its block ends.
    private var live: (index: Int, balance: JSONBalance)?
    private var held: [HeldBlock] = []
    private var heldBytes = 0
    private var isReleasing = false
    /// Something came that a client can see or act on.
    private var hasContent = false

    /// Reads one event of a stream.
    mutating func read(_ event: SSEEvent, to events: inout some ResponseEvents) { read(event.data, to: &events) }

    mutating func read(_ data: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard !isOver else { return }
        let type = EventType(of: data)
        if type.equals("content_block_delta") {
            if !holds(data, .delta, &events) { delta(data, &events) }
        } else if type.equals("content_block_start") {
            if !holds(data, .start, &events) { blockStart(data, &events) }
        } else if type.equals("content_block_stop") {
            if !holds(data, .stop, &events) { blockStop(data, &events) }
        } else if type.equals("message_start") {
            messageStart(data, &events)
        } else if type.equals("message_delta") {
            messageDelta(data, &events)
        } else if type.equals("message_stop") {
            finish(ending, &events)
        } else if type.equals("error") || (type.isEmpty && JSONScan.find("error", of: data) != nil) {
            fail(UpstreamError.readEvent(data, dialect: .anthropic), &events)
        } else if type.isEmpty, let error = ResponseFault.odd(data, dialect: .anthropic) {
            fail(error, &events)
        } else if !type.isEmpty, !type.equals("ping") {
            events.unknown("event", type.name)
        }
    }

    /// The stream ended: complete only if the upstream said why it stopped.
    mutating func close(to events: inout some ResponseEvents) {
        guard !isOver else { return }
        if ending != nil || failedBy != nil { finish(ending, &events) } else { fail(.truncated, &events) }
    }

    private mutating func finish(_ stated: ResponseEnding?, _ events: inout some ResponseEvents) {
        if let failedBy { return fail(.ended(by: failedBy), &events) }
        // Without a reason that is known, only content tells an ending from a failure.
        guard hasContent || (stated.map { $0.reason != .other } ?? false) else {
            return fail(.broken("the upstream gave an empty answer"), &events)
        }
        let ending = stated ?? ResponseEnding(reason: .other)
        while !held.isEmpty { endLive(&events) }
        if isOver { return }
        isOver = true
        if let usage = tally.usage(.anthropic) { events.note(usage) }
        events.end(ending)
    }

    private mutating func fail(_ error: UpstreamError, _ events: inout some ResponseEvents) {
        isOver = true
        events.fail(error)
    }

    var usage: TokenUsage? { tally.usage(.anthropic) }

    // MARK: Message

    private mutating func messageStart(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        if isStarted {
            if hasBlocks { fail(.broken("the upstream began a second answer"), &events) }
            return
        }
        isStarted = true
        guard let message = JSONScan.find("message", of: data) else { return }
        start(data, message.value, &events)
        tally.isOutputEarly = true
    }

    private mutating func start(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        if let usage = JSONScan.find("usage", of: data, in: range) { count(data, usage.value, &events) }
        if let usage = tally.usage(.anthropic) { events.note(usage) }
        events.start(id: data.inner(of: "id", in: range), model: data.inner(of: "model", in: range))
    }

    private mutating func messageDelta(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        if let usage = JSONScan.find("usage", of: data) { count(data, usage.value, &events) }
        guard let delta = JSONScan.find("delta", of: data) else { return }
        ending = ending(data, delta.value) ?? ending
    }

    private mutating func count(_ data: UnsafeRawBufferPointer, _ usage: Range<Int>, _ events: inout some ResponseEvents) {
        tally.merge(data, in: usage, .anthropic)
        let tier = data.inner(of: "service_tier", in: usage)
        if tier.equals("standard") { [UInt8]("default".utf8).withUnsafeBytes { events.note(serviceTier: $0) } }
        if tier.equals("priority") { events.note(serviceTier: tier) }
    }

    /// The ending that a message or its delta tells; nil while there is none.
    private mutating func ending(_ data: UnsafeRawBufferPointer, _ range: Range<Int>) -> ResponseEnding? {
        let word = data.inner(of: "stop_reason", in: range)
        guard !word.isEmpty else { return nil }
        guard var ending = ResponseEnding(word: word) else {
            failedBy = JSONText.decode(word)
            return nil
        }
        if ending.reason == .stopSequence {
            ending.stopSequence = Array(data.inner(of: "stop_sequence", in: range))
        }
        if ending.reason == .refusal {
            if let details = JSONScan.find("stop_details", of: data, in: range), details.kind == .object {
                ending.explanation = Array(data.inner(of: "explanation", in: details.value))
            }
        }
        return ending
    }

    // MARK: Blocks

    private func block(_ index: Int) -> Block? { blocks.last { $0.index == index }?.block }

    private static func index(_ data: UnsafeRawBufferPointer) -> Int {
        JSONScan.find("index", of: data).flatMap { JSONScan.integer(of: data, in: $0.value) } ?? 0
    }

    private mutating func blockStart(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        hasBlocks = true
        guard let block = JSONScan.find("content_block", of: data) else { return }
        let kind = content(data, block.value, &events)
        if blocks.count > 1_000 { blocks.removeFirst(500) }
        blocks.append((Self.index(data), kind))
        if kind == .tool { live = (Self.index(data), JSONBalance()) }
    }

    /// The events of a block as it starts in a stream, or as it is in a whole response.
    private mutating func content(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents
    ) -> Block {
        startInput.removeAll(keepingCapacity: true)
        let type = data.inner(of: "type", in: range)
        if type.equals("text") {
            events.passage()
            if let list = JSONScan.find("citations", of: data, in: range), list.kind == .array,
                let values = (try? JSONValue(parsing: data.slice(list.value)))?.array
            {
                citations += values.compactMap { WebCitation($0) }
            }
            text(data.inner(of: "text", in: range), &events)
            return .text
        }
        if type.equals("thinking") {
            events.thinking(data.inner(of: "thinking", in: range))
            events.sign(data.inner(of: "signature", in: range), .think)
            return .thinking
        }
        if type.equals("redacted_thinking") {
            events.redacted(data.inner(of: "data", in: range))
            return .ignored
        }
        guard type.equals("tool_use") else {
            search(data, range, type, &events)
            return .ignored
        }
        hasContent = true
        events.toolStart(id: data.inner(of: "id", in: range), name: data.inner(of: "name", in: range))
        if let input = JSONScan.find("input", of: data, in: range) {
            if input.kind == .object { startInput = Self.compact(data.slice(input.value)) }
            // Some have the object's text there.
            if input.kind == .string, input.value.count > 2 {
                startInput = Array(data.slice(input.value.lowerBound &+ 1..<input.value.upperBound &- 1))
            }
        }
        return .tool
    }

    /// Searches that the vendor ran, and what they found.
    private func search(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ type: RawText, _ events: inout some ResponseEvents
    ) {
        if type.equals("server_tool_use"), data.inner(of: "name", in: range).equals("web_search") {
            let input = JSONScan.find("input", of: data, in: range)
            let query = input.map { data.inner(of: "query", in: $0.value) } ?? RawText(start: nil, count: 0)
            events.searched(JSONText.decode(query))
        } else if type.equals("web_search_tool_result"), let list = JSONScan.find("content", of: data, in: range),
            list.kind == .array, let pages = (try? JSONValue(parsing: data.slice(list.value)))?.array
        {
            for page in pages { events.found(page["url"]?.string ?? "", title: page["title"]?.string ?? "") }
        } else if !type.equals("web_search_tool_result") {
            events.unknown("content", type)
        }
    }

    private mutating func showCitations(_ events: inout some ResponseEvents) {
        for citation in citations { events.cite(citation) }
        citations = []
    }

    /// An object's JSON, compact, as text inside a JSON string; nothing for an empty one.
    private static func compact(_ json: UnsafeRawBufferPointer) -> [UInt8] {
        guard let value = try? JSONValue(parsing: json), value != .object([:]) else { return [] }
        var out: [UInt8] = []
        value.bytes.withUnsafeBytes { JSONText.append(escaping: $0, to: &out) }
        return out
    }

    private mutating func text(_ text: RawText, _ events: inout some ResponseEvents) {
        guard !text.isEmpty else { return }
        if isFirstText, MessagesQuirks.isPlaceholder(text) {
            fail(.broken("the upstream gave an empty answer"), &events)
            return
        }
        isFirstText = false
        hasContent = true
        events.text(text)
    }

    private mutating func delta(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        guard let delta = JSONScan.find("delta", of: data) else { return }
        if !blocks.isEmpty, block(Self.index(data)) == .ignored { return }
        let type = data.inner(of: "type", in: delta.value)
        if type.equals("text_delta") {
            text(data.inner(of: "text", in: delta.value), &events)
        } else if type.equals("thinking_delta") {
            events.thinking(data.inner(of: "thinking", in: delta.value))
        } else if type.equals("signature_delta") {
            events.sign(data.inner(of: "signature", in: delta.value), .think)
        } else if type.equals("citations_delta") {
            guard citations.count < 1_024, let found = JSONScan.find("citation", of: data, in: delta.value),
                let citation = (try? JSONValue(parsing: data.slice(found.value))).flatMap({ WebCitation($0) })
            else { return }
            citations.append(citation)
        } else if type.equals("input_json_delta") {
            let index = Self.index(data)
            // What comes for a call that is over is no part of the next one.
            guard let live, live.index == index || block(index) != .tool else { return }
            let piece = data.inner(of: "partial_json", in: delta.value)
            if !piece.isEmpty { startInput.removeAll(keepingCapacity: true) }
            self.live?.balance.feed(piece)
            events.toolArguments(piece)
        } else {
            events.unknown("content.delta", type)
        }
    }

    private mutating func blockStop(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        if !citations.isEmpty { showCitations(&events) }
        if let live, live.index == Self.index(data) { endLive(&events) }
    }

    private mutating func endTool(_ events: inout some ResponseEvents) {
        if !startInput.isEmpty { startInput.withUnsafeBytes { events.toolArguments($0) } }
        startInput.removeAll(keepingCapacity: true)
        events.toolEnd()
    }

    // MARK: Interleaved blocks

    /// The events of a block that began, or went on, before the call in hand was over.
    private struct HeldBlock: Sendable {
        var index: Int
        var events: [[UInt8]]
    }

    private enum BlockEvent { case start, delta, stop }

    /// The most that waits for a call.
    private static let mostHeld = 8 << 20

    /// Whether an event of a block waits until the call in hand is over; one of another block ends a call that is whole.
    private mutating func holds(
        _ data: UnsafeRawBufferPointer, _ kind: BlockEvent, _ events: inout some ResponseEvents
    ) -> Bool {
        while let live {
            let index = Self.index(data)
            let place = kind == .start ? nil : held.lastIndex { $0.index == index }
            if kind != .start {
                if index == live.index { return false }
                // Of a block that is over, or never began.
                guard place != nil || (kind == .delta && isText(index) && !isInput(data)) else { return false }
            }
            if index != live.index, !live.balance.isComplete, startInput.isEmpty, heldBytes < Self.mostHeld {
                heldBytes &+= data.count
                if let place {
                    held[place].events.append(Array(data))
                } else {
                    held.append(HeldBlock(index: index, events: [Array(data)]))
                }
                return true
            }
            endLive(&events)
        }
        return false
    }

    private func isInput(_ data: UnsafeRawBufferPointer) -> Bool {
        JSONScan.find("delta", of: data).map { data.inner(of: "type", in: $0.value).equals("input_json_delta") } ?? false
    }

    private func isText(_ index: Int) -> Bool { block(index) == .text || block(index) == .thinking }

    /// The call in hand is over: what waited for it comes, until the next call that is not.
    private mutating func endLive(_ events: inout some ResponseEvents) {
        if live != nil { endTool(&events) }
        live = nil
        guard !isReleasing else { return }
        isReleasing = true
        while live == nil, !held.isEmpty {
            let next = held.removeFirst()
            for event in next.events {
                heldBytes &-= event.count
                event.withUnsafeBytes { read($0, to: &events) }
            }
        }
        isReleasing = false
    }

    // MARK: Whole

    /// Reads a whole response.
    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard let kind = try? JSONScan.validate(body), kind == .object else {
            return fail(.broken("the upstream's answer is no JSON object"), &events)
        }
        if let error = ResponseFault.error(in: body, dialect: .anthropic) { return fail(error, &events) }
        guard let content = JSONScan.find("content", of: body), content.kind == .array || content.kind == .string else {
            return fail(.emptyResponse(body, .anthropic, "the upstream's answer has no content"), &events)
        }
        start(body, 0..<body.count, &events)
        if content.kind == .string {
            // Some take the short form that requests have for one of answers too.
            text(body.slice(content.value.lowerBound &+ 1..<content.value.upperBound &- 1), &events)
            if !isOver { finish(ending(body, 0..<body.count), &events) }
            return
        }
        var cursor = JSONCursor(body, in: content.value)
        guard (try? cursor.open(.array)) != nil else { return fail(.broken("the upstream's answer has no content"), &events) }
        while let element = (try? cursor.nextElement()) ?? nil {
            if self.content(body, element.value, &events) == .tool { endTool(&events) }
            if !citations.isEmpty { showCitations(&events) }
            if isOver { return }
        }
        finish(ending(body, 0..<body.count), &events)
    }
}

extension UnsafeRawBufferPointer {
    /// The inside of the string member `key` of the object in `range`; empty when there is none.
    func inner(of key: StaticString, in range: Range<Int>? = nil) -> RawText {
        guard let member = JSONScan.find(key, of: self, in: range), member.kind == .string else {
            return RawText(start: nil, count: 0)
        }
        return slice(member.value.lowerBound &+ 1..<member.value.upperBound &- 1)
    }
}

extension UpstreamError {
    /// The stream ended without its format's evidence of completion.
    static let truncated = UpstreamError(
        errorClass: .upstreamBroken, status: 502, message: "upstream stream ended before completion", type: "api_error")

    /// An event is missing: what is left of the response is not what the upstream said.
    static let oversized = broken("the upstream sent an event that is too long")

    /// The upstream's answer is one that failed, and says nothing of why.
    static let unexplained = broken("the upstream ended its answer with an error")

    /// The same by its word for why it ended.
    static func ended(by word: String) -> UpstreamError {
        word == "error" ? .unexplained : .broken("\(unexplained.message): \(word)")
    }

    /// Nobody said it: a reader found that an end is missing, or could not read on.
    public var isOurs: Bool { self == .truncated || self == .oversized }

    /// What came in a response's place: an error without an error's status or shape, if it has words, else `otherwise`.
    static func emptyResponse(_ body: UnsafeRawBufferPointer, _ dialect: ClientDialect, _ otherwise: String) -> UpstreamError {
        let hasWords = !body.inner(of: "message").isEmpty || !body.inner(of: "detail").isEmpty
        return hasWords ? readEvent(body, dialect: dialect) : broken(otherwise)
    }

    /// The upstream's response makes no sense.
    static func broken(_ message: String) -> UpstreamError {
        UpstreamError(errorClass: .upstreamBroken, status: 502, message: message, type: "api_error")
    }
}
