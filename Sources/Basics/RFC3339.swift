/// Instants as text: `2026-02-11T14:00:00.123Z`, `…+08:00` (RFC 3339).
public enum RFC3339 {
    /// An instant, as seconds since 1970 and the rest of a second.
    public struct Instant: Sendable, Hashable {
        public var seconds: Int
        /// 0 to 999,999,999.
        public var nanoseconds: Int

        public init(seconds: Int, nanoseconds: Int = 0) {
            (self.seconds, self.nanoseconds) = (seconds, nanoseconds)
        }

        /// Milliseconds since 1970.
        public var milliseconds: Int { seconds * 1_000 + nanoseconds / 1_000_000 }
    }

    /// How strictly a text is read.
    public enum Reading: Sendable {
        /// What the RFC allows: an offset, at most nine digits of a second, no leap second.
        case strict
        /// What vendors write: a blank for the `T`, any number of digits, an offset without its colon, or none (UTC), second 60.
        case lenient
    }

    /// Reads an instant of the years 1 to 9999; nil for what is none.
    public static func parse(_ text: some StringProtocol, _ reading: Reading = .strict) -> Instant? {
        let bytes = Array(text.utf8)
        guard (19...64).contains(bytes.count), bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            separates(bytes[10], reading),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
            year >= 1, (1...12).contains(month), day >= 1, day <= CivilDate.days(in: month, of: year), hour < 24, minute < 60,
            second < (reading == .lenient ? 61 : 60)
        else { return nil }
        var rest = bytes[19...]
        guard let nanoseconds = fraction(&rest, reading), let offset = offset(rest, reading) else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
        guard seconds >= -62_135_596_800, seconds <= 253_402_300_799 else { return nil }
        return Instant(seconds: seconds, nanoseconds: nanoseconds)
    }

    private static func separates(_ byte: UInt8, _ reading: Reading) -> Bool {
        byte == UInt8(ascii: "T") || (reading == .lenient && (byte == UInt8(ascii: "t") || byte == UInt8(ascii: " ")))
    }

    /// Takes `.123` off the front; 0 where there is none, nil for a dot without digits.
    private static func fraction(_ rest: inout ArraySlice<UInt8>, _ reading: Reading) -> Int? {
        guard rest.first == UInt8(ascii: ".") else { return 0 }
        let digits = rest.dropFirst().prefix { ASCII.isDigit($0) }
        guard !digits.isEmpty, digits.count <= 9 || reading == .lenient else { return nil }
        rest = rest.dropFirst(1 + digits.count)
        let kept = digits.prefix(9)
        return (kept.count..<9).reduce(kept.reduce(0) { $0 * 10 + Int($1 &- 0x30) }) { value, _ in value * 10 }
    }

    /// Seconds east of UTC.
    private static func offset(_ rest: ArraySlice<UInt8>, _ reading: Reading) -> Int? {
        guard let first = rest.first else { return reading == .lenient ? 0 : nil }
        if first == UInt8(ascii: "Z") || (first == UInt8(ascii: "z") && reading == .lenient) { return rest.count == 1 ? 0 : nil }
        guard first == UInt8(ascii: "+") || first == UInt8(ascii: "-") else { return nil }
        var digits = Array(rest.dropFirst())
        if digits.count == 5, digits[2] == UInt8(ascii: ":") { digits.remove(at: 2) } else if reading == .strict { return nil }
        guard digits.count == 4, let hours = number(digits[0..<2]), let minutes = number(digits[2..<4]), hours < 24, minutes < 60
        else { return nil }
        return (hours * 3_600 + minutes * 60) * (first == UInt8(ascii: "-") ? -1 : 1)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard ASCII.isDigit(digit) else { return nil }
            value = value * 10 + Int(digit &- 0x30)
        }
        return value
    }

    /// How many bytes `write(utc:to:)` writes.
    public static let utcCount = 20

    /// Writes an instant to the second, in UTC, without making a text of it: `2026-02-11T06:00:00Z`.
    /// - Parameters:
    ///   - seconds: of the years 0 to 9999; what is beyond is written as their first or last.
    ///   - text: room for `utcCount` bytes.
    public static func write(utc seconds: Int, to text: UnsafeMutablePointer<UInt8>) {
        let time = CivilTime(seconds: min(max(seconds, -62_167_219_200), 253_402_300_799))
        func put(_ number: Int, at place: Int) { DecimalPairs.write(UInt(bitPattern: number), to: text + place) }
        put(time.date.year / 100, at: 0)
        put(time.date.year % 100, at: 2)
        text[4] = UInt8(ascii: "-")
        put(time.date.month, at: 5)
        text[7] = UInt8(ascii: "-")
        put(time.date.day, at: 8)
        text[10] = UInt8(ascii: "T")
        put(time.hour, at: 11)
        text[13] = UInt8(ascii: ":")
        put(time.minute, at: 14)
        text[16] = UInt8(ascii: ":")
        put(time.second, at: 17)
        text[19] = UInt8(ascii: "Z")
    }

    /// The instants written last: most that are told within a second are the same two.
    public struct Recent: Sendable {
        /// Two of `utcCount` bytes; the newer first.
        private var newer = Text(utc: 0)
        private var older = Text(utc: 0)

        public init() {}

        /// The instant's text, as `write(utc:to:)` writes it.
        public mutating func text(utc seconds: Int) -> Text {
            if newer.seconds == seconds { return newer }
            swap(&newer, &older)
            if newer.seconds != seconds { newer = Text(utc: seconds) }
            return newer
        }
    }

    /// An instant to the second, in UTC, as it is written.
    public struct Text: Sendable {
        public let seconds: Int
        private var bytes: (UInt64, UInt64, UInt32) = (0, 0, 0)

        public init(utc seconds: Int) {
            self.seconds = seconds
            withUnsafeMutableBytes(of: &bytes) { bytes in
                if let text = bytes.baseAddress { RFC3339.write(utc: seconds, to: text.assumingMemoryBound(to: UInt8.self)) }
            }
        }

        /// - Parameter place: room for `utcCount` bytes.
        public func write(to place: UnsafeMutableRawPointer) {
            place.storeBytes(of: bytes.0, as: UInt64.self)
            place.storeBytes(of: bytes.1, toByteOffset: 8, as: UInt64.self)
            place.storeBytes(of: bytes.2, toByteOffset: 16, as: UInt32.self)
        }
    }

    /// Writes an instant to the second: `2026-02-11T06:00:00Z`, or with the offset where there is one.
    public static func text(_ seconds: Int, utcOffset: Int = 0) -> String {
        let time = CivilTime(seconds: seconds, utcOffset: utcOffset)
        let date = padded(time.date.year, 4) + "-" + padded(time.date.month, 2) + "-" + padded(time.date.day, 2)
        let clock = padded(time.hour, 2) + ":" + padded(time.minute, 2) + ":" + padded(time.second, 2)
        return date + "T" + clock + offsetText(utcOffset)
    }

    /// `Z`, or `+08:00`.
    public static func offsetText(_ utcOffset: Int) -> String {
        guard utcOffset != 0 else { return "Z" }
        let minutes = Int((utcOffset / 60).magnitude)
        return (utcOffset < 0 ? "-" : "+") + padded(minutes / 60, 2) + ":" + padded(minutes % 60, 2)
    }

    /// A number with zeroes before it.
    public static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
