/// Why a login came to nothing. No code, token or secret is in it.
struct LoginFailure: Error, Sendable, Hashable {
    /// The status of the page that says it.
    var status: Int
    /// In our words: for the page, and for the log.
    var explanation: String
    /// In the issuer's, to be escaped; for the page alone.
    var vendorText: String?
    /// Whether it is the browser's fault, so that it counts as a guess.
    var isGuess = false

    init(_ status: Int, _ explanation: String, vendorText: String? = nil, isGuess: Bool = false) {
        self.status = status
        self.explanation = explanation
        self.vendorText = vendorText
        self.isGuess = isGuess
    }
}
