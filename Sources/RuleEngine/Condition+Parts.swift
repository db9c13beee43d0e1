extension Condition {
    /// Each term of the condition by itself, also those that its evaluation did not come to.
    func parts(_ facts: Facts) -> [Explanation.Part] {
        guard let expr = try? Parser.parse(source) else { return [] }
        var spans: [Span] = []
        Self.terms(expr, &spans)
        let bytes = Array(source.utf8)
        return spans.prefix(Self.mostParts).compactMap { span in
            guard span.offset >= 0, span.length > 0, span.end <= bytes.count else { return nil }
            let text = String(decoding: bytes[span.offset..<span.end], as: UTF8.self)
            guard let term = try? Condition(text) else { return nil }
            return Explanation.Part(text: text, outcome: term.evaluate(facts))
        }
    }

    /// More than these would not be read by anybody.
    private static let mostParts = 100

    /// The parser bounds the height.
    private static func terms(_ expr: Expr, _ spans: inout [Span]) {
        switch expr.kind {
        case .and(let terms), .or(let terms): for term in terms { Self.terms(term, &spans) }
        case .call("!_", nil, let arguments) where arguments.count == 1 && arguments[0].isJoined:
            terms(arguments[0], &spans)
        default: spans.append(expr.span)
        }
    }
}

extension Expr {
    fileprivate var isJoined: Bool {
        switch kind {
        case .and, .or: true
        case .call("!_", nil, let arguments) where arguments.count == 1: arguments[0].isJoined
        default: false
        }
    }
}
