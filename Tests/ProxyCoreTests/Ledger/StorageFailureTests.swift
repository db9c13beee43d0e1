import Foundation
import GRDB
import Glibc
import Synchronization
import Testing

@testable import ProxyCore

/// A disk whose syncs fail as often as it is told to.
private final class SickDisk: Sendable {
    private let failures: Mutex<Int>
    private let syncs = Mutex<[Int32]>([])

    init(failures: Int) { self.failures = Mutex(failures) }

    var count: Int { syncs.withLock { $0.count } }

    @Sendable func sync(_ file: Int32) -> Int32 {
        syncs.withLock { $0.append(file) }
        return failures.withLock { failures in
            failures -= 1
            return failures >= 0 ? EIO : 0
        }
    }
}

@Suite struct StorageFailureTests {
    @Test func whatIsLostIsCountedAndTold() async throws {
        let directory = try ScratchDirectory()
        let (disk, log) = (SmallDisk(free: .max), LogLines())
        var options = UsageLedger.Options.manual
        options.journal.write = disk.write
        options.journal.probeDelayMilliseconds = 5
        let ledger = try UsageLedger.open(directory, logger: log.logger, options: options)
        try ledger.append(.sample(1))
        #expect(ledger.losses == UsageLosses())
        disk.setFree(0)
        for number in 2...4 { #expect(throws: LedgerFailure.diskFull) { try ledger.append(.sample(number)) } }
        #expect(throws: LedgerFailure.diskFull) { try ledger.append(contentsOf: [.sample(5), .sample(6, key: "key_b")]) }
        #expect(ledger.losses == UsageLosses(requests: 5, tokens: 75))
        #expect(ledger.health == .failing("no space left for the usage journal"))
        try await wait { log.all.contains { $0.hasPrefix("error: usage cannot be written") } }
        disk.setFree(.max)
        try await wait { log.all.contains { $0.hasPrefix("notice: usage is written again") } }
        let last = try #require(log.all.last { $0.contains("written again") })
        #expect(last.contains("\"lost_requests\": 5") && last.contains("\"lost_tokens\": 75"), "\(last)")
        #expect(log.all.contains { $0.contains("cannot be written") })
        #expect(ledger.health == .ok)
        #expect(ledger.losses.requests == 5)
        await ledger.close()
    }

    @Test func aFailureThatGoesOnIsToldAgainWithWhatWasLostMeanwhile() {
        let log = LogLines()
        let clock = Mutex(1_000)
        let watch = StorageWatch(logger: log.logger) { clock.withLock { $0 } }
        watch.failed(.journal, "full")
        watch.failed(.journal, "still full")
        watch.lost(requests: 3, tokens: 30)
        clock.withLock { $0 += 60 }
        watch.remind()
        watch.lost(requests: 2, tokens: .max)
        watch.remind()
        watch.recovered(.journal)
        watch.recovered(.journal)
        #expect(log.all.count == 4)
        #expect(log.all[1].contains("still full") && log.all[1].contains("\"lost_requests\": 3"))
        #expect(log.all[1].contains("\"seconds\": 60"))
        #expect(log.all[2].contains("\"lost_requests\": 2"))
        #expect(log.all[3].contains("\"lost_requests\": 5"))
    }

    /// A loss is counted a moment after its write failed; meanwhile another thread's may have gone well.
    @Test func whatIsLostAfterTheEndWasToldIsToldToo() {
        let log = LogLines()
        let watch = StorageWatch(logger: log.logger) { 1_000 }
        watch.failed(.journal, "full")
        watch.lost(requests: 3, tokens: 30)
        watch.recovered(.journal)
        watch.tellLateLosses()
        #expect(log.all.count == 2)
        watch.lost(requests: 1, tokens: 10)
        watch.tellLateLosses()
        watch.tellLateLosses()
        #expect(log.all.count == 3)
        #expect(log.all[2].hasPrefix("error: usage was not written"))
        #expect(log.all[2].contains("\"lost_requests\": 1") && log.all[2].contains("\"lost_tokens\": 10"))
        // One that comes before its reason is told with it.
        watch.lost(requests: 2, tokens: 20)
        watch.failed(.journal, "full")
        watch.tellLateLosses()
        watch.recovered(.journal)
        watch.tellLateLosses()
        #expect(log.all.count == 5)
        #expect(log.all[4].contains("\"lost_requests\": 2"))
    }

    /// A process that is short of descriptors for a while has booked everything in the end.
    @Test func aSegmentThatCannotBeReadNowIsReadLater() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory, options: .manual)
        let path = ledger.journal.path(ofSegment: ledger.journal.end.segment)
        for number in 1...3 { try ledger.append(.sample(number)) }
        #expect(rename(path, path + ".away") == 0)
        // It cannot be opened, whoever asks.
        #expect(mknod(path, S_IFSOCK | 0o600, 0) == 0)
        for _ in 0..<3 {
            await ledger.flush()
            guard case .degraded(let reason) = ledger.health else {
                Issue.record("\(ledger.health)")
                return
            }
            #expect(reason.contains("journal"))
        }
        try ledger.append(.sample(4))
        #expect(rename(path + ".away", path) == 0)
        #expect(try await ledger.totals().requests == 4)
        #expect(ledger.health == .ok)
        await ledger.close()
    }

    @Test func aSegmentThatIsNeverReadIsPassedOverAndKept() async throws {
        let directory = try ScratchDirectory()
        let log = LogLines()
        var options = UsageLedger.Options.manual
        options.journal.segmentBytes = 64
        let ledger = try UsageLedger.open(directory, logger: log.logger, options: options)
        let path = ledger.journal.path(ofSegment: ledger.journal.end.segment)
        try ledger.append(.sample(1))
        #expect(unlink(path) == 0 && mknod(path, S_IFSOCK | 0o600, 0) == 0)
        for _ in 0..<5 { await ledger.flush() }
        #expect(ledger.health == .ok)
        #expect(log.all.count { $0.contains("passed over; its file is kept") } == 1)
        try ledger.append(.sample(2))
        #expect(try await ledger.totals().requests == 1)
        #expect(FileManager.default.fileExists(atPath: path + ".damaged"))
        await ledger.close()
    }

    @Test func aFolderThatCannotBeListedIsNoEmptyOne() throws {
        let directory = try ScratchDirectory()
        #expect(try StateFiles.list(directory.path + "/missing").isEmpty)
        let path = directory.path + "/file"
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(throws: StateFailure.self) { _ = try StateFiles.list(path) }
        #expect(DatabaseRescue.isPending(path + "/proxyd.sqlite"))
        #expect(!DatabaseRescue.isPending(directory.path + "/missing/proxyd.sqlite"))
    }

    @Test(arguments: [(EMFILE, false), (ENFILE, false), (ENOMEM, false), (ENOENT, true), (EINVAL, true), (EIO, true)])
    func whatTheProcessIsShortOfIsWaitedFor(_ code: Int32, isFinal: Bool) {
        #expect(JournalReader.Failure(call: "open", errno: code).isFinal(after: 1_000) == isFinal)
        #expect(!JournalReader.Failure(call: "open", errno: EIO).isFinal(after: 1))
    }

    /// The kernel takes the pages of a failed sync for clean: the next one says nothing of them.
    @Test func aFailedSyncIsNotForgottenByTheNextOne() async throws {
        let directory = try ScratchDirectory()
        let disk = SickDisk(failures: 1)
        var options = UsageJournal.Options()
        options.sync = disk.sync
        options.syncDelayMilliseconds = 1
        options.probeDelayMilliseconds = 1
        let changes = Mutex<[UsageJournal.Change]>([])
        options.changed = { change in changes.withLock { $0.append(change) } }
        let journal = try UsageJournal(directory: directory.path, firstSegment: 1, options: options)
        try journal.append(.sample(1))
        try await wait { journal.syncFailure != nil }
        #expect(journal.canWrite)
        // Nothing follows in the doubtful segment.
        try await wait { journal.end == .startOf(segment: 2) }
        for number in 2..<5 {
            let before = disk.count
            try journal.append(.sample(number))
            try await wait { disk.count > before }
        }
        #expect(journal.syncFailure == .system(call: "fdatasync", errno: EIO))
        journal.forget(before: 1)
        #expect(journal.syncFailure != nil)
        journal.forget(before: 2)
        #expect(journal.syncFailure == nil)
        journal.close()
        #expect(changes.withLock { $0 } == [.syncFailed(.system(call: "fdatasync", errno: EIO)), .syncsAgain])
    }

    @Test func whatAFailedSyncLeftInDoubtIsBookedAndMadeDurableThere() async throws {
        let directory = try ScratchDirectory()
        let (disk, log) = (SickDisk(failures: 2), LogLines())
        var options = UsageLedger.Options()
        options.now = { noon }
        options.bookingDelayMilliseconds = 5
        options.retryDelayMilliseconds = 5
        options.journal.sync = disk.sync
        options.journal.syncDelayMilliseconds = 1
        options.journal.probeDelayMilliseconds = 1
        let ledger = try UsageLedger.open(directory, logger: log.logger, options: options)
        for number in 0..<20 {
            try ledger.append(.sample(number))
            try await Task.sleep(for: .milliseconds(2))
        }
        try await wait { log.all.contains { $0.contains("durable again") } }
        #expect(log.all.contains { $0.hasPrefix("error: usage cannot be made durable") })
        #expect(try await ledger.totals().requests == 20)
        try await wait { ledger.health == .ok }
        #expect(ledger.losses == UsageLosses())
        await ledger.close()
        let reopened = try UsageLedger.open(directory)
        #expect(try await reopened.totals().requests == 20)
        await reopened.close()
    }

    @Test func aDatabaseThatSomebodyHoldsIsNoFailureOfTheJournal() async throws {
        let directory = try ScratchDirectory()
        let store = MemoryStore()
        var options = UsageLedger.Options.manual
        options.openStore = { _ in store }
        let ledger = try UsageLedger.open(directory, options: options)
        store.state.withLock { $0.isFailing = true }
        try ledger.append(.sample(1))
        await ledger.flush()
        guard case .degraded = ledger.health else {
            Issue.record("\(ledger.health)")
            return
        }
        #expect(ledger.canRecord)
        store.state.withLock { $0.isFailing = false }
        await ledger.flush()
        #expect(ledger.health == .ok)
        await ledger.close()
    }

    @Test func metricsTellWhatStorageIsLike() async throws {
        let directory = try ScratchDirectory()
        let disk = SmallDisk(free: .max)
        var options = UsageLedger.Options.manual
        options.journal.write = disk.write
        let ledger = try UsageLedger.open(directory, options: options)
        let metrics = MetricsRegistry()
        ledger.install(in: metrics)
        #expect(text(metrics).contains("proxyd_storage_failing 0\n"))
        disk.setFree(0)
        #expect(throws: LedgerFailure.diskFull) { try ledger.append(.sample(1)) }
        #expect(text(metrics).contains("proxyd_storage_failing 1\n"))
        #expect(text(metrics).contains("proxyd_unaccounted_requests_total 1\n"))
        #expect(text(metrics).contains("proxyd_unaccounted_tokens_total 15\n"))
        await ledger.close()
    }

    private func text(_ metrics: MetricsRegistry) -> String { String(decoding: metrics.render(), as: UTF8.self) }

    private func wait(_ condition: () -> Bool) async throws {
        for _ in 0..<2_000 where !condition() { try await Task.sleep(for: .milliseconds(5)) }
        #expect(condition())
    }
}

