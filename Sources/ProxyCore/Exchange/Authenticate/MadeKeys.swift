/// The keys that the admin API made, at one moment. A copy with one key changed costs the same however many there are.
struct MadeKeys: Sendable {
    /// The texts that open now, and those that do so until the end of their overlap.
    private var byDigest = SharedMap<KeyDigest, ClientKey>()
    private var byID = SharedMap<String, ClientKey>()
    /// The ids of the keys of a name: one, but where a store is from before names were unique.
    private var byName = SharedMap<String, [String]>()

    init() {}

    /// The keys in the order of their creation.
    var keys: [ClientKey] {
        byID.values.sorted { ($0.created, $0.createdMicroseconds, $0.id) < ($1.created, $1.createdMicroseconds, $1.id) }
    }

    func key(withID id: String) -> ClientKey? { byID[id] }

    /// A key by one of its texts; the key of a text that was rotated away expires when the overlap ends.
    func key(withDigest digest: KeyDigest) -> ClientKey? { byDigest[digest] }

    func keys(named name: String) -> [ClientKey] { (byName[name] ?? []).compactMap { byID[$0] } }

    /// Puts what `new` is in the place of what `old` was. A deleted key is nothing, and a declared one is the file's.
    mutating func replace(_ old: StoredKey?, with new: StoredKey) {
        if let old, old.source == .admin, let key = old.clientKey { remove(key, old.retired) }
        guard new.source == .admin, let key = new.clientKey else { return }
        for retired in new.retired where byDigest[retired.digest] == nil { byDigest[retired.digest] = key.with(retired) }
        insert(key)
    }

    mutating func insert(_ key: ClientKey) {
        byDigest[key.digest] = key
        byID[key.id] = key
        byName[key.name] = (byName[key.name] ?? []) + [key.id]
    }

    private mutating func remove(_ key: ClientKey, _ retired: [RetiredSecret]) {
        byID[key.id] = nil
        let others = (byName[key.name] ?? []).filter { $0 != key.id }
        byName[key.name] = others.isEmpty ? nil : others
        for digest in [key.digest] + retired.map(\.digest) where byDigest[digest]?.id == key.id { byDigest[digest] = nil }
    }
}
