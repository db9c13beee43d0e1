import Dialects

/// Bodies of calls that proxyd answers itself.
enum AdminBody {
    /// What operators write: a member that is there twice is a mistake.
    static let strict = JSONValue.Limits(depth: 64, count: 100_000, duplicates: .refuse)
    /// What other programs write.
    static let tolerant = JSONValue.Limits(depth: 256, count: 100_000)

    static func object(_ bytes: [UInt8], limits: JSONValue.Limits = strict) throws(AdminFailure) -> JSONObject {
        let value: JSONValue
        do throws(JSONScan.Problem) {
            value = try JSONValue(parsing: bytes, limits: limits)
        } catch {
            throw AdminFailure(.badRequest, "the body is no JSON")
        }
        guard let object = value.object else { throw AdminFailure(.badRequest, "the body must be a JSON object") }
        return object
    }
}
