import NIOCore
import Testing

@testable import ProxyCore

/// Which connection an attempt's request goes out on, and what becomes of it when that one is no use.
@Suite struct AttemptConnectionTests {
    private static let overloaded = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

    /// A stage with a client that was served once, so that a connection is idle.
    private func warmed() throws -> (stage: WireStage, client: WireChannel) {
        let stage = try WireStage()
        let client = try stage.client()
        client.send(Wire.request)
        try stage.upstream().send(Wire.answer())
        stage.turn()
        #expect(client.takeStatuses() == [200])
        _ = try stage.upstream().take()
        return (stage, client)
    }

    @Test(
        "A request that met a connection which its upstream was just closing goes out once more, on a new one",
        arguments: ["closed", "reset", "told"])
    func stale(_ how: String) throws {
        let (stage, client) = try warmed()
        client.send(Wire.request)
        #expect(stage.upstreams.count == 1)
        switch how {
        case "closed": stage.upstreams[0].sendEnd()
        case "reset": stage.upstreams[0].reset()
        default: stage.upstreams[0].send(Self.overloaded)
        }
        stage.turn()
        try #require(stage.upstreams.count == 2)
        #expect(client.take().isEmpty && !stage.upstreams[0].isActive)
        #expect(WireMessage.requests(stage.upstreams[1].take()).map(\.body) == [Wire.body])
        stage.upstreams[1].send(Wire.answer())
        stage.turn()
        #expect(client.takeStatuses() == [200])
    }

    @Test("Once only: what fails on a new connection has failed")
    func staleTwice() throws {
        let (stage, client) = try warmed()
        client.send(Wire.request)
        stage.upstreams[0].sendEnd()
        try stage.upstream().sendEnd()
        stage.turn()
        #expect(stage.upstreams.count == 2 && client.takeStatuses() == [502])
    }

    @Test("A connection that has begun to answer is not replaced")
    func cutAnswer() throws {
        let (stage, client) = try warmed()
        client.send(Wire.request)
        stage.upstreams[0].send("HTTP/1.1 2")
        stage.upstreams[0].sendEnd()
        stage.turn()
        #expect(stage.upstreams.count == 1 && client.takeStatuses() == [502])
    }

    @Test("An idle connection that its upstream closes is asked for nothing")
    func closedWhileIdle() throws {
        let (stage, client) = try warmed()
        stage.upstreams[0].sendEnd()
        client.send(Wire.request)
        #expect(stage.upstreams.count == 2)
    }

    @Test("A connection that comes too late for its attempt serves the next request")
    func late() throws {
        let stage = try WireStage("timeouts: {connect: 2s}")
        let client = try stage.client()
        stage.switchboard.holds = true
        client.send(Wire.request)
        stage.pass(.seconds(3))
        #expect(client.takeStatuses() == [504])
        stage.switchboard.connectAll()
        stage.turn()
        #expect(try stage.upstream().take().isEmpty)
        client.send(Wire.request)
        #expect(stage.upstreams.count == 1)
        #expect(try WireMessage.requests(stage.upstream().take()).map(\.body) == [Wire.body])
    }

    @Test("A client that goes away while its upstream is dialled leaves the connection to others")
    func goneMeanwhile() throws {
        let stage = try WireStage()
        let client = try stage.client()
        stage.switchboard.holds = true
        client.send(Wire.request)
        client.reset()
        stage.switchboard.connectAll()
        stage.turn()
        let upstream = try stage.upstream()
        #expect(upstream.isActive && upstream.take().isEmpty)
        try stage.client().send(Wire.request)
        #expect(stage.upstreams.count == 1 && !upstream.take().isEmpty)
    }

    @Test("What cannot be reached is told in the client's dialect, and its connection goes on")
    func unreachable() throws {
        let stage = try WireStage()
        let client = try stage.client()
        stage.switchboard.failure = ChannelError.connectTimeout(.seconds(1))
        client.send(Wire.request + Wire.wrongMethod)
        stage.turn()
        #expect(client.takeStatuses() == [504, 405])
    }
}
