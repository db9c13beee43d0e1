import Basics

extension LocalClock {
    /// Milliseconds since 1970 in which the month of `date` begins and ends.
    func month(of date: LocalDate) -> Range<Int> {
        let (year, month) = (date.number / 10_000, date.number / 100 % 100)
        let begin = start(of: CivilDate(year: year, month: month, day: 1))
        let end = start(of: CivilDate(year: month == 12 ? year + 1 : year, month: month == 12 ? 1 : month + 1, day: 1))
        return begin * 1_000..<max(begin, end) * 1_000
    }

    /// Seconds since 1970 in which a day begins: it holds its noon.
    private func start(of date: CivilDate) -> Int {
        let noon = date.daysSince1970 * 86_400 + 43_200
        return day(at: noon - timeZone.utcOffset(at: noon)).range.lowerBound
    }
}
