"""Same dialect on both sides: what the client sends reaches the provider byte for byte, and the other way round."""

import gzip
import json
import random
import threading

from checks import check, contains, equal, eventually, expect, lacks, one_of
from dialects import ANTHROPIC, DIALECTS, HELLO, OPENAI, compact
from harness import served
from upstream import head, raw, stream, whole
from wire import request_bytes

BOTH = ("anthropic", "openai")


BODIES = {
    "odd whitespace": '\r\n\t { "model" :\t"MODEL" ,\n\n"messages":[ {"role":"user" , "content":"x"} ],"max_tokens": 5 } \n\t ',
    "unknown fields": '{"zzz":{"a":[null,true,{"b":{}}]},"model":"MODEL","max_tokens":5,"messages":[],"":"","future_field":[[]]}',
    "unicode": '{"model":"MODEL","messages":[{"role":"user","content":"grüß 你好 🌊 \u2028\u2029 \u0085 é e\u0301 \U0010ffff"}]}',
    "escapes": r'{"model":"MODEL","m\u0065ta":"\/\b\f\n\r\t\"\\\u0000\u001F\ud83c\udf0a\uFFFF","messages":[]}',
    "lone surrogates": r'{"model":"MODEL","messages":[{"content":"\ud83d and \udc00"}]}',
    "big numbers": '{"model":"MODEL","a":12345678901234567890123,"b":1.0,"c":-0,"d":1e400,"e":0.1000000000000000055,'
    '"f":1E+2,"g":-0.0,"messages":[]}',
    "the model last": '{"messages":[{"role":"user","content":"\\"model\\":\\"other\\""}],"metadata":{"model":"other"},'
    '"tools":[{"model":"other"}],"model":"MODEL"}',
    "the model's name in escapes": r'{"model":"\u004DODEL","messages":[]}',
    "deep nesting": '{"model":"MODEL","deep":' + "[" * 100 + "]" * 100 + ',"messages":[]}',
    "many members": '{"model":"MODEL",' + ",".join(f'"k{i}":{i}' for i in range(5000)) + ',"messages":[]}',
    "1 MB": '{"model":"MODEL","messages":[{"role":"user","content":"' + "grüß ☃ \\n" * 80000 + '"}]}',
    "20 MB": '{"messages":[{"role":"user","content":"' + "0123456789abcdef" * 1310720 + '"}],"model":"MODEL"}',
}


def _body(name, dialect):
    model = DIALECTS[dialect].model
    text = BODIES[name].replace("MODEL", model)
    if "escapes" in name and "\\u004DODEL" in BODIES[name]:
        text = BODIES[name].replace("\\u004DODEL", "\\u00%02X" % ord(model[0]) + model[1:])
    return text.encode("utf-8")


@check("{dialect}: a request body with {what} reaches the upstream byte for byte", rows=[(d, w) for d in BOTH for w in BODIES], together=True)
def _(lab, dialect, what):
    p, up = lab.simple()
    body = _body(what, dialect)
    served(p.send("POST", DIALECTS[dialect].path, body))
    equal(up.last.body, body, "the body at the upstream")
    equal(up.last.path, DIALECTS[dialect].path, "the path at the upstream")


@check("{dialect}: a streamed request reaches the upstream byte for byte when usage is asked for", rows=list(BOTH))
def _(lab, dialect):
    p, up = lab.simple()
    body = (
        '{ "stream" : true ,"x":1.0, "model":"%s" , "stream_options": {"include_usage" :true, "z":0}, "messages":[]}\n'
        % DIALECTS[dialect].model
    ).encode()
    served(p.send("POST", DIALECTS[dialect].path, body))
    equal(up.last.body, body, "the body at the upstream")


