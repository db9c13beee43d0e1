import Foundation
import Testing

@testable import ProxyCore

@Suite struct KeyRegistryTests {
    @Test func aNewKeyIsKnownAtOnceAndAfterARestart() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        let registry = try KeyRegistry(storedWith: ledger, snapshots: .declaring(), logger: LogLines().logger)
        let (key, secret) = try await registry.create(
            name: "alice", policy: "team", tags: ["team": "build"], expires: 2_000_000_000)
        let plaintext = secret.reveal()
        #expect(plaintext.wholeMatch(of: /sk-[0-9A-Za-z]{48}/) != nil)
        #expect(key.id.wholeMatch(of: /key_[0-9A-Za-z]{12}/) != nil)
        #expect(key.masked == "\(plaintext.prefix(8))...\(plaintext.suffix(4))")
        #expect("\(secret)" == "<redacted>")
        #expect(state(plaintext, registry) == "granted alice")
        await ledger.close()

        let reopened = try UsageLedger.open(directory)
        let again = try KeyRegistry(storedWith: reopened, snapshots: .declaring(), logger: LogLines().logger)
        #expect(again.list() == [key])
        #expect(state(plaintext, again) == "granted alice")
        await reopened.close()
    }

    /// However many are made within a second, they are listed in the order in which they were, and by another process too.
    @Test func keysAreListedInTheOrderOfTheirMaking() async throws {
        let directory = try ScratchDirectory()
        let store = try SQLiteStore(path: directory.path + "/proxyd.sqlite")
        let clock = Clock()
        // Of the same second; two at the same moment are in the order of their ids.
        let registry = try KeyRegistry(
            store: store, snapshots: .declaring(), logger: LogLines().logger, clock: { noon * 1_000_000 + clock.now })
        clock.now = 0
        for number in 0..<20 {
            _ = try await registry.create(name: "k\(number)")
            clock.now += 1
        }
        #expect(registry.list().map(\.name) == (0..<20).map { "k\($0)" })
        #expect(registry.list().map(\.createdMicroseconds) == Array(0..<20))
        #expect(try store.keys().map(\.name) == (0..<20).map { "k\($0)" })
        try store.close()
    }

    @Test func aChangeTakesEffectBeforeItsCallReturns() async throws {
        let (_, ledger, registry, _) = try make()
        let (key, secret) = try await registry.create(name: "bob")
        var cache = CredentialCache()
        func state() -> String { self.state(secret.reveal(), registry, &cache) }
        #expect(state() == "granted bob")
        #expect(try await registry.setEnabled(false, id: key.id).enabled == false)
        #expect(state() == "disabled bob")
        #expect(try await registry.setEnabled(true, id: key.id).enabled)
        #expect(state() == "granted bob")
        #expect(try await registry.delete(id: key.id).name == "bob")
        #expect(state() == "unknown")
        await #expect(throws: KeyFailure.notFound) { try await registry.delete(id: key.id) }
        await #expect(throws: KeyFailure.notFound) { try await registry.setEnabled(true, id: key.id) }
        await ledger.close()
    }

    @Test func theFilesHoldNoKey() async throws {
        let (_, ledger, registry, directory) = try make()
        var secrets: [String] = []
        for number in 0..<20 { secrets.append(try await registry.create(name: "k\(number)").plaintext.reveal()) }
        try ledger.append(.sample(1, key: try #require(registry.list().first).id))
        await ledger.flush()
        for name in try directory.files() where name.hasPrefix("proxyd") {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/" + name))
            for secret in secrets {
                #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(name)")
                #expect(bytes.range(of: Data(secret.dropFirst(9).prefix(12).utf8)) == nil, "\(name)")
            }
        }
        await ledger.close()
    }

    @Test func aDeletedKeysDigestIsGoneAndItsUsageKeepsItsName() async throws {
        let (_, ledger, registry, directory) = try make()
        let (key, secret) = try await registry.create(name: "carol")
        try ledger.append(.sample(1, key: key.id))
        try await registry.delete(id: key.id)
        #expect(try await ledger.daily().first?.keys.map(\.name) == ["carol"])
        #expect(try await ledger.usage(ofKey: key.id).totals.amounts.requests == 1)
        await ledger.close()
        let digest = Data(KeyDigest(hashing: secret.reveal()).bytes)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: directory.path + "/proxyd.sqlite"))
        #expect(bytes.range(of: digest) == nil)
        #expect(bytes.range(of: Data("carol".utf8)) != nil)
    }

    @Test func aKeyIsFoundByIDByItselfAndByAnUnambiguousName() async throws {
        let (snapshots, ledger, registry, _) = try make()
        let (first, secret) = try await registry.create(name: "dave")
        #expect(registry.find(reference: first.id) == first)
        #expect(registry.find(reference: secret.reveal()) == first)
        #expect(registry.find(reference: "dave") == first)
        #expect(registry.find(reference: first.masked) == nil)
        #expect(registry.find(reference: "") == nil)
        await #expect(throws: KeyFailure.taken(name: "dave", id: first.id)) { _ = try await registry.create(name: " dave ") }
        snapshots.declare([declared("dave", "sk-dave")])
        #expect(registry.find(reference: "dave") == nil)
        #expect(registry.find(reference: "declared:dave")?.source == .declared)
        await ledger.close()
    }

    @Test(arguments: [
        "", " ", "a\nb", "\u{7f}", "a\u{200b}b", "a\u{202e}b", "\u{feff}", "a\u{a0}b", "\u{2800}", "\u{3164}", "a\u{2028}b",
        "\u{e000}",
        "\u{85}", "a\u{ad}b", String(repeating: "x", count: 201), String(repeating: "ä", count: 101),
    ])
    func aNameThatCouldHarmIsRefused(_ name: String) async throws {
        let registry = try KeyRegistry(store: MemoryStore(), snapshots: .declaring(), logger: LogLines().logger)
        await #expect(throws: KeyFailure.self) { _ = try await registry.create(name: name) }
        #expect(registry.list().isEmpty)
    }

    @Test func aKeyThatCouldNotBeStoredIsNotKnown() async throws {
        let store = MemoryStore()
        let registry = try KeyRegistry(store: store, snapshots: .declaring(), logger: LogLines().logger)
        let (key, _) = try await registry.create(name: "eve")
        store.state.withLock { $0.isFailing = true }
        await #expect(throws: KeyFailure.self) { _ = try await registry.create(name: "mallory") }
        await #expect(throws: KeyFailure.self) { try await registry.setEnabled(false, id: key.id) }
        await #expect(throws: KeyFailure.self) { try await registry.delete(id: key.id) }
        #expect(registry.list() == [key])
    }

    @Test func declaredKeysAreTheFiles() async throws {
        let (snapshots, ledger, registry, directory) = try make()
        func declare(_ keys: [DeclaredKey]) async {
            snapshots.declare(keys)
            await registry.declare(keys)
        }
        await declare([declared("ci", "sk-ci"), declared("alice", "sk-alice", policy: "team")])
        #expect(registry.list().map(\.id) == ["declared:ci", "declared:alice"])
        #expect(state("sk-alice", registry) == "granted alice")
        await #expect(throws: KeyFailure.declared(name: "ci")) { try await registry.delete(id: "declared:ci") }
        #expect(try await registry.setEnabled(false, id: "declared:ci").enabled == false)
        #expect(state("sk-ci", registry) == "disabled ci")
        #expect(registry.list().map(\.enabled) == [false, true])
        try ledger.append(.sample(1, key: "declared:ci"))

        // A new key under the old name stays disabled; a key that left the file is unknown, its usage keeps its name.
        await declare([declared("ci", "sk-ci-2")])
        #expect(state("sk-ci", registry) == "unknown")
        #expect(state("sk-ci-2", registry) == "disabled ci")
        #expect(state("sk-alice", registry) == "unknown")
        await #expect(throws: KeyFailure.notFound) { try await registry.setEnabled(false, id: "declared:alice") }
        await ledger.close()

        let reopened = try UsageLedger.open(directory)
        let later = SnapshotStore.declaring()
        let again = try KeyRegistry(storedWith: reopened, snapshots: later, logger: LogLines().logger)
        #expect(again.list().isEmpty)
        #expect(try await reopened.daily().first?.keys.map(\.name) == ["ci"])
        later.declare([declared("ci", "sk-ci"), declared("alice", "sk-alice")])
        #expect(state("sk-ci", again) == "disabled ci")
        #expect(state("sk-alice", again) == "granted alice")
        await reopened.close()
    }

    @Test func declaredKeysWorkFromTheMomentTheirSnapshotIsPublished() async throws {
        let (store, log) = (MemoryStore(), LogLines())
        store.state.withLock { $0.isFailing = true }
        let keys = [declared("ci", "sk-ci")]
        let snapshots = SnapshotStore.declaring(keys)
        let registry = try KeyRegistry(store: store, snapshots: snapshots, logger: log.logger)
        #expect(state("sk-ci", registry) == "granted ci")
        // That the store fails takes nothing from them.
        await registry.declare(keys)
        #expect(state("sk-ci", registry) == "granted ci")
        #expect(log.all.count == 1)
        store.state.withLock { $0.isFailing = false }
        let more = keys + [declared("new", "sk-new")]
        snapshots.declare(more)
        #expect(try await registry.setEnabled(false, id: "declared:new").enabled == false)
        #expect(state("sk-new", registry) == "disabled new")
        await registry.declare(more)
        #expect(state("sk-new", registry) == "disabled new")
    }

    @Test func ofTwoKeysWithOneTextTheDeclaredOneCounts() async throws {
        let (_, ledger, registry, _) = try make()
        let log = LogLines()
        let (made, secret) = try await registry.create(name: "made")
        let keys = [declared("first", secret.reveal()), declared("second", secret.reveal())]
        let logged = try KeyRegistry(storedWith: ledger, snapshots: .declaring(keys), logger: log.logger)
        await logged.declare(keys)
        #expect(state(secret.reveal(), logged) == "granted first")
        #expect(logged.list().map(\.name) == ["first"])
        #expect(logged.find(reference: made.id) == nil)
        #expect(logged.find(reference: "made") == nil)
        #expect(logged.find(reference: secret.reveal())?.name == "first")
        #expect(log.all.count { $0.hasPrefix("warning") } == 2)
        #expect(log.all.allSatisfy { !$0.contains(secret.reveal()) })
        await ledger.close()
    }

    // MARK: -

    private func make() throws -> (SnapshotStore, UsageLedger, KeyRegistry, ScratchDirectory) {
        let snapshots = SnapshotStore.declaring()
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        return (
            snapshots, ledger, try KeyRegistry(storedWith: ledger, snapshots: snapshots, logger: LogLines().logger), directory
        )
    }

    private func declared(_ name: String, _ text: String, policy: String = "default") -> DeclaredKey {
        DeclaredKey(name: name, digest: KeyDigest(hashing: text), masked: "...", policy: policy)
    }

    private func state(_ text: String, _ registry: KeyRegistry) -> String {
        var cache = CredentialCache()
        return state(text, registry, &cache)
    }

    private func state(_ text: String, _ registry: KeyRegistry, _ cache: inout CredentialCache) -> String {
        let keys = registry.known
        let result = Array(text.utf8).withUnsafeBytes {
            Authenticator.authenticate($0, keys: keys, cache: &cache, now: noon)
        }
        switch result {
        case .granted(let key): return "granted \(key.name)"
        case .unknown: return "unknown"
        case .disabled(let key): return "disabled \(key.name)"
        case .expired(let key): return "expired \(key.name)"
        }
    }
}
