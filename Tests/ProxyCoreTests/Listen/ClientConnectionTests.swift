import HTTP1
import NIOCore
import Testing

@testable import ProxyCore

/// A client's connection over a channel without a socket: which requests it takes off the wire, and what it puts on it.
@Suite struct ClientConnectionTests {
    // MARK: Requests

    static let whole = [
        Wire.request,
        "\r\n" + Wire.request,
        Wire.head("transfer-encoding: chunked\r\n") + Wire.chunked(Wire.body, by: 1),
        Wire.head("transfer-encoding: chunked\r\n") + Wire.chunked(Wire.body, by: 10_000),
    ]

    @Test(
        "A request is the same one however its bytes are cut, and the connection goes on", arguments: whole, [1, 7, 64, 10_000])
    func cuts(_ wire: String, step: Int) throws {
        let stage = try WireStage()
        let client = try stage.client()
        for round in 1...2 {
            client.send(wire, step: step)
            stage.turn()
            let upstream = try stage.upstream()
            let asked = WireMessage.requests(upstream.take())
            #expect(asked.map(\.body) == [Wire.body])
            #expect(asked.first?["content-length"] == "\(Wire.body.utf8.count)" && asked.first?["transfer-encoding"] == nil)
            #expect(asked.first?["x-trailer"] == nil && asked.first?["x-api-key"] == nil)
            upstream.send(Wire.answer("A\(round)"))
            stage.turn()
            let answers = client.takeResponses()
            #expect(answers.map(\.status) == [200] && answers.first?.isWhole == true)
            #expect(answers.first?["connection"] == nil && answers.first?.body.contains("A\(round)") == true)
        }
        #expect(client.isActive && !client.isOutputClosed && stage.upstreams.count == 1)
    }

    @Test("Two pieces, wherever the cut is, are one request")
    func everyCut() throws {
        let stage = try WireStage()
        let client = try stage.client()
        let bytes = Array(Self.whole[2].utf8)
        for cut in 1..<bytes.count {
            client.send(String(decoding: bytes[..<cut], as: UTF8.self))
            stage.turn()
            client.send(String(decoding: bytes[cut...], as: UTF8.self))
            stage.turn()
            let upstream = try stage.upstream()
            #expect(WireMessage.requests(upstream.take()).map(\.body) == [Wire.body], "\(cut)")
            upstream.send(Wire.answer())
            stage.turn()
            #expect(client.takeStatuses() == [200], "\(cut)")
        }
        #expect(stage.upstreams.count == 1)
    }

