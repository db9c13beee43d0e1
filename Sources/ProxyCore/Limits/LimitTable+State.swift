extension LimitTable.State {
    mutating func advance(to time: LimitTime) {
        let before = moment
        moment.advance(to: time, clock)
        if !pasts.isEmpty, hasReturned {
            moment.forgetPeriods()
            moment.advance(to: time, clock)
        }
        if moment.periods.day.lowerBound != before.periods.day.lowerBound, !before.periods.day.isEmpty { turn(from: before) }
        forgetOne()
    }

    /// Another day has begun: what was booked of it before is used on it.
    private mutating func turn(from old: LimitMoment) {
        let before = old.periods
        let past = leap(from: old)
        // Last: what is booked of a day may be a part of what there was.
        defer { bringBack(past) }
        guard moment.periods.day.lowerBound > before.day.lowerBound else {
            lacksBooked = true
            return
        }
        guard !coming.isEmpty else { return }
        let day = clock.day(at: moment.wall / 1_000).date.number
        let month = moment.periods.month.lowerBound > before.month.lowerBound ? day / 100 * 100 + 1 : Int.max
        for one in coming {
            guard let slot = limits[one.limit]?[one.bucket] else { continue }
            slots[slot].state.advance(to: moment)
            slots[slot].state.restore(
                day: one.day == day ? one.amounts : .zero, month: one.day >= month ? one.amounts : .zero, total: .zero,
                lastUsed: 0)
        }
        coming.removeAll { $0.day <= day }
    }

    /// The slot of a bucket that is there, brought to this moment. One whose time is over is not there, whether it has been looked at
    /// or not.
    mutating func find(limit id: String, bucket name: String) -> Int? {
        guard let slot = limits[id]?[name] else { return nil }
        if isOver(slot) {
            forget(slot)
            return nil
        }
        slots[slot].state.advance(to: moment)
        return slot
    }

    /// - Parameter place: a slot that it had some time ago; names are compared sooner than looked for.
    mutating func find(_ use: LimitUse, at place: Int = -1) -> Int? {
        guard slots.indices.contains(place), !slots[place].isFree, slots[place].limit == use.limit.id,
            slots[place].bucket == use.bucket, !isOver(place)
        else { return find(limit: use.limit.id, bucket: use.bucket) }
        slots[place].state.advance(to: moment)
        return place
    }

    /// What is known of a bucket at this moment: of one that is not there nothing, and it is not made.
    /// - Parameter held: its slot, where that is known.
    mutating func bucket(_ use: LimitUse, at held: Int? = nil) -> LimitBucket {
        if let held {
            slots[held].state.advance(to: moment)
            return slots[held].state
        }
        return find(use).map { slots[$0].state } ?? LimitBucket(at: moment)
    }

    /// The slot of a bucket, made where there is none.
    /// - Returns: whether another one had to go for it.
    mutating func slot(limit id: String, bucket name: String) -> (slot: Int, displaces: Bool) {
        if let slot = find(limit: id, bucket: name) { return (slot, false) }
        let displaces = (limits[id]?.count ?? 0) >= mostBuckets && makeRoom(in: id)
        let bucket = LimitTable.Slot(limit: id, bucket: name, state: LimitBucket(at: moment))
        let slot = free.popLast() ?? slots.count
        if slot == slots.count { slots.append(bucket) } else { slots[slot] = bucket }
        leasing?.begin(slot)
        limits[id, default: [:]][name] = slot
        return (slot, displaces)
    }

    /// Everything fits: the buckets that are not there are made.
    mutating func take(_ reservation: inout LimitReservation, _ uses: [LimitUse]) {
        for (index, use) in uses.enumerated() {
            if reservation.entries[index].slot < 0 {
                let (slot, displaces) = slot(limit: use.limit.id, bucket: use.bucket)
                reservation.entries[index].slot = slot
                if displaces { reservation.displaces = use.limit }
            }
            let entry = reservation.entries[index]
            slots[entry.slot].state.reserve(entry.need, moment)
            leasing?.reserve(entry.slot, entry.need)
        }
    }

    /// Nothing fits: that the key has asked is told to operators all the same. There are as many of these buckets as keys.
    mutating func note(_ reservation: LimitReservation, _ uses: [LimitUse]) {
        for (entry, use) in zip(reservation.entries, uses) where entry.slot < 0 && use.limit.origin == .policy {
            guard (limits[use.limit.id]?.count ?? 0) < mostBuckets else { continue }
            let slot = slot(limit: use.limit.id, bucket: use.bucket).slot
            slots[slot].state.ask(moment)
        }
    }

    /// Looks at one slot: as many are looked at as requests come, so that no call takes long.
    private mutating func forgetOne() {
        guard !slots.isEmpty else { return }
        hand = hand + 1 < slots.count ? hand + 1 : 0
        if !slots[hand].isFree, isOver(hand) { forget(hand) }
    }

    private mutating func isOver(_ slot: Int) -> Bool {
        slots[slot].state.isForgettable(moment) && !isShared(slot) && !isUsedElsewhere(slot)
    }

    /// Something of it is held, asked for, or to be told.
    private func isShared(_ slot: Int) -> Bool {
        leasing?.leases[slot].isWatched == true || leasing?.leases[slot].isUnderWay == true
    }

    private mutating func forget(_ slot: Int) {
        limits[slots[slot].limit]?[slots[slot].bucket] = nil
        slots[slot] = LimitTable.Slot(limit: "", bucket: "", isFree: true)
        leasing?.begin(slot)
        free.append(slot)
    }

    /// Removes, of some of a limit's buckets, one that holds nothing, else the one that has not been used for longest.
    private mutating func makeRoom(in limit: String) -> Bool {
        var chosen: Int?
        var looked = 0
        for _ in 0..<min(slots.count, 1_024) where looked < 32 {
            hand = hand + 1 < slots.count ? hand + 1 : 0
            guard !slots[hand].isFree, slots[hand].limit == limit, slots[hand].state.isIdle(moment), !isShared(hand) else {
                continue
            }
            looked += 1
            if chosen.map({ slots[hand].state.goes(before: slots[$0].state) }) ?? true { chosen = hand }
        }
        guard let chosen else { return false }
        forget(chosen)
        return true
    }
}
