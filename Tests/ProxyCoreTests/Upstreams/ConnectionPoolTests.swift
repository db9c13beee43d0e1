import NIOEmbedded
import Testing

@testable import ProxyCore

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
}
