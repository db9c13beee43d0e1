extension LimitTable {
    /// For each number of these limits the bucket that has used most of it; for one that nobody uses a bucket without a name.
    ///
    /// A figure for each title and kind: where an entry has two numbers of one kind, of the one that is nearer to its end.
    public func tightest(_ limits: [UsageLimit], now: LimitTime) -> [LimitFigure] {
        let places = Dictionary(limits.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        let moment = state.withLock { state in
            state.advance(to: now)
            return state.moment
        }
        var found = limits.map { moment.figures(of: $0, "", LimitBucket(at: moment)) }
        _ = forEachSlot(now: now) { slot in
            guard let place = places[slot.limit] else { return }
            var bucket = slot.state
            bucket.advance(to: moment)
            let limit = limits[place]
            // Few of ten thousand buckets are nearer than all before: only for those is a figure made.
            for (index, rate) in limit.rates.enumerated()
            where LimitFigure.share(bucket.used(rate, countsCached: limit.countsCached), of: rate) > found[place][index].usedShare
            {
                found[place][index] = moment.figures(of: limit, slot.bucket, bucket)[index]
            }
        }
        return found.flatMap { figures in
            figures.indices.filter { index in
                figures.indices.allSatisfy { other in
                    let (one, another) = (figures[index], figures[other])
                    guard one.limit == another.limit, one.rate.kind == another.rate.kind, index != other else { return true }
                    return one.isTighter(than: another) || (!another.isTighter(than: one) && index < other)
                }
            }.map { figures[$0] }
        }
    }
}

extension LimitFigure {
    fileprivate var usedShare: Double { Self.share(used, of: rate) }

    fileprivate static func share(_ used: Int, of rate: LimitRate) -> Double { Double(used) / Double(max(1, rate.most)) }

    /// Whether more of it is used, as a share of what may be.
    func isTighter(than other: LimitFigure) -> Bool { usedShare > other.usedShare }
}
