/// Which windows were told to be under the threshold of the rules that ask for them: that one passes under it, and that it is
/// over it again, is a line of the log each.
///
/// One that is used up is `UsedUpWindows`' to tell, and refusals nobody's. Models that pass it together are one line.
///
/// Rates are looked at apart, which run out and refill all the time: one that is used up is told here too, but for those that the
/// file declares, and what has been told is not told again for a minute.
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
        /// The share of the window that has least; nil where it is not known any more.
        let share: Double?
        let threshold: Double
        let resetsAt: Int?
    }

    private struct Low {
        var window: QuotaWindow
        var threshold: Double
    }

    /// Whether it is about rates, and not about quota.
    private let isOfRates: Bool
    /// When rates were told that are low, or were a little while ago.
    private var lately: [Key: Int] = [:]
    /// One rate is told once in so long, in milliseconds.
    private static let silence = 60_000

    private var thresholds = QuotaThresholds()
    private var told: [Key: Low] = [:]
    /// The version of the states that were last looked at.
    private var version = -1

    init(ofRates isOfRates: Bool = false) {
        self.isOfRates = isOfRates
    }

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
        var low = low(states, now: now)
        if isOfRates { keepQuiet(&low, states, now: now) }
        var changes: [Change] = []
        for (key, one) in low where told[key] == nil {
            if isOfRates { lately[key] = now }
            changes.append(Self.change(key, one.window, share: one.window.share(now: now), one.threshold, isLow: true))
        }
        for (key, before) in told where low[key] == nil {
            // Nothing is told of an account that is gone; what is used up is told as such.
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

    /// Leaves out what was told a moment ago, and what rests anyway, which is told as such.
    private mutating func keepQuiet(_ low: inout [Key: Low], _ states: AccountStates, now: Int) {
        lately = lately.filter { now &- $0.value < Self.silence }
        low = low.filter { key, _ in
            if told[key] != nil { return true }
            guard lately[key] == nil, let state = states.accounts[key.account] else { return lately[key] == nil }
            return state.availability(of: key.model ?? "", now: now) == .ready
        }
    }

    private func low(_ states: AccountStates, now: Int) -> [Key: Low] {
        guard thresholds.greatest > 0 || isOfRates else { return [:] }
        var low: [Key: Low] = [:]
        for (id, windows) in states.windows where windows.leastShare < thresholds.greatest || windows.leastShare <= 0 {
            for window in windows.list(now: now) where window.source != .refusal && window.isRate == isOfRates {
                guard let share = window.share(now: now), share > 0 || (isOfRates && window.source != .declared) else { continue }
                let threshold = thresholds.threshold(of: window.models, at: id.upstream)
                guard share < threshold || share <= 0 else { continue }
                let key = Key(account: id, kind: window.kind, model: window.models.name)
                // Where windows of one kind have several lengths, the one that has least counts.
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
