import Dialects

/// What one poll of an upstream told of its models' remaining quota, the best account of each counted.
public struct QuotaReading: Sendable, Hashable {
    /// Milliseconds since 1970.
    public var takenAt: Int
    /// Until then it is believed, as `SteadyClock` counts.
    public var goodUntil: Int
    public var models: [String: Model]
    /// The names of accounts that the poll has and that do not count; so many of them as an upstream has models.
    var unusable: Set<String> = []
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
            share.fraction = min(max(fraction, 0), 1)
        } else if let reset, reset > now {
            share.emptyUntil = reset
        }
        if limit?["isRateLimited"]?.bool == true, let until = limit?["resetTime"].flatMap(milliseconds), until > now {
            share.emptyUntil = until
            share.resetAt = until
        }
        return share
    }

    /// A time as milliseconds (a number) or as ISO 8601 text.
    private static func milliseconds(_ value: JSONValue) -> Int? {
        if let number = value.double, number.isFinite, number > 0, number < 1e15 { return Int(number) }
        guard let text = value.string else { return nil }
        return InstantText.milliseconds(text)
    }
}

/// ISO 8601 instants as APIs write them: `2026-02-11T14:00:00.123Z`, `…+08:00`.
enum InstantText {
    static func milliseconds(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[13] == UInt8(ascii: ":"),
            let year = number(bytes, 0..<4), let month = number(bytes, 5..<7), (1...12).contains(month),
            let day = number(bytes, 8..<10), (1...31).contains(day), let hour = number(bytes, 11..<13), hour < 24,
            let minute = number(bytes, 14..<16), minute < 60, let second = number(bytes, 17..<19), second <= 60
        else { return nil }
        var index = 19
        var fraction = 0
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            var scale = 100
            while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 {
                fraction += Int(bytes[index] &- UInt8(ascii: "0")) * scale
                scale /= 10
                index += 1
            }
        }
        guard let offset = offsetSeconds(bytes[index...]) else { return nil }
        return (days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1000 + fraction
    }

    private static func offsetSeconds(_ text: ArraySlice<UInt8>) -> Int? {
        guard let first = text.first else { return 0 }
        if first == UInt8(ascii: "Z") || first == UInt8(ascii: "z") { return text.count == 1 ? 0 : nil }
        let digits = text.dropFirst().filter { $0 != UInt8(ascii: ":") }
        guard first == UInt8(ascii: "+") || first == UInt8(ascii: "-"), digits.count == 4,
            let hours = number(digits, 0..<2), let minutes = number(digits, 2..<4)
        else { return nil }
        return (hours * 3600 + minutes * 60) * (first == UInt8(ascii: "-") ? -1 : 1)
    }

    private static func number(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        var result = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            result = result * 10 + Int(digit)
        }
        return result
    }

    /// Days since 1970-01-01 of the proleptic Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
