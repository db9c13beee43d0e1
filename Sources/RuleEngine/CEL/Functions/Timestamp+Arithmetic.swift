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
