import Basics
import Testing

@Suite struct InstantTests {
    @Test(arguments: [
        ("2026-02-11T14:00:00.123456789Z", 1_770_818_400, 123_456_789), ("2026-02-11T14:00:00+08:00", 1_770_789_600, 0),
        ("0001-01-01T00:00:00Z", -62_135_596_800, 0), ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
    ])
    func bothReadingsTakeWhatTheStandardHas(_ text: String, _ seconds: Int, _ nanoseconds: Int) {
        let expected = RFC3339.Instant(seconds: seconds, nanoseconds: nanoseconds)
        #expect(RFC3339.parse(text) == expected)
        #expect(RFC3339.parse(text, .lenient) == expected)
    }

    @Test(arguments: [
        ("2026-02-11 14:00:00Z", 1_770_818_400), ("2026-02-11T14:00:00", 1_770_818_400), ("2026-02-11t14:00:00z", 1_770_818_400),
        ("2026-02-11T14:00:00.1234567890123+0800", 1_770_789_600), ("2016-12-31T23:59:60Z", 1_483_228_800),
    ])
    func vendorsSpellingsAreTakenWhereTheyAreAskedFor(_ text: String, _ seconds: Int) {
        #expect(RFC3339.parse(text) == nil)
        #expect(RFC3339.parse(text, .lenient)?.seconds == seconds)
    }

    @Test(arguments: [
        "", "2025", "2025-13-01T00:00:00Z", "2025-02-29T00:00:00Z", "2025-08-21T12:40", "2025-08-21T24:00:00Z",
        "2025-08-21T12:40:59.Z", "2025-08-21T12:40:59+25:00", "2025-08-21T12:40:59Zjunk", "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00", "２０２５-08-21T12:40:59Z", "2025-08-21T12:40:59+0é00",
    ])
    func whatIsNoInstantIsNone(_ text: String) {
        #expect(RFC3339.parse(text) == nil)
        #expect(RFC3339.parse(text, .lenient) == nil)
    }

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Sun, 06 NOV 1994 08:49:37 GMT", 784_111_777), ("soon", nil),
            ("Sun, 06 Foo 1994 08:49:37 GMT", nil), ("Sun, 32 Nov 1994 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 24:49:37 GMT", nil),
        ] as [(String, Int?)])
    func datesOfHTTPAreReadInTheirThreeForms(_ text: String, _ seconds: Int?) {
        var text = text
        text.withUTF8 { #expect(HTTPDate.seconds(UnsafeRawBufferPointer($0)) == seconds) }
    }

    @Test func instantsThatWereWrittenAreRememberedAsTheyAre() {
        var recent = RFC3339.Recent()
        for second in [0, 0, 1_770_811_201, 1_770_811_200, 1_770_811_201, 1_770_811_200, 5, 1_770_811_200, -1, 0] {
            let text = recent.text(utc: second)
            let written = withUnsafeTemporaryAllocation(byteCount: RFC3339.utcCount, alignment: 1) { room in
                if let base = room.baseAddress { text.write(to: base) }
                return String(decoding: room, as: UTF8.self)
            }
            #expect(written == RFC3339.text(second))
        }
    }
}
