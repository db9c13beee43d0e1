import Dialects
import NIOCore

/// Recording what a response cost: the record, then the end of the response.
extension Attempt {
    /// Records it. The end of the response is released when that is in the kernel's hands (`recorded`).
    func recordUsage() {
        guard relay.usageKnown() else { return }
        guard let record = makeRecord(isComplete: relay.cut == nil) else { return recorded(nil) }
        loop.recordUsage(exchange, record)
    }

    /// Records what is known of a response that nobody waits for any more.
    func recordUnfinishedUsage() {
        guard relay.leavesUnrecorded || (relay.state == .awaitingHead && phase.isAwaitingResponse),
            let record = makeRecord(isComplete: false)
        else { return }
        loop.recordUsage(exchange, record)
    }

    private func makeRecord(isComplete: Bool) -> UsageRecord? {
        guard let key = exchange.caller?.key, traits.status < 400 else { return nil }
        switch request.endpoint {
        case .generate, .named, .other: break
        case .countTokens:
            exchange.grant?.used = LimitAmounts(requests: 1)
            return nil
        case .local: return nil
        }
        var usage = body.pipe?.usage ?? body.usage
        if !isComplete { usage = partialUsage(usage) }
        let provenance: UsageRecord.Provenance = usage == nil ? .unknown : isComplete ? .reported : .partial
        let tokens = usage ?? TokenUsage()
        if usage != nil {
            exchange.figures.amounts.inputTokens = tokens.input
            exchange.figures.amounts.outputTokens = tokens.output
        }
        let cost = exchange.view.prices.cost(model: candidate.model, usage: tokens)
        if let grant = exchange.grant {
            // What an answer does not tell is counted by what has come: a limit does not rest on an upstream's candour.
            let counted = usage ?? partialUsage(nil) ?? tokens
            let price = usage == nil ? exchange.view.prices.cost(model: candidate.model, usage: counted) : cost
            grant.used = LimitAmounts(counted, nanoDollars: price)
        }
        if provenance == .reported, tokens.output > 0, exchange.snapshot.limits.reservesTypical {
            loop.shared.limits.typicalOutput.note(candidate.model, output: tokens.output)
        }
        return UsageRecord(
            requestID: exchange.requestID, keyID: key.id, time: LoopContext.wallClock() / 1000, model: candidate.model,
            labels: target.usage, usage: tokens, provenance: provenance,
            cost: cost)
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
        let cut = relay.cut
        relay.end()
        let writer = exchange.writer
        if let cut {
            // A stream has told its error; anything else ends short of what its framing promised.
            if cut == .reported { writer.end() }
            let cause = body.cutBy ?? .disconnected
            return exchange.finishBroken(Outcome(cause == .blocked ? .proxy : .upstream, in: .relay, .failure(cause)))
        }
        writer.end()
        // A converted stream that lacks its end is no whole response, whatever its framing says.
        let isWhole = body.pipe.map { !$0.isConverting || $0.isComplete } ?? true
        let outcome = body.pipe?.error.map { Outcome(.upstream, in: .relay, .refused($0.errorClass)) } ?? .done(in: .relay)
        exchange.finish(outcome, keepAlive: isWhole)
    }

    /// What cannot be accounted is not given away: a whole response becomes an error, a stream is cut before its end.
    private func refuseUnaccounted() {
        let isStarted = relay.isPassing && !exchange.writer.withdraw()
        leave()
        guard isStarted else {
            return exchange.reply(LocalReply(.internalError, status: 503, Exchange.unaccountable, stage: .settle))
        }
        if traits.isEventStream {
            let event = ErrorBody.streamEvent(
                .internalError, message: Exchange.unaccountable, requestID: exchange.requestID, dialect: request.dialect)
            event.withUnsafeBytes { emit($0) }
            exchange.writer.end()
        }
        exchange.finishBroken(Outcome(.proxy, in: .relay, .storage))
    }

    /// The exchange is over: nothing of the attempt is waited for.
    func abandon() {
        phase.end()
        relay.fail()
        leave()
    }
}
