import Crypto
import CryptoExtras
import Dialects
import Foundation
import ProxyCore
import Testing

import enum Basics.Hex

@testable import Admin

@Suite struct LarkEventTests {
    private static let card =
        #"{"schema":"2.0","header":{"event_type":"card.action.trigger","token":"v-token"},"event":{"x":1.0}}"#
    private static let message = #"{"schema":"2.0","header":{"event_type":"im.message.receive_v1","token":"v-token"}}"#
    private static let challenge = #"{"challenge":"ajls384kdjx98XX","token":"v-token","type":"url_verification"}"#

    private func fixture(_ caller: FakeCaller = FakeCaller(), _ change: (inout Configuration.Lark) -> Void = { _ in })
        -> AdminFixture
    {
        var fixture = AdminFixture()
        var lark = Configuration.Lark(appID: "cli_1", appSecret: Secret("app-secret"), tokenFile: "/nowhere/token.json")
        lark.forwardCardsTo = "http://127.0.0.1:18789/webhook/lark?to=me"
        change(&lark)
        fixture.configuration.lark = lark
        fixture.caller = caller
        return fixture
    }

    private func post(_ fixture: AdminFixture, _ body: String, _ headers: [(name: String, value: String)] = []) async
        -> LocalResponse
    {
        await fixture.respond(to: .to("POST", "/oauth/callback", headers: headers, body: body))
    }

