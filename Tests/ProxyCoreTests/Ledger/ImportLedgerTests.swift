import Foundation
import GRDB
import Synchronization
import Testing

@testable import ProxyCore

/// Another system's keys and usage, put into a stopped state or into a running ledger.
@Suite struct ImportLedgerTests {
    private struct Running {
        let directory: ScratchDirectory
        let ledger: UsageLedger
        let registry: KeyRegistry

        init(_ snapshots: SnapshotStore = .declaring()) throws {
            directory = try ScratchDirectory()
            ledger = try UsageLedger.open(directory)
            registry = try KeyRegistry(storedWith: ledger, snapshots: snapshots, logger: LogLines().logger)
        }
    }

    private func key(_ name: String, _ text: String? = nil, rows: [ImportedKey.Row] = []) -> ImportedKey {
        ImportedKey(
            name: name, text: Secret(text ?? "sk-text-of-\(name)-0123456789"), enabled: true, created: noon - 1_000,
            lastUsed: noon - 60,
            totals: rows.reduce(into: ImportedKey.Amounts()) { sum, row in
                sum.requests += row.amounts.requests
                sum.input += row.amounts.input
                sum.output += row.amounts.output
            }, rows: rows)
    }

    private func row(_ when: ImportedKey.When, _ model: String, _ requests: Int, _ input: Int, _ output: Int) -> ImportedKey.Row {
        ImportedKey.Row(
            when: when, model: model, amounts: ImportedKey.Amounts(requests: requests, input: input, output: output))
    }

