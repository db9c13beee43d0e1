import Testing

@testable import Dialects

@Suite("Conversion there and back")
struct ConversionTests {
    private func convert(
        _ body: String, _ client: ClientDialect, _ upstream: ClientDialect, _ options: ConversionOptions = ConversionOptions()
    ) throws -> ConvertedRequest {
        try withBytes(body) { bytes in
            try RequestConverter.convert(body: bytes, from: client, to: UpstreamDialect(upstream), model: "m", options: options)
        }
    }

    private func whole(_ body: String, _ context: ConversionContext) throws -> JSONValue {
        let response = try withBytes(body) { bytes in
            try ResponseConverter.convertWhole(bytes, context)
        }
        return try JSONValue(parsing: response.body)
    }

    @Test("a tool name too long for the upstream comes back as the client's own")
    func toolNames() throws {
        let name = String(repeating: "long_name_", count: 9)
        let body =
            #"{"model":"x","max_tokens":9,"tools":[{"name":"\#(name)","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"x"}]}"#
        let converted = try convert(body, .anthropic, .openai)
        let sent = try JSONValue(parsing: converted.body)["tools"]?.array?.first?["function"]?["name"]?.string ?? ""
        #expect(sent.utf8.count <= 64 && sent != name)
        let response = try whole(
            #"{"id":"c","model":"m","choices":[{"message":{"tool_calls":[{"id":"a","function":{"name":"\#(sent)","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
            converted.context)
        #expect(response["content"]?.array?.first?["name"]?.string == name)
    }

    @Test("a tool that takes free text gets its text unwrapped")
    func customTools() throws {
        let body =
            #"{"model":"x","tools":[{"type":"custom","custom":{"name":"free"}}],"messages":[{"role":"user","content":"x"}]}"#
        let converted = try convert(body, .openai, .anthropic)
        let response = try whole(
            #"{"id":"c","model":"m","content":[{"type":"tool_use","id":"t","name":"free","input":{"input":"a \"b\"\n"}}],"stop_reason":"tool_use","usage":{}}"#,
            converted.context)
        let call = response["choices"]?.array?.first?["message"]?["tool_calls"]?.array?.first
        #expect(call?["type"] == "custom" && call?["custom"]?["input"] == "a \"b\"\n")
    }

    @Test("a tool of a namespace goes flat and comes back in it")
    func namespaces() throws {
        let body =
            #"{"model":"x","input":"x","tools":[{"type":"namespace","name":"crm","tools":[{"type":"function","name":"find","parameters":{}}]}]}"#
        let converted = try convert(body, .responses, .openai)
        let response = try whole(
            #"{"id":"c","model":"m","choices":[{"message":{"tool_calls":[{"id":"a","function":{"name":"crm__find","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
            converted.context)
        let item = response["output"]?.array?.first
        #expect(item?["name"] == "find" && item?["namespace"] == "crm")
    }

    @Test("stop sequences beyond the upstream's limit end the answer all the same", arguments: Cut.allCases)
    func stops(_ cut: Cut) throws {
        let body =
            #"{"model":"x","max_tokens":9,"stream":true,"stop_sequences":["1","2","3","4","STOP\n"],"messages":[{"role":"user","content":"x"}]}"#
        let converted = try convert(body, .anthropic, .openai)
        #expect(converted.lossy == [LossyNote("stop_sequences", .emulated)])
        let stream = """
            data: {"id":"c","model":"m","choices":[{"delta":{"content":"before é ST"}}]}

            data: {"id":"c","model":"m","choices":[{"delta":{"content":"OP"}}]}

            data: {"id":"c","model":"m","choices":[{"delta":{"content":"\\nafter"},"finish_reason":"stop"}]}

            data: [DONE]


            """
        var converter = StreamConverter(converted.context)
        var out: [UInt8] = []
        for piece in cut.pieces(of: stream) { _ = piece.withUnsafeBytes { converter.consume($0, into: &out) } }
        let read = try out.withUnsafeBytes { bytes in
            try ResponseConverter.fold(
                stream: bytes, ConversionContext(client: .anthropic, upstream: .anthropic))
        }
        let response = try JSONValue(parsing: read.body)
        #expect(response["content"]?.array?.first?["text"] == "before é ")
        #expect(response["stop_reason"] == "stop_sequence" && response["stop_sequence"] == "STOP\n")
    }

