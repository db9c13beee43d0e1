import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct AuditCallTests {
    private static let viewerKey = "grafana-key-of-the-tests"

    private func fixture(_ audit: FakeAudit = FakeAudit()) -> AdminFixture {
        var fixture = AdminFixture()
        fixture.audit = audit
        fixture.configuration.admin?.keys.append(AdminKey(name: "grafana", key: Secret(Self.viewerKey), role: .viewer))
        return fixture
    }

    @Test("What is changed is noted, with who did it to what")
    func noted() async {
        let fixture = fixture()
        _ = await fixture.admin("POST", "/admin/keys", #"{"name":"bob"}"#)
        _ = await fixture.admin("POST", "/admin/keys/key_alice/disable")
        _ = await fixture.admin("POST", "/admin/keys/alice/enable")
        _ = await fixture.admin("POST", "/admin/keys/alice/rotate")
        _ = await fixture.admin("PATCH", "/admin/keys/alice", #"{"policy":"free"}"#)
        _ = await fixture.admin("DELETE", "/admin/keys/\(FakeKeys.aliceKey)")
        _ = await fixture.admin("POST", "/admin/accounts/openai/main/drain")
        _ = await fixture.admin("POST", "/admin/accounts/openai/main/free")
        _ = await fixture.admin("POST", "/admin/reload")
        #expect(
            fixture.audit.lines == [
                "admin key.create key_bob bob ok", "admin key.disable key_alice alice ok",
                "admin key.enable key_alice alice ok", "admin key.rotate key_alice alice ok",
                "admin key.change key_alice alice (policy default → free) ok", "admin key.delete key_alice alice ok",
                "admin account.drain openai/main - ok", "admin account.free openai/main - ok", "admin config.reload - - ok",
            ])
    }

    @Test("What was refused is noted with the reason's type")
    func refused() async {
        var fixture = fixture()
        fixture.reload.outcome = .failed([FakeReload.diagnostic])
        _ = await fixture.admin("POST", "/admin/keys", #"{"name":"full"}"#)
        _ = await fixture.admin("POST", "/admin/keys", "no JSON")
        _ = await fixture.admin("DELETE", "/admin/keys/nobody")
        _ = await fixture.admin("DELETE", "/admin/keys/ci")
        _ = await fixture.admin("POST", "/admin/reload")
        _ = await fixture.respond(to: .to("DELETE", "/admin/keys/alice", headers: [("x-api-key", Self.viewerKey)]))
        #expect(
            fixture.audit.lines == [
                "admin key.create - full unavailable", "admin key.create - - bad_request", "admin key.delete - - not_found",
                "admin key.delete declared:ci ci conflict", "admin config.reload - - configuration_refused",
                "grafana key.delete key_alice alice role_forbidden",
            ])
    }

    @Test("What is changed of a key is told, a policy from what to what")
    func changes() async {
        let fixture = fixture()
        _ = await fixture.admin("PATCH", "/admin/keys/alice", #"{"tags":{"team":"x"},"policy":"nothing","name":"sk-a"}"#)
        _ = await fixture.admin("PATCH", "/admin/keys/alice", #"{"policy":"sk-secret","key":"sk-other"}"#)
        _ = await fixture.admin("PATCH", "/admin/keys/alice", "no JSON")
        _ = await fixture.admin("POST", "/admin/limits/team/block", #"{"bucket":"b","for":"1h"}"#)
        #expect(
            fixture.audit.lines == [
                "admin key.change key_alice alice (tags, policy default → nothing, name) bad_request",
                "admin key.change key_alice alice (policy default → ?) bad_request",
                "admin key.change key_alice alice bad_request", "admin limit.block team b for 1h not_found",
            ])
    }

    @Test("A name that is taken is told, and a policy that is given back")
    func takenAndGivenBack() async {
        let fixture = fixture()
        _ = await fixture.admin("PATCH", "/admin/keys/alice", #"{"policy":null}"#)
        _ = await fixture.admin("POST", "/admin/keys", #"{"name":"alice"}"#)
        #expect(
            fixture.audit.lines == [
                "admin key.change key_alice alice (policy default → default) ok", "admin key.create key_alice alice ok",
            ])
    }

    @Test("What a role forbids is noted ten times a minute: nobody fills the log who may do nothing")
    func forbiddenOften() async {
        let fixture = fixture()
        let service = fixture.service()
        for _ in 0..<30 {
            let answer = await service.respond(
                to: .to("DELETE", "/admin/keys/alice", headers: [("x-api-key", Self.viewerKey)]))
            #expect(answer.status == 403)
        }
        #expect(fixture.audit.lines.count == LinesPerMinute.most)
    }

    @Test("A minute after the first another ten are noted, of each key its own")
    func forbiddenByMinute() {
        let lines = LinesPerMinute()
        func noted(_ name: String, _ now: Int) -> Int { (0..<15).count { _ in lines.isNoted(of: name, now: now) } }
        let counts: [Int] = [noted("a", 100), noted("b", 100), noted("a", 159), noted("a", 160)]
        #expect(counts == [10, 10, 0, 10])
    }

    @Test("Who only looks, asks why or has no key leaves no entry")
    func looking() async {
        let fixture = fixture()
        for path in ["/admin/keys", "/admin/audit", "/admin/config", "/admin/"] { _ = await fixture.admin("GET", path) }
        _ = await fixture.admin("POST", "/admin/explain", #"{"model":"gpt-4o"}"#)
        _ = await fixture.respond(to: .to("DELETE", "/admin/keys/alice", headers: [("x-api-key", "wrong")]))
        _ = await fixture.respond(to: .to("DELETE", "/admin/keys/alice"))
        #expect(fixture.audit.lines.isEmpty)
    }

    @Test("No entry holds a key")
    func noSecret() async {
        let fixture = fixture()
        let secrets = [FakeKeys.aliceKey, "sk-unknown-key-in-the-path", AdminFixture.adminKey, "sk-new-bob-0123456789"]
        _ = await fixture.admin("POST", "/admin/keys", #"{"name":"bob"}"#)
        for secret in secrets.dropLast() { _ = await fixture.admin("POST", "/admin/keys/\(secret)/disable") }
        // Put where a bucket belongs, or a limit.
        for secret in secrets.prefix(2) {
            _ = await fixture.admin("POST", "/admin/limits/team/block", #"{"bucket":"\#(secret)"}"#)
            _ = await fixture.admin("POST", "/admin/limits/\(secret)/reset", #"{"bucket":"b"}"#)
        }
        let text = await fixture.admin("GET", "/admin/audit").text + fixture.audit.lines.joined()
        for secret in secrets { #expect(!text.contains(secret)) }
        #expect(fixture.audit.lines.count == 8)
    }

    @Test("A log that cannot be written keeps nobody from acting")
    func failing() async {
        let fixture = fixture(FakeAudit(isFailing: true))
        #expect(await fixture.admin("POST", "/admin/keys/alice/disable").status == 200)
        #expect(fixture.keys.find(reference: "key_alice")?.enabled == false)
    }

    @Test("The log is read by pages, the newest first")
    func pages() async throws {
        let fixture = fixture()
        for number in 0..<25 { _ = await fixture.admin("POST", "/admin/keys", #"{"name":"k\#(number)"}"#) }
        var names: [String] = []
        var query = "limit=10"
        for _ in 0..<9 {
            let page = try #require(await fixture.admin("GET", "/admin/audit?\(query)").json)
            names += (page["audit"]?.array ?? []).compactMap { $0["detail"]?.string }
            guard let next = page["next"]?.string else { break }
            query = "limit=10&before=\(next)"
        }
        #expect(names == (0..<25).reversed().map { "k\($0)" })
        let first = try #require(await fixture.admin("GET", "/admin/audit?limit=1").json?["audit"]?.array?.first)
        #expect(
            String(decoding: first.bytes, as: UTF8.self)
                == #"{"id":25,"time":"2026-02-11T14:03:20+08:00","who":"admin","address":"127.0.0.1","action":"key.create","#
                + #""target":"key_k24","detail":"k24","result":"ok"}"#)
    }

    @Test(
        "A stretch of time is asked for",
        arguments: [
            ("since=2026-02-11T14:03:20%2B08:00", 1), ("since=2026-02-11T14:03:21%2B08:00", 0), ("since=1770789800", 1),
            ("since=2026-02-11", 1), ("since=2026-02-12", 0), ("before=2026-02-11T14:03:20%2B08:00", 0),
            ("before=2026-02-12T00:00:00%2B08:00", 1),
        ])
    func since(query: String, count: Int) async {
        let fixture = fixture()
        _ = await fixture.admin("POST", "/admin/keys/alice/disable")
        #expect(await fixture.admin("GET", "/admin/audit?\(query)").json?["audit"]?.array?.count == count)
    }

    @Test(
        "A day begins at its own midnight, also where clocks change on it",
        arguments: [
            ("Australia/Sydney", "2026-10-04", 1_791_036_000), ("Australia/Sydney", "2026-04-05", 1_775_307_600),
            ("Pacific/Auckland", "2026-09-27", 1_790_424_000), ("Asia/Singapore", "2026-02-11", 1_770_739_200),
        ])
    func midnight(zone: String, day: String, start: Int) async throws {
        var fixture = fixture()
        fixture.configuration.timeZone = try #require(Zone(zone))
        for time in [start - 1, start] {
            let request = LocalRequest.to(
                "POST", "/admin/keys/alice/disable", headers: [("x-api-key", AdminFixture.adminKey)])
            _ = await fixture.respond(to: request, now: time)
        }
        for query in ["since", "before"] {
            let answer = await fixture.admin("GET", "/admin/audit?\(query)=\(day)").json
            #expect(answer?["audit"]?.array?.compactMap { $0["id"]?.int } == [query == "since" ? 2 : 1])
        }
    }

    @Test("What is no question is told", arguments: ["since=yesterday", "before=x", "limit=0", "limit=1001"])
    func badQuestion(query: String) async {
        #expect(await fixture().admin("GET", "/admin/audit?\(query)").status == 400)
    }
}
