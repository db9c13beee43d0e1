import RuleEngine

/// One thing to try: an account of an upstream, asked for a model.
struct Candidate: Sendable, Hashable {
    /// Indices into the route's tiers, the tier's targets, the configuration's upstreams, the upstream's accounts.
    var tier: Int
    var target: Int
    var upstream: Int
    var account: Int
    var model: String
}

/// The walk over a rule's tiers: who is asked next. Pure; live state and time come in with every question.
///
/// First the tiers in order, passing over what is under its threshold or cannot serve now. When that leaves nobody, whoever is least
/// bad is asked all the same: the fullest, else who is ready soonest, an open breaker's too; never a refused or a drained one.
struct AttemptPlan {
    private enum Phase {
        case inOrder
        case reserve([Candidate])
        case over
    }

    let route: Route
    /// The account ids by upstream and account.
    private let accounts: [[AccountID]]
    private let askedFor: String
    private let capture: String?
    private var phase = Phase.inOrder
    private var tier = 0
    /// Position within the tier's targets (in `order`) and the target's accounts.
    private var position = 0
    private var account = 0
    private var order: [Int]?
    private var rng: SplitMix64
    /// Candidates that were given out.
    private(set) var attempts = 0
    /// Those of them that were really asked: a request that cannot be said somewhere asks nobody.
    private var asked = 0
    /// Those of them that the exchange passed over after all.
    private var skipped = 0
    /// Who was not asked, in the order in which it was found.
    private(set) var passedOver: [PassedOver] = []

    /// Somebody who was not asked.
    struct PassedOver {
        let candidate: Candidate
        /// Candidates that were tried before.
        let attempts: Int
        let reason: Reason

        /// The raw value is the word of a request's row.
        enum Reason: String {
            case cooldown, refused, quota, limit, failing, drained
            case money = "out_of_money"
        }
    }

    init(route: Route, accounts: [[AccountID]], askedFor: String, capture: String?, seed: UInt64) {
        self.route = route
        self.accounts = accounts
        self.askedFor = askedFor
        self.capture = capture
        rng = SplitMix64(state: seed)
    }

    /// The next to ask, or nil when nobody is left.
    mutating func next(_ states: AccountStates, now: Int) -> Candidate? {
        guard let candidate = choose(states, now: now) else { return nil }
        attempts += 1
        return candidate
    }

    mutating func wasAsked() { asked += 1 }

    /// The candidate that was given out last is too dear for what a limit has left.
    mutating func passOverForLimit(_ candidate: Candidate) {
        skipped += 1
        passOver(candidate, .limit)
    }

    /// Another request tries whether the candidate that was given out last is well again.
    mutating func passOverForProbe(_ candidate: Candidate) {
        skipped += 1
        passOver(candidate, .failing)
    }

    /// Whether nobody who can serve is left, and whoever is given out is asked for want of anybody else.
    var isLastResort: Bool {
        guard case .reserve = phase else { return false }
        return true
    }

    private mutating func passOver(_ candidate: Candidate, _ reason: PassedOver.Reason) {
        passedOver.append(PassedOver(candidate: candidate, attempts: attempts - skipped, reason: reason))
    }

    private mutating func choose(_ states: AccountStates, now: Int) -> Candidate? {
        guard route.fallback.enabled else {
            guard attempts == 0 else { return nil }
            // What an operator has taken out is out here, too.
            while let candidate = advance() {
                if states.accounts.isEmpty || states.accounts[id(of: candidate)]?.isDrained != true { return candidate }
                passOver(candidate, .drained)
            }
            return nil
        }
        if case .inOrder = phase {
            while let candidate = advance() {
                if !states.accounts.isEmpty || states.leastLevel <= 0 {
                    switch states.availability(of: id(of: candidate), model: candidate.model, now: now) {
                    case .ready: break
                    case let obstacle:
                        passOver(candidate, PassedOver.Reason(obstacle))
                        continue
                    }
                }
                if states.leastLevel >= threshold(of: candidate) { return candidate }
                if !states.share(of: id(of: candidate), model: candidate.model, now: now).isUnder(threshold(of: candidate)) {
                    return candidate
                }
                passOver(candidate, .quota)
            }
            phase = .reserve(reserve(states, now: now))
        }
        guard case .reserve(var rest) = phase, !rest.isEmpty else {
            phase = .over
            return nil
        }
        let candidate = rest.removeFirst()
        phase = .reserve(rest)
        return candidate
    }

