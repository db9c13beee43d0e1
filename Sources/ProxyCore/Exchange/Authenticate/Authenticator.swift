/// Whose request it is, and whether the key may be used at all. What its policy says is asked next: `KeyPolicyCheck`.
public enum Authentication: Sendable, Hashable {
    case granted(ClientKey)
    /// No key, or none of ours.
    case unknown
    case disabled(ClientKey)
    case expired(ClientKey)
}

/// Recognises keys. Pure: the same input gives the same answer.
public enum Authenticator {
    /// Bytes. Nothing longer is a key, and nothing longer is hashed.
    static let maximumCredential = 4_096

    /// - Parameters:
    ///   - credential: what the client presented, without `Bearer`.
    ///   - cache: the connection's.
    ///   - now: seconds since 1970.
    public static func authenticate(
        _ credential: UnsafeRawBufferPointer, table: KeyTable, cache: inout CredentialCache, now: Int
    ) -> Authentication {
        guard let entry = cache.entry(for: credential, in: table) else { return .unknown }
        let key = entry.key
        guard key.enabled else { return .disabled(key) }
        if let expires = key.expires, now >= expires { return .expired(key) }
        return .granted(key)
    }
}

/// The last key a connection presented: clients send the same one with every request, and it need not be hashed again.
public struct CredentialCache {
    private var credential: [UInt8] = []
    private var version = Int.min
    private var entry: KeyTable.Entry?

    public init() {}

    mutating func entry(for presented: UnsafeRawBufferPointer, in table: KeyTable) -> KeyTable.Entry? {
        if let entry, version == table.version, presented.hasSameBytes(as: credential) { return entry }
        guard !presented.isEmpty, presented.count <= Authenticator.maximumCredential,
            let found = table.entry(withDigest: KeyDigest(hashing: presented))
        else { return nil }
        credential.removeAll(keepingCapacity: true)
        credential.append(contentsOf: presented)
        version = table.version
        entry = found
        return found
    }
}
