import Dialects
import Foundation
import ProxyCore

/// `/admin/usage` and what is below it.
struct UsageHandler {
    let usage: any UsageQueries
    let keys: any KeyAdministration
    let zone: Zone
    let now: Date

    /// The most days that are told without a date: those of ten years that have usage.
    private static let longestDays = 10 * 366
    private static let longestHours = longestDays * 24

    func total() async throws -> JSONValue {
        let total = try await usage.totals()
        let keys = keys.list()
        return [
            "total_input_tokens": .int(total.input),
            "total_output_tokens": .int(total.output),
            "total_requests": .int(total.requests),
            "total_keys": .int(keys.count),
            "active_keys": .int(keys.count { $0.enabled && ($0.expires ?? .max) > Int(clamping: now) }),
            "total_cost_usd": UsageShape.cost(total),
            "cost_usd": UsageShape.cost(total),
            "unpriced_requests": .int(total.unpriced),
            "today": .string(String(ZonedTime(zone: zone).iso(now).prefix(10))),
            "time_zone": .string(zone.name),
        ]
    }

    func daily(_ query: RequestQuery) async throws -> LocalResponse {
        let days = try await usage.daily(try Self.date(query), limit: Self.longestDays)
        var writer = RowWriter(capacity: 64 + days.reduce(0) { $0 + 256 + 96 * ($1.keys.count + $1.byModel.count) })
        writer.put("{\"days\":[")
        writer.put(each: days) { Self.write($1, to: &$0) }
        writer.put("]}")
        return .json(written: writer.bytes)
    }

    func hourly(_ query: RequestQuery) async throws -> JSONValue {
        let hours = try await usage.hourly(try Self.date(query), limit: Self.longestHours)
        return [
            "hours": .array(hours.map { ["hour": .string($0.hour.description), "by_model": UsageShape.byModel($0.byModel)] })
        ]
    }

    /// Usage by whatever is asked for: `group_by`, a comma between its words, `from` and `to`, days that are both included, or
    /// times, by the hour; `only`, values of the first group, and `top`, how many rows.
    func grouped(_ query: RequestQuery) async throws -> LocalResponse {
        let report = try GroupedReport.Request(query, zone)
        var rows = try await rows(of: report)
        if !report.only.isEmpty { rows.removeAll { !report.only.contains($0.values.first ?? "") } }
        // The sum of no requests is told too, as zero.
        if rows.isEmpty, report.groups.isEmpty { rows = [GroupedUsage(values: [])] }
        let names = report.groups.contains(.key) ? try await usage.keyNames() : [:]
        let shape = GroupedReport(groups: report.groups, names: names)
        var others: (count: Int, sum: GroupedUsage)?
        if let top = report.top { (rows, others) = GroupedReport.top(top, of: rows) }
        guard report.isCSV else { return .json(written: shape.json(rows, others: others)) }
        return LocalResponse(
            status: 200, headers: [("content-type", "text/csv; charset=utf-8; header=present")] + LocalResponse.uncached,
            body: shape.csv(rows, others: others))
    }

    private func rows(of report: GroupedReport.Request) async throws -> [GroupedUsage] {
        guard let hours = report.hours else {
            return try await usage.grouped(by: report.groups, from: report.first, to: report.last)
        }
        let place = report.groups.firstIndex(of: .hour)
        let groups = place == nil ? report.groups + [.hour] : report.groups
        func cut(from first: LocalDate?, to last: LocalDate?) async throws -> [GroupedUsage] {
            let rows = try await usage.grouped(by: groups, from: first, to: last)
            return hours.cut(rows, at: place ?? groups.count - 1, isAsked: place != nil)
        }
        // Whole days have a tenth of the rows.
        guard let parts = report.cutDays else { return try await cut(from: report.first, to: report.last) }
        var rows = try await usage.grouped(by: report.groups, from: parts.between.first, to: parts.between.last)
        for day in parts.days { rows += try await cut(from: day, to: day) }
        return GroupedReport.sums(of: rows)
    }

    private static func write(_ day: DayUsage, to writer: inout RowWriter) {
        writer.put("{\"date\":")
        writer.put(string: day.date.description)
        writer.put(",\"total_input\":", day.amounts.input)
        writer.put(",\"total_output\":", day.amounts.output)
        writer.put(",\"total_requests\":", day.amounts.requests)
        writer.put(",\"cost_usd\":", UsageShape.cost(day.amounts))
        writer.put(",\"by_model\":", UsageShape.byModel(day.byModel))
        writer.put(",\"keys\":[")
        writer.put(each: day.keys) { writer, key in
            writer.put("{\"name\":")
            writer.put(string: key.name)
            writer.put(",\"input\":", key.amounts.input)
            writer.put(",\"output\":", key.amounts.output)
            writer.put(",\"requests\":", key.amounts.requests)
            writer.put(",\"cost_usd\":", UsageShape.cost(key.amounts))
            writer.put("}")
        }
        writer.put("]}")
    }

    /// `date=2026-02-11`; nil without one.
    private static func date(_ query: RequestQuery) throws(AdminFailure) -> LocalDate? {
        guard let text = query["date"], !text.isEmpty else { return nil }
        guard let date = LocalDate(text) else { throw AdminFailure(.badRequest, "date must be a day like 2026-02-11") }
        return date
    }
}
