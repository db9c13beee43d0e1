/// A limit's `per`: a CEL expression of type string, parsed and type-checked once. Each text that it gives is a bucket of its own.
///
/// It sees what conditions see but for `limit(…)`; a tag that the key lacks is the empty text.
public struct BucketExpression: Sendable {
    public let source: String
    public let reads: FactSet
    private let program: Program

    public enum Outcome: Sendable, Hashable {
        /// The bucket's name; empty where the limit does not apply.
        case text(String)
        /// Evaluation failed: a missing map key, a division by zero.
        case failed(String)
    }

    /// Throws where and why `source` gives no text. What has no value whatever the request is refused too; and with `utcOffset`
    /// a time zone it does not know.
    public init(_ source: String, utcOffset: TimeZoneOffset? = nil) throws(Condition.Problem) {
        do throws(SyntaxProblem) {
            let expr = try Parser.parse(source)
            var environment = ConditionVariables.bucketEnvironment
            environment.utcOffset = utcOffset
            var checker = Checker(environment)
            let checked = try checker.check(expr)
            let (node, type) = (checked.node, checker.known(checked))
            try checker.require(type, .string, expr.span) { "'per' must be a text, this is \($0.described(type))" }
            self.source = source
            reads = checker.reads
            program = Program(node, slotCount: checker.slotCount)
        } catch {
            throw Condition.Problem(error)
        }
    }

    /// Total and without side effects: what cannot be computed, or takes too many steps, is `.failed`.
    public func evaluate(_ facts: Facts) -> Outcome {
        var frame = Frame()
        do throws(EvaluationError) {
            let value = try program.run(facts, &frame)
            guard case .string(let text) = value else { return .failed("the value must be a text, not \(value.typeName)") }
            return .text(text)
        } catch {
            return .failed(error.message)
        }
    }

    /// Whether it names no bucket, whatever the request.
    public var isAlwaysEmpty: Bool { reads.isEmpty && evaluate(Facts()) == .text("") }

    /// What its buckets are of, for people: `team` for `key.tags["team"]`, `session` for `request.session`.
    public var noun: String {
        let words = source.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
        let isPlain = source.allSatisfy { $0.isLetter || $0.isNumber || "_-.[]\"'".contains($0) }
        guard isPlain, source.first != "\"", source.first != "'", words.count > 1, let last = words.last else { return "bucket" }
        return last == "id" || last == "name" ? String(words[words.count - 2]) : String(last)
    }
}
