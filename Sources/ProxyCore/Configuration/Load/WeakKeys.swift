/// Keys that somebody could guess.
enum WeakKeys {
    /// Characters. Fewer are tried out by who has the time.
    static let shortest = 20

    private static let advice = "make another one, for example with 'openssl rand -hex 24'"

    /// Why a key can be guessed; nil when it cannot.
    static func weakness(of key: Secret) -> String? {
        let text = key.reveal()
        if text.unicodeScalars.count < shortest {
            return "has fewer than \(shortest) characters and can be guessed; \(advice)"
        }
        if isOfFewScalars(text) { return "is made of a few characters and can be guessed; \(advice)" }
        // What is left of it when well-known words are taken out: once there is enough, the others need no look.
        let lowercased = text.lowercased()
        var rest = 0
        var part = lowercased.utf8.startIndex
        while part < lowercased.utf8.endIndex {
            let end = lowercased.utf8[part...].firstIndex(where: isBetween) ?? lowercased.utf8.endIndex
            let count = lowercased.utf8.distance(from: part, to: end)
            if count > longest || !known.contains(String(lowercased[part..<end])) { rest += count }
            if rest >= 8 { return nil }
            part = end == lowercased.utf8.endIndex ? end : lowercased.utf8.index(after: end)
        }
        return "is made of words that everybody tries first; \(advice)"
    }

    /// Whether it has fewer than six different scalars.
    private static func isOfFewScalars(_ text: String) -> Bool {
        var seen: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars where !seen.contains(scalar) {
            seen.append(scalar)
            if seen.count == 6 { return false }
        }
        return true
    }

    /// What stands between the words of a key in lower case.
    private static func isBetween(_ byte: UInt8) -> Bool {
        byte < UInt8(ascii: "0") || byte > UInt8(ascii: "9") && byte < UInt8(ascii: "a")
    }

    /// Whether nothing else is in it.
    static func isOfKnownWords(_ text: String) -> Bool {
        let parts = text.lowercased().utf8.split(whereSeparator: isBetween)
        return parts.allSatisfy { known.contains(String(decoding: $0, as: UTF8.self)) }
    }

    /// Why a key is no secret: it is in our own pages. nil for others.
    static func publication(of digest: KeyDigest) -> String? {
        published.contains(digest) ? "is the example of proxyd's own pages, which everybody knows; \(advice)" : nil
    }

    private static let published = Set(
        [EmbeddedDefaults.exampleKey, EmbeddedDefaults.exampleAdminKey].map { KeyDigest(hashing: $0) })

    private static let known = Set(words)
    /// Bytes of the longest of them.
    private static let longest = words.map(\.utf8.count).max() ?? 0

    /// Why a key with that digest can be guessed; nil when it is not known.
    static func weakness(of digest: KeyDigest) -> String? {
        digests.contains(digest) ? "is the hash of a word that everybody tries first; \(advice)" : nil
    }

    private static let digests: Set<KeyDigest> = Set(
        ([""] + words).flatMap { word in
            ["", "\n"].flatMap { end in
                [word, "sk-" + word, word.uppercased(), word.capitalized].map { KeyDigest(hashing: $0 + end) }
            }
        })

    private static let words = [
        "changemeplease", "changeme", "change-me", "change_me", "please-change", "replaceme", "replace-me", "your-key-here",
        "yourkeyhere", "your-key", "yourkey", "your-secret", "yoursecret", "my-key", "mykey", "my-secret", "mysecret",
        "password1",
        "password", "passw0rd", "passwort", "secret123", "secret", "topsecret", "admin123", "administrator", "admin", "root",
        "test123", "test-key", "testkey", "testing", "test", "example", "sample", "demo", "default", "dummy", "foobar", "foo",
        "bar", "baz", "hello", "helloworld", "world", "proxyd", "openai", "anthropic", "claude", "gemini", "gateway", "proxy",
        "token", "apikey", "api-key", "api_key", "key", "master", "letmein", "welcome", "iloveyou", "monkey", "dragon", "qwerty",
        "qwertz", "asdfgh", "abc123", "abcdef", "abc", "1234567890", "123456789", "12345678", "1234567", "123456", "12345",
        "1234",
        "123", "sk", "your", "my", "me", "here", "please", "change", "replace", "insert", "this", "some", "any", "0123456789",
        "0123456789abcdef", "000000", "111111", "alice", "bob", "carol", "user", "guest", "public", "x", "a",
    ]
}
