import Basics
import Dialects
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// What one event loop owns. An exchange, its client and its upstreams live on one loop, so nothing here is locked.
final class LoopContext {
    let eventLoop: any EventLoop
    let shared: ProxyContext
    let sweeper: DeadlineSweeper
    let requestLog: RequestLog
    let metrics: ExchangeMetrics
    private var snapshots: SnapshotStore.Reader
    private var registeredKeys: Published<RegisteredKeys>.Reader
    private var accountStates: Published<AccountStates>.Reader
    private var views = Views()
    private let dial: ConnectionPool.Dial
    private var pools: [PoolKey: ConnectionPool] = [:]
    private var rng = SplitMix64(state: .random(in: .min ... .max))
    private var names = Names()
    private var turn: TurnUsage
    /// Instants as heads tell them.
    var instants = RFC3339.Recent()
    /// Converters and filters write here; the memory is kept from one piece to the next.
    var scratch: [UInt8] = []

    /// What this loop keeps ready for the file that runs, and for one that is on trial beside it.
    private struct Views {
        var current: LoopSnapshot?
        var trial: LoopSnapshot?
    }

    /// What requests are called, and what they call models.
    private struct Names {
        var requestIDs = RequestIDs()
        let models = ModelTexts()
    }

    /// The exchanges that end in this turn of the loop and what they used, and those in flight.
    private struct TurnUsage {
        var exchanges: [Exchange] = []
        /// Empty: memory for the exchanges of the turn after.
        var spare: [Exchange] = []
        var records = PendingUsage()
        /// What is told of them once they are written.
        var events: [RequestEvent] = []
        var isScheduled = false
        var inFlight: InFlightSlots
        /// Slots of requests whose records are not written yet.
        var endedSlots: [Int] = []
    }

    init(
        eventLoop: any EventLoop, shared: ProxyContext, dial: @escaping ConnectionPool.Dial = ConnectionPool.dialSocket
    ) {
        self.eventLoop = eventLoop
        self.shared = shared
        self.dial = dial
        sweeper = DeadlineSweeper(eventLoop: eventLoop)
        turn = TurnUsage(inFlight: InFlightSlots(shared.ledger.inFlight))
        requestLog = RequestLog(sink: shared.logSink, settings: shared.logSettings)
        metrics = ExchangeMetrics(registry: shared.metrics, models: shared.models)
        snapshots = SnapshotStore.Reader(shared.snapshots)
        registeredKeys = Published<RegisteredKeys>.Reader(shared.keys.registered)
        accountStates = Published<AccountStates>.Reader(shared.accounts.states)
    }

    /// The configuration of this moment, with what this loop keeps ready for it.
    var view: LoopSnapshot {
        let snapshot = snapshots.read()
        if let current = views.current, current.snapshot === snapshot { return current }
        let view = LoopSnapshot(snapshot, loop: self)
        views.current = view
        if views.trial?.snapshot !== snapshot.trial?.snapshot { views.trial = nil }
        prunePools(for: snapshot)
        return view
    }

    /// The same for a file on trial.
    func view(of trial: Trial) -> LoopSnapshot {
        if let known = views.trial, known.snapshot === trial.snapshot { return known }
        let view = LoopSnapshot(trial.snapshot, loop: self)
        views.trial = view
        return view
    }

    /// Whether no reload has come since.
    func isCurrent(_ view: LoopSnapshot) -> Bool { view.snapshot.isInForce(where: snapshots.read()) }

    /// The keys that a configuration declares, and those that are registered at this moment.
    func keys(of view: LoopSnapshot) -> KnownKeys { KnownKeys(of: view.snapshot, registeredKeys.read()) }

    /// What is known of accounts at this moment. To be looked at in place: a copy takes a reference of each table, which all loops
    /// share.
    var knownAccounts: Published<AccountStates>.Edition { accountStates.look() }
    var states: AccountStates { knownAccounts.value }

    var isDraining: Bool { shared.draining.load(ordering: .relaxed) }

    func pool(_ key: PoolKey) -> ConnectionPool {
        if let pool = pools[key] { return pool }
        let pool = ConnectionPool(key: key, loop: self, dial: dial)
        pools[key] = pool
        return pool
    }

    private func prunePools(for snapshot: Snapshot) {
        let trial = views.trial?.snapshot
        for (key, pool) in pools where !snapshot.tables.poolKeys.contains(key) && trial?.tables.poolKeys.contains(key) != true {
            pool.retire()
            pools[key] = nil
        }
    }

