import Basics

/// Reads a Responses response, streamed or whole, as events (conversion.md 6.5).
struct ResponsesResponseReader: ResponseReader {
    private var tally = UsageTally()
    private var slots = ToolSlots()
    private var isOver = false
    /// Output items whose text, thoughts or arguments were shown by deltas; the full text of their end is not shown again.
    private var shown: Set<Int> = []

    var usage: TokenUsage? { tally.usage(.responses) }

    mutating func read(_ event: SSEEvent, to events: inout some ResponseEvents) { read(event.data, to: &events) }

    mutating func read(_ data: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard !isOver else { return }
        let type = EventType(of: data)
        if type.equals("response.output_text.delta") {
            show(data, "delta", &events) { events, text in events.text(text) }
        } else if type.equals("response.function_call_arguments.delta") {
            arguments(data, "delta", &events)
        } else if type.equals("response.reasoning_summary_text.delta") || type.equals("response.reasoning_text.delta") {
            show(data, "delta", &events) { events, text in events.thinking(text) }
        } else if type.equals("response.refusal.delta") {
            show(data, "delta", &events) { events, text in events.refusal(text) }
        } else if type.equals("response.reasoning_summary_part.added") {
            if Self.number("summary_index", data) > 0, shown.contains(Self.number("output_index", data)) {
                // Summary parts are one block, a blank line between them.
                [UInt8]("\\n\\n".utf8).withUnsafeBytes { events.thinking($0) }
            }
        } else if type.equals("response.output_item.added") {
            itemAdded(data, &events)
        } else if type.equals("response.output_item.done") {
            itemDone(data, &events)
        } else if type.equals("response.created") || type.equals("response.in_progress") {
            if let response = JSONScan.find("response", of: data) { start(data, response.value, &events) }
        } else if type.equals("response.completed") || type.equals("response.incomplete") {
            if let response = JSONScan.find("response", of: data) { finish(data, response.value, &events) }
        } else if type.equals("response.failed") || type.equals("error") || type.equals("response.error") {
            fail(UpstreamError.readEvent(data, dialect: .responses), &events)
        } else if type.isEmpty, JSONScan.find("error", of: data) != nil {
            fail(UpstreamError.readEvent(data, dialect: .responses), &events)
        }
    }

    mutating func close(to events: inout some ResponseEvents) {
        if !isOver { fail(.truncated, &events) }
    }

