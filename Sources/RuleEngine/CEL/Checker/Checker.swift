import Basics

/// Resolves names, finds types out and refuses what cannot be evaluated. Recursion is bounded by the tree's height.
struct Checker {
    let environment: Environment
    var inference = Inference()
    private(set) var reads: FactSet = []
    private(set) var slotCount: Int
    private var scope: [(name: String, slot: Int, type: CELType)] = []
    /// Work allowed for parts that are computed while reading.
    var folding = Frame()
    /// What the part that is looked at asks of a request or of what stands around it.
    var dependence = Dependence()

    typealias Typed = (node: Node, type: CELType)

    init(_ environment: Environment) {
        self.environment = environment
        slotCount = environment.bindings.count
    }

    mutating func check(_ expr: Expr) throws(SyntaxProblem) -> Typed {
        environment.strictness == .complete ? try settled(expr) : try node(expr)
    }

    mutating func node(_ expr: Expr) throws(SyntaxProblem) -> Typed {
        switch expr.kind {
        case .literal(let value): return (.constant(value), CELType(of: value))
        case .identifier(let name): return try identifier(name, expr)
        case .select(let operand, let field, let isOptional):
            return try select(operand, field, isOptional: isOptional, expr)
        case .has(let operand, let field): return try has(operand, field, expr)
        case .index(let operand, let key, let isOptional): return try index(operand, key, isOptional: isOptional, expr)
        case .call(let name, let target, let arguments): return try call(name, target, arguments, expr)
        case .list(let elements): return try list(elements)
        case .map(let entries): return try map(entries, expr)
        case .message(let name, let fields): return try message(name, fields, expr)
        case .and(let terms): return (try logic(terms, decisive: false), .bool)
        case .or(let terms): return (try logic(terms, decisive: true), .bool)
        case .conditional(let condition, let yes, let no): return try conditional(condition, yes, no)
        case .comprehension(let comprehension): return try self.comprehension(comprehension)
        case .bind(let name, let value, let body): return try bind(name, value, body)
        case .optionalMap(let operand, let name, let body, let isFlat):
            return try optionalMap(operand, name, body, isFlat: isFlat)
        }
    }

    /// Refuses, or without type checking makes a node that fails.
    func refuse(_ span: Span, _ message: String) throws(SyntaxProblem) -> Typed {
        guard environment.strictness != .unchecked else { return (.failing(message), .dyn) }
        throw SyntaxProblem(span: span, message: message)
    }

    /// Refuses unless a value of type `type` can be a `wanted`.
    mutating func require(_ type: CELType, _ wanted: CELType, _ span: Span, _ message: (Checker) -> String) throws(SyntaxProblem)
    {
        guard environment.strictness != .unchecked, !inference.assign(type, to: wanted) else { return }
        throw SyntaxProblem(span: span, message: message(self))
    }

    func text(_ type: CELType) -> String { inference.resolve(type, final: true).text }

    /// `a string`, `an int`.
    func described(_ type: CELType) -> String {
        Article.with(text(type))
    }

    // MARK: Names

    private mutating func local(_ name: String) -> Typed? {
        guard let found = scope.last(where: { $0.name == name }) else { return nil }
        dependence.note(slot: found.slot)
        return (.local(found.slot), found.type)
    }

    /// A variable, binding or type of this full name.
    private mutating func global(_ path: String) -> Typed? {
        let name = path.first == "." ? String(path.dropFirst()) : path
        if let slot = environment.slot(of: name) {
            dependence.note(slot: slot)
            return (.local(slot), environment.bindings[slot].type)
        }
        if let variable = environment.variables[name] {
            reads.formUnion(variable.reads)
            dependence.asksRequest = true
            return (.variable(variable), variable.type)
        }
        if let value = WellKnownMessage.constants[name] { return (.constant(value), CELType(of: value)) }
        return CELType.names[name].map { (.constant(.type($0)), .type) }
    }

    private mutating func identifier(_ name: String, _ expr: Expr) throws(SyntaxProblem) -> Typed {
        if let found = local(name) ?? global(name) { return found }
        if let fields = environment.groups[name], let first = fields.first {
            return try refuse(expr.span, "'\(name)' is no value by itself; name a field, such as \(name).\(first)")
        }
        // Without types every name that is not known comes here, and nobody reads on past the first few.
        guard environment.strictness != .unchecked else { return (.failing("'\(name)' is not known"), .dyn) }
        let roots = environment.roots
        let listed = roots.prefix(16).joined(separator: ", ") + (roots.count > 16 ? ", …" : "")
        let known = roots.isEmpty ? "" : "; there are \(listed)"
        return try refuse(expr.span, "'\(name)' is not known\(known)\(Suggestion.text(for: name, among: roots))")
    }

