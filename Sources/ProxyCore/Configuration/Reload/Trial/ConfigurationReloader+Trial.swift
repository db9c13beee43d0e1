import Foundation
import Logging

/// What the reloader knows of trials.
struct Trials: Sendable {
    /// The trial of this moment.
    var running: Running?
    /// The hash of the files that were taken back last: until they are others, nobody tries them again unasked.
    var takenBack: String?
    /// No two files have one generation, also where one of them was only tried.
    var newestGeneration = 1
    var history: ConfigurationHistory?
    /// Called when a trial is over, however it ended.
    var onEnd: @Sendable () -> Void = {}
    private var keys: KeyRegistry?
    private(set) var accounts: AccountBook?

    struct Running: Sendable {
        let trial: Trial
        let change: ReloadChange
        let words: [String]
        let event: ReloadEvent
        var watch: Task<Void, Never>?
    }

    mutating func use(_ keys: KeyRegistry, _ accounts: AccountBook) {
        self.keys = keys
        self.accounts = accounts
    }

    /// The ids of all keys.
    var keyIDs: [String] { keys?.list().map(\.id) ?? [] }

    /// Says, before a file is in force, whose requests are told apart in what it is measured by.
    func count(_ snapshot: Snapshot) {
        guard let figures = snapshot.figures, let canary = snapshot.configuration.reload.canary else { return }
        figures.keyShare = KeyShare(canary.share, of: keyIDs + snapshot.declaredKeys.keys.map(\.id))
    }
}

extension ConfigurationReloader {
    /// What trials are about, and who is told that one is over.
    public func use(_ keys: KeyRegistry, _ accounts: AccountBook, onEnd: @escaping @Sendable () -> Void = {}) {
        trials.use(keys, accounts)
        trials.onEnd = onEnd
        trials.count(store.current)
    }

    /// Keeps versions from now on, what runs the first of them; those of former starts are shown beside them.
    public func keep(_ history: ConfigurationHistory, _ first: LoadResult) async {
        for version in await history.all where version.event.state == .canary {
            await history.note(version.number, .replaced, why: "proxyd ended while it was on trial")
        }
        let before = await history.all.map(\.event)
        var start = ReloadEvent(store.current, at: store.current.loadedAt)
        start.number = await history.add(start, first)
        trials.history = history
        status.update { [start] in
            $0.history = (before + [start] + $0.history.dropFirst()).suffix(ReloadEvent.kept)
        }
    }

    public var history: ConfigurationHistory? { trials.history }

    /// Lets some keys go by a new file; all else stays.
    func begin(_ change: ReloadChange, _ canary: Configuration.Canary, _ event: ReloadEvent) -> ReloadOutcome {
        let trial = Trial(of: change.new, beside: change.old, canary: canary, keyIDs: trials.keyIDs)
        let apart = trial.snapshot.configuration.upstreams.filter(\.isOnTrial).flatMap(\.accountIDs)
        trials.accounts?.beginTrial(apart, Self.known(trial.snapshot, change.old))
        var running = Trials.Running(trial: trial, change: change, words: event.words, event: event)
        store.publish(change.old.trying(trial))
        status.update {
            ($0.lastAttempt, $0.lastSuccess, $0.lastErrors) = (event.time, event.time, [])
            $0.trial = trial
            $0.history = ($0.history + [event]).suffix(ReloadEvent.kept)
        }
        logger.notice(
            "configuration on trial",
            metadata: [
                LogKeys.generation: "\(change.new.generation)", LogKeys.hash: "\(change.new.hash.prefix(12))",
                LogKeys.trigger: "\(change.cause.trigger.rawValue)", LogKeys.share: "\(canary.share)",
                LogKeys.span: "\(canary.time.components.seconds)s", LogKeys.changed: "\(event.summary)",
                LogKeys.what: "\(event.words.joined(separator: "; "))",
            ])
        running.watch = Task { [weak self] in await self?.watch(trial) }
        trials.running = running
        return .trying(trial, event.words)
    }

