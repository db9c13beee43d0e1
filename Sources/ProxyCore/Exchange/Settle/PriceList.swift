import Dialects
import RuleEngine

/// What tokens cost: by the file, else by the list of the upstream's preset.
public struct PriceList: Sendable {
    private let exact: [String: Price]
    /// The file's names that fit more than themselves; the longest first.
    private let others: [(name: PricedName, price: Price)]
    /// What is shipped, by the index of the upstream.
    private let shipped: [ShippedPrices.Vendor?]
    /// What a model without a price costs; nil: that is not known.
    private let unknown: Price?
    /// Whether models without a price are not served.
    let refusesUnknown: Bool

    public init(_ prices: [String: Price]) {
        self.init(prices, unknown: .warn, upstreams: [])
    }

    public init(_ configuration: Configuration) {
        self.init(configuration.prices, unknown: configuration.unknownPrice, upstreams: configuration.upstreams)
    }

    /// - Parameter shipped: read only where an upstream has a preset.
    init(
        _ prices: [String: Price], unknown: UnknownPrice, upstreams: [Upstream], shipped: @autoclosure () -> ShippedPrices = .all
    ) {
        exact = prices
        others = prices.map { (PricedName($0.key), $0.value) }.sorted {
            ($1.name.text.utf8.count, $0.name.text) < ($0.name.text.utf8.count, $1.name.text)
        }
        self.shipped = upstreams.map { upstream in upstream.preset.flatMap { shipped().vendor($0) } }
        self.unknown = unknown == .nothing ? Price() : nil
        refusesUnknown = unknown == .refuse
    }

    /// nil for a model without a price.
    /// - Parameter upstream: the index of whom it is asked of; nil where that is not known.
    public func price(of model: String, at upstream: Int? = nil) -> Price? {
        if let price = exact[model] { return price }
        if let other = others.first(where: { $0.name.fits(model) }) { return other.price }
        if let upstream, shipped.indices.contains(upstream), let known = shipped[upstream]?.model(model) { return known.price }
        return unknown
    }

    /// Whether the shipped list of an upstream's preset has a model by this very name.
    func names(_ model: String, at upstream: Int) -> Bool {
        shipped.indices.contains(upstream) && shipped[upstream]?.models.contains { $0.name.text == model } == true
    }

    /// What a client is told of a model without a price, where only models with one are served.
    static func refusal(of model: String) -> String {
        "the model '\(Router.shown(model))' has no price here, and only models with one are served"
    }

    /// Whether the upstream tells with its answers what they cost.
    func isReported(at upstream: Int) -> Bool { shipped.indices.contains(upstream) && shipped[upstream]?.reportsCost == true }

    /// Whether a model is not served since it has no price, where the file wants one of every model.
    public func refuses(_ model: String, at upstream: Int) -> Bool {
        refusesUnknown && price(of: model, at: upstream) == nil && !isReported(at: upstream)
    }

    /// Nano-dollars, rounded to the nearest; 0 for a model without a price.
    public func cost(model: String, usage: TokenUsage) -> Int { knownCost(model: model, usage: usage) ?? 0 }

    /// Nano-dollars, rounded to the nearest: as the upstream reported it, else by the list. nil for a model without a price.
    public func knownCost(model: String, at upstream: Int? = nil, usage: TokenUsage) -> Int? {
        usage.reportedCost ?? price(of: model, at: upstream)?.cost(of: usage)
    }
}

extension Price {
    /// Nano-dollars, rounded to the nearest.
    ///
    /// Input that a cache served or took costs what the price says of it, else what other input costs; what is kept for an hour
    /// what other writes cost. Reasoning is output, unless it has a price of its own.
    public func cost(of usage: TokenUsage) -> Int {
        let write = cacheWrite ?? input
        let writes = max(usage.cacheWrite, 0)
        let hour = min(max(usage.cacheWriteHour, 0), writes)
        let thought = reasoning == nil ? 0 : min(max(usage.reasoning, 0), max(usage.output, 0))
        let millionfold =
            Self.product(usage.uncachedInput, input) + Self.product(usage.cacheRead, cacheRead ?? input)
            + Self.product(writes - hour, write) + Self.product(hour, cacheWriteHour ?? write)
            + Self.product(max(usage.output, 0) - thought, output) + Self.product(thought, reasoning ?? output)
        return Int(clamping: (millionfold + 500_000) / 1_000_000)
    }

    /// Less than 2¹²², so that a few can be added.
    private static func product(_ tokens: Int, _ price: Int) -> Int128 {
        Int128(min(max(tokens, 0), UsageRecord.maximumNumber)) * Int128(max(price, 0))
    }
}
