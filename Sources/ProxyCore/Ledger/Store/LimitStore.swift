/// The part of a store that limits are restored from.
protocol LimitStore: Sendable {
    /// What every bucket of every limit has used: on `day`, since `monthStart` and in all. Those that nobody used since `since`
    /// (seconds since 1970) are left out.
    func limitSums(day: LocalDate, monthStart: LocalDate, usedSince since: Int) throws -> [LimitSums]
    /// What is booked of days that come after `day`.
    func limitDays(after day: LocalDate) throws -> [LimitDay]
    /// Whether anything is kept of the bucket.
    func knowsLimit(_ limit: String, bucket: String) throws -> Bool
    /// The bucket begins at zero. When it did is kept for a while: the journal has what was used before.
    /// - Parameter day: of the reset.
    func resetLimit(_ reset: LimitReset, on day: LocalDate) throws
    func limitResets() throws -> [LimitReset]
    /// - Parameters:
    ///   - until: milliseconds since 1970; nil to let through again.
    ///   - title: what the operator called the limit.
    func setLimitBlock(_ limit: String, bucket: String, until: Int?, title: String) throws
    func limitBlocks() throws -> [LimitBlock]
    /// What was set aside since a bucket seemed unused for too long, and was used since after all, counts again: the clock by which it
    /// seemed so was ahead. A batch sets aside what charges find that is older than they keep.
    func reviveLimits(usedSince since: Int) throws
    /// Buckets of which nothing was booked since, and when something was last; seconds since 1970.
    func limitsUnused(since: Int) throws -> [LimitUsedLast]
    /// They were used then, though nothing was booked.
    func keepLimits(_ uses: [LimitUsedLast]) throws
    /// Forgets buckets that nobody used since, and blocks that ended before; seconds since 1970.
    func forgetLimits(unusedSince: Int) throws
    /// Makes one sum of each bucket's days before `day`, of at most `limit` days in all; whether there may be more.
    func foldLimits(before day: LocalDate, limit: Int) throws -> Bool
}

/// What is in memory is this node's: a store of all has nothing to learn of it.
extension LimitStore {
    func limitsUnused(since: Int) -> [LimitUsedLast] { [] }
    func keepLimits(_ uses: [LimitUsedLast]) {}
}

/// When a bucket was used last; seconds since 1970.
struct LimitUsedLast: Sendable, Hashable {
    var charge: LimitCharge
    var time: Int
}
