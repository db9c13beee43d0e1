"""Connection slots and descriptors: what many connections of one kind do to others, to the admin plane and to health."""

import json
import os
import re
import resource
import socket
import time

from checks import check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC
from harness import ADMIN_KEY, served
from ports import free_port
from upstream import hang
from wire import Connection, request_bytes

LIMIT = 12

# What fills the house without ever being a request at work.
IDLE = {
    "silent": b"",
    "half a request line": b"POST /v1/mess",
    "half a head": b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: sk",
    "kept alive after health": b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    "refused": b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
    "a stranger's half body": b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{",
    "half a body for the admin plane": b"POST /admin/keys HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{",
}


def crowded(lab, more="", limit=LIMIT):
    port = free_port()
    p, up = lab.simple(f"admin: {{key: {ADMIN_KEY}, listen: '127.0.0.1:{port}'}}\nlimits: {{connections: {limit}}}\n{more}")
    p.admin_port = port
    p.wait_listening(port)
    return p, up


def open_idle(lab, port, what, count):
    out = []
    for _ in range(count):
        sock = socket.create_connection(("127.0.0.1", port), 5)
        lab.after(sock.close)
        sock.settimeout(5)
        if IDLE[what]:
            sock.sendall(IDLE[what])
        if IDLE[what].endswith((b"\r\n\r\n", b"{}")):
            sock.recv(65536)
        out.append(sock)
        time.sleep(0.003)  # so that which came first is the same for every loop
    return out


def is_open(sock):
    sock.setblocking(False)
    try:
        while True:
            if not sock.recv(65536):
                return False
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        sock.settimeout(5)


def metric(p, name):
    text = p.send("GET", "/metrics", key=ADMIN_KEY, port=p.admin_port).body.decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(re.escape(name) + r"[ {]", line))


@check("{what}: strangers that fill the house give way to a client, one by one", rows=list(IDLE))
def _(lab, what):
    p, _up = crowded(lab)
    idle = open_idle(lab, p.port, what, LIMIT)
    time.sleep(0.2)
    for _ in range(3):
        served(p.ask())
    equal(p.admin("GET", "/admin/keys").status, 200, "the admin plane's answer")
    for port in (p.port, p.admin_port):
        equal(p.send("GET", "/healthz", key=None, port=port).status, 200, f"health on {port}")
    if what in ("silent", "half a head", "half a request line", "kept alive after health"):
        eventually(lambda: not is_open(idle[0]), "the connection that was idle longest is closed")
        expect(is_open(idle[-1]), "the one that came last is still open")


@check("more connections than there are slots are never open at once")
def _(lab):
    p, _up = crowded(lab)
    idle = open_idle(lab, p.port, "silent", 60)
    eventually(lambda: sum(is_open(one) for one in idle) <= LIMIT, f"{LIMIT} of 60 are open")
    expect(all(is_open(one) for one in idle[-LIMIT // 2 :]), "those that came last are open")
    expect(metric(p, "proxyd_connections_evicted_total") >= 48, "48 are counted", metric(p, "proxyd_connections_evicted_total"))
    lines = [line for line in p.output().splitlines() if "limits.connections" in line]
    expect(1 <= len(lines) <= 3, "it is told once in a while", lines)


@check("clients with a key stay when strangers come")
def _(lab):
    p, _up = crowded(lab)
    known = [p.connect() for _ in range(LIMIT - 2)]
    for connection in known:
        served(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()))
    open_idle(lab, p.port, "silent", 40)
    for connection in known:
        served(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()))


def busy(lab, p, up, count, kind):
    """Connections that are at work: they wait for an answer, send a body slowly, or do not read."""
    out = []
    for _ in range(count):
        connection = p.connect()
        if kind == "half a body":
            connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Content-Length": 1000})) + b"{")
        else:
            connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request("claude-slow")))
        out.append(connection)
    return out


@check("where all are at work ({kind}) further ones are told so, health and the admin plane are served", rows=["waiting", "half a body"])
def _(lab, kind):
    p, up = crowded(lab)
    up.reply(hang, model="claude-slow")
    at_work = busy(lab, p, up, LIMIT, kind)
    time.sleep(0.4)
    for dialect, path in (("anthropic", "/v1/messages"), ("openai", "/v1/chat/completions"), ("gemini", "/v1beta/models/g:generateContent")):
        answer = p.send("POST", path, {"model": "claude-1", "max_tokens": 5, "messages": []})
        equal(answer.status, 503, f"the status for {dialect}")
        expect(int(answer.header("retry-after")) >= 1, "a retry-after")
        contains(answer.body, b"too many connections", "the reason")
        expect(isinstance(json.loads(answer.body)["error"], dict), "an error in the dialect's shape", answer)
    for path in ("/healthz", "/readyz", "/health"):
        equal(p.send("GET", path, key=None).status, 200, path)
    equal(p.admin("GET", "/admin/keys").status, 200, "the admin plane")
    equal(p.send("GET", "/healthz", key=None, port=p.admin_port).status, 200, "health on the admin listener")
    expect(metric(p, "proxyd_connections_refused_total") >= 3, "they are counted")
    # A guest that waits gets the slot that becomes free.
    guest = p.connect()
    guest.send(b"POST /v1/messages HT")
    time.sleep(0.3)
    at_work[3].close()
    time.sleep(1.8)  # a client that closed its side is answered for a second
    body = ANTHROPIC.request()
    guest.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), body)[len("POST /v1/messages HT") :])
    served(guest.answer())


