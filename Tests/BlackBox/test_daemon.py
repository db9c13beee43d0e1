"""The daemon: version, readiness, signals, the log, what it does when it cannot start."""

import json
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

from checks import Failure, Skip, check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC
from harness import USER_KEY, served
from ports import free_port
from upstream import after, head, raw, status, stream, whole
from wire import Connection, request_bytes

MB = 1 << 20


@check("--version prints a version and exits 0")
def _(lab):
    done = subprocess.run([lab.binary, "--version"], capture_output=True, timeout=10)
    equal(done.returncode, 0, "the exit code")
    expect(re.search(rb"\d+\.\d+\.\d+", done.stdout), "a version", done.stdout)


@check("--help prints the options and exits 0, an unknown option does not")
def _(lab):
    done = subprocess.run([lab.binary, "--help"], capture_output=True, timeout=10)
    equal(done.returncode, 0, "the exit code of --help")
    for part in (b"--check-config", b"--config", b"simulate"):
        contains(done.stdout, part, "the help")
    done = subprocess.run([lab.binary, "--no-such-option"], capture_output=True, timeout=10)
    expect(done.returncode not in (0, None) and done.returncode > 0, "an exit code that is an error", done.returncode)


def stripped(binary):
    """Bytes of the program without its symbols: what is loaded of its file, and the table of its sections (System V ABI, ELF-64)."""
    with open(binary, "rb") as file:
        header = file.read(64)
        (table,), (size, count) = struct.unpack_from("<Q", header, 40), struct.unpack_from("<HH", header, 58)
        file.seek(table)
        rows = [struct.unpack_from("<IIQQQQ", file.read(size)) for _ in range(count)]
    nothing, loaded = 8, 2  # SHT_NOBITS, SHF_ALLOC
    kept = [row for row in rows if row[2] & loaded]
    return max(row[4] + row[5] for row in kept if row[1] != nothing) + size * len(kept)


@check("the program is small: 40 MB without symbols, 20 MiB resident while nobody asks")
def _(lab):
    expect(stripped(lab.binary) <= 40_000_000, "at most 40 MB without symbols", stripped(lab.binary))
    proxy, _ = lab.simple()
    # What the start alone read of the program goes soon.
    eventually(lambda: proxy.resident() <= 20 * MB, "at most 20 MiB resident", within=15)


# ---------------------------------------------------------------- systemd


class Notify:
    """A socket as systemd's NOTIFY_SOCKET; keeps what comes, with its time."""

    def __init__(self, lab, abstract=False):
        self.path = str(lab.folder / "notify")
        self.address = f"@{self.path}" if abstract else self.path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.path if abstract else self.path)
        self.messages = []
        threading.Thread(target=self._read, daemon=True).start()
        lab.after(self.socket.close)

    def _read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            self.messages.append(
                (time.monotonic(), dict(line.split("=", 1) for line in data.decode().split("\n") if "=" in line))
            )

    def told(self, name, since=0):
        return [message[name] for at, message in self.messages if name in message and at > since]

    def wait(self, name, value=None, since=0, within=5):
        return eventually(
            lambda: [told for told in self.told(name, since) if value in (None, told)],
            f"{name}{'=' + value if value else ''} at NOTIFY_SOCKET (so far {[m for _, m in self.messages]})",
            within,
        )


@check("systemd is told READY once the listener is bound, and STATUS ({kind} socket)", rows=["path", "abstract"])
def _(lab, kind):
    notify = Notify(lab, kind == "abstract")
    p, _up = lab.simple(env={"NOTIFY_SOCKET": notify.address})
    notify.wait("READY", "1")
    equal(p.send("GET", "/healthz").status, 200, "the status at once after READY")
    expect(notify.wait("STATUS")[0].strip(), "a STATUS that says something")
    lacks(str(notify.messages), USER_KEY, "the messages")


@check("systemd is told nothing of READY while the configuration is bad")
def _(lab):
    notify = Notify(lab)
    p, _up = lab.simple(start=False, env={"NOTIFY_SOCKET": notify.address})
    p.config.write_text("nonsense: 1\n")
    p.spawn("--config", str(p.config))
    equal(p.wait(), 78, "the exit code")
    time.sleep(0.1)
    equal(notify.told("READY"), [], "READY")


