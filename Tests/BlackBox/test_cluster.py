"""Several nodes that share a server of limits: who they are, blocks everywhere within a second, and a server that fails in every way."""

import shutil
import socket
import time

from accounts import declare
from certificates import FOLDER
from checks import check, contains, equal, eventually, expect, lacks, stays
from clock import Clock
from harness import served
from upstream import healthy, status
from limit_server import LimitServer, Sentinel, config, live, nodes, server_word
from limits import key_id, steer
from ports import free_port

LIMIT = "team.requests_per_day"


def blocked(node):
    return node.ask().status == 429


def warnings(node):
    return " | ".join(node.health()["cluster"]["warnings"])


# ---------------------------------------------------------------- who they are


@check("GET /admin/nodes names every node with version, generation, hash, age and clock, and the server without its password")
def _(lab):
    server = LimitServer(lab, "--requirepass", "geheim")
    server_url = f"redis://:geheim@127.0.0.1:{server.port}/0"
    up = lab.upstream()
    started = [lab.proxyd(config(up, f"node: {name}, limits: '{server_url}'")) for name in ("a", "b")]
    eventually(lambda: live(started[0]) == ["a", "b"], "both nodes are listed")
    eventually(lambda: all(one["clock_ahead_ms"] is not None for one in started[0].get("/admin/nodes")["nodes"]), "clocks are known")
    told = started[0].get("/admin/nodes")
    equal((told["node"], told["limits"]["status"]), ("a", "ok"), "node and server")
    lacks(str(told), "geheim", "GET /admin/nodes")
    lacks(str(started[0].get("/admin/config")), "geheim", "GET /admin/config")
    lacks(started[0].output(), "geheim", "the log")
    for one in told["nodes"]:
        expect(one["version"] and one["generation"] == 1 and len(one["hash"]) == 64, "version, generation and hash", one)
        expect(one["last_seen_ms_ago"] < 3_500 and abs(one["clock_ahead_ms"]) < 2_000, "age and clock", one)
    contains(warnings(started[0]), "another configuration", "the warning of health: the files differ by their names")


