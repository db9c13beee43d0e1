import Foundation
import Testing

@testable import ProxyCore

/// Nothing that is printed of a configuration holds a secret of it.
@Suite struct ConfigurationSecretsTests {
    private static let secret = "Zx9-hidden-Qw7"

    @Test(arguments: [
        "keys: [{name: a, key: SECRET, polcy: x}]",
        "keys:\n  - name: a\n    ky: SECRET",
        "admin: {key: [SECRET]}",
        "admin: {key: {a: SECRET}}",
        "admin:\n  kee: SECRET",
        "admin: {key: SECRET, allow_from: [nonsense]}",
        "admin: {key: \"SECRET x\"}",
        "admin: {key: \"${NOPE:-SECRET}${OTHER}\"}",
        "admin: {key: \"${SET}${OTHER}\"}",
        "timeouts: {head: \"${SET}\"}",
        "limits: {body: \"${SET}\"}",
        "log: {level: \"${SET}\"}",
        "timezone: ${SET}",
        "listen: ${SET}",
        "fallback: {on: [\"${SET}\"]}",
        "lark: {app_id: x, app_secret: SECRET, token_file: y, tokn: z}",
        "events: {webhook: \"http://user:SECRET@h/\"}",
        "events: {webhook: \"ftp://h/SECRET\"}",
        "events: {webhook: \"https://h/SECRET\", file: x}",
        "telemetry: {otlp: \"http://h\", headers: {bad name: SECRET}}",
        "keys: [{name: a, key: SECRET}, {name: a, key: SECRET}]",
        "admin:\n  key: \"SECRET",
        "admin:\n  key: SECRET\n    more: x",
        "admin:\n\tkey: SECRET",
        "admin:\n  key: SECRET\n  key: SECRET",
        "admin: {key: SECRET",
        "prices: {m: {input: \"${SET}\"}}",
        "state: ${SET}\nbroken: 1",
    ])
    func noDiagnosticHoldsASecret(_ text: String) {
        let text = ConfigurationFixture.file(text.replacingOccurrences(of: "SECRET", with: Self.secret))
        let result = ConfigurationFixture.load(text, environment: ["SET": Self.secret])
        #expect(result.snapshot == nil)
        #expect(!result.errors.isEmpty)
        #expect(
            !DiagnosticRenderer.text(result.diagnostics).contains(Self.secret), "\(DiagnosticRenderer.text(result.diagnostics))")
        #expect(!DiagnosticRenderer.json(result.diagnostics).contains(Self.secret))
    }

    @Test(arguments: [
        "http://user:SECRET@h", "http://h/?key=SECRET", "ftp://user:SECRET@h", "user:SECRET@h",
    ])
    func noURLShowsAPassword(_ url: String) {
        let url = url.replacingOccurrences(of: "SECRET", with: Self.secret)
        let result = ConfigurationFixture.load(
            "upstreams:\n  a:\n    url: \"\(url)\"\n    dialect: openai\nrules: [{tiers: [a]}]")
        #expect(!result.errors.isEmpty)
        #expect(!DiagnosticRenderer.text(result.diagnostics).contains(Self.secret))
    }

    @Test func noHeaderOfAnUpstreamIsShown() {
        let result = ConfigurationFixture.load(
            "upstreams:\n  a:\n    url: http://h\n    dialect: openai\n    headers: {x-key: \(Self.secret), bad name: \(Self.secret)}\nrules: [{tiers: [a]}]"
        )
        #expect(!result.errors.isEmpty)
        #expect(!DiagnosticRenderer.text(result.diagnostics).contains(Self.secret))
    }

    @Test func aSnapshotPrintsNoSecret() throws {
        let text = ConfigurationFixture.file(
            "admin: {key: \(Self.secret)}\nkeys: [{name: a, key: \(Self.secret)-and-much-more-text}]")
        let snapshot = try #require(ConfigurationFixture.load(text).snapshot)
        var dumped = ""
        dump(snapshot, to: &dumped)
        #expect(!dumped.contains(Self.secret))
        #expect(!"\(snapshot.configuration)".contains(Self.secret))
    }

    @Test(arguments: [(0o644, true), (0o640, false), (0o600, false)])
    func aLiteralInAFileThatEverybodyReadsIsAWarning(_ mode: Int, _ isWarned: Bool) throws {
        try ConfigurationFixture.withFolder { folder in
            let path = folder.path + "/proxy.yaml"
            try ConfigurationFixture.file("admin: {key: \(Self.secret)}").write(toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            let result = ConfigurationLoader.load(path: path, environment: [:])
            #expect(result.errors.isEmpty)
            #expect(result.diagnostics.contains { $0.message.contains("written out") } == isWarned)
            #expect(!DiagnosticRenderer.text(result.diagnostics).contains(Self.secret))
        }
    }

    @Test(arguments: [
        ("https_proxy: \"http://user:SECRET@proxy:3128\"", true), ("https_proxy: \"http://user@proxy:3128\"", false),
        ("https_proxy: \"http://user:${K}@proxy:3128\"", false), ("https_proxy: \"http://proxy:3128\"", false),
        ("telemetry: {otlp: \"http://h:4318\", headers: {authorization: \"Bearer SECRET\"}}", true),
        ("telemetry: {otlp: \"http://h:4318\", headers: {authorization: \"Bearer ${K}\"}}", false),
        ("telemetry: {otlp: \"http://h:4318\", headers: {x-scope: production-one}}", false),
        ("upstreams: {z: {url: \"http://h\", dialect: openai, headers: {x-api-token: SECRET}}}\nrules: [{tiers: [z]}]", true),
        ("upstreams: {z: {url: \"http://h\", dialect: openai, headers: {x-title: SECRET}}}\nrules: [{tiers: [z]}]", false),
        (
            "upstreams: {z: {url: \"http://h\", dialect: openai, headers: {x-title: sk-4f9a6b2c4d8e1f3a5b7c9d2e}}}\nrules: [{tiers: [z]}]",
            true
        ),
        (
            "upstreams: {z: {url: \"http://h\", dialect: openai, proxy: \"http://user:SECRET@proxy\"}}\nrules: [{tiers: [z]}]",
            true
        ),
    ])
    func whateverKeyHoldsASecretIsWarnedAbout(_ text: String, _ isWarned: Bool) throws {
        try ConfigurationFixture.withFolder { folder in
            let path = folder.path + "/proxy.yaml"
            let text = text.replacingOccurrences(of: "SECRET", with: Self.secret)
            let whole = text.hasPrefix("upstreams") ? text : ConfigurationFixture.file(text)
            try whole.write(toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            let result = ConfigurationLoader.load(path: path, environment: ["K": "sk-4f9a6b2c4d8e1f3a5b7c9d2e"])
            #expect(result.errors.isEmpty, "\(result.errors)")
            #expect(result.diagnostics.contains { $0.message.contains("written out") } == isWarned)
            #expect(!DiagnosticRenderer.text(result.diagnostics).contains(Self.secret))
        }
    }

    @Test(arguments: [
        (
            "request.model == \"${K}\" && request.plicy == 1",
            "proxy.yaml:3:40: error: rules[0].when: 'request.plicy' is not known; request has model, path, method, dialect, …"
        ),
        (
            "request.plicy == 1 && request.model == \"${K}\"",
            "proxy.yaml:3:13: error: rules[0].when: 'request.plicy' is not known; request has model, path, method, dialect, …"
        ),
        ("${K}", "proxy.yaml:3:12: error: rules[0].when: what the reference stands for is no condition"),
        ("true && ${K} && true", "proxy.yaml:3:12: error: rules[0].when: what the reference stands for is no condition"),
    ])
    func whatIsWrongBesideAReferenceIsTold(_ condition: String, _ message: String) {
        let text = """
            upstreams: {a: {url: "http://h", dialect: openai}}
            rules:
              -  when: '\(condition)'
                 tiers: [a]
            """
        let messages = ConfigurationFixture.messages(ConfigurationFixture.load(text, environment: ["K": Self.secret]))
        #expect(messages.contains { $0.hasPrefix(message) }, "\(messages)")
        #expect(!messages.contains { $0.contains(Self.secret) })
    }

    @Test func aReferenceIsNoLiteral() throws {
        try ConfigurationFixture.withFolder { folder in
            let path = folder.path + "/proxy.yaml"
            try ConfigurationFixture.file("admin: {key: \"${K}\"}").write(toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            #expect(ConfigurationLoader.load(path: path, environment: ["K": "sk-4f9a6b2c4d8e1f3a5b7c9d2e"]).diagnostics.isEmpty)
        }
    }
}
