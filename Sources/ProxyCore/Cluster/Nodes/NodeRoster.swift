import Logging
import Synchronization

/// The nodes of the cluster: this one's heartbeat, and what those of others tell.
public final class NodeRoster: Sendable {
    /// A node that has not been heard of for so long is not live, in milliseconds.
    static let lifetime = 3_000
    static let interval = Duration.seconds(1)
    /// How old the last beat of a node may be that beats; milliseconds.
    static let onTime = 2_000
    /// Where nobody has told of others for longer, a node that was live may be so still.
    private static let longestSilence = 1_500
    /// How long a node that is gone is listed; milliseconds.
    static let memory = 3_600_000
    /// A clock that is further from the server's is told.
    static let mostClockAhead = 30_000

    private struct State {
        var name: String?
        var isBeating = false
        var nodes: [ClusterNode] = []
        /// When they were told, as `SteadyClock` counts.
        var toldAt = 0
        var clockAhead: Int?
        /// Another instance that lives has the name.
        var rival: String?
        /// What the server of limits refused the last heartbeat with.
        var refusal: LimitServerTrouble?
        var told: Set<String> = []
        /// Taken for a file that is not applied yet.
        var nextName: String?
        /// It has beaten at the store, and not said there that it goes.
        var isAtStore = false
        /// Who was met at the store while the server is away: what it says of them holds.
        var metAtStore: Set<String> = []
        var lag: @Sendable () -> Int? = { nil }
    }

    public let identity: NodeIdentity
    private let server: any LimitServer
    /// Where nodes know of one another that share no server of limits, and while it is away; nil where they share no store either.
    private let store: (any NodeBoard)?
    private let snapshots: SnapshotStore
    private let version: String
    private let logger: Logger?
    private let startedAt: Int
    private let state: Mutex<State>

    init(
        identity: NodeIdentity = NodeIdentity(), server: any LimitServer, store: (any NodeBoard)? = nil, snapshots: SnapshotStore,
        version: String, logger: Logger? = nil
    ) {
        self.identity = identity
        self.server = server
        self.store = store
        self.snapshots = snapshots
        self.version = version
        self.logger = logger
        startedAt = LoopContext.wallClock()
        state = Mutex(State())
    }

    // MARK: What is known

    /// This node's name; nil where it stands alone.
    public var name: String? { settings?.node }

    var settings: ClusterSettings? { snapshots.current.configuration.cluster }

    /// All nodes that were heard of lately, by name; this one alone where nobody tells of others.
    public var nodes: [ClusterNode] {
        let now = SteadyClock.milliseconds
        let (nodes, since) = state.withLock { ($0.nodes, now &- $0.toldAt) }
        guard !nodes.isEmpty else { return [own()] }
        return nodes.map { node in
            var node = node.aged(by: since, isUnheard: since > Self.longestSilence)
            // A node knows of itself what no board tells.
            if node.isSelf { node = own() }
            return node
        }
    }

    /// How many live, this one counted; 1 where nobody tells of others.
    public var live: Int { max(1, nodes.count { $0.isLive }) }

    /// What is wrong with the nodes, in sentences for operators: names, clocks and files.
    public var warnings: [String] {
        guard let name else { return [] }
        var warnings: [String] = []
        if let rival = state.withLock({ $0.rival }) {
            warnings.append("another node is called '\(name)' too (instance \(rival)): give each a name of its own, cluster.node")
        }
        if server.state.isUp, let refusal = state.withLock({ $0.refusal }) {
            warnings.append("the server of limits takes no heartbeats, so that nodes do not know of one another: \(refusal)")
        }
        let live = nodes.filter(\.isLive)
        for node in live {
            guard let ahead = node.clockAhead, abs(ahead) > Self.mostClockAhead else { continue }
            let way = ahead > 0 ? "ahead of" : "behind"
            warnings.append("the clock of node '\(node.name)' is \(Self.span(abs(ahead))) \(way) the server's")
        }
        let own = snapshots.current.textHash
        let others = live.filter { !$0.isSelf && $0.hash != own }.map { "'\($0.name)'" }
        if !others.isEmpty { warnings.append("\(others.joined(separator: ", ")) run another configuration than '\(name)'") }
        let versions = Set(live.map(\.version)).sorted()
        if versions.count > 1 { warnings.append("the nodes run several versions: \(versions.joined(separator: ", "))") }
        return warnings
    }

    static func span(_ milliseconds: Int) -> String {
        let seconds = min(milliseconds, Self.memory * 10_000) / 1_000 + (milliseconds % 1_000 < 500 ? 0 : 1)
        if seconds < 120 { return "\(seconds) seconds" }
        return seconds < 7_170 ? "\((seconds + 30) / 60) minutes" : "\((seconds + 1_800) / 3_600) hours"
    }

