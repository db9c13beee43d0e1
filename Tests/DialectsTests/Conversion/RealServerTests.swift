import Testing

@testable import Dialects

/// What servers really send: marks in the text, calls without ids, endings and usage in their own words and places.
@Suite("Answers of real servers")
struct RealServerTests {
    /// What an Anthropic client gets, folded.
    func folded(
        _ stream: String, from upstream: ClientDialect = .openai, _ cut: Cut = .whole, tags: Bool? = nil, opens: Bool = false
    ) throws -> (thoughts: String, text: String, calls: [JSONValue], stop: String?, error: UpstreamError?, usage: TokenUsage?) {
        var context = ConversionContext(client: .anthropic, upstream: UpstreamDialect(upstream), model: "m", requestID: "r")
        context.readsThinkTags = tags
        context.opensThoughts = opens
        context.isStreaming = true
        var converter = StreamConverter(context)
        var out: [UInt8] = []
        for piece in cut.pieces(of: stream) { _ = piece.withUnsafeBytes { converter.consume($0, into: &out) } }
        _ = converter.finish(into: &out)
        guard converter.error == nil else { return ("", "", [], nil, converter.error, converter.usage) }
        let back = ConversionContext(client: .anthropic, upstream: .anthropic, model: "m", requestID: "r")
        let whole = try out.withUnsafeBytes { try ResponseConverter.fold(stream: $0, back) }
        let content = try JSONValue(parsing: whole.body)["content"]?.array ?? []
        func all(_ type: JSONValue, _ key: String) -> String {
            content.filter { $0["type"] == type }.compactMap { $0[key]?.string }.joined()
        }
        return (
            all("thinking", "thinking"), all("text", "text"), content.filter { $0["type"] == "tool_use" }, converter.stopReason,
            nil,
            converter.usage
        )
    }

    func chat(_ deltas: [JSONValue], finish: JSONValue = "stop") -> String {
        let chunks = deltas.map { ["id": "c", "model": "m", "choices": [["index": 0, "delta": $0]]] as JSONValue }
        let last: JSONValue = ["id": "c", "model": "m", "choices": [["index": 0, "delta": [:], "finish_reason": finish]]]
        return (chunks + [last]).map { "data: \($0.text)\n\n" }.joined() + "data: [DONE]\n\n"
    }

    // MARK: Arguments

