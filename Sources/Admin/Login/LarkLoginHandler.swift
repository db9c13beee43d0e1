import Basics
import Dialects
import Foundation
import ProxyCore

/// Logins by the app of `lark`: `/admin/lark/login` sends the browser to Lark, which sends it back to `/admin/lark/callback` with a code.
/// The code becomes the user's token, and the token what Lark says of him (Lark Open Platform, "Get user information", v1); the
/// token is not kept.
struct LarkLoginHandler {
    let login: Configuration.LarkLogin
    let states: LoginStates
    let caller: any OutgoingCaller
    let now: Date

    private static let maximumCode = 4_096

    func begin(_ request: LocalRequest) throws -> LocalResponse {
        let back = try request.address(of: "/admin/lark/callback")
        let begun = states.begin(at: identity, now: now)
        let query = [("app_id", login.app.appID), ("redirect_uri", back), ("state", begun.state)]
        let encoded = query.map { "\($0.0)=\(PercentEncoding.text($0.1))" }.joined(separator: "&")
        var api = login.app.api[...]
        while api.last == "/" { api.removeLast() }
        let cookie = LoginCookie.set(
            LoginCookie.login, begun.cookie, seconds: LoginStates.lifetimeSeconds, .lax, isSecure: request.isSecure)
        return LocalResponse(
            status: 302,
            headers: [("location", "\(api)/open-apis/authen/v1/authorize?\(encoded)"), cookie] + LoginPage.headers)
    }

    func finish(_ request: LocalRequest) async throws -> Person {
        let query = RequestQuery(request.query)
        _ = try states.finish(query["state"], request, at: identity, now: now)
        if let error = query["error"] {
            throw LoginFailure(403, "Lark refused the login.", vendorText: query["error_description"] ?? error)
        }
        guard let code = query["code"], !code.isEmpty, code.utf8.count <= Self.maximumCode else {
            throw LoginFailure(400, "The callback carries no code.")
        }
        do {
            let data = try await LarkTokens(lark: login.app, caller: caller).userToken(code: code)
            guard let token = data["access_token"]?.string, !token.isEmpty else {
                throw LoginFailure(502, "Lark's answer holds no access_token.")
            }
            return try await person(Secret(token))
        } catch let failure as LarkTokens.Failure {
            let isRefusal = failure.status < 500
            throw LoginFailure(
                isRefusal ? 403 : failure.status, failure.explanation, vendorText: failure.vendorText, isGuess: isRefusal)
        }
    }

    private func person(_ token: Secret) async throws(LoginFailure) -> Person {
        guard let address = OutgoingAddress(login.app.api) else { throw LoginFailure(500, "lark.api is no address.") }
        let response: OutgoingResponse
        do {
            response = try await caller.call(
                OutgoingRequest(
                    url: address.url, target: address.target(below: "/open-apis/authen/v1/user_info"),
                    headers: [("authorization", "Bearer \(token.reveal())")], timeout: .seconds(6), maximumResponse: 1 << 20))
        } catch {
            throw LoginFailure(502, "Lark could not be reached for the user.")
        }
        guard let answer = (try? JSONValue(parsing: response.body, limits: AdminBody.tolerant))?.object,
            let code = answer["code"]?.int
        else { throw LoginFailure(502, "Lark answered \(response.status) without a code when asked for the user.") }
        guard code == 0 else {
            throw LoginFailure(
                502, "Lark does not say who the user is (code \(code)).",
                vendorText: answer["msg"]?.string ?? answer["message"]?.string)
        }
        guard let claims = answer["data"]?.object, let person = Person(lark: claims) else {
            throw LoginFailure(502, "Lark's answer names no user.")
        }
        return person
    }

    /// What tells the logins of this app from those of others.
    private var identity: String { "lark\n\(login.app.api)\n\(login.app.appID)" }
}
