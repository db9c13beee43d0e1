import Dialects
import RuleEngine

/// What the stages Authenticate and Decide make of a request that is only described, and whom Dispatch would ask: for
/// `POST /admin/explain`. It runs the code of the data path; nothing is sent, counted or changed.
public struct Rehearsal {
    /// Who asks.
    public enum Caller: Sendable {
        /// Who shows this key; nil for a text that is no key.
        case key(ClientKey?)
        /// Who shows none.
        case nobody
        /// Somebody of this policy.
        case policy(String)
    }

    /// A no of proxyd's own that no rule says.
    public struct Refusal: Sendable {
        public let status: Int
        public let message: String
        public let cause: Cause

        public enum Cause: Sendable, Hashable {
            /// The key, its policy, the client's address.
            case admission
            case limit
            /// Storage that fails, a model without a price.
            case other
        }
    }

    /// One number of a limit that applies.
    public struct Limit: Sendable {
        public let figure: LimitFigure
        /// What the request may come to.
        public let needed: Int
        public let fits: Bool
    }

    /// A limit of which cannot be told whether it applies.
    public struct UncomputableLimit: Sendable {
        public let limit: UsageLimit
        public let why: String
    }

    /// What else is known of the request and of this moment.
    public struct Setting: Sendable {
        /// Its body, where one was given.
        public var body: [UInt8] = []
        /// nil to pretend that there are no limits.
        public var limits: LimitLook?
        /// Whether usage can be written.
        public var canRecord = true

        public init() {}
    }

    /// Somebody who would be asked.
    public struct Attempt: Sendable {
        public let tier: String
        public let account: AccountID
        public let model: String
        /// It served before what the request belongs to.
        public let isBound: Bool
    }

    public let refusal: Refusal?
    /// The status that a client would get: 200 where somebody can be asked.
    public let status: Int
    /// The limits that apply, with what they say of who would be asked first.
    public let limits: [Limit]
    /// Those that cannot be computed for this request, and refuse it.
    public let uncomputable: [UncomputableLimit]
    /// The route that a limit which is used up sends the request to, instead of its rule's.
    public let elsewhere: Int?
    /// What the rules say, whether or not the request came so far.
    public let explanation: Explanation
    /// What the name asked for stands for; rules are asked of that, or not at all where it has a route of its own.
    public let alias: AliasTarget?
    /// Whether the caller's policy allows the model; false for a policy that is not configured.
    public let allowsModel: Bool
    /// Who would be asked, one after the other, as long as each failed. Of equals with weights the order is one of many.
    public let attempts: [Attempt]
    /// Whom the request would wait for, where nobody can be asked now and somebody will be in time.
    public let awaited: Awaited?
    /// What a client would be told where nobody can be asked; nil where somebody can, or something else refuses it.
    public let whyNobody: String?

    public struct Awaited: Sendable {
        public let account: AccountID
        public let model: String
        /// Until when, in milliseconds of `SteadyClock`.
        public let until: Int
    }

    /// More than these would not be read by anybody.
    fileprivate static let mostAttempts = 100