    @Test(
        "arguments of a call are an object, whatever the server makes of them",
        arguments: [
            (["null"], "{}"), (["nu", "ll"], "{}"), ([" "], "{}"), (["\n", #"{"a":1}"#], #"{"a":1}"#),
            ([#""{\"a\":"#, #"1}""#], #"{"a":1}"#), (["[1", "]"], #"{"value":[1]}"#), (["7"], #"{"value":7}"#),
            ([#""x""#], #"{"value":"x"}"#), (["free"], #"{"_invalid_arguments":"free"}"#),
        ], Cut.allCases)
    func arguments(_ sample: ([String], String), _ cut: Cut) throws {
        var deltas: [JSONValue] = [["tool_calls": [["index": 0, "id": "a", "function": ["name": "f", "arguments": ""]]]]]
        for piece in sample.0 {
            deltas.append(["tool_calls": [["index": 0, "function": ["arguments": .string(piece)]]]])
        }
        let context = ConversionContext(client: .anthropic, upstream: .openai, model: "m", requestID: "r")
        var converter = StreamConverter(context)
        var out: [UInt8] = []
        for piece in cut.pieces(of: chat(deltas)) { _ = piece.withUnsafeBytes { converter.consume($0, into: &out) } }
        _ = converter.finish(into: &out)
        // As the client puts them together, by itself.
        let told = text(out).split(separator: "\n").filter { $0.hasPrefix("data: ") }.compactMap { line in
            (try? JSONValue(parsing: String(line.dropFirst(6))))?["delta"]?["partial_json"]?.string
        }
        #expect(try JSONValue(parsing: told.isEmpty ? "{}" : told.joined()) == JSONValue(parsing: sample.1))
    }

    @Test("name and arguments may stand in a call itself")
    func bareCall() throws {
        let read = try folded(chat([["tool_calls": [["name": "f", "arguments": ["a": 1]]]]]))
        #expect(read.calls.map { $0["input"] } == [["a": 1]] && read.calls.first?["name"] == "f")
    }

    @Test(
        "a call's name may come in pieces, again, or longer each time; a text behind it says that it is whole",
        arguments: [
            (["get_", "weather"], "get_weather"), (["get_", "wea", "ther"], "get_weather"),
            (["get_", "get_weather"], "get_weather"), (["now", "now"], "now"), (["now", ""], "now"), (["now"], "now"),
        ] as [([String], String)], [true, false])
    func namesInPieces(_ sample: ([String], String), _ hasArguments: Bool) throws {
        var deltas = sample.0.enumerated().map { index, piece -> JSONValue in
            let call: JSONValue = ["index": 0, "function": ["name": .string(piece), "arguments": ""]]
            return ["tool_calls": [index == 0 ? ["index": 0, "id": "a", "function": call["function"] ?? [:]] : call]]
        }
        if hasArguments { deltas.append(["tool_calls": [["index": 0, "function": ["arguments": #"{"a":1}"#]]]]) }
        let read = try folded(chat(deltas))
        #expect(read.calls.map { $0["name"] } == [.string(sample.1)])
        #expect(read.calls.map { $0["input"] } == [hasArguments ? ["a": 1] : [:]])
        let later: [JSONValue] = [
            ["tool_calls": [["index": 0, "id": "a", "function": ["name": "now", "arguments": ""]]]], ["content": "x"],
            ["tool_calls": [["index": 1, "id": "b", "function": ["name": "other", "arguments": "{}"]]]],
        ]
        let both = try folded(chat(later))
        #expect(both.calls.map { $0["name"] } == ["now", "other"] && both.text == "x")
    }

    // MARK: Thoughts between marks

    @Test(
        "thoughts between marks are thoughts",
        arguments: [
            (["<think>\na", " b.\n</thi", "nk>\n\nHello", " there"], "a b.\n", "Hello there"),
            (["  \n<thi", "nk>x</think>", "y"], "x", "y"), (["<think>\n\n</think>\n\nonly"], "", "only"),
            (["[THINK]x[/THINK]y"], "x", "y"), (["<thought>x</thought>\ny"], "x", "y"),
            (["<think>not closed"], "not closed", ""),
            // A mark the model speaks of, and one within another.
            (["<think>use <think> here? no</think>\nHi"], "use <think> here? no", "Hi"),
            (["<think>a<think>b</think>c</think>Hi"], "a<think>b</think>c", "Hi"),
            (["<think>a</think>b<think>c</think>"], "a", "b<think>c</think>"), (["a <think>b</think>"], "", "a <think>b</think>"),
            (["<b>x</b>"], "", "<b>x</b>"), (["<", "<think>x"], "", "<<think>x"), ([" ", "x"], "", " x"), (["<thi"], "", "<thi"),
        ], Cut.allCases)
    func marks(_ sample: ([String], String, String), _ cut: Cut) throws {
        let read = try folded(chat(sample.0.map { ["content": .string($0)] }), cut)
        #expect(read.thoughts == sample.1)
        #expect(read.text == sample.2)
    }

    @Test("marks that a server escapes are marks")
    func escaped() throws {
        let stream = """
            data: {"id":"c","choices":[{"delta":{"content":"\\u003cthink\\u003ex\\u003c/think"}}]}

            data: {"id":"c","choices":[{"delta":{"content":"\\u003e\\ny"},"finish_reason":"stop"}]}


            """
        let read = try folded(stream)
        #expect(read.thoughts == "x" && read.text == "y")
    }

    @Test("a server that is known for marks has them at the beginning of any line; one that is known to have none, nowhere")
    func modes() throws {
        let stream = chat(["text\n<think>", "x</think>\n\nmore"].map { ["content": .string($0)] })
        let always = try folded(stream, tags: true)
        #expect(always.thoughts == "x" && always.text == "text\nmore")
        let never = try folded(chat([["content": "<think>x</think>y"]]), tags: false)
        #expect(never.thoughts.isEmpty && never.text == "<think>x</think>y")
    }

    @Test(
        "a thought that the prompt opened is one, whatever shows it",
        arguments: [
            (["It ", "greets.\n</thi", "nk>\n\nHello", " there"], "It greets.\n", "Hello there"), (["x</think>y"], "x", "y"),
            (["</think>\n\ny"], "", "y"), (["\nx\n</think>\n"], "\nx\n", ""), (["<think>\nx\n</think>\ny"], "x\n", "y"),
            (["x [/THINK]y"], "x ", "y"), (["only ", "the answer <b>"], "", "only the answer <b>"),
            (["a </think>\nb </think> c"], "a ", "b </think> c"),
        ] as [([String], String, String)], Cut.allCases)
    func openedByThePrompt(_ sample: ([String], String, String), _ cut: Cut) throws {
        let read = try folded(chat(sample.0.map { ["content": .string($0)] }), cut, opens: true)
        #expect(read.thoughts == sample.1)
        #expect(read.text == sample.2)
    }

    @Test(
        "what a prompt may have opened is a thought where it is cut off, and text where thoughts came beside it or a call follows"
    )
    func openedAndNotClosed() throws {
        let cut = try folded(chat([["content": "It gre"]], finish: "length"), opens: true)
        #expect(cut.thoughts == "It gre" && cut.text.isEmpty)
        for deltas in [
            [["reasoning_content": "x"], ["content": "a </think> b"]], [["content": "a </think> b"]],
        ] as [[JSONValue]] {
            let read = try folded(chat(deltas), tags: deltas.count == 1 ? false : nil, opens: true)
            #expect(read.text == "a </think> b")
        }
        let call: JSONValue = ["tool_calls": [["index": 0, "id": "a", "function": ["name": "f", "arguments": "{}"]]]]
        let called = try folded(chat([["content": "I look."], call]), opens: true)
        #expect(called.text == "I look." && called.calls.count == 1)
    }

    @Test(
        "a whole text with the end of a thought on a line of its own began within it",
        arguments: [
            ("It\n</think>\n\nHi", "Hi"), ("It</think>Hi", "It</think>Hi"), ("<think>\nIt\n</think>\nHi", "Hi"),
            ("Write <think>\n and\n</think>\n", "Write <think>\n and\n</think>\n"),
        ])
    func wholeOpened(_ sample: (String, String)) throws {
        let body: JSONValue = [
            "id": "c", "model": "m",
            "choices": [["index": 0, "finish_reason": "stop", "message": ["role": "assistant", "content": .string(sample.0)]]],
        ]
        let context = ConversionContext(client: .anthropic, upstream: .openai, model: "m", requestID: "r")
        let read = try body.bytes.withUnsafeBytes { try ResponseConverter.convertWhole($0, context) }
        let content = try JSONValue(parsing: read.body)["content"]?.array ?? []
        #expect(content.filter { $0["type"] == "text" }.compactMap { $0["text"]?.string }.joined() == sample.1)
    }

    @Test(
        "models whose template opens the thought are known by name",
        arguments: [
            ("Qwen/Qwen3-30B-A3B-Thinking-2507", true), ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", true), ("QwQ-32B", true),
            ("MiniMax-M2", true), ("qwen3-30b-a3b-instruct-2507", false), ("deepseek-chat", false), ("m", false),
        ])
    func opensByName(_ sample: (String, Bool)) {
        let known = Capabilities.known(dialect: .openai, model: sample.0, isFirstParty: false)
        #expect(known.openAI.quirks.opensThoughts == sample.1)
        var set = Capabilities()
        #expect(set.set("oai.think_tags", to: "opened") && set.openAI.quirks.opensThoughts)
        #expect(
            set.set("oai.think_tags", to: "false") && !set.openAI.quirks.opensThoughts && !set.set("oai.think_tags", to: "open"))
    }

    @Test("thoughts in parts within parts, as Mistral has them")
    func parts() throws {
        let thought: JSONValue = ["type": "thinking", "thinking": [["type": "text", "text": "It"]]]
        let read = try folded(
            chat([["content": ""], ["content": [thought]], ["content": [["type": "text", "text": "Good "], "day"]]]))
        #expect(read.thoughts == "It" && read.text == "Good day")
    }

    // MARK: Calls

    private func call(_ name: String, _ arguments: JSONValue, index: Int? = 0, id: String? = nil) -> JSONValue {
        var call: JSONObject = [:]
        call.append("index", ifPresent: index.map { .int($0) })
        call.append("id", ifPresent: id.map { .string($0) })
        call.append("function", ["name": .string(name), "arguments": arguments])
        return .object(call)
    }

    @Test("whole calls of one index and without ids are as many as come")
    func calls() throws {
        let list = [call("f", "{\"a\":1}"), call("g", "{\"a\":2}"), call("f", "{\"a\":3}")]
        for stream in [chat([["tool_calls": .array(list)]]), chat(list.map { ["tool_calls": [$0]] })] {
            let read = try folded(stream)
            #expect(read.calls.map { $0["name"] } == ["f", "g", "f"])
            #expect(read.calls.map { $0["input"]?["a"] } == [1, 2, 3])
            #expect(Set(read.calls.compactMap { $0["id"]?.string }).count == 3)
            #expect(read.stop == "toolUse")
        }
        let unnumbered = list.map {
            call($0["function"]?["name"]?.string ?? "", $0["function"]?["arguments"] ?? .null, index: nil)
        }
        #expect(try folded(chat([["tool_calls": .array(unnumbered)]])).calls.count == 3)
    }

    @Test("an empty object before the arguments, and all of them again behind them, are none")
    func repeats() throws {
        let pieces: [JSONValue] = ["{}", "{\"a\"", ":1}", "{\"a\":1}"]
        let read = try folded(chat(pieces.map { ["tool_calls": [call("f", $0, id: "x")]] }))
        #expect(read.calls.map { $0["input"] } == [["a": 1]])
        let empty = try folded(chat([["tool_calls": [call("f", "{}", id: "x")]], ["content": "done"]]))
        #expect(empty.calls.map { $0["input"] } == [[:]] && empty.text == "done")
    }

    // MARK: Endings

    @Test(
        "endings in every vendor's words",
        arguments: [
            ("stop", StopReason.endTurn), ("COMPLETE", .endTurn), ("eos_token", .endTurn), ("model_length", .maxTokens),
            ("model_context_window_exceeded", .maxTokens), ("MAX_TOKENS", .maxTokens), ("sensitive", .refusal),
            ("ERROR_TOXIC", .refusal), ("content-filter", .refusal), ("guardrail_intervened", .refusal), ("tool-calls", .toolUse),
            ("safety_stop_of_tomorrow", .refusal), ("some_length_limit", .maxTokens),
        ])
    func endings(_ word: String, _ reason: StopReason) {
        withBytes(word) { #expect(FinishWords.meaning(of: $0) == .ending(reason)) }
    }

    @Test(
        "an answer that broke off is an error",
        arguments: [
            "error", "network_error", "insufficient_system_resource", "abort", "malformed_function_call", "worker_crashed",
            "InternalServerError",
        ])
    func failures(_ word: String) throws {
        let read = try folded(chat([["content": "Part"]], finish: .string(word)))
        #expect(read.error?.errorClass == .upstreamBroken)
        if word != "error" { #expect(read.error?.message.contains(word) == true) }
        let whole = #"{"choices":[{"message":{"content":"x"},"finish_reason":"\#(word)"}]}"#
        let context = ConversionContext(client: .anthropic, upstream: .openai, model: "m", requestID: "r")
        withBytes(whole) { body in
            #expect(throws: UpstreamError.self) { try ResponseConverter.convertWhole(body, context) }
            #expect(ResponseFault.error(in: body, dialect: .openai) != nil)
        }
    }

    @Test("a word that nobody knows ends an answer as best it can, and is told")
    func unknown() throws {
        let body = #"{"choices":[{"message":{"content":"x"},"finish_reason":"moonrise"}]}"#
        let context = ConversionContext(client: .anthropic, upstream: .openai, model: "m", requestID: "r")
        let whole = try withBytes(body) { try ResponseConverter.convertWhole($0, context) }
        #expect(whole.unknownEnding == "moonrise" && whole.stopReason == "other")
        let known = try withBytes(#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}"#) {
            try ResponseConverter.convertWhole($0, context)
        }
        #expect(known.unknownEnding == nil)
    }

    // MARK: Usage

    static let places: [(String, TokenUsage)] = [
        (
            #""choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":120,"completion_tokens":9,"cached_tokens":100}}]"#,
            TokenUsage(uncachedInput: 20, cacheRead: 100, output: 9)
        ),
        (
            #""choices":[{"index":0,"delta":{"usage":{"prompt_tokens":12,"completion_tokens":9}},"finish_reason":"stop"}]"#,
            TokenUsage(uncachedInput: 12, output: 9)
        ),
        (
            #""choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"q","usage":{"prompt_tokens":12,"completion_tokens":9}}"#,
            TokenUsage(uncachedInput: 12, output: 9)
        ),
        (
            #""choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"timings":{"cache_n":5,"prompt_n":12,"predicted_n":9,"predicted_ms":1.5}"#,
            TokenUsage(uncachedInput: 12, cacheRead: 5, output: 9)
        ),
        (
            #""choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"prompt_eval_count":12,"eval_count":9"#,
            TokenUsage(uncachedInput: 12, output: 9)
        ),
        (
            #""choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":9,"total_tokens":26,"completion_tokens_details":{"reasoning_tokens":5}}"#,
            TokenUsage(uncachedInput: 12, output: 14, reasoning: 5)
        ),
    ]

    @Test("usage is found wherever it stands, by reader and meter", arguments: places)
    func usage(_ members: String, _ usage: TokenUsage) throws {
        let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\ndata: {\(members)}\n\ndata: [DONE]\n\n"
        #expect(try folded(stream).usage == usage)
        var meter = StreamMeter(dialect: .openai)
        withBytes(stream) { _ = meter.consume($0) }
        #expect(meter.usage == usage)
        let whole = "{" + members.replacing("\"delta\"", with: "\"message\"") + "}"
        withBytes(whole) { #expect(BodyMeter($0, dialect: .openai, promise: .response).usage == usage) }
        let context = ConversionContext(client: .anthropic, upstream: .openai, model: "m", requestID: "r")
        #expect(try withBytes(whole) { try ResponseConverter.convertWhole($0, context) }.usage == usage)
    }

    // MARK: Errors that do not say so

    @Test(
        "an error in a chunk of its own is one, by reader and meter",
        arguments: [
            (#"{"choices":null,"base_resp":{"status_code":1002,"status_msg":"rate limit"}}"#, ErrorClass.rateLimit, "rate limit"),
            (
                #"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#, .billing,
                "insufficient balance"
            ),
            (
                #"{"base_resp":{"status_code":2013,"status_msg":"invalid params, context window exceeds limit"}}"#,
                .contextTooLong, "invalid params, context window exceeds limit"
            ),
            (#"{"id":"x","choices":[],"base_resp":{"status_code":1002,"status_msg":"rate limit"}}"#, .rateLimit, "rate limit"),
            (#"{"status":"error","message":"no such thing"}"#, .internalError, "no such thing"),
            (#"{"object":"error","message":"boom","code":500}"#, .internalError, "boom"),
            (#"{"success":false,"code":500,"msg":"no such thing"}"#, .internalError, "no such thing"),
        ])
    func odd(_ data: String, _ errorClass: ErrorClass, _ message: String) throws {
        let read = try folded("data: \(data)\n\n")
        #expect(read.error?.withinSuccess.errorClass == (errorClass == .internalError ? .upstreamBroken : errorClass))
        #expect(read.error?.message == message)
        var meter = StreamMeter(dialect: .openai)
        withBytes("data: \(data)\n\n") { _ = meter.consume($0) }
        #expect(meter.error?.message == message)
    }

    @Test("chunks that say nothing are no errors")
    func nothing() throws {
        let stream =
            [
                "{}", #"{"choices":null}"#,
                #"{"choices":[],"status":"ok","message":"","base_resp":{"status_code":0}}"#,
                #"{"choices":[{"index":0,"delta":null}],"error":null}"#,
                #"{"error":{},"choices":[]}"#,
                #"{"choices":[{"index":0,"delta":{"content":"Hi","tool_calls":null},"finish_reason":"stop"}],"error":""}"#,
            ].map { "data: \($0)\n\n" }.joined()
        let read = try folded(stream)
        #expect(read.text == "Hi" && read.stop == "endTurn")
    }

    // MARK: Other formats

    func responses(_ events: [JSONValue]) -> String { events.map { "data: \($0.text)\n\n" }.joined() }

    @Test("a Responses stream without items and numbers is read once")
    func sparse() throws {
        let output: JSONValue = [["type": "message", "content": [["type": "output_text", "text": "Hello"]]]]
        let end: JSONValue = ["type": "response.completed", "response": ["id": "r", "status": "completed", "output": output]]
        let deltas: [JSONValue] = ["Hel", "lo"].map {
            ["type": "response.output_text.delta", "item_id": "m", "delta": .string($0)]
        }
        #expect(try folded(responses(deltas + [end]), from: .responses).text == "Hello")
        #expect(try folded(responses([end]), from: .responses).text == "Hello")
        let done: JSONValue = ["type": "response.output_text.done", "item_id": "m", "text": "Hello"]
        #expect(try folded(responses([done, end]), from: .responses).text == "Hello")
    }

    @Test("arguments that only a done event has, or only the response at the end")
    func lateArguments() throws {
        func added(_ name: String) -> JSONValue {
            [
                "type": "response.output_item.added",
                "item": [
                    "type": "function_call", "id": .string("fc_" + name), "call_id": .string("call_" + name),
                    "name": .string(name), "arguments": "",
                ],
            ]
        }
        let done: JSONValue = ["type": "response.function_call_arguments.done", "item_id": "fc_b", "arguments": "{\"x\":2}"]
        let item: JSONValue = ["type": "function_call", "id": "fc_a", "call_id": "call_a", "name": "a", "arguments": "{\"x\":1}"]
        let end: JSONValue = ["type": "response.completed", "response": ["id": "r", "status": "completed", "output": [item]]]
        let read = try folded(responses([added("a"), added("b"), done, end]), from: .responses)
        #expect(read.calls.map { $0["id"] } == ["call_a", "call_b"])
        #expect(read.calls.map { $0["input"]?["x"] } == [1, 2])
    }

    @Test(
        "a response that is incomplete for a reason that is not known ends as it is; a call that was cut off is nothing to run",
        arguments: [
            (#"{"reason":"moonrise"}"#, "", "other"), ("null", "", "other"),
            (#"{"reason":"max_output_tokens"}"#, "", "maxTokens"),
            (#"{"reason":"content_filter"}"#, "", "refusal"), (#"{"reason":"moonrise"}"#, #"{\"x\":1}"#, "toolUse"),
            (#"{"reason":"moonrise"}"#, #"{\"x\":"#, "maxTokens"),
        ])
    func incomplete(_ details: String, _ arguments: String, _ stop: String) throws {
        let call = #"{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"\#(arguments)"}"#
        let text = #"{"type":"message","id":"m","content":[{"type":"output_text","text":"x"}]}"#
        let response =
            #"{"id":"r","status":"incomplete","incomplete_details":\#(details),"output":[\#(text)\#(arguments.isEmpty ? "" : "," + call)]}"#
        let end = try JSONValue(parsing: #"{"type":"response.incomplete","response":\#(response)}"#)
        #expect(try folded(responses([end]), from: .responses).stop == stop)
        let context = ConversionContext(client: .gemini, upstream: .responses, model: "m", requestID: "r")
        let whole = try withBytes(response) { try ResponseConverter.convertWhole($0, context) }
        #expect(whole.stopReason == stop && (whole.unknownEnding == nil) == details.contains("_"))
        let mirror = ConversionContext(client: .responses, upstream: .responses, model: "m", requestID: "r")
        let own = try withBytes(response) { try ResponseConverter.convertWhole($0, mirror) }
        #expect(try JSONValue(parsing: own.body)["status"] == (stop == "toolUse" ? "completed" : "incomplete"))
        guard stop == "other" else { return }
        #expect(try JSONValue(parsing: whole.body)["candidates"]?.array?.first?["finishReason"] == "OTHER")
    }

    // MARK: Answers in a form of their own

    @Test("an Anthropic answer whose content is a text is that text", arguments: [ClientDialect.openai, .responses, .gemini])
    func textForBlocks(_ client: ClientDialect) throws {
        let context = ConversionContext(client: client, upstream: .anthropic, model: "m", requestID: "r")
        func converted(_ text: JSONValue) throws -> JSONValue {
            let body = ["id": "x", "type": "message", "content": text, "stop_reason": .null] as JSONValue
            return try JSONValue(parsing: withBytes(body.text) { try ResponseConverter.convertWhole($0, context) }.body)
        }
        let answer = try converted(#"a "b""#)
        let text =
            switch client {
            case .openai: answer["choices"]?.array?.first?["message"]?["content"]
            case .responses: answer["output"]?.array?.first?["content"]?.array?.first?["text"]
            case .gemini, .anthropic: answer["candidates"]?.array?.first?["content"]?["parts"]?.array?.first?["text"]
            }
        #expect(text == #"a "b""#)
        #expect(throws: UpstreamError.self) { try converted("") }
    }

    // MARK: Answers that are none

    @Test(
        "an answer that failed and says nothing of why is no text for a message; words in an answer's place are told",
        arguments: [
            (
                UpstreamDialect.responses, #"{"id":"r","status":"cancelled","error":null,"output":[{"type":"message"}]}"#,
                "the upstream ended its answer with an error"
            ),
            (
                .responses, #"{"id":"r","status":"failed","error":null,"output":[]}"#,
                "the upstream ended its answer with an error"
            ),
            (.responses, #"{"id":"r","status":"failed","error":{"code":"server_error","message":"Boom"},"output":[]}"#, "Boom"),
            (.responses, #"{"detail":"bad"}"#, "bad"), (.gemini, #"{"detail":"bad"}"#, "bad"),
            (.gemini, #"{"candidates":[]}"#, "the upstream gave an empty answer"),
            (.responses, #"{"id":"r"}"#, "the upstream's answer has no output"),
        ], [ClientDialect.anthropic, .openai])
    func failures(_ sample: (UpstreamDialect, String, String), _ client: ClientDialect) {
        let context = ConversionContext(client: client, upstream: sample.0, model: "m", requestID: "r")
        let error = #expect(throws: UpstreamError.self) {
            try withBytes(sample.1) { try ResponseConverter.convertWhole($0, context) }
        }
        #expect(error?.message == sample.2)
    }

    @Test("a stream that failed and says nothing of why is no text for a message")
    func failedStream() throws {
        for type in ["response.failed", "response.completed"] {
            let end = try JSONValue(
                parsing:
                    #"{"type":"\#(type)","response":{"id":"r","status":"failed","error":null,"output":[{"type":"message"}]}}"#)
            #expect(
                try folded(responses([end]), from: .responses).error?.message == "the upstream ended its answer with an error")
        }
    }

    // MARK: Endings without a word

    @Test("a call of Gemini's that ends for a reason not specified is one; without a call it is no end", arguments: Cut.allCases)
    func unspecified(_ cut: Cut) throws {
        func stream(_ part: String) -> String {
            #"data: {"candidates":[{"content":{"parts":[\#(part)]},"finishReason":"FINISH_REASON_UNSPECIFIED"}]}"# + "\n\n"
        }
        let call = #"{"functionCall":{"name":"f","args":{"x":1}}}"#
        let read = try folded(stream(call), from: .gemini, cut)
        #expect(read.stop == "toolUse" && read.calls.count == 1)
        #expect(try folded(stream(#"{"text":"x"}"#), from: .gemini, cut).error == .truncated)
        #expect(try folded(stream(call).replacing("FINISH_REASON_UNSPECIFIED", with: ""), from: .gemini, cut).error == .truncated)
    }

    @Test("an Anthropic answer without a reason for its end is one whose end nobody knows")
    func unsaid() throws {
        let context = ConversionContext(client: .gemini, upstream: .anthropic, model: "m", requestID: "r")
        let whole = try withBytes(#"{"id":"m","content":[{"type":"text","text":"x"}],"stop_reason":null,"usage":{}}"#) {
            try ResponseConverter.convertWhole($0, context)
        }
        #expect(try JSONValue(parsing: whole.body)["candidates"]?.array?.first?["finishReason"] == "OTHER")
        let stream = """
            data: {"type":"message_start","message":{"id":"m","content":[]}}

            data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"x"}}

            data: {"type":"message_stop"}


            """
        #expect(try folded(stream, from: .anthropic).stop == "other")
    }
}
