import Foundation
import Testing

@testable import ProxyCore

@Suite struct LocalHourTests {
    @Test(
        arguments: [
            ("Asia/Singapore", "2026-02-11T15:59:59Z", "2026-02-11 23:00"),
            ("Asia/Singapore", "2026-02-11T16:00:00Z", "2026-02-12 00:00"),
            ("America/New_York", "2026-03-08T06:59:59Z", "2026-03-08 01:00"),
            ("America/New_York", "2026-03-08T07:00:00Z", "2026-03-08 03:00"),
            ("America/New_York", "2026-11-01T05:30:00Z", "2026-11-01 01:00"),
            ("America/New_York", "2026-11-01T06:30:00Z", "2026-11-01 01:00"),
            ("America/New_York", "2026-11-01T07:00:00Z", "2026-11-01 02:00"),
            ("Asia/Kolkata", "2026-01-01T18:29:59Z", "2026-01-01 23:00"),
            ("Asia/Kolkata", "2026-01-01T18:30:00Z", "2026-01-02 00:00"),
            ("Asia/Kathmandu", "2026-01-01T18:15:00Z", "2026-01-02 00:00"),
            ("Australia/Lord_Howe", "2026-10-03T15:29:59Z", "2026-10-04 01:00"),
            ("Australia/Lord_Howe", "2026-10-03T15:30:00Z", "2026-10-04 02:00"),
            ("GMT", "2024-02-29T12:00:00Z", "2024-02-29 12:00"), ("GMT", "2026-12-31T23:59:59Z", "2026-12-31 23:00"),
        ] as [(String, String, String)])
    func anInstantHasTheHourOfTheClockOnTheWall(_ zone: String, _ instant: String, _ expected: String) throws {
        var clock = LocalClock(try #require(Zone(zone)))
        #expect(clock.hour(at: try seconds(instant)).description == expected)
    }

    @Test func manyInstantsAgreeWithTheCalendar() throws {
        for zone in ["Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Tehran", "Australia/Lord_Howe"] {
            let clockZone = try #require(Zone(zone))
            var clock = LocalClock(clockZone)
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = try #require(TimeZone(identifier: zone))
            for time in stride(from: 0, to: 2_524_608_000, by: 9_999_991) {
                let parts = calendar.dateComponents(
                    [.year, .month, .day, .hour], from: Date(timeIntervalSince1970: Double(time)))
                let expected = [parts.year, parts.month, parts.day, parts.hour].reduce(0) { $0 * 100 + ($1 ?? 0) }
                #expect(clock.hour(at: time).number == expected, "\(zone) at \(time)")
            }
        }
    }

    @Test(
        arguments: [
            ("America/New_York", "2026-03-08T12:00:00Z", 23), ("America/New_York", "2026-11-01T12:00:00Z", 25),
            ("America/New_York", "2026-11-02T12:00:00Z", 24), ("GMT", "2026-11-02T00:00:00Z", 24),
            ("GMT", "1970-01-01T00:00:00Z", 24),
            ("Asia/Kolkata", "2026-11-02T18:30:00Z", 24),
        ] as [(String, String, Int)])
    func aDayBeginsAndEndsWhereItsDateDoes(_ zone: String, _ instant: String, _ hours: Int) throws {
        let time = try seconds(instant)
        var clock = LocalClock(try #require(Zone(zone)))
        let (date, range) = clock.day(at: time)
        #expect(range.contains(time))
        #expect(range.count == hours * 3_600)
        #expect(clock.hour(at: range.lowerBound).date == date)
        #expect(clock.hour(at: range.upperBound - 1).date == date)
        #expect(clock.hour(at: range.upperBound).date > date)
    }

    @Test(
        arguments: [
            ("Australia/Sydney", "2026-10-04", "2026-10-03T14:00:00Z"),
            ("Australia/Sydney", "2026-10-05", "2026-10-04T13:00:00Z"),
            ("Australia/Sydney", "2026-04-05", "2026-04-04T13:00:00Z"),
            ("Australia/Sydney", "2026-04-06", "2026-04-05T14:00:00Z"),
            ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"), ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"),
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"), ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
            ("GMT", "2026-02-11", "2026-02-11T00:00:00Z"),
        ] as [(String, String, String)])
    func aDayBeginsAtItsMidnight(_ zone: String, _ date: String, _ expected: String) throws {
        let start = try #require(Zone(zone)).start(of: try #require(LocalDate(date)))
        #expect(try start == seconds(expected))
    }

    /// Days on which clocks change, the days before and those after, and all others.
    @Test(arguments: [
        "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Africa/Cairo", "Asia/Beirut",
        "America/New_York", "America/Havana", "America/St_Johns", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati",
        "Etc/GMT+12",
    ])
    func everyDayBeginsWhereTheOneBeforeEnds(_ name: String) throws {
        let zone = try #require(Zone(name))
        var clock = LocalClock(zone)
        for noon in stride(from: noon - 86_400, to: noon + 2 * 365 * 86_400, by: 86_400) {
            let date = clock.hour(at: noon).date
            let start = zone.start(of: date)
            #expect(clock.hour(at: start).date == date, "\(name) \(date)")
            #expect(clock.hour(at: start - 1).date < date, "\(name) \(date)")
            let end = zone.end(of: date)
            #expect(clock.hour(at: end - 1).date == date, "\(name) \(date)")
            #expect(clock.hour(at: end).date > date, "\(name) \(date)")
        }
    }

    @Test(arguments: ["2026-02-11", "0001-01-01", "9999-12-31"])
    func aDateReadsAsItIsWritten(_ text: String) {
        #expect(LocalDate(text)?.description == text)
    }

    @Test(arguments: [
        "", "2026-2-11", "2026-02-1", "2026/02/11", "2026-13-01", "2026-00-01", "2026-01-32", "2026-01-00", "20260211",
        "2026-02-1x", "+026-02-11", "２026-02-1",
    ])
    func otherTextIsNoDate(_ text: String) {
        #expect(LocalDate(text) == nil)
    }

    @Test func hugeTimesDoNotTrap() {
        var clock = LocalClock(.utc)
        for time in [0, UsageRecord.maximumNumber, Int.max - 100_000] {
            _ = clock.hour(at: time)
            #expect(clock.day(at: min(time, UsageRecord.maximumNumber)).range.isEmpty == false)
        }
    }

    private func seconds(_ instant: String) throws -> Int {
        Int(try Date(instant, strategy: .iso8601).timeIntervalSince1970)
    }
}
