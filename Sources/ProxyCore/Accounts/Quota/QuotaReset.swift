import Basics
import Dialects

/// When a window is reset, as vendors spell it: `1s`, `6m0s`, `12ms`, seconds, seconds or milliseconds since 1970, an instant of
/// RFC 3339, an HTTP date.
struct QuotaReset: Sendable, Hashable {
    /// How long from now, 0 to `QuotaWindow.longest`.
    let milliseconds: Int
    /// It was later than any window lasts.
    let isCut: Bool

    /// An instant that has passed by more than so many milliseconds is none, but a clock that nobody set.
    private static let longestPast = 86_400_000.0

    /// nil for what is no reset, or one of another time.
    /// - Parameter wall: milliseconds since 1970.
    init?(_ text: UnsafeRawBufferPointer, wall: Int) {
        guard let rest = Self.rest(text, wall: Double(wall)), rest.isFinite, rest >= -Self.longestPast else { return nil }
        isCut = rest > Double(QuotaWindow.longest)
        milliseconds = isCut ? QuotaWindow.longest : Int(max(0, rest))
    }

    /// Milliseconds from now, before any bound.
    private static func rest(_ text: UnsafeRawBufferPointer, wall: Double) -> Double? {
        guard let first = text.first, text.count <= 64 else { return nil }
        if text.count >= 19, text[4] == UInt8(ascii: "-"), first &- UInt8(ascii: "0") < 10 {
            return RFC3339.parse(String(decoding: text, as: UTF8.self), .lenient).map { instant in
                Double(instant.seconds) * 1_000 + Double(instant.nanoseconds / 1_000_000) - wall
            }
        }
        guard first &- UInt8(ascii: "0") < 10 || first == UInt8(ascii: ".") else {
            return HTTPDate.seconds(text).map { Double($0) * 1_000 - wall }
        }
        guard let number = RetryAfter.exactSeconds(String(decoding: text, as: UTF8.self)), number < 1e15 else { return nil }
        return RetryAfter.instant(number).map { $0 * 1_000 - wall } ?? number * 1_000
    }
}
