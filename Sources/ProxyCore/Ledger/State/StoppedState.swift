import Logging

#if canImport(Glibc)
import Glibc
#endif

/// A state directory that nobody runs on: the command line's work on it.
public struct StoppedState: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    /// Whether a proxyd runs on it.
    public var isInUse: Bool {
        guard StateFiles.size(path + "/proxyd.lock") != nil else { return false }
        do {
            let directory = try StateDirectory(path)
            directory.unlock()
            return false
        } catch StateFailure.inUse {
            return true
        } catch {
            return false
        }
    }

    /// Writes keys, usage and the audit log into one file, which must not exist.
    ///
    /// - Parameter timeZone: the configuration's; what the last process left in its journal is booked by it. nil where it is not
    ///   known: then there must be nothing to book.
    /// - Parameter keepsRequests: whether the records of what is booked then are kept.
    /// - Throws: `StateFailure`.
    public func backUp(to file: String, timeZone: Zone?, keepsRequests: Bool = true, logger: Logger) async throws {
        guard !StateFiles.isEmpty(path) else { throw StateFailure.unusable(path: path, reason: "there is nothing to back up") }
        if timeZone == nil, try verify().segments.contains(where: { $0.records > 0 }), try hasUnbooked() {
            throw StateFailure.unusable(
                path: path,
                reason: "the journal has usage that is not booked, and whose day depends on the time zone: give --config as well")
        }
        let ledger = try UsageLedger(
            directory: path, timeZone: timeZone ?? .utc, keepsRequests: keepsRequests, logger: logger)
        do {
            let copy = try await ledger.beginCopy()
            let made = "\(path)/backup-\(copy.id).sqlite"
            defer { ledger.endCopy(copy.id) }
            try StateFiles.copy(made, to: file)
        } catch {
            await ledger.close()
            throw error
        }
        await ledger.close()
    }

    /// What becomes of what is there already.
    public enum Existing: Sendable {
        /// There must be nothing.
        case refused
        /// It goes into a folder beside.
        case movedAside
    }

    /// Puts a copy that `backUp` made in the place of what is there.
    ///
    /// - Returns: the folder of what was there; nil where there was nothing.
    /// - Throws: `StateFailure`.
    public func restore(from file: String, existing: Existing) throws -> String? {
        guard let size = StateFiles.size(file) else { throw StateFiles.failure(file, "cannot be read") }
        guard size > 0 else { throw StateFailure.noBackup(file: file, reason: "it is empty") }
        guard try StateFiles.isDatabase(file) else {
            throw StateFailure.noBackup(file: file, reason: "it is no copy of proxyd's state")
        }
        let missing = StateDirectory.missing(of: path)
        let directory = try StateDirectory(path)
        defer { directory.unlock() }
        let isEmpty = StateFiles.isEmpty(path)
        guard isEmpty || existing == .movedAside else { throw StateFailure.notEmpty(path: path) }
        let fresh = directory.database + ".restoring"
        for suffix in ["", "-wal", "-shm"] { unlink(fresh + suffix) }
        do {
            try StateFiles.copy(file, to: fresh)
            try Self.inspect(fresh, of: file)
        } catch {
            for suffix in ["", "-wal", "-shm"] { unlink(fresh + suffix) }
            // What was made for it goes again, files before their folders.
            for path in missing.reversed() { remove(path) }
            throw error
        }
        let old = isEmpty ? nil : try setAside(directory)
        for suffix in ["-wal", "-shm"] { unlink(directory.database + suffix) }
        // What was in flight, and what was damaged, was another life's.
        unlink(directory.inFlight)
        DatabaseRescue.forget(directory.database)
        try StateFiles.move(fresh, to: directory.database)
        StateFiles.sync(directory: path)
        return old
    }

    /// - Throws: `StateFailure`, which names the file that was given and not the copy that was looked at.
    private static func inspect(_ copy: String, of file: String) throws {
        do {
            try SQLiteStore.inspect(copy: copy)
        } catch StateFailure.unusable(_, let reason), StateFailure.damaged(_, let reason) {
            throw StateFailure.noBackup(file: file, reason: reason)
        } catch StateFailure.newerSchema(_, let unknown) {
            throw StateFailure.newerSchema(path: file, unknown: unknown)
        }
    }

    /// Walks through the database and the journal, and changes neither: not their version either, so that the proxyd that wrote
    /// them can go on.
    ///
    /// - Throws: `StateFailure`.
    public func verify() throws -> LedgerReport {
        guard StateFiles.size(path + "/proxyd.sqlite") != nil else {
            throw StateFailure.unusable(path: path, reason: "there is no proxyd.sqlite")
        }
        let directory = try StateDirectory(path)
        defer { directory.unlock() }
        var report = LedgerReport()
        guard !DatabaseRescue.isLost(directory.database) else {
            report.damages = [DatabaseRescue.loss]
            return report
        }
        let store: SQLiteStore
        do {
            store = try SQLiteStore(lookingAt: directory.database)
        } catch let failure as StateFailure {
            report.damages = [failure.description]
            return report
        }
        defer { try? store.close() }
        return LedgerReport(store: store, journal: directory.journal, end: nil)
    }

    private func hasUnbooked() throws -> Bool {
        let directory = try StateDirectory(path)
        defer { directory.unlock() }
        let store = try SQLiteStore(lookingAt: directory.database)
        defer { try? store.close() }
        let booked = try store.counts() == nil ? nil : try store.bookedPosition()
        return StateFiles.segments(in: directory.journal).contains { segment in
            let name = directory.journal + "/" + JournalFormat.fileName(ofSegment: segment)
            let end = JournalPosition(segment: segment, offset: StateFiles.size(name) ?? 0)
            return end.offset > JournalFormat.headerSize && booked.map { $0 < end } ?? true
        }
    }

    private func setAside(_ directory: StateDirectory) throws(StateFailure) -> String {
        let old = try Self.newFolder("\(path)/replaced-\(LoopContext.wallClock() / 1000)")
        for suffix in ["", "-wal", "-shm"] {
            try StateFiles.move(directory.database + suffix, to: "\(old)/proxyd.sqlite\(suffix)")
        }
        try StateFiles.move(directory.inFlight, to: old + "/inflight")
        try StateFiles.move(directory.journal, to: old + "/journal")
        guard mkdir(directory.journal, 0o700) == 0 else { throw StateFiles.failure(directory.journal, "cannot be made") }
        return old
    }

    /// Makes a folder of that name, with a number behind it where one of the same second is there.
    private static func newFolder(_ name: String) throws(StateFailure) -> String {
        var (path, number) = (name, 1)
        while mkdir(path, 0o700) != 0 {
            guard errno == EEXIST else { throw StateFiles.failure(path, "cannot be made") }
            number += 1
            path = "\(name)-\(number)"
        }
        return path
    }
}
