import Basics
import Dialects
import Logging
import ProxyCore

/// `/admin/backup`, `/admin/ledger/verify`.
struct StateHandler {
    let state: any StateKeeping
    let logger: Logger

    /// Bytes of a copy that one call gives.
    static let pieceSize = 4 << 20

    func begin() async throws -> JSONValue {
        let copy = try await reportingFailures { try await state.beginCopy() }
        logger.notice("backup begun", metadata: [LogKeys.backup: "\(copy.id)", LogKeys.bytes: "\(copy.bytes)"])
        return ["id": .string(copy.id), "bytes": .int(copy.bytes)]
    }

    func piece(_ id: String, _ query: RequestQuery) throws(AdminFailure) -> LocalResponse {
        let offset = query["offset"].flatMap { Int($0) } ?? 0
        guard offset >= 0 else { throw AdminFailure(.badRequest, "offset must be a number of bytes") }
        guard let bytes = state.piece(ofCopy: id, offset: offset, count: Self.pieceSize) else {
            throw AdminFailure(.notFound, "there is no such backup; another one may have begun meanwhile")
        }
        return LocalResponse(
            status: 200, headers: [("content-type", "application/octet-stream")] + LocalResponse.uncached, body: bytes)
    }

    func end(_ id: String) -> JSONValue {
        state.endCopy(id)
        return ["status": "removed", "id": .string(id)]
    }

    func verify() async throws -> JSONValue {
        let report = try await reportingFailures { try await state.verify() }
        return report.json
    }

    private func reportingFailures<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch let failure as StateFailure {
            logger.error("the state cannot be copied or checked", metadata: [LogKeys.reason: "\(failure)"])
            throw AdminFailure(.unavailable, "\(failure)")
        }
    }
}

extension LedgerReport {
    var json: JSONValue {
        [
            "ok": .bool(isWhole),
            "keys": .int(keys),
            "requests": .int(requests),
            "segments": .array(
                segments.map {
                    [
                        "segment": .int($0.number), "bytes": .int($0.bytes), "records": .int($0.records),
                        "damage": .text($0.damage),
                    ]
                }),
            "damages": .strings(damages),
            "set_aside": .strings(setAside),
        ]
    }

    /// The state for people.
    public var text: String {
        var lines = ["\(Article.counted(keys, "key")), \(Article.counted(requests, "request")) booked"]
        for segment in segments where segment.damage == nil {
            let records = Article.counted(segment.records, "record")
            lines.append("journal segment \(segment.number): \(records), \(segment.bytes) bytes")
        }
        lines += damages.map { "DAMAGED: \($0)" }
        lines += setAside.map { "set aside by an earlier start: \($0)" }
        lines.append(isWhole ? "the ledger is whole" : "the ledger is damaged")
        return lines.map(TextTable.harmless).joined(separator: "\n") + "\n"
    }

    init?(_ json: JSONValue) {
        guard json["ok"]?.bool != nil else { return nil }
        self.init()
        keys = json["keys"]?.int ?? 0
        requests = json["requests"]?.int ?? 0
        segments = (json["segments"]?.array ?? []).map {
            Segment(
                number: $0["segment"]?.int ?? 0, bytes: $0["bytes"]?.int ?? 0, records: $0["records"]?.int ?? 0,
                damage: $0["damage"]?.string)
        }
        damages = (json["damages"]?.array ?? []).compactMap(\.string)
        setAside = (json["set_aside"]?.array ?? []).compactMap(\.string)
    }
}
