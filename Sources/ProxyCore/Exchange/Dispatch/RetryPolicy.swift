import Dialects

/// Whether an upstream's error goes to the client or sends the request on, and whom it puts to rest. Pure.
enum RetryPolicy {
    enum Verdict: Equatable {
        /// The client gets it as it is.
        case deliver
        /// The next account or tier is asked. `reason` is what `fallback.on` has.
        case moveOn(reason: FallbackPolicy.Trigger, rests: Rest)
    }

    /// What an error takes out: what it is about, and no more.
    enum Rest: Equatable {
        /// It was about this request.
        case nothing
        /// The account does not serve the model for a while.
        case model
        /// Something is wrong there: its breaker counts it.
        case breaker
        case account(AccountState.Refusal.Kind)
    }

    /// How much an error can tell of others' requests, by what was asked for.
    enum Reach {
        /// A generation, which is what everybody asks for.
        case generations
        /// Another endpoint that names a model: its limits are the model's, its faults are its own.
        case limits
        /// A path that any client can think of.
        case request
    }

    static func verdict(on error: UpstreamError, policy: FallbackPolicy, reach: Reach = .generations) -> Verdict {
        // What one vendor flagged is not shown to the next, unless the file says so; and its words may be the client's.
        if error.subject == .content {
            if policy.on.contains(.status(error.status)) { return .moveOn(reason: .status(error.status), rests: .nothing) }
            return .deliver
        }
        // Some call a key that they do not know a bad request, and some a limit a refusal.
        let isRefusal = [401, 402, 403].contains(error.status) || error.errorClass == .authentication
        let isNamed = policy.on.contains(.status(error.status)) || policy.on.contains(.statusClass(error.status / 100))
        // Whichever word of the file sends it on, it is about the account all the same.
        if isRefusal, error.subject != .limit, isNamed || policy.on.contains(.unauthorized) {
            return .moveOn(reason: .unauthorized, rests: refused(error, reach))
        }
        let isLimit = error.isLimit
        let rests: Rest
        switch reach {
        case _ where error.subject == .money: rests = .account(.money)
        case _ where error.subject == .request: rests = .nothing
        case .generations where isLimit || error.subject == .model: rests = .model
        // What the file sends on besides is mostly one request's own fault.
        case .generations: rests = (500..<600).contains(error.status) ? .breaker : .nothing
        case .limits: rests = isLimit ? .model : .nothing
        case .request: rests = .nothing
        }
        if policy.on.contains(.status(error.status)) { return .moveOn(reason: .status(error.status), rests: rests) }
        if policy.on.contains(.statusClass(error.status / 100)) {
            return .moveOn(reason: .statusClass(error.status / 100), rests: rests)
        }
        // An account without money is exhausted, in whatever words.
        if error.isExhausted || error.subject == .money || error.subject == .limit, policy.on.contains(.exhausted) {
            return .moveOn(reason: .exhausted, rests: rests)
        }
        if isRefusal, policy.on.contains(.unauthorized) { return .moveOn(reason: .unauthorized, rests: rests) }
        return .deliver
    }

    /// What an error says of its account that sends no request on: a key that is refused is so for everybody, and so is an empty
    /// balance. nil for one that refuses no account, and for a 403 that does not say what it is about: the file may pass those on because
    /// they are about what was asked.
    static func refusal(in error: UpstreamError) -> AccountState.Refusal.Kind? {
        let isRefusal = [401, 402, 403].contains(error.status) || error.errorClass == .authentication
        guard isRefusal || error.subject == .money, error.status != 403 || error.subject != nil,
            case .account(let kind) = refused(error, .generations)
        else { return nil }
        return kind
    }

    private static func refused(_ error: UpstreamError, _ reach: Reach) -> Rest {
        switch (error.subject, reach) {
        case (.request, _), (.content, _), (.limit, .request): .nothing
        case (.limit, _): .model
        // Beside generation a 403 is mostly about the path.
        case _ where error.status == 403 && reach != .generations: .nothing
        case (.credential, _): .account(.credential)
        case (.money, _): .account(.money)
        case (.model, .request): .nothing
        case (.model, _): .model
        // A 403 that does not say what it is about is about the account, where it is the vendor's word; what stands before the
        // vendor may have been provoked by one prompt.
        case (nil, _): error.status == 403 && !error.isVendors ? .model : .account(.credential)
        }
    }

    /// Whether a refusal blames our credential, which the client must not take for its own.
    static func blamesCredential(_ error: UpstreamError, reach: Reach) -> Bool {
        guard error.status == 403 || error.subject == .limit else { return true }
        switch error.subject {
        case .model, .request, .content, .limit: return false
        case .credential, .money, nil: return reach == .generations
        }
    }
}
