import Logging
import Synchronization

/// Keeps the live state of accounts: written when something happens, read by every loop through `states`.
///
/// What follows from what is `AccountHealth`'s to say; here it is published, and told.
public final class AccountBook: Sendable {
    public let states: Published<AccountStates>
    /// What is left of the accounts.
    public let quota: QuotaBook
    /// What they are doing.
    private let board = LoadBoard()
    /// Who served which conversation.
    let affinity = AffinityTable()
    /// Requests that wait until somebody has quota again.
    let waiting = WaitingRoom()
    /// What other nodes may want to know.
    public let news = AccountNews()
    private let logger: Logger?
    /// How times are told; nil: in UTC.
    private let settings: LogSettings?
    /// What only the next failure asks for; taken before the lock of `states`, never after.
    private let faults = Mutex<[AccountID: AccountFaults]>([:])
    private let usedUp = Mutex(UsedUpWindows())
    private let low = Mutex(LowWindows())
    private let lowRates = Mutex(LowWindows(ofRates: true))
    /// nil: nothing is kept.
    private let drained: DrainedAccounts?
    /// Accounts that a file on trial asks otherwise than the one that runs.
    private let onTrial = Mutex<Set<AccountID>>([])

    /// - Parameter drained: who is out from the start.
    public init(logger: Logger? = nil, settings: LogSettings? = nil, drained: DrainedAccounts? = nil) {
        states = Published(AccountStates())
        quota = QuotaBook(states: states, news: news, logger: logger)
        self.logger = logger
        self.settings = settings
        self.drained = drained
        for id in drained?.accounts ?? [] { change(id, now: SteadyClock.milliseconds) { $0.drain() } }
    }

    // MARK: What befalls accounts

    /// An account gave no response, or one that says that it is broken. Times are `SteadyClock`'s.
    func fail(_ id: AccountID, _ failure: AccountFailure, now: Int? = nil) {
        let now = now ?? SteadyClock.milliseconds
        change(id, now: now) { $0.failed(failure, now: now) }
    }

    /// An account is limited for a model.
    public func cool(
        _ id: AccountID, model: String, until: Int, reason: CooldownReason, modelStatus: ModelStatus = .known, now: Int? = nil
    ) {
        let now = now ?? SteadyClock.milliseconds
        // That its quota is used up says why, and until when.
        let isTold = usedUp.withLock { !$0.covers(id, model: model) }
        change(id, now: now) {
            $0.cool(model, until: until, reason: reason, modelStatus: modelStatus, isTold: isTold, now: now)
        }
        if modelStatus == .known { news.cooled(id, model: model, until: until, reason: reason) }
    }

    /// Another node found an account limited for a model.
    func cool(sharedFrom id: AccountID, model: String, until: Int, reason: CooldownReason, now: Int) {
        change(id, now: now) {
            $0.cool(model, until: until, reason: reason, modelStatus: .known, isTold: false, now: now)
        }
    }

    /// The upstream refused an account, whatever it is asked for.
    /// - Parameter isProbe: whether the request was let through to try: the next one is then let through later.
    public func refuse(_ id: AccountID, _ refusal: AccountState.Refusal, isProbe: Bool = false, now: Int? = nil) {
        let now = now ?? SteadyClock.milliseconds
        change(id, now: now) { $0.refused(refusal, isProbe: isProbe, now: now) }
    }

    /// An account served a model: what was held against it is over.
    /// - Parameter asked: when it was asked for that.
    public func succeed(
        _ id: AccountID, model: String, proves: AccountState.Proof = .generation, asked: Int = .max, now: Int? = nil
    ) {
        change(id, now: now ?? SteadyClock.milliseconds) { $0.succeeded(model, proves: proves, asked: asked) }
    }

    /// An account gave an error that is not its own: it is there.
    func respond(_ id: AccountID, now: Int? = nil) {
        change(id, now: now ?? SteadyClock.milliseconds) { $0.responded() }
    }

    // MARK: Probes

    /// Whether a request may go to an account of which the states say that it awaits a probe.
    func claim(_ id: AccountID, now: Int) -> AccountHealth.Claim {
        var claim = AccountHealth.Claim.free
        change(id, now: now) { health in
            claim = health.claim(now: now)
            return []
        }
        return claim
    }

