import Basics
import Crypto
import Dialects
import Foundation
import Logging
import ProxyCore
import RuleEngine

/// Logins by OpenID Connect: `/admin/oidc/login` sends the browser to the issuer, which sends it back to `/admin/oidc/callback`
/// (authorization code with PKCE; OpenID Connect Core §3.1, RFC 7636).
struct OIDCHandler {
    let provider: Configuration.OIDC
    let issuer: OIDCIssuer
    let states: LoginStates
    let caller: any OutgoingCaller
    let now: Date
    /// Seconds of a clock that never goes back.
    let steady: Int

    /// Bytes of a code, which is the issuer's to shape.
    private static let maximumCode = 4_096

    /// Where the browser goes, and what it keeps until it is back.
    func begin(_ request: LocalRequest) async throws -> LocalResponse {
        let back = try redirectURL(request)
        let discovery = try await issuer.discovered(now: steady)
        let login = states.begin(at: identity, now: now)
        let query = [
            ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", back),
            ("scope", provider.scopes.joined(separator: " ")), ("state", login.state), ("nonce", login.secrets.nonce),
            ("code_challenge", login.secrets.challenge), ("code_challenge_method", "S256"),
        ]
        let address = discovery.authorizationText.prefix { $0 != "#" }
        let location = "\(address)\(address.contains("?") ? "&" : "?")\(Self.form(query))"
        let cookie = LoginCookie.set(
            LoginCookie.login, login.cookie, seconds: LoginStates.lifetimeSeconds, .lax, isSecure: request.isSecure)
        return LocalResponse(status: 302, headers: [("location", location), cookie] + LoginPage.headers)
    }

    /// The browser is back. Gives who it is, once the issuer has said so in a token that nobody else could have made.
    func finish(_ request: LocalRequest) async throws -> Person {
        let query = RequestQuery(request.query)
        let secrets = try states.finish(query["state"], request, at: identity, now: now)
        // An answer of another issuer's is none of this login's (RFC 9207).
        if let named = query["iss"], named != provider.issuer {
            throw LoginFailure(400, "The answer comes from another issuer.", isGuess: true)
        }
        if let error = query["error"] {
            throw LoginFailure(403, "The issuer refused the login.", vendorText: query["error_description"] ?? error)
        }
        guard let code = query["code"], !code.isEmpty, code.utf8.count <= Self.maximumCode else {
            throw LoginFailure(400, "The callback carries no code.")
        }
        let text = try await exchange(code, secrets, back: try redirectURL(request))
        return try await verified(text, nonce: secrets.nonce)
    }

    // MARK: The steps

    /// The code for an ID token.
    private func exchange(_ code: String, _ secrets: LoginStates.Secrets, back: String) async throws -> String {
        let discovery = try await issuer.discovered(now: steady)
        var form = [
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", back), ("code_verifier", secrets.verifier),
        ]
        var headers: [(name: String, value: String)] = [("content-type", "application/x-www-form-urlencoded")]
        if let secret = provider.clientSecret?.reveal(), discovery.takesBasic {
            // Both are encoded as in a form first (RFC 6749 §2.3.1).
            let pair = "\(PercentEncoding.text(provider.clientID)):\(PercentEncoding.text(secret))"
            headers.append(("authorization", "Basic \(Data(pair.utf8).base64EncodedString())"))
        } else {
            form.append(("client_id", provider.clientID))
            if let secret = provider.clientSecret?.reveal() { form.append(("client_secret", secret)) }
        }
        let response: OutgoingResponse
        do {
            response = try await caller.call(
                OutgoingRequest(
                    method: "POST", url: discovery.token.url, target: discovery.token.target, headers: headers,
                    body: Array(Self.form(form).utf8), timeout: .seconds(8), maximumResponse: 1 << 20))
        } catch {
            throw LoginFailure(502, "The issuer could not be asked for the token: \(OIDCIssuer.reason(error)).")
        }
        let answer = (try? JSONValue(parsing: response.body, limits: AdminBody.tolerant))?.object
        guard response.status == 200 else {
            let words = answer?["error_description"]?.string ?? answer?["error"]?.string
            // A 4xx is about the code, or about us; anything else is the issuer's own trouble.
            let isRefusal = (400...499).contains(response.status)
            throw LoginFailure(
                isRefusal ? 403 : 502, "The issuer answered \(response.status) when asked for the token.", vendorText: words,
                isGuess: isRefusal)
        }
        guard let token = answer?["id_token"]?.string else { throw LoginFailure(502, "The issuer's answer holds no ID token.") }
        return token
    }

    private func verified(_ text: String, nonce: String) async throws -> Person {
        do {
            let token = try IDToken(text)
            var verdict = try await issuer.signingKeys(isRenewal: false, now: steady)
                .verify(token.signed, token.signature, token.algorithm, key: token.keyID)
            if verdict == .unknownKey {
                verdict = try await issuer.signingKeys(isRenewal: true, now: steady)
                    .verify(token.signed, token.signature, token.algorithm, key: token.keyID)
            }
            switch verdict {
            case .genuine: break
            case .wrong: throw IDToken.Problem("is not signed by the issuer")
            case .unknownKey: throw IDToken.Problem("is signed with a key that is none of the issuer's")
            }
            if let problem = token.problem(issuer: provider.issuer, clientID: provider.clientID, nonce: nonce, now: now) {
                throw problem
            }
            return Person(claims: token.claims, subject: token.claims["sub"]?.string ?? "", kind: "oidc")
        } catch let problem as IDToken.Problem {
            throw LoginFailure(403, "The issuer's ID token \(problem.text).")
        }
    }

    /// What tells the logins of this provider from those of others.
    private var identity: String { "\(provider.issuer)\n\(provider.clientID)" }

    /// The address that the issuer has registered: the file's word, else where the browser came to.
    private func redirectURL(_ request: LocalRequest) throws(LoginFailure) -> String {
        if let written = provider.redirectURL { return written }
        return try request.address(of: "/admin/oidc/callback")
    }

    private static func form(_ items: [(String, String)]) -> String {
        items.map { "\($0.0)=\(PercentEncoding.text($0.1))" }.joined(separator: "&")
    }
}
