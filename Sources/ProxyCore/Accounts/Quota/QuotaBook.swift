import Logging
import Synchronization

/// Keeps the windows of accounts up to date: what polls, heads of responses, refusals and our own counting tell.
///
/// The loops look first whether there is news (`AccountWindows.isOutdated`), by what was published; only then is anything locked.
public final class QuotaBook: Sendable {
    private let states: Published<AccountStates>
    private let logger: Logger?
    private let notes = Mutex(Notes())

    /// What is not for the loops to read.
    private struct Notes {
        var wasted: [WasteKey: Double] = [:]
        var declared: [AccountID: DeclaredUse] = [:]
        /// Of whom something odd was said in the log.
        var odd: Set<AccountID> = []
    }

    private struct WasteKey: Hashable {
        let account: AccountID
        let kind: String
    }

    /// Kinds that are told apart; a vendor that makes up more has the rest under `other`.
    private static let mostWasted = 5_000

    init(states: Published<AccountStates>, logger: Logger?) {
        self.states = states
        self.logger = logger
    }

    // MARK: Telling

    /// What was left of windows when they were reset, in shares, since the start; by account and kind of window.
    public var wasted: [(account: AccountID, kind: String, shares: Double)] {
        let all = notes.withLock { $0.wasted }
        return all.map { (account: $0.key.account, kind: $0.key.kind, shares: $0.value) }
            .sorted { ($0.account.upstream, $0.account.account, $0.kind) < ($1.account.upstream, $1.account.account, $1.kind) }
    }

    private func note(_ lost: [AccountWindows.Waste], of id: AccountID) {
        guard !lost.isEmpty else { return }
        notes.withLock { notes in
            for waste in lost {
                var key = WasteKey(account: id, kind: waste.kind)
                if notes.wasted.count >= Self.mostWasted, notes.wasted[key] == nil { key = WasteKey(account: id, kind: "other") }
                notes.wasted[key, default: 0] += waste.share
            }
        }
    }

    // MARK: News

    /// Takes over what somebody told of an account's windows.
    public func record(_ id: AccountID, _ news: [QuotaWindow], now: Int) {
        guard !news.isEmpty else { return }
        let lost = states.update { $0.windows[id, default: AccountWindows()].take(news, now: now) }
        note(lost, of: id)
    }

    /// A poll gave a reading that holds: the accounts of its upstream get their windows.
    func record(_ reading: QuotaReading, upstream: String, now: Int, wallAhead: Int) {
        let accounts = states.current.accountIDs[upstream] ?? []
        guard !accounts.isEmpty else { return }
        let news = reading.windows(of: accounts, now: now, wallAhead: wallAhead)
        for id in accounts {
            record(id, news[id] ?? [], now: now)
            // What it does not tell any more is unknown.
            if states.current.windows[id] != nil { states.update { $0.windows[id]?.drop(.poll) { $0.takenAt < now } } }
        }
        if let name = reading.doubleName(among: accounts) {
            tellOnce(
                AccountID(upstream: upstream, account: name), "the quota poll names an account twice: the less of both counts")
        }
    }

    /// An account refused a model until then because its quota is used up.
    public func refused(_ id: AccountID, model: String, until: Int, now: Int) {
        guard model.utf8.count <= AccountWindows.longestModel, until > now else { return }
        // A poll's window of the same model is what it contradicts, and what corrects it.
        let window = QuotaWindow(
            .model(model), kind: "share", share: 0, resetsAt: min(until, now &+ QuotaWindow.longest), source: .refusal,
            takenAt: now)
        record(id, [window], now: now)
    }

    /// An account served a model: it has not used up what it was said to have.
    public func served(_ id: AccountID, model: String) {
        states.update { $0.windows[id]?.drop(.refusal) { $0.models.holds(model) } }
    }

    /// An operator ends what is held against an account: what its refusals said of quota is forgotten.
    func free(_ id: AccountID) {
        guard states.current.windows[id]?.hasRefusals == true else { return }
        states.update { $0.windows[id]?.drop(.refusal) }
    }

    /// Counts a response in the windows that the file declares for an account.
    func count(_ id: AccountID, _ amounts: LimitAmounts, _ rates: [LimitRate], time: LimitTime, zone: Zone) {
        let windows = notes.withLock { notes in
            notes.declared[id, default: DeclaredUse()].count(amounts, rates, time: time, zone: zone)
        }
        let known = states.current.windows[id]
        record(id, windows.filter { known?.isOutdated(by: $0, threshold: 0, now: time.steady) ?? true }, now: time.steady)
    }

    /// Notices the resets that have come.
    public func expire(now: Int) {
        guard states.current.nextChange <= now else { return }
        let lost = states.update { states -> [(AccountID, [AccountWindows.Waste])] in
            states.windows.keys.map { id in (id, states.windows[id]?.expire(now: now) ?? []) }
        }
        for (id, lost) in lost { note(lost, of: id) }
    }

    /// What an account's head told cannot be. Said once: a vendor that errs does so in every response.
    func tellOdd(_ id: AccountID) {
        tellOnce(id, "headers of quota tell what cannot be, and are not believed")
    }

    private func tellOnce(_ id: AccountID, _ message: Logger.Message) {
        let isNew = notes.withLock { $0.odd.insert(id).inserted }
        guard isNew else { return }
        logger?.warning(message, metadata: [LogKeys.upstream: "\(id.upstream)", LogKeys.account: "\(id.account)"])
    }

    // MARK: The file

    /// Takes over which accounts there are; windows of others, and of credentials that changed, are forgotten.
    func keepOnly(_ upstreams: [Upstream], changedCredentials: Set<AccountID>) {
        let accounts = Dictionary(upstreams.map { ($0.name, $0.accountIDs) }) { first, _ in first }
        let known = Set(accounts.values.joined()).subtracting(changedCredentials)
        var declared: [AccountID: Set<Int>] = [:]
        var unread: Set<String> = []
        var unpolled: Set<String> = []
        for upstream in upstreams {
            if upstream.quota?.headers == false { unread.insert(upstream.name) }
            if upstream.quota?.poll == nil { unpolled.insert(upstream.name) }
            for (id, account) in zip(upstream.accountIDs, upstream.accounts) {
                declared[id] = Set(account.declared.map { DeclaredUse.length(of: $0) })
            }
        }
        states.update { [declared, unread, unpolled] states in
            states.accountIDs = accounts
            states.windows = states.windows.filter { known.contains($0.key) }
            for id in states.windows.keys {
                // A source that the file no longer has says nothing any more.
                if unread.contains(id.upstream) { states.windows[id]?.drop(.headers) }
                if unpolled.contains(id.upstream) { states.windows[id]?.drop(.poll) }
                states.windows[id]?.drop(.declared) { !(declared[id]?.contains($0.length) ?? false) }
                if states.windows[id]?.isEmpty == true { states.windows[id] = nil }
            }
        }
        notes.withLock { notes in
            notes.declared = notes.declared.filter { known.contains($0.key) }
            notes.odd = notes.odd.filter { known.contains($0) }
            notes.wasted = notes.wasted.filter { known.contains($0.key.account) || changedCredentials.contains($0.key.account) }
        }
    }
}
