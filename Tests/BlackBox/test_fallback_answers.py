"""Reactive fallback: which answers send a request on, to whom, and what the client gets in the end."""

import socket
import threading
import time

from checks import check, contains, equal, expect, lacks, one_of
from dialects import ANTHROPIC, DIALECTS, OPENAI
from harness import served
from upstream import drop, hang, head, raw, reset, says, status, stream, whole

BOTH = ("anthropic", "openai")
MODES = ("whole", "streamed")
EXHAUSTED = "You have exhausted your capacity on claude-opus. Quota will reset after 1h2m3s."
SHORT = "timeouts: {head: 30s, connect: 1s, first_byte: 600ms, idle: 60s}"


# What an upstream may do that sends a request on. Each is a function of the dialect that gives a reply.
FAILURES = {
    "429": lambda d: status(429, retry_after=20),
    "500": lambda d: status(500),
    "502 with an HTML page": lambda d: whole(b"<html>Bad Gateway</html>", 502, content_type="text/html"),
    "503": lambda d: status(503),
    "504": lambda d: status(504),
    "529": lambda d: status(529),
    "599": lambda d: status(599),
    "503 without a body": lambda d: whole(b"", 503),
    "503 in chunks": lambda d: whole(d.error(503, "busy"), 503, framing="chunked"),
    "503 until close": lambda d: whole(d.error(503, "busy"), 503, framing="close"),
    "400 exhausted": lambda d: says(400, EXHAUSTED),
    "401": lambda d: status(401),
    "402": lambda d: status(402),
    "403": lambda d: status(403),
    "a connection that closes without a byte": lambda d: drop,
    "a connection that is reset": lambda d: reset,
    "half a response head": lambda d: raw(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "half a response head, then a reset": lambda d: raw(b"HTTP/1.1 200 OK\r\nContent-Ty", "reset"),
    "bytes that are no HTTP": lambda d: raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n\x00\x01\x02"),
    "a response with a bad chunk size": lambda d: raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"
    ),
    "a 200 that ends before its first byte": lambda d: raw(head(200, [("Content-Type", "application/json")], "length", 500)),
    "silence": lambda d: hang,
    "a 200 head and then silence": lambda d: raw(head(200, [("Content-Type", "text/event-stream")], "chunked", 0), "hang"),
}


@check(
    "{dialect}, {mode}: {what} sends the request to the next tier",
    rows=[(d, m, w) for d in BOTH for m in MODES for w in FAILURES if m == "streamed" or w != "a 200 head and then silence"],
)
def _(lab, dialect, mode, what):
    p, first, second = lab.tiers(2, dialect, more=SHORT)
    first.reply(FAILURES[what](DIALECTS[dialect]))
    answer = served(p.ask(dialect, stream=mode == "streamed"))
    told = DIALECTS[dialect]
    asked = second.last
    equal(
        answer.body,
        told.stream("model-2", usage_asked=dialect == "anthropic") if mode == "streamed" else told.whole("model-2"),
        "the body at the client",
    )
    equal((len(first.requests) >= 1, len(second.requests)), (True, 1), "whether the first was asked, requests at the second")
    equal(asked.model, "model-2", "the model the second tier was asked for")
    wanted = {"rule": "all", "tier": "t2/model-2", "upstream": "t2", "account": "one", "model": "model-2"}
    equal({name: answer.header(f"x-proxyd-{name}") for name in wanted}, wanted, "the x-proxyd headers")
    expect(int(answer.header("x-proxyd-attempts") or 0) >= 2, "two attempts or more", answer.header("x-proxyd-attempts"))


@check(
    "{dialect}, {mode}: an upstream nobody listens at sends the request to the next tier",
    rows=[(d, m) for d in BOTH for m in MODES],
)
def _(lab, dialect, mode):
    up = lab.upstream()
    p = lab.proxyd(f"""
upstreams:
  gone: {{url: '{lab.dead_url()}', dialect: {dialect}, accounts: [{{name: x, key: k}}]}}
  here: {up.declare(dialect)}
rules: [{{name: all, tiers: [gone, here/real]}}]
""")
    answer = served(p.ask(dialect, stream=mode == "streamed"))
    equal((answer.header("x-proxyd-upstream"), answer.header("x-proxyd-attempts")), ("here", "2"), "upstream, attempts")


