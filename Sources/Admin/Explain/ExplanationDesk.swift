import Dialects
import Foundation
import ProxyCore
import RuleEngine

/// `POST /admin/explain`: what would happen to a request, and why. Nothing is sent, counted or changed.
struct ExplanationDesk {
    let snapshot: Snapshot
    let accounts: AccountView
    let keys: any KeyAdministration
    let usage: any UsageQueries
    let now: Date

    func explain(_ body: [UInt8]) throws -> JSONValue {
        var request = try DescribedRequest(body, now: now)
        if let reference = request.keyReference {
            let key = try key(reference)
            request.take(key, usage.today(keyID: key.id))
        }
        var facts = request.facts
        let accounts = accounts
        facts.quota = { accounts.remaining(upstream: $0, model: $1) ?? -1 }
        let upstreams = snapshot.configuration.upstreams
        facts.healthy = { name in upstreams.first { $0.name == name }.map(accounts.isHealthy) ?? false }
        facts.utcOffset = { zone, seconds in
            Zone(zone)?.utcOffset(at: seconds)
        }
        let explanation = snapshot.rules.explain(facts)
        let isAllowed = allows(facts.key.policy, facts.request.model)
        return [
            "model": .string(facts.request.model),
            "generation": .int(snapshot.generation),
            "key": ["id": .string(facts.key.id), "name": .string(facts.key.name)],
            "policy": ["name": .string(facts.key.policy), "allows_model": .bool(isAllowed)],
            "decision": isAllowed ? decision(explanation.decision) : Self.refusal(policy: facts.key.policy),
            "rules": .array(snapshot.rules.rules.indices.map { step($0, explanation) }),
            "tiers": .array(tiers(explanation.decision, model: facts.request.model)),
        ]
    }

    private func key(_ reference: String) throws(AdminFailure) -> ClientKey {
        guard let key = keys.find(reference: reference) else {
            throw AdminFailure(.badRequest, "there is no such key")
        }
        return key
    }

    /// A policy is asked before the rules. One that is not configured is `default`.
    private func allows(_ policy: String, _ model: String) -> Bool {
        let policies = snapshot.configuration.policies
        guard let globs = (policies[policy] ?? policies["default"])?.models else { return true }
        return globs.contains { Glob($0).match(model) != nil }
    }

    private static func refusal(policy: String) -> JSONValue {
        [
            "action": "refuse", "rule": .null, "status": 403,
            "message": .string("the policy '\(policy)' does not allow this model"),
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
    private func step(_ index: Int, _ explanation: Explanation) -> JSONValue {
        let rule = snapshot.rules.rules[index]
        let head: JSONValue = [
            "index": .int(index), "name": .string(rule.name), "models": .strings(rule.models.map(\.text)),
            "when": .text(rule.condition?.source),
        ]
        guard explanation.steps.indices.contains(index) else { return head.adding(["outcome": "not_tried"]) }
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
        .text(snapshot.rules.rules.indices.contains(index) ? snapshot.rules.rules[index].name : nil)
    }

    private func tiers(_ decision: RoutingDecision, model: String) -> [JSONValue] {
        guard case .route(let index, let capture) = decision, snapshot.routes.indices.contains(index) else { return [] }
        let zone = ZonedTime(zone: snapshot.configuration.timeZone)
        return snapshot.routes[index].tiers.map {
            TierView($0, model: model, capture: capture, configuration: snapshot.configuration, accounts: accounts)
                .detail(zone: zone)
        }
    }
}
