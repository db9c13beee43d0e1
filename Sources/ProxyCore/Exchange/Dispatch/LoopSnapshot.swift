/// A snapshot as one loop uses it: connection pools found, header lines written out once.
final class LoopSnapshot {
    let snapshot: Snapshot
    private unowned let loop: LoopContext
    /// Made when the first request goes there: a file may have hundreds, and no request waits for all of them.
    private var upstreams: [UpstreamRuntime?]
    private var targets: [TargetKey: TargetRuntime] = [:]
    private var ruleLabels: [Int: RouteLabels] = [:]
    private var lastKey: TargetKey?
    private var lastTarget: TargetRuntime?
    private var limitUses: [ClientKey: LimitUses] = [:]
    private var lastLimits: (key: ClientKey, uses: LimitUses)?
    let policies: PolicyTable
    /// What was found when accounts were compared.
    let choices = ChooseMemory()
    let prices: PriceList
    private var lastPrice: (model: String, upstream: Int, price: Price?)?
    let trustedProxies: TrustedProxies
    /// Whether there are any; most have none.
    let trustsProxies: Bool

    private struct TargetKey: Hashable {
        let route: Int
        let tier: Int
        let target: Int
        let upstream: Int
        let account: Int
    }

    init(_ snapshot: Snapshot, loop: LoopContext) {
        self.snapshot = snapshot
        self.loop = loop
        policies = snapshot.tables.policies
        prices = snapshot.tables.prices
        trustedProxies = snapshot.configuration.trustedProxies
        trustsProxies = !trustedProxies.isEmpty
        upstreams = [UpstreamRuntime?](repeating: nil, count: snapshot.configuration.upstreams.count)
    }

    /// - Parameter index: into the configuration's upstreams.
    func upstream(_ index: Int) -> UpstreamRuntime {
        if let known = upstreams[index] { return known }
        let made = UpstreamRuntime(snapshot.configuration.upstreams[index], loop: loop)
        upstreams[index] = made
        loop.retireIfUnwanted(made.pool)
        return made
    }

    /// Most requests go where the last one went.
    func target(route: Int, candidate: Candidate) -> TargetRuntime {
        let key = TargetKey(
            route: route, tier: candidate.tier, target: candidate.target, upstream: candidate.upstream, account: candidate.account
        )
        if key == lastKey, let lastTarget { return lastTarget }
        let found = targets[key] ?? makeTarget(key)
        lastKey = key
        lastTarget = found
        return found
    }

    /// What a model costs; most requests are for the model of the last one. nil for a model without a price.
    func price(of model: String, at upstream: Int) -> Price? {
        if lastPrice?.upstream == upstream, lastPrice?.model == model { return lastPrice?.price }
        let price = prices.price(of: model, at: upstream)
        lastPrice = (model, upstream, price)
        return price
    }

    /// The limits that apply to a key's request. Where only the key tells which, they are found once.
    func limits(of key: ClientKey, find: () throws(LocalReply) -> LimitUses) throws(LocalReply) -> LimitUses {
        guard snapshot.limits.goByKey else { return try find() }
        if let lastLimits, lastLimits.key === key { return lastLimits.uses }
        let uses: LimitUses
        if let known = limitUses[key] {
            uses = known
        } else {
            uses = try find()
            if limitUses.count >= Self.mostLimitUses { limitUses.removeAll(keepingCapacity: true) }
            limitUses[key] = uses
        }
        lastLimits = (key, uses)
        return uses
    }

    private static let mostLimitUses = 4_096

    /// The labels of a request that got no further than a rule; `index` counts all rules.
    func labels(rule name: String, index: Int) -> RouteLabels {
        if let known = ruleLabels[index] { return known }
        let labels = RouteLabels(rule: name)
        ruleLabels[index] = labels
        return labels
    }

    private func makeTarget(_ key: TargetKey) -> TargetRuntime {
        let candidate = Candidate(
            tier: key.tier, target: key.target, upstream: key.upstream, account: key.account, model: "")
        let found = makeTarget(route: key.route, candidate, at: upstream(key.upstream))
        targets[key] = found
        return found
    }

    /// One that is not kept, for an upstream that is not this file's own.
    func makeTarget(route: Int, _ candidate: Candidate, at upstream: UpstreamRuntime) -> TargetRuntime {
        let rule = snapshot.routes[route]
        let tier = rule.tiers[candidate.tier]
        let id = upstream.ids[candidate.account]
        return TargetRuntime(
            rule: rule, tier: tier, target: tier.targets[candidate.target], id: id,
            secrets: upstream.secrets(of: candidate.account), metrics: loop.metrics,
            load: loop.shared.accounts.load(of: id).cell(of: loop.metrics))
    }
}

@available(*, unavailable)
extension LoopSnapshot: Sendable {}
