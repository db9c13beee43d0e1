import Dialects
import Testing

@testable import Admin
@testable import ProxyCore

@Suite struct UsageCallTests {
    @Test(
        "Usage as the predecessor's scripts read it",
        arguments: [
            (
                "/admin/usage",
                """
                {"total_input_tokens":127,"total_output_tokens":35,"total_requests":3,"total_keys":2,"active_keys":2,\
                "total_cost_usd":1.50000015,"cost_usd":1.50000015,"unpriced_requests":1,"today":"2026-02-11",\
                "time_zone":"Asia/Singapore"}
                """
            ),
            (
                "/admin/usage/daily",
                """
                {"days":[{"date":"2026-02-11","total_input":127,"total_output":35,"total_requests":3,\
                "cost_usd":1.50000015,"by_model":{"claude-opus-4-6-thinking":{"total":150,"requests":2,"cost_usd":1.5},\
                "gemini-3-pro-high":{"total":12,"requests":1,"cost_usd":0.00000015}},\
                "keys":[{"name":"alice","input":127,"output":35,"requests":3,"cost_usd":1.50000015}]}]}
                """
            ),
            ("/admin/usage/daily?date=2026-02-10", #"{"days":[]}"#),
            (
                "/admin/usage/hourly?date=2026-02-11",
                """
                {"hours":[{"hour":"2026-02-11 14:00","by_model":{"claude-opus-4-6-thinking":\
                {"total":150,"requests":2,"cost_usd":1.5}}}]}
                """
            ),
            ("/admin/usage/hourly?date=2026-02-12", #"{"hours":[]}"#),
        ])
    func golden(target: String, expected: String) async {
        let response = await AdminFixture().admin("GET", target)
        #expect(response.status == 200)
        #expect(response.text == expected)
    }

    @Test("A report by groups, for programs and for spreadsheets")
    func grouped() async {
        let json = await AdminFixture().admin("GET", "/admin/usage?group_by=key,tag:team&from=2026-02-01&to=2026-02-28")
        #expect(json.status == 200)
        #expect(
            json.text == """
                {"rows":[{"key":"alice","key_id":"key_alice","tag:team":"=1+tag:team,x","requests":3,"input":125,"output":35,\
                "cache_read":2,"cache_write":0,"reasoning":0,"cost_usd":1.50000015,"counted_requests":2,\
                "unpriced_requests":1,"images":0,"audio_ms":0,"cache_write_1h":0}]}
                """)
        let csv = await AdminFixture().admin("GET", "/admin/usage?group_by=key,tag:team&format=csv")
        #expect(csv.headers.contains { $0.name == "content-type" && $0.value.hasPrefix("text/csv") })
        // A client's text is no formula.
        #expect(
            csv.text == """
                key,tag:team,requests,input,output,cache_read,cache_write,reasoning,cost_usd,counted_requests,\
                unpriced_requests,images,audio_ms,cache_write_1h,key_id\r
                alice,"'=1+tag:team,x",3,125,35,2,0,0,1.50000015,2,1,0,0,0,key_alice\r

                """)
    }

