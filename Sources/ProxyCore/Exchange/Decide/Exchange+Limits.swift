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
        var uses: [LimitUse] = []
        if let own = limits.policies[key.policy] { uses.append(LimitUse(own, bucket: key.id, label: key.name)) }
        if !limits.entries.isEmpty {
            let facts = gatherFacts(reads: limits.reads)
            for entry in limits.entries {
                switch entry.application(facts) {
                case .none: break
                case .use(let use): uses.append(use)
                case .failed(let why): throw uncomputable(entry.limit, why)
                }
            }
        }
        guard !uses.isEmpty else { return nil }
        return LimitGrant(uses: uses, demand: demand(for: uses), seenBlocks: loop.shared.limits.blockCount)
    }

    private func uncomputable(_ limit: UsageLimit, _ why: String) -> LocalReply {
        loop.shared.logger.warning(
            "a limit could not be computed and refuses", metadata: ["limit": "\(limit.name)", "reason": "\(why)"])
        return refusal(naming: limit.name, "the limit '\(limit.name)' cannot be computed for this request: \(why)", wait: .never)
    }

    private func demand(for uses: [LimitUse]) -> LimitDemand {
        var demand = LimitDemand()
        switch request.endpoint {
        case .countTokens, .local: return demand
        case .generate: demand.isAnswered = true
        case .named: demand.isAnswered = request.path != "/v1/embeddings"
        case .other: demand.isAnswered = request.content.namesModel || request.content.form != nil
        }
        let countsTokens = uses.contains { $0.limit.rates.contains { $0.kind == .tokens || $0.kind == .cost } }
        guard countsTokens else { return demand }
        guard request.content.object != nil else {
            // What cannot be looked into takes something, so that it does not pass where nothing is left.
            if request.method == .post { demand.input = 1 }
            return demand
        }
        let set = plan?.route.set ?? []
        request.withBody { bytes in
            demand.input = TokenEstimate.tokens(body: bytes, members: request.members, dialect: request.dialect)
            let allowance = OutputAllowance(body: bytes, members: request.members, set: set)
            (demand.most, demand.choices) = (allowance.tokens, allowance.choices)
            demand.mayWriteCache = ByteSearch.contains("cache_control", in: bytes)
        }
        return demand
    }

    // MARK: Reserving

    enum Reservation {
        case granted
        /// The candidate is too dear for what is left; another may not be.
        case passedOver
        /// A limit that is used up sends the request somewhere else: the plan is another.
        case elsewhere
        case refused(LocalReply)
    }

    /// Reserves what the request may come to at the candidate that is asked next.
    func reserve(for candidate: Candidate) -> Reservation {
        guard let grant, let route = plan?.route else { return .granted }
        let cap = route.tiers[candidate.tier].targets[candidate.target].tierTarget.maxTokens
        let typical = grant.usesTypical ? loop.shared.limits.typicalOutput.average(candidate.model) : nil
        let (demand, prices, assumed) = (grant.demand, view.prices, configuration.usage.assumedOutput)
        func need(_ limit: UsageLimit) -> LimitAmounts {
            if request.endpoint.countsTokens { return LimitAmounts(requests: 1) }
            return demand.need(
                model: candidate.model, cap: cap, assumed: assumed, typical: limit.reserve == .typical ? typical : nil,
                prices: prices)
        }
        let (table, now) = (loop.shared.limits, LimitTime.now)
        if grant.reservation != nil {
            return table.change(&grant.reservation, grant.uses, to: need, now: now) == nil ? .granted : .passedOver
        }
        do throws(LimitRefusals) {
            grant.reservation = try table.reserve(grant.uses, need, now: now)
            return .granted
        } catch {
            if goElsewhere(grant, error) { return .elsewhere }
            let refusal = grant.refusal ?? refused(by: error)
            // Where money alone is too little, a cheaper target may follow.
            guard error.all.allSatisfy({ $0.rate?.kind == .cost }) else { return .refused(refusal) }
            grant.refusal = refusal
            return .passedOver
        }
    }

    /// Whether each limit that refuses names where the request goes instead. It goes where the first of them says.
    private func goElsewhere(_ grant: LimitGrant, _ refusals: LimitRefusals) -> Bool {
        var next: Int?
        for refusal in refusals.all {
            guard refusal.rate != nil,
                let exhausted = snapshot.limits.entries.first(where: { $0.limit === refusal.limit })?.exhausted
            else { return false }
            next = next ?? exhausted
        }
        guard let next else { return false }
        for refusal in refusals.all { grant.drop(refusal.limit) }
        let router = Router(snapshot: snapshot, policy: caller?.policy, path: request.path)
        plan = router.plan(Router.Decision(rule: next, capture: nil), model: request.content.model) { loop.random() }
        return true
    }

    // MARK: Refusing

    private func refused(by refusals: LimitRefusals) -> LocalReply {
        guard let worst = refusals.worst else { return LocalReply(.rateLimit, "a limit is used up", stage: .decide) }
        return refusal(worst)
    }

    func refusal(_ refusal: LimitRefusal) -> LocalReply {
        let zone = configuration.timeZone
        let message = refusal.message { milliseconds in
            let seconds = (milliseconds + 999) / 1_000
            return RFC3339.text(seconds, utcOffset: zone.utcOffset(at: seconds))
        }
        return self.refusal(naming: refusal.name, message, wait: refusal.wait, kind: refusal.rate?.kind ?? .requests)
    }

    private func refusal(
        naming name: String, _ message: String, wait: LimitRefusal.Wait, kind: LimitRate.Kind = .requests
    ) -> LocalReply {
        loop.metrics.limitRefused(name)
        var reply = LocalReply(.rateLimit, status: 429, message, stage: .decide)
        reply.isLimit = true
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
        guard let attempt, attempt.relay.awaitsLedger == false else { return }
        if attempt.relay.isPassing { return attempt.cut(.blocked) }
        attempt.recordUnfinishedUsage()
        attempt.end()
        reply(self.refusal(refusal))
    }

    /// What was reserved becomes what was used. Before the client sees the end of its answer, so that its next request finds it so.
    func settleLimits() {
        guard let grant, let reservation = grant.reservation else { return }
        grant.reservation = nil
        loop.shared.limits.settle(reservation, used: grant.used, now: .now)
    }

    // MARK: Telling

    /// What an answer tells of limits.
    struct Standing {
        /// The tightest limits, in the client's words; Gemini's clients know none.
        var block = FieldBlock()
        /// The key has limits of requests or tokens: the upstream's own are nothing to it.
        var hidesUpstreams = false
    }

    /// What is left of the limits that apply; nothing for a key without limits of requests or tokens.
    func standing() -> Standing {
        var told = Standing()
        guard !snapshot.limits.isEmpty, let key = caller?.key, caller?.policy != nil || listsModels else { return told }
        let uses = grant?.uses ?? snapshot.limits.policies[key.policy].map { [LimitUse($0, bucket: key.id)] } ?? []
        guard !uses.isEmpty else { return told }
        let now = LimitTime.now
        let standing = loop.shared.limits.standing(uses, grant?.reservation, now: now)
        told.hidesUpstreams = standing.requests != nil || standing.tokens != nil
        guard request.dialect != .gemini else { return told }
        if let requests = standing.requests { tell(requests, of: "requests", now: now.wall, &told.block) }
        if let tokens = standing.tokens { tell(tokens, of: "tokens", now: now.wall, &told.block) }
        return told
    }

    /// Model lists are answered by proxyd itself, and belong to the data plane all the same.
    private var listsModels: Bool { request.endpoint == .local && request.path.hasPrefix("/v1") }

    private func tell(_ figure: LimitStanding.Figure, of what: String, now: Int, _ block: inout FieldBlock) {
        let wait = max(0, figure.resetsAt - now)
        if request.dialect == .anthropic {
            let prefix = "anthropic-ratelimit-\(what)-"
            block.add(prefix + "limit", "\(figure.most)")
            block.add(prefix + "remaining", "\(figure.remaining)")
            block.add(prefix + "reset", RFC3339.text((figure.resetsAt + 999) / 1_000))
        } else {
            block.add("x-ratelimit-limit-\(what)", "\(figure.most)")
            block.add("x-ratelimit-remaining-\(what)", "\(figure.remaining)")
            block.add("x-ratelimit-reset-\(what)", RateLimitHeaders.duration(milliseconds: wait))
        }
    }

    /// Whether a field of an upstream speaks of its own limits: it does not pass where ours are told.
    static func speaksOfLimits(_ name: UnsafeRawBufferPointer) -> Bool {
        func begins(_ prefix: StaticString) -> Bool {
            name.count >= prefix.utf8CodeUnitCount
                && equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: name[..<prefix.utf8CodeUnitCount]), prefix)
        }
        return begins("x-ratelimit-") || begins("anthropic-ratelimit-")
    }
}

extension Endpoint {
    var countsTokens: Bool { if case .countTokens = self { true } else { false } }
}
