import RuleEngine
import Testing

@Suite struct RollbackExpressionTests {
    private static func figures(
        errors: Double = 0, refusals: Double = 0, cost: Double = 0, firstByte: Double = 0, requests: Int = 100
    ) -> RollbackExpression.Figures {
        var figures = RollbackExpression.Figures()
        figures.errorRate = errors
        figures.refusals = refusals
        figures.costPerRequest = cost
        figures.firstByteMilliseconds = firstByte
        figures.requests = requests
        return figures
    }

    @Test(arguments: [
        ("new.error_rate > 2.0 * old.error_rate + 0.01", 0.5, 0.1, true),
        ("new.error_rate > 2.0 * old.error_rate + 0.01", 0.2, 0.1, false),
        ("new.requests >= 20 && new.error_rate > 0.3", 0.5, 0.1, true),
        ("new.error_rate / old.error_rate > 3.0", 0.5, 0.1, true),
    ])
    func itComparesBothFiles(_ source: String, _ new: Double, _ old: Double, _ expected: Bool) throws {
        let expression = try RollbackExpression(source)
        #expect(expression.holds(new: Self.figures(errors: new), old: Self.figures(errors: old)) == expected)
    }

    @Test func allThatTheyHaveIsThere() throws {
        let source = RollbackExpression.names.map { "new.\($0) > old.\($0)" }.joined(separator: " && ")
        let new = Self.figures(errors: 1, refusals: 1, cost: 1, firstByte: 1, requests: 2)
        let expression = try RollbackExpression(source)
        #expect(expression.holds(new: new, old: Self.figures(requests: 1)))
    }

    @Test(arguments: [
        "new.error_rat > 0.1", "new.error_rate", "new.error_rate > 2 * old.error_rate", "new.error_rate >",
        "now.error_rate > 0.1",
        "'x'", "false || new.x > 1.0", "true && old.y > 1.0",
    ])
    func whatCannotWorkIsRefused(_ source: String) {
        #expect(throws: Condition.Problem.self) { _ = try RollbackExpression(source) }
    }
}
