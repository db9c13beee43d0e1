import Foundation
import Testing

@testable import ProxyCore

@Suite("Request log")
struct RequestLogTests {
    @Test("the text line has every field, without the query")
    func text() throws {
        #expect(
            try Self.lines(of: [Self.entry]) == """
                2026-11-21T00:00:11.123+08:00 info request id=req_1 key=ci key_id=k_1 client=10.1.2.3 method=POST path=/v1/messages \
                dialect=anthropic model=claude-opus rule="long prompts" tier=antigravity/claude-opus upstream=antigravity \
                account=a@example.com answered_by=gemini-3-pro status=200 attempts=2 stream=true input_tokens=12 output_tokens=34 \
                cost_usd=0.0000125 bytes_in=1024 bytes_out=2048 total_ms=1234.567 first_byte_ms=0.089 outcome=done/relay reason=fallback

                """)
    }

    @Test("the JSON line has the same fields with their types")
    func json() throws {
        let line = try Self.lines(of: [Self.entry], format: .json)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["message"] as? String == "request")
        #expect(object["path"] as? String == "/v1/messages")
        #expect(object["rule"] as? String == "long prompts")
        #expect(object["status"] as? Int == 200)
        #expect(object["stream"] as? Bool == true)
        #expect(object["total_ms"] as? Double == 1234.567)
        #expect(object["outcome"] as? String == "done/relay")
        #expect(object["cost_usd"] as? Double == 0.0000125)
        #expect(object.count == 28)
    }

    @Test("what is not known is left out")
    func empty() throws {
        var entry = RequestLogEntry()
        entry.status = 401
        entry.outcome = Outcome(.proxy, in: .authenticate)
        #expect(
            try Self.lines(of: [entry])
                == "1970-01-01T08:00:00.000+08:00 info request status=401 stream=false bytes_in=0 bytes_out=0 total_ms=0.000 "
                + "outcome=proxy/authenticate\n")
    }

    @Test("no text from outside ends the line or grows it without bound", arguments: Configuration.Log.Format.allCases)
    func injection(_ format: Configuration.Log.Format) throws {
        var entry = Self.entry
        entry.modelAsked = "x\n2026-11-21T00:00:00.000Z error forged\u{2028}"
        entry.call = LogFields(
            client: "", method: "", path: "/" + String(repeating: "é", count: 20_000), dialect: "")
        let name = "a\" status=200 \""
        entry.key = LogFields([(LogKeys.Request.key, name)])
        let lines = try Self.lines(of: [entry], format: format)
        #expect(lines.filter(\.isNewline).count == 1)
        #expect(lines.utf8.count < 2000)
        #expect(lines.contains(#"x\n2026-11-21T00:00:00.000Z error forged\u2028"#))
        if format == .json {
            let object = try #require(try JSONSerialization.jsonObject(with: Data(lines.utf8)) as? [String: Any])
            #expect(object["key"] as? String == name)
        } else {
            #expect(lines.contains(#"key="a\" status=200 \"""#))
        }
    }

    @Test("there is no line when requests are not logged, or only what is worse than info")
    func switches() throws {
        #expect(try Self.lines(of: [Self.entry], requests: false) == "")
        #expect(try Self.lines(of: [Self.entry], level: .notice) == "")
        #expect(try Self.lines(of: [Self.entry], level: .debug) != "")
    }

    @Test(
        "a 5xx and what an upstream did not do is a warning, also where only warnings are written; a client's mistake is not",
        arguments: [
            (200, Outcome(.done, in: .relay), "info"), (502, Outcome(.upstream, in: .dispatch, .upstreamStatus(502)), "warning"),
            (500, Outcome(.proxy, in: .decide, .storage), "warning"), (404, Outcome(.proxy, in: .decide), "info"),
            (400, Outcome(.upstream, in: .relay, .upstreamStatus(400)), "info"),
            (429, Outcome(.upstream, in: .relay, .upstreamStatus(429)), "info"),
            (401, Outcome(.upstream, in: .relay, .upstreamStatus(401)), "warning"),
            (200, Outcome(.upstream, in: .relay, .failure(.truncated)), "warning"),
            (0, Outcome(.client, in: .relay, .gone), "info"),
        ])
    func levels(_ status: Int, _ outcome: Outcome, _ level: String) throws {
        var entry = Self.entry
        entry.status = status
        entry.outcome = outcome
        #expect(try Self.lines(of: [entry]).contains("+08:00 \(level) request "))
        #expect(try Self.lines(of: [entry], format: .json).contains("\"level\":\"\(level)\",\"message\":\"request\""))
        #expect(try Self.lines(of: [entry], level: .warning).isEmpty == (level == "info"))
        #expect(try Self.lines(of: [entry], level: .error).isEmpty)
    }

    @Test("who was tried is told after the reason, and what the admin plane was asked is marked or left out")
    func marks() throws {
        var entry = Self.entry
        entry.tried = "t1/one 503 server_error, t2/one connect_timeout"
        #expect(
            try Self.lines(of: [entry]).hasSuffix(
                " reason=fallback tried=\"t1/one 503 server_error, t2/one connect_timeout\"\n"))
        entry.isAdmin = true
        #expect(try Self.lines(of: [entry]).contains(" info request event=admin id=req_1 "))
        #expect(try Self.lines(of: [entry], format: .json).contains("\"message\":\"request\",\"event\":\"admin\","))
        #expect(try Self.lines(of: [Self.entry, entry], admin: false).filter(\.isNewline).count == 1)
        #expect(try Self.lines(of: [Self.entry, entry], requests: false).filter(\.isNewline).count == 1)
        #expect(try Self.lines(of: [Self.entry, entry], requests: false, admin: false) == "")
    }

    @Test("many lines are handed over without being asked")
    func batches() throws {
        let lines = try Self.lines(of: Array(repeating: Self.entry, count: 1000))
        #expect(lines.filter(\.isNewline).count == 1000)
    }

    private static let entry = {
        var entry = RequestLogEntry()
        entry.timeMilliseconds = 1_795_190_411_123
        entry.requestID = "req_1"
        entry.key = LogFields([(LogKeys.Request.key, "ci"), (LogKeys.Request.keyID, "k_1")])
        entry.call = LogFields(
            client: "10.1.2.3", method: "POST", path: "/v1/messages?key=sk-secret", dialect: "anthropic")
        entry.modelAsked = "claude-opus"
        entry.labels = RouteLabels(
            rule: "long prompts", tier: "antigravity/claude-opus", upstream: "antigravity", account: "a@example.com")
        entry.modelServed = "gemini-3-pro"
        entry.status = 200
        entry.attempts = 2
        entry.isStream = true
        entry.amounts.inputTokens = 12
        entry.amounts.outputTokens = 34
        entry.amounts.cost = 12_500
        entry.amounts.bytesIn = 1024
        entry.amounts.bytesOut = 2048
        entry.totalMicroseconds = 1_234_567
        entry.firstByteMicroseconds = 89
        entry.reason = "fallback"
        return entry
    }()

    private static func lines(
        of entries: [RequestLogEntry], format: Configuration.Log.Format = .text, level: Configuration.Log.Level = .info,
        requests: Bool = true, admin: Bool = true
    ) throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "proxyd-log-\(UUID())").path
        let descriptor = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        defer {
            close(descriptor)
            unlink(file)
        }
        var log = Configuration.Log()
        log.format = format
        log.level = level
        log.requests = requests
        log.admin = admin
        let sink = LogSink(descriptor: descriptor)
        let settings = LogSettings(log, timeZone: try #require(Zone.fixed(utcOffset: 8 * 3600)))
        let requestLog = RequestLog(sink: sink, settings: settings)
        for entry in entries { requestLog.append(entry) }
        requestLog.flushIfNeeded()
        sink.close()
        return try String(contentsOfFile: file, encoding: .utf8)
    }
}
