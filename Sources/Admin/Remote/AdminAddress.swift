import ProxyCore

/// Where a running proxyd is to be found, read from its file.
public enum AdminAddress {
    /// Where it takes admin calls; nil where the file has no admin plane, or a port that only the system knows.
    public static func find(in configuration: Configuration) -> String? { listener(in: configuration).flatMap(text(of:)) }

    /// A key of the file that may do everything.
    public static func key(in configuration: Configuration) -> Secret? {
        configuration.admin?.keys.first { $0.role == .admin }?.key
    }

    /// What to ask the file's own address with: it is this machine's, and shows the certificate that the file names.
    public static func caller(in configuration: Configuration) -> SingleCaller {
        listener(in: configuration).map(caller) ?? SingleCaller()
    }

    /// Where it says how it is, asked as it has to be asked; nil where only the system knows.
    public static func health(in configuration: Configuration) -> HealthProbe? {
        let all = (configuration.admin?.listener.map { [$0] } ?? []) + configuration.listeners
        let known = all.filter { $0.unixPath != nil || $0.port != 0 }
        // Those that ask for a certificate get none from here.
        let open = known.filter { $0.tls?.clientCA == nil }
        guard let listener = open.first(where: { !$0.proxyProtocol }) ?? open.first ?? known.first else { return nil }
        return HealthProbe(
            url: url(of: listener),
            caller: SingleCaller(trust: .anyone, sendsProxyHeader: listener.proxyProtocol))
    }

    /// Whether admin calls are answered to those alone who show a certificate: the command line has none.
    public static func wantsCertificate(in configuration: Configuration) -> Bool {
        listener(in: configuration)?.tls?.clientCA != nil
    }

    /// Whether even health is told to those alone.
    public static func hidesHealth(in configuration: Configuration) -> Bool {
        let all = (configuration.admin?.listener.map { [$0] } ?? []) + configuration.listeners
        return all.allSatisfy { $0.tls?.clientCA != nil }
    }

    private static func listener(in configuration: Configuration) -> Listener? {
        guard let admin = configuration.admin else { return nil }
        if let own = admin.listener { return own }
        let known = configuration.listeners.filter { $0.unixPath != nil || $0.port != 0 }
        return known.first { $0.tls?.clientCA == nil } ?? known.first
    }

    private static func caller(_ listener: Listener) -> SingleCaller {
        SingleCaller(
            trust: (listener.tls?.certificate).map { .certificate(file: $0) } ?? .authorities,
            sendsProxyHeader: listener.proxyProtocol)
    }

    private static func text(of listener: Listener) -> String? {
        guard listener.unixPath != nil || listener.port != 0 else { return nil }
        return "\(url(of: listener))"
    }

    private static func url(of listener: Listener) -> UpstreamURL {
        // What listens everywhere listens here too.
        let host = ["0.0.0.0", "::"].contains(listener.host) ? "127.0.0.1" : listener.host
        return UpstreamURL(
            isTLS: listener.tls != nil, host: listener.unixPath == nil ? host : "localhost", port: listener.port, basePath: "",
            socketPath: listener.unixPath)
    }
}

extension UpstreamURL {
    /// An address as an operator types it, also as the browser shows it of the dashboard: `http://127.0.0.1:8180/admin/#keys`.
    init?(typed address: String) {
        self.init(base: address.hasPrefix("http") ? String(address.prefix { $0 != "#" }) : address)
        if basePath.hasSuffix("/admin") { basePath.removeLast("/admin".utf8.count) }
    }
}
