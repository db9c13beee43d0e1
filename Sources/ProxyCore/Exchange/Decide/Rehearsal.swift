import Dialects
import RuleEngine

/// What the stages Authenticate and Decide make of a request that is only described, and whom Dispatch would ask: for
/// `POST /admin/explain`. It runs the code of the data path; nothing is sent, counted or changed.
public struct Rehearsal {
    /// Whose request it is.
    public enum Caller: Sendable {
        /// Who shows this key; nil for a text that is no key.
        case key(ClientKey?)
        /// Somebody of this policy.
        case policy(String)
    }

    /// A no that comes before any rule is asked.
    public struct Refusal: Sendable {
        public let status: Int
        public let message: String
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
    /// What the rules say, whether or not the request came so far.
    public let explanation: Explanation
    /// What the name asked for stands for; rules are asked of that, or not at all where it has a route of its own.
    public let alias: AliasTarget?
    /// Whether the caller's policy allows the model; false for a policy that is not configured.
    public let allowsModel: Bool
    /// Who would be asked, one after the other, as long as each failed. Of equals with weights the order is one of many.
    public let attempts: [Attempt]
    /// For whom the request would wait, where nobody can be asked now and somebody will be in time.
    public let awaited: Awaited?

    public struct Awaited: Sendable {
        public let account: AccountID
        public let model: String
        /// As `SteadyClock` counts.
        public let until: Int
    }

    /// More than these would not be read by anybody.
    private static let mostAttempts = 100

    /// - Parameters:
    ///   - facts: the described request. Quota and health are asked of `states`.
    ///   - remembered: who served before; nil for nobody.
    ///   - steady: what `SteadyClock` tells.
    public init(
        _ facts: Facts, from caller: Caller, dialect: ClientDialect, snapshot: Snapshot, states: AccountStates,
        remembered: RememberedAccounts? = nil, steady: Int
    ) {
        let live = LiveFacts(states: states, upstreams: snapshot.configuration.upstreams, now: steady)
        var facts = facts
        live.fill(&facts)
        facts.utcOffset = { Zones.offset(of: $0, at: $1) }
        let policies = PolicyTable(snapshot.configuration.policies)
        alias = snapshot.aliases[facts.request.model]
        var resolved = facts
        if let alias { resolved.request.model = alias.model }
        explanation = snapshot.rules.explain(resolved)
        var refusal: Refusal?
        var attempts: [Attempt] = []
        var awaited: Awaited?
        do throws(LocalReply) {
            let policy = try Self.admit(caller, facts, policies)
            let router = Router(snapshot: snapshot, policy: policy, path: facts.request.path)
            let decision = try router.decide(facts.request.model) { facts }
            let decided = router.plan(decision, model: facts.request.model) { 0 }
            var plan = decided.attempts
            if let remembered { plan.bound = remembered.bound(facts, decided.traits, now: steady) }
            plan.costs = Self.costs(plan, facts, snapshot.configuration)
            while attempts.count < Self.mostAttempts, let candidate = plan.next(states, now: steady) {
                plan.wasAsked()
                let tier = plan.route.tiers[candidate.tier]
                let id = snapshot.accountIDs[candidate.upstream][candidate.account]
                let bound = plan.bound[tier.affinity(snapshot.accounts)]
                attempts.append(
                    Attempt(
                        tier: tier.text, account: id, model: candidate.model,
                        isBound: bound?.mark == tier.mark(of: id, model: candidate.model)))
            }
            let latest = steady &+ plan.route.fallback.wait.milliseconds
            if attempts.isEmpty, let found = plan.awaited, found.until <= latest {
                let id = snapshot.accountIDs[found.candidate.upstream][found.candidate.account]
                awaited = Awaited(account: id, model: found.candidate.model, until: found.until)
            }
        } catch {
            // A rule's own no, or that none matched, is what the explanation says.
            if error.stage == .authenticate || error.errorClass == .permission && error.rule == nil {
                refusal = Refusal(status: error.status ?? error.errorClass.status(for: dialect), message: error.message)
            }
        }
        self.refusal = refusal
        self.attempts = attempts
        self.awaited = awaited
        allowsModel = policies[facts.key.policy]?.allows(model: facts.request.model) ?? false
    }

    /// What the request would probably cost by model: as much input as is described, and an answer as long as the file assumes.
    private static func costs(_ plan: AttemptPlan, _ facts: Facts, _ configuration: Configuration) -> [String: Int] {
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