    @Test("Requests that come early are answered one at a time, in their order", arguments: [1, 10_000])
    func pipelining(step: Int) throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.wrongMethod + Wire.request + Wire.unknownKey + Wire.request, step: step)
        stage.turn()
        #expect(client.takeStatuses() == [405])
        let upstream = try stage.upstream()
        #expect(WireMessage.requests(upstream.take()).count == 1)
        upstream.send(Wire.answer("first"))
        stage.turn()
        let answers = client.takeResponses()
        // The key that nobody knows is refused with its body in hand, so that the request behind it is one.
        #expect(answers.map(\.status) == [200, 401] && answers.last?["connection"] == nil)
        #expect(answers.first?.body.contains("first") == true)
        #expect(WireMessage.requests(upstream.take()).count == 1)
    }

    @Test("What comes early is read up to a bound while an answer is on its way, and the rest after it")
    func earlyBytes() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.request)
        let upstream = try stage.upstream()
        let many = ClientLimits.waitingBytes / Wire.wrongMethod.utf8.count * 2
        client.send(String(repeating: Wire.wrongMethod, count: many), step: 1000)
        stage.turn()
        let held = client.unread
        #expect(held > 0)
        upstream.send(Wire.answer())
        stage.turn()
        #expect(client.unread == 0)
        #expect(client.takeStatuses() == [200] + Array(repeating: 405, count: many))
    }

    @Test("Who does not read its answers asks for no more of them, and goes on when it does")
    func unreadAnswers() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.wrongMethod)
        #expect(client.takeStatuses() == [405])
        client.setWritable(false)
        client.send(Wire.wrongMethod + Wire.wrongMethod)
        client.send(Wire.wrongMethod)
        stage.turn()
        #expect(client.take().isEmpty && client.unread == 1)
        client.setWritable(true)
        stage.turn()
        #expect(client.takeStatuses() == [405, 405, 405])
    }

    @Test("A long answer waits in pieces for a client that does not read it, each of which goes when it has left")
    func longAnswer() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.request)
        stage.turn()
        let text = String(repeating: "0123456789abcdef", count: 12 << 10)
        let body =
            #"{"id":"msg_1","type":"message","content":[{"type":"text","text":"\#(text)"}],"#
            + #""usage":{"input_tokens":3,"output_tokens":5}}"#
        client.takes(false, isWritable: true)
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        try stage.upstream().send(head + Wire.chunked(body, by: 100_000))
        stage.turn()
        #expect(client.waiting.count >= 6 && client.waiting.allSatisfy { $0 <= 64 << 10 })
        client.takes(true)
        stage.turn()
        let answers = client.takeResponses()
        #expect(answers.map(\.status) == [200] && answers.first?.isWhole == true && answers.first?.body == body)
    }

    // MARK: Keep-alive

    /// What a request says of the connection, and what becomes of it.
    struct Row: Sendable, CustomTestStringConvertible {
        var line = "POST /v1/messages"
        var version = "1.1"
        var fields = ""
        /// The response's `connection` field.
        var says: String?
        var isKept: Bool

        var testDescription: String { "\(line) \(version) \(fields.debugDescription)" }
    }

    static let rows: [Row] = [
        Row(isKept: true), Row(fields: "connection: keep-alive\r\n", isKept: true),
        Row(fields: "connection: close\r\n", says: "close", isKept: false),
        Row(fields: "connection: foo, Close\r\n", says: "close", isKept: false),
        Row(version: "1.0", says: "close", isKept: false),
        Row(version: "1.0", fields: "connection: keep-alive\r\n", says: "keep-alive", isKept: true),
    ]

    @Test("A connection goes on as its requests say, and says so", arguments: rows)
    func keepAlive(_ row: Row) throws {
        let stage = try WireStage()
        let client = try stage.client()
        let fields = row.fields + "content-length: \(Wire.body.utf8.count)\r\n"
        client.send(Wire.head(fields, line: row.line, version: row.version) + Wire.body + Wire.wrongMethod)
        try stage.upstream().send(Wire.answer())
        stage.turn()
        let answers = client.takeResponses()
        #expect(answers.map(\.status) == (row.isKept ? [200, 405] : [200]))
        #expect(answers.first?["connection"] == row.says)
        #expect(client.isOutputClosed == !row.isKept && client.isActive)
    }

    @Test("A HEAD is answered without a body, and the connection goes on")
    func headRequests() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.head("", line: "HEAD /v1/messages") + Wire.wrongMethod)
        stage.turn()
        let answers = client.takeResponses(to: [.head, .get])
        #expect(answers.map(\.status) == [405, 405])
        #expect(answers.first?.body == "" && answers.first?["content-length"] == answers.last?["content-length"])
    }

    // MARK: Expect

    @Test("Who waits for 100 gets it where its body is wanted and not here", arguments: [true, false])
    func expectation(isBodyHere: Bool) throws {
        let stage = try WireStage()
        let client = try stage.client()
        let head = Wire.head("content-length: \(Wire.body.utf8.count)\r\nexpect: 100-continue\r\n")
        client.send(head + (isBodyHere ? Wire.body : ""))
        #expect(client.takeStatuses() == (isBodyHere ? [] : [100]))
        if !isBodyHere { client.send(Wire.body) }
        let upstream = try stage.upstream()
        #expect(WireMessage.requests(upstream.take()).first?["expect"] == nil)
        upstream.send(Wire.answer())
        stage.turn()
        #expect(client.takeStatuses() == [200])
    }

    @Test("Whose body is not wanted gets no 100")
    func refusedExpectation() throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.head("content-length: 9\r\nexpect: 100-continue\r\n", key: "sk-nobody"))
        stage.turn()
        let answers = client.takeResponses()
        #expect(answers.map(\.status) == [401] && answers.first?["connection"] == "close")
    }

    // MARK: Responses that come before the body

    @Test(
        "Where an answer goes out before the body was read, what is behind it is no request",
        arguments: [
            (Wire.head(key: "sk-nobody"), 401), (Wire.head("transfer-encoding: chunked\r\n", key: "sk-nobody"), 401),
            (Wire.head("content-length: 99999999999\r\n"), 413), (Wire.head("content-length: 10\r\n", line: "TRACE /"), 405),
            (Wire.head("upgrade: websocket\r\ncontent-length: 10\r\n"), 426),
        ] as [(String, Int)], [false, true])
    func earlyAnswers(_ row: (String, Int), isSplit: Bool) throws {
        let (head, status) = row
        let stage = try WireStage()
        let client = try stage.client()
        if isSplit { client.send(head) } else { client.send(head + "5\r\n") }
        stage.turn()
        let answers = client.takeResponses()
        #expect(answers.map(\.status) == [status])
        #expect(answers.first?["connection"]?.hasSuffix("close") == true)
        // Its own side is closed; what still comes is thrown away until the client has closed, too.
        #expect(client.isOutputClosed && client.isActive)
        client.send(Wire.body + Wire.request, step: 20)
        stage.turn()
        #expect(client.unread == 0 && client.take().isEmpty && stage.upstreams.isEmpty)
        client.sendEnd()
        #expect(!client.isActive)
    }

    // MARK: What is no request

    @Test(
        "What is no request is refused in its own words, and nothing behind it is read",
        arguments: [
            ("GET\r\n\r\n", 400), ("G@T / HTTP/1.1\r\nhost: h\r\n\r\n", 400), ("GET / HTTP/2.0\r\nhost: h\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
            ("GET / HTTP/1.1\nhost: h\n\n", 400), ("GET / HTTP/1.1\r\nhost: h\r\n folded\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nhost : h\r\n\r\n", 400), ("\u{16}\u{3}\u{1}\u{2}", 400),
            (Wire.head("content-length: 1\r\ncontent-length: 2\r\n"), 400), (Wire.head("content-length: -1\r\n"), 400),
            (Wire.head("content-length: 1\r\ntransfer-encoding: chunked\r\n"), 400),
            (Wire.head("transfer-encoding: gzip, chunked\r\n"), 501),
            (Wire.head("x: \(String(repeating: "x", count: 70_000))\r\n"), 431),
            (Wire.head(String(repeating: "x: y\r\n", count: 1000)), 431),
            (Wire.head("transfer-encoding: chunked\r\n", version: "1.0"), 400),
        ] as [(String, Int)], [1, 100_000])
    func malformed(_ row: (String, Int), step: Int) throws {
        let (wire, status) = row
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.wrongMethod)
        // What is long comes in small pieces, not in as many as it has bytes.
        client.send(wire + Wire.request, step: wire.utf8.count > 1_000 ? max(step, 97) : step)
        stage.turn()
        let answers = client.takeResponses(to: [.get])
        #expect(answers.map(\.status) == [405, status])
        #expect(answers.last?["connection"] == "close" && answers.last?["content-type"] == "application/json")
        #expect(answers.last?.isWhole == true && stage.upstreams.isEmpty)
        #expect(client.isOutputClosed && client.isActive)
    }

    @Test(
        "A head that is refused is answered in the format of its path, with an id",
        arguments: [
            ("/v1/messages", #"{"type":"error","#), ("/v1beta/models/m:generateContent", #"{"error":{"code":"#),
            ("/v1/chat/completions", #"{"error":{"message":"#),
        ], ["x: y\r\n folded\r\n", "content-length: 1\r\ncontent-length: 2\r\n", "transfer-encoding: gzip, chunked\r\n"])
    func malformedHead(_ row: (String, String), fields: String) throws {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.head(fields, line: "POST \(row.0)"))
        stage.turn()
        let answers = client.takeResponses()
        #expect(answers.count == 1 && answers.first?["connection"] == "close")
        #expect(answers.first?.body.hasPrefix(row.1) == true)
        #expect(answers.first?["x-request-id"] != nil)
        #expect((answers.first?["request-id"] != nil) == (row.0 == "/v1/messages"))
        #expect(client.isOutputClosed && stage.upstreams.isEmpty)
    }

    @Test(
        "A chunked body that is none, or too much, is refused in the client's dialect, and nothing behind it is read",
        arguments: [
            ("x\r\n", 400), ("3\r\nabcd\r\n", 400), ("3;\u{1}\r\nabc\r\n", 400), ("0\r\nx y\r\n\r\n", 400),
            ("ffffffffffffffff\r\n", 400), ("401\r\n" + String(repeating: "x", count: 0x401), 413),
            ("3ff\r\n" + String(repeating: "x", count: 0x3ff) + "\r\n2\r\nyy", 413),
        ] as [(String, Int)], [1, 100_000])
    func malformedChunks(_ row: (String, Int), step: Int) throws {
        let (body, status) = row
        let stage = try WireStage("limits: {body: 1024}")
        let client = try stage.client()
        client.send(Wire.head("transfer-encoding: chunked\r\n"))
        client.send(body + "0\r\n\r\n" + Wire.request, step: step)
        stage.turn()
        let answers = client.takeResponses()
        #expect(answers.map(\.status) == [status])
        #expect(answers.first?["connection"] == "close")
        #expect(answers.first?.body.hasPrefix(#"{"type":"error","#) == true)
        #expect(client.isOutputClosed && client.isActive && stage.upstreams.isEmpty)
    }

    @Test("A body of just the limit is taken", arguments: [true, false])
    func bodyLimit(isChunked: Bool) throws {
        let stage = try WireStage("limits: {body: 1024}")
        let client = try stage.client()
        let body = Wire.body + String(repeating: " ", count: 1024 - Wire.body.utf8.count)
        let framed = isChunked ? Wire.chunked(body, by: 100) : body
        client.send(Wire.head(isChunked ? "transfer-encoding: chunked\r\n" : "content-length: 1024\r\n") + framed, step: 50)
        stage.turn()
        #expect(try WireMessage.requests(stage.upstream().take()).map(\.body) == [body])
    }
}
