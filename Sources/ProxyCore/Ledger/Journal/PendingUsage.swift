/// Records on their way to the ledger, each encoded when it is added: nothing of a record is kept beside its bytes.
struct PendingUsage {
    /// Whole frames, one behind the other.
    private var buffer: [UInt8] = []
    private(set) var size = 0
    private(set) var count = 0
    /// What `TodayCounters` are to count; records of one key and second are one entry.
    private(set) var days: [Day] = []

    struct Day {
        let keyID: String
        /// Seconds since 1970.
        let time: Int
        var sum: UsageAmounts
    }

    var isEmpty: Bool { size == 0 }

    /// Shows the frames.
    func withFrames<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<size])) }
    }

    mutating func add(_ record: borrowing UsageRecord) {
        encode(record)
        count += 1
        guard record.isCounted else { return }
        let amounts = UsageAmounts(
            record.usage, costNanoDollars: record.cost, provenance: record.provenance, isPriced: record.priced)
        if let last = days.indices.last, days[last].time == record.time, days[last].keyID == record.keyID {
            days[last].sum += amounts
        } else {
            days.append(Day(keyID: record.keyID, time: record.time, sum: amounts))
        }
    }

    /// Forgets everything but the memory.
    mutating func removeAll() {
        (size, count) = (0, 0)
        days.removeAll(keepingCapacity: true)
    }

    private mutating func encode(_ record: borrowing UsageRecord) {
        let room = size + JournalFormat.frameHeadSize + record.maximumEncodedSize
        if buffer.count < room {
            buffer.append(contentsOf: repeatElement(0, count: max(room - buffer.count, buffer.count)))
        }
        let start = size
        size += buffer.withUnsafeMutableBytes { bytes in
            let frame = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
            let payload = UnsafeMutableRawBufferPointer(rebasing: frame[JournalFormat.frameHeadSize...])
            let size = JournalFormat.frameHeadSize + record.encode(into: payload)
            JournalFormat.finish(frame: UnsafeMutableRawBufferPointer(rebasing: frame[..<size]))
            return size
        }
    }
}

extension PendingUsage {
    init(_ records: [UsageRecord]) {
        for record in records { add(record) }
    }
}
