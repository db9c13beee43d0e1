/// Tokens to a tree. Depth is bounded: neither brackets nor chains can exhaust the stack here or in what follows.
struct Parser {
    private let tokens: [Token]
    private var position = 0
    private var nesting = 0

    static func parse(_ source: String) throws(SyntaxProblem) -> Expr {
        var parser = Parser(tokens: try Lexer.tokens(of: source))
        if parser.token.kind == .end { throw parser.problem("the expression is empty") }
        let expression = try parser.expression()
        guard parser.token.kind == .end else { throw parser.problem("\(parser.token.text) is not expected here") }
        return expression
    }

    private init(tokens: [Token]) { self.tokens = tokens }

    /// The last token is `.end` and never consumed.
    var token: Token { tokens[position] }

    func at(_ symbol: Token.Symbol) -> Bool { token.kind == .symbol(symbol) }

    mutating func advance() {
        if position < tokens.count - 1 { position += 1 }
    }

    /// Consumes the symbol if it comes next.
    mutating func take(_ symbol: Token.Symbol) -> Bool {
        guard at(symbol) else { return false }
        advance()
        return true
    }

    @discardableResult
    mutating func expect(_ symbol: Token.Symbol) throws(SyntaxProblem) -> Span {
        let span = token.span
        guard take(symbol) else { throw problem("'\(symbol.rawValue)' is expected, not \(token.text)") }
        return span
    }

    func problem(_ message: String) -> SyntaxProblem {
        SyntaxProblem(span: Span(offset: token.span.offset, length: max(token.span.length, 1)), message: message)
    }

    /// A node over `children`, refused when the tree gets too high.
    func node(_ kind: Expr.Kind, _ span: Span, over children: [Expr]) throws(SyntaxProblem) -> Expr {
        let height = 1 + (children.lazy.map(\.height).max() ?? 0)
        guard height <= SyntaxLimits.height else {
            throw SyntaxProblem(span: span, message: "the expression is nested deeper than \(SyntaxLimits.height)")
        }
        return Expr(kind: kind, span: span, height: height)
    }

    // MARK: Operators, from the loosest to the tightest

    mutating func expression() throws(SyntaxProblem) -> Expr {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= SyntaxLimits.nesting else {
            throw problem("the expression is nested deeper than \(SyntaxLimits.nesting)")
        }
        let condition = try disjunction()
        guard take(.question) else { return condition }
        let yes = try disjunction()
        try expect(.colon)
        let no = try expression()
        return try node(.conditional(condition, yes, no), condition.span.through(no.span), over: [condition, yes, no])
    }

    private mutating func disjunction() throws(SyntaxProblem) -> Expr {
        let first = try conjunction()
        guard at(.or) else { return first }
        var terms = [first]
        while take(.or) { terms.append(try conjunction()) }
        return try node(.or(terms), first.span.through(terms[terms.count - 1].span), over: terms)
    }

    private mutating func conjunction() throws(SyntaxProblem) -> Expr {
        let first = try binary(atLeast: 1)
        guard at(.and) else { return first }
        var terms = [first]
        while take(.and) { terms.append(try binary(atLeast: 1)) }
        return try node(.and(terms), first.span.through(terms[terms.count - 1].span), over: terms)
    }

    /// Relations 1, sums 2, products 3; all associate to the left.
    private mutating func binary(atLeast minimum: Int) throws(SyntaxProblem) -> Expr {
        var left = try unary()
        while let (name, precedence) = binaryOperator, precedence >= minimum {
            advance()
            let right = try binary(atLeast: precedence + 1)
            let kind = Expr.Kind.call(name, target: nil, arguments: [left, right])
            left = try node(kind, left.span.through(right.span), over: [left, right])
        }
        return left
    }