/// Whatever lies in a state directory, a start ends with a ledger or with a sentence.
@Suite struct HostileStateTests {
    private static let names = [
        "9223372036854775807.journal", "9223372036854775806.journal", "18446744073709551615.journal",
        "99999999999999999999999999.journal", "0999999999999999.journal", "0000000000000007.journal", "1000000000000000.journal",
    ]
    private static let contents = [
        Data(), Data(repeating: 0x78, count: 40), Data(repeating: 0, count: 4_096), Data(repeating: 0xff, count: 100),
    ]

    /// After one of the contents, another one for each name, there is a second start.
    @Test(arguments: names)
    func aFileThatOnlyBearsASegmentsNameDoesNotStopTheStart(_ name: String) async throws {
        let turn = try #require(Self.names.firstIndex(of: name))
        for (place, content) in Self.contents.enumerated() {
            let directory = try ScratchDirectory()
            try FileManager.default.createDirectory(atPath: directory.path + "/journal", withIntermediateDirectories: true)
            try content.write(to: URL(fileURLWithPath: directory.path + "/journal/" + name))
            for round in 1...(place == turn % Self.contents.count ? 2 : 1) {
                let ledger = try UsageLedger.open(directory)
                try ledger.append(.sample(round))
                #expect(try await ledger.totals().requests == round)
                await ledger.close()
            }
        }
    }

