import Dialects
import ProxyCore
import RuleEngine

/// A tier as it is now: its targets with quota, threshold and accounts.
struct TierReport {
    let text: String
    let choice: Tier.Choice
    let targets: [TargetReport]

    /// - Parameters:
    ///   - model: what a client would ask for; nil when the rule's patterns leave it open.
    ///   - capture: what the first `*` of the matching pattern took.
    ///   - fallback: that of the rule. Where it is off the first account answers, whatever is known of it.
    init(
        _ tier: ResolvedTier, model: String?, capture: String?, fallback: FallbackPolicy, configuration: Configuration,
        accounts: LiveAccounts
    ) {
        text = tier.text
        choice = tier.choice
        targets = tier.targets.compactMap { target in
            configuration.upstream(at: target.upstream).map {
                TargetReport(
                    target, upstream: $0, askedFor: model, capture: capture, isChoosing: fallback.enabled, accounts: accounts)
            }
        }
    }

    var isAvailable: Bool { targets.contains(where: \.isAvailable) }

    /// The target that speaks for the tier: the fullest of those that can be asked, else the fullest.
    var best: TargetReport? {
        let usable = targets.filter(\.isAvailable)
        return (usable.isEmpty ? targets : usable).max { ($0.remaining ?? 1) < ($1.remaining ?? 1) }
    }

    /// The five members that the predecessor's scripts read.
    var summary: JSONValue {
        [
            "name": .string(text),
            "model": .text(best?.model),
            "type": .text(best?.upstream.dialect.rawValue),
            "remaining": .string(Percent.text(best?.remaining)),
            "available": .bool(isAvailable),
        ]
    }

    /// The summary, and every target by itself.
    /// - Parameter marks: what else is to be told of a target's account.
    func detail(
        zone: ZonedTime, marks: (_ target: TargetReport, _ account: String) -> [(String, JSONValue)] = { _, _ in [] }
    ) -> JSONValue {
        let told = targets.map { target in target.json(zone: zone) { marks(target, $0) } }
        return summary.adding(["choose": .string(choice.rawValue), "targets": .array(told)])
    }

    /// Each target as an entry of its own. The tier's targets stand at the first, so that a walk through all finds each once.
    func entries(
        zone: ZonedTime, marks: (_ target: TargetReport, _ account: String) -> [(String, JSONValue)]
    ) -> [JSONValue] {
        let told = targets.map { target in target.json(zone: zone) { marks(target, $0) } }
        return told.indices.map { index in
            let target = targets[index]
            let members: [(String, JSONValue)] = [
                ("tier", .string(text)), ("upstream", .string(target.upstream.name)), ("name", .string(text)),
                ("model", .string(target.model)), ("type", .string(target.upstream.dialect.rawValue)),
                ("remaining", .string(Percent.text(target.remaining))), ("available", .bool(target.isAvailable)),
                ("obstacle", .text(target.obstacle)), ("accounts", told[index]["accounts"] ?? .array([])),
                ("choose", .string(choice.rawValue)), ("targets", .array(index == 0 ? told : [])),
            ]
            return .ordered(members)
        }
    }
}

/// One target of a tier: its model, its accounts, and whether it would be asked now.
struct TargetReport {
    let upstream: Upstream
    /// The model the upstream is asked for; a pattern when the rule leaves it open.
    let model: String
    let threshold: Double
    let maxTokens: Int?
    let remaining: Double?
    let accounts: [AccountOutlook]
    private let live: LiveAccounts

    init(
        _ target: ResolvedTier.Target, upstream: Upstream, askedFor: String?, capture: String?, isChoosing: Bool,
        accounts live: LiveAccounts
    ) {
        let model = target.tierTarget.model(askedFor: askedFor ?? "*", capture: capture)
        self.upstream = upstream
        self.model = model
        threshold = target.threshold
        maxTokens = target.tierTarget.maxTokens
        remaining = live.remaining(upstream: upstream.name, model: model)
        accounts = upstream.accounts.map { account in
            AccountOutlook(
                name: account.name,
                availability: live.availability(upstream: upstream.name, account: account.name, model: model),
                share: live.share(upstream: upstream.name, account: account.name, model: model), threshold: target.threshold,
                isUnusable: live.isUnusable(upstream: upstream.name, account: account.name), isChoosing: isChoosing)
        }
        self.live = live
    }

    /// What a request that is asked now would find: some account that may serve and has enough left.
    var isAvailable: Bool { accounts.contains(where: \.canServe) }

    /// Whether one account may serve and has enough left.
    func canServe(_ account: String) -> Bool { accounts.contains { $0.name == account && $0.canServe } }

