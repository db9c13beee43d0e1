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
        if let attempt, attempt.relay.isPassing { attempt.cut(.shutDown) } else { answerFailure(.shutDown) }
    }

    /// Every exchange ends here.
    private func report(_ outcome: Outcome) {
        isOver = true
        settleLimits()
        var entry = RequestLogEntry()
        entry.outcome = outcome
        // Of a request that went on until somebody served it: why it went on.
        entry.reason = outcome.reason == .none && !trail.failures.isEmpty ? trail.reasons : outcome.reason.description
        entry.firstByteMicroseconds = figures.firstByteMicroseconds
        // A whole response has gone out with its first byte, just now.
        entry.totalMicroseconds = figures.isSentAtOnce ? figures.firstByteMicroseconds : figures.elapsedMicroseconds
        entry.status = figures.status
        entry.attempts = trail.attempts
        entry.amounts = figures.amounts
        if let attempt {
            entry.labels = trail.reported?.target.log ?? attempt.target.log
            if attempt.relay.hasAnswered { entry.modelServed = trail.reported?.candidate.model ?? attempt.candidate.model }
            for note in attempt.changes.lossy { loop.metrics.lossy(parameter: note.label, action: note.action.rawValue) }
            attempt.abandon()
        } else if let plan {
            entry.labels = view.labels(rule: plan.route.name, index: plan.rule)
        } else if figures.rejectedBy >= 0 {
            entry.labels = view.labels(rule: snapshot.rules.rules[figures.rejectedBy].name, index: figures.rejectedBy)
        }
        loop.metrics.exchangeEnded(entry)
        // Each has kept the other until here.
        self.attempt = nil
        guard configuration.log.requests else { return }
        entry.timeMilliseconds = LoopContext.wallClock()
        entry.requestID = requestID
        if request.endpoint != .local { entry.modelAsked = request.content.model }
        entry.isStream = request.content.streams
        entry.key = caller?.key.logFields
        entry.call = request.call.logFields
        loop.log(entry)
    }
}
