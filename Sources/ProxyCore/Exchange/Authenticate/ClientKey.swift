/// Who asks: a key that proxyd gave out or that the file declares.
public struct ClientKey: Sendable, Hashable {
    /// Stable and free of secrets; what usage is booked to.
    public let id: String
    public let name: String
    public let digest: KeyDigest
    /// `sk-abcde...wxyz`.
    public let masked: String
    public let policy: String
    public let tags: [String: String]
    public let enabled: Bool
    /// Seconds since 1970.
    public let created: Int
    public let expires: Int?
    public let origin: Origin

    public enum Origin: String, Sendable, Hashable {
        case declared
        case admin
    }

    public init(
        id: String, name: String, digest: KeyDigest, masked: String, policy: String = "default", tags: [String: String] = [:],
        enabled: Bool = true, created: Int, expires: Int? = nil, origin: Origin
    ) {
        self.id = id
        self.name = name
        self.digest = digest
        self.masked = masked
        self.policy = policy
        self.tags = tags
        self.enabled = enabled
        self.created = created
        self.expires = expires
        self.origin = origin
    }
}
