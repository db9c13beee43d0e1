/// What an upstream's headers say of its limits, and the same in another vendor's words (conversion.md 7.4).
///
/// Anthropic names the instant of a reset, OpenAI the time until it, Azure whole seconds; the answer's `date` is between them.
public struct RateLimitHeaders: Sendable {
    private struct Window: Sendable {
        var limit: String?
        var remaining: String?
        /// Seconds until the reset, and the instant of it; what the upstream said is set.
        var wait: Double?
        var instant: Double?

        /// Some tell an instant where others tell a wait.
        mutating func tell(_ number: Double?) {
            instant = number.flatMap(RetryAfter.instant)
            wait = instant == nil ? number : nil
        }
    }

    private var requests = Window()
    private var tokens = Window()
    private var date: Int?
    private let now: Int

    /// - Parameter now: seconds since 1970, for answers without a date.
    public init(now: Int) { self.now = now }

    /// Reads one header; what speaks of no limit is passed over.
    public mutating func read(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard name.count >= 4, name.count < 64, value.count < 64 else { return }
        let name = String(decoding: name.map(ByteSearch.lowered), as: UTF8.self)
        let text = String(decoding: value, as: UTF8.self)
        switch name {
        case "date": date = HTTPDate.seconds(value)
        case "anthropic-ratelimit-requests-limit", "x-ratelimit-limit-requests": requests.limit = Self.count(text)
        case "anthropic-ratelimit-requests-remaining", "x-ratelimit-remaining-requests": requests.remaining = Self.count(text)
        case "anthropic-ratelimit-tokens-limit", "x-ratelimit-limit-tokens": tokens.limit = Self.count(text)
        case "anthropic-ratelimit-tokens-remaining", "x-ratelimit-remaining-tokens": tokens.remaining = Self.count(text)
        case "anthropic-ratelimit-requests-reset": requests.instant = RFC3339.seconds(text)
        case "anthropic-ratelimit-tokens-reset": tokens.instant = RFC3339.seconds(text)
        case "x-ratelimit-reset-requests": requests.tell(RetryAfter.exactSeconds(text))
        case "x-ratelimit-reset-tokens": tokens.tell(RetryAfter.exactSeconds(text))
        default: break
        }
    }

    /// How long to wait for a limit that is used up, in seconds, rounded up, `RetryAfter.longest` at most; nil when none is.
    public var retryAfterSeconds: Int? {
        let waits = [requests, tokens].compactMap { window in window.remaining == "0" ? wait(window) : nil }
        return waits.max().map(Self.up)
    }

    /// The headers for a client, name and value; empty for Gemini's, who know none.
    public func lines(for client: Dialect) -> [(name: String, value: String)] {
        var lines: [(name: String, value: String)] = []
        for (word, window) in [("requests", requests), ("tokens", tokens)] {
            switch client {
            case .anthropic:
                let prefix = "anthropic-ratelimit-\(word)-"
                if let limit = window.limit { lines.append((prefix + "limit", limit)) }
                if let remaining = window.remaining { lines.append((prefix + "remaining", remaining)) }
                if let instant = instant(window) { lines.append((prefix + "reset", RFC3339.text(Self.up(instant)))) }
            case .openai, .azure, .responses:
                if let limit = window.limit { lines.append(("x-ratelimit-limit-\(word)", limit)) }
                if let remaining = window.remaining { lines.append(("x-ratelimit-remaining-\(word)", remaining)) }
                if let wait = wait(window) { lines.append(("x-ratelimit-reset-\(word)", Self.duration(wait))) }
            case .gemini: break
            }
        }
        return lines
    }

    private func wait(_ window: Window) -> Double? {
        let wait = window.wait ?? window.instant.map { Swift.max(0, $0 - Double(date ?? now)) }
        return wait.map(Self.bounded)
    }

    private func instant(_ window: Window) -> Double? {
        window.instant ?? window.wait.map { Double(date ?? now) + Self.bounded($0) }
    }

    /// No wait is longer than any other hint may be.
    private static func bounded(_ wait: Double) -> Double { Swift.min(wait, Double(RetryAfter.longest)) }

    /// A number of things; what is no such number is nobody's.
    private static func count(_ text: String) -> String? {
        !text.isEmpty && text.utf8.count <= 18 && text.utf8.allSatisfy { $0 &- 0x30 < 10 } ? text : nil
    }

    private static func up(_ seconds: Double) -> Int {
        guard seconds.isFinite, seconds < 1e12 else { return 0 }
        let whole = Int(seconds)
        return seconds - Double(whole) > 1e-6 ? whole + 1 : whole
    }

    /// As OpenAI writes durations: `12ms`, `1s`, `6m0s`, `1h2m0s`.
    static func duration(_ seconds: Double) -> String {
        let milliseconds = up(seconds * 1_000)
        if milliseconds < 1_000 { return "\(milliseconds)ms" }
        let whole = up(Double(milliseconds) / 1_000)
        let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60)
        return (hours > 0 ? "\(hours)h" : "") + (whole >= 60 ? "\(minutes)m" : "") + "\(rest)s"
    }
}

/// Instants as Anthropic writes them (RFC 3339): `2025-08-21T12:40:59Z`.
enum RFC3339 {
    /// Seconds since 1970, with a fraction; nil for what is no instant.
    static func seconds(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            var value = 0
            for index in range {
                guard bytes[index] &- 0x30 < 10 else { return nil }
                value = value * 10 + Int(bytes[index] &- 0x30)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), bytes[4] == 0x2D, bytes[7] == 0x2D,
            bytes[10] | 0x20 == 0x74, bytes[13] == 0x3A, bytes[16] == 0x3A, (1970...9999).contains(year),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var index = 19
        var fraction = 0.0
        if index < bytes.count, bytes[index] == 0x2E {
            index += 1
            var scale = 0.1
            while index < bytes.count, bytes[index] &- 0x30 < 10 {
                fraction += Double(bytes[index] &- 0x30) * scale
                scale /= 10
                index += 1
            }
        }
        var offset = 0
        switch index < bytes.count ? bytes[index] : 0 {
        case 0x5A, 0x7A: guard index + 1 == bytes.count else { return nil }
        case 0x2B, 0x2D:
            guard let hours = number(index + 1..<index + 3), let minutes = number(index + 4..<index + 6), hours < 24, minutes < 60
            else { return nil }
            offset = (bytes[index] == 0x2B ? 1 : -1) * (hours * 3_600 + minutes * 60)
        default: return nil
        }
        let days = HTTPDate.daysSince1970(year, month, day)
        return Double(days * 86_400 + hour * 3_600 + minute * 60 + second - offset) + fraction
    }

    /// An instant in seconds since 1970, in UTC.
    static func text(_ seconds: Int) -> String {
        let (days, rest) = (seconds / 86_400, seconds % 86_400)
        // Years counted from March, so that the leap day is the last of one.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let day = shifted - era * 146_097
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        let fields = [
            two(month), two(dayOfYear - (153 * part + 2) / 5 + 1), two(rest / 3_600), two(rest / 60 % 60), two(rest % 60),
        ]
        return "\(year + era * 400 + (month <= 2 ? 1 : 0))-\(fields[0])-\(fields[1])T\(fields[2]):\(fields[3]):\(fields[4])Z"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