    /// The root of `a.b.c` when it is a local variable: then the rest are fields, whatever the environment names.
    private func isLocal(_ path: String) -> Bool {
        scope.contains { $0.name == path || (path.hasPrefix($0.name) && path.dropFirst($0.name.count).first == ".") }
    }

    /// `path.field` as a name of the environment; refused when `path` is a group that has no such field.
    private mutating func qualified(_ operand: Expr, _ field: String, _ expr: Expr) throws(SyntaxProblem) -> Typed? {
        guard let path = operand.path, !isLocal(path) else { return nil }
        if let found = global("\(path).\(field)") { return found }
        guard let fields = environment.groups[path], environment.variables[path] == nil else { return nil }
        let listed = fields.prefix(4).joined(separator: ", ") + (fields.count > 4 ? ", …" : "")
        let suggestion = Suggestion.text(for: field, among: fields)
        return try refuse(expr.span, "'\(path).\(field)' is not known; \(path) has \(listed)\(suggestion)")
    }

    // MARK: Fields and elements

    private mutating func select(
        _ operand: Expr, _ field: String, isOptional: Bool, _ expr: Expr
    ) throws(SyntaxProblem) -> Typed {
        if !isOptional, let found = try qualified(operand, field, expr) { return found }
        let base = try check(operand)
        let known = known(base)
        guard let type = fieldType(known, isOptional: isOptional) else {
            return try refuse(expr.span, "\(described(known)) has no field '\(field)'")
        }
        if !isOptional { try checkName(field, in: base.node, expr.span) }
        return (.select(base.node, field: field, isOptional: isOptional), type)
    }

    /// nil when values of this type have no fields.
    private mutating func fieldType(_ type: CELType, isOptional: Bool) -> CELType? {
        if environment.strictness == .unchecked { return .dyn }
        switch inference.head(type) {
        case .map(let key, let value):
            guard inference.assign(.string, to: key) else { return nil }
            return isOptional ? .optional(value) : value
        case .optional(let inner):
            return fieldType(inner, isOptional: false).map { .optional($0) }
        case .dyn, .unknown: return isOptional ? .optional(.dyn) : .dyn
        default: return nil
        }
    }

    private mutating func has(_ operand: Expr, _ field: String, _ expr: Expr) throws(SyntaxProblem) -> Typed {
        if let (node, _) = try qualified(operand, field, expr) {
            if case .variable(let variable) = node { return (.isSet(variable), .bool) }
            return (.constant(.bool(true)), .bool)
        }
        let base = try check(operand)
        let known = known(base)
        guard fieldType(known, isOptional: false) != nil else {
            return try refuse(expr.span, "\(described(known)) has no field '\(field)'")
        }
        if lacks(field, base.node) { return (.constant(.bool(false)), .bool) }
        return (.has(base.node, field: field), .bool)
    }

    private mutating func index(_ operand: Expr, _ key: Expr, isOptional: Bool, _ expr: Expr) throws(SyntaxProblem) -> Typed {
        let base = try check(operand)
        let position = try check(key)
        let known = known(base)
        guard let type = elementType(known, position.type, isOptional: isOptional) else {
            let signature = Signature.call("_[_]", [text(known), text(position.type)], isMember: false)
            return try refuse(expr.span, "no such overload: \(signature)")
        }
        if !isOptional { try checkPosition(position.node, in: base.node, known, expr.span) }
        return (.index(base.node, position.node, isOptional: isOptional), type)
    }

    private mutating func elementType(_ type: CELType, _ key: CELType, isOptional: Bool) -> CELType? {
        if environment.strictness == .unchecked { return .dyn }
        switch inference.head(type) {
        case .list(let element):
            guard inference.assign(key, to: .int) else { return nil }
            return isOptional ? .optional(element) : element
        case .map(let wanted, let value):
            guard inference.assign(key, to: wanted) else { return nil }
            return isOptional ? .optional(value) : value
        case .optional(let inner):
            return elementType(inner, key, isOptional: false).map { .optional($0) }
        case .dyn, .unknown: return isOptional ? .optional(.dyn) : .dyn
        default: return nil
        }
    }

    // MARK: Local variables

    private mutating func bind(_ name: String, _ value: Expr, _ body: Expr) throws(SyntaxProblem) -> Typed {
        let bound = try check(value)
        let slot = enter([(name, bound.type)])
        defer { leave(1) }
        let inner = try check(body)
        return (.bind(slot: slot, value: bound.node, body: inner.node), inner.type)
    }

    /// Brings variables into scope and gives them neighbouring slots, each used once; the first slot.
    mutating func enter(_ variables: [(name: String, type: CELType)]) -> Int {
        let first = slotCount
        for (name, type) in variables {
            scope.append((name, slotCount, type))
            slotCount += 1
        }
        return first
    }

    mutating func leave(_ count: Int) { scope.removeLast(count) }

    mutating func note(_ facts: FactSet) { reads.formUnion(facts) }
}
