import Foundation
import Testing

@testable import ProxyCore

/// Whatever slip of the pen a file has, no diagnostic shows what its author meant to be secret.
@Suite struct ConfigurationSlipTests {
    private static let file = """
        listen: 127.0.0.1:8180
        admin: {key: CANARY-admin, allow_from: [127.0.0.0/8]}
        upstreams:
          a:
            url: "https://api.example.com/v1"
            dialect: openai
            accounts:
              - {name: one, key: "CANARY-flow"}
              - name: two
                key: >-
                  CANARY-folded
              - name: three
                key: |-
                  CANARY-literal
              - name: four
                key: "CANARY-\\
                  quoted"
              - name: five
                key: 'CANARY-single'
            headers:
              x-extra-token: CANARY-header
              extra: "CANARY-plain"
            timeouts: {connect: 5s}
          b:
            url: https://h.example.com
            dialect: anthropic
            key: CANARY-short
            quota: {poll: "https://x.example.com/q?sig=CANARY-poll", interval: 30s}
            headers: {x-a: CANARY-one, x-b: "CANARY-two"}
        rules:
          - {name: r, models: ["*"], tiers: [a, b]}
        policies: {default: {}}
        keys:
          - {name: k, key: CANARY-key, tags: {team: x}}
          - name: l
            key: CANARY-key-of-l
            policy: default
        lark:
          app_id: x
          app_secret: CANARY-app
          token_file: token.json
          forward_cards_to: "https://h.example.com/hook?key=CANARY-hook"
          encrypt_key: CANARY-encrypt
        """

    @Test func theFileItselfIsGood() {
        #expect(ConfigurationFixture.load(Self.file).errors.isEmpty, "\(ConfigurationFixture.load(Self.file).errors)")
    }

    private static let slips = ["", "\t", " ", "\n", "\"", ":", "#", "- ", "{", "'", "*", "&", "!", ",", "|"]

    /// One character taken away, or another in its place, or one more, where punctuation and indentation are: each slip at every
    /// 56th place, other ones each time.
    @Test(arguments: slips)
    func aSlipOfOneCharacterShowsNoSecret(_ slip: String) {
        let text = Array(Self.file.utf8)
        for index in stride(from: Int.random(in: 0..<56), to: text.count, by: 56) {
            guard !Character(UnicodeScalar(text[index])).isLetter else { continue }
            for replaces in [true, false] where !(slip.isEmpty && !replaces) {
                var changed = text
                changed.replaceSubrange(replaces ? index..<index + 1 : index..<index, with: Array(slip.utf8))
                check(String(decoding: changed, as: UTF8.self), "\(slip.debugDescription) at \(index)")
            }
        }
    }

    /// Each line moved to the left or to the right, glued to the one before, doubled, or gone: every slip where a secret stands, every
    /// third elsewhere.
    @Test func aSlipOfALineShowsNoSecret() {
        let lines = Self.file.components(separatedBy: "\n")
        for index in lines.indices {
            let line = lines[index]
            let bare = String(line.drop { $0 == " " })
            var seen: Set<[String]> = [[line]]
            let changes: [[String]] = [
                [], ["  " + line], ["\t" + line], [bare], ["  " + bare], ["- " + bare], ["      " + bare], [line, line],
                [bare + " x"],
                [bare.replacing(":", with: "")], [bare.replacing(": ", with: ":")], [line.replacing(": ", with: " ")],
                ["  " + bare.replacing(": ", with: "= ")], [line.replacing("CANARY", with: "!CANARY")],
                [line.replacing("CANARY", with: "*CANARY")],
                [line.replacing("key", with: "kye")], [line.replacing("headers", with: "header")],
            ]
            let different = changes.filter { seen.insert($0).inserted }
            let isOfSecret = ["CANARY", "key", "quoted"].contains { line.contains($0) }
            for (place, change) in different.enumerated() where isOfSecret || (index + place) % 3 == 0 {
                var changed = lines
                changed.replaceSubrange(index...index, with: change)
                check(changed.joined(separator: "\n"), "line \(index + 1): \(change)")
            }
            guard index > 0 else { continue }
            var glued = lines
            glued[index - 1] += " " + bare
            glued.remove(at: index)
            check(glued.joined(separator: "\n"), "line \(index + 1) glued to the one before")
        }
    }

    @Test(arguments: [
        "rules: [{tiers: [sk-ant-REDACTED]}]",
        "log: {level: AIzaSyA1234567890abcdefghijklmnopqrstuv}",
        "timezone: ghp_abcdefghijklmnop1234567890ABCDEFGHIJ",
        "policies: {x: {models: [a], sk-proj-abcdefghijklmnopqrstuvwx12: 1}}",
        "state: ${SKPROJ0ABCDEFGHIJKLMNOPQR1234}",
        "upstreams:\n  b: {url: http://h, dialect: 7f9a6b2c4d8e1f3a5b7c9d2e4f6a8b1c}",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9: x",
    ])
    func whatLooksLikeAKeyIsNotRepeated(_ line: String) {
        let result = ConfigurationFixture.load(ConfigurationFixture.file(line))
        let shown = DiagnosticRenderer.text(result.diagnostics) + DiagnosticRenderer.json(result.diagnostics)
        #expect(!result.errors.isEmpty)
        for word in line.split(whereSeparator: { " :{}[],$".contains($0) }) where word.count > 20 {
            #expect(!shown.contains(word), "\(shown)")
        }
    }

