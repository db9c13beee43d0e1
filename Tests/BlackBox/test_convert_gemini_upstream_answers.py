"""A Gemini upstream: the answer that every other client gets, whole and streamed, and what of it goes back."""

import json

from answers import folded_messages, gemini_answer
from checks import check, contains, equal, expect, lacks
from conversions import DATA_URL, INLINE, PNG, TOOL, USER, Pair, data_events, least, same, without_options
from upstream import stream, whole

PARTS = [
    {"text": "Hm", "thought": True},
    {"text": "m.", "thought": True},
    {"text": "Hel"},
    {"text": "lo"},
    {"functionCall": {"name": "weather", "args": {"city": "Rom"}}, "thoughtSignature": "c2lnLTE="},
    {"functionCall": {"name": "weather", "args": {}}},
]
USAGE = {"promptTokenCount": 120, "cachedContentTokenCount": 30, "candidatesTokenCount": 5, "thoughtsTokenCount": 4, "toolUsePromptTokenCount": 10, "totalTokenCount": 139}


def chunk(*parts, finish=None, usage=None):
    candidate = {"content": {"role": "model", "parts": list(parts)}, "index": 0} | ({"finishReason": finish} if finish else {})
    return {"candidates": [candidate], "modelVersion": "really", "responseId": "r-1"} | ({"usageMetadata": usage} if usage else {})


def gemini_stream():
    first = {"trafficType": "ON_DEMAND"}
    return data_events(*(chunk(part, usage=first) for part in PARTS), chunk({"text": ""}, finish="STOP", usage=USAGE))


THINKS = {"max_tokens": 900, "thinking": {"type": "adaptive"}, "messages": [USER]}


@check("Anthropic client, Gemini upstream, {mode}: thoughts, text, calls with derived ids, the call's seal before it", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "gemini", "gemini-3-pro-preview")
    if mode == "whole":
        got = pair.whole("anthropic", gemini_answer(*PARTS, usage=USAGE), THINKS)
        blocks, usage, reason = got["content"], got["usage"], got["stop_reason"]
    else:
        blocks, last = folded_messages(pair.stream("anthropic", gemini_stream(), THINKS))
        usage, reason = last["usage"], last["delta"]["stop_reason"]
        for block in blocks:
            block["input"] = json.loads(block["json"] or "{}")
    equal([b["type"] for b in blocks], ["thinking", "text", "thinking", "tool_use", "tool_use"], "the blocks")
    equal((blocks[0]["thinking"], blocks[1]["text"], reason), ("Hmm.", "Hello", "tool_use"), "thought, text, reason")
    expect(blocks[2]["signature"].startswith("pxd1."), "the seal of the call", blocks[2])
    equal([b["input"] for b in blocks[3:]], [{"city": "Rom"}, {}], "the arguments")
    ids = [b["id"] for b in blocks[3:]]
    expect(all(i.startswith("toolu_") and len(i) == 30 for i in ids) and ids[0] != ids[1], "two derived ids", ids)
    wanted = {"input_tokens": 100, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 0, "output_tokens": 9}
    same({key: usage[key] for key in wanted}, wanted, "usage")


@check("Anthropic client, Gemini 3 upstream: the signature of a call goes back on that call and on no other")
def _(lab):
    pair = Pair(lab, "gemini", "gemini-3-pro-preview")
    content = pair.whole("anthropic", gemini_answer(*PARTS), THINKS)["content"]
    results = [{"type": "tool_result", "tool_use_id": b["id"], "content": "x"} for b in content if b["type"] == "tool_use"]
    again = THINKS | {"messages": [*THINKS["messages"], {"role": "assistant", "content": content}, {"role": "user", "content": results}]}
    sent, _lossy = pair.request("anthropic", again)
    same(
        sent["contents"][1],
        {
            "role": "model",
            "parts": [
                {"text": "Hello"},
                {"functionCall": {"name": "weather", "args": {"city": "Rom"}}, "thoughtSignature": "c2lnLTE="},
                {"functionCall": {"name": "weather", "args": {}}},
            ],
        },
        "the model's content",
    )
    again["messages"][1] = {"role": "assistant", "content": [b for b in content if b["type"] != "thinking"]}
    sent, _lossy = pair.request("anthropic", again)
    equal([p.get("thoughtSignature") for p in sent["contents"][1]["parts"]], [None, "c2lnLTE=", None], "remembered by the call's id")


