import Dialects

/// What tokens cost.
public struct PriceList: Sendable {
    private let prices: [String: Price]

    public init(_ prices: [String: Price]) {
        self.prices = prices
    }

    /// nil for a model without a price.
    func price(of model: String) -> Price? { prices[model] }

    /// Nano-dollars, rounded to the nearest; 0 for a model without a price.
    public func cost(model: String, usage: TokenUsage) -> Int { knownCost(model: model, usage: usage) ?? 0 }

    /// Nano-dollars, rounded to the nearest; nil for a model without a price.
    public func knownCost(model: String, usage: TokenUsage) -> Int? { price(of: model)?.cost(of: usage) }
}

extension Price {
    /// Nano-dollars, rounded to the nearest.
    ///
    /// Input that a cache served or took costs what the price says of it, else what other input costs; what is kept for an hour
    /// what other writes cost. Reasoning is output.
    func cost(of usage: TokenUsage) -> Int {
        let write = cacheWrite ?? input
        let writes = max(usage.cacheWrite, 0)
        let hour = min(max(usage.cacheWriteHour, 0), writes)
        let millionfold =
            Self.product(usage.uncachedInput, input) + Self.product(usage.cacheRead, cacheRead ?? input)
            + Self.product(writes - hour, write) + Self.product(hour, cacheWriteHour ?? write)
            + Self.product(usage.output, output)
        return Int(clamping: (millionfold + 500_000) / 1_000_000)
    }

    /// Less than 2¹²², so that a few can be added.
    private static func product(_ tokens: Int, _ price: Int) -> Int128 {
        Int128(min(max(tokens, 0), UsageRecord.maximumNumber)) * Int128(max(price, 0))
    }
}
