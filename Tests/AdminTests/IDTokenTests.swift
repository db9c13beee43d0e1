import Crypto
import CryptoExtras
import Dialects
import Foundation
import Testing

import enum Basics.Base64

@testable import Admin

@Suite struct IDTokenTests {
    private static let now = Date(timeIntervalSince1970: Double(AdminFixture.now))

    private func problem(_ claims: [(String, JSONValue)], header: [(String, JSONValue)] = []) throws -> String? {
        var state = FakeIssuer.State()
        state.nonce = "n"
        state.claims += claims
        for (name, value) in header { state.header = state.header.filter { $0.0 != name } + [(name, value)] }
        do {
            let token = try IDToken(try FakeIssuer.token(state))
            return token.problem(issuer: FakeIssuer.url, clientID: FakeIssuer.client, nonce: "n", now: Self.now)?.text
        } catch let problem as IDToken.Problem {
            return problem.text
        }
    }

    @Test(
        "What an ID token may say",
        arguments: [
            [], [("aud", ["proxyd"])], [("aud", ["proxyd", "other"]), ("azp", "proxyd")], [("azp", "proxyd")],
            [("exp", .int(AdminFixture.now - 30))], [("iat", .int(AdminFixture.now + 30))],
            [("exp", .number("\(AdminFixture.now).5"))], [("nbf", .int(AdminFixture.now))], [("more", .array([.null]))],
        ] as [[(String, JSONValue)]])
    func good(claims: [(String, JSONValue)]) throws {
        #expect(try problem(claims) == nil)
    }

    @Test(
        "What it must not",
        arguments: [
            ("iss", .string(FakeIssuer.url + "/"), "another issuer's"), ("iss", .null, "another issuer's"),
            ("aud", "other", "another client"), ("aud", .null, "another client"), ("aud", [], "another client"),
            ("aud", ["proxyd", "other"], "given to another client"), ("azp", "other", "given to another client"),
            ("azp", .int(1), "given to another client"), ("sub", "", "who it is about"), ("sub", .int(7), "who it is about"),
            ("exp", .int(AdminFixture.now - 61), "expired"), ("exp", .null, "from when to when"),
            ("exp", "9999999999", "from when to when"), ("exp", .number("1e999"), "from when to when"),
            ("iat", .null, "from when to when"), ("iat", .int(AdminFixture.now + 3_600), "future"),
            ("nbf", .int(AdminFixture.now + 3_600), "not hold yet"), ("nonce", .null, "another login"),
            ("nonce", "m", "another login"), ("nonce", .int(1), "another login"),
        ] as [(String, JSONValue, String)])
    func bad(claim: String, value: JSONValue, text: String) throws {
        let found = try #require(try problem([(claim, value)]))
        #expect(found.contains(text))
    }

    @Test(
        "How it must not be signed",
        arguments: [
            ("alg", "none"), ("alg", "None"), ("alg", "HS256"), ("alg", ""), ("alg", .null), ("crit", ["b64"]), ("crit", []),
        ] as [(String, JSONValue)])
    func headers(name: String, value: JSONValue) throws {
        #expect(try problem([], header: [(name, value)]) != nil)
    }

