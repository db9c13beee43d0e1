/// What a stretch of the journal adds up to, and its records.
struct UsageBatch: Sendable {
    /// The stretch: the store books it only when it is at `from`, and is at `upTo` afterwards.
    var from: JournalPosition
    var upTo: JournalPosition
    var rows: [Row]
    var charges: [Charge] = []
    /// Empty where none are kept.
    var requests: [RequestBlock] = []

    /// One key's use of one model at one place within one hour.
    struct Row: Sendable {
        var hour: LocalHour
        var keyID: String
        var model: String
        var amounts: UsageAmounts
        /// Seconds since 1970.
        var lastUsed: Int
        var place: UsagePlace?
        /// Requests whose usage was not told, and counted by what had come.
        var countedRequests = 0
    }

    /// What requests of one day have used of one bucket of a limit.
    struct Charge: Sendable, Hashable {
        var limit: String
        var bucket: String
        var day: LocalDate
        var amounts: LimitAmounts
        /// Seconds since 1970.
        var lastUsed: Int
        /// A bucket that was used last before this had been forgotten when the first of these requests came; seconds since 1970.
        var keptSince = Int.min
    }
}
