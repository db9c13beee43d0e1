import Testing

@testable import Dialects

@Suite("What is an answer")
struct ResponseJudgementTests {
    static let responses: [(ClientDialect, String)] = [
        (.anthropic, #"{"type":"message","content":[],"stop_reason":"end_turn"}"#),
        (.anthropic, #" {"content" : [{}], "error":null} "#), (.anthropic, #"{"type":"message","content":[]}"#),
        (.openai, #"{"choices":[{"message":{"content":""}}]}"#), (.openai, #"{"choices":[{"index":0,"text":""}]}"#),
        (.openai, #"{"\u0063hoices":[{"message":{"content":"hi"}}]}"#), (.responses, #"{"output":[]}"#),
        (.openai, #"{"choices":[{"message":{"content":"x"}}]}"#), (.responses, #"{"error":null,"output":[]}"#),
        (.responses, #"{"status":"incomplete","output":[],"incomplete_details":{"reason":"max_output_tokens"}}"#),
        (.responses, #"{"status":"in_progress","output":[],"background":true}"#),
        (.gemini, #"{"candidates":[{"finishReason":"STOP"}]}"#), (.gemini, #"{"candidates":[{"content":{"parts":[]}}]}"#),
        (.gemini, #"{"promptFeedback":{"blockReason":"SAFETY"}}"#), (.gemini, #"[{"candidates":[{"content":{}}]}]"#),
        (.openai, "\u{FEFF}{\"choices\":[{\"message\":{}}]}"), (.gemini, "\u{FEFF}[{\"candidates\":[{\"content\":{}}]}]"),
        (.openai, #"{"x":[1, -2.5e+3,true ,[null],{},{"a":-1},NaN,-Infinity],"y" : 0,"z":false,"choices":[{"message":{}}]}"#),
        (.anthropic, #"{"x":[\#(numbers)1],"content":[]}"#),
    ]
    /// So many that only the beginning and the end are looked at.
    private static let numbers = String(repeating: "0.25, ", count: 100)
    /// What no document holds, behind the member that was promised.
    static let broken = [
        #""x":[1, trash, 2]"#, #""x":[\#(numbers)trash]"#, #""x":[1 2]"#, #""x":[1,,2]"#, #""x":["a" "b"]"#, #""x":["a":1]"#,
        #""x":1 "y":2"#, #""x""#, #""x":"#, #""x":{"a",1}"#, #""x":{1:2}"#, #""x":{} {}"#, #""x":tru"#, #""x":nulls"#, #""x":1x"#,
        #""x":{"a":"b""c":1}"#, "x:1", "'x':1", #""x":'a'"#, #"[1]"#, #""x":[[1][2]]"#, #""x":-"#, #""x":{"a":1 trash}"#,
    ]

    @Test("what does not parse is no answer", arguments: broken)
    func parses(_ broken: String) {
        let promised: [(ClientDialect, String)] = [
            (.anthropic, #""content":[{}]"#), (.openai, #""choices":[{"message":{}}]"#), (.responses, #""output":[]"#),
            (.gemini, #""candidates":[{"content":{}}]"#),
        ]
        for (dialect, member) in promised {
            for body in ["{\(member),\(broken)}", "{\(broken),\(member)}"] {
                withBytes(body) {
                    #expect(!BodyMeter($0, dialect: dialect, promise: .response).keepsPromise)
                    #expect(ResponseFault.read($0, dialect: dialect).status == 502)
                }
            }
        }
    }

    static let lists: [(ClientDialect, String)] = [
        (.anthropic, #"{"content":[null]}"#), (.anthropic, #"{"content":[1]}"#), (.openai, #"{"choices":[{}]}"#),
        (.openai, #"{"choices":[null]}"#), (.openai, #"{"choices":[{"message":null}]}"#),
        (.openai, #"{"choices":[{"message":"x"}]}"#), (.openai, #"{"choices":[{"message":{}}],"choices":null}"#),
        (.openai, #"{"choices":[{}],"x":[{"message":{}}]}"#), (.responses, #"{"output":[1]}"#),
        (.responses, #"{"output":[null]}"#), (.gemini, #"{"candidates":[{}]}"#), (.gemini, #"{"promptFeedback":{}}"#),
        (.gemini, #"[{"candidates":[{}]}]"#),
    ]

    @Test("a list of nothing is no answer", arguments: lists)
    func nothing(_ dialect: ClientDialect, _ body: String) {
        withBytes(body) { body in
            #expect(!BodyMeter(body, dialect: dialect, promise: .response).keepsPromise)
            #expect(ResponseFault.read(body, dialect: dialect).withinSuccess.status == 502)
            for client in [ClientDialect.openai, .anthropic] {
                let context = ConversionContext(client: client, upstream: UpstreamDialect(dialect), model: "m", requestID: "r")
                #expect(throws: UpstreamError.self) {
                    try ResponseConverter.convertWhole(body, context)
                }
            }
        }
    }

    @Test(
        "an answer that ended with an error is one",
        arguments: [
            (.openai, #"{"choices":[{"message":{"content":"x"},"finish_reason":"error"}]}"#),
            (.openai, #"{"choices":[{"message":{"content":"x"},"finish_reason": "network_error"}]}"#),
            (.openai, #"{"choices":[{"finish_reason":"insufficient_system_resource","message":{"content":"x"}}]}"#),
            (.openai, #"{"choices":[{"error":{"message":"x","code":502},"message":{"content":""}}]}"#),
            (.responses, #"{"status":"failed","output":[],"error":null}"#), (.responses, #"{"status":"cancelled","output":[]}"#),
        ] as [(ClientDialect, String)])
    func endings(_ dialect: ClientDialect, _ body: String) {
        withBytes(body) {
            #expect(BodyMeter($0, dialect: dialect, promise: .response).mayHoldError)
            #expect(ResponseFault.error(in: $0, dialect: dialect)?.withinSuccess.status == 502)
        }
    }

    @Test(
        "what an error within a success says of the request is no word of the status's",
        arguments: [
            (#"{"detail":"x"}"#, 502), (#"{"success":false,"message":"x"}"#, 502),
            (#"{"error":{"type":"server_error","message":"x"}}"#, 502), (#"{"error":"boom"}"#, 502),
            (#"{"type":"error","error":{"type":"invalid_request_error","message":"x"}}"#, 502),
            (#"{"error":{"code":404,"message":"x"}}"#, 502),
            (#"{"type":"error","error":{"type":"rate_limit_error","message":"x"}}"#, 429),
            (#"{"type":"error","error":{"type":"invalid_request_error","message":"You exceeded your current quota"}}"#, 429),
            (#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#, 400),
            (#"{"error":{"message":"This model's maximum context length is 9"}}"#, 400),
            (#"{"type":"error","error":{"type":"authentication_error","message":"x"}}"#, 401),
        ])
    func within(_ body: String, _ status: Int) {
        withBytes(body) { #expect(ResponseFault.read($0, dialect: .anthropic).withinSuccess.status == status) }
    }

    static let others = [
        "", " ", "{}", "null", "[]", "1", "\"x\"",
        "<html>{\"content\":[],\"choices\":[{}],\"output\":[],\"candidates\":[{}]}</html>",
        #"{"content":[],"choices":[{}],"output":[],"candidates":[{}]"#,
        #"{"content":"x","choices":[],"output":{},"candidates":[]}"#,
        #"{"a":{"content":[],"choices":[{}],"output":[],"candidates":[{}]}}"#, #"{"id": "msg_1", "typ"#,
        #"{"content":[],"choices":[{}],"output":[],"candidates":[{}]}x"#, #"["content",[],"choices",[{}]]"#,
        #"{"content":[{}],"choices":[{"message":{}}],"output":[],"candidates":[{"content":{}}],}"#,
        #"{"content":[{},],"choices":[{"message":{}},],"output":[{}, ],"candidates":[{"content":{}},]}"#,
        #"{"content":[{}],"choices":[{"message":{}}],"output":[],"candidates":[{"content":{}}],"x":}"#,
        #"{"content":[{}],"choices":[{"message":{}}],"output":[],"candidates":[{"content":{}}],"x":[{]}}"#,
        "{\"content\":[{}],\"choices\":[{\"message\":{}}],\"output\":[],\"candidates\":[{\"content\":{}}],\"x\":\"a\nb\"}",
        "{\"content\":[{}],\"choices\":[{\"message\":{}}],\"output\":[],\"candidates\":[{\"content\":{}}],\"x\":\"a\0b\"}",
    ]

    @Test("a whole answer of its format keeps the promise", arguments: responses)
    func keeps(_ dialect: ClientDialect, _ body: String) {
        withBytes(body) {
            #expect(BodyMeter($0, dialect: dialect, promise: .response).keepsPromise)
            #expect(ResponseFault.error(in: $0, dialect: dialect) == nil)
        }
    }

    @Test("what is none does not", arguments: others)
    func breaks(_ body: String) {
        for dialect in ClientDialect.allCases {
            withBytes(body) {
                #expect(!BodyMeter($0, dialect: dialect, promise: .response).keepsPromise)
                #expect(ResponseFault.read($0, dialect: dialect).status == 502)
            }
        }
    }

    @Test(
        "an error inside a success is one",
        arguments: [
            #"{"error":{"message":"no"},"content":[]}"#, #"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#,
            #"{"content":[],"base_resp":{"status_code":1002,"status_msg":"no"}}"#, #"{"error":"no"}"#,
            #"[{"error":{"message":"no"}}]"#,
        ])
    func errors(_ body: String) {
        withBytes(body) { #expect(ResponseFault.error(in: $0, dialect: .anthropic)?.message == "no") }
    }

    @Test("embeddings have their list")
    func embeddings() {
        withBytes(#"{"data":[{"embedding":[1]}]}"#) {
            #expect(BodyMeter($0, dialect: .openai, promise: .embeddings).keepsPromise)
        }
        withBytes(#"{"object":"list","data":[]}"#) {
            #expect(BodyMeter($0, dialect: .openai, promise: .embeddings).keepsPromise)
        }
        withBytes(#"{"object":"list"}"#) { #expect(!BodyMeter($0, dialect: .openai, promise: .embeddings).keepsPromise) }
    }

    @Test("what a stream carries is counted the same however it is cut, and about right", arguments: ClientDialect.allCases)
    func counts(_ dialect: ClientDialect) {
        var stream = ""
        var bytes = 0
        for index in 0..<300 {
            let text = String(repeating: "w", count: index % 37)
            bytes += text.utf8.count
            let data =
                switch dialect {
                case .anthropic: #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\#(text)"}}"#
                case .openai: #"{"id":"x","choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":null}]}"#
                case .responses: #"{"type":"response.output_text.delta","output_index":0,"delta":"\#(text)"}"#
                case .gemini: #"{"candidates":[{"content":{"parts":[{"text":"\#(text)"}]}}]}"#
                }
            stream += "data: \(data)\n\n"
        }
        let all = Array(stream.utf8)
        func count(_ size: Int) -> Int {
            var meter = StreamMeter(dialect: dialect)
            for start in stride(from: 0, to: all.count, by: size) {
                _ = all[start..<min(start + size, all.count)].withUnsafeBytes { meter.consume($0) }
            }
            return meter.countedOutput
        }
        #expect(count(all.count) == (bytes + 3) / 4)
        for size in [1, 7, 100, 4_096] { #expect(count(size) == count(all.count)) }
    }

    @Test("calls' arguments are measured, objects too")
    func measure() {
        #expect(
            withBytes(#"{"functionCall":{"name":"abc","args":{"k":"12345","n":[1,"67"]}}}"#) { TextMeasure.bytes(of: $0) } == 12)
        #expect(withBytes(#"{"delta":{"partial_json":"{\"a"#) { TextMeasure.bytes(of: $0) } == 4)
    }

    @Test("a known secret is blotted out in every spelling, at the same length")
    func secrets() {
        let secret = "k3y/of+the=operator-1234"
        let percent = secret.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let escaped = secret.utf8.map { "\\u00" + String($0, radix: 16) }.joined()
        // "Bearer k3y/of+the=operator-1234", "x:…", "…" in base64.
        let base64 = [
            "QmVhcmVyIGszeS9vZit0aGU9b3BlcmF0b3ItMTIzNA==", "eDprM3kvb2YrdGhlPW9wZXJhdG9yLTEyMzQ=",
            "azN5L29mK3RoZT1vcGVyYXRvci0xMjM0",
        ]
        let hex = percent.filter { $0 != "%" }
        for text in [
            secret, percent, escaped, "k3y\\/of+the=operator-1234", secret.uppercased(), "K3y/Of+The=operator-1234", hex,
            hex.uppercased(),
        ] + base64 {
            var bytes = Array("<\(text)>".utf8)
            bytes.withUnsafeMutableBytes { Redaction.mask($0, [Array(secret.utf8)]) }
            #expect(bytes.count == text.utf8.count + 2)
            #expect(bytes.filter { $0 == 0x2A }.count >= text.utf8.count - 16, "\(String(decoding: bytes, as: UTF8.self))")
        }
        var short = Array("a kk a".utf8)
        short.withUnsafeMutableBytes { Redaction.mask($0, [Array("kk".utf8)]) }
        #expect(text(short) == "a kk a")
    }

    @Test(
        "a known secret is found where it stands",
        arguments: [
            ("x-echo: Bearer secret-of-ours-1", true), ("secret-of-ours-1", true), ("secret-of-ours-", false), ("", false),
            ("ssecret-of-ours-secret-of-ours-1\r\n", true), ("secret-of-ours-2 secret-of-OURS-1", true),
            ("1111111111111111111111111111", false), ("-1secret-of-ours-11", true), ("secret-of-ours-2", false),
            ("x: QmVhcmVyIHNlY3JldC1vZi1vdXJzLTE=", true), ("x: qmvhcmvyihnly3jldc1vzi1vdxjzlte=", false),
            ("x: 7365637265742D6F662D6F7572732D31", true), ("x: 7365637265742d6f662d6f7572732d32", false),
        ])
    func stands(_ text: String, _ stands: Bool) {
        let redactor = Redactor([Array("short".utf8), Array("secret-of-ours-1".utf8)])
        withBytes(text) { #expect(redactor.stands(in: $0) == stands) }
        withBytes(text + " short") { #expect(redactor.stands(in: $0) == stands) }
        withBytes(text) { #expect(!redactor.stands(in: $0, shortest: 17)) }
        withBytes(text + "%41") { #expect(redactor.mayStand(in: $0)) }
        withBytes(text) { #expect(redactor.mayStand(in: $0) == stands) }
    }

    @Test(
        "what has begun at the end may be a secret",
        arguments: [
            ("", 0), ("secret-of-ours-1", 0), ("x secret-of-ours-", 15), ("x SECRET-of", 9), ("x s", 1), ("x", 0),
            ("x 7365637265742D6F66", 18), ("c2VjcmV0LW9m", 12), ("secret-of-ours-2", 0), ("secret-of secret", 6),
        ])
    func begins(_ text: String, _ count: Int) {
        let redactor = Redactor([Array("short".utf8), Array("secret-of-ours-1".utf8)])
        withBytes(text) { #expect(redactor.unfinished(in: $0) == count) }
        withBytes(text) { #expect(redactor.unfinished(in: $0, shortest: 17) == 0) }
    }

    @Test(
        "a secret that is escaped twice, or as HTML has it, is blotted out",
        arguments: [
            #"\\u0073ecret/of&ours-1"#, #"secret\\/of\\u0026ours\\u002D1"#, #"secret\\\/of&ours-1"#,
            "secret%252Fof%2526ours%252d1", "secret&#x2F;of&amp;ours&#45;1", "&#115;ecret&#x002f;of&ours-1",
            "secret/of&ours-1",
        ])
    func masks(_ text: String) {
        let redactor = Redactor([Array("secret/of&ours-1".utf8)])
        var bytes = Array("a \(text)& b".utf8)
        bytes.withUnsafeMutableBytes { redactor.mask($0) }
        #expect(String(decoding: bytes, as: UTF8.self) == "a \(String(repeating: "*", count: text.utf8.count))& b")
    }

    @Test("containers deeper than are watched are a response all the same")
    func deep() {
        let deep = String(repeating: "[{\"a\":", count: 90) + "1" + String(repeating: "}]", count: 90)
        withBytes(#"{"x":"# + deep + #","choices":[{"message":{"content":"x"}}]}"#) {
            #expect(BodyMeter($0, dialect: .openai, promise: .response).keepsPromise)
        }
    }

    @Test(
        "a stream that breaks off within an event is not whole", arguments: ["data: {\"id\"", "data: {\"id\"\n", "data: [DO"])
    func breaksOff(_ rest: String) {
        let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n"
        let done = "data: [DONE]"
        for (end, breaks) in [(rest, true), ("", false), (done, false), (done + "\n\n" + rest, false), (": x", false)] {
            var meter = StreamMeter(dialect: .openai)
            withBytes(finish + end) { _ = meter.consume($0) }
            _ = meter.finish()
            #expect(meter.isComplete && meter.breaksOff == breaks, "\(end)")
        }
    }

    @Test(
        "the beginning of a long answer shows what it promises, or an error",
        arguments: [
            (#"{"id":"x","choices":[{"message":{"content":"xx"#, true, false), (#"{"error":{"message":"xx"#, false, true),
            (#"{"error":"xx"#, false, true), (#"{"error":null,"choices":[{"#, true, false), (#"{"pad":"error"#, false, false),
            (#"{"a":{"error":{"#, false, false), ("{<html>", false, false),
        ])
    func beginning(_ body: String, _ shows: Bool, _ fails: Bool) {
        withBytes(body) {
            let response = BodyMeter($0, dialect: .openai, promise: .response)
            #expect((response.showsPromise, response.hasError) == (shows, fails))
            #expect(!response.keepsPromise)
        }
    }

    @Test(
        "a stream of its end alone has none",
        arguments: [
            ("data: [DONE]\n\n", true), ("data: null\n\ndata: [DONE]\n\n", true),
            ("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\ndata: [DONE]\n\n", true),
            ("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\ndata: [DONE]\n\n", false),
            ("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", false),
            ("data: {\"error\":{\"message\":\"slow\",\"code\":429}}\n\ndata: [DONE]\n\n", false),
        ])
    func endsEmpty(_ stream: String, _ endsEmpty: Bool) {
        var meter = StreamMeter(dialect: .openai)
        withBytes(stream) { _ = meter.consume($0) }
        #expect(meter.endsEmpty == endsEmpty)
        #expect(meter.hasEnded)
    }

    @Test("what ends a chunk that tells an error is no answer")
    func errorBesideAnEnding() {
        var meter = StreamMeter(dialect: .gemini)
        let chunk = "data: {\"candidates\":[{\"finishReason\":\"OTHER\"}],\"error\":{\"code\":503,\"message\":\"no\"}}\n\n"
        #expect(withBytes(chunk) { meter.consume($0) } == [.error, .terminal])
        #expect(!meter.isComplete)
    }
}
