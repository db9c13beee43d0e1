import Dialects
import Testing

@testable import ProxyCore

@Suite struct UntoldUsageTests {
    private static func used(_ model: String, cost: Int?) -> UntoldUsage {
        UntoldUsage(
            model: model,
            usage: TokenUsage(
                uncachedInput: 1, cacheRead: 20, cacheWrite: 300, output: 4_000, reasoning: 50_000, cacheWriteHour: 600_000),
            cost: cost)
    }

    @Test func whatAttemptsBeforeTheLastUsedIsInTheRecordOfTheRequest() {
        var record = UsageRecord.sample(1)
        record.add([Self.used("a", cost: 7), Self.used("b", cost: 8)])
        let usage = TokenUsage(
            uncachedInput: 12, cacheRead: 40, cacheWrite: 600, output: 8_005, reasoning: 100_000, cacheWriteHour: 1_200_000)
        #expect(record.usage == usage)
        #expect(record.cost == 115)
        #expect(record.priced)
        #expect(record.provenance == .partial)
    }

    @Test func aRecordWithoutSuchAttemptsStaysAsItIs() {
        var record = UsageRecord.sample(1)
        record.isCounted = false
        let before = record
        record.add([])
        #expect(record == before)
    }

    @Test func aRequestThatNobodyAnsweredCountsWithWhatItUsed() {
        var record = UsageRecord.sample(1)
        (record.usage, record.cost, record.provenance, record.isCounted) = (TokenUsage(), 0, .unknown, false)
        record.add([Self.used("a", cost: nil)])
        #expect(record.isCounted)
        #expect(!record.priced)
        #expect(record.cost == 0)
        #expect(record.provenance == .estimated)
        #expect(record.usage.output == 4_000)
    }

    @Test func anAnswerThatWasEstimatedStaysSo() {
        var record = UsageRecord.sample(1)
        record.provenance = .estimated
        record.add([Self.used("a", cost: 1)])
        #expect(record.provenance == .estimated)
    }

    @Test func greatNumbersDoNotTrap() {
        var record = UsageRecord.sample(1, input: .max, output: .max)
        record.cost = .max
        record.add([Self.used("a", cost: .max), Self.used("b", cost: .max)])
        #expect(record.usage.output == UsageAmounts.limit)
        #expect(record.cost == UsageAmounts.limit)
    }
}
