import Basics
import RuleEngine

#if canImport(Glibc)
import Glibc
#endif

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
/// First the tiers in order: within one who served the conversation before, then whom `choose` names, passing over who is under its
/// threshold or cannot serve. When that leaves nobody, either somebody is waited for (`fallback.wait`), or whoever is least bad is
/// asked all the same: the fullest, else who is ready soonest; never who was refused or drained.
struct AttemptPlan {
    private enum Phase {
        case inOrder
        case reserve([Candidate])
        case over
    }

    /// How far the walk has come.
    private struct Position {
        var tier = 0
        /// The tier's target whose accounts are asked; -1: the next is to be chosen.
        var target = -1
        var targets = TakenPositions()
        /// Accounts of `target`.
        var accounts = TakenPositions()
        /// Those of them that cannot serve were passed over, where they are compared.
        var hasPassedOver = false
        /// What `target` is asked for.
        var model = ""
    }

    /// Candidates that were really asked: a request that cannot be said somewhere asks nobody.
    private struct Asked {
        var count = 0
        /// Those that were given out and that the exchange passed over after all.
        var skipped = 0
        /// Where the route waits: who they were.
        var whom: [(account: AccountID, model: String)] = []
        /// Those of them that nothing takes out, although they failed: to ask them again would bring the same.
        var spent: [(account: AccountID, model: String)] = []
        /// Where the route waits: who was not asked, for a limit. What they cost does not change while the request waits.
        var tooDear: [(account: AccountID, model: String)] = []
    }

    /// All of the file's, and which of them is walked: a route is a dozen references, and is looked at where it is.
    private let routes: [Route]
    private let rule: Int
    private let upstreams: [UpstreamAccounts]
    /// The model that rules went by.
    let askedFor: String
    let capture: String?
    private var phase = Phase.inOrder
    private var position = Position()
    private var rng: SplitMix64
    /// Who served before what the request belongs to.
    var bound = BoundAccounts()
    /// What stands on every node for the conversation or the key that nobody has served here yet; 0 where one node is all there
    /// is. Where lots are drawn all nodes then draw the same (rendezvous hashing).
    var lot: UInt64 = 0
    /// What the request will probably cost by model, where a tier of the route compares that.
    var costs: [String: Int] = [:]
    /// What the loop knows of the accounts, where some are compared.
    var memory: ChooseMemory?
    /// Candidates that were given out.
    private(set) var attempts = 0
    private var asked = Asked()
    /// Who was not asked, in the order in which it was found.
    private(set) var passedOver: [PassedOver] = []
    /// Whom the request may wait for: nobody is left to be asked, and the route waits.
    private(set) var awaited: Awaited?

    /// Somebody who was not asked.
    struct PassedOver {
        let candidate: Candidate
        /// Candidates that were tried before.
        let attempts: Int
        let reason: Reason

        /// The raw value is the word of a request's row.
        enum Reason: String {
            case cooldown, failing, refused, drained, quota, limit
            /// It has failed the request already, or is too dear for it.
            case asked
            case money = "out_of_money"
        }
    }

    /// Somebody who can serve again at a time that is known.
    struct Awaited: Equatable {
        let candidate: Candidate
        /// As `SteadyClock` counts.
        let until: Int
    }

    /// A list of some hundred accounts, most of them out, is not told in every row.
    private static let mostPassedOver = 64

    /// - Parameter rule: an index into `routes`.
    init(
        routes: [Route], rule: Int, accounts upstreams: [UpstreamAccounts], askedFor: String, capture: String?, seed: UInt64
    ) {
        self.routes = routes
        self.rule = rule
        self.upstreams = upstreams
        self.askedFor = askedFor
        self.capture = capture
        rng = SplitMix64(state: seed)
    }

    var route: Route {
        _read { yield routes[rule] }
    }

    /// The next to ask, or nil when nobody is left.
    mutating func next(_ states: AccountStates, now: Int) -> Candidate? {
        memory?.begin()
        guard let candidate = choose(states, now: now) else { return nil }
        attempts += 1
        return candidate
    }

    mutating func wasAsked(_ candidate: Candidate) {
        asked.count += 1
        guard route.fallback.waits else { return }
        asked.whom.append((upstreams[candidate.upstream].ids[candidate.account], candidate.model))
    }

    /// The candidate that was given out last is too dear for what a limit has left.
    mutating func passOverForLimit(_ candidate: Candidate) {
        asked.skipped += 1
        isTooDear(candidate)
    }

