"""Answers that are successes by their status: what they may not tell, and what of them is no answer."""

import base64
import gzip
import json
import time

from checks import check, contains, equal, expect, lacks
from dialects import DIALECTS, OPENAI
from harness import served
from hostile import PAGE, house
from upstream import head, raw, stream, whole

OURS = "operator-key-0123456789"


def _with_key(lab, upstream="openai"):
    ups = [lab.upstream(), lab.upstream()]
    return (lab.proxyd(f"""
upstreams:
  t1: {{url: '{ups[0].url}', dialect: {upstream}, key: {OURS}}}
  t2: {{url: '{ups[1].url}', dialect: {upstream}, key: {OURS}}}
fallback: {{cooldown: 0s}}
rules: [{{name: all, tiers: [t1, t2]}}]
"""), *ups)


@check("our credential reaches no client in a success ({where})", rows=["head", "head of a stream", "error in a stream", "error in one read", "error of another path", "stream of another path"])
def _(lab, where):
    p, up, _ = _with_key(lab)
    events = [event + b"\n\n" for event in OPENAI.stream("m1", "Hello you").split(b"\n\n")[:-1]]
    error = b'data: {"error":{"message":"bad %s","type":"server_error"}}\n\n' % OURS.encode()
    told = {
        "head": whole(OPENAI.whole("m1"), headers=[("X-Echo", f"Bearer {OURS}")]),
        "head of a stream": stream(events, headers=[("X-Echo", f"Bearer {OURS}")]),
        "error in a stream": stream([*events[:2], error[:30], error[30:]]),
        "error in one read": stream([b"".join(events[:2]) + error]),
        "error of another path": whole(b'{"id":"x","error":{"message":"bad %s"}}' % OURS.encode()),
        "stream of another path": stream([error[:30], error[30:]]),
    }[where]
    up.reply(told)
    if "path" in where:
        answer = p.send("POST", "/v1/moderations", b'{"model":"m","input":"x"}')
    else:
        answer = p.ask("openai", stream="stream" in where or "read" in where)
    equal(answer.status, 200, "the status")
    head_bytes = answer.raw_head if isinstance(answer.raw_head, bytes) else answer.raw_head.encode()
    lacks(head_bytes + answer.body, OURS.encode(), "the answer")
    contains(head_bytes + answer.body, b"*" * len(OURS), "the answer")


