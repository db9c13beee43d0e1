import NIOCore
import NIOPosix

extension ConnectionPool {
    /// Opens a channel to where a key leads; `prepare` fills its pipeline before anything passes.
    ///
    /// What a pool does with its connections needs no sockets: a loop may be given another one.
    typealias Dial = (
        _ key: PoolKey, _ timeout: TimeAmount, _ eventLoop: any EventLoop,
        _ prepare: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel>

    static func dialSocket(
        _ key: PoolKey, timeout: TimeAmount, on eventLoop: any EventLoop,
        prepare: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: key.isTLS ? UpstreamBuffers.ofTLS : UpstreamBuffers.ofResponses)
            .channelInitializer(prepare)
        if let path = key.socketPath { return bootstrap.connect(unixDomainSocketPath: path) }
        let (host, port) = key.proxy.map { ($0.host, $0.port) } ?? (key.host, key.port)
        if let address = try? SocketAddress(ipAddress: host, port: port) { return bootstrap.connect(to: address) }
        return bootstrap.connect(host: host, port: port)
    }
}
