/// What an account's declared windows have counted: `quota: {declared: {tokens_per_day: 5M}}`, for vendors that tell nothing.
///
/// A minute begins with its first request, a day and a month with those of `timezone`. What is counted does not outlive the process.
struct DeclaredUse: Sendable {
    private var windows: [LimitRate: (used: LimitAmounts, resetsAt: Int)] = [:]

    /// Counts a request, and gives the windows as they are then.
    mutating func count(_ amounts: LimitAmounts, _ rates: [LimitRate], time: LimitTime, zone: Zone) -> [QuotaWindow] {
        windows = windows.filter { rates.contains($0.key) }
        return rates.map { rate in
            var window = windows[rate] ?? (used: LimitAmounts(), resetsAt: 0)
            if window.resetsAt <= time.steady { window = (used: LimitAmounts(), resetsAt: Self.reset(of: rate, time, zone)) }
            window.used += amounts
            windows[rate] = window
            let left = max(0, rate.most - window.used.value(of: rate.kind, countsCached: true))
            var told = QuotaWindow(
                .all, kind: rate.kind.rawValue, share: rate.most > 0 ? Double(left) / Double(rate.most) : 0,
                resetsAt: window.resetsAt, source: .declared, takenAt: time.steady, limit: rate.most, remaining: left)
            told.length = Self.length(of: rate)
            return told
        }
    }

    /// Tells windows of one kind apart; a month is always taken as 30 days.
    static func length(of rate: LimitRate) -> Int {
        switch rate.window {
        case .minute: 60_000
        case .day: 86_400_000
        case .month: 30 * 86_400_000
        case .total, .now: 0
        }
    }

    private static func reset(of rate: LimitRate, _ time: LimitTime, _ zone: Zone) -> Int {
        let clock = LocalClock(zone)
        let day = clock.day(at: time.wall / 1_000)
        switch rate.window {
        case .minute: return time.steady &+ 60_000
        case .day: return time.steady &+ max(1, day.range.upperBound * 1_000 - time.wall)
        case .month: return time.steady &+ max(1, clock.month(of: day.date).upperBound - time.wall)
        case .total, .now: return .max
        }
    }
}
