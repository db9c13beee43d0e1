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
    /// In order of time; days without usage are left out.
    public var daily: [(date: LocalDate, amounts: UsageAmounts)] = []
    /// In order of time; hours without usage are left out.
    public var hourly: [(hour: LocalHour, amounts: UsageAmounts)] = []
    /// In alphabetical order.
    public var byModel: [(model: String, amounts: UsageAmounts)] = []

    public init() {}
}

/// All keys' usage of one day.
public struct DayUsage: Sendable, Hashable {
    public var date: LocalDate
    public var amounts = UsageAmounts()
    public var byModel: [String: UsageAmounts] = [:]
    /// In order of their names.
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
