#if canImport(Glibc)
import Glibc
#endif

/// Files of a state directory, looked at and moved from outside the ledger.
enum StateFiles {
    /// Names in a directory, sorted; none where there is no such directory, or it cannot be listed.
    static func names(in directory: String) -> [String] { (try? list(directory)) ?? [] }

    /// All names in a directory, sorted; none where there is no such directory.
    /// - Throws: `StateFailure` where it cannot be listed to its end.
    static func list(_ directory: String) throws(StateFailure) -> [String] {
        guard let listing = opendir(directory) else {
            guard errno == ENOENT else { throw failure(directory, "cannot be listed") }
            return []
        }
        defer { closedir(listing) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(listing) else {
                guard errno == 0 else { throw failure(directory, "cannot be listed") }
                break
            }
            let name = name(of: entry)
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
                String(cString: $0)
            }
        }
    }

    /// Bytes; nil where there is no such file.
    static func size(_ path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Int(status.st_size)
    }

    /// Whether a file begins as every database of SQLite does.
    static func isDatabase(_ path: String) throws(StateFailure) -> Bool {
        let number = open(path, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { throw failure(path, "cannot be read") }
        let file = FileDescriptor(number)
        var head = [UInt8](repeating: 0, count: 16)
        return read(file.number, &head, head.count) == head.count && head == Array("SQLite format 3\0".utf8)
    }

    /// The numbers of a journal's segments, in order.
    static func segments(in journal: String) -> [Int] {
        names(in: journal).compactMap(JournalFormat.segment).sorted()
    }

    /// Removes a database with the files beside it.
    static func remove(database path: String) {
        for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
    }

    /// Whether nothing is kept in the directory: no database, and no journal with a record.
    static func isEmpty(_ directory: String) -> Bool {
        let database = directory + "/proxyd.sqlite"
        guard size(database) ?? 0 == 0, !DatabaseRescue.isPending(database) else { return false }
        let journal = directory + "/journal"
        return segments(in: journal).allSatisfy { segment in
            (size(journal + "/" + JournalFormat.fileName(ofSegment: segment)) ?? 0) <= JournalFormat.headerSize
        }
    }

    /// Copies a file into one that only its owner can read and that must not exist; it is on the disk when the call returns.
    static func copy(_ path: String, to new: String) throws(StateFailure) {
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw failure(path, "cannot be read") }
        let from = FileDescriptor(source)
        let to = try create(new)
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(from.number, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, "cannot be read") }
            if count == 0 { break }
            try write(chunk[..<count], to, new)
        }
        guard fsync(to.number) == 0 else { throw failure(new, "cannot be made durable") }
    }

    static func create(_ path: String) throws(StateFailure) -> FileDescriptor {
        let number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw failure(path, "cannot be made") }
        return FileDescriptor(number)
    }

    static func write(_ bytes: ArraySlice<UInt8>, _ file: FileDescriptor, _ path: String) throws(StateFailure) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file.number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw failure(path, "cannot be written") }
            rest = rest.dropFirst(count)
        }
    }

    static func move(_ path: String, to new: String) throws(StateFailure) {
        guard rename(path, new) == 0 || errno == ENOENT else { throw failure(path, "cannot be moved to \(new)") }
    }

    static func sync(directory: String) {
        let number = open(directory, O_RDONLY | O_CLOEXEC)
        guard number >= 0 else { return }
        fsync(number)
        close(number)
    }

    static func failure(_ path: String, _ what: String) -> StateFailure {
        .unusable(path: path, reason: "\(what): \(LedgerFailure.text(ofErrno: errno))")
    }
}
