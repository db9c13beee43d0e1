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
    ///   - learnsFor: milliseconds for which the server has gathered what is used; nil where it does not. As long as an answer is
    ///     waited for, that is waited for too.
    ///   - isKnown: it has ever answered.
    ///   - silentFor: milliseconds since it did, or since this node began.
    ///   - patience: milliseconds that an answer is waited for.
    init(isLate: Bool, learnsFor: Int?, isKnown: Bool, silentFor: Int, patience: Int) {
        divides = isLate || learnsFor.map { $0 > patience } ?? false
        isAway = isLate && silentFor > Self.longest
        isGone = isAway || !isKnown
    }
}
