/// What the admin API shows of usage.
public struct KeyTotals: Sendable, Hashable {
    public var amounts: UsageAmounts
    /// Seconds since 1970.
    public var lastUsed: Int?

    public init(amounts: UsageAmounts = UsageAmounts(), lastUsed: Int? = nil) {
        self.amounts = amounts
        self.lastUsed = lastUsed
    }
}

/// One key's usage.
public struct KeyUsage: Sendable {
    public var totals = KeyTotals()
    /// The days that have usage, in the order of time.
    public var daily: [PeriodUsage<LocalDate>] = []
    /// The hours that have usage, in the order of time.
    public var hourly: [PeriodUsage<LocalHour>] = []
    /// The models, in alphabetical order.
    public var byModel: [(model: String, amounts: UsageAmounts)] = []

    public init() {}
}

/// One key's usage within a day or an hour.
public struct PeriodUsage<Period: Sendable & Hashable>: Sendable, Hashable {
    public var period: Period
    public var amounts = UsageAmounts()
    public var byModel: [String: UsageAmounts] = [:]

    public init(_ period: Period, _ amounts: UsageAmounts = UsageAmounts(), _ byModel: [String: UsageAmounts] = [:]) {
        (self.period, self.amounts, self.byModel) = (period, amounts, byModel)
    }
}

extension Array {
    /// Adds to the last period, or begins the next.
    mutating func add<Period>(_ amounts: UsageAmounts, of model: String, in period: Period)
    where Element == PeriodUsage<Period> {
        if last?.period != period { append(PeriodUsage(period)) }
        self[count - 1].amounts += amounts
        self[count - 1].byModel[model, default: UsageAmounts()] += amounts
    }
}

/// All keys' usage of one day.
public struct DayUsage: Sendable, Hashable {
    public var date: LocalDate
    public var amounts = UsageAmounts()
    public var byModel: [String: UsageAmounts] = [:]
    /// The keys, in the order of their names.
    public var keys: [Key] = []

    public struct Key: Sendable, Hashable {
        public var id: String
        /// The id where no name is known.
        public var name: String
        public var amounts: UsageAmounts
    }
}

/// All keys' usage of one hour.
public struct HourUsage: Sendable, Hashable {
    public var hour: LocalHour
    public var byModel: [String: UsageAmounts] = [:]
}
