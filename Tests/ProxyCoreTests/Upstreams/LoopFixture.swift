import Foundation
import HTTP1
import Logging
import NIOCore
import NIOEmbedded

@testable import ProxyCore

/// A loop whose time stands still until a test moves it, with what a loop owns, and no socket anywhere.
final class LoopFixture {
    let eventLoop = EmbeddedEventLoop()
    let loop: LoopContext

    /// One for all: opening one costs more than most tests.
    private static let ledger = Result {
        try UsageLedger(
            directory: ConfigurationFixture.makeFolder().path, timeZone: .utc,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// - Parameter file: the configuration.
    init(
        _ file: String = ConfigurationFixture.file(), dial: @escaping ConnectionPool.Dial = ConnectionPool.dialSocket
    ) throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let ledger = try Self.ledger.get()
        guard let snapshot = ConfigurationFixture.load(file).snapshot else { throw Missing() }
        let snapshots = SnapshotStore(snapshot)
        let context = ProxyContext(
            snapshots: snapshots, keys: try KeyRegistry(storedWith: ledger, snapshots: snapshots, logger: logger),
            accounts: AccountBook(),
            ledger: ledger, logSink: LogSink(descriptor: open("/dev/null", O_WRONLY)), logSettings: LogSettings(),
            metrics: MetricsRegistry(), logger: logger)
        loop = LoopContext(eventLoop: eventLoop, shared: context, dial: dial)
    }

    struct Missing: Error {}

    func pool(through proxy: ForwardProxy? = nil) -> ConnectionPool {
        loop.pool(PoolKey(UpstreamURL(isTLS: false, host: "h", port: 80, basePath: ""), trustedAuthorities: nil, proxy: proxy))
    }

    /// A connection of the pool that is open, or whose handshake is under way.
    func connect(_ pool: ConnectionPool, isTLS: Bool = false) throws -> (channel: EmbeddedChannel, connection: UpstreamConnection)
    {
        let channel = EmbeddedChannel(loop: eventLoop)
        let connection = UpstreamConnection(pool: pool, loop: loop, isTLS: isTLS, isDirect: false)
        try channel.pipeline.syncOperations.addHandler(connection)
        channel.connect(to: try SocketAddress(unixDomainSocketPath: "/x"), promise: nil)
        return (channel, connection)
    }
}

/// Notes what it is told, pieces of a body joined; `react` may do something about it.
final class NotingReceiver: UpstreamReceiver {
    private(set) var events: [String] = []
    private var body = ""
    var react: (String) -> Void = { _ in }

    private func note(_ event: String) {
        if !body.isEmpty, event != "body" {
            events.append("body \(body)")
            body = ""
        }
        if event != "body" { events.append(event) }
        react(event)
    }

    func received(head: borrowing HTTPResponseHead, bytes: UnsafeRawBufferPointer) { note("head \(head.status)") }

    func received(body piece: UnsafeRawBufferPointer) {
        body += String(decoding: piece, as: UTF8.self)
        note("body")
    }

    func ended() { note("ended") }
    func readComplete() {}
    func failed(_ failure: UpstreamFailure) { note("failed \(failure)") }
}
