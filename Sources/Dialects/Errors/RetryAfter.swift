import Basics

/// How long to wait, in every form upstreams say it. Always whole seconds, rounded up.
public enum RetryAfter {
    /// No hint is longer than this, a week's window and a day; what says more is taken as this.
    public static let longest = 8 * 86_400
    /// A number from here on counts from 1970, not from now: 2001 in seconds, or in milliseconds from the second on.
    private static let leastInstant = 1e9
    private static let leastMilliseconds = 1e11

    /// The value of a `retry-after` header: an integer, a fraction, a duration with units, or an HTTP date.
    /// - Parameter now: seconds since 1970, for dates. A date that is past gives 0.
    public static func seconds(_ header: UnsafeRawBufferPointer, now: Int) -> Int? {
        let text = trimmed(header)
        guard let first = text.first else { return nil }
        if ASCII.isDigit(first) || first == UInt8(ascii: ".") {
            return most(of: text) { text in
                if let number = number(text, from: 0), number.end == text.count { return up(fromNow(number.value, now: now)) }
                return duration(text, from: 0)?.seconds
            }
        }
        guard let date = HTTPDate.seconds(text) else { return nil }
        return Swift.min(Swift.max(0, date &- now), longest)
    }

    /// The value of a `retry-after-ms` header.
    /// - Parameter now: seconds since 1970, for those that tell an instant.
    public static func seconds(milliseconds header: UnsafeRawBufferPointer, now: Int) -> Int? {
        most(of: trimmed(header)) { text in
            guard let number = number(text, from: 0), number.end == text.count else { return nil }
            return up(number.value < leastMilliseconds ? number.value / 1000 : fromNow(number.value, now: now))
        }
    }

    /// What stands between an upstream and proxyd may join two headers to one, `60, 60`: the longest wait of those that are one counts.
    private static func most(of list: UnsafeRawBufferPointer, _ read: (UnsafeRawBufferPointer) -> Int?) -> Int? {
        guard list.contains(UInt8(ascii: ",")) else { return read(list) }
        return list.split(separator: UInt8(ascii: ",")).compactMap { read(trimmed(UnsafeRawBufferPointer(rebasing: $0))) }.max()
    }

    /// The seconds that a bare number stands for: some tell the instant, in seconds or milliseconds since 1970. One that is
    /// long past is none, but a wait of decades.
    private static func fromNow(_ number: Double, now: Int) -> Double {
        guard let instant = instant(number), instant > Double(now) - 86_400 else { return number }
        return Swift.max(0, instant - Double(now))
    }

    /// The instant, in seconds since 1970, that a bare number is; nil for one that is a number of seconds.
    public static func instant(_ number: Double) -> Double? {
        guard number >= leastInstant, number < 1e15 else { return nil }
        return number < leastMilliseconds ? number : number / 1000
    }

    /// A duration as vendors write it: `34.4s`, `1h2m3s`, `6m0s`, `12ms`.
    public static func seconds(duration text: String) -> Int? {
        var copy = text
        return copy.withUTF8 { raw in
            let bytes = UnsafeRawBufferPointer(raw)
            guard let found = duration(bytes, from: 0), found.end == bytes.count else { return nil }
            return found.seconds
        }
    }

    /// The value of an `x-ratelimit-reset-…` header: a duration with units, or a bare number of seconds. Not rounded.
    public static func exactSeconds(_ text: String) -> Double? {
        var copy = text
        return copy.withUTF8 { raw in
            let bytes = trimmed(UnsafeRawBufferPointer(raw))
            if let bare = number(bytes, from: 0), bare.end == bytes.count { return bare.value }
            guard let found = exactDuration(bytes, from: 0), found.end == bytes.count else { return nil }
            return found.seconds
        }
    }

    /// The wait that an error message speaks of: `quota will reset after 1h2m3s`, `try again in 20s`, `retry in 34.4s`.
    static func seconds(inMessage body: UnsafeRawBufferPointer) -> Int? { wait(inMessage: body)?.seconds }

