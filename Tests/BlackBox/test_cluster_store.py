"""The store of several nodes: a real PostgreSQL, two or three proxyds. Nothing is lost and nothing counts twice, whatever dies."""

import json
import os
import signal
import subprocess
import time

from checks import Skip, check, contains, equal, eventually, expect, lacks, one_of, stays
from commands import remote
from faults import small_disk
from harness import served
from limit_server import LimitServer
from postgres import USER, Postgres
from records import ask, book, grouped, listed
from stores import ask_many, node, nodes, reaches, requests, state


# ---------------------------------------------------------------- reports and keys of all


@check("reports and the list of requests are over all nodes")
def _(lab):
    postgres = Postgres(lab)
    first, second = nodes(lab, postgres)
    for _ in range(3):
        served(ask(first))
    for _ in range(4):
        served(ask(second, "openai"))
    for p in (first, second):
        eventually(lambda: requests(p) == 7, "seven requests in the report of each node", 10)
        equal(len(listed(p)), 7, "rows of GET /admin/requests")
        days = p.get("/admin/usage/daily")
        contains(json.dumps(days), "claude-test", "the days")
        contains(json.dumps(days), "gpt-test", "the days")
    equal(postgres.number("SELECT sum(requests) FROM proxyd_usage_key"), 7, "requests in PostgreSQL")
    equal(postgres.number("SELECT count(*) FROM proxyd_source"), 2, "nodes in PostgreSQL")
    pages = [one["id"] for one in listed(first, limit=4)]
    rest = first.get(f"/admin/requests?limit=4&before={first.get('/admin/requests?limit=4')['next']}")["requests"]
    equal(len({*pages, *(one["id"] for one in rest)}), 7, "rows of two pages, each once")


@check("a key made on one node works on the others within a second; disabled, rotated and deleted as well")
def _(lab):
    postgres = Postgres(lab)
    first, second = nodes(lab, postgres)

    def opens(p, key):
        return ask(p, key=key).status == 200

    made = first.create_key("anna")
    eventually(lambda: opens(second, made["api_key"]), "the key works on the other node", 1)
    equal(first.admin("POST", f"/admin/keys/{made['id']}/disable").status, 200, "the status")
    eventually(lambda: not opens(second, made["api_key"]), "the key is disabled on the other node", 1)
    equal(second.admin("POST", f"/admin/keys/{made['id']}/enable").status, 200, "the status")
    eventually(lambda: opens(first, made["api_key"]), "the key works on the first node again", 1)
    answer = second.admin("POST", "/admin/keys", {"name": "anna"})
    equal(answer.status, 409, "the status of a name that another node has given")
    equal(first.admin("DELETE", f"/admin/keys/{made['id']}").status, 200, "the status")
    eventually(lambda: ask(second, key=made["api_key"]).status == 401, "the key is gone on the other node", 1)
    lacks(postgres.sql("SELECT * FROM proxyd_key"), made["api_key"], "the table of keys")


@check("keys that a node's own full disk does not take are on no node: an import, a new key and a new text are there with the next try")
def _(lab):
    postgres = Postgres(lab)
    first, second = node(lab, postgres, "n1", start=False), node(lab, postgres, "n2")
    used = {"total_input": 700, "total_output": 30, "total_requests": 4, "daily": {"2026-02-10": {"input": 700, "output": 30, "requests": 4}}}
    file = lab.folder / "keys.json"
    file.write_text(json.dumps({"keys": {"sk-moved-0123456789abcdef": {"name": "moved", "enabled": True, "usage": used}}}))
    with small_disk(lab, first) as (what, fill, free):
        if what != "a full disk":
            raise Skip("no file system may be mounted here")
        first.start()
        old = first.create_key("rita")
        eventually(lambda: ask(second, key=old["api_key"]).status == 200, "the key works on the other node")
        fill()
        equal(remote(first, "import", "--keys", file, "--write").code, 70, "the exit code of an import")
        equal(first.admin("POST", "/admin/keys", {"name": "nora"}).status, 503, "the status of a key that is to be made")
        equal(first.admin("POST", f"/admin/keys/{old['id']}/rotate").status, 503, "the status of a text that is to be made")
        time.sleep(1)
        equal({key["name"] for key in second.get("/admin/keys")["keys"]}, {"user", "bob", "rita"}, "the keys on the other node")
        served(ask(second, key=old["api_key"]))
        free()
        first.create_key("nora")
        contains(remote(first, "import", "--keys", file, "--write").good().err, "1 keys and their usage taken over", "what is said")
        for p in (first, second):
            eventually(lambda: {k["name"]: k["total_input"] for k in p.get("/admin/keys")["keys"]}.get("moved") == 700, "what was used", 10)
            served(ask(p, key="sk-moved-0123456789abcdef"))


