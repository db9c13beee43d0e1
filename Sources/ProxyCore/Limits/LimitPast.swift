/// Buckets as they were before the clock leapt, ahead or back. Where it returns they are there again at once: what is booked of them
/// is looked up only after a request.
struct LimitPast: Sendable {
    /// Before the leap; milliseconds since 1970, and of the steady clock.
    private let wall: Int
    private let steady: Int
    private let limits: [String: [String: Int]]
    private var slots: [LimitTable.Slot]

    /// What a clock is off by in truth between two calls, and how long a leap is remembered; milliseconds.
    private static let tolerance = 60_000
    private static let kept = 7 * 86_400_000
    /// How many leaps are remembered: one may come before the clock is back from another.
    static let most = 3

    init(_ state: LimitTable.State, at moment: LimitMoment) {
        (wall, steady) = (moment.wall, moment.steady)
        limits = state.limits
        slots = state.slots
    }

    /// Whether a clock showed at one moment what it should after the other.
    static func goesOn(from wall: Int, _ steady: Int, to moment: LimitMoment) -> Bool {
        ((moment.wall - wall) - (moment.steady - steady)).magnitude <= tolerance
    }

    /// Whether the clock shows again what it would if it had not leapt.
    func isBack(_ moment: LimitMoment) -> Bool { Self.goesOn(from: wall, steady, to: moment) }

    func isOld(_ moment: LimitMoment) -> Bool { moment.steady - steady > Self.kept }

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
    /// Another day has begun: in time, or because the clock leapt.
    /// - Returns: what there was before it leapt, where it is back.
    mutating func leap(from before: LimitMoment) -> LimitPast? {
        pasts.removeAll { $0.isOld(moment) }
        guard !LimitPast.goesOn(from: before.wall, before.steady, to: moment) else { return nil }
        if let index = pasts.lastIndex(where: { $0.isBack(moment) }) {
            let known = pasts[index]
            pasts.removeSubrange(index...)
            return known
        }
        if pasts.count == LimitPast.most { pasts.removeFirst() }
        pasts.append(LimitPast(self, at: before))
        return nil
    }

    /// Whether the clock is back on a day that it had left for the one that counts now: by how much it was ahead then, and that it
    /// was, is known.
    var hasReturned: Bool { moment.wall < moment.periods.day.lowerBound && pasts.contains { $0.isBack(moment) } }

    /// What is changed of a bucket is changed of what it was, too: it does not come back otherwise.
    mutating func changePasts(limit: String, bucket: String, _ body: (inout LimitBucket) -> Void) {
        for index in pasts.indices { pasts[index].change(limit: limit, bucket: bucket, body) }
    }

    mutating func bringBack(_ past: LimitPast?) {
        past?.forEach { limit, bucket, old in
            let place = slot(limit: limit, bucket: bucket).slot
            slots[place].state.bringBack(old)
        }
    }
}
