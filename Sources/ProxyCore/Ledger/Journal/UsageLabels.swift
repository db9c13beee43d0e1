/// Where the usage of many records came from: one reference, its encoding made once.
public final class UsageLabels: Sendable, Hashable {
    public let upstream: String
    public let account: String
    public let rule: String
    /// The rule's tags.
    public let tags: [String: String]
    /// The tier as configured.
    public let tier: String
    /// The labels as a record's payload has them.
    let encoded: [UInt8]

    public init(upstream: String, account: String, rule: String, tags: [String: String] = [:], tier: String = "") {
        self.upstream = upstream
        self.account = account
        self.rule = rule
        self.tags = tags
        self.tier = tier
        encoded = UsageRecord.encode([upstream, account, rule], tags: tags) + UsageRecord.encode([tier])
    }

    public static func == (a: UsageLabels, b: UsageLabels) -> Bool { a === b || a.encoded == b.encoded }

    public func hash(into hasher: inout Hasher) { hasher.combine(encoded) }
}

/// What the records of one key have alike, its id beside: one reference, its encoding made once.
public final class KeyLabels: Sendable, Hashable {
    public let policy: String
    public let tags: [String: String]
    /// The labels as a record's payload has them.
    let encoded: [UInt8]

    /// The labels of a key of which nothing is known.
    public static let none = KeyLabels(policy: "", tags: [:])

    public init(policy: String, tags: [String: String]) {
        self.policy = policy
        self.tags = tags
        encoded = UsageRecord.encode([policy], tags: tags)
    }

    public static func == (a: KeyLabels, b: KeyLabels) -> Bool { a === b || a.encoded == b.encoded }

    public func hash(into hasher: inout Hasher) { hasher.combine(encoded) }
}