    @Test(arguments: [
        "    tiers: [antigravty/claude-opus-4-6-thinking]", "  - {name: all, models: [\"claude-*\", gpt-4o-2024-08-06]}",
        "listen: 127.0.0.1:8180", "timeouts: {first_byte: 5x}", "    hash: \"sha256:\(String(repeating: "0a", count: 32))\"",
        "    max_tokens: many", "policies: {free: {tokens_per_minute: x}}", "    message: \"Opus needs a paid plan\"",
    ])
    func harmlessLinesAreShown(_ line: String) {
        #expect(!SecretLines.mayHoldSecret(line))
    }

    @Test(arguments: [
        ("    dialect: opnai", "    dialect: opnai"), ("  x-a: abc", "  x-a: ***"), ("\t  CANARY-folded", "\t  *************"),
        ("    dialect: openai key: abc", "    dialect: openai key: ***"), ("models: [a, b]: c", "models: [a, b]: *"),
        ("  - {name: one, key: \"abc\"}", "  - {name: one, key: \"***\"}"), ("level: info # key abc", "level: info * *** ***"),
        ("    url: \"http://h/?a=b\"", "    url: \"*************\""), ("key:abc", "*******"), ("", ""),
    ])
    func linesOfABrokenFileShowKeysAndLittleElse(_ line: String, _ expected: String) {
        #expect(SecretLines.masked(1, of: SourceText(file: "f", bytes: Array(line.utf8))) == expected)
    }

    @Test(arguments: [
        ("keys: [{name: a, key: abc, polcy: x}]", 22..<25, "'polcy'", "keys: [{name: a, key: ***, polcy: *}]"),
        ("  kee: abc # note abc", 7..<10, "'kee'", "  kee: *** * **** ***"),
        ("admin: {key: k, listen: 1.2.3:80}", 13..<14, "'1.2.3:80'", "admin: {key: *, listen: 1.2.3:80}"),
        ("    headers: {x-key: abc, bad name: abc}", 0..<0, "", "    headers: {x-key: ***, *** name: ***}"),
        ("- {abc: , key: \"name: abc\"}", 15..<26, "", "- {***: , key: \"****: ***\"}"),
        ("  a: {url: \"http://h\", dialect: opnai, key: abc}", 44..<47, "", "  a: {url: \"********\", dialect: opnai, key: ***}"),
    ])
    func aLineBesideASecretShowsWhatCanBeNone(_ line: String, _ span: Range<Int>, _ message: String, _ expected: String) {
        let source = SourceText(file: "f", bytes: Array(line.utf8))
        #expect(SecretLines.excerpt(1, of: source, hiding: [span], naming: message) == expected)
    }

    private func check(_ text: String, _ what: String) {
        let result = ConfigurationFixture.load(text)
        let shown = DiagnosticRenderer.text(result.diagnostics) + DiagnosticRenderer.json(result.diagnostics)
        guard shown.contains("CANARY") else { return }
        let line = shown.split(separator: "\n").first { $0.contains("CANARY") }.map(String.init) ?? ""
        Issue.record("\(what): \(line)")
    }
}

@Suite struct WeakKeyTests {
    @Test(arguments: [
        "a", "short", String(repeating: "a", count: 40), "abababababababababababab", "changeme-changeme-changeme",
        "sk-your-secret-key-here-please",
        "password-password-12345",
    ])
    func keysThatCanBeGuessedAreWarnedAbout(_ key: String) {
        #expect(WeakKeys.weakness(of: Secret(key)) != nil)
    }

    @Test(arguments: ["sk-4f9a6b2c4d8e1f3a5b7c9d2e", "correct horse battery staple", "test-key-8d1f3a5b7c9d2e4f6a8b"])
    func otherKeysAreNot(_ key: String) {
        #expect(WeakKeys.weakness(of: Secret(key)) == nil)
    }

    @Test(arguments: ["", "test", "password", "admin\n", "Secret", "sk-test", "alice"])
    func hashesOfKnownWordsAreKnown(_ word: String) {
        #expect(WeakKeys.weakness(of: KeyDigest(hashing: word)) != nil)
    }

    @Test func aWarningStandsAtTheKeysPlace() {
        let result = ConfigurationFixture.load(
            ConfigurationFixture.file(
                "keys: [{name: k, key: abc}, {name: l, hash: \"sha256:\(KeyDigest(hashing: "test").hex)\"}]\nadmin: {key: b}"))
        #expect(result.errors.isEmpty)
        let places = result.diagnostics.filter { $0.message.contains("guess") || $0.message.contains("tries first") }.map(\.path)
        #expect(places.sorted() == ["admin.key", "keys[0].key", "keys[1].hash"])
    }

    @Test func ofHundredsOfWeakKeysAFewAreNamed() {
        let keys = (0..<500).map { "{name: k\($0), key: k\($0)}" }.joined(separator: ", ")
        let result = ConfigurationFixture.load(ConfigurationFixture.file("keys: [\(keys)]"))
        #expect(result.errors.isEmpty)
        #expect(result.diagnostics.count == 21)
        #expect(result.diagnostics.last?.message.contains("479 more keys") == true)
    }
}
