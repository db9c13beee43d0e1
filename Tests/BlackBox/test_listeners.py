"""Listeners: an address is what makes one; everything else about it changes by saving, and nothing that is open is cut."""

import os
import signal
import socket
import threading
import time

import certificates
from checks import Failure, check, contains, equal, eventually, expect
from dialects import ANTHROPIC
from harness import ADMIN_KEY, served
from ports import free_port
from upstream import stream, whole
from wire import Connection


class Listening:
    """proxyd with one upstream, a plain address of its own for the harness and a second one that is played with."""

    def __init__(self, lab, listen="'127.0.0.1:@OTHER@'", admin="", tail=""):
        self.lab, self.up, self.other = lab, lab.upstream(), free_port()
        self.up.reply(whole(ANTHROPIC.whole("m", "hello")), streamed=False)
        self.p = lab.proxyd(self.text(listen, admin, tail), start=False, OTHER=self.other)
        certificates.copy(self.p.folder, "server.pem", "server.key", "renewed.pem", "renewed.key", "root.pem", "other-root.pem")

    def text(self, listen, admin="", tail=""):
        return (
            f"listen: ['127.0.0.1:@PORT@', {listen}]\n"
            f"admin: {{key: {ADMIN_KEY}{', ' + admin if admin else ''}}}\n"
            f"upstreams: {{a: {self.up.declare()}}}\n"
            f'rules: [{{name: all, models: ["*"], tiers: [a]}}]\n{tail}\n'
        )

    def start(self):
        self.p.start()
        # One address is bound after the other.
        self.p.wait_listening(self.other)
        return self

    def save(self, text, way="in place"):
        """Saves the file in one of the ways that a reload comes about."""
        if way == "renamed over":
            self.p.replace(text)
        elif way == "symlink":
            target = self.p.folder / f"version-{time.monotonic_ns()}"
            target.write_text(self.p.compose(text))
            link = self.p.folder / ".link"
            link.symlink_to(target)
            os.replace(link, self.p.config)
        else:
            self.p.write(text)
            if way == "SIGHUP":
                self.p.signal(signal.SIGHUP)
            elif way == "POST /admin/reload":
                self.p.admin("POST", "/admin/reload")

    def open_stream(self):
        """A stream on the second address that ends when the given event is set."""
        gate = threading.Event()
        self.lab.after(gate.set)

        def paced(request, wire):
            def pieces():
                yield ANTHROPIC.begin("m")
                gate.wait(60)
                yield ANTHROPIC.end()

            stream(pieces())(request, wire)

        self.up.reply(paced, streamed=True)
        connection = Connection(self.other)
        self.lab.after(connection.close)
        body = ANTHROPIC.request(None, True)
        connection.request("POST", ANTHROPIC.path, self.p.headers(headers=[("Content-Type", "application/json")]), body)
        running = connection.stream()
        running.next()
        return running, gate

    def plain(self, path="/healthz", host="127.0.0.1", key=None, port=None):
        """The answer's status on the second address, 0 where there is none."""
        try:
            with Connection(port or self.other, host=host, timeout=2) as connection:
                return connection.ask("GET", path, self.p.headers(key) if key else []).status
        except (OSError, Failure):
            return 0

    def secure(self, certificate=None):
        try:
            return certificates.get(self.other, certificate=certificate)
        except OSError:
            return 0

    def shows_headers(self):
        answer = self.p.send("POST", ANTHROPIC.path, ANTHROPIC.request(), headers=[("Content-Type", "application/json")], port=self.other)
        return served(answer).header("x-proxyd-rule") is not None

    def error(self):
        return self.p.health()["config"]["error"]


PLAIN = "'127.0.0.1:@OTHER@'"
TLS = "{address: '127.0.0.1:@OTHER@', tls: {certificate: server.pem, key: server.key}}"
RENEWED = TLS.replace("server", "renewed")
QUIET = "{address: '127.0.0.1:@OTHER@', headers: {proxyd: false}}"
MUTUAL = TLS.replace("server.key}", "server.key, client_ca: root.pem}")