@check("the audit log has what was done on all nodes")
def _(lab):
    postgres = Postgres(lab)
    first, second = nodes(lab, postgres)
    first.create_key("one")
    second.create_key("two")

    def made(p):
        return {entry["detail"] for entry in p.get("/admin/audit")["audit"] if entry["action"] == "key.create"}

    for p in (first, second):
        eventually(lambda: made(p) == {"one", "two"}, "keys that were made, on both nodes")
    expect(postgres.psql("DELETE FROM proxyd_audit").returncode != 0, "entries cannot be deleted")


# ---------------------------------------------------------------- what dies


@check("SIGKILL of a node during load: sums in PostgreSQL are what the clients were served", seconds=90)
def _(lab):
    postgres = Postgres(lab)
    proxies = nodes(lab, postgres, 2)
    served_in_all = 0
    for _ in range(3):
        failures = []
        threads, done = ask_many(proxies, 25, failures)
        time.sleep(0.1)
        proxies[0].signal(signal.SIGKILL)
        for thread in threads:
            thread.join()
        served_in_all += sum(done)
        proxies[0].restart(hard=True)
    # What was in flight may have been served to nobody: it is marked, and counts as no request.
    eventually(lambda: requests(proxies[1]) >= served_in_all, "all that was served is booked", 15)
    for p in proxies:
        equal(requests(p), postgres.number("SELECT sum(requests) FROM proxyd_usage_key"), "requests of the report")
    ids = [one["id"] for one in listed(proxies[1], limit=1000)]
    equal(len(ids), len(set(ids)), "requests that are there once")


@check("SIGKILL of PostgreSQL during load: no request fails, and nothing is lost or doubled", seconds=90)
def _(lab):
    postgres = Postgres(lab)
    proxies = nodes(lab, postgres, 2)
    failures = []
    threads, done = ask_many(proxies, 120, failures)
    for _ in range(2):
        time.sleep(0.2)
        postgres.kill()
        time.sleep(0.2)
        postgres.start()
    for thread in threads:
        thread.join()
    equal(failures, [], "requests that failed")
    equal(sum(done), 240, "requests")
    for p in proxies:
        reaches(p, "ok")
        eventually(lambda: requests(p) == 240, "each request is booked once", 20, 0.2)
    equal(postgres.number("SELECT sum(requests) FROM proxyd_usage_hour"), 240, "requests by hours")


@check("PostgreSQL stands still (SIGSTOP): requests go on, and all is booked when it goes on", seconds=90)
def _(lab):
    postgres = Postgres(lab)
    p = node(lab, postgres, "n1")
    served(ask(p))
    eventually(lambda: requests(p) == 1, "the request is booked", 10)
    postgres.everybody(signal.SIGSTOP)
    try:
        for _ in range(10):
            began = time.monotonic()
            served(ask(p))
            expect(time.monotonic() - began < 1, "an answer at once", time.monotonic() - began)
        equal(p.send("GET", "/readyz", key=None).status, 200, "the status of /readyz")
    finally:
        postgres.everybody(signal.SIGCONT)
    eventually(lambda: requests(p) == 11, "all is booked", 30, 0.2)


