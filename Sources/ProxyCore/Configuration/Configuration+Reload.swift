import RuleEngine

/// What a saved file has to pass before all requests go by it.
extension Configuration {
    public struct Reload: Sendable, Hashable {
        /// Share 0–1 of its upstreams, rules, keys or policies that a save may remove at most; nil: any.
        public var maxRemoved: Double?
        public var canary: Canary?

        public init() {}
    }

    /// Some keys go by a new file first.
    public struct Canary: Sendable, Hashable {
        /// Share 0–1 of the keys.
        public var share = Schema.CanaryKeys.share.byDefault
        /// How long, before all go by it.
        public var time = Schema.CanaryKeys.time.byDefault
        public var subject = Schema.CanaryKeys.by.byDefault
        public var rollbackIf = Schema.ReloadKeys.rollbackIf.byDefault

        public init() {}

        /// What decides whether a request is of the share.
        public enum Subject: String, Sendable, CaseIterable { case key }
    }
}