    /// The next of the chain, whatever its state.
    private mutating func advance() -> Candidate? {
        while tier < route.tiers.count {
            let targets = route.tiers[tier].targets
            if order == nil, targets.count > 1 { order = weightedOrder(targets) }
            while position < targets.count {
                let index = order?[position] ?? position
                let target = targets[index]
                if account < accounts[target.upstream].count {
                    defer { account += 1 }
                    return Candidate(
                        tier: tier, target: index, upstream: target.upstream, account: account,
                        model: target.tierTarget.model(askedFor: askedFor, capture: capture))
                }
                position += 1
                account = 0
            }
            tier += 1
            position = 0
            account = 0
            order = nil
        }
        return nil
    }

    /// Who was passed over, the least bad first. After attempts that failed only those with some quota left.
    private func reserve(_ states: AccountStates, now: Int) -> [Candidate] {
        var walk = AttemptPlan(route: route, accounts: accounts, askedFor: askedFor, capture: capture, seed: 0)
        var low: [(candidate: Candidate, share: Double)] = []
        var cooling: [(candidate: Candidate, until: Int)] = []
        var poor: [(candidate: Candidate, until: Int)] = []
        while let candidate = walk.advance() {
            let id = self.id(of: candidate)
            switch states.availability(of: id, model: candidate.model, now: now) {
            case .ready:
                let share = states.share(of: id, model: candidate.model, now: now)
                if share.isUnder(threshold(of: candidate)) { low.append((candidate, share.rank)) }
            case .cooling(let until), .outOfQuota(let until), .failing(let until): cooling.append((candidate, until))
            case .outOfMoney(let until): poor.append((candidate, until))
            case .refused, .drained: break
            }
        }
        // Sorting is not stable by contract; the chain's order decides between equals.
        let fullest = low.enumerated().sorted { ($1.element.share, $0.offset) < ($0.element.share, $1.offset) }.map(\.element)
        if asked > 0 { return fullest.filter { $0.share > 0 }.map(\.candidate) }
        if !fullest.isEmpty { return fullest.map(\.candidate) }
        let soonest = (cooling.isEmpty ? poor : cooling).min { $0.until < $1.until }
        return soonest.map { [$0.candidate] } ?? []
    }

    private func id(of candidate: Candidate) -> AccountID {
        accounts[candidate.upstream][candidate.account]
    }

    private func threshold(of candidate: Candidate) -> Double {
        route.tiers[candidate.tier].targets[candidate.target].threshold
    }

    private mutating func weightedOrder(_ targets: [ResolvedTier.Target]) -> [Int] {
        var left = Array(targets.indices)
        var order: [Int] = []
        while !left.isEmpty {
            let total = left.reduce(0) { $0 + max(targets[$1].tierTarget.weight, 0) }
            var draw = total > 0 ? Int(rng.next() % UInt64(total)) : 0
            let pick = left.firstIndex { index in
                draw -= max(targets[index].tierTarget.weight, 0)
                return draw < 0
            }
            order.append(left.remove(at: pick ?? 0))
        }
        return order
    }
}

extension AttemptPlan.PassedOver.Reason {
    fileprivate init(_ availability: Availability) {
        switch availability {
        case .ready, .outOfQuota: self = .quota
        case .cooling: self = .cooldown
        case .outOfMoney: self = .money
        case .refused: self = .refused
        case .failing: self = .failing
        case .drained: self = .drained
        }
    }
}

/// A small generator of well-mixed numbers; not for secrets.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
