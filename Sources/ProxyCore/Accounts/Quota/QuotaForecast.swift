/// When a window runs out that does not last until its reset. Times are milliseconds of `SteadyClock`.
public struct QuotaForecast: Sendable, Hashable {
    /// When nothing is left; in the past where it has run out.
    public let runsOutAt: Int
    public let resetsAt: Int
}

extension QuotaWindow {
    /// nil when it lasts, when nobody can say, and for rates, which refill all the time.
    ///
    /// Of a window whose length is known the use since its beginning goes on as it was; not in its first minutes, which tell
    /// nothing. Of any other one the pace of the last minutes counts, and where little is left.
    public func forecast(now: Int) -> QuotaForecast? {
        guard let resetsAt, resetsAt > now, !isRate, source != .refusal, let share = share(now: now) else { return nil }
        if share <= 0 { return QuotaForecast(runsOutAt: min(takenAt, now), resetsAt: resetsAt) }
        if let time = linear(share, resetsAt: resetsAt, now: now) { return QuotaForecast(runsOutAt: time, resetsAt: resetsAt) }
        guard share <= Self.little || knownLength == 0 && observedFor(now: now) >= Self.observation,
            let time = runsOutAt(now: now)
        else { return nil }
        return QuotaForecast(runsOutAt: time, resetsAt: resetsAt)
    }

    /// Whether a window that was said to run out may still do so, though it is not used just now.
    public func waveringForecast(now: Int) -> QuotaForecast? {
        guard let resetsAt, resetsAt > now, let share = share(now: now), share < 0.5 else { return nil }
        return QuotaForecast(runsOutAt: resetsAt, resetsAt: resetsAt)
    }

    private static let little = 0.2
    /// Milliseconds for which a pace is looked at before it is believed.
    private static let observation = 120_000

    private func linear(_ share: Double, resetsAt: Int, now: Int) -> Int? {
        let length = knownLength
        let elapsed = length &- (resetsAt &- now)
        guard length > 0, elapsed >= max(60_000, length / 50), share < 1 else { return nil }
        let left = share * Double(elapsed) / (1 - share)
        guard left < Double(resetsAt &- now) else { return nil }
        return now &+ Int(left)
    }

    /// The time from one reset to the next, in milliseconds: as the file or the name says (`5h`, `7d:opus`); 0 where neither does.
    private var knownLength: Int {
        guard length == 0 else { return length }
        let name = kind.prefix { $0 != ":" }
        guard let unit = name.last, let count = Int(name.dropLast()), (1...1_000).contains(count) else { return 0 }
        switch unit {
        case "h": return count * 3_600_000
        case "d": return count * 86_400_000
        default: return 0
        }
    }
}
