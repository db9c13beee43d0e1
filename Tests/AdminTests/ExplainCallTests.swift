import Dialects
import Foundation
import ProxyCore
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
            + #""reserved":0,"needed":1,"max":2,"fits":true,"blocked":false}"#
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
            (#"{"model":"m","max_tokens":1.5}"#, "max_tokens must be a whole number"),
            (#"{"model":"m","headers":{"a":1}}"#, "headers must be an object of texts"),
            (#"{"model":"m","dialect":"latin"}"#, "'latin' is no dialect; there are anthropic, openai, responses, gemini"),
            (#"{"model":"m","key":7}"#, "key must be an id, a key or an object"),
            (#"{"model":"m","now":"noon"}"#, "now must be seconds since 1970 or a time like 2027-01-31T00:00:00+08:00"),
        ])
    func badDescriptions(body: String, message: String) async {
        let response = await AdminFixture().admin("POST", "/admin/explain", body)
        #expect(response.status == 400)
        #expect(response.json?["error"]?["message"]?.string == message)
    }
}