    /// The same, and whether it is the reset of a quota or a window.
    static func wait(inMessage body: UnsafeRawBufferPointer) -> (seconds: Int, isReset: Bool)? {
        let phrases: [(words: StaticString, isReset: Bool)] = [
            ("reset after ", true), ("resets in ", true), ("reset in ", true), ("replenished in ", true),
            ("try again in ", false), ("try again after ", false), ("retry in ", false), ("retry after ", false),
            ("please wait ", false),
            ("\"retrydelay\":\"", false), ("\"retrydelay\": \"", false),
        ]
        for (phrase, isReset) in phrases {
            guard let start = ByteSearch.firstIndex(of: phrase, in: body, from: 0) else { continue }
            let at = start + phrase.utf8CodeUnitCount
            if let seconds = clock(body, from: at) { return (seconds, isReset) }
            if let found = duration(body, from: at) { return (found.seconds, isReset) }
            guard let found = number(body, from: at) else { continue }
            for (word, seconds) in [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)] as [(StaticString, Double)] {
                guard ByteSearch.firstIndex(of: word, in: body, from: found.end) == found.end + 1 else { continue }
                return (up(found.value * seconds), isReset)
            }
        }
        return nil
    }

    /// A span as .NET writes it, `06:42:11` or `1.06:42:11`; rounded up.
    private static func clock(_ text: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var index = start
        var parts: [Double] = []
        var days = 0.0
        while parts.count < 3 {
            let first = index
            while index < text.count, index - first < 8, ASCII.isDigit(text[index]) { index += 1 }
            guard index > first, let part = number(text.slice(first..<index), from: 0) else { return nil }
            let next = index < text.count ? text[index] : 0
            if parts.isEmpty, days == 0, next == UInt8(ascii: ".") {
                days = part.value
            } else {
                parts.append(part.value)
                guard parts.count == 3 || next == UInt8(ascii: ":") else { return nil }
            }
            index += 1
        }
        return up(days * 86_400 + parts[0] * 3_600 + parts[1] * 60 + parts[2])
    }

    /// Numbers with units, one after the other, beginning at `start`; rounded up.
    private static func duration(_ text: UnsafeRawBufferPointer, from start: Int) -> (seconds: Int, end: Int)? {
        exactDuration(text, from: start).map { (up($0.seconds), $0.end) }
    }

    private static func exactDuration(_ text: UnsafeRawBufferPointer, from start: Int) -> (seconds: Double, end: Int)? {
        var index = start
        var total = 0.0
        var isFound = false
        while let part = number(text, from: index), part.end < text.count {
            let unit = text[part.end] | 0x20
            let isMilli = unit == UInt8(ascii: "m") && part.end + 1 < text.count && text[part.end + 1] | 0x20 == UInt8(ascii: "s")
            switch unit {
            case UInt8(ascii: "m") where isMilli: total += part.value / 1000
            case UInt8(ascii: "d"): total += part.value * 86_400
            case UInt8(ascii: "h"): total += part.value * 3600
            case UInt8(ascii: "m"): total += part.value * 60
            case UInt8(ascii: "s"): total += part.value
            default: return isFound ? (total, index) : nil
            }
            isFound = true
            index = part.end + (isMilli ? 2 : 1)
        }
        return isFound ? (total, index) : nil
    }

    /// The decimal number at `start`, without sign or exponent.
    private static func number(_ text: UnsafeRawBufferPointer, from start: Int) -> (value: Double, end: Int)? {
        var index = start
        var value = 0.0
        var digits = 0
        while index < text.count, ASCII.isDigit(text[index]) {
            value = value * 10 + Double(text[index] &- 0x30)
            digits += 1
            index += 1
        }
        if index + 1 < text.count, text[index] == UInt8(ascii: "."), ASCII.isDigit(text[index + 1]) {
            index += 1
            var scale = 0.1
            while index < text.count, ASCII.isDigit(text[index]) {
                value += Double(text[index] &- 0x30) * scale
                scale /= 10
                digits += 1
                index += 1
            }
        }
        return digits > 0 ? (value, index) : nil
    }

    private static func up(_ seconds: Double) -> Int {
        guard seconds.isFinite, seconds < Double(longest) else { return longest }
        // A sum of decimal fractions may lie a hair above the whole number it means.
        let whole = Int(seconds)
        return seconds - Double(whole) > 1e-6 ? whole + 1 : whole
    }

    private static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var lower = 0
        var upper = text.count
        while lower < upper, text[lower] <= 0x20 { lower += 1 }
        while upper > lower, text[upper - 1] <= 0x20 { upper -= 1 }
        return text.slice(lower..<upper)
    }
}
