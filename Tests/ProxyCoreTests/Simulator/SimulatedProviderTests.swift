import Foundation
import Testing

@testable import Simulator

@Suite("Simulated provider")
struct SimulatedProviderTests {
    private let provider: Provider

    init() {
        var options = SimulatorOptions()
        options.name = "alpha"
        options.accounts = [.init(name: "a"), .init(name: "b")]
        options.models = ["m"]
        provider = Provider(options: options)
    }

    @Test(
        "whole answers have the format's shape, name model, account and provider, and count their words",
        arguments: [
            ("/v1/messages", "content.0.text", "stop_reason=end_turn", "usage.input_tokens", "usage.output_tokens"),
            (
                "/v1/chat/completions", "choices.0.message.content", "choices.0.finish_reason=stop", "usage.prompt_tokens",
                "usage.completion_tokens"
            ),
            (
                "/chat/completions", "choices.0.message.content", "object=chat.completion", "usage.prompt_tokens",
                "usage.completion_tokens"
            ),
            ("/v1/responses", "output.0.content.0.text", "status=completed", "usage.input_tokens", "usage.output_tokens"),
        ])
    func whole(_ path: String, _ textPath: String, _ fact: String, _ inputPath: String, _ outputPath: String) throws {
        let response = post(path, Self.prompt(path, "say four words twice please"))
        #expect(response.status == 200)
        let json = try JSONPaths(response)
        let text = try #require(json[textPath] as? String)
        #expect(text.contains("This is m, answered by account") && text.contains("of alpha"))
        #expect(text.contains("say four words twice please"))
        #expect(json["model"] as? String == "m")
        let parts = fact.split(separator: "=")
        #expect(json[String(parts[0])] as? String == String(parts[1]))
        #expect(json[inputPath] as? Int == 5)
        #expect(json[outputPath] as? Int == text.split(separator: " ").count)
    }

