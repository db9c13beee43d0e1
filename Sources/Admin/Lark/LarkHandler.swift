import Basics
import Dialects
import Foundation
import Logging
import ProxyCore

/// Lark's side of proxyd: `/oauth/login` and `/oauth/callback`.
struct LarkHandler {
    let lark: Configuration.Lark
    let caller: any OutgoingCaller
    let states: LarkStates
    let signatures: LarkSignatures
    let now: Date
    let logger: Logger

    /// Sends the browser to Lark, which sends it back to `/oauth/callback`.
    func login(_ request: LocalRequest) -> LocalResponse {
        guard let host = request.header("host"), Self.isHost(host) else {
            return LarkPage.failure(400, "The request names no host to come back to.")
        }
        let back = "\(request.isSecure ? "https" : "http")://\(host)/oauth/callback"
        let query = [("app_id", lark.appID), ("redirect_uri", back), ("state", states.issue(for: lark, now: now))]
        let encoded = query.map { "\($0.0)=\(PercentEncoding.text($0.1))" }.joined(separator: "&")
        var api = lark.api[...]
        while api.last == "/" { api.removeLast() }
        let location = "\(api)/open-apis/authen/v1/authorize?\(encoded)"
        return LocalResponse(status: 302, headers: [("location", location)] + LocalResponse.uncached)
    }

    /// The browser is back, with a code to exchange for the user's token.
    func finishLogin(_ request: LocalRequest) async -> LocalResponse {
        let query = RequestQuery(request.query)
        if lark.checkState, let problem = problem(withState: query["state"]) { return LarkPage.failure(400, problem) }
        if let error = query["error"] {
            return LarkPage.failure(400, "Lark refused the login.", vendor: query["error_description"] ?? error)
        }
        guard let code = query["code"], !code.isEmpty else { return LarkPage.failure(400, "The callback carries no code.") }
        do {
            let token = try await LarkTokens(lark: lark, caller: caller).userToken(code: code)
            try TokenFile(path: lark.tokenFile).replace(with: token.bytes)
        } catch let failure as LarkTokens.Failure {
            logger.warning("Lark login failed", metadata: [LogKeys.reason: "\(failure.explanation)"])
            return LarkPage.failure(failure.status, failure.explanation, vendor: failure.vendorText)
        } catch {
            logger.error("Lark token not stored", metadata: [LogKeys.reason: "\(error)"])
            return LarkPage.failure(500, "Lark gave a token, but it could not be stored. The log says why.")
        }
        logger.notice("Lark token stored")
        return LarkPage.success()
    }

    /// An event: a challenge, a card action to pass on, or something to acknowledge.
    func receive(_ request: LocalRequest) async throws -> LocalResponse {
        let event = try LarkEvent(request, lark: lark, signatures: signatures, now: now)
        if let challenge = event.challenge { return .json(["challenge": .string(challenge)]) }
        guard event.isCardAction, let target = lark.forwardCardsTo else { return .json(["status": "ok"]) }
        return try await LarkCards(caller: caller).forward(event, to: target)
    }

    private func problem(withState text: String?) -> String? {
        guard let text else { return "The callback carries no state. Begin at /oauth/login." }
        switch states.redeem(text, for: lark, now: now) {
        case .valid: return nil
        case .forged: return "The callback's state was not issued here. Begin at /oauth/login."
        case .expired: return "The login took longer than ten minutes. Begin again at /oauth/login."
        case .spent: return "This login was finished before. Begin again at /oauth/login."
        }
    }

    static func isHost(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                    true
                default: false
                }
            }
    }
}
