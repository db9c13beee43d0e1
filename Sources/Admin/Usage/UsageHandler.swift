import Dialects
import Foundation
import ProxyCore

/// `/admin/usage` and what is below it.
struct UsageHandler {
    let usage: any UsageQueries
    let keys: any KeyAdministration
    let now: Date

    /// What is told without a date: the latest days, and hours, that have usage.
    private static let longestDays = 366
    private static let longestHours = 31 * 24

    func total() async throws -> JSONValue {
        let total = try await usage.totals()
        let keys = keys.list()
        return [
            "total_input_tokens": .int(total.input),
            "total_output_tokens": .int(total.output),
            "total_requests": .int(total.requests),
            "total_keys": .int(keys.count),
            "active_keys": .int(keys.count { $0.enabled && ($0.expires ?? .max) > Int(clamping: now) }),
        ]
    }

    func daily(_ query: RequestQuery) async throws -> JSONValue {
        ["days": .array(try await usage.daily(try Self.date(query), limit: Self.longestDays).map(Self.day))]
    }

    func hourly(_ query: RequestQuery) async throws -> JSONValue {
        let hours = try await usage.hourly(try Self.date(query), limit: Self.longestHours)
        return [
            "hours": .array(hours.map { ["hour": .string($0.hour.description), "by_model": UsageShape.byModel($0.byModel)] })
        ]
    }

    private static func day(_ day: DayUsage) -> JSONValue {
        [
            "date": .string(day.date.description),
            "total_input": .int(day.amounts.input),
            "total_output": .int(day.amounts.output),
            "total_requests": .int(day.amounts.requests),
            "by_model": UsageShape.byModel(day.byModel),
            "keys": .array(
                day.keys.map {
                    [
                        "name": .string($0.name), "input": .int($0.amounts.input), "output": .int($0.amounts.output),
                        "requests": .int($0.amounts.requests),
                    ]
                }),
        ]
    }

    /// `date=2026-02-11`; nil without one.
    private static func date(_ query: RequestQuery) throws(AdminFailure) -> LocalDate? {
        guard let text = query["date"], !text.isEmpty else { return nil }
        guard let date = LocalDate(text) else { throw AdminFailure(.badRequest, "date must be a day like 2026-02-11") }
        return date
    }
}
