/// All keys that are known at one moment.
public final class KeyTable: Sendable {
    /// Greater with every change, within a process: what was learnt from a table of the same version still holds.
    public let version: Int
    /// In order of their creation.
    public let keys: [ClientKey]
    private let byDigest: [KeyDigest: ClientKey]
    private let byID: [String: Int]

    /// Of several keys with one digest or one id the first counts.
    public init(_ keys: [ClientKey] = [], version: Int = 0) {
        var known: [ClientKey] = []
        var byDigest: [KeyDigest: ClientKey] = [:]
        var byID: [String: Int] = [:]
        for key in keys where byDigest[key.digest] == nil && byID[key.id] == nil {
            byDigest[key.digest] = key
            byID[key.id] = known.count
            known.append(key)
        }
        self.keys = known
        self.byDigest = byDigest
        self.byID = byID
        self.version = version
    }

    public func key(withID id: String) -> ClientKey? { byID[id].map { keys[$0] } }

    public func key(withDigest digest: KeyDigest) -> ClientKey? { byDigest[digest] }

    /// By id, by the key itself, or by a name that only one key has.
    public func key(reference: String) -> ClientKey? {
        if let key = key(withID: reference) ?? key(withDigest: KeyDigest(hashing: reference)) { return key }
        let named = keys.filter { $0.name == reference }
        return named.count == 1 ? named.first : nil
    }
}
