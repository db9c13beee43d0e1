extension LimitTable {
    /// Goes on from what was there before this process began.
    /// - Parameters:
    ///   - recent: requests that ended within the last minute, in any order.
    func restore(_ sums: [LimitSums], _ blocks: [LimitBlock], _ recent: [RecentCharge], _ resets: [LimitReset], now: LimitTime) {
        let pieces = Self.pieces(of: recent, resets, now: now)
        state.withLock { state in
            state.advance(to: now)
            for sum in sums {
                let slot = state.slot(limit: sum.limit, bucket: sum.bucket).slot
                state.slots[slot].state.restore(
                    day: sum.day, month: sum.month, total: sum.total,
                    lastUsed: sum.lastUsed.multipliedReportingOverflow(by: 1_000).partialValue)
            }
            for block in blocks {
                state.slots[state.slot(limit: block.limit, bucket: block.bucket).slot].state.blockedUntil = block.until
            }
            for piece in pieces {
                let slot = state.slot(limit: piece.limit, bucket: piece.bucket).slot
                state.slots[slot].state.restoreMinute(piece.amounts, at: now.back(to: piece.time))
            }
        }
    }

    private struct Piece {
        let limit: String
        let bucket: String
        /// Milliseconds since 1970.
        let time: Int
        var amounts: LimitAmounts
    }

    /// Requests count from when they came, all else from when it was settled. In order of time: a minute takes nothing that is
    /// older than what it has.
    private static func pieces(of charges: [RecentCharge], _ resets: [LimitReset], now: LimitTime) -> [Piece] {
        var resetsOf: [LimitCharge: [LimitReset]] = [:]
        // A clock that was ahead when it was reset would leave out what came since.
        for reset in resets where reset.time <= now.wall {
            resetsOf[LimitCharge(limit: reset.limit, bucket: reset.bucket), default: []].append(reset)
        }
        var pieces: [Piece] = []
        for charge in charges {
            let resets = resetsOf[LimitCharge(limit: charge.limit, bucket: charge.bucket)] ?? []
            func add(_ amounts: LimitAmounts, at time: Int) {
                var amounts = amounts
                for reset in resets where time < reset.time { amounts.clear(reset.kind) }
                guard amounts != .zero else { return }
                pieces.append(Piece(limit: charge.limit, bucket: charge.bucket, time: time, amounts: amounts))
            }
            var later = charge.amounts
            later.requests = 0
            add(LimitAmounts(requests: charge.amounts.requests), at: charge.admitted)
            add(later, at: charge.ended)
        }
        return pieces.sorted { $0.time < $1.time }
    }
}
