import Foundation
import Logging
import ProxyCore
import Synchronization

/// Looks every second at what is published, and tells the webhook of what begins to be wrong and what is over.
public final class AlertWatch: Sendable {
    private let snapshots: SnapshotStore
    private let keys: any KeyAdministration
    private let limits: any LimitAdministration
    private let accounts: AccountBook
    private let reload: any ReloadControl
    private let usage: any UsageQueries
    /// What is told and not sent yet.
    public let outbox: Outbox<[UInt8]>
    private let caller: any OutgoingCaller
    private let logger: Logger
    private let clock: PollClock
    private let state = Mutex(State())

    private struct State {
        var board = AlertBoard()
        /// What the outbox was last told of the file.
        var settings: Configuration.Alerts?
        var slow = Slow()
        var looks = 0
    }

    /// What is not looked at every time.
    private struct Slow {
        var quotas: [Alert] = []
        var budgets: [Alert] = []
    }

    public init(
        snapshots: SnapshotStore, keys: any KeyAdministration, limits: any LimitAdministration, accounts: AccountBook,
        reload: any ReloadControl, usage: any UsageQueries, caller: any OutgoingCaller, dropped: MetricCounter? = nil,
        logger: Logger, clock: PollClock = .system
    ) {
        self.snapshots = snapshots
        self.keys = keys
        self.limits = limits
        self.accounts = accounts
        self.reload = reload
        self.usage = usage
        self.caller = caller
        self.logger = logger
        self.clock = clock
        var bounds = OutboxLimits()
        bounds.items = 1_000
        bounds.batchItems = 1
        bounds.gather = .milliseconds(10)
        bounds.retries = .seconds(120)
        bounds.longestPause = .seconds(30)
        // Whoever is slow may have taken it all the same, and a chat shows it each time.
        bounds.unansweredRetries = 1
        outbox = Outbox("alerts", limits: bounds, dropped: dropped, logger: logger, clock: clock)
    }

    /// Looks and sends until its task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            look()
            await clock.sleep(clock.now() + .seconds(1))
        }
    }

    /// Quotas change slowly, and of budgets there may be many: they are looked at less often.
    private static let quotaLooks = 5
    private static let unsentBudgetLooks = 5

    /// One look. One after the other: the task that runs is the only one that looks.
    func look() {
        let snapshot = snapshots.current
        let settings = snapshot.configuration.alerts
        follow(settings)
        let now = clock.wall() / 1_000
        let zone = ZonedTime(zone: snapshot.configuration.timeZone)
        let conditions = AlertConditions(
            snapshot: snapshot,
            accounts: LiveAccounts(
                states: accounts.states.current, now: Date(timeIntervalSince1970: Double(now)), steady: clock.steady()),
            reload: reload.status.current, storage: usage.health, zone: zone, now: now)
        var (board, slow, looks) = state.withLock { ($0.board, $0.slow, $0.looks) }
        if looks % Self.quotaLooks == 0 { slow.quotas = conditions.quotas { board.since($0) } }
        if settings.webhook != nil || looks % Self.unsentBudgetLooks == 0 {
            slow.budgets = conditions.budgets(limits.look) { keys.name(ofKey: $0) }
        }
        let wasCrowded = board.untold > 0
        let plain = conditions.plain { board.since($0) }
        let audience: AlertBoard.Audience = settings.webhook == nil ? .absent : .present
        let messages = board.update(plain + slow.quotas + slow.budgets, to: audience, now: now, otherEnding: conditions.departure)
        let isCrowded = board.untold > 0
        state.withLock { [board, slow] in ($0.board, $0.slow, $0.looks) = (board, slow, looks &+ 1) }
        for message in messages {
            let body = message.body(settings.format, zone)
            outbox.offer(body, bytes: body.count)
        }
        if isCrowded, !wasCrowded {
            logger.warning("more alerts hold than are told", metadata: [LogKeys.count: "\(AlertBoard.most)"])
        }
    }

    /// The file may name another webhook since the last look.
    private func follow(_ settings: Configuration.Alerts) {
        let isNew = state.withLock { state in
            defer { state.settings = settings }
            return state.settings?.webhook != settings.webhook || state.settings?.format != settings.format
        }
        guard isNew else { return }
        guard let address = settings.webhook.flatMap({ WebAddress($0.reveal()) }) else { return outbox.send(to: nil) }
        outbox.send(
            to: WebSink<[UInt8]>(
                address, headers: [("content-type", "application/json")], caller: caller, timeout: .seconds(10),
                refused: AlertBoard.Message.refused(settings.format), encode: { Array($0.joined()) }))
    }

    // MARK: Showing

    var active: [AlertBoard.Entry] { state.withLock { $0.board.active } }
    var dropped: Int { outbox.dropped }
}

extension KeyAdministration {
    /// What a key's id stands for, for people.
    fileprivate func name(ofKey id: String) -> String? {
        guard let key = find(reference: id), key.id == id else { return nil }
        return key.name
    }
}