CHANGES = {
    "headers off": (PLAIN, QUIET, "", lambda s: not s.shows_headers(), "headers"),
    "headers on": (QUIET, PLAIN, "", lambda s: s.shows_headers(), "headers"),
    "TLS on": (PLAIN, TLS, "", lambda s: s.secure() == 200 and s.plain() != 200, "tls on"),
    "client certificates asked for": (PLAIN, MUTUAL, "", lambda s: s.secure("client") == 200 and not s.secure(), "tls on"),
    "to all addresses": (PLAIN, "'0.0.0.0:@OTHER@'", "", lambda s: s.plain(host="127.0.0.2") == 200 and s.plain() == 200, "0.0.0.0"),
    "to one address": ("'0.0.0.0:@OTHER@'", PLAIN, "", lambda s: s.plain(host="127.0.0.2") == 0 and s.plain() == 200, "127.0.0.1"),
    "admin moves away": (PLAIN, PLAIN, "listen: '127.0.0.1:@THIRD@'", lambda s: s.plain("/admin/keys", key=ADMIN_KEY) == 404, "admin"),
    "admin moves here": (
        PLAIN, PLAIN, "listen: '127.0.0.1:@OTHER@'",
        lambda s: s.plain("/admin/keys", key=ADMIN_KEY) == 200 and s.plain() == 200
        and s.plain("/admin/keys", key=ADMIN_KEY, port=s.p.port) == 404, "admin",
    ),
}
WAYS = ["in place", "renamed over", "symlink", "SIGHUP", "POST /admin/reload"]


@check(
    "{change}, saved {way}: it applies, and a stream that runs ends whole",
    rows=[(change, WAYS[index % len(WAYS)]) for index, change in enumerate(CHANGES)] + [("TLS on", way) for way in WAYS[:2]],
)
def _(lab, change, way):
    before, after, admin, holds, word = CHANGES[change]
    s = Listening(lab, before)
    s.p.places["THIRD"] = free_port()
    s.start()
    expect(not holds(s), f"{change} does not hold before")
    running, gate = s.open_stream()
    s.save(s.text(after, admin), way)
    eventually(lambda: holds(s), change, 20)
    equal(s.error(), None, "the error in /health")
    contains(next(line for line in s.p.output().splitlines() if "configuration applied" in line), word, "the log's line")
    gate.set()
    answer = running.rest()
    equal((answer.body, answer.complete), (ANTHROPIC.begin("m") + ANTHROPIC.end(), True), "the stream")


@check("TLS goes off again, a renewed pair is shown, and the socket stays all the while")
def _(lab):
    s = Listening(lab, TLS).start()
    equal((s.secure(), s.plain()), (200, 0), "TLS and plain at the start")
    s.save(s.text(RENEWED))
    eventually(lambda: certificates.shows(s.other, "renewed"), "the other pair", 8)
    s.save(s.text(PLAIN))
    eventually(lambda: s.plain() == 200 and not s.secure(), "plain HTTP", 8)
    s.save(s.text(TLS))
    eventually(lambda: s.secure() == 200, "TLS again", 8)


@check("a port goes from one address to all and back while clients come: none is refused")
def _(lab):
    s = Listening(lab, PLAIN).start()
    over, failures, count = threading.Event(), [], [0]

    def load():
        while not over.is_set():
            count[0] += 1
            if s.plain() != 200:
                failures.append(time.monotonic())

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            s.save(s.text("'0.0.0.0:@OTHER@'"))
            eventually(lambda: s.plain(host="127.0.0.2") == 200, "all addresses", 8)
            s.save(s.text(PLAIN))
            eventually(lambda: s.plain(host="127.0.0.2") == 0, "one address", 8)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    expect(count[0] > 100, f"some load, not {count[0]} requests")
    equal(len(failures), 0, f"requests of {count[0]} that failed")


