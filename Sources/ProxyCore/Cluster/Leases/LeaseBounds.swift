/// How far limits that several nodes share may be off, in sentences for operators.
public enum LeaseBounds {
    /// A line for each number of each limit; none where limits are one node's alone.
    public static func lines(_ snapshot: Snapshot) -> [String] {
        guard let cluster = snapshot.configuration.cluster else { return [] }
        if let terms = LeaseTerms(cluster) { return rates(snapshot).map { shared($0, $1, terms) } }
        if cluster.nodes == nil, cluster.store != nil { return rates(snapshot).map(whole) }
        guard let nodes = cluster.nodes, nodes > 1 else { return [] }
        let whole = LimitSet(policies: snapshot.configuration.policies, entries: snapshot.configuration.usageLimits)
        return whole.all.flatMap { limit in limit.rates.map { divided(limit, $0, nodes) } }
    }

    private static func rates(_ snapshot: Snapshot) -> [(UsageLimit, LimitRate)] {
        snapshot.limits.all.flatMap { limit in limit.rates.map { (limit, $0) } }
    }

    private static func shared(_ limit: UsageLimit, _ rate: LimitRate, _ terms: LeaseTerms) -> String {
        let lease = terms.lease(of: rate.most)
        let name = "limit '\(limit.title(rate))' (\(rate.key) \(amount(rate.most, rate)))"
        let time = seconds(terms.lasts)
        let held: String
        if let nodes = terms.nodes {
            let most = min(rate.most, lease.multipliedReportingOverflow(by: nodes).overflow ? rate.most : lease * nodes)
            held = "\(nodes) nodes hold at most \(amount(most, rate)) that they do not use"
        } else {
            held = "each node holds at most \(amount(lease, rate)) that it does not use"
        }
        let alone =
            terms.nodes == nil && terms.whenAway == .local
            ? "; one that starts while the server is away has \(amount(rate.most, rate)) by itself until it answers" : ""
        let killed = "a node that is killed may have used \(amount(lease, rate)) untold"
        return "\(name): overshoot 0; \(held), for \(time); \(killed)\(alone)"
    }

    private static func whole(_ limit: UsageLimit, _ rate: LimitRate) -> String {
        let most = amount(rate.most, rate)
        let name = "limit '\(limit.title(rate))' (\(rate.key) \(most))"
        return "\(name): each node has \(most), all together as many times that as there are nodes"
    }

    private static func divided(_ limit: UsageLimit, _ rate: LimitRate, _ nodes: Int) -> String {
        let part = LeaseTerms.share(of: rate.most, nodes: nodes)
        let name = "limit '\(limit.title(rate))' (\(rate.key) \(amount(rate.most, rate)))"
        if part == 0 { return "\(name): divided by \(nodes) nodes nothing is left: every request is refused" }
        let rest = rate.most - part * nodes
        let lost = rest > 0 ? "; \(amount(rest, rate)) is nobody's" : ""
        return "\(name): each of \(nodes) nodes has \(amount(part, rate))\(lost)"
    }

    private static func amount(_ number: Int, _ rate: LimitRate) -> String {
        rate.kind == .cost ? LimitRefusal.money(number) : "\(number)"
    }

    private static func seconds(_ milliseconds: Int) -> String {
        milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000)s" : "\(milliseconds)ms"
    }
}
