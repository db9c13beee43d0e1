/// What a key may do.
public struct KeyPolicy: Sendable, Hashable {
    public var name: String
    /// Globs over the model asked for; nil allows all.
    public var models: [String]?
    /// Globs over paths that name no model; nil allows all of them to a policy that allows all models, else none.
    public var paths: [String]?
    /// Empty allows every address.
    public var allowFrom: [AddressRange] = []
    /// What each of its keys may use.
    public var numbers = LimitNumbers()

    public init(name: String) {
        self.name = name
    }
}

/// A key written in the file: in clear through a reference, or as its digest.
public struct DeclaredKey: Sendable, Hashable {
    public var name: String
    public var digest: KeyDigest
    /// `sk-abcde...wxyz`; empty when only the digest is known.
    public var masked: String
    public var policy: String
    public var tags: [String: String]
    public var enabled: Bool

    public init(
        name: String, digest: KeyDigest, masked: String, policy: String = "default", tags: [String: String] = [:],
        enabled: Bool = true
    ) {
        self.name = name
        self.digest = digest
        self.masked = masked
        self.policy = policy
        self.tags = tags
        self.enabled = enabled
    }

    /// What its usage is booked to: `declared:<name>`.
    var id: String { Self.prefix + name }

    /// Whether an id is a declared key's.
    public static func isID(_ id: String) -> Bool { id.hasPrefix(prefix) }

    private static let prefix = "declared:"

    /// Whether the file writes a key out or its digest changes how it is shown, and nothing else.
    public static func == (a: DeclaredKey, b: DeclaredKey) -> Bool {
        a.name == b.name && a.digest == b.digest && a.policy == b.policy && a.tags == b.tags && a.enabled == b.enabled
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}
