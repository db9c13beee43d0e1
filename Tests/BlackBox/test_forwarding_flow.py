"""Forwarding, as bytes flow: many in one go or one by one, streams cut short of their end, readers that are slow."""

import hashlib
import threading
import time

import certificates
from checks import check, equal, eventually, expect
from dialects import ANTHROPIC, OPENAI, RESPONSES
from forwarding import EVENTS, FINE, JSON, KB, MB, booked, in_chunks, post, said, says
from harness import served
from ports import free_port
from upstream import after, head, stream, whole
from wire import Connection, chunked, events, request_bytes

# ---------------------------------------------------------------- requests and answers as they come


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


def tokens_of_each(p):
    usage = p.get("/admin/usage")
    return [usage[name] / usage["total_requests"] for name in ("total_input_tokens", "total_output_tokens")]


def closing(reply):
    """The same, and then the connection ends in order."""

    def ends(request, wire):
        reply(request, wire)
        wire.close()

    return ends


def _slow(lab, port, over_tls):
    """proxyd with patience, which listens for TLS at `port` too; `over_tls`: so does its upstream."""
    up = lab.upstream()
    if over_tls:
        up.over_tls(certificates.server_context("server"))
        up.url = f"https://localhost:{up.port}"
    trust = f"tls: {{ca: '{certificates.FOLDER}/root.pem'}}" if over_tls else ""
    p = lab.proxyd(
        f"""
upstreams: {{claude: {up.declare(extra=trust)}}}
rules: [{{models: ["*"], tiers: [claude]}}]
timeouts: {{head: 30s, connect: 5s, first_byte: 60s, idle: 60s}}
listen: ['127.0.0.1:@PORT@', {{address: '127.0.0.1:{port}', tls: {{certificate: @PAIR@.pem, key: @PAIR@.key}}}}]
""",
        PAIR=certificates.FOLDER / "server",
    )
    return p, up


@check(
    "150 readers that stall on whole answers of 4 MB ({framing}) cost little, and others' long answers are whole and counted",
    rows=["length", "chunked", "close", "length, over TLS", "length, over TLS on both sides, whose upstream closes"],
    seconds=120,
)
def _(lab, framing):
    framing, _, secure = framing.partition(", ")
    closes, port = secure.endswith("closes"), free_port()
    p, up = _slow(lab, port, over_tls=closes)
    context = certificates.client_context()

    def stall():
        connection = Connection(port if secure else p.port, receive_buffer=4096)
        if secure:
            connection.socket = context.wrap_socket(connection.socket, server_hostname="localhost")
        connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request())
        return connection

    # More than the kernel takes of one.
    long = ANTHROPIC.whole("m", "0123456789abcdef" * (4 * MB // 16))
    up.reply(closing(whole(long, headers=[("Connection", "close")])) if closes else whole(long, framing=framing))
    for _ in range(3):
        equal(served(p.ask()).body == long, True, "whether an answer is whole that nobody stands beside")
    tokens = tokens_of_each(p)
    before, readers, grown = p.resident(), [], []
    calm = before
    # 32 MiB are for all long answers together, and the first readers take them; some is free, and kept for the next.
    for count in (50, 100):
        for _ in range(count):
            readers.append(stall())
            time.sleep(0.01)
        up.wait(3 + len(readers), within=30)
        time.sleep(1)
        grown.append(p.resident() - before - sum(grown))
    # What the kernel has of an upstream that has closed stays there.
    each = 256 * KB if closes else 128 * KB
    expect(sum(grown) < 44 * MB + len(readers) * each, "memory for readers of nothing", [f"{g / MB:.0f} MB" for g in grown])
    before = booked(p)
    for _ in range(2):
        equal(served(p.ask()).body == long, True, "whether an answer is whole beside them")
    answer = readers[-1].answer()
    equal((answer.complete, answer.body == long), (True, True), "whether a reader that wakes up gets all of it")
    # Of a reader that stalls the kernel may have taken all: it is booked, though its client has read nothing.
    eventually(lambda: booked(p) >= before + 2, "the requests that were booked")
    equal(tokens_of_each(p), tokens, "input and output tokens of each answer that was booked")
    if framing == "length" and not secure:
        for reader in readers:
            reader.close()
        # Looked at every second; what is free by then goes back.
        eventually(lambda: p.resident() < calm + 16 * MB, "memory as before, once nobody asks", 8)


@check("100 readers that stall on streams cost little, however long their prompts were", seconds=60)
def _(lab):
    p, up = lab.simple("timeouts: {head: 30s, connect: 5s, first_byte: 60s, idle: 60s}")
    # More than the kernel takes of one.
    answer = head(200, EVENTS, "close", 0) + ANTHROPIC.begin("m") + ANTHROPIC.words("x" * 6000) * 700
    up.reply(lambda _, wire: wire.send(answer))
    readers, grown = [], []
    for count in (30, 100):
        before = p.resident()
        for _ in range(count):
            readers.append(p.connect(receive_buffer=4096))
            readers[-1].request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(stream=True, text="x" * 200_000))
            time.sleep(0.01)
        up.wait(len(readers), within=30)
        time.sleep(1)
        grown.append(p.resident() - before)
    # What was free before the first of them is theirs too.
    more = grown[1] + min(grown[0], 0)
    expect(more < 100 * 128 * KB, "memory for 100 of them, after the first", [f"{g / MB:.0f} MB" for g in grown])


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