# What both formats promise is in each of them; the rest is the provider's own.
GOOD = b'"content":[],"choices":[{"message":{"content":"x"}}]'
ANSWERS = {
    "odd whitespace": b'\n { "type" : "message",\r\n"content" :[ ] , "choices"\t: [ {"message" : {}}], '
    b'"usage":{"input_tokens":1 ,"output_tokens" : 2}}\n\n',
    "unknown fields": b'{"zzz":1,' + GOOD + b',"usage":{"input_tokens":1,"output_tokens":2,"new":{"deep":[1.0]}},"model":"other","x":null}',
    "escapes and big numbers": rb'{"a":"\ud83d \/ \u0000 \ud83c\udf0a","b":12345678901234567890.0,"c":1E400,"usage":{},' + GOOD + b"}",
    "unicode": '{"x":"grüß 你好 🌊 \u2028",'.encode() + GOOD + b"}",
    "an error that is none": b'{"error":null,' + GOOD + b"}",
    "1 MB": b'{"x":"' + b"0123456789abcdef" * 65536 + b'",' + GOOD + b"}",
    "20 MB": b'{"x":"' + b"0123456789abcdef" * 1310720 + b'",' + GOOD + b"}",
}


@check(
    "a whole answer with {what} ({framing}) reaches the client byte for byte",
    rows=[(w, f) for w in ANSWERS for f in ("length", "chunked", "close")],
)
def _(lab, what, framing):
    p, up = lab.simple()
    up.reply(whole(ANSWERS[what], framing=framing, headers=[("X-Provider", "one"), ("X-Provider", "two")]))
    for dialect in BOTH if what != "20 MB" else BOTH[:1]:
        answer = served(p.ask(dialect))
        equal(answer.body, ANSWERS[what], "the body at the client")
        equal(answer.header("content-type"), "application/json", "the content type")
        equal(answer.header("x-provider"), "one, two", "x-provider")


ODD_STREAM = (
    b": a comment first\n\n"
    + ANTHROPIC.start("claude-test")
    + b'event: ping\ndata: {"type": "ping"}\n\n'
    + b'event: from_the_future\ndata: {"type":"from_the_future","n":1.0}\nid: 7\nretry: 10\n\n'
    + b'event:content_block_delta\r\ndata:{"type":"content_block_delta","index":0,'
    + b'"delta":{"type":"text_delta","text":"\xf0\x9f\x8c\x8a"}}\r\n\r\n'
    + b'data: {"type":"content_block_delta",\ndata: "index":0,"delta":{"type":"text_delta","text":"x"}}\n\n'
    + b": keep-alive\n\n\n\n"
    + ANTHROPIC.end()
)


def _split(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


@check(
    "an Anthropic stream with comments, CRLF and unknown events passes byte for byte ({cut}, {framing})",
    rows=[(c, f) for c in ("in one piece", "byte by byte", "in pieces of 7") for f in ("chunked", "close", "length")],
)
def _(lab, cut, framing):
    p, up = lab.simple()
    pieces = {"in one piece": [ODD_STREAM], "byte by byte": _split(ODD_STREAM, 1), "in pieces of 7": _split(ODD_STREAM, 7)}[cut]
    up.reply(stream(pieces, framing=framing))
    answer = served(p.ask(stream=True))
    equal(answer.body, ODD_STREAM, "the stream at the client")
    contains(answer.header("content-type") or "", "text/event-stream", "the content type")


@check("an OpenAI stream passes byte for byte to a client that asked for usage ({cut})", rows=["in one piece", "byte by byte"])
def _(lab, cut):
    p, up = lab.simple()
    body = b": OPENROUTER PROCESSING\n\n" + OPENAI.stream("gpt-test").replace(b'"created":', b'"x" : 1.0, "created": ')
    up.reply(stream([body] if cut == "in one piece" else _split(body, 1)))
    answer = served(p.ask("openai", stream=True, stream_options={"include_usage": True}))
    equal(answer.body, body, "the stream at the client")


@check("each event of a stream reaches the client when it comes, not later")
def _(lab):
    p, up = lab.simple()
    gate = threading.Event()
    lab.after(gate.set)

    def paced(_request, wire):
        wire.send(head(200, [("Content-Type", "text/event-stream")], "chunked", 0))
        data = ANTHROPIC.begin("claude-test")
        wire.send(b"%x\r\n%s\r\n" % (len(data), data))
        gate.wait(10)
        data = ANTHROPIC.words("later") + ANTHROPIC.end()
        wire.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))

    up.reply(paced)
    events = p.open_stream()
    equal(
        [events.next()[0] for _ in range(3)],
        ["message_start", "content_block_start", "content_block_delta"],
        "the events before the provider goes on",
    )
    gate.set()
    contains(events.rest().body, b"later", "the rest of the stream")
    expect(events.answer.complete, "a stream that ends in order")


