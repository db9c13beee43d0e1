extension Configuration {
    /// What operators are told of, and where.
    public struct Alerts: Sendable, Hashable {
        public enum Format: String, Sendable, CaseIterable { case generic, slack, lark }

        /// Whoever has the address of a Slack hook can write there: nobody is shown it.
        public var webhook: Secret?
        public var format = Schema.AlertKeys.format.byDefault
        /// Shares of a budget, above 0 to 1, the least first.
        public var budgets = Schema.AlertKeys.budgets.byDefault
        /// How long before a listener's certificate ends.
        public var certificate = Schema.AlertKeys.certificate.byDefault

        public init() {}
    }
}
