import Dialects
import RuleEngine
import Testing

@testable import ProxyCore

/// The lines of decisions: what is written is read back, and what is no line of ours is said to be none.
@Suite struct RecordedDecisionTests {
    private static var full: RecordedDecision {
        var one = RecordedDecision()
        one.id = "req_1"
        one.time = 1_764_230_400_123
        one.facts.now = Facts.Timestamp(seconds: 1_764_230_400, nanoseconds: 123_000_000)
        one.facts.clientIP = "10.1.2.3"
        one.facts.request.model = "claude \"5\"\n"
        one.facts.request.path = "/v1/messages"
        one.facts.request.method = "POST"
        one.facts.request.dialect = "anthropic"
        one.facts.request.stream = true
        one.facts.request.hasTools = true
        one.facts.request.size = 77
        one.facts.request.inputTokens = 12
        one.facts.request.maxTokens = 100
        one.facts.request.messages = 3
        one.facts.request.session = "s"
        one.facts.request.headers = ["x-team": "infra", "a": ""]
        one.facts.request.metadata = ["user_id": "u"]
        one.facts.key.id = "key_1"
        one.facts.key.name = "alice"
        one.facts.key.policy = "team"
        one.facts.key.tags = ["team": "infra"]
        one.facts.key.tokensToday = 5
        one.facts.key.spendToday = 0.1 + 0.2
        one.isDeclared = true
        one.moment.accounts = [
            "a": ["main": ["m": .init(obstacle: "cooling", milliseconds: 900, share: 0.049999999), "n": .init(share: 1)]]
        ]
        one.moment.quota = ["a/m": -1, "a/n": 0.25]
        one.moment.runsOut = ["a/m": 1_764_230_999]
        one.moment.healthy = ["a": false]
        one.moment.limits = ["team budget": 0.4]
        one.decided.rule = "r"
        one.decided.target = .init(tier: "a/*", upstream: "a", model: "m", account: "main")
        one.decided.status = 200
        one.used = .init(
            upstream: "b", model: "n",
            usage: TokenUsage(uncachedInput: 1, cacheRead: 2, cacheWrite: 3, output: 4, reasoning: 1, cacheWriteHour: 2), cost: 9)
        return one
    }

    private static func read(_ line: String) throws(RecordedDecision.Unreadable) -> RecordedDecision {
        let bytes = Array(line.utf8)
        var result: Result<RecordedDecision, RecordedDecision.Unreadable> = .failure(.notJSON)
        bytes.withUnsafeBytes { bytes in
            do throws(RecordedDecision.Unreadable) {
                result = .success(try RecordedDecision(line: bytes))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    @Test func `a line is read as it was written`() throws {
        let lines = String(decoding: RecordedDecision.lines([Self.full, RecordedDecision()]), as: UTF8.self)
        let parts = lines.split(separator: "\n")
        #expect(parts.count == 2)
        let back = try Self.read(String(parts[0]))
        #expect(String(decoding: RecordedDecision.lines([back]), as: UTF8.self) == parts[0] + "\n")
        #expect(back.moment == Self.full.moment)
        #expect(back.decided == Self.full.decided)
        #expect(back.used == Self.full.used)
        #expect(back.facts.now == Self.full.facts.now)
        #expect(back.facts.request.headers == Self.full.facts.request.headers)
        #expect(back.facts.key.spendToday == Self.full.facts.key.spendToday)
        #expect(back.isDeclared)
    }

    @Test func `what was not written is known not to be`() throws {
        var one = Self.full
        #expect(!String(decoding: RecordedDecision.lines([one]), as: UTF8.self).contains("dropped"))
        one.known.remove(.headers)
        let line = String(decoding: RecordedDecision.lines([one]), as: UTF8.self)
        #expect(line.contains("\"dropped\":{\"headers\":true}"))
        let back = try Self.read(String(line.dropLast()))
        #expect(back.known == FactSet.everything.subtracting(.headers))
        #expect(String(decoding: RecordedDecision.lines([back]), as: UTF8.self) == line)
    }

    @Test(
        arguments: [
            ("", .notJSON), ("{", .notJSON), ("[]", .notADecision), ("{}", .notADecision), ("{\"v\":2}", .version(2)),
            ("{\"v\":1}", .notADecision), ("{\"v\":1,\"request\":{},\"decision\":{}}", .notADecision),
        ] as [(String, RecordedDecision.Unreadable)])
    func `what is no decision is said to be none`(_ line: String, _ expected: RecordedDecision.Unreadable) {
        #expect(throws: expected) { try Self.read(line) }
    }

    @Test(
        arguments: [
            "{\"v\":1,\"time_ms\":-1,\"request\":{\"size\":1e99,\"headers\":[1],\"model\":5},\"decision\":[]}",
            "{\"v\":1,\"time_ms\":9223372036854775807,\"request\":{},\"decision\":{},\"accounts\":{\"a\":{\"b\":{\"c\":4}}}}",
            "{\"v\":1,\"time_ms\":0,\"request\":{},\"decision\":{},\"used\":{\"upstream\":\"a\",\"model\":\"m\",\"input\":-4}}",
            "{\"v\":1,\"time_ms\":0,\"request\":{},\"decision\":{},\"reads\":{\"quota\":{\"a\":\"b\"}},\"key\":7}",
        ])
    func `strange members end nothing`(_ line: String) throws {
        let recorded = try Self.read(line)
        let snapshot = try #require(ConfigurationFixture.load(DecisionReplayTests.file).snapshot)
        _ = DecisionReplay(snapshot).decide(recorded)
    }
}