@check("a gzipped answer passes byte for byte with its content-encoding")
def _(lab):
    p, up = lab.simple()
    packed = gzip.compress(ANTHROPIC.whole("claude-test"))
    up.reply(whole(packed, headers=[("Content-Encoding", "gzip")]))
    answer = served(p.ask(headers={"Accept-Encoding": "gzip"}))
    equal(answer.body, packed, "the body at the client")
    equal(answer.header("content-encoding"), "gzip", "content-encoding")


@check("neither headers of the upstream's hop nor its cookies reach the client")
def _(lab):
    p, up = lab.simple()
    up.reply(
        whole(
            ANTHROPIC.whole("claude-test"),
            headers=[
                ("Connection", "keep-alive, x-internal"),
                ("Keep-Alive", "timeout=99"),
                ("X-Internal", "hop"),
                ("Set-Cookie", "session=provider"),
                ("Proxy-Authenticate", "Basic"),
                ("X-Kept", "yes"),
            ],
        )
    )
    answer = served(p.ask())
    for name in ("x-internal", "set-cookie", "proxy-authenticate"):
        equal(answer.header(name), None, f"{name} at the client")
    one_of(answer.header("keep-alive"), (None,), "keep-alive at the client")
    equal(answer.header("x-kept"), "yes", "x-kept at the client")


# ---------------------------------------------------------------- headers of ours


