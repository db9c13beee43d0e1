import Basics

/// Reads a Responses response, streamed or whole, as events (conversion.md 6.5).
struct ResponsesResponseReader: ResponseReader {
    private var tally = UsageTally()
    private var slots = ToolSlots()
    private var isOver = false
    /// Output items whose text, thoughts or arguments were shown; the full text of their end is not shown again.
    private var shown: Set<Int> = []
    /// Of those that have several parts, which were; and the last one.
    private var shownParts: Set<Int> = []
    private var last: (place: Int, part: Int)?
    /// Words that came while a call was not whole.
    private var held: [(kind: ResponseBlock, text: [UInt8])] = []
    private var hasThoughts = false
    private var hasText = false
    /// Words of an answer came, no refusal's.
    private var hasWords = false
    /// Items by their ids, for servers that do not number every event.
    private var places: [(id: [UInt8], place: Int)] = []
    private var isWhole = false
    /// Items whose citations were told.
    private var cited: Set<Int> = []
    private var searched: Set<Int> = []

    var usage: TokenUsage? { tally.usage(.responses) }

    mutating func read(_ event: SSEEvent, to events: inout some ResponseEvents) { read(event.data, to: &events) }

    mutating func read(_ data: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard !isOver else { return }
        let type = EventType(of: data)
        if type.equals("response.output_text.delta") {
            if events.takesLogprobs { events.note(logprobs: data, in: JSONScan.find("logprobs", of: data)) }
            show(data, "delta", .text, &events)
        } else if type.equals("response.function_call_arguments.delta") || type.equals("response.custom_tool_call_input.delta") {
            arguments(data, "delta", &events)
        } else if type.equals("response.reasoning_summary_text.delta") || type.equals("response.reasoning_text.delta") {
            show(data, "delta", .thinking, &events)
        } else if type.equals("response.refusal.delta") {
            show(data, "delta", .refusal, &events)
        } else if type.ends(".done"), !type.equals("response.output_item.done") {
            done(data, type, &events)
        } else if type.equals("response.output_text.annotation.added") {
            guard let found = JSONScan.find("annotation", of: data), cited.insert(place(data)).inserted || cited.count < 1_024,
                let citation = (try? JSONValue(parsing: data.slice(found.value))).flatMap({ WebCitation($0) })
            else { return }
            events.cite(citation)
        } else if type.equals("response.output_item.added") {
            itemAdded(data, &events)
        } else if type.equals("response.output_item.done") {
            itemDone(data, &events)
        } else if type.equals("response.created") || type.equals("response.in_progress") {
            if let response = JSONScan.find("response", of: data) { start(data, response.value, &events) }
        } else if type.equals("response.completed") || type.equals("response.incomplete") {
            if let response = JSONScan.find("response", of: data) {
                finish(data, response.value, isCut: type.equals("response.incomplete"), &events)
            }
        } else if type.equals("response.failed") || type.equals("error") || type.equals("response.error") {
            fail(Self.error(data, in: JSONScan.find("response", of: data)?.value), &events)
        } else if type.isEmpty, JSONScan.find("error", of: data) != nil {
            fail(UpstreamError.readEvent(data, dialect: .responses), &events)
        } else {
            tell(type, &events)
        }
    }

    /// Events of which what they are about says the same: items, parts, progress.
    private static let silent: [StaticString] = [
        "response.output_", "response.content_part.", "response.reasoning_", "response.web_search_call.",
        "response.file_search_call.", "response.code_interpreter_call", "response.image_generation_call.", "response.mcp_",
        "response.queued", "response.metadata", "keepalive", "ping",
    ]

    private func tell(_ type: EventType, _ events: inout some ResponseEvents) {
        guard !type.isEmpty, !Self.silent.contains(where: { type.starts($0) }) else { return }
        events.unknown("event", type.name)
    }

    mutating func close(to events: inout some ResponseEvents) {
        if !isOver { fail(.truncated, &events) }
    }

    private mutating func fail(_ error: UpstreamError, _ events: inout some ResponseEvents) {
        isOver = true
        events.fail(error)
    }

    /// What a failure says of itself. A response that says nothing is no text for a message.
    private static func error(_ data: UnsafeRawBufferPointer, in response: Range<Int>?) -> UpstreamError {
        guard let response, !ResponseFault.hasError(data, in: response), !ResponseFault.hasError(data, in: 0..<data.count) else {
            return UpstreamError.readEvent(data, dialect: .responses)
        }
        return .unexplained
    }