@check("a chat stream of its end alone is no answer ({what})", rows=["[DONE]", "null", "a role"])
def _(lab, what):
    p, first, second = house(lab, "openai", 2)
    before = {"[DONE]": b"", "null": b"data: null\n\n", "a role": b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'}[what]
    first.reply(stream([before + b"data: [DONE]\n\n"]))
    equal(served(p.ask("openai", stream=True)).header("x-proxyd-upstream"), "t2", "who answered")


SLOW = b'data: {"error":{"message":"slow down","code":429}}\n\n'
ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
REFUSALS = {  # a stream's first and last words, in one write -> status and message
    "an object": (SLOW, 429, "slow down"),
    "a role before it": (ROLE + SLOW, 429, "slow down"),
    "a text": (b'data: {"error":"rate limit exceeded: slow down"}\n\n', None, "slow down"),
}


@check("a chat stream of an error and its end says the error ({what}, {path})", rows=[(what, path) for what in REFUSALS for path in ("chat/completions", "completions")])
def _(lab, what, path):
    p, up = house(lab, "openai")
    said, status, words = REFUSALS[what]
    up.reply(stream([said + b"data: [DONE]\n\n"]))
    body = {"model": "m1", "stream": True, "messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi"}
    answer = p.send("POST", f"/v1/{path}", body)
    contains(OPENAI.error_of(answer)["message"], words, "the message")
    if status:
        equal(answer.status, status, "the status")


@check("{dialect}: a compressed answer of the other form is brought into the one that was asked for ({form})", rows=[(d, f) for d in ("anthropic", "openai") for f in ("a stream", "a whole", "a stream without a type")])
def _(lab, dialect, form):
    p, up = house(lab, dialect)
    told = DIALECTS[dialect]
    packed = gzip.compress(told.whole("m1", "Hello you") if form == "a whole" else told.stream("m1", "Hello you"))
    kind = {"a stream": [("Content-Type", "text/event-stream")], "a whole": [("Content-Type", "application/json")]}.get(form, [])
    headers = [*kind, ("Content-Encoding", "gzip")]
    up.reply(raw(head(200, headers, "length", len(packed)) + packed, "keep"))
    streams = form != "a stream"
    answer = served(p.ask(dialect, stream=streams))
    equal(answer.header("content-encoding"), None, "no coding")
    equal((told.text_of_stream if streams else told.text_of)(answer.body), "Hello you", "the text")
    up.reply(raw(head(200, headers, "length", len(packed) - 9) + packed[:-9], "keep"))
    answer = p.ask(dialect, stream=streams)
    expect(answer.status == 502 or answer.body.find(b"error") > 0 or form != "a whole", "no whole answer", answer.body)


@check("a compressed answer that cannot be read is none ({what})", rows=["no trailer", "br", "br refused", "two codings"])
def _(lab, what):
    p, first, second = house(lab, "openai", 2)
    body = OPENAI.whole("m1")
    packed, coding = {"no trailer": (gzip.compress(body)[:-8], "gzip"), "two codings": (gzip.compress(gzip.compress(body)), "gzip, gzip")}.get(what, (b"\x0b\x02\x80abc\x03", "br"))
    accepted = {"br": "gzip", "br refused": "gzip, br;q=0"}.get(what, "gzip")
    asked = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    if what == "two codings":
        accepted = "identity"
    first.reply(whole(packed, headers=[("Content-Encoding", coding)]))
    answer = served(p.send("POST", "/v1/chat/completions", asked, headers=[("Accept-Encoding", accepted)]))
    equal(answer.header("x-proxyd-upstream"), "t2", "who answered")


@check("a coding that the client takes passes unread; gzip and identity are gzip")
def _(lab):
    p, up = house(lab, "openai")
    asked = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    up.reply(whole(b"\x0b\x02\x80abc\x03", headers=[("Content-Encoding", "br")]))
    answer = served(p.send("POST", "/v1/chat/completions", asked, headers=[("Accept-Encoding", "gzip, br;q=0.5")]))
    equal((answer.header("content-encoding"), answer.body), ("br", b"\x0b\x02\x80abc\x03"), "as it came")
    up.reply(whole(gzip.compress(OPENAI.whole("m1")), headers=[("Content-Encoding", "gzip, identity")]))
    answer = served(p.send("POST", "/v1/chat/completions", asked))
    equal(OPENAI.text_of(gzip.decompress(answer.body)), OPENAI.text_of(OPENAI.whole("m1")), "the text")


@check("a long answer that is none ends as none ({what}, {framing})", rows=[(w, f) for w in ("cut JSON", "another object", "an error", "garbage in gzip", "an answer", "an answer in gzip") for f in ("length", "chunked")])
def _(lab, what, framing):
    import random

    p, up = house(lab, "openai")
    pad = b"x" * (3 << 20)
    good = b'{"id":"c","object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"%s"}}]}' % pad
    noise = random.Random(1).randbytes(2 << 20).hex().encode()
    loud = good.replace(pad, noise)
    body = {
        "cut JSON": good[:-3],
        "another object": b'{"pad":"%s"}' % pad,
        "an error": b'{"error":{"message":"%s"}}' % pad,
        "garbage in gzip": noise,
        "an answer in gzip": gzip.compress(loud),
    }.get(what, good)
    headers = [("Content-Encoding", "gzip")] if "gzip" in what else []
    up.reply(whole(body, framing=framing, headers=headers))
    asked = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    answer = p.send("POST", "/v1/chat/completions", asked, timeout=20)
    if what.startswith("an answer"):
        equal((answer.status, answer.body == body), (200, True), "the answer")
    else:
        expect(answer.status == 502 or not answer.complete, "no whole 200", (answer.status, len(answer.body)))


@check("POST on other paths: what calls itself JSON and is none goes to the next tier ({what})", rows=["half", "nothing", "a page"])
def _(lab, what):
    p, first, second = house(lab, "openai", 2)
    body, kind = {"half": (b'{"a":[1,', "application/json"), "nothing": (b"", "application/json"), "a page": (PAGE, "text/html")}[what]
    for path in ("/v1/moderations", "/v1/images/generations", "/v1/rerank"):
        first.reply(whole(body, content_type=kind))
        second.reply(whole(b'{"ok":[]}'))
        answer = served(p.send("POST", path, b'{"model":"m","input":"x"}'))
        equal((answer.header("x-proxyd-upstream"), answer.body), ("t2", b'{"ok":[]}'), "who answered")


@check("a status beyond 599 is no HTTP")
def _(lab):
    p, first, second = house(lab, "openai", 2)
    first.reply(raw(b"HTTP/1.1 600 X\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}", "keep"))
    equal(served(p.ask("openai")).header("x-proxyd-upstream"), "t2", "who answered")
    lacks(p.admin("GET", "/metrics").text, '"600"', "the metrics")


@check("half a document is no 200: {method}", rows=["GET", "PUT", "PATCH", "DELETE"])
def _(lab, method):
    p, first, second = house(lab, "openai", 2)
    first.reply(whole(b'{"a":[1,', content_type="application/json"))
    second.reply(whole(b'{"ok":[]}'))
    body = None if method in ("GET", "DELETE") else b'{"model":"m"}'
    answer = served(p.send(method, "/v1/files/f", body))
    equal((answer.header("x-proxyd-upstream"), answer.body), ("t2", b'{"ok":[]}'), "who answered")


@check("what is deleted may be answered with nothing, and a file's lines are documents")
def _(lab):
    p, up = house(lab, "openai")
    up.reply(whole(b"", content_type="application/json"))
    equal(served(p.send("DELETE", "/v1/files/f")).body, b"", "the answer to DELETE")
    up.reply(whole(b'{"a":1}\n{"a":2}\n', content_type="application/json"))
    equal(served(p.send("GET", "/v1/files/f/content")).body, b'{"a":1}\n{"a":2}\n', "the file")


@check("our credential reaches no client in another form ({form}, {where})", rows=[(f, w) for f in ("percent", "base64", "capitals", "hex") for w in ("head", "body")])
def _(lab, form, where):
    p, up, _ = _with_key(lab)
    said = {
        "percent": "".join("%%%02X" % c for c in OURS.encode()), "base64": base64.b64encode(b"Bearer " + OURS.encode()).decode(),
        "capitals": OURS.upper(), "hex": OURS.encode().hex(),
    }[form]
    # In a body that is no error only what needs no escapes is looked for.
    if (form, where) == ("percent", "body"):
        said = OURS
    if where == "head":
        up.reply(whole(OPENAI.whole("m1"), headers=[("X-Echo", f"is {said}")]))
        answer = served(p.ask("openai"))
    else:
        up.reply(whole(b'{"told":"%s"}' % said.encode()))
        answer = served(p.send("GET", "/v1/files/f"))
    head_bytes = answer.raw_head if isinstance(answer.raw_head, bytes) else answer.raw_head.encode()
    middle = said[len(said) // 2 - 6 : len(said) // 2 + 6].encode()
    lacks(head_bytes + answer.body, middle, "the answer")
    contains(head_bytes + answer.body, b"*" * 12, "the answer")


@check("our credential reaches no client, escaped twice or as HTML has it: {said}", rows=[
    OURS.replace("-", "\\\\u002d"), OURS.replace("-", "%252D"), OURS.replace("-", "&#45;"), OURS.replace("-", "&#x2D;")])
def _(lab, said):
    p, up, _ = _with_key(lab)
    up.reply(whole(b'{"error":{"message":"no %s"}}' % said.encode(), 400))
    answer = p.ask("openai")
    equal((answer.status, answer.json()["error"]["message"]), (400, "no " + "*" * len(said)), "status and message")


@check("the password of our Basic credential reaches no client: {whose}", rows=["an upstream's", "a proxy's"])
def _(lab, whose):
    up = lab.upstream()
    password, pair = "a-password-of-ours", base64.b64encode(b"user:a-password-of-ours").decode()
    shown = {
        "an upstream's": f"{{url: '{up.url}', dialect: openai, headers: {{authorization: 'Basic {pair}'}}, models: {{discover: false}}}}",
        "a proxy's": f"{{url: 'http://upstream.test', dialect: openai, proxy: 'http://user:{password}@127.0.0.1:{up.port}', models: {{discover: false}}}}",
    }[whose]
    p = lab.proxyd(f"upstreams: {{o: {shown}}}\nrules: [{{name: all, tiers: [o/m]}}]\n")
    up.reply(whole(f'{{"error":{{"message":"no {password}, no {pair}"}}}}'.encode(), 400, headers=[("X-Echo", pair)]))
    answer = p.ask("openai")
    equal(answer.status, 400, "the status")
    contains((up.last.header("authorization") or "") + (up.last.header("proxy-authorization") or ""), pair, "what was shown")
    for secret in (password, pair):
        lacks(answer.raw_head + answer.body, secret.encode(), "the answer")
        lacks(p.output(), secret, "the log")


@check("our credential reaches no client in the tail of a long error ({framing})", rows=["length", "chunked"])
def _(lab, framing):
    p, up, _ = _with_key(lab)
    pad = b"x" * 1000
    said = b'{"error":{"message":"' + b"".join(pad[: 900 + n % 97] + OURS.encode() for n in range(300)) + b'"}}'
    up.reply(whole(said, 404, framing=framing))
    answer = p.send("GET", "/v1/files/f")
    equal((answer.status, len(answer.body)), (404, len(said)), "status and length")
    lacks(answer.body, OURS.encode(), "the body")
    equal(answer.body.count(b"*" * len(OURS)), 300, "what was blotted out")


TEXTS = ["text/plain", "text/html", "text/csv", "application/x-ndjson", "application/xml", "application/octet-stream", "audio/mpeg"]


@check("our credential reaches no client in a success that is no JSON ({kind}, {framing})", rows=[(k, f) for k in TEXTS for f in ("length", "chunked", "close")])
def _(lab, kind, framing):
    p, up, _ = _with_key(lab)
    for form in (OURS, OURS.upper(), OURS.encode().hex()):
        said = f"one\nauthorization: Bearer {form}\nthree".encode()
        up.reply(whole(said, framing=framing, content_type=kind))
        answer = served(p.send("GET", "/v1/files/f/content"))
        equal(answer.body, said.replace(form.encode(), b"*" * len(form)), "the answer")


@check("our credential in a text of two pieces reaches no client, and the first piece does not wait ({cut} bytes of it)", rows=[1, 7, 8, len(OURS) - 1])
def _(lab, cut):
    p, up, _ = _with_key(lab)
    up.reply(stream([b"one " + OURS.encode()[:cut], OURS.encode()[cut:] + b" three"], pause=0.2, headers=[]))
    answer = served(p.send("GET", "/v1/files/f/content"))
    lacks(answer.body, OURS.encode()[7:], "the events")

    def text(_request, wire):
        wire.send(head(200, [("Content-Type", "text/plain")], "chunked", 0))
        for piece in (b"one " + OURS.encode()[:cut], OURS.encode()[cut:] + b" three"):
            wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            time.sleep(0.2)
        wire.send(b"0\r\n\r\n")

    up.reply(text)
    answer = served(p.send("GET", "/v1/files/f/content"))
    lacks(answer.body, OURS.encode()[7:], "the text")
    equal((answer.body[:4], answer.body[-6:], len(answer.body)), (b"one ", b" three", 10 + len(OURS)), "what is around it")


@check("{dialect}: a success that does not parse is none ({what})", rows=[(d, w) for d in DIALECTS for w in ("a comma too many", "a bracket that fits none", "a line break in a text", "NUL in a text", "a word in a list", "no comma", "no colon", "a bare key")])
def _(lab, dialect, what):
    p, first, second = house(lab, dialect, 2)
    good = DIALECTS[dialect].whole("m1", "Hello you")
    bad = {
        "a comma too many": good.rstrip()[:-1] + b",}",
        "a bracket that fits none": good.rstrip()[:-1] + b',"x":[{]}}',
        "a line break in a text": good.replace(b"Hello you", b"Hello\nyou"),
        "NUL in a text": good.replace(b"Hello you", b"Hello\0you"),
        "a word in a list": good.rstrip()[:-1] + b',"x":[1, trash, 2]}',
        "no comma": good.rstrip()[:-1] + b' "x":1}',
        "no colon": good.rstrip()[:-1] + b',"x"}',
        "a bare key": good.rstrip()[:-1] + b",x:1}",
    }[what]
    first.reply(whole(bad))
    answer = served(p.ask(dialect))
    equal(answer.header("x-proxyd-upstream"), "t2", "who answered")


@check("a byte order mark before a good answer is no fault ({dialect}, {asked})", rows=[("openai", "as it is"), ("anthropic", "as it is"), ("openai", "converted")])
def _(lab, dialect, asked):
    p, first, _ = house(lab, dialect, 2)
    good, mark = DIALECTS[dialect].whole("m1", "Hello you"), b"\xef\xbb\xbf"
    first.reply(whole(mark + good))
    answer = served(p.ask("anthropic" if asked == "converted" else dialect))
    equal(answer.header("x-proxyd-upstream"), "t1", "who answered")
    if asked == "converted":
        equal(DIALECTS["anthropic"].text_of(answer.body), "Hello you", "the text")
    else:
        equal(answer.body, mark + good, "the body, byte for byte")


@check("{dialect}: a stream that begins with an event that is no JSON is no answer ({cut})", rows=[(d, c) for d in DIALECTS for c in ("one piece", "event by event", "gzip")])
def _(lab, dialect, cut):
    p, first, second = house(lab, dialect, 2)
    good = DIALECTS[dialect].stream("m1", "Hello you")
    end = b"\r\n\r\n" if b"\r\n\r\n" in good else b"\n\n"
    events = [event + end for event in good.split(end) if event]
    path = "/v1beta/models/m1:streamGenerateContent?alt=sse" if dialect == "gemini" else DIALECTS[dialect].path
    asked = DIALECTS[dialect].request("m1", True, **({"stream_options": {"include_usage": True}} if dialect == "openai" else {}))
    headers = [("Content-Encoding", "gzip")] if cut == "gzip" else []
    for broken in (b"data: <html>" + end, b"data: {not json" + end, events[0][: -len(end) - 1] + end):
        told = {"one piece": [broken + good], "event by event": [broken, *events], "gzip": [gzip.compress(broken + good)]}[cut]
        for up in (first, second):
            up.reply(stream(told, pause=0.01, headers=headers))
        answer = p.send("POST", path, asked)
        equal(answer.status, 502, f"the status, after {broken[:20]}")
        lacks(answer.body, b"Hello", "the answer")
    second.reply(stream([good]))
    equal(served(p.send("POST", path, asked)).header("x-proxyd-upstream"), "t2", "who answered")
    # Where more has come the bytes are the client's, and Anthropic's SDKs do not look into a ping.
    if dialect in ("openai", "anthropic"):
        odd = good.replace(events[-2], b"data: {not json\n\n" + events[-2])
        odd = b"event: ping\ndata: now\n\n" + odd if dialect == "anthropic" else odd
        first.reply(stream([odd]))
        equal(served(p.send("POST", path, asked)).body, odd, "the stream, byte for byte")


@check("half an event at the end of a stream reaches nobody ({path})", rows=["/v1/chat/completions", "/v1/completions", "/v1/audio/transcriptions"])
def _(lab, path):
    p, up = house(lab, "openai")
    part = {"/v1/chat/completions": '"delta":{"content":"x"}'}.get(path, '"text":"x"')
    event = b'data: {"id":"c","choices":[{"index":0,%s,"finish_reason":"stop"}]}\n\n' % part.encode()
    for rest in (b'data: {"id":"half"', b'data: {"id":"half","choices":[],"usage":{"prompt_tok'):
        up.reply(stream([event + rest], framing="close", then="close", ends=False))
        answer = p.send("POST", path, {"model": "m", "stream": True, "prompt": "x", "messages": [{"role": "user", "content": "Hi"}]})
        equal(answer.body[: len(event)], event, "what came whole")
        lacks(answer.body, rest, "what the client gets")
        # Of a response that was finished nothing is missing; what else a stream may be cannot be told.
        equal(b'"error"' in answer.body, path == "/v1/audio/transcriptions", "whether an error is told")


@check("an older completion's stream that ends without its end ends as an error")
def _(lab):
    p, up = house(lab, "openai")
    event = b'data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":"x","finish_reason":null}]}\n\n'
    up.reply(stream([event], framing="close", then="close", ends=False))
    answer = p.send("POST", "/v1/completions", {"model": "m", "prompt": "x", "stream": True})
    contains(answer.body, b'"error"', "the stream")
    up.reply(stream([event, b"data: [DONE]\n\n"], framing="close", then="close", ends=False))
    answer = served(p.send("POST", "/v1/completions", {"model": "m", "prompt": "x", "stream": True}))
    equal(answer.body, event + b"data: [DONE]\n\n", "the stream")


@check("an error within a stream that no SDK of the client's takes for one is told in its form too ({dialect}, {what})", rows=[("anthropic", "no name"), ("anthropic", "no name at the end"), ("gemini", "a list"), ("openai", "a choice's"), *((d, w) for d in DIALECTS for w in ("vLLM's", "a code"))])
def _(lab, dialect, what):
    p, up, _ = _with_key(lab, dialect)
    told = DIALECTS[dialect]
    events = [event + b"\n\n" for event in told.stream("m1", "Hello you").split(b"\n\n")[:-1]]
    begun = events[: 4 if dialect == "anthropic" else 2]
    if dialect == "gemini":
        begun = [b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hello"}]},"index":0}]}\n\n']
    error = {
        "no name": b'data: {"type":"error","error":{"type":"overloaded_error","message":"bad %s"}}\n\n',
        "no name at the end": b'data: {"type":"error","error":{"type":"overloaded_error","message":"bad %s"}}',
        "vLLM's": b'data: {"object":"error","message":"bad %s","type":"InternalServerError","param":null,"code":500}\n\n',
        "a code": b'data: {"code":500,"message":"bad %s"}\n\n',
        "a choice's": b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"bad %s"}}]}\n\n',
        "a list": b'data: [{"error":{"code":503,"message":"bad %s","status":"UNAVAILABLE"}}]\n\n',
    }[what] % OURS.encode()
    up.reply(stream([*begun, error]))
    if dialect == "gemini":
        answer = p.send("POST", "/v1beta/models/m1:streamGenerateContent?alt=sse", told.request())
    else:
        answer = p.ask(dialect, stream=True)
    lacks(answer.body, OURS.encode(), "the stream")
    contains(answer.body, b"bad ***", "what the upstream said")
    last = answer.body.rstrip(b"\n").split(b"\n\n")[-1]
    begins = {"anthropic": b"event: error\ndata: {", "responses": b"event: response.failed\ndata: {"}.get(dialect, b'data: {"error":{')
    expect(last.startswith(begins), "the last event", last)