@check("nodes whose files are the same are not told apart, whatever folder they are in and whatever their references read")
def _(lab):
    server, up = LimitServer(lab), lab.upstream()
    text = config(up, f"node: '${{NODE}}', limits: '{server.url}'", 'listen: "127.0.0.1:${PORT}"\nstate: "${DIR}/state"\ninclude: more.yaml')
    started = []
    for name in ("a", "b"):
        p = lab.proxyd(text, start=False)
        p.env = {"NODE": name, "PORT": str(p.port), "DIR": str(p.folder)}
        (p.folder / "own").write_text(f"sk-the-own-key-of-node-{name}-0123456789")
        (p.folder / "more.yaml").write_text("keys: [{name: own, key: '${file:own}'}]\n")
        started.append(p.start())
    a, b = started
    eventually(lambda: live(a) == live(b) == ["a", "b"], "both nodes are listed")
    equal(len({one["hash"] for one in a.get("/admin/nodes")["nodes"]}), 1, "hashes of the configuration")
    lacks(warnings(a), "another configuration", "the warnings of health")
    (b.folder / "more.yaml").write_text("keys: [{name: other, key: '${file:own}'}]\n")
    equal(b.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    eventually(lambda: "another configuration" in warnings(a), "a warning where an included file differs", 5)


@check("a node that stops is gone from the list, one that is killed is listed as gone, and its fast restart is not refused")
def _(lab):
    a, b, c = nodes(lab, LimitServer(lab))
    c.stop()
    eventually(lambda: live(a) == ["a", "b"], "c is not live")
    equal([one["name"] for one in a.get("/admin/nodes")["nodes"]], ["a", "b"], "nodes")
    b.restart(hard=True)
    eventually(lambda: live(a) == ["a", "b"], "b is back")
    lacks(warnings(a), "called", "health")


@check("to a node that has lost the server who was live is unknown, not gone; one that was gone before is")
def _(lab):
    server = LimitServer(lab)
    a, _, c = nodes(lab, server)

    def states():
        return {one["name"]: one["state"] for one in a.get("/admin/nodes")["nodes"]}

    c.kill()
    eventually(lambda: states() == {"a": "live", "b": "live", "c": "gone"}, "c is gone", 8)
    server.kill()
    eventually(lambda: states() == {"a": "live", "b": "unknown", "c": "gone"}, "nobody tells of b", 8)
    time.sleep(1.5)
    equal(states()["b"], "unknown", "the state of b")
    server.start()
    eventually(lambda: live(a) == ["a", "b"], "b is live again", 8)


@check("the second live node of one name ends at its start and says why; the first goes on")
def _(lab):
    server = LimitServer(lab)
    a, _ = nodes(lab, server, ("a", "b"))
    second = lab.proxyd(config(lab.upstream(), f"node: a, limits: '{server.url}'"), start=False)
    second.spawn("--config", str(second.config))
    equal(second.wait(within=8), 69, "the exit code")
    contains(second.output(), "another node of the cluster has this name", "what it says")
    stays(lambda: served(a.ask()).status == 200, "the first serves")


@check("a file that gives a node the name of another one that lives is refused by cluster.node, one with a free name is not")
def _(lab):
    server = LimitServer(lab)
    _, b = nodes(lab, server, ("a", "b"))
    text = b.config.read_text()
    b.config.write_text(text.replace("node: b", "node: a"))
    answer = b.admin("POST", "/admin/reload")
    expect(answer.status >= 400, "the reload is refused", answer.status)
    contains(answer.text, "cluster.node", "what it says")
    equal(b.get("/admin/nodes")["node"], "b", "the name")
    b.config.write_text(text.replace("node: b", "node: c"))
    equal(b.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    eventually(lambda: live(b) == ["a", "c"], "the nodes", 5)


@check("under when_unreachable.limits: refuse a node is not ready while the server is away, and says why")
def _(lab):
    server = LimitServer(lab)
    p = lab.proxyd(config(lab.upstream(), f"node: a, limits: '{server.url}', when_unreachable: {{limits: refuse}}"))
    eventually(lambda: p.send("GET", "/readyz", key=None).status == 200, "ready", 5)
    server.kill()
    eventually(lambda: p.send("GET", "/readyz", key=None).status == 503, "not ready", 6)
    contains(p.send("GET", "/readyz", key=None).text, "the server of limits is away", "the reason")
    server.start()
    eventually(lambda: p.send("GET", "/readyz", key=None).status == 200, "ready again", 8)


@check("without a server a node lists itself")
def _(lab):
    p = lab.proxyd(config(lab.upstream(), "node: solo, nodes: 3"))
    told = p.get("/admin/nodes")
    equal((told["node"], [one["name"] for one in told["nodes"]], told["limits"]), ("solo", ["solo"], None), "nodes")


@check("a process without a cluster lists itself by its host's name")
def _(lab):
    p, _up = lab.simple()
    told = p.get("/admin/nodes")
    equal(told["node"], socket.gethostname(), "the name")
    equal([(one["name"], one["state"], one["self"]) for one in told["nodes"]], [(told["node"], "live", True)], "nodes")
    equal((told["limits"], told["store"], told["warnings"]), (None, None, []), "servers and warnings")


# ---------------------------------------------------------------- blocks


@check("a block on one node holds on all within a second, is learnt by a node that starts later, and ends everywhere")
def _(lab):
    server = LimitServer(lab)
    a, b, c = nodes(lab, server)
    begin = time.monotonic()
    equal(steer(a, LIMIT, "block", bucket=key_id(a)).status, 200, "the status of block")
    eventually(lambda: blocked(b) and blocked(c), "refused by the others", 1)
    expect(time.monotonic() - begin < 1, "within a second", time.monotonic() - begin)
    c.restart()
    expect(blocked(c), "blocked after a restart")
    contains(server.ask("SCRIPT", "FLUSH"), "OK", "SCRIPT FLUSH")
    equal(steer(b, LIMIT, "unblock", bucket=key_id(b)).status, 200, "the status of unblock")
    eventually(lambda: not blocked(a) and not blocked(c), "let through by the others", 1)


@check("a server that comes back with an empty memory learns the blocks, also one that was made while it was away")
def _(lab):
    server = LimitServer(lab)
    a, b = nodes(lab, server, ("a", "b"))
    server.kill()
    eventually(lambda: server_word(a) == "away" == server_word(b), "away in health")
    equal(steer(a, LIMIT, "block", bucket=key_id(a)).status, 200, "the status of block")
    expect(blocked(a) and not blocked(b), "blocked where it was done")
    server.start()
    eventually(lambda: blocked(b), "blocked on the other", 8)
    server.kill()
    server.start()
    eventually(lambda: LIMIT in server.ask("HGETALL", "proxyd:blocks"), "the server knows the block again", 8)


@check("what is done to blocks while the server is away outlives a restart before it is back")
def _(lab):
    server = LimitServer(lab)
    a, b = nodes(lab, server, ("a", "b"))
    equal(steer(a, LIMIT, "block", bucket=key_id(a)).status, 200, "the status of block")
    eventually(lambda: blocked(b), "refused by the other", 3)
    server.kill()
    eventually(lambda: server_word(a) == "away" == server_word(b), "away in health")
    equal(steer(a, LIMIT, "unblock", bucket=key_id(a)).status, 200, "the status of unblock")
    a.restart()
    server.start()
    eventually(lambda: not blocked(b), "let through by the other", 8)
    expect(not blocked(a), "let through where it was done")
    equal(list(a.state.glob("untold*")), [], "files of what is untold")


@check("a server that forgets all while it goes on learns the blocks within seconds")
def _(lab):
    server = LimitServer(lab)
    a, _ = nodes(lab, server, ("a", "b"))
    equal(steer(a, LIMIT, "block", bucket=key_id(a)).status, 200, "the status of block")
    eventually(lambda: LIMIT in server.ask("HGETALL", "proxyd:blocks"), "the server knows the block", 3)
    contains(server.ask("FLUSHALL"), "OK", "FLUSHALL")
    eventually(lambda: LIMIT in server.ask("HGETALL", "proxyd:blocks"), "the server knows the block again", 5)


# ---------------------------------------------------------------- hints and affinity


def pair(lab, server, name, ups, extra=""):
    one, two = ups
    return lab.proxyd(f"""
cluster: {{node: {name}, limits: '{server.url}'}}
upstreams:
  t1: {declare(one, accounts=ACCOUNTS, extra=extra)}
  t2: {declare(two, accounts=("one",))}
rules:
  - {{name: all, models: ["*"], tiers: [t1, t2]}}
""")


ACCOUNTS = ("one", "two", "three")


@check("an account that rests on one node after a 429 rests on the others too")
def _(lab):
    server, ups = LimitServer(lab), (lab.upstream(), lab.upstream())
    a, b = (pair(lab, server, name, ups) for name in ("a", "b"))
    eventually(lambda: live(a) == live(b) == ["a", "b"], "both see both", 5)
    time.sleep(0.5)
    # A model that nobody has ever served is nobody's news.
    served(a.ask())
    ups[0].reply(*[status(429, retry_after="30")] * 3, healthy)
    equal(served(a.ask()).header("x-proxyd-upstream"), "t2", "where the first node goes")
    asked = len(ups[0].requests)
    eventually(lambda: served(b.ask()).header("x-proxyd-upstream") == "t2", "the other node goes there as well", 2, every=0.2)
    expect(len(ups[0].requests) <= asked + 3, "the other learnt it, and found it out by no request", len(ups[0].requests))


@check("a conversation goes to one account, whichever node it comes to, and conversations are spread")
def _(lab):
    server, ups = LimitServer(lab), (lab.upstream(), lab.upstream())
    a, b = (pair(lab, server, name, ups, "choose: weighted") for name in ("a", "b"))
    places = set()
    for number in range(12):
        headers = {"x-claude-code-session-id": f"0a1b2c3d-session-{number}"}
        one, two = (served(p.ask(headers=headers)).header("x-proxyd-account") for p in (a, b))
        equal(one, two, f"the account of conversation {number} on both nodes")
        places.add(one)
    expect(len(places) > 1, "several accounts are used", places)


# ---------------------------------------------------------------- a server that fails


@check("a server that is {how} is told in health, log and metric, once, and requests go on; back again, all is well", rows=["stopped", "killed"])
def _(lab, how):
    server = LimitServer(lab)
    a, b = nodes(lab, server, ("a", "b"))
    (server.pause if how == "stopped" else server.kill)()
    eventually(lambda: server_word(a) == "away", "away in health", 6)
    equal(served(a.ask()).status, 200, "a request meanwhile")
    equal(a.admin("GET", "/readyz").status, 200, "readyz")
    contains(a.admin("GET", "/metrics").text, "proxyd_cluster_server_up 0", "metrics")
    contains(warnings(a), "does not answer" if how == "stopped" else "cannot be reached", "health")
    (server.resume if how == "stopped" else server.start)()
    eventually(lambda: server_word(a) == "ok", "ok in health", 8)
    eventually(lambda: live(a) == ["a", "b"], "both live again", 5)
    contains(a.admin("GET", "/metrics").text, "proxyd_cluster_server_up 1", "metrics")


REFUSALS = {
    "wrong password": (["--requirepass", "right"], ":wrong@", "wrong user or password"),
    "no password": (["--requirepass", "right"], "", "asks for a password"),
    "no permission": (["--user", "default", "on", "nopass", "~other:*", "&*", "+@all"], "", "no permission"),
}


@check("{name}: said by name at start, and requests go on", rows=list(REFUSALS))
def _(lab, name):
    options, user, words = REFUSALS[name]
    server = LimitServer(lab, *options)
    p = lab.proxyd(config(lab.upstream(), f"node: a, limits: 'redis://{user}127.0.0.1:{server.port}'"))
    eventually(lambda: words in warnings(p), f"{words!r} in health")
    equal(served(p.ask()).status, 200, "a request meanwhile")
    contains(p.output(), words, "the log")
    lacks(p.output(), "right", "the log")


@check("a read-only replica is refused by name, full memory too, and both are over when they are")
def _(lab):
    server = LimitServer(lab)
    p = lab.proxyd(config(lab.upstream(), f"node: a, limits: '{server.url}'"))
    eventually(lambda: server_word(p) == "ok", "ok in health")
    server.ask("REPLICAOF", "127.0.0.1", "1")
    eventually(lambda: "read-only replica" in warnings(p), "named in health", 5)
    server.ask("REPLICAOF", "NO", "ONE")
    eventually(lambda: server_word(p) == "ok", "ok in health", 6)
    server.ask("CONFIG", "SET", "maxmemory", "1")
    eventually(lambda: "memory is full" in warnings(p), "named in health", 5)
    server.ask("CONFIG", "SET", "maxmemory", "0")
    eventually(lambda: server_word(p) == "ok", "ok in health", 5)


@check("a server that cannot write its disk (MISCONF) is told by name, requests go on, and it is over when it is")
def _(lab):
    server = LimitServer(lab)
    p = lab.proxyd(config(lab.upstream(), f"node: a, limits: '{server.url}'"))
    eventually(lambda: server_word(p) == "ok", "ok in health")
    server.ask("CONFIG", "SET", "save", "3600 1")
    shutil.rmtree(server.folder)
    server.ask("BGSAVE")
    eventually(lambda: "cannot write its disk (MISCONF)" in warnings(p), "named in health", 6)
    served(p.ask())
    server.ask("CONFIG", "SET", "save", "")
    eventually(lambda: server_word(p) == "ok", "ok in health", 6)


@check("a node whose clock is an hour off is named in health by all, and shares its limits all the same")
def _(lab):
    server, up, clock = LimitServer(lab), lab.upstream(), Clock(lab)
    text = config(up, f"node: NAME, limits: '{server.url}'").replace("requests_per_day: 1000", "requests_per_minute: 6")
    a, b = (lab.proxyd(text.replace("NAME", name), start=False) for name in "ab")
    b.env = clock.env
    clock.step(-3_600)
    for node in (a, b):
        node.start()
    for node in (a, b):
        eventually(lambda: live(node) == ["a", "b"], "both are live", 8)
        eventually(lambda: "the clock of node 'b' is 60 minutes behind the server's" in warnings(node), "named in health", 5)
        lacks(warnings(node), "node 'a' is", "health")
    equal(sum((a, b)[turn % 2].ask().status == 200 for turn in range(10)), 6, "requests of a minute at both")


REFUSED = {  # what is refused -> (options of the server, the key that is of another type, words of health, the server's word there)
    "all": (["--rename-command", "EVALSHA", ""], None, "is away: it refuses: ERR unknown command", "away"),
    "limits": ([], "proxyd:limits:nodes", "is away: it refuses: WRONGTYPE", "away"),
    "heartbeats": ([], "proxyd:nodes", "takes no heartbeats, so that nodes do not know of one another: it refuses: WRONGTYPE", "ok"),
}


@check("a server that can be reached and refuses {what} is told in health with its words, and is well when that is over", rows=list(REFUSED))
def _(lab, what):
    options, key, words, word = REFUSED[what]
    server = LimitServer(lab, *options)
    p = lab.proxyd(config(lab.upstream(), f"node: a, limits: '{server.url}'"))
    if key:
        eventually(lambda: server_word(p) == "ok", "ok in health")
        server.ask("LPUSH", "a-list", "x")
        server.ask("RENAME", "a-list", key)
    eventually(lambda: words in warnings(p), f"{words!r} in health", 6)
    equal(server_word(p), word, "the server's word in health")
    lacks(warnings(p), "with args", "health")
    served(p.ask())
    eventually(lambda: words.rsplit(": ", 1)[-1] in p.output(), "the server's words in the log", 4)
    if word == "away":
        told = p.get("/admin/nodes")["limits"]
        equal(told["status"], "away", "the status in GET /admin/nodes")
        contains(told["reason"], "it refuses", "the reason there")
        contains(p.admin("GET", "/metrics").text, "proxyd_cluster_server_up 0", "metrics")
    if key:
        server.ask("DEL", key)
        eventually(lambda: server_word(p) == "ok" and warnings(p) == "", "nothing is wrong in health", 6)


SHOWN = {  # what the server shows -> (its pair, the authorities that are known, the server's word in health, words there)
    "a certificate of a known authority": ("server", "root", "ok", ""),
    "one of an unknown authority": ("server", "other-root", "away", "TLS fails: its certificate is not trusted"),
    "one that has expired": ("expired", "root", "away", "TLS fails: its certificate is not trusted"),
    "one of another name": ("other-name", "root", "away", "TLS fails: its certificate is another host's"),
}


@check("a server that shows {what} over TLS is told so, each time that it is looked at", rows=list(SHOWN))
def _(lab, what):
    pair, authority, word, words = SHOWN[what]
    port = free_port()
    files = {"cert-file": f"{pair}.pem", "key-file": f"{pair}.key", "ca-cert-file": "root.pem"}
    options = [part for name, file in files.items() for part in (f"--tls-{name}", str(FOLDER / file))]
    LimitServer(lab, "--tls-port", str(port), "--tls-auth-clients", "no", *options)
    p = lab.proxyd(config(lab.upstream(), f"node: a, limits: 'rediss://localhost:{port}', ca: '{FOLDER / authority}.pem'"))
    eventually(lambda: server_word(p) == word, f"{word} in health", 6)
    for _ in range(20):  # it is tried again meanwhile
        contains(warnings(p), words, "health")
        time.sleep(0.15)
    equal(server_word(p), word, "the server's word in health")


@check("of several addresses the master is taken")
def _(lab):
    replica, master = LimitServer(lab), LimitServer(lab)
    replica.ask("REPLICAOF", "127.0.0.1", str(master.port))
    p = lab.proxyd(config(lab.upstream(), f"node: a, limits: ['{replica.url}', '{master.url}']"))
    eventually(lambda: server_word(p) == "ok", "ok in health")
    contains(master.ask("HKEYS", "proxyd:nodes"), "a", "the master's nodes")


@check("Sentinel is asked for the master, and names another one when that fails; a master that it does not know is told", seconds=60)
def _(lab):
    master, replica = LimitServer(lab), LimitServer(lab)
    replica.ask("REPLICAOF", "127.0.0.1", str(master.port))
    eventually(lambda: "connected" in replica.ask("ROLE"), "the replica follows", 10)
    sentinel = Sentinel(lab, master)
    names = ["nobody", "first"]
    told = {name: lab.proxyd(config(lab.upstream(), f"node: {name}, limits: '{sentinel.url}?master={name}'")) for name in names}
    eventually(lambda: server_word(told["first"]) == "ok", "ok in health", 8)
    eventually(lambda: "Sentinel knows none called 'nobody'" in warnings(told["nobody"]), "the unknown master in health", 8)
    master.kill()
    eventually(lambda: "first" in replica.ask("HKEYS", "proxyd:nodes"), "a heartbeat at the new master", 30)
    eventually(lambda: server_word(told["first"]) == "ok", "ok in health again", 8)
    served(told["first"].ask())


@check("a reload turns the cluster on and off, and to another server")
def _(lab):
    one, two = LimitServer(lab), LimitServer(lab)
    up = lab.upstream()
    p = lab.proxyd(config(up, "node: a"))
    for text, word in ((f"node: a, limits: '{one.url}'", "ok"), (f"node: b, limits: '{two.url}'", "ok"), ("node: a", "off")):
        p.write(config(up, text))
        equal(p.admin("POST", "/admin/reload").status, 200, "the reload")
        eventually(lambda: server_word(p) == word, f"{word} in health")
    eventually(lambda: "CLIENT" and "proxyd-" not in two.ask("CLIENT", "LIST"), "no connection is left")


BAD = {
    "redis://": "names no valid host",
    "http://127.0.0.1:6379": "begins with redis://",
    "redis://127.0.0.1:99999": "port that is none",
    "redis://127.0.0.1/x": "number of a database",
    "unix://redis.sock": "unix:///run",
}


@check("check: {address} is refused with its place, and a password in it is not shown", rows=list(BAD))
def _(lab, address):
    p = lab.proxyd(config(lab.upstream(), f"node: a, limits: '{address.replace('127.', ':geheim@127.')}'"), start=False)
    p.spawn("--check-config", "--config", str(p.config))
    equal(p.wait(), 78, "the exit code")
    contains(p.output(), BAD[address], "what it says")
    contains(p.output(), "cluster.limits", "the place")
    lacks(p.output(), "geheim", "what it says")
