import Basics

/// What a table tells the server of limits, and hears of it.
extension LimitTable {
    /// Messages that go out together, and whose they are.
    struct Outgoing: Sendable {
        let batch: LeaseBatch
        let slots: [Int]
    }

    /// What became of a batch.
    struct Incoming: Sendable {
        /// Requests that wait for these go on.
        var answered: [Int] = []
        /// Buckets that were reset elsewhere.
        var resets: [LimitReset] = []
    }

    /// Limits are shared from now on, by these terms; nil: they are this node's alone.
    func share(by terms: LeaseTerms?) {
        state.withLock { state in
            guard let terms else {
                guard let leasing = state.leasing else { return }
                state.leaseBirths = leasing.births
                state.leasing = nil
                for slot in state.slots.indices { state.slots[slot].state.others = OthersUse() }
                return
            }
            guard state.leasing == nil else {
                state.leasing?.terms = terms
                if let nodes = terms.nodes { state.leasing?.nodes = nodes }
                return
            }
            state.leasing = Leasing(terms, slots: state.slots.count, after: state.leaseBirths)
        }
    }

    /// - Parameters:
    ///   - isAway: an answer is overdue, or the server learns.
    ///   - isGone: that is no mere delay, or nothing was ever heard.
    func setAway(_ isAway: Bool, isGone: Bool) {
        state.withLock { state in
            state.leasing?.isAway = isAway
            state.leasing?.isGone = isGone
        }
    }

    /// The messages that are due.
    /// - Parameters:
    ///   - expected: nodes that were there when the server was heard of last.
    ///   - memory: of the server, as told last.
    ///   - isClosing: all that can be is given back.
    /// - Returns: nil where limits are not shared. A batch without messages tells that the node is there.
    func outgoing(
        node: String, process: String, directory: String = "", expected: Int, memory: Int = 0, most: Int,
        isClosing: Bool = false, now: LimitTime
    ) -> Outgoing? {
        state.withLock { state in
            state.advance(to: now)
            guard let terms = state.leasing?.terms, let offset = state.leasing?.offset else { return nil }
            state.watchLeases(isClosing: isClosing)
            var (messages, slots): ([LeaseMessage], [Int]) = ([], [])
            for slot in state.leasing?.takeQueue(most) ?? [] {
                guard let message = state.message(of: slot, isClosing: isClosing) else { continue }
                messages.append(message)
                slots.append(slot)
            }
            let periods = LimitPeriods(at: now.wall + offset, state.clock)
            return Outgoing(
                batch: LeaseBatch(
                    node: node, process: process, directory: directory, terms: terms, day: periods.day.lowerBound,
                    month: periods.month.lowerBound, expected: expected,
                    told: state.leasing?.untold == 0 ? memory : 0, messages: messages),
                slots: slots)
        }
    }

    /// How far the server's clock is ahead of this node's, in milliseconds; 0 where nobody has asked it.
    var serverOffset: Int { state.withLock { $0.leasing?.offset ?? 0 } }

    /// Whether messages are due at once.
    var hasOutgoing: Bool { state.withLock { $0.leasing?.queue.isEmpty == false } }

    /// Whether an answer for the bucket is to come.
    func isAwaited(_ slot: Int) -> Bool {
        state.withLock { state in
            guard let leasing = state.leasing, leasing.leases.indices.contains(slot) else { return false }
            return leasing.leases[slot].isUnderWay || leasing.leases[slot].isAsked
        }
    }

    /// What all have used of these buckets is asked for, where this node has not just heard of it.
    /// - Returns: the slots of those.
    func refresh(_ uses: [LimitUse], now: LimitTime) -> [Int] {
        state.withLock { state in
            state.advance(to: now)
            guard state.leasing != nil else { return [] }
            return uses.compactMap { use in
                guard let slot = state.looked(at: use) else { return nil }
                guard state.leasing?.leases[slot].isOld(for: LeaseTerms.fresh, now: state.moment.steady) == true else {
                    return nil
                }
                state.leasing?.enqueue(slot)
                return slot
            }
        }
    }

