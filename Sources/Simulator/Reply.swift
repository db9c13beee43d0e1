/// What the pretended model says, and what it costs.
struct Reply: Sendable {
    /// Within the provider; ids are made of it.
    var number: Int
    /// Seconds since 1970.
    var created: Int
    var model: String
    /// The words, with the space before them.
    var words: [String]
    /// Whether the client's limit cut the text off.
    var isTruncated: Bool
    var inputTokens: Int
    var includesUsage: Bool

    /// Words of the question that are echoed.
    private static let echo = 12
    /// Words that a question can ask for.
    private static let longest = 5000

    init(to prompt: Prompt, model: String, account: String, provider: String, number: Int, created: Int) {
        self.number = number
        self.created = created
        self.model = model
        inputTokens = prompt.inputTokens
        includesUsage = prompt.includesUsage
        let asked = Prompt.words(prompt.question)
        let echo = asked.prefix(Self.echo).joined(separator: " ") + (asked.count > Self.echo ? " …" : "")
        let text =
            "This is \(model), answered by account \(account) of \(provider). You asked: \(echo.isEmpty ? "nothing" : echo) — "
            + "This answer is simulated: it costs nothing, and its words arrive one by one."
        var words = Prompt.words(text).map(String.init)
        if let wanted = Self.wantedWords(asked) {
            let filler = ["and", "so", "it", "goes", "on"]
            words += (0..<max(0, wanted - words.count)).map { filler[$0 % filler.count] }
            words = Array(words.prefix(wanted))
        }
        isTruncated = words.count > prompt.maximumTokens ?? .max
        words = Array(words.prefix(prompt.maximumTokens ?? .max))
        self.words = words.enumerated().map { $0 == 0 ? $1 : " " + $1 }
    }

    var text: String { words.joined() }
    var outputTokens: Int { words.count }

    /// The number in a question that asks for "200 words".
    private static func wantedWords(_ asked: [Substring]) -> Int? {
        for (number, noun) in zip(asked, asked.dropFirst()) where noun.hasPrefix("word") {
            if let count = Int(number), count > 0 { return min(count, longest) }
        }
        return nil
    }

    /// An id of so many characters after its prefix, as the vendor's are; the same in every run.
    func id(_ prefix: String, length: Int) -> String {
        let digits = String(number)
        return prefix + String(repeating: "0", count: max(0, length - digits.count)) + digits
    }
}
