import Basics

/// All windows of one account. A value: the event loops read it, `QuotaBook` replaces it. Times are `SteadyClock`'s milliseconds.
public struct AccountWindows: Sendable, Hashable {
    /// Those of all models, and of families.
    private var wide: [QuotaWindow] = []
    /// Those of one model, by its name.
    private var models: [String: [QuotaWindow]] = [:]

    /// No model has less than this, now or later, while nothing new is told.
    private(set) var leastShare = 1.0
    /// When the first window is reset or too old, which is still to be noticed.
    private(set) var nextChange = Int.max
    /// Whether some window keeps models out because they were refused.
    private(set) var hasRefusals = false
    /// Whether some window is a quota that can expire, and no rate.
    public private(set) var isLasting = false

    static let mostWide = 32
    static let mostModels = 1_000
    static let mostOfModel = 12
    /// Bytes of a model's name; no vendor has a longer one.
    static let longestModel = 256

    public init() {}

    public var isEmpty: Bool { wide.isEmpty && models.isEmpty }

    // MARK: Questions

    /// Every window as it is at a moment: those of all models first, then by model and kind.
    public func list(now: Int) -> [QuotaWindow] {
        (wide + models.inKeyOrder().flatMap(\.value)).map { $0.reckoned(now: now) }
    }

    /// Every window as it was told.
    var told: [QuotaWindow] { wide + models.values.joined() }

    /// The share of the tightest window that holds a model.
    public func share(of model: String, now: Int) -> QuotaLevel {
        var least: Double?
        visit(model) { window in
            if let share = window.share(now: now) { least = min(least ?? share, share) }
        }
        return least.map { .known($0) } ?? .unknown
    }

    /// The window of all models that is used up, of several the one that ends last; rates, which are back in a moment, do not count.
    public func usedUp(now: Int) -> QuotaWindow? {
        guard leastShare <= 0 else { return nil }
        return wide.filter { $0.models == .all && !$0.isRate && $0.isUsedUp(now: now) }
            .max { ($0.resetsAt ?? now) < ($1.resetsAt ?? now) }
    }

    /// When what an account has left of a model is lost, or full again.
    struct Expiry: Equatable {
        struct Kind: Equatable {
            /// The soonest reset to come of a window that is not full by reckoning.
            var soonest: Int?
            /// Some window is whole, and its time does not run yet.
            var isUnbegun = false

            fileprivate mutating func add(_ window: QuotaWindow, now: Int) {
                guard let share = window.share(now: now) else { return }
                if let reset = window.resetsAt, reset > now {
                    soonest = min(soonest ?? reset, reset)
                } else if share >= 1 {
                    isUnbegun = true
                }
            }
        }

        /// Windows that can expire.
        var quota = Kind()
        /// Rates refill all the time: nothing of them is lost.
        var rates = Kind()
        /// Whether the account has any that can expire, of whatever model.
        var isLasting = false
    }

    func expiry(of model: String, now: Int) -> Expiry {
        var expiry = Expiry(isLasting: isLasting)
        visit(model) { window in
            if window.isRate { expiry.rates.add(window, now: now) } else { expiry.quota.add(window, now: now) }
        }
        return expiry
    }

    /// When the quota expires that expires soonest among the windows that hold a model and are not full by reckoning; nil where none
    /// does.
    /// - Parameter rates: looks at these instead.
    public func soonestReset(of model: String, rates: Bool = false, now: Int) -> Int? {
        let expiry = expiry(of: model, now: now)
        return (rates ? expiry.rates : expiry.quota).soonest
    }

    /// When a model has something left again; nil when it has now, as far as is known.
    public func emptyUntil(_ model: String, now: Int) -> Int? {
        guard leastShare <= 0 else { return nil }
        var until: Int?
        visit(model) { window in
            guard window.isUsedUp(now: now) else { return }
            let end = window.resetsAt ?? window.goodUntil
            until = max(until ?? end, end)
        }
        return until
    }

