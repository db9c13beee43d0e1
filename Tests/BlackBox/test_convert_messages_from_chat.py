"""An Anthropic Messages client before a Chat upstream: the answer that the client gets, whole and streamed."""

import json

from checks import check, contains, equal, expect, lacks
from dialects import ANTHROPIC, OPENAI, compact
from harness import served
from messages_chat import TOOL, ask_messages, lossy_of, matches, message_of, plain, text_part, tool_use
from upstream import status, stream, whole


def _chunks(*deltas, finish="stop", usage=True, done=True, **last):
    body = OPENAI.start("m") + b"".join(OPENAI.chunk("m", delta) for delta in deltas)
    if finish:
        choice = {"index": 0, "delta": {}, "finish_reason": finish, **last}
        body += (
            b"data: "
            + compact(
                {"id": "chatcmpl-stream", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            )
            + b"\n\n"
        )
    return body + (OPENAI.usage_chunk("m") if usage else b"") + (b"data: [DONE]\n\n" if done else b"")


def _call(index, ident=None, name=None, arguments=None, **more):
    function = {**({"name": name} if name is not None else {}), **({"arguments": arguments} if arguments is not None else {})}
    return {
        **({} if index is None else {"index": index}),
        **({"id": ident, "type": "function"} if ident else {}),
        "function": function,
        **more,
    }


def _calling(*calls):
    return {"tool_calls": list(calls)}


TEXT_ONLY = [text_part("Hello, world")]

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
    ("no [DONE]", _chunks({"content": "Hello, world"}, done=False), TEXT_ONLY, "end_turn"),
    ("no finish_reason but [DONE]", _chunks({"content": "Hello, world"}, finish=None), TEXT_ONLY, "end_turn"),
    ("events after [DONE]", _chunks({"content": "Hello, world"}) + OPENAI.words("!!!"), TEXT_ONLY, "end_turn"),
    (
        "CRLF, a BOM and comments",
        b"\xef\xbb\xbf: PROCESSING\r\n\r\n" + _chunks({"content": "Hello, world"}).replace(b"\n", b"\r\n"),
        TEXT_ONLY,
        "end_turn",
    ),
    ("lone CR", _chunks({"content": "Hello, world"}).replace(b"\n", b"\r"), TEXT_ONLY, "end_turn"),
    ("no blank line at the end", _chunks({"content": "Hello, world"}, usage=False, done=False)[:-2], TEXT_ONLY, "end_turn"),
    ("no space after data:", _chunks({"content": "Hello, world"}).replace(b"data: ", b"data:"), TEXT_ONLY, "end_turn"),
    (
        "an event that is no JSON",
        _chunks({"content": "Hello, world"}).replace(OPENAI.usage_chunk("m"), b"data: {broken\n\n" + OPENAI.usage_chunk("m")),
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
    ("text in parts", _chunks({"content": [text_part("Hello"), text_part(", world")]}), TEXT_ONLY, "end_turn"),
    (
        "a second choice",
        _chunks({"content": "Hello, world"}).replace(
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
        + _chunks({"content": "Hello, world"}),
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
        + _chunks(),
        [text_part("a\U0001f600b")],
        "end_turn",
    ),
    (
        "a surrogate alone",
        OPENAI.start("m")
        + b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}\n\n'
        + _chunks(),
        [text_part("a\ufffd")],
        "end_turn",
    ),
    (
        "a call in pieces",
        _chunks(
            _calling(_call(0, "call_1", "look", "")),
            _calling(_call(0, arguments='{"at"')),
            _calling(_call(0, arguments=':"x"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "a call whole with its name",
        _chunks(_calling(_call(0, "call_1", "look", '{"at":"x"}')), finish="tool_calls"),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "a call with finish_reason stop",
        _chunks(_calling(_call(0, "call_1", "look", '{"at":"x"}'))),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "arguments with the finish",
        OPENAI.start("m")
        + OPENAI.chunk("m", _calling(_call(0, "call_1", "look", "")))
        + OPENAI.chunk("m", _calling(_call(0, arguments='{"at":"x"}')), "tool_calls")
        + b"data: [DONE]\n\n",
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "a call without arguments",
        _chunks(_calling(_call(0, "call_1", "look", "")), finish="tool_calls"),
        [tool_use("call_1", "look", {})],
        "tool_use",
    ),
    (
        "arguments as a value",
        _chunks(_calling(_call(0, "call_1", "look", {"at": "x"})), finish="tool_calls"),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "text, then two calls, index 0 for all",
        _chunks(
            {"content": "I look."},
            _calling(_call(0, "call_1", "look", '{"at":"x"}')),
            _calling(_call(0, "call_2", "look", "")),
            _calling(_call(0, arguments='{"at":"y"}')),
            finish="tool_calls",
        ),
        [text_part("I look."), tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "two calls in pieces that interleave",
        _chunks(
            _calling(_call(0, "call_1", "look", "")),
            _calling(_call(1, "call_2", "look", "")),
            _calling(_call(0, arguments='{"at":')),
            _calling(_call(1, arguments='{"at":')),
            _calling(_call(0, arguments='"x"}')),
            _calling(_call(1, arguments='"y"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "indices from 1 with a gap",
        _chunks(
            _calling(_call(1, "call_1", "look", '{"at":"x"}')),
            _calling(_call(3, "call_2", "look", '{"at":"y"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "calls without indices",
        _chunks(
            _calling(_call(None, "call_1", "look", '{"at":"x"}')),
            _calling(_call(None, "call_2", "look", '{"at":"y"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "id and name again in every piece",
        _chunks(
            _calling(_call(0, "call_1", "look", '{"at"')), _calling(_call(0, "call_1", "look", ':"x"}')), finish="tool_calls"
        ),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "empty names in later pieces",
        _chunks(
            _calling(_call(0, "call_1", "look", '{"at"')),
            _calling({"index": 0, "id": "", "function": {"name": "", "arguments": ':"x"}'}}),
            _calling({"index": 0, "id": None, "function": {"name": None, "arguments": ""}}),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"})],
        "tool_use",
    ),
    (
        "text in the midst of a call",
        _chunks(
            _calling(_call(0, "call_1", "look", '{"at"')),
            {"content": "Wait."},
            _calling(_call(0, arguments=':"x"}')),
            _calling(_call(1, "call_2", "look", '{"at":"y"}')),
            finish="tool_calls",
        ),
        [tool_use("call_1", "look", {"at": "x"}), text_part("Wait."), tool_use("call_2", "look", {"at": "y"})],
        "tool_use",
    ),
    (
        "an older function_call",
        _chunks(
            {"function_call": {"name": "look", "arguments": '{"at"'}},
            {"function_call": {"arguments": ':"x"}'}},
            finish="function_call",
        ),
        None,
        "tool_use",
    ),
    (
        "an id Anthropic forbids",
        _chunks(_calling(_call(0, "functions.look:0", "look", '{"at":"x"}')), finish="tool_calls"),
        None,
        "tool_use",
    ),
    ("no id at all", _chunks(_calling(_call(0, None, "look", '{"at":"x"}')), finish="tool_calls"), None, "tool_use"),
    ("length", _chunks({"content": "Hello, world"}, finish="length"), TEXT_ONLY, "max_tokens"),
    (
        "length with a call cut",
        _chunks({"content": "Hello, world"}, _calling(_call(0, "call_1", "look", "{}")), finish="length"),
        [*TEXT_ONLY, tool_use("call_1", "look", {})],
        "max_tokens",
    ),
    ("tool_calls, but none came", _chunks({"content": "Hello, world"}, finish="tool_calls"), TEXT_ONLY, "end_turn"),
    ("an unknown finish_reason", _chunks({"content": "Hello, world"}, finish="weird"), TEXT_ONLY, "end_turn"),
    ("vLLM's stop_reason that is a number", _chunks({"content": "Hello, world"}, stop_reason=151645), TEXT_ONLY, "end_turn"),
    ("nothing at all", _chunks(), [text_part("")], "end_turn"),
    ("thoughts nobody asked for", _chunks({"reasoning_content": "Hm."}, {"content": "Hello, world"}), TEXT_ONLY, "end_turn"),
]


@check("Messages ← Chat, streamed: {what}", rows=ANSWERS)
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
    body = _chunks({"content": "Grüße "}, {"content": "世界 😀"})
    answer, _request = ask_messages(lab, {}, reply=stream([body[i : i + 1] for i in range(len(body))]), streamed=True)
    equal(message_of(answer)["content"], [text_part("Grüße 世界 😀")], "content")


THOUGHT = {"type": "enabled", "budget_tokens": 1024}


@check(
    "Messages ← Chat: {field} is a thinking block before the text, {mode}",
    rows=[(f, m) for f in ("reasoning_content", "reasoning", "reasoning_details") for m in ("whole", "streamed")],
)
def _(lab, field, mode):
    def said(text):
        return [{"type": "reasoning.text", "text": text}] if field == "reasoning_details" else text

    reply = (
        stream(_chunks({field: said("Hm, ")}, {field: said("so.")}, {"content": "Hello", field: None}, {"content": ", world"}))
        if mode == "streamed"
        else whole(
            OPENAI.whole(
                "m",
                choices=[
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "Hello, world", field: said("Hm, so.")},
                        "finish_reason": "stop",
                    }
                ],
            )
        )
    )
    answer, _request = ask_messages(
        lab, {"max_tokens": 2000, "thinking": THOUGHT}, "gpt-5", reply=reply, streamed=mode == "streamed"
    )
    content = message_of(answer)["content"]
    equal([block["type"] for block in content], ["thinking", "text"], "the blocks")
    equal((content[0]["thinking"], content[1]["text"]), ("Hm, so.", "Hello, world"), "thinking and text")
    expect(content[0]["signature"].startswith("pxd1."), "an envelope as the signature", content[0])


@check("Messages ← Chat, streamed: reasoning and answer in one chunk are two blocks")
def _(lab):
    reply = stream(
        _chunks({"reasoning_content": "Hm."}, {"reasoning_content": " So.", "content": "Hello"}, {"content": ", world"})
    )
    answer, _request = ask_messages(lab, {"max_tokens": 2000, "thinking": THOUGHT}, "gpt-5", reply=reply, streamed=True)
    content = message_of(answer)["content"]
    equal((content[0]["thinking"], content[1]["text"]), ("Hm. So.", "Hello, world"), "thinking and text")


def _finished(finish, message=None, **choice):
    return whole(
        OPENAI.whole(
            "m",
            choices=[
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Hello, world", **(message or {})},
                    "finish_reason": finish,
                    **choice,
                }
            ],
        )
    )


WHOLES = [
    (
        "stop",
        _finished("stop"),
        {"stop_reason": "end_turn", "stop_sequence": None, "content": TEXT_ONLY, "type": "message", "role": "assistant"},
    ),
    (
        "length beside calls",
        _finished("length", {"tool_calls": [_call(None, "call_1", "look", "{}")]}),
        {"stop_reason": "max_tokens"},
    ),
    (
        "calls with finish_reason stop",
        _finished(
            "stop",
            {"content": None, "tool_calls": [_call(None, "call_1", "look", '{"at":"x"}'), _call(None, "call_2", "look", "")]},
        ),
        {"stop_reason": "tool_use", "content": [tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {})]},
    ),
    (
        "calls with a matched stop",
        _finished("stop", {"tool_calls": [_call(None, "call_1", "look", "{}")]}, stop_reason="E"),
        {"stop_reason": "tool_use"},
    ),
    (
        "content_filter",
        _finished("content_filter"),
        {"stop_reason": "refusal", "stop_details": {"type": "refusal", "category": None, "explanation": None}},
    ),
    (
        "a refusal",
        _finished("stop", {"content": None, "refusal": "No."}),
        {"stop_reason": "refusal", "content": [], "stop_details": {"type": "refusal", "category": None, "explanation": "No."}},
    ),
    ("vLLM's stop_reason", _finished("stop", stop_reason="E"), {"stop_reason": "stop_sequence", "stop_sequence": "E"}),
    ("SGLang's matched_stop", _finished("stop", matched_stop="E"), {"stop_reason": "stop_sequence", "stop_sequence": "E"}),
    ("nothing", _finished("stop", {"content": None}), {"stop_reason": "end_turn", "content": [text_part("")]}),
    ("null as finish_reason", _finished(None), {"stop_reason": "end_turn", "content": TEXT_ONLY}),
    (
        "two choices",
        whole(
            OPENAI.whole(
                "m",
                choices=[
                    {"index": i, "message": {"role": "assistant", "content": t}, "finish_reason": f}
                    for i, t, f in ((1, "not this", "length"), (0, "Hello, world", "stop"))
                ],
            )
        ),
        {"stop_reason": "end_turn", "content": TEXT_ONLY},
    ),
]


@check("Messages ← Chat, whole: {what}", rows=WHOLES)
def _(lab, what, reply, wanted):
    answer, _request = ask_messages(lab, {"tools": [TOOL]}, reply=reply)
    message = served(answer).json()
    matches(message, wanted, "the message")
    expect(message["id"].startswith("msg_"), "an id that begins with msg_", message["id"])
    equal(message["model"], "m", "the model that answered")


@check("Messages ← Chat, streamed: a refusal is a stop reason, no text")
def _(lab):
    answer, _request = ask_messages(lab, {}, reply=stream(_chunks({"refusal": "I "}, {"refusal": "won't."})), streamed=True)
    message = message_of(answer)
    equal((message["stop_reason"], message["content"]), ("refusal", []), "stop_reason, content")
    equal(message["stop_details"], {"type": "refusal", "category": None, "explanation": "I won't."}, "stop_details")


USAGES = [
    (
        "cached and written",
        {
            "prompt_tokens": 120,
            "completion_tokens": 9,
            "total_tokens": 129,
            "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 20},
        },
        (70, 20, 30, 9),
    ),
    (
        "DeepSeek's hits",
        {
            "prompt_tokens": 120,
            "completion_tokens": 9,
            "total_tokens": 129,
            "prompt_cache_hit_tokens": 30,
            "prompt_cache_miss_tokens": 90,
        },
        (90, 0, 30, 9),
    ),
    (
        "another name for writes",
        {
            "prompt_tokens": 120,
            "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 30, "cache_creation_tokens": 20},
        },
        (70, 20, 30, 9),
    ),
    (
        "more cached than there is",
        {"prompt_tokens": 10, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 30}},
        (0, 0, 30, 9),
    ),
    (
        "reasoning within",
        {"prompt_tokens": 10, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 5}},
        (10, 0, 0, 9),
    ),
    ("none", None, (0, 0, 0, 0)),
]


@check("Messages ← Chat, usage: {what}, whole and streamed", rows=USAGES)
def _(lab, what, usage, wanted):
    wholly = json.loads(OPENAI.whole("m"))
    wholly["usage"] = usage
    pieces = (
        _chunks({"content": "Hello"}, usage=False, done=False)
        + (b"data: " + compact({"id": "c", "choices": [], "usage": usage}) + b"\n\n" if usage else b"")
        + b"data: [DONE]\n\n"
    )
    for reply, streamed in ((whole(wholly), False), (stream(pieces), True)):
        answer, _request = ask_messages(lab, {}, reply=reply, streamed=streamed)
        told = message_of(answer)["usage"]
        equal(
            tuple(
                told.get(key)
                for key in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
            ),
            wanted,
            f"usage, streamed={streamed}",
        )


@check("Messages ← Chat: the service tier of the answer is in its usage")
def _(lab):
    for given, wanted in (("default", "standard"), ("priority", "priority")):
        answer, _request = ask_messages(lab, {}, reply=whole(OPENAI.whole("m", service_tier=given)))
        equal(served(answer).json()["usage"].get("service_tier"), wanted, "usage.service_tier")


STOPS = ["E1", "E2", "E3", "E4", "END"]


@check("Messages ← Chat: the fifth stop sequence is looked for here, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    reply = (
        stream(_chunks({"content": "one E"}, {"content": "N"}, {"content": "D two"}))
        if mode == "streamed"
        else whole(OPENAI.whole("m", "one END two"))
    )
    answer, request = ask_messages(lab, {"stop_sequences": STOPS}, reply=reply, streamed=mode == "streamed")
    sent = request.json()["stop"]
    expect(len(sent) <= 4 and set(sent) <= set(STOPS), "at most four stop sequences", sent)
    message = message_of(answer)
    equal(
        (message["content"], message["stop_reason"], message["stop_sequence"]),
        ([text_part("one ")], "stop_sequence", "END"),
        "the answer",
    )
    equal(lossy_of(answer), {"stop_sequences": "emulated"}, "x-proxyd-lossy")


BROKEN = [
    (
        "a stream cut off in its text",
        _chunks({"content": "Hello"}, finish=None, usage=False, done=False),
        "upstream stream ended before completion",
    ),
    ("a stream of thoughts alone", _chunks({"reasoning_content": "Hm."}, finish=None), None),
    (
        "a stream cut off in a call",
        _chunks({"content": "Hello"}, _calling(_call(0, "call_1", "look", '{"at"')), finish=None, usage=False, done=False),
        "upstream stream ended before completion",
    ),
    (
        "an error object",
        _chunks({"content": "Hello"}, finish=None, usage=False, done=False) + OPENAI.stream_error("far away and broken"),
        "far away and broken",
    ),
    (
        "an error text",
        _chunks({"content": "Hello"}, finish=None, usage=False, done=False)
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


@check("Messages ← Chat: no choice at all, an error as the first event, a 200 that holds an error are errors")
def _(lab):
    for reply, streamed in (
        (stream(OPENAI.usage_chunk("m") + b"data: [DONE]\n\n"), True),
        (stream(OPENAI.stream_error("far away and broken")), True),
        (whole({"error": {"message": "far away and broken", "type": "server_error"}}), False),
        (whole({"error": {"message": "far away and broken", "type": "server_error"}}), True),
        (whole({"id": "c", "object": "chat.completion", "choices": []}), False),
        (whole(b"<html>busy</html>"), False),
        (whole({"object": "error", "message": "far away and broken", "code": 500}), False),
        (whole({"detail": "far away and broken"}), True),
    ):
        answer, _request = ask_messages(lab, {}, reply=reply, streamed=streamed)
        expect(answer.status >= 500, "a 5xx", repr(answer))
        ANTHROPIC.error_of(answer)


@check("Messages ← Chat: a whole answer to a stream request becomes the stream")
def _(lab):
    answer, _request = ask_messages(lab, {}, reply=whole(OPENAI.whole("m")), streamed=True)
    contains(answer.header("content-type") or "", "text/event-stream", "the content type")
    message = message_of(answer)
    equal((plain(message["content"]), message["stop_reason"]), (OPENAI.text_of(OPENAI.whole("m")), "end_turn"), "the message")


@check("Messages ← Chat: a stream to a whole request becomes the whole answer")
def _(lab):
    answer, _request = ask_messages(lab, {}, reply=stream(_chunks({"content": "Hello, world"})))
    contains(answer.header("content-type") or "", "application/json", "the content type")
    equal(served(answer).json()["content"], TEXT_ONLY, "content")


@check(
    "Messages ← Chat: {code} of the upstream is {kind}",
    rows=[(400, "invalid_request_error"), (404, "not_found_error"), (413, "request_too_large")],
)
def _(lab, code, kind):
    answer, _request = ask_messages(lab, {}, reply=status(code))
    equal((answer.status, ANTHROPIC.error_of(answer)["type"]), (code, kind), "status and type")
    contains(answer.text, f"the provider says {code}", "the message")
    expect(answer.header("request-id"), "a request-id", answer.headers)


@check("Messages ← Chat: a context that is too long is said as Anthropic says it")
def _(lab):
    body = {
        "error": {
            "message": "This model's maximum context length is 8 tokens.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    }
    answer, _request = ask_messages(lab, {}, reply=whole(body, 400))
    equal((answer.status, ANTHROPIC.error_of(answer)["type"]), (400, "invalid_request_error"), "status and type")
    expect(
        ANTHROPIC.error_of(answer)["message"].startswith("prompt is too long:"),
        "the words that make clients compact",
        answer.text,
    )


@check("count_tokens before a Chat upstream is an estimate, and says so")
def _(lab):
    answer, request = ask_messages(
        lab, {"max_tokens": 1, "messages": [{"role": "user", "content": "x" * 3600}]}, path="/v1/messages/count_tokens"
    )
    served(answer)
    expect(request is None, "nothing reaches the upstream", request)
    equal(answer.header("x-proxyd-estimated"), "tokens", "x-proxyd-estimated")
    count = answer.json()["input_tokens"]
    equal(count, 1004, "3600 bytes by 3.6, and 4 for the message")