@check("a SIGHUP is told as RELOADING with MONOTONIC_USEC, then READY")
def _(lab):
    notify = Notify(lab)
    p, _up = lab.simple(env={"NOTIFY_SOCKET": notify.address})
    notify.wait("READY", "1")
    time.sleep(0.3)
    since, before = time.monotonic(), time.clock_gettime(time.CLOCK_MONOTONIC)
    p.signal(signal.SIGHUP)
    notify.wait("RELOADING", "1", since)
    told = [m for at, m in notify.messages if at > since and "RELOADING" in m][0]
    expect("MONOTONIC_USEC" in told, "MONOTONIC_USEC with RELOADING", told)
    usec = int(told["MONOTONIC_USEC"]) / 1e6
    expect(before - 0.1 <= usec <= before + 5, "the time of the reload on CLOCK_MONOTONIC", (before, usec))
    notify.wait("READY", "1", since)


@check("a bad edit is told in STATUS, and READY follows RELOADING all the same")
def _(lab):
    notify = Notify(lab)
    p, _up = lab.simple(env={"NOTIFY_SOCKET": notify.address})
    notify.wait("READY", "1")
    since = time.monotonic()
    p.config.write_text(p.config.read_text() + "surprise: 1\n")
    p.signal(signal.SIGHUP)
    eventually(
        lambda: any("surprise" in s or "error" in s.lower() for s in notify.told("STATUS", since)), "a STATUS about the error"
    )
    if notify.told("RELOADING", since):
        notify.wait("READY", "1", since)
    served(p.ask())


@check("SIGTERM is told as STOPPING")
def _(lab):
    notify = Notify(lab)
    p, _up = lab.simple(env={"NOTIFY_SOCKET": notify.address})
    notify.wait("READY", "1")
    equal(p.stop(), 0, "the exit code")
    notify.wait("STOPPING", "1", within=1)


@check("the watchdog is fed at least twice in its interval, and only when it is asked for")
def _(lab):
    notify = Notify(lab)
    lab.simple(env={"NOTIFY_SOCKET": notify.address, "WATCHDOG_USEC": "600000"})
    notify.wait("READY", "1")
    time.sleep(2.0)
    expect(len(notify.told("WATCHDOG")) >= 4, "four WATCHDOG=1 or more in 2 s with an interval of 0.6 s", notify.told("WATCHDOG"))
    quiet = Notify(_Sub(lab))
    lab.simple(env={"NOTIFY_SOCKET": quiet.address})
    quiet.wait("READY", "1")
    time.sleep(0.8)
    equal(quiet.told("WATCHDOG"), [], "WATCHDOG without WATCHDOG_USEC")


class _Sub:
    """A lab's folder under the lab, for a second socket."""

    def __init__(self, lab):
        self.folder, self.after = lab.folder / "second", lab.after
        self.folder.mkdir()


@check("a NOTIFY_SOCKET that is not there keeps nothing from running")
def _(lab):
    p, _up = lab.simple(env={"NOTIFY_SOCKET": str(lab.folder / "nobody")})
    served(p.ask())


# ---------------------------------------------------------------- signals


@check("SIGTERM lets an open stream end whole, takes no new connection, and the exit code is 0")
def _(lab):
    p, up = lab.simple()
    body = [ANTHROPIC.begin("m"), *[ANTHROPIC.words("x")] * 10, ANTHROPIC.end()]
    up.reply(stream(body, pause=0.15))
    events = p.open_stream()
    events.next()
    p.signal(signal.SIGTERM)
    p.meant_to_end = True

    def refused():
        try:
            return p.send("GET", "/healthz", timeout=1).status != 200
        except (OSError, Failure):
            return True

    eventually(refused, "new connections refused", 1.2)
    answer = events.rest()
    equal((answer.body, answer.complete), (b"".join(body), True), "the stream that was open")
    equal(p.wait(), 0, "the exit code")


@check("SIGTERM is logged with the requests that are in flight, kept connections left out")
def _(lab):
    p, up = lab.simple()
    gate = threading.Event()
    lab.after(gate.set)

    def gated(_request, wire):
        wire.send(head(200, [("Content-Type", "text/event-stream")], "close", 0) + ANTHROPIC.begin("m"))
        gate.wait(10)
        wire.send(ANTHROPIC.end())
        wire.close()

    kept = p.connect()
    served(kept.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()))
    up.reply(gated)
    told = p.open_stream()
    told.next()
    p.signal(signal.SIGTERM)
    p.meant_to_end = True
    p.wait_log("proxyd stops requests_in_flight=")
    gate.set()
    contains(told.rest().body, b"message_stop", "the end of the stream that was open")
    told.connection.close()
    equal(p.wait(), 0, "the exit code")
    equal(re.findall(r"proxyd stops requests_in_flight=(\d+)", p.output()), ["1"], "the requests in flight")


