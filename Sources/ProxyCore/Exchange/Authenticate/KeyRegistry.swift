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
    /// Stores keys with what was used under them elsewhere.
    private let book: @Sendable ([(key: StoredKey, usage: ImportedKey)]) throws -> Void
    /// Where the keys of all nodes are; nil where these are all.
    private let shared: SharedKeys?
    private let logger: Logger
    /// Microseconds since 1970.
    private let clock: @Sendable () -> Int
    private let queue = DispatchQueue(label: "proxyd.keys", qos: .userInitiated)
    /// The state is the queue's; its lock is never waited for.
    private let state: Mutex<State>

    private struct State {
        /// The keys by id, deleted ones too.
        var stored: [String: StoredKey] = [:]
        /// What of them is published at the end of a change; `RegisteredKeys` says what it is.
        private(set) var made = MadeKeys()
        private var disabled: Set<String> = []
        private var firstSeen: [String: Int] = [:]
        private var version = 0
        /// What shared keys were last seen as, by id, and in all.
        var versions: [String: Int] = [:]
        var seen = 0
        var isComplete = true

        mutating func note(_ key: StoredKey) {
            made.replace(stored.updateValue(key, forKey: key.id), with: key)
            guard key.source == .declared else { return }
            if key.enabled { disabled.remove(key.id) } else { disabled.insert(key.id) }
            firstSeen[key.id] = key.created
        }

        mutating func registered() -> RegisteredKeys {
            version += 1
            return RegisteredKeys(
                made: made, disabled: disabled, firstSeen: firstSeen, version: version, isComplete: isComplete)
        }
    }

    /// Reads the keys that are stored beside the ledger.
    ///
    /// - Parameter snapshots: what runs, for the keys that the file declares.
    /// - Throws: `KeyFailure.storage`.
    public convenience init(storedWith ledger: UsageLedger, snapshots: SnapshotStore, logger: Logger) throws {
        try self.init(
            store: ledger.store, shared: ledger.shared.map { SharedKeys($0) }, snapshots: snapshots, logger: logger,
            book: {
                // Noted first: a disk that fills up in between leaves nothing booked that is to be copied and is not.
                try ledger.shared?.noteCopy()
                try ledger.book($0)
                ledger.shared?.copyAgain()
            })
    }

    init(
        store: any Store, shared: SharedKeys? = nil, snapshots: SnapshotStore, logger: Logger,
        clock: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970 * 1_000_000) },
        book: (@Sendable ([(key: StoredKey, usage: ImportedKey)]) throws -> Void)? = nil
    ) throws {
        self.store = store
        self.shared = shared
        self.book = book ?? { try store.add($0) }
        self.snapshots = snapshots
        self.logger = logger
        self.clock = clock
        let stored: [StoredKey]
        do {
            stored = try store.keys()
        } catch {
            throw KeyFailure.storage("\(error)")
        }
        var state = State()
        for key in stored { state.note(key) }
        // What others have made meanwhile is seen with the first look.
        state.isComplete = shared == nil
        registered = Published(state.registered())
        self.state = Mutex(state)
    }

    /// Sees the keys of all nodes, if it can be at once, and goes on seeing what changes of them.
    public func followOthers() async {
        guard let shared else { return }
        _ = try? await change { state in try self.pull(shared, &state) }
        shared.follow { [weak self] all in
            guard let self else { return false }
            queue.async { [self] in
                state.withLock { state in
                    if all { (state.seen, state.versions) = (0, [:]) }
                    // What fails, the follower meets as well, and tells.
                    guard (try? pull(shared, &state)) == true else { return }
                    registered.publish(state.registered())
                }
            }
            return true
        }
    }

    /// Seconds since 1970.
    private func now() -> Int { clock() / 1_000_000 }

    /// All keys of this moment.
    public var known: KnownKeys { KnownKeys(of: snapshots.current, registered.current) }

    /// All keys in the order of their creation, declared ones first.
    public func list() -> [ClientKey] { known.all }

    /// Finds a key by id, by the key itself, or by a name that only one key has.
    public func find(reference: String) -> ClientKey? { known.key(reference: reference) }

    public func keys(named name: String) -> [ClientKey] { known.keys(named: name) }

    public var clashes: [String] { known.clashes }

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
        // Many may be made within a second: they are listed in the order in which they were.
        let created = clock().quotientAndRemainder(dividingBy: 1_000_000)
        let key = ClientKey(
            id: KeyText.generateID(), name: name, digest: KeyDigest(hashing: plaintext), masked: KeyText.masked(plaintext),
            policy: policy ?? "default", tags: tags, created: created.quotient, createdMicroseconds: created.remainder,
            expires: expires, source: .admin)
        try await changeEverywhere { state in
            try self.refuseTaken(name)
            let stored = StoredKey(
                id: key.id, name: key.name, digest: key.digest, masked: key.masked, policy: key.policy, tags: key.tags,
                enabled: true, created: key.created, expires: key.expires, source: .admin, deleted: nil,
                createdMicroseconds: key.createdMicroseconds)
            try self.save(stored, &state)
        }
        return (key, Secret(plaintext))
    }

    /// - Returns: the key as it is now.
    /// - Throws: `KeyFailure`.
    @discardableResult
    public func setEnabled(_ isEnabled: Bool, id: String) async throws -> ClientKey {
        try await changeEverywhere { state in
            guard let key = self.known.key(withID: id) else { throw KeyFailure.notFound }
            if isEnabled, self.snapshots.current.declaredKeys.key(withID: id)?.enabled == false {
                throw KeyFailure.fixed(name: key.name)
            }
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
        try await changeEverywhere { state in
            guard let key = self.known.key(withID: id) else { throw KeyFailure.notFound }
            guard key.source == .admin else { throw KeyFailure.declared(name: key.name) }
            guard var stored = state.stored[id] else { throw KeyFailure.notFound }
            // Its texts open nothing any more; an import of what was used under them finds that it was booked.
            let texts = stored.retired.map(\.digest) + [key.digest]
            stored.digest = nil
            stored.retired = texts.map { RetiredSecret(digest: $0.trace, until: 0) }
            stored.deleted = self.now()
            try self.save(stored, &state)
            return key
        }
    }

    /// Gives a key a new text. The old one opens until the overlap has passed; id, usage and limits stay. Without an overlap no text
    /// opens but the new one: whoever asks for that has lost one.
    ///
    /// - Returns: the key as it is now, and the only copy of what the client has to present from then on.
    /// - Throws: `KeyFailure`; `.fixed` for a key of the file.
    public func rotate(id: String, overlapSeconds: Int) async throws -> (key: ClientKey, plaintext: Secret) {
        let plaintext = KeyText.generate()
        let key = try await changeEverywhere { state in
            var stored = try self.changeable(id, state)
            let now = self.now()
            stored.retired.removeAll { $0.until <= now || overlapSeconds == 0 }
            guard stored.retired.count < Self.mostRetired else {
                throw KeyFailure.busy(name: stored.name, count: stored.retired.count)
            }
            if overlapSeconds > 0, let old = stored.digest {
                stored.retired.append(RetiredSecret(digest: old, until: UsageAmounts.sum(now, overlapSeconds)))
            }
            stored.digest = KeyDigest(hashing: plaintext)
            stored.masked = KeyText.masked(plaintext)
            try self.save(stored, &state)
            return stored.clientKey
        }
        guard let key else { throw KeyFailure.notFound }
        return (key, Secret(plaintext))
    }

    /// Texts of one key that open until their overlap ends.
    private static let mostRetired = 8

    /// Changes what is said of a key; nil leaves it.
    ///
    /// - Parameter policy: Whether it exists is for the caller to look at.
    /// - Returns: the key as it is now.
    /// - Throws: `KeyFailure`; `.fixed` for a key of the file.
    public func change(id: String, to change: KeyChange) async throws -> ClientKey {
        let name = try change.name.map { name throws(KeyFailure) in try KeyName.validated(name) }
        let key = try await changeEverywhere { state in
            var stored = try self.changeable(id, state)
            if let name, name != stored.name {
                try self.refuseTaken(name)
                stored.name = name
            }
            stored.policy = change.policy ?? stored.policy
            stored.tags = change.tags ?? stored.tags
            if let expires = change.expires { stored.expires = expires }
            try self.save(stored, &state)
            return stored.clientKey
        }
        guard let key else { throw KeyFailure.notFound }
        return key
    }

    /// Takes over keys of another system with what was used under them, all or none. From when it returns the same keys open what
    /// they opened; only their hashes are kept. A key that is there already, by its text, is left as it is; for a declared one what was
    /// used under it is booked, once.
    ///
    /// - Throws: `KeyFailure.storage`.
    public func add(_ keys: [ImportedKey]) async throws -> ImportResult {
        try await changeEverywhere { state in
            do {
                let stored = try self.store.keys()
                // A commit that was reported as failed may have happened all the same.
                for key in stored where state.stored[key.id] == nil { state.note(key) }
                let plan = ImportPlan(keys, stored: stored, declared: self.snapshots.current.configuration.keys)
                try self.bookEverywhere(plan.fresh, state.versions)
                for (key, _) in plan.fresh {
                    state.versions[key.id] = nil
                    state.note(key)
                }
                return plan.result
            } catch {
                throw KeyFailure.storage("\(error)")
            }
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
                self.shared?.offerAgain()
                self.warnOfTwins(keys, state)
            }
        } catch {
            logger.error("declared keys were not noted", metadata: [LogKeys.error: "\(error)"])
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
                            registered.publish(state.registered())
                            return result
                        }
                    })
            }
        }
    }

    /// The same after what other nodes have changed was seen: nobody changes what is not as they saw it.
    private func changeEverywhere<Result: Sendable>(
        _ body: @escaping @Sendable (inout State) throws -> Result
    ) async throws -> Result {
        try await change { state in
            if let shared = self.shared, try self.pull(shared, &state) { self.registered.publish(state.registered()) }
            return try body(&state)
        }
    }

    /// Takes what other nodes have changed.
    /// - Returns: whether there was anything.
    /// - Throws: `KeyFailure.storage`.
    private func pull(_ shared: SharedKeys, _ state: inout State) throws -> Bool {
        let changed: [PostgresStore.VersionedKey]
        do {
            changed = try shared.changed(since: state.seen) { Array(state.stored.values) }
        } catch {
            throw KeyFailure.storage("\(error)")
        }
        let isFirst = !state.isComplete
        var taken: [StoredKey] = []
        for one in changed {
            state.seen = max(state.seen, one.version)
            state.versions[one.key.id] = one.version
            let key = merged(one.key, state.stored[one.key.id])
            if key != state.stored[key.id] { taken.append(key) }
        }
        for key in taken { state.note(key) }
        state.isComplete = true
        do {
            try store.save(taken)
            shared.noteSeen()
        } catch {
            // They are seen anew with the next start.
            logger.error(
                "keys of other nodes were not stored here", metadata: [LogKeys.keys: "\(taken.count)", LogKeys.error: "\(error)"])
        }
        return isFirst || !taken.isEmpty
    }

    /// A key as another node has stored it. Of a declared one that is only whether an operator has disabled it, and the texts it had.
    private func merged(_ other: StoredKey, _ own: StoredKey?) -> StoredKey {
        guard other.source == .declared, var own else { return other }
        own.enabled = other.enabled
        if !other.retired.isEmpty { own.retired = other.retired }
        return own
    }

    private func save(_ key: StoredKey, _ state: inout State) throws(KeyFailure) {
        do {
            if let shared {
                // A change that cannot be stored here is none: who asked gets an error, and no new text.
                try shared.save([key], knowing: state.versions) { try store.save([key]) }
                // Which version it has now is seen with the next look.
                state.versions[key.id] = nil
            } else {
                try store.save([key])
            }
        } catch let failure as KeyFailure {
            throw failure
        } catch {
            throw .storage("\(error)")
        }
        state.note(key)
    }

    /// Books keys with what was used under them here, and they are all nodes' only then: what others see of them is booked.
    private func bookEverywhere(_ keys: [(key: StoredKey, usage: ImportedKey)], _ versions: [String: Int]) throws {
        guard let shared else { return try book(keys) }
        var isBooked = false
        do {
            try shared.save(keys.map(\.key), knowing: versions) {
                try book(keys)
                isBooked = true
            }
        } catch {
            guard isBooked else { throw error }
            // They are here for good; the others get them with the next look.
            shared.offerAgain()
            logger.warning("keys that were taken over are not in the shared store yet", metadata: [LogKeys.error: "\(error)"])
        }
    }

    /// A key that the admin API made and that is still there.
    private func changeable(_ id: String, _ state: State) throws(KeyFailure) -> StoredKey {
        guard let key = known.key(withID: id) else { throw .notFound }
        guard key.source == .admin else { throw .fixed(name: key.name) }
        guard let stored = state.stored[id] else { throw .notFound }
        return stored
    }

    /// One name, one key: whoever disables `alice` must not wonder which.
    private func refuseTaken(_ name: String) throws(KeyFailure) {
        let known = known
        if let other = known.keys(named: name).first { throw .taken(name: name, id: other.id) }
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
                enabled: old?.enabled ?? true, created: old?.created ?? now(), expires: nil, source: .declared, deleted: nil,
                retired: old?.retired ?? [])
            return stored == old ? nil : stored
        }
        for key in changed { state.note(key) }
        do {
            try store.save(changed)
        } catch {
            logger.error(
                "declared keys were not stored", metadata: [LogKeys.keys: "\(changed.count)", LogKeys.error: "\(error)"])
        }
    }

    private func warnOfTwins(_ keys: [DeclaredKey], _ state: State) {
        var owners: [KeyDigest: String] = [:]
        let declared = keys.map { (digest: $0.digest, id: $0.id, name: $0.name) }
        let made = state.made.keys
        for key in declared + made.map({ (digest: $0.digest, id: $0.id, name: $0.name) }) {
            if let owner = owners[key.digest] {
                logger.warning(
                    "two keys have the same text; only the first counts",
                    metadata: [LogKeys.key: "\(owner)", LogKeys.other: "\(key.id)", LogKeys.name: "\(key.name)"])
            } else {
                owners[key.digest] = key.id
            }
        }
        for key in keys {
            for other in state.made.keys(named: key.name) where other.digest != key.digest {
                logger.warning(
                    "two keys have the same name; give one of them another",
                    metadata: [LogKeys.key: "\(key.id)", LogKeys.other: "\(other.id)"])
            }
        }
    }
}

/// What an operator says anew of a key; nil leaves what is there.
public struct KeyChange: Sendable, Hashable {
    public var name: String?
    public var policy: String?
    public var tags: [String: String]?
    /// Seconds since 1970; nil within says that it never expires.
    public var expires: Int??

    public init(name: String? = nil, policy: String? = nil, tags: [String: String]? = nil, expires: Int?? = nil) {
        self.name = name
        self.policy = policy
        self.tags = tags
        self.expires = expires
    }
}
