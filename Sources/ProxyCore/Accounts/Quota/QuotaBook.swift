import Logging
import Synchronization

/// Keeps the windows of accounts up to date: what polls, heads of responses, refusals and our own counting tell.
///
/// The loops look first whether there is news (`AccountWindows.isOutdated`), by what was published; only then is anything locked.
public final class QuotaBook: Sendable {
    private let states: Published<AccountStates>
    private let news: AccountNews
    private let logger: Logger?
    private let notes = Mutex(Notes())

    /// What is not for the loops to read.
    private struct Notes {
        var wasted: [WasteKey: Double] = [:]
        /// What the file declares, of accounts for which it does.
        var rates: [AccountID: [LimitRate]] = [:]
        var declared: [AccountID: DeclaredUse] = [:]
        /// Accounts with counts that are not published yet.
        var counted: Set<AccountID> = []
        /// What heads told that changed too little to be published at once.
        var held: [AccountID: [QuotaWindow]] = [:]
        /// What the log has said, and of which account.
        var said: Set<Said> = []
    }

    private struct Said: Hashable {
        enum Oddity { case headers, doubleName, share }

        let account: AccountID
        let oddity: Oddity
    }

    private struct WasteKey: Hashable {
        let account: AccountID
        let kind: String
    }

    /// Kinds that are told apart; a vendor that makes up more has the rest under `other`.
    private static let mostWasted = 5_000

    init(states: Published<AccountStates>, news: AccountNews = AccountNews(), logger: Logger?) {
        self.states = states
        self.news = news
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
        // What was held of the same windows is older.
        notes.withLock { notes in
            if !notes.held.isEmpty { notes.held[id]?.removeAll { old in news.contains { $0.isSame(as: old) } } }
        }
        record(shared: id, news, now: now)
        self.news.changed(windowsOf: id)
    }

    /// Takes over what another node was told.
    func record(shared id: AccountID, _ news: [QuotaWindow], now: Int) {
        let lost = states.update { $0.take(news, of: id, now: now) }
        note(lost, of: id)
    }

    /// A poll gave a reading that holds: the accounts of its upstream get their windows.
    func record(_ reading: QuotaReading, upstream: String, now: Int, wallAhead: Int) {
        let accounts = states.current.accountIDs[upstream] ?? []
        guard !accounts.isEmpty else { return }
        let news = reading.windows(of: accounts, now: now, wallAhead: wallAhead)
        let unusable = reading.unusable(of: accounts)
        let lost = states.update { states -> [[AccountWindows.Waste]] in
            if !unusable.isEmpty || !states.unusable.isEmpty {
                states.unusable = states.unusable.filter { $0.key.upstream != upstream }
                for id in unusable { states.unusable[id] = reading.goodUntil }
            }
            return accounts.map { id -> [AccountWindows.Waste] in
                let told = news[id] ?? []
                let lost = told.isEmpty ? [] : states.take(told, of: id, now: now)
                // What it does not tell any more is unknown.
                states[windowsOf: id]?.drop(.poll) { $0.takenAt < now }
                return lost
            }
        }
        for (id, lost) in zip(accounts, lost) { note(lost, of: id) }
        for id in accounts where news[id] != nil { self.news.changed(windowsOf: id) }
        if let odd = reading.odd {
            let own = accounts.first { $0.account == odd }
            tellOnce(
                .share, of: own ?? accounts[0], namingAccount: own != nil,
                "the quota poll tells a share that cannot be, and it is not believed")
        }
        if let name = reading.doubleName(among: accounts) {
            tellOnce(
                .doubleName, of: AccountID(upstream: upstream, account: name),
                "the quota poll names an account twice: the less of both counts")
        }
    }

    /// A refusal says how long to wait: what its head called used up without a reset is so for as long.
    public func date(_ id: AccountID, model: String, until: Int, now: Int) {
        guard states.current.windows[id]?.isUndated(model, now: now) == true else { return }
        states.update { $0[windowsOf: id]?.date(model, until: min(until, now &+ QuotaWindow.longest), now: now) }
        news.changed(windowsOf: id)
    }

    /// An account refused a model until then because its quota is used up.
    public func refused(_ id: AccountID, model: String, until: Int, now: Int) {
        guard model.utf8.count <= AccountWindows.longestModel, until > now else { return }
        // A head may have told of the window that the refusal is for; waits are told in whole seconds.
        if let known = states.current.windows[id]?.emptyUntil(model, now: now), known > until &- 2_000 { return }
        // A poll's window of the same model is what it contradicts, and what corrects it.
        let window = QuotaWindow(
            .model(model), kind: "share", share: 0, resetsAt: min(until, now &+ QuotaWindow.longest), source: .refusal,
            takenAt: now)
        record(id, [window], now: now)
    }

