import Basics
import Dialects
import HTTP1
import NIOCore
import RuleEngine

/// Limits: what a request may come to is reserved before an upstream is asked, and becomes what it used.
extension Exchange {
    /// Finds the limits that apply. nil where none does.
    func findLimits() throws(LocalReply) -> LimitGrant? {
        let limits = snapshot.limits
        guard !limits.isEmpty, let key = caller?.key else { return nil }
        let found = try view.limits(of: key) { () throws(LocalReply) in
            do throws(LimitSet.Uncomputable) {
                return LimitUses(
                    try limits.uses(policy: key.policy, id: key.id, name: key.name) {
                        snapshot.asLimitsSee(gatherFacts(reads: limits.reads))
                    })
            } catch {
                throw uncomputable(error)
            }
        }
        guard !found.uses.isEmpty else { return nil }
        return LimitGrant(
            found, demand: demand(countsTokens: found.countsTokens), seenBlocks: loop.shared.limits.blockCount)
    }

    private func uncomputable(_ problem: LimitSet.Uncomputable) -> LocalReply {
        let (limit, why) = (problem.limit, problem.why)
        // Whoever sends such requests sends many, and pays for none.
        if let count = loop.shared.limits.notices.happened("cannot compute \(limit.id)", now: SteadyClock.milliseconds) {
            loop.shared.logger.warning(
                "a limit could not be computed and refuses",
                metadata: [LogKeys.limit: "\(limit.name)", LogKeys.reason: "\(why)", LogKeys.count: "\(count)"])
        }
        return refusal(naming: limit.name, problem.message, wait: .never)
    }

    private func demand(countsTokens: Bool) -> LimitDemand {
        var demand = LimitDemand()
        switch request.endpoint {
        case .countTokens, .local: return demand
        case .generate: demand.isAnswered = true
        case .named: demand.isAnswered = request.path != "/v1/embeddings"
        case .other: demand.isAnswered = !isOnlyRead && (request.content.namesModel || request.content.form != nil)
        }
        guard countsTokens else { return demand }
        guard request.content.object != nil else {
            // What cannot be looked into takes something, so that it does not pass where nothing is left.
            if request.method == .post { demand.input = 1 }
            return demand
        }
        request.withBody { bytes in
            let prompt = TokenEstimate.prompt(body: bytes, members: request.members, dialect: request.dialect)
            demand.input = prompt.tokens
            if prompt.marksCache {
                demand.cacheWrite = ByteSearch.contains("\"1h\"", in: bytes) ? .hour : .minutes
            }
        }
        readAllowance(into: &demand)
        return demand
    }

    /// What is judged or ranked is read, and nothing is written.
    private var isOnlyRead: Bool { request.path.hasSuffix("/rerank") || request.path.hasSuffix("/moderations") }

    /// How long the answer may be, as the request says or the rule of its route.
    private func readAllowance(into demand: inout LimitDemand) {
        guard request.content.object != nil else { return }
        let (most, count) = (plan?.route.set.maxTokens, plan?.route.set.choices)
        let allowance = request.withBody { OutputAllowance(body: $0, members: request.members, most: most, count: count) }
        (demand.most, demand.choices) = (allowance.tokens, allowance.choices)
    }

    // MARK: Reserving

    enum Reservation {
        case granted
        /// The candidate is too dear for what is left; another may not be.
        case passedOver
        /// A limit that is used up sends the request somewhere else: the plan is another.
        case elsewhere
        case refused(LocalReply)
        /// The server that shares limits is asked first.
        case asks([Int])
    }

    /// Reserves what the request may come to at the candidate that is asked next.
    func reserve(for candidate: Candidate) -> Reservation {
        if view.prices.refusesUnknown, let refusal = priceless(candidate) {
            return trail.failures.isEmpty ? .refused(refusal) : .passedOver
        }
        guard let grant, plan != nil else { return .granted }
        let cap = plan?.route.tiers[candidate.tier].targets[candidate.target].tierTarget.maxTokens
        let (full, typical) = needs(grant, candidate, cap: cap)
        func need(_ limit: UsageLimit) -> LimitAmounts { limit.reserve == .typical ? typical : full }
        let (table, now) = (loop.shared.limits, LimitTime.now)
        if grant.reservation != nil {
            if table.change(&grant.reservation, grant.uses, to: need, now: now) == nil { return .granted }
            guard trail.failures.isEmpty else { return .passedOver }
            // Nobody was asked yet, it has only waited: it is let in, refused or sent elsewhere as one that comes now.
            settleLimits()
        }
        do throws(LimitRefusals) {
            let reservation = try table.reserve(
                grant.uses, at: grant.limits.slots, patience: grant.lease?.patience ?? .asks, in: grant.limits.takeRoom(), need,
                now: now)
            for (index, entry) in reservation.entries.enumerated() { grant.limits.slots[index] = entry.slot }
            grant.reservation = reservation
            if let limit = reservation.displaces { tellOfRoom(in: limit, now) }
            if table.reached.areAny { tellFree(grant.uses, now) }
            if loop.tellsDecisions { tellReserved(grant, reservation) }
            return .granted
        } catch {
            if error.all.isEmpty { return error.asks.isUnreachable ? .refused(unreachable) : .asks(error.asks.slots) }
            tellReached(error, now)
            if goElsewhere(grant, error) { return .elsewhere }
            let refusal = grant.refusal ?? refused(by: error)
            // Where money alone is too little, a cheaper target may follow.
            guard error.all.allSatisfy({ $0.rate?.kind == .cost }) else { return .refused(refusal) }
            grant.refusal = refusal
            return .passedOver
        }
    }

