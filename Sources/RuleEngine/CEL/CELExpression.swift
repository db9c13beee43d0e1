/// Any expression of the language, over values given by name: what the conformance suite and a calculator need.
struct CELExpression: Sendable {
    private let program: Program
    /// The bindings in the order of their slots.
    private let bindings: [String]

    /// `bindings` are the names it may use, with their types. Without `isChecked` everything is found out when it is evaluated.
    init(_ source: String, bindings: [(name: String, type: CELType)] = [], isChecked: Bool = true) throws(SyntaxProblem) {
        var environment = Environment()
        environment.strictness = isChecked ? .checked : .unchecked
        for (name, type) in bindings { environment.bind(name, type) }
        var checker = Checker(environment)
        let (node, _) = try checker.check(try Parser.parse(source))
        program = Program(node, slotCount: checker.slotCount)
        self.bindings = bindings.map(\.name)
    }

    /// A name without a value is null.
    func evaluate(_ values: [String: CELValue] = [:], utcOffset: @escaping TimeZoneOffset = { _, _ in nil })
        throws(EvaluationError) -> CELValue
    {
        var facts = Facts()
        facts.utcOffset = utcOffset
        var frame = Frame(locals: bindings.map { values[$0] ?? .null })
        return try program.run(facts, &frame)
    }
}
