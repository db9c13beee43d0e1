import Foundation
import Logging

/// Reads the configuration again and puts it in the place of what runs; keeps what runs when anything is wrong.
///
/// Reloads follow one another, whoever asks. Reading happens on the caller's executor, never on an event loop.
public actor ConfigurationReloader {
    /// The configuration that runs.
    public nonisolated let store: SnapshotStore
    public nonisolated let status: Published<ReloadStatus>
    /// The files and globs to watch, of the last attempt and of what runs.
    public nonisolated let inputs: Published<WatchedInputs>

    private nonisolated let path: String
    private nonisolated let environment: [String: String]
    let logger: Logger
    /// A file that is empty or does not parse may be half written: how long until it is looked at again.
    private let rereadDelay: Duration
    private(set) var hooks: [ReloadHook] = []
    /// What the running configuration was made of.
    private var runningInputs: WatchedInputs
    private var otherReads = 0
    private var last: Task<Void, Never>?
    private var starter: AsyncStream<Void>.Continuation?
    var trials = Trials()

    /// `first` is the load that the program started with, and `snapshot` what came of it.
    public init(
        path: String, environment: [String: String], snapshot: Snapshot, first: LoadResult,
        rereadDelay: Duration = .milliseconds(400),
        logger: Logger
    ) {
        self.path = path
        self.environment = environment
        self.rereadDelay = rereadDelay
        self.logger = logger
        store = SnapshotStore(snapshot)
        status = Published(ReloadStatus(snapshot))
        trials.newestGeneration = snapshot.generation
        runningInputs = WatchedInputs(files: first.files, patterns: first.patterns)
        inputs = Published(runningInputs)
    }

    /// Hooks are asked in the order of their adding.
    public func add(_ hook: ReloadHook) {
        hooks.append(hook)
    }

    /// Reads, checks and applies. Waits for a reload that is under way.
    public func reload(trigger: ReloadTrigger, by call: ReloadCall = ReloadCall()) async -> ReloadOutcome {
        await inTurn { await self.perform(ReloadCause(trigger: trigger, call: call)) }
    }

    /// Does one thing after the other, whoever asks.
    func inTurn(_ work: @escaping @Sendable () async -> ReloadOutcome) async -> ReloadOutcome {
        let previous = last
        // A task of its own: a caller that goes away must not leave a reload half done.
        let task = Task {
            await previous?.value
            return await work()
        }
        last = Task { _ = await task.value }
        return await task.value
    }

    /// Whoever asks for something from now on waits until `start`: a program can be asked as soon as it listens, and is not put together
    /// before everything hangs on its reloads.
    public func holdUntilStart() {
        let (start, starter) = AsyncStream.makeStream(of: Void.self)
        self.starter = starter
        last = Task { for await _ in start {} }
    }

    public func start() { starter?.finish() }

    private func perform(_ cause: ReloadCause) async -> ReloadOutcome {
        let trigger = cause.trigger
        if trigger == .file, await isWhatRuns() {
            watch(runningInputs)
            trials.takenBack = nil
            noteSuccess()
            return .unchanged
        }
        var result = await loadAgain()
        if trigger == .file, result.snapshot == nil { result = await readAgain(after: result) }
        let read = WatchedInputs(files: result.files, patterns: result.patterns)
        if trigger != .file { otherReads += 1 }
        watch(read.union(runningInputs))
        guard let loaded = result.snapshot else { return await fail(result, result.errors, cause) }
        if let running = trials.running, running.trial.snapshot.hash == loaded.hash {
            return cause.call.skipsTrial ? await promote(running.trial) : .trying(running.trial, running.words)
        }
        // Whatever was saved instead: the trial that it ends is over, and the new file has one of its own.
        if trials.running != nil { await endTrial(.replaced, why: "another file was saved") }
        let old = store.current
        guard loaded.hash != old.hash else {
            runningInputs = read
            trials.takenBack = nil
            noteSuccess()
            return .unchanged
        }
        // A look at a file that was taken back is no save of it.
        if trigger == .file, trials.takenBack == loaded.hash { return .unchanged }
        // What everybody went by once is put back: there is nothing to try, and nobody to ask.
        let ranBefore = await trials.history?.ran(loaded.hash) ?? false
        if !cause.call.passesGuard, !ranBefore {
            let refused = ReloadGuard.refusals(from: old, to: loaded).map { diagnostic($0, result.places) }
            if !refused.isEmpty { return await fail(result, refused, cause) }
        }
        let change = ReloadChange(
            old: old, new: loaded.withGeneration(trials.newestGeneration + 1), cause: cause, inputs: read, places: result.places)
        if let refusal = await prepare(change.old, change.new) {
            return await fail(result, [diagnostic(refusal, result.places)], cause)
        }
        trials.takenBack = nil
        trials.newestGeneration = change.new.generation
        var event = Self.event(of: change)
        if let canary = old.configuration.reload.canary, !cause.call.skipsTrial, !ranBefore,
            ChangeSummary.concernsRequests(from: old, to: change.new)
        {
            for hook in hooks.reversed() { await hook.rollback() }
            event.state = .canary
            event.number = await trials.history?.add(event, result)
            return begin(change, canary, event)
        }
        event.number = await trials.history?.add(event, result)
        return await apply(change, event)
    }

    /// A change, as the history and the log tell it.
    private static func event(of change: ReloadChange) -> ReloadEvent {
        let (old, new) = (change.old, change.new)
        var event = ReloadEvent(new, at: Date(), trigger: change.cause.trigger)
        event.who = change.cause.call.who
        event.summary = ChangeSummary.text(from: old, to: new)
        event.words = ChangeWords.between(old, new)
        event.changes = ConfigurationDifference.between(old.shown, new.shown)
        return event
    }

    /// What was prepared is in force.
    func apply(_ change: ReloadChange, _ event: ReloadEvent) async -> ReloadOutcome {
        let new = change.new
        trials.count(new)
        store.publish(new)
        runningInputs = change.inputs
        watch(change.inputs)
        let now = Date()
        var status = ReloadStatus(new, after: self.status.current.history.filter { $0.state != .canary } + [event])
        (status.lastAttempt, status.lastSuccess) = (now, now)
        self.status.publish(status)
        var metadata: Logger.Metadata = [
            LogKeys.generation: "\(new.generation)", LogKeys.hash: "\(new.hash.prefix(12))",
            LogKeys.trigger: "\(change.cause.trigger.rawValue)", LogKeys.changed: "\(event.summary)",
        ]
        // A renewed certificate changes no value of the file.
        if !event.words.isEmpty { metadata[LogKeys.what] = "\(event.words.joined(separator: "; "))" }
        logger.notice("configuration applied", metadata: metadata)
        for warning in new.warnings { logger.warning("configuration warning", metadata: [LogKeys.at: "\(warning.line)"]) }
        for hook in hooks { await hook.commit(change.old, new) }
        return .applied(new, summary: event.summary, words: event.words)
    }

    func diagnostic(_ refusal: ReloadRefusal, _ places: [String: SourceLocation]) -> Diagnostic {
        var key = refusal.key
        // `listen[0]` may be written without a list.
        while places[key] == nil, let end = key.lastIndex(where: { $0 == "[" || $0 == "." }) { key = String(key[..<end]) }
        guard let place = places[key] else {
            return Diagnostic(
                .error, at: SourceLocation(file: path, line: 1, column: 1), path: refusal.key, message: refusal.message)
        }
        let isName = !key.contains { $0 == "[" || $0 == "." }
        return Diagnostic(
            .error, at: place, path: key, message: refusal.message, length: isName ? key.unicodeScalars.count : 1)
    }

    private func watch(_ files: WatchedInputs) {
        var files = files
        files.otherReads = otherReads
        inputs.publish(files)
    }

    /// Whether the files are those that run, to the byte: the watcher sees a change too that somebody else had read.
    private func isWhatRuns() async -> Bool {
        // The hash of several depends on which was read first.
        guard trials.running == nil, runningInputs.patterns.isEmpty, runningInputs.files.count == 1,
            let file = runningInputs.files.first
        else { return false }
        return await hash(of: file) == store.current.hash
    }

    @concurrent
    private nonisolated func hash(of file: String) async -> String {
        let input = InputFiles()
        _ = input.read(file)
        return input.hash
    }

    /// Off the actor, so that nobody waits for a disk who only asks for something else.
    @concurrent
    private nonisolated func loadAgain() async -> LoadResult {
        ConfigurationLoader.load(path: path, environment: environment)
    }

    /// A file that is being written ends somewhere, and so looks wrong for a moment.
    private func readAgain(after first: LoadResult) async -> LoadResult {
        var result = first
        for _ in 0..<3 {
            try? await Task.sleep(for: rereadDelay)
            let again = await loadAgain()
            let isSame = again.hash == result.hash
            result = again
            if isSame || result.snapshot != nil { break }
        }
        return result
    }

    /// Asks every hook; undoes what was prepared when one refuses.
    func prepare(_ old: Snapshot, _ new: Snapshot) async -> ReloadRefusal? {
        var prepared: [ReloadHook] = []
        for hook in hooks {
            do throws(ReloadRefusal) {
                try await hook.prepare(old, new)
                prepared.append(hook)
            } catch {
                for hook in prepared.reversed() { await hook.rollback() }
                return error
            }
        }
        return nil
    }

    private func fail(_ result: LoadResult, _ errors: [Diagnostic], _ cause: ReloadCause) async -> ReloadOutcome {
        let trigger = cause.trigger
        let (told, last) = (status.current.lastErrors, status.current.history.last)
        // A file that it misses is watched from then on, and looked at once more.
        if trigger == .file, told == errors, last?.state == .refused, last?.hash == result.hash { return .failed(errors) }
        var event = ReloadEvent(store.current, at: Date(), trigger: trigger)
        event.hash = result.hash
        event.errors = errors
        event.state = .refused
        event.who = cause.call.who
        event.number = await trials.history?.add(event, result)
        status.update { [event] in
            $0.lastAttempt = event.time
            $0.lastErrors = errors
            let before = $0.history.filter { event.number == nil || $0.number != event.number }
            $0.history = (before + [event]).suffix(ReloadEvent.kept)
        }
        logger.error(
            "configuration refused, what ran goes on",
            metadata: [
                LogKeys.errors: "\(errors.count)", LogKeys.trigger: "\(trigger.rawValue)",
                LogKeys.generation: "\(store.current.generation)",
                LogKeys.at: "\(errors.first?.line ?? "")",
            ])
        for error in errors.dropFirst() { logger.error("configuration error", metadata: [LogKeys.at: "\(error.line)"]) }
        return .failed(errors)
    }

    /// The file is what runs; where another was refused before it, the log tells the end of that.
    private func noteSuccess() {
        if !status.current.lastErrors.isEmpty {
            logger.notice(
                "configuration is again what runs",
                metadata: [
                    LogKeys.generation: "\(store.current.generation)", LogKeys.hash: "\(store.current.hash.prefix(12))",
                ])
        }
        status.update {
            let now = Date()
            ($0.lastAttempt, $0.lastSuccess, $0.lastErrors) = (now, now, [])
        }
    }
}
