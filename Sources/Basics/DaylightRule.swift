/// What holds every year from some year on: `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX, with RFC 9636's hours of -167 to 167).
struct DaylightRule: Sendable, Hashable {
    /// Seconds east of UTC.
    private let standard: Int
    private let daylight: (offset: Int, from: Turn, to: Turn)?

    /// The moment of a year at which clocks are turned.
    private struct Turn: Sendable, Hashable {
        enum Day: Sendable, Hashable {
            /// 1 to 365; the 29th of February is never counted.
            case julian(Int)
            /// 0 to 365.
            case zeroBased(Int)
            /// Month, week (5 is the last), day of the week (0 is Sunday).
            case weekday(month: Int, week: Int, day: Int)
        }

        var day: Day
        /// The second of the day, by the clock before it is turned.
        var seconds: Int

        /// The moment by that clock, in seconds since 1970.
        func local(in year: Int) -> Int {
            let first = CivilDate(year: year, month: 1, day: 1).daysSince1970
            let days: Int
            switch day {
            case .julian(let number):
                let isAfterFebruary = number > 59 && CivilDate.days(in: 2, of: year) == 29
                days = first + number - 1 + (isAfterFebruary ? 1 : 0)
            case .zeroBased(let number): days = first + number
            case .weekday(let month, let week, let day):
                let monthBegins = CivilDate(year: year, month: month, day: 1).daysSince1970
                let weekday = ((monthBegins + 4) % 7 + 7) % 7
                var date = (day - weekday + 7) % 7 + (week - 1) * 7
                while date >= CivilDate.days(in: month, of: year) { date -= 7 }
                days = monthBegins + date
            }
            return days * 86_400 + seconds
        }
    }

    /// nil for what is no such line.
    init?(_ text: ArraySlice<UInt8>) {
        var text = text
        guard text.count < 128, Self.takeName(&text), let standard = Self.takeTime(&text, hours: 24) else { return nil }
        self.standard = -standard
        guard !text.isEmpty else {
            daylight = nil
            return
        }
        guard Self.takeName(&text) else { return nil }
        var offset = self.standard + 3_600
        if let first = text.first, first != UInt8(ascii: ",") {
            guard let own = Self.takeTime(&text, hours: 24) else { return nil }
            offset = -own
        }
        guard let from = Self.takeTurn(&text), let to = Self.takeTurn(&text), text.isEmpty else { return nil }
        daylight = (offset, from, to)
    }

    static func == (a: DaylightRule, b: DaylightRule) -> Bool {
        a.standard == b.standard && a.daylight?.offset == b.daylight?.offset && a.daylight?.from == b.daylight?.from
            && a.daylight?.to == b.daylight?.to
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(standard)
        hasher.combine(daylight?.offset)
    }

    func utcOffset(at instant: Int) -> Int {
        guard let daylight else { return standard }
        let year = CivilTime(seconds: instant, utcOffset: standard).date.year
        // A turn near the new year may belong to the year beside it.
        var latest = (instant: Int.min, offset: standard)
        for year in year - 1...year + 1 {
            let begins = daylight.from.local(in: year) - standard
            let ends = daylight.to.local(in: year) - daylight.offset
            if begins <= instant, begins >= latest.instant { latest = (begins, daylight.offset) }
            if ends <= instant, ends >= latest.instant { latest = (ends, standard) }
        }
        return latest.offset
    }

    // MARK: Reading

    private static func takeName(_ text: inout ArraySlice<UInt8>) -> Bool {
        if text.first == UInt8(ascii: "<") {
            guard let end = text.firstIndex(of: UInt8(ascii: ">")) else { return false }
            text = text[(end + 1)...]
            return true
        }
        let letters = text.prefix { ASCII.isLetter($0) }
        text = text.dropFirst(letters.count)
        return letters.count >= 3
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    private static func takeTime(_ text: inout ArraySlice<UInt8>, hours: Int) -> Int? {
        var sign = 1
        if let first = text.first, first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
            sign = first == UInt8(ascii: "-") ? -1 : 1
            text = text.dropFirst()
        }
        guard var seconds = takeNumber(&text, upTo: hours) else { return nil }
        seconds *= 3_600
        for unit in [60, 1] where text.first == UInt8(ascii: ":") {
            text = text.dropFirst()
            guard let part = takeNumber(&text, upTo: 59) else { return nil }
            seconds += part * unit
        }
        return sign * seconds
    }

    private static func takeNumber(_ text: inout ArraySlice<UInt8>, upTo limit: Int) -> Int? {
        let digits = text.prefix { ASCII.isDigit($0) }
        guard !digits.isEmpty, digits.count <= 3 else { return nil }
        text = text.dropFirst(digits.count)
        let value = digits.reduce(0) { $0 * 10 + Int($1 &- 0x30) }
        return value <= limit ? value : nil
    }

    /// `,M3.5.0/2`
    private static func takeTurn(_ text: inout ArraySlice<UInt8>) -> Turn? {
        guard text.first == UInt8(ascii: ",") else { return nil }
        text = text.dropFirst()
        let day: Turn.Day
        switch text.first {
        case UInt8(ascii: "M"):
            text = text.dropFirst()
            guard let month = takeNumber(&text, upTo: 12), month > 0, takeDot(&text), let week = takeNumber(&text, upTo: 5),
                week > 0, takeDot(&text), let weekday = takeNumber(&text, upTo: 6)
            else { return nil }
            day = .weekday(month: month, week: week, day: weekday)
        case UInt8(ascii: "J"):
            text = text.dropFirst()
            guard let number = takeNumber(&text, upTo: 365), number > 0 else { return nil }
            day = .julian(number)
        default:
            guard let number = takeNumber(&text, upTo: 365) else { return nil }
            day = .zeroBased(number)
        }
        guard text.first == UInt8(ascii: "/") else { return Turn(day: day, seconds: 7_200) }
        text = text.dropFirst()
        return takeTime(&text, hours: 167).map { Turn(day: day, seconds: $0) }
    }

    private static func takeDot(_ text: inout ArraySlice<UInt8>) -> Bool {
        guard text.first == UInt8(ascii: ".") else { return false }
        text = text.dropFirst()
        return true
    }
}
