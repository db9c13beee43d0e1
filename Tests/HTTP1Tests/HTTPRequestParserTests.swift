import Testing

@testable import HTTP1

@Suite("Request heads")
struct HTTPRequestParserTests {
    @Test("A request of every shape that RFC 9112 allows is read", arguments: Self.good)
    func reads(_ example: GoodRequest) {
        var seed = HTTPSeed()
        let bytes = Array((example.text + "left over").utf8)
        var expected = example.expected
        expected.byteCount = example.text.utf8.count
        for cuts in waysToCut(bytes.count, &seed) {
            #expect(readRequest(bytes, cuts: cuts) == .complete(expected), "seed \(seed.seed), cuts \(cuts)")
        }
    }

    @Test("A request that is malformed or can be read in two ways is refused", arguments: Self.bad)
    func refuses(_ example: BadMessage) {
        var seed = HTTPSeed()
        let bytes = Array(example.bytes)
        for cuts in waysToCut(bytes.count, &seed) {
            #expect(readRequest(bytes, cuts: cuts) == .invalid(example.violation), "seed \(seed.seed), cuts \(cuts)")
        }
    }

    @Test(
        "Of a head that is refused the request line is kept as far as it can be read",
        arguments: [
            ("POST /v1/x HTTP/1.1\r\nA : b", "POST /v1/x"), ("POST /v1/x#a HTTP/1.1\r\n", "POST /v1/x"),
            ("POST  /v1/x HTTP/1.1", "POST /v1/x"), ("\r\nGET /x\r\n", "GET /x"), ("GET /é HTTP/1.1", "GET /"),
            ("GET x HTTP/1.1", "GET x"), ("GET x\r\n", nil), ("GET /x", nil), ("GET\t/x HTTP/1.1", nil),
            ("\u{16}\u{3} /x ", nil), ("GET ", nil), ("", nil),
            ("GET /" + String(repeating: "a", count: 3000), "GET /" + String(repeating: "a", count: 1023)),
        ] as [(String, String?)])
    func keepsRequestLine(_ text: String, _ expected: String?) {
        let bytes = Array(text.utf8)
        bytes.withUnsafeBytes { bytes in
            var head = HTTPRequestHead()
            let isThere = head.readRequestLine(of: bytes)
            let kept = "\(head.methodToken.string(in: bytes)) \(head.target.string(in: bytes))"
            #expect((isThere ? kept : nil) == expected)
        }
    }

    @Test(
        "What has not ended is waited for",
        arguments: [
            "", "G", "GET", "GET /", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r", "GET / HTTP/1.1\r\nHost", "GET / HTTP/1.1\r\nHost:   ", "\r", "\r\n",
            "GET /\u{1}x",
        ])
    func waits(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(readRequest(bytes) == .incomplete)
        #expect(readRequest(bytes, cuts: Array(0...bytes.count)) == .incomplete)
    }

    @Test("A head may be as large as the limit and no larger")
    func limitsBytes() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
        let bytes = Array((start + String(repeating: "x", count: 200 - start.utf8.count - 4) + "\r\n\r\n").utf8)
        for cuts in [[200], Array(0...200)] {
            #expect(readRequest(bytes, cuts: cuts, limits: HTTPLimits(headBytes: 199)) == .invalid(.headTooLarge))
            guard case .complete = readRequest(bytes, cuts: cuts, limits: HTTPLimits(headBytes: 200)) else {
                Issue.record("a head of exactly the limit was refused")
                return
            }
        }
    }

    @Test("A request line over the limit is told apart from a large header section")
    func limitsTheTarget() {
        let bytes = Array(("GET /" + String(repeating: "x", count: 300)).utf8)
        for cuts in [[bytes.count], Array(0...bytes.count)] {
            #expect(readRequest(bytes, cuts: cuts, limits: HTTPLimits(headBytes: 256)) == .invalid(.targetTooLong))
        }
    }

    @Test("As many header lines as the limit are read, and no more")
    func limitsFields() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nB: 1\r\nC: 2\r\n\r\n"
        #expect(readRequest(Array(text.utf8), limits: HTTPLimits(fieldCount: 2)) == .invalid(.tooManyFields))
        guard case .complete(let head) = readRequest(Array(text.utf8), limits: HTTPLimits(fieldCount: 3)) else {
            Issue.record("three header lines were refused")
            return
        }
        #expect(head.fields == ["Host: a", "B: 1", "C: 2"])
    }

    @Test("Requests that follow one another are read with one parser and one head")
    func readsOneAfterTheOther() {
        let text =
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
            + "\r\nGET /b HTTP/1.0\r\n\r\nGET /c HTTP/1.1\r\nHost: c\r\n\r\n"
        var parser = HTTPRequestParser()
        var head = HTTPRequestHead()
        var targets: [String] = []
        Array(text.utf8).withUnsafeBytes { bytes in
            var rest = bytes
            while parser.parse(rest, into: &head) == .complete {
                targets.append("\(head.target.string(in: rest)) \(head.framing) \(head.keepsAlive) \(head.expectsContinue)")
                rest = UnsafeRawBufferPointer(rebasing: rest[head.byteCount...])
            }
            #expect(rest.isEmpty)
        }
        #expect(targets == ["/a length(5) false true", "/b none false false", "/c none true false"])
    }

    @Test("A refusal does not depend on what follows, and the parser starts afresh")
    func startsAfresh() {
        var parser = HTTPRequestParser()
        var head = HTTPRequestHead()
        let bad = Array("GET / HTTP/1.1\r\nHost : a\r\n\r\n".utf8)
        let good = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        #expect(bad.withUnsafeBytes { parser.parse($0, into: &head) } == .invalid(.fieldName))
        #expect(good.withUnsafeBytes { parser.parse($0, into: &head) } == .complete)
        #expect(head.fields.count == 1)
    }

    @Test("What does not begin like a request is refused at its first byte")
    func refusesOtherProtocols() {
        #expect(readRequest([0x16, 0x03, 0x01]) == .invalid(.method))
        #expect(readRequest([0x00]) == .invalid(.method))
    }

    @Test("A head that comes byte by byte is not searched from its beginning each time")
    func isNotQuadratic() {
        // Were it searched from the beginning, this would be some 3·10¹⁰ looks.
        let size = 1 << 18
        let bytes = Array(("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: size) + "\r\n\r\n").utf8)
        var parser = HTTPRequestParser(limits: HTTPLimits(headBytes: 2 * size))
        var head = HTTPRequestHead()
        bytes.withUnsafeBytes { bytes in
            for count in 1..<bytes.count {
                guard parser.parse(UnsafeRawBufferPointer(rebasing: bytes[..<count]), into: &head) == .incomplete else {
                    Issue.record("the head ended after \(count) bytes")
                    return
                }
            }
            #expect(parser.parse(bytes, into: &head) == .complete)
        }
    }

    @Test("Fields are found by name, the first of several")
    func findsFields() {
        var parser = HTTPRequestParser()
        var head = HTTPRequestHead()
        let text = "GET / HTTP/1.1\r\nhOST: a\r\nX-API-Key: one\r\nx-api-key: two\r\n\r\n"
        Array(text.utf8).withUnsafeBytes { bytes in
            #expect(parser.parse(bytes, into: &head) == .complete)
            #expect(head.first(.host)?.string(in: bytes) == "a")
            #expect(head.first(.xApiKey)?.string(in: bytes) == "one")
            #expect(head.first(.authorization) == nil)
        }
    }
}
