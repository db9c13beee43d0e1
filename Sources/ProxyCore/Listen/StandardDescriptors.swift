#if canImport(Glibc)
import Glibc
#endif

/// Descriptors 0, 1 and 2, which a parent may have closed.
public enum StandardDescriptors {
    /// Opens those that are closed on /dev/null.
    ///
    /// Else the next socket or file gets such a number, and what is meant for people is written into it.
    public static func openMissing() {
        while true {
            let descriptor = open("/dev/null", O_RDWR)
            guard descriptor >= 0 else { return }
            if descriptor > STDERR_FILENO {
                close(descriptor)
                return
            }
        }
    }
}

/// How many files the process may have open, sockets among them.
public struct DescriptorLimit: Sendable, Equatable {
    public var soft: UInt64
    public var hard: UInt64

    public init(soft: UInt64, hard: UInt64) {
        self.soft = soft
        self.hard = hard
    }

    /// More are never needed, and some kernels refuse more (fs.nr_open).
    static let most: UInt64 = 1 << 20
    /// What is open beside connections: listeners, loops, the journal, the database, the log.
    static let reserve: UInt64 = 64

    /// Raises the soft limit to the hard one, which needs no privilege. nil where the limits cannot be read.
    ///
    /// The soft limit is low for the sake of select(2), which nothing here calls.
    @discardableResult
    public static func raise() -> DescriptorLimit? {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return nil }
        let wanted = min(UInt64(limits.rlim_max), most)
        if UInt64(limits.rlim_cur) < wanted {
            let before = limits.rlim_cur
            limits.rlim_cur = rlim_t(wanted)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) != 0 { limits.rlim_cur = before }
        }
        return DescriptorLimit(soft: UInt64(limits.rlim_cur), hard: UInt64(limits.rlim_max))
    }

    /// Whether that many connections of clients, each with one to an upstream, fit.
    public func holds(connections: Int) -> Bool { soft >= Self.needed(connections: connections) }

    /// The files that they and all else take.
    public static func needed(connections: Int) -> UInt64 { UInt64(max(connections, 0)) &* 2 &+ reserve }

    /// What connections leave to others: the runtime ends the process where it cannot open the files that tell of its own threads
    /// (libdispatch, once a second while there is much to do), and the journal and the database have files of their own.
    static let keptFromClients: UInt64 = 16
    /// Who was let in can still be served.
    static let keptFromUpstreams: UInt64 = 8

    /// Whether no more than so many can be opened at this moment.
    static func isReached(keeping reserve: UInt64 = 0) -> Bool {
        let descriptor = dup(STDIN_FILENO)
        guard descriptor >= 0 else { return errno == EMFILE || errno == ENFILE }
        close(descriptor)
        var limits = rlimit()
        guard reserve > 0, getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return false }
        // It was the lowest that is free: as many as its number are open.
        let most = UInt64(limits.rlim_cur)
        return most <= reserve || UInt64(descriptor) >= most - reserve
    }
}