@check("an address that takes no connection is given up after timeouts.connect")
def _(lab):
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    address = full.getsockname()
    waiting = [socket.socket() for _ in range(4)]  # the queue is full now, further SYNs are dropped
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(address)
    lab.after(lambda: [each.close() for each in (full, *waiting)])
    spare = lab.upstream()
    p = lab.proxyd(f"""
upstreams:
  full: {{url: 'http://127.0.0.1:{address[1]}', dialect: anthropic, accounts: [{{name: x, key: k}}]}}
  spare: {spare.declare()}
timeouts: {{connect: 500ms}}
rules: [{{name: all, tiers: [full, spare]}}]
""")
    begun = time.monotonic()
    equal(served(p.ask()).header("x-proxyd-upstream"), "spare", "the upstream that answered")
    expect(time.monotonic() - begun < 5, "an answer soon after the timeout", time.monotonic() - begun)


@check("{dialect}: a {number} whose body {how} goes on to the next tier in seconds", rows=[
    (d, n, h) for d in BOTH for n in (429, 503) for h in ("never begins", "stops in its middle")
])
def _(lab, dialect, number, how):
    p, first, second = lab.tiers(2, dialect, more="timeouts: {idle: 60s}")
    begins = b"" if how == "never begins" else b'{"error": {"mess'
    first.reply(raw(head(number, [("Content-Type", "application/json")], "length", 500) + begins, "hang"))
    begun = time.monotonic()
    served(p.ask(dialect))
    expect(time.monotonic() - begun < 15, "an answer soon after the head", time.monotonic() - begun)
    equal(len(second.requests), 1, "requests of the next tier")


@check("{where} may have timeouts of its own", rows=["an upstream", "a tier"])
def _(lab, where):
    mapping = "{{upstream: {0}, model: {1}, timeouts: {{first_byte: 400ms}}}}"
    p, first, _second = lab.tiers(
        2,
        extra="timeouts: {first_byte: 400ms}" if where == "an upstream" else "",
        tier=mapping if where == "a tier" else "{0}/{1}",
    )
    first.reply(hang)
    begun = time.monotonic()
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "the upstream that answered")
    expect(time.monotonic() - begun < 5, "an answer soon after the timeout", time.monotonic() - begun)


FIRST_EVENTS = {
    ("anthropic", "an error event"): lambda: ANTHROPIC.stream_error("Overloaded"),
    ("anthropic", "an error event that says exhausted"): lambda: ANTHROPIC.stream_error(EXHAUSTED, "invalid_request_error"),
    ("anthropic", "a ping and an error event"): lambda: (
        b'event: ping\ndata: {"type": "ping"}\n\n' + ANTHROPIC.stream_error("Overloaded")
    ),
    ("anthropic", "a comment and an error event"): lambda: b": hello\n\n" + ANTHROPIC.stream_error("Overloaded"),
    ("anthropic", "an error without an event line"): lambda: (
        b'data: {"type":"error","error":{"type":"api_error","message":"broken"}}\n\n'
    ),
    ("anthropic", "nothing at all"): lambda: b"",
    ("anthropic", "only a ping"): lambda: b'event: ping\ndata: {"type": "ping"}\n\n',
    ("openai", "an error chunk"): lambda: OPENAI.stream_error("The server is overloaded"),
    ("openai", "an error chunk with an event line"): lambda: b"event: error\n" + OPENAI.stream_error("overloaded"),
    ("openai", "an error beside a choice"): lambda: (
        b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"no"}}\n\n'
    ),
    ("openai", "an error before a choice"): lambda: (
        b'data: {"error":{"code":502,"message":"no"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\n'
    ),
    ("openai", "a word for a failure"): lambda: (
        b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}\n\ndata: [DONE]\n\n'
    ),
    ("openai", "a word for a failure and no mark"): lambda: (
        b'data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"network_error"}]}\n\n'
    ),
    ("openai", "a comment and an error chunk"): lambda: b": PROCESSING\n\n" + OPENAI.stream_error("overloaded"),
    ("openai", "nothing at all"): lambda: b"",
}


