"""The suite's own tools, against each other: a check is worth what its tools are worth. No proxyd is started."""

import collections
import os
import subprocess
import sys
import time

import ports
from checks import Failure, check, equal, eventually, expect, fail
from dialects import ANTHROPIC, DIALECTS, HELLO, OPENAI
from upstream import drop, endless, hang, head, healthy, raw, reset, status, stream, whole
from wire import Connection, chunked, events, request_bytes


def _ask(up, path="/v1/messages", body=b'{"model":"m"}', headers=()):
    with Connection(up.port, timeout=3) as connection:
        return connection.ask("POST", path, headers, body)


@check("harness: bodies arrive byte for byte in every framing, both ways")
def _(lab):
    up = lab.upstream()
    data = bytes(range(256)) * 300
    for framing in ("length", "chunked", "close"):
        up.reply(whole(data, framing=framing))
        answer = _ask(up, body=data)
        equal((answer.body, answer.complete, up.last.body), (data, True, data), framing)
        up.reply(stream([data[i : i + 999] for i in range(0, len(data), 999)], framing=framing))
        answer = _ask(up)
        equal((answer.body, answer.complete), (data, True), f"{framing}, streamed")
    with Connection(up.port) as connection:
        connection.send(request_bytes("POST", "/x", "h", [("Transfer-Encoding", "chunked")]) + chunked(data, 1000))
        connection.answer()
    equal(up.last.body, data, "a chunked request")


@check("harness: an answer that is cut is not complete, however it is cut")
def _(lab):
    up = lab.upstream()
    for reply in (
        raw(head(200, [], "length", 10) + b"12345"),
        raw(head(200, [], "chunked", 0) + b"5\r\n12345\r\n"),
        raw(head(200, [], "chunked", 0) + b"9\r\n12345"),
        stream(b"12345", ends=False, then="reset"),
    ):
        up.reply(reply)
        answer = _ask(up)
        equal((answer.status, answer.body[:5], answer.complete), (200, b"12345", False), "a cut answer")
    for reply in (drop, reset, raw(b"HTTP/1.1 200 OK\r\nX")):
        up.reply(reply)
        try:
            _ask(up)
        except (Failure, ConnectionError):
            continue
        fail("expected no answer")


@check("harness: scripts are used in order, the last repeats, a later script that fits comes first")
def _(lab):
    up = lab.upstream()
    up.reply(status(500), status(501), status(502))
    up.reply(status(400), model="special")
    equal([_ask(up).status for _ in range(4)], [500, 501, 502, 502], "the statuses")
    equal(_ask(up, body=b'{"model":"special"}').status, 400, "the status of the special model")


@check("harness: a client that goes is noticed by the replies that wait")
def _(lab):
    up = lab.upstream()
    for reply in (hang, endless(b"x", b"y")):
        up.reply(reply)
        connection = Connection(up.port)
        connection.request("POST", "/", (), b"{}")
        eventually(lambda: up.requests, "the request")
        request = up.last
        time.sleep(0.1)
        expect(not request.gone.is_set(), "the client still there")
        connection.abort()
        expect(request.gone.wait(3), "the client gone")
        up.requests.clear()


@check("harness: what the healthy provider says is read as it was meant, {dialect}", rows=list(DIALECTS))
def _(lab, dialect):
    up = lab.upstream()
    up.reply(healthy)
    told = DIALECTS[dialect]
    equal(_ask(up, told.path, told.request()).body, told.whole(told.model), "the whole answer")
    if dialect in ("anthropic", "openai"):
        body = _ask(up, told.path, told.request(stream=True)).body
        equal((told.text_of(told.whole("m")), told.text_of_stream(body)), (HELLO, HELLO), "the texts")
        equal((told.finished(body), told.finished(told.begin("m")), told.error_in(body)), (True, False, None), "ends and errors")
        expect(told.error_in(told.begin("m") + told.stream_error("x")), "the error in a stream")
    up.reply(status(429, retry_after=7))
    answer = _ask(up, told.path, told.request())
    equal((answer.status, answer.header("retry-after")), (429, "7"), "status and retry-after")
    told.error_of(answer)


@check("harness: error shapes of one dialect are not taken for another's")
def _(lab):
    up = lab.upstream()
    for asked, told in ((ANTHROPIC, OPENAI), (OPENAI, ANTHROPIC)):
        up.reply(status(400, told.error(400, "x")))
        try:
            asked.error_of(_ask(up))
        except Failure:
            continue
        fail("expected a Failure")


