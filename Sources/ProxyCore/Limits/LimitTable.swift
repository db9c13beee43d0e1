import Synchronization

/// What is used of every limit, and what is reserved of it, at this moment.
///
/// All limits of a request are reserved together or not at all, under one lock that is held for less than a microsecond: two requests
/// that come at once on two loops cannot both have the last of a limit.
public final class LimitTable: Sendable {
    let state: Mutex<State>
    /// What answers mostly have, for limits that reserve so much.
    let typicalOutput = TypicalOutput()
    /// Changes with every block: what is in flight looks whether it is meant.
    private let blocks = Atomic<Int>(0)

    /// Clients can name buckets (sessions): of one limit this many are kept, those that have not been used for longest give way.
    static let mostBuckets = 100_000

    struct State {
        var clock: LocalClock
        var periods = LimitPeriods(day: 0..<0, month: 0..<0)
        /// Milliseconds since 1970 of the latest call; time does not go back.
        var now = 0
        var slots: [Slot] = []
        var free: [Int] = []
        var limits: [String: [String: Int]] = [:]
        /// The next slot that is looked at whether it can be forgotten.
        var hand = 0
    }

    struct Slot {
        let limit: String
        let bucket: String
        var state = LimitBucket()
        var isFree = false
    }

    public init(timeZone: Zone) {
        state = Mutex(State(clock: LocalClock(timeZone)))
    }

    /// Goes on from what was there before this process began.
    /// - Parameter now: milliseconds since 1970.
    func restore(_ sums: [LimitSums], _ blocks: [LimitBlock], _ recent: [RecentCharge], now: Int) {
        state.withLock { state in
            state.advance(to: now)
            for sum in sums {
                let slot = state.slot(limit: sum.limit, bucket: sum.bucket)
                state.slots[slot].state.restore(
                    day: sum.day, month: sum.month, total: sum.total,
                    lastUsed: sum.lastUsed.multipliedReportingOverflow(by: 1_000).partialValue)
            }
            for block in blocks {
                state.slots[state.slot(limit: block.limit, bucket: block.bucket)].state.blockedUntil = block.until
            }
            for charge in recent {
                let slot = state.slot(limit: charge.limit, bucket: charge.bucket)
                state.slots[slot].state.restoreMinute(charge.amounts, admitted: charge.admitted, ended: charge.ended)
            }
        }
    }

    public var blockCount: Int { blocks.load(ordering: .relaxed) }

    // MARK: A request

    /// Reserves what a request needs of every limit that applies to it, or of none.
    /// - Parameters:
    ///   - need: by limit: what is reserved for the answer may differ.
    ///   - now: milliseconds since 1970.
    /// - Throws: what each limit says that refuses.
    public func reserve(
        _ uses: [LimitUse], _ need: (UsageLimit) -> LimitAmounts, now: Int
    ) throws(LimitRefusals) -> LimitReservation {
        let result = state.withLock { state -> Result<LimitReservation, LimitRefusals> in
            state.advance(to: now)
            var entries: [LimitReservation.Entry] = []
            entries.reserveCapacity(uses.count)
            var refusals: [LimitRefusal] = []
            for use in uses {
                let slot = state.slot(use)
                let need = need(use.limit)
                entries.append(LimitReservation.Entry(slot: slot, need: need))
                if let refusal = state.refusal(use, slot, need) { refusals.append(refusal) }
            }
            guard refusals.isEmpty else { return .failure(LimitRefusals(all: refusals)) }
            for entry in entries { state.slots[entry.slot].state.reserve(entry.need, now: state.now) }
            return .success(LimitReservation(entries: entries, admitted: state.now))
        }
        return try result.get()
    }

    /// Reserves another cost: a dearer target is asked next.
    /// - Returns: nil when done; else nothing has changed.
    public func change(
        _ reservation: inout LimitReservation?, _ uses: [LimitUse], to need: (UsageLimit) -> LimitAmounts, now: Int
    ) -> LimitRefusal? {
        guard let entries = reservation?.entries else { return nil }
        let result = state.withLock { state -> Result<[LimitReservation.Entry], LimitRefusal> in
            state.advance(to: now)
            var changed = entries
            for (index, use) in uses.enumerated() where index < entries.count {
                let (slot, old) = (entries[index].slot, entries[index].need)
                let new = need(use.limit)
                // What is reserved already is not needed again.
                var more = new
                more -= old
                more.requests = 0
                if more != .zero, let refusal = state.refusal(use, slot, more, isRunning: true) { return .failure(refusal) }
                changed[index].need = new
            }
            for (old, new) in zip(entries, changed) { state.slots[old.slot].state.change(from: old.need, to: new.need) }
            return .success(changed)
        }
        switch result {
        case .success(let changed):
            reservation?.entries = changed
            return nil
        case .failure(let refusal): return refusal
        }
    }

    /// The request has ended: what was reserved becomes what was used.
    public func settle(_ reservation: LimitReservation, used: LimitAmounts, now: Int) {
        state.withLock { state in
            state.advance(to: now)
            for entry in reservation.entries {
                state.slots[entry.slot].state.advance(to: state.now, state.periods)
                state.slots[entry.slot].state.settle(entry.need, used: used, admitted: reservation.admitted, now: state.now)
            }
        }
    }

    /// Why the request may not go on: a bucket that it counts in was blocked since it was admitted.
    public func block(of reservation: LimitReservation, _ uses: [LimitUse], now: Int) -> LimitRefusal? {
        state.withLock { state in
            state.advance(to: now)
            for (entry, use) in zip(reservation.entries, uses) {
                if let refusal = state.blockRefusal(use, entry.slot) { return refusal }
            }
            return nil
        }
    }

    // MARK: Operators

    public func setTimeZone(_ timeZone: Zone) {
        state.withLock { state in
            guard state.clock.timeZone != timeZone else { return }
            state.clock = LocalClock(timeZone)
            state.periods = LimitPeriods(day: 0..<0, month: 0..<0)
        }
    }

    /// Counts begin at zero.
    /// - Parameter kind: only these; nil for all that the bucket counts.
    public func reset(limit id: String, bucket: String, kind: LimitRate.Kind?) {
        state.withLock { state in
            guard let slot = state.limits[id]?[bucket] else { return }
            state.slots[slot].state.reset(kind)
        }
    }

    /// - Parameters:
    ///   - until: milliseconds since 1970; 0 to let through again.
    ///   - title: what the limit is called by who blocks it.
    public func block(_ use: LimitUse, until: Int, as title: String = "") {
        state.withLock { state in
            let slot = state.slot(use)
            state.slots[slot].state.blockedAs = title
            state.slots[slot].state.blockedUntil = until
        }
        blocks.wrappingAdd(1, ordering: .relaxed)
    }
}
