"""Forwarding when a side misbehaves: clients that go, upstreams that break off, answer early, answer late or say too much.

Whatever happens to one exchange, the next one on either connection is its own.
"""

import threading
import time

from checks import check, equal, eventually, expect, lacks
from dialects import ANTHROPIC
from forwarding import ALONE, EVENTS, FINE, JSON, KB, MB, booked, in_chunks, post, said, says
from harness import served
from upstream import after, drop, head, raw, reset, whole
from wire import request_bytes

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
    # An answer that had begun was paid for, whatever came of it.
    equal(booked(p), 2 if part in ("a head", "half a body") else 1, "requests that are booked")


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
