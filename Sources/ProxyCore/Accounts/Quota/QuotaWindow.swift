/// One window of an account's quota: how much is left of what, for which models, and until when.
///
/// A value with an age. After its reset it is full by reckoning; one that names no reset is unknown after a while.
/// Times are milliseconds of `SteadyClock`.
public struct QuotaWindow: Sendable, Hashable {
    /// Which models a window counts for.
    public enum Models: Sendable, Hashable {
        case all
        case model(String)
        /// A family that the vendor names and does not list: the models that it was seen refusing.
        case family(String, refused: Set<String>)

        public func holds(_ model: String) -> Bool {
            switch self {
            case .all: true
            case .model(let name): name == model
            case .family(_, let refused): refused.contains(model)
            }
        }

        /// Whether it holds any model: a family that has refused none does not.
        var holdsAny: Bool {
            if case .family(_, let refused) = self { !refused.isEmpty } else { true }
        }
    }

    /// Where a value is from.
    public enum Source: String, Sendable, Hashable {
        case poll, headers, refusal, declared
        /// Full by reckoning: its reset has come, and nothing fresher is known.
        case reset
    }

    public var models: Models
    /// `requests`, `tokens`, `input_tokens`, `output_tokens`, `cost`, `5h`, `7d`, `7d:<family>`, `primary`, `secondary`, `share`, `unified` (all of a
    /// subscription's, where a refusal names none of them).
    public var kind: String
    /// Requests, tokens, or nano-dollars; nil where the vendor tells shares alone.
    public var limit: Int?
    public var remaining: Int?
    /// 0 to 1 as it was told; nil is unknown. What counts at a moment is `share(now:)`.
    public var share: Double?
    public var resetsAt: Int?
    public var source: Source
    public var takenAt: Int
    /// When the request was asked whose response's head told it: its vendor counted about then.
    var askedAt = Int.min
    /// Until then it is believed, whatever its reset.
    var goodUntil = Int.max
    /// How long it lasts from one reset to the next, in milliseconds; 0 where nobody says. Tells two of one kind apart.
    var length = 0
    /// The head of a refusal told that it is used up.
    var isRefused = false
    private var pace: Pace

    /// No window is longer than a week and a day: a reset that is later is taken as this, in milliseconds.
    public static let longest = 8 * 86_400_000
    /// What names no reset is believed for so long.
    static let lifeWithoutReset = 60_000

    init(
        _ models: Models, kind: String, share: Double?, resetsAt: Int? = nil, source: Source, takenAt: Int,
        limit: Int? = nil, remaining: Int? = nil
    ) {
        self.models = models
        self.kind = kind
        self.limit = limit
        self.remaining = remaining
        self.share = share
        self.resetsAt = resetsAt
        self.source = source
        self.takenAt = takenAt
        pace = Pace(share: share ?? 1, at: takenAt)
    }

    /// What is left at a moment, 0 to 1; nil when unknown.
    public func share(now: Int) -> Double? {
        guard now <= goodUntil else { return nil }
        if let resetsAt, resetsAt <= now { return 1 }
        return share
    }

    /// Whether nothing is left at a moment.
    func isUsedUp(now: Int) -> Bool { share(now: now).map { $0 <= 0 } ?? false }

    /// Until when one that is used up keeps requests out: its reset, or as long as it is believed where nobody told one; nil where that
    /// is for good.
    public var usedUpUntil: Int? { resetsAt ?? (goodUntil < .max ? goodUntil : nil) }

    /// Whether a head told that nothing is left, and not until when.
    func isUndated(now: Int) -> Bool { source == .headers && resetsAt == nil && isUsedUp(now: now) }

    /// Whether it is one that the file declares, reset or not: no other has a length.
    var isCounted: Bool { source == .declared || length > 0 }

    /// Whether it keeps models out because they were refused: a success of one of them says that it is not so.
    var isRefusal: Bool {
        if source == .refusal { return true }
        guard case .family(_, let refused) = models, let share else { return false }
        return share <= 0 && !refused.isEmpty
    }

    /// The window as it is at a moment: full after its reset, without numbers when it is too old.
    public func reckoned(now: Int) -> QuotaWindow {
        var window = self
        if now > goodUntil {
            (window.share, window.remaining) = (nil, nil)
        } else if let resetsAt, resetsAt <= now {
            window.share = 1
            window.remaining = limit
            window.resetsAt = nil
            window.source = .reset
            window.takenAt = resetsAt
            window.pace = Pace(share: 1, at: resetsAt)
        }
        return window
    }

    /// How long its pace has been looked at, in milliseconds.
    func observedFor(now: Int) -> Int { pace.observedFor(now: now) }

    /// When it runs out at the present rate; nil when it does not before its reset, or nobody can say. What is not asked empties
    /// no further, so that the rate falls as long as nothing is told.
    public func runsOutAt(now: Int) -> Int? {
        guard now <= goodUntil, resetsAt.map({ $0 > now }) ?? true, let share else { return nil }
        guard share > 0 else { return takenAt }
        let present = max(now, takenAt)
        guard let rate = pace.rate(share: share, at: present) else { return nil }
        let time = share / rate
        guard time < Double(Self.longest) else { return nil }
        let runsOut = present &+ Int(time)
        if let resetsAt, runsOut >= resetsAt { return nil }
        return runsOut
    }

