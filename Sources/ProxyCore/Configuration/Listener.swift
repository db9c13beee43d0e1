/// An address that clients connect to.
public struct Listener: Sendable, Hashable {
    /// Textual IP address, without brackets; empty for a Unix socket.
    public var host: String
    public var port: Int
    /// The path of a Unix socket, instead of host and port.
    public var unixPath: String?
    public var tls: ServerTLS?
    /// Whether responses carry `x-proxyd-*`.
    public var proxydHeaders = true
    /// Whether connections begin with a PROXY header.
    public var proxyProtocol = false
    /// The origins whose pages may read responses of the data plane.
    public var cors = CrossOrigins.any

    public struct ServerTLS: Sendable, Hashable {
        /// Paths of PEM files.
        public var certificate: String
        public var key: String
        /// The file of the authorities that clients' certificates have to come from; nil when clients are not asked for any.
        public var clientCA: String?
        /// What the files held when the configuration was read.
        public var credentials: ServerCredentials

        public init(certificate: String, key: String, clientCA: String? = nil, credentials: ServerCredentials) {
            self.certificate = certificate
            self.key = key
            self.clientCA = clientCA
            self.credentials = credentials
        }

        var clientCADigest: String? { credentials.clientAuthorities?.digest }

        public static func == (a: ServerTLS, b: ServerTLS) -> Bool {
            a.certificate == b.certificate && a.key == b.key && a.clientCA == b.clientCA
                && a.credentials.digest == b.credentials.digest
        }

        public func hash(into hasher: inout Hasher) { hasher.combine(credentials.digest) }
    }

    public init(host: String, port: Int, tls: ServerTLS? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
    }

    public init(unixPath: String) {
        host = ""
        port = 0
        self.unixPath = unixPath
    }

    /// Whether both are one socket. Each that asks for port 0 gets one of its own.
    func hasAddress(of other: Listener) -> Bool {
        if unixPath != nil || other.unixPath != nil { return unixPath == other.unixPath }
        return port != 0 && port == other.port && host == other.host
    }
}

/// Origins whose pages a browser lets read the responses.
public enum CrossOrigins: Sendable, Hashable {
    case any
    case none
    /// The origins as browsers write them: `https://app.example`.
    case only([String])
}
