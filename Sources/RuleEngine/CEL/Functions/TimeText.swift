import Basics

/// Timestamps and durations as text.
enum TimeText {
    /// RFC 3339; nil when it is none, or not in the years 1 to 9999.
    static func parse(timestamp text: String) -> Facts.Timestamp? {
        RFC3339.parse(text).map { Facts.Timestamp(seconds: $0.seconds, nanoseconds: $0.nanoseconds) }
    }

    /// `+08:00` or `-02:30`, in seconds east of UTC.
    static func offset(_ bytes: ArraySlice<UInt8>) -> Int? {
        let bytes = Array(bytes)
        guard bytes.count == 6, bytes[0] == ascii("+") || bytes[0] == ascii("-"), bytes[3] == ascii(":"),
            let hours = number(bytes[1..<3]), let minutes = number(bytes[4..<6]), hours < 24, minutes < 60
        else { return nil }
        let seconds = hours * 3_600 + minutes * 60
        return bytes[0] == ascii("-") ? -seconds : seconds
    }

    /// Digits alone, at most nine of them.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 9 else { return nil }
        var value = 0
        for digit in digits {
            guard digit.isDigit else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }

    /// RFC 3339 in UTC, with as many digits of a second as there are.
    static func timestamp(_ time: Facts.Timestamp) -> String {
        RFC3339.text(time.seconds).dropLast() + fraction(time.nanoseconds) + "Z"
    }

    /// Seconds with a fraction and an `s`.
    static func duration(_ nanoseconds: Int) -> String {
        let (seconds, rest) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        return "\(nanoseconds < 0 ? "-" : "")\(seconds)\(fraction(Int(rest)))s"
    }

    private static func fraction(_ nanoseconds: Int) -> String {
        guard nanoseconds != 0 else { return "" }
        var digits = RFC3339.padded(nanoseconds, 9)
        while digits.hasSuffix("0") { digits.removeLast() }
        return "." + digits
    }

    /// `1h30m`, `-1.5s`, `300ms`; nanoseconds, nil when it is none or does not fit.
    static func parse(duration text: String) -> Int? {
        var rest = Array(text.utf8)[...]
        let isNegative = rest.first == ascii("-")
        if isNegative || rest.first == ascii("+") { rest = rest.dropFirst() }
        if rest.elementsEqual([ascii("0")]) { return 0 }
        guard !rest.isEmpty else { return nil }
        var total = 0
        while !rest.isEmpty {
            guard let part = part(of: &rest) else { return nil }
            let (sum, overflow) = isNegative ? total.subtractingReportingOverflow(part) : total.addingReportingOverflow(part)
            guard !overflow else { return nil }
            total = sum
        }
        return total
    }

    private static let units: [(name: String, nanoseconds: Int)] = [
        ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ]

    /// One number with its unit.
    private static func part(of rest: inout ArraySlice<UInt8>) -> Int? {
        let whole = rest.prefix { $0.isDigit }
        rest = rest.dropFirst(whole.count)
        var fraction: ArraySlice<UInt8> = []
        if rest.first == ascii(".") {
            fraction = rest.dropFirst().prefix { $0.isDigit }
            rest = rest.dropFirst(1 + fraction.count)
        }
        guard whole.count + fraction.count > 0 else { return nil }
        guard let unit = units.first(where: { rest.starts(with: $0.name.utf8) && !isLonger($0.name, rest) }) else { return nil }
        rest = rest.dropFirst(unit.name.utf8.count)
        guard let count = whole.isEmpty ? 0 : Int(String(decoding: whole, as: UTF8.self)) else { return nil }
        let (scaled, overflow) = count.multipliedReportingOverflow(by: unit.nanoseconds)
        guard !overflow else { return nil }
        var (small, scale) = (0, unit.nanoseconds)
        for digit in fraction {
            scale /= 10
            small += Int(digit - 0x30) * scale
        }
        let (sum, isTooLarge) = scaled.addingReportingOverflow(small)
        return isTooLarge ? nil : sum
    }

    /// `m` is no unit where `ms` is.
    private static func isLonger(_ name: String, _ rest: ArraySlice<UInt8>) -> Bool {
        name == "m" && rest.dropFirst().first == ascii("s")
    }
}
