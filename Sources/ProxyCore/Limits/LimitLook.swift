/// Limits as they are at one moment, for requests that are only described: nothing is reserved, and no bucket is made.
public struct LimitLook: Sendable {
    let table: LimitTable
    let now: LimitTime

    public init(_ table: LimitTable, now: LimitTime) {
        self.table = table
        self.now = now
    }

    /// What each limit would say that would refuse.
    func refusals(_ uses: [LimitUse], _ need: (UsageLimit) -> LimitAmounts) -> [LimitRefusal] {
        let needs = uses.map { need($0.limit) }
        return table.state.withLock { state in
            state.advance(to: now)
            return zip(uses, needs).compactMap { use, need in
                var bucket = state.bucket(use)
                return state.moment.refusal(use, &bucket, need)
            }
        }
    }

    /// Every number of the limits that apply, and whether the request fits into what is left of it.
    func figures(_ uses: [LimitUse], _ need: (UsageLimit) -> LimitAmounts) -> [Rehearsal.Limit] {
        let needs = uses.map { need($0.limit) }
        let (found, moment) = table.state.withLock { state in
            state.advance(to: now)
            return (uses.map { state.bucket($0) }, state.moment)
        }
        return zip(uses, zip(needs, found)).flatMap { use, known -> [Rehearsal.Limit] in
            let (need, bucket) = known
            return moment.figures(of: use.limit, use.bucket, bucket).map { figure in
                let counts = use.limit.countsCached
                let needed = figure.rate.kind == .concurrency ? 1 : need.value(of: figure.rate.kind, countsCached: counts)
                let taken = UsageAmounts.sum(figure.used, figure.reserved)
                let isSpent = figure.rate.kind == .cost && need.isUnpriced && figure.used >= figure.rate.most
                let fits = !isSpent && (needed == 0 || UsageAmounts.sum(taken, needed) <= figure.rate.most)
                return Rehearsal.Limit(figure: figure, needed: needed, fits: fits && figure.blockedUntil == nil)
            }
        }
    }
}

extension LimitBook {
    public var look: LimitLook { LimitLook(ledger.limits, now: .now) }
}

extension LimitRefusal {
    /// What a client is told, with times in a zone.
    func message(in zone: Zone) -> String {
        message { zone.text(seconds: ($0 + 999) / 1_000) }
    }
}
