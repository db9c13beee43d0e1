"""Limits that several nodes share by lease: nothing is passed, nothing is wasted, whatever befalls nodes and server."""

import re
import subprocess
import threading
import time
from datetime import datetime

from checks import check, contains, equal, eventually, expect, stays
from clock import Clock
from limit_server import LimitServer, Slow, config, live, nodes, server_word
from limits import TOKENS, Gate, begin, key_id, steer
from upstream import healthy

def policy(rate, more=""):
    """A second key, whose policy has this limit alone."""
    return f"usage_limits:\n  - {{name: shared, per: '\"all\"', {rate}}}\n{more}"


def cluster(lab, server, rate, count=3, settings=""):
    return nodes(lab, server, ("a", "b", "c")[:count], policy(rate), settings)


def metrics(node):
    return node.admin("GET", "/metrics").text


def checked(lab, p):
    """What --check-config says of its file."""
    return subprocess.run([lab.binary, "--check-config", "-c", str(p.config)], capture_output=True, timeout=10).stdout.decode()


def burst(started, requests, threads=64):
    """So many requests to all nodes in turn, at once; how many were answered with which status."""
    statuses, lock, left = {}, threading.Lock(), list(range(requests))

    def work():
        while True:
            with lock:
                if not left:
                    return
                number = left.pop()
            status = started[number % len(started)].ask().status
            with lock:
                statuses[status] = statuses.get(status, 0) + 1

    crowd = [threading.Thread(target=work) for _ in range(threads)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    return statuses


def spend(started, count, threads=64):
    """Lets so many through. Where the server's answer takes longer than a request waits, a node may refuse what is there still."""
    passed = burst(started, count, threads).get(200, 0)
    end = time.monotonic() + 10
    while passed < count and time.monotonic() < end:
        passed += burst(started, count - passed, threads).get(200, 0)
    equal(passed, count, "let through before")


@check("64 clients at three nodes, round after round: a limit that is nearly spent is used to its last request, and never passed")
def _(lab):
    started = cluster(lab, LimitServer(lab), "requests_per_day: 60")
    spend(started, 58)
    for _ in range(3):
        expect(burst(started, 128).get(200, 0) <= 2, "no more than what was left")
    time.sleep(2.5)
    burst(started, 64)
    told = burst(started, 64)
    equal(told, {429: 64}, "all refused")
    for _ in range(3):
        equal(steer(started[0], "shared", "reset", bucket="all").status, 200, "the status of reset")
        eventually(lambda: started[1].ask().status == 200, "the others know of the reset", 3)


@check("nodes that have just met let through what comes to one of them at once: {rate}", rows=["requests_per_day: 20", "concurrent_requests: 20", "tokens_per_day: 100k"])
def _(lab, rate):
    (one, *_) = cluster(lab, LimitServer(lab), rate, 2)
    equal(burst([one], 20, threads=20), {200: 20}, "statuses")


@check("what a large request reserved and did not use goes back while its node is in use: no node holds more than a share")
def _(lab):
    started = cluster(lab, LimitServer(lab), "tokens_per_day: 10000")
    equal(started[0].ask(max_tokens=4_000).status, 200, "the status of the large one")
    for _ in range(10):
        equal(started[0].ask(max_tokens=10).status, 200, "the status of a small one")
        time.sleep(0.1)
    for node in started:
        for held in re.findall(r"^proxyd_limit_lease_held\{.*\} (\S+)$", metrics(node), re.M):
            expect(float(held) <= 1_000, "at most a share is held", held)


@check("{most} requests at once may be in flight at {count} nodes, wherever they come; one ended, another may begin at any", rows=[(2, 2), (3, 3), (4, 2)])
def _(lab, most, count):
    started = cluster(lab, LimitServer(lab), f"concurrent_requests: {most}", count)
    gate = Gate(healthy)
    (up,) = lab.upstreams
    up.reply(gate)
    links = []
    for turn in range(most):
        links.append(begin(started[turn % count]))
        eventually(lambda: gate.waiting == turn + 1, f"{turn + 1} in flight", 3)
        time.sleep(0.2)
    for node in started:
        equal(node.ask().status, 429, "the status of one more")
    gate.open()
    for link in links:
        equal(link.answer().status, 200, "the status of those in flight")
    for turn in range(6):
        eventually(lambda: started[turn % count].ask().status == 200, "let through, in turns", 3)


@check("a limit that has little is had to its last at the node that is asked")
def _(lab):
    one, other = cluster(lab, LimitServer(lab), "requests_per_day: 3", 2)
    for node, status in ((one, 200), (other, 200), (other, 200), (one, 429), (other, 429)):
        equal(node.ask().status, status, "the status")
        time.sleep(0.3)


@check("what is used on one node is known on the others: their headers, GET /admin/limits and the refusal's message")
def _(lab):
    started = cluster(lab, LimitServer(lab), "requests_per_day: 20", 2)
    spend(started[:1], 20, 8)
    eventually(lambda: "20 used" in started[1].ask().text, "what the other node's refusal says")
    answer = started[1].ask()
    equal(answer.status, 429, "the other node")
    equal(answer.header("x-proxyd-limit"), "shared", "x-proxyd-limit")
    figures = started[1].get("/admin/limits?limit=shared")["limits"]
    equal([(one["used"], one["remaining"]) for one in figures], [(20, 0)], "used and remaining on the other node")


@check("a killed node's lease dies by itself: the rest of the limit is there for the others, and at most a lease is passed")
def _(lab):
    started = cluster(lab, LimitServer(lab), "requests_per_day: 100")
    burst(started, 30)
    started[2].kill()
    eventually(lambda: live(started[0]) == ["a", "b"], "c is gone", 8)
    passed = 30 + sum(burst(started[:2], 60).get(200, 0) for _ in range(3))
    expect(90 <= passed <= 110, "all of the limit, and no more than a lease beyond", passed)


@check("a stopped server: nodes go on by division and nobody waits; back again without memory, it hears what was used")
def _(lab):
    server = LimitServer(lab)
    started = cluster(lab, server, "requests_per_day: 90")
    spend(started, 30)
    server.pause()
    time.sleep(0.2)
    begin = time.monotonic()
    during = burst(started, 150)
    expect(time.monotonic() - begin < 10, "nobody waits", time.monotonic() - begin)
    # What is left is divided as each heard it last: less than a lease apart.
    expect(20 <= during.get(200, 0) <= 60 + 9, "what is left, divided", during)
    equal(set(during) - {200, 429}, set(), "statuses")
    server.kill()
    server.start()
    eventually(lambda: started[0].health()["cluster"]["limits"] == "ok", "back in health", 8)
    time.sleep(2.5)
    after = sum(burst(started, 60).get(200, 0) for _ in range(2))
    expect(30 + during.get(200, 0) + after <= 92 + 9, "no more than the limit, and that", (during, after))


def used(node, query):
    """What it says of the shared limit's bucket; None where it says nothing."""
    return next((one["used"] for one in node.get(f"/admin/limits?{query}")["limits"] if one["limit"] == "shared"), None)


@check("a node that used nothing of a limit keeps what it heard of the others' use: a killed server lets nothing through")
def _(lab):
    server = LimitServer(lab)
    one, other = cluster(lab, server, "requests_per_day: 20", 2)
    spend([one], 20, 4)
    time.sleep(1)
    equal([other.ask().status for _ in range(3)], [429] * 3, "the other node")
    time.sleep(2)
    server.kill()
    time.sleep(0.3)
    equal(burst([other, one], 30, 4), {429: 30}, "while the server is away")


@check("a server that forgets all under running nodes hears what was used: nothing passes the limit; the other node had used {elsewhere}", rows=[0, 10])
def _(lab, elsewhere):
    server = LimitServer(lab)
    one, other = cluster(lab, server, "requests_per_day: 100", 2)
    if elsewhere:
        spend([other], elsewhere, 2)
    spend([one], 90 - elsewhere, 4)
    time.sleep(3)
    server.ask("FLUSHALL")
    passed = burst([one, other], 80, 8).get(200, 0)
    time.sleep(3)
    passed += burst([one, other], 40, 4).get(200, 0)
    expect(passed <= 10, "no more than what was left", passed)


@check("a server that answers slowly is none that is away: {each} ms each way pass nothing, and no request fails", rows=[30, 60], seconds=60)
def _(lab, each):
    server = LimitServer(lab)
    way = Slow(lab, server, each / 1_000)
    up = lab.upstream()
    started = [lab.proxyd(config(up, f"node: {name}, limits: '{way.url}'", policy("requests_per_day: 60"))) for name in "ab"]
    for node in started:
        eventually(lambda: live(node) == ["a", "b"], "both nodes live", 8)
    time.sleep(4)
    told = burst(started, 160, 4)
    equal(set(told) - {200, 429}, set(), "statuses")
    expect(told.get(200, 0) <= 60, "no more than the limit", told)


@check("another server in the place of one that died, with an empty memory, hears what was used and what is blocked")
def _(lab):
    server, other = LimitServer(lab), LimitServer(lab)
    other.kill()
    up = lab.upstream()
    text = config(up, f"node: NAME, limits: ['{server.url}', '{other.url}']", policy("requests_per_day: 10"))
    started = [lab.proxyd(text.replace("NAME", name)) for name in "ab"]
    for node in started:
        eventually(lambda: live(node) == ["a", "b"], "both nodes live", 8)
    spend(started, 7, 1)
    eventually(lambda: used(started[0], "bucket=all") == 7, "all is told", 5)
    equal(steer(started[0], "shared", "block", bucket="nobody").status, 200, "the status of the block")
    eventually(lambda: used(started[1], "bucket=nobody") == 0, "the block is told", 5)
    server.kill()
    other.start()
    for node in started:
        eventually(lambda: server_word(node) == "ok" and live(node) == ["a", "b"], "the other server", 10)
        eventually(lambda: used(node, "bucket=all") == 7, "what was used", 5)
    eventually(lambda: "nobody" in other.ask("HGETALL", "proxyd:blocks"), "the block is told anew", 5)
    passed = burst(started, 20, 4).get(200, 0)
    equal(passed + sum(burst([node], 4, 1).get(200, 0) for node in started), 3, "the rest, and no more")


@check("a clock that steps by a day, back and forth, frees nothing and takes nothing of what all have")
def _(lab):
    server, up, clock = LimitServer(lab), lab.upstream(), Clock(lab)
    text = config(up, f"node: NAME, limits: '{server.url}'", policy("requests_per_day: 12, tokens_per_month: 1M"))
    started = [lab.proxyd(text.replace("NAME", name), start=False) for name in "ab"]
    started[1].env = clock.env
    for node in started:
        node.start()
    for node in started:
        eventually(lambda: live(node) == ["a", "b"], "both nodes live", 8)
    spend(started, 4, 1)
    for hours in (26, -52, 26):
        clock.step(hours * 3_600)
        time.sleep(0.7)
        spend(started, 2, 1)
    told = burst(started, 6, 1)
    told = {status: told.get(status, 0) + burst([started[1]], 4, 1).get(status, 0) for status in (200, 429)}
    equal(told, {200: 2, 429: 8}, "the rest, and no more")


@check("what is asked for by bucket is as all nodes have it, also at one that was never asked for it")
def _(lab):
    one, other = cluster(lab, LimitServer(lab), "requests_per_day: 60", 2)
    spend([one], 40, 4)
    eventually(lambda: used(other, "bucket=all") == 40, "the other node says what was used", 3)
    equal(used(other, "bucket=nobody"), None, "a bucket that nobody has used")


@check("of a minute that others have used up a node says when it has passed: resets_at and retry-after")
def _(lab):
    one, other = cluster(lab, LimitServer(lab), "requests_per_minute: 4", 2)
    spend([one], 4, 1)
    begun = time.time()
    time.sleep(4)
    for _ in range(3):
        (told,) = other.get("/admin/limits?bucket=all")["limits"]
        ends = datetime.fromisoformat(told["resets_at"].replace("Z", "+00:00")).timestamp() - begun
        expect(50 < ends < 63, "resets_at a minute after the last request", ends)
        answer = other.ask()
        equal(answer.status, 429, "the status")
        expect(35 < int(answer.header("retry-after")) < 60, "retry-after until a request has passed", answer.header("retry-after"))
        time.sleep(1)


@check("a block ends at one second, whichever node is asked")
def _(lab):
    one, other = cluster(lab, LimitServer(lab), "requests_per_day: 60", 2)
    for bucket in ("u", "v", "w", "x", "y", "z"):
        wanted = steer(one, "shared", "block", bucket=bucket, **{"for": "1h"}).json()["blocked_until"]
        told = lambda: [each["blocked_until"] for each in other.get(f"/admin/limits?bucket={bucket}")["limits"]]
        eventually(lambda: told() == [wanted], f"blocked until {wanted}", 3)


# ---------------------------------------------------------------- resets, and nodes that are others than before


def reload(node, text):
    node.config.write_text(text)
    equal(node.admin("POST", "/admin/reload").status, 200, "the status of the reload")


def all_used(node, of):
    """Of each number of the limit what is used, as all nodes have it."""
    return {one["limit"]: one["used"] for one in node.get(f"/admin/limits?{of}")["limits"]}


@check("a reset of one number leaves the others of its kind as they are, on all nodes, also after a restart")
def _(lab):
    server, up = LimitServer(lab), lab.upstream()
    numbers = "requests_per_minute: 100, requests_per_day: 100, tokens_per_day: 1M, tokens_per_month: 1M"
    text = config(up, f"node: NAME, limits: '{server.url}'").replace("requests_per_day: 1000", numbers)
    one, other = (lab.proxyd(text.replace("NAME", name)) for name in "ab")
    for node in (one, other):
        eventually(lambda: live(node) == ["a", "b"], "both nodes live", 8)
    spend([one], 3, 1)
    spend([other], 4, 1)
    bucket = key_id(one)
    eventually(lambda: set(all_used(one, f"key={bucket}").values()) == {7, 7 * TOKENS}, "all is told", 5)
    for number in ("requests_per_day", "tokens_per_month"):
        equal(steer(one, f"team.{number}", "reset", bucket=bucket).status, 200, "the status of the reset")
    wanted = {"team.requests_per_minute": 7, "team.requests_per_day": 0, "team.tokens_per_day": 7 * TOKENS, "team.tokens_per_month": 0}
    for node in (one, other):
        eventually(lambda: all_used(node, f"key={bucket}") == wanted, "what is used after the resets", 5)
    other.stop()
    other.start()
    wanted = {"team.requests_per_day": 0, "team.tokens_per_day": 7 * TOKENS, "team.tokens_per_month": 0}
    for node in (one, other):
        told = lambda: {name: used for name, used in all_used(node, f"key={bucket}").items() if "minute" not in name}
        eventually(lambda: told() == wanted, "the same after a restart", 5)


@check("a reset reaches a node that was stopped meanwhile: what it used before comes back on none")
def _(lab):
    one, other = cluster(lab, LimitServer(lab), "requests_per_day: 100", 2)
    spend([one], 5, 1)
    spend([other], 10, 1)
    eventually(lambda: used(one, "bucket=all") == 15, "all is told", 5)
    other.stop()
    equal(steer(one, "shared", "reset", bucket="all").status, 200, "the status of the reset")
    other.start()
    spend([other], 2, 1)
    for node in (one, other):
        eventually(lambda: used(node, "bucket=all") == 2, "what was used since", 5)
    other.stop()
    other.start()
    spend([other], 1, 1)
    for node in (one, other):
        eventually(lambda: used(node, "bucket=all") == 3, "and after one more restart", 5)


@check("a reset that is made while the server is away holds on all nodes when it is back; its node {meanwhile}",
       rows=["goes on", "starts anew meanwhile"])
def _(lab, meanwhile):
    server = LimitServer(lab)
    one, other = cluster(lab, server, "requests_per_day: 100", 2)
    spend([one], 5, 1)
    spend([other], 10, 1)
    eventually(lambda: used(one, "bucket=all") == 15, "all is told", 5)
    time.sleep(1)
    server.ask("REPLICAOF", "127.0.0.1", "1")
    eventually(lambda: server_word(one) == "away", "the server takes nothing", 8)
    equal(steer(one, "shared", "reset", bucket="all").status, 200, "the status of the reset")
    if meanwhile != "goes on":
        one.restart()
    server.ask("REPLICAOF", "NO", "ONE")
    for node in (one, other):
        eventually(lambda: server_word(node) == "ok", "the server is back", 8)
        eventually(lambda: used(node, "bucket=all") == 0, "nothing is used", 8)


@check("a reset that is made while the server is away holds on all nodes when it is back with an empty memory")
def _(lab):
    server = LimitServer(lab)
    one, other, third = cluster(lab, server, "requests_per_day: 100")
    spend([one], 5, 1)
    spend([other], 10, 1)
    spend([third], 1, 1)
    for node in (one, third):
        eventually(lambda: used(node, "bucket=all") == 16, "all is told", 5)
    server.kill()
    third.stop()
    eventually(lambda: server_word(one) == "away", "the server is away", 8)
    equal(steer(one, "shared", "reset", bucket="all").status, 200, "the status of the reset")
    spend([one], 2, 1)
    third.start()
    server.start()
    for node in (one, other, third):
        eventually(lambda: server_word(node) == "ok", "the server is back", 8)
    for node in (one, other, third):
        eventually(lambda: used(node, "bucket=all") == 2, "what was used since where it was reset", 5)
    spend([other], 1, 1)
    for node in (one, other, third):
        eventually(lambda: used(node, "bucket=all") == 3, "and after one more", 5)


@check("a reset of concurrent_requests is the node's own: the server of limits stays what it is")
def _(lab):
    text = config(lab.upstream(), f"node: a, limits: '{LimitServer(lab).url}'")
    text = text.replace("requests_per_day: 1000", "requests_per_day: 1000, concurrent_requests: 5")
    node = lab.proxyd(text)
    eventually(lambda: live(node) == ["a"], "the node is live", 8)
    spend([node], 1, 1)
    equal(steer(node, "team.concurrent_requests", "reset", bucket=key_id(node)).status, 200, "the status of the reset")
    stays(lambda: server_word(node) == "ok", "the server is there", 2)
    equal(all_used(node, f"key={key_id(node)}")["team.requests_per_day"], 1, "what was used of the other number")


@check("a reload that turns sharing off and on again loses nothing of what was used")
def _(lab):
    one, other = cluster(lab, LimitServer(lab), "requests_per_day: 20", 2)
    for _ in range(5):
        spend([one], 1, 1)
        time.sleep(0.6)
    eventually(lambda: used(other, "bucket=all") == 5, "all is told", 5)
    text = one.config.read_text()
    reload(one, re.sub("cluster: .*", "", text))
    spend([one], 2, 1)
    reload(one, text)
    eventually(lambda: live(one) == ["a", "b"], "both nodes live", 8)
    spend([one], 1, 1)
    for node in (one, other):
        eventually(lambda: used(node, "bucket=all") == 8, "what was used, alone as well", 5)
    told = burst([one, other], 30, 4)
    equal(told.get(200, 0), 12, "the rest, and no more")


@check("a node that gets another name by a reload has used what it had used, and not twice as much")
def _(lab):
    one, other = cluster(lab, LimitServer(lab), "requests_per_day: 100", 2)
    spend([one], 10, 1)
    eventually(lambda: used(other, "bucket=all") == 10, "all is told", 5)
    reload(one, one.config.read_text().replace("node: a", "node: c"))
    eventually(lambda: live(other) == ["b", "c"], "the nodes", 8)
    spend([one], 1, 1)
    for node in (one, other):
        eventually(lambda: used(node, "bucket=all") == 11, "what was used", 5)


@check("nodes that start by one another's names with their state directories have used what they had used, and not twice as much")
def _(lab):
    started = one, other = cluster(lab, LimitServer(lab), "requests_per_day: 100", 2)
    spend([one], 10, 1)
    spend([other], 4, 1)
    eventually(lambda: used(other, "bucket=all") == 14, "all is told", 5)
    for node in started:
        node.stop()
    for node, name, before in ((one, "b", "a"), (other, "a", "b")):
        node.config.write_text(node.config.read_text().replace(f"node: {before}", f"node: {name}"))
        node.start()
    for node in started:
        spend([node], 1, 1)
    for node in started:
        eventually(lambda: used(node, "bucket=all") == 16, "what was used", 5)


@check("the first request of a bucket on a node: a rule's limit() says what the others have left of it")
def _(lab):
    server, up, low = LimitServer(lab), lab.upstream(), lab.upstream()
    rules = f"""
  - {{name: low, models: ["*"], when: 'limit("shared") < 0.5', tiers: [low]}}
"""
    text = config(up, f"node: NAME, limits: '{server.url}'", policy("requests_per_day: 10"))
    text = text.replace("rules:", f"  low: {low.declare('anthropic')}\nrules:{rules.rstrip()}")
    one, other = (lab.proxyd(text.replace("NAME", name)) for name in "ab")
    for node in (one, other):
        eventually(lambda: live(node) == ["a", "b"], "both nodes live", 8)
    spend([one], 6, 1)
    eventually(lambda: used(one, "bucket=all") == 6, "all is told", 5)
    time.sleep(3)  # what the other node holds goes back
    equal(other.ask().status, 200, "the status of the first")
    equal((len(up.requests), len(low.requests)), (6, 1), "requests of each upstream")


@check("an explanation tells what a request would meet, also at a node that was never asked for its bucket")
def _(lab):
    one, other = cluster(lab, LimitServer(lab), "requests_per_day: 4", 2)
    spend([one], 4, 1)
    eventually(lambda: used(one, "bucket=all") == 4, "all is told", 5)
    told = other.admin("POST", "/admin/explain", {"model": "claude-test", "key": "user", "dialect": "anthropic"}).json()
    (figure,) = (each for each in told["limits"] if each["limit"] == "shared")
    equal((told["status"], figure["used"], figure["fits"]), (429, 4, False), "the explanation")


@check("when_unreachable refuse: 503 with retry-after in the client's dialect, and on it goes when the server is back")
def _(lab):
    server = LimitServer(lab)
    (node,) = cluster(lab, server, "requests_per_day: 1000", 1, ", when_unreachable: {limits: refuse}")
    eventually(lambda: node.ask().status == 200, "served once the server was heard", 3)
    server.kill()
    eventually(lambda: node.ask().status == 503, "refused", 6)
    answer = node.ask()
    equal((answer.status, answer.header("retry-after")), (503, "1"), "status and retry-after")
    contains(answer.text, "overloaded_error", "the body")
    server.start()
    eventually(lambda: node.ask().status == 200, "let through again", 8)


@check("without a server limits are divided by the nodes, and the check of the file says how; with one it says the bounds")
def _(lab):
    p = lab.proxyd(config(lab.upstream(), "node: a, nodes: 3", policy("requests_per_day: 10")))
    equal(burst([p], 6, 1), {200: 3, 429: 3}, "a third of ten")
    told = checked(lab, p)
    contains(told, "each of 3 nodes has 3; 1 is nobody's", "the check")
    up = lab.upstream()
    shared = lab.proxyd(config(up, "node: b, nodes: 3, limits: 'redis://127.0.0.1:1'", policy("requests_per_day: 100")), start=False)
    told = checked(lab, shared)
    expect(re.search(r"limit 'shared' .*overshoot 0; 3 nodes hold at most 30 .* for 2s; .* used 10 untold", told), "bounds", told)


@check("what a node holds is a metric, and is given back when nobody asks")
def _(lab):
    (node,) = cluster(lab, LimitServer(lab), "requests_per_day: 1000", 1)
    held = 'proxyd_limit_lease_held{limit="shared",kind="requests"}'
    equal(node.ask().status, 200, "the status")
    eventually(lambda: f"{held} 9" in metrics(node) or f"{held} 10" in metrics(node), "something is held", 2)
    eventually(lambda: f"{held} 0" in metrics(node) or held not in metrics(node), "nothing is held", 5)
