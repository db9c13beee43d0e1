"""What the checks of Messages and Chat against each other share: requests, histories, and answers read as clients read them."""

import hashlib
import json

from checks import contains, equal, expect, one_of
from dialects import ANTHROPIC, OPENAI, compact
from harness import served
from wire import events

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

PDF = "JVBERi0xLjQKJSVFT0YK"

TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}

FUNCTION = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
    },
}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def ask_messages(lab, fields, model="gpt-4o", reply=None, streamed=False, headers=(), path=None):
    """An Anthropic client before a Chat upstream: the answer, and the request the upstream got (None when it got none)."""
    return _ask(lab, "anthropic", "openai", "/v1/messages", {"max_tokens": 64, **fields}, model, reply, streamed, headers, path)


def ask_chat(lab, fields, model="claude-sonnet-4-5", reply=None, streamed=False, headers=(), path=None):
    """A Chat client before an Anthropic upstream."""
    return _ask(lab, "openai", "anthropic", "/v1/chat/completions", fields, model, reply, streamed, headers, path)


def _ask(lab, client, upstream, path, fields, model, reply, streamed, headers, other_path):
    far = lab.upstream()
    p = lab.proxyd(
        f"upstreams: {{far: {far.declare(upstream)}}}\nrules: [{{name: all, models: ['*'], tiers: ['far/{model}']}}]"
    )
    if reply:
        far.reply(reply)
    body = {"model": "asked", "messages": [{"role": "user", "content": "Hi"}], **fields}
    if streamed:
        body["stream"] = True
    answer = p.send("POST", other_path or path, compact(body), headers=headers)
    return answer, (far.last if far.requests else None)


def lossy_of(answer):
    """The header x-proxyd-lossy as a mapping."""
    text = answer.header("x-proxyd-lossy") or ""
    return dict(part.strip().split("=") for part in text.split(";") if part.strip())


def plain(content):
    """Text content as one text, whether it is a string or parts."""
    if content is None or isinstance(content, str):
        return content
    return "\n".join(part.get("text", part["type"]) for part in content)


def refused(answer, request, dialect, names=None):
    equal(answer.status, 400, "the status")
    expect(request is None, "nothing reaches the upstream", request and request.body)
    error = dialect.error_of(answer)
    equal(error["type"], "invalid_request_error", "error.type")
    if names:
        contains(answer.text, names, "the error")
    return error


def matches(got, wanted, what):
    """Every member of `wanted` has its value in `got`; `...` stands for absent."""
    for key, value in wanted.items():
        if value is ...:
            expect(key not in got, f"no {key} in {what}", got)
        else:
            equal(got.get(key), value, f"{key} of {what}")


SCHEMA_STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}

SCHEMA_LOOSE = {"type": "object", "properties": {"a": {"type": "string"}}}

USER = {"role": "user", "content": "Hi"}


def calling_turn(*ids, name="look", more=()):
    return {
        "role": "assistant",
        "content": [*more, *({"type": "tool_use", "id": i, "name": name, "input": {"at": i}} for i in ids)],
    }


def result_turn(*pairs, more=()):
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": i, "content": c} for i, c in pairs] + list(more)}


def calling_message(*ids, content=None, name="look"):
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [
            {"id": i, "type": "function", "function": {"name": name, "arguments": compact({"at": i}).decode()}} for i in ids
        ],
    }


def tool_message(ident, content):
    return {"role": "tool", "tool_call_id": ident, "content": content}


def text_part(text):
    return {"type": "text", "text": text}


def image_part(data=PNG, kind="image/png"):
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}"}}


def events_of(answer):
    """The events of an Anthropic stream without pings; their names, indices and order are checked."""
    told, open_block, count = [], None, 0
    for name, data in events(answer.body):
        event = json.loads(data)
        equal(name, event["type"], "the name of an event")
        if name == "ping":
            continue
        if name == "content_block_start":
            expect(open_block is None, "one block open at a time", event)
            equal(event["index"], count, "the index of a block")
            open_block, count = event["content_block"]["type"], count + 1
        elif name == "content_block_delta":
            allowed = {
                "text": {"text_delta"},
                "thinking": {"thinking_delta", "signature_delta"},
                "tool_use": {"input_json_delta"},
            }
            one_of(event["delta"]["type"], allowed[open_block], f"a delta of a {open_block} block")
        elif name == "content_block_stop":
            open_block = None
        elif name == "message_delta":
            expect(open_block is None, "every block closed before message_delta", event)
        told.append(event)
    return told


