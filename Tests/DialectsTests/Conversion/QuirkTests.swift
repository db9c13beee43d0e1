import Testing

@testable import Dialects

@Suite("Quirks of servers")
struct QuirkTests {
    private func convert(
        _ body: String, _ client: ClientDialect = .anthropic, _ upstream: UpstreamDialect = .openai, model: String,
        isFirstParty: Bool = false, recall known: [String: ToolThoughts] = [:],
        _ change: (inout Capabilities) -> Void = { _ in }
    ) throws -> ConvertedRequest {
        var able = Capabilities.known(dialect: upstream, model: model, isFirstParty: isFirstParty)
        change(&able)
        return try withBytes(body) { bytes in
            try RequestConverter.convert(
                body: bytes, from: client, to: upstream, model: model,
                options: ConversionOptions(capabilities: able, recall: { known[$0] }))
        }
    }

    private func sent(_ request: ConvertedRequest) throws -> JSONValue { try JSONValue(parsing: request.body) }

    private static func asked(_ members: String = "", _ history: String = "") -> String {
        #"{"model":"x","max_tokens":99\#(members),"messages":[{"role":"user","content":"a"}\#(history)]}"#
    }
    private static let tools = #","tools":[{"name":"f","input_schema":{"type":"object"}}]"#
    private static func called(_ id: String) -> String {
        #",{"role":"assistant","content":[{"type":"tool_use","id":"\#(id)","name":"f","input":{}}]},"#
            + #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"\#(id)","content":"r"}]}"#
    }

    @Test(
        "every quirk is set by its name, and refuses what is none of its values",
        arguments: [
            ("oai.drop", "user,tools.function.strict", "a..b"), ("oai.rename", "seed=random_seed", "seed"),
            ("oai.add", "reasoning_split=true", "x"), ("oai.fixed", "temperature=1,top_p=", "temperature"),
            ("oai.echo_always", "true", "yes"), ("oai.effort_field", "reasoning.effort", "a..b"),
            ("oai.effort_words", "xhigh=max", "huge=max"), ("oai.effort_with_tools", "responses", "some"),
            ("oai.thinking_off", "thinking.type=disabled", "thinking"), ("oai.thinking_on", "enable_thinking=true", "on"),
            ("oai.call_ids", "alnum:9", "alnum:999"), ("oai.tool_choice_any", "any", "all"), ("oai.verbosity", "true", "x"),
            ("oai.cache_key", "true", "x"), ("oai.service_tier", "false", "x"), ("oai.user", "false", "x"),
            ("oai.parallel_calls", "false", "x"), ("oai.strict_tools", "false", "x"), ("oai.json_schema", "object", "x"),
            ("oai.images", "false", "x"), ("oai.files", "false", "x"), ("oai.audio", "false", "x"),
            ("oai.think_tags", "true", "x"), ("oai.call_signatures", "true", "x"),
            ("oai.cache_marks", "true", "x"), ("oai.has_responses", "true", "x"), ("oai.max_stops", "0", "-1"),
            ("claude.drop", "metadata", "."), ("claude.fixed", "top_p=", "x"), ("claude.thinking_off", "never", "x"),
            ("claude.unsigned_thinking", "true", "x"), ("claude.effort", "true", "x"),
        ])
    func names(_ name: String, _ value: String, _ wrong: String) {
        var able = Capabilities()
        let isSet = able.set(name, to: value)
        #expect(isSet && able != Capabilities())
        let isWrongSet = able.set(name, to: wrong)
        #expect(!isWrongSet)
    }

