import Foundation
import ProxyCore

/// Why a login came to nothing. No code, token or secret is in it.
struct LoginFailure: Error, Sendable, Hashable {
    /// The status of the page that says it.
    var status: Int
    /// What went wrong in our words: for the page, and for the log.
    var explanation: String
    /// What the issuer says of it, to be escaped; for the page alone.
    var vendorText: String?
    /// Whether it is the browser's fault, so that it counts as a guess.
    var isGuess = false

    init(_ status: Int, _ explanation: String, vendorText: String? = nil, isGuess: Bool = false) {
        self.status = status
        self.explanation = explanation
        self.vendorText = vendorText
        self.isGuess = isGuess
    }
}

extension LoginStates {
    /// What belongs to a login that came back in the browser that began it.
    func finish(_ state: String?, _ request: LocalRequest, at provider: String, now: Date) throws(LoginFailure) -> Secrets {
        guard let state else { throw LoginFailure(400, "The callback carries no state.") }
        guard let cookie = request.cookie(LoginCookie.login) else {
            throw LoginFailure(400, "This browser has begun no login here, or does not keep cookies.")
        }
        switch redeem(state, cookie: cookie, at: provider, now: now) {
        case .valid(let secrets): return secrets
        case .forged: throw LoginFailure(400, "The callback's state was not issued here for this browser.", isGuess: true)
        case .expired: throw LoginFailure(400, "The login took longer than ten minutes.")
        case .spent: throw LoginFailure(400, "This login was finished before.")
        }
    }
}

extension LocalRequest {
    /// A path of this proxyd's as the browser would write it.
    func address(of path: String) throws(LoginFailure) -> String {
        guard let host = header("host"), LarkHandler.isHost(host) else {
            throw LoginFailure(400, "The request names no host to come back to.")
        }
        return "\(isSecure ? "https" : "http")://\(host)\(path)"
    }
}
