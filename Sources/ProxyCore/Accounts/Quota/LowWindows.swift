/// Which windows were told to be under the threshold of the rules that ask for them: that one passes under it, and that it is
/// over it again, is a line of the log each.
///
/// One that is used up is `UsedUpWindows`' to tell, and rates and refusals nobody's. Models that pass it together are one line.
struct LowWindows: Sendable {
    private struct Key: Hashable {
        let account: AccountID
        let kind: String
        /// nil: that of several models.
        let model: String?
    }

    /// A line: windows of one account and kind that passed their threshold.
    struct Change: Sendable, Hashable {
        let account: AccountID
        let kind: String
        let isLow: Bool
        /// The first of them by name; nil for all models.
        let model: String?
        /// How many more there are.
        var others = 0
        /// Of the one that has least; nil where it is not known any more.
        let share: Double?
        let threshold: Double
        let resetsAt: Int?
    }

    private struct Low {
        var window: QuotaWindow
        var threshold: Double
    }

    private var thresholds = QuotaThresholds()
    private var told: [Key: Low] = [:]
    /// Of the states that were looked at.
    private var version = -1

    /// Another file runs.
    mutating func follow(_ thresholds: QuotaThresholds) {
        guard thresholds != self.thresholds else { return }
        self.thresholds = thresholds
        version = -1
    }

    /// What is to be told since the last look; nothing is looked at while nothing new is published.
    mutating func look(at states: AccountStates, now: Int) -> [Change] {
        guard states.version != version else { return [] }
        version = states.version
        let low = low(states, now: now)
        var changes: [Change] = []
        for (key, one) in low where told[key] == nil {
            changes.append(Self.change(key, one.window, share: one.window.share(now: now), one.threshold, isLow: true))
        }
        for (key, before) in told where low[key] == nil {
            // Of an account that is gone nothing is told, and what is used up is told as such.
            guard states.accountIDs[key.account.upstream]?.contains(key.account) == true else { continue }
            let present = states.windows[key.account]?.known(before.window)
            let share = present?.share(now: now)
            if let share, share <= 0 { continue }
            let threshold = thresholds.threshold(of: before.window.models, at: key.account.upstream)
            changes.append(Self.change(key, present?.reckoned(now: now), share: share, threshold, isLow: false))
        }
        told = low
        return Self.joined(changes)
    }

    private func low(_ states: AccountStates, now: Int) -> [Key: Low] {
        guard thresholds.greatest > 0 else { return [:] }
        var low: [Key: Low] = [:]
        for (id, windows) in states.windows where windows.leastShare < thresholds.greatest {
            for window in windows.list(now: now) where window.source != .refusal && !window.isRate {
                guard let share = window.share(now: now), share > 0 else { continue }
                let threshold = thresholds.threshold(of: window.models, at: id.upstream)
                guard share < threshold else { continue }
                let key = Key(account: id, kind: window.kind, model: window.models.name)
                // Of windows of one kind and several lengths the one that has least speaks.
                if let other = low[key]?.window.share(now: now), other <= share { continue }
                low[key] = Low(window: window, threshold: threshold)
            }
        }
        return low
    }

    private static func change(
        _ key: Key, _ window: QuotaWindow?, share: Double?, _ threshold: Double, isLow: Bool
    ) -> Change {
        Change(
            account: key.account, kind: key.kind, isLow: isLow, model: key.model, share: share, threshold: threshold,
            resetsAt: window?.resetsAt)
    }

    /// Those of one account, kind and direction as one, in the order of their names.
    private static func joined(_ changes: [Change]) -> [Change] {
        struct Topic: Hashable {
            let account: AccountID
            let kind: String
            let isLow: Bool
            let isOfModels: Bool
        }
        var found: [Topic: [Change]] = [:]
        for change in changes {
            let topic = Topic(
                account: change.account, kind: change.kind, isLow: change.isLow, isOfModels: change.model != nil)
            found[topic, default: []].append(change)
        }
        return found.values.compactMap { group in
            let first = group.min { ($0.model ?? "") < ($1.model ?? "") }
            let least = group.min { ($0.share ?? 1) < ($1.share ?? 1) }
            guard let first, let least else { return nil }
            return Change(
                account: least.account, kind: least.kind, isLow: least.isLow, model: first.model, others: group.count - 1,
                share: least.share, threshold: least.threshold, resetsAt: least.resetsAt)
        }.sorted { ($0.account.upstream, $0.account.account, $0.kind) < ($1.account.upstream, $1.account.account, $1.kind) }
    }
}

extension QuotaWindow.Models {
    /// The one model or family that it is about; nil for all.
    fileprivate var name: String? {
        switch self {
        case .all: nil
        case .model(let model): model
        case .family(let family, _): family
        }
    }
}
