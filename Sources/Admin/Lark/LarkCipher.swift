import Crypto
import CryptoExtras
import Foundation
import ProxyCore

/// AES-256-CBC under the SHA-256 of the app's encrypt key; the first block is the initialization vector (Lark Open Platform,
/// "Decrypt events").
struct LarkCipher {
    private let key: SymmetricKey

    init(_ encryptKey: Secret) {
        key = SymmetricKey(data: SHA256.hash(data: Array(encryptKey.reveal().utf8)))
    }

    /// nil where the text is none of this key's.
    func open(_ text: String) -> [UInt8]? {
        guard let clear = openLeniently(text), clear.isWhole else { return nil }
        return clear.bytes
    }

    /// What comes out, whether the padding is right or not: both cost the same. nil for what has no whole blocks.
    func openLeniently(_ text: String) -> (bytes: [UInt8], isWhole: Bool)? {
        guard let encrypted = Data(base64Encoded: text), encrypted.count >= 32, encrypted.count.isMultiple(of: 16),
            let iv = try? AES._CBC.IV(ivBytes: encrypted.prefix(16)),
            let clear = try? AES._CBC.decrypt(encrypted.dropFirst(16), using: key, iv: iv, noPadding: true)
        else { return nil }
        let bytes = Array(clear)
        let count = Int(bytes.last ?? 0)
        // PKCS #7: each byte of the padding tells its length. All sixteen are looked at, whatever they are.
        let wrong = bytes.suffix(16).reversed().enumerated().reduce(0) { $0 | ($1.offset < count ? Int($1.element) ^ count : 0) }
        let isWhole = (1...16).contains(count) && wrong == 0
        return (isWhole ? Array(bytes.dropLast(count)) : bytes, isWhole)
    }
}
