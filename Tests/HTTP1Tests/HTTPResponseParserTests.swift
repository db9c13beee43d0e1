import Testing

@testable import HTTP1

struct GoodResponse: Sendable, CustomTestStringConvertible {
    var text: String
    var method: HTTPMethod
    var expected: ReadHead

    var testDescription: String { text.debugDescription }

    init(
        _ text: String, to method: HTTPMethod = .get, _ status: String, _ reason: String, minor: UInt8 = 1,
        _ fields: [String] = [],
        framing: BodyFraming = .none, keepsAlive: Bool = true
    ) {
        self.text = text
        self.method = method
        expected = ReadHead(
            start: [status, reason], minorVersion: minor, fields: fields, framing: framing, keepsAlive: keepsAlive, byteCount: 0)
    }
}

@Suite("Response heads")
struct HTTPResponseParserTests {
    @Test("A response of every shape that RFC 9112 allows is read", arguments: good)
    func reads(_ example: GoodResponse) {
        var seed = HTTPSeed()
        let bytes = Array((example.text + "left over").utf8)
        var expected = example.expected
        expected.byteCount = example.text.utf8.count
        for cuts in waysToCut(bytes.count, &seed) {
            #expect(readResponse(bytes, to: example.method, cuts: cuts) == .complete(expected), "seed \(seed.seed), cuts \(cuts)")
        }
    }

    @Test("A response that is malformed or can be read in two ways is refused", arguments: bad)
    func refuses(_ example: BadMessage) {
        var seed = HTTPSeed()
        for cuts in waysToCut(example.bytes.count, &seed) {
            #expect(readResponse(example.bytes, cuts: cuts) == .invalid(example.violation), "seed \(seed.seed), cuts \(cuts)")
        }
    }

    @Test(
        "What has not ended is waited for",
        arguments: [
            "", "H", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 200 OK\r", "HTTP/1.1 200 OK\r\n",
            "Hello",
            "HTTP/1.1 200 OK\r\nA: b\r\n\r",
        ])
    func waits(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(readResponse(bytes) == .incomplete)
        #expect(readResponse(bytes, cuts: Array(0...bytes.count)) == .incomplete)
    }

    @Test(
        "A head over the limit is refused, in its status line or after it",
        arguments: [
            "HTTP/1.1 200 " + String(repeating: "x", count: 100), "HTTP/1.1 200 OK\r\nA: " + String(repeating: "x", count: 100),
        ])
    func limitsBytes(_ text: String) {
        let bytes = Array(text.utf8)
        for cuts in [[bytes.count], Array(0...bytes.count)] {
            #expect(readResponse(bytes, cuts: cuts, limits: HTTPLimits(headBytes: 64)) == .invalid(.headTooLarge))
        }
    }

    @Test("Interim responses come first, and the final one after them")
    func readsInterimResponses() {
        let text =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        var parser = HTTPResponseParser()
        var head = HTTPResponseHead()
        var statuses: [Int] = []
        Array(text.utf8).withUnsafeBytes { bytes in
            var rest = bytes
            while statuses.last != 200, parser.parse(rest, request: .post, into: &head) == .complete {
                statuses.append(head.status)
                rest = UnsafeRawBufferPointer(rebasing: rest[head.byteCount...])
            }
            #expect(String(decoding: rest, as: UTF8.self) == "hi")
        }
        #expect(statuses == [100, 103, 200])
        #expect(head.framing == .length(2))
    }

