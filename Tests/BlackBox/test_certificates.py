"""Certificates, keys and authorities: inputs like the file itself, checked when they are read, taken over when renewed."""

import os
import signal
import ssl
import time

import certificates
from checks import check, contains, equal, eventually, expect, lacks, stays
from dialects import ANTHROPIC
from ports import free_port
from upstream import whole


class Secured:
    """proxyd with a TLS address beside the plain one, its pair called pair.pem and pair.key."""

    def __init__(self, lab, pair="server", more="", start=True):
        self.port = free_port()
        self.up = lab.upstream()
        self.p = lab.proxyd(
            "listen: ['127.0.0.1:@PORT@', {address: '127.0.0.1:@TLS@', tls: {certificate: tls/pair.pem, key: tls/pair.key%s}}]\n"
            "upstreams: {a: %s}\nrules: [{name: all, models: ['*'], tiers: [a]}]\n" % (more, self.up.declare()),
            start=False,
            TLS=self.port,
        )
        self.folder = self.p.folder / "tls"
        self.folder.mkdir()
        certificates.place(self.folder, "pair", pair)
        if start:
            self.p.start()

    def shows(self, name, within=3):
        eventually(lambda: certificates.shows(self.port, name), f"the certificate of {name}", within)

    def error(self):
        return self.p.health()["config"]["error"]


def renamed(s):
    certificates.place(s.folder, "pair", "renewed")


def in_place(s):
    (s.folder / "pair.key").write_bytes(certificates.read("renewed.key"))
    (s.folder / "pair.pem").write_bytes(certificates.read("renewed.pem"))


def key_last(s):
    certificates.put(s.folder, "pair.pem", "renewed.pem")
    time.sleep(0.6)
    certificates.put(s.folder, "pair.key", "renewed.key")


def deleted_first(s):
    for name in ("pair.pem", "pair.key"):
        os.unlink(s.folder / name)
    time.sleep(0.3)
    in_place(s)


def moved_folder(s):
    """As a volume is mounted anew: the whole folder is another one."""
    fresh = s.p.folder / "tls.new"
    fresh.mkdir()
    certificates.place(fresh, "pair", "renewed")
    s.folder.rename(s.p.folder / "tls.old")
    fresh.rename(s.folder)


RENEWALS = {"renamed over": renamed, "in place": in_place, "key last": key_last, "deleted first": deleted_first, "folder": moved_folder}


@check("a renewed pair is shown by itself ({way})", rows=list(RENEWALS))
def _(lab, way):
    s = Secured(lab)
    s.shows("server")
    RENEWALS[way](s)
    s.shows("renewed", 4)
    eventually(lambda: s.error() is None, "no error in /health")
    contains(s.p.output(), "certificate", "the log's line about what changed")


@check("a renewed pair is shown when Kubernetes swaps ..data")
def _(lab):
    s = Secured(lab, start=False)
    for name in ("pair.pem", "pair.key"):
        os.unlink(s.folder / name)
    for version, pair in (("..1", "server"), ("..2", "renewed")):
        (s.folder / version).mkdir()
        certificates.place(s.folder / version, "pair", pair)
    (s.folder / "..data").symlink_to("..1")
    for name in ("pair.pem", "pair.key"):
        (s.folder / name).symlink_to(f"..data/{name}")
    s.p.start()
    s.shows("server")
    (s.folder / "..data_tmp").symlink_to("..2")
    os.replace(s.folder / "..data_tmp", s.folder / "..data")
    s.shows("renewed")


@check("half of a renewal keeps what runs and is told; the other half is taken over ({half} first)", rows=["pem", "key"])
def _(lab, half):
    s = Secured(lab)
    other = "key" if half == "pem" else "pem"
    certificates.put(s.folder, f"pair.{half}", f"renewed.{half}")
    contains(str(eventually(s.error, "an error in /health", 8)), "does not fit", "the error in /health")
    expect(certificates.shows(s.port, "server"), "the old pair is still shown")
    s.p.signal(signal.SIGHUP)
    equal(s.p.admin("POST", "/admin/reload").status in (400, 409, 422, 500), True, "a refusal of POST /admin/reload")
    expect(certificates.shows(s.port, "server"), "the old pair is still shown after SIGHUP")
    contains(s.p.admin("GET", "/metrics").text, 'result="failed"', "the metrics")
    certificates.put(s.folder, f"pair.{other}", f"renewed.{other}")
    s.shows("renewed")
    eventually(lambda: s.error() is None, "no error in /health any more")


