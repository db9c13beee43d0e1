import Dialects
import ProxyCore

/// How a report over groups is asked for and written.
struct GroupedReport {
    let groups: [UsageGroup]
    /// Key id → name.
    let names: [String: String]

    /// Whether a query asks for a grouped report; without any of these the old shape is meant.
    static func isAsked(by query: RequestQuery) -> Bool {
        ["group_by", "from", "to", "format", "top", "only"].contains { query[$0] != nil }
    }

    struct Request {
        var groups: [UsageGroup] = []
        /// nil for no bound.
        var first: LocalDate?
        var last: LocalDate?
        /// The hours of these days that are asked for; nil for all.
        var hours: HourSpan?
        var isCSV = false
        /// So many rows, the dearest; nil for all.
        var top: Int?
        /// Values of the first group; empty for all.
        var only: Set<String> = []

        /// How many tags one report may group by. The other groups are few; tags are as many as operators like.
        private static let mostTags = 8

        /// The days that are cut by hours, and those between them; nil where hours are asked for, or none is whole.
        var cutDays: (days: [LocalDate], between: (first: LocalDate?, last: LocalDate?))? {
            guard let hours, !groups.contains(.hour) else { return nil }
            let days = [hours.first == nil ? nil : first, hours.last == nil ? nil : last].compactMap { $0 }
            let begin = hours.first == nil ? first : first?.advanced(by: 1)
            let end = hours.last == nil ? last : last?.advanced(by: -1)
            if let begin, let end, begin > end { return nil }
            return (days, (begin, end))
        }

        init(_ query: RequestQuery, _ zone: Zone) throws(AdminFailure) {
            first = try query.day("from", zone)
            last = try query.day("to", zone)
            if let first, let last, first > last { throw AdminFailure(.badRequest, "from is later than to") }
            hours = try HourSpan(query, zone)
            switch query["format"] {
            case nil, "", "json": break
            case "csv": isCSV = true
            default: throw AdminFailure(.badRequest, "format must be json or csv")
            }
            top = try query.count("top", upTo: 1_000)
            let values = query.all("only")
            guard values.count <= 100 else { throw AdminFailure(.badRequest, "only can be said at most 100 times") }
            only = Set(values)
            let words = (query["group_by"] ?? "").split(separator: ",", omittingEmptySubsequences: false)
            for word in words where words.count > 1 || !word.isEmpty {
                guard let group = UsageGroup(String(word)) else { throw Self.unknown(word) }
                guard !groups.contains(group) else { throw AdminFailure(.badRequest, "group_by names '\(group.name)' twice") }
                groups.append(group)
            }
            guard groups.count(where: \.isTag) <= Self.mostTags else {
                throw AdminFailure(.badRequest, "group_by takes at most \(Self.mostTags) tags")
            }
        }

        private static func unknown(_ word: Substring) -> AdminFailure {
            AdminFailure(
                .badRequest,
                "group_by does not know '\(word.prefix(64))'; key, model, day, hour, upstream, account, rule, session, agent and "
                    + "tag:NAME can be said, with a comma between them")
        }
    }

    /// Hours as rows name them, both included; nil for no bound.
    struct HourSpan {
        var first: String?
        var last: String?

        /// nil where days alone are asked for. Sums are kept by hours: one that has begun is told whole.
        init?(_ query: RequestQuery, _ zone: Zone) throws(AdminFailure) {
            func instant(_ name: String) throws(AdminFailure) -> Int? {
                LocalDate(query[name] ?? "") == nil ? try query.instant(name, zone) : nil
            }
            func hour(_ seconds: Int) -> String {
                let text = zone.text(seconds: seconds)
                return "\(text.prefix(10)) \(text.dropFirst(11).prefix(2)):00"
            }
            first = try instant("from").map(hour)
            last = try instant("to").map { hour($0 - 1) }
            if first == nil, last == nil { return nil }
        }

        /// A day of which nobody knows the hour is there as a whole or not.
        func holds(_ hour: String) -> Bool {
            let isDay = !hour.contains(" ")
            return first.map { $0 <= (isDay ? hour + " 00:00" : hour) } ?? true
                && last.map { (isDay ? hour + " 23:00" : hour) <= $0 } ?? true
        }

        /// - Parameter isAsked: whether the hours are one of the groups; else they are the last, and go.
        func cut(_ rows: [GroupedUsage], at place: Int, isAsked: Bool) -> [GroupedUsage] {
            let held = rows.filter { holds($0.values[place]) }
            guard !isAsked else { return held }
            return GroupedReport.sums(of: held) { Array($0.dropLast()) }
        }
    }

    /// Rows in their order, each of whose values is there once.
    static func sums(of rows: [GroupedUsage], by values: ([String]) -> [String] = { $0 }) -> [GroupedUsage] {
        var sums: [[String]: GroupedUsage] = [:]
        for row in rows {
            let values = values(row.values)
            sums[values, default: GroupedUsage(values: values)].amounts += row.amounts
            sums[values]?.countedRequests += row.countedRequests
        }
        return sums.values.sorted { $0.values.lexicographicallyPrecedes($1.values) }
    }

