import NIOSSL
import Testing

@testable import ProxyCore

@Suite struct ServerCredentialsTests {
    /// 2026-02-01.
    private static let now = 1_769_904_000

    private static func load(_ certificate: String, _ key: String, clientCA: String? = nil) throws -> ServerCredentials {
        let authorities = try clientCA.map { try TrustedAuthorities(path: $0, bytes: CertificateFixture.joined($0)) }
        return try ServerCredentials(
            certificate: CertificateFixture.joined(certificate), key: CertificateFixture.joined(key),
            clientAuthorities: authorities, now: now)
    }

    @Test(
        "What can be used is taken; what is odd about it is told",
        arguments: [
            ("server.pem", "server.key", []),
            ("server.pem server.key", "server.pem server.key", []),
            ("leaf.pem middle.pem", "leaf.key", []),
            ("leaf.pem middle.pem root.pem", "leaf.key", []),
            ("leaf.pem", "leaf.key", []),
            ("self.pem", "self.key", []),
            ("leaf.pem root.pem middle.pem", "leaf.key", ["out of order", "out of order"]),
            ("leaf.pem other-root.pem", "leaf.key", ["out of order"]),
            ("lonely.pem", "lonely.key", ["intermediate certificate that issued it is missing"]),
            ("lonely.pem middle.pem", "lonely.key", []),
            ("expired.pem", "expired.key", ["the certificate expired on 2021-02-03"]),
            ("future.pem", "future.key", ["the certificate is not valid before 2091-02-03"]),
        ] as [(String, String, [String])])
    func taken(certificate: String, key: String, oddities: [String]) throws {
        let credentials = try Self.load(certificate, key)
        #expect(credentials.warnings.count == oddities.count, "\(credentials.warnings)")
        for (warning, word) in zip(credentials.warnings, oddities) { #expect(warning.contains(word), "\(warning)") }
    }

    @Test(
        "What cannot be used is refused in words that name the file at fault",
        arguments: [
            ("", "server.key", "certificate", "is empty"),
            ("'~\n'", "server.key", "certificate", "is empty"),
            ("'x'", "server.key", "certificate", "no certificate in PEM"),
            ("server.key", "server.pem", "certificate", "it holds a private key"),
            ("'-----BEGIN~CERTIFICATE-----'", "server.key", "certificate", "damaged or cut off"),
            ("server.pem '-----BEGIN~CERTIFICATE-----'", "server.key", "certificate", "damaged or cut off"),
            ("server.pem", "", "key", "is empty"),
            ("server.pem", "'x'", "key", "no private key in PEM"),
            ("server.pem", "server.pem", "key", "it holds a certificate"),
            ("leaf.pem", "encrypted.key", "key", "is encrypted"),
            ("server.pem", "'-----BEGIN~PRIVATE~KEY-----'", "key", "cannot be read"),
            ("server.pem", "renewed.key", "key", "does not fit"),
            ("renewed.pem", "server.key", "key", "does not fit"),
            ("middle.pem leaf.pem", "leaf.key", "certificate", "number 2 of the file"),
        ])
    func refused(certificate: String, key: String, file: String, words: String) {
        do {
            _ = try Self.load(certificate, key)
            Issue.record("\(certificate) with \(key) was taken")
        } catch ServerCredentials.Problem.certificate(let message) {
            #expect(file == "certificate" && message.contains(words), "\(message)")
        } catch ServerCredentials.Problem.key(let message) {
            #expect(file == "key" && message.contains(words), "\(message)")
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test func aRenewalIsAChangeAndTheSameFilesAreNone() throws {
        let first = try Self.load("server.pem", "server.key")
        #expect(try Self.load("server.pem", "server.key").digest == first.digest)
        #expect(try Self.load("renewed.pem", "renewed.key").digest != first.digest)
        #expect(try Self.load("server.pem", "server.key", clientCA: "root.pem").digest != first.digest)
        #expect(
            try Self.load("server.pem", "server.key", clientCA: "root.pem").digest
                != Self.load("server.pem", "server.key", clientCA: "other-root.pem").digest)
    }

    @Test(arguments: ["", "'x'", "server.key"])
    func authoritiesWithoutAnyAreRefused(_ file: String) {
        #expect(throws: PEMProblem.self) { try TrustedAuthorities(path: "ca.pem", bytes: CertificateFixture.joined(file)) }
    }

    @Test("Bytes that are no certificate have no names, and never trap")
    func brokenDER() throws {
        let whole = try #require(try NIOSSLCertificate.fromPEMBytes(CertificateFixture.bytes("leaf.pem")).first?.toDERBytes())
        #expect(CertificateNames(der: whole) != nil)
        for length in 0..<whole.count { #expect(CertificateNames(der: Array(whole.prefix(length))) == nil) }
        for index in whole.indices {
            for byte in [0x00, 0x7F, 0x80, 0x84, 0xFF] as [UInt8] {
                var broken = whole
                broken[index] = byte
                _ = CertificateNames(der: broken)
            }
        }
    }
}
