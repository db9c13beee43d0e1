import Testing

@testable import Dialects

/// What Codex sends and reads, over upstreams of other formats.
@Suite("Codex over other formats")
struct CodexTests {
    static let sealing = ItemSealing(seal: { Array($0.reversed()) }, open: { $0.isEmpty ? nil : Array($0.reversed()) })

    static func options(_ kept: [String: [UInt8]] = [:]) -> ConversionOptions {
        var options = ConversionOptions(now: 7, requestID: "req")
        options.sealing = sealing
        options.recallResponse = { kept[$0] }
        return options
    }

    private func convert(
        _ body: String, _ upstream: ClientDialect, _ options: ConversionOptions = CodexTests.options()
    ) throws -> ConvertedRequest {
        try withBytes(body) { bytes in
            try RequestConverter.convert(
                body: bytes, from: .responses, to: UpstreamDialect(upstream), model: "m", options: options)
        }
    }

    /// A whole answer of each format: a text, or a call.
    static func answer(_ upstream: ClientDialect, text: String, ending: String? = nil) -> String {
        switch upstream {
        case .anthropic:
            #"{"id":"a","model":"m","content":[{"type":"text","text":"\#(text)"}],"stop_reason":"\#(ending ?? "end_turn")","usage":{}}"#
        case .openai, .responses:
            #"{"id":"a","model":"m","choices":[{"message":{"content":"\#(text)"},"finish_reason":"\#(ending ?? "stop")"}]}"#
        case .gemini:
            #"{"responseId":"a","candidates":[{"content":{"parts":[{"text":"\#(text)"}]},"finishReason":"\#(ending ?? "STOP")"}]}"#
        }
    }

    private func call(_ name: String, _ arguments: JSONValue) -> String {
        let text: JSONValue = .string(arguments.string ?? arguments.text)
        return
            #"{"id":"a","model":"m","choices":[{"message":{"tool_calls":[{"id":"c1","function":{"name":"\#(name)","arguments":\#(text.text)}}]},"finish_reason":"tool_calls"}]}"#
    }

    private func whole(_ body: String, _ context: ConversionContext) throws -> JSONValue {
        try JSONValue(parsing: withBytes(body) { try ResponseConverter.convertWhole($0, context) }.body)
    }

    private func streamed(_ body: String, _ context: ConversionContext) -> (out: String, converter: StreamConverter) {
        var converter = StreamConverter(context)
        var out: [UInt8] = []
        _ = withBytes(body) { converter.consumeWhole($0, into: &out) }
        if converter.error == nil { _ = converter.finish(into: &out) }
        return (text(out), converter)
    }

    // MARK: Compaction

    static let trigger =
        #"{"model":"x","stream":true,"store":false,"input":[{"role":"user","content":"hi"},{"type":"compaction_trigger"}]}"#

    @Test("a compaction is one sealed item, which is the summary again", arguments: [ClientDialect.anthropic, .openai, .gemini])
    func compaction(_ upstream: ClientDialect) throws {
        let converted = try convert(Self.trigger, upstream)
        #expect(text(converted.body).contains("summary"))
        let response = try whole(Self.answer(upstream, text: "It went \\\"well\\\"."), converted.context)
        let output = try #require(response["output"]?.array)
        #expect(output.count == 1 && output[0]["type"] == "compaction")
        let sealed = try #require(output[0]["encrypted_content"]?.string)
        #expect(!sealed.contains("well"))
        let (out, converter) = streamed(Self.answer(upstream, text: "It went."), converted.context)
        #expect(converter.isComplete && out.contains(#""type":"compaction""#) && !out.contains("output_text"))

        let next =
            #"{"model":"x","input":[{"type":"compaction","encrypted_content":"\#(sealed)"},{"role":"user","content":"go"}]}"#
        #expect(try text(convert(next, upstream).body).contains(#"It went \"well\"."#))
    }

