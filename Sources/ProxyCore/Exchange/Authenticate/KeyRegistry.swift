import Dispatch
import Foundation
import Logging
import Synchronization

/// Keeps the keys that the admin API makes, and what is remembered of those that the file declares. Declared keys themselves
/// are the snapshot's.
///
/// A change is stored first, then published, then its call returns: the next request meets it.
/// A declared key has the id `declared:<name>`. Disabling it is remembered under that id; deleting it is refused.
public final class KeyRegistry: Sendable {
    public let registered: Published<RegisteredKeys>
    private let snapshots: SnapshotStore
    private let store: any Store
    private let logger: Logger
    private let now: @Sendable () -> Int
    private let queue = DispatchQueue(label: "proxyd.keys", qos: .userInitiated)
    /// The state is the queue's; its lock is never waited for.
    private let state: Mutex<State>

    private struct State {
        /// The keys by id, deleted ones too.
        var stored: [String: StoredKey]
        var version = 0
    }

    /// Reads the keys that are stored beside the ledger.
    ///
    /// - Parameter snapshots: what runs, for the keys that the file declares.
    /// - Throws: `KeyFailure.storage`.
    public convenience init(storedWith ledger: UsageLedger, snapshots: SnapshotStore, logger: Logger) throws {
        try self.init(store: ledger.store, snapshots: snapshots, logger: logger)
    }

    init(
        store: any Store, snapshots: SnapshotStore, logger: Logger,
        now: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
    ) throws {
        self.store = store
        self.snapshots = snapshots
        self.logger = logger
        self.now = now
        let stored: [StoredKey]
        do {
            stored = try store.keys()
        } catch {
            throw KeyFailure.storage("\(error)")
        }
        var state = State(stored: Dictionary(stored.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
        registered = Published(Self.registered(&state))
        self.state = Mutex(state)
    }

    /// All keys of this moment.
    public var known: KnownKeys { KnownKeys(of: snapshots.current, registered.current) }

    /// In order of their creation, declared ones first.
    public func list() -> [ClientKey] { known.all }

    /// Finds a key by id, by the key itself, or by a name that only one key has.
    public func find(reference: String) -> ClientKey? { known.key(reference: reference) }

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
            policy: policy ?? "default", tags: tags, created: now(), expires: expires, source: .admin)
        try await change { state in
            try self.refuseTaken(name)
            let stored = StoredKey(
                id: key.id, name: key.name, digest: key.digest, masked: key.masked, policy: key.policy, tags: key.tags,
                enabled: true, created: key.created, expires: key.expires, source: .admin, deleted: nil)
            try self.save(stored, &state)
        }
        return (key, Secret(plaintext))
    }

    /// - Returns: the key as it is now.
    /// - Throws: `KeyFailure`.
    @discardableResult
    public func setEnabled(_ isEnabled: Bool, id: String) async throws -> ClientKey {
        try await change { state in
            guard let key = self.known.key(withID: id) else { throw KeyFailure.notFound }
            // A key that was declared a moment ago may have no row yet.
            var stored = state.stored[id] ?? StoredKey(declared: key, created: self.now())
            stored.enabled = isEnabled
            try self.save(stored, &state)
        }
        guard let key = known.key(withID: id) else { throw KeyFailure.notFound }
        return key
    }

    /// Its usage stays, under its name.
    ///
    /// - Returns: the key as it was.
    /// - Throws: `KeyFailure`; `.declared` for a key of the file.
    @discardableResult
    public func delete(id: String) async throws -> ClientKey {
        try await change { state in
            guard let key = self.known.key(withID: id) else { throw KeyFailure.notFound }
            guard key.source == .admin else { throw KeyFailure.declared(name: key.name) }
            guard var stored = state.stored[id] else { throw KeyFailure.notFound }
            stored.digest = nil
            stored.deleted = self.now()
            try self.save(stored, &state)
            return key
        }
    }

    /// Notes the names of a snapshot's keys, under which usage is shown. Where a key of the admin API has the same text as one
    /// of them, the declared one counts, and the log says so.
    ///
    /// The keys work from the moment their snapshot is published, whether or not this was called, and whether or not the store
    /// can be written.
    public func declare(_ keys: [DeclaredKey]) async {
        do {
            try await change { state in
                self.remember(keys, &state)
                self.warnOfTwins(keys, state)
            }
        } catch {
            logger.error("declared keys were not noted", metadata: ["error": "\(error)"])
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
                            registered.publish(Self.registered(&state))
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
        let known = known
        if let other = known.all.first(where: { $0.name == name }) { throw .taken(name: name, id: other.id) }
        guard known.key(withID: name) == nil, known.key(withDigest: KeyDigest(hashing: name)) == nil else {
            throw .invalid("a key's name cannot be the id or the text of a key")
        }
    }

    /// A row for each declared key: its name for usage, and whether it was disabled. All in one transaction, since a file may
    /// declare thousands.
    private func remember(_ keys: [DeclaredKey], _ state: inout State) {
        let changed = keys.compactMap { key -> StoredKey? in
            let old = state.stored[key.id]
            let stored = StoredKey(
                id: key.id, name: key.name, digest: nil, masked: key.masked, policy: key.policy, tags: key.tags,
                enabled: old?.enabled ?? true, created: old?.created ?? now(), expires: nil, source: .declared, deleted: nil)
            return stored == old ? nil : stored
        }
        for key in changed { state.stored[key.id] = key }
        do {
            try store.save(changed)
        } catch {
            logger.error("declared keys were not stored", metadata: ["keys": "\(changed.count)", "error": "\(error)"])
        }
    }

    private func warnOfTwins(_ keys: [DeclaredKey], _ state: State) {
        var owners: [KeyDigest: String] = [:]
        let declared = keys.map { (digest: $0.digest, id: $0.id) }
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

    private static func registered(_ state: inout State) -> RegisteredKeys {
        state.version += 1
        let made = state.stored.values.compactMap { $0.source == .admin ? $0.clientKey : nil }
            .sorted { ($0.created, $0.id) < ($1.created, $1.id) }
        let declared = state.stored.values.filter { $0.source == .declared }
        return RegisteredKeys(
            made: KeyTable(made), disabled: Set(declared.lazy.filter { !$0.enabled }.map(\.id)),
            firstSeen: Dictionary(declared.lazy.map { ($0.id, $0.created) }) { first, _ in first }, version: state.version)
    }
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
