/// What can be said of a part before there is a request: its value, or that it has none.
extension Checker {
    /// What a part needs to have a value.
    struct Dependence {
        /// A variable of the environment, or a function that looks at more than its arguments.
        var asksRequest = false
        /// The lowest slot of a binding or a local variable.
        private(set) var lowestSlot = Int.max
        /// Set once what may be computed while reading is used up.
        var isSpent = false

        mutating func note(slot: Int) { lowestSlot = min(lowestSlot, slot) }

        mutating func include(_ other: Dependence) {
            asksRequest = asksRequest || other.asksRequest
            isSpent = isSpent || other.isSpent
            note(slot: other.lowestSlot)
        }
    }

    /// Checks a part, and computes it now where it asks for nothing but itself.
    mutating func settled(_ expr: Expr) throws(SyntaxProblem) -> Typed {
        let (outer, firstSlot) = (dependence, slotCount)
        dependence = Dependence()
        dependence.isSpent = outer.isSpent
        defer { dependence.include(outer) }
        let checked = try node(expr)
        guard checked.node.constant == nil, !dependence.asksRequest, dependence.lowestSlot >= firstSlot, !dependence.isSpent
        else { return checked }
        var frame = folding
        do throws(EvaluationError) {
            let value = try Program(checked.node, slotCount: slotCount).run(Checker.noFacts, &frame)
            folding = frame
            return (.constant(value), checked.type)
        } catch {
            // What takes long is left to its evaluation, where another term may decide before it.
            guard error != .exhausted else {
                dependence.isSpent = true
                return checked
            }
            throw Checker.failure(error, expr.span)
        }
    }

    /// A pure call over constants, computed now. nil when it has to wait for the evaluation.
    mutating func fold(_ function: Function, _ arguments: [Node], _ span: Span) throws(SyntaxProblem) -> Node? {
        guard function.isPure else { return nil }
        var values: [CELValue] = []
        for argument in arguments {
            guard let value = argument.constant else { return nil }
            values.append(value)
        }
        do throws(EvaluationError) {
            return .constant(try function.call(values, Checker.noFacts, &folding))
        } catch {
            guard environment.strictness == .complete else { return nil }
            throw Checker.failure(error, span)
        }
    }

    /// Whether there is room for one more pattern: what patterns take is counted as what is computed while reading.
    mutating func holds(_ regex: Regex) -> Bool { (try? folding.charge(regex.size)) != nil }

    /// `&&` and `||`: a constant that decides is all, one that does not says nothing.
    mutating func logic(_ terms: [Expr], decisive: Bool) throws(SyntaxProblem) -> Node {
        let nodes = try booleans(terms, decisive ? "||" : "&&")
        guard environment.strictness == .complete else { return decisive ? .or(nodes) : .and(nodes) }
        var open: [Node] = []
        for node in nodes {
            guard case .constant(.bool(let value)) = node else {
                open.append(node)
                continue
            }
            if value == decisive { return .constant(.bool(decisive)) }
        }
        if open.isEmpty { return .constant(.bool(!decisive)) }
        return decisive ? .or(open) : .and(open)
    }

    // MARK: What is behind dyn

    /// The type that a value is sure to have, also where the expression says that it may have any.
    func known(_ checked: Typed) -> CELType {
        guard environment.strictness == .complete, case .dyn = inference.head(checked.type) else { return checked.type }
        return Checker.type(of: checked.node) ?? checked.type
    }

    private static func type(of node: Node) -> CELType? {
        switch node {
        case .constant(let value): return CELType(of: value)
        case .variable(let variable): return variable.type
        case .isSet, .has, .matches, .and, .or: return .bool
        case .call(let function, let arguments):
            if function.name == "dyn", arguments.count == 1 { return type(of: arguments[0]) }
            guard let result = function.overloads.first?.result, result != .dyn, !result.hasParameter,
                function.overloads.allSatisfy({ $0.result == result })
            else { return nil }
            return result
        case .local, .failing, .select, .index, .list, .map, .conditional, .comprehension, .bind, .optionalMap: return nil
        }
    }

    /// A call that no value of the types behind dyn can make; what compares takes any two.
    mutating func checkKnown(
        _ function: Function, _ types: [CELType], _ known: [CELType], isMember: Bool, _ span: Span
    ) throws(SyntaxProblem) {
        guard environment.strictness == .complete, known != types, !Checker.anyTwo.contains(function.name) else { return }
        let before = inference.mark()
        let fits = overload(function, known, isMember: isMember) != nil
        inference.rollBack(to: before)
        guard !fits else { return }
        let signature = Signature.call(function.name, known.map { text($0) }, isMember: isMember)
        throw SyntaxProblem(span: span, message: "this always fails: no such overload: \(signature)")
    }

    private static let anyTwo: Set<String> = ["_==_", "_!=_", "@in"]

    // MARK: Constants that fit no value

    /// A divisor that is nothing, a place before the first character.
    func checkConstants(of function: Function, _ arguments: [Node], _ span: Span) throws(SyntaxProblem) {
        guard environment.strictness == .complete else { return }
        switch (function.name, arguments.last?.constant) {
        case ("_/_", .int(0)), ("_/_", .uint(0)), ("_%_", .int(0)), ("_%_", .uint(0)):
            throw Checker.failure(.divideByZero, span)
        case ("charAt", _), ("substring", _), ("indexOf", _), ("lastIndexOf", _):
            let places = arguments.dropFirst().compactMap { node -> Int? in
                if case .constant(.int(let place)) = node { place } else { nil }
            }
            if let place = places.first(where: { $0 < 0 }) {
                throw Checker.failure(.failed("index out of range: \(place)"), span)
            }
            if function.name == "substring", places.count == 2, places[0] > places[1] {
                throw Checker.failure(.failed("index out of range: \(places[0])…\(places[1])"), span)
            }
        default: break
        }
    }

    /// An element that no list and no map of this kind has.
    func checkPosition(_ position: Node, in base: Node, _ type: CELType, _ span: Span) throws(SyntaxProblem) {
        guard environment.strictness == .complete else { return }
        if case .list = inference.head(type), case .constant(.int(let place)) = position, place < 0 {
            throw Checker.failure(.failed("index out of range: \(place)"), span)
        }
        if case .constant(.string(let name)) = position { try checkName(name, in: base, span) }
    }

    func checkName(_ name: String, in base: Node, _ span: Span) throws(SyntaxProblem) {
        guard lacks(name, base), case .variable(let variable) = base else { return }
        throw SyntaxProblem(
            span: span,
            message: "this always fails: the names in \(variable.name) are in lower case, so that '\(name)' is none of them")
    }

    /// Whether a variable's map never has a key of that name.
    func lacks(_ name: String, _ base: Node) -> Bool {
        guard environment.strictness == .complete, case .variable(let variable) = base, variable.hasLowercaseKeys else {
            return false
        }
        return name.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }

    private static func failure(_ error: EvaluationError, _ span: Span) -> SyntaxProblem {
        SyntaxProblem(span: span, message: "this always fails: \(error.message)")
    }

    /// A pure function is given facts only because its type says so.
    private static let noFacts = Facts()
}
