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

    /// Writes keys, usage and the audit log as they are at this moment into a file of the state directory, to be fetched piece by
    /// piece. All that was appended before is in it. A copy that was begun before and not removed goes.
    ///
    /// - Throws: `StateFailure`, also where usage is not booked: the copy would lack it.
    public func beginCopy() async throws -> Copy {
        let id = KeyText.generateID()
        let path = path(ofCopy: id)
        let folder = directory.path
        let size = try await afterFlush { [self] store in
            if case .degraded(let reason) = health { throw StateFailure.unusable(path: folder, reason: reason) }
            if case .failing(let reason) = health { throw StateFailure.unusable(path: folder, reason: reason) }
            for name in StateFiles.names(in: folder) where name.hasPrefix(Self.prefix) { unlink(folder + "/" + name) }
            _ = try StateFiles.create(path)
            do {
                try store.copy(to: path)
            } catch {
                unlink(path)
                throw StateFailure.unusable(path: path, reason: "\(error)")
            }
            return StateFiles.size(path) ?? 0
        }
        return Copy(id: id, bytes: size)
    }

    /// - Returns: at most `count` bytes from `offset` on; none behind the end; nil where there is no such copy.
    public func piece(ofCopy id: String, offset: Int, count: Int) -> [UInt8]? {
        guard id.utf8.allSatisfy(Self.isPlain) else { return nil }
        let number = open(path(ofCopy: id), O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        let file = FileDescriptor(number)
        var bytes = [UInt8](repeating: 0, count: count)
        let read = pread(file.number, &bytes, bytes.count, off_t(offset))
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

    private func path(ofCopy id: String) -> String { "\(directory.path)/\(Self.prefix)\(id).sqlite" }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
