extension LimitTable {
    /// What is known of some buckets, in order of the limits given and of the buckets' names.
    /// - Parameters:
    ///   - count: of buckets.
    ///   - last: the last of the page before; nil begins with the first.
    /// - Returns: the last of this page, where more follow.
    public func figures(
        _ limits: [UsageLimit], count: Int, after last: LimitCharge?, now: LimitTime
    ) -> (figures: [LimitFigure], next: LimitCharge?) {
        let order = Dictionary(limits.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
        let start = last.map { (order[$0.limit] ?? -1, $0.bucket) }
        var found: [(limit: Int, bucket: String, state: LimitBucket)] = []
        let most = max(count, 1) + 1
        /// Only so many of what was found are kept: a page costs no more memory than it has.
        func prune() {
            found.sort { ($0.limit, $0.bucket) < ($1.limit, $1.bucket) }
            found.removeLast(max(0, found.count - most))
        }
        let moment = forEachSlot(now: now) { slot in
            guard let limit = order[slot.limit], start.map({ $0 < (limit, slot.bucket) }) ?? true else { return }
            found.append((limit, slot.bucket, slot.state))
            if found.count >= 4 * most { prune() }
        }
        prune()
        let hasMore = found.count == most
        if hasMore { found.removeLast() }
        let figures = found.flatMap { limit, name, bucket -> [LimitFigure] in
            var bucket = bucket
            bucket.advance(to: moment)
            return moment.figures(of: limits[limit], name, bucket)
        }
        return (figures, hasMore ? found.last.map { LimitCharge(limit: limits[$0.limit].id, bucket: $0.bucket) } : nil)
    }
}