    /// Whoever is awaited is too dear for what a limit has left: the next that is back may not be, and is found anew.
    mutating func passOverAwaited() {
        guard let candidate = awaited?.candidate else { return }
        isTooDear(candidate)
        awaited = nil
        phase = .inOrder
    }

    private mutating func isTooDear(_ candidate: Candidate) {
        passOver(candidate, .limit)
        guard route.fallback.waits else { return }
        asked.tooDear.append((upstreams[candidate.upstream].ids[candidate.account], candidate.model))
    }

    /// Another request tries whether the candidate that was given out last is well again.
    mutating func passOverForProbe(_ candidate: Candidate) {
        asked.skipped += 1
        passOver(candidate, .failing)
    }

    /// Others have used up what the candidate that was given out last may have.
    mutating func passOverForQuota(_ candidate: Candidate) {
        asked.skipped += 1
        passOver(candidate, .quota)
    }

    /// Whether nobody who can serve is left, and whoever is given out is asked for want of anybody else.
    var isLastResort: Bool {
        if case .reserve = phase { true } else { false }
    }

    /// The candidate that was given out last has to wait.
    mutating func takeBack() { attempts -= 1 }

    /// The request has waited: all tiers are walked again.
    mutating func beginAgain() {
        phase = .inOrder
        position = Position()
        awaited = nil
    }

    private mutating func passOver(_ candidate: Candidate, _ reason: PassedOver.Reason) {
        guard passedOver.count < Self.mostPassedOver else { return }
        passedOver.append(PassedOver(candidate: candidate, attempts: attempts - asked.skipped, reason: reason))
    }

