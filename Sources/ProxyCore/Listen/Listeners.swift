import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The sockets that clients connect to.
///
/// A reload goes through three calls: `bind` before the new configuration is published, `apply` after it was, `withdraw` where
/// it was refused. Reloads follow one another, so the calls do.
final class Listeners: Sendable {
    private struct Bound {
        let listener: BoundListener
        let channel: any Channel
        /// The file of a Unix socket that was bound here.
        var file: UnixSocketFile?
        /// A wider listener of the same port takes the same connections; this one stays beside it.
        var isCovered = false

        func close() async {
            // Before the socket, so that whoever finds the file finds a listener.
            file?.remove()
            try? await channel.close()
        }
    }

    private let group: MultiThreadedEventLoopGroup
    private let loops: [ObjectIdentifier: NIOLoopBound<LoopContext>]
    private let bound = Mutex<[Bound]>([])
    /// How long a wide listener goes on accepting when a narrower one took over its port: what waited in its queue would be
    /// reset when it closes.
    private static let handover = Duration.milliseconds(50)
    /// Connections that wait to be accepted.
    private static let backlog: Int32 = 4096
    private static let reusePort = ChannelOptions.Types.SocketOption(
        level: .socket, name: NIOBSDSocket.Option(rawValue: SO_REUSEPORT))

    private let passed: PassedSockets?

    init(group: MultiThreadedEventLoopGroup, loops: [ObjectIdentifier: NIOLoopBound<LoopContext>], passed: PassedSockets?) {
        self.group = group
        self.loops = loops
        self.passed = passed
    }

    /// The addresses that are bound, as they came about (a port 0 has become a number).
    var addresses: [(host: String, port: Int, isAdmin: Bool)] {
        bound.withLock { bound in
            bound.filter { !$0.isCovered }.map {
                let address = $0.channel.localAddress
                let isAdmin = $0.listener.settings.current.plane == .admin
                if case .unix = $0.listener.id { return ($0.listener.id.description, 0, isAdmin) }
                return (address?.ipAddress ?? "", address?.port ?? 0, isAdmin)
            }
        }
    }

    /// The listeners with a certificate: where they listen, and when it ends, in seconds since 1970.
    var certificates: [(listener: String, notAfter: Int)] {
        bound.withLock { bound in
            bound.filter { !$0.isCovered }.compactMap { one in
                guard let notAfter = one.listener.settings.current.tls?.notAfter else { return nil }
                guard case .tcp(let host, 0, let ordinal) = one.listener.id else { return ("\(one.listener.id)", notAfter) }
                return ("\(ListenerID.tcp(host: host, port: one.channel.localAddress?.port ?? 0, ordinal: ordinal))", notAfter)
            }
        }
    }

    /// Binds what a configuration wants and is not bound yet: all of it, or nothing. What is bound keeps its settings until `apply`.
    func bind(_ configuration: Configuration) async throws(BindFailure) {
        var fresh: [ListenerID] = []
        for entry in ListenerPlan(configuration).entries {
            let isBound = bound.withLock { $0.contains { $0.listener.id == entry.id } }
            if isBound { continue }
            do throws(BindFailure) {
                let new = try await bind(BoundListener(id: entry.id, settings: entry.settings))
                bound.withLock { $0.append(new) }
                fresh.append(entry.id)
            } catch {
                await close(takeOut { fresh.contains($0.listener.id) })
                throw BindFailure(address: error.address, reason: error.reason, key: entry.key)
            }
        }
    }

    private func takeOut(_ isMeant: (Bound) -> Bool) -> [Bound] {
        bound.withLock { bound in
            let some = bound.filter(isMeant)
            bound.removeAll(where: isMeant)
            return some
        }
    }

    /// Publishes the settings, and closes the listeners that the configuration no longer wants. Their connections go on.
    ///
    /// A listener that a wider one of the same port covers is not closed: connections that wait in its queue would be reset,
    /// and it takes only what the wider one would take anyway.
    func apply(_ configuration: Configuration) async {
        let plan = ListenerPlan(configuration)
        let (surplus, isHandover) = bound.withLock { bound in
            var surplus: [Bound] = []
            var kept: [Bound] = []
            for var one in bound {
                let exact = plan[one.listener.id]
                if let entry = exact ?? plan.entries.first(where: { $0.id.covers(one.listener.id) }) {
                    one.listener.settings.publish(entry.settings)
                    one.isCovered = exact == nil
                    kept.append(one)
                } else {
                    surplus.append(one)
                }
            }
            bound = kept
            let isHandover = surplus.contains { one in kept.contains { one.listener.id.covers($0.listener.id) } }
            return (surplus, isHandover)
        }
        if isHandover { try? await Task.sleep(for: Self.handover) }
        await close(surplus)
    }

    /// Closes what was bound for a configuration that was refused; `configuration` is the one that goes on.
    func withdraw(allBut configuration: Configuration) async {
        let plan = ListenerPlan(configuration)
        await close(takeOut { plan[$0.listener.id] == nil && !$0.isCovered })
    }

    func tellOfUnused(_ logger: Logger) { passed?.tellOfRest(logger) }

    func closeAll() async {
        await close(takeOut { _ in true })
    }

