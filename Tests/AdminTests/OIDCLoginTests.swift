import Dialects
import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct OIDCLoginTests {
    private struct House {
        var fixture: AdminFixture
        let issuer: FakeIssuer
        let caller: FakeCaller
        let service: AdminService

        init(_ change: (inout Configuration.OIDC) -> Void = { _ in }) throws {
            issuer = FakeIssuer()
            caller = issuer.caller
            fixture = AdminFixture()
            var provider = try FakeIssuer.provider()
            change(&provider)
            fixture.configuration.admin?.oidc = provider
            fixture.caller = caller
            service = fixture.service()
        }

        func get(_ target: String, cookie: String? = nil, secure: Bool = false) async -> LocalResponse {
            var request = LocalRequest.to(
                "GET", target, headers: [("host", "proxy.example")] + (cookie.map { [("cookie", $0)] } ?? []))
            request.isSecure = secure
            return await service.respond(to: request)
        }

        /// Goes to the issuer; the target to come back to, and the browser's cookie.
        func begin() async throws -> (target: String, cookie: String) {
            let response = await get("/admin/oidc/login")
            #expect(response.status == 302)
            let location = try #require(response.header("location"))
            let query = RequestQuery(String(location.split(separator: "?", maxSplits: 1).last ?? ""))
            let nonce = try #require(query["nonce"])
            issuer.state.withLock { $0.nonce = nonce }
            let cookie = try #require(response.header("set-cookie")?.split(separator: ";").first)
            return ("/admin/oidc/callback?code=the-code&state=\(try #require(query["state"]))", String(cookie))
        }

        func login() async throws -> LocalResponse {
            let (target, cookie) = try await begin()
            return await get(target, cookie: cookie)
        }
    }

    @Test("A login goes to the issuer with PKCE, and says where to come back")
    func begins() async throws {
        let house = try House()
        let response = await house.get("/admin/oidc/login", secure: true)
        let location = try #require(response.header("location"))
        #expect(location.hasPrefix("https://login.example/auth?tenant=1&response_type=code&client_id=proxyd&"))
        let query = RequestQuery(String(location.split(separator: "?", maxSplits: 1).last ?? ""))
        #expect(query["redirect_uri"] == "https://proxy.example/admin/oidc/callback")
        #expect(query["scope"] == "openid profile email")
        #expect(query["code_challenge_method"] == "S256")
        let cookie = try #require(response.header("set-cookie"))
        for part in ["; Path=/admin", "; HttpOnly", "; SameSite=Lax", "; Secure"] { #expect(cookie.contains(part)) }
        #expect(response.header("cache-control") == "no-store")
    }

    @Test("Back with a token of the issuer's, the browser has a session; the code is exchanged with verifier and secret")
    func finishes() async throws {
        let house = try House()
        let response = try await house.login()
        #expect(response.status == 302)
        #expect(response.header("location") == "/admin/")
        let cookies = response.headers.filter { $0.name == "set-cookie" }.map(\.value)
        let session = try #require(cookies.first { $0.hasPrefix("proxyd_session=") }?.split(separator: ";").first)
        #expect(cookies.contains { $0.hasPrefix("proxyd_login=; ") && $0.contains("Max-Age=0") })
        let call = try #require(house.caller.requests.first { $0.target == "/token" })
        let form = RequestQuery(String(decoding: call.body, as: UTF8.self))
        #expect(form["grant_type"] == "authorization_code")
        #expect(form["code"] == "the-code")
        #expect(form["redirect_uri"] == "http://proxy.example/admin/oidc/callback")
        #expect(form["client_secret"] == nil)
        let basic = "Basic " + Data("proxyd:a%20secret%3A%20%2B".utf8).base64EncodedString()
        #expect(call.headers.contains { $0 == ("authorization", basic) })
        #expect(await house.get("/admin/usage", cookie: String(session)).status == 200)
        #expect(house.fixture.audit.lines == ["ann@example.com session.begin u-1 admin ok"])
    }

    @Test("A public client shows its id in the form, one of client_secret_post its secret too")
    func ways() async throws {
        let house = try House { $0.clientSecret = nil }
        #expect(try await house.login().status == 302)
        let call = try #require(house.caller.requests.first { $0.target == "/token" })
        #expect(String(decoding: call.body, as: UTF8.self).hasSuffix("&client_id=proxyd"))
        #expect(!call.headers.contains { $0.name == "authorization" })
        let other = try House()
        other.issuer.state.withLock { $0.document = [("token_endpoint_auth_methods_supported", ["client_secret_post"])] }
        #expect(try await other.login().status == 302)
        let posted = try #require(other.caller.requests.first { $0.target == "/token" })
        #expect(String(decoding: posted.body, as: UTF8.self).hasSuffix("&client_id=proxyd&client_secret=a%20secret%3A%20%2B"))
    }

    @Test("A state works once, in the browser that began it, for ten minutes")
    func states() async throws {
        let house = try House()
        let (target, cookie) = try await house.begin()
        let (other, _) = try await house.begin()
        #expect(await house.get(target).status == 400)
        #expect(await house.get(target, cookie: "proxyd_login=AAAA").status == 400)
        #expect(await house.get(other, cookie: cookie).status == 400)
        #expect(!house.caller.requests.contains { $0.target == "/token" })
        house.issuer.state.withLock { $0.refusal = .json(#"{"error":"invalid_grant"}"#, status: 400) }
        #expect(await house.get(target, cookie: cookie).status == 403)
        #expect(await house.get(target, cookie: cookie).text.contains("finished before"))
    }

    @Test("States are signed for provider and browser, and end")
    func verdicts() {
        let states = LoginStates()
        let now = Date(timeIntervalSince1970: 1_000)
        let login = states.begin(at: "a", now: now)
        func redeem(_ state: String, _ cookie: String, _ provider: String = "a", after seconds: Double = 0) -> LoginStates.Verdict
        {
            states.redeem(state, cookie: cookie, at: provider, now: now + seconds)
        }
        #expect(redeem(login.state, login.cookie, "b") == .forged)
        #expect(redeem(login.state, "other") == .forged)
        #expect(redeem(login.state.uppercased(), login.cookie) == .forged)
        #expect(redeem(login.state + "0", login.cookie) == .forged)
        #expect(redeem(String(repeating: "1", count: 10_000), login.cookie) == .forged)
        #expect(redeem("9" + login.state, login.cookie) == .forged)
        #expect(redeem(login.state, login.cookie, after: 600) == .expired)
        #expect(redeem(login.state, login.cookie, after: 599) == .valid(login.secrets))
        #expect(redeem(login.state, login.cookie) == .spent)
        #expect(LoginStates().redeem(login.state, cookie: login.cookie, at: "a", now: now) == .forged)
        #expect(login.secrets.verifier != login.secrets.nonce)
        #expect(login.secrets.verifier.utf8.count == 43)
    }

    @Test("Keys are kept, and asked for anew once one is unknown, a few times a minute")
    func rotation() async throws {
        let house = try House()
        func asked() -> Int { house.caller.requests.count { $0.target == "/keys" } }
        for _ in 0..<3 { #expect(try await house.login().status == 302) }
        #expect(asked() == 1)
        house.issuer.state.withLock { state in
            state.published = ["two"]
            state.header = [("alg", "ES256"), ("kid", "two")]
        }
        #expect(try await house.login().status == 302)
        #expect(asked() == 2)
        house.issuer.state.withLock { $0.header = [("alg", "ES256"), ("kid", "three")] }
        for _ in 0..<20 { #expect(try await house.login().status == 403) }
        #expect(asked() == 1 + OIDCIssuer.renewalsPerMinute)
    }

    @Test(
        "An issuer that is away, or is another, is told on a page",
        arguments: [
            [("issuer", "https://evil.example")], [("token_endpoint", "http://login.example/token")], [("jwks_uri", .null)],
            [("authorization_endpoint", "javascript:alert(1)")],
            [("token_endpoint_auth_methods_supported", ["private_key_jwt"])], nil,
        ] as [[(String, JSONValue)]?])
    func badIssuers(document: [(String, JSONValue)]?) async throws {
        let house = try House()
        house.issuer.state.withLock { state in
            if let document { state.document = document } else { state.isAway = true }
        }
        for _ in 0..<5 {
            let response = await house.get("/admin/oidc/login")
            #expect(response.status == 502)
            #expect(response.header("content-type") == "text/html; charset=utf-8")
            #expect(response.header("set-cookie") == nil)
        }
        // What failed is not asked for again at once.
        #expect(house.caller.requests.count == 1)
    }

    @Test("What the issuer says is shown as text")
    func escapes() async throws {
        let house = try House()
        house.issuer.state.withLock {
            $0.refusal = .json(#"{"error":"invalid_grant","error_description":"<script>alert(1)</script>"}"#, status: 400)
        }
        let response = try await house.login()
        #expect(response.status == 403)
        #expect(response.text.contains("&lt;script&gt;"))
        #expect(!response.text.contains("<script"))
    }

    @Test("Who has no role is told who he is, and gets no session")
    func noRole() async throws {
        let house = try House()
        house.issuer.state.withLock { $0.claims = [("sub", "u-2"), ("email", "<b>@example.com")] }
        let response = try await house.login()
        #expect(response.status == 403)
        #expect(response.text.contains("&lt;b&gt;@example.com"))
        #expect(!response.headers.contains { $0.value.contains("proxyd_session") })
        #expect(house.fixture.audit.lines == ["<b>@example.com session.begin u-2 - forbidden"])
    }

    @Test(
        "A name that anybody could choose is told apart",
        arguments: [
            ([("email", "a@b")], "a@b"), ([("email", "a@b"), ("email_verified", false)], "oidc:u"),
            ([("email", "a@b"), ("email_verified", "false")], "oidc:u"), ([("preferred_username", "ops")], "oidc:ops"),
            ([("name", "Ann")], "oidc:Ann"), ([("email", "ops")], "oidc:u"),
            ([("name", "a\nb\u{202E}")], "oidc:a\u{FFFD}b\u{FFFD}"),
        ] as [([(String, JSONValue)], String)])
    func names(claims: [(String, JSONValue)], name: String) {
        let members = JSONObject(claims.map { JSONObject.Member(key: $0.0, value: $0.1) })
        #expect(Person(claims: members, subject: "u", kind: "oidc").name == name)
    }
}
