#!/usr/bin/env python3
"""Several nodes at length: crowds at the last of shared limits, servers and nodes that die while a million requests go through, and what
sharing costs a request.

    python3 Tests/BlackBox/nodes.py --proxyd .build/release/proxyd --rounds 100 --requests 1000000 --kills 20 --pairs 9

Redis and PostgreSQL are Debian's own, on loopback. The truth is kept by the provider: what it was asked. A line for each question; the
exit status is 1 when an answer is wrong. A part that is given 0 is left out. Times are for somebody to read, none of them fails.
"""

import argparse
import collections
import json
import os
import random
import re
import signal
import socket
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from checks import Failure, eventually  # noqa: E402
from clock import Clock  # noqa: E402
from harness import USER_KEY, indented, served  # noqa: E402
from limit_server import LimitServer, live  # noqa: E402
from limits import PRICE, taken, together  # noqa: E402
from limits import rows as limit_rows  # noqa: E402
from postgres import Postgres  # noqa: E402
from records import ask, grouped, total  # noqa: E402
from scale import INPUT, OUTPUT, Crowd  # noqa: E402
from torture import CLIENTS, CROWD, FINE, FIRST, WIDE, Gauge, Table, ask_once, every_row  # noqa: E402
from upstream import after, whole  # noqa: E402
from dialects import ANTHROPIC  # noqa: E402

NAMES = ("a", "b", "c")
FAULTS = (
    "redis killed, back empty", "redis stands still", "redis loses its scripts", "redis gives way to an empty one", "PostgreSQL killed",
    "PostgreSQL stands still", "a clock steps",
)  # fmt: skip
ANTHROPIC_WHOLE = json.loads(ANTHROPIC.whole("claude-test"))


def node(lab, url, name, cluster, policy="", more="", start=True):
    return lab.proxyd(
        f"""
cluster: {{node: {name}, {cluster}}}
upstreams: {{claude: {{url: '{url}', dialect: anthropic, accounts: [{{name: one, key: provider-key-one}}]}}}}
policies: {{default: {{}}, team: {{{policy}}}}}
keys: [{{name: user, key: {USER_KEY}, policy: team, tags: {{team: infra}}}}]
prices: {{claude-test: {PRICE}}}
rules: [{{name: all, models: ["*"], tiers: [claude]}}]
log: {{requests: false}}
{more}
""",
        start=start,
    )


def gathered(nodes, names=NAMES):
    for each in nodes:
        eventually(lambda: live(each) == sorted(names), f"all nodes live in GET /admin/nodes of {each.port}", 8)
    return nodes


# ---------------------------------------------------------------- crowds