def chat_calls(got):
    """The calls of a Chat stream, put together by their index."""
    calls = {}
    for call in [c for v in got if v != "[DONE]" and v["choices"] for c in v["choices"][0]["delta"].get("tool_calls", [])]:
        known = calls.setdefault(call["index"], {"function": {"name": "", "arguments": ""}})
        known["function"]["name"] += call["function"].get("name", "")
        known["function"]["arguments"] += call["function"].get("arguments", "")
        known.update({key: value for key, value in call.items() if key != "function"})
    return [calls[index] for index in sorted(calls)]


@check("Chat client, Gemini 3 upstream: a call's signature is given, and remembered by its id where the client drops it, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "gemini", "gemini-3-pro-preview")
    if mode == "whole":
        calls = pair.whole("openai", gemini_answer(*PARTS), without_options(least("openai")))["choices"][0]["message"]["tool_calls"]
    else:
        got = [value for _, value in pair.stream("openai", gemini_stream())]
        calls = chat_calls(got)
    equal(calls[0]["extra_content"]["google"]["thought_signature"], "c2lnLTE=", "the plain signature")
    expect("extra_content" not in calls[1], "none on the second call", calls[1])
    kept = [{"id": c["id"], "type": "function", "function": c["function"]} for c in calls]
    results = [{"role": "tool", "tool_call_id": c["id"], "content": "x"} for c in calls]
    sent, _lossy = pair.request("openai", {"messages": [USER, {"role": "assistant", "tool_calls": kept}, *results]})
    equal([p.get("thoughtSignature") for p in sent["contents"][1]["parts"]], ["c2lnLTE=", None], "the signatures that go back")


@check("Chat client, Gemini upstream, streamed: reasoning, text, whole calls, one finish, inclusive usage")
def _(lab):
    got = [value for _, value in Pair(lab, "gemini").stream("openai", gemini_stream())]
    equal(got[-1], "[DONE]", "the last event")
    usage = got[-2]["usage"]
    equal((usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]), (130, 9, 139), "usage")
    equal((usage["prompt_tokens_details"]["cached_tokens"], usage["completion_tokens_details"]["reasoning_tokens"]), (30, 4), "details")
    deltas = [v["choices"][0]["delta"] for v in got[:-2]]
    equal("".join(d.get("reasoning_content") or "" for d in deltas), "Hmm.", "reasoning_content")
    equal("".join(d.get("content") or "" for d in deltas), "Hello", "content")
    calls = [call for d in deltas for call in d.get("tool_calls", [])]
    equal(sorted({c["index"] for c in calls}), [0, 1], "the indexes")
    expect(all(c["id"].startswith("call_") for c in calls if "id" in c), "derived ids", calls)
    text = {i: "".join(c["function"].get("arguments", "") for c in calls if c["index"] == i) for i in (0, 1)}
    equal(text, {0: '{"city":"Rom"}', 1: "{}"}, "the arguments")
    finishes = [v["choices"][0]["finish_reason"] for v in got[:-2]]
    equal((finishes[-1], [f for f in finishes if f]), ("tool_calls", ["tool_calls"]), "finish_reason")


