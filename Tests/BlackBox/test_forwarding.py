"""Forwarding when a side misbehaves: clients that go, upstreams that break off, answer early, answer late or say too much.

Whatever happens to one exchange, the next one on either connection is its own.
"""

import hashlib
import threading
import time

from checks import check, equal, eventually, expect, lacks
from dialects import ANTHROPIC, OPENAI, RESPONSES
from harness import served
from upstream import after, drop, head, raw, reset, stream, whole
from wire import chunked, events, request_bytes

KB, MB = 1 << 10, 1 << 20
ALONE = "fallback: {enabled: false}"
EVENTS = [("Content-Type", "text/event-stream")]
JSON = [("Content-Type", "application/json")]


def says(word):
    return whole(ANTHROPIC.whole("claude-test", word))


def said(answer):
    return ANTHROPIC.text_of(served(answer).body)


def post(connection, p, body):
    return connection.ask("POST", ANTHROPIC.path, p.headers(), body)


def in_chunks(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def booked(p):
    return p.get("/admin/usage")["total_requests"]


# ---------------------------------------------------------------- clients that go


@check(
    "a client that {how} in the middle of {what}: the upstream's connection ends and serves nobody else",
    rows=[(h, w) for h in ("resets", "closes") for w in ("a stream", "a long whole answer")],
)
def _(lab, how, what):
    p, up = lab.simple()
    if what == "a stream":
        opening = head(200, EVENTS, "chunked", 0) + in_chunks(ANTHROPIC.begin("claude-test"))
    else:
        opening = head(200, JSON, "length", 8 * MB) + b'{"content":[' + b" " * (2 * MB)

    def halfway(request, wire):
        wire.send(opening)
        if wire.wait_gone(20):
            request.gone.set()
        wire.close()

    up.reply(halfway)
    connection = p.connect()
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(stream=what == "a stream"))
    connection.final_head()
    while len(connection.buffer) < (2 * MB if "whole" in what else 100):
        connection.fill()
    request = up.last
    if how == "resets":
        connection.abort()
    else:
        connection.close()
    expect(request.gone.wait(6), "the upstream's connection ends within 6 s")
    up.reply(says("next"))
    for _ in range(3):
        equal(said(p.ask()), "next", "the next answer")
    expect(request.connection not in [each.connection for each in up.requests[1:]], "another connection for those who follow")


@check(
    "clients that reset while their answer ends, with a request waiting behind it: those who follow get their own",
    seconds=60,
)
def _(lab):
    p, up = lab.simple()
    gates = []

    def gated(_request, wire):
        gate = gates[-1]
        wire.send(head(200, EVENTS, "chunked", 0) + in_chunks(ANTHROPIC.begin("claude-gated")))
        gate.wait(5)
        wire.send(in_chunks(ANTHROPIC.words("x" * 300_000)) + in_chunks(ANTHROPIC.end()) + b"0\r\n\r\n")

    def own(request, wire):
        whole(ANTHROPIC.whole("m", f"for {request.model}"))(request, wire)

    up.reply(own)
    up.reply(gated, model="claude-gated")
    for i in range(40):
        gates.append(threading.Event())
        lab.after(gates[-1].set)
        connection = p.connect()
        connection.send(
            request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request("claude-gated", True))
            + request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request("claude-behind"))
            + request_bytes("GET", "/healthz", "x")
        )
        connection.stream().next()
        if i % 2:
            gates[-1].set()
            time.sleep(0.001 * (i % 7))
        connection.abort()
        gates[-1].set()
        equal(said(p.ask(model=f"claude-{i}")), f"for claude-{i}", f"the answer after reset {i}")


# ---------------------------------------------------------------- kept connections that break


