import HTTP1

/// What is gathered of a request that belongs to a trace, until it is over. One reference, nil in an exchange while nobody traces.
final class RequestTrace {
    let context: TraceContext
    /// The request's own span.
    let span: UInt64
    /// The span of the attempt that is going on, or was the last.
    private(set) var attempt: UInt64 = 0
    private(set) var attempts: [AttemptSpan] = []
    /// Failures that the exchange knew of when the attempt began: one more is the attempt's own.
    private(set) var failuresBefore = 0
    private var isOpen = false

    init(_ context: TraceContext, span: UInt64) {
        self.context = context
        self.span = span
    }

    /// An attempt begins; where nobody will see the trace, only its number is kept.
    func began(_ span: UInt64, at time: UInt64, upstream: Int, labels: RouteLabels, model: String, after failures: Int = 0) {
        attempt = span
        failuresBefore = failures
        guard context.isSampled else { return }
        attempts.append(AttemptSpan(span: span, upstream: upstream, labels: labels, model: model, began: time))
        isOpen = true
    }

    /// The attempt that was going on is over, if one was.
    /// - Parameters:
    ///   - status: the upstream's; 0 where it gave none.
    ///   - error: why it came to nothing; empty where it served.
    func ended(at time: UInt64, status: Int, error: String) {
        guard isOpen, let last = attempts.indices.last else { return }
        isOpen = false
        attempts[last].ended = time
        attempts[last].status = status
        attempts[last].error = error
    }

    /// What the upstream's request says of it.
    func write(into head: inout HeadCursor) {
        context.write(into: &head, span: attempt)
        if !context.state.isEmpty { head.field("tracestate", text: context.state) }
    }
}

@available(*, unavailable)
extension RequestTrace: Sendable {}

/// One attempt of a traced request. Times are nanoseconds of the steady clock.
struct AttemptSpan: Sendable {
    let span: UInt64
    /// Its index in the snapshot.
    let upstream: Int
    let labels: RouteLabels
    let model: String
    let began: UInt64
    var ended: UInt64 = 0
    var status = 0
    var error = ""
}

/// A traced request that is over, with all that its spans are written from.
public struct FinishedTrace: Sendable {
    let context: TraceContext
    let span: UInt64
    let attempts: [AttemptSpan]
    let snapshot: Snapshot
    let entry: RequestLogEntry
    var operation = ""
    /// The model as the client named it; `*` where it named none.
    var model = ""
    var method = ""
    var dialect = ""
    var keyName = ""
    var session = ""
    /// Nanoseconds of the steady clock.
    var began: UInt64 = 0
    var ended: UInt64 = 0
    /// What makes nanoseconds since 1970 of them.
    var wallAhead: Int64 = 0

    /// Spans that it is written as.
    var count: Int { 1 + attempts.count }

    /// About the bytes that it takes.
    var weight: Int { 512 + 160 * attempts.count + model.utf8.count + session.utf8.count + context.state.utf8.count }
}
