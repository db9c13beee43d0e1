import Dialects
import Testing

@testable import ProxyCore

@Suite struct AttemptTimesTests {
    private func record(_ steps: [UsageRecord.Step], answered: UsageRecord.Times?) -> UsageRecord {
        var record = UsageRecord(
            requestID: "req_1", keyID: "k", time: 1_800_000_000, model: "m",
            labels: UsageLabels(upstream: "u", account: "a", rule: "r", tags: ["t": "v"], tier: "u"),
            usage: TokenUsage(output: 3), provenance: .reported)
        record.course.steps = steps
        record.course.times = answered
        return record
    }

    private func encoded(_ record: UsageRecord) -> [UInt8] {
        let room = record.maximumEncodedSize
        return [UInt8](unsafeUninitializedCapacity: room) { target, count in
            count = record.encode(into: UnsafeMutableRawBufferPointer(target))
            #expect(count <= room)
        }
    }

    private static let failed = UsageRecord.Step(
        tier: "x", account: "a", status: 500, reason: "5xx", times: UsageRecord.Times(start: 0, firstByte: 80, duration: 90))
    private static let passedOver = UsageRecord.Step(tier: "y", account: "b", reason: "quota")
    private static let dead = UsageRecord.Step(
        tier: "z", account: "c", reason: "connect_timeout", times: UsageRecord.Times(start: 91, firstByte: nil, duration: 5_000))

    @Test(
        "The journal keeps the times of every attempt, beside charges, media and what conditions read",
        arguments: [
            ([], nil), ([], UsageRecord.Times(start: 0, firstByte: 0, duration: 0)),
            ([failed, passedOver, dead], UsageRecord.Times(start: 5_091, firstByte: 12, duration: 3_600_000)),
            ([passedOver, failed], nil),
        ] as [([UsageRecord.Step], UsageRecord.Times?)])
    func kept(steps: [UsageRecord.Step], answered: UsageRecord.Times?) throws {
        for hasMore in [false, true] {
            var record = record(steps, answered: answered)
            if hasMore {
                record.charges = [LimitCharge(limit: "l", bucket: "b")]
                record.media = MediaUsage(images: 1, audioMilliseconds: 2)
                record.question.inputs = Array(#"{"client":{"ip":"::1"}}"#.utf8)
            }
            let read = try encoded(record).withUnsafeBytes { try #require(EncodedUsage($0)?.record()) }
            #expect(read.attempts.map(\.times) == steps.map(\.times) + [answered])
            #expect(read.charges == record.charges && read.media == record.media)
            #expect(read.question.inputs == record.question.inputs)
        }
    }

    @Test("What nobody answered has the times of those that failed alone")
    func unanswered() throws {
        var record = record([Self.failed], answered: UsageRecord.Times(start: 1, firstByte: nil, duration: 2))
        record.course.isAnswered = false
        let read = try encoded(record).withUnsafeBytes { try #require(EncodedUsage($0)?.record()) }
        #expect(read.attempts.map(\.times) == [Self.failed.times])
    }

    @Test("A record without them is written as before, and one with a part that nobody knows is read")
    func neighbours() throws {
        let plain = encoded(record([], answered: nil))
        let timed = encoded(record([], answered: UsageRecord.Times(start: 1, firstByte: 2, duration: 3)))
        #expect(timed.count == plain.count + 6)
        // The same part under a number of tomorrow.
        var unknown = timed
        unknown[timed.count - 5] = 99
        let read = try unknown.withUnsafeBytes { try #require(EncodedUsage($0)?.record()) }
        #expect(read.course.times == nil && read.requestID == "req_1")
        for cut in plain.count..<timed.count {
            let read = timed[..<cut].withUnsafeBytes { EncodedUsage(UnsafeRawBufferPointer(rebasing: $0[...]))?.record() }
            #expect(read?.requestID == "req_1")
        }
    }

    @Test("No number is greater than its room", arguments: [0, 127, 128, 16_383, 16_384, UsageRecord.maximumNumber, .max, -1])
    func sizes(number: Int) {
        let written = [UInt8](unsafeUninitializedCapacity: 10) { target, count in
            var writer = PayloadWriter(target: UnsafeMutableRawBufferPointer(target))
            writer.put(number: number)
            count = writer.count
        }
        #expect(written.count == PayloadWriter.size(of: number))
    }
}