@check("SIGTERM lets a whole answer that is awaited come")
def _(lab):
    p, up = lab.simple()
    up.reply(after(1.0, whole(ANTHROPIC.whole("m"))))
    connection = p.connect()
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request())
    up.wait(1)
    p.signal(signal.SIGTERM)
    p.meant_to_end = True
    equal(served(connection.answer()).body, ANTHROPIC.whole("m"), "the answer")
    equal(p.wait(), 0, "the exit code")


READERS = {
    "a long whole answer": (head(200, [("Content-Type", "application/json")], "length", 24 * MB), lambda piece: piece, b""),
    "a long whole answer in chunks": (
        head(200, [("Content-Type", "application/json")], "chunked", 0),
        lambda piece: b"%x\r\n%s\r\n" % (len(piece), piece),
        b"0\r\n\r\n",
    ),
}


@check(
    "SIGTERM while a slow reader has got the beginning of {what}: it gets all of it, and the exit code is 0",
    rows=list(READERS),
)
def _(lab, what):
    opening, frame, end = READERS[what]
    p, up = lab.simple()
    pieces = [bytes([65 + i % 26]) * 65536 for i in range(24 * 16)]
    begins, ends = b'{"type":"message","content":[{"type":"text","text":"', b'"}]}'
    pieces[0], pieces[-1] = begins + pieces[0][len(begins) :], pieces[-1][len(ends) :] + ends
    up.reply(raw(opening + b"".join(frame(piece) for piece in pieces) + end, then="keep"))
    connection = p.connect(receive_buffer=65536)
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request())
    answer = connection.final_head()
    p.signal(signal.SIGTERM)
    p.meant_to_end = True
    time.sleep(1.5)
    told = []
    for part in connection.pieces(answer, "POST"):
        told.append(part)
        time.sleep(0.001)
    equal((len(b"".join(told)), answer.complete), (24 * MB, True), "the bytes that came, and their end")
    equal(b"".join(told) == b"".join(pieces), True, "whether they are the upstream's")
    equal(p.wait(), 0, "the exit code")


@check(
    "SIGTERM when the upstream is done with {what} and its reader is not: nothing of it is lost",
    rows=["a stream", "a whole answer"],
)
def _(lab, what):
    p, up = lab.simple()
    is_stream = what == "a stream"

    def long(request, wire):
        """Closes behind its body: proxyd then takes in what the kernel holds, however little room its client has."""
        size = int(request.model.split("-")[1]) * 1024
        body = ANTHROPIC.stream("m", "x" * size) if is_stream else b'{"content":[{"text":"' + b"z" * (size - 25) + b'"}]}'
        kind = "text/event-stream" if is_stream else "application/json"
        wire.send(head(200, [("Content-Type", kind)], "close", 0) + body)
        wire.close()

    up.reply(long)
    # How much the kernel takes of an answer that nobody reads, and from where on the rest lies in proxyd, differs.
    readers = []
    for size in (512, 1500, 2900, 3100, 3300, 3500, 3700):
        connection = p.connect(receive_buffer=4096)
        connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(f"claude-{size}", is_stream))
        readers.append((size, connection))
    up.wait(len(readers))
    time.sleep(1.0)
    p.signal(signal.SIGTERM)
    p.meant_to_end = True
    time.sleep(1.0)
    for size, connection in readers:
        answer = connection.answer()
        wanted = len(ANTHROPIC.stream("m", "x" * size * 1024)) if is_stream else size * 1024
        equal((len(answer.body), answer.complete), (wanted, True), f"the bytes of {size} KB that came, and their end")
    equal(p.wait(), 0, "the exit code")


@check("SIGTERM does not wait for connections that are idle")
def _(lab):
    p, _up = lab.simple()
    connections = [p.connect() for _ in range(5)]
    for connection in connections[:3]:
        served(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()))
    connections[4].send(b"POST /v1/messages HTTP/1.1\r\nHo")
    begun = time.monotonic()
    equal(p.stop(8), 0, "the exit code")
    expect(time.monotonic() - begun < 6, "an end within 6 s", time.monotonic() - begun)


