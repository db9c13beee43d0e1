import Basics

/// When a file on trial is taken back: a CEL expression over `new` and `old`, which gives true or false.
public struct RollbackExpression: Sendable, Hashable {
    public let source: String
    private let program: Program

    /// What the requests came to that one file served.
    public struct Figures: Sendable, Hashable {
        /// Shares, 0–1.
        public var errorRate = 0.0
        public var refusals = 0.0
        /// USD.
        public var costPerRequest = 0.0
        /// The median.
        public var firstByteMilliseconds = 0.0
        public var requests = 0

        public init() {}

        fileprivate var value: CELValue {
            let entries: [(key: CELValue, value: CELValue)] = [
                (.string("error_rate"), .double(errorRate)), (.string("refusals"), .double(refusals)),
                (.string("cost_per_request"), .double(costPerRequest)),
                (.string("first_byte_ms"), .double(firstByteMilliseconds)),
                (.string("requests"), .double(Double(requests))),
            ]
            return CELMap(entries).map { .map($0) } ?? .null
        }
    }

    /// What `new` and `old` have.
    public static let names = ["error_rate", "refusals", "cost_per_request", "first_byte_ms", "requests"]

    /// Throws where and why `source` is no such expression; that it names what there is not is found by trying it.
    public init(_ source: String) throws(Condition.Problem) {
        do throws(SyntaxProblem) {
            let expr = try Parser.parse(source)
            var environment = Environment()
            environment.strictness = .complete
            environment.bind("new", .map(.string, .dyn))
            environment.bind("old", .map(.string, .dyn))
            var checker = Checker(environment)
            let (node, type) = try checker.check(expr)
            try checker.require(type, .bool, expr.span) { "'rollback_if' must be true or false, this is \($0.described(type))" }
            self.source = source
            program = Program(node, slotCount: checker.slotCount)
        } catch {
            throw Condition.Problem(error)
        }
        for (new, old) in Self.samples {
            guard case .failure(let error) = run(new, old) else { continue }
            throw Condition.Problem(
                offset: 0, length: source.unicodeScalars.count,
                message: "\(error.message); 'new' and 'old' have \(Self.names.joined(separator: ", ")), "
                    + "and numbers are written with a fraction (2.0)")
        }
    }

    /// Whether the new file is to be taken back. What cannot be computed does not hold.
    public func holds(new: Figures, old: Figures) -> Bool {
        guard case .success(.bool(true)) = run(new, old) else { return false }
        return true
    }

    private func run(_ new: Figures, _ old: Figures) -> Result<CELValue, EvaluationError> {
        var frame = Frame(locals: [new.value, old.value])
        do throws(EvaluationError) {
            let value = try program.run(Facts(), &frame)
            guard case .bool = value else {
                throw .failed("the value must be true or false, not \(value.typeName)")
            }
            return .success(value)
        } catch {
            return .failure(error)
        }
    }

    /// Nothing, all of it worse, and all of it better.
    private static let samples: [(Figures, Figures)] = {
        var bad = Figures()
        (bad.errorRate, bad.refusals, bad.costPerRequest, bad.firstByteMilliseconds, bad.requests) = (1, 1, 1, 60_000, 1_000)
        return [(Figures(), Figures()), (bad, Figures()), (Figures(), bad), (bad, bad)]
    }()

    public static func == (left: Self, right: Self) -> Bool { left.source == right.source }

    public func hash(into hasher: inout Hasher) { hasher.combine(source) }
}
