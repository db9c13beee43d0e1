import Basics
import Dialects
import Logging
import NIOCore
import RuleEngine

/// What the log is told beside the line of each request: changes of limits, and at `debug` and `trace` what was decided and what came.
///
/// Never a body, nor anything that a condition looked at.
extension Exchange {
    // MARK: Limits

    /// Limits refuse the request: told once for each bucket, until it is free again.
    func tellReached(_ refusals: LimitRefusals, _ now: LimitTime) {
        for refusal in refusals.all where loop.shared.limits.reached.refused(by: refusal, now: now) {
            let reason = refusal.message(in: configuration.timeZone)
            var metadata: Logger.Metadata = [
                LogKeys.limit: "\(refusal.name)", LogKeys.bucket: "\(Router.shown(refusal.label))",
                LogKeys.reason: "\(Router.shown(reason))", LogKeys.requestID: "\(requestID)",
            ]
            if let resetsAt = refusal.resetsAt {
                metadata[LogKeys.until] = "\(LogInstant.text(milliseconds: resetsAt, in: configuration.timeZone))"
            }
            loop.shared.logger.warning("a limit is reached", metadata: metadata)
        }
    }

    func tellFree(_ uses: [LimitUse], _ now: LimitTime) {
        for (limit, label) in loop.shared.limits.reached.admitted(uses, now: now) {
            loop.shared.logger.notice(
                "a limit lets requests through again",
                metadata: [LogKeys.limit: "\(limit)", LogKeys.bucket: "\(Router.shown(label))"])
        }
    }

    // MARK: debug: what is decided

    /// Which rules are tried, and what they say; before the rules are asked.
    func tellRules() {
        guard request.content.batch.isEmpty else { return }
        var facts = gatherFacts(reads: snapshot.rules.reads)
        if let alias = snapshot.aliases[request.content.model] { facts.request.model = alias.model }
        let explanation = snapshot.rules.explain(facts)
        let steps = explanation.steps.map { "\($0.name): \($0.words)" }
        loop.shared.logger.debug(
            "rules tried",
            metadata: [
                LogKeys.requestID: "\(requestID)", LogKeys.key: "\(caller?.key.name ?? "")",
                LogKeys.model: "\(Router.shown(request.content.model))",
                LogKeys.rules: "\(steps.suffix(Self.mostSteps).joined(separator: "; "))",
            ])
    }

    /// Tells whom the plan has given out, and whom it passed over before.
    func tellChosen(_ candidate: Candidate) {
        guard let plan else { return }
        let id = snapshot.accountIDs[candidate.upstream][candidate.account]
        let tier = plan.route.tiers[candidate.tier]
        var metadata = passedOver(plan)
        metadata[LogKeys.rule] = "\(plan.route.name)"
        metadata[LogKeys.tier] = "\(tier.text)"
        metadata[LogKeys.upstream] = "\(id.upstream)"
        metadata[LogKeys.account] = "\(id.account)"
        metadata[LogKeys.model] = "\(Router.shown(candidate.model))"
        metadata[LogKeys.attempts] = "\(trail.attempts)"
        metadata[LogKeys.reason] = "\(why(tier, plan, candidate))"
        loop.shared.logger.debug("an account is asked", metadata: metadata)
    }

    func tellNobody() {
        guard let plan else { return }
        loop.shared.logger.debug("nobody is left to be asked", metadata: passedOver(plan))
    }

    func tellReserved(_ grant: LimitGrant, _ reservation: LimitReservation) {
        let parts = zip(grant.uses, reservation.entries).map { use, entry in
            "\(use.limit.name)/\(Router.shown(use.label)): \(entry.need.requests) requests, \(entry.need.tokens) tokens, "
                + LimitRefusal.money(entry.need.nanoDollars)
        }
        loop.shared.logger.debug(
            "limits reserve", metadata: [LogKeys.requestID: "\(requestID)", LogKeys.limit: "\(parts.joined(separator: "; "))"])
    }

    private static let mostSteps = 50

    private func passedOver(_ plan: RoutePlan) -> Logger.Metadata {
        var metadata: Logger.Metadata = [LogKeys.requestID: "\(requestID)"]
        let passed = plan.attempts.passedOver.map { one in
            let id = snapshot.accountIDs[one.candidate.upstream][one.candidate.account]
            return "\(id.upstream)/\(id.account): \(one.reason.rawValue)"
        }
        if !passed.isEmpty { metadata[LogKeys.passedOver] = "\(passed.joined(separator: "; "))" }
        if !trail.failures.isEmpty { metadata[LogKeys.tried] = "\(trail.tried)" }
        return metadata
    }

    private func why(_ tier: ResolvedTier, _ plan: RoutePlan, _ candidate: Candidate) -> String {
        if plan.attempts.isLastResort { return "nobody else is left" }
        if !plan.affinity.isEmpty { return "\(tier.choice), or who served the conversation before" }
        return "\(tier.choice)"
    }

    // MARK: trace: what comes and goes

    func tellRead() {
        loop.shared.logger.trace(
            "request read",
            metadata: [
                LogKeys.requestID: "\(requestID)", LogKeys.path: "\(request.path)",
                LogKeys.headBytes: "\(request.headBytes.readableBytes)", LogKeys.bytes: "\(request.body.readableBytes)",
                LogKeys.microseconds: "\(figures.elapsedMicroseconds)",
            ])
    }
}

extension Attempt {
    /// A piece of the response came: its size, never what it is.
    func tellPiece(_ what: StaticString, bytes: Int, status: Int = 0) {
        var metadata: Logger.Metadata = [
            LogKeys.requestID: "\(exchange.requestID)", LogKeys.upstream: "\(target.id.upstream)",
            LogKeys.account: "\(target.id.account)", LogKeys.bytes: "\(bytes)",
            LogKeys.microseconds: "\(exchange.figures.elapsedMicroseconds)",
        ]
        if status != 0 { metadata[LogKeys.status] = "\(status)" }
        loop.shared.logger.trace("\(what)", metadata: metadata)
    }
}

extension LoopContext {
    /// Whether `debug` is on: one comparison.
    var tellsDecisions: Bool { shared.logSettings.tellsDecisions }

    /// Whether `trace` is on: one comparison.
    var tellsBytes: Bool { shared.logSettings.tellsBytes }
}

extension Explanation.Step {
    /// What became of it in a few words; nothing that its condition looked at.
    fileprivate var words: String {
        if matched { return "decides" }
        if case .notMatched = models { return "other models" }
        switch condition {
        case .none, .true: return "does not match"
        case .false: return "its condition is false"
        case .failed: return "its condition cannot be computed"
        }
    }
}
