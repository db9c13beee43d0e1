import Basics

/// Reads a Chat Completions response, streamed or whole, as events (conversion.md 6.3).
struct ChatResponseReader: ResponseReader {
    private var tally = UsageTally()
    private var slots = ToolSlots()
    private var isStarted = false
    private var isOver = false
    private var ending: ResponseEnding?
    private var hasText = false
    private var hasChoice = false
    /// Words that came while a call's arguments were not whole.
    private var held: [(kind: ResponseBlock, text: [UInt8])] = []
    /// A whole response is read: every call in its list is one of its own.
    private var isWhole = false
    /// Takes thoughts out of the text; nil before the first of it.
    private var think: ThinkTags?
    /// The server parts thoughts from the text itself.
    private var hasReasoned = false
    /// The word by which the response ended where it is one for a failure.
    private var failedBy: [UInt8]?
    /// What servers that search tell beside the message, again with every chunk: JSON as it came last.
    private var sources: [UInt8] = []
    private var isCited = false

    /// Reads one event of a stream.
    mutating func read(_ event: SSEEvent, to events: inout some ResponseEvents) {
        read(event.data, to: &events)
        // An error may have its name outside of what it says.
        if !isOver, event.name.equals("error"), !event.data.isEmpty, JSONScan.find("choices", of: event.data) == nil {
            fail(UpstreamError.readEvent(event.data, dialect: .openai), &events)
        }
    }

    mutating func read(_ data: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard !isOver else { return }
        if data.count < 32, SSEReader.isDone(data) { return close(to: &events, isDone: true) }
        chunk(data, &events)
    }

    /// The stream ended.
    mutating func close(to events: inout some ResponseEvents) { close(to: &events, isDone: false) }

    private mutating func close(to events: inout some ResponseEvents, isDone: Bool) {
        guard !isOver else { return }
        let hasWords = hasText || think?.isHolding == true
        let isComplete = ending != nil || (isDone && (hasWords || slots.hasCompleteCall))
        guard failedBy != nil || (isComplete && hasChoice) else { return fail(.truncated, &events) }
        finish(&events)
    }

    private mutating func finish(_ events: inout some ResponseEvents) {
        if let failedBy {
            return fail(.ended(by: failedBy.withUnsafeBytes { JSONText.decode($0) }), &events)
        }
        finishThoughts(&events)
        slots.flush(&events, isCut: ending?.reason == .maxTokens && held.isEmpty)
        release(&events)
        if !isCited, !sources.isEmpty { citeSources(&events) }
        isOver = true
        if let usage = tally.usage(.openai) { events.note(usage) }
        events.end(ending ?? ResponseEnding(reason: .endTurn))
    }

    private mutating func fail(_ error: UpstreamError, _ events: inout some ResponseEvents) {
        guard !isOver else { return }
        isOver = true
        events.fail(error)
    }

    var usage: TokenUsage? { tally.usage(.openai) }

    // MARK: Chunks

    private mutating func chunk(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        var id = RawText(start: nil, count: 0)
        var model = id
        var choices: Range<Int>?
        var tier = id
        var hasError = false
        var cursor = JSONCursor(data)
        guard (try? cursor.open(.object)) != nil else { return }
        while let member = (try? cursor.nextMember()) ?? nil {
            let key = data.slice(member.key)
            switch member.kind {
            case .string:
                let inner = data.slice(member.value.lowerBound &+ 1..<member.value.upperBound &- 1)
                if key.equals("id") { id = inner } else if key.equals("model") { model = inner }
                if key.equals("service_tier") { tier = inner }
                if key.equals("error"), !inner.isEmpty { hasError = true }
            case .object:
                if tally.takeChat(data, member), !isStarted, let usage = tally.usage(.openai) { events.note(usage) }
                if key.equals("error"), member.value.count > 2 { hasError = true }
            case .array:
                if key.equals("choices") { choices = member.value }
                let namesPages = key.equals("search_results") || (key.equals("citations") && sources.isEmpty)
                if namesPages, (3..<65_536).contains(member.value.count) {
                    sources = Array(data.slice(member.value))
                }
            case .number: tally.takeChat(data, member)
            case .true, .false, .null: continue
            }
        }
        if hasError { return fail(UpstreamError.readEvent(data, dialect: .openai), &events) }
        if !tier.isEmpty { events.note(serviceTier: tier) }
        guard let first = choices.flatMap({ Self.firstChoice(data, $0) }) else {
            // An error that does not call itself one.
            if let error = ResponseFault.odd(data, dialect: .openai) { fail(error, &events) }
            return
        }
        hasChoice = true
        if !isStarted {
            isStarted = true
            events.start(id: id, model: model)
        }
        choice(data, first, &events)
    }

