import Foundation
import Testing

@testable import ProxyCore

@Suite struct RecoveryTests {
    @Test func aTornTailCostsOnlyTheTornRecord() throws {
        let (bytes, ends) = try segment(records: 3)
        for cut in 0...bytes.count {
            let (store, log, directory) = try recover([1: Array(bytes[..<cut])])
            #expect(store.requests == ends.count { $0 <= cut }, "cut at \(cut)")
            // A cut between two records is no tear, a file without a whole header is one.
            #expect(log.all.count == (ends.contains(cut) || cut == JournalFormat.headerSize ? 0 : 1), "cut at \(cut)")
            #expect(log.all.allSatisfy { $0.hasPrefix("notice") })
            #expect(try directory.files() == [])
        }
    }

    @Test func aFlippedBitEndsTheSegmentWhereItIs() throws {
        let (bytes, ends) = try segment(records: 3)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x10
            let (store, _, _) = try recover([1: changed])
            let whole = index < JournalFormat.headerSize ? 0 : ends.count { $0 <= index }
            #expect(store.requests == whole, "bit in byte \(index)")
        }
    }

    @Test func zeroesBehindTheLastRecordAreDropped() throws {
        let (bytes, _) = try segment(records: 2)
        let (store, _, _) = try recover([1: bytes + [UInt8](repeating: 0, count: 8_192)])
        #expect(store.requests == 2)
    }

    @Test func damageInAnEarlierSegmentIsToldAndTheNextIsRead() throws {
        let (first, _) = try segment(records: 3)
        let (second, _) = try segment(records: 2, number: 2, from: 10)
        var damaged = first
        damaged[damaged.count - 3] ^= 1
        let (store, log, directory) = try recover([1: damaged, 2: second])
        #expect(store.requests == 2 + 2)
        #expect(log.all.count == 1)
        #expect(log.all.first?.hasPrefix("warning") == true)
        #expect(try directory.files() == ["0000000000000001.journal.damaged"])
    }

    @Test func whatIsBookedIsNotReadAgain() throws {
        let (bytes, ends) = try segment(records: 3)
        for (index, end) in ([JournalFormat.headerSize] + ends).enumerated() {
            let (store, _, _) = try recover([1: bytes], booked: JournalPosition(segment: 1, offset: end))
            #expect(store.requests == 3 - index)
            #expect(store.bookedPosition() == .startOf(segment: 2))
        }
        let (store, _, _) = try recover([1: bytes], booked: .startOf(segment: 2))
        #expect(store.requests == 0)
        #expect(store.bookedPosition() == .startOf(segment: 3))
    }

    /// A power cut may take bytes that the store has booked. New records must not land before its position.
    @Test func aPositionBeyondTheFileStartsASegmentOfItsOwn() throws {
        let (bytes, ends) = try segment(records: 3)
        let position = JournalPosition(segment: 1, offset: ends[2])
        let (store, log, _) = try recover([1: Array(bytes[..<ends[0]])], booked: position)
        #expect(store.requests == 0)
        #expect(log.all.map { $0.hasPrefix("warning: the usage journal ends before what is booked of it") } == [true])
        #expect(store.bookedPosition() == .startOf(segment: 2))
    }

    @Test func aRequestBookedBeforeTheRestartIsKnownAfterIt() throws {
        let (first, ends) = try segment(records: 2)
        let (second, _) = try segment(records: 3, number: 2)
        let (store, _, _) = try recover([1: first, 2: second], booked: JournalPosition(segment: 1, offset: ends[1]))
        #expect(store.requests == 1)
    }

    /// Segments of three requests each, all booked: which are remembered, and what of them the last minute was charged.
    @Test(arguments: [(1, 4), (3, 4), (4, 3), (6, 3), (7, 2), (9, 2), (10, 1), (12, 1), (100, 1)])
    func theLatestRequestsAreRememberedAndTheChargesOfAllAreKnown(_ most: Int, _ first: Int) throws {
        let (directory, store) = (try ScratchDirectory(), MemoryStore())
        for number in 1...4 { _ = try segment(records: 3, number: number, from: 10 * number, in: directory, isCharged: true) }
        store.move(to: .startOf(segment: 5))
        var rollup = UsageRollup(timeZone: .utc)
        rollup.recentCharges = RecentCharges(since: noon * 1000 - JournalRecovery.minute)
        var recovery = JournalRecovery(directory: directory.path, store: store, now: noon * 1000, logger: LogLines().logger)
        recovery.mostRemembered = most
        let result = try recovery.run(&rollup)
        #expect((1...4).filter { rollup.knows("req_\($0)0") } == Array(first...4))
        #expect((1...4).filter { rollup.knows("req_\($0)2") } == Array(first...4))
        #expect(rollup.takeRecentCharges().reduce(0) { $0 + $1.amounts.requests } == 12)
        #expect(result.kept.keys.sorted() == [1, 2, 3, 4])
        #expect(store.requests == 0)
    }

    /// A part of a segment that is booked counts among what is remembered; what is not booked is added, however much there is.
    @Test func whatIsNotBookedIsAddedWhateverIsRemembered() throws {
        let (directory, store) = (try ScratchDirectory(), MemoryStore())
        var ends: [Int] = []
        for number in 1...4 { ends = try segment(records: 3, number: number, from: 10 * number, in: directory).ends }
        store.move(to: JournalPosition(segment: 3, offset: ends[1]))
        var rollup = UsageRollup(timeZone: .utc)
        var recovery = JournalRecovery(directory: directory.path, store: store, now: noon * 1000, logger: LogLines().logger)
        recovery.mostRemembered = 2
        _ = try recovery.run(&rollup)
        #expect(store.requests == 1 + 3)
        #expect((1...4).filter { rollup.knows("req_\($0)0") } == [3, 4])
    }

    /// What was written before the last minute has no charge of it: its requests are looked at where they are to be remembered.
    @Test func aSegmentThatIsOldIsReadForWhatIsRememberedAlone() throws {
        let (directory, store) = (try ScratchDirectory(), MemoryStore())
        for number in 1...4 {
            _ = try segment(records: 3, number: number, from: 10 * number, in: directory, isCharged: true)
            let time = Date(timeIntervalSince1970: Double(number == 2 ? noon - 30 : noon - 90))
            let path = directory.path + "/" + JournalFormat.fileName(ofSegment: number)
            try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: path)
        }
        store.move(to: .startOf(segment: 5))
        var rollup = UsageRollup(timeZone: .utc)
        rollup.recentCharges = RecentCharges(since: noon * 1000 - JournalRecovery.minute)
        let log = LogLines()
        var recovery = JournalRecovery(directory: directory.path, store: store, now: noon * 1000, logger: log.logger)
        recovery.mostRemembered = 3
        let result = try recovery.run(&rollup)
        #expect((1...4).filter { rollup.knows("req_\($0)0") } == [4])
        // Of the second, which is young, and the last.
        #expect(rollup.takeRecentCharges().reduce(0) { $0 + $1.amounts.requests } == 6)
        #expect(result.kept.keys.sorted() == [2, 4])
        #expect(try directory.files() == [2, 4].map { JournalFormat.fileName(ofSegment: $0) })
        #expect(log.all == [])
    }

    /// The journal's and the database's files as a killed process leaves them, at every stage of booking.
    @Test func aKilledProcessLosesNothingAndBooksNothingTwice() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        var copies: [(ScratchDirectory, Int)] = []
        var appended = 0
        for round in 1...4 {
            for _ in 0..<25 {
                appended += 1
                try ledger.append(.sample(appended))
            }
            copies.append((try directory.copy(), appended))
            if round.isMultiple(of: 2) {
                await ledger.flush()
                copies.append((try directory.copy(), appended))
            }
        }
        await ledger.close()
        copies.append((try directory.copy(), appended))
        for (copy, expected) in copies {
            for _ in 0..<2 {
                let reopened = try UsageLedger.open(copy)
                #expect(try await reopened.totals().requests == expected)
                await reopened.close()
            }
        }
    }

    /// The database of an earlier moment beside the journal of a later one: what a power cut does to a WAL without a sync.
    @Test func aDatabaseThatFellBackIsBroughtUpToDate() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        for number in 0..<10 { try ledger.append(.sample(number)) }
        let early = try directory.copy()
        await ledger.flush()
        for number in 10..<15 { try ledger.append(.sample(number)) }
        await ledger.flush()
        let late = try directory.copy()
        for name in ["proxyd.sqlite", "proxyd.sqlite-wal", "proxyd.sqlite-shm"] {
            try? FileManager.default.removeItem(atPath: late.path + "/" + name)
            try? FileManager.default.copyItem(atPath: early.path + "/" + name, toPath: late.path + "/" + name)
        }
        let reopened = try UsageLedger.open(late)
        #expect(try await reopened.totals().requests == 15)
        await reopened.close()
        await ledger.close()
    }

    // MARK: -

    /// A segment's bytes, and where each of its records ends.
    private func segment(
        records: Int, number: Int = 1, from first: Int = 0, in place: ScratchDirectory? = nil, isCharged: Bool = false
    ) throws -> (bytes: [UInt8], ends: [Int]) {
        let directory = try place ?? ScratchDirectory()
        let journal = try UsageJournal(directory: directory.path, firstSegment: number)
        var ends: [Int] = []
        for index in first..<(first + records) {
            var record = UsageRecord.sample(index)
            if isCharged { record.charges = [LimitCharge(limit: "limit team", bucket: "infra")] }
            try journal.append(record)
            ends.append(journal.end.offset)
        }
        let data = try Data(contentsOf: URL(fileURLWithPath: journal.path(ofSegment: number)))
        #expect(data.count == ends.last)
        return (Array(data), ends)
    }

    private func recover(
        _ segments: [Int: [UInt8]], booked: JournalPosition? = nil
    ) throws -> (store: MemoryStore, log: LogLines, directory: ScratchDirectory) {
        let directory = try ScratchDirectory()
        for (number, bytes) in segments {
            let path = directory.path + "/" + JournalFormat.fileName(ofSegment: number)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
        }
        let (store, log) = (MemoryStore(), LogLines())
        if let booked { store.move(to: booked) }
        var rollup = UsageRollup(timeZone: .utc)
        let recovery = JournalRecovery(directory: directory.path, store: store, now: noon * 1000, logger: log.logger)
        #expect(try recovery.run(&rollup).start == store.bookedPosition())
        return (store, log, directory)
    }
}
