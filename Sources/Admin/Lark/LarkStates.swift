import Crypto
import Foundation
import ProxyCore
import Synchronization

/// The `state` of logins: when one ends and a nonce, signed with a key that only this process has. What was issued is not
/// kept, so that nobody can fill the memory by beginning logins; what came back is, so that none works twice. A restart
/// ends the logins that are under way.
final class LarkStates: Sendable {
    static let lifetimeSeconds = 600
    /// Of states that came back; the one that would end first gives way.
    private static let capacity = 4096

    private let processKey = SymmetricKey(size: .bits256)
    /// When each ends, in seconds since 1970.
    private let spent = Mutex<[String: Int]>([:])

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
        guard parts.count == 3, let signature = Hex.bytes(parts[2]), let expires = Int(parts[0]) else { return .forged }
        let payload = Array("\(parts[0]).\(parts[1])".utf8)
        guard HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: payload, using: key(for: app)) else {
            return .forged
        }
        guard expires > Int(clamping: now) else { return .expired }
        // By its payload: the signature could be written in capital letters too.
        return spend("\(parts[0]).\(parts[1])", until: expires, now: Int(clamping: now)) ? .valid : .spent
    }

    /// Whether it was still unused.
    func spend(_ payload: String, until expires: Int, now: Int) -> Bool {
        spent.withLock { spent in
            guard spent[payload] == nil else { return false }
            if spent.count >= Self.capacity {
                spent = spent.filter { $0.value > now }
                if spent.count >= Self.capacity, let first = spent.min(by: { $0.value < $1.value }) { spent[first.key] = nil }
            }
            spent[payload] = expires
            return true
        }
    }

    /// A login of one app is none of another, should the configuration change meanwhile.
    private func key(for app: Configuration.Lark) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: processKey, salt: Array(app.appSecret.reveal().utf8), info: Array(app.appID.utf8),
            outputByteCount: 32)
    }
}
