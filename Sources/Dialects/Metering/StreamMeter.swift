import Basics

/// Reads along while an upstream's event stream passes through unchanged: usage, model, errors, the first content and the end.
///
/// On the hot path. An event that arrives whole is looked at in place; JSON is only parsed when the event may hold something
/// the meter wants, so a plain content delta costs a line split and a look at its first bytes, and allocates nothing.
public struct StreamMeter: Sendable {
    private var reader = SSEReader()
    private var core: MeterCore

    /// - Parameter isListed: the events are the elements of an array, whose end no event is: each of them is read.
    public init(dialect: ClientDialect, isListed: Bool = false) { core = MeterCore(dialect: dialect, isListed: isListed) }

    public var dialect: ClientDialect { core.dialect }

    /// The model that really answered, as the upstream names it.
    public var model: String? { core.model }

    /// The error the upstream reported inside the stream.
    public var error: UpstreamError? { core.error }

    /// Whether the error stands in the stream in other words than those a client of the format looks for.
    public var errorIsDisguised: Bool { core.errorIsDisguised }

    /// Why the response ended, in the upstream's own word.
    public var stopReason: String? { core.stopReason }

    /// What the response cost so far; nil while the upstream has not said.
    public var usage: TokenUsage? { core.tally.usage(core.dialect) }

    /// Images that have come whole, where the stream is one of images.
    public var images: Int { core.tally.media.images }

    /// The length of the audio that was heard, as far as a stream of its text tells it.
    public var audioMilliseconds: Int { core.tally.media.audioMilliseconds }

    /// What has come so far by an estimate of the texts and calls in it, in tokens; for a stream that is not heard to its end.
    public var countedOutput: Int { (core.text.bytes &+ TextMeasure.bytesPerToken &- 1) / TextMeasure.bytesPerToken }

    /// The number that an event of Responses' behind those that came has.
    public var nextSequence: Int { core.nextSequence }

    /// Whether events came that the format does not know: what they mean, and whether they are complete, cannot be told.
    public var hasForeignEvents: Bool { core.isForeign }

    /// Whether any event of the format has come.
    public var hasKnownEvents: Bool { core.isKnown }

    /// Whether an event that is no JSON came before any of use: SDKs end with it.
    public var beginsBroken: Bool { core.beginsBroken }

    /// Whether the mark of the end came, and nothing before it that a client could use.
    public var endsEmpty: Bool { core.endsEmpty }

    /// Whether the event has come that no other follows.
    public var hasEnded: Bool { core.raised.contains(.terminal) }

    /// Whether an event has begun that has not ended.
    public var isWithinEvent: Bool { reader.isWithinEvent }

    /// Once the stream has ended: whether it broke off within an event, before the one that no other follows.
    public var breaksOff: Bool { !hasEnded && reader.endsWithinData }

    /// Whether the stream gave its format's evidence that the response is complete (conversion.md 6.6).
    public var isComplete: Bool {
        guard core.error == nil, core.failedBy == nil else { return false }
        switch core.dialect {
        case .anthropic, .gemini: return core.hasFinish
        case .responses: return core.raised.contains(.terminal)
        case .openai: return core.hasFinish || (core.raised.contains(.terminal) && core.hasResponse)
        }
    }

    /// Reads the next bytes of the stream, cut anywhere. Returns what became known by them.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Signals {
        let before = core.raised
        reader.consume(bytes, to: &core)
        if let data = reader.unfinishedData() { core.peek(data) }
        return core.raised.subtracting(before)
    }

    /// The stream ended: reads what lacked only its blank line.
    public mutating func finish() -> Signals {
        let before = core.raised
        reader.finish(to: &core)
        core.failIfUnexplained()
        if core.raised.isEmpty, !reader.stray.isEmpty {
            // An error that was sent as bare JSON instead of an event.
            reader.stray.withUnsafeBytes { core.fail(with: $0) }
        }
        return core.raised.subtracting(before)
    }
}

/// What the meter knows; apart from the reader, which shows it the events.
struct MeterCore: SSEEventSink, Sendable {
    let dialect: ClientDialect
    var model: String?
    var error: UpstreamError?
    var stopReason: String?
    var tally = UsageTally()
    var raised: Signals = []
    /// Something a client can use has come; `[DONE]` alone completes a chat response only then.
    var hasResponse = false
    var hasFinish = false
    /// The word by which the response ended where it is one for a failure: unless an error follows that says more, it is the error.
    var failedBy: String?
    /// The mark of the end came before anything else of use.
    var endsEmpty = false
    var isForeign = false
    /// An event that is no JSON came before any of use.
    private(set) var beginsBroken = false
    /// No client of the format takes the event with the error for one.
    private(set) var errorIsDisguised = false
    /// An event of the format has come.
    var isKnown = false
    var text = TextCount()
    /// Events of Responses' are numbered without gaps; the first one says from where.
    var nextSequence = 0
    /// The event in hand was looked at before its blank line came.
    private var hasPeeked = false
    /// What follows the mark of the end is read too.
    private let isListed: Bool

