"""A store of several nodes that is away, or says no: told by name, and nothing is lost meanwhile."""

import time

from checks import check, contains, equal, eventually, expect, lacks
from harness import USER_KEY, served
from postgres import PASSWORD, Postgres
from records import ask
from stores import node, nodes, reaches, requests, state


@check("PostgreSQL is away at the start: keys that were seen open, nobody gets a 401, what is used waits")
def _(lab):
    postgres = Postgres(lab)
    first, second = nodes(lab, postgres)
    key = first.create_key("anna")["api_key"]
    eventually(lambda: ask(second, key=key).status == 200, "the key works on the other node", 2)
    second.stop()
    postgres.stop()
    second.start()
    equal(ask(second, key=key).status, 200, "the status with the store away")
    equal(state(second), "unreachable", "what health says of the store")
    equal(second.send("GET", "/readyz", key=None).status, 200, "the status of /readyz")
    answer = second.admin("POST", "/admin/keys", {"name": "later"})
    equal(answer.status, 503, "the status of a key that nobody else would know")
    equal(second.admin("GET", "/admin/usage?group_by=key").status, 503, "the status of a report that lacks the others")
    postgres.start()
    reaches(second, "ok")
    eventually(lambda: requests(second) == 2, "what was used is booked", 15)


@check("a node that never saw the keys of the others answers 503 for a key that it does not know")
def _(lab):
    postgres = Postgres(lab)
    first = node(lab, postgres, "n1")
    key = first.create_key("anna")["api_key"]
    postgres.stop()
    second = node(lab, postgres, "n2")
    answer = ask(second, key=key)
    equal(answer.status, 503, "the status")
    expect(answer.header("retry-after"), "retry-after")
    served(ask(second, key=USER_KEY))
    postgres.start()
    eventually(lambda: ask(second, key=key).status == 200, "the key works", 15, 0.2)
    equal(ask(second, key="sk-unknown").status, 401, "the status of a key that nobody made")


@check("when_unreachable.store: refuse answers 503 with retry-after while PostgreSQL is away, and serves again by itself")
def _(lab):
    postgres = Postgres(lab)
    p = node(lab, postgres, "n1", away="refuse")
    reaches(p, "ok")
    served(ask(p))
    postgres.stop()
    eventually(lambda: ask(p).status == 503, "a 503", 10, 0.1)
    answer = ask(p)
    expect(answer.header("retry-after"), "retry-after")
    unknown = ask(p, key="sk-unknown")
    equal(unknown.status, 503, "a key that is not known: another node may have made it")
    expect(unknown.header("retry-after"), "retry-after")
    equal(p.send("GET", "/readyz", key=None).status, 503, "the status of /readyz")
    postgres.start()
    eventually(lambda: ask(p).status == 200, "requests are served again", 20, 0.2)
    eventually(lambda: ask(p, key="sk-unknown").status == 401, "a key that nobody made", 10, 0.2)
    equal(p.send("GET", "/readyz", key=None).status, 200, "the status of /readyz")


@check("while PostgreSQL is away a key that is not known gets a 503, keys that are known are served, and metric, nodes and health say so")
def _(lab):
    postgres = Postgres(lab)
    p = node(lab, postgres, "n1")
    reaches(p, "ok")
    key = p.create_key("anna")["api_key"]
    served(ask(p, key=key))
    equal(ask(p, key="sk-unknown").status, 401, "a key that nobody made")
    contains(p.admin("GET", "/metrics").text, "proxyd_cluster_store_up 1", "metrics")
    told = p.get("/admin/nodes")["store"]
    equal((told["status"], told["up"], told["away_since"]), ("ok", True, None), "the store in GET /admin/nodes")
    postgres.stop()
    eventually(lambda: ask(p, key="sk-unknown").status == 503, "a key that is not known gets a 503", 10, 0.1)
    expect(ask(p, key="sk-unknown").header("retry-after"), "retry-after")
    served(ask(p, key=key))
    served(ask(p, key=USER_KEY))
    contains(p.admin("GET", "/metrics").text, "proxyd_cluster_store_up 0", "metrics")
    told = p.get("/admin/nodes")["store"]
    equal((told["status"], told["up"]), ("away", False), "the store in GET /admin/nodes")
    expect(told["away_since"] and told["reason"], "since when, and why", told)
    contains(" | ".join(p.health()["cluster"]["warnings"]), "the store that nodes share is away", "the warnings of health")
    equal(p.send("GET", "/readyz", key=None).status, 200, "the status of /readyz")
    time.sleep(2)
    lag = p.get("/admin/nodes")["nodes"][0]["ledger_lag_ms"]
    expect(1_500 < lag < 60_000, "the age of the oldest request that is not booked", lag)
    postgres.start()
    reaches(p, "ok")
    eventually(lambda: p.get("/admin/nodes")["nodes"][0]["ledger_lag_ms"] == 0, "nothing waits", 15, 0.2)
    eventually(lambda: "proxyd_cluster_store_up 1" in p.admin("GET", "/metrics").text, "metrics", 10, 0.2)
    eventually(lambda: ask(p, key="sk-unknown").status == 401, "a key that nobody made", 10, 0.2)


