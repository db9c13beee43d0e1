"""Connections: how requests may come, how long connections live, who is held back and who goes."""

import hashlib
import threading
import time

from checks import Failure, check, contains, equal, expect
from dialects import ANTHROPIC
from harness import USER_KEY, served
from upstream import after, endless, hang, head, healthy, raw, stream, whole
from wire import chunked, request_bytes


@check("a chunked request reaches the upstream whole (chunks of {size})", rows=[1, 7, 100000])
def _(lab, size):
    p, up = lab.simple()
    body = ANTHROPIC.request(text="grüß " * 300)
    connection = p.connect()
    connection.send(
        request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Transfer-Encoding": "chunked"}), b"") + chunked(body, size)
    )
    served(connection.answer())
    equal(up.last.body, body, "the body at the upstream")


@check("chunk extensions and trailers of a request are taken off")
def _(lab):
    p, up = lab.simple()
    body = ANTHROPIC.request()
    connection = p.connect()
    connection.send(
        request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Transfer-Encoding": "chunked"}), b"")
        + b'%X;name=value;q="x y"\r\n%s\r\n0;last\r\nX-Trailer: 1\r\n\r\n' % (len(body), body)
    )
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
    connection.send(
        request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Expect": "100-continue", "Content-Length": len(body)}))
    )
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
    connection.send(
        b"".join(
            request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request(f"claude-{i}", i == 3)) for i in (1, 2, 3)
        )
        + request_bytes("GET", "/healthz", "x")
    )
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


@check(
    "an answer that refuses a request leaves the connection in use: {what}", rows=["401", "404", "400", "401 with 1 MB of body"]
)
def _(lab, what):
    p, up = lab.simple()
    connection = p.connect()
    key, model = ("sk-wrong" if "401" in what else USER_KEY), ("nope" if what == "404" else None)
    body = ANTHROPIC.request(model, text="x" * (1_000_000 if "1 MB" in what else 1))
    for _ in range(3):
        answer = connection.ask("POST", ANTHROPIC.path, p.headers(key), b"{" if what == "400" else body)
        equal(answer.status, int(what[:3]), "the status")
        if (answer.header("connection") or "").lower() == "close" and "1 MB" in what:
            return  # a body that nobody reads may cost the connection, when the answer says so
    served(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()))
    equal(len(up.requests), 1, "requests at the upstream")


@check("Connection: close is kept: the answer says so and the connection ends")
def _(lab):
    p, _up = lab.simple()
    for stream_too in (False, True):
        connection = p.connect()
        answer = served(
            connection.ask(
                "POST", ANTHROPIC.path, p.headers(headers={"Connection": "close"}), ANTHROPIC.request(stream=stream_too)
            )
        )
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


