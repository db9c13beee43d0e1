/// An `http` or `https` address, or a socket of this machine, split once.
public struct UpstreamURL: Sendable, Hashable, CustomStringConvertible {
    public var isTLS: Bool
    public var host: String
    public var port: Int
    /// The path without a trailing slash; empty for the root.
    public var basePath: String
    /// The path of a Unix domain socket; the host is `localhost` then, and the port means nothing.
    public var socketPath: String?

    public init(isTLS: Bool, host: String, port: Int, basePath: String, socketPath: String? = nil) {
        self.isTLS = isTLS
        self.host = host
        self.port = port
        self.basePath = basePath
        self.socketPath = socketPath
    }

    /// `host[:port]`, as the Host field has it.
    public var authority: String {
        port == (isTLS ? 443 : 80) ? Self.bracketed(host) : Self.authority(of: host, port: port)
    }

    /// `host:port`, whatever the port.
    static func authority(of host: String, port: Int) -> String { "\(bracketed(host)):\(port)" }

    private static func bracketed(_ host: String) -> String { host.holds(":") ? "[\(host)]" : host }

    public var description: String {
        if let socketPath { return "unix:\(socketPath)\(basePath.isEmpty ? "" : ":\(basePath)")" }
        return "\(isTLS ? "https" : "http")://\(authority)\(basePath)"
    }
}
