import Glibc

/// Addresses of Unix sockets, as unix(7) has them.
extension sockaddr_un {
    /// The address of a path; nil when it does not fit.
    init?(path: String) {
        self.init()
        sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &sun_path) { target in
            guard path.utf8.count < target.count else { return false }
            target.copyBytes(from: path.utf8)
            return true
        }
        guard fits else { return nil }
    }

    /// Gives the address as system calls take it.
    /// - Parameter length: bytes of it that count: an abstract name ends where its address does.
    func withSocketAddress<Result>(
        length: Int = MemoryLayout<sockaddr_un>.size, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: self) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }
}