@check("Responses client, Gemini upstream, streamed: reasoning with a seal, message, calls")
def _(lab):
    got = Pair(lab, "gemini").stream("responses", gemini_stream())
    output = got[-1][1]["response"]["output"]
    calls = [item for item in output if item["type"] == "function_call"]
    equal([c["arguments"] for c in calls], ['{"city":"Rom"}', "{}"], "the calls")
    equal("".join(s["text"] for i in output if i["type"] == "reasoning" for s in i["summary"]), "Hmm.", "the summary")
    equal([i["content"][0]["text"] for i in output if i["type"] == "message"], ["Hello"], "the message")
    expect(all(c["call_id"].startswith("call_") for c in calls), "derived ids", calls)
    usage = got[-1][1]["response"]["usage"]
    equal((usage["input_tokens"], usage["output_tokens"], usage["input_tokens_details"]["cached_tokens"]), (130, 9, 30), "usage")


@check("Responses client, Gemini 3 upstream: a call's signature comes back to it")
def _(lab):
    pair = Pair(lab, "gemini", "gemini-3-pro-preview")
    output = pair.whole("responses", gemini_answer(*PARTS))["output"]
    results = [{"type": "function_call_output", "call_id": i["call_id"], "output": "x"} for i in output if i["type"] == "function_call"]
    sent, _lossy = pair.request("responses", {"input": [USER, *output, *results]})
    equal([p.get("thoughtSignature") for p in sent["contents"][1]["parts"]], [None, "c2lnLTE=", None], "the signatures")


