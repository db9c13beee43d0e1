/// Who asks: a key that proxyd gave out or that the file declares.
///
/// One reference, because every request passes it on.
public final class ClientKey: Sendable, Hashable {
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
    /// The fraction of that second.
    public let createdMicroseconds: Int
    public let expires: Int?
    /// When the last of the texts that were rotated away ends, where one still may open.
    public let overlapEnds: Int?
    public let source: Source
    /// What each log line says of it.
    let logFields: LogFields
    /// What its records have alike.
    let usage: KeyLabels

    public enum Source: String, Sendable, Hashable {
        case declared
        case admin
    }

    public init(
        id: String, name: String, digest: KeyDigest, masked: String, policy: String = "default", tags: [String: String] = [:],
        enabled: Bool = true, created: Int, createdMicroseconds: Int = 0, expires: Int? = nil, overlapEnds: Int? = nil,
        source: Source
    ) {
        self.id = id
        self.name = name
        self.digest = digest
        self.masked = masked
        self.policy = policy
        self.tags = tags
        self.enabled = enabled
        self.created = created
        self.createdMicroseconds = createdMicroseconds
        self.expires = expires
        self.overlapEnds = overlapEnds
        self.source = source
        usage = KeyLabels(policy: policy, tags: tags)
        logFields = LogFields([(LogKeys.Request.key, name), (LogKeys.Request.keyID, id)])
    }

    /// A key of the file. Whether it was disabled over the admin API and when it was first met is the registry's to say.
    /// - Parameter created: seconds since 1970; when the file was read.
    convenience init(declared key: DeclaredKey, created: Int) {
        self.init(
            id: key.id, name: key.name, digest: key.digest, masked: key.masked, policy: key.policy, tags: key.tags,
            enabled: key.enabled, created: created, source: .declared)
    }

    public static func == (a: ClientKey, b: ClientKey) -> Bool {
        a === b
            || (a.id == b.id && a.name == b.name && a.digest == b.digest && a.masked == b.masked && a.policy == b.policy
                && a.tags == b.tags && a.enabled == b.enabled && a.created == b.created
                && a.createdMicroseconds == b.createdMicroseconds && a.expires == b.expires && a.overlapEnds == b.overlapEnds
                && a.source == b.source)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(id)
        hasher.combine(digest)
    }
}