    /// When the first of a model's windows runs out at the present rate; nil when none does before its reset.
    public func runsOutAt(_ model: String, now: Int) -> Int? {
        var first: Int?
        visit(model) { window in
            if let time = window.runsOutAt(now: now) { first = min(first ?? time, time) }
        }
        return first
    }

    private func visit(_ model: String, _ look: (QuotaWindow) -> Void) {
        for window in wide where window.models.holds(model) { look(window) }
        guard !models.isEmpty, let own = models[model] else { return }
        for window in own { look(window) }
    }

    /// Whether some window is a model's own.
    func knows(_ model: String) -> Bool { models[model] != nil }

    /// What is known of the window that `news` is about.
    func known(_ news: QuotaWindow) -> QuotaWindow? {
        guard case .model(let model) = news.models else { return wide.first { $0.isSame(as: news) } }
        return models[model]?.first { $0.isSame(as: news) }
    }

    /// Whether a model was refused, and has not been served since.
    func refuses(_ model: String) -> Bool {
        guard hasRefusals else { return false }
        var refuses = false
        visit(model) { window in
            if window.isRefusal { refuses = true }
        }
        return refuses
    }

    /// Whether the head of a refusal called a window used up that holds a model.
    func isRefused(_ model: String, now: Int) -> Bool {
        guard leastShare <= 0 else { return false }
        var isRefused = false
        visit(model) { window in
            if window.isRefused, window.isUsedUp(now: now) { isRefused = true }
        }
        return isRefused
    }

    /// Whether a window that holds a model is used up, and nobody said until when.
    func isUndated(_ model: String, now: Int) -> Bool {
        guard leastShare <= 0 else { return false }
        var isUndated = false
        visit(model) { window in
            if window.isUndated(now: now) { isUndated = true }
        }
        return isUndated
    }

    /// Whether all models are without one kind of window's quota.
    func isUsedUp(_ kind: String, now: Int) -> Bool {
        guard leastShare <= 0 else { return false }
        return wide.contains { $0.models == .all && $0.kind == kind && $0.isUsedUp(now: now) }
    }

    /// The windows of several models that were used up until `news` told that they are not, before their reset.
    func returned(_ news: [QuotaWindow], now: Int) -> [QuotaWindow] {
        guard leastShare <= 0 else { return [] }
        return news.filter { window in
            if case .model = window.models { return false }
            guard let share = window.share, share > 0 else { return false }
            return known(window)?.isUsedUp(now: now) ?? false
        }
    }

    /// Whether others should hear of `news`.
    func isOutdated(by news: QuotaWindow, threshold: Double, now: Int) -> Bool {
        guard let known = known(news) else { return true }
        return known.isOutdated(by: news, threshold: threshold, now: now)
    }

    // MARK: Changes

    /// What was left of a window when it was reset.
    struct Waste: Sendable, Hashable {
        let kind: String
        let share: Double
    }

    /// Takes over what is newer, and tells what was lost at resets meanwhile.
    mutating func take(_ news: [QuotaWindow], now: Int) -> [Waste] {
        var lost: [Waste] = []
        for window in news {
            if let share = take(window, now: now), share > 0 { lost.append(Waste(kind: window.kind, share: share)) }
        }
        summarize()
        return lost
    }

    private mutating func take(_ news: QuotaWindow, now: Int) -> Double? {
        guard case .model(let model) = news.models else {
            if let index = wide.firstIndex(where: { $0.isSame(as: news) }) { return wide[index].take(news, now: now) }
            if wide.count < Self.mostWide { wide.append(Self.begun(news)) }
            return nil
        }
        guard model.utf8.count <= Self.longestModel else { return nil }
        if let index = models[model]?.firstIndex(where: { $0.isSame(as: news) }) {
            return models[model]?[index].take(news, now: now)
        }
        if models[model] == nil, models.count >= Self.mostModels { dropStalest() }
        guard models[model].map({ $0.count < Self.mostOfModel }) ?? true else { return nil }
        models[model, default: []].append(Self.begun(news))
        return nil
    }

    /// A window of which nothing was known: what its reset tells of its length is remembered.
    private static func begun(_ news: QuotaWindow) -> QuotaWindow {
        var window = news
        _ = window.take(news, now: news.takenAt)
        return window
    }

