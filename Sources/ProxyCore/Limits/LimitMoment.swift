import Basics

/// The time as all limits see it: the moment of the latest call, and the day and the month that count.
struct LimitMoment: Sendable {
    /// Milliseconds since 1970. Goes back when the clock is set back: a block ends, and a day begins, when the clock says so.
    private(set) var wall = 0
    /// Milliseconds since an arbitrary beginning.
    private(set) var steady = 0
    private(set) var periods = LimitPeriods(day: 0..<0, month: 0..<0)

    /// Milliseconds that a clock may have been ahead without a day's beginning anew when it is set right.
    private static let tolerance = 86_400_000

    mutating func advance(to time: LimitTime, _ clock: LocalClock) {
        wall = time.wall
        // Loops read the clock before they wait for one another.
        steady = max(steady, time.steady)
        // A clock that is put back by less than a day changes none: else its going back and forth would give a day's worth each time.
        guard wall >= periods.day.upperBound || wall < periods.day.lowerBound - Self.tolerance else { return }
        periods = LimitPeriods(at: wall, clock)
    }

    /// The calendar is another: day and month are looked up anew.
    mutating func forgetPeriods() { periods = LimitPeriods(day: 0..<0, month: 0..<0) }
}

/// The day and the month of the calendar that hold an instant, in milliseconds since 1970.
struct LimitPeriods: Sendable, Hashable {
    var day: Range<Int>
    var month: Range<Int>
}

extension LimitPeriods {
    /// - Parameter now: milliseconds since 1970.
    init(at now: Int, _ clock: LocalClock) {
        let seconds = now / 1_000
        let (date, range) = clock.day(at: seconds)
        day = range.lowerBound * 1_000..<range.upperBound * 1_000
        month = clock.month(of: date)
    }
}
