"""Sockets: PROXY headers, Unix sockets, and those that the service manager passes on."""

import os
import socket
import stat
import struct
import subprocess
import sys
import threading
import time

from checks import check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC
from harness import ADMIN_KEY, served
from ports import free_port
from wire import request_bytes

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
POLICY = "policies: {default: {allow_from: ['10.0.0.0/8', '2001:db8::/32']}}"
LISTEN = "listen: {address: '127.0.0.1:@PORT@', proxy_protocol: true}"


def v2(command, family, block=b""):
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(block)) + block


def v4(source, more=b""):
    return v2(0x21, 0x11, socket.inet_aton(source) + socket.inet_aton("127.0.0.1") + struct.pack("!HH", 4711, 443) + more)


def v6(source):
    address = socket.inet_pton(socket.AF_INET6, source)
    return v2(0x21, 0x21, address + address + struct.pack("!HH", 4711, 443))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def summed(source, wrong=0):
    """With the checksum of the whole header in a TLV, behind another one."""
    blank = v4(source, b"\x04\x00\x01a\x03\x00\x04" + bytes(4))
    return blank[:-4] + struct.pack("!I", crc32c(blank) ^ wrong)


def proxied(lab, more="trusted_proxies: [127.0.0.0/8]", listen=LISTEN):
    """proxyd that takes PROXY headers, and has a listener without for the harness."""
    port = free_port()
    p, _up = lab.simple(f"listen: [{listen.removeprefix('listen: ').replace('@PORT@', str(port))}, '127.0.0.1:@PORT@']\n{more}")
    p.wait_listening(port)
    return p, port


