/// The log line of every exchange; one per event loop, because it is on the hot path.
///
/// Lines are formatted by hand into this log's own buffer and handed to the sink in batches, so that two loops hardly meet.
public final class RequestLog {
    private let sink: LogSink
    private let settings: LogSettings
    private var lines = RequestLines(capacity: 2 * RequestLog.batch)
    /// Its loop has a timer set to hand over what is there.
    var isFlushDue = false

    /// Bytes after which lines are handed over unasked.
    private static let batch = 8 << 10

    public init(sink: LogSink, settings: LogSettings) {
        self.sink = sink
        self.settings = settings
    }

    deinit { flushIfNeeded() }

    /// Formats the line; what it needs of the entry is copied.
    public func append(_ entry: borrowing RequestLogEntry) {
        guard settings.writes(entry.level, isAdmin: entry.isAdmin) else { return }
        lines.append(entry, settings: settings)
        if lines.buffer.count >= Self.batch { flushIfNeeded() }
    }

    /// Hands over what is there. To be called when the loop has done its round, or by a timer.
    public func flushIfNeeded() {
        guard lines.buffer.count > 0 else { return }
        sink.write(lines.buffer.bytes)
        lines.buffer.removeAll()
    }
}

@available(*, unavailable)
extension RequestLog: Sendable {}
