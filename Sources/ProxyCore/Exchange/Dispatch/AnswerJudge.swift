import Dialects

/// Whether an upstream's error goes to the client or sends the request on. Pure.
enum AnswerJudge {
    enum Verdict: Equatable {
        /// The client gets it as it is.
        case deliver
        /// The next account or tier is asked. `reason` is proxy.yaml's word.
        case moveOn(reason: String, refusesCredential: Bool)
    }

    static func judge(_ error: UpstreamError, policy: FallbackPolicy) -> Verdict {
        // Some call a key that they do not know a bad request.
        if [401, 402, 403].contains(error.status) || error.errorClass == .authentication, policy.on.contains(.unauthorized) {
            return .moveOn(reason: "unauthorized", refusesCredential: true)
        }
        if policy.on.contains(.status(error.status)) { return .moveOn(reason: String(error.status), refusesCredential: false) }
        if policy.on.contains(.statusClass(error.status / 100)) {
            return .moveOn(reason: "\(error.status / 100)xx", refusesCredential: false)
        }
        if error.isExhausted, policy.on.contains(.exhausted) { return .moveOn(reason: "exhausted", refusesCredential: false) }
        return .deliver
    }
}

/// An attempt that did not serve the client, kept because it may be what the client is told in the end.
struct AttemptFailure {
    enum Cause {
        /// An error answer, or an error that came first in a stream.
        case answer(UpstreamError, body: [UInt8], contentType: String, dialect: Dialect)
        case failure(UpstreamFailure)
        /// The request cannot be said in the upstream's format.
        case conversion(ConversionProblem)
    }

    let cause: Cause
    let candidate: Candidate
    let refusesCredential: Bool
    /// A limit that the upstream called a bad request, and that sent the request on.
    var isDisguisedLimit = false
    let retryAfterSeconds: Int?

    /// Which failure tells the client most: what it can wait for, then what the upstream said, then what we could not do.
    var telling: Int {
        switch cause {
        case .answer(let error, _, _, _):
            if refusesCredential { return 1 }
            if error.status == 429 || error.isExhausted { return 7 }
            if error.errorClass == .overloaded { return 6 }
            return 5
        case .failure(let failure): return failure.status == 504 ? 4 : 3
        case .conversion: return 2
        }
    }
}