@check("{dialect}: a 200 stream that begins with {what} still falls back", rows=list(FIRST_EVENTS))
def _(lab, dialect, what):
    p, first, second = lab.tiers(2, dialect)
    first.reply(stream(FIRST_EVENTS[(dialect, what)]()))
    answer = served(p.ask(dialect, stream=True))
    equal(answer.body, DIALECTS[dialect].stream("model-2", usage_asked=dialect == "anthropic"), "the stream at the client")
    equal((len(first.requests), len(second.requests)), (1, 1), "requests at the two")


@check("the head of a stream is not sent before its first event")
def _(lab):
    p, first, _second = lab.tiers(2)
    gate = threading.Event()
    lab.after(gate.set)

    def late(_request, wire):
        wire.send(head(200, [("Content-Type", "text/event-stream")], "close", 0))
        gate.wait(10)
        wire.send(ANTHROPIC.stream_error("Overloaded"))
        wire.close()

    first.reply(late)
    connection = p.connect(timeout=5)
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(stream=True))
    first.wait(1)
    expect(not connection.closes(0.5) and not connection.buffer, "nothing at the client yet", connection.buffer)
    gate.set()
    answer = served(connection.answer())
    equal(answer.header("x-proxyd-upstream"), "t2", "the upstream that answered")


@check("message_start and at once an error: another tier's answer, or a stream that ends in an error, never both")
def _(lab):
    p, first, second = lab.tiers(2)
    first.reply(stream(ANTHROPIC.start("model-1") + ANTHROPIC.stream_error("Overloaded")))
    answer = p.ask(stream=True)
    if second.requests:
        equal(served(answer).body, ANTHROPIC.stream("model-2"), "the stream at the client")
    else:
        expect(ANTHROPIC.error_in(answer.body), "an error event", repr(answer))
        expect(not ANTHROPIC.finished(answer.body), "no invented ending", repr(answer))


@check(
    "a whole answer of {code} goes on only where `on` names it: {on}",
    rows=[(429, "[503]"), (503, "[429]"), (500, "[429, exhausted]"), (401, "[5xx]"), (400, "[429, 5xx]"), (529, "[503]")],
)
def _(lab, code, on):
    p, first, second = lab.tiers(2, fallback=f"on: {on}")
    first.reply(says(code, EXHAUSTED if code == 400 else "no", retry_after=9))
    answer = p.ask()
    equal(answer.status, code, "the status at the client")
    equal(answer.body, ANTHROPIC.error(code, EXHAUSTED if code == 400 else "no"), "the body at the client")
    equal(answer.header("retry-after"), "9", "retry-after")
    equal(second.requests, [], "requests at the second tier")


@check(
    "`on: {on}` sends a {code} on",
    rows=[("[503]", 503), ("[5xx]", 529), ("[404]", 404), ("[unauthorized]", 403), ("[429]", 429), ("[500, 501]", 501)],
)
def _(lab, on, code):
    p, first, _second = lab.tiers(2, fallback=f"on: {on}")
    first.reply(status(code))
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "the upstream that answered")


@check(
    "`on: [{on}]` sends on: {what}",
    rows=[("unreachable", "a connection that closes without a byte"), ("timeout", "silence"), ("exhausted", "400 exhausted")],
)
def _(lab, on, what):
    p, first, _second = lab.tiers(2, fallback=f"on: [{on}]", more=SHORT)
    first.reply(FAILURES[what](ANTHROPIC))
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "the upstream that answered")