    /// What has just been accepted is on its way to its own loop, and NIO closes it if its listener is closed meanwhile. So
    /// accepting ends first, and every loop turns as often as a connection changes loops; what waits in the queue of a passed
    /// socket stays there for the next process.
    private func close(_ some: [Bound]) async {
        guard !some.isEmpty else { return }
        for one in some { try? await one.channel.setOption(.autoRead, value: false).get() }
        for _ in 0..<3 {
            for loop in group.makeIterator() { try? await loop.submit {}.get() }
        }
        for one in some {
            await one.close()
            passed?.giveBack(one.listener.id)
        }
    }

    // MARK: Binding

    private func bind(_ listener: BoundListener) async throws(BindFailure) -> Bound {
        if let passed, let descriptor = try passed.take(listener.id) {
            do throws(BindFailure) {
                return Bound(listener: listener, channel: try await listen(listener, on: descriptor))
            } catch {
                passed.giveBack(listener.id)
                throw error
            }
        }
        switch listener.id {
        case .tcp: return Bound(listener: listener, channel: try await bindAddress(listener))
        case .unix(let path):
            let descriptor: Int32
            let file: UnixSocketFile
            do throws(UnixSocketFile.Failure) {
                (descriptor, file) = try UnixSocketFile.bind(path)
            } catch {
                throw BindFailure(address: listener.id.description, reason: error.reason)
            }
            return Bound(listener: listener, channel: try await listen(listener, on: descriptor), file: file)
        }
    }

    /// Listens on a socket that is bound.
    private func listen(_ listener: BoundListener, on descriptor: Int32) async throws(BindFailure) -> any Channel {
        do {
            let channel = try await bootstrap(listener).withBoundSocket(descriptor).get()
            // NIO has it listen with a queue of its own length.
            _ = Glibc.listen(descriptor, Self.backlog)
            return channel
        } catch {
            throw BindFailure(address: listener.id.description, reason: Self.text(of: error))
        }
    }

    private func bindAddress(_ listener: BoundListener) async throws(BindFailure) -> any Channel {
        do {
            return try await bind(listener, sharesPort: false)
        } catch {
            let inTheWay = bound.withLock { $0.filter { $0.listener.id.overlaps(listener.id) }.map(\.channel) }
            guard (error as? IOError)?.errnoCode == EADDRINUSE, !inTheWay.isEmpty else {
                throw BindFailure(address: listener.id.description, reason: Self.text(of: error))
            }
            return try await bind(listener, beside: inTheWay)
        }
    }

    /// Binds `0.0.0.0:80` while our own `127.0.0.1:80` still listens, and the other way round.
    ///
    /// Linux allows it when both sockets have SO_REUSEPORT at that moment. Nothing has it at other times, so that a second
    /// proxyd is told that the address is taken instead of getting half of the connections.
    private func bind(_ listener: BoundListener, beside others: [any Channel]) async throws(BindFailure) -> any Channel {
        let option = Self.reusePort
        do {
            for other in others { try await other.setOption(option, value: 1).get() }
            let channel = try await bind(listener, sharesPort: true)
            for one in others + [channel] { try? await one.setOption(option, value: 0).get() }
            return channel
        } catch {
            for other in others { try? await other.setOption(option, value: 0).get() }
            throw BindFailure(address: listener.id.description, reason: Self.text(of: error))
        }
    }

    private func bind(_ listener: BoundListener, sharesPort: Bool) async throws -> any Channel {
        let bootstrap = bootstrap(listener)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(Self.reusePort, value: sharesPort ? 1 : 0)
        switch listener.id {
        case .tcp(let host, let port, _): return try await bootstrap.bind(host: host, port: port).get()
        case .unix(let path): return try await bootstrap.bind(unixDomainSocketPath: path).get()
        }
    }

    private func bootstrap(_ listener: BoundListener) -> ServerBootstrap {
        let loops = self.loops
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let loop = try Self.loop(of: channel, loops)
                    loop.shared.add(listener.slots)
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(shared: loop.shared, slots: listener.slots))
                }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // What waits for a client that does not read; one more read of the upstream's may come on top.
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 16 << 10, high: 32 << 10))
            .childChannelOption(.recvAllocator, value: ClientBuffers.forStrangers)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let loop = try Self.loop(of: channel, loops)
                    let pipeline = channel.pipeline.syncOperations
                    let settings = listener.settings.current
                    if settings.takesProxyHeader { try pipeline.addHandler(ProxyHeaderHandler(loop: loop)) }
                    if let tls = settings.tls {
                        // What is encrypted lies in buffers of up to twice its size.
                        try channel.syncOptions?.setOption(.writeBufferWaterMark, value: .init(low: 4 << 10, high: 8 << 10))
                        try pipeline.addHandler(NIOSSLServerHandler(context: tls.context))
                    }
                    // The handler of PROXY headers looks at nothing that goes out.
                    let isDirect = settings.tls == nil
                    try pipeline.addHandler(
                        ClientConnection(loop: loop, listener: listener, acceptedUnder: settings, isDirect: isDirect))
                }
            }
    }

    private static func loop(of channel: any Channel, _ loops: [ObjectIdentifier: NIOLoopBound<LoopContext>]) throws
        -> LoopContext
    {
        guard let loop = loops[ObjectIdentifier(channel.eventLoop)]?.value else {
            throw ChannelError.inappropriateOperationForState
        }
        return loop
    }

    private static func text(of error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }
}

/// A listener that could not be bound.
public struct BindFailure: Error, CustomStringConvertible {
    /// `127.0.0.1:8180`.
    public let address: String
    public let reason: String
    /// Its place in the file: `listen[0]`, `admin.listen`.
    public var key = "listen"

    public var description: String { "cannot listen on \(address): \(reason)" }
}