    /// A request asks what is left of these buckets before it is decided where it goes: the server is asked for those of which it has
    /// not told this node, or not for so long that nothing is known of the last minute.
    /// - Returns: their slots.
    func askAhead(_ uses: [LimitUse], now: LimitTime) -> [Int] {
        state.withLock { state in
            state.advance(to: now)
            guard state.leasing?.isAway == false else { return [] }
            let steady = state.moment.steady
            return uses.compactMap { use in
                guard let slot = state.looked(at: use), let heardAt = state.leasing?.leases[slot].heardAt,
                    heardAt == Int.min || steady - heardAt >= SlidingMinute.length
                else { return nil }
                // What the request takes comes with the same answer.
                state.leasing?.leases[slot].askedAt = steady
                state.leasing?.watch(slot)
                if state.leasing?.leases[slot].isUnderWay == false { state.leasing?.enqueue(slot) }
                return slot
            }
        }
    }

    /// The server has answered.
    func take(_ answers: LeaseAnswers, to outgoing: Outgoing, now: LimitTime) -> Incoming {
        state.withLock { state in
            state.advance(to: now)
            var incoming = Incoming()
            guard state.leasing != nil else { return Incoming(answered: outgoing.slots) }
            state.leasing?.offset = answers.time - now.wall
            if state.leasing?.terms.nodes == nil, answers.nodes > 0 { state.leasing?.nodes = answers.nodes }
            for (index, slot) in outgoing.slots.enumerated() {
                let message = outgoing.batch.messages[index]
                if index < answers.answers.count, let answer = answers.answers[index] {
                    state.take(answer, of: answers, slot, message, &incoming)
                } else {
                    state.leasing?.failed(slot, message.number)
                }
                incoming.answered.append(slot)
            }
            return incoming
        }
    }

    /// The server has heard of a reset that was made here.
    /// - Parameter time: by its clock.
    func knows(_ reset: LimitReset, since time: Int) {
        state.withLock { state in
            guard let slot = state.limits[reset.limit]?[reset.bucket], state.leasing?.leases[slot].limit != nil else { return }
            let all = LeaseReset.all
            var times = state.leasing?.leases[slot].resets ?? [Int](repeating: -1, count: all.count)
            for place in all.indices
            where all[place].window == reset.window && (reset.kind == nil || all[place].kind == reset.kind) {
                times[place] = max(times[place], time)
            }
            state.leasing?.leases[slot].resets = times
            state.leasing?.enqueue(slot)
        }
    }

    /// No answer comes.
    func failed(_ outgoing: Outgoing) {
        state.withLock { state in
            for (slot, message) in zip(outgoing.slots, outgoing.batch.messages) { state.leasing?.failed(slot, message.number) }
        }
    }

    /// The server has no memory of what was there: this node tells all that it has used, and what it heard of others, some of
    /// whom may be gone.
    func tellAll(_ limits: [UsageLimit]) {
        var known: [String: UsageLimit] = [:]
        for limit in limits { known[limit.id] = limit }
        state.withLock { state in
            for slot in state.slots.indices where !state.slots[slot].isFree {
                guard let limit = known[state.slots[slot].limit] else { continue }
                state.slots[slot].state.advance(to: state.moment)
                guard state.slots[slot].state.hasUsed || state.slots[slot].state.others.areUsing else { continue }
                let bucket = state.slots[slot].bucket
                state.leasing?.apply(slot, limit, bucket: bucket)
                if state.leasing?.leases[slot].isUntold == false { state.leasing?.untold += 1 }
                state.leasing?.leases[slot].mustTell = true
                state.leasing?.watch(slot)
            }
        }
    }

