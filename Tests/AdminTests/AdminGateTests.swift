import Foundation
import ProxyCore
import Testing

@Suite struct AdminGateTests {
    private struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var path = "/admin/usage"
        var headers: [(name: String, value: String)] = []
        var address = "127.0.0.1"
        let status: Int

        init(
            _ name: String, _ status: Int, path: String = "/admin/usage", headers: [(String, String)] = [],
            address: String = "127.0.0.1"
        ) {
            testDescription = name
            self.path = path
            self.headers = headers.map { (name: $0.0, value: $0.1) }
            self.address = address
            self.status = status
        }
    }

    private static let right = AdminFixture.adminKey

    @Test(
        "Who may use the admin plane",
        arguments: [
            Case("no key", 401),
            Case("an empty key", 401, headers: [("x-api-key", "")]),
            Case("a wrong key", 403, headers: [("x-api-key", "wrong")]),
            Case("a prefix of the key", 403, headers: [("x-api-key", String(right.dropLast()))]),
            Case("a client's key", 403, headers: [("authorization", "Bearer \(FakeKeys.aliceKey)")]),
            Case("x-api-key", 200, headers: [("x-api-key", right)]),
            Case("bearer", 200, headers: [("authorization", "Bearer \(right)")]),
            Case("bearer in small letters", 200, headers: [("authorization", "bearer  \(right)")]),
            Case("another scheme", 401, headers: [("authorization", "Basic \(right)")]),
            Case("x-admin-key", 200, headers: [("x-admin-key", right)]),
            Case("api-key", 200, headers: [("api-key", right)]),
            Case("the right one beside a wrong one", 200, headers: [("x-api-key", "wrong"), ("x-admin-key", right)]),
            Case("a second one of a kind", 403, headers: [("x-api-key", "wrong"), ("x-api-key", right)]),
            Case("Google's header is not the admin's", 401, headers: [("x-goog-api-key", right)]),
            Case("a forbidden address, with the key", 403, headers: [("x-api-key", right)], address: "10.0.0.1"),
            Case("a forbidden address, without a key", 403, address: "10.0.0.1"),
            Case("an IPv4-mapped address", 200, headers: [("x-api-key", right)], address: "::ffff:127.0.0.1"),
            Case("no address at all", 403, headers: [("x-api-key", right)], address: ""),
            Case("metrics without a key", 401, path: "/metrics"),
            Case("metrics with the key", 200, path: "/metrics", headers: [("x-api-key", right)]),
            Case("the dashboard's page needs no key", 200, path: "/admin/"),
            Case("the dashboard's page from a forbidden address", 403, path: "/admin/", address: "192.0.2.1"),
            Case("an unknown path, without a key, tells nothing", 401, path: "/admin/nothing"),
            Case("an unknown path", 404, path: "/admin/nothing", headers: [("x-api-key", right)]),
        ])
    private func admits(_ check: Case) async {
        let response = await AdminFixture().respond(to: .to("GET", check.path, headers: check.headers, from: check.address))
        #expect(response.status == check.status)
    }

    @Test("Without an admin key there is no admin plane", arguments: ["/admin", "/admin/", "/admin/usage", "/metrics"])
    func noAdminKey(_ path: String) async {
        var fixture = AdminFixture()
        fixture.configuration.admin = nil
        #expect(await fixture.admin("GET", path).status == 404)
    }

    @Test(
        "Open metrics without any key are all there is",
        arguments: [
            ("/metrics", 200), ("/admin", 404), ("/admin/", 404), ("/admin/usage", 404), ("/admin/login", 404), ("/health", 200),
        ])
    func openMetricsAlone(path: String, status: Int) async {
        var fixture = AdminFixture()
        fixture.configuration.admin?.keys = []
        fixture.configuration.admin?.hasOpenMetrics = true
        #expect(await fixture.respond(to: .to("GET", path, from: "127.0.0.1")).status == status)
        fixture.configuration.admin?.hasOpenMetrics = false
        #expect(await fixture.respond(to: .to("GET", path, from: "127.0.0.1")).status == (path == "/health" ? 200 : 404))
    }

    @Test("An empty admin key opens nothing")
    func emptyAdminKey() async {
        var fixture = AdminFixture()
        fixture.configuration.admin?.keys = [AdminKey(key: Secret(""))]
        let response = await fixture.respond(to: .to("GET", "/admin/usage", headers: [("x-api-key", "x")]))
        #expect(response.status == 403)
    }

    @Test(
        "A listener of its own takes the admin plane away from the others",
        arguments: [
            ("/admin/usage", false, 404), ("/admin/", false, 404), ("/metrics", false, 404), ("/health", false, 200),
            ("/admin/usage", true, 200), ("/admin/", true, 200), ("/metrics", true, 200), ("/health", true, 200),
            ("/v1/models", true, 404), ("/oauth/login", true, 404),
        ])
    func ownListener(path: String, isAdminListener: Bool, status: Int) async {
        var fixture = AdminFixture()
        fixture.configuration.admin?.listener = Listener(host: "127.0.0.1", port: 8181)
        let headers = [(name: "x-api-key", value: AdminFixture.adminKey)]
        let response = await fixture.respond(to: .to("GET", path, headers: headers, isAdminListener: isAdminListener))
        #expect(response.status == status)
    }

    @Test("Refusals say what they are, in one shape")
    func refusalShape() async {
        let fixture = AdminFixture()
        let unauthorized = await fixture.respond(to: .to("GET", "/admin/keys"))
        #expect(
            unauthorized.text
                == #"{"error":{"type":"unauthorized","message":"show the admin key as x-api-key or Authorization: Bearer"}}"#)
        #expect(unauthorized.header("www-authenticate") == #"Bearer realm="proxyd admin""#)
        let wrong = await fixture.respond(to: .to("GET", "/admin/keys", headers: [("x-api-key", "wrong")]))
        #expect(wrong.text == #"{"error":{"type":"forbidden","message":"this is not the admin key"}}"#)
    }

    @Test(
        "A method that is not possible is told which are",
        arguments: [
            ("POST", "/admin/usage", "GET, HEAD"), ("GET", "/admin/reload", "POST"), ("PUT", "/admin/keys", "GET, HEAD, POST"),
            ("GET", "/admin/keys/key_alice", "DELETE, PATCH"), ("GET", "/admin/keys/key_alice/disable", "POST"),
            ("DELETE", "/health", "GET, HEAD"), ("POST", "/metrics", "GET, HEAD"),
        ])
    func methods(method: String, path: String, allowed: String) async {
        let response = await AdminFixture().admin(method, path)
        #expect(response.status == 405)
        #expect(response.header("allow") == allowed)
        #expect(response.json?["error"]?["type"] == "method_not_allowed")
    }

    @Test("HEAD is answered like GET", arguments: ["/health", "/healthz", "/readyz", "/metrics", "/admin/usage", "/admin/"])
    func head(_ path: String) async {
        let fixture = AdminFixture()
        let get = await fixture.admin("GET", path)
        let head = await fixture.admin("HEAD", path)
        #expect(head.status == get.status)
        #expect(head.body == get.body)
    }

    @Test(
        "Which paths are answered here",
        arguments: [
            ("/health", true), ("/healthz", true), ("/readyz", true), ("/metrics", true), ("/admin", true), ("/admin/", true),
            ("/admin/keys/x/usage", true), ("/administrator", false), ("/v1/models", true), ("/v1/models/a/b", true),
            ("/v1/modelsx", false), ("/v1beta/models", true), ("/v1beta/models/gemini-2.5-pro", true),
            ("/v1beta/models/gemini-2.5-pro:generateContent", false), ("/oauth/login", true), ("/oauth/callback", true),
            ("/oauth", false), ("/", false), ("", false), ("/v1/messages", false), ("/health/", true), ("/healthy", false),
        ])
    func serves(path: String, isServed: Bool) {
        #expect(AdminFixture().service().serves(path: path) == isServed)
    }

    @Test(
        "A path that cannot be decoded is nobody's",
        arguments: ["/admin/keys/%zz", "/admin/keys/%", "/admin/keys/%ff", "/v1/models/%c3"])
    func badEncoding(_ path: String) async {
        #expect(await AdminFixture().admin("DELETE", path).status == 404)
    }
}
