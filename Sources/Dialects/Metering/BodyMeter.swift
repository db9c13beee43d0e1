import Basics

/// What a whole JSON response says of itself, read in place.
public struct BodyMeter: Sendable, Hashable {
    /// What the path of a request promises that its response holds.
    public enum Promise: Sendable, Hashable {
        /// The upstream's format's response of a model.
        case response
        /// OpenAI's list of embeddings.
        case embeddings
        /// Nothing that is known here.
        case nothing
    }

    /// What the response cost, as far as it says. A body that is no JSON says nothing.
    public private(set) var usage: TokenUsage?
    /// A string of it begins as the text does that some servers send for no response (conversion.md 9.3).
    public private(set) var mayBeEmptyResponse = false
    /// A string of it is `tool_use`.
    public private(set) var mayHoldCalls = false
    /// It is one whole document, and holds what was promised.
    public private(set) var keepsPromise = false
    /// What was promised is in it, whole or not.
    public private(set) var showsPromise = false
    /// Its outermost object has an `error` that says something.
    public private(set) var hasError = false
    /// It may hold an error: a member says so. `ResponseFault` looks closer.
    public private(set) var mayHoldError = false

    public init(_ body: UnsafeRawBufferPointer, dialect: ClientDialect, promise: Promise = .nothing) {
        let body = body.withoutMark
        self.init(plain: body, dialect, promise)
        // Names may be written with escapes: then the same is read without them.
        guard !keepsPromise, promise != .nothing, ByteSearch.contains("\\u00", in: body),
            let value = try? JSONValue(parsing: body)
        else { return }
        let (plain, usage) = (value.bytes, usage)
        plain.withUnsafeBytes { self = BodyMeter(plain: $0, dialect, promise) }
        self.usage = self.usage ?? usage
    }

    private init(plain body: UnsafeRawBufferPointer, _ dialect: ClientDialect, _ promise: Promise) {
        var tally = UsageTally()
        var cursor = JSONCursor(body)
        // To open an object as an array would check the whole of it first.
        if dialect == .gemini, cursor.isAt(UInt8(ascii: "[")) {
            readList(body, dialect, promise, &tally)
        } else {
            keepsPromise = read(body, in: 0..<body.count, dialect, promise, &tally)
        }
        // Some chat servers have it elsewhere.
        if dialect == .openai, !tally.isKnown, promise != .embeddings { tally.takeChat(whole: body) }
        usage = tally.usage(dialect)
        if promise == .embeddings { usage?.holdsInputAlone() }
    }

    /// The usage alone.
    public static func usage(of body: UnsafeRawBufferPointer, dialect: ClientDialect) -> TokenUsage? {
        BodyMeter(body, dialect: dialect).usage
    }

    /// The streaming method without `alt=sse` answers with an array of chunks.
    private mutating func readList(
        _ body: UnsafeRawBufferPointer, _ dialect: ClientDialect, _ promise: Promise, _ tally: inout UsageTally
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
        _ body: UnsafeRawBufferPointer, in range: Range<Int>, _ dialect: ClientDialect, _ promise: Promise,
        _ tally: inout UsageTally
    ) -> Bool {
        guard let base = body.baseAddress else { return false }
        var seen = Seen()
        let name: StaticString = dialect == .gemini ? "usageMetadata" : "usage"
        let end = JSONSkim.objects(named: name, of: body, in: range) { text, depth in
            if depth == 1 { seen.place = .elsewhere }
            guard text.count >= 4 else { return }
            if depth <= 3, promise != .nothing {
                if depth == 1 {
                    noteMember(body, text, range.upperBound, dialect, promise, &seen)
                } else if seen.place != .elsewhere {
                    noteInside(body, text, range.upperBound, depth, dialect, &seen)
                }
            }
            guard text.count >= 8 else { return }
            switch base.load(fromByteOffset: text.lowerBound, as: UInt8.self) {
            case UInt8(ascii: "["): mayBeEmptyResponse = true
            case UInt8(ascii: "t"):
                if text.count == 8, ByteSearch.has("tool_use", base, at: text.lowerBound, to: text.upperBound) {
                    mayHoldCalls = true
                }
            default: break
            }
        } _: {
            tally.merge(body, in: $0, dialect)
        }
        let isKept = seen.keeps(promise, dialect)
        // For a response that has only begun, the beginning of its list is enough.
        if isKept || (seen.lists == 1 && seen.holdsObject) { showsPromise = true }
        guard isKept, let end, Self.isSpace(body, end..<range.upperBound) else { return false }
        var start = range.lowerBound
        while start < range.upperBound, body[start] <= 0x20 { start &+= 1 }
        return start < range.upperBound && body[start] == UInt8(ascii: "{")
    }

    /// What was seen of the members that were promised.
    private struct Seen {
        /// Where the strings stand that come.
        enum Place { case elsewhere, list, feedback }

        var place = Place.elsewhere
        /// How often the list is there: readers differ in which of two they take.
        var lists = 0
        /// The list's first element is an object; or it has none.
        var holdsObject = false
        var isEmpty = false
        /// An element of it has what makes it one.
        var hasPart = false
        /// The response says why it holds nothing.
        var saysWhy = false

