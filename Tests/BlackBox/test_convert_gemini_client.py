"""A Gemini client before an Anthropic or a Chat upstream: what the upstream is asked, and what the client is answered."""

import base64
import json
import threading
import time
import zlib

from answers import FROM_ANTHROPIC, chat_answer, response
from checks import check, contains, equal, eventually, expect, fail, lacks
from conversions import (
    DATA_URL, FUNCTION, IMAGE_BLOCK, PATHS, PNG, SCHEMA, STREAM_PATH, Pair, data_events, least, named_events, same, told,
)  # fmt: skip
from dialects import compact
from harness import json_type
from upstream import head, stream

# ---------------------------------------------------------------- the request that the upstream gets

CONTENTS = {
    "system_instruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "Look"}, {"inline_data": {"mime_type": "image/png", "data": PNG}}]},
        {"role": "model", "parts": [{"text": "Hmm.", "thought": True}, {"functionCall": {"name": "weather", "args": {"city": "Köln"}}},
                                    {"functionCall": {"name": "weather", "args": {"city": "Rom"}}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "weather", "response": {"output": "sunny"}}},
                                       {"functionResponse": {"name": "weather", "response": {"error": "no"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "weather", "description": "The weather", "parameters": {
        "type": "OBJECT", "properties": {"city": {"type": "STRING", "description": "Where"}, "days": {"type": "INTEGER"}}, "required": ["city"]}}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
    "generationConfig": {"maxOutputTokens": 100, "temperature": 0.5, "topP": 0.9, "topK": 40, "stopSequences": ["END"]},
    "safetySettings": [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"}],
    "labels": {"a": "b"},
}  # fmt: skip


@check("Gemini client, Anthropic upstream: a conversation with calls that have no ids, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "anthropic")
    sent, _lossy = pair.request("gemini", CONTENTS, mode == "streamed")
    ids = [b["id"] for b in sent["messages"][1]["content"]]
    equal(ids, ["call_1_0", "call_1_1"], "the ids, by turn and place")
    same(
        sent,
        {
            "model": "far-model",
            "max_tokens": 100,
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE_BLOCK]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": ids[0], "name": "weather", "input": {"city": "Köln"}},
                                                  {"type": "tool_use", "id": ids[1], "name": "weather", "input": {"city": "Rom"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": ids[0], "content": "sunny"},
                                             {"type": "tool_result", "tool_use_id": ids[1], "is_error": True, "content": "no"}]},
            ],
            "tools": [{"name": "weather", "description": "The weather", "input_schema": SCHEMA}],
            "tool_choice": {"type": "tool", "name": "weather"},
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 40,
            "stop_sequences": ["END"],
            **({"stream": True} if mode == "streamed" else {}),
        },
        "request",
    )  # fmt: skip
    equal((pair.up.last.header("x-api-key"), pair.up.last.header("x-goog-api-key")), ("provider-key-one", None), "credentials")
    equal(pair.up.last.header("anthropic-version"), "2023-06-01", "anthropic-version")


@check("Gemini client, Chat upstream: a conversation with calls that have no ids")
def _(lab):
    sent, lossy = Pair(lab, "openai").request("gemini", CONTENTS, True)
    same(
        sent,
        {
            "model": "far-model",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": DATA_URL}}]},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "call_1_0", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Köln"}'}},
                    {"id": "call_1_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rom"}'}}]},
                {"role": "tool", "tool_call_id": "call_1_0", "content": "sunny"},
                {"role": "tool", "tool_call_id": "call_1_1", "content": "Error: no"},
            ],
            "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop": ["END"],
            "stream": True, "stream_options": {"include_usage": True},
            "tools": [FUNCTION],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
        },
        "request",
    )  # fmt: skip
    contains(lossy or "", "topK=dropped", "x-proxyd-lossy")
    contains(lossy, "safetySettings=dropped", "x-proxyd-lossy")


REFUSED = [
    ("cachedContent", {"cachedContent": "cachedContents/x"}),
    ("candidateCount", {"generationConfig": {"candidateCount": 2}}),
    ("responseModalities", {"generationConfig": {"responseModalities": ["AUDIO"]}}),
]


@check("Gemini client, {upstream} upstream: {what} is refused and named", rows=[(u, w, b) for w, b in REFUSED for u in ("anthropic", "openai")])
def _(lab, upstream, what, body):
    error = Pair(lab, upstream).refused("gemini", least("gemini") | body)
    contains(error["message"], what, "the message")


@check("Gemini client: numbers in quotes are numbers, as Google reads them")
def _(lab):
    config = {"maxOutputTokens": "50", "temperature": "0.5", "topK": "3", "thinkingConfig": {"thinkingBudget": "0"}}
    sent, lossy = Pair(lab, "anthropic").request("gemini", least("gemini") | {"generationConfig": config})
    equal((sent["max_tokens"], sent["temperature"], sent["top_k"], lossy), (50, 0.5, 3, None), "limits and sampling, what was lost")


@check("Gemini client: code of an earlier turn stands between fences on lines of their own")
def _(lab):
    parts = [{"text": "See:"}, {"executableCode": {"language": "PYTHON", "code": "print(1)"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}]
    body = {"contents": [*least("gemini")["contents"], {"role": "model", "parts": parts}, *least("gemini")["contents"]]}
    sent, _lossy = Pair(lab, "openai").request("gemini", body)
    equal(sent["messages"][1]["content"], "See:\n```\nprint(1)\n```\n\n```\n1\n```\n", "the turn")


@check("Gemini client, Anthropic upstream: the schema and the thinking of generationConfig")
def _(lab):
    body = least("gemini") | {"generationConfig": {
        "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
        "thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": True}}}  # fmt: skip
    sent, _lossy = Pair(lab, "anthropic", "claude-sonnet-4-5").request("gemini", body)
    equal(sent["thinking"], {"type": "enabled", "budget_tokens": 2048}, "thinking")
    schema = sent["output_config"]["format"]["schema"]
    equal((schema["type"], schema["properties"]["a"]["type"]), ("object", ["string", "null"]), "the schema's types")


# ---------------------------------------------------------------- the answer that the client gets


@check("Gemini client, Anthropic upstream, {mode}: thoughts with their seal, text, whole calls, usage", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "anthropic", "claude-sonnet-4-5")
    body = least("gemini") | {"generationConfig": {"thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": True}}}
    if mode == "whole":
        answer = {
            **FROM_ANTHROPIC[0]["message"],
            "content": [{"type": "thinking", "thinking": "Hmm.", "signature": "sig-A"}, {"type": "text", "text": "Hello"},
                        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rom"}},
                        {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 11, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 7},
        }  # fmt: skip
        got = [pair.whole("gemini", answer, body)]
    else:
        pair.up.reply(stream(named_events(*FROM_ANTHROPIC)))
        raw = pair.ask("gemini", body, streamed=True)
        lines = [line for line in raw.body.split(b"\n") if line]
        expect(all(line.startswith(b"data: {") for line in lines), "every line begins with `data: `", lines)
        got = [value for _, value in told(raw.body)]
    parts = [part for value in got for part in value["candidates"][0]["content"]["parts"]]
    equal("".join(p["text"] for p in parts if p.get("thought")), "Hmm.", "the thoughts")
    equal("".join(p["text"] for p in parts if "text" in p and not p.get("thought")), "Hello", "the text")
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    equal([(c["name"], c["args"]) for c in calls], [("weather", {"city": "Rom"}), ("now", {})], "the calls")
    equal([v["candidates"][0]["finishReason"] for v in got if "finishReason" in v["candidates"][0]], ["STOP"], "finishReason")
    same(got[-1]["usageMetadata"], {"promptTokenCount": 19, "cachedContentTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 26}, "usage")
    equal({(v["modelVersion"], v["candidates"][0]["content"]["role"]) for v in got}, {("really", "model")}, "model and role")

    seals = [p["thoughtSignature"] for p in parts if "thoughtSignature" in p]
    expect(len(seals) == 1 and base64.b64decode(seals[0], altchars=b"-_", validate=True), "one seal, and it is base64", seals)
    history = [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": parts},
               {"role": "user", "parts": [{"functionResponse": {"id": c["id"], "name": c["name"], "response": {"output": "x"}}} for c in calls]}]  # fmt: skip
    sent, _lossy = pair.request("gemini", body | {"contents": history, "tools": CONTENTS["tools"]})
    same(sent["messages"][1]["content"][0], {"type": "thinking", "thinking": "Hmm.", "signature": "sig-A"}, "the thought that goes back")


@check("Gemini client: without alt=sse a converted stream is a JSON array, {upstream} upstream", rows=["anthropic", "openai"])
def _(lab, upstream):
    pair = Pair(lab, upstream)
    answer = pair.ask("gemini", least("gemini"), path=STREAM_PATH.partition("?")[0])
    equal(answer.status, 200, "the status")
    contains(answer.header("content-type") or "", "application/json", "the content type")
    equal(answer.header("x-accel-buffering"), "no", "x-accel-buffering")
    chunks = answer.json()
    expect(isinstance(chunks, list) and len(chunks) > 1, "an array of chunks", chunks)
    text = "".join(p.get("text", "") for c in chunks for p in c["candidates"][0]["content"]["parts"])
    expect(text.startswith("Hello"), "the text", text)
    equal(chunks[-1]["candidates"][0]["finishReason"], "STOP", "finishReason")


def chunks_of(*pieces, gate=None, ends=True, coding=None):
    """The array that Gemini streams without `alt=sse`, each piece a write; all but the first wait until `gate` is set."""

    def reply(_request, wire):
        more = [("Content-Encoding", "gzip")] if coding else []
        wire.send(head(200, [("Content-Type", "application/json; charset=UTF-8"), *more], "chunked", 0))
        for number, piece in enumerate(pieces):
            if number and gate:
                gate.wait(10)
                gate.clear()
            piece = coding.compress(piece) + coding.flush(zlib.Z_SYNC_FLUSH) if coding else piece
            wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        rest = coding.flush() if coding else b""
        wire.send(b"%x\r\n%s\r\n" % (len(rest), rest) if rest else b"")
        wire.send(b"0\r\n\r\n" if ends else b"")
        if not ends:
            wire.close()

    return reply


def booked(p):
    usage = p.get("/admin/usage")
    return usage["total_input_tokens"], usage["total_output_tokens"]


def chunk(text, **more):
    return json.dumps({"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}]}, indent=2).encode()


USED = json.dumps({"usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}}, indent=2).encode()
ARRAY = [b"[" + chunk("one "), b"\n,\r\n" + chunk("[two,") + b",\n" + chunk(" three}")[:40], chunk(" three}")[40:] + b"\n,", chunk("", finishReason="STOP") + b",", USED + b"\n]\n"]


@check("Gemini client, Gemini upstream, without alt=sse: each chunk comes as it is made, byte for byte ({how})", rows=["plain", "gzip"])
def _(lab, how):
    pair, gate = Pair(lab, "gemini"), threading.Event()
    coding = zlib.compressobj(wbits=31) if how == "gzip" else None
    pair.up.reply(chunks_of(*ARRAY, gate=gate, coding=coding))
    connection = pair.proxy.connect()
    body = compact(least("gemini"))
    connection.request("POST", STREAM_PATH.partition("?")[0], pair.proxy.headers(headers=json_type((), body)), body)
    answer = connection.final_head()
    equal((answer.status, answer.header("x-accel-buffering")), (200, "no"), "status and x-accel-buffering")
    contains(answer.header("content-type"), "application/json", "the content type")
    got = b""
    pieces = connection.pieces(answer)
    for word in (b"one ", b"[two,", b" three}"):
        while word not in got:
            got += next(pieces)
        gate.set()
    for piece in pieces:
        got += piece
        gate.set()
    expect(answer.complete, "a proper end", got)
    equal(got, b"".join(ARRAY), "the body")
    eventually(lambda: booked(pair.proxy) == (11, 7), "what the array told in the usage")


@check("{client} client, Gemini upstream that streams an array of chunks: each comes as it is made", rows=["anthropic", "openai", "responses", "gemini"])
def _(lab, client):
    pair, gate = Pair(lab, "gemini"), threading.Event()
    pair.up.reply(chunks_of(*ARRAY, gate=gate))
    connection = pair.proxy.connect()
    target = STREAM_PATH if client == "gemini" else PATHS[client]
    body = compact(least(client) if client == "gemini" else {"model": "asked", "stream": True, **least(client)})
    connection.request("POST", target, pair.proxy.headers(headers=json_type((), body)), body)
    events = connection.stream()
    seen = ""
    while "one " not in seen:
        seen += (events.next() or fail(f"expected the first text, got {seen}"))[1]
    lacks(seen, "two", "what came first")
    for _ in range(len(ARRAY)):
        gate.set()
        time.sleep(0.05)
    answer = events.rest()
    for word in (b"two", b"three"):
        contains(answer.body, word, "the stream")
    expect(answer.complete, "a proper end", answer.body)
    eventually(lambda: booked(pair.proxy) == (11, 7), "what the array told in the usage")


@check("Gemini client, Gemini upstream, without alt=sse: an array that is cut ends with an error as its last chunk ({how})", rows=["connection", "framing", "bracket"])
def _(lab, how):
    pair = Pair(lab, "gemini")
    pieces = [*ARRAY[:2], b"\n]"] if how == "bracket" else ARRAY[:2]
    if how == "bracket":
        pieces[1] = b",\n" + chunk("[two,")
    pair.up.reply(chunks_of(*pieces, ends=how != "connection"))
    answer = pair.ask("gemini", least("gemini"), path=STREAM_PATH.partition("?")[0])
    equal((answer.status, answer.complete), (200, True), "status and a proper end")
    *chunks, last = answer.json()
    equal([c["candidates"][0]["content"]["parts"][0]["text"] for c in chunks], ["one ", "[two,"], "the chunks before")
    equal(set(last["error"]), {"code", "message", "status"}, "the last chunk")


@check("Gemini client, Gemini upstream, without alt=sse: an error in the array before any content is the answer's status")
def _(lab):
    pair = Pair(lab, "gemini", more="fallback: {cooldown: 0s}\n")
    said = {"error": {"code": 400, "message": "no such thing", "status": "INVALID_ARGUMENT"}}
    pair.up.reply(chunks_of(b"[", json.dumps(said).encode(), b"]"))
    answer = pair.ask("gemini", least("gemini"), path=STREAM_PATH.partition("?")[0])
    expect(answer.status >= 400, "an error's status", answer)
    contains(answer.json()[0]["error"]["message"], "no such thing", "the message")


STOPS = [
    ("anthropic", "max_tokens", "MAX_TOKENS"),
    ("anthropic", "refusal", "SAFETY"),
    ("anthropic", "stop_sequence", "STOP"),
    ("openai", "length", "MAX_TOKENS"),
    ("openai", "content_filter", "SAFETY"),
]


@check("Gemini client: {upstream}'s {reason} is {finish}", rows=STOPS)
def _(lab, upstream, reason, finish):
    if upstream == "openai":
        answer = chat_answer("Hi", reason)
    else:
        answer = {**FROM_ANTHROPIC[0]["message"], "content": [{"type": "text", "text": "Hi"}], "stop_reason": reason}
    equal(Pair(lab, upstream).whole("gemini", answer)["candidates"][0]["finishReason"], finish, "finishReason")


REFUSALS = [(upstream, mode, cut) for upstream in ("openai", "responses") for mode in ("whole", "streamed") for cut in (False, True)]


@check("Gemini client, {upstream} upstream: a refusal in words is SAFETY, with the words as text and beside the end, {mode}, cut: {cut}", rows=REFUSALS)
def _(lab, upstream, mode, cut):
    pair = Pair(lab, upstream)
    if upstream == "openai":
        said = chat_answer(None, "length" if cut else "stop", refusal="I cannot.")
        delta = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"refusal": "I can"}}]}
        last = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"refusal": "not."}, "finish_reason": "length" if cut else "stop"}]}
        flow = data_events(delta, last, done=True)
    else:
        item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "refusal", "refusal": "I cannot."}]}
        more = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}} if cut else {}
        said = response(item, **more)
        delta = {"type": "response.refusal.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "I cannot."}
        flow = named_events(delta, {"type": "response.incomplete" if cut else "response.completed", "response": said})
    got = [pair.whole("gemini", said)] if mode == "whole" else [value for _, value in pair.stream("gemini", flow)]
    candidates = [one["candidates"][0] for one in got]
    wanted = ("MAX_TOKENS", None) if cut else ("SAFETY", "I cannot.")
    equal((candidates[-1]["finishReason"], candidates[-1].get("finishMessage")), wanted, "finishReason, finishMessage")
    equal("".join(part.get("text", "") for one in candidates for part in one["content"]["parts"]), "I cannot.", "the text")


@check("Gemini client, Chat upstream, streamed: reasoning, interleaved calls sent whole")
def _(lab):
    def piece(index, arguments, **more):
        function = {"arguments": arguments, **({"name": "weather"} if more else {})}
        return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "function": function, **more}]}, "finish_reason": None}]}

    said = data_events(
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"reasoning": "Hm."}, "finish_reason": None}]},
        piece(0, '{"city":', id="a", type="function"),
        piece(1, "{}", id="b", type="function"),
        piece(0, '"Rom"}'),
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}},
        done=True,
    )
    body = least("gemini") | {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    got = [value for _, value in Pair(lab, "openai").stream("gemini", said, body)]
    parts = [p for v in got for p in v["candidates"][0]["content"]["parts"]]
    equal([p["functionCall"]["args"] for p in parts if "functionCall" in p], [{"city": "Rom"}, {}], "the calls")
    equal([p["text"] for p in parts if p.get("thought") and p.get("text")], ["Hm."], "the thought")
    equal(got[-1]["usageMetadata"], {"promptTokenCount": 12, "candidatesTokenCount": 3, "totalTokenCount": 15}, "usage")