    /// The item that an event is about: by its number, or where there is none by its id.
    private mutating func place(_ data: UnsafeRawBufferPointer, item: Range<Int>? = nil) -> Int {
        let number = JSONScan.find("output_index", of: data).flatMap { JSONScan.integer(of: data, in: $0.value) }
        if let number, item == nil { return number }
        let id = item.map { data.inner(of: "id", in: $0) } ?? data.inner(of: "item_id")
        guard !id.isEmpty else { return number ?? 0 }
        if let known = places.first(where: { id.elementsEqual($0.id) }), number == nil { return known.place }
        let place = number ?? (places.map(\.place).max() ?? -1) &+ 1
        if places.count < 1_024 { places.append((Array(id), place)) }
        return place
    }

    private static func number(_ key: StaticString, _ data: UnsafeRawBufferPointer) -> Int {
        JSONScan.find(key, of: data).flatMap { JSONScan.integer(of: data, in: $0.value) } ?? 0
    }

    private func start(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        let tier = data.inner(of: "service_tier", in: range)
        if !tier.isEmpty, !tier.equals("auto") { events.note(serviceTier: tier) }
        events.start(id: data.inner(of: "id", in: range), model: data.inner(of: "model", in: range))
    }

    // MARK: Items

    private mutating func show(
        _ data: UnsafeRawBufferPointer, _ key: StaticString, _ kind: ResponseBlock, _ events: inout some ResponseEvents
    ) {
        let text = data.inner(of: key)
        guard !text.isEmpty else { return }
        let (place, part) = (place(data), Self.part(data))
        if last.map({ $0 != (place, part) }) ?? true {
            if kind == .thinking, last?.place == place {
                // Summary parts are one block, a blank line between them.
                [UInt8]("\\n\\n".utf8).withUnsafeBytes { say(kind, $0, &events) }
            }
            shown.insert(place)
            shownParts.insert(place << 16 | part)
            last = (place, part)
        }
        say(kind, text, &events)
    }

    /// The part of its item that an event is about.
    private static func part(_ data: UnsafeRawBufferPointer) -> Int {
        Swift.min(Swift.max(0, number("summary_index", data), number("content_index", data)), allParts - 1)
    }

    private static let allParts = 0xFFFF

    private mutating func say(_ kind: ResponseBlock, _ text: RawText, _ events: inout some ResponseEvents) {
        guard !text.isEmpty else { return }
        slots.yieldToText(&events)
        guard !slots.isBusy else { return held.append((kind, Array(text))) }
        switch kind {
        case .thinking:
            hasThoughts = true
            events.thinking(text)
        case .refusal:
            hasText = true
            events.refusal(text)
        case .text, .redacted, .tool, .customTool, .toolSearch, .compaction:
            hasText = true
            hasWords = true
            events.text(text)
        }
    }

    /// What waited for a call comes once that is over.
    private mutating func release(_ events: inout some ResponseEvents) {
        guard !held.isEmpty, !slots.isBusy else { return }
        let words = held
        held = []
        for (kind, text) in words { text.withUnsafeBytes { say(kind, $0, &events) } }
    }

    /// The end of a text or of arguments: all of it, where no piece of it came.
    private mutating func done(_ data: UnsafeRawBufferPointer, _ type: EventType, _ events: inout some ResponseEvents) {
        let place = place(data)
        let isCall = type.starts("response.function_call") || type.starts("response.custom_tool_call")
        // Of an item of several parts, others may have been shown.
        let (part, all) = (place << 16 | Self.part(data), place << 16 | Self.allParts)
        if shown.contains(place), isCall || shownParts.contains(part) || shownParts.contains(all) { return }
        if type.equals("response.output_text.done") {
            show(data, "text", .text, &events)
        } else if type.equals("response.refusal.done") {
            show(data, "refusal", .refusal, &events)
        } else if type.equals("response.reasoning_summary_text.done") || type.equals("response.reasoning_text.done") {
            show(data, "text", .thinking, &events)
        } else if type.equals("response.function_call_arguments.done") {
            arguments(data, "arguments", &events)
        } else if type.equals("response.custom_tool_call_input.done") {
            arguments(data, "input", &events)
        } else {
            tell(type, &events)
        }
    }

    private mutating func arguments(
        _ data: UnsafeRawBufferPointer, _ key: StaticString, _ events: inout some ResponseEvents
    ) {
        let index = place(data)
        let none = RawText(start: nil, count: 0)
        let text = data.inner(of: key)
        if !text.isEmpty { shown.insert(index) }
        slots.take(index: index, id: none, name: none, arguments: text, to: &events)
        release(&events)
    }

    private func beginMessage(_ events: inout some ResponseEvents) {
        if hasWords { events.nextMessage() }
        events.passage()
    }

    private mutating func itemAdded(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        guard let item = JSONScan.find("item", of: data) else { return }
        let type = data.inner(of: "type", in: item.value)
        if type.equals("message") { beginMessage(&events) }
        guard type.equals("function_call") || type.equals("custom_tool_call") else { return }
        let id = callID(data, item.value)
        slots.take(
            index: place(data, item: item.value), id: id, name: data.inner(of: "name", in: item.value),
            arguments: RawText(start: nil, count: 0), to: &events)
    }

