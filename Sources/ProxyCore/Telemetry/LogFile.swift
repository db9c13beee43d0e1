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

extension LogFile {
    /// Why lines cannot be appended to the path by this process; nil where they can, or where the service's folders are still to be
    /// made by its first start. Makes nothing.
    /// - Parameter isFileAlone: whether pipes and devices are none.
    static func obstacle(to path: String, isFileAlone: Bool = true) -> String? {
        var status = stat()
        if stat(path, &status) == 0 {
            let kind = status.st_mode & S_IFMT
            if kind == S_IFDIR { return "it is a directory" }
            if isFileAlone, kind != S_IFREG { return "it is no regular file" }
            return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 ? nil : String(cString: strerror(errno))
        }
        guard errno == ENOENT else { return String(cString: strerror(errno)) }
        let folder = Self.folder(of: path)
        if stat(folder, &status) != 0, errno == ENOENT, serviceFolders.contains(folder) { return nil }
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return "there is no folder '\(folder)'" }
        guard faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 else {
            return "the folder '\(folder)': \(String(cString: strerror(errno)))"
        }
        return nil
    }

    /// What the service manager makes before each start, as the unit says: `StateDirectory=`, `LogsDirectory=`, `RuntimeDirectory=`.
    static let serviceFolders: Set = ["/var/lib/proxyd", "/var/log/proxyd", "/run/proxyd"]

    /// Why a file cannot be made there, with the folders on the way; nil where it can or is there. Who may make it is not looked at:
    /// often that is somebody else than who checks.
    static func obstacle(toMaking path: String) -> String? {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR ? "it is a directory" : nil }
        guard errno == ENOENT || errno == ENOTDIR else { return nil }
        var folder = path
        while folder != "/", folder != "." {
            folder = Self.folder(of: folder)
            if stat(folder, &status) == 0 {
                return status.st_mode & S_IFMT == S_IFDIR ? nil : "'\(folder)' is no folder"
            }
        }
        return nil
    }

    /// What is there on the way to a directory and is none; nil where it can be made, or is there.
    static func file(onTheWayTo directory: String) -> String? {
        var (status, place) = (stat(), directory)
        while stat(place, &status) != 0 {
            guard errno == ENOENT || errno == ENOTDIR, place != "/", place != "." else { return nil }
            place = folder(of: place)
        }
        return status.st_mode & S_IFMT == S_IFDIR ? nil : place
    }

    /// Whether two paths lead to one file that is there.
    static func isSame(_ one: String, _ other: String) -> Bool {
        var (a, b) = (stat(), stat())
        return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