    /// An account served a model: it has not used up what it was said to have.
    /// - Parameters:
    ///   - tellsQuota: the response's head told itself what is left.
    ///   - asked: when it was asked for that: of what was refused later the success says nothing.
    public func served(
        _ id: AccountID, model: String, tellsQuota: Bool = true, asked: Int = .max, now: Int = SteadyClock.milliseconds
    ) {
        guard let windows = states.current.windows[id] else { return }
        if windows.refuses(model) { endRefusals(id, asked: asked) { $0 == model } }
        if !tellsQuota, windows.isRefused(model, now: now) {
            states.update { $0[windowsOf: id]?.endRefused(model, asked: asked) }
        }
    }

    /// Models have quota again, whatever was said when they were refused.
    func endRefusals(_ id: AccountID, asked: Int = .max, of hasQuota: (_ model: String) -> Bool) {
        guard states.current.windows[id]?.hasRefusals == true else { return }
        states.update { $0[windowsOf: id]?.endRefusals(asked: asked, of: hasQuota) }
    }

    /// An operator ends what is held against an account: what is said to be used up is forgotten, until it is said again.
    func free(_ id: AccountID, now: Int) {
        if states.current.unusable[id] != nil { states.update { $0.unusable[id] = nil } }
        guard let windows = states.current.windows[id], windows.leastShare <= 0 else { return }
        let isCounted = windows.list(now: now).contains { $0.isCounted && $0.isUsedUp(now: now) }
        let whole = notes.withLock { notes -> [QuotaWindow] in
            guard isCounted, let rates = notes.rates[id] else { return [] }
            notes.declared[id] = nil
            return DeclaredUse().rest(of: rates, now: now)
        }
        states.update { states in
            states[windowsOf: id]?.drop { $0.isUsedUp(now: now) }
            if !whole.isEmpty { _ = states[windowsOf: id]?.take(whole, now: now) }
        }
    }

    /// Counts what a response used in the windows that the file declares for an account: the file that is there now, whichever was
    /// when the account was asked.
    func count(_ id: AccountID, _ amounts: LimitAmounts, time: LimitTime, zone: Zone) {
        let windows = notes.withLock { notes -> [QuotaWindow] in
            guard let rates = notes.rates[id] else { return [] }
            notes.declared[id, default: DeclaredUse()].count(amounts, rates, time: time, zone: zone)
            notes.counted.insert(id)
            return notes.declared[id]?.rest(of: rates, now: time.steady) ?? []
        }
        publish(id, windows, now: time.steady)
    }

    /// Counts a request that is about to be sent to an account.
    /// - Parameter anyway: it is sent though nothing is left.
    /// - Returns: false where the file declares a number that is used up: nothing is counted.
    func countRequest(_ id: AccountID, anyway: Bool, time: LimitTime, zone: Zone) -> Bool {
        let (isTaken, windows) = notes.withLock { notes -> (Bool, [QuotaWindow]) in
            guard let rates = notes.rates[id] else { return (true, []) }
            let isTaken = notes.declared[id, default: DeclaredUse()].takeRequest(rates, anyway: anyway, time: time, zone: zone)
            notes.counted.insert(id)
            return (isTaken, notes.declared[id]?.rest(of: rates, now: time.steady) ?? [])
        }
        publish(id, windows, now: time.steady)
        return isTaken
    }

    /// What was counted is told at once where others should hear of it, else by `flush`.
    private func publish(_ id: AccountID, _ windows: [QuotaWindow], now: Int) {
        let known = states.current.windows[id]
        record(id, windows.filter { known?.isOutdated(by: $0, threshold: 0, now: now) ?? true }, now: now)
    }

    /// Keeps what a head told that is no news, until it is the last that was told for a moment.
    func hold(_ id: AccountID, _ windows: [QuotaWindow]) {
        notes.withLock { notes in
            var held = notes.held[id] ?? []
            for window in windows {
                if let index = held.firstIndex(where: { $0.isSame(as: window) }) {
                    if held[index].askedAt <= window.askedAt { held[index] = window }
                } else if held.count < Self.mostHeld {
                    held.append(window)
                }
            }
            notes.held[id] = held
        }
    }

    /// Windows of one account that are held at a time.
    private static let mostHeld = 64

