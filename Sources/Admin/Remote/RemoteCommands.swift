import Basics
import Dialects
import Foundation
import ProxyCore

/// How the command line prints what it was told.
public enum RemoteFormat: Sendable {
    /// For people.
    case table
    /// What the admin API answered, unchanged.
    case json
}

/// What the command line does over the admin API. Each call gives what is to be printed, and throws `RemoteFailure`.
extension AdminClient {
    // MARK: Keys

    /// All keys, or those that the words are found in, page by page.
    public func listKeys(search: String?, _ format: RemoteFormat) async throws -> String {
        var keys: [JSONValue] = []
        var before: String?
        repeat {
            let page = try await json("GET", ["keys"], query: [("limit", "1000"), ("search", search), ("before", before)])
            keys += page["keys"]?.array ?? []
            before = page["next"]?.string
        } while before != nil
        guard format == .table else { return Self.line(["keys": .array(keys)]) }
        var table = TextTable(["NAME", "ID", "KEY", "STATE", "POLICY", "TAGS", "REQUESTS", "INPUT", "OUTPUT", "LAST USED"])
        for key in keys.reversed() {
            let tags = (key["tags"]?.stringMap ?? [:]).inKeyOrder().map { "\($0.key)=\($0.value)" }
            table.add([
                .text(key["name"]?.string ?? ""), .text(key["id"]?.string ?? ""), .text(key["key"]?.string ?? ""),
                .text(key["enabled"]?.bool == false ? "disabled" : Self.isOver(key["expires"]) ? "expired" : "enabled"),
                .text(key["policy"]?.string ?? ""),
                .text(tags.joined(separator: " ")), .count(key["total_requests"]?.int), .count(key["total_input"]?.int),
                .count(key["total_output"]?.int), .text(Self.time(key["last_used"])),
            ])
        }
        return table.text
    }

    /// The new key alone is printed: a script takes it as it comes.
    public func createKey(
        name: String, policy: String?, tags: [String: String], expires: String?, _ format: RemoteFormat
    ) async throws -> String {
        var body: JSONObject = ["name": .string(name)]
        if let policy { body.append("policy", .string(policy)) }
        if !tags.isEmpty { body.append("tags", .map(tags)) }
        if let expires { body.append("expires", .string(expires)) }
        let made = try await json("POST", ["keys"], body: .object(body))
        return format == .json ? Self.line(made) : "\(made["api_key"]?.string ?? "")\n"
    }

    /// The new text of the key alone is printed.
    public func rotateKey(_ reference: String, overlap: String?, _ format: RemoteFormat) async throws -> String {
        let body: JSONValue = overlap.map { ["overlap": .string($0)] } ?? [:]
        let made = try await json("POST", ["keys", reference, "rotate"], body: body)
        return format == .json ? Self.line(made) : "\(made["api_key"]?.string ?? "")\n"
    }

    public enum KeyAction: String, Sendable, CaseIterable { case disable, enable, delete }

    public func change(key reference: String, _ action: KeyAction) async throws -> String {
        let answer: JSONValue
        switch action {
        case .disable, .enable: answer = try await json("POST", ["keys", reference, action.rawValue])
        case .delete: answer = try await json("DELETE", ["keys", reference])
        }
        return TextTable.harmless("\(answer["name"]?.string ?? reference): \(answer["status"]?.string ?? "done")") + "\n"
    }

    // MARK: Usage

    public struct UsageRequest: Sendable {
        public var from: String?
        public var to: String?
        /// `key,model`, as the admin API has it.
        public var groupBy: String
        /// Another list of prices, which the same tokens are shown at.
        public var prices: PriceList?

        public init(from: String? = nil, to: String? = nil, groupBy: String = "key") {
            self.from = from
            self.to = to
            self.groupBy = groupBy
        }

        var query: [(name: String, value: String?)] { [("from", from), ("to", to), ("group_by", groupBy)] }
    }

    public func usage(_ request: UsageRequest, _ format: RemoteFormat) async throws -> String {
        let answer =
            if let prices = request.prices {
                try await repriced(request, prices)
            } else {
                try await json("GET", ["usage"], query: request.query)
            }
        guard format == .table else { return Self.line(answer) }
        guard let rows = answer["rows"]?.array else { throw RemoteFailure.failed("\(url) has no usage by group") }
        return Self.table(rows, by: request.groupBy.split(separator: ",").map(String.init)).text
    }

    private static let counted = ["requests", "input", "output", "cache_read", "cache_write", "reasoning"]

    /// Requests of models without a price have a column where there are any: what they cost is in no sum.
    private static func table(_ rows: [JSONValue], by groups: [String]) -> TextTable {
        func unpriced(_ row: JSONValue) -> Int { row["unpriced_requests"]?.int ?? 0 }
        let isPartial = rows.contains { unpriced($0) > 0 }
        let names = ["REQUESTS", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "REASONING", "USD"]
        var table = TextTable(groups.map { $0.uppercased() } + names + (isPartial ? ["UNPRICED"] : []))
        var sums = [Int](repeating: 0, count: counted.count)
        var cost: Double?
        var lacking = 0
        func add(_ labels: [TextTable.Cell], _ amounts: [Int], _ cost: Double?, _ unpriced: Int) {
            table.add(labels + amounts.map { .count($0) } + [money(cost)] + (isPartial ? [.count(unpriced)] : []))
        }
        for row in rows {
            let amounts = counted.map { row[$0]?.int ?? 0 }
            sums = zip(sums, amounts).map { $0.addingReportingOverflow($1).partialValue }
            if let told = row["cost_usd"]?.double { cost = (cost ?? 0) + told }
            lacking = lacking.addingReportingOverflow(unpriced(row)).partialValue
            add(groups.map { .text(group(row, $0)) }, amounts, row["cost_usd"]?.double, unpriced(row))
        }
        if !groups.isEmpty, rows.count > 1 {
            add([.text("total")] + groups.dropFirst().map { _ in .text("") }, sums, cost, lacking)
        }
        return table
    }

