import Dialects
import Foundation
import Testing

@testable import Admin
@testable import ProxyCore

@Suite struct LiveCallTests {
    private static let viewer = "grafana-key-of-the-tests"

    private func count(
        _ fixture: AdminFixture, at seconds: Int, status: Int = 200, firstByte: Int = 100, outcome: Outcome = .done(in: .relay)
    ) {
        var entry = RequestLogEntry()
        entry.status = status
        entry.outcome = outcome
        entry.firstByteMicroseconds = firstByte * 1_000
        entry.amounts.inputTokens = 10
        entry.amounts.outputTokens = 5
        entry.amounts.cost = 1_500_000_000
        entry.timeMilliseconds = seconds * 1_000
        fixture.metrics.live.part().count(entry)
    }

    @Test("The last hour is told minute by minute, the oldest first, and the last minute in sum")
    func live() async throws {
        let fixture = AdminFixture()
        count(fixture, at: AdminFixture.now)
        count(fixture, at: AdminFixture.now - 5, status: 502)
        count(fixture, at: AdminFixture.now - 70, status: 429)
        count(fixture, at: AdminFixture.now - 3_700)
        let told = try #require(await fixture.admin("GET", "/admin/now").json)
        #expect(told["now"]?.string == "2026-02-11T14:03:20+08:00")
        let minutes = try #require(told["minutes"]?.array)
        #expect(minutes.count == 60)
        #expect(minutes.last?["time"]?.string == "2026-02-11T14:03:00+08:00")
        #expect(minutes.map { $0["requests"]?.int }.suffix(3) == [0, 1, 2])
        #expect(minutes.dropLast(2).allSatisfy { $0["requests"]?.int == 0 })
        #expect(minutes[58]["refused"]?.int == 1)
        #expect(minutes[57]["first_byte_p50_ms"]?.isNull == true)
        let last = try #require(told["last_minute"])
        #expect(last["requests"]?.int == 2)
        #expect(last["errors"]?.int == 1)
        #expect(last["input"]?.int == 20)
        #expect(last["output"]?.int == 10)
        #expect(last["cost_usd"]?.double == 3)
    }

    @Test("Who calls is told with the role")
    func whoami() async {
        var fixture = AdminFixture()
        fixture.configuration.admin?.keys.append(AdminKey(name: "grafana", key: Secret(Self.viewer), role: .viewer))
        let told = await fixture.respond(to: .to("GET", "/admin/whoami", headers: [("x-api-key", Self.viewer)]))
        #expect(told.json?["name"]?.string == "grafana")
        #expect(told.json?["role"]?.string == "viewer")
        #expect(await fixture.admin("GET", "/admin/whoami").json?["role"]?.string == "admin")
        #expect(await fixture.respond(to: .to("GET", "/admin/whoami")).status == 401)
        #expect(await fixture.admin("POST", "/admin/whoami").status == 405)
    }

    @Test("The configuration's history tells the newest first, what changed and what was refused")
    func history() async throws {
        let fixture = AdminFixture()
        fixture.reload.status.update { status in
            var event = ReloadEvent(
                Snapshot(generation: 4, hash: "a1", configuration: Configuration(), rules: AdminFixture.rules(), routes: []),
                at: Date(timeIntervalSince1970: Double(AdminFixture.now)), trigger: .file)
            event.summary = "rules: opus changed"
            event.changes = [ConfigurationDifference(path: "rules[opus].tiers", old: "[]", new: nil)]
            status.history.append(event)
            event.errors = [FakeReload.diagnostic]
            event.state = .refused
            event.changes = []
            status.history.append(event)
        }
        let told = try #require(await fixture.admin("GET", "/admin/config/history").json?["history"]?.array)
        #expect(told.map { $0["result"]?.string } == ["refused", "applied", "started"])
        #expect(told[0]["errors"]?.array?.first?["line"]?.int == 41)
        #expect(told[0]["errors"]?.array?.first?["excerpt"]?.string == "   41 |    - antigravty/secret\n      |         ^")
        #expect(told[1]["changes"]?.text == #"[{"path":"rules[opus].tiers","old":"[]","new":null}]"#)
        #expect(told[1]["trigger"]?.string == "file")
        #expect(told[2]["trigger"]?.isNull == true)
    }

    @Test("A report can be cut to the dearest rows and to some values")
    func dearest() {
        func row(_ key: String, cost: Int) -> GroupedUsage {
            var row = GroupedUsage(values: [key])
            row.amounts.requests = 1
            row.amounts.costNanoDollars = cost
            return row
        }
        let rows = [row("a", cost: 1), row("b", cost: 3), row("c", cost: 2)]
        let (top, others) = GroupedReport.top(2, of: rows)
        #expect(top.map(\.values) == [["b"], ["c"]])
        #expect(others?.count == 1)
        #expect(others?.sum.amounts.costNanoDollars == 1)
        #expect(GroupedReport.top(3, of: rows).others == nil)
        let report = GroupedReport(groups: [.key, .model], names: [:])
        let lines = String(decoding: report.csv(top, others: others), as: UTF8.self).split(separator: "\r\n")
        #expect(lines.count == 4 && lines[3].hasPrefix("others,,") && lines[3].hasSuffix(","))
        let text = String(decoding: GroupedReport(groups: [.model], names: [:]).json(top, others: others), as: UTF8.self)
        #expect(text.contains(#"],"others":{"groups":1,"requests":1,"#))
        #expect(text.hasSuffix("}}"))
    }

    @Test(
        "What is asked wrongly is told",
        arguments: ["usage?top=0", "usage?top=x", "limits?nearest=101", "usage?group_by=key&top=-1"])
    func wrong(_ path: String) async {
        #expect(await AdminFixture().admin("GET", "/admin/" + path).status == 400)
    }

    @Test("The names of tags come with a page of keys where they are asked for")
    func tagNames() async {
        #expect(await AdminFixture().admin("GET", "/admin/keys?limit=1&with=tags").json?["tag_names"]?.text == #"["team"]"#)
        #expect(await AdminFixture().admin("GET", "/admin/keys?limit=1").json?["tag_names"] == nil)
    }
}
