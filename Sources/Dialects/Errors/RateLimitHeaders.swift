import Basics

/// What an upstream's headers say of its limits, and the same in another vendor's words (conversion.md 7.4).
///
/// Anthropic names the instant of a reset, OpenAI the time until it, Azure whole seconds; the response's `date` is between them.
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

    /// - Parameter now: seconds since 1970, for responses without a date.
    public init(now: Int) { self.now = now }

    /// Reads one header; what speaks of no limit is passed over.
    public mutating func read(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard name.count >= 4, name.count < 64, value.count < 64 else { return }
        let name = String(decoding: name.map(ASCII.lowercased), as: UTF8.self)
        let text = String(decoding: value, as: UTF8.self)
        switch name {
        case "date": date = HTTPDate.seconds(value)
        case "anthropic-ratelimit-requests-limit", "x-ratelimit-limit-requests": requests.limit = Self.count(text)
        case "anthropic-ratelimit-requests-remaining", "x-ratelimit-remaining-requests": requests.remaining = Self.count(text)
        case "anthropic-ratelimit-tokens-limit", "x-ratelimit-limit-tokens": tokens.limit = Self.count(text)
        case "anthropic-ratelimit-tokens-remaining", "x-ratelimit-remaining-tokens": tokens.remaining = Self.count(text)
        case "anthropic-ratelimit-requests-reset": requests.instant = Self.instant(text)
        case "anthropic-ratelimit-tokens-reset": tokens.instant = Self.instant(text)
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
    public func lines(for client: ClientDialect) -> [(name: String, value: String)] {
        var lines: [(name: String, value: String)] = []
        for (word, window) in [("requests", requests), ("tokens", tokens)] {
            switch client {
            case .anthropic:
                let prefix = "anthropic-ratelimit-\(word)-"
                if let limit = window.limit { lines.append((prefix + "limit", limit)) }
                if let remaining = window.remaining { lines.append((prefix + "remaining", remaining)) }
                if let instant = instant(window) { lines.append((prefix + "reset", RFC3339.text(Self.up(instant)))) }
            case .openai, .responses:
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

    /// An instant in seconds since 1970, as Anthropic writes it: `2025-08-21T12:40:59Z`.
    private static func instant(_ text: String) -> Double? {
        RFC3339.parse(text, .lenient).map { Double($0.seconds) + Double($0.nanoseconds) / 1e9 }
    }

    /// No wait is longer than any other hint may be.
    private static func bounded(_ wait: Double) -> Double { Swift.min(wait, Double(RetryAfter.longest)) }

    /// A number of things; nil for what is no such number.
    private static func count(_ text: String) -> String? {
        !text.isEmpty && text.utf8.count <= 18 && text.utf8.allSatisfy { ASCII.isDigit($0) } ? text : nil
    }

    private static func up(_ seconds: Double) -> Int {
        guard seconds.isFinite, seconds < 1e12 else { return 0 }
        let whole = Int(seconds)
        return seconds - Double(whole) > 1e-6 ? whole + 1 : whole
    }

    /// A wait as OpenAI writes it: `250ms`, `12s`, `6m0s`.
    public static func duration(milliseconds: Int) -> String { duration(Double(milliseconds) / 1_000) }

    /// A duration as OpenAI writes it: `12ms`, `1s`, `6m0s`, `1h2m0s`.
    static func duration(_ seconds: Double) -> String {
        let milliseconds = up(seconds * 1_000)
        if milliseconds < 1_000 { return "\(milliseconds)ms" }
        let whole = up(Double(milliseconds) / 1_000)
        let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60)
        return (hours > 0 ? "\(hours)h" : "") + (whole >= 60 ? "\(minutes)m" : "") + "\(rest)s"
    }
}
