/// Admission where limits are shared by several nodes.
extension LimitTable.State {
    private enum Verdict {
        case covered
        case asks
        case unreachable
        case refused(LimitRefusal)
    }

    /// Reserves what leases cover, all or nothing.
    mutating func reserveLeased(
        _ reservation: inout LimitReservation, _ uses: [LimitUse], _ patience: LeasePatience, _ asks: inout LeaseAsks
    ) -> [LimitRefusal] {
        var refusals: [LimitRefusal] = []
        for (index, use) in uses.enumerated() {
            let need = reservation.entries[index].need
            let (slot, displaces) = self.slot(limit: use.limit.id, bucket: use.bucket)
            reservation.entries[index].slot = slot
            if displaces { reservation.displaces = use.limit }
            switch verdict(use, slot, need, patience, &asks) {
            case .covered: break
            case .asks: asks.slots.append(slot)
            case .unreachable: asks.isUnreachable = true
            case .refused(let refusal):
                refusals.append(refusal)
                slots[slot].state.note(refusal, at: moment.wall)
            }
        }
        if !refusals.isEmpty { (asks.slots, asks.isUnreachable) = ([], false) }
        guard refusals.isEmpty, asks.slots.isEmpty, !asks.isUnreachable else { return refusals }
        take(&reservation, uses)
        for entry in reservation.entries where isRunningLow(entry.slot) {
            leasing?.enqueue(entry.slot)
            asks.isDue = true
        }
        return []
    }

    /// A request that is under way needs more of a limit; it does not wait for it.
    mutating func leaseRefusal(_ use: LimitUse, _ slot: Int, _ more: LimitAmounts) -> LimitRefusal? {
        guard leasing != nil else { return nil }
        var asks = LeaseAsks()
        switch verdict(use, slot, more, .isOver(since: Int.min), isRunning: true, &asks) {
        case .covered: return nil
        case .refused(let refusal): return refusal
        case .asks, .unreachable: return refusalOfLease(use, slot, more, isRunning: true)
        }
    }

    private mutating func verdict(
        _ use: LimitUse, _ slot: Int, _ need: LimitAmounts, _ patience: LeasePatience, isRunning: Bool = false,
        _ asks: inout LeaseAsks
    ) -> Verdict {
        if let refusal = moment.blockRefusal(use, slots[slot].state) { return .refused(refusal) }
        if need.isUnpriced, let refusal = moment.spent(use, slots[slot].state) { return .refused(refusal) }
        guard leasing != nil else { return .covered }
        let now = moment.steady
        leasing?.apply(slot, use.limit, bucket: use.bucket)
        leasing?.leases[slot].askedAt = now
        leasing?.watch(slot)
        let missing = uncovered(use, slot, need, isRunning: isRunning)
        // Nothing of `leasing` is kept while it is changed: all leases would be copied.
        guard !missing.isEmpty, let toldAt = leasing?.leases[slot].toldAt, let terms = leasing?.terms else { return .covered }
        if leasing?.isAway == true { return verdictAlone(use, slot, missing, terms) }
        let heardAt = leasing?.leases[slot].heardAt ?? Int.min
        let isFresh = heardAt > Int.min && now - heardAt < LeaseTerms.fresh
        if isFresh, let refusal = moment.refusal(use, &slots[slot].state, need, isRunning: isRunning),
            refusal.rate?.window != .minute || refusal.wait == .never || leasing?.leases[slot].wasAsked == true
        {
            return .refused(refusal)
        }
        for (kind, needed) in missing { leasing?.leases[slot].ask(kind, needed, now: now) }
        leasing?.enqueue(slot)
        asks.isDue = true
        guard case .isOver(let since) = patience else { return .asks }
        // Others were quicker, time and again. Where no answer has come since it asked, nobody knows.
        if toldAt > Int.min, now - toldAt < terms.lasts, heardAt >= since, leasing?.leases[slot].isKnown == true {
            return .refused(refusalOfLease(use, slot, need, isRunning: isRunning))
        }
        return verdictAlone(use, slot, missing, terms)
    }

    /// The kinds of which what is held here is too little, and what is needed of each.
    private func uncovered(
        _ use: LimitUse, _ slot: Int, _ need: LimitAmounts, isRunning: Bool
    ) -> [(kind: LimitRate.Kind, needed: Int)] {
        guard let lease = leasing?.leases[slot] else { return [] }
        let counts = use.limit.countsCached
        var missing: [(kind: LimitRate.Kind, needed: Int)] = []
        for rate in use.limit.rates where !missing.contains(where: { $0.kind == rate.kind }) {
            let needed = rate.kind == .concurrency ? (isRunning ? 0 : 1) : need.value(of: rate.kind, countsCached: counts)
            guard needed > 0 else { continue }
            let free = lease.free(
                rate.kind, reserved: slots[slot].state.leaseReserved(rate.kind, counts), countsCached: counts, now: moment.steady)
            if free < needed { missing.append((rate.kind, needed)) }
        }
        return missing
    }

