import Dialects

/// Sums of usage. They stop at a great number instead of wrapping round.
public struct UsageAmounts: Sendable, Hashable {
    public var requests = 0
    public var uncachedInput = 0
    public var cacheRead = 0
    public var cacheWrite = 0
    public var output = 0
    public var reasoning = 0
    public var costNanoDollars = 0
    /// Requests whose response was cut before its last word on usage, and was counted by what had come.
    public var partial = 0
    /// Requests whose response said nothing of usage; what a whole one came to by an estimate is in the sums.
    public var unknown = 0
    /// Requests whose model has no price: what they cost is not known, and not in the sum.
    public var unpriced = 0
    /// Images that were made. Places alone keep them, the length of audio, and what was written for an hour.
    public var images = 0
    public var audioMilliseconds = 0
    /// What of `cacheWrite` is kept for an hour.
    public var cacheWriteHour = 0

    public init() {}

    /// One request. Totals, days, hours, groupings and limits count it alike.
    public init(
        _ usage: TokenUsage, costNanoDollars: Int, provenance: UsageRecord.Provenance = .reported, isPriced: Bool = true,
        media: MediaUsage = MediaUsage()
    ) {
        images = Self.limited(media.images)
        audioMilliseconds = Self.limited(media.audioMilliseconds)
        requests = 1
        unpriced = isPriced ? 0 : 1
        partial = provenance == .partial ? 1 : 0
        unknown = provenance == .unknown || provenance == .estimated ? 1 : 0
        uncachedInput = Self.limited(usage.uncachedInput)
        cacheRead = Self.limited(usage.cacheRead)
        cacheWrite = Self.limited(usage.cacheWrite)
        cacheWriteHour = min(Self.limited(usage.cacheWriteHour), cacheWrite)
        output = Self.limited(usage.output)
        reasoning = Self.limited(usage.reasoning)
        self.costNanoDollars = Self.limited(costNanoDollars)
    }

    /// All input, cached or not.
    public var input: Int { Self.sum(Self.sum(uncachedInput, cacheRead), cacheWrite) }
    public var total: Int { Self.sum(input, output) }

    public static func += (a: inout UsageAmounts, b: UsageAmounts) {
        a.requests = sum(a.requests, b.requests)
        a.uncachedInput = sum(a.uncachedInput, b.uncachedInput)
        a.cacheRead = sum(a.cacheRead, b.cacheRead)
        a.cacheWrite = sum(a.cacheWrite, b.cacheWrite)
        a.output = sum(a.output, b.output)
        a.reasoning = sum(a.reasoning, b.reasoning)
        a.costNanoDollars = sum(a.costNanoDollars, b.costNanoDollars)
        a.partial = sum(a.partial, b.partial)
        a.unknown = sum(a.unknown, b.unknown)
        a.unpriced = sum(a.unpriced, b.unpriced)
        a.images = sum(a.images, b.images)
        a.audioMilliseconds = sum(a.audioMilliseconds, b.audioMilliseconds)
        a.cacheWriteHour = sum(a.cacheWriteHour, b.cacheWriteHour)
    }

    /// Takes away what is a part of it; nothing becomes less than nothing.
    mutating func subtract(_ part: UsageAmounts) {
        let members: [WritableKeyPath<UsageAmounts, Int>] = [
            \.requests, \.uncachedInput, \.cacheRead, \.cacheWrite, \.output, \.reasoning, \.costNanoDollars, \.partial,
            \.unknown, \.unpriced, \.images, \.audioMilliseconds, \.cacheWriteHour,
        ]
        for member in members { self[keyPath: member] = max(0, self[keyPath: member] - part[keyPath: member]) }
    }

    /// Nano-dollars as dollars, with as many decimals as there are: `12.4`, `0.00000015`.
    public static func dollars(_ nanoDollars: Int) -> String { Quantity.text(max(0, nanoDollars), places: 9) }

    /// What no sum exceeds: two of them can still be added.
    static let limit = 1 << 62 - 1

    static func sum(_ a: Int, _ b: Int) -> Int {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? limit : min(sum, limit)
    }

    private static func limited(_ value: Int) -> Int { min(max(value, 0), UsageRecord.maximumNumber) }

    /// A time in seconds, so that it can be told in milliseconds.
    static func clamped(_ seconds: Int) -> Int { min(max(seconds, 0), UsageRecord.maximumNumber / 1000) }
}
