import Testing

@testable import ProxyCore

struct LogInstantTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_770_811_200_000, "2026-02-11T12:00:00Z"), (1_770_811_200_001, "2026-02-11T12:00:01Z"),
            (-1_000, "1969-12-31T23:59:59Z"), (951_782_399_999, "2000-02-29T00:00:00Z"),
        ])
    func `an instant is told in whole seconds, rounded up`(milliseconds: Int, text: String) {
        #expect(LogInstant.text(milliseconds: milliseconds) == text)
    }

    @Test(arguments: [Int.max, .min])
    func `no number is too large for it`(milliseconds: Int) {
        #expect(LogInstant.text(milliseconds: milliseconds).hasSuffix("Z"))
    }
}
