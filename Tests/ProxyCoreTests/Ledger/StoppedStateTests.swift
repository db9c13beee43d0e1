import Foundation
import GRDB
import Glibc
import Testing

@testable import ProxyCore

/// Backup, restore and verification of a state directory.
@Suite struct StoppedStateTests {
    private struct Filled {
        let directory: ScratchDirectory
        let key: ClientKey
        let text: Secret
    }

    /// A state with a key, its usage and an entry of the audit log.
    private func filled(_ records: Int = 3) async throws -> Filled {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        let registry = try KeyRegistry(storedWith: ledger, snapshots: .declaring(), logger: LogLines().logger)
        let (key, text) = try await registry.create(name: "alice")
        for number in 0..<records { try ledger.append(.sample(number, key: key.id)) }
        try await AuditLog(storedWith: ledger).record(
            AuditEntry(time: noon, who: "ops", address: "::1", action: "key.create", target: key.id, result: "ok"))
        await ledger.close()
        return Filled(directory: directory, key: key, text: text)
    }

    private func expect(_ directory: ScratchDirectory, holds filled: Filled, requests: Int) async throws {
        let ledger = try UsageLedger.open(directory)
        let registry = try KeyRegistry(storedWith: ledger, snapshots: .declaring(), logger: LogLines().logger)
        #expect(registry.list() == [filled.key])
        #expect(registry.find(reference: filled.text.reveal()) == filled.key)
        #expect(try await ledger.totals().requests == requests)
        #expect(try await AuditLog(storedWith: ledger).entries(AuditQuery()).map(\.who) == ["ops"])
        // It goes on from there.
        try ledger.append(.sample(1_000, key: filled.key.id))
        #expect(try await ledger.totals().requests == requests + 1)
        await ledger.close()
    }

