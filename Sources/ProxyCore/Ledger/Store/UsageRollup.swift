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
    /// Where the charges of the last minute are collected, booked or not; nil where they are not.
    var recentCharges: RecentCharges?
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
            charges.add(record, day: hour.date, clock)
            collect(record)
        }
        guard record.flags.contains(.isCounted) else { return }
        let row = row(of: record, hour)
        rows[row].amounts += UsageAmounts(
            record.usage, costNanoDollars: record.cost, provenance: record.provenance,
            isPriced: record.flags.contains(.isPriced), media: record.media)
        if record.provenance.isCounted { rows[row].countedRequests += 1 }
        rows[row].lastUsed = max(rows[row].lastUsed, record.time)
    }

    /// Only remembers the request: it is booked already.
    /// - Parameter isRemembered: false for one after which come more than are remembered.
    mutating func skip(_ record: EncodedUsage, isRemembered: Bool = true) {
        guard !isRemembered || recent.insert(record.requestID) else { return }
        if record.flags.contains(.hasCharges) { collect(record) }
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
        defer { recentCharges = nil }
        return recentCharges?.charges ?? []
    }

    private mutating func collect(_ record: EncodedUsage) {
        latestCharge = max(latestCharge, record.endMilliseconds)
        recentCharges?.add(record)
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
    /// The day of the record before, and when its month begins: seconds since 1970.
    private var month = (day: LocalDate(number: 0), start: 0)

    mutating func add(_ record: EncodedUsage, day: LocalDate, _ clock: LocalClock) {
        let amounts = record.limitAmounts
        if month.day != day { month = (day, clock.month(of: day).lowerBound / 1_000) }
        let keptSince = UsageLedger.limitsAreKept(since: record.time, monthStart: month.start)
        record.forEachCharge { limit, bucket in
            let place = names.find((limit, bucket), salt: day.number)
            if place == charges.count {
                charges.append(
                    UsageBatch.Charge(
                        limit: EncodedUsage.text(limit), bucket: EncodedUsage.text(bucket), day: day, amounts: LimitAmounts(),
                        lastUsed: 0, keptSince: keptSince))
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
