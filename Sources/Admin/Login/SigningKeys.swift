import Crypto
import CryptoExtras
import Dialects
import Foundation

import enum Basics.Base64

/// How an ID token may be signed. `none`, and what is signed with the client's own secret (`HS256`), are nothing that an issuer's
/// keys could prove (RFC 7518 §3.1, RFC 8725 §3.2).
enum SignatureAlgorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
}

/// The public keys of an issuer (RFC 7517).
struct SigningKeys: Sendable {
    private let keys: [Key]

    private static let maximumKeys = 100
    /// 8192 bits: what is longer costs more than it proves.
    private static let maximumModulus = 1_024

    fileprivate struct Key: Sendable {
        let id: String?
        /// What the key is for; nil: whatever fits.
        let algorithm: String?
        let material: Material
    }

    fileprivate enum Material: Sendable {
        case rsa(modulus: [UInt8], exponent: [UInt8])
        case p256([UInt8])
        case p384([UInt8])
    }

    /// Keys of other kinds, and for other uses, are passed over; nil where the body is no set of keys.
    init?(_ body: [UInt8]) {
        guard let set = try? JSONValue(parsing: body, limits: AdminBody.tolerant), let list = set["keys"]?.array else {
            return nil
        }
        keys = list.prefix(Self.maximumKeys).compactMap(Self.key)
    }

    private static func key(_ value: JSONValue) -> Key? {
        guard value["use"]?.string ?? "sig" == "sig", let material = material(value) else { return nil }
        return Key(id: value["kid"]?.string, algorithm: value["alg"]?.string, material: material)
    }

    private static func material(_ value: JSONValue) -> Material? {
        func number(_ member: String) -> [UInt8]? {
            guard let text = value[member]?.string, text.utf8.count <= 2 * maximumModulus else { return nil }
            return Base64.decodeURL(text)
        }
        switch value["kty"]?.string {
        case "RSA":
            guard let modulus = number("n"), let exponent = number("e"), modulus.count <= maximumModulus, exponent.count <= 8
            else { return nil }
            return .rsa(modulus: modulus, exponent: exponent)
        case "EC":
            guard let x = number("x"), let y = number("y") else { return nil }
            switch (value["crv"]?.string, x.count, y.count) {
            case ("P-256", 32, 32): return .p256(x + y)
            case ("P-384", 48, 48): return .p384(x + y)
            default: return nil
            }
        default: return nil
        }
    }

    enum Verdict: Hashable {
        case genuine
        case wrong
        /// There is no such key here: there may be a newer set.
        case unknownKey
    }

    /// - Parameter id: nil: any of the keys may have signed it.
    func verify(_ signed: [UInt8], _ signature: [UInt8], _ algorithm: SignatureAlgorithm, key id: String?) -> Verdict {
        let fitting = keys.filter { key in
            (id == nil || key.id == id) && key.algorithm ?? algorithm.rawValue == algorithm.rawValue && key.fits(algorithm)
        }
        guard !fitting.isEmpty else { return .unknownKey }
        if fitting.contains(where: { $0.verifies(signed, signature, algorithm) }) { return .genuine }
        return id == nil ? .unknownKey : .wrong
    }
}

extension SigningKeys.Key {
    fileprivate func fits(_ algorithm: SignatureAlgorithm) -> Bool {
        switch (material, algorithm) {
        case (.rsa, .rs256), (.rsa, .rs384), (.rsa, .rs512), (.rsa, .ps256), (.rsa, .ps384), (.rsa, .ps512), (.p256, .es256),
            (.p384, .es384):
            true
        case (.rsa, .es256), (.rsa, .es384), (.p256, _), (.p384, _): false
        }
    }

    fileprivate func verifies(_ signed: [UInt8], _ signature: [UInt8], _ algorithm: SignatureAlgorithm) -> Bool {
        switch material {
        case .rsa(let modulus, let exponent):
            guard let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent) else { return false }
            let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
            return switch algorithm {
            case .rs256: key.isValidSignature(signature, for: SHA256.hash(data: signed), padding: .insecurePKCS1v1_5)
            case .rs384: key.isValidSignature(signature, for: SHA384.hash(data: signed), padding: .insecurePKCS1v1_5)
            case .rs512: key.isValidSignature(signature, for: SHA512.hash(data: signed), padding: .insecurePKCS1v1_5)
            case .ps256: key.isValidSignature(signature, for: SHA256.hash(data: signed), padding: .PSS)
            case .ps384: key.isValidSignature(signature, for: SHA384.hash(data: signed), padding: .PSS)
            case .ps512: key.isValidSignature(signature, for: SHA512.hash(data: signed), padding: .PSS)
            case .es256, .es384: false
            }
        case .p256(let point):
            guard let key = try? P256.Signing.PublicKey(rawRepresentation: point),
                let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }
            return key.isValidSignature(signature, for: SHA256.hash(data: signed))
        case .p384(let point):
            guard let key = try? P384.Signing.PublicKey(rawRepresentation: point),
                let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature)
            else { return false }
            return key.isValidSignature(signature, for: SHA384.hash(data: signed))
        }
    }
}
