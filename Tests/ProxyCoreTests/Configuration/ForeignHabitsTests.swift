import Testing

@testable import ProxyCore

/// What people bring from other programs is told in the form of ours.
@Suite struct ForeignHabitsTests {
    private func errors(_ text: String) -> [String] {
        ConfigurationFixture.load(text).errors.map { "\($0.location.line):\($0.location.column): \($0.path): \($0.message)" }
    }

    private static func upstream(_ entries: String) -> String {
        "upstreams:\n  a:\n    dialect: anthropic\n    \(entries)\nrules: [{tiers: [a]}]"
    }

    @Test(arguments: [
        ("$OPENAI_API_KEY", "write ${OPENAI_API_KEY}"), ("os.environ/OPENAI_API_KEY", "write ${OPENAI_API_KEY}"),
        ("{env.OPENAI_API_KEY}", "write ${OPENAI_API_KEY}"), ("\"{env.OPENAI_API_KEY}\"", "write ${OPENAI_API_KEY}"),
        ("\"{{OPENAI_API_KEY}}\"", "write ${OPENAI_API_KEY}"), ("env(OPENAI_API_KEY)", "write ${OPENAI_API_KEY}"),
        ("process.env.OPENAI_API_KEY", "write ${OPENAI_API_KEY}"), ("$(OPENAI_API_KEY)", "write ${OPENAI_API_KEY}"),
        ("$(cat /run/key)", "proxyd runs no commands"), ("\"%OPENAI_API_KEY%\"", "write ${OPENAI_API_KEY}"),
        ("!ENV X", "the tag '!ENV' means nothing here; an environment variable is written ${NAME}"),
        ("!Xyz", "text that begins with '!' needs quotes"), ("&Xyz", "text that begins with '&' needs quotes"),
        ("${env:X}", "an environment variable is written ${NAME}"), ("${env:XY}", "an environment variable is written ${XY}"),
        ("${XY-d}", "a default is written ${XY:-default}"), ("${XY:?no}", "'?' is a shell's"),
        ("${{ secrets.X }}", "GitHub's actions"), ("${vault:secret/x}", "what a file holds is ${file:/path}"),
        ("file:///run/key", "write ${file:/path}"), ("op://vault/item", "proxyd does not follow"),
    ])
    func referencesOfOthersAreNamed(_ value: String, _ message: String) {
        let found = errors(Self.upstream("url: http://h\n    key: \(value)"))
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix("5:10: upstreams.a.key: ") == true, "\(found)")
        #expect(found.first?.contains(message) == true, "\(found)")
    }

    @Test(arguments: [
        ("upstreams: !include up.yaml", "3:12: upstreams: the tag '!include'"),
        ("upstreams: !include [up.yaml]", "3:12: upstreams: the tag '!include'"),
        ("upstreams: !include\n  file: up.yaml", "3:12: upstreams: the tag '!include'"),
        ("upstreams: {a: !include up.yaml}", "3:16: upstreams.a: the tag '!include'"),
        ("upstreams: !import {file: up.yaml}", "3:12: upstreams: the tag '!import'"),
        ("upstreams: {a: {url: http://h, dialect: openai}}\nlimits: !Sub [a]", "4:9: limits: a tag before a list or mapping"),
        ("upstreams: {a: {url: http://h, dialect: openai, key: !include k}}", "3:54: upstreams.a.key: the tag '!include' means"),
    ])
    func aTagThatWouldFillInAFileIsToldOnce(_ entry: String, _ expected: String) {
        let found = errors("\nrules: [{tiers: [a]}]\n\(entry)")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
        let isText = expected.contains("key:")
        let words = isText ? "what a file holds ${file:/path}" : expected.contains("'!") ? "include: [" : "leave it out"
        #expect(found.first?.contains(words) == true, "\(found)")
    }

    @Test func anAnyWithinAnotherIsToldOnce() {
        let file = "upstreams: {a: {url: http://h, dialect: openai}}\nrules: [{tiers: [{any: [{any: [a, a]}, a]}]}]"
        let told = "unknown key 'any'; an 'any' stands in no other: its members are written into this one"
        #expect(errors(file) == ["2:26: rules[0].tiers[0].any[0]: \(told)"])
    }

    @Test func aReferenceWithinAnAddressIsNamed() {
        let found = errors(Self.upstream("url: http://$HOST:8080"))
        #expect(found == ["4:17: upstreams.a.url: '$HOST' is no reference here; write ${HOST} ('$$' is a dollar)"])
    }

    @Test(arguments: [
        ("5 EUR", "'5 EUR' is not in USD; write 5 USD"), ("5 usd", "'5 usd' is not in USD; write 5 USD"),
        ("0.5€", "'0.5€' has no currency; write 200 USD"), ("200", "'200' has no currency; write 200 USD"),
        ("lots", "'lots' is not in USD; write 200 USD"),
    ])
    func moneyOfOthersIsNamed(_ value: String, _ message: String) {
        let found = errors("\(Self.upstream("url: http://h"))\npolicies: {default: {budget_total: \(value)}}")
        #expect(found == ["6:36: policies.default.budget_total: \(message)"])
    }

    @Test func dollarsThatAreMeantStay() {
        let text = "\(Self.upstream("url: http://h\n    key: $$HOME"))\nkeys: [{name: k, key: abc$5, tags: {a: $x, b: env.x}}]"
        #expect(errors(text).isEmpty, "\(errors(text))")
    }

    @Test(arguments: [
        ("url: http://h\n    api_key: x", "5:5: upstreams.a: unknown key 'api_key'; here it is 'key'"),
        ("base_url: http://h", "4:5: upstreams.a: unknown key 'base_url'; here it is 'url'"),
        ("baseURL: http://h", "4:5: upstreams.a: unknown key 'baseURL'; here it is 'url'"),
        ("proxy_pass: http://h", "4:5: upstreams.a: unknown key 'proxy_pass'; here it is 'url'"),
        ("url: http://h\n    keyHeader: x-key", "5:5: upstreams.a: unknown key 'keyHeader'; it is written 'key_header'"),
        ("url: http://h\n    timeout: 5s", "5:5: upstreams.a: unknown key 'timeout'; here it is 'timeouts': {connect: 5s"),
        ("url: http://h\n    tiers: [a]", "5:5: upstreams.a: unknown key 'tiers'"),
        ("url: http://h\n    max_retries: 3", "5:5: upstreams.a: unknown key 'max_retries'; there is no number of retries"),
        ("url: http://h\n    budget_per_month: 3", "5:5: upstreams.a: unknown key 'budget_per_month'; it belongs under"),
        (
            "url: http://h\n    accounts: [{name: o, quota: {tokens_per_dya: 5M}}]",
            "5:34: upstreams.a.accounts[0].quota: unknown key 'tokens_per_dya' (did you mean 'declared: {tokens_per_day: …}'?)"
        ),
        (
            "url: http://h\n    accounts: [{name: o, quota: {tokens_per_day: 5M}}]",
            "5:34: upstreams.a.accounts[0].quota: unknown key 'tokens_per_day'; it belongs under"
        ),
    ])
    func namesOfOthersAreTranslated(_ entries: String, _ expected: String) {
        let found = errors(Self.upstream(entries))
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test(arguments: [
        ("rules: [{model_name: x, tiers: [a]}]", "models"), ("rules: [{match: x, tiers: [a]}]", "models"),
        ("rules: [{models: [x], route_to: [a]}]", "tiers"), ("rules: [{if: 'true', tiers: [a]}]", "when"),
        ("rules: [{tiers: [a]}]\nports: ['80:80']", "listen"), ("rules: [{tiers: [a]}]\nmaster_key: x", "admin"),
        ("rules: [{tiers: [a]}]\npolicies: {default: {rpm: 3}}", "requests_per_minute"),
        ("rules: [{tiers: [a]}]\npolicies: {default: {tpm: 3}}", "tokens_per_minute"),
        ("rules: [{tiers: [a]}]\npolicies: {default: {max_budget: 3}}", "budget_per_month"),
        ("routes: [{tiers: [a]}]", "rules"), ("location: [{tiers: [a]}]", "rules"),
        ("rules: [{tiers: [a]}]\nmodels: {x: {target: a}}", "to"),
    ])
    func soItIsElsewhere(_ more: String, _ ours: String) {
        let found = errors("upstreams: {a: {url: 'http://h', dialect: openai}}\n\(more)")
        #expect(found.contains { $0.contains("here it is '\(ours)'") }, "\(found)")
        #expect(!found.contains { $0.contains("'\(ours)' is missing") }, "\(found)")
    }

    @Test(arguments: [
        ("model_list:\n  - model_name: x\n    litellm_params: {model: openai/x}\n", "LiteLLM's config.yaml"),
        ("services:\n  p: {image: x}\n", "a Compose file"), ("static_resources: {listeners: []}\n", "Envoy's configuration"),
        ("apiVersion: v1\nkind: ConfigMap\n", "a manifest for Kubernetes"),
        ("server {\n  listen 80;\n  location / { proxy_pass http://h; }\n}\n", "nginx's configuration"),
        ("A=b\n", "a file of environment variables"),
    ])
    func filesOfOthersAreRecognised(_ text: String, _ program: String) {
        let found = errors(text)
        #expect(found.count == 1 && found.first?.hasPrefix("1:1: ") == true, "\(found)")
        #expect(found.first?.contains("this looks like \(program)") == true, "\(found)")
    }

    @Test(arguments: [
        ("request.stream and request.has_tools", 1, "'and' is written '&&'"), ("not request.stream", 1, "'not' is written '!'"),
        ("request.stream or request.has_tools", 1, "'or' is written '||'"),
        ("request.model is \"x\"", 1, "'is' is written '=='"), ("request.model = \"x\"", 1, "'=' is written '=='"),
        ("request.model =~ \"x\"", 1, "'=~' is written 'a.matches(b)'"),
        ("request.stream & request.has_tools", 1, "'&' is written '&&'"), ("request.size <> 5", 1, "'<>' is written '!='"),
        ("request.model contains \"x\"", 1, "'contains' is written 'a.contains(b)'"),
        ("request.stream == True", 1, "'True' is written 'true'"), ("request.model == gpt", 1, "(a text is written in quotes)"),
        ("request.model in \"gpt\"", 1, "a text is searched with request.model.contains(\"gpt\")"),
        ("request.model == \u{201C}x\u{201D}", 1, "'\u{201C}' is written '\"'"),
    ])
    func conditionsOfOthersAreTranslated(_ condition: String, _ count: Int, _ message: String) throws {
        let text = "upstreams: {a: {url: 'http://h', dialect: openai}}\nrules:\n  - when: \(condition)\n    tiers: [a]"
        let found = errors(text)
        #expect(found.count == count, "\(found)")
        #expect(found.first?.contains(message) == true, "\(found)")
        let word = try #require(message.split(separator: "'").first.map(String.init))
        guard message.hasPrefix("'"), let range = condition.range(of: " \(word)") else { return }
        let column = 12 + condition[..<range.lowerBound].unicodeScalars.count
        #expect(found.first?.hasPrefix("3:\(column): ") == true, "\(found)")
    }

    @Test func whatIsThereUnderAnotherNameIsNotMissingToo() {
        let found = errors(
            """
            upstreams: {a: {url: "http://h", dialect: openai}}
            rules: [{models: [x], backend: [a]}]
            keys: [{name: k, api_key: abc}]
            usage_limits: [{name: l, per: key.id, rpm: 3}]
            """)
        #expect(found.count == 3, "\(found)")
        #expect(found.allSatisfy { $0.contains("here it is") }, "\(found)")
    }

    @Test func aSingleItemStandsForAListOfOne() throws {
        let single = """
            upstreams: {a: {url: "http://h", dialect: openai, accounts: {name: x, key: y}, drop: user}}
            rules: {models: "gpt-*", tiers: a, fallback: {on: 429}}
            keys: {name: k, key: abc}
            policies: {default: {allow_from: 10.0.0.0/8, models: "*"}}
            """
        let result = ConfigurationFixture.load(single)
        let snapshot = try #require(result.snapshot, "\(ConfigurationFixture.messages(result))")
        #expect(snapshot.rules.rules.map(\.name) == ["rules[0]"])
        #expect(snapshot.routes[0].tiers.map(\.text) == ["a"])
        #expect(snapshot.configuration.keys.map(\.name) == ["k"])
        #expect(snapshot.configuration.upstreams[0].accounts.map(\.name) == ["x"])
        #expect(snapshot.shown.contains(#""models":["gpt-*"]"#) || snapshot.shown.contains(#""models": ["gpt-*"]"#))
    }

    @Test(arguments: [
        ("rules: {models: 'a,b', tiers: [a]}", "a list is written [a, b]"),
        ("rules: {models: [a], tiers: 'a, a'}", "a list is written [a, b]"),
        ("rules: [{models: [\u{201C}*\u{201D}], tiers: [a]}]", "begins with a typographic quote"),
        ("rules: [{tiers: ['a:gpt-4']}]", "a model follows behind a slash: 'a/…'"),
        ("rules: [{tiers: [gpt-4o]}]", "a tier is 'upstream' or 'upstream/model', and the upstreams are: a"),
        ("rules: {a: [b]}", "expected a list, found a mapping; each item begins with '- '"),
        ("rules: [{tiers: [a]}]\npolicies: [{name: x}]", "the policy's name is the key: 'my-policy:'"),
        ("rules: [{tiers: [a]}]\nfallback: {enabled: yes}", "'yes' is neither true nor false; write true"),
        ("rules: [{tiers: [a]}]\nfallback: {enabled: off}", "'off' is neither true nor false; write false"),
    ])
    func whatCanBeMistakenIsNotTaken(_ more: String, _ message: String) {
        let found = errors("upstreams: {a: {url: 'http://h', dialect: openai}}\n\(more)")
        #expect(found.contains { $0.contains(message) }, "\(found)")
    }

    @Test(arguments: [
        ("url: https://api.example.com/v1/chat/completions", "leave out '/chat/completions'"),
        ("url: https://h.example\n    key: '\"sk-abcdefghijklmnop\"'", "begins with a quote"),
        ("url: https://h.example\n    key: 'sk-abcdef,sk-ghijkl'", "holds a comma"),
        ("url: https://h.example\n    key: your-key-here", "is an example's"),
        ("url: https://h.example\n    key: sk-test", "is an example's"),
        ("url: https://h.example\n    key: sk-xxxxxxxx", "is an example's"),
        ("url: http://localhost:1\n    key: test", ""), ("url: https://h.example/v1", ""),
    ])
    func whatIsHardlyMeantIsWarnedAbout(_ entries: String, _ message: String) {
        let result = ConfigurationFixture.load(Self.upstream(entries))
        #expect(result.errors.isEmpty, "\(result.errors)")
        let warnings = result.diagnostics.map(\.message).filter { !$0.contains("price") }
        #expect(message.isEmpty ? warnings.isEmpty : warnings.contains { $0.contains(message) }, "\(warnings)")
    }

    @Test func anExampleInThePlaceOfAKeyIsToldWhereTheKeyStands() {
        let result = ConfigurationFixture.load(
            """
            upstreams:
              a: {url: https://h.example, dialect: openai, key: your-key-here}
              b: {url: https://h.example, dialect: openai, accounts: [{name: m, key: sk-xxxxxxxx}]}
            rules: [{tiers: [a, b]}]
            """)
        let places = result.diagnostics.filter { $0.message.contains("is an example's") }.map(\.path)
        #expect(places == ["upstreams.a.key", "upstreams.b.accounts[0].key"])
    }

    @Test func aKeyOfTwoDoorsIsWarnedAbout() {
        let secret = "4f9a6b2c4d8e1f3a5b7c9d2e"
        let text = "\(Self.upstream("url: http://h\n    key: u\(secret)"))\nadmin: {key: a\(secret)}\n"
        let result = ConfigurationFixture.load(text + "keys: [{name: x, key: a\(secret)}, {name: y, key: u\(secret)}]")
        let places = result.diagnostics.filter { $0.message.contains("as well") }.map(\.path)
        #expect(places == ["keys[0].key", "keys[1].key"])
        let shown = DiagnosticRenderer.text(result.diagnostics)
        #expect(!shown.contains(secret))
    }

    @Test func theKeysOfThePagesAreWarnedAboutButInTheExample() {
        let keys = "admin: {key: sk-admin-key-for-the-first-try}\nkeys: [{name: x, key: sk-example-key-for-the-first-try}]"
        let far = ConfigurationFixture.load("\(Self.upstream("url: https://h.example"))\n\(keys)")
        let places = far.diagnostics.filter { $0.message.contains("proxyd's own pages") }.map(\.path)
        #expect(places == ["admin.key", "keys[0].key"])
        let near = ConfigurationFixture.load(EmbeddedDefaults.example)
        #expect(!near.diagnostics.contains { $0.message.contains("proxyd's own pages") })
    }
}
