import Synchronization

/// What all accounts are doing at the moment, side by side: who compares fifty of them reads a few lines of memory, where as many
/// objects would be hundreds.
///
/// Each account has a place on a page, and each event loop a row of every page that it alone writes. A place is given when an account
/// appears and goes back when nobody holds it any more: no request that was counted there is left.
final class LoadBoard: Sendable {
    private struct Plan {
        /// Where nobody stands.
        var free: [(page: LoadPage, index: Int)] = []
        /// Each loop's row.
        var rows: [ObjectIdentifier: Int] = [:]
    }

    private let plan = Mutex(Plan())

    /// A place of which nothing was counted yet.
    func place() -> LoadPlace {
        let (page, index) = plan.withLock { plan in
            if let free = plan.free.popLast() { return free }
            let page = LoadPage()
            for index in (1..<LoadPage.width).reversed() { plan.free.append((page, index)) }
            return (page, 0)
        }
        return LoadPlace(page, index, on: self)
    }

    fileprivate func free(_ page: LoadPage, _ index: Int) {
        page.clear(index)
        plan.withLock { $0.free.append((page, index)) }
    }

    /// The row of one loop; where there are more loops than rows some share one.
    func row(of owner: AnyObject) -> Int {
        plan.withLock { plan in
            let id = ObjectIdentifier(owner)
            if let row = plan.rows[id] { return row }
            let row = plan.rows.count % LoadPage.rows
            plan.rows[id] = row
            return row
        }
    }
}

/// The places of some accounts.
final class LoadPage: Sendable {
    static let rows = 8
    /// Accounts of a page.
    static let width = 64
    /// From row to row, in counters and in times: between two a line of the cache is left empty.
    private static let counterStride = width + 16
    private static let timeStride = width + 8

    private let counters = InlineArray<640, Atomic<Int32>> { _ in Atomic(0) }
    /// `FirstByte`s.
    private let times = InlineArray<576, Atomic<UInt64>> { _ in Atomic(0) }
    /// The rows that a loop has asked for, a bit each: mostly there are fewer loops than rows.
    private let used = Atomic<UInt8>(0)

    func use(row: Int) { used.bitwiseOr(1 << UInt8(row), ordering: .relaxed) }

    private func forEachRow(_ look: (Int) -> Void) {
        var left = used.load(ordering: .relaxed)
        while left != 0 {
            look(left.trailingZeroBitCount)
            left &= left &- 1
        }
    }

    // MARK: What one loop writes

    func enter(_ index: Int, row: Int) { counters[row &* Self.counterStride &+ index].wrappingAdd(1, ordering: .relaxed) }

    func leave(_ index: Int, row: Int) { counters[row &* Self.counterStride &+ index].wrappingSubtract(1, ordering: .relaxed) }

    /// When two loops that share a row come at once one may be lost: it is a mean.
    func note(firstByte milliseconds: Int, _ index: Int, row: Int, now: Int) {
        let place = row &* Self.timeStride &+ index
        let mean = FirstByte(word: times[place].load(ordering: .relaxed)).adding(milliseconds, now: now)
        times[place].store(mean.word, ordering: .relaxed)
    }

    fileprivate func clear(_ index: Int) {
        for row in 0..<Self.rows {
            counters[row &* Self.counterStride &+ index].store(0, ordering: .relaxed)
            times[row &* Self.timeStride &+ index].store(0, ordering: .relaxed)
        }
    }

    // MARK: What anybody reads

    func inFlight(_ index: Int) -> Int {
        var sum = 0
        forEachRow { sum &+= Int(counters[$0 &* Self.counterStride &+ index].load(ordering: .relaxed)) }
        return max(sum, 0)
    }

    /// The requests in flight of some, row by row: what is read lies side by side.
    func addInFlight(of some: [LoadPlace.Position], to sums: inout [Int32]) {
        forEachRow { row in
            let start = row &* Self.counterStride
            for one in some {
                sums[Int(one.account)] &+= counters[start &+ Int(one.index)].load(ordering: .relaxed)
            }
        }
    }

    /// The longest of the loops'. nil where there was none in the last minute.
    func firstByteMilliseconds(_ index: Int, now: Int) -> Int? {
        var longest: Int?
        forEachRow { row in
            let time = FirstByte(word: times[row &* Self.timeStride &+ index].load(ordering: .relaxed))
            guard let time = time.milliseconds(now: now) else { return }
            longest = max(longest ?? time, time)
        }
        return longest
    }

    /// Whether a time was noted within so long, in milliseconds.
    func hasNoted(_ index: Int, within time: Int, now: Int) -> Bool {
        var hasNoted = false
        forEachRow { row in
            let noted = FirstByte(word: times[row &* Self.timeStride &+ index].load(ordering: .relaxed))
            hasNoted = hasNoted || noted.isNoted(within: time, now: now)
        }
        return hasNoted
    }
}

/// An account's place, for as long as somebody holds it.
final class LoadPlace: Sendable {
    /// One of a list of accounts, and its place on a page.
    struct Position {
        let account: Int32
        let index: Int32

        init(account: Int, index: Int) {
            self.account = Int32(truncatingIfNeeded: account)
            self.index = Int32(truncatingIfNeeded: index)
        }
    }

    let page: LoadPage
    let index: Int
    let board: LoadBoard

    fileprivate init(_ page: LoadPage, _ index: Int, on board: LoadBoard) {
        self.page = page
        self.index = index
        self.board = board
    }

    deinit { board.free(page, index) }
}
