/// The smallest pieces of the grammar.
struct Token: Sendable {
    let kind: Kind
    let span: Span

    enum Kind: Sendable, Hashable {
        case identifier(String)
        /// A field name between backticks; only after a dot.
        case quotedIdentifier(String)
        /// An integer without its sign: `-9223372036854775808` is a minus and this.
        case int(UInt64)
        case uint(UInt64)
        case double(Double)
        case string(String)
        case bytes([UInt8])
        case symbol(Symbol)
        case end
    }

    enum Symbol: String, Sendable, Hashable {
        case equal = "==", notEqual = "!=", lessOrEqual = "<=", greaterOrEqual = ">=", and = "&&", or = "||"
        case less = "<", greater = ">", not = "!", plus = "+", minus = "-", star = "*", slash = "/", percent = "%"
        case question = "?", colon = ":", dot = ".", comma = ","
        case leftParen = "(", rightParen = ")", leftBracket = "[", rightBracket = "]", leftBrace = "{", rightBrace = "}"
    }

    /// The token as a message names it.
    var text: String {
        switch kind {
        case .identifier(let name): "'\(name)'"
        case .quotedIdentifier(let name): "`\(name)`"
        case .int, .uint, .double: "a number"
        case .string: "a string"
        case .bytes: "bytes"
        case .symbol(let symbol): "'\(symbol.rawValue)'"
        case .end: "the end"
        }
    }
}