    private func isRunningLow(_ slot: Int) -> Bool {
        guard let lease = leasing?.leases[slot], let limit = lease.limit, lease.sending == nil, leasing?.isAway == false else {
            return false
        }
        return lease.isRunningLow(
            slots[slot].state.reservedByKind(limit.countsCached), countsCached: limit.countsCached)
    }

    /// More was used than reserved, and what this node holds does not cover it: others may be let through for what is gone.
    func isOverdrawn(_ slot: Int) -> Bool { leasing?.leases[slot].isOverdrawn(slots[slot].state) ?? false }

    // MARK: Without the server

    /// Where the file says that nobody is let through without the server, a late answer is no absence yet.
    private func verdictAlone(
        _ use: LimitUse, _ slot: Int, _ missing: [(kind: LimitRate.Kind, needed: Int)], _ terms: LeaseTerms
    ) -> Verdict {
        if terms.whenAway == .refuse, leasing?.isGone == true { return .unreachable }
        for (kind, needed) in missing {
            for rate in use.limit.rates where rate.kind == kind && !fitsDivided(use, slot, rate, needed) {
                let bucket = slots[slot].state
                return .refused(
                    moment.refusal(
                        use, rate, bucket, needed, used: bucket.used(rate, countsCached: use.limit.countsCached),
                        reserved: bucket.reserved(rate, countsCached: use.limit.countsCached)))
            }
        }
        return .covered
    }

    /// What this node knew last of a window that has not begun anew since, it goes on with: with what it holds and its part of what
    /// nobody held. Of another it has its part of the whole.
    private func fitsDivided(_ use: LimitUse, _ slot: Int, _ rate: LimitRate, _ needed: Int) -> Bool {
        guard let leasing else { return true }
        let (lease, bucket, counts) = (leasing.leases[slot], slots[slot].state, use.limit.countsCached)
        let taken = UsageAmounts.sum(
            bucket.usedHere(rate, countsCached: counts), bucket.reservedHere(rate, countsCached: counts))
        let left = LeaseTerms.share(of: rate.most, nodes: leasing.nodes) - taken
        guard lease.isKnown, isCurrent(rate.window, lease) else {
            // What others have told a server that has lost its memory counts, as far as it goes.
            let all = UsageAmounts.sum(bucket.used(rate, countsCached: counts), bucket.reserved(rate, countsCached: counts))
            return needed <= min(left, rate.most &- all)
        }
        return lease.divided(
            rate.kind, reserved: bucket.leaseReserved(rate.kind, counts), countsCached: counts, left: left,
            nodes: leasing.nodes, leasing.terms) >= needed
    }

    private func isCurrent(_ window: LimitRate.Window, _ lease: BucketLease) -> Bool {
        switch window {
        case .minute, .now: moment.steady - lease.toldAt < SlidingMinute.length
        case .day: lease.toldWall >= moment.periods.day.lowerBound
        case .month: lease.toldWall >= moment.periods.month.lowerBound
        case .total: true
        }
    }

    /// What others have used of a bucket counts still, as the server told last: it is kept as long as one that is used here.
    mutating func isUsedElsewhere(_ slot: Int) -> Bool {
        guard let lease = leasing?.leases[slot], let limit = lease.limit, !slots[slot].state.others.isEmpty else { return false }
        slots[slot].state.advance(to: moment)
        let others = slots[slot].state.others
        return limit.rates.contains { rate in
            switch rate.window {
            case .minute, .day, .month: others.used(rate) > 0
            case .total:
                others.used(rate) > 0
                    && lease.toldWall >= min(moment.wall - 30 * 86_400_000, moment.periods.month.lowerBound)
            case .now:
                lease.parts[rate.kind.place].unheld < rate.most && moment.steady - lease.toldAt < SlidingMinute.length
            }
        }
    }

    /// What a request is told that others have been quicker than.
    private mutating func refusalOfLease(_ use: LimitUse, _ slot: Int, _ need: LimitAmounts, isRunning: Bool) -> LimitRefusal {
        if let refusal = moment.refusal(use, &slots[slot].state, need, isRunning: isRunning) { return refusal }
        let (bucket, counts) = (slots[slot].state, use.limit.countsCached)
        let rate = uncovered(use, slot, need, isRunning: isRunning).first.flatMap { missing in
            use.limit.rates.first { $0.kind == missing.kind }
        }
        return LimitRefusal(
            limit: use.limit, rate: rate, label: use.label,
            used: rate.map { bucket.used($0, countsCached: counts) } ?? 0,
            reserved: rate.map { bucket.reserved($0, countsCached: counts) } ?? 0,
            needed: rate.map { need.value(of: $0.kind, countsCached: counts) } ?? 0, resetsAt: nil, wait: .milliseconds(1_000))
    }
}

extension LimitBucket {
    /// What is reserved here of a kind, as a lease has to cover it: requests count as they come.
    func leaseReserved(_ kind: LimitRate.Kind, _ countsCached: Bool) -> Int {
        switch kind {
        case .requests: 0
        case .tokens, .cost: reserved.value(of: kind, countsCached: countsCached)
        case .concurrency: inFlight
        }
    }
}
