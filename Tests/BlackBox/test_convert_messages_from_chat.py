"""An Anthropic Messages client before a Chat upstream: the answer that the client gets."""

import json

from checks import check, contains, equal, expect
from dialects import ANTHROPIC, OPENAI, compact
from harness import served
from messages_chat import (
    TEXT_ONLY,
    TOOL,
    ask_messages,
    chat_call,
    chat_stream,
    lossy_of,
    matches,
    message_of,
    plain,
    text_part,
    tool_use,
)
from upstream import status, stream, whole

THOUGHT = {"type": "enabled", "budget_tokens": 1024}


@check(
    "Messages ← Chat: {field} is a thinking block before the text, {mode}",
    rows=[(f, m) for f in ("reasoning_content", "reasoning", "reasoning_details") for m in ("whole", "streamed")],
    together=True,
)
def _(lab, field, mode):
    def said(text):
        return [{"type": "reasoning.text", "text": text}] if field == "reasoning_details" else text

    reply = (
        stream(
            chat_stream({field: said("Hm, ")}, {field: said("so.")}, {"content": "Hello", field: None}, {"content": ", world"})
        )
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
        chat_stream({"reasoning_content": "Hm."}, {"reasoning_content": " So.", "content": "Hello"}, {"content": ", world"})
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
        _finished("length", {"tool_calls": [chat_call(None, "call_1", "look", "{}")]}),
        {"stop_reason": "max_tokens"},
    ),
    (
        "calls with finish_reason stop",
        _finished(
            "stop",
            {
                "content": None,
                "tool_calls": [chat_call(None, "call_1", "look", '{"at":"x"}'), chat_call(None, "call_2", "look", "")],
            },
        ),
        {"stop_reason": "tool_use", "content": [tool_use("call_1", "look", {"at": "x"}), tool_use("call_2", "look", {})]},
    ),
    (
        "calls with a matched stop",
        _finished("stop", {"tool_calls": [chat_call(None, "call_1", "look", "{}")]}, stop_reason="E"),
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
    (
        "a refusal that is cut off",
        _finished("length", {"content": None, "refusal": "No, I"}),
        {"stop_reason": "max_tokens", "content": [text_part("No, I")]},
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


@check("Messages ← Chat, whole: {what}", rows=WHOLES, together=True)
def _(lab, what, reply, wanted):
    answer, _request = ask_messages(lab, {"tools": [TOOL]}, reply=reply)
    message = served(answer).json()
    matches(message, wanted, "the message")
    expect(message["id"].startswith("msg_"), "an id that begins with msg_", message["id"])
    equal(message["model"], "m", "the model that answered")


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


@check("Messages ← Chat, usage: {what}, whole and streamed", rows=USAGES, together=True)
def _(lab, what, usage, wanted):
    wholly = json.loads(OPENAI.whole("m"))
    wholly["usage"] = usage
    pieces = (
        chat_stream({"content": "Hello"}, usage=False, done=False)
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
        stream(chat_stream({"content": "one E"}, {"content": "N"}, {"content": "D two"}))
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
    answer, _request = ask_messages(lab, {}, reply=stream(chat_stream({"content": "Hello, world"})))
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
