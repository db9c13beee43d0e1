/// What a stretch of the journal adds up to.
struct UsageBatch: Sendable {
    /// The stretch: the store books it only when it is at `from`, and is at `upTo` afterwards.
    var from: JournalPosition
    var upTo: JournalPosition
    var rows: [Row]

    /// One key's use of one model within one hour.
    struct Row: Sendable, Hashable {
        var hour: LocalHour
        var keyID: String
        var model: String
        var amounts: UsageAmounts
        /// Seconds since 1970.
        var lastUsed: Int
    }
}

/// Adds records up per hour, key and model. A string is made for each row, not for each record.
struct UsageRollup {
    private var clock: LocalClock
    private var recent = RecentRequests()
    private var rows: [UsageBatch.Row] = []
    /// Hash of hour, key and model → index into `rows`; where two share a hash, the next free number is taken.
    private var index: [Int: Int] = [:]
    private var names: [[UInt8]] = []
    /// Where the record before was added: often the next one's place too.
    private var lastRow = 0
    private(set) var duplicates = 0

    init(timeZone: Zone) {
        clock = LocalClock(timeZone)
    }

    var timeZone: Zone {
        get { clock.timeZone }
        set { clock = LocalClock(newValue) }
    }

    mutating func add(_ record: EncodedUsage) {
        guard recent.insert(record.requestID) else {
            duplicates += 1
            return
        }
        let row = row(of: record)
        rows[row].amounts += UsageAmounts(record.usage, costNanoDollars: record.cost, provenance: record.provenance)
        rows[row].lastUsed = max(rows[row].lastUsed, record.time)
    }

    /// Only remembers the request: it is booked already.
    mutating func skip(_ record: EncodedUsage) {
        _ = recent.insert(record.requestID)
    }

    /// What was added since the last call.
    mutating func take() -> [UsageBatch.Row] {
        defer {
            rows = []
            names = []
            index.removeAll(keepingCapacity: true)
        }
        return rows
    }

    private mutating func row(of record: EncodedUsage) -> Int {
        let hour = clock.hour(at: record.time)
        if lastRow < rows.count, rows[lastRow].hour == hour, record.keyAndModel.hasSameBytes(as: names[lastRow]) {
            return lastRow
        }
        lastRow = findRow(of: record, hour)
        return lastRow
    }

    private mutating func findRow(of record: EncodedUsage, _ hour: LocalHour) -> Int {
        var hasher = Hasher()
        hasher.combine(hour.number)
        hasher.combine(bytes: record.keyAndModel)
        var slot = hasher.finalize()
        while let found = index[slot] {
            if rows[found].hour == hour, record.keyAndModel.hasSameBytes(as: names[found]) { return found }
            slot &+= 1
        }
        index[slot] = rows.count
        names.append(Array(record.keyAndModel))
        rows.append(
            UsageBatch.Row(
                hour: hour, keyID: EncodedUsage.text(record.keyID), model: EncodedUsage.text(record.model),
                amounts: UsageAmounts(), lastUsed: 0))
        return rows.count - 1
    }
}
