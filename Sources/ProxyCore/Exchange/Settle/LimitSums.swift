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
    /// Milliseconds since 1970.
    public var time: Int
}
