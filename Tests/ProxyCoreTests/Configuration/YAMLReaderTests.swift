import Testing

@testable import ProxyCore

@Suite struct YAMLReaderTests {
    private func read(_ text: String, bounds: YAMLReader.Bounds = YAMLReader.Bounds()) -> YAMLReader.Result {
        YAMLReader.read(Array(text.utf8), file: "f.yaml", bounds: bounds)
    }

    private func shape(_ node: YAMLNode?) -> String {
        guard let node else { return "-" }
        switch node.content {
        case .scalar(let scalar): return scalar.text
        case .sequence(let items): return "[" + items.map { shape($0) }.joined(separator: ",") + "]"
        case .mapping(let entries): return "{" + entries.map { "\($0.key):\(shape($0.value))" }.joined(separator: ",") + "}"
        }
    }

    @Test(arguments: [
        ("a: 1\nb: [x, y]\n", "{a:1,b:[x,y]}"),
        ("- 'it''s'\n- \"a\\tb\"\n", "[it's,a\tb]"),
        ("a: |\n  one\n  two\nb: >\n  one\n  two\n", "{a:one\ntwo\n,b:one two\n}"),
        ("a: &x [1, 2]\nb: *x\n", "{a:[1,2],b:[1,2]}"),
        ("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\n", "{base:{x:1,y:2},use:{y:3,x:1}}"),
        ("a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}\n", "{a:{x:1},b:{x:2,z:3},c:{x:1,z:3}}"),
        ("a: {\"<<\": 1}\n", "{a:{<<:1}}"),
        ("a: [127.0.0.0/8, ::1]\nb: {c: ::1, d: ::}\n", "{a:[127.0.0.0/8,::1],b:{c:::1,d:::}}"),
        ("a: ' ::1'\nb: [::1, \u{10FFFD}]\n", "-"),
        ("\u{FEFF}a: 1\r\nb: 2\r\n", "{a:1,b:2}"),
        ("on: yes\n5: no\n", "{on:yes,5:no}"),
        ("# nothing\n", "-"), ("", "-"),
    ])
    func documentsBecomeTrees(_ text: String, _ expected: String) {
        #expect(shape(read(text).node) == expected)
    }

    @Test func everyKeyAndValueHasItsPlace() throws {
        let node = try #require(read("top:\n  - name: é  # x\n    list: [one, 'two']\n").node)
        guard case .mapping(let top) = node.content, case .sequence(let items) = top[0].value.content,
            case .mapping(let entries) = items[0].content, case .sequence(let list) = entries[1].value.content
        else {
            Issue.record("another shape")
            return
        }
        #expect(top[0].keyLocation == SourceLocation(file: "f.yaml", line: 1, column: 1))
        #expect(items[0].start == SourceLocation(file: "f.yaml", line: 2, column: 5))
        #expect(entries[0].value.start == SourceLocation(file: "f.yaml", line: 2, column: 11))
        #expect(entries[0].value.end == SourceLocation(file: "f.yaml", line: 2, column: 12))
        #expect(list[1].start == SourceLocation(file: "f.yaml", line: 3, column: 17))
    }

    @Test(arguments: [
        ("a: 1\na: 2\n", "f.yaml:2:1: error: 'a' is written twice in one mapping; the first is at f.yaml:1:1"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: error: a tab cannot indent YAML; use spaces"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second document begins here; the file holds one"),
        ("a: *x\n", "f.yaml:1:4: error: no anchor of this name stands before (text that begins with '*' needs quotes)"),
        ("a: &x [*x]\n", "f.yaml:1:8: error: an alias stands inside the value it names"),
        ("{[a]: 1}\n", "f.yaml:1:2: error: a key must be a single value"),
        ("a: {<<: 5}\n", "f.yaml:1:9: error: '<<' takes a mapping or a list of mappings"),
        (
            "a: [1\nb: 2\n",
            "f.yaml:1:4: error: the '[' that begins here is not closed"
        ),
        ("a: \u{1}\n", "f.yaml:1:4: error: control characters are not allowed"),
    ])
    func whatIsNoGoodYAMLIsToldWithItsPlace(_ text: String, _ expected: String) {
        #expect(read(text).problems.map { DiagnosticRenderer.text($0) } == [expected])
    }

    @Test(
        arguments: [
            ([0x61, 0x3A, 0x20, 0xFF], "f.yaml:1:4: error: the file is not UTF-8"),
            ([0xFF, 0xFE, 0x61, 0x00], "f.yaml:1:1: error: the file is not UTF-8 but UTF-16; save it as UTF-8"),
            ([0x61, 0x3A, 0x0A, 0x20, 0xC3, 0xA9, 0xED, 0xA0, 0x80], "f.yaml:2:3: error: the file is not UTF-8"),
        ] as [([UInt8], String)])
    func onlyUTF8IsRead(_ bytes: [UInt8], _ expected: String) {
        #expect(YAMLReader.read(bytes, file: "f.yaml").problems.map { DiagnosticRenderer.text($0) } == [expected])
    }

