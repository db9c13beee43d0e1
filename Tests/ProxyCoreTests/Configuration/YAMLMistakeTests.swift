import Foundation
import Testing

@testable import ProxyCore

/// What is no YAML is told in people's words, at the place to mend.
@Suite struct YAMLMistakeTests {
    private static let good = """
        listen: 127.0.0.1:8180
        state: ./state
        upstreams:
          up:
            url: http://localhost:8080
            dialect: anthropic
            key: ${K:-abc}
        rules:
          - name: all
            models: ["*"]
            when: request.size > 5
            tiers: [up]
        """

    @Test func theFileItselfIsGood() {
        #expect(ConfigurationFixture.load(Self.good).errors.isEmpty, "\(ConfigurationFixture.load(Self.good).errors)")
    }

    /// What stands there, what is written instead, where the message is, and a part of it.
    private static let mistakes: [(String, String, Int, Int, String)] = [
        (#"["*"]"#, "[*]", 10, 14, #"text that begins with '*' needs quotes: ["*"]"#),
        (#"["*"]"#, "*", 10, 13, #"text that begins with '*' needs quotes: ["*"]"#),
        (#"["*"]"#, "\n      - *", 11, 9, "text that begins with '*' needs quotes"),
        (#"["*"]"#, "[claude, *-x]", 10, 22, "text that begins with '*' needs quotes"),
        ("name: all", "name: & all", 9, 11, "text that begins with '&' needs quotes"),
        ("name: all", "name: @all", 9, 11, "text that begins with '@' needs quotes"),
        ("name: all", "name: `all`", 9, 11, "text that begins with '`' needs quotes"),
        ("name: all", "name: %all", 9, 11, "text that begins with '%' needs quotes"),
        ("${K:-abc}", "{{ .Values.key }}", 7, 10, "'{{ … }}' is a template's"),
        ("dialect: a", "dialect:a", 6, 12, "a blank is missing behind the colon: 'dialect: …'"),
        ("state: .", "state:.", 2, 6, "a blank is missing behind the colon: 'state: …'"),
        ("tiers: [", "tiers:[", 12, 10, "a blank is missing behind the colon: 'tiers: …'"),
        ("state: .", "state = .", 2, 7, "a key ends with a colon, not with '='"),
        ("dialect: a", "dialect a", 6, 5, "after 'dialect' comes a colon"),
        ("rules:", "rules", 8, 1, "after 'rules' comes a colon"),
        ("    dialect", "\tdialect", 6, 1, "a tab cannot indent YAML; use spaces"),
        ("    dialect", "    \tdialect", 6, 5, "a tab cannot indent YAML; use spaces"),
        ("    dialect", "\u{A0}   dialect", 6, 1, "this blank is none to YAML (U+A0); write a space"),
        (
            "    dialect", "      dialect", 6, 7,
            "deeper than line 5, whose value is complete; 4 spaces put it beside 'url' (line 5)"
        ),
        ("    dialect", "   dialect", 6, 4, "indented by 3 spaces, which fits no line above: 4 put it beside 'url' (line 5)"),
        ("    models", "   models", 10, 4, "4 put it beside 'name' (line 9), 2 put it beside the '- ' of line 9"),
        ("    tiers", "  tiers", 12, 3, "belongs to no item of the list: 4 spaces put it beside 'when' (line 11)"),
        ("    tiers", "    - tiers", 12, 5, "a list item ('- ') cannot stand beside the keys of a mapping"),
        ("  - name", "  -name", 9, 3, "a blank is missing behind the '-'"),
        ("rules:\n  - name", "rules: - name", 8, 8, "a list item cannot begin here"),
        ("name: all", "name: \"all", 9, 11, "the quote that begins here is not closed"),
        ("name: all", "name: 'all", 9, 11, "the quote that begins here is not closed"),
        (#"["*"]"#, #"["*""#, 10, 13, "the '[' that begins here is not closed"),
        (#"["*"]"#, "[a, b", 10, 13, "the '[' that begins here is not closed"),
        ("tiers: [up]", "tiers: [", 12, 12, "the '[' that begins here is not closed"),
        ("[up]", "[up", 12, 12, "the '[' that begins here is not closed"),
        ("dialect: anthropic", "headers: {x: y", 6, 14, "the '{' that begins here is not closed"),
        ("url: http://localhost:8080", "headers: {", 5, 14, "the '{' that begins here is not closed"),
        ("[up]", "[{upstream: up]", 12, 13, "the '{' that begins here is not closed: ']' comes first, in column 26"),
        ("[up]", "[up]]", 12, 16, "this ']' closes nothing"),
        (#"["*"]"#, #"["a" "b"]"#, 10, 18, "a comma is missing before this"),
        ("127.0.0.1:8180", "[::1]:8180", 1, 9, "a text that begins with '[' needs quotes around all of it"),
        (#"["*"]"#, "[${K}]", 10, 14, "within [ ] and { } a reference needs quotes: \"${NAME}\""),
        ("name: all", "name: all: of them", 9, 14, "a value that holds one needs quotes"),
        ("request.size > 5", #""x" == request.model"#, 11, 11, "text follows the closing quote"),
        ("request.size > 5", #""request.model.matches('\d')""#, 11, 35, "a backslash begins an escape"),
        ("state: ./state", "state: ./state\n---\nlog: {}", 3, 1, "a second document begins here"),
        ("listen: 127.0.0.1:8180", "[server]\nlisten = 1", 2, 1, "this looks like TOML"),
    ]

    @Test(arguments: mistakes)
    func aMistakeIsToldWhereItIs(_ what: String, _ instead: String, _ line: Int, _ column: Int, _ message: String) throws {
        let range = try #require(Self.good.range(of: what))
        let text = Self.good.replacingCharacters(in: range, with: instead)
        let errors = ConfigurationFixture.load(text).errors
        let first = try #require(errors.first, "nothing is wrong with \(instead)")
        #expect(errors.count == 1, "\(errors)")
        #expect(first.message.contains(message), "\(first.message)")
        #expect(first.location.line == line, "\(first)")
        #expect(first.location.column == column, "\(first)")
    }

    @Test(arguments: [
        "name: 'it''s'", "name: \"all\n      of them\"", "name: it's", "name: a \"b\" c", "name: |-\n      say \"x",
        "name: \"a\" # \"b",
    ])
    func whatOnlyLooksWrongIsNotBlamed(_ name: String) throws {
        let range = try #require(Self.good.range(of: "name: all"))
        let text = Self.good.replacingCharacters(in: range, with: name).replacingOccurrences(of: "    tiers", with: "   tiers")
        let error = try #require(ConfigurationFixture.load(text).errors.first)
        #expect(error.message.contains("indented by 3 spaces"), "\(error.message)")
    }

    @Test func aScanEndsWhateverTheTextIs() {
        for text in ["'", "\"\\", "- |", "[{", "a: 'b\n\n", "}", "\"", "${", "- - -", ":", "\t", "'\n'\n'", "{a: ${", "|"] {
            let source = SourceText(file: "f", bytes: Array(text.utf8))
            _ = YAMLScan(source, upTo: 9)
            for line in 0...3 {
                for column in 0...3 {
                    let place = YAMLScan.Place(line: line, column: column)
                    for problem in ["expected key", "mapping values are not allowed", "could not find expected ':'", "x"] {
                        let mistake = YAMLMistake(source: source, problem: problem, context: "", mark: place, began: place)
                        #expect(!mistake.explain().message.isEmpty)
                    }
                }
            }
        }
    }
}