WRONG = {
    "empty certificate": (b"", "server.key", "pair.pem' is empty"),
    "no certificate": (b"no pem", "server.key", "holds no certificate"),
    "swapped": ("server.key", "server.pem", "holds a private key"),
    "cut off": (certificates.read("server.pem")[:300], "server.key", "damaged or cut off"),
    "empty key": ("server.pem", b"", "pair.key' is empty"),
    "another's key": ("server.pem", "renewed.key", "does not fit"),
    "encrypted key": ("leaf.pem", "encrypted.key", "encrypted"),
    "wrong order": (certificates.read("middle.pem leaf.pem"), "leaf.key", "must come first"),
}


@check("{what}: refused in words by --check-config and at the start, with 78, and by a reload that keeps what runs", rows=list(WRONG))
def _(lab, what):
    certificate, key, words = WRONG[what]
    s = Secured(lab)
    for name, source in (("pair.pem", certificate), ("pair.key", key)):
        certificates.put(s.folder, name, source)
    contains(str(eventually(s.error, "an error in /health", 8)), words, "the error in /health")
    expect(certificates.shows(s.port, "server"), "the old pair is still shown")
    s.p.stop()
    for arguments in (["--check-config"], []):
        s.p.spawn(*arguments, "--config", str(s.p.config))
        s.p.meant_to_end = True
        equal(s.p.wait(), 78, f"the exit status of {arguments or 'the start'}")
        contains(s.p.output(), words, "what is said")
    lacks(s.p.output(), "PRIVATE KEY", "the log")


ODD = {
    "expired": ("expired.pem", "expired.key", "expired on 2021-02-03"),
    "not yet valid": ("future.pem", "future.key", "not valid before 2091-02-03"),
    "out of order": (certificates.read("leaf.pem root.pem middle.pem"), "leaf.key", "out of order"),
    "without its intermediate": ("lonely.pem", "lonely.key", "intermediate"),
}


@check("{what}: taken with a warning at check, start and reload", rows=list(ODD))
def _(lab, what):
    certificate, key, words = ODD[what]
    s = Secured(lab, start=False)
    for name, source in (("pair.pem", certificate), ("pair.key", key)):
        certificates.put(s.folder, name, source)
    s.p.spawn("--check-config", "--config", str(s.p.config))
    s.p.meant_to_end = True
    equal(s.p.wait(), 0, "the exit status of --check-config")
    contains(s.p.output(), words, "what --check-config says")
    s.p.start()
    eventually(lambda: s.p.output().count(words) >= 2, "the warning at the start")
    certificates.place(s.folder, "pair", "server")
    s.shows("server")
    for name, source in (("pair.key", key), ("pair.pem", certificate)):
        certificates.put(s.folder, name, source)
    eventually(lambda: s.p.output().count(words) >= 3, "the warning at the reload", 8)
    equal(s.error(), None, "the error in /health")


@check("client_ca: a client without a certificate of that authority is refused; the authority can be renewed")
def _(lab):
    s = Secured(lab, more=", client_ca: tls/clients.pem", start=False)
    certificates.put(s.folder, "clients.pem", "root.pem")
    s.p.start()

    def status(certificate):
        try:
            return certificates.get(s.port, certificate=certificate)
        except OSError:
            return 0

    equal((status("client"), status(None), status("other-server")), (200, 0, 0), "with, without, with another's")
    certificates.put(s.folder, "clients.pem", "other-root.pem")
    eventually(lambda: (status("client"), status("other-server")) == (0, 200), "the other authority", 4)
    certificates.put(s.folder, "clients.pem", b"nothing")
    contains(str(eventually(s.error, "an error in /health", 8)), "holds no certificate", "the error in /health")
    equal((status("client"), status("other-server")), (0, 200), "what ran goes on")


