import Dialects
import NIOCore
import RuleEngine

extension Exchange {
    /// Bodies up to this size travel in the same buffer as the head.
    static let smallBody = 16 << 10

    var routeInUse: Route { snapshot.routes[route] }

    /// Stage Dispatch: asks the plan's next candidate; when nobody is left, tells the client.
    func attemptNext() {
        let now = SteadyClock.milliseconds
        while true {
            guard let next = plan?.next(loop.states, now: now) else {
                answerFailure(reason: "all_failed")
                return
            }
            if attempts > 0, !loop.shared.retryBudget.spend(nowMilliseconds: now) {
                answerFailure(reason: "retry_budget")
                return
            }
            candidate = next
            let origin = view.origin(route: route, candidate: next)
            self.origin = origin
            times = origin.times
            if attempts > 0 || !failures.isEmpty { forgetAttempt() }
            attempt.begin()
            guard let request = makeRequest(for: next) else { continue }
            attempts += 1
            plan?.wasAsked()
            dispatch(request, to: next)
            return
        }
    }

    /// What the attempt before this one left.
    private func forgetAttempt() {
        conversion = nil
        lossy = []
        hidesUsageChunk = false
        limitLines = []
        relay = RelayState()
        gatedSignals = []
    }

    private func dispatch(_ request: UpstreamRequest, to candidate: Candidate) {
        let pool = view.upstreams[candidate.upstream].pool
        if let connection = pool.takeIdle() {
            write(request, on: connection, isReused: true)
        } else {
            connect(request, to: candidate)
        }
    }

    private func connect(_ request: UpstreamRequest, to candidate: Candidate) {
        attemptSerial += 1
        let serial = attemptSerial
        // The channel knows its own limit for TCP; this one covers TLS as well.
        deadline = loop.sweeper.now + times.connect + DeadlineSweeper.period
        let pool = view.upstreams[candidate.upstream].pool
        pool.connect(timeout: times.connect) { [self] result in
            guard serial == attemptSerial, !isOver else {
                // Given up meanwhile; the next request will be glad of the connection.
                if case .success(let connection) = result { pool.putBack(connection) }
                return
            }
            switch result {
            case .success(let connection): write(request, on: connection, isReused: false)
            case .failure(let failure): attemptFailed(failure, hasReceived: false)
            }
        }
    }

    private func write(_ request: UpstreamRequest, on connection: UpstreamConnection, isReused: Bool) {
        guard let candidate else { return }
        attempt.requestWritten(isReused: isReused)
        upstream = connection
        deadline = loop.sweeper.now + times.firstByte + DeadlineSweeper.period
        let isSmall = request.body.readableBytes <= Self.smallBody
        connection.send(method: method, to: self, body: isSmall ? nil : request.body) { out in
            writeHead(of: request, for: candidate, into: &out)
            if isSmall { out.writeImmutableBuffer(request.body) }
        }
    }

    func accountID(of candidate: Candidate) -> AccountID {
        view.upstreams[candidate.upstream].ids[candidate.account]
    }

    // MARK: Failing

    /// No answer came of this attempt; nothing has gone to the client.
    func attemptFailed(_ failure: UpstreamFailure, hasReceived: Bool) {
        guard let candidate else { return }
        let isTimeout = failure.trigger == .timeout
        let action = attempt.failed(hasReceived: hasReceived, isTimeout: isTimeout)
        let connection = upstream
        switch action {
        case .ignore:
            upstream = nil
            attemptSerial += 1
        case .tryFreshConnection: tryFresh(candidate)
        case .giveUp:
            upstream = nil
            attemptSerial += 1
            connection?.cancel()
            let id = accountID(of: candidate)
            loop.metrics.attempt(upstream: id.upstream, account: id.account, result: failure.word.description)
            note(
                AttemptFailure(
                    cause: .failure(failure), candidate: candidate, refusesCredential: false, reason: failure.word.description,
                    retryAfterSeconds: nil))
            guard routeInUse.fallback.enabled, routeInUse.fallback.on.contains(failure.trigger) else {
                answerFailure(reason: failure.word.description)
                return
            }
            // How a path that any client can think of ends tells nothing of the others; that nobody is there does.
            // What proxyd itself lacks is nothing that an account should rest for.
            if failure != .noDescriptors, reach != .request || failure.isBeforeRequest {
                cool(candidate, reason: failure.word.description)
            }
            loop.metrics.fallback(reason: failure.word.description)
            attemptNext()
        }
    }