    @Test("every name that is suggested can be set, and what is known of families is among them")
    func suggestedNames() {
        let values = [
            "true", "3", "none", "low", "level", "max_tokens", "2023-06-01", "a=1", "xhigh=max", "never", "alnum:9", "any",
            "object",
        ]
        for name in Capabilities.names {
            let isTaken = values.contains { value in
                var able = Capabilities()
                return able.set(name, to: value)
            }
            #expect(isTaken, "\(name)")
        }
        #expect(Set(Capabilities.names).count == Capabilities.names.count)
        for row in KnownQuirks.chat + KnownQuirks.messages {
            for (name, _) in row.values { #expect(Capabilities.names.contains(name), "\(name)") }
        }
    }

    @Test("what is known of families holds at servers that are not the format's vendor")
    func families() {
        for row in KnownQuirks.chat + KnownQuirks.messages {
            var able = Capabilities()
            for (name, value) in row.values {
                let isSet = able.set(name, to: value)
                #expect(isSet, "\(row.names): \(name)")
            }
        }
        let able = Capabilities.known(dialect: .openai, model: "mistralai/Mistral-Large-Latest", isFirstParty: false)
        #expect(able.openAI.quirks.callIDs != nil)
        #expect(Capabilities.known(dialect: .openai, model: "mistral-x", isFirstParty: true).openAI.quirks.callIDs == nil)
    }

    @Test(
        "thinking off has each vendor's words and no effort beside them",
        arguments: [
            ("deepseek-v4-pro", "thinking.type", "disabled"), ("glm-5", "thinking.type", "disabled"),
            ("kimi-k2.6", "thinking.type", "disabled"), ("qwen3.8-27b", "enable_thinking", "false"),
        ])
    func thinkingOff(_ model: String, _ path: String, _ word: String) throws {
        let body = Self.asked(#","thinking":{"type":"disabled"},"output_config":{"effort":"high"}"#)
        let sent = try sent(convert(body, model: model))
        #expect(sent["reasoning_effort"] == nil)
        #expect(FieldPath(path).flatMap { $0.value(in: sent.object ?? [:]) }?.text.contains(word) == true)
    }

    @Test(
        "an effort is sent to those of a family that take one",
        arguments: [
            ("grok-4.3", true), ("grok-4.6", true), ("grok-4.20-multi-agent-0309", true), ("grok-4.20-0309-reasoning", false),
            ("grok-4-0709", false), ("grok-4-1-fast-reasoning", false), ("grok-code-fast-1", false),
        ])
    func efforts(_ model: String, _ takes: Bool) throws {
        let body = Self.asked(#","thinking":{"type":"adaptive"},"output_config":{"effort":"high"}"#)
        #expect(try sent(convert(body, model: model))["reasoning_effort"] == (takes ? "high" : nil))
    }

    @Test("what cannot be switched off is told")
    func never() throws {
        let request = try convert(Self.asked(#","thinking":{"type":"disabled"}"#), model: "MiniMax-M2.7")
        #expect(request.lossy.contains(LossyNote("thinking", .dropped)))
        #expect(try sent(request)["reasoning_split"] == true)
    }

    @Test("an effort has the server's words", arguments: [("max", "max"), ("xhigh", "max"), ("low", "low")])
    func effortWords(_ asked: String, _ said: String) throws {
        let body = Self.asked(#","thinking":{"type":"adaptive"},"output_config":{"effort":"\#(asked)"}"#)
        #expect(try sent(convert(body, model: "deepseek-v4-flash"))["reasoning_effort"] == .string(said))
        let elsewhere = try sent(
            convert(body, model: "deepseek-v4-flash") { _ = $0.set("oai.effort_field", to: "reasoning.effort") })
        #expect(elsewhere["reasoning"]?["effort"] == .string(said) && elsewhere["reasoning_effort"] == nil)
    }

    @Test(
        "an effort beside tools goes to /responses where there is one, else it is none and told",
        arguments: ["gpt-5.4", "gpt-5.6-x"])
    func effortWithTools(_ model: String) throws {
        let thinking = #","thinking":{"type":"adaptive"},"output_config":{"effort":"high"}"#
        let chat = try convert(Self.asked(thinking + Self.tools), model: model)
        #expect(try sent(chat)["reasoning_effort"] == "none" && chat.pathSuffix.hasSuffix("/chat/completions"))
        #expect(chat.lossy.contains(LossyNote("thinking", .dropped)))
        let alone = try convert(Self.asked(thinking), model: model, isFirstParty: true)
        #expect(try sent(alone)["reasoning_effort"] == "high" && alone.pathSuffix.hasSuffix("/chat/completions"))
        let turned = try convert(Self.asked(thinking + Self.tools), model: model, isFirstParty: true)
        #expect(try sent(turned)["reasoning"]?["effort"] == "high" && turned.pathSuffix.hasSuffix("/responses"))
        #expect(turned.lossy.isEmpty && turned.context.upstream == .responses)
    }

    @Test("fields that a server refuses are taken out and told; what is asked for by proxyd is nobody's loss")
    func drops() throws {
        let body = Self.asked(#","stream":true,"metadata":{"user_id":"u"}"#)
        let request = try convert(body, model: "mistral-large-latest")
        let sent = try sent(request)
        #expect(sent["user"] == nil && sent["stream_options"] == nil)
        #expect(request.lossy == [LossyNote("metadata.user_id", .dropped)])
        let kept = try convert(body, model: "some-model") { $0.drops = [FieldPath("max_tokens")].compactMap(\.self) }
        #expect(try self.sent(kept)["max_tokens"] == nil && kept.lossy == [LossyNote("max_tokens", .dropped)])
        let tier = #"{"contents":[{"parts":[{"text":"a"}]}],"serviceTier":"priority"}"#
        #expect(try convert(tier, .gemini, model: "m").lossy == [LossyNote("serviceTier", .dropped)])
    }

    @Test("a value that a server does not take is left out or replaced, and told")
    func fixed() throws {
        let left = try convert(Self.asked(#","temperature":0.2"#), model: "kimi-k2.5")
        #expect(try sent(left)["temperature"] == nil && left.lossy == [LossyNote("temperature", .dropped)])
        let replaced = try convert(Self.asked(#","temperature":0.2"#), model: "m") {
            _ = $0.set("oai.fixed", to: "temperature=1")
        }
        #expect(try sent(replaced)["temperature"]?.int == 1 && replaced.lossy == [LossyNote("temperature", .clamped)])
        let same = try convert(Self.asked(#","temperature":1.0"#), model: "m") { _ = $0.set("oai.fixed", to: "temperature=1") }
        #expect(same.lossy.isEmpty)
    }

    @Test("a body that passes as it is loses what the server refuses, and no other byte")
    func passing() throws {
        let able = Capabilities.known(dialect: .openai, model: "mistral-small", isFirstParty: false)
        let quirks = RequestQuirks(able, for: .openai)
        let body = #"{"model": "m", "user": "u",  "seed": 7, "messages": [1.0]}"#
        let patched = try #require(withBytes(body) { quirks.patched($0) })
        #expect(String(decoding: patched.body, as: UTF8.self) == #"{"model": "m", "messages": [1.0],"random_seed":7}"#)
        #expect(patched.notes == [LossyNote("user", .dropped)])
        #expect(withBytes(#"{"model":"m","messages":[]}"#) { quirks.patched($0) } == nil)
        #expect(RequestQuirks(Capabilities(), for: .openai).isEmpty)
        let deep = RequestQuirks(Self.dropping("tools.function.strict"), for: .openai)
        let tools = #"{"tools":[{"function":{"name":"f","strict":true}},{}]}"#
        let inner = try #require(withBytes(tools) { deep.patched($0) })
        #expect(String(decoding: inner.body, as: UTF8.self) == #"{"tools":[{"function":{"name":"f"}},{}]}"#)
    }

    private static func dropping(_ fields: String) -> Capabilities {
        var able = Capabilities()
        _ = able.set("oai.drop", to: fields)
        return able
    }

    @Test("ids of calls have the server's alphabet, apart from one another and alike in call and result")
    func callIDs() throws {
        let history =
            Self.called("toolu_01A9xKq7HfWb3TzLmNpQrStU") + Self.called("toolu_01A9xKq7HfWb3TzLmNpQrStV")
            + Self.called("abcDEF123")
        let sent = try sent(convert(Self.asked(Self.tools, history), model: "magistral-medium"))
        let list = sent["messages"]?.array ?? []
        let calls = list.compactMap { $0["tool_calls"]?.array?.first?["id"]?.string }
        #expect(Set(calls).count == 3 && calls.last == "abcDEF123")
        #expect(calls.allSatisfy { $0.utf8.count == 9 && $0.allSatisfy { $0.isLetter || $0.isNumber } })
        #expect(list.compactMap { $0["tool_call_id"]?.string } == calls)
    }

    // MARK: Thoughts given back

    private static let answer =
        #"{"id":"c","model":"m","choices":[{"message":{"role":"assistant","content":null,"reasoning_content":"Look\nfirst","#
        + #""tool_calls":[{"id":"call_1","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#

    @Test(
        "thoughts that a client did not ask for go back with their call",
        arguments: [ClientDialect.anthropic, .openai, .responses])
    func recalled(_ client: ClientDialect) throws {
        let body = client == .responses ? #"{"model":"x","input":"a"}"# : Self.asked()
        let request = try convert(body, client == .openai ? .anthropic : client, model: "deepseek-v4-pro")
        let kept = try withBytes(Self.answer) { try ResponseConverter.convertWhole($0, request.context) }.thoughts
        #expect(kept.map(\.thoughts) == [[.plain("Look\nfirst")]])
        let known = Dictionary(uniqueKeysWithValues: kept.map { ($0.id, $0) })
        let next = try sent(
            convert(
                Self.asked(Self.tools, Self.called("call_1") + Self.called("other")), model: "deepseek-v4-pro",
                recall: known))
        #expect(next["messages"]?.array?[1]["reasoning_content"] == "Look\nfirst")
        // Nobody knows what led to this one.
        #expect(next["messages"]?.array?[3]["reasoning_content"] == " ")
        let off = try sent(
            convert(Self.asked(#","thinking":{"type":"disabled"}"# + Self.tools, Self.called("other")), model: "kimi-k2.5"))
        #expect(off["messages"]?.array?[1]["reasoning_content"] == nil)
    }

    @Test("reasoning_details go back whole, put together from their pieces, also when they come behind the call")
    func details() throws {
        let request = try convert(Self.asked(#","stream":true"# + Self.tools), model: "google/gemini-3-pro")
        var converter = StreamConverter(request.context)
        let deltas = [
            #"{"reasoning_details":[{"type":"reasoning.text","text":"Hm","index":0}]}"#,
            #"{"reasoning_details":[{"type":"reasoning.text","text":" so","index":0}]}"#,
            #"{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"{}"}}]}"#,
            #"{"reasoning_details":[{"type":"reasoning.encrypted","data":"RU5D","id":"call_1","index":1}]}"#,
        ]
        var out: [UInt8] = []
        let stream =
            deltas.map { #"data: {"id":"c","model":"m","choices":[{"index":0,"delta":\#($0)}]}"# + "\n\n" }.joined()
            + #"data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"# + "\n\ndata: [DONE]\n\n"
        withBytes(stream) { _ = converter.consume($0, into: &out) }
        let known = Dictionary(uniqueKeysWithValues: converter.thoughts.map { ($0.id, $0) })
        let next = try sent(
            convert(Self.asked(Self.tools, Self.called("call_1")), model: "google/gemini-3-pro", recall: known))
        let details: JSONValue = [
            ["type": "reasoning.text", "text": "Hm so", "index": 0],
            ["type": "reasoning.encrypted", "data": "RU5D", "id": "call_1", "index": 1],
        ]
        #expect(next["messages"]?.array?[1]["reasoning_details"] == details)
    }

    @Test("a server of Anthropic's format that signs nothing gets its thoughts back, or is told not to think")
    func unsigned() throws {
        let thoughts = ToolThoughts(
            id: "call_1", family: .anthropic, model: "deepseek-v4-flash", thoughts: [.plain("List it.")], signature: nil)
        let body =
            #"{"model":"x","reasoning_effort":"high","max_tokens":30000,"tools":[{"type":"function","function":{"name":"f"}}],"#
            + #""messages":[{"role":"user","content":"a"},\#(MessagesChatTests.calls("call_1"))]}"#
        let known = try sent(
            convert(body, .openai, .anthropic, model: "deepseek-v4-flash", recall: ["call_1": thoughts]))
        let first = known["messages"]?.array?[1]["content"]?.array?.first
        #expect(first == ["type": "thinking", "thinking": "List it."] && known["thinking"]?["type"] == "enabled")
        let lost = try convert(body, .openai, .anthropic, model: "deepseek-v4-flash")
        #expect(try sent(lost)["thinking"] == ["type": "disabled"] && !lost.lossy.isEmpty)
        let off = try sent(
            convert(
                #"{"model":"x","reasoning_effort":"none","messages":[{"role":"user","content":"a"}]}"#, .openai, .anthropic,
                model: "glm-5"))
        #expect(off["thinking"] == ["type": "disabled"] && off["output_config"] == nil)
    }

    // MARK: Fields

    @Test("verbosity and cache keys go where they are taken only")
    func codex() throws {
        let body = #"{"model":"x","input":"a","text":{"verbosity":"low"},"prompt_cache_key":"k"}"#
        let plain = try convert(body, .responses, model: "llama")
        #expect(try sent(plain)["verbosity"] == nil && sent(plain)["prompt_cache_key"] == nil)
        #expect(plain.lossy == [LossyNote("text.verbosity", .dropped)])
        let own = try sent(convert(body, .responses, model: "gpt-5.5", isFirstParty: true))
        #expect(own["verbosity"] == "low" && own["prompt_cache_key"] == "k")
        #expect(try sent(convert(body, .responses, model: "gpt-4o", isFirstParty: true))["verbosity"] == nil)
        let set = try sent(convert(body, .responses, model: "m") { _ = $0.set("oai.verbosity", to: "true") })
        #expect(set["verbosity"] == "low")
    }

    @Test("a schema that is not taken is said in words")
    func schemas() throws {
        let format = #","output_config":{"format":{"type":"json_schema","schema":{"type":"object","title":"T1"}}}"#
        let request = try convert(Self.asked(format), model: "deepseek-v4-pro")
        let sent = try sent(request)
        #expect(sent["response_format"] == ["type": "json_object"])
        #expect(sent["messages"]?.array?.first?["content"]?.string?.contains("T1") == true)
        #expect(request.lossy == [LossyNote("output_config.format", .approximated)])
        let none = try self.sent(convert(Self.asked(format), model: "m") { _ = $0.set("oai.json_schema", to: "none") })
        #expect(none["response_format"] == nil)
    }

    @Test("parts that a model cannot read are named in their place, and told")
    func parts() throws {
        let image =
            #",{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}"#
        let request = try convert(Self.asked("", image), model: "m") { _ = $0.set("oai.images", to: "false") }
        #expect(
            try sent(request)["messages"]?.text.contains("[image omitted") == true
                && sent(request)["messages"]?.text.contains("AAAA") == false)
        #expect(request.lossy.map(\.action) == [.dropped])
    }

    @Test("Claude behind a Chat server keeps its cache marks, also those on results")
    func cacheMarks() throws {
        let mark = #""cache_control":{"type":"ephemeral"}"#
        let history =
            #",{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},"#
            + #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r",\#(mark)}]}"#
        let body = Self.asked(#","system":[{"type":"text","text":"S",\#(mark)}]"# + Self.tools, history)
        let list = try sent(convert(body, model: "anthropic/claude-sonnet-4.6"))["messages"]?.array ?? []
        #expect(list.first?["content"]?.array?.first?["cache_control"] == ["type": "ephemeral"])
        #expect(list.last?["content"]?.array?.first?["cache_control"] == ["type": "ephemeral"])
        #expect(try !sent(convert(body, model: "llama")).text.contains("cache_control"))
    }

    @Test("some tool has the server's word", arguments: [("mistral-large", "any"), ("llama", "required")])
    func toolChoice(_ model: String, _ word: String) throws {
        let body = Self.asked(#","tool_choice":{"type":"any"}"# + Self.tools)
        #expect(try sent(convert(body, model: model))["tool_choice"] == .string(word))
    }
}
