import NIOCore
import NIOSSL

/// The idle connections of one loop to one address, the most recently used first.
///
/// There is no bound on how many are open at once: an LLM response holds its connection for minutes, and a queue behind
/// it would be a hidden limit. What bounds them is the listener's `limits.connections`.
final class ConnectionPool {
    /// Shorter than the keep-alive of common servers would be better still, but they begin at 5 s; a connection that the
    /// other side closed meanwhile is replaced before the request counts as failed.
    static let idleTime = TimeAmount.seconds(60)

    private static let evictedAtOnce = 4
    private static let evictionTime = TimeAmount.milliseconds(20)

    let key: PoolKey
    private let loop: LoopContext
    private let dial: Dial
    private var idle: [UpstreamConnection] = []
    /// No configuration that runs leads here any more: a connection that comes back is closed.
    private var isRetired = false

    init(key: PoolKey, loop: LoopContext, dial: @escaping Dial) {
        self.key = key
        self.loop = loop
        self.dial = dial
    }

    /// An open connection that waits for work.
    func takeIdle() -> UpstreamConnection? {
        while let connection = idle.popLast() {
            if connection.isOpen { return connection }
        }
        return nil
    }

    func putBack(_ connection: UpstreamConnection) {
        guard !isRetired else {
            connection.close()
            return
        }
        idle.append(connection)
    }

    func forget(_ connection: UpstreamConnection) {
        guard let index = idle.firstIndex(where: { $0 === connection }) else { return }
        idle.remove(at: index)
    }

    func retire() {
        isRetired = true
        let connections = idle
        idle = []
        for connection in connections { connection.close() }
    }

    /// Opens a connection; `then` is called on this loop, exactly once.
    func connect(
        timeout: TimeAmount, attempt: Int = 1, then: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void
    ) {
        if DescriptorLimit.isReached(keeping: DescriptorLimit.keptFromUpstreams) {
            return starve(timeout: timeout, attempt: attempt, then: then)
        }
        open(timeout: timeout) { [self] result in
            if case .failure = result, DescriptorLimit.isReached() {
                starve(timeout: timeout, attempt: attempt, then: then)
                return
            }
            note(result)
            then(result)
        }
    }

    /// It is proxyd that has no descriptor left: idle clients give way, and it is tried once more.
    private func starve(
        timeout: TimeAmount, attempt: Int, then: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void
    ) {
        loop.shared.connectionEvents.upstreamStarved()
        guard loop.shared.makeRoom(Self.evictedAtOnce) > 0, attempt < 2 else {
            then(.failure(.noDescriptors))
            return
        }
        loop.eventLoop.assumeIsolated().scheduleTask(in: Self.evictionTime) { [self] in
            connect(timeout: timeout, attempt: attempt + 1, then: then)
        }
    }

    /// The log says when an address cannot be connected to, or for another reason than before, or can again: not each time.
    private func note(_ result: Result<UpstreamConnection, UpstreamFailure>) {
        switch result {
        case .success:
            let troubles = loop.shared.troubles
            if troubles.areKnown { troubles.ended(at: key.address, of: names, loop.shared.logger) }
        case .failure(let failure):
            loop.shared.troubles.note(failure, at: key.address, of: names, loop.shared.logger)
        }
    }

    /// The upstreams that it is the pool of; none where it is for calls of proxyd's own.
    private var names: String {
        loop.shared.snapshots.current.configuration.upstreams.filter {
            PoolKey($0.url, trustedAuthorities: $0.trustedAuthorities, proxy: $0.proxy) == key
        }.map(\.name).joined(separator: ",")
    }

    private func open(timeout: TimeAmount, then: @escaping (Result<UpstreamConnection, UpstreamFailure>) -> Void) {
        let tls: NIOSSLContext?
        do {
            tls = try key.isTLS ? loop.shared.tlsContexts.client(key.trustedAuthorities) : nil
        } catch {
            then(.failure(.tls(.other)))
            return
        }
        let pool = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let key = self.key
        let channel = dial(key, timeout, loop.eventLoop) { channel in
            channel.eventLoop.makeCompletedFuture {
                try Self.build(channel.pipeline.syncOperations, for: pool.value, tls)
            }
        }
        channel.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel):
                guard let connection = try? channel.pipeline.syncOperations.handler(type: UpstreamConnection.self) else {
                    then(.failure(.unreachable(.reset)))
                    return
                }
                connection.whenReady(then)
            case .failure(let error):
                let failure = UpstreamFailure(connecting: error)
                then(.failure(key.proxy == nil || failure == .connectTimeout ? failure : .unreachable(.proxy)))
            }
        }
    }

    /// TLS, if any, and a tunnel to it, if it takes one; behind them the connection.
    private static func build(
        _ pipeline: ChannelPipeline.SynchronousOperations, for pool: ConnectionPool, _ tls: NIOSSLContext?
    ) throws {
        let key = pool.key
        if let tls {
            if key.socketPath == nil { try pipeline.addHandler(UnreadEnd()) }
            if let proxy = key.proxy {
                let authority = UpstreamURL.authority(of: key.host, port: key.port)
                try pipeline.addHandler(
                    ProxyTunnel(to: authority, credentials: proxy.credentials) { context in
                        try context.pipeline.syncOperations.addHandler(
                            handler(tls, host: key.host), position: .after(context.handler))
                    })
            } else {
                try pipeline.addHandler(handler(tls, host: key.host))
            }
        }
        let isTLS = tls != nil
        try pipeline.addHandler(UpstreamConnection(pool: pool, loop: pool.loop, isTLS: isTLS, isDirect: !isTLS))
    }

    private static func handler(_ tls: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler._makeSSLClientHandler(
            context: tls, serverHostname: serverName(host),
            additionalPeerCertificateVerificationCallback: { certificate, channel in
                UpstreamIdentity.matches(certificate, host: host)
                    ? channel.eventLoop.makeSucceededVoidFuture()
                    : channel.eventLoop.makeFailedFuture(UpstreamIdentity.Mismatch())
            })
    }

    /// SNI carries names, never addresses (RFC 6066 §3).
    private static func serverName(_ host: String) -> String? {
        AddressRange.Address(host) == nil ? host : nil
    }
}

@available(*, unavailable)
extension ConnectionPool: Sendable {}
