import Synchronization

/// What is used of every limit, and what is reserved of it, at this moment.
///
/// All limits of a request are reserved together or not at all, under one lock: two requests that come at once on two loops cannot
/// both have the last of a limit. What can be reckoned before is not reckoned under it.
public final class LimitTable: Sendable {
    let state: Mutex<State>
    /// What answers mostly have, for limits that reserve so much.
    let typicalOutput = TypicalOutput()
    /// What of limits the log is told.
    let notices = LimitNotices()
    let reached = ReachedLimits()
    /// Changes with every block: what is in flight looks whether it is meant.
    private let blocks = Atomic<Int>(0)
    /// Rung when a message to the server of limits is due.
    let bell = LeaseBell()

    /// Clients can name buckets (sessions): of one limit this many are kept, those that have not been used for longest give way.
    public static let mostBuckets = 100_000

    struct State {
        var clock: LocalClock
        var moment = LimitMoment()
        var slots: [Slot] = []
        var free: [Int] = []
        var limits: [String: [String: Int]] = [:]
        /// What is booked of days to come.
        var coming: [LimitDay] = []
        /// A day began that is before another: what was booked on it is not counted.
        var lacksBooked = false
        /// What there was before the clock leapt, once or more often.
        var pasts: [LimitPast] = []
        let mostBuckets: Int
        /// The next slot that is looked at whether it can be forgotten.
        var hand = 0
        /// nil where limits are this node's alone.
        var leasing: Leasing?
        /// How many leases there were when limits were shared last.
        var leaseBirths = 0
    }

    struct Slot {
        let limit: String
        let bucket: String
        var state = LimitBucket()
        var isFree = false
    }

    public init(timeZone: Zone, mostBuckets: Int = mostBuckets) {
        state = Mutex(State(clock: LocalClock(timeZone), mostBuckets: mostBuckets))
    }

    /// When a bucket was used last, also where that came to nothing; seconds since 1970, nil where it is not here.
    func lastUsed(_ charge: LimitCharge) -> Int? {
        state.withLock { state in
            state.limits[charge.limit]?[charge.bucket].map { state.slots[$0].state.lastUsed / 1_000 }
        }
    }

    public var blockCount: Int { blocks.load(ordering: .relaxed) }

    // MARK: A request

    /// Reserves what a request needs of every limit that applies to it, or of none. A request that is refused makes no bucket but
    /// its key's: else whoever may ask nothing could push out what others have used.
    /// - Parameters:
    ///   - places: where the last reservation of the same limits had its buckets, where that is known.
    ///   - patience: whether the request may wait for the server of limits.
    ///   - need: by limit: what is reserved for the answer may differ.
    /// - Throws: what each limit says that refuses; or which buckets the server is asked for.
    public func reserve(
        _ uses: [LimitUse], at places: [Int] = [], patience: LeasePatience = .asks, _ need: (UsageLimit) -> LimitAmounts,
        now: LimitTime
    ) throws(LimitRefusals) -> LimitReservation {
        try reserve(uses, at: places, patience: patience, in: [], need, now: now)
    }

    /// - Parameter room: memory for the entries.
    func reserve(
        _ uses: [LimitUse], at places: [Int], patience: LeasePatience, in room: consuming [LimitReservation.Entry],
        _ need: (UsageLimit) -> LimitAmounts, now: LimitTime
    ) throws(LimitRefusals) -> LimitReservation {
        var reservation = LimitReservation(entries: room)
        for use in uses { reservation.entries.append(LimitReservation.Entry(slot: -1, need: need(use.limit))) }
        var asks = LeaseAsks()
        let refusals = state.withLock { state -> [LimitRefusal] in
            state.advance(to: now)
            reservation.admitted = state.moment.steady
            if state.leasing != nil { return state.reserveLeased(&reservation, uses, patience, &asks) }
            var refusals: [LimitRefusal] = []
            for (index, use) in uses.enumerated() {
                let need = reservation.entries[index].need
                let refusal: LimitRefusal?
                if let slot = state.find(use, at: index < places.count ? places[index] : -1) {
                    reservation.entries[index].slot = slot
                    refusal = state.moment.refusal(use, &state.slots[slot].state, need)
                } else {
                    var untouched = LimitBucket(at: state.moment)
                    refusal = state.moment.refusal(use, &untouched, need)
                }
                guard let refusal else { continue }
                refusals.append(refusal)
                let slot = reservation.entries[index].slot
                if slot >= 0 { state.slots[slot].state.note(refusal, at: state.moment.wall) }
            }
            if refusals.isEmpty { state.take(&reservation, uses) } else { state.note(reservation, uses) }
            return refusals
        }
        if asks.isDue { bell.ring() }
        guard refusals.isEmpty, asks.slots.isEmpty, !asks.isUnreachable else { throw LimitRefusals(all: refusals, asks: asks) }
        return reservation
    }

