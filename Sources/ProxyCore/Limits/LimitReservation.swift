/// What a request has reserved, until it is settled. Exactly one `settle` ends it.
public struct LimitReservation: Sendable {
    struct Entry: Sendable {
        let slot: Int
        var need: LimitAmounts
    }

    var entries: [Entry]
    /// Milliseconds since 1970.
    let admitted: Int
}
