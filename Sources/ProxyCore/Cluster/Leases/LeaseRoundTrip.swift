/// How long the server's answers take, and how long one is waited for by that: as TCP has it for what it sends again (RFC 6298). A
/// server that answers slowly is no server that is away.
struct LeaseRoundTrip: Sendable, Hashable {
    private var usual = 0.0
    private var deviation = 0.0
    private var isKnown = false

    /// An answer came.
    /// - Parameter time: milliseconds after it was asked for.
    mutating func note(_ time: Int) {
        // One that came after a pause of the server says little of the next.
        let time = Double(min(max(0, time), LeaseTerms.longestPatience))
        guard isKnown else { return (usual, deviation, isKnown) = (time, time / 2, true) }
        deviation += (abs(time - usual) - deviation) / 4
        usual += (time - usual) / 8
    }

    /// Milliseconds after which an answer is overdue.
    var patience: Int { Self.bounded(usual + margin) }

    /// Milliseconds that a request waits for its answer: what is under way already may have to come first.
    var wait: Int { Self.bounded(2 * usual + margin) }

    private var margin: Double { max(4 * deviation, Double(LeaseTerms.patience) / 2) }

    private static func bounded(_ time: Double) -> Int {
        min(LeaseTerms.longestPatience, max(LeaseTerms.patience, Int(time.rounded(.up))))
    }
}
