import Crypto
import Foundation

/// Secrets that may stand in a file: `${sealed:v1:…}`, AES-256-GCM under a key that only the running process has.
///
/// The text after `v1:` is base64url, without padding, of nonce (12 bytes), ciphertext and tag (16 bytes).
public enum Seal {
    /// The environment variable that holds the key.
    public static let keyVariable = "PROXYD_SEAL_KEY"

    public enum Failure: Error, CustomStringConvertible {
        /// The key is no 32 bytes in hexadecimal or base64.
        case badKey
        /// The text is not what `seal` makes.
        case badText
        /// Another key made it, or it was changed.
        case doesNotOpen

        public var description: String {
            switch self {
            case .badKey: "\(Seal.keyVariable) is not a key; it is 32 bytes, as 64 hexadecimal digits or in base64"
            case .badText: "the sealed text is damaged; `proxyd seal` makes one"
            case .doesNotOpen: "the sealed text does not open with this \(Seal.keyVariable)"
            }
        }
    }

    /// A new random key, 64 hexadecimal digits.
    public static func makeKey() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { bytes in
            bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        }
    }

    /// `v1:…`, to be written as `${sealed:v1:…}`.
    public static func seal(_ plaintext: String, key: String) throws(Failure) -> String {
        let key = try symmetricKey(key)
        guard let combined = try? AES.GCM.seal(Data(plaintext.utf8), using: key, authenticating: context).combined else {
            throw .badKey
        }
        return "v1:" + base64URL(combined)
    }

    /// Opens `v1:…`.
    public static func open(_ sealed: String, key: String) throws(Failure) -> Secret {
        let key = try symmetricKey(key)
        guard sealed.hasPrefix("v1:"), let combined = data(base64: String(sealed.dropFirst(3))),
            let box = try? AES.GCM.SealedBox(combined: combined)
        else { throw .badText }
        guard let data = try? AES.GCM.open(box, using: key, authenticating: context) else { throw .doesNotOpen }
        return Secret(String(decoding: data, as: UTF8.self))
    }

    private static let context = Data("proxyd sealed v1".utf8)

    private static func symmetricKey(_ text: String) throws(Failure) -> SymmetricKey {
        if let digest = KeyDigest(hex: text) {
            let words = [digest.words.0, digest.words.1, digest.words.2, digest.words.3]
            return SymmetricKey(data: words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } })
        }
        guard let data = data(base64: text), data.count == 32 else { throw .badKey }
        return SymmetricKey(data: data)
    }

    private static func base64URL(_ data: Data) -> String {
        var text = data.base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
        while text.hasSuffix("=") { text.removeLast() }
        return text
    }

    /// Either alphabet, with or without padding.
    private static func data(base64 text: String) -> Data? {
        var text = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        while text.hasSuffix("=") { text.removeLast() }
        text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text)
    }
}
