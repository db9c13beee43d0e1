import Dialects
import Foundation
import Testing

@testable import ProxyCore

@Suite struct InFlightFileTests {
    @Test func whatIsNotFreedIsLeft() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/inflight"
        #expect(InFlightFile.left(at: path).isEmpty)
        var slots = InFlightSlots(try InFlightFile(path))
        var kept: [Int] = []
        // More than a piece holds.
        for number in 0..<600 {
            let slot = slots.keep(.sample(number, time: noon + number))
            kept.append(try #require(slot))
        }
        #expect(Set(kept).count == 600)
        for (number, slot) in kept.enumerated() where number % 3 != 0 { slots.free(slot) }
        #expect(InFlightFile.left(at: path).map(\.requestID) == stride(from: 0, to: 600, by: 3).map { "req_\($0)" })
        // Freed slots are used again: the file does not grow.
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        for number in 600..<1_000 { _ = slots.keep(.sample(number)) }
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int == size)
        #expect(InFlightFile.left(at: path).count == 600)
        // A new process begins with none.
        _ = try InFlightFile(path)
        #expect(InFlightFile.left(at: path).isEmpty)
    }

    /// Session, agent, the key's policy and tags, who was tried: whatever its length, it is there after a crash.
    @Test func aLongRecordIsKeptWhole() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/inflight"
        var slots = InFlightSlots(try InFlightFile(path))
        var record = UsageRecord.sample(1)
        let first = slots.keep(record)
        record.question.session = String(repeating: "s", count: 1_000)
        record.key = KeyLabels(policy: "team", tags: ["team": String(repeating: "t", count: 600)])
        record.course.steps = (0..<20).map {
            UsageRecord.Step(tier: "tier \($0)", account: "a", status: 529, reason: "overloaded")
        }
        // The next attempt has more to tell than the slot of the first holds.
        let second = slots.keep(record, in: first)
        #expect(first != nil && second != nil && first != second)
        #expect(InFlightFile.left(at: path) == [record])
        // The slot that was left is free, and so is the long one in its turn.
        let third = slots.keep(.sample(2))
        #expect(third == first)
        if let second { slots.free(second) }
        #expect(InFlightFile.left(at: path).map(\.requestID) == ["req_2"])
        let fourth = slots.keep(record)
        #expect(fourth == second)
        // More than a piece of long slots holds.
        for number in 3..<90 {
            record.requestID = "req_\(number)"
            let kept = slots.keep(record)
            #expect(kept != nil)
        }
        #expect(Set(InFlightFile.left(at: path).map(\.requestID)).count == 89)
    }

    @Test func aRecordThatIsTooLongIsKeptWithoutWhatMakesItSo() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/inflight"
        var slots = InFlightSlots(try InFlightFile(path))
        var record = UsageRecord.sample(1)
        record.question.session = String(repeating: "s", count: 9_000)
        record.labels = UsageLabels(
            upstream: "u", account: "a", rule: "r", tags: ["t": String(repeating: "t", count: 900)], tier: "u")
        let slot = slots.keep(record)
        #expect(slot != nil)
        let left = InFlightFile.left(at: path).first
        #expect(left?.requestID == "req_1" && left?.question.session == "" && left?.labels.rule == "r")
        record.model = String(repeating: "m", count: 9_000)
        let none = slots.keep(record)
        #expect(none == nil)
    }

    @Test(arguments: [0, 1, 7, 8, 9, 1_023, 1_024, 1_025, 100_000]) func anyBytesAreRead(_ count: Int) throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/inflight"
        for byte in [0, 1, 0x7f, 0xff] as [UInt8] {
            try Data(repeating: byte, count: count).write(to: URL(fileURLWithPath: path))
            #expect(InFlightFile.left(at: path).isEmpty)
        }
        #expect(InFlightFile.left(at: directory.path).isEmpty)
        try Data((0..<count).map { _ in UInt8.random(in: .min ... .max) }).write(to: URL(fileURLWithPath: path))
        _ = InFlightFile.left(at: path)
    }

    @Test func whatIsDamagedIsTold() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/inflight"
        var slots = InFlightSlots(try InFlightFile(path))
        var kept: [Int] = []
        for number in 0..<4 {
            let slot = slots.keep(.sample(number))
            kept.append(try #require(slot))
        }
        slots.free(kept[3])
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: UInt64(kept[1] * InFlightFile.slotSize + 40))
        try file.write(contentsOf: Data([0xff, 0xff]))
        try file.close()
        var told: [String] = []
        let left = InFlightFile.left(at: path) { told.append("\($0)") }
        #expect(left.map(\.requestID).sorted() == ["req_0", "req_2"])
        #expect(told.count == 1 && told[0].contains("1 of the slots of \(path)"))
    }

    /// The disk fails, or somebody cuts the file short: what is written then has memory, and the process goes on.
    @Test func aFileThatIsLostEndsNothing() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/inflight"
        let (file, other) = (try InFlightFile(path), try InFlightFile(directory.path + "/other"))
        var (slots, others) = (InFlightSlots(file), InFlightSlots(other))
        var kept: [Int] = []
        for number in 0..<600 {
            let slot = slots.keep(.sample(number))
            kept.append(try #require(slot))
        }
        let foreign = others.keep(.sample(1))
        #expect(foreign != nil && !file.takeLoss())
        #expect(truncate(path, 0) == 0)
        for slot in kept { slots.free(slot) }
        let again = slots.keep(.sample(601))
        #expect(again != nil)
        #expect(file.takeLoss())
        #expect(!file.takeLoss() && !other.takeLoss())
        #expect(file.takePiece() == nil)
        #expect(InFlightFile.left(at: path).isEmpty)
        #expect(InFlightFile.left(at: directory.path + "/other").map(\.requestID) == ["req_1"])
        // Those that are left have memory too.
        for number in 602..<700 { if let slot = slots.keep(.sample(number)) { slots.free(slot) } }
        for number in 2..<9 { _ = others.keep(.sample(number)) }
        #expect(InFlightFile.left(at: directory.path + "/other").count == 8)
    }

    @Test func aLedgerTellsThatTheFileIsLost() async throws {
        let directory = try ScratchDirectory()
        let log = LogLines()
        let ledger = try UsageLedger.open(directory, logger: log.logger)
        var slots = InFlightSlots(ledger.inFlight)
        let first = slots.keep(.sample(1))
        #expect(truncate(directory.path + "/inflight", 0) == 0)
        let second = slots.keep(.sample(2))
        #expect(first != nil && second != nil)
        for number in 1...2 {
            try ledger.append(.sample(number))
            await ledger.flush()
        }
        #expect(log.all.count { $0.contains("no longer kept") } == 1)
        #expect(try await ledger.totals().requests == 2)
        if let second { slots.free(second) }
        await ledger.close()
    }

    /// A request that was in flight has a record that says so; one that had its record already has no second one.
    @Test func whatWasInFlightAtACrashIsMarked() async throws {
        let directory = try ScratchDirectory()
        let ledger = try UsageLedger.open(directory)
        var slots = InFlightSlots(ledger.inFlight)
        var lost = UsageRecord.full
        lost.requestID = "req_lost"
        for record in [lost, .sample(1)] {
            let slot = slots.keep(record)
            #expect(slot != nil)
        }
        try ledger.append(.sample(1))
        let killed = try directory.copy()
        await ledger.close()

        let lines = LogLines()
        for opening in 0..<2 {
            let reopened = try UsageLedger.open(killed, logger: lines.logger)
            let records = try await reopened.requests(RequestFilter()).records
            #expect(records.map(\.requestID).sorted() == ["req_1", "req_lost"], "opening \(opening)")
            let marked = try #require(records.first { $0.requestID == "req_lost" })
            #expect(marked.course.outcome.description == "crash")
            #expect(marked.provenance.source == "none")
            #expect(marked.question == lost.question)
            #expect(marked.charges.isEmpty)
            // No total counts it.
            #expect(try await reopened.totals().requests == 1)
            await reopened.close()
        }
        #expect(lines.all.count { $0.contains("in flight when proxyd ended") } == 1)
    }
}