    /// A usage report as CSV, as the admin API writes it.
    public func usageCSV(_ request: UsageRequest) async throws -> String {
        if let prices = request.prices { return try await repricedCSV(request, prices) }
        return String(decoding: try await bytes("GET", ["usage"], query: request.query + [("format", "csv")]), as: UTF8.self)
    }

    // MARK: Limits

    public struct LimitFilter: Sendable {
        public var key: String?
        public var limit: String?
        public var bucket: String?

        public init(key: String? = nil, limit: String? = nil, bucket: String? = nil) {
            self.key = key
            self.limit = limit
            self.bucket = bucket
        }
    }

    public func limits(_ filter: LimitFilter, _ format: RemoteFormat) async throws -> String {
        let answer = try await json(
            "GET", ["limits"], query: [("key", filter.key), ("limit", filter.limit), ("bucket", filter.bucket)])
        guard format == .table else { return Self.line(answer) }
        var table = TextTable([
            "LIMIT", "BUCKET", "KIND", "WINDOW", "MAX", "USED", "RESERVED", "REMAINING", "RESETS AT", "BLOCKED UNTIL",
        ])
        for limit in answer["limits"]?.array ?? [] {
            let isMoney = limit["kind"]?.string == "cost"
            func amount(_ name: String) -> TextTable.Cell {
                isMoney ? Self.money(limit[name]?.double) : .count(limit[name]?.int)
            }
            table.add([
                .text(limit["limit"]?.string ?? ""), .text(limit["bucket"]?.string ?? ""), .text(limit["kind"]?.string ?? ""),
                .text(limit["window"]?.string ?? ""), amount("max"), amount("used"), amount("reserved"), amount("remaining"),
                .text(Self.time(limit["resets_at"])), .text(Self.blockEnd(limit["blocked_until"])),
            ])
        }
        return table.text
    }

    public enum LimitAction: String, Sendable, CaseIterable { case reset, block, unblock }

    /// - Parameter duration: how long a block lasts; nil until it is lifted.
    public func change(
        limit: String, bucket: String, _ action: LimitAction, duration: String? = nil
    ) async throws -> String {
        var body: JSONObject = ["bucket": .string(bucket)]
        if let duration { body.append("for", .string(duration)) }
        _ = try await json("POST", ["limits", limit, action.rawValue], body: .object(body))
        return TextTable.harmless("\(limit), \(bucket): \(action.rawValue) done") + "\n"
    }

    // MARK: Audit

    public func audit(since: String?, limit: Int, _ format: RemoteFormat) async throws -> String {
        let answer = try await json("GET", ["audit"], query: [("since", since), ("limit", String(limit))])
        guard format == .table else { return Self.line(answer) }
        var table = TextTable(["TIME", "WHO", "ADDRESS", "ACTION", "TARGET", "DETAIL", "RESULT"])
        for entry in answer["audit"]?.array ?? [] {
            table.add(
                [.text(Self.time(entry["time"]))]
                    + ["who", "address", "action", "target", "detail", "result"].map { .text(entry[$0]?.string ?? "") })
        }
        return table.text
    }

    // MARK: Texts

    private static func line(_ value: JSONValue) -> String { String(decoding: value.bytes, as: UTF8.self) + "\n" }

    /// `2026-11-26 14:03:20`, in the zone of the server.
    private static func time(_ value: JSONValue?) -> String {
        value?.string.map { String($0.prefix(19)).replacing("T", with: " ") } ?? "-"
    }

    private static func isOver(_ end: JSONValue?) -> Bool {
        guard let end = end?.string.flatMap({ RFC3339.parse($0, .lenient) }) else { return false }
        return end.seconds <= Int(Date().timeIntervalSince1970)
    }

    /// A block without an end lasts until the end of time.
    private static func blockEnd(_ value: JSONValue?) -> String {
        value?.string?.hasPrefix("9999-12-31") == true ? "it is lifted" : time(value)
    }

    /// What a row says of a group: `tag:team` may be written so, or as a member of `tags`.
    private static func group(_ row: JSONValue, _ name: String) -> String {
        if let text = row[name]?.string { return text }
        if let number = row[name]?.int { return String(number) }
        return "-"
    }

    private static func money(_ value: Double?) -> TextTable.Cell {
        guard let value, value.isFinite, abs(value) < 1e12 else { return .number("-") }
        // Cents, but for sums that would be nothing then.
        let places = value != 0 && abs(value) < 1 ? 6 : 2
        let unit = places == 6 ? 1e6 : 1e2
        let whole = Int((abs(value) * unit).rounded())
        let divisor = Int(unit)
        let digits = String(whole % divisor)
        let fraction = String(repeating: "0", count: places - digits.count) + digits
        let front = TextTable.Cell.count(whole / divisor).text
        return .number("\(value < 0 ? "-" : "")\(front).\(fraction)")
    }
}
