/// Deletes what is kept no longer, a little at a time, so that booking never waits for it.
struct Retention {
    /// Seconds that records of requests are kept. nil until somebody has said it: then nothing is deleted.
    private var requestSeconds: Int?
    private var trust = ClockTrust()
    /// When the next look is due; milliseconds of the steady clock.
    private var nextRequests = Int.min
    private var nextLimits = Int.min
    /// Days before are one sum, or are to be.
    private var foldedBefore: LocalDate?
    private var isFolding = false

    /// Between two looks; milliseconds.
    private static let requestPause = 60_000
    private static let limitPause = 3_600_000
    /// The most blocks that one look removes: some 25,000 records.
    private static let mostBlocks = 100
    private static let mostDays = 10_000

    mutating func keep(seconds: Int) {
        guard seconds != requestSeconds else { return }
        requestSeconds = seconds
        nextRequests = .min
    }

    /// Looks at the clock. At the start this is done before anything new is booked: that would have the same clock's time.
    @discardableResult
    mutating func look(_ store: any Store, _ now: LimitTime) throws -> Bool { try trust.look(now, newest: store.newestRequest) }

    /// Whether somebody has said for how long.
    var isTold: Bool { requestSeconds != nil }

    /// - Parameter lastUsed: when a bucket was used last, as memory has it: what came to nothing is not booked.
    /// - Returns: whether there is more to delete at once.
    mutating func tidy(
        _ store: any Store, now: LimitTime, _ timeZone: Zone, lastUsed: (LimitCharge) -> Int? = { _ in nil }
    ) throws -> Bool {
        guard let requestSeconds else { return false }
        let isTrusted = try look(store, now)
        if isTrusted, now.steady >= nextLimits {
            let kept = UsageLedger.limitsAreKept(since: now.wall / 1_000, timeZone)
            try Self.keepLimits(store, since: kept, now: now.wall / 1_000, lastUsed)
            try store.forgetLimits(unusedSince: kept)
            nextLimits = now.steady + Self.limitPause
            let first = UsageLedger.limitDaysAreKept(since: now.wall / 1_000, timeZone)
            isFolding = isFolding || first != foldedBefore
            foldedBefore = first
        }
        if isTrusted, isFolding, let foldedBefore {
            isFolding = try store.foldLimits(before: foldedBefore, limit: Self.mostDays)
        }
        // Where nothing is kept, no clock is asked.
        guard now.steady >= nextRequests, isTrusted || requestSeconds == 0 else { return isFolding }
        let oldest = requestSeconds == 0 ? Int.max : max(0, now.wall - requestSeconds * 1_000)
        let mayBeMore = try store.deleteRequests(before: oldest, limit: Self.mostBlocks)
        // What is kept for seconds is looked at by the second.
        if !mayBeMore { nextRequests = now.steady + min(Self.requestPause, max(1_000, requestSeconds * 100)) }
        return mayBeMore || isFolding
    }

    /// A bucket is used also where that comes to nothing: memory knows, and the store is told a day before it would forget.
    private static func keepLimits(
        _ store: any Store, since: Int, now: Int, _ lastUsed: (LimitCharge) -> Int?
    ) throws {
        let uses = try store.limitsUnused(since: since + 86_400).compactMap { use -> LimitUsedLast? in
            guard let time = lastUsed(use.charge).map({ min($0, now) }), time > use.time else { return nil }
            return LimitUsedLast(charge: use.charge, time: time)
        }
        try store.keepLimits(uses)
    }
}

/// Whether the clock on the wall is one to delete by: one that is ahead for a moment, at the start of a machine or by a slip of a
/// hand, would delete everything. One that shows little more than the newest request is right.
private struct ClockTrust {
    private var last: LimitTime?
    /// Milliseconds of the steady clock.
    private var trustedFrom = Int.max

    /// How long it has to go on undisturbed after it was set, and after a start long after the newest request; milliseconds.
    private static let trial = 600_000
    /// Between two looks; milliseconds.
    private static let tolerance = 5_000
    /// From the newest request to a start that believes the clock; milliseconds.
    private static let little = 86_400_000

    mutating func look(_ now: LimitTime, newest: () throws -> Int?) rethrows -> Bool {
        if let last {
            let gained = (now.wall &- last.wall) &- (now.steady &- last.steady)
            if gained.magnitude > Self.tolerance { trustedFrom = now.steady + Self.trial }
        } else {
            let isLate = try newest().map { now.wall &- $0 > Self.little } ?? false
            trustedFrom = isLate ? now.steady + Self.trial : now.steady
        }
        last = now
        return now.steady >= trustedFrom
    }
}
