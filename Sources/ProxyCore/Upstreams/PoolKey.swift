import HTTP1

/// Where connections of one pool lead: what must be equal for one to serve instead of another.
struct PoolKey: Hashable, Sendable {
    let isTLS: Bool
    let host: String
    let port: Int
    /// The socket of an upstream on this machine; host and port say nothing then.
    let socketPath: String?
    /// The authorities with their digest: what was opened under authorities that were replaced serves nobody who trusts the new
    /// ones.
    let trustedAuthorities: TrustedAuthorities?
    /// Asked for a tunnel where TLS goes through it, and for the request itself where it does not.
    let proxy: ForwardProxy?

    init(_ url: UpstreamURL, trustedAuthorities: TrustedAuthorities?, proxy: ForwardProxy?) {
        isTLS = url.isTLS
        host = url.host
        port = url.port
        socketPath = url.socketPath
        self.proxy = proxy
        self.trustedAuthorities = url.isTLS ? trustedAuthorities : nil
    }

    init(_ upstream: Upstream) {
        self.init(upstream.url, trustedAuthorities: upstream.trustedAuthorities, proxy: upstream.proxy)
    }

    /// The address for the log: the operator's own words, without credentials.
    var address: String {
        if let socketPath { return "unix:\(socketPath)" }
        let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        return proxy.map { "\(address) through \($0.authority)" } ?? address
    }
}

/// What of a request is other where a forward proxy is asked for a host without TLS.
struct ProxiedLines {
    var targetPrefix = ""
    /// The proxy's credentials; empty where it has none.
    var credentials = FieldBlock()

    init(_ url: UpstreamURL, _ proxy: ForwardProxy?) {
        guard let proxy, !url.isTLS else { return }
        targetPrefix = "http://\(url.authority)"
        if let secret = proxy.credentials { credentials.add("proxy-authorization", secret.reveal()) }
    }
}
