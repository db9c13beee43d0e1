import Dialects
import ProxyCore
import Testing

@Suite struct ConfigurationCallTests {
    @Test("What runs, with every secret masked")
    func show() async throws {
        var fixture = AdminFixture()
        let file = """
            admin: {key: \(AdminFixture.adminKey)}
            upstreams:
              openai:
                {url: "https://api.openai.com/v1", dialect: openai, accounts: [{name: main, key: sk-upstream-main}],
                 headers: {x-tenant-token: tenant-secret}}
            rules: [{tiers: [openai]}]
            lark: {app_id: cli_1, app_secret: lark-secret, token_file: /t.json, encrypt_key: encrypt-secret,
              forward_cards_to: "http://127.0.0.1/hook?token=query-secret"}
            """
        let loaded = ConfigurationLoader.load(text: file, file: "proxy.yaml", environment: [:])
        fixture.shown = try #require(loaded.snapshot?.shown, "\(loaded.diagnostics)")
        let response = await fixture.admin("GET", "/admin/config")
        let config = try #require(response.json)
        #expect(config["generation"]?.int == 3)
        #expect(config["hash"]?.string == "9f86d0")
        #expect(config["error"]?.isNull == true)
        #expect(config["loaded_at"]?.string == "2026-02-11T13:03:20+08:00")
        #expect(config["config"]?["admin"]?["key"] == "<redacted>")
        #expect(
            config["config"]?["upstreams"]?["openai"]?["accounts"]?.array?.first?.text
                == #"{"name":"main","key":"<redacted>","weight":1,"quota":null}"#)
        #expect(config["config"]?["rules"]?.array?.count == 1)
        for secret in ["secret", "sk-upstream", AdminFixture.adminKey] {
            #expect(!response.text.replacing("app_secret", with: "").contains(secret))
        }
    }

    @Test("The last error has its place")
    func lastError() async throws {
        var fixture = AdminFixture()
        fixture.reload = FakeReload(errors: [FakeReload.diagnostic])
        let config = try #require(await fixture.admin("GET", "/admin/config").json)
        let diagnostic = """
            {"severity":"error","file":"/etc/proxyd/proxy.yaml","line":41,"column":9,"path":"rules[2].tiers[0]",\
            "message":"no upstream is called 'antigravty' (did you mean 'antigravity'?)",\
            "text":"/etc/proxyd/proxy.yaml:41:9: error: rules[2].tiers[0]: no upstream is called 'antigravty' (did you mean 'antigravity'?)"
            """
        #expect(config["error"]?.text == diagnostic + #","time":"2026-02-11T14:03:20+08:00"}"#)
        #expect(config["diagnostics"]?.text == "[" + diagnostic + "}]")
    }

    @Test("A reload that applies tells the generation that runs now, and what changed")
    func applied() async {
        var fixture = AdminFixture()
        let next = Snapshot(generation: 4, hash: "a1b2", configuration: fixture.configuration, rules: fixture.rules, routes: [])
        fixture.reload.outcome = .applied(next, summary: "rules: opus changed", words: [])
        let response = await fixture.admin("POST", "/admin/reload")
        #expect(response.status == 200)
        #expect(
            response.text == """
                {"status":"reloaded","generation":4,"hash":"a1b2","changed":true,"changes":"rules: opus changed","warnings":[]}
                """)
    }

    @Test("A reload of the same file changes nothing")
    func unchanged() async {
        let response = await AdminFixture().admin("POST", "/admin/reload")
        #expect(response.status == 200)
        #expect(
            response.text
                == #"{"status":"unchanged","generation":3,"hash":"9f86d0","changed":false,"changes":null,"warnings":[]}"#)
    }

    @Test("What declared keys have in common with made ones is a warning, of a reload and of what runs")
    func clashes() async throws {
        var fixture = AdminFixture()
        let twin = ClientKey(
            id: "key_ci", name: "ci", digest: AdminFixture.digest(of: "sk-made-key-of-ci"), masked: "sk-made...f-ci",
            created: 1_770_000_000, source: .admin)
        fixture.keys = FakeKeys([FakeKeys.ci, twin])
        for (method, path) in [("POST", "/admin/reload"), ("GET", "/admin/config")] {
            let warning = try #require(await fixture.admin(method, path).json?["warnings"]?.array?.first)
            #expect(warning["message"] == "'ci' is the name of two keys" && warning["severity"] == "warning")
            #expect(warning["text"] == "warning: keys: 'ci' is the name of two keys")
        }
    }

    @Test("A refused file is 422 with every diagnostic")
    func refused() async throws {
        var fixture = AdminFixture()
        fixture.reload.outcome = .failed([FakeReload.diagnostic, FakeReload.diagnostic])
        let response = await fixture.admin("POST", "/admin/reload")
        #expect(response.status == 422)
        let body = try #require(response.json?.object)
        #expect(body.members.map(\.key) == ["error", "status", "generation", "hash", "diagnostics"])
        #expect(body["error"]?["type"] == "configuration_refused")
        #expect(body["error"]?["message"]?.string?.hasPrefix("/etc/proxyd/proxy.yaml:41:9: error: rules[2].tiers[0]") == true)
        #expect(body["diagnostics"]?.array?.count == 2)
    }
}
