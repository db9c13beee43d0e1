/// What one key, team or session has used of a limit: every limit counts everything in every window, so a number that is added or
/// changed in the file applies to what is counted already.
struct LimitBucket: Sendable {
    private(set) var minute = SlidingMinute()
    private(set) var day = LimitAmounts()
    private(set) var month = LimitAmounts()
    private(set) var total = LimitAmounts()
    /// Of the requests in flight.
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

    /// Nothing of it is known that a new one would not have.
    func isForgettable(now: Int, monthStart: Int) -> Bool {
        // A month may be longer than thirty days.
        inFlight == 0 && blockedUntil <= now && lastUsed < min(now - 30 * 86_400_000, monthStart)
    }

    /// - Parameter periods: the day and the month that hold `now`.
    mutating func advance(to now: Int, _ periods: LimitPeriods) {
        minute.advance(to: now)
        // A clock that goes back changes no day: what was counted in the later one stays.
        if periods.day.lowerBound > dayStart {
            day = .zero
            dayStart = periods.day.lowerBound
        }
        if periods.month.lowerBound > monthStart {
            month = .zero
            monthStart = periods.month.lowerBound
        }
    }

    func used(_ rate: LimitRate, countsCached: Bool) -> Int {
        if rate.window == .now { return inFlight }
        return amounts(in: rate.window).value(of: rate.kind, countsCached: countsCached)
    }

    /// Requests of the last minute are counted as they come; of them nothing is reserved.
    func reserved(_ rate: LimitRate, countsCached: Bool) -> Int {
        switch (rate.kind, rate.window) {
        case (_, .now), (.requests, .minute): 0
        default: reserved.value(of: rate.kind, countsCached: countsCached)
        }
    }

    private func amounts(in window: LimitRate.Window) -> LimitAmounts {
        switch window {
        case .minute: minute.sum
        case .day: day
        case .month: month
        case .total: total
        case .now: .zero
        }
    }

    // MARK: A request

    mutating func reserve(_ need: LimitAmounts, now: Int) {
        reserved += need
        inFlight += 1
        lastUsed = now
        if need.requests > 0 { minute.add(LimitAmounts(requests: need.requests), at: now) }
    }

    mutating func change(from old: LimitAmounts, to new: LimitAmounts) {
        reserved -= old
        reserved += new
    }

    /// - Parameters:
    ///   - used: what the request came to; without its request when it did not count as one.
    ///   - admitted: when it was reserved.
    mutating func settle(_ need: LimitAmounts, used: LimitAmounts, admitted: Int, now: Int) {
        reserved -= need
        inFlight = max(0, inFlight - 1)
        lastUsed = now
        if used.requests < need.requests {
            minute.remove(LimitAmounts(requests: need.requests - used.requests), addedAt: admitted)
        }
        var later = used
        later.requests = 0
        if later != .zero { minute.add(later, at: now) }
        count(used)
    }

    /// What was booked before this process began.
    mutating func restore(day: LimitAmounts, month: LimitAmounts, total: LimitAmounts, lastUsed: Int) {
        self.day += day
        self.month += month
        self.total += total
        self.lastUsed = max(self.lastUsed, lastUsed)
    }

    /// Of a request that ended within the last minute.
    mutating func restoreMinute(_ amounts: LimitAmounts, admitted: Int, ended: Int) {
        minute.add(LimitAmounts(requests: amounts.requests), at: admitted)
        var later = amounts
        later.requests = 0
        if later != .zero { minute.add(later, at: ended) }
    }

    private mutating func count(_ used: LimitAmounts) {
        day += used
        month += used
        total += used
    }

    /// Counts begin at zero; what is in flight stays reserved.
    /// - Parameter kind: only these numbers; nil for all.
    mutating func reset(_ kind: LimitRate.Kind?) {
        minute.clear(kind)
        day.clear(kind)
        month.clear(kind)
        total.clear(kind)
    }
}

/// The day and the month of the calendar that hold an instant, in milliseconds since 1970.
struct LimitPeriods: Sendable, Hashable {
    var day: Range<Int>
    var month: Range<Int>
}
