/// Values that can be read and are hardly meant.
enum SuspectValues {
    // MARK: Addresses

    /// What every request's path brings along anyway.
    private static let endpoints = [
        "/chat/completions", "/completions", "/messages", "/responses", "/embeddings", "/models", "/count_tokens",
        ":generateContent", ":streamGenerateContent", "/images/generations", "/audio/transcriptions", "/audio/speech",
    ]

    /// What is too much of an upstream's address.
    static func problem(with url: UpstreamURL) -> String? {
        guard let end = endpoints.first(where: { url.basePath.hasSuffix($0) }) else { return nil }
        return "ends with an endpoint's path, to which each request's own is appended; leave out '\(end)'"
    }

    // MARK: Quotes

    /// Whether it is what word processors make of `"` and `'`.
    static func isTypographicQuote(_ scalar: Unicode.Scalar) -> Bool {
        !scalar.isASCII && "\u{201C}\u{201D}\u{201E}\u{2018}\u{2019}\u{201A}\u{AB}\u{BB}".unicodeScalars.contains(scalar)
    }

    // MARK: Keys

    /// What is probably no part of a key that can stand in a header.
    static func problem(with key: String) -> String? {
        if let first = key.utf8.first, isQuote(first) || key.hasPrefix("\u{201C}"), key.count > 1 {
            return "begins with a quote, which is part of the key then; leave the quotes out"
        }
        if let last = key.utf8.last, isQuote(last) { return "ends with a quote, which is part of the key then; leave it out" }
        if key.holds(",") { return "holds a comma: this is one key; several are an entry each" }
        return nil
    }

    private static func isQuote(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") || byte == UInt8(ascii: "`")
    }

    /// What a key with white space in it probably is; nil where nothing is known.
    static func reason(forBlanksIn key: String) -> String? {
        let lowercased = key.lowercased()
        if lowercased.hasPrefix("bearer ") {
            return "begins with 'Bearer', which proxyd writes itself where the vendor wants it; leave that out"
        }
        for header in ["authorization:", "x-api-key:", "api-key:", "x-goog-api-key:"] where lowercased.hasPrefix(header) {
            return "begins with a header's name, which proxyd writes itself; the key alone belongs here"
        }
        if lowercased.hasPrefix("<") { return "is an example's, not a key" }
        let trimmed = key.drop { $0.isWhitespace }
        guard !trimmed.isEmpty, !trimmed.contains(where: { $0.isWhitespace }) || trimmed.last?.isWhitespace == true else {
            return nil
        }
        return "has white space before or behind it, which no header can carry"
    }

    /// Whether it is what examples have in the place of a vendor's key.
    static func isExample(_ key: Secret) -> Bool {
        let text = key.reveal()
        if text.hasPrefix("<") || text.hasSuffix("...") || text.hasSuffix("\u{2026}") { return true }
        let body = text.hasPrefix("sk-") ? text.dropFirst(3) : text[...]
        if body.count >= 3, Set(body.lowercased()).subtracting(["-", "_"]).count <= 1 { return true }
        return WeakKeys.isOfKnownWords(text)
    }
}
