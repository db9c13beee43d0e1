import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The listeners and the loops behind them.
public final class ProxyServer: Sendable {
    private let context: ProxyContext
    private let group: MultiThreadedEventLoopGroup
    private let loops: [ObjectIdentifier: NIOLoopBound<LoopContext>]
    private let listeners: Listeners
    private let isForced = Atomic<Bool>(false)
    public let caller: any OutgoingCaller

    /// - Parameters:
    ///   - threads: event loops; nil is one for each core this process may use.
    ///   - passed: sockets that the service manager has bound.
    public init(context: ProxyContext, threads: Int? = nil, passed: PassedSockets? = nil) async throws {
        self.context = context
        group = MultiThreadedEventLoopGroup(numberOfThreads: threads ?? Self.usableCores())
        var loops: [ObjectIdentifier: NIOLoopBound<LoopContext>] = [:]
        for loop in group.makeIterator() {
            loops[ObjectIdentifier(loop)] = try await loop.submit {
                NIOLoopBound(LoopContext(eventLoop: loop, shared: context), eventLoop: loop)
            }.get()
        }
        self.loops = loops
        listeners = Listeners(group: group, loops: loops, passed: passed)
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

    /// This node among others; its calls run on the first of the event loops.
    public func makeCluster(version: String) -> Cluster {
        Cluster(
            eventLoop: group.next(), snapshots: context.snapshots, accounts: context.accounts, ledger: context.ledger,
            version: version,
            logger: context.logger)
    }

    // MARK: Listening

    /// The addresses that are bound, as they came about (a port 0 has become a number).
    public var addresses: [(host: String, port: Int, isAdmin: Bool)] { listeners.addresses }

    /// The listeners with a certificate: where they listen (`127.0.0.1:8443`), and when it ends, in seconds since 1970.
    public var certificates: [(listener: String, notAfter: Int)] { listeners.certificates }

    /// Binds what a configuration wants and is not bound yet, before it is published.
    public func bind(_ configuration: Configuration) async throws(BindFailure) { try await listeners.bind(configuration) }

    /// Called after a configuration was published: its settings hold for what is bound, and what it does not want is closed.
    public func apply(_ configuration: Configuration) async { await listeners.apply(configuration) }

    /// Undoes `bind` for a configuration that was refused; `configuration` is the one that goes on.
    public func withdraw(allBut configuration: Configuration) async { await listeners.withdraw(allBut: configuration) }

    /// Called after the first `bind`: tells of passed sockets that no listener has taken.
    public func tellOfUnusedSockets() { listeners.tellOfUnused(context.logger) }

    // MARK: The end

    /// Takes no more connections, lets requests in flight end, at most for `gracePeriod`, and stops the loops.
    /// - Parameter lastCalls: what has to be called outside before the loops stop.
    public func shutDown(gracePeriod: Duration, lastCalls: () async -> Void = {}) async {
        context.draining.store(true, ordering: .relaxed)
        await listeners.closeAll()
        let deadline = ContinuousClock.now + gracePeriod
        while context.connections > 0, ContinuousClock.now < deadline, !isForced.load(ordering: .relaxed) {
            try? await Task.sleep(for: .milliseconds(20))
        }
        for (_, loop) in loops {
            try? await loop.eventLoop.submit { loop.value.closeEverything() }.get()
        }
        // What is on its way to the ledger waits for a disk.
        let end = ContinuousClock.now + Self.lastWords
        repeat { try? await Task.sleep(for: .milliseconds(20)) } while context.activeRequests > 0 && ContinuousClock.now < end
        // The loops' timers, which write lines out, do not go off once the loops have stopped.
        for (_, loop) in loops {
            try? await loop.eventLoop.submit { loop.value.requestLog.flushIfNeeded() }.get()
        }
        await lastCalls()
        try? await group.shutdownGracefully()
    }

    /// How long what was cut may take to be recorded and said.
    private static let lastWords = Duration.seconds(2)

    /// What still runs in a `shutDown` is cut now.
    public func forceStop() { isForced.store(true, ordering: .relaxed) }

    /// One turn of every loop: that they turn is what the watchdog is told.
    public func heartbeat() async throws {
        for loop in group.makeIterator() { try await loop.submit {}.get() }
    }
}
