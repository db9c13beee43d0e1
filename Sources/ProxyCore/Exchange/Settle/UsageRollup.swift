import Foundation

/// What a stretch of the journal adds up to.
struct UsageBatch: Sendable {
    /// The stretch: the store books it only when it stands at `from`, and stands at `upTo` afterwards.
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
    private(set) var duplicates = 0

    init(timeZone: TimeZone) {
        clock = LocalClock(timeZone)
    }

    var timeZone: TimeZone {
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
        var hasher = Hasher()
        hasher.combine(hour.number)
        hasher.combine(bytes: record.keyAndModel)
        var slot = hasher.finalize()
        while let found = index[slot] {
            if rows[found].hour == hour, names[found].elementsEqual(record.keyAndModel) { return found }
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

/// The request ids of the last so many records: what is booked twice counts once.
///
/// It keeps 64 bits of a keyed hash of each: with all places taken, a new id is mistaken for a known one
/// less than once in 10¹³ records.
struct RecentRequests {
    /// At least this many are remembered, at most twice as many.
    static let capacity = 1 << 16
    private var young: Set<UInt64> = []
    private var old: Set<UInt64> = []

    /// false when the id is known. An empty id is never known.
    mutating func insert(_ requestID: UnsafeRawBufferPointer) -> Bool {
        guard !requestID.isEmpty else { return true }
        var hasher = Hasher()
        hasher.combine(bytes: requestID)
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        guard !old.contains(hash), young.insert(hash).inserted else { return false }
        if young.count >= Self.capacity {
            swap(&young, &old)
            young.removeAll(keepingCapacity: true)
        }
        return true
    }
}
