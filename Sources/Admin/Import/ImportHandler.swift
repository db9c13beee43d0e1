import Dialects
import Logging
import ProxyCore

/// `POST /admin/keys/import`: keys of another system with what was used under them, as many as a body holds. All of a call's keys are
/// there when it answers, or none. `part` and `parts` tell that the one key of the call has only these of its rows.
struct ImportHandler {
    let keys: any KeyAdministration
    let parts: ImportParts
    let logger: Logger

    /// - Parameter body: `{"keys":[…],"part"?,"parts"?}`.
    /// - Returns: `{"imported","known","renamed"}`, `booked` where there are declared keys whose usage it was, and `next_part` while a key waits for that.
    func take(_ body: [UInt8]) async throws -> JSONValue {
        let (keys, part) = try Self.read(body)
        var whole = keys
        if part.count > 1, let key = keys.first {
            guard let key = try parts.take(key, part) else {
                return ImportResult().shape.adding(["next_part": .int(part.number + 1)])
            }
            whole = [key]
        }
        let result: ImportResult
        do {
            result = try await self.keys.add(whole)
        } catch let failure as KeyFailure {
            logger.error("keys cannot be taken over", metadata: [LogKeys.reason: "\(failure)"])
            throw AdminFailure(.unavailable, "none of these keys could be stored; the log says why")
        }
        logger.notice(
            "keys taken over", metadata: [LogKeys.keys: "\(result.imported.count)", LogKeys.known: "\(result.known.count)"])
        return result.shape
    }

    private static func read(_ body: [UInt8]) throws(AdminFailure) -> (keys: [ImportedKey], part: ImportParts.Part) {
        let object = try ImportMembers.object(.object(try AdminBody.object(body)), of: "body", ["keys", "part", "parts"])
        guard let values = object["keys"]?.array, !values.isEmpty else {
            throw AdminFailure(.badRequest, "keys must be an array of keys")
        }
        var keys: [ImportedKey] = []
        for value in values { keys.append(try ImportedKey(value)) }
        guard object["part"] != nil || object["parts"] != nil else { return (keys, .whole) }
        let part = ImportParts.Part(
            number: try ImportMembers.number("part", of: object, upTo: ImportParts.Part.most),
            count: try ImportMembers.number("parts", of: object, upTo: ImportParts.Part.most))
        guard keys.count == 1, part.number < part.count else {
            throw AdminFailure(.badRequest, "parts are of one key, and numbered from 0 on")
        }
        return (keys, part)
    }
}
