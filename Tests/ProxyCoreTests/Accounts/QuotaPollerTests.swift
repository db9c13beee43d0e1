import Logging
import Synchronization
import Testing

@testable import ProxyCore

/// Polls whose clock a test moves, and whose responses it gives.
@Suite(.timeLimit(.minutes(15)))
struct QuotaPollerTests {
    /// Calls that were made and wait for their responses, and sleepers that wait for their time.
    private final class World: OutgoingCaller {
        private struct State {
            var now = ContinuousClock.now
            var isOver = false
            var elapsed = Duration.zero
            var calls: [(target: String, response: CheckedContinuation<OutgoingResponse, any Error>)] = []
            var requests: [OutgoingRequest] = []
            var sleepers: [(until: ContinuousClock.Instant, wake: CheckedContinuation<Void, Never>)] = []
        }

        private let state = Mutex(State())

        func call(_ request: OutgoingRequest) async throws -> OutgoingResponse {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state in
                    if !state.isOver { state.calls.append((request.target, continuation)) }
                    state.requests.append(request)
                    return state.isOver
                }
                if isOver { continuation.resume(throwing: CancellationError()) }
            }
        }

        var requests: [OutgoingRequest] { state.withLock { $0.requests } }
        var asked: [String] { requests.map(\.target) }

        var clock: PollClock {
            PollClock(
                now: { self.state.withLock { $0.now } },
                sleep: { until in
                    await withCheckedContinuation { continuation in
                        let isDue = self.state.withLock { state in
                            if until > state.now, !state.isOver { state.sleepers.append((until, continuation)) }
                            return until <= state.now || state.isOver
                        }
                        if isDue { continuation.resume() }
                    }
                    // Once the test is over nobody waits, but everybody gives way to whoever ends the polls.
                    if self.state.withLock({ $0.isOver }) { try? await Task.sleep(for: .milliseconds(1)) }
                },
                steady: { self.state.withLock { Int($0.elapsed / .milliseconds(1)) } },
                wall: { self.state.withLock { 1_700_000_000_000 + Int($0.elapsed / .milliseconds(1)) } })
        }

        /// Moves the time, and wakes whom it has come for.
        func advance(by duration: Duration) {
            let now = state.withLock { state in
                state.now += duration
                state.elapsed += duration
                return state.now
            }
            wake(upTo: now)
        }

        private func wake(upTo time: ContinuousClock.Instant) {
            let due = state.withLock { state in
                let due = state.sleepers.filter { $0.until <= time }
                state.sleepers.removeAll { $0.until <= time }
                return due
            }
            for sleeper in due { sleeper.wake.resume() }
        }

        /// Answers the oldest call.
        func answer(_ result: Result<OutgoingResponse, any Error>) async {
            await until { !self.state.withLock { $0.calls.isEmpty } }
            let call = state.withLock { $0.calls.removeFirst() }
            call.response.resume(with: result)
        }

        /// Whatever still waits is let go, and nobody waits any more, so that the tasks end.
        func release() {
            let (calls, sleepers) = state.withLock { state in
                state.isOver = true
                defer { (state.calls, state.sleepers) = ([], []) }
                return (state.calls, state.sleepers)
            }
            for call in calls { call.response.resume(throwing: CancellationError()) }
            for sleeper in sleepers { sleeper.wake.resume() }
        }

        /// Waits until so many sleep: whoever has not gone to sleep yet would count from a later time.
        func asleep(_ count: Int) async { await until { self.state.withLock { $0.sleepers.count } == count } }

        /// Lets others run until it is so; the suite's time limit is the bound.
        func until(_ isSo: () -> Bool) async {
            while !isSo(), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
        }
    }

    private static func snapshot(_ upstreams: [(name: String, poll: String)], generation: Int) throws -> Snapshot {
        let lines = upstreams.map {
            "  \($0.name): {url: \"http://\($0.name).test:8080\", dialect: anthropic, quota: {poll: \($0.poll), interval: 60s}}"
        }
        let text = """
            upstreams:
            \(lines.joined(separator: "\n"))
            rules:
              - {name: all, tiers: [\(upstreams[0].name)]}
            """
        let result = ConfigurationFixture.load(text)
        return try #require(result.snapshot, "\(result.diagnostics)").withGeneration(generation)
    }

    private static func health(_ fraction: Double) -> OutgoingResponse {
        let body = #"{"accounts":[{"email":"x","models":{"m":{"remainingFraction":\#(fraction)}}}]}"#
        var response = OutgoingResponse(status: 200)
        response.body = Array(body.utf8)
        return response
    }

    private struct Run {
        let world = World()
        let store: SnapshotStore
        let accounts = AccountBook()

        init(_ snapshot: Snapshot) { store = SnapshotStore(snapshot) }

        func level(_ upstream: String) -> QuotaLevel {
            accounts.states.current.quotaLevel(upstream: upstream, model: "m", now: world.clock.steady())
        }

        func perform(_ body: (Run) async throws -> Void) async throws {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let poller = QuotaPoller(snapshots: store, accounts: accounts, caller: world, logger: logger, clock: world.clock)
            let task = Task { await poller.run() }
            defer {
                task.cancel()
                world.release()
            }
            try await body(self)
        }
    }

    @Test("An upstream is asked at once, then once in each interval, and never twice at a time")
    func interval() async throws {
        try await Run(Self.snapshot([("a", "/q")], generation: 1)).perform { run in
            await run.world.answer(.success(Self.health(0.5)))
            await run.world.until { run.level("a") == .known(0.5) }
            for _ in 0..<3 { run.world.advance(by: .seconds(19)) }
            #expect(run.world.asked == ["/q"])
            run.world.advance(by: .seconds(3))
            await run.world.until { run.world.asked.count == 2 }
            // A response that takes longer than the interval: the next question waits for it.
            run.world.advance(by: .seconds(200))
            #expect(run.world.asked.count == 2)
            await run.world.answer(.success(Self.health(0.25)))
            await run.world.until { run.world.asked.count == 3 }
            #expect(run.level("a") == .known(0.25))
        }
    }

    @Test("What a failed poll leaves is the reading before it, until that is too old")
    func failure() async throws {
        try await Run(Self.snapshot([("a", "/q")], generation: 1)).perform { run in
            await run.world.answer(.success(Self.health(0.5)))
            await run.world.until { run.level("a") == .known(0.5) }
            for round in 2...3 {
                run.world.advance(by: .seconds(60))
                await run.world.until { run.world.asked.count == round }
                await run.world.answer(.failure(OutgoingFailure.timeout))
                await run.world.until { run.accounts.states.current.quotas["a"]?.error == "timeout" }
                #expect(run.level("a") == .known(0.5))
            }
            run.world.advance(by: .seconds(120))
            #expect(run.level("a") == .unknown)
        }
    }

    @Test("A reload while an answer is awaited: the old plan's answer is not taken, the new plan asks at once")
    func reloadUnderWay() async throws {
        try await Run(Self.snapshot([("a", "/old")], generation: 1)).perform { run in
            await run.world.until { run.world.asked == ["/old"] }
            await run.world.asleep(1)
            run.store.publish(try Self.snapshot([("a", "/new")], generation: 2))
            run.world.advance(by: .milliseconds(250))
            await run.world.until { run.world.asked == ["/old", "/new"] }
            await run.world.answer(.success(Self.health(0.1)))
            await run.world.answer(.success(Self.health(0.9)))
            await run.world.until { run.level("a") != .unknown }
            #expect(run.level("a") == .known(0.9))
        }
    }

    @Test("A reload that leaves an upstream as it is does not ask it again")
    func reloadOfOthers() async throws {
        try await Run(Self.snapshot([("a", "/q")], generation: 1)).perform { run in
            await run.world.answer(.success(Self.health(0.5)))
            await run.world.until { run.level("a") == .known(0.5) }
            await run.world.asleep(2)
            run.store.publish(try Self.snapshot([("a", "/q"), ("b", "/other")], generation: 2))
            run.world.advance(by: .milliseconds(250))
            await run.world.until { run.world.asked == ["/q", "/other"] }
        }
    }

    @Test(
        "An answer that is no reading says why in our words, and none of its own",
        arguments: [
            (503, "x", nil, "the upstream answered 503"), (200, "{}", nil, "the answer has no accounts"),
            (200, "", "identity", "the answer has no accounts"),
            (200, "", "gzip", "the answer is compressed, which was not asked for"),
        ] as [(Int, String, String?, String)])
    func complaints(status: Int, body: String, coding: String?, complaint: String) async throws {
        try await Run(Self.snapshot([("a", "/q")], generation: 1)).perform { run in
            var answer = OutgoingResponse(status: status)
            answer.body = Array(body.utf8)
            if let coding { answer.headers.append((name: "content-encoding", value: coding)) }
            await run.world.answer(.success(answer))
            await run.world.until { run.accounts.states.current.quotas["a"]?.error != nil }
            #expect(run.accounts.states.current.quotas["a"]?.error == complaint)
            #expect(run.level("a") == .unknown)
        }
    }

    @Test(
        "A key goes to the upstream's own origin alone, wherever the poll leads",
        arguments: [
            ("/q", "a.test", "/q", true), ("http://a.test:8080/q", "a.test", "/q", true),
            ("http://A.test:8080", "A.test", "/", true), ("http://a.test:8081/q", "a.test", "/q", false),
            ("https://a.test:8080/q", "a.test", "/q", false), ("http://b.test:8080/q", "b.test", "/q", false),
        ])
    func origins(poll: String, host: String, target: String, isSigned: Bool) async throws {
        let text = """
            upstreams:
              a:
                url: "http://a.test:8080/base"
                dialect: anthropic
                headers: {x-team: blue}
                accounts: [{name: one, key: sk-account}]
                quota: {poll: "\(poll)", interval: 60s}
            rules:
              - {name: all, tiers: [a]}
            """
        let result = ConfigurationFixture.load(text)
        try await Run(try #require(result.snapshot, "\(result.diagnostics)")).perform { run in
            await run.world.until { !run.world.requests.isEmpty }
            let request = try #require(run.world.requests.first)
            #expect(request.url.host == host && request.target == target)
            #expect(request.headers.contains { $0.value == "sk-account" } == isSigned)
            #expect(request.headers.contains { $0.value == "blue" } == isSigned)
        }
    }

    @Test("An upstream that a reload takes away is asked no more")
    func removal() async throws {
        try await Run(Self.snapshot([("a", "/q"), ("b", "/b")], generation: 1)).perform { run in
            await run.world.answer(.success(Self.health(0.5)))
            await run.world.answer(.success(Self.health(0.5)))
            await run.world.asleep(3)
            run.store.publish(try Self.snapshot([("b", "/b")], generation: 2))
            run.world.advance(by: .milliseconds(250))
            await run.world.asleep(3)
            run.world.advance(by: .seconds(60))
            await run.world.until { run.world.asked.count == 3 }
            #expect(run.world.asked.sorted() == ["/b", "/b", "/q"])
        }
    }

    @Test("A reading that finds quota again ends what rests for the lack of it")
    func recovery() async throws {
        try await Run(Self.snapshot([("a", "/q")], generation: 1)).perform { run in
            let id = AccountID(upstream: "a", account: "one")
            for model in ["m", "n"] {
                run.accounts.cool(id, model: model, until: 600_000, reason: .response(.status(429)), now: 0)
            }
            await run.world.answer(.success(Self.health(0.5)))
            await run.world.until { run.level("a") == .known(0.5) }
            let states = run.accounts.states.current
            #expect(states.availability(of: id, model: "m", now: 0) == .ready)
            #expect(states.availability(of: id, model: "n", now: 0) == .cooling(until: 600_000))
        }
    }
}
