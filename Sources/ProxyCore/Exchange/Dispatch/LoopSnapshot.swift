/// A snapshot as one loop uses it: connection pools found, header lines written out once.
final class LoopSnapshot {
    let snapshot: Snapshot
    private let metrics: ExchangeMetrics
    private(set) var upstreams: [UpstreamView] = []
    private var origins: [OriginKey: AnswerOrigin] = [:]
    private var ruleOrigins: [Int: LogOrigin] = [:]
    private var lastKey: OriginKey?
    private var lastOrigin: AnswerOrigin?
    let policies: PolicyTable
    let prices: PriceList
    let trustedProxies: TrustedProxies
    /// Whether there are any; most have none.
    let trustsProxies: Bool

    private struct OriginKey: Hashable {
        let route: Int
        let tier: Int
        let target: Int
        let upstream: Int
        let account: Int
    }

    init(_ snapshot: Snapshot, loop: LoopContext) {
        self.snapshot = snapshot
        metrics = loop.metrics
        policies = PolicyTable(snapshot.configuration.policies)
        prices = PriceList(snapshot.configuration.prices)
        trustedProxies = snapshot.configuration.trustedProxies
        trustsProxies = !trustedProxies.isEmpty
        upstreams = snapshot.configuration.upstreams.map { UpstreamView($0, loop: loop) }
    }

    /// Most requests go where the last one went.
    func origin(route: Int, candidate: Candidate) -> AnswerOrigin {
        let key = OriginKey(
            route: route, tier: candidate.tier, target: candidate.target, upstream: candidate.upstream, account: candidate.account
        )
        if key == lastKey, let lastOrigin { return lastOrigin }
        let origin = origins[key] ?? makeOrigin(key)
        lastKey = key
        lastOrigin = origin
        return origin
    }

    /// The log's word on a request that got no further than a rule; `index` counts all rules.
    func origin(rule name: String, index: Int) -> LogOrigin {
        if let known = ruleOrigins[index] { return known }
        let origin = LogOrigin(rule: name)
        ruleOrigins[index] = origin
        return origin
    }

    private func makeOrigin(_ key: OriginKey) -> AnswerOrigin {
        let rule = snapshot.routes[key.route]
        let tier = rule.tiers[key.tier]
        let origin = AnswerOrigin(
            rule: rule, tier: tier, target: tier.targets[key.target], id: upstreams[key.upstream].ids[key.account],
            secrets: upstreams[key.upstream].secrets(of: key.account), metrics: metrics)
        origins[key] = origin
        return origin
    }
}

@available(*, unavailable)
extension LoopSnapshot: Sendable {}
