"""A Responses upstream: the request that it gets from every other client, and the answer that the client gets."""

from answers import folded_messages, response
from checks import check, equal, expect, lacks
from conversions import DATA_URL, IMAGE_BLOCK, PDF, SCHEMA, TOOL, USER, Pair, least, named_events, same
from upstream import stream, whole

# ---------------------------------------------------------------- the request that it gets

MESSAGES = {
    "max_tokens": 100,
    "system": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE_BLOCK,
                                     {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}, "title": "a.pdf"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln", "n": 12345678901234567890}},
                                          {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}}]},
        {"role": "user", "content": [{"type": "text", "text": "and then"}, {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"},
                                     {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True, "content": [{"type": "text", "text": "no"}, IMAGE_BLOCK]}]},
    ],
    "tools": [TOOL],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "metadata": {"user_id": "u-1"},
    "stop_sequences": ["END"],
    "temperature": 0.5,
    "top_k": 3,
}  # fmt: skip
AS_ITEMS = {
    "model": "far-model",
    "instructions": "One.\n\nTwo.",
    "input": [
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Look"},
            {"type": "input_image", "image_url": DATA_URL, "detail": "auto"},
            {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look.", "annotations": []}]},
        {"type": "function_call", "call_id": "toolu_1", "name": "weather", "arguments": '{"city":"Köln","n":12345678901234567890}'},
        {"type": "function_call", "call_id": "toolu_2", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "toolu_1", "output": "sunny"},
        {"type": "function_call_output", "call_id": "toolu_2", "output": [
            {"type": "input_text", "text": "Error: no"}, {"type": "input_image", "image_url": DATA_URL, "detail": "auto"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "and then"}]},
    ],
    "max_output_tokens": 100,
    "temperature": 0.5,
    "tools": [{"type": "function", "name": "weather", "description": "The weather", "parameters": SCHEMA, "strict": False}],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "safety_identifier": "u-1",
}  # fmt: skip


@check("Anthropic client, Responses upstream: a conversation becomes items, nothing is stored, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "responses")
    sent, lossy = pair.request("anthropic", MESSAGES, mode == "streamed")
    same(sent, AS_ITEMS | {"stream": mode == "streamed"}, "request")
    equal(pair.up.last.path, "/v1/responses", "the path")
    equal(set((lossy or "").split(";")), {"stop_sequences=emulated", "top_k=dropped"}, "x-proxyd-lossy")
    equal((pair.up.last.header("authorization"), pair.up.last.header("anthropic-version")), ("Bearer provider-key-one", None), "headers")


@check("Chat client, Responses upstream: messages, format and reasoning become what Responses has for them")
def _(lab):
    pair = Pair(lab, "responses", "gpt-5.1")
    body = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            {"role": "system", "content": "Faster."},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA, "strict": True}}],
        "reasoning_effort": "high",
        "verbosity": "low",
        "temperature": 1.5,
        "max_completion_tokens": 10,
        "response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": SCHEMA, "strict": True}},
    }  # fmt: skip
    sent, lossy = pair.request("openai", body)
    same(
        sent,
        {
            "model": "gpt-5.1",
            "instructions": "Be brief.",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
                {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Faster."}]},
            ],
            "max_output_tokens": 10,
            "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}],
            "reasoning": {"effort": "high", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "name": "out", "schema": SCHEMA, "strict": True}, "verbosity": "low"},
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "stream": False,
        },
        "request",
    )
    equal(lossy, "temperature=dropped", "x-proxyd-lossy")


# ---------------------------------------------------------------- the answer that the client gets

