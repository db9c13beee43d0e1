extension LocalClock {
    /// Milliseconds since 1970 in which the month of `date` begins and ends.
    func month(of date: LocalDate) -> Range<Int> {
        let (year, month) = (date.number / 10_000, date.number / 100 % 100)
        let next = month == 12 ? (year + 1) * 100 + 1 : year * 100 + month + 1
        let begin = timeZone.start(of: LocalDate(number: (year * 100 + month) * 100 + 1))
        let end = timeZone.start(of: LocalDate(number: next * 100 + 1))
        return begin * 1_000..<max(begin, end) * 1_000
    }
}