    @Test(
        "What is no token at all",
        arguments: [
            "", "a", "..", "a.b.c", "e30.e30.", "e30.e30.e30.e30", "e30=.e30.e30", "W10.W10.W10",
            "\(Base64.encodeURL(Array("{\"alg\":\"ES256\"}".utf8))).\(Base64.encodeURL([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D])).AAAA",
            "\(Base64.encodeURL(Array("{\"alg\":\"ES256\",\"alg\":\"RS256\"}".utf8))).e30.AAAA",
            "\(Base64.encodeURL(Array("{\"alg\":\"ES256\"}".utf8))).\(String(repeating: "A", count: 200_000)).AAAA", "é.é.é",
        ])
    func nonsense(text: String) {
        #expect(throws: IDToken.Problem.self) { try IDToken(text) }
    }

    // MARK: Keys

    private static func keys(_ list: JSONValue...) throws -> SigningKeys {
        try #require(SigningKeys((["keys": .array(list)] as JSONValue).bytes))
    }

    @Test("A key that fits verifies; another's signature, another algorithm and another text do not")
    func curve() throws {
        let key = P256.Signing.PrivateKey()
        let text = Array("head.body".utf8)
        let signature = Array(try key.signature(for: SHA256.hash(data: text)).rawRepresentation)
        let keys = try Self.keys(
            FakeIssuer.jwk(P256.Signing.PrivateKey().publicKey, id: "other"), FakeIssuer.jwk(key.publicKey, id: "one"))
        #expect(keys.verify(text, signature, .es256, key: "one") == .genuine)
        #expect(keys.verify(text, signature, .es256, key: nil) == .genuine)
        #expect(keys.verify(text, signature, .es256, key: "other") == .wrong)
        #expect(keys.verify(text, signature, .es256, key: "new") == .unknownKey)
        #expect(keys.verify(text, signature, .rs256, key: "one") == .unknownKey)
        #expect(keys.verify(text + [0], signature, .es256, key: "one") == .wrong)
        #expect(keys.verify(text, [], .es256, key: "one") == .wrong)
        #expect(keys.verify(text, Array(repeating: 0, count: 64), .es256, key: "one") == .wrong)
    }

    @Test("RSA verifies as RS256 and PS256, each in its own way")
    func rsa() throws {
        // Made once: to find the primes of one takes many times what is looked at here.
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Certificates/rsa.key")
        let key = try _RSA.Signing.PrivateKey(pemRepresentation: String(contentsOf: file, encoding: .utf8))
        let numbers = try key.publicKey.getKeyPrimitives()
        func jwk(_ algorithm: JSONValue) -> JSONValue {
            FakeIssuer.merged(
                [
                    "kty": "RSA", "kid": "r", "n": .string(Base64.encodeURL(numbers.modulus)),
                    "e": .string(Base64.encodeURL(numbers.publicExponent)),
                ], [("alg", algorithm)])
        }
        let text = Array("head.body".utf8)
        let digest = SHA256.hash(data: text)
        let old = Array(try key.signature(for: digest, padding: .insecurePKCS1v1_5).rawRepresentation)
        let new = Array(try key.signature(for: digest, padding: .PSS).rawRepresentation)
        let keys = try Self.keys(jwk(.null))
        #expect(keys.verify(text, old, .rs256, key: "r") == .genuine)
        #expect(keys.verify(text, new, .ps256, key: "r") == .genuine)
        #expect(keys.verify(text, old, .ps256, key: "r") == .wrong)
        #expect(keys.verify(text, old, .rs512, key: "r") == .wrong)
        #expect(keys.verify(text, old, .es256, key: "r") == .unknownKey)
        #expect(try Self.keys(jwk("RS512")).verify(text, old, .rs256, key: "r") == .unknownKey)
    }

    @Test(
        "Keys that prove nothing are passed over",
        arguments: [
            ["kty": "oct", "k": "AAAA"], ["kty": "RSA", "n": "AQAB", "e": "AQAB"], ["kty": "RSA", "n": "", "e": ""],
            ["kty": "RSA", "n": .string(String(repeating: "A", count: 5_000)), "e": "AQAB"], ["kty": "EC", "crv": "P-256"],
            ["kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"], ["kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"],
            [
                "kty": "EC", "crv": "P-256", "x": .string(Base64.encodeURL(Array(repeating: 1, count: 32))),
                "y": .string(Base64.encodeURL(Array(repeating: 1, count: 32))),
            ], "text", .null,
        ] as [JSONValue])
    func uselessKeys(key: JSONValue) throws {
        let keys = try Self.keys(key)
        for algorithm in SignatureAlgorithm.allCases {
            #expect(keys.verify([1], Array(repeating: 1, count: 64), algorithm, key: nil) == .unknownKey)
        }
    }

    @Test("A key for encryption signs nothing")
    func otherUse() throws {
        let key = P256.Signing.PrivateKey()
        let signature = Array(try key.signature(for: SHA256.hash(data: [UInt8(1)])).rawRepresentation)
        let keys = try Self.keys(FakeIssuer.merged(FakeIssuer.jwk(key.publicKey, id: "one"), [("use", "enc")]))
        #expect(keys.verify([1], signature, .es256, key: nil) == .unknownKey)
    }

    @Test("What is no set of keys is none", arguments: ["", "[]", "{}", #"{"keys":{}}"#, "\u{FF}"])
    func noSet(text: String) {
        #expect(SigningKeys(Array(text.utf8)) == nil)
    }

    @Test("Base64 for addresses", arguments: [[], [0], [0xFB, 0xFF], [0xFF, 0xFE, 0xFD], Array(0...255)] as [[UInt8]])
    func base64(bytes: [UInt8]) {
        let text = Base64.encodeURL(bytes)
        #expect(!text.contains { "+/=".contains($0) })
        #expect(Base64.decodeURL(text) == bytes)
    }

    @Test("What is none", arguments: ["A", "AA=", "A+", "a/b", "ab\n", "é"])
    func noBase64(text: String) {
        #expect(Base64.decodeURL(text) == nil)
    }
}