    /// Asks the same candidate again on a connection of its own.
    func tryFresh(_ candidate: Candidate) {
        upstream = nil
        attemptSerial += 1
        relay = RelayState()
        gatedSignals = []
        guard let request = makeRequest(for: candidate) else { return }
        connect(request, to: candidate)
    }

    /// An error answer is whole, or as much of it as is looked at: to the client with it, or on to the next candidate.
    func judge(_ said: UpstreamError, body: UnsafeRawBufferPointer) {
        guard let candidate else { return }
        // What the client called its model is no word of the vendor's.
        var error = masked(said.heard(without: [request.model, candidate.model]))
        if let seconds = relay.retryAfterSeconds, relay.status >= 400 {
            error.retryAfterSeconds = seconds
            error.tellsReset = relay.tellsReset
        }
        if relay.status < 400 { error = error.withinSuccess }
        let isShown = relay.status >= 400 || error.errorClass != .upstreamBroken
        let id = accountID(of: candidate)
        loop.metrics.attempt(upstream: id.upstream, account: id.account, result: String(error.status))
        let policy = routeInUse.fallback
        let verdict = AnswerJudge.judge(error, policy: policy, reach: reach)
        let refuses =
            if case .moveOn("unauthorized", _) = verdict { AnswerJudge.blamesCredential(error, reach: reach) } else { false }
        var failure = AttemptFailure(
            cause: .answer(
                error, body: isShown ? Array(body) : [], contentType: relay.contentType,
                dialect: view.upstreams[candidate.upstream].dialect),
            candidate: candidate, refusesCredential: refuses, retryAfterSeconds: policy.shownSeconds(of: error))
        if case .moveOn = verdict, policy.enabled, error.status == 400, error.errorClass == .rateLimit {
            failure.isDisguisedLimit = true
        }
        note(failure)
        if cannotCount(error) {
            // Nothing is wrong with the account: it does not do this.
            upstream?.cancel()
            upstream = nil
            attempt.end()
            attemptNext()
            return
        }
        switch verdict {
        case .deliver:
            deliver(failure)
        case .moveOn(let reason, let rests):
            switch rests {
            case .nothing: break
            case .model: cool(candidate, after: error, reason: reason)
            case .account(let kind): refuse(id, kind, after: error)
            }
            upstream?.cancel()
            upstream = nil
            attempt.end()
            guard policy.enabled else {
                answerFailure(reason: reason)
                return
            }
            loop.metrics.fallback(reason: reason)
            if !failures.isEmpty { failures[failures.count - 1].reason = reason }
            attemptNext()
        }
    }

    private func note(_ failure: AttemptFailure) {
        failures.append(failure)
    }

    /// How far an error of this request's endpoint reaches.
    var reach: AnswerJudge.Reach {
        switch endpoint {
        case .generate, .named: .generations
        case .other where request.model != "*": .limits
        case .other, .countTokens, .local: .request
        }
    }

    private func cool(_ candidate: Candidate, after error: UpstreamError? = nil, reason: String) {
        let policy = routeInUse.fallback
        guard policy.enabled else { return }
        let rest = policy.rest(toldSeconds: error?.retryAfterSeconds, as: error?.tellsReset == true ? .window : .hint)
        guard rest > 0 else { return }
        let now = SteadyClock.milliseconds
        loop.shared.accounts.cool(
            accountID(of: candidate), model: candidate.model, until: now &+ rest, reason: reason,
            origin: loop.shared.models.origin(of: candidate.model), now: now)
    }