@check("SIGINT ends it as SIGTERM does")
def _(lab):
    p, _up = lab.simple()
    p.signal(signal.SIGINT)
    equal(p.wait(), 0, "the exit code")


@check(
    "neither a stream that never ends nor a second SIGTERM makes it immortal: the stream is cut with an error",
    seconds=120,
)
def _(lab):
    p, up = lab.simple()

    def forever(_request, wire):
        wire.send(head(200, [("Content-Type", "text/event-stream")], "close", 0) + ANTHROPIC.begin("m"))
        while not wire.wait_gone(0.1):
            wire.send(ANTHROPIC.words("x"))
        wire.close()

    up.reply(forever)
    events = p.open_stream()
    events.next()
    p.signal(signal.SIGTERM)
    p.meant_to_end = True
    time.sleep(0.5)
    p.signal(signal.SIGTERM)
    answer = events.rest()
    expect(ANTHROPIC.error_in(answer.body), "an error event at the end", answer.body[-300:])
    expect(not ANTHROPIC.finished(answer.body), "no invented ending", answer.body[-300:])
    equal(p.wait(), 0, "the exit code")


@check("clients that reset in the middle of everything do not end it")
def _(lab):
    p, up = lab.simple()
    up.reply(stream([ANTHROPIC.begin("m"), *[ANTHROPIC.words("x" * 2000)] * 50, ANTHROPIC.end()]))
    for i in range(60):
        connection = p.connect()
        connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request(stream=True))
        if i % 3:
            connection.stream().next()
        connection.abort()
    served(p.ask(stream=True))


# ---------------------------------------------------------------- the log


def _lines(p):
    return [line for line in p.output().splitlines() if line.strip()]


@check("log.format json: every line is a JSON object; each request has one with its outcome")
def _(lab):
    p, up = lab.simple("log: {level: info, format: json, requests: true}")
    up.reply(status(400), model="claude-bad")
    ids = [
        p.ask().header("x-request-id"),
        p.ask("openai", stream=True).header("x-request-id"),
        p.ask(model="claude-bad").header("x-request-id"),
        p.ask(key="sk-wrong").header("x-request-id"),
    ]
    for number, name in zip(ids, ("a whole answer", "a stream", "an error of the upstream", "a refusal")):
        eventually(lambda: any(number in line for line in _lines(p)), f"a line with the request id of {name}")
    told = [json.loads(line) for line in _lines(p)]
    expect(all(isinstance(line, dict) for line in told), "objects on every line")
    for number, code, part in zip(ids, (200, 200, 400, 401), ("claude-test", "gpt-test", "claude-bad", "")):
        mine = [json.dumps(line) for line in told if number in json.dumps(line)]
        equal(len(mine), 1, "lines of one request")
        contains(mine[0], str(code), "the line of the request")
        contains(mine[0], part, "the line of the request")


@check("log.format text: each request has one line with its outcome")
def _(lab):
    p, _up = lab.simple("log: {level: info, format: text, requests: true}")
    number = p.ask(model="claude-logged").header("x-request-id")
    mine = eventually(lambda: [line for line in _lines(p) if number in line], "a line with the request id")
    equal(len(mine), 1, "lines of one request")
    for part in ("claude-logged", "200", "claude", "user"):
        contains(mine[0], part, "the line")


@check("log.requests false: no line for a request")
def _(lab):
    p, _up = lab.simple("log: {level: info, format: text, requests: false}")
    time.sleep(0.3)  # what it says of its start may still be on the way
    before = len(_lines(p))
    for _ in range(5):
        served(p.ask())
    time.sleep(0.3)
    equal(_lines(p)[before:], [], "lines after five requests")


@check("a line break in a model or a header cannot forge a line of the log ({form})", rows=["text", "json"])
def _(lab, form):
    p, _up = lab.simple(f"log: {{level: debug, format: {form}, requests: true}}")
    p.ask(model="claude-x\nFORGED line one\r\nFORGED line two")
    p.ask(model="nope\nFORGED \x1b[31m red", headers={"User-Agent": "x\tFORGED"})
    time.sleep(0.3)
    equal([line for line in _lines(p) if line.startswith("FORGED")], [], "forged lines")
    lacks(p.output(), "\x1b[31m", "the log")