    private func own() -> ClusterNode {
        ClusterNode(name: name ?? "", instance: identity.instance, record(), age: 0, isSelf: true)
    }

    private func record() -> NodeRecord {
        let snapshot = snapshots.current
        let (ahead, lag) = state.withLock { ($0.clockAhead, $0.lag) }
        return NodeRecord(
            version: version, generation: snapshot.generation, hash: snapshot.textHash, startedAt: startedAt, clockAhead: ahead,
            ledgerLag: lag(), process: identity.process)
    }

    /// Who knows how old the oldest record is that the ledger has not booked, in milliseconds.
    public func setLag(_ lag: @escaping @Sendable () -> Int?) { state.withLock { $0.lag = lag } }

    /// Who is asked of the others: the server of limits; where there is none, and while it is away, the store.
    private var board: any NodeBoard {
        guard let store, settings?.limits.isEmpty == true || isServerAway else { return LimitServerNodes(server: server) }
        return store
    }

    private var isServerAway: Bool {
        if case .down = server.state { true } else { false }
    }

    /// Nobody tells of others.
    private var isAlone: Bool { name == nil || server.state == .off && (store == nil || settings?.limits.isEmpty == false) }

    // MARK: Heartbeats

    /// Beats until its task is cancelled, and then says that this node goes.
    public func run() async {
        state.withLock { $0.isBeating = true }
        defer { state.withLock { $0.isBeating = false } }
        while !Task.isCancelled {
            await beat()
            tell()
            try? await Task.sleep(for: Self.interval)
        }
        // Its task's end is no reason not to say so.
        _ = await Self.within(.seconds(2)) { await self.leave() }
    }

    /// A heartbeat out of turn: the server has come back, and may know nobody.
    func refresh() async {
        guard state.withLock({ $0.isBeating }) else { return }
        await beat()
    }

    /// Another node that lives has this one's name.
    var hasRival: Bool { state.withLock { $0.rival } != nil }

    /// Takes another name before a file is applied that gives it.
    /// - Returns: the instance that has it and lives.
    func takeNext(_ name: String) async -> String? {
        guard server.state.isUp,
            let items = try? await LimitServerNodes(server: server).beat(
                name, instance: identity.instance, record: record().text, force: false),
            items.count >= 2, let status = items[0].integer
        else { return nil }
        if status == 1 {
            state.withLock { $0.nextName = name }
            return nil
        }
        guard items.count > 2, let stored = items[2].bytes.flatMap({ StoredNode($0) }),
            !NodeIdentity.hasEnded(stored.record.process)
        else { return nil }
        return stored.instance
    }

    /// The file is applied.
    func keepNext() { state.withLock { $0.nextName = nil } }

    /// The file is not applied after all.
    func giveNextBack() async {
        let next = state.withLock { state in
            defer { state.nextName = nil }
            return state.nextName
        }
        if let next, next != name { await leave(next) }
    }

    public enum Claim: Sendable, Hashable {
        case granted
        /// The server did not say.
        case unknown
        /// A node of this name lives; its instance.
        case taken(String)
    }

