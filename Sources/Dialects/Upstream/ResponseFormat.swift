/// Reads the responses of one format as events.
protocol ResponseReader: Sendable {
    init()

    /// An event of the stream, by its name (where the framing has names) and data.
    mutating func read(_ event: SSEEvent, to events: inout some ResponseEvents)
    /// The stream ended.
    mutating func close(to events: inout some ResponseEvents)
    /// A whole body.
    mutating func readWhole(_ body: UnsafeRawBufferPointer, to events: inout some ResponseEvents)

    /// What the response cost so far.
    var usage: TokenUsage? { get }
}

/// Splits a stream into events. Server-sent events are the usual one; others are a matter of their format.
protocol EventFraming: Sendable {
    /// - Parameter maxEventBytes: how long an event may be that has to be copied.
    init(maxEventBytes: Int)

    mutating func consume(_ bytes: UnsafeRawBufferPointer, to sink: inout some SSEEventSink)
    /// The stream ended: shows what lacks only its end.
    mutating func finish(to sink: inout some SSEEventSink)

    /// What stood between the events: an error that some servers send as bare JSON.
    var stray: [UInt8] { get }
}

extension SSEReader: EventFraming {}

/// How a format's responses are read: one existential call for each response or piece of bytes, below which everything is
/// concrete.
protocol ResponseFormat: Sendable {
    /// What turns one response's stream into a client's.
    func engine(_ context: ConversionContext, maxEventBytes: Int) -> any ConverterEngine
    /// Reads a whole body.
    func read(whole body: UnsafeRawBufferPointer, to events: inout ResponseAssembler<FoldedResponse>) -> TokenUsage?
    /// Reads a whole stream.
    func read(
        stream: UnsafeRawBufferPointer, maxEventBytes: Int, to events: inout ResponseAssembler<FoldedResponse>
    ) -> TokenUsage?
}

/// Responses that `Framing` splits into events and `Reader` reads.
struct FramedResponseFormat<Framing: EventFraming, Reader: ResponseReader>: ResponseFormat {
    init(_ framing: Framing.Type, _ reader: Reader.Type) {}

    func engine(_ context: ConversionContext, maxEventBytes: Int) -> any ConverterEngine {
        FormatEngine(framing: Framing(maxEventBytes: maxEventBytes), reader: Reader(), context: context)
    }

    func read(whole body: UnsafeRawBufferPointer, to events: inout ResponseAssembler<FoldedResponse>) -> TokenUsage? {
        var reader = Reader()
        reader.readWhole(body, to: &events)
        return reader.usage
    }

    func read(
        stream: UnsafeRawBufferPointer, maxEventBytes: Int, to events: inout ResponseAssembler<FoldedResponse>
    ) -> TokenUsage? {
        var framing = Framing(maxEventBytes: maxEventBytes)
        var core = ReadingCore(reader: Reader(), assembler: events)
        framing.consume(stream, to: &core)
        framing.finish(to: &core)
        core.reader.close(to: &core.assembler)
        events = core.assembler
        return core.reader.usage
    }
}

/// A reader and whom it tells, as the framing sees them.
struct ReadingCore<Reader: ResponseReader, Writer: ResponseEventWriter & Sendable>: SSEEventSink, Sendable {
    var reader: Reader
    var assembler: ResponseAssembler<Writer>

    @inline(__always)
    mutating func take(_ event: SSEEvent) { reader.read(event, to: &assembler) }

    mutating func missed() { assembler.fail(.oversized) }
}
