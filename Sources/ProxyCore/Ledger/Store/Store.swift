/// Where keys and rolled-up usage are kept: SQLite here, a server for several nodes one day.
///
/// All calls may wait for a disk or a network: they are for background queues, never for an event loop.
/// A request needs none of them.
protocol Store: LimitStore, RequestStore, AuditStore, StoreCopying {
    // MARK: Usage

    /// Up to where the journal is booked; nil in a new store.
    func bookedPosition() throws -> JournalPosition?
    /// Books a batch and its end in one transaction. Does nothing when the batch is booked already.
    func book(_ batch: UsageBatch) throws
    /// Says from where the journal goes on, without booking anything.
    func move(to position: JournalPosition) throws
    /// Makes all that was booked survive a power cut.
    func checkpoint() throws

    func totals() throws -> UsageAmounts
    /// All keys that were ever used, by id.
    func keyTotals() throws -> [String: KeyTotals]
    func usage(ofKey id: String, mostHours: Int) throws -> KeyUsage
    /// Amounts per key id within one day.
    func keyAmounts(on date: LocalDate) throws -> [String: UsageAmounts]
    /// The last day on which something is booked; a start asks for it, so no rows are read.
    func latestDay() throws -> LocalDate?
    /// Days that have usage, in order of time: the one asked for, or the latest `limit` before `end`.
    /// - Parameter names: of keys, by id.
    func days(_ date: LocalDate?, before end: LocalDate?, limit: Int, names: [String: String]) throws -> [DayUsage]
    /// Hours that have usage, in order of time: those of the day asked for, or the latest `limit` before `end`.
    func hours(_ date: LocalDate?, before end: LocalHour?, limit: Int) throws -> [HourUsage]
    /// Sums for each group of values that has usage from one day to another, both included, nil for no
    /// bound; sessions and agents have none.
    func grouped(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) throws -> [GroupedUsage]

    // MARK: Keys

    /// All that were ever known, deleted ones too.
    func keys() throws -> [StoredKey]
    /// Their names by id.
    func keyNames() throws -> [String: String]
    /// Inserts, or replaces those with these ids: all or none.
    func save(_ keys: [StoredKey]) throws
    /// Inserts keys with what was used under them elsewhere: all or none.
    func add(_ keys: [(key: StoredKey, usage: ImportedKey)]) throws

    func close() throws
}
