/// What one response cost, in tokens, with the vendors' different sums undone (conversion.md 5.4).
public struct TokenUsage: Sendable, Hashable {
    /// Input that was neither read from nor written to a prompt cache.
    public var uncachedInput = 0
    public var cacheRead = 0
    public var cacheWrite = 0
    /// The part of `cacheWrite` that is kept for an hour, where the vendor tells it.
    public var cacheWriteHour = 0
    /// Output, reasoning included.
    public var output = 0
    /// The part of `output` that was reasoning, where the vendor tells it.
    public var reasoning = 0
    /// What the upstream says that it cost, in nano-dollars; nil where it says nothing.
    public var reportedCost: Int?

    public init(
        uncachedInput: Int = 0, cacheRead: Int = 0, cacheWrite: Int = 0, output: Int = 0, reasoning: Int = 0,
        cacheWriteHour: Int = 0
    ) {
        self.uncachedInput = uncachedInput
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
        self.output = output
        self.reasoning = reasoning
        self.cacheWriteHour = cacheWriteHour
    }

    /// All input, cached or not.
    public var input: Int { uncachedInput &+ cacheRead &+ cacheWrite }
    public var total: Int { input &+ output }
}
