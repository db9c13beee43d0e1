import Dialects
import Foundation
import ProxyCore
import RuleEngine

/// `POST /admin/explain`: what would happen to a request, and why. Nothing is sent, counted or changed.
struct ExplanationHandler {
    let snapshot: Snapshot
    let accounts: LiveAccounts
    let remembered: RememberedAccounts
    let keys: any KeyAdministration
    let usage: any UsageQueries
    let now: Date

    func explain(_ body: [UInt8]) throws -> JSONValue {
        var request = try DescribedRequest(body, now: now)
        var caller = Rehearsal.Caller.policy(request.facts.key.policy)
        if let reference = request.keyReference {
            let key = keys.find(reference: reference)
            caller = .key(key)
            if let key { request.take(key, usage.today(keyID: key.id)) } else { request.takeUnknownKey() }
        }
        let facts = request.facts
        let rehearsal = Rehearsal(
            facts, from: caller, dialect: request.dialect, snapshot: snapshot, states: accounts.states, remembered: remembered,
            steady: accounts.now)
        let own = rehearsal.alias?.route
        let decided = own.map { RoutingDecision.route(rule: $0, capture: nil) } ?? rehearsal.explanation.decision
        let asked = rehearsal.alias?.model ?? facts.request.model
        return [
            "model": .string(facts.request.model),
            "generation": .int(snapshot.generation),
            "key": ["id": .string(facts.key.id), "name": .string(facts.key.name)],
            "policy": ["name": .string(facts.key.policy), "allows_model": .bool(rehearsal.allowsModel)],
            "decision": rehearsal.refusal.map(Self.refusal) ?? decision(decided),
            "alias_of": .text(rehearsal.alias?.model),
            "rules": .array(snapshot.rules.rules.indices.map { step($0, own == nil ? rehearsal.explanation : nil) }),
            "tiers": .array(tiers(decided, model: asked, first: rehearsal.attempts.first)),
            "attempts": .array(rehearsal.attempts.map(Self.attempt)),
            "waits_for": rehearsal.awaited.map(awaited) ?? .null,
        ]
    }

    private static func refusal(_ refusal: Rehearsal.Refusal) -> JSONValue {
        ["action": "refuse", "rule": .null, "status": .int(refusal.status), "message": .string(refusal.message)]
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

    /// How one rule fared; those after the one that decided were not tried.
    private func step(_ index: Int, _ explanation: Explanation?) -> JSONValue {
        let rule = snapshot.rules.rules[index]
        let head: JSONValue = [
            "index": .int(index), "name": .string(rule.name), "models": .strings(rule.models.map(\.text)),
            "when": .text(rule.condition?.source),
        ]
        guard let explanation, explanation.steps.indices.contains(index) else {
            return head.adding(["outcome": "not_tried"])
        }
        let step = explanation.steps[index]
        let inputs = JSONValue.ordered(step.inputs.map { ($0.name, .string($0.value)) })
        switch (step.models, step.condition) {
        case (.notMatched, _): return head.adding(["outcome": "model_does_not_match"])
        case (.matched(let glob, let capture), let condition):
            let (outcome, reason): (String, String?) =
                switch condition {
                case nil, .true: ("matched", nil)
                case .false: ("condition_false", nil)
                case .failed(let reason): ("condition_failed", reason)
                }
            return head.adding([
                "outcome": .string(outcome), "reason": .text(reason), "glob": .text(glob), "capture": .text(capture),
                "inputs": inputs,
            ])
        }
    }

    private func name(ofRule index: Int) -> JSONValue {
        .text(snapshot.routes.indices.contains(index) ? snapshot.routes[index].name : nil)
    }

    /// - Parameter first: who would be asked first.
    private func tiers(_ decision: RoutingDecision, model: String, first: Rehearsal.Attempt?) -> [JSONValue] {
        guard case .route(let index, let capture) = decision, snapshot.routes.indices.contains(index) else { return [] }
        let zone = ZonedTime(zone: snapshot.configuration.timeZone)
        let route = snapshot.routes[index]
        return route.tiers.map { tier in
            let report = TierReport(
                tier, model: model, capture: capture, fallback: route.fallback, configuration: snapshot.configuration,
                accounts: accounts)
            return report.detail(zone: zone) { target, account in
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
