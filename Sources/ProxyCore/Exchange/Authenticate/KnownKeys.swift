/// All keys of one moment: those that a snapshot's file declares, then those that the admin API made.
///
/// Declared keys come with the snapshot and change in the same swap as the policies they name: no request meets a key of one
/// configuration and the policies of another.
public struct KnownKeys: Sendable {
    /// The snapshot's, which tells one file's keys from another's.
    let generation: Int
    let declared: KeyTable
    let registered: RegisteredKeys

    init(declared: KeyTable, generation: Int, _ registered: RegisteredKeys) {
        self.generation = generation
        self.declared = declared
        self.registered = registered
    }

    init(of snapshot: Snapshot, _ registered: RegisteredKeys) {
        self.init(declared: snapshot.declaredKeys, generation: snapshot.generation, registered)
    }

    /// Those of a file alone.
    public init(declaredBy snapshot: Snapshot) { self.init(of: snapshot, RegisteredKeys()) }

    /// Where a declared and a made key have one text, the declared one counts.
    func key(withDigest digest: KeyDigest) -> ClientKey? {
        declared.key(withDigest: digest) ?? registered.made.key(withDigest: digest)
    }

    /// Whether the key may be used; what the operator disabled is remembered beside the file.
    func isEnabled(_ key: ClientKey) -> Bool {
        switch key.source {
        case .declared: key.enabled && (registered.disabled.isEmpty || !registered.disabled.contains(key.id))
        case .admin: key.enabled
        }
    }

    /// Every key as operators see it, declared ones first, each kind in order of its creation.
    public var all: [ClientKey] { declared.keys.map(asRegistered) + registered.made.keys.filter { !isHidden($0) } }

    public func key(withID id: String) -> ClientKey? {
        if let key = declared.key(withID: id) { return asRegistered(key) }
        return registered.made.key(withID: id).flatMap { isHidden($0) ? nil : $0 }
    }

    /// Finds a key by id, by the key itself, or by a name that only one key has.
    public func key(reference: String) -> ClientKey? {
        if let key = key(withID: reference) ?? key(withDigest: KeyDigest(hashing: reference)).map(asRegistered) { return key }
        let named = keys(named: reference)
        return named.count == 1 ? named.first : nil
    }

    /// One key, but where the file declares a name that a made key has, or a store is from before names were unique.
    public func keys(named name: String) -> [ClientKey] {
        let own = declared.key(named: name).map { [asRegistered($0)] } ?? []
        return own + registered.made.keys(named: name).filter { !isHidden($0) }
    }

    /// What the file's keys and the made ones have in common that is to be one key's alone, in words.
    public var clashes: [String] { clashing.map(\.words) }

    /// The same, each beside the file's key that it is about.
    var clashing: [(key: ClientKey, words: String)] {
        declared.keys.flatMap { key -> [(key: ClientKey, words: String)] in
            var clashes: [String] = []
            if let made = registered.made.key(withDigest: key.digest), made.digest == key.digest {
                clashes.append(
                    "the declared key '\(key.name)' has the text of '\(made.name)' (\(made.id)), which the admin API made: that one is "
                        + "hidden, and what is used counts for '\(key.id)' from now on")
            }
            for made in registered.made.keys(named: key.name) where !isHidden(made) {
                clashes.append(
                    "the declared key '\(key.name)' has the name of \(made.id), which the admin API made: calls have to say which by "
                        + "its id until one of them is called otherwise")
            }
            return clashes.map { (key, $0) }
        }
    }

    /// Whether the file declares a key of the same text.
    private func isHidden(_ key: ClientKey) -> Bool {
        key.source == .admin && declared.key(withDigest: key.digest) != nil
    }

    /// A declared key with what is remembered of it.
    private func asRegistered(_ key: ClientKey) -> ClientKey {
        guard key.source == .declared else { return key }
        return ClientKey(
            id: key.id, name: key.name, digest: key.digest, masked: key.masked, policy: key.policy, tags: key.tags,
            enabled: isEnabled(key), created: registered.firstSeen[key.id] ?? key.created, source: .declared)
    }
}

/// What the registry keeps of keys at one moment: those that the admin API made, and what is remembered of declared ones.
public final class RegisteredKeys: Sendable {
    /// Greater with every change, within a process: what was learnt from keys of the same version still holds.
    let version: Int
    let made: MadeKeys
    /// Ids of declared keys that the operator disabled, also of those that left the file.
    let disabled: Set<String>
    /// When a declared key was first met, by id; seconds since 1970.
    let firstSeen: [String: Int]
    /// false until a shared store was looked at since the start: a key that is not among these may be there.
    let isComplete: Bool

    init(
        made: MadeKeys = MadeKeys(), disabled: Set<String> = [], firstSeen: [String: Int] = [:], version: Int = 0,
        isComplete: Bool = true
    ) {
        self.isComplete = isComplete
        self.made = made
        self.disabled = disabled
        self.firstSeen = firstSeen
        self.version = version
    }
}
