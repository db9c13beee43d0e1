/// What a whole JSON answer says of itself, read where it lies.
public struct BodyMeter: Sendable, Hashable {
    /// What the answer cost, as far as it says. A body that is no JSON says nothing.
    public private(set) var usage: TokenUsage?
    /// A string of it begins as the text does that some servers send for no answer (conversion.md 9.3).
    public private(set) var mayBeEmptyAnswer = false
    /// A string of it is `tool_use`.
    public private(set) var mayHoldCalls = false

    public init(_ body: UnsafeRawBufferPointer, dialect: Dialect) {
        var tally = UsageTally()
        var cursor = JSONCursor(body)
        // To open an object as an array would check the whole of it first.
        if dialect == .gemini, cursor.isAt(0x5B), (try? cursor.open(.array)) != nil {
            // The streaming method without `alt=sse` answers with an array of chunks.
            while let element = (try? cursor.nextElement()) ?? nil { read(body, in: element.value, dialect, &tally) }
        } else {
            read(body, in: 0..<body.count, dialect, &tally)
        }
        usage = tally.usage(dialect)
    }

    /// The usage alone.
    public static func usage(of body: UnsafeRawBufferPointer, dialect: Dialect) -> TokenUsage? {
        BodyMeter(body, dialect: dialect).usage
    }

    private mutating func read(
        _ body: UnsafeRawBufferPointer, in range: Range<Int>, _ dialect: Dialect, _ tally: inout UsageTally
    ) {
        guard let base = body.baseAddress else { return }
        JSONSkim.objects(named: dialect == .gemini ? "usageMetadata" : "usage", of: body, in: range) { text in
            guard text.count >= 8 else { return }
            switch base.load(fromByteOffset: text.lowerBound, as: UInt8.self) {
            case UInt8(ascii: "["): mayBeEmptyAnswer = true
            case UInt8(ascii: "t"):
                if text.count == 8, ByteSearch.has("tool_use", base, at: text.lowerBound, to: text.upperBound) {
                    mayHoldCalls = true
                }
            default: break
            }
        } _: {
            tally.merge(body, in: $0, dialect)
        }
    }
}
