/// A bucket of a budget of which some has been spent.
public struct SpentBudget: Sendable, Hashable {
    /// `team.budget_per_month`, or the entry's name.
    public let limit: String
    public let bucket: String
    /// What the bucket is of: `key`, `team`.
    public let noun: String
    public let rate: LimitRate
    /// Nano-dollars.
    public let used: Int
    /// It was found used up, since the window began: a usual request was refused, or one where next to nothing is left.
    public let isRefusing: Bool

    /// A budget is seldom spent to the last cent: it is where most is spent and requests are refused.
    private static let nearlyAll = 0.8

    /// - Parameter share: 0 to 1.
    public func reaches(_ share: Double) -> Bool {
        let spent = Double(used) / Double(max(1, rate.most))
        return spent >= share || isRefusing && spent >= Self.nearlyAll
    }
}

extension LimitLook {
    /// The buckets that have spent a share of a budget.
    ///
    /// There may be a hundred thousand, and every request waits for the lock: it is held for some of them at a time, and none is
    /// copied.
    /// - Parameters:
    ///   - share: the least that is looked for.
    ///   - most: no more are given.
    public func spent(_ limits: [UsageLimit], from share: Double, most: Int) -> [SpentBudget] {
        var wanted: [String: UsageLimit] = [:]
        for limit in limits where limit.rates.contains(where: { $0.kind == .cost }) { wanted[limit.id] = limit }
        guard !wanted.isEmpty else { return [] }
        var found: [SpentBudget] = []
        var next = 0
        while true {
            let isOver = table.state.withLock { state in
                state.advance(to: now)
                let end = min(next &+ LimitTable.mostAtOnce, state.slots.count)
                while next < end, found.count < most {
                    state.spent(at: next, wanted, share, &found)
                    next += 1
                }
                return next >= state.slots.count || found.count >= most
            }
            if isOver { break }
        }
        return found.sorted { ($0.limit, $0.bucket, $0.rate.key) < ($1.limit, $1.bucket, $1.rate.key) }
    }
}

extension LimitTable.State {
    fileprivate mutating func spent(
        at slot: Int, _ wanted: [String: UsageLimit], _ share: Double, _ found: inout [SpentBudget]
    ) {
        guard !slots[slot].isFree, let limit = wanted[slots[slot].limit] else { return }
        slots[slot].state.advance(to: moment)
        for rate in limit.rates where rate.kind == .cost {
            let used = slots[slot].state.used(rate, countsCached: limit.countsCached)
            let spent = SpentBudget(
                limit: limit.title(rate), bucket: slots[slot].bucket, noun: limit.noun, rate: rate, used: used,
                isRefusing: slots[slot].state.isRefusing(rate, moment))
            if spent.reaches(share) { found.append(spent) }
        }
    }
}

extension LimitBucket {
    /// Whether the budget has refused a request since its window began.
    fileprivate func isRefusing(_ rate: LimitRate, _ moment: LimitMoment) -> Bool {
        switch rate.window {
        case .day: refused[.day] >= moment.periods.day.lowerBound
        case .month: refused[.month] >= moment.periods.month.lowerBound
        case .total, .minute, .now: refused[rate.window] > 0
        }
    }
}