    @Test func theLastSegmentOfAllIsToldWhereItIsGenuine() throws {
        let directory = try ScratchDirectory()
        try FileManager.default.createDirectory(atPath: directory.path + "/journal", withIntermediateDirectories: true)
        let number = JournalFormat.maximumSegment
        try Data(JournalFormat.header(ofSegment: number)).write(
            to: URL(fileURLWithPath: directory.path + "/journal/" + JournalFormat.fileName(ofSegment: number)))
        #expect { _ = try UsageLedger.open(directory) } throws: { "\($0)".contains("used up") }
    }

    @Test(arguments: ["folder", "fifo", "link", "unreadable link"])
    func whatIsNoFileIsNoSegment(_ kind: String) async throws {
        let directory = try ScratchDirectory()
        let folder = directory.path + "/journal"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/0000000000000003.journal"
        switch kind {
        case "folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        case "fifo": #expect(mkfifo(path, 0o600) == 0)
        case "link": try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/zero")
        default: try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/nowhere")
        }
        let ledger = try UsageLedger.open(directory)
        try ledger.append(.sample(1))
        #expect(try await ledger.totals().requests == 1)
        await ledger.close()
    }

    @Test(arguments: ["proxyd.sqlite", "journal", "proxyd.lock"])
    func aFolderOrFileInTheWrongPlaceIsNamed(_ name: String) throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/" + name
        if name == "journal" {
            try Data("x".utf8).write(to: URL(fileURLWithPath: path))
        } else {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        #expect { _ = try UsageLedger.open(directory) } throws: { $0 is StateFailure && "\($0)".contains(name) }
    }

