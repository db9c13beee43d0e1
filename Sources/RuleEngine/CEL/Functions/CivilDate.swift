/// A day of the proleptic Gregorian calendar.
struct CivilDate: Sendable, Hashable {
    var year: Int
    /// 1 to 12.
    var month: Int
    /// 1 to 31.
    var day: Int

    init(year: Int, month: Int, day: Int) {
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// Years run from March here, so that the leap day is a year's last; 400 years always have 146,097 days.
    init(daysSince1970 days: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var daysSince1970: Int {
        let marchYear = month <= 2 ? year - 1 : year
        let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// 0 is the first of January.
    var dayOfYear: Int { daysSince1970 - CivilDate(year: year, month: 1, day: 1).daysSince1970 }

    static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

/// What a clock and a calendar show at an instant, so many seconds east of UTC.
struct TimeFields: Sendable {
    let date: CivilDate
    let hour: Int
    let minute: Int
    let second: Int
    /// 0 is Sunday.
    let dayOfWeek: Int

    init(_ time: Facts.Timestamp, utcOffset: Int) {
        let local = time.seconds &+ utcOffset
        var (days, second) = local.quotientAndRemainder(dividingBy: 86_400)
        if second < 0 { (days, second) = (days - 1, second + 86_400) }
        date = CivilDate(daysSince1970: days)
        hour = second / 3_600
        minute = second / 60 % 60
        self.second = second % 60
        // 1970 began on a Thursday.
        dayOfWeek = ((days + 4) % 7 + 7) % 7
    }
}

extension Facts.Timestamp {
    /// nil outside the years 1 to 9999. Nanoseconds are 0 to 999,999,999.
    static func checked(seconds: Int, nanoseconds: Int) -> Facts.Timestamp? {
        guard seconds >= -62_135_596_800, seconds <= 253_402_300_799 else { return nil }
        return Facts.Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    func adding(nanoseconds span: Int) -> Facts.Timestamp? {
        var (whole, rest) = span.quotientAndRemainder(dividingBy: 1_000_000_000)
        rest += min(max(nanoseconds, 0), 999_999_999)
        if rest < 0 { (whole, rest) = (whole - 1, rest + 1_000_000_000) }
        if rest >= 1_000_000_000 { (whole, rest) = (whole + 1, rest - 1_000_000_000) }
        let (sum, overflow) = seconds.addingReportingOverflow(whole)
        return overflow ? nil : .checked(seconds: sum, nanoseconds: rest)
    }

    /// nil when it does not fit.
    func nanoseconds(since other: Facts.Timestamp) -> Int? {
        let (difference, early) = seconds.subtractingReportingOverflow(other.seconds)
        let (scaled, overflow) = difference.multipliedReportingOverflow(by: 1_000_000_000)
        let (small, mid) = nanoseconds.subtractingReportingOverflow(other.nanoseconds)
        let (sum, late) = scaled.addingReportingOverflow(small)
        return early || overflow || mid || late ? nil : sum
    }
}
