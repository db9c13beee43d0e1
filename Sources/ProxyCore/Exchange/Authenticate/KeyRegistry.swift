import Dispatch
import Foundation
import Logging
import Synchronization

/// Knows all keys: those that the file declares, and those that the admin API made, which are kept in the store.
///
/// A change is stored first, then published, then its call returns: the next request meets it.
/// A declared key has the id `declared:<name>`. Disabling it is remembered under that id; deleting it is refused.
public final class KeyRegistry: Sendable {
    public let table: Published<KeyTable>
    private let store: any Store
    private let logger: Logger
    private let now: @Sendable () -> Int
    private let queue = DispatchQueue(label: "proxyd.keys", qos: .userInitiated)
    /// Of the queue; the lock is never waited for.
    private let state: Mutex<State>

    private struct State {
        /// By id, deleted ones too.
        var stored: [String: StoredKey]
        var declared: [DeclaredKey] = []
        var version = 0
    }

    /// Reads the keys that are stored beside the ledger; `declare` adds those of the file.
    ///
    /// - Throws: `KeyFailure.storage`.
    public convenience init(storedWith ledger: UsageLedger, logger: Logger) throws {
        try self.init(store: ledger.store, logger: logger)
    }

    init(store: any Store, logger: Logger, now: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }) throws {
        self.store = store
        self.logger = logger
        self.now = now
        let stored: [StoredKey]
        do {
            stored = try store.keys()
        } catch {
            throw KeyFailure.storage("\(error)")
        }
        var state = State(stored: Dictionary(stored.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
        table = Published(Self.table(&state))
        self.state = Mutex(state)
    }

    /// In order of their creation, declared ones first.
    public func list() -> [ClientKey] { table.current.keys }

    /// By id, by the key itself, or by a name that only one key has.
    public func find(reference: String) -> ClientKey? { table.current.key(reference: reference) }

    /// - Parameters:
    ///   - policy: nil is `default`. Whether it exists is for the caller to look at.
    ///   - expires: seconds since 1970.
    /// - Returns: the new key, and the only copy of what the client has to present.
    /// - Throws: `KeyFailure`.
    public func create(
        name: String, policy: String? = nil, tags: [String: String] = [:], expires: Int? = nil
    ) async throws -> (key: ClientKey, plaintext: Secret) {
        let name = try KeyName.validated(name)
        let plaintext = KeyText.generate()
        let key = ClientKey(
            id: KeyText.generateID(), name: name, digest: KeyDigest(hashing: plaintext), masked: KeyText.masked(plaintext),
            policy: policy ?? "default", tags: tags, created: now(), expires: expires, origin: .admin)
        try await change { state in
            try self.refuseTaken(name)
            let stored = StoredKey(
                id: key.id, name: key.name, digest: key.digest, masked: key.masked, policy: key.policy, tags: key.tags,
                enabled: true, created: key.created, expires: key.expires, origin: .admin, deleted: nil)
            try self.save(stored, &state)
        }
        return (key, Secret(plaintext))
    }

    /// - Returns: the key as it is now.
    /// - Throws: `KeyFailure`.
    @discardableResult
    public func setEnabled(_ isEnabled: Bool, id: String) async throws -> ClientKey {
        try await change { state in
            guard self.table.current.key(withID: id) != nil, var stored = state.stored[id] else { throw KeyFailure.notFound }
            stored.enabled = isEnabled
            try self.save(stored, &state)
        }
        guard let key = table.current.key(withID: id) else { throw KeyFailure.notFound }
        return key
    }

    /// Its usage stays, under its name.
    ///
    /// - Returns: the key as it was.
    /// - Throws: `KeyFailure`; `.declared` for a key of the file.
    @discardableResult
    public func delete(id: String) async throws -> ClientKey {
        try await change { state in
            guard let key = self.table.current.key(withID: id), var stored = state.stored[id] else { throw KeyFailure.notFound }
            guard key.origin == .admin else { throw KeyFailure.declared(name: key.name) }
            stored.digest = nil
            stored.deleted = self.now()
            try self.save(stored, &state)
            return key
        }
    }

    /// Replaces all declared keys by these. Where two have one name, or a key of the admin API the same text, the first,
    /// declared one counts, and the log says so.
    ///
    /// Never fails: where the store cannot be written, the keys work all the same.
    public func declare(_ keys: [DeclaredKey]) async {
        do {
            try await change { state in
                state.declared = keys
                self.remember(keys, &state)
                self.warnOfTwins(state)
            }
        } catch {
            logger.error("declared keys were not taken over", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - On the queue

    /// Runs `body` on the queue, then publishes what became of the keys.
    private func change<Result: Sendable>(_ body: @escaping @Sendable (inout State) throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                continuation.resume(
                    with: Swift.Result {
                        try state.withLock { state in
                            let result = try body(&state)
                            table.publish(Self.table(&state))
                            return result
                        }
                    })
            }
        }
    }

    private func save(_ key: StoredKey, _ state: inout State) throws(KeyFailure) {
        do {
            try store.save([key])
        } catch {
            throw .storage("\(error)")
        }
        state.stored[key.id] = key
    }

    /// One name, one key: whoever disables `alice` must not wonder which.
    private func refuseTaken(_ name: String) throws(KeyFailure) {
        let table = table.current
        if let other = table.keys.first(where: { $0.name == name }) { throw .taken(name: name, id: other.id) }
        guard table.key(withID: name) == nil, table.key(withDigest: KeyDigest(hashing: name)) == nil else {
            throw .invalid("a key's name cannot be the id or the text of a key")
        }
    }

    /// A row for each declared key: its name for usage, and whether it was disabled. All in one transaction, since a file may
    /// declare thousands.
    private func remember(_ keys: [DeclaredKey], _ state: inout State) {
        let changed = keys.compactMap { key -> StoredKey? in
            let id = Self.id(of: key)
            let old = state.stored[id]
            let stored = StoredKey(
                id: id, name: key.name, digest: nil, masked: key.masked, policy: key.policy, tags: key.tags,
                enabled: old?.enabled ?? true, created: old?.created ?? now(), expires: nil, origin: .declared, deleted: nil)
            return stored == old ? nil : stored
        }
        for key in changed { state.stored[key.id] = key }
        do {
            try store.save(changed)
        } catch {
            logger.error("declared keys were not stored", metadata: ["keys": "\(changed.count)", "error": "\(error)"])
        }
    }

    private func warnOfTwins(_ state: State) {
        var owners: [KeyDigest: String] = [:]
        let declared = state.declared.map { (digest: $0.digest, id: Self.id(of: $0)) }
        let made = state.stored.values.compactMap { key in key.clientKey.map { (digest: $0.digest, id: $0.id) } }
        for key in declared + made {
            if let owner = owners[key.digest] {
                logger.warning(
                    "two keys have the same text; only the first counts", metadata: ["key": "\(owner)", "other": "\(key.id)"])
            } else {
                owners[key.digest] = key.id
            }
        }
    }

    private static func table(_ state: inout State) -> KeyTable {
        state.version += 1
        let declared = state.declared.compactMap { key -> ClientKey? in
            guard let stored = state.stored[id(of: key)] else { return nil }
            return ClientKey(
                id: stored.id, name: key.name, digest: key.digest, masked: key.masked, policy: key.policy, tags: key.tags,
                enabled: stored.enabled, created: stored.created, origin: .declared)
        }
        let made = state.stored.values.compactMap { $0.origin == .admin ? $0.clientKey : nil }
            .sorted { ($0.created, $0.id) < ($1.created, $1.id) }
        return KeyTable(declared + made, version: state.version)
    }

    private static func id(of key: DeclaredKey) -> String { "declared:" + key.name }
}

/// How the text of a key looks.
enum KeyText {
    /// `sk-` and 48 random characters of 62: 285 bits.
    static func generate() -> String { "sk-" + random(48) }

    static func generateID() -> String { "key_" + random(12) }

    /// `sk-abcde...wxyz`: the first eight and the last four characters, of keys that are long enough to keep a secret.
    static func masked(_ text: String) -> String {
        text.count >= 24 ? "\(text.prefix(8))...\(text.suffix(4))" : "..."
    }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".unicodeScalars)

    /// From the system's generator, which is fit for secrets.
    private static func random(_ count: Int) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<count { text.append(alphabet[Int.random(in: alphabet.indices)]) }
        return String(text)
    }
}
