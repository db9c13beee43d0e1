import Dialects
import Foundation
import ProxyCore

/// The body of `POST /admin/keys`: `{"name", "policy"?, "tags"?, "expires"?}`.
struct NewKeyRequest {
    let name: String
    let policy: String
    let tags: [String: String]
    /// Seconds since 1970.
    let expires: Int?

    init(_ body: [UInt8], configuration: Configuration, now: Date) throws(AdminFailure) {
        let object = try AdminBody.object(body)
        for member in object.members where !["name", "policy", "tags", "expires"].contains(member.key) {
            throw AdminFailure(.badRequest, "'\(member.key)' is not known; a key has name, policy, tags, expires")
        }
        guard let name = object["name"]?.string else { throw AdminFailure(.badRequest, "name must be a text") }
        self.name = name
        policy = try Self.policy(object["policy"], configuration)
        tags = try Self.tags(object["tags"])
        expires = try Self.expires(object["expires"], now)
    }

    private static func policy(_ value: JSONValue?, _ configuration: Configuration) throws(AdminFailure) -> String {
        guard let value, !value.isNull else { return "default" }
        guard let name = value.string else { throw AdminFailure(.badRequest, "policy must be the name of a policy") }
        guard configuration.policies[name] != nil else {
            let known = configuration.policies.keys.sorted().joined(separator: ", ")
            throw AdminFailure(.badRequest, "no policy is called '\(name)'; there are \(known)")
        }
        return name
    }

    private static func tags(_ value: JSONValue?) throws(AdminFailure) -> [String: String] {
        guard let value, !value.isNull else { return [:] }
        guard let tags = value.stringMap else { throw AdminFailure(.badRequest, "tags must be an object of texts") }
        return tags
    }

    /// Seconds since 1970, or an RFC 3339 time with its offset.
    private static func expires(_ value: JSONValue?, _ now: Date) throws(AdminFailure) -> Int? {
        guard let value, !value.isNull else { return nil }
        guard let seconds = value.int ?? value.string.flatMap(RFC3339.seconds) else {
            throw AdminFailure(.badRequest, "expires must be seconds since 1970 or a time like 2027-01-31T00:00:00+08:00")
        }
        guard seconds > Int(clamping: now) else { throw AdminFailure(.badRequest, "expires must lie ahead") }
        return seconds
    }
}

enum RFC3339 {
    /// Seconds since 1970; fractions are cut off. nil for anything but a time with its offset.
    static func seconds(_ text: String) -> Int? {
        let plain = Date.ISO8601FormatStyle()
        let date = (try? plain.parse(text)) ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
        return date.map { Int(clamping: $0) }
    }
}
