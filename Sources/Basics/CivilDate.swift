/// A day of the proleptic Gregorian calendar.
public struct CivilDate: Sendable, Hashable {
    public var year: Int
    /// 1 to 12.
    public var month: Int
    /// 1 to 31.
    public var day: Int

    public init(year: Int, month: Int, day: Int) {
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// Counts years from March, so that the leap day is a year's last; 400 years always have 146,097 days.
    ///
    /// - Parameter days: Bounded to some 5 million years either way, so that no number traps.
    public init(daysSince1970 days: Int) {
        let shifted = min(max(days, -Self.bound), Self.bound) + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// The day's number; 0 is 1970-01-01.
    public var daysSince1970: Int {
        let bounded = min(max(year, -5_000_000), 5_000_000)
        let marchYear = month <= 2 ? bounded - 1 : bounded
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// 0 is the first of January.
    public var dayOfYear: Int { daysSince1970 - CivilDate(year: year, month: 1, day: 1).daysSince1970 }

    /// How many days a month has.
    public static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static let bound = 1_800_000_000
}

/// What a calendar and a clock show at an instant.
public struct CivilTime: Sendable, Hashable {
    public let date: CivilDate
    public let hour: Int
    public let minute: Int
    public let second: Int

    /// - Parameters:
    ///   - seconds: Since 1970.
    ///   - utcOffset: Seconds east of UTC.
    public init(seconds: Int, utcOffset: Int = 0) {
        let local = seconds.addingReportingOverflow(utcOffset).partialValue
        var (days, rest) = local.quotientAndRemainder(dividingBy: 86_400)
        if rest < 0 { (days, rest) = (days - 1, rest + 86_400) }
        date = CivilDate(daysSince1970: days)
        hour = rest / 3_600
        minute = rest / 60 % 60
        second = rest % 60
    }

    /// 0 is Sunday. 1970 began on a Thursday.
    public var dayOfWeek: Int { ((date.daysSince1970 + 4) % 7 + 7) % 7 }
}
