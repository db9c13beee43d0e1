import Foundation
import RuleEngine
import Testing

@testable import ProxyCore

@Suite struct ConfigurationLoaderTests {
    private func load(_ text: String, _ environment: [String: String] = [:]) throws -> Configuration {
        let result = ConfigurationFixture.load(text, environment: environment)
        return try #require(result.snapshot, "\(ConfigurationFixture.messages(result))").configuration
    }

    @Test func theShortestFileHasEveryDefault() throws {
        let configuration = try load(ConfigurationFixture.file())
        #expect(configuration.listeners == [Listener(host: "127.0.0.1", port: 8180)])
        #expect(configuration.admin == nil)
        #expect(configuration.statePath == "./state")
        #expect(configuration.timeZone.utcOffset(at: 0) == 0)
        #expect(configuration.timeouts == Timeouts())
        #expect(configuration.limits == Limits())
        #expect(configuration.fallback == FallbackPolicy())
        #expect(configuration.log == Configuration.Log())
        #expect(configuration.usage.onStorageFailure == .refuse)
        #expect(configuration.policies == ["default": KeyPolicy(name: "default")])
        #expect(configuration.upstreams[0].accounts.map(\.name) == ["default"])
        #expect(configuration.upstreams[0].accounts[0].key == nil)
    }

