import Dialects
import Foundation
import ProxyCore
import Synchronization
import Testing

@testable import Admin

/// `POST /admin/keys/import`, and the command line's side of it.
@Suite struct ImportCallTests {
    private static let digest = String(repeating: "0a", count: 32)

    /// A call's body; `key` and `row` go before the members that are right.
    private static func body(key: String = "", row: String = "", more: String = "") -> String {
        #"{"keys":[{\#(key)"name":"alice","digest":"\#(digest)","masked":"sk-abcde...wxyz","enabled":false,"created":1770000000,"#
            + #""last_used":null,"requests":2,"input":30,"output":4,"rows":[{\#(row)"model":"m","requests":1,"input":10,"output":2}]}]"#
            + "\(more)}"
    }

    private func key(_ name: String, rows: Int = 0, model: String = "m") throws -> ImportedKey {
        let day = try #require(LocalDate("2026-02-10"))
        let rows = (0..<rows).map { number in
            let when: ImportedKey.When =
                switch number % 3 {
                case 0: .hour(day, number % 24)
                case 1: .day(day)
                default: .ever
                }
            return ImportedKey.Row(
                when: when, model: number % 7 == 0 ? "" : "\(model) \(number)",
                amounts: ImportedKey.Amounts(requests: number, input: 1 << 60, output: 1))
        }
        return ImportedKey(
            name: name, text: Secret("sk-text-of-\(name)-0123456789"), enabled: rows.isEmpty, created: 1_770_000_000,
            lastUsed: rows.isEmpty ? nil : 1_770_000_001, totals: ImportedKey.Amounts(requests: 5, input: 6, output: 7),
            rows: rows)
    }

    private struct ServiceCaller: OutgoingCaller {
        let service: AdminService
        let sizes = Sizes()

        final class Sizes: Sendable {
            let all = Mutex<[Int]>([])
        }

        func call(_ request: OutgoingRequest) async throws -> OutgoingResponse {
            sizes.all.withLock { $0.append(request.body.count) }
            let response = await service.respond(
                to: LocalRequest(method: request.method, path: request.target, headers: request.headers, body: request.body))
            return OutgoingResponse(status: response.status, headers: response.headers, body: response.body)
        }
    }

    private func expectSame(_ taken: [ImportedKey], _ sent: [ImportedKey]) {
        #expect(taken.map(\.name) == sent.map(\.name))
        for (a, b) in zip(taken, sent) {
            #expect(a.digest == b.digest && a.masked == b.masked && a.enabled == b.enabled && a.created == b.created)
            #expect(a.lastUsed == b.lastUsed && a.totals == b.totals)
            #expect(a.rows == b.rows)
        }
    }

    @Test("What is sent is taken, and noted without a word of the key")
    func taken() async throws {
        let fixture = AdminFixture()
        let answer = await fixture.admin("POST", "/admin/keys/import", Self.body(row: #""day":"2026-02-10","hour":13,"#))
        #expect(answer.text == #"{"imported":["alice"],"known":[],"renamed":[]}"#)
        #expect(
            await fixture.admin("POST", "/admin/keys/import/", Self.body()).text
                == #"{"imported":[],"known":["alice"],"renamed":[]}"#)
        let key = try #require(fixture.keys.imported.withLock { $0 }.first)
        let day = try #require(LocalDate("2026-02-10"))
        #expect(key.digest.hex == Self.digest && !key.enabled && key.created == 1_770_000_000 && key.lastUsed == nil)
        #expect(key.totals == ImportedKey.Amounts(requests: 2, input: 30, output: 4))
        #expect(
            key.rows == [
                ImportedKey.Row(
                    when: .hour(day, 13), model: "m", amounts: ImportedKey.Amounts(requests: 1, input: 10, output: 2))
            ])
        #expect(
            fixture.audit.lines == [
                "admin key.import - 1 taken over, 0 there already ok", "admin key.import - 0 taken over, 1 there already ok",
            ])
    }