    /// Reserves another cost: a dearer target is asked next.
    /// - Returns: nil when done; else nothing has changed.
    public func change(
        _ reservation: inout LimitReservation?, _ uses: [LimitUse], to need: (UsageLimit) -> LimitAmounts, now: LimitTime
    ) -> LimitRefusal? {
        guard let entries = reservation?.entries else { return nil }
        let needs = uses.map { need($0.limit) }
        let result = state.withLock { state -> Result<[LimitReservation.Entry], LimitRefusal> in
            state.advance(to: now)
            var changed = entries
            for (index, use) in uses.enumerated() where index < entries.count {
                let (slot, old) = (entries[index].slot, entries[index].need)
                let new = needs[index]
                // What is reserved already is not needed again.
                var more = new
                more -= old
                more.requests = 0
                guard more != .zero else {
                    changed[index].need = new
                    continue
                }
                var bucket = state.bucket(use, at: slot)
                if let refusal = state.moment.refusal(use, &bucket, more, isRunning: true) { return .failure(refusal) }
                if let refusal = state.leaseRefusal(use, slot, more) { return .failure(refusal) }
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

    /// The request has ended: what was reserved becomes what was used. Other nodes hear at once of what no lease covers.
    public func settle(_ reservation: LimitReservation, used: LimitAmounts, now: LimitTime) {
        let isDue = state.withLock { state in
            state.advance(to: now)
            var isDue = false
            for entry in reservation.entries {
                state.slots[entry.slot].state.advance(to: state.moment)
                state.slots[entry.slot].state.settle(entry.need, used: used, admitted: reservation.admitted, state.moment)
                guard state.leasing != nil else { continue }
                state.leasing?.settle(entry.slot, entry.need, used: used)
                guard state.leasing?.isAway == false, state.isOverdrawn(entry.slot) else { continue }
                state.leasing?.enqueue(entry.slot)
                isDue = true
            }
            return isDue
        }
        if isDue { bell.ring() }
    }

    /// Why the request may not go on: a bucket that it counts in was blocked since it was admitted.
    public func block(of reservation: LimitReservation, _ uses: [LimitUse], now: LimitTime) -> LimitRefusal? {
        state.withLock { state in
            state.advance(to: now)
            for (entry, use) in zip(reservation.entries, uses) {
                if let refusal = state.moment.blockRefusal(use, state.slots[entry.slot].state) { return refusal }
            }
            return nil
        }
    }

    // MARK: Operators

    /// Whether the clock went back to a day that is not at hand.
    var isInDoubt: Bool { state.withLock { $0.lacksBooked } }

    /// The calendar is another, or the clock. A day and a month that have the same date by both calendars go on; of others is used what
    /// is booked of them.
    /// - Parameters:
    ///   - sums: what is booked, by the day and the month that are now.
    ///   - coming: what is booked of days to come.
    ///   - blocks: all that are kept.
    func setTimeZone(
        _ timeZone: Zone, _ sums: [LimitSums], coming: [LimitDay] = [], blocks: [LimitBlock] = [], now: LimitTime
    ) {
        var booked: [LimitCharge: LimitSums] = [:]
        for sum in sums { booked[LimitCharge(limit: sum.limit, bucket: sum.bucket)] = sum }
        state.withLock { state in
            guard state.clock.timeZone != timeZone || state.lacksBooked else { return }
            state.advance(to: now)
            let goesOn = !state.lacksBooked
            (state.coming, state.lacksBooked) = (coming, false)
            let before = state.clock.day(at: now.wall / 1_000).date
            for slot in state.slots.indices { state.slots[slot].state.advance(to: state.moment) }
            state.clock = LocalClock(timeZone)
            state.moment.forgetPeriods()
            state.moment.advance(to: now, state.clock)
            let today = state.clock.day(at: now.wall / 1_000).date
            for slot in state.slots.indices where !state.slots[slot].isFree {
                let sum = booked[LimitCharge(limit: state.slots[slot].limit, bucket: state.slots[slot].bucket)]
                state.slots[slot].state.change(
                    to: state.moment.periods, day: goesOn && today == before ? nil : sum?.day ?? .zero,
                    month: goesOn && today.number / 100 == before.number / 100 ? nil : sum?.month ?? .zero)
            }
            if !goesOn { state.bringBack(booked, blocks) }
            state.leasing?.tellAllAnew()
        }
    }

    /// Whether the bucket is there: somebody has used it, or blocked it.
    public func knows(limit id: String, bucket: String) -> Bool { state.withLock { $0.limits[id]?[bucket] != nil } }

    /// Counts begin at zero.
    /// - Parameters:
    ///   - kind: only these; nil for all that the bucket counts.
    ///   - window: only of this one; nil for all.
    public func reset(limit id: String, bucket: String, kind: LimitRate.Kind?, window: LimitRate.Window? = nil) {
        state.withLock { state in
            state.changePasts(limit: id, bucket: bucket) { $0.reset(kind, window) }
            guard let slot = state.limits[id]?[bucket] else { return }
            state.slots[slot].state.reset(kind, window)
            guard window == nil else { return }
            for index in state.coming.indices where state.coming[index].limit == id && state.coming[index].bucket == bucket {
                state.coming[index].amounts.clear(kind)
            }
        }
        reached.reset(limit: id)
    }

    /// - Parameters:
    ///   - until: milliseconds since 1970; 0 to let through again.
    ///   - title: what the limit is called by who blocks it.
    public func block(_ use: LimitUse, until: Int, as title: String = "") {
        block(limit: use.limit.id, bucket: use.bucket, until: until, as: title)
    }

    func block(limit id: String, bucket: String, until: Int, as title: String) {
        state.withLock { state in
            let slot = state.slot(limit: id, bucket: bucket).slot
            state.slots[slot].state.blockedAs = title
            state.slots[slot].state.blockedUntil = until
            state.changePasts(limit: id, bucket: bucket) { ($0.blockedAs, $0.blockedUntil) = (title, until) }
        }
        blocks.wrappingAdd(1, ordering: .relaxed)
    }
}
