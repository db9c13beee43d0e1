import Logging
import Synchronization

/// Speaks with the server of limits for all buckets of this node. Requests ring; what is due goes out in batches, some at a time.
public final class LeaseAgent: Sendable {
    let table: LimitTable
    private let server: any LeaseServer
    private let node: String
    private let process: String
    private let snapshots: SnapshotStore
    private let logger: Logger
    /// Told of buckets that were reset elsewhere.
    private let reset: @Sendable (LimitReset) async -> Void
    /// Another node has this one's name: what one of them holds is not to be told from what the other does.
    private let hasRival: @Sendable () -> Bool
    /// Told when the server has lost its memory, and which it has now.
    private let forgotten: @Sendable (Int) async -> Void
    private let directory: @Sendable () async -> String
    /// Outlives this process.
    private let untold: UntoldChanges?
    private let state = Mutex(State())
    /// Whether the server has not answered for a while: for operators.
    private let away = Atomic<Bool>(false)
    /// What is waited for where the node's own timers are late.
    private let patienceNow = Atomic<Int>(LeaseTerms.patience)
    /// What a request waits by the server's round trip.
    private let waitNow = Atomic<Int>(LeaseTerms.patience)

    private struct State {
        /// When each batch went out that is not answered; steady milliseconds.
        var underWay: [Int: Int] = [:]
        var next = 0
        var heardAt = 0
        var sentAt = Int.min / 2
        /// The server's memory that is known; 0 for none.
        var memory = 0
        var nodes = 0
        var failedAt: Int?
        /// What the server refused the last exchange with; nil where it answered, or said nothing.
        var refusal: LimitServerTrouble?
        /// When the server began to gather what is used before it grants more; nil where it does not.
        var learnsSince: Int?
        var roundTrip = LeaseRoundTrip()
        var waiters: [Int: [@Sendable () -> Void]] = [:]
        /// Resets of which the server has not heard.
        var resets: [UntoldReset] = []
        /// Changes with each reset that is told: what was made ready before says nothing of it.
        var resetsTold = 0
        /// Names the state directory; empty where nobody knows.
        var directory = ""
    }

    private struct UntoldReset {
        let reset: LimitReset
        /// By the steady clock.
        let at: Int

        init(_ reset: LimitReset) {
            self.reset = reset
            at = SteadyClock.milliseconds - max(0, LoopContext.wallClock() - reset.time)
        }
    }

    /// What is made ready, and when it was.
    private struct Batch {
        let number: Int
        let resetsTold: Int
        let outgoing: LimitTable.Outgoing
    }

    /// An operator's.
    private static let mostResets = 1_000

    /// Messages that go out together, and batches that are under way together: more where answers take longer.
    static let mostMessages = 64
    private static let mostBatches = 4
    /// Milliseconds.
    private static let tick = 50
    private static let beat = 500

    init(
        table: LimitTable, server: any LeaseServer, node: String, process: String, snapshots: SnapshotStore,
        untold: UntoldChanges? = nil, logger: Logger,
        reset: @escaping @Sendable (LimitReset) async -> Void = { _ in }, hasRival: @escaping @Sendable () -> Bool = { false },
        forgotten: @escaping @Sendable (Int) async -> Void = { _ in },
        directory: @escaping @Sendable () async -> String = { "" }
    ) {
        (self.table, self.server, self.node, self.process) = (table, server, node, process)
        (self.snapshots, self.logger, self.reset) = (snapshots, logger, reset)
        (self.hasRival, self.forgotten, self.directory, self.untold) = (hasRival, forgotten, directory, untold)
        let resets = untold?.all.resets.map(UntoldReset.init) ?? []
        state.withLock { $0.resets = resets }
    }

    public var isAway: Bool { away.load(ordering: .relaxed) }

    /// Why the server has not answered for a while, though it can be reached.
    var trouble: LimitServerTrouble { state.withLock { $0.refusal } ?? .timedOut }

    /// Milliseconds that a request waits for an answer at most.
    var patience: Int { max(patienceNow.load(ordering: .relaxed), waitNow.load(ordering: .relaxed)) }

