import Logging
import Synchronization

/// What is told to somebody outside, beside the data path: bounded, in batches, one after the other.
///
/// Whoever offers an item never waits. A batch that the sink does not take is tried again for a while, then dropped; what is
/// dropped is counted, and told in the log.
public final class Outbox<Item: Sendable>: Sendable {
    private let name: String
    private let limits: OutboxLimits
    private let clock: PollClock
    private let logger: Logger
    private let counter: MetricCounter?
    private let weight: @Sendable (Item) -> Int
    private let state = Mutex(State())
    private let losses = Mutex(Losses())
    private let (wakes, waker) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    fileprivate struct State {
        var sink: (any OutboxSink<Item>)?
        /// Who gets what is offered, or got it last.
        var receiver: String?
        var batches: [Batch] = []
        /// What the sink was given and has not answered for.
        var underway: Batch?
        var items = 0
        var bytes = 0
        /// The loop has ended: nobody takes anything any more.
        var isClosed = false
    }

    fileprivate struct Batch {
        var items: [Item] = []
        var bytes = 0
    }

    private struct Losses {
        var total = 0
        var told = 0
        var toldAt: ContinuousClock.Instant?
        var isFailing = false
    }

    /// - Parameters:
    ///   - name: of its items, in the log: `events`.
    ///   - dropped: counts what is lost.
    ///   - weight: as how many an item counts then.
    public init(
        _ name: String, limits: OutboxLimits = OutboxLimits(), dropped counter: MetricCounter? = nil, logger: Logger,
        clock: PollClock = .system, weight: @escaping @Sendable (Item) -> Int = { _ in 1 }
    ) {
        self.name = name
        self.limits = limits
        self.counter = counter
        self.logger = logger
        self.clock = clock
        self.weight = weight
    }

    deinit { waker.finish() }

    /// Who gets what is offered from now on; nil: nobody, and nothing is taken.
    public func send(to sink: (any OutboxSink<Item>)?) {
        let unsent: [Batch] = state.withLock { state in
            state.sink = sink
            state.receiver = sink?.receiver ?? state.receiver
            return sink == nil ? state.takeAll() : []
        }
        lose(unsent, "nobody wants them any more")
    }

    /// Whether anybody gets what is offered.
    public var isOpen: Bool { state.withLock { $0.sink != nil && !$0.isClosed } }

    /// Items that were lost since the start.
    public var dropped: Int { losses.withLock { $0.total } }

    /// Takes an item, or counts it as lost where there is no room. Never waits.
    /// - Parameter bytes: about what it takes in memory.
    @discardableResult
    public func offer(_ item: Item, bytes: Int) -> Bool {
        let (isTaken, isFirst, isOff) = state.withLock { state in
            guard state.sink != nil else { return (false, false, true) }
            guard !state.isClosed, state.items < limits.items, state.bytes &+ bytes <= limits.bytes else {
                return (false, false, false)
            }
            let isFirst = state.items == 0
            state.add(item, bytes, limits)
            return (true, isFirst, false)
        }
        if isFirst { waker.yield() }
        if !isTaken, !isOff { lose(weight(item), "there is no room for more") }
        return isTaken
    }

    // MARK: Sending

    /// The process ends: what nobody has taken by now is lost, also what somebody was given who does not answer. That is told.
    public func close() {
        let left: [Batch] = state.withLock { state in
            state.isClosed = true
            state.putBack()
            return state.takeAll()
        }
        count(left)
        tellLosses(isLast: true, "proxyd stops")
    }

    /// Sends until it is cancelled; then what is there goes out once, within `limits.lastWords`.
    public func run() async {
        for await _ in wakes {
            while !Task.isCancelled, !isEmpty {
                await clock.sleep(clock.now() + limits.gather)
                while !Task.isCancelled, let (batch, sink) = take() { await deliver(batch, to: sink) }
            }
            if Task.isCancelled { break }
        }
        await sendLast()
    }

    private var isEmpty: Bool { state.withLock { $0.items == 0 } }

    private func take() -> (Batch, any OutboxSink<Item>)? {
        state.withLock { state in
            guard let sink = state.sink, let batch = state.takeFirst() else { return nil }
            state.underway = batch
            return (batch, sink)
        }
    }

    private func deliver(_ batch: Batch, to first: any OutboxSink<Item>) async {
        let end = clock.now() + limits.retries
        var (pause, sink, unanswered) = (limits.pause, first, 0)
        while true {
            guard let failure = await attempt(batch, sink) else { return }
            noteFailure(failure)
            let wait = max(pause, min(failure.retryAfter ?? .zero, limits.longestPause))
            if failure.isUnanswered { unanswered += 1 }
            guard failure.isPassing, unanswered <= limits.unansweredRetries, clock.now() + wait < end, !Task.isCancelled else {
                break
            }
            await clock.sleep(clock.now() + wait)
            pause = min(pause * 2, limits.longestPause)
            // A reload may have named another address.
            guard let current = state.withLock({ $0.sink }) else { break }
            sink = current
        }
        // What is asked to end in the middle is tried once more by `sendLast`.
        if Task.isCancelled {
            state.withLock { $0.putBack() }
        } else if settle() {
            lose([batch], "they could not be delivered")
        }
    }

