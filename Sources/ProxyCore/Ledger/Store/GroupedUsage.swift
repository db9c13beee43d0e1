/// What a report tells usage apart by.
public enum UsageGroup: Sendable, Hashable {
    case key, model, day, hour, upstream, account, rule, session, agent
    /// A tag's value, of the key or the rule.
    case tag(String)

    /// Reads a group as `group_by` has it: `key`, `tag:team`. nil for what is none.
    public init?(_ word: String) {
        switch word {
        case "key": self = .key
        case "model": self = .model
        case "day": self = .day
        case "hour": self = .hour
        case "upstream": self = .upstream
        case "account": self = .account
        case "rule": self = .rule
        case "session": self = .session
        case "agent": self = .agent
        default:
            guard word.hasPrefix("tag:"), word.utf8.count > 4 else { return nil }
            self = .tag(String(word.dropFirst(4)))
        }
    }

    /// The member of a row.
    public var name: String {
        switch self {
        case .key: "key"
        case .model: "model"
        case .day: "day"
        case .hour: "hour"
        case .upstream: "upstream"
        case .account: "account"
        case .rule: "rule"
        case .session: "session"
        case .agent: "agent"
        case .tag(let name): "tag:\(name)"
        }
    }

    /// Whether only the records themselves have it: no sum is kept of what clients name.
    var isOfRecords: Bool { self == .session || self == .agent }

    /// Whether only the table of places has it.
    var isOfPlaces: Bool { isTag || [.upstream, .account, .rule].contains(self) }

    public var isTag: Bool {
        if case .tag = self { return true }
        return false
    }
}

/// One row of a report.
public struct GroupedUsage: Sendable, Hashable {
    /// The values of the groups, in the order they were asked for; a key by its id, a day as `2026-02-11`, an hour as `2026-02-11
    /// 14:00`.
    public var values: [String]
    public var amounts = UsageAmounts()
    /// Requests whose usage was not told, and counted by what had come.
    public var countedRequests = 0

    public init(values: [String]) { self.values = values }

    mutating func add(_ other: GroupedUsage) {
        amounts += other.amounts
        countedRequests = UsageAmounts.sum(countedRequests, other.countedRequests)
    }

    /// What is left of it; nil for nothing.
    func rest(without part: GroupedUsage?) -> GroupedUsage? {
        var rest = self
        if let part {
            rest.amounts.subtract(part.amounts)
            rest.countedRequests = max(0, countedRequests - part.countedRequests)
        }
        return rest.amounts == UsageAmounts() && rest.countedRequests == 0 ? nil : rest
    }
}