    /// A call's id; of servers that have no `call_id` the item's own.
    private func callID(_ data: UnsafeRawBufferPointer, _ item: Range<Int>) -> RawText {
        var id = data.inner(of: "call_id", in: item)
        if id.isEmpty { id = data.inner(of: "id", in: item) }
        return id
    }

    /// The citations of a message's parts, unless events of their own told them.
    private mutating func cite(
        _ data: UnsafeRawBufferPointer, _ content: Range<Int>, _ index: Int, _ events: inout some ResponseEvents
    ) {
        guard !cited.contains(index) else { return }
        var lists: [Range<Int>] = []
        each(data, content) { part in
            if let list = JSONScan.find("annotations", of: data, in: part), list.kind == .array { lists.append(list.value) }
        }
        for list in lists {
            for value in (try? JSONValue(parsing: data.slice(list)))?.array ?? [] {
                guard let citation = WebCitation(value) else { continue }
                cited.insert(index)
                events.cite(citation)
            }
        }
    }

    /// A web search that the vendor ran; looking into a page is none.
    private mutating func search(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ index: Int, _ events: inout some ResponseEvents
    ) {
        guard searched.count < 1_024, searched.insert(index).inserted,
            let item = try? JSONValue(parsing: data.slice(range))
        else { return }
        let action = item["action"]
        if let type = action?["type"]?.string, type != "search" { return }
        events.searched(action?["query"]?.string ?? action?["queries"]?.array?.first?.string ?? "")
        for source in action?["sources"]?.array ?? [] {
            events.found(source["url"]?.string ?? "", title: source["title"]?.string ?? "")
        }
    }

    private mutating func itemDone(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        guard let item = JSONScan.find("item", of: data) else { return }
        self.item(data, item.value, index: place(data, item: item.value), &events)
        release(&events)
    }

    /// A whole item: what its deltas did not show yet.
    private mutating func item(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, index: Int, _ events: inout some ResponseEvents
    ) {
        let type = data.inner(of: "type", in: range)
        if type.equals("function_call") || type.equals("custom_tool_call") {
            let none = RawText(start: nil, count: 0)
            let key: StaticString = type.equals("function_call") ? "arguments" : "input"
            let isShown = shown.contains(index)
            shown.insert(index)
            let id = callID(data, range)
            let name = data.inner(of: "name", in: range)
            if !isShown, let value = JSONScan.find(key, of: data, in: range), value.kind == .object {
                // Some servers have them as a value.
                var text: [UInt8] = []
                JSONText.append(escaping: data.slice(value.value), to: &text)
                text.withUnsafeBytes { slots.take(index: index, id: id, name: name, arguments: $0, to: &events) }
            } else {
                let arguments = isShown ? none : data.inner(of: key, in: range)
                slots.take(index: index, id: id, name: name, arguments: arguments, to: &events)
            }
            let status = data.inner(of: "status", in: range)
            let isBare = !isShown && data.inner(of: key, in: range).isEmpty
            if status.equals("completed") || (status.isEmpty && isBare) { slots.end(index, &events) }
            return
        }
        // Thoughts of which nothing was told are told here.
        if type.equals("reasoning"), !shown.contains(index) { slots.flush(&events) }
        shownParts.insert(index << 16 | Self.allParts)
        if type.equals("message") {
            guard let content = JSONScan.find("content", of: data, in: range) else { return }
            defer { cite(data, content.value, index, &events) }
            guard shown.insert(index).inserted else { return }
            beginMessage(&events)
            if content.kind == .string {
                return say(.text, data.slice(content.value.lowerBound &+ 1..<content.value.upperBound &- 1), &events)
            }
            var parts: [Range<Int>] = []
            each(data, content.value) { parts.append($0) }
            for part in parts {
                let kind = data.inner(of: "type", in: part)
                if kind.equals("output_text") || kind.equals("text") {
                    if events.takesLogprobs { events.note(logprobs: data, in: JSONScan.find("logprobs", of: data, in: part)) }
                    say(.text, data.inner(of: "text", in: part), &events)
                } else if kind.equals("refusal") {
                    say(.refusal, data.inner(of: "refusal", in: part), &events)
                } else {
                    events.unknown("output.content", kind)
                }
            }
        } else if type.equals("reasoning") {
            reasoning(data, range, index, &events)
        } else if type.equals("web_search_call") {
            search(data, range, index, &events)
        } else {
            events.unknown("output", type)
        }
    }

