/// An expression by itself, over values given by name: what `proxyd eval` computes. Bounded in time and memory as conditions are.
public struct Calculation: Sendable {
    private let expression: CELExpression
    private let values: [String: CELValue]

    /// Whether types are looked at before anything is computed, as those of conditions are.
    public enum Typing: Sendable, Hashable {
        case checked
        /// What cannot work fails when it is computed.
        case dynamic
    }

    public enum Outcome: Sendable, Hashable {
        case value(ExpressionValue)
        /// Evaluation failed: a missing map key, a division by zero.
        case failed(String)
    }

    /// More names than these nobody gives.
    public static let mostBindings = 1_000

    /// Throws where and why `source` is no expression; what is wrong with a value, as a key that is there twice, has no place.
    public init(
        _ source: String, bindings: [(name: String, value: ExpressionValue)] = [], typing: Typing = .checked
    ) throws(Condition.Problem) {
        guard bindings.count <= Self.mostBindings else { throw Self.problem("more than \(Self.mostBindings) names are given") }
        var values: [String: CELValue] = [:]
        for binding in bindings {
            guard let value = binding.value.value(depth: 0) else {
                throw Self.problem(
                    "'\(binding.name)' is no value: it is nested too deep, or one of its keys is there twice or is none")
            }
            guard values.updateValue(value, forKey: binding.name) == nil else {
                throw Self.problem("'\(binding.name)' is given twice")
            }
        }
        self.values = values
        let names = bindings.map { (name: $0.name, type: values[$0.name].map { CELType(of: $0) } ?? .dyn) }
        do throws(SyntaxProblem) {
            expression = try CELExpression(source, bindings: names, isChecked: typing == .checked)
        } catch {
            throw Condition.Problem(error)
        }
    }

    private static func problem(_ message: String) -> Condition.Problem {
        Condition.Problem(offset: 0, length: 0, message: message)
    }

    /// Total and without side effects: what cannot be computed, or takes too many steps, is `.failed`.
    public func evaluate(utcOffset: @escaping TimeZoneOffset = { _, _ in nil }) -> Outcome {
        do throws(EvaluationError) {
            let value = try expression.evaluate(values, utcOffset: utcOffset)
            // A list may hold the same list many times over, and be far larger than what made it.
            var frame = Frame()
            return .value(try ExpressionValue(value, &frame))
        } catch {
            return .failed(error.message)
        }
    }
}
