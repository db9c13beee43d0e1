import Dialects
import Foundation
import ProxyCore

/// `GET /admin/config`, `GET /admin/config/history` and `POST /admin/reload`.
struct ConfigurationHandler {
    let snapshots: SnapshotStore
    let reload: any ReloadControl
    let now: Date

    /// What runs, where it came from, what is wrong with the file now.
    func show() -> JSONValue {
        let snapshot = snapshots.current
        let zone = ZonedTime(zone: snapshot.configuration.timeZone)
        let status = reload.status.current
        let attempt = JSONValue.text(status.lastAttempt.map { zone.iso($0) })
        let error = status.lastErrors.firstError?.json.adding(["time": attempt])
        return [
            "generation": .int(snapshot.generation),
            "hash": .string(snapshot.hash),
            "error": error ?? .null,
            "now": .string(zone.iso(now)),
            "loaded_at": .string(zone.iso(snapshot.loadedAt)),
            "diagnostics": .array(status.lastErrors.map(\.json)),
            "warnings": .array(snapshot.warnings.map(\.json)),
            "config": (try? JSONValue(parsing: snapshot.shown)) ?? .null,
        ]
    }

    /// What there was since the start, the newest first.
    func history() -> JSONValue {
        let zone = ZonedTime(zone: snapshots.current.configuration.timeZone)
        return ["history": .array(reload.status.current.history.reversed().map { shape($0, zone) })]
    }

    private func shape(_ event: ReloadEvent, _ zone: ZonedTime) -> JSONValue {
        let result = event.trigger == nil ? "started" : event.errors.isEmpty ? "applied" : "refused"
        return [
            "time": .string(zone.iso(event.time)),
            "result": .string(result),
            "trigger": .text(event.trigger?.rawValue),
            "generation": .int(event.generation),
            "hash": .string(event.hash),
            "summary": .string(event.summary),
            "changes": .array(
                event.changes.map { ["path": .string($0.path), "old": .text($0.old), "new": .text($0.new)] }),
            "errors": .array(event.errors.map { $0.json.adding(["excerpt": .text($0.excerpt)]) }),
        ]
    }

    func apply() async -> LocalResponse {
        let outcome = await reload.reload(trigger: .admin)
        let snapshot = snapshots.current
        switch outcome {
        case .applied(let applied, let summary): return .json(state(applied, "reloaded", changed: true, summary))
        case .unchanged: return .json(state(snapshot, "unchanged", changed: false, nil))
        case .failed(let diagnostics):
            let message = diagnostics.firstError?.line ?? "the file was refused"
            return .json(
                [
                    "error": ["type": .string(AdminFailure.Kind.refused.rawValue), "message": .string(message)],
                    "status": "refused",
                    "generation": .int(snapshot.generation),
                    "hash": .string(snapshot.hash),
                    "diagnostics": .array(diagnostics.map(\.jsonWithLine)),
                ], status: AdminFailure.Kind.refused.status)
        }
    }

    private func state(_ snapshot: Snapshot, _ status: String, changed: Bool, _ changes: String?) -> JSONValue {
        [
            "status": .string(status),
            "generation": .int(snapshot.generation),
            "hash": .string(snapshot.hash),
            "changed": .bool(changed),
            "changes": .text(changes),
            "warnings": .array(snapshot.warnings.map(\.json)),
        ]
    }
}