    /// A request that goes by an earlier file keeps no connections for later ones.
    func retireIfUnwanted(_ pool: ConnectionPool) {
        guard let current = views.current?.snapshot, !current.tables.poolKeys.contains(pool.key),
            views.trial?.snapshot.tables.poolKeys.contains(pool.key) != true
        else { return }
        pool.retire()
        pools[pool.key] = nil
    }

    /// The process ends: what still runs is cut, and the client sees it.
    func closeEverything() {
        for member in sweeper.all {
            (member as? ClientConnection)?.processEnds()
            (member as? UpstreamConnection)?.close()
        }
    }

    // MARK: Counting

    func connectionOpened() {
        shared.clients.open.wrappingAdd(1, ordering: .relaxed)
        metrics.connectionOpened()
    }

    func connectionClosed() {
        shared.clients.open.wrappingSubtract(1, ordering: .relaxed)
        metrics.connectionClosed()
    }

    /// Nanoseconds that grow on all loops alike: which connection has been idle longer.
    func idleMark() -> UInt64 { NIODeadline.now().uptimeNanoseconds }

    /// A number for choices by weight.
    func random() -> UInt64 { rng.next() }

    func makeRequestID() -> String { names.requestIDs.next() }

    var modelTexts: ModelTexts { names.models }

    // MARK: Recording usage

    /// Records usage before the exchange may release the end of its response.
    ///
    /// All that ends in one turn of the loop is written at once; `recorded` is called when that is done.
    func recordUsage(_ exchange: Exchange, _ record: borrowing UsageRecord) {
        turn.exchanges.append(exchange)
        recordUsage(record, of: exchange)
        if let slot = exchange.trail.inFlight {
            exchange.trail.inFlight = nil
            endInFlight(slot)
        }
    }

    /// Records what nobody waits for.
    func recordUsage(_ record: borrowing UsageRecord, of exchange: Exchange) {
        turn.records.add(record)
        if exchange.snapshot.tables.duties.contains(.events) {
            turn.events.append(RequestEvent(record: copy record, keyName: exchange.caller?.key.name ?? ""))
        }
        guard !turn.isScheduled else { return }
        turn.isScheduled = true
        eventLoop.assumeIsolated().execute { [self] in flushRecords() }
    }

    // MARK: Requests in flight

    /// Keeps what is known of a request, so that a crash does not lose sight of it.
    /// - Parameter slot: where it is kept already.
    /// - Returns: what ends it; nil where there is no room.
    func keepInFlight(_ record: borrowing UsageRecord, in slot: Int?) -> Int? { turn.inFlight.keep(record, in: slot) }

    /// The request has ended; its record, if it has one, was given to `recordUsage` before.
    func endInFlight(_ slot: Int) {
        if turn.isScheduled { turn.endedSlots.append(slot) } else { turn.inFlight.free(slot) }
    }

    private func flushRecords() {
        turn.isScheduled = false
        var failure: LedgerFailure?
        do throws(LedgerFailure) {
            try shared.ledger.append(turn.records)
        } catch {
            failure = error
        }
        turn.records.removeAll()
        if !turn.events.isEmpty { tellEvents(failure) }
        for slot in turn.endedSlots { turn.inFlight.free(slot) }
        turn.endedSlots.removeAll(keepingCapacity: true)
        var recorded = turn.spare
        turn.spare = []
        swap(&recorded, &turn.exchanges)
        guard failure == nil, !recorded.isEmpty, shared.ledger.waitsForDisk else {
            for exchange in recorded { exchange.usageRecorded(failure) }
            recorded.removeAll(keepingCapacity: true)
            turn.spare = recorded
            return
        }
        let waiting = NIOLoopBound(recorded, eventLoop: eventLoop)
        shared.ledger.sync { [eventLoop] failure in
            eventLoop.execute { for exchange in waiting.value { exchange.usageRecorded(failure) } }
        }
    }

    /// A request that has no row is no event either.
    private func tellEvents(_ failure: LedgerFailure?) {
        if failure == nil {
            for event in turn.events { shared.outlets.events.offer(event, bytes: event.weight) }
        }
        turn.events.removeAll(keepingCapacity: true)
    }

    func log(_ entry: borrowing RequestLogEntry) {
        requestLog.append(entry)
        guard !requestLog.isFlushDue else { return }
        requestLog.isFlushDue = true
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { [self] in
            requestLog.isFlushDue = false
            requestLog.flushIfNeeded()
        }
    }

    /// Milliseconds since 1970, as of the kernel's last tick: a few of them old, and several times cheaper to ask for.
    static func wallClock() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

@available(*, unavailable)
extension LoopContext: Sendable {}
