/// The ordered list of rules. The first that matches decides.
public final class RuleSet: Sendable {
    public let rules: [Rule]
    /// What the conditions look at, over all rules, and the path where a rule has `paths`.
    public let reads: FactSet
    private let matcher: ModelMatcher
    /// The models by rule; beside the rules, so that asking one copies nothing else of its rule.
    private let conditions: [Program?]
    /// Whether any rule speaks of paths.
    public let hasPaths: Bool

    public init(_ rules: [Rule]) {
        self.rules = rules
        let hasPaths = rules.contains { !$0.paths.isEmpty }
        reads = rules.reduce(into: hasPaths ? .line : []) { $0.formUnion($1.condition?.reads ?? []) }
        matcher = ModelMatcher(rules)
        conditions = rules.map { $0.condition?.program }
        self.hasPaths = hasPaths
    }

    /// Total and without side effects; the file's order is the order of evaluation.
    public func decide(_ facts: Facts) -> RoutingDecision {
        decide(model: facts.request.model, path: facts.request.path) { facts }
    }

    /// The same for a model whose other facts are gathered only when a condition asks for them, at most once.
    public func decide(model: String, path: String, facts gather: () -> Facts) -> RoutingDecision {
        if hasPaths { return decideByPath(model, path, gather) }
        return withBytes(of: model) { bytes in
            var facts: Facts?
            var first = 0
            while let match = matcher.next(from: first, model, bytes) {
                if holds(match.rule, &facts, gather) {
                    let capture = match.taken.map {
                        $0.count == bytes.count ? model : String(decoding: bytes[$0], as: UTF8.self)
                    }
                    return rules[match.rule].decision(match.rule, capture)
                }
                first = match.rule + 1
            }
            return .noMatch
        }
    }

    /// Whether some rule speaks of such a request, as far as model and path tell.
    public func mayDecide(model: String, path: String) -> Bool {
        rules.contains { $0.match(model, path: path) != nil }
    }

    private func decideByPath(_ model: String, _ path: String, _ gather: () -> Facts) -> RoutingDecision {
        var facts: Facts?
        for (index, rule) in rules.enumerated() {
            guard let match = rule.match(model, path: path), holds(index, &facts, gather) else { continue }
            return rule.decision(index, match.text)
        }
        return .noMatch
    }

    private func holds(_ rule: Int, _ facts: inout Facts?, _ gather: () -> Facts) -> Bool {
        guard let program = conditions[rule] else { return true }
        let known = facts ?? gather()
        facts = known
        return Condition.holds(program, known)
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
