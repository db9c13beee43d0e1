import Foundation
import Synchronization
import Testing

@testable import ProxyCore

/// What becomes of a key after it was made: names, rotation, changes.
@Suite struct KeyLifeTests {
    private final class Clock: Sendable {
        private let time = Mutex(noon)
        var now: Int { time.withLock { $0 } }
        func advance(_ seconds: Int) { time.withLock { $0 += seconds } }
    }

    private func registry(
        _ store: MemoryStore = MemoryStore(), _ snapshots: SnapshotStore = .declaring(), _ clock: Clock = Clock()
    ) throws -> KeyRegistry {
        try KeyRegistry(store: store, snapshots: snapshots, logger: LogLines().logger, clock: { clock.now * 1_000_000 })
    }

    private func state(_ text: String, _ registry: KeyRegistry, _ clock: Clock = Clock()) -> String {
        var cache = CredentialCache()
        let keys = registry.known
        let result = Array(text.utf8).withUnsafeBytes {
            Authenticator.authenticate($0, keys: keys, cache: &cache, now: clock.now)
        }
        switch result {
        case .granted(let key): return "granted \(key.name)"
        case .unknown: return "unknown"
        case .disabled(let key): return "disabled \(key.name)"
        case .expired(let key): return "expired \(key.name)"
        }
    }

    // MARK: Names

    @Test func aNameIsOneLiveKeys() async throws {
        let snapshots = SnapshotStore.declaring([
            DeclaredKey(name: "ci", digest: KeyDigest(hashing: "sk-ci"), masked: "...")
        ])
        let registry = try registry(MemoryStore(), snapshots)
        let (alice, _) = try await registry.create(name: "alice")
        let (bob, _) = try await registry.create(name: "bob")
        await #expect(throws: KeyFailure.taken(name: "alice", id: alice.id)) { _ = try await registry.create(name: "alice") }
        await #expect(throws: KeyFailure.taken(name: "ci", id: "declared:ci")) { _ = try await registry.create(name: "ci") }
        for name in ["alice", " alice ", "ci", bob.id] {
            await #expect(throws: KeyFailure.self) { _ = try await registry.change(id: bob.id, to: KeyChange(name: name)) }
        }
        #expect(try await registry.change(id: bob.id, to: KeyChange(name: "bob")).name == "bob")
        // Disabling frees no name; deleting and renaming do.
        try await registry.setEnabled(false, id: alice.id)
        await #expect(throws: KeyFailure.self) { _ = try await registry.create(name: "alice") }
        try await registry.delete(id: alice.id)
        #expect(try await registry.change(id: bob.id, to: KeyChange(name: "alice")).id == bob.id)
        #expect(registry.find(reference: "alice")?.id == bob.id)
        #expect(registry.find(reference: "bob") == nil)
        #expect(try await registry.create(name: "bob").key.id != bob.id)
    }