    private func refuse(_ id: AccountID, _ kind: AccountState.Refusal.Kind, after error: UpstreamError) {
        var rest = AccountBook.refusalMilliseconds
        if kind == .money, let told = error.retryAfterSeconds, told > 0 {
            rest = routeInUse.fallback.rest(toldSeconds: told, as: error.tellsReset ? .window : .hint)
        }
        loop.shared.accounts.refuse(
            id,
            AccountState.Refusal(until: SteadyClock.milliseconds &+ rest, kind: kind, status: error.status, words: error.message))
    }

    // MARK: Telling the client that nobody served it

    /// Every candidate failed: the client gets the failure that tells it most.
    func answerFailure(reason: String) {
        if case .countTokens = endpoint, !failures.isEmpty, failures.allSatisfy(cannotCount) {
            answerEstimate()
            return
        }
        guard
            let worst = failures.enumerated().max(by: { ($0.element.telling, $1.offset) < ($1.element.telling, $0.offset) })?
                .element
        else {
            refuse(Refusal(.upstreamBroken, "no upstream can serve this request", stage: "dispatch"))
            return
        }
        answer(with: worst, reason: reason)
    }

    private func answer(with failure: AttemptFailure, reason: String) {
        if failure.candidate != candidate { lossy = [] }
        candidate = failure.candidate
        origin = view.origin(route: route, candidate: failure.candidate)
        switch failure.cause {
        case .failure(let cause):
            answerError(
                cause.status == 504 ? .timeout : .upstreamBroken, status: cause.status, message: cause.message,
                reason: cause.word.description)
        case .conversion(let problem):
            answerError(
                problem.errorClass, status: nil, message: problem.message, param: problem.param,
                details: clientDialect == .anthropic ? problem.details : nil, reason: "conversion")
        case .answer(let error, let body, let contentType, let dialect):
            if failure.refusesCredential {
                let what =
                    error.subject == .money
                    ? "the account that proxyd has at the upstream is out of money"
                    : "the upstream refused the credential that proxyd has for it"
                let message = "\(what) (status \(error.status)); this is not about your key: \(error.message)"
                // Asking again finds the same account.
                answerError(.upstreamBroken, status: 502, message: message, retry: .no, reason: "unauthorized")
                return
            }
            // Some upstreams call used-up capacity a bad request, so that one client of theirs stops; others need the 429.
            let isDisguisedLimit = failure.isDisguisedLimit
            let isSameFormat = dialect == clientDialect || (dialect == .azure && clientDialect == .openai) || endpoint == .other
            guard isSameFormat, !isDisguisedLimit, !body.isEmpty, !hasForeignShape(failure) else {
                answerError(
                    error.errorClass, status: isDisguisedLimit ? 429 : isSameFormat ? error.status : nil, message: error.message,
                    retryAfterSeconds: failure.retryAfterSeconds, retry: failure.reason == "unauthorized" ? .no : .byClass,
                    reason: reason)
                return
            }
            answerError(
                status: error.status, body: body, contentType: isGenerating ? "application/json" : contentType,
                retryAfterSeconds: failure.retryAfterSeconds,
                mayRetry: error.errorClass != .billing && failure.reason != "unauthorized", reason: reason)
        }
    }

    /// Of what nothing is known but that it is long, the rest may follow as it comes.
    private var passesLongErrors: Bool { endpoint == .other && !relay.isCompressed }

    /// An error that nobody else is asked about: in the client's own format as it came, head and all.
    private func deliver(_ failure: AttemptFailure) {
        // A head that tells the client to wait for longer than it has to is not shown.
        let isCapped = relay.hasEnded && (relay.retryAfterSeconds ?? 0) > (failure.retryAfterSeconds ?? 0)
        guard conversion == nil, relay.status >= 400, relay.hasEnded || passesLongErrors, !isCapped, !hasForeignShape(failure)
        else {
            answer(with: failure, reason: "upstream")
            return
        }
        attempt.end()
        if relay.hasEnded {
            writeHeld()
            finish(by: "upstream", in: "dispatch", reason: "upstream_\(relay.status)", keepAlive: !relay.closesAfter)
        } else {
            open()
            let held = relay.held
            relay.held = ByteBuffer()
            held.withUnsafeReadableBytes { emit($0) }
        }
    }

