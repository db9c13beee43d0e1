/// Writes times as RFC 3339, `2026-11-21T00:10:11.123+08:00` (`Z` for UTC), and works the date out once a second only.
struct LogTimestamp {
    private var second = Int.min
    private var bytes: [UInt8] = []

    /// Of the three digits that change within a second.
    private static let fractionStart = 20
    private static let latest = 253_402_300_799

    /// - Parameter milliseconds: since 1970.
    mutating func append(milliseconds: Int, to buffer: inout LogBuffer, settings: LogSettings) {
        let now = min(max(milliseconds, 0), Self.latest * 1000)
        if now / 1000 != second {
            second = now / 1000
            bytes = Self.text(second: second, offset: settings.utcOffset(at: second))
        }
        let fraction = now % 1000
        bytes[Self.fractionStart] = Self.digit(fraction / 100)
        bytes[Self.fractionStart + 1] = Self.digit(fraction / 10)
        bytes[Self.fractionStart + 2] = Self.digit(fraction)
        bytes.withUnsafeBufferPointer { buffer.append($0) }
    }

    /// The second with `000` milliseconds.
    static func text(second: Int, offset: Int) -> [UInt8] {
        let local = min(max(second + offset, 0), latest)
        let (year, month, day) = date(daysSince1970: local / 86_400)
        let time = local % 86_400
        var text: [UInt8] = []
        text.reserveCapacity(29)
        for (number, digits, separator) in [
            (year, 4, "-"), (month, 2, "-"), (day, 2, "T"), (time / 3600, 2, ":"), (time / 60 % 60, 2, ":"), (time % 60, 2, "."),
            (0, 3, ""),
        ] {
            append(number, digits: digits, to: &text)
            text += separator.utf8
        }
        guard offset != 0 else { return text + [UInt8(ascii: "Z")] }
        text.append(UInt8(ascii: offset < 0 ? "-" : "+"))
        append(abs(offset) / 3600, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        append(abs(offset) / 60 % 60, digits: 2, to: &text)
        return text
    }

    private static func append(_ number: Int, digits: Int, to text: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            text.append(digit(number / divisor))
            divisor /= 10
        }
    }

    private static func digit(_ number: Int) -> UInt8 { UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10) }

    /// The Gregorian date, counted in eras of 400 years that begin with March, so that a leap day ends its year.
    private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
