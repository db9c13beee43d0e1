import Testing

@testable import RuleEngine

@Suite struct GlobTests {
    @Test(
        arguments: [
            ("claude-opus", "claude-opus", "-"), ("claude-opus", "claude-opus-4", nil), ("claude-opus", "Claude-opus", nil),
            ("*", "anything", "anything"), ("*", "", ""), ("**", "x", "x"),
            ("claude-*", "claude-opus", "opus"), ("claude-*", "claude-", ""), ("claude-*", "claud", nil),
            ("openai/*", "openai/gpt/5", "gpt/5"), ("*-thinking", "opus-thinking", "opus"), ("*-thinking", "opus", nil),
            ("a*b", "ab", ""), ("a*a", "a", nil), ("a*b", "axb", "x"), ("a*b*c", "aXbYbZc", "X"), ("*b*", "aab", "aa"),
            ("*b*", "aa", nil), ("a**b", "a-b", "-"), ("a*bc*d", "abcbcd", ""), ("é*", "épée", "pée"), ("", "", "-"),
            ("", "a", nil),
            ("*aab*", "aaab", "a"), ("x*aab", "xaaab", "a"),
        ] as [(String, String, String?)])
    func matchesAndCaptures(_ glob: String, _ name: String, _ expected: String?) {
        let match = Glob(glob).match(name)
        #expect(match.map { $0.text ?? "-" } == expected)
    }

    @Test func manyStarsTakeLinearTime() {
        let glob = Glob(String(repeating: "*a", count: 2_000) + "*b")
        #expect(glob.match(String(repeating: "a", count: 100_000)) == nil)
    }

    @Test(arguments: [
        ("*", "a*", true), ("a*", "*", false), ("a*", "ab*", true), ("ab*", "a*", false), ("a*", "a", true), ("a", "a", true),
        ("a", "a*", false), ("*b*", "abc", true), ("*b*", "a*c", false), ("a*c", "a*b*c", true), ("a*b*c", "a*c", false),
        ("*-*", "*-", true), ("*", "", true),
    ])
    func coversWhatTheOtherMatches(_ glob: String, _ other: String, _ expected: Bool) {
        #expect(Glob(glob).covers(Glob(other)) == expected)
    }

    @Test func anEmptyListOfModelsMatchesEveryModelAndCapturesNothing() throws {
        let rule = Rule(name: "all", models: [], condition: nil, action: .reject(Rejection(status: 403, message: "no")))
        let capture = try #require(rule.match("m"))
        #expect(capture.text == nil)
    }
}
