import Basics
import Dialects

/// What one poll of an upstream told of its models' remaining quota, the best account of each counted.
public struct QuotaReading: Sendable, Hashable {
    /// Milliseconds since 1970.
    public var takenAt: Int
    /// Until when it is believed, as `SteadyClock` counts.
    public var goodUntil: Int
    public var models: [String: Model]
    /// The names of accounts that the poll has and that do not count; so many of them as an upstream has models.
    var unusable: Set<String> = []
    /// The first of its accounts that told a share that cannot be, which is not believed; what `handle` is of others.
    var odd: String?
    /// Why the last poll gave nothing; the models are then those of the one before.
    public var error: String?

    public struct Model: Sendable, Hashable {
        /// What each account that counts says.
        public var accounts: [AccountQuota]
    }

    /// What one account says of one model.
    public struct AccountQuota: Sendable, Hashable {
        public var account: String
        /// 0–1; nil is unknown, unless `emptyUntil` is still to come.
        public var fraction: Double?
        /// Used up until then, as `SteadyClock` counts.
        public var emptyUntil: Int?
        /// Milliseconds since 1970.
        public var resetAt: Int?
        /// The name that one of `accounts` may have: `name`, else what is before the @ of `email`.
        var handle = ""

        func level(now: Int) -> QuotaLevel {
            if let emptyUntil, emptyUntil > now { return .known(0) }
            guard let fraction else { return .unknown }
            return .known(fraction)
        }
    }

    public init(takenAt: Int, goodUntil: Int, models: [String: Model] = [:], error: String? = nil) {
        self.takenAt = takenAt
        self.goodUntil = goodUntil
        self.models = models
        self.error = error
    }

    /// The least that `level` can be of any model at any time; 1 where nothing is known.
    var leastLevel: Double {
        models.values.map { model in
            model.accounts.map { $0.emptyUntil == nil ? $0.fraction ?? 1 : 0 }.max() ?? 1
        }.min() ?? 1
    }

    /// The same, with what it says of models under the names by which they are asked for.
    /// - Parameter names: model → what the poll calls it.
    func called(_ names: [String: String]) -> QuotaReading {
        var reading = self
        for (model, name) in names { reading.models[model] = models[name] }
        return reading
    }

    /// The best account's share. A model that nobody named, or a reading too old, is unknown.
    public func level(of model: String, now: Int) -> QuotaLevel {
        guard now <= goodUntil, let model = models[model] else { return .unknown }
        return Self.best(of: model.accounts, now: now)
    }

    static func best(of accounts: some Sequence<AccountQuota>, now: Int) -> QuotaLevel {
        var best: Double?
        for account in accounts {
            switch account.level(now: now) {
            case .unknown: return .unknown
            case .known(let share): best = max(best ?? 0, share)
            }
        }
        return best.map { .known($0) } ?? .unknown
    }

    /// What an upstream names is kept up to here: models, characters of a name, words of accounts on models.
    static let maximumModels = 1_000
    static let longestName = 256
    static let maximumShares = 20_000
    /// No window is longer than a week and a day.
    private static let longestWindow = 8 * 86_400_000

    /// Reads `accounts[].models{}.remainingFraction` (conversion.md 9.1). Nil: the body is nothing of the kind.
    /// - Parameter wallAhead: how far the time of day is ahead of `SteadyClock`, in milliseconds.
    public init?(health body: [UInt8], takenAt: Int, goodUntil: Int, wallAhead: Int = 0) {
        guard let document = try? JSONValue(parsing: body, limits: .init(depth: 32, count: 500_000)),
            let accounts = document["accounts"]?.array
        else { return nil }
        self.init(takenAt: takenAt, goodUntil: goodUntil)
        var shares = 0
        for (index, account) in accounts.enumerated() {
            let (email, given) = (account["email"]?.string, account["name"]?.string)
            let name = email ?? given ?? String(index)
            let handle = given ?? email.map { String($0.prefix { $0 != "@" }) } ?? ""
            if let status = account["status"]?.string, status == "invalid" || status == "error" {
                if unusable.count < Self.maximumModels { unusable.insert(String(handle.prefix(Self.longestName))) }
                continue
            }
            let limits = account["modelRateLimits"]
            guard let named = account["models"]?.object else { continue }
            for member in named.members where shares < Self.maximumShares && member.key.utf8.count <= Self.longestName {
                if models.count >= Self.maximumModels, models[member.key] == nil { continue }
                var share = Self.read(member.value, limit: limits?[member.key], account: name, now: takenAt)
                if odd == nil, Self.isOdd(member.value) { odd = String(handle.prefix(Self.longestName)) }
                share.account = String(name.prefix(Self.longestName))
                share.handle = String(handle.prefix(Self.longestName))
                share.emptyUntil = share.emptyUntil.map { min($0, takenAt &+ Self.longestWindow) &- wallAhead }
                models[member.key, default: Model(accounts: [])].accounts.append(share)
                shares += 1
            }
        }
    }

    private static func read(_ value: JSONValue, limit: JSONValue?, account: String, now: Int) -> AccountQuota {
        let reset = value["resetTime"].flatMap(milliseconds)
        var share = AccountQuota(account: account, fraction: nil, emptyUntil: nil, resetAt: reset)
        if let fraction = value["remainingFraction"]?.double, fraction.isFinite {
            if !isOdd(value) { share.fraction = min(max(fraction, 0), 1) }
        } else if let reset, reset > now {
            share.emptyUntil = reset
        }
        if limit?["isRateLimited"]?.bool == true, let until = limit?["resetTime"].flatMap(milliseconds), until > now {
            share.emptyUntil = until
            share.resetAt = until
        }
        return share
    }

    /// Less than nothing, or more than all: not what an inexact division leaves.
    private static func isOdd(_ value: JSONValue) -> Bool {
        guard let fraction = value["remainingFraction"]?.double, fraction.isFinite else { return false }
        return fraction < -inexactness || fraction > 1 + inexactness
    }

    private static let inexactness = 1e-6

    /// A time as seconds or milliseconds since 1970 (a number), or as ISO 8601 text.
    private static func milliseconds(_ value: JSONValue) -> Int? {
        if let number = value.double { return RetryAfter.instant(number).map { Int($0 * 1_000) } }
        return value.string.flatMap { RFC3339.parse($0, .lenient)?.milliseconds }
    }
}