    /// The request that tried ended without telling anything.
    func dropProbe(_ id: AccountID, now: Int? = nil) {
        let now = now ?? SteadyClock.milliseconds
        change(id, now: now) { health in
            health.dropProbe(now: now)
            return []
        }
    }

    // MARK: Operators

    /// An operator ends what is held against an account.
    public func free(_ id: AccountID, now: Int? = nil) {
        let now = now ?? SteadyClock.milliseconds
        free(shared: id, now: now)
        news.freed(id)
    }

    /// An operator ended it, on this node or another.
    func free(shared id: AccountID, now: Int) {
        // One line for all of it: what was told as used up is told as such, and will be told anew.
        let wasTold = usedUp.withLock { usedUp in
            quota.free(id, now: now)
            return usedUp.forget(id)
        }
        change(id, now: now) { health in
            let changes = health.free(now: now)
            return wasTold && changes.allSatisfy { $0.state == .cooling } ? [.better(.outOfQuota, reason: "freed")] : changes
        }
        if let twin = twin(of: id) {
            quota.free(twin, now: now)
            change(twin, now: now) { health in
                _ = health.free(now: now)
                return []
            }
        }
        keepDrained()
    }

    /// An operator takes no new requests to an account, until it is freed.
    public func drain(_ id: AccountID, now: Int? = nil) {
        let now = now ?? SteadyClock.milliseconds
        change(id, now: now) { $0.drain() }
        if let twin = twin(of: id) {
            change(twin, now: now) { health in
                _ = health.drain()
                return []
            }
        }
        keepDrained()
    }

    /// The account of that name by the file on trial, where that asks it otherwise: an operator means both.
    private func twin(of id: AccountID) -> AccountID? {
        onTrial.withLock { $0.contains(id.onTrial) ? id.onTrial : nil }
    }

    private func keepDrained() {
        guard let drained else { return }
        do {
            try drained.keep { Set(states.current.accounts.filter { $0.value.isDrained && !$0.key.isOnTrial }.keys) }
        } catch {
            logger?.warning(
                "which accounts are drained cannot be kept: a restart brings them back", metadata: [LogKeys.reason: "\(error)"])
        }
    }

    // MARK: Quota

    /// A poll gave a new reading: cooldowns of models that have quota again end.
    /// - Parameter wallAhead: how far the time of day is ahead of `SteadyClock`, in milliseconds.
    public func record(_ reading: QuotaReading, upstream: String, threshold: Double, now: Int, wallAhead: Int = 0) {
        if reading.error == nil { quota.record(reading, upstream: upstream, now: now, wallAhead: wallAhead) }
        states.update { $0.quotas[upstream] = reading }
        guard reading.error == nil else { return }
        let current = states.current
        for id in current.accounts.keys where id.upstream == upstream {
            endCooldowns(id, now: now) { model in
                guard case .known(let share) = current.share(of: id, model: model, now: now) else { return false }
                return share >= threshold && share != 0
            }
        }
    }

    /// Windows of several models have quota again, before their reset: what was refused for their lack is over.
    func returned(_ id: AccountID, _ windows: [QuotaWindow], threshold: Double, now: Int) {
        quota.endRefusals(id) { model in windows.contains { $0.models.holds(model) } }
        let current = states.current
        endCooldowns(id, now: now) { model in
            guard windows.contains(where: { $0.models.holds(model) }) else { return false }
            guard case .known(let share) = current.share(of: id, model: model, now: now) else { return false }
            return share >= threshold && share != 0
        }
    }

    /// Something tells that models have quota again: their cooldowns end.
    func endCooldowns(_ id: AccountID, now: Int, where hasQuota: (_ model: String) -> Bool) {
        change(id, now: now) { $0.endCooldowns(now: now, where: hasQuota) }
    }

    /// Cooldowns whose time is over end.
    func expireCooldowns(now: Int) {
        for (id, state) in states.current.accounts where state.cooldowns.contains(where: { $0.value.until <= now }) {
            endCooldowns(id, now: now) { _ in false }
        }
    }