def message_of(answer):
    """An Anthropic answer as one message, whether it came whole or streamed."""
    if "event-stream" not in (answer.header("content-type") or ""):
        return served(answer).json()
    told = events_of(served(answer))
    equal(
        (told[0]["type"], told[-2]["type"], told[-1]["type"]),
        ("message_start", "message_delta", "message_stop"),
        "first and last events",
    )
    message = told[0]["message"]
    for event in told[1:-2]:
        if event["type"] == "content_block_start":
            block = dict(event["content_block"])
            message["content"].append(block)
            arguments = ""
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            if delta["type"] == "text_delta":
                block["text"] += delta["text"]
            elif delta["type"] == "thinking_delta":
                block["thinking"] += delta["thinking"]
            elif delta["type"] == "signature_delta":
                block["signature"] += delta["signature"]
            else:
                arguments += delta["partial_json"]
        elif block["type"] == "tool_use":
            block["input"] = json.loads(arguments or "{}")
    message.update(told[-2]["delta"])
    message["usage"] = {**message["usage"], **told[-2]["usage"]}
    return message


def tool_use(ident, name, value):
    return {"type": "tool_use", "id": ident, "name": name, "input": value}


def completion_of(answer):
    """A Chat answer as one completion, whether it came whole or streamed; the rules of its stream are checked."""
    if "event-stream" not in (answer.header("content-type") or ""):
        return served(answer).json()
    told = [data for _, data in events(served(answer).body)]
    equal(told[-1], "[DONE]", "the last event")
    chunks = [json.loads(data) for data in told[:-1]]
    equal(len({(c["id"], c["created"], c["model"], c["object"]) for c in chunks}), 1, "identities of chunks")
    equal(chunks[0]["choices"][0]["delta"], {"role": "assistant", "content": ""}, "the first delta")
    message = {"role": "assistant", "content": None, "refusal": None}
    finish, usage = None, None
    for chunk in chunks:
        if not chunk["choices"]:
            usage = chunk["usage"]
            continue
        equal(finish, None, "finish_reason before the last chunk")
        choice = chunk["choices"][0]
        finish = choice["finish_reason"]
        delta = choice["delta"]
        for key in ("content", "reasoning_content", "refusal"):
            if delta.get(key):
                message[key] = (message.get(key) or "") + delta[key]
        for call in delta.get("tool_calls", ()):
            calls = message.setdefault("tool_calls", [])
            if "id" in call:
                equal(call["index"], len(calls), "the index of a call")
                calls.append({key: value for key, value in call.items() if key != "index"})
                continue
            expect(call["index"] < len(calls), "arguments after their call", call)
            for kind, part in (("function", "arguments"), ("custom", "input")):
                if kind in call:
                    calls[call["index"]][kind][part] += call[kind][part]
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}


def anthropic_events(*values):
    return b"".join(ANTHROPIC.event(value) for value in values)


def block_events(index, kind, start, *deltas):
    body = {"type": "content_block_start", "index": index, "content_block": {"type": kind, **start}}
    return anthropic_events(
        body,
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    )


THINKING = block_events(
    0,
    "thinking",
    {"thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "Hm, "},
    {"type": "thinking_delta", "thinking": "so."},
    {"type": "signature_delta", "signature": "EqQB"},
)

AEND = anthropic_events(
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
)


def tool_stream(calls, before=b"", stop="tool_use"):
    body, first = ANTHROPIC.start("m") + before, (1 if before else 0)
    for index, (ident, name, pieces) in enumerate(calls, first):
        body += anthropic_events(
            {
                "type": "content_block_start",
                "index": index,
                "content_block": {"type": "tool_use", "id": ident, "name": name, "input": {}},
            }
        )
        body += anthropic_events(
            *(
                {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": piece}}
                for piece in pieces
            )
        )
        body += anthropic_events({"type": "content_block_stop", "index": index})
    return body + anthropic_events(
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    )


def chat_stream(*deltas, finish="stop", usage=True, done=True, **last):
    """A Chat upstream's stream of these deltas; `last` goes beside the finish_reason."""
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


def chat_call(index, ident=None, name=None, arguments=None, **more):
    """A call of a Chat answer, or a piece of one."""
    function = {**({"name": name} if name is not None else {}), **({"arguments": arguments} if arguments is not None else {})}
    return {
        **({} if index is None else {"index": index}),
        **({"id": ident, "type": "function"} if ident else {}),
        "function": function,
        **more,
    }


def chat_calls(*calls):
    """The delta with these calls."""
    return {"tool_calls": list(calls)}


TEXT_ONLY = [text_part("Hello, world")]
