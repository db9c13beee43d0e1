import Basics

/// Turns an upstream's event stream into the client's, event by event; holds at most the event in hand.
public struct StreamConverter: Sendable {
    private var engine: any ConverterEngine

    /// Converts from the format of the context's upstream to its client's.
    public init(_ context: ConversionContext) { self.init(context, maxEventBytes: 32 << 20) }

    init(_ context: ConversionContext, maxEventBytes: Int) {
        engine = context.upstream.format.responseFormat.engine(context, maxEventBytes: maxEventBytes)
    }

    public var context: ConversionContext { engine.context }

    /// The model that really answered.
    public var model: String? { engine.model }

    /// The error the upstream reported inside the stream, or the truncation that `finish` found.
    public var error: UpstreamError? { engine.error }

    /// What the response cost so far; nil while the upstream has not said.
    public var usage: TokenUsage? { engine.usage }

    /// What has come so far by an estimate of its texts and calls, in tokens.
    public var countedOutput: Int { (engine.contentBytes &+ TextMeasure.bytesPerToken &- 1) / TextMeasure.bytesPerToken }

    /// What `ThoughtCache` is to keep once the response is complete.
    public var thoughts: [ToolThoughts] { engine.thoughts }

    /// What `ResponseMemory` is to keep; nil before the response is complete.
    public var remembered: RememberedResponse? { engine.remembered }

    /// Whether the client's stream got its regular ending.
    public var isComplete: Bool { engine.isComplete }

    /// Why the response ended; nil before.
    public var stopReason: String? { engine.stopReason }

    /// The upstream's word for the end where nothing is known of it: the client's is the nearest.
    public var unknownEnding: String? { engine.unknownEnding }

    /// Parts that were left out since nothing is known of them: where they stood, and their type.
    public var unknownParts: [String] { engine.unknownParts }

    /// Reads the next bytes of the upstream's stream, cut anywhere, and appends the client's events to `out`.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals {
        engine.consume(bytes, into: &out)
    }

    /// Reads a complete JSON response that came where a stream was asked for, and appends the whole stream.
    public mutating func consumeWhole(_ body: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals {
        engine.consumeWhole(body.withoutMark, into: &out)
    }

    /// The upstream went away in the middle. Appends the client's error event, unless the client's stream has its ending.
    public mutating func fail(_ error: UpstreamError, into out: inout [UInt8]) -> Signals { engine.fail(error, into: &out) }

    /// The upstream's stream ended. Appends what is still due: the client's ending if the response is complete, else an error
    /// event.
    public mutating func finish(into out: inout [UInt8]) -> Signals { engine.finish(into: &out) }
}
