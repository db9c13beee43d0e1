import Dialects
import ProxyCore
import RuleEngine

/// A tier as it stands now: its targets with quota, threshold and accounts.
struct TierView {
    let text: String
    let choice: Tier.Choice
    let targets: [TargetView]

    /// - Parameters:
    ///   - model: what a client would ask for; nil when the rule's patterns leave it open.
    ///   - capture: what the first `*` of the matching pattern took.
    init(
        _ tier: ResolvedTier, model: String?, capture: String?, configuration: Configuration, accounts: AccountView
    ) {
        text = tier.text
        choice = tier.choice
        targets = tier.targets.compactMap { target in
            configuration.upstream(at: target.upstream).map {
                TargetView(target, upstream: $0, askedFor: model, capture: capture, accounts: accounts)
            }
        }
    }

    var isAvailable: Bool { targets.contains(where: \.isAvailable) }

    /// The target that speaks for the tier: the fullest of those that can be asked, else the fullest.
    var best: TargetView? {
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

struct TargetView {
    let upstream: Upstream
    /// The model the upstream is asked for; a pattern when the rule leaves it open.
    let model: String
    let threshold: Double
    let maxTokens: Int?
    let remaining: Double?
    let accounts: [(name: String, standing: Standing)]

    enum Standing: Hashable {
        case ready
        case coolingDown(until: Int, reason: String)
        case refused(until: Int)
    }

    init(
        _ target: ResolvedTier.Target, upstream: Upstream, askedFor: String?, capture: String?, accounts live: AccountView
    ) {
        let model = target.tierTarget.model(askedFor: askedFor ?? "*", capture: capture)
        self.upstream = upstream
        self.model = model
        threshold = target.threshold
        maxTokens = target.tierTarget.maxTokens
        remaining = live.remaining(upstream: upstream.name, model: model)
        accounts = upstream.accounts.map { account in
            (account.name, Self.standing(live.condition(upstream: upstream.name, account: account.name), model))
        }
    }

    private static func standing(_ condition: AccountCondition, _ model: String) -> Standing {
        if let until = condition.refusedUntil { return .refused(until: until) }
        guard let cooldown = condition.cooldowns.first(where: { $0.model == model }) else { return .ready }
        return .coolingDown(until: cooldown.until, reason: cooldown.reason)
    }

    /// Exactly the threshold is enough; unknown counts as available.
    var isAvailable: Bool { !isUnderThreshold && accounts.contains { $0.standing == .ready } }

    var isUnderThreshold: Bool { remaining.map { $0 < threshold } ?? false }

    /// Why it would be passed over; nil when it would not.
    var obstacle: String? {
        if isUnderThreshold { return "under its threshold" }
        guard !accounts.contains(where: { $0.standing == .ready }) else { return nil }
        let refused = accounts.allSatisfy { if case .refused = $0.standing { true } else { false } }
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
                accounts.map { name, standing in
                    JSONValue.ordered([("name", .string(name))] + standing.members(zone: zone))
                }),
        ]
    }
}

extension TargetView.Standing {
    func members(zone: ZonedTime) -> [(String, JSONValue)] {
        switch self {
        case .ready: [("state", "ready")]
        case .coolingDown(let until, let reason):
            [("state", "cooling_down"), ("until", .string(zone.iso(seconds: until))), ("reason", .string(reason))]
        case .refused(let until): [("state", "refused"), ("until", .string(zone.iso(seconds: until)))]
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