    /// The models that were heard of longest ago give way, many at once: who names a thousand new ones does not have all of them
    /// looked through a thousand times.
    private mutating func dropStalest() {
        let ages = models.map { (model: $0.key, takenAt: $0.value.map(\.takenAt).max() ?? 0) }
        let stalest = ages.sorted { ($0.takenAt, $0.model) < ($1.takenAt, $1.model) }.prefix(Self.mostModels / 20)
        for old in stalest { models[old.model] = nil }
    }

    /// Windows whose reset has come are full from now on, and what is too old is unknown or gone. Tells what was lost at resets.
    mutating func expire(now: Int) -> [Waste] {
        guard nextChange <= now else { return [] }
        var lost: [Waste] = []
        change { window in
            if now > window.goodUntil {
                // A poll that fails leaves its windows there, as unknown; anything else has had its time.
                window = window.reckoned(now: now)
                (window.resetsAt, window.goodUntil) = (nil, .max)
                return window.source == .poll
            }
            guard let reset = window.resetsAt, reset <= now else { return true }
            // That a burst is over says nothing of any quota.
            if window.source == .refusal, window.isRate { return false }
            if !window.isRate, window.source != .refusal, let share = window.share, share > 0 {
                lost.append(Waste(kind: window.kind, share: share))
            }
            window = window.reckoned(now: now)
            return true
        }
        return lost
    }

    /// Forgets the windows of one source, all of them or those that `isMeant`.
    mutating func drop(_ source: QuotaWindow.Source, where isMeant: (QuotaWindow) -> Bool = { _ in true }) {
        drop { $0.source == source && isMeant($0) }
    }

    mutating func drop(where isMeant: (QuotaWindow) -> Bool) {
        change { !isMeant($0) }
    }

    /// Models have quota, whatever was said when they were refused before `asked`.
    mutating func endRefusals(asked: Int = .max, of hasQuota: (_ model: String) -> Bool) {
        change { window in
            guard window.isRefusal, window.takenAt <= asked else { return true }
            switch window.models {
            case .all: return false
            case .model(let model): return !hasQuota(model)
            case .family(let name, let refused):
                window.models = .family(name, refused: refused.filter { !hasQuota($0) })
                return true
            }
        }
    }

    /// The windows that hold a model, and that the head of a refusal before `asked` called used up, are not: the model was served.
    mutating func endRefused(_ model: String, asked: Int = .max) {
        change { !($0.isRefused && $0.takenAt <= asked && $0.models.holds(model)) }
    }

    /// The windows that hold a model, are used up and have no reset are reset then.
    mutating func date(_ model: String, until: Int, now: Int) {
        change { window in
            if window.isUndated(now: now), window.models.holds(model) { (window.resetsAt, window.goodUntil) = (until, .max) }
            return true
        }
    }

    /// - Parameter keep: changes a window in place, and tells whether it stays.
    private mutating func change(_ keep: (inout QuotaWindow) -> Bool) {
        wide = wide.compactMap { window in
            var window = window
            return keep(&window) ? window : nil
        }
        models = models.compactMapValues { windows in
            let kept = windows.compactMap { window in
                var window = window
                return keep(&window) ? window : nil
            }
            return kept.isEmpty ? nil : kept
        }
        summarize()
    }

    private mutating func summarize() {
        var least = 1.0
        var reset = Int.max
        var refusals = false
        var lasting = false
        func look(_ window: QuotaWindow) {
            if let share = window.share, window.models.holdsAny { least = min(least, share) }
            if let time = window.resetsAt { reset = min(reset, time) }
            if window.goodUntil < .max { reset = min(reset, window.goodUntil &+ 1) }
            if window.isRefusal { refusals = true }
            if !window.isRate { lasting = true }
        }
        for window in wide { look(window) }
        for windows in models.values { for window in windows { look(window) } }
        (leastShare, nextChange, hasRefusals, isLasting) = (least, reset, refusals, lasting)
    }
}