    private var binaryOperator: (String, Int)? {
        switch token.kind {
        case .identifier("in"): ("@in", 1)
        case .symbol(let symbol):
            switch symbol {
            case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: ("_\(symbol.rawValue)_", 1)
            case .plus, .minus: ("_\(symbol.rawValue)_", 2)
            case .star, .slash, .percent: ("_\(symbol.rawValue)_", 3)
            default: nil
            }
        default: nil
        }
    }

    /// A run of `!` or of `-`, folded without recursion.
    private mutating func unary() throws(SyntaxProblem) -> Expr {
        let start = token.span
        var signs: [Token.Symbol] = []
        while case .symbol(let symbol) = token.kind, symbol == .not || symbol == .minus {
            signs.append(symbol)
            advance()
        }
        var operand: Expr
        if signs.last == .minus, let literal = try negativeLiteral(from: tokens[max(position - 1, 0)].span) {
            signs.removeLast()
            operand = try postfix(literal)
        } else {
            operand = try postfix(try primary())
        }
        // Pairs cancel out only as far as types go, so every sign is a call; the height bounds them.
        for sign in signs.reversed() {
            let name = sign == .not ? "!_" : "-_"
            operand = try node(.call(name, target: nil, arguments: [operand]), start.through(operand.span), over: [operand])
        }
        return operand
    }

    /// A number with its minus is one literal, so that the least int can be written.
    private mutating func negativeLiteral(from sign: Span) throws(SyntaxProblem) -> Expr? {
        let span = sign.through(token.span)
        switch token.kind {
        case .int(let magnitude):
            guard magnitude <= 1 << 63 else { throw problem("this number is too large for an int") }
            advance()
            return Expr(kind: .literal(.int(Int(truncatingIfNeeded: 0 &- magnitude))), span: span, height: 1)
        case .double(let value):
            advance()
            return Expr(kind: .literal(.double(-value)), span: span, height: 1)
        default:
            return nil
        }
    }

    // MARK: Members, calls, indexes

    private mutating func postfix(_ first: Expr) throws(SyntaxProblem) -> Expr {
        var operand = first
        while true {
            if take(.dot) {
                operand = try member(of: operand)
            } else if take(.leftBracket) {
                let isOptional = take(.question)
                let key = try expression()
                let end = try expect(.rightBracket)
                let span = operand.span.through(end)
                operand = try node(.index(operand, key, isOptional: isOptional), span, over: [operand, key])
            } else if at(.leftBrace), let path = operand.path, operand.span.length > 0, path.last?.isLetter ?? false {
                operand = try message(named: path, operand)
            } else {
                return operand
            }
        }
    }

    private mutating func member(of operand: Expr) throws(SyntaxProblem) -> Expr {
        let isOptional = take(.question)
        let nameSpan = token.span
        let name: String
        let isQuoted: Bool
        switch token.kind {
        case .identifier(let text): (name, isQuoted) = (text, false)
        case .quotedIdentifier(let text): (name, isQuoted) = (text, true)
        default: throw problem("a field's name is expected after the dot, not \(token.text)")
        }
        if name == "in" && !isQuoted { throw problem("'in' cannot be a field's name") }
        advance()
        guard at(.leftParen), !isQuoted, !isOptional else {
            let kind = Expr.Kind.select(operand, field: name, isOptional: isOptional)
            return try node(kind, operand.span.through(nameSpan), over: [operand])
        }
        let (arguments, end) = try arguments()
        return try call(name, target: operand, arguments: arguments, span: operand.span.through(end), nameSpan: nameSpan)
    }

    private mutating func arguments() throws(SyntaxProblem) -> ([Expr], Span) {
        try expect(.leftParen)
        var arguments: [Expr] = []
        guard !at(.rightParen) else { return (arguments, try expect(.rightParen)) }
        // No comma after the last, which lists and maps may have.
        repeat { arguments.append(try expression()) } while take(.comma)
        return (arguments, try expect(.rightParen))
    }

