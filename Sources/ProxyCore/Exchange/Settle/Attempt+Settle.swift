import Dialects
import NIOCore

/// Recording what a response cost: the record, then the end of the response.
extension Attempt {
    /// Records it. The end of the response is released when that is in the kernel's hands (`recorded`).
    func recordUsage() {
        guard relay.usageKnown() else { return }
        if body.cutBy == nil { judgeTold() }
        // An error within a stream ends it before its last word on usage.
        let isComplete = relay.cut == nil && !isRefused
        let isRecorded = withRecord(isComplete: isComplete, outcome) { loop.recordUsage(exchange, $0) }
        if !isRecorded { recorded(nil) }
    }

    /// Records what is known of a response that nobody waits for any more.
    /// - Parameter told: what the client is told instead; nil where it left.
    func recordUnfinishedUsage(told: (outcome: Outcome, status: Int)? = nil) {
        let outcome = told?.outcome ?? Outcome(.client, in: relay.isPassing ? .relay : .dispatch, .gone)
        guard awaitsAnswer else { return }
        judgeTold()
        withRecord(isComplete: false, outcome) { record in
            if let told {
                record.course.status = told.status
                record.end(self, for: told.outcome.reason)
            }
            loop.recordUsage(exchange, record)
        }
    }

    /// Somebody works on an answer that is not whole.
    var awaitsAnswer: Bool { relay.leavesUnrecorded || (relay.state == .awaitingHead && phase.isAwaitingResponse) }

    /// Shows the record of the response.
    /// - Returns: whether it has one; it may be nobody's, or be none that counts.
    @discardableResult
    private func withRecord(isComplete: Bool, _ outcome: Outcome, _ visit: (inout UsageRecord) -> Void) -> Bool {
        guard traits.status < 400 else { return false }
        switch request.endpoint {
        case .generate, .named, .other: break
        case .countTokens:
            exchange.grant?.used = LimitAmounts(requests: 1)
            return false
        case .local: return false
        }
        // What is only looked at was counted when it was made.
        var usage = request.method == .get ? nil : body.pipe?.usage ?? body.usage
        // What tells only one side of it is exact in that alone; what is no model's answer need not have two.
        let isExact = isComplete && (usage?.lacks.isEmpty ?? true || !request.isGenerating)
        usage = isExact ? usage?.settled : partialUsage(usage, isComplete: isComplete)
        var provenance: UsageRecord.Provenance = isExact ? .reported : .partial
        if let usage {
            exchange.figures.amounts.inputTokens = usage.input
            exchange.figures.amounts.outputTokens = usage.output
        } else {
            usage = estimatedUsage
            provenance = usage == nil ? .unknown : .estimated
        }
        var isRecorded = false
        exchange.withRecord(target, model: candidate.model, usage ?? TokenUsage(), provenance, outcome) { record in
            let answered = record.usage.output
            countDeclared(LimitAmounts(record.usage, nanoDollars: record.cost))
            if usage == nil, isComplete { noteUnpriced(&record) }
            if usage == nil, !request.content.batch.isEmpty { exchange.trail.untold += exchange.batchUsage(candidate) }
            exchange.addUntold(to: &record)
            // What an answer does not tell is counted by what has come: a limit does not rest on an upstream's candour.
            exchange.grant?.used = LimitAmounts(record.usage, nanoDollars: record.cost)
            if provenance == .reported, answered > 0, exchange.snapshot.limits.reservesTypical {
                loop.shared.limits.typicalOutput.note(candidate.model, output: answered)
            }
            record.course.status = traits.status
            if request.method != .get { record.media = body.pipe?.media ?? body.media }
            // A whole response goes out with its first byte as soon as this is written.
            if isComplete, record.course.firstByteMilliseconds == nil {
                record.course.firstByteMilliseconds = record.course.durationMilliseconds
            }
            exchange.figures.isRecorded = true
            isRecorded = true
            visit(&record)
        }
        return isRecorded
    }

    /// Images, speech and rankings are paid for though no tokens are told: of a model without a price that is unknown, not nothing.
    private func noteUnpriced(_ record: inout UsageRecord) {
        guard request.method == .post, !request.content.namesNoModel, request.content.batch.isEmpty,
            exchange.view.price(of: candidate.model, at: candidate.upstream) == nil
        else { return }
        record.priced = false
        loop.metrics.unpriced(model: candidate.model)
    }

    /// The stream has told an error.
    private var isRefused: Bool {
        guard let pipe = body.pipe else { return false }
        return pipe.error != nil
    }

    /// How a response that has ended will be told to have ended.
    private var outcome: Outcome {
        if relay.cut != nil {
            let cause = body.cutBy ?? .disconnected
            return Outcome(cause.party, in: .relay, .failure(cause))
        }
        // An upstream's long error, passed on as it came.
        if body.maskedTail != nil { return Outcome(.upstream, in: .dispatch, .upstreamStatus(traits.status)) }
        guard let pipe = body.pipe, let error = pipe.error else { return .done(in: .relay) }
        return Outcome(.upstream, in: .relay, .refused(error.errorClass))
    }

    /// The ledger has written, or could not.
    func recorded(_ failure: LedgerFailure?) {
        exchange.settleLimits()
        if failure != nil, exchange.configuration.usage.onStorageFailure == .refuse { return refuseUnaccounted() }
        switch relay.recorded() {
        case .sendWhole:
            sendWhole()
            complete()
        case .complete: complete()
        case .flush: exchange.writer.flush()
        case .ignore: break
        }
    }

    /// What passed has ended: its end goes out once it is recorded.
    func endPassing() {
        switch relay.endPassing() {
        case .record: recordUsage()
        case .complete: complete()
        case .wait: break
        }
    }

    /// All of the response is with the client's connection but for the end of its framing.
    private func complete() {
        let (cut, outcome) = (relay.cut, outcome)
        relay.end()
        let writer = exchange.writer
        if let cut {
            // A stream has told its error; anything else ends short of what its framing promised.
            if cut == .reported { writer.end() }
            return exchange.finishBroken(outcome)
        }
        writer.end()
        // A converted stream that lacks its end is no whole response, whatever its framing says.
        let isWhole = body.pipe.map { !$0.isConverting || $0.isComplete } ?? true
        exchange.finish(outcome, keepAlive: isWhole)
    }

    /// What cannot be accounted is not given away: a whole response becomes an error, a stream is cut before its end.
    private func refuseUnaccounted() {
        let isStarted = relay.isPassing && !exchange.writer.withdraw()
        leave()
        guard isStarted else {
            return exchange.reply(LocalReply(.internalError, status: 503, Exchange.unaccountable, stage: .settle))
        }
        // An array's end has gone out, if it was not cut.
        if traits.isEventStream, !request.wantsArray {
            let event = ErrorBody.streamEvent(
                .internalError, message: Exchange.unaccountable, requestID: exchange.requestID, dialect: request.dialect)
            event.withUnsafeBytes { emit($0) }
            exchange.writer.end()
        }
        exchange.finishBroken(Outcome(.proxy, in: .relay, .storage))
    }

    /// The exchange is over: nothing of the attempt is waited for.
    func abandon() {
        leaveAccount()
        phase.end()
        relay.fail()
        leave()
    }
}

extension UsageRecord {
    /// proxyd has ended the attempt that was under way: what the client is told is none of the upstream's words.
    mutating func end(_ attempt: Attempt, for reason: Outcome.Reason) {
        course.isAnswered = false
        course.times = nil
        course.steps.append(
            Step(
                tier: attempt.target.log.tier, account: attempt.target.id.account, status: attempt.traits.status,
                reason: reason.description, times: attempt.times))
    }
}
