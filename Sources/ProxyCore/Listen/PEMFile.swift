import NIOSSL

/// Why a PEM file holds not what it should.
struct PEMProblem: Error, Equatable {
    var message: String
}

/// Reads PEM, and says in words what is wrong with it.
enum PEMFile {
    static func certificates(_ bytes: [UInt8]) throws(PEMProblem) -> [NIOSSLCertificate] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.allSatisfy(\.isWhitespace) else { throw PEMProblem(message: "is empty; expected certificates in PEM") }
        guard
            text.contains("-----BEGIN CERTIFICATE-----") || text.contains("-----BEGIN TRUSTED CERTIFICATE-----")
                || text.contains("-----BEGIN X509 CERTIFICATE-----")
        else {
            let swapped = text.contains("PRIVATE KEY-----") ? ": it holds a private key" : ""
            throw PEMProblem(message: "holds no certificate in PEM\(swapped)")
        }
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw PEMProblem(message: "holds a certificate that cannot be read: it is damaged or cut off")
        }
        return certificates
    }

    static func privateKey(_ bytes: [UInt8]) throws(PEMProblem) -> NIOSSLPrivateKey {
        let text = String(decoding: bytes, as: UTF8.self)
        guard !text.allSatisfy(\.isWhitespace) else { throw PEMProblem(message: "is empty; expected a private key in PEM") }
        guard text.contains("PRIVATE KEY-----") else {
            let swapped = text.contains("-----BEGIN CERTIFICATE-----") ? ": it holds a certificate" : ""
            throw PEMProblem(message: "holds no private key in PEM\(swapped)")
        }
        guard !text.contains("BEGIN ENCRYPTED PRIVATE KEY"), !text.contains("Proc-Type: 4,ENCRYPTED") else {
            throw PEMProblem(message: "is encrypted, and there is nobody to ask for the passphrase; store it without one")
        }
        guard let key = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
            throw PEMProblem(message: "holds a private key that cannot be read: it is damaged, cut off, or of an unknown kind")
        }
        return key
    }
}
