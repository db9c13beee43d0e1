import NIOSSL
import Synchronization

/// TLS contexts towards upstreams, made once: reading the system's authorities takes tens of milliseconds.
public final class TLSContexts: Sendable {
    private struct State {
        /// The contexts by the authorities they trust; nil stands for the system's.
        var contexts: [TrustedAuthorities?: NIOSSLContext] = [:]
        /// What the last two configurations want: requests in flight keep the one they began with.
        var wanted: (now: Set<TrustedAuthorities?>, before: Set<TrustedAuthorities?>) = ([], [])
    }

    private let state = Mutex(State())

    public init() {}

    /// TLS 1.2 at least, and of its suites those with forward secrecy and authenticated encryption; those of TLS 1.3 all are.
    static func restrict(_ configuration: inout TLSConfiguration) {
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = [
            .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]
        configuration.applicationProtocols = ["http/1.1"]
    }

    /// The context for connections to upstreams. The chain is verified here, the name by `UpstreamIdentity`.
    /// - Parameter authorities: the only ones to trust, instead of the system's.
    func client(_ authorities: TrustedAuthorities?) throws -> NIOSSLContext {
        if let known = state.withLock({ $0.contexts[authorities] }) { return known }
        var configuration = TLSConfiguration.makeClientConfiguration()
        Self.restrict(&configuration)
        configuration.certificateVerification = .noHostnameVerification
        if let authorities { configuration.trustRoots = .certificates(authorities.certificates) }
        let context = try NIOSSLContext(configuration: configuration)
        state.withLock { $0.contexts[authorities] = context }
        return context
    }

    /// Makes ready what a configuration will need, away from the event loops, and drops what was of use before the last one.
    public func prepare(for upstreams: [Upstream]) throws {
        var wanted: Set<TrustedAuthorities?> = []
        for upstream in upstreams where upstream.url.isTLS {
            _ = try client(upstream.trustedAuthorities)
            wanted.insert(upstream.trustedAuthorities)
        }
        state.withLock { state in
            if wanted != state.wanted.now { state.wanted = (wanted, state.wanted.now) }
            let kept = state.wanted.now.union(state.wanted.before)
            // Calls beside the data path come to the system's authorities unasked.
            state.contexts = state.contexts.filter { $0.key == nil || kept.contains($0.key) }
        }
    }
}