def crowds(table, lab, count):
    """64 clients at three nodes at the last of each kind of limit; a bucket of its own each round, all that is left used up once leases ended."""
    server, up = LimitServer(lab), lab.upstream()
    entry = """\n- {{name: {0}, per: 'request.headers["x-{0}"]', when: '"x-{0}" in request.headers', {0}: {1}}}"""
    entries = "".join(entry.format(number, most) for number, (most, _) in CROWD.items())
    more = f"usage_limits:{indented(entries, 2)}"
    nodes = gathered([node(lab, up.url, name, f"limits: '{server.url}'", more=more) for name in NAMES])
    table.head(f"{CLIENTS} clients at three nodes and the last of a limit, {count} rounds each")
    for number, (most, kind) in CROWD.items():
        over, wasted, odd, begun, gauge = [], [], set(), time.monotonic(), Gauge()
        for turn in range(count):
            headers = {f"x-{number}": f"r{turn}"}
            passed = 0
            if kind in FIRST:
                up.reply(whole({**ANTHROPIC_WHOLE, "usage": {"input_tokens": FIRST[kind], "output_tokens": 0}}))
                passed += ask_once(nodes[turn % 3], headers) == 200
                time.sleep(0.02)  # the server of limits has heard of it
            gauge.most = 0
            up.reply(lambda request, wire: gauge(after(0.01, FINE), request, wire))
            statuses = together(CLIENTS, lambda i: ask_once(nodes[i % 3], headers))
            odd |= set(statuses) - {200, 429}
            passed += statuses.count(200)
            if kind == "concurrency" and gauge.most > 5:
                over.append(f"round {turn}: {gauge.most} at the upstream at once")
            if kind == "requests" and passed > int(most):
                over.append(f"round {turn}: {passed} requests")
            if "minute" in number:  # it may be over when the others are looked at
                time.sleep(0.6)
                told = [one for each in nodes for one in limit_rows(each, limit=number, bucket=f"r{turn}")]
                over += [f"round {turn}: {one['used']} of {one['max']}" for one in told if one["used"] > one["max"]]
        if kind != "concurrency" and "minute" not in number:
            # Leases that nobody uses are given back: what is left can be had anywhere, to its last.
            time.sleep(4.5)
            for turn in range(count):
                headers = {f"x-{number}": f"r{turn}"}
                up.reply(FINE)
                tries = [ask_once(nodes[i % 3], headers) for i in range(12)]
                odd |= set(tries) - {200, 429}
            time.sleep(2.5)
            for turn in range(count):
                told = [one for each in nodes for one in limit_rows(each, limit=number, bucket=f"r{turn}")]
                used = max((one["used"] for one in told), default=0)
                if used > told[0]["max"]:
                    over.append(f"round {turn}: {used} of {told[0]['max']}")
                if kind == "requests" and used < told[0]["max"]:
                    wasted.append(f"round {turn}: {used} of {told[0]['max']}")

        def leaks():
            return [one for each in nodes for one in limit_rows(each, limit=number) if one["reserved"] or kind == "concurrency" and taken(one)]

        try:
            eventually(lambda: not leaks(), "nothing reserved", 8, 0.3)
        except Failure:
            over += leaks()
        what = f"{number}: rounds with overshoot or leaks, with waste; {time.monotonic() - begun:.0f} s"
        table.line(what, f"{len(over)} {len(wasted)}", not (over or wasted or odd), [*odd, *over, *wasted])


# ---------------------------------------------------------------- a million requests


