import Basics

/// Reads the array of chunks that Gemini's streaming method gives without `alt=sse`, cut anywhere, and shows each chunk once it is whole.
///
/// What may go on ends with a whole chunk, so that one more can follow it: the error of a stream that is cut. The array's own end waits
/// until it is released.
public struct GeminiChunkList: Sendable {
    private enum Place { case before, between, chunk, behind, broken }

    /// Bytes one chunk may have; a list with a longer one is read no further.
    private let maxChunkBytes: Int
    private var place = Place.before
    /// What has come and has not gone on; read up to `scanned`.
    private var held: [UInt8] = []
    private var scanned = 0
    private var chunkStart = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var hasChunks = false
    /// The array's end has gone on.
    public private(set) var hasEnded = false

    public init(maxChunkBytes: Int = 32 << 20) { self.maxChunkBytes = maxChunkBytes }

    /// The array's end has come.
    public var isClosed: Bool { place == .behind }

    /// Reads on. Appends to `out` what may go on, and to `events` each chunk that is whole, as an event of a stream.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer, into out: inout [UInt8], events: inout [UInt8]) {
        guard place != .broken else { return }
        var text = held
        held = []
        text.append(contentsOf: bytes)
        var passed = 0
        text.withUnsafeBytes { text in
            while scanned < text.count, place != .broken {
                guard place == .chunk else {
                    stand(at: text[scanned])
                    continue
                }
                guard endsChunk(text) else { break }
                Self.append(event: text.slice(chunkStart..<scanned), to: &events)
                passed = scanned
                hasChunks = true
                place = .between
            }
        }
        out.append(contentsOf: text[..<passed])
        text.removeFirst(passed)
        scanned -= passed
        chunkStart -= passed
        if text.count > maxChunkBytes || place == .broken {
            place = .broken
            text = []
        }
        held = text
    }

    /// The array's end may go on, where it has come.
    public mutating func release(into out: inout [UInt8]) {
        guard isClosed else { return }
        out.append(contentsOf: held)
        held = []
        scanned = 0
        hasEnded = true
    }

    /// Ends the array where its own end has not come; with `last` as one more chunk.
    public mutating func close(with last: [UInt8] = [], into out: inout [UInt8]) {
        guard !hasEnded else { return }
        if !last.isEmpty {
            out.append(hasChunks ? UInt8(ascii: ",") : UInt8(ascii: "["))
            out.append(contentsOf: last)
        }
        out.append(UInt8(ascii: "]"))
        hasEnded = true
    }

    /// A byte outside of the chunks.
    private mutating func stand(at byte: UInt8) {
        switch (place, byte) {
        case (_, UInt8(ascii: " ")), (_, 0x09), (_, 0x0A), (_, 0x0D), (.between, UInt8(ascii: ",")): break
        case (.before, UInt8(ascii: "[")): place = .between
        case (.between, UInt8(ascii: "]")): place = .behind
        case (.between, UInt8(ascii: "{")):
            place = .chunk
            chunkStart = scanned
            return
        default: place = .broken
        }
        scanned += 1
    }

    /// Goes on to the end of the chunk in hand; whether it is here.
    private mutating func endsChunk(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let base = text.baseAddress else { return false }
        var index = scanned
        defer { scanned = index }
        while index < text.count {
            if isEscaped {
                isEscaped = false
                index += 1
                continue
            }
            if isInString {
                index = ByteSearch.plainEnd(base, from: index, to: text.count)
                guard index < text.count else { return false }
                switch text[index] {
                case UInt8(ascii: "\""): isInString = false
                case UInt8(ascii: "\\"): isEscaped = true
                default: break
                }
                index += 1
                continue
            }
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return true }
            default: break
            }
        }
        return false
    }

    /// A chunk may be written over lines; within its strings are none.
    private static func append(event chunk: UnsafeRawBufferPointer, to events: inout [UInt8]) {
        SSEWriter.begin(into: &events)
        for byte in chunk { events.append(byte == 0x0A || byte == 0x0D ? UInt8(ascii: " ") : byte) }
        SSEWriter.end(into: &events)
    }
}
