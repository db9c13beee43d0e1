import NIOCore
import NIOPosix
import Synchronization

/// A pretended LLM provider: it streams responses in Anthropic's and OpenAI's formats, drains and refills quotas, and fails
/// on request. For a first try of proxyd, for fire drills, for tests; several can run in one process.
public final class SimulatorServer: Sendable {
    /// The port it listens on.
    public let port: Int
    private let listener: any Channel
    private let connections: Connections
    private let provider: Provider

    /// - Parameter port: 0 for any that is free.
    /// - Throws: what binding throws.
    public static func start(
        host: String = "127.0.0.1", port: Int = 0, options: SimulatorOptions = SimulatorOptions(), group: any EventLoopGroup
    ) async throws -> SimulatorServer {
        let provider = Provider(options: options)
        let connections = Connections()
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    connections.add(channel)
                    try channel.pipeline.syncOperations.addHandler(SimulatorHandler(provider: provider))
                }
            }
            .bind(host: host, port: port)
            .get()
        return SimulatorServer(listener: listener, connections: connections, provider: provider)
    }

    private init(listener: any Channel, connections: Connections, provider: Provider) {
        port = listener.localAddress?.port ?? 0
        self.listener = listener
        self.connections = connections
        self.provider = provider
    }

    /// Closes the listener and every connection, mid-response or not.
    public func stop() async {
        try? await listener.close()
        await connections.closeAll()
    }

    /// Ends when the listener closes.
    public func closed() async throws {
        try await listener.closeFuture.get()
    }

    // MARK: Fire drills, as over `/simulate`

    /// Fails the next requests; what was asked for first happens first.
    public func inject(_ failure: SimulatedFailure) { provider.inject(failure) }

    /// Sets what is left of an account's quota for a model (`*`: for all); nil stands for "not known".
    public func setRemaining(_ share: Double?, account: String = "*", model: String = "*") {
        provider.setRemaining(share, account: account, model: model)
    }

    /// Makes an account `ok`, `invalid` or `error`.
    public func setStatus(_ status: AccountStatus, account: String) { provider.setStatus(status, account: account) }

    /// Forgets failures and fills all quotas.
    public func clear() { provider.clear() }

    /// Responses begun since the start, failures included; without `/health` and `/simulate`.
    public var requestCount: Int { provider.requestCount }
}

/// The connections that are open.
private final class Connections: Sendable {
    private let open = Mutex<[ObjectIdentifier: any Channel]>([:])

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        open.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { _ in
            self.open.withLock { $0[id] = nil }
        }
    }

    func closeAll() async {
        let channels = open.withLock { Array($0.values) }
        for channel in channels {
            try? await channel.close()
        }
    }
}
