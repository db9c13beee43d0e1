import Testing

@testable import HTTP1

@Suite("Chunked bodies")
struct HTTPChunkedDecoderTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var text: String
        var data: String
        /// What is passed on without extensions and trailers.
        var relayed: String

        var testDescription: String { text.debugDescription }

        init(_ text: String, _ data: String, relayed: String? = nil) {
            self.text = text
            self.data = data
            self.relayed = relayed ?? text
        }
    }

    @Test(
        "A body is put together again, however it was cut",
        arguments: [
            Example("0\r\n\r\n", ""),
            Example("5\r\nhello\r\n0\r\n\r\n", "hello"),
            Example("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", "hello world"),
            Example("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
            Example("00000000000000a\r\n0123456789\r\n000\r\n\r\n", "0123456789"),
            Example("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
            Example("5;\r\nhello\r\n0\r\n\r\n", "hello", relayed: "5\r\nhello\r\n0\r\n\r\n"),
            Example("5;a=b;c=\"d e\";f\r\nhello\r\n0;x\r\n\r\n", "hello", relayed: "5\r\nhello\r\n0\r\n\r\n"),
            Example("1;a\r\nx\r\n1;\tb\u{e9}\r\ny\r\n0\r\n\r\n", "xy", relayed: "1\r\nx\r\n1\r\ny\r\n0\r\n\r\n"),
            Example("1\r\nx\r\n0\r\nTrailer: v\r\n\r\n", "x", relayed: "1\r\nx\r\n0\r\n\r\n"),
            Example("1\r\nx\r\n0;e\r\nA: v\r\nB:\r\nContent-Length: 7\r\n\r\n", "x", relayed: "1\r\nx\r\n0\r\n\r\n"),
        ])
    func decodes(_ example: Example) {
        var seed = HTTPSeed()
        let bytes = Array((example.text + "GET / HTTP/1.1").utf8)
        for cuts in waysToCut(bytes.count, &seed) {
            let result = readChunks(bytes, cuts: cuts)
            #expect(result.ending == .ended, "seed \(seed.seed), cuts \(cuts)")
            #expect(String(decoding: result.data, as: UTF8.self) == example.data, "seed \(seed.seed), cuts \(cuts)")
            #expect(result.consumed == example.text.utf8.count, "seed \(seed.seed), cuts \(cuts)")
            #expect(String(decoding: result.relayed, as: UTF8.self) == example.relayed, "seed \(seed.seed), cuts \(cuts)")
            #expect(result.isCanonical == (example.text == example.relayed))
        }
    }

    @Test(
        "Framing that is malformed or can be read in two ways is refused",
        arguments: [
            BadMessage("\r\n", .chunkSize), BadMessage(";a\r\n", .chunkSize), BadMessage(" 5\r\nhello\r\n", .chunkSize),
            BadMessage("5 \r\nhello\r\n", .chunkSize), BadMessage("5 ;a\r\nhello\r\n", .chunkSize),
            BadMessage("5\t\r\n", .chunkSize),
            BadMessage("+5\r\nhello\r\n", .chunkSize), BadMessage("-5\r\nhello\r\n", .chunkSize),
            BadMessage("0x5\r\nhello\r\n", .chunkSize),
            BadMessage("5h\r\n", .chunkSize), BadMessage("g\r\n", .chunkSize), BadMessage("5\nhello\n0\n\n", .chunkSize),
            BadMessage("5\rhello\r\n", .chunkSize), BadMessage("5\r\r\nhello", .chunkSize), BadMessage("5_0\r\n", .chunkSize),
            BadMessage("fffffffffffffffff\r\n", .chunkSize), BadMessage("0000000000000005\r\nhello\r\n", .chunkSize),
            BadMessage("8000000000000000\r\n", .chunkSize), BadMessage([0x35, 0xff, 0x0d, 0x0a], .chunkSize),
            BadMessage("5;a\nhello\r\n", .chunkExtension), BadMessage("5;a\0b\r\nhello", .chunkExtension),
            BadMessage("5;a\u{7f}\r\nhello", .chunkExtension), BadMessage("5;a\rb\r\nhello", .chunkSize),
            BadMessage("5;" + String(repeating: "x", count: 1024) + "\r\n", .chunkExtension),
            BadMessage("5\r\nhello!\r\n", .chunkEnd), BadMessage("5\r\nhello\n", .chunkEnd),
            BadMessage("5\r\nhello\rx", .chunkEnd),
            BadMessage("5\r\nhello0\r\n\r\n", .chunkEnd), BadMessage("5\r\nhell\r\n0\r\n\r\n", .chunkEnd),
            BadMessage("0\r\n\n", .trailers), BadMessage("0\r\n\rx", .trailers), BadMessage("0\r\n: x\r\n\r\n", .trailers),
            BadMessage("0\r\nA\r\n\r\n", .trailers), BadMessage("0\r\nA : x\r\n\r\n", .trailers),
            BadMessage("0\r\n A: x\r\n\r\n", .trailers),
            BadMessage("0\r\nA: x\n\r\n", .trailers), BadMessage("0\r\nA: x\0\r\n\r\n", .trailers),
            BadMessage("0\r\nA: x\r\n b\r\n\r\n", .trailers),
            BadMessage("0\r\nA: x\ry\r\n\r\n", .trailers), BadMessage("0\r\nGET / HTTP/1.1\r\n\r\n", .trailers),
            BadMessage("0\r\nA: " + String(repeating: "x", count: 8192) + "\r\n\r\n", .trailers),
            BadMessage("0\r\n" + String(repeating: "A: b\r\n", count: 1400) + "\r\n", .trailers),
        ])
    func refuses(_ example: BadMessage) {
        var seed = HTTPSeed()
        for cuts in waysToCut(example.bytes.count, &seed) {
            #expect(
                readChunks(example.bytes, cuts: cuts).ending == .invalid(example.violation), "seed \(seed.seed), cuts \(cuts)")
        }
    }

    @Test(
        "What has not ended is waited for",
        arguments: ["", "5", "5\r", "5\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n0\r\n", "0\r\n\r"])
    func waits(_ text: String) {
        #expect(readChunks(Array(text.utf8)).ending == .open)
    }

    @Test("Tiny chunks with long extensions are not read for ever")
    func boundsExtensions() {
        let chunk = "1;" + String(repeating: "x", count: 500) + "\r\ny\r\n"
        #expect(readChunks(Array(String(repeating: chunk, count: 20).utf8)).ending == .open)
        #expect(readChunks(Array(String(repeating: chunk, count: 60).utf8)).ending == .invalid(.chunkExtension))
        // Data makes up for extensions: signatures on large chunks are fine.
        let signed = "400;signature=" + String(repeating: "f", count: 64) + "\r\n" + String(repeating: "x", count: 1024) + "\r\n"
        #expect(readChunks(Array((String(repeating: signed, count: 1000) + "0\r\n\r\n").utf8)).ending == .ended)
    }

    @Test("After the end and after a violation nothing more is taken")
    func stays() {
        var decoder = ChunkedDecoder()
        #expect(Array("0\r\n\r\n".utf8).withUnsafeBytes { decoder.next($0) } == .end(consumed: 5))
        #expect(Array("5\r\n".utf8).withUnsafeBytes { decoder.next($0) } == .end(consumed: 0))
        decoder = ChunkedDecoder()
        #expect(Array("x".utf8).withUnsafeBytes { decoder.next($0) } == .invalid(.chunkSize))
        #expect(Array("0\r\n\r\n".utf8).withUnsafeBytes { decoder.next($0) } == .invalid(.chunkSize))
        #expect(UnsafeRawBufferPointer(start: nil, count: 0).isEmpty)
        #expect(decoder.next(UnsafeRawBufferPointer(start: nil, count: 0)) == .invalid(.chunkSize))
    }

    @Test("A relay learns between which bytes a chunk ends")
    func knowsBoundaries() {
        var decoder = ChunkedDecoder()
        #expect(decoder.isBetweenChunks)
        #expect(Array("2\r\n".utf8).withUnsafeBytes { decoder.next($0) } == .needMore(consumed: 3))
        #expect(!decoder.isBetweenChunks)
        #expect(Array("ab\r\n".utf8).withUnsafeBytes { decoder.next($0) } == .data(0..<2, consumed: 2))
        #expect(!decoder.isBetweenChunks)
        #expect(Array("\r\n".utf8).withUnsafeBytes { decoder.next($0) } == .needMore(consumed: 2))
        #expect(decoder.isBetweenChunks)
    }
}
