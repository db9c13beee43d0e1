import Dialects

/// What tokens cost.
public struct PriceList: Sendable {
    private let prices: [String: Price]

    public init(_ prices: [String: Price]) {
        self.prices = prices
    }

    /// Nano-dollars, rounded to the nearest; 0 for a model without a price.
    public func cost(model: String, usage: TokenUsage) -> Int { knownCost(model: model, usage: usage) ?? 0 }

    /// Nano-dollars, rounded to the nearest; nil for a model without a price.
    ///
    /// Input that a cache served or took costs what the price says of it, else what other input costs; what is kept for an hour
    /// what other writes cost. Reasoning is output.
    public func knownCost(model: String, usage: TokenUsage) -> Int? {
        guard let price = prices[model] else { return nil }
        let write = price.cacheWrite ?? price.input
        let writes = max(usage.cacheWrite, 0)
        let hour = min(max(usage.cacheWriteHour, 0), writes)
        let millionfold =
            Self.product(usage.uncachedInput, price.input) + Self.product(usage.cacheRead, price.cacheRead ?? price.input)
            + Self.product(writes - hour, write) + Self.product(hour, price.cacheWriteHour ?? write)
            + Self.product(usage.output, price.output)
        return Int(clamping: (millionfold + 500_000) / 1_000_000)
    }

    /// Less than 2¹²², so that a few can be added.
    private static func product(_ tokens: Int, _ price: Int) -> Int128 {
        Int128(min(max(tokens, 0), UsageRecord.maximumNumber)) * Int128(max(price, 0))
    }
}
