import Dialects
import ProxyCore
import RuleEngine

/// How each rule of a file fared, in the file's order.
struct ExplainedRules {
    let rules: RuleSet
    /// nil where no rule was asked.
    let explanation: Explanation?

    var json: JSONValue { .array(rules.rules.indices.map(step)) }

    /// How one rule fared; those after the one that decided were not tried.
    private func step(_ index: Int) -> JSONValue {
        let rule = rules.rules[index]
        guard let explanation, explanation.steps.indices.contains(index) else {
            return head(index, rule, nil).adding(["outcome": "not_tried"])
        }
        let step = explanation.steps[index]
        guard case .matched(let glob, let capture) = step.models else {
            return head(index, rule, step).adding(["outcome": "model_does_not_match"])
        }
        let (outcome, reason): (String, String?) =
            switch step.condition {
            case nil, .true: ("matched", nil)
            case .false: ("condition_false", nil)
            case .failed(let reason): ("condition_failed", reason)
            }
        return head(index, rule, step).adding([
            "outcome": .string(outcome), "reason": .text(reason), "glob": .text(glob), "capture": .text(capture),
            "inputs": .ordered(step.inputs.map { ($0.name, .string($0.value)) }),
        ])
    }

    private func head(_ index: Int, _ rule: Rule, _ step: Explanation.Step?) -> JSONValue {
        [
            "index": .int(index), "name": .string(rule.name), "models": .strings(rule.models.map(\.text)),
            "matches": step.map { .bool($0.matched) } ?? .null,
            "when": rule.condition.map { when($0, step) } ?? .null,
        ]
    }

    private func when(_ condition: Condition, _ step: Explanation.Step?) -> JSONValue {
        let terms = step?.condition == nil ? [] : step?.parts ?? []
        var parts = terms.map { Self.outcome($0.outcome, of: $0.text) }
        // What the terms looked at, but where a fact is a term by itself.
        for input in step?.inputs ?? [] where !terms.contains(where: { $0.text == input.name }) {
            let value = (try? JSONValue(parsing: Array(input.value.utf8))) ?? .string(input.value)
            parts.append(["text": .string(input.name), "value": value])
        }
        return Self.outcome(step?.condition, of: condition.source).adding(["parts": .array(parts)])
    }

    private static func outcome(_ outcome: Condition.Outcome?, of text: String) -> JSONValue {
        switch outcome {
        case .true: ["text": .string(text), "value": true]
        case .false: ["text": .string(text), "value": false]
        case .failed(let why): ["text": .string(text), "value": .null, "error": .string(why)]
        case nil: ["text": .string(text), "value": .null]
        }
    }
}
