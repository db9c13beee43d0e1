/// A key of another system, with what was used under it.
public struct ImportedKey: Sendable {
    public var name: String
    /// What it is recognised by: the key itself is not kept.
    public var digest: KeyDigest
    /// What is shown of the key: `sk-abcde...wxyz`.
    public var masked: String
    public var enabled: Bool
    /// Seconds since 1970.
    public var created: Int
    /// The fraction of that second, 0 to 999,999.
    public var createdMicroseconds = 0
    /// Seconds since 1970; nil where it was never used, or nobody knows when.
    public var lastUsed: Int?
    public var totals: Amounts
    public var rows: [Row]

    /// Input with what caches held, as the other system counted it.
    public struct Amounts: Sendable, Hashable {
        public var requests: Int
        public var input: Int
        public var output: Int

        public init(requests: Int = 0, input: Int = 0, output: Int = 0) {
            self.requests = requests
            self.input = input
            self.output = output
        }
    }

    /// What was used of a model at a time, as finely as the other system knows it.
    public struct Row: Sendable, Hashable {
        public var when: When
        /// Empty for what belongs to no model.
        public var model: String
        public var amounts: Amounts

        public init(when: When, model: String, amounts: Amounts) {
            self.when = when
            self.model = model
            self.amounts = amounts
        }
    }

    public enum When: Sendable, Hashable {
        /// 0–23.
        case hour(LocalDate, Int)
        /// An hour of the day that nobody knows.
        case day(LocalDate)
        /// A day that nobody knows.
        case ever

        /// What stands in `usage_hour.hour`: 24 and more is no hour of a day, and what is negative is on no day.
        var number: Int {
            switch self {
            case .hour(let date, let hour): date.number * 100 + min(max(hour, 0), 23)
            case .day(let date): date.number * 100 + 99
            case .ever: -1
            }
        }
    }

    public init(
        name: String, digest: KeyDigest, masked: String, enabled: Bool, created: Int, lastUsed: Int?, totals: Amounts, rows: [Row]
    ) {
        self.name = name
        self.digest = digest
        self.masked = masked
        self.enabled = enabled
        self.created = created
        self.lastUsed = lastUsed
        self.totals = totals
        self.rows = rows
    }

    /// - Parameter text: the key itself.
    public init(
        name: String, text: Secret, enabled: Bool, created: Int, lastUsed: Int?, totals: Amounts, rows: [Row]
    ) {
        let masked = KeyText.masked(text.reveal())
        self.init(
            name: name, digest: KeyDigest(hashing: text.reveal()), masked: KeyName.isVisible(masked) ? masked : "...",
            enabled: enabled, created: created, lastUsed: lastUsed, totals: totals, rows: rows)
    }

    var hasUsage: Bool { totals != Amounts() || !rows.isEmpty }

    var withoutUsage: ImportedKey {
        var key = self
        (key.totals, key.rows) = (Amounts(), [])
        return key
    }

    /// What was used on a day.
    func amounts(on date: LocalDate) -> UsageAmounts {
        rows.reduce(into: UsageAmounts()) { sum, row in
            switch row.when {
            case .hour(date, _), .day(date): sum += UsageAmounts(imported: row.amounts)
            case .hour, .day, .ever: break
            }
        }
    }
}

extension UsageAmounts {
    /// What another system counted: nobody knows what it cost.
    init(imported amounts: ImportedKey.Amounts) {
        self.init()
        requests = amounts.requests
        uncachedInput = amounts.input
        output = amounts.output
        unpriced = amounts.requests
    }
}
