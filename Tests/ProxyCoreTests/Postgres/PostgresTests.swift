import Foundation
import Testing

@testable import ProxyCore

@Suite struct PostgresValueTests {
    /// Numbers of blocks are in the order of time, and two nodes never give the same.
    @Test func blocksHaveNumbersOfTheirOwn() {
        #expect(PostgresStore.nextBlock(after: 0, at: 5, source: 3) == 5 << 20 | 3 << 10)
        #expect(PostgresStore.nextBlock(after: 5 << 20 | 3 << 10, at: 5, source: 3) == 5 << 20 | 3 << 10 + 1)
        let full = 5 << 20 | 3 << 10 | 1_023
        #expect(PostgresStore.nextBlock(after: full, at: 5, source: 3) == 6 << 20 | 3 << 10)
        #expect(PostgresStore.nextBlock(after: 9 << 20, at: 5, source: 3) == 9 << 20 + 1)
        var (last, seen) = (0, Set<Int>())
        for _ in 0..<5_000 {
            let next = PostgresStore.nextBlock(after: last, at: 7, source: 2)
            #expect(next > last && next >> 10 & 1_023 == 2)
            (last, _) = (next, seen.insert(next))
        }
        #expect(seen.count == 5_000)
    }

    @Test func bytesAreReadFromTheirText() {
        let row = PostgresRow(values: ["\\x00ff10", "\\x0", "00", nil, "\\x"])
        #expect(row.bytes(0) == [0, 255, 16])
        #expect(row.bytes(1) == nil && row.bytes(2) == nil && row.bytes(3) == nil && row.bytes(9) == nil)
        #expect(row.bytes(4) == [])
    }

    @Test func whatIsMissingIsNamedWithItsPackage() {
        #expect(throws: PostgresFailure.self) { try PostgresLibrary("libpq-that-is-not-there.so.5") }
        #expect("\(PostgresFailure.library("no such file"))".contains("libpq5"))
        #expect(PostgresFailure.line("a\n  b\n\n\tc\n") == "a; b; c")
    }
}