    @Test("Who may only look takes nothing over")
    func roles() async {
        var fixture = AdminFixture()
        fixture.configuration.admin?.keys.append(AdminKey(name: "v", key: Secret("viewer-key-of-the-tests"), role: .viewer))
        for (headers, status) in [([("x-api-key", "viewer-key-of-the-tests")], 403), ([], 401)] {
            let request = LocalRequest.to("POST", "/admin/keys/import", headers: headers, body: Self.body())
            #expect(await fixture.respond(to: request).status == status)
        }
        #expect(fixture.keys.imported.withLock { $0.isEmpty })
        #expect(fixture.audit.lines == ["v key.import - - role_forbidden"])
        #expect(await fixture.admin("GET", "/admin/keys/import").status == 405)
        #expect(await fixture.admin("DELETE", "/admin/keys/import").status == 404)
    }

    private static let wrongBodies = [
        "", "[]", "{}", #"{"keys":[]}"#, #"{"keys":{}}"#, #"{"keys":[7]}"#, body(more: #","other":1"#),
        body(key: #""text":"sk-1","#), #"{"keys":[{"name":"a"}]}"#,
        body().replacing(digest, with: String(digest.dropLast())),
        body().replacing(digest, with: "sk-a-key-where-a-digest-belongs"),
        body().replacing("sk-abcde...wxyz", with: "sk-a-key-where-it-should-be-masked"),
        body().replacing("sk-abcde...wxyz", with: "sk-a...key-where-it-should-be-masked"),
        body().replacing("\"enabled\":false", with: "\"enabled\":0"), body().replacing("1770000000", with: "253402300800"),
        body().replacing("1770000000", with: "-1"), body().replacing("\"output\":2", with: "\"output\":1152921504606846977"),
        body().replacing("\"output\":2", with: "\"output\":-1"), body().replacing("\"output\":2", with: "\"output\":1.5"),
        body().replacing("\"input\":10,", with: ""), body(row: #""hour":1,"#), body(row: #""day":"2026-02-30","#),
        body(row: #""day":"2026-02-10","hour":24,"#), body(row: #""day":"2026-02-10","hour":null,"#), body(row: #""x":1,"#),
        body(more: #","part":0"#), body(more: #","parts":2"#), body(more: #","part":2,"parts":2"#),
        body(more: #","part":-1,"parts":2"#), body(more: #","part":0,"parts":10001"#),
    ]

    @Test("What is no import is told, and nothing of it is taken", arguments: wrongBodies)
    func wrong(_ body: String) async {
        let fixture = AdminFixture()
        let answer = await fixture.admin("POST", "/admin/keys/import", body)
        #expect(answer.status == 400, "\(answer.text)")
        #expect(!answer.text.contains("where-"))
        #expect(fixture.keys.imported.withLock { $0.isEmpty })
    }

    @Test("A store that fails is told without what it said")
    func failing() async {
        let fixture = AdminFixture()
        let answer = await fixture.admin("POST", "/admin/keys/import", Self.body().replacing("alice", with: "full"))
        #expect(answer.status == 503 && !answer.text.contains("secret"))
        #expect(fixture.audit.lines == ["admin key.import - - unavailable"])
    }

    @Test("Keys go over in pieces that a call holds, and come as they went")
    func pieces() async throws {
        let fixture = AdminFixture()
        let caller = ServiceCaller(service: fixture.service())
        let client = try AdminClient(address: "http://127.0.0.1:8180", key: Secret(AdminFixture.adminKey), caller: caller)
        var keys = try (0..<550).map { try key("key \($0)", rows: $0 % 5) }
        keys.insert(try key("much", rows: 3_000), at: 420)
        keys.append(try key("\"\\\u{1}é", rows: 2_000, model: "\u{7}\"\\é"))
        var result = ImportResult()
        try await client.add(keys) { result.imported += $0.imported }
        #expect(result.imported == keys.map(\.name))
        expectSame(fixture.keys.imported.withLock { $0 }, keys)
        let sizes = caller.sizes.all.withLock { $0 }
        #expect(sizes.count > 5 && sizes.allSatisfy { $0 <= ImportPiece.size }, "\(sizes)")
        #expect(fixture.audit.lines.contains("admin key.import - part 1 of a key's history ok"))
        // Some of them again, as after a failure.
        let again = Array(keys[410..<430])
        result = ImportResult()
        try await client.add(again) { result.known += $0.known }
        #expect(result.known == again.map(\.name))
    }

    @Test("Pieces have every key and row once, in order, whatever their size", arguments: [1, 500, 700, 2_000, 1 << 18])
    func cut(_ size: Int) throws {
        let keys = try [0, 3, 0, 40, 1, 0, 0, 7].enumerated().map { try key("k\($0.offset)", rows: $0.element) }
        var seen = keys.map { _ in [Int]() }
        var order: [Int] = []
        for piece in ImportPiece.cut(keys, size: size) {
            if piece.part.number == 0 { order += Array(piece.keys) }
            for index in piece.keys { seen[index] += Array(piece.rows ?? 0..<keys[index].rows.count) }
            #expect(piece.part == .whole || piece.keys.count == 1)
        }
        #expect(order == Array(keys.indices))
        #expect(seen == keys.map { Array(0..<$0.rows.count) })
        #expect(ImportPiece.cut([], size: size).isEmpty)
    }

    @Test("A piece that fails ends the import, and says why")
    func brokenOff() async throws {
        let fixture = AdminFixture()
        let caller = ServiceCaller(service: fixture.service())
        let client = try AdminClient(address: "http://127.0.0.1:8180", key: Secret(AdminFixture.adminKey), caller: caller)
        let keys = [try key("much", rows: 2_500), try key("full", rows: 1), try key("last")]
        var told = 0
        await #expect(throws: RemoteFailure.failed("none of these keys could be stored; the log says why")) {
            try await client.add(keys) { told += $0.imported.count }
        }
        #expect(told == 1)
        #expect(fixture.keys.imported.withLock { $0.map(\.name) } == ["much"])
    }

    // MARK: Parts

    private func take(_ parts: ImportParts, _ key: ImportedKey, _ number: Int, of count: Int) -> Int? {
        try? parts.take(key, ImportParts.Part(number: number, count: count))?.rows.count
    }

    @Test("A part that does not follow is refused, and what waited stays or begins anew")
    func order() throws {
        let (parts, a, b) = (ImportParts(), try key("a", rows: 2), try key("b", rows: 3))
        #expect(take(parts, a, 0, of: 3) == nil)
        for (key, number, count) in [(a, 2, 3), (a, 1, 2), (b, 1, 3)] {
            #expect(throws: AdminFailure.self) { _ = try parts.take(key, ImportParts.Part(number: number, count: count)) }
        }
        #expect(take(parts, a, 1, of: 3) == nil)
        // From the beginning once more.
        #expect(take(parts, a, 0, of: 2) == nil)
        #expect(take(parts, a, 1, of: 2) == 4)
        #expect(throws: AdminFailure.self) { _ = try parts.take(a, ImportParts.Part(number: 1, count: 2)) }
        // Another key takes the place.
        #expect(take(parts, a, 0, of: 2) == nil)
        #expect(take(parts, b, 0, of: 2) == nil)
        #expect(throws: AdminFailure.self) { _ = try parts.take(a, ImportParts.Part(number: 1, count: 2)) }
        #expect(take(parts, b, 1, of: 2) == 6)
    }

    @Test("What waits is bounded")
    func bounded() throws {
        let (parts, key) = (ImportParts(), try key("a", rows: 50_000))
        for number in 0..<10 { #expect(take(parts, key, number, of: 20) == nil) }
        #expect(throws: AdminFailure.self) { _ = try parts.take(key, ImportParts.Part(number: 10, count: 20)) }
        // Nothing is left of it.
        #expect(throws: AdminFailure.self) { _ = try parts.take(key, ImportParts.Part(number: 10, count: 20)) }
    }
}
