import Dialects
import Foundation
import Testing

@testable import ProxyCore

@Suite struct JournalTests {
    /// Values of RFC 3720, appendix B.4, and of the usual check string.
    @Test(
        arguments: [
            (Array("123456789".utf8), 0xe306_9283), ([], 0), ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
            ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43), (Array(0..<32), 0x46dd_794e),
        ] as [([UInt8], UInt32)])
    func checksumsAreCastagnolis(_ bytes: [UInt8], _ expected: UInt32) {
        #expect(bytes.withUnsafeBytes { CRC32C.checksum($0) } == expected)
        #expect(bytes.withUnsafeBytes { CRC32C.byTables($0) } == expected)
    }

    @Test func aChecksumCanBeGoneOnWith() {
        let bytes = Array(UInt8(0)..<100)
        bytes.withUnsafeBytes { bytes in
            for cut in 0...bytes.count {
                let first = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
                #expect(CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[cut...]), after: first) == CRC32C.checksum(bytes))
            }
        }
    }

    @Test func aRecordComesBackAsItWas() throws {
        let record = UsageRecord(
            requestID: "req_ü", keyID: "key_1", time: noon, model: "claude-opus-4-6-thinking",
            labels: UsageLabels(
                upstream: "antigravity", account: "", rule: "everything else", tags: ["team": "build", "": "x", "e": ""]),
            usage: TokenUsage(uncachedInput: 1, cacheRead: 127, cacheWrite: 128, output: 1 << 40, reasoning: 300),
            provenance: .partial,
            cost: 123_456_789_012)
        #expect(try roundTrip(record) == record)
        #expect(try roundTrip(.full) == .full)
        var plain = UsageRecord.full
        (plain.charges, plain.course.steps) = ([], [])
        #expect(try roundTrip(plain) == plain)
    }

    /// A record as version 1 wrote it, byte for byte.
    @Test func aRecordOfTheFirstVersionIsRead() throws {
        let payload: [UInt8] =
            [1, 1, 0x80, 0xA6, 0xB2, 0xCC, 0x06, 1, 2, 3, 0x84, 0x01, 5, 0xE8, 0x07]
            + [1, 0x6B, 1, 0x6D, 2, 0x72, 0x31, 2, 0x75, 0x70, 0, 4, 0x72, 0x75, 0x6C, 0x65, 1, 1, 0x74, 1, 0x76]
        let record = try #require(payload.withUnsafeBytes { EncodedUsage($0)?.record() })
        var expected = UsageRecord(
            requestID: "r1", keyID: "k", time: 1_770_820_352, model: "m",
            labels: UsageLabels(upstream: "up", account: "", rule: "rule", tags: ["t": "v"]),
            usage: TokenUsage(uncachedInput: 1, cacheRead: 2, cacheWrite: 3, output: 132, reasoning: 5), provenance: .partial,
            cost: 1_000)
        expected.question.model = "m"
        #expect(record == expected)
        #expect(record.isCounted && record.priced)
        for cut in payload.indices {
            #expect(payload[..<cut].withUnsafeBytes { EncodedUsage(UnsafeRawBufferPointer(rebasing: $0[...])) == nil })
        }
    }

    @Test func listsThatAreTooLongAreCut() throws {
        var record = UsageRecord.sample(1)
        record.charges = (0..<300).map { LimitCharge(limit: "limit \($0)", bucket: "") }
        record.course.steps = (0..<100).map { UsageRecord.Step(tier: "t\($0)", account: "a", status: 500, reason: "5xx") }
        let result = try roundTrip(record)
        #expect(result.charges == Array(record.charges.prefix(UsageRecord.maximumCharges)))
        #expect(result.course.steps == Array(record.course.steps.prefix(UsageRecord.maximumEntries)))
    }

    @Test func numbersBeyondSenseAreLimited() throws {
        var record = UsageRecord.sample(1, input: .max, output: -5)
        record.time = -1
        let result = try roundTrip(record)
        #expect(result.usage.uncachedInput == UsageRecord.maximumNumber)
        #expect(result.usage.output == 0)
        #expect(result.time == 0)
    }

    @Test(arguments: [("a", 1_024), ("é", 1_024), ("€", 1_023), ("😀", 1_024)])
    func longStringsAreCutBetweenCharacters(_ character: String, _ expectedBytes: Int) throws {
        let long = String(repeating: character, count: 2_000)
        let model = try roundTrip(.sample(1, model: long)).model
        #expect(model.utf8.count == expectedBytes)
        #expect(long.hasPrefix(model))
    }

    @Test func noPayloadTraps() {
        let payload = encoded(.full)
        for cut in payload.indices {
            let record = payload[..<cut].withUnsafeBytes { EncodedUsage(UnsafeRawBufferPointer(rebasing: $0[...]))?.record() }
            #expect(record == nil)
        }
        for index in payload.indices {
            for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
                var changed = payload
                changed[index] = value
                _ = changed.withUnsafeBytes { EncodedUsage($0)?.record() }
            }
        }
    }

    @Test func appendedRecordsAreReadInOrder() throws {
        let directory = try ScratchDirectory()
        let journal = try UsageJournal(directory: directory.path, firstSegment: 1)
        try journal.append(.sample(1))
        try journal.append(contentsOf: [.sample(2), .sample(3)])
        try journal.append(contentsOf: [])
        #expect(try ids(of: directory, segment: 1) == ["req_1", "req_2", "req_3"])
        journal.close()
        #expect(throws: LedgerFailure.closed) { try journal.append(.sample(4)) }
    }

    @Test func aFullSegmentIsFollowedByTheNext() throws {
        let directory = try ScratchDirectory()
        var options = UsageJournal.Options()
        options.segmentBytes = 300
        let journal = try UsageJournal(directory: directory.path, firstSegment: 7, options: options)
        for number in 0..<20 { try journal.append(.sample(number)) }
        let segments = try directory.files().compactMap { JournalFormat.segment(ofFileName: $0) }
        #expect(segments.count > 3)
        #expect(segments == Array(7..<(7 + segments.count)))
        #expect(try segments.flatMap { try ids(of: directory, segment: $0) } == (0..<20).map { "req_\($0)" })
        for segment in segments {
            let path = directory.path + "/" + JournalFormat.fileName(ofSegment: segment)
            #expect(try JournalReader(path: path, segment: segment).size() <= 300)
        }
    }

    @Test func aFrameThatIsGreaterThanWhatIsReadAtOnceComesBack() throws {
        let directory = try ScratchDirectory()
        let journal = try UsageJournal(directory: directory.path, firstSegment: 1)
        let long = String(repeating: "x", count: UsageRecord.maximumString)
        var great = UsageRecord.sample(3)
        great.charges = (0..<UsageRecord.maximumEntries).map { LimitCharge(limit: "\($0)" + long, bucket: long) }
        great.course.steps = great.charges.map { UsageRecord.Step(tier: $0.limit, account: long, status: 500, reason: long) }
        #expect(encoded(great).count > 256 << 10)
        try journal.append(contentsOf: [.sample(1), .sample(2), great, .sample(4), great, .sample(5)])
        #expect(try ids(of: directory, segment: 1) == ["req_1", "req_2", "req_3", "req_4", "req_3", "req_5"])
        #expect(try JournalReader(path: journal.path(ofSegment: 1), segment: 1).count(before: .max) == 6)
    }

    @Test func framesAreCountedUpToWhereItIsAsked() throws {
        let directory = try ScratchDirectory()
        let journal = try UsageJournal(directory: directory.path, firstSegment: 1)
        let reader = JournalReader(path: journal.path(ofSegment: 1), segment: 1)
        #expect(try reader.count(before: .max) == 0)
        // More than is read at once.
        for first in stride(from: 0, to: 5_000, by: 500) {
            try journal.append(contentsOf: (first..<(first + 500)).map { .sample($0) })
            #expect(try reader.count(before: journal.end.offset) == first + 500)
        }
        #expect(try reader.size() > 256 << 10)
        #expect(try reader.count(before: .max) == 5_000)
        let size = encoded(.sample(0)).count + JournalFormat.frameHeadSize
        #expect(try reader.count(before: JournalFormat.headerSize + 2 * size) == 2)
        #expect(try reader.count(before: 0) == 0)
    }

    @Test func shortAndInterruptedWritesAreGoneOnWith() throws {
        let directory = try ScratchDirectory()
        let disk = SmallDisk(free: .max, mostAtOnce: 7, interruptions: 3)
        var options = UsageJournal.Options()
        options.write = disk.write
        let journal = try UsageJournal(directory: directory.path, firstSegment: 1, options: options)
        try journal.append(contentsOf: [.sample(1), .sample(2)])
        #expect(try ids(of: directory, segment: 1) == ["req_1", "req_2"])
    }

    /// The disk fills up after each count of bytes: what was taken is whole, what was refused is gone.
    @Test func aFullDiskLeavesNoTornRecord() throws {
        let size = encoded(.sample(1)).count + JournalFormat.frameHeadSize
        for free in 0..<(2 * size) {
            let directory = try ScratchDirectory()
            let disk = SmallDisk(free: JournalFormat.headerSize + free)
            var options = UsageJournal.Options()
            options.write = disk.write
            let journal = try UsageJournal(directory: directory.path, firstSegment: 1, options: options)
            var taken: [String] = []
            for number in 1...3 {
                do throws(LedgerFailure) {
                    try journal.append(.sample(number))
                    taken.append("req_\(number)")
                } catch {
                    #expect(error == .diskFull)
                    #expect(!journal.canWrite)
                    #expect(journal.writeFailure == .diskFull)
                }
            }
            #expect(taken.count == free / size)
            disk.setFree(.max)
            try journal.append(.sample(9))
            #expect(journal.canWrite)
            #expect(journal.writeFailure == nil)
            #expect(try ids(of: directory, segment: 1) == taken + ["req_9"])
        }
    }

    @Test func anAppendOfManyIsAllOrNothing() throws {
        let directory = try ScratchDirectory()
        let disk = SmallDisk(free: JournalFormat.headerSize + 150)
        var options = UsageJournal.Options()
        options.write = disk.write
        let journal = try UsageJournal(directory: directory.path, firstSegment: 1, options: options)
        #expect(throws: LedgerFailure.diskFull) { try journal.append(contentsOf: (0..<10).map { .sample($0) }) }
        #expect(try ids(of: directory, segment: 1) == [])
    }

    @Test func aJournalThatNobodyWritesToFindsOutThatThereIsSpaceAgain() async throws {
        let directory = try ScratchDirectory()
        let disk = SmallDisk(free: JournalFormat.headerSize)
        var options = UsageJournal.Options()
        options.write = disk.write
        options.probeDelayMilliseconds = 1
        let journal = try UsageJournal(directory: directory.path, firstSegment: 1, options: options)
        #expect(throws: LedgerFailure.diskFull) { try journal.append(.sample(1)) }
        disk.setFree(1 << 20)
        for _ in 0..<2_000 where !journal.canWrite { try await Task.sleep(for: .milliseconds(5)) }
        #expect(journal.canWrite)
        try journal.append(.sample(2))
        #expect(try ids(of: directory, segment: 1) == ["req_2"])
    }

    @Test(arguments: [
        "", "1.journal", "000000000000001.journal", "0000000000000000.journal", "x.journal", "0000000000000001.journal.damaged",
    ])
    func otherFilesAreNoSegments(_ name: String) {
        #expect(JournalFormat.segment(ofFileName: name) == nil)
    }

    // MARK: -

    private func encoded(_ record: UsageRecord) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: record.maximumEncodedSize)
        let count = bytes.withUnsafeMutableBytes { record.encode(into: $0) }
        return Array(bytes[..<count])
    }

    private func roundTrip(_ record: UsageRecord) throws -> UsageRecord {
        try #require(encoded(record).withUnsafeBytes { EncodedUsage($0)?.record() })
    }

    private func ids(of directory: ScratchDirectory, segment: Int) throws -> [String] {
        let reader = JournalReader(path: directory.path + "/" + JournalFormat.fileName(ofSegment: segment), segment: segment)
        var ids: [String] = []
        let (_, ending) = try reader.forEach(in: 0..<(try reader.size())) { ids.append(EncodedUsage.text($0.requestID)) }
        #expect(ending == .complete)
        return ids
    }
}