    /// Why it would be passed over; nil when it would not.
    var obstacle: String? {
        guard !isAvailable else { return nil }
        if accounts.contains(where: { $0.availability == .ready && !$0.isUnusable }) { return "under its threshold" }
        let states = Set(accounts.filter { !$0.isUnusable }.map(\.availability.word))
        if states == [.refused] { return "every account is refused by the upstream" }
        let told = AccountStanding.Word.allCases.filter { states.contains($0) }.map(\.words)
        return told.isEmpty ? "it has no account" : "every account is " + told.joined(separator: " or ")
    }

    func json(zone: ZonedTime, marks: (_ account: String) -> [(String, JSONValue)]) -> JSONValue {
        [
            "upstream": .string(upstream.name),
            "model": .string(model),
            "type": .string(upstream.dialect.rawValue),
            "remaining": .string(Percent.text(remaining)),
            "threshold": .string(Percent.text(threshold)),
            "available": .bool(isAvailable),
            "obstacle": .text(obstacle),
            "max_tokens": .count(maxTokens),
            "accounts": .array(accounts.map { .ordered(members($0, zone) + marks($0.name)) }),
        ]
    }

    private func members(_ account: AccountOutlook, _ zone: ZonedTime) -> [(String, JSONValue)] {
        let until = account.availability.until
        return [
            ("name", .string(account.name)),
            ("account", .string(account.name)),
            ("state", .string(account.availability.word.rawValue)),
            ("until", .text(until.map { zone.iso(seconds: live.wallSeconds($0)) })),
            ("reason", .text(reason(account))),
            ("share", account.knownShare.map { .fraction($0) } ?? .null),
        ]
    }

    /// Why the account is not asked; nil when it may be.
    private func reason(_ account: AccountOutlook) -> String? {
        switch account.availability {
        case .ready:
            if account.isUnusable { return "the quota poll calls it unusable" }
            guard account.isUnderThreshold else { return nil }
            return "\(Percent.text(account.knownShare)) left, under the threshold of \(Percent.text(threshold))"
        case .cooling:
            let condition = live.condition(upstream: upstream.name, account: account.name)
            return condition.cooldowns.first { $0.model == model }?.reason.description
        case .outOfQuota: return live.usedUp(upstream: upstream.name, account: account.name, model: model)?.reason
        case .outOfMoney, .refused, .failing, .drained:
            let standing = live.standing(upstream: upstream.name, account: account.name)
            return standing.reason.map { String($0.prefix(300)) }
        }
    }
}

/// What a request for one model would find at an account.
struct AccountOutlook {
    let name: String
    let availability: Availability
    let share: QuotaLevel
    let threshold: Double
    /// Whether its upstream's poll says so, and of others not.
    let isUnusable: Bool
    /// Whether it is passed over for what is known of it; an operator's word counts all the same.
    let isChoosing: Bool

    /// Exactly the threshold is enough; unknown counts as enough.
    var isUnderThreshold: Bool { share.isUnder(threshold) }
    var canServe: Bool { isChoosing ? availability == .ready && !isUnderThreshold && !isUnusable : availability != .drained }

    /// 0–1; nil when unknown.
    var knownShare: Double? {
        switch share {
        case .known(let share): share
        case .unknown: nil
        }
    }
}

extension AccountStanding.Word {
    /// The word's form within a sentence.
    fileprivate var words: String {
        switch self {
        case .cooling: "cooling down"
        case .outOfQuota: "out of quota"
        case .outOfMoney: "out of money"
        case .ready, .refused, .failing, .drained: rawValue
        }
    }
}

extension Availability {
    /// The word of the admin API.
    var word: AccountStanding.Word {
        switch self {
        case .ready: .ready
        case .cooling: .cooling
        case .outOfQuota: .outOfQuota
        case .outOfMoney: .outOfMoney
        case .refused: .refused
        case .failing: .failing
        case .drained: .drained
        }
    }

    /// Milliseconds of `SteadyClock`; nil for what does not end by itself.
    var until: Int? {
        switch self {
        case .cooling(let until), .outOfQuota(let until), .outOfMoney(let until), .refused(let until), .failing(let until): until
        case .ready, .drained: nil
        }
    }
}

/// Shares as people read them.
enum Percent {
    /// `80%`, `2.5%`; `unknown` for nil.
    static func text(_ share: Double?) -> String {
        guard let share, share.isFinite else { return "unknown" }
        let tenths = (min(max(share, 0), 1) * 1000).rounded()
        return tenths.truncatingRemainder(dividingBy: 10) == 0 ? "\(Int(tenths / 10))%" : "\(tenths / 10)%"
    }
}
