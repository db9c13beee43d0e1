import Logging

/// Keeps the live state of accounts: written when something happens, read by every loop through `states`.
public final class AccountBook: Sendable {
    public let states: Published<AccountStates>
    /// What is left of the accounts.
    public let quota: QuotaBook
    private let logger: Logger?

    /// How long a refused account is not offered before others. It comes back by itself then, or by a success,
    /// since what was refused is often put right at the vendor's.
    static let refusalMilliseconds = 5 * 60 * 1000
    /// An account's table of resting models holds so many.
    static let restingModels = 1_000
    /// Bytes of a model's name that are kept; no vendor has a longer one.
    static let longestModel = 256
    /// Characters of the vendor's words that a log line has.
    private static let loggedLength = 300

    public init(logger: Logger? = nil) {
        states = Published(AccountStates())
        quota = QuotaBook(states: states, logger: logger)
        self.logger = logger
    }

    /// An account failed in a way that sends requests elsewhere. Times are `SteadyClock`'s.
    public func cool(
        _ id: AccountID, model: String, until: Int, reason: CooldownReason, modelStatus: ModelStatus = .known, now: Int? = nil
    ) {
        guard model.utf8.count <= Self.longestModel else { return }
        let now = now ?? SteadyClock.milliseconds
        states.update { states in
            var cooldowns = states.accounts[id]?.cooldowns ?? [:]
            if cooldowns.count >= Self.restingModels, cooldowns[model] == nil {
                cooldowns = cooldowns.filter { $0.value.until > now }
                if cooldowns.count >= Self.restingModels, let oldest = Self.leastMissed(of: cooldowns) { cooldowns[oldest] = nil }
            }
            cooldowns[model] = AccountState.Cooldown(until: until, reason: reason, since: now, modelStatus: modelStatus)
            states.accounts[id, default: AccountState()].cooldowns = cooldowns
        }
    }

    /// Who gives way: of the names that only a client knows the oldest, else the oldest of all.
    private static func leastMissed(of cooldowns: [String: AccountState.Cooldown]) -> String? {
        cooldowns.min { a, b in
            a.value.modelStatus == b.value.modelStatus ? a.value.since < b.value.since : a.value.modelStatus == .stranger
        }?.key
    }

    /// The upstream refused an account, whatever it is asked for. One line of the log when it goes out.
    public func refuse(_ id: AccountID, _ refusal: AccountState.Refusal) {
        let isNew = states.update { states -> Bool in
            let before = states.accounts[id]?.refusal
            states.accounts[id, default: AccountState()].refusal = refusal
            return before?.kind != refusal.kind || before?.status != refusal.status
        }
        guard isNew else { return }
        logger?.warning(
            "an account is out",
            metadata: [
                LogKeys.upstream: "\(id.upstream)", LogKeys.account: "\(id.account)", LogKeys.status: "\(refusal.status)",
                LogKeys.reason: "\(refusal.kind.rawValue)", LogKeys.error: "\(refusal.message.prefix(Self.loggedLength))",
            ])
    }

    /// An account served a model: what was held against it is over.
    public func succeed(_ id: AccountID, model: String, proves: AccountState.Proof = .generation) {
        let isBack = states.update { states -> Bool in
            guard var state = states.accounts[id] else { return false }
            // A list of models costs nothing: it says nothing of the balance.
            let endsRefusal = state.refusal.map { $0.kind != .money || proves == .generation } ?? false
            if endsRefusal { state.refusal = nil }
            state.cooldowns[model] = nil
            states.accounts[id] = state.isPlain ? nil : state
            return endsRefusal
        }
        if isBack { tellBack(id, reason: "served") }
    }

    /// An operator ends what is held against an account.
    public func free(_ id: AccountID) {
        states.update { $0.accounts[id] = nil }
        tellBack(id, reason: "freed")
    }

    private func tellBack(_ id: AccountID, reason: String) {
        logger?.notice(
            "an account is back",
            metadata: [LogKeys.upstream: "\(id.upstream)", LogKeys.account: "\(id.account)", LogKeys.reason: "\(reason)"])
    }

    /// A poll gave a new reading: cooldowns of models that have quota again end.
    /// - Parameter wallAhead: how far the time of day is ahead of `SteadyClock`, in milliseconds.
    public func record(_ reading: QuotaReading, upstream: String, threshold: Double, now: Int, wallAhead: Int = 0) {
        if reading.error == nil { quota.record(reading, upstream: upstream, now: now, wallAhead: wallAhead) }
        states.update { states in
            states.quotas[upstream] = reading
            guard reading.error == nil else { return }
            for (id, state) in states.accounts where id.upstream == upstream {
                var state = state
                state.cooldowns = state.cooldowns.filter { model, cooldown in
                    guard cooldown.until > now, case .known(let share) = states.share(of: id, model: model, now: now) else {
                        return cooldown.until > now
                    }
                    return share < threshold || share == 0
                }
                states.accounts[id] = state.isPlain ? nil : state
            }
        }
    }

    /// Forgets upstreams and accounts that the configuration no longer has, and refusals of credentials that changed.
    public func keepOnly(_ upstreams: [Upstream], changedCredentials: Set<AccountID> = []) {
        let known = Set(
            upstreams.flatMap { upstream in
                upstream.accounts.map { AccountID(upstream: upstream.name, account: $0.name) }
            })
        let polled = Set(upstreams.filter { $0.quota?.poll != nil }.map(\.name))
        quota.keepOnly(upstreams, changedCredentials: changedCredentials)
        let back = states.update { states -> [AccountID] in
            let back = changedCredentials.filter { known.contains($0) && states.accounts[$0]?.refusal != nil }
            states.quotas = states.quotas.filter { polled.contains($0.key) }
            states.accounts = states.accounts.filter { known.contains($0.key) && !changedCredentials.contains($0.key) }
            return Array(back)
        }
        for id in back { tellBack(id, reason: "its credential changed") }
    }
}

/// Whether a model's name is one that the file or a response knows, or one that only a client has said.
public enum ModelStatus: Sendable, Hashable {
    case known
    case stranger
}
