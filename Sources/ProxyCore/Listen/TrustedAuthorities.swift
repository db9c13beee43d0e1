import Crypto
import NIOSSL

/// The only certificate authorities to trust for something, read from a PEM file.
public struct TrustedAuthorities: Sendable, Hashable {
    public let path: String
    /// SHA-256 of the file.
    public let digest: String
    let certificates: [NIOSSLCertificate]

    init(path: String, bytes: [UInt8]) throws(PEMProblem) {
        self.path = path
        certificates = try PEMFile.certificates(bytes)
        digest = InputFiles.hex(SHA256.hash(data: bytes))
    }

    public static func == (a: TrustedAuthorities, b: TrustedAuthorities) -> Bool { a.digest == b.digest && a.path == b.path }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(digest)
        hasher.combine(path)
    }
}
