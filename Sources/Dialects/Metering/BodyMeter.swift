/// What a whole JSON answer says of itself, read where it lies.
public struct BodyMeter: Sendable, Hashable {
    /// What the path of a request promises that its answer holds.
    public enum Promise: Sendable, Hashable {
        /// The upstream's format's answer of a model.
        case answer
        /// OpenAI's list of embeddings.
        case embeddings
        /// Nothing that is known here.
        case nothing
    }

    /// What the answer cost, as far as it says. A body that is no JSON says nothing.
    public private(set) var usage: TokenUsage?
    /// A string of it begins as the text does that some servers send for no answer (conversion.md 9.3).
    public private(set) var mayBeEmptyAnswer = false
    /// A string of it is `tool_use`.
    public private(set) var mayHoldCalls = false
    /// It is one whole document, and holds what was promised.
    public private(set) var keepsPromise = false
    /// What was promised stands in it, whole or not.
    public private(set) var showsPromise = false
    /// Its outermost object has an `error` that says something.
    public private(set) var hasError = false
    /// It may hold an error: a member says so. `AnswerFault` looks closer.
    public private(set) var mayHoldError = false

    public init(_ body: UnsafeRawBufferPointer, dialect: Dialect, promise: Promise = .nothing) {
        var tally = UsageTally()
        var cursor = JSONCursor(body)
        // To open an object as an array would check the whole of it first.
        if dialect == .gemini, cursor.isAt(0x5B) {
            readList(body, dialect, promise, &tally)
        } else {
            keepsPromise = read(body, in: 0..<body.count, dialect, promise, &tally)
        }
        usage = tally.usage(dialect)
    }

    /// The usage alone.
    public static func usage(of body: UnsafeRawBufferPointer, dialect: Dialect) -> TokenUsage? {
        BodyMeter(body, dialect: dialect).usage
    }

    /// The streaming method without `alt=sse` answers with an array of chunks.
    private mutating func readList(
        _ body: UnsafeRawBufferPointer, _ dialect: Dialect, _ promise: Promise, _ tally: inout UsageTally
    ) {
        var cursor = JSONCursor(body)
        var holds = false
        do throws(JSONScan.Problem) {
            try cursor.open(.array)
            while let element = try cursor.nextElement() {
                if read(body, in: element.value, dialect, promise, &tally) { holds = true }
            }
            try cursor.finish()
        } catch { return }
        keepsPromise = holds
    }

    /// Whether the object in `range` is whole, alone, and holds what was promised.
    private mutating func read(
        _ body: UnsafeRawBufferPointer, in range: Range<Int>, _ dialect: Dialect, _ promise: Promise, _ tally: inout UsageTally
    ) -> Bool {
        guard let base = body.baseAddress else { return false }
        var holds = false
        let name: StaticString = dialect == .gemini ? "usageMetadata" : "usage"
        let end = JSONSkim.objects(named: name, of: body, in: range) { text, depth in
            guard text.count >= 4 else { return }
            if depth == 1, promise != .nothing { noteMember(body, text, range.upperBound, dialect, promise, &holds) }
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
        if holds { showsPromise = true }
        guard holds, let end, Self.isSpace(body, end..<range.upperBound) else { return false }
        var start = range.lowerBound
        while start < range.upperBound, body[start] <= 0x20 { start &+= 1 }
        return start < range.upperBound && body[start] == 0x7B
    }

    /// A string of the outermost object: one of its keys, or a value.
    private mutating func noteMember(
        _ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int, _ dialect: Dialect, _ promise: Promise,
        _ holds: inout Bool
    ) {
        let word = UnsafeRawBufferPointer(rebasing: body[text])
        switch word[0] {
        case UInt8(ascii: "b"): if word.equals("base_resp") { mayHoldError = true }
        case UInt8(ascii: "c"):
            switch (dialect, promise) {
            case (.anthropic, .answer): if word.equals("content") { holds = begins(body, text, end, 0x5B) != nil }
            case (.openai, .answer), (.azure, .answer): noteList(body, word, "choices", text, end, &holds)
            case (.gemini, .answer): noteList(body, word, "candidates", text, end, &holds)
            default: break
            }
        case UInt8(ascii: "d"):
            if promise == .embeddings, word.equals("data") { holds = begins(body, text, end, 0x5B) != nil }
        case UInt8(ascii: "e"): if word.equals("error") { noteError(body, text, end) }
        case UInt8(ascii: "o"):
            // Azure serves Chat and Responses.
            let isOpenAI = dialect == .responses || dialect == .azure
            if isOpenAI, promise == .answer, word.equals("output") { holds = begins(body, text, end, 0x5B) != nil }
        case UInt8(ascii: "p"):
            if dialect == .gemini, promise == .answer, word.equals("promptFeedback"), begins(body, text, end, 0x7B) != nil {
                holds = true
            }
        default: break
        }
    }

    /// Formats have `error` as null where there is none.
    private mutating func noteError(_ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int) {
        mayHoldError = true
        if begins(body, text, end, 0x7B) != nil || begins(body, text, end, 0x22) != nil { hasError = true }
    }

    /// A list that promises nothing while it is empty.
    private func noteList(
        _ body: UnsafeRawBufferPointer, _ word: UnsafeRawBufferPointer, _ key: StaticString, _ text: Range<Int>, _ end: Int,
        _ holds: inout Bool
    ) {
        guard word.equals(key), var index = begins(body, text, end, 0x5B) else { return }
        while index < end, body[index] <= 0x20 { index &+= 1 }
        if index < end, body[index] != 0x5D { holds = true }
    }

    /// Past the bracket of the value whose key's inside is `text`; nil when it is no key, or its value begins otherwise.
    private func begins(_ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int, _ bracket: UInt8) -> Int? {
        var index = text.upperBound &+ 1
        var hasColon = false
        while index < end {
            switch body[index] {
            case 0x20, 0x09, 0x0A, 0x0D: break
            case 0x3A where !hasColon: hasColon = true
            case bracket where hasColon: return index &+ 1
            default: return nil
            }
            index &+= 1
        }
        return nil
    }

    private static func isSpace(_ body: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {
            guard body[index] <= 0x20 else { return false }
            index &+= 1
        }
        return true
    }
}