    /// A rate, which refills all the time, and no quota that is lost at its reset.
    var isRate: Bool {
        switch kind {
        case "requests", "tokens", "input_tokens", "output_tokens": length < Self.leastQuota && pace.seenLength < Self.leastQuota
        // What was refused for a moment was a burst.
        case _ where source == .refusal: pace.seenLength < Self.leastQuota
        default: length > 0 && length < Self.leastQuota
        }
    }

    /// A window that is shorter is a rate, in milliseconds.
    private static let leastQuota = 10 * 60_000

    /// Whether the head of what was asked at some time is older than this: what was asked later has told it, or it was reset since.
    func isLater(thanAsked asked: Int, now: Int) -> Bool {
        if let resetsAt, resetsAt <= now { return resetsAt > asked }
        switch source {
        case .headers: return askedAt > asked
        case .reset: return takenAt > asked
        case .poll, .refusal, .declared: return false
        }
    }

    /// Whether `other` is news of this window.
    func isSame(as other: QuotaWindow) -> Bool {
        guard kind == other.kind, length == other.length else { return false }
        switch (models, other.models) {
        case (.all, .all): return true
        case (.model(let a), .model(let b)): return a == b
        case (.family(let a, _), .family(let b, _)): return a == b
        case (.all, _), (.model, _), (.family, _): return false
        }
    }

    // MARK: News

    /// A reset that moves by less is the same one.
    private static let resetSlack = 60_000
    /// A share that rises by so much where the reset moves on has been reset.
    private static let leastRise = 0.05
    static let mostRefused = 64

    /// Takes over what is newer. Gives what was left when the window was reset meanwhile; nil when it was not, or it is a rate.
    mutating func take(_ news: QuotaWindow, now: Int) -> Double? {
        let hasExpired = resetsAt.map { $0 <= now } ?? false
        let hasMoved = resetsAt.map { before in news.resetsAt.map { $0 > before &+ Self.resetSlack } ?? false } ?? false
        let hasRisen = (news.share ?? 0) >= (share ?? 1) + Self.leastRise
        let isReset = hasExpired || (hasMoved && hasRisen)
        // What was too old to be known before the reset is no loss that anybody can tell.
        let isKnown = min(now, resetsAt ?? now) <= goodUntil
        let wasted = isReset && source != .reset && source != .refusal && !isRate && isKnown ? share : nil
        var pace = self.pace
        if isReset || source == .reset || hasRisen || share == nil { pace = Pace(share: news.share ?? 1, at: news.takenAt) }
        pace.advance(share: news.share ?? 1, at: news.takenAt, resetsAt: news.resetsAt)
        let models = Self.joined(self.models, news.models)
        let limit = news.limit ?? self.limit
        self = news
        self.pace = pace
        self.models = models
        self.limit = limit
        return wasted
    }

    private static func joined(_ a: Models, _ b: Models) -> Models {
        guard case .family(let name, var refused) = a, case .family(_, let more) = b else { return b }
        for model in more where refused.count < mostRefused { refused.insert(model) }
        return .family(name, refused: refused)
    }

    /// Whether others should hear of `news`: of what changed by a point, crossed a bound, came back, or is a second old.
    /// - Parameter threshold: the share under which its account is passed over.
    func isOutdated(by news: QuotaWindow, threshold: Double, now: Int) -> Bool {
        guard let before = share(now: now), let after = news.share, source == news.source, isRefused == news.isRefused else {
            return true
        }
        if abs(after - before) >= 0.01 || (after <= 0) != (before <= 0) || (after < threshold) != (before < threshold) {
            return true
        }
        if case .family(_, let known) = models, case .family(_, let told) = news.models, !told.isSubset(of: known) { return true }
        return now &- takenAt >= Self.restlessness
    }

    /// What has not changed is told once in so long, in milliseconds.
    private static let restlessness = 1_000
}

extension QuotaWindow {
    /// How fast a window empties: two marks behind, so that the rate is that of the last minutes and not of its whole life.
    struct Pace: Sendable, Hashable {
        private var older: Mark
        private var newer: Mark
        /// The longest that its reset was ever ahead, in milliseconds: a lower bound of its length.
        private(set) var seenLength = 0

        private struct Mark: Hashable {
            var share: Double
            var at: Int
        }

        init(share: Double, at time: Int) {
            older = Mark(share: share, at: time)
            newer = older
        }

        mutating func advance(share: Double, at time: Int, resetsAt: Int?) {
            if let resetsAt { seenLength = max(seenLength, min(resetsAt &- time, QuotaWindow.longest)) }
            guard time &- newer.at >= span else { return }
            older = newer
            newer = Mark(share: share, at: time)
        }

        /// A tenth of what is seen of the window, between a second and ten minutes.
        private var span: Int { min(max(seenLength / 10, 1_000), 600_000) }

        /// What came of the first moments is taken as that of a minute, or of a tenth of a shorter window: one request is no pace.
        private static let leastElapsed = 60_000

        func observedFor(now: Int) -> Int { max(0, now &- older.at) }

        /// Share for each millisecond; nil while it does not fall.
        func rate(share: Double, at time: Int) -> Double? {
            let elapsed = time &- older.at
            guard elapsed > 0, older.share > share else { return nil }
            return (older.share - share) / Double(max(elapsed, min(span, Self.leastElapsed)))
        }
    }
}
