/// Which used-up windows were told: that one is used up, and that it has quota again, is a line of the log each.
///
/// Rates are not told, which are used up and full again all the time; nor is what a refusal alone says, which is told as such.
/// Times are milliseconds of `SteadyClock`.
struct UsedUpWindows: Sendable {
    private struct Key: Hashable {
        let account: AccountID
        let kind: String
        /// nil: that of several models.
        let model: String?
    }

    private var told: [Key: QuotaWindow.Models] = [:]
    /// Of the states that were looked at.
    private var version = -1

    /// What is to be told since the last look; nothing is looked at while nothing new is published.
    mutating func look(at states: AccountStates, now: Int) -> [(account: AccountID, change: AccountChange)] {
        guard states.version != version else { return [] }
        version = states.version
        var changes: [(account: AccountID, change: AccountChange)] = []
        var usedUp: [Key: QuotaWindow.Models] = [:]
        for (id, windows) in states.windows where windows.leastShare <= 0 {
            for window in windows.list(now: now) where Self.isWorthTelling(window, now: now) {
                let key = Key(account: id, kind: window.kind, model: window.models.single)
                let isFirst = usedUp.updateValue(window.models, forKey: key) == nil
                if isFirst, told[key] == nil { changes.append((id, Self.change(window))) }
            }
        }
        for (key, models) in told where usedUp[key] == nil {
            guard states.accountIDs[key.account.upstream]?.contains(key.account) == true else { continue }
            var change = AccountChange.better(.outOfQuota, reason: "quota")
            change.model = models.example
            changes.append((key.account, change))
        }
        told = usedUp
        return changes
    }

    /// Whether it was told that an account has nothing left for a model.
    func covers(_ id: AccountID, model: String) -> Bool {
        !told.isEmpty && told.contains { $0.key.account == id && $0.value.holds(model) }
    }

    private static func isWorthTelling(_ window: QuotaWindow, now: Int) -> Bool {
        window.isUsedUp(now: now) && window.models.holdsAny && window.source != .refusal && !window.isRate
    }

    private static func change(_ window: QuotaWindow) -> AccountChange {
        var change = AccountChange.worse(
            .outOfQuota, reason: window.kind, words: "its window \(window.kind) is used up", until: window.resetsAt)
        change.model = window.models.example
        return change
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
