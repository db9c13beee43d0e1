import Basics
import Crypto

/// What an address of an upload holds in the place of a key: whose it is and until when, under a seal that this process alone makes.
enum UploadTicket {
    static let parameter: StaticString = "proxyd_upload"
    /// Vendors keep an upload that was begun for as long.
    private static let seconds = 24 * 3600
    private static let secret = SymmetricKey(size: .bits256)

    static func make(keyID: String, now: Int) -> String {
        let said = "\(Hex.text(Array(keyID.utf8))).\(now &+ seconds)"
        return "\(said).\(seal(said))"
    }

    /// The key's id; nil for a ticket of somebody else's, or of another day.
    static func keyID(_ ticket: UnsafeRawBufferPointer, now: Int) -> String? {
        guard ticket.count <= 1024 else { return nil }
        let parts = String(decoding: ticket, as: UTF8.self).split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let until = Int(parts[1]), until > now, let code = Hex.bytes(parts[2]),
            HMAC<Crypto.SHA256>.isValidAuthenticationCode(
                code, authenticating: Array("\(parts[0]).\(parts[1])".utf8), using: secret)
        else { return nil }
        return Hex.bytes(parts[0]).flatMap { String(validating: $0, as: UTF8.self) }
    }

    private static func seal(_ said: String) -> String {
        Hex.text(Array(HMAC<Crypto.SHA256>.authenticationCode(for: Array(said.utf8), using: secret)))
    }
}
