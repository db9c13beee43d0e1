import Basics

/// One server-sent event. The buffers are the reader's or the caller's and live only as long as the call that shows them.
public struct SSEEvent {
    /// The `event:` field; empty when there was none.
    public var name: UnsafeRawBufferPointer
    /// The `data:` lines, joined by LF.
    public var data: UnsafeRawBufferPointer
}

/// Who is shown the events of a stream, one by one.
protocol SSEEventSink {
    mutating func take(_ event: SSEEvent)
    /// An event was too long to be kept. What is only read along goes on without it.
    mutating func missed()
}

extension SSEEventSink {
    mutating func missed() {}
}

/// Splits a byte stream into server-sent events, wherever the stream was cut (conversion.md 6.1).
///
/// Lines end at LF, CRLF or a lone CR; one byte order mark is passed over; comments, `id` and `retry` are ignored. An event that
/// is whole in the fed bytes with one `data:` line is shown in place: nothing is copied, nothing is allocated.
public struct SSEReader: Sendable {
    /// Bytes one event may have that has to be copied; longer ones are dropped, and the sink is told.
    public let maxEventBytes: Int

    /// A line that is not finished yet.
    private var pending: [UInt8] = []
    /// `data:` lines of the event in hand, joined, once they had to be copied.
    private var joined: [UInt8] = []
    private var name: [UInt8] = []
    private var hasJoined = false
    private var skipsLineFeed = false
    private var isAtStart = true
    private var isInsideEvent = false
    private var isTooLong = false
    /// How much of `joined` was shown before its blank line came.
    private var shownCount = 0
    /// Lines that are no field: an error some servers send as bare JSON. At most 64 KiB.
    private(set) var stray: [UInt8] = []

    public init(maxEventBytes: Int = 32 << 20) { self.maxEventBytes = maxEventBytes }

    /// Reads on; `sink` is shown every event that ended in these bytes.
    mutating func consume(_ bytes: UnsafeRawBufferPointer, to sink: inout some SSEEventSink) {
        guard let base = bytes.baseAddress else { return }
        let count = bytes.count
        var index = 0
        // The data line of the event in hand as long as it is in `bytes`, and the same for its name.
        var data: Range<Int>?
        var eventName: Range<Int>?
        while index < count {
            if skipsLineFeed {
                skipsLineFeed = false
                if bytes[index] == 0x0A {
                    index &+= 1
                    continue
                }
            }
            let lineEnd = ByteSearch.lineEnd(base, from: index, to: count)
            guard lineEnd < count else {
                hold(bytes.slice(index..<count))
                break
            }
            if bytes[lineEnd] == 0x0D {
                skipsLineFeed = true
            }
            let lineStart = index
            index = lineEnd &+ 1
            if !pending.isEmpty {
                finishPending(with: bytes.slice(lineStart..<lineEnd), bytes, &data, &eventName)
                continue
            }
            var start = lineStart
            if isAtStart {
                isAtStart = false
                if ByteSearch.has("\u{FEFF}", base, at: start, to: lineEnd) { start &+= 3 }
            }
            if start == lineEnd {
                dispatch(bytes, &data, &eventName, &sink)
                continue
            }
            isInsideEvent = true
            switch Self.field(bytes.slice(start..<lineEnd)) {
            case .data(let offset):
                let range = start &+ offset..<lineEnd
                if data == nil, !hasJoined {
                    data = range
                } else {
                    join(bytes, &data)
                    appendData(bytes.slice(range))
                }
            case .event(let offset): eventName = start &+ offset..<lineEnd
            case .ignored: break
            case .stray: keepStray(bytes.slice(start..<lineEnd))
            }
        }
        // The fed bytes go; what the event in hand still needs is kept.
        if data != nil { join(bytes, &data) }
        if let eventName { name = Array(bytes.slice(eventName)) }
    }

