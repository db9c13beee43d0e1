/// A checked expression: every name is resolved to what it means.
indirect enum Node: Sendable {
    case constant(CELValue)
    case variable(Variable)
    case local(Int)
    /// Whether a fact is set, that is not its type's zero.
    case isSet(Variable)
    /// Known to fail; only without type checking.
    case failing(String)
    case select(Node, field: String, isOptional: Bool)
    case has(Node, field: String)
    case index(Node, Node, isOptional: Bool)
    case call(Function, [Node])
    /// `matches` whose pattern was compiled when the expression was read.
    case matches(Node, Regex)
    case list([(value: Node, isOptional: Bool)])
    case map([(key: Node, value: Node, isOptional: Bool)])
    case and([Node])
    case or([Node])
    case conditional(Node, Node, Node)
    case comprehension(Comprehension)
    case bind(slot: Int, value: Node, body: Node)
    case optionalMap(Node, slot: Int, body: Node, isFlat: Bool)

    struct Comprehension: Sendable {
        let macro: Expr.Macro
        let range: Node
        /// The first variable's slot; the second variable, if there is one, has the next.
        let slot: Int
        let hasTwoVariables: Bool
        let filter: Node?
        let body: Node
        /// Steps one round costs, without what its functions charge themselves.
        let weight: Int
    }

    var constant: CELValue? {
        if case .constant(let value) = self { return value }
        return nil
    }
}

/// A name the environment gives a value to.
struct Variable: Sendable {
    /// The full name, with its dots.
    let name: String
    let type: CELType
    let reads: FactSet
    /// Whether it is a map whose keys are all in lower case.
    var hasLowercaseKeys = false
    let value: @Sendable (Facts) -> CELValue
}
