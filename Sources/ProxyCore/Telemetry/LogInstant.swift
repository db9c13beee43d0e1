/// An instant in a log line, in the zone of the line's own time: `2026-02-11T22:04:20+08:00`, or `2026-02-11T14:04:20Z`.
public enum LogInstant {
    /// An instant of `SteadyClock`. The time of day is some more or fewer milliseconds ahead of it at every look: a few of them are no
    /// part of a second.
    static func text(steady instant: Int, now: Int, wall: Int = LoopContext.wallClock(), in zone: Zone) -> String {
        text(milliseconds: wall &+ (instant &- now) &- 20, in: zone)
    }

    /// - Parameter milliseconds: since 1970; a part of a second counts up, so that what is told to be over then is.
    static func text(milliseconds: Int, in zone: Zone) -> String {
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1_000)
        return text(seconds: rest > 0 ? seconds + 1 : seconds, in: zone)
    }

    /// - Parameter seconds: since 1970.
    public static func text(seconds: Int, in zone: Zone) -> String {
        let text = zone.text(seconds: seconds)
        return text.hasSuffix("+00:00") ? text.dropLast(6) + "Z" : text
    }
}
