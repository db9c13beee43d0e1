/// Reads along while an upstream's event stream passes through unchanged: usage, model, errors, the gate and the end.
///
/// On the hot path. An event that arrives whole is looked at where it lies; JSON is only parsed when the event may hold something
/// the meter wants, so a plain content delta costs a line split and a look at its first bytes, and allocates nothing.
public struct StreamMeter: Sendable {
    public let dialect: Dialect
    /// The model that really answered, as the upstream names it.
    public internal(set) var model: String?
    /// The error the upstream reported inside the stream.
    public internal(set) var error: UpstreamError?
    /// Why the answer ended, in the upstream's own word.
    public internal(set) var stopReason: String?
    /// Where the event that completes the answer begins in the bytes fed last; nil when they do not complete it.
    public private(set) var terminalOffset: Int?

    var tally = UsageTally()
    var raised: Signals = []
    /// Something a client can use has come; `[DONE]` alone completes a chat answer only then.
    var hasAnswer = false
    var hasFinish = false
    private var reader = SSEReader()
    private var hasPeeked = false

    public init(dialect: Dialect) { self.dialect = dialect }

    /// What the answer cost so far; nil while the upstream has not said.
    public var usage: TokenUsage? { tally.usage(dialect) }

    /// Whether the stream gave its format's evidence that the answer is complete (conversion.md 6.6).
    public var isComplete: Bool {
        guard error == nil else { return false }
        switch dialect {
        case .anthropic, .gemini: return hasFinish
        case .responses: return raised.contains(.terminal)
        case .openai, .azure: return hasFinish || (raised.contains(.terminal) && hasAnswer)
        }
    }

    /// Reads the next bytes of the stream, cut anywhere. Returns what became known by them.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Signals {
        let before = raised
        terminalOffset = nil
        // The reader is moved out for the call: its events are shown to this struct.
        var reader = SSEReader(maxEventBytes: 0)
        swap(&reader, &self.reader)
        reader.consume(bytes) { event in
            if hasPeeked {
                hasPeeked = false
                return
            }
            look(at: event.data, start: event.start)
        }
        reader.withUnfinishedData { data in
            guard !hasPeeked, isTerminal(data) else { return }
            hasPeeked = true
            look(at: data, start: reader.unfinishedStart)
        }
        swap(&reader, &self.reader)
        return raised.subtracting(before)
    }

    /// The stream ended: reads what lacked only its blank line.
    public mutating func finish() -> Signals {
        let before = raised
        terminalOffset = nil
        var reader = SSEReader(maxEventBytes: 0)
        swap(&reader, &self.reader)
        reader.finish { event in
            if hasPeeked { return }
            look(at: event.data, start: event.start)
        }
        if raised.isEmpty, !reader.stray.isEmpty {
            // An error that was sent as bare JSON instead of an event.
            reader.stray.withUnsafeBytes { fail(with: $0) }
        }
        swap(&reader, &self.reader)
        return raised.subtracting(before)
    }

    private mutating func look(at data: UnsafeRawBufferPointer, start: Int) {
        guard !data.isEmpty, !raised.contains(.terminal) else { return }
        let hadTerminal = raised.contains(.terminal)
        switch dialect {
        case .anthropic: lookAtMessages(data)
        case .openai, .azure: lookAtChat(data)
        case .responses: lookAtResponses(data)
        case .gemini: lookAtGemini(data)
        }
        if !hadTerminal, raised.contains(.terminal) { terminalOffset = start }
    }

    /// Whether an event completes the answer, asked of one whose blank line is still to come.
    private func isTerminal(_ data: UnsafeRawBufferPointer) -> Bool {
        switch dialect {
        case .anthropic: EventType(of: data).equals("message_stop")
        case .openai, .azure: SSEReader.isDone(data)
        case .responses:
            EventType(of: data).equals("response.completed") || EventType(of: data).equals("response.incomplete")
        case .gemini: ByteSearch.contains("\"finishreason\"", in: data)
        }
    }

    mutating func fail(with data: UnsafeRawBufferPointer) {
        guard error == nil else { return }
        error = UpstreamError.readEvent(data, dialect: dialect)
        raised.insert(.error)
    }
}

/// The `type` of an Anthropic or Responses event, as bytes. The first member by habit, found by a look at the first bytes.
struct EventType {
    private let name: UnsafeRawBufferPointer

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

    var isEmpty: Bool { name.isEmpty }
}