    /// - Parameters:
    ///   - facts: the described request. Quota and health are asked of `states`.
    ///   - remembered: who served before; nil for nobody.
    ///   - steady: what `SteadyClock` tells.
    public init(
        _ facts: Facts, from caller: Caller, dialect: ClientDialect, snapshot: Snapshot, states: AccountStates,
        remembered: RememberedAccounts? = nil, steady: Int, setting: Setting = Setting()
    ) {
        let live = LiveFacts(states: states, upstreams: snapshot.configuration.upstreams, now: steady)
        var facts = facts
        live.fill(&facts)
        facts.utcOffset = { Zones.offset(of: $0, at: $1) }
        Self.fillInLimits(&facts, snapshot, setting.limits)
        let policies = PolicyTable(snapshot.configuration.policies)
        alias = snapshot.aliases[facts.request.model]
        var resolved = facts
        if let alias { resolved.request.model = alias.model }
        explanation = snapshot.rules.explain(resolved)
        let described = DescribedDemand(facts.request, body: setting.body, dialect: dialect)
        var walk = Walk(
            facts, snapshot: snapshot, states: states, remembered: remembered, steady: steady,
            limits: LimitRehearsal(facts, described, dialect: dialect, snapshot: snapshot, look: setting.limits))
        var refusal: Refusal?
        var status = 200
        do throws(LocalReply) {
            let policy = try Self.admit(caller, facts, policies)
            if snapshot.configuration.usage.onStorageFailure == .refuse, !setting.canRecord {
                throw LocalReply(.internalError, status: 503, Exchange.unaccountable, stage: .settle)
            }
            let router = Router(snapshot: snapshot, policy: policy, path: facts.request.path)
            let decision = try router.decide(facts.request.model) { facts }
            try walk.begin(decision, router, policy: policy?.policy.name ?? "")
            refusal = walk.run()
            status = walk.status(for: dialect)
        } catch {
            status = error.status ?? error.errorClass.status(for: dialect)
            // A rule's own no, or that none matched, is what the explanation says.
            if let cause = Self.cause(of: error) { refusal = Refusal(status: status, message: error.message, cause: cause) }
        }
        self.refusal = refusal
        self.status = refusal?.status ?? status
        limits = walk.limits.figures
        uncomputable = walk.limits.uncomputable
        elsewhere = walk.elsewhere
        attempts = refusal == nil ? walk.attempts : []
        awaited = refusal == nil ? walk.awaited : nil
        whyNobody = refusal == nil ? walk.whyNobody : nil
        allowsModel = policies[facts.key.policy]?.allows(model: facts.request.model) ?? false
    }

    private static func cause(of reply: LocalReply) -> Refusal.Cause? {
        if reply.stage == .authenticate || reply.errorClass == .permission && reply.rule == nil { return .admission }
        if reply.errorClass == .rateLimit, reply.rule == nil { return .limit }
        return reply.stage == .settle ? .other : nil
    }

    /// What limits have left, as the rules' `limit(…)` asks.
    private static func fillInLimits(_ facts: inout Facts, _ snapshot: Snapshot, _ look: LimitLook?) {
        guard let look, !facts.key.id.isEmpty else { return }
        let (limits, known) = (snapshot.limits, snapshot.asLimitsSee(facts))
        facts.limit = {
            limits.share($0, known, keyID: known.key.id, policy: known.key.policy, look.table, now: look.now)
        }
    }

    /// What the request would probably cost by model: as much input as is described, and an answer as long as the file assumes.
    fileprivate static func costs(_ plan: AttemptPlan, _ facts: Facts, _ configuration: Configuration) -> [String: Int] {
        let prices = PriceList(configuration)
        let usage = TokenUsage(uncachedInput: max(facts.request.inputTokens, 0), output: configuration.usage.assumedOutput)
        var costs: [String: Int] = [:]
        for tier in plan.route.tiers where tier.choice == .cheapest {
            for target in tier.targets {
                let model = target.tierTarget.model(askedFor: plan.askedFor, capture: plan.capture)
                costs[model] = prices.knownCost(model: model, at: target.upstream, usage: usage)
            }
        }
        return costs
    }

    private static func admit(_ caller: Caller, _ facts: Facts, _ policies: PolicyTable) throws(LocalReply) -> KeyPolicyCheck? {
        let authentication: Authentication
        switch caller {
        case .nobody: throw Admission.noKey.reply
        case .key(nil): authentication = .unknown
        case .key(let key?): authentication = Authenticator.judge(key, isEnabled: key.enabled, now: facts.now.seconds)
        case .policy(let name):
            authentication = .granted(
                ClientKey(
                    id: facts.key.id, name: facts.key.name, digest: KeyDigest(hashing: ""), masked: "", policy: name, created: 0,
                    source: .admin))
        }
        do throws(Admission.Refused) {
            return try Admission.admit(
                authentication, policy: { policies[$0.policy] }, address: AddressRange.Address(facts.clientIP)
            ).policy
        } catch {
            throw error.reply
        }
    }
}

/// The walk over a route's candidates, as stage Dispatch does it while each fails.
private struct Walk {
    private let facts: Facts
    private let snapshot: Snapshot
    private let states: AccountStates
    private let remembered: RememberedAccounts?
    private let steady: Int
    private(set) var limits: LimitRehearsal
    private(set) var attempts: [Rehearsal.Attempt] = []
    private(set) var elsewhere: Int?
    private(set) var awaited: Rehearsal.Awaited?
    /// Somebody will be back, but not in time.
    private var isTooLate = false
    private var router: Router?
    private var plan: AttemptPlan?

