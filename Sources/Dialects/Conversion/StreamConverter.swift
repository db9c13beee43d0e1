/// Turns an upstream's event stream into the client's, event by event; holds at most the event in hand.
public struct StreamConverter: Sendable {
    public let context: ConversionContext
    /// The model that really answered.
    public private(set) var model: String?
    /// The error the upstream reported inside the stream, or the truncation that `finish` found.
    public private(set) var error: UpstreamError?
    /// Why the answer ended, in the client's own word.
    public private(set) var stopReason: String?
    /// Where the terminal event begins in `out` as the last call left it; nil when that call did not write it.
    public private(set) var terminalOffset: Int?
    public var usage: TokenUsage? { nil }
    public var isComplete: Bool { false }

    public init(from upstream: Dialect, to client: Dialect, context: ConversionContext) { self.context = context }

    /// Reads the next bytes of the upstream's stream, cut anywhere, and appends the client's events to `out`.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals { [] }

    /// Reads a complete JSON answer that came where a stream was asked for, and appends the whole stream.
    public mutating func consumeWhole(_ body: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals { [] }

    /// The upstream's stream ended. Appends what is still due: the client's ending if the answer is complete, else an error event.
    public mutating func finish(into out: inout [UInt8]) -> Signals { [] }
}
