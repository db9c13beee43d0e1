/// What one exchange leaves in the log, and what its metrics are counted from.
///
/// An empty text, and a number below zero, is left out of the line; so is a status or a count of attempts that is 0.
public struct RequestLogEntry: Sendable {
    /// Milliseconds since 1970, when the exchange ended.
    public var timeMilliseconds = 0
    public var requestID = ""
    /// Its name and id.
    public var key: LogFields?
    /// Who called what.
    public var call: LogFields?
    public var modelAsked = ""
    /// The labels of the last attempt; for a request that a rule refused, the rule's alone.
    public var labels: RouteLabels?
    public var modelServed = ""
    /// Sent to the client; 0 when none was.
    public var status = 0
    public var attempts = 0
    private var traits: Traits = []
    public var amounts = Amounts()
    public var totalMicroseconds = 0
    /// The time until the first byte went to the client; -1 when none did.
    public var firstByteMicroseconds = -1
    /// Who ended it, and in which stage.
    public var outcome = Outcome.done(in: .relay)
    /// Why, where it was not simply done.
    public var reason = ""
    /// Who was asked and did not serve it, each with what came of it.
    public var tried = ""

    public init() {}

    public var isStream: Bool {
        get { traits.contains(.stream) }
        set { traits.set(.stream, newValue) }
    }

    /// A probe, a scrape or a call of the admin API.
    public var isAdmin: Bool {
        get { traits.contains(.admin) }
        set { traits.set(.admin, newValue) }
    }

    private struct Traits: OptionSet {
        let rawValue: UInt8

        static let stream = Traits(rawValue: 1)
        static let admin = Traits(rawValue: 2)

        mutating func set(_ trait: Traits, _ holds: Bool) {
            if holds { insert(trait) } else { remove(trait) }
        }
    }

    /// Severity of its line.
    enum Level {
        case info, warning

        var label: StaticString {
            switch self {
            case .info: "info"
            case .warning: "warning"
            }
        }
    }

    /// A 5xx, and whatever an upstream has broken off or not done, is a warning; an upstream's no to what a client wants is not.
    var level: Level {
        if status >= 500 { return .warning }
        guard outcome.party == .upstream else { return .info }
        return switch outcome.reason {
        case .upstreamStatus(let status): [401, 402, 403].contains(status) ? .warning : .info
        case .failure, .trigger, .upstream, .allFailed, .retryBudget, .unauthorized: .warning
        case .none, .refused, .conversion, .estimated, .storage, .gone, .stalled, .shutDown: .info
        }
    }

    public struct Amounts: Sendable {
        /// -1 when the response did not tell.
        public var inputTokens = -1
        public var outputTokens = -1
        /// Nano-dollars; -1 where nothing was used, or the model has no price.
        public var cost = -1
        /// Bytes of the bodies.
        public var bytesIn = 0
        public var bytesOut = 0
    }
}