def servers_die(table, lab, count, kills, chance):
    """So many requests over three nodes, while both servers are killed, stopped and started empty; then PostgreSQL against the provider."""
    crowd, redis, other, postgres, clock = Crowd(lab), LimitServer(lab), LimitServer(lab), Postgres(lab), Clock(lab)
    cluster = f"limits: ['{redis.url}', '{other.url}'], store: '{postgres.url()}'"
    other.kill()
    nodes = [node(lab, crowd.url, name, cluster, WIDE, start=False) for name in NAMES]
    nodes[-1].env = clock.env
    gathered([each.start() for each in nodes])
    share = count // 3
    table.head(f"{3 * share} requests at three nodes, {kills} times a server dies, stands still or is empty")
    begun = time.monotonic()
    clients = [crowd.begin(each, share, 11) for each in nodes]
    running = lambda: any(one.poll() is None for one in clients)  # noqa: E731
    told, stop = {"served": 0, "401": 0, "not ready": 0, "wrong": []}, threading.Event()

    def look():
        while not stop.wait(0.2):
            for each in nodes:
                try:
                    status = ask(each).status
                    told["not ready"] += each.send("GET", "/readyz", key=None).status != 200
                except (OSError, Failure, ValueError) as error:
                    told["wrong"].append(repr(error))
                    continue
                told["served"] += status == 200
                told["401"] += status == 401
                if status != 200:
                    told["wrong"].append(status)

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    done = {}
    for _ in range(kills):
        time.sleep(0.5 + chance.random())
        if not running():
            break
        what = chance.choice(FAULTS)
        done[what] = done.get(what, 0) + 1
        pause = 10 if done[what] == 1 and "still" in what else chance.random() * 2
        if what.startswith("a clock"):
            clock.step(chance.choice((-26, -1, 1, 26)) * 3_600)
        elif what.startswith("redis gives way"):
            redis.kill()
            time.sleep(pause)
            redis, other = other, redis
            redis.start()
        elif what.startswith("redis killed"):
            redis.kill()
            time.sleep(pause)
            redis.start()
        elif what.startswith("redis stands"):
            redis.pause()
            time.sleep(pause)
            redis.resume()
        elif what.startswith("redis loses"):
            redis.ask("SCRIPT", "FLUSH")
        elif what.endswith("killed"):
            postgres.kill()
            time.sleep(pause)
            postgres.start()
        else:
            postgres.everybody(signal.SIGSTOP)
            time.sleep(pause)
            postgres.everybody(signal.SIGCONT)
    good = bad = 0
    for one in clients:
        out, errors = one.communicate()
        if one.returncode:
            table.line("clients that ended", one.returncode, False, [errors])
            continue
        passed, other, _ = out.split()
        good, bad = good + int(passed), bad + int(other)
    seconds = time.monotonic() - begun
    stop.set()
    looker.join()
    table.line(", ".join(f"{name}: {times}" for name, times in sorted(done.items())), "")
    table.line("faults while requests went through", sum(done.values()), sum(done.values()) == kills or None)
    table.line("requests a second", f"{3 * share / seconds:.0f}")
    table.line("answers other than 200, requests without one", f"{bad} {3 * share - good - bad}", bad == 0 and good == 3 * share)
    fine = not (told["401"] or told["not ready"] or told["wrong"])
    table.line(f"of {told['served']} looks: refused with 401, not ready, other", f"{told['401']} {told['not ready']} {len(told['wrong'])}", fine, told["wrong"])
    wanted = good + told["served"]
    waited = time.monotonic()
    try:
        eventually(lambda: postgres.number("SELECT sum(requests) FROM proxyd_usage_key") >= wanted, "all booked", 120, 0.5)
    except Failure:
        pass
    table.line("seconds until PostgreSQL had all", f"{time.monotonic() - waited:.1f}")
    asked = crowd.stop_provider()
    booked = postgres.number("SELECT sum(requests) FROM proxyd_usage_key")
    table.line("requests in PostgreSQL less those at the provider", booked - asked, booked == asked == wanted, [booked, asked, wanted])
    rows = postgres.number("SELECT sum(count) FROM proxyd_request")
    table.line("rows less requests", rows - asked, rows == asked)
    told_tokens = [postgres.number(f"SELECT sum({name}) FROM proxyd_usage_key") for name in ("uncached_input + cache_read + cache_write", "output")]
    table.line("tokens in PostgreSQL less what was used", told_tokens[0] - asked * INPUT, told_tokens == [asked * INPUT, asked * OUTPUT], told_tokens)
    for each in nodes:
        report = total(grouped(each, "key"), "requests")
        table.line(f"requests of the report of {each.port} less those", report - asked, report == asked)


def nodes_die(table, lab, kills, chance):
    """Nodes are killed under load and started again: what a client saw whole is in PostgreSQL once, and limits stand by the server."""
    redis, postgres, up = LimitServer(lab), Postgres(lab), lab.upstream()
    cluster = f"limits: '{redis.url}', store: '{postgres.url()}'"
    nodes = gathered([node(lab, up.url, name, cluster, WIDE, "timeouts: {drain: 1s}") for name in NAMES])
    up.reply(whole(ANTHROPIC.whole("claude-test")))
    table.head(f"{kills} kills of nodes under load")
    stop, seen, lock, wrong = threading.Event(), [], threading.Lock(), []

    def work(number):
        turn = 0
        while not stop.is_set():
            name, turn = f"job-{number}-{turn}", turn + 1
            try:
                answer = ask(nodes[(number + turn) % 3], headers={"x-proxyd-session": name})
            except (OSError, Failure, ValueError):
                time.sleep(0.02)
                continue
            if answer.status == 200 and answer.complete:
                with lock:
                    seen.append(name)
            elif answer.status == 401:
                wrong.append(answer)

    workers = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(6)]
    for one in workers:
        one.start()
    try:
        for _ in range(kills):
            time.sleep(0.2 + chance.random() * 0.5)
            victim = chance.choice(nodes)
            victim.kill()
            time.sleep(chance.random() * 0.5)
            victim.start()
    finally:
        stop.set()
        for one in workers:
            one.join()
    eventually(lambda: postgres.number("SELECT sum(count) FROM proxyd_request") >= len(seen), "all booked", 30, 0.2)
    time.sleep(2)
    rows = every_row(nodes[0])
    by_name = collections.Counter(row["session"] for row in rows)
    gone = [name for name in seen if name not in by_name]
    table.line(f"of {len(seen)} answers seen whole: not in PostgreSQL", len(gone), not gone, gone)
    twice = [name for name, times in by_name.items() if times > 1]
    table.line("requests with more than one row", len(twice), not twice, twice)
    table.line("answers that were a 401", len(wrong), not wrong)
    crashed = sum(row["outcome"] == "crash" for row in rows)
    booked = total(grouped(nodes[0], "key"), "requests")
    whole_rows = len(rows) - crashed
    table.line(f"requests of the report less rows ({crashed} in flight at a kill count none)", booked - whole_rows, booked == whole_rows)


