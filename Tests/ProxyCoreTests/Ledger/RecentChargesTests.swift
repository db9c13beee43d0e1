import Dialects
import Testing

@testable import ProxyCore

@Suite struct RecentChargesTests {
    private static let start = noon * 1_000

    /// A request of ten tokens that ended so many milliseconds after noon.
    private static func record(_ number: Int, ended: Int, duration: Int = 0, buckets: [String] = ["infra"]) -> UsageRecord {
        var record = UsageRecord.sample(number, time: noon + ended / 1_000, input: 6, output: 4)
        record.course.millisecond = ended % 1_000
        record.course.durationMilliseconds = duration
        record.charges = buckets.map { LimitCharge(limit: "limit team", bucket: $0) }
        return record
    }

    private static func collect(_ records: [UsageRecord], since: Int = 0, resets: [Int] = []) -> [RecentCharge] {
        var charges = RecentCharges(since: start + since, resets: resets.map { start + $0 })
        for record in records {
            var bytes = [UInt8](repeating: 0, count: record.maximumEncodedSize)
            let size = bytes.withUnsafeMutableBytes { record.encode(into: $0) }
            bytes[..<size].withUnsafeBytes { bytes in
                if let encoded = EncodedUsage(bytes) { charges.add(encoded) }
            }
        }
        return charges.charges.sorted { ($0.bucket, $0.time) < ($1.bucket, $1.time) }
    }

    private static func told(_ charges: [RecentCharge]) -> [String] {
        charges.map { "\($0.bucket) \($0.time - start) \($0.amounts.requests) \($0.amounts.tokens) \($0.amounts.nanoDollars)" }
    }

    @Test func whatFallsIntoATenthOfASecondIsOneCharge() {
        let records = (0..<1_000).map { Self.record($0, ended: 5_000 + $0 % 300, buckets: ["infra", "web"]) }
        let charges = Self.collect(records)
        #expect(charges.count == 6)
        #expect(charges.reduce(0) { $0 + $1.amounts.requests } == 2_000)
        #expect(charges.reduce(0) { $0 + $1.amounts.tokens } == 20_000)
        #expect(Self.told(charges).first == "infra 5099 400 4000 40000")
    }

    /// What follows one another is added where the one before was; what does not is found all the same.
    @Test func bucketsAndTenthsThatTakeTurnsAreKeptApart() {
        let records = (0..<400).map { number in
            Self.record(number, ended: 5_000 + number % 4 / 2 * 100, buckets: number.isMultiple(of: 2) ? ["infra"] : ["web"])
        }
        #expect(
            Self.told(Self.collect(records)) == [
                "infra 5000 100 1000 10000", "infra 5100 100 1000 10000", "web 5000 100 1000 10000",
                "web 5100 100 1000 10000",
            ])
        let resets = Self.collect([5_010, 5_030, 5_010].enumerated().map { Self.record($0, ended: $1) }, resets: [5_020])
        #expect(Self.told(resets) == ["infra 5010 2 20 200", "infra 5030 1 10 100"])
    }

    @Test func requestsCountFromWhenTheyCameAndTokensFromWhenTheyWereSettled() {
        #expect(
            Self.told(Self.collect([Self.record(1, ended: 9_000, duration: 4_000)])) == [
                "infra 5000 1 0 0", "infra 9000 0 10 100",
            ])
        let early = [Self.record(1, ended: 9_000, duration: 4_000), Self.record(2, ended: 5_999)]
        #expect(Self.told(Self.collect(early, since: 6_000)) == ["infra 9000 0 10 100"])
    }

    @Test func aResetWithinATenthPartsIt() {
        let records = [1, 2, 3].map { Self.record($0, ended: 5_000 + 20 * $0) }
        let expected = ["infra 5020 1 10 100", "infra 5060 2 20 200"]
        #expect(Self.told(Self.collect(records, resets: [9_000, 5_021, 100])) == expected)
        // What comes in the moment of a reset comes before it.
        #expect(Self.told(Self.collect(records, resets: [5_039])) == expected)
        #expect(Self.told(Self.collect(records, resets: [5_040])) == ["infra 5040 2 20 200", "infra 5060 1 10 100"])
    }
}
