#if canImport(Glibc)
import Glibc
#endif

/// Why usage could not be booked.
public enum LedgerFailure: Error, Sendable, Hashable, CustomStringConvertible {
    case diskFull
    /// What was tried, and the system's error number.
    case system(call: String, errno: Int32)
    /// The ledger has been closed.
    case closed

    public var description: String {
        switch self {
        case .diskFull: "no space left for the usage journal"
        case .system(let call, let code): "usage journal: \(call): \(LedgerFailure.text(ofErrno: code))"
        case .closed: "the usage ledger is closed"
        }
    }

    static func failed(_ call: String, errno code: Int32) -> LedgerFailure {
        code == ENOSPC || code == EDQUOT ? .diskFull : .system(call: call, errno: code)
    }

    static func text(ofErrno code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let base = buffer.baseAddress, strerror_r(code, base, buffer.count) == 0 else { return "error \(code)" }
            return String(cString: base)
        }
    }
}

/// Whether usage can be booked and shown.
public enum LedgerHealth: Sendable, Hashable {
    case ok
    /// Records are written, but not made durable or not booked yet: nothing is lost. With what to tell an operator.
    case degraded(String)
    /// Records cannot be written. With what to tell an operator.
    case failing(String)
}

/// Why the state directory cannot be used.
public enum StateFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// Another proxyd runs on it; its process id, where known.
    case inUse(directory: String, process: Int?)
    case unusable(path: String, reason: String)
    /// A directory that is not there and cannot be made.
    case uncreatable(path: String, reason: String)
    /// A database that SQLite cannot read through.
    case damaged(path: String, reason: String)
    /// There are keys or usage where a copy was to be restored.
    case notEmpty(path: String)
    /// A file that was to be restored, and is no whole copy of a state.
    case noBackup(file: String, reason: String)
    /// A newer proxyd has changed the database's schema; by its steps that this one does not know.
    case newerSchema(path: String, unknown: [String])

    public var description: String {
        switch self {
        case .inUse(let directory, let process):
            "state directory \(directory) is in use by another proxyd" + (process.map { " (process \($0))" } ?? "")
        case .notEmpty(let path): "state directory \(path) has keys or usage; --replace puts them aside"
        case .noBackup(let file, let reason): "\(file) cannot be restored: \(reason); nothing was changed"
        case .unusable(let path, let reason): "\(path): \(reason)"
        case .uncreatable(let path, let reason): "\(path) cannot be made: \(reason)"
        case .damaged(let path, let reason): "\(path) is damaged: \(reason)"
        case .newerSchema(let path, let unknown):
            "\(path) is of a newer version of proxyd (its schema has '\(unknown.joined(separator: "', '"))'); "
                + "run that version, or go back to the copy that was made before the upgrade"
        }
    }
}