    /// Why nobody is asked for a model that has no price, where the file wants one of every model.
    private func priceless(_ candidate: Candidate) -> LocalReply? {
        guard !request.endpoint.countsTokens, !request.content.namesNoModel,
            view.price(of: candidate.model, at: candidate.upstream) == nil, !view.prices.isReported(at: candidate.upstream)
        else { return nil }
        return LocalReply(
            .permission, PriceList.refusal(of: candidate.model), param: "model", stage: .dispatch)
    }

    /// What a limit reserves that reserves all that the answer may be, and one that reserves what answers mostly are.
    private func needs(_ grant: LimitGrant, _ candidate: Candidate, cap: Int?) -> (full: LimitAmounts, typical: LimitAmounts) {
        if request.endpoint.countsTokens { return (LimitAmounts(requests: 1), LimitAmounts(requests: 1)) }
        if !request.content.batch.isEmpty, let need = batchNeed(candidate) { return (need, need) }
        let price = view.price(of: candidate.model, at: candidate.upstream)
        var demand = grant.demand
        // The tier's maximum is in it.
        let cap = grant.raisedOutput == nil ? cap : nil
        if let raised = grant.raisedOutput { demand.most = raised }
        if demand.most == nil, case .generate = request.endpoint {
            // Reserved is what is asked for.
            let upstream = configuration.upstreams[candidate.upstream]
            demand.most = upstream.outputPutIn(for: request.dialect, model: candidate.model)
        }
        func need(typical: Int?) -> LimitAmounts {
            var need = demand.need(cap: cap, assumed: configuration.usage.assumedOutput, typical: typical, price: price)
            // What attempts before this one used is not given back.
            need += grant.used
            need.requests = 1
            need.isUnpriced = price == nil && !request.content.namesNoModel
            return need
        }
        let full = need(typical: nil)
        guard grant.limits.usesTypical, let average = loop.shared.limits.typicalOutput.average(candidate.model) else {
            return (full, full)
        }
        return (full, need(typical: average))
    }

    /// What others have used of a limit was forgotten before its time.
    private func tellOfRoom(in limit: UsageLimit, _ now: LimitTime) {
        guard let count = loop.shared.limits.notices.happened("makes room \(limit.id)", now: now.steady) else { return }
        loop.shared.logger.warning(
            "a limit has more buckets than are kept: those that were not used for longest begin anew",
            metadata: [LogKeys.limit: "\(limit.name)", LogKeys.count: "\(count)"])
    }

    /// Whether each limit that refuses names where the request goes instead. It goes where the first of them says.
    private func goElsewhere(_ grant: LimitGrant, _ refusals: LimitRefusals) -> Bool {
        // The requests of a batch go where the rule of each says.
        guard request.content.batch.isEmpty else { return false }
        guard let next = snapshot.limits.exhausted(by: refusals.all) else { return false }
        for refusal in refusals.all { grant.drop(refusal.limit) }
        let router = Router(snapshot: snapshot, policy: caller?.policy, path: request.path)
        let decision = Router.Decision(rule: next, capture: nil, alias: plan?.attempts.askedFor)
        var other = router.plan(decision, model: request.content.model) { loop.random() }
        prepare(&other)
        plan = other
        // What the rule sets is the old route's.
        readAllowance(into: &grant.demand)
        return true
    }

    // MARK: Refusing

    private func refused(by refusals: LimitRefusals) -> LocalReply {
        guard let worst = refusals.worst else { return LocalReply(.rateLimit, "a limit is used up", stage: .decide) }
        return refusal(worst)
    }

    func refusal(_ refusal: LimitRefusal) -> LocalReply {
        let message = refusal.message(in: configuration.timeZone)
        return self.refusal(naming: refusal.name, message, wait: refusal.wait, kind: refusal.kind)
    }

