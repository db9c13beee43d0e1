/// The article before a noun that a message is made with.
public enum Article {
    /// Nouns that begin with the letter of a vowel and the sound of none.
    private static let consonants = ["uint", "unit", "url", "usage", "user"]

    /// `a role`, `an access`.
    public static func with(_ noun: String) -> String {
        let word = noun.lowercased()
        let isVowel = "aeiou".contains(word.prefix(1)) && !word.isEmpty && !consonants.contains { word.hasPrefix($0) }
        return isVowel ? "an \(noun)" : "a \(noun)"
    }

    /// `1 key`, `2 keys`.
    public static func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
}
