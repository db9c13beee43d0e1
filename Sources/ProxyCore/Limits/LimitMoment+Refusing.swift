/// Whether a request fits into what is left of a bucket at this moment.
extension LimitMoment {
    /// - Parameters:
    ///   - bucket: as of this moment; only looked at, and where it is, since one is great.
    ///   - isRunning: the request is counted already, and needs only more.
    func refusal(_ use: LimitUse, _ bucket: inout LimitBucket, _ need: LimitAmounts, isRunning: Bool = false) -> LimitRefusal? {
        if let refusal = blockRefusal(use, bucket) { return refusal }
        let limit = use.limit
        var worst = need.isUnpriced ? spent(use, bucket) : nil
        for rate in limit.rates {
            let needed =
                rate.kind == .concurrency ? (isRunning ? 0 : 1) : need.value(of: rate.kind, countsCached: limit.countsCached)
            guard needed > 0 else { continue }
            let used = bucket.used(rate, countsCached: limit.countsCached)
            let reserved = bucket.reserved(rate, countsCached: limit.countsCached)
            guard UsageAmounts.sum(UsageAmounts.sum(used, reserved), needed) > rate.most else { continue }
            let refusal = self.refusal(use, rate, bucket, needed, used: used, reserved: reserved)
            if refusal.outweighs(worst) { worst = refusal }
        }
        return worst
    }

    func refusal(
        _ use: LimitUse, _ rate: LimitRate, _ bucket: LimitBucket, _ needed: Int, used: Int, reserved: Int
    ) -> LimitRefusal {
        let passes = rate.window == .minute ? passing(of: rate, bucket, needed, use.limit) : nil
        return LimitRefusal(
            limit: use.limit, rate: rate, label: use.label, used: used, reserved: reserved, needed: needed,
            resetsAt: end(of: rate, passes), wait: wait(rate, passes, used: used, needed: max(1, needed)))
    }

    /// What has no price comes to nothing: it may go on while any money is left.
    func spent(_ use: LimitUse, _ bucket: LimitBucket) -> LimitRefusal? {
        var worst: LimitRefusal?
        for rate in use.limit.rates where rate.kind == .cost {
            let used = bucket.used(rate, countsCached: false)
            guard used >= rate.most else { continue }
            let reserved = bucket.reserved(rate, countsCached: false)
            let refusal = self.refusal(use, rate, bucket, 0, used: used, reserved: reserved)
            if refusal.outweighs(worst) { worst = refusal }
        }
        return worst
    }

    func blockRefusal(_ use: LimitUse, _ bucket: LimitBucket) -> LimitRefusal? {
        let until = bucket.blockedUntil
        guard until > wall else { return nil }
        return LimitRefusal(
            limit: use.limit, rate: nil, title: bucket.blockedAs, label: use.label, used: 0, reserved: 0, needed: 0,
            resetsAt: until == .max ? nil : until, wait: until == .max ? .never : .milliseconds(until - wall))
    }

    /// Milliseconds until enough of the last minute has passed; nil where waiting does not help.
    private func passing(of rate: LimitRate, _ bucket: LimitBucket, _ needed: Int, _ limit: UsageLimit) -> Int? {
        guard bucket.others.isEmpty else { return needed > rate.most ? nil : bucket.others.wait(rate.kind, now: steady) ?? 1_000 }
        return bucket.minute.wait(until: rate.most - needed, now: steady) {
            $0.value(of: rate.kind, countsCached: limit.countsCached)
        }
    }

    private func end(of rate: LimitRate, _ passes: Int?) -> Int? {
        switch rate.window {
        case .minute: passes.map { wall + $0 }
        case .day: periods.day.upperBound
        case .month: periods.month.upperBound
        case .total, .now: nil
        }
    }

    private func wait(_ rate: LimitRate, _ passes: Int?, used: Int, needed: Int) -> LimitRefusal.Wait {
        if rate.kind == .concurrency { return .unknown }
        if needed > rate.most || rate.window == .total { return .never }
        // What is in flight ends some time: then it counts, or is given back.
        if UsageAmounts.sum(used, needed) <= rate.most { return .milliseconds(1_000) }
        switch rate.window {
        case .minute: return .milliseconds(max(1, passes ?? SlidingMinute.length))
        case .day: return .milliseconds(max(1, periods.day.upperBound - wall))
        case .month: return .milliseconds(max(1, periods.month.upperBound - wall))
        case .total, .now: return .never
        }
    }
}

extension LimitRefusal {
    /// Whether this one is what the client should hear of: the one that lasts longest.
    func outweighs(_ other: LimitRefusal?) -> Bool {
        guard let other else { return true }
        return weight > other.weight
    }

    private var weight: Int {
        switch wait {
        case .unknown: 0
        case .milliseconds(let time): time
        case .never: .max
        }
    }
}
