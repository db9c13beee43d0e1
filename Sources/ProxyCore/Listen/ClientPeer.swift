import HTTP1
import NIOCore

/// Where a connection's requests come from. One object for each connection: every request looks at it, few change it.
final class ClientPeer {
    /// Who is connected: the socket's other end, or whom a PROXY header names.
    private var peer: PeerAddress
    /// Whom the request is from: the peer, unless a trusted proxy says for whom it asks.
    private(set) var client: PeerAddress
    /// Whether the last request's client was not the peer.
    private(set) var speaksForOthers = false
    /// Whether the peer was a trusted proxy when the last request came.
    private(set) var isProxy = false

    init(_ channel: (any Channel)?) {
        peer = channel.map { PeerAddress(of: $0) } ?? PeerAddress(nil)
        client = peer
    }

    /// The PROXY header named nobody: a stranger may be behind it, whose fields count for nothing.
    private var isNameless = false

    func name(by source: ProxyHeader.Source) {
        isNameless = source == .unknown
        peer = peer.named(by: source)
        client = peer
    }

    /// Reads whom a trusted proxy asks for; whether that is somebody else than the last time.
    func read(
        _ head: borrowing HTTPRequestHead, bytes: UnsafeRawBufferPointer, trusted: TrustedProxies
    ) -> Bool {
        var values: [String] = []
        isProxy = !isNameless && peer.isAmong(trusted)
        if isProxy {
            for index in head.fields.indices where head.fields[index].known == .xForwardedFor {
                values.append(head.fields[index].value.string(in: bytes))
            }
        }
        let before = client
        switch ForwardedFor.client(values, trusted: trusted) {
        case .peer: client = peer
        case .unknown: client = .unknown
        case .address(let address): client = PeerAddress(address)
        }
        speaksForOthers = client != peer
        return client != before
    }
}

@available(*, unavailable)
extension ClientPeer: Sendable {}
