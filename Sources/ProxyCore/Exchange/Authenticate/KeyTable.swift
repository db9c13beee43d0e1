/// Keys by what they are looked up by.
public final class KeyTable: Sendable {
    /// The keys in the order of their creation.
    public let keys: [ClientKey]
    private let byDigest: [KeyDigest: ClientKey]
    private let byID: [String: Int]
    private let byName: [String: Int]

    /// Where several keys have one digest or one id, the first counts.
    public init(_ keys: [ClientKey] = []) {
        var known: [ClientKey] = []
        var byDigest: [KeyDigest: ClientKey] = [:]
        var byID: [String: Int] = [:]
        var byName: [String: Int] = [:]
        known.reserveCapacity(keys.count)
        byDigest.reserveCapacity(keys.count)
        byID.reserveCapacity(keys.count)
        byName.reserveCapacity(keys.count)
        for key in keys where byDigest[key.digest] == nil && byID[key.id] == nil {
            byDigest[key.digest] = key
            byID[key.id] = known.count
            byName[key.name] = byName[key.name] ?? known.count
            known.append(key)
        }
        self.keys = known
        self.byDigest = byDigest
        self.byID = byID
        self.byName = byName
    }

    public func key(withID id: String) -> ClientKey? { byID[id].map { keys[$0] } }

    func key(named name: String) -> ClientKey? { byName[name].map { keys[$0] } }

    public func key(withDigest digest: KeyDigest) -> ClientKey? { byDigest[digest] }
}
