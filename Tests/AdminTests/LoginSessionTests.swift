import Foundation
import ProxyCore
import RuleEngine
import Testing

@testable import Admin

@Suite struct LoginSessionTests {
    private static let admin = AdminFixture.configuration().admin ?? Configuration.Admin(keys: [])
    private static let means = LoginSessions.Means.key(AdminKey(key: Secret(AdminFixture.adminKey)))

    private func login(_ service: AdminService, headers: [(name: String, value: String)]) async -> LocalResponse {
        await service.respond(to: .to("POST", "/admin/login", headers: headers))
    }

    private func cookie(_ response: LocalResponse) throws -> String {
        String(try #require(response.header("set-cookie")?.split(separator: ";").first))
    }

    @Test("A key becomes a session, and the session its answers")
    func keys() async throws {
        let fixture = AdminFixture()
        let service = fixture.service()
        let response = await login(service, headers: [("x-admin-key", AdminFixture.adminKey)])
        #expect(response.status == 200)
        #expect(response.text == #"{"name":"admin","role":"admin","until":"2026-02-12T02:03:20+08:00"}"#)
        let cookie = try cookie(response)
        #expect(!cookie.contains(AdminFixture.adminKey))
        let call = await service.respond(to: .to("GET", "/admin/usage", headers: [("cookie", "a=b; \(cookie)")]))
        #expect(call.status == 200)
        #expect(await login(service, headers: [("x-admin-key", "wrong")]).status == 403)
        #expect(await login(service, headers: []).status == 401)
        #expect(fixture.audit.lines == ["admin session.begin key admin ok"])
    }

    @Test(
        "A change by cookie has to come from a page of this origin",
        arguments: [
            ([("origin", "http://proxy.example")], true), ([("origin", "HTTP://PROXY.example:80")], true),
            ([("sec-fetch-site", "same-origin")], true), ([("origin", "https://proxy.example")], true),
            ([("origin", "http://evil.example")], false), ([("origin", "http://proxy.example.evil")], false),
            ([("origin", "null")], false), ([("origin", "proxy.example")], false), ([], false),
            ([("sec-fetch-site", "same-site"), ("origin", "http://proxy.example")], false),
            ([("sec-fetch-site", "none")], false), ([("sec-fetch-site", "cross-site")], false),
        ] as [([(String, String)], Bool)])
    func origins(headers: [(String, String)], isDone: Bool) async throws {
        let service = AdminFixture().service()
        let cookie = try cookie(await login(service, headers: [("x-admin-key", AdminFixture.adminKey)]))
        let all = headers.map { (name: $0.0, value: $0.1) } + [("host", "proxy.example"), ("cookie", cookie)]
        #expect(await service.respond(to: .to("POST", "/admin/reload", headers: all)).status == (isDone ? 200 : 403))
        #expect(await service.respond(to: .to("GET", "/admin/usage", headers: all)).status == 200)
    }

    @Test("Over TLS a page of plain HTTP is another origin, and cookies are Secure")
    func tls() async throws {
        let service = AdminFixture().service()
        var request = LocalRequest.to(
            "POST", "/admin/login", headers: [("x-admin-key", AdminFixture.adminKey), ("host", "proxy.example")])
        request.isSecure = true
        let response = await service.respond(to: request)
        #expect(response.header("set-cookie")?.contains("; Secure") == true)
        request.headers.append(("origin", "http://proxy.example"))
        #expect(await service.respond(to: request).status == 403)
    }

    @Test("A logout ends the session")
    func logout() async throws {
        let fixture = AdminFixture()
        let service = fixture.service()
        let cookie = try cookie(await login(service, headers: [("x-admin-key", AdminFixture.adminKey)]))
        let response = await service.respond(to: .to("POST", "/admin/logout", headers: [("cookie", cookie)]))
        #expect(response.status == 200)
        #expect(response.header("set-cookie")?.contains("Max-Age=0") == true)
        #expect(await service.respond(to: .to("GET", "/admin/usage", headers: [("cookie", cookie)])).status == 401)
        #expect(await service.respond(to: .to("POST", "/admin/logout", headers: [("cookie", cookie)])).status == 200)
        #expect(fixture.audit.lines.last == "admin session.end - admin ok")
        #expect(fixture.audit.lines.count == 2)
    }

    @Test("Wrong keys at the login make an address wait, as anywhere")
    func guesses() async {
        let service = AdminFixture().service()
        for number in 0..<GuessBrake.freeGuesses {
            #expect(await login(service, headers: [("x-admin-key", "wrong \(number)")]).status == 403)
        }
        #expect(await login(service, headers: [("x-admin-key", AdminFixture.adminKey)]).status == 429)
    }

    @Test("Sessions end: idle after two hours, whatever happens after twelve")
    func ends() {
        let sessions = LoginSessions()
        let idle = sessions.begin(name: "a", role: .admin, means: Self.means, now: 0)
        let busy = sessions.begin(name: "a", role: .viewer, means: Self.means, now: 0)
        for hour in 1..<12 { #expect(sessions.find(busy, in: Self.admin, now: hour * 3_600)?.role == .viewer) }
        #expect(sessions.find(idle, in: Self.admin, now: LoginSessions.idleSeconds) == nil)
        #expect(sessions.find(busy, in: Self.admin, now: LoginSessions.lifetimeSeconds) == nil)
        #expect(sessions.find(busy, in: Self.admin, now: 0) == nil)
        for id in ["", "x", String(repeating: "A", count: 100_000)] { #expect(sessions.find(id, in: Self.admin, now: 0) == nil) }
    }

    @Test("A session is over when the file no longer has its key, or another role for it")
    func files() {
        for change in [
            { (admin: inout Configuration.Admin) in admin.keys = [] }, { $0.keys[0].role = .viewer },
            { $0.keys[0].key = Secret("another") },
        ] {
            let sessions = LoginSessions()
            let id = sessions.begin(name: "admin", role: .admin, means: Self.means, now: 0)
            var admin = Self.admin
            #expect(sessions.find(id, in: admin, now: 0) != nil)
            change(&admin)
            #expect(sessions.find(id, in: admin, now: 0) == nil)
        }
    }

    @Test("Who logs in again and again loses his own oldest, not others'")
    func bounded() {
        let sessions = LoginSessions()
        let other = sessions.begin(name: "other", role: .admin, means: Self.means, now: 0)
        let first = sessions.begin(name: "a", role: .admin, means: Self.means, now: 1)
        for _ in 0..<LoginSessions.capacityOfOne { _ = sessions.begin(name: "a", role: .admin, means: Self.means, now: 2) }
        #expect(sessions.find(first, in: Self.admin, now: 3) == nil)
        #expect(sessions.find(other, in: Self.admin, now: 3) != nil)
    }

    @Test("A body is waited for where a session may do something with it")
    func bodies() async throws {
        let service = AdminFixture().service()
        let cookie = try cookie(await login(service, headers: [("x-admin-key", AdminFixture.adminKey)]))
        let id = try #require(Cookies.value(of: Cookies.session, in: cookie))
        #expect(service.takesBody(session: id, path: "/admin/keys"))
        #expect(!service.takesBody(session: id + "x", path: "/admin/keys"))
    }

    @Test(
        "The value of a cookie",
        arguments: [
            ("proxyd_session=x", "x"), ("a=b; proxyd_session=x; c=d", "x"), ("a=b;proxyd_session=x=y", "x=y"),
            ("proxyd_session=", nil), ("xproxyd_session=x", nil), ("proxyd_session", nil), ("", nil), (";;=;", nil),
            ("proxyd_session=1; proxyd_session=2", "1"),
        ] as [(String, String?)])
    func cookies(field: String, value: String?) {
        #expect(Cookies.value(of: Cookies.session, in: field) == value)
    }
}

/// Logins of people by a Lark app.
@Suite struct LarkSignInTests {
    private static let user =
        #"{"name":"Ann","open_id":"ou_1","union_id":"on_1","email":"ops","enterprise_email":"ann@example.com"}"#

    /// - Parameter user: what Lark says of its user.
    private func house(_ user: String = Self.user, code: Int = 0) throws -> (AdminFixture, AdminService) {
        var fixture = AdminFixture()
        let app = Configuration.Lark(appID: "cli_1", appSecret: Secret("app-secret"), tokenFile: "/nowhere/token.json")
        let roles = try RoleExpression(
            "claims.enterprise_email.endsWith('@example.com') ? 'viewer' : ''", roles: AdminRole.allCases.map(\.rawValue))
        fixture.configuration.lark = app
        fixture.configuration.admin?.lark = Configuration.LarkLogin(app: app, roles: roles)
        fixture.caller = FakeCaller { request in
            switch request.target {
            case "/open-apis/auth/v3/app_access_token/internal": .json(#"{"code":0,"app_access_token":"a-token"}"#)
            case "/open-apis/authen/v1/oidc/access_token": .json(#"{"code":0,"data":{"access_token":"u-token"}}"#)
            case "/open-apis/authen/v1/user_info": .json(#"{"code":\#(code),"msg":"<b>no</b>","data":\#(user)}"#)
            default: .json("{}", status: 404)
            }
        }
        return (fixture, fixture.service())
    }

    private func login(_ service: AdminService) async throws -> LocalResponse {
        let begun = await service.respond(to: .to("GET", "/admin/lark/login", headers: [("host", "proxy.example")]))
        #expect(begun.status == 302)
        let query = RequestQuery(String(try #require(begun.header("location")?.split(separator: "?").last)))
        #expect(query["redirect_uri"] == "http://proxy.example/admin/lark/callback")
        let cookie = String(try #require(begun.header("set-cookie")?.split(separator: ";").first))
        let target = "/admin/lark/callback?code=c&state=\(try #require(query["state"]))"
        #expect(await service.respond(to: .to("GET", target, headers: [("host", "proxy.example")])).status == 400)
        return await service.respond(to: .to("GET", target, headers: [("host", "proxy.example"), ("cookie", cookie)]))
    }

    @Test("Who Lark says it is, has the role of the expression; the token is kept nowhere")
    func goesIn() async throws {
        let (fixture, service) = try house()
        let response = try await login(service)
        #expect(response.status == 302)
        #expect(fixture.audit.lines == ["ann@example.com session.begin on_1 viewer ok"])
        let call = try #require(fixture.caller.requests.last)
        #expect(call.headers.contains { $0 == ("authorization", "Bearer u-token") })
        #expect(!FileManager.default.fileExists(atPath: "/nowhere/token.json"))
        #expect(!response.headers.contains { $0.value.contains("u-token") })
    }

    @Test(
        "Who has no role, or is not named, stays outside",
        arguments: [
            (#"{"open_id":"ou_1","enterprise_email":"ann@elsewhere"}"#, 0, 403), (#"{"open_id":"ou_1"}"#, 0, 403),
            (#"{"name":"Ann"}"#, 0, 502), ("[]", 0, 502), ("{}", 20005, 502),
        ])
    func staysOut(user: String, code: Int, status: Int) async throws {
        let response = try await login(try house(user, code: code).1)
        #expect(response.status == status)
        #expect(!response.headers.contains { $0.value.contains("proxyd_session") })
        #expect(!response.text.contains("<b>no"))
    }

    @Test("Without it there is nothing")
    func unconfigured() async {
        for path in ["/admin/lark/login", "/admin/lark/callback"] {
            #expect(await AdminFixture().respond(to: .to("GET", path)).status == 404)
        }
    }
}
