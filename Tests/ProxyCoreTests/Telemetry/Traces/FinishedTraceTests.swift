import Dialects
import Testing

@testable import ProxyCore

/// What spans say of a request that is over.
struct FinishedTraceTests {
    private static func snapshot() throws -> Snapshot {
        let result = ConfigurationFixture.load(
            """
            upstreams:
              a: {url: "http://10.0.0.1:8080", dialect: anthropic}
              b: {url: "http://10.0.0.2:8080", dialect: gemini}
            rules: [{name: all, models: ["*"], tiers: [a, b]}]
            """)
        return try #require(result.snapshot, "\(ConfigurationFixture.messages(result))")
    }

    /// Asked at `a`, which said 529, then at `b`.
    private static func finished(_ change: (inout RequestLogEntry) -> Void = { _ in }) throws -> FinishedTrace {
        var context = TraceContext(beginning: TraceID(high: 1, low: 2), share: 1)
        context.parent = 3
        let trace = RequestTrace(context, span: 4)
        let (a, b) = (RouteLabels(rule: "all", tier: "a", upstream: "a"), RouteLabels(rule: "all", tier: "b", upstream: "b"))
        trace.began(5, at: 110, upstream: 0, labels: a, model: "m")
        trace.ended(at: 120, status: 529, error: "overloaded")
        trace.ended(at: 999, status: 1, error: "told twice")
        trace.began(6, at: 130, upstream: 1, labels: b, model: "n")
        trace.ended(at: 140, status: 200, error: "")
        var entry = RequestLogEntry()
        entry.labels = b
        entry.modelServed = "n"
        entry.status = 200
        entry.requestID = "r1"
        entry.amounts.inputTokens = 11
        entry.firstByteMicroseconds = 1500
        change(&entry)
        var finished = FinishedTrace(
            context: context, span: trace.span, attempts: trace.attempts, snapshot: try snapshot(), entry: entry)
        (finished.operation, finished.model, finished.dialect, finished.keyName) = ("chat", "m", "anthropic", "alice")
        (finished.began, finished.ended, finished.wallAhead) = (100, 150, 1_000_000)
        return finished
    }

    private func value(_ name: String, of span: WrittenSpan) -> WrittenSpan.Value? { span[name] }

    @Test func `the request and each attempt are a span`() throws {
        let spans = try Self.finished().spans
        #expect(spans.map(\.name) == ["chat m", "attempt a", "attempt b"])
        #expect(spans.map(\.head.span) == [4, 5, 6])
        #expect(spans.map(\.head.parent) == [3, 4, 4])
        #expect(spans.map(\.head.hasRemoteParent) == [true, false, false])
        #expect(spans.map(\.head.kind) == [.server, .client, .client])
        #expect(spans.map(\.head.start) == [1_000_100, 1_000_110, 1_000_130])
        #expect(spans.map(\.head.end) == [1_000_150, 1_000_120, 1_000_140])
        #expect(spans.map(\.error) == [nil, "overloaded", nil])
    }

    @Test func `attributes have the conventions' names, and what is not known is left out`() throws {
        let spans = try Self.finished().spans
        let request = spans[0]
        #expect(value("gen_ai.operation.name", of: request) == .text("chat"))
        #expect(value("gen_ai.provider.name", of: request) == .text("gcp.gemini"))
        #expect(value("gen_ai.request.model", of: request) == .text("m"))
        #expect(value("gen_ai.response.model", of: request) == .text("n"))
        #expect(value("gen_ai.usage.input_tokens", of: request) == .integer(11))
        #expect(value("gen_ai.usage.output_tokens", of: request) == nil)
        #expect(value("gen_ai.conversation.id", of: request) == nil)
        #expect(value("proxyd.key", of: request) == .text("alice"))
        #expect(value("proxyd.rule", of: request) == .text("all"))
        #expect(value("proxyd.tier", of: request) == .text("b"))
        #expect(value("proxyd.first_byte_ms", of: request) == .number(1.5))
        #expect(value("gen_ai.provider.name", of: spans[1]) == .text("anthropic"))
        #expect(value("server.address", of: spans[1]) == .text("10.0.0.1"))
        #expect(value("server.port", of: spans[1]) == .integer(8080))
        #expect(value("http.response.status_code", of: spans[1]) == .integer(529))
        #expect(spans.map { value("proxyd.key", of: $0) } == [.text("alice"), .text("alice"), .text("alice")])
        #expect(spans.map { value("gen_ai.response.model", of: $0) } == [.text("n"), nil, .text("n")])
        #expect(spans.map { value("gen_ai.usage.input_tokens", of: $0) } == [.integer(11), nil, .integer(11)])
    }

