/// What a node shares with others, and by which servers; `cluster` of the file.
public struct ClusterSettings: Sendable, Hashable {
    /// The node's own name; one live node of the cluster has it.
    public var node: String
    /// How many nodes there are, as the file says; nil where it does not.
    public var nodes: Int?
    /// The server of limits and hints, or the Sentinels that know it; empty: none.
    public var limits: [LimitServerAddress] = []
    public var store: StoreAddress?
    public var lease = Lease()
    public var whenUnreachable = WhenUnreachable()
    /// The only authorities to trust for both servers, instead of the system's.
    public var authorities: TrustedAuthorities?

    /// How much of what is left of a limit a node takes at a time.
    public struct Lease: Sendable, Hashable {
        /// Share, above 0 and at most 1.
        public var share = Schema.LeaseKeys.share.byDefault
        public var duration = Schema.LeaseKeys.duration.byDefault

        public init() {}
    }

    /// What becomes of requests while a server is away.
    public struct WhenUnreachable: Sendable, Hashable {
        public enum Policy: String, Sendable, CaseIterable { case local, refuse }

        public var limits = Schema.WhenUnreachableKeys.limits.byDefault
        public var store = Schema.WhenUnreachableKeys.store.byDefault

        public init() {}
    }

    public init(node: String) {
        self.node = node
    }

    /// Whether other nodes serve what this one serves.
    var isShared: Bool { (nodes ?? 1) > 1 || !limits.isEmpty || store != nil }
}

/// Where a Redis or Valkey server, or a Sentinel, is.
public struct LimitServerAddress: Sendable, Hashable, CustomStringConvertible {
    public enum Place: Sendable, Hashable {
        case tcp(host: String, port: Int)
        case tls(host: String, port: Int)
        case unix(path: String)
    }

    public var place: Place
    /// nil: the server's `default`.
    public var user: String?
    public var password: Secret?
    public var database = 0
    /// What Sentinels call the master; nil: the only one that they know.
    public var master: String?

    public init(_ place: Place) {
        self.place = place
    }

    public var isTLS: Bool {
        if case .tls = place { true } else { false }
    }

    /// `redis://host:6379/0`, without user and password.
    public var description: String {
        let end = database == 0 ? "" : "/\(database)"
        switch place {
        case .tcp(let host, let port): return "redis://\(Self.written(host)):\(port)\(end)"
        case .tls(let host, let port): return "rediss://\(Self.written(host)):\(port)\(end)"
        case .unix(let path): return "unix://\(path)"
        }
    }

    private static func written(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

/// Where the PostgreSQL of a cluster is: a URI as libpq reads it.
public struct StoreAddress: Sendable, Hashable, CustomStringConvertible {
    /// `postgres://user:password@host:5432/database?sslmode=verify-full`, as written.
    public var uri: Secret
    /// The same without user, password and query.
    public var description: String
    /// `sslmode`, as written; nil: libpq's default.
    public var sslMode: String?

    public init(uri: Secret, shown: String, sslMode: String? = nil) {
        self.uri = uri
        description = shown
        self.sslMode = sslMode
    }
}
