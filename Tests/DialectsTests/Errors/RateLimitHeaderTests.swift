import Testing

@testable import Dialects

@Suite("Rate-limit headers")
struct RateLimitHeaderTests {
    /// 2025-08-21T12:40:00Z
    static let date = ("Date", "Thu, 21 Aug 2025 12:40:00 GMT")

    static func read(_ headers: [(String, String)]) -> RateLimitHeaders {
        var limits = RateLimitHeaders(now: 0)
        for (name, value) in headers {
            Array(name.utf8).withUnsafeBytes { name in
                Array(value.utf8).withUnsafeBytes { limits.read(name: name, value: $0) }
            }
        }
        return limits
    }

    static func text(_ limits: RateLimitHeaders, _ client: ClientDialect) -> [String] {
        limits.lines(for: client).map { "\($0.name): \($0.value)" }
    }

    @Test("an instant becomes a duration by the answer's date")
    func instants() {
        let limits = Self.read([
            Self.date, ("anthropic-ratelimit-requests-limit", "50"), ("Anthropic-RateLimit-Requests-Remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2025-08-21T12:41:02Z"),
            ("anthropic-ratelimit-tokens-reset", "2025-08-21T14:40:00.25+02:00"),
        ])
        #expect(
            Self.text(limits, .openai) == [
                "x-ratelimit-limit-requests: 50", "x-ratelimit-remaining-requests: 49", "x-ratelimit-reset-requests: 1m2s",
                "x-ratelimit-reset-tokens: 250ms",
            ])
        #expect(Self.text(limits, .gemini).isEmpty)
    }

    @Test("a duration becomes an instant, rounded up; what is no duration is passed over")
    func durations() {
        let limits = Self.read([
            Self.date, ("x-ratelimit-reset-requests", "1m1.2s"), ("x-ratelimit-limit-tokens", "many"),
            ("x-ratelimit-reset-tokens", "-1"),
        ])
        #expect(Self.text(limits, .anthropic) == ["anthropic-ratelimit-requests-reset: 2025-08-21T12:41:02Z"])
    }

    @Test("the wait is that of a limit that is used up")
    func waits() {
        let spent = [Self.date, ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1m30s")]
        #expect(Self.read(spent + [("x-ratelimit-reset-tokens", "2h")]).retryAfterSeconds == 90)
        #expect(Self.read([Self.date, ("x-ratelimit-reset-requests", "1m30s")]).retryAfterSeconds == nil)
    }

    @Test(
        "no wait is longer than a week and a day",
        arguments: [
            ("x-ratelimit-reset-requests", "400d"), ("x-ratelimit-reset-requests", "9999999999999999999999s"),
            ("anthropic-ratelimit-requests-reset", "9999-12-31T00:00:00Z"),
        ])
    func longest(_ name: String, _ value: String) {
        let limits = Self.read([Self.date, ("x-ratelimit-remaining-requests", "0"), (name, value)])
        #expect(limits.retryAfterSeconds == RetryAfter.longest)
        #expect(Self.text(limits, .openai).contains("x-ratelimit-reset-requests: 192h0m0s"))
    }

    @Test(
        "durations as OpenAI writes them",
        arguments: [(0.012, "12ms"), (1, "1s"), (62, "1m2s"), (360, "6m0s"), (3_720, "1h2m0s")])
    func written(_ seconds: Double, _ text: String) {
        #expect(RateLimitHeaders.duration(seconds) == text)
    }
}
