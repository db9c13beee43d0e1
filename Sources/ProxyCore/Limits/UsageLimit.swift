/// A limit as requests meet it: an entry of `usage_limits`, or the numbers of a policy for each of its keys.
public final class UsageLimit: Sendable {
    public enum Origin: Sendable, Hashable { case policy, entry }

    /// What is reserved for an answer that is not there yet.
    public enum Reserve: String, Sendable, CaseIterable {
        /// The most that the answer may be.
        case full
        /// What answers of the model mostly are.
        case typical
    }

    public let origin: Origin
    /// The policy's name, or the entry's.
    public let name: String
    public let rates: [LimitRate]
    public let countsCached: Bool
    public let reserve: Reserve
    /// What its buckets are of, for people: `key`, `team`, `session`.
    public let noun: String
    /// Tells it from all others, also in the ledger: under another name a limit starts anew.
    public let id: String

    public init(
        _ origin: Origin, name: String, rates: [LimitRate], countsCached: Bool = false, reserve: Reserve = .full, noun: String
    ) {
        (self.origin, self.name, self.rates, self.countsCached) = (origin, name, rates, countsCached)
        (self.reserve, self.noun) = (reserve, noun)
        id = origin == .policy ? Self.id(ofPolicy: name) : "limit " + name
    }

    static func id(ofPolicy name: String) -> String { "policy " + name }

    /// What clients and operators know one of its numbers by: `team budget`, `team.requests_per_minute`.
    public func title(_ rate: LimitRate) -> String { origin == .policy ? "\(name).\(rate.key)" : name }
}

/// A limit that applies to a request, and the bucket of it that the request counts in.
public struct LimitUse: Sendable {
    public let limit: UsageLimit
    public let bucket: String
    /// What people are shown, where it differs from the bucket: a key's name.
    public let label: String

    public init(_ limit: UsageLimit, bucket: String, label: String? = nil) {
        (self.limit, self.bucket, self.label) = (limit, bucket, label ?? bucket)
    }
}