    /// What is held here and not used, by limit and kind: what `proxyd_limit_lease_held` tells.
    func held(now: LimitTime) -> [(limit: UsageLimit, kind: LimitRate.Kind, amount: Int)] {
        state.withLock { state in
            state.advance(to: now)
            guard let leasing = state.leasing else { return [] }
            var sums: [LimitKind: (limit: UsageLimit, amount: Int)] = [:]
            for slot in leasing.watched {
                guard let limit = leasing.leases[slot].limit else { continue }
                for kind in LimitRate.Kind.allCases where limit.rates.contains(where: { $0.kind == kind }) {
                    let free = leasing.leases[slot].free(
                        kind, reserved: state.slots[slot].state.leaseReserved(kind, limit.countsCached),
                        countsCached: limit.countsCached, now: state.moment.steady)
                    sums[LimitKind(limit: limit.id, kind: kind), default: (limit, 0)].amount += free
                }
            }
            return sums.map { ($0.value.limit, $0.key.kind, $0.value.amount) }
        }
    }

    private struct LimitKind: Hashable {
        let limit: String
        let kind: LimitRate.Kind
    }
}

extension LimitBucket {
    /// Anything that counts still.
    var hasUsed: Bool { inFlight > 0 || minute.sum != .zero || day != .zero || month != .zero || total != .zero }
}

extension LimitSet {
    /// All limits: those of policies in the order of their names, then those of the file.
    public var all: [UsageLimit] { policies.inKeyOrder().map(\.value) + entries.map(\.limit) }
}

extension Leasing {
    mutating func failed(_ slot: Int, _ number: Int) {
        guard leases.indices.contains(slot) else { return }
        leases[slot].failed(number: number)
    }
}

extension LimitTable.State {
    /// The slot of a bucket that the server is asked for; nobody's goes for one that is looked at alone.
    fileprivate mutating func looked(at use: LimitUse) -> Int? {
        guard find(use) != nil || (limits[use.limit.id]?.count ?? 0) < mostBuckets else { return nil }
        let slot = slot(limit: use.limit.id, bucket: use.bucket).slot
        leasing?.apply(slot, use.limit, bucket: use.bucket)
        return slot
    }

    /// Looks at some of those that hold something: whose message is due, and who has nothing to say any more.
    fileprivate mutating func watchLeases(isClosing: Bool) {
        guard var looked = leasing?.watched.count else { return }
        looked = min(looked, LimitTable.mostAtOnce * 4)
        for _ in 0..<looked { watchNext(isClosing: isClosing) }
        if !isClosing { refreshSome() }
    }

    /// Asks from time to time what others use of buckets that this node was asked for within the hour and holds nothing of: it goes
    /// by that where the server is away, and shows it.
    private mutating func refreshSome() {
        guard leasing?.isAway == false, let at = leasing?.refreshedAt, moment.steady >= at + LeaseTerms.refreshes else { return }
        leasing?.refreshedAt = moment.steady
        var left = LeaseTerms.refreshed
        for _ in 0..<min(slots.count, LimitTable.mostAtOnce) where left > 0 {
            let slot = ((leasing?.refreshHand ?? 0) + 1) % slots.count
            leasing?.refreshHand = slot
            guard !slots[slot].isFree, let lease = leasing?.leases[slot], lease.limit != nil, !lease.isWatched,
                lease.askedAt > Int.min, moment.steady - lease.askedAt < 3_600_000,
                lease.isOld(for: 2 * LeaseTerms.refreshes, now: moment.steady)
            else { continue }
            leasing?.enqueue(slot)
            left -= 1
        }
    }

    private mutating func watchNext(isClosing: Bool) {
        guard let count = leasing?.watched.count, count > 0, let terms = leasing?.terms else { return }
        let hand = (leasing?.hand ?? 0) % count
        guard let slot = leasing?.watched[hand] else { return }
        leasing?.hand = hand + 1
        guard let limit = leasing?.leases[slot].limit else { return drop(at: hand) }
        let reserved = slots[slot].state.reservedByKind(limit.countsCached)
        if isClosing { leasing?.leases[slot].askedAt = Int.min }
        if leasing?.leases[slot].isQuiet(reserved, now: moment.steady) == true { return drop(at: hand) }
        let isDue = leasing?.leases[slot].isDue(
            reserved, countsCached: limit.countsCached, isAway: leasing?.isAway == true, terms, now: moment.steady)
        if isDue == true { leasing?.enqueue(slot) }
    }

