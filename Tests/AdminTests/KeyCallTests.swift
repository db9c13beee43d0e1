import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct KeyCallTests {
    @Test("The list of keys")
    func list() async {
        let response = await AdminFixture().admin("GET", "/admin/keys")
        #expect(response.status == 200)
        #expect(response.header("content-type") == "application/json")
        #expect(response.header("cache-control") == "no-store")
        #expect(
            response.text == """
                {"keys":[{"id":"declared:ci","key":"sk-decla...f-ci","name":"ci","enabled":true,\
                "created":"2026-01-21T20:53:20+08:00","policy":"free","total_input":0,"total_output":0,"total_requests":0,\
                "last_used":null,"cost_usd":0,"tags":{"team":"build"},"expires":null,"origin":"declared","old_key_until":null},\
                {"id":"key_alice","key":"sk-alice...6789","name":"alice","enabled":true,\
                "created":"2026-02-02T10:40:00+08:00","policy":"default","total_input":127,"total_output":35,"total_requests":3,\
                "last_used":"2026-02-11T14:02:20+08:00","cost_usd":1.50000015,"tags":{},"expires":null,"origin":"admin","old_key_until":null}]}
                """)
    }

    @Test("Making a key tells it once")
    func create() async {
        let fixture = AdminFixture()
        let body = #"{"name":"bob","policy":"free","tags":{"team":"red"},"expires":"2027-01-31T00:00:00+08:00"}"#
        let response = await fixture.admin("POST", "/admin/keys", body)
        #expect(response.status == 200)
        #expect(response.text == #"{"api_key":"sk-new-bob-0123456789","id":"key_bob","name":"bob"}"#)
        let key = fixture.keys.find(reference: "key_bob")
        #expect(key?.policy == "free")
        #expect(key?.tags == ["team": "red"])
        #expect(key?.expires == 1_801_324_800)
        #expect(await fixture.admin("GET", "/admin/keys").text.contains("sk-new-bob-0123456789") == false)
    }

    @Test(
        "A key that cannot be made as described is not made",
        arguments: [
            ("", "the body is no JSON"),
            ("[]", "the body must be a JSON object"),
            (#"{"name":"a""#, "the body is no JSON"),
            ("{}", "name must be a text"),
            (#"{"name":7}"#, "name must be a text"),
            (#"{"name":""}"#, "a key needs a name"),
            (#"{"name":"a","name":"b"}"#, "the body says a member twice (at byte 13)"),
            (#"{"name":" \t "}"#, "a key needs a name"),
            (#"{"name":"a\u200bb"}"#, "a key's name has visible characters only"),
            (#"{"name":"a\u202eb"}"#, "a key's name has visible characters only"),
            (#"{"name":"a","tags":{"":"x"}}"#, "a tag's name has 1 to 64 bytes, its value at most 256"),
            (#"{"name":"a","tags":{"x":"\u0007"}}"#, "tags have visible characters only"),
            (#"{"name":"a","polcy":"free"}"#, "'polcy' is not known; a key has name, policy, tags, expires"),
            (#"{"name":"a","policy":"fre"}"#, "no policy is called 'fre'; there are default, free"),
            (#"{"name":"a","policy":1}"#, "policy must be the name of a policy"),
            (#"{"name":"a","tags":["x"]}"#, "tags must be an object of texts"),
            (#"{"name":"a","tags":{"x":1}}"#, "tags must be an object of texts"),
            (
                #"{"name":"a","expires":"tomorrow"}"#,
                "expires must be seconds since 1970, a time like 2027-01-31T00:00:00+08:00, a day like 2027-01-31 or a duration like 30d"
            ),
            (
                #"{"name":"a","expires":253402300800}"#,
                "expires must be seconds since 1970, a time like 2027-01-31T00:00:00+08:00, a day like 2027-01-31 or a duration like 30d"
            ),
            (#"{"name":"a","expires":1}"#, "expires must lie ahead"),
        ])
    func badRequests(body: String, message: String) async {
        let fixture = AdminFixture()
        let response = await fixture.admin("POST", "/admin/keys", body)
        #expect(response.status == 400)
        #expect(response.json?["error"]?["message"]?.string == message)
        #expect(fixture.keys.list().count == 2)
    }

    @Test(
        "An expiry is seconds, milliseconds, a time or the last day, of the years that have four digits",
        arguments: [
            ("1801324800", 1_801_324_800), ("1801324800000", 1_801_324_800), ("1801324800999", 1_801_324_800),
            ("253402300799", 253_402_300_799), ("253402300799999", 253_402_300_799),
            (#""2027-01-31T00:00:00+08:00""#, 1_801_324_800),
            (#""9999-12-31T23:59:59Z""#, 253_402_300_799), ("253402300800000", nil), ("9223372036854775807", nil),
            ("9223372036854775806", nil), ("9223372036854775808", nil), ("-1", nil), ("-9223372036854775808", nil),
            ("1e300", nil),
            ("1.5", nil), ("true", nil), ("[]", nil), ("\"1801324800\"", nil), (#""10000-01-01T00:00:00Z""#, nil),
            (#""2024-02-29T12:30:45.678-03:30""#, nil), (#""2028-02-29T12:30:45.678-03:30""#, 1_835_452_845),
            (#""2030-02-30T00:00:00Z""#, nil),
            (#""2030-01-01T24:00:00Z""#, nil), (#""2030-01-01T00:60:00Z""#, nil), (#""2030-01-01T00:00:00+99:00""#, nil),
            (#""2027-01-31""#, 1_801_411_199), (#""9999-12-31""#, 253_402_300_799), (#""2026-02-11""#, 1_770_825_599),
            (#""2026-02-10""#, nil), (#""2027-02-29""#, nil), (#""0000-01-01""#, nil), (#""2027-01-31T00:00:00""#, nil),
            (#""-027-01-31T00:00:00Z""#, nil), ("1", nil),
            (#""""#, nil),
        ] as [(String, Int?)])
    func expiries(written: String, seconds: Int?) async {
        let fixture = AdminFixture()
        let response = await fixture.admin("POST", "/admin/keys", #"{"name":"bob","expires":\#(written)}"#)
        #expect(response.status == (seconds == nil ? 400 : 200), "\(response.text)")
        #expect(fixture.keys.find(reference: "key_bob")?.expires == seconds)
        #expect(await fixture.admin("GET", "/admin/keys").status == 200)
    }

    @Test("A name is trimmed")
    func trimmed() async {
        let response = await AdminFixture().admin("POST", "/admin/keys", #"{"name":" \u00a0bob the builder \n"}"#)
        #expect(response.json?["name"] == "bob the builder")
    }

    @Test("A body beyond reason is refused for its size")
    func tooLarge() async {
        let body = #"{"name":"a","tags":{"x":"\#(String(repeating: "x", count: 2 << 20))"}}"#
        #expect(await AdminFixture().admin("POST", "/admin/keys", body).status == 413)
        let tags = (0..<33).map { "\"t\($0)\":\"x\"" }.joined(separator: ",")
        #expect(await AdminFixture().admin("POST", "/admin/keys", #"{"name":"a","tags":{\#(tags)}}"#).status == 400)
    }

    @Test("A name that two keys have is said to be ambiguous, with their ids")
    func ambiguous() async {
        var fixture = AdminFixture()
        let other = ClientKey(
            id: "declared:alice", name: "alice", digest: AdminFixture.digest(of: "sk-another"), masked: "...", created: 1,
            source: .declared)
        fixture.keys = FakeKeys([FakeKeys.alice, other])
        for (method, path) in [("POST", "/disable"), ("POST", "/enable"), ("DELETE", ""), ("GET", "/usage")] {
            let response = await fixture.admin(method, "/admin/keys/alice\(path)")
            #expect(response.status == 409)
            #expect(response.text.contains("key_alice, declared:alice"))
        }
        #expect(await fixture.admin("POST", "/admin/keys/declared:alice/disable").status == 200)
    }

    @Test("Instants beyond what can be written are written all the same", arguments: [Int.max, Int.min, 1 << 62, -1])
    func instants(_ seconds: Int) {
        for zone in ["Asia/Singapore", "America/New_York", "GMT"] {
            let text = ZonedTime(zone: Zone(zone) ?? .utc).iso(seconds: seconds)
            #expect(text.utf8.count == 25, "\(text)")
        }
    }

    @Test("A store that fails is told without its details")
    func storageFails() async {
        let response = await AdminFixture().admin("POST", "/admin/keys", #"{"name":"full"}"#)
        #expect(response.status == 503)
        #expect(!response.text.contains("/secret/path"))
    }

    @Test("A key is named by its id or in clear", arguments: ["key_alice", FakeKeys.aliceKey, "key%5Falice"])
    func references(_ reference: String) async {
        let fixture = AdminFixture()
        let disabled = await fixture.admin("POST", "/admin/keys/\(reference)/disable")
        #expect(disabled.text == #"{"status":"disabled","name":"alice"}"#)
        #expect(fixture.keys.find(reference: "key_alice")?.enabled == false)
        let enabled = await fixture.admin("POST", "/admin/keys/\(reference)/enable")
        #expect(enabled.text == #"{"status":"enabled","name":"alice"}"#)
        #expect(fixture.keys.find(reference: "key_alice")?.enabled == true)
        let deleted = await fixture.admin("DELETE", "/admin/keys/\(reference)")
        #expect(deleted.text == #"{"status":"deleted","name":"alice"}"#)
        #expect(await fixture.admin("DELETE", "/admin/keys/\(reference)").status == 404)
    }

    @Test(
        "A key that is not there",
        arguments: [
            ("GET", "/admin/keys/nobody/usage"), ("POST", "/admin/keys/nobody/disable"), ("POST", "/admin/keys/nobody/enable"),
            ("DELETE", "/admin/keys/nobody"), ("DELETE", "/admin/keys/a%2Fb"),
        ])
    func unknown(method: String, path: String) async {
        let response = await AdminFixture().admin(method, path)
        #expect(response.status == 404)
        #expect(response.text == #"{"error":{"type":"not_found","message":"there is no such key"}}"#)
    }

    @Test("A declared key is deleted in the file, not here")
    func declared() async {
        let response = await AdminFixture().admin("DELETE", "/admin/keys/declared:ci")
        #expect(response.status == 409)
        #expect(response.json?["error"]?["type"] == "conflict")
    }

    @Test("The usage of one key")
    func usage() async {
        let response = await AdminFixture().admin("GET", "/admin/keys/key_alice/usage")
        #expect(
            response.text == """
                {"name":"alice","enabled":true,"usage":{"total_input":127,"total_output":35,"total_requests":3,\
                "last_used":"2026-02-11T14:02:20+08:00",\
                "daily":{"2026-02-11":{"input":127,"output":35,"total":162,"requests":3,"cost_usd":1.50000015,\
                "by_model":{"claude-opus-4-6-thinking":{"total":150,"requests":2,"cost_usd":1.5},\
                "gemini-3-pro-high":{"total":12,"requests":1,"cost_usd":0.00000015}}}},\
                "hourly":{"2026-02-11 14:00":{"input":127,"output":35,"total":162,"requests":3,"cost_usd":1.50000015,\
                "by_model":{"claude-opus-4-6-thinking":{"total":150,"requests":2,"cost_usd":1.5},\
                "gemini-3-pro-high":{"total":12,"requests":1,"cost_usd":0.00000015}}}},\
                "total_by_model":{"claude-opus-4-6-thinking":{"input":120,"output":30,"total":150,"requests":2,"cost_usd":1.5},\
                "gemini-3-pro-high":{"input":7,"output":5,"total":12,"requests":1,"cost_usd":0.00000015}},\
                "total_cost_usd":1.50000015,"cost_usd":1.50000015,"unpriced_requests":1}}
                """)
    }
}
