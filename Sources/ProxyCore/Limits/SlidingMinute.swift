/// What happened within the last 60 seconds, to the tenth of a second.
///
/// Its time is the steady clock's: one that is set back would keep all that it has for as long as it was ahead.
///
/// What comes within a tenth is one entry that counts until 60 seconds after its last piece, so no 60 seconds hold more than the sum.
struct SlidingMinute: Sendable {
    /// Milliseconds.
    static let length = 60_000
    private static let grain = 100

    private struct Entry {
        /// Milliseconds, of the first and of the last piece.
        let begin: Int
        var end: Int
        var amounts: LimitAmounts

        mutating func add(_ more: LimitAmounts, at now: Int) {
            amounts += more
            end = max(end, now)
        }
    }

    private var entries: [Entry] = []
    /// Entries before this one have passed.
    private var first = 0
    private(set) var sum = LimitAmounts()
    /// What comes next is an entry of its own.
    private var isClosed = false

    var isEmpty: Bool { first == entries.count }
    /// Milliseconds from `now` until the last of it has passed that `value` measures. Mostly that is in the last entry.
    func rest(at now: Int, _ value: (LimitAmounts) -> Int) -> Int {
        guard value(sum) > 0, let last = entries[first...].last(where: { value($0.amounts) > 0 }) else { return 0 }
        return max(0, last.end + Self.length - now)
    }

    /// Drops what has passed.
    mutating func advance(to now: Int) {
        while first < entries.count, now - entries[first].end >= Self.length {
            sum -= entries[first].amounts
            first += 1
        }
        if first == entries.count {
            entries.removeAll(keepingCapacity: true)
            first = 0
        } else if first > 64, first > entries.count / 2 {
            entries.removeFirst(first)
            first = 0
        }
    }

    mutating func add(_ amounts: LimitAmounts, at now: Int) {
        sum += amounts
        let last = entries.count - 1
        if !isClosed, last >= first, now - entries[last].begin < Self.grain {
            entries[last].add(amounts, at: now)
        } else {
            entries.append(Entry(begin: now, end: now, amounts: amounts))
            isClosed = false
        }
    }

    mutating func clear(_ kind: LimitRate.Kind?) {
        for index in entries.indices { entries[index].amounts.clear(kind) }
        sum.clear(kind)
        isClosed = true
    }

    /// Takes back what was added at `time`; nothing where that has passed, and no more than is left of it: the rest went with a reset.
    mutating func remove(_ amounts: LimitAmounts, addedAt time: Int) {
        guard let index = entries[first...].lastIndex(where: { $0.begin <= time && time <= $0.end }) else { return }
        let taken = entries[index].amounts.part(in: amounts)
        entries[index].amounts -= taken
        sum -= taken
    }

    /// Milliseconds from `now` until the sum is at most `target`, as `value` measures it; nil where waiting does not help.
    func wait(until target: Int, now: Int, value: (LimitAmounts) -> Int) -> Int? {
        guard target >= 0 else { return nil }
        var rest = sum
        for entry in entries[first...] {
            if value(rest) <= target { break }
            rest -= entry.amounts
            if value(rest) <= target { return max(0, entry.end + Self.length - now) }
        }
        return value(rest) <= target ? 0 : nil
    }
}
