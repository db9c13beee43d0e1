"""A 200 is an answer: whatever else comes in its place sends the request on, or is told as an error in the client's format."""

import base64
import gzip
import json

from checks import check, contains, equal, expect, lacks
from dialects import ANTHROPIC, DIALECTS, OPENAI
from harness import served
from hostile import PAGE, house
from upstream import head, raw, stream, whole

CLIENTS = ("anthropic", "openai", "responses", "gemini")
UPSTREAMS = ("anthropic", "openai", "responses", "gemini")
PATHS = {
    "anthropic": ("/v1/messages", "/v1/messages"),
    "openai": ("/v1/chat/completions", "/v1/chat/completions"),
    "responses": ("/v1/responses", "/v1/responses"),
    "gemini": ("/v1beta/models/m:generateContent", "/v1beta/models/m:streamGenerateContent?alt=sse"),
}
ERROR = {"error": {"message": "overloaded in a success", "type": "overloaded_error", "code": 529}}
SSE = [("Content-Type", "text/event-stream")]

# Each is (body, content type); none is an answer in any format.
NONE = {
    "HTML": (PAGE, "text/html"),
    "HTML called JSON": (PAGE, "application/json"),
    "half a document": (b'{"id": "msg_1", "typ', "application/json"),
    "an empty object": (b"{}", "application/json"),
    "null": (b"null", "application/json"),
    "an empty list": (b"[]", "application/json"),
    "a number": (b"7", "application/json"),
    "nothing": (b"", "application/json"),
    "blanks": (b" \r\n\t ", "application/json"),
    "an error": (json.dumps(ERROR).encode(), "application/json"),
    "an error in Anthropic's shape": (json.dumps({"type": "error", **ERROR}).encode(), "application/json"),
    "an error that is a text": (b'{"error":"no"}', "application/json"),
    "MiniMax's base_resp": (b'{"base_resp":{"status_code":1002,"status_msg":"rate limit"}}', "application/json"),
    "text": (b"ok", "text/plain"),
    "text without a type": (b"upstream connect error or disconnect/reset before headers", None),
    "another object": (b'{"status":"ok","data":{"content":[],"choices":[{}]}}', "application/json"),
    "two documents": (b"{}{}", "application/json"),
    "garbage": (bytes(range(256)), "application/octet-stream"),
    "events of nothing": (b": hi\n\n: hi\n\n", "text/event-stream"),
    "a foreign event": (b'event: x\ndata: {"hello":"world"}\n\n', "text/event-stream"),
    "an event that is no JSON": (b"data: <html>\n\n", "text/event-stream"),
    "an empty stream": (b"", "text/event-stream"),
    "an error event": (b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"no"}}\n\n', "text/event-stream"),
    "JSON called a stream": (b'{"error":{"message":"no","type":"server_error"}}', "text/event-stream"),
    "a detail": (b'{"detail":"Not Found"}', "application/json"),
    "a message": (b'{"success":false,"message":"no"}', "application/json"),
    "an error of the server": (b'{"error":{"message":"no","type":"server_error"}}', "application/json"),
    "an error that blames the request": (b'{"error":{"message":"no","type":"invalid_request_error","code":404}}', "application/json"),
    "an error event that blames the request": (
        b'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error","message":"no"}}\n\n',
        "text/event-stream",
    ),
    "lists of nothing": (b'{"content":[null],"choices":[{}],"output":[1],"candidates":[{}]}', "application/json"),
    "half an event": (b'data: {"choices":[{"del', "text/event-stream"),
}


def _ask(p, client, streams):
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    if client == "responses":
        body = {"model": "m", "input": "Hi"}
    if client == "gemini":
        body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    elif streams:
        body["stream"] = True
    return p.send("POST", PATHS[client][streams], json.dumps(body).encode())


def _is_error(client, answer, what):
    told = answer.json()
    told = told[0] if isinstance(told, list) else told
    expect(isinstance(told.get("error"), dict) and isinstance(told["error"].get("message"), str), f"{what}: an error of {client}", answer.body[:200])
    if client == "anthropic":
        equal(told.get("type"), "error", f"{what}: the type")
    contains(answer.header("content-type") or "", "application/json", f"{what}: the content type")


@check(
    "{client} client of {upstream}, {mode}: no success without an answer",
    rows=[(c, u, m) for c in CLIENTS for u in UPSTREAMS for m in ("whole", "streamed")],
)
def _(lab, client, upstream, mode):
    p, up = house(lab, upstream)
    for what, (body, kind) in NONE.items():
        headers = [("Content-Type", kind)] if kind else []
        up.reply(raw(head(200, headers, "length", len(body)) + body, "keep"))
        answer = _ask(p, client, mode == "streamed")
        may_be_500 = client == "gemini" or what in ("JSON called a stream", "an error that is a text")
        expect(answer.status >= 400 and (answer.status != 500 or may_be_500), f"{what}: an error's status", answer.status)
        _is_error(client, answer, what)
        lacks(answer.body, b"<script", f"{what}: the body")
    lab.expect_alive()


