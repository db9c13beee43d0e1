/// A piece of the source, in UTF-8 bytes.
struct Span: Sendable, Hashable {
    var offset: Int
    var length: Int

    var end: Int { offset + length }

    func through(_ other: Span) -> Span {
        Span(offset: offset, length: max(length, other.end - offset))
    }
}

/// What is wrong with an expression, and where.
struct SyntaxProblem: Error, Hashable {
    let span: Span
    let message: String
    /// What is wrong behind it.
    var further: [SyntaxProblem] = []
}

/// What an expression may cost before it is even evaluated. Input cannot drive a stack or a table past these.
enum SyntaxLimits {
    /// UTF-8 bytes.
    static let source = 16 * 1024
    /// Brackets, arguments and ternaries within each other.
    static let nesting = 48
    /// Height of the tree; chains such as `a + b + c` count too, `&&` and `||` do not.
    static let height = 128
}
