import Logging
import NIOCore
import Synchronization

/// This node among others: the link to the server that they share, who they are, and what they tell one another.
public final class Cluster: Sendable {
    public let link: RedisLink
    public let roster: NodeRoster
    public let blocks: BlockSharing
    public let limits: LimitSharing
    private let accounts: AccountSharing
    private let ledger: UsageLedger
    private let logger: Logger
    private let eventLoop: any EventLoop
    private let isConfigured = Atomic<Bool>(false)
    private let configured = Wakeup()
    private let heard: Mutex<[String: Int]> = Mutex([:])

    init(
        eventLoop: any EventLoop, snapshots: SnapshotStore, accounts: AccountBook, ledger: UsageLedger, version: String,
        logger: Logger
    ) {
        let identity = NodeIdentity()
        let untold = UntoldChanges(directory: snapshots.current.configuration.statePath, logger: logger)
        link = RedisLink(eventLoop: eventLoop, logger: logger)
        roster = NodeRoster(
            identity: identity, server: link, store: ledger.nodeBoard, snapshots: snapshots, version: version, logger: logger)
        blocks = BlockSharing(server: link, ledger: ledger, instance: identity.instance, untold: untold, logger: logger)
        limits = LimitSharing(
            ledger: ledger, server: link, process: identity.instance, snapshots: snapshots, untold: untold, logger: logger,
            hasRival: { [roster] in roster.hasRival },
            forgotten: { [link, blocks] memory in
                link.publish(Hint.channel, Hint(from: identity.instance, subject: .memory(memory)).bytes)
                await blocks.synchronize()
            })
        self.ledger = ledger
        self.accounts = AccountSharing(server: link, accounts: accounts, instance: identity.instance)
        self.logger = logger
        self.eventLoop = eventLoop
        link.subscribe(Hint.channel) { [weak self] in self?.hear($0) }
        link.onChange { [weak self] state in self?.follow(state) }
    }

    /// What a file says holds from now on.
    public func apply(_ configuration: Configuration) {
        link.apply(configuration.cluster)
        guard configuration.cluster != nil else { return }
        isConfigured.store(true, ordering: .releasing)
        configured.wake()
    }

    /// Is one of the nodes until its task is cancelled; a process that stands alone does nothing for it.
    public func run() async {
        while !isConfigured.load(ordering: .acquiring), !Task.isCancelled { await configured.wait(nil, on: eventLoop) }
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in await blocks.run() }
            group.addTask { [self] in await roster.run() }
            group.addTask { [self] in await accounts.run() }
        }
    }

    /// What is said by others.
    private func hear(_ message: [UInt8]) {
        guard let hint = Hint(message) else {
            count("ignored")
            return
        }
        guard hint.from != roster.identity.instance else { return }
        count("taken")
        switch hint.subject {
        case .block(let key, let block): blocks.take(key, block)
        case .memory(let memory): limits.look(at: memory)
        case .cooldown, .freed, .windows: accounts.take(hint.subject, now: SteadyClock.milliseconds)
        }
    }

    private func count(_ result: String) { heard.withLock { $0[result, default: 0] &+= 1 } }

    /// Hints that came: taken, and ignored because no node would say so.
    public var hints: [String: Int] { heard.withLock { $0 } }

    private func follow(_ state: LimitServerState) {
        switch state {
        case .off, .connecting: break
        case .up:
            logger.notice("the server of limits answers", metadata: [LogKeys.server: "\(link.serverVersion)"])
            limits.look()
            Task { [blocks, roster] in
                await roster.refresh()
                await blocks.synchronize()
            }
        case .down(let trouble):
            logger.warning("the server of limits is away", metadata: [LogKeys.reason: "\(trouble)"])
        }
    }

    /// Refuses a file that gives this node the name of another one that lives.
    public var renaming: ReloadHook {
        ReloadHook(
            name: "cluster.node",
            prepare: { [roster] old, new throws(ReloadRefusal) in
                guard let before = old.configuration.cluster, let after = new.configuration.cluster, before.node != after.node,
                    before.limits.map(\.description) == after.limits.map(\.description),
                    let instance = await roster.takeNext(after.node)
                else { return }
                throw ReloadRefusal(
                    key: "cluster.node",
                    message: "another node is called '\(after.node)' and lives (instance \(instance)); "
                        + "give each a name of its own")
            },
            rollback: { [roster] in await roster.giveNextBack() },
            commit: { [roster] _, _ in roster.keepNext() })
    }

    // MARK: Condition

    /// How the server of limits is: one that can be reached, and shares no limits, is away.
    public var serverState: LimitServerState {
        let state = link.state
        return state.isUp && limits.isAway ? .down(limits.trouble) : state
    }

    /// How the store that nodes share is; nil where there is none.
    public var store: ClusterStore? { ledger.storeStanding }

    /// This process where the file says nothing of a cluster: the only node there is, called as its host.
    public var alone: ClusterStanding {
        let name = Schema.ClusterKeys.hostName()
        let nodes = roster.nodes.map { node in
            var node = node
            node.name = name
            return node
        }
        return ClusterStanding(node: name, nodes: nodes, warnings: [])
    }

    /// How things stand; nil where the file says nothing of a cluster.
    public var standing: ClusterStanding? {
        guard let settings = roster.settings else { return nil }
        var standing = ClusterStanding(node: settings.node, nodes: roster.nodes, warnings: roster.warnings)
        standing.server = settings.limits.map(\.description).joined(separator: ",")
        standing.serverVersion = link.serverVersion
        standing.serverState = serverState
        standing.areLimitsAway = !settings.limits.isEmpty && !standing.serverState.isUp
        if case .down(let trouble) = standing.serverState {
            standing.warnings.insert("the server of limits is away: \(trouble)", at: 0)
        }
        standing.store = store
        if let word = standing.store?.trouble {
            standing.warnings.insert("the store that nodes share is away: \(word.replacing("_", with: " "))", at: 0)
        }
        return standing
    }
}

/// The store that nodes share, at a moment.
public struct ClusterStore: Sendable, Hashable {
    /// The address, without what is secret.
    public var address: String
    /// What is wrong, in a word for everybody; nil where nothing is.
    public var trouble: String?
    /// The same in the server's words.
    public var reason: String?
    /// Seconds since 1970.
    public var awaySince: Int?

    public init(address: String, trouble: String? = nil, reason: String? = nil, awaySince: Int? = nil) {
        self.address = address
        self.trouble = trouble
        self.reason = reason
        self.awaySince = awaySince
    }

    public var isUp: Bool { trouble == nil }
}

/// A cluster at a moment, as one of its nodes sees it.
public struct ClusterStanding: Sendable {
    public var node: String
    public var nodes: [ClusterNode]
    /// What an operator has to know, in sentences.
    public var warnings: [String]
    /// Its address without credentials; empty where the file names none.
    public var server = ""
    public var serverVersion = ""
    public var serverState = LimitServerState.off
    /// Where the file says so, requests that limits count are refused.
    public var areLimitsAway = false
    public var store: ClusterStore?

    public init(node: String, nodes: [ClusterNode], warnings: [String]) {
        self.node = node
        self.nodes = nodes
        self.warnings = warnings
    }

    /// The server's state in one word.
    public var serverWord: String {
        switch serverState {
        case .off: "off"
        case .connecting: "connecting"
        case .up: "ok"
        case .down: "away"
        }
    }
}
