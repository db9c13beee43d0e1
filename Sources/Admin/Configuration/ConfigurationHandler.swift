import Dialects
import Foundation
import ProxyCore

/// `GET /admin/config`, `GET /admin/config/history` and `POST /admin/reload`.
struct ConfigurationHandler {
    let snapshots: SnapshotStore
    let reload: any ReloadControl
    let keys: any KeyAdministration
    let metrics: MetricsRegistry
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
            "warnings": warnings(snapshot),
            "config": (try? JSONValue(parsing: snapshot.shown)) ?? .null,
            "canary": status.trial.map { CanaryShape.json($0, zone) } ?? .null,
        ]
    }

    /// The versions that are kept and what there was since the start, the newest first.
    func history() async -> JSONValue {
        let zone = ZonedTime(zone: snapshots.current.configuration.timeZone)
        let versions = await reload.history
        var shown: [JSONValue] = []
        for event in reload.status.current.history.reversed() {
            shown.append(shape(event, zone, canRollBack: await canRollBack(event, versions)))
        }
        return ["history": .array(shown)]
    }

    /// One version with its text, secrets masked.
    func version(_ reference: String) async throws(AdminFailure) -> JSONValue {
        guard let number = Int(reference), let versions = await reload.history, let version = await versions.version(number)
        else {
            throw AdminFailure(.notFound, "there is no version '\(reference.prefix(20))' of the configuration")
        }
        let zone = ZonedTime(zone: snapshots.current.configuration.timeZone)
        return shape(version.event, zone, canRollBack: await versions.canRollBack(to: version)).adding([
            "missing_secrets": .strings(version.missingSecrets.map(\.place)),
            "files": .array(version.files.map { ["path": .string($0.path), "text": .string($0.masked)] }),
        ])
    }

    private func canRollBack(_ event: ReloadEvent, _ versions: ConfigurationHistory?) async -> Bool {
        guard let number = event.number, let version = await versions?.version(number) else { return false }
        return await versions?.canRollBack(to: version) ?? false
    }

    private func shape(_ event: ReloadEvent, _ zone: ZonedTime, canRollBack: Bool) -> JSONValue {
        return [
            "number": event.number.map { .int($0) } ?? .null,
            "time": .string(zone.iso(event.time)),
            "result": .string(event.state.rawValue),
            "state": .string((event.state == .started ? .applied : event.state).rawValue),
            "trigger": .text(event.trigger?.rawValue),
            "who": .text(event.who),
            "generation": .int(event.generation),
            "hash": .string(event.hash),
            "summary": .string(event.summary),
            "words": .strings(event.words),
            "why": .text(event.why),
            "can_roll_back": .bool(canRollBack),
            "changes": .array(
                event.changes.map { ["path": .string($0.path), "old": .text($0.old), "new": .text($0.new)] }),
            "errors": .array(
                event.errors.map { $0.json.adding(["excerpt": .text($0.excerpt)]) }
                    + event.oldErrors.map { ["severity": "error", "text": .string($0), "excerpt": .null] }),
        ]
    }

    /// - Parameter who: the admin key.
    func apply(_ query: RequestQuery, who: String?) async throws(AdminFailure) -> LocalResponse {
        var call = ReloadCall()
        call.who = who
        call.passesGuard = try flag("force", query)
        call.skipsTrial = try flag("now", query)
        let outcome = await reload.reload(trigger: .admin, by: call)
        metrics.count(outcome)
        let snapshot = snapshots.current
        switch outcome {
        case .applied(let applied, let summary, let words):
            let answer = state(applied, "reloaded", changed: true, summary)
            return .json(words.isEmpty ? answer : answer.adding(["words": .strings(words)]))
        case .trying(let trial, let words):
            let zone = ZonedTime(zone: snapshot.configuration.timeZone)
            return .json(
                state(trial.snapshot, "canary", changed: true, words.joined(separator: "; ")).adding([
                    "words": .strings(words), "canary": CanaryShape.json(trial, zone),
                ]))
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

    private func flag(_ name: String, _ query: RequestQuery) throws(AdminFailure) -> Bool {
        switch query[name] {
        case nil, "false", "0": false
        case "true", "1", "": true
        case _?: throw AdminFailure(.badRequest, "'\(name)' is true or false")
        }
    }

    private func state(_ snapshot: Snapshot, _ status: String, changed: Bool, _ changes: String?) -> JSONValue {
        [
            "status": .string(status),
            "generation": .int(snapshot.generation),
            "hash": .string(snapshot.hash),
            "changed": .bool(changed),
            "changes": .text(changes),
            "warnings": warnings(snapshot),
        ]
    }

    private func warnings(_ snapshot: Snapshot) -> JSONValue {
        .array(snapshot.warnings.map(\.json) + keys.clashes.map { .warning(ofKeys: $0) })
    }
}