    /// Tells which windows are used up or under their threshold, and which are not any more, since it was last called.
    func tellQuota(now: Int) {
        tellUsedUp(now: now)
        let current = states.current
        for change in low.withLock({ $0.look(at: current, now: now) }) { tell(change, now: now) }
        for change in lowRates.withLock({ $0.look(at: current, now: now) }) { tell(change, ofRate: true, now: now) }
    }

    /// The first half alone: a refusal asks for it, which may be of many.
    func tellUsedUp(now: Int) {
        let changes = usedUp.withLock { $0.look(at: states.current, now: now) }
        for (id, change) in changes { tell(change, of: id, now: now) }
    }

    /// Another file runs, with thresholds of its own.
    func follow(_ thresholds: QuotaThresholds) {
        low.withLock { $0.follow(thresholds) }
        lowRates.withLock { $0.follow(thresholds) }
    }

    // MARK: What lasts

    /// What an account is doing, from its first request on.
    func load(of id: AccountID) -> AccountLoad {
        if let load = states.current.loads[id] { return load }
        return states.update { states in
            if let load = states.loads[id] { return load }
            let load = AccountLoad(on: board)
            states[loadOf: id] = load
            return load
        }
    }

    /// Forgets upstreams and accounts that the configuration no longer has, and what was held against credentials that changed. Who is
    /// drained is so by its name until it is freed, should it come back.
    public func keepOnly(_ upstreams: [Upstream], changedCredentials: Set<AccountID> = []) {
        let known = Set(upstreams.flatMap(\.accountIDs))
        let polled = Set(upstreams.filter { $0.quota?.poll != nil }.map(\.name))
        quota.keepOnly(upstreams, changedCredentials: changedCredentials)
        faults.withLock { faults in
            faults = faults.filter { known.contains($0.key) }
            states.update { states in
                // Loops wait for it: a table that stays as it is is not copied.
                if !polled.isSuperset(of: states.quotas.keys) { states.quotas = states.quotas.filter { polled.contains($0.key) } }
                if !known.isSuperset(of: states.accounts.keys) {
                    let gone = states.accounts.filter { !known.contains($0.key) && $0.value.isDrained && !$0.key.isOnTrial }.keys
                    states.accounts = states.accounts.filter { known.contains($0.key) }
                    for id in gone { states.accounts[id, default: AccountState()].isDrained = true }
                }
                if !known.isSuperset(of: states.loads.keys) { states.loads = states.loads.filter { known.contains($0.key) } }
            }
        }
        let now = SteadyClock.milliseconds
        for id in changedCredentials where known.contains(id) { change(id, now: now) { $0.changeCredential() } }
        keepDrained()
    }

    // MARK: Trials

    /// What is known of accounts that a file on trial asks otherwise: where address and credential are the same, what is known already.
    /// - Parameters:
    ///   - all: the accounts on trial.
    ///   - known: the id that one of them has in the file that runs.
    func beginTrial(_ all: [AccountID], _ known: [AccountID: AccountID]) {
        endTrial()
        onTrial.withLock { $0 = Set(all) }
        states.update { states in
            for (id, other) in known {
                states.accounts[id] = states.accounts[other]
                states.windows[id] = states.windows[other]
            }
            // What is drained is so by its name, whatever its address and its credential are.
            for id in all {
                let isDrained = states.accounts[AccountID(upstream: id.upstream, account: id.account)]?.isDrained == true
                if isDrained { states.accounts[id, default: AccountState()].isDrained = true }
            }
        }
    }

    /// What accounts on trial have come to is forgotten.
    func endTrial() {
        onTrial.withLock { $0 = [] }
        faults.withLock { faults in
            faults = faults.filter { !$0.key.isOnTrial }
            states.update { states in
                states.accounts = states.accounts.filter { !$0.key.isOnTrial }
                states.windows = states.windows.filter { !$0.key.isOnTrial }
                states.loads = states.loads.filter { !$0.key.isOnTrial }
            }
        }
    }

    // MARK: Publishing and telling

