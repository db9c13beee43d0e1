import NIOCore

/// Whoever is at the other end, or asks through it.
struct PeerAddress: Equatable {
    /// What the log, conditions and messages show: an IP address, or `unix`.
    let text: String
    /// nil for a Unix socket, which no address or CIDR block matches.
    let address: AddressRange.Address?
    /// Whether the socket itself is a Unix socket; what a header says does not make it one.
    private let isUnixSocket: Bool

    static let unix = "unix"
    /// Somebody whom a trusted proxy speaks for without saying who it is.
    static let unknown = PeerAddress(text: "unknown")

    /// The other end of a connection.
    init(of channel: any Channel) {
        if channel.remoteAddress == nil, case .unixDomainSocket = channel.localAddress {
            self.init(channel.localAddress)
        } else {
            self.init(channel.remoteAddress)
        }
    }

    init(_ address: SocketAddress?) {
        switch address {
        case .v4, .v6:
            let text = address?.ipAddress ?? ""
            self.address = AddressRange.Address(text)
            self.text = self.address?.description ?? text
            isUnixSocket = false
        case .unixDomainSocket:
            text = Self.unix
            self.address = nil
            isUnixSocket = true
        case nil:
            text = ""
            self.address = nil
            isUnixSocket = false
        }
    }

    init(_ address: AddressRange.Address) {
        self.address = address
        text = address.description
        isUnixSocket = false
    }

    private init(text: String) {
        self.text = text
        address = nil
        isUnixSocket = false
    }

    func named(by source: ProxyHeader.Source) -> PeerAddress {
        switch source {
        case .address(let address): PeerAddress(address)
        case .unix: PeerAddress(text: Self.unix)
        case .unknown: self
        }
    }

    func isAmong(_ trusted: TrustedProxies) -> Bool {
        if let address { return trusted.contains(address) }
        return isUnixSocket && trusted.includesUnixSockets
    }
}
