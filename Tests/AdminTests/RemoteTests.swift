import Foundation
import ProxyCore
import Synchronization
import Testing

@testable import Admin

@Suite struct RemoteTests {
    /// A client whose calls the admin service of a fixture answers.
    private func client(_ fixture: AdminFixture = AdminFixture(), key: String = AdminFixture.adminKey) throws -> AdminClient {
        try AdminClient(address: "http://127.0.0.1:8180", key: Secret(key), caller: ServiceCaller(fixture.service()))
    }

    private struct ServiceCaller: OutgoingCaller {
        let service: AdminService

        init(_ service: AdminService) { self.service = service }

        func call(_ request: OutgoingRequest) async throws -> OutgoingResponse {
            let parts = request.target.split(separator: "?", maxSplits: 1).map(String.init)
            let response = await service.respond(
                to: LocalRequest(
                    method: request.method, path: parts[0], query: parts.count == 2 ? parts[1] : "", headers: request.headers,
                    body: request.body))
            return OutgoingResponse(status: response.status, headers: response.headers, body: response.body)
        }
    }

    private func scripted(_ body: String, status: Int = 200) throws -> (AdminClient, FakeCaller) {
        let caller = FakeCaller { _ in OutgoingResponse.json(body, status: status) }
        return (try AdminClient(address: "http://127.0.0.1:8180", key: Secret("k"), caller: caller), caller)
    }

