"""Same dialect on both sides: what the client sends reaches the provider byte for byte, and the other way round."""

import gzip
import hashlib
import threading
import time

from checks import Failure, check, contains, equal, eventually, expect, lacks, one_of
from dialects import ANTHROPIC, DIALECTS, HELLO, OPENAI, compact
from harness import served
from upstream import after, endless, hang, head, healthy, raw, stream, whole
from wire import chunked, request_bytes

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


@check("{dialect}: a request body with {what} reaches the upstream byte for byte",
       rows=[(d, w) for d in BOTH for w in BODIES])
def _(lab, dialect, what):
    p, up = lab.simple()
    body = _body(what, dialect)
    served(p.send("POST", DIALECTS[dialect].path, body))
    equal(up.last.body, body, "the body at the upstream")
    equal(up.last.path, DIALECTS[dialect].path, "the path at the upstream")


@check("{dialect}: a streamed request reaches the upstream byte for byte when usage is asked for", rows=list(BOTH))
def _(lab, dialect):
    p, up = lab.simple()
    body = ('{ "stream" : true ,"x":1.0, "model":"%s" , "stream_options": {"include_usage" :true, "z":0}, "messages":[]}\n'
            % DIALECTS[dialect].model).encode()
    served(p.send("POST", DIALECTS[dialect].path, body))
    equal(up.last.body, body, "the body at the upstream")


ANSWERS = {
    "odd whitespace": b'\n { "type" : "message",\r\n"content" :[ ] , "usage":{"input_tokens":1 ,"output_tokens" : 2}}\n\n',
    "unknown fields": b'{"zzz":1,"usage":{"input_tokens":1,"output_tokens":2,"new":{"deep":[1.0]}},"model":"other","x":null}',
    "escapes and big numbers": br'{"a":"\ud83d \/ \u0000 \ud83c\udf0a","b":12345678901234567890.0,"c":1E400,"usage":{}}',
    "unicode": '{"content":"grüß 你好 🌊 \u2028"}'.encode(),
    "no JSON at all": b"<html>\x00\xff\xfe plain bytes",
    "nothing in it": b"",
    "1 MB": b'{"x":"' + b"0123456789abcdef" * 65536 + b'"}',
    "20 MB": b'{"x":"' + b"0123456789abcdef" * 1310720 + b'"}',
}


@check("a whole answer with {what} ({framing}) reaches the client byte for byte",
       rows=[(w, f) for w in ANSWERS for f in ("length", "chunked", "close") if w != "nothing in it" or f == "length"])
def _(lab, what, framing):
    p, up = lab.simple()
    up.reply(whole(ANSWERS[what], framing=framing, headers=[("X-Provider", "one"), ("X-Provider", "two")]))
    for dialect in BOTH if what != "20 MB" else BOTH[:1]:
        answer = served(p.ask(dialect))
        equal(answer.body, ANSWERS[what], "the body at the client")
        equal(answer.header("content-type"), "application/json", "the content type")
        equal(answer.header("x-provider"), "one, two", "x-provider")


ODD_STREAM = (b": a comment first\n\n" + ANTHROPIC.start("claude-test") + b"event: ping\ndata: {\"type\": \"ping\"}\n\n"
              + b"event: from_the_future\ndata: {\"type\":\"from_the_future\",\"n\":1.0}\nid: 7\nretry: 10\n\n"
              + b"event:content_block_delta\r\ndata:{\"type\":\"content_block_delta\",\"index\":0,"
              + b"\"delta\":{\"type\":\"text_delta\",\"text\":\"\xf0\x9f\x8c\x8a\"}}\r\n\r\n"
              + b"data: {\"type\":\"content_block_delta\",\ndata: \"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n"
              + b": keep-alive\n\n\n\n" + ANTHROPIC.end())


