import Basics

/// An instant in a log line: `2026-02-11T14:04:20Z`.
enum LogInstant {
    /// An instant of `SteadyClock`. The time of day is some more or fewer milliseconds ahead of it at every look: a few of them are no
    /// part of a second.
    static func text(steady instant: Int, now: Int, wall: Int = LoopContext.wallClock()) -> String {
        text(milliseconds: wall &+ (instant &- now) &- 20)
    }

    /// - Parameter milliseconds: since 1970; a part of a second counts up, so that what is told to be over then is.
    static func text(milliseconds: Int) -> String {
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        let time = CivilTime(seconds: rest > 0 ? seconds + 1 : seconds)
        func digits(_ number: Int, _ count: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(count - text.count, 0)) + text
        }
        let date = "\(digits(time.date.year, 4))-\(digits(time.date.month))-\(digits(time.date.day))"
        return "\(date)T\(digits(time.hour)):\(digits(time.minute)):\(digits(time.second))Z"
    }
}