@check("an answer names rule, tier, upstream, account, model and attempts, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    p, _up = lab.simple(rules='- {name: the big rule, models: ["claude-*"], tiers: [claude/claude-real]}')
    answer = served(p.ask(stream=mode == "streamed"))
    wanted = {
        "rule": "the big rule",
        "tier": "claude/claude-real",
        "upstream": "claude",
        "account": "one",
        "model": "claude-real",
        "attempts": "1",
    }
    equal({name: answer.header(f"x-proxyd-{name}") for name in wanted}, wanted, "the x-proxyd-* headers")
    equal(answer.header("x-proxyd-lossy"), None, "x-proxyd-lossy where nothing was converted")


@check("`headers: {{proxyd: false}}` hides the x-proxyd headers and keeps x-request-id")
def _(lab):
    p, _up = lab.simple("listen: [{address: '127.0.0.1:@PORT@', headers: {proxyd: false}}]")
    for answer in (served(p.ask()), served(p.ask(stream=True)), p.ask(model="nope")):
        equal([n for n, _ in answer.headers if n.lower().startswith("x-proxyd")], [], "x-proxyd headers")
        expect(answer.header("x-request-id"), "an x-request-id", answer.headers)


@check("every answer has an x-request-id of its own; Anthropic clients get request-id too")
def _(lab):
    p, _up = lab.simple()
    answers = [p.ask(), p.ask(stream=True), p.ask(key="wrong"), p.ask(model="nope"), p.send("POST", ANTHROPIC.path, b"{")]
    ids = [answer.header("x-request-id") for answer in answers]
    expect(all(ids) and len(set(ids)) == len(ids), "an x-request-id on each answer, all different", ids)
    for answer in answers:
        expect(answer.header("request-id"), f"a request-id on the {answer.status}", answer.headers)
        equal(len(answer.all("x-request-id")), 1, "x-request-id lines")
    answer = p.ask("openai")
    expect(answer.header("x-request-id"), "an x-request-id for an OpenAI client", answer.headers)


@check("the error body of an Anthropic client carries the request id of its header")
def _(lab):
    p, _up = lab.simple()
    answer = p.ask(model="nope")
    told = answer.json().get("request_id")
    if told is not None:
        equal(told, answer.header("request-id"), "request_id in the body")


# ---------------------------------------------------------------- one connection, many kinds of requests

KINDS = {  # what is asked for: method, path, the dialects of its log line without and with an anthropic-version
    "messages": ("POST", "/v1/messages", "anthropic", "anthropic"),
    "tokens": ("POST", "/v1/messages/count_tokens", "anthropic", "anthropic"),
    "a file": ("GET", "/v1/files/abc", "openai", "anthropic"),
    "another file": ("GET", "/v1/files/abd", "openai", "anthropic"),
    "a file's head": ("HEAD", "/v1/files/abc", "openai", "anthropic"),
    "the catalog": ("GET", "/v1/models", "openai", "anthropic"),
}


@check("on one connection each request's log line and upstream target are its own, whatever the one before it was")
def _(lab):
    ups = {"one": lab.upstream(), "two": lab.upstream()}
    p = lab.proxyd(f"""
upstreams: {{one: {ups["one"].declare(path="/first")}, two: {ups["two"].declare()}}}
rules:
  - {{name: plain, models: ["claude-aa", "*-file"], tiers: [one]}}
  - {{name: renamed, models: ["claude-ab"], tiers: [two/claude-real]}}
  - {{name: rest, models: ["*"], tiers: [one]}}
log: {{level: info, format: json, requests: true}}""")
    dice = random.Random(20)
    connection, wanted = p.connect(), {}
    models = {"claude-aa": ("plain", "one", "claude-aa"), "claude-ab": ("renamed", "two", "claude-real")}
    members = {
        "kind": list(KINDS),
        "model": list(models),
        "query": ["", "?beta=true", "?beta=fals"],
        "version": [None, "2023-06-01", "2023-06-02"],
    }
    asked = {name: values[0] for name, values in members.items()}
    for number in range(160):
        # Of the request before it one thing changes, or nothing.
        if number % 4:
            changed = dice.choice(list(members))
            asked[changed] = dice.choice(members[changed])
        method, path, without, with_version = KINDS[asked["kind"]]
        rule, name, model = models[asked["model"]] if method == "POST" else ("rest", "one", None)
        version, target = asked["version"], path + asked["query"]
        headers = p.headers(headers={"anthropic-version": version} if version else {})
        counts = {name: len(up.requests) for name, up in ups.items()}
        body = ANTHROPIC.request(asked["model"], text=f"request {number}") if method == "POST" else None
        answer = connection.ask(method, target, headers, body)
        equal(answer.status, 200, f"the status of request {number}, {asked}")
        new = [(each, request) for each, up in ups.items() for request in up.requests[counts[each] :]]
        line = {"method": method, "path": path, "dialect": with_version if version else without}
        if asked["kind"] == "the catalog":
            equal(new, [], f"requests at the upstreams for request {number}, {asked}")
            equal("object" in answer.json(), version is None, f"whether request {number}, {asked}, gets OpenAI's catalog")
        else:
            equal(
                [(each, request.method, request.target, request.model) for each, request in new],
                [(name, method, ("/first" if name == "one" else "") + target, model)],
                f"what the upstreams get for request {number}, {asked}",
            )
            if version:
                equal(new[0][1].header("anthropic-version"), version, f"anthropic-version of request {number}")
            line |= {"rule": rule, "upstream": name}
            line |= {"model": asked["model"], "answered_by": model} if model else {}
        wanted[answer.header("x-request-id")] = line
    equal(len(wanted), 160, "request ids")

    def logged():
        lines = [json.loads(line) for line in p.output().splitlines() if line.startswith("{") and line.endswith("}")]
        return {line["id"]: line for line in lines if line.get("id") in wanted}

    eventually(lambda: len(logged()) == len(wanted), "a log line for each request")
    for number, (request, line) in enumerate(logged().items()):
        equal({key: line.get(key) for key in wanted[request]}, wanted[request], f"log line {number}")
    lacks(p.output(), "beta=", "the log")


# ---------------------------------------------------------------- requests that cannot be served


@check(
    "{dialect}: a body that is {what} is a 400 in the dialect's shape",
    rows=[
        (d, w)
        for d in ("anthropic", "openai", "responses")
        for w in (
            "no JSON",
            "cut in the middle",
            "empty",
            "an array",
            "a string",
            "without a model",
            "with a model that is a number",
            "with an empty model",
            "followed by garbage",
        )
    ],
    together=True,
)
def _(lab, dialect, what):
    p, up = lab.simple(rules='- {name: all, models: ["*"], tiers: [claude]}')
    good = DIALECTS[dialect].request("claude-x")
    body = {
        "no JSON": b"hello",
        "cut in the middle": good[:-5],
        "empty": b"",
        "an array": b'["model"]',
        "a string": b'"model"',
        "without a model": b'{"messages":[],"metadata":{"model":"claude-x"}}',
        "with a model that is a number": b'{"model":7,"messages":[]}',
        "with an empty model": b'{"model":"","messages":[]}',
        "followed by garbage": good + b"}",
    }[what]
    answer = p.send("POST", DIALECTS[dialect].path, body)
    equal(answer.status, 400, "the status")
    DIALECTS[dialect].error_of(answer)
    equal(up.requests, [], "requests at the upstream")


@check("{dialect}: a model that no rule knows is a 404 that names it", rows=["anthropic", "openai", "responses"])
def _(lab, dialect):
    p, up = lab.simple()
    answer = p.ask(dialect, 'no-such-"model"')
    equal(answer.status, 404, "the status")
    contains(DIALECTS[dialect].error_of(answer)["message"], 'no-such-"model"', "the message")
    if dialect != "anthropic":
        equal(answer.json()["error"]["code"], "model_not_found", "error.code")
    equal(up.requests, [], "requests at the upstream")


@check("Gemini: a model that no rule knows is a 404 that names it")
def _(lab):
    p, _up = lab.simple()
    answer = p.send("POST", "/v1beta/models/no-such:generateContent", DIALECTS["gemini"].request())
    equal(answer.status, 404, "the status")
    contains(DIALECTS["gemini"].error_of(answer)["message"], "no-such", "the message")


@check("a path that is none of ours is a 404")
def _(lab):
    p, up = lab.simple(rules='- {name: all, models: ["*"], tiers: [claude]}')
    for path in ("/", "/nothing", "/v2/messages", "/favicon.ico", "/v1/../admin/keys", "//v1/messages"):
        one_of(p.send("GET", path).status, (400, 404), f"the status of GET {path}")
    equal(up.requests, [], "requests at the upstream")


@check("a GET on /v1/messages is refused without asking the upstream for an answer")
def _(lab):
    p, up = lab.simple()
    one_of(p.send("GET", "/v1/messages").status, (404, 405), "the status")
    equal(up.requests, [], "requests at the upstream")


@check("an answer that stops before its length is never whole for the client, {framing}", rows=["length", "chunked"])
def _(lab, framing):
    p, up = lab.simple("fallback: {enabled: false}")
    body = ANTHROPIC.whole("claude-test", "x" * 3000)
    if framing == "length":
        up.reply(raw(head(200, [("Content-Type", "application/json")], "length", len(body)) + body[:1500]))
    else:
        up.reply(raw(head(200, [("Content-Type", "application/json")], "chunked", 0) + b"5dc\r\n" + body[:1500] + b"\r\n"))
    answer = p.ask()
    expect(answer.status >= 500 or not answer.complete, "an error, or a body that is visibly cut", repr(answer))


@check("a client that sends half a request and goes leaves nothing behind")
def _(lab):
    p, up = lab.simple()
    for cut in (10, 60, 200):
        connection = p.connect()
        connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request(text="y" * 300))[:cut])
        connection.abort()
    served(p.ask())
    equal(len(up.requests), 1, "requests at the upstream")


@check("an answer before the whole request was sent is passed on")
def _(lab):
    p, up = lab.simple("fallback: {enabled: false}")
    body = compact({"model": "claude-test", "messages": [], "pad": "z" * 3_000_000})
    up.reply(whole(ANTHROPIC.error(400, "too long for us"), 400))
    answer = p.send("POST", ANTHROPIC.path, body)
    equal(answer.status, 400, "the status")
    contains(answer.text, "too long for us", "the body")
    lacks(answer.text, HELLO, "the body")
    eventually(lambda: up.requests, "the request at the upstream")
