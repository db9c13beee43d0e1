import Testing

@testable import Dialects

@Suite("Anthropic Messages and OpenAI Chat")
struct MessagesChatTests {
    private func convert(
        _ body: String, _ client: ClientDialect, _ upstream: ClientDialect, _ options: ConversionOptions = ConversionOptions(),
        model: String = "m"
    ) throws -> JSONValue {
        let converted = try withBytes(body) { bytes in
            try RequestConverter.convert(body: bytes, from: client, to: UpstreamDialect(upstream), model: model, options: options)
        }
        return try JSONValue(parsing: converted.body)
    }

    private func able(_ change: (inout Capabilities) -> Void) -> ConversionOptions {
        var capabilities = Capabilities()
        change(&capabilities)
        return ConversionOptions(capabilities: capabilities)
    }

    private func messages(_ list: String, _ change: (inout Capabilities) -> Void) throws -> [JSONValue] {
        let body = #"{"model":"x","max_tokens":9,"messages":[\#(list)]}"#
        return try convert(body, .anthropic, .openai, able(change))["messages"]?.array ?? []
    }

    // MARK: Servers with wishes of their own

    @Test("where only the first message may be the system's, a later one is a user's reminder")
    func systemFirst() throws {
        let list = #"{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"system","content":"c"}"#
        #expect(try messages(list) { _ in }.last == ["role": "system", "content": "c"])
        let sent = try messages(list) { $0.openAI.systemFirst = true }
        #expect(sent.last == ["role": "user", "content": "<system-reminder>c</system-reminder>"])
    }

    @Test("where roles must take turns, neighbours of one role become one")
    func alternation() throws {
        let list =
            #"{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":"c"},{"role":"assistant","content":"d"}"#
        let sent = try messages(list) { $0.openAI.strictAlternation = true }
        let parts: JSONValue = [["type": "text", "text": "a"], ["type": "text", "text": "b"]]
        #expect(sent == [["role": "user", "content": parts], ["role": "assistant", "content": "c\n\nd"]])
        #expect(try messages(list) { _ in }.count == 4)
        let calling = list + #",{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]}"#
        let last = try messages(calling) { $0.openAI.strictAlternation = true }.dropLast().last
        #expect(last?["content"] == "c\n\nd" && last?["tool_calls"]?.array?.count == 1)
        #expect(try messages(calling) { _ in }.count == 6)
    }

    @Test("a message that only calls has null or, where that is wanted, an empty text")
    func emptyContent() throws {
        let list =
            #"{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]}"#
        #expect(try messages(list) { _ in }[1]["content"] == .null)
        #expect(try messages(list) { $0.openAI.emptyContent = true }[1]["content"] == "")
    }