REASONING = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}, {"type": "summary_text", "text": "So."}], "encrypted_content": "enc-1"}
TEXT = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}
CALL_1 = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": '{"city":"Rom"}', "status": "completed"}
CALL_2 = {"type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "weather", "arguments": "{}", "status": "completed"}


def streamed_response():
    def event(kind, **more):
        return {"type": kind, **more}

    return named_events(
        event("response.created", response=response(status="in_progress")),
        event("response.in_progress", response=response(status="in_progress")),
        event("response.output_item.added", output_index=0, item=REASONING | {"summary": [], "encrypted_content": "part"}),
        event("response.reasoning_summary_part.added", item_id="rs_1", output_index=0, summary_index=0, part={"type": "summary_text", "text": ""}),
        event("response.reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=0, delta="Hm."),
        event("response.reasoning_summary_text.done", item_id="rs_1", output_index=0, summary_index=0, text="Hm."),
        event("response.reasoning_summary_part.added", item_id="rs_1", output_index=0, summary_index=1, part={"type": "summary_text", "text": ""}),
        event("response.reasoning_summary_text.delta", item_id="rs_1", output_index=0, summary_index=1, delta="So."),
        event("response.output_item.done", output_index=0, item=REASONING),
        event("response.output_item.added", output_index=1, item=TEXT | {"content": [], "status": "in_progress"}),
        event("response.content_part.added", item_id="msg_1", output_index=1, content_index=0, part={"type": "output_text", "text": ""}),
        event("response.output_text.delta", item_id="msg_1", output_index=1, content_index=0, delta="Hel"),
        event("response.never_heard_of", output_index=1),
        event("response.output_text.delta", item_id="msg_1", output_index=1, content_index=0, delta="lo"),
        event("response.output_item.done", output_index=1, item=TEXT),
        event("response.output_item.added", output_index=2, item=CALL_1 | {"arguments": ""}),
        event("response.output_item.added", output_index=3, item=CALL_2 | {"arguments": ""}),
        event("response.function_call_arguments.delta", item_id="fc_1", output_index=2, delta='{"city":'),
        event("response.function_call_arguments.delta", item_id="fc_2", output_index=3, delta="{}"),
        event("response.function_call_arguments.delta", item_id="fc_1", output_index=2, delta='"Rom"}'),
        event("response.output_item.done", output_index=2, item=CALL_1),
        event("response.output_item.done", output_index=3, item=CALL_2),
        event("response.completed", response=response(REASONING, TEXT, CALL_1, CALL_2)),
    )  # fmt: skip


THINKS = {"max_tokens": 2000, "thinking": {"type": "adaptive"}, "messages": [USER]}


@check("Anthropic client, Responses upstream, streamed: thoughts with their seal, text, interleaved calls one after the other")
def _(lab):
    pair = Pair(lab, "responses", "gpt-5")
    blocks, last = folded_messages(pair.stream("anthropic", streamed_response(), THINKS))
    equal([b["type"] for b in blocks], ["thinking", "text", "tool_use", "tool_use"], "the blocks")
    equal((blocks[0]["thinking"], blocks[0]["signature"][:5], blocks[1]["text"]), ("Hm.\n\nSo.", "pxd1.", "Hello"), "thought, seal, text")
    equal([(b["id"], b["name"], b["json"] or "{}") for b in blocks[2:]], [("call_1", "weather", '{"city":"Rom"}'), ("call_2", "weather", "{}")], "the calls")
    equal(last["delta"], {"stop_reason": "tool_use", "stop_sequence": None}, "the delta")
    usage = {"input_tokens": 70, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 20, "output_tokens": 9}
    same({key: last["usage"][key] for key in usage}, usage, "usage")


@check("Anthropic client, Responses upstream: the sealed thought goes back as a reasoning item before its call")
def _(lab):
    pair = Pair(lab, "responses", "gpt-5")
    got = pair.whole("anthropic", response(REASONING, TEXT, CALL_1), THINKS)
    equal([b["type"] for b in got["content"]], ["thinking", "text", "tool_use"], "the blocks")
    equal((got["content"][0]["thinking"], got["stop_reason"], got["type"], got["role"]), ("Hm.\n\nSo.", "tool_use", "message", "assistant"), "…")
    answered = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "x"}]}
    sent, _lossy = pair.request("anthropic", THINKS | {"messages": [USER, {"role": "assistant", "content": got["content"]}, answered]})
    equal([item["type"] for item in sent["input"]], ["message", "reasoning", "message", "function_call", "function_call_output"], "the items")
    equal((sent["input"][1]["encrypted_content"], sent["input"][1]["summary"]), ("enc-1", [{"type": "summary_text", "text": "Hm.\n\nSo."}]), "the reasoning item")


