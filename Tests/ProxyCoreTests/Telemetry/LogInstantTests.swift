import Testing

@testable import ProxyCore

struct LogInstantTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_770_811_200_000, "2026-02-11T12:00:00Z"), (1_770_811_200_001, "2026-02-11T12:00:01Z"),
            (-1_000, "1969-12-31T23:59:59Z"), (951_782_399_999, "2000-02-29T00:00:00Z"),
        ])
    func `an instant is told in whole seconds, rounded up`(milliseconds: Int, text: String) {
        #expect(LogInstant.text(milliseconds: milliseconds, in: .utc) == text)
    }

    @Test(arguments: [Int.max, .min])
    func `no number is too large for it`(milliseconds: Int) {
        #expect(LogInstant.text(milliseconds: milliseconds, in: .utc).hasSuffix("Z"))
    }

    @Test func `it is told in the zone of the lines' own times, with the offset of that day`() throws {
        let zone = try #require(Zone("Europe/Berlin"))
        #expect(LogInstant.text(milliseconds: 1_770_811_200_000, in: zone) == "2026-02-11T13:00:00+01:00")
        #expect(LogInstant.text(milliseconds: 1_782_907_200_000, in: zone) == "2026-07-01T14:00:00+02:00")
        let winter = try #require(Zone("Europe/London"))
        #expect(LogInstant.text(milliseconds: 1_770_811_200_000, in: winter) == "2026-02-11T12:00:00Z")
    }
}
