extension LimitTable {
    /// Goes on from what was there before this process began.
    /// - Parameters:
    ///   - recent: what was used within the last minute, in any order.
    ///   - coming: what is booked of days to come.
    func restore(
        _ sums: [LimitSums], _ blocks: [LimitBlock], _ recent: [RecentCharge], _ resets: [LimitReset], coming: [LimitDay] = [],
        now: LimitTime
    ) {
        let pieces = Self.left(of: recent, resets, now: now)
        state.withLock { state in
            state.advance(to: now)
            state.coming = coming
            for sum in sums {
                let slot = state.slot(limit: sum.limit, bucket: sum.bucket).slot
                state.slots[slot].state.restore(
                    day: sum.day, month: sum.month, total: sum.total,
                    lastUsed: sum.lastUsed.multipliedReportingOverflow(by: 1_000).partialValue)
            }
            for block in blocks {
                let slot = state.slot(limit: block.limit, bucket: block.bucket).slot
                state.slots[slot].state.blockedUntil = block.until
                state.slots[slot].state.blockedAs = block.title
            }
            for piece in pieces {
                let slot = state.slot(limit: piece.limit, bucket: piece.bucket).slot
                state.slots[slot].state.restoreMinute(piece.amounts, at: now.back(to: piece.time))
            }
        }
    }

    /// What resets have left, in order of time: a minute takes nothing that is older than what it has.
    private static func left(of charges: [RecentCharge], _ resets: [LimitReset], now: LimitTime) -> [RecentCharge] {
        var resetsOf: [LimitCharge: [LimitReset]] = [:]
        // A clock that was ahead when it was reset would leave out what came since.
        for reset in resets where reset.time <= now.wall {
            resetsOf[LimitCharge(limit: reset.limit, bucket: reset.bucket), default: []].append(reset)
        }
        var left = charges
        if !resetsOf.isEmpty {
            for index in left.indices {
                let charge = left[index]
                for reset in resetsOf[LimitCharge(limit: charge.limit, bucket: charge.bucket)] ?? []
                where charge.time <= reset.time {
                    left[index].amounts.clear(reset.kind)
                }
            }
        }
        return left.filter { $0.amounts != .zero }.sorted { $0.time < $1.time }
    }
}

extension LimitTable.State {
    /// A clock that was ahead by a month has had buckets forgotten and blocks ended: they are there as after a restart.
    mutating func bringBack(_ booked: [LimitCharge: LimitSums], _ blocks: [LimitBlock]) {
        for (charge, sum) in booked {
            let isThere = limits[charge.limit]?[charge.bucket] != nil
            let slot = slot(limit: charge.limit, bucket: charge.bucket).slot
            slots[slot].state.bringBack(
                day: isThere ? .zero : sum.day, month: isThere ? .zero : sum.month, total: sum.total, lastUsed: sum.lastUsed)
        }
        for block in blocks where block.until > moment.wall {
            let slot = slot(limit: block.limit, bucket: block.bucket).slot
            slots[slot].state.blockedUntil = max(slots[slot].state.blockedUntil, block.until)
            slots[slot].state.blockedAs = block.title
        }
    }
}
