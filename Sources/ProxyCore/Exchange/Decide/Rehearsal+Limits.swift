import Basics
import Dialects
import HTTP1
import RuleEngine

/// Limits as a request meets them that is only described: what stages Decide and Dispatch do, and nothing is taken.
struct LimitRehearsal {
    private let snapshot: Snapshot
    private let prices: PriceList
    private let zone: Zone
    private let look: LimitLook?
    private let dialect: ClientDialect
    private let countsTokens: Bool
    private var demand: LimitDemand
    private let described: DescribedDemand
    private(set) var uses: [LimitUse] = []
    /// What the limits say of the first candidate.
    private(set) var figures: [Rehearsal.Limit] = []
    /// What those said that sent the request elsewhere: they apply no longer, and are why it goes there.
    private var passed: [Rehearsal.Limit] = []
    /// Limits of which cannot be told whether they apply: the first of them refuses.
    private(set) var uncomputable: [Rehearsal.UncomputableLimit] = []
    /// A candidate was passed over for it: said when nobody is cheap enough.
    private(set) var refusal: Rehearsal.Refusal?

    /// What becomes of a candidate.
    enum Outcome {
        case granted
        case passedOver
        /// The request goes by this route instead.
        case elsewhere(Int)
        case refused(Rehearsal.Refusal)
    }

    /// - Parameter look: nil to pretend that there are no limits.
    init(_ facts: Facts, _ described: DescribedDemand, dialect: ClientDialect, snapshot: Snapshot, look: LimitLook?) {
        self.snapshot = snapshot
        self.look = look
        self.dialect = dialect
        self.described = described
        prices = PriceList(snapshot.configuration)
        zone = snapshot.configuration.timeZone
        demand = described.demand
        countsTokens = described.endpoint.countsTokens
    }

    /// Finds the limits that apply.
    /// - Parameter set: what the rule of the route sets itself.
    mutating func find(_ facts: Facts, policy: String, set: RequestOverrides) throws(LocalReply) {
        described.readAllowance(set, into: &demand)
        guard let look else { return }
        let found = snapshot.limits.look(policy: policy, id: facts.key.id, name: facts.key.name, facts)
        figures = look.figures(found.uses) { _ in LimitAmounts(requests: 1) }
        uncomputable = found.failed.map { Rehearsal.UncomputableLimit(limit: $0.limit, why: $0.why) }
        if let first = found.failed.first { throw LocalReply(.rateLimit, status: 429, first.message, stage: .decide) }
        uses = found.uses
    }

    /// Asks the limits for a candidate.
    /// - Parameter asked: how many were asked before it.
    mutating func reserve(_ candidate: Candidate, of route: Route, asked: Int) -> Outcome {
        if let refusal = priceless(candidate) { return asked == 0 ? .refused(refusal) : .passedOver }
        guard let look, !uses.isEmpty else { return .granted }
        let cap = route.tiers[candidate.tier].targets[candidate.target].tierTarget.maxTokens
        let (full, typical) = needs(candidate, cap: cap, set: route.set)
        func need(_ limit: UsageLimit) -> LimitAmounts { limit.reserve == .typical ? typical : full }
        if asked == 0 { figures = passed + look.figures(uses, need) }
        let refusals = look.refusals(uses, need)
        guard !refusals.isEmpty else { return .granted }
        if asked > 0 { return .passedOver }
        if let route = snapshot.limits.exhausted(by: refusals) {
            let isUsedUp = { (use: LimitUse) in refusals.contains { $0.limit === use.limit } }
            passed += look.figures(uses.filter(isUsedUp), need)
            uses.removeAll(where: isUsedUp)
            described.readAllowance(snapshot.routes[route].set, into: &demand)
            return .elsewhere(route)
        }
        let refusal = self.refusal ?? told(refusals)
        guard refusals.allSatisfy({ $0.rate?.kind == .cost }) else { return .refused(refusal) }
        self.refusal = refusal
        return .passedOver
    }

    private func told(_ refusals: [LimitRefusal]) -> Rehearsal.Refusal {
        let worst = LimitRefusals(all: refusals).worst
        return Rehearsal.Refusal(status: 429, message: worst?.message(in: zone) ?? "a limit is used up", cause: .limit)
    }

