import Dialects

/// What an event stream goes through on its way to the client: it is read along and passes as it is; events of it are held back or
/// repaired; or it is converted. Gemini's array of chunks is one too, each chunk an event. What comes out is in the buffer that the
/// caller brings, or is what went in.
struct BodyPipe {
    private enum Way {
        case passed(Box<StreamMeter>)
        case filtered(Box<StreamMeter>, Box<UsageChunkFilter>)
        case listed(Box<StreamMeter>, Box<GeminiChunkList>)
        case converted(Box<StreamConverter>)
    }

    /// What became of a piece.
    struct Step {
        var signals: Signals
        /// What went in goes out; the buffer holds nothing of it.
        var isUnchanged: Bool
        /// Its coding cannot be read.
        var failure: InflateFailure?
    }

    private let way: Way
    /// Takes the coding off a copy, which is read along; the coded bytes pass.
    private let decoder: Inflater?
    private let redactor: Redactor
    private let echoes: Bool
    private let listener: Box<ThoughtListener>?
    /// Makes events of the array that is converted.
    private let list: Box<GeminiChunkList>?
    /// The stream reported an error: it, and what follows, may quote what the upstream was sent.
    private(set) var masks = false
    /// The last event, which lacked its blank line, was an error in other words than a client looks for.
    private var endsDisguised = false
    /// All signals so far.
    private(set) var raised: Signals = []

    /// More than this is never made of a coded stream.
    static let decodedBytes = 64 << 20

    /// - Parameter isList: what comes is an array of chunks.
    init(_ converter: StreamConverter, redactor: Redactor, isList: Bool = false) {
        way = .converted(Box(converter))
        list = isList ? Box(GeminiChunkList()) : nil
        decoder = nil
        listener = nil
        echoes = false
        self.redactor = redactor
    }

    /// - Parameter echoes: the stream is no model's response, and may quote what the upstream was sent.
    init(
        _ meter: StreamMeter, filter: UsageChunkFilter?, decoder: Inflater?, listener: ThoughtListener? = nil, redactor: Redactor,
        echoes: Bool = false
    ) {
        self.echoes = echoes
        self.listener = listener.map { Box($0) }
        way = filter.map { .filtered(Box(meter), Box($0)) } ?? .passed(Box(meter))
        list = nil
        self.decoder = decoder
        self.redactor = redactor
    }

    /// What passes is an array of chunks.
    init(listOf meter: StreamMeter, redactor: Redactor) {
        way = .listed(Box(meter), Box(GeminiChunkList()))
        list = nil
        decoder = nil
        listener = nil
        echoes = false
        self.redactor = redactor
    }