@check(
    "a kept connection that {how} as the next request comes ({size}): asked again on a fresh one, whole, and booked once",
    rows=[(h, s) for h in ("ends", "is reset") for s in ("small", "3 MB")],
)
def _(lab, how, size):
    p, up = lab.simple(ALONE)
    up.reply(says("first"), drop if how == "ends" else reset, says("second"))
    connection = p.connect()
    equal(said(post(connection, p, ANTHROPIC.request())), "first", "the first answer")
    body = ANTHROPIC.request(text="y" * (3 * MB if size == "3 MB" else 10))
    equal(said(post(connection, p, body)), "second", "the second answer")
    on = [request.connection for request in up.requests]
    equal((on[0] == on[1], on[2] in on[:2], len(on)), (True, False, 3), "kept for the second request, fresh for the third")
    equal([request.body for request in up.requests[1:]], [body, body], "the bodies")
    equal(booked(p), 2, "requests that are booked")


@check("a kept connection that is reset in the middle of a body of 6 MB: the fresh one gets all of it")
def _(lab):
    p, up = lab.simple(ALONE)
    seen = []

    def serve(wire):
        while request := wire.read_head():
            if wire.number == 1 and seen:
                wire.reader.read(100 * KB)
                return wire.reset()
            seen.append(wire.read_body(request))
            says(f"answer {len(seen)}")(request, wire)

    up.by_hand(serve)
    connection = p.connect()
    equal(said(post(connection, p, ANTHROPIC.request())), "answer 1", "the first answer")
    body = ANTHROPIC.request(text="0123456789abcdef" * (6 * MB // 16))
    equal(said(post(connection, p, body)), "answer 2", "the second answer")
    equal(seen[1].body, body, "the body on the fresh connection")
    equal(booked(p), 2, "requests that are booked")


BEGINNINGS = {
    "one byte": b"H",
    "half a head": head(200, JSON, "length", 50)[:-10],
    "a head": head(200, JSON, "length", 50),
    "half a body": head(200, JSON, "length", 50) + b'{"x":',
    "an interim answer": b"HTTP/1.1 103 Early Hints\r\n\r\n",
}


@check("a kept connection that breaks after {part}: the upstream is not asked again", rows=list(BEGINNINGS))
def _(lab, part):
    p, up = lab.simple(ALONE)
    up.reply(says("first"), raw(BEGINNINGS[part]), says("again"))
    connection = p.connect()
    equal(said(post(connection, p, ANTHROPIC.request())), "first", "the first answer")
    answer = post(connection, p, ANTHROPIC.request())
    expect(answer.status >= 500, "an error at the client", repr(answer))
    equal(len(up.requests), 2, "requests at the upstream")
    equal(booked(p), 1, "requests that are booked")


@check(
    "an upstream that ends a {which} connection without a byte, and each that follows, is not asked for ever",
    rows=["new", "kept"],
)
def _(lab, which):
    p, up = lab.simple(ALONE)
    connection = p.connect()
    if which == "kept":
        up.reply(says("first"))
        equal(said(post(connection, p, ANTHROPIC.request())), "first", "the first answer")
    up.reply(drop)
    before = len(up.requests)
    answer = post(connection, p, ANTHROPIC.request())
    expect(answer.status >= 500, "an error at the client", repr(answer))
    ANTHROPIC.error_of(answer)
    equal(len(up.requests) - before, 2 if which == "kept" else 1, "times that it was asked")


@check("an upstream that restarts under many kept connections fails nobody")
def _(lab):
    p, up = lab.simple(ALONE)
    up.reply(after(0.05, says("fine")))
    for turn in range(8):
        failures = []

        def one():
            try:
                equal(said(p.ask()), "fine", "the answer")
            except (AssertionError, OSError) as failure:
                failures.append(str(failure))

        for _ in range(2):
            threads = [threading.Thread(target=one) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            up.hang_up()
        equal(failures[:1], [], f"failures of turn {turn}")


# ---------------------------------------------------------------- answers that come early


@check(
    "an upstream that answers {what} and leaves the request unread: the client gets it, and the connection serves nobody else",
    rows=["400", "413", "200", "200 in chunks"],
)
def _(lab, what):
    p, up = lab.simple(ALONE)
    code = int(what[:3])
    early = ANTHROPIC.whole("claude-test", "early") if code == 200 else ANTHROPIC.error(code, "too early")
    seen, ended = [], threading.Event()

    def serve(wire):
        while request := wire.read_head():
            if wire.number == 1:
                whole(early, code, framing="chunked" if "chunks" in what else "length")(request, wire)
                time.sleep(1.0)
                wire.socket.settimeout(10)
                try:
                    while wire.reader.read1(64 * KB):
                        pass
                except ConnectionError:
                    pass
                return ended.set()
            seen.append(wire.read_body(request))
            says(f"answer {len(seen)}")(request, wire)

    up.by_hand(serve)
    connection = p.connect()
    answer = post(connection, p, ANTHROPIC.request(text="z" * (12 * MB)))
    equal((answer.status, answer.body, answer.complete), (code, early, True), "the early answer")
    connection = connection if (answer.header("connection") or "").lower() != "close" else p.connect()
    for i in range(1, 4):
        equal(said(post(connection, p, ANTHROPIC.request(text=f"request {i}"))), f"answer {i}", "an answer after it")
        equal(seen[-1].body, ANTHROPIC.request(text=f"request {i}"), "the body of a request after it")
    expect(ended.wait(8), "the connection with the unread request ends")


@check("an upstream that answers first and reads then gets each request whole, bodies of {size}", rows=["200 KB", "5 MB"])
def _(lab, size):
    p, up = lab.simple(ALONE)
    count, length = (30, 200 * KB) if size == "200 KB" else (6, 5 * MB)
    wrong, seen = [], []

    def body(number):
        return ANTHROPIC.request(text=f"{number:06}" * (length // 6))

    def serve(wire):
        while request := wire.read_head():
            number = request.header("x-number")
            if number is None:
                return wrong.append(request.raw_head[:200])
            says(f"answer {number}")(request, wire)
            time.sleep(0.02)
            if wire.read_body(request).body not in (body(int(number)), b""):
                # Cut is fine, the answer was complete; another's bytes are not.
                if not body(int(number)).startswith(request.body):
                    wrong.append((number, request.body[:80], len(request.body)))
            seen.append(number)

    up.by_hand(serve)
    connection = p.connect()
    for number in range(count):
        headers = p.headers(headers={"X-Number": str(number)})
        answer = connection.ask("POST", ANTHROPIC.path, headers, body(number))
        equal(said(answer), f"answer {number}", "the answer")
    eventually(lambda: len(seen) == count, "every request read", 10)
    equal(wrong, [], "requests that were not what they should be")


# ---------------------------------------------------------------- answers that come late

LATE = ANTHROPIC.whole("claude-test", "LATE " * 50)
STAGES = {
    "silence": (b"", head(200, JSON, "length", len(LATE)) + LATE),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", b"Length: %d\r\n\r\n" % len(LATE) + LATE),
    "the head of a stream": (head(200, EVENTS, "chunked", 0), in_chunks(ANTHROPIC.stream("LATE")) + b"0\r\n\r\n"),
    "half a body": (head(200, JSON, "length", len(LATE)) + LATE[:100], LATE[100:]),
}


@check(
    "an attempt that is given up after {stage}, {then}: its late answer reaches nobody",
    rows=[(s, t) for s in STAGES for t in ("another tier answers", "the client gets a 504")],
)
def _(lab, stage, then):
    is_alone = "504" in then
    p, first, second = lab.tiers(
        2,
        extra="timeouts: {first_byte: 500ms, idle: 500ms}",
        fallback="enabled: false" if is_alone else "cooldown: 0s",
    )
    began, late = STAGES[stage]
    sent = threading.Event()

    def slow(_request, wire):
        try:
            wire.send(began)
            time.sleep(1.2)
            wire.send(late)
        finally:
            sent.set()
            wire.wait_gone(5)
            wire.close()

    first.reply(slow, says("prompt"))
    second.reply(says("second"))
    connection = p.connect()
    answer = post(connection, p, ANTHROPIC.request(stream="stream" in stage))
    if is_alone:
        equal(answer.status, 504, "the status")
    else:
        expect("second" in served(answer).text, "the answer", answer.text)
    lacks(answer.text, "LATE", "the answer")
    given_up = first.last
    while not sent.is_set():
        equal(said(post(connection, p, ANTHROPIC.request())), "prompt", "an answer meanwhile, on the same connection")
        equal(said(p.ask()), "prompt", "an answer meanwhile, on another")
        time.sleep(0.05)
    for _ in range(5):
        equal(said(post(connection, p, ANTHROPIC.request())), "prompt", "an answer afterwards")
    later = [request.connection for request in first.requests[1:]]
    expect(later and given_up.connection not in later, "another connection for those who follow", later)
    expect(not connection.buffer, "nothing more on the client's connection", connection.buffer)


# ---------------------------------------------------------------- answers that say too much

POISON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"poison\":1}"
FINE = ANTHROPIC.whole("claude-test", "fine")
MISSING = b'{"type":"error","error":{"type":"not_found_error","message":"none"}}'
TOO_MUCH = {
    "bytes behind its length": head(200, JSON, "length", len(FINE)) + FINE + b"xxxx",
    "an answer behind its length": head(200, JSON, "length", len(FINE)) + FINE + POISON,
    "an answer behind its last chunk": head(200, JSON, "chunked", 0) + in_chunks(FINE) + b"0\r\n\r\n" + POISON,
    "an answer behind a 404": head(404, JSON, "length", len(MISSING)) + MISSING + POISON,
    "a line break behind its length": head(200, JSON, "length", len(FINE)) + FINE + b"\r\n",
}


@check(
    "an upstream that sends {what}, {when}: the connection serves nobody else",
    rows=[(w, t) for w in TOO_MUCH for t in ("at once", "a moment later")],
)
def _(lab, what, when):
    p, up = lab.simple(ALONE)
    good, number = says("own"), [0]

    def too_much(request, wire):
        text = TOO_MUCH[what]
        cut = len(text) - len(text.split(FINE if FINE in text else MISSING)[1])
        cut += len(b"\r\n0\r\n\r\n") if "chunk" in what else 0
        number[0] = request.connection
        if when == "at once":
            wire.send(text)
        else:
            wire.send(text[:cut])
            time.sleep(0.1)
            wire.send(text[cut:])
        wire.wait_gone(5)
        wire.close()

    up.reply(too_much, good)
    connection = p.connect()
    answer = post(connection, p, ANTHROPIC.request())
    equal((answer.status, answer.body), (404, MISSING) if "404" in what else (200, FINE), "status and body")
    if when != "at once":
        time.sleep(0.4)
    for _ in range(4):
        equal(said(post(connection, p, ANTHROPIC.request())), "own", "an answer after it")
    expect(number[0] not in [request.connection for request in up.requests[1:]], "another connection for those who follow")


@check(
    "a HEAD that the upstream answers with a body, {when}: the connection serves nobody else",
    rows=["at once", "a moment later"],
)
def _(lab, when):
    p, up = lab.simple(rules='- {name: all, models: ["*"], tiers: [claude]}')

    def answered(request, wire):
        wire.send(head(200, JSON, "length", len(POISON)))
        time.sleep(0.1 if when == "a moment later" else 0)
        wire.send(POISON)
        wire.wait_gone(5)
        wire.close()

    up.reply(answered, path="/v1/files/abc")
    connection = p.connect()
    answer = connection.ask("HEAD", "/v1/files/abc", p.headers())
    equal((answer.status, answer.body), (200, b""), "the answer to HEAD")
    time.sleep(0.4)
    up.reply(says("own"), path=ANTHROPIC.path)
    for _ in range(3):
        equal(said(post(connection, p, ANTHROPIC.request())), "own", "an answer after it")


@check(
    "HEAD passes to the upstream and back without a body ({framing}), and both connections go on",
    rows=["length", "chunked"],
)
def _(lab, framing):
    p, up = lab.simple(rules='- {name: all, models: ["*"], tiers: [claude]}')
    up.reply(whole(b"x" * 5000, framing=framing), path="/v1/files/abc")
    connection = p.connect()
    for _ in range(3):
        answer = connection.ask("HEAD", "/v1/files/abc", p.headers())
        equal((answer.status, answer.body), (200, b""), "the answer to HEAD")
        equal(answer.header("content-length"), "5000" if framing == "length" else None, "content-length")
        equal(connection.ask("GET", "/v1/files/abc", p.headers()).body, b"x" * 5000, "the answer to GET")
    equal([request.method for request in up.requests], ["HEAD", "GET"] * 3, "the methods at the upstream")
    equal(up.connections, 1, "connections to the upstream")


@check(
    "trailers of an answer in chunks are taken off, and the connection is used again ({cut})",
    rows=["in one piece", "byte by byte"],
)
def _(lab, cut):
    p, up = lab.simple()
    data = head(200, JSON, "chunked", 0) + in_chunks(FINE) + b"0;last\r\nX-Trailer: 1\r\nContent-Length: 7\r\n\r\n"
    step = len(data) if cut == "in one piece" else 1

    def trailed(_request, wire):
        for i in range(0, len(data), step):
            wire.send(data[i : i + step])

    up.reply(trailed)
    connection = p.connect()
    for _ in range(3):
        answer = served(post(connection, p, ANTHROPIC.request()))
        equal((answer.body, answer.header("x-trailer")), (FINE, None), "body and trailer")
    equal(up.connections, 1, "connections to the upstream")


# ---------------------------------------------------------------- streams whose end is not as it should be

STREAMS = {  # how it is asked: its dialect, and what the client's request says besides
    "anthropic": (ANTHROPIC, {}),
    "openai": (OPENAI, {}),
    "openai with include_usage": (OPENAI, {"stream_options": {"include_usage": True}}),
    "responses": (RESPONSES, {}),
}


@check("{how}: a stream whose last event lacks its blank line, and then its last chunk, is a whole one", rows=list(STREAMS))
def _(lab, how):
    dialect, fields = STREAMS[how]
    p, up = lab.tiers(1, dialect.name)
    is_usage_shown = how != "openai"
    up.reply(stream(dialect.stream("m")[:-1], ends=False, then="close"))
    answer = served(p.ask(dialect, stream=True, **fields))
    wanted = dialect.stream("m", usage_asked=is_usage_shown)
    equal(answer.body.rstrip(b"\n"), wanted.rstrip(b"\n"), "the stream at the client, but for line breaks at its end")
    eventually(lambda: booked(p) == 1, "one request that is booked")


CUTS = {  # how an upstream dies
    "breaks its chunks": {"ends": False, "then": "close"},
    "ends without more": {},
    "closes a body that has no framing": {"framing": "close"},
}


@check("{how}: of an event that its upstream breaks off nothing reaches the client, the error event does", rows=list(STREAMS))
def _(lab, how):
    dialect, fields = STREAMS[how]
    p, up = lab.tiers(1, dialect.name, "enabled: false")
    said = dialect.stream("m")
    begun = said[: said.index(b"\n\n", said.index(b"Hello")) + 2]
    event = begun[begun.rindex(b"\n\n", 0, -2) + 2 :].replace(b"Hello", b"half")
    # Cut in its first field, in its data, and before the blank line that would have made it an event.
    for half in (event[:2], event[:-9], event[:-1]):
        for what, keywords in CUTS.items():
            up.reply(stream(begun + half, **keywords))
            answer = p.ask(dialect, stream=True, **fields)
            told = f"an upstream that {what} after {half!r}"
            equal((answer.status, answer.body[: len(begun)]), (200, begun), f"{told}: status and the events before it")
            rest = answer.body[len(begun) :]
            last = events(rest)
            expect(len(last) == 1 and rest.endswith(b"\n\n") and b"half" not in rest, f"{told}: one more event", rest)
            expect(rest.startswith((b"event: ", b"data: {")), f"{told}: an event of its own behind them", rest)
            expect("error" in last[0][1], f"{told}: it is an error", rest)
            if dialect is not RESPONSES:
                expect(dialect.error_in(rest), f"{told}: it is an error of the dialect", rest)
            expect(not dialect.finished(answer.body), f"{told}: no invented ending", rest)


# ---------------------------------------------------------------- requests as they come


@check("sixty requests in one go, of every kind, are answered in their order", seconds=60)
def _(lab):
    p, up = lab.simple(rules='- {name: all, models: ["*"], tiers: [claude]}')
    up.reply(lambda request, wire: whole(ANTHROPIC.whole("m", f"{request.model} {len(request.body)}"))(request, wire))
    up.reply(after(0.3, says("slow")), model="claude-slow")
    up.reply(whole(b"file"), path="/v1/files/abc")
    parts, wanted = [], []

    def add(method, target, body=None, status=200, text=None, headers=()):
        parts.append(request_bytes(method, target, "x", p.headers(headers=headers), body))
        wanted.append((method, status, text))

    add("POST", ANTHROPIC.path, ANTHROPIC.request("claude-slow"), text="slow")
    for i in range(10):
        body = ANTHROPIC.request(f"claude-{i}", text="t" * (20 * KB + i))
        add("POST", ANTHROPIC.path, body, text=f"claude-{i} {len(body)}")
        add("GET", "/healthz")
        add("HEAD", "/v1/files/abc")
        add("POST", ANTHROPIC.path, b"{", status=400)
        body = ANTHROPIC.request(f"claude-chunked-{i}")
        add("POST", ANTHROPIC.path, b"", text=f"claude-chunked-{i} {len(body)}", headers={"Transfer-Encoding": "chunked"})
        parts[-1] += chunked(body, 11)
        add("GET", "/v1/files/abc")
    connection = p.connect()
    sender = threading.Thread(target=connection.socket.sendall, args=(b"".join(parts),), daemon=True)
    sender.start()
    for number, (method, status, text) in enumerate(wanted):
        answer = connection.answer(method)
        equal((answer.status, answer.complete), (status, True), f"answer {number}, to {method}")
        if text:
            equal(said(answer), text, f"answer {number}")
    sender.join()


@check("a body in chunks that comes byte by byte, with the next request right behind it")
def _(lab):
    p, up = lab.simple()
    up.reply(lambda request, wire: says(f"{len(request.body)}")(request, wire))
    bodies = [ANTHROPIC.request(text="grüß " * count) for count in (1, 40)]
    data = b"".join(
        request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Transfer-Encoding": "chunked"}), b"") + chunked(body, 3)
        for body in bodies
    )
    connection = p.connect()
    for i in range(len(data)):
        connection.socket.sendall(data[i : i + 1])
        if i % 50 == 0:
            time.sleep(0.001)
    equal([said(connection.answer()) for _ in bodies], [str(len(body)) for body in bodies], "the answers")
    equal([request.body for request in up.requests], bodies, "the bodies at the upstream")


@check("interim answers byte by byte, before and behind a kept connection's answer")
def _(lab):
    p, up = lab.simple()
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    data = interim + head(200, JSON, "length", len(FINE)) + FINE

    def slowly(_request, wire):
        for i in range(len(data)):
            wire.send(data[i : i + 1])

    up.reply(slowly)
    connection = p.connect()
    for _ in range(4):
        equal(said(post(connection, p, ANTHROPIC.request())), "fine", "the answer")
    equal(up.connections, 1, "connections to the upstream")


# ---------------------------------------------------------------- slow readers


def flood(pieces, framing, wires):
    """A long whole answer that is sent as fast as it is taken."""

    def reply(request, wire):
        wires.append(wire)
        wire.send(head(200, JSON, framing, sum(map(len, pieces))))
        for piece in pieces:
            wire.send(in_chunks(piece) if framing == "chunked" else piece)
        if framing == "chunked":
            wire.send(b"0\r\n\r\n")

    return reply


@check(
    "a whole answer of 96 MB to a slow reader ({framing}): memory stays bounded, nothing is cut, the connections go on",
    rows=["length", "chunked"],
    seconds=120,
)
def _(lab, framing):
    p, up = lab.simple("timeouts: {head: 30s, connect: 5s, first_byte: 60s, idle: 60s}")
    pieces, wires = [bytes([65 + i % 26]) * (64 * KB) for i in range(96 * 16)], []
    opening, closing = b'{"type":"message","content":[{"type":"text","text":"', b'"}]}'
    pieces[0], pieces[-1] = opening + pieces[0][len(opening) :], pieces[-1][len(closing) :] + closing
    served(p.ask())
    before = p.resident()
    up.reply(flood(pieces, framing, wires), says("next"))
    connection = p.connect(receive_buffer=64 * KB, timeout=30)
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request())
    answer = connection.final_head()
    time.sleep(1.5)
    expect(wires[0].sent < 40 * MB, "the upstream is held back while the client does not read (below 40 MB)", wires[0].sent)
    grown = p.resident() - before
    expect(grown < 48 * MB, "proxyd's memory grows by less than 48 MB while it waits", grown)
    digest, length, most = hashlib.sha256(), 0, 0
    for part in connection.pieces(answer, "POST"):
        digest.update(part)
        length += len(part)
        most = max(most, p.resident() - before) if length % (4 * MB) < len(part) else most
    equal((length, answer.complete), (96 * MB, True), "the bytes that came, and their end")
    equal(digest.hexdigest(), hashlib.sha256(b"".join(pieces)).hexdigest(), "their digest")
    expect(most < 96 * MB, "proxyd's memory grows by less than the answer is long", most)
    equal(said(post(connection, p, ANTHROPIC.request())), "next", "the next answer")
    equal([request.connection for request in up.requests[1:]], [up.requests[1].connection] * 2, "the upstream's connection")


@check("a stream that breaks off while its reader is behind: the reader gets what came, and the error at the end")
def _(lab):
    p, up = lab.simple()

    def broken(request, wire):
        size = int(request.model.split("-")[1]) * KB
        wire.send(head(200, EVENTS, "close", 0) + ANTHROPIC.begin("m") + ANTHROPIC.words("x" * 6000) * (size // 6000))
        wire.close()

    up.reply(broken)
    readers = []
    for size in (100, 1500, 2900, 3300, 3700, 5000):
        connection = p.connect(receive_buffer=4096)
        connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(f"claude-{size}", True))
        readers.append((size, connection))
    up.wait(len(readers))
    time.sleep(1.0)
    for size, connection in readers:
        answer = connection.answer()
        sent = ANTHROPIC.begin("m") + ANTHROPIC.words("x" * 6000) * (size * KB // 6000)
        equal(answer.body[: len(sent)] == sent, True, f"whether all came that the upstream had sent of {size} KB")
        expect(ANTHROPIC.error_in(answer.body[len(sent) :]), "an error event behind it", answer.body[-200:])
        expect(not ANTHROPIC.finished(answer.body[-1000:]), "no invented ending", answer.body[-200:])


@check("a steady slow reader of its last answer gets all of it, although it takes longer than `timeouts.idle`", seconds=60)
def _(lab):
    up = lab.upstream()
    patient = "timeouts: {first_byte: 30s, idle: 30s}"
    p = lab.proxyd(f"""
upstreams: {{far: {up.declare("openai", extra=patient)}}}
rules: [{{name: all, tiers: [far/far-model]}}]
timeouts: {{idle: 1s}}""")
    # Converted, it lies whole in proxyd; it is much longer than what the kernel takes of it (4 MB).
    text = "0123456789abcdef" * (9 * MB // 16)
    up.reply(whole(OPENAI.whole("far-model", text)))
    connection = p.connect(receive_buffer=64 * KB)
    headers = p.headers(headers=[("Connection", "close"), *JSON])
    connection.request("POST", ANTHROPIC.path, headers, ANTHROPIC.request())
    answer = connection.final_head()
    parts, length, begun = [], 0, time.monotonic()
    for part in connection.pieces(answer, "POST"):
        parts.append(part)
        length += len(part)
        time.sleep(max(0, begun + length / (3.5 * MB) - time.monotonic()))
    took = time.monotonic() - begun
    answer.body = b"".join(parts)
    equal((answer.complete, length > len(text)), (True, True), f"whether all came; {length} bytes did, in {took:.1f} s")
    equal(said(answer) == text, True, "whether the text is the upstream's")
    expect(took > 2, "a reader that took longer than two idle times", took)
