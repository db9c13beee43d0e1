import Testing

@testable import ProxyCore

/// Every spelling of a reset that a vendor uses.
struct QuotaResetTests {
    /// 2027-01-15T08:00:00Z
    private static let wall = 1_800_000_000_000
    private static let week = QuotaWindow.longest

    private static func read(_ text: String) -> QuotaReset? {
        Array(text.utf8).withUnsafeBytes { QuotaReset($0, wall: wall) }
    }

    @Test(arguments: [
        ("1s", 1_000), ("6m0s", 360_000), ("12ms", 12), ("1h2m3s", 3_723_000), ("1d", 86_400_000), ("34.5s", 34_500),
        ("0", 0), ("30", 30_000), ("11.382867097854614", 11_382), ("0.5", 500), ("33011.4", 33_011_400),
        ("1800000060", 60_000), ("1800000060000", 60_000), ("1800000060.25", 60_250),
        ("2027-01-15T08:01:00Z", 60_000), ("2027-01-15T16:01:00+08:00", 60_000), ("2027-01-15T08:00:00.25Z", 250),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60_000),
        // A clock that is a little ahead.
        ("1799999990", 0), ("2027-01-15T07:59:59Z", 0),
    ])
    func `a reset is read`(text: String, expected: Int) throws {
        let reset = try #require(Self.read(text))
        #expect(reset.milliseconds == expected)
        #expect(!reset.isCut)
    }

    @Test(arguments: ["4070908800", "2099-01-01T00:00:00Z", "900d", "999999999", "4070908800000"])
    func `no window is longer than eight days`(text: String) throws {
        let reset = try #require(Self.read(text))
        #expect(reset.milliseconds == Self.week)
        #expect(reset.isCut)
    }

    @Test(arguments: [
        "", "-1", "NaN", "soon", "1970-01-01T00:00:00Z", "2026-01-15T08:00:00Z", "1e9", "1s2", "9999999999999999999999", "1 s",
        "Thu, 01 Jan 1970 00:00:00 GMT", "2027-13-15T08:01:00Z",
    ])
    func `what is no reset, or one of another time, is none`(text: String) {
        #expect(Self.read(text) == nil)
    }
}
