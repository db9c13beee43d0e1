import HTTP1
import NIOCore
import NIOEmbedded
import NIOTLS
import Testing

@testable import ProxyCore

/// A connection to an upstream over a channel without a socket: what its receiver hears, and what becomes of it.
@Suite struct UpstreamConnectionTests {
    /// What an upstream sends as the response to one request.
    struct Row: Sendable, CustomTestStringConvertible {
        var wire: String
        var method = HTTPMethod.post
        var closes = false
        var events: [String]
        /// Whether the next request may go out on the same connection.
        var isKept = false

        var testDescription: String { wire.prefix(60).debugDescription }
    }

    private static let ok = "HTTP/1.1 200 OK\r\n"

    static let rows: [Row] = [
        Row(wire: "\(ok)content-length: 3\r\n\r\nabc", events: ["head 200", "body abc", "ended"], isKept: true),
        Row(wire: "\(ok)content-length: 0\r\n\r\n", events: ["head 200", "ended"], isKept: true),
        Row(
            wire: "\(ok)transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nt: u\r\n\r\n",
            events: ["head 200", "body abcde", "ended"], isKept: true),
        Row(wire: "\(ok)content-length: 3\r\n\r\n", method: .head, events: ["head 200", "ended"], isKept: true),
        Row(wire: "HTTP/1.1 204 No Content\r\n\r\n", events: ["head 204", "ended"], isKept: true),
        Row(
            wire: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nlink: y\r\n\r\n\(ok)content-length: 1\r\n\r\na",
            events: ["head 200", "body a", "ended"], isKept: true),
        // Not kept: the sender says so, or something came behind it.
        Row(wire: "\(ok)content-length: 1\r\nconnection: close\r\n\r\na", events: ["head 200", "body a", "ended"]),
        Row(wire: "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", events: ["head 200", "body a", "ended"]),
        Row(wire: "HTTP/1.1 204 x\r\ncontent-length: 4\r\n\r\n", events: ["head 204", "ended"]),
        // Bodies that last until the end.
        Row(wire: "\(ok)\r\nabc", closes: true, events: ["head 200", "body abc", "ended"]),
        Row(wire: "\(ok)\r\n", closes: true, events: ["head 200", "ended"]),
        // Ends that come too early.
        Row(wire: "", closes: true, events: ["failed disconnected"]),
        Row(wire: "HTTP/1.1 2", closes: true, events: ["failed disconnected"]),
        Row(wire: "\(ok)content-length: 4\r\n\r\nabc", closes: true, events: ["head 200", "body abc", "failed disconnected"]),
        Row(
            wire: "\(ok)transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", closes: true,
            events: ["head 200", "body abc", "failed disconnected"]),
        // What is no HTTP, or none that anybody asked for.
        Row(wire: "SSH-2.0-x\r\n\r\n", events: ["failed protocolError"]),
        Row(
            wire: "\(ok)transfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n",
            events: ["head 200", "body abc", "failed protocolError"]),
        Row(wire: "HTTP/1.1 101 Switching Protocols\r\n\r\n", events: ["failed protocolError"]),
        Row(wire: "HTTP/1.1 600 x\r\n\r\n", events: ["failed protocolError"]),
        Row(wire: String(repeating: "HTTP/1.1 102 x\r\n\r\n", count: 33), events: ["failed protocolError"]),
        Row(
            wire: String(repeating: "HTTP/1.1 102 x\r\n\r\n", count: 32) + "\(ok)content-length: 0\r\n\r\n",
            events: ["head 200", "ended"], isKept: true),
        Row(wire: "HTTP/1.1 407 x\r\ncontent-length: 0\r\n\r\n", events: ["head 407", "ended"], isKept: true),
    ]

