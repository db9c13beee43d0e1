"""An Anthropic Messages client before a Chat upstream: the stream that the client gets, whatever the upstream's looks like."""

from checks import check, contains, equal, expect, lacks
from dialects import ANTHROPIC, OPENAI
from messages_chat import TEXT_ONLY, TOOL, ask_messages, chat_call, chat_calls, chat_stream, message_of, text_part, tool_use
from upstream import stream

ANSWERS = [
    (
        "chunks without choices before, between and after",
        b'data: {"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[]}\n\n'
        + OPENAI.begin("m")
        + b'data: {"choices":[]}\n\n'
        + OPENAI.words(", world")
        + OPENAI.chunk("m", {}, "stop")
        + OPENAI.usage_chunk("m")
        + b'data: {"choices":[]}\n\ndata: [DONE]\n\n',
        TEXT_ONLY,
        "end_turn",
    ),
    (
        "usage in every chunk",
        b"".join(
            OPENAI.chunk("m", d, f, usage=OPENAI.usage(completion_tokens=n))
            for n, (d, f) in enumerate(
                [({"role": "assistant", "content": "Hello"}, None), ({"content": ", world"}, None), ({}, "stop")], 5
            )
        )
        + b"data: [DONE]\n\n",
        TEXT_ONLY,
        "end_turn",
    ),
    (
        "text in the chunk with the role and with the finish",
        OPENAI.chunk("m", {"role": "assistant", "content": "Hello"})
        + OPENAI.chunk("m", {"content": ", world"}, "stop")
        + OPENAI.usage_chunk("m")
        + b"data: [DONE]\n\n",
        TEXT_ONLY,
        "end_turn",
    ),
    ("no [DONE]", chat_stream({"content": "Hello, world"}, done=False), TEXT_ONLY, "end_turn"),
    ("no finish_reason but [DONE]", chat_stream({"content": "Hello, world"}, finish=None), TEXT_ONLY, "end_turn"),
    ("events after [DONE]", chat_stream({"content": "Hello, world"}) + OPENAI.words("!!!"), TEXT_ONLY, "end_turn"),
    (
        "CRLF, a BOM and comments",
        b"\xef\xbb\xbf: PROCESSING\r\n\r\n" + chat_stream({"content": "Hello, world"}).replace(b"\n", b"\r\n"),
        TEXT_ONLY,
        "end_turn",
    ),
    ("lone CR", chat_stream({"content": "Hello, world"}).replace(b"\n", b"\r"), TEXT_ONLY, "end_turn"),
    ("no blank line at the end", chat_stream({"content": "Hello, world"}, usage=False, done=False)[:-2], TEXT_ONLY, "end_turn"),
    ("no space after data:", chat_stream({"content": "Hello, world"}).replace(b"data: ", b"data:"), TEXT_ONLY, "end_turn"),
    (
        "an event that is no JSON",
        chat_stream({"content": "Hello, world"}).replace(
            OPENAI.usage_chunk("m"), b"data: {broken\n\n" + OPENAI.usage_chunk("m")
        ),
        TEXT_ONLY,
        "end_turn",
    ),
    (
        "messages instead of deltas",
        b'data: {"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello, world"},'
        b'"finish_reason":"stop"}]}\n\n' + OPENAI.usage_chunk("m") + b"data: [DONE]\n\n",
        TEXT_ONLY,
        "end_turn",
    ),
    ("text in parts", chat_stream({"content": [text_part("Hello"), text_part(", world")]}), TEXT_ONLY, "end_turn"),
    (
        "a second choice",
        chat_stream({"content": "Hello, world"}).replace(
            b"data: [DONE]",
            b'data: {"id":"c","model":"m","choices":[{"index":1,"delta":{"content":"not this"},"finish_reason":null}]}\n\n'
            b"data: [DONE]",
        ),
        TEXT_ONLY,
        "end_turn",
    ),
    (
        "a second choice before the first",
        OPENAI.start("m")
        + b'data: {"id":"c","model":"m","choices":[{"index":1,"delta":{"content":"not this"},"finish_reason":null}]}\n\n'
        + chat_stream({"content": "Hello, world"}),
        TEXT_ONLY,
        "end_turn",
    ),
    (
        "a surrogate pair in two deltas",
        OPENAI.start("m")
        + b"".join(
            b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % t
            for t in (b"a\\ud83d", b"\\ude00b")
        )
        + chat_stream(),
        [text_part("a\U0001f600b")],
        "end_turn",
    ),
    (
        "a surrogate alone",
        OPENAI.start("m")
        + b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}\n\n'
        + chat_stream(),
        [text_part("a\ufffd")],
        "end_turn",
    ),
    (
        "a call in pieces",
        chat_stream(
            chat_calls(chat_call(0, "call_1", "look", "")),
            chat_calls(chat_call(0, arguments='{"at"')),
            chat_calls(chat_call(0, arguments=':"x"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "a call's name in pieces",
        chat_stream(
            chat_calls(chat_call(0, "call_1", "get_", "")),
            chat_calls(chat_call(0, name="wea", arguments="")),
            chat_calls(chat_call(0, name="ther", arguments='{"at"')),
            chat_calls(chat_call(0, arguments=':"x"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "get_weather", {"at": "x"})],
        "tool_use",
    ),
    (
        "a call's name again and longer",
        chat_stream(
            chat_calls(chat_call(0, "call_1", "get_", "")),
            chat_calls(chat_call(0, "call_1", "get_weather", "")),
            chat_calls(chat_call(0, "call_1", "get_weather", '{"at":"x"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "get_weather", {"at": "x"})],
        "tool_use",
    ),
    (
        "a call whole with its name",
        chat_stream(chat_calls(chat_call(0, "call_1", "look", '{"at":"x"}')), finish="tool_calls"),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "a call with finish_reason stop",
        chat_stream(chat_calls(chat_call(0, "call_1", "look", '{"at":"x"}'))),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "arguments with the finish",
        OPENAI.start("m")
        + OPENAI.chunk("m", chat_calls(chat_call(0, "call_1", "look", "")))
        + OPENAI.chunk("m", chat_calls(chat_call(0, arguments='{"at":"x"}')), "tool_calls")
        + b"data: [DONE]\n\n",
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "a call without arguments",
        chat_stream(chat_calls(chat_call(0, "call_1", "look", "")), finish="tool_calls"),
        [tool_use("call_1", "look", {})],
        "tool_use",
    ),
    (
        "arguments as a value",
        chat_stream(chat_calls(chat_call(0, "call_1", "look", {"at": "x"})), finish="tool_calls"),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "text, then two calls, index 0 for all",
        chat_stream(
            {"content": "I look."},
            chat_calls(chat_call(0, "call_1", "look", '{"at":"x"}')),
            chat_calls(chat_call(0, "call_2", "look", "")),
            chat_calls(chat_call(0, arguments='{"at":"y"}')),
            finish="tool_calls",
        ),
        [text_part("I look."), tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "two calls in pieces that interleave",
        chat_stream(
            chat_calls(chat_call(0, "call_1", "look", "")),
            chat_calls(chat_call(1, "call_2", "look", "")),
            chat_calls(chat_call(0, arguments='{"at":')),
            chat_calls(chat_call(1, arguments='{"at":')),
            chat_calls(chat_call(0, arguments='"x"}')),
            chat_calls(chat_call(1, arguments='"y"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "indices from 1 with a gap",
        chat_stream(
            chat_calls(chat_call(1, "call_1", "look", '{"at":"x"}')),
            chat_calls(chat_call(3, "call_2", "look", '{"at":"y"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "calls without indices",
        chat_stream(
            chat_calls(chat_call(None, "call_1", "look", '{"at":"x"}')),
            chat_calls(chat_call(None, "call_2", "look", '{"at":"y"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "id and name again in every piece",
        chat_stream(
            chat_calls(chat_call(0, "call_1", "look", '{"at"')),
            chat_calls(chat_call(0, "call_1", "look", ':"x"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "empty names in later pieces",
        chat_stream(
            chat_calls(chat_call(0, "call_1", "look", '{"at"')),
            chat_calls({"index": 0, "id": "", "function": {"name": "", "arguments": ':"x"}'}}),
            chat_calls({"index": 0, "id": None, "function": {"name": None, "arguments": ""}}),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "text in the midst of a call",
        chat_stream(
            chat_calls(chat_call(0, "call_1", "look", '{"at"')),
            {"content": "Wait."},
            chat_calls(chat_call(0, arguments=':"x"}')),
            chat_calls(chat_call(1, "call_2", "look", '{"at":"y"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"}), text_part("Wait."), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "an older function_call",
        chat_stream(
            {"function_call": {"name": "look", "arguments": '{"at"'}},
            {"function_call": {"arguments": ':"x"}'}},
            finish="function_call",
        ),
        None,
        "tool_use",
    ),
    (
        "an id Anthropic forbids",
        chat_stream(chat_calls(chat_call(0, "functions.look:0", "look", '{"at":"x"}')), finish="tool_calls"),
        None,
        "tool_use",
    ),
    ("no id at all", chat_stream(chat_calls(chat_call(0, None, "look", '{"at":"x"}')), finish="tool_calls"), None, "tool_use"),
    ("length", chat_stream({"content": "Hello, world"}, finish="length"), TEXT_ONLY, "max_tokens"),
    (
        "length with a call cut",
        chat_stream({"content": "Hello, world"}, chat_calls(chat_call(0, "call_1", "look", "{}")), finish="length"),
        [*TEXT_ONLY, tool_use("call_1", "look", {})],
        "max_tokens",
    ),
    ("tool_calls, but none came", chat_stream({"content": "Hello, world"}, finish="tool_calls"), TEXT_ONLY, "end_turn"),
    ("an unknown finish_reason", chat_stream({"content": "Hello, world"}, finish="weird"), TEXT_ONLY, "end_turn"),
    (
        "vLLM's stop_reason that is a number",
        chat_stream({"content": "Hello, world"}, stop_reason=151645),
        TEXT_ONLY,
        "end_turn",
    ),
    ("nothing at all", chat_stream(), [text_part("")], "end_turn"),
    (
        "thoughts nobody asked for",
        chat_stream({"reasoning_content": "Hm."}, {"content": "Hello, world"}),
        TEXT_ONLY,
        "end_turn",
    ),
]


@check("Messages ← Chat, streamed: {what}", rows=ANSWERS, together=True)
def _(lab, what, body, content, stop):
    answer, _request = ask_messages(lab, {"tools": [TOOL]}, reply=stream(body), streamed=True)
    message = message_of(answer)
    equal(message["stop_reason"], stop, "stop_reason")
    if content is not None:
        equal(message["content"], content, "content")
        return
    equal([(b["type"], b["name"], b["input"]) for b in message["content"]], [("tool_use", "look", {"at": "x"})], "content")
    ident = message["content"][0]["id"]
    expect(0 < len(ident) <= 64 and all(c.isalnum() or c in "_-" for c in ident), "an id Anthropic allows", ident)


@check("Messages ← Chat, streamed byte by byte: characters and pairs stay whole")
def _(lab):
    body = chat_stream({"content": "Grüße "}, {"content": "世界 😀"})
    answer, _request = ask_messages(lab, {}, reply=stream([body[i : i + 1] for i in range(len(body))]), streamed=True)
    equal(message_of(answer)["content"], [text_part("Grüße 世界 😀")], "content")


@check("Messages ← Chat, streamed: a refusal is a stop reason, no text")
def _(lab):
    answer, _request = ask_messages(lab, {}, reply=stream(chat_stream({"refusal": "I "}, {"refusal": "won't."})), streamed=True)
    message = message_of(answer)
    equal((message["stop_reason"], message["content"]), ("refusal", []), "stop_reason, content")
    equal(message["stop_details"], {"type": "refusal", "category": None, "explanation": "I won't."}, "stop_details")
    cut = chat_stream({"refusal": "I "}, {"refusal": "won't"}, finish="length")
    message = message_of(ask_messages(lab, {}, reply=stream(cut), streamed=True)[0])
    equal((message["stop_reason"], message["content"]), ("max_tokens", [text_part("I won't")]), "stop_reason, content of one that is cut")


BROKEN = [
    (
        "a stream cut off in its text",
        chat_stream({"content": "Hello"}, finish=None, usage=False, done=False),
        "upstream stream ended before completion",
    ),
    ("a stream of thoughts alone", chat_stream({"reasoning_content": "Hm."}, finish=None), None),
    (
        "a stream cut off in a call",
        chat_stream(
            {"content": "Hello"}, chat_calls(chat_call(0, "call_1", "look", '{"at"')), finish=None, usage=False, done=False
        ),
        "upstream stream ended before completion",
    ),
    (
        "an error object",
        chat_stream({"content": "Hello"}, finish=None, usage=False, done=False) + OPENAI.stream_error("far away and broken"),
        "far away and broken",
    ),
    (
        "an error text",
        chat_stream({"content": "Hello"}, finish=None, usage=False, done=False)
        + b'event: error\ndata: {"error":"far away and broken"}\n\n',
        "far away and broken",
    ),
]


@check("Messages ← Chat: {what} ends in an error and never in a normal end", rows=BROKEN)
def _(lab, what, body, words):
    answer, _request = ask_messages(lab, {"tools": [TOOL]}, reply=stream(body), streamed=True)
    if answer.status != 200:
        expect(answer.status >= 500, "a 5xx when nothing was seen", repr(answer))
        return
    error = ANTHROPIC.error_in(answer.body)
    expect(error, "an error event", answer.body)
    if words:
        contains(error["message"], words, "its message")
    lacks(answer.body, b"message_stop", "the stream")
    lacks(answer.body, b"message_delta", "the stream")
