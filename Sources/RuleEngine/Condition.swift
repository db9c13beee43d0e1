/// A rule's `when`: a CEL expression of type bool, parsed and type-checked once.
public struct Condition: Sendable {
    public let source: String
    public let reads: FactSet

    /// Throws where and why `source` is no condition.
    public init(_ source: String) throws(Problem) {
        throw Problem(offset: 0, length: source.utf8.count, message: "conditions are not there yet")
    }

    /// Total: what cannot be computed is `.failed`.
    public func evaluate(_ facts: Facts) -> Outcome {
        .failed("conditions are not there yet")
    }

    public enum Outcome: Sendable, Hashable {
        case `true`
        case `false`
        /// Evaluation failed (a missing map key, a division by zero); the rule does not match.
        case failed(String)
    }

    /// Where and why a condition cannot be used. `offset` and `length` count UTF-8 bytes of the source.
    public struct Problem: Error, Hashable {
        public let offset: Int
        public let length: Int
        public let message: String
    }
}
