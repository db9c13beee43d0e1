import Dialects
import NIOCore
import RuleEngine

extension Exchange {
    /// What the rules look at, and no more: gathering costs.
    func gatherFacts(reads: FactSet) -> Facts {
        var facts = Facts()
        facts.request.model = request.content.model
        if reads.isEmpty { return facts }
        if reads.contains(.line) {
            facts.request.path = request.path
            facts.request.method = request.method == .other ? "" : request.method.text
            facts.request.dialect = request.dialect.rawValue
            facts.request.id = requestID
        }
        if reads.contains(.parameters) || reads.contains(.body) || reads.contains(.metadata) { gatherBody(reads, &facts) }
        if reads.contains(.headers) { facts.request.headers = headerFacts() }
        if reads.contains(.origin) { facts.request.take(request.origin) }
        if reads.contains(.limits) { facts.limit = limitFacts() }
        if let key = caller?.key {
            if reads.contains(.key) {
                facts.key.take(key)
            }
            if reads.contains(.usage) {
                facts.key.take(loop.shared.ledger.today(keyID: key.id))
            }
        }
        if reads.contains(.client) { facts.clientIP = request.client.text }
        let milliseconds = LoopContext.wallClock()
        if reads.contains(.time) {
            facts.utcOffset = { Zones.offset(of: $0, at: $1) }
            facts.now = Facts.Timestamp(seconds: milliseconds / 1000, nanoseconds: milliseconds % 1000 * 1_000_000)
        }
        if reads.contains(.quota) || reads.contains(.health) {
            LiveFacts(states: loop.states, upstreams: configuration.upstreams, now: SteadyClock.milliseconds).fill(&facts)
        }
        return facts
    }

    /// What limits have left, as `limit(…)` asks.
    private func limitFacts() -> @Sendable (String) -> Double {
        let (limits, table, now) = (snapshot.limits, loop.shared.limits, LimitTime.now)
        guard let key = caller?.key else { return { _ in 1 } }
        let facts = snapshot.asLimitsSee(gatherFacts(reads: limits.reads.subtracting(.limits)))
        return { limits.share($0, facts, keyID: key.id, policy: key.policy, table, now: now) }
    }

    private func gatherBody(_ reads: FactSet, _ facts: inout Facts) {
        facts.request.stream = request.content.streams
        facts.request.size = request.body.readableBytes
        guard request.content.object != nil else { return }
        facts.request.take(
            request.withBody { RequestFacts(body: $0, members: request.members, dialect: request.dialect) })
    }

    /// Header names in lower case; of repeated ones the values joined. Credentials are left out: a rule's inputs can be shown.
    private func headerFacts() -> [String: String] {
        request.withHead { bytes in
            var headers: [String: String] = [:]
            for field in request.head.fields {
                switch field.known {
                case .authorization, .xApiKey, .apiKey, .xGoogApiKey, .cookie, .proxyAuthorization: continue
                default:
                    let name = field.name.string(in: bytes).lowercased()
                    if field.known == .proxyd, name == "x-proxyd-key" || name == "x-proxyd-explain" { continue }
                    let value = field.value.string(in: bytes)
                    if let before = headers[name] { headers[name] = before + ", " + value } else { headers[name] = value }
                }
            }
            return headers
        }
    }
}

extension Snapshot {
    /// A name of the operator's own is to limits what it is to rules: what it stands for, where that is no rule of its own.
    func asLimitsSee(_ facts: Facts) -> Facts {
        guard !aliases.isEmpty, let alias = aliases[facts.request.model], alias.route == nil else { return facts }
        var facts = facts
        facts.request.model = alias.model
        return facts
    }
}

/// Live state as the rules' functions see it.
struct LiveFacts: Sendable {
    let states: AccountStates
    let upstreams: [Upstream]
    let now: Int

    /// How far the time of day is ahead of `SteadyClock`, in milliseconds.
    var wallAhead = LoopContext.wallClock() &- SteadyClock.milliseconds

    func fill(_ facts: inout Facts) {
        facts.quotaRunsOut = { quotaRunsOut(upstream: $0, model: $1) }
        facts.quota = { quota(upstream: $0, model: $1) }
        facts.healthy = { healthy(upstream: $0) }
    }

    /// Remaining share of the best account; -1 when unknown.
    func quota(upstream: String, model: String) -> Double {
        switch states.quotaLevel(upstream: upstream, model: model, now: now) {
        case .known(let share): share
        case .unknown: -1
        }
    }

    /// When the best account has used up a model at the present rate; far in the future when that is unknown.
    func quotaRunsOut(upstream: String, model: String) -> Facts.Timestamp {
        guard let time = states.runsOutAt(upstream: upstream, model: model, now: now) else { return .farFuture }
        let wall = time &+ wallAhead
        return Facts.Timestamp(seconds: wall / 1_000, nanoseconds: wall % 1_000 * 1_000_000)
    }

    /// Whether some account of the upstream is neither refused nor cooling down for every model it failed with.
    func healthy(upstream name: String) -> Bool {
        guard let upstream = upstreams.first(where: { $0.name == name }) else { return false }
        return upstream.accountIDs.contains { states.accounts[$0]?.isHealthy(now: now) ?? true }
    }
}