    @Test(
        "no summary, or half of one, is no compaction",
        arguments: [("", "stop"), ("Half of", "length"), ("No", "content_filter")])
    func failedCompaction(_ said: String, _ ending: String) throws {
        let context = try convert(Self.trigger, .openai).context
        let answer = Self.answer(.openai, text: said, ending: ending)
        #expect(throws: UpstreamError.self) { try withBytes(answer) { try ResponseConverter.convertWhole($0, context) } }
        let (out, converter) = streamed(answer, context)
        #expect(converter.error != nil && !converter.isComplete && !out.contains("response.completed"))
    }

    @Test("a compaction that nobody here can open is refused and named", arguments: ["gAAAAforeign", "pxd1.c.", "pxd1.c.*"])
    func foreignCompaction(_ sealed: String) {
        let body =
            #"{"model":"x","input":[{"role":"user","content":"a"},{"type":"compaction","encrypted_content":"\#(sealed)"}]}"#
        #expect {
            try convert(body, .openai)
        } throws: { ($0 as? ConversionProblem)?.param == "input[1]" }
    }

    @Test("in its own format a summary of ours is plain words")
    func compactionElsewhere() throws {
        let sealed = try #require(CompactionItem.sealed("Done.", Self.sealing))
        let body: JSONValue = ["input": [["type": "compaction", "encrypted_content": .string(sealed)]]]
        let cleaned = body.bytes.withUnsafeBytes {
            HistorySanitizer.cleaned($0, for: .responses, model: "m", sealing: Self.sealing)
        }
        let item = try JSONValue(parsing: #require(cleaned))["input"]?.array?.first
        #expect(item?["type"] == "message" && item?["content"]?.string?.hasSuffix("Done.") == true)
    }

    // MARK: Tools

    @Test("the client's own tool search is a function there and an item back")
    func toolSearch() throws {
        let body = #"""
            {"model":"x","tools":[{"type":"tool_search","execution":"client","description":"Find","parameters":{"type":"object"}}],
            "input":[{"role":"user","content":"a"},
            {"type":"tool_search_call","call_id":"c0","execution":"client","arguments":{"query":"q"}},
            {"type":"tool_search_output","call_id":"c0","execution":"client","tools":[{"type":"namespace","name":"mcp","tools":[{"type":"function","name":"go","parameters":{}}]}]},
            {"type":"tool_search_output","call_id":"c0","execution":"client","tools":[{"type":"namespace","name":"mcp","tools":[{"type":"function","name":"go","parameters":{}}]}]}]}
            """#
        let converted = try convert(body, .openai)
        #expect(converted.lossy.isEmpty)
        let sent = try JSONValue(parsing: converted.body)
        #expect(sent["tools"]?.array?.compactMap { $0["function"]?["name"]?.string } == ["tool_search", "mcp__go"])
        #expect(sent["messages"]?.array?[1]["tool_calls"]?.array?.first?["function"]?["name"] == "tool_search")

        let answer = call("tool_search", ["query": "files", "limit": 3])
        let item = try whole(answer, converted.context)["output"]?.array?.first
        #expect(item?["type"] == "tool_search_call" && item?["call_id"] == "c1" && item?["execution"] == "client")
        #expect(item?["id"]?.string?.hasPrefix("tsc_") == true && item?["arguments"] == ["query": "files", "limit": 3])
        let (out, _) = streamed(answer, converted.context)
        #expect(out.contains(#""arguments":{"query":"files","limit":3},"status":"completed""#))
        #expect(!out.contains("function_call_arguments"))
    }

    static let oddArguments: [(JSONValue, String)] = [
        (["patch": "*** x\n"], "*** x\n"), (["input": "a", "patch": "b"], "a"), (["any": "c", "n": 1], "c"),
        (["x": "y", "patch": "d"], "d"), ("*** bare {", "*** bare {"), ("\"quoted\"", "quoted"),
    ]

    @Test("free text comes out of whatever JSON it was put in", arguments: oddArguments)
    func freeText(_ arguments: JSONValue, _ wanted: String) throws {
        let converted = try convert(#"{"model":"x","input":"x","tools":[{"type":"custom","name":"apply_patch"}]}"#, .openai)
        let item = try whole(call("apply_patch", arguments), converted.context)["output"]?.array?.first
        #expect(item?["type"] == "custom_tool_call" && item?["input"]?.string == wanted)
    }

    // MARK: Going on by an id

    @Test("a kept response is gone on from; with store: false none is kept")
    func previousResponse() throws {
        let first = try convert(#"{"model":"x","input":"one"}"#, .anthropic)
        let response = try withBytes(Self.answer(.anthropic, text: "two")) {
            try ResponseConverter.convertWhole($0, first.context)
        }
        let kept = try #require(response.remembered)
        let streamed = streamed(Self.answer(.anthropic, text: "two"), first.context).converter.remembered
        #expect(streamed == kept)

        var memory = ResponseMemory(lifetime: 10)
        memory.keep(kept, scope: "k", now: 0)
        let (other, late) = (memory.recall(kept.id, scope: "other", now: 1), memory.recall(kept.id, scope: "k", now: 10))
        #expect(other == nil && late == nil)
        let recalled = memory.recall(kept.id, scope: "k", now: 1)
        let items = try #require(recalled)

        let body = #"{"model":"x","previous_response_id":"\#(kept.id)","input":"three"}"#
        let second = try convert(body, .openai, Self.options([kept.id: items]))
        let messages = try JSONValue(parsing: second.body)["messages"]?.array ?? []
        #expect(messages.compactMap { $0["content"]?.string } == ["one", "two", "three"])
        #expect(throws: ConversionProblem.self) { try convert(body, .openai) }
        #expect(try convert(#"{"model":"x","input":"one","store":false}"#, .openai).context.history == nil)
    }

    // MARK: The web

    @Test("Gemini's sources are Claude's search blocks, and annotations at OpenAI's")
    func grounding() throws {
        let answer =
            #"{"responseId":"a","candidates":[{"content":{"parts":[{"text":"Räin."}]},"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["w"],"groundingChunks":[{"web":{"uri":"https://e.example/","title":"E"}}]}}]}"#
        let claude = ConversionContext(client: .anthropic, upstream: UpstreamDialect(.gemini), model: "g")
        let response = try whole(answer, claude)
        let blocks = response["content"]?.array ?? []
        #expect(blocks.compactMap { $0["type"]?.string } == ["text", "server_tool_use", "web_search_tool_result"])
        #expect(blocks.last?["content"]?.array?.first?["url"] == "https://e.example/")
        #expect(blocks.last?["tool_use_id"] == blocks[1]["id"] && blocks[1]["input"] == ["query": "w"])
        #expect(response["usage"]?["server_tool_use"]?["web_search_requests"] == 1)
        #expect(streamed(answer, claude).out.contains(#""web_search_requests":1"#))
        // They cannot go to Anthropic itself.
        let history: JSONValue = ["messages": [["role": "assistant", "content": .array(blocks)]]]
        let cleaned = history.bytes.withUnsafeBytes { HistorySanitizer.cleaned($0, for: .anthropic, model: "m") }
        let left = try JSONValue(parsing: #require(cleaned))["messages"]?.array?.first?["content"]?.array
        #expect(left?.count == 1)

        let chat = ConversionContext(client: .openai, upstream: UpstreamDialect(.gemini), model: "g")
        let note = try whole(answer, chat)["choices"]?.array?.first?["message"]?["annotations"]?.array?.first?["url_citation"]
        #expect(note == ["start_index": 0, "end_index": 5, "url": "https://e.example/", "title": "E"])
        #expect(streamed(answer, chat).out.contains(#""url":"https://e.example/""#))
        let responses = ConversionContext(client: .responses, upstream: UpstreamDialect(.gemini), model: "g")
        #expect(streamed(answer, responses).out.contains("response.output_text.annotation.added"))
    }

    @Test(
        "Gemini says in bytes which passage is from which page, OpenAI's clients hear it in characters",
        arguments: [
            // In bytes; as some count, in characters; where only the words are right.
            (#"{"startIndex":7,"endIndex":17,"text":"Sön 😀!"}"#, 6, 12),
            (#"{"startIndex":6,"endIndex":12,"text":"Sön 😀!"}"#, 6, 12),
            (#"{"endIndex":6,"text":"Räin."}"#, 0, 5), (#"{"endIndex":6}"#, 0, 5), (#"{"partIndex":3,"text":"Sön"}"#, 6, 9),
            // Nowhere: the whole.
            (#"{"startIndex":90,"endIndex":99}"#, 0, 12), (#"{"startIndex":4,"endIndex":1,"text":"no"}"#, 0, 12),
        ])
    func supports(_ sample: (String, Int, Int)) throws {
        let first = #"{"responseId":"a","candidates":[{"content":{"parts":[{"text":"Räin. S"}]}}]}"#
        let last =
            #"{"candidates":[{"content":{"parts":[{"text":"ön 😀!"}]},"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://e.example/","title":"E"}}],"groundingSupports":[{"segment":"#
            + sample.0 + #","groundingChunkIndices":[0,7]}]}}]}"#
        let place: JSONValue = ["url": "https://e.example/", "title": "E"]
        for client in [ClientDialect.openai, .responses] {
            let context = ConversionContext(client: client, upstream: UpstreamDialect(.gemini), model: "g")
            let response = try whole("[\(first),\(last)]", context)
            let notes =
                client == .openai
                ? response["choices"]?.array?.first?["message"]?["annotations"]?.array?.compactMap { $0["url_citation"] }
                : response["output"]?.array?.first?["content"]?.array?.first?["annotations"]?.array
            #expect(notes?.count == 1)
            #expect(notes?.first?["start_index"]?.int == sample.1 && notes?.first?["end_index"]?.int == sample.2)
            #expect(notes?.first?["url"] == place["url"] && notes?.first?["title"] == place["title"])
        }
    }

    @Test("Claude's citations are annotations, each with its passage")
    func citations() throws {
        let answer =
            #"{"id":"a","model":"m","content":[{"type":"text","text":"So: "},{"type":"text","text":"rain.","citations":[{"type":"web_search_result_location","url":"https://e.example/","title":"E","cited_text":"r"}]}],"stop_reason":"end_turn","usage":{}}"#
        let context = ConversionContext(client: .openai, upstream: UpstreamDialect(.anthropic), model: "m")
        let message = try whole(answer, context)["choices"]?.array?.first?["message"]
        let place = message?["annotations"]?.array?.first?["url_citation"]
        #expect(message?["content"] == "So: rain." && place?["start_index"] == 4 && place?["end_index"] == 9)
    }

    @Test("OpenAI's searches and citations are Claude's search blocks")
    func responsesSearch() throws {
        let answer =
            #"{"id":"r","model":"m","status":"completed","output":[{"type":"web_search_call","id":"ws","status":"completed","action":{"type":"search","query":"q"}},{"type":"message","content":[{"type":"output_text","text":"Rain.","annotations":[{"type":"url_citation","url":"https://e.example/","title":"E","start_index":0,"end_index":4}]}]}],"usage":{}}"#
        let context = ConversionContext(client: .anthropic, upstream: UpstreamDialect(.responses), model: "m")
        let blocks = try whole(answer, context)["content"]?.array ?? []
        #expect(blocks.compactMap { $0["type"]?.string } == ["text", "server_tool_use", "web_search_tool_result"])
        #expect(blocks.last?["content"]?.array?.first?["title"] == "E")
    }

    @Test("the bounds of Claude's web search go on as OpenAI's")
    func searchBounds() throws {
        let body =
            #"{"model":"x","max_tokens":9,"messages":[{"role":"user","content":"s"}],"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3,"allowed_domains":["e.example"],"user_location":{"type":"approximate","country":"DE"}}]}"#
        let converted = try withBytes(body) { bytes in
            try RequestConverter.convert(
                body: bytes, from: .anthropic, to: UpstreamDialect(.responses), model: "gpt-5.4", options: ConversionOptions())
        }
        let tool = try JSONValue(parsing: converted.body)["tools"]?.array?.first
        #expect(tool?["filters"] == ["allowed_domains": ["e.example"]] && tool?["user_location"]?["country"] == "DE")
        #expect(converted.lossy.contains(LossyNote("tools.web_search.max_uses", .dropped)))
    }
}