@check("harness: events are read with LF and CRLF, in pieces, with several data lines")
def _(_lab):
    body = b": c\n\nevent: a\ndata: 1\n\ndata: 2\r\ndata:3\r\n\r\nevent: b\ndata: x"
    equal(events(body), [("a", "1"), (None, "2\n3"), ("b", "x")], "the events")


@check("harness: a stream is read event by event while it runs")
def _(lab):
    up = lab.upstream()
    body = ANTHROPIC.stream("m")
    up.reply(stream([body[i : i + 11] for i in range(0, len(body), 11)], pause=0.001))
    with Connection(up.port) as connection:
        connection.request("POST", "/v1/messages", (), b"{}")
        told = connection.stream()
        equal(
            [told.next()[0] for _ in range(3)],
            ["message_start", "content_block_start", "content_block_delta"],
            "the first events",
        )
        equal(told.rest().body, body, "the whole stream")
        expect(told.answer.complete, "a stream that ends in order")


@check("harness: no port is had twice: not by two processes, not by a child, not while it was just let go")
def _(lab):
    program = """if True:
        import os, sys, time, ports
        held = [ports.listening_socket() for _ in range(20)]
        os.fork()
        held += [ports.listening_socket() for _ in range(20)]
        os.write(1, b" ".join(b"%d" % sock.getsockname()[1] for sock in held[-20:]) + b"\\n")  # two write here, each in one go
        sys.stdin.read()
    """

    def other():
        """What another process of the suite gets, and a child that it forks, while they hold it."""
        process = subprocess.Popen(
            [sys.executable, "-B", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=os.path.dirname(__file__)
        )
        lab.after(process.communicate)
        return [int(port) for _ in range(2) for port in process.stdout.readline().split()]

    mine = [ports.listening_socket() for _ in range(50)]
    lab.after(lambda: [sock.close() for sock in mine])
    all_of_them = [sock.getsockname()[1] for sock in mine] + other() + other()
    equal(len(all_of_them), 130, "ports in all")
    equal([port for port, times in collections.Counter(all_of_them).items() if times > 1], [], "ports that were had twice")
    low, high = map(int, open("/proc/sys/net/ipv4/ip_local_port_range").read().split())
    equal([port for port in all_of_them if low <= port <= high], [], "ports that the kernel may give to connections")
    up = lab.upstream()
    up.close()
    expect(up.port not in [ports.free_port() for _ in range(50)], "a port that was let go comes again last")


@check("harness: proxyd is not taken to be ready when somebody else answers on its port")
def _(lab):
    up = lab.upstream()
    up.reply(whole(b"{}"))
    p = lab.proxyd(f"""
listen: 127.0.0.1:{up.port}
upstreams: {{up: {up.declare()}}}
rules: [{{tiers: [up]}}]
""", start=False)
    p.port = up.port
    p.spawn("--config", str(p.config))
    p.meant_to_end = True
    try:
        p.wait_ready(3)
    except Failure:
        return
    fail("expected no proxyd that is ready")


ENDS = {  # what a check does -> as Python, and how the process ends that it is run in
    "fails": ("checks.fail('meant')", 0),
    "takes too long": ("time.sleep(9)", 0),
    "cannot end what it started": ("lab.after(lambda: 1 / 0)", 0),
    "is told to end": ("tell()", 143),
    "is told to end, and again meanwhile": ("lab.after(tell); tell()", 143),
    "is told to end when it is over": ("lab.after(tell)", 143),
}


@check("harness: nothing is left of a check that {what}", rows=list(ENDS))
def _(lab, what):
    step, code = ENDS[what]
    program = f"""if True:
        import os, signal, time, checks, harness
        def tell():
            os.kill(os.getpid(), signal.SIGTERM)
        def step(lab):
            print(lab.proxyd("", start=False).spawn("60").process.pid, flush=True)
            {step}
        print(checks.run([checks.Check("a check", "", step, seconds=1)], lambda: harness.Lab("sleep"))[0].outcome)
    """
    done = subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=os.path.dirname(__file__),
        env={**os.environ, "TMPDIR": str(lab.folder)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    pid, *outcome = done.stdout.split()
    equal((done.returncode, outcome), (code, [] if code else ["failed"]), "its process's end, and the check's outcome")
    expect(not os.path.exists(f"/proc/{pid}"), "what it started is ended")
    equal(os.listdir(lab.folder), [], "folders that are left")
