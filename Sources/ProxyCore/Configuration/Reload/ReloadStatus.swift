import Foundation

/// What became of the configuration so far.
public struct ReloadStatus: Sendable {
    /// The generation of what runs: 1 for the file read at the start, one more for every reload that applied.
    public var generation: Int
    /// SHA-256 of the files of what runs.
    public var hash: String
    public var loadedAt: Date
    /// When a reload was last tried; nil before the first.
    public var lastAttempt: Date?
    /// When the files were last read without an error, whether or not they had changed.
    public var lastSuccess: Date
    /// Why the last attempt changed nothing; empty when it applied, or found nothing to do.
    public var lastErrors: [Diagnostic] = []
    /// The file that some keys go by.
    public var trial: Trial?
    /// What there was since the start, the oldest first.
    public var history: [ReloadEvent]

    public init(_ snapshot: Snapshot, after history: [ReloadEvent] = []) {
        self.history = history.isEmpty ? [ReloadEvent(snapshot, at: snapshot.loadedAt)] : history.suffix(ReloadEvent.kept)
        generation = snapshot.generation
        hash = snapshot.hash
        loadedAt = snapshot.loadedAt
        lastSuccess = snapshot.loadedAt
    }

    /// The first error, in one line; nil when all is well.
    public var lastError: String? {
        lastErrors.first.map { first in
            let more = lastErrors.count > 1 ? " (and \(lastErrors.count - 1) more)" : ""
            return first.line + more
        }
    }
}

/// What asks for a reload.
public enum ReloadTrigger: String, Sendable, Hashable {
    /// The watcher saw a file change.
    case file
    /// SIGHUP.
    case signal
    /// `POST /admin/reload`.
    case admin
}

/// Who asks, and for how much.
public struct ReloadCall: Sendable {
    /// `reload_guard` does not hold.
    public var passesGuard = false
    /// Everybody goes by the file at once, also where `reload.canary` would let some keys try it.
    public var skipsTrial = false
    /// The admin key.
    public var who: String?

    public init() {}
}

/// Why a reload happens, and what its caller wants of it.
struct ReloadCause: Sendable {
    var trigger: ReloadTrigger
    var call: ReloadCall
}

/// What runs and what may run instead: read, checked, and not in force yet.
struct ReloadChange: Sendable {
    var old: Snapshot
    var new: Snapshot
    var cause: ReloadCause
    var inputs: WatchedInputs
    /// Where the top-level keys of the new file stand.
    var places: [String: SourceLocation]
}

/// What a reload came to.
public enum ReloadOutcome: Sendable {
    /// The new configuration runs. `summary` says in one line what changed, `words` one by one.
    case applied(Snapshot, summary: String, words: [String])
    /// Some keys go by it.
    case trying(Trial, [String])
    /// The files are what they were.
    case unchanged
    /// What ran goes on running.
    case failed([Diagnostic])
}

extension MetricsRegistry {
    /// Counts an attempt by what came of it, whoever asked.
    public func count(_ outcome: ReloadOutcome) {
        let result =
            switch outcome {
            case .applied: "applied"
            case .trying: "canary"
            case .unchanged: "unchanged"
            case .failed: "failed"
            }
        counter(.configReloads, result).increment()
    }
}

/// Why a part of the program cannot go over to a new configuration.
public struct ReloadRefusal: Error, Sendable {
    /// The key to blame: `state`, `log.file`, `listen[1]`.
    public var key: String
    public var message: String

    public init(key: String, message: String) {
        self.key = key
        self.message = message
    }
}

/// A part of the program that has something to do when the configuration changes.
public struct ReloadHook: Sendable {
    public var name: String
    /// Before the new snapshot is published: makes ready what may fail, such as binding a listener. Throws to refuse the reload.
    public var prepare: @Sendable (_ old: Snapshot, _ new: Snapshot) async throws(ReloadRefusal) -> Void
    /// Undoes `prepare`, when a later hook refused.
    public var rollback: @Sendable () async -> Void
    /// After the new snapshot is published: lets go of what was the old one's.
    public var commit: @Sendable (_ old: Snapshot, _ new: Snapshot) async -> Void

    public init(
        name: String,
        prepare: @escaping @Sendable (_ old: Snapshot, _ new: Snapshot) async throws(ReloadRefusal) -> Void = { _, _ in },
        rollback: @escaping @Sendable () async -> Void = {},
        commit: @escaping @Sendable (_ old: Snapshot, _ new: Snapshot) async -> Void = { _, _ in }
    ) {
        self.name = name
        self.prepare = prepare
        self.rollback = rollback
        self.commit = commit
    }
}