    private static let hostileValues = [
        "-1", "-9223372036854775808", "9223372036854775807", "9223372036854775806", "'text'", "1.5", "1e300", "-1e300", "x'00ff'",
        "99999999999999", "2026023399",
    ]
    /// In each line one of a table.
    private static let columns = [
        ["usage_hour.hour", "key.created", "usage_place_day.day", "place.upstream"],
        ["usage_hour.requests", "usage_key.last_used", "key.expires", "usage_place_day.key_id"],
        ["usage_hour.output", "key.enabled", "usage_place_day.model", "place.tags"],
        ["usage_hour.cost", "usage_key.requests", "key.tags", "usage_place_day.requests"],
        ["usage_hour.model", "key.origin", "usage_place_day.cost"], ["usage_key.uncached_input", "key.name"],
        ["key.digest"], ["key.deleted"], ["journal_position.segment"], ["journal_position.offset"],
    ]

    /// SQLite keeps any value in any column. None of them ends the process, at the start or when it is asked for: each column meets
    /// every other value, several of them together where the start goes well with that.
    @Test(arguments: hostileValues)
    func noValueInTheDatabaseTraps(_ value: String) async throws {
        let turn = try #require(Self.hostileValues.firstIndex(of: value))
        let whole = try await used()
        for (index, columns) in Self.columns.enumerated() where (index + turn) % 2 == 0 {
            guard let refusal = try await refusal(of: value, in: columns, whole) else { continue }
            for column in columns {
                let alone = columns.count == 1 ? refusal : try await self.refusal(of: value, in: [column], whole)
                guard let alone else { continue }
                #expect(alone.contains("proxyd.sqlite") || alone.contains("journal"), "\(column) = \(value): \(alone)")
            }
        }
    }