    @Test(
        "a call's input that a client wrote as a text is the object in it for every format",
        arguments: [(#""{\"x\":1}""#, #"{"x":1}"#), (#"{"x":1}"#, #"{"x":1}"#), ("\"\"", "{}"), ("null", "{}")])
    func inputAsText(_ input: String, _ arguments: String) throws {
        let body =
            #"{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":\#(input)}]}]}"#
        let chat = try convert(body, .anthropic, .openai)["messages"]?.array?[1]["tool_calls"]?.array?.first
        #expect(chat?["function"]?["arguments"]?.string == arguments)
        let items = try convert(body, .anthropic, .responses)["input"]?.array ?? []
        #expect(items.compactMap { $0["arguments"]?.string } == [arguments])
        let parts = try convert(body, .anthropic, .gemini)["contents"]?.array?[1]["parts"]?.array
        #expect(try parts?.first?["functionCall"]?["args"] == JSONValue(parsing: arguments))
    }

    @Test("texts are one string where no parts are taken")
    func strings() throws {
        let list = #"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#
        #expect(try messages(list) { $0.openAI.stringContentOnly = true } == [["role": "user", "content": "a\nb"]])
    }

    @Test("cache marks stay on their parts where they are taken, the last four of them")
    func cacheMarks() throws {
        let text = #"{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}"#
        let list = #"{"role":"user","content":[\#(text),\#(text),\#(text),\#(text),\#(text)]}"#
        func marks(_ change: (inout Capabilities) -> Void) throws -> [JSONValue?] {
            try messages(list, change)[0]["content"]?.array?.map { $0["prompt_cache_breakpoint"] } ?? []
        }
        let mark: JSONValue = ["mode": "explicit"]
        #expect(try marks { $0.openAI.explicitCache = true } == [nil, mark, mark, mark, mark])
        #expect(try marks { _ in } == [nil, nil, nil, nil, nil])
    }

    @Test("images stay in the result where they are taken")
    func imagesInResults() throws {
        let list =
            #"{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"url","url":"u"}},{"type":"text","text":"x"}]}]}"#
        let sent = try messages(list) { $0.openAI.toolContentParts = true }
        let image: JSONValue = ["type": "image_url", "image_url": ["url": "u"]]
        #expect(sent.count == 3 && sent[2]["content"] == [image, ["type": "text", "text": "x"]])
    }

    @Test(
        "capabilities are set by their names",
        arguments: [
            ("oai.system_first", "true"), ("oai.strict_alternation", "true"), ("oai.empty_content", "true"),
            ("oai.explicit_cache", "true"), ("oai.efforts", "low, high"), ("claude.efforts", "max,low"),
            ("claude.version", "2026-10-21"),
        ])
    func names(_ name: String, _ value: String) {
        var changed = Capabilities()
        #expect(changed.set(name, to: value) && changed != Capabilities())
        #expect(!changed.set(name, to: "low,nonsense") || name == "claude.version")
    }

    @Test("from its newest version on Anthropic's API takes no sampling parameters")
    func apiVersion() throws {
        let body = #"{"model":"x","temperature":0.5,"top_p":0.5,"messages":[{"role":"user","content":"a"}]}"#
        let sent = try convert(body, .openai, .anthropic, able { _ = $0.set("claude.version", to: "2026-10-21") })
        #expect(sent["temperature"] == nil && sent["top_p"] == nil)
        #expect(try convert(body, .openai, .anthropic)["temperature"]?.double == 0.5)
    }

    // MARK: Thoughts of a loop of calls

    static func calls(_ id: String) -> String {
        #"{"role":"assistant","content":null,"tool_calls":[{"id":"\#(id)","type":"function","function":{"name":"f","arguments":"{}"}}]},"#
            + #"{"role":"tool","tool_call_id":"\#(id)","content":"x"}"#
    }
    static let words = #"{"role":"user","content":"a"}"#

    @Test(
        "a budget to think goes when the last turn does not begin with its thoughts; a loop of calls is one turn",
        arguments: [
            ([words, calls("known")], true), ([words, calls("known"), calls("b"), calls("c")], true),
            ([words, calls("b")], false), ([words, calls("b"), calls("known")], false),
            ([words, calls("known"), words, calls("b")], false), ([words, calls("b"), words, calls("known"), calls("c")], true),
            ([words, calls("b"), #"{"role":"assistant","content":"so"}"#, words], true), ([words, calls("b"), words], false),
            ([words], true),
        ])
    func loops(_ history: [String], _ thinks: Bool) throws {
        let able = Capabilities.known(dialect: .anthropic, model: "claude-sonnet-4-5", isFirstParty: true)
        let options = ConversionOptions(
            capabilities: able,
            recall: { id in
                id != "known"
                    ? nil
                    : ToolThoughts(
                        id: id, family: .anthropic, model: "claude-sonnet-4-5", thoughts: [.signed(text: "t", signature: "s")],
                        signature: nil)
            })
        let body =
            #"{"model":"x","reasoning_effort":"low","tools":[{"type":"function","function":{"name":"f"}}],"messages":["#
            + history.joined(separator: ",") + "]}"
        let sent = try convert(body, .openai, .anthropic, options, model: "claude-sonnet-4-5")
        #expect((sent["thinking"]?["type"] == "enabled") == thinks)
    }

    // MARK: Histories

    @Test("an id that a later turn uses anew is another's for Anthropic")
    func reusedIDs() throws {
        let call = #"{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#
        func result(_ text: String) -> String { #"{"role":"tool","tool_call_id":"c","content":"\#(text)"}"# }
        let body =
            #"{"model":"x","messages":[{"role":"user","content":"a"},\#(call),\#(result("1")),\#(call),\#(result("2")),\#(call)]}"#
        let turns = try convert(body, .openai, .anthropic)["messages"]?.array ?? []
        let ids = turns.flatMap { $0["content"]?.array ?? [] }.compactMap { $0["id"] ?? $0["tool_use_id"] }
        #expect(ids == ["c", "c", "c_2", "c_2", "c_3", "c_3"])
        #expect(turns.compactMap { $0["content"]?.array?.first?["content"] } == ["1", "2", "No result was provided."])
    }

    @Test("calls of one turn that share an id are answered in their order")
    func sharedIDs() throws {
        let call = #"{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}"#
        let body =
            #"{"model":"x","messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[\#(call),\#(call)]},{"role":"tool","tool_call_id":"c","content":"1"},{"role":"tool","tool_call_id":"c","content":"2"}]}"#
        let results = try convert(body, .openai, .anthropic)["messages"]?.array?.last?["content"]?.array ?? []
        #expect(results.map { $0["tool_use_id"] } == ["c", "c_2"] && results.map { $0["content"] } == ["1", "2"])
    }

    @Test("an image where none can be is a word that says so")
    func omittedImages() throws {
        let list =
            #"{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"image","source":{"type":"url","url":"u"}}]}"#
        #expect(try messages(list) { _ in }[1]["content"] == "[image omitted]")
    }

    @Test("a thread that goes on is refused with what its SDK understands")
    func threads() {
        let body = #"{"model":"x","max_tokens":9,"thread":{"type":"continue"},"messages":[{"role":"user","content":"a"}]}"#
        do {
            _ = try convert(body, .anthropic, .openai)
            Issue.record("must be refused")
        } catch let problem as ConversionProblem {
            #expect(problem.param == "thread" && problem.details?["error_code"] == "thread_unsupported_request")
        } catch { Issue.record("\(error)") }
    }

    @Test("stop sequences that would be dear to look for are refused")
    func dearStops() {
        for stops in [
            [String](repeating: "x", count: 80).enumerated().map { "\($0.element)\($0.offset)" },
            ["1", "2", "3", "4", String(repeating: "a", count: 300)],
        ] {
            let list = JSONValue.array(stops.map { .string($0) }).text
            let body = #"{"model":"x","max_tokens":9,"stop_sequences":\#(list),"messages":[{"role":"user","content":"a"}]}"#
            do {
                _ = try convert(body, .anthropic, .openai)
                Issue.record("must be refused")
            } catch let problem as ConversionProblem {
                #expect(problem.param == "stop_sequences")
            } catch { Issue.record("\(error)") }
        }
    }

    // MARK: Schemas

    @Test(
        "schemas that contain themselves are known",
        arguments: [
            (##"{"$ref":"#"}"##, true), (##"{"type":"object","properties":{"a":{"$ref":"#"}}}"##, true),
            (##"{"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#/$defs/b"}},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}}}"##, true),
            (##"{"$defs":{"a":{"$ref":"#/$defs/a"}}}"##, true),
            (##"{"properties":{"x":{"$ref":"#/$defs/a"},"y":{"$ref":"#/$defs/a"}},"$defs":{"a":{"type":"string"}}}"##, false),
            (##"{"properties":{"x":{"$ref":"#/$defs/gone"}}}"##, false),
            (##"{"properties":{"a":{"$ref":"#/definitions/b"}},"definitions":{"b":{"$ref":"#/definitions/c"},"c":{}}}"##, false),
            (#"{"type":"object"}"#, false),
        ])
    func recursion(_ schema: String, _ isRecursive: Bool) throws {
        #expect(SchemaRepair.isRecursive(try JSONValue(parsing: schema)) == isRecursive)
    }

    @Test("only patterns that look around are told in words")
    func patterns() {
        let kept = MessagesSchema.cleaned(["type": "string", "pattern": "^(?:a|b)$"])
        #expect(kept == ["type": "string", "pattern": "^(?:a|b)$"])
        let told = MessagesSchema.cleaned(["type": "string", "pattern": "^(?!a)"])
        #expect(told["pattern"] == nil && told["description"] == "(pattern: ^(?!a))")
    }

    // MARK: Thoughts that come back

    private static let response = """
        {"id":"m","model":"claude-sonnet-4-5-20250929","content":[{"type":"thinking","thinking":"Hm\\n","signature":"S1"},
        {"type":"redacted_thinking","data":"R"},{"type":"text","text":"I look."},{"type":"tool_use","id":"t1","name":"f","input":{}},
        {"type":"thinking","thinking":"And","signature":"S2"},{"type":"tool_use","id":"t2","name":"f","input":{}},
        {"type":"tool_use","id":"t3","name":"f","input":{}}],"stop_reason":"tool_use","usage":{}}
        """

    private func thoughts(_ content: String? = nil) throws -> [ToolThoughts] {
        let asked = #"{"model":"x","messages":[{"role":"user","content":"a"}]}"#
        let converted = try withBytes(asked) { bytes in
            try RequestConverter.convert(
                body: bytes, from: .openai, to: .anthropic, model: "claude-sonnet-4-5", options: ConversionOptions())
        }
        let answer = content.map {
            #"{"id":"m","model":"claude-sonnet-4-5","content":[\#($0)],"stop_reason":"tool_use","usage":{}}"#
        }
        let response = try withBytes(answer ?? Self.response) { bytes in
            try ResponseConverter.convertWhole(bytes, converted.context)
        }
        return response.thoughts
    }

    @Test("an answer's thoughts are known by the calls they led to")
    func gathering() throws {
        let kept = try thoughts()
        #expect(kept.map(\.id) == ["t1", "t2"])
        #expect(kept.first?.thoughts == [.signed(text: "Hm\n", signature: "S1"), .redacted("R")])
        #expect(kept.last?.thoughts == [.signed(text: "And", signature: "S2")])
    }

    @Test(
        "they stand before their calls again, for the same model and if it is to think",
        arguments: [
            ("claude-sonnet-4-5", "low", true), ("anthropic/claude-sonnet-4.5", "low", true), ("claude-opus-4-5", "low", false),
            ("claude-sonnet-4-5", "none", false),
        ])
    func restoring(_ model: String, _ effort: String, _ isRestored: Bool) throws {
        let known = Dictionary(uniqueKeysWithValues: try thoughts().map { ($0.id, $0) })
        func call(_ id: String) -> String { #"{"id":"\#(id)","type":"function","function":{"name":"f","arguments":"{}"}}"# }
        let body =
            #"{"model":"x","reasoning_effort":"\#(effort)","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"I look.","tool_calls":[\#(call("t1")),\#(call("t2")),\#(call("t3"))]}]}"#
        var options = ConversionOptions(recall: { known[$0] })
        options.capabilities = .known(dialect: .anthropic, model: model, isFirstParty: true)
        let sent = try convert(body, .openai, .anthropic, options, model: model)
        let types = sent["messages"]?.array?[1]["content"]?.array?.compactMap { $0["type"]?.string } ?? []
        let restored = ["thinking", "redacted_thinking", "text", "tool_use", "thinking", "tool_use", "tool_use"]
        #expect(types == (isRestored ? restored : ["text", "tool_use", "tool_use", "tool_use"]))
        #expect((sent["thinking"]?["type"] == "enabled") == isRestored)
    }

    /// Blocks of an answer by a letter each: a signed thought, a sealed one, words, a call.
    private static func blocks(_ letters: String) -> String {
        letters.enumerated().map { index, letter in
            switch letter {
            case "t": #"{"type":"thinking","thinking":"t\#(index)","signature":"S\#(index)"}"#
            case "r": #"{"type":"redacted_thinking","data":"R\#(index)"}"#
            case "w": #"{"type":"text","text":"w\#(index)"}"#
            default: #"{"type":"tool_use","id":"c\#(index)","name":"f","input":{}}"#
            }
        }.joined(separator: ",")
    }

    @Test(
        "a Gemini client's turn goes back as it came, what its format cannot carry in its place",
        arguments: ["trc", "rtc", "trtc", "trtwc", "twrc", "twtrc", "trctrc", "rc", "rrtrc"])
    func aroundGivenThoughts(_ letters: String) throws {
        let model = "claude-sonnet-4-5"
        let able = Capabilities.known(dialect: .anthropic, model: model, isFirstParty: true)
        func body(_ more: String) -> String {
            #"{"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingBudget":2000}},"#
                + #""contents":[{"role":"user","parts":[{"text":"a"}]}\#(more)]}"#
        }
        let asked = try withBytes(body("")) { bytes in
            try RequestConverter.convert(
                body: bytes, from: .gemini, to: .anthropic, model: model, options: ConversionOptions(capabilities: able))
        }
        let answer = #"{"id":"m","model":"\#(model)","content":[\#(Self.blocks(letters))],"stop_reason":"tool_use","usage":{}}"#
        let response = try withBytes(answer) { try ResponseConverter.convertWhole($0, asked.context) }
        let known = Dictionary(uniqueKeysWithValues: response.thoughts.map { ($0.id, $0) })
        let content = try JSONValue(parsing: response.body)["candidates"]?.array?.first?["content"]
        let options = ConversionOptions(capabilities: able, recall: { known[$0] })
        let sent = try convert(body("," + (content?.text ?? "")), .gemini, .anthropic, options, model: model)
        let wanted = try JSONValue(parsing: "[" + Self.blocks(letters) + "]")
        #expect(sent["messages"]?.array?[1]["content"] == wanted)
    }

    @Test("a Chat client's words stay between the thought that led to them and the one behind them")
    func aroundWords() throws {
        let known = Dictionary(uniqueKeysWithValues: try thoughts(Self.blocks("trwtrc")).map { ($0.id, $0) })
        let call = #"{"id":"c5","type":"function","function":{"name":"f","arguments":"{}"}}"#
        let body =
            #"{"model":"x","reasoning_effort":"low","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"w2","tool_calls":[\#(call)]}]}"#
        var options = ConversionOptions(recall: { known[$0] })
        options.capabilities = .known(dialect: .anthropic, model: "claude-sonnet-4-5", isFirstParty: true)
        let sent = try convert(body, .openai, .anthropic, options, model: "claude-sonnet-4-5")
        let wanted = try JSONValue(parsing: "[" + Self.blocks("trwtrc") + "]")
        #expect(sent["messages"]?.array?[1]["content"] == wanted)
    }

    private func entry(_ id: String, _ bytes: Int = 0) -> ToolThoughts {
        ToolThoughts(id: id, family: .anthropic, model: "m", thoughts: [], signature: String(repeating: "x", count: bytes))
    }

    @Test("the cache gives nobody another's thoughts, and none that are too old")
    func cacheScope() {
        var cache = ThoughtCache(lifetime: 10)
        cache.keep([entry("a")], scope: "one", now: 100)
        #expect(cache.recall("a", scope: "one", now: 109) == entry("a"))
        #expect(cache.recall("a", scope: "two", now: 109) == nil && cache.recall("b", scope: "one", now: 109) == nil)
        #expect(cache.recall("a", scope: "one", now: 110) == nil)
    }

    @Test("the cache keeps within its bounds and forgets what was not asked for longest")
    func cacheBounds() {
        var cache = ThoughtCache(maxEntries: 10, maxBytes: 1 << 20)
        cache.keep([entry("kept")], scope: "", now: 0)
        for number in 0..<100 {
            cache.keep([entry("\(number)")], scope: "", now: 0)
            #expect(cache.count <= 10 && cache.recall("kept", scope: "", now: 0) != nil, "\(number)")
        }
        #expect(cache.recall("99", scope: "", now: 0) != nil && cache.recall("0", scope: "", now: 0) == nil)
        var small = ThoughtCache(maxBytes: 4_000)
        small.keep([entry("big", 2_000)], scope: "", now: 0)
        #expect(small.count == 0)
        for number in 0..<100 { small.keep([entry("\(number)", 500)], scope: "", now: 0) }
        #expect(small.count <= 6 && small.recall("99", scope: "", now: 0) != nil)
    }
}
