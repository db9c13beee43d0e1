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
    private let logger: Logger
    /// A file that is empty or does not parse may be half written: how long until it is looked at again.
    private let rereadDelay: Duration
    private var hooks: [ReloadHook] = []
    /// What the running configuration was made of.
    private var runningInputs: WatchedInputs
    private var otherReads = 0
    private var last: Task<ReloadOutcome, Never>?

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
        runningInputs = WatchedInputs(files: first.files, patterns: first.patterns)
        inputs = Published(runningInputs)
    }

    /// Hooks are asked in the order of their adding.
    public func add(_ hook: ReloadHook) {
        hooks.append(hook)
    }

    /// Reads, checks and applies. Waits for a reload that is under way.
    public func reload(trigger: ReloadTrigger) async -> ReloadOutcome {
        let previous = last
        // A task of its own: a caller that goes away must not leave a reload half done.
        let task = Task {
            _ = await previous?.value
            return await self.perform(trigger)
        }
        last = task
        return await task.value
    }

    private func perform(_ trigger: ReloadTrigger) async -> ReloadOutcome {
        var result = await loadAgain()
        if trigger == .file, result.snapshot == nil { result = await readAgain(after: result) }
        let read = WatchedInputs(files: result.files, patterns: result.patterns)
        if trigger != .file { otherReads += 1 }
        watch(read.union(runningInputs))
        let old = store.current
        guard let loaded = result.snapshot else { return fail(result.errors, trigger) }
        guard loaded.hash != old.hash else {
            runningInputs = read
            noteSuccess()
            return .unchanged
        }
        let new = loaded.withGeneration(old.generation + 1)
        if let refusal = await prepare(old, new) {
            let place = result.places[refusal.key] ?? SourceLocation(file: path, line: 1, column: 1)
            let diagnostic = Diagnostic(
                .error, at: place, path: refusal.key, message: refusal.message, length: refusal.key.unicodeScalars.count)
            return fail([diagnostic], trigger)
        }
        store.publish(new)
        runningInputs = read
        watch(read)
        let summary = ChangeSummary.text(from: old, to: new)
        var event = ReloadEvent(new, at: Date(), trigger: trigger)
        event.summary = summary
        event.changes = ConfigurationDifference.between(old.shown, new.shown)
        var status = ReloadStatus(new, after: self.status.current.history + [event])
        (status.lastAttempt, status.lastSuccess) = (event.time, event.time)
        self.status.publish(status)
        logger.notice(
            "configuration applied",
            metadata: [
                "generation": "\(new.generation)", "hash": "\(new.hash.prefix(12))", "trigger": "\(trigger.rawValue)",
                "changed": "\(summary)",
            ])
        for warning in new.warnings { logger.warning("configuration warning", metadata: ["at": "\(Self.line(warning))"]) }
        for hook in hooks { await hook.commit(old, new) }
        return .applied(new, summary: summary)
    }

    private func watch(_ files: WatchedInputs) {
        var files = files
        files.otherReads = otherReads
        inputs.publish(files)
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
    private func prepare(_ old: Snapshot, _ new: Snapshot) async -> ReloadRefusal? {
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

    private func fail(_ errors: [Diagnostic], _ trigger: ReloadTrigger) -> ReloadOutcome {
        var event = ReloadEvent(store.current, at: Date(), trigger: trigger)
        event.errors = errors
        status.update { [event] in
            $0.lastAttempt = event.time
            $0.lastErrors = errors
            $0.history = ($0.history + [event]).suffix(ReloadEvent.kept)
        }
        logger.error(
            "configuration refused, what ran goes on",
            metadata: [
                "errors": "\(errors.count)", "trigger": "\(trigger.rawValue)", "generation": "\(store.current.generation)",
                "at": "\(errors.first.map(Self.line) ?? "")",
            ])
        for error in errors.dropFirst() { logger.error("configuration error", metadata: ["at": "\(Self.line(error))"]) }
        return .failed(errors)
    }

    private func noteSuccess() {
        status.update {
            let now = Date()
            ($0.lastAttempt, $0.lastSuccess, $0.lastErrors) = (now, now, [])
        }
    }

    /// The diagnostic in one line, for a log.
    private static func line(_ diagnostic: Diagnostic) -> String {
        var bare = diagnostic
        bare.sourceLine = nil
        return DiagnosticRenderer.text(bare)
    }
}
