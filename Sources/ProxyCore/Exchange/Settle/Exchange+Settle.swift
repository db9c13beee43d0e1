import Dialects
import NIOCore

/// Stage Settle: the record, then the end of the answer, then log and metrics.
extension Exchange {
    /// Books what the answer cost. The end of the answer is released when that is in the kernel's hands (`settled`).
    func book() {
        guard !isBooked else { return }
        isBooked = true
        isSealed = true
        guard let record = makeRecord() else {
            settled(nil)
            return
        }
        loop.settle(self, record)
    }

    private func makeRecord() -> UsageRecord? {
        guard let candidate, let origin, let key, relay.status < 400 else { return nil }
        switch endpoint {
        case .generate, .named, .other: break
        case .countTokens, .local: return nil
        }
        var usage = relay.converter?.value.usage ?? relay.meter?.value.usage ?? relay.usage
        let isComplete = cutReason == nil && !isClientGone
        if !isComplete { usage = partialUsage(usage) }
        let provenance: UsageRecord.Provenance = usage == nil ? .unknown : isComplete ? .reported : .partial
        let tokens = usage ?? TokenUsage()
        if usage != nil {
            figures.inputTokens = tokens.input
            figures.outputTokens = tokens.output
        }
        return UsageRecord(
            requestID: requestID, keyID: key.id, time: LoopContext.wallClock() / 1000, model: candidate.model,
            origin: origin.usage, usage: tokens, provenance: provenance,
            cost: view.prices.cost(model: candidate.model, usage: tokens))
    }

    /// The ledger has written, or could not.
    func settled(_ failure: LedgerFailure?) {
        isSealed = false
        guard !isClientGone, !isOver else { return }
        if failure != nil, configuration.onStorageFailure == .refuse {
            refuseUnaccounted()
            return
        }
        switch relay.mode {
        case .holding, .ended:
            writeHeld()
            relay.hasEnded = true
            completeStream()
        case .passing:
            if relay.hasEnded || cutReason != nil { completeStream() } else { connection.flush() }
        case .none, .judging, .gating:
            break
        }
    }

    static let unaccountable = "the usage of this request cannot be recorded; ask the operator about proxyd's storage"

    /// What cannot be accounted is not given away: a whole answer becomes an error, a stream is cut before its end.
    private func refuseUnaccounted() {
        let message = Self.unaccountable
        upstream?.cancel()
        upstream = nil
        if relay.mode == .passing {
            connection.outbound.clear()
            if connection.bytesFlushed == bytesFlushedBefore {
                refuse(Refusal(.internalError, status: 503, message, stage: "settle"))
                return
            }
            if relay.isEventStream {
                ErrorBody.streamEvent(.internalError, message: message, requestID: requestID, dialect: clientDialect)
                    .withUnsafeBytes { emit($0) }
                if relay.isChunked { connection.outbound.writeStaticString("0\r\n\r\n") }
            }
            finishBroken(by: "proxy", reason: "storage")
            return
        }
        refuse(Refusal(.internalError, status: 503, message, stage: "settle"))
    }

    /// All of the answer is in the connection's buffer but for the end of its framing.
    func completeStream() {
        guard !isOver else { return }
        relay.mode = .ended
        if let cutReason {
            // An event stream has told its error; anything else ends short of what its framing promised.
            if relay.isEventStream, relay.isChunked, !relay.endsUntold { connection.outbound.writeStaticString("0\r\n\r\n") }
            finishBroken(by: "upstream", reason: cutReason.word.description)
            return
        }
        if relay.isChunked { connection.outbound.writeStaticString("0\r\n\r\n") }
        if let error = relay.converter?.value.error ?? relay.meter?.value.error {
            finish(by: "upstream", in: "relay", reason: error.errorClass.rawValue, keepAlive: !relay.closesAfter)
        } else {
            finish(by: "done", in: "relay", reason: "", keepAlive: !relay.closesAfter)
        }
    }

    // MARK: The end

    func finish(by endedBy: StaticString, in stage: StaticString, reason: String, keepAlive: Bool) {
        guard !isOver else { return }
        report(by: endedBy, in: stage, reason: reason)
        connection.finishAnswer(keepAlive: keepAlive && clientKeepsAlive)
    }

    /// The answer ends short; the connection with it.
    func finishBroken(by endedBy: StaticString, reason: String) {
        guard !isOver else { return }
        report(by: endedBy, in: "relay", reason: reason)
        connection.abort()
    }

    /// The client closed its connection: its upstream request goes with it.
    func clientGone() {
        guard !isOver else { return }
        isClientGone = true
        attemptSerial += 1
        upstream?.cancel()
        upstream = nil
        switch relay.mode {
        case .passing, .holding, .gating: bookUnfinished()
        case .none: if attempt.isAwaitingAnswer { bookUnfinished() }
        case .judging, .ended: break
        }
        report(by: "client", in: route < 0 ? "accept" : relay.mode == .passing ? "relay" : "dispatch", reason: "gone")
    }

    /// Books what had been told of an answer that nobody waits for any more.
    func bookUnfinished() {
        guard !isBooked, let record = makeRecord() else { return }
        isBooked = true
        loop.settle(self, record)
    }

    private func report(by endedBy: StaticString, in stage: StaticString, reason: String) {
        isOver = true
        attempt.end()
        attemptSerial += 1
        var entry = RequestLogEntry()
        entry.endedBy = endedBy
        entry.stage = stage
        // Of a request that went on until somebody served it: why it went on.
        entry.reason =
            reason.isEmpty && !failures.isEmpty
            ? failures.map(\.reason).filter { !$0.isEmpty }.joined(separator: ",") : reason
        entry.firstByteMicroseconds = figures.firstByteMicroseconds
        // A whole answer has gone out with its first byte, just now.
        entry.totalMicroseconds =
            relay.bodyStart != nil && figures.firstByteMicroseconds >= 0
            ? figures.firstByteMicroseconds : Int(clamping: (NIODeadline.now() - startedAt).nanoseconds / 1000)
        entry.status = figures.status
        entry.attempts = attempts
        entry.inputTokens = figures.inputTokens
        entry.outputTokens = figures.outputTokens
        entry.bytesIn = figures.bytesIn
        entry.bytesOut = figures.bytesOut
        if let candidate, let origin {
            entry.origin = origin.log
            if relay.mode == .ended || relay.mode == .passing { entry.modelAnswered = candidate.model }
        } else if route >= 0 {
            entry.origin = view.origin(rule: snapshot.routes[route].name, index: route)
        } else if figures.rejectedBy >= 0 {
            entry.origin = view.origin(rule: snapshot.rules.rules[figures.rejectedBy].name, index: figures.rejectedBy)
        }
        loop.metrics.exchangeEnded(entry)
        for note in lossy { loop.metrics.lossy(parameter: note.label, action: note.action.rawValue) }
        guard configuration.log.requests else { return }
        entry.timeMilliseconds = LoopContext.wallClock()
        entry.requestID = requestID
        if endpoint != .local { entry.modelAsked = request.model }
        entry.isStream = request.streams
        entry.key = key?.logFields
        entry.call = call?.logFields
        loop.log(entry)
    }
}