    /// The finished `data:` lines of an event whose blank line has not come yet: a client that reads by lines may act on them.
    ///
    /// They are shown again only once they have doubled (or are few): an event of many lines is looked at a bounded number of times.
    mutating func unfinishedData() -> [UInt8]? {
        guard hasJoined, pending.isEmpty, !isTooLong, joined.count > shownCount else { return nil }
        guard joined.count <= 1_024 || joined.count / 2 >= shownCount else { return nil }
        shownCount = joined.count
        return joined
    }

    /// Whether a line or an event has begun that has not ended.
    var isWithinEvent: Bool { isInsideEvent || !pending.isEmpty }

    /// Once the stream has ended: whether it broke off within a document that is an event's data.
    var endsWithinData: Bool {
        guard hasJoined, let first = joined.first(where: { $0 > 0x20 }) else { return false }
        return first == 0x7B || first == 0x5B
    }

    /// The stream ended: shows a last event whose blank line never came, if it looks whole (JSON, or `[DONE]`).
    mutating func finish(to sink: inout some SSEEventSink) {
        if !pending.isEmpty {
            let newline: [UInt8] = [0x0A]
            newline.withUnsafeBytes { consume($0, to: &sink) }
        }
        if isTooLong {
            sink.missed()
            reset()
        }
        guard hasJoined else { return }
        let isWhole = joined.withUnsafeBytes { raw -> Bool in
            if Self.isDone(raw) { return true }
            return (try? JSONScan.validate(raw)) != nil
        }
        guard isWhole else { return }
        showJoined(to: &sink)
        reset()
    }