    @Test(
        "A response is handed over, however its bytes are cut, and the connection kept or closed", arguments: rows,
        [1, 7, 10_000])
    func responses(_ row: Row, step: Int) throws {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let (channel, connection) = try fixture.connect(pool)
        let receiver = NotingReceiver()
        connection.send(method: row.method, to: receiver, body: nil) { $0.writeString("request") }
        #expect(try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "request")
        try feed(row.wire, to: channel, step: step)
        if row.closes { channel.pipeline.fireChannelInactive() }
        #expect(receiver.events == row.events)
        #expect(connection.isOpen == row.isKept)
        #expect((pool.takeIdle() === connection) == row.isKept)
        #expect(connection.hasReceived == !row.wire.isEmpty)
        #expect(connection.served == (row.events.last == "ended" && !(row.closes) ? 1 : 0))
    }

    private func feed(_ wire: String, to channel: EmbeddedChannel, step: Int) throws {
        let bytes = Array(wire.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
        }
    }

    @Test("A proxy's wish for credentials is no answer for the client")
    func proxyCredentials() throws {
        let fixture = try LoopFixture()
        let (channel, connection) = try fixture.connect(fixture.pool(through: ForwardProxy(host: "p", port: 3128)))
        let receiver = NotingReceiver()
        connection.send(method: .post, to: receiver, body: nil) { _ in }
        try feed("HTTP/1.1 407 x\r\ncontent-length: 0\r\n\r\n", to: channel, step: 100)
        #expect(receiver.events == ["failed \(UpstreamFailure.unreachable(.proxyCredentials))"])
        #expect(!connection.isOpen)
    }

    @Test("Bytes behind a response, or on a connection that waits, end the connection")
    func unaskedBytes() throws {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let (channel, connection) = try fixture.connect(pool)
        let receiver = NotingReceiver()
        connection.send(method: .post, to: receiver, body: nil) { _ in }
        try feed("\(Self.ok)content-length: 1\r\n\r\nab", to: channel, step: 100)
        #expect(receiver.events == ["head 200", "body a", "ended"])
        #expect(pool.takeIdle() == nil && !connection.isOpen)

        let (secondChannel, second) = try fixture.connect(pool)
        pool.putBack(second)
        try feed("x", to: secondChannel, step: 1)
        #expect(pool.takeIdle() == nil && !second.isOpen)
    }

    @Test("A request on a connection that takes none fails at once")
    func busyOrClosed() throws {
        let fixture = try LoopFixture()
        let (_, connection) = try fixture.connect(fixture.pool())
        let (first, second) = (NotingReceiver(), NotingReceiver())
        connection.send(method: .post, to: first, body: nil) { _ in }
        connection.send(method: .post, to: second, body: nil) { _ in }
        #expect(first.events.isEmpty && second.events == ["failed disconnected"])
        connection.close()
        connection.send(method: .post, to: second, body: nil) { _ in }
        #expect(second.events == ["failed disconnected", "failed disconnected"])
    }

    // MARK: Races

    @Test("Who cancels while it is being called hears nothing more", arguments: ["head 200", "body"], [1, 10_000])
    func cancelled(at event: String, step: Int) throws {
        for framing in ["content-length: 3\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "\r\nabc"] {
            let fixture = try LoopFixture()
            let (channel, connection) = try fixture.connect(fixture.pool())
            let receiver = NotingReceiver()
            var calls = 0
            receiver.react = { heard in
                calls += 1
                if heard == event { connection.cancel() }
            }
            connection.send(method: .post, to: receiver, body: nil) { _ in }
            try feed("\(Self.ok)\(framing)", to: channel, step: step)
            channel.pipeline.fireChannelInactive()
            #expect(calls == (event == "body" ? 2 : 1), "\(framing)")
            #expect(!connection.isOpen)
        }
    }

