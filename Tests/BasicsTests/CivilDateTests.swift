import Basics
import Testing

@Suite struct CivilDateTests {
    @Test func everyDayFromTheFirstToTheLastYearIsItself() {
        let first = CivilDate(year: 1, month: 1, day: 1).daysSince1970
        let last = CivilDate(year: 9_999, month: 12, day: 31).daysSince1970
        #expect((first, last) == (-719_162, 2_932_896))
        // The calendar repeats itself every 400 years: the first and the last of them, those around 1970, and each year's ends.
        let cycle = 146_097
        for year in 2...9_999 {
            let start = CivilDate(year: year, month: 1, day: 1)
            let day = start.daysSince1970
            let isRight =
                CivilDate(daysSince1970: day) == start
                && CivilDate(daysSince1970: day - 1) == CivilDate(year: year - 1, month: 12, day: 31)
            if !isRight { Issue.record("the year \(year)") }
        }
        walk(first...first + cycle)
        walk(-cycle...cycle)
        walk(last - cycle...last)
    }

    private func walk(_ days: ClosedRange<Int>) {
        var expected = CivilDate(daysSince1970: days.lowerBound)
        for day in days {
            let date = CivilDate(daysSince1970: day)
            if date != expected || date.daysSince1970 != day {
                Issue.record("day \(day)")
                return
            }
            expected.day += 1
            if expected.day > CivilDate.days(in: expected.month, of: expected.year) {
                (expected.month, expected.day) = (expected.month + 1, 1)
            }
            if expected.month > 12 { (expected.year, expected.month) = (expected.year + 1, 1) }
        }
    }

    @Test(arguments: [Int.min, Int.max, -1_800_000_001, 1_800_000_001])
    func noNumberOfDaysTraps(_ days: Int) {
        let date = CivilDate(daysSince1970: days)
        #expect((1...12).contains(date.month) && (1...31).contains(date.day))
        _ = CivilDate(year: days, month: 2, day: 1).daysSince1970
        _ = CivilTime(seconds: days, utcOffset: days)
    }

    @Test(arguments: [
        (0, 0, "1970-01-01T00:00:00Z", 4), (951_782_400, 0, "2000-02-29T00:00:00Z", 2), (-1, 0, "1969-12-31T23:59:59Z", 3),
        (1_755_780_059, 28_800, "2025-08-21T20:40:59+08:00", 4), (0, -16_200, "1969-12-31T19:30:00-04:30", 3),
    ])
    func instantsHaveTheirDateClockAndDay(_ seconds: Int, _ offset: Int, _ text: String, _ dayOfWeek: Int) {
        #expect(RFC3339.text(seconds, utcOffset: offset) == text)
        #expect(RFC3339.parse(text) == RFC3339.Instant(seconds: seconds))
        #expect(CivilTime(seconds: seconds, utcOffset: offset).dayOfWeek == dayOfWeek)
    }
}
