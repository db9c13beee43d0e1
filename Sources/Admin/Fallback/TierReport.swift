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
    init(
        _ tier: ResolvedTier, model: String?, capture: String?, configuration: Configuration, accounts: LiveAccounts
    ) {
        text = tier.text
        choice = tier.choice
        targets = tier.targets.compactMap { target in
            configuration.upstream(at: target.upstream).map {
                TargetReport(target, upstream: $0, askedFor: model, capture: capture, accounts: accounts)
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
    func detail(zone: ZonedTime) -> JSONValue {
        summary.adding(["choose": .string(choice.rawValue), "targets": .array(targets.map { $0.json(zone: zone) })])
    }
}

struct TargetReport {
    let upstream: Upstream
    /// The model the upstream is asked for; a pattern when the rule leaves it open.
    let model: String
    let threshold: Double
    let maxTokens: Int?
    let remaining: Double?
    let isUnderThreshold: Bool
    let accounts: [(name: String, availability: Availability)]
    private let live: LiveAccounts

    init(
        _ target: ResolvedTier.Target, upstream: Upstream, askedFor: String?, capture: String?, accounts live: LiveAccounts
    ) {
        let model = target.tierTarget.model(askedFor: askedFor ?? "*", capture: capture)
        self.upstream = upstream
        self.model = model
        threshold = target.threshold
        maxTokens = target.tierTarget.maxTokens
        remaining = live.remaining(upstream: upstream.name, model: model)
        isUnderThreshold = live.quotaLevel(upstream: upstream.name, model: model).isUnder(target.threshold)
        accounts = upstream.accounts.map { account in
            (account.name, live.availability(upstream: upstream.name, account: account.name, model: model))
        }
        self.live = live
    }

    /// Exactly the threshold is enough; unknown counts as available.
    var isAvailable: Bool { !isUnderThreshold && accounts.contains { $0.availability == .ready } }

    /// Why it would be passed over; nil when it would not.
    var obstacle: String? {
        if isUnderThreshold { return "under its threshold" }
        guard !accounts.contains(where: { $0.availability == .ready }) else { return nil }
        let refused = accounts.allSatisfy { if case .refused = $0.availability { true } else { false } }
        return refused ? "every account is refused by the upstream" : "every account is cooling down or refused"
    }

    func json(zone: ZonedTime) -> JSONValue {
        [
            "upstream": .string(upstream.name),
            "model": .string(model),
            "type": .string(upstream.dialect.rawValue),
            "remaining": .string(Percent.text(remaining)),
            "threshold": .string(Percent.text(threshold)),
            "available": .bool(isAvailable),
            "obstacle": .text(obstacle),
            "max_tokens": .count(maxTokens),
            "accounts": .array(
                accounts.map { JSONValue.ordered([("name", .string($0.name))] + members($0.name, $0.availability, zone)) }),
        ]
    }

    private func members(_ account: String, _ availability: Availability, _ zone: ZonedTime) -> [(String, JSONValue)] {
        let condition = live.condition(upstream: upstream.name, account: account)
        func time(_ steady: Int) -> JSONValue { .string(zone.iso(seconds: live.wallSeconds(steady))) }
        switch availability {
        case .ready: return [("state", "ready")]
        case .cooling(let until):
            let reason = condition.cooldowns.first { $0.model == model }?.reason.description
            return [
                ("state", "cooling_down"), ("until", time(until)), ("reason", .text(reason)),
            ]
        case .refused(let until): return [("state", "refused"), ("until", time(until))]
        case .outOfMoney(let until): return [("state", "out_of_money"), ("until", time(until))]
        case .outOfQuota(let until): return [("state", "out_of_quota"), ("until", time(until))]
        case .failing(let until):
            return [("state", "failing"), ("until", time(until)), ("reason", .text(condition.failing?.reason.words))]
        case .drained: return [("state", "drained")]
        }
    }
}

enum Percent {
    /// `80%`, `2.5%`; `unknown` for nil.
    static func text(_ share: Double?) -> String {
        guard let share, share.isFinite else { return "unknown" }
        let tenths = (min(max(share, 0), 1) * 1000).rounded()
        return tenths.truncatingRemainder(dividingBy: 10) == 0 ? "\(Int(tenths / 10))%" : "\(tenths / 10)%"
    }
}
