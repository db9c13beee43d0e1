import Basics
import RuleEngine
import Synchronization

/// A decision that is being made, where somebody records them. What rules ask on the way is noted with what they are told.
final class DecisionNote: Sendable {
    private let state: Mutex<RecordedDecision>

    init(_ decision: RecordedDecision) {
        state = Mutex(decision)
    }

    func change(_ body: (inout RecordedDecision) -> Void) { state.withLock { body(&$0) } }

    var recorded: RecordedDecision { state.withLock { $0 } }

    /// The same facts, with every question that is answered while rules are tried noted.
    func watching(_ facts: Facts) -> Facts {
        var facts = facts
        let told = facts
        facts.quota = { upstream, model in
            let share = told.quota(upstream, model)
            self.change { $0.moment.quota["\(upstream)/\(model)"] = share }
            return share
        }
        facts.quotaRunsOut = { upstream, model in
            let time = told.quotaRunsOut(upstream, model)
            if time != .farFuture { self.change { $0.moment.runsOut["\(upstream)/\(model)"] = time.seconds } }
            return time
        }
        facts.healthy = { upstream in
            let isHealthy = told.healthy(upstream)
            self.change { $0.moment.healthy[upstream] = isHealthy }
            return isHealthy
        }
        facts.limit = { name in
            let share = told.limit(name)
            self.change { $0.moment.limits[name] = share }
            return share
        }
        return facts
    }
}

extension Exchange {
    /// Begins to note what is decided.
    /// - Parameter facts: as rules read them; what is not to be written is left out of the note alone.
    func beginNote(_ facts: Facts) -> DecisionNote {
        var decision = RecordedDecision()
        decision.id = requestID
        decision.time = LoopContext.wallClock()
        decision.facts = facts
        decision.facts.request.headers = Self.harmless(facts.request.headers)
        decision.facts.request.metadata = Self.bounded(facts.request.metadata)
        if decision.facts.request.headers.count < facts.request.headers.count { decision.known.remove(.headers) }
        if decision.facts.request.metadata.count < facts.request.metadata.count { decision.known.remove(.metadata) }
        decision.isDeclared = caller?.key.source == .declared
        return DecisionNote(decision)
    }

    /// Who can serve, of all that the file has, for the models that the request may come to.
    func note(_ plan: RoutePlan, in note: DecisionNote) {
        let (states, now) = (loop.states, SteadyClock.milliseconds)
        var models: Set<String> = [request.content.model, plan.attempts.askedFor]
        for tier in plan.route.tiers {
            for target in tier.targets {
                models.insert(target.tierTarget.model(askedFor: plan.attempts.askedFor, capture: plan.attempts.capture))
            }
        }
        let moment = RecordedMoment.accounts(snapshot.accountIDs, models, states, now: now)
        note.change {
            $0.decided.rule = plan.route.name
            if !moment.isEmpty { $0.moment.accounts = moment }
        }
    }

    /// The first who is asked.
    func note(_ candidate: Candidate, in note: DecisionNote) {
        guard let plan else { return }
        let id = snapshot.accountIDs[candidate.upstream][candidate.account]
        note.change {
            $0.decided.rule = plan.route.name
            $0.decided.target = RecordedDecision.Target(
                tier: plan.route.tiers[candidate.tier].text, upstream: id.upstream, model: candidate.model, account: id.account)
        }
    }

    /// The exchange is over: its decision is told.
    func tell(_ note: DecisionNote, _ outcome: Outcome) {
        note.change {
            $0.decided.status = figures.status
            if figures.rejectedBy >= 0, snapshot.rules.rules.indices.contains(figures.rejectedBy) {
                $0.decided.rule = snapshot.rules.rules[figures.rejectedBy].name
            }
            if $0.decided.target == nil, outcome.party != .done {
                let isLimits = outcome.reason == .refused(.rateLimit) && figures.rejectedBy < 0
                $0.decided.refusal = isLimits ? RecordedDecision.Decided.limit : outcome.reason.description
            }
        }
        let decision = note.recorded
        loop.shared.outlets.decisions.offer(decision, bytes: decision.weight)
    }

    /// The headers without those that may be credentials, by their names.
    static func harmless(_ headers: [String: String]) -> [String: String] {
        let words = ["key", "token", "secret", "auth", "cookie", "pass", "signature"]
        return bounded(headers.filter { header in !words.contains { header.key.contains($0) } })
    }

    static func bounded(_ texts: [String: String]) -> [String: String] {
        guard texts.contains(where: { $0.value.utf8.count > longestText }) || texts.count > mostTexts else { return texts }
        let kept = texts.filter { $0.value.utf8.count <= longestText }.inKeyOrder().prefix(mostTexts)
        return Dictionary(kept.map { ($0.key, $0.value) }) { first, _ in first }
    }

    private static var longestText: Int { 512 }
    private static var mostTexts: Int { 64 }
}

extension FactSet {
    /// All that rules of any file may read.
    public static let everything: FactSet = [
        .model, .line, .parameters, .body, .headers, .metadata, .key, .usage, .client, .time, .quota, .health, .origin, .limits,
    ]
}

extension RecordedMoment {
    /// - Parameter models: those that are of interest.
    static func accounts(
        _ ids: [[AccountID]], _ models: Set<String>, _ states: AccountStates, now: Int
    ) -> [String: [String: [String: Account]]] {
        guard !states.accounts.isEmpty || !states.windows.isEmpty || !states.quotas.isEmpty else { return [:] }
        var accounts: [String: [String: [String: Account]]] = [:]
        for id in ids.joined() {
            for model in models {
                var account = Account(states.availability(of: id, model: model, now: now), now: now)
                if case .known(let share) = states.share(of: id, model: model, now: now) { account.share = share }
                if states.isUnusable(id, now: now) { account.share = 0 }
                guard account != Account() else { continue }
                accounts[id.upstream, default: [:]][id.account, default: [:]][model] = account
            }
        }
        return accounts
    }
}

extension RecordedMoment.Account {
    init(_ availability: Availability, now: Int) {
        self.init()
        let until: Int?
        switch availability {
        case .ready: return
        case .cooling(let time): (obstacle, until) = (AccountStanding.Word.cooling.rawValue, time)
        case .outOfQuota(let time): (obstacle, until) = (AccountStanding.Word.outOfQuota.rawValue, time)
        case .outOfMoney(let time): (obstacle, until) = (AccountStanding.Word.outOfMoney.rawValue, time)
        case .refused(let time): (obstacle, until) = (AccountStanding.Word.refused.rawValue, time)
        case .failing(let time): (obstacle, until) = (AccountStanding.Word.failing.rawValue, time)
        case .drained: (obstacle, until) = (AccountStanding.Word.drained.rawValue, nil)
        }
        milliseconds = until.map { max($0 &- now, 1) }
    }
}