    private func priceless(_ candidate: Candidate) -> Rehearsal.Refusal? {
        guard prices.refusesUnknown, !countsTokens, prices.price(of: candidate.model, at: candidate.upstream) == nil,
            !prices.isReported(at: candidate.upstream)
        else { return nil }
        return Rehearsal.Refusal(
            status: ErrorClass.permission.status(for: dialect), message: PriceList.refusal(of: candidate.model), cause: .other)
    }

    private func needs(
        _ candidate: Candidate, cap: Int?, set: RequestOverrides
    ) -> (full: LimitAmounts, typical: LimitAmounts) {
        if countsTokens { return (LimitAmounts(requests: 1), LimitAmounts(requests: 1)) }
        let price = prices.price(of: candidate.model, at: candidate.upstream)
        let assumed = snapshot.configuration.usage.assumedOutput
        let upstream = snapshot.configuration.upstreams[candidate.upstream]
        var (demand, cap) = (self.demand, cap)
        if let raised = described.raisedOutput(at: upstream, candidate.model, cap: cap, set: set) {
            (demand.most, cap) = (raised, nil)
        } else if demand.most == nil, case .generate = described.endpoint {
            demand.most = upstream.outputPutIn(for: dialect, model: candidate.model)
        }
        func need(typical: Int?) -> LimitAmounts {
            var need = demand.need(cap: cap, assumed: assumed, typical: typical, price: price)
            need.isUnpriced = price == nil && candidate.model != "*"
            return need
        }
        let full = need(typical: nil)
        guard let average = look?.table.typicalOutput.average(candidate.model) else { return (full, full) }
        return (full, need(typical: average))
    }
}

/// What a described request may come to: read out of its body where one was given, else out of what was said of it.
struct DescribedDemand {
    let endpoint: Endpoint
    private let body: [UInt8]
    private let members: [JSONMember]
    private let facts: Facts.Request
    private let dialect: ClientDialect

    init(_ facts: Facts.Request, body: [UInt8], dialect: ClientDialect) {
        self.facts = facts
        self.dialect = dialect
        var members: [JSONMember] = []
        let isRead = body.withUnsafeBytes { (try? JSONScan.members(of: $0, into: &members)) != nil }
        self.body = isRead ? body : []
        self.members = isRead ? members : []
        let method = HTTPMethod.allCases.first { $0.text == facts.method } ?? .other
        endpoint = Array(facts.path.utf8).withUnsafeBytes { Endpoint.of(method: method, path: $0) }
    }

    var demand: LimitDemand {
        var demand = LimitDemand()
        switch endpoint {
        case .countTokens: return demand
        case .generate, .local: demand.isAnswered = true
        case .named: demand.isAnswered = facts.path != "/v1/embeddings"
        case .other: demand.isAnswered = facts.model != "*"
        }
        demand.input = max(facts.inputTokens, 0)
        guard !body.isEmpty else { return demand }
        body.withUnsafeBytes { bytes in
            let prompt = TokenEstimate.prompt(body: bytes, members: members, dialect: dialect)
            demand.input = max(demand.input, prompt.tokens)
            if prompt.marksCache { demand.cacheWrite = ByteSearch.contains("\"1h\"", in: bytes) ? .hour : .minutes }
        }
        return demand
    }

    /// Tokens that the answer may have, where the request is said in another format that gives thoughts room beside what it asks for.
    func raisedOutput(at upstream: Upstream, _ model: String, cap: Int?, set: RequestOverrides) -> Int? {
        guard case .generate(let client) = endpoint, upstream.dialect.kin != client, !body.isEmpty, set.maxTokens == nil else {
            return nil
        }
        var options = ConversionOptions(
            capabilities: upstream.capabilities(of: model), lossPolicy: .silent, maxTokensCap: cap,
            allowsWebSearch: upstream.conversion.allowsWebSearch)
        options.set = set
        let converted = body.withUnsafeBytes { bytes in
            try? RequestConverter.convert(body: bytes, from: client, to: upstream.dialect, model: model, options: options)
        }
        return converted?.raisedOutput
    }

    func readAllowance(_ set: RequestOverrides, into demand: inout LimitDemand) {
        let allowance = body.withUnsafeBytes {
            OutputAllowance(body: $0, members: members, most: set.maxTokens, count: set.choices)
        }
        let said = facts.maxTokens > 0 ? facts.maxTokens : nil
        (demand.most, demand.choices) = (allowance.tokens ?? said, allowance.choices)
    }
}
