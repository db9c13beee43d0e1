/// Recognises what is probably a credential by its looks: keys get pasted into the wrong place, too.
enum SecretWords {
    /// Beginnings of well-known credentials.
    private static let beginnings = [
        "sk-", "sk_", "pk-", "pk_", "rk_", "AIza", "xai-", "gsk_", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "AKIA",
        "ASIA",
        "eyJ", "hf_", "xoxb-", "xoxp-", "xapp-", "whsec_", "nvapi-", "pplx-", "r8_", "ya29.", "Bearer",
    ]

    /// A word without blanks and quotes.
    static func looksLikeKey(_ word: Substring) -> Bool {
        guard word.utf8.count >= 11 else { return false }
        if word.hasPrefix("sha256:") || word.hasPrefix("${") { return false }
        if beginnings.contains(where: { word.hasPrefix($0) && word.utf8.count >= $0.utf8.count + 8 }) { return true }
        return word.utf8.split(whereSeparator: { !isAlphanumeric($0) }).contains { part in
            let digits = part.count { isDigit($0) }
            return part.count >= 20 && digits > 0 && digits < part.count || part.count >= 40
        }
    }

    /// Words of names that are of credentials.
    static let smells = [
        "token", "secret", "passw", "passphrase", "authoriz", "credential", "cookie", "signature", "apikey", "api_key", "api-key",
        "private",
    ]

    /// Whether a header's name or its value is that of a credential.
    static func isOfSecret(header name: some StringProtocol, value: String) -> Bool {
        if value.split(separator: " ").contains(where: looksLikeKey) { return true }
        let name = name.lowercased()
        return value.utf8.count >= 8 && smells.contains { name.contains($0) }
    }

    /// Whether a word is an address that carries a password or a query.
    static func isRevealingAddress(_ word: Substring) -> Bool {
        if word.holds("://"), word.contains(where: { "@?#".contains($0) }) { return true }
        guard let mark = word.firstIndex(of: "?") else { return false }
        return word[mark...].contains("=")
    }

    /// The text with such words replaced, for messages.
    static func masked(_ text: String) -> String {
        guard text.utf8.count >= 11 else { return text }
        var result = ""
        var rest = text[...]
        while !rest.isEmpty {
            let gap = rest.prefix { isDelimiter($0) }
            result += gap
            rest = rest[gap.endIndex...]
            let word = rest.prefix { !isDelimiter($0) }
            rest = rest[word.endIndex...]
            result += looksLikeKey(word) ? "<redacted>" : isRevealingAddress(word) ? withoutQuery(word) : String(word)
        }
        return result
    }

    /// What may be repeated of a value: of several lines the first word, of an address what is before its query.
    static func repeatable(_ text: String, ofSeveralLines: Bool) -> String {
        guard ofSeveralLines else { return masked(text) }
        let first = text.prefix { !$0.isWhitespace }
        return masked(first.count < text.count ? "\(first) …" : String(first))
    }

    /// Gives as much of a key of the file as is a name: `key "abc"` is what becomes of a forgotten colon.
    static func name(_ text: String) -> String {
        let name = text.prefix { $0.isLetter || $0.isNumber || "._-*/ ".contains($0) }
        let shown = looksLikeKey(name) ? "" : String(name)
        return name.endIndex == text.endIndex && !shown.isEmpty ? shown : "\(shown)…"
    }

    private static func withoutQuery(_ word: Substring) -> String {
        var shown = word.prefix { $0 != "?" }
        let isCut = shown.endIndex != word.endIndex
        guard let scheme = shown.firstRange(of: "://") else { return "\(shown)?…" }
        let authority = shown[scheme.upperBound...].prefix { $0 != "/" }
        if let at = authority.lastIndex(of: "@") {
            let host = shown[shown.index(after: at)...]
            return "\(shown[..<scheme.upperBound])…@\(host)\(isCut ? "?…" : "")"
        }
        shown = shown[...]
        return isCut ? "\(shown)?…" : String(shown)
    }

    private static func isDelimiter(_ character: Character) -> Bool {
        character.isWhitespace || "'\"(),;[]{}<>".contains(character)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
