import Testing

@testable import ProxyCore

@Suite struct ReloadGuardTests {
    private static func snapshot(_ upstreams: Int, guarding: String = "reload_guard: {max_removed: 50%}") throws -> Snapshot {
        let text =
            "\(guarding)\nupstreams:\n"
            + (0..<upstreams).map { "  u\($0): {url: \"http://h:\($0 + 1)\", dialect: openai}\n" }.joined()
            + "rules: [{name: all, tiers: [u0]}]\n"
        return try #require(ConfigurationFixture.load(text).snapshot)
    }

    @Test func moreThanTheShareIsRefusedWithTheNumbers() throws {
        let refusals = ReloadGuard.refusals(from: try Self.snapshot(4), to: try Self.snapshot(1))
        #expect(refusals.map(\.key) == ["upstreams"])
        #expect(refusals.first?.message.contains("3 of 4 upstreams would be removed (75%), more than max_removed: 50%") == true)
        #expect(ReloadGuard.refusals(from: try Self.snapshot(4), to: try Self.snapshot(2)).isEmpty)
    }

    @Test func theGuardOfTheRunningFileCounts() throws {
        #expect(!ReloadGuard.refusals(from: try Self.snapshot(4), to: try Self.snapshot(1, guarding: "")).isEmpty)
        #expect(ReloadGuard.refusals(from: try Self.snapshot(4, guarding: ""), to: try Self.snapshot(1)).isEmpty)
    }
}

@Suite struct ChangeWordsTests {
    private static func snapshot(_ text: String) throws -> Snapshot {
        try #require(ConfigurationFixture.load(text).snapshot)
    }

    private static let base = """
        upstreams: {a: {url: "http://h:1", dialect: openai, key: sk-hidden-one}, b: {url: "http://h:2", dialect: openai}}
        rules: [{name: x, models: [x], tiers: [a]}, {name: y, models: [y], tiers: [b]}, {name: z, models: [z], tiers: [a]}]
        policies: {team: {requests_per_minute: 60}}
        keys: [{name: ci, key: sk-hidden-two-0123456789}]
        """

    @Test(arguments: [
        ("requests_per_minute: 60", "requests_per_minute: 120", "policy team: requests_per_minute 60 → 120"),
        (
            "b: {url: \"http://h:2\", dialect: openai}",
            "b: {url: \"http://h:2\", dialect: openai}, kimi: {url: \"http://k\", dialect: openai}", "upstream kimi added"
        ),
        ("sk-hidden-one", "sk-hidden-three", "upstream a: account default has another key"),
        ("sk-hidden-two", "sk-hidden-four", "key ci: another text"),
        ("key: sk-hidden-two-0123456789", "key: sk-hidden-two-0123456789, policy: team", "key ci: policy default → team"),
        ("{name: z, models: [z], tiers: [a]}]", "]", "rule z removed"),
        ("{name: z, models: [z], tiers: [a]}]", "{name: z, models: [z], tiers: [a, b]}]", "rule z: tiers a → a, b"),
        (
            "{name: z, models: [z], tiers: [a]}]", "{name: z, models: [z], tiers: [{upstream: a, max_tokens: 5}]}]",
            "rule z: tiers[0].max_tokens 5 added"
        ),
        (
            "policies:", "listen: [{address: 127.0.0.1:8180, headers: {proxyd: false}}]\npolicies:",
            "listen[127.0.0.1:8180].headers.proxyd true → false"
        ),
    ])
    func aChangeIsToldInWords(_ part: String, _ other: String, _ expected: String) throws {
        let new = try Self.snapshot(Self.base.replacing(part, with: other))
        let words = ChangeWords.between(try Self.snapshot(Self.base), new)
        #expect(words.contains(expected), "\(words)")
        #expect(!words.joined().contains("sk-hidden"))
    }

    @Test(arguments: [
        ("alerts: {webhook: \"https://h/sk-hidden-A\"}", "alerts.webhook has another value"),
        (
            "telemetry: {otlp: \"http://127.0.0.1:4318\", headers: {x-key: sk-hidden-A}}",
            "telemetry.headers.x-key has another value"
        ),
        (
            "cluster: {node: n, limits: \"redis://:sk-hidden-A@127.0.0.1:6379/0\"}",
            "the password of redis://127.0.0.1:6379 has another value"
        ),
        (
            "cluster: {node: n, store: \"postgres://u:sk-hidden-A@127.0.0.1/p\"}",
            "cluster.store postgres://127.0.0.1/p has another value"
        ),
        ("lark: {app_id: x, app_secret: sk-hidden-A, token_file: /tmp/words-t.json}", "lark.app_secret has another value"),
        (
            "admin: {oidc: {issuer: \"http://127.0.0.1:1\", client_id: x, client_secret: sk-hidden-A, roles: \"'viewer'\"}}",
            "admin.oidc.client_secret has another value"
        ),
    ])
    func aSecretThatIsNoKeyIsToldToBeAnother(_ section: String, _ expected: String) throws {
        let old = try Self.snapshot("\(Self.base)\n\(section)")
        let new = try Self.snapshot("\(Self.base)\n\(section.replacing("sk-hidden-A", with: "sk-hidden-B"))")
        #expect(ChangeWords.between(old, new) == [expected])
        #expect(ChangeWords.between(old, old).isEmpty)
    }

    @Test func aHeaderOfAnUpstreamIsToldToBeAnother() throws {
        let text = Self.base.replacing("key: sk-hidden-one", with: "key: sk-hidden-one, headers: {x-team: sk-hidden-A}")
        let new = text.replacing("sk-hidden-A", with: "sk-hidden-B")
        let words = ChangeWords.between(try Self.snapshot(text), try Self.snapshot(new))
        #expect(words == ["upstream a: header x-team has another value"])
    }

    @Test func aRuleThatMovesIsToldWithItsPlace() throws {
        let rules = "[{name: z, models: [z], tiers: [a]}, {name: x, models: [x], tiers: [a]}, {name: y, models: [y], tiers: [b]}]"
        let lines = Self.base.split(separator: "\n").map { $0.hasPrefix("rules:") ? "rules: \(rules)" : String($0) }
        let words = ChangeWords.between(try Self.snapshot(Self.base), try Self.snapshot(lines.joined(separator: "\n")))
        #expect(words == ["rule 1 'z' now before 'x'"])
    }

    @Test func nothingChangedIsNoWord() throws {
        #expect(ChangeWords.between(try Self.snapshot(Self.base), try Self.snapshot(Self.base + "\n# a comment")).isEmpty)
    }
}
