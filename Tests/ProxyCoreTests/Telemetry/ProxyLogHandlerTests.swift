import Foundation
import Glibc
import Logging
import Testing

@testable import ProxyCore

@Suite("Log handler")
struct ProxyLogHandlerTests {
    private static let time = 1_795_190_411_123

    @Test("text is time, level, message and sorted metadata")
    func text() {
        #expect(
            Self.line(.text, ["generation": "3", "file": "proxy yaml", "a": ["x", "y"], "b": ["k": "v"]])
                == #"2026-11-20T16:00:11.123Z info config reloaded a="[\"x\",\"y\"]" b="{\"k\":\"v\"}" file="proxy yaml" generation=3"#
                + "\n")
    }

    @Test("JSON is one object, numbers stay numbers, and metadata cannot stand in for the line's own members")
    func json() throws {
        let line = Self.line(
            .json,
            [
                "generation": .stringConvertible(3), "ok": .stringConvertible(true), "level": "forged", "text": "a\n\"b\"",
                "list": ["x", .stringConvertible(2)],
            ])
        #expect(line.filter { $0 == "\n" }.count == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["time"] as? String == "2026-11-20T16:00:11.123Z")
        #expect(object["level"] as? String == "info")
        #expect(object["message"] as? String == "config reloaded")
        #expect(object["level_"] as? String == "forged")
        #expect(object["text"] as? String == "a\n\"b\"")
        #expect(line.contains(#""generation":3"#) && line.contains(#""ok":true"#) && line.contains(#""list":["x",2]"#))
    }

    @Test(
        "under the journal each line begins with its priority",
        arguments: [
            (Logger.Level.trace, "<7>"), (.debug, "<7>"), (.info, "<6>"), (.notice, "<5>"), (.warning, "<4>"), (.error, "<3>"),
            (.critical, "<2>"),
        ])
    func priorities(_ level: Logger.Level, _ prefix: String) {
        let settings = LogSettings(marksPriority: true)
        let line = ProxyLogHandler.line(level: level, message: "m", metadata: [:], settings: settings, milliseconds: Self.time)
        #expect(String(decoding: line, as: UTF8.self) == "\(prefix)2026-11-20T16:00:11.123Z \(level) m\n")
    }

    @Test("a message cannot end its line")
    func message() {
        let line = ProxyLogHandler.line(
            level: .info, message: "a\nb", metadata: [:], settings: LogSettings(), milliseconds: Self.time)
        #expect(String(decoding: line, as: UTF8.self) == "2026-11-20T16:00:11.123Z info a\\nb\n")
    }

    @Test("level and format change for loggers that exist already, unless a logger has its own level")
    func reload() throws {
        let pipe = try OutputPipe()
        let sink = LogSink(descriptor: pipe.writing)
        let settings = LogSettings()
        var logger = Logger(label: "test") { _ in ProxyLogHandler(sink: sink, settings: settings) }
        logger.debug("one")
        logger.info("two", metadata: ["k": "v"])
        var log = Configuration.Log()
        log.level = .debug
        log.format = .json
        settings.apply(log, timeZone: try #require(Zone.fixed(utcOffset: 3600)))
        logger.debug("three")
        logger.logLevel = .error
        logger.warning("four")
        sink.close()
        let lines = pipe.finish().split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.first?.hasSuffix("Z info two k=v") == true)
        #expect(lines.last?.contains(#"+01:00","level":"debug","message":"three""#) == true)
    }

    @Test("the journal is recognised by device and inode of the stream")
    func journal() {
        var status = stat()
        fstat(STDOUT_FILENO, &status)
        let stream = "\(status.st_dev):\(status.st_ino)"
        #expect(LogSettings.isJournal(environment: ["JOURNAL_STREAM": stream]))
        #expect(!LogSettings.isJournal(environment: ["JOURNAL_STREAM": stream + "1"]))
        #expect(!LogSettings.isJournal(environment: [:]))
    }

    private static func line(_ format: Configuration.Log.Format, _ metadata: Logger.Metadata) -> String {
        var log = Configuration.Log()
        log.format = format
        let line = ProxyLogHandler.line(
            level: .info, message: "config reloaded", metadata: metadata, settings: LogSettings(log), milliseconds: time)
        return String(decoding: line, as: UTF8.self)
    }
}