@check("a hundred connections to a house where all are at work leave health answered")
def _(lab):
    p, up = crowded(lab)
    up.reply(hang, model="claude-slow")
    busy(lab, p, up, LIMIT, "waiting")
    time.sleep(0.3)
    open_idle(lab, p.port, "silent", 100)
    for _ in range(3):
        equal(p.send("GET", "/healthz", key=None).status, 200, "health")
    contains(p.send("GET", "/v1/models").body, b"too many connections", "the refusal")


@check("a crowd on the admin listener leaves the data plane served")
def _(lab):
    p, _up = crowded(lab)
    open_idle(lab, p.admin_port, "silent", 50)
    served(p.ask())
    equal(p.admin("GET", "/admin/keys").status, 200, "the admin plane")


@check("a head that trickles in is cut at timeouts.head")
def _(lab):
    p, _up = crowded(lab, "timeouts: {head: 1s}")
    sock = socket.create_connection(("127.0.0.1", p.port), 5)
    lab.after(sock.close)
    began = time.monotonic()
    sock.settimeout(0.1)
    got = b""
    sock.sendall(b"GET /healthz HTTP/1.1\r\nx: ")
    while time.monotonic() - began < 6:
        try:
            sock.sendall(b"y")
            part = sock.recv(4096)
            got += part
            if not part:
                break
        except TimeoutError:
            continue
        except OSError:
            break
    expect(0.8 < time.monotonic() - began < 4, "it ends after a second", time.monotonic() - began)
    contains(got, b"408", "the answer")


@check("a lower limit holds from the next connection on")
def _(lab):
    p, _up = crowded(lab)
    idle = open_idle(lab, p.port, "silent", LIMIT)
    p.write(p.config.read_text().replace(f"connections: {LIMIT}", "connections: 4"))
    p.wait_log("limits: changed")
    served(p.ask())
    eventually(lambda: sum(is_open(one) for one in idle) <= 4, "four are open")


def few_descriptors(p, count):
    resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (count, count))


def leaves_some(p, count):
    """Whether it keeps a few descriptors for what must not fail: libdispatch ends a process that cannot look at its own threads."""
    eventually(lambda: count - len(os.listdir(f"/proc/{p.process.pid}/fd")) >= 4, f"at least four of {count} descriptors that are free")


def cpu(p):
    fields = open(f"/proc/{p.process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@check("without descriptors idle connections give way, it is told, and costs nothing ({what})", rows=["silent", "kept alive after health"])
def _(lab, what):
    p, _up = lab.simple("limits: {connections: 1000}")
    few_descriptors(p, 100)
    idle = []
    for _ in range(200):
        sock = socket.create_connection(("127.0.0.1", p.port), 5)
        lab.after(sock.close)
        sock.sendall(IDLE[what])
        idle.append(sock)
    time.sleep(0.5)
    before = cpu(p)
    time.sleep(2)
    expect(cpu(p) - before < 0.3, "next to no processor time", cpu(p) - before)
    contains(p.output(), "no file descriptor", "the log")
    leaves_some(p, 100)
    expect(len([line for line in p.output().splitlines() if "descriptor" in line]) < 5, "few lines")
    served(p.ask())
    equal(p.send("GET", "/healthz", key=None).status, 200, "health")
    p.expect_alive()


@check("without descriptors and with all connections at work accepting pauses, and goes on by itself")
def _(lab):
    p, up = lab.simple("limits: {connections: 1000}")
    up.reply(hang, model="claude-slow")
    few_descriptors(p, 80)
    connections = []
    for _ in range(80):
        connection = Connection(p.port, timeout=5)
        lab.after(connection.close)
        connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(headers={"Content-Length": 1000})) + b"{")
        connections.append(connection)
    time.sleep(0.6)
    before = cpu(p)
    time.sleep(2)
    expect(cpu(p) - before < 0.3, "next to no processor time", cpu(p) - before)
    contains(p.output(), "no file descriptor", "the log")
    leaves_some(p, 80)
    for connection in connections:
        connection.close()
    served(p.ask())
    lacks(p.output(), "cool", "the log")


@check("one key's unfinished bodies leave room for others ({what})", rows=["half a body", "no byte of a body", "half a chunk", "a long body"])
def _(lab, what):
    other = "sk-another-key-of-the-slots-checks-1"
    p, _up = crowded(lab, f"keys: [{{name: main, key: sk-client-key-0001-of-the-slots}}, {{name: other, key: {other}}}]")
    main = {"Authorization": "Bearer sk-client-key-0001-of-the-slots"}
    framing = {"half a chunk": {"Transfer-Encoding": "chunked"}, "a long body": {"Content-Length": 1 << 20}}.get(what, {"Content-Length": 1000})
    begun = {"half a body": b"{", "no byte of a body": b"", "half a chunk": b"5\r\nab", "a long body": b"{" * 4096}[what]
    held = []
    for _ in range(LIMIT):
        connection = p.connect()
        connection.send(request_bytes("POST", ANTHROPIC.path, "x", {**main, **framing}) + begun)
        held.append(connection)
        time.sleep(0.01)
    time.sleep(0.3)
    for _ in range(3):
        served(p.send("POST", ANTHROPIC.path, ANTHROPIC.request(), key=other))
    gone = held[0].answer()
    equal(gone.status, 503, "what the oldest of them is told")
    contains(gone.body, b"too many long request bodies", "why")
    equal(p.send("GET", "/healthz", key=None).status, 200, "health")