@check("a fallback can be seen in the log: which tier failed and which one served")
def _(lab):
    p, first, _second = lab.tiers(2, more="log: {level: info, format: text, requests: true}")
    first.reply(status(503))
    number = p.ask().header("x-request-id")
    mine = eventually(lambda: [line for line in _lines(p) if number in line], "a line with the request id")
    contains(" ".join(mine), "t2", "the lines of the request")


# ---------------------------------------------------------------- starting


@check("a port that is taken is told, and the exit code is an error")
def _(lab):
    p, up = lab.simple(start=False)
    p.config.write_text(p.config.read_text().replace(f"127.0.0.1:{p.port}", f"127.0.0.1:{up.port}", 1))
    p.spawn("--config", str(p.config))
    expect(p.wait() > 0, "an exit code that is an error", p.process.returncode)
    contains(p.output(), str(up.port), "the output")


@check("a state folder that cannot be made is told, and the exit code is 73")
def _(lab):
    p, _up = lab.simple("state: '@DIR@/proxy.yaml/state'", start=False)
    p.spawn("--config", str(p.config))
    equal(p.wait(), 73, "the exit code")
    contains(p.output(), "state", "the output")


@check("without `state` and with STATE_DIRECTORY the state is kept there")
def _(lab):
    up = lab.upstream()
    folder = lab.folder / "given-by-systemd"
    folder.mkdir()
    p = lab.proxyd(
        f"upstreams: {{a: {up.declare()}}}\nrules: [{{name: all, tiers: [a]}}]", start=False, env={"STATE_DIRECTORY": str(folder)}
    )
    p.config.write_text("".join(line for line in p.config.read_text().splitlines(True) if not line.startswith("state:")))
    p.start()
    p.create_key()
    served(p.ask())
    expect(any(folder.iterdir()), "files in $STATE_DIRECTORY")


@check("state files are for their owner only")
def _(lab):
    p, _up = lab.simple()
    p.create_key()
    served(p.ask())
    p.stop()
    for path in p.state.rglob("*"):
        if path.is_file():
            equal(path.stat().st_mode & 0o077, 0, f"the permissions of {path.name} for others")


def _needs_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        raise Skip("no IPv6 loopback here") from None


@check("two listeners serve alike, over IPv6 too")
def _(lab):
    _needs_ipv6()
    second, third = free_port(), free_port()
    p, _up = lab.simple(f"listen: ['127.0.0.1:@PORT@', '127.0.0.1:{second}', '[::1]:{third}']")
    p.wait_listening(second)
    p.wait_listening(third, "::1")
    equal(p.send("GET", "/healthz", port=second).status, 200, "the status on the second listener")
    with Connection(third, "::1") as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        equal(connection.answer().status, 200, "the status on [::1]")


@check("a client of an IPv6 listener has its address in client.ip")
def _(lab):
    _needs_ipv6()
    port = free_port()
    p, _up = lab.simple(
        f"listen: ['127.0.0.1:@PORT@', '[::1]:{port}']",
        rules="- {when: 'client.ip == \"::1\"', reject: {status: 403, message: six}}\n- {tiers: [claude]}",
    )
    p.wait_listening(port, "::1")
    with Connection(port, "::1") as connection:
        connection.send(request_bytes("POST", ANTHROPIC.path, "x", p.headers(), ANTHROPIC.request()))
        equal(connection.answer().status, 403, "the status over IPv6")
    served(p.ask())


@check("a thousand idle connections cost little memory", seconds=60)
def _(lab):
    p, _up = lab.simple()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        raise Skip("too few file descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    lab.after(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
    p.restart()
    served(p.ask())
    before = p.resident()
    held = [p.connect() for _ in range(1000)]
    equal(held[-1].ask("GET", "/healthz").status, 200, "the status on the last one")
    grown = (p.resident() - before) / 1000
    expect(grown < 32 * 1024, "less than 32 KiB for each", grown)


@check("proxyd simulate --help says what it is for and exits 0")
def _(lab):
    done = subprocess.run([lab.binary, "simulate", "--help"], capture_output=True, timeout=10)
    equal(done.returncode, 0, "the exit code")
    expect(done.stdout.strip(), "a help text")
