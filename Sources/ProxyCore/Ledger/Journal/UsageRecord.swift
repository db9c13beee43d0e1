import Dialects

/// One request that was passed on, as it is booked.
public struct UsageRecord: Sendable, Hashable {
    /// The exchange's id; booking the same id twice counts once.
    public var requestID: String
    public var keyID: String
    /// Seconds since 1970, when the response ended.
    public var time: Int
    /// The model that served.
    public var model: String
    public var labels: UsageLabels
    public var usage: TokenUsage
    public var provenance: Provenance
    /// Nano-dollars.
    public var cost: Int
    /// false when the model, or one that was asked before it, has no price: the cost is not known, or only a part of it.
    public var priced = true
    /// false for what no roll-up of usage counts: counts of tokens, and requests that nobody served. Limits and rows have it.
    public var isCounted = true
    public var key: KeyLabels
    public var question = Question()
    public var course = Course()
    /// What was made or heard that is no token.
    public var media = MediaUsage()
    /// The limits' buckets that the request counts in.
    public var charges: [LimitCharge] = []

    public enum Provenance: UInt8, Sendable, Hashable {
        case reported = 0
        /// The response was cut or left before its last word on usage: what had been reported is booked, or what had come by an
        /// estimate, whichever is more.
        case partial = 1
        /// The response told nothing.
        case unknown = 2
        /// The response is whole and told nothing: what came is booked by an estimate.
        case estimated = 3

        /// Where the numbers come from, in the words of the admin API.
        public var source: String {
            switch self {
            case .reported: "reported"
            case .partial, .estimated: "counted"
            case .unknown: "none"
            }
        }

        /// Whether the numbers are counted by what had come, and not the upstream's last word.
        var isCounted: Bool { self == .partial || self == .estimated }
    }

    /// What was asked, and in which conversation.
    public struct Question: Sendable, Hashable {
        /// The client's; nil in records of old.
        public var dialect: ClientDialect?
        /// The model's name as the client wrote it.
        public var model = ""
        public var session = ""
        public var agent = ""
        /// What rules read of it beside these, as JSON (`RecordedInputs`); mostly nothing.
        public var inputs: [UInt8] = []

        public init(
            dialect: ClientDialect? = nil, model: String = "", session: String = "", agent: String = "", inputs: [UInt8] = []
        ) {
            self.dialect = dialect
            self.model = model
            self.session = session
            self.agent = agent
            self.inputs = inputs
        }
    }

    /// What became of it, and when.
    public struct Course: Sendable, Hashable {
        /// Attempts that came to nothing, and who was passed over, in the order in which it happened.
        public var steps: [Step] = []
        /// Whether the account of the labels gave the response, or was asked when nobody waited any more.
        public var isAnswered = true
        /// The status that the client was told; 0 where it was told nothing.
        public var status = 0
        public var outcome = RecordedOutcome.answered
        /// The time from the request's head to the response's first byte; nil where none went out.
        public var firstByteMilliseconds: Int?
        public var durationMilliseconds = 0
        /// The millisecond of the second in which the response ended, 0 to 999.
        public var millisecond = 0
        /// Those of the attempt that answered; nil in records of old.
        public var times: Times?

        public init() {}
    }

    /// An attempt, or who was passed over.
    public struct Step: Sendable, Hashable {
        /// The tier as configured.
        public var tier: String
        public var account: String
        /// The upstream's; 0 where it gave none, or was not asked.
        public var status: Int
        /// Why the request went on.
        public var reason: String
        /// nil for who was passed over, and in records of old.
        public var times: Times?

        public init(tier: String, account: String, status: Int = 0, reason: String = "", times: Times? = nil) {
            self.tier = tier
            self.account = account
            self.status = status
            self.reason = reason
            self.times = times
        }
    }

    /// When an attempt was made and how long it took, in milliseconds.
    public struct Times: Sendable, Hashable {
        /// Milliseconds from the request's head to the attempt's start.
        public var start: Int
        /// Milliseconds from the attempt's start to the head of the upstream's response; nil where none came.
        public var firstByte: Int?
        /// Milliseconds from the attempt's start to its end, or to its record.
        public var duration: Int

        public init(start: Int, firstByte: Int?, duration: Int) {
            self.start = start
            self.firstByte = firstByte
            self.duration = duration
        }
    }

    public init(
        requestID: String, keyID: String, time: Int, model: String, labels: UsageLabels, usage: TokenUsage,
        provenance: Provenance, cost: Int = 0, key: KeyLabels = .none
    ) {
        self.requestID = requestID
        self.keyID = keyID
        self.time = time
        self.model = model
        self.labels = labels
        self.usage = usage
        self.provenance = provenance
        self.cost = cost
        self.key = key
    }

    /// Nano-dollars as far as they are known; nil where nothing of them is.
    public var knownCost: Int? { priced || cost > 0 ? cost : nil }

    /// All attempts, and who was passed over; the one that answered is the last.
    public var attempts: [Step] {
        guard course.isAnswered else { return course.steps }
        return course.steps + [Step(tier: labels.tier, account: labels.account, status: course.status, times: course.times)]
    }

    /// The key's tags and the rule's; of two by one name the key's, which its limits look at.
    public var tags: [String: String] { labels.tags.merging(key.tags) { $1 } }

    /// Milliseconds since 1970.
    public var endMilliseconds: Int { UsageAmounts.clamped(time) &* 1000 &+ course.millisecond }
}

/// Who ended a request, and in which stage, as its row tells it.
public struct RecordedOutcome: Sendable, Hashable {
    /// The journal keeps it: the party's number times sixteen, and the stage's.
    let code: UInt8

    /// Answered to the end.
    static let answered = RecordedOutcome(code: 4)
    /// The process ended while the request was in flight.
    public static let crash = RecordedOutcome(code: 255)
}