def _split(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


@check("an Anthropic stream with comments, CRLF and unknown events passes byte for byte ({cut}, {framing})",
       rows=[(c, f) for c in ("in one piece", "byte by byte", "in pieces of 7") for f in ("chunked", "close", "length")])
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
    equal([events.next()[0] for _ in range(3)], ["message_start", "content_block_start", "content_block_delta"],
          "the events before the provider goes on")
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
    up.reply(whole(ANTHROPIC.whole("claude-test"), headers=[
        ("Connection", "keep-alive, x-internal"), ("Keep-Alive", "timeout=99"), ("X-Internal", "hop"),
        ("Set-Cookie", "session=provider"), ("Proxy-Authenticate", "Basic"), ("X-Kept", "yes")]))
    answer = served(p.ask())
    for name in ("x-internal", "set-cookie", "proxy-authenticate"):
        equal(answer.header(name), None, f"{name} at the client")
    one_of(answer.header("keep-alive"), (None,), "keep-alive at the client")
    equal(answer.header("x-kept"), "yes", "x-kept at the client")


# ---------------------------------------------------------------- how requests come


@check("a chunked request reaches the upstream whole (chunks of {size})", rows=[1, 7, 100000])
def _(lab, size):
    p, up = lab.simple()
    body = ANTHROPIC.request(text="grüß " * 300)
    connection = p.connect()
    connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Transfer-Encoding": "chunked"}), b"")
                    + chunked(body, size))
    served(connection.answer())
    equal(up.last.body, body, "the body at the upstream")


@check("chunk extensions and trailers of a request are taken off")
def _(lab):
    p, up = lab.simple()
    body = ANTHROPIC.request()
    connection = p.connect()
    connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Transfer-Encoding": "chunked"}), b"")
                    + b'%X;name=value;q="x y"\r\n%s\r\n0;last\r\nX-Trailer: 1\r\n\r\n' % (len(body), body))
    served(connection.answer())
    equal(up.last.body, body, "the body at the upstream")
    connection.request("GET", "/healthz")
    equal(connection.answer().status, 200, "the status of the next request on the connection")


@check("a request that comes byte by byte is served")
def _(lab):
    p, up = lab.simple()
    body = ANTHROPIC.request()
    connection = p.connect()
    for i, byte in enumerate(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), body)):
        connection.socket.sendall(bytes([byte]))
        if i % 40 == 0:
            time.sleep(0.002)
    served(connection.answer())
    equal(up.last.body, body, "the body at the upstream")


@check("Expect: 100-continue is answered with 100, then the request is served")
def _(lab):
    p, up = lab.simple()
    body = ANTHROPIC.request()
    connection = p.connect()
    connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(
        headers={"Expect": "100-continue", "Content-Length": len(body)})))
    equal(connection.head().status, 100, "the interim status before the body is sent")
    connection.send(body)
    served(connection.answer())
    equal(up.last.body, body, "the body at the upstream")


@check("several requests in one packet are answered in their order")
def _(lab):
    p, up = lab.simple()
    up.reply(after(0.3, whole(ANTHROPIC.whole("slow", "first"))), model="claude-1")
    up.reply(whole(ANTHROPIC.whole("fast", "second")), model="claude-2")
    up.reply(stream(ANTHROPIC.stream("third")), model="claude-3")
    connection = p.connect()
    connection.send(b"".join(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request(f"claude-{i}", i == 3))
                             for i in (1, 2, 3)) + request_bytes("GET", "/healthz", "x"))
    equal(ANTHROPIC.text_of(connection.answer().body), "first", "the first answer")
    equal(ANTHROPIC.text_of(connection.answer().body), "second", "the second answer")
    equal(connection.answer().body, ANTHROPIC.stream("third"), "the third answer")
    equal(connection.answer().status, 200, "the status of the fourth")


@check("a client's connection serves many requests, and the upstream's is used again")
def _(lab):
    p, up = lab.simple()
    connection = p.connect()
    for i in range(40):
        streamed = i % 2 == 1
        served(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(stream=streamed)), f"answer {i}")
    expect(up.connections <= 3, "one upstream connection or few for requests in a row", up.connections)


@check("an upstream connection that was closed while idle is not the client's error")
def _(lab):
    p, up = lab.simple("fallback: {enabled: false}")

    def then_close(request, wire):
        whole(ANTHROPIC.whole("claude-test"))(request, wire)
        wire.close()

    up.reply(then_close)
    connection = p.connect()
    for i in range(10):
        served(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()), f"answer {i}")
        time.sleep(0.02)