@check("PostgreSQL is put back to an earlier state: what it lacks is put there again")
def _(lab):
    postgres = Postgres(lab)
    p = node(lab, postgres, "n1")
    for _ in range(3):
        served(ask(p))
    eventually(lambda: requests(p) == 3, "the requests are booked", 10)
    p.restart()
    served(ask(p))
    eventually(lambda: requests(p) == 4, "the request is booked", 10)
    p.stop()
    # As a replica would be that had only the first of it.
    postgres.sql("DELETE FROM proxyd_usage_key; DELETE FROM proxyd_request; UPDATE proxyd_source SET segment = 0, byte = 16")
    p.start()
    eventually(lambda: requests(p) == 4, "all is there again", 15)
    equal(len(listed(p)), 4, "rows of GET /admin/requests")
    equal(postgres.number("SELECT sum(requests) FROM proxyd_usage_hour"), 4, "requests by hours")


@check("PostgreSQL is replaced by an empty one under a running node: what it had is put there again ({how})", rows=["asked", "idle"])
def _(lab, how):
    postgres = Postgres(lab)
    p = node(lab, postgres, "n1")
    for _ in range(3):
        served(ask(p))
    eventually(lambda: requests(p) == 3, "the requests are booked", 10)
    postgres.replace()
    count = 3
    if how == "asked":
        served(ask(p))
        count = 4
    eventually(lambda: requests(p) == count, "all is there", 15)
    equal(postgres.number("SELECT sum(requests) FROM proxyd_usage_hour"), count, "requests by hours")
    equal(len(listed(p)), count, "rows of GET /admin/requests")


@check("nodes that share a store alone know of one another: GET /admin/nodes, files that differ, one that stops, one that is killed", seconds=60)
def _(lab):
    postgres = Postgres(lab)
    first, second = nodes(lab, postgres)

    def live(p):
        return [one["name"] for one in p.get("/admin/nodes")["nodes"] if one["state"] == "live"]

    for p in (first, second):
        eventually(lambda: live(p) == ["n1", "n2"], "both are live", 6)
    told = first.get("/admin/nodes")
    equal((told["limits"], told["store"]["status"]), (None, "ok"), "servers")
    for one in told["nodes"]:
        expect(one["version"] and one["generation"] == 1 and len(one["hash"]) == 64, "version, generation and hash", one)
        expect(one["last_seen_ms_ago"] < 3_500 and one["ledger_lag_ms"] is not None, "age and lag", one)
    contains(" | ".join(told["warnings"]), "another configuration", "the warning: the files differ by their names")
    second.stop()
    eventually(lambda: [one["name"] for one in first.get("/admin/nodes")["nodes"]] == ["n1"], "who stops is not listed", 6)
    second.start()
    eventually(lambda: live(first) == ["n1", "n2"], "both are live", 6)
    second.kill()
    eventually(lambda: live(first) == ["n1"], "who is killed is not live", 8)
    second.start()
    eventually(lambda: live(first) == ["n1", "n2"], "its restart is not refused", 8)


@check("nodes that share a store know of one another there while the server of limits is away", seconds=60)
def _(lab):
    postgres, server = Postgres(lab), LimitServer(lab)
    a, b = (node(lab, postgres, name, limits=server.url) for name in ("a", "b"))

    def lists(p):
        return {one["name"]: one["state"] for one in p.get("/admin/nodes")["nodes"]}

    both = {"a": "live", "b": "live"}
    eventually(lambda: lists(a) == lists(b) == both, "both are live", 8)
    server.kill()
    eventually(lambda: a.get("/admin/nodes")["limits"]["status"] == "away", "the server is away", 8)
    eventually(lambda: postgres.number("SELECT count(*) FROM proxyd_node") == 2, "both beat at the store", 8)
    eventually(lambda: lists(a) == lists(b) == both, "both are live all the same", 5)
    stays(lambda: lists(a) == lists(b) == both, "both stay so", 5)
    b.stop()
    eventually(lambda: lists(a) == {"a": "live"}, "who stops is not listed", 6)
    b.start()
    eventually(lambda: lists(a) == lists(b) == both, "both are live again", 8)
    server.start()
    eventually(lambda: a.get("/admin/nodes")["limits"]["status"] == "ok", "the server is back", 10)
    eventually(lambda: postgres.number("SELECT count(*) FROM proxyd_node") == 0, "nobody is listed by the store", 8)
    eventually(lambda: lists(a) == lists(b) == both, "both are live", 8)