    /// Of a day that is over, of the present one, and of none.
    private func history(_ seed: Int = 1) throws -> [ImportedKey.Row] {
        let (before, today) = (try #require(LocalDate("2026-02-10")), try #require(LocalDate("2026-02-11")))
        return [
            row(.hour(before, 13), "m1", 3, 400 * seed, 99), row(.hour(before, 13), "m2", 1, 7, 0),
            row(.day(before), "m1", 1, 1, seed), row(.day(before), "", 1, 1, 1), row(.hour(today, 8), "m1", 5, 50, 5 * seed),
            row(.day(today), "m2", 2, 20, 2), row(.ever, "m3", 1, 100, 10),
        ]
    }

    private func opened(_ text: String, _ registry: KeyRegistry) -> String? {
        registry.known.key(withDigest: KeyDigest(hashing: text))?.name
    }

    /// What was used elsewhere is used here from the moment of the import, and a restart changes nothing of it.
    @Test func limitsGoOnFromAnImportAtOnce() async throws {
        let running = try Running()
        var old = key("old", rows: [row(.ever, "m", 3, 4, 5)])
        old.lastUsed = noon - 40 * 86_400
        let keys = [key("a", rows: try history(1)), key("b", rows: try history(2)), key("unused"), old]
        _ = try await running.registry.add(keys)
        let limit = UsageLimit(
            .policy, name: "default",
            rates: [
                LimitRate(.requests, per: .day, most: 1_000), LimitRate(.tokens, per: .month, most: 1_000),
                LimitRate(.requests, per: .total, most: 1_000), LimitRate(.requests, per: .minute, most: 1_000),
            ], noun: "key")
        func used(_ ledger: UsageLedger) -> [String: [Int]] {
            let ids = running.registry.list().map { ($0.name, $0.id) }
            return Dictionary(uniqueKeysWithValues: ids).mapValues { id in
                ledger.limits.figures([limit], bucket: id, listsUntouched: true, now: .at(noon * 1_000)).map(\.used)
            }
        }
        let figures = used(running.ledger)
        #expect(figures["a"] == [7, 587, 14, 0])
        #expect(figures["b"] == [7, 993, 14, 0])
        #expect(figures["unused"] == [0, 0, 0, 0])
        #expect(figures["old"] == [0, 0, 0, 0])
        await running.ledger.close()
        let reopened = try UsageLedger.open(running.directory)
        #expect(used(reopened) == figures)
        await reopened.close()
    }

    @Test func aRunningLedgerHasTheFiguresOfAStoppedOne() async throws {
        let keys = try (1...7).map { key("key \($0 % 3)", "sk-\($0)", rows: try history($0)) }
        let stopped = try ScratchDirectory()
        let told = try StoppedState(stopped.path).add(keys, declared: [])
        let running = try Running()
        var result = ImportResult()
        for piece in [keys[..<3], keys[3..<4], keys[4...]] {
            let part = try await running.registry.add(Array(piece))
            result.imported += part.imported
            result.known += part.known
            result.renamed += part.renamed
        }
        #expect(result == told)
        #expect(told.imported == ["key 1", "key 2", "key 0", "key 1 (2)", "key 2 (2)", "key 0 (2)", "key 1 (3)"])
        let ledger = try UsageLedger.open(stopped)
        let registry = try KeyRegistry(storedWith: ledger, snapshots: .declaring(), logger: LogLines().logger)
        #expect(try await running.ledger.totals() == ledger.totals())
        #expect(try await running.ledger.hourly() == ledger.hourly())
        #expect(try await running.ledger.daily().map(\.byModel) == ledger.daily().map(\.byModel))
        for groups in [[UsageGroup.day, .model], [.hour], [.upstream]] {
            let both = try await (
                running.ledger.grouped(by: groups, from: nil, to: nil), ledger.grouped(by: groups, from: nil, to: nil)
            )
            #expect(both.0 == both.1)
        }
        #expect(running.registry.list().count == 7)
        for key in running.registry.list() {
            let other = try #require(registry.find(reference: key.name))
            #expect((key.digest, key.masked, key.created) == (other.digest, other.masked, other.created))
            let (new, old) = try await (running.ledger.usage(ofKey: key.id), ledger.usage(ofKey: other.id))
            #expect(new.totals == old.totals)
            #expect(new.daily == old.daily)
            #expect(new.hourly == old.hourly)
            #expect(new.byModel.map(\.model) == old.byModel.map(\.model))
            #expect(new.byModel.map(\.amounts) == old.byModel.map(\.amounts))
            // Conditions on the day's tokens see what was used of it elsewhere, with or without a restart.
            #expect(running.ledger.today(keyID: key.id) == ledger.today(keyID: other.id))
            #expect(running.ledger.today(keyID: key.id).requests == 7)
        }
        await running.ledger.close()
        await ledger.close()
    }

    @Test func whatIsTakenOverWorksAtOnceAndAfterAKill() async throws {
        let running = try Running()
        #expect(try await running.registry.add([key("alice", "sk-a", rows: history())]).imported == ["alice"])
        #expect(opened("sk-a", running.registry) == "alice")
        let id = try #require(running.registry.find(reference: "alice")?.id)
        try running.ledger.append(.sample(1, key: id, model: "m1"))
        let left = try running.directory.copy()
        #expect(try await running.ledger.usage(ofKey: id).totals.amounts.requests == 15)
        await running.ledger.close()
        let ledger = try UsageLedger.open(left)
        let registry = try KeyRegistry(storedWith: ledger, snapshots: .declaring(), logger: LogLines().logger)
        #expect(opened("sk-a", registry) == "alice")
        #expect(try await ledger.usage(ofKey: id).totals.amounts.requests == 15)
        #expect(ledger.today(keyID: id).requests == 8)
        await ledger.close()
    }

    @Test func whatIsThereAlreadyIsPassedOverHoweverItIsThere() async throws {
        let declared = DeclaredKey(name: "ci", digest: KeyDigest(hashing: "sk-ci"), masked: "...")
        let running = try Running(.declaring([declared]))
        let keys = [
            key("alice", "sk-a", rows: try history()), key("ci", "sk-ci", rows: try history()),
            key("ci", "sk-another", rows: try history()), key("twin", "sk-a", rows: try history()),
        ]
        let first = try await running.registry.add(keys)
        #expect(first.imported == ["alice", "ci (2)"])
        #expect(first.known == ["twin"])
        #expect(first.booked == ["ci"])
        #expect(first.renamed == [ImportResult.Renaming(from: "ci", to: "ci (2)")])
        let totals = try await running.ledger.totals()
        let id = try #require(running.registry.find(reference: "alice")?.id)
        // The text that the file has is the key's still in its overlap.
        _ = try await running.registry.rotate(id: id, overlapSeconds: 3_600)
        let again = try await running.registry.add(keys)
        #expect(again.imported.isEmpty)
        #expect(again.known == ["alice", "ci", "ci", "twin"])
        #expect(try await running.ledger.totals() == totals)
        await running.ledger.close()
    }

    /// The history of a key that the configuration declares is that key's, once, over reloads and restarts.
    @Test(arguments: [false, true])
    func theHistoryOfADeclaredKeyIsBookedOnce(isStopped: Bool) async throws {
        let declared = DeclaredKey(name: "ci", digest: KeyDigest(hashing: "sk-ci"), masked: "...")
        let running = try Running(.declaring([declared]))
        await running.registry.declare([declared])
        let keys = [key("old ci", "sk-ci", rows: try history())]
        if isStopped {
            await running.ledger.close()
            #expect(try StoppedState(running.directory.path).add(keys, declared: [declared]).booked == ["ci"])
        } else {
            #expect(try await running.registry.add(keys).booked == ["ci"])
            await running.registry.declare([declared])
            #expect(try await running.registry.add(keys).known == ["old ci"])
            await running.ledger.close()
        }
        // Also where nobody says what the file declares.
        for known in [[declared], nil] {
            #expect(try StoppedState(running.directory.path).add(keys, declared: known).known == ["old ci"])
        }
        let ledger = try UsageLedger.open(running.directory)
        let registry = try KeyRegistry(storedWith: ledger, snapshots: .declaring([declared]), logger: LogLines().logger)
        await registry.declare([declared])
        #expect(try await registry.add(keys).booked.isEmpty)
        #expect(registry.list().map(\.name) == ["ci"])
        #expect(try await ledger.usage(ofKey: "declared:ci").totals.amounts.requests == 14)
        #expect(ledger.today(keyID: "declared:ci").requests == 7)
        await ledger.close()
    }

    /// A directory knows of a configuration's keys only what is shown of them: what looks the same is not taken over blindly.
    @Test func whatMayBeADeclaredKeyWantsTheConfiguration() async throws {
        let text = "sk-ci-0123456789abcdefghij"
        let declared = DeclaredKey(name: "ci", digest: KeyDigest(hashing: text), masked: KeyText.masked(text))
        let short = DeclaredKey(name: "short", digest: KeyDigest(hashing: "sk-short"), masked: "...")
        let running = try Running(.declaring([declared, short]))
        await running.registry.declare([declared, short])
        await running.ledger.close()
        let state = StoppedState(running.directory.path)
        #expect(throws: StateFailure.self) { try state.add([key("other", "sk-other"), key("ci", text)], declared: nil) }
        #expect(throws: StateFailure.self) { try state.add([key("other", "sk-short")], declared: nil) }
        #expect(try state.add([key("other", "sk-other-0123456789abcdef")], declared: nil).imported == ["other"])
        #expect(try state.add([key("ci", text, rows: history())], declared: [declared, short]).booked == ["ci"])
        #expect(try state.add([key("ci", text, rows: history())], declared: nil).known == ["ci"])
    }

    /// Of a key that is declared by its hash nothing is shown: it may be any.
    @Test func whatIsDeclaredByItsHashMayBeAnyKey() async throws {
        let text = "sk-ci-0123456789abcdefghij"
        let declared = DeclaredKey(name: "ci", digest: KeyDigest(hashing: text), masked: "")
        let running = try Running(.declaring([declared]))
        await running.registry.declare([declared])
        await running.ledger.close()
        let state = StoppedState(running.directory.path)
        #expect(throws: StateFailure.self) { try state.add([key("other", text)], declared: nil) }
        #expect(try state.add([key("other", text, rows: history())], declared: [declared]).booked == ["ci"])
    }

    /// Whoever deletes a key and declares its text does not double what was used under it.
    @Test(arguments: [false, true])
    func theHistoryOfADeletedKeyIsNotBookedForADeclaredOne(isStopped: Bool) async throws {
        let snapshots = SnapshotStore.declaring()
        let running = try Running(snapshots)
        let keys = [key("ci", "sk-ci", rows: try history())]
        #expect(try await running.registry.add(keys).imported == ["ci"])
        let id = try #require(running.registry.find(reference: "ci")?.id)
        try await running.registry.delete(id: id)
        #expect(opened("sk-ci", running.registry) == nil)
        let totals = try await running.ledger.totals()
        let declared = DeclaredKey(name: "ci", digest: KeyDigest(hashing: "sk-ci"), masked: "...")
        let result: ImportResult
        if isStopped {
            await running.ledger.close()
            result = try StoppedState(running.directory.path).add(keys, declared: [declared])
        } else {
            snapshots.declare([declared])
            await running.registry.declare([declared])
            result = try await running.registry.add(keys)
            await running.ledger.close()
        }
        #expect(result.known == ["ci"])
        #expect(result.booked.isEmpty)
        let ledger = try UsageLedger.open(running.directory)
        #expect(try await ledger.totals() == totals)
        await ledger.close()
    }

    /// It opens again as a key of its own; what was used under it stays booked for the one that was declared.
    @Test func aKeyThatIsDeclaredNoMoreIsTakenOver() async throws {
        let declared = DeclaredKey(name: "ci", digest: KeyDigest(hashing: "sk-ci"), masked: "...")
        let snapshots = SnapshotStore.declaring([declared])
        let running = try Running(snapshots)
        await running.registry.declare([declared])
        let keys = [key("ci", "sk-ci", rows: try history())]
        #expect(try await running.registry.add(keys).booked == ["ci"])
        let totals = try await running.ledger.totals()
        snapshots.declare([])
        await running.registry.declare([])
        #expect(try await running.registry.add(keys).imported == ["ci"])
        #expect(opened("sk-ci", running.registry) == "ci")
        #expect(try await running.ledger.totals() == totals)
        await running.ledger.close()
    }

    @Test func aPieceThatFailsLeavesNothingOfItself() async throws {
        let running = try Running()
        let database = try DatabaseQueue(path: running.directory.path + "/proxyd.sqlite")
        try await database.write {
            try $0.execute(
                sql: """
                    CREATE TRIGGER poison BEFORE INSERT ON usage_hour WHEN new.model = 'poison'
                    BEGIN SELECT RAISE(ABORT, 'no'); END
                    """)
        }
        let keys = [key("alice", rows: try history()), key("bob", rows: try history() + [row(.ever, "poison", 1, 1, 1)])]
        await #expect(throws: KeyFailure.self) { _ = try await running.registry.add(keys) }
        #expect(running.registry.list().isEmpty)
        #expect(try await running.ledger.totals() == UsageAmounts())
        #expect(try await running.ledger.keyTotals().isEmpty)
        #expect(try await running.ledger.grouped(by: [.model], from: nil, to: nil).isEmpty)
        try await database.write { try $0.execute(sql: "DROP TRIGGER poison") }
        try database.close()
        #expect(try await running.registry.add(keys).imported == ["alice", "bob"])
        #expect(try await running.ledger.totals().requests == 29)
        await running.ledger.close()
    }

    @Test func aPieceThatIsThereThoughItWasSaidToHaveFailedIsFoundTheNextTime() async throws {
        struct Lost: Error {}
        let store = MemoryStore()
        let isFirst = Atomic<Bool>(true)
        let registry = try KeyRegistry(
            store: store, snapshots: .declaring(), logger: LogLines().logger,
            book: { keys in
                try store.add(keys)
                if isFirst.exchange(false, ordering: .relaxed) { throw Lost() }
            })
        await #expect(throws: KeyFailure.self) { _ = try await registry.add([key("alice", "sk-a")]) }
        let again = try await registry.add([key("alice", "sk-a"), key("bob", "sk-b")])
        #expect(again.known == ["alice"])
        #expect(again.imported == ["bob"])
        #expect(opened("sk-a", registry) == "alice")
    }

    @Test func nothingIsTakenIntoALedgerThatIsClosed() async throws {
        let running = try Running()
        await running.ledger.close()
        await #expect(throws: KeyFailure.self) { _ = try await running.registry.add([key("alice")]) }
        #expect(running.registry.list().isEmpty)
    }

    @Test func usageThatComesMeanwhileCountsOnce() async throws {
        let running = try Running()
        let (ledger, registry) = (running.ledger, running.registry)
        let keys = try (0..<20).map { key("key \($0)", rows: try history()) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<4 {
                group.addTask { for number in 0..<50 { try ledger.append(.sample(lane * 50 + number)) } }
            }
            for half in [keys[..<10], keys[5...]] {
                group.addTask { _ = try await registry.add(Array(half)) }
            }
            try await group.waitForAll()
        }
        #expect(registry.list().count == 20)
        #expect(try await ledger.totals().requests == 200 + 20 * 14)
        #expect(ledger.today(keyID: "key_a").requests == 200)
        await ledger.close()
    }

    // MARK: Names

    private func names(_ keys: [ImportedKey], _ stored: [StoredKey] = []) -> [String] {
        ImportPlan(keys, stored: stored, declared: []).result.imported
    }

    @Test func aNameIsOneKeys() {
        #expect(
            names([key("a", "1"), key("a (2)", "2"), key("a", "3"), key("a", "4")]) == ["a", "a (2)", "a (3)", "a (4)"])
        #expect(names([key("", "1"), key(" \n", "2"), key("\u{200b}", "3")]) == ["imported", "imported (2)", "imported (3)"])
        #expect(names([key(" a\u{202e}b ", "1")]) == ["ab"])
        let long = names([key(String(repeating: "é", count: 300), "1"), key(String(repeating: "é", count: 300), "2")])
        #expect(long.allSatisfy { KeyName.problem(with: $0) == nil } && Set(long).count == 2, "\(long)")
        // Many of one name are many names in a moment.
        #expect(Set(names((0..<2_000).map { key("x", "\($0)") })).count == 2_000)
    }