    @Test("signals tell the first content and the end")
    func signals() {
        var converter = StreamConverter(ConversionContext(client: .anthropic, upstream: .openai, model: "m"))
        var out: [UInt8] = []
        func feed(_ text: String) -> Signals { withBytes(text) { converter.consume($0, into: &out) } }
        #expect(
            feed(
                "data: {\"id\":\"c\",\"model\":\"real\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n")
                == [])
        #expect(feed("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n") == .content)
        #expect(feed("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n") == [])
        let before = out.count
        #expect(
            feed("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n")
                == .terminal)
        // The text block is closed before the ending begins.
        #expect(text(Array(out[before...])).contains("event: message_delta"))
        #expect(converter.usage == TokenUsage(uncachedInput: 3, output: 2) && converter.model == "real" && converter.isComplete)
        #expect(converter.finish(into: &out) == [])
    }

    @Test("an error before any content is an error, not a stream")
    func earlyError() {
        var converter = StreamConverter(ConversionContext(client: .openai, upstream: .anthropic))
        var out: [UInt8] = []
        let signals = withBytes(
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"
        ) { converter.consume($0, into: &out) }
        #expect(signals == .error && converter.error?.errorClass == .overloaded && !converter.isComplete)
    }

    @Test("a whole answer where a stream was asked for becomes a stream")
    func wholeAsStream() {
        var converter = StreamConverter(ConversionContext(client: .anthropic, upstream: .openai))
        var out: [UInt8] = []
        let signals = withBytes(#"{"id":"c","model":"m","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}"#) {
            converter.consumeWhole($0, into: &out)
        }
        #expect(signals == [.content, .terminal])
        #expect(text(out).hasSuffix("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"))
    }

    /// A chat response whose event in the middle is longer than 1000 bytes.
    static func oversized(_ long: String) -> String {
        "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n" + long + "\n\n"
            + "data: {\"choices\":[{\"delta\":{\"content\":\"after\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
    }

    @Test("an event too long to be converted fails the answer, and what follows it is not shown", arguments: Cut.allCases)
    func oversized(_ cut: Cut) throws {
        let context = ConversionContext(client: .anthropic, upstream: .openai)
        let line = "data: {\"choices\":[{\"delta\":{\"content\":\"" + String(repeating: "x", count: 5_000)
        // In one piece only an event of several lines has to be copied.
        let said = Self.oversized(line + "\ndata: \"}}]}")
        var converter = StreamConverter(context, maxEventBytes: 1_000)
        var out: [UInt8] = []
        for piece in cut.pieces(of: said) { _ = piece.withUnsafeBytes { converter.consume($0, into: &out) } }
        _ = converter.finish(into: &out)
        #expect(converter.error?.errorClass == .upstreamBroken && !converter.isComplete)
        let told = text(out)
        #expect(told.contains("\"Hi\"") && told.contains("event: error") && !told.contains("after"))
        #expect(!told.contains("message_stop"))

        #expect(throws: UpstreamError.self) {
            try withBytes(said) {
                try ResponseConverter.folded($0, context, maxEventBytes: 1_000)
            }
        }
        let whole = try withBytes(said) {
            try ResponseConverter.folded($0, context, maxEventBytes: 32 << 20)
        }
        #expect(whole.stopReason == "endTurn")
    }

    @Test("a stream that ends in an event too long to be converted fails")
    func oversizedEnd() {
        var converter = StreamConverter(
            ConversionContext(client: .anthropic, upstream: .openai), maxEventBytes: 1_000)
        var out: [UInt8] = []
        let said = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: "
        withBytes(said + String(repeating: "x", count: 5_000)) { _ = converter.consume($0, into: &out) }
        _ = converter.finish(into: &out)
        #expect(converter.error != nil && !converter.isComplete)
    }

    @Test("strict refuses what warn only notes")
    func strictness() throws {
        let body = #"{"model":"x","max_tokens":9,"top_k":3,"messages":[{"role":"user","content":"x"}]}"#
        #expect(try convert(body, .anthropic, .openai).lossy.map(\.description) == ["top_k=dropped"])
        #expect(try convert(body, .anthropic, .openai, ConversionOptions(lossPolicy: .silent)).lossy.isEmpty)
        do {
            _ = try convert(body, .anthropic, .openai, ConversionOptions(lossPolicy: .strict))
            Issue.record("strict must refuse")
        } catch let problem as ConversionProblem {
            #expect(problem.param == "top_k" && problem.errorClass == .unsupported)
        }
    }

    @Test(
        "what its own format forbids is refused with the field's name",
        arguments: [
            (ClientDialect.anthropic, #"{"model":"x","messages":[{"role":"user","content":"x"}]}"#, "max_tokens"),
            (.anthropic, #"{"model":"x","max_tokens":5}"#, "messages"),
            (.anthropic, #"{"model":"x","max_tokens":5,"messages":[{"role":"robot","content":"x"}]}"#, "messages.0.role"),
            (
                .anthropic, #"{"model":"x","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
                "messages.0.content.0.text"
            ),
            (.openai, #"{"model":"x"}"#, "messages"),
            (.openai, #"{"model":"x","messages":[{"role":"tool","content":"x"}]}"#, "messages[0].tool_call_id"),
            (
                .openai,
                #"{"model":"x","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/bmp;base64,AA=="}}]}]}"#,
                "messages[0].content[0].image_url"
            ),
            (.responses, #"{"model":"x"}"#, "input"),
            (.gemini, #"{}"#, "contents"),
        ])
    func refusals(_ client: ClientDialect, _ body: String, _ param: String) {
        do {
            _ = try convert(body, client, client == .anthropic ? .openai : .anthropic)
            Issue.record("must be refused")
        } catch let problem as ConversionProblem {
            #expect(problem.param == param)
        } catch { Issue.record("\(error)") }
    }

    @Test("a key that is there twice is refused, however deep")
    func duplicates() {
        #expect(throws: ConversionProblem.self) {
            _ = try convert(
                #"{"model":"x","max_tokens":9,"messages":[{"role":"user","role":"user","content":"x"}]}"#, .anthropic, .openai)
        }
    }

    @Test("a seal goes home in its envelope and nowhere else")
    func envelopes() {
        let envelope = SignatureEnvelope(family: .gemini, model: "g", kind: .call, original: "sig/+=\"é")
        #expect(SignatureEnvelope(envelope.encoded) == envelope)
        #expect(SignatureEnvelope("EqReal") == nil)
        #expect(SignatureEnvelope("pxd1.!!!") == nil)
    }

    @Test(
        "capabilities follow from model names",
        arguments: [
            ("claude-opus-4-6-thinking", 406), ("claude-3-5-sonnet-20241022", 305), ("claude-sonnet-5", 500), ("gpt-5.2", 502),
            ("gemini-2.5-pro", 205), ("gemini-3-pro-high", 300), ("claude-opus-4-20250514", 400), ("llama", nil),
        ] as [(String, Int?)])
    func versions(_ name: String, _ version: Int?) { #expect(ModelFamily.version(name) == version) }

    @Test("reasoning models get their own fields")
    func reasoningModels() throws {
        let able = Capabilities.known(dialect: .openai, model: "gpt-5-mini", isFirstParty: true)
        let body =
            #"{"model":"x","max_tokens":900,"temperature":0.5,"thinking":{"type":"enabled","budget_tokens":1024},"system":"s","messages":[{"role":"user","content":"x"}]}"#
        let sent = try JSONValue(parsing: convert(body, .anthropic, .openai, ConversionOptions(capabilities: able)).body)
        #expect(sent["max_completion_tokens"]?.int == 900 && sent["reasoning_effort"] == "low" && sent["temperature"] == nil)
        #expect(sent["messages"]?.array?.first?["role"] == "developer")
    }

    @Test("thinking with a budget makes room for itself")
    func budgets() throws {
        var able = Capabilities()
        able.anthropic.maxOutput = 64_000
        let body =
            #"{"model":"x","max_tokens":500,"reasoning_effort":"high","temperature":0.2,"messages":[{"role":"user","content":"x"}]}"#
        let sent = try JSONValue(parsing: convert(body, .openai, .anthropic, ConversionOptions(capabilities: able)).body)
        #expect(
            sent["thinking"]?["budget_tokens"]?.int == 24_576 && sent["max_tokens"]?.int == 25_076 && sent["temperature"] == nil)
    }

    @Test("a limit that is raised for thoughts is told, and no other", arguments: [ClientDialect.anthropic, .gemini])
    func raisedLimits(upstream: ClientDialect) throws {
        var able = Capabilities()
        (able.anthropic.maxOutput, able.gemini.maxThinkingBudget) = (64_000, 24_576)
        let efforts: [(String, Int?)] = [
            (#""reasoning_effort":"high","#, 25_076), (#""reasoning_effort":"none","#, nil), ("", nil),
        ]
        for (more, wanted) in efforts {
            let body = #"{"model":"x","max_tokens":500,"# + more + #""messages":[{"role":"user","content":"x"}]}"#
            let converted = try convert(body, .openai, upstream, ConversionOptions(capabilities: able))
            #expect(converted.raisedOutput == wanted, "\(more)")
            guard let wanted else { continue }
            let sent = try JSONValue(parsing: converted.body)
            #expect((sent["max_tokens"] ?? sent["generationConfig"]?["maxOutputTokens"])?.int == wanted)
        }
    }
}
