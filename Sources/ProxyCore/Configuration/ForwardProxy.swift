/// A proxy on the way to upstreams.
public struct ForwardProxy: Sendable, Hashable {
    public var host: String
    public var port: Int
    /// What `proxy-authorization` says.
    public var credentials: Secret?

    /// `host:port`, without credentials.
    public var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Which proxy leads to which host, where an upstream does not say so itself: as curl, Go and Python have it.
public struct ProxyRules: Sendable, Hashable {
    /// The proxy to hosts that are spoken to in TLS.
    public var https: ForwardProxy?
    public var http: ForwardProxy?
    public var exceptions: [Exception] = []

    public init() {}

    /// Hosts that are reached directly.
    public enum Exception: Sendable, Hashable {
        case everything
        /// A name and all names below it, in lower case, or with `onlyBelow` those alone; `port` nil stands for every port.
        case name(String, onlyBelow: Bool, port: Int?)
        case range(AddressRange)

        /// nil for what names no host.
        init?(_ text: String) {
            var text = text.lowercased()
            if text == "*" {
                self = .everything
                return
            }
            if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
            if let range = AddressRange(text) {
                self = .range(range)
                return
            }
            guard let (named, digits) = UpstreamURL.split(text[...]) else { return nil }
            var port: Int?
            if let digits {
                guard let number = Int(digits), (1...65_535).contains(number) else { return nil }
                port = number
            }
            let start = named.hasPrefix("*.") ? 2 : named.hasPrefix(".") ? 1 : 0
            var host = named.dropFirst(start)
            // A name with the dot of the root behind it is the same name.
            if host.hasSuffix(".") { host.removeLast() }
            guard host.contains(":") || Schema.isName(String(host)), !host.hasPrefix("."), !host.hasSuffix(".") else {
                return nil
            }
            self = .name(String(host), onlyBelow: start > 0, port: port)
        }

        /// The pieces of a setting that may name several.
        static func pieces(of text: String) -> [String] { text.split { $0 == "," || $0 == " " }.map(String.init) }

        func holds(_ host: String, _ port: Int) -> Bool {
            switch self {
            case .everything: true
            case .range(let range): AddressRange.Address(host).map(range.contains) ?? false
            case .name(let name, let onlyBelow, let onlyPort):
                (onlyPort == nil || onlyPort == port) && (!onlyBelow && host == name || host.hasSuffix(".\(name)"))
            }
        }
    }

    /// nil: directly. This machine's own hosts always are.
    public func proxy(for url: UpstreamURL) -> ForwardProxy? {
        guard url.socketPath == nil, let proxy = url.isTLS ? https : http else { return nil }
        var host = url.host.lowercased()
        if host.hasSuffix(".") { host.removeLast() }
        if host == "localhost" || host.hasSuffix(".localhost") { return nil }
        if let address = AddressRange.Address(host), Self.loopback.contains(where: { $0.contains(address) }) { return nil }
        return exceptions.contains { $0.holds(host, url.port) } ? nil : proxy
    }

    private static let loopback = ["127.0.0.0/8", "::1"].compactMap { AddressRange($0) }
}
