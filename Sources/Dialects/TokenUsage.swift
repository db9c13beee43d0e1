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
    /// The sides of which the upstream names no number, though it tells others. Where it names their sum alone, both are lacking, and
    /// the sum stands as input.
    public var lacks: Sides = []

    public struct Sides: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let input = Sides(rawValue: 1)
        public static let output = Sides(rawValue: 2)
    }

    public init(
        uncachedInput: Int = 0, cacheRead: Int = 0, cacheWrite: Int = 0, output: Int = 0, reasoning: Int = 0,
        cacheWriteHour: Int = 0, lacks: Sides = []
    ) {
        self.uncachedInput = uncachedInput
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
        self.output = output
        self.reasoning = reasoning
        self.cacheWriteHour = cacheWriteHour
        self.lacks = lacks
    }

    /// The same numbers, of which it does not matter any more who told them.
    public var settled: TokenUsage {
        var usage = self
        usage.lacks = []
        return usage
    }

    /// It is that of a response without output: a sum is all input.
    mutating func holdsInputAlone() { lacks = uncachedInput > 0 ? [] : lacks.subtracting(.output) }

    /// Puts an estimate in the place of the input that is not told. What a sum has beyond it is output.
    public mutating func estimate(input estimate: Int) {
        let rest = max(0, estimate &- cacheRead &- cacheWrite)
        let sum = lacks.contains(.output) ? uncachedInput : 0
        uncachedInput = sum > 0 ? min(rest, sum) : rest
        lacks.remove(.input)
        guard sum > 0 else { return }
        output = max(reasoning, sum &- uncachedInput)
        lacks.remove(.output)
    }

    /// All input, cached or not.
    public var input: Int { uncachedInput &+ cacheRead &+ cacheWrite }
    public var total: Int { input &+ output }
}
