import Dialects
import RuleEngine

/// Batches: their answers come later, in files that pass unread, so what each request may come to is what it counts.
extension Exchange {
    /// The model that a tier, or the request's own rule's first, asks for.
    func model(of batched: BatchModel, _ candidate: Candidate) -> String {
        let asked = batched.alias ?? batched.name
        return target(of: batched, candidate)?.model(askedFor: asked, capture: batched.capture) ?? asked
    }

    private func target(of batched: BatchModel, _ candidate: Candidate) -> Tier.Target? {
        let tiers = snapshot.routes[batched.rule].tiers
        let target = batched.rule == rule ? tiers[candidate.tier].targets[candidate.target] : tiers.first?.targets.first
        return target?.tierTarget
    }

    /// What the request's own rule sets in it, and the most that its tier lets its answer be.
    func changes(of batched: BatchModel, _ candidate: Candidate) -> (set: RequestOverrides, cap: Int?) {
        (snapshot.routes[batched.rule].set, target(of: batched, candidate)?.maxTokens)
    }

    /// What the requests of a batch may come to, by model: their input by an estimate, and the most that their answers may be.
    func batchUsage(_ candidate: Candidate) -> [UntoldUsage] {
        var models: [String: TokenUsage] = [:]
        for batched in request.content.batch {
            guard let allowance = batched.allowance else { continue }
            let (set, cap) = changes(of: batched, candidate)
            let said = set.maxTokens ?? allowance.tokens ?? configuration.usage.assumedOutput
            let (output, overflow) = min(said, cap ?? said).multipliedReportingOverflow(by: set.choices ?? allowance.choices)
            let usage = TokenUsage(
                uncachedInput: batched.input, output: overflow ? UsageAmounts.limit : min(max(0, output), UsageAmounts.limit))
            models[model(of: batched, candidate), default: TokenUsage()].add(usage)
        }
        return models.map { model, usage in
            UntoldUsage(
                model: model, usage: usage, cost: view.prices.knownCost(model: model, at: candidate.upstream, usage: usage))
        }
    }

    /// What a batch needs of limits; nil where nothing is known of its requests.
    func batchNeed(_ candidate: Candidate) -> LimitAmounts? {
        let models = batchUsage(candidate)
        guard !models.isEmpty else { return nil }
        return models.reduce(into: LimitAmounts(requests: 1)) { need, one in
            // One model without a price: nobody knows what the batch costs.
            if one.cost == nil { need.isUnpriced = true }
            var more = LimitAmounts(one.usage, nanoDollars: one.cost ?? 0)
            more.requests = 0
            need += more
        }
    }
}