    /// Does the same as the sink's, for a closure.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer, _ show: (SSEEvent) -> Void) {
        withoutActuallyEscaping(show) { show in
            var sink = ClosureSink(show: show)
            consume(bytes, to: &sink)
        }
    }

    /// Does the same as the sink's, for a closure.
    public mutating func finish(_ show: (SSEEvent) -> Void) {
        withoutActuallyEscaping(show) { show in
            var sink = ClosureSink(show: show)
            finish(to: &sink)
        }
    }

    private struct ClosureSink: SSEEventSink {
        let show: (SSEEvent) -> Void

        mutating func take(_ event: SSEEvent) { show(event) }
    }

    /// Whether `data` is the `[DONE]` that ends OpenAI's streams.
    public static func isDone(_ data: UnsafeRawBufferPointer) -> Bool {
        guard data.count >= 6, data.count < 32 else { return false }
        var lower = 0
        var upper = data.count
        while lower < upper, data[lower] <= 0x20 { lower += 1 }
        while upper > lower, data[upper - 1] <= 0x20 { upper -= 1 }
        return data.slice(lower..<upper).equals("[DONE]")
    }

    /// Where the event `data: [DONE]` begins that whole events end with; nil where they end otherwise.
    public static func mark(in events: [UInt8]) -> Int? {
        var start = events.count
        while start > 0, events[start - 1] <= 0x20 { start -= 1 }
        while start > 0, events[start - 1] != 0x0A, events[start - 1] != 0x0D { start -= 1 }
        let isMark = events.withUnsafeBytes { bytes in
            let line = bytes.slice(start..<bytes.count)
            return line.starts(with: Array("data:".utf8)) && isDone(line.slice(5..<line.count))
        }
        guard isMark else { return nil }
        // The line before it is blank, and ends as all do.
        let before = events[..<start]
        let isFirst = [[], [0x0A, 0x0A], [0x0D, 0x0D], [0x0D, 0x0A, 0x0D, 0x0A]].contains { (end: [UInt8]) in
            end.isEmpty ? before.isEmpty : before.suffix(end.count).elementsEqual(end)
        }
        return isFirst ? start : nil
    }

    // MARK: Lines

    enum Field {
        /// A field whose value begins at this offset of the line.
        case data(Int), event(Int)
        case ignored, stray
    }

    /// What a line (not empty) says.
    @inline(__always)
    static func field(_ line: UnsafeRawBufferPointer) -> Field {
        switch line[0] {
        case 0x64 where line.starts("data"):
            if line.count == 4 { return .data(4) }
            guard line[4] == 0x3A else { return .ignored }
            return .data(line.count > 5 && line[5] == 0x20 ? 6 : 5)
        case 0x65 where line.starts("event"):
            if line.count == 5 { return .event(5) }
            guard line[5] == 0x3A else { return .ignored }
            return .event(line.count > 6 && line[6] == 0x20 ? 7 : 6)
        case 0x7B, 0x7D, 0x5B, 0x5D, 0x20, 0x22, 0x09: return .stray
        default: return .ignored
        }
    }

    private mutating func keepStray(_ line: UnsafeRawBufferPointer) {
        guard stray.count + line.count < 65_536, !stray.isEmpty || line[0] == 0x7B || line[0] == 0x5B else { return }
        stray.append(contentsOf: line)
        stray.append(0x0A)
    }

    /// Keeps the beginning of a line whose end has not come.
    private mutating func hold(_ bytes: UnsafeRawBufferPointer) {
        if isTooLong || pending.count + joined.count + bytes.count > maxEventBytes {
            isTooLong = true
            // One byte stands for the line, so that its end is still noticed.
            pending = [0x3A]
            return
        }
        pending.append(contentsOf: bytes)
    }

    private mutating func finishPending(
        with rest: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer, _ data: inout Range<Int>?,
        _ eventName: inout Range<Int>?
    ) {
        hold(rest)
        var line = pending
        pending = []
        isInsideEvent = true
        line.withUnsafeBytes { raw in
            var raw = raw
            if isAtStart {
                isAtStart = false
                if raw.starts("\u{FEFF}") { raw = raw.slice(3..<raw.count) }
            }
            guard !raw.isEmpty else { return }
            switch Self.field(raw) {
            case .data(let offset):
                join(bytes, &data)
                appendData(raw.slice(offset..<raw.count))
            case .event(let offset):
                name = Array(raw.slice(offset..<raw.count))
                eventName = nil
            case .ignored: break
            case .stray: keepStray(raw)
            }
        }
        line.removeAll(keepingCapacity: true)
        pending = line
    }

    /// Moves a data line that lay in the fed bytes into the reader's own buffer.
    private mutating func join(_ bytes: UnsafeRawBufferPointer, _ data: inout Range<Int>?) {
        guard let range = data else { return }
        data = nil
        appendData(bytes.slice(range))
    }

    private mutating func appendData(_ value: UnsafeRawBufferPointer) {
        guard !isTooLong, joined.count + value.count <= maxEventBytes else {
            isTooLong = true
            joined.removeAll(keepingCapacity: false)
            return
        }
        if hasJoined { joined.append(0x0A) }
        hasJoined = true
        joined.append(contentsOf: value)
    }

    // MARK: Events

    @inline(__always)
    private mutating func dispatch(
        _ bytes: UnsafeRawBufferPointer, _ data: inout Range<Int>?, _ eventName: inout Range<Int>?,
        _ sink: inout some SSEEventSink
    ) {
        defer {
            data = nil
            eventName = nil
        }
        if isTooLong {
            sink.missed()
            reset()
            return
        }
        if let data {
            if let eventName {
                sink.take(SSEEvent(name: bytes.slice(eventName), data: bytes.slice(data)))
            } else {
                name.withUnsafeBytes { sink.take(SSEEvent(name: $0, data: bytes.slice(data))) }
            }
            name.removeAll(keepingCapacity: true)
            isInsideEvent = false
            return
        }
        if hasJoined {
            if let eventName { name = Array(bytes.slice(eventName)) }
            showJoined(to: &sink)
        }
        reset()
    }

    private func showJoined(to sink: inout some SSEEventSink) {
        joined.withUnsafeBytes { data in
            name.withUnsafeBytes { sink.take(SSEEvent(name: $0, data: data)) }
        }
    }

    private mutating func reset() {
        joined.removeAll(keepingCapacity: joined.capacity < 1 << 20)
        name.removeAll(keepingCapacity: true)
        hasJoined = false
        isInsideEvent = false
        isTooLong = false
        shownCount = 0
    }
}
