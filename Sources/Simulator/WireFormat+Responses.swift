extension WireFormat {
    /// The response in one piece.
    func whole(_ reply: Reply) -> String {
        switch self {
        case .messages:
            return #"{"id":"\#(messageID(reply))","type":"message","role":"assistant","model":\#(quoted(reply.model)),"#
                + #""content":[{"type":"text","text":\#(quoted(reply.text))}],"stop_reason":"\#(stopReason(reply))","#
                + #""stop_sequence":null,"usage":\#(messageUsage(reply, output: reply.outputTokens))}"#
        case .chat:
            return #"{"id":"\#(chatID(reply))","object":"chat.completion","created":\#(reply.created),"#
                + #""model":\#(quoted(reply.model)),"choices":[{"index":0,"message":{"role":"assistant","#
                + #""content":\#(quoted(reply.text)),"refusal":null},"logprobs":null,"finish_reason":"\#(finishReason(reply))"}],"#
                + #""usage":\#(chatUsage(reply))}"#
        case .responses:
            return response(reply, isFinal: true)
        }
    }

    /// The response word by word.
    func frames(_ reply: Reply) -> [SimulatedResponse.Frame] {
        switch self {
        case .messages: messageFrames(reply)
        case .chat: chatFrames(reply)
        case .responses: responseFrames(reply)
        }
    }

    // MARK: Anthropic Messages

    private func messageFrames(_ reply: Reply) -> [SimulatedResponse.Frame] {
        let message =
            #"{"id":"\#(messageID(reply))","type":"message","role":"assistant","model":\#(quoted(reply.model)),"content":[],"#
            + #""stop_reason":null,"stop_sequence":null,"usage":\#(messageUsage(reply, output: 1))}"#
        var frames = [
            event("message_start", #""message":\#(message)"#),
            event("content_block_start", #""index":0,"content_block":{"type":"text","text":""}"#),
            event("ping", nil),
        ]
        frames += reply.words.map { word in
            event("content_block_delta", #""index":0,"delta":{"type":"text_delta","text":\#(quoted(word))}"#, isPaced: true)
        }
        frames += [
            event("content_block_stop", #""index":0"#),
            event(
                "message_delta",
                #""delta":{"stop_reason":"\#(stopReason(reply))","stop_sequence":null},"#
                    + #""usage":{"output_tokens":\#(reply.outputTokens)}"#),
            event("message_stop", nil),
        ]
        return frames
    }

    private func event(_ type: String, _ members: String?, isPaced: Bool = false) -> SimulatedResponse.Frame {
        let members = members.map { "," + $0 } ?? ""
        return SimulatedResponse.Frame(text: "event: \(type)\ndata: {\"type\":\"\(type)\"\(members)}\n\n", isPaced: isPaced)
    }

    private func messageID(_ reply: Reply) -> String { reply.id("msg_", length: 24) }

    private func stopReason(_ reply: Reply) -> String { reply.isTruncated ? "max_tokens" : "end_turn" }

    private func messageUsage(_ reply: Reply, output: Int) -> String {
        #"{"input_tokens":\#(reply.inputTokens),"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"#
            + #""output_tokens":\#(output)}"#
    }

    // MARK: OpenAI Chat Completions

    private func chatFrames(_ reply: Reply) -> [SimulatedResponse.Frame] {
        var frames = [chunk(reply, #"{"role":"assistant","content":"","refusal":null}"#)]
        frames += reply.words.map { chunk(reply, #"{"content":\#(quoted($0))}"#, isPaced: true) }
        frames.append(chunk(reply, "{}", finishReason: finishReason(reply)))
        if reply.includesUsage { frames.append(chunk(reply, choices: "[]", usage: chatUsage(reply))) }
        frames.append(SimulatedResponse.Frame(text: "data: [DONE]\n\n"))
        return frames
    }

    private func chunk(_ reply: Reply, _ delta: String, finishReason: String? = nil, isPaced: Bool = false)
        -> SimulatedResponse.Frame
    {
        let reason = orNull(finishReason.map(quoted))
        return chunk(
            reply, choices: #"[{"index":0,"delta":\#(delta),"logprobs":null,"finish_reason":\#(reason)}]"#, isPaced: isPaced)
    }

    /// Who asked for usage gets `usage: null` in every chunk before the one that has it.
    private func chunk(_ reply: Reply, choices: String, usage: String = "null", isPaced: Bool = false) -> SimulatedResponse.Frame
    {
        let usage = reply.includesUsage ? #","usage":\#(usage)"# : ""
        return SimulatedResponse.Frame(
            text: #"data: {"id":"\#(chatID(reply))","object":"chat.completion.chunk","created":\#(reply.created),"#
                + #""model":\#(quoted(reply.model)),"choices":\#(choices)\#(usage)}"# + "\n\n",
            isPaced: isPaced)
    }

    private func chatID(_ reply: Reply) -> String { reply.id("chatcmpl-", length: 24) }

    private func finishReason(_ reply: Reply) -> String { reply.isTruncated ? "length" : "stop" }

    private func chatUsage(_ reply: Reply) -> String {
        #"{"prompt_tokens":\#(reply.inputTokens),"completion_tokens":\#(reply.outputTokens),"#
            + #""total_tokens":\#(reply.inputTokens + reply.outputTokens),"prompt_tokens_details":{"cached_tokens":0},"#
            + #""completion_tokens_details":{"reasoning_tokens":0}}"#
    }

    // MARK: OpenAI Responses

    private func responseFrames(_ reply: Reply) -> [SimulatedResponse.Frame] {
        let item = itemID(reply)
        let place = #""item_id":"\#(item)","output_index":0,"content_index":0"#
        let part = #"{"type":"output_text","text":\#(quoted(reply.text)),"annotations":[],"logprobs":[]}"#
        var events: [(type: String, members: String, isPaced: Bool)] = [
            ("response.created", #""response":\#(response(reply, isFinal: false))"#, false),
            ("response.in_progress", #""response":\#(response(reply, isFinal: false))"#, false),
            (
                "response.output_item.added",
                #""output_index":0,"item":{"id":"\#(item)","type":"message","status":"in_progress","role":"assistant","content":[]}"#,
                false
            ),
            (
                "response.content_part.added",
                #"\#(place),"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}"#, false
            ),
        ]
        events += reply.words.map { ("response.output_text.delta", #"\#(place),"delta":\#(quoted($0)),"logprobs":[]"#, true) }
        events += [
            ("response.output_text.done", #"\#(place),"text":\#(quoted(reply.text)),"logprobs":[]"#, false),
            ("response.content_part.done", #"\#(place),"part":\#(part)"#, false),
            ("response.output_item.done", #""output_index":0,"item":\#(outputItem(reply))"#, false),
            (
                reply.isTruncated ? "response.incomplete" : "response.completed",
                #""response":\#(response(reply, isFinal: true))"#,
                false
            ),
        ]
        return events.enumerated().map { number, event in
            self.event(event.type, #""sequence_number":\#(number),\#(event.members)"#, isPaced: event.isPaced)
        }
    }

    private func response(_ reply: Reply, isFinal: Bool) -> String {
        let status = !isFinal ? "in_progress" : reply.isTruncated ? "incomplete" : "completed"
        let incomplete = isFinal && reply.isTruncated ? #"{"reason":"max_output_tokens"}"# : "null"
        let usage =
            #"{"input_tokens":\#(reply.inputTokens),"input_tokens_details":{"cached_tokens":0},"#
            + #""output_tokens":\#(reply.outputTokens),"output_tokens_details":{"reasoning_tokens":0},"#
            + #""total_tokens":\#(reply.inputTokens + reply.outputTokens)}"#
        return #"{"id":"\#(reply.id("resp_", length: 32))","object":"response","created_at":\#(reply.created),"#
            + #""status":"\#(status)","error":null,"incomplete_details":\#(incomplete),"instructions":null,"#
            + #""max_output_tokens":null,"metadata":{},"model":\#(quoted(reply.model)),"#
            + #""output":[\#(isFinal ? outputItem(reply) : "")],"parallel_tool_calls":true,"previous_response_id":null,"#
            + #""reasoning":{"effort":null,"summary":null},"store":false,"temperature":1,"text":{"format":{"type":"text"}},"#
            + #""tool_choice":"auto","tools":[],"top_p":1,"truncation":"disabled","usage":\#(isFinal ? usage : "null")}"#
    }

    private func outputItem(_ reply: Reply) -> String {
        #"{"id":"\#(itemID(reply))","type":"message","status":"\#(reply.isTruncated ? "incomplete" : "completed")","#
            + #""role":"assistant","content":[{"type":"output_text","text":\#(quoted(reply.text)),"annotations":[],"logprobs":[]}]}"#
    }

    private func itemID(_ reply: Reply) -> String { reply.id("msg_", length: 32) }
}
