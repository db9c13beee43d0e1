import Dialects

/// What a request may come to, before anybody has answered it.
struct LimitDemand: Sendable, Hashable {
    /// An estimate, in tokens.
    var input = 0
    /// Whether a model writes an answer.
    var isAnswered = false
    /// Tokens that one answer may have, as the request says; nil where it does not.
    var most: Int?
    var choices = 1
    /// Its input may be written to a cache, which may cost more.
    var cacheWrite = CacheWrite.none

    /// How long what is written to a cache may be kept.
    enum CacheWrite { case none, minutes, hour }

    /// The smallest answer that `reserve: typical` reckons with.
    static let leastTypical = 256

    /// What a limit reserves.
    /// - Parameters:
    ///   - cap: of the tier that is asked: what a request may have that says nothing.
    ///   - assumed: tokens of an answer of which nobody says how long it may be.
    ///   - typical: what answers of the model mostly have; nil where that is not known or not asked for.
    ///   - price: of the model; nil where it has none.
    func need(cap: Int?, assumed: Int, typical: Int?, price: Price?) -> LimitAmounts {
        var usage = TokenUsage()
        usage.uncachedInput = input
        if isAnswered {
            var output = most.map { min($0, cap ?? $0) } ?? cap ?? assumed
            output = output.multipliedReportingOverflow(by: choices).overflow ? UsageAmounts.limit : output * choices
            if let typical { output = min(output, max(Self.leastTypical, typical)) }
            usage.output = min(max(0, output), UsageRecord.maximumNumber)
            // All of it may be reasoning, which may have a dearer price.
            if let price, let reasoning = price.reasoning, reasoning > price.output { usage.reasoning = usage.output }
        }
        var cost = price?.cost(of: usage) ?? 0
        if cacheWrite != .none, let price {
            var written = usage
            (written.uncachedInput, written.cacheWrite) = (0, input)
            cost = max(cost, price.cost(of: written))
            if cacheWrite == .hour {
                written.cacheWriteHour = input
                cost = max(cost, price.cost(of: written))
            }
        }
        return LimitAmounts(
            requests: 1, tokens: UsageAmounts.sum(usage.uncachedInput, usage.output), nanoDollars: cost)
    }
}

extension LimitAmounts {
    /// What a request used.
    init(_ usage: TokenUsage, nanoDollars: Int) {
        self.init(UsageAmounts(usage, costNanoDollars: nanoDollars))
    }

    /// Sums of requests.
    init(_ sums: UsageAmounts) {
        self.init(
            requests: sums.requests, tokens: UsageAmounts.sum(UsageAmounts.sum(sums.uncachedInput, sums.cacheWrite), sums.output),
            cachedTokens: sums.cacheRead, nanoDollars: sums.costNanoDollars)
    }
}