    @Test func theContractsExampleLoads() throws {
        guard let url = ConfigurationFixture.shared("design/proxy.yaml") else {
            print("The contract is not there (PROXYD_SHARED); this test is skipped.")
            return
        }
        let key = Seal.makeKey()
        let text = Self.withoutKeysToCome(try String(contentsOf: url, encoding: .utf8))
            .replacingOccurrences(of: "sha256:9f86d0…", with: "sha256:" + String(repeating: "9f", count: 32))
            .replacingOccurrences(of: "${sealed:v1:…}", with: "${sealed:\(try Seal.seal("sk-kimi", key: key))}")
            .replacingOccurrences(of: "${file:/run/secrets/", with: "${file:")
        try ConfigurationFixture.withFolder { folder in
            for name in ["openai-spare", "ci-key", "azure-eu"] {
                try "sk-of-\(name)\n".write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
            }
            let environment = [
                "PROXYD_ADMIN_KEY": "sk-admin", "OPENAI_API_KEY": "sk-openai", "GOOGLE_API_KEY": "g", "LARK_APP_SECRET": "l",
                "CREDENTIALS_DIRECTORY": folder.path, Seal.keyVariable: key,
            ]
            let result = ConfigurationLoader.load(text: text, file: folder.path + "/proxy.yaml", environment: environment)
            let snapshot = try #require(result.snapshot, "\(ConfigurationFixture.messages(result))")
            let configuration = snapshot.configuration
            #expect(configuration.listeners == [Listener(host: "0.0.0.0", port: 8180)])
            #expect(configuration.admin?.keys == [AdminKey(key: Secret("sk-admin"))])
            #expect(configuration.admin?.allowFrom.map(\.description) == ["127.0.0.0/8", "::1"])
            #expect(configuration.timeZone.name == "Asia/Singapore")
            #expect(configuration.upstreams.map(\.name) == ["antigravity", "openai", "azure-eu", "kimi", "gemini"])
            #expect(configuration.upstreams[0].url.description == "http://localhost:8080")
            #expect(configuration.upstreams[0].quota?.poll == "/health")
            #expect(configuration.upstreams[1].accounts.map { $0.key?.reveal() } == ["sk-openai", "sk-of-openai-spare"])
            #expect(configuration.upstreams[1].accounts.map(\.weight) == [1, 2])
            #expect(configuration.upstreams[2].accounts[0].key?.reveal() == "sk-of-azure-eu")
            #expect(configuration.upstreams[2].deployments == ["gpt-4o": "my-gpt4o"])
            #expect(configuration.upstreams[3].accounts[0].key?.reveal() == "sk-kimi")
            let rates = configuration.policies["team"]?.numbers.rates ?? []
            #expect(rates.contains(LimitRate(.tokens, per: .minute, most: 400_000)))
            #expect(rates.contains(LimitRate(.cost, per: .month, most: 200_000_000_000)))
            #expect(configuration.usageLimits.map(\.limit.name) == ["team budget", "runaway session"])
            #expect(configuration.keys.map(\.name) == ["ci", "alice"])
            #expect(configuration.prices["claude-opus-4-6-thinking"]?.cacheWrite == 18_750_000_000)
            #expect(configuration.lark?.forwardCardsTo == "http://127.0.0.1:18789/webhook/lark")
            #expect(
                snapshot.rules.rules.map(\.name) == ["no opus on free keys", "long prompts", "opus", "gpt", "everything else"])
            #expect(
                snapshot.routes[2].tiers.map(\.text) == [
                    "antigravity/claude-opus-4-6-thinking", "antigravity/gemini-3-pro-high", "kimi/kimi-k2.5",
                ])
            #expect(snapshot.routes[2].tiers[2].targets[0].threshold == 0.1)
            #expect(snapshot.routes[2].tiers[2].targets[0].tierTarget.maxTokens == 8192)
            #expect(snapshot.routes[3].tiers[0].targets.map(\.tierTarget.weight) == [1, 2])
            // What the references name; the text itself came from no file.
            #expect(result.files.count == 3)
        }
    }

    /// The contract is ahead of this version: what it has and we do not is left out, key by key.
    private static func withoutKeysToCome(_ text: String) -> String {
        var lines: [String] = []
        var isInSection = false
        for line in text.components(separatedBy: "\n") {
            if line.first.map({ $0 != " " && $0 != "#" }) == true {
                isInSection = line.hasPrefix("models:")
            }
            let key = line.trimmingCharacters(in: .whitespaces).prefix { $0 != ":" }
            if isInSection { continue }
            lines += key == "preset" ? ["    url: https://api.openai.com/v1", "    dialect: openai"] : [line]
        }
        return lines.joined(separator: "\n")
    }

    @Test func numbersLeftOutAreTheNextOneUps() throws {
        let text = """
            timeouts: {connect: 1s, first_byte: 2s, idle: 3s}
            fallback: {threshold: 1%}
            upstreams:
              a: {url: "http://h", dialect: openai, threshold: 2%, timeouts: {first_byte: 20s}}
              b: {url: "http://h", dialect: openai}
            rules:
              - name: r
                fallback: {threshold: 3%, cooldown: 9s}
                tiers:
                  - {upstream: a, model: m, timeouts: {idle: 30s}}
                  - {any: [a, {upstream: b, threshold: 5%}], threshold: 4%, max_tokens: 10}
                  - b
            """
        let result = ConfigurationFixture.load(text)
        let route = try #require(result.snapshot?.routes.first, "\(ConfigurationFixture.messages(result))")
        #expect(route.fallback.cooldown == .seconds(9))
        #expect(route.fallback.on == FallbackPolicy().on)
        #expect(route.tiers.map { $0.targets.map(\.threshold) } == [[0.02], [0.04, 0.05], [0.03]])
        let timeouts = route.tiers[0].targets[0].timeouts
        #expect([timeouts.connect, timeouts.firstByte, timeouts.idle] == [.seconds(1), .seconds(20), .seconds(30)])
        #expect(route.tiers[1].targets.map(\.tierTarget.maxTokens) == [10, 10])
        #expect(route.tiers[1].text == "any(a, b)")
        #expect(route.tiers[2].targets[0].upstream == 1)
    }

    @Test(arguments: [
        ("localhost:8180", "127.0.0.1", 8180), (":8180", "0.0.0.0", 8180), ("\"[::]:8180\"", "::", 8180),
        ("\"[::1]:0\"", "::1", 0),
        ("10.1.2.3:443", "10.1.2.3", 443), ("\"*:80\"", "0.0.0.0", 80),
    ])
    func addressesToListenOn(_ text: String, _ host: String, _ port: Int) throws {
        let configuration = try load(ConfigurationFixture.file("listen: \(text)"))
        #expect(configuration.listeners == [Listener(host: host, port: port)])
    }

    @Test(arguments: [
        "content-length", "transfer-encoding", "host", "connection", "expect", "Upgrade", "te", "trailer", "Content-Type",
    ])
    func noCredentialInWhatProxydWrites(_ header: String) {
        let upstream = "upstreams: {a: {url: \"http://h\", dialect: openai, key: k, key_header: "
        func isValid(_ header: String) -> Bool {
            ConfigurationFixture.load(upstream + header + "}}\nrules: [{tiers: [a]}]").snapshot != nil
        }
        #expect(isValid("x-own-key"))
        #expect(!isValid(header))
    }

    @Test(arguments: [
        ("http://h", "http://h", 80), ("https://api.x.com/v1/", "https://api.x.com/v1", 443),
        ("http://[::1]:99/a//", "http://[::1]:99/a", 99),
        ("https://h:443", "https://h", 443),
    ])
    func upstreamURLs(_ text: String, _ shown: String, _ port: Int) throws {
        let text = "upstreams: {a: {url: \"\(text)\", dialect: openai}}\nrules: [{tiers: [a]}]"
        let url = try load(text).upstreams[0].url
        #expect(url.description == shown)
        #expect(url.port == port)
    }

    @Test func aKeyAndARuleHaveAsManyTagsAsARecordHolds() {
        func problems(_ count: Int) -> String {
            let tags = (0..<count).map { "t\($0): x" }.joined(separator: ", ")
            let text = """
                upstreams: {a: {url: "http://h", dialect: openai}}
                rules: [{tiers: [a], tags: {\(tags)}}]
                keys: [{name: k, key: sk-0123456789abcdef-k, tags: {\(tags)}}]
                """
            return ConfigurationFixture.messages(ConfigurationFixture.load(text)).joined(separator: "\n")
        }
        #expect(!problems(64).contains("tags"))
        for path in ["rules[0].tags", "keys[0].tags"] { #expect(problems(65).contains("\(path): has 65 tags; 64 are the most")) }
    }

    @Test func whatARuleSetsIsJSON() throws {
        let text = ConfigurationFixture.file().replacingOccurrences(
            of: "    tiers",
            with: "    set: {temperature: 0.50, max_tokens: 10, tier: \"1\", stop: [a, null], on: true, o: {x: é\"}}\n    tiers")
        let set = try #require(ConfigurationFixture.load(text).snapshot?.routes[0].set)
        let fields = set.written.map { "\($0.member)=\(String(decoding: $0.json, as: UTF8.self))" }
        #expect(
            fields == ["temperature=0.50", "max_tokens=10", "tier=\"1\"", "stop=[\"a\",null]", "on=true", "o={\"x\":\"é\\\"\"}"])
    }

    @Test func declaredKeysAreKeptAsDigests() throws {
        let configuration = try load(
            ConfigurationFixture.file(
                "keys: [{name: a, key: \"${K}\"}, {name: b, hash: \"sha256:\(String(repeating: "ab", count: 32))\"}]"),
            ["K": "sk-abcdefghijklmnopqrstuvwxyz"])
        #expect(configuration.keys.map(\.masked) == ["sk-abcde...wxyz", ""])
        #expect(configuration.keys[0].digest == KeyDigest(hashing: "sk-abcdefghijklmnopqrstuvwxyz"))
        #expect(configuration.keys[1].digest.hex == String(repeating: "ab", count: 32))
    }

    @Test func theHashOfASingleFileIsItsSHA256() throws {
        try ConfigurationFixture.withFolder { folder in
            let path = folder.path + "/proxy.yaml"
            try ConfigurationFixture.file().write(toFile: path, atomically: true, encoding: .utf8)
            let first = ConfigurationLoader.load(path: path, environment: [:])
            #expect(first.snapshot?.hash.count == 64)
            #expect(first.hash == ConfigurationLoader.load(path: path, environment: [:]).hash)
            try (ConfigurationFixture.file() + "\n").write(toFile: path, atomically: true, encoding: .utf8)
            #expect(first.hash != ConfigurationLoader.load(path: path, environment: [:]).hash)
        }
    }

    @Test(arguments: [
        ("a: $$x", "a: $x"), ("${A}", "value"), ("x${A}y${B:-d}z", "xvaluey" + "dz"), ("${B:-}", ""), ("$5 and $", "$5 and $"),
        ("${E:-d}", "d"), ("${file:secret}", "from a file"), ("${credential:c}", "from a credential"),
    ])
    func referencesAreReplaced(_ text: String, _ expected: String) throws {
        try ConfigurationFixture.withFolder { folder in
            try "from a file\n".write(toFile: folder.path + "/secret", atomically: true, encoding: .utf8)
            try "from a credential".write(toFile: folder.path + "/c", atomically: true, encoding: .utf8)
            let resolver = ReferenceResolver(
                environment: ["A": "value", "E": "", "CREDENTIALS_DIRECTORY": folder.path], files: InputFiles(),
                locate: { "\(folder.path)/\($0)" })
            #expect(try resolver.resolve(text).text == expected)
        }
    }

    @Test func referencesInKeysAreReplaced() throws {
        let configuration = try load(
            """
            upstreams: {"${UP}": {url: "http://localhost:1", dialect: openai, headers: {"x-${TEAM}": a}}}
            policies: {"${NOPE:-team}": {}}
            prices: {"${MODEL}": {input: 1, output: 2}, "a$$b": {input: 1, output: 2}}
            keys: [{name: k, key: sk-0123456789abcdef-k, policy: team, tags: {"${TEAM}": x}}]
            rules: [{tiers: [main]}]
            x-own: {"${NOWHERE}": 1}
            """, ["UP": "main", "TEAM": "blue", "MODEL": "gpt-x"])
        #expect(configuration.upstreams.map(\.name) == ["main"])
        #expect(configuration.upstreams[0].headers.map(\.name) == ["x-blue"])
        #expect(configuration.policies["team"] != nil)
        #expect(Set(configuration.prices.keys) == ["gpt-x", "a$b"])
        #expect(configuration.keys[0].tags == ["blue": "x"])
    }

    @Test(arguments: [
        (
            "prices: {\"${NOPE}\": {input: 1, output: 2}}",
            "proxy.yaml:1:10: error: prices: the environment has no NOPE (a default is written ${NOPE:-default})"
        ),
        (
            "prices: {m: {input: 1, output: 2}, \"${M}\": {input: 1, output: 2}}",
            "proxy.yaml:1:36: error: prices: stands for the same key as the one at proxy.yaml:1:10"
        ),
        ("\"${SECRET}\": 1", "proxy.yaml:1:1: error: unknown key; known here: "),
        ("policies: {\"${SECRET}\": {modls: [a]}}", "proxy.yaml:1:26: error: policies[\"…\"]: unknown key 'modls'"),
    ])
    func whatIsWrongWithAReferenceInAKeyIsTold(_ text: String, _ message: String) {
        let result = ConfigurationFixture.load(ConfigurationFixture.file(text), environment: ["M": "m", "SECRET": "Zx9_hidden"])
        let errors = ConfigurationFixture.messages(result).filter { $0.contains("error") }
        #expect(errors.count == 1 && errors[0].hasPrefix(message), "\(errors)")
        #expect(!DiagnosticRenderer.text(result.diagnostics).contains("Zx9"), "\(result.diagnostics)")
    }

    @Test func everyDefaultOfTheSchemaIsValid() {
        let context = LoadContext(directory: "", environment: [:], files: InputFiles())
        func check(_ mapping: Schema.Mapping, _ path: String) {
            for key in mapping.keys {
                #expect(!key.doc.isEmpty && key.doc.hasSuffix("."), "\(path).\(key.name) has no sentence")
                if case .value(let text) = key.absence { key.decodeDefault(text, context) }
                for nested in Self.mappings(key.shape) { check(nested, "\(path).\(key.name)") }
            }
        }
        check(Schema.Root.mapping, "")
        #expect(context.problems.isEmpty, "\(context.problems)")
    }

    private static func mappings(_ shape: Schema.Shape) -> [Schema.Mapping] {
        switch shape {
        case .scalar, .json: []
        case .list(let item), .oneOrList(let item): mappings(item)
        case .entries(let item, _): mappings(item)
        case .mapping(let mapping): [mapping]
        case .either(let short, let long, _): mappings(short) + mappings(long)
        }
    }
}

extension Schema.AnyKey {
    fileprivate func decodeDefault(_ text: String, _ context: LoadContext) {
        (self as? any DefaultDecoding)?.decode(text, context)
    }
}

private protocol DefaultDecoding {
    func decode(_ text: String, _ context: LoadContext)
}

extension Schema.Key: DefaultDecoding {
    func decode(_ text: String, _ context: LoadContext) {
        #expect(kind.decode(context.node(ofDefault: text), name, context) != nil, "the default of \(name)")
    }
}
