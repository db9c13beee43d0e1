import Crypto
import Foundation
import ProxyCore

import enum Basics.Base64
import enum Basics.Hex

/// Logins under way: what goes to the issuer and has to come back, in the browser that began it.
///
/// Nothing is kept of a login that was begun, so that nobody can fill the memory by beginning them: the `state` tells when it ends,
/// and is signed for the browser's cookie; nonce and PKCE verifier follow from both by a key that only this process has. What came
/// back is kept, so that none works twice. A restart ends the logins that are under way.
final class LoginStates: Sendable {
    static let lifetimeSeconds = 600
    private let processKey = SymmetricKey(size: .bits256)
    /// States that came back.
    private let spent = OnceOnly(capacity: 16_384)

    struct Login: Sendable, Hashable {
        let state: String
        /// What the browser is to keep.
        let cookie: String
        let secrets: Secrets
    }

    struct Secrets: Sendable, Hashable {
        /// What the ID token has to say.
        let nonce: String
        /// What the code is exchanged with (RFC 7636); its hash goes to the issuer.
        let verifier: String

        var challenge: String { Base64.encodeURL(SHA256.hash(data: Array(verifier.utf8))) }
    }

    enum Verdict: Hashable {
        /// It is not any more.
        case valid(Secrets)
        case expired
        /// Not from here, or not this browser's.
        case forged
        /// It came back before.
        case spent
    }

    /// - Parameter provider: whoever the login is at; that of one is none of another's.
    func begin(at provider: String, now: Date) -> Login {
        let cookie = Base64.encodeURL(SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) })
        let id = SymmetricKey(size: .bits128).withUnsafeBytes { Hex.text($0) }
        let payload = "\(Int(clamping: now) + Self.lifetimeSeconds).\(id)"
        let key = key(for: provider)
        let signature = Hex.text(Self.code("state", payload, cookie, key))
        return Login(state: "\(payload).\(signature)", cookie: cookie, secrets: Self.secrets(payload, cookie, key))
    }

    func redeem(_ state: String, cookie: String, at provider: String, now: Date) -> Verdict {
        guard state.utf8.count <= 200, cookie.utf8.count <= 64 else { return .forged }
        let parts = state.split(separator: ".", omittingEmptySubsequences: false)
        // One way to write a signature: capital letters would be another.
        guard parts.count == 3, !parts[2].contains(where: \.isUppercase), let signature = Hex.bytes(parts[2]),
            let expires = Int(parts[0])
        else { return .forged }
        let payload = "\(parts[0]).\(parts[1])"
        let key = key(for: provider)
        guard
            HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: Self.text("state", payload, cookie), using: key)
        else { return .forged }
        guard expires > Int(clamping: now) else { return .expired }
        guard spent.take(payload, until: expires, now: Int(clamping: now)) else { return .spent }
        return .valid(Self.secrets(payload, cookie, key))
    }

    private static func secrets(_ payload: String, _ cookie: String, _ key: SymmetricKey) -> Secrets {
        Secrets(
            nonce: Base64.encodeURL(code("nonce", payload, cookie, key)),
            verifier: Base64.encodeURL(code("verifier", payload, cookie, key)))
    }

    private static func text(_ purpose: String, _ payload: String, _ cookie: String) -> [UInt8] {
        Array("\(purpose)\n\(payload)\n\(cookie)".utf8)
    }

    private static func code(_ purpose: String, _ payload: String, _ cookie: String, _ key: SymmetricKey) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: text(purpose, payload, cookie), using: key))
    }

    private func key(for provider: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: processKey, salt: [UInt8](), info: Array(provider.utf8), outputByteCount: 32)
    }
}