@check("a rule's own `fallback` settings win over the general ones")
def _(lab):
    p, first, second = lab.tiers(2, rule="fallback: {on: [418]}")
    first.reply(status(503), status(418))
    equal(p.ask().status, 503, "the status of a 503, which this rule does not send on")
    equal(second.requests, [], "requests at the second tier")
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "the upstream after a 418")


@check(
    "{dialect}, {mode}: a {code} that says nothing of quota goes to the client byte for byte",
    rows=[(d, m, c) for d in BOTH for m in MODES for c in (400, 404, 422)],
)
def _(lab, dialect, mode, code):
    p, first, second = lab.tiers(2, dialect)
    body = DIALECTS[dialect].error(code, "messages.0: field required").replace(b":", b" : ", 1)
    first.reply(status(code, body, headers=[("X-Kept", "1")]))
    answer = p.ask(dialect, stream=mode == "streamed")
    equal((answer.status, answer.body), (code, body), "status and body at the client")
    equal(answer.header("x-kept"), "1", "x-kept")
    equal(second.requests, [], "requests at the second tier")


@check(
    "an error that speaks of {what} is `exhausted`",
    rows=[
        ("exhausted", 400, "resource has been Exhausted"),
        ("capacity", 400, "We have no capacity for you"),
        ("quota", 400, "Quota exceeded for this project"),
        ("credit", 400, "Your credit balance is too low to access the API"),
        ("balance", 400, "Insufficient Balance"),
        ("rate limit", 400, "you hit the Rate Limit"),
        ("quota in a 403", 403, "out of quota"),
        ("quota in a 413", 413, "quota of input tokens"),
    ],
)
def _(lab, what, code, message):
    p, first, _second = lab.tiers(2, fallback="on: [exhausted]")
    first.reply(says(code, message))
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "the upstream that answered")


@check("a redirect of the upstream ({code}) is neither followed nor passed on: the next tier is asked, or nobody answers", rows=[(c,) for c in (301, 302, 303, 304, 307, 308)])
def _(lab, code):
    p, first, second = lab.tiers(2)
    first.reply(whole(b"", code, headers=[("Location", second.url + "/v1/elsewhere")]))
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "the upstream that answered")
    equal([r.path for r in second.requests], ["/v1/messages"], "the paths at the second tier")
    second.reply(whole(b"", code, headers=[("Location", first.url + "/v1/elsewhere")]))
    answer = p.ask()
    equal((answer.status, answer.header("location")), (502, None), "status and location")


@check("three tiers are tried in their order, once each")
def _(lab):
    p, *ups = lab.tiers(4)
    for up in ups[:3]:
        up.reply(status(503))
    answer = served(p.ask())
    equal([len(up.requests) for up in ups], [1, 1, 1, 1], "requests at the four")
    equal((answer.header("x-proxyd-tier"), answer.header("x-proxyd-attempts")), ("t4/model-4", "4"), "tier and attempts")


@check("the body reaches the second tier as it reached the first, 1 MB and chunked too")
def _(lab):
    p, first, second = lab.tiers(2, tier="{0}")
    first.reply(status(503))
    body = ANTHROPIC.request(text="grüß " * 200_000, extra=[1.0, None])
    served(p.send("POST", ANTHROPIC.path, body, headers={"anthropic-beta": "x"}))
    equal((first.last.body == body, second.last.body == body), (True, True), "whether both got the body's bytes")
    equal(second.last.header("anthropic-beta"), "x", "anthropic-beta at the second")


# ---------------------------------------------------------------- when everything fails


@check("{mode}: when every tier fails the client gets the most telling error, with Retry-After", rows=list(MODES))
def _(lab, mode):
    for dialect in BOTH:
        p, first, second = lab.tiers(2, dialect)
        first.reply(says(429, "slow down, please", retry_after=17))
        second.reply(drop)
        answer = p.ask(dialect, stream=mode == "streamed")
        equal(answer.status, 429, f"the status of {dialect}")
        contains(DIALECTS[dialect].error_of(answer)["message"], "slow down, please", "the message")
        one_of(answer.header("retry-after"), ("17", "16"), "retry-after")
        contains(answer.header("content-type") or "", "application/json", "the content type")