    /// The choice of index 0: the others are not asked for, and some servers send each in a chunk of its own.
    private static func firstChoice(_ data: UnsafeRawBufferPointer, _ choices: Range<Int>) -> Range<Int>? {
        var list = JSONCursor(data, in: choices)
        guard (try? list.open(.array)) != nil else { return nil }
        while let choice = (try? list.nextElement()) ?? nil {
            if isFirst(data, choice.value) { return choice.value }
        }
        return nil
    }

    /// Whether a choice's index is 0, or not said. It is first with every server, so little is read twice.
    private static func isFirst(_ data: UnsafeRawBufferPointer, _ choice: Range<Int>) -> Bool {
        var cursor = JSONCursor(data, in: choice)
        guard (try? cursor.open(.object)) != nil else { return true }
        while let member = (try? cursor.nextMember()) ?? nil {
            guard data.slice(member.key).equals("index") else { continue }
            return member.kind != .number || JSONScan.integer(of: data, in: member.value) == 0
        }
        return true
    }

    private mutating func choice(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.object)) != nil else { return }
        var finish: RawText?
        var stop: RawText?
        var message: Range<Int>?
        var piece: Range<Int>?
        var logprobs: Range<Int>?
        var hasFailed = false
        while let member = (try? cursor.nextMember()) ?? nil {
            let key = data.slice(member.key)
            if member.kind == .object, key.equals("delta") {
                piece = member.value
            } else if member.kind == .object, key.equals("message") {
                message = member.value
            } else if member.kind == .object, key.equals("error") {
                if member.value.count > 2 { hasFailed = true }
            } else if member.kind == .object, key.equals("logprobs") {
                logprobs = member.value
            } else if member.kind == .object {
                if tally.takeChat(data, member), !isStarted, let usage = tally.usage(.openai) { events.note(usage) }
            } else if member.kind == .string {
                let inner = data.slice(member.value.lowerBound &+ 1..<member.value.upperBound &- 1)
                if key.equals("finish_reason") { finish = inner }
                if key.equals("stop_reason") || key.equals("matched_stop") { stop = inner }
            }
        }
        if let logprobs, events.takesLogprobs {
            events.note(logprobs: data, in: JSONScan.find("content", of: data, in: logprobs))
        }
        // Some servers stream whole messages; one beside a delta says the same again.
        if let said = piece ?? message { delta(data, said, &events) }
        if hasFailed { return fail(UpstreamError.readEvent(data.slice(range), dialect: .openai), &events) }
        if let finish, !finish.isEmpty { note(finish, stop) }
    }

    private mutating func note(_ finish: RawText, _ stop: RawText?) {
        guard var end = ResponseEnding(word: finish) else {
            // What comes behind it, usage or the error itself, is still heard.
            failedBy = Array(finish.slice(0..<64))
            return
        }
        if end.reason == .endTurn, let stop, !stop.isEmpty, !FinishWords.standsForStop(stop) {
            end.reason = .stopSequence
            end.stopSequence = Array(stop)
        }
        // A word that came first is not taken back by a later, emptier one.
        if ending == nil || end.reason != .endTurn { ending = end }
    }

    /// Where the message is from, of servers that search.
    private mutating func cite(_ data: UnsafeRawBufferPointer, _ list: Range<Int>, _ events: inout some ResponseEvents) {
        for value in ((try? JSONValue(parsing: data.slice(list)))?.array ?? []).prefix(256) {
            guard let citation = WebCitation(value) else { continue }
            isCited = true
            events.cite(citation)
        }
    }

    /// The same of those that say it beside the message: pages, or their addresses alone.
    private func citeSources(_ events: inout some ResponseEvents) {
        for value in ((try? JSONValue(parsing: sources))?.array ?? []).prefix(256) {
            let page = value.string.map { $0.isEmpty ? nil : WebCitation(url: $0, title: "") } ?? WebCitation(value)
            if let page { events.cite(page) }
        }
    }

    /// Everything one delta carries: reasoning first, then content, refusal and calls, whatever order they stand in.
    private mutating func delta(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        var reasoning: RawText?
        var details: Range<Int>?
        var content: JSONMember?
        var refusal: RawText?
        var calls: Range<Int>?
        var function: Range<Int>?
        var annotations: Range<Int>?
        var images: Range<Int>?
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.object)) != nil else { return }
        while let member = (try? cursor.nextMember()) ?? nil {
            let key = data.slice(member.key)
            switch member.kind {
            case .string:
                let inner = data.slice(member.value.lowerBound &+ 1..<member.value.upperBound &- 1)
                if key.equals("content") { content = member }
                if key.equals("reasoning_content"), !inner.isEmpty { reasoning = inner }
                if key.equals("reasoning"), !inner.isEmpty, reasoning == nil { reasoning = inner }
                if key.equals("thinking") || key.equals("reasoning_text"), !inner.isEmpty, reasoning == nil { reasoning = inner }
                if key.equals("refusal") { refusal = inner }
            case .array:
                if key.equals("tool_calls") {
                    calls = member.value
                } else if key.equals("content") {
                    content = member
                } else if key.equals("reasoning_details") {
                    details = member.value
                } else if member.value.count > 2 {
                    if key.equals("annotations") {
                        annotations = member.value
                    } else if key.equals("images") {
                        images = member.value
                    } else {
                        Self.tell(key, &events)
                    }
                }
            case .object:
                if key.equals("function_call") {
                    function = member.value
                } else if key.equals("content") {
                    content = member
                } else if !tally.takeChat(data, member), member.value.count > 2 {
                    Self.tell(key, &events)
                }
            case .number, .true, .false, .null: continue
            }
        }
        defer { if let annotations { cite(data, annotations, &events) } }
        if let details { events.details(data.slice(details)) }
        if reasoning != nil || details != nil || !(refusal?.isEmpty ?? true) { slots.settleName(&events) }
        if reasoning != nil || details != nil {
            hasReasoned = true
            if think?.isHolding == true { finishThoughts(&events) }
        }
        if let reasoning { say(.thinking, reasoning, &events) } else if let details { self.details(data, details, &events) }
        if let content { self.content(data, content, &events) }
        if let images { self.images(data, images, &events) }
        if let refusal { say(.refusal, refusal, &events) }
        if let calls { self.calls(data, calls, &events) }
        if let function { call(data, function, index: 0, id: RawText(start: nil, count: 0), &events) }
    }

    /// A member that holds something and is not known.
    private static func tell(_ key: RawText, _ events: inout some ResponseEvents) {
        // What the server says about its own work.
        let isAside =
            key.equals("provider_specific_fields") || key.equals("token_ids") || key.equals("prompt_token_ids")
            || key.equals("logprobs") || key.equals("usage") || key.equals("metadata")
        if !isAside { events.unknown("message", key) }
    }

    /// Pictures that the model made.
    private mutating func images(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        for value in (try? JSONValue(parsing: data.slice(range)))?.array ?? [] {
            let inner = value["image_url"] ?? value
            guard let url = inner.string ?? inner["url"]?.string, !url.isEmpty else {
                [UInt8]("images".utf8).withUnsafeBytes { Self.tell($0, &events) }
                continue
            }
            var words: [UInt8] = []
            JSONText.append(escaping: events.showsMarkdownImages ? "![image](\(url))" : "[image omitted]", to: &words)
            words.withUnsafeBytes { answer($0, &events) }
        }
    }

    private mutating func details(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.array)) != nil else { return }
        while let element = (try? cursor.nextElement()) ?? nil {
            let text = data.inner(of: "text", in: element.value)
            say(.thinking, text.isEmpty ? data.inner(of: "summary", in: element.value) : text, &events)
        }
    }

    /// A text, a part, or a list of parts.
    private mutating func content(_ data: UnsafeRawBufferPointer, _ member: JSONMember, _ events: inout some ResponseEvents) {
        if member.kind == .string {
            return text(data.slice(member.value.lowerBound &+ 1..<member.value.upperBound &- 1), &events)
        }
        if member.kind == .object { return part(data, member.value, &events) }
        var cursor = JSONCursor(data, in: member.value)
        guard (try? cursor.open(.array)) != nil else { return }
        while let element = (try? cursor.nextElement()) ?? nil {
            if element.kind == .string {
                text(data.slice(element.value.lowerBound &+ 1..<element.value.upperBound &- 1), &events)
            } else {
                part(data, element.value, &events)
            }
        }
    }

    /// A part of a content: text, or a thought, which Mistral's models have as parts within parts.
    private mutating func part(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        if let thought = JSONScan.find("thinking", of: data, in: range) ?? JSONScan.find("reasoning", of: data, in: range) {
            if thought.kind == .string {
                say(.thinking, data.slice(thought.value.lowerBound &+ 1..<thought.value.upperBound &- 1), &events)
            } else if thought.kind == .array {
                details(data, thought.value, &events)
            }
            return
        }
        let kind = data.inner(of: "type", in: range)
        if kind.equals("reasoning") || kind.equals("reasoning_text") || kind.equals("thinking") || kind.equals("summary_text") {
            return say(.thinking, data.inner(of: "text", in: range), &events)
        }
        if kind.equals("refusal") { return say(.refusal, data.inner(of: "refusal", in: range), &events) }
        guard JSONScan.find("text", of: data, in: range) != nil else { return events.unknown("message.content", kind) }
        text(data.inner(of: "text", in: range), &events)
    }

    /// Text as the upstream has it, thoughts between marks perhaps in it.
    private mutating func text(_ text: RawText, _ events: inout some ResponseEvents) {
        guard !text.isEmpty else { return }
        slots.settleName(&events)
        if think?.isPlain == true { return answer(text, &events) }
        var tags = think ?? firstTags(text, events)
        tags.take(text) { piece, text in
            if piece == .thought { say(.thinking, text, &events) } else { answer(text, &events) }
        }
        think = tags
    }

    /// The mark that opens a thought may be the prompt's, which a model's name tells, and a whole text.
    private func firstTags(_ text: RawText, _ events: some ResponseEvents) -> ThinkTags {
        let isOpened = events.opensThoughts || (isWhole && ThinkTags.closesUnopened(text, events.thinkTags))
        return ThinkTags(events.thinkTags, isOpened: isOpened && !hasReasoned)
    }

    /// No more text belongs to what came.
    private mutating func finishThoughts(_ events: inout some ResponseEvents) {
        guard var tags = think, !tags.isPlain else { return }
        tags.finish(isCut: ending?.reason == .maxTokens) { piece, text in
            if piece == .thought { say(.thinking, text, &events) } else { answer(text, &events) }
        }
        think = tags
    }

    private mutating func answer(_ text: RawText, _ events: inout some ResponseEvents) {
        guard !text.isEmpty else { return }
        hasText = true
        say(.text, text, &events)
    }

    /// Words wait for the call in hand while its arguments are not whole.
    private mutating func say(_ kind: ResponseBlock, _ text: RawText, _ events: inout some ResponseEvents) {
        guard !text.isEmpty else { return }
        slots.yieldToText(&events)
        if slots.isBusy { return held.append((kind, Array(text))) }
        switch kind {
        case .thinking: events.thinking(text)
        case .refusal: events.refusal(text)
        case .text, .redacted, .tool, .customTool, .toolSearch, .compaction: events.text(text)
        }
    }

    /// The call in hand is whole: what waited for it comes before the next one.
    private mutating func release(_ events: inout some ResponseEvents) {
        guard !held.isEmpty, !slots.isBusy else { return }
        let words = held
        held = []
        for (kind, text) in words { text.withUnsafeBytes { say(kind, $0, &events) } }
    }

    // MARK: Calls

    private mutating func calls(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.array)) != nil else { return }
        finishThoughts(&events)
        var place = 0
        // The places that calls of this list have had.
        var taken: Set<Int> = []
        while let element = (try? cursor.nextElement()) ?? nil {
            let given = JSONScan.find("index", of: data, in: element.value)
                .flatMap { $0.kind == .number ? JSONScan.integer(of: data, in: $0.value) : nil }
            let index = isWhole ? place : given
            place &+= 1
            let isAnother = !taken.insert(index ?? -1).inserted
            let id = data.inner(of: "id", in: element.value)
            if let function = JSONScan.find("function", of: data, in: element.value), function.kind == .object {
                // Pieces that follow have no id, nor anything else but arguments.
                let signature = id.isEmpty ? RawText(start: nil, count: 0) : CallSignature.read(data, element.value)
                call(data, function.value, index: index, id: id, isAnother: isAnother, signature: signature, &events)
            } else if let custom = JSONScan.find("custom", of: data, in: element.value), custom.kind == .object {
                call(data, custom.value, index: index, id: id, isAnother: isAnother, &events)
            } else {
                let (type, none) = (data.inner(of: "type", in: element.value), RawText(start: nil, count: 0))
                guard type.isEmpty || type.equals("function") || type.equals("custom") else {
                    events.unknown("tool_calls", type)
                    continue
                }
                if JSONScan.find("name", of: data, in: element.value) != nil
                    || JSONScan.find("arguments", of: data, in: element.value) != nil
                {
                    // Workers AI: name and arguments stand in the call itself.
                    call(data, element.value, index: index, id: id, isAnother: isAnother, &events)
                } else {
                    slots.take(index: index, id: id, name: none, arguments: none, to: &events)
                }
            }
        }
    }

    private mutating func call(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, index: Int?, id: RawText, isAnother: Bool = false,
        signature: RawText = RawText(start: nil, count: 0), _ events: inout some ResponseEvents
    ) {
        let name = data.inner(of: "name", in: range)
        slots.joinsNames = !isWhole
        let arguments = JSONScan.find("arguments", of: data, in: range) ?? JSONScan.find("input", of: data, in: range)
        if let arguments, arguments.kind == .string {
            let inner = data.slice(arguments.value.lowerBound &+ 1..<arguments.value.upperBound &- 1)
            slots.take(
                index: index, id: id, name: name, arguments: inner, isAnother: isAnother, signature: signature, to: &events)
        } else if let arguments, arguments.kind != .null {
            // Some servers send the arguments as a value.
            var text: [UInt8] = []
            let value = (try? JSONValue(parsing: data.slice(arguments.value))) ?? [:]
            value.bytes.withUnsafeBytes { JSONText.append(escaping: $0, to: &text) }
            text.withUnsafeBytes {
                slots.take(
                    index: index, id: id, name: name, arguments: $0, isAnother: isAnother, signature: signature, to: &events)
            }
        } else {
            let none = RawText(start: nil, count: 0)
            slots.take(
                index: index, id: id, name: name, arguments: none, isAnother: isAnother, signature: signature, to: &events)
        }
        release(&events)
    }

    // MARK: Whole

    /// Reads a whole response: one chunk that has everything.
    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard let kind = try? JSONScan.validate(body), kind == .object else {
            return fail(.broken("the upstream's answer is no JSON object"), &events)
        }
        tally.takeChat(whole: body)
        if let usage = tally.usage(.openai) { events.note(usage) }
        isWhole = true
        chunk(body, &events)
        guard !isOver else { return }
        guard hasChoice || failedBy != nil else {
            return fail(.emptyResponse(body, .openai, "the upstream's answer has no choices"), &events)
        }
        finish(&events)
    }
}
