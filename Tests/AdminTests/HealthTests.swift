import Foundation
import ProxyCore
import Testing

@Suite struct HealthTests {
    private static let now = AdminFixture.now * 1000

    @Test("Health as the contract has it")
    func golden() async {
        let response = await AdminFixture().respond(to: .to("GET", "/health"))
        #expect(response.status == 200)
        #expect(
            response.text == """
                {"status":"ok","upstream":"http://localhost:8080","fallback_enabled":true,"tiers":2,\
                "config":{"generation":3,"hash":"9f86d0","error":null},"services":{"storage":"ok"},\
                "upstreams":[{"name":"antigravity","status":"ok"},{"name":"openai","status":"ok"}]}
                """)
    }

    @Test("A refused file is told with its place, without the directory")
    func refusedFile() async {
        var fixture = AdminFixture()
        fixture.reload = FakeReload(errors: [FakeReload.diagnostic])
        let response = await fixture.respond(to: .to("GET", "/health"))
        #expect(response.status == 200)
        #expect(
            response.json?["config"]?["error"]?.string
                == "proxy.yaml:41:9: error: rules[2].tiers[0]: no upstream is called 'antigravty' (did you mean 'antigravity'?)")
    }

    @Test(
        "Storage that fails degrades what may not go unaccounted",
        arguments: [
            (Configuration.StorageFailurePolicy.refuse, 503, "degraded"), (.continue, 200, "ok"),
        ])
    func storage(policy: Configuration.StorageFailurePolicy, status: Int, word: String) async {
        var fixture = AdminFixture()
        fixture.configuration.usage.onStorageFailure = policy
        fixture.usage.health = .failing("no space left at /secret/path")
        let response = await fixture.respond(to: .to("GET", "/health"))
        #expect(response.status == status)
        #expect(response.json?["status"]?.string == word)
        #expect(response.json?["services"]?["storage"] == "failing")
        #expect(!response.text.contains("secret"))
        #expect(await fixture.respond(to: .to("GET", "/readyz")).status == status)
        #expect(await fixture.respond(to: .to("GET", "/healthz")).status == 200)
    }

    @Test("What the journal keeps takes nobody out of service")
    func storageBehind() async {
        var fixture = AdminFixture()
        fixture.configuration.usage.onStorageFailure = .refuse
        fixture.usage.health = .degraded("somebody holds the database")
        let response = await fixture.respond(to: .to("GET", "/health"))
        #expect(response.status == 200)
        #expect(response.json?["services"]?["storage"] == "degraded")
        #expect(await fixture.respond(to: .to("GET", "/readyz")).status == 200)
    }

    @Test("Degraded is when no upstream can serve, not when one is out of quota for a model")
    func upstreams() async {
        let fixture = AdminFixture()
        fixture.accounts.cool(
            AccountID(upstream: "antigravity", account: "default"), model: "m", until: Self.now + 1000,
            reason: .failure(.unreachable(.other)))
        fixture.accounts.cool(
            AccountID(upstream: "openai", account: "main"), model: "m", until: Self.now + 1000, reason: .response(.status(429)))
        fixture.accounts.refuse(AccountID(upstream: "openai", account: "spare"), AccountState.Refusal(until: Self.now + 300_000))
        #expect(await fixture.respond(to: .to("GET", "/health")).status == 200)
        fixture.accounts.refuse(AccountID(upstream: "openai", account: "main"), AccountState.Refusal(until: Self.now + 300_000))
        let response = await fixture.respond(to: .to("GET", "/health"))
        #expect(response.status == 503)
        let down =
            #"[{"name":"antigravity","status":"down","reason":"every account is cooling"},"#
            + #"{"name":"openai","status":"down","reason":"every account is refused"}]"#
        #expect(response.json?["upstreams"]?.text == down)
        #expect(await fixture.respond(to: .to("GET", "/readyz")).status == 200)
    }

    @Test("Health tells no key to anyone", arguments: ["/health", "/healthz", "/readyz"])
    func noSecrets(_ path: String) async {
        let text = await AdminFixture().respond(to: .to("GET", path)).text
        #expect(!text.contains("sk-") && !text.contains(AdminFixture.adminKey))
    }

    @Test("Metrics are Prometheus text")
    func metrics() async {
        let response = await AdminFixture().admin("GET", "/metrics")
        #expect(response.header("content-type") == MetricsRegistry.contentType)
    }
}
