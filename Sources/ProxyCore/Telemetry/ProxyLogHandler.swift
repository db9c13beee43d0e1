import Glibc
import Logging

/// Writes log events to the sink, one line each.
///
/// Text is `2026-11-21T00:10:11.123+08:00 info config reloaded generation=3`; JSON is one object per line with `time`,
/// `level`, `message` and the metadata beside them. Metadata is sorted by key. Warnings and worse are not held back.
public struct ProxyLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let sink: LogSink
    private let settings: LogSettings
    private var ownLevel: Logger.Level?

    public init(sink: LogSink, settings: LogSettings, metadataProvider: Logger.MetadataProvider? = nil) {
        self.sink = sink
        self.settings = settings
        self.metadataProvider = metadataProvider
    }

    /// The shared level, unless this logger was given its own.
    public var logLevel: Logger.Level {
        get { ownLevel ?? settings.level }
        set { ownLevel = newValue }
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var values = metadata
        if let provided = metadataProvider?.get() { values.merge(provided) { $1 } }
        if let own = event.metadata { values.merge(own) { $1 } }
        if let error = event.error, values[LogKeys.error] == nil { values[LogKeys.error] = "\(error)" }

        let line = Self.line(
            level: event.level, message: event.message.description, metadata: values, settings: settings,
            milliseconds: Self.now())
        line.withUnsafeBytes { sink.write($0, urgent: event.level >= .warning) }
    }

    /// What the log says about itself; for `LogSink.init`.
    public static func notice(settings: LogSettings) -> @Sendable (LogNotice) -> [UInt8] {
        { notice in
            let (level, message, metadata) = words(for: notice)
            return line(level: level, message: message, metadata: metadata, settings: settings, milliseconds: now())
        }
    }

    private static func words(for notice: LogNotice) -> (Logger.Level, String, Logger.Metadata) {
        switch notice {
        case .dropped(let lines):
            (.warning, "log lines dropped, the output was blocked", [LogKeys.count: .stringConvertible(lines)])
        case .fileFails(let path, let reason):
            (
                .error, "the log's file cannot be written: lines go to standard error",
                [LogKeys.path: "\(path)", LogKeys.reason: "\(reason)"]
            )
        case .fileWorks(let path, let lines):
            (
                .notice, "the log's file can be written again; lines that it lacks went to standard error",
                [LogKeys.path: "\(path)", LogKeys.count: .stringConvertible(lines)]
            )
        case .rotationFails(let path, let reason):
            (
                .error, "the log's file cannot be rotated, and goes on growing",
                [LogKeys.path: "\(path)", LogKeys.reason: "\(reason)"]
            )
        }
    }

    /// Milliseconds since 1970.
    static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    static func line(
        level: Logger.Level, message: String, metadata: Logger.Metadata, settings: LogSettings, milliseconds: Int
    ) -> [UInt8] {
        var buffer = LogBuffer(capacity: 512)
        var timestamp = LogTimestamp()
        if settings.marksPriority { buffer.append(priority(of: level)) }
        let pairs = metadata.sorted { $0.key < $1.key }
        switch settings.format {
        case .text:
            timestamp.append(milliseconds: milliseconds, to: &buffer, settings: settings)
            buffer.append(UInt8(ascii: " "))
            buffer.append(text: level.rawValue)
            buffer.append(UInt8(ascii: " "))
            var message = message
            message.withUTF8 { buffer.appendEscaped($0) }
            for (key, value) in pairs {
                buffer.append(UInt8(ascii: " "))
                buffer.appendValue(key)
                buffer.append(UInt8(ascii: "="))
                appendText(value, to: &buffer)
            }
        case .json:
            buffer.append("{\"time\":\"")
            timestamp.append(milliseconds: milliseconds, to: &buffer, settings: settings)
            buffer.append("\",\"level\":")
            buffer.appendQuoted(level.rawValue)
            buffer.append(",\"message\":")
            buffer.appendQuoted(message)
            for (key, value) in pairs {
                buffer.append(UInt8(ascii: ","))
                // Nobody's metadata can stand in for the line's own members.
                buffer.appendQuoted(["time", "level", "message"].contains(key) ? key + "_" : key)
                buffer.append(UInt8(ascii: ":"))
                appendJSON(value, to: &buffer)
            }
            buffer.append(UInt8(ascii: "}"))
        }
        buffer.append(UInt8(ascii: "\n"))
        return Array(buffer.bytes)
    }

    private static func appendText(_ value: Logger.MetadataValue, to buffer: inout LogBuffer) {
        switch value {
        case .string(let text): buffer.appendValue(text)
        case .stringConvertible(let convertible): buffer.appendValue(convertible.description)
        case .array, .dictionary:
            var nested = LogBuffer(capacity: 128)
            appendJSON(value, to: &nested)
            buffer.appendValue(nested.bytes.assumingMemoryBound(to: UInt8.self))
        }
    }

    private static func appendJSON(_ value: Logger.MetadataValue, to buffer: inout LogBuffer) {
        switch value {
        case .string(let text): buffer.appendQuoted(text)
        case .stringConvertible(let convertible):
            switch convertible {
            case let number as Int: buffer.append(number)
            case let flag as Bool: buffer.append(flag ? "true" : "false")
            case let number as Double where number.isFinite: buffer.append(text: number.description)
            default: buffer.appendQuoted(convertible.description)
            }
        case .array(let values):
            buffer.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                appendJSON(value, to: &buffer)
            }
            buffer.append(UInt8(ascii: "]"))
        case .dictionary(let values):
            buffer.append(UInt8(ascii: "{"))
            for (index, (key, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { buffer.append(UInt8(ascii: ",")) }
                buffer.appendQuoted(key)
                buffer.append(UInt8(ascii: ":"))
                appendJSON(value, to: &buffer)
            }
            buffer.append(UInt8(ascii: "}"))
        }
    }

    /// syslog's numbers, as sd-daemon(3) has them.
    private static func priority(of level: Logger.Level) -> StaticString {
        switch level {
        case .trace, .debug: "<7>"
        case .info: "<6>"
        case .notice: "<5>"
        case .warning: "<4>"
        case .error: "<3>"
        case .critical: "<2>"
        }
    }
}