    private mutating func fail(_ error: UpstreamError, _ events: inout some ResponseEvents) {
        isOver = true
        events.fail(error)
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

    private mutating func show<Events: ResponseEvents>(
        _ data: UnsafeRawBufferPointer, _ key: StaticString, _ events: inout Events, _ event: (inout Events, RawText) -> Void
    ) {
        let text = data.inner(of: key)
        guard !text.isEmpty else { return }
        slots.flush(&events)
        shown.insert(Self.number("output_index", data))
        event(&events, text)
    }

    private mutating func arguments(
        _ data: UnsafeRawBufferPointer, _ key: StaticString, _ events: inout some ResponseEvents
    ) {
        let index = Self.number("output_index", data)
        let none = RawText(start: nil, count: 0)
        let text = data.inner(of: key)
        if !text.isEmpty { shown.insert(index) }
        slots.take(index: index, id: none, name: none, arguments: text, to: &events)
    }

    private mutating func itemAdded(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        guard let item = JSONScan.find("item", of: data) else { return }
        let type = data.inner(of: "type", in: item.value)
        guard type.equals("function_call") || type.equals("custom_tool_call") else { return }
        slots.take(
            index: Self.number("output_index", data), id: data.inner(of: "call_id", in: item.value),
            name: data.inner(of: "name", in: item.value), arguments: RawText(start: nil, count: 0), to: &events)
    }

    private mutating func itemDone(_ data: UnsafeRawBufferPointer, _ events: inout some ResponseEvents) {
        guard let item = JSONScan.find("item", of: data) else { return }
        self.item(data, item.value, index: Self.number("output_index", data), &events)
    }

    /// A whole item: what its deltas did not show yet.
    private mutating func item(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, index: Int, _ events: inout some ResponseEvents
    ) {
        let type = data.inner(of: "type", in: range)
        if type.equals("function_call") || type.equals("custom_tool_call") {
            let none = RawText(start: nil, count: 0)
            let arguments =
                shown.contains(index)
                ? none : data.inner(of: type.equals("function_call") ? "arguments" : "input", in: range)
            slots.take(
                index: index, id: data.inner(of: "call_id", in: range), name: data.inner(of: "name", in: range),
                arguments: arguments, to: &events)
            return
        }
        slots.flush(&events)
        if type.equals("message") {
            guard !shown.contains(index), let content = JSONScan.find("content", of: data, in: range) else { return }
            each(data, content.value) { part in
                let kind = data.inner(of: "type", in: part)
                if kind.equals("output_text") { events.text(data.inner(of: "text", in: part)) }
                if kind.equals("refusal") { events.refusal(data.inner(of: "refusal", in: part)) }
            }
        } else if type.equals("reasoning") {
            reasoning(data, range, index, &events)
        }
    }

    private mutating func reasoning(
        _ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ index: Int, _ events: inout some ResponseEvents
    ) {
        var hasText = shown.contains(index)
        if !hasText {
            for key in ["summary", "content"] as [StaticString] where !hasText {
                guard let parts = JSONScan.find(key, of: data, in: range), parts.kind == .array else { continue }
                each(data, parts.value) { part in
                    let text = data.inner(of: "text", in: part)
                    guard !text.isEmpty else { return }
                    if hasText { [UInt8]("\\n\\n".utf8).withUnsafeBytes { events.thinking($0) } }
                    hasText = true
                    events.thinking(text)
                }
            }
        }
        // The signature that comes with the item's beginning may be incomplete; this one is not.
        let signature = data.inner(of: "encrypted_content", in: range)
        guard !signature.isEmpty else { return }
        if hasText { events.sign(signature, .think) } else { events.redacted(signature) }
    }

    private func each(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var cursor = JSONCursor(data, in: range)
        guard (try? cursor.open(.array)) != nil else { return }
        while let element = (try? cursor.nextElement()) ?? nil { body(element.value) }
    }

    // MARK: The end

    private mutating func finish(_ data: UnsafeRawBufferPointer, _ range: Range<Int>, _ events: inout some ResponseEvents) {
        start(data, range, &events)
        if let usage = JSONScan.find("usage", of: data, in: range), usage.kind == .object {
            tally.merge(data, in: usage.value, .responses)
        }
        if let usage = tally.usage(.responses) { events.note(usage) }
        var ending = ResponseEnding(reason: .endTurn)
        if data.inner(of: "status", in: range).equals("incomplete") {
            let details = JSONScan.find("incomplete_details", of: data, in: range)
            let reason = details.map { data.inner(of: "reason", in: $0.value) } ?? RawText(start: nil, count: 0)
            if reason.equals("max_output_tokens") { ending.reason = .maxTokens }
            if reason.equals("content_filter") { ending.reason = .refusal }
        }
        slots.flush(&events, isCut: ending.reason == .maxTokens)
        isOver = true
        events.end(ending)
    }

    /// Reads a whole response.
    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some ResponseEvents) {
        guard let kind = try? JSONScan.validate(body), kind == .object else {
            return fail(.broken("the upstream's answer is no JSON object"), &events)
        }
        let status = body.inner(of: "status")
        let hasError = JSONScan.find("error", of: body).map { $0.kind != .null } ?? false
        if hasError || status.equals("failed") || status.equals("cancelled") {
            return fail(UpstreamError.readEvent(body, dialect: .responses), &events)
        }
        guard let output = JSONScan.find("output", of: body), output.kind == .array else {
            return fail(.broken("the upstream's answer has no output"), &events)
        }
        start(body, 0..<body.count, &events)
        var cursor = JSONCursor(body, in: output.value)
        guard (try? cursor.open(.array)) != nil else { return }
        var index = 0
        while let element = (try? cursor.nextElement()) ?? nil {
            item(body, element.value, index: index, &events)
            index &+= 1
        }
        finish(body, 0..<body.count, &events)
    }
}
