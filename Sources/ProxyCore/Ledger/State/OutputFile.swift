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

    /// Puts a text in the place of a file, by renaming; mode and owner stay what they were.
    /// - Parameters:
    ///   - target: no link.
    ///   - partial: a name beside it, under which the text is written first.
    /// - Throws: `StateFailure`; the file is then as it was.
    public static func replace(_ target: String, by text: String, partial: String) throws {
        var before = stat()
        let isThere = stat(target, &before) == 0
        unlink(partial)
        do {
            let file = try OutputFile(partial)
            try file.write(Array(text.utf8))
            if isThere, before.st_uid != geteuid() || before.st_gid != getegid() {
                guard chown(partial, before.st_uid, before.st_gid) == 0 else {
                    throw StateFiles.failure(partial, "cannot be given the file's owner")
                }
            }
            try file.replace(target, mode: isThere ? Int(before.st_mode & 0o7777) : 0o600)
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Puts the file in the place of another, with the mode given.
    public func replace(_ path: String, mode: Int) throws {
        guard fchmod(file.number, mode_t(truncatingIfNeeded: mode)) == 0, fsync(file.number) == 0, rename(partial, path) == 0
        else {
            throw StateFiles.failure(path, "cannot be replaced")
        }
    }
}
