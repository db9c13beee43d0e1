import Dialects
import NIOCore

/// Errors: who gets them, and whom they put to rest.
extension Attempt {
    /// The body of an error is whole, or as much of it as is looked at.
    func judgeHeld() {
        // A coding that cannot be read says nothing.
        if traits.coding == .unknown { body.held.clear() }
        maskSecrets()
        let held = body.held
        held.withUnsafeReadableBytes { bytes in
            var error = upstream.format.error(status: traits.status, body: bytes)
            if let seconds = traits.retryAfterSeconds { error.take(wait: seconds, isReset: traits.tellsReset) }
            judge(error, body: bytes)
        }
    }

    /// Sends an error to the client, or the request on to the next candidate.
    /// - Parameter body: as it came; empty where the error was made of something else.
    func judge(_ said: UpstreamError, body: UnsafeRawBufferPointer) {
        // What the client called its model, or wrote elsewhere, is no word of the vendor's.
        let repeated = request.withHead { head in request.withBody { said.repeated(of: $0, head: head) } }
        var error = masked(said.heard(without: namedModels, repeated: repeated))
        if error.isExhausted, repeatsExhaustion(error, body) { error.isExhausted = false }
        error = understood(error)
        let isShown = traits.status >= 400 || error.errorClass != .upstreamBroken
        loop.metrics.attempt(upstream: target.id.upstream, account: target.id.account, result: String(error.status))
        let policy = exchange.fallback
        let verdict = verdict(on: error)
        let refuses =
            switch verdict {
            case .moveOn(.unauthorized, _): RetryPolicy.blamesCredential(error, reach: exchange.reach)
            // An empty balance that is called a refusal is one of the account; else the client hears of money in its own words.
            case .moveOn(_, .account(.money)): (401...403).contains(error.status)
            case .moveOn, .deliver: false
            }
        var (isDisguised, lacksTime) = (false, false)
        if error.errorClass == .rateLimit {
            let isCalledElse = [400, 401, 403].contains(error.status)
            // Without fallback there is just nobody else to ask.
            if case .moveOn = verdict {
                isDisguised = isCalledElse
                lacksTime = isDisguised || (traits.status < 400 && error.isExhausted)
            }
            // Another format's client gets the 429 in any case.
            if isCalledElse, changes.isConverted { lacksTime = true }
        }
        var failure = AttemptFailure(
            cause: .response(
                error, body: isShown ? Array(body) : [], contentType: masked(traits.contentType), dialect: upstream.kin),
            attempt: self, refusesCredential: refuses,
            retryAfterSeconds: policy.shownSeconds(of: error) ?? (lacksTime ? policy.restSeconds : nil))
        failure.isDisguisedLimit = isDisguised
        exchange.trail.failures.append(failure)
        if error.status < 500 { accountResponded() }
        if exchange.cannotCount(error) {
            // Nothing is wrong with the account: it does not do this.
            end()
            return exchange.dispatch()
        }
        switch verdict {
        case .deliver:
            accountAnswered(error)
            deliver(failure)
        case .moveOn(let reason, let rests): exchange.attemptRefused(self, by: error, reason: reason, rests: rests)
        }
    }

    /// The same with the model that it is about, with when to come back, and as one within a success where it came in one.
    private func understood(_ heard: UpstreamError) -> UpstreamError {
        var error = heard
        if error.status == 403, error.subject == nil, namesModel(error.message) { error.subject = .model }
        if let instant = error.resetsAt, error.retryAfterSeconds == nil || traits.retryAfterSeconds != nil {
            error.retryAfterSeconds = min(max(0, instant &- LoopContext.wallClock() / 1000), RetryAfter.longest)
            error.tellsReset = true
        }
        if traits.status < 400 { error = error.withinSuccess }
        // The head of a success is about the error that it came with where that is one to wait for.
        if let seconds = traits.retryAfterSeconds, traits.status >= 400 || error.isLimit || error.errorClass == .overloaded {
            error.take(wait: seconds, isReset: traits.tellsReset)
        }
        return error
    }

