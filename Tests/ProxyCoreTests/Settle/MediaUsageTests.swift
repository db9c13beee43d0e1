import Dialects
import Testing

@testable import ProxyCore

struct MediaUsageTests {
    @Test(arguments: [
        ("/v1/images/generations", #"{"created":1,"data":[{"b64_json":"x"},{"url":"y"}]}"#, 2, 0),
        ("/v1/images/edits", #"{"data":[]}"#, 0, 0),
        ("/v1beta/models/imagen-4:predict", #"{"predictions":[{},{},{}]}"#, 3, 0),
        ("/v1/audio/transcriptions", #"{"text":"a","usage":{"type":"duration","seconds":12}}"#, 0, 12_000),
        ("/v1/audio/transcriptions", #"{"text":"a","duration":8.47,"segments":[]}"#, 0, 8470),
        ("/v1/audio/translations", #"{"text":"a","duration":"2.5"}"#, 0, 2500),
        ("/v1/audio/transcriptions", #"{"duration":-1,"usage":{"seconds":1e400}}"#, 0, 0),
        ("/v1/audio/transcriptions", "1\n00:00 --> 00:01", 0, 0), ("/v1/files", #"{"data":[{}]}"#, 0, 0),
        ("/v1/images/x", "", 0, 0),
    ])
    func `a response tells its images and its audio`(path: String, body: String, images: Int, audio: Int) {
        let usage = Array(body.utf8).withUnsafeBytes { MediaUsage(in: $0, path: path) }
        #expect(usage == MediaUsage(images: images, audioMilliseconds: audio))
    }

    @Test(arguments: [false, true])
    func `the journal keeps them, beside steps and charges`(hasLists: Bool) throws {
        var record = UsageRecord(
            requestID: "req_1", keyID: "k", time: 1_800_000_000, model: "m",
            labels: UsageLabels(upstream: "u", account: "a", rule: "r", tags: ["t": "v"], tier: "u"),
            usage: TokenUsage(output: 3),
            provenance: .reported)
        record.media = MediaUsage(images: 4, audioMilliseconds: 61_500)
        if hasLists {
            record.course.steps = [UsageRecord.Step(tier: "x", account: "a", status: 500, reason: "5xx")]
            record.charges = [LimitCharge(limit: "l", bucket: "b")]
        }
        var bytes = [UInt8](repeating: 0, count: record.maximumEncodedSize)
        let size = bytes.withUnsafeMutableBytes { record.encode(into: $0) }
        try bytes[..<size].withUnsafeBytes { payload in
            let encoded = try #require(EncodedUsage(payload))
            #expect(encoded.media == record.media)
            #expect(encoded.record()?.media == record.media)
            #expect(encoded.record()?.charges == record.charges)
        }
        record.media = MediaUsage()
        let plain = bytes.withUnsafeMutableBytes { record.encode(into: $0) }
        let read = bytes[..<plain].withUnsafeBytes { EncodedUsage($0)?.record() }
        #expect(read?.media == MediaUsage())
    }

    @Test func `sums hold them`() {
        var sum = UsageAmounts(TokenUsage(), costNanoDollars: 0, media: MediaUsage(images: 2, audioMilliseconds: 5))
        sum += UsageAmounts(TokenUsage(), costNanoDollars: 0, media: MediaUsage(images: 1, audioMilliseconds: 7))
        #expect(sum.images == 3 && sum.audioMilliseconds == 12)
    }

    @Test func `sums hold what is written for an hour, and no more than is written at all`() {
        var sum = UsageAmounts(TokenUsage(cacheWrite: 10, cacheWriteHour: 6), costNanoDollars: 0)
        sum += UsageAmounts(TokenUsage(cacheWrite: 5, cacheWriteHour: 9), costNanoDollars: 0)
        #expect(sum.cacheWrite == 15 && sum.cacheWriteHour == 11)
        sum.subtract(UsageAmounts(TokenUsage(cacheWrite: 10, cacheWriteHour: 6), costNanoDollars: 0))
        #expect(sum.cacheWrite == 5 && sum.cacheWriteHour == 5)
    }
}
