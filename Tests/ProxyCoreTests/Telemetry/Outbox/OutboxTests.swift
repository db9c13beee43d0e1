import Logging
import Synchronization
import Testing

@testable import ProxyCore

/// An outbox before a sink that a test answers for, by a clock that never waits.
@Suite(.timeLimit(.minutes(5)))
struct OutboxTests {
    /// Keeps what it gets, and fails as it is told to.
    private final class Sink: OutboxSink {
        private struct State {
            var batches: [[Int]] = []
            var failures: [OutboxFailure] = []
            var fails: OutboxFailure?
            var refuses = 0
        }

        private let state = Mutex(State())

        let receiver = "sink.example:443"
        var batches: [[Int]] { state.withLock { $0.batches } }

        func fail(_ failures: OutboxFailure...) { state.withLock { $0.failures = failures } }
        func failAlways(_ failure: OutboxFailure) { state.withLock { $0.fails = failure } }
        func refuse(_ count: Int) { state.withLock { $0.refuses = count } }

        func deliver(_ items: [Int]) async throws(OutboxFailure) -> Int {
            let (failure, refused): (OutboxFailure?, Int) = state.withLock { state in
                state.batches.append(items)
                if let always = state.fails { return (always, 0) }
                return (state.failures.isEmpty ? nil : state.failures.removeFirst(), state.refuses)
            }
            if let failure { throw failure }
            return refused
        }
    }

    /// Time passes as it is slept through.
    private static var clock: PollClock {
        let now = Mutex(ContinuousClock.now)
        let shared = Clock(now: { now.withLock { $0 } }, pass: { until in now.withLock { $0 = max($0, until) } })
        return PollClock(
            now: shared.now,
            sleep: { until in
                shared.pass(until)
                await Task.yield()
            }, steady: { 0 }, wall: { 0 })
    }

    private struct Clock: Sendable {
        let now: @Sendable () -> ContinuousClock.Instant
        let pass: @Sendable (ContinuousClock.Instant) -> Void
    }

    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func outbox(_ change: (inout OutboxLimits) -> Void = { _ in }) -> (Outbox<Int>, Sink) {
        var limits = OutboxLimits()
        change(&limits)
        let (outbox, sink) = (Outbox<Int>("things", limits: limits, logger: Self.logger, clock: Self.clock), Sink())
        outbox.send(to: sink)
        return (outbox, sink)
    }

    /// Runs it until the condition holds, then ends it.
    private func run(_ outbox: Outbox<Int>, until isDone: () -> Bool) async {
        let running = Task { await outbox.run() }
        while !isDone() { await Task.yield() }
        running.cancel()
        await running.value
    }

