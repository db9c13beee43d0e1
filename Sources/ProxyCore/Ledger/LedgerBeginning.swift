import Logging

/// What a ledger goes on from: all that it reads of the database, and books of the journal, before it serves anybody.
///
/// Where a page of the database is damaged that no probe has met, it is met here, and the database can still be built anew.
struct LedgerBeginning {
    /// Knows the requests of late.
    let rollup: UsageRollup
    let recovered: JournalRecovery.Result
    let today: TodayCounters
    let limits: LimitTable

    /// - Throws: `StateFailure`, or what the store throws.
    init(_ store: any Store, journal: String, timeZone: Zone, logger: Logger, options: UsageLedger.Options) throws {
        let now = UsageAmounts.clamped(options.now()) * 1000
        var rollup = UsageRollup(timeZone: timeZone)
        rollup.keepsRequests = options.keepsRequests
        rollup.recentCharges = RecentCharges(
            since: now - JournalRecovery.minute, resets: try store.limitResets().map(\.time))
        if try store.bookedPosition() == nil { try Self.remember(store, &rollup) }
        recovered = try JournalRecovery(
            directory: journal, store: store, now: now, logger: logger, keepsSegments: options.shared != nil
        ).run(&rollup)
        let recent = rollup.takeRecentCharges()
        self.rollup = rollup
        today = TodayCounters(timeZone: timeZone)
        try today.restart(
            timeZone: timeZone, now: options.now(), latest: store.latestDay(), booked: store.keyAmounts(on:))
        limits = LimitTable(timeZone: timeZone)
        try UsageLedger.restoreLimits(limits, of: store, timeZone, recent: recent, now: options.limitTime())
    }

    /// A store that has lost the journal's position would book once more what the journal still has: what the store keeps of
    /// the latest requests tells which they are.
    private static func remember(_ store: any Store, _ rollup: inout UsageRollup) throws {
        try store.forEachRequest(ofLatest: RecentRequests.mostAtOnce) { rollup.skip($0) }
        // These are of no segment.
        _ = rollup.takeLatestCharge()
    }
}
