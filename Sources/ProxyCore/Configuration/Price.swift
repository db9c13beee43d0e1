/// Nano-dollars (10⁻⁹ USD) per million tokens.
public struct Price: Sendable, Hashable {
    public var input = Schema.PriceKeys.input.byDefault
    public var output = Schema.PriceKeys.output.byDefault
    public var cacheRead: Int?
    public var cacheWrite: Int?
    public var cacheWriteHour: Int?
    /// Output that was reasoning.
    public var reasoning: Int?

    public init() {}
}

/// What becomes of a request for a model without a price.
public enum UnknownPrice: String, Sendable, CaseIterable {
    /// It is served and told; what it cost is not known.
    case warn
    /// It is not served.
    case refuse
    /// It costs nothing.
    case nothing = "0"
}