    @Test("a streamed answer says what the whole one says", arguments: ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
    func streamed(_ path: String) throws {
        let events = try Self.events(post(path, Self.prompt(path, "hello \"there\"", #""stream":true"#)))
        let text = events.compactMap { event -> String? in
            event["delta.text"] as? String ?? event["choices.0.delta.content"] as? String
                ?? (event["type"] as? String == "response.output_text.delta" ? event["delta"] as? String : nil)
        }.joined()
        #expect(text.contains(#"You asked: hello "there""#))
        #expect(text.hasSuffix("one by one."))
    }

    @Test("Anthropic's events come in Anthropic's order, with the usage at both ends")
    func messagesEvents() throws {
        let events = try Self.events(post("/v1/messages", Self.prompt("/v1/messages", "3 words please", #""stream":true"#)))
        #expect(
            events.map { $0["type"] as? String } == [
                "message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta",
                "content_block_delta", "content_block_stop", "message_delta", "message_stop",
            ])
        #expect(events[0]["message.usage.input_tokens"] as? Int == 3)
        #expect(events[7]["usage.output_tokens"] as? Int == 3)
        #expect(events[7]["delta.stop_reason"] as? String == "end_turn")
    }

    @Test("a chat stream has a usage chunk if it was asked for, and only then", arguments: [true, false])
    func includeUsage(_ isAsked: Bool) throws {
        let more = #""stream":true,"stream_options":{"include_usage":\#(isAsked)}"#
        let response = post("/v1/chat/completions", Self.prompt("/v1/chat/completions", "2 words please", more))
        let frames = Self.frames(response)
        #expect(frames.last == "data: [DONE]\n\n")
        let events = try Self.events(response)
        #expect(events.count == (isAsked ? 5 : 4))
        #expect(events[0]["choices.0.delta.role"] as? String == "assistant")
        #expect(events[3]["choices.0.finish_reason"] as? String == "stop")
        #expect(frames.first?.contains(#""usage":null"#) == isAsked)
        if isAsked {
            #expect((events[4]["choices"] as? [Any])?.isEmpty == true)
            #expect(events[4]["usage.total_tokens"] as? Int == 5)
        }
    }

    @Test("Responses events are numbered without gaps and end with the whole response")
    func responsesEvents() throws {
        let events = try Self.events(post("/v1/responses", Self.prompt("/v1/responses", "hi", #""stream":true"#)))
        #expect(events.map { $0["sequence_number"] as? Int } == Array(0..<events.count))
        #expect(events.last?["type"] as? String == "response.completed")
        #expect(events.last?["response.usage.input_tokens"] as? Int == 1)
    }

    @Test(
        "a limit of tokens cuts the text off and says so",
        arguments: [
            ("/v1/messages", #""max_tokens":4"#, "stop_reason", "max_tokens", "usage.output_tokens"),
            (
                "/v1/chat/completions", #""max_completion_tokens":4"#, "choices.0.finish_reason", "length",
                "usage.completion_tokens"
            ),
            ("/v1/responses", #""max_output_tokens":4"#, "status", "incomplete", "usage.output_tokens"),
        ])
    func limit(_ path: String, _ more: String, _ reasonPath: String, _ reason: String, _ outputPath: String) throws {
        let json = try JSONPaths(post(path, Self.prompt(path, "hi", more)))
        #expect(json[reasonPath] as? String == reason)
        #expect(json[outputPath] as? Int == 4)
    }

    @Test("tokens are counted over system prompt and messages, whichever way their text is written")
    func countTokens() throws {
        let body = """
            {"model":"m","system":[{"type":"text","text":"one two"}],"messages":[{"role":"user","content":"three"},\
            {"role":"assistant","content":[{"type":"text","text":"four five"},{"type":"image"}]},{"role":"user","content":"six"}]}
            """
        #expect(try JSONPaths(post("/v1/messages/count_tokens", body))["input_tokens"] as? Int == 6)
        #expect(provider.requestCount == 0)
    }

    @Test(
        "a body that makes no sense is refused in the format's shape",
        arguments: [
            "", "[]", "nonsense", "{}", #"{"model":"m"}"#, #"{"model":1,"messages":[]}"#, #"{"model":"m","messages":"hi"}"#,
        ])
    func badBodies(_ body: String) throws {
        let anthropic = post("/v1/messages", body)
        #expect(anthropic.status == 400)
        #expect(try JSONPaths(anthropic)["error.type"] as? String == "invalid_request_error")
        #expect(try JSONPaths(post("/v1/chat/completions", body))["error.code"] is NSNull)
    }

    @Test("unknown paths are 404", arguments: [("GET", "/v1/messages"), ("POST", "/v1/nothing"), ("GET", "/")])
    func unknownPaths(_ method: String, _ path: String) {
        #expect(provider.answer(.init(method: method, path: path), now: 0).status == 404)
    }

    // MARK: Failures

    @Test(
        "each failure looks as its vendor's does",
        arguments: [
            ("429", 429, "rate_limit_error", "Simulated failure 429 of m"),
            ("503", 503, "api_error", "Simulated"), ("529", 529, "overloaded_error", "Simulated"),
            ("unauthorized", 401, "authentication_error", "invalid x-api-key"),
            ("exhausted", 400, "invalid_request_error", "You have exhausted your capacity on m. Quota will reset after 1m5s."),
            ("error-event", 529, "overloaded_error", "Overloaded"),
            ("disabled", 403, "permission_error", "This organization has been disabled."),
            ("forbidden-model", 403, "permission_error", "does not have access to model `m`"),
            ("money", 400, "invalid_request_error", "Your credit balance is too low"),
            ("burst", 429, "rate_limit_error", "exceeded your rate limit"),
        ])
    func failures(_ word: String, _ status: Int, _ type: String, _ message: String) throws {
        #expect(post("/simulate", #"{"fail":"\#(word)","times":1,"retry_after":65}"#).status == 200)
        let failed = post("/v1/messages", Self.prompt("/v1/messages", "hi"))
        #expect(failed.status == status)
        #expect(try JSONPaths(failed)["error.type"] as? String == type)
        #expect((try JSONPaths(failed)["error.message"] as? String)?.contains(message) == true)
        if failed.status == 429 { #expect(failed.headers.contains { $0 == ("retry-after", "65") }) }
        #expect(post("/v1/messages", Self.prompt("/v1/messages", "hi")).status == 200)
    }

    @Test("OpenAI's exhausted quota is a 429 of its own code")
    func insufficientQuota() throws {
        provider.inject(SimulatedFailure(.exhausted, retryAfter: 30))
        let response = post("/v1/chat/completions", Self.prompt("/v1/chat/completions", "hi"))
        #expect(response.status == 429)
        #expect(try JSONPaths(response)["error.code"] as? String == "insufficient_quota")
        #expect(response.headers.contains { $0 == ("retry-after", "30") })
    }

    @Test("a failure happens as often as it was asked for, to the models it was asked for, in order")
    func timesAndModels() {
        #expect(post("/simulate", #"{"fail":500,"model":"m*","times":2}"#).status == 200)
        #expect(post("/simulate", #"{"fail":"503","model":"m2"}"#).status == 200)
        func status(_ model: String) -> Int {
            post("/v1/messages", #"{"model":"\#(model)","messages":[{"role":"user","content":"hi"}]}"#).status
        }
        #expect(["other", "m1", "m2", "m1", "m2", "m2"].map(status) == [200, 500, 500, 200, 503, 503])
        #expect(provider.answer(.init(method: "DELETE", path: "/simulate"), now: 0).status == 200)
        #expect(status("m2") == 200)
    }

    @Test("a failure can be one account's, and the other is not touched")
    func accountFailure() {
        provider.inject(SimulatedFailure(.status(429), account: "a"))
        provider.setRemaining(0, account: "b", model: "m")
        #expect(post("/v1/messages", Self.prompt("/v1/messages", "hi")).status == 429)
        provider.clear()
        provider.inject(SimulatedFailure(.status(429), account: "a"))
        provider.setRemaining(0, account: "a", model: "m")
        #expect(post("/v1/messages", Self.prompt("/v1/messages", "hi")).status == 200)
    }

    @Test(
        "a model's name can ask for the failure",
        arguments: [
            ("fail-429-claude-opus", "429", "claude-opus"), ("fail-error-event-m", "error-event", "m"),
            ("fail-cut-gpt-5", "cut", "gpt-5"), ("fail-exhausted-m", "exhausted", "m"), ("fail-300-m", nil, nil),
            ("fail-nothing-m", nil, nil), ("failure", nil, nil), ("fail-429", nil, nil),
        ])
    func modelNames(_ name: String, _ word: String?, _ model: String?) {
        let found = SimulatedFailure.inModelName(name)
        #expect(found?.failure.kind.label == word)
        #expect(found?.model == model)
    }

    @Test("a stream can begin with 200 and fail in its first event, or after some words")
    func errorEvents() throws {
        let prompt = Self.prompt("/v1/messages", "hi", #""stream":true"#)
        provider.inject(SimulatedFailure(.errorEvent, times: 1))
        let atOnce = post("/v1/messages", prompt)
        #expect(atOnce.status == 200)
        #expect(try Self.events(atOnce).map { $0["error.type"] as? String } == ["overloaded_error"])
        provider.inject(SimulatedFailure(.errorEvent, times: 1, afterWords: 2))
        let later = try Self.events(post("/v1/messages", prompt)).map { $0["type"] as? String }
        #expect(
            later == ["message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta", "error"])
    }

    @Test("a cut answer lacks its end, streamed and whole")
    func cut() throws {
        provider.inject(SimulatedFailure(.cut, times: 2, afterWords: 3))
        let streamed = post("/v1/messages", Self.prompt("/v1/messages", "hi", #""stream":true"#))
        #expect(streamed.isCut)
        #expect(try Self.events(streamed).filter { $0["type"] as? String == "content_block_delta" }.count == 3)
        let whole = post("/v1/messages", Self.prompt("/v1/messages", "hi"))
        #expect(whole.isCut)
        guard case .whole(let text, let length) = whole.body else {
            Issue.record("not whole")
            return
        }
        #expect(text.utf8.count < length)
    }

    @Test("a slow answer is right, and late")
    func slow() throws {
        #expect(post("/simulate", #"{"fail":"slow","delay":0.25}"#).status == 200)
        let response = post("/v1/messages", Self.prompt("/v1/messages", "hi"))
        #expect(response.delay == 0.25)
        #expect(try JSONPaths(response)["stop_reason"] as? String == "end_turn")
    }

    @Test(
        "a drill that makes no sense is refused",
        arguments: [
            ("/simulate", "{}"), ("/simulate", #"{"fail":"explode"}"#), ("/simulate", #"{"fail":"200"}"#),
            ("/simulate", #"{"fail":"429","time":3}"#), ("/simulate", #"{"fail":"429","times":0}"#),
            ("/simulate", #"{"fail":"slow","delay":-1}"#), ("/simulate", "nonsense"), ("/simulate/quota", "{}"),
            ("/simulate/quota", #"{"account":"zzz","remainingFraction":0.5}"#), ("/simulate/quota", #"{"remainingFraction":2}"#),
            ("/simulate/quota", #"{"status":"odd"}"#),
        ])
    func badDrills(_ path: String, _ body: String) {
        #expect(post(path, body).status == 400)
    }

    // MARK: Accounts and health

    @Test("health shows each account's models as Antigravity does")
    func health() throws {
        #expect(post("/simulate/quota", #"{"account":"a","model":"m","remainingFraction":0}"#).status == 200)
        #expect(post("/simulate/quota", #"{"account":"b","model":"m","remainingFraction":0.02}"#).status == 200)
        var json = try JSONPaths(provider.answer(.init(method: "GET", path: "/health"), now: 1_795_190_400))
        #expect(json["status"] as? String == "ok")
        #expect(json["timestamp"] as? String == "2026-11-20T16:00:00Z")
        #expect(json["summary"] as? String == "2 total, 1 available, 1 rate-limited, 0 invalid")
        #expect(json["accounts.0.status"] as? String == "rate-limited")
        #expect(json["accounts.0.modelRateLimits.m.isRateLimited"] as? Bool == true)
        #expect(json["accounts.0.models.m.remainingFraction"] as? Double == 0)
        #expect(json["accounts.1.models.m.remaining"] as? String == "2%")
        #expect(json["accounts.1.models.m.resetTime"] as? String == "2026-11-20T17:00:00Z")
        #expect(post("/simulate/quota", #"{"account":"a","status":"invalid"}"#).status == 200)
        #expect(post("/simulate/quota", #"{"account":"b","remainingFraction":null}"#).status == 200)
        json = try JSONPaths(provider.answer(.init(method: "GET", path: "/health"), now: 0))
        #expect(json["accounts.0.status"] as? String == "invalid")
        #expect((json["accounts.0.models"] as? [String: Any])?.isEmpty == true)
        #expect(json["accounts.1.models.m.remainingFraction"] is NSNull)
        #expect(json["accounts.1.models.m.remaining"] as? String == "N/A")
    }

    @Test("used up is exhausted, and says when to come back")
    func usedUp() throws {
        var options = SimulatorOptions()
        options.accounts = [.init(name: "only")]
        options.drainPerRequest = 0.5
        options.refillPerMinute = 0.5
        let provider = Provider(options: options)
        func answer(_ now: Double) -> SimulatedResponse {
            let body = Array(Self.prompt("/v1/messages", "hi").utf8)
            return provider.answer(.init(method: "POST", path: "/v1/messages", body: body), now: now)
        }
        #expect([answer(0), answer(0), answer(0)].map(\.status) == [200, 200, 400])
        #expect((try JSONPaths(answer(30))["error.message"] as? String)?.hasSuffix("Quota will reset after 30s.") == true)
        #expect(answer(60).status == 200)
    }

    @Test(
        "keys let in those who show one, and an account's key is answered by that account",
        arguments: [(nil, 401), ("wrong", 401), ("all", 200), ("key-b", 200)])
    func keys(_ key: String?, _ status: Int) throws {
        var options = SimulatorOptions()
        options.accounts = [.init(name: "a", key: "key-a"), .init(name: "b", key: "key-b")]
        options.requiredKey = "all"
        let provider = Provider(options: options)
        let body = Array(Self.prompt("/v1/messages", "hi").utf8)
        for _ in 0..<3 {
            let response = provider.answer(.init(method: "POST", path: "/v1/messages", key: key, body: body), now: 0)
            #expect(response.status == status)
            if key == "key-b" { #expect((try JSONPaths(response)["content.0.text"] as? String)?.contains("account b") == true) }
        }
        #expect(provider.answer(.init(method: "GET", path: "/v1/models", key: key), now: 0).status == status)
        #expect(provider.answer(.init(method: "GET", path: "/health"), now: 0).status == 200)
        #expect(status == 401 || provider.requestCount == 3)
    }

    @Test("the models are listed in a shape that both vendors' clients read")
    func models() throws {
        let json = try JSONPaths(provider.answer(.init(method: "GET", path: "/v1/models"), now: 0))
        #expect(json["object"] as? String == "list")
        #expect(json["data.0.id"] as? String == "m")
        #expect(json["data.0.type"] as? String == "model")
        #expect(json["first_id"] as? String == "m")
    }

    // MARK: Helpers

    private func post(_ path: String, _ body: String) -> SimulatedResponse {
        provider.answer(.init(method: "POST", path: path, body: Array(body.utf8)), now: 0)
    }

    private static func prompt(_ path: String, _ text: String, _ more: String? = nil) -> String {
        let encoded = quoted(text)
        let input = path == "/v1/responses" ? #""input":\#(encoded)"# : #""messages":[{"role":"user","content":\#(encoded)}]"#
        return #"{"model":"m",\#(input)\#(more.map { "," + $0 } ?? "")}"#
    }

    private static func frames(_ response: SimulatedResponse) -> [String] {
        guard case .frames(let frames) = response.body else { return [] }
        return frames.map(\.text)
    }

    private static func events(_ response: SimulatedResponse) throws -> [JSONPaths] {
        try frames(response).joined().split(separator: "\n").filter { $0.hasPrefix("data: {") }.map {
            try JSONPaths(String($0.dropFirst(6)))
        }
    }
}

/// A JSON document, read by paths like `choices.0.delta`.
struct JSONPaths {
    private let value: Any

    init(_ text: String) throws {
        value = try JSONSerialization.jsonObject(with: Data(text.utf8))
    }

    init(_ response: SimulatedResponse) throws {
        guard case .whole(let text, _) = response.body else { throw CocoaError(.fileReadCorruptFile) }
        try self.init(text)
    }

    subscript(_ path: String) -> Any? {
        var value: Any? = value
        for name in path.split(separator: ".").map(String.init) {
            if let index = Int(name), let list = value as? [Any] {
                value = list.indices.contains(index) ? list[index] : nil
            } else {
                value = (value as? [String: Any])?[name]
            }
        }
        return value
    }
}
