/// Turns an upstream's event stream into the client's, event by event; holds at most the event in hand.
public struct StreamConverter: Sendable {
    private var reader: SSEReader
    private var core: ConverterCore

    public init(from upstream: Dialect, to client: Dialect, context: ConversionContext) {
        self.init(from: upstream, to: client, context: context, reader: SSEReader())
    }

    init(from upstream: Dialect, to client: Dialect, context: ConversionContext, reader: SSEReader) {
        self.reader = reader
        core = ConverterCore(upstream: upstream, client: client, context: context)
    }

    public var context: ConversionContext { core.assembler.state.context }

    /// The model that really answered.
    public var model: String? {
        let raw = core.assembler.state.model
        return raw.isEmpty ? nil : raw.withUnsafeBytes { JSONText.decode($0) }
    }

    /// The error the upstream reported inside the stream, or the truncation that `finish` found.
    public var error: UpstreamError? { core.assembler.error }

    /// What the answer cost so far; nil while the upstream has not said.
    public var usage: TokenUsage? { core.upstream.usage }

    /// What has come so far by an estimate of its texts and calls, in tokens.
    public var countedOutput: Int {
        (core.assembler.toldBytes &+ TextMeasure.bytesPerToken &- 1) / TextMeasure.bytesPerToken
    }

    /// What `ThoughtCache` is to keep once the answer is complete.
    public var thoughts: [ToolThoughts] { core.assembler.thoughts }

    /// Whether the client's stream got its regular ending.
    public var isComplete: Bool { core.assembler.raised.contains(.terminal) }

    /// Why the answer ended; nil before.
    public var stopReason: String? { core.assembler.reason.map { "\($0)" } }

    /// Where the client's ending begins in `out` as the last call left it; nil when that call did not write it.
    public var terminalOffset: Int? { core.assembler.endOffset }

    /// Reads the next bytes of the upstream's stream, cut anywhere, and appends the client's events to `out`.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals {
        let before = core.begin(&out)
        reader.consume(bytes, to: &core)
        return core.end(&out, before)
    }

    /// Reads a complete JSON answer that came where a stream was asked for, and appends the whole stream.
    public mutating func consumeWhole(_ body: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals {
        let before = core.begin(&out)
        if BodyMeter(body, dialect: context.upstream, promise: .answer).keepsPromise {
            core.upstream.readWhole(body, to: &core.assembler)
        } else {
            core.assembler.fail(AnswerFault.read(body, dialect: context.upstream))
        }
        return core.end(&out, before)
    }

    /// The upstream went away in the middle. Appends the client's error event, unless the client's stream has its ending.
    public mutating func fail(_ error: UpstreamError, into out: inout [UInt8]) -> Signals {
        let before = core.begin(&out)
        core.assembler.fail(error)
        return core.end(&out, before)
    }

    /// The upstream's stream ended. Appends what is still due: the client's ending if the answer is complete, else an error event.
    public mutating func finish(into out: inout [UInt8]) -> Signals {
        let before = core.begin(&out)
        reader.finish(to: &core)
        if !core.assembler.isOver, core.assembler.raised.isEmpty, !reader.stray.isEmpty {
            // An error that was sent as bare JSON instead of an event.
            let error = reader.stray.withUnsafeBytes { UpstreamError.readEvent($0, dialect: context.upstream) }
            core.assembler.fail(error)
        }
        core.upstream.close(to: &core.assembler)
        return core.end(&out, before)
    }
}

/// Everything of a converter but the SSE reader, which shows it the events.
struct ConverterCore: SSEEventSink, Sendable {
    var upstream: UpstreamReader
    var assembler: AnswerAssembler<ClientWriter>

    init(upstream: Dialect, client: Dialect, context: ConversionContext) {
        self.upstream = UpstreamReader(upstream)
        assembler = AnswerAssembler(ClientWriter(client), context)
    }

    mutating func take(_ event: SSEEvent) { upstream.read(event.data, to: &assembler) }

    mutating func missed() { assembler.fail(.oversized) }

    /// Takes the caller's buffer over for the time of a call.
    mutating func begin(_ out: inout [UInt8]) -> Signals {
        swap(&out, &assembler.state.out)
        assembler.forgetOffset()
        return assembler.raised
    }

    mutating func end(_ out: inout [UInt8], _ before: Signals) -> Signals {
        swap(&out, &assembler.state.out)
        return assembler.raised.subtracting(before)
    }
}
