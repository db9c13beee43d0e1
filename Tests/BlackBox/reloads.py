#!/usr/bin/env python3
"""Reloads at length: a thousand under load with streams open; a file of thousands of rules, upstreams and keys.

    python3 Tests/BlackBox/reloads.py --proxyd .build/release/proxyd --reloads 1000 --rules 2000 --upstreams 500 --keys 10000

What fails is a request that failed or a stream that was cut. Times are for somebody to read, none of them fails. A part that is given 0 is
left out; the exit status is 1 when an answer is wrong.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from dialects import ANTHROPIC  # noqa: E402
from harness import ADMIN_KEY, USER_KEY, served  # noqa: E402
from test_reload import Switch  # noqa: E402
from torture import Table  # noqa: E402
from upstream import stream, whole  # noqa: E402

REQUEST = ANTHROPIC.request("claude-test")
HEAD = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + USER_KEY.encode() + b"\r\nContent-Type: application/json\r\n"


class Client(threading.Thread):
    """One connection that asks so often a second; how long each answer took, in ms."""

    def __init__(self, port, rate):
        super().__init__(daemon=True)
        self.port, self.pause, self.over = port, 1 / rate, False
        self.times, self.bad = [], []

    def run(self):
        try:
            self.go()
        except OSError as error:
            self.bad.append(repr(error))

    def go(self):
        text = HEAD + b"Content-Length: %d\r\n\r\n" % len(REQUEST) + REQUEST
        with socket.create_connection(("127.0.0.1", self.port)) as link:
            link.settimeout(30)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            next_at = time.monotonic()
            while not self.over:
                next_at += self.pause
                time.sleep(max(0, next_at - time.monotonic()))
                begun, got = time.perf_counter(), b""
                link.sendall(text)
                while not whole_answer(got):
                    piece = link.recv(65536)
                    if not piece:
                        self.bad.append("the connection ended")
                        return
                    got += piece
                self.times.append((time.perf_counter() - begun) * 1000)
                if not got.startswith(b"HTTP/1.1 200"):
                    self.bad.append(got[:200])


def whole_answer(got):
    end = got.find(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", got)
    return end > 0 and length and len(got) >= end + 4 + int(length[1])


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def crowd(port, count, rate, body):
    clients = [Client(port, rate / count) for _ in range(count)]
    for one in clients:
        one.start()
    body()
    for one in clients:
        one.over = True
    for one in clients:
        one.join()
    return [time for one in clients for time in one.times], [what for one in clients for what in one.bad]


def under_load(table, lab, count, rate, streams, each_second):
    s = Switch(lab, "log: {requests: false}")
    pieces = [ANTHROPIC.begin("m"), *[ANTHROPIC.words("x")] * 40, ANTHROPIC.end()]
    for up in (s.a, s.b):
        up.reply(stream(pieces, pause=0.5), streamed=True)
    stop, cut, ended, port = threading.Event(), [], [], s.p.port

    def hold():
        while not stop.is_set():
            try:
                answer = served(s.p.ask(stream=True))
                if answer.body != b"".join(pieces):
                    cut.append(answer.body[-200:])
                ended.append(True)
            except Exception as error:
                cut.append(repr(error))
                time.sleep(0.5)

    holders = [threading.Thread(target=hold, daemon=True) for _ in range(streams)]
    for one in holders:
        one.start()
    time.sleep(2)
    calm, bad = crowd(port, 16, rate, lambda: time.sleep(max(10, count / each_second / 4)))
    before = s.p.health()["config"]["generation"]

    def save():
        next_at = time.monotonic()
        for number in range(count):
            s.p.replace(s.text("ab"[number % 2]) + f"# {number}\n")
            answer = s.p.send("POST", "/admin/reload", key=ADMIN_KEY)
            if answer.status != 200:
                bad.append(answer.text)
            next_at += 1 / each_second
            time.sleep(max(0, next_at - time.monotonic()))

    begun = time.monotonic()
    busy, more = crowd(port, 16, rate, save)
    seconds, bad = time.monotonic() - begun, bad + more
    stop.set()
    for one in holders:
        one.join()
    generations = s.p.health()["config"]["generation"] - before
    table.head(f"{count} reloads in {seconds:.0f} s, {len(busy) / seconds:.0f} requests a second, {streams} streams open")
    table.line("reloads that became a generation", generations, generations == count)
    table.line(f"of {len(calm) + len(busy)} requests: failed", len(bad), not bad, bad)
    table.line(f"of {len(ended)} streams: cut", len(cut), not cut, cut)
    for name, share in (("median", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        one, other = percentile(calm, share), percentile(busy, share)
        table.line(f"{name} in ms without and with reloads, ratio", f"{one:.2f} {other:.2f} {other / max(one, 0.001):.2f}")


def large(table, lab, rules, upstreams, keys):
    up = lab.upstream()
    up.reply(whole(ANTHROPIC.whole("claude-test")))
    declared = "".join(f"\n  up{i}: {{url: '{up.url}', dialect: anthropic, accounts: [{{name: one, key: provider-key-{i}}}]}}" for i in range(upstreams))
    named = "".join(
        f"\n  - {{name: rule {i}, models: [\"model-{i}-*\"], when: \"request.input_tokens > {i} && key.name.startsWith('k')\", tiers: [up{i % upstreams}]}}"
        for i in range(rules - 1)
    )
    made = "".join(f"\n  - {{name: key{i}, key: sk-proxyd-key-of-a-large-file-{i:08d}}}" for i in range(keys))
    last = '\n  - {name: last, models: ["claude-*"], tiers: [up0]}'
    text = f"upstreams:{declared}\nrules:{named}{last}\nkeys:\n  - {{name: user, key: {USER_KEY}}}{made}\nlog: {{requests: false}}\n"
    p = lab.proxyd(text)
    table.head(f"{rules} rules, {upstreams} upstreams, {keys} keys, {len(text) >> 10} KiB")
    checks = []
    for _ in range(5):
        begun = time.monotonic()
        done = subprocess.run([lab.binary, "--check-config", "-c", str(p.config)], capture_output=True, check=False)
        checks.append(time.monotonic() - begun)
    table.line("--check-config", done.returncode, done.returncode == 0, [done.stdout[-300:], done.stderr[-300:]])
    table.line("seconds of --check-config, median", f"{statistics.median(checks):.2f}")
    served(p.ask())
    loads = []
    calm, bad = crowd(p.port, 4, 400, lambda: time.sleep(5))

    def save():
        for number in range(10):
            p.replace(text + f"# {number}\n")
            begun = time.monotonic()
            answer = p.send("POST", "/admin/reload", key=ADMIN_KEY, timeout=30)
            loads.append(time.monotonic() - begun)
            if answer.status != 200:
                bad.append(answer.text)
            time.sleep(0.2)

    busy, more = crowd(p.port, 4, 400, save)
    bad += more
    table.line("seconds of a reload, median and most", f"{statistics.median(loads):.2f} {max(loads):.2f}")
    table.line("requests meanwhile that failed", len(bad), not bad, bad)
    table.line("longest request in ms without and with reloads", f"{max(calm, default=0):.1f} {max(busy, default=0):.1f}")
    table.line("p99 in ms without and with reloads", f"{percentile(calm, 0.99):.2f} {percentile(busy, 0.99):.2f}")
    # What a decision takes: the last of the rules, and the first, decided anew a hundred thousand times.
    took = {}
    for name, model in (("the first rule", "model-0-x"), ("the last rule", "claude-test"), ("none", "nobody")):
        path = lab.folder / "decisions.jsonl"
        line = {
            "v": 1, "id": "req_1", "time_ms": 1764230400123, "now": 1764230400,
            "request": {"model": model, "path": "/v1/messages", "method": "POST", "dialect": "anthropic", "input_tokens": 5000, "headers": {}, "metadata": {}},
            "key": {"id": "declared:key1", "name": "key1", "policy": "default", "tags": {}, "declared": True},
            "client": {"ip": "127.0.0.1"}, "decision": {"rule": "last", "upstream": "up0", "model": model, "account": "one", "status": 200},
        }  # fmt: skip
        path.write_text((json.dumps(line) + "\n") * 100_000)
        begun = time.monotonic()
        done = subprocess.run([lab.binary, "replay", "--decisions", path, "-c", p.config, "--format", "json"], capture_output=True, check=False)
        took[name] = time.monotonic() - begun
        if done.returncode not in (0, 1):
            table.line(f"replay, {name}", done.returncode, False, [done.stderr])
    per = (took["the last rule"] - took["the first rule"]) * os.cpu_count() / 100_000 * 1e6
    table.line("µs that a decision by the last rule takes more than one by the first", f"{per:.1f}")
    per = (took["none"] - took["the first rule"]) * os.cpu_count() / 100_000 * 1e6
    table.line("µs that a decision that no rule makes takes more", f"{per:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxyd", default=os.environ.get("PROXYD", ".build/release/proxyd"), metavar="PATH", help="the binary under test")
    parser.add_argument("--reloads", type=int, default=100, metavar="N", help="reloads under load (default: 100)")
    parser.add_argument("--rate", type=int, default=1000, metavar="N", help="requests a second meanwhile (default: 1000)")
    parser.add_argument("--streams", type=int, default=200, metavar="N", help="streams that are open meanwhile (default: 200)")
    parser.add_argument("--each-second", type=int, default=10, metavar="N", help="reloads a second (default: 10)")
    parser.add_argument("--rules", type=int, default=2000, metavar="N", help="rules of the large file (default: 2000)")
    parser.add_argument("--upstreams", type=int, default=500, metavar="N", help="its upstreams (default: 500)")
    parser.add_argument("--keys", type=int, default=10_000, metavar="N", help="its keys (default: 10000)")
    options = parser.parse_args()
    binary, table = os.path.abspath(options.proxyd), Table()
    parts = (
        (options.reloads, lambda lab: under_load(table, lab, options.reloads, options.rate, options.streams, options.each_second)),
        (options.rules, lambda lab: large(table, lab, options.rules, options.upstreams, options.keys)),
    )
    return table.run(binary, parts)


if __name__ == "__main__":
    sys.exit(main())
