import Crypto
import CryptoExtras
import Dialects
import Foundation
import ProxyCore

/// An event that Lark posted, decrypted and found genuine.
struct LarkEvent {
    /// Of a verification of this address.
    let challenge: JSONValue?
    let type: String
    /// The event's own JSON.
    let body: [UInt8]
    /// What Lark sent along, when the body is still the one it signed.
    let headers: [(name: String, value: String)]

    var isCardAction: Bool { type.hasPrefix("card.action.trigger") }

    init(_ request: LocalRequest, lark: Configuration.Lark) throws(AdminFailure) {
        let outer = try AdminBody.object(request.body, limits: AdminBody.tolerant)
        let isSigned = try lark.encryptKey.map { (key) throws(AdminFailure) in try Self.isSigned(request, key) } ?? false
        let event: JSONObject
        if let sealed = outer["encrypt"]?.string {
            guard let key = lark.encryptKey, let clear = Self.decrypt(sealed, key) else {
                throw AdminFailure(.forbidden, "the event cannot be decrypted; check lark.encrypt_key")
            }
            event = try AdminBody.object(clear, limits: AdminBody.tolerant)
            body = clear
            headers = []
        } else {
            // Whoever does not know the key can neither encrypt nor sign.
            guard lark.encryptKey == nil || isSigned else {
                throw AdminFailure(.forbidden, "the event is neither encrypted nor signed, and lark.encrypt_key is set")
            }
            event = outer
            body = request.body
            headers = request.headers.filter { $0.name.hasPrefix("x-lark-") }
        }
        challenge = event["challenge"]
        type = event["header"]?["event_type"]?.string ?? ""
        // Lark does not sign the verification of an address; that it is encrypted says enough.
        guard lark.encryptKey == nil || isSigned || challenge != nil else {
            throw AdminFailure(.forbidden, "the event carries no X-Lark-Signature, and lark.encrypt_key is set")
        }
        if let expected = lark.verificationToken {
            let shown = event["header"]?["token"]?.string ?? event["token"]?.string
            guard let shown, Self.same(shown, expected.reveal()) else {
                throw AdminFailure(.forbidden, "the event's token is not lark.verification_token")
            }
        }
    }

    /// SHA-256 over timestamp, nonce, key and body. Without the field: false; with a wrong one: refused.
    private static func isSigned(_ request: LocalRequest, _ key: Secret) throws(AdminFailure) -> Bool {
        guard let signature = request.header("x-lark-signature") else { return false }
        var hash = SHA256()
        hash.update(data: Array((request.header("x-lark-request-timestamp") ?? "").utf8))
        hash.update(data: Array((request.header("x-lark-request-nonce") ?? "").utf8))
        hash.update(data: Array(key.reveal().utf8))
        hash.update(data: request.body)
        guard same(signature.lowercased(), Hex.text(hash.finalize())) else {
            throw AdminFailure(.forbidden, "X-Lark-Signature does not fit the event")
        }
        return true
    }

    /// AES-256-CBC under the SHA-256 of the key; the first block is the initialization vector.
    private static func decrypt(_ text: String, _ key: Secret) -> [UInt8]? {
        guard let sealed = Data(base64Encoded: text), sealed.count >= 32, sealed.count.isMultiple(of: 16) else { return nil }
        guard let iv = try? AES._CBC.IV(ivBytes: sealed.prefix(16)) else { return nil }
        let digest = SHA256.hash(data: Array(key.reveal().utf8))
        return (try? AES._CBC.decrypt(sealed.dropFirst(16), using: SymmetricKey(data: digest), iv: iv)).map(Array.init)
    }

    /// Equal, without the time telling where they differ.
    private static func same(_ a: String, _ b: String) -> Bool {
        SHA256.hash(data: Array(a.utf8)) == SHA256.hash(data: Array(b.utf8))
    }
}
