/// A function or operator: what it takes, and what it does.
struct Function: Sendable {
    let name: String
    let overloads: [Overload]
    let body: Body
    /// Same arguments, same value: may be computed when the expression is read.
    let isPure: Bool
    /// What of the facts it looks at.
    let reads: FactSet

    typealias Unary = @Sendable (CELValue, inout Frame) throws(EvaluationError) -> CELValue
    typealias Binary = @Sendable (CELValue, CELValue, inout Frame) throws(EvaluationError) -> CELValue
    typealias Variadic = @Sendable ([CELValue], inout Frame) throws(EvaluationError) -> CELValue
    typealias OverFacts = @Sendable ([CELValue], Facts, inout Frame) throws(EvaluationError) -> CELValue

    /// Bodies look at the types of the values they get themselves: an expression may hold dyn.
    enum Body: Sendable {
        case unary(Unary)
        case binary(Binary)
        case variadic(Variadic)
        case overFacts(OverFacts)
    }

    init(_ name: String, _ overloads: [Overload], _ body: Body, isPure: Bool = true, reads: FactSet = []) {
        self.name = name
        self.overloads = overloads
        self.body = body
        self.isPure = isPure
        self.reads = reads
    }

    func call(_ arguments: [CELValue], _ facts: Facts, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        switch (body, arguments.count) {
        case (.unary(let body), 1): return try body(arguments[0], &frame)
        case (.binary(let body), 2): return try body(arguments[0], arguments[1], &frame)
        case (.variadic(let body), _): return try body(arguments, &frame)
        case (.overFacts(let body), _): return try body(arguments, facts, &frame)
        case (.unary, _), (.binary, _): throw .noOverload(name, arguments)
        }
    }
}

/// One signature of a function. The target of a member call is its first parameter.
struct Overload: Sendable {
    let parameters: [CELType]
    let result: CELType
    let isMember: Bool

    static func global(_ parameters: [CELType], _ result: CELType) -> Overload {
        Overload(parameters: parameters, result: result, isMember: false)
    }

    static func member(_ parameters: [CELType], _ result: CELType) -> Overload {
        Overload(parameters: parameters, result: result, isMember: true)
    }
}

/// Type parameters of signatures.
extension CELType {
    static let a = CELType.parameter(0)
    static let b = CELType.parameter(1)
}

/// Everything an expression may call.
enum FunctionLibrary {
    static let functions: [String: Function] = {
        let all = [
            operators, conversions, collections, strings, moreStrings, mathematics, bits, time, network, optionals, encoders,
        ]
        return Dictionary(all.joined().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }()

    /// Those with a dot in their name: `math.greatest` is no member of a variable called math.
    static let qualifiedNames = Set(functions.keys.filter { $0.contains(".") })
}