    /// Takes the name at the start. A node of the name that has ended and could not say so is waited for.
    public func claim() async -> Claim {
        guard !isAlone else { return .granted }
        let begun = SteadyClock.milliseconds
        while server.state == .connecting, SteadyClock.milliseconds < begun &+ 1_500, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(10))
        }
        let end = SteadyClock.milliseconds &+ Self.lifetime &+ 1_500
        var firstSeen: (instance: String, at: Int)?
        // On a machine that is slow it is looked a few times all the same.
        var looks = 0
        while SteadyClock.milliseconds < end || looks < 3, !Task.isCancelled {
            looks += 1
            switch await Self.within(.seconds(2), { await self.beat() }) {
            case .done: return .granted
            case .failed, nil: return .unknown
            case .taken(let stored):
                if NodeIdentity.hasEnded(stored.record.process) {
                    if case .done = await beat(force: true) { return .granted }
                    return .unknown
                }
                if let firstSeen, firstSeen.instance == stored.instance, firstSeen.at != stored.seenAt {
                    return .taken(stored.instance)
                }
                firstSeen = (stored.instance, stored.seenAt)
            }
            try? await Task.sleep(for: .milliseconds(250))
        }
        return .unknown
    }

    /// What the work gives; nil where it takes longer, and goes on.
    private static func within<Result: Sendable>(
        _ longest: Duration, _ work: @escaping @Sendable () async -> Result
    ) async -> Result? {
        let (results, result) = AsyncStream.makeStream(of: Result?.self, bufferingPolicy: .bufferingOldest(1))
        Task {
            result.yield(await work())
            result.finish()
        }
        let timer = Task {
            try? await Task.sleep(for: longest)
            result.finish()
        }
        defer { timer.cancel() }
        for await first in results { return first }
        return nil
    }

    private enum Beat { case done, failed, taken(StoredNode) }

    @discardableResult private func beat(force: Bool = false) async -> Beat {
        guard let name else {
            state.withLock { $0 = State(isBeating: $0.isBeating, lag: $0.lag) }
            return .failed
        }
        let former = state.withLock { state in
            defer { state.name = name }
            return state.name == name ? nil : state.name
        }
        if let former { await leave(former) }
        let board = board
        leaveStore(for: board)
        let sentAt = LoopContext.wallClock()
        let items: [RESPValue]
        do {
            items = try await board.beat(name, instance: identity.instance, record: record().text, force: force)
            state.withLock { $0.refusal = nil }
        } catch {
            state.withLock { $0.refusal = LimitServerTrouble(error) }
            return .failed
        }
        guard items.count >= 2, let status = items[0].integer, let now = items[1].integer else { return .failed }
        let receivedAt = LoopContext.wallClock()
        guard status == 1 else {
            guard items.count > 2, let stored = items[2].bytes.flatMap({ StoredNode($0) }) else { return .failed }
            state.withLock { $0.rival = stored.instance }
            return .taken(stored)
        }
        take(items.dropFirst(2), now: now, ahead: Self.ahead(sentAt, receivedAt, now))
        return .done
    }

    /// The middle of the call is when the server looked at its clock.
    private static func ahead(_ sent: Int, _ received: Int, _ server: Int) -> Int? {
        let (difference, isTooMuch) = sent.subtractingReportingOverflow(server)
        return isTooMuch ? nil : difference &+ (received &- sent) / 2
    }

    private func take(_ items: ArraySlice<RESPValue>, now: Int, ahead: Int?) {
        var nodes: [ClusterNode] = []
        var rest = items
        while let name = rest.popFirst()?.text, let value = rest.popFirst()?.bytes {
            guard name.utf8.count <= StoredNode.longestName, Schema.isName(name), let stored = StoredNode(value) else { continue }
            let (age, isTooMuch) = now.subtractingReportingOverflow(stored.seenAt)
            nodes.append(
                ClusterNode(
                    name: name, instance: stored.instance, stored.record,
                    age: isTooMuch ? Self.memory : min(max(0, age), Self.memory),
                    isSelf: stored.instance == identity.instance))
        }
        let (steady, isServerAway) = (SteadyClock.milliseconds, isServerAway)
        state.withLock { state in
            // The store knows those alone who have lost the server too.
            state.metAtStore = isServerAway ? state.metAtStore.union(nodes.map(\.name)) : []
            if isServerAway { nodes += Self.aged(state.nodes, by: steady &- state.toldAt, without: state.metAtStore) }
            state.nodes = nodes.sorted { $0.name < $1.name }
            state.toldAt = steady
            state.clockAhead = ahead
            state.rival = nil
        }
    }

    private static func aged(_ nodes: [ClusterNode], by time: Int, without names: Set<String>) -> [ClusterNode] {
        nodes.compactMap { node in
            let node = node.aged(by: time, isUnheard: true)
            return names.contains(node.name) || node.age >= memory ? nil : node
        }
    }

    /// Who beats at the server of limits again is listed by the store no more.
    private func leaveStore(for board: any NodeBoard) {
        let isAtStore = !(board is LimitServerNodes)
        let wasAtStore = state.withLock { state in
            defer { state.isAtStore = isAtStore }
            return state.isAtStore
        }
        guard wasAtStore, !isAtStore, let store, let name else { return }
        Task { [identity] in try? await store.leave(name, instance: identity.instance) }
    }

    private func leave(_ former: String? = nil) async {
        guard let name = former ?? name else { return }
        try? await board.leave(name, instance: identity.instance)
    }

    // MARK: Telling

    /// What has come and what is over, each once.
    private func tell() {
        let now = Set(warnings)
        let (came, went) = state.withLock { state in
            defer { state.told = now }
            return (now.subtracting(state.told), state.told.subtracting(now))
        }
        for warning in came.sorted() { logger?.warning("nodes", metadata: [LogKeys.reason: "\(warning)"]) }
        for warning in went.sorted() { logger?.notice("nodes: over", metadata: [LogKeys.reason: "\(warning)"]) }
    }
}
