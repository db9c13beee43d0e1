/// Which used-up windows were told: that one is used up, and that it has quota again, is a line of the log each.
///
/// Vendors' rates are not told, which are used up and full again all the time, those that the file declares are; nor is what a refusal alone says, which is told as such.
/// Models that run out together are one line. Times are milliseconds of `SteadyClock`.
struct UsedUpWindows: Sendable {
    private struct Key: Hashable {
        let account: AccountID
        let kind: String
        /// nil: that of several models.
        let model: String?
    }

    /// What one line is about.
    private struct Topic: Hashable {
        let account: AccountID
        let kind: String
        let isOfModels: Bool

        init(_ key: Key) {
            account = key.account
            kind = key.kind
            isOfModels = key.model != nil
        }
    }

    private var told: [Key: QuotaWindow] = [:]
    /// The version of the states that were last looked at.
    private var version = -1

    /// What is to be told since the last look; nothing is looked at while nothing new is published.
    mutating func look(at states: AccountStates, now: Int) -> [(account: AccountID, change: AccountChange)] {
        guard states.version != version else { return [] }
        version = states.version
        let usedUp = Self.usedUp(states, now: now)
        var worse: [Topic: [QuotaWindow]] = [:]
        var better: [Topic: [QuotaWindow]] = [:]
        for (key, window) in usedUp where told[key] == nil { worse[Topic(key), default: []].append(window) }
        for (key, window) in told where usedUp[key] == nil {
            // Nothing is told of an account that is gone.
            guard states.accountIDs[key.account.upstream]?.contains(key.account) == true else { continue }
            better[Topic(key), default: []].append(window)
        }
        told = usedUp
        var changes: [(account: AccountID, change: AccountChange)] = []
        for (topic, windows) in worse { changes.append((account: topic.account, change: Self.worse(windows))) }
        for (topic, windows) in better { changes.append((account: topic.account, change: Self.better(windows))) }
        return changes
    }

    /// What was told of an account is over, and told as such otherwise.
    /// - Returns: whether anything was.
    mutating func forget(_ id: AccountID) -> Bool {
        let before = told.count
        told = told.filter { $0.key.account != id }
        return told.count < before
    }

    /// Whether it was told that an account has nothing left for a model.
    func covers(_ id: AccountID, model: String) -> Bool {
        !told.isEmpty && told.contains { $0.key.account == id && $0.value.models.holds(model) }
    }

    private static func usedUp(_ states: AccountStates, now: Int) -> [Key: QuotaWindow] {
        var usedUp: [Key: QuotaWindow] = [:]
        for (id, windows) in states.windows where windows.leastShare <= 0 {
            for window in windows.list(now: now) where isWorthTelling(window, now: now) {
                usedUp[Key(account: id, kind: window.kind, model: window.models.single)] = window
            }
        }
        return usedUp
    }

    private static func isWorthTelling(_ window: QuotaWindow, now: Int) -> Bool {
        window.isUsedUp(now: now) && window.models.holdsAny && window.source != .refusal
            && (!window.isRate || window.source == .declared)
    }

    // MARK: Lines

    /// - Parameter windows: at least one, of one account and kind.
    private static func worse(_ windows: [QuotaWindow]) -> AccountChange {
        let about = models(of: windows)
        var change = AccountChange.worse(
            .outOfQuota, reason: windows.first?.kind ?? "", words: "what it has of it is used up\(about.others)",
            until: windows.compactMap(\.usedUpUntil).max())
        change.model = about.first
        return change
    }

    private static func better(_ windows: [QuotaWindow]) -> AccountChange {
        let about = models(of: windows)
        var change = AccountChange.better(.outOfQuota, reason: "quota")
        change.model = about.first
        if !about.others.isEmpty { change.words = "it has quota again\(about.others)" }
        return change
    }

    /// The first model by name, nil for all, and how many more there are.
    private static func models(of windows: [QuotaWindow]) -> (first: String?, others: String) {
        let first = windows.compactMap(\.models.example).min()
        return (first, windows.count > 1 ? ", for \(windows.count - 1) more models too" : "")
    }
}

extension QuotaWindow.Models {
    /// The one model that it is about.
    fileprivate var single: String? {
        if case .model(let model) = self { model } else { nil }
    }

    /// The one model that it is about, or one of a family; nil for all.
    fileprivate var example: String? {
        switch self {
        case .all: nil
        case .model(let model): model
        case .family(_, let refused): refused.min()
        }
    }
}
