import Dialects
import Foundation
import ProxyCore
import Testing

@testable import Admin

/// Lark's half of a login, scripted.
private func larkResponses(app: String? = nil, user: String? = nil) -> FakeCaller {
    FakeCaller { request in
        switch request.target {
        case "/open-apis/auth/v3/app_access_token/internal":
            .json(app ?? #"{"code":0,"msg":"ok","app_access_token":"a-token","expire":7200}"#)
        case "/open-apis/authen/v1/oidc/access_token":
            .json(
                user
                    ?? #"{"code":0,"message":"success","data":{"access_token":"u-token","refresh_token":"r-token","expires_in":7200}}"#
            )
        default: .json("{}", status: 404)
        }
    }
}

@Suite struct LarkLoginTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("proxyd-lark-\(UUID().uuidString)")

    private func fixture(_ caller: FakeCaller = larkResponses(), _ change: (inout Configuration.Lark) -> Void = { _ in }) throws
        -> AdminFixture
    {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var fixture = AdminFixture()
        var lark = Configuration.Lark(appID: "cli_1", appSecret: Secret("app-secret"), tokenFile: tokenFile)
        change(&lark)
        fixture.configuration.lark = lark
        fixture.caller = caller
        return fixture
    }

    private var tokenFile: String { folder.appendingPathComponent("token.json").path }

    private func stored() -> String? { try? String(contentsOfFile: tokenFile, encoding: .utf8) }

    /// The state that a login issues.
    private func state(_ service: AdminService) async throws -> String {
        let login = await service.respond(to: .to("GET", "/oauth/login", headers: [("host", "proxy.example")]))
        let location = try #require(login.header("location"))
        let query = try #require(location.split(separator: "?").last)
        return try #require(RequestQuery(String(query))["state"])
    }

    @Test(
        "Without lark there is nothing",
        arguments: [("GET", "/oauth/login"), ("GET", "/oauth/callback"), ("POST", "/oauth/callback")])
    func unconfigured(method: String, path: String) async {
        #expect(await AdminFixture().respond(to: .to(method, path)).status == 404)
    }

    @Test(
        "A login goes to Lark, and says where to come back",
        arguments: [
            ("plainly", false, nil, "http://proxy.example/oauth/callback"),
            ("encrypted", true, nil, "https://proxy.example/oauth/callback"),
            ("plainly, whatever is said", false, "https", "http://proxy.example/oauth/callback"),
        ] as [(String, Bool, String?, String)])
    func login(_: String, isSecure: Bool, forwarded: String?, back: String) async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        var headers = [(name: "host", value: "proxy.example")]
        if let forwarded { headers.append(("x-forwarded-proto", forwarded)) }
        var request = LocalRequest.to("GET", "/oauth/login", headers: headers)
        request.isSecure = isSecure
        let response = try await fixture { $0.api = "https://lark.example/" }.respond(to: request)
        #expect(response.status == 302)
        #expect(response.header("cache-control") == "no-store")
        let location = try #require(response.header("location"))
        #expect(location.hasPrefix("https://lark.example/open-apis/authen/v1/authorize?app_id=cli_1&redirect_uri="))
        let query = RequestQuery(String(location.split(separator: "?").last ?? ""))
        #expect(query["redirect_uri"] == back)
        #expect(query["state"]?.isEmpty == false)
    }

    @Test("A login needs a host it can come back to", arguments: [nil, "", "a b", "evil\"<x>", "a/b"])
    func hosts(_ host: String?) async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let headers = host.map { [(name: "host", value: $0)] } ?? []
        #expect(try await fixture().respond(to: .to("GET", "/oauth/login", headers: headers)).status == 400)
    }

    @Test("A finished login stores exactly Lark's data, for its owner alone")
    func success() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let caller = larkResponses()
        let service = try fixture(caller).service()
        let response = await service.respond(to: .to("GET", "/oauth/callback?code=c%20de&state=\(try await state(service))"))
        #expect(response.status == 200)
        #expect(response.header("content-type") == "text/html; charset=utf-8")
        #expect(response.text.contains("The token is stored"))
        #expect(stored() == #"{"access_token":"u-token","refresh_token":"r-token","expires_in":7200}"#)
        let attributes = try FileManager.default.attributesOfItem(atPath: tokenFile)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["token.json"])

        let calls = caller.requests
        #expect(calls.map(\.method) == ["POST", "POST"])
        #expect(
            calls.map { String(decoding: $0.body, as: UTF8.self) } == [
                #"{"app_id":"cli_1","app_secret":"app-secret"}"#, #"{"grant_type":"authorization_code","code":"c de"}"#,
            ])
        #expect(calls[0].url.description == "https://open.larksuite.com")
        #expect(calls[1].headers.contains { $0 == ("authorization", "Bearer a-token") })
    }

    @Test("The callback takes a state that was issued here, once")
    func states() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let caller = larkResponses()
        let service = try fixture(caller).service()
        let state = try await state(service)
        for wrong in ["", "nonsense", "1.2.3", "..", state + "0", "9" + state, String(state.dropLast()), "x" + state.dropFirst()]
        {
            let response = await service.respond(to: .to("GET", "/oauth/callback?code=c&state=\(wrong)"))
            #expect(response.status == 400, "\(wrong)")
        }
        #expect(await service.respond(to: .to("GET", "/oauth/callback?code=c")).status == 400)
        let elsewhere = try await self.state(try fixture().service())
        #expect(await service.respond(to: .to("GET", "/oauth/callback?code=c&state=\(elsewhere)")).status == 400)
        #expect(caller.requests.isEmpty)
        #expect(stored() == nil)
        #expect(await service.respond(to: .to("GET", "/oauth/callback?code=c&state=\(state)")).status == 200)
        let again = await service.respond(to: .to("GET", "/oauth/callback?code=c&state=\(state)"))
        #expect(again.status == 400)
        #expect(again.text.contains("finished before"))
    }

    @Test("A state lives ten minutes, for one app")
    func lifetime() {
        let states = LarkStates()
        let begin = Date(timeIntervalSince1970: Double(AdminFixture.now))
        let app = Configuration.Lark(appID: "cli_1", appSecret: Secret("s"), tokenFile: "")
        let other = Configuration.Lark(appID: "cli_2", appSecret: Secret("s"), tokenFile: "")
        let state = states.issue(for: app, now: begin)
        #expect(states.redeem(state, for: other, now: begin) == .forged)
        #expect(states.redeem(state, for: app, now: begin.addingTimeInterval(600)) == .expired)
        #expect(states.redeem(state, for: app, now: begin.addingTimeInterval(599)) == .valid)
        #expect(states.redeem(state.uppercased(), for: app, now: begin) != .valid)
        #expect(states.redeem(state, for: app, now: begin) == .spent)
    }

    @Test("A flow begun elsewhere is taken when the state is not checked")
    func unchecked() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = try fixture { $0.checkState = false }
        #expect(await fixture.respond(to: .to("GET", "/oauth/callback?code=c&state=theirs")).status == 200)
        #expect(stored() != nil)
    }

    @Test(
        "A login that fails says why, with Lark's words escaped",
        arguments: [
            (
                "code=c", #"{"code":10003,"msg":"<script>alert(1)</script>"}"#, nil as String?, 502,
                "&lt;script&gt;alert(1)&lt;/script&gt;"
            ),
            ("code=c", nil as String?, #"{"code":20003,"message":"bad <b>code</b>"}"#, 400, "bad &lt;b&gt;code&lt;/b&gt;"),
            ("code=c", nil, #"{"code":0,"data":null}"#, 502, "holds no data"),
            ("code=c", nil, "<html>busy</html>", 502, "without a code"),
            ("code=c", #"{"code":0}"#, nil, 502, "no app_access_token"),
            ("code=", nil, nil, 400, "carries no code"),
            ("error=access_denied", nil, nil, 400, "access_denied"),
            ("error=x&error_description=%3Ci%3Eno%3C%2Fi%3E", nil, nil, 400, "&lt;i&gt;no&lt;/i&gt;"),
        ])
    func failures(query: String, app: String?, user: String?, status: Int, says text: String) async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = try fixture(larkResponses(app: app, user: user)) { $0.checkState = false }
        let response = await fixture.respond(to: .to("GET", "/oauth/callback?\(query)"))
        #expect(response.status == status)
        #expect(response.text.contains(text))
        #expect(response.header("content-security-policy")?.hasPrefix("default-src 'none'") == true)
        #expect(stored() == nil)
    }

    @Test("Lark out of reach, and a token that cannot be stored")
    func outside() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let unreachable = try fixture(FakeCaller()) { $0.checkState = false }
        #expect(await unreachable.respond(to: .to("GET", "/oauth/callback?code=c")).status == 502)
        let unwritable = try fixture { lark in
            lark.checkState = false
            lark.tokenFile = "/dev/null/missing/token.json"
        }
        let response = await unwritable.respond(to: .to("GET", "/oauth/callback?code=c"))
        #expect(response.status == 500)
        #expect(!response.text.contains(folder.path))
    }

    @Test("A token that is there is replaced, not added to")
    func replaces() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = try fixture { $0.checkState = false }
        try String(repeating: "x", count: 1000).write(toFile: tokenFile, atomically: false, encoding: .utf8)
        #expect(await fixture.respond(to: .to("GET", "/oauth/callback?code=c")).status == 200)
        #expect(stored()?.hasPrefix(#"{"access_token""#) == true)
    }

    @Test("HEAD must not use up a state")
    func head() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let response = try await fixture().respond(to: .to("HEAD", "/oauth/callback?code=c"))
        #expect(response.status == 405)
        #expect(response.header("allow") == "GET, POST")
    }

    @Test("Spent states are bounded")
    func bounded() {
        let spent = OnceOnly(capacity: 4_096)
        for index in 0..<4_200 { #expect(spent.take("s\(index)", until: 1000 + index, now: 0)) }
        #expect(!spent.take("s4199", until: 5_199, now: 0))
    }
}