    init(dialect: ClientDialect, isListed: Bool = false) {
        self.dialect = dialect
        self.isListed = isListed
    }

    @inline(__always)
    mutating func take(_ event: SSEEvent) {
        if hasPeeked {
            hasPeeked = false
        } else {
            let isFirst = error == nil
            if raised.isEmpty, !isReadable(event) { beginsBroken = true }
            look(at: event.data)
            if isFirst, error != nil { errorIsDisguised = !showsError(event) }
        }
    }

    /// Whether SDKs of the format can read the event. Anthropic's do not look into a ping.
    private func isReadable(_ event: SSEEvent) -> Bool {
        guard !event.data.isEmpty, !SSEReader.isDone(event.data) else { return true }
        return (try? JSONScan.validate(event.data)) != nil || (dialect == .anthropic && event.name.equals("ping"))
    }

    /// Whether SDKs of the format see that the event is an error.
    private func showsError(_ event: SSEEvent) -> Bool {
        let type = EventType(of: event.data)
        switch dialect {
        // They go by the event's name, and pass over one that has none.
        case .anthropic: return event.name.equals("error") && type.equals("error")
        case .responses where type.equals("error") || type.equals("response.failed"): return true
        case .openai, .responses, .gemini:
            guard let said = JSONScan.find("error", of: event.data) else { return false }
            return said.kind == .object || (said.kind == .string && said.value.count > 2)
        }
    }

    /// Looks at an event whose blank line is still to come: if it completes the response, a client may act on it already.
    mutating func peek(_ data: [UInt8]) {
        data.withUnsafeBytes { data in
            guard !hasPeeked, isTerminal(data) else { return }
            // Only what is whole counts, as at the end of a stream.
            guard SSEReader.isDone(data) || (try? JSONScan.validate(data)) != nil else { return }
            hasPeeked = true
            look(at: data)
        }
    }

    private mutating func look(at data: UnsafeRawBufferPointer) {
        guard !data.isEmpty, isListed || !raised.contains(.terminal) else { return }
        let before = raised
        switch dialect {
        case .anthropic: lookAtMessages(data)
        case .openai: lookAtChat(data)
        case .responses: lookAtResponses(data)
        case .gemini: lookAtGemini(data)
        }
        // What is beside an error or follows it is no response, also when one read brings both.
        if raised.contains(.error), !before.contains(.content) { raised.remove(.content) }
    }

    private func isTerminal(_ data: UnsafeRawBufferPointer) -> Bool {
        switch dialect {
        case .anthropic: Self.endsMessages(data)
        case .openai: Self.endsChat(data)
        case .responses: Self.endsResponses(data)
        case .gemini: Self.mayEndGemini(data)
        }
    }

    mutating func fail(with data: UnsafeRawBufferPointer) {
        guard error == nil else { return }
        error = UpstreamError.readEvent(data, dialect: dialect)
        raised.insert(.error)
    }

    /// The response is over, and ended by a word for a failure: no client takes that for an error.
    mutating func failIfUnexplained() {
        guard error == nil, let failedBy else { return }
        error = .ended(by: failedBy)
        errorIsDisguised = true
        raised.insert(.error)
    }
}

/// The `type` of an Anthropic or Responses event, as bytes. The first member by habit, found by a look at the first bytes.
struct EventType {
    let name: UnsafeRawBufferPointer

    @inline(__always)
    init(of data: UnsafeRawBufferPointer) {
        if data.starts("{\"type\":\"") {
            var end = 9
            while end < data.count, data[end] != 0x22, data[end] != 0x5C { end &+= 1 }
            name = UnsafeRawBufferPointer(rebasing: data[9..<end])
        } else if let member = JSONScan.find("type", of: data), member.kind == .string {
            name = data.slice(member.value.lowerBound &+ 1..<member.value.upperBound &- 1)
        } else {
            name = UnsafeRawBufferPointer(start: nil, count: 0)
        }
    }

    @inline(__always)
    func equals(_ text: StaticString) -> Bool { name.equals(text) }

    @inline(__always)
    func starts(_ text: StaticString) -> Bool { name.starts(text) }

    @inline(__always)
    func ends(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        return name.count >= count && name.slice(name.count &- count..<name.count).equals(text)
    }

    var isEmpty: Bool { name.isEmpty }
}
