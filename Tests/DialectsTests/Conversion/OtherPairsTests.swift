import Testing

@testable import Dialects

@Suite("Requests between other pairs of formats")
struct OtherPairsTests {
    private func convert(
        _ body: String, _ client: ClientDialect, _ upstream: ClientDialect, model: String = "m"
    ) throws -> (sent: JSONValue, lossy: [String], context: ConversionContext) {
        let target = UpstreamDialect(upstream)
        let able = Capabilities.known(dialect: target, model: model, isFirstParty: true)
        let converted = try withBytes(body) { bytes in
            try RequestConverter.convert(
                body: bytes, from: client, to: target, model: model, options: ConversionOptions(capabilities: able))
        }
        return (try JSONValue(parsing: converted.body), converted.lossy.map(\.description), converted.context)
    }

    private func problem(_ body: String, _ client: ClientDialect, _ upstream: ClientDialect) -> ConversionProblem? {
        do {
            _ = try convert(body, client, upstream)
            return nil
        } catch {
            return error as? ConversionProblem
        }
    }

    // MARK: JSON in words

    @Test("a wish for JSON that OpenAI refuses is said in words", arguments: [ClientDialect.openai, .responses])
    func jsonInWords(_ upstream: ClientDialect) throws {
        func asked(_ config: String, _ text: String = "Hi") throws -> (sent: String, lossy: [String]) {
            let wish = #"{"responseMimeType":"application/json"\#(config)}"#
            let body = #"{"contents":[{"parts":[{"text":"\#(text)"}]}],"generationConfig":\#(wish)}"#
            let (sent, lossy, _) = try convert(body, .gemini, upstream)
            return (sent.text, lossy)
        }
        let plain = try asked("")
        #expect(plain.sent.contains("Answer in JSON.") && plain.sent.contains("json_object") && plain.lossy.isEmpty)
        let spoken = try asked("", "As json, please")
        #expect(!spoken.sent.contains("Answer in JSON.") && spoken.sent.contains("json_object"))
        let list = try asked(#","responseSchema":{"type":"ARRAY","items":{"type":"STRING"}}"#)
        #expect(list.sent.contains("Answer with JSON only") && !list.sent.contains("json_schema"))
        #expect(list.lossy == ["generationConfig.responseSchema=approximated"])
        let object = try asked(#","responseSchema":{"type":"OBJECT","properties":{}}"#)
        #expect(object.sent.contains("json_schema") && object.lossy.isEmpty)
    }

    // MARK: Places

    @Test(
        "a problem names the client's own field",
        arguments: [
            (
                #"{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://x.example/a.pdf"}]}]}"#, .openai,
                "input[0].content[0]"
            ),
            (
                #"{"input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"a","name":"f","arguments":""},"#
                    + #"{"type":"message","role":"user","content":"y"},{"type":"function_call_output","call_id":"a","output":"#
                    + #"[{"type":"input_text","text":"t"},{"type":"input_image","image_url":"https://x.example/a.png"}]}]}"#,
                .gemini, "input[3].output[1]"
            ),
            (#"{"input":"x","tools":[{"type":"web_search"}],"tool_choice":{"type":"web_search"}}"#, .openai, "tools[0]"),
            (#"{"input":[]}"#, .openai, "input"), (#"{"input":null}"#, .gemini, "input"),
        ] as [(String, ClientDialect, String)])
    func places(_ body: String, _ upstream: ClientDialect, _ param: String) {
        #expect(problem(body, .responses, upstream)?.param == param)
    }

    @Test("a history that conversion leaves nothing of is one short message")
    func nothingLeft() throws {
        let body = #"{"max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":""}]}]}"#
        #expect(try convert(body, .anthropic, .openai).sent["messages"] == [["role": "user", "content": "."]])
        let input = try convert(body, .anthropic, .responses).sent["input"]
        #expect(input == [["type": "message", "role": "user", "content": [["type": "input_text", "text": "."]]]])
    }

    // MARK: Gemini

    private static let planning =
        ##""messages":[{"role":"user","content":"plan"}],"response_format":{"type":"json_schema","json_schema":{"name":"p","schema":{"type":"object","properties":{"zebra":{"type":"string"}}}}},"tools":[{"type":"function","function":{"name":"ls","parameters":{"type":"object","properties":{"d":{"type":"string"}}}}}]"##

    @Test("JSON and functions: both for Gemini 3; for earlier ones the form is asked for in words, and told")
    func jsonBesideTools() throws {
        let both = try convert("{\(Self.planning)}", .openai, .gemini, model: "gemini-3-pro-preview")
        #expect(both.sent["generationConfig"]?["responseMimeType"] == "application/json")
        #expect(both.sent["tools"] != nil && both.lossy.isEmpty)
        let words = try convert("{\(Self.planning)}", .openai, .gemini, model: "gemini-2.5-flash")
        #expect(words.sent["generationConfig"]?["responseMimeType"] == nil && words.sent["tools"] != nil)
        #expect(words.sent["systemInstruction"]?.text.contains("zebra") == true)
        #expect(words.lossy == ["response_format=approximated"])
        let none = try convert(#"{"tool_choice":"none",\#(Self.planning)}"#, .openai, .gemini, model: "gemini-2.5-flash")
        #expect(none.sent["generationConfig"]?["responseMimeType"] == "application/json" && none.sent["tools"] == nil)
        #expect(none.lossy == ["tools=dropped"])
    }

    @Test(
        "what is text in a result stays text of the result; data are beside it",
        arguments: ["gemini-2.5-pro", "gemini-3-pro-preview"])
    func resultsForGemini(_ model: String) throws {
        let body =
            #"{"max_tokens":9,"messages":[{"role":"user","content":"?"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"Read","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"one"},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"two"},"title":"T"},{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}},{"type":"search_result","title":"S","source":"https://e.example","content":[{"type":"text","text":"three"}]},{"type":"document","source":{"type":"base64","media_type":"text/csv","data":"YSxi"}}]}]}]}"#
        let sent = try convert(body, .anthropic, .gemini, model: model).sent
        let parts = sent["contents"]?.array?.last?["parts"]?.array ?? []
        let function = parts.first?["functionResponse"]
        #expect(function?["response"]?["output"] == "one\nT\ntwo\nS\nhttps://e.example\nthree\na,b")
        let media = model.contains("3") ? function?["parts"]?.array ?? [] : Array(parts.dropFirst())
        #expect(media == [["inlineData": ["mimeType": "application/pdf", "data": "JVBERi0="]]])
    }

    @Test("tiers for Gemini", arguments: [("default", "standard"), ("flex", "flex"), ("priority", "priority"), ("auto", nil)])
    func tiers(_ given: String, _ wanted: String?) throws {
        let sent = try convert(#"{"service_tier":"\#(given)","messages":[{"role":"user","content":"x"}]}"#, .openai, .gemini)
        #expect(sent.sent["serviceTier"]?.string == wanted && sent.lossy.isEmpty)
    }

    @Test("a Gemini client's result whose id no call has answers the open call of its name")
    func strangeIDs() throws {
        let body =
            #"{"contents":[{"role":"user","parts":[{"text":"x"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{}}},{"functionCall":{"name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"mine","name":"f","response":{"output":"a"}}},{"functionResponse":{"id":"mine2","name":"f","response":{"output":"b"}}}]}]}"#
        let messages = try convert(body, .gemini, .openai).sent["messages"]?.array ?? []
        let calls = messages[1]["tool_calls"]?.array?.map { $0["id"] } ?? []
        #expect(messages.count == 4 && messages[2]["tool_call_id"] == calls[0] && messages[2]["content"] == "a")
        #expect(messages[3]["tool_call_id"] == calls[1] && messages[3]["content"] == "b")
    }

    @Test("calls of one turn that share an id are told apart in every format", arguments: [ClientDialect.anthropic, .openai])
    func sharedIDs(_ upstream: ClientDialect) throws {
        let body =
            #"{"input":[{"role":"user","content":"x"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"one"},{"type":"function_call_output","call_id":"c","output":"two"}]}"#
        let sent = try convert(body, .responses, upstream).sent.text
        #expect(sent.contains("one") && sent.contains("two") && sent.contains(#""c_2""#))
    }

    // MARK: Chat clients

    @Test("tools, choices and blocks in other vendors' shapes are read as what they are")
    func mixedShapes() throws {
        let body =
            #"{"tool_choice":{"type":"tool","name":"b"},"tools":[{"type":"function","name":"a","parameters":{"type":"object","properties":{"p":{"type":"string"}}}},{"name":"b","input_schema":{"type":"object","properties":{"q":{"type":"string"}}}},{"type":"custom","name":"c","input_schema":{"type":"object","properties":{"r":{"type":"string"}}}},{"type":"custom","name":"d","format":{"type":"text"}}],"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]},{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"b","input":{"q":"1"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"done"}]}]}"#
        let (sent, lossy, context) = try convert(body, .openai, .anthropic, model: "claude-sonnet-4-6")
        let schemas = sent["tools"]?.array?.map { $0["input_schema"]?["properties"]?.object?.members.first?.key }
        #expect(schemas == ["p", "q", "r", "input"] && context.customTools == ["d"])
        #expect(sent["tool_choice"] == ["type": "tool", "name": "b"])
        let messages = sent["messages"]?.array ?? []
        #expect(messages[0]["content"]?.array?[1]["type"] == "image")
        #expect(messages[1]["content"]?.array?.first?["input"] == ["q": "1"])
        #expect(messages[2]["content"]?.array?.first?["content"] == "done" && lossy.isEmpty)
    }

    @Test(
        "words for thinking that Chat servers have are understood",
        arguments: [
            (#""thinking":{"type":"enabled","budget_tokens":2000}"#, #"{"type":"enabled","budget_tokens":2000}"#),
            (#""reasoning":{"effort":"low"}"#, #"{"type":"enabled","budget_tokens":1024}"#),
            (#""reasoning":{"max_tokens":3000}"#, #"{"type":"enabled","budget_tokens":3000}"#),
            (#""reasoning":{"enabled":false}"#, #"{"type":"disabled"}"#),
            (#""enable_thinking":true"#, #"{"type":"enabled","budget_tokens":8192}"#),
            (#""chat_template_kwargs":{"enable_thinking":false}"#, #"{"type":"disabled"}"#),
            (#""enable_thinking":false,"thinking_budget":4096"#, #"{"type":"disabled"}"#),
            (#""thinking_budget":4096,"enable_thinking":false"#, #"{"type":"disabled"}"#),
            (#""enable_thinking":true,"thinking_budget":4096"#, #"{"type":"enabled","budget_tokens":4096}"#),
            (#""thinking_budget":0"#, #"{"type":"disabled"}"#), (#""think":false"#, #"{"type":"disabled"}"#),
            (#""think":"low""#, #"{"type":"enabled","budget_tokens":1024}"#),
        ])
    func thinkingWords(_ given: String, _ wanted: String) throws {
        let body = #"{"max_tokens":20000,\#(given),"messages":[{"role":"user","content":"x"}]}"#
        let converted = try convert(body, .openai, .anthropic, model: "claude-sonnet-4-5")
        #expect(try converted.sent["thinking"] == JSONValue(parsing: wanted) && converted.lossy.isEmpty)
    }

    @Test(
        "what is left out is named as the client calls it",
        arguments: [
            (
                #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","audio":{"id":"x"}},{"role":"user","content":"b"}]}"#,
                ClientDialect.openai, "messages.audio=dropped"
            ),
            (#"{"input":"Hi","top_logprobs":2}"#, .responses, "top_logprobs=dropped"),
        ])
    func named(_ body: String, _ client: ClientDialect, _ note: String) throws {
        #expect(try convert(body, client, .anthropic).lossy == [note])
    }

    @Test(
        "a Gemini client's log probabilities are asked of nobody who cannot tell them",
        arguments: [ClientDialect.openai, .responses])
    func unansweredLogprobs(_ upstream: ClientDialect) throws {
        let body =
            #"{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"responseLogprobs":true,"logprobs":2}}"#
        let converted = try convert(body, .gemini, upstream)
        #expect(converted.sent["top_logprobs"] == nil && converted.sent["logprobs"] == nil)
        #expect(converted.lossy == ["generationConfig.responseLogprobs=dropped"])
    }

    @Test(
        "a prefill that is not continued is named by the client's list",
        arguments: [
            (#"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#, .openai, "messages.prefill"),
            (#"{"input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#, .responses, "input.prefill"),
        ] as [(String, ClientDialect, String)])
    func prefills(_ body: String, _ client: ClientDialect, _ name: String) throws {
        #expect(try convert(body, client, .gemini).lossy == ["\(name)=dropped"])
    }

    @Test("log probabilities that are not asked for are no wish", arguments: [ClientDialect.anthropic, .responses, .gemini])
    func noLogprobs(_ upstream: ClientDialect) throws {
        let body = #"{"messages":[{"role":"user","content":"a"}],"logprobs":false,"top_logprobs":0}"#
        let converted = try convert(body, .openai, upstream)
        #expect(converted.lossy.isEmpty && converted.sent["top_logprobs"] == nil && converted.sent["generationConfig"] == nil)
    }

    @Test("a Responses client's switch for log probabilities is the other formats'")
    func includedLogprobs() throws {
        let body = #"{"input":"a","top_logprobs":0,"include":["message.output_text.logprobs"]}"#
        let chat = try convert(body, .responses, .openai)
        #expect(chat.sent["logprobs"] == true && chat.sent["top_logprobs"] == nil && chat.lossy.isEmpty)
        let gemini = try convert(body, .responses, .gemini)
        #expect(gemini.sent["generationConfig"] == ["responseLogprobs": true] && gemini.lossy.isEmpty)
        #expect(try convert(body, .responses, .anthropic).lossy.isEmpty)
    }

    @Test(
        "a tool's schema that is a reference at its root is what it refers to",
        arguments: [ClientDialect.anthropic, .responses])
    func referredTools(_ upstream: ClientDialect) throws {
        let body =
            ##"{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"$ref":"#/definitions/T","definitions":{"T":{"type":"object","properties":{"x":{"type":"string"}},"required":["x"],"additionalProperties":false}}}}}]}"##
        let tool = try convert(body, .openai, upstream).sent["tools"]?.array?.first
        let schema = tool?["input_schema"] ?? tool?["parameters"]
        #expect(schema?["type"] == "object" && schema?["$ref"] == nil && schema?["required"] == ["x"])
        #expect(schema?["properties"]?["x"]?["type"] == "string")
    }

    @Test("a call of a Responses history may have its arguments as the object itself")
    func argumentObjects() throws {
        let body =
            #"{"input":[{"role":"user","content":"a"},{"type":"function_call","call_id":"c","name":"f","arguments":{"x":1}}]}"#
        let call = try convert(body, .responses, .openai).sent["messages"]?.array?[1]["tool_calls"]?.array?.first
        #expect(call?["function"]?["arguments"] == #"{"x":1}"#)
    }

    @Test("a picture in the model's own words goes on where it can, and leaves a word where it cannot")
    func modelsPictures() throws {
        func body(_ url: String) -> String {
            #"{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"\#(url)"}}]},{"role":"user","content":"b"}]}"#
        }
        let data = "data:image/png;base64,iVBORw0KGgo="
        let carried = try convert(body(data), .openai, .gemini)
        let part = carried.sent["contents"]?.array?[1]["parts"]?.array?.first
        #expect(part?["inlineData"]?["mimeType"] == "image/png" && carried.lossy.isEmpty)
        let far = try convert(body("https://x/y.png"), .openai, .gemini)
        #expect(far.sent["contents"]?.array?[1]["parts"] == [["text": "[image omitted]"]])
        #expect(far.lossy == ["messages[1].content[0]=dropped"])
        let items = try convert(body(data), .openai, .responses)
        #expect(items.sent["input"]?.array?[1]["content"]?.array?.first?["text"] == "[image omitted]")
        #expect(items.lossy == ["messages[1].content[0]=dropped"])
    }

    @Test("what is not known of thinking is told")
    func unknownThinking() throws {
        let body = #"{"reasoning":{"depth":1},"messages":[{"role":"user","content":"x"}]}"#
        #expect(try convert(body, .openai, .gemini).lossy == ["reasoning=dropped"])
    }

    @Test("names: of several speakers they stand before their words, and what becomes of them is told")
    func names() throws {
        let two =
            #"{"messages":[{"role":"user","name":"Ann","content":"a"},{"role":"user","name":"Bob","content":"b"}]}"#
        let converted = try convert(two, .openai, .anthropic)
        #expect(converted.sent["messages"]?.text.contains("Ann: a") == true)
        #expect(converted.lossy == ["messages.name=approximated"])
        let one = try convert(#"{"messages":[{"role":"user","name":"Ann","content":"a"}]}"#, .openai, .gemini)
        #expect(one.sent["contents"]?.array?.first?["parts"] == [["text": "a"]] && one.lossy == ["messages.name=dropped"])
    }

    @Test("a body of Responses on the path of Chat is understood, and a body without either is not")
    func itemsForMessages() throws {
        let body =
            #"{"instructions":"Be brief.","max_output_tokens":7,"input":[{"role":"user","content":[{"type":"input_text","text":"x"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"y"}]}"#
        let sent = try convert(body, .openai, .anthropic).sent
        #expect(sent["system"]?.array?.first?["text"] == "Be brief." && sent["max_tokens"] == 7)
        #expect(sent["messages"]?.array?.count == 3)
        #expect(problem(#"{"model":"x"}"#, .openai, .anthropic)?.param == "messages")
    }

    @Test("calls without ids are answered by name, in their order")
    func callsWithoutIDs() throws {
        let body =
            #"{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"n":1}}},{"function":{"name":"f","arguments":{"n":2}}}]},{"role":"tool","tool_name":"f","content":"one"},{"role":"tool","name":"f","content":"two"}]}"#
        let messages = try convert(body, .openai, .anthropic).sent["messages"]?.array ?? []
        let calls = messages[1]["content"]?.array ?? []
        let results = messages[2]["content"]?.array ?? []
        #expect(calls.map { $0["input"] } == [["n": 1], ["n": 2]] && calls[0]["id"] != calls[1]["id"])
        #expect(results.map { $0["tool_use_id"] } == calls.map { $0["id"] } && results.map { $0["content"] } == ["one", "two"])
        let lost = #"{"messages":[{"role":"user","content":"x"},{"role":"tool","content":"one"}]}"#
        #expect(problem(lost, .openai, .anthropic)?.param == "messages[1].tool_call_id")
    }

    @Test("white space alone says nothing to Claude: not in the system text, not in a later one, not in a result")
    func whiteSpace() throws {
        let body =
            #"{"messages":[{"role":"system","content":" "},{"role":"user","content":"x"},{"role":"system","content":"\n"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":" "}]}]}"#
        let sent = try convert(body, .openai, .anthropic).sent
        #expect(sent["system"] == nil && sent["messages"]?.array?.count == 3)
        #expect(sent["messages"]?.array?[0]["content"] == [["type": "text", "text": "x"]])
        #expect(sent["messages"]?.array?[2]["content"]?.array?.first?["content"] == nil)
    }

    // MARK: Files

    @Test(
        "files by their type: what an upstream reads as it is, what is text as text, the rest is refused",
        arguments: [
            ("data:application/json;base64,e30=", "x.json", ClientDialect.anthropic, "{}"),
            ("e30=", "x.json", .anthropic, "{}"),
            ("data:image/png;base64,iVBORw0KGgo=", "x.png", .anthropic, "image/png"),
            ("JVBERi0=", "x", .anthropic, "application/pdf"),
            ("data:video/mp4;base64,AAAA", "x.mp4", .gemini, "video/mp4"),
            ("data:application/zip;base64,UEsDBA==", "x.zip", .responses, "application/zip"),
            ("data:audio/mpeg;base64,AAAA", "x.mp3", .gemini, "audio/mp3"),
        ])
    func files(_ data: String, _ name: String, _ upstream: ClientDialect, _ wanted: String) throws {
        let client: ClientDialect = upstream == .responses ? .openai : .responses
        let list = client == .openai ? "messages" : "input"
        let part =
            client == .openai
            ? #"{"type":"file","file":{"filename":"\#(name)","file_data":"\#(data)"}}"#
            : #"{"type":"input_file","filename":"\#(name)","file_data":"\#(data)"}"#
        let sent = try convert(#"{"\#(list)":[{"role":"user","content":[\#(part)]}]}"#, client, upstream).sent
        #expect(sent.text.contains(wanted))
    }

    @Test(
        "a file by id, and one that an upstream does not read, are refused by their place",
        arguments: [
            (#"{"type":"input_file","file_id":"file-1"}"#, "input[0].content[0].file_id"),
            (
                #"{"type":"input_file","filename":"x.zip","file_data":"data:application/zip;base64,UEsDBA=="}"#,
                "input[0].content[0].file"
            ),
            (#"{"type":"input_video","video_url":"https://e.example/x.mp4"}"#, "input[0].content[0].input_video"),
        ])
    func refusedFiles(_ part: String, _ param: String) {
        let body = #"{"input":[{"role":"user","content":[\#(part)]}]}"#
        #expect(problem(body, .responses, .anthropic)?.param == param)
    }

    // MARK: Answers

    private static let answer =
        #"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"logprobsResult":{"chosenCandidates":[{"token":"Hi","tokenId":1,"logProbability":-0.1}],"topCandidates":[{"candidates":[{"token":"Hi","logProbability":-0.1},{"token":"Yo","logProbability":-2.5}]}]}}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":1,"totalTokenCount":3}}"#

    @Test("Gemini's log probabilities reach a Chat client, whole and streamed")
    func logprobs() throws {
        let context = try convert(#"{"logprobs":true,"messages":[{"role":"user","content":"x"}]}"#, .openai, .gemini).context
        let whole = try JSONValue(parsing: withBytes(Self.answer) { try ResponseConverter.convertWhole($0, context) }.body)
        let first = whole["choices"]?.array?.first?["logprobs"]?["content"]?.array?.first
        #expect(first?["token"] == "Hi" && first?["logprob"]?.double == -0.1 && first?["bytes"] == [72, 105])
        #expect(first?["top_logprobs"]?.array?.map { $0["token"] } == ["Hi", "Yo"])

        var streaming = context
        streaming.isStreaming = true
        var converter = StreamConverter(streaming)
        var out: [UInt8] = []
        withBytes("data: \(Self.answer)\n\n") { _ = converter.consume($0, into: &out) }
        _ = converter.finish(into: &out)
        let chunk = text(out).split(separator: "\n").first { $0.contains(#""content":"Hi""#) }
        #expect(
            try chunk.map { try JSONValue(parsing: String($0.dropFirst(6))) }?["choices"]?.array?.first?["logprobs"]?["content"]?
                .array?
                .first == first)
    }

    @Test("the tier that served reaches a Chat client", arguments: [("standard", "default"), ("priority", "priority")])
    func tierOfAnswer(_ said: String, _ wanted: String) throws {
        let context = try convert(#"{"messages":[{"role":"user","content":"x"}]}"#, .openai, .anthropic).context
        let answer =
            #"{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1,"service_tier":"\#(said)"}}"#
        let whole = try JSONValue(parsing: withBytes(answer) { try ResponseConverter.convertWhole($0, context) }.body)
        #expect(whole["service_tier"]?.string == wanted)
    }
}