    private func refusal(
        naming name: String, _ message: String, wait: LimitRefusal.Wait, kind: LimitRate.Kind = .requests
    ) -> LocalReply {
        var reply = LocalReply(.rateLimit, status: 429, message, stage: .decide)
        reply.limit = name
        switch kind {
        case .requests, .concurrency: reply.type = "requests"
        case .tokens: reply.type = "tokens"
        case .cost: (reply.type, reply.code) = ("insufficient_quota", "insufficient_quota")
        }
        if request.settings.showsProxydHeaders {
            reply.fields.append(HeaderLine(name: "x-proxyd-limit", value: HeaderText.encode(name)))
        }
        var mayRetry = true
        switch wait {
        case .milliseconds(let time):
            let seconds = max(1, (time + 999) / 1_000)
            reply.retryAfterSeconds = seconds
            mayRetry = seconds <= 60
        case .unknown: break
        case .never: mayRetry = false
        }
        if !mayRetry { reply.fields.append(HeaderLine(name: "x-should-retry", value: "false")) }
        return reply
    }

    // MARK: While it is under way

    /// An operator has blocked a bucket that the request counts in: it ends here.
    func lookForBlocks() {
        guard let grant, let reservation = grant.reservation else { return }
        let table = loop.shared.limits
        let count = table.blockCount
        guard count != grant.seenBlocks else { return }
        grant.seenBlocks = count
        guard let refusal = table.block(of: reservation, grant.uses, now: .now) else { return }
        // It waits, and nobody was asked yet.
        guard let attempt else { return reply(self.refusal(refusal)) }
        guard attempt.relay.awaitsLedger == false else { return }
        if attempt.relay.isPassing {
            attempt.cut(.blocked)
            if attempt.body.cutBy == .blocked { loop.metrics.limitRefused(refusal.name) }
            return
        }
        trail.stopped = .failure(.blocked)
        attempt.recordUnfinishedUsage(told: (Outcome(.proxy, in: .dispatch, .failure(.blocked)), 429))
        attempt.end()
        reply(self.refusal(refusal))
    }

    /// What was reserved becomes what was used. Before the client sees the end of its answer, so that its next request finds it so.
    func settleLimits() {
        guard let grant, var reservation = grant.reservation else { return }
        grant.reservation = nil
        loop.shared.limits.settle(reservation, used: grant.used, now: .now)
        grant.limits.keepRoom(of: &reservation)
    }

    // MARK: Telling

    /// What is left of the limits that apply; nothing for a key without limits of requests or tokens.
    func limitFields() -> LimitFields {
        guard !snapshot.limits.isEmpty, let key = caller?.key, isOfDataPlane else { return LimitFields() }
        let uses = grant?.uses ?? limitsWithoutGrant(of: key)
        guard !uses.isEmpty else { return LimitFields() }
        let now = LimitTime.now
        let asked = grant.map { UsageAmounts.sum($0.demand.input, $0.used.tokens) } ?? 0
        return LimitFields(
            loop.shared.limits.standing(uses, grant?.reservation, asked: asked, now: now), for: request.dialect, now: now.wall,
            &loop.instants)
    }

    /// What an answer that comes before the request's limits are found can tell of: all that are known to apply. Those that ask for
    /// what stands in a body that nobody has read are not.
    private func limitsWithoutGrant(of key: ClientKey) -> [LimitUse] {
        // Somebody was asked: the limits were looked for, and none applies.
        guard attempt == nil, trail.attempts == 0 else { return [] }
        let limits = snapshot.limits
        var known = FactSet.withoutBody
        // A request that is answered at its head leaves none of it.
        if request.headBytes.readableBytes > 0 {
            known.insert(.headers)
            if limits.reads.contains(.origin) { request.readOrigin() }
            let isWhole = request.content.object != nil || request.method == .get || request.method == .head
            if isWhole { known.formUnion([.parameters, .body, .metadata, .origin, .limits]) }
            if !request.origin.session.isEmpty { known.insert(.origin) }
        }
        let facts = snapshot.asLimitsSee(gatherFacts(reads: limits.reads.intersection(known)))
        return limits.look(policy: key.policy, id: key.id, name: key.name, facts, knowing: known).uses
    }

    /// Model lists are answered by proxyd itself, and belong to the data plane all the same; explanations are for operators.
    private var isOfDataPlane: Bool {
        request.endpoint == .local ? request.path.hasPrefix("/v1") : !request.rare.wantsExplanation
    }
}

extension Endpoint {
    var countsTokens: Bool { if case .countTokens = self { true } else { false } }
}

extension FactSet {
    /// What is known of a request whatever has come of it, but for its headers.
    fileprivate static let withoutBody: FactSet = [.model, .line, .key, .usage, .client, .time, .quota, .health]
}