    private func answerError(
        _ errorClass: ErrorClass, status: Int?, message: String, param: String? = nil, details: JSONValue? = nil,
        retryAfterSeconds: Int? = nil, retry: Retry = .byClass, reason: String
    ) {
        let retryInfo = clientDialect == .gemini ? retryAfterSeconds.map { ErrorBody.retryInfo(seconds: $0) } : nil
        let status = status ?? errorClass.status(for: clientDialect)
        let body = ErrorBody.bytes(
            errorClass, status: status, message: message, param: param, details: details ?? retryInfo, requestID: requestID,
            dialect: clientDialect)
        answerError(
            status: status, body: asElement(body), contentType: "application/json", retryAfterSeconds: retryAfterSeconds,
            mayRetry: retry == .byClass && errorClass != .billing, reason: reason)
    }

    /// Whether a client may ask again.
    private enum Retry {
        case byClass
        case no
    }

    /// A Gemini client that expects an array of chunks gets its error as one of them.
    private func asElement(_ body: [UInt8]) -> [UInt8] {
        guard clientDialect == .gemini, request.streams, !asksForEvents else { return body }
        return [UInt8(ascii: "[")] + body + [UInt8(ascii: "]")]
    }

    private func answerError(
        status: Int, body: [UInt8], contentType: String, retryAfterSeconds: Int?, mayRetry: Bool, reason: String
    ) {
        upstream?.cancel()
        upstream = nil
        attempt.end()
        var out = ByteBuffer()
        out.writeHead(room: 512 + 3 * contentType.utf8.count + identityRoom) { cursor in
            cursor.statusLine(status)
            cursor.append("content-type: ")
            cursor.append(text: contentType.isEmpty ? "application/json" : HeaderText.encode(contentType))
            cursor.append("\r\n")
            if let retryAfterSeconds {
                cursor.append("retry-after: ")
                cursor.append(decimal: retryAfterSeconds)
                cursor.append("\r\n")
            }
            if !mayRetry { cursor.append("x-should-retry: false\r\n") }
            writeIdentity(into: &cursor)
            cursor.append("content-length: ")
            cursor.append(decimal: body.count)
            cursor.append("\r\n")
            if !clientKeepsAlive { cursor.append("connection: close\r\n") }
            cursor.append("\r\n")
        }
        if !isHead { out.writeBytes(body) }
        connection.outbound.writeBuffer(&out)
        figures.status = status
        figures.bytesOut = body.count
        markFirstByte()
        finish(by: "upstream", in: "dispatch", reason: reason, keepAlive: true)
    }
}

extension FallbackPolicy {
    /// What an upstream's word on a wait is about.
    enum Told {
        case hint
        /// The reset of a quota or a window.
        case window
    }

    /// How long a tier rests, in milliseconds; 0 for not at all.
    func rest(toldSeconds: Int?, as told: Told) -> Int {
        guard let toldSeconds else { return cooldown.milliseconds }
        let longest =
            switch told {
            case .hint: min(maxCooldown.milliseconds, RetryAfter.longest * 1000)
            case .window: RetryAfter.longest * 1000
            }
        return min(max(0, min(toldSeconds, RetryAfter.longest)) * 1000, longest)
    }

    /// How long the client is told to wait: what the upstream said, no longer than any window lasts. Whole seconds, rounded up.
    func shownSeconds(of error: UpstreamError) -> Int? {
        error.retryAfterSeconds.map { (rest(toldSeconds: $0, as: .window) + 999) / 1000 }
    }
}

extension Duration {
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds).multipliedReportingOverflow(by: 1000).partialValue
            &+ Int(attoseconds / 1_000_000_000_000_000)
    }
}
