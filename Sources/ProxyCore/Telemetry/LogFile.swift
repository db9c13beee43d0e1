import Glibc

/// The file that standard output is, so that it can be opened anew after logrotate has moved it away.
public struct LogFile: Sendable {
    public let path: String
    private let descriptor: Int32

    /// nil where the descriptor is no regular file, or one that has no name any more.
    public init?(descriptor: Int32 = STDOUT_FILENO) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink > 0 else { return nil }
        let length = Int(PATH_MAX)
        let path = withUnsafeTemporaryAllocation(of: CChar.self, capacity: length) { buffer -> String? in
            guard let start = buffer.baseAddress else { return nil }
            let count = readlink("/proc/self/fd/\(descriptor)", start, length)
            guard count > 0, count < length else { return nil }
            return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
        }
        guard let path, path.hasPrefix("/") else { return nil }
        self.path = path
        self.descriptor = descriptor
    }

    /// Puts a newly opened file in the descriptor's place, at once for whoever writes; gives the reason where that fails.
    public func reopen() -> String? {
        var old = stat()
        let mode = fstat(descriptor, &old) == 0 ? old.st_mode & 0o666 : 0o640
        let fresh = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, mode)
        guard fresh >= 0 else { return String(cString: strerror(errno)) }
        defer { close(fresh) }
        // Standard error often is the same file.
        var error = stat()
        let isShared =
            descriptor == STDOUT_FILENO && fstat(STDERR_FILENO, &error) == 0 && error.st_dev == old.st_dev
            && error.st_ino == old.st_ino
        guard dup2(fresh, descriptor) >= 0 else { return String(cString: strerror(errno)) }
        if isShared { dup2(fresh, STDERR_FILENO) }
        return nil
    }
}
