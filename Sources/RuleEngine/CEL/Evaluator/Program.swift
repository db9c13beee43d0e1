/// A checked expression, made into closures once and run many times.
final class Program: Sendable {
    typealias Code = @Sendable (Facts, inout Frame) throws(EvaluationError) -> CELValue

    /// A closure by itself in an array is called through a thunk, in a struct it is not.
    struct Step: Sendable {
        let run: Code
    }

    let code: Code
    /// Slots for local variables, bindings first.
    let slotCount: Int

    init(_ node: Node, slotCount: Int) {
        code = Program.compile(node)
        self.slotCount = slotCount
    }

    func run(_ facts: Facts, _ frame: inout Frame) throws(EvaluationError) -> CELValue {
        if frame.locals.count < slotCount {
            frame.locals.append(contentsOf: repeatElement(.null, count: slotCount - frame.locals.count))
        }
        return try code(facts, &frame)
    }

    static func compile(_ node: Node) -> Code {
        switch node {
        case .constant(let value): return { _, _ in value }
        case .variable(let variable): return read(variable)
        case .local(let slot): return { _, frame in frame.locals[slot] }
        case .isSet(let variable):
            let code = read(variable)
            return { facts, frame throws(EvaluationError) in .bool(!(try code(facts, &frame).isZero)) }
        case .failing(let message): return { _, _ throws(EvaluationError) in throw .failed(message) }
        case .select(let operand, let field, let isOptional): return select(operand, field, isOptional: isOptional)
        case .has(let operand, let field): return has(operand, field)
        case .index(let operand, let key, let isOptional): return index(operand, key, isOptional: isOptional)
        case .call(let function, let arguments): return call(function, arguments)
        case .matches(let operand, let regex): return matches(operand, regex)
        case .list(let elements): return list(elements)
        case .map(let entries): return map(entries)
        case .and(let terms): return logic(terms, decisive: false)
        case .or(let terms): return logic(terms, decisive: true)
        case .conditional(let condition, let yes, let no): return conditional(condition, yes, no)
        case .comprehension(let comprehension): return walk(comprehension)
        case .bind(let slot, let value, let body): return bind(slot, value, body)
        case .optionalMap(let operand, let slot, let body, let isFlat):
            return optionalMap(operand, slot, body, isFlat: isFlat)
        }
    }

    // MARK: Names

    private static func read(_ variable: Variable) -> Code {
        let (name, value) = (variable.name, variable.value)
        return { facts, frame in
            let result = value(facts)
            if frame.trace != nil { frame.trace?.note(name, result.shown) }
            return result
        }
    }

    private static func bind(_ slot: Int, _ value: Node, _ body: Node) -> Code {
        let (value, body) = (compile(value), compile(body))
        return { facts, frame throws(EvaluationError) in
            frame.locals[slot] = try value(facts, &frame)
            return try body(facts, &frame)
        }
    }

    // MARK: Logic

    /// `&&` and `||` over any number of terms: an error counts only when no term decides.
    private static func logic(_ terms: [Node], decisive: Bool) -> Code {
        let steps = terms.map { Step(run: compile($0)) }
        let name = decisive ? "_||_" : "_&&_"
        return { facts, frame throws(EvaluationError) in
            var failure: EvaluationError?
            for step in steps {
                do throws(EvaluationError) {
                    let value = try step.run(facts, &frame)
                    guard case .bool(let bool) = value else { throw .noOverload(name, value, .bool(decisive)) }
                    if bool == decisive { return .bool(decisive) }
                } catch {
                    if error == .exhausted { throw error }
                    try frame.charge(Frame.failureSteps)
                    if failure == nil { failure = error }
                }
            }
            if let failure { throw failure }
            return .bool(!decisive)
        }
    }

    private static func conditional(_ condition: Node, _ yes: Node, _ no: Node) -> Code {
        let (condition, yes, no) = (compile(condition), compile(yes), compile(no))
        return { facts, frame throws(EvaluationError) in
            let value = try condition(facts, &frame)
            guard case .bool(let bool) = value else { throw .failed("'?' wants true or false, not \(value.typeName)") }
            return bool ? try yes(facts, &frame) : try no(facts, &frame)
        }
    }

    // MARK: Calls

    private static func call(_ function: Function, _ arguments: [Node]) -> Code {
        switch (function.body, arguments.count) {
        case (.unary(let body), 1):
            let operand = compile(arguments[0])
            return { facts, frame throws(EvaluationError) in try body(try operand(facts, &frame), &frame) }
        case (.binary(let body), 2):
            let left = compile(arguments[0])
            if let right = arguments[1].constant {
                if function.name == "_==_", case .string(let text) = right { return equals(left, text) }
                if function.name == "contains", case .string(let part) = right { return contains(left, part) }
                return { facts, frame throws(EvaluationError) in try body(try left(facts, &frame), right, &frame) }
            }
            let right = compile(arguments[1])
            return { facts, frame throws(EvaluationError) in
                let first = try left(facts, &frame)
                return try body(first, try right(facts, &frame), &frame)
            }
        default:
            let steps = arguments.map { Step(run: compile($0)) }
            return { facts, frame throws(EvaluationError) in
                var values: [CELValue] = []
                values.reserveCapacity(steps.count)
                for step in steps { values.append(try step.run(facts, &frame)) }
                return try function.call(values, facts, &frame)
            }
        }
    }

    /// The commonest test of all: a fact against a text.
    private static func equals(_ operand: @escaping Code, _ text: String) -> Code {
        { facts, frame throws(EvaluationError) in
            guard case .string(let value) = try operand(facts, &frame) else { return .bool(false) }
            return .bool(value.sameText(as: text))
        }
    }

    /// What is looked for is known: it is made ready once.
    private static func contains(_ operand: @escaping Code, _ part: String) -> Code {
        let needle = TextNeedle(Array(part.utf8))
        return { facts, frame throws(EvaluationError) in
            let value = try operand(facts, &frame)
            guard case .string(let text) = value else { throw .noOverload("contains", value, .string(part)) }
            try frame.charge((text.utf8.count + part.utf8.count) / 64)
            return .bool(withBytes(of: text) { needle.find(in: $0, from: 0, to: $0.count) != nil })
        }
    }

    private static func matches(_ operand: Node, _ regex: Regex) -> Code {
        let operand = compile(operand)
        return { facts, frame throws(EvaluationError) in
            let value = try operand(facts, &frame)
            guard case .string(let text) = value else { throw .noOverload("matches", value, .string("")) }
            return .bool(try regex.matches(text, &frame))
        }
    }
}
