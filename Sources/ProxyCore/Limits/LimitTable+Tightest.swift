extension LimitTable {
    /// Of each number of these limits the bucket that has used most of it; of one that nobody uses a bucket without a name.
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
            for (index, figure) in moment.figures(of: limits[place], slot.bucket, bucket).enumerated()
            where figure.isTighter(than: found[place][index]) {
                found[place][index] = figure
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
    private var usedShare: Double { Double(used) / Double(max(1, rate.most)) }

    /// Whether more of it is used, as a share of what may be.
    func isTighter(than other: LimitFigure) -> Bool { usedShare > other.usedShare }
}
