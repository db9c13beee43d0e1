extension LimitTable.State {
    /// Time does not go back: a clock that was set back makes nobody's window longer.
    mutating func advance(to instant: Int) {
        now = max(now, instant)
        if !periods.day.contains(now) { periods = LimitPeriods(at: now, clock) }
        forgetOne()
    }

    /// The slot of a bucket, made where there is none.
    mutating func slot(_ use: LimitUse) -> Int { slot(limit: use.limit.id, bucket: use.bucket) }

    /// - Parameter id: the limit's.
    mutating func slot(limit id: String, bucket name: String) -> Int {
        if let slot = limits[id]?[name] {
            slots[slot].state.advance(to: now, periods)
            return slot
        }
        if let count = limits[id]?.count, count >= LimitTable.mostBuckets { makeRoom(in: id) }
        var bucket = LimitTable.Slot(limit: id, bucket: name)
        bucket.state.advance(to: now, periods)
        let slot = free.popLast() ?? slots.count
        if slot == slots.count { slots.append(bucket) } else { slots[slot] = bucket }
        limits[id, default: [:]][name] = slot
        return slot
    }

    /// Looks at one slot: as many are looked at as requests come, so that no call takes long.
    private mutating func forgetOne() {
        guard !slots.isEmpty else { return }
        hand = hand + 1 < slots.count ? hand + 1 : 0
        if !slots[hand].isFree, slots[hand].state.isForgettable(now: now, monthStart: periods.month.lowerBound) { forget(hand) }
    }

    private mutating func forget(_ slot: Int) {
        limits[slots[slot].limit]?[slots[slot].bucket] = nil
        slots[slot] = LimitTable.Slot(limit: "", bucket: "", isFree: true)
        free.append(slot)
    }

    /// Of some of a limit's buckets the one that has not been used for longest goes.
    private mutating func makeRoom(in limit: String) {
        var oldest: Int?
        var looked = 0
        for _ in 0..<min(slots.count, 1_024) where looked < 32 {
            hand = hand + 1 < slots.count ? hand + 1 : 0
            let slot = slots[hand]
            guard !slot.isFree, slot.limit == limit, slot.state.inFlight == 0, slot.state.blockedUntil <= now else { continue }
            looked += 1
            if oldest.map({ slots[$0].state.lastUsed > slot.state.lastUsed }) ?? true { oldest = hand }
        }
        if let oldest { forget(oldest) }
    }

    // MARK: Refusing

    /// - Parameter isRunning: the request is counted already, and needs only more.
    func refusal(_ use: LimitUse, _ slot: Int, _ need: LimitAmounts, isRunning: Bool = false) -> LimitRefusal? {
        if let refusal = blockRefusal(use, slot) { return refusal }
        let bucket = slots[slot].state
        let limit = use.limit
        var worst: LimitRefusal?
        for rate in limit.rates {
            let needed =
                rate.kind == .concurrency ? (isRunning ? 0 : 1) : need.value(of: rate.kind, countsCached: limit.countsCached)
            guard needed > 0 else { continue }
            let used = bucket.used(rate, countsCached: limit.countsCached)
            let reserved = bucket.reserved(rate, countsCached: limit.countsCached)
            guard UsageAmounts.sum(UsageAmounts.sum(used, reserved), needed) > rate.most else { continue }
            let refusal = LimitRefusal(
                limit: limit, rate: rate, label: use.label, used: used, reserved: reserved, needed: needed,
                resetsAt: end(of: rate, bucket, needed, limit), wait: wait(rate, bucket, used: used, needed: needed, limit))
            if refusal.outweighs(worst) { worst = refusal }
        }
        return worst
    }

    func blockRefusal(_ use: LimitUse, _ slot: Int) -> LimitRefusal? {
        let until = slots[slot].state.blockedUntil
        guard until > now else { return nil }
        return LimitRefusal(
            limit: use.limit, rate: nil, title: slots[slot].state.blockedAs, label: use.label, used: 0, reserved: 0, needed: 0,
            resetsAt: until == .max ? nil : until, wait: until == .max ? .never : .milliseconds(until - now))
    }

    private func end(of rate: LimitRate, _ bucket: LimitBucket, _ needed: Int, _ limit: UsageLimit) -> Int? {
        switch rate.window {
        case .minute:
            bucket.minute.wait(until: rate.most - needed, now: now) { $0.value(of: rate.kind, countsCached: limit.countsCached) }
                .map { now + $0 }
        case .day: periods.day.upperBound
        case .month: periods.month.upperBound
        case .total, .now: nil
        }
    }

    private func wait(_ rate: LimitRate, _ bucket: LimitBucket, used: Int, needed: Int, _ limit: UsageLimit) -> LimitRefusal.Wait
    {
        if rate.kind == .concurrency { return .unknown }
        if needed > rate.most || rate.window == .total { return .never }
        // What is in flight ends some time: then it counts, or is given back.
        if UsageAmounts.sum(used, needed) <= rate.most { return .milliseconds(1_000) }
        switch rate.window {
        case .minute:
            let wait = bucket.minute.wait(until: rate.most - needed, now: now) {
                $0.value(of: rate.kind, countsCached: limit.countsCached)
            }
            return .milliseconds(max(1, wait ?? SlidingMinute.length))
        case .day: return .milliseconds(periods.day.upperBound - now)
        case .month: return .milliseconds(periods.month.upperBound - now)
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

extension LimitPeriods {
    /// - Parameter now: milliseconds since 1970.
    init(at now: Int, _ clock: LocalClock) {
        let seconds = now / 1_000
        let (date, range) = clock.day(at: seconds)
        day = range.lowerBound * 1_000..<range.upperBound * 1_000
        month = clock.month(of: date)
    }
}
