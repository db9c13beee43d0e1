import Dialects
import Foundation
import Logging
import NIOCore
import NIOPosix
import Simulator
import Synchronization
import Testing

@testable import ProxyCore

/// The whole way over real sockets: a client, proxyd, simulated providers.
@Suite(.serialized)
struct ForwardingTests {
    @Test func `a whole answer comes through and is booked`() async throws {
        try await Stage.run { stage in
            let response = try await stage.ask(
                #"{"model":"claude-a","max_tokens":50,"messages":[{"role":"user","content":"Hello there"}]}"#)
            #expect(response.status == 200)
            let body = try JSONValue(parsing: response.body)
            #expect(body["type"]?.string == "message")
            #expect(response.header("x-proxyd-tier") == "one" && response.header("x-proxyd-attempts") == "1")
            #expect(response.header("x-request-id") == response.header("request-id"))
            let usage = body["usage"]
            let totals = try await stage.ledger.totals()
            #expect(totals.requests == 1)
            #expect(totals.input == usage?["input_tokens"]?.int && totals.output == usage?["output_tokens"]?.int)
        }
    }

    @Test func `a stream comes through to its end and is booked`() async throws {
        try await Stage.run { stage in
            let response = try await stage.ask(
                #"{"model":"claude-a","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#)
            let text = String(decoding: response.body, as: UTF8.self)
            #expect(response.header("content-type")?.hasPrefix("text/event-stream") == true)
            #expect(text.contains("event: message_start") && text.contains("event: message_stop"))
            #expect(try await stage.ledger.totals().output > 0)
        }
    }

    /// What comes before the first byte, and whether a stream was asked for.
    private static let earlyFailures: [(String, Bool)] =
        ["429", "503", "529", "exhausted", "unauthorized"].flatMap { [($0, false), ($0, true)] }
        + [("cut", false), ("error-event", true)]

    @Test(arguments: earlyFailures)
    func `a failure before the first byte goes on to the next tier`(failure: String, streams: Bool) async throws {
        try await Stage.run { stage in
            try await stage.fail(failure)
            let response = try await stage.ask(
                #"{"model":"claude-a","max_tokens":50,"stream":\#(streams),"messages":[{"role":"user","content":"Hi"}]}"#)
            #expect(response.status == 200)
            #expect(response.header("x-proxyd-tier") == "two/claude-b" && response.header("x-proxyd-model") == "claude-b")
            #expect(response.header("x-proxyd-attempts") == "2")
        }
    }

    @Test func `a stream that is cut after content is told so in the client's format, and not asked for again`() async throws {
        try await Stage.run { stage in
            try await stage.fail("cut")
            let response = try await stage.ask(
                #"{"model":"claude-a","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#)
            #expect(response.status == 200 && response.header("x-proxyd-tier") == "one")
            #expect(String(decoding: response.body, as: UTF8.self).contains("event: error"))
        }
    }

    @Test func `when all tiers fail the client gets the most telling error`() async throws {
        try await Stage.run { stage in
            try await stage.fail("503")
            try await stage.fail("429", at: 1)
            let response = try await stage.ask(
                #"{"model":"claude-a","max_tokens":50,"messages":[{"role":"user","content":"Hi"}]}"#)
            #expect(response.status == 429)
            #expect(try JSONValue(parsing: response.body)["error"]?["type"]?.string == "rate_limit_error")
            #expect(try await stage.ledger.totals().requests == 0)
        }
    }

    @Test(
        arguments: [
            ("sk-wrong", #"{"model":"claude-a"}"#, 401, "authentication_error"),
            (nil, #"{"model":"claude-a"}"#, 401, "authentication_error"),
            ("sk-user", "{", 400, "invalid_request_error"), ("sk-user", "{}", 400, "invalid_request_error"),
            ("sk-user", #"{"model":"unknown"}"#, 404, "not_found_error"),
            ("sk-user", #"{"model":"claude-no"}"#, 403, "permission_error"),
        ] as [(String?, String, Int, String)])
    func `what cannot be served is refused in the client's format`(key: String?, body: String, status: Int, type: String)
        async throws
    {
        try await Stage.run { stage in
            let response = try await stage.ask(body, key: key)
            #expect(response.status == status)
            #expect(try JSONValue(parsing: response.body)["error"]?["type"]?.string == type)
        }
    }

    @Test func `an Anthropic client is served by an OpenAI upstream`() async throws {
        try await Stage.run { stage in
            for streams in [false, true] {
                let response = try await stage.ask(
                    #"{"model":"convert-me","max_tokens":50,"stream":\#(streams),"messages":[{"role":"user","content":"Hi"}]}"#)
                #expect(response.status == 200)
                let text = String(decoding: response.body, as: UTF8.self)
                #expect(streams ? text.contains("event: message_stop") : text.contains(#""type":"message""#))
            }
            #expect(try await stage.ledger.totals().requests == 2)
        }
    }

    // MARK: What is told outside

    private final class Kept<Item: Sendable>: OutboxSink {
        let receiver = "kept"
        private let items = Mutex<[Item]>([])

        func deliver(_ items: [Item]) async throws(OutboxFailure) -> Int {
            self.items.withLock { $0 += items }
            return 0
        }

        /// What was offered until now.
        static func of(_ outbox: Outbox<Item>, _ body: () async throws -> Void) async throws -> [Item] {
            let kept = Kept()
            outbox.send(to: kept)
            try await body()
            let running = Task { await outbox.run() }
            running.cancel()
            await running.value
            return kept.items.withLock { $0 }
        }
    }

    private static let telemetry = "telemetry: {otlp: \"http://127.0.0.1:1\"}\nevents: {file: /dev/null}"

    @Test func `a request leaves its trace and its event, with the attempt that failed before`() async throws {
        try await Stage.run(more: Self.telemetry) { stage in
            let outlets = stage.context.outlets
            try await stage.fail("529")
            var events: [RequestEvent] = []
            let traces = try await Kept.of(outlets.traces) {
                events = try await Kept.of(outlets.events) {
                    let response = try await stage.ask(
                        #"{"model":"claude-a","max_tokens":50,"messages":[{"role":"user","content":"Hello there"}]}"#,
                        headers: [
                            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", "a=1"),
                        ])
                    #expect(response.status == 200)
                }
            }
            let trace = try #require(traces.first)
            #expect(traces.count == 1)
            #expect(trace.context.trace.hex == "4bf92f3577b34da6a3ce929d0e0e4736" && trace.context.state == "a=1")
            #expect(trace.spans.map(\.name) == ["chat claude-a", "attempt one", "attempt two"])
            #expect(trace.attempts.map(\.status) == [529, 200])
            #expect(trace.keyName == "user")
            #expect(trace.spans.map { $0.error == nil } == [true, false, true])
            let event = try #require(events.first)
            #expect(events.count == 1)
            #expect(event.keyName == "user" && event.record.attempts.map(\.status) == [529, 200])
            #expect(event.record.requestID == trace.entry.requestID)
        }
    }

    @Test func `what is not sampled leaves no trace, and no telemetry none`() async throws {
        for (more, flag) in [(Self.telemetry, "00"), ("", "01")] {
            try await Stage.run(more: more) { stage in
                let traces = try await Kept.of(stage.context.outlets.traces) {
                    let response = try await stage.ask(
                        #"{"model":"claude-a","max_tokens":50,"messages":[{"role":"user","content":"Hello there"}]}"#,
                        headers: [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-\(flag)")])
                    #expect(response.status == 200)
                }
                #expect(traces.isEmpty)
            }
        }
    }
}

/// Two simulated providers, proxyd before them, and a client of its own.
private struct Stage {
    let context: ProxyContext
    let server: ProxyServer
    let ledger: UsageLedger
    let simulators: [SimulatorServer]
    let port: Int

    static func run(more: String = "", _ body: (Stage) async throws -> Void) async throws {
        let directory = NSTemporaryDirectory() + "proxyd-test-\(UInt64.random(in: 0 ..< .max))"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let group = MultiThreadedEventLoopGroup.singleton
        let simulators = [
            try await SimulatorServer.start(options: SimulatorOptions(), group: group),
            try await SimulatorServer.start(options: SimulatorOptions(), group: group),
        ]
        let text = """
            listen: 127.0.0.1:0
            state: \(directory)
            upstreams:
              one: {url: "http://127.0.0.1:\(simulators[0].port)", dialect: anthropic}
              two: {url: "http://127.0.0.1:\(simulators[1].port)", dialect: anthropic}
              three: {url: "http://127.0.0.1:\(simulators[1].port)/v1", dialect: openai}
            fallback: {cooldown: 1s}
            rules:
              - {name: no, models: [claude-no], reject: {status: 403, message: not this one}}
              - {name: claude, models: ["claude-*"], tiers: [one, two/claude-b]}
              - {name: convert, models: ["convert-*"], tiers: [three/gpt-5.2]}
            keys: [{name: user, key: sk-user}]
            \(more)
            """.replacingOccurrences(of: "127.0.0.1:0\n", with: "127.0.0.1:\(try freePort())\n")
        let first = ConfigurationLoader.load(text: text, file: "test.yaml", environment: [:])
        let snapshot = try #require(first.snapshot, "\(first.diagnostics)")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let ledger = try UsageLedger(directory: directory, timeZone: .utc, logger: logger)
        let snapshots = SnapshotStore(snapshot)
        let keys = try KeyRegistry(storedWith: ledger, snapshots: snapshots, logger: logger)
        let sink = LogSink(descriptor: open("/dev/null", O_WRONLY))
        let context = ProxyContext(
            snapshots: snapshots, keys: keys, accounts: AccountBook(), ledger: ledger, logSink: sink,
            logSettings: LogSettings(), metrics: MetricsRegistry(), logger: logger)
        let server = try await ProxyServer(context: context, threads: 1)
        try await server.bind(snapshot.configuration)
        let stage = Stage(
            context: context, server: server, ledger: ledger, simulators: simulators, port: server.addresses.first?.port ?? 0)
        do {
            try await body(stage)
        } catch {
            await stage.end()
            throw error
        }
        await stage.end()
    }

    private func end() async {
        await server.shutDown(gracePeriod: .zero)
        await ledger.close()
        for simulator in simulators { await simulator.stop() }
    }

    /// A port that was free a moment ago; the configuration wants a number.
    private static func freePort() throws -> Int {
        let channel = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).wait()
        defer { try? channel.close().wait() }
        return channel.localAddress?.port ?? 0
    }

    func ask(
        _ body: String, key: String? = "sk-user", headers more: [(name: String, value: String)] = []
    ) async throws -> OutgoingResponse {
        var headers = [(name: "content-type", value: "application/json")] + more
        if let key { headers.append((name: "x-api-key", value: key)) }
        return try await server.caller.call(
            OutgoingRequest(
                method: "POST", url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: port, basePath: ""),
                target: "/v1/messages",
                headers: headers, body: Array(body.utf8), timeout: .seconds(20)))
    }

    func fail(_ how: String, at index: Int = 0) async throws {
        let response = try await server.caller.call(
            OutgoingRequest(
                method: "POST", url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: simulators[index].port, basePath: ""),
                target: "/simulate", body: Array(#"{"model":"*","fail":"\#(how)","times":1}"#.utf8)))
        #expect(response.status / 100 == 2, "the simulator took no order: \(String(decoding: response.body, as: UTF8.self))")
    }
}

extension OutgoingResponse {
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
