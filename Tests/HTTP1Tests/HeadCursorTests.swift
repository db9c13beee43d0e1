import Basics
import Testing

@testable import HTTP1

@Suite("Heads that are written")
struct HeadCursorTests {
    /// What `body` writes into so much room; nil if it did not fit.
    private func written(room: Int = 4096, _ body: (inout HeadCursor) -> Void) -> String? {
        withUnsafeTemporaryAllocation(byteCount: max(room, 1), alignment: 1) { bytes in
            var cursor = HeadCursor(UnsafeMutableRawBufferPointer(rebasing: bytes[..<room]))
            body(&cursor)
            guard !cursor.isOverfull else { return nil }
            return String(
                decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<cursor.count]), as: UTF8.self)
        }
    }

    @Test("Every line is read back by our own parser as it was meant")
    func lines() throws {
        let block = FieldBlock([HeaderLine(name: "x-a", value: "1\r\nx-b: 2"), HeaderLine(name: "x-c", value: "")])
        let text = try #require(
            written { cursor in
                cursor.requestLine(method: "POST", target: "/v1?x=y")
                cursor.field("host", text: "h")
                cursor.block(block)
                cursor.field(HeaderLine(name: "x-d", value: "ü"))
                cursor.field("content-length", decimal: 10)
                cursor.endHead()
            })
        #expect(
            text == "POST /v1?x=y HTTP/1.1\r\nhost: h\r\nx-a: 1%0D%0Ax-b: 2\r\nx-c: \r\nx-d: %C3%BC\r\ncontent-length: 10\r\n\r\n"
        )
        var parser = HTTPRequestParser()
        var head = HTTPRequestHead()
        let result = Array(text.utf8).withUnsafeBytes { parser.parse($0, into: &head) }
        #expect(result == .complete)
        #expect(head.method == .post && head.framing == .length(10) && head.fields.count == 5)
    }

    @Test("Numbers are written as they are read", arguments: [0, 9, 10, 15, 16, 255, 4096, 65_537, Int.max])
    func numbers(_ number: Int) throws {
        let decimal = try #require(written { $0.append(decimal: number) })
        #expect(Array(decimal.utf8).withUnsafeBytes { parseDecimal($0) } == number)
        #expect(written { $0.chunkSize(number) } == String(number, radix: 16) + "\r\n")
    }

    @Test(
        "A time is written as its text",
        arguments: [0, 951_782_400, 1_770_811_200, 1_770_811_259, 253_402_300_799, -1, -62_135_596_800])
    func times(_ seconds: Int) {
        #expect(written { $0.field("x-reset", RFC3339.Text(utc: seconds)) } == "x-reset: \(RFC3339.text(seconds))\r\n")
    }

    @Test("A time beyond the calendar does not trap", arguments: [Int.min, .max])
    func timesBeyond(_ seconds: Int) {
        #expect(written { $0.append(RFC3339.Text(utc: seconds)) }?.utf8.count == RFC3339.utcCount)
    }

    @Test("Sixteen digits, whatever the number", arguments: [0, 1, 0xAB, 0x0123_4567_89AB_CDEF, UInt64.max])
    func hexadecimal(_ number: UInt64) {
        let digits = String(number, radix: 16)
        #expect(written { $0.append(hexadecimal: number) } == String(repeating: "0", count: 16 - digits.utf8.count) + digits)
    }

    @Test("A number or a time that does not fit marks the head as useless", arguments: 0..<16)
    func roomOfNumbers(_ room: Int) {
        #expect(written(room: room) { $0.append(hexadecimal: .max) } == nil)
        #expect(written(room: room) { $0.append(RFC3339.Text(utc: 0)) } == nil)
        #expect(written(room: room) { $0.append(decimal: 1_234_567_890_123_456) } == nil)
    }

    @Test("What does not fit marks the head as useless, and no byte goes beyond the room", arguments: 0..<20)
    func room(_ room: Int) {
        let text = written(room: room) { cursor in
            cursor.statusLine(404)
            cursor.endHead()
        }
        #expect(text == nil)
        #expect(
            written(room: 26) { cursor in
                cursor.statusLine(404)
                cursor.endHead()
            } == "HTTP/1.1 404 Not Found\r\n\r\n")
    }

    @Test("A body of chunks that is written is read back")
    func chunks() throws {
        let pieces = ["a", String(repeating: "b", count: 300), "cc"]
        let text = try #require(
            written { cursor in
                for piece in pieces {
                    cursor.chunkSize(piece.utf8.count)
                    cursor.append(text: piece)
                    cursor.chunkEnd()
                }
                cursor.append(text: "0\r\n\r\n")
            })
        var decoder = ChunkedDecoder()
        var read: [String] = []
        let (pass, consumed) = Array(text.utf8).withUnsafeBytes { bytes in
            decoder.forEach(in: bytes) { piece in
                read.append(String(decoding: piece, as: UTF8.self))
                return true
            }
        }
        #expect(pass == .ended && consumed == text.utf8.count && read == pieces)
    }
}

@Suite("Bodies of chunks, piece by piece")
struct ChunkedPassTests {
    @Test(
        "How a pass ends, and what it consumed",
        arguments: [
            ("3\r\nabc\r\n0\r\n\r\nrest", .ended, 13, ["abc"]), ("3\r\nabc\r\n", .needsMore, 8, ["abc"]),
            ("3;x=y\r\nabc\r\n1\r\nd\r\n", .needsMore, 18, ["abc", "d"]), ("", .needsMore, 0, []),
            ("3\r\nab", .needsMore, 5, ["ab"]),
            ("z", .invalid(.chunkSize), 0, []), ("1\r\nab", .invalid(.chunkEnd), 4, ["a"]),
        ] as [(String, ChunkedDecoder.Pass, Int, [String])])
    func passes(_ wire: String, _ expected: ChunkedDecoder.Pass, _ count: Int, _ pieces: [String]) {
        var decoder = ChunkedDecoder()
        var read: [String] = []
        let (pass, consumed) = Array(wire.utf8).withUnsafeBytes { bytes in
            decoder.forEach(in: bytes) { piece in
                read.append(String(decoding: piece, as: UTF8.self))
                return true
            }
        }
        #expect(pass == expected && consumed == count && read == pieces)
    }

    @Test("Who asks to stop hears nothing more, and may go on from there")
    func stopping() {
        var decoder = ChunkedDecoder()
        let wire = Array("1\r\na\r\n1\r\nb\r\n0\r\n\r\n".utf8)
        var read: [String] = []
        func note(_ piece: UnsafeRawBufferPointer) { read.append(String(decoding: piece, as: UTF8.self)) }
        let (pass, consumed) = wire.withUnsafeBytes { bytes in
            decoder.forEach(in: bytes) { piece in
                note(piece)
                return false
            }
        }
        #expect(pass == .stopped && read == ["a"])
        let (second, rest) = wire[consumed...].withUnsafeBytes { bytes in
            decoder.forEach(in: bytes) { piece in
                note(piece)
                return true
            }
        }
        #expect(second == .ended && read == ["a", "b"] && consumed + rest == wire.count)
    }
}