@check("a chat stream that ends with a word for a failure ends as an error ({word}, {cut})", rows=[(w, c) for w in ("error", "network_error", "insufficient_system_resource") for c in ("one piece", "event by event", "no mark", "usage behind it")])
def _(lab, word, cut):
    p, up = house(lab, "openai")
    begun = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}\n\n'
    ended = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"%s"}]}\n\n' % word.encode()
    usage = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    mark = b"data: [DONE]\n\n"
    events = [begun, ended, *([usage] if cut == "usage behind it" else []), *([] if cut == "no mark" else [mark])]
    up.reply(stream(b"".join(events)) if cut in ("one piece", "usage behind it") else stream(events, pause=0.02))
    answer = served(p.send("POST", "/v1/chat/completions", {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}))
    expect(answer.body.startswith(begun + ended), "what came", answer.body)
    told, _, behind = answer.body[len(begun + ended) :].partition(mark)
    expect(told.startswith(b'data: {"error":{') and told.endswith(b"}\n\n"), "an error before the mark of the end", answer.body)
    equal(behind, b"", "what is behind the mark")


@check("a whole chat answer that ends with a word for a failure is none ({word})", rows=["error", "network_error", "insufficient_system_resource", "aborted"])
def _(lab, word):
    p, up = house(lab, "openai")
    up.reply(whole(OPENAI.whole("m1").replace(b'"finish_reason":"stop"', b'"finish_reason":"%s"' % word.encode())))
    equal(p.ask("openai").status, 502, "the status")