    private mutating func reasoning(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ index: Int, _ events: inout some ResponseEvents
    ) {
        var isSaid = shown.contains(index)
        if !isSaid {
            for key in ["summary", "content"] as [StaticString] where !isSaid {
                guard let parts = JSONScan.find(key, of: data, in: range), parts.kind == .array else { continue }
                each(data, parts.value) { part in
                    let text = data.inner(of: "text", in: part)
                    guard !text.isEmpty else { return }
                    if isSaid { [UInt8]("\\n\\n".utf8).withUnsafeBytes { events.thinking($0) } }
                    isSaid = true
                    events.thinking(text)
                }
            }
        }
        if isSaid { hasThoughts = true }
        // The signature that comes with the item's beginning may be incomplete; this one is not.
        let signature = data.inner(of: "encrypted_content", in: range)
        guard !signature.isEmpty else { return }
        hasThoughts = true
        if isSaid { events.sign(signature, .think) } else { events.redacted(signature) }
    }

    private func each(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.array)) != nil else { return }
        while let element = (try? cursor.nextElement()) ?? nil { body(element.value) }
    }

    // MARK: The end

    private mutating func finish(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, isCut: Bool, _ events: inout some ResponseEvents
    ) {
        start(data, range, &events)
        if let usage = JSONScan.find("usage", of: data, in: range), usage.kind == .object {
            tally.merge(data, in: usage.value, .responses)
        }
        if let usage = tally.usage(.responses) { events.note(usage) }
        let status = data.inner(of: "status", in: range)
        if status.equals("failed") || status.equals("cancelled") {
            return fail(Self.error(data.slice(range), in: 0..<range.count), &events)
        }
        if !held.isEmpty {
            slots.flush(&events)
            release(&events)
        }
        if !isWhole { reconcile(data, range, &events) }
        var ending = ResponseEnding(reason: .endTurn)
        if isCut || status.equals("incomplete") {
            let details = JSONScan.find("incomplete_details", of: data, in: range)
            let reason = details.map { data.inner(of: "reason", in: $0.value) } ?? RawText(start: nil, count: 0)
            guard let stated = ResponseEnding(word: reason) else {
                return fail(.ended(by: JSONText.decode(reason)), &events)
            }
            ending = stated
            if stated.reason != .maxTokens, stated.reason != .refusal {
                ending = ResponseEnding(reason: .other)
                ending.unknownWord = Array((reason.isEmpty ? status : reason).slice(0..<64))
                // A call that was cut off is nothing to run.
                if slots.isBusy { ending.reason = .maxTokens }
            }
        } else if !status.isEmpty, !status.equals("completed") {
            // No word for a good end that anybody knows.
            ending.reason = .other
            ending.unknownWord = Array(status.slice(0..<64))
        }
        slots.flush(&events, isCut: ending.reason == .maxTokens)
        isOver = true
        events.end(ending)
    }

    /// What the response that ends a stream has, and its events did not show.
    private mutating func reconcile(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        guard let output = JSONScan.find("output", of: data, in: range), output.kind == .array else { return }
        let (hadText, hadThoughts) = (hasText, hasThoughts)
        var items: [Range<Int>] = []
        each(data, output.value) { items.append($0) }
        for (index, item) in items.enumerated() {
            let type = data.inner(of: "type", in: item)
            if type.equals("function_call") || type.equals("custom_tool_call") {
                let id = callID(data, item)
                if slots.hasArguments(id) { continue }
                let name = data.inner(of: "name", in: item)
                let arguments = data.inner(of: type.equals("function_call") ? "arguments" : "input", in: item)
                slots.take(index: nil, id: id, name: name, arguments: arguments, to: &events)
                continue
            }
            guard type.equals("message") || type.equals("reasoning") else { continue }
            // Behind the answer a thought is late.
            let isNew = type.equals("message") ? !hadText : !hadThoughts && !hadText && slots.isEmpty
            // A number of its own: those of the events may be others.
            if isNew { self.item(data, item, index: 4_096 + index, &events) }
        }
    }

    /// Reads a whole response.
    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard let kind = try? JSONScan.validate(body), kind == .object else {
            return fail(.broken("the upstream's answer is no JSON object"), &events)
        }
        if let error = ResponseFault.error(in: body, dialect: .responses) { return fail(error, &events) }
        guard let output = JSONScan.find("output", of: body), output.kind == .array else {
            return fail(.emptyResponse(body, .responses, "the upstream's answer has no output"), &events)
        }
        let status = body.inner(of: "status")
        if status.equals("in_progress") || status.equals("queued") {
            return fail(.broken("the upstream's answer is not finished"), &events)
        }
        isWhole = true
        start(body, 0..<body.count, &events)
        var cursor = JSONCursor(body, in: output.value)
        guard (try? cursor.open(.array)) != nil else { return }
        var index = 0
        while let element = (try? cursor.nextElement()) ?? nil {
            item(body, element.value, index: index, &events)
            index &+= 1
        }
        finish(body, 0..<body.count, isCut: false, &events)
    }
}