def talk(lab, port, *parts, pause=0.05):
    """Sends the parts and reads until the connection ends, or two seconds passed without a byte."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.settimeout(2)
        got = b""
        try:
            for part in parts:
                sock.sendall(part)
                time.sleep(pause)
            while part := sock.recv(65536):
                got += part
        except TimeoutError:
            got += b"<timeout>"
        except OSError:
            pass
        return got


def request(p):
    return request_bytes("POST", ANTHROPIC.path, "x", [*p.headers(), ("Connection", "close"), ("Content-Type", "application/json")], ANTHROPIC.request())


HEADERS = {
    "v1 TCP4": (b"PROXY TCP4 10.1.2.3 127.0.0.1 4711 443\r\n", 200),
    "v1 TCP4 of elsewhere": (b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n", 403),
    "v1 TCP6": (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", 200),
    "v1 TCP6 of elsewhere": (b"PROXY TCP6 2001:db9::7 ::1 4711 443\r\n", 403),
    "v1 UNKNOWN": (b"PROXY UNKNOWN\r\n", 403),
    "v1 UNKNOWN with more": (b"PROXY UNKNOWN 10.1.2.3 10.1.2.3 1 2\r\n", 403),
    "v2 TCP4": (v4("10.1.2.3"), 200),
    "v2 TCP4 of elsewhere": (v4("192.0.2.1"), 403),
    "v2 TCP4 with TLVs": (v4("10.1.2.3", b"\x04\x00\x03abc\x01\x00\x00"), 200),
    "v2 TCP4 with its checksum": (summed("10.1.2.3"), 200),
    "v2 TCP6": (v6("2001:db8::7"), 200),
    "v2 LOCAL": (v2(0x20, 0x00), 403),
    "v2 LOCAL with addresses": (v2(0x20, 0x11, socket.inet_aton("10.1.2.3") * 2 + b"\0\1\0\2"), 403),
    "v2 unspecified": (v2(0x21, 0x00, b"abc"), 403),
    "v2 unix": (v2(0x21, 0x31, b"/a".ljust(216, b"\0")), 403),
}


@check("a PROXY header names the client: {name}", rows=list(HEADERS))
def _(lab, name):
    p, port = proxied(lab, f"trusted_proxies: [127.0.0.0/8]\n{POLICY}")
    header, status = HEADERS[name]
    for parts in ([header + request(p)], [header, request(p)], [bytes([byte]) for byte in header] + [request(p)]):
        answer = talk(lab, port, *parts, pause=0.002)
        contains(answer, f"HTTP/1.1 {status} ".encode(), f"the answer ({len(parts)} parts)")


BROKEN = {
    "none": b"",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01",
    "v1 in small letters": b"proxy TCP4 10.1.2.3 127.0.0.1 4711 443\r\n",
    "v1 with two blanks": b"PROXY  TCP4 10.1.2.3 127.0.0.1 4711 443\r\n",
    "v1 with a bare line feed": b"PROXY TCP4 10.1.2.3 127.0.0.1 4711 443\n",
    "v1 with a wrong family": b"PROXY TCP4 2001:db8::7 ::1 4711 443\r\n",
    "v1 with a wrong port": b"PROXY TCP4 10.1.2.3 127.0.0.1 4711 65536\r\n",
    "v1 without an end": b"PROXY UNKNOWN " + b"x" * 200,
    "v2 of version 1": v2(0x11, 0x11, b"x" * 12),
    "v2 with an unknown command": v2(0x22, 0x11, b"x" * 12),
    "v2 with an unknown family": v2(0x21, 0x44, b"x" * 12),
    "v2 that is too short": v2(0x21, 0x21, b"x" * 12),
    "v2 that is too long": SIGNATURE + b"\x21\x11\xff\xff" + b"x" * 5000,
    "v2 with a broken TLV": v4("10.1.2.3", b"\x04\x00\x09abc"),
    "v2 with a wrong checksum": summed("10.1.2.3", wrong=1),
    "v2 with a checksum of another header": summed("10.1.2.3").replace(socket.inet_aton("10.1.2.3"), socket.inet_aton("10.1.2.4")),
    "v2 with a checksum of three bytes": v4("10.1.2.3", b"\x03\x00\x03abc"),
}


@check("a PROXY header that is none closes the connection, and the next one is served: {name}", rows=list(BROKEN))
def _(lab, name):
    p, port = proxied(lab)
    answer = talk(lab, port, BROKEN[name] + request(p))
    equal(answer, b"", "what comes back")
    contains(talk(lab, port, b"PROXY UNKNOWN\r\n" + request(p)), b"HTTP/1.1 200 ", "the next answer")
    text = p.send("GET", "/metrics", key=ADMIN_KEY).body.decode()
    contains(text, 'proxyd_connections_refused_total{reason="proxy_header"} 1', "the metrics")


@check("a PROXY header that does not end is waited for no longer than timeouts.head")
def _(lab):
    _p, port = proxied(lab, "trusted_proxies: [127.0.0.0/8]\ntimeouts: {head: 1s}")
    began = time.monotonic()
    equal(talk(lab, port, b"PROXY TCP4 "), b"", "what comes back")
    expect(time.monotonic() - began < 3, "it ends after a second", time.monotonic() - began)


@check("PROXY headers of somebody who is not trusted count for nothing")
def _(lab):
    p, port = proxied(lab, "trusted_proxies: [192.0.2.0/24]")
    equal(talk(lab, port, b"PROXY TCP4 10.1.2.3 127.0.0.1 4711 443\r\n" + request(p)), b"", "what comes back")
    contains(p.output(), "trusted_proxies does not have its address", "the log")


@check("where no PROXY header is awaited, one is no request")
def _(lab):
    p, _up = lab.simple("trusted_proxies: [127.0.0.0/8]")
    contains(talk(lab, p.port, b"PROXY TCP4 10.1.2.3 127.0.0.1 4711 443\r\n" + request(p)), b"HTTP/1.1 400 ", "the answer")


@check("X-Forwarded-For counts after a PROXY header if that names a trusted proxy")
def _(lab):
    p, port = proxied(lab, f"trusted_proxies: [127.0.0.0/8, 192.0.2.0/24]\n{POLICY}")
    forwarded = request(p).replace(b"\r\n", b"\r\nX-Forwarded-For: 10.1.2.3\r\n", 1)
    contains(talk(lab, port, b"PROXY TCP4 192.0.2.9 127.0.0.1 1 2\r\n" + forwarded), b"HTTP/1.1 200 ", "named by a trusted one")
    contains(talk(lab, port, b"PROXY TCP4 198.51.100.9 127.0.0.1 1 2\r\n" + forwarded), b"HTTP/1.1 403 ", "said by a client")


@check("after a PROXY header that names nobody X-Forwarded-For counts for nothing: {name}", rows=["v1 UNKNOWN", "v2 LOCAL", "v2 unspecified"])
def _(lab, name):
    p, port = proxied(lab, f"trusted_proxies: [127.0.0.0/8]\n{POLICY}")
    forwarded = request(p).replace(b"\r\n", b"\r\nX-Forwarded-For: 10.1.2.3\r\n", 1)
    contains(talk(lab, port, HEADERS[name][0] + forwarded), b"HTTP/1.1 403 ", "the answer")


@check(
    "proxy_protocol where nobody who connects is trusted is warned about: {lack}",
    rows=[
        ("", LISTEN, "without trusted_proxies:"), ("trusted_proxies: [unix]", LISTEN, "without an address in trusted_proxies:"),
        ("trusted_proxies: [10.0.0.0/8]", LISTEN.replace("127.0.0.1:@PORT@", "unix:@DIR@/p"), "without `unix` in trusted_proxies:"),
        ("trusted_proxies: [unix, 10.0.0.0/8]", LISTEN.replace("127.0.0.1:@PORT@", "unix:@DIR@/p"), ""),
    ],
)
def _(lab, trusted, listen, lack):
    p, _up = lab.simple(f"{listen}\n{trusted}", start=False)
    p.spawn("--check-config", "-c", str(p.config))
    equal(p.wait(), 0, "the exit code")
    if lack:
        contains(p.output(), f"proxy_protocol {lack} every connection is refused", "the warning")
    else:
        lacks(p.output(), "every connection is refused", "what is said")


# ---------------------------------------------------------------------------------------------------- Unix sockets


def over_unix(path, data):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(5)
        sock.connect(str(path))
        sock.sendall(data)
        got = b""
        while part := sock.recv(65536):
            got += part
        return got


def is_listened_on(path):
    """The file is there a moment before somebody listens."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(path)) == 0


