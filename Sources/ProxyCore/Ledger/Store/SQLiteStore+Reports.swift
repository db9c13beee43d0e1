import Dialects
import GRDB

/// Usage by whatever a report asks for.
extension SQLiteStore {
    func grouped(by groups: [UsageGroup], from first: LocalDate?, to last: LocalDate?) throws -> [GroupedUsage] {
        // A month has a tenth of the rows where hours are not asked for.
        let isHourly = groups.contains(.hour)
        let (table, period, first, last) =
            isHourly
            ? ("usage_place", "hour", first.map { $0.number * 100 }, last.map { $0.number * 100 + 99 })
            : ("usage_place_day", "day", first?.number, last?.number)
        let columns = groups.map { Self.column($0, isHourly: isHourly) }
        let names = columns.indices.map { "g\($0)" }
        // Keeps a sum of nothing from being a row. Where there are groups it would keep SQLite from going by the primary key.
        let one = groups.isEmpty ? ["one"] : []
        let join = groups.contains(where: \.isOfPlaces) ? " JOIN place ON place.id = \(table).place" : ""
        let selected = zip(columns, names).map { "\($0) AS \($1)" } + [Self.reportSums] + one.map { "1 AS \($0)" }
        let sql = """
            SELECT \(selected.joined(separator: ", ")) FROM \(table)\(join)
            WHERE \(period) BETWEEN ? AND ? GROUP BY \((names + one).joined(separator: ", "))
            """
        // Tags are told apart here: rows of different tags may be one row of the report.
        let hasTags = groups.contains(where: \.isTag)
        return try read { database in
            var rows: [GroupedUsage] = []
            var merged: [[String]: GroupedUsage] = [:]
            let cursor = try Row.fetchCursor(database, sql: sql, arguments: [first ?? .min, last ?? .max])
            while let row = try cursor.next() {
                let values = groups.indices.map { Self.value(groups[$0], row, $0) }
                var group = GroupedUsage(values: values)
                group.amounts = Self.placeAmounts(row, at: groups.count)
                group.countedRequests = row.amount(at: groups.count + Self.placeCounted)
                if hasTags {
                    merged[values, default: GroupedUsage(values: values)].add(group)
                } else {
                    rows.append(group)
                }
            }
            return Self.merged(hasTags ? Array(merged.values) : rows)
        }
    }

    /// The rows in the order of their values, each of which is there once.
    private static func merged(_ rows: [GroupedUsage]) -> [GroupedUsage] {
        var merged: [GroupedUsage] = []
        merged.reserveCapacity(rows.count)
        // SQLite has an order of its own, and numbers that are no day have one text.
        for row in rows.sorted(by: { $0.values.lexicographicallyPrecedes($1.values) }) {
            if merged.last?.values == row.values {
                merged[merged.count - 1].add(row)
            } else {
                merged.append(row)
            }
        }
        return merged
    }

    static func column(_ group: UsageGroup, isHourly: Bool) -> String {
        switch group {
        case .key: "key_id"
        case .model: "model"
        case .day: isHourly ? "hour / 100" : "day"
        case .hour: "hour"
        case .upstream: "upstream"
        case .account: "account"
        case .rule: "rule"
        case .tag: "tags"
        // No sums are kept by these; such a report reads the records.
        case .session, .agent: "''"
        }
    }

    private static func value(_ group: UsageGroup, _ row: Row, _ index: Int) -> String {
        switch group {
        case .day, .hour: value(group, number: row.integer(at: index), text: "")
        case .tag, .key, .model, .upstream, .account, .rule, .session, .agent: value(group, number: 0, text: row.text(at: index))
        }
    }

    /// What a report has of a column: of a number for a day or an hour, else of a text.
    static func value(_ group: UsageGroup, number: Int, text: String) -> String {
        switch group {
        case .day: number > 0 ? LocalDate(number: number).description : ""
        case .hour: hour(number)
        case .tag(let tag): (try? JSONValue(parsing: Array(text.utf8)))?[tag]?.string ?? ""
        case .key, .model, .upstream, .account, .rule, .session, .agent: text
        }
    }

    /// What was taken over from another system may have a day and no hour: it goes by the day; or neither.
    private static func hour(_ number: Int) -> String {
        guard number > 0 else { return "" }
        let hour = LocalHour(number: number)
        return number % 100 < 24 ? hour.description : hour.date.description
    }

    private static let reportSums = placeNames.map { "CAST(total(\($0)) AS INTEGER) AS \($0)" }.joined(separator: ", ")
}
