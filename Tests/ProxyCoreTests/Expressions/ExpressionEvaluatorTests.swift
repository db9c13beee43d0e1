import Testing

@testable import ProxyCore

@Suite struct ExpressionEvaluatorTests {
    private func answer(_ line: String) -> String {
        String(decoding: ExpressionEvaluator.answer(line: Array(line.utf8)), as: UTF8.self)
    }

    @Test(arguments: [
        (#"{"expr": "1 + 1"}"#, #"{"value":{"int":"2"}}"#),
        (#"{"expr": "x", "bindings": {"x": {"uint": "18446744073709551615"}}}"#, #"{"value":{"uint":"18446744073709551615"}}"#),
        (#"{"expr": "x + b'\\xff'", "bindings": {"x": {"bytes": "00"}}}"#, #"{"value":{"bytes":"00ff"}}"#),
        (
            #"{"expr": "{'a': [1.5, null, true]}"}"#,
            #"{"value":{"map":[[{"string":"a"},{"list":[{"double":"1.5"},{"null":null},{"bool":true}]}]]}}"#
        ),
        (
            #"{"expr": "[type(1), -0.0, 1.0 / 0.0, 0.0 / 0.0]"}"#,
            #"{"value":{"list":[{"type":"int"},{"double":"-0.0"},{"double":"Infinity"},{"double":"NaN"}]}}"#
        ),
        (#"{"expr": "a.b.c", "bindings": {"a.b": {"map": [[{"string": "c"}, {"int": "4"}]]}}}"#, #"{"value":{"int":"4"}}"#),
        (
            #"{"expr": "timestamp(0) + x", "bindings": {"x": {"duration": "1.5s"}}}"#,
            #"{"value":{"timestamp":"1970-01-01T00:00:01.5Z"}}"#
        ),
        (#"{"expr": "[optional.none(), optional.of(1)]"}"#, #"{"value":{"list":[{"optional":null},{"optional":{"int":"1"}}]}}"#),
        // JSON as it comes; a line says whether its types are looked at.
        (
            #"{"expr": "r.n + r.l[0] == 3 && r.s == 'é'", "bindings": {"r": {"n": 1, "l": [2, 1.5], "s": "é"}}}"#,
            #"{"value":{"bool":true}}"#
        ),
        (#"{"expr": "1 == 'a'"}"#, #"{"value":{"bool":false}}"#),
        (#"{"expr": "1 == 'a'", "disable_check": false}"#, #"{"error":"1:1: no such overload: int == string"}"#),
        (#"{"expr": "1", "bindings": null}"#, #"{"value":{"int":"1"}}"#),
        // What has no value, what is no expression, what is no line.
        (#"{"expr": "1 / 0"}"#, #"{"error":"division by zero"}"#), (#"{"expr": "y"}"#, #"{"error":"'y' is not known"}"#),
        (#"{"expr": "1 +\n  * 2"}"#, #"{"error":"2:3: a value is expected, not '*'"}"#),
        (#"{"bindings": {}}"#, #"{"error":"'expr' is missing, or is no text"}"#),
        (#"{"expr": 1}"#, #"{"error":"'expr' is missing, or is no text"}"#),
        (#"{"expr": "\ud800"}"#, #"{"error":"'expr' is missing, or is no text"}"#),
        (#"{"expr": "1", "bindings": []}"#, #"{"error":"the bindings are no object"}"#),
        (#"{"expr": "1", "bindings": {"x": {"int": "1.5"}}}"#, #"{"error":"the value of 'x' cannot be read"}"#),
        (#"{"expr": "1", "bindings": {"x": {"map": [[{"int": "1"}]]}}}"#, #"{"error":"the value of 'x' cannot be read"}"#),
        (#"{"expr": "1", "bindings": {"x": 1e999}}"#, #"{"error":"the value of 'x' cannot be read"}"#),
        (#"{"expr": "1", "bindings": {"x": 99999999999999999999}}"#, #"{"error":"the value of 'x' cannot be read"}"#),
        (#"{"expr": "1", "expr": "2"}"#, #"{"error":"the line is no JSON: a name is there twice, at byte 16"}"#),
        ("[1]", #"{"error":"the line is no object; write {\"expr\": \"1 + 1\"}"}"#),
        ("", #"{"error":"the line is no JSON: there is nothing"}"#),
        ("{", #"{"error":"the line is no JSON: something is wrong at byte 2"}"#),
        ("{} {}", #"{"error":"the line is no JSON: more follows at byte 4"}"#),
    ])
    func answersEveryLine(_ line: String, _ expected: String) {
        #expect(answer(line) == expected)
    }

    @Test func answersWhatIsNoTextAndWhatIsTooMuch() {
        let noText = ExpressionEvaluator.answer(line: [0x22, 0xFF, 0x22])
        #expect(String(decoding: noText, as: UTF8.self) == #"{"error":"the line is no UTF-8"}"#)
        let deep = String(repeating: "[", count: 100_000)
        #expect(answer(#"{"expr": "1", "bindings": "# + deep).contains("nested too deep"))
        let nested = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(answer(#"{"expr": "1", "bindings": {"x": \#(nested)}}"#).contains("cannot be read"))
        #expect(answer(#"{"expr": "\#(String(repeating: "a", count: 20_000))"}"#).contains("longer than"))
        #expect(answer(String(repeating: " ", count: ExpressionEvaluator.mostBytes + 1)).contains("more than"))
        let zone = answer(#"{"expr": "timestamp('2026-02-11T15:00:00Z').getHours('../../etc/passwd')"}"#)
        #expect(zone == #"{"error":"time zone '../../etc/passwd' is not known"}"#)
    }

    @Test func tellsWhereAnExpressionIsWrong() {
        let answer = ExpressionEvaluator.evaluate("true &&\n  kye == 'x'", bindings: Array(#"{"key": "x"}"#.utf8))
        guard case .refused(let problem) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(
            DiagnosticRenderer.text(problem) == """
                expression:2:3: error: 'kye' is not known; there are key (did you mean 'key'?)
                    2 |   kye == 'x'
                      |   ^~~
                """)
        #expect(
            ExpressionEvaluator.evaluate("1", bindings: Array("[".utf8))
                == .unreadable("the file is no JSON: something is wrong at byte 2"))
        #expect(ExpressionEvaluator.evaluate("x * 2", bindings: Array(#"{"x": 21}"#.utf8)) == .value(.int(42)))
    }
}

@Suite struct LineCutterTests {
    private static let text = "one\ntwo\r\n\nfour is too long\nfive\nsix"

    private func cut(_ pieces: [[UInt8]]) -> [String] {
        var cutter = LineCutter(limit: 5)
        var lines: [LineCutter.Line] = []
        for piece in pieces { lines += cutter.feed(piece) }
        if let last = cutter.finish() { lines.append(last) }
        return lines.map { line in
            if case .whole(let bytes) = line { String(decoding: bytes, as: UTF8.self) } else { "…" }
        }
    }

    @Test func linesAreTheSameHoweverTheyCome() {
        let bytes = Array(Self.text.utf8)
        let expected = ["one", "two", "", "…", "five", "six"]
        #expect(cut([bytes]) == expected)
        #expect(cut(bytes.map { [$0] }) == expected)
        for place in 0...bytes.count { #expect(cut([Array(bytes[..<place]), Array(bytes[place...])]) == expected) }
        #expect(cut([Array("a\n".utf8)]) == ["a"])
        #expect(cut([]) == [])
    }
}
