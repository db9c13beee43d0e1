import Dialects
import Foundation
import ProxyCore

/// `GET /admin/audit`: what operators did, the newest first.
struct AuditHandler {
    let audit: any AuditTrail
    let zone: Zone

    private static let most = 1_000

    func list(_ query: RequestQuery) async throws -> JSONValue {
        let limit = try query.limit(upTo: Self.most) ?? 100
        var wanted = AuditQuery(since: try Self.time("since", query, zone), limit: limit + 1)
        if let text = query["before"], let id = Int(text) {
            wanted.before = id
        } else {
            wanted.beforeTime = try Self.time("before", query, zone)
        }
        let found = try await audit.entries(wanted)
        let page = found.prefix(limit)
        return [
            "audit": .array(page.map(entry)),
            "next": .text(found.count > limit ? page.last.map { String($0.id) } : nil),
        ]
    }

    private func entry(_ entry: AuditEntry) -> JSONValue {
        [
            "id": .int(entry.id), "time": .string(ZonedTime(zone: zone).iso(seconds: entry.time)), "who": .string(entry.who),
            "address": .string(entry.address), "action": .string(entry.action), "target": .text(entry.target),
            "detail": .text(entry.detail), "result": .string(entry.result),
        ]
    }

    /// Seconds since 1970, a time with its offset, or a day of the zone.
    private static func time(_ name: String, _ query: RequestQuery, _ zone: Zone) throws(AdminFailure) -> Int? {
        guard let text = query[name], !text.isEmpty else { return nil }
        if let seconds = Int(text), (0...AdminTime.lastSecond).contains(seconds) { return seconds }
        if let seconds = AdminTime.seconds(text) { return seconds }
        if LocalDate(text) != nil, let start = AdminTime.seconds(text + "T00:00:00Z") { return start - zone.utcOffset(at: start) }
        throw AdminFailure(.badRequest, "\(name) must be a time like 2026-11-26T00:00:00+08:00, or a day like 2026-11-26")
    }
}
