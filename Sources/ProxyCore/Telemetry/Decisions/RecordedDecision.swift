import Dialects
import RuleEngine

/// What `log.decisions` keeps of a request: all that rules and plans read of it, and what was decided. No prompt, no key.
public struct RecordedDecision: Sendable {
    /// The version of its line's form. A line of another version is refused by its number.
    public static let version = 1

    public var id = ""
    /// Milliseconds since 1970.
    public var time = 0
    /// Who may be asked for what is in `moment`, not here.
    public var facts = Facts()
    /// What `facts` and `moment` hold; the rest is not known.
    public var known = FactSet.everything
    /// Whether the key is one of the file.
    public var isDeclared = false
    public var moment = RecordedMoment()
    public var decided = Decided()
    /// nil where nobody was paid.
    public var used: Used?

    public init() {}

    /// What was decided before anybody was asked.
    public struct Decided: Sendable, Hashable {
        /// nil where none matched, or none was asked.
        public var rule: String?
        /// Who was to be asked first; nil for nobody.
        public var target: Target?
        /// Why nobody was asked, where proxyd said no: `permission`, `notFound`, `limit`, …
        public var refusal: String?
        /// The refusal that a limit says.
        static let limit = "limit"
        /// What the client got.
        public var status = 0

        public init() {}
    }

    public struct Target: Sendable, Hashable {
        public var tier: String
        public var upstream: String
        public var model: String
        public var account: String

        public init(tier: String, upstream: String, model: String, account: String) {
            self.tier = tier
            self.upstream = upstream
            self.model = model
            self.account = account
        }
    }

    /// What the answer used, and whose it was.
    public struct Used: Sendable, Hashable {
        public var upstream: String
        public var model: String
        public var usage: TokenUsage
        /// Nano-dollars; nil for a model without a price.
        public var cost: Int?

        public init(upstream: String, model: String, usage: TokenUsage, cost: Int?) {
            self.upstream = upstream
            self.model = model
            self.usage = usage
            self.cost = cost
        }
    }

    /// About the bytes that it takes.
    var weight: Int {
        1_024 + 96 * (facts.request.headers.count + facts.request.metadata.count + facts.key.tags.count) + 128 * moment.count
    }

    /// One line of JSON for each. `request`, `key`, `client` and `now` are as `POST /admin/explain` takes them.
    static func lines(_ decisions: [RecordedDecision]) -> [UInt8] {
        var bytes: [UInt8] = []
        for decision in decisions {
            decision.json.write(to: &bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }
}

/// What was known, when a request was decided, of who can serve it, as far as it was not plainly well.
public struct RecordedMoment: Sendable, Hashable {
    /// The accounts, by upstream, account and model.
    public var accounts: [String: [String: [String: Account]]] = [:]
    /// What rules asked, by `upstream/model`, and what they were told; -1 for unknown.
    public var quota: [String: Double] = [:]
    /// Seconds since 1970.
    public var runsOut: [String: Int] = [:]
    public var healthy: [String: Bool] = [:]
    /// What limits had left, by name.
    public var limits: [String: Double] = [:]

    public init() {}

    public struct Account: Sendable, Hashable {
        /// Why it could not be asked: `cooling`, `out_of_quota`, …; nil where it could.
        public var obstacle: String?
        /// Milliseconds until that ends; nil for what does not end by itself.
        public var milliseconds: Int?
        /// 0–1; nil where it is not known.
        public var share: Double?

        public init(obstacle: String? = nil, milliseconds: Int? = nil, share: Double? = nil) {
            self.obstacle = obstacle
            self.milliseconds = milliseconds
            self.share = share
        }
    }

    var count: Int {
        quota.count + runsOut.count + healthy.count + limits.count
            + accounts.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } }
    }
}
