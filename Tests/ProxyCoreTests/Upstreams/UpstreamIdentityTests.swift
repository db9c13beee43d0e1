import NIOSSL
import Testing

@testable import ProxyCore

@Suite struct UpstreamIdentityTests {
    @Test(
        "A name is matched by a name, an address by an address (RFC 9525 §6)",
        arguments: [
            ("leaf.pem", "localhost", true), ("leaf.pem", "LOCALHOST", true), ("leaf.pem", "localhost.", true),
            ("leaf.pem", "a.example", true), ("leaf.pem", "b.example", false), ("leaf.pem", "x.a.example", false),
            ("leaf.pem", "x.apps.example", true), ("leaf.pem", "apps.example", false), ("leaf.pem", "x.y.apps.example", false),
            ("leaf.pem", "leaf.example", false),
            ("leaf.pem", "127.0.0.1", true), ("leaf.pem", "127.0.0.2", false), ("leaf.pem", "::1", true),
            ("leaf.pem", "0:0:0:0:0:0:0:1", true), ("leaf.pem", "::2", false),
            ("iponly.pem", "127.0.0.1", true), ("iponly.pem", "localhost", false),
            ("nameonly.pem", "localhost", true), ("nameonly.pem", "127.0.0.1", false),
            ("nosan.pem", "localhost", false), ("nosan.pem", "127.0.0.1", false),
            ("other-name.pem", "localhost", false),
        ])
    func matches(certificate: String, host: String, isMatch: Bool) throws {
        let leaf = try #require(try NIOSSLCertificate.fromPEMBytes(CertificateFixture.bytes(certificate)).first)
        #expect(UpstreamIdentity.matches(leaf, host: host) == isMatch)
    }

    @Test(
        "A wildcard stands for one whole first label (RFC 9525 §6.3)",
        arguments: [
            ("*.example.com", "a.example.com", true), ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false), ("*.example.com", ".example.com", false),
            ("*.com", "example.com", false), ("*", "localhost", false), ("a*.example.com", "ab.example.com", false),
            ("*a.example.com", "ba.example.com", false), ("a.*.com", "a.example.com", false),
            ("a.example.com\0.evil.org", "a.example.com", false), ("", "", false), ("a..com", "a..com", false),
            ("A.Example.COM", "a.example.com", true), ("a.example.com.", "a.example.com", true),
            ("@.example", "`.example", false),
        ])
    func wildcard(pattern: String, host: String, isMatch: Bool) {
        #expect(DNSName.matches(pattern: Array(pattern.utf8), host: Array(host.utf8)) == isMatch)
    }
}
