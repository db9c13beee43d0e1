/// What one key, team or session has used of a limit: every limit counts everything in every window, so a number that is added or
/// changed in the file applies to what is counted already.
struct LimitBucket: Sendable {
    private(set) var minute = SlidingMinute()
    private(set) var day = LimitAmounts()
    private(set) var month = LimitAmounts()
    private(set) var total = LimitAmounts()
    /// What the requests in flight have reserved.
    private(set) var reserved = LimitAmounts()
    private(set) var inFlight = 0
    /// The calendar that `day` and `month` are of.
    private var dayStart = Int.min
    private var monthStart = Int.min
    /// Milliseconds since 1970: nothing is let through before.
    var blockedUntil = 0
    /// What the operator called the limit who blocked it.
    var blockedAs = ""
    private(set) var lastUsed = 0
    /// When its budgets were found used up last.
    private(set) var refused = BudgetRefusals()
    /// What other nodes have used and hold, as told last; empty where no others share it.
    var others = OthersUse()

    init() {}

    init(at moment: LimitMoment) { advance(to: moment) }

    /// Nothing of it is known that a new one would not have.
    func isForgettable(_ moment: LimitMoment) -> Bool {
        // A month may be longer than thirty days.
        isIdle(moment) && lastUsed < min(moment.wall - 30 * 86_400_000, moment.periods.month.lowerBound)
    }

    /// Nothing is in flight, and nobody has blocked it.
    func isIdle(_ moment: LimitMoment) -> Bool { inFlight == 0 && blockedUntil <= moment.wall }

    /// Which of two gives way to a third.
    func goes(before other: LimitBucket) -> Bool {
        if holdsNothing != other.holdsNothing { return holdsNothing }
        return lastUsed < other.lastUsed
    }

    private var holdsNothing: Bool { month == .zero && total == .zero }

    mutating func advance(to moment: LimitMoment) {
        minute.advance(to: moment.steady)
        if !others.isEmpty {
            others.advance(
                to: moment.steady, isNewDay: moment.periods.day.lowerBound > dayStart,
                isNewMonth: moment.periods.month.lowerBound > monthStart)
        }
        Self.begin(&day, &dayStart, moment.periods.day)
        Self.begin(&month, &monthStart, moment.periods.month)
    }

    /// What was counted in a later period, by a clock that was ahead, stays until the next one begins.
    private static func begin(_ amounts: inout LimitAmounts, _ start: inout Int, _ period: Range<Int>) {
        guard period.lowerBound != start else { return }
        if period.lowerBound > start { amounts = .zero }
        start = period.lowerBound
    }

    /// What all nodes have used, as far as this one knows.
    func used(_ rate: LimitRate, countsCached: Bool) -> Int {
        let own = usedHere(rate, countsCached: countsCached)
        return others.isEmpty ? own : UsageAmounts.sum(own, others.used(rate))
    }

    /// What this node has used.
    func usedHere(_ rate: LimitRate, countsCached: Bool) -> Int {
        switch rate.window {
        case .minute: minute.sum.value(of: rate.kind, countsCached: countsCached)
        case .day: day.value(of: rate.kind, countsCached: countsCached)
        case .month: month.value(of: rate.kind, countsCached: countsCached)
        case .total: total.value(of: rate.kind, countsCached: countsCached)
        case .now: inFlight
        }
    }

    /// What this node has used in each window that is counted: minute, day, month, total.
    func usedHere(of kind: LimitRate.Kind, countsCached: Bool) -> [Int] {
        [minute.sum, day, month, total].map { $0.value(of: kind, countsCached: countsCached) }
    }

    /// What all nodes have reserved, as far as this one knows: what others hold, they may use.
    func reserved(_ rate: LimitRate, countsCached: Bool) -> Int {
        let own = reservedHere(rate, countsCached: countsCached)
        return others.isEmpty ? own : UsageAmounts.sum(own, others.held(rate.kind))
    }

    /// Requests of the last minute are counted as they come; of them nothing is reserved.
    func reservedHere(_ rate: LimitRate, countsCached: Bool) -> Int {
        switch (rate.kind, rate.window) {
        case (_, .now), (.requests, .minute): 0
        default: reserved.value(of: rate.kind, countsCached: countsCached)
        }
    }

    // MARK: A request

    mutating func reserve(_ need: LimitAmounts, _ moment: LimitMoment) {
        reserved += need
        inFlight += 1
        lastUsed = moment.wall
        if need.requests > 0 { minute.add(LimitAmounts(requests: need.requests), at: moment.steady) }
    }

    /// Somebody was here and got nothing.
    mutating func ask(_ moment: LimitMoment) { lastUsed = moment.wall }

