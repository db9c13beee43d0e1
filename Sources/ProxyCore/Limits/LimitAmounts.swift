/// What limits count of a request, or of many. Sums stop at a great number instead of wrapping round.
public struct LimitAmounts: Sendable, Hashable {
    public var requests = 0
    /// Input that no cache served, cache writes and output.
    public var tokens = 0
    /// Input that a cache served: it counts only where a limit says so.
    public var cachedTokens = 0
    public var nanoDollars = 0
    /// Whether nobody knows what a need costs, so that it costs nothing; where money is used up it is not let through.
    var isUnpriced = false

    public init(requests: Int = 0, tokens: Int = 0, cachedTokens: Int = 0, nanoDollars: Int = 0) {
        self.requests = requests
        self.tokens = tokens
        self.cachedTokens = cachedTokens
        self.nanoDollars = nanoDollars
    }

    public static let zero = LimitAmounts()

    public static func += (a: inout LimitAmounts, b: LimitAmounts) {
        a.requests = UsageAmounts.sum(a.requests, b.requests)
        a.tokens = UsageAmounts.sum(a.tokens, b.tokens)
        a.cachedTokens = UsageAmounts.sum(a.cachedTokens, b.cachedTokens)
        a.nanoDollars = UsageAmounts.sum(a.nanoDollars, b.nanoDollars)
    }

    /// Never below zero.
    public static func -= (a: inout LimitAmounts, b: LimitAmounts) {
        a.requests = max(0, a.requests - b.requests)
        a.tokens = max(0, a.tokens - b.tokens)
        a.cachedTokens = max(0, a.cachedTokens - b.cachedTokens)
        a.nanoDollars = max(0, a.nanoDollars - b.nanoDollars)
    }

    /// No number is less than that of `other`.
    mutating func raise(to other: LimitAmounts) {
        requests = max(requests, other.requests)
        tokens = max(tokens, other.tokens)
        cachedTokens = max(cachedTokens, other.cachedTokens)
        nanoDollars = max(nanoDollars, other.nanoDollars)
    }

    /// Of each number as much as `other` has too.
    func part(in other: LimitAmounts) -> LimitAmounts {
        LimitAmounts(
            requests: min(requests, other.requests), tokens: min(tokens, other.tokens),
            cachedTokens: min(cachedTokens, other.cachedTokens), nanoDollars: min(nanoDollars, other.nanoDollars))
    }

    /// - Parameter kind: only these; nil for all.
    mutating func clear(_ kind: LimitRate.Kind?) {
        if kind == nil || kind == .requests { requests = 0 }
        if kind == nil || kind == .tokens { (tokens, cachedTokens) = (0, 0) }
        if kind == nil || kind == .cost { nanoDollars = 0 }
    }

    /// The number that a limit of this kind looks at.
    public func value(of kind: LimitRate.Kind, countsCached: Bool) -> Int {
        switch kind {
        case .requests: requests
        case .tokens: countsCached ? UsageAmounts.sum(tokens, cachedTokens) : tokens
        case .cost: nanoDollars
        case .concurrency: 0
        }
    }
}
