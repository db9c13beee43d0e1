/// Who asks, and whether the key may be used at all. What its policy says is asked next: `KeyPolicyCheck`.
public enum Authentication: Sendable, Hashable {
    case granted(ClientKey)
    /// No key, or none of ours.
    case unknown
    case disabled(ClientKey)
    case expired(ClientKey)

    /// The key that was shown, if it is one of ours.
    var key: ClientKey? {
        switch self {
        case .granted(let key), .disabled(let key), .expired(let key): key
        case .unknown: nil
        }
    }
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
        _ credential: UnsafeRawBufferPointer, keys: KnownKeys, cache: inout CredentialCache, now: Int
    ) -> Authentication {
        guard let key = cache.key(for: credential, in: keys) else { return .unknown }
        return judge(key, isEnabled: cache.isEnabled, now: now)
    }

    /// What a key that is known is good for now.
    static func judge(_ key: ClientKey, isEnabled: Bool, now: Int) -> Authentication {
        guard isEnabled else { return .disabled(key) }
        if let expires = key.expires, now >= expires { return .expired(key) }
        return .granted(key)
    }
}

/// The last key a connection presented: clients send the same one with every request, and it need not be hashed again.
public struct CredentialCache {
    private var credential: [UInt8] = []
    /// The generation of the snapshot, and the version of what is registered beside it, that the key was found in.
    private var found = (generation: Int.min, version: Int.min)
    private var key: ClientKey?
    /// Whether the key that was found last may be used.
    fileprivate var isEnabled = false
    /// What the key's policy is in the snapshot of that generation.
    private var policy: (generation: Int, key: ClientKey, check: KeyPolicyCheck?)?

    public init() {}

    mutating func policy(of key: ClientKey, in view: LoopSnapshot) -> KeyPolicyCheck? {
        if let policy, policy.key === key, policy.generation == view.snapshot.generation { return policy.check }
        let check = view.policies[key.policy]
        policy = (view.snapshot.generation, key, check)
        return check
    }

    mutating func key(for presented: UnsafeRawBufferPointer, in keys: KnownKeys) -> ClientKey? {
        if let key, found.generation == keys.generation, found.version == keys.registered.version,
            presented.hasSameBytes(as: credential)
        {
            return key
        }
        guard !presented.isEmpty, presented.count <= Authenticator.maximumCredential,
            let known = keys.key(withDigest: KeyDigest(hashing: presented))
        else { return nil }
        credential.removeAll(keepingCapacity: true)
        credential.append(contentsOf: presented)
        found = (keys.generation, keys.registered.version)
        key = known
        isEnabled = keys.isEnabled(known)
        return known
    }
}