    private mutating func drop(at hand: Int) {
        guard let count = leasing?.watched.count, let slot = leasing?.watched[hand] else { return }
        leasing?.watched.swapAt(hand, count - 1)
        leasing?.watched.removeLast()
        leasing?.leases[slot].isWatched = false
    }

    fileprivate mutating func message(of slot: Int, isClosing: Bool) -> LeaseMessage? {
        guard let terms = leasing?.terms, let nodes = leasing?.nodes, let isAway = leasing?.isAway,
            let limit = leasing?.leases[slot].limit
        else { return nil }
        slots[slot].state.advance(to: moment)
        let bucket = slots[slot].state
        return leasing?.leases[slot].send(
            bucket.reservedByKind(limit.countsCached), own: bucket.ownByKind(limit.countsCached), others: bucket.others,
            unused: max(0, moment.wall - bucket.lastUsed), nodes: nodes,
            isAway: isAway && !isClosing, terms,
            now: moment.steady)
    }

    fileprivate mutating func take(
        _ answer: LeaseAnswer, of answers: LeaseAnswers, _ slot: Int, _ message: LeaseMessage,
        _ incoming: inout LimitTable.Incoming
    ) {
        guard let terms = leasing?.terms, leasing?.leases.indices.contains(slot) == true,
            leasing?.leases[slot].key == message.key,
            let sent = leasing?.leases[slot].answered(
                answer, isLearning: answers.isLearning, terms, now: moment.steady)
        else { return }
        leasing?.leases[slot].toldWall = moment.wall
        leasing?.leases[slot].heardAt = moment.steady
        if sent.tellsAll, leasing?.leases[slot].isUntold == false { leasing?.untold -= 1 }
        slots[slot].state.advance(to: moment)
        takeResets(answer, slot, &incoming)
        if leasing?.leases[slot].isAsked == true || isOverdrawn(slot) { leasing?.enqueue(slot) }
        guard let memory = leasing?.leases[slot].memory else { return }
        // A server that has lost its memory knows less than this node, until it was told.
        guard sent.tellsAll || memory == answers.memory || slots[slot].state.others.isEmpty else { return }
        leasing?.leases[slot].memory = answers.memory
        for part in answer.parts where part.kind.place < sent.own.count {
            let own = sent.own[part.kind.place]
            let used = zip(part.used, own).map { max(0, $0 - $1) }
            slots[slot].state.others.tell(
                part.kind, used: used, held: part.others, wait: part.wait, rest: part.rest, now: moment.steady,
                lasts: terms.lasts)
        }
    }

    private mutating func takeResets(_ answer: LeaseAnswer, _ slot: Int, _ incoming: inout LimitTable.Incoming) {
        let now = answer.resetTimes
        // What this process has not heard of, the one before it knew.
        var before = answer.resetTimesBefore
        for (place, time) in (leasing?.leases[slot].resets ?? []).enumerated() where time >= 0 { before[place] = time }
        leasing?.leases[slot].resets = now
        guard before != now else { return }
        for (place, reset) in LeaseReset.all.enumerated() where before[place] >= 0 && now[place] > before[place] {
            slots[slot].state.reset(reset.kind, reset.window)
            changePasts(limit: slots[slot].limit, bucket: slots[slot].bucket) { $0.reset(reset.kind, reset.window) }
            incoming.resets.append(
                LimitReset(
                    limit: slots[slot].limit, bucket: slots[slot].bucket, kind: reset.kind, window: reset.window,
                    time: moment.wall))
            // What was sent before the reset says nothing of who has used what since.
            leasing?.enqueue(slot)
        }
    }
}