@check("Connection: close is kept: the answer says so and the connection ends")
def _(lab):
    p, _up = lab.simple()
    for stream_too in (False, True):
        connection = p.connect()
        answer = served(connection.ask("POST", ANTHROPIC.path, p.headers(headers={"Connection": "close"}),
                                       ANTHROPIC.request(stream=stream_too)))
        contains((answer.header("connection") or "").lower(), "close", "the connection header")
        expect(connection.closes(), "the connection ends after the answer")


@check("an HTTP/1.0 client gets no chunks and a connection that ends")
def _(lab):
    p, _up = lab.simple()
    for streamed, body in ((False, ANTHROPIC.whole("claude-test")), (True, ANTHROPIC.stream("claude-test"))):
        connection = p.connect()
        data = ANTHROPIC.request(stream=streamed)
        connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), data).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        answer = served(connection.answer())
        equal(answer.header("transfer-encoding"), None, "transfer-encoding")
        equal(answer.body, body, "the body")
        expect(connection.closes(), "the connection ends after the answer")


@check("HEAD is answered without a body, and the connection goes on")
def _(lab):
    p, _up = lab.simple()
    connection = p.connect()
    for path in ("/healthz", "/v1/models", "/health"):
        answer = connection.ask("HEAD", path, p.headers())
        equal(answer.status, 200, f"the status of HEAD {path}")
        answer = connection.ask("GET", "/healthz")
        equal(answer.status, 200, f"the status of GET after HEAD {path}")


@check("a {code} of the upstream passes without a body, and the connection goes on", rows=[204, 304])
def _(lab, code):
    p, up = lab.simple(rules='- {name: all, models: ["*"], tiers: [claude]}')
    up.reply(whole(b"", code), path="/v1/files/abc")
    connection = p.connect()
    answer = connection.ask("DELETE" if code == 204 else "GET", "/v1/files/abc", p.headers())
    equal((answer.status, answer.body), (code, b""), "status and body")
    equal(answer.header("transfer-encoding"), None, "transfer-encoding")
    served(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()))


@check("interim answers of the upstream do not confuse: {what}", rows=["100", "103 with a header", "three in a row"])
def _(lab, what):
    p, up = lab.simple()
    interim = {"100": b"HTTP/1.1 100 Continue\r\n\r\n", "103 with a header": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
               "three in a row": b"HTTP/1.1 102 Processing\r\n\r\n" * 3}[what]
    body = ANTHROPIC.whole("claude-test")

    def reply(request, wire):
        wire.send(interim)
        time.sleep(0.05)
        whole(body)(request, wire)

    up.reply(reply)
    for _ in range(2):
        equal(served(p.ask()).body, body, "the body at the client")


@check("a client that closes its sending side still gets its answer, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    p, up = lab.simple()
    up.reply(after(0.3, stream(ANTHROPIC.stream("claude-test")) if mode == "streamed" else whole(ANTHROPIC.whole("claude-test"))))
    connection = p.connect()
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(stream=mode == "streamed"))
    connection.half_close()
    served(connection.answer())


@check("when the client goes while {when}, the upstream request goes",
       rows=["it waits for a whole answer", "it waits for a stream", "a stream runs"])
def _(lab, when):
    p, up = lab.simple()
    if when == "a stream runs":
        up.reply(endless(ANTHROPIC.begin("claude-test"), ANTHROPIC.words("more ")))
    else:
        up.reply(hang)
    connection = p.connect()
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(stream=when != "it waits for a whole answer"))
    request = up.wait(1)[0]
    if when == "a stream runs":
        connection.stream().next()
    connection.abort()
    expect(request.gone.wait(5), "the upstream request ends within 5 s of the client's going")
    up.reply(healthy)
    served(p.ask(), "the next client's answer")


