import Dialects
import Foundation
import ProxyCore
import RuleEngine
import Testing

@testable import Admin

@Suite struct ExplainCallTests {
    @Test("A routed request: every rule tried, every tier as it stands")
    func route() async throws {
        let body = #"{"model":"claude-opus-4-6-thinking","key":"key_alice"}"#
        let response = await AdminFixture().admin("POST", "/admin/explain", body)
        #expect(response.status == 200)
        let report = try #require(response.json)
        #expect(report["decision"] == "route")
        #expect(report["status"] == 200)
        #expect(report["rule"] == "opus")
        #expect(report["message"] == .null)
        #expect(report["decided"]?.text == #"{"action":"route","rule":"opus","index":1,"capture":null}"#)
        let rules = try #require(report["rules"]?.array)
        #expect(rules.map { $0["outcome"]?.string } == ["condition_false", "matched", "not_tried", "not_tried"])
        #expect(rules[0]["inputs"]?.object?.members.map(\.key) == ["key.tags"])
        let when =
            #"{"text":"\"team\" in key.tags","value":false,"parts":["#
            + #"{"text":"\"team\" in key.tags","value":false},{"text":"key.tags","value":"a map of 0"}]}"#
        #expect(rules[0]["when"]?.text == when)
        #expect(rules.map { $0["matches"] } == [false, true, .null, .null])
        #expect(report["admission"]?.text == #"{"allowed":true,"reason":null}"#)
        #expect(report["key"]?["id"] == "key_alice" && report["key"]?["name"] == "alice")
        #expect(report["policy"]?.text == #"{"name":"default","allows_model":true}"#)
        #expect(rules[1]["glob"] == "claude-opus-4-6-thinking")
        #expect(report["tiers"]?.array?.map { $0["model"]?.string } == ["claude-opus-4-6-thinking", "gemini-3-pro-high"])
        #expect(
            report["attempts"]?.array?.map { $0["model"]?.string } == ["claude-opus-4-6-thinking", "gemini-3-pro-high"])
    }

    @Test(
        "The decisions",
        arguments: [
            (
                #"{"model":"claude-opus-4-5","key":{"tags":{"team":"red"}}}"#,
                #"{"action":"reject","rule":"no opus for teams","index":0,"status":403,"message":"teams have no opus"}"#
            ),
            (
                #"{"model":"claude-opus-4-5","key":"declared:ci"}"#,
                #"{"action":"refuse","rule":null,"status":403,"message":"the API key may not use the model 'claude-opus-4-5'"}"#
            ),
            (
                #"{"model":"gpt-4o","key":"nobody"}"#,
                #"{"action":"refuse","rule":null,"status":401,"message":"the API key is not known"}"#
            ),
            (
                #"{"model":"gpt-4o","key":{"policy":"gone"}}"#,
                #"{"action":"refuse","rule":null,"status":403,"message":"the API key's policy is not configured"}"#
            ),
            (#"{"model":"claude-opus-4-5"}"#, #"{"action":"route","rule":"opus","index":1,"capture":"4-5"}"#),
            (#"{"request":{"model":"gpt-4o"}}"#, #"{"action":"route","rule":"gpt","index":2,"capture":"4o"}"#),
            (#"{"body":{"model":"gpt-4o","messages":[]}}"#, #"{"action":"route","rule":"gpt","index":2,"capture":"4o"}"#),
            (#"{"model":"gpt-4o","body":{"model":"claude-2"}}"#, #"{"action":"route","rule":"gpt","index":2,"capture":"4o"}"#),
            (
                #"{"body":"{\"model\":\"gpt-4o\",\"stream\":true}"}"#,
                #"{"action":"route","rule":"gpt","index":2,"capture":"4o"}"#
            ),
            (
                #"{"path":"/v1beta/models/gpt-5:generateContent"}"#,
                #"{"action":"route","rule":"gpt","index":2,"capture":"5"}"#
            ),
            (#"{"model":"unheard-of"}"#, #"{"action":"no_match","rule":null,"status":404}"#),
        ])
    func decisions(body: String, decision: String) async {
        let response = await AdminFixture().admin("POST", "/admin/explain", body)
        let told = response.json
        #expect(told?["decided"]?.text == decision)
        let action = told?["decided"]?["action"]?.string
        #expect(told?["decision"]?.string == (action == "refuse" ? "refused" : action))
        #expect(told?["status"] == (told?["decided"]?["status"] ?? 200))
    }

    @Test(
        "Quota that is pretended is what the tiers go by, and is not kept",
        arguments: [
            #"{"antigravity/claude-opus-4-6-thinking":"0.1%"}"#, #"{"antigravity/claude-opus-4-6-thinking":0.001}"#,
            #"["antigravity/claude-opus-4-6-thinking=0.1%"]"#,
        ])
    func pretended(quota: String) async throws {
        let fixture = AdminFixture()
        let body = #"{"model":"claude-opus-4-6-thinking","key":"key_alice","quota":"# + quota + "}"
        let report = try #require(await fixture.admin("POST", "/admin/explain", body).json)
        let accounts = report["tiers"]?.array?.first?["accounts"]?.array
        #expect(accounts?.allSatisfy { $0["share"]?.double == 0.001 } == true)
        #expect(report["quota"]?.text == #"{"antigravity/claude-opus-4-6-thinking":0.001}"#)
        #expect(fixture.accounts.states.current.pretended.isEmpty)
    }

    @Test("The time that rules see is the one that is said")
    func time() async {
        let body = #"{"model":"gpt-4o","at":"2027-01-31T00:00:00+08:00"}"#
        #expect(await AdminFixture().admin("POST", "/admin/explain", body).json?["at"] == "2027-01-31T00:00:00+08:00")
    }

    @Test(
        "A time may be seconds as a text, and a client its address alone, written as the data plane has it",
        arguments: [
            (#""10.0.0.1""#, "10.0.0.1"), (#"{"ip":"2001:DB8:0::1"}"#, "2001:db8::1"), (#"{"ip":"::ffff:10.0.0.1"}"#, "10.0.0.1"),
            (#""unix""#, "unix"), ("null", "127.0.0.1"),
        ])
    func clients(client: String, told: String) async {
        let body = #"{"model":"gpt-4o","at":"1800000000","client":"# + client + "}"
        let report = await AdminFixture().admin("POST", "/admin/explain", body).json
        #expect(report?["request"]?["client_ip"]?.string == told)
        #expect(report?["at"] == "2027-01-15T16:00:00+08:00")
    }

    // MARK: x-proxyd-explain

    private func question(_ headers: [(name: String, value: String)], key: ClientKey?, showsKey: Bool = true) -> LocalQuestion {
        var facts = Facts()
        facts.request.model = "gpt-4o"
        facts.request.path = "/v1/chat/completions"
        let request = LocalRequest(method: "POST", path: "/v1/chat/completions", headers: headers, key: key)
        var question = LocalQuestion(request: request, dialect: .openai, facts: facts)
        question.showsKey = showsKey
        return question
    }

    @Test("A request that comes with an admin key is explained, whoever's it is")
    func live() async throws {
        let fixture = AdminFixture()
        let shown = [(name: "authorization", value: "Bearer \(AdminFixture.adminKey)")]
        let alice = try #require(fixture.keys.find(reference: "key_alice"))
        let answer = await fixture.service().explain(question(shown, key: alice))
        #expect(answer.status == 200)
        #expect(answer.json?["rule"] == "gpt" && answer.json?["key"]?["name"] == "alice")
        let unknown = await fixture.service().explain(question(shown, key: nil))
        #expect(unknown.json?["status"] == 401 && unknown.json?["message"] == "the API key is not known")
        let none = await fixture.service().explain(question(shown, key: nil, showsKey: false))
        #expect(none.json?["status"] == 401 && none.json?["admission"]?["allowed"] == false)
    }

    @Test(
        "Without one it is a 403 in the client's dialect that tells nothing",
        arguments: [
            [], [("x-api-key", AdminFixture.adminKey)], [("authorization", "Bearer wrong")],
            [("authorization", "Bearer key_alice")],
        ] as [[(String, String)]])
    func stranger(headers: [(String, String)]) async {
        let shown = headers.map { (name: $0.0, value: $0.1) }
        let answer = await AdminFixture().service().explain(question(shown, key: nil))
        #expect(answer.status == 403)
        #expect(answer.json?["error"]?["message"]?.string?.hasPrefix("x-proxyd-explain is for admins") == true)
    }

    // MARK: --offline

    @Test("A file alone decides by the same code; what it does not know is told")
    func offline() throws {
        var call = AdminClient.DescribedCall()
        call.model = "gpt-4o"
        call.key = "declared:ci"
        let snapshot = AdminFixture().store().current
        let text = try OfflineExplanation.text(call, of: snapshot, .json)
        let answer = try JSONValue(parsing: Array(text.utf8))
        #expect(answer["rule"] == "gpt" && answer["decision"] == "route")
        #expect(answer["notes"]?.array?.count == 1)
        call.key = "key_alice"
        #expect(try OfflineExplanation.text(call, of: snapshot, .table).contains("the file does not declare that key"))
        call.quotas = ["nowhere/m=3%"]
        #expect(throws: RemoteFailure.usage("quota: no upstream is called 'nowhere'")) {
            _ = try OfflineExplanation.text(call, of: snapshot, .table)
        }
    }

    @Test("Every limit that applies is told, and one that is used up is what the client hears")
    func limits() async throws {
        var fixture = AdminFixture()
        var policy = KeyPolicy(name: "default")
        policy.numbers = LimitNumbers(rates: [LimitRate(.requests, per: .day, most: 2), LimitRate(.cost, per: .month, most: 9)])
        fixture.configuration.policies["default"] = policy
        let body = #"{"model":"gpt-4o","path":"/v1/chat/completions","key":"key_alice"}"#
        let first = try #require(await fixture.admin("POST", "/admin/explain", body).json)
        #expect(first["decision"] == "route")
        let rates = first["limits"]?.array ?? []
        #expect(rates.map { $0["limit"]?.string } == ["default.requests_per_day", "default.budget_per_month"])
        let shape =
            #"{"limit":"default.requests_per_day","bucket":"key_alice","kind":"requests","window":"day","used":0,"#
            + #""reserved":0,"needed":1,"max":2,"fits":true,"blocked":false,"error":null}"#
        #expect(rates.first?.text == shape)
        let limit = UsageLimit(.policy, name: "default", rates: policy.numbers.rates, noun: "key")
        let uses = [LimitUse(limit, bucket: "key_alice")]
        for _ in 0..<2 {
            let held = try fixture.limits.table.reserve(uses, { _ in LimitAmounts(requests: 1) }, now: FakeLimits.now)
            fixture.limits.table.settle(held, used: LimitAmounts(requests: 1), now: FakeLimits.now)
        }
        let second = try #require(await fixture.admin("POST", "/admin/explain", body).json)
        #expect(second["decision"] == "refused" && second["status"] == 429 && second["rule"] == "gpt")
        #expect(second["limits"]?.array?.map { $0["fits"]?.bool } == [false, true])
        #expect(second["admission"]?["allowed"] == true)
        #expect(
            second["message"]?.string?.hasPrefix("the limit 'default.requests_per_day' (requests_per_day 2, key alice)") == true)
        #expect(second["attempts"]?.array?.isEmpty == true)
    }

    @Test(
        "The dialect follows from the path",
        arguments: [
            ("/v1/messages", "anthropic"), ("/v1/chat/completions", "openai"), ("/v1/responses", "responses"),
            ("/v1beta/models/m:generateContent", "gemini"),
        ])
    func dialects(path: String, dialect: String) throws {
        let body = #"{"model":"m","path":"\#(path)"}"#
        #expect(try DescribedRequest(Array(body.utf8), now: Date()).facts.request.dialect == dialect)
    }

    @Test(
        "What is no description",
        arguments: [
            ("{}", #"say which model is asked for: {"model": …}"#),
            (#"{"request":7}"#, "request must be an object"),
            (#"{"model":"m","stream":"yes"}"#, "stream must be true or false"),
            (#"{"model":"m","max_tokens":1.5}"#, "max_tokens must be a whole number, 0 or more"),
            (#"{"model":"m","input_tokens":-1}"#, "input_tokens must be a whole number, 0 or more"),
            (#"{"model":"m","path":"v1/messages"}"#, "path must begin with /, as /v1/messages"),
            (#"{"model":"m","client":{"ip":"zz"}}"#, "client: 'zz' is no address, as 10.0.0.1 or 2001:db8::1"),
            (#"{"model":"m","client":"10.0.0.0/8"}"#, "client: '10.0.0.0/8' is no address, as 10.0.0.1 or 2001:db8::1"),
            (#"{"model":"m","client":7}"#, "client must be an object with an ip"),
            (#"{"model":"m","headers":{"a":1}}"#, "headers must be an object of texts"),
            (#"{"model":"m","dialect":"latin"}"#, "'latin' is no dialect; there are anthropic, openai, responses, gemini"),
            (#"{"model":"m","key":7}"#, "key must be an id, a key or an object"),
            (#"{"model":"m","at":"noon"}"#, "at must be seconds since 1970 or a time like 2027-01-31T00:00:00+08:00"),
            (
                #"{"model":"m","quota":{"antigravty/m":"3%"}}"#,
                "quota: no upstream is called 'antigravty' (did you mean 'antigravity'?)"
            ),
            (
                #"{"model":"m","quota":{"antigravity/m":"much"}}"#,
                "quota of antigravity/m must be a share from 0% to 100%, as 3% or 0.03, or unknown"
            ),
            (#"{"model":"m","quota":["m=3%"]}"#, #"quota is written {"upstream/model": "3%"}, or ["upstream/model=3%"]"#),
            (#"{"model":"m","now":"noon"}"#, "now must be seconds since 1970 or a time like 2027-01-31T00:00:00+08:00"),
        ])
    func badDescriptions(body: String, message: String) async {
        let response = await AdminFixture().admin("POST", "/admin/explain", body)
        #expect(response.status == 400)
        #expect(response.json?["error"]?["message"]?.string == message)
    }

    @Test(
        "Where neither a path nor a dialect is told, the body tells",
        arguments: [
            (#""body":{"messages":[{"role":"system","content":"a"}],"max_tokens":1}"#, "openai /v1/chat/completions"),
            (#""body":"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}""#, "openai /v1/chat/completions"),
            (#""body":{"messages":[],"max_tokens":1,"tools":[{"function":{}}]}"#, "openai /v1/chat/completions"),
            (
                #""body":{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image_url"}]}]}"#,
                "openai /v1/chat/completions"
            ),
            (#""body":{"messages":[{"role":"user","content":"a"}],"max_tokens":1}"#, "anthropic /v1/messages"),
            (#""body":{"messages":[],"system":"a","stop":null}"#, "anthropic /v1/messages"),
            (#""body":{"input":"a"}"#, "responses /v1/responses"),
            (#""body":{"input":"a","encoding_format":"float"}"#, "openai /v1/embeddings"),
            (#""body":{"prompt":"a"}"#, "openai /v1/completions"),
            (#""body":{"contents":[]}"#, "gemini /v1beta/models"),
            (#""body":{"input":"a"},"dialect":"openai""#, "openai /v1/chat/completions"),
            (#""body":{"prompt":"a"},"dialect":"openai""#, "openai /v1/completions"),
            (#""body":{"input":"a"},"path":"/v1/messages""#, "anthropic /v1/messages"),
            (#""stream":true"#, "anthropic /v1/messages"),
        ])
    func formOfBody(members: String, form: String) async throws {
        let request = try DescribedRequest(Array(#"{"model":"m",\#(members)}"#.utf8), now: Date())
        #expect("\(request.dialect.rawValue) \(request.facts.request.path)" == form)
    }
}
