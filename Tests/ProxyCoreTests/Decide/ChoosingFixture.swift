import Dialects
import RuleEngine

@testable import ProxyCore

/// Upstreams, routes and live state for tests of choices.
enum ChoosingFixture {
    static let now = 1_800_000_000_000

    static func upstream(
        _ name: String, _ accounts: [(name: String, weight: Int)], _ choice: Tier.Choice = .first,
        affinity: AffinityKind = .conversation
    ) -> Upstream {
        var upstream = Upstream(
            name: name, url: UpstreamURL(isTLS: false, host: "127.0.0.1", port: 1, basePath: ""), dialect: .anthropic,
            accounts: accounts.map { Account(name: $0.name, key: nil, weight: $0.weight) })
        upstream.choice = choice
        upstream.affinity = affinity
        return upstream
    }

    /// An upstream `u` with `count` accounts `0`, `1`, … of one weight.
    static func upstream(_ count: Int, _ choice: Tier.Choice) -> Upstream {
        upstream("u", (0..<count).map { (String($0), 1) }, choice)
    }

    /// One tier: all upstreams in turn, each asked for the model of its place.
    static func route(
        _ upstreams: [Upstream], models: [String?]? = nil, _ choice: Tier.Choice = .weighted, weights: [Int] = [],
        affinity: AffinityKind = .conversation, wait: Duration = .zero
    ) -> Route {
        var fallback = FallbackPolicy()
        fallback.wait = wait
        let targets = upstreams.enumerated().map { index, upstream in
            ResolvedTier.Target(
                upstream: index,
                tierTarget: Tier.Target(
                    upstream: upstream.name, model: models?[index] ?? "m", weight: weights.isEmpty ? 1 : weights[index]),
                threshold: 0.05, timeouts: Timeouts())
        }
        return Route(
            name: "r", tiers: [ResolvedTier(text: "t", targets: targets, choice: choice, affinity: affinity)],
            fallback: fallback)
    }

    static func plan(_ route: Route, _ upstreams: [Upstream], seed: UInt64 = 1) -> AttemptPlan {
        plan(route, upstreams.map { UpstreamAccounts($0) }, seed: seed)
    }

    static func plan(_ route: Route, _ accounts: [UpstreamAccounts], seed: UInt64) -> AttemptPlan {
        AttemptPlan(routes: [route], rule: 0, accounts: accounts, askedFor: "m", capture: nil, seed: seed)
    }

    /// `upstream/account` of everybody who is asked, in order.
    static func walk(
        _ plan: AttemptPlan, _ upstreams: [Upstream], _ states: AccountStates = AccountStates(), now: Int = now
    ) -> [String] {
        var plan = plan
        var order: [String] = []
        while order.count < 200, let next = plan.next(states, now: now) {
            plan.wasAsked(next)
            order.append("\(upstreams[next.upstream].name)/\(upstreams[next.upstream].accounts[next.account].name)")
        }
        return order
    }

    static func id(_ account: String, of upstream: String = "u") -> AccountID {
        AccountID(upstream: upstream, account: account)
    }

    /// Windows of all models: a share that is left, and when it is reset.
    static func windows(_ told: [(kind: String, share: Double, resetsAt: Int)], at time: Int = now) -> AccountWindows {
        var windows = AccountWindows()
        _ = windows.take(
            told.map {
                QuotaWindow(
                    .all, kind: $0.kind, share: $0.share, resetsAt: $0.resetsAt, source: .headers, takenAt: time)
            }, now: time)
        return windows
    }
}
