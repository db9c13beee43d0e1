/// What a node makes of a server that does not answer.
struct LeaseSilence {
    /// What limits allow is divided, and nobody waits.
    let divides: Bool
    /// Operators hear of it.
    let isAway: Bool
    /// Where the file says so, requests are refused.
    let isGone: Bool

    /// A server that answers late is not away yet; in milliseconds.
    static let longest = 1_000

    /// - Parameters:
    ///   - isLate: an answer is overdue, or there will be none.
    ///   - isLearning: the server gathers what is used.
    ///   - isKnown: it has ever answered.
    ///   - silentFor: milliseconds since it did, or since this node began.
    init(isLate: Bool, isLearning: Bool, isKnown: Bool, silentFor: Int) {
        divides = isLate || isLearning
        isAway = isLate && silentFor > Self.longest
        isGone = isAway || !isKnown
    }
}
