import Testing

@testable import Dialects

@Suite("Stream meter")
struct StreamMeterTests {
    struct Outcome: Equatable {
        var usage: TokenUsage?
        var model: String?
        var stopReason: String?
        var isComplete: Bool
        var error: ErrorClass?
        var raised: Signals
    }

    private func meter(_ dialect: ClientDialect, _ pieces: [[UInt8]]) -> Outcome {
        var meter = StreamMeter(dialect: dialect)
        var raised: Signals = []
        for piece in pieces { piece.withUnsafeBytes { raised.formUnion(meter.consume($0)) } }
        raised.formUnion(meter.finish())
        return Outcome(
            usage: meter.usage, model: meter.model, stopReason: meter.stopReason, isComplete: meter.isComplete,
            error: meter.error?.errorClass, raised: raised)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var dialect: ClientDialect
        var stream: String
        var outcome: Outcome

        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "Messages: start, cumulative deltas, stop", dialect: .anthropic, stream: Streams.messages,
            outcome: Outcome(
                usage: TokenUsage(uncachedInput: 61, cacheRead: 22, cacheWrite: 13, output: 17), model: "claude-x",
                stopReason: "end_turn", isComplete: true, raised: [.content, .terminal])),
        Case(
            name: "Messages: an error before anything", dialect: .anthropic,
            stream: """
                event: message_start
                data: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"output_tokens":0}}}

                event: ping
                data: {"type": "ping"}

                event: error
                data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}


                """,
            outcome: Outcome(
                usage: TokenUsage(uncachedInput: 3, lacks: .output), model: "m", stopReason: nil, isComplete: false,
                error: .overloaded,
                raised: [.error])),
        Case(
            name: "Messages: what the output came to is never told", dialect: .anthropic,
            stream: """
                data: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"output_tokens":1}}}

                data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}

                data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{}}

                data: {"type":"message_stop"}


                """,
            outcome: Outcome(
                usage: TokenUsage(uncachedInput: 3, output: 1, lacks: .output), model: "m", stopReason: "end_turn",
                isComplete: true,
                raised: [.content, .terminal])),
        Case(
            name: "Messages: cut off", dialect: .anthropic,
            stream: """
                data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}


                """,
            outcome: Outcome(usage: nil, model: nil, stopReason: nil, isComplete: false, raised: [.content])),
        Case(
            name: "Messages: an empty answer in words", dialect: .anthropic,
            stream: """
                data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

                data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"[No response after retries - please try again]"}}


                """,
            outcome: Outcome(usage: nil, model: nil, stopReason: nil, isComplete: false, error: .upstreamBroken, raised: [.error])
        ),
        Case(
            name: "Chat: usage after the finish", dialect: .openai, stream: Streams.chat,
            outcome: Outcome(
                usage: TokenUsage(uncachedInput: 70, cacheRead: 30, cacheWrite: 20, output: 9, reasoning: 4), model: "gpt-x",
                stopReason: "stop", isComplete: true, raised: [.content, .terminal])),
        Case(
            name: "Chat: role only and DONE is no answer", dialect: .openai,
            stream: """
                data: {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

                data: [DONE]


                """,
            outcome: Outcome(usage: nil, model: "m", stopReason: nil, isComplete: false, raised: [.content, .terminal])),
        Case(
            name: "Chat: an error chunk", dialect: .openai,
            stream: "data: {\"error\": {\"message\":\"Rate limit reached, try again in 20s\",\"type\":\"requests\"}}\n\n",
            outcome: Outcome(usage: nil, model: nil, stopReason: nil, isComplete: false, error: .rateLimit, raised: [.error])),
        Case(
            name: "Chat: a word for a failure and nothing more", dialect: .openai,
            stream: """
                data: {"model":"m","choices":[{"index":0,"delta":{"content":""},"finish_reason":"network_error"}]}

                data: [DONE]


                """,
            outcome: Outcome(
                usage: nil, model: "m", stopReason: "network_error", isComplete: false, error: .upstreamBroken,
                raised: [.error, .terminal])),
        Case(
            name: "Chat: a word for a failure, and the error itself", dialect: .openai,
            stream: """
                data: {"model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"error"}]}

                data: {"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}


                """,
            outcome: Outcome(
                usage: nil, model: "m", stopReason: "error", isComplete: false, error: .rateLimit, raised: [.content, .error])),
        Case(
            name: "Chat: a word for a failure at the end", dialect: .openai,
            stream: """
                data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"error"}]}


                """,
            outcome: Outcome(
                usage: nil, model: nil, stopReason: "error", isComplete: false, error: .upstreamBroken,
                raised: [.content, .error])),
        Case(
            name: "Responses: completed", dialect: .responses,
            stream: """
                event: response.created
                data: {"type":"response.created","sequence_number":0,"response":{"id":"r","model":"o-x","status":"in_progress"}}

                event: response.output_text.delta
                data: {"type":"response.output_text.delta","sequence_number":1,"delta":"Hi"}

                event: response.completed
                data: {"type":"response.completed","sequence_number":2,"response":{"model":"o-x","status":"completed","usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2}}}}


                """,
            outcome: Outcome(
                usage: TokenUsage(uncachedInput: 6, cacheRead: 4, output: 5, reasoning: 2), model: "o-x", stopReason: "completed",
                isComplete: true, raised: [.content, .terminal])),
        Case(
            name: "Gemini: counts grow", dialect: .gemini,
            stream: """
                data: {"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":10,"totalTokenCount":10},"modelVersion":"gemini-x"}

                data: {"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":7,"thoughtsTokenCount":5,"totalTokenCount":22}}


                """,
            outcome: Outcome(
                usage: TokenUsage(uncachedInput: 6, cacheRead: 4, output: 12, reasoning: 5), model: "gemini-x",
                stopReason: "STOP",
                isComplete: true, raised: [.content, .terminal])),
    ]

    @Test(
        "the number of the event behind those that came",
        arguments: [([Int?](), 0), ([0, 1, 2], 3), ([7, 8], 9), ([nil, nil], 2)])
    func sequence(_ numbers: [Int?], _ next: Int) {
        var meter = StreamMeter(dialect: .responses)
        for number in numbers {
            let member = number.map { #""sequence_number":\#($0),"# } ?? ""
            withBytes(#"data: {"type":"response.output_text.delta",\#(member)"delta":"x"}"# + "\n\n") { _ = meter.consume($0) }
        }
        #expect(meter.nextSequence == next)
    }

    @Test(
        "whether an event that is no JSON came before any of use",
        arguments: [
            (ClientDialect.openai, "data: <html>\n\n", true), (.openai, ": hi\n\ndata: \n\ndata: null\n\n", false),
            (.openai, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]\n\n", true), (.openai, "data: [DONE]\n\n", false),
            (.openai, "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: <html>\n\n", false),
            (.anthropic, "event: ping\ndata: now\n\n", false), (.anthropic, "event: message_start\ndata: {\n\n", true),
            (.responses, "data: {\"type\":\"response.created\"\n\n", true), (.gemini, "data: {\"candidates\":\r\n\r\n", true),
            (.gemini, "data: {\"candidates\":\r\ndata: []}\r\n\r\n", false),
        ])
    func broken(_ dialect: ClientDialect, _ stream: String, _ isBroken: Bool) {
        var meter = StreamMeter(dialect: dialect)
        withBytes(stream) { _ = meter.consume($0) }
        #expect(meter.beginsBroken == isBroken)
    }

    @Test("reads usage, model, end and errors however the stream is cut", arguments: cases)
    func cuts(_ item: Case) {
        for cut in Cut.allCases {
            for seed in 1...(cut == .random || cut == .crRandom ? 20 : 1) {
                #expect(
                    meter(item.dialect, cut.pieces(of: item.stream, seed: UInt64(seed))) == item.outcome, "\(cut), seed \(seed)")
            }
        }
    }

    @Test(
        "what follows an error is no answer; what comes before one is",
        arguments: [(ClientDialect.anthropic, Streams.messages), (.openai, Streams.chat)])
    func errorFirst(_ dialect: ClientDialect, _ stream: String) {
        let event = "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"no\"}}\n\n"
        for (text, hasContent) in [
            (event + stream, false), (stream.components(separatedBy: "event: message_stop")[0] + event, true),
        ] {
            var meter = StreamMeter(dialect: dialect)
            let signals = Array(text.utf8).withUnsafeBytes { meter.consume($0) }
            #expect(signals.contains(.content) == hasContent)
            #expect(signals.contains(.error) || signals.contains(.terminal))
        }
    }

    @Test(
        "tells the end by its last line, before the blank one comes",
        arguments: [(ClientDialect.anthropic, Streams.messages), (.openai, Streams.chat)])
    func terminal(_ dialect: ClientDialect, _ stream: String) {
        let bytes = Array(stream.utf8)
        var whole = StreamMeter(dialect: dialect)
        #expect(bytes.withUnsafeBytes { whole.consume($0) }.contains(.terminal))
        // Cut before the blank line, a client that reads by lines would already act: so it counts.
        var early = StreamMeter(dialect: dialect)
        let head = Array(bytes.dropLast())
        #expect(head.withUnsafeBytes { early.consume($0) }.contains(.terminal))
        #expect([UInt8]([0x0A]).withUnsafeBytes { early.consume($0) } == [])
        #expect(early.usage == whole.usage)
    }
}

enum Streams {
    static let messages = """
        event: message_start
        data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":43,"cache_creation_input_tokens":13,"cache_read_input_tokens":22,"output_tokens":1}}}

        event: content_block_start
        data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

        event: ping
        data: {"type": "ping"}

        event: content_block_delta
        data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello \\"usage\\""}}

        event: content_block_stop
        data: {"type":"content_block_stop","index":0}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":9}}

        event: message_delta
        data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":61,"output_tokens":17}}

        event: message_stop
        data: {"type":"message_stop"}


        """

    static let chat = """
        data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}

        data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}],"usage":null}

        data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{"content":" \\"usage\\": 3"},"finish_reason":null}],"usage":null}

        data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

        data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[],"usage": {"prompt_tokens":120,"completion_tokens":9,"total_tokens":129,"prompt_tokens_details":{"cached_tokens":30,"cache_write_tokens":20},"completion_tokens_details":{"reasoning_tokens":4}}}

        data: [DONE]


        """
}
