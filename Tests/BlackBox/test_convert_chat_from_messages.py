"""A Chat client before an Anthropic upstream: the answer that the client gets, whole and streamed."""

import json

from checks import check, contains, equal, expect, lacks
from dialects import ANTHROPIC, OPENAI
from harness import served
from messages_chat import (
    AEND,
    FUNCTION,
    THINKING,
    anthropic_events,
    ask_chat,
    block_events,
    completion_of,
    lossy_of,
    matches,
    text_part,
    tool_stream,
    tool_use,
)
from upstream import stream, whole
from wire import events

SEARCH = block_events(
    0,
    "server_tool_use",
    {"id": "srvtoolu_1", "name": "web_search", "input": {}},
    {"type": "input_json_delta", "partial_json": '{"query":"x"}'},
)

FOUND = block_events(1, "web_search_tool_result", {"tool_use_id": "srvtoolu_1", "content": []})


def _atext(index=0, *texts):
    return block_events(index, "text", {"text": ""}, *({"type": "text_delta", "text": text} for text in texts))


def _fcall(ident, arguments, name="look"):
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


CANSWERS = [
    ("text", ANTHROPIC.start("m") + _atext(0, "Hello", ", world") + AEND, {"content": "Hello, world"}, "stop"),
    (
        "pings and unknown events",
        ANTHROPIC.start("m") + anthropic_events({"type": "ping"}, {"type": "news", "x": 1}) + _atext(0, "Hello, world") + AEND,
        {"content": "Hello, world"},
        "stop",
    ),
    (
        "text in the start of a block",
        ANTHROPIC.start("m") + block_events(0, "text", {"text": "Hello"}, {"type": "text_delta", "text": ", world"}) + AEND,
        {"content": "Hello, world"},
        "stop",
    ),
    (
        "a second message_start before any block",
        ANTHROPIC.start("m") + ANTHROPIC.start("m") + _atext(0, "Hello, world") + AEND,
        {"content": "Hello, world"},
        "stop",
    ),
    (
        "no event: lines",
        (ANTHROPIC.start("m") + _atext(0, "Hello, world") + AEND).replace(b"event: ", b"x: "),
        {"content": "Hello, world"},
        "stop",
    ),
    (
        "no message_stop, but a stop_reason",
        (ANTHROPIC.start("m") + _atext(0, "Hello, world") + AEND).split(b"event: message_stop")[0],
        {"content": "Hello, world"},
        "stop",
    ),
    ("two texts", ANTHROPIC.start("m") + _atext(0, "Hello") + _atext(1, ", world") + AEND, {"content": "Hello, world"}, "stop"),
    (
        "citations",
        ANTHROPIC.start("m")
        + block_events(
            0,
            "text",
            {"text": ""},
            {"type": "text_delta", "text": "Hello, world"},
            {"type": "citations_delta", "citation": {"type": "char_location"}},
        )
        + AEND,
        {"content": "Hello, world"},
        "stop",
    ),
    (
        "thoughts before text",
        ANTHROPIC.start("m") + THINKING + _atext(1, "Hello, world") + AEND,
        {"reasoning_content": "Hm, so.", "content": "Hello, world"},
        "stop",
    ),
    (
        "redacted thoughts",
        ANTHROPIC.start("m") + block_events(0, "redacted_thinking", {"data": "EqQB"}) + _atext(1, "Hello, world") + AEND,
        {"content": "Hello, world", "reasoning_content": ...},
        "stop",
    ),
    (
        "a server's tool",
        ANTHROPIC.start("m") + SEARCH + FOUND + _atext(2, "Hello, world") + AEND,
        {"content": "Hello, world", "tool_calls": ...},
        "stop",
    ),
    (
        "calls beside text",
        tool_stream([("toolu_1", "look", ["", '{"at"', ':"x"}']), ("toolu_2", "look", ['{"at":"y"}'])], _atext(0, "I look.")),
        {"content": "I look.", "tool_calls": [_fcall("toolu_1", '{"at":"x"}'), _fcall("toolu_2", '{"at":"y"}')]},
        "tool_calls",
    ),
    (
        "a call without arguments",
        tool_stream([("toolu_1", "look", [])]),
        {"content": None, "tool_calls": [_fcall("toolu_1", "{}")]},
        "tool_calls",
    ),
    (
        "a call with end_turn",
        tool_stream([("toolu_1", "look", ["{}"])], stop="end_turn"),
        {"tool_calls": [_fcall("toolu_1", "{}")]},
        "tool_calls",
    ),
    (
        "input in the start of a call",
        ANTHROPIC.start("m")
        + block_events(0, "tool_use", {"id": "toolu_1", "name": "look", "input": {"at": "x/y"}})
        + AEND.replace(b"end_turn", b"tool_use"),
        {"tool_calls": [_fcall("toolu_1", '{"at":"x/y"}')]},
        "tool_calls",
    ),
    (
        "a call that max_tokens cut",
        ANTHROPIC.start("m")
        + anthropic_events(
            {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
            },
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"at":"x'}},
        )
        + AEND.replace(b"end_turn", b"max_tokens"),
        {"tool_calls": [_fcall("toolu_1", '{"at":"x')]},
        "length",
    ),
    (
        "stop_sequence",
        ANTHROPIC.start("m")
        + _atext(0, "Hello, world")
        + AEND.replace(b'"stop_reason":"end_turn","stop_sequence":null', b'"stop_reason":"stop_sequence","stop_sequence":"E"'),
        {"content": "Hello, world"},
        "stop",
    ),
    (
        "pause_turn",
        ANTHROPIC.start("m") + _atext(0, "Hello, world") + AEND.replace(b"end_turn", b"pause_turn"),
        {"content": "Hello, world"},
        "stop",
    ),
    (
        "a full context window",
        ANTHROPIC.start("m") + _atext(0, "Hello, world") + AEND.replace(b"end_turn", b"model_context_window_exceeded"),
        {"content": "Hello, world"},
        "length",
    ),
    (
        "an unknown stop_reason",
        ANTHROPIC.start("m") + _atext(0, "Hello, world") + AEND.replace(b"end_turn", b"weird"),
        {"content": "Hello, world"},
        "stop",
    ),
    (
        "a refusal without text",
        ANTHROPIC.start("m")
        + AEND.replace(
            b'"stop_reason":"end_turn"',
            b'"stop_reason":"refusal","stop_details":{"type":"refusal","category":null,"explanation":"No."}',
        ),
        {"content": None, "refusal": "No."},
        "content_filter",
    ),
    (
        "a refusal after text",
        ANTHROPIC.start("m")
        + _atext(0, "Hello, world")
        + AEND.replace(
            b'"stop_reason":"end_turn"',
            b'"stop_reason":"refusal","stop_details":{"type":"refusal","category":null,"explanation":"No."}',
        ),
        {"content": "Hello, world", "refusal": None},
        "content_filter",
    ),
]


