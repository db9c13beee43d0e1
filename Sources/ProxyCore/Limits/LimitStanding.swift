import Basics

/// What is left of the tightest limits of requests and of tokens: what a client's head tells.
public struct LimitStanding: Sendable, Hashable {
    public struct Figure: Sendable, Hashable {
        public let most: Int
        public let remaining: Int
        /// Milliseconds since 1970: when all of it is there again.
        public let resetsAt: Int
    }

    public var requests: Figure?
    public var tokens: Figure?

    static func isTold(_ rate: LimitRate) -> Bool { rate.kind == .requests || rate.kind == .tokens }

    /// - Parameters:
    ///   - bucket: as of the moment; only looked at, and where it is, since one is great.
    ///   - unwritten: tokens that are reserved in it and taken for free.
    mutating func meet(_ limit: UsageLimit, _ bucket: inout LimitBucket, unwritten: Int = 0, _ moment: LimitMoment) {
        for rate in limit.rates where Self.isTold(rate) {
            meet(rate.kind, moment.standing(rate, bucket, limit, unwritten: rate.kind == .tokens ? unwritten : 0))
        }
    }

    private mutating func meet(_ kind: LimitRate.Kind, _ figure: Figure) {
        switch kind {
        case .requests: requests = Self.tighter(requests, figure)
        case .tokens: tokens = Self.tighter(tokens, figure)
        case .cost, .concurrency: break
        }
    }

    private static func tighter(_ a: Figure?, _ b: Figure) -> Figure {
        guard let a else { return b }
        return (b.remaining, -b.resetsAt) < (a.remaining, -a.resetsAt) ? b : a
    }
}

/// One number of a limit in one bucket, as operators see it.
public struct LimitFigure: Sendable, Hashable {
    public let limit: String
    public let bucket: String
    public let rate: LimitRate
    public let used: Int
    public let reserved: Int
    public var remaining: Int { max(0, rate.most - used - reserved) }
    /// Milliseconds since 1970; nil where no time brings it back.
    public let resetsAt: Int?
    /// Milliseconds since 1970; nil where it is not blocked, the greatest number for a block without end.
    public let blockedUntil: Int?
}

extension LimitTable {
    /// What is left of a request's limits, as its client is told with the answer's head.
    /// - Parameters:
    ///   - reservation: of the same limits, where one is held: its buckets need not be looked for.
    ///   - asked: tokens of it that the request has used for sure. What else is reserved is for an answer that is not written yet: all
    ///     that it might be is not taken from what is left.
    public func standing(
        _ uses: [LimitUse], _ reservation: LimitReservation? = nil, asked: Int = .max, now: LimitTime
    ) -> LimitStanding {
        state.withLock { state in
            state.advance(to: now)
            var standing = LimitStanding()
            for (index, use) in uses.enumerated() {
                guard use.limit.rates.contains(where: LimitStanding.isTold) else { continue }
                let held = reservation.flatMap { index < $0.entries.count ? $0.entries[index].slot : nil }
                if let held { state.slots[held].state.advance(to: state.moment) }
                let unwritten = held == nil ? 0 : max(0, (reservation?.entries[index].need.tokens ?? 0) - asked)
                if let slot = held ?? state.find(use) {
                    standing.meet(use.limit, &state.slots[slot].state, unwritten: unwritten, state.moment)
                } else {
                    var untouched = LimitBucket(at: state.moment)
                    standing.meet(use.limit, &untouched, state.moment)
                }
            }
            return standing
        }
    }

    /// The part of a limit that a request's bucket has left, 0 to 1; of several numbers the least.
    /// - Parameter rate: only this number.
    public func share(left use: LimitUse, of rate: LimitRate? = nil, now: LimitTime) -> Double {
        state.withLock { state in
            state.advance(to: now)
            guard let slot = state.find(use) else { return 1 }
            let bucket = state.slots[slot].state
            if bucket.blockedUntil > state.moment.wall { return 0 }
            return (rate.map { [$0] } ?? use.limit.rates).reduce(1) { least, rate in
                min(least, Double(state.moment.standing(rate, bucket, use.limit).remaining) / Double(max(1, rate.most)))
            }
        }
    }