@check(
    "when every tier answers {code} the client gets {wanted} with the provider's words",
    rows=[(429, (429,)), (500, (500, 502)), (503, (503, 529)), (529, (529,))],
)
def _(lab, code, wanted):
    p, *ups = lab.tiers(2)
    for up in ups:
        up.reply(says(code, "words of the provider"))
    answer = p.ask()
    one_of(answer.status, wanted, "the status")
    contains(ANTHROPIC.error_of(answer)["message"], "words of the provider", "the message")
    equal(answer.header("x-proxyd-attempts"), "2", "x-proxyd-attempts")


@check("{dialect}, {mode}: when nobody can be reached it is a 502 with a reason", rows=[(d, m) for d in BOTH for m in MODES])
def _(lab, dialect, mode):
    p = lab.proxyd(f"""
upstreams: {{gone: {{url: '{lab.dead_url()}', dialect: {dialect}, accounts: [{{name: x, key: provider-key-x}}]}}}}
rules: [{{name: all, tiers: [gone]}}]""")
    answer = p.ask(dialect, stream=mode == "streamed")
    equal(answer.status, 502, "the status")
    lacks(DIALECTS[dialect].error_of(answer)["message"], "provider-key", "the message")


@check("{mode}: when everybody is too slow it is a 504 with a reason", rows=list(MODES))
def _(lab, mode):
    p, first, _ = lab.tiers(2, more=SHORT)
    for up in lab.upstreams:
        up.reply(hang)
    begun = time.monotonic()
    answer = p.ask(stream=mode == "streamed")
    equal(answer.status, 504, "the status")
    ANTHROPIC.error_of(answer)
    expect(time.monotonic() - begun < 5, "an answer soon after the timeouts")
    expect(first.requests[0].gone.wait(3), "the request at the slow upstream is given up")


