import Synchronization

/// What an account is doing: requests in flight, successes, failures, time to first byte.
///
/// The event loops write without a lock, each into a cell that it shares with few; who reads sums up.
public final class AccountLoad: Sendable {
    private static let cellCount = 8

    private let cells = (0..<AccountLoad.cellCount).map { _ in LoadCell() }
    /// The cells that a loop has asked for, a bit each: mostly there are fewer loops than cells.
    private let used = Atomic<UInt8>(0)
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

    init() {}

    /// The cell of one event loop.
    func cell(of owner: AnyObject) -> LoadCell {
        let number = UInt(bitPattern: ObjectIdentifier(owner).hashValue)
        let position = Int(number % UInt(Self.cellCount))
        used.bitwiseOr(1 << UInt8(position), ordering: .relaxed)
        return cells[position]
    }

    /// Requests that were sent there and are not over. Asked of each of many accounts for one choice.
    public var inFlight: Int {
        var sum = 0
        forEachUsed { sum &+= $0.inFlight.load(ordering: .relaxed) }
        return max(sum, 0)
    }

    private func forEachUsed(_ look: (LoadCell) -> Void) {
        var left = used.load(ordering: .relaxed)
        cells.withUnsafeBufferPointer { cells in
            while left != 0 {
                look(cells[left.trailingZeroBitCount])
                left &= left &- 1
            }
        }
    }

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
    public func firstByteMilliseconds(now: Int) -> Int? {
        var longest: Int?
        forEachUsed { cell in
            guard let time = FirstByte(word: cell.firstByte.load(ordering: .relaxed)).milliseconds(now: now) else { return }
            longest = max(longest ?? time, time)
        }
        return longest
    }

    /// Whether it has served a request within so long, in milliseconds.
    func hasServed(within time: Int, now: Int) -> Bool {
        cells.contains { FirstByte(word: $0.firstByte.load(ordering: .relaxed)).isNoted(within: time, now: now) }
    }

    public var lastFailure: Failure? { history.withLock { $0.last } }

    func fail(_ words: String, now: Int) {
        failed.wrappingAdd(1, ordering: .relaxed)
        history.withLock { $0.last = Failure(words: words, time: now) }
    }
}

/// One event loop's part of an account's load.
final class LoadCell: Sendable {
    let inFlight = Atomic<Int>(0)
    let successes = Atomic<Int>(0)
    /// Requests that were answered with an error that is not the account's own.
    let objections = Atomic<Int>(0)
    /// A `FirstByte`.
    let firstByte = Atomic<UInt64>(0)
    private let kept = Atomic<Int>(0)
    private let moved = Atomic<Int>(0)
    private let begun = Atomic<Int>(0)
    /// Keeps the next cell out of this one's line of the cache.
    private let padding: UInt64 = 0

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
        // When two come at once one may be lost: it is a mean.
        let mean = FirstByte(word: firstByte.load(ordering: .relaxed)).adding(milliseconds, now: now)
        firstByte.store(mean.word, ordering: .relaxed)
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
