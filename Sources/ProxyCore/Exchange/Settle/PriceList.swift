import Dialects

/// What tokens cost.
public struct PriceList: Sendable {
    private let prices: [String: Price]

    public init(_ prices: [String: Price]) {
        self.prices = prices
    }

    /// Nano-dollars, rounded to the nearest; 0 for a model without a price.
    ///
    /// Input that a cache served or took costs what the price says of it, else what other input costs. Reasoning is output.
    public func cost(model: String, usage: TokenUsage) -> Int {
        guard let price = prices[model] else { return 0 }
        let millionfold =
            Self.product(usage.uncachedInput, price.input) + Self.product(usage.cacheRead, price.cacheRead ?? price.input)
            + Self.product(usage.cacheWrite, price.cacheWrite ?? price.input) + Self.product(usage.output, price.output)
        return Int(clamping: (millionfold + 500_000) / 1_000_000)
    }

    /// Less than 2¹²², so that a few can be added.
    private static func product(_ tokens: Int, _ price: Int) -> Int128 {
        Int128(min(max(tokens, 0), UsageRecord.maximumNumber)) * Int128(max(price, 0))
    }
}