        func keeps(_ promise: Promise, _ dialect: ClientDialect) -> Bool {
            guard lists <= 1 else { return false }
            // A response of no blocks, and a list of no vectors, are responses; a choice there must be.
            if promise == .embeddings { return holdsObject || isEmpty }
            return switch dialect {
            case .anthropic: holdsObject || isEmpty
            case .openai: holdsObject && hasPart
            case .responses: holdsObject || isEmpty
            case .gemini: saysWhy || (holdsObject && hasPart)
            }
        }
    }

    /// A string of the outermost object: one of its keys, or a value.
    private mutating func noteMember(
        _ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int, _ dialect: ClientDialect, _ promise: Promise,
        _ seen: inout Seen
    ) {
        let word = body.slice(text)
        switch word[0] {
        case UInt8(ascii: "b"): if word.equals("base_resp") { mayHoldError = true }
        case UInt8(ascii: "c"):
            switch (dialect, promise) {
            case (.anthropic, .response): if word.equals("content") { noteList(body, text, end, &seen) }
            case (.openai, .response): if word.equals("choices") { noteList(body, text, end, &seen) }
            case (.gemini, .response): if word.equals("candidates") { noteList(body, text, end, &seen) }
            default: break
            }
            if word.equals("cancelled") { mayHoldError = true }
        case UInt8(ascii: "d"): if promise == .embeddings, word.equals("data") { noteList(body, text, end, &seen) }
        case UInt8(ascii: "e"): if word.equals("error") { noteError(body, text, end) }
        case UInt8(ascii: "f"): if word.equals("failed") { mayHoldError = true }
        case UInt8(ascii: "o"):
            if dialect == .responses, promise == .response, word.equals("output") {
                noteList(body, text, end, &seen)
            }
        case UInt8(ascii: "p"): if dialect == .gemini, word.equals("promptFeedback") { seen.place = .feedback }
        default: break
        }
    }

    /// Formats have `error` as null where there is none.
    private mutating func noteError(_ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int) {
        mayHoldError = true
        if begins(body, text, end, UInt8(ascii: "{")) || begins(body, text, end, UInt8(ascii: "\"")) { hasError = true }
    }

    /// A string within a promised member, a key or a value. What is looked for is near the outside: little is looked at.
    private mutating func noteInside(
        _ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int, _ depth: Int, _ dialect: ClientDialect, _ seen: inout Seen
    ) {
        let word = body.slice(text)
        switch (seen.place, depth, dialect) {
        case (.list, 3, .openai):
            switch word[0] {
            case UInt8(ascii: "m"): if word.equals("message"), begins(body, text, end, UInt8(ascii: "{")) { seen.hasPart = true }
            case UInt8(ascii: "d"): if word.equals("delta"), begins(body, text, end, UInt8(ascii: "{")) { seen.hasPart = true }
            case UInt8(ascii: "t"): if word.equals("text"), begins(body, text, end, UInt8(ascii: "\"")) { seen.hasPart = true }
            case UInt8(ascii: "e"): if word.equals("error") { mayHoldError = true }
            case UInt8(ascii: "f"): if word.equals("finish_reason") { noteFinish(body, text, end) }
            default: break
            }
        case (.list, 3, .gemini):
            switch word[0] {
            case UInt8(ascii: "c"): if word.equals("content"), begins(body, text, end, UInt8(ascii: "{")) { seen.hasPart = true }
            case UInt8(ascii: "f"): if word.equals("finishReason"), begins(body, text, end, 0x22) { seen.hasPart = true }
            default: break
            }
        case (.feedback, 2, _):
            if word.equals("blockReason"), begins(body, text, end, UInt8(ascii: "\"")) { seen.saysWhy = true }
        default: break
        }
    }

    /// How the response ended, where that is a word for a failure.
    private mutating func noteFinish(_ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int) {
        guard let start = value(body, text, end), body[start] == UInt8(ascii: "\"") else { return }
        var close = start &+ 1
        while close < end, body[close] != UInt8(ascii: "\""), close &- start < 65 { close &+= 1 }
        let word = body.slice(start &+ 1..<close)
        if !word.equals("length"), FinishWords.meaning(of: word) == .failure { mayHoldError = true }
    }

    /// The list that was promised, if `text` is its key and not some value.
    private func noteList(_ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int, _ seen: inout Seen) {
        guard var index = value(body, text, end) else { return }
        seen.lists += 1
        seen.holdsObject = false
        seen.isEmpty = false
        guard body[index] == UInt8(ascii: "[") else { return }
        index &+= 1
        while index < end, body[index] <= 0x20 { index &+= 1 }
        guard index < end else { return }
        seen.place = .list
        seen.holdsObject = body[index] == UInt8(ascii: "{")
        seen.isEmpty = body[index] == UInt8(ascii: "]")
    }

    /// Whether `text` is the inside of a key whose value begins with `first`.
    private func begins(_ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int, _ first: UInt8) -> Bool {
        value(body, text, end).map { body[$0] == first } ?? false
    }

    /// Where the value begins whose key's inside is `text`; nil when it is no key.
    private func value(_ body: UnsafeRawBufferPointer, _ text: Range<Int>, _ end: Int) -> Int? {
        var index = text.upperBound &+ 1
        var hasColon = false
        while index < end {
            switch body[index] {
            case UInt8(ascii: " "), 0x09, 0x0A, 0x0D: break
            case UInt8(ascii: ":") where !hasColon: hasColon = true
            default: return hasColon ? index : nil
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