    private mutating func primary() throws(SyntaxProblem) -> Expr {
        let span = token.span
        switch token.kind {
        case .int(let value):
            guard let int = Int(exactly: value) else { throw problem("this number is too large for an int") }
            return literal(.int(int))
        case .uint(let value): return literal(.uint(UInt(value)))
        case .double(let value): return literal(.double(value))
        case .string(let value): return literal(.string(value))
        case .bytes(let value): return literal(.bytes(value))
        case .identifier(let name): return try identifier(name, span, isAbsolute: false)
        case .symbol(.dot):
            advance()
            guard case .identifier(let name) = token.kind else { throw problem("a name is expected after the dot") }
            return try identifier(name, span.through(token.span), isAbsolute: true)
        case .symbol(.leftParen):
            advance()
            let inner = try expression()
            let end = try expect(.rightParen)
            return Expr(kind: inner.kind, span: span.through(end), height: inner.height)
        case .symbol(.leftBracket): return try list()
        case .symbol(.leftBrace): return try map()
        case .quotedIdentifier, .symbol, .end:
            throw problem("a value is expected, not \(token.text)")
        }
    }

    private mutating func literal(_ value: CELValue) -> Expr {
        defer { advance() }
        return Expr(kind: .literal(value), span: token.span, height: 1)
    }

    private mutating func identifier(_ name: String, _ span: Span, isAbsolute: Bool) throws(SyntaxProblem) -> Expr {
        switch name {
        case "true": return literal(.bool(true))
        case "false": return literal(.bool(false))
        case "null": return literal(.null)
        case _ where reservedWords.contains(name): throw problem("'\(name)' is a reserved word")
        default: break
        }
        let nameSpan = token.span
        advance()
        guard at(.leftParen) else {
            return Expr(kind: .identifier(isAbsolute ? "." + name : name), span: span, height: 1)
        }
        let (arguments, end) = try arguments()
        return try call(name, target: nil, arguments: arguments, span: span.through(end), nameSpan: nameSpan)
    }

    // MARK: Lists, maps, messages

    private mutating func list() throws(SyntaxProblem) -> Expr {
        let start = try expect(.leftBracket)
        var elements: [Expr.Element] = []
        while !at(.rightBracket) {
            let isOptional = take(.question)
            elements.append(Expr.Element(value: try expression(), isOptional: isOptional))
            if !take(.comma) { break }
        }
        let end = try expect(.rightBracket)
        return try node(.list(elements), start.through(end), over: elements.map(\.value))
    }

    private mutating func map() throws(SyntaxProblem) -> Expr {
        let start = try expect(.leftBrace)
        var entries: [Expr.Entry] = []
        while !at(.rightBrace) {
            let isOptional = take(.question)
            let key = try expression()
            try expect(.colon)
            entries.append(Expr.Entry(key: key, value: try expression(), isOptional: isOptional))
            if !take(.comma) { break }
        }
        let end = try expect(.rightBrace)
        return try node(.map(entries), start.through(end), over: entries.flatMap { [$0.key, $0.value] })
    }

    private mutating func message(named name: String, _ operand: Expr) throws(SyntaxProblem) -> Expr {
        try expect(.leftBrace)
        var fields: [Expr.Field] = []
        while !at(.rightBrace) {
            let isOptional = take(.question)
            let field: String
            switch token.kind {
            case .identifier(let name), .quotedIdentifier(let name): field = name
            default: throw problem("a field's name is expected, not \(token.text)")
            }
            advance()
            try expect(.colon)
            fields.append(Expr.Field(name: field, value: try expression(), isOptional: isOptional))
            if !take(.comma) { break }
        }
        let end = try expect(.rightBrace)
        return try node(.message(name, fields: fields), operand.span.through(end), over: fields.map(\.value))
    }
}

/// Names the language keeps for later; they may be fields all the same.
private let reservedWords: Set<String> = [
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace",
    "return", "var", "void", "while", "in",
]
