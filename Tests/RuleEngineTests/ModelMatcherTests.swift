import Basics
import Testing

@testable import RuleEngine

@Suite struct ModelMatcherTests {
    private static let pieces = ["", "a", "b", "ab", "ba", "*", "**", "é"]

    /// The flat form and the globs themselves are two ways to the same answer.
    @Test func findsAndCapturesWhatTheGlobsDo() {
        var generator = SplitMix64(state: 7)
        func text(_ count: Int) -> String {
            (0..<count).map { _ in ModelMatcherTests.pieces.randomElement(using: &generator) ?? "" }.joined()
        }
        for _ in 0..<3_000 {
            let rules = (0..<3).map { index in
                let globs = (0..<Int.random(in: 0...2, using: &generator)).map { _ in Glob(text(3)) }
                return Rule(name: "r\(index)", models: globs, condition: nil, action: .route([]))
            }
            var facts = Facts()
            facts.request.model = text(4)
            let expected = rules.indices.first { rules[$0].match(facts.request.model) != nil }
            switch RuleSet(rules).decide(facts) {
            case .route(let rule, let capture):
                #expect(rule == expected)
                #expect(capture == rules[rule].match(facts.request.model)?.text)
            case .noMatch: #expect(expected == nil)
            case .reject: Issue.record("no rule rejects")
            }
        }
    }
}
