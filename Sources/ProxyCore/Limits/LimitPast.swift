/// Buckets as they were before the clock leapt ahead. Where it comes back they are there again at once: what is booked of them is
/// looked up only after a request.
struct LimitPast: Sendable {
    /// When the clock leapt; milliseconds of the steady clock.
    let steady: Int
    private let limits: [String: [String: Int]]
    private var slots: [LimitTable.Slot]

    /// What a clock gains in truth between two calls, and how long a leap is remembered; milliseconds.
    static let tolerance = 60_000
    static let kept = 7 * 86_400_000

    init(_ state: LimitTable.State) {
        steady = state.moment.steady
        limits = state.limits
        slots = state.slots
    }

    mutating func change(limit: String, bucket: String, _ body: (inout LimitBucket) -> Void) {
        guard let slot = limits[limit]?[bucket] else { return }
        body(&slots[slot].state)
    }

    func forEach(_ body: (_ limit: String, _ bucket: String, _ state: LimitBucket) -> Void) {
        for (limit, buckets) in limits {
            for (bucket, slot) in buckets { body(limit, bucket, slots[slot].state) }
        }
    }
}

extension LimitTable.State {
    /// Another day has begun: because the clock leapt, or in time.
    mutating func remember(_ before: LimitMoment) {
        if let past, moment.steady - past.steady > LimitPast.kept { self.past = nil }
        let gained = (moment.wall - before.wall) - (moment.steady - before.steady)
        if past == nil, gained > LimitPast.tolerance { past = LimitPast(self) }
    }

    /// The clock went back.
    mutating func returnToPast() {
        guard let past else { return }
        self.past = nil
        past.forEach { limit, bucket, old in
            let place = slot(limit: limit, bucket: bucket).slot
            slots[place].state.bringBack(old)
        }
    }
}
