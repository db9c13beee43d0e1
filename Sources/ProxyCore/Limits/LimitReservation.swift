/// What a request has reserved, until it is settled. Exactly one `settle` ends it.
public struct LimitReservation: Sendable {
    struct Entry: Sendable {
        /// Less than zero before it is there.
        var slot: Int
        var need: LimitAmounts
    }

    var entries: [Entry]
    /// When it was admitted, by the steady clock.
    var admitted = 0
    /// A limit of which another bucket was forgotten for this one, before its time.
    var displaces: UsageLimit?
}
