/// What an account is worth.
public enum AccountStatus: String, Sendable, CaseIterable {
    case ok, invalid, error
}

/// What is left of each account for each model. Pure: the time comes from outside, in seconds.
struct SimulatedQuotas {
    private let options: SimulatorOptions
    private var quotas: [Key: Quota] = [:]
    private var statuses: [String: AccountStatus] = [:]
    private(set) var lastUsed: [String: Double] = [:]
    private(set) var models: [String]

    /// Models nobody configured are remembered up to this many.
    private static let modelLimit = 200
    /// Seconds until a quota is said to come back when it does not refill by itself.
    private static let resetPeriod = 3600.0

    private struct Key: Hashable {
        var account: String
        var model: String
    }

    private struct Quota {
        /// nil: not known.
        var remaining: Double?
        /// When `remaining` was right.
        var time: Double
    }

    init(options: SimulatorOptions) {
        self.options = options
        models = options.models
    }

    // MARK: Reading

    func status(of account: String) -> AccountStatus { statuses[account] ?? .ok }

    /// Share 0–1; nil when not known.
    func remaining(account: String, model: String, now: Double) -> Double? {
        guard let quota = quotas[Key(account: account, model: model)] else { return 1 }
        guard let remaining = quota.remaining else { return nil }
        return min(1, remaining + max(0, now - quota.time) / 60 * options.refillPerMinute)
    }

    /// When the quota will be full again; nil while it is.
    func reset(account: String, model: String, now: Double) -> Double? {
        guard let remaining = remaining(account: account, model: model, now: now), remaining < 1 else { return nil }
        guard options.refillPerMinute > 0 else { return now + Self.resetPeriod }
        return now + (1 - remaining) / options.refillPerMinute * 60
    }

    /// Seconds until some account has enough for one more response.
    func wait(model: String, now: Double) -> Int {
        let waits = options.accounts.map { account in
            let missing = options.drainPerRequest - (remaining(account: account.name, model: model, now: now) ?? 1)
            return options.refillPerMinute > 0 ? max(missing, 0) / options.refillPerMinute * 60 : Self.resetPeriod
        }
        return Int((waits.min() ?? Self.resetPeriod).rounded(.up).clamped(to: 1...86_400))
    }

    // MARK: Using

    /// The account that answers next: the fullest of those that can pay for a response.
    ///
    /// - Parameters:
    ///   - own: the only one to ask, where the request's key belongs to one.
    ///   - refused: those whose allowance is used up.
    func account(for model: String, own: String?, besides refused: Set<String> = [], now: Double) -> String? {
        options.accounts.map(\.name)
            .filter { (own == nil || $0 == own) && status(of: $0) == .ok && !refused.contains($0) }
            .map { (name: $0, remaining: remaining(account: $0, model: model, now: now) ?? 1) }
            .filter { $0.remaining > 0 && $0.remaining >= options.drainPerRequest }
            .max { $0.remaining < $1.remaining }?.name
    }

    mutating func use(account: String, model: String, now: Double) {
        if !models.contains(model) {
            guard models.count < Self.modelLimit else { return }
            models.append(model)
        }
        lastUsed[account] = now
        guard let remaining = remaining(account: account, model: model, now: now) else { return }
        quotas[Key(account: account, model: model)] = Quota(remaining: max(0, remaining - options.drainPerRequest), time: now)
    }

    // MARK: Fire drills

    /// `*` stands for every account, and for every model.
    mutating func set(_ share: Double?, account pattern: String, model: String, now: Double) {
        if model != "*", !models.contains(model), models.count < Self.modelLimit { models.append(model) }
        for account in options.accounts.map(\.name) where SimulatedFailure.matches(pattern, account) {
            for known in models where SimulatedFailure.matches(model, known) {
                quotas[Key(account: account, model: known)] = Quota(remaining: share.map { $0.clamped(to: 0...1) }, time: now)
            }
        }
    }

    mutating func set(_ status: AccountStatus, account pattern: String) {
        for name in options.accounts.map(\.name) where SimulatedFailure.matches(pattern, name) { statuses[name] = status }
    }

    mutating func clear() {
        quotas = [:]
        statuses = [:]
    }
}

extension Comparable {
    func clamped(to range: ClosedRange<Self>) -> Self { min(max(self, range.lowerBound), range.upperBound) }
}