    /// Looks at what its requests come to, until its time is over or it is to be taken back.
    private func watch(_ trial: Trial) async {
        let clock = ContinuousClock()
        let end = clock.now + trial.canary.time
        while clock.now < end {
            guard (try? await Task.sleep(for: .milliseconds(20))) != nil else { return }
            if let objection = trial.objection() {
                _ = await inTurn { await self.takeBack(trial, "rollback_if holds \(objection)") }
                return
            }
        }
        _ = await inTurn { await self.promote(trial) }
    }

    /// All go by it. What the rest of the program has to do for it may fail still: an address that was taken meanwhile.
    func promote(_ trial: Trial) async -> ReloadOutcome {
        guard let running = trials.running, running.trial === trial else { return .unchanged }
        let change = running.change
        if let refusal = await prepare(change.old, change.new) {
            return await takeBack(trial, diagnostic(refusal, change.places).message)
        }
        let figures = trial.figures
        running.watch?.cancel()
        trials.running = nil
        var event = running.event
        event.state = .applied
        event.time = Date()
        event.why =
            "for \(Int(event.time.timeIntervalSince(trial.startedAt))) s some keys went by it, "
            + Trial.text(new: figures.new, old: figures.old)
        if let number = event.number { await trials.history?.note(number, .applied, why: event.why) }
        // These are the errors of a file that was saved after this one, and refused.
        let errors = status.current.lastErrors
        let outcome = await apply(change, event)
        if !errors.isEmpty { status.update { $0.lastErrors = errors } }
        trials.accounts?.endTrial()
        trials.onEnd()
        return outcome
    }

    private func takeBack(_ trial: Trial, _ why: String) async -> ReloadOutcome {
        guard let running = trials.running, running.trial === trial else { return .unchanged }
        trials.takenBack = trial.snapshot.hash
        let diagnostic = diagnostic(ReloadRefusal(key: "reload.canary", message: "taken back: \(why)"), [:])
        await endTrial(.takenBack, why: why, errors: [diagnostic])
        logger.warning(
            "configuration taken back, what ran before goes on",
            metadata: [
                LogKeys.generation: "\(trial.snapshot.generation)", LogKeys.hash: "\(trial.snapshot.hash.prefix(12))",
                LogKeys.reason: "\(why)",
                LogKeys.running: "\(store.current.generation)",
            ])
        trials.onEnd()
        return .failed([diagnostic])
    }

    /// Everybody goes by what ran before.
    /// - Parameter errors: what is wrong with the file that was tried; nil where that is no news.
    func endTrial(_ state: ReloadEvent.State, why: String, errors: [Diagnostic]? = nil) async {
        guard let running = trials.running else { return }
        trials.running = nil
        running.watch?.cancel()
        store.publish(running.change.old)
        trials.accounts?.endTrial()
        var event = running.event
        event.state = state
        event.why = why
        status.update { [event] in
            $0.trial = nil
            $0.history = $0.history.filter { $0.state != .canary } + [event]
            if let errors { ($0.lastErrors, $0.lastAttempt) = (errors, Date()) }
        }
        if let number = event.number { await trials.history?.note(number, state, why: why) }
        guard state == .replaced else { return }
        logger.notice(
            "configuration no longer on trial",
            metadata: [LogKeys.generation: "\(running.trial.snapshot.generation)", LogKeys.reason: "\(why)"])
    }

    /// The accounts that a file on trial asks otherwise, each with the one of the file that runs that has the same address and
    /// credential.
    private static func known(_ trial: Snapshot, _ running: Snapshot) -> [AccountID: AccountID] {
        struct Login: Hashable {
            let url: UpstreamURL
            let key: Secret?
        }
        var ids: [Login: AccountID] = [:]
        for upstream in running.configuration.upstreams {
            for (id, account) in zip(upstream.accountIDs, upstream.accounts) {
                ids[Login(url: upstream.url, key: account.key)] = id
            }
        }
        var known: [AccountID: AccountID] = [:]
        for upstream in trial.configuration.upstreams where upstream.isOnTrial {
            for (id, account) in zip(upstream.accountIDs, upstream.accounts) {
                known[id] = ids[Login(url: upstream.url, key: account.key)]
            }
        }
        return known
    }
}
