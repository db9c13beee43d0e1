import Dialects

/// Bodies of calls that proxyd answers itself.
enum AdminBody {
    /// What operators write: a member that is there twice is a mistake.
    static let strict = JSONValue.Limits(depth: 64, count: 100_000, duplicates: .refuse)
    /// What other programs write.
    static let tolerant = JSONValue.Limits(depth: 256, count: 100_000)

    /// Bytes. What an operator or Lark has to say is far shorter.
    static let maximumSize = 1 << 20

    static func object(_ bytes: [UInt8], limits: JSONValue.Limits = strict) throws(AdminFailure) -> JSONObject {
        guard bytes.count <= maximumSize else {
            throw AdminFailure(.tooLarge, "the body has more than \(maximumSize) bytes")
        }
        let value: JSONValue
        do throws(JSONScan.Problem) {
            value = try JSONValue(parsing: bytes, limits: limits)
        } catch {
            switch error {
            case .duplicateKey(let offset):
                throw AdminFailure(.badRequest, "the body says a member twice (at byte \(offset))")
            case .tooDeep, .tooMany: throw AdminFailure(.badRequest, "the body is nested too deep, or holds too many values")
            case .empty, .notAContainer, .syntax, .trailing: throw AdminFailure(.badRequest, "the body is no JSON")
            }
        }
        guard let object = value.object else { throw AdminFailure(.badRequest, "the body must be a JSON object") }
        return object
    }
}