    @Test("All groups there are can be asked for at once, and a few tags beside them")
    func allGroups() async throws {
        let groups = "key,model,day,hour,upstream,account,rule,session,agent,tag:1,tag:2,tag:3,tag:4,tag:5,tag:6,tag:7,tag:8"
        let response = await AdminFixture().admin("GET", "/admin/usage?group_by=\(groups)")
        #expect(response.status == 200)
        let row = try #require(response.json?["rows"]?.array?.first)
        for group in groups.split(separator: ",") { #expect(row[String(group)] != nil, "\(group)") }
    }

    @Test("Rows are written with a comma between them, whatever their values are")
    func rows() throws {
        let report = GroupedReport(groups: [.key, .tag("a\"b"), .day], names: ["k1": "ü \"x\"\n"])
        #expect(String(decoding: report.json([]), as: UTF8.self) == #"{"rows":[]}"#)
        var rows = ["k1", "k2"].map { GroupedUsage(values: [$0, "line\nbreak, \\", "2026-02-11"]) }
        rows[1].amounts.requests = UsageAmounts.limit
        rows[1].amounts.unpriced = 1
        #expect(
            String(decoding: report.json(rows), as: UTF8.self) == #"""
                {"rows":[{"key":"ü \"x\"\n","key_id":"k1","tag:a\"b":"line\nbreak, \\","day":"2026-02-11","requests":0,"input":0,\#
                "output":0,"cache_read":0,"cache_write":0,"reasoning":0,"cost_usd":0,"counted_requests":0,\#
                "unpriced_requests":0,"images":0,"audio_ms":0,"cache_write_1h":0},\#
                {"key":"k2","key_id":"k2","tag:a\"b":"line\nbreak, \\","day":"2026-02-11","requests":4611686018427387903,\#
                "input":0,"output":0,"cache_read":0,"cache_write":0,"reasoning":0,"cost_usd":null,"counted_requests":0,\#
                "unpriced_requests":1,"images":0,"audio_ms":0,"cache_write_1h":0}]}
                """#)
        let none = GroupedReport(groups: [], names: [:]).json([GroupedUsage(values: [])])
        #expect(try JSONValue(parsing: none)["rows"]?.array?.count == 1)
        #expect(String(decoding: none, as: UTF8.self).hasPrefix(#"{"rows":[{"requests":0,"#))
    }

    @Test(
        "What no report can be made of",
        arguments: [
            "group_by=keys", "group_by=key,,model", "group_by=key,key", "group_by=tag:", "from=2026-02-30", "to=tomorrow",
            "from=2026-02-12&to=2026-02-11", "group_by=key&format=xml",
            "group_by=tag:1,tag:2,tag:3,tag:4,tag:5,tag:6,tag:7,tag:8,tag:9",
        ])
    func badReports(_ query: String) async {
        let response = await AdminFixture().admin("GET", "/admin/usage?\(query)")
        #expect(response.status == 400)
        let name = query.prefix { $0 != "=" }
        #expect(
            response.json?["error"]?["message"]?.string?.contains(name == "group_by" && query.contains("xml") ? "format" : name)
                == true)
    }

    @Test(
        "Instants cut the days that they are in, and no day between them",
        arguments: [
            (
                "from=2026-02-11T10:30:00Z&to=2026-03-02T00:00:00Z",
                "2026-02-11 2026-03-02: 2026-02-12 to 2026-03-01"
            ),
            ("from=2026-02-27T00:00:00Z&to=2026-03-01", "2026-02-27: 2026-02-28 to 2026-03-01"),
            ("from=2026-02-28T23:00:00Z&to=2026-03-01T01:00:00Z", nil),
            ("to=2026-03-01T01:00:00Z", "2026-03-01: - to 2026-02-28"),
            ("from=2025-12-31T01:00:00Z", "2025-12-31: 2026-01-01 to -"), ("from=2026-02-11&to=2026-03-02", nil),
            ("from=2026-02-11T10:30:00Z&group_by=hour", nil),
        ] as [(String, String?)])
    func cutDays(_ query: String, _ expected: String?) throws {
        let parts = try GroupedReport.Request(RequestQuery(query), .utc).cutDays
        let text = parts.map { parts in
            let (first, last) = (parts.between.first?.description ?? "-", parts.between.last?.description ?? "-")
            return "\(parts.days.map(\.description).joined(separator: " ")): \(first) to \(last)"
        }
        #expect(text == expected)
    }

    @Test("Records of requests, the newest first, and where to go on")
    func requests() async throws {
        var fixture = AdminFixture()
        var record = UsageRecord(
            requestID: "req_1", keyID: "key_alice", time: AdminFixture.now, model: "opus",
            labels: UsageLabels(upstream: "up", account: "main", rule: "all", tags: ["job": "nightly"], tier: "up/opus"),
            usage: TokenUsage(uncachedInput: 10, cacheRead: 4, cacheWrite: 3, output: 5, reasoning: 2), provenance: .partial,
            cost: 150, key: KeyLabels(policy: "team", tags: ["team": "infra"]))
        record.question = UsageRecord.Question(dialect: .anthropic, model: "claude", session: "s1", agent: "a1")
        record.course.status = 200
        let times = UsageRecord.Times(start: 1, firstByte: 30, duration: 40)
        record.course.steps = [UsageRecord.Step(tier: "first", account: "a", status: 529, reason: "5xx", times: times)]
        fixture.usage.records = [record]
        let answer = await fixture.admin("GET", "/admin/requests?key=alice&status=2xx&limit=1")
        #expect(answer.status == 200)
        #expect(
            answer.text == """
                {"requests":[{"id":"req_1","time":"2026-02-11T14:03:20+08:00","key":"alice","key_id":"key_alice","policy":"team",\
                "tags":{"job":"nightly","team":"infra"},"session":"s1","agent":"a1","dialect":"anthropic","model_asked":"claude",\
                "model":"opus","rule":"all","tier":"up/opus","upstream":"up","account":"main","attempts":[\
                {"tier":"first","account":"a","status":529,"reason":"5xx","start_ms":1,"first_byte_ms":30,"duration_ms":40},\
                {"tier":"up/opus","account":"main","status":200,"reason":"","start_ms":null,"first_byte_ms":null,"duration_ms":null}],\
                "input":10,"output":5,"cache_read":4,\
                "cache_write":3,"cache_write_1h":0,"reasoning":2,"images":0,"audio_ms":0,"cost_nano":150,\
                "source":"counted","first_byte_ms":null,\
                "duration_ms":0,"status":200,"outcome":"done/relay"}],"next":"7-3"}
                """)
        record.priced = false
        fixture.usage.records = [record]
        #expect(await fixture.admin("GET", "/admin/requests").json?["requests"]?.array?.first?["cost_nano"]?.int == 150)
    }

    @Test(
        "What no list of requests can be made of",
        arguments: [
            ("status=ok", 400), ("status=6xx", 400), ("status=099", 400), ("since=yesterday", 400), ("before=x-1", 400),
            ("limit=0", 400), ("limit=1001", 400), ("key=nobody", 404), ("key=key_gone", 200), ("status=0", 200),
            ("before=7-3", 200), ("since=2026-02-11", 200), ("key=gone", 200), ("since=7d", 200),
            ("since=90000d", 200), ("since=7", 200), ("since=7x", 400), ("before=1h", 200),
        ])
    func badRequests(_ query: String, _ status: Int) async {
        #expect(await AdminFixture().admin("GET", "/admin/requests?\(query)").status == status)
    }

    @Test("What is no day", arguments: ["yesterday", "2026-2-1", "2026-13-01", "2026-02-00", "2026-02-11T00", "%"])
    func badDates(_ date: String) async {
        let response = await AdminFixture().admin("GET", "/admin/usage/daily?date=\(date)")
        #expect(response.status == 400)
    }

    @Test("A key that is disabled or expired is not active")
    func activeKeys() async {
        var fixture = AdminFixture()
        let alice = FakeKeys.alice
        fixture.keys = FakeKeys([
            alice, alice.with(enabled: false), alice.with(expires: AdminFixture.now), alice.with(expires: AdminFixture.now + 1),
        ])
        let usage = await fixture.admin("GET", "/admin/usage").json
        #expect(usage?["total_keys"]?.int == 4)
        #expect(usage?["active_keys"]?.int == 2)
    }

    @Test("A ledger that cannot be read is an error of ours, without its details")
    func failure() async {
        var fixture = AdminFixture()
        fixture.usage.failure = LedgerFailure.system(call: "open /secret/path", errno: 5)
        let response = await fixture.admin("GET", "/admin/usage")
        #expect(response.status == 500)
        #expect(!response.text.contains("secret"))
    }
}