    @Test(
        arguments: [
            (200, Outcome.done(in: .relay), "", nil), (400, Outcome.done(in: .relay), "upstream_400", nil),
            (429, Outcome(.proxy, in: .decide), "rate_limited", nil), (200, Outcome(.client, in: .relay), "gone", nil),
            (0, Outcome(.client, in: .dispatch), "gone", nil),
            (502, Outcome(.upstream, in: .dispatch), "unreachable", "unreachable"),
            (500, Outcome.done(in: .relay), "", "500"), (200, Outcome(.upstream, in: .relay), "truncated", "truncated"),
        ] as [(Int, Outcome, String, String?)])
    func `what is an error, and what is the client's`(status: Int, outcome: Outcome, reason: String, error: String?) throws {
        let trace = try Self.finished { entry in
            entry.status = status
            entry.outcome = outcome
            entry.reason = reason
        }
        #expect(trace.spans[0].error == error)
    }

    /// What is written must be what any reader of the form reads: with texts of every length and kind.
    @Test(arguments: [
        "", "m", "\"\\\n\u{1}é\u{1F600}", String(repeating: "x", count: 127), String(repeating: "ä", count: 20_000),
    ])
    func `both forms say the same of a trace, whatever its texts`(text: String) throws {
        var trace = try Self.finished { entry in
            entry.modelServed = text
            entry.status = 502
            entry.outcome = Outcome(.upstream, in: .dispatch)
            entry.reason = text
        }
        (trace.model, trace.session) = (text, text)
        let expected = trace.spans
        let json = try JSONValue(parsing: OTLPForm.json.body([trace, trace], version: text))
        let scope = try #require(json["resourceSpans"]?.array?.first?["scopeSpans"]?.array?.first)
        #expect(scope["scope"]?["version"]?.string == text)
        let spans = try #require(scope["spans"]?.array)
        #expect(spans.map { $0["name"]?.string } == (expected + expected).map(\.name))
        for (span, expected) in zip(spans, expected + expected) {
            let attributes = try #require(span["attributes"]?.array)
            #expect(attributes.map { $0["key"]?.string } == expected.attributes.map(\.name))
            for (attribute, expected) in zip(attributes, expected.attributes) {
                switch expected.value {
                case .text(let text): #expect(attribute["value"]?["stringValue"]?.string == text)
                case .integer(let number): #expect(attribute["value"]?["intValue"]?.string == String(number))
                case .number(let number): #expect(attribute["value"]?["doubleValue"]?.double == number)
                }
            }
            #expect(span["status"]?["message"]?.string == expected.error)
        }
        #expect(
            try Self.protobufSpans(OTLPForm.protobuf.body([trace, trace], version: text)) == (expected + expected).map(\.name))
    }

    /// The names of the spans in a body of protobuf.
    private static func protobufSpans(_ body: [UInt8]) throws -> [String] {
        func messages(_ number: UInt64, of bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
            var reader = ProtobufReader(bytes)
            var found: [ArraySlice<UInt8>] = []
            while let field = reader.next() {
                if field.number == number, case .bytes(let message) = field.value { found.append(message) }
            }
            return found
        }
        let scope = try #require(messages(1, of: body[...]).first.flatMap { messages(2, of: $0).first })
        return messages(2, of: scope).flatMap { messages(5, of: $0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `of what is not sampled nothing is gathered`() {
        var context = TraceContext(beginning: TraceID(high: 1, low: .max), share: 0)
        context.parent = 3
        let trace = RequestTrace(context, span: 4)
        trace.began(5, at: 1, upstream: 0, labels: RouteLabels(rule: "r"), model: "m")
        #expect(trace.attempts.isEmpty)
        #expect(trace.attempt == 5)
    }
}