    /// Speaks with the server until its task is cancelled; then what is held is given back.
    public func run() async {
        let (rings, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        table.bell.set(self, ring)
        let directory = await directory()
        state.withLock { ($0.heardAt, $0.directory) = (SteadyClock.milliseconds, directory) }
        await withDiscardingTaskGroup { group in
            group.addTask {
                var before = SteadyClock.milliseconds
                while (try? await Task.sleep(for: .milliseconds(Self.tick))) != nil {
                    let now = SteadyClock.milliseconds
                    let patience = LeaseTerms.patience(
                        late: now - before - Self.tick, before: self.patienceNow.load(ordering: .relaxed))
                    self.patienceNow.store(patience, ordering: .relaxed)
                    before = now
                    ring.yield()
                }
                ring.finish()
            }
            for await _ in rings {
                lookForSilence()
                while let batch = begin() { group.addTask { await self.exchange(batch) } }
            }
        }
        table.bell.clear(self)
        await giveBack()
    }

    /// A request waits for an answer about these buckets.
    /// - Parameter wake: called on any thread, perhaps more than once.
    func wait(for slots: [Int], wake: @escaping @Sendable () -> Void) {
        state.withLock { state in for slot in slots { state.waiters[slot, default: []].append(wake) } }
        // The answer may have been here before.
        if !slots.contains(where: { table.isAwaited($0) }) { wake() }
        table.bell.ring()
    }

    /// Counts of a bucket begin at zero on all nodes.
    /// - Parameters:
    ///   - kind: only these; nil for all.
    ///   - window: only of this one; nil for all.
    func reset(limit: String, bucket: String, kind: LimitRate.Kind?, window: LimitRate.Window?) async {
        // What is in flight is each node's own, and goes on.
        guard kind != .concurrency, window != .now else { return }
        let reset = UntoldReset(
            LimitReset(limit: limit, bucket: bucket, kind: kind, window: window, time: LoopContext.wallClock()))
        do {
            try await tell(reset)
        } catch {
            state.withLock { if $0.resets.count < Self.mostResets { $0.resets.append(reset) } }
            keepResets()
            logger.warning(
                "a limit was reset on this node alone until the server of limits is back",
                metadata: [LogKeys.reason: "\(error)"])
        }
    }

    private func tell(_ untold: UntoldReset) async throws {
        let reset = untold.reset
        state.withLock { $0.resetsTold &+= 1 }
        let time = try await server.reset(
            key: BucketLease.key(limit: reset.limit, bucket: reset.bucket), kind: reset.kind, window: reset.window,
            age: SteadyClock.milliseconds - untold.at)
        table.knows(reset, since: time)
        state.withLock { $0.resetsTold &+= 1 }
    }

    private func keepResets() {
        untold?.keep { kept in kept.resets = state.withLock { $0.resets.map(\.reset) } }
    }

    /// What was reset while the server was away is told before what was used since.
    private func tellResets() async throws {
        guard state.withLock({ !$0.resets.isEmpty }) else { return }
        defer { keepResets() }
        while let reset = state.withLock({ $0.resets.isEmpty ? nil : $0.resets.removeFirst() }) {
            do {
                try await tell(reset)
            } catch {
                state.withLock { $0.resets.insert(reset, at: 0) }
                throw error
            }
        }
    }

    /// Another node has heard that the server has this memory now: where it is news, what is known here is told at once.
    func look(at memory: Int? = nil) {
        let isNews = state.withLock { state in
            guard state.memory != memory else { return false }
            state.sentAt = Int.min / 2
            return true
        }
        if isNews { table.bell.ring() }
    }

    /// What all have used of some buckets is asked for, and waited for a moment.
    func refresh(_ uses: [LimitUse]) async {
        let slots = table.refresh(uses, now: .now)
        guard !slots.isEmpty, !isAway else { return }
        table.bell.ring()
        let end = SteadyClock.milliseconds + Self.refreshing
        while SteadyClock.milliseconds < end, slots.contains(where: { table.isAwaited($0) }) {
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }

    /// Milliseconds that an operator waits for what all have used.
    private static let refreshing = 300

    // MARK: Batches

    private func begin() -> Batch? {
        guard !hasRival() else { return nil }
        let now = LimitTime.now
        let (isFull, isBeat, nodes, memory, directory, resetsTold) = state.withLock { state in
            (
                state.underWay.count >= Self.mostBatches * state.roundTrip.patience / LeaseTerms.patience,
                now.steady - state.sentAt >= (state.learnsSince != nil ? Self.tick : Self.beat), state.nodes,
                state.memory, state.directory, state.resetsTold
            )
        }
        guard !isFull,
            let outgoing = table.outgoing(
                node: node, process: process, directory: directory, expected: nodes, memory: memory,
                most: Self.mostMessages, now: now),
            isBeat || !outgoing.slots.isEmpty
        else { return nil }
        return state.withLock { state in
            state.next &+= 1
            state.underWay[state.next] = now.steady
            state.sentAt = now.steady
            return Batch(number: state.next, resetsTold: resetsTold, outgoing: outgoing)
        }
    }

    private func exchange(_ batch: Batch) async {
        let (number, outgoing) = (batch.number, batch.outgoing)
        do {
            try await tellResets()
            guard state.withLock({ $0.resetsTold == batch.resetsTold }) else { return makeAnew(batch) }
            heard(try await server.exchange(outgoing.batch), number, outgoing)
        } catch {
            table.failed(outgoing)
            let now = SteadyClock.milliseconds
            state.withLock { state in
                state.underWay[number] = nil
                state.failedAt = state.failedAt ?? now
                state.refusal = LimitServerTrouble(error)
            }
            lookForSilence()
            wake(outgoing.slots)
        }
    }

    /// Its messages do not know of a reset that was told since: they are made once more.
    private func makeAnew(_ batch: Batch) {
        table.failed(batch.outgoing)
        state.withLock { state in
            state.underWay[batch.number] = nil
            state.sentAt = Int.min / 2
        }
        wake(batch.outgoing.slots)
        table.bell.ring()
    }

    private func heard(_ answers: LeaseAnswers, _ number: Int, _ outgoing: LimitTable.Outgoing) {
        let incoming = table.take(answers, to: outgoing, now: .now)
        let now = SteadyClock.milliseconds
        let (isNew, isForgotten) = state.withLock { state in
            if let sentAt = state.underWay.removeValue(forKey: number) { state.roundTrip.note(now - sentAt) }
            waitNow.store(state.roundTrip.wait, ordering: .relaxed)
            (state.heardAt, state.failedAt, state.refusal) = (now, nil, nil)
            state.nodes = answers.nodes
            state.learnsSince = answers.isLearning ? state.learnsSince ?? now : nil
            let before = state.memory
            state.memory = answers.memory
            return (before != answers.memory, before != 0 && before != answers.memory)
        }
        if isNew { table.tellAll(snapshots.current.limits.all) }
        if isForgotten { Task { [forgotten] in await forgotten(answers.memory) } }
        lookForSilence()
        wake(incoming.answered)
        if table.hasOutgoing { table.bell.ring() }
        guard !incoming.resets.isEmpty else { return }
        Task { [reset] in for each in incoming.resets { await reset(each) } }
    }

    private func wake(_ slots: [Int]) {
        let waiters = state.withLock { state in slots.compactMap { state.waiters.removeValue(forKey: $0) } }
        for wake in waiters.joined() { wake() }
    }

    // MARK: Whether the server is there

    /// Where an answer is overdue requests wait for none; where none comes for a second, operators hear of it.
    private func lookForSilence() {
        let now = SteadyClock.milliseconds
        // What is judged later is told later: both under one lock.
        let isShared = hasRival()
        let (divides, isAway, isNews) = state.withLock { state in
            if isShared { state.heardAt = now }
            let oldest = state.underWay.values.min() ?? now
            let patience = max(state.roundTrip.patience, patienceNow.load(ordering: .relaxed))
            let silence = LeaseSilence(
                isLate: state.failedAt != nil || now - oldest > patience, learnsFor: state.learnsSince.map { now - $0 },
                isKnown: state.memory != 0, silentFor: now - state.heardAt, patience: patience)
            let divides = silence.divides || isShared
            table.setAway(divides, isGone: silence.isGone)
            return (divides, silence.isAway, away.exchange(silence.isAway, ordering: .relaxed) != silence.isAway)
        }
        if divides {
            let all = state.withLock { state in
                defer { state.waiters.removeAll() }
                return Array(state.waiters.values.joined())
            }
            for wake in all { wake() }
        }
        guard isNews else { return }
        if isAway {
            logger.warning(
                "the server of limits is away: each node goes on with what it holds and its part of the rest",
                metadata: state.withLock { $0.refusal }.map { [LogKeys.reason: "\($0)"] })
        } else {
            logger.notice("the server of limits is back: limits are shared again")
        }
    }

    private func giveBack() async {
        guard !isAway else { return }
        let directory = state.withLock { $0.directory }
        for _ in 0..<16 {
            guard
                let outgoing = table.outgoing(
                    node: node, process: process, directory: directory, expected: 0, most: Self.mostMessages,
                    isClosing: true, now: .now),
                !outgoing.slots.isEmpty
            else { return }
            guard let answers = try? await server.exchange(outgoing.batch) else {
                // Under another name this node goes on with the same leases.
                return table.failed(outgoing)
            }
            _ = table.take(answers, to: outgoing, now: .now)
        }
    }
}