    /// An error that the stream tells after its first words, when nobody else can be asked: it takes out what it would as a status.
    func judgeTold() {
        guard !share.hasTold, relay.isPassing, let said = body.pipe?.error, !said.isOurs, exchange.reach != .request else {
            return
        }
        share.hasTold = true
        let error = understood(masked(said.heardLate(without: namedModels)))
        switch verdict(on: error) {
        case .deliver: accountAnswered(error)
        case .moveOn(let reason, let rests): takeOut(rests, by: error, reason: .response(reason))
        }
    }

    private var namedModels: [String] { [request.content.model, candidate.model] }

    private func repeatsExhaustion(_ error: UpstreamError, _ body: UnsafeRawBufferPointer) -> Bool {
        request.withHead { head in request.withBody { error.repeatsExhaustion(of: $0, head: head, in: body) } }
    }

    /// Whether a refusal's words have the model that was asked for: then it is about that.
    private func namesModel(_ words: String) -> Bool {
        namedModels.contains { $0.utf8.count > 2 && words.contains($0) }
    }

    /// An error that nobody else is asked about: in the client's own format as it came, head and all.
    private func deliver(_ failure: AttemptFailure) {
        // A head that tells the client to wait for longer than it has to is not shown.
        let isCapped = relay.hasEnded && (traits.retryAfterSeconds ?? 0) > (failure.retryAfterSeconds ?? 0)
        // Where nothing is known of a body but that it is long, the rest may follow as it comes.
        let passesLongErrors = request.endpoint == .other && !traits.isCompressed
        guard !changes.isConverted, traits.status >= 400, relay.hasEnded || passesLongErrors, !isCapped,
            !exchange.hasForeignShape(failure)
        else {
            end()
            return exchange.answer(with: failure, .upstream)
        }
        phase.end()
        if relay.hasEnded {
            sendWhole()
            relay.end()
            exchange.finish(Outcome(.upstream, in: .dispatch, .upstreamStatus(traits.status)))
        } else {
            // The client's own secrets go with its head.
            body.maskedTail = MaskedTail(redactors)
            commit()
            let held = body.held
            body.held = ByteBuffer()
            held.withUnsafeReadableBytes { passPiece($0) }
        }
    }

    // MARK: Successes that are none

    enum ResponseProblem { case emptyResponse, brokenEvent, noCount }

    /// The response is none: another may give one.
    func failResponse(_ problem: ResponseProblem) {
        let message =
            switch problem {
            case .emptyResponse: UpstreamFailure.emptyResponse.message
            case .brokenEvent: "the upstream's stream begins with an event that is no JSON"
            case .noCount: "the upstream's answer holds no count"
            }
        let error = UpstreamError(errorClass: .upstreamBroken, status: 502, message: message)
        guard case .deliver = RetryPolicy.verdict(on: error, policy: exchange.fallback) else { return fail(with: error) }
        // No status sends on; that the upstream is as good as not there may.
        relay.end()
        giveUp(.emptyResponse, hasReceived: true)
    }

    /// Where an upstream points to is the operator's matter and nobody else's.
    func failRedirect() {
        let message =
            "the upstream answered with a redirect (\(traits.status)); its address in the configuration is not the right one"
        fail(with: UpstreamError(errorClass: .upstreamBroken, status: 502, message: message))
    }

    /// Asks elsewhere for a response that was none, said as one.
    func failEmptyResponse() {
        fail(with: UpstreamError(errorClass: .upstreamBroken, status: 502, message: "the upstream gave an empty answer"))
    }

    /// - Parameter said: the words of the upstream's body, as far as they are looked at.
    func fail(with error: UpstreamError, said: [UInt8] = []) {
        relay.end()
        leave()
        body.held.clear()
        body.held.writeBytes(said)
        maskSecrets()
        let held = body.held
        held.withUnsafeReadableBytes { judge(error, body: $0) }
    }
}
