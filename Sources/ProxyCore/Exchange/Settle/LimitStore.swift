/// The part of a store that limits are restored from.
protocol LimitStore: Sendable {
    /// What every bucket of every limit has used: on `day`, since `monthStart` and in all. Those that nobody used since `since`
    /// (seconds since 1970) are left out.
    func limitSums(day: LocalDate, monthStart: LocalDate, usedSince since: Int) throws -> [LimitSums]
    /// The bucket begins at zero.
    /// - Parameter kind: only these numbers; nil for all.
    func resetLimit(_ limit: String, bucket: String, kind: LimitRate.Kind?) throws
    /// - Parameter until: milliseconds since 1970; nil to let through again.
    func setLimitBlock(_ limit: String, bucket: String, until: Int?) throws
    func limitBlocks() throws -> [LimitBlock]
    /// Forgets buckets that nobody used since; seconds since 1970.
    func forgetLimits(unusedSince: Int) throws
}