    private static let tower: String = {
        var text = "a0: &a0 {k: v}\n"
        for level in 1..<12 {
            let below: [String] = Array(repeating: "*a\(level - 1)", count: 10)
            text += "a\(level): &a\(level) {<<: [" + below.joined(separator: ", ") + "]}\n"
        }
        return text
    }()

    private static let nested: String = {
        var text = "a0: &a0 [x]\n"
        for level in 1..<100 { text += "a\(level): &a\(level) [*a\(level - 1)]\n" }
        return text
    }()

    private static let blocks: String = {
        var text = ""
        for depth in 0..<3000 { text += String(repeating: " ", count: depth) + "k\(depth):\n" }
        return text
    }()

    private static let bombs: [(String, String)] = [
        (
            "aliases of aliases",
            "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
                + (1..<12).map { "a\($0): &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 10).joined(separator: ", "))]\n" }
                .joined()
        ),
        (
            "one long list again and again",
            "a: &a [" + String(repeating: "x, ", count: 20_000) + "x]\nb: ["
                + String(repeating: "*a, ", count: 20_000) + "*a]\n"
        ),
        (
            "merge keys in a tower",
            tower
        ),
        ("brackets", "a: " + String(repeating: "[", count: 200_000)),
        ("blocks", blocks),
        ("aliases that nest", nested),
        ("bytes", "# " + String(repeating: "x", count: 2 << 20)),
    ]

    @Test(arguments: bombs)
    func noFileExhaustsMemory(_ what: String, _ text: String) {
        let result = read(text)
        #expect(result.node == nil, "\(what)")
        #expect(result.problems.count == 1)
    }

    @Test func aFileAtTheBoundsIsRead() {
        #expect(read(String(repeating: "[", count: 64) + String(repeating: "]", count: 64)).problems.isEmpty)
        #expect(!read(String(repeating: "[", count: 65) + String(repeating: "]", count: 65)).problems.isEmpty)
        let bounds = YAMLReader.Bounds(bytes: 100, depth: 3, nodes: 4)
        #expect(read("[1, 2, 3]", bounds: bounds).problems.isEmpty)
        #expect(!read("[1, 2, 3, 4]", bounds: bounds).problems.isEmpty)
    }

    @Test(arguments: [
        ("a: key.plicy == 1", 4, "1:8"), ("a: 'key.plicy'", 4, "1:9"), ("a: \"x.y\"", 2, "1:7"),
        ("a: |\n  one\n  two", 4, "3:3"), ("a: >\n  one\n  two", 4, "3:3"), ("a: one\n   two", 4, "2:4"),
        ("a: \"\\ty.z\"", 3, "1:9"), ("a: 'it''s x'", 5, "1:11"), ("a: é.x", 2, "1:6"),
        ("a: \"\\x41\\u00e9\\U0001F431z\"", 3, "1:25"), ("a: \"x \\\n   y\"", 2, "2:4"), ("a: \"x\\\n  \\  y\"", 3, "2:6"),
        ("a: \"x\n\n  y z\"", 4, "3:5"), ("a: \"one\n  \\\"two\"", 5, "2:5"), ("a: \"\\ \\ x\"", 2, "1:9"),
        ("a: >\n  one\n\n  two\n   x\n  y", 9, "5:4"), ("a: |2\n   one\n  two", 5, "3:3"), ("a: |\r\n  one\r\n  two", 4, "3:3"),
        ("a: 'one\n\n  two'", 4, "3:3"), ("a: ''''''", 1, "1:7"),
    ])
    func aPartOfAScalarHasAPlace(_ text: String, _ offset: Int, _ expected: String) throws {
        let node = try #require(read(text).node?.entry("a")?.value)
        let place = SourceText(file: "f.yaml", bytes: Array(text.utf8)).location(ofScalar: offset, in: node)
        #expect("\(place.line):\(place.column)" == expected)
    }

    @Test(arguments: [
        ("a: key.plicy == 1", 0, 9, 9), ("a: \"x\\\"y\\\"z\"", 1, 3, 5), ("a: 'x''y'", 0, 3, 4), ("a: one\n   two", 0, 7, 3),
        ("a: |\n  one\n  two", 4, 3, 3), ("a: >\n  one   \n  two", 0, 4, 3), ("a: \"\\u0041\"", 0, 1, 6), ("a: x", 0, 9, 1),
    ])
    func aPartOfAScalarHasALength(_ text: String, _ offset: Int, _ count: Int, _ expected: Int) throws {
        let node = try #require(read(text).node?.entry("a")?.value)
        #expect(SourceText(file: "f.yaml", bytes: Array(text.utf8)).length(ofScalar: offset, count: count, in: node) == expected)
    }
}
