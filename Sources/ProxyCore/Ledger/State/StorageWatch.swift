import Dispatch
import Logging
import Synchronization

/// Tells operators when usage cannot be kept: at the beginning, once a minute what was lost meanwhile, and at the end. Counts what
/// is lost.
final class StorageWatch: Sendable {
    /// What can fail, each for itself.
    enum Part: Int, Sendable, CaseIterable {
        /// Records are lost, or their requests refused.
        case journal
        /// Records would not outlive the machine.
        case sync
        /// The journal keeps what the store does not take.
        case store

        var begins: Logger.Message {
            switch self {
            case .journal: "usage cannot be written"
            case .sync: "usage cannot be made durable; it would not outlive the machine"
            case .store: "usage cannot be booked; the journal keeps it"
            }
        }

        var ends: Logger.Message {
            switch self {
            case .journal: "usage is written again"
            case .sync: "usage is durable again"
            case .store: "usage is booked again"
            }
        }
    }

    private struct Episode {
        var reason: String
        /// Seconds since 1970.
        var since: Int
        /// The losses before it, and at its last line.
        var before: UsageLosses
        var lastReported: UsageLosses
    }

    private struct State {
        var episodes: [Part: Episode] = [:]
        var losses = UsageLosses()
        /// What ended episodes told. The first loss may come a moment before its reason.
        var accountedFor = UsageLosses()
        var isTicking = false
        /// Somebody looks soon whether a loss was told.
        var isLooking = false
    }

    private let state = Mutex(State())
    private let logger: Logger
    private let now: @Sendable () -> Int
    private let reminderSeconds: Int
    private let queue = DispatchQueue(label: "proxyd.storage.watch", qos: .utility)

    init(logger: Logger, reminderSeconds: Int = 60, now: @escaping @Sendable () -> Int) {
        self.logger = logger
        self.reminderSeconds = reminderSeconds
        self.now = now
    }

    var losses: UsageLosses { state.withLock { $0.losses } }

    /// What the ledger was asked to keep and could not.
    func lost(requests: Int, tokens: Int) {
        let isFirst = state.withLock { state in
            state.losses.requests = UsageAmounts.sum(state.losses.requests, requests)
            state.losses.tokens = UsageAmounts.sum(state.losses.tokens, tokens)
            guard state.episodes[.journal] == nil, !state.isLooking else { return false }
            state.isLooking = true
            return true
        }
        // Its reason may come a moment later, or have come and ended a moment before: another thread's write went well.
        if isFirst { queue.asyncAfter(deadline: .now() + .seconds(1)) { [weak self] in self?.tellLateLosses() } }
    }

    /// A line for what was lost when the end of its failure had been told.
    func tellLateLosses() {
        let late = state.withLock { state -> (losses: UsageLosses, before: UsageLosses)? in
            state.isLooking = false
            guard state.episodes[.journal] == nil, state.losses != state.accountedFor else { return nil }
            defer { state.accountedFor = state.losses }
            return (state.losses, state.accountedFor)
        }
        guard let late else { return }
        logger.error("usage was not written", metadata: Self.describe(late.losses, since: late.before))
    }

    /// Begins an episode, or gives the one that is on its latest reason.
    func failed(_ part: Part, _ reason: String) {
        let (isNew, startsTicking) = state.withLock { state in
            guard state.episodes[part] == nil else {
                state.episodes[part]?.reason = reason
                return (false, false)
            }
            state.episodes[part] = Episode(
                reason: reason, since: now(), before: state.accountedFor, lastReported: state.accountedFor)
            defer { state.isTicking = true }
            return (true, !state.isTicking)
        }
        if isNew { logger.error(part.begins, metadata: [LogKeys.error: "\(reason)"]) }
        if startsTicking { scheduleReminder() }
    }

    func recovered(_ part: Part) {
        let ended = state.withLock { state in
            state.episodes.removeValue(forKey: part).map { episode in
                if part == .journal { state.accountedFor = state.losses }
                return (episode, state.losses)
            }
        }
        guard let (episode, losses) = ended else { return }
        var metadata: Logger.Metadata = [LogKeys.seconds: "\(max(0, now() - episode.since))"]
        if part == .journal { metadata.merge(Self.describe(losses, since: episode.before)) { old, _ in old } }
        logger.notice(part.ends, metadata: metadata)
    }

    /// A line for all that still fails.
    func remind() {
        let lines = state.withLock { state in
            Part.allCases.compactMap { part -> (Part, Logger.Metadata)? in
                guard let episode = state.episodes[part] else { return nil }
                var metadata: Logger.Metadata = [
                    LogKeys.error: "\(episode.reason)", LogKeys.seconds: "\(max(0, now() - episode.since))",
                ]
                if part == .journal {
                    metadata.merge(Self.describe(state.losses, since: episode.lastReported)) { old, _ in old }
                    state.episodes[part]?.lastReported = state.losses
                }
                return (part, metadata)
            }
        }
        for (part, metadata) in lines { logger.error(part.begins, metadata: metadata) }
    }

    private func scheduleReminder() {
        queue.asyncAfter(deadline: .now() + .seconds(reminderSeconds)) { [weak self] in
            guard let self else { return }
            remind()
            let goesOn = state.withLock { state in
                state.isTicking = !state.episodes.isEmpty
                return state.isTicking
            }
            if goesOn { scheduleReminder() }
        }
    }

    private static func describe(_ losses: UsageLosses, since before: UsageLosses) -> Logger.Metadata {
        [LogKeys.lostRequests: "\(losses.requests - before.requests)", LogKeys.lostTokens: "\(losses.tokens - before.tokens)"]
    }
}

/// Usage that was neither written nor booked since the start.
public struct UsageLosses: Sendable, Hashable {
    public var requests = 0
    /// The tokens of those requests, as far as they are known.
    public var tokens = 0
}
