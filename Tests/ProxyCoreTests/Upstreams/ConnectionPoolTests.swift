import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCore

#if canImport(Glibc)
import Glibc
#endif

@Suite struct ConnectionPoolTests {
    @Test("The connection that was used last is used next, and what closed meanwhile is passed over")
    func order() throws {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let connections = try (0..<4).map { _ in try fixture.connect(pool).connection }
        for connection in connections { pool.putBack(connection) }
        connections[3].close()
        #expect(pool.takeIdle() === connections[2])
        pool.forget(connections[1])
        pool.forget(connections[1])
        #expect(pool.takeIdle() === connections[0])
        #expect(pool.takeIdle() == nil)
    }

    @Test("Pools are one for each address and way there")
    func keys() throws {
        let fixture = try LoopFixture()
        let direct = fixture.pool()
        #expect(fixture.pool() === direct)
        let proxied = fixture.pool(through: ForwardProxy(host: "p", port: 1))
        #expect(proxied !== direct)
        #expect(fixture.pool(through: ForwardProxy(host: "p", port: 1)) === proxied)
    }

    @Test("Retiring closes what idles, once")
    func retire() throws {
        let fixture = try LoopFixture()
        let pool = fixture.pool()
        let connection = try fixture.connect(pool).connection
        pool.putBack(connection)
        pool.retire()
        pool.retire()
        #expect(!connection.isOpen && pool.takeIdle() == nil)
    }

    // MARK: Connecting

    private typealias Made = Result<UpstreamConnection, UpstreamFailure>

    /// A pool whose connections are made without sockets.
    private struct Bench {
        let switchboard = WireStage.Switchboard()
        let fixture: LoopFixture
        let pool: ConnectionPool
        private let calls = Calls()

        final class Calls { var made: [Made] = [] }

        init(isTLS: Bool = false, through proxy: ForwardProxy? = nil) throws {
            fixture = try LoopFixture(dial: switchboard.dial)
            let url = UpstreamURL(isTLS: isTLS, host: "h.test", port: 80, basePath: "")
            pool = fixture.loop.pool(PoolKey(url, trustedAuthorities: nil, proxy: proxy))
        }

        func connect() { pool.connect(timeout: .seconds(1)) { [calls] in calls.made.append($0) } }

        var made: [Made] { calls.made }
        var failures: [UpstreamFailure] {
            made.compactMap { if case .failure(let failure) = $0 { failure } else { nil } }
        }
    }

    @Test("Who waits for a connection gets it when it stands, ready for a request, and it comes back after its response")
    func connecting() throws {
        let bench = try Bench()
        bench.switchboard.holds = true
        bench.connect()
        bench.connect()
        #expect(bench.made.isEmpty && bench.switchboard.keys == [bench.pool.key, bench.pool.key])
        bench.switchboard.connectAll()
        let connections = try bench.made.map { try $0.get() }
        #expect(connections.count == 2 && connections[0] !== connections[1] && bench.pool.takeIdle() == nil)
        let receiver = NotingReceiver()
        connections[0].send(method: .post, to: receiver, body: ByteBuffer(string: "body")) { $0.writeString("head ") }
        #expect(String(decoding: bench.switchboard.channels[0].take(), as: UTF8.self) == "head body")
        bench.switchboard.channels[0].send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", step: 1)
        bench.fixture.eventLoop.run()
        #expect(receiver.events == ["head 200", "body a", "ended"])
        #expect(bench.pool.takeIdle() === connections[0])
    }

    @Test(
        "Who waits for a connection that does not come about is told why, once",
        arguments: [
            (ECONNREFUSED, .unreachable(.refused)), (EHOSTUNREACH, .unreachable(.noRoute)),
            (ECONNRESET, .unreachable(.reset)), (EIO, .unreachable(.other)), (0, .connectTimeout),
        ] as [(CInt, UpstreamFailure)], [nil, ForwardProxy(host: "p", port: 3128)] as [ForwardProxy?])
    func unreachable(_ row: (CInt, UpstreamFailure), through proxy: ForwardProxy?) throws {
        let (errno, failure) = row
        let bench = try Bench(through: proxy)
        bench.switchboard.holds = true
        bench.connect()
        bench.switchboard.failAll(
            errno == 0 ? ChannelError.connectTimeout(.seconds(1)) : IOError(errnoCode: errno, reason: "connect"))
        bench.fixture.eventLoop.run()
        // Of a proxy's own troubles the client learns no more than that.
        let isProxy = proxy != nil && failure != .connectTimeout
        #expect(bench.failures == [isProxy ? .unreachable(.proxy) : failure] && bench.made.count == 1)
        // The next one is dialled anew.
        bench.switchboard.holds = false
        bench.connect()
        #expect(bench.made.count == 2 && bench.failures.count == 1)
    }

    @Test(
        "A connection with TLS is there when TLS stands; what answers without it is told as that",
        arguments: [("HTTP/1.1 400 Bad Request\r\n\r\n", UpstreamFailure.tls(.noCommonProtocol)), ("", .tls(.closed))])
    func handshake(response: String, failure: UpstreamFailure) throws {
        let bench = try Bench(isTLS: true)
        bench.connect()
        let channel = try #require(bench.switchboard.channels.first)
        // A record of a handshake is on its way, and nothing is ready.
        #expect(channel.take().first == 0x16 && bench.made.isEmpty)
        if response.isEmpty { channel.sendEnd() } else { channel.send(response) }
        bench.fixture.eventLoop.run()
        #expect(bench.failures == [failure] && bench.made.count == 1 && !channel.isActive)
        #expect(bench.pool.takeIdle() == nil)
    }

    @Test("A handshake that never ends is told to whoever still waits")
    func endlessHandshake() throws {
        let bench = try Bench(isTLS: true)
        bench.connect()
        bench.fixture.eventLoop.advanceTime(by: ConnectionPool.idleTime + .seconds(1))
        #expect(bench.failures == [.tls(.closed)] && bench.made.count == 1)
    }

    @Test("One pool serves what is alike in all that matters, and nothing else")
    func identities() throws {
        let url = UpstreamURL(isTLS: true, host: "h", port: 443, basePath: "")
        let root = try TrustedAuthorities(path: "root.pem", bytes: CertificateFixture.bytes("root.pem"))
        let renewed = try TrustedAuthorities(path: "root.pem", bytes: CertificateFixture.bytes("other-root.pem"))
        let proxy = ForwardProxy(host: "p", port: 1)
        var plain = url
        plain.isTLS = false
        var host = url
        host.host = "i"
        var port = url
        port.port = 444
        var socket = url
        socket.socketPath = "/s"
        let keys = [
            PoolKey(url, trustedAuthorities: nil, proxy: nil), PoolKey(url, trustedAuthorities: root, proxy: nil),
            PoolKey(url, trustedAuthorities: renewed, proxy: nil), PoolKey(url, trustedAuthorities: nil, proxy: proxy),
            PoolKey(plain, trustedAuthorities: nil, proxy: nil), PoolKey(host, trustedAuthorities: nil, proxy: nil),
            PoolKey(port, trustedAuthorities: nil, proxy: nil), PoolKey(socket, trustedAuthorities: nil, proxy: nil),
        ]
        #expect(Set(keys).count == keys.count)
        // A path is no part of it, nor are authorities where there is no TLS.
        var path = url
        path.basePath = "/v1"
        #expect(PoolKey(path, trustedAuthorities: nil, proxy: nil) == keys[0])
        #expect(PoolKey(plain, trustedAuthorities: root, proxy: nil) == keys[4])
    }
}