    @Test("Keys are listed as a table and as JSON")
    func list() async throws {
        let client = try client()
        let lines = try await client.listKeys(search: nil, .table).split(separator: "\n").map(String.init)
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("NAME   ID           KEY"))
        #expect(lines[1].hasPrefix("ci     declared:ci  sk-decla...f-ci  enabled  free"))
        #expect(lines[2].contains("alice  key_alice"))
        #expect(lines[2].hasSuffix("3    127      35  2026-02-11 14:02:20"))
        #expect(try await client.listKeys(search: "alice", .table).split(separator: "\n").count == 2)
        #expect(try await client.listKeys(search: nil, .json).hasPrefix(#"{"keys":[{"id":"#))
    }

    @Test("A key that has ended is told as such")
    func ended() async throws {
        let (client, _) = try scripted(
            #"{"keys":[{"name":"off","enabled":false,"expires":"2020-01-01T00:00:00Z"},"#
                + #"{"name":"late","enabled":true,"expires":"2020-01-01T00:00:00+08:00"},"#
                + #"{"name":"soon","enabled":true,"expires":"9999-01-01T00:00:00+08:00"}],"next":null}"#)
        let lines = try await client.listKeys(search: nil, .table).split(separator: "\n").dropFirst().map { line in
            line.split(separator: " ").prefix(2).map(String.init)
        }
        #expect(lines == [["soon", "enabled"], ["late", "expired"], ["off", "disabled"]])
    }

    @Test("A key's life on the command line")
    func life() async throws {
        let fixture = AdminFixture()
        let client = try client(fixture)
        let made = try await client.createKey(name: "bob", policy: "free", tags: ["team": "red"], expires: nil, .table)
        #expect(made == "sk-new-bob-0123456789\n")
        #expect(fixture.keys.find(reference: "key_bob")?.tags == ["team": "red"])
        #expect(try await client.change(key: "key_bob", .disable) == "bob: disabled\n")
        #expect(try await client.change(key: "bob", .enable) == "bob: enabled\n")
        #expect(try await client.rotateKey("bob", overlap: "1h", .table) == "sk-rotated-0123456789\n")
        #expect(try await client.change(key: "bob", .delete) == "bob: deleted\n")
        #expect(fixture.keys.find(reference: "key_bob") == nil)
        #expect(try await client.audit(since: nil, limit: 2, .table).contains("key.delete"))
    }

    @Test("What does not work is told with its kind")
    func failures() async throws {
        let wrong = try client(key: "wrong")
        await #expect(throws: RemoteFailure.forbidden("this is not the admin key")) {
            _ = try await wrong.listKeys(search: nil, .table)
        }
        let client = try client()
        await #expect(throws: RemoteFailure.refused("there is no such key")) {
            _ = try await client.change(key: "nobody", .delete)
        }
        await #expect(throws: RemoteFailure.self) {
            _ = try await client.createKey(name: "", policy: nil, tags: [:], expires: nil, .table)
        }
        let dead = try AdminClient(address: "http://127.0.0.1:8180", key: Secret("k"), caller: FakeCaller())
        do {
            _ = try await dead.listKeys(search: nil, .table)
            Issue.record("nobody is there")
        } catch RemoteFailure.unreachable(let message) {
            #expect(message.contains("http://127.0.0.1:8180"))
        }
        let (page, _) = try scripted("<html>", status: 200)
        await #expect(throws: RemoteFailure.self) { _ = try await page.listKeys(search: nil, .table) }
        let (broken, _) = try scripted(#"{"error":{"message":"disk full"}}"#, status: 503)
        await #expect(throws: RemoteFailure.failed("disk full")) { _ = try await broken.change(key: "a", .disable) }
    }

    @Test("An address is one that proxyd can listen on", arguments: ["127.0.0.1:8180", "ftp://a", "", "http://", "http://a:x"])
    func address(_ text: String) {
        #expect(throws: RemoteFailure.self) { _ = try AdminClient(address: text, key: Secret("k")) }
    }

    @Test(
        "The dashboard's address, as a browser shows it, is the admin API's",
        arguments: [
            ("http://127.0.0.1:8180/admin", "http://127.0.0.1:8180"),
            ("http://127.0.0.1:8180/admin/#keys", "http://127.0.0.1:8180"),
            ("https://a.example/llm/admin/", "https://a.example/llm"),
            ("http://a.example/administrator", "http://a.example/administrator"),
        ])
    func dashboard(_ typed: String, _ meant: String) throws {
        #expect(try AdminClient(address: typed, key: Secret("k")).address == meant)
    }

    @Test("Keys are asked for page by page, and what is typed is encoded")
    func pages() async throws {
        let calls = Mutex(0)
        let caller = FakeCaller { _ in
            let call = calls.withLock { count in
                count += 1
                return count
            }
            return .json(#"{"keys":[{"name":"k\#(call)"}],"next":\#(call < 3 ? "\"n \(call)\"" : "null")}"#)
        }
        let client = try AdminClient(address: "unix:/run/proxyd.sock:/base", key: Secret("k"), caller: caller)
        let text = try await client.listKeys(search: "a&b", .table)
        #expect(text.split(separator: "\n").count == 4)
        #expect(
            caller.requests.map(\.target) == [
                "/admin/keys?limit=1000&search=a%26b", "/admin/keys?limit=1000&search=a%26b&before=n%201",
                "/admin/keys?limit=1000&search=a%26b&before=n%202",
            ])
        #expect(caller.requests.first?.url.socketPath == "/run/proxyd.sock")
    }

    @Test("Usage is a table with its sum, or what the server says")
    func usage() async throws {
        let row = #""requests":1234,"input":5000000,"output":20,"cache_read":3,"cache_write":0,"reasoning":0"#
        let (client, caller) = try scripted(
            #"{"rows":[{"key":"alice","model":"m1",\#(row),"cost_usd":12.5},{"key":"bob","model":null,\#(row),"cost_usd":0.00012}]}"#
        )
        let request = AdminClient.UsageRequest(from: "2026-11-01", to: nil, groupBy: "key,model")
        let lines = try await client.usage(request, .table).split(separator: "\n").map(String.init)
        #expect(caller.requests.last?.target == "/admin/usage?from=2026-11-01&group_by=key%2Cmodel")
        #expect(
            lines == [
                "KEY    MODEL  REQUESTS       INPUT  OUTPUT  CACHE READ  CACHE WRITE  REASONING       USD",
                "alice  m1        1,234   5,000,000      20           3            0          0     12.50",
                "bob    -         1,234   5,000,000      20           3            0          0  0.000120",
                "total            2,468  10,000,000      40           6            0          0     12.50",
            ])
        // Of what has no price nobody says that it is nothing.
        let (none, _) = try scripted(
            #"{"rows":[{"key":"a","model":"x",\#(row),"cost_usd":null,"unpriced_requests":1234},"#
                + #"{"key":"b","model":"x",\#(row),"cost_usd":null,"unpriced_requests":1000}]}"#)
        let text = try await none.usage(request, .table)
        let unpriced = text.split(separator: "\n").map { $0.split(separator: " ").suffix(2).map(String.init) }
        #expect(unpriced == [["USD", "UNPRICED"], ["-", "1,234"], ["-", "1,000"], ["-", "2,234"]])
        let (csv, _) = try scripted("key,requests\nalice,1\n")
        #expect(try await csv.usageCSV(request) == "key,requests\nalice,1\n")
        let (old, _) = try scripted(#"{"total_requests":1}"#)
        await #expect(throws: RemoteFailure.self) { _ = try await old.usage(request, .table) }
    }

    @Test("Limits are a table; their names are one segment of a path")
    func limits() async throws {
        let (client, caller) = try scripted(
            #"{"limits":[{"limit":"team budget","bucket":"infra","kind":"cost","window":"month","max":2000,"used":1999.2,"#
                + #""reserved":0,"remaining":0.8,"resets_at":"2026-12-01T00:00:00+08:00","blocked_until":null},"#
                + #"{"limit":"opus","bucket":"everybody","kind":"tokens","window":"minute","max":2000000,"used":5,"#
                + #""reserved":7,"remaining":1999988,"resets_at":null,"blocked_until":"9999-12-31T23:59:59+08:00"}]}"#)
        let lines = try await client.limits(AdminClient.LimitFilter(bucket: "in fra"), .table).split(separator: "\n")
        #expect(caller.requests.last?.target == "/admin/limits?bucket=in%20fra")
        #expect(lines.count == 3)
        #expect(lines[1].contains("2,000.00") && lines[1].contains("1,999.20") && lines[1].contains("2026-12-01 00:00:00"))
        #expect(lines[1].hasSuffix("  -") && lines[2].hasSuffix("  it is lifted"))
        #expect(lines[2].contains("1,999,988"))
        _ = try await client.change(limit: "a/b c", bucket: "x", .block, duration: "1h")
        #expect(caller.requests.last?.target == "/admin/limits/a%2Fb%20c/block")
        #expect(caller.requests.last.map { String(decoding: $0.body, as: UTF8.self) } == #"{"bucket":"x","for":"1h"}"#)
    }

    @Test("A backup is fetched whole, and its end is told")
    func backup() async throws {
        let client = try client()
        var bytes: [UInt8] = []
        #expect(try await client.backUp { bytes += $0 } == 10)
        #expect(String(decoding: bytes, as: UTF8.self) == "0123456789")
    }

    @Test("A verification is told as it was found")
    func verify() async throws {
        var fixture = AdminFixture()
        fixture.state.report.keys = 2
        fixture.state.report.damages = ["journal segment 3: is damaged from byte 20 of 99 on"]
        fixture.state.report.segments = [LedgerReport.Segment(number: 4, bytes: 99, records: 2, damage: nil)]
        let client = try client(fixture)
        let report = try await client.verify()
        #expect(report == fixture.state.report)
        #expect(!report.isWhole)
        #expect(report.text.contains("DAMAGED: journal segment 3"))
    }

    @Test("A viewer may not take a copy of everything")
    func viewersCopy() async {
        var fixture = AdminFixture()
        fixture.configuration.admin?.keys.append(AdminKey(name: "v", key: Secret("viewer-key-of-the-tests"), role: .viewer))
        for (method, path, status) in [
            ("POST", "/admin/backup", 403), ("GET", "/admin/backup/copy1", 403), ("GET", "/admin/ledger/verify", 200),
        ] {
            let response = await fixture.respond(to: .to(method, path, headers: [("x-api-key", "viewer-key-of-the-tests")]))
            #expect(response.status == status)
        }
    }

    @Test("What would move a terminal is shown as a question mark")
    func harmless() {
        var table = TextTable(["A"])
        table.add([.text("\u{1b}[31mred\u{202e}\n")])
        #expect(table.text == "A\n?[31mred??\n")
    }

    @Test("Columns stand below one another, whatever a terminal needs for a letter")
    func wideLetters() {
        var table = TextTable(["NAME", "N"])
        for name in ["团队 B", "🌊", "👍🏽", "🇸🇬", "é", "alice"] { table.add([.text(name), .number("1")]) }
        #expect(
            table.text
                == "NAME    N\n团队 B  1\n🌊      1\n👍🏽      1\n🇸🇬      1\né       1\nalice   1\n")
    }

    @Test("Where a file's proxyd takes admin calls")
    func fromFile() {
        var configuration = AdminFixture.configuration()
        #expect(AdminAddress.find(in: configuration) == "http://127.0.0.1:8180")
        configuration.listeners = [Listener(host: "0.0.0.0", port: 9000)]
        #expect(AdminAddress.find(in: configuration) == "http://127.0.0.1:9000")
        configuration.admin?.listener = Listener(host: "::1", port: 9001)
        #expect(AdminAddress.find(in: configuration) == "http://[::1]:9001")
        configuration.admin?.listener = Listener(unixPath: "/run/a.sock")
        #expect(AdminAddress.find(in: configuration) == "unix:/run/a.sock")
        configuration.admin = nil
        #expect(AdminAddress.find(in: configuration) == nil)
    }
}
