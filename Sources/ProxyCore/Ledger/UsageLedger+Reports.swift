/// Reports over what was booked.
extension UsageLedger {
    /// Days that have usage, in order of time: the one asked for, or the latest `limit`.
    public func daily(_ date: LocalDate? = nil, limit: Int = 366) async throws -> [DayUsage] {
        let names = try await keyNames()
        return try await pieces(upTo: limit, of: 31) { [self] (next: DayUsage?, most) in
            try await reported { try $0.days(date, before: next?.date, limit: most, names: names) }
        }
    }

    /// Hours that have usage, in order of time: those of the day asked for, or the latest `limit`.
    public func hourly(_ date: LocalDate? = nil, limit: Int = 31 * 24) async throws -> [HourUsage] {
        try await pieces(upTo: limit, of: 4 * 24) { [self] (next: HourUsage?, most) in
            try await reported { try $0.hours(date, before: next?.hour, limit: most) }
        }
    }

    /// What is much is read a piece at a time, the latest first: what is to be booked never waits for all of it.
    /// - Parameter read: gives at most so many periods that are before one, in order of time.
    private func pieces<Period>(
        upTo limit: Int, of most: Int, _ read: (_ next: Period?, _ most: Int) async throws -> [Period]
    ) async throws -> [Period] {
        var pieces: [[Period]] = []
        var left = limit
        while left > 0 {
            let piece = try await read(pieces.last?.first, min(left, most))
            pieces.append(piece)
            guard piece.count >= most else { break }
            left -= piece.count
        }
        return Array(pieces.reversed().joined())
    }

    /// Usage by whatever is asked for, in the order of the groups' values. Sessions and agents are told as far as records are kept; what
    /// else is booked has none, so that what is told comes to the same in all reports.
    public func grouped(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) async throws -> [GroupedUsage] {
        guard groups.contains(where: \.isOfRecords) else {
            return try await reported { try $0.grouped(by: groups, from: first, to: last) }
        }
        let booked = groups.filter { !$0.isOfRecords }
        let sums = try await reported { try $0.grouped(by: booked, from: first, to: last) }
        var rows = try await groupedRecords(by: groups, from: first, to: last)
        Self.addRest(of: sums, to: &rows, groups)
        return rows.values.sorted { $0.values.lexicographicallyPrecedes($1.values) }
    }

    /// What is booked and has no record any more.
    /// - Parameter sums: by those of the groups that are booked.
    private static func addRest(of sums: [GroupedUsage], to rows: inout [[String]: GroupedUsage], _ groups: [UsageGroup]) {
        let places = groups.indices.filter { !groups[$0].isOfRecords }
        let model = places.firstIndex { groups[$0] == .model }
        let known = Set(sums.map(\.values))
        var told: [[String]: GroupedUsage] = [:]
        for row in rows.values {
            var values = places.map { row.values[$0] }
            if let model, !known.contains(values) { values[model] = BookedModels.other }
            told[values, default: GroupedUsage(values: values)].add(row)
        }
        for sum in sums {
            guard let rest = sum.rest(without: told[sum.values]) else { continue }
            var values = Array(repeating: "", count: groups.count)
            for (place, value) in zip(places, sum.values) { values[place] = value }
            rows[values, default: GroupedUsage(values: values)].add(rest)
        }
    }

    /// The names of all keys there ever were, by id.
    public func keyNames() async throws -> [String: String] {
        try await reported { try $0.keyNames() }
    }

    private func groupedRecords(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) async throws
        -> [[String]: GroupedUsage]
    {
        let sums = RecordSums(by: groups, from: first, to: last, in: try await afterFlush { [self] _ in timeZone })
        var filter = RequestFilter()
        // No place on earth is further than a day from UTC.
        filter.since = first.map { ($0.secondsUTC - 86_400) * 1000 }
        filter.until = last.map { ($0.secondsUTC + 2 * 86_400) * 1000 }
        while true {
            let rest = filter
            guard let next = try await reported({ try sums.add(rest, of: $0) }) else { return sums.rows }
            filter.before = next
        }
    }
}
