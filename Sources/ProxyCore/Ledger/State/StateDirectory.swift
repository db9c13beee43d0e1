#if canImport(Glibc)
import Glibc
#endif

/// The directory that holds keys and usage, locked for this process as long as the object lives.
///
/// What it creates only its owner can read. A directory that exists keeps its mode: it may hold other things.
final class StateDirectory: Sendable {
    let path: String
    private let lock: FileDescriptor

    var database: String { path + "/proxyd.sqlite" }
    var journal: String { path + "/journal" }
    var inFlight: String { path + "/inflight" }

    /// - Throws: `StateFailure`.
    init(_ path: String) throws {
        self.path = path
        try Self.createDirectory(path)
        lock = try Self.lock(directory: path)
        try Self.createDirectory(path + "/journal")
        try DatabaseRescue.finish(path + "/proxyd.sqlite")
        // SQLite gives its further files the mode of this one.
        _ = try Self.open(path + "/proxyd.sqlite")
    }

    /// Lets another process have the directory, with all that is in it.
    func unlock() {
        StateOwner.handOver(path)
        flock(lock.number, LOCK_UN)
    }

    /// What `init` would make that is not there, folders before what is in them.
    static func missing(of path: String) -> [String] {
        (steps(path) + ["proxyd.lock", "journal", "proxyd.sqlite"].map { "\(path)/\($0)" }).filter { access($0, F_OK) != 0 }
    }

    /// `/var`, `/var/lib`, `/var/lib/proxyd`.
    private static func steps(_ path: String) -> [String] {
        var (steps, end) = ([String](), path.startIndex)
        while end < path.endIndex {
            end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
            steps.append(String(path[..<end]))
        }
        return steps
    }

    private static func createDirectory(_ path: String) throws {
        for step in steps(path) {
            guard mkdir(step, 0o700) != 0, errno != EEXIST else { continue }
            throw StateFailure.uncreatable(path: step, reason: LedgerFailure.text(ofErrno: errno))
        }
    }

    private static func lock(directory: String) throws -> FileDescriptor {
        let file = try open(directory + "/proxyd.lock")
        guard flock(file.number, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            guard code == EWOULDBLOCK else {
                throw StateFailure.unusable(path: directory, reason: "cannot be locked: \(LedgerFailure.text(ofErrno: code))")
            }
            throw StateFailure.inUse(directory: directory, process: holder(file))
        }
        // For the message above alone; the lock is flock's, and falls with the process.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(file.number, 0) == 0 { _ = pwrite(file.number, text, text.count, 0) }
        return file
    }

    private static func holder(_ file: FileDescriptor) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 24)
        let count = pread(file.number, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: bytes[..<count], as: UTF8.self).prefix { $0.isNumber })
    }

    private static func open(_ path: String) throws -> FileDescriptor {
        let number = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard number >= 0 else {
            throw StateFailure.unusable(path: path, reason: "cannot be opened: \(LedgerFailure.text(ofErrno: errno))")
        }
        return FileDescriptor(number)
    }
}

/// An open file, closed with the last reference: a thread that syncs it keeps it open while others rotate it away.
final class FileDescriptor: Sendable {
    let number: Int32

    init(_ number: Int32) {
        self.number = number
    }

    deinit { close(number) }
}