@check("the second live node of one name ends at its start where nodes share a store alone, and says why", seconds=60)
def _(lab):
    postgres = Postgres(lab)
    first = node(lab, postgres, "n1")
    eventually(lambda: first.get("/admin/nodes")["nodes"][0]["last_seen_ms_ago"] == 0, "it beats")
    eventually(lambda: postgres.number("SELECT count(*) FROM proxyd_node") == 1, "it is there", 6)
    second = node(lab, postgres, "n1", start=False)
    second.spawn("--config", str(second.config))
    equal(second.wait(within=10), 69, "the exit code")
    contains(second.output(), "another node of the cluster has this name", "what it says")
    served(ask(first))


# ---------------------------------------------------------------- the store is away


@check("a store without limits or nodes: the check says that each node allows the whole of every limit, as text and as JSON")
def _(lab):
    more = "cluster: {node: a, store: 'postgres://nobody@127.0.0.1:1/none'}"
    p = book(lab, more=more, policy="requests_per_day: 10", start=False)[0]
    run = [lab.binary, "check", "--config", str(p.config)]
    text = subprocess.run(run, capture_output=True, text=True, check=False)
    contains(text.stderr, "each node allows the whole of every limit", "the warning")
    contains(text.stdout, "each node has 10, all together as many times that as there are nodes", "the bounds")
    told = json.loads(subprocess.run([*run, "--format", "json"], capture_output=True, text=True, check=False).stdout)
    contains(json.dumps(told["diagnostics"]), "each node allows the whole of every limit", "the warning")
    expect(any("each node has 10" in line for line in told["bounds"]), "the bounds", told)


@check("passwords that files hold are taken as they are, whatever is in them, by both servers")
def _(lab):
    password = "p@s/w?o#r%d[:+= é"
    postgres, server = Postgres(lab, auth="scram-sha-256"), LimitServer(lab, "--requirepass", password)
    postgres.sql(f"ALTER USER {USER} PASSWORD '{password}'")
    store, limits = (address.replace("WORD", "${file:word}") for address in (postgres.url(password="WORD"), f"'redis://:WORD@127.0.0.1:{server.port}'"))
    p = node(lab, postgres, "n1", url=store, limits=limits, start=False)
    (p.folder / "word").write_text(password + "\n")
    p.start()
    reaches(p, "ok")
    eventually(lambda: p.get("/admin/nodes")["limits"]["status"] == "ok", "the server of limits", 5)
    for shown in (p.output(), json.dumps(p.get("/admin/nodes")), json.dumps(p.get("/admin/config"))):
        for part in ("p@s", "s/w", "w?o", "r%d"):
            lacks(shown, part, "what is shown")


@check("a schema of a newer version that only adds is worked with")
def _(lab):
    postgres = Postgres(lab)
    first = node(lab, postgres, "n1")
    reaches(first, "ok")
    postgres.sql("INSERT INTO proxyd_schema VALUES (99, '99: adds', 1); ALTER TABLE proxyd_usage_key ADD COLUMN later bigint")
    second = node(lab, postgres, "n2")
    reaches(second, "ok")
    served(ask(second))
    eventually(lambda: requests(first) == 1, "the request is booked", 10)


@check("without libpq a start with a store says which package is missing, and one without a store needs none")
def _(lab):
    # A file of that name that is no library is found before the system's.
    empty = lab.folder / "empty"
    empty.mkdir()
    (empty / "libpq.so.5").write_bytes(b"no library")
    env = {"LD_LIBRARY_PATH": str(empty)}
    p, _up = book(lab, start=False, env=env, more='cluster: {node: n1, store: "postgres://proxyd@127.0.0.1:1/proxyd"}')
    p.spawn("--config", str(p.config))
    equal(p.wait(20), 69, "the exit status")
    contains(p.output(), "libpq5", "the package")
    plain, _up = book(lab, env=env)
    served(ask(plain))


