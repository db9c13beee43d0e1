import Foundation
import Testing

@testable import ProxyCore

@Suite("Log timestamps")
struct LogTimestampTests {
    @Test(
        "a time is written with its zone's offset",
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 0, "2000-02-28T23:59:59.000Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"),
            (1_795_190_411, 28_800, "2026-11-21T00:00:11.000+08:00"),
            (1_795_190_411, -12_600, "2026-11-20T12:30:11.000-03:30"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ])
    func texts(_ second: Int, _ offset: Int, _ expected: String) {
        #expect(String(decoding: LogTimestamp.text(second: second, offset: offset), as: UTF8.self) == expected)
    }

    @Test("the calendar agrees with Foundation's over five centuries")
    func calendar() {
        for step in 0..<3000 {
            let second = step * 5_260_013
            let expected = Date(timeIntervalSince1970: Double(second)).formatted(
                Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            #expect(String(decoding: LogTimestamp.text(second: second, offset: 0), as: UTF8.self) == expected)
        }
    }

    @Test("milliseconds change within a second, the date with the next, and the offset with daylight saving time")
    func moves() throws {
        let berlin = try #require(Zone("Europe/Berlin"))
        let settings = LogSettings(timeZone: berlin)
        var timestamp = LogTimestamp()
        var buffer = LogBuffer()
        // Summer time ended on 25 October 2026 at 01:00 UTC.
        for milliseconds in [1_792_889_999_001, 1_792_889_999_999, 1_792_890_000_000] {
            timestamp.append(milliseconds: milliseconds, to: &buffer, settings: settings)
            buffer.append(UInt8(ascii: "|"))
        }
        #expect(
            String(decoding: buffer.bytes, as: UTF8.self)
                == "2026-10-25T02:59:59.001+02:00|2026-10-25T02:59:59.999+02:00|2026-10-25T02:00:00.000+01:00|")
    }

    @Test("a clock that is out of its mind writes some time and does not trap", arguments: [Int.min, -1, Int.max])
    func extremes(_ milliseconds: Int) {
        var timestamp = LogTimestamp()
        var buffer = LogBuffer()
        timestamp.append(milliseconds: milliseconds, to: &buffer, settings: LogSettings())
        #expect(buffer.count == 24)
    }
}
