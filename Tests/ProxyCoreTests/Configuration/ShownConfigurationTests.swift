import Dialects
import Foundation
import Testing

@testable import ProxyCore

/// What `GET /admin/config` shows.
@Suite struct ShownConfigurationTests {
    @Test func everyKeyOfTheSchemaIsShownUnderItsOwnName() throws {
        let certificates = ConfigurationFixture.root.path + "/Tests/Certificates/"
        let result = ConfigurationFixture.load(Self.everything.replacing("$/", with: certificates))
        let text = try #require(result.snapshot?.shown, "\(ConfigurationFixture.messages(result))")
        var missing: [String] = []
        var met: Set<String> = []
        Self.walk(.mapping(Schema.Root.mapping), try JSONValue(parsing: text), "", &met, &missing)
        #expect(missing == [])
        // A mapping that the example leaves out would not be looked at.
        #expect(Self.mappings(.mapping(Schema.Root.mapping), "").subtracting(met) == [])
        for secret in Self.secrets { #expect(!text.contains(secret), "\(secret)") }
    }

    @Test(
        arguments: [
            (
                "listen",
                #"[{"address":"127.0.0.1:8180","tls":null,"headers":{"proxyd":true},"proxy_protocol":false,"cors":["*"]}]"#
            ),
            ("timeouts", #"{"head":"30s","connect":"1s","first_byte":"120s","idle":"1500ms","drain":"85s"}"#),
            ("limits", #"{"body":33554432,"headers":32768,"connections":10000,"waiting":256}"#),
            ("usage", #"{"on_storage_failure":"refuse","assumed_output":4096,"keep_requests":"2592000s","durability":"crash"}"#),
            ("timezone", #""UTC""#),
            ("state", #""./state""#),
            (
                "prices",
                #"{"m":{"input":0.075,"output":15,"cache_read":0.075,"cache_write":2,"cache_write_1h":2,"reasoning":15}}"#
            ),
            ("fallback.threshold", #""0.25%""#),
            ("fallback.on", #"["429","4xx","exhausted"]"#),
            ("upstreams.a.url", #""https://h/v1""#),
            ("upstreams.a.timeouts", #"{"connect":"1s","first_byte":"20s","idle":"1500ms"}"#),
            ("upstreams.a.threshold", #""2%""#),
            ("upstreams.b.threshold", #""0.25%""#),
            ("upstreams.a.key", #""<redacted>""#),
            ("upstreams.b.key", "null"),
            ("upstreams.a.proxy", #""http://proxy.test:3128""#),
            ("upstreams.b.proxy", #""none""#),
            ("upstreams.a.lossy", #""warn""#),
            ("https_proxy", #""http://proxy.test:3128""#),
            ("policies.default.models", "null"),
            ("policies.default.allow_from", "[]"),
            ("policies.team.tokens_per_day", "400000"),
            ("policies.team.budget_per_month", "12.5"),
            ("keys.0.policy", #""default""#),
            ("keys.0.key", #""<redacted>""#),
            ("rules.0.name", #""rules[0]""#),
            ("rules.0.fallback.threshold", #""3%""#),
            ("rules.0.fallback.cooldown", #""60s""#),
            ("rules.0.tiers.0.upstream", #""a""#),
            ("rules.0.tiers.0.model", #""m/$x""#),
            ("rules.0.tiers.0.threshold", #""2%""#),
            ("rules.0.tiers.0.timeouts.first_byte", #""20s""#),
            ("rules.0.tiers.1.any.0.threshold", #""4%""#),
            ("rules.0.tiers.1.any.1.threshold", #""5%""#),
            ("rules.0.tiers.1.any.1.max_tokens", "10"),
            ("rules.0.tiers.2.threshold", #""3%""#),
            ("rules.0.set", #"{"n":1,"o":{"p":["x",true,null]}}"#),
            ("rules.1.reject", #"{"status":403,"message":"no"}"#),
            ("admin", "null"),
        ])
    func valuesHaveOneFormDefaultsAndWhatTheyInherit(_ path: String, _ expected: String) throws {
        let result = ConfigurationFixture.load(Self.inheriting)
        var value: JSONValue? = try JSONValue(
            parsing: try #require(result.snapshot?.shown, "\(ConfigurationFixture.messages(result))"))
        for name in path.split(separator: ".") {
            value =
                Int(name).flatMap { index in value?.array.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
                ?? value?[String(name)]
        }
        #expect(value?.text == expected)
    }

    @Test func aReferenceIsShownResolvedWhereItIsNoSecret() throws {
        let text = ConfigurationFixture.file("state: '${HOME_OF_IT}/state'\nkeys: [{name: k, key: '${KEY_OF_IT}'}]")
        let shown = ConfigurationFixture.load(text, environment: ["HOME_OF_IT": "/srv", "KEY_OF_IT": "sk-0123456789abcdefghij"])
            .snapshot?.shown
        #expect(shown?.contains(#""state":"/srv/state""#) == true)
        #expect(shown?.contains("sk-0123456789") == false)
    }

    // MARK: -

    /// Every mapping of the schema is in it.
    private static let everything = """
        cluster:
          node: a
          limits: "redis://user:valkey-password@127.0.0.1:6379/0"
          store: "postgres://proxyd:postgres-password@127.0.0.1/proxyd"
          lease: {share: 10%, for: 2s}
          when_unreachable: {limits: refuse}
        reload: {canary: {share: 5%, for: 5m}}
        listen: {address: "127.0.0.1:8180", tls: {certificate: "$/server.pem", key: "$/server.key", client_ca: "$/root.pem"}}
        admin:
          key: sk-admin-secret-0123456789
          oidc: {issuer: "https://login.test", client_id: proxyd, client_secret: oidc-secret-0123456789, roles: '"viewer"'}
          lark: {roles: '"viewer"'}
          keys:
            - {name: grafana, key: sk-viewer-secret-0123456789, role: viewer}
          listen: {address: "127.0.0.1:8181", tls: {certificate: "$/server.pem", key: "$/server.key"}}
        upstreams:
          a:
            url: "http://localhost:1"
            proxy: "http://user:proxy-password@proxy.test:3128"
            dialect: anthropic
            accounts: [{name: one, key: sk-account-secret-0123456789, quota: {declared: {tokens_per_day: 5}}}]
            quota:
              poll: "/health?token=poll-secret"
              header_names:
                requests: {remaining: x-requests}
                tokens: {remaining: x-tokens}
                input_tokens: {remaining: x-input}
                output_tokens: {remaining: x-output}
                cost: {remaining: x-cost}
            tls: {ca: "$/root.pem"}
            headers: {x-token: header-secret}
            capabilities: {"*": {oai.top_k: true}}
        rules:
          - {models: [a], tiers: [{any: [a]}]}
          - {models: [b], reject: {message: no}}
        policies: {team: {models: ["*"]}}
        keys:
          - {name: k, key: sk-key-secret-0123456789}
          - {name: h, hash: "sha256:\(String(repeating: "5a", count: 32))"}
        prices: {m: {input: 1}}
        models: {mine: {to: a/x, display_name: "Mine"}}
        usage_limits:
          - {name: opus, per: key.name, requests_per_day: 1, on_exhausted: {tiers: [{any: [a]}, a]}}
        lark: {app_id: l, app_secret: lark-secret, token_file: t.json, encrypt_key: encrypt-secret, \
        forward_cards_to: "http://127.0.0.1/hook?token=hook-secret"}
        events: {webhook: "https://hooks.test/hook-secret?token=hook-secret"}
        telemetry: {otlp: "http://127.0.0.1:4318", sample: 10%, headers: {authorization: Bearer otlp-secret}}
        """

    private static let secrets = [
        "sk-", "-secret-0123456789", "proxy-password", "user:", "poll-secret", "header-secret", "5a5a", "lark-secret",
        "encrypt-secret", "hook-secret", "otlp-secret", "oidc-secret", "valkey-password", "postgres-password",
    ]

    private static let inheriting = """
        timeouts: {connect: 1s, idle: 1.5s}
        listen: localhost:8180
        https_proxy: "http://user:password@proxy.test:3128/"
        fallback: {threshold: 0.0025, on: [429, 4XX, exhausted]}
        upstreams:
          a: {url: "https://h/v1/", dialect: openai, threshold: 2%, timeouts: {first_byte: 20s}, key: sk-0123456789abcdefghij}
          b: {url: "http://h", dialect: openai, proxy: none}
        rules:
          - models: [x]
            fallback: {threshold: 3%}
            set: {n: 1, o: {p: [x, true, null]}}
            tiers:
              - a/m/$$x
              - {any: [a, {upstream: b, threshold: 5%}], threshold: 4%, max_tokens: 10}
              - b
          - {models: [y], reject: {message: no}}
        policies: {team: {tokens_per_day: 400k, budget_per_month: 12.50 USD}}
        keys: [{name: k, key: sk-0123456789abcdefghij}]
        prices: {m: {input: 0.075, output: 15, cache_write: 2.0}}
        """

    /// Notes the mappings that it meets, and each key that a mapping of the page lacks.
    private static func walk(
        _ shape: Schema.Shape, _ shown: JSONValue, _ path: String, _ met: inout Set<String>, _ missing: inout [String]
    ) {
        if shown.isNull { return }
        switch shape {
        case .scalar, .json: break
        case .list(let item), .oneOrList(let item):
            for value in shown.array ?? [] { walk(item, value, path + "[]", &met, &missing) }
        case .entries(let item, _):
            for member in shown.object?.members ?? [] { walk(item, member.value, path + "{}", &met, &missing) }
        case .either(_, let long, _): walk(long, shown, path, &met, &missing)
        case .mapping(let mapping):
            met.insert(path)
            for key in mapping.keys {
                guard let value = shown.object?[key.name] else {
                    missing.append("\(path).\(key.name)")
                    continue
                }
                walk(key.shape, value, "\(path).\(key.name)", &met, &missing)
            }
        }
    }

    private static func mappings(_ shape: Schema.Shape, _ path: String) -> Set<String> {
        switch shape {
        case .scalar, .json: []
        case .list(let item), .oneOrList(let item): mappings(item, path + "[]")
        case .entries(let item, _): mappings(item, path + "{}")
        case .either(_, let long, _): mappings(long, path)
        case .mapping(let mapping):
            mapping.keys.reduce(into: [path]) { $0.formUnion(mappings($1.shape, "\(path).\($1.name)")) }
        }
    }
}