    @Test func aKeysTextOrIDIsNoName() {
        let there = StoredKey(
            id: "key_there", name: "there", digest: KeyDigest(hashing: "sk-there"), masked: "...", policy: "default", tags: [:],
            enabled: true, created: 0, expires: nil, source: .admin, deleted: nil)
        let keys = [key("sk-there", "1"), key("key_there", "2"), key("3", "4"), key("x", "3"), key("sk-there", "sk-there")]
        let result = ImportPlan(keys, stored: [there], declared: []).result
        #expect(result.imported == ["imported", "key_there (2)", "imported (2)", "x"])
        let told = result.known + result.renamed.flatMap { [$0.from, $0.to] }
        #expect(told == ["…", "…", "imported", "key_there", "key_there (2)", "…", "imported (2)"])
        // The name of a key that is gone is free.
        var gone = there
        (gone.digest, gone.deleted) = (nil, 1)
        #expect(names([key("there", "1")], [gone]) == ["there"])
    }

    @Test func whatIsShownOfAKeyShows() {
        #expect(key("a", "sk-abcdefghijklmnopqrstuvwxyz").masked == "sk-abcde...wxyz")
        #expect(key("a", "short").masked == "...")
        #expect(key("a", "sk-\u{200b}bcdefghijklmnopqrstuvwxyz").masked == "...")
    }
}
