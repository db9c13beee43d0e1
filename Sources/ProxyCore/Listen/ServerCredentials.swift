import Crypto
import NIOSSL

/// A listener's certificate chain and key, and the authorities that its clients' certificates are to come from: read once,
/// checked, and ready for handshakes.
public final class ServerCredentials: Sendable {
    /// SHA-256 of the files' contents: a renewal is a change.
    public let digest: String
    /// nil: clients are not asked for certificates.
    let clientAuthorities: TrustedAuthorities?
    let context: NIOSSLContext
    /// When the listener's own certificate ends, in seconds since 1970.
    public let notAfter: Int
    /// What is strange about the chain, though it can be used.
    let warnings: [String]

    /// Which of the files is wrong, and why.
    enum Problem: Error, Equatable {
        case certificate(String)
        case key(String)
    }

    /// - Parameters:
    ///   - certificate: PEM, the server's own certificate first.
    ///   - key: PEM, not encrypted.
    ///   - now: seconds since 1970.
    init(certificate: [UInt8], key: [UInt8], clientAuthorities: TrustedAuthorities?, now: Int) throws(Problem) {
        let chain: [NIOSSLCertificate]
        do throws(PEMProblem) {
            chain = try PEMFile.certificates(certificate)
        } catch {
            throw .certificate(error.message)
        }
        let privateKey: NIOSSLPrivateKey
        do throws(PEMProblem) {
            privateKey = try PEMFile.privateKey(key)
        } catch {
            throw .key(error.message)
        }
        guard let context = Self.context(chain, privateKey, clientAuthorities) else {
            let owner = chain.indices.dropFirst().first { Self.context([chain[$0]], privateKey, nil) != nil }
            guard let owner else { throw .key("does not fit the certificate: it is the key of another one") }
            throw .certificate(
                "begins with another certificate than the key's, which is number \(owner + 1) of the file and must come first")
        }
        self.context = context
        notAfter = chain.first.map { Int($0.notValidAfter) } ?? 0
        self.clientAuthorities = clientAuthorities
        warnings = CertificateChain.oddities(of: chain, now: now)
        var hash = SHA256()
        for part in [certificate, key, Array((clientAuthorities?.digest ?? "").utf8)] {
            // Lengths keep the parts apart.
            hash.update(data: Array("\(part.count):".utf8))
            hash.update(data: part)
        }
        digest = KeyDigest(bytes: Array(hash.finalize()))?.hex ?? ""
    }

    /// nil when the key is not that of the first certificate.
    private static func context(
        _ chain: [NIOSSLCertificate], _ key: NIOSSLPrivateKey, _ clientAuthorities: TrustedAuthorities?
    ) -> NIOSSLContext? {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        TLSContexts.restrict(&configuration)
        if let clientAuthorities {
            // A client has no name to be compared with; its certificate is required and its chain is verified.
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(clientAuthorities.certificates)
        }
        return try? NIOSSLContext(configuration: configuration)
    }
}
