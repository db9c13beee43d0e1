/// How the text of a key looks.
public enum KeyText {
    /// `sk-` and 48 random characters of 62: 285 bits.
    public static func generate() -> String { "sk-" + random(48) }

    static func generateID() -> String { idPrefix + random(12) }

    static let idPrefix = "key_"

    /// `sk-abcde...wxyz`: the first eight and the last four characters, of keys that are long enough to keep a secret.
    static func masked(_ text: String) -> String {
        text.count >= 24 ? "\(text.prefix(8))...\(text.suffix(4))" : "..."
    }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".unicodeScalars)

    /// Characters from the system's generator, which is fit for secrets.
    private static func random(_ count: Int) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<count { text.append(alphabet[Int.random(in: alphabet.indices)]) }
        return String(text)
    }
}
