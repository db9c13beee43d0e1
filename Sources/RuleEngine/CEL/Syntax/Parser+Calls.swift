/// Calls, and the macros that look like calls but have a meaning of their own.
extension Parser {
    func call(
        _ name: String, target: Expr?, arguments: [Expr], span: Span, nameSpan: Span
    ) throws(SyntaxProblem) -> Expr {
        if let macro = try macro(name, target: target, arguments: arguments, span: span) { return macro }
        if let path = target?.path, FunctionLibrary.qualifiedNames.contains("\(path).\(name)") {
            return try node(.call("\(path).\(name)", target: nil, arguments: arguments), span, over: arguments)
        }
        return try node(.call(name, target: target, arguments: arguments), span, over: [target].compactMap { $0 } + arguments)
    }

    /// nil when the call is an ordinary one.
    private func macro(_ name: String, target: Expr?, arguments: [Expr], span: Span) throws(SyntaxProblem) -> Expr? {
        guard let target else {
            return name == "has" ? try has(arguments, span) : nil
        }
        if case .identifier("cel") = target.kind { return try extensionMacro(name, arguments, span) }
        switch (name, arguments.count) {
        case ("all", 2...3): return try comprehension(.all, target, arguments, names: arguments.count - 1, span)
        case ("exists", 2...3): return try comprehension(.exists, target, arguments, names: arguments.count - 1, span)
        case ("exists_one", 2...3), ("existsOne", 2...3):
            return try comprehension(.existsOne, target, arguments, names: arguments.count - 1, span)
        case ("map", 2...3): return try comprehension(.map, target, arguments, names: 1, span)
        case ("filter", 2): return try comprehension(.filter, target, arguments, names: 1, span)
        case ("transformList", 3...4): return try comprehension(.transformList, target, arguments, names: 2, span)
        case ("transformMap", 3...4): return try comprehension(.transformMap, target, arguments, names: 2, span)
        case ("transformMapEntry", 3...4): return try comprehension(.transformMapEntry, target, arguments, names: 2, span)
        case ("optMap", 2), ("optFlatMap", 2):
            let variable = try variableName(arguments[0])
            let kind = Expr.Kind.optionalMap(target, name: variable, body: arguments[1], isFlat: name == "optFlatMap")
            return try node(kind, span, over: [target, arguments[1]])
        default: return nil
        }
    }

    private func has(_ arguments: [Expr], _ span: Span) throws(SyntaxProblem) -> Expr {
        guard arguments.count == 1, case .select(let operand, let field, false) = arguments[0].kind else {
            throw SyntaxProblem(span: span, message: "has() wants one field, as in has(request.metadata.team)")
        }
        return try node(.has(operand, field: field), span, over: [operand])
    }

    private func comprehension(
        _ macro: Expr.Macro, _ range: Expr, _ arguments: [Expr], names count: Int, _ span: Span
    ) throws(SyntaxProblem) -> Expr {
        var names: [String] = []
        for argument in arguments.prefix(count) { names.append(try variableName(argument)) }
        if names.count == 2, names[0] == names[1] {
            throw SyntaxProblem(span: arguments[1].span, message: "'\(names[1])' is named twice")
        }
        let rest = arguments.dropFirst(count)
        guard let body = rest.last else { throw SyntaxProblem(span: span, message: "\(macro.rawValue)() wants an expression") }
        let filter = rest.count == 2 ? rest.first : nil
        let comprehension = Expr.Comprehension(macro: macro, range: range, names: names, filter: filter, body: body)
        return try node(.comprehension(comprehension), span, over: [range, body] + [filter].compactMap { $0 })
    }

    private func variableName(_ argument: Expr) throws(SyntaxProblem) -> String {
        guard case .identifier(let name) = argument.kind, name.first != "." else {
            throw SyntaxProblem(span: argument.span, message: "a variable's name is expected here")
        }
        return name
    }

    /// `cel.bind`, and `cel.block` with its indexes as the conformance suite writes them.
    private func extensionMacro(_ name: String, _ arguments: [Expr], _ span: Span) throws(SyntaxProblem) -> Expr? {
        switch (name, arguments.count) {
        case ("bind", 3):
            let variable = try variableName(arguments[0])
            let kind = Expr.Kind.bind(variable, value: arguments[1], body: arguments[2])
            return try node(kind, span, over: [arguments[1], arguments[2]])
        case ("block", 2):
            guard case .list(let elements) = arguments[0].kind else {
                throw SyntaxProblem(span: arguments[0].span, message: "cel.block() wants a list first")
            }
            var body = arguments[1]
            for (index, element) in elements.enumerated().reversed() {
                body = try node(.bind("@index\(index)", value: element.value, body: body), span, over: [element.value, body])
            }
            return body
        case ("index", 1):
            guard case .literal(.int(let index)) = arguments[0].kind else { return nil }
            return Expr(kind: .identifier("@index\(index)"), span: span, height: 1)
        case ("iterVar", 2):
            guard case .literal(.int(let depth)) = arguments[0].kind, case .literal(.int(let index)) = arguments[1].kind
            else { return nil }
            return Expr(kind: .identifier("@it:\(depth):\(index)"), span: span, height: 1)
        default: return nil
        }
    }
}
