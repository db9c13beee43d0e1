/// Dates as HTTP writes them (RFC 9110, 5.6.7): IMF-fixdate, and the two older forms a recipient must read.
public enum HTTPDate {
    /// Seconds since 1970; nil for what is no date.
    public static func seconds(_ text: UnsafeRawBufferPointer) -> Int? {
        // "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"
        guard text.count < 64 else { return nil }
        let words = text.split { " ,-".utf8.contains($0) }.map { UnsafeRawBufferPointer(rebasing: $0) }
        guard words.count >= 5 else { return nil }
        let isAsctime = words[1].first.map { !ASCII.isDigit($0) } ?? false
        let (day, month, year, time) =
            isAsctime ? (words[2], words[1], words[4], words[3]) : (words[1], words[2], words[3], words[4])
        guard let day = integer(day), let month = self.month(month), var year = integer(year) else { return nil }
        if year < 70 { year += 2000 } else if year < 100 { year += 1900 }
        let parts = time.split(separator: UInt8(ascii: ":")).map { UnsafeRawBufferPointer(rebasing: $0) }
        guard parts.count == 3, let hour = integer(parts[0]), let minute = integer(parts[1]), let second = integer(parts[2]),
            (1...31).contains(day), hour < 24, minute < 60, second < 61, (1970...9999).contains(year)
        else { return nil }
        return CivilDate(year: year, month: month, day: day).daysSince1970 * 86_400 + hour * 3600 + minute * 60 + second
    }

    private static func integer(_ text: UnsafeRawBufferPointer) -> Int? {
        guard !text.isEmpty, text.count <= 4, text.allSatisfy({ ASCII.isDigit($0) }) else { return nil }
        return text.reduce(0) { $0 * 10 + Int($1 &- 0x30) }
    }

    private static func month(_ text: UnsafeRawBufferPointer) -> Int? {
        let names: [StaticString] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
        guard text.count == 3 else { return nil }
        return names.firstIndex { ASCII.equalsIgnoringCase(text, $0) }.map { $0 + 1 }
    }
}
