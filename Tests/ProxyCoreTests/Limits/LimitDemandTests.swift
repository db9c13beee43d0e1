import Dialects
import ProxyCore
import Testing

@testable import ProxyCore

@Suite("Limit demand")
struct LimitDemandTests {
    static let prices: PriceList = {
        var price = Price()
        (price.input, price.output) = (1_000_000_000, 10_000_000_000)
        return PriceList(["m": price])
    }()

    @Test(
        "What is reserved is the most that the answer may be",
        arguments: [
            (nil, nil, 1, nil, 4_096), (100, nil, 1, nil, 100), (100, 40, 1, nil, 40), (nil, 50, 1, nil, 50),
            (nil, 8_192, 1, nil, 8_192),
            (100, nil, 3, nil, 300),
            (10_000, nil, 1, 700, 700), (10_000, nil, 1, 3, 256), (100, nil, 1, 700, 100), (Int.max, nil, 128, nil, 1 << 59),
        ] as [(Int?, Int?, Int, Int?, Int)])
    func reserves(most: Int?, cap: Int?, choices: Int, typical: Int?, output: Int) {
        let demand = LimitDemand(input: 10, isAnswered: true, most: most, choices: choices)
        let need = demand.need(cap: cap, assumed: 4_096, typical: typical, price: Self.prices.price(of: "m"))
        #expect(need.tokens == 10 + output)
        #expect(need.requests == 1)
        if output < 1 << 40 { #expect(need.nanoDollars == 10 * 1_000 + output * 10_000) }
    }

    @Test("What no model answers reserves its input alone")
    func unanswered() {
        let need = LimitDemand(input: 10).need(cap: nil, assumed: 4_096, typical: nil, price: Self.prices.price(of: "m"))
        #expect(need == LimitAmounts(requests: 1, tokens: 10, nanoDollars: 10_000))
    }

    /// A token in is 1,000 nano-dollars; written to a cache it is what each case says, for five minutes and for an hour.
    @Test(
        "Input that may be written to a cache is reserved at the dearest price that it may come to",
        arguments: [
            (.none, 1_250, 2_000, 1_000), (.minutes, 1_250, 2_000, 1_250), (.hour, 1_250, 2_000, 2_000),
            (.hour, 2_000, 1_250, 2_000), (.hour, 500, 600, 1_000), (.hour, 1_250, nil, 1_250), (.minutes, nil, 2_000, 1_000),
            (.hour, nil, 2_000, 2_000),
        ] as [(LimitDemand.CacheWrite, Int?, Int?, Int)])
    func cacheWrites(write: LimitDemand.CacheWrite, minutes: Int?, hour: Int?, expected: Int) {
        var price = Price()
        price.input = 1_000_000_000
        price.cacheWrite = minutes.map { $0 * 1_000_000 }
        price.cacheWriteHour = hour.map { $0 * 1_000_000 }
        let demand = LimitDemand(input: 10, cacheWrite: write)
        let need = demand.need(cap: nil, assumed: 4_096, typical: nil, price: price)
        #expect(need.nanoDollars == 10 * expected)
        #expect(need.tokens == 10)
        // A model without a price reserves no money, and all else.
        let free = demand.need(cap: nil, assumed: 4_096, typical: nil, price: Self.prices.price(of: "of nobody"))
        #expect(free == LimitAmounts(requests: 1, tokens: 10))
    }

    @Test("An answer is reserved at the dearer of its two prices", arguments: [(nil, 2_000), (1_000, 2_000), (5_000, 5_000)])
    func reasoning(price reasoning: Int?, expected: Int) {
        var price = Price()
        (price.output, price.reasoning) = (2_000_000_000, reasoning.map { $0 * 1_000_000 })
        let demand = LimitDemand(isAnswered: true, most: 100)
        let need = demand.need(cap: nil, assumed: 4_096, typical: nil, price: price)
        #expect(need == LimitAmounts(requests: 1, tokens: 100, nanoDollars: 100 * expected))
    }

    @Test("Of what was used caches are apart")
    func used() {
        let usage = TokenUsage(uncachedInput: 5, cacheRead: 100, cacheWrite: 20, output: 7, reasoning: 3)
        #expect(
            LimitAmounts(usage, nanoDollars: 9) == LimitAmounts(requests: 1, tokens: 32, cachedTokens: 100, nanoDollars: 9))
    }

    @Test("Answers' typical length moves with them")
    func typical() {
        let typical = TypicalOutput()
        #expect(typical.average("m") == nil)
        typical.note("m", output: 100)
        #expect(typical.average("m") == 100)
        for _ in 0..<200 { typical.note("m", output: 1_000) }
        #expect(typical.average("m") ?? 0 > 990)
        for index in 0..<2_000 { typical.note("n\(index)", output: 1) }
        #expect(typical.average("n1999") == nil)
    }
}
