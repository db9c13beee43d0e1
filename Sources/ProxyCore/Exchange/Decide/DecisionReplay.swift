import Dialects
import RuleEngine

/// Decides recorded requests anew by another file: with the data path's own code, from what the record holds, and nothing else.
public final class DecisionReplay: Sendable {
    private let snapshot: Snapshot
    private let policies: PolicyTable
    private let prices: PriceList
    private let keys: [String: DeclaredKey]
    /// The names of the file's upstreams, and where each is among them.
    private let names: [String]
    private let indices: [String: Int]

    public init(_ snapshot: Snapshot) {
        self.snapshot = snapshot
        policies = PolicyTable(snapshot.configuration.policies)
        prices = PriceList(snapshot.configuration)
        keys = Dictionary(snapshot.configuration.keys.map { ($0.name, $0) }) { first, _ in first }
        names = snapshot.configuration.upstreams.map(\.name)
        indices = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
    }

    /// What becomes of a recorded request.
    public struct Verdict: Sendable, Hashable {
        public var rule: String?
        /// Who would be asked first; nil for nobody.
        public var target: RecordedDecision.Target?
        /// Why nobody would be asked.
        public var refusal: String?
        public var change = Change.none
        /// What would be paid, in nano-dollars; nil for a model without a price, or where nothing was used.
        public var cost: Int?

        public enum Change: String, Sendable, Hashable, CaseIterable {
            case none
            /// Another upstream or model.
            case elsewhere
            /// Somebody was asked, and nobody would be.
            case refused
            /// Nobody was asked, and somebody would be.
            case admitted
            /// Refused as before, in another way.
            case otherwiseRefused = "otherwise_refused"
            /// A limit decided, or an account of which the record knows nothing.
            case undecided
        }
    }

    public func decide(_ recorded: RecordedDecision) -> Verdict {
        var facts = recorded.facts
        let key = recorded.isDeclared ? keys[facts.key.name] : nil
        if let key { (facts.key.policy, facts.key.tags) = (key.policy, key.tags) }
        fill(&facts, recorded.moment)
        let policy = policies[facts.key.policy]
        if let errorClass = obstacle(recorded, key, policy) { return refused(errorClass, recorded, rule: nil) }
        let router = Router(snapshot: snapshot, policy: policy, path: facts.request.path)
        let decision: Router.Decision
        do throws(LocalReply) {
            decision = try router.decide(facts.request.model) { facts }
        } catch {
            let isPolicys = error.rule == nil && error.errorClass == .permission && facts.request.model != "*"
            guard isPolicys || isTold(recorded, facts) else { return Verdict(change: .undecided) }
            let rule = error.rule.flatMap { snapshot.rules.rules.indices.contains($0) ? snapshot.rules.rules[$0].name : nil }
            return refused(error.errorClass, recorded, rule: rule)
        }
        // A limit's no says nothing of where the request would go.
        if Self.isLimits(recorded.decided) || !isTold(recorded, facts) { return Verdict(change: .undecided) }
        let steady = SteadyClock.milliseconds
        let states = AccountStates.restored(recorded.moment, snapshot.accountIDs, now: steady)
        var plan = router.plan(decision, model: facts.request.model, seed: { 0 }).attempts
        guard let first = plan.next(states, now: steady) else {
            return refused(.overloaded, recorded, rule: plan.route.name)
        }
        let tier = plan.route.tiers[first.tier]
        let id = snapshot.accountIDs[first.upstream][first.account]
        var verdict = Verdict(rule: plan.route.name)
        verdict.target = RecordedDecision.Target(tier: tier.text, upstream: id.upstream, model: first.model, account: id.account)
        settle(&verdict, recorded, tier, plan, first)
        return verdict
    }

    /// Whether the record holds what the rules read that the request comes to, until one takes it.
    private func isTold(_ recorded: RecordedDecision, _ facts: Facts) -> Bool {
        let known = recorded.known
        if known.isSuperset(of: snapshot.rules.reads), known.contains(.line) { return true }
        var facts = facts
        let namesNone = facts.request.model == "*"
        if !namesNone, let alias = snapshot.aliases[facts.request.model] {
            guard alias.route == nil else { return true }
            facts.request.model = alias.model
        }
        for rule in snapshot.rules.rules {
            if rule.paths.isEmpty || known.contains(.line) {
                guard rule.match(facts.request.model, path: facts.request.path) != nil else { continue }
            } else {
                guard rule.match(facts.request.model) == nil, !namesNone else { return false }
                continue
            }
            guard let condition = rule.condition else { return true }
            guard known.isSuperset(of: condition.reads) else { return false }
            if condition.evaluate(facts) == .true { return true }
        }
        return true
    }

    /// What the stage Authenticate would say no for. A made key is as it was.
    private func obstacle(_ recorded: RecordedDecision, _ key: DeclaredKey?, _ policy: KeyPolicyCheck?) -> ErrorClass? {
        if recorded.isDeclared, key == nil { return .authentication }
        if key?.enabled == false { return .permission }
        guard let policy else { return .permission }
        if policy.isOpenToAll || !recorded.known.contains(.client) { return nil }
        let address = AddressRange.Address(recorded.facts.clientIP)
        return address.map { policy.allows(address: $0) } ?? false ? nil : .permission
    }