    init(
        _ facts: Facts, snapshot: Snapshot, states: AccountStates, remembered: RememberedAccounts?, steady: Int,
        limits: LimitRehearsal
    ) {
        self.facts = facts
        self.snapshot = snapshot
        self.states = states
        self.remembered = remembered
        self.steady = steady
        self.limits = limits
    }

    mutating func begin(_ decision: Router.Decision, _ router: Router, policy: String) throws(LocalReply) {
        self.router = router
        enter(decision)
        try limits.find(snapshot.asLimitsSee(facts), policy: policy, set: plan?.route.set ?? .none)
    }

    private mutating func enter(_ decision: Router.Decision) {
        guard let decided = router?.plan(decision, model: facts.request.model, seed: { 0 }) else { return }
        var plan = decided.attempts
        if let remembered { plan.bound = remembered.bound(facts, decided.traits, now: steady) }
        plan.costs = Rehearsal.costs(plan, facts, snapshot.configuration)
        self.plan = plan
    }

    /// - Returns: why nobody is asked, where a limit says no.
    mutating func run() -> Rehearsal.Refusal? {
        while attempts.count < Rehearsal.mostAttempts {
            let next = plan?.next(states, now: steady)
            guard let plan else { return nil }
            // A candidate that the request would wait for is asked about limits too.
            let found = next == nil && attempts.isEmpty ? plan.awaited : nil
            guard let candidate = next ?? found?.candidate else { break }
            switch limits.reserve(candidate, of: plan.route, asked: attempts.count) {
            case .granted:
                if let found { return wait(for: found, plan) }
                note(candidate, plan)
            case .passedOver:
                if found == nil { self.plan?.passOverForLimit(candidate) } else { self.plan?.passOverAwaited() }
            case .refused(let refusal): return refusal
            case .elsewhere(let route):
                elsewhere = route
                enter(Router.Decision(rule: route, capture: nil, alias: plan.askedFor))
            }
        }
        return attempts.isEmpty ? limits.refusal : nil
    }

    /// - Returns: why it does not wait, where a limit was too little for somebody else.
    private mutating func wait(for found: AttemptPlan.Awaited, _ plan: AttemptPlan) -> Rehearsal.Refusal? {
        guard found.until <= steady &+ plan.route.fallback.wait.milliseconds else {
            isTooLate = true
            return limits.refusal
        }
        let id = snapshot.accountIDs[found.candidate.upstream][found.candidate.account]
        awaited = Rehearsal.Awaited(account: id, model: found.candidate.model, until: found.until)
        return nil
    }

    private mutating func note(_ candidate: Candidate, _ plan: AttemptPlan) {
        self.plan?.wasAsked(candidate)
        let tier = plan.route.tiers[candidate.tier]
        let id = snapshot.accountIDs[candidate.upstream][candidate.account]
        let accounts = snapshot.accounts
        let bound = plan.bound.find(tier.affinity(accounts), in: tier.scope(accounts))
        let own = tier.ownAffinity(of: candidate.upstream, accounts)
            .flatMap { plan.bound.find($0, in: accounts[candidate.upstream].scope) }
        attempts.append(
            Rehearsal.Attempt(
                tier: tier.text, account: id, model: candidate.model,
                isBound: bound?.mark == tier.mark(of: id, model: candidate.model) || own?.mark == id.mark))
    }

    /// nil where somebody is asked or waited for, or the walk never began.
    var whyNobody: String? {
        guard attempts.isEmpty, awaited == nil, let plan else { return nil }
        if isTooLate { return "every account that could serve the request is out of quota or rests, and none is back in time" }
        return Exchange.whyNobody(plan.passedOver, snapshot.configuration, states)
    }

    /// What a client would get of this walk, as long as whoever is asked serves.
    func status(for dialect: ClientDialect) -> Int {
        if !attempts.isEmpty || awaited != nil { return 200 }
        return (isTooLate ? ErrorClass.rateLimit : .upstreamBroken).status(for: dialect)
    }
}