    @Test func `what is offered goes out in order, so many at once as a batch holds`() async {
        let (outbox, sink) = outbox { $0.batchItems = 3 }
        for number in 1...7 { #expect(outbox.offer(number, bytes: 1)) }
        await run(outbox) { sink.batches.count == 3 }
        #expect(sink.batches == [[1, 2, 3], [4, 5, 6], [7]])
        #expect(outbox.dropped == 0)
    }

    @Test func `a batch ends where its bytes do`() async {
        let (outbox, sink) = outbox { $0.batchBytes = 10 }
        for number in 1...4 { outbox.offer(number, bytes: 4) }
        outbox.offer(5, bytes: 100)
        await run(outbox) { sink.batches.count == 3 }
        #expect(sink.batches == [[1, 2], [3, 4], [5]])
    }

    @Test func `what finds no room is counted as lost`() async {
        let (outbox, _) = outbox { $0.items = 2 }
        #expect(outbox.offer(1, bytes: 1))
        #expect(outbox.offer(2, bytes: 1))
        #expect(!outbox.offer(3, bytes: 1))
        #expect(outbox.dropped == 1)
        let (small, _) = self.outbox { $0.bytes = 5 }
        #expect(!small.offer(1, bytes: 6))
        #expect(small.dropped == 1)
    }

    @Test func `what passes is tried again, and goes out once`() async {
        let (outbox, sink) = outbox()
        sink.fail(OutboxFailure("busy", isPassing: true), OutboxFailure("busy", isPassing: true))
        outbox.offer(1, bytes: 1)
        await run(outbox) { sink.batches.count == 3 }
        #expect(sink.batches == [[1], [1], [1]])
        #expect(outbox.dropped == 0)
    }

    @Test func `what does not pass is given up at once, what passes after its time`() async {
        let (outbox, sink) = outbox()
        sink.fail(OutboxFailure("no", isPassing: false))
        outbox.offer(1, bytes: 1)
        await run(outbox) { outbox.dropped == 1 }
        #expect(sink.batches == [[1]])

        let (other, dead) = self.outbox()
        dead.failAlways(OutboxFailure("nobody there", isPassing: true))
        other.offer(1, bytes: 1)
        await run(other) { other.dropped == 1 }
        // 0.25, 0.5, 1, 2, 4 s are within ten seconds; one more 5 s would not be.
        #expect(dead.batches.count == 6)
    }

    @Test func `who gives no answer in time is told once more, where that is all that is wanted`() async {
        let (outbox, sink) = outbox { $0.unansweredRetries = 1 }
        var late = OutboxFailure("no answer in time", isPassing: true)
        late.isUnanswered = true
        sink.failAlways(late)
        outbox.offer(1, bytes: 1)
        await run(outbox) { outbox.dropped == 1 }
        #expect(sink.batches == [[1], [1]])
    }

    @Test func `what the other side throws away is lost`() async {
        let (outbox, sink) = outbox()
        sink.refuse(7)
        outbox.offer(1, bytes: 1)
        outbox.offer(2, bytes: 1)
        await run(outbox) { outbox.dropped > 0 }
        #expect(outbox.dropped == 2)
    }

    @Test func `when it ends, what is there is tried once more, and lost where that fails`() async {
        let (outbox, sink) = outbox { $0.batchItems = 1 }
        for number in 1...3 { outbox.offer(number, bytes: 1) }
        let running = Task { await outbox.run() }
        running.cancel()
        await running.value
        #expect(sink.batches.flatMap(\.self) == [1, 2, 3])
        #expect(!outbox.offer(4, bytes: 1))

        let (other, dead) = self.outbox()
        dead.failAlways(OutboxFailure("nobody there", isPassing: true))
        other.offer(1, bytes: 1)
        let ending = Task { await other.run() }
        ending.cancel()
        await ending.value
        #expect(other.dropped == 1)
    }

    /// Gives no answer until it is told to.
    private final class Hanging: OutboxSink {
        let receiver = "hangs.example"
        private let hasBegun = Mutex(false)
        private let (answers, answer) = AsyncStream.makeStream(of: Void.self)

        var isAsked: Bool { hasBegun.withLock { $0 } }

        func goOn() { answer.finish() }

        func deliver(_ items: [Int]) async throws(OutboxFailure) -> Int {
            hasBegun.withLock { $0 = true }
            // What is called outside does not end with the task.
            await Task { for await _ in answers {} }.value
            return 0
        }
    }

    @Test func `what nobody has answered for when the process ends is lost, and told once with who was to get it`() async {
        let lines = LogLines()
        var limits = OutboxLimits()
        limits.batchItems = 2
        let outbox = Outbox<Int>("things", limits: limits, logger: lines.logger, clock: Self.clock) { _ in 10 }
        let sink = Hanging()
        outbox.send(to: sink)
        for number in 1...3 { outbox.offer(number, bytes: 1) }
        let running = Task { await outbox.run() }
        while !sink.isAsked { await Task.yield() }
        running.cancel()
        outbox.close()
        #expect(outbox.dropped == 30)
        sink.goOn()
        await running.value
        #expect(outbox.dropped == 30)
        #expect(lines.all.count == 1)
        for part in ["things were lost", #""count": 30"#, "proxyd stops", #""to": hangs.example"#] {
            #expect(lines.all.first?.contains(part) == true, "\(part)")
        }
    }

    @Test func `what fails at the end is told once`() async {
        let lines = LogLines()
        var limits = OutboxLimits()
        limits.batchItems = 1
        let outbox = Outbox<Int>("things", limits: limits, logger: lines.logger, clock: Self.clock)
        let dead = Sink()
        dead.failAlways(OutboxFailure("nobody there", isPassing: true))
        outbox.send(to: dead)
        for number in 1...3 { outbox.offer(number, bytes: 1) }
        let running = Task { await outbox.run() }
        running.cancel()
        await running.value
        outbox.close()
        #expect(outbox.dropped == 3)
        #expect(lines.all.filter { $0.contains("were lost") }.count == 1)
    }

    @Test func `nobody there: nothing is taken, and nothing is lost`() {
        let outbox = Outbox<Int>("things", logger: Self.logger)
        #expect(!outbox.offer(1, bytes: 1))
        #expect(outbox.dropped == 0)
        #expect(!outbox.isOpen)
    }

    @Test func `what waits when it is switched off is lost`() {
        let (outbox, _) = outbox()
        outbox.offer(1, bytes: 1)
        outbox.send(to: nil)
        #expect(outbox.dropped == 1)
    }

    // MARK: Addresses

    @Test(arguments: [
        ("http://127.0.0.1:4318/a/b?c=d", "http://127.0.0.1:4318", "/a/b?c=d"),
        ("https://hooks.example", "https://hooks.example", "/"),
        ("https://hooks.example/in/", "https://hooks.example", "/in/"),
        ("https://hooks.example?token=1", "https://hooks.example", "/?token=1"),
    ])
    func `an address is its host, and shows no path`(text: String, shown: String, target: String) {
        let address = WebAddress(text)
        #expect(address?.description == shown)
        #expect(address?.target == target)
    }

    @Test(arguments: ["", "ftp://a/b", "http://", "http://user@host/", "a.example/b"])
    func `what is no address is none`(text: String) {
        #expect(WebAddress(text) == nil)
    }

    // MARK: Answers

    private struct Caller: OutgoingCaller {
        let answer: Result<OutgoingResponse, OutgoingFailure>
        func call(_ request: OutgoingRequest) async throws -> OutgoingResponse { try answer.get() }
    }

    @Test(arguments: [
        (500, true), (503, true), (408, true), (429, true), (400, false), (401, false), (404, false), (301, false), (302, false),
    ])
    func `which answers are worth another try`(status: Int, isPassing: Bool) async throws {
        let address = try #require(WebAddress("http://a.example/secret"))
        let sink = WebSink<Int>(
            address, headers: [],
            caller: Caller(answer: .success(OutgoingResponse(status: status, headers: [("retry-after", "3")])))
        ) { _ in [] }
        do throws(OutboxFailure) {
            _ = try await sink.deliver([1])
            Issue.record("it should have failed")
        } catch {
            #expect(error.isPassing == isPassing)
            #expect(error.retryAfter == .seconds(3))
            #expect(!error.reason.contains("secret"))
        }
    }
}