@check("a signature of a Gemini call does not go to another vendor: {upstream}", rows=["anthropic", "openai", "responses"])
def _(lab, upstream):
    gemini, other = lab.upstream(), lab.upstream()
    proxy = lab.proxyd(f"""
upstreams: {{g: {gemini.declare("gemini")}, o: {other.declare(upstream)}}}
rules: [{{name: a, models: [first], tiers: [g/gemini-3-pro-preview]}}, {{name: b, tiers: [o/far-model]}}]
""")
    gemini.reply(whole(gemini_answer(*PARTS)))
    content = proxy.ask("anthropic", "first", max_tokens=900, thinking={"type": "adaptive"}).json()["content"]
    results = [{"type": "tool_result", "tool_use_id": b["id"], "content": "x"} for b in content if b["type"] == "tool_use"]
    answer = proxy.ask("anthropic", "second", max_tokens=900, messages=[
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": content}, {"role": "user", "content": results}], tools=[TOOL])  # fmt: skip
    equal(answer.status, 200, "the status")
    lacks(other.last.body, b"pxd1.", "the request")
    lacks(other.last.body, b"c2lnLTE", "the request")
    contains(other.last.body, b"Rom", "the request keeps the call")


FINISHES = [
    ("MAX_TOKENS", "max_tokens", "length"),
    ("RECITATION", "refusal", "content_filter"),
    ("PROHIBITED_CONTENT", "refusal", "content_filter"),
    ("OTHER", "end_turn", "stop"),
    ("NEVER_HEARD_OF", "end_turn", "stop"),
]


@check("Gemini's finishReason {finish} is {messages} and {chat}, whole and streamed", rows=FINISHES)
def _(lab, finish, messages, chat):
    pair = Pair(lab, "gemini")
    answer = gemini_answer({"text": "Hi"}, finish=finish)
    equal(pair.whole("anthropic", answer)["stop_reason"], messages, "Anthropic, whole")
    equal(pair.whole("openai", answer, without_options(least("openai")))["choices"][0]["finish_reason"], chat, "Chat, whole")
    got = [value for _, value in pair.stream("anthropic", data_events(answer))]
    equal([v["delta"]["stop_reason"] for v in got if v["type"] == "message_delta"], [messages], "Anthropic, streamed")


@check("a Gemini answer of no candidates is a refusal when the prompt was blocked, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "gemini")
    answer = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9}, "modelVersion": "m"}
    if mode == "whole":
        got = pair.whole("anthropic", answer)
        equal((got["content"], got["stop_reason"]), ([], "refusal"), "content, stop_reason")
        message = pair.whole("openai", answer, without_options(least("openai")))["choices"][0]
        equal((message["message"]["content"], message["finish_reason"]), (None, "content_filter"), "content, finish_reason")
    else:
        blocks, last = folded_messages(pair.stream("anthropic", data_events(answer)))
        equal((blocks, last["delta"]["stop_reason"]), ([], "refusal"), "blocks, stop_reason")


EMPTY = [
    ("no candidates", {"candidates": [], "usageMetadata": {}}),
    ("a malformed call", {"candidates": [{"content": {}, "finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "Malformed: f(x"}]}),
    ("no part and OTHER", {"candidates": [{"content": {"parts": []}, "finishReason": "OTHER"}]}),
]


@check("a Gemini answer of {what} is an upstream failure, {mode}", rows=[(w, a, m) for w, a in EMPTY for m in ("whole", "streamed")])
def _(lab, what, answer, mode):
    pair = Pair(lab, "gemini")
    pair.up.reply(stream(data_events(answer)) if mode == "streamed" else whole(answer))
    got = pair.ask("anthropic", least("anthropic"), streamed=mode == "streamed")
    equal((got.status, got.json()["error"]["type"]), (502, "api_error"), "status and type")
    if "finishReason" in str(answer):
        contains(got.json()["error"]["message"], answer["candidates"][0]["finishReason"], "the message")
        contains(got.json()["error"]["message"], answer["candidates"][0].get("finishMessage", ""), "the message")


@check("candidates that include the thoughts are not counted twice")
def _(lab):
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 9, "thoughtsTokenCount": 4, "totalTokenCount": 19}
    got = Pair(lab, "gemini").whole("anthropic", gemini_answer({"text": "Hi"}, usage=usage))
    equal((got["usage"]["input_tokens"], got["usage"]["output_tokens"]), (10, 9), "usage")


@check("Anthropic client, Gemini upstream: arguments that come in pieces are one call")
def _(lab):
    said = data_events(
        chunk({"functionCall": {"name": "weather", "willContinue": True}, "thoughtSignature": "c2ln"}),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "R", "willContinue": True}], "willContinue": True}}),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "om"}, {"jsonPath": "$.n", "numberValue": 2}], "willContinue": True}}),
        chunk({"functionCall": {}}),
        chunk({"functionCall": {"name": "now"}}),
        chunk({"text": ""}, finish="STOP", usage=USAGE),
    )
    blocks, last = folded_messages(Pair(lab, "gemini").stream("anthropic", said))
    equal([(b["name"], b["json"] or "{}") for b in blocks], [("weather", '{"city":"Rom","n":2}'), ("now", "{}")], "the calls")
    equal(last["delta"]["stop_reason"], "tool_use", "stop_reason")


@check("Gemini upstream: an image in an answer is a note for Anthropic and Markdown for Chat; code is fenced")
def _(lab):
    pair = Pair(lab, "gemini")
    answer = gemini_answer({"text": "See: "}, INLINE, {"executableCode": {"language": "PYTHON", "code": "print(1)"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}})
    text = "".join(b["text"] for b in pair.whole("anthropic", answer)["content"])
    lacks(text, PNG, "the text for Anthropic")
    contains(text, "image", "the note for Anthropic")
    contains(text, "\n```python\nprint(1)\n```\n```\n1\n```\n", "the code and what it said, each fence on a line of its own")
    chat = pair.whole("openai", answer, without_options(least("openai")))["choices"][0]["message"]["content"]
    contains(chat, f"![image]({DATA_URL})", "the text for Chat")
    spoken = gemini_answer({"inlineData": {"mimeType": "audio/L16;rate=24000", "data": PNG}})
    chat = pair.whole("openai", spoken, without_options(least("openai")))["choices"][0]["message"]["content"]
    equal(chat, "[audio omitted: audio/L16;rate=24000]", "the text for what is no image")
