/// What a key had used before this process began, as the ledger has booked it: a policy's limits go on from there.
struct BookedUse: Sendable {
    var day = LimitAmounts()
    var month = LimitAmounts()
    var total = LimitAmounts()
    /// Milliseconds since 1970.
    var lastUsed = 0

    /// By key id, and the day and the month that are meant.
    struct Book: Sendable {
        var periods = LimitPeriods(day: 0..<0, month: 0..<0)
        var keys: [String: BookedUse] = [:]
    }

    /// - Parameter now: seconds since 1970.
    static func read(_ store: any Store, _ clock: LocalClock, now: Int) throws -> Book {
        let today = clock.day(at: now).date
        let first = LocalDate(number: today.number / 100 * 100 + 1)
        var book = Book(periods: LimitPeriods(at: now * 1_000, clock))
        for (key, totals) in try store.keyTotals() {
            book.keys[key] = BookedUse(
                total: LimitAmounts(totals.amounts), lastUsed: (totals.lastUsed ?? 0).multipliedClamped(by: 1_000))
        }
        for (key, amounts) in try store.keyAmounts(from: first, to: today) { book.keys[key]?.month = LimitAmounts(amounts) }
        for (key, amounts) in try store.keyAmounts(on: today) { book.keys[key]?.day = LimitAmounts(amounts) }
        return book
    }
}

extension LimitAmounts {
    /// Sums of requests that were booked.
    init(_ sums: UsageAmounts) {
        self.init(
            requests: sums.requests, tokens: UsageAmounts.sum(UsageAmounts.sum(sums.uncachedInput, sums.cacheWrite), sums.output),
            cachedTokens: sums.cacheRead, nanoDollars: sums.costNanoDollars)
    }
}

extension Int {
    fileprivate func multipliedClamped(by factor: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? 0 : product
    }
}
