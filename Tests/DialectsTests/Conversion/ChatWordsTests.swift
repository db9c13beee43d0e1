import Testing

@testable import Dialects

/// A Chat client's request before servers that speak the format in words of their own.
@Suite struct ChatWordsTests {
    private static func able(_ values: [String: String]) -> Capabilities {
        var able = Capabilities()
        for (name, value) in values {
            let isTaken = able.set(name, to: value)
            #expect(isTaken, "\(name)")
        }
        return able
    }

    private func passed(
        _ body: String, _ values: [String: String], recall: ((String) -> ToolThoughts?)? = nil
    ) throws -> (body: JSONValue, notes: [LossyNote]) {
        let quirks = RequestQuirks(Self.able(values), for: .openai, model: "kimi-k2.5")
        let patched = withBytes(body) { quirks.patched($0, recall: recall) }
        return (try JSONValue(parsing: patched.map { String(decoding: $0.body, as: UTF8.self) } ?? body), patched?.notes ?? [])
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var values: [String: String]
        var body: String
        var wanted: String
        var notes: [LossyNote] = []
        var testDescription: String { "\(body) with \(values)" }
    }

    @Test(
        "members in the server's words",
        arguments: [
            Row(
                values: ["oai.effort_field": "none"], body: #"{"a":1,"reasoning_effort":"high"}"#, wanted: #"{"a":1}"#,
                notes: [LossyNote("reasoning_effort", .dropped)]),
            Row(
                values: ["oai.effort_field": "none", "oai.thinking_on": "thinking.type=enabled"],
                body: #"{"reasoning_effort":"high"}"#, wanted: #"{"thinking":{"type":"enabled"}}"#,
                notes: [LossyNote("reasoning_effort", .approximated)]),
            Row(
                values: ["oai.thinking_off": "thinking.type=disabled"], body: #"{"reasoning_effort":"none"}"#,
                wanted: #"{"thinking":{"type":"disabled"}}"#),
            Row(
                values: ["oai.thinking_off": "never"], body: #"{"reasoning_effort":"none"}"#, wanted: "{}",
                notes: [LossyNote("reasoning_effort", .dropped)]),
            Row(
                values: ["oai.effort_field": "reasoning_effort", "oai.efforts": "low,high", "oai.effort_words": "high=max"],
                body: #"{"reasoning_effort":"medium"}"#, wanted: #"{"reasoning_effort":"low"}"#),
            Row(
                values: ["oai.effort_field": "reasoning.effort", "oai.effort_words": "high=max"],
                body: #"{"reasoning_effort":"high"}"#, wanted: #"{"reasoning":{"effort":"max"}}"#),
            Row(
                values: ["oai.effort_field": "none"], body: #"{"reasoning_effort":"of its own"}"#,
                wanted: #"{"reasoning_effort":"of its own"}"#),
            Row(
                values: ["oai.tool_choice_any": "any"], body: #"{"tool_choice":"required"}"#, wanted: #"{"tool_choice":"any"}"#),
            Row(
                values: ["oai.tool_choice_any": "auto"], body: #"{"tool_choice":{"type":"function"}}"#,
                wanted: #"{"tool_choice":"auto"}"#, notes: [LossyNote("tool_choice", .approximated)]),
            Row(
                values: ["oai.tool_choice_any": "auto"], body: #"{"tool_choice":"none"}"#, wanted: #"{"tool_choice":"none"}"#),
            Row(
                values: ["oai.user": "false", "oai.cache_key": "false"], body: #"{"user":"u","prompt_cache_key":"k"}"#,
                wanted: "{}", notes: [LossyNote("user", .dropped)]),
            Row(
                values: ["oai.parallel_calls": "false"], body: #"{"parallel_tool_calls":true}"#, wanted: "{}"),
            Row(
                values: ["oai.strict_tools": "false"], body: #"{"tools":[{"function":{"name":"a","strict":true}}]}"#,
                wanted: #"{"tools":[{"function":{"name":"a"}}]}"#, notes: [LossyNote("tools.strict", .dropped)]),
            Row(
                values: ["oai.rename": "max_completion_tokens=max_tokens"], body: #"{"max_completion_tokens":5}"#,
                wanted: #"{"max_tokens":5}"#),
            Row(
                values: ["oai.rename": "max_completion_tokens=max_tokens"],
                body: #"{"max_completion_tokens":5,"max_tokens":6}"#, wanted: #"{"max_tokens":6}"#),
        ])
    func member(_ row: Row) throws {
        let (body, notes) = try passed(row.body, row.values)
        #expect(body == (try JSONValue(parsing: row.wanted)))
        #expect(notes == row.notes)
    }

    @Test(
        "a schema that it does not take is said to the model", arguments: [#"[]"#, #"[{"role":"system","content":"Be brief."}]"#])
    func schema(_ messages: String) throws {
        let format = #"{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}"#
        let (body, notes) = try passed(
            #"{"messages":\#(messages),"response_format":\#(format)}"#, ["oai.json_schema": "object"])
        #expect(body["response_format"] == ["type": "json_object"])
        let first = try #require(body["messages"]?.array?.first)
        #expect(first["role"] == "system")
        #expect(first["content"]?.string?.hasSuffix(#"{"type":"object"}"#) == true)
        #expect(body["messages"]?.array?.count == 1)
        #expect(notes == [LossyNote("response_format", .approximated)])
    }

    private static let history =
        #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1-x","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1-x","content":"b"}]}"#

    @Test("ids of calls and results become the server's, alike")
    func ids() throws {
        let (body, notes) = try passed(Self.history, ["oai.call_ids": "alnum:9"])
        let messages = try #require(body["messages"]?.array)
        let id = try #require(messages[1]["tool_calls"]?.array?.first?["id"]?.string)
        #expect(id.utf8.count == 9 && id.utf8.allSatisfy { ToolIDs.isWord($0) })
        #expect(messages[2]["tool_call_id"]?.string == id)
        #expect(notes.isEmpty)
    }

    @Test(
        "what was thought on the way to a call goes back with it; a blank where nobody knows it, nothing where it was not to think"
    )
    func thoughts() throws {
        let values = [
            "oai.reasoning_echo": "reasoning_content", "oai.echo_always": "true", "oai.thinking_off": "thinking.type=disabled",
        ]
        func echoed(_ body: String, _ known: ToolThoughts?) throws -> String? {
            try passed(body, values) { $0 == "call_1-x" ? known : nil }.body["messages"]?.array?[1]["reasoning_content"]?.string
        }
        func thought(by model: String) -> ToolThoughts {
            ToolThoughts(id: "call_1-x", family: .compat, model: model, thoughts: [.plain("Hm.")], signature: nil)
        }
        #expect(try echoed(Self.history, thought(by: "kimi-k2.5")) == "Hm.")
        #expect(try echoed(Self.history, thought(by: "deepseek-v4")) == " ")
        #expect(try echoed(Self.history, nil) == " ")
        let off = String(Self.history.dropLast()) + #","thinking":{"type":"disabled"}}"#
        #expect(try echoed(off, nil) == nil)
        let given = Self.history.replacing(#""content":null"#, with: #""content":null,"reasoning":"Given."# + "\"")
        #expect(try echoed(given, thought(by: "kimi-k2.5")) == "Given.")
    }

    @Test("a server that refuses thoughts in a history gets none, nor a developer")
    func refusesThoughts() throws {
        let history =
            #"{"messages":[{"role":"developer","content":"Be brief."},{"role":"assistant","content":"a","reasoning":"Hm.","reasoning_content":"Hm.","reasoning_details":[]}]}"#
        let (body, notes) = try passed(history, ["oai.reasoning_echo": "none"])
        let wanted = try JSONValue(
            parsing: #"{"messages":[{"role":"system","content":"Be brief."},{"role":"assistant","content":"a"}]}"#)
        #expect(body == wanted)
        #expect(notes.isEmpty)
    }

    @Test("a tool can be forced where thinking is off, whatever the server says of it otherwise")
    func forced() throws {
        let values = ["oai.tool_choice_any": "auto", "oai.thinking_off": "enable_thinking=false"]
        let body = #"{"tool_choice":"required","enable_thinking":false}"#
        #expect(try passed(body, values).body == (try JSONValue(parsing: body)))
        #expect(try passed(#"{"tool_choice":"required"}"#, values).body["tool_choice"] == "auto")
    }

    @Test("of one member all that the server refuses goes")
    func severalDrops() throws {
        let (body, notes) = try passed(
            #"{"messages":[{"role":"user","name":"n","content":"a","cache":1}],"max_completion_tokens":5}"#,
            ["oai.drop": "messages.name,messages.cache,max_tokens", "oai.rename": "max_completion_tokens=max_tokens"])
        #expect(body == (try JSONValue(parsing: #"{"messages":[{"role":"user","content":"a"}]}"#)))
        #expect(notes.map(\.param) == ["messages.name", "messages.cache", "max_tokens"])
    }

    @Test("a listener hears what an answer thought, streamed and whole")
    func listening() throws {
        let able = Self.able(["oai.reasoning_echo": "reasoning_content"])
        let call = #"[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]"#
        let whole =
            #"{"id":"x","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"reasoning_content":"Hm.","tool_calls":\#(call)}}]}"#
        let streamed =
            #"data: {"id":"x","choices":[{"index":0,"delta":{"reasoning_content":"Hm."}}]}"# + "\n\n"
            + #"data: {"id":"x","choices":[{"index":0,"delta":{"tool_calls":\#(call)},"finish_reason":"tool_calls"}]}"#
            + "\n\ndata: [DONE]\n\n"
        let wanted = ToolThoughts(id: "c1", family: .compat, model: "kimi-k2.5", thoughts: [.plain("Hm.")], signature: nil)
        #expect(withBytes(whole) { ThoughtListener.thoughts(in: $0, able, model: "kimi-k2.5") } == [wanted])
        var listener = try #require(ThoughtListener(able, model: "kimi-k2.5"))
        for byte in streamed.utf8 { withUnsafeBytes(of: byte) { listener.consume($0) } }
        #expect(listener.thoughts == [wanted])
        #expect(ThoughtListener(Capabilities(), model: "m") == nil)
    }

    @Test("the format's own vendor is never second-guessed, and broken bodies pass")
    func untouched() throws {
        var able = Self.able(["oai.tool_choice_any": "auto"])
        able.openAI.isFirstParty = true
        #expect(RequestQuirks(able, for: .openai).isEmpty)
        let quirks = RequestQuirks(Self.able(["oai.tool_choice_any": "auto", "oai.call_ids": "alnum:9"]), for: .openai)
        for body in [
            "", "{", "[]", #"{"messages":7,"tools":{},"tool_choice":1}"#,
            #"{"messages":[7,{"tool_calls":{}},{"tool_calls":[3]}]}"#,
        ] {
            #expect(withBytes(body) { quirks.patched($0)?.body } == nil, "\(body)")
        }
    }
}
