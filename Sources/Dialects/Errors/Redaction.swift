import Basics

/// Blots out what looks like a key in text that came from an upstream: providers like to quote the key they refused.
public enum Redaction {
    private static let prefixes = ["sk-", "sk_", "pk-", "rk-", "AIza", "ya29.", "gsk_", "xai-", "eyJ", "AQ.", "Bearer "]

    /// `text` with keys replaced, at most 2,000 characters of it.
    static func redact(_ text: String) -> String {
        let text = text.utf8.count > 2_000 ? String(decoding: text.utf8.prefix(2_000), as: UTF8.self) : text
        guard prefixes.contains(where: { text.contains($0) }) else { return text }
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        var isAtWord = true
        while index < bytes.count {
            if isAtWord, let length = keyLength(bytes, at: index) {
                out.append("<redacted>")
                index += length
                isAtWord = false
                continue
            }
            isAtWord = !isKeyByte(bytes[index])
            out.append(bytes[index])
            index += 1
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// How many bytes of a key stand at `index`; nil when none does. A key is one of the known beginnings and eight bytes more.
    private static func keyLength(_ bytes: [UInt8], at index: Int) -> Int? {
        for prefix in prefixes where bytes[index...].starts(with: prefix.utf8) {
            let body = index + prefix.utf8.count
            var end = body
            while end < bytes.count, isKeyByte(bytes[end]) { end += 1 }
            if end - body >= 8 { return end - index }
        }
        return nil
    }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "*"): true
        default: ASCII.isAlphanumeric(byte)
        }
    }

    /// Blots out the known `secrets` in bytes that came from an upstream.
    public static func mask(_ bytes: UnsafeMutableRawBufferPointer, _ secrets: [[UInt8]]) { Redactor(secrets).mask(bytes) }
}
