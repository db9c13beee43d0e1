import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct AdminRoleTests {
    private static let keys: [AdminRole: String] = [
        .admin: "ops-key-of-the-tests", .viewer: "grafana-key-of-the-tests", .metrics: "prometheus-key-of-the-tests",
    ]

    private func fixture() -> AdminFixture {
        var fixture = AdminFixture()
        fixture.configuration.admin?.keys += [
            AdminKey(name: "ops", key: Secret(Self.keys[.admin] ?? ""), role: .admin),
            AdminKey(name: "grafana", key: Secret(Self.keys[.viewer] ?? ""), role: .viewer),
            AdminKey(name: "prometheus", key: Secret(Self.keys[.metrics] ?? ""), role: .metrics),
        ]
        return fixture
    }

    private func ask(_ fixture: AdminFixture, _ role: AdminRole, _ method: String, _ path: String, _ body: String = "") async
        -> LocalResponse
    {
        await fixture.respond(to: .to(method, path, headers: [("x-api-key", Self.keys[role] ?? "")], body: body))
    }

    /// Every call that there is, by what it does.
    private static let looks = [
        "/admin/fallback", "/admin/keys", "/admin/keys/alice/usage", "/admin/usage", "/admin/usage/daily",
        "/admin/usage/hourly", "/admin/config", "/admin/keys?limit=10",
    ]
    private static let changes: [(String, String, String)] = [
        ("POST", "/admin/keys", #"{"name":"new"}"#), ("POST", "/admin/keys/alice/disable", ""),
        ("POST", "/admin/keys/alice/enable", ""), ("POST", "/admin/keys/alice/rotate", ""),
        ("PATCH", "/admin/keys/alice", #"{"name":"other"}"#), ("DELETE", "/admin/keys/alice", ""), ("POST", "/admin/reload", ""),
        ("POST", "/admin/accounts/openai/main/free", ""), ("POST", "/admin/accounts/openai/main/drain", ""),
    ]

    @Test("A viewer and an admin look at everything", arguments: [AdminRole.admin, .viewer], looks)
    func looking(role: AdminRole, path: String) async {
        #expect(await ask(fixture(), role, "GET", path).status == 200)
        #expect(await ask(fixture(), role, "HEAD", path).status == 200)
    }

    @Test("A viewer asks why, a key for metrics does not")
    func explanations() async {
        let body = #"{"model":"gpt-4o"}"#
        #expect(await ask(fixture(), .viewer, "POST", "/admin/explain", body).status == 200)
        #expect(await ask(fixture(), .metrics, "POST", "/admin/explain", body).status == 403)
    }

    @Test("A viewer changes nothing, and is told so", arguments: changes)
    func viewerChanges(method: String, path: String, body: String) async {
        let fixture = fixture()
        let response = await ask(fixture, .viewer, method, path, body)
        #expect(response.status == 403)
        #expect(
            response.text
                == #"{"error":{"type":"role_forbidden","message":"the admin key 'grafana' has the role viewer: it may look at "#
                + #"everything and change nothing"}}"#)
        #expect(fixture.keys.list() == [FakeKeys.ci, FakeKeys.alice])
        #expect(await ask(fixture, .admin, method, path, body).status != 403)
    }

    @Test("A key for metrics reads them and nothing else", arguments: looks.map { ("GET", $0, "") } + changes)
    func metrics(method: String, path: String, body: String) async {
        let response = await ask(fixture(), .metrics, method, path, body)
        #expect(response.status == 403)
        #expect(response.text.contains("the admin key 'prometheus' has the role metrics: it may read /metrics alone"))
    }

    @Test("Every role reads /metrics, and nobody without a key", arguments: AdminRole.allCases)
    func metricsForAll(role: AdminRole) async {
        #expect(await ask(fixture(), role, "GET", "/metrics").status == 200)
        #expect(await fixture().respond(to: .to("GET", "/metrics")).status == 401)
    }

    @Test("Open metrics ask for no key, but for the address")
    func openMetrics() async {
        var fixture = fixture()
        fixture.configuration.admin?.hasOpenMetrics = true
        #expect(await fixture.respond(to: .to("GET", "/metrics")).status == 200)
        #expect(await fixture.respond(to: .to("GET", "/metrics", from: "10.0.0.1")).status == 403)
        #expect(await fixture.respond(to: .to("GET", "/admin/usage")).status == 401)
    }

    @Test("Of several keys that are shown the one that may counts")
    func severalKeys() async {
        let headers = [
            (name: "x-api-key", value: Self.keys[.metrics] ?? ""), (name: "x-admin-key", value: Self.keys[.viewer] ?? ""),
            (name: "authorization", value: "Bearer wrong"),
        ]
        #expect(await fixture().respond(to: .to("GET", "/admin/keys", headers: headers)).status == 200)
        #expect(await fixture().respond(to: .to("POST", "/admin/reload", headers: headers)).status == 403)
    }

    @Test("What a role may not do is no wrong key: nobody has to wait for it")
    func roleIsNoGuess() async {
        let service = fixture().service()
        func ask(_ key: String, _ method: String, _ path: String) async -> Int {
            await service.respond(to: .to(method, path, headers: [("x-api-key", key)])).status
        }
        for _ in 0..<50 { #expect(await ask(Self.keys[.viewer] ?? "", "POST", "/admin/reload") == 403) }
        #expect(await ask(Self.keys[.viewer] ?? "", "GET", "/admin/keys") == 200)
        // Wrong keys are told apart from it, whatever keys there are.
        for number in 0..<GuessBrake.freeGuesses { #expect(await ask("wrong \(number)", "GET", "/metrics") == 403) }
        #expect(await ask(Self.keys[.viewer] ?? "", "GET", "/admin/keys") == 429)
    }
}
