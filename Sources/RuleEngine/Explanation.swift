/// Why a request meets the rule it meets: every rule that was tried, in order, up to the one that decided.
public struct Explanation: Sendable, Hashable {
    public let decision: RoutingDecision
    public let steps: [Step]

    /// One rule that was tried.
    public struct Step: Sendable, Hashable {
        /// Its place in the list, from 0.
        public let rule: Int
        public let name: String
        public let models: Models
        /// nil when the rule has no condition, or its models already did not match.
        public let condition: Condition.Outcome?
        /// What the condition looked at, in the order it looked.
        public let inputs: [Input]
        /// The terms that the condition joins with `&&`, `||` and `!`, each by itself, in the order of its text.
        public let parts: [Part]
        /// Whether this rule decided.
        public let matched: Bool
    }

    public enum Models: Sendable, Hashable {
        case notMatched
        /// `glob` is nil for a rule that names no models; `capture` is what its first `*` took.
        case matched(glob: String?, capture: String?)
    }

    /// A term of a condition as it stands there, and what it came to; of a condition that joins nothing the whole.
    public struct Part: Sendable, Hashable {
        public let text: String
        public let outcome: Condition.Outcome
    }

    /// A fact by its name, and its value as an expression would write it. Secrets are `<redacted>`.
    public struct Input: Sendable, Hashable {
        public let name: String
        public let value: String
    }

    /// Headers and metadata whose value is not shown to anybody.
    static func isSecret(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["auth", "key", "token", "secret", "cookie", "password", "credential"].contains { name.contains($0) }
    }
}

extension RuleSet {
    /// The same decision as `decide`, with how it came about. Slower; for people, not for requests.
    public func explain(_ facts: Facts) -> Explanation {
        var steps: [Explanation.Step] = []
        for (index, rule) in rules.enumerated() {
            let step = rule.explain(index, facts)
            steps.append(step.step)
            guard step.step.matched else { continue }
            return Explanation(decision: rule.decision(index, step.capture), steps: steps)
        }
        return Explanation(decision: .noMatch, steps: steps)
    }
}

extension Rule {
    fileprivate func explain(_ index: Int, _ facts: Facts) -> (step: Explanation.Step, capture: String?) {
        guard let capture = match(facts.request.model, path: facts.request.path) else {
            let step = Explanation.Step(
                rule: index, name: name, models: .notMatched, condition: nil, inputs: [], parts: [],
                matched: false)
            return (step, nil)
        }
        let glob = models.first { $0.match(facts.request.model) != nil }
        let explained = condition?.explain(facts)
        let step = Explanation.Step(
            rule: index, name: name, models: .matched(glob: glob?.text, capture: capture.text), condition: explained?.outcome,
            inputs: explained?.inputs ?? [], parts: condition?.parts(facts) ?? [],
            matched: explained.map { $0.outcome == .true } ?? true)
        return (step, capture.text)
    }
}
