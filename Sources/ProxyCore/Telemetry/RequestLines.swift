/// Formats request lines. A struct, so that the writes within a line are not checked for exclusive access one by one.
struct RequestLines: ~Copyable {
    var buffer: LogBuffer
    private var timestamp = LogTimestamp()
    private var isJSON = false

    /// Bytes of a text from outside.
    private static let textLimit = 512

    init(capacity: Int) {
        buffer = LogBuffer(capacity: capacity)
    }

    mutating func append(_ entry: borrowing RequestLogEntry, settings: LogSettings) {
        isJSON = settings.format == .json
        typealias Key = LogKeys.Request
        if settings.marksPriority { buffer.append("<6>") }
        if isJSON { buffer.append("{\"time\":\"") }
        timestamp.append(milliseconds: entry.timeMilliseconds, to: &buffer, settings: settings)
        buffer.append(isJSON ? "\",\"level\":\"info\",\"message\":\"" : " info ")
        buffer.append(Key.message)
        if isJSON { buffer.append(UInt8(ascii: "\"")) }

        text(Key.id, entry.requestID)
        text(Key.key, entry.keyName)
        text(Key.keyID, entry.keyID)
        text(Key.client, entry.client)
        text(Key.method, entry.method)
        path(entry.path)
        text(Key.dialect, entry.dialect)
        text(Key.model, entry.modelAsked)
        text(Key.rule, entry.rule)
        text(Key.tier, entry.tier)
        text(Key.upstream, entry.upstream)
        text(Key.account, entry.account)
        text(Key.answered, entry.modelAnswered)
        if entry.status > 0 { number(Key.status, entry.status) }
        if entry.attempts > 0 { number(Key.attempts, entry.attempts) }
        key(Key.stream)
        buffer.append(entry.isStream ? "true" : "false")
        number(Key.inputTokens, entry.inputTokens)
        number(Key.outputTokens, entry.outputTokens)
        number(Key.bytesIn, entry.bytesIn)
        number(Key.bytesOut, entry.bytesOut)
        duration(Key.total, entry.totalMicroseconds)
        duration(Key.firstByte, entry.firstByteMicroseconds)
        outcome(entry.endedBy, entry.stage)
        text(Key.reason, entry.reason)

        if isJSON { buffer.append(UInt8(ascii: "}")) }
        buffer.append(UInt8(ascii: "\n"))
    }

    @inline(__always)
    private mutating func key(_ name: StaticString) {
        if isJSON {
            buffer.append(",\"")
            buffer.append(name)
            buffer.append("\":")
        } else {
            buffer.append(UInt8(ascii: " "))
            buffer.append(name)
            buffer.append(UInt8(ascii: "="))
        }
    }

    @inline(__always)
    private mutating func text(_ name: StaticString, _ value: borrowing String) {
        guard !value.isEmpty else { return }
        key(name)
        append(value)
    }

    @inline(never)
    private mutating func append(_ value: borrowing String) {
        value.utf8Span.span.withUnsafeBufferPointer { append($0) }
    }

    private mutating func path(_ path: borrowing String) {
        guard !path.isEmpty else { return }
        key(LogKeys.Request.path)
        path.utf8Span.span.withUnsafeBufferPointer { bytes in
            let end = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
            append(UnsafeBufferPointer(rebasing: bytes[..<end]))
        }
    }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if isJSON {
            buffer.appendQuoted(bytes, limit: Self.textLimit)
        } else {
            buffer.appendValue(bytes, limit: Self.textLimit)
        }
    }

    @inline(__always)
    private mutating func number(_ name: StaticString, _ value: Int) {
        guard value >= 0 else { return }
        key(name)
        buffer.append(value)
    }

    @inline(__always)
    private mutating func duration(_ name: StaticString, _ microseconds: Int) {
        guard microseconds >= 0 else { return }
        key(name)
        buffer.append(milliseconds: microseconds)
    }

    @inline(__always)
    private mutating func outcome(_ endedBy: StaticString, _ stage: StaticString) {
        key(LogKeys.Request.outcome)
        if isJSON { buffer.append(UInt8(ascii: "\"")) }
        buffer.append(endedBy)
        buffer.append(UInt8(ascii: "/"))
        buffer.append(stage)
        if isJSON { buffer.append(UInt8(ascii: "\"")) }
    }
}