    @Test func ofManyAtOnceThatWantOneNameOneHasIt() async throws {
        let registry = try registry()
        let made = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<32 { group.addTask { (try? await registry.create(name: "alice")) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 1)
        #expect(registry.list().count == 1)
    }

    @Test func aFileThatTakesAMadeKeysNameIsTold() async throws {
        let log = LogLines()
        let keys = [DeclaredKey(name: "alice", digest: KeyDigest(hashing: "sk-declared"), masked: "...")]
        let registry = try KeyRegistry(store: MemoryStore(), snapshots: .declaring(), logger: log.logger)
        let (made, _) = try await registry.create(name: "alice")
        await registry.declare(keys)
        #expect(log.all.count { $0.contains("same name") && $0.contains(made.id) && $0.contains("declared:alice") } == 1)
    }

    @Test func whatAFileHasInCommonWithMadeKeysIsToldInWords() async throws {
        let snapshots = SnapshotStore.declaring()
        let registry = try KeyRegistry(store: MemoryStore(), snapshots: snapshots, logger: LogLines().logger)
        let (alice, _) = try await registry.create(name: "alice")
        let (bob, text) = try await registry.create(name: "bob")
        #expect(registry.clashes.isEmpty)
        snapshots.declare([
            DeclaredKey(name: "alice", digest: KeyDigest(hashing: "sk-declared"), masked: "..."),
            DeclaredKey(name: "carol", digest: KeyDigest(hashing: text.reveal()), masked: "..."),
            DeclaredKey(name: "dave", digest: KeyDigest(hashing: "sk-dave"), masked: "..."),
        ])
        let clashes = registry.clashes
        #expect(clashes.count == 2)
        #expect(clashes.first?.contains("'alice' has the name of \(alice.id)") == true)
        #expect(clashes.last?.contains("'carol' has the text of 'bob' (\(bob.id))") == true)
    }

    // MARK: Rotation

    @Test func bothTextsOpenUntilTheOverlapEnds() async throws {
        let (store, clock) = (MemoryStore(), Clock())
        let registry = try registry(store, .declaring(), clock)
        let (key, old) = try await registry.create(name: "alice", tags: ["team": "red"])
        let (rotated, new) = try await registry.rotate(id: key.id, overlapSeconds: 3_600)
        #expect(rotated.id == key.id)
        #expect(rotated.created == key.created)
        #expect(rotated.tags == key.tags)
        #expect(rotated.masked != key.masked)
        #expect(rotated.overlapEnds == noon + 3_600)
        #expect(new != old)
        func states(_ registry: KeyRegistry) -> [String] {
            [old, new].map { state($0.reveal(), registry, clock) }
        }
        #expect(states(registry) == ["granted alice", "granted alice"])
        #expect(registry.list().map(\.id) == [key.id])
        #expect(registry.find(reference: old.reveal())?.id == key.id)
        // What is done to the key is done to both its texts.
        try await registry.setEnabled(false, id: key.id)
        #expect(states(registry) == ["disabled alice", "disabled alice"])
        try await registry.setEnabled(true, id: key.id)
        // A restart keeps both.
        #expect(states(try self.registry(store, .declaring(), clock)) == ["granted alice", "granted alice"])
        clock.advance(3_599)
        #expect(states(registry) == ["granted alice", "granted alice"])
        clock.advance(1)
        #expect(states(registry) == ["expired alice", "granted alice"])
        #expect(states(try self.registry(store, .declaring(), clock)) == ["expired alice", "granted alice"])
        try await registry.delete(id: key.id)
        #expect(states(registry) == ["unknown", "unknown"])
        #expect(states(try self.registry(store, .declaring(), clock)) == ["unknown", "unknown"])
    }

    @Test func withoutOverlapTheOldTextEndsAtOnce() async throws {
        let registry = try registry()
        let (key, older) = try await registry.create(name: "alice")
        let (_, old) = try await registry.rotate(id: key.id, overlapSeconds: 300)
        #expect(state(older.reveal(), registry) == "granted alice")
        let (rotated, new) = try await registry.rotate(id: key.id, overlapSeconds: 0)
        #expect(rotated.overlapEnds == nil)
        for text in [older, old] { #expect(state(text.reveal(), registry) == "unknown") }
        #expect(state(new.reveal(), registry) == "granted alice")
    }

    @Test func everyTextEndsInItsOwnTime() async throws {
        let clock = Clock()
        let registry = try registry(MemoryStore(), .declaring(), clock)
        let (key, first) = try await registry.create(name: "alice", expires: noon + 10_000)
        var texts = [first]
        for overlap in [300, 100] { texts.append(try await registry.rotate(id: key.id, overlapSeconds: overlap).plaintext) }
        func states() -> [Bool] { texts.map { state($0.reveal(), registry, clock).hasPrefix("granted") } }
        #expect(states() == [true, true, true])
        clock.advance(100)
        #expect(states() == [true, false, true])
        clock.advance(200)
        #expect(states() == [false, false, true])
        // The key's own end is no later than it was.
        clock.advance(9_700)
        #expect(states() == [false, false, false])
    }

    @Test func notMoreTextsThanCanBeKeptInMindOpenOneKey() async throws {
        let clock = Clock()
        let registry = try registry(MemoryStore(), .declaring(), clock)
        let (key, _) = try await registry.create(name: "alice")
        for _ in 0..<8 { _ = try await registry.rotate(id: key.id, overlapSeconds: 60) }
        await #expect(throws: KeyFailure.busy(name: "alice", count: 8)) {
            _ = try await registry.rotate(id: key.id, overlapSeconds: 60)
        }
        clock.advance(60)
        _ = try await registry.rotate(id: key.id, overlapSeconds: 60)
    }

    @Test func aRotatedKeySurvivesInTheDatabase() async throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/proxyd.sqlite")
        let registry = try KeyRegistry(
            store: store, snapshots: .declaring(), logger: LogLines().logger, clock: { noon * 1_000_000 })
        let (key, _) = try await registry.create(name: "alice")
        _ = try await registry.rotate(id: key.id, overlapSeconds: 60)
        _ = try await registry.rotate(id: key.id, overlapSeconds: 30)
        let stored = try #require(try store.keys().first)
        #expect(stored.retired.map(\.until) == [noon + 30, noon + 60])
        #expect(stored.clientKey == registry.list().first)
        try await registry.delete(id: key.id)
        let left = try store.keys()
        #expect(left.map(\.retired.count) == [3])
        #expect(left.flatMap(\.retired).allSatisfy { $0.until == 0 })
        #expect(left.allSatisfy { $0.digest == nil && $0.clientKey == nil })
        try store.close()
    }