    /// What is known of these limits, in order of their buckets.
    /// - Parameters:
    ///   - bucket: only this one.
    ///   - listsUntouched: of a bucket that nobody has used figures are given too.
    public func figures(
        _ limits: [UsageLimit], bucket: String? = nil, listsUntouched: Bool = false, now: LimitTime
    ) -> [LimitFigure] {
        guard let bucket else { return figuresOfAll(limits, now: now) }
        let (found, moment) = state.withLock { state in
            state.advance(to: now)
            return (
                limits.map { limit in state.find(limit: limit.id, bucket: bucket).map { state.slots[$0].state } }, state.moment
            )
        }
        return zip(limits, found).flatMap { limit, found -> [LimitFigure] in
            guard listsUntouched || found != nil else { return [] }
            return moment.figures(of: limit, bucket, found ?? LimitBucket(at: moment))
        }
    }

    private func figuresOfAll(_ limits: [UsageLimit], now: LimitTime) -> [LimitFigure] {
        let wanted = Set(limits.map(\.id))
        var found: [String: [String: LimitBucket]] = [:]
        let moment = forEachSlot(now: now) { slot in
            if wanted.contains(slot.limit) { found[slot.limit, default: [:]][slot.bucket] = slot.state }
        }
        return limits.flatMap { limit in
            (found[limit.id] ?? [:]).inKeyOrder().flatMap { name, bucket -> [LimitFigure] in
                var bucket = bucket
                bucket.advance(to: moment)
                return moment.figures(of: limit, name, bucket)
            }
        }
    }

    /// Shows a copy of each slot that is taken, and gives the moment of which the last are.
    ///
    /// There may be a hundred thousand of a limit, and every request waits for the lock: it is held for some of them at a time,
    /// and what is made of them is made outside.
    func forEachSlot(now: LimitTime, _ body: (Slot) -> Void) -> LimitMoment {
        var next = 0
        while true {
            let (slots, moment) = state.withLock { state in
                state.advance(to: now)
                return (Array(state.slots[min(next, state.slots.count)...].prefix(Self.mostAtOnce)), state.moment)
            }
            next += slots.count
            for slot in slots where !slot.isFree { body(slot) }
            if slots.count < Self.mostAtOnce { return moment }
        }
    }

    /// Buckets that are copied while requests wait.
    static let mostAtOnce = 1_000
}

extension LimitMoment {
    /// - Parameter bucket: as of this moment.
    func figures(of limit: UsageLimit, _ name: String, _ bucket: LimitBucket) -> [LimitFigure] {
        limit.rates.map { rate in
            LimitFigure(
                limit: limit.title(rate), bucket: name, rate: rate, used: bucket.used(rate, countsCached: limit.countsCached),
                reserved: bucket.reserved(rate, countsCached: limit.countsCached), resetsAt: end(of: rate, bucket, limit),
                blockedUntil: bucket.blockedUntil > wall ? bucket.blockedUntil : nil)
        }
    }

    /// - Parameter unwritten: how much of what is reserved is taken for free.
    func standing(_ rate: LimitRate, _ bucket: LimitBucket, _ limit: UsageLimit, unwritten: Int = 0) -> LimitStanding.Figure {
        let reserved = max(0, bucket.reserved(rate, countsCached: limit.countsCached) - unwritten)
        let taken = UsageAmounts.sum(bucket.used(rate, countsCached: limit.countsCached), reserved)
        return LimitStanding.Figure(
            most: rate.most, remaining: max(0, rate.most - taken), resetsAt: end(of: rate, bucket, limit) ?? wall)
    }

    /// When all of it is there again; nil where no time brings it back.
    private func end(of rate: LimitRate, _ bucket: LimitBucket, _ limit: UsageLimit) -> Int? {
        switch rate.window {
        case .minute:
            bucket.reserved(rate, countsCached: limit.countsCached) > 0
                ? wall + SlidingMinute.length
                : wall + max(bucket.minute.rest(at: steady), bucket.others.minuteRest(rate.kind, now: steady))
        case .day: periods.day.upperBound
        case .month: periods.month.upperBound
        case .total, .now: nil
        }
    }
}
