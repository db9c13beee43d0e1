import Dialects
import Testing

@testable import ProxyCore

private let dollar = 1_000_000_000

@Suite struct PriceListTests {
    private static let prices: PriceList = {
        var opus = Price()
        opus.input = 15 * dollar
        opus.output = 75 * dollar
        opus.cacheRead = 3 * dollar / 2
        opus.cacheWrite = 18_750_000_000
        var plain = Price()
        plain.input = 2 * dollar
        plain.output = 8 * dollar
        plain.cacheWriteHour = 5 * dollar
        var tiny = Price()
        tiny.input = 1
        var absurd = Price()
        absurd.input = .max
        absurd.output = .max
        var negative = Price()
        negative.input = -5
        return PriceList(["opus": opus, "plain": plain, "tiny": tiny, "absurd": absurd, "negative": negative])
    }()

    @Test(
        arguments: [
            ("opus", TokenUsage(uncachedInput: 1_000_000), 15 * dollar), ("opus", TokenUsage(output: 1), 75_000),
            ("opus", TokenUsage(uncachedInput: 10, cacheRead: 1_000, cacheWrite: 100, output: 20, reasoning: 15), 5_025_000),
            ("plain", TokenUsage(cacheRead: 1_000, cacheWrite: 1_000), 4_000_000), ("unheard of", TokenUsage(output: 1_000), 0),
            ("plain", TokenUsage(cacheWrite: 1_000, cacheWriteHour: 400), 3_200_000),
            ("opus", TokenUsage(cacheWrite: 100, cacheWriteHour: 100), 1_875_000),
            ("opus", TokenUsage(cacheWrite: .min, cacheWriteHour: .max), 0),
            ("tiny", TokenUsage(uncachedInput: 499_999), 0), ("tiny", TokenUsage(uncachedInput: 500_000), 1),
            ("absurd", TokenUsage(uncachedInput: .max, cacheRead: .max, cacheWrite: .max, output: .max), .max),
            ("opus", TokenUsage(uncachedInput: -7, output: .min), 0), ("negative", TokenUsage(uncachedInput: 1_000_000), 0),
        ] as [(String, TokenUsage, Int)])
    func costIsTokensTimesPrice(_ model: String, _ usage: TokenUsage, _ expected: Int) {
        #expect(Self.prices.cost(model: model, usage: usage) == expected)
    }
}
