import Dialects
import NIOCore
import RuleEngine

/// Stage Decide: from body and live state to a plan.
extension Exchange {
    /// Makes the plan where it stays: a copy would count up all that it refers to.
    func decide() throws(LocalReply) {
        let duties = snapshot.tables.duties
        if duties.contains(.stores), !loop.shared.ledger.canRecord {
            // Before an upstream is paid for a response that could not be accounted.
            throw LocalReply(.internalError, status: 503, Self.unaccountable, retryAfterSeconds: 5, stage: .decide)
        }
        if duties.contains(.sharedStores), loop.shared.ledger.isSharedStoreAway {
            throw LocalReply(
                .overloaded, status: 503, "the store that nodes share cannot be reached; try again", retryAfterSeconds: 5,
                stage: .decide)
        }
        if loop.tellsDecisions { tellRules() }
        let noted = duties.contains(.decisions) ? noteFacts() : nil
        let router = Router(snapshot: snapshot, policy: caller?.policy, path: request.path)
        let reads = snapshot.rules.reads
        let decision: Router.Decision
        if request.content.batch.isEmpty {
            decision = try router.decide(request.content.model) { keepingInputs(noted ?? gatherFacts(reads: reads)) }
        } else {
            decision = try router.decide(&request.content.batch, facts: keepingInputs(noted ?? gatherFacts(reads: reads)))
        }
        if snapshot.rules.hasPaths { keepPath() }
        if let policy = caller?.policy, policy.narrowsModels { try router.admit(request.toolModels(), by: policy) }
        if !request.content.alternates.isEmpty {
            try router.admit(request.content.alternates, beside: decision, facts: gatherFacts(reads: reads))
        }
        plan = router.plan(decision, model: request.content.model) { loop.random() }
        if plan?.traits.isPlain == false, var plan {
            self.plan = nil
            prepare(&plan)
            self.plan = plan
        }
        if let note = trail.note, let plan { self.note(plan, in: note) }
    }

    /// No body is kept for a path that is not open to the key, or that nobody serves: a short one is looked at all the same, since
    /// what is wrong with it is told first. Where decisions are noted they are made with all that they go by.
    /// - Parameter bodyLength: as the head tells it.
    func admitPath(bodyLength: Int) throws(LocalReply) {
        guard bodyLength > ClientLimits.strangersBytes || request.head.framing == .chunked,
            !snapshot.tables.duties.contains(.decisions)
        else { return }
        guard case .none = NamedModels(method: request.method, path: request.path) else { return }
        try Router(snapshot: snapshot, policy: caller?.policy, path: request.path).admitWithoutModel()
    }

    /// The same; what rules read of it goes into the request's row.
    private func keepingInputs(_ facts: Facts) -> Facts {
        if configuration.usage.keepsRequests { trail.inputs = RecordedInputs.encoded(facts, reads: snapshot.rules.reads) }
        return facts
    }

    /// The path, where no condition was asked: rules match it without facts.
    private func keepPath() {
        guard configuration.usage.keepsRequests, trail.inputs.isEmpty else { return }
        trail.inputs = RecordedInputs.encoded(gatherFacts(reads: .line), reads: .line)
    }

    /// What rules read, all of it, where what they decide is noted.
    private func noteFacts() -> Facts {
        let facts = gatherFacts(reads: .everything)
        let note = beginNote(facts)
        trail.note = note
        return note.watching(facts)
    }
}
