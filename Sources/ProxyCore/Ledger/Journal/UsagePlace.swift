import Basics
import Dialects

/// What grouped reports tell usage apart by, besides time: one reference for all records of one key, model and place.
final class UsagePlace: Sendable {
    let keyID: String
    let model: String
    let upstream: String
    let account: String
    let rule: String
    /// A JSON object, its members in order: the key's tags and the rule's.
    let tags: String

    init(
        keyID: String, model: String, upstream: String = "", account: String = "", rule: String = "", tags: [String: String] = [:]
    ) {
        self.keyID = keyID
        self.model = model
        self.upstream = upstream
        self.account = account
        self.rule = rule
        let members = tags.inKeyOrder().map { JSONObject.Member(key: $0.key, value: .string($0.value)) }
        self.tags = String(decoding: JSONValue.object(JSONObject(members)).bytes, as: UTF8.self)
    }
}
