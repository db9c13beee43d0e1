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
        #expect(report["decision"]?.text == #"{"action":"route","rule":"opus","index":1,"capture":null}"#)
        let rules = try #require(report["rules"]?.array)
        #expect(rules.map { $0["outcome"]?.string } == ["condition_false", "matched", "not_tried", "not_tried"])
        #expect(rules[0]["inputs"]?.object?.members.map(\.key) == ["key.tags"])
        #expect(report["key"]?.text == #"{"id":"key_alice","name":"alice"}"#)
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
        #expect(response.json?["decision"]?.text == decision)
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
