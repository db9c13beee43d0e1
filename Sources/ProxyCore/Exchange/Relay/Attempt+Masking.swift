import Basics
import Dialects
import NIOCore

/// Secrets that an upstream quotes: they are masked before a client sees them.
extension Attempt {
    /// Blots out every secret of this request in an error, its head and its body: upstreams quote what they were sent.
    func maskSecrets() {
        for redactor in redactors {
            body.held.withUnsafeMutableReadableBytes { redactor.mask($0) }
            draft.bytes.withUnsafeMutableReadableBytes { redactor.mask($0) }
        }
    }

    /// The same in what an error says.
    func masked(_ error: UpstreamError) -> UpstreamError {
        let redactors = redactors
        var error = error
        error.message = Self.masked(error.message, redactors)
        error.type = error.type.map { Self.masked($0, redactors) }
        error.code = error.code.map { Self.masked($0, redactors) }
        return error
    }

    private static func masked(_ text: String, _ redactors: [Redactor]) -> String {
        var bytes = Array(text.utf8)
        bytes.withUnsafeMutableBytes { bytes in redactors.forEach { $0.mask(bytes) } }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What the account's secrets and the client's are found by.
    var redactors: [Redactor] { [target.redactor, Redactor(clientSecrets)] }

    /// What the client showed, while its head is still there.
    private var clientSecrets: [[UInt8]] {
        request.withHead { bytes in
            var secrets: [[UInt8]] = []
            for field in request.head.fields {
                switch field.known {
                case .authorization, .xApiKey, .apiKey, .xGoogApiKey, .proxyAuthorization:
                    secrets.append(UpstreamRuntime.withoutScheme(Array(field.value.bytes(in: bytes))))
                default: break
                }
            }
            return secrets
        }
    }

    /// Blots out our credential in the head of a success that echoes it, in any form. One search where, as ever, none does.
    /// - Parameter fields: the upstream's.
    func maskEcho(in fields: UnsafeMutableRawBufferPointer) {
        let redactor = target.redactor
        if redactor.mayStand(in: UnsafeRawBufferPointer(fields)) { redactor.mask(fields) }
    }

    /// The same in a word of the upstream's that is told elsewhere: in the log, or in a field of ours.
    func masked(_ word: String) -> String { Self.masked(word, [target.redactor]) }
}

/// A success that passes unread: where it quotes our credential, the credential is blotted out, also where it comes in two pieces.
/// Nothing waits but what is the beginning of a credential already.
struct MaskedEcho {
    /// Words that serve as keys where none is asked for may stand in any response.
    static let shortest = 16
    /// So much of a credential may have gone out before it is taken for one.
    private static let unnoticed = 7

    private let redactor: Redactor
    /// The end of what has gone out, and behind it what may be the beginning of a credential.
    private var kept: [UInt8] = []
    private var sent = 0

    init(_ redactor: Redactor) { self.redactor = redactor }

    mutating func take(_ bytes: UnsafeRawBufferPointer, _ sink: (UnsafeRawBufferPointer) -> Void) {
        kept.append(contentsOf: bytes)
        let redactor = redactor
        if kept.withUnsafeBytes({ redactor.stands(in: $0, shortest: Self.shortest) }) {
            kept.withUnsafeMutableBytes { redactor.mask($0) }
        }
        let begun = kept.withUnsafeBytes { redactor.unfinished(in: $0, shortest: Self.shortest) }
        let end = max(kept.count - (begun > Self.unnoticed ? begun : 0), sent)
        kept.withUnsafeBytes { sink(UnsafeRawBufferPointer(rebasing: $0[sent..<end])) }
        let first = max(end - Self.unnoticed, 0)
        kept.removeFirst(first)
        sent = end - first
    }

    mutating func end(_ sink: (UnsafeRawBufferPointer) -> Void) {
        kept.withUnsafeBytes { sink(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
        kept = []
        sent = 0
    }
}

/// What follows the beginning of a long error and passes: no secret gets out in two halves.
struct MaskedTail {
    private let redactors: [Redactor]
    /// What may be the beginning of a secret.
    private var kept: [UInt8]
    private let reach: Int

    init(_ redactors: [Redactor]) {
        self.redactors = redactors
        kept = []
        reach = redactors.map(\.reach).max() ?? 0
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer, _ sink: (UnsafeRawBufferPointer) -> Void) {
        kept.append(contentsOf: bytes)
        // Not for every byte anew.
        guard kept.count > 2 * reach else { return }
        mask()
        let count = kept.count - reach
        kept.withUnsafeBytes { sink(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        kept.removeFirst(count)
    }

    mutating func end(_ sink: (UnsafeRawBufferPointer) -> Void) {
        mask()
        kept.withUnsafeBytes(sink)
        kept = []
    }

    private mutating func mask() {
        let redactors = redactors
        kept.withUnsafeMutableBytes { bytes in redactors.forEach { $0.mask(bytes) } }
    }
}

extension UpstreamRuntime {
    /// The account's key, those among the configured headers' values that a name calls a secret, and what a proxy is shown that is
    /// spoken to in the clear.
    func secrets(of account: Int) -> [[UInt8]] {
        var secrets: [[UInt8]] = []
        if let key = upstream.accounts[account].key { secrets.append(Array(key.reveal().utf8)) }
        for header in upstream.headers where Self.namesSecret(header.name) {
            secrets += Self.secrets(in: header.value)
        }
        if let shown = upstream.proxy?.credentials, !upstream.url.isTLS { secrets += Self.secrets(in: shown.reveal()) }
        return secrets
    }

    /// A header's value without its scheme; of `Basic` the password that it holds as well.
    private static func secrets(in value: String) -> [[UInt8]] {
        let secret = withoutScheme(Array(value.utf8))
        guard value.lowercased().hasPrefix("basic "), let pair = Base64.decode(String(decoding: secret, as: UTF8.self)),
            let colon = pair.firstIndex(of: UInt8(ascii: ":"))
        else { return [secret] }
        return [secret, Array(pair[(colon + 1)...])]
    }

    private static func namesSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["auth", "key", "token", "secret", "cookie", "password", "credential"].contains { name.contains($0) }
    }

    /// `Bearer x` is `x`.
    static func withoutScheme(_ value: [UInt8]) -> [UInt8] {
        guard let blank = value.lastIndex(of: 0x20) else { return value }
        return Array(value[(blank + 1)...])
    }
}