def on_unix(lab, more="", start=True):
    p, _up = lab.simple(f"listen: ['127.0.0.1:@PORT@', 'unix:@DIR@/p.sock']\n{more}", start=start)
    return p, p.folder / "p.sock"


@check("a Unix socket is listened on, with its mode, and removed at the end")
def _(lab):
    p, path = on_unix(lab)
    equal(stat.S_IMODE(os.lstat(path).st_mode), 0o660, "the mode")
    contains(over_unix(path, request(p)), b"HTTP/1.1 200 ", "the answer")
    p.wait_log("client=unix")
    contains(p.output(), f"unix:{path}", "the log of the start")
    equal(p.stop(), 0, "the exit code")
    expect(not path.exists(), "the file is gone")


@check("a Unix socket's file that outlived its process is replaced")
def _(lab):
    p, path = on_unix(lab)
    p.kill()
    expect(path.exists(), "the file is still there")
    p.start()
    contains(over_unix(path, request(p)), b"HTTP/1.1 200 ", "the answer")


@check("a Unix socket's path at which there is {what} is left alone", rows=["somebody else", "a file", "a folder"])
def _(lab, what):
    p, path = on_unix(lab, start=False)
    if what == "somebody else":
        other = socket.socket(socket.AF_UNIX)
        lab.after(other.close)
        other.bind(str(path))
        other.listen(1)
    elif what == "a file":
        path.write_text("precious")
    else:
        path.mkdir()
    p.spawn("--config", str(p.config))
    equal(p.wait(), 69, "the exit code")
    contains(p.output(), f"cannot listen on unix:{path}", "the reason")
    if what == "somebody else":
        over = socket.socket(socket.AF_UNIX)
        over.connect(str(path))
        over.close()
    elif what == "a file":
        equal(path.read_text(), "precious", "the file")


