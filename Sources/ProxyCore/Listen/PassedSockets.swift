import Logging
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Sockets that the service manager has bound and passes on (sd_listen_fds(3)), each of one listener at a time.
///
/// They stay the manager's too: while proxyd is restarted, connections wait in them instead of being refused. And they stay here, since
/// nobody else can bind their addresses: what a reload takes out of `listen`, another can put back.
public final class PassedSockets: Sendable {
    /// Where a socket is bound.
    enum Address: Equatable, CustomStringConvertible {
        case tcp(host: AddressRange.Address, port: Int)
        case unix(path: String)

        var description: String {
            switch self {
            case .tcp(let host, let port): host.isV4 ? "\(host):\(port)" : "[\(host)]:\(port)"
            case .unix(let path): "unix:\(path)"
            }
        }
    }

    private struct Passed {
        let descriptor: Int32
        let address: Address
        /// Who listens on it.
        var holder: ListenerID?
    }

    private static let first: Int32 = 3
    private static let most = 256
    private let sockets: Mutex<[Passed]>

    /// - Parameter environment: of the process, as the manager set it.
    public init(environment: [String: String], logger: Logger) {
        var passed: [Passed] = []
        for descriptor in Self.descriptors(environment) {
            // No child gets them.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            if let address = Self.listeningAddress(of: descriptor) {
                passed.append(Passed(descriptor: descriptor, address: address))
            } else {
                logger.warning(
                    "a passed descriptor is no listening stream socket", metadata: [LogKeys.descriptor: "\(descriptor)"])
            }
        }
        sockets = Mutex(passed)
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
    }

    /// None but where they are meant for this very process.
    static func descriptors(_ environment: [String: String], process: Int32 = getpid()) -> Range<Int32> {
        let none = first..<first
        guard let pid = environment["LISTEN_PID"], pid == String(process), let text = environment["LISTEN_FDS"],
            let count = Int32(text), count > 0, count <= most
        else { return none }
        return first..<(first + count)
    }

    /// The socket that is bound to an address, if one was passed and nobody has it. The descriptor is the caller's to close, the socket
    /// is until it is given back.
    func take(_ id: ListenerID) throws(BindFailure) -> Int32? {
        let taken = sockets.withLock { sockets -> (descriptor: Int32, code: Int32)? in
            guard let index = sockets.firstIndex(where: { $0.holder == nil && Self.serves($0.address, id) }) else { return nil }
            let descriptor = fcntl(sockets[index].descriptor, F_DUPFD_CLOEXEC, 0)
            let code = errno
            if descriptor >= 0 { sockets[index].holder = id }
            return (descriptor, code)
        }
        guard let taken else { return nil }
        guard taken.descriptor >= 0 else {
            throw BindFailure(address: id.description, reason: String(cString: strerror(taken.code)))
        }
        return taken.descriptor
    }

    /// A listener listens no more.
    func giveBack(_ id: ListenerID) {
        sockets.withLock { sockets in
            for index in sockets.indices where sockets[index].holder == id { sockets[index].holder = nil }
        }
    }

    /// Tells of those that no listener of the configuration has taken.
    func tellOfRest(_ logger: Logger) {
        for one in sockets.withLock({ $0.filter { $0.holder == nil } }) {
            logger.warning(
                "a passed socket is at an address that `listen` does not have", metadata: [LogKeys.address: "\(one.address)"])
        }
    }

    /// Whether a socket takes what a listener is to take: bound to the same, or to all of both kinds where all IPv4 is meant.
    static func serves(_ address: Address, _ id: ListenerID) -> Bool {
        switch (address, id) {
        case (.tcp(let host, let port), .tcp(let wanted, let wantedPort, _)):
            guard port == wantedPort, let wanted = AddressRange.Address(wanted) else { return false }
            return host == wanted || (host.isUnspecifiedV6 && wanted.isUnspecifiedV4)
        case (.unix(let path), .unix(let wanted)): return path == wanted
        case (.tcp, .unix), (.unix, .tcp): return false
        }
    }

    /// nil where it is no stream socket that listens at an address of these kinds.
    static func listeningAddress(of descriptor: Int32) -> Address? {
        var listens: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0, listens != 0 else { return nil }
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isKnown = withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) == 0 }
        }
        guard isKnown else { return nil }
        return withUnsafeBytes(of: storage) { bytes -> Address? in
            switch Int32(storage.ss_family) {
            case AF_INET:
                let address = bytes.loadUnaligned(as: sockaddr_in.self)
                return .tcp(
                    host: AddressRange.Address(v4: UInt32(bigEndian: address.sin_addr.s_addr)),
                    port: Int(UInt16(bigEndian: address.sin_port)))
            case AF_INET6:
                let address = bytes.loadUnaligned(as: sockaddr_in6.self)
                return .tcp(
                    host: withUnsafeBytes(of: address.sin6_addr) { AddressRange.Address(bytes: $0) },
                    port: Int(UInt16(bigEndian: address.sin6_port)))
            case AF_UNIX:
                let start = MemoryLayout<sa_family_t>.size
                let path = bytes[min(start, Int(size))..<min(Int(size), bytes.count)].prefix { $0 != 0 }
                return path.isEmpty ? nil : .unix(path: String(decoding: path, as: UTF8.self))
            default: return nil
            }
        }
    }
}