@check("{dialect}: when the upstream talks nonsense it is a 502 with a reason", rows=list(BOTH))
def _(lab, dialect):
    p, first = lab.tiers(1, dialect)
    first.reply(raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    answer = p.ask(dialect)
    equal(answer.status, 502, "the status")
    DIALECTS[dialect].error_of(answer)


@check(
    "{dialect}, {mode}: a provider that refuses our credential ({code}) is a 502 that says so, never a 401",
    rows=[(d, m, c) for d in BOTH for m in MODES for c in (401, 402, 403)],
)
def _(lab, dialect, mode, code):
    p, *ups = lab.tiers(2, dialect, accounts=("one", "two"))
    for up in ups:
        up.reply(status(code))
    answer = p.ask(dialect, stream=mode == "streamed")
    equal(answer.status, 502, "the status")
    DIALECTS[dialect].error_of(answer)
    equal(
        {request.credential for up in ups for request in up.requests},
        {"provider-key-one", "provider-key-two"},
        "the credentials that were tried",
    )


@check("when everything is exhausted the client is told so, with a time to wait")
def _(lab):
    p, *ups = lab.tiers(2)
    for up in ups:
        up.reply(says(400, EXHAUSTED))
    answer = p.ask()
    one_of(answer.status, (429, 400), "the status")
    contains(
        ANTHROPIC.error_of(answer)["message"] if answer.status == 429 else answer.text, "exhausted your capacity", "the message"
    )
    if answer.status == 429:
        one_of(answer.header("retry-after"), tuple(str(s) for s in range(3720, 3724)), "retry-after (1h2m3s)")


@check("a stream that opens with an error at every tier is an error answer, not a 200")
def _(lab):
    p, *ups = lab.tiers(2)
    for up in ups:
        up.reply(stream(ANTHROPIC.stream_error("words of the provider")))
    answer = p.ask(stream=True)
    expect(answer.status >= 400 and answer.status != 500, "an error status that is the upstream's", repr(answer))
    contains(ANTHROPIC.error_of(answer)["message"], "words of the provider", "the message")


# ---------------------------------------------------------------- after the first byte

ENDS = {
    "is reset": lambda d: stream(d.begin("model-1"), ends=False, then="reset"),
    "closes": lambda d: stream(d.begin("model-1"), ends=False, then="close"),
    "ends its chunks too early": lambda d: stream(d.begin("model-1")),
    "closes a stream without framing": lambda d: stream(d.begin("model-1"), framing="close"),
    "falls silent": lambda d: stream(d.begin("model-1"), ends=False, then="hang"),
    "sends a bad chunk": lambda d: raw(
        head(200, [("Content-Type", "text/event-stream")], "chunked", 0)
        + b"%x\r\n%s\r\nzz\r\n" % (len(d.begin("model-1")), d.begin("model-1")),
        "hang",
    ),
}


@check(
    "{dialect}: a stream whose upstream {what} after content ends with an error, is not retried, gets no ending",
    rows=[(d, w) for d in BOTH for w in ENDS],
)
def _(lab, dialect, what):
    p, first, second = lab.tiers(2, dialect, more="timeouts: {head: 30s, connect: 5s, first_byte: 5s, idle: 800ms}")
    first.reply(ENDS[what](DIALECTS[dialect]))
    answer = p.ask(dialect, stream=True)
    equal(answer.status, 200, "the status")
    begun = DIALECTS[dialect].begin("model-1")
    equal(answer.body[: len(begun)], begun, "what came before the end")
    expect(DIALECTS[dialect].error_in(answer.body), "an error event in the client's dialect", repr(answer))
    expect(not DIALECTS[dialect].finished(answer.body), "no invented ending", repr(answer))
    equal(second.requests, [], "requests at the second tier")


@check("{dialect}: an error event in the middle of a stream reaches the client as it is, and nothing follows", rows=list(BOTH))
def _(lab, dialect):
    p, first, second = lab.tiers(2, dialect)
    body = DIALECTS[dialect].begin("model-1") + DIALECTS[dialect].stream_error("Overloaded")
    first.reply(stream(body))
    answer = p.ask(dialect, stream=True)
    equal(answer.body[: len(body)], body, "the stream at the client")
    expect(not DIALECTS[dialect].finished(answer.body), "no invented ending", repr(answer))
    equal(second.requests, [], "requests at the second tier")


@check("a whole answer that is cut in its middle is not taken for whole")
def _(lab):
    p, first, second = lab.tiers(2)
    body = ANTHROPIC.whole("model-1", "x" * 200_000)
    first.reply(raw(head(200, [("Content-Type", "application/json")], "length", len(body)) + body[:100_000], "reset"))
    answer = p.ask()
    if second.requests:
        equal(served(answer).body, ANTHROPIC.whole("model-2"), "the body at the client")
    else:
        expect(answer.status >= 500 or not answer.complete, "an error, or a body that is visibly cut", repr(answer))


@check("candidates that the request cannot be said to cost nothing of the retry budget")
def _(lab):
    first, other, last = lab.upstream(), lab.upstream(), lab.upstream()
    unsayable = ", ".join(f"other/m{i}" for i in range(40))
    p = lab.proxyd(f"""
upstreams:
  first: {first.declare("anthropic")}
  other: {other.declare("openai")}
  last: {last.declare("anthropic")}
rules: [{{name: all, models: ["*"], tiers: [first, {unsayable}, last]}}]
""")
    first.reply(status(500))
    body = ANTHROPIC.request(top_k=5)
    for _ in range(3):
        answer = p.connect().ask("POST", ANTHROPIC.path, p.headers(headers={"x-proxyd-strict": "true"}), body)
        equal(served(answer).header("x-proxyd-attempts"), "2", "attempts")
    equal(other.requests, [], "requests to those that cannot be asked")
