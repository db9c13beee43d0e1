#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A small secret file that is replaced as a whole: readable by its owner alone, never half-written, on disk when it returns.
struct TokenFile {
    let path: String

    /// What the operating system said no to; holds no secret.
    struct Failure: Error, CustomStringConvertible {
        let step: String
        let code: Int32
        var description: String { "\(step): \(String(cString: strerror(code)))" }
    }

    func replace(with content: [UInt8]) throws(Failure) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
        try Self.make(folder: folder)
        let temporary = "\(folder).proxyd-token-\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
        do throws(Failure) {
            try Self.write(content, to: temporary)
            guard rename(temporary, path) == 0 else { throw Failure(step: "rename", code: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
        try Self.sync(folder: folder)
    }

    /// What is missing on the way to the token is for its owner alone; what is there keeps its mode.
    private static func make(folder: String) throws(Failure) {
        var end = folder.startIndex
        while end < folder.endIndex {
            end = folder[folder.index(after: end)...].firstIndex(of: "/") ?? folder.endIndex
            guard mkdir(String(folder[..<end]), 0o700) != 0, errno != EEXIST else { continue }
            // A folder that only its owner may write to is there all the same.
            let code = errno
            var status = stat()
            guard stat(String(folder[..<end]), &status) != 0 else { continue }
            throw Failure(step: "make folder", code: code)
        }
    }

    private static func write(_ content: [UInt8], to path: String) throws(Failure) {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Failure(step: "open", code: errno) }
        defer { close(file) }
        var rest = content[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure(step: "write", code: errno) }
            rest = rest.dropFirst(count)
        }
        // The umask may take rights away, never add any; this puts back what it took.
        guard fchmod(file, 0o600) == 0 else { throw Failure(step: "chmod", code: errno) }
        guard fsync(file) == 0 else { throw Failure(step: "fsync", code: errno) }
    }

    /// Makes the rename itself last.
    private static func sync(folder: String) throws(Failure) {
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Failure(step: "open folder", code: errno) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Failure(step: "fsync folder", code: errno) }
    }
}
