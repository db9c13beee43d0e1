import Testing

@testable import RuleEngine

@Suite struct RegexTests {
    @Test(arguments: [
        ("ubb", "hubba", true), ("^ubb", "hubba", false), ("a$", "hubba", true), ("^$", "", true), ("a|b|", "x", true),
        ("^(a|b)+$", "abba", true),
        ("^(a|b)+$", "abca", false), ("^a{2,3}$", "aaa", true), ("^a{2,3}$", "aaaa", false), ("^a{2}$", "aa", true),
        ("^a{2,}$", "aaaaa", true),
        ("a{", "a{", true), ("a{,2}", "a{,2}", true), ("^[a-c]+$", "abc", true), ("^[^a-c]+$", "xyz", true),
        ("^[^a-c]+$", "xbz", false),
        ("^[]a]+$", "]a", true), ("[[:digit:]]", "x1", true), ("[^[:digit:]]", "11", false), ("^\\d+\\.\\d*$", "3.14", true),
        ("\\bfoo\\b", "a foo b", true),
        ("\\bfoo\\b", "afoo", false), ("(?i)HeLLo", "hEllO", true), ("(?i)é", "É", true), ("a.c", "a\nc", false),
        ("(?s)a.c", "a\nc", true), ("(?m)^b$", "a\nb\nc", true),
        ("^b$", "a\nb\nc", false), ("(?:ab)+", "xababx", true), ("(?P<n>a)b", "ab", true), ("\\Qa.b\\E", "a.b", true),
        ("\\Qa.b\\E", "axb", false),
        ("\\x41\\x{1F431}", "A🐱", true), ("^.$", "🐱", true), ("a*?b", "aab", true),
        ("((a*)*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false),
        ("(?i:a)b", "Ab", true), ("(?i:a)b", "AB", false), ("\\/", "/", true), ("[\\w.-]+@x", "a.b-c@x", true),
        ("^(?i)[a-z]+$", "ABC", true),
    ])
    func finds(_ pattern: String, _ text: String, _ expected: Bool) throws {
        var frame = Frame()
        #expect(try Regex(pattern).matches(text, &frame) == expected)
        #expect(try Regex(pattern).matchesOfMany(text, &frame) == expected)
    }

    @Test(arguments: [
        "(", ")", "[", "[a", "*", "a**", "(?=a)", "(?<=a)", "(?!a)", "(a)\\1", "\\", "a{2,1}", "a{1001}", "((a{100}){100}){100}",
        "[z-a]", "\\pL", "(?P<n",
        "\\x4", "[[:nope:]]", "(?x)a", String(repeating: "(", count: 100) + String(repeating: ")", count: 100),
        String(repeating: "a", count: 5_000),
    ])
    func refuses(_ pattern: String) {
        #expect(throws: RegexProblem.self) { try Regex(pattern) }
    }
}
