import Dialects
import Foundation
import ProxyCore
import RuleEngine

/// `POST /admin/explain`: what would happen to a request, and why. Nothing is sent, counted or changed.
struct ExplanationHandler {
    let snapshot: Snapshot
    let accounts: LiveAccounts
    let now: Date
    let known: KnownThings

    /// What is known beside file and accounts; of a file alone next to nothing is.
    struct KnownThings {
        var key: (_ reference: String) -> ClientKey?
        var today: (_ keyID: String) -> KeyToday = { _ in KeyToday() }
        /// nil to pretend that there are no limits.
        var limits: LimitLook?
        var canRecord = true
        var remembered: RememberedAccounts?
        /// What the answer does not know, in words.
        var notes: [String] = []
    }

    /// A request that is described.
    func explain(_ body: [UInt8]) throws -> JSONValue {
        var request = try DescribedRequest(body, now: now)
        var caller = Rehearsal.Caller.policy(request.facts.key.policy)
        if let reference = request.keyReference {
            let key = known.key(reference)
            caller = .key(key)
            if let key { request.take(key, known.today(key.id)) } else { request.takeUnknownKey() }
        }
        return try explain(request, from: caller)
    }

    func explain(_ request: DescribedRequest, from caller: Rehearsal.Caller) throws -> JSONValue {
        if case .key(let key?) = caller, let trial = snapshot.trial, let own = trial.key(key) {
            // What was disabled over the admin API is so by both files.
            let isDisabled = !key.enabled && snapshot.declaredKeys.key(withID: key.id)?.enabled != false
            return try explain(request, by: trial, from: isDisabled ? key : own)
        }
        let facts = request.facts
        var accounts = accounts
        accounts.states = try PretendedQuota.apply(
            request.quotas, to: accounts.states, of: snapshot.configuration.upstreams)
        let rehearsal = Rehearsal(
            facts, from: caller, dialect: request.dialect, snapshot: snapshot, states: accounts.states,
            remembered: known.remembered, steady: accounts.now, setting: setting(request))
        return ExplanationHandler(snapshot: snapshot, accounts: accounts, now: now, known: known).shape(request, rehearsal)
    }

    /// Explains by the file on trial, which the key goes by.
    private func explain(_ request: DescribedRequest, by trial: Trial, from key: ClientKey) throws -> JSONValue {
        var (request, known) = (request, known)
        request.take(key, known.today(key.id))
        known.notes.append("the key goes by the file that is on trial")
        return try ExplanationHandler(snapshot: trial.snapshot, accounts: accounts, now: now, known: known)
            .explain(request, from: .key(key))
    }

    private func shape(_ request: DescribedRequest, _ rehearsal: Rehearsal) -> JSONValue {
        let facts = request.facts
        let own = rehearsal.alias?.route
        let decided = own.map { RoutingDecision.route(rule: $0, capture: nil) } ?? rehearsal.explanation.decision
        let taken = rehearsal.elsewhere.map { RoutingDecision.route(rule: $0, capture: nil) } ?? decided
        let asked = rehearsal.alias?.model ?? facts.request.model
        let refusal = rehearsal.refusal
        return [
            "request": request.shape,
            "model": .string(facts.request.model),
            "generation": .int(snapshot.generation),
            "key": request.keyShape,
            "policy": ["name": .string(facts.key.policy), "allows_model": .bool(rehearsal.allowsModel)],
            "admission": [
                "allowed": .bool(refusal?.cause != .admission),
                "reason": .text(refusal?.cause == .admission ? refusal?.message : nil),
            ],
            "alias_of": .text(rehearsal.alias?.model),
            "rules": ExplainedRules(rules: snapshot.rules, explanation: own == nil ? rehearsal.explanation : nil).json,
            "rule": refusal?.cause == .admission ? .null : name(ofRule: taken.rule),
            "limits": .array(rehearsal.limits.map(Self.limit) + rehearsal.uncomputable.flatMap(Self.limits)),
            "tiers": .array(tiers(taken, model: asked, first: rehearsal.attempts.first)),
            "attempts": .array(rehearsal.attempts.map(Self.attempt)),
            "waits_for": rehearsal.awaited.map(awaited) ?? .null,
            "decision": .string(refusal == nil ? decided.word : "refused"),
            "status": .int(rehearsal.status),
            "message": .text(refusal?.message ?? decided.message ?? rehearsal.whyNobody),
            "decided": refusal.map(Self.refusal) ?? decision(taken),
            "at": .string(ZonedTime(zone: snapshot.configuration.timeZone).iso(seconds: facts.now.seconds)),
            "quota": .ordered(request.quotas.map { ("\($0.upstream)/\($0.model)", $0.share.map { .fraction($0) } ?? .null) }),
            "notes": .strings(known.notes),
        ]
    }