@check("Chat ← Messages, streamed: {what}", rows=CANSWERS, together=True)
def _(lab, what, body, message, finish):
    answer, _request = ask_chat(lab, {"tools": [FUNCTION]}, reply=stream(body), streamed=True)
    choice = completion_of(answer)["choices"][0]
    equal(choice["finish_reason"], finish, "finish_reason")
    matches(choice["message"], message, "the message")


CWHOLES = [
    (
        "text in two blocks",
        {"content": [text_part("Hello"), text_part(", world")]},
        {"content": "Hello, world", "refusal": None, "tool_calls": ...},
        "stop",
    ),
    (
        "thoughts",
        {"content": [{"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}, text_part("Hello")]},
        {"content": "Hello", "reasoning_content": "Hm."},
        "stop",
    ),
    (
        "calls",
        {"content": [tool_use("toolu_1", "look", {"at": "x"}), tool_use("toolu_2", "look", {})], "stop_reason": "tool_use"},
        {"content": None, "tool_calls": [_fcall("toolu_1", '{"at":"x"}'), _fcall("toolu_2", "{}")]},
        "tool_calls",
    ),
    (
        "a refusal",
        {"content": [], "stop_reason": "refusal", "stop_details": {"type": "refusal", "category": None, "explanation": "No."}},
        {"content": None, "refusal": "No."},
        "content_filter",
    ),
    ("max_tokens", {"stop_reason": "max_tokens"}, {}, "length"),
    ("a paused turn", {"stop_reason": "pause_turn"}, {}, "stop"),
    (
        "a server's tool",
        {"content": [{"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, text_part("Hello")]},
        {"content": "Hello", "tool_calls": ...},
        "stop",
    ),
]


@check("Chat ← Messages, whole: {what}", rows=CWHOLES, together=True)
def _(lab, what, fields, message, finish):
    answer, _request = ask_chat(lab, {"tools": [FUNCTION]}, reply=whole(ANTHROPIC.whole("m", **fields)))
    told = served(answer).json()
    matches(told, {"object": "chat.completion", "model": "m"}, "the answer")
    expect(isinstance(told["created"], int) and told["id"].startswith("chatcmpl-"), "created and id", told)
    equal((told["choices"][0]["index"], told["choices"][0]["finish_reason"]), (0, finish), "index and finish_reason")
    matches(told["choices"][0]["message"], {"role": "assistant", **message}, "the message")
    if what == "a paused turn":
        equal(lossy_of(answer).get("finish_reason"), "approximated", "what x-proxyd-lossy says of finish_reason")


@check("Chat ← Messages, usage: the three inputs are one sum, counts of a stream replace each other")
def _(lab):
    usage = {"input_tokens": 13, "cache_read_input_tokens": 22000, "cache_creation_input_tokens": 31, "output_tokens": 4}
    wanted = {"prompt_tokens": 22044, "completion_tokens": 4, "total_tokens": 22048}
    body = (
        ANTHROPIC.start("m", {**usage, "input_tokens": 9, "output_tokens": 1})
        + _atext(0, "Hello")
        + AEND.replace(b'{"output_tokens":7}', b'{"input_tokens":13,"output_tokens":4}')
    )
    for reply, streamed in ((whole(ANTHROPIC.whole("m", usage=usage)), False), (stream(body), True)):
        answer, _request = ask_chat(
            lab, {"stream_options": {"include_usage": True}} if streamed else {}, reply=reply, streamed=streamed
        )
        told = completion_of(answer)["usage"]
        matches(told, wanted, "usage")
        matches(told["prompt_tokens_details"], {"cached_tokens": 22000, "cache_write_tokens": 31}, "prompt_tokens_details")


@check("Chat ← Messages, streamed: usage is null in other chunks when it was asked for, and nowhere when not")
def _(lab):
    for asked in (True, False):
        answer, _request = ask_chat(lab, {"stream_options": {"include_usage": asked}}, streamed=True)
        chunks = [json.loads(data) for _, data in events(served(answer).body)[:-1]]
        if asked:
            equal([chunk["usage"] for chunk in chunks[:-1]], [None] * (len(chunks) - 1), "usage of the others")
            equal((chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"]), ([], 26), "the last chunk")
        else:
            expect(all(chunk["choices"] and not chunk.get("usage") for chunk in chunks), "no usage", chunks[-1])


CBROKEN = [
    ("cut off", ANTHROPIC.start("m") + _atext(0, "Hello"), "upstream stream ended before completion"),
    (
        "with an error event",
        ANTHROPIC.start("m") + _atext(0, "Hello") + ANTHROPIC.stream_error("far away and busy"),
        "far away and busy",
    ),
    ("that begins again", ANTHROPIC.start("m") + _atext(0, "Hello") + ANTHROPIC.start("m") + _atext(0, "Hello") + AEND, None),
]


@check("Chat ← Messages: a stream {what} ends in an error chunk", rows=CBROKEN)
def _(lab, what, body, words):
    answer, _request = ask_chat(lab, {}, reply=stream(body), streamed=True)
    error = OPENAI.error_in(answer.body)
    expect(error, "an error chunk", answer.body)
    if words:
        contains(error["message"], words, "its message")
    lacks(answer.body, b'"finish_reason":"stop"', "the stream")


@check("Chat ← Messages: an answer without content and reason, an error in a 200, an error as first event are errors")
def _(lab):
    for reply, streamed in (
        (whole(ANTHROPIC.whole("m", content=[], stop_reason=None)), False),
        (stream(ANTHROPIC.start("m") + anthropic_events({"type": "message_stop"})), True),
        (whole({"type": "error", "error": {"type": "api_error", "message": "far away"}}), False),
        (stream(ANTHROPIC.stream_error("far away and busy")), True),
    ):
        answer, _request = ask_chat(lab, {}, reply=reply, streamed=streamed)
        expect(answer.status >= 500, "a 5xx", repr(answer))
        OPENAI.error_of(answer)


@check(
    "Chat ← Messages: {kind} of the upstream is {status} {code}",
    rows=[
        (404, "not_found_error", 404, "model_not_found"),
        (429, "rate_limit_error", 429, "rate_limit_exceeded"),
        (529, "overloaded_error", 503, None),
    ],
)
def _(lab, given, kind, status, code):
    answer, _request = ask_chat(lab, {}, reply=whole({"type": "error", "error": {"type": kind, "message": "far away"}}, given))
    equal(answer.status, status, "the status")
    error = OPENAI.error_of(answer)
    if code:
        equal(error["code"], code, "error.code")
    contains(error["message"], "far away", "error.message")
