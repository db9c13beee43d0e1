/// The changing part of one evaluation: local variables, and the work that is left.
struct Frame {
    /// Local variables by slot; first the bindings of a free expression.
    var locals: [CELValue]
    private var steps: Int
    /// Where the inputs that are read get noted, when an explanation wants them.
    var trace: Trace?

    /// About a millisecond's worth.
    static let defaultSteps = 100_000

    /// An error that is taken along has its words made, whoever reads them.
    static let failureSteps = 8

    init(locals: [CELValue] = [], steps: Int = Frame.defaultSteps, trace: Trace? = nil) {
        self.locals = locals
        self.steps = steps
        self.trace = trace
    }

    @inline(__always)
    mutating func charge(_ cost: Int) throws(EvaluationError) {
        steps &-= cost
        if steps < 0 {
            steps = 0
            throw .exhausted
        }
    }

    /// Inputs in the order of their first reading, each once.
    struct Trace {
        private(set) var inputs: [Explanation.Input] = []

        /// A walk can read more than anybody wants to see.
        private static let limit = 256

        mutating func note(_ name: String, _ value: @autoclosure () -> String) {
            guard inputs.count < Trace.limit, !inputs.contains(where: { $0.name == name }) else { return }
            inputs.append(Explanation.Input(name: name, value: value()))
        }
    }
}
