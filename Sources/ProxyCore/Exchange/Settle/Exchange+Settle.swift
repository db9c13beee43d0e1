import Dialects
import NIOCore

/// Stage Settle: log and metrics, once for every exchange.
extension Exchange {
    static let unaccountable = "the usage of this request cannot be recorded; ask the operator about proxyd's storage"

    /// The ledger has written what the exchange used, or could not.
    func usageRecorded(_ failure: LedgerFailure?) {
        guard !isOver else { return }
        attempt?.recorded(failure)
    }

    // MARK: The end

    /// The response is whole.
    /// - Parameter keepAlive: false: no further request is to come on the connection.
    func finish(_ outcome: Outcome, keepAlive: Bool = true) {
        guard !isOver else { return }
        report(outcome)
        writer.finish(keepAlive: keepAlive)
    }

    /// The response ends short; the connection with it.
    func finishBroken(_ outcome: Outcome) {
        guard !isOver else { return }
        report(outcome)
        writer.abort()
    }

    /// The client closed its connection: its upstream request goes with it.
    func clientGone() {
        guard !isOver else { return }
        attempt?.recordUnfinishedUsage()
        let stage: Outcome.Stage = plan == nil ? .accept : attempt?.relay.isPassing == true ? .relay : .dispatch
        report(Outcome(.client, in: stage, .gone))
    }

    /// The process ends before the response did.
    func processEnds() {
        guard !isOver else { return }
        switch attempt?.relay.processEnds ?? .answer {
        case .cut: attempt?.cut(.shutDown)
        case .wait: break
        case .answer:
            if attempt?.awaitsAnswer == true { attempt?.abandonUsage() }
            trail.stopped = .shutDown
            answerFailure(.shutDown)
        }
    }

    // MARK: The record

    /// Shows the record of a request, with all but what its response alone tells.
    ///
    /// A record that is returned would be copied: all that it refers to would be counted up, and down again.
    /// - Parameters:
    ///   - isCharged: whether the limits that the request counts in are told.
    ///   - visit: called where the request is somebody's.
    func withRecord(
        _ target: TargetRuntime, model: String, _ usage: TokenUsage, _ provenance: UsageRecord.Provenance, _ outcome: Outcome,
        isCharged: Bool = true, _ visit: (inout UsageRecord) -> Void
    ) {
        guard let key = caller?.key else { return }
        let now = LoopContext.wallClock()
        let isUsed = usage != TokenUsage()
        let cost = isUsed ? usage.reportedCost ?? view.price(of: model, at: target.upstream)?.cost(of: usage) : 0
        if isUsed {
            figures.amounts.cost = cost ?? -1
            loop.metrics.used(usage, cost, by: key, model: model, isAnswered: attempt?.relay.isTaken == true)
            trail.note?.change {
                $0.used = RecordedDecision.Used(upstream: target.id.upstream, model: model, usage: usage, cost: cost)
            }
        }
        var record = UsageRecord(
            requestID: requestID, keyID: key.id, time: now / 1000, model: model, labels: target.usage, usage: usage,
            provenance: provenance, cost: cost ?? 0, key: key.usage)
        // Here, where the record is: a question that is handed over is copied.
        record.question.dialect = request.dialect
        record.question.model = request.content.model
        record.question.session = request.origin.session
        record.question.agent = request.origin.agent
        // What is kept for a crash has to be small.
        if isCharged, !trail.inputs.isEmpty { record.question.inputs = trail.inputs }
        record.priced = cost != nil
        if !trail.failures.isEmpty || plan?.attempts.passedOver.isEmpty == false {
            record.course.steps = trail.steps(plan, snapshot)
        }
        record.course.status = figures.status
        record.course.outcome = RecordedOutcome(outcome)
        if figures.firstByteMicroseconds >= 0 { record.course.firstByteMilliseconds = figures.firstByteMicroseconds / 1000 }
        let elapsed = figures.elapsedMicroseconds
        record.course.durationMilliseconds = elapsed / 1000
        record.course.millisecond = now % 1000
        if isCharged { record.course.times = attempt?.times(elapsed) }
        if isCharged, let grant { record.charges = grant.limits.charges }
        visit(&record)
    }

