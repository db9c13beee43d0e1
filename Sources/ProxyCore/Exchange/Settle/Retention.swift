/// Deletes what is kept no longer, a little at a time, so that booking never waits for it.
struct Retention {
    /// Seconds that records of requests are kept. nil until somebody has said it: then nothing is deleted.
    private var requestSeconds: Int?
    /// Seconds since 1970 of the next look.
    private var nextRequests = 0
    private var nextLimits = 0

    /// Between two looks; seconds.
    private static let requestPause = 60
    private static let limitPause = 3_600
    /// Of one look: some 25,000 records.
    private static let mostBlocks = 100

    mutating func keep(seconds: Int) {
        guard seconds != requestSeconds else { return }
        requestSeconds = seconds
        nextRequests = 0
    }

    /// Whether somebody has said for how long.
    var isTold: Bool { requestSeconds != nil }

    /// - Parameter now: seconds since 1970.
    /// - Returns: whether there is more to delete at once.
    mutating func tidy(_ store: any Store, now: Int, _ timeZone: Zone) throws -> Bool {
        guard let requestSeconds else { return false }
        // A clock that was put back makes nobody wait for it.
        if now >= nextLimits || nextLimits - now > Self.limitPause {
            try store.forgetLimits(unusedSince: UsageLedger.limitsAreKept(since: now, timeZone))
            nextLimits = now + Self.limitPause
        }
        guard now >= nextRequests || nextRequests - now > Self.requestPause else { return false }
        let mayBeMore = try store.deleteRequests(before: max(0, now - requestSeconds) * 1000, limit: Self.mostBlocks)
        if !mayBeMore { nextRequests = now + Self.requestPause }
        return mayBeMore
    }
}
