import Testing

@testable import Dialects

@Suite("Gemini's array of chunks")
struct GeminiChunkListTests {
    private struct Read {
        var list = GeminiChunkList()
        var passed: [UInt8] = []
        var events: [UInt8] = []

        mutating func feed(_ piece: [UInt8]) {
            piece.withUnsafeBytes { list.consume($0, into: &passed, events: &events) }
        }
    }

    private static let chunks = [#"{"text":"a ]} \" \\"}"#, #"{"list":[{"x":1},[2]]}"#, "{\n  \"y\": \"ü\"\n}"]
    private static let array = "[" + chunks.joined(separator: "\n,\r\n") + "\n]\n"
    private static let asEvents = chunks.map { "data: " + $0.replacing("\n", with: " ") + "\n\n" }.joined()

    @Test("passes byte for byte, and shows each chunk as an event", arguments: [Cut.whole, .bytewise, .random])
    func passes(cut: Cut) {
        var read = Read()
        for piece in cut.pieces(of: Self.array) { read.feed(piece) }
        #expect(text(read.events) == Self.asEvents)
        // The end waits until it is released.
        #expect(text(read.passed) == String(Self.array.dropLast(3)))
        #expect(read.list.isClosed)
        read.list.release(into: &read.passed)
        #expect(text(read.passed) == Self.array)
        #expect(read.list.hasEnded)
    }

    @Test("half a chunk does not go on, and an error closes the array")
    func isCut() {
        var read = Read()
        read.feed(Array(#"[{"a":1},{"b":"#.utf8))
        #expect(text(read.passed) == #"[{"a":1}"#)
        read.list.close(with: Array(#"{"error":{}}"#.utf8), into: &read.passed)
        #expect(text(read.passed) == #"[{"a":1},{"error":{}}]"#)
        #expect(read.list.hasEnded)
    }

    @Test("what is no array of objects is read no further", arguments: [#"{"a":1}"#, "[1]", #"["a"]"#, "[[1]]", "x", "[{}]x"])
    func isBroken(said: String) {
        var read = Read()
        read.feed(Array(said.utf8))
        read.list.release(into: &read.passed)
        #expect(!read.list.isClosed)
        #expect(!read.list.hasEnded)
    }

    @Test("a chunk longer than one may be ends the list")
    func isBounded() {
        var read = Read()
        read.list = GeminiChunkList(maxChunkBytes: 64)
        read.feed(Array("[{\"a\":\"".utf8))
        for _ in 0..<100 { read.feed(Array("aaaaaaaa".utf8)) }
        read.feed(Array("\"}]".utf8))
        #expect(read.passed.isEmpty)
        #expect(read.events.isEmpty)
    }

    @Test("a meter of a list reads what follows the chunk that says how the response ended")
    func usageBehindTheEnd() {
        var meter = StreamMeter(dialect: .gemini, isListed: true)
        let finish = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"}]}\n\n"
        let usage = "data: {\"usageMetadata\":{\"promptTokenCount\":3,\"candidatesTokenCount\":5,\"totalTokenCount\":8}}\n\n"
        for event in [finish, usage] { withBytes(event) { _ = meter.consume($0) } }
        #expect(meter.usage?.output == 5)
        #expect(meter.isComplete)
    }
}
