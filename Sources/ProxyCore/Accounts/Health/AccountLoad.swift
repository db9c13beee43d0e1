import Synchronization

/// What an account is doing: requests in flight, successes, failures, time to first byte.
///
/// The event loops write without a lock, each into a cell that it shares with few; who reads sums up. What choices ask for lies beside
/// that of other accounts, on a `LoadBoard`.
public final class AccountLoad: Sendable {
    let place: LoadPlace
    private let cells: [LoadCell]
    private let failed = Atomic<Int>(0)
    private let history = Mutex(History())

    private struct History {
        var last: Failure?
        /// The counts of two moments that lie a minute apart or more; the older is the start as long as there is but one.
        private var older = (successes: 0, failures: 0)
        private var newer: (time: Int, successes: Int, failures: Int)?

        /// The counts of a minute ago or more.
        mutating func before(_ successes: Int, _ failures: Int, now: Int) -> (successes: Int, failures: Int) {
            guard let newer else {
                self.newer = (now, successes, failures)
                return older
            }
            if now &- newer.time >= 60_000 {
                older = (newer.successes, newer.failures)
                self.newer = (now, successes, failures)
            }
            return older
        }
    }

    /// The last error, in our words.
    public struct Failure: Sendable, Hashable {
        public let words: String
        /// Milliseconds of `SteadyClock`.
        public let time: Int
    }

    init(on board: LoadBoard = LoadBoard()) {
        let place = board.place()
        self.place = place
        cells = (0..<LoadPage.rows).map { LoadCell(place, row: $0) }
    }

    /// The cell of one event loop.
    func cell(of owner: AnyObject) -> LoadCell {
        let row = place.board.row(of: owner)
        place.page.use(row: row)
        return cells[row]
    }

    /// Requests that were sent there and are not over.
    public var inFlight: Int { place.page.inFlight(place.index) }

    /// Requests that it served, since the start.
    public var successes: Int { cells.reduce(0) { $0 &+ $1.successes.load(ordering: .relaxed) } }

    /// Requests that showed that somebody is there, since the start: those that it served, and those that it answered with an error
    /// of the client's.
    var signsOfLife: Int { cells.reduce(successes) { $0 &+ $1.objections.load(ordering: .relaxed) } }

    /// Requests that it failed, since the start.
    public var failures: Int { failed.load(ordering: .relaxed) }

    /// Requests of conversations that it served, since the start: that were its own before, came from another account, or began.
    func affinity(_ result: AffinityTable.Result) -> Int {
        cells.reduce(0) { $0 &+ $1.affinity(result) }
    }

    /// The share of requests that it served, 0–1, of the last minute or more; nil where there were none.
    public func successRate(now: Int) -> Double? {
        let (successes, failures) = (successes, failures)
        let before = history.withLock { $0.before(successes, failures, now: now) }
        let served = successes &- before.successes
        let lost = failures &- before.failures
        guard served &+ lost > 0 else { return nil }
        return Double(served) / Double(served &+ lost)
    }

    /// Time to first byte: a peak at once, less with time as shorter ones come. nil where there was none in the last minute.
    public func firstByteMilliseconds(now: Int) -> Int? { place.page.firstByteMilliseconds(place.index, now: now) }

    /// Whether it has served a request within so long, in milliseconds.
    func hasServed(within time: Int, now: Int) -> Bool {
        place.page.hasNoted(place.index, within: time, now: now)
    }

    public var lastFailure: Failure? { history.withLock { $0.last } }

    func fail(_ words: String, now: Int) {
        failed.wrappingAdd(1, ordering: .relaxed)
        history.withLock { $0.last = Failure(words: words, time: now) }
    }
}

/// One event loop's part of an account's load.
final class LoadCell: Sendable {
    private let place: LoadPlace
    private let row: Int
    let successes = Atomic<Int>(0)
    /// Requests that were answered with an error that is not the account's own.
    let objections = Atomic<Int>(0)
    private let kept = Atomic<Int>(0)
    private let moved = Atomic<Int>(0)
    private let begun = Atomic<Int>(0)

    init(_ place: LoadPlace, row: Int) {
        self.place = place
        self.row = row
    }

    /// A request is sent there.
    func enter() { place.page.enter(place.index, row: row) }

    /// It is over.
    func leave() { place.page.leave(place.index, row: row) }

    /// What became of conversations that it served.
    func noteAffinity(_ result: AffinityTable.Result) {
        switch result {
        case .kept: kept.wrappingAdd(1, ordering: .relaxed)
        case .moved: moved.wrappingAdd(1, ordering: .relaxed)
        case .begun: begun.wrappingAdd(1, ordering: .relaxed)
        }
    }

    func affinity(_ result: AffinityTable.Result) -> Int {
        switch result {
        case .kept: kept.load(ordering: .relaxed)
        case .moved: moved.load(ordering: .relaxed)
        case .begun: begun.load(ordering: .relaxed)
        }
    }

    /// A request was served.
    /// - Parameter milliseconds: from asking to the first byte.
    func succeed(firstByte milliseconds: Int, now: Int) {
        successes.wrappingAdd(1, ordering: .relaxed)
        place.page.note(firstByte: milliseconds, place.index, row: row, now: now)
    }
}

/// A mean of times to first byte that weighs new ones more and takes peaks at once, in one word: 24 bits of sixteenths of a
/// millisecond, 40 bits of when.
struct FirstByte: Equatable {
    private(set) var word: UInt64

    /// Two thirds of a mean are gone after so long, in milliseconds.
    private static let decay = 10_000
    private static let lifetime = 60_000
    private static let scale = 16
    private static let longest = (1 << 24) - 1
    private static let timeMask: UInt64 = (1 << 40) - 1

    init(word: UInt64 = 0) { self.word = word }

    private init(sixteenths: Int, at time: Int) {
        word = UInt64(min(max(sixteenths, 1), Self.longest)) << 40 | UInt64(truncatingIfNeeded: time) & Self.timeMask
    }

    private var sixteenths: Int { Int(truncatingIfNeeded: word >> 40) }

    /// How long ago it was noted; both times count in forty bits.
    private func age(_ now: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(truncatingIfNeeded: now) &- (word & Self.timeMask)) & Self.timeMask)
    }

    func isNoted(within time: Int, now: Int) -> Bool { word != 0 && age(now) <= time }

    /// nil where nothing was noted within a minute.
    func milliseconds(now: Int) -> Int? {
        guard word != 0, age(now) <= Self.lifetime else { return nil }
        return (sixteenths + Self.scale / 2) / Self.scale
    }

    func adding(_ milliseconds: Int, now: Int) -> FirstByte {
        let sample = min(max(milliseconds, 0), Self.longest / Self.scale) * Self.scale
        let age = age(now)
        guard word != 0, age <= Self.lifetime, sample < sixteenths else { return FirstByte(sixteenths: sample, at: now) }
        // How much of the mean is left: 1/(1 + age/decay), near enough to the exponential. What comes at once counts a little, too.
        let left = Self.decay * 1_000 / (Self.decay + max(age, Self.decay / 100))
        return FirstByte(sixteenths: sample + (sixteenths - sample) * left / 1_000, at: now)
    }
}