    /// Publishes what changed too little to be published when it was told.
    public func flush(now: Int) {
        let (counted, held) = notes.withLock { notes -> ([(AccountID, [QuotaWindow])], [AccountID: [QuotaWindow]]) in
            guard !notes.counted.isEmpty || !notes.held.isEmpty else { return ([], [:]) }
            let counted = notes.counted.compactMap { id -> (AccountID, [QuotaWindow])? in
                guard let rates = notes.rates[id], let use = notes.declared[id] else { return nil }
                return (id, use.rest(of: rates, now: now))
            }
            let held = notes.held
            (notes.counted, notes.held) = ([], [:])
            return (counted, held)
        }
        for (id, windows) in counted {
            let known = states.current.windows[id]
            record(id, windows.filter { known?.known($0)?.remaining != $0.remaining }, now: now)
        }
        for (id, windows) in held {
            let known = states.current.windows[id]
            record(id, windows.filter { window in known?.known(window).map { $0.takenAt <= window.takenAt } ?? false }, now: now)
        }
    }

    /// Notices the resets that have come.
    public func expire(now: Int) {
        guard states.current.nextChange <= now else { return }
        let lost = states.update { states -> [(AccountID, [AccountWindows.Waste])] in
            let due = states.windows.filter { $0.value.nextChange <= now }.keys
            return due.map { id in (id, states[windowsOf: id]?.expire(now: now) ?? []) }
        }
        for (id, lost) in lost { note(lost, of: id) }
    }

    /// What an account's head told cannot be. Said once: a vendor that errs does so in every response.
    func tellOdd(_ id: AccountID) {
        tellOnce(.headers, of: id, "headers of quota tell what cannot be, and are not believed")
    }

    private func tellOnce(_ oddity: Said.Oddity, of id: AccountID, namingAccount: Bool = true, _ message: Logger.Message) {
        let isNew = notes.withLock { $0.said.insert(Said(account: id, oddity: oddity)).inserted }
        guard isNew else { return }
        var metadata: Logger.Metadata = [LogKeys.upstream: "\(id.upstream)"]
        if namingAccount { metadata[LogKeys.account] = "\(id.account)" }
        logger?.warning(message, metadata: metadata)
    }

    // MARK: The file

    /// Takes over which accounts there are; windows of others, and of credentials that changed, are forgotten. What was counted of
    /// declared numbers counts on, by the numbers that the file has now.
    func keepOnly(_ upstreams: [Upstream], changedCredentials: Set<AccountID>, now: Int = SteadyClock.milliseconds) {
        let accounts = Dictionary(upstreams.map { ($0.name, $0.accountIDs) }) { first, _ in first }
        let known = Set(accounts.values.joined()).subtracting(changedCredentials)
        var rates: [AccountID: [LimitRate]] = [:]
        var unread: Set<String> = []
        var unpolled: Set<String> = []
        for upstream in upstreams {
            if upstream.quota?.headers == false { unread.insert(upstream.name) }
            if upstream.quota?.poll == nil { unpolled.insert(upstream.name) }
            for (id, account) in zip(upstream.accountIDs, upstream.accounts) where !account.declared.isEmpty {
                rates[id] = account.declared
            }
        }
        let counted = notes.withLock { [rates] notes -> [AccountID: DeclaredUse] in
            notes.rates = rates
            notes.declared = notes.declared.filter { known.contains($0.key) && rates[$0.key] != nil }
            notes.said = notes.said.filter { known.contains($0.account) }
            notes.held = [:]
            notes.wasted = notes.wasted.filter { known.contains($0.key.account) || changedCredentials.contains($0.key.account) }
            return notes.declared
        }
        states.update { [rates, unread, unpolled] states in
            states.accountIDs = accounts
            // Loops wait for it: what is least is found once, not with every account.
            var windows = states.windows.filter { known.contains($0.key) }
            for id in Set(windows.keys).union(rates.keys) {
                // A source that the file no longer has says nothing any more.
                if unread.contains(id.upstream) { windows[id]?.drop(.headers) }
                if unpolled.contains(id.upstream) { windows[id]?.drop(.poll) }
                let told = (counted[id] ?? DeclaredUse()).rest(of: rates[id] ?? [], now: now)
                windows[id]?.drop { window in window.isCounted && !told.contains { $0.isSame(as: window) } }
                if !told.isEmpty { _ = windows[id, default: AccountWindows()].take(told, now: now) }
                if windows[id]?.isEmpty == true { windows[id] = nil }
            }
            states.windows = windows
            if !states.unusable.isEmpty {
                states.unusable = states.unusable.filter { known.contains($0.key) && !unpolled.contains($0.key.upstream) }
            }
        }
    }
}
