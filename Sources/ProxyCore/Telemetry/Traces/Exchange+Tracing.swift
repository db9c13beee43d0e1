import Dialects
import HTTP1
import NIOCore

#if canImport(Glibc)
import Glibc
#endif

/// Traces, where the file has `telemetry`. Everything here is behind a look whether there is a trace.
extension Exchange {
    /// Whether a request as this one has a trace.
    var isTraced: Bool { snapshot.tables.duties.contains(.traces) && request.endpoint != .local && !asksForExplanation }

    /// The trace of this request: its client's, or a new one.
    func beginTrace() {
        guard let share = view.snapshot.configuration.telemetry?.sample else { return }
        let context = clientsTrace ?? TraceContext(beginning: newTraceID(), share: share)
        trail.trace = RequestTrace(context, span: newSpanID())
    }

    /// What `traceparent` and `tracestate` say; nil where they say nothing that the standard allows.
    private var clientsTrace: TraceContext? {
        guard request.rare.hasTrace else { return nil }
        return request.withHead { bytes in
            var parents = 0
            var found: TraceContext?
            var states: [[UInt8]] = []
            for field in request.head.fields {
                switch field.known {
                case .traceparent:
                    parents += 1
                    found = TraceContext(traceparent: field.value.bytes(in: bytes))
                case .tracestate: states.append(Array(field.value.bytes(in: bytes)))
                default: continue
                }
            }
            guard parents == 1, var context = found else { return nil }
            context.state = states.isEmpty ? "" : TraceState.joined(states) ?? ""
            return context
        }
    }

    private func newTraceID() -> TraceID { TraceID(high: loop.random(), low: newSpanID()) }

    private func newSpanID() -> UInt64 {
        let number = loop.random()
        return number == 0 ? 1 : number
    }

    func traceBegins(_ attempt: Attempt) {
        trail.trace?.began(
            newSpanID(), at: NIODeadline.now().uptimeNanoseconds, upstream: attempt.candidate.upstream,
            labels: attempt.target.log, model: attempt.candidate.model, after: trail.failures.count)
    }

    /// What was noted of the attempt that was going on; nil where nothing failed.
    private func failure(in trace: RequestTrace) -> AttemptFailure? {
        trail.failures.count > trace.failuresBefore ? trail.failures.last : nil
    }

    /// The attempt that was going on is over, because of what was noted of it last.
    func traceEndsAttempt() {
        guard let trace = trail.trace, trace.context.isSampled, let attempt else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        if let step = failure(in: trace)?.step {
            trace.ended(at: now, status: step.status, error: step.reason)
        } else {
            trace.ended(at: now, status: attempt.traits.status, error: "")
        }
    }

    /// Hands the trace over. To be called once, while the last attempt is still there.
    func finishTrace(_ trace: RequestTrace, _ entry: borrowing RequestLogEntry) {
        guard trace.context.isSampled else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        if let attempt {
            if failure(in: trace) != nil {
                traceEndsAttempt()
            } else {
                let isDone = entry.outcome.party == .done || attempt.traits.status >= 400
                trace.ended(at: now, status: attempt.traits.status, error: isDone ? "" : entry.reason)
            }
        }
        var told = copy entry
        told.requestID = requestID
        var finished = FinishedTrace(
            context: trace.context, span: trace.span, attempts: trace.attempts, snapshot: snapshot, entry: told)
        finished.operation = request.operation
        finished.model = request.content.model
        finished.method = request.method == .other ? "_OTHER" : request.method.text
        finished.dialect = request.dialect.rawValue
        finished.keyName = caller?.key.name ?? ""
        finished.session = request.origin.session
        finished.began = figures.startedAt.uptimeNanoseconds
        finished.ended = now
        var wall = timespec()
        clock_gettime(CLOCK_REALTIME, &wall)
        finished.wallAhead = Int64(wall.tv_sec) &* 1_000_000_000 &+ Int64(wall.tv_nsec) &- Int64(clamping: now)
        loop.shared.outlets.traces.offer(finished, bytes: finished.weight)
    }
}

extension ClientRequest {
    /// `gen_ai.operation.name`.
    fileprivate var operation: String {
        switch endpoint {
        case .generate: "chat"
        case .countTokens: "count_tokens"
        case .named: path == "/v1/embeddings" ? "embeddings" : "text_completion"
        case .other, .local: "forward"
        }
    }
}
