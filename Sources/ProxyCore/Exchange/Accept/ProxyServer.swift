import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The listeners and the loops behind them.
public final class ProxyServer: Sendable {
    private struct Bound {
        let listener: BoundListener
        let channel: any Channel
    }

    private let context: ProxyContext
    private let group: MultiThreadedEventLoopGroup
    private let loops: [ObjectIdentifier: NIOLoopBound<LoopContext>]
    private let bound = Mutex<[Bound]>([])
    private let isHurried = Atomic<Bool>(false)
    public let caller: any OutgoingCaller

    /// - Parameter threads: event loops; nil is one for each core this process may use.
    public init(context: ProxyContext, threads: Int? = nil) async throws {
        self.context = context
        group = MultiThreadedEventLoopGroup(numberOfThreads: threads ?? Self.usableCores())
        var loops: [ObjectIdentifier: NIOLoopBound<LoopContext>] = [:]
        for loop in group.makeIterator() {
            loops[ObjectIdentifier(loop)] = try await loop.submit {
                NIOLoopBound(LoopContext(eventLoop: loop, shared: context), eventLoop: loop)
            }.get()
        }
        self.loops = loops
        let first = group.next()
        guard let loop = loops[ObjectIdentifier(first)] else { throw ChannelError.inappropriateOperationForState }
        caller = OutgoingClient(eventLoop: first, loop: loop)
    }

    /// Cores that the scheduler lets this process run on: under `taskset` or a container fewer than the machine has.
    static func usableCores() -> Int {
        // The kernel's word, since sched_getaffinity(2) is not among what Swift sees of the C library.
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") })
        else { return System.coreCount }
        let allowed = line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return max(1, min(allowed, System.coreCount))
    }

    // MARK: Listening

    /// The addresses that are bound, as they came about (a port 0 has become a number).
    public var addresses: [(host: String, port: Int, isAdmin: Bool)] {
        bound.withLock { bound in
            bound.map { ($0.channel.localAddress?.ipAddress ?? "", $0.channel.localAddress?.port ?? 0, $0.listener.isAdmin) }
        }
    }

    /// Binds what a configuration wants and is not bound yet. What it no longer wants stays until `release`.
    public func bind(_ configuration: Configuration) async throws(BindFailure) {
        for listener in Self.wanted(by: configuration) {
            let isBound = bound.withLock { $0.contains { $0.listener.isSame(as: listener) } }
            if isBound { continue }
            let channel = try await bind(listener)
            bound.withLock { $0.append(Bound(listener: listener, channel: channel)) }
        }
    }

    /// Closes the listeners that a configuration no longer wants. Their connections go on.
    public func release(allBut configuration: Configuration) async {
        let wanted = Self.wanted(by: configuration)
        let surplus = bound.withLock { bound in
            let surplus = bound.filter { bound in !wanted.contains { bound.listener.isSame(as: $0) } }
            bound.removeAll { bound in !wanted.contains { bound.listener.isSame(as: $0) } }
            return surplus
        }
        for one in surplus { try? await one.channel.close() }
    }

    private static func wanted(by configuration: Configuration) -> [BoundListener] {
        let adminListener = configuration.admin?.listener
        var wanted = configuration.listeners.map {
            BoundListener(configuration: $0, isAdmin: false, servesAdmin: adminListener == nil)
        }
        if let adminListener { wanted.append(BoundListener(configuration: adminListener, isAdmin: true, servesAdmin: true)) }
        return wanted
    }

    private func bind(_ listener: BoundListener) async throws(BindFailure) -> any Channel {
        let tls: NIOSSLContext?
        do {
            tls = try listener.configuration.tls.map(TLSContexts.server)
        } catch {
            throw BindFailure(listener: listener.configuration, reason: "its certificate or key cannot be used: \(error)")
        }
        let loops = self.loops
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = loops[ObjectIdentifier(channel.eventLoop)]?.value else {
                        throw ChannelError.inappropriateOperationForState
                    }
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(ClientConnection(loop: loop, listener: listener))
                }
            }
        do {
            return try await bootstrap.bind(host: listener.configuration.host, port: listener.configuration.port).get()
        } catch {
            throw BindFailure(listener: listener.configuration, reason: Self.text(of: error))
        }
    }

    private static func text(of error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }

    // MARK: The end

    /// Takes no more connections, lets requests in flight end, at most for `patience`, and stops the loops.
    public func shutDown(patience: Duration) async {
        context.draining.store(true, ordering: .relaxed)
        let listeners = bound.withLock { bound in
            defer { bound = [] }
            return bound
        }
        for one in listeners { try? await one.channel.close() }
        let deadline = ContinuousClock.now + patience
        while context.connections > 0, ContinuousClock.now < deadline, !isHurried.load(ordering: .relaxed) {
            try? await Task.sleep(for: .milliseconds(20))
        }
        for (_, loop) in loops {
            try? await loop.eventLoop.submit {
                loop.value.closeEverything()
                loop.value.requestLog.flushIfNeeded()
            }.get()
        }
        try? await Task.sleep(for: .milliseconds(20))
        try? await group.shutdownGracefully()
    }

    /// What still runs in a `shutDown` is cut now.
    public func hurry() { isHurried.store(true, ordering: .relaxed) }

    /// One turn of every loop: that they turn is what the watchdog is told.
    public func heartbeat() async throws {
        for loop in group.makeIterator() { try await loop.submit {}.get() }
    }
}

/// A listener that could not be bound.
public struct BindFailure: Error, CustomStringConvertible {
    public let listener: Listener
    public let reason: String

    public var description: String {
        let host = listener.host.contains(":") ? "[\(listener.host)]" : listener.host
        return "cannot listen on \(host):\(listener.port): \(reason)"
    }
}

extension BoundListener {
    func isSame(as other: BoundListener) -> Bool {
        configuration == other.configuration && isAdmin == other.isAdmin && servesAdmin == other.servesAdmin
    }
}