@check("after a port went to all addresses, a second proxyd is told that it is taken")
def _(lab):
    s = Listening(lab, PLAIN).start()
    s.save(s.text("'0.0.0.0:@OTHER@'"))
    eventually(lambda: s.plain(host="127.0.0.2") == 200, "all addresses", 8)
    for listen in ("127.0.0.1", "0.0.0.0"):
        second = lab.proxyd(s.text(PLAIN).replace("'127.0.0.1:@PORT@', '127.0.0.1", f"'{listen}"), start=False, OTHER=s.other)
        second.spawn("--config", str(second.config))
        second.meant_to_end = True
        equal(second.wait(), 69, f"the exit status of a second one on {listen}")
        contains(second.output(), "cannot listen", "what it says")


@check("why proxyd does not start is told on standard error too where the log is a file")
def _(lab):
    first, _up = lab.simple()
    second, _up = lab.simple(f"listen: 127.0.0.1:{first.port}\nlog: {{file: '@DIR@/proxyd.log'}}", start=False)
    second.spawn("--config", str(second.config))
    second.meant_to_end = True
    equal(second.wait(), 69, "the exit status")
    contains((second.folder / "stderr.log").read_text(), "cannot listen", "standard error")


@check("an address of `admin.listen` that `listen` has too, with other settings, is an error")
def _(lab):
    s = Listening(lab, TLS)
    s.p.write(s.text(TLS, "listen: {address: '127.0.0.1:@OTHER@', headers: {proxyd: false}}"))
    s.p.spawn("--check-config", "--config", str(s.p.config))
    s.p.meant_to_end = True
    equal(s.p.wait(), 78, "the exit status")
    contains(s.p.output(), "says otherwise", "what it says")


@check("a kept connection that was plain is answered once more after TLS came on, and then closed")
def _(lab):
    s = Listening(lab, PLAIN).start()
    with Connection(s.other) as connection:
        equal(connection.ask("GET", "/healthz").status, 200, "the first answer")
        s.save(s.text(TLS))
        eventually(lambda: s.secure() == 200, "TLS", 8)
        answer = connection.ask("GET", "/healthz")
        equal((answer.status, answer.header("connection")), (200, "close"), "the answer after the change")


@check("a kept connection goes on when only the certificate or the headers change")
def _(lab):
    s = Listening(lab, PLAIN).start()
    with Connection(s.other) as connection:
        for text in (QUIET, PLAIN, QUIET):
            s.save(s.text(text))
            eventually(lambda: s.shows_headers() == (text == PLAIN), "the headers", 8)
            equal(connection.ask("GET", "/healthz").status, 200, "the answer on the same connection")


@check("every change of a listener, one after another, with 50 open streams and clients that come: none is cut, none refused", seconds=90)
def _(lab):
    s = Listening(lab, PLAIN)
    s.p.places["THIRD"] = free_port()
    s.start()
    streams = [s.open_stream() for _ in range(50)]
    over, refused, count = threading.Event(), [], [0]

    def load():
        """Whoever connects is accepted: what is spoken on the address changes under it, that somebody listens does not."""
        while not over.is_set():
            count[0] += 1
            try:
                socket.create_connection(("127.0.0.1", s.other), 2).close()
            except OSError as error:
                refused.append(error)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for change, (before, after, admin, holds, _) in CHANGES.items():
            s.save(s.text(before))
            eventually(lambda: not holds(s) and s.error() is None, f"before: {change}", 20)
            s.save(s.text(after, admin))
            eventually(lambda: holds(s), change, 20)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    expect(count[0] > 100, f"some load, not {count[0]} connections")
    equal(refused, [], f"connections of {count[0]} that were refused")
    for running, gate in streams:
        gate.set()
        answer = running.rest()
        equal((answer.body, answer.complete), (ANTHROPIC.begin("m") + ANTHROPIC.end(), True), "a stream")


@check("a save that is refused for one address opens none of the others")
def _(lab):
    house = Listening(lab).start()
    fresh, taken = free_port(), free_port()
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", taken))
        busy.listen(1)
        house.p.write(house.text(f"'127.0.0.1:{house.other}', '127.0.0.1:{fresh}', '127.0.0.1:{taken}'"))
        house.p.wait_log("configuration refused")
        with socket.socket() as sock:
            expect(sock.connect_ex(("127.0.0.1", fresh)) != 0, "nobody listens at an address of what was refused")
    served(house.p.ask())
