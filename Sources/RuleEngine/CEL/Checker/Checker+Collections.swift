import Basics

/// Lists, maps, and the macros that walk them.
extension Checker {
    mutating func list(_ elements: [Expr.Element]) throws(SyntaxProblem) -> Typed {
        var nodes: [(value: Node, isOptional: Bool)] = []
        var joined: CELType?
        for element in elements {
            let checked = try check(element.value)
            let type = try value(of: checked.type, isOptional: element.isOptional, element.value.span)
            joined = inference.join(joined, type)
            nodes.append((checked.node, element.isOptional))
        }
        let type = CELType.list(joined ?? inference.fresh())
        let constants = nodes.compactMap { $0.isOptional ? nil : $0.value.constant }
        if constants.count == nodes.count { return (.constant(.list(constants)), type) }
        return (.list(nodes), type)
    }

    mutating func map(_ entries: [Expr.Entry], _ expr: Expr) throws(SyntaxProblem) -> Typed {
        var nodes: [(key: Node, value: Node, isOptional: Bool)] = []
        var (keys, values): (CELType?, CELType?)
        for entry in entries {
            let key = try check(entry.key)
            if environment.strictness != .unchecked, !isKey(key.type) {
                throw SyntaxProblem(span: entry.key.span, message: "\(described(key.type)) cannot be a key")
            }
            let checked = try check(entry.value)
            keys = inference.join(keys, key.type)
            values = inference.join(values, try value(of: checked.type, isOptional: entry.isOptional, entry.value.span))
            nodes.append((key.node, checked.node, entry.isOptional))
        }
        let type = CELType.map(keys ?? inference.fresh(), values ?? inference.fresh())
        let constants = nodes.compactMap { node -> (key: CELValue, value: CELValue)? in
            guard !node.isOptional, let key = node.key.constant, let value = node.value.constant else { return nil }
            return (key, value)
        }
        guard constants.count == nodes.count, !constants.contains(where: { $0.key.isDouble }) else { return (.map(nodes), type) }
        if let map = CELMap(constants) { return (.constant(.map(map)), type) }
        if environment.strictness == .complete { throw SyntaxProblem(span: expr.span, message: "a key is there twice") }
        return (.map(nodes), type)
    }

    private func isKey(_ type: CELType) -> Bool {
        switch inference.head(type) {
        case .bool, .int, .uint, .string, .dyn, .unknown: true
        default: false
        }
    }

    /// What `?` before an element takes out of its optional.
    private mutating func value(of type: CELType, isOptional: Bool, _ span: Span) throws(SyntaxProblem) -> CELType {
        guard isOptional else { return type }
        let inner = inference.fresh()
        try require(type, .optional(inner), span) { "an optional is expected after '?', this is \($0.described(type))" }
        return inner
    }

    // MARK: Walks

    mutating func comprehension(_ expr: Expr.Comprehension) throws(SyntaxProblem) -> Typed {
        let range = try check(expr.range)
        let isPair = expr.names.count == 2
        guard let (key, value) = variables(range.type) else {
            return try refuse(
                expr.range.span, "\(expr.macro.rawValue)() wants a list or a map, this is \(described(range.type))")
        }
        let isList = if case .list = inference.head(range.type) { true } else { false }
        let single = isList ? value : key
        let names = isPair ? [(expr.names[0], key), (expr.names[1], value)] : [(expr.names[0], single)]
        let slot = enter(names.map { (name: $0.0, type: $0.1) })
        defer { leave(names.count) }
        var filter: Node?
        if let expression = expr.filter {
            let checked = try check(expression)
            try require(checked.type, .bool, expression.span) {
                "the filter must be true or false, this is \($0.described(checked.type))"
            }
            filter = checked.node
        }
        let body = try check(expr.body)
        let result: CELType
        switch expr.macro {
        case .all, .exists, .existsOne, .filter:
            try require(body.type, .bool, expr.body.span) {
                "\(expr.macro.rawValue)() wants true or false here, this is \($0.described(body.type))"
            }
            result = expr.macro == .filter ? .list(single) : .bool
        case .map, .transformList: result = .list(body.type)
        case .transformMap: result = .map(key, body.type)
        case .transformMapEntry:
            result = .map(inference.fresh(), inference.fresh())
            try require(body.type, result, expr.body.span) {
                "transformMapEntry() wants a map here, this is \($0.described(body.type))"
            }
        }
        let node = Node.Comprehension(
            macro: expr.macro, range: range.node, slot: slot, hasTwoVariables: isPair, filter: filter, body: body.node,
            weight: 1 + expr.body.height + (expr.filter?.height ?? 0))
        return (.comprehension(node), result)
    }

    /// Types of index or key, and of element or value; nil when it cannot be walked.
    private func variables(_ type: CELType) -> (CELType, CELType)? {
        switch inference.head(type) {
        case .list(let element): (.int, element)
        case .map(let key, let value): (key, value)
        case .dyn, .unknown: (.dyn, .dyn)
        default: environment.strictness == .unchecked ? (.dyn, .dyn) : nil
        }
    }

    mutating func optionalMap(_ operand: Expr, _ name: String, _ body: Expr, isFlat: Bool) throws(SyntaxProblem) -> Typed {
        let base = try check(operand)
        let inner = inference.fresh()
        try require(base.type, .optional(inner), operand.span) { "an optional is expected, this is \($0.described(base.type))" }
        let slot = enter([(name, inner)])
        defer { leave(1) }
        let checked = try check(body)
        if isFlat {
            let result = inference.fresh()
            try require(checked.type, .optional(result), body.span) {
                "an optional is expected, this is \($0.described(checked.type))"
            }
        }
        let node = Node.optionalMap(base.node, slot: slot, body: checked.node, isFlat: isFlat)
        return (node, isFlat ? checked.type : .optional(checked.type))
    }

    /// Messages are protocol buffers, of which conditions know those alone that stand for values of the language.
    mutating func message(_ name: String, _ fields: [Expr.Field], _ expr: Expr) throws(SyntaxProblem) -> Typed {
        guard let message = WellKnownMessage.all[name.first == "." ? String(name.dropFirst()) : name] else {
            return try refuse(expr.span, "there are no messages here, so '\(name){…}' cannot be made")
        }
        var nodes: [Node] = []
        for (index, field) in fields.enumerated() {
            guard let wanted = message.fields[field.name] else {
                let hint = Suggestion.text(for: field.name, among: message.fields.keys.sorted())
                return try refuse(expr.span, "\(message.name) has no field '\(field.name)'\(hint)")
            }
            guard !fields[..<index].contains(where: { $0.name == field.name }) else {
                return try refuse(field.value.span, "'\(field.name)' is named twice")
            }
            let checked = try check(field.value)
            let type = try value(of: checked.type, isOptional: field.isOptional, field.value.span)
            try require(type, wanted, field.value.span) {
                "'\(field.name)' wants \($0.described(wanted)), this is \($0.described(type))"
            }
            nodes.append(checked.node)
        }
        let function = message.function(of: fields.map(\.name), isOptional: fields.map(\.isOptional))
        if let folded = try fold(function, nodes, expr.span) { return (folded, message.type) }
        return (.call(function, nodes), message.type)
    }
}

extension CELValue {
    fileprivate var isDouble: Bool {
        if case .double = self { return true }
        return false
    }
}
