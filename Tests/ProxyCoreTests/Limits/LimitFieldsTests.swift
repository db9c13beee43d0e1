import Basics
import Dialects
import HTTP1
import Testing

@testable import ProxyCore

/// What a head tells of limits.
struct LimitFieldsTests {
    private static let requests = LimitStanding.Figure(most: 60, remaining: 7, resetsAt: 1_770_811_200_001)
    private static let tokens = LimitStanding.Figure(most: 20_000_000, remaining: 0, resetsAt: 1_770_811_559_000)

    private func told(
        _ standing: LimitStanding, _ dialect: ClientDialect, now: Int = 1_770_811_199_000
    ) -> (text: String, fits: Bool) {
        var recent = RFC3339.Recent()
        let fields = LimitFields(standing, for: dialect, now: now, &recent)
        return withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { room in
            var head = HeadCursor(room)
            fields.write(into: &head)
            return (String(decoding: room[..<head.count], as: UTF8.self), head.count <= fields.room)
        }
    }

    @Test func `each dialect has words of its own`() {
        let all = LimitStanding(requests: Self.requests, tokens: Self.tokens)
        #expect(
            told(all, .anthropic).text == "anthropic-ratelimit-requests-limit: 60\r\n"
                + "anthropic-ratelimit-requests-remaining: 7\r\n"
                + "anthropic-ratelimit-requests-reset: 2026-02-11T12:00:01Z\r\n"
                + "anthropic-ratelimit-tokens-limit: 20000000\r\nanthropic-ratelimit-tokens-remaining: 0\r\n"
                + "anthropic-ratelimit-tokens-reset: 2026-02-11T12:05:59Z\r\n")
        for dialect in [ClientDialect.openai, .responses] {
            #expect(
                told(all, dialect).text == "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 7\r\n"
                    + "x-ratelimit-reset-requests: 2s\r\nx-ratelimit-limit-tokens: 20000000\r\n"
                    + "x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 6m0s\r\n")
        }
        #expect(told(all, .gemini).text.isEmpty)
    }

    @Test func `only what there is is told, and an upstream's own is hidden by it`() {
        let one = LimitStanding(tokens: Self.tokens)
        #expect(told(one, .anthropic).text.hasPrefix("anthropic-ratelimit-tokens-limit: 20000000\r\n"))
        #expect(!told(one, .openai).text.contains("requests"))
        for dialect in ClientDialect.allCases {
            var recent = RFC3339.Recent()
            #expect(LimitFields(one, for: dialect, now: 0, &recent).hidesUpstreams)
            #expect(!LimitFields(LimitStanding(), for: dialect, now: 0, &recent).hidesUpstreams)
            #expect(told(LimitStanding(), dialect).text.isEmpty)
        }
    }

    @Test func `the greatest numbers fit into the room that is reckoned`() {
        let most = LimitStanding.Figure(most: .max, remaining: .max, resetsAt: .max - 1_000)
        for dialect in ClientDialect.allCases {
            #expect(told(LimitStanding(requests: most, tokens: most), dialect, now: 0).fits)
        }
    }

    @Test(arguments: [
        ("x-ratelimit-limit-requests", true), ("X-RateLimit-Reset", true), ("anthropic-ratelimit-tokens-limit", true),
        ("x-ratelimit", false), ("retry-after", false), ("", false), ("x-anthropic-ratelimit-a", false),
    ])
    func `fields of an upstream that speak of limits`(name: String, speaks: Bool) {
        #expect(Array(name.utf8).withUnsafeBytes { LimitFields.speaksOfLimits($0) } == speaks)
    }
}
