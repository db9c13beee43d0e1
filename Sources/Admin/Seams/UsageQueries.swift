import ProxyCore

/// What the admin plane asks the usage ledger. Everything booked before a call is in its response.
public protocol UsageQueries: Sendable {
    /// Over all keys, also deleted ones.
    func totals() async throws -> UsageAmounts
    /// The totals of all keys that were ever used, by id.
    func keyTotals() async throws -> [String: KeyTotals]
    /// - Parameter mostHours: the latest hours that have usage, so many of them.
    func usage(ofKey id: String, mostHours: Int) async throws -> KeyUsage
    /// Days that have usage, in order of time: the one asked for, or the latest `limit`.
    func daily(_ date: LocalDate?, limit: Int) async throws -> [DayUsage]
    /// Hours that have usage, in order of time: those of the day asked for, or the latest `limit`.
    func hourly(_ date: LocalDate?, limit: Int) async throws -> [HourUsage]
    /// Sums for each group of values that has usage from one day to another, both included; nil for no bound.
    func grouped(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) async throws -> [GroupedUsage]
    /// The records of requests, the newest first, as far as they are kept.
    func requests(_ filter: RequestFilter) async throws -> RequestPage
    /// The names of all keys there ever were, by id.
    func keyNames() async throws -> [String: String]
    /// The current day's numbers of a key. All zero for a key without usage.
    func today(keyID: String) -> KeyToday
    /// Whether usage can be booked and shown.
    var health: LedgerHealth { get }
    /// How the store that nodes share is doing, by a name; nil where there is none.
    var sharedStoreState: String? { get }
}

extension UsageQueries {
    public var sharedStoreState: String? { nil }
}

extension UsageLedger: UsageQueries {}
