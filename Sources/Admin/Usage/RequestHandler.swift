import Dialects
import Foundation
import ProxyCore

/// `GET /admin/requests`: the records of requests, the newest first.
struct RequestHandler {
    let usage: any UsageQueries
    let keys: any KeyAdministration
    let zone: Zone

    private static let most = 1_000

    /// - Parameter query: `key` (an id, or a name that is unique), `model`, `status` (`429`, `4xx`), `session`, `since`, `before`
    ///   (a `next`, or a time) and `limit`.
    func list(_ query: RequestQuery) async throws -> JSONValue {
        var filter = RequestFilter()
        filter.limit = try query.limit(upTo: Self.most) ?? 100
        filter.model = Self.text("model", query)
        filter.session = Self.text("session", query)
        filter.status = try Self.status(query)
        filter.since = try query.instant("since", zone).map { $0 * 1000 }
        if let text = Self.text("before", query), let cursor = RequestCursor(text) {
            filter.before = cursor
        } else {
            filter.until = try query.instant("before", zone).map { $0 * 1000 - 1 }
        }
        let names = try await usage.keyNames()
        if let reference = Self.text("key", query) { filter.keyIDs = [try find(reference, names)] }
        let page = try await usage.requests(filter)
        let shape = RequestShape(zone: zone, names: names)
        return ["requests": .array(page.records.map { Self.row($0, shape) }), "next": .text(page.next?.description)]
    }

    /// A row, with what rules read of the request where it is kept.
    private static func row(_ record: UsageRecord, _ shape: RequestShape) -> JSONValue {
        let row = shape.json(record)
        let bytes = record.question.inputs
        guard !bytes.isEmpty, let inputs = try? JSONValue(parsing: bytes), var object = row.object else { return row }
        object.append("inputs", inputs)
        return .object(object)
    }

    /// The id of a key; also of one that is gone.
    private func find(_ reference: String, _ names: [String: String]) throws(AdminFailure) -> String {
        if let key = keys.find(reference: reference) { return key.id }
        if names[reference] != nil { return reference }
        let named = keys.keys(named: reference).map(\.id)
        let ids = named.isEmpty ? names.filter { $0.value == reference }.map(\.key).sorted() : named
        guard let id = ids.first else { throw AdminFailure(.notFound, "there is no such key") }
        guard ids.count == 1 else {
            let shown = ids.prefix(10).joined(separator: ", ") + (ids.count > 10 ? ", …" : "")
            throw AdminFailure(.conflict, "\(ids.count) keys have this name; say which by its id: \(shown)")
        }
        return id
    }

    private static func text(_ name: String, _ query: RequestQuery) -> String? {
        query[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func status(_ query: RequestQuery) throws(AdminFailure) -> ClosedRange<Int>? {
        guard let text = text("status", query) else { return nil }
        let digits = Array(text.utf8)
        if digits.count == 3, (UInt8(ascii: "1")...UInt8(ascii: "5")).contains(digits[0]) {
            let first = Int(digits[0] - UInt8(ascii: "0")) * 100
            if text.lowercased().hasSuffix("xx") { return first...first + 99 }
            if let status = Int(text), status >= first { return status...status }
        }
        // A client that left before anything was told has the status 0.
        if text == "0" { return 0...0 }
        throw AdminFailure(.badRequest, "status must be a status like 429, or a class like 4xx")
    }
}