TROUBLES = {
    "a wrong password": ("wrong_password", "password authentication failed"),
    "no such database": ("unreachable", "does not exist"),
    "no permission": ("permission_missing", "permission is missing"),
    "a read-only server": ("read_only", "read-only"),
    "a newer schema": ("newer_schema", "newer version of proxyd"),
    "another encoding": ("wrong_encoding", "UTF8"),
    "no leave to connect": ("permission_missing", "permission denied for database"),
    "no TLS where it is wanted": ("tls_failed", "server does not support SSL"),
    "half of a migration": ("broken_schema", "its schema is half written"),
    "a step without its tables": ("broken_schema", "its schema is half written"),
}


@check("{trouble} is told by name in health and in the log, requests go on, and nothing is lost", rows=list(TROUBLES))
def _(lab, trouble):
    name, words = TROUBLES[trouble]
    postgres = Postgres(lab, encoding="LATIN1" if "encoding" in trouble else "UTF8", auth="scram-sha-256")
    url = postgres.url()
    if trouble == "a wrong password":
        url = postgres.url(password="wrong-one")
    elif trouble == "no TLS where it is wanted":
        url = postgres.url() + "?sslmode=require"
    elif trouble == "no such database":
        url = postgres.url(database="nowhere")
    elif trouble == "no permission":
        postgres.sql("CREATE USER guest PASSWORD 'guest-password'; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        url = postgres.url("guest", "guest-password")
    elif trouble == "a read-only server":
        postgres.sql("ALTER DATABASE proxyd SET default_transaction_read_only = on")
    elif trouble == "no leave to connect":
        postgres.sql("CREATE USER guest PASSWORD 'guest-password'; REVOKE CONNECT ON DATABASE proxyd FROM PUBLIC")
        url = postgres.url("guest", "guest-password")
    elif trouble == "half of a migration":
        postgres.sql("CREATE TABLE proxyd_source (id integer)")
    elif trouble == "a step without its tables":
        postgres.sql(
            "CREATE TABLE proxyd_schema (step integer PRIMARY KEY, name text, needs integer, applied timestamptz DEFAULT now());"
            "INSERT INTO proxyd_schema VALUES (1, '1: keys, usage, requests and audit', 1)"
        )
    elif trouble == "a newer schema":
        postgres.sql(
            "CREATE TABLE proxyd_schema (step integer PRIMARY KEY, name text, needs integer, applied timestamptz DEFAULT now());"
            "INSERT INTO proxyd_schema VALUES (99, '99: from the future', 99)"
        )
    p = node(lab, postgres, "n1", url=url)
    reaches(p, name)
    p.wait_log(words)
    if name == "newer_schema":
        p.wait_log("99: from the future")
    served(ask(p))
    for secret in (PASSWORD, "wrong-one", "guest-password"):
        lacks(p.output(), secret, "the log")
    if trouble in ("a wrong password", "no such database", "another encoding", "no TLS where it is wanted"):
        return
    if trouble == "no permission":
        postgres.sql("GRANT CREATE, USAGE ON SCHEMA public TO guest")
    elif trouble == "no leave to connect":
        postgres.sql("GRANT CONNECT ON DATABASE proxyd TO guest; GRANT CREATE, USAGE ON SCHEMA public TO guest")
    elif trouble == "half of a migration":
        postgres.sql("DROP TABLE proxyd_source")
    elif trouble == "a read-only server":
        postgres.sql("ALTER DATABASE proxyd RESET default_transaction_read_only", "postgres")
    else:
        postgres.sql("DROP TABLE proxyd_schema")
    reaches(p, "ok", 30)
    eventually(lambda: requests(p) == 1, "the request is booked", 15)


@check("a full disk of the server's is told by name, requests go on, and all is booked when there is room again")
def _(lab):
    postgres = Postgres(lab)
    p = node(lab, postgres, "n1")
    reaches(p, "ok")
    postgres.sql(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON proxyd_usage_key FOR EACH STATEMENT EXECUTE FUNCTION full_disk()"
    )
    served(ask(p))
    reaches(p, "disk_full")
    p.wait_log("its disk is full")
    served(ask(p))
    postgres.sql("DROP TRIGGER full_disk ON proxyd_usage_key")
    reaches(p, "ok", 30)
    eventually(lambda: requests(p) == 2, "both requests are booked", 15)
