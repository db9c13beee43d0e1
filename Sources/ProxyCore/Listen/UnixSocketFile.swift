#if canImport(Glibc)
import Glibc
#endif

/// The file by which a Unix socket is found.
struct UnixSocketFile: Sendable {
    let path: String
    private let device: UInt64
    private let inode: UInt64

    struct Failure: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
        init(errno code: Int32) { reason = String(cString: strerror(code)) }
    }

    /// User and group may connect, nobody else; who is in the group is the operator's choice.
    private static let mode: mode_t = 0o660

    /// Binds a socket at the path; what is left there by a process that has gone is replaced. Gives the socket, which does not
    /// listen yet: nobody can connect before the file's mode is right.
    static func bind(_ path: String) throws(Failure) -> (descriptor: Int32, file: UnixSocketFile) {
        guard let address = sockaddr_un(path: path) else { throw Failure("the path is too long for a Unix socket") }
        try removeStale(path, address)
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(errno: errno) }
        let isBound = address.withSocketAddress { Glibc.bind(descriptor, $0, $1) } == 0
        var status = stat()
        guard isBound, chmod(path, mode) == 0, lstat(path, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw Failure(errno: code)
        }
        return (descriptor, UnixSocketFile(path: path, device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
    }

    /// Removes the file, unless it has become another one's.
    func remove() {
        var status = stat()
        guard lstat(path, &status) == 0, UInt64(status.st_dev) == device, UInt64(status.st_ino) == inode else { return }
        unlink(path)
    }

    private static func removeStale(_ path: String, _ address: sockaddr_un) throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw Failure(errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw Failure("there is a file that is no socket") }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard probe >= 0 else { throw Failure(errno: errno) }
        defer { close(probe) }
        // Refused: the file outlived its process. Anything else, a full queue too, says that somebody is there.
        let isStale = address.withSocketAddress { connect(probe, $0, $1) } != 0 && errno == ECONNREFUSED
        guard isStale else { throw Failure(errno: EADDRINUSE) }
        guard unlink(path) == 0 || errno == ENOENT else { throw Failure(errno: errno) }
    }
}
