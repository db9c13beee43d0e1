import Dialects
import RuleEngine

/// What a request is to the trial of a new file.
extension Exchange {
    /// Counts a request that has ended. One that its client left says nothing, nor do strangers.
    func count(in figures: FileFigures, _ outcome: Outcome) {
        guard request.endpoint != .local, outcome.party != .client, caller != nil || figures.tried != nil else { return }
        var sample = RequestFigures.Sample()
        sample.end = end(outcome)
        if sample.end == .served, let tried = figures.tried, fails(whatIsNewTo: tried) { sample.end = .failed }
        if reach == .generations {
            sample.cost = self.figures.amounts.cost
            if sample.end != .refused { sample.firstByteMicroseconds = self.figures.firstByteMicroseconds }
        }
        figures.count(sample, of: caller?.key.id)
    }

    private func end(_ outcome: Outcome) -> RequestFigures.Sample.End {
        if outcome.party == .proxy, case .refused = outcome.reason { return .refused }
        return outcome.party == .done && figures.status < 400 ? .served : .failed
    }

    /// Somebody served it, but not whom the new file would have: what it alone has failed, or rests since it failed.
    private func fails(whatIsNewTo tried: TriedFile) -> Bool {
        guard let plan else { return false }
        func isNew(_ candidate: Candidate) -> Bool {
            // A limit may have sent the request to another route since.
            guard plan.route.tiers.indices.contains(candidate.tier),
                plan.route.tiers[candidate.tier].targets.indices.contains(candidate.target),
                configuration.upstreams.indices.contains(candidate.upstream)
            else { return false }
            let target = plan.route.tiers[candidate.tier].targets[candidate.target].tierTarget
            return tried.isNew(configuration.upstreams[candidate.upstream], model: target.model)
        }
        return trail.failures.contains { isNew($0.candidate) }
            || plan.attempts.passedOver.contains { passed in
                switch passed.reason {
                case .failing, .refused, .money, .cooldown: isNew(passed.candidate)
                case .drained, .quota, .limit, .asked: false
                }
            }
    }
}
