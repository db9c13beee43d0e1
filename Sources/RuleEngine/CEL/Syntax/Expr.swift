/// A parsed expression. Macros are nodes of their own here, so that checker and evaluator see what the user wrote.
struct Expr: Sendable {
    let kind: Kind
    let span: Span
    /// 1 for a leaf.
    let height: Int

    indirect enum Kind: Sendable {
        case literal(CELValue)
        /// Begins with a dot when it was written so: resolved from the root, past local variables.
        case identifier(String)
        /// `operand.field`; optional is `operand.?field`.
        case select(Expr, field: String, isOptional: Bool)
        /// `has(operand.field)`; optional is `has(operand.?field)`.
        case has(Expr, field: String)
        /// `operand[key]`; optional is `operand[?key]`.
        case index(Expr, Expr, isOptional: Bool)
        /// Operators have CEL's internal names (`_+_`). A member call has a target.
        case call(String, target: Expr?, arguments: [Expr])
        case list([Element])
        case map([Entry])
        case message(String, fields: [Field])
        case and([Expr])
        case or([Expr])
        case conditional(Expr, Expr, Expr)
        case comprehension(Comprehension)
        /// `cel.bind(name, value, body)`.
        case bind(String, value: Expr, body: Expr)
        /// `optional.optMap(name, body)` and `optFlatMap`.
        case optionalMap(Expr, name: String, body: Expr, isFlat: Bool)
    }

    struct Element: Sendable {
        let value: Expr
        let isOptional: Bool
    }

    struct Entry: Sendable {
        let key: Expr
        let value: Expr
        let isOptional: Bool
    }

    struct Field: Sendable {
        let name: String
        let value: Expr
        let isOptional: Bool
    }

    struct Comprehension: Sendable {
        let macro: Macro
        let range: Expr
        /// One name is the element (or a map's key); two are index and element, or key and value.
        let names: [String]
        /// The filter of `map` with three arguments, of `transformList`, `transformMap` and `transformMapEntry`.
        let filter: Expr?
        let body: Expr
    }

    enum Macro: String, Sendable {
        case all, exists, existsOne, map, filter, transformList, transformMap, transformMapEntry
    }

    /// `a.b.c` as one name; nil when it is not made of names alone.
    var path: String? {
        switch kind {
        case .identifier(let name): return name
        case .select(let operand, let field, false): return operand.path.map { "\($0).\(field)" }
        default: return nil
        }
    }
}