@check("TLS of listeners: 1.2 with ECDHE and AEAD or 1.3, nothing else")
def _(lab):
    s = Secured(lab)

    def agreed(version, ciphers=None):
        context = certificates.client_context()
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
        try:
            import socket

            with socket.create_connection(("127.0.0.1", s.port), timeout=3) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as secure:
                    return secure.cipher()[0]
        except OSError:
            return None

    expect("GCM" in (agreed(ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256") or ""), "ECDHE with GCM")
    expect(agreed(ssl.TLSVersion.TLSv1_3), "TLS 1.3")
    for suite in ("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0", "AES128-GCM-SHA256"):
        equal(agreed(ssl.TLSVersion.TLSv1_2, suite), None, f"the suite agreed on when asked for {suite}")


# ------------------------------------------------------------ towards upstreams


def towards(lab, context, host="localhost", extra="", ca="root.pem", **keywords):
    up = lab.upstream()
    up.over_tls(context)
    up.reply(whole(ANTHROPIC.whole("m", "hello")), streamed=False)
    declared = "{url: 'https://%s:%d', dialect: anthropic, key: provider-key-one, models: {discover: false}, tls: {ca: ca.pem}%s}" % (host, up.port, extra)
    p = lab.proxyd(
        f"upstreams: {{a: {declared}}}\nrules: [{{name: all, models: ['*'], tiers: [a]}}]\nfallback: {{cooldown: 0s}}\n",
        start=False,
        **keywords,
    )
    certificates.put(p.folder, "ca.pem", ca)
    return p.start(), up


FAULTS = {
    "expired": ("tls_certificate_expired", "localhost"),
    "future": ("tls_certificate_not_yet_valid", "localhost"),
    "other-name": ("tls_name_mismatch", "localhost"),
    "iponly": ("tls_name_mismatch", "localhost"),
    "nosan": ("tls_name_mismatch", "localhost"),
    "nameonly": ("tls_name_mismatch", "127.0.0.1"),
    "self": ("tls_untrusted", "localhost"),
    "other-server": ("tls_untrusted", "localhost"),
}


@check("an upstream with {pair} is refused, and the log says why once", rows=list(FAULTS))
def _(lab, pair):
    word, host = FAULTS[pair]
    p, up = towards(lab, certificates.server_context(pair), host)
    for _ in range(3):
        answer = p.ask()
        equal(answer.status, 502, "the status")
        lacks(answer.text, str(up.port), "the client's error")
    equal(len(up.requests), 0, "requests at the upstream")
    eventually(lambda: p.output().count(f"reason={word}") >= 4, f"the reason {word} of three requests and of one warning")
    equal(p.output().count("cannot be connected to"), 1, "warnings")
    contains(p.admin("GET", "/metrics").text, f'"{word}"', "the metrics")


@check("an upstream with a good certificate is asked ({host})", rows=["localhost", "127.0.0.1"])
def _(lab, host):
    p, _up = towards(lab, certificates.server_context("server"), host)
    equal(p.ask().status, 200, "the status")


@check("an upstream that speaks {what} gives the reason {word}", rows=[("plain HTTP", "tls_protocol"), ("TLS 1.1", "tls_protocol"),
       ("CBC alone", "tls_refused"), ("nothing", "tls_closed"), ("TLS and wants a certificate", "tls_refused")])
def _(lab, what, word):
    context = {
        "TLS 1.1": lambda: certificates.server_context("server", maximum=ssl.TLSVersion.TLSv1_1, ciphers="ALL:@SECLEVEL=0"),
        "CBC alone": lambda: certificates.server_context("server", maximum=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-ECDSA-AES128-SHA"),
        "TLS and wants a certificate": lambda: certificates.server_context(
            "server", client_ca="root", minimum=ssl.TLSVersion.TLSv1_2, maximum=ssl.TLSVersion.TLSv1_2
        ),
    }.get(what, lambda: None)()
    p, up = towards(lab, context)
    if what == "plain HTTP":


        def plainly(wire):
            wire.socket.recv(1 << 16)
            wire.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            wire.wait_gone(3)

        up.by_hand(plainly)
    elif what == "nothing":
        up.by_hand(lambda wire: wire.close())
    equal(p.ask().status, 502, "the status")
    p.wait_log(f"reason={word}")


@check("a CA file that was replaced holds for pooled connections too")
def _(lab):
    p, up = towards(lab, certificates.server_context("server"))
    # One client's connection stays on one event loop, and so finds the upstream's connection again.
    connection = p.connect()

    def ask():
        headers = p.headers(headers=[("Content-Type", "application/json")])
        return connection.ask("POST", ANTHROPIC.path, headers, ANTHROPIC.request()).status

    for _ in range(3):
        equal(ask(), 200, "the status before")
    equal(up.connections, 1, "connections before")
    certificates.put(p.folder, "ca.pem", "other-root.pem")
    eventually(lambda: ask() == 502, "no more trust", 3)
    stays(lambda: p.ask().status == 502, "no more trust")
    certificates.put(p.folder, "ca.pem", "root.pem")
    eventually(lambda: p.ask().status == 200, "trust again", 3)
    p.wait_log("can be connected to again")


@check("a CA file that comes to hold nothing keeps what runs, and is told")
def _(lab):
    p, _up = towards(lab, certificates.server_context("server"))
    for content, words in ((b"", "is empty"), (b"x", "holds no certificate"), ("server.key", "holds no certificate")):
        certificates.put(p.folder, "ca.pem", content)
        eventually(lambda: words in str(p.health()["config"]["error"]), f"{words} in /health", 8)
        equal(p.ask().status, 200, "the status")