@check("a Unix socket's client is {trust}: allow_from and X-Forwarded-For", rows=["not trusted", "trusted"])
def _(lab, trust):
    trusted = "unix" if trust == "trusted" else "0.0.0.0/0, '::/0'"
    p, path = on_unix(lab, f"trusted_proxies: [{trusted}]\n{POLICY}")
    contains(over_unix(path, request(p)), b"HTTP/1.1 403 ", "without X-Forwarded-For")
    forwarded = request(p).replace(b"\r\n", b"\r\nX-Forwarded-For: 10.1.2.3\r\n", 1)
    contains(over_unix(path, forwarded), b"HTTP/1.1 200 " if trust == "trusted" else b"HTTP/1.1 403 ", "with X-Forwarded-For")


@check("a Unix socket comes and goes by saving, and carries the admin plane")
def _(lab):
    p, path = on_unix(lab)
    other = p.folder / "q.sock"
    p.replace(p.config.read_text().replace("p.sock", "q.sock"))
    eventually(lambda: is_listened_on(other) and not path.exists(), "the new file, and not the old one")
    contains(over_unix(other, request(p)), b"HTTP/1.1 200 ", "the answer")
    p.replace(p.config.read_text().replace(f"admin: {{key: {ADMIN_KEY}}}", f"admin: {{key: {ADMIN_KEY}, listen: 'unix:{p.folder}/a.sock'}}"))
    eventually(lambda: is_listened_on(p.folder / "a.sock"), "the admin plane's socket")
    call = request_bytes("GET", "/admin/keys", "x", [("x-api-key", ADMIN_KEY), ("Connection", "close")])
    contains(over_unix(p.folder / "a.sock", call), b"HTTP/1.1 200 ", "the admin plane's answer")
    # An address is open before the file that brings it holds for what comes over the others.
    eventually(lambda: p.send("GET", "/admin/keys", key=ADMIN_KEY).status == 404, "no admin plane elsewhere")


@check("--check-config: {value} is no address of a Unix socket", rows=["unix:p.sock", "unix:", "unix:/", "unix://host/p", "unix:/" + "x" * 110])
def _(lab, value):
    p, _up = lab.simple(f"listen: ['127.0.0.1:@PORT@', '{value}']", start=False)
    p.spawn("--check-config", "-c", str(p.config))
    equal(p.wait(), 78, "the exit code")
    contains(p.output(), "listen[1]", "the place")


# ---------------------------------------------------------------------------------------------------- passed sockets


