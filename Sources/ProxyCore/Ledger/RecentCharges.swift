/// What requests used of a bucket within a tenth of a second of the last minute before this process began.
public struct RecentCharge: Sendable, Hashable {
    public let limit: String
    public let bucket: String
    public internal(set) var amounts: LimitAmounts
    /// Milliseconds since 1970, when the last of it was used.
    public internal(set) var time: Int
}

/// Adds up the charges of the last minute: of a minute under load there may be a million, and no minute is finer than a tenth of
/// a second. What lies before and after a reset stays apart.
struct RecentCharges {
    /// Milliseconds since 1970: what is older is left out.
    private let since: Int
    /// Milliseconds since 1970, in order.
    private let resets: [Int]
    private var names = ByteIndex()
    private var index: [Place: Int] = [:]
    /// For each name where its last request was added, and where what it used: what comes next mostly falls into the same tenth.
    private var latest: [Latest] = []
    private(set) var charges: [RecentCharge] = []

    private struct Place: Hashable {
        let name: Int
        let tenth: Int
        /// Resets before: one of the same millisecond is after.
        let resets: Int
    }

    private struct Latest {
        var tenth = -1
        var resets = 0
        var charge = 0
    }

    /// - Parameter resets: when buckets were reset, milliseconds since 1970.
    init(since: Int, resets: [Int] = []) {
        self.since = since
        self.resets = resets.sorted()
    }

    /// A request counts from when it came, all else from when it was settled.
    mutating func add(_ record: EncodedUsage) {
        let ended = record.endMilliseconds
        guard ended >= since else { return }
        let admitted = max(0, ended - record.course.durationMilliseconds)
        var later = record.limitAmounts
        let first = LimitAmounts(requests: later.requests)
        later.requests = 0
        record.forEachCharge { limit, bucket in
            let name = names.find((limit, bucket))
            if 2 * name == latest.count { latest += [Latest(), Latest()] }
            if admitted >= since { add(first, limit, bucket, name, at: admitted, after: 2 * name) }
            if later != .zero { add(later, limit, bucket, name, at: ended, after: 2 * name + 1) }
        }
    }

    /// - Parameter last: which of the latest is its like.
    private mutating func add(
        _ amounts: LimitAmounts, _ limit: UnsafeRawBufferPointer, _ bucket: UnsafeRawBufferPointer, _ name: Int, at time: Int,
        after last: Int
    ) {
        let place = Place(name: name, tenth: time / 100, resets: resets.isEmpty ? 0 : resets(before: time))
        if latest[last].tenth != place.tenth || latest[last].resets != place.resets {
            let charge = index[place] ?? charges.count
            if charge == charges.count {
                index[place] = charge
                charges.append(
                    RecentCharge(
                        limit: EncodedUsage.text(limit), bucket: EncodedUsage.text(bucket), amounts: .zero, time: time))
            }
            latest[last] = Latest(tenth: place.tenth, resets: place.resets, charge: charge)
        }
        let charge = latest[last].charge
        charges[charge].amounts += amounts
        charges[charge].time = max(charges[charge].time, time)
    }

    private func resets(before time: Int) -> Int {
        var (low, high) = (0, resets.count)
        while low < high {
            let middle = (low + high) / 2
            if resets[middle] < time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
