import Logging
import Synchronization

/// Shares this node's limits with others, or not, as the file says.
public final class LimitSharing: Sendable {
    private let table: LimitTable
    private let server: any LimitServer
    private let process: String
    private let snapshots: SnapshotStore
    private let untold: UntoldChanges?
    private let logger: Logger
    private let reset: @Sendable (LimitReset) async -> Void
    private let hasRival: @Sendable () -> Bool
    private let forgotten: @Sendable (Int) async -> Void
    private let directory: @Sendable () async -> String
    private let running = Mutex<Running?>(nil)

    private struct Running {
        let node: String
        let agent: LeaseAgent
        let task: Task<Void, Never>
    }

    /// - Parameters:
    ///   - process: tells this process of a node from those before.
    ///   - hasRival: another node has this one's name.
    ///   - forgotten: told when the server has lost its memory, and which it has now.
    init(
        ledger: UsageLedger, server: any LimitServer, process: String, snapshots: SnapshotStore, untold: UntoldChanges? = nil,
        logger: Logger, hasRival: @escaping @Sendable () -> Bool = { false },
        forgotten: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        (self.table, self.server, self.process) = (ledger.limits, server, process)
        (self.snapshots, self.untold, self.logger) = (snapshots, untold, logger)
        (self.hasRival, self.forgotten) = (hasRival, forgotten)
        reset = { [weak ledger] reset in try? await ledger?.resetLimit(reset) }
        directory = { [weak ledger] in await ledger?.directoryName() ?? "" }
    }

    /// Follows what the file says.
    public func apply(_ cluster: ClusterSettings?) {
        guard let cluster, let terms = LeaseTerms(cluster) else {
            running.withLock { running in
                running?.task.cancel()
                running = nil
            }
            return table.share(by: nil)
        }
        table.share(by: terms)
        running.withLock { running in
            guard running?.node != cluster.node else { return }
            running?.task.cancel()
            let agent = LeaseAgent(
                table: table, server: RedisLeaseServer(server: server), node: cluster.node, process: process,
                snapshots: snapshots, untold: untold,
                logger: logger, reset: reset, hasRival: hasRival, forgotten: forgotten, directory: directory)
            running = Running(node: cluster.node, agent: agent, task: Task { await agent.run() })
        }
    }

    /// Whether limits are shared, and the server has not answered for a while.
    public var isAway: Bool { running.withLock { $0?.agent }?.isAway ?? false }

    /// Why it has not, where it can be reached.
    var trouble: LimitServerTrouble { running.withLock { $0?.agent }?.trouble ?? .timedOut }

    /// The server has come back, or has this memory, as others say: it is asked at once.
    func look(at memory: Int? = nil) { running.withLock { $0?.agent }?.look(at: memory) }

    /// What is held is given back.
    public func stop() async {
        let last = running.withLock { running in
            defer { running = nil }
            return running?.task
        }
        last?.cancel()
        await last?.value
    }
}
