import Dialects
import Foundation
import Logging
import ProxyCore

/// `/admin/keys` and what is below it.
struct KeyHandler {
    let keys: any KeyAdministration
    let usage: any UsageQueries
    let configuration: Configuration
    let now: Date
    let logger: Logger

    func list(_ query: RequestQuery) async throws -> JSONValue {
        let page = try KeyPage(query)
        let totals = try await usage.keyTotals()
        let all = keys.list()
        let (found, next, total) = page.select(from: all)
        var shown: JSONValue = ["keys": .array(found.map { entry($0, totals[$0.id] ?? KeyTotals()) })]
        if query["with"] == "tags" { shown = shown.adding(["tag_names": .strings(Self.tagNames(of: all))]) }
        return page.limit == nil && page.before == nil ? shown : shown.adding(["next": .text(next), "total": .int(total)])
    }

    /// The tags that keys have, those of most keys first.
    private static func tagNames(of keys: [ClientKey]) -> [String] {
        var counts: [String: Int] = [:]
        for key in keys { for name in key.tags.keys { counts[name, default: 0] += 1 } }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(50).map(\.key)
    }

    func create(_ body: [UInt8]) async throws -> JSONValue {
        let request = try NewKeyRequest(body, configuration: configuration, now: now)
        let (key, plaintext) = try await reportingFailures {
            try await keys.create(name: request.name, policy: request.policy, tags: request.tags, expires: request.expires)
        }
        logger.notice(
            "key created", metadata: [LogKeys.key: "\(key.id)", LogKeys.name: "\(key.name)", LogKeys.policy: "\(key.policy)"])
        return ["api_key": .string(plaintext.reveal()), "id": .string(key.id), "name": .string(key.name)]
    }

    /// Gives a key a new text; the old one opens until the overlap has passed.
    func rotate(_ reference: String, _ body: [UInt8]) async throws -> JSONValue {
        let request = try KeyRotationRequest(body)
        let key = try find(reference)
        let (changed, plaintext) = try await reportingFailures {
            try await keys.rotate(id: key.id, overlapSeconds: request.overlapSeconds)
        }
        logger.notice(
            "key rotated",
            metadata: [LogKeys.key: "\(key.id)", LogKeys.name: "\(key.name)", LogKeys.overlap: "\(request.overlapSeconds)s"])
        return [
            "api_key": .string(plaintext.reveal()), "id": .string(changed.id), "name": .string(changed.name),
            "old_key_until": time(changed.overlapEnds),
        ]
    }

    func change(_ reference: String, _ body: [UInt8]) async throws -> JSONValue {
        let request = try KeyChangeRequest(body, configuration: configuration, now: now)
        let key = try find(reference)
        let changed = try await reportingFailures { try await keys.change(id: key.id, to: request.change) }
        logger.notice("key changed", metadata: [LogKeys.key: "\(key.id)", LogKeys.name: "\(changed.name)"])
        return entry(changed, try await usage.keyTotals()[changed.id] ?? KeyTotals())
    }

    func enable(_ reference: String) async throws -> JSONValue { try await setEnabled(true, reference, "enabled") }

    func disable(_ reference: String) async throws -> JSONValue { try await setEnabled(false, reference, "disabled") }

    func delete(_ reference: String) async throws -> JSONValue {
        let key = try find(reference)
        let deleted = try await reportingFailures { try await keys.delete(id: key.id) }
        logger.notice("key deleted", metadata: [LogKeys.key: "\(key.id)", LogKeys.name: "\(key.name)"])
        return ["status": "deleted", "name": .string(deleted.name)]
    }

    /// The hours of a key that are told: those of ten years without a pause.
    private static let mostHours = 10 * 366 * 24

    func usage(_ reference: String) async throws -> JSONValue {
        let key = try find(reference)
        let usage = try await usage.usage(ofKey: key.id, mostHours: Self.mostHours)
        let report: JSONValue = [
            "total_input": .int(usage.totals.amounts.input),
            "total_output": .int(usage.totals.amounts.output),
            "total_requests": .int(usage.totals.amounts.requests),
            "last_used": time(usage.totals.lastUsed),
            "daily": UsageShape.periods(usage.daily),
            "hourly": UsageShape.periods(usage.hourly),
            "total_by_model": .ordered(
                usage.byModel.lazy.filter { !$0.model.isEmpty }.map { ($0.model, UsageShape.detailed($0.amounts)) }),
            "total_cost_usd": UsageShape.cost(usage.totals.amounts),
            "cost_usd": UsageShape.cost(usage.totals.amounts),
            "unpriced_requests": .int(usage.totals.amounts.unpriced),
        ]
        return ["name": .string(key.name), "enabled": .bool(key.enabled), "usage": report]
    }

    private func setEnabled(_ isEnabled: Bool, _ reference: String, _ word: String) async throws -> JSONValue {
        let key = try find(reference)
        let changed = try await reportingFailures { try await keys.setEnabled(isEnabled, id: key.id) }
        logger.notice("key \(word)", metadata: [LogKeys.key: "\(key.id)", LogKeys.name: "\(key.name)"])
        return ["status": .string(word), "name": .string(changed.name)]
    }

    private func find(_ reference: String) throws(AdminFailure) -> ClientKey {
        if let key = keys.find(reference: reference) { return key }
        try keys.refuseAmbiguous(reference)
        throw AdminFailure(.notFound, "there is no such key")
    }

    private func entry(_ key: ClientKey, _ total: KeyTotals) -> JSONValue {
        [
            "id": .string(key.id),
            "key": .string(key.masked),
            "name": .string(key.name),
            "enabled": .bool(key.enabled),
            "created": .string(
                ZonedTime(zone: configuration.timeZone).iso(seconds: key.created, microseconds: key.createdMicroseconds)),
            "policy": .string(key.policy),
            "total_input": .int(total.amounts.input),
            "total_output": .int(total.amounts.output),
            "total_requests": .int(total.amounts.requests),
            "last_used": time(total.lastUsed),
            "cost_usd": UsageShape.cost(total.amounts),
            "tags": .map(key.tags),
            "expires": time(key.expires),
            "origin": .string(key.source.rawValue),
            "old_key_until": time(key.overlapEnds.flatMap { $0 > Int(clamping: now) ? $0 : nil }),
        ]
    }

    private func time(_ seconds: Int?) -> JSONValue {
        .text(seconds.map { ZonedTime(zone: configuration.timeZone).iso(seconds: $0) })
    }

    private func reportingFailures<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch let failure as KeyFailure {
            switch failure {
            case .notFound: throw AdminFailure(.notFound, "there is no such key")
            case .declared, .fixed, .busy, .taken: throw AdminFailure(.conflict, failure.description)
            case .invalid(let reason): throw AdminFailure(.badRequest, reason)
            case .storage:
                logger.error("keys cannot be stored", metadata: [LogKeys.reason: "\(failure)"])
                throw AdminFailure(.unavailable, "the change could not be stored; the log says why")
            }
        }
    }
}

extension KeyAdministration {
    /// - Throws: where several keys have the name: which is meant is said by its id.
    func refuseAmbiguous(_ name: String) throws(AdminFailure) {
        let ids = keys(named: name).map(\.id)
        guard ids.count > 1 else { return }
        let shown = ids.prefix(10).joined(separator: ", ") + (ids.count > 10 ? ", …" : "")
        throw AdminFailure(.conflict, "\(ids.count) keys have this name; say which by its id: \(shown)")
    }
}