@check("Anthropic client that did not ask for thinking sees none of a Responses upstream's, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "responses", "gpt-5")
    if mode == "whole":
        content = pair.whole("anthropic", response(REASONING, TEXT))["content"]
    else:
        content = folded_messages(pair.stream("anthropic", streamed_response()))[0][:1]
    equal((content[0]["type"], content[0]["text"]), ("text", "Hello"), "the first block")


@check("Chat client, Responses upstream, streamed: reasoning_content, text, calls by index, one finish, usage, [DONE]")
def _(lab):
    got = [value for _, value in Pair(lab, "responses", "gpt-5").stream("openai", streamed_response())]
    equal(got[-1], "[DONE]", "the last event")
    usage = got[-2]
    equal((usage["choices"], usage["usage"]["prompt_tokens"], usage["usage"]["prompt_tokens_details"]["cached_tokens"]), ([], 120, 30), "usage")
    equal((usage["usage"]["completion_tokens"], usage["usage"]["completion_tokens_details"]["reasoning_tokens"], usage["usage"]["total_tokens"]), (9, 4, 129), "usage")
    chunks = got[:-2]
    expect(len({(c["id"], c["created"], c["model"], c["object"]) for c in chunks}) == 1, "one id, time and model", chunks)
    deltas = [c["choices"][0]["delta"] for c in chunks]
    equal("".join(d.get("reasoning_content") or "" for d in deltas), "Hm.\n\nSo.", "reasoning_content")
    equal("".join(d.get("content") or "" for d in deltas), "Hello", "content")
    calls = {}
    for call in [call for d in deltas for call in d.get("tool_calls", [])]:
        known = calls.setdefault(call["index"], {"arguments": ""})
        known.update({"id": call.get("id", known.get("id")), "name": call["function"].get("name", known.get("name"))})
        known["arguments"] += call["function"].get("arguments", "")
    equal(calls, {0: {"id": "call_1", "name": "weather", "arguments": '{"city":"Rom"}'}, 1: {"id": "call_2", "name": "weather", "arguments": "{}"}}, "calls")
    equal([c["choices"][0]["finish_reason"] for c in chunks if c["choices"][0]["finish_reason"]], ["tool_calls"], "finish_reason")


@check("Gemini client, Responses upstream: text, whole calls and usage, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "responses", "gpt-5")
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    if mode == "whole":
        got = [pair.whole("gemini", response(REASONING, TEXT, CALL_1, CALL_2), body)]
    else:
        got = [value for _, value in pair.stream("gemini", streamed_response(), body)]
    parts = [part for value in got for part in value["candidates"][0]["content"]["parts"]]
    equal("".join(p["text"] for p in parts if p.get("thought") and "text" in p), "Hm.\n\nSo.", "the thoughts")
    equal("".join(p["text"] for p in parts if "text" in p and not p.get("thought")), "Hello", "the text")
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    equal([(c["name"], c["args"]) for c in calls], [("weather", {"city": "Rom"}), ("weather", {})], "the calls")
    finishes = [value["candidates"][0].get("finishReason") for value in got]
    equal([f for f in finishes if f], ["STOP"], "finishReason")
    usage = got[-1]["usageMetadata"]
    same(usage, {"promptTokenCount": 120, "cachedContentTokenCount": 30, "candidatesTokenCount": 5, "thoughtsTokenCount": 4, "totalTokenCount": 129}, "usage")
    expect(all(value["modelVersion"] == "really" and value["responseId"] for value in got), "model and id in each", got)


ENDINGS = [
    ("anthropic", {"reason": "max_output_tokens"}, "max_tokens"),
    ("anthropic", {"reason": "content_filter"}, "refusal"),
    ("openai", {"reason": "max_output_tokens"}, "length"),
    ("openai", {"reason": "content_filter"}, "content_filter"),
    ("gemini", {"reason": "max_output_tokens"}, "MAX_TOKENS"),
    ("gemini", {"reason": "content_filter"}, "SAFETY"),
    ("anthropic", {"reason": "odd"}, "end_turn"),
    ("openai", {"reason": "odd"}, "stop"),
    ("gemini", {"reason": "odd"}, "OTHER"),
    ("openai", None, "stop"),
]


def stop_of(client, value):
    return {"anthropic": lambda: value["stop_reason"], "openai": lambda: value["choices"][0]["finish_reason"],
            "gemini": lambda: value["candidates"][0]["finishReason"]}[client]()  # fmt: skip


@check("{client} client: a Responses answer that is incomplete because of {details} is {stop}", rows=ENDINGS, together=True)
def _(lab, client, details, stop):
    got = Pair(lab, "responses").whole(client, response(TEXT, status="incomplete", incomplete_details=details))
    equal(stop_of(client, got), stop, "the reason")


@check("two messages of a Responses upstream stay apart for a {client} client, {mode}", rows=[(c, m) for c in ("anthropic", "openai", "gemini") for m in ("whole", "streamed")])
def _(lab, client, mode):
    pair = Pair(lab, "responses")
    items = [TEXT | {"id": f"msg_{n}", "content": [{"type": "output_text", "text": t, "annotations": []} for t in said]} for n, said in enumerate((["On", "ly."], ["Two."]))]
    events = [{"type": "response.created", "response": response(status="in_progress")}]
    for n, item in enumerate(items):
        place = {"item_id": item["id"], "output_index": n}
        events.append({"type": "response.output_item.added", "output_index": n, "item": item | {"content": []}})
        events += [{"type": "response.output_text.delta", **place, "content_index": i, "delta": p["text"]} for i, p in enumerate(item["content"])]
        events.append({"type": "response.output_item.done", "output_index": n, "item": item})
    events.append({"type": "response.completed", "response": response(*items)})
    flow = pair.stream(client, named_events(*events)) if mode == "streamed" else []
    got = [v for _, v in flow if v != "[DONE]"] if mode == "streamed" else pair.whole(client, response(*items))
    if client == "anthropic":
        blocks = got["content"] if mode == "whole" else folded_messages(flow)[0]
        equal([block["text"] for block in blocks], ["Only.", "Two."], "the blocks")
    elif client == "openai":
        text = got["choices"][0]["message"]["content"] if mode == "whole" else "".join(c["choices"][0]["delta"].get("content") or "" for c in got if c["choices"])
        equal(text, "Only.\n\nTwo.", "the text")
    else:
        parts = [p for one in ([got] if mode == "whole" else got) for p in one["candidates"][0]["content"]["parts"]]
        equal("".join(p.get("text", "") for p in parts), "Only.\n\nTwo.", "the text")


@check("a refusal of a Responses upstream is one for a {client} client", rows=["anthropic", "openai"])
def _(lab, client):
    refusal = TEXT | {"content": [{"type": "refusal", "refusal": "I will not."}]}
    got = Pair(lab, "responses").whole(client, response(refusal))
    if client == "openai":
        message = got["choices"][0]["message"]
        equal((message["content"], message["refusal"]), (None, "I will not."), "content, refusal")
    else:
        equal((got["stop_reason"], got["content"]), ("refusal", []), "stop_reason, content")
        same(got["stop_details"], {"type": "refusal", "category": None, "explanation": "I will not."}, "stop_details")


@check("{client} client: a stop sequence is looked for in a Responses upstream's stream, cut anywhere", rows=["anthropic", "openai"])
def _(lab, client):
    pair = Pair(lab, "responses")
    words = ["one tw", "o ST", "OP three", " four"]
    said = named_events(
        {"type": "response.created", "response": response(status="in_progress")},
        *({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": w} for w in words),
        {"type": "response.completed", "response": response(TEXT)},
    )
    field = "stop_sequences" if client == "anthropic" else "stop"
    got = [value for _, value in pair.stream(client, said, least(client) | {field: ["STOP"]})]
    if client == "anthropic":
        text = "".join(v["delta"].get("text", "") for v in got if v["type"] == "content_block_delta")
        delta = next(v["delta"] for v in got if v["type"] == "message_delta")
        equal((text, delta["stop_reason"], delta["stop_sequence"]), ("one two ", "stop_sequence", "STOP"), "text and reason")
    else:
        chunks = [v for v in got if v != "[DONE]" and v["choices"]]
        text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks)
        equal((text, chunks[-1]["choices"][0]["finish_reason"]), ("one two ", "stop"), "text and reason")
    lacks(str(pair.up.last.json()), "STOP", "the request")


@check("a Responses upstream that answers a streamed request whole is streamed to a {client} client", rows=["anthropic", "openai", "gemini"])
def _(lab, client):
    pair = Pair(lab, "responses")
    pair.up.reply(whole(response(TEXT)))
    answer = pair.ask(client, least(client), streamed=True)
    equal(answer.status, 200, "the status")
    expect((answer.header("content-type") or "").startswith("text/event-stream"), "a stream", answer.header("content-type"))
    expect(b"Hello" in answer.body, "the text", answer.body)


@check("a Responses upstream's stream without names of events is read by their type")
def _(lab):
    pair = Pair(lab, "responses")
    said = b"".join(line + b"\n\n" for line in streamed_response().split(b"\n") if line.startswith(b"data"))
    pair.up.reply(stream(said))
    answer = pair.ask("anthropic", THINKS, streamed=True)
    expect(b"message_stop" in answer.body and b'"Rom\\"}' in answer.body, "the whole answer", answer.body)
