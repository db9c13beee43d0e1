/// The ordered list of rules. The first that matches decides.
public struct RuleSet: Sendable {
    public let rules: [Rule]
    /// What the conditions look at, over all rules.
    public let reads: FactSet

    public init(_ rules: [Rule]) {
        self.rules = rules
        reads = rules.reduce(into: []) { $0.formUnion($1.condition?.reads ?? []) }
    }

    /// Total and without side effects; the file's order is the order of evaluation.
    public func decide(_ facts: Facts) -> RoutingDecision {
        for (index, rule) in rules.enumerated() {
            guard let capture = rule.match(facts.request.model) else { continue }
            if let condition = rule.condition, condition.evaluate(facts) != .true { continue }
            return rule.decision(index, capture.text)
        }
        return .noMatch
    }
}

extension Rule {
    /// What this rule decides, once it matched as the one at `index`.
    func decision(_ index: Int, _ capture: String?) -> RoutingDecision {
        switch action {
        case .route: .route(rule: index, capture: capture)
        case .reject(let rejection): .reject(rule: index, rejection)
        }
    }
}

/// What the rules say of a request.
public enum RoutingDecision: Sendable, Hashable {
    /// The tiers of `rules[rule]`; `capture` is what the first `*` of the matching glob took.
    case route(rule: Int, capture: String?)
    case reject(rule: Int, Rejection)
    case noMatch
}
