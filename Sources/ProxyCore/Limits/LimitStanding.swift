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

    mutating func meet(_ kind: LimitRate.Kind, _ figure: Figure) {
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
    /// What is left of a request's limits.
    public func standing(_ uses: [LimitUse], now: Int) -> LimitStanding {
        state.withLock { state in
            state.advance(to: now)
            var standing = LimitStanding()
            for use in uses {
                let bucket = state.slots[state.slot(use)].state
                for rate in use.limit.rates where rate.kind == .requests || rate.kind == .tokens {
                    let figure = state.figure(rate, bucket, use.limit, use.bucket)
                    standing.meet(
                        rate.kind,
                        LimitStanding.Figure(
                            most: rate.most, remaining: figure.remaining, resetsAt: figure.resetsAt ?? state.now))
                }
            }
            return standing
        }
    }

    /// The part of a limit that a request's bucket has left, 0 to 1; of several numbers the least.
    /// - Parameter rate: only this number.
    public func share(left use: LimitUse, of rate: LimitRate? = nil, now: Int) -> Double {
        state.withLock { state in
            state.advance(to: now)
            guard let slot = state.limits[use.limit.id]?[use.bucket] else { return 1 }
            state.slots[slot].state.advance(to: state.now, state.periods)
            let bucket = state.slots[slot].state
            if bucket.blockedUntil > state.now { return 0 }
            return (rate.map { [$0] } ?? use.limit.rates).reduce(1) { least, rate in
                min(least, Double(state.figure(rate, bucket, use.limit, use.bucket).remaining) / Double(max(1, rate.most)))
            }
        }
    }

    /// What is known of these limits, in order of their buckets.
    /// - Parameters:
    ///   - bucket: only this one.
    ///   - listsUntouched: of a bucket that nobody has used figures are given too.
    public func figures(
        _ limits: [UsageLimit], bucket: String? = nil, listsUntouched: Bool = false, now: Int
    ) -> [LimitFigure] {
        state.withLock { state in
            state.advance(to: now)
            return limits.flatMap { limit -> [LimitFigure] in
                let slots = state.limits[limit.id] ?? [:]
                let names = bucket.map { [$0] } ?? slots.keys.sorted()
                return names.flatMap { name -> [LimitFigure] in
                    guard listsUntouched || slots[name] != nil else { return [] }
                    let bucket = state.slots[state.slot(LimitUse(limit, bucket: name))].state
                    return limit.rates.map { state.figure($0, bucket, limit, name) }
                }
            }
        }
    }
}

extension LimitTable.State {
    func figure(_ rate: LimitRate, _ bucket: LimitBucket, _ limit: UsageLimit, _ name: String) -> LimitFigure {
        let reserved = bucket.reserved(rate, countsCached: limit.countsCached)
        let resetsAt: Int? =
            switch rate.window {
            case .minute: reserved > 0 ? now + SlidingMinute.length : max(now, bucket.minute.end)
            case .day: periods.day.upperBound
            case .month: periods.month.upperBound
            case .total, .now: nil
            }
        return LimitFigure(
            limit: limit.title(rate), bucket: name, rate: rate, used: bucket.used(rate, countsCached: limit.countsCached),
            reserved: reserved, resetsAt: resetsAt, blockedUntil: bucket.blockedUntil > now ? bucket.blockedUntil : nil)
    }
}