    /// Takes the next piece.
    mutating func consume(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Step {
        out.removeAll(keepingCapacity: true)
        switch way {
        case .converted(let converter):
            let signals: Signals
            if let list {
                var (passed, events): ([UInt8], [UInt8]) = ([], [])
                list.value.consume(bytes, into: &passed, events: &events)
                signals = events.withUnsafeBytes { converter.value.consume($0, into: &out) }
            } else {
                signals = converter.value.consume(bytes, into: &out)
            }
            raised.formUnion(signals)
            if signals.contains(.error) { mask(&out) }
            return Step(signals: signals, isUnchanged: false)
        case .listed(let meter, let list): return consume(bytes, of: list, with: meter, into: &out)
        case .passed(let meter):
            var step = read(bytes, with: meter)
            guard masks, decoder == nil else { return step }
            out.append(contentsOf: bytes)
            mask(&out)
            step.isUnchanged = false
            return step
        case .filtered(let meter, let filter):
            var step = read(bytes, with: meter)
            step.isUnchanged = filter.value.consume(bytes, into: &out)
            guard masks || echoes, decoder == nil else { return step }
            if step.signals.contains(.error), meter.value.errorIsDisguised, let error = meter.value.error {
                if step.isUnchanged { out.append(contentsOf: bytes) }
                step.isUnchanged = false
                tellPlainly(error, in: meter.value, &out)
            }
            guard masks || (step.isUnchanged ? isEcho(bytes) : isEcho(out)) else { return step }
            if step.isUnchanged { out.append(contentsOf: bytes) }
            mask(&out)
            step.isUnchanged = false
            return step
        }
    }

    /// What the response used may be told behind the chunk that says how it ended: its end is the array's.
    private mutating func consume(
        _ bytes: UnsafeRawBufferPointer, of list: Box<GeminiChunkList>, with meter: Box<StreamMeter>, into out: inout [UInt8]
    ) -> Step {
        var events: [UInt8] = []
        list.value.consume(bytes, into: &out, events: &events)
        var signals = events.withUnsafeBytes { meter.value.consume($0) }
        signals.remove(.terminal)
        // An array that closes before its response has ended is one that was cut.
        if list.value.isClosed, meter.value.hasEnded || meter.value.error != nil {
            list.value.release(into: &out)
            if meter.value.hasEnded, !raised.contains(.terminal) { signals.insert(.terminal) }
        }
        raised.formUnion(signals)
        if signals.contains(.error) { masks = true }
        if masks { mask(&out) }
        return Step(signals: signals, isUnchanged: false)
    }

    private mutating func read(_ bytes: UnsafeRawBufferPointer, with meter: Box<StreamMeter>) -> Step {
        var step = Step(signals: [], isUnchanged: true)
        if let decoder {
            do throws(InflateFailure) {
                try decoder.inflate(bytes, limit: Self.decodedBytes) {
                    step.signals.formUnion(meter.value.consume($0))
                    listener?.value.consume($0)
                }
            } catch {
                step.failure = error
            }
        } else {
            step.signals = meter.value.consume(bytes)
            listener?.value.consume(bytes)
        }
        raised.formUnion(step.signals)
        if step.signals.contains(.error) { masks = true }
        return step
    }

    /// The upstream's stream has ended: what lacked only its blank line is read.
    mutating func end() -> Signals {
        guard let meter else { return [] }
        var signals = meter.value.finish()
        if isList { signals.remove(.terminal) }
        raised.formUnion(signals)
        if signals.contains(.error) {
            masks = true
            endsDisguised = meter.value.errorIsDisguised
        }
        return signals
    }

    /// Gives what is still held back, and the client's own end of a converted stream.
    mutating func drain(into out: inout [UInt8]) -> Signals {
        out.removeAll(keepingCapacity: true)
        switch way {
        case .passed: return []
        case .filtered(let meter, let filter):
            filter.value.finish(into: &out)
            // Half an event is no client's to read.
            if meter.value.breaksOff { out.removeAll(keepingCapacity: true) }
            if endsDisguised, let error = meter.value.error { tellPlainly(error, in: meter.value, &out) }
            endsDisguised = false
            if masks || (echoes && isEcho(out)) { mask(&out) }
            return []
        case .listed(let meter, let list):
            if meter.value.isComplete || meter.value.error != nil { list.value.close(into: &out) }
            return []
        case .converted(let converter):
            let signals = converter.value.finish(into: &out)
            raised.formUnion(signals)
            if signals.contains(.error) { mask(&out) }
            return signals
        }
    }

    /// Ends a converted stream, or an array, with an error. It is known what the client has seen: numbers, ids, an array to be closed.
    mutating func fail(_ error: UpstreamError, into out: inout [UInt8]) {
        out.removeAll(keepingCapacity: true)
        switch way {
        case .converted(let converter): _ = converter.value.fail(error, into: &out)
        case .listed(_, let list):
            list.value.close(with: ErrorBody.bytes(error.errorClass, message: error.message, dialect: .gemini), into: &out)
        case .passed, .filtered: break
        }
    }

    /// What no client takes for an error is told once more, in its format's own form.
    private func tellPlainly(_ error: UpstreamError, in meter: StreamMeter, _ out: inout [UInt8]) {
        let event = ErrorBody.streamEvent(
            error.errorClass, message: error.message, dialect: meter.dialect, sequence: meter.nextSequence)
        // Behind the mark of the end no client reads on.
        if meter.hasEnded, let mark = SSEReader.mark(in: out) { return out.insert(contentsOf: event, at: mark) }
        // The event before it may lack its blank line.
        if !out.isEmpty, !out.suffix(2).elementsEqual([0x0A, 0x0A]) { out += [0x0A, 0x0A] }
        out += event
    }

    private func isEcho(_ bytes: UnsafeRawBufferPointer) -> Bool {
        redactor.stands(in: bytes, shortest: MaskedEcho.shortest)
    }

    private func isEcho(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { redactor.stands(in: $0, shortest: MaskedEcho.shortest) }
    }

    private func mask(_ out: inout [UInt8]) {
        out.withUnsafeMutableBytes { redactor.mask($0) }
    }

    // MARK: What is known of the stream

    private var meter: Box<StreamMeter>? {
        switch way {
        case .passed(let meter), .filtered(let meter, _), .listed(let meter, _): meter
        case .converted: nil
        }
    }

    private var converter: Box<StreamConverter>? { if case .converted(let converter) = way { converter } else { nil } }

    var isConverting: Bool { converter != nil }
    /// An array of chunks passes.
    var isList: Bool { if case .listed = way { true } else { false } }
    /// Whether more or less may come out than went in.
    var mayChangeLength: Bool { if case .passed = way { false } else { true } }
    /// What passes is coded, and only a copy of it is read.
    var isCoded: Bool { decoder != nil }
    /// The number of the next event, where they are numbered.
    var nextSequence: Int { meter?.value.nextSequence ?? 0 }
    var usage: TokenUsage? { converter?.value.usage ?? meter?.value.usage }
    /// What came of it that is no token.
    var media: MediaUsage {
        meter.map { MediaUsage(images: $0.value.images, audioMilliseconds: $0.value.audioMilliseconds) } ?? MediaUsage()
    }
    var error: UpstreamError? { converter?.value.error ?? meter?.value.error }
    /// The stream gave its format's evidence that the response is complete.
    var isComplete: Bool { converter?.value.isComplete ?? meter?.value.isComplete ?? false }
    /// The output by an estimate, in tokens.
    var countedOutput: Int? { converter?.value.countedOutput ?? meter?.value.countedOutput }
    /// The upstream's word for the end, where nothing is known of it.
    var unknownEnding: String? { converter?.value.unknownEnding }
    /// Parts that were left out since nothing is known of them.
    var unknownParts: [String] { converter?.value.unknownParts ?? [] }
    var thoughts: [ToolThoughts] { converter?.value.thoughts ?? listener?.value.thoughts ?? [] }
    /// What was read along has ended well, though nothing in it said so for certain.
    var endsComplete: Bool { listener != nil && isComplete }
    var remembered: RememberedResponse? { converter?.value.remembered }

    /// An event that is no JSON came before any of use.
    var beginsBroken: Bool { meter?.value.beginsBroken ?? false }
    /// The mark of the end came, and nothing before it that a client could use.
    var endsEmpty: Bool { meter?.value.endsEmpty ?? false }
    /// Behind the mark of the end no client reads on.
    var hasEnded: Bool { if case .listed(_, let list) = way { list.value.hasEnded } else { meter?.value.hasEnded ?? false } }
    /// The stream went without an error, and without its format's end where it is a response, else in the middle of an event.
    func isTruncated(asResponse: Bool) -> Bool {
        guard let meter = meter?.value, meter.error == nil else { return false }
        return asResponse ? !meter.isComplete : meter.breaksOff
    }
    /// An event too long to be held back went out in part.
    var isWithinEvent: Bool { if case .filtered(_, let filter) = way { filter.value.isWithinEvent } else { false } }

    /// What a stream that has said nothing meaningful may be.
    enum Suspicion { case none, undecided, foreign }

    var suspicion: Suspicion {
        guard let meter = meter?.value else { return .none }
        if meter.hasKnownEvents || (!meter.hasForeignEvents && !meter.isWithinEvent) { return .none }
        return meter.hasForeignEvents ? .foreign : .undecided
    }
}