    @Test("A connection is back in its pool before its receiver hears of the end, which may ask for the next request at once")
    func nextRequestAtOnce() throws {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let (channel, connection) = try fixture.connect(pool)
        let (first, second) = (NotingReceiver(), NotingReceiver())
        first.react = { event in
            guard event == "ended" else { return }
            pool.takeIdle()?.send(method: .post, to: second, body: nil) { $0.writeString("second") }
        }
        connection.send(method: .post, to: first, body: nil) { $0.writeString("first") }
        try feed("\(Self.ok)content-length: 1\r\n\r\na", to: channel, step: 1)
        try feed("\(Self.ok)content-length: 1\r\n\r\nb", to: channel, step: 1)
        #expect(first.events == ["head 200", "body a", "ended"] && second.events == ["head 200", "body b", "ended"])
        #expect(connection.served == 2)
    }

    @Test("A pool that nobody needs any more closes what comes back to it")
    func retiredPool() throws {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let (channel, connection) = try fixture.connect(pool)
        let (_, idle) = try fixture.connect(pool)
        pool.putBack(idle)
        let receiver = NotingReceiver()
        connection.send(method: .post, to: receiver, body: nil) { _ in }
        pool.retire()
        #expect(!idle.isOpen && connection.isOpen)
        try feed("\(Self.ok)content-length: 1\r\n\r\na", to: channel, step: 1)
        #expect(receiver.events == ["head 200", "body a", "ended"])
        #expect(!connection.isOpen && pool.takeIdle() == nil)
    }

    @Test("An idle connection that the other side closes leaves its pool")
    func closedWhileIdle() throws {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let (channel, connection) = try fixture.connect(pool)
        pool.putBack(connection)
        channel.pipeline.fireChannelInactive()
        #expect(pool.takeIdle() == nil)
    }