    mutating func change(from old: LimitAmounts, to new: LimitAmounts) {
        reserved -= old
        reserved += new
    }

    /// - Parameters:
    ///   - used: what the request came to; without its request when it did not count as one.
    ///   - admitted: when it was reserved, by the steady clock.
    mutating func settle(_ need: LimitAmounts, used: LimitAmounts, admitted: Int, _ moment: LimitMoment) {
        reserved -= need
        inFlight = max(0, inFlight - 1)
        lastUsed = moment.wall
        if used.requests < need.requests {
            minute.remove(LimitAmounts(requests: need.requests - used.requests), addedAt: admitted)
        }
        var later = used
        later.requests = 0
        if later != .zero { minute.add(later, at: moment.steady) }
        count(used)
    }

    /// What was booked before this process began.
    mutating func restore(day: LimitAmounts, month: LimitAmounts, total: LimitAmounts, lastUsed: Int) {
        self.day += day
        self.month += month
        self.total += total
        self.lastUsed = max(self.lastUsed, lastUsed)
    }

    /// It was forgotten before its time, and may have been made anew since: no total is less than what is booked of it.
    /// - Parameter lastUsed: seconds since 1970.
    mutating func bringBack(day: LimitAmounts, month: LimitAmounts, total: LimitAmounts, lastUsed: Int) {
        self.day += day
        self.month += month
        self.total.raise(to: total)
        self.lastUsed = max(self.lastUsed, lastUsed.multipliedReportingOverflow(by: 1_000).partialValue)
    }

    /// The clock is back from a leap: nothing is less than it was before.
    mutating func bringBack(_ past: LimitBucket) {
        if past.dayStart == dayStart { day.raise(to: past.day) }
        if past.monthStart == monthStart { month.raise(to: past.month) }
        total.raise(to: past.total)
        lastUsed = max(lastUsed, past.lastUsed)
        (blockedUntil, blockedAs) = (past.blockedUntil, past.blockedAs)
    }

    /// The calendar is another.
    /// - Parameters:
    ///   - day: used on the day that is now; nil where it is the same.
    ///   - month: as `day`.
    mutating func change(to periods: LimitPeriods, day: LimitAmounts?, month: LimitAmounts?) {
        (dayStart, monthStart) = (periods.day.lowerBound, periods.month.lowerBound)
        if let day { self.day = day }
        if let month { self.month = month }
    }

    /// What was used within the last minute, before this process began.
    /// - Parameter time: of several calls in order.
    mutating func restoreMinute(_ amounts: LimitAmounts, at time: LimitTime) {
        minute.add(amounts, at: time.steady)
        lastUsed = max(lastUsed, time.wall)
    }

    /// Remembers that a budget refused where little of it is left, or not even a usual request fits: one too large request does not
    /// use a budget up.
    mutating func note(_ refusal: LimitRefusal, at wall: Int) {
        guard let rate = refusal.rate, rate.kind == .cost else { return }
        let counted = amounts(rate.window)
        let isUsual = refusal.needed / 2 <= counted.nanoDollars / max(1, counted.requests)
        guard isUsual || Double(refusal.used) >= Self.nearlyAll * Double(rate.most) else { return }
        refused[rate.window] = wall
    }

    private static let nearlyAll = 0.99

    private func amounts(_ window: LimitRate.Window) -> LimitAmounts {
        switch window {
        case .day: day
        case .month: month
        case .minute, .total, .now: total
        }
    }

    private mutating func count(_ used: LimitAmounts) {
        day += used
        month += used
        total += used
    }

    /// Counts begin at zero; what is in flight stays reserved.
    /// - Parameters:
    ///   - kind: only these numbers; nil for all.
    ///   - window: only of this one; nil for all.
    mutating func reset(_ kind: LimitRate.Kind?, _ window: LimitRate.Window? = nil) {
        for each in window.map({ [$0] }) ?? LimitRate.Window.allCases {
            if kind == nil || kind == .cost { refused[each] = 0 }
            switch each {
            case .minute: minute.clear(kind)
            case .day: day.clear(kind)
            case .month: month.clear(kind)
            case .total: total.clear(kind)
            case .now: break
            }
        }
        if !others.isEmpty { others.clear(kind, window) }
    }
}

/// When budgets refused a request last for being used up, each window's apart. Milliseconds since 1970; 0 for never since they
/// began anew.
struct BudgetRefusals: Sendable {
    private var day = 0
    private var month = 0
    private var total = 0

    subscript(window: LimitRate.Window) -> Int {
        get {
            switch window {
            case .day: day
            case .month: month
            case .minute, .total, .now: total
            }
        }
        set {
            switch window {
            case .day: day = newValue
            case .month: month = newValue
            case .minute, .total, .now: total = newValue
            }
        }
    }
}
