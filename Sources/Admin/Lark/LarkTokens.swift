import Dialects
import ProxyCore

/// Exchanges a login's code for the user's token: first the app's own token, then the user's
/// (Lark Open Platform, "Get app_access_token" and "Get user_access_token", v1).
struct LarkTokens {
    let lark: Configuration.Lark
    let caller: any OutgoingCaller

    struct Failure: Error {
        /// The status of the page that says it.
        var status: Int
        /// What went wrong, in our words.
        var explanation: String
        /// What Lark says of it, to be escaped.
        var vendorText: String?
    }

    /// Lark's `data`: access token, refresh token, when they end.
    func userToken(code: String) async throws -> JSONValue {
        let appResponse = try await post(
            "/open-apis/auth/v3/app_access_token/internal", authorization: nil,
            ["app_id": .string(lark.appID), "app_secret": .string(lark.appSecret.reveal())], for: "the app's token", refusal: 502)
        guard let appToken = appResponse["app_access_token"]?.string, !appToken.isEmpty else {
            throw Failure(status: 502, explanation: "Lark's answer holds no app_access_token.")
        }
        let response = try await post(
            "/open-apis/authen/v1/oidc/access_token", authorization: appToken,
            ["grant_type": "authorization_code", "code": .string(code)], for: "the user's token", refusal: 400)
        guard let data = response["data"], data.object != nil else {
            throw Failure(status: 502, explanation: "Lark's answer holds no data.")
        }
        return data
    }

    private func post(
        _ path: String, authorization: String?, _ body: JSONValue, for what: String, refusal: Int
    ) async throws -> JSONObject {
        guard let address = OutgoingAddress(lark.api) else { throw Failure(status: 500, explanation: "lark.api is no address.") }
        var headers: [(name: String, value: String)] = [("content-type", "application/json; charset=utf-8")]
        if let authorization { headers.append(("authorization", "Bearer \(authorization)")) }
        let response: OutgoingResponse
        do {
            response = try await caller.call(
                OutgoingRequest(
                    method: "POST", url: address.url, target: address.target(below: path), headers: headers, body: body.bytes,
                    timeout: .seconds(6), maximumResponse: 1 << 20))
        } catch {
            throw Failure(status: 502, explanation: "Lark could not be reached for \(what).")
        }
        guard let object = (try? JSONValue(parsing: response.body))?.object, let code = object["code"]?.int else {
            throw Failure(status: 502, explanation: "Lark answered \(response.status) without a code when asked for \(what).")
        }
        guard code == 0 else {
            let text = object["msg"]?.string ?? object["message"]?.string ?? object["error_description"]?.string
            throw Failure(status: refusal, explanation: "Lark refused \(what) (code \(code)).", vendorText: text)
        }
        return object
    }
}
