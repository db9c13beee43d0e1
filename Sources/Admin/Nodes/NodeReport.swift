import Dialects
import Foundation
import ProxyCore

/// `GET /admin/nodes`: who the nodes are, and how their server is.
struct NodeReport {
    /// nil where this node stands alone.
    let standing: ClusterStanding?
    let zone: Zone
    let now: Date

    func json() -> JSONValue {
        guard let standing else { return ["node": .null, "nodes": [], "warnings": []] }
        let hasServer = standing.serverState != .off
        return [
            "node": .string(standing.node),
            "limits": hasServer ? server(standing) : .null,
            "store": standing.store.map(store) ?? .null,
            "nodes": .array(standing.nodes.map(node)),
            "warnings": .array(standing.warnings.map { .string($0) }),
        ]
    }

    /// What `/health` says, which everybody may read: no address.
    static func health(_ standing: ClusterStanding) -> JSONValue {
        [
            "node": .string(standing.node), "nodes": .int(standing.nodes.count(where: \.isLive)),
            "limits": .string(standing.serverWord), "warnings": .array(standing.warnings.map { .string($0) }),
        ]
    }

    private func server(_ standing: ClusterStanding) -> JSONValue {
        var reason: String?
        if case .down(let trouble) = standing.serverState { reason = trouble.description }
        return [
            "address": .string(standing.server), "status": .string(standing.serverWord), "reason": .text(reason),
            "version": .text(standing.serverVersion.isEmpty ? nil : standing.serverVersion),
        ]
    }

    private func store(_ store: ClusterStore) -> JSONValue {
        [
            "address": .string(store.address), "status": .string(store.isUp ? "ok" : "away"), "up": .bool(store.isUp),
            "reason": .text(store.reason), "away_since": .text(store.awaySince.map { ZonedTime(zone: zone).iso(seconds: $0) }),
        ]
    }

    private func node(_ node: ClusterNode) -> JSONValue {
        let seconds = Int(clamping: now)
        return [
            "name": .string(node.name), "instance": .string(node.instance), "self": .bool(node.isSelf),
            "state": .string(node.state), "version": .string(node.version),
            "generation": .int(node.generation), "hash": .string(node.hash),
            "started": .string(ZonedTime(zone: zone).iso(seconds: node.startedAt / 1_000)),
            "last_seen": .string(ZonedTime(zone: zone).iso(seconds: seconds - node.age / 1_000)),
            "last_seen_ms_ago": .int(node.age), "clock_ahead_ms": .count(node.clockAhead),
            "ledger_lag_ms": .count(node.ledgerLag),
        ]
    }
}
