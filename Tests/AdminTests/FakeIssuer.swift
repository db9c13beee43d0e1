import Crypto
import CryptoExtras
import Dialects
import Foundation
import ProxyCore
import RuleEngine
import Synchronization
import Testing

import enum Basics.Base64

@testable import Admin

/// An OpenID Connect issuer, scripted: it signs what it is told to.
final class FakeIssuer: Sendable {
    static let url = "https://login.example/realms/main"
    static let client = "proxyd"

    struct State: Sendable {
        var claims: [(String, JSONValue)] = [("sub", "u-1"), ("email", "ann@example.com")]
        var header: [(String, JSONValue)] = [("alg", "ES256"), ("kid", "one")]
        var key = P256.Signing.PrivateKey()
        /// The ids under which `key` is published.
        var published = ["one"]
        var document: [(String, JSONValue)] = []
        /// What is answered for a code instead of a token.
        var refusal: OutgoingResponse?
        var nonce = ""
        var isAway = false
    }

    let state = Mutex(State())

    var caller: FakeCaller { FakeCaller { [self] request in try answer(request) } }

    private func answer(_ request: OutgoingRequest) throws -> OutgoingResponse {
        let state = state.withLock { $0 }
        guard !state.isAway else { throw OutgoingFailure.unreachable("nobody") }
        switch request.target {
        case "/realms/main/.well-known/openid-configuration":
            let document: JSONValue = [
                "issuer": .string(Self.url), "authorization_endpoint": "https://login.example/auth?tenant=1",
                "token_endpoint": "https://login.example/token", "jwks_uri": "https://login.example/keys",
            ]
            return .json(Self.text(Self.merged(document, state.document)))
        case "/keys":
            let keys = state.published.map { Self.jwk(state.key.publicKey, id: $0) }
            return .json(Self.text(["keys": .array(keys)]))
        case "/token":
            if let refusal = state.refusal { return refusal }
            return .json(Self.text(["id_token": .string(try Self.token(state))]))
        default: return .json("{}", status: 404)
        }
    }

    static func token(_ state: State, now: Int = AdminFixture.now) throws -> String {
        let claims: JSONValue = [
            "iss": .string(url), "aud": .string(client), "iat": .int(now), "exp": .int(now + 300), "nonce": .string(state.nonce),
        ]
        let head = Base64.encodeURL(JSONValue.ordered(state.header).bytes)
        let body = Base64.encodeURL(merged(claims, state.claims).bytes)
        let signature = try state.key.signature(for: SHA256.hash(data: Array("\(head).\(body)".utf8)))
        return "\(head).\(body).\(Base64.encodeURL(signature.rawRepresentation))"
    }

    /// Members of the second in the place of the first's; null takes one away.
    static func merged(_ value: JSONValue, _ changes: [(String, JSONValue)]) -> JSONValue {
        var object = value.object ?? JSONObject()
        for (name, change) in changes { object[name] = change.isNull ? nil : change }
        return .object(object)
    }

    static func jwk(_ key: P256.Signing.PublicKey, id: String) -> JSONValue {
        let point = Array(key.rawRepresentation)
        return [
            "kty": "EC", "crv": "P-256", "use": "sig", "kid": .string(id), "x": .string(Base64.encodeURL(point.prefix(32))),
            "y": .string(Base64.encodeURL(point.suffix(32))),
        ]
    }

    static func text(_ value: JSONValue) -> String { String(decoding: value.bytes, as: UTF8.self) }

    static func provider(_ roles: String = "claims.sub == 'u-1' ? 'admin' : ''") throws -> Configuration.OIDC {
        Configuration.OIDC(
            issuer: url, clientID: client, clientSecret: Secret("a secret: +"),
            roles: try RoleExpression(roles, roles: AdminRole.allCases.map(\.rawValue)))
    }
}
