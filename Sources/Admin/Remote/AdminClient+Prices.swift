import Dialects
import ProxyCore

/// Usage at another list of prices. Nothing of what is kept changes.
extension AdminClient {
    /// The report as it would be at `prices`: rows by model, priced, and put together again by the groups that were asked for.
    func repriced(_ request: UsageRequest, _ prices: PriceList) async throws -> JSONValue {
        let groups = request.groupBy.split(separator: ",").map(String.init)
        var asked = request
        asked.groupBy = (groups.contains("model") ? groups : groups + ["model"]).joined(separator: ",")
        let answer = try await json("GET", ["usage"], query: asked.query)
        guard let rows = answer["rows"]?.array else { throw RemoteFailure.failed("\(url) has no usage by group") }
        var sums: [RepricedRow] = []
        var places: [[String]: Int] = [:]
        for row in rows {
            let values = groups.map { row[$0 == "key" ? "key_id" : $0]?.string ?? "" }
            let priced = RepricedRow(row, groups: groups, prices)
            if let place = places[values] {
                sums[place] += priced
            } else {
                places[values] = sums.count
                sums.append(priced)
            }
        }
        return .members(("rows", .array(sums.map(\.json))))
    }

    /// The same as CSV, with the columns of the admin API's.
    func repricedCSV(_ request: UsageRequest, _ prices: PriceList) async throws -> String {
        let groups = request.groupBy.split(separator: ",").map(String.init)
        let rows = try await repriced(request, prices)["rows"]?.array ?? []
        let names = groups + RepricedRow.columns + (groups.contains("key") ? ["key_id"] : [])
        let lines = rows.map { row in
            names.map { name -> String in
                guard let value = row[name], !value.isNull else { return "" }
                return value.string.map(GroupedReport.cell) ?? String(decoding: value.bytes, as: UTF8.self)
            }
        }
        return ([names.map(GroupedReport.cell)] + lines).map(GroupedReport.line).joined()
    }
}

/// A row of such a report.
private struct RepricedRow {
    static let columns = [
        "requests", "input", "output", "cache_read", "cache_write", "reasoning", "cost_usd", "counted_requests",
        "unpriced_requests", "images", "audio_ms", "cache_write_1h",
    ]
    /// Those that do not depend on prices.
    private static let counts = columns.filter { $0 != "cost_usd" && $0 != "unpriced_requests" }

    private let labels: [(String, JSONValue)]
    private var counts: [Int]
    private var nanoDollars: Int
    private var unpriced: Int

    init(_ row: JSONValue, groups: [String], _ prices: PriceList) {
        labels = groups.flatMap { group -> [(String, JSONValue)] in
            let name = [(group, row[group] ?? "")]
            return group == "key" ? name + [("key_id", row["key_id"] ?? "")] : name
        }
        let counts = Self.counts.map { row[$0]?.int ?? 0 }
        self.counts = counts
        let usage = TokenUsage(
            uncachedInput: counts[1], cacheRead: counts[3], cacheWrite: counts[4], output: counts[2], reasoning: counts[5],
            cacheWriteHour: row["cache_write_1h"]?.int ?? 0)
        // Images and their like have no tokens, and are paid for all the same.
        let isFree = usage == TokenUsage() && row["unpriced_requests"]?.int ?? 0 == 0
        let cost = isFree ? 0 : prices.knownCost(model: row["model"]?.string ?? "", usage: usage)
        nanoDollars = cost ?? 0
        unpriced = cost == nil ? counts[0] : 0
    }

    static func += (a: inout RepricedRow, b: RepricedRow) {
        a.counts = zip(a.counts, b.counts).map { $0.addingReportingOverflow($1).partialValue }
        a.nanoDollars = a.nanoDollars.addingReportingOverflow(b.nanoDollars).partialValue
        a.unpriced = a.unpriced.addingReportingOverflow(b.unpriced).partialValue
    }

    var json: JSONValue {
        let cost: JSONValue = unpriced > 0 && nanoDollars == 0 ? .null : .dollars(nanoDollars)
        return .ordered(
            labels + zip(Self.counts, counts).map { ($0, .int($1)) } + [
                ("cost_usd", cost), ("unpriced_requests", .int(unpriced)),
            ])
    }
}
