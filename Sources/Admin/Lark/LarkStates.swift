import Crypto
import Foundation
import ProxyCore

import enum Basics.Hex

/// The `state` of logins: when one ends and a nonce, signed with a key that only this process has. What was issued is not
/// kept, so that nobody can fill the memory by beginning logins; what came back is, so that none works twice. A restart
/// ends the logins that are under way.
final class LarkStates: Sendable {
    static let lifetimeSeconds = 600
    private let processKey = SymmetricKey(size: .bits256)
    /// States that came back.
    private let spent = OnceOnly(capacity: 4_096)

    enum Verdict: Hashable {
        /// It is not any more.
        case valid
        case expired
        case forged
        /// It came back before.
        case spent
    }

    func issue(for app: Configuration.Lark, now: Date) -> String {
        let nonce = SymmetricKey(size: .bits128).withUnsafeBytes { Hex.text($0) }
        let payload = "\(Int(clamping: now) + Self.lifetimeSeconds).\(nonce)"
        return "\(payload).\(Hex.text(HMAC<SHA256>.authenticationCode(for: Array(payload.utf8), using: key(for: app))))"
    }

    func redeem(_ state: String, for app: Configuration.Lark, now: Date) -> Verdict {
        let parts = state.split(separator: ".", omittingEmptySubsequences: false)
        // One way to write a signature: capital letters would be another.
        guard parts.count == 3, !parts[2].contains(where: \.isUppercase), let signature = Hex.bytes(parts[2]),
            let expires = Int(parts[0])
        else { return .forged }
        let payload = Array("\(parts[0]).\(parts[1])".utf8)
        guard HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: payload, using: key(for: app)) else {
            return .forged
        }
        guard expires > Int(clamping: now) else { return .expired }
        return spent.take("\(parts[0]).\(parts[1])", until: expires, now: Int(clamping: now)) ? .valid : .spent
    }

    /// A login of one app is none of another, should the configuration change meanwhile.
    private func key(for app: Configuration.Lark) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: processKey, salt: Array(app.appSecret.reveal().utf8), info: Array(app.appID.utf8),
            outputByteCount: 32)
    }
}
