"""For the checks of several nodes: a real redis-server on loopback that can be stopped, killed and started empty, and proxyds that share it."""

import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time

from checks import eventually, expect
from harness import USER_KEY
from ports import free_port, listening_socket

BINARY = shutil.which("redis-server") or shutil.which("valkey-server")


class LimitServer:
    """One server; `close` ends it. Debian's package redis-server brings the binary."""

    def __init__(self, lab, *options):
        expect(BINARY, "redis-server or valkey-server is installed")
        self.port, self.options, self.process, self.folder = free_port(), options, None, lab.folder / f"redis{time.monotonic_ns()}"
        self.folder.mkdir()
        lab.after(self.close)
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *more):
        """With an empty memory: nothing is saved."""
        self.process = subprocess.Popen(
            [BINARY, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder), *self.options, *more],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        eventually(self.answers, "redis-server answers")

    def answers(self):
        try:
            return self.ask("PING") is not None
        except OSError:
            return False

    def ask(self, *words, password=None):
        """The reply as it comes, for what a check does to the server."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=3) as link:
            if password:
                link.sendall(encoded("AUTH", password))
                link.recv(65_536)
            link.sendall(encoded(*words))
            return link.recv(1 << 20).decode(errors="replace")

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
            self.kill()


class Sentinel:
    """One that knows a master by the name `first`, and makes its replica the master when it fails."""

    def __init__(self, lab, master):
        self.port = free_port()
        file = lab.folder / f"sentinel{self.port}.conf"
        lines = [
            f"port {self.port}", "bind 127.0.0.1", f"dir {lab.folder}", f"sentinel monitor first 127.0.0.1 {master.port} 1",
            "sentinel down-after-milliseconds first 1000", "sentinel failover-timeout first 3000",
        ]  # fmt: skip
        file.write_text("\n".join(lines) + "\n")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([BINARY, str(file), "--sentinel"], **quiet)
        lab.after(self.close)
        self.url = f"redis://127.0.0.1:{self.port}"

    def close(self):
        self.process.kill()
        self.process.wait()


class Slow:
    """The way to a server that takes so many seconds, one way; `url` is what nodes go by."""

    def __init__(self, lab, server, seconds):
        self.seconds, self.target, self.listener = seconds, server.port, listening_socket()
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"
        threading.Thread(target=self.serve, daemon=True).start()
        lab.after(self.listener.close)

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for here, there in ((client, server), (server, client)):
                pieces = queue.Queue()
                threading.Thread(target=self.read, args=(here, pieces), daemon=True).start()
                threading.Thread(target=self.write, args=(there, pieces), daemon=True).start()

    def read(self, link, pieces):
        piece = b"-"
        while piece:
            try:
                piece = link.recv(65_536)
            except OSError:
                piece = b""
            pieces.put((time.monotonic() + self.seconds, piece))

    def write(self, link, pieces):
        while True:
            due, piece = pieces.get()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not piece:
                    return link.shutdown(socket.SHUT_WR)
                link.sendall(piece)
            except OSError:
                return


def encoded(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)


def config(up, cluster, more=""):
    """One rule, one key, a limit of its team's; `cluster` is the section's inside."""
    return f"""
cluster: {{{cluster}}}
upstreams:
  up: {up.declare("anthropic")}
rules:
  - {{name: all, models: ["*"], tiers: [up]}}
policies: {{default: {{}}, team: {{requests_per_day: 1000}}}}
keys:
  - {{name: user, key: {USER_KEY}, policy: team}}
{more}
"""


def nodes(lab, server, names=("a", "b", "c"), more="", cluster=""):
    """proxyds with these names before one upstream, that share the server, and see one another."""
    up = lab.upstream()
    started = [lab.proxyd(config(up, f"node: {name}, limits: '{server.url}'{cluster}", more)) for name in names]
    for node in started:
        eventually(lambda: live(node) == sorted(names), f"all nodes live in GET /admin/nodes of {node.port}", 5)
    return started


def live(node):
    return sorted(one["name"] for one in node.get("/admin/nodes")["nodes"] if one["state"] == "live")


def server_word(node):
    return node.health()["cluster"]["limits"]