@check("a slow reader holds the upstream back: memory stays bounded for 200 MB", seconds=90)
def _(lab):
    p, up = lab.simple("timeouts: {head: 30s, connect: 5s, first_byte: 60s, idle: 60s}")
    piece = ANTHROPIC.words("0123456789abcdef" * 4096)
    count = 200 * 1024 * 1024 // len(piece)
    wires, start, end = [], ANTHROPIC.begin("claude-test"), ANTHROPIC.end()

    def flood(_request, wire):
        wires.append(wire)
        wire.send(head(200, [("Content-Type", "text/event-stream")], "close", 0) + start)
        for _ in range(count):
            wire.send(piece)
        wire.send(end)
        wire.close()

    served(p.ask(stream=True))
    up.reply(flood)
    before = p.resident()
    connection = p.connect(receive_buffer=65536, timeout=30)
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(stream=True))
    answer = connection.final_head()
    time.sleep(2.5)
    held = wires[0].sent
    expect(held < 40 * 1024 * 1024, "the upstream is held back while the client does not read (below 40 MB sent)", held)
    grown = p.resident() - before
    expect(grown < 48 * 1024 * 1024, "proxyd's memory grows by less than 48 MB while it waits", grown)

    digest, length = hashlib.sha256(), 0
    for part in connection.pieces(answer, "POST"):
        digest.update(part)
        length += len(part)
    wanted = hashlib.sha256(start)
    for _ in range(count):
        wanted.update(piece)
    wanted.update(end)
    equal(length, len(start) + count * len(piece) + len(end), "bytes of the stream")
    equal(digest.hexdigest(), wanted.hexdigest(), "the stream's digest")
    grown = p.resident() - before
    expect(grown < 64 * 1024 * 1024, "proxyd's memory grows by less than 64 MB over the whole stream", grown)


@check("a slow upstream holds a flood of uploads back: memory stays bounded", seconds=60)
def _(lab):
    p, up = lab.simple()
    before = p.resident()
    held = [p.connect() for _ in range(20)]
    for connection in held:  # heads that promise 30 MB each, of which little comes
        connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Content-Length": 30_000_000}))
                        + b'{"model":"claude-test","x":"' + b"y" * 65536)
    time.sleep(0.5)
    grown = p.resident() - before
    expect(grown < 64 * 1024 * 1024, "memory is not set aside for what was only promised (below 64 MB)", grown)
    equal(up.requests, [], "requests at the upstream")


@check("one hundred streams at once all arrive whole and unmixed", seconds=60)
def _(lab):
    p, up = lab.simple()

    def own(request, wire):
        body = ANTHROPIC.stream(request.model, f"Hello this is for {request.model}")
        stream(_split(body, 97), pause=0.002)(request, wire)

    up.reply(own)
    failures = []

    def one(i):
        try:
            answer = served(p.ask(model=f"claude-{i}", stream=True))
            equal(answer.body, ANTHROPIC.stream(f"claude-{i}", f"Hello this is for claude-{i}"), f"stream {i}")
        except (Failure, OSError) as failure:
            failures.append(str(failure))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures[:1], [], f"failures of 100 ({len(failures)})")


# ---------------------------------------------------------------- headers of ours


@check("an answer names rule, tier, upstream, account, model and attempts, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    p, _up = lab.simple(rules='- {name: the big rule, models: ["claude-*"], tiers: [claude/claude-real]}')
    answer = served(p.ask(stream=mode == "streamed"))
    wanted = {"rule": "the big rule", "tier": "claude/claude-real", "upstream": "claude", "account": "one",
              "model": "claude-real", "attempts": "1"}
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


# ---------------------------------------------------------------- requests that cannot be served


@check("{dialect}: a body that is {what} is a 400 in the dialect's shape", rows=[
    (d, w) for d in ("anthropic", "openai", "responses")
    for w in ("no JSON", "cut in the middle", "empty", "an array", "a string", "without a model", "with a model that is a number",
              "with an empty model", "followed by garbage")])
def _(lab, dialect, what):
    p, up = lab.simple(rules='- {name: all, models: ["*"], tiers: [claude]}')
    good = DIALECTS[dialect].request("claude-x")
    body = {"no JSON": b"hello", "cut in the middle": good[:-5], "empty": b"", "an array": b'["model"]', "a string": b'"model"',
            "without a model": b'{"messages":[],"metadata":{"model":"claude-x"}}',
            "with a model that is a number": b'{"model":7,"messages":[]}',
            "with an empty model": b'{"model":"","messages":[]}', "followed by garbage": good + b"}"}[what]
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
