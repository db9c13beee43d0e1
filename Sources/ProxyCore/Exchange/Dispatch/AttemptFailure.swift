import Dialects

/// An attempt that did not serve the client, kept because it may be what the client is told in the end.
struct AttemptFailure {
    enum Cause {
        /// An error response, or an error that came first in a stream.
        case response(UpstreamError, body: [UInt8], contentType: String, dialect: ClientDialect)
        case failure(UpstreamFailure)
        /// The request cannot be said in the upstream's format.
        case conversion(ConversionProblem)
    }

    let cause: Cause
    let candidate: Candidate
    let target: TargetRuntime
    let refusesCredential: Bool
    /// Why the request moved on; nil where it did not.
    var reason: CooldownReason?
    /// A limit that the upstream called a bad request or a refusal, and that sent the request on.
    var isDisguisedLimit = false
    var retryAfterSeconds: Int?
    let times: UsageRecord.Times?

    init(
        cause: Cause, attempt: Attempt, refusesCredential: Bool = false, reason: CooldownReason? = nil,
        retryAfterSeconds: Int? = nil
    ) {
        self.cause = cause
        candidate = attempt.candidate
        target = attempt.target
        times = attempt.times
        self.refusesCredential = refusesCredential
        self.reason = reason
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// The attempt as the request's row tells it.
    var step: UsageRecord.Step {
        var (status, word) = (0, "conversion")
        switch cause {
        case .response(let error, _, _, _): (status, word) = (error.status, error.errorClass.rawValue)
        case .failure(let failure): word = failure.label.description
        case .conversion: break
        }
        return UsageRecord.Step(
            tier: target.log.tier, account: target.id.account, status: status, reason: reason?.description ?? word, times: times)
    }

    /// What came of it: `503 server_error`, `connect_timeout`.
    var end: String {
        switch cause {
        case .response(let error, _, _, _): "\(error.status) \(error.errorClass.rawValue)"
        case .failure(let failure): failure.label.description
        case .conversion: "conversion"
        }
    }

    /// Nothing failed: a limit is used up, or the request cannot be said there.
    var isRoutine: Bool {
        switch cause {
        case .response(let error, _, _, _): error.isLimit
        case .failure: false
        case .conversion: true
        }
    }

    /// The client would get it as a 429.
    var isTooManyRequests: Bool {
        guard case .response(let error, _, _, _) = cause, !refusesCredential else { return false }
        return isDisguisedLimit || (error.isLimit && error.status == 429 && error.errorClass == .rateLimit)
    }

    /// Which failure tells the client most: what it can wait for, the soonest first, then what the upstream said, then what we could
    /// not do.
    var severity: Int {
        kind * Self.longestWait &- min(retryAfterSeconds ?? Self.longestWait, Self.longestWait)
    }

    /// Seconds; more than any wait that is shown.
    private static let longestWait = 10_000_000

    private var kind: Int {
        switch cause {
        case .response(let error, _, _, _):
            if refusesCredential { return 1 }
            if error.isLimit { return 7 }
            if error.errorClass == .overloaded { return 6 }
            return 5
        case .failure(let failure): return failure.status == 504 ? 4 : 3
        case .conversion: return 2
        }
    }
}

extension AttemptTrail {
    /// The same without what accounts said of the model before they were asked for it once more, as who has waited does.
    var newest: AttemptTrail {
        guard failures.count > 1 else { return self }
        var trail = self
        trail.failures = failures.indices.compactMap { index in
            let old = failures[index]
            let isAnsweredAnew = failures[(index + 1)...].contains { new in
                new.target.id == old.target.id && new.candidate.model == old.candidate.model
            }
            return isAnsweredAnew ? nil : old
        }
        return trail
    }
}