    private func setting(_ request: DescribedRequest) -> Rehearsal.Setting {
        var setting = Rehearsal.Setting()
        setting.body = request.body
        setting.limits = known.limits
        setting.canRecord = known.canRecord
        return setting
    }

    private static func refusal(_ refusal: Rehearsal.Refusal) -> JSONValue {
        ["action": "refuse", "rule": .null, "status": .int(refusal.status), "message": .string(refusal.message)]
    }

    private static func limit(_ limit: Rehearsal.Limit) -> JSONValue {
        let figure = limit.figure
        func amount(_ value: Int) -> JSONValue { figure.rate.kind == .cost ? .dollars(value) : .int(value) }
        return [
            "limit": .string(figure.limit), "bucket": .string(figure.bucket), "kind": .string(figure.rate.kind.rawValue),
            "window": .string(figure.rate.window.rawValue), "used": amount(figure.used), "reserved": amount(figure.reserved),
            "needed": amount(limit.needed), "max": amount(figure.rate.most), "fits": .bool(limit.fits),
            "blocked": .bool(figure.blockedUntil != nil), "error": .null,
        ]
    }

    /// Each number of a limit that cannot be computed: nobody knows in what bucket it would count.
    private static func limits(_ failed: Rehearsal.UncomputableLimit) -> [JSONValue] {
        failed.limit.rates.map { rate in
            [
                "limit": .string(failed.limit.title(rate)), "bucket": .null, "kind": .string(rate.kind.rawValue),
                "window": .string(rate.window.rawValue), "used": .null, "reserved": .null, "needed": .null,
                "max": rate.kind == .cost ? .dollars(rate.most) : .int(rate.most), "fits": false, "blocked": false,
                "error": .string("cannot be computed for this request: \(failed.why)"),
            ]
        }
    }

    private static func attempt(_ attempt: Rehearsal.Attempt) -> JSONValue {
        [
            "tier": .string(attempt.tier), "upstream": .string(attempt.account.upstream),
            "account": .string(attempt.account.account), "model": .string(attempt.model),
        ]
    }

    private func awaited(_ awaited: Rehearsal.Awaited) -> JSONValue {
        let zone = ZonedTime(zone: snapshot.configuration.timeZone)
        return [
            "upstream": .string(awaited.account.upstream), "account": .string(awaited.account.account),
            "model": .string(awaited.model), "until": .string(zone.iso(seconds: accounts.wallSeconds(awaited.until))),
        ]
    }

    private func decision(_ decision: RoutingDecision) -> JSONValue {
        switch decision {
        case .route(let index, let capture):
            ["action": "route", "rule": name(ofRule: index), "index": .int(index), "capture": .text(capture)]
        case .reject(let index, let rejection):
            [
                "action": "reject", "rule": name(ofRule: index), "index": .int(index), "status": .int(rejection.status),
                "message": .string(rejection.message),
            ]
        case .noMatch: ["action": "no_match", "rule": .null, "status": 404]
        }
    }

    private func name(ofRule index: Int?) -> JSONValue {
        .text(index.flatMap { snapshot.routes.indices.contains($0) ? snapshot.routes[$0].name : nil })
    }

    /// One entry for each target of each tier; what is told of a tier as a whole stands at its first.
    /// - Parameter first: who would be asked first.
    private func tiers(_ decision: RoutingDecision, model: String, first: Rehearsal.Attempt?) -> [JSONValue] {
        guard case .route(let index, let capture) = decision, snapshot.routes.indices.contains(index) else { return [] }
        let zone = ZonedTime(zone: snapshot.configuration.timeZone)
        let route = snapshot.routes[index]
        return route.tiers.flatMap { tier in
            let report = TierReport(
                tier, model: model, capture: capture, fallback: route.fallback, configuration: snapshot.configuration,
                accounts: accounts)
            return report.entries(zone: zone) { target, account in
                let id = AccountID(upstream: target.upstream.name, account: account)
                let isMeant = first?.account == id && first?.tier == tier.text && first?.model == target.model
                guard isMeant else { return [("chosen", false)] }
                guard target.canServe(account) else {
                    return [("chosen", true), ("because", "nobody can serve: who has most left, or is back soonest")]
                }
                if first?.isBound == true { return [("chosen", true), ("because", "affinity: it served before")] }
                let why = ChoiceReason(
                    upstream: target.upstream, account: account, model: target.model,
                    equals: tier.targets.count > 1 ? tier.choice : nil, live: accounts, zone: zone)
                return [("chosen", true), ("because", .string(why.text))]
            }
        }
    }
}

extension RoutingDecision {
    fileprivate var rule: Int? {
        switch self {
        case .route(let rule, _), .reject(let rule, _): rule
        case .noMatch: nil
        }
    }

    fileprivate var word: String {
        switch self {
        case .route: "route"
        case .reject: "reject"
        case .noMatch: "no_match"
        }
    }

    fileprivate var message: String? {
        if case .reject(_, let rejection) = self { rejection.message } else { nil }
    }
}
