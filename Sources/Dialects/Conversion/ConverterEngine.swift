/// Turns one response's stream into a client's. What `StreamConverter` shows of it is told there.
protocol ConverterEngine: Sendable {
    var context: ConversionContext { get }
    var model: String? { get }
    var error: UpstreamError? { get }
    var usage: TokenUsage? { get }
    var contentBytes: Int { get }
    var thoughts: [ToolThoughts] { get }
    var remembered: RememberedResponse? { get }
    var isComplete: Bool { get }
    var stopReason: String? { get }
    var unknownEnding: String? { get }
    var unknownParts: [String] { get }

    mutating func consume(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals
    mutating func consumeWhole(_ body: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals
    mutating func fail(_ error: UpstreamError, into out: inout [UInt8]) -> Signals
    mutating func finish(into out: inout [UInt8]) -> Signals
}

/// The engine of one upstream format: framing and reader are concrete, and the compiler makes each pair its own code.
struct FormatEngine<Framing: EventFraming, Reader: ResponseReader>: ConverterEngine {
    private var framing: Framing
    private var core: ReadingCore<Reader, ClientWriter>

    init(framing: Framing, reader: Reader, context: ConversionContext) {
        self.framing = framing
        core = ReadingCore(reader: reader, assembler: ResponseAssembler(ClientWriter(context.client), context))
    }

    var context: ConversionContext { core.assembler.state.context }
    var error: UpstreamError? { core.assembler.error }
    var usage: TokenUsage? { core.reader.usage }
    var contentBytes: Int { core.assembler.contentBytes }
    var thoughts: [ToolThoughts] { core.assembler.thoughts }
    var remembered: RememberedResponse? { core.assembler.state.remembered }
    var isComplete: Bool { core.assembler.raised.contains(.terminal) }
    var unknownEnding: String? { core.assembler.unknownEnding }
    var unknownParts: [String] { core.assembler.unknownParts }
    var stopReason: String? { core.assembler.reason.map { "\($0)" } }

    var model: String? {
        let raw = core.assembler.state.model
        return raw.isEmpty ? nil : raw.withUnsafeBytes { JSONText.decode($0) }
    }

    mutating func consume(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals {
        let before = begin(&out)
        framing.consume(bytes, to: &core)
        return end(&out, before)
    }

    mutating func consumeWhole(_ body: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Signals {
        let before = begin(&out)
        let format = context.upstream.format
        if format.isResponse(body) {
            core.reader.readWhole(body, to: &core.assembler)
        } else {
            core.assembler.fail(format.fault(in: body))
        }
        return end(&out, before)
    }

    mutating func fail(_ error: UpstreamError, into out: inout [UInt8]) -> Signals {
        let before = begin(&out)
        core.assembler.fail(error)
        return end(&out, before)
    }

    mutating func finish(into out: inout [UInt8]) -> Signals {
        let before = begin(&out)
        framing.finish(to: &core)
        if !core.assembler.isOver, core.assembler.raised.isEmpty, !framing.stray.isEmpty {
            // An error that was sent as bare JSON instead of an event.
            let error = framing.stray.withUnsafeBytes { context.upstream.format.error(event: $0) }
            core.assembler.fail(error)
        }
        core.reader.close(to: &core.assembler)
        return end(&out, before)
    }

    /// Takes the caller's buffer over for the time of a call.
    private mutating func begin(_ out: inout [UInt8]) -> Signals {
        swap(&out, &core.assembler.state.out)
        return core.assembler.raised
    }

    private mutating func end(_ out: inout [UInt8], _ before: Signals) -> Signals {
        swap(&out, &core.assembler.state.out)
        return core.assembler.raised.subtracting(before)
    }
}
