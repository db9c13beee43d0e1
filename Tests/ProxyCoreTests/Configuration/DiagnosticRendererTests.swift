import Foundation
import Testing

@testable import ProxyCore

@Suite struct DiagnosticRendererTests {
    private func render(_ line: String?, column: Int, length: Int) -> String {
        let place = SourceLocation(file: "f.yaml", line: 41, column: column)
        return DiagnosticRenderer.text(
            Diagnostic(.error, at: place, path: "rules[2].tiers[0]", message: "no", length: length, sourceLine: line))
    }

    @Test func theLineAndACaretFollowTheMessage() {
        #expect(
            render("      - antigravty/claude", column: 9, length: 10) == """
                f.yaml:41:9: error: rules[2].tiers[0]: no
                   41 |       - antigravty/claude
                      |         ^~~~~~~~~~
                """)
    }

    @Test(arguments: [
        ("\ta: b", 2, 1, "   41 | \ta: b\n      | \t^"),
        ("a", 9, 5, "   41 | a\n      |  ^"), ("团: é b", 6, 1, "   41 | 团: é b\n      | \u{3000}    ^"),
        ("a\u{1B}[31m", 1, 1, "   41 | a\u{FFFD}[31m\n      | ^"),
        (String(repeating: "x", count: 300), 2, 3, "   41 | \(String(repeating: "x", count: 120))…\n      |  ^~~"),
        (
            String(repeating: "x", count: 300), 250, 1,
            "   41 | …\(String(repeating: "x", count: 111))\n      | \(String(repeating: " ", count: 61))^"
        ),
    ])
    func linesOfAllKindsAreShown(_ line: String, _ column: Int, _ length: Int, _ expected: String) {
        #expect(render(line, column: column, length: length) == "f.yaml:41:\(column): error: rules[2].tiers[0]: no\n" + expected)
    }

    @Test func withoutALineThereIsNone() {
        #expect(render(nil, column: 1, length: 1) == "f.yaml:41:1: error: rules[2].tiers[0]: no")
    }

    @Test func jsonHoldsEverything() throws {
        let result = ConfigurationFixture.load("rules: [{tiers: [\"x\\\"y\"]}]\nstat: 1\n")
        let value = try JSONSerialization.jsonObject(with: Data(DiagnosticRenderer.json(result.diagnostics).utf8))
        let object = try #require(value as? [String: Any])
        #expect(object["valid"] as? Bool == false)
        #expect(object["errors"] as? Int == result.errors.count)
        let list = try #require(object["diagnostics"] as? [[String: Any]])
        #expect(list.count == result.diagnostics.count)
        #expect(list.allSatisfy { $0["line"] is Int && $0["column"] is Int && $0["file"] is String && $0["message"] is String })
    }
}
