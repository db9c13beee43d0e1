import Basics
import Dialects
import RuleEngine

/// What choosing among equals asks of a request, where its route has any: who served the conversation before, what it will cost.
extension Exchange {
    /// Gives the plan what its choices go by.
    func prepare(_ plan: inout RoutePlan) {
        guard !plan.traits.isPlain else { return }
        if plan.traits.keepsConversations { plan.affinity.conversation = conversationMark() }
        if plan.traits.keepsKeys, let key = caller?.key { plan.affinity.key = AffinityKeys.mark(ofKey: key.id) }
        if !plan.affinity.isEmpty {
            let (table, now) = (loop.shared.accounts.affinity, SteadyClock.milliseconds)
            let keys = plan.affinity
            plan.attempts.bound = BoundAccounts(keys, in: plan.traits.keyScopes, table, now: now)
            if plan.traits.drawsLots, configuration.cluster?.isShared == true { plan.attempts.lot = lot(plan) }
        }
        if plan.traits.comparesAccounts { plan.attempts.memory = view.choices }
        if plan.traits.comparesPrices { plan.attempts.costs = probableCosts(plan.attempts) }
    }

    /// What stands on every node for what is not bound here yet.
    private func lot(_ plan: borrowing RoutePlan) -> UInt64 {
        let (bound, keys) = (plan.attempts.bound, plan.affinity)
        if keys.conversation != 0 { return bound.conversation == nil ? conversationMark(TextMark(.everywhere)) : 0 }
        guard keys.key != 0, !bound.hasAllKeys, let key = caller?.key else { return 0 }
        var mark = TextMark(.everywhere)
        mark.add(key.id)
        return mark.value
    }

    /// An account has served: what the request belongs to stays with it.
    func keepAffinity(to candidate: Candidate, _ target: TargetRuntime) {
        // A plan is a dozen references: it is not taken out of where it is.
        guard let keys = plan?.affinity, !keys.isEmpty, let route = plan?.route else { return }
        func bind(_ kind: AffinityKind, in scope: UInt64, to mark: UInt64) {
            let what = keys.mark(kind, in: scope)
            guard what != 0 else { return }
            let before =
                kind == .conversation ? plan?.attempts.bound.conversation : plan?.attempts.bound.find(kind, in: scope)
            let table = loop.shared.accounts.affinity
            let result = table.bind(what, to: mark, before: before, now: SteadyClock.milliseconds)
            target.load.noteAffinity(result)
        }
        let accounts = snapshot.accounts
        if route.tiers[candidate.tier].targets.count == 1 {
            return bind(
                accounts[candidate.upstream].affinity, in: accounts[candidate.upstream].scope, to: target.id.mark)
        }
        let tier = route.tiers[candidate.tier]
        bind(tier.affinity(accounts), in: tier.scope(accounts), to: tier.mark(of: target.id, model: candidate.model))
        if let own = tier.ownAffinity(of: candidate.upstream, accounts) {
            bind(own, in: accounts[candidate.upstream].scope, to: target.id.mark)
        }
    }

    /// The conversation as its client names it, else what it begins with; of one key, and for one model, since a prompt cache is of
    /// one model. 0 where there is none: a list of files belongs to no conversation, nor do embeddings.
    func conversationMark(_ begun: TextMark = TextMark()) -> UInt64 {
        let (key, model) = (caller?.key.id ?? "", request.content.model)
        if !request.origin.session.isEmpty {
            return AffinityKeys.mark(ofSession: request.origin.session, key: key, model: model, begun)
        }
        guard case .generate = request.endpoint, request.content.object != nil else { return 0 }
        var mark = begun
        mark.add(key)
        mark.add(model)
        request.withBody { body in
            ConversationOpening.visit(body, request.members) { piece, length in
                mark.add(piece)
                mark.add(UInt64(truncatingIfNeeded: length))
            }
        }
        return mark.value
    }

    /// Nano-dollars by model: what is asked, and answers as they mostly are.
    private func probableCosts(_ plan: AttemptPlan) -> [String: Int] {
        let input =
            request.content.object == nil
            ? 0 : request.withBody { TokenEstimate.quick(body: $0, members: request.members) }
        var costs: [String: Int] = [:]
        for tier in plan.route.tiers where tier.choice == .cheapest && tier.targets.count > 1 {
            for target in tier.targets {
                let model = target.tierTarget.model(askedFor: plan.askedFor, capture: plan.capture)
                let output = loop.shared.limits.typicalOutput.average(model) ?? configuration.usage.assumedOutput
                costs[model] = view.prices.knownCost(
                    model: model, at: target.upstream, usage: TokenUsage(uncachedInput: input, output: output))
            }
        }
        return costs
    }
}
