/// Where several nodes share limits without a server, each has its part of every number: together no more than the number.
extension LimitRate {
    func divided(by nodes: Int) -> LimitRate {
        nodes == 1 ? self : LimitRate(kind, per: window, most: LeaseTerms.share(of: most, nodes: nodes))
    }
}

extension LimitEntry {
    func divided(by nodes: Int) -> LimitEntry {
        let part = UsageLimit(
            limit.origin, name: limit.name, rates: limit.rates.map { $0.divided(by: nodes) }, countsCached: limit.countsCached,
            reserve: limit.reserve, noun: limit.noun)
        return LimitEntry(limit: part, per: per, condition: condition, exhausted: exhausted)
    }
}

extension ClusterSettings {
    /// How many nodes have a part each of every limit; 1 where they share them by a server, or there are no others.
    public var divisor: Int { limits.isEmpty ? max(1, nodes ?? 1) : 1 }
}
