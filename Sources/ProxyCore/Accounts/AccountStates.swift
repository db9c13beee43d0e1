/// One credential of one upstream, by name: what live state is keyed by, so that it outlives a reload.
public struct AccountID: Sendable, Hashable {
    public let upstream: String
    public let account: String

    public init(upstream: String, account: String) {
        self.upstream = upstream
        self.account = account
    }
}

extension Upstream {
    /// The ids of its accounts, in the file's order.
    var accountIDs: [AccountID] { accounts.map { AccountID(upstream: name, account: $0.name) } }
}

/// What is known at this moment of upstreams and accounts: quota, cooldowns, refused credentials.
///
/// A value: the event loops read it, `AccountBook` replaces it. Times are milliseconds of `SteadyClock`.
public struct AccountStates: Sendable {
    public internal(set) var quotas: [String: QuotaReading] = [:] {
        didSet { findLeast() }
    }
    /// What is left of each account's windows.
    public internal(set) var windows: [AccountID: AccountWindows] = [:] {
        didSet { findLeast() }
    }
    /// The accounts that the file has, by upstream.
    public internal(set) var accountIDs: [String: [AccountID]] = [:]
    public internal(set) var accounts: [AccountID: AccountState] = [:]

    /// No model of any account has less left than this, now or later, while nothing new is told: mostly all that is asked.
    private(set) var leastLevel = 1.0

    public init() {}

    private mutating func findLeast() {
        let polled = quotas.values.map(\.leastLevel).min() ?? 1
        leastLevel = min(polled, windows.values.map(\.leastShare).min() ?? 1)
    }

    /// Whether an account may be asked for a model now, cooldown and credential considered, quota not.
    public func availability(of id: AccountID, model: String, now: Int) -> Availability {
        guard !accounts.isEmpty, let state = accounts[id] else { return .ready }
        if let until = state.refusedUntil, until > now { return .refused }
        if let cooldown = state.cooldowns[model], cooldown.until > now { return .cooling(until: cooldown.until) }
        return .ready
    }
}

/// Remaining quota, 0–1.
public enum QuotaLevel: Sendable, Hashable {
    case known(Double)
    /// Counts as available.
    case unknown

    public func isUnder(_ threshold: Double) -> Bool {
        switch self {
        case .known(let share): share < threshold
        case .unknown: false
        }
    }

    /// The number by which the fullest is chosen; unknown counts as full.
    var rank: Double {
        switch self {
        case .known(let share): share
        case .unknown: 1
        }
    }
}

public enum Availability: Sendable, Hashable {
    case ready
    case cooling(until: Int)
    /// The upstream refused the account's credential.
    case refused
}

public struct AccountState: Sendable, Hashable {
    /// The upstream refused the account; until then others are preferred.
    public internal(set) var refusal: Refusal?
    /// The cooldowns by model.
    public internal(set) var cooldowns: [String: Cooldown] = [:]

    public var refusedUntil: Int? { refusal?.until }

    public struct Refusal: Sendable, Hashable {
        public let until: Int
        public let kind: Kind
        /// The upstream's status.
        public let status: Int
        /// The upstream's own words, keys masked.
        public let message: String

        /// What it was about, as logs and the admin API say it.
        public enum Kind: String, Sendable, Hashable {
            case credential = "refused"
            case money = "out_of_money"
        }

        public init(until: Int, kind: Kind = .credential, status: Int = 401, message: String = "") {
            self.until = until
            self.kind = kind
            self.status = status
            self.message = message
        }
    }

    public struct Cooldown: Sendable, Hashable {
        public let until: Int
        public let reason: CooldownReason
        let since: Int
        let modelStatus: ModelStatus

        /// Whether it is about the account, and not of a name that some client thought of.
        var isConclusive: Bool { modelStatus == .known || reason.isUnreachable }
    }

    /// Whether the account is neither refused nor resting for anything, as `healthy("upstream")` asks.
    public func isHealthy(now: Int) -> Bool {
        if let until = refusal?.until, until > now { return false }
        return !cooldowns.values.contains { $0.until > now && $0.isConclusive }
    }

    /// What a response shows to be in order.
    public enum Proof: Sendable, Hashable {
        case generation
        /// The credential alone.
        case access
    }

    var isPlain: Bool { refusal == nil && cooldowns.isEmpty }
}