    @Test(
        "Challenges are answered, other events acknowledged",
        arguments: [
            (challenge, 200, #"{"challenge":"ajls384kdjx98XX"}"#), (message, 200, #"{"status":"ok"}"#),
            ("{}", 200, #"{"status":"ok"}"#),
            ("nonsense", 400, #"{"error":{"type":"bad_request","message":"the body is no JSON"}}"#),
            ("[]", 400, #"{"error":{"type":"bad_request","message":"the body must be a JSON object"}}"#),
        ])
    func simple(body: String, status: Int, expected: String) async {
        let caller = FakeCaller()
        let response = await post(fixture(caller), body)
        #expect(response.status == status)
        #expect(response.text == expected)
        #expect(caller.requests.isEmpty)
    }

    @Test(
        "Card actions are passed on byte for byte, and their answer comes back",
        arguments: [
            "card.action.trigger", "card.action.trigger_v1",
        ])
    func cards(_ type: String) async throws {
        let body = Self.card.replacing("card.action.trigger", with: type)
        let caller = FakeCaller { _ in
            OutgoingResponse(
                status: 201, headers: [("content-type", "application/json; charset=utf-8")], body: Array(#"{"toast":{}}"#.utf8))
        }
        let response = await post(
            fixture(caller), body, [("x-lark-signature", "s"), ("cookie", "c"), ("authorization", "Bearer x")])
        #expect(response.status == 201)
        #expect(response.text == #"{"toast":{}}"#)
        #expect(response.header("content-type") == "application/json; charset=utf-8")
        let call = try #require(caller.requests.first)
        #expect(call.url.description == "http://127.0.0.1:18789")
        #expect(call.target == "/webhook/lark?to=me")
        #expect(String(decoding: call.body, as: UTF8.self) == body)
        #expect(call.timeout == .seconds(5))
        #expect(call.headers.map(\.name) == ["content-type", "x-lark-signature"])
    }

    @Test(
        "A receiver that does not answer",
        arguments: [
            (OutgoingFailure.timeout, 504, "gateway_timeout"), (.unreachable("x"), 502, "bad_gateway"),
            (.brokenResponse("x"), 502, "bad_gateway"),
        ])
    func receiverFails(failure: OutgoingFailure, status: Int, type: String) async {
        let response = await post(fixture(FakeCaller { _ in throw failure }), Self.card)
        #expect(response.status == status)
        #expect(response.json?["error"]?["type"]?.string == type)
    }

    @Test("Without a receiver a card action is acknowledged")
    func noReceiver() async {
        #expect(await post(fixture { $0.forwardCardsTo = nil }, Self.card).text == #"{"status":"ok"}"#)
    }

    @Test(
        "The verification token is checked, wherever the event has it",
        arguments: [
            (message, "v-token", 200), (message, "other", 403), (challenge, "v-token", 200), (challenge, "other", 403),
            ("{}", "v-token", 403),
        ])
    func verificationToken(body: String, token: String, status: Int) async {
        #expect(await post(fixture { $0.verificationToken = Secret(token) }, body).status == status)
    }

    // MARK: - Encryption

    private static let encryptKey = "kudryavka"

    private static func encrypt(_ text: String, _ key: String = encryptKey) throws -> String {
        let iv = AES._CBC.IV()
        let encrypted = try AES._CBC.encrypt(
            Array(text.utf8), using: SymmetricKey(data: SHA256.hash(data: Array(key.utf8))), iv: iv)
        return #"{"encrypt":"\#((Data(iv) + encrypted).base64EncodedString())"}"#
    }

    private static func signed(
        _ body: String, _ key: String = encryptKey, at time: String = "\(AdminFixture.now)", nonce: String = "nonce"
    ) -> [(name: String, value: String)] {
        let digest = SHA256.hash(data: Array((time + nonce + key + body).utf8))
        return [
            ("x-lark-request-timestamp", time), ("x-lark-request-nonce", nonce), ("x-lark-signature", Hex.text(digest)),
        ]
    }

    @Test("Lark's own example of an encrypted event is read")
    func vendorExample() async throws {
        // From Lark's documentation of encrypted events; the key is "test key".
        let body = #"{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}"#
        let request = LocalRequest.to("POST", "/oauth/callback", headers: Self.signed(body, "test key"), body: body)
        var lark = Configuration.Lark(appID: "a", appSecret: Secret("s"), tokenFile: "t")
        lark.encryptKey = Secret("test key")
        // It decrypts to "hello world", which is no event.
        let failure = #expect(throws: AdminFailure.self) {
            try LarkEvent(
                request, lark: lark, signatures: LarkSignatures(),
                now: Date(timeIntervalSince1970: Double(AdminFixture.now)))
        }
        #expect(failure?.kind == .badRequest)
    }

    @Test(
        "With an encrypt key an event must be genuine",
        arguments: [
            ("encrypted and signed", true, true, encryptKey, 200), ("signed, in clear", false, true, encryptKey, 200),
            ("in clear", false, false, encryptKey, 403), ("encrypted, not signed", true, false, encryptKey, 403),
            ("encrypted and signed with another key", true, true, "another", 403),
        ])
    func encryption(_: String, isEncrypted: Bool, isSigned: Bool, key: String, status: Int) async throws {
        let body = isEncrypted ? try Self.encrypt(Self.message, key) : Self.message
        let response = await post(
            fixture { $0.encryptKey = Secret(Self.encryptKey) }, body, isSigned ? Self.signed(body, key) : [])
        #expect(response.status == status)
    }

    @Test(
        "A signature is of now and counts once",
        arguments: [
            (0, 200), (300, 200), (-300, 200), (301, 403), (-301, 403), (86_400, 403), (1 << 40, 403),
        ])
    func fresh(age: Int, status: Int) async throws {
        let service = fixture { $0.encryptKey = Secret(Self.encryptKey) }.service()
        for (round, expected) in [(1, status), (2, 403)] {
            let headers = Self.signed(Self.message, at: "\(AdminFixture.now - age)")
            let response = await service.respond(to: .to("POST", "/oauth/callback", headers: headers, body: Self.message))
            #expect(response.status == expected, "round \(round)")
        }
    }

    @Test("A signature that was used is used after a restart too")
    func restart() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("proxyd-lark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let fixture = fixture { $0.encryptKey = Secret(Self.encryptKey) }
        func post(nonce: String) async -> Int {
            let headers = Self.signed(Self.message, nonce: nonce)
            let service = fixture.service(stateDirectory: folder.path)
            return await service.respond(to: .to("POST", "/oauth/callback", headers: headers, body: Self.message)).status
        }
        #expect(await post(nonce: "1") == 200)
        #expect(await post(nonce: "1") == 403)
        #expect(await post(nonce: "2") == 200)
        #expect(await post(nonce: "1") == 403)
    }

    @Test("The file of used signatures is bounded, and half a line in it harms nothing")
    func signatureFile() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("proxyd-lark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = SignatureFile(directory: folder.path, logger: nil)
        let signatures = (0..<25).map { Hex.text(SHA256.hash(data: Array("\($0)".utf8))) }
        for (index, signature) in signatures.enumerated() {
            file.keep(signature, until: index, capacity: 10) { [signature: index] }
        }
        let path = folder.appendingPathComponent("lark-signatures").path
        #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count <= 10)
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("99 abc".utf8))
        try handle.close()
        let damaged = SignatureFile(directory: folder.path, logger: nil)
        #expect(!damaged.isWhole)
        damaged.keep(signatures[0], until: 100, capacity: 10) { damaged.found.merging([signatures[0]: 100]) { $1 } }
        // It was written anew, and is whole again.
        let whole = SignatureFile(directory: folder.path, logger: nil)
        #expect(whole.isWhole)
        let found = whole.found
        #expect(found[signatures[24]] == 24)
        #expect(found[signatures[0]] == 100)
        #expect(found.count <= 10)
    }

    @Test("The same signature in other letters, or with the nonce's digits in the timestamp, is no other")
    func sameSignature() async throws {
        let service = fixture { $0.encryptKey = Secret(Self.encryptKey) }.service()
        func post(_ headers: [(name: String, value: String)]) async -> Int {
            await service.respond(to: .to("POST", "/oauth/callback", headers: headers, body: Self.message)).status
        }
        var headers = Self.signed(Self.message, nonce: "123")
        #expect(await post(headers) == 200)
        headers[2].value = headers[2].value.uppercased()
        #expect(await post(headers) == 403)
        headers = Self.signed(Self.message, nonce: "456")
        headers[0].value += "4"
        headers[1].value = "56"
        #expect(await post(headers) == 403)
    }

    @Test(
        "A timestamp that is none",
        arguments: ["", "now", "-1", "+1770789800", "01770789800", "1770789800.0", "99999999999999999999"])
    func timestamps(_ text: String) async {
        let headers = Self.signed(Self.message, at: text)
        #expect(await post(fixture { $0.encryptKey = Secret(Self.encryptKey) }, Self.message, headers).status == 403)
    }

    @Test("Whatever does not fit has one answer")
    func oneResponse() async throws {
        let fixture = fixture {
            $0.encryptKey = Secret(Self.encryptKey)
            $0.verificationToken = Secret("v-token")
        }
        var answers: Set<String> = []
        let encrypted = try Self.encrypt(Self.card)
        let badToken = Self.card.replacing("v-token", with: "other")
        var bodies: [(String, [(name: String, value: String)])] = [
            ("", []), ("nonsense", []), ("{}", []), (Self.card, []), (encrypted, []),
            (encrypted, Self.signed(encrypted, "another")),
            (encrypted, Self.signed(encrypted, at: "1500000000")), (badToken, Self.signed(badToken)),
            (try Self.encrypt(badToken), []), (#"{"encrypt":""}"#, []), (#"{"encrypt":7}"#, []),
            (try Self.encrypt(#"{"challenge":"x","token":"other"}"#), []),
            (try Self.encrypt(#"{"challenge":7,"token":"v-token"}"#), []),
            (try Self.encrypt("nonsense"), []), (try Self.encrypt("[]"), []),
        ]
        for length in [16, 31, 32, 48, 64, 4_096] {
            for _ in 0..<60 {
                let bytes = Data((0..<length).map { _ in UInt8.random(in: .min ... .max) })
                bodies.append((#"{"encrypt":"\#(bytes.base64EncodedString())"}"#, []))
            }
        }
        for (body, headers) in bodies {
            let response = await post(fixture, body, headers)
            answers.insert("\(response.status) \(response.text)")
        }
        #expect(answers.count == 1, "\(answers)")
        #expect(answers.first?.hasPrefix("403 ") == true)
    }

    @Test("A receiver's page or redirect does not become one of ours")
    func receiversPage() async throws {
        let page = FakeCaller { _ in
            OutgoingResponse(status: 200, headers: [("content-type", "text/html")], body: Array("<script>".utf8))
        }
        #expect(await post(fixture(page), Self.card).header("content-type") == "text/plain; charset=utf-8")
        let redirect = FakeCaller { _ in OutgoingResponse(status: 302, headers: [("location", "http://x")], body: []) }
        #expect(await post(fixture(redirect), Self.card).status == 502)
    }

    @Test("A changed body does not fit its signature")
    func changed() async throws {
        let body = try Self.encrypt(Self.message)
        let headers = Self.signed(body)
        #expect(await post(fixture { $0.encryptKey = Secret(Self.encryptKey) }, body + " ", headers).status == 403)
    }

    @Test("An encrypted challenge needs no signature")
    func encryptedChallenge() async throws {
        let response = await post(fixture { $0.encryptKey = Secret(Self.encryptKey) }, try Self.encrypt(Self.challenge))
        #expect(response.text == #"{"challenge":"ajls384kdjx98XX"}"#)
    }

    @Test("An encrypted card action is passed on in clear")
    func encryptedCard() async throws {
        let caller = FakeCaller { _ in .json("{}") }
        let body = try Self.encrypt(Self.card)
        #expect(await post(fixture(caller) { $0.encryptKey = Secret(Self.encryptKey) }, body, Self.signed(body)).status == 200)
        let call = try #require(caller.requests.first)
        #expect(String(decoding: call.body, as: UTF8.self) == Self.card)
        #expect(call.headers.map(\.name) == ["content-type"])
    }

    @Test("What cannot be decrypted is refused", arguments: ["", "AAAA", "not base64!", String(repeating: "A", count: 64)])
    func garbage(_ text: String) async {
        let body = #"{"encrypt":"\#(text)"}"#
        #expect(await post(fixture { $0.encryptKey = Secret(Self.encryptKey) }, body).status == 403)
        #expect(await post(fixture(), body).status == 403)
    }
}