    private func settle(
        _ verdict: inout Verdict, _ recorded: RecordedDecision, _ tier: ResolvedTier, _ plan: AttemptPlan, _ first: Candidate
    ) {
        if let before = recorded.decided.target {
            // Which of several equals a request gets is chance, or the moment's.
            let isSame = tier.targets.contains { target in
                names[target.upstream] == before.upstream
                    && target.tierTarget.model(askedFor: plan.askedFor, capture: plan.capture) == before.model
            }
            verdict.change = isSame ? .none : .elsewhere
            if isSame { verdict.target = before }
        } else {
            verdict.change = .admitted
        }
        guard let used = recorded.used else { return }
        let isElsewhere = verdict.change != .none
        let upstream = isElsewhere ? first.upstream : indices[used.upstream]
        verdict.cost = prices.knownCost(model: isElsewhere ? first.model : used.model, at: upstream, usage: used.usage)
    }

    private func refused(_ errorClass: ErrorClass, _ recorded: RecordedDecision, rule: String?) -> Verdict {
        var verdict = Verdict(rule: rule, refusal: errorClass.rawValue)
        if recorded.decided.target != nil {
            verdict.change = .refused
        } else if Self.isLimits(recorded.decided) {
            verdict.change = .otherwiseRefused
        } else {
            verdict.change = Self.isSame(recorded.decided, verdict) ? .none : .otherwiseRefused
        }
        return verdict
    }

    private static func isLimits(_ decided: RecordedDecision.Decided) -> Bool {
        decided.target == nil && decided.refusal == RecordedDecision.Decided.limit
    }

    /// Whether the client was refused for the same. That nobody could be asked has several words.
    private static func isSame(_ decided: RecordedDecision.Decided, _ verdict: Verdict) -> Bool {
        if verdict.refusal == ErrorClass.overloaded.rawValue { return decided.rule == verdict.rule }
        return decided.refusal == verdict.refusal
    }

    /// What rules ask, as the record has it; what it does not have, as its accounts stood.
    private func fill(_ facts: inout Facts, _ moment: RecordedMoment) {
        facts.utcOffset = { Zones.offset(of: $0, at: $1) }
        // Most records hold nothing of it, and then facts are what they say by themselves.
        guard moment.count > 0 else { return }
        facts.limit = { moment.limits[$0] ?? 1 }
        facts.quotaRunsOut = { upstream, model in
            moment.runsOut["\(upstream)/\(model)"].map { Facts.Timestamp(seconds: $0) } ?? .farFuture
        }
        facts.quota = { upstream, model in moment.quota["\(upstream)/\(model)"] ?? moment.bestShare(upstream, model) }
        facts.healthy = { upstream in moment.healthy[upstream] ?? moment.isHealthy(upstream) }
    }
}

extension RecordedMoment {
    /// -1 where it is not known of every account that is recorded.
    fileprivate func bestShare(_ upstream: String, _ model: String) -> Double {
        var best = -1.0
        for account in accounts[upstream]?.values ?? [:].values {
            guard let share = account[model]?.share else { return -1 }
            best = max(best, share)
        }
        return best
    }

    fileprivate func isHealthy(_ upstream: String) -> Bool {
        guard let accounts = accounts[upstream] else { return true }
        return !accounts.values.contains { $0.values.contains { $0.obstacle != nil && $0.obstacle != "out_of_quota" } }
    }
}

extension AccountStates {
    /// How accounts stood, as far as a record tells.
    fileprivate static func restored(_ moment: RecordedMoment, _ ids: [[AccountID]], now: Int) -> AccountStates {
        guard !moment.accounts.isEmpty else { return nothing }
        var states = AccountStates()
        var windows: [AccountID: AccountWindows] = [:]
        var accounts: [AccountID: AccountState] = [:]
        for upstream in ids {
            for id in upstream {
                guard let models = moment.accounts[id.upstream]?[id.account] else { continue }
                for (model, account) in models {
                    let until = now &+ min(account.milliseconds ?? longest, longest)
                    if let obstacle = account.obstacle, obstacle != AccountStanding.Word.outOfQuota.rawValue {
                        accounts[id, default: AccountState()].hold(model, obstacle, until: until, now: now)
                    }
                    guard let share = account.share else { continue }
                    let window = QuotaWindow(
                        .model(model), kind: "share", share: share, resetsAt: account.obstacle == nil ? nil : until,
                        source: .headers,
                        takenAt: now)
                    _ = windows[id, default: AccountWindows()].take([window], now: now)
                }
            }
        }
        states.accountIDs = Dictionary(ids.compactMap { ids in ids.first.map { ($0.upstream, ids) } }) { first, _ in first }
        states.accounts = accounts
        states.windows = windows
        return states
    }

    private static let nothing = AccountStates()
    private static var longest: Int { 86_400_000 }
}

extension AccountState {
    fileprivate mutating func hold(_ model: String, _ obstacle: String, until: Int, now: Int) {
        switch AccountStanding.Word(rawValue: obstacle) {
        case .drained: isDrained = true
        case .refused: refusal = Refusal(until: until)
        case .outOfMoney: refusal = Refusal(until: until, kind: .money)
        case .failing: failing = Failing(until: until, reason: .response(.timeout))
        default:
            cooldowns[model] = Cooldown(
                until: until, reason: .response(.status(429)), since: now, modelStatus: .known, isTold: true)
        }
    }
}