    private func attempt(_ batch: Batch, _ sink: any OutboxSink<Item>) async -> OutboxFailure? {
        do throws(OutboxFailure) {
            let refused = try await sink.deliver(batch.items)
            guard settle() else { return nil }
            if refused > 0 { lose(min(refused, weight(of: batch)), "they were refused") }
            noteSuccess()
            return nil
        } catch {
            return error
        }
    }

    /// - Returns: false where it was counted as lost meanwhile: the process ends.
    private func settle() -> Bool {
        state.withLock { state in
            defer { state.underway = nil }
            return state.underway != nil
        }
    }

    private func sendLast() async {
        let end = clock.now() + limits.lastWords
        while clock.now() < end, let (batch, sink) = take() {
            if let failure = await attempt(batch, sink) {
                noteFailure(failure)
                if settle() { count([batch]) }
            }
        }
        close()
    }

    // MARK: Losses

    private func weight(of batch: Batch) -> Int { batch.items.reduce(0) { $0 + weight($1) } }

    private func lose(_ batches: [Batch], _ reason: String) { lose(batches.reduce(0) { $0 + weight(of: $1) }, reason) }

    private func lose(_ count: Int, _ reason: String) {
        guard count > 0 else { return }
        self.count(count)
        tellLosses(isLast: false, reason)
    }

    private func count(_ batches: [Batch]) { count(batches.reduce(0) { $0 + weight(of: $1) }) }

    private func count(_ lost: Int) {
        guard lost > 0 else { return }
        counter?.increment(by: Int64(lost))
        losses.withLock { $0.total += lost }
    }

    /// Tells of losses at the first one, then at most once a minute.
    private func tellLosses(isLast: Bool, _ reason: String) {
        let now = clock.now()
        let count = losses.withLock { losses -> Int in
            let count = losses.total - losses.told
            guard count > 0 else { return 0 }
            if !isLast, let last = losses.toldAt, now - last < Self.tellingInterval { return 0 }
            losses.told = losses.total
            losses.toldAt = now
            return count
        }
        guard count > 0 else { return }
        var metadata: Logger.Metadata = [LogKeys.count: "\(count)", LogKeys.reason: "\(reason)"]
        if let receiver = state.withLock({ $0.receiver }) { metadata[LogKeys.receiver] = "\(receiver)" }
        logger.warning("\(name) were lost", metadata: metadata)
    }

    private static var tellingInterval: Duration { .seconds(60) }

    private func noteFailure(_ failure: OutboxFailure) {
        // What was not answered for by the end is told as lost.
        guard !state.withLock({ $0.isClosed }) else { return }
        let isNew = losses.withLock { losses in
            defer { losses.isFailing = true }
            return !losses.isFailing
        }
        if isNew { logger.warning("\(name) cannot be delivered", metadata: [LogKeys.reason: "\(failure.reason)"]) }
    }

    private func noteSuccess() {
        let wasFailing = losses.withLock { losses in
            defer { losses.isFailing = false }
            return losses.isFailing
        }
        if wasFailing { logger.notice("\(name) are delivered again") }
        tellLosses(isLast: false, "they could not be delivered")
    }
}

extension Outbox.State {
    fileprivate mutating func add(_ item: Item, _ bytes: Int, _ limits: OutboxLimits) {
        if let last = batches.indices.last, batches[last].items.count < limits.batchItems,
            batches[last].bytes &+ bytes <= limits.batchBytes
        {
            batches[last].items.append(item)
            batches[last].bytes &+= bytes
        } else {
            batches.append(Outbox.Batch(items: [item], bytes: bytes))
        }
        items += 1
        self.bytes &+= bytes
    }

    fileprivate mutating func takeFirst() -> Outbox.Batch? {
        guard !batches.isEmpty else { return nil }
        let batch = batches.removeFirst()
        items -= batch.items.count
        bytes &-= batch.bytes
        return batch
    }

    fileprivate mutating func putBack() {
        guard let batch = underway else { return }
        underway = nil
        batches.insert(batch, at: 0)
        items += batch.items.count
        bytes &+= batch.bytes
    }

    fileprivate mutating func takeAll() -> [Outbox.Batch] {
        defer { (batches, items, bytes) = ([], 0, 0) }
        return batches
    }
}

/// How much an outbox holds, and how long it tries.
public struct OutboxLimits: Sendable {
    /// Items that wait at once, and their bytes.
    public var items = 20_000
    public var bytes = 32 << 20
    /// Items of one delivery, and their bytes.
    public var batchItems = 1_000
    public var batchBytes = 1 << 20
    /// How long the first item of a batch waits for others.
    public var gather = Duration.milliseconds(200)
    /// The time until a delivery that failed is tried again, at first; each further wait is twice as long.
    public var pause = Duration.milliseconds(250)
    public var longestPause = Duration.seconds(5)
    /// How long a batch is tried again.
    public var retries = Duration.seconds(10)
    /// How often at most it is sent again to who did not answer in time.
    public var unansweredRetries = Int.max
    /// What is there when the process stops goes out within this time.
    public var lastWords = Duration.seconds(2)

    public init() {}
}