@check(
    "{client} client, {mode}: {what} for an answer sends the request to the next tier",
    rows=[(c, m, w) for c in ("anthropic", "openai") for m in ("whole", "streamed") for w in NONE],
)
def _(lab, client, mode, what):
    p, first, second = house(lab, client, 2)
    body, kind = NONE[what]
    first.reply(raw(head(200, [("Content-Type", kind)] if kind else [], "length", len(body)) + body, "keep"))
    equal(served(_ask(p, client, mode == "streamed")).header("x-proxyd-upstream"), "t2", "who answered")


@check("{dialect}: a stream's request that is answered whole gets its stream, a whole one that is streamed gets its answer", rows=["anthropic", "openai"])
def _(lab, dialect):
    p, up = house(lab, dialect)
    told = DIALECTS[dialect]
    up.reply(whole(told.whole("m1", "Hello you")))
    answer = served(p.ask(dialect, stream=True))
    contains(answer.header("content-type"), "text/event-stream", "the content type")
    equal(told.text_of_stream(answer.body), "Hello you", "the text")
    up.reply(stream(told.stream("m1", "Hello you")))
    answer = served(p.ask(dialect))
    contains(answer.header("content-type"), "application/json", "the content type")
    equal(told.text_of(answer.body), "Hello you", "the text")


@check("an answer of the right form and the wrong content type gets the right one ({kind})", rows=["text/html", "text/plain", "application/octet-stream"])
def _(lab, kind):
    p, up = house(lab, "anthropic")
    up.reply(whole(ANTHROPIC.whole("m1"), content_type=kind))
    answer = served(p.ask())
    equal((answer.header("content-type"), answer.body), ("application/json", ANTHROPIC.whole("m1")), "type and body")
    up.reply(stream(ANTHROPIC.stream("m1"), headers=[("Content-Type", kind)]))


@check("a compressed answer is judged by what is in it ({coding}, {what})", rows=[(c, w) for c in ("gzip", "deflate") for w in ("an answer", "none", "an error page")])
def _(lab, coding, what):
    import zlib

    p, up = house(lab, "anthropic")
    pack = gzip.compress if coding == "gzip" else zlib.compress
    body = {"an answer": ANTHROPIC.whole("m1"), "none": b"{}", "an error page": PAGE}[what]
    up.reply(whole(pack(body), 503 if what == "an error page" else 200, headers=[("Content-Encoding", coding)]))
    answer = p.ask()
    if what == "an answer":
        equal((answer.status, answer.body), (200, pack(body) if coding == "deflate" else answer.body), "as it came")
        equal(answer.header("content-encoding"), coding, "its coding")
        return
    equal(answer.status, 503 if what == "an error page" else 502, "the status")
    equal(answer.header("content-encoding"), None, "no coding")
    if what == "an error page":
        contains(answer.json()["error"]["message"], "Maintenance", "the page's words")
        lacks(answer.body, b"alert", "the message")


@check("{client} client: balancers' errors come in its format, the status kept ({body})", rows=[(c, b) for c in CLIENTS for b in ("a page", "text", "nothing", "XML", "a gateway's JSON")])
def _(lab, client, body):
    p, up = house(lab, client)
    said, kind = {
        "a page": (PAGE, "text/html"),
        "text": (b"upstream request timeout", "text/plain"),
        "nothing": (b"", "text/html"),
        "XML": (b"<?xml version='1.0'?><Error><Code>Busy</Code><Message>no</Message></Error>", "application/xml"),
        "a gateway's JSON": (b'{"message":"Service Unavailable"}', "application/json"),
    }[body]
    for code in (400, 404, 413, 429, 502, 503, 504, 520):
        up.reply(whole(said, code, content_type=kind))
        answer = _ask(p, client, False)
        equal(answer.status, code, f"the status for {code}")
        _is_error(client, answer, str(code))


