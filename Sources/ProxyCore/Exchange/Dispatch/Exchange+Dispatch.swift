import Dialects
import NIOCore
import RuleEngine

/// Stage Dispatch: the plan's candidates are asked, one after the other, until one answers.
extension Exchange {
    /// Asks the next candidate; when nobody is left, tells the client.
    func dispatch() {
        attempt?.leaveAccount()
        if trail.trace != nil { traceEndsAttempt() }
        let now = SteadyClock.milliseconds
        var fare = trail.attempts > 0 ? RetryFare.due : .none
        defer { giveBack(fare) }
        while true {
            let known = loop.knownAccounts
            guard let next = grant?.takeCandidate() ?? plan?.attempts.next(known.value, now: now) else {
                if let awaited = plan?.attempts.awaited {
                    if waits(for: awaited, now: now) { return }
                    continue
                }
                if let refusal = grant?.refusal, trail.failures.isEmpty { return reply(refusal) }
                if loop.tellsDecisions { tellNobody() }
                return answerFailure(.allFailed)
            }
            switch follow(reserve(for: next), next) {
            case .asks: break
            case .goesOn: continue
            case .isDone: return
            }
            if queues(for: next, now: now) { return }
            // Who is refused by a limit has paid for no retry, and whoever is passed over leaves it to the next.
            guard pay(&fare, now: now) else { return answerFailure(.retryBudget) }
            let (attempt, before) = (Attempt(self, next), self.attempt)
            self.attempt = attempt
            guard let request = attempt.makeRequest() else { continue }
            if attempt.changes.raisedOutput != nil {
                // Whoever is not asked is not who answered.
                self.attempt = before
                switch follow(reserve(raisedFor: attempt), next) {
                case .asks: self.attempt = attempt
                case .goesOn: continue
                case .isDone: return
                }
            }
            let isLastResort = plan?.attempts.isLastResort == true
            let mayEnter = attempt.mayEnterAccount(known.value, now: now) || isLastResort
            guard mayEnter, attempt.countDeclaredRequest(isLastResort: isLastResort) else {
                if mayEnter { plan?.attempts.passOverForQuota(next) } else { plan?.attempts.passOverForProbe(next) }
                self.attempt = before
                continue
            }
            countAttempt(attempt, next)
            fare = .none
            attempt.begin(request)
            return
        }
    }

    /// An attempt is about to begin: its account is at work, and the ledger, the plan and whoever listens know of it.
    private func countAttempt(_ attempt: Attempt, _ candidate: Candidate) {
        if trail.attempts == 0 { retryBudget.countRequest() }
        trail.attempts += 1
        attempt.enterAccount()
        attempt.clock.asked = figures.elapsedMicroseconds
        if trail.trace != nil { traceBegins(attempt) }
        keepInFlight(attempt)
        plan?.attempts.wasAsked(candidate)
        if trail.attempts > 1 { tellFallback(to: attempt) } else if let note = trail.note { self.note(candidate, in: note) }
        if loop.tellsDecisions { tellChosen(candidate) }
    }

    /// What becomes of the walk once limits have spoken of a candidate.
    private enum Step { case asks, goesOn, isDone }

    private func follow(_ reservation: Reservation, _ next: Candidate) -> Step {
        switch reservation {
        case .granted: return .asks
        case .passedOver:
            plan?.attempts.passOverForLimit(next)
            loop.metrics.fallback(reason: "limit")
            return .goesOn
        case .elsewhere: return .goesOn
        case .refused(let refusal): reply(refusal)
        case .asks(let slots): waitForLease(slots, next)
        }
        return .isDone
    }

    /// Reserves what the answer may be of a request that gives thoughts more room than the client did.
    private func reserve(raisedFor attempt: Attempt) -> Reservation {
        grant?.raisedOutput = attempt.changes.raisedOutput
        defer { grant?.raisedOutput = nil }
        return reserve(for: attempt.candidate)
    }

    /// What it costs to ask an upstream once more: some of the retry budget, or the turn of one who has waited.
    private enum RetryFare {
        case none, due, budget, turn
    }

    /// Pays what is due.
    /// - Returns: false where the budget is spent.
    private func pay(_ fare: inout RetryFare, now: Int) -> Bool {
        guard fare == .due else { return true }
        if takesTurn() {
            fare = .turn
        } else if retryBudget.spend(nowMilliseconds: now) {
            fare = .budget
        } else {
            return false
        }
        return true
    }

    /// Nobody was asked for it.
    private func giveBack(_ fare: RetryFare) {
        switch fare {
        case .none, .due: break
        case .budget: retryBudget.giveBack()
        case .turn: trail.waiting?.mayAskAgain = true
        }
    }

    /// The plan's rule; there is a plan while anybody is asked.
    var rule: Int { plan?.rule ?? 0 }
    var fallback: FallbackPolicy { snapshot.routes[rule].fallback }
    private var retryBudget: RetryBudget { snapshot.figures?.tried?.retries ?? loop.shared.retryBudget }

    /// How far an error of this request's endpoint reaches.
    var reach: RetryPolicy.Reach {
        switch request.endpoint {
        case .generate, .named: .generations
        // A batch's limits are those of batches, whatever its requests ask for.
        case .other where !request.content.namesNoModel && request.content.batch.isEmpty: .limits
        case .other, .countTokens, .local: .request
        }
    }

    // MARK: What came of an attempt

    /// No response came of it.
    func attemptFailed(_ attempt: Attempt, _ failure: UpstreamFailure) {
        let label = failure.label.description
        let id = attempt.target.id
        loop.metrics.attempt(upstream: id.upstream, account: id.account, result: label)
        trail.failures.append(AttemptFailure(cause: .failure(failure), attempt: attempt, reason: .failure(failure)))
        // How a path that any client can think of ends says nothing of the others; that nobody is there does.
        if reach == .generations || failure.isBeforeRequest { attempt.accountFailed(.failure(failure)) }
        guard fallback.enabled, fallback.on.contains(failure.trigger) else { return answerFailure(.failure(failure)) }
        loop.metrics.fallback(reason: label)
        dispatch()
    }

    /// It answered with an error that sends the request on, or would.
    func attemptRefused(_ attempt: Attempt, by error: UpstreamError, reason: FallbackPolicy.Trigger, rests: RetryPolicy.Rest) {
        attempt.takeOut(rests, by: error, reason: .response(reason))
        attempt.end()
        guard fallback.enabled else { return answerFailure(.trigger(reason)) }
        loop.metrics.fallback(reason: reason.description)
        trail.markLast(.response(reason))
        dispatch()
    }
}
