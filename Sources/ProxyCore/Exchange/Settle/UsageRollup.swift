/// Adds records up: usage per hour, key, model and place; charges per day and limit. A string is made for each sum, not for each record.
struct UsageRollup {
    private var clock: LocalClock
    private var recent = RecentRequests()
    private var rows: [UsageBatch.Row] = []
    private var index: [RowKey: Int] = [:]
    private var places = ByteIndex()
    private var found: [UsagePlace] = []
    /// Where the record before was added: often the next one's place too.
    private var last = (place: -1, hour: LocalHour(number: 0), row: 0)
    private var charges = ChargeRollup()
    private var requests = RequestBlocks()
    private(set) var duplicates = 0
    /// Whether the records themselves are kept.
    var keepsRequests = true
    /// Milliseconds since 1970: charges since then are collected, booked or not; nil for none.
    var collectsChargesSince: Int?
    private(set) var recentCharges: [RecentCharge] = []
    private var latestCharge = 0

    private struct RowKey: Hashable {
        let hour: Int
        let place: Int
    }

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
        if keepsRequests { requests.append(record) }
        let hour = clock.hour(at: record.time)
        if record.flags.contains(.hasCharges) {
            charges.add(record, day: hour.date)
            collect(record)
        }
        guard record.flags.contains(.isCounted) else { return }
        let row = row(of: record, hour)
        rows[row].amounts += UsageAmounts(
            record.usage, costNanoDollars: record.cost, provenance: record.provenance,
            isPriced: record.flags.contains(.isPriced))
        if record.provenance.isCounted { rows[row].countedRequests += 1 }
        rows[row].lastUsed = max(rows[row].lastUsed, record.time)
    }

    /// Only remembers the request: it is booked already.
    mutating func skip(_ record: EncodedUsage) {
        if recent.insert(record.requestID), record.flags.contains(.hasCharges) { collect(record) }
    }

    /// Whether the record of a request was added, or skipped, lately.
    func knows(_ requestID: String) -> Bool { recent.contains(requestID) }

    /// What was added since the last call.
    mutating func take(from: JournalPosition, upTo: JournalPosition) -> UsageBatch {
        defer {
            rows = []
            index.removeAll(keepingCapacity: true)
            places.removeAll()
            found = []
            last.place = -1
        }
        return UsageBatch(from: from, upTo: upTo, rows: rows, charges: charges.take(), requests: requests.take())
    }

    /// Milliseconds since 1970 of the latest record with a charge since the last call; 0 for none.
    mutating func takeLatestCharge() -> Int {
        defer { latestCharge = 0 }
        return latestCharge
    }

    /// The charges that were collected; from now on none are.
    mutating func takeRecentCharges() -> [RecentCharge] {
        defer { recentCharges = [] }
        collectsChargesSince = nil
        return recentCharges
    }

    private mutating func collect(_ record: EncodedUsage) {
        latestCharge = max(latestCharge, record.endMilliseconds)
        guard let since = collectsChargesSince, record.endMilliseconds >= since else { return }
        let amounts = record.limitAmounts
        let admitted = max(0, record.endMilliseconds - record.course.durationMilliseconds)
        record.forEachCharge { limit, bucket in
            recentCharges.append(
                RecentCharge(
                    limit: EncodedUsage.text(limit), bucket: EncodedUsage.text(bucket), amounts: amounts, admitted: admitted,
                    ended: record.endMilliseconds))
        }
    }

    private mutating func row(of record: EncodedUsage, _ hour: LocalHour) -> Int {
        if last.place >= 0, last.hour == hour, places.has(record.identity, at: last.place) { return last.row }
        let place = places.find(record.identity)
        if place == found.count { found.append(record.place()) }
        let key = RowKey(hour: hour.number, place: place)
        let row = index[key] ?? rows.count
        if row == rows.count {
            index[key] = row
            let place = found[place]
            rows.append(
                UsageBatch.Row(
                    hour: hour, keyID: place.keyID, model: place.model, amounts: UsageAmounts(), lastUsed: 0, place: place))
        }
        last = (place, hour, row)
        return row
    }
}

/// Adds charges up per day, limit and bucket.
private struct ChargeRollup {
    private var names = ByteIndex()
    private var charges: [UsageBatch.Charge] = []

    mutating func add(_ record: EncodedUsage, day: LocalDate) {
        let amounts = record.limitAmounts
        record.forEachCharge { limit, bucket in
            let place = names.find((limit, bucket), salt: day.number)
            if place == charges.count {
                charges.append(
                    UsageBatch.Charge(
                        limit: EncodedUsage.text(limit), bucket: EncodedUsage.text(bucket), day: day, amounts: LimitAmounts(),
                        lastUsed: 0))
            }
            charges[place].amounts += amounts
            charges[place].lastUsed = max(charges[place].lastUsed, record.time)
        }
    }

    mutating func take() -> [UsageBatch.Charge] {
        defer {
            names.removeAll()
            charges = []
        }
        return charges
    }
}

/// Numbers byte strings of two pieces from 0 on, in the order in which they come.
private struct ByteIndex {
    typealias Pieces = (UnsafeRawBufferPointer, UnsafeRawBufferPointer)
    private struct Entry {
        let bytes: [UInt8]
        let split: Int
        let salt: Int
    }

    private var entries: [Entry] = []
    /// Hash → index into `entries`; where two share a hash, the next free number is taken.
    private var slots: [Int: Int] = [:]

    /// The number of `pieces`; a new one where they are met for the first time.
    mutating func find(_ pieces: Pieces, salt: Int = 0) -> Int {
        var hasher = Hasher()
        hasher.combine(salt)
        hasher.combine(pieces.0.count)
        hasher.combine(bytes: pieces.0)
        hasher.combine(bytes: pieces.1)
        var slot = hasher.finalize()
        while let known = slots[slot] {
            if has(pieces, at: known, salt: salt) { return known }
            slot &+= 1
        }
        slots[slot] = entries.count
        entries.append(Entry(bytes: Array(pieces.0) + Array(pieces.1), split: pieces.0.count, salt: salt))
        return entries.count - 1
    }

    func has(_ pieces: Pieces, at index: Int, salt: Int = 0) -> Bool {
        let entry = entries[index]
        guard entry.salt == salt, entry.split == pieces.0.count, entry.bytes.count == entry.split + pieces.1.count else {
            return false
        }
        return entry.bytes.withUnsafeBytes { bytes in
            UnsafeRawBufferPointer(rebasing: bytes[..<entry.split]).hasSameBytes(as: pieces.0)
                && UnsafeRawBufferPointer(rebasing: bytes[entry.split...]).hasSameBytes(as: pieces.1)
        }
    }

    mutating func removeAll() {
        entries = []
        slots.removeAll(keepingCapacity: true)
    }
}
