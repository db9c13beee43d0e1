import Logging
import Synchronization

/// The blocks of buckets that hold on all nodes: what is done here is told, what others have done is taken over, and the last one
/// to do it is right.
public final class BlockSharing: Sendable {
    private struct State {
        var blocks: [BlockKey: SharedBlock] = [:]
        /// What the server has not been told yet.
        var untold: Set<BlockKey> = []
        var hasBegun = false
    }

    private let server: any LimitServer
    private let ledger: UsageLedger
    private let instance: String
    private let kept: UntoldChanges?
    private let logger: Logger?
    private let state = Mutex(State())
    private let toStore: AsyncStream<(BlockKey, SharedBlock)>
    private let store: AsyncStream<(BlockKey, SharedBlock)>.Continuation

    init(server: any LimitServer, ledger: UsageLedger, instance: String, untold: UntoldChanges? = nil, logger: Logger?) {
        self.server = server
        self.ledger = ledger
        self.instance = instance
        kept = untold
        self.logger = logger
        (toStore, store) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(BlockScripts.most))
    }

    // MARK: Here

    /// An operator of this node has blocked a bucket, or let it through.
    public func tell(limit: String, bucket: String, until: Int, title: String) async {
        guard let key = BlockKey(limit: limit, bucket: bucket) else { return }
        let offset = ledger.limits.serverOffset
        let block = SharedBlock(until: Self.moved(until, by: offset), title: title, stamp: LoopContext.wallClock() + offset)
        state.withLock { state in
            state.blocks[key] = block
            state.untold.insert(key)
        }
        // A server that the file names later is told then.
        guard server.state != .off else { return }
        await put(key, block, isNow: true)
        keepUntold()
    }

    /// What is to be told is kept for a restart, but for what the ledger has of former ones.
    private func keepUntold() {
        kept?.keep { kept in
            kept.blocks = state.withLock { state in
                state.blocks.filter { key, block in block.stamp > 0 && state.untold.contains(key) }
            }
        }
    }

    /// The end of a block by another clock: between nodes it goes by the server's, which they have in common.
    static func moved(_ until: Int, by offset: Int) -> Int {
        // What ends, or never begins, has no time.
        guard until > 0, until < farFuture else { return until }
        return min(max(1, until.addingReportingOverflow(offset).partialValue), farFuture - 1)
    }

    /// The same by this node's clock: blocks end at whole seconds, and clocks are compared to some milliseconds.
    static func here(_ until: Int, offset: Int) -> Int {
        let moved = moved(until, by: -offset)
        guard moved > 0, moved < farFuture else { return moved }
        return max(1, (moved + 500) / 1_000 * 1_000)
    }

    /// Later than any block that ends, in milliseconds.
    private static let farFuture = Int.max / 4

    private func put(_ key: BlockKey, _ block: SharedBlock, isNow: Bool) async {
        let arguments = [
            key.field, isNow ? [] : Array("\(max(1, block.stamp))".utf8), Array("\(block.until)".utf8), Array(block.title.utf8),
            Array("\(BlockScripts.most)".utf8),
        ]
        guard let reply = try? await server.script(BlockScripts.put, keys: [BlockScripts.key], arguments: arguments),
            let items = reply.items, items.count == 2, let status = items[0].integer
        else { return }
        switch status {
        case 1:
            guard let stamp = items[1].integer else { return }
            var told = block
            told.stamp = stamp
            state.withLock { state in
                // Somebody has changed it meanwhile: that is told by itself.
                guard state.blocks[key] == block else { return }
                state.blocks[key] = told
                state.untold.remove(key)
            }
            server.publish(Hint.channel, Hint(from: instance, subject: .block(key, told)).bytes)
        case 0:
            state.withLock { _ = $0.untold.remove(key) }
            if let newer = items[1].text.flatMap({ SharedBlock($0) }) { take(key, newer) }
        default:
            state.withLock { _ = $0.untold.remove(key) }
            logger?.warning("a block holds on this node alone: the server of limits has too many")
        }
    }

    // MARK: Others

    /// Takes over what was done elsewhere, if it is newer.
    func take(_ key: BlockKey, _ block: SharedBlock) {
        let isNews = state.withLock { state -> Bool in
            let known = state.blocks[key]
            guard block.stamp > (known?.stamp ?? -1), known != nil || state.blocks.count < 2 * BlockScripts.most else {
                return false
            }
            state.blocks[key] = block
            state.untold.remove(key)
            return known?.until != block.until && (known != nil || block.until > 0)
        }
        guard isNews else { return }
        let until = Self.here(block.until, offset: ledger.limits.serverOffset)
        ledger.limits.block(limit: key.limit, bucket: key.bucket, until: until, as: block.title)
        if case .dropped = store.yield((key, block)) {
            logger?.warning("a block of another node is not stored: too many came at once")
        }
        logger?.notice(
            block.until > 0 ? "a limit is blocked on another node" : "a limit is not blocked any more on another node",
            metadata: [LogKeys.limit: "\(block.title.isEmpty ? key.limit : block.title)"])
    }

    // MARK: Life

    /// Goes on from what this node knew before, and stores what others have done, until its task is cancelled.
    func run() async {
        let own = (try? await ledger.limitBlocks()) ?? []
        let before = kept?.all.blocks ?? [:]
        state.withLock { state in
            // What was told of one since is newer than what a process before could not tell.
            for (key, block) in before where state.blocks[key] == nil {
                state.blocks[key] = block
                state.untold.insert(key)
            }
            for block in own {
                guard let key = BlockKey(limit: block.limit, bucket: block.bucket), state.blocks[key] == nil else { continue }
                let until = Self.moved(block.until, by: ledger.limits.serverOffset)
                state.blocks[key] = SharedBlock(until: until, title: block.title, stamp: 0)
                state.untold.insert(key)
            }
            state.hasBegun = true
        }
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                for await (key, block) in toStore {
                    let until = Self.here(block.until, offset: ledger.limits.serverOffset)
                    try? await ledger.setLimitBlock(
                        limit: key.limit, bucket: key.bucket, until: until > 0 ? until : nil, title: block.title)
                }
            }
            group.addTask { [self] in
                while !Task.isCancelled {
                    await synchronize()
                    try? await Task.sleep(for: .seconds(30))
                }
            }
        }
    }

    /// Learns what the server has, and tells it what it has not: its memory may be empty.
    func synchronize() async {
        guard state.withLock({ $0.hasBegun }), server.state.isUp,
            let reply = try? await server.script(BlockScripts.all, keys: [BlockScripts.key], arguments: []),
            let items = reply.items, !items.isEmpty
        else { return }
        var rest = items.dropFirst()
        var theirs: [BlockKey: SharedBlock] = [:]
        while let field = rest.popFirst()?.bytes, let value = rest.popFirst()?.text {
            if let key = BlockKey(field: field), let block = SharedBlock(value) { theirs[key] = block }
        }
        for (key, block) in theirs { take(key, block) }
        let missing = state.withLock { state in
            state.blocks.filter { key, block in
                guard let there = theirs[key] else { return block.until > 0 || state.untold.contains(key) }
                return block.stamp > there.stamp
            }
        }
        for (key, block) in missing.prefix(BlockScripts.most) { await put(key, block, isNow: false) }
        keepUntold()
    }
}