# ---------------------------------------------------------------- what it costs


def cost(table, lab, pairs):
    """One connection, one request after another: the time of each, by itself and in a cluster, in turns."""
    crowd, redis, postgres = Crowd(lab), LimitServer(lab), Postgres(lab)
    cluster = f"limits: '{redis.url}', store: '{postgres.url()}'"
    (shared, *_) = gathered([node(lab, crowd.url, name, cluster, WIDE) for name in NAMES])
    alone = node(lab, crowd.url, "alone", "nodes: 1", WIDE)
    table.head(f"time of a request by itself and in a cluster of three, {pairs} pairs")
    request = crowd.request.read_bytes()

    def times(p, count=3000):
        taken = []
        with socket.create_connection(("127.0.0.1", p.port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(count):
                begin = time.perf_counter_ns()
                link.sendall(request)
                got = b""
                while b"\r\n\r\n" not in got or len(got) < got.index(b"\r\n\r\n") + 4 + int(re.search(rb"(?i)content-length: (\d+)", got)[1]):
                    piece = link.recv(65536)
                    if not piece:
                        raise Failure("the connection ended")
                    got += piece
                taken.append(time.perf_counter_ns() - begin)
        taken.sort()
        return taken[count // 2] / 1000, taken[count * 99 // 100] / 1000

    for each in (alone, shared):
        served(ask(each))
        times(each)
    found = [(times(alone), times(shared)) for _ in range(pairs)]
    for index, name in enumerate(("median", "p99")):
        one, other = (statistics.median(pair[side][index] for pair in found) for side in (0, 1))
        more = statistics.median(pair[1][index] - pair[0][index] for pair in found)
        table.line(f"{name} of a request in µs: alone, in the cluster, more", f"{one:.0f} {other:.0f} {more:+.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxyd", default=os.environ.get("PROXYD", ".build/release/proxyd"), metavar="PATH", help="the binary under test")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="rounds of 64 clients for each limit (default: 10)")
    parser.add_argument("--requests", type=int, default=60_000, metavar="N", help="requests while servers die (default: 60000)")
    parser.add_argument("--faults", type=int, default=10, metavar="N", help="times that a server dies meanwhile (default: 10)")
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="SIGKILLs of nodes under load (default: 10)")
    parser.add_argument("--pairs", type=int, default=3, metavar="N", help="comparisons of the time of a request (default: 3)")
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="what chance begins with")
    options = parser.parse_args()
    binary, table, chance = os.path.abspath(options.proxyd), Table(), random.Random(options.seed)
    print(f"seed {options.seed}")
    parts = (
        (options.pairs, lambda lab: cost(table, lab, options.pairs)),
        (options.rounds, lambda lab: crowds(table, lab, options.rounds)),
        (options.kills, lambda lab: nodes_die(table, lab, options.kills, chance)),
        (options.requests, lambda lab: servers_die(table, lab, options.requests, options.faults, chance)),
    )
    return table.run(binary, parts)


if __name__ == "__main__":
    sys.exit(main())
