/// What is held against an account. A value; `AccountHealth` says how it changes. Times are milliseconds of `SteadyClock`.
public struct AccountState: Sendable, Hashable {
    /// The upstream refused the account; until then nobody is sent there.
    public internal(set) var refusal: Refusal?
    /// The breaker is open.
    public internal(set) var failing: Failing?
    /// The cooldowns by model.
    public internal(set) var cooldowns: [String: Cooldown] = [:]
    /// An operator takes no new requests to it.
    public internal(set) var isDrained = false

    public var refusedUntil: Int? { refusal?.until }

    public struct Refusal: Sendable, Hashable {
        /// Then one request probes.
        public internal(set) var until: Int
        public let kind: Kind
        /// The upstream's status.
        public let status: Int
        /// The upstream's own words, keys masked.
        public let message: String
        /// When it was refused for the first time.
        var since = Int.min
        /// Probes that were refused.
        var probes = 0
        /// A request is under way that tries.
        var isProbed = false

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

    /// It fails in a row.
    public struct Failing: Sendable, Hashable {
        /// Then one request probes.
        public internal(set) var until: Int
        public let reason: CooldownReason
    }

    public struct Cooldown: Sendable, Hashable {
        public let until: Int
        public let reason: CooldownReason
        let since: Int
        let modelStatus: ModelStatus
        /// Whether the log has a line of it; else something else told why.
        let isTold: Bool

        /// Whether it is about the account, and not of a name that some client thought of.
        var isConclusive: Bool { modelStatus == .known || reason.isUnreachable }
    }

    /// Whether the account is neither refused, failing, drained nor resting for anything, as `healthy("upstream")` asks.
    public func isHealthy(now: Int) -> Bool {
        if isDrained { return false }
        if let until = refusal?.until, until > now { return false }
        if let until = failing?.until, until > now { return false }
        return !cooldowns.values.contains { $0.until > now && $0.isConclusive }
    }

    /// What a response shows to be in order.
    public enum Proof: Sendable, Hashable {
        case generation
        /// The credential alone.
        case access
    }

    var isPlain: Bool { refusal == nil && failing == nil && !isDrained && cooldowns.isEmpty }

    /// Whether one request has to be let through before others are.
    var awaitsProbe: Bool { refusal != nil || failing != nil || isDrained }

    /// Whether a success of a model would change anything here.
    func isTouched(byServing model: String) -> Bool { refusal != nil || failing != nil || cooldowns[model] != nil }

    /// Whether it may be asked for a model now.
    public func availability(of model: String, now: Int) -> Availability {
        if isDrained { return .drained }
        if let refusal, refusal.until > now {
            return refusal.kind == .money ? .outOfMoney(until: refusal.until) : .refused(until: refusal.until)
        }
        if let failing, failing.until > now { return .failing(until: failing.until) }
        if let cooldown = cooldowns[model], cooldown.until > now { return .cooling(until: cooldown.until) }
        return .ready
    }

    /// The account as a whole: the worst that is held against it.
    public func standing(now: Int) -> AccountStanding {
        if isDrained { return AccountStanding(.drained, reason: "drained by an operator") }
        if let refusal {
            return AccountStanding(refusal.kind == .money ? .outOfMoney : .refused, reason: refusal.message, until: refusal.until)
        }
        if let failing { return AccountStanding(.failing, reason: failing.reason.words, until: failing.until) }
        let resting = cooldowns.values.filter { $0.until > now }
        guard let longest = resting.max(by: { $0.until < $1.until }) else { return AccountStanding(.ready) }
        return AccountStanding(.cooling, reason: longest.reason.words, until: longest.until)
    }
}

/// Whether an account may be asked for a model. Times are milliseconds of `SteadyClock`.
public enum Availability: Sendable, Hashable {
    case ready
    /// It was limited.
    case cooling(until: Int)
    /// A window is used up.
    case outOfQuota(until: Int)
    case outOfMoney(until: Int)
    /// The upstream refused the account's credential.
    case refused(until: Int)
    /// It failed in a row.
    case failing(until: Int)
    /// An operator takes no new requests to it.
    case drained
}

/// The state of an account as people read it.
public struct AccountStanding: Sendable, Hashable {
    /// The raw value is the word of the admin API and of log lines.
    public enum Word: String, Sendable, Hashable, CaseIterable {
        case ready, cooling, refused, failing, drained
        case outOfQuota = "out_of_quota"
        case outOfMoney = "out_of_money"
    }

    public let word: Word
    /// Why, in words; nil where there is nothing to say.
    public let reason: String?
    /// Milliseconds of `SteadyClock`; in the past where the next request probes. nil for what does not end by itself.
    public let until: Int?

    public init(_ word: Word, reason: String? = nil, until: Int? = nil) {
        self.word = word
        self.reason = reason
        self.until = until
    }
}
