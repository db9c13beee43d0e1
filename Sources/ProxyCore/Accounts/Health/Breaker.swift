/// Takes out what keeps failing, and lets one request at a time try whether it is well again.
///
///     closed → open → probing → closed
///                ↑_______|  for twice as long, a minute at most
///
/// Pure: times are milliseconds of `SteadyClock`. It hears of failures alone; how many successes lay between two of them is told by
/// a count, so that a success costs it nothing.
struct Breaker: Sendable, Hashable {
    private enum Phase: Sendable, Hashable {
        case closed
        case open(until: Int)
        /// One request tries; when it does not come back until then, another may.
        case probing(until: Int)
    }

    /// A failure, and how many successes there had been.
    private struct Mark: Sendable, Hashable {
        let time: Int
        let successes: Int
        let fault: Fault
    }

    /// How something failed, as far as it makes a difference.
    enum Fault: Sendable, Hashable {
        /// Nobody was there, or the connection ended too early.
        case connection
        /// A 5xx, or a response that was none.
        case response
        case timeout
    }

    /// Failures in a row, and of these timeouts, that open it.
    static let row = 5
    static let timeouts = 2
    /// Half of so many outcomes within so long open it, too.
    static let outcomes = 20
    static let window = 30_000
    static let firstRest = 5_000
    static let longestRest = 60_000
    /// How long a probe may take before another is let through.
    static let probeTime = 60_000

    private var phase = Phase.closed
    private var marks: [Mark] = []
    private var rest = 0

    /// When it is open no more, or its probe no longer waited for; nil when it is closed.
    var until: Int? {
        switch phase {
        case .closed: nil
        case .open(let until), .probing(let until): until
        }
    }

    var isProbing: Bool { if case .probing = phase { true } else { false } }

    /// When it last heard of a failure that counts.
    var lastFailure: Int? { marks.last?.time }

    /// - Parameters:
    ///   - isProbe: whether the request was let through to try.
    ///   - successes: how often it has shown so far that it is well.
    /// - Returns: whether it is open anew, or once more.
    mutating func failed(_ fault: Fault, isProbe: Bool, successes: Int, now: Int) -> Bool {
        switch phase {
        case .closed:
            note(Mark(time: now, successes: successes, fault: fault))
            guard hasSeenEnough else { return false }
        case .open(let until), .probing(let until):
            // What was asked before it opened, or for want of anybody else, tells nothing new.
            guard isProbe || now >= until else { return false }
        }
        rest = rest == 0 ? Self.firstRest : min(rest &* 2, Self.longestRest)
        phase = .open(until: now &+ rest)
        return true
    }

    /// - Returns: whether it was open.
    mutating func succeeded() -> Bool {
        let wasOpen = until != nil
        self = Breaker()
        return wasOpen
    }

    /// Whether one more request is let through to try, which is then under way.
    mutating func claimProbe(now: Int) -> Bool {
        guard let until, now >= until else { return false }
        phase = .probing(until: now &+ Self.probeTime)
        return true
    }

    /// The probe ended without telling anything: the next request tries.
    mutating func dropProbe(now: Int) {
        if isProbing { phase = .open(until: now) }
    }

    private mutating func note(_ mark: Mark) {
        // A count that starts anew is no row.
        if let last = marks.last, last.successes > mark.successes { marks = [] }
        marks.append(mark)
        if marks.count > Self.outcomes / 2 { marks.removeFirst() }
    }

    private var hasSeenEnough: Bool {
        guard let last = marks.last, let first = marks.first else { return false }
        let inRow = marks.reversed().prefix { $0.successes == last.successes }
        if inRow.count >= Self.row || inRow.count(where: { $0.fault == .timeout }) >= Self.timeouts { return true }
        let half = Self.outcomes / 2
        return marks.count >= half && last.time &- first.time <= Self.window
            && last.successes &- first.successes &+ half <= Self.outcomes
    }
}
