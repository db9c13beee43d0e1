import Basics

/// Calls and operators: which signatures fit.
extension Checker {
    mutating func call(
        _ name: String, _ target: Expr?, _ arguments: [Expr], _ expr: Expr
    ) throws(SyntaxProblem) -> Typed {
        guard let function = environment.functions[name.first == "." ? String(name.dropFirst()) : name] else {
            let names = environment.functions.keys.filter { $0.first?.isLetter ?? false }.sorted()
            return try refuse(expr.span, "'\(name)' is no function\(Suggestion.text(for: name, among: names))")
        }
        var nodes: [Node] = []
        var types: [CELType] = []
        var known: [CELType] = []
        for argument in [target].compactMap({ $0 }) + arguments {
            let checked = try check(argument)
            nodes.append(checked.node)
            types.append(checked.type)
            known.append(self.known(checked))
        }
        guard let result = overload(function, types, isMember: target != nil) else {
            let signature = Signature.call(name, types.map { text($0) }, isMember: target != nil)
            return try refuse(expr.span, "no such overload: \(signature)")
        }
        note(function.reads)
        if !function.isPure { dependence.asksRequest = true }
        try checkKnown(function, types, known, isMember: target != nil, expr.span)
        if let folded = try fold(function, nodes, expr.span) { return (folded, result) }
        try checkZone(function, nodes, expr.span)
        try checkConstants(of: function, nodes, expr.span)
        if name == "@in", nodes.count == 2, case .constant(.string(let field)) = nodes[0], lacks(field, nodes[1]) {
            return (.constant(.bool(false)), result)
        }
        if name == "matches", nodes.count == 2, case .constant(.string(let pattern)) = nodes[1] {
            return (try compiled(pattern, nodes[0], (target == nil ? arguments : arguments).last?.span ?? expr.span), result)
        }
        return (.call(function, nodes), result)
    }

    /// A time zone that is written down must be one.
    private func checkZone(_ function: Function, _ arguments: [Node], _ span: Span) throws(SyntaxProblem) {
        guard environment.strictness == .complete, FunctionLibrary.timeParts.contains(function.name), arguments.count == 2,
            case .constant(.string(let zone)) = arguments[1]
        else { return }
        // Without data a name is believed; an offset can be checked all the same.
        let known = environment.utcOffset ?? { _, _ in 0 }
        guard FunctionLibrary.utcOffset(zone, Facts.Timestamp(seconds: 0), known) == nil else { return }
        throw SyntaxProblem(span: span, message: "time zone '\(zone)' is not known")
    }

    private mutating func compiled(_ pattern: String, _ operand: Node, _ span: Span) throws(SyntaxProblem) -> Node {
        let regex: Regex
        do throws(RegexProblem) {
            regex = try Regex(pattern)
        } catch {
            return try refuse(span, "this is no regular expression: \(error.message)").node
        }
        guard holds(regex) else {
            throw SyntaxProblem(span: span, message: "the patterns of one expression are too large together")
        }
        return .matches(operand, regex)
    }

    /// The type of the result; nil when no signature fits. Several that fit, because of dyn, may differ in it.
    mutating func overload(_ function: Function, _ types: [CELType], isMember: Bool) -> CELType? {
        let candidates = function.overloads.filter { $0.isMember == isMember && $0.parameters.count == types.count }
        guard environment.strictness != .unchecked else { return candidates.isEmpty ? nil : .dyn }
        let before = inference.mark()
        var fitting: [Overload] = []
        for candidate in candidates {
            if fit(candidate, types) != nil { fitting.append(candidate) }
            inference.rollBack(to: before)
        }
        guard let first = fitting.first else { return nil }
        if fitting.count == 1 { return fit(first, types) }
        // Types that hold parameters are not compared: what they stand for is not known without choosing one.
        return fitting.allSatisfy { $0.result == first.result && !$0.result.hasParameter } ? first.result : .dyn
    }

    private mutating func fit(_ overload: Overload, _ types: [CELType]) -> CELType? {
        let (parameters, result) = inference.instantiate(overload)
        for (type, parameter) in zip(types, parameters) where !inference.assign(type, to: parameter) { return nil }
        return result
    }

    mutating func booleans(_ terms: [Expr], _ name: String) throws(SyntaxProblem) -> [Node] {
        var nodes: [Node] = []
        var problems: [SyntaxProblem] = []
        for term in terms {
            do throws(SyntaxProblem) {
                let checked = try check(term)
                try require(known(checked), .bool, term.span) {
                    "'\(name)' wants true or false, this is \($0.described($0.known(checked)))"
                }
                nodes.append(checked.node)
            } catch {
                problems += [SyntaxProblem(span: error.span, message: error.message)] + error.further
            }
        }
        guard var first = problems.first else { return nodes }
        first.further = Array(problems.dropFirst())
        throw first
    }

    mutating func conditional(_ condition: Expr, _ yes: Expr, _ no: Expr) throws(SyntaxProblem) -> Typed {
        let test = try check(condition)
        try require(known(test), .bool, condition.span) {
            "'?' wants true or false before it, this is \($0.described($0.known(test)))"
        }
        let (first, second) = (try check(yes), try check(no))
        let span = yes.span.through(no.span)
        try require(second.type, first.type, span) {
            "both sides of ':' must be of one type, not \($0.text(first.type)) and \($0.text(second.type))"
        }
        let isGeneral = inference.head(second.type) == .dyn
        return (.conditional(test.node, first.node, second.node), isGeneral ? second.type : first.type)
    }
}

extension CELType {
    var hasParameter: Bool {
        switch self {
        case .parameter: true
        case .list(let element), .optional(let element): element.hasParameter
        case .map(let key, let value): key.hasParameter || value.hasParameter
        default: false
        }
    }
}
