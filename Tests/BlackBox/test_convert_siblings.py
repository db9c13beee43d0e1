"""Servers' ways that one pair of formats was tried with: the same in the other pairs, streamed and whole."""

import json

from answers import folded_messages
from checks import check, contains, equal, expect
from conversions import Pair, data_events, least, told
from harness import served
from upstream import status, stream, whole

FRAME = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
ARGUMENTS = {"city": "Oslo"}


def tools(client):
    return {
        "anthropic": [{"name": "look", "input_schema": SCHEMA}],
        "openai": [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}],
        "responses": [{"type": "function", "name": "look", "parameters": SCHEMA}],
        "gemini": [{"functionDeclarations": [{"name": "look", "parameters": SCHEMA}]}],
    }[client]


def asking(client):
    return least(client) | {"tools": tools(client)}


def answered(client, ids):
    """The request behind calls of `look` with these ids, as a client sends it that keeps nothing but the calls."""
    text = json.dumps(ARGUMENTS)
    body = asking(client)
    if client == "anthropic":
        calls = [{"type": "tool_use", "id": one, "name": "look", "input": ARGUMENTS} for one in ids]
        results = [{"type": "tool_result", "tool_use_id": one, "content": "r"} for one in ids]
        body["messages"] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": calls}, {"role": "user", "content": results}]
    elif client == "openai":
        calls = [{"id": one, "type": "function", "function": {"name": "look", "arguments": text}} for one in ids]
        results = [{"role": "tool", "tool_call_id": one, "content": "r"} for one in ids]
        body["messages"] = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    elif client == "responses":
        calls = [{"type": "function_call", "call_id": one, "name": "look", "arguments": text} for one in ids]
        results = [{"type": "function_call_output", "call_id": one, "output": "r"} for one in ids]
        body["input"] = [{"role": "user", "content": "Hi"}, *calls, *results]
    else:
        calls = [{"functionCall": {"id": one, "name": "look", "args": ARGUMENTS}} for one in ids]
        results = [{"functionResponse": {"id": one, "name": "look", "response": {"output": "r"}}} for one in ids]
        body["contents"] = [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": calls}, {"role": "user", "parts": results}]
    return body


def chat(calls, streamed):
    """A Chat server's answer of nothing but these calls."""
    if streamed:
        pieces = [{**FRAME, "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]} for call in calls]
        return stream(data_events(*pieces, {**FRAME, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, done=True))
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    return whole(json.dumps({**FRAME, "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode())


def call(index, id, **more):
    return {"index": index, "id": id, "type": "function", "function": {"name": "look", "arguments": json.dumps(ARGUMENTS)}, **more}


SIGNED = {"extra_content": {"google": {"thought_signature": "U0lHTkVE"}}}
CLIENTS = [(client, streamed) for client in ("anthropic", "openai", "responses", "gemini") for streamed in (False, True)]


@check("Gemini behind Chat: a call's signature goes back with it, {client} client, streamed: {streamed}", rows=CLIENTS)
def _(lab, client, streamed):
    pair = Pair(lab, "openai", "gemini-3-pro-preview")
    pair.up.reply(chat([call(0, "function-call-1", **SIGNED), call(1, "function-call-2")], streamed))
    served(pair.ask(client, asking(client), streamed))
    pair.up.reply(chat([call(0, "function-call-3")], False))
    served(pair.ask(client, answered(client, ["function-call-1", "function-call-2"])))
    calls = next(one for one in pair.up.last.json()["messages"] if one.get("tool_calls"))["tool_calls"]
    equal([one.get("extra_content") for one in calls], [SIGNED["extra_content"], None], "the calls' extra_content")


@check("Gemini behind Chat: a call without a signature gets the word that stands for one, {client} client", rows=["anthropic", "openai", "responses", "gemini"])
def _(lab, client):
    pair = Pair(lab, "openai", "google/gemini-3-flash")
    served(pair.ask(client, answered(client, ["call_a", "call_b"])))
    calls = next(one for one in pair.up.last.json()["messages"] if one.get("tool_calls"))["tool_calls"]
    told = [one.get("extra_content", {}).get("google", {}).get("thought_signature") for one in calls]
    equal(told, ["skip_thought_signature_validator", None], "signatures")


@check("other models behind Chat get no signatures, and pass as they are: {model}", rows=["gemini-2.5-pro", "llama-4"])
def _(lab, model):
    pair = Pair(lab, "openai", model)
    for client in ("anthropic", "openai"):
        served(pair.ask(client, answered(client, ["call_a"])))
        expect(b"extra_content" not in pair.up.last.body, "no signature", pair.up.last.body)


@check("two calls of one id get two, {client} client, streamed: {streamed}", rows=[row for row in CLIENTS if row[0] in ("anthropic", "responses")])
def _(lab, client, streamed):
    pair = Pair(lab, "openai")
    pair.up.reply(chat([call(0, "same"), call(1, "same")], streamed))
    answer = served(pair.ask(client, asking(client), streamed))
    if client == "anthropic":
        blocks = folded_messages(data_of(answer))[0] if streamed else answer.json()["content"]
        ids = [one["id"] for one in blocks if one["type"] == "tool_use"]
    else:
        items = next(value for _, value in data_of(answer) if value["type"] == "response.completed")["response"]["output"] if streamed else answer.json()["output"]
        ids = [one["call_id"] for one in items if one["type"] == "function_call"]
    equal((len(ids), len(set(ids)), ids[0]), (2, 2, "same"), "calls, ids, the first one's")


def data_of(answer):
    return [event for event in told(answer.body) if event[1] != "[DONE]"]


@check("Gemini: only the first candidate is an answer, wherever the others come, {client} client", rows=["anthropic", "openai", "responses"])
def _(lab, client):
    pair = Pair(lab, "gemini")

    def candidate(index, text, **more):
        return {"index": index, "content": {"role": "model", "parts": [{"text": text}]}, **more}

    chunks = [
        {"candidates": [candidate(1, "no1"), candidate(0, "yes1 ")]},
        {"candidates": [candidate(1, "no2", finishReason="MAX_TOKENS")]},
        {"candidates": [candidate(0, "yes2", finishReason="STOP")]},
    ]
    pair.up.reply(stream(data_events(*chunks)))
    answer = served(pair.ask(client, least(client), streamed=True))
    for word in (b"yes1", b"yes2"):
        contains(answer.body, word, "the answer")
    expect(b"no1" not in answer.body and b"no2" not in answer.body, "nothing of the other", answer.body)


THINKING = {
    "openai": {"reasoning_effort": "high", "max_tokens": 40000},
    "responses": {"reasoning": {"effort": "high"}, "max_output_tokens": 40000},
    "gemini": {"generationConfig": {"thinkingConfig": {"thinkingBudget": 8000, "includeThoughts": True}, "maxOutputTokens": 40000}},
}


@check("Claude's sealed thoughts stand before the call again for a client that keeps only calls: {client}", rows=list(THINKING))
def _(lab, client):
    pair = Pair(lab, "anthropic", "claude-sonnet-4-5")
    block = {"type": "thinking", "thinking": "deep", "signature": "U0lH"}
    used = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": ARGUMENTS}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [block, used], "stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    pair.up.reply(whole(json.dumps(message).encode()))
    answer = served(pair.ask(client, asking(client) | THINKING[client]))
    served(pair.ask(client, answered(client, ["toolu_1"]) | THINKING[client]))
    sent = pair.up.last.json()
    equal((sent["messages"][1]["content"][0], sent["thinking"]["type"]), (block, "enabled"), "the first block, the thinking")
    if client == "responses":
        # What it did keep does not come twice.
        body = answered(client, ["toolu_1"]) | THINKING[client]
        body["input"][1:2] = answer.json()["output"]
        served(pair.ask(client, body))
        kinds = [one["type"] for one in pair.up.last.json()["messages"][1]["content"]]
        equal(kinds, ["thinking", "tool_use"], "the blocks")


ERRORS = {
    "Mistral's rate": (429, {"object": "error", "message": "Requests rate limit exceeded", "type": "rate_limited", "param": None, "code": "1300"}, 429, "rate_limit_error"),
    "DeepSeek's unknown model": (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}, 404, "not_found_error"),
    "Mistral's unknown model": (400, {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"}, 404, "not_found_error"),
    "Bedrock's throttling": (400, {"__type": "ThrottlingException", "message": "Too many tokens, please wait before trying again."}, 429, "rate_limit_error"),
    "a gateway's before Bedrock": (500, {"detail": "An error occurred (ThrottlingException) when calling the ConverseStream operation: Too many requests"}, 429, "rate_limit_error"),
    "Cohere's long prompt": (400, {"message": "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs."}, 400, "invalid_request_error"),
}  # fmt: skip


@check("a server's own words for an error: {what}", rows=list(ERRORS))
def _(lab, what):
    code, body, wanted, kind = ERRORS[what]
    pair = Pair(lab, "openai", more="fallback: {enabled: false}\n")
    pair.up.reply(status(code, json.dumps(body).encode()))
    answer = pair.ask("anthropic", least("anthropic"))
    equal((answer.status, answer.json()["error"]["type"]), (wanted, kind), "status and type")
    if "long" in what:
        contains(answer.json()["error"]["message"], "prompt is too long", "the message")


@check("an error in a success, in nothing but its words: {form}", rows=["detail", "success: false"])
def _(lab, form):
    pair = Pair(lab, "openai", more="fallback: {enabled: false}\n")
    body = {"detail": "boom here"} if form == "detail" else {"success": False, "code": 500, "msg": "boom here"}
    for reply in (stream(data_events(body, done=True)), whole(json.dumps(body).encode())):
        pair.up.reply(reply)
        answer = pair.ask("anthropic", least("anthropic"), streamed=True)
        expect(answer.status >= 500, "a failure", answer.status)
        contains(answer.body, b"boom here", "the answer")


TOKEN = {"token": "x", "logprob": -0.25, "bytes": [120], "top_logprobs": [{"token": "x", "logprob": -0.25, "bytes": [120]}]}


@check("log probabilities come back: {client} client, {upstream} upstream, streamed: {streamed}",
       rows=[(client, upstream, streamed) for client, upstream in (("responses", "openai"), ("openai", "responses")) for streamed in (False, True)])  # fmt: skip
def _(lab, client, upstream, streamed):
    pair = Pair(lab, upstream, "gpt-4o")
    if upstream == "openai":
        choice = {"index": 0, "logprobs": {"content": [TOKEN]}}
        pieces = [{**FRAME, "choices": [{**choice, "delta": {"content": "x"}}]}, {**FRAME, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
        message = {**FRAME, "object": "chat.completion", "choices": [{**choice, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}
        pair.up.reply(stream(data_events(*pieces, done=True)) if streamed else whole(json.dumps(message).encode()))
        body = least(client) | {"top_logprobs": 1, "include": ["message.output_text.logprobs"]}
    else:
        item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "x", "annotations": [], "logprobs": [TOKEN]}]}  # fmt: skip
        done = {"id": "resp_1", "object": "response", "status": "completed", "model": "gpt-4o", "output": [item], "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}  # fmt: skip
        delta = {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "x", "logprobs": [TOKEN]}
        pieces = [{"type": "response.created", "response": {**done, "status": "in_progress", "output": []}}, delta, {"type": "response.completed", "response": done}]
        pair.up.reply(stream(data_events(*pieces)) if streamed else whole(json.dumps(done).encode()))
        body = least(client) | {"logprobs": True, "top_logprobs": 1}
    answer = served(pair.ask(client, body, streamed))
    expect("logprobs" not in (answer.header("x-proxyd-lossy") or ""), "nothing lost", answer.header("x-proxyd-lossy"))
    sent = pair.up.last.json()
    equal((sent.get("logprobs"), sent["top_logprobs"]) if upstream == "openai" else sent["include"][1:], (True, 1) if upstream == "openai" else ["message.output_text.logprobs"], "what was asked for")  # fmt: skip
    events = [value for _, value in data_of(answer)] if streamed else [answer.json()]
    if client == "openai":
        found = [one["choices"][0]["logprobs"]["content"] for one in events if one["choices"] and one["choices"][0].get("logprobs")]
    elif streamed:
        found = [one["logprobs"] for one in events if one["type"] == "response.output_text.delta"]
        found += [events[-1]["response"]["output"][0]["content"][0]["logprobs"]]
    else:
        found = [events[0]["output"][0]["content"][0]["logprobs"]]
    equal(found, [[TOKEN]] * len(found) if found else [[TOKEN]], "the log probabilities")


# What servers say as arguments, what it means as an object, and as the text of OpenAI's clients.
ARGUMENTS_SAID = [
    ('{"city":"Oslo"}', ARGUMENTS, '{"city":"Oslo"}'),
    ("null", {}, "{}"),
    (" ", {}, "{}"),
    ('"{\\"city\\":\\"Oslo\\"}"', ARGUMENTS, '{"city":"Oslo"}'),
    ("[1]", {"value": [1]}, "[1]"),
    ("7", {"value": 7}, "7"),
]


def called(client, answer, streamed):
    """The arguments of the one call that a client is told of."""
    events = [value for _, value in data_of(answer)] if streamed else [answer.json()]
    if client == "anthropic":
        if not streamed:
            return next(one["input"] for one in events[0]["content"] if one["type"] == "tool_use")
        blocks = folded_messages(data_of(answer))[0]
        return json.loads(next(one["json"] for one in blocks if one["type"] == "tool_use") or "{}")
    if client == "openai":
        if not streamed:
            return events[0]["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
        deltas = [choice["delta"] for event in events for choice in event["choices"]]
        return "".join(call["function"].get("arguments", "") for delta in deltas for call in delta.get("tool_calls", []))
    if client == "responses":
        response = next(event for event in events if event["type"] == "response.completed")["response"] if streamed else events[0]
        return next(one["arguments"] for one in response["output"] if one["type"] == "function_call")
    parts = [part for event in events for part in event["candidates"][0]["content"]["parts"]]
    return next(part["functionCall"]["args"] for part in parts if "functionCall" in part)


@check("arguments of a call that are {said} mean one thing: {client} client, streamed: {streamed}",
       rows=[(*row, client, streamed) for row in ARGUMENTS_SAID for client, streamed in CLIENTS if client != "openai"], together=True)  # fmt: skip
def _(lab, said, meant, text, client, streamed):
    pair = Pair(lab, "openai")
    one = call(0, "call_1")
    one["function"]["arguments"] = said
    pair.up.reply(chat([one], streamed))
    answer = served(pair.ask(client, asking(client), streamed))
    equal(called(client, answer, streamed), text if client == "responses" else meant, "the arguments")


@check("arguments in pieces that begin as no object are one object: {client} client", rows=["anthropic", "responses", "gemini"])
def _(lab, client):
    pair = Pair(lab, "openai")
    said = json.dumps(json.dumps(ARGUMENTS))
    pieces = [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": "\n"}}]
    pieces += [{"index": 0, "function": {"arguments": said[at : at + 3]}} for at in range(0, len(said), 3)]
    pair.up.reply(chat(pieces, True))
    got = called(client, served(pair.ask(client, asking(client), True)), True)
    equal(json.loads(got) if client == "responses" else got, ARGUMENTS, "the arguments")


@check("Gemini's arguments in a text are not lost: {client} client, streamed: {streamed}", rows=[row for row in CLIENTS if row[0] != "gemini"], together=True)
def _(lab, client, streamed):
    pair = Pair(lab, "gemini")
    part = {"functionCall": {"name": "look", "args": json.dumps(ARGUMENTS)}}
    said = {"candidates": [{"index": 0, "content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
    pair.up.reply(stream(data_events(said)) if streamed else whole(json.dumps(said).encode()))
    got = called(client, served(pair.ask(client, asking(client), streamed)), streamed)
    equal(got if client == "anthropic" else json.loads(got), ARGUMENTS, "the arguments")


@check("a Chat server gets arguments that are an object, whatever a Responses client kept: {said}", rows=[(said,) for said in ("null", "", '{"city"', "[1]")])
def _(lab, said):
    pair = Pair(lab, "openai")
    body = answered("responses", ["call_1"])
    body["input"][1]["arguments"] = said
    served(pair.ask("responses", body))
    sent = next(one for one in pair.up.last.json()["messages"] if one.get("tool_calls"))["tool_calls"][0]["function"]["arguments"]
    expect(isinstance(json.loads(sent), dict), "an object", sent)


@check("a call whose name and arguments stand in it without a function around them: {client} client, streamed: {streamed}", rows=[row for row in CLIENTS if row[0] != "openai"], together=True)
def _(lab, client, streamed):
    pair = Pair(lab, "openai")
    pair.up.reply(chat([{"name": "look", "arguments": ARGUMENTS}], streamed))
    got = called(client, served(pair.ask(client, asking(client), streamed)), streamed)
    equal(json.loads(got) if client == "responses" else got, ARGUMENTS, "the arguments")


@check("an id of a call that says null is none: two turns have two, {client} client", rows=["anthropic", "responses"])
def _(lab, client):
    pair = Pair(lab, "openai")
    ids = []
    for turn in ("first", "second"):
        message = {"role": "assistant", "content": None, "tool_calls": [call(0, "null")]}
        answer = {**FRAME, "id": turn, "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
        told = pair.whole(client, answer, asking(client))
        ids += [one.get("call_id", one["id"]) for one in told["content" if client == "anthropic" else "output"]]
    expect(len(set(ids)) == 2 and "null" not in ids, "an id of its own for each", ids)
