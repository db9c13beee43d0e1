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
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x2E, 0x2A: true
        default: false
        }
    }

    // MARK: Known secrets

    /// Shorter ones are words that stand in any text.
    static let shortestSecret = 8

    /// Blots out the known `secrets` in bytes that came from an upstream, in every form in which it may write them: as they are,
    /// percent-encoded, with JSON's escapes, in base64 wherever they begin. What is blotted out keeps its length.
    public static func mask(_ bytes: UnsafeMutableRawBufferPointer, _ secrets: [[UInt8]]) {
        for secret in secrets where secret.count >= shortestSecret {
            maskSpelled(bytes, secret)
            for needle in base64Forms(of: secret) { maskSpelled(bytes, needle) }
        }
    }

    /// Every place where `secret` stands, each of its bytes in any spelling.
    private static func maskSpelled(_ bytes: UnsafeMutableRawBufferPointer, _ secret: [UInt8]) {
        guard let first = secret.first else { return }
        let text = UnsafeRawBufferPointer(bytes)
        var index = 0
        while index < text.count {
            let byte = text[index]
            guard byte == first || byte == 0x25 || byte == 0x5C, let end = spelled(secret, text, index) else {
                index += 1
                continue
            }
            for place in index..<end { bytes[place] = 0x2A }
            index = end
        }
    }

    /// Where a spelling of `secret` ends that begins at `start`.
    private static func spelled(_ secret: [UInt8], _ text: UnsafeRawBufferPointer, _ start: Int) -> Int? {
        var index = start
        for wanted in secret {
            guard let (byte, length) = character(text, index), byte == wanted else { return nil }
            index += length
        }
        return index
    }

    /// The byte that stands at `index`, its spelling undone, and how long that is.
    private static func character(_ text: UnsafeRawBufferPointer, _ index: Int) -> (UInt8, Int)? {
        guard index < text.count else { return nil }
        let byte = text[index]
        if byte == 0x25, index + 2 < text.count, let high = JSONText.hexValue(text[index + 1]),
            let low = JSONText.hexValue(text[index + 2])
        {
            return (high << 4 | low, 3)
        }
        guard byte == 0x5C, index + 1 < text.count else { return (byte, 1) }
        if let unit = JSONText.codeUnit(at: index, of: text) { return unit < 0x80 ? (UInt8(unit), 6) : nil }
        return (text[index + 1], 2)
    }

    /// What of `secret` stands in base64 whatever comes before and behind it: for each of the three places it may begin at, in both
    /// alphabets.
    private static func base64Forms(of secret: [UInt8]) -> [[UInt8]] {
        var forms: [[UInt8]] = []
        for (last, beforeLast) in [(UInt8(ascii: "/"), UInt8(ascii: "+")), (UInt8(ascii: "_"), UInt8(ascii: "-"))] {
            for offset in 0..<3 {
                // The letters that hold no bit of what stands around it.
                let skipped = (3 - offset) % 3
                let whole = (secret.count - skipped) / 3 * 3
                guard whole >= 6 else { continue }
                var form: [UInt8] = []
                var index = skipped
                while index < skipped + whole {
                    let word = Int(secret[index]) << 16 | Int(secret[index + 1]) << 8 | Int(secret[index + 2])
                    for shift in [18, 12, 6, 0] { form.append(letter(word >> shift & 63, last, beforeLast)) }
                    index += 3
                }
                if !forms.contains(form) { forms.append(form) }
            }
        }
        return forms
    }

    private static func letter(_ value: Int, _ last: UInt8, _ beforeLast: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + UInt8(value)
        case 26..<52: 0x61 + UInt8(value - 26)
        case 52..<62: 0x30 + UInt8(value - 52)
        case 62: beforeLast
        default: last
        }
    }
}
