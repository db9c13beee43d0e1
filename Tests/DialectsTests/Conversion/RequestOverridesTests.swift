import Basics
import Testing

@testable import Dialects

@Suite("What a rule sets in requests")
struct RequestOverridesTests {
    /// The body with what is set in it.
    private func changed(
        _ body: String, _ set: [(String, String)], _ kind: RequestForm.Kind, _ able: Capabilities = Capabilities(),
        cap: Int? = nil, isConverted: Bool = false
    ) throws -> String {
        let overrides = RequestOverrides(set.map { (member: $0.0, json: Array($0.1.utf8)) })
        return try withBytes(body) { bytes in
            var members: [JSONMember] = []
            let object = try JSONScan.members(of: bytes, into: &members)
            var patch = JSONPatch(object: object, members: members)
            overrides.apply(to: &patch, in: bytes, as: RequestForm(kind, able), cap: cap, isConverted: isConverted)
            return text(patch.apply(to: bytes))
        }
    }

    @Test(
        "the limit of an answer has the name that the client's format has for it",
        arguments: [
            (#"{"max_tokens":9000}"#, .messages, #"{"max_tokens":77}"#),
            (#"{"max_completion_tokens":9000}"#, .chat, #"{"max_completion_tokens":77}"#),
            (#"{"max_tokens":9000}"#, .chat, #"{"max_tokens":77}"#), (#"{"x":1}"#, .chat, #"{"x":1,"max_tokens":77}"#),
            (#"{"max_tokens":9000,"max_completion_tokens":8000}"#, .chat, #"{"max_completion_tokens":77}"#),
            (#"{"max_completion_tokens":9000}"#, .completions, #"{"max_tokens":77}"#),
            (#"{"max_output_tokens":9000}"#, .responses, #"{"max_output_tokens":77}"#),
            (
                #"{"generationConfig":{"topK":3,"maxOutputTokens":9000}}"#, .gemini,
                #"{"generationConfig":{"topK":3,"maxOutputTokens":77}}"#
            ),
            (#"{"generation_config":{"max_output_tokens":9}}"#, .gemini, #"{"generation_config":{"max_output_tokens":77}}"#),
            (#"{"x":1}"#, .gemini, #"{"x":1,"generationConfig":{"maxOutputTokens":77}}"#), (#"{"x":1}"#, .plain, #"{"x":1}"#),
            (#"{"x":1}"#, .unread, #"{"x":1,"max_tokens":77}"#),
        ] as [(String, RequestForm.Kind, String)])
    func limit(body: String, kind: RequestForm.Kind, sent: String) throws {
        #expect(try changed(body, [("max_tokens", "77")], kind) == sent)
    }

    @Test("a chat client that names no limit gets the name that the model takes, a rule the one it writes")
    func chatLimit() throws {
        var able = Capabilities()
        able.openAI.isReasoning = true
        #expect(try changed("{}", [("max_tokens", "77")], .chat, able) == #"{"max_completion_tokens":77}"#)
        #expect(
            try changed(#"{"max_tokens":1}"#, [("max_completion_tokens", "77")], .chat) == #"{"max_completion_tokens":77}"#)
        #expect(try changed("{}", [("max_output_tokens", "77")], .messages) == #"{"max_tokens":77}"#)
    }

    @Test(
        "other fields have the format's names and words",
        arguments: [
            ("temperature", "0.50", .gemini, #"{"generationConfig":{"temperature":0.50}}"#),
            ("top_p", "0.5", .responses, #"{"top_p":0.5}"#), ("topP", "0.5", .messages, #"{"top_p":0.5}"#),
            ("stop", #""END""#, .messages, #"{"stop_sequences":["END"]}"#),
            ("stop_sequences", #"["END"]"#, .chat, #"{"stop":["END"]}"#),
            ("stop", #"["END"]"#, .gemini, #"{"generationConfig":{"stopSequences":["END"]}}"#),
            ("n", "2", .gemini, #"{"generationConfig":{"candidateCount":2}}"#), ("seed", "2", .messages, #"{"seed":2}"#),
            ("reasoning_effort", #""low""#, .responses, #"{"reasoning":{"effort":"low"}}"#),
            ("reasoning_effort", #""none""#, .messages, #"{"thinking":{"type":"disabled"}}"#),
            ("reasoning", #"{"effort":"low"}"#, .messages, #"{"output_config":{"effort":"low"}}"#),
            ("reasoning", #"{"effort":"low"}"#, .chat, #"{"reasoning":{"effort":"low"}}"#),
            ("output_config", #"{"effort":"low"}"#, .chat, #"{"reasoning_effort":"low"}"#),
            ("generationConfig", #"{"topK":3,"maxOutputTokens":5}"#, .messages, #"{"top_k":3,"max_tokens":5}"#),
            ("service_tier", #""default""#, .messages, #"{"service_tier":"standard_only"}"#),
            ("service_tier", #""flex""#, .messages, #"{"service_tier":"standard_only"}"#),
            ("service_tier", #""priority""#, .messages, #"{"service_tier":"auto"}"#),
            ("dimensions", "9", .gemini, #"{"dimensions":9}"#), ("dimensions", "9", .plain, #"{"dimensions":9}"#),
        ] as [(String, String, RequestForm.Kind, String)])
    func fields(name: String, value: String, kind: RequestForm.Kind, sent: String) throws {
        #expect(try changed("{}", [(name, value)], kind) == sent)
    }

    private static let chatFormat =
        #"{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}}"#

    @Test(
        "the form of an answer has the format's own place and words",
        arguments: [
            ("response_format", chatFormat, .chat, #"{"response_format":\#(chatFormat)}"#),
            (
                "response_format", chatFormat, .responses,
                #"{"text":{"format":{"type":"json_schema","name":"n","strict":true,"schema":{"type":"object"}}}}"#
            ),
            (
                "response_format", chatFormat, .messages,
                #"{"output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false}}}}"#
            ),
            (
                "response_format", chatFormat, .gemini,
                #"{"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}}}"#
            ),
            ("response_format", #"{"type":"json_object"}"#, .responses, #"{"text":{"format":{"type":"json_object"}}}"#),
            (
                "response_format", #"{"type":"json_object"}"#, .gemini,
                #"{"generationConfig":{"responseMimeType":"application/json"}}"#
            ),
            ("response_format", #""b64_json""#, .plain, #"{"response_format":"b64_json"}"#),
            (
                "output_config", #"{"format":{"type":"json_schema","schema":{}},"effort":"low"}"#, .chat,
                #"{"response_format":{"type":"json_schema","json_schema":{"schema":{},"name":"structured_output"}},"reasoning_effort":"low"}"#
            ),
        ] as [(String, String, RequestForm.Kind, String)])
    func formats(name: String, value: String, kind: RequestForm.Kind, sent: String) throws {
        #expect(try changed("{}", [(name, value)], kind) == sent)
    }

    @Test("the form of an answer reaches an upstream of another format, whoever asks", arguments: ClientDialect.allCases)
    func convertedFormat(_ client: ClientDialect) throws {
        let body =
            switch client {
            case .anthropic: #"{"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}"#
            case .openai: #"{"messages":[{"role":"user","content":"Hi"}]}"#
            case .responses: #"{"input":"Hi"}"#
            case .gemini: #"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#
            }
        var options = ConversionOptions(lossPolicy: .strict)
        options.set = RequestOverrides([(member: "response_format", json: Array(Self.chatFormat.utf8))])
        let set = try changed(body, [("response_format", Self.chatFormat)], RequestForm.Kind(client), isConverted: true)
        func sent(_ upstream: UpstreamDialect) throws -> JSONValue {
            let converted = try withBytes(set) {
                try RequestConverter.convert(body: $0, from: client, to: upstream, model: "gemini-3-pro", options: options)
            }
            return try JSONValue(parsing: converted.body)
        }
        if client != .gemini {
            #expect(try sent(.gemini)["generationConfig"]?["responseMimeType"] == "application/json")
        } else {
            #expect(try sent(.responses)["text"]?["format"]?["name"] == "n")
        }
        guard client != .openai else { return }
        let format = try sent(.openai)["response_format"]?["json_schema"]
        #expect(format?["name"] == "n" && format?["strict"] == true && format?["schema"] == ["type": "object"])
    }

    @Test("what a rule sets and an upstream has no place for refuses nobody who wants nothing lost")
    func strictly() throws {
        var options = ConversionOptions(lossPolicy: .strict)
        options.set = RequestOverrides([(member: "chat_template_kwargs", json: Array(#"{"a":1}"#.utf8))])
        func converted(_ body: String) throws -> [String] {
            try withBytes(body) {
                try RequestConverter.convert(body: $0, from: .openai, to: .gemini, model: "m", options: options)
            }.lossy.map(\.description)
        }
        let asked = #""messages":[{"role":"user","content":"Hi"}]"#
        #expect(try converted("{\(asked),\"chat_template_kwargs\":{\"a\":1}}") == ["chat_template_kwargs=dropped"])
        #expect(throws: ConversionProblem.self) { try converted("{\(asked),\"other\":1}") }
    }

    @Test("what stands beside a field that is set stays, but for what says the same")
    func siblings() throws {
        #expect(
            try changed(#"{"output_config":{"format":{"x":1}}}"#, [("reasoning_effort", #""low""#)], .messages)
                == #"{"output_config":{"format":{"x":1},"effort":"low"}}"#)
        var able = Capabilities()
        able.gemini.thinking = .level
        let config = #"{"generationConfig":{"thinkingConfig":{"thinkingBudget":9,"includeThoughts":true}}}"#
        #expect(
            try changed(config, [("reasoning_effort", #""low""#)], .gemini, able)
                == #"{"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"low"}}}"#)
        #expect(
            try changed(config, [("reasoning_effort", #""low""#)], .gemini)
                == #"{"generationConfig":{"thinkingConfig":{"thinkingBudget":1024,"includeThoughts":true}}}"#)
    }

    @Test(
        "what the client's format has no name for is set on the way, and is no loss",
        arguments: [
            ("top_k", "5", .anthropic, #"{"top_k":5}"#), ("seed", "7", .openai, #"{"seed":7}"#),
            ("generationConfig", #"{"seed":7}"#, .openai, #"{"seed":7}"#),
            ("stop", #""X""#, .anthropic, #"{"stop_sequences":["X"]}"#), ("min_p", "0.1", .openai, #"{"min_p":0.1}"#),
        ] as [(String, String, UpstreamDialect, String)])
    func converted(name: String, value: String, upstream: UpstreamDialect, sent: String) throws {
        var options = ConversionOptions(lossPolicy: .strict)
        options.set = RequestOverrides([(member: name, json: Array(value.utf8))])
        let body = try changed(#"{"input":"Hi"}"#, [(name, value)], .responses, isConverted: true)
        let converted = try withBytes(body) {
            try RequestConverter.convert(body: $0, from: .responses, to: upstream, model: "m", options: options)
        }
        let (got, wanted) = (try JSONValue(parsing: converted.body), try JSONValue(parsing: Array(sent.utf8)))
        for member in wanted.object?.members ?? [] { #expect(got[member.key] == member.value) }
    }

    @Test(
        "a tier's limit is over what the client says and over what a rule sets",
        arguments: [
            (#"{"max_tokens":9000}"#, .messages, nil, #"{"max_tokens":50}"#),
            (#"{"max_tokens":9}"#, .messages, nil, #"{"max_tokens":9}"#),
            (#"{"max_tokens":9}"#, .messages, "77", #"{"max_tokens":50}"#), ("{}", .chat, "77", #"{"max_tokens":50}"#),
            (#"{"max_tokens":9000}"#, .chat, "20", #"{"max_tokens":20}"#),
            (#"{"generationConfig":{"maxOutputTokens":9000}}"#, .gemini, nil, #"{"generationConfig":{"maxOutputTokens":50}}"#),
            (
                #"{"generation_config":{"max_output_tokens":"90"}}"#, .gemini, nil,
                #"{"generation_config":{"max_output_tokens":50}}"#
            ),
            (#"{"generationConfig":{"maxOutputTokens":9}}"#, .gemini, nil, #"{"generationConfig":{"maxOutputTokens":9}}"#),
            (#"{"generationConfig":{"maxOutputTokens":9}}"#, .gemini, "77", #"{"generationConfig":{"maxOutputTokens":50}}"#),
        ] as [(String, RequestForm.Kind, String?, String)])
    func caps(body: String, kind: RequestForm.Kind, set: String?, sent: String) throws {
        #expect(try changed(body, set.map { [("max_tokens", $0)] } ?? [], kind, cap: 50) == sent)
    }

    @Test("a limit of Gemini's is lowered beside another field that is set")
    func capBeside() throws {
        #expect(
            try changed(#"{"generationConfig":{"maxOutputTokens":9000}}"#, [("temperature", "1")], .gemini, cap: 50)
                == #"{"generationConfig":{"maxOutputTokens":50,"temperature":1}}"#)
    }

    @Test(
        "a budget to think stays under the limit, or goes",
        arguments: [
            (2000, #"{"max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1999}}"#, false),
            (50, #"{"max_tokens":50}"#, true),
        ] as [(Int, String, Bool)])
    func budgets(limit: Int, sent: String, isDropped: Bool) throws {
        let original = Array(#"{"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":4000}}"#.utf8)
        let body = Array(#"{"max_tokens":\#(limit),"thinking":{"type":"enabled","budget_tokens":4000}}"#.utf8)
        let fitted = body.withUnsafeBytes { body in original.withUnsafeBytes { ThinkingRoom.fitted(body, from: $0) } }
        #expect(fitted.map { text($0.body) } == sent)
        #expect(fitted?.isDropped == isDropped)
        #expect(body.withUnsafeBytes { ThinkingRoom.fitted($0, from: $0) } == nil)
    }
}