    /// A crash does not lose sight of a request that an upstream is asked for.
    func keepInFlight(_ attempt: Attempt) {
        let outcome = Outcome(.proxy, in: .dispatch, .none)
        // What a crash has cut off is charged to nobody.
        withRecord(attempt.target, model: attempt.candidate.model, TokenUsage(), .unknown, outcome, isCharged: false) { record in
            trail.inFlight = loop.keepInFlight(record, in: trail.inFlight)
        }
    }

    /// Records a request that upstreams were asked about and that nobody answered: an error, a count of tokens, one left early.
    private func recordUnused(_ outcome: Outcome) {
        guard trail.attempts > 0, !figures.isRecorded, let last = attempt?.target ?? trail.failures.last?.target else { return }
        let target = trail.reported?.target ?? last
        let model = trail.reported?.candidate.model ?? attempt?.candidate.model ?? request.content.model
        withRecord(target, model: model, TokenUsage(), .unknown, outcome) { record in
            record.isCounted = false
            addUntold(to: &record)
            // A count of tokens takes a request; what failed gives it back.
            if grant?.used.requests == 0 { record.charges = [] }
            record.course.isAnswered = attempt.map { $0.candidate != trail.failures.last?.candidate } ?? false
            if record.course.isAnswered, let attempt, let reason = trail.stopped { record.end(attempt, for: reason) }
            figures.isRecorded = true
            loop.recordUsage(record, of: self)
        }
    }

    /// What was asked for, for the line: of what was refused before its body was read nothing is known, and `*` is what paths are
    /// about that name no model.
    private func modelAsked(_ outcome: Outcome) -> String {
        guard request.content.namesNoModel else { return request.content.model }
        guard case .other = request.endpoint, outcome.stage != .accept, outcome.stage != .authenticate else { return "" }
        return request.content.model
    }

    /// Every exchange ends here.
    private func report(_ outcome: Outcome) {
        isOver = true
        if let figures = snapshot.figures { count(in: figures, outcome) }
        leaveWaitingRoom()
        recordUnused(outcome)
        if let slot = trail.inFlight { loop.endInFlight(slot) }
        settleLimits()
        var entry = RequestLogEntry()
        entry.outcome = outcome
        // A request that was served in the end tells why it had to go on.
        entry.reason = outcome.reason == .none && !trail.failures.isEmpty ? trail.reasons : outcome.reason.description
        entry.firstByteMicroseconds = figures.firstByteMicroseconds
        // A whole response has gone out with its first byte, just now.
        entry.totalMicroseconds = figures.isSentAtOnce ? figures.firstByteMicroseconds : figures.elapsedMicroseconds
        entry.isAdmin = isAdminCall
        entry.status = figures.status
        entry.attempts = trail.attempts
        entry.amounts = figures.amounts
        if let attempt {
            entry.labels = trail.reported?.target.log ?? attempt.target.log
            if attempt.relay.hasAnswered { entry.modelServed = trail.reported?.candidate.model ?? attempt.candidate.model }
            attempt.tellOfEnding(attempt.body.pipe?.unknownEnding)
            attempt.tellOfParts(attempt.body.pipe?.unknownParts ?? [])
            for note in attempt.changes.lossy { loop.metrics.lossy(parameter: note.label, action: note.action.rawValue) }
            attempt.abandon()
        } else if let plan {
            entry.labels = view.labels(rule: plan.route.name, index: plan.rule)
        } else if figures.rejectedBy >= 0 {
            entry.labels = view.labels(rule: snapshot.rules.rules[figures.rejectedBy].name, index: figures.rejectedBy)
        }
        entry.timeMilliseconds = LoopContext.wallClock()
        loop.metrics.exchangeEnded(entry)
        if request.endpoint != .local, !asksForExplanation { loop.metrics.live.count(entry) }
        // What was refused at its head has a span too.
        if trail.trace == nil, isTraced, request.headBytes.readableBytes > 0 { beginTrace() }
        if let trace = trail.trace { finishTrace(trace, entry) }
        if let note = trail.note { tell(note, outcome) }
        // Each has kept the other until here.
        self.attempt = nil
        guard entry.isAdmin ? configuration.log.admin : configuration.log.requests else { return }
        entry.requestID = requestID
        entry.modelAsked = modelAsked(outcome)
        entry.isStream = request.content.streams
        if !trail.failures.isEmpty { entry.tried = trail.tried }
        entry.key = caller?.key.logFields
        entry.call = request.call.logFields
        loop.log(entry)
    }
}
