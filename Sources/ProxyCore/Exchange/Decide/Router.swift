import Dialects
import RuleEngine

/// Where a request goes: the rule that decided, and the walk over its tiers.
struct RoutePlan {
    /// An index into the snapshot's routes and into all rules.
    let rule: Int
    let traits: RouteTraits
    var attempts: AttemptPlan
    /// The numbers under which it is remembered who served.
    var affinity = AffinityKeys()

    var route: Route {
        _read { yield attempts.route }
    }
}

/// The stage Decide behind the body: from what is asked, by whom, to a plan, or to the reply that says why not. Pure but for what the
/// facts read; the data path and `POST /admin/explain` ask the same.
struct Router {
    let snapshot: Snapshot
    /// The caller's; nil allows nothing.
    let policy: KeyPolicyCheck?
    let path: String

    /// What a rule decided for one model.
    struct Decision: Equatable {
        let rule: Int
        /// What the `*` of its glob stood for.
        let capture: String?
        /// The model that the name asked for stands for; nil for itself.
        var alias: String?
    }

    /// Asks the policy, then the rules.
    /// - Parameters:
    ///   - model: as asked for; `*` where the request names none.
    ///   - facts: gathered only where a rule reads them.
    func decide(_ model: String, facts: () -> Facts) throws(LocalReply) -> Decision {
        let namesNone = model.utf8.count == 1 && model == "*"
        if namesNone {
            try admitPath()
        } else if policy?.allows(model: model) != true {
            throw LocalReply(.permission, "the API key may not use the model '\(Self.shown(model))'", stage: .decide)
        }
        // Policies know the name that is asked for, rules what it stands for.
        let alias = snapshot.aliases.isEmpty || namesNone ? nil : snapshot.aliases[model]
        if let alias, let route = alias.route { return Decision(rule: route, capture: nil, alias: alias.model) }
        let decided =
            alias.map { alias in
                snapshot.rules.decide(model: alias.model, path: path) {
                    var facts = facts()
                    facts.request.model = alias.model
                    return facts
                }
            } ?? snapshot.rules.decide(model: model, path: path, facts: facts)
        switch decided {
        case .route(let rule, let capture): return Decision(rule: rule, capture: capture, alias: alias?.model)
        case .reject(let rule, let rejection):
            throw LocalReply(
                ErrorClass(status: rejection.status), status: rejection.status, rejection.message, stage: .decide, rule: rule)
        case .noMatch where namesNone: throw Self.pathOfNobody
        case .noMatch:
            throw LocalReply(
                .notFound, "the model '\(Self.shown(model))' is not known here", param: "model", stage: .decide)
        }
    }

    /// Asks the policy about a request that names no model.
    private func admitPath() throws(LocalReply) {
        guard let policy, policy.allows(path: path) else {
            throw LocalReply(.permission, "the API key may not use this path", stage: .decide)
        }
    }

    /// What can be said before there is a body, of a path where no model can be asked for: policy and rules go by the path.
    func admitWithoutModel() throws(LocalReply) {
        try admitPath()
        guard snapshot.rules.mayDecide(model: "*", path: path) else { throw Self.pathOfNobody }
    }

    private static var pathOfNobody: LocalReply { LocalReply(.notFound, "no rule serves this path", stage: .decide) }

    /// Each is a walk through all rules.
    private static let mostBatchedModels = 1000

    /// Asks about every model of a batch: all must be allowed and go to one upstream. Notes the decisions beside the models, and gives
    /// the first one's.
    func decide(_ batch: inout [BatchModel], facts: Facts) throws(LocalReply) -> Decision {
        try decideEach(&batch, facts: facts)
        guard shareUpstream(batch.map(\.rule)), let first = batch.first else {
            throw LocalReply(body: "the batch's models go to more than one upstream")
        }
        return Decision(rule: first.rule, capture: first.capture, alias: first.alias)
    }

    /// Asks about the models that a body names beside its own: a server may take one of them in its place, so all must be allowed and
    /// go where the request goes.
    func admit(_ alternates: [String], beside decision: Decision, facts: Facts) throws(LocalReply) {
        var models = alternates.map { BatchModel(name: $0) }
        try decideEach(&models, facts: facts)
        guard shareUpstream(models.map(\.rule) + [decision.rule]) else {
            throw LocalReply(body: "the models that the body names go to more than one upstream")
        }
    }

    /// Asks the policy alone, about models that no rule leads anywhere.
    func admit(_ models: [String], by policy: KeyPolicyCheck) throws(LocalReply) {
        guard let other = models.first(where: { !policy.allows(model: $0) }) else { return }
        throw LocalReply(.permission, "the API key may not use the model '\(Self.shown(other))'", stage: .decide)
    }

    /// Whether what these rules decide on goes to one upstream.
    private func shareUpstream(_ rules: [Int]) -> Bool {
        let rules = Set(rules)
        let upstreams = Set(rules.flatMap { rule in snapshot.routes[rule].tiers.flatMap { $0.targets.map(\.upstream) } })
        return rules.count == 1 || upstreams.count == 1
    }

    private func decideEach(_ batch: inout [BatchModel], facts: Facts) throws(LocalReply) {
        var decided: [String: Decision] = [:]
        for index in batch.indices {
            let name = batch[index].name
            let decision: Decision
            if let known = decided[name] {
                decision = known
            } else {
                // What the rules read is the same for all but the name: the body is looked through once.
                var facts = facts
                facts.request.model = name
                decision = try decide(name) { facts }
                decided[name] = decision
            }
            guard decided.count <= Self.mostBatchedModels else {
                throw LocalReply(body: "the body names more than \(Self.mostBatchedModels) models")
            }
            batch[index].rule = decision.rule
            batch[index].capture = decision.capture
            batch[index].alias = decision.alias
        }
    }

    /// The walk that a decision leads to.
    /// - Parameter seed: draws a random number, for tiers whose targets are chosen by weight.
    func plan(_ decision: Decision, model: String, seed: () -> UInt64) -> RoutePlan {
        let traits = snapshot.traits[decision.rule]
        return RoutePlan(
            rule: decision.rule, traits: traits,
            attempts: AttemptPlan(
                routes: snapshot.routes, rule: decision.rule, accounts: snapshot.accounts, askedFor: decision.alias ?? model,
                capture: decision.capture, seed: traits.drawsLots ? seed() : 0))
    }

    /// What a client sent, cut to what an error message can hold.
    static func shown(_ text: String) -> String {
        text.utf8.count <= 200 ? text : String(text.prefix(100)) + "…"
    }
}

extension LocalReply {
    /// The body does not say what is wanted, or says it in two ways.
    init(body message: String) {
        self.init(.badRequest, message, param: "model", stage: .decide)
    }
}
