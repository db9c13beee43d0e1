import Basics

/// What somebody who logs in may do: a CEL expression over `claims`, which gives the name of a role, or the empty text for none.
public struct RoleExpression: Sendable, Hashable {
    public let source: String
    private let program: Program

    /// What an issuer says of somebody, as JSON has it.
    public indirect enum Claim: Sendable {
        case null
        case bool(Bool)
        case int(Int)
        case double(Double)
        case text(String)
        case list([Claim])
        /// A name that is there twice makes it unusable.
        case map([(name: String, value: Claim)])
    }

    public enum Outcome: Sendable, Hashable {
        /// Empty: no role.
        case role(String)
        /// Evaluation failed: a claim that is not there, a text where a list was expected.
        case failed(String)
    }

    /// Throws where and why `source` gives no role. A text that stands there as the result has to be one of `roles`, or empty.
    public init(_ source: String, roles: [String]) throws(Condition.Problem) {
        do throws(SyntaxProblem) {
            let expr = try Parser.parse(source)
            var environment = Environment()
            environment.strictness = .complete
            environment.bind("claims", .map(.string, .dyn))
            var checker = Checker(environment)
            let (node, type) = try checker.check(expr)
            try checker.require(type, .string, expr.span) { "'roles' must be a text, this is \($0.described(type))" }
            try Self.checkResults(of: expr, roles)
            self.source = source
            program = Program(node, slotCount: checker.slotCount)
        } catch {
            throw Condition.Problem(error)
        }
    }

    /// The texts that are written as results, in each branch.
    private static func checkResults(of expr: Expr, _ roles: [String]) throws(SyntaxProblem) {
        switch expr.kind {
        case .conditional(_, let yes, let no):
            try checkResults(of: yes, roles)
            try checkResults(of: no, roles)
        case .bind(_, _, let body): try checkResults(of: body, roles)
        case .literal(.string(let text)) where !text.isEmpty && !roles.contains(text):
            let hint = Suggestion.text(for: text, among: roles)
            throw SyntaxProblem(
                span: expr.span, message: "'\(text.prefix(60))' is no role\(hint); there are \(roles.joined(separator: ", "))")
        default: break
        }
    }

    /// Total and without side effects: what cannot be computed, or takes too many steps, is `.failed`.
    public func evaluate(claims: [(name: String, value: Claim)]) -> Outcome {
        guard let value = Claim.map(claims).value(depth: 0) else {
            return .failed("the claims are nested too deep, or one is there twice")
        }
        var frame = Frame(locals: [value])
        do throws(EvaluationError) {
            let value = try program.run(Facts(), &frame)
            guard case .string(let text) = value else { return .failed("the value must be a text, not \(value.typeName)") }
            return .role(text)
        } catch {
            return .failed(error.message)
        }
    }

    public static func == (left: Self, right: Self) -> Bool { left.source == right.source }

    public func hash(into hasher: inout Hasher) { hasher.combine(source) }
}

extension RoleExpression.Claim {
    private static let maximumDepth = 32

    /// nil for what is nested too deep, and for an object that has a name twice.
    fileprivate func value(depth: Int) -> CELValue? {
        guard depth <= Self.maximumDepth else { return nil }
        switch self {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .int(let value): return .int(value)
        case .double(let value): return .double(value)
        case .text(let value): return .string(value)
        case .list(let elements):
            var values: [CELValue] = []
            for element in elements {
                guard let value = element.value(depth: depth + 1) else { return nil }
                values.append(value)
            }
            return .list(values)
        case .map(let members):
            var entries: [(key: CELValue, value: CELValue)] = []
            for member in members {
                guard let value = member.value.value(depth: depth + 1) else { return nil }
                entries.append((.string(member.name), value))
            }
            return CELMap(entries).map { .map($0) }
        }
    }
}