    /// How what is asked for is refused where the columns have the value; nil where it is not.
    private func refusal(of value: String, in columns: [String], _ whole: ScratchDirectory) async throws -> String? {
        let directory = try whole.copy()
        let queue = try DatabaseQueue(path: directory.path + "/proxyd.sqlite")
        try await queue.write { database in
            for column in columns {
                let parts = column.split(separator: ".")
                try database.execute(sql: "UPDATE OR IGNORE \(parts[0]) SET \"\(parts[1])\" = \(value)")
            }
        }
        try queue.close()
        do {
            let ledger = try UsageLedger.open(directory)
            let keys = try KeyRegistry(storedWith: ledger, snapshots: .declaring(), logger: LogLines().logger)
            _ = keys.list()
            _ = try await (ledger.totals(), ledger.keyTotals(), ledger.daily(), ledger.hourly())
            _ = try await ledger.usage(ofKey: "key_a")
            _ = try await ledger.daily(LocalDate("2026-02-11"))
            for groups in [[], [.key, .model, .day], [.upstream, .tag("team")], [.hour]] as [[UsageGroup]] {
                _ = try await ledger.grouped(by: groups, from: nil, to: nil)
            }
            try ledger.append(.sample(9))
            _ = try await ledger.totals()
            #expect(ledger.health == .ok, "\(columns) = \(value)")
            await ledger.close()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func aNewerSchemaIsRefusedByNameAndNotWrittenTo() async throws {
        let directory = try await used()
        let path = directory.path + "/proxyd.sqlite"
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('2: from the future')") }
        try queue.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect { _ = try UsageLedger.open(directory) } throws: { error in
            "\(error)".contains("newer version") && "\(error)".contains("2: from the future")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test func aNewerJournalIsRefusedAndKept() async throws {
        for isHeader in [true, false] {
            let directory = try await used()
            let path = directory.path + "/journal/" + JournalFormat.fileName(ofSegment: 40)
            var bytes = JournalFormat.header(ofSegment: 40)
            if isHeader { bytes[7] = UInt8(ascii: "2") } else { bytes += Self.frame([UsageRecord.version + 1, 0, 1, 2, 3]) }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            #expect { _ = try UsageLedger.open(directory) } throws: { "\($0)".contains("newer version") }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(bytes))
        }
    }

    private static func frame(_ payload: [UInt8]) -> [UInt8] {
        var frame = [UInt8](repeating: 0, count: JournalFormat.frameHeadSize) + payload
        frame.withUnsafeMutableBytes { JournalFormat.finish(frame: $0) }
        return frame
    }

    /// A directory with a key and some usage in it, closed.
    private func used() async throws -> ScratchDirectory {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        let keys = try KeyRegistry(storedWith: ledger, snapshots: .declaring(), logger: LogLines().logger)
        _ = try await keys.create(name: "alice", tags: ["a": "b"], expires: 2_000_000_000)
        try ledger.append(contentsOf: [.sample(1), .sample(2, key: "key_b", time: noon + 86_400)])
        await ledger.flush()
        await ledger.close()
        return directory
    }
}
