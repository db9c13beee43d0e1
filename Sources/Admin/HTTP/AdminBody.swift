import Dialects

/// Bodies of admin calls.
enum AdminBody {
    static func object(_ bytes: [UInt8]) throws(AdminFailure) -> JSONObject {
        let value: JSONValue
        do throws(JSONScan.Problem) {
            value = try JSONValue(parsing: bytes, limits: JSONValue.Limits(depth: 64, count: 100_000, duplicates: .refuse))
        } catch {
            throw AdminFailure(.badRequest, "the body is no JSON")
        }
        guard let object = value.object else { throw AdminFailure(.badRequest, "the body must be a JSON object") }
        return object
    }
}