    private mutating func choose(_ states: AccountStates, now: Int) -> Candidate? {
        guard route.fallback.enabled else {
            return attempts == 0 ? advance(states, now: now) : nil
        }
        if case .inOrder = phase {
            if let candidate = advance(states, now: now) { return candidate }
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

    // MARK: In order

    /// The next of the chain that can serve.
    private mutating func advance(_ states: AccountStates, now: Int) -> Candidate? {
        // Without fallback the first tier is all there is.
        let tiers = route.fallback.enabled ? route.tiers.count : min(1, route.tiers.count)
        while position.tier < tiers {
            if position.target < 0 {
                if let candidate = boundCandidate(states, now: now) { return candidate }
                guard let target = chooseTarget(states, now: now) else {
                    position = Position(tier: position.tier + 1)
                    continue
                }
                enter(target)
                if let account = ownAccount(states, now: now) { return candidate(account) }
            }
            if let account = chooseAccount(states, now: now) { return candidate(account) }
            position.target = -1
        }
        return nil
    }

    private mutating func enter(_ target: Int) {
        enter(target, model: modelOfTarget(target))
    }

    /// What a target of the tier is asked for. Mostly it names no model of its own; a target is half a dozen references, and to ask it
    /// would copy them.
    private func modelOfTarget(_ target: Int) -> String {
        if route.tiers[position.tier].targets[target].tierTarget.model == nil { return askedFor }
        return route.tiers[position.tier].targets[target].tierTarget.model(askedFor: askedFor, capture: capture)
    }

    private mutating func enter(_ target: Int, model: String) {
        position.target = target
        position.targets.insert(target)
        position.accounts = TakenPositions()
        position.hasPassedOver = false
        position.model = model
    }

    private func model(of target: ResolvedTier.Target) -> String {
        target.tierTarget.model(askedFor: askedFor, capture: capture)
    }

    private func candidate(_ account: Int) -> Candidate {
        Candidate(
            tier: position.tier, target: position.target,
            upstream: route.tiers[position.tier].targets[position.target].upstream, account: account, model: position.model)
    }

    /// Who served the conversation before, if it is of this tier and can serve.
    private mutating func boundCandidate(_ states: AccountStates, now: Int) -> Candidate? {
        guard !bound.isEmpty else { return nil }
        if route.tiers[position.tier].targets.count == 1 { return onlyBoundCandidate(states, now: now) }
        let tier = route.tiers[position.tier]
        guard let mark = bound.find(tier.affinity(upstreams), in: tier.scope(upstreams))?.mark else { return nil }
        for index in tier.targets.indices where !position.targets.contains(index) {
            let target = tier.targets[index]
            let model = model(of: target)
            for (account, id) in upstreams[target.upstream].ids.enumerated() where tier.mark(of: id, model: model) == mark {
                guard obstacle(id, model, threshold: target.threshold, states, now: now) == nil else { return nil }
                enter(index)
                if tier.ownAffinity(of: target.upstream, upstreams) != nil {
                    let own = ownAccount(states, now: now) ?? chooseAccount(states, now: now)
                    return own.map { candidate($0) }
                }
                position.accounts.insert(account)
                return candidate(account)
            }
        }
        return nil
    }

    /// The same of a tier of one upstream, as most are: nothing is looked at but that upstream's accounts.
    private mutating func onlyBoundCandidate(_ states: AccountStates, now: Int) -> Candidate? {
        guard !position.targets.contains(0) else { return nil }
        let accounts = upstreams[route.tiers[position.tier].targets[0].upstream]
        guard let mark = bound.find(accounts.affinity, in: accounts.scope)?.mark, let account = accounts.position(of: mark) else {
            return nil
        }
        let threshold = route.tiers[position.tier].targets[0].threshold
        let model = modelOfTarget(0)
        guard
            holdsNobody(states, threshold: threshold)
                || obstacle(accounts.ids[account], model, threshold: threshold, states, now: now) == nil
        else { return nil }
        enter(0, model: model)
        position.accounts.insert(account)
        return candidate(account)
    }

    /// Who of the target's accounts served before what stays with these alone, if it can serve.
    private mutating func ownAccount(_ states: AccountStates, now: Int) -> Int? {
        guard !bound.isEmpty else { return nil }
        let tier = route.tiers[position.tier]
        let target = tier.targets[position.target]
        let (scope, ids) = (upstreams[target.upstream].scope, upstreams[target.upstream].ids)
        guard let kind = tier.ownAffinity(of: target.upstream, upstreams), let mark = bound.find(kind, in: scope)?.mark else {
            return nil
        }
        // The same account, whether the upstream is one of several or alone.
        guard let account = ids.firstIndex(where: { $0.mark == mark }),
            obstacle(ids[account], position.model, threshold: target.threshold, states, now: now) == nil
        else { return nil }
        position.accounts.insert(account)
        return account
    }

    private mutating func chooseTarget(_ states: AccountStates, now: Int) -> Int? {
        let count = route.tiers[position.tier].targets.count
        // Mostly so; a tier is several references, and to look into it would copy it.
        if count == 1 { return position.targets.contains(0) ? nil : 0 }
        let tier = route.tiers[position.tier]
        let taken = position.targets
        switch choice(tier.choice) {
        case .first: return (0..<count).first { !taken.contains($0) }
        case .weighted: return draw(count, taken) { tier.targets[$0].tierTarget.weight }
        case .fastest:
            guard let one = draw(count, taken, weight: { _ in 1 }) else { return nil }
            var others = taken
            others.insert(one)
            guard let other = draw(count, others, weight: { _ in 1 }) else { return one }
            let isFaster =
                figure(of: tier.targets[other], .fastest, states, now: now)
                < figure(of: tier.targets[one], .fastest, states, now: now)
            return isFaster ? other : one
        case .leastBusy, .cheapest, .mostQuota, .soonestReset:
            // Of idle equals not always the first is asked.
            let first = tier.choice == .leastBusy ? rng.position(below: count) : 0
            return least(count, taken, from: first) { figure(of: tier.targets[$0], tier.choice, states, now: now) }
        }
    }

    /// A target's figure is that of its best account, of those that can serve; requests in flight are those of all. The lowest goes
    /// first.
    private func figure(of target: ResolvedTier.Target, _ choice: Tier.Choice, _ states: AccountStates, now: Int) -> Double {
        let model = model(of: target)
        let roster = roster(of: target.upstream, model: model, by: choice, threshold: target.threshold, states, now: now)
        guard !roster.order.isEmpty else { return .infinity }
        switch choice {
        case .leastBusy: return Double(roster.inFlight()) / Double(max(target.tierTarget.weight, 1))
        case .fastest: return roster.leastFirstByte(now: now)
        // Unknown prices come last.
        case .cheapest: return costs[model].map(Double.init) ?? .infinity
        case .first, .weighted, .mostQuota, .soonestReset: return roster.leastFigure
        }
    }

    /// The next account of the target that can serve; who cannot is passed over.
    private mutating func chooseAccount(_ states: AccountStates, now: Int) -> Int? {
        let upstream = route.tiers[position.tier].targets[position.target].upstream
        let threshold = route.tiers[position.tier].targets[position.target].threshold
        let count = upstreams[upstream].ids.count
        let choice = count > 1 ? choice(upstreams[upstream].choice) : .first
        switch choice {
        case .first:
            for account in 0..<count where !position.accounts.contains(account) {
                position.accounts.insert(account)
                if admits(account, of: upstream, threshold: threshold, states, now: now) { return account }
            }
            return nil
        case .weighted:
            let accounts = upstreams[upstream]
            while let account = draw(
                count, position.accounts, mark: { accounts.lots[$0] }, weight: { accounts.weights[$0] })
            {
                position.accounts.insert(account)
                if admits(account, of: upstream, threshold: threshold, states, now: now) { return account }
            }
            return nil
        case .fastest, .leastBusy, .cheapest, .mostQuota, .soonestReset:
            return best(of: upstream, by: choice, threshold: threshold, states, now: now)
        }
    }

    /// Who is best of the accounts that are left; who cannot serve is passed over. Before nobody is left, those are asked once more
    /// that could not serve when they were looked at.
    private mutating func best(
        of upstream: Int, by choice: Tier.Choice, threshold: Double, _ states: AccountStates, now: Int
    ) -> Int? {
        let roster = roster(of: upstream, model: position.model, by: choice, threshold: threshold, states, now: now)
        if !roster.isComplete { passOver(roster) }
        while let account = roster.best(besides: position.accounts, now: now, &rng) {
            position.accounts.insert(account)
            if admits(account, of: upstream, threshold: threshold, states, now: now) { return account }
        }
        for (account, id) in upstreams[upstream].ids.enumerated() where !position.accounts.contains(account) {
            position.accounts.insert(account)
            if obstacle(id, position.model, threshold: threshold, states, now: now) == nil { return account }
        }
        return nil
    }

    private mutating func passOver(_ roster: Roster) {
        guard !position.hasPassedOver else { return }
        position.hasPassedOver = true
        for account in roster.accounts.ids.indices where !position.accounts.contains(account) {
            if let obstacle = roster.obstacle(to: account) { passOver(candidate(account), obstacle) }
        }
    }

    /// The accounts of an upstream, compared; of a plan without a memory only for this once.
    private func roster(
        of upstream: Int, model: String, by choice: Tier.Choice, threshold: Double, _ states: AccountStates, now: Int
    ) -> Roster {
        let question = Roster.Question(
            choice: choice, threshold: threshold, hasFallback: route.fallback.enabled, model: model)
        return memory?.roster(question, of: upstreams[upstream], upstream: upstream, states, now: now)
            ?? Roster(question, of: upstreams[upstream], states, now: now)
    }

    /// Whether an account of the target can serve; else it is noted as passed over.
    private mutating func admits(
        _ account: Int, of upstream: Int, threshold: Double, _ states: AccountStates, now: Int
    ) -> Bool {
        if holdsNobody(states, threshold: threshold) { return true }
        let obstacle = obstacle(upstreams[upstream].ids[account], position.model, threshold: threshold, states, now: now)
        guard let obstacle else { return true }
        if obstacle != .asked { passOver(candidate(account), obstacle) }
        return false
    }

    /// Whether there is no obstacle to anybody: mostly all that is to be found out.
    private func holdsNobody(_ states: AccountStates, threshold: Double) -> Bool {
        asked.spent.isEmpty && asked.tooDear.isEmpty && states.isPlain
            && (!route.fallback.enabled || states.leastLevel >= threshold)
    }

    /// Why an account is not asked now; nil when it is.
    private func obstacle(
        _ id: AccountID, _ model: String, threshold: Double, _ states: AccountStates, now: Int
    ) -> PassedOver.Reason? {
        if !asked.spent.isEmpty, asked.spent.contains(where: { $0 == (id, model) }) { return .asked }
        if !asked.tooDear.isEmpty, asked.tooDear.contains(where: { $0 == (id, model) }) { return .asked }
        return states.obstacle(to: id, model: model, threshold: threshold, hasFallback: route.fallback.enabled, now: now)?.reason
    }

    // MARK: Lots and figures

    /// One of those that are left, by weight; nil when none is left.
    /// - Parameter mark: what stands for one on every node.
    private mutating func draw(
        _ count: Int, _ taken: TakenPositions, mark: (Int) -> UInt64 = { UInt64(truncatingIfNeeded: $0) }, weight: (Int) -> Int
    ) -> Int? {
        var total = 0
        var last: Int?
        for index in 0..<count where !taken.contains(index) {
            total += max(weight(index), 0)
            last = index
        }
        guard total > 0 else { return last }
        if lot != 0 { return rendezvous(count, taken, mark, weight) }
        var drawn = Int(rng.next() % UInt64(total))
        for index in 0..<count where !taken.contains(index) {
            drawn -= max(weight(index), 0)
            if drawn < 0 { return index }
        }
        return last
    }

    /// Of those that are left the one whose number, made of it and of the lot, is the best for its weight: when one is out, only
    /// what was its own goes to others.
    private func rendezvous(_ count: Int, _ taken: TakenPositions, _ mark: (Int) -> UInt64, _ weight: (Int) -> Int) -> Int? {
        var best: (index: Int, figure: Double)?
        for index in 0..<count where !taken.contains(index) {
            var mixed = SplitMix64(state: lot ^ mark(index))
            _ = mixed.next()
            // In (0, 1], so that its logarithm is a number.
            let number = (Double(mixed.next() >> 11) + 1) / 9_007_199_254_740_992
            let figure = -log(number) / Double(max(weight(index), 1))
            if best.map({ figure < $0.figure }) ?? true { best = (index, figure) }
        }
        return best?.index
    }

    /// Where all nodes are to draw the same, figures that only this one knows do not count.
    private func choice(_ choice: Tier.Choice) -> Tier.Choice { lot != 0 && choice.drawsLots ? .weighted : choice }

    /// Who has the least figure of those that are left; of equals the first from `start` on.
    private func least(_ count: Int, _ taken: TakenPositions, from start: Int, _ figure: (Int) -> Double) -> Int? {
        var best: (index: Int, figure: Double)?
        for offset in 0..<count {
            let index = (start + offset) % count
            guard !taken.contains(index) else { continue }
            let value = figure(index)
            if let best, best.figure <= value { continue }
            best = (index, value)
        }
        return best?.index
    }

    // MARK: When nobody can serve

    /// Who was passed over, the least bad first. After attempts that failed only those with some quota left. Where the route waits
    /// and somebody will be back, that one is noted, and nobody is asked who would only say so.
    private mutating func reserve(_ states: AccountStates, now: Int) -> [Candidate] {
        var low: [(candidate: Candidate, share: Double)] = []
        var resting: [Awaited] = []
        var poor: [Awaited] = []
        var unusable: [Candidate] = []
        var mayWait = false
        var spent: [(account: AccountID, model: String)] = []
        for candidate in everybody() {
            let id = upstreams[candidate.upstream].ids[candidate.account]
            if asked.tooDear.contains(where: { $0 == (id, candidate.model) }) { continue }
            switch states.availability(of: id, model: candidate.model, now: now) {
            case .ready where asked.whom.contains { $0 == (id, candidate.model) }: spent.append((id, candidate.model))
            case .ready where states.isUnusable(id, now: now): unusable.append(candidate)
            case .ready:
                let share = states.share(of: id, model: candidate.model, now: now)
                let threshold = route.tiers[candidate.tier].targets[candidate.target].threshold
                if share.isUnder(threshold) { low.append((candidate, share.rank)) }
            case .cooling(let until), .outOfQuota(let until):
                mayWait = true
                resting.append(Awaited(candidate: candidate, until: until))
            case .failing(let until): resting.append(Awaited(candidate: candidate, until: until))
            case .outOfMoney(let until): poor.append(Awaited(candidate: candidate, until: until))
            case .refused, .drained: break
            }
        }
        let soonest = (resting.isEmpty ? poor : resting).min { $0.until < $1.until }
        if mayWait, route.fallback.waits, !low.contains(where: { $0.share > 0 }) {
            awaited = soonest
            asked.spent = spent
            return []
        }
        // Sorting is not stable by contract; the chain's order decides between equals.
        let fullest = low.enumerated().sorted { ($1.element.share, $0.offset) < ($0.element.share, $1.offset) }.map(\.element)
        if asked.count > 0 { return fullest.filter { $0.share > 0 }.map(\.candidate) + unusable }
        if !fullest.isEmpty || !unusable.isEmpty { return fullest.map(\.candidate) + unusable }
        return soonest.map { [$0.candidate] } ?? []
    }

    /// All of the chain, in the file's order.
    private func everybody() -> [Candidate] {
        var all: [Candidate] = []
        for (tier, resolved) in route.tiers.enumerated() {
            for (index, target) in resolved.targets.enumerated() {
                let model = model(of: target)
                for account in upstreams[target.upstream].ids.indices {
                    all.append(Candidate(tier: tier, target: index, upstream: target.upstream, account: account, model: model))
                }
            }
        }
        return all
    }
}
