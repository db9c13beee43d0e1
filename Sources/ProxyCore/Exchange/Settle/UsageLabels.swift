/// Where the usage of many records came from: one reference, its encoding made once.
public final class UsageLabels: Sendable, Hashable {
    public let upstream: String
    public let account: String
    public let rule: String
    /// The rule's tags.
    public let tags: [String: String]
    /// The labels as the end of a record's payload has them.
    let encoded: [UInt8]

    public init(upstream: String, account: String, rule: String, tags: [String: String] = [:]) {
        self.upstream = upstream
        self.account = account
        self.rule = rule
        self.tags = tags
        encoded = UsageRecord.encode(upstream: upstream, account: account, rule: rule, tags: tags)
    }

    public static func == (a: UsageLabels, b: UsageLabels) -> Bool { a === b || a.encoded == b.encoded }

    public func hash(into hasher: inout Hasher) { hasher.combine(encoded) }
}
