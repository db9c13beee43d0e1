/// How a pretended provider behaves while nothing is made to fail.
public struct SimulatorOptions: Sendable {
    /// Appears in its responses, so that one sees who answered.
    public var name = "simulator"
    public var accounts = [Account(name: "first@example.com"), Account(name: "second@example.com")]
    /// Models that are listed and have a quota from the start. Any other is answered too, and has one from then on.
    public var models = [
        "claude-opus-4-6-thinking", "claude-sonnet-4-6", "gemini-3-pro-high", "gemini-3-flash", "gpt-5.2", "kimi-k2.5",
    ]
    /// Share of an account's quota for a model that one response uses up.
    public var drainPerRequest = 0.0
    /// Share that comes back in a minute.
    public var refillPerMinute = 0.0
    /// What each account may use.
    public var windows: [SimulatedWindow] = []
    /// How headers tell of windows; nil: as is usual for their kinds and the request's format.
    public var headers: LimitHeaderFamily?
    /// US dollars that each account has; nil is without end.
    public var balance: Double?
    /// US dollars that one response costs.
    public var price = 0.01
    /// Pace of streamed responses; 0 sends them at once.
    public var wordsPerSecond = 0.0
    /// A key that requests to `/v1/…` must show; nil lets everyone in. Accounts' own keys are good as well.
    public var requiredKey: String?
    /// Bytes of a request's body.
    public var maximumBody = 50 << 20

    /// One of the provider's subscriptions.
    public struct Account: Sendable, Hashable {
        public var name: String
        /// A request that shows this key is answered by this account and no other.
        public var key: String?

        public init(name: String, key: String? = nil) {
            self.name = name
            self.key = key
        }
    }

    public init() {}
}