@check("two nodes on copies of one state directory: the second is told by name, and books nothing")
def _(lab):
    postgres = Postgres(lab)
    first = node(lab, postgres, "n1")
    served(ask(first))
    eventually(lambda: requests(first) == 1, "the request is booked", 10)
    first.stop()
    second = node(lab, postgres, "n2", start=False)
    os.system(f"cp -a {first.state} {second.state}")  # noqa: S605
    first.start()
    reaches(first, "ok")
    second.start()
    reaches(second, "in_use")
    equal(postgres.number("SELECT count(*) FROM proxyd_source"), 1, "nodes in PostgreSQL")


@check("two clusters in two schemas of one database know nothing of one another")
def _(lab):
    postgres = Postgres(lab)
    postgres.sql("CREATE SCHEMA other")
    first, second = node(lab, postgres, "n1"), node(lab, postgres, "n1", url=postgres.url() + "?options=-csearch_path%3Dother")
    for p in (first, second):
        reaches(p, "ok")
    for count, p in ((1, first), (2, second)):
        for _ in range(count):
            served(ask(p))
    for count, p in ((1, first), (2, second)):
        eventually(lambda: requests(p) == count, "its own requests alone", 10)
    equal(ask(second, key=first.create_key("anna")["api_key"]).status, 401, "a key of the other cluster's")


# ---------------------------------------------------------------- moving there


@check("proxyd store migrate puts all there, twice the same, and a proxyd that starts with the store goes on from there")
def _(lab):
    postgres = Postgres(lab)
    p, _up = book(lab)
    key = p.create_key("anna")["api_key"]
    for _ in range(5):
        served(ask(p, key=key))
    eventually(lambda: requests(p) == 5, "the requests are booked", 10)
    before = grouped(p, "key,model,day,upstream")
    p.stop()
    plain = p.config.read_text()
    p.config.write_text(plain + f'\ncluster: {{node: n1, store: "{postgres.url()}"}}\n')
    for _ in range(2):
        p.spawn("store", "migrate", "--from", "sqlite", "--to", "postgres", "--config", str(p.config))
        equal(p.wait(30), 0, f"the exit status ({p.output()[-300:]})")
        contains(p.output(), "5 requests", "what is said")
        equal(postgres.number("SELECT sum(requests) FROM proxyd_usage_key"), 5, "requests in PostgreSQL")
    p.start()
    equal(grouped(p, "key,model,day,upstream"), before, "the report")
    served(ask(p, key=key))
    eventually(lambda: requests(p) == 6, "the next request is booked", 10)
    second = node(lab, postgres, "n2")
    equal(ask(second, key=key).status, 200, "the key on a second node")


@check("a node with a past that gets a store puts its past there by itself")
def _(lab):
    postgres = Postgres(lab)
    p, _up = book(lab)
    key = p.create_key("anna")["api_key"]
    for _ in range(4):
        served(ask(p, key=key))
    eventually(lambda: requests(p) == 4, "the requests are booked", 10)
    p.stop()
    p.config.write_text(p.config.read_text() + f'\ncluster: {{node: n1, store: "{postgres.url()}"}}\n')
    p.start()
    eventually(lambda: requests(p) == 4, "its past is there", 10)
    served(ask(p, key=key))
    eventually(lambda: requests(p) == 5, "the next request is booked", 10)
    equal(postgres.number("SELECT sum(requests) FROM proxyd_usage_hour"), 5, "requests by hours")


@check("a change of cluster.store is refused by a reload, by name")
def _(lab):
    postgres = Postgres(lab)
    p = node(lab, postgres, "n1")
    reaches(p, "ok")
    p.replace(p.config.read_text().replace("/proxyd\"", "/other\""))
    p.wait_log("cluster.store")
    one_of(state(p), ("ok",), "what health says of the store")
