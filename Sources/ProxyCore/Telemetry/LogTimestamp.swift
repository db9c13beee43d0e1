import Basics

/// Writes times as RFC 3339, `2026-11-21T00:10:11.123+08:00` (`Z` for UTC), and works the date out once a second only.
struct LogTimestamp {
    private var second = Int.min
    private var bytes: [UInt8] = []

    /// Where the three digits start that change within a second.
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
        let text = RFC3339.text(local - offset, utcOffset: offset)
        let zone = offset == 0 ? 1 : 6
        return Array(text.utf8.dropLast(zone)) + Array(".000".utf8) + Array(text.utf8.suffix(zone))
    }

    private static func digit(_ number: Int) -> UInt8 { UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10) }
}
