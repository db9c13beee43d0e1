"""Embeddings, images, audio, files and batches: under auth, policy and ledger, with what their answers tell of usage."""

import json

from checks import check, equal, eventually, expect, lacks
from dialects import compact
from harness import USER_KEY, served
from records import grouped, listed, row, rows
from test_addresses import MULTI, form
from upstream import status, stream, whole


def house(lab, more=""):
    up = lab.upstream()
    p = lab.proxyd(f"""
upstreams:
  o: {up.declare("openai")}
  g: {up.declare("gemini")}
rules:
  - {{name: gem, models: ["gemini-*"], tiers: [g]}}
  - {{name: all, models: ["*"], tiers: [o]}}
fallback: {{enabled: false}}
{more}
""")
    return p, up


@check("embeddings: passed as they are, their tokens and their price in the ledger, {target}", rows=["/v1/embeddings", "/embeddings", "/openai/deployments/text-embedding-3-small/embeddings"])
def _(lab, target):
    p, up = house(lab, "prices: {text-embedding-3-small: {input: 1000000}}\n")
    told = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1, -2e-3]}], "model": "text-embedding-3-small", "usage": {"prompt_tokens": 8, "total_tokens": 8}}
    up.reply(whole(told))
    answer = served(p.send("POST", target, {"model": "text-embedding-3-small", "input": ["a", "b"]}))
    equal(answer.body, json.dumps(told).encode(), "the body, byte for byte")
    one = row(p)
    equal((one["input"], one["output"], one["source"]), (8, 0, "reported"), "tokens")
    equal(one["cost_nano"], 8 * 10**9, "nano-dollars")


@check("embeddings before an upstream that cannot: the answer says so")
def _(lab):
    up = lab.upstream()
    p = lab.proxyd(f"upstreams: {{a: {up.declare('anthropic')}}}\nrules: [{{models: ['*'], tiers: [a]}}]")
    answer = p.send("POST", "/v1/embeddings", {"model": "x", "input": "a"})
    expect(answer.status >= 400, "no success", repr(answer))
    expect(answer.json()["error"]["message"], "words", answer.text)


@check("Gemini's embeddings are in the ledger, under the model of the path")
def _(lab):
    p, up = house(lab)
    up.reply(whole({"embedding": {"values": [0.1]}, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}))
    served(p.send("POST", "/v1beta/models/gemini-embedding-001:embedContent", {"content": {"parts": [{"text": "x"}]}}))
    one = row(p)
    equal((one["model_asked"], one["input"]), ("gemini-embedding-001", 5), "model, tokens")


@check("Gemini's embeddings without usage are counted by their text, and marked: {call}", rows=["embedContent", "batchEmbedContents"])
def _(lab, call):
    p, up = house(lab)
    content = {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "a few words " * 30}]}}
    one_of = {"values": [0.1, 0.2]}
    up.reply(whole({"embedding": one_of} if call == "embedContent" else {"embeddings": [one_of, one_of]}))
    body = content if call == "embedContent" else {"requests": [content, content]}
    served(p.send("POST", f"/v1beta/models/gemini-embedding-001:{call}", body))
    one = row(p)
    least = 60 if call == "embedContent" else 120
    equal((one["model"], one["output"], one["source"]), ("gemini-embedding-001", 0, "counted"), "model, output, source")
    expect(least <= one["input"] <= 3 * least, f"about {1.5 * least:g} tokens of input", one["input"])


