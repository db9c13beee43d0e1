/// A rule's `when`: a CEL expression of type bool, parsed and type-checked once.
///
/// The language is that of https://github.com/google/cel-spec with its macros, string, math and network extensions; its
/// variables are the facts of a request (`ConditionVariables`).
public struct Condition: Sendable {
    public let source: String
    public let reads: FactSet
    let program: Program
    /// True whatever the request is.
    let isAlwaysTrue: Bool
    /// False whatever the request is.
    public let isAlwaysFalse: Bool

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
        /// What is wrong in other parts of it.
        public internal(set) var further: [Problem] = []
    }

    /// Throws where and why `source` is no condition. What has no value whatever the request (`1 / 0`, `cidr("10.0.0.0/99")`)
    /// is refused too; and with `utcOffset` a time zone it does not know.
    public init(_ source: String, utcOffset: TimeZoneOffset? = nil) throws(Problem) {
        try self.init(source, ConditionVariables.environment, utcOffset: utcOffset)
    }

    /// A limit's `when`: a tag that the key lacks is the empty text.
    public init(ofLimit source: String, utcOffset: TimeZoneOffset? = nil) throws(Problem) {
        try self.init(source, ConditionVariables.limitEnvironment, utcOffset: utcOffset)
    }

    private init(_ source: String, _ environment: Environment, utcOffset: TimeZoneOffset?) throws(Problem) {
        do throws(SyntaxProblem) {
            let expr = try Parser.parse(source)
            var environment = environment
            environment.utcOffset = utcOffset
            var checker = Checker(environment)
            let checked = try checker.check(expr)
            let (node, type) = (checked.node, checker.known(checked))
            try checker.require(type, .bool, expr.span) {
                "'when' must be true or false, this is \($0.described(type))"
            }
            self.source = source
            reads = checker.reads
            program = Program(node, slotCount: checker.slotCount)
            isAlwaysTrue = if case .constant(.bool(true)) = node { true } else { false }
            isAlwaysFalse = if case .constant(.bool(false)) = node { true } else { false }
        } catch {
            throw Problem(error)
        }
    }

    /// Total and without side effects: what cannot be computed, or takes too many steps, is `.failed`.
    public func evaluate(_ facts: Facts) -> Outcome {
        var frame = Frame()
        return run(facts, &frame)
    }

    /// The quick way of `evaluate(facts) == .true`; no condition always holds.
    static func holds(_ program: Program?, _ facts: Facts) -> Bool {
        guard let program else { return true }
        var frame = Frame()
        guard let value = try? program.run(facts, &frame), case .bool(true) = value else { return false }
        return true
    }

    /// The outcome, with the inputs that were read, in the order they were read first.
    func explain(_ facts: Facts) -> (outcome: Outcome, inputs: [Explanation.Input]) {
        var frame = Frame(trace: Frame.Trace())
        let outcome = run(facts, &frame)
        return (outcome, frame.trace?.inputs ?? [])
    }

    private func run(_ facts: Facts, _ frame: inout Frame) -> Outcome {
        do throws(EvaluationError) {
            return Condition.outcome(of: try program.run(facts, &frame))
        } catch {
            return .failed(error.message)
        }
    }

    private static func outcome(of value: CELValue) -> Outcome {
        guard case .bool(let bool) = value else { return .failed("the value must be true or false, not \(value.typeName)") }
        return bool ? .true : .false
    }
}

extension Condition.Problem {
    init(_ problem: SyntaxProblem) {
        self.init(
            offset: problem.span.offset, length: problem.span.length, message: problem.message,
            further: problem.further.map { Self($0) })
    }
}