    /// The dearest rows, and what all others come to together; nil for them where there are none.
    static func top(_ count: Int, of rows: [GroupedUsage]) -> (rows: [GroupedUsage], others: (count: Int, sum: GroupedUsage)?) {
        func weight(_ row: GroupedUsage) -> (Int, Int) { (row.amounts.costNanoDollars, row.amounts.total) }
        let sorted = rows.sorted { weight($0) > weight($1) }
        guard sorted.count > count else { return (sorted, nil) }
        var sum = GroupedUsage(values: [])
        for row in sorted.dropFirst(count) {
            sum.amounts += row.amounts
            sum.countedRequests += row.countedRequests
        }
        return (Array(sorted.prefix(count)), (sorted.count - count, sum))
    }

    /// `{"rows":[{…groups…,"requests","input",…}]}`; `input` is without what caches held.
    /// - Parameter others: what is in no row: `"others":{"groups","requests",…}`.
    func json(_ rows: [GroupedUsage], others: (count: Int, sum: GroupedUsage)? = nil) -> [UInt8] {
        let heads = groups.map { JSONValue.string($0.name).text + ":" }
        var writer = RowWriter(capacity: 64 + rows.count * (160 + 48 * groups.count))
        writer.put("{\"rows\":[")
        writer.put(each: rows) { writer, row in
            writer.put("{")
            for (index, value) in row.values.enumerated() where index < groups.count {
                writer.put(heads[index])
                if groups[index] == .key {
                    writer.put(string: names[value] ?? value)
                    writer.put(",\"key_id\":")
                }
                writer.put(string: value)
                writer.put(",")
            }
            Self.write(row, to: &writer)
            writer.put("}")
        }
        writer.put("]")
        if let others {
            writer.put(",\"others\":{\"groups\":", others.count)
            writer.put(",")
            Self.write(others.sum, to: &writer)
            writer.put("}")
        }
        writer.put("}")
        return writer.bytes
    }

    private static func write(_ row: GroupedUsage, to writer: inout RowWriter) {
        writer.put("\"requests\":", row.amounts.requests)
        writer.put(",\"input\":", row.amounts.uncachedInput)
        writer.put(",\"output\":", row.amounts.output)
        writer.put(",\"cache_read\":", row.amounts.cacheRead)
        writer.put(",\"cache_write\":", row.amounts.cacheWrite)
        writer.put(",\"reasoning\":", row.amounts.reasoning)
        writer.put(",\"cost_usd\":", UsageShape.cost(row.amounts))
        writer.put(",\"counted_requests\":", row.countedRequests)
        writer.put(",\"unpriced_requests\":", row.amounts.unpriced)
        writer.put(",\"images\":", row.amounts.images)
        writer.put(",\"audio_ms\":", row.amounts.audioMilliseconds)
        writer.put(",\"cache_write_1h\":", row.amounts.cacheWriteHour)
    }

    /// The same as RFC 4180 has it, the names of the members first. Names are not unique among keys that are gone: their ids come
    /// last, behind the columns that every report has.
    /// - Parameter others: what is in no row: the last line, `others` in the place of its first group.
    func csv(_ rows: [GroupedUsage], others: (count: Int, sum: GroupedUsage)? = nil) -> [UInt8] {
        let ids = groups.contains(.key) ? ["key_id"] : []
        let head = groups.map(\.name) + Self.amounts(GroupedUsage(values: [])).map { $0.0 } + ids
        var text = Self.line(of: head.map(Self.cell))
        for row in rows {
            let values = zip(groups, row.values)
            let labels = values.map { Self.cell($0 == .key ? names[$1] ?? $1 : $1) }
            let ids = values.filter { $0.0 == .key }.map { Self.cell($0.1) }
            text += Self.line(of: labels + Self.cells(of: row) + ids)
        }
        if let others {
            let labels = groups.indices.map { $0 == 0 ? "others" : "" }
            text += Self.line(of: labels + Self.cells(of: others.sum) + ids.map { _ in "" })
        }
        return Array(text.utf8)
    }

    private static func cells(of row: GroupedUsage) -> [String] {
        amounts(row).map { $0.1 == .null ? "" : String(decoding: $0.1.bytes, as: UTF8.self) }
    }

    private static func amounts(_ row: GroupedUsage) -> [(String, JSONValue)] {
        [
            ("requests", .int(row.amounts.requests)), ("input", .int(row.amounts.uncachedInput)),
            ("output", .int(row.amounts.output)), ("cache_read", .int(row.amounts.cacheRead)),
            ("cache_write", .int(row.amounts.cacheWrite)), ("reasoning", .int(row.amounts.reasoning)),
            ("cost_usd", UsageShape.cost(row.amounts)), ("counted_requests", .int(row.countedRequests)),
            ("unpriced_requests", .int(row.amounts.unpriced)), ("images", .int(row.amounts.images)),
            ("audio_ms", .int(row.amounts.audioMilliseconds)), ("cache_write_1h", .int(row.amounts.cacheWriteHour)),
        ]
    }

    static func line(of cells: [String]) -> String { cells.joined(separator: ",") + "\r\n" }

    /// Clients name sessions and models: what a spreadsheet would take for a formula is marked as text.
    static func cell(_ text: String) -> String {
        let isFormula = text.utf8.first.map { "=+-@\t\r".utf8.contains($0) } ?? false
        let text = isFormula ? "'" + text : text
        guard text.utf8.contains(where: { ",\"\r\n".utf8.contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