    private static let good: [GoodResponse] = [
        GoodResponse(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200", "OK", ["Content-Length: 5"], framing: .length(5)),
        GoodResponse(
            "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", "200", "", ["Transfer-Encoding: chunked"], framing: .chunked),
        GoodResponse("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200", "", ["Content-Length: 0"], framing: .length(0)),
        GoodResponse(
            "HTTP/1.1 529 Überladen \t!\r\nContent-Length: 0\r\n\r\n", "529", "Überladen \t!", ["Content-Length: 0"],
            framing: .length(0)),
        GoodResponse("HTTP/1.1 999 x\r\nContent-Length: 0\r\n\r\n", "999", "x", ["Content-Length: 0"], framing: .length(0)),
        GoodResponse("HTTP/1.1 200 OK\r\n\r\n", "200", "OK", framing: .untilClose, keepsAlive: false),
        GoodResponse("HTTP/1.0 200 OK\r\n\r\n", "200", "OK", minor: 0, framing: .untilClose, keepsAlive: false),
        GoodResponse(
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", "200", "OK", minor: 0, ["Content-Length: 1"], framing: .length(1),
            keepsAlive: false),
        GoodResponse(
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n", "200", "OK", minor: 0,
            ["Content-Length: 1", "Connection: keep-alive"], framing: .length(1)),
        GoodResponse(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", "200", "OK",
            ["Content-Length: 1", "Connection: close"], framing: .length(1), keepsAlive: false),
        GoodResponse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", to: .head, "200", "OK", ["Content-Length: 5"]),
        GoodResponse(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", to: .head, "200", "OK", ["Transfer-Encoding: chunked"]),
        GoodResponse("HTTP/1.1 200 OK\r\n\r\n", to: .head, "200", "OK"),
        GoodResponse("HTTP/1.1 200 OK\r\n\r\n", to: .connect, "200", "OK", keepsAlive: false),
        GoodResponse("HTTP/1.1 100 Continue\r\n\r\n", "100", "Continue"),
        GoodResponse("HTTP/1.1 204 No Content\r\n\r\n", "204", "No Content"),
        GoodResponse("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204", "No Content", ["Content-Length: 0"]),
        GoodResponse(
            "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", "204", "No Content", ["Content-Length: 3"], keepsAlive: false),
        GoodResponse("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n", "304", "Not Modified", ["Content-Length: 3"]),
    ]

    private static let start = "HTTP/1.1 200 OK\r\n"

    private static let bad: [BadMessage] = [
        BadMessage("200 OK\r\n", .statusLine),
        BadMessage("\r\nHTTP/1.1 200 OK\r\n", .statusLine),
        BadMessage("http/1.1 200 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1  200 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1\t200 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1 20 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1 2000 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1 099 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1 2x0 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1 200OK\r\n", .statusLine),
        BadMessage("HTTP/1.1 -20 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1\r\n", .statusLine),
        BadMessage("HTTP/1.1 \r\n", .statusLine),
        BadMessage("HTTP/11 200 OK\r\n", .statusLine),
        BadMessage("HTTP/1.1 200 O\u{0}K\r\n", .statusLine),
        BadMessage("HTTP/1.1 200 O\rK\r\n", .statusLine),
        BadMessage("HTTP/1.1 200 OK\n", .bareLineBreak),
        BadMessage("HTTP/1.1 200\n", .bareLineBreak),
        BadMessage("H\n", .bareLineBreak),
        BadMessage("HTTP/2.0 200 OK\r\n", .version),
        BadMessage("HTTP/1.2 200 OK\r\n", .version),
        BadMessage(start + " A: b\r\n\r\n", .foldedField),
        BadMessage(start + "A: b\r\n\tc\r\n\r\n", .foldedField),
        BadMessage(start + "A : b\r\n\r\n", .fieldName),
        BadMessage(start + "A: b\0\r\n\r\n", .fieldValue),
        BadMessage(start + "A: b\n\r\n", .bareLineBreak),
        BadMessage(start + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", .repeatedContentLength),
        BadMessage(start + "Content-Length: 1, 1\r\n\r\n", .contentLength),
        BadMessage(start + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndTransferEncoding),
        BadMessage(start + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", .lengthAndTransferEncoding),
        BadMessage(start + "Transfer-Encoding: gzip, chunked\r\n\r\n", .unknownTransferCoding),
        BadMessage(start + "Transfer-Encoding: identity\r\n\r\n", .unknownTransferCoding),
        BadMessage(start + "Transfer-Encoding: chunked, chunked\r\n\r\n", .transferEncoding),
        BadMessage("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
    ]
}