def pass_sockets(p, sockets, pid="own", names=None):
    """Starts proxyd as the service manager does: sockets from descriptor 3 on."""
    numbers = [sock.fileno() for sock in sockets]
    script = (
        "import os, sys\n"
        f"numbers = [os.dup(n) for n in {numbers}]\n"
        "numbers = [__import__('fcntl').fcntl(n, 0, 50) for n in numbers]\n"
        "for i, n in enumerate(numbers): os.dup2(n, 3 + i)\n"
        "for n in numbers: os.close(n)\n"
        f"pid = str(os.getpid()) if {pid!r} == 'own' else {pid!r}\n"
        f"os.environ.update(LISTEN_PID=pid, LISTEN_FDS={str(len(numbers))!r}, LISTEN_FDNAMES='a:b')\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    with open(p.folder / "stdout.log", "ab") as out:
        p.process = subprocess.Popen(
            [sys.executable, "-c", script, p.lab.binary, "--config", str(p.config)],
            pass_fds=numbers, stdout=out, stderr=out, cwd=p.folder, env={"PATH": os.environ["PATH"], "SWIFT_BACKTRACE": "enable=no"},
        )
    p.meant_to_end = False


def bound(lab, host, port, family=socket.AF_INET):
    sock = socket.socket(family)
    lab.after(sock.close)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((host, port))
    sock.listen(64)
    return sock


@check("a passed socket is used instead of one of its own: {kind}", rows=["IPv4", "all of both kinds", "Unix"])
def _(lab, kind):
    more = {"IPv4": "", "all of both kinds": "listen: 0.0.0.0:@PORT@", "Unix": "listen: ['127.0.0.1:@PORT@', 'unix:@DIR@/p.sock']"}[kind]
    p, _up = lab.simple(more, start=False)
    if kind == "Unix":
        sock = socket.socket(socket.AF_UNIX)
        lab.after(sock.close)
        sock.bind(str(p.folder / "p.sock"))
        sock.listen(64)
    elif kind == "IPv4":
        sock = bound(lab, "127.0.0.1", p.port)
    else:
        sock = bound(lab, "::", p.port, socket.AF_INET6)
    pass_sockets(p, [sock])
    p.wait_ready()
    served(p.ask())
    if kind == "Unix":
        contains(over_unix(p.folder / "p.sock", request(p)), b"HTTP/1.1 200 ", "the answer")
    lacks(p.output(), "does not have", "the log")
    lacks(open(f"/proc/{p.process.pid}/cmdline").read(), "LISTEN_FDS", "the command line")
    equal(p.stop(), 0, "the exit code")
    if kind == "Unix":
        expect((p.folder / "p.sock").exists(), "the manager's file is still there")


@check("a restart under a passed socket refuses nobody")
def _(lab):
    p, _up = lab.simple(start=False)
    sock = bound(lab, "127.0.0.1", p.port)
    pass_sockets(p, [sock])
    p.wait_ready()
    failures, answers, ends = [], [], threading.Event()

    def ask():
        while not ends.is_set():
            try:
                answers.append(p.send("GET", "/healthz", key=None, timeout=20).status)
            except Exception as error:  # noqa: BLE001: whatever it is, it is the finding
                failures.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(0.4)
        equal(p.stop(), 0, "the exit code")
        pass_sockets(p, [sock])
        p.wait_ready()
    time.sleep(0.3)
    ends.set()
    for thread in threads:
        thread.join()
    equal(failures, [], "failures")
    equal(set(answers), {200}, "the answers")


@check("a passed socket that listen does not have is told of; what is no socket too")
def _(lab):
    p, _up = lab.simple(start=False)
    other = bound(lab, "127.0.0.1", free_port())
    r, w = os.pipe()
    with os.fdopen(r, "rb") as pipe:
        pass_sockets(p, [bound(lab, "127.0.0.1", p.port), other, pipe])
        p.wait_ready()
    os.close(w)
    served(p.ask())
    contains(p.output(), f"127.0.0.1:{other.getsockname()[1]}", "the log")
    contains(p.output(), "no listening stream socket", "the log")


@check("a passed socket that a reload takes out of `listen` comes back by another, as does one that was not in it: {kind}", rows=["IPv4", "Unix", "IPv4 from the start on"])
def _(lab, kind):
    port = free_port()
    address = "unix:@DIR@/p.sock" if kind == "Unix" else f"127.0.0.1:{port}"
    without, with_it = "listen: ['127.0.0.1:@PORT@']", f"listen: ['127.0.0.1:@PORT@', '{address}']"
    p, _up = lab.simple(without if kind == "IPv4 from the start on" else with_it, start=False)
    if kind == "Unix":
        sock = socket.socket(socket.AF_UNIX)
        lab.after(sock.close)
        sock.bind(str(p.folder / "p.sock"))
        sock.listen(64)
    else:
        sock = bound(lab, "127.0.0.1", port)
    pass_sockets(p, [bound(lab, "127.0.0.1", p.port), sock])
    p.wait_ready()
    text = p.config.read_text()
    begins, ends = (p.compose(f"{each}\n").splitlines() for each in (without, with_it))
    without, with_it = (next(line for line in lines if line.startswith("listen:")) for lines in (begins, ends))
    for _ in range(2):
        for line in (without, with_it):
            p.replace(text.replace(with_it, line).replace(without, line))
            answer = p.admin("POST", "/admin/reload")
            equal(answer.status, 200, f"the reload with {line}")
    if kind == "Unix":
        contains(over_unix(p.folder / "p.sock", request(p)), b"HTTP/1.1 200 ", "the answer")
    else:
        contains(talk(lab, port, request(p)), b"HTTP/1.1 200 ", "the answer")
    served(p.ask())


@check("sockets that are meant for another process are left alone")
def _(lab):
    p, _up = lab.simple(start=False)
    pass_sockets(p, [bound(lab, "127.0.0.1", free_port())], pid="1")
    p.wait_ready()
    served(p.ask())
