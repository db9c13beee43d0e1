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
        var wanted = AuditQuery(since: try query.instant("since", zone), limit: limit + 1)
        if let text = query["before"], let id = Int(text) {
            wanted.before = id
        } else {
            wanted.beforeTime = try query.instant("before", zone)
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
}
