import NIOSSL
import Synchronization

/// TLS contexts, made once: reading the system's authorities takes tens of milliseconds.
final class TLSContexts: Sendable {
    private let clients = Mutex<[String: NIOSSLContext]>([:])

    /// For connections to upstreams: the certificate is verified against the name, TLS 1.2 is the least.
    /// - Parameter trustedAuthorities: a PEM file of the only authorities to trust, instead of the system's.
    func client(trustedAuthorities: String?) throws -> NIOSSLContext {
        let key = trustedAuthorities ?? ""
        if let known = clients.withLock({ $0[key] }) { return known }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.applicationProtocols = ["http/1.1"]
        if let trustedAuthorities { configuration.trustRoots = .file(trustedAuthorities) }
        let context = try NIOSSLContext(configuration: configuration)
        clients.withLock { $0[key] = context }
        return context
    }

    /// Makes ready what a configuration will need, away from the event loops.
    func prepare(for upstreams: [Upstream]) throws {
        for upstream in upstreams where upstream.url.isTLS { _ = try client(trustedAuthorities: upstream.trustedAuthorities) }
    }

    static func server(_ tls: Listener.ServerTLS) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(tls.certificate).map { NIOSSLCertificateSource.certificate($0) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain, privateKey: .privateKey(try NIOSSLPrivateKey(file: tls.key, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}