    /// Lets something happen to an account, publishes what comes of it where anything does, and tells it.
    private func change(_ id: AccountID, now: Int, _ event: (inout AccountHealth) -> [AccountChange]) {
        let changes = faults.withLock { faults -> [AccountChange] in
            var health = AccountHealth(
                state: states.current.accounts[id] ?? AccountState(), faults: faults[id] ?? AccountFaults())
            let changes = event(&health)
            faults[id] = health.faults.isPlain ? nil : health.faults
            if health.isChanged {
                let state = health.state.isPlain ? nil : health.state
                states.update { $0[stateOf: id] = state }
            }
            return changes
        }
        for change in changes { tell(change, of: id, now: now) }
    }

    /// - Parameter isOfRate: a vendor's rate, which is low and full again all the time, and worth no alarm.
    private func tell(_ change: LowWindows.Change, ofRate isOfRate: Bool = false, now: Int) {
        guard let logger else { return }
        var metadata: Logger.Metadata = [
            LogKeys.upstream: "\(change.account.upstream)", LogKeys.account: "\(change.account.account)",
            LogKeys.window: "\(change.kind)", LogKeys.remaining: "\(LogShare.text(change.share))",
            LogKeys.threshold: "\(LogShare.text(change.threshold))",
        ]
        if let model = change.model { metadata[LogKeys.model] = "\(model)" }
        if change.others > 0 { metadata[LogKeys.what] = "for \(change.others) more models too" }
        if let until = change.resetsAt {
            metadata[LogKeys.until] = "\(LogInstant.text(steady: until, now: now, in: settings?.timeZone ?? .utc))"
        }
        if isOfRate {
            let message: Logger.Message =
                change.isLow ? "a rate is under its threshold" : "a rate is not under its threshold any more"
            return logger.info(message, metadata: metadata)
        }
        logger.log(
            level: change.isLow ? .warning : .notice,
            change.isLow ? "quota is under its threshold" : "quota is not under its threshold any more", metadata: metadata)
    }

    /// Characters of the vendor's words that a log line has.
    private static let loggedLength = 300

    /// The state that an account, or a model there, is in now: a change for the better names the one that is over.
    private func word(after change: AccountChange, of id: AccountID, now: Int) -> AccountStanding.Word {
        guard change.direction == .better else { return change.state }
        guard let state = states.current.accounts[id] else { return .ready }
        if let model = change.model, state.availability(of: model, now: now) == .ready { return .ready }
        return state.standing(now: now).word
    }

    private func tell(_ change: AccountChange, of id: AccountID, now: Int) {
        guard let logger else { return }
        var metadata: Logger.Metadata = [
            LogKeys.upstream: "\(id.upstream)", LogKeys.account: "\(id.account)",
            LogKeys.state: "\(word(after: change, of: id, now: now).rawValue)",
            LogKeys.reason: "\(change.reason)",
        ]
        if let model = change.model { metadata[LogKeys.model] = "\(model)" }
        if change.status != 0 { metadata[LogKeys.status] = "\(change.status)" }
        if !change.words.isEmpty { metadata[LogKeys.error] = "\(change.words.prefix(Self.loggedLength))" }
        if let until = change.until {
            metadata[LogKeys.until] = "\(LogInstant.text(steady: until, now: now, in: settings?.timeZone ?? .utc))"
        }
        // A name that only a client has said is worth no alarm, nor is what an operator does.
        let level: Logger.Level =
            switch change.direction {
            case .worse: change.isStranger ? .info : change.state == .drained ? .notice : .warning
            case .better: change.isStranger ? .info : .notice
            }
        let message: Logger.Message =
            switch (change.direction, change.model) {
            case (.worse, nil): "an account is out"
            case (.better, nil): "an account is back"
            case (.worse, _?): "a model rests at an account"
            case (.better, _?): "a model is back at an account"
            }
        logger.log(level: level, message, metadata: metadata)
    }
}

/// Whether a model's name is one that the file, a response, a poll or a list knows, or one that only a client has said.
public enum ModelStatus: Sendable, Hashable {
    case known
    /// Only a client has said it, and it was limited lately: one of few that are told, and whose windows are kept, all the same.
    case newcomer
    case stranger
}