@check("an HTTP/1.0 client sees that an answer without a length was cut ({kind})", rows=["whole", "cut"])
def _(lab, kind):
    p, up = lab.simple()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    up.reply(raw(answer + b"0\r\n\r\n") if kind == "whole" else raw(answer, then="reset"))
    connection = p.connect()
    body = b'{"model":"gpt-test","input":"x","voice":"a"}'
    connection.send(request_bytes("POST", "/v1/audio/speech", "x", p.headers(), body).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    connection.head()
    got, end = b"", "an end"
    try:
        while piece := connection.socket.recv(4096):
            got += piece
    except ConnectionResetError:
        end = "a reset"
    equal(end, "a reset" if kind == "cut" else "an end", "how the connection ends")


@check("a smaller limits.headers applies to open connections with their next request")
def _(lab):
    p, _up = lab.simple("limits: {headers: 32KiB}")
    long = p.headers(headers={"X-Long": "y" * 6000})
    connection = p.connect()
    served(connection.ask("POST", ANTHROPIC.path, long, ANTHROPIC.request()))
    p.replace(p.config.read_text().replace("32KiB", "4KiB"))
    p.wait_log("configuration applied")
    equal(connection.ask("POST", ANTHROPIC.path, long, ANTHROPIC.request()).status, 431, "the status on the open connection")
    equal(p.ask(headers={"X-Long": "y" * 6000}).status, 431, "the status on a new one")


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
    interim = {
        "100": b"HTTP/1.1 100 Continue\r\n\r\n",
        "103 with a header": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
        "three in a row": b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
    }[what]
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


@check(
    "when the client goes while {when}, the upstream request goes",
    rows=["it waits for a whole answer", "it waits for a stream", "a stream runs"],
)
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


@check("bodies that are promised and do not come take no memory", seconds=60)
def _(lab):
    p, up = lab.simple()
    before = p.resident()
    held = [p.connect() for _ in range(20)]
    for connection in held:  # heads that promise 30 MB each, of which little comes
        connection.send(
            request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Content-Length": 30_000_000}))
            + b'{"model":"claude-test","x":"'
            + b"y" * 65536
        )
    time.sleep(0.5)
    grown = p.resident() - before
    expect(grown < 64 * 1024 * 1024, "memory is not set aside for what was only promised (below 64 MB)", grown)
    equal(up.requests, [], "requests at the upstream")


@check(
    "no body is kept for a path that is not open to the key, or that no rule serves: {what}",
    rows=["not open, length", "not open, chunks", "no rule, length", "no rule, chunks", "no rule, 100-continue"],
)
def _(lab, what):
    p, up = lab.simple("policies: {default: {models: ['claude-*']}}" if what.startswith("not open") else "")
    wanted = (403, b"may not use this path") if what.startswith("not open") else (404, b"no rule serves this path")
    framing = {"Transfer-Encoding": "chunked"} if what.endswith("chunks") else {"Content-Length": 1 << 20}
    if what.endswith("continue"):
        framing["Expect"] = "100-continue"
    for method, target in (("POST", "/v1/files"), ("PUT", "/v1/uploads/u1"), ("DELETE", "/v1/batches/b1"), ("GET", "/v1/responses/r1")):
        connection = p.connect()
        begun = b"" if what.endswith("continue") else b"400\r\n" if what.endswith("chunks") else b'{"purpose":'
        connection.send(request_bytes(method, target, "x", p.headers(headers=framing), b"") + begun)
        answer = connection.answer(method)
        equal(answer.status, wanted[0], f"the status of {method} {target}, most of whose body never comes")
        contains(answer.body, wanted[1], f"what is said of {method} {target}")
        equal(connection.closes(), True, "whether the connection ends, since what follows is no request")
    equal(up.requests, [], "requests at the upstream")
    # What is short is looked at first.
    answer = p.send("POST", "/v1/files", b"{", headers={"Content-Type": "application/json"})
    equal(answer.status, 400, "the status of a short body that is no JSON")


@check("one hundred streams at once all arrive whole and unmixed", seconds=60)
def _(lab):
    p, up = lab.simple()

    def own(request, wire):
        body = ANTHROPIC.stream(request.model, f"Hello this is for {request.model}")
        stream([body[i : i + 97] for i in range(0, len(body), 97)], pause=0.002)(request, wire)

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


@check(
    "who asks again and again and reads nothing is held to little memory: {path}",
    rows=["/admin/", "/v1/models", "/healthz"],
    seconds=20,
)
def _(lab, path):
    p, _up = lab.simple()
    equal(p.send("GET", "/healthz").status, 200, "the status before")
    before = p.resident()
    connection = p.connect(receive_buffer=4096)
    connection.socket.settimeout(0.2)
    asked, sent, end = request_bytes("GET", path, "x") * 500, 0, time.monotonic() + 5
    while time.monotonic() < end:
        try:
            sent = (sent + connection.socket.send(asked[sent:])) % len(asked)
        except TimeoutError:
            pass  # held back, as it should be
    grown = p.resident() - before
    expect(grown < 24 << 20, "proxyd's memory grows by less than 24 MB", grown)
    connection.close()
    equal(p.send("GET", "/healthz").status, 200, "the status afterwards")