@check("keys that an upstream echoes in an error are blotted out ({where})", rows=["raw", "base64", "percent", "escaped", "capitals", "hex", "header", "a success"])
def _(lab, where):
    up = lab.upstream()
    ours, told = "operator-key-0123456789", "configured-token-987654"
    p = lab.proxyd(f"""
upstreams:
  a: {{url: '{up.url}', dialect: openai, key: {ours}, headers: {{x-gateway-token: {told}}}}}
rules: [{{name: all, tiers: [a]}}]
""")
    theirs = "sk-user-0123456789abcdefghijklmnop"
    spell = {
        "base64": lambda s: base64.b64encode(b"Bearer " + s.encode()).decode(),
        "percent": lambda s: "".join("%%%02X" % c for c in s.encode()),
        "escaped": lambda s: "".join("\\u%04x" % c for c in s.encode()),
        "capitals": str.upper,
        "hex": lambda s: s.encode().hex(),
    }.get(where, lambda s: s)
    said = '{"error":{"message":"bad: %s","type":"x"}}' % " ".join(map(spell, (ours, told, theirs)))
    headers = [("X-Echo", f"{ours} {told} {theirs}")] if where == "header" else []
    up.reply(whole(said.encode(), 200 if where == "a success" else 400, headers=headers))
    answer = p.ask("openai")
    expect(answer.status >= 400, "an error", answer.status)
    everything = answer.raw_head + answer.body if isinstance(answer.raw_head, bytes) else answer.raw_head.encode() + answer.body
    for secret in (ours, told, theirs):
        lacks(everything, spell(secret).encode(), "the answer")
        lacks(answer.body, secret.encode(), "the body")


@check("keys that an upstream puts elsewhere are blotted out ({where})", rows=["an error's content type", "the word for the end", "a part's type", "the unfinished end of a stream"])
def _(lab, where):
    up, ours = lab.upstream(), "operator-key-0123456789"
    dialect = "anthropic" if where == "a part's type" else "openai"
    p = lab.proxyd(f"upstreams: {{a: {{url: '{up.url}', dialect: {dialect}, key: {ours}}}}}\nrules: [{{name: all, models: ['*'], tiers: [a]}}]\n")
    if where == "an error's content type":
        up.reply(whole(b'{"error":{"message":"slow","type":"x"}}', 429, content_type=f"application/json; for={ours}"))
        answer = p.send("GET", "/v1/files/f")
        equal(answer.status, 429, "the status")
    elif where == "the word for the end":
        up.reply(whole({"id": "c", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": ours}]}))
        answer = served(p.ask("anthropic"))
        p.wait_log("for a reason that is not known")
    elif where == "the unfinished end of a stream":
        begun = OPENAI.stream("m", "Hello you").split(b"\n\n")[:2]
        error = b'data: {"error":{"message":"bad %s","type":"server_error"}}' % ours.encode()
        up.reply(stream([b"\n\n".join(begun) + b"\n\n", error]))
        answer = p.ask("anthropic", stream=True)
        contains(answer.body, b"bad ***", "what the upstream said")
    else:
        up.reply(whole({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1},
                        "content": [{"type": ours, "x": 1}, {"type": "text", "text": "Hi"}]}))  # fmt: skip
        answer = served(p.ask("openai"))
        p.wait_log("has a part that is not known")
    raw = answer.raw_head if isinstance(answer.raw_head, bytes) else answer.raw_head.encode()
    lacks(raw + answer.body, ours.encode(), "the answer")
    lacks(p.output(), ours, "the log")


@check("what is neither JSON nor events passes as it comes, byte for byte ({kind})", rows=["audio/mpeg", "application/x-ndjson", "image/png", "application/octet-stream"])
def _(lab, kind):
    p, up = lab.simple(rules="\n            - {name: all, models: ['*'], tiers: [gpt]}")
    body = bytes(range(256)) * 64
    up.reply(whole(body, framing="chunked", content_type=kind))
    answer = served(p.send("POST", "/v1/audio/speech", b'{"model":"m","input":"x"}'))
    equal((answer.body, answer.header("content-type")), (body, kind), "body and type")
    up.reply(whole(PAGE, content_type="text/html"))
    answer = served(p.send("GET", "/v1/files/f/content"))
    equal(answer.header("x-content-type-options"), "nosniff", "a page is guarded")
    contains(answer.header("content-security-policy") or "", "sandbox", "a page runs nothing")


@check("{dialect}: a client that leaves is booked what the upstream told or what came ({how})", rows=[(d, h) for d in ("anthropic", "openai") for h in ("text", "cut")])
def _(lab, dialect, how):
    from checks import eventually

    p, up = house(lab, dialect)
    told = DIALECTS[dialect]
    pieces = [told.begin("m1"), *[told.words("word " * 40)] * 50]
    up.reply(stream(pieces, ends=False, then="hang" if how == "text" else "reset"))
    if how == "text":
        events = p.open_stream(dialect, text="word " * 400)
        for _ in range(40):
            events.next()
        events.connection.abort()
    else:
        p.ask(dialect, stream=True, text="word " * 400)

    def booked():
        usage = p.get("/admin/usage")
        return usage["total_output_tokens"] > 1000 and usage["total_output_tokens"] < 5000 and usage["total_input_tokens"] > 10

    eventually(booked, "what came in the usage", 8)