@check("an error of a choice's stands before the mark of the end that came with it")
def _(lab):
    p, up = house(lab, "openai")
    begun = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"half"},"finish_reason":null}]}\n\n'
    failed = b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"bad luck"}}]}\n\n'
    up.reply(stream(begun + failed + b"data: [DONE]\n\n"))
    answer = served(p.ask("openai", stream=True))
    told = answer.body.removeprefix(begun + failed)
    expect(told.startswith(b'data: {"error":{') and told.endswith(b"data: [DONE]\n\n"), "the error, then the mark", answer.body)


@check("an upstream does not speak for this origin ({path})", rows=["/v1/chat/completions", "/v1/files/f"])
def _(lab, path):
    p, up = house(lab, "openai")
    names = [
        "Alt-Svc", "Strict-Transport-Security", "Clear-Site-Data", "Service-Worker-Allowed", "Public-Key-Pins", "NEL", "Report-To",
        "Reporting-Endpoints", "X-Accel-Redirect", "X-Sendfile", "Refresh", "Set-Cookie", "Access-Control-Allow-Origin",
    ]
    up.reply(whole(OPENAI.whole("m1"), headers=[*((name, "x") for name in names), ("X-Other", "y")]))
    answer = served(p.ask("openai") if path.endswith("completions") else p.send("GET", path))
    equal([name for name in names if answer.header(name) == "x"], [], "what it says for the origin")
    equal(answer.header("x-other"), "y", "what it says of its answer")