@check("images: how many there are and their tokens are in the ledger, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    p, up = house(lab)
    usage = {"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210, "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}
    if mode == "whole":
        up.reply(whole({"created": 1, "data": [{"b64_json": "AAAA"}, {"b64_json": "BBBB"}], "usage": usage}))
    else:
        parts = [{"type": "image_generation.partial_image", "b64_json": "AA", "partial_image_index": 0}]
        parts += [{"type": "image_generation.completed", "b64_json": letters, "usage": usage} for letters in ("AAAA", "BBBB")]
        up.reply(stream(b"".join(b"event: " + part["type"].encode() + b"\ndata: " + compact(part) + b"\n\n" for part in parts)))
    body = {"model": "gpt-image-1", "prompt": "a cat", "n": 2, **({"stream": True} if mode == "streamed" else {})}
    served(p.send("POST", "/v1/images/generations", body))
    one = row(p)
    equal((one["input"], one["output"]), (50, 4160), "tokens")
    equal(one["images"], 2, "images")


@check("images without usage: their number is told, no tokens are made up")
def _(lab):
    p, up = house(lab)
    up.reply(whole({"created": 1, "data": [{"url": "https://x/1"}, {"url": "https://x/2"}, {"url": "https://x/3"}]}))
    served(p.send("POST", "/v1/images/generations", {"model": "dall-e-2", "prompt": "a cat", "n": 3}))
    one = row(p)
    equal((one["output"], one.get("images")), (0, 3), "tokens, images")
    equal(one["cost_nano"], None, "what it cost, which nobody knows")
    equal([(r["cost_usd"], r["unpriced_requests"]) for r in grouped(p, "model")], [(None, 1)], "money in the report, requests without a price")


@check("audio: a transcription's seconds or tokens are in the ledger: {kind}", rows=["seconds", "tokens", "verbose"])
def _(lab, kind):
    p, up = house(lab)
    told = {
        "seconds": {"text": "hello", "usage": {"type": "duration", "seconds": 12}},
        "tokens": {"text": "hello", "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59, "input_token_details": {"text_tokens": 0, "audio_tokens": 14}}},
        "verbose": {"task": "transcribe", "duration": 12.0, "text": "hello", "segments": []},
    }[kind]
    up.reply(whole(told))
    answer = served(p.send("POST", "/v1/audio/transcriptions", form(("model", "whisper-1"), ("file", "bytes")), headers=MULTI))
    equal(answer.json(), told, "the answer")
    one = row(p)
    if kind == "tokens":
        equal((one["input"], one["output"]), (14, 45), "tokens")
    else:
        equal(one["audio_ms"], 12_000, "milliseconds of sound")
    equal(one["model_asked"], "whisper-1", "the model")


@check("audio: the length that a streamed transcription tells at its end is in the ledger")
def _(lab):
    p, up = house(lab)
    parts = [{"type": "transcript.text.delta", "delta": "he"}, {"type": "transcript.text.done", "text": "hello", "usage": {"type": "duration", "seconds": 12.5}}]
    up.reply(stream(b"".join(b"data: " + compact(part) + b"\n\n" for part in parts)))
    served(p.send("POST", "/v1/audio/transcriptions", form(("model", "gpt-4o-transcribe-diarize"), ("stream", "true"), ("file", "bytes")), headers=MULTI))
    equal(row(p)["audio_ms"], 12_500, "milliseconds of sound")


@check("rankings and embeddings of Cohere's own API: what is billed is in the ledger, else what went through the model ({what})", rows=["billed", "tokens", "both", "searches"])
def _(lab, what):
    p, up = house(lab, "prices: {rerank-v3.5: {input: 1000000}}\n")
    meta = {
        "billed": {"billed_units": {"input_tokens": 25, "output_tokens": 2}},
        "tokens": {"billed_units": {"search_units": 1}, "tokens": {"input_tokens": 25, "output_tokens": 2}},
        "both": {"tokens": {"input_tokens": 90, "output_tokens": 9}, "billed_units": {"input_tokens": 25, "output_tokens": 2}},
        "searches": {"billed_units": {"search_units": 1}},
    }[what]
    up.reply(whole({"id": "r", "results": [{"index": 0, "relevance_score": 0.5}], "meta": {"api_version": {"version": "1"}, **meta}}))
    served(p.send("POST", "/v1/rerank", {"model": "rerank-v3.5", "query": "a", "documents": ["b"]}))
    one = row(p)
    told = (0, 0, "none") if what == "searches" else (25, 2, "reported")
    equal((one["input"], one["output"], one["source"]), told, "input, output, source")


@check("speech comes byte for byte, and is a row of its own")
def _(lab):
    p, up = house(lab)
    sound = bytes(range(256)) * 40
    up.reply(whole(sound, content_type="audio/mpeg", framing="chunked"))
    answer = served(p.send("POST", "/v1/audio/speech", {"model": "tts-1", "input": "hello", "voice": "alloy"}))
    equal((answer.body, answer.header("content-type")), (sound, "audio/mpeg"), "the sound")
    equal((row(p)["model_asked"], row(p)["outcome"]), ("tts-1", "done/relay"), "model, outcome")


@check("files and batches pass, refused for a key whose policy does not have them: {path}", rows=["/v1/files", "/v1/batches", "/v1/images/generations", "/v1/audio/speech"])
def _(lab, path):
    key = "sk-narrow-key-for-the-black-box-suite-6"
    p, up = house(lab, f"""
policies: {{narrow: {{models: ["gpt-*"]}}}}
keys: [{{name: user, key: "{USER_KEY}"}}, {{name: n, key: "{key}", policy: narrow}}]""")
    body = {"model": "dall-e-2", "input": "x", "prompt": "x", "voice": "x"} if path.startswith(("/v1/images", "/v1/audio")) else {"input_file_id": "file-1", "endpoint": "/v1/chat/completions"}
    equal(p.send("POST", path, body).status, 200, "the status")
    equal(up.last.path, path, "the path upstream")
    before = len(up.requests)
    equal(p.send("POST", path, body, key=key).status, 403, "a key that may not")
    equal(p.send("POST", path, body, key=None).status, 401, "without a key")
    equal(len(up.requests), before, "requests upstream")
    eventually(lambda: any(one["status"] == 200 for one in listed(p)), "a row of what was served")


@check("usage that is no usage is not believed: {usage}", rows=["-5", "1e300", '"many"', "{}", "null", "[]"])
def _(lab, usage):
    p, up = house(lab)
    up.reply(whole(b'{"object":"list","data":[],"model":"m","usage":{"prompt_tokens":' + usage.encode() + b',"total_tokens":1}}'))
    p.send("POST", "/v1/embeddings", {"model": "m", "input": "a"})
    one = row(p)
    expect(0 <= one["input"] < 10**12, "tokens that can be", one)


@check("a request that fails costs neither images nor seconds")
def _(lab):
    p, up = house(lab)
    up.reply(status(500))
    p.send("POST", "/v1/images/generations", {"model": "dall-e-2", "prompt": "a cat", "n": 3})
    one = rows(p, 1)[0]
    expect(not one.get("images") and one["output"] == 0, "nothing", one)
    lacks(p.output(), "a cat", "the log")
