import Dispatch

#if canImport(Glibc)
import Glibc
#endif

/// Copies and checks while proxyd runs.
extension UsageLedger {
    /// A copy that is being fetched.
    public struct Copy: Sendable, Hashable {
        public var id: String
        public var bytes: Int
    }

    private static let prefix = "backup-"
    private static let suffix = ".sqlite"
    /// Seconds after its last piece: it holds what no report shows, and as much of the disk as the database.
    private static let copyIsKept = 3_600

    /// Writes keys, usage and the audit log as they are at this moment into a file of the state directory, to be fetched piece by
    /// piece. All that was appended before is in it. A copy that was begun before and not removed goes.
    ///
    /// One whose client has gone goes after an hour, or with the next start.
    ///
    /// - Throws: `StateFailure`, also where usage is not booked: the copy would lack it.
    public func beginCopy() async throws -> Copy {
        let id = KeyText.generateID()
        let path = path(ofCopy: id)
        let folder = directory.path
        let size = try await afterFlush { [self] store in
            if case .degraded(let reason) = health { throw StateFailure.unusable(path: folder, reason: reason) }
            if case .failing(let reason) = health { throw StateFailure.unusable(path: folder, reason: reason) }
            Self.removeCopies(in: folder)
            _ = try StateFiles.create(path)
            do {
                try store.copy(to: path)
            } catch {
                unlink(path)
                throw StateFailure.unusable(path: path, reason: "\(error)")
            }
            return StateFiles.size(path) ?? 0
        }
        forget(copy: path, inSeconds: Self.copyIsKept)
        return Copy(id: id, bytes: size)
    }

    /// What a process or a client before has left.
    static func removeCopies(in folder: String) {
        // Somebody may keep a backup of their own there.
        for name in StateFiles.names(in: folder) where name.hasPrefix(prefix + KeyText.idPrefix) && name.hasSuffix(suffix) {
            unlink(folder + "/" + name)
        }
    }

    private func forget(copy path: String, inSeconds seconds: Int) {
        queue.asyncAfter(deadline: .now() + .seconds(seconds)) { [weak self] in
            var status = stat()
            guard let self, stat(path, &status) == 0 else { return }
            // Each piece that is fetched sets its time.
            let rest = Self.copyIsKept - (time(nil) - status.st_mtim.tv_sec)
            if rest <= 0 { unlink(path) } else { forget(copy: path, inSeconds: min(rest, Self.copyIsKept)) }
        }
    }

    /// - Returns: at most `count` bytes from `offset` on; none behind the end; nil where there is no such copy.
    public func piece(ofCopy id: String, offset: Int, count: Int) -> [UInt8]? {
        guard id.utf8.allSatisfy(Self.isPlain) else { return nil }
        let number = open(path(ofCopy: id), O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let file = FileDescriptor(number)
        var bytes = [UInt8](repeating: 0, count: count)
        let read = pread(file.number, &bytes, bytes.count, off_t(offset))
        futimens(file.number, nil)
        return read < 0 ? nil : Array(bytes[..<read])
    }

    public func endCopy(_ id: String) {
        guard id.utf8.allSatisfy(Self.isPlain) else { return }
        unlink(path(ofCopy: id))
    }

    /// Walks through the database and the journal.
    public func verify() async throws -> LedgerReport {
        try await afterFlush { [journal] store in
            LedgerReport(store: store, journal: journal.directory, end: journal.end)
        }
    }

    private func path(ofCopy id: String) -> String { "\(directory.path)/\(Self.prefix)\(id)\(Self.suffix)" }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