    // MARK: What the file says

    @Test func aKeyThatTheFileDisablesIsRefusedWhateverTheAPISays() async throws {
        let key = DeclaredKey(name: "ci", digest: KeyDigest(hashing: "sk-ci"), masked: "...", enabled: false)
        let snapshots = SnapshotStore.declaring([key])
        let registry = try registry(MemoryStore(), snapshots)
        await registry.declare([key])
        #expect(state("sk-ci", registry) == "disabled ci")
        #expect(registry.list().map(\.enabled) == [false])
        await #expect(throws: KeyFailure.fixed(name: "ci")) { try await registry.setEnabled(true, id: "declared:ci") }
        snapshots.declare([DeclaredKey(name: "ci", digest: KeyDigest(hashing: "sk-ci"), masked: "...")])
        #expect(state("sk-ci", registry) == "granted ci")
    }

    @Test func aDeclaredKeyIsChangedInTheFile() async throws {
        let snapshots = SnapshotStore.declaring([DeclaredKey(name: "ci", digest: KeyDigest(hashing: "sk-ci"), masked: "...")])
        let registry = try registry(MemoryStore(), snapshots)
        await #expect(throws: KeyFailure.fixed(name: "ci")) {
            _ = try await registry.rotate(id: "declared:ci", overlapSeconds: 1)
        }
        await #expect(throws: KeyFailure.fixed(name: "ci")) {
            _ = try await registry.change(id: "declared:ci", to: KeyChange(name: "x"))
        }
    }

    @Test func aChangeIsOfWhatItNamesAlone() async throws {
        let store = MemoryStore()
        let registry = try registry(store)
        let (key, text) = try await registry.create(name: "alice", policy: "a", tags: ["x": "1"], expires: noon + 60)
        let changed = try await registry.change(id: key.id, to: KeyChange(policy: "b"))
        #expect(changed.name == "alice")
        #expect(changed.policy == "b")
        #expect(changed.tags == ["x": "1"])
        #expect(changed.expires == noon + 60)
        let endless = try await registry.change(id: key.id, to: KeyChange(tags: [:], expires: .some(nil)))
        #expect(endless.policy == "b")
        #expect(endless.tags.isEmpty)
        #expect(endless.expires == nil)
        #expect(state(text.reveal(), registry) == "granted alice")
        store.state.withLock { $0.isFailing = true }
        await #expect(throws: KeyFailure.self) { _ = try await registry.change(id: key.id, to: KeyChange(name: "bob")) }
        #expect(registry.find(reference: "alice") == endless)
        #expect(registry.find(reference: "bob") == nil)
    }

    // MARK: Many

    @Test func manyKeysAreMadeListedAndFound() async throws {
        let registry = try registry()
        var made: [String: String] = [:]
        for number in 0..<3_000 {
            let (key, text) = try await registry.create(name: "key \(number)")
            made[text.reveal()] = key.id
        }
        #expect(registry.list().count == 3_000)
        for (text, id) in made { #expect(registry.known.key(withDigest: KeyDigest(hashing: text))?.id == id) }
        for number in 0..<3_000 { #expect(registry.find(reference: "key \(number)") != nil) }
    }
}

@Suite struct SharedMapTests {
    @Test func itIsADictionary() {
        var (map, plain): (SharedMap<Int, String>, [Int: String]) = (SharedMap(), [:])
        var generator = SystemRandomNumberGenerator()
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<700, using: &generator)
            let value = Bool.random(using: &generator) ? "\(step)" : nil
            map[key] = value
            plain[key] = value
            #expect(map[key] == plain[key])
        }
        #expect(map.count == plain.count)
        #expect(Array(map.values).sorted() == plain.values.sorted())
        for key in 0..<700 { #expect(map[key] == plain[key]) }
    }

    @Test func aCopyIsOfItsMoment() {
        var map = SharedMap<Int, Int>()
        for key in 0..<1_000 { map[key] = key }
        let copy = map
        for key in 0..<1_000 { map[key] = key.isMultiple(of: 2) ? nil : -key }
        #expect(copy.count == 1_000)
        #expect(map.count == 500)
        for key in 0..<1_000 { #expect(copy[key] == key) }
    }
}
