#if canImport(Glibc)
import Glibc
#endif

/// A new file that is whole or not there: written under another name, which only its owner can read.
public final class OutputFile: Sendable {
    private let partial: String
    private let file: FileDescriptor

    /// - Throws: `StateFailure` where something of that name is there.
    public init(_ partial: String) throws {
        self.partial = partial
        file = try StateFiles.create(partial)
    }

    public func write(_ bytes: [UInt8]) throws {
        try StateFiles.write(bytes[...], file, partial)
    }

    /// Gives the file its name, once it is on the disk. A file that has the name is not replaced.
    public func finish(as path: String) throws {
        guard fsync(file.number) == 0 else { throw StateFiles.failure(partial, "cannot be made durable") }
        guard link(partial, path) == 0 else { throw StateFiles.failure(path, "cannot be made") }
        unlink(partial)
    }

    /// Puts the file in the place of another, with the mode given.
    public func replace(_ path: String, mode: Int) throws {
        guard fchmod(file.number, mode_t(truncatingIfNeeded: mode)) == 0, fsync(file.number) == 0, rename(partial, path) == 0
        else {
            throw StateFiles.failure(path, "cannot be replaced")
        }
    }
}
