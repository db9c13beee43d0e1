/// What limits are restored from after a restart, and what operators change of them.
extension UsageLedger {
    /// Buckets that nobody used since are forgotten, as those in memory are; seconds since 1970. A month may be longer than thirty
    /// days: what was used on its first day is used on its last.
    static func limitsAreKept(since now: Int, _ timeZone: Zone) -> Int {
        let clock = LocalClock(timeZone)
        return limitsAreKept(since: now, monthStart: clock.month(of: clock.day(at: now).date).lowerBound / 1_000)
    }

    static func limitsAreKept(since now: Int, monthStart: Int) -> Int { min(now - 30 * 86_400, monthStart) }

    /// The first day that limits are kept of by itself: of the month, whose days before are asked for in total alone. At the
    /// beginning of a month, and for a clock that was a little ahead, of the one before.
    static func limitDaysAreKept(since now: Int, _ timeZone: Zone) -> LocalDate {
        let date = LocalClock(timeZone).day(at: now - 3 * 86_400).date
        return LocalDate(number: date.number / 100 * 100 + 1)
    }

    /// What is booked of every bucket: on `day`, since `monthStart` and in all; everything appended before included.
    public func limitSums(day: LocalDate, monthStart: LocalDate) async throws -> [LimitSums] {
        try await afterFlush { [self] store in
            try store.limitSums(day: day, monthStart: monthStart, usedSince: Self.limitsAreKept(since: now, timeZone))
        }
    }

    /// Whether anything is booked of the bucket, or it is blocked; everything appended before included.
    public func knowsLimit(limit: String, bucket: String) async throws -> Bool {
        try await afterFlush { try $0.knowsLimit(limit, bucket: bucket) }
    }

    /// The bucket begins at zero: what was appended before does not count in it.
    public func resetLimit(_ reset: LimitReset) async throws {
        let day = LocalClock(timeZone).day(at: reset.time / 1_000).date
        try await afterFlush { try $0.resetLimit(reset, on: day) }
    }

    /// - Parameter until: milliseconds since 1970; nil to let through again.
    public func setLimitBlock(limit: String, bucket: String, until: Int?, title: String = "") async throws {
        try await afterFlush { try $0.setLimitBlock(limit, bucket: bucket, until: until, title: title) }
    }

    public func limitBlocks() async throws -> [LimitBlock] {
        try await afterFlush { try $0.limitBlocks() }
    }

    /// The name under which the server of limits knows this state directory, whatever its node is called; empty where nobody knows.
    func directoryName() async -> String {
        await withCheckedContinuation { continuation in
            queue.async { [self] in continuation.resume(returning: (try? (store as? SQLiteStore)?.directoryName()) ?? "") }
        }
    }

    /// Limits go by another calendar, as they would after a restart.
    func changeLimits(to timeZone: Zone) {
        let now = options.limitTime()
        let booked = try? booked(of: now, timeZone)
        limits.setTimeZone(timeZone, booked?.sums ?? [], coming: booked?.coming ?? [], now: now)
    }

    /// The clock went back to a day that limits have not at hand: they go on from what is booked of it, as they would after a restart.
    func settleLimitDoubt(_ timeZone: Zone) throws {
        guard limits.isInDoubt else { return }
        let now = options.limitTime()
        try store.reviveLimits(usedSince: Self.limitsAreKept(since: now.wall / 1_000, timeZone))
        let (sums, coming) = try booked(of: now, timeZone)
        limits.setTimeZone(timeZone, sums, coming: coming, blocks: try store.limitBlocks(), now: now)
    }

    private func booked(of now: LimitTime, _ timeZone: Zone) throws -> (sums: [LimitSums], coming: [LimitDay]) {
        let (today, month) = Self.dayAndMonth(now, timeZone)
        let kept = Self.limitsAreKept(since: now.wall / 1_000, timeZone)
        return (
            try store.limitSums(day: today, monthStart: month, usedSince: kept), try store.limitDays(after: today)
        )
    }

    private static func dayAndMonth(_ now: LimitTime, _ timeZone: Zone) -> (LocalDate, LocalDate) {
        let today = LocalClock(timeZone).day(at: now.wall / 1_000).date
        return (today, LocalDate(number: today.number / 100 * 100 + 1))
    }

    /// Limits go on from what was booked, what was blocked, and what the last minute's records say.
    static func restoreLimits(
        _ limits: LimitTable, of store: any Store, _ timeZone: Zone, recent: [RecentCharge], now: LimitTime
    ) throws {
        let seconds = now.wall / 1_000
        let (today, month) = dayAndMonth(now, timeZone)
        let kept = Self.limitsAreKept(since: seconds, timeZone)
        try store.reviveLimits(usedSince: kept)
        limits.restore(
            try store.limitSums(day: today, monthStart: month, usedSince: kept), try store.limitBlocks(), recent,
            try store.limitResets(), coming: try store.limitDays(after: today), now: now)
    }
}
