"""Ways to upstreams: forward proxies, sockets of this machine, names with several addresses, and why no connection came about."""

import base64
import socket
import threading

import certificates
from checks import check, contains, equal, eventually, lacks
from dialects import ANTHROPIC
from ports import free_port
from upstream import whole


class Forwarder:
    """A forward proxy: keeps the heads it gets; tunnels CONNECT, answers anything else itself."""

    def __init__(self, lab, target=None, says=None):
        self.heads, self.target, self.says = [], target, says
        self.up = lab.upstream()
        self.up.by_hand(self.serve)
        self.url = self.up.url
        self.address = f"127.0.0.1:{self.up.port}"

    def serve(self, wire):
        head = b""
        while b"\r\n\r\n" not in head:
            data = wire.socket.recv(1)
            if not data:
                return
            head += data
        self.heads.append(head.decode("latin-1"))
        if self.says is not None:
            wire.send(self.says)
            wire.wait_gone(3)
            return
        if not head.startswith(b"CONNECT "):
            body = ANTHROPIC.whole("m", "hello")
            wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            wire.wait_gone(3)
            return
        wire.send(b"HTTP/1.1 200 Connection established\r\nvia: 1.1 proxy\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.target)) as other:
            there = threading.Thread(target=self.pump, args=(wire.socket, other), daemon=True)
            there.start()
            self.pump(other, wire.socket)
            there.join(3)

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            pass
        for sock in (source, sink):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


# A name that no resolver knows and that the certificates have.
HOST = "a.example"


def secured(lab):
    up = lab.upstream()
    up.over_tls(certificates.server_context("leaf"))
    up.reply(whole(ANTHROPIC.whole("m", "hello")), streamed=False)
    return up


def proxyd(lab, url, extra="", more="", ca="middle.pem root.pem", **keywords):
    declared = "{url: '%s', dialect: anthropic, key: provider-key-one, models: {discover: false}%s%s}" % (url, ", tls: {ca: ca.pem}" if ca else "", extra)
    p = lab.proxyd(
        f"upstreams: {{a: {declared}}}\nrules: [{{name: all, models: ['*'], tiers: [a]}}]\nfallback: {{cooldown: 0s}}\n{more}",
        start=False,
        **keywords,
    )
    if ca:
        certificates.put(p.folder, "ca.pem", certificates.read(ca))
    return p.start()


@check(
    "an https upstream is reached through the proxy of {where}: CONNECT, credentials to the proxy alone",
    rows=["https_proxy", "proxy", "HTTPS_PROXY", "https_proxy in the environment"],
)
def _(lab, where):
    up = secured(lab)
    way = Forwarder(lab, up.port)
    url = way.url.replace("http://", "http://user:p%40ss%3A@")
    p = proxyd(
        lab, f"https://{HOST}:8443/base",
        extra=f", proxy: '{url}'" if where == "proxy" else "",
        more=f"https_proxy: '{url}'" if where == "https_proxy" else "",
        env={"HTTPS_PROXY": url} if where == "HTTPS_PROXY" else {"https_proxy": url} if "environment" in where else {},
    )
    # One client's connection stays on one event loop, and so finds the tunnel again.
    connection = p.connect()
    for _ in range(2):
        headers = p.headers(headers=[("Content-Type", "application/json")])
        equal(connection.ask("POST", ANTHROPIC.path, headers, ANTHROPIC.request()).status, 200, "the status")
    equal(len(way.heads), 1, "tunnels for two requests")
    contains(way.heads[0], f"CONNECT {HOST}:8443 HTTP/1.1\r\n", "the proxy's request")
    contains(way.heads[0], "proxy-authorization: Basic " + base64.b64encode(b"user:p@ss:").decode(), "the proxy's request")
    lacks(way.heads[0], "provider-key", "the proxy's request")
    equal(up.last.header("proxy-authorization"), None, "credentials at the upstream")
    equal(up.last.header("host"), f"{HOST}:8443", "the host at the upstream")
    lacks(p.output(), "p@ss", "the log")


@check("an http upstream is asked through its proxy in absolute form ({where})", rows=["proxy", "HTTP_PROXY"])
def _(lab, where):
    way = Forwarder(lab)
    url = way.url.replace("http://", "http://user:pass@")
    p = proxyd(
        lab, f"http://{HOST}/base", ca=None,
        extra=f", proxy: '{url}'" if where == "proxy" else "", env={"HTTP_PROXY": url} if where == "HTTP_PROXY" else {},
    )
    equal(p.ask().status, 200, "the status")
    contains(way.heads[0], f"POST http://{HOST}/base/v1/messages HTTP/1.1\r\nhost: {HOST}\r\n", "the request")
    contains(way.heads[0], "proxy-authorization: Basic", "the request")


SAYINGS = {
    "407": (b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "proxy_unauthorized"),
    "403": (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno!", "proxy_refused"),
    "502": (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "proxy_refused"),
    "nonsense": (b"SSH-2.0-OpenSSH\r\n\r\n", "proxy_refused"),
    "bytes behind its answer": (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "proxy_refused"),
    "an endless head": (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 5000, "proxy_refused"),
}


@check("a proxy that says {what} gives a 502 and the reason in the log", rows=list(SAYINGS))
def _(lab, what):
    says, word = SAYINGS[what]
    way = Forwarder(lab, says=says)
    p = proxyd(lab, f"https://{HOST}", extra=f", proxy: '{way.url}'")
    answer = p.ask()
    equal(answer.status, 502, "the status")
    lacks(answer.text, way.address, "the client's error")
    p.wait_log(f"reason={word}")


@check("a proxy that wants other credentials for an http upstream: the client is not asked for them")
def _(lab):
    way = Forwarder(lab, says=SAYINGS["407"][0])
    p = proxyd(lab, f"http://{HOST}", ca=None, extra=f", proxy: '{way.url}'")
    equal(p.ask().status, 502, "the status")
    p.wait_log("reason=proxy_unauthorized")


@check("a proxy that is not there gives its own reason")
def _(lab):
    p = proxyd(lab, f"https://{HOST}", extra=f", proxy: '{lab.dead_url()}'")
    equal(p.ask().status, 502, "the status")
    p.wait_log("reason=proxy_unreachable")


@check(
    "{what}: no proxy on the way",
    rows=["localhost", "no_proxy name", "no_proxy above", "no_proxy *", "NO_PROXY in the environment", "proxy: none", "no_proxy with its port", "no_proxy with a dot behind it"],
)
def _(lab, what):
    way = Forwarder(lab, says=SAYINGS["403"][0])
    host = "localhost" if what == "localhost" else "deep.a.example"
    more = {
        "no_proxy name": "no_proxy: [other.example, deep.a.example]",
        "no_proxy above": "no_proxy: a.example",
        "no_proxy *": "no_proxy: '*'",
        "no_proxy with its port": "no_proxy: ['.a.example:8443']",
        "no_proxy with a dot behind it": "no_proxy: [a.example.]",
    }.get(what, "")
    p = proxyd(
        lab, f"https://{host}:{free_port() if what == 'localhost' else 8443}", extra=", proxy: none" if what == "proxy: none" else "",
        more=f"https_proxy: '{way.url}'\n{more}", env={"NO_PROXY": "x, a.example"} if "NO_PROXY" in what else {},
    )
    equal(p.ask().status, 502, "the status")
    equal(way.heads, [], "what the proxy was asked")
    p.wait_log("reason=refused" if what == "localhost" else "reason=dns")


@check("a no_proxy that names no host ({value}) is an error at its place", rows=["10.0.0.0/33", "https://a.example", "a.example:port"])
def _(lab, value):
    up = lab.upstream()
    p = lab.proxyd(f"no_proxy: [b.example, '{value}']\nupstreams: {{a: {up.declare()}}}\nrules: [{{tiers: [a]}}]\n", start=False)
    p.spawn("--check-config", "--config", str(p.config))
    p.meant_to_end = True
    equal(p.wait(), 78, "the exit status")
    contains(p.output(), f"no_proxy[1]: '{value}' names no host", "what is said")


@check("a proxy's password is in no message about it", rows=None)
def _(lab):
    up = lab.upstream()
    for value in ("http://user:hunter2@:1", "socks5://user:hunter2@h", "http://user:hunter2@h:99999", "http://user:hunter2%zz@h"):
        for line, env in ((f"https_proxy: '{value}'", {}), ("", {"HTTPS_PROXY": value})):
            p = lab.proxyd(f"upstreams: {{a: {up.declare()}}}\nrules: [{{tiers: [a]}}]\n{line}\n", start=False, env=env)
            p.spawn("--check-config", "--config", str(p.config))
            p.meant_to_end = True
            equal(p.wait(), 78, f"the exit status for {value}")
            lacks(p.output(), "hunter2", "what is said")


@check("quota is polled through the upstream's proxy")
def _(lab):
    way = Forwarder(lab)
    proxyd(lab, f"http://{HOST}", ca=None, extra=f", proxy: '{way.url}', quota: {{poll: /health, interval: 100ms}}")
    eventually(lambda: any(f"GET http://{HOST}/health " in head for head in way.heads), "a poll through the proxy")


@check("an upstream may be a socket of this machine ({form})", rows=["unix:{0}", "unix://{0}", "unix:{0}:/base"])
def _(lab, form):
    path = str(lab.folder / "model.sock")
    heads = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    lab.after(listener.close)

    def serve():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += sock.recv(1 << 16)
            heads.append(head.decode("latin-1"))
            body = ANTHROPIC.whole("m", "hello")
            sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))
            sock.close()

    threading.Thread(target=serve, daemon=True).start()
    p = proxyd(lab, form.format(path), ca=None, more="https_proxy: 'http://127.0.0.1:9'", env={"HTTP_PROXY": "http://127.0.0.1:9"})
    equal(p.ask().status, 200, "the status")
    base = "/base" if "base" in form else ""
    contains(heads[0], f"POST {base}/v1/messages HTTP/1.1\r\nhost: localhost\r\n", "the request")


@check("a socket that is not there gives the reason, and no path to the client")
def _(lab):
    p = proxyd(lab, f"unix:{lab.folder}/nothing.sock", ca=None)
    answer = p.ask()
    equal(answer.status, 502, "the status")
    lacks(answer.text, "nothing.sock", "the client's error")
    p.wait_log("reason=refused")


@check("{what}: the reason {word}, once in a warning", rows=[("nobody listens", "refused"), ("no such name", "dns")])
def _(lab, what, word):
    url = lab.dead_url() if what == "nobody listens" else "http://nowhere.invalid"
    p = proxyd(lab, url, ca=None)
    for _ in range(3):
        answer = p.ask()
        equal(answer.status, 502, "the status")
        lacks(answer.text, url.split("//")[1], "the client's error")
    eventually(lambda: p.output().count(f"reason={word}") >= 4, f"the reason {word} of three requests and of one warning")
    equal(p.output().count("cannot be connected to"), 1, "warnings")
    contains(p.admin("GET", "/metrics").text, f'"{word}"', "the metrics")
