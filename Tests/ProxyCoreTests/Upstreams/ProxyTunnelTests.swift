import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCore

@Suite struct ProxyTunnelTests {
    private final class Errors: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var seen: [ConnectObstacle] = []

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? ProxyTunnel.Failure { seen.append(error.obstacle) }
        }
    }

    /// What came of a response that arrives in pieces of `step` bytes: whether the way was opened, and the failures.
    private func outcome(_ response: String, step: Int, ends: Bool = false) throws -> (isOpen: Bool, failures: [ConnectObstacle])
    {
        var isOpen = false
        let errors = Errors()
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers(
            [ProxyTunnel(to: "h:443", credentials: Secret("Basic eA==")) { _ in isOpen = true }, errors])
        channel.connect(to: try SocketAddress(unixDomainSocketPath: "/x"), promise: nil)
        let asked = try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }
        #expect(asked == "CONNECT h:443 HTTP/1.1\r\nhost: h:443\r\nproxy-authorization: Basic eA==\r\n\r\n")
        let bytes = Array(response.utf8)
        for start in stride(from: 0, to: bytes.count, by: step) {
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes[start..<min(start + step, bytes.count)]))
        }
        if ends { channel.pipeline.fireChannelInactive() }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return (isOpen, errors.seen)
    }

    @Test(
        "The proxy's answer opens the way, or says why not",
        arguments: [
            ("HTTP/1.1 200 Connection established\r\n\r\n", nil), ("HTTP/1.0 200 OK\r\nvia: x\r\n\r\n", nil),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", nil), ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n", nil),
            ("HTTP/1.1 407 x\r\n\r\n", .proxyCredentials), ("HTTP/1.1 403 x\r\n\r\n", .proxyRefused),
            ("HTTP/1.1 302 x\r\nlocation: /\r\n\r\n", .proxyRefused), ("SSH-2.0-x\r\n\r\n", .proxyRefused),
            ("HTTP/1.1 200 OK\nx: y\n\n", .proxyRefused),
        ] as [(String, ConnectObstacle?)], [1, 7, 10_000])
    func answers(_ row: (String, ConnectObstacle?), step: Int) throws {
        let result = try outcome(row.0, step: step)
        #expect(result.isOpen == (row.1 == nil))
        #expect(result.failures == [row.1].compactMap { $0 })
    }

    @Test("Bytes behind the answer belong to nobody")
    func bytesBehind() throws {
        let result = try outcome("HTTP/1.1 200 OK\r\n\r\nx", step: 10_000)
        #expect(!result.isOpen && result.failures == [.proxyRefused])
    }

    @Test("A head without an end is bounded, and an end without a head is a refusal")
    func bounds() throws {
        let endless = "HTTP/1.1 200 OK\r\n" + String(repeating: "x: y\r\n", count: 4000)
        #expect(try outcome(endless, step: 1000).failures == [.proxyRefused])
        #expect(try outcome("HTTP/1.1 200", step: 100, ends: true).failures == [.proxyRefused])
    }
}
