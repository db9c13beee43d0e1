import Basics

/// A day of the calendar, without a time zone.
public struct LocalDate: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 20260211 for the 11th of February 2026.
    let number: Int

    init(number: Int) {
        self.number = number
    }

    /// `2026-02-11`; nil for what is no date.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-") else { return nil }
        var number = 0
        for (index, byte) in bytes.enumerated() where index != 4 && index != 7 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
        }
        guard Self.isDay(number) else { return nil }
        self.number = number
    }

    /// Whether the calendar has the day.
    private static func isDay(_ number: Int) -> Bool {
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100)
        let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        switch month {
        case 2: return (1...(isLeap ? 29 : 28)).contains(day)
        case 4, 6, 9, 11: return (1...30).contains(day)
        case 1...12: return (1...31).contains(day)
        default: return false
        }
    }

    public var description: String {
        "\(RFC3339.padded(number / 10_000, 4))-\(RFC3339.padded(number / 100 % 100, 2))-\(RFC3339.padded(number % 100, 2))"
    }

    public static func < (a: LocalDate, b: LocalDate) -> Bool { a.number < b.number }

    /// So many days later, or before.
    public func advanced(by days: Int) -> LocalDate {
        let date = CivilDate(daysSince1970: secondsUTC / 86_400 + days)
        return LocalDate(number: (date.year * 100 + date.month) * 100 + date.day)
    }

    /// The seconds since 1970 in which the day begins in UTC.
    var secondsUTC: Int {
        CivilDate(year: number / 10_000, month: number / 100 % 100, day: number % 100).daysSince1970 * 86_400
    }
}

extension Zone {
    /// Seconds since 1970 in which a day begins: where clocks change at midnight, the first that has its date. A day that the
    /// calendar passed over begins with the next.
    public func start(of date: LocalDate) -> Int {
        // What a day holds of itself for sure is its noon.
        let noon = date.secondsUTC + 43_200
        let (found, range) = LocalClock(self).day(at: noon - utcOffset(at: noon))
        return found < date ? range.upperBound : range.lowerBound
    }

    /// Seconds since 1970 in which a day is over.
    public func end(of date: LocalDate) -> Int {
        let noon = date.secondsUTC + 43_200
        let (found, range) = LocalClock(self).day(at: noon - utcOffset(at: noon))
        return found > date ? range.lowerBound : range.upperBound
    }
}

/// An hour by the clock on the wall. Where clocks are put back, two hours share one.
public struct LocalHour: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// 2026021114 for two o'clock in the afternoon of the 11th of February 2026.
    let number: Int

    init(number: Int) {
        self.number = number
    }

    /// - Parameter local: seconds since 1970 plus what the time zone is ahead of UTC.
    init(local: Int) {
        let time = CivilTime(seconds: local)
        number = ((time.date.year * 100 + time.date.month) * 100 + time.date.day) * 100 + time.hour
    }

    public var date: LocalDate { LocalDate(number: number / 100) }

    /// `2026-02-11 14:00`.
    public var description: String { "\(date) \(RFC3339.padded(number % 100, 2)):00" }

    public static func < (a: LocalHour, b: LocalHour) -> Bool { a.number < b.number }
}

/// Gives instants their hour in one time zone, and remembers the last answer.
struct LocalClock: Sendable {
    let timeZone: Zone
    private var quarter = Int.min
    private var hour = LocalHour(number: 0)

    init(_ timeZone: Zone) {
        self.timeZone = timeZone
    }

    /// Seconds since 1970: nothing is counted before the year 1 and after the year 9999, wherever one is.
    static let firstSecond = -62_135_510_400
    static let lastSecond = 253_402_214_400

    /// - Parameter time: seconds since 1970.
    mutating func hour(at time: Int) -> LocalHour {
        // Clocks are put forward and back, and zones differ, by whole quarters of an hour.
        let current = time / 900
        if current != quarter {
            hour = LocalHour(local: Self.local(time, in: timeZone))
            quarter = current
        }
        return hour
    }

    /// The day that holds `time`: its date, and the seconds since 1970 in which it begins and ends.
    func day(at time: Int) -> (date: LocalDate, range: Range<Int>) {
        let time = min(max(time, Self.firstSecond), Self.lastSecond)
        let date = LocalHour(local: Self.local(time, in: timeZone)).date
        // A day has 23 to 25 hours (in a few places and years 22.5 to 26): walk to where the date changes.
        func isSameDay(_ other: Int) -> Bool { LocalHour(local: Self.local(other, in: timeZone)).date == date }
        var start = time - time % 900
        var end = start + 900
        for _ in 0..<128 where isSameDay(start - 900) { start -= 900 }
        for _ in 0..<128 where isSameDay(end) { end += 900 }
        return (date, start..<end)
    }

    private static func local(_ time: Int, in timeZone: Zone) -> Int {
        let time = min(max(time, firstSecond), lastSecond)
        return time + timeZone.utcOffset(at: time)
    }
}
