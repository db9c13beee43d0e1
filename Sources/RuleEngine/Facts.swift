/// Everything a rule may know of a request. A decision is a function of these alone.
///
/// Filling it costs; `RuleSet.reads` says which groups the rules of a file look at, the others may stay empty.
public struct Facts: Sendable {
    public var request = Request()
    public var key = Key()
    /// The client's address, textual (`10.1.2.3`, `::1`).
    public var clientIP = ""
    public var now = Timestamp(seconds: 0)
    /// Remaining share 0–1 of the best account for (upstream, model); -1 when unknown.
    public var quota: @Sendable (_ upstream: String, _ model: String) -> Double = { _, _ in -1 }
    /// When the best account for (upstream, model) runs out at the present rate; far in the future when unknown.
    public var quotaRunsOut: @Sendable (_ upstream: String, _ model: String) -> Timestamp = { _, _ in .farFuture }
    public var healthy: @Sendable (_ upstream: String) -> Bool = { _ in true }
    /// The share 0–1 that this request's bucket of a limit has left; 1 where the limit does not apply.
    public var limit: @Sendable (_ name: String) -> Double = { _ in 1 }
    /// Seconds a time zone (`Asia/Singapore`) is ahead of UTC at an instant; nil for a zone that is not known.
    /// UTC and fixed offsets (`+08:00`) are understood without it.
    public var utcOffset: TimeZoneOffset = { _, _ in nil }

    public struct Request: Sendable {
        public var model = ""
        public var path = ""
        public var method = ""
        public var dialect = ""
        public var id = ""
        public var stream = false
        public var hasTools = false
        public var hasImages = false
        public var thinking = false
        /// Bytes of the body.
        public var size = 0
        /// An estimate.
        public var inputTokens = 0
        /// 0 when absent.
        public var maxTokens = 0
        public var messages = 0
        /// Names in lower case.
        public var headers: [String: String] = [:]
        public var metadata: [String: String] = [:]
        /// The conversation, the agent and the agent above it, as the client names them; empty when unknown.
        public var session = ""
        public var agent = ""
        public var parentAgent = ""

        public init() {}
    }

    public struct Key: Sendable {
        public var id = ""
        public var name = ""
        public var policy = ""
        public var tags: [String: String] = [:]
        public var tokensToday = 0
        public var requestsToday = 0
        /// USD.
        public var spendToday = 0.0

        public init() {}
    }

    /// Seconds since 1970-01-01T00:00:00Z and nanoseconds within the second.
    public struct Timestamp: Sendable, Hashable {
        public var seconds: Int
        public var nanoseconds: Int

        public init(seconds: Int, nanoseconds: Int = 0) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }

        /// The last second of the year 9999.
        public static let farFuture = Timestamp(seconds: 253_402_300_799)
    }

    public init() {}
}

/// Where time zone data comes from: seconds east of UTC in `zone` at so many seconds since 1970, nil when unknown.
public typealias TimeZoneOffset = @Sendable (_ zone: String, _ epochSeconds: Int) -> Int?

/// Groups of facts that cost something to gather.
public struct FactSet: OptionSet, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) { self.rawValue = rawValue }

    /// What is asked for; always known.
    public static let model = FactSet(rawValue: 1 << 13)
    /// path, method, dialect, id: cheap strings.
    public static let line = FactSet(rawValue: 1 << 0)
    /// stream, max_tokens, size.
    public static let parameters = FactSet(rawValue: 1 << 1)
    /// has_tools, has_images, thinking, messages, input_tokens: a look into the body.
    public static let body = FactSet(rawValue: 1 << 2)
    public static let headers = FactSet(rawValue: 1 << 3)
    public static let metadata = FactSet(rawValue: 1 << 4)
    /// id, name, policy, tags.
    public static let key = FactSet(rawValue: 1 << 5)
    /// tokens_today, requests_today, spend_today.
    public static let usage = FactSet(rawValue: 1 << 6)
    public static let client = FactSet(rawValue: 1 << 7)
    public static let time = FactSet(rawValue: 1 << 8)
    public static let quota = FactSet(rawValue: 1 << 9)
    public static let health = FactSet(rawValue: 1 << 10)
    /// session, agent, parent_agent.
    public static let origin = FactSet(rawValue: 1 << 11)
    /// What limits have left.
    public static let limits = FactSet(rawValue: 1 << 12)
    /// All that is a value, for who shows it: what is asked for later (quota, health, limits) is not among it.
    public static let described: FactSet = [
        .model, .line, .parameters, .body, .headers, .metadata, .key, .usage, .client, .time, .origin,
    ]
}