    @Test func whatWasBackedUpIsThereAfterARestore() async throws {
        let filled = try await filled()
        let (files, target) = (try ScratchDirectory(), try ScratchDirectory())
        let file = files.path + "/copy"
        try await StoppedState(filled.directory.path).backUp(to: file, timeZone: .utc, logger: LogLines().logger)
        var status = stat()
        #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try StoppedState(target.path).restore(from: file, existing: .refused) == nil)
        try await expect(target, holds: filled, requests: 3)
        // Nothing of it stays behind.
        #expect(try filled.directory.files().allSatisfy { !$0.hasPrefix("backup-") })
        try await expect(filled.directory, holds: filled, requests: 3)
        // A file that is there is nobody's to write over.
        await #expect(throws: StateFailure.self) {
            try await StoppedState(filled.directory.path).backUp(to: file, timeZone: .utc, logger: LogLines().logger)
        }
    }

    /// Of nobody but root.
    @Test(.enabled(if: geteuid() == 0)) func whatRootDoesInTheServicesDirectoryIsTheServices() async throws {
        let filled = try await filled()
        let (path, service) = (filled.directory.path, uid_t(65_534))
        func give(to user: uid_t) throws {
            for name in try ["."] + FileManager.default.subpathsOfDirectory(atPath: path) {
                #expect(lchown("\(path)/\(name)", user, gid_t(user)) == 0)
            }
        }
        func ofOthers() throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
                var status = stat()
                return lstat("\(path)/\(name)", &status) != 0 || status.st_uid != service || status.st_gid != gid_t(service)
            }
        }
        try give(to: service)
        let files = try ScratchDirectory()
        let (file, state) = (files.path + "/copy", StoppedState(path))
        try await state.backUp(to: file, timeZone: .utc, logger: LogLines().logger)
        #expect(try ofOthers() == [])
        #expect(try state.verify().isWhole)
        #expect(try state.restore(from: file, existing: .movedAside) != nil)
        #expect(try ofOthers() == [])
        // Root's own stays root's.
        try give(to: 0)
        #expect(try state.verify().isWhole)
        #expect(try ofOthers().isEmpty == false)
        // What has a name elsewhere too, or is a link, is left alone.
        let (kept, pointed) = (files.path + "/kept", files.path + "/pointed")
        for name in [kept, pointed] { #expect(FileManager.default.createFile(atPath: name, contents: nil)) }
        #expect(link(kept, path + "/kept") == 0 && symlink(pointed, path + "/pointed") == 0)
        #expect(chown(path, service, gid_t(service)) == 0)
        StateOwner.handOver(path)
        #expect(try ofOthers() == ["kept"])
        var status = stat()
        #expect(stat(pointed, &status) == 0 && status.st_uid == 0)
    }

    @Test func aCopyOfARunningLedgerHasAllThatWasAppended() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<50 { try ledger.append(.sample(number)) }
        let copy = try await ledger.beginCopy()
        try ledger.append(.sample(99))
        var bytes: [UInt8] = []
        while let piece = ledger.piece(ofCopy: copy.id, offset: bytes.count, count: 1_000), !piece.isEmpty { bytes += piece }
        #expect(bytes.count == copy.bytes)
        // The next copy takes the place of this one.
        let second = try await ledger.beginCopy()
        #expect(ledger.piece(ofCopy: copy.id, offset: 0, count: 1) == nil)
        ledger.endCopy(second.id)
        #expect(ledger.piece(ofCopy: second.id, offset: 0, count: 1) == nil)
        for id in ["", "../proxyd", "a/b", "x\0y"] { #expect(ledger.piece(ofCopy: id, offset: 0, count: 1) == nil) }
        await ledger.close()

        let (files, target) = (try ScratchDirectory(), try ScratchDirectory())
        try Data(bytes).write(to: URL(fileURLWithPath: files.path + "/copy"))
        _ = try StoppedState(target.path).restore(from: files.path + "/copy", existing: .refused)
        let restored = try UsageLedger.open(target)
        #expect(try await restored.totals().requests == 50)
        await restored.close()
    }

    /// An operator's own file with a name of the kind is none of ours.
    @Test func aCopyThatNobodyFetchedGoesWithTheNextStart() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: directory.path + "/backup-monday.sqlite"))
        _ = try await ledger.beginCopy()
        #expect(try directory.files().count { $0.hasPrefix("backup-") } == 2)
        await ledger.close()
        try await UsageLedger.open(directory).close()
        #expect(try directory.files().filter { $0.hasPrefix("backup-") } == ["backup-monday.sqlite"])
    }

    @Test func whatAProcessLeftInItsJournalIsInTheBackup() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<7 { try ledger.append(.sample(number)) }
        // Killed now.
        let left = try directory.copy()
        await ledger.close()
        let files = try ScratchDirectory()
        await #expect(throws: StateFailure.self) {
            try await StoppedState(left.path).backUp(to: files.path + "/copy", timeZone: nil, logger: LogLines().logger)
        }
        try await StoppedState(left.path).backUp(to: files.path + "/copy", timeZone: .utc, logger: LogLines().logger)
        let target = try ScratchDirectory()
        _ = try StoppedState(target.path).restore(from: files.path + "/copy", existing: .refused)
        let restored = try UsageLedger.open(target)
        #expect(try await restored.totals().requests == 7)
        await restored.close()
    }

    @Test func whatIsNoBackupIsNamedAndNothingIsLeftOfTheAttempt() throws {
        let files = try ScratchDirectory()
        let (file, target) = (files.path + "/copy", files.path + "/new/deep")
        for text in ["", "nonsense that is no database at all"] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            do {
                _ = try StoppedState(target).restore(from: file, existing: .refused)
                Issue.record("it was restored")
            } catch let failure as StateFailure {
                #expect(failure.description.hasPrefix("\(file) cannot be restored: "))
                #expect(!failure.description.contains("restoring"))
            }
            #expect(try files.files() == ["copy"])
        }
        // What was there before stays.
        #expect(mkdir(files.path + "/new", 0o700) == 0)
        #expect(throws: StateFailure.self) { _ = try StoppedState(target).restore(from: file, existing: .refused) }
        #expect(try files.files() == ["copy", "new"])
        #expect(try files.files(in: "new").isEmpty)
    }

    @Test func aDirectoryThatHoldsSomethingIsReplacedWhenThatIsSaid() async throws {
        let (filled, other) = (try await filled(), try await filled(9))
        let file = try ScratchDirectory().path + "-copy"
        defer { unlink(file) }
        try await StoppedState(filled.directory.path).backUp(to: file, timeZone: .utc, logger: LogLines().logger)
        let state = StoppedState(other.directory.path)
        #expect(throws: StateFailure.notEmpty(path: other.directory.path)) {
            _ = try state.restore(from: file, existing: .refused)
        }
        try await expect(other.directory, holds: other, requests: 9)
        let old = try #require(try state.restore(from: file, existing: .movedAside))
        #expect(FileManager.default.fileExists(atPath: old + "/proxyd.sqlite"))
        try await expect(other.directory, holds: filled, requests: 3)
        // Once more, at once: each time has a folder of its own.
        let again = try (0..<2).compactMap { _ in try state.restore(from: file, existing: .movedAside) }
        #expect(Set(again + [old]).count == 3)
        #expect(again.allSatisfy { FileManager.default.fileExists(atPath: $0 + "/proxyd.sqlite") })
    }

    @Test func aDirectoryInUseIsLeftAlone() async throws {
        let filled = try await filled()
        let file = try ScratchDirectory().path + "-copy"
        defer { unlink(file) }
        try await StoppedState(filled.directory.path).backUp(to: file, timeZone: .utc, logger: LogLines().logger)
        let ledger = try UsageLedger.open(filled.directory)
        let state = StoppedState(filled.directory.path)
        #expect(state.isInUse)
        #expect(throws: StateFailure.self) { _ = try state.restore(from: file, existing: .movedAside) }
        #expect(throws: StateFailure.self) { _ = try state.verify() }
        #expect(try await ledger.totals().requests == 3)
        await ledger.close()
        #expect(!state.isInUse)
    }

    @Test(arguments: ["", "nothing of ours", "SQLite format 3\0 and then nothing"])
    func whatIsNoBackupIsNotRestored(_ content: String) throws {
        let (files, target) = (try ScratchDirectory(), try ScratchDirectory())
        try Data(content.utf8).write(to: URL(fileURLWithPath: files.path + "/copy"))
        #expect(throws: StateFailure.self) {
            _ = try StoppedState(target.path).restore(from: files.path + "/copy", existing: .refused)
        }
        #expect(StateFiles.isEmpty(target.path))
        #expect(try target.files().allSatisfy { !$0.contains("restoring") })
    }

    /// What was in flight in the life that is put aside is nothing that the restored one knows of.
    @Test(arguments: [StoppedState.Existing.refused, .movedAside])
    func whatWasInFlightIsNotRestored(_ existing: StoppedState.Existing) async throws {
        let (filled, target) = (try await filled(), try ScratchDirectory())
        let file = try ScratchDirectory().path + "-copy"
        defer { unlink(file) }
        try await StoppedState(filled.directory.path).backUp(to: file, timeZone: .utc, logger: LogLines().logger)
        if existing == .movedAside {
            let ledger = try UsageLedger.open(target)
            try ledger.append(.sample(5))
            await ledger.close()
        }
        var slots = InFlightSlots(try InFlightFile(target.path + "/inflight"))
        #expect(slots.keep(.sample(77)) != nil)
        let old = try StoppedState(target.path).restore(from: file, existing: existing)
        let left = old.map { InFlightFile.left(at: $0 + "/inflight").map(\.requestID) }
        #expect(left == (existing == .movedAside ? ["req_77"] : nil))
        let log = LogLines()
        let restored = try UsageLedger.open(target, logger: log.logger)
        #expect(!log.all.contains { $0.contains("in flight") }, "\(log.all)")
        #expect(try await restored.requests(RequestFilter()).records.count == 3)
        await restored.close()
    }

    // MARK: Verification

    /// A look at what an older proxyd left is not an upgrade: it can be started again.
    @Test func aLookChangesNothing() async throws {
        let old = try ScratchDirectory()
        let database = try DatabaseQueue(path: old.path + "/proxyd.sqlite")
        try SQLiteStore.migrator.migrate(database, upTo: "1: keys and usage")
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO key VALUES ('k', 'name', NULL, '', 'default', '{}', 1, 5, NULL, 'declared', NULL);
                    INSERT INTO usage_key VALUES ('k', 9, 2, 10, 0, 0, 5, 0, 100, 0, 0);
                    INSERT INTO journal_position VALUES (1, 7, 8);
                    """)
        }
        try database.close()
        for (directory, keys, requests) in [(old, 1, 2), (try await filled(4).directory, 1, 4), (try ScratchDirectory(), 0, 0)] {
            let file = URL(fileURLWithPath: directory.path + "/proxyd.sqlite")
            if keys == 0 { try Data().write(to: file) }
            let before = try Data(contentsOf: file)
            let report = try StoppedState(directory.path).verify()
            #expect(report.isWhole, "\(report.damages)")
            #expect(report.keys == keys)
            #expect(report.requests == requests)
            #expect(try Data(contentsOf: file) == before)
        }
        // It is brought up to date by what goes on from it.
        let ledger = try UsageLedger.open(old)
        #expect(try await ledger.totals().requests == 2)
        await ledger.close()
    }

    @Test func aWholeLedgerIsSaidToBeWhole() async throws {
        let filled = try await filled()
        let report = try StoppedState(filled.directory.path).verify()
        #expect(report.isWhole, "\(report.damages)")
        #expect(report.keys == 1)
        #expect(report.requests == 3)
        let ledger = try UsageLedger.open(filled.directory)
        try ledger.append(.sample(77))
        let running = try await ledger.verify()
        #expect(running.isWhole, "\(running.damages)")
        #expect(running.requests == 4)
        #expect(running.segments.map(\.records).reduce(0, +) == 1)
        await ledger.close()
    }

    @Test func aDamagedJournalIsToldWithItsPlace() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<10 { try ledger.append(.sample(number)) }
        let left = try directory.copy()
        await ledger.close()
        let name = try #require(try left.files(in: "journal").first)
        let path = left.path + "/journal/" + name
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count / 2] ^= 0xFF
        try bytes.write(to: URL(fileURLWithPath: path))
        let report = try StoppedState(left.path).verify()
        #expect(!report.isWhole)
        #expect(
            report.damages.contains { $0.contains("journal segment") && $0.contains("is damaged from byte") }, "\(report.damages)"
        )
        // Looking changes nothing.
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        try bytes.prefix(bytes.count - 3).write(to: URL(fileURLWithPath: path))
    }

    @Test func aDamagedDatabaseIsTold() async throws {
        let filled = try await filled(200)
        let path = filled.directory.path + "/proxyd.sqlite"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for index in stride(from: 4_096, to: bytes.count, by: 7) { bytes[index] ^= 0x55 }
        try bytes.write(to: URL(fileURLWithPath: path))
        let report = try? StoppedState(filled.directory.path).verify()
        #expect(report?.isWhole != true)
    }
}
