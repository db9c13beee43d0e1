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
        name = try KeyMembers.name(object["name"])
        policy = try KeyMembers.policy(object["policy"], configuration)
        tags = try KeyMembers.tags(object["tags"])
        expires = try KeyMembers.expires(object["expires"], configuration.timeZone, now)
    }
}

/// The body of `PATCH /admin/keys/{key}`: any of what a new key has. What is left out stays; null is what a new key has without it.
struct KeyChangeRequest {
    let change: KeyChange

    init(_ body: [UInt8], configuration: Configuration, now: Date) throws(AdminFailure) {
        let object = try AdminBody.object(body)
        var change = KeyChange()
        for member in object.members {
            switch member.key {
            case "name": change.name = try KeyMembers.name(member.value)
            case "policy": change.policy = try KeyMembers.policy(member.value, configuration)
            case "tags": change.tags = try KeyMembers.tags(member.value)
            case "expires": change.expires = .some(try KeyMembers.expires(member.value, configuration.timeZone, now))
            default:
                throw AdminFailure(.badRequest, "'\(member.key)' cannot be changed; name, policy, tags and expires can")
            }
        }
        self.change = change
    }
}

/// The body of `POST /admin/keys/{key}/rotate`: `{"overlap": "24h"}`, or none.
struct KeyRotationRequest {
    let overlapSeconds: Int

    private static let longestOverlap = 90 * 86_400

    init(_ body: [UInt8]) throws(AdminFailure) {
        guard !body.isEmpty else {
            overlapSeconds = 86_400
            return
        }
        let object = try AdminBody.object(body)
        for member in object.members where member.key != "overlap" {
            throw AdminFailure(.badRequest, "'\(member.key)' is not known; a rotation has overlap")
        }
        guard let value = object["overlap"], !value.isNull else {
            overlapSeconds = 86_400
            return
        }
        guard let seconds = value.string.flatMap(WrittenDuration.seconds), seconds <= Self.longestOverlap else {
            throw AdminFailure(.badRequest, "overlap must be a duration like 24h, 30m or 0s, at most 90d")
        }
        overlapSeconds = seconds
    }
}
