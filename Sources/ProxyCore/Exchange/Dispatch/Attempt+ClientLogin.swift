import Dialects
import HTTP1

/// Accounts with `key: client`: the login that goes to the upstream is the client's own, shown beside its key for proxyd.
extension Attempt {
    /// The candidate has no credential of the file's.
    var takesClientLogin: Bool { upstream.upstream.accounts[candidate.account].isClients }

    /// Refuses where there is no login that may go there: none was shown, it is another vendor's, or it went elsewhere already.
    func checkClientLogin() throws(ConversionProblem) {
        guard Self.vendor(of: upstream.kin) == Self.vendor(of: request.dialect) else {
            throw ConversionProblem(
                .unsupported, "this upstream takes the client's own login, and a client of another format shows none for it")
        }
        guard request.withHead({ bytes in request.head.fields.contains { isOwnLogin($0, bytes) } }) else {
            throw ConversionProblem(
                .authentication,
                "this upstream takes your own login: send the key for the proxy as x-proxyd-key, and the vendor's as ever")
        }
        let authority = upstream.upstream.url.authority
        guard exchange.trail.loginWentTo == nil || exchange.trail.loginWentTo == authority else {
            throw ConversionProblem(.unsupported, "your own login has gone to another upstream, and goes to no second one")
        }
        exchange.trail.loginWentTo = authority
    }

    /// Whether a field is the client's login at its vendor. Where `x-proxyd-key` is missing, and wherever a key of proxyd's own
    /// stands, it is none.
    func isOwnLogin(_ field: HTTPField, _ bytes: UnsafeRawBufferPointer) -> Bool {
        switch field.known {
        case .authorization, .xApiKey, .apiKey, .xGoogApiKey: break
        default: return false
        }
        guard PresentedCredential.own(in: request.head, bytes: bytes) != nil else { return false }
        let value = UpstreamRuntime.withoutScheme(Array(field.value.bytes(in: bytes)))
        guard !value.isEmpty else { return false }
        return value.withUnsafeBytes { loop.keys(of: exchange.view).key(withDigest: KeyDigest(hashing: $0)) == nil }
    }

    private static func vendor(of dialect: ClientDialect) -> ClientDialect { dialect == .responses ? .openai : dialect }

    /// What becomes of an error: what is said of the client's own login is the client's to hear, and nothing that others' requests
    /// should suffer from.
    func verdict(on error: UpstreamError) -> RetryPolicy.Verdict {
        let verdict = RetryPolicy.verdict(on: error, policy: exchange.fallback, reach: exchange.reach)
        guard takesClientLogin, case .moveOn(let reason, let rests) = verdict else { return verdict }
        if [401, 402, 403].contains(error.status) || error.errorClass == .authentication { return .deliver }
        return .moveOn(reason: reason, rests: rests == .breaker ? .breaker : .nothing)
    }
}
