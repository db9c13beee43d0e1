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
                // Who is not asked is not who answered.
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
                // Who was not asked is not who answered.
                self.attempt = before
                continue
            }
            if trail.attempts == 0 { retryBudget.countRequest() }
            trail.attempts += 1
            attempt.enterAccount()
            attempt.clock.asked = figures.elapsedMicroseconds
            if trail.trace != nil { traceBegins(attempt) }
            keepInFlight(attempt)
            plan?.attempts.wasAsked(next)
            if trail.attempts > 1 { tellFallback(to: attempt) } else if let note = trail.note { self.note(next, in: note) }
            if loop.tellsDecisions { tellChosen(next) }
            fare = .none
            attempt.begin(request)
            return
        }
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

    /// What an upstream's being asked once more costs: of the retry budget, or the turn of one who has waited.
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
        case .other where !request.content.namesNoModel: .limits
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

/// The attempts of an exchange that did not serve it.
struct AttemptTrail {
    /// Candidates that were asked.
    var attempts = 0
    /// Where the ledger keeps the request until it has ended.
    var inFlight: Int?
    var failures: [AttemptFailure] = []
    /// Why proxyd itself ended the attempt that was under way; nil where it did not.
    var stopped: Outcome.Reason?
    /// Who got the client's own login at its vendor.
    var loginWentTo: String?
    /// What was used beside what an answer tells.
    var untold: [UntoldUsage] = []
    /// The failure that was reported to the client, where nobody served it.
    var reported: AttemptFailure?
    /// It waits, or has waited, until somebody has quota.
    var waiting: Exchange.Waiting?
    /// nil where nobody traces.
    var trace: RequestTrace?
    /// nil where nobody records decisions.
    var note: DecisionNote?
    /// What rules read, for the request's row; mostly nothing.
    var inputs: [UInt8] = []

    /// Why the request moved on from the last one.
    mutating func markLast(_ reason: CooldownReason) {
        guard !failures.isEmpty else { return }
        failures[failures.count - 1].reason = reason
    }

    /// Which failure tells the client most; of equals the first.
    var worst: AttemptFailure? {
        failures.enumerated().max(by: { ($0.element.severity, $1.offset) < ($1.element.severity, $0.offset) })?.element
    }

    /// Attempts that came to nothing and who was passed over, as the request's row tells them. Mostly none.
    func steps(_ plan: RoutePlan?, _ snapshot: Snapshot) -> [UsageRecord.Step] {
        let passed = plan?.attempts.passedOver ?? []
        var steps: [UsageRecord.Step] = []
        var next = 0
        func passOver(before attempt: Int) {
            while next < passed.count, passed[next].attempts <= attempt {
                let (candidate, reason) = (passed[next].candidate, passed[next].reason)
                next += 1
                steps.append(
                    UsageRecord.Step(
                        tier: plan?.route.tiers[candidate.tier].text ?? "",
                        account: snapshot.accountIDs[candidate.upstream][candidate.account].account, reason: reason.rawValue))
            }
        }
        for (index, failure) in failures.enumerated() {
            passOver(before: index)
            steps.append(failure.step)
        }
        passOver(before: .max)
        return steps
    }

    /// Why the request moved on, from whom it did.
    var reasons: String { failures.compactMap(\.reason?.description).joined(separator: ",") }

    /// Who was asked and did not serve it, and what came of it: `openai/main 503 server_error, azure/main connect_timeout`.
    var tried: String { failures.map { "\($0.target.id.upstream)/\($0.target.id.account) \($0.end)" }.joined(separator: ", ") }
}

extension FallbackPolicy {
    /// What the wait that an upstream states is about.
    enum WaitSubject {
        case hint
        /// The reset of a quota or a window.
        case window
    }

    /// How long a tier rests, in milliseconds; 0 for not at all.
    func rest(statedSeconds: Int?, as subject: WaitSubject) -> Int {
        guard let statedSeconds else { return min(cooldown, maxCooldown).milliseconds }
        let longest =
            switch subject {
            case .hint: min(maxCooldown.milliseconds, RetryAfter.longest * 1000)
            case .window: RetryAfter.longest * 1000
            }
        return min(max(0, min(statedSeconds, RetryAfter.longest)) * 1000, longest)
    }

    /// How long a tier rests whose upstream named no time, as a client is told it.
    var restSeconds: Int { (rest(statedSeconds: nil, as: .hint) + 999) / 1000 }

    /// How long the client is told to wait: what the upstream said, no longer than an account rests for it. Whole seconds, rounded up.
    func shownSeconds(of error: UpstreamError) -> Int? {
        let subject: WaitSubject = error.tellsReset ? .window : .hint
        return error.retryAfterSeconds.map { (rest(statedSeconds: $0, as: subject) + 999) / 1000 }
    }
}

extension Duration {
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds).multipliedReportingOverflow(by: 1000).partialValue
            &+ Int(attoseconds / 1_000_000_000_000_000)
    }
}
