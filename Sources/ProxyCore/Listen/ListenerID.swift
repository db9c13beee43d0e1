/// Where a listener is bound: what makes it the same one after a reload. Everything else about it is a setting.
enum ListenerID: Hashable, Sendable {
    /// `ordinal` tells apart the listeners that ask for port 0 of one host: each gets a port of its own.
    case tcp(host: String, port: Int, ordinal: Int)
    case unix(path: String)

    /// Whether both take connections to a same address and port, so that the kernel binds one beside the other only when told.
    func overlaps(_ other: ListenerID) -> Bool {
        switch (self, other) {
        case (.tcp(let host, let port, _), .tcp(let otherHost, let otherPort, _)):
            guard port == otherPort, port != 0 else { return false }
            return Self.isWildcard(host) || Self.isWildcard(otherHost) || Self.isSame(host, otherHost)
        case (.unix, _), (_, .unix): return self == other
        }
    }

    /// Whether it takes every connection that the other one takes: `0.0.0.0:80` those of `127.0.0.1:80`.
    func covers(_ other: ListenerID) -> Bool {
        switch (self, other) {
        case (.tcp(let host, let port, _), .tcp(let otherHost, let otherPort, _)):
            guard port == otherPort, port != 0 else { return false }
            if Self.isSame(host, otherHost) { return true }
            if host == "0.0.0.0" { return AddressRange.Address(otherHost)?.isV4 == true }
            return host == "::"
        case (.unix, _), (_, .unix): return self == other
        }
    }

    private static func isWildcard(_ host: String) -> Bool { host == "0.0.0.0" || host == "::" }

    /// One address may be written in several ways.
    private static func isSame(_ host: String, _ other: String) -> Bool {
        guard let address = AddressRange.Address(host) else { return host == other }
        return address == AddressRange.Address(other)
    }
}

extension ListenerID: CustomStringConvertible {
    /// `127.0.0.1:8180`, `[::]:8180`.
    var description: String {
        switch self {
        case .tcp(let host, let port, _): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