    @Test("A reset is no end of a body that lasts until the end")
    func reset() throws {
        let fixture = try LoopFixture()
        let (channel, connection) = try fixture.connect(fixture.pool())
        let receiver = NotingReceiver()
        connection.send(method: .post, to: receiver, body: nil) { _ in }
        try feed("\(Self.ok)\r\nab", to: channel, step: 100)
        channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "reset"))
        channel.pipeline.fireChannelInactive()
        #expect(receiver.events == ["head 200", "body ab", "failed truncated"])
    }

    // MARK: Pace

    /// A connection whose reads are counted.
    private func wired() throws -> (
        fixture: LoopFixture, pool: ConnectionPool, channel: WireChannel, connection: UpstreamConnection
    ) {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let channel = WireChannel(fixture.eventLoop, allowsHalfClosure: false)
        let connection = UpstreamConnection(pool: pool, loop: fixture.loop, isTLS: false, isDirect: true)
        try channel.pipeline.syncOperations.addHandler(connection)
        channel.activate()
        return (fixture, pool, channel, connection)
    }

    @Test("A receiver without room makes the upstream wait, and gets the rest when it has some")
    func pausing() throws {
        let (fixture, pool, channel, connection) = try wired()
        let receiver = NotingReceiver()
        receiver.react = { if $0 == "body" { connection.pause() } }
        connection.send(method: .post, to: receiver, body: nil) { $0.writeString("x") }
        channel.send("\(Self.ok)content-length: 3\r\n\r\n")
        for byte in ["a", "b", "c"] { channel.send(byte) }
        fixture.eventLoop.run()
        #expect(channel.unread == 2)
        let reads = channel.reads
        connection.resume()
        #expect(channel.reads == reads + 1)
        fixture.eventLoop.run()
        #expect(channel.unread == 1 && receiver.events == ["head 200"])
        connection.resume()
        // Once is enough.
        connection.resume()
        fixture.eventLoop.run()
        #expect(receiver.events == ["head 200", "body abc", "ended"])
        #expect(pool.takeIdle() === connection)
        // What the last receiver wished is not held against the next.
        let second = NotingReceiver()
        connection.send(method: .post, to: second, body: nil) { $0.writeString("x") }
        channel.send("\(Self.ok)content-length: 0\r\n\r\n")
        fixture.eventLoop.run()
        #expect(second.events == ["head 200", "ended"])
    }

    @Test("What comes unasked, for the upstream has closed, waits for the receiver, and leaves the connection to nobody")
    func unasked() throws {
        let (fixture, pool, channel, connection) = try wired()
        let receiver = NotingReceiver()
        receiver.react = { if $0 == "body" { connection.pause() } }
        connection.send(method: .post, to: receiver, body: nil) { $0.writeString("x") }
        channel.send("\(Self.ok)content-length: 3\r\n\r\na")
        fixture.eventLoop.run()
        channel.pipeline.syncOperations.fireChannelRead(NIOAny(ByteBuffer(string: "bc")))
        channel.pipeline.syncOperations.fireChannelReadComplete()
        fixture.eventLoop.run()
        #expect(receiver.events == ["head 200"])
        connection.resume()
        fixture.eventLoop.run()
        #expect(receiver.events == ["head 200", "body abc", "ended"])
        #expect(pool.takeIdle() == nil)
    }

    @Test("A response that comes before its request is written out leaves the connection to nobody", arguments: [true, false])
    func earlyResponse(isWritten: Bool) throws {
        let (_, pool, channel, connection) = try wired()
        channel.takes(false)
        let receiver = NotingReceiver()
        connection.send(method: .post, to: receiver, body: ByteBuffer(repeating: 0x78, count: 100_000)) { $0.writeString("x") }
        if isWritten { channel.takes(true) }
        channel.send("\(Self.ok)content-length: 1\r\n\r\na")
        #expect(receiver.events == ["head 200", "body a", "ended"])
        #expect((pool.takeIdle() === connection) == isWritten && channel.isActive == isWritten)
    }

    @Test("A request whose write fails is told to its receiver, once")
    func brokenWrite() throws {
        let (_, pool, channel, connection) = try wired()
        channel.breakOnWrite()
        let receiver = NotingReceiver()
        connection.send(method: .post, to: receiver, body: ByteBuffer(string: "b")) { $0.writeString("x") }
        #expect(receiver.events == ["failed disconnected"] && !connection.isOpen && pool.takeIdle() == nil)
    }

    // MARK: TLS

    @Test(
        "Who waits for a handshake is called once: when it is done, or when it cannot be", arguments: ["done", "gone", "broken"])
    func handshake(_ how: String) throws {
        let fixture = try LoopFixture()
        let (channel, connection) = try fixture.connect(fixture.pool(), isTLS: true)
        var results: [Bool] = []
        connection.whenReady { if case .success = $0 { results.append(true) } else { results.append(false) } }
        #expect(results.isEmpty)
        switch how {
        case "done":
            channel.pipeline.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: nil))
            channel.pipeline.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: nil))
        case "broken": channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "reset"))
        default: break
        }
        channel.pipeline.fireChannelInactive()
        #expect(results == [how == "done"])
        connection.whenReady { if case .success = $0 { results.append(true) } else { results.append(false) } }
        #expect(results == [how == "done", false])
    }

    // MARK: Time

    @Test("What idles too long is closed, what works is not", arguments: [false, true])
    func sweeping(opens: Bool) throws {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let (_, working) = try fixture.connect(pool)
        let receiver = NotingReceiver()
        working.send(method: .post, to: receiver, body: nil) { _ in }
        let (_, idle) = try fixture.connect(pool, isTLS: opens)
        var isReported = false
        if opens { idle.whenReady { _ in isReported = true } } else { pool.putBack(idle) }
        fixture.eventLoop.advanceTime(by: ConnectionPool.idleTime)
        #expect(idle.isOpen)
        fixture.eventLoop.advanceTime(by: .seconds(1))
        #expect(!idle.isOpen && isReported == opens)
        #expect(pool.takeIdle() == nil)
        #expect(working.isOpen && receiver.events.isEmpty)
    }
}
