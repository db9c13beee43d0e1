import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
import Glibc
#endif

/// Why no connection to an upstream came about, TLS apart.
public enum ConnectObstacle: Sendable, Hashable, CaseIterable {
    /// The name has no address.
    case name
    /// Nobody listens there.
    case refused
    /// No way leads there.
    case noRoute
    case reset
    /// The forward proxy cannot be reached.
    case proxy
    /// The forward proxy wants other credentials than it gets.
    case proxyCredentials
    /// The forward proxy does not let us through, or what it says is no HTTP.
    case proxyRefused
    case other

    /// Reads an error of connecting to one address.
    init(errno: CInt) {
        switch errno {
        case ECONNREFUSED, ENOENT: self = .refused
        case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL: self = .noRoute
        case ECONNRESET, EPIPE: self = .reset
        default: self = .other
        }
    }

    var label: StaticString {
        switch self {
        case .name: "dns"
        case .refused: "refused"
        case .noRoute: "no_route"
        case .reset: "reset"
        case .proxy: "proxy_unreachable"
        case .proxyCredentials: "proxy_unauthorized"
        case .proxyRefused: "proxy_refused"
        case .other: "unreachable"
        }
    }

    /// The message for people; it names no address, for those belong to the operator.
    var message: String {
        switch self {
        case .name: "the upstream's name has no address"
        case .refused: "the upstream refused the connection"
        case .noRoute: "no route leads to the upstream"
        case .reset: "the upstream reset the connection"
        case .proxy: "the proxy on the way to the upstream cannot be reached"
        case .proxyCredentials: "the proxy on the way to the upstream wants other credentials"
        case .proxyRefused: "the proxy on the way to the upstream does not connect to it"
        case .other: "the upstream cannot be reached"
        }
    }
}

/// Why no trusted TLS connection came about.
public enum TLSFault: Sendable, Hashable, CaseIterable {
    case expired
    case notYetValid
    /// The certificate is for another host.
    case name
    /// No authority that is trusted vouches for it.
    case untrusted
    /// What answers speaks no TLS, or no version or suite in common.
    case noCommonProtocol
    /// The other side ended the handshake with an alert.
    case refused
    /// The connection ended in the middle of the handshake.
    case closed
    case other

    var label: StaticString {
        switch self {
        case .expired: "tls_certificate_expired"
        case .notYetValid: "tls_certificate_not_yet_valid"
        case .name: "tls_name_mismatch"
        case .untrusted: "tls_untrusted"
        case .noCommonProtocol: "tls_protocol"
        case .refused: "tls_refused"
        case .closed: "tls_closed"
        case .other: "tls"
        }
    }

    var message: String {
        switch self {
        case .expired: "the upstream's TLS certificate has expired"
        case .notYetValid: "the upstream's TLS certificate is not valid yet"
        case .name: "the upstream's TLS certificate is for another name"
        case .untrusted: "the upstream's TLS certificate comes from no trusted authority"
        case .noCommonProtocol: "the upstream speaks no TLS that is taken"
        case .refused: "the upstream refused the TLS handshake"
        case .closed: "the upstream ended the connection during the TLS handshake"
        case .other: "no trusted TLS connection to the upstream came about"
        }
    }
}

extension UpstreamFailure {
    /// Reads an error before the connection was there.
    init(connecting error: any Error) {
        switch error {
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: self = .tls(.other)
        case let error as ChannelError:
            if case .connectTimeout = error { self = .connectTimeout } else { self = .unreachable(.other) }
        case let error as IOError: self = Self.of(error)
        case let error as NIOConnectionError: self = Self.of(error)
        case is SocketAddressError: self = .unreachable(.name)
        default: self = .unreachable(.other)
        }
    }

    private static func of(_ error: IOError) -> UpstreamFailure {
        error.errnoCode == ETIMEDOUT ? .connectTimeout : .unreachable(ConnectObstacle(errno: error.errnoCode))
    }

    /// The most severe failure of a name, all of whose addresses failed.
    private static func of(_ error: NIOConnectionError) -> UpstreamFailure {
        guard !error.connectionErrors.isEmpty else { return .unreachable(.name) }
        let failures = error.connectionErrors.map { UpstreamFailure(connecting: $0.error) }
        for obstacle in [ConnectObstacle.refused, .reset] where failures.contains(.unreachable(obstacle)) {
            return .unreachable(obstacle)
        }
        if failures.contains(.connectTimeout) { return .connectTimeout }
        return failures.contains(.unreachable(.noRoute)) ? .unreachable(.noRoute) : .unreachable(.other)
    }

    /// Reads an error while TLS was agreed on. `certificate` is what the other side showed so far.
    init(handshake error: any Error, certificate: NIOSSLCertificate?) {
        switch error {
        case is UpstreamIdentity.Mismatch: self = .tls(.name)
        case let error as ProxyTunnel.Failure: self = .unreachable(error.obstacle)
        case let error as IOError: self = error.errnoCode == ECONNRESET ? .tls(.closed) : .tls(.other)
        case NIOSSLError.handshakeFailed(.sslError(let stack)): self = .tls(TLSFault(stack, certificate))
        default: self = .tls(.other)
        }
    }
}

extension TLSFault {
    /// BoringSSL tells that a certificate was not accepted, and not why: its dates tell that.
    init(_ stack: NIOBoringSSLErrorStack, _ certificate: NIOSSLCertificate?) {
        if stack.contains(.eofDuringHandshake) {
            self = .closed
            return
        }
        let text = stack.map(\.description).joined(separator: " ")
        func says(_ words: [String]) -> Bool { words.contains { text.contains($0) } }
        if says(["CERTIFICATE_VERIFY_FAILED"]) {
            let now = time(nil)
            if let certificate, certificate.notValidAfter < now {
                self = .expired
            } else if let certificate, certificate.notValidBefore > now {
                self = .notYetValid
            } else {
                self = .untrusted
            }
        } else if says(["_ALERT_"]) {
            self = says(["PROTOCOL_VERSION", "INSUFFICIENT_SECURITY"]) ? .noCommonProtocol : .refused
        } else if says([
            "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNSUPPORTED_PROTOCOL", "HANDSHAKE_FAILURE",
            "NO_SHARED", "WRONG_CIPHER", "UNKNOWN_CIPHER", "INVALID_ALERT",
            "UNEXPECTED_MESSAGE", "UNEXPECTED_RECORD", "DECODE_ERROR",
        ]) {
            self = .noCommonProtocol
        } else {
            self = .other
        }
    }
}