@Suite(.enabled(if: PostgresServer.isThere, "Debian's postgresql is not installed")) struct PostgresStoreTests {
    private func store(_ address: PostgresAddress, _ state: String = "one", node: String = "node") -> PostgresStore {
        PostgresStore(address, as: PostgresStore.Identity(state: state, node: node), patience: 10)
    }

    @Test func valuesComeBackAsTheyAre() throws {
        let connection = try PostgresConnection(to: try #require(try PostgresServer.shared?.database()))
        let rows = try connection.execute(
            "SELECT $1::bigint, $2::text, $3::bytea, ($4::text[])[2], ($5::bigint[])[1], $6::text",
            [.number(.min), .text("a\u{0}\"é"), .bytes([0, 255]), .texts(["", "q\"\\,{}"]), .numbers([7]), .null])
        #expect(rows.rows == [[String(Int.min), "a\u{FFFD}\"é", "\\x00ff", "q\"\\,{}", "7", nil]])
        #expect(throws: PostgresFailure.self) { try connection.execute("SELECT 1/0") }
        #expect(try connection.execute("SELECT 1").first?.integer(0) == 1)
    }

    /// What one node has booked for a declared key, no other books again.
    @Test func whatWasBookedForADeclaredKeyIsKnownToAll() throws {
        let address = try #require(try PostgresServer.shared?.database())
        let (one, other) = (store(address), store(address, "two"))
        func row(_ texts: [String], enabled: Bool = true) -> StoredKey {
            StoredKey(
                id: "declared:ci", name: "ci", digest: nil, masked: "…", policy: "default", tags: [:], enabled: enabled,
                created: 7, expires: nil, source: .declared, deleted: nil,
                retired: texts.map { RetiredSecret(digest: KeyDigest(hashing: $0), until: 0) })
        }
        func there() throws -> [KeyDigest]? { try one.keys().first?.retired.map(\.digest) }
        try one.offer([row([])])
        try other.offer([row(["a"], enabled: false)])
        #expect(try there() == [KeyDigest(hashing: "a")])
        #expect(try one.keys().first?.enabled == true)
        try one.offer([row(["b"])])
        try one.offer([row([])])
        try one.save([row([])])
        #expect(try there() == [KeyDigest(hashing: "a"), KeyDigest(hashing: "b")])
    }

    @Test func aNewerSchemaIsRefusedUnlessItOnlyAdds() throws {
        let address = try #require(try PostgresServer.shared?.database())
        let connection = try PostgresConnection(to: address)
        try PostgresSchema.bring(connection)
        try PostgresSchema.bring(connection)
        try connection.execute("INSERT INTO proxyd_schema (step, name, needs) VALUES (98, '98: adds', 1)")
        #expect(try store(address).bookedPosition() == nil)
        try connection.execute("INSERT INTO proxyd_schema (step, name, needs) VALUES (99, '99: takes away', 99)")
        #expect(throws: PostgresFailure.newerSchema(step: "99: takes away")) { try store(address).bookedPosition() }
    }

    /// What a process that was killed in the middle of a step leaves is nothing.
    @Test func aStepThatFailsLeavesNothing() throws {
        let connection = try PostgresConnection(to: try #require(try PostgresServer.shared?.database()))
        let broken = PostgresSchema.Step(number: 2, name: "2", needs: 1, sql: "CREATE TABLE half (a int); SELECT 1/0")
        #expect(throws: PostgresFailure.self) { try PostgresSchema.bring(connection, steps: PostgresSchema.steps + [broken]) }
        #expect(
            try connection.execute("SELECT to_regclass('half') IS NULL AND to_regclass('proxyd_schema') IS NULL").first?.flag(0)
                == true)
        try PostgresSchema.bring(connection)
    }

    @Test func twoOfOneStateDoNotBookAtOnce() throws {
        let address = try #require(try PostgresServer.shared?.database())
        let first = store(address)
        #expect(try first.bookedPosition() == nil)
        #expect(throws: PostgresFailure.inUse(node: "other")) { try store(address, node: "other").bookedPosition() }
        first.close()
        #expect(try store(address, node: "other").bookedPosition() == nil)
    }

    @Test func aKeyThatAnotherNodeHasChangedIsAConflict() throws {
        let address = try #require(try PostgresServer.shared?.database())
        let store = PostgresStore(address, as: nil, patience: 10)
        var key = StoredKey(
            id: "key_1", name: "anna", digest: KeyDigest(hashing: "text"), masked: "", policy: "default", tags: [:],
            enabled: true,
            created: 7, expires: nil, source: .admin, deleted: nil)
        try store.save([key])
        let version = try #require(try store.keys(changedSince: 0).first?.version)
        try store.save([key], knowing: ["key_1": version])
        #expect(throws: PostgresFailure.self) { try store.save([key], knowing: ["key_1": version]) }
        #expect(try store.keys(changedSince: version).count == 1)
        (key.id, key.digest) = ("key_2", KeyDigest(hashing: "other"))
        #expect(throws: KeyFailure.taken(name: "anna", id: "key_1")) { try store.save([key]) }
        // What cannot be done beforehand leaves nothing there.
        (key.name, key.id) = ("nora", "key_3")
        #expect(throws: LedgerFailure.closed) { try store.save([key], knowing: [:]) { throw LedgerFailure.closed } }
        #expect(try store.keyNames() == ["key_1": "anna"])
        (key.name, key.id) = ("berta", "key_1")
        try store.offer([key])
        #expect(try store.keyNames() == ["key_1": "anna"])
    }
}

/// A ledger that books into a store that it shares.
@Suite(.enabled(if: PostgresServer.isThere, "Debian's postgresql is not installed")) struct SharedBookingTests {
    private func options(_ address: PostgresAddress, node: String) -> UsageLedger.Options {
        var options = UsageLedger.Options.manual
        var shared = SharedBooking.Settings(address: address, node: node, shown: "the store")
        (shared.shortestPause, shared.longestPause) = (50, 50)
        options.shared = shared
        return options
    }

    @Test func nodesAddUpAndGoOnAfterAStart() async throws {
        let address = try #require(try PostgresServer.shared?.database())
        let (one, two) = (try ScratchDirectory(), try ScratchDirectory())
        let first = try UsageLedger.open(one, options: options(address, node: "a"))
        let second = try UsageLedger.open(two, options: options(address, node: "b"))
        try first.append(contentsOf: [.sample(1), .sample(2)])
        try second.append(.sample(3, key: "key_b"))
        // Each books its own before it answers.
        _ = try await first.totals()
        #expect(try await second.totals().requests == 3)
        #expect(try await first.totals().requests == 3)
        #expect(try await second.keyTotals().mapValues(\.amounts.requests) == ["key_a": 2, "key_b": 1])
        #expect(try await second.requests(RequestFilter()).records.count == 3)
        #expect(first.sharing?.bytesBehind == 0 && first.sharedStoreState == "ok")
        // As a kill leaves it: booked here or not, it is there once.
        try first.append(.sample(4))
        let left = try one.copy()
        await first.close()
        let again = try UsageLedger.open(left, options: options(address, node: "a"))
        #expect(try await again.totals().requests == 4)
        await again.close()
        await second.close()
    }

    @Test func whatTheStoreLacksIsPutThereAnew() async throws {
        let address = try #require(try PostgresServer.shared?.database())
        let directory = try ScratchDirectory()
        let before = try UsageLedger.open(directory)
        try before.append(contentsOf: (0..<300).map { .sample($0, key: "key_\($0 % 3)") })
        try await AuditLog(storedWith: before).record(
            AuditEntry(time: noon, who: "ops", address: "", action: "a", target: nil, result: "ok"))
        await before.close()
        // Its past is there with the first look.
        let ledger = try UsageLedger.open(directory, options: options(address, node: "a"))
        #expect(try await ledger.totals().requests == 300)
        #expect(try await AuditLog(storedWith: ledger).entries(AuditQuery()).map(\.who) == ["ops"])
        try ledger.append(.sample(1_000))
        #expect(try await ledger.totals().requests == 301)
        await ledger.close()
        // A store that was put back.
        try PostgresConnection(to: address).script(
            "DELETE FROM proxyd_usage_key; DELETE FROM proxyd_request; UPDATE proxyd_source SET segment = 0, byte = 16")
        let again = try UsageLedger.open(directory, options: options(address, node: "a"))
        #expect(try await again.totals().requests == 301)
        #expect(try await again.requests(RequestFilter()).next != nil)
        #expect(try await again.grouped(by: [.upstream], from: nil, to: nil).map(\.amounts.requests) == [301])
        await again.close()
    }

    /// A backup that was put back: what is there stays, and what comes is added.
    @Test func anEarlierStateGoesOnBeside() async throws {
        let address = try #require(try PostgresServer.shared?.database())
        let directory = try ScratchDirectory()
        let first = try UsageLedger.open(directory, options: options(address, node: "a"))
        try first.append(.sample(1))
        #expect(try await first.totals().requests == 1)
        await first.close()
        let backup = try directory.copy()
        for number in 2...4 {
            let later = try UsageLedger.open(directory, options: options(address, node: "a"))
            try later.append(.sample(number))
            #expect(try await later.totals().requests == number)
            await later.close()
        }
        let restored = try UsageLedger.open(backup, options: options(address, node: "a"))
        try restored.append(.sample(5))
        #expect(try await restored.totals().requests == 5)
        await restored.close()
    }

    @Test func whatIsAwayIsToldAndWaits() async throws {
        let directory = try ScratchDirectory()
        let away = PostgresAddress(url: Secret("postgres://nobody:secret-word@127.0.0.1:1/none"), ca: nil)
        let lines = LogLines()
        let ledger = try UsageLedger.open(directory, logger: lines.logger, options: options(away, node: "a"))
        try ledger.append(.sample(1))
        await ledger.flush()
        await #expect(throws: SharedStoreFailure.self) { try await ledger.totals() }
        #expect(ledger.isSharedStoreAway && ledger.sharedStoreState == "unreachable")
        guard case .degraded(let reason) = ledger.health else { return #expect(Bool(false), "health is \(ledger.health)") }
        #expect(reason.contains("the store") && !reason.contains("secret-word"))
        #expect(!lines.all.joined().contains("secret-word"))
        await ledger.close()
        let address = try #require(try PostgresServer.shared?.database())
        let again = try UsageLedger.open(directory, options: options(address, node: "a"))
        #expect(try await again.totals().requests == 1)
        await again.close()
    }
}
