/// What is booked of one bucket of a limit.
public struct LimitSums: Sendable, Hashable {
    public var limit: String
    public var bucket: String
    public var day: LimitAmounts
    public var month: LimitAmounts
    public var total: LimitAmounts
    /// Seconds since 1970.
    public var lastUsed: Int
}

/// What is booked of one bucket on a day that is still to come: it was here by a calendar further east, or by a clock that was ahead.
struct LimitDay: Sendable, Hashable {
    var limit: String
    var bucket: String
    /// The number of the date. A month's 32nd is the sum of the month, and of no day.
    var day: Int
    var amounts: LimitAmounts
}

/// A bucket that an operator has stopped.
public struct LimitBlock: Sendable, Hashable {
    public var limit: String
    public var bucket: String
    /// Milliseconds since 1970.
    public var until: Int
    /// What the operator called the limit; empty where that is not known.
    public var title = ""
}

/// An operator had a bucket begin at zero.
public struct LimitReset: Sendable, Hashable {
    public var limit: String
    public var bucket: String
    /// Only these numbers; nil for all.
    public var kind: LimitRate.Kind?
    /// Only of this window; nil for all.
    public var window: LimitRate.Window?
    /// Milliseconds since 1970.
    public var time: Int
}

/// How a store has one window begin at zero while what it keeps by days stays whole in the others.
extension LimitReset {
    /// What the days of a range hold is added to a place, or taken from it.
    struct Move {
        let place: Int
        let sign: Int
        let days: ClosedRange<Int>
    }

    /// A month has a place after its last day, which is of the month and of no day; place 0 is of no month.
    /// - Returns: to be done in their order.
    func moves(on day: LocalDate) -> [Move] {
        let month = day.number / 100 * 100
        switch window {
        case .day:
            let days = day.number...day.number
            return [Move(place: month + 32, sign: 1, days: days), Move(place: day.number, sign: -1, days: days)]
        case .month:
            let days = month + 1...Int.max
            return [Move(place: 0, sign: 1, days: days), Move(place: month + 32, sign: -1, days: days)]
        case .total: return [Move(place: 0, sign: -1, days: 0...Int.max)]
        case nil, .minute, .now: return []
        }
    }

    /// The journal has what was used in the last minute: when it was reset has to be known.
    var isOfMinute: Bool { window == nil || window == .minute }

    func isOf(column: String) -> Bool {
        switch kind {
        case nil: true
        case .requests: column == "requests"
        case .tokens: column == "tokens" || column == "cached"
        case .cost: column == "cost"
        case .concurrency: false
        }
    }
}
