import Foundation

/// Writes instants as the configured time zone has them.
struct ZonedTime: Sendable {
    let zone: TimeZone

    /// `2026-02-11T14:00:05+08:00`.
    func iso(_ date: Date) -> String { iso(seconds: Int(clamping: date)) }

    /// The same, from seconds since 1970.
    ///
    /// Before the year 1 and after the year 9999 it is their first and last second: nothing else can be written with four digits.
    func iso(seconds: Int) -> String {
        let seconds = min(max(seconds, Self.firstSecond - 86_400), Self.lastSecond + 86_400)
        let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
        let (day, time) = Self.split(seconds, offset)
        let minutes = abs(offset) / 60
        let sign = offset < 0 ? "-" : "+"
        return Self.date(day) + "T" + Self.clock(time) + sign + Self.two(minutes / 60) + ":" + Self.two(minutes % 60)
    }

    /// By the clock on the wall.
    private static let firstSecond = -62_135_596_800
    private static let lastSecond = 253_402_300_799

    private static func split(_ seconds: Int, _ offset: Int) -> (day: Int, time: Int) {
        let local = min(max(seconds + offset, firstSecond), lastSecond)
        let time = ((local % 86_400) + 86_400) % 86_400
        return ((local - time) / 86_400, time)
    }

    private static func clock(_ time: Int) -> String { two(time / 3600) + ":" + two(time / 60 % 60) + ":" + two(time % 60) }

    /// The proleptic Gregorian date of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`).
    private static func date(_ day: Int) -> String {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let text = String(year)
        let padded = String(repeating: "0", count: max(0, 4 - text.utf8.count)) + text
        return padded + "-" + two(month) + "-" + two(dayOfYear - (153 * march + 2) / 5 + 1)
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
}

extension Int {
    /// Whole seconds since 1970, within ±100,000 years.
    init(clamping date: Date) {
        let seconds = date.timeIntervalSince1970
        self = seconds.isFinite ? Int(Swift.max(-3.2e12, Swift.min(3.2e12, seconds.rounded(.down)))) : 0
    }
}
