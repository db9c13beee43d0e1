import ProxyCore

/// What the admin plane needs of the key registry. Changes take effect on the next request; they throw `KeyFailure`.
public protocol KeyAdministration: Sendable {
    /// Declared keys, then those made here, in the order they came to be.
    func list() -> [ClientKey]
    /// Finds a key by id, by the key itself in clear, or by a name that only one key has.
    func find(reference: String) -> ClientKey?
    /// One key, but in a store from before names were unique, or where the file declares a name that is there already.
    func keys(named name: String) -> [ClientKey]
    /// What declared keys and those made here have in common that is to be one key's alone, in words.
    var clashes: [String] { get }
    /// The new key, and the only copy of its plaintext. `expires` is in seconds since 1970; no policy is `default`.
    func create(
        name: String, policy: String?, tags: [String: String], expires: Int?
    ) async throws -> (key: ClientKey, plaintext: Secret)
    /// Takes over keys of another system with what was used under them, all or none; a key that is there is left as it is, and of a
    /// declared one what was used is booked.
    func add(_ keys: [ImportedKey]) async throws -> ImportResult
    /// Gives the key as it is then, and the only copy of its new plaintext; the old one opens until the overlap has passed.
    func rotate(id: String, overlapSeconds: Int) async throws -> (key: ClientKey, plaintext: Secret)
    /// Gives the key as it is then.
    func change(id: String, to change: KeyChange) async throws -> ClientKey
    /// Gives the key as it is then.
    func setEnabled(_ isEnabled: Bool, id: String) async throws -> ClientKey
    /// Gives the key as it was; its usage stays booked.
    func delete(id: String) async throws -> ClientKey
}

extension KeyRegistry: KeyAdministration {}
