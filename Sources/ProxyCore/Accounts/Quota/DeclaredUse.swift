/// What an account's declared windows have counted: `quota: {declared: {tokens_per_day: 5M}}`, for vendors that tell nothing.
///
/// A minute begins with its first request, a day and a month with those of `timezone`. What is counted does not outlive the process.
struct DeclaredUse: Sendable {
    private var windows: [Window: (used: LimitAmounts, resetsAt: Int)] = [:]

    /// What is counted goes on when the file allows another number of it.
    private struct Window: Hashable {
        let kind: LimitRate.Kind
        let length: LimitRate.Window

        init(_ rate: LimitRate) { (kind, length) = (rate.kind, rate.window) }
    }

    /// Takes a request that is about to be sent.
    /// - Parameter anyway: it is sent though nothing is left.
    /// - Returns: false where nothing is left, and nothing is counted.
    mutating func takeRequest(_ rates: [LimitRate], anyway: Bool, time: LimitTime, zone: Zone) -> Bool {
        let isUsedUp = rates.contains { rate in
            guard rate.kind == .requests, let window = windows[Window(rate)], window.resetsAt > time.steady else { return false }
            return window.used.requests >= rate.most
        }
        guard !isUsedUp || anyway else { return false }
        count(LimitAmounts(requests: 1), rates, time: time, zone: zone)
        return true
    }

    /// Counts what is used.
    mutating func count(_ amounts: LimitAmounts, _ rates: [LimitRate], time: LimitTime, zone: Zone) {
        for rate in rates {
            var window = windows[Window(rate)] ?? (used: LimitAmounts(), resetsAt: 0)
            if window.resetsAt <= time.steady { window = (used: LimitAmounts(), resetsAt: Self.reset(of: rate, time, zone)) }
            window.used += amounts
            windows[Window(rate)] = window
        }
    }

    /// What is left of the windows; all of it where one is over, or has not begun.
    func rest(of rates: [LimitRate], now: Int) -> [QuotaWindow] {
        rates.map { rate in
            let window = windows[Window(rate)]
            let left = max(0, rate.most - (window?.used.value(of: rate.kind, countsCached: true) ?? 0))
            var told = QuotaWindow(
                .all, kind: rate.kind.rawValue, share: rate.most > 0 ? Double(left) / Double(rate.most) : 0,
                resetsAt: window?.resetsAt, source: .declared, takenAt: min(now, window?.resetsAt ?? now), limit: rate.most,
                remaining: left)
            told.length = Self.length(of: rate)
            return told.reckoned(now: now)
        }
    }

    /// Tells windows of one kind apart; a month is always taken as 30 days.
    private static func length(of rate: LimitRate) -> Int {
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
