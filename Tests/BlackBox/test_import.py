"""Moving in: the predecessors' files become a configuration, keys that work, and a history to the token."""

import json

from checks import check, contains, equal, eventually, expect, lacks
from commands import remote, run
from harness import ADMIN_KEY, USER_KEY, served
from upstream import health

OPUS, KIMI = "claude-opus-4-6", "kimi-k2.5"
KEYS = {
    "admin_key": "sk-admin-of-the-predecessor",
    "keys": {
        "sk-old-alice-0123456789": {
            "name": "alice",
            "enabled": True,
            "created": "2026-01-15T09:30:12.345678+08:00",
            "usage": {
                "total_input": 1000,
                "total_output": 301,
                "total_requests": 9,
                "last_used": "2026-02-11T14:55:01.000123+08:00",
                "daily": {
                    "2026-02-10": {
                        "input": 700,
                        "output": 202,
                        "requests": 6,
                        "by_model": {OPUS: {"total": 601, "requests": 4}, KIMI: {"total": 301, "requests": 2}},
                    },
                    "2026-02-11": {
                        "input": 300,
                        "output": 99,
                        "requests": 3,
                        "by_model": {OPUS: {"total": 399, "requests": 3}},
                    },
                },
                "hourly": {
                    "2026-02-11 13:00": {"by_model": {OPUS: {"total": 300, "requests": 2}}},
                    "2026-02-11 14:00": {"by_model": {OPUS: {"total": 99, "requests": 1}}},
                },
                "total_by_model": {OPUS: {"total": 1000, "requests": 7}, KIMI: {"total": 301, "requests": 2}},
            },
        },
        "sk-old-alice-2-0123456789": {"name": "alice", "enabled": 0, "created": "2026-02-01T12:00:00+08:00"},
        "sk-old-团队": {"name": "团队 B", "enabled": 1, "created": "2026-01-01T00:00:00+08:00"},
    },
}


def _files(lab, up):
    fallback = {
        "enabled": True,
        "health_poll_interval_seconds": 30,
        "min_remaining_fraction": 0.05,
        "tiers": [
            {"name": "Opus", "model": OPUS, "type": "antigravity"},
            {"name": "Kimi", "model": KIMI, "type": "external", "base_url": up.url, "api_key": "sk-kimi-example"},
        ],
    }
    (lab.folder / "keys.json").write_text(json.dumps(KEYS))
    (lab.folder / "fallback.json").write_text(json.dumps(fallback))
    return ["--keys", lab.folder / "keys.json", "--fallback", lab.folder / "fallback.json"]


@check("import prints a configuration that passes --check-config, and writes nothing")
def _(lab):
    up = lab.upstream()
    ran = run(lab, "import", *_files(lab, up)).good()
    contains(ran.out, "rules:", "what is printed")
    lacks(ran.out, "sk-old-alice", "what is printed")
    path = lab.folder / "proxy.yaml"
    path.write_text(ran.out)
    path.chmod(0o600)
    run(lab, "--check-config", "-c", path).good()
    expect(not (lab.folder / "state").exists(), "no state directory")


def _figures(by_model):
    """What the predecessor told of each model."""
    return {model: {name: told[name] for name in ("total", "requests")} for model, told in by_model.items()}


def _expect_told(p):
    """The keys and figures of the predecessor, to the token."""
    keys = {k["name"]: k for k in p.get("/admin/keys")["keys"]}
    equal(set(keys), {"user", "alice", "alice (2)", "团队 B"}, "the names")
    equal(keys["alice"]["created"], "2026-01-15T09:30:12.345678+08:00", "when alice was made")
    equal(keys["alice"]["last_used"], "2026-02-11T14:55:01+08:00", "when alice was used")
    equal(keys["alice (2)"]["last_used"], None, "when the other was used")
    usage = p.get(f"/admin/keys/{keys['alice']['id']}/usage")["usage"]
    told = KEYS["keys"]["sk-old-alice-0123456789"]["usage"]
    for name in ("total_input", "total_output", "total_requests"):
        equal(usage[name], told[name], name)
    for date, day in told["daily"].items():
        equal({k: usage["daily"][date][k] for k in ("input", "output", "requests")}, {k: day[k] for k in ("input", "output", "requests")}, date)
    equal(set(usage["daily"]), set(told["daily"]), "the days")
    for model, figure in told["total_by_model"].items():
        equal({k: usage["total_by_model"][model][k] for k in figure}, figure, f"the total of {model}")
    equal(set(usage["total_by_model"]), set(told["total_by_model"]), "the models")
    own = {hour: _figures(told["by_model"]) for hour, told in usage["hourly"].items()}
    equal(own, {h: v["by_model"] for h, v in told["hourly"].items()}, "the hours of the key alone")
    days = {d["date"]: d for d in p.get("/admin/usage/daily?date=2026-02-10")["days"]}
    equal(_figures(days["2026-02-10"]["by_model"]), told["daily"]["2026-02-10"]["by_model"], "the models of a day")
    equal(_figures(usage["daily"]["2026-02-10"]["by_model"]), told["daily"]["2026-02-10"]["by_model"], "the same of the key alone")
    hours = {h["hour"]: _figures(h["by_model"]) for h in p.get("/admin/usage/hourly?date=2026-02-11")["hours"]}
    equal(hours, {h: v["by_model"] for h, v in told["hourly"].items()}, "the hours")
    equal(p.get("/admin/usage/hourly?date=2026-02-10")["hours"], [], "hours of a day whose hours nobody knows")


@check("import --write: the same keys work, disabled ones stay disabled, names and times are kept, figures to the token")
def _(lab):
    p, up = lab.simple(start=False)
    files = _files(lab, up)
    run(lab, "import", *files, "--write", "-c", p.config).good()
    p.start()
    served(p.ask(key="sk-old-团队".encode().decode("latin-1")))
    equal(p.ask(key="sk-old-alice-2-0123456789").status, 403, "the status of the disabled key")
    _expect_told(p)
    rows = p.get("/admin/usage?group_by=day")["rows"]
    equal(sum(row["requests"] for row in rows), p.get("/admin/usage")["total_requests"], "requests in a report by day")
    p.stop()
    ran = run(lab, "import", *files, "--write", "-c", p.config).good()
    contains(ran.err, "was there already", "what is said the second time")
    p.start()
    equal(p.get("/admin/usage")["total_requests"], 10, "requests after importing twice, and one of our own")
    for name, data in p.written().items():
        lacks(data, b"sk-old-alice", f"what proxyd wrote to {name}")


@check("import --write: what was used under a key that the file declares is that key's, once, stopped or running")
def _(lab):
    p, _up = lab.simple(start=False)
    used = {"total_input": 11, "total_output": 3, "total_requests": 2, "daily": {"2026-02-10": {"input": 11, "output": 3, "requests": 2}}}
    file = lab.folder / "declared.json"
    file.write_text(json.dumps({"keys": {USER_KEY: {"name": "old user", "enabled": True, "usage": used}}}))
    ran = run(lab, "import", "--keys", file, "--write", "-c", p.config).good()
    contains(ran.err, "'user' is a key of the configuration", "what is said of it")
    p.start()
    for _ in range(2):
        (one,) = p.get("/admin/keys")["keys"]
        equal((one["name"], one["total_requests"], one["total_input"], one["total_output"]), ("user", 2, 11, 3), "the declared key")
        contains(remote(p, "import", "--keys", file, "--write").good().err, "was there already", "what is said the second time")
        p.restart()
    served(p.ask())
    equal(p.get("/admin/usage")["total_requests"], 3, "requests, with one of our own")


@check("import --write --state alone: the file that ran there last tells which keys it declares; where it is gone, none of them is taken over")
def _(lab):
    p, _up = lab.simple()
    served(p.ask())
    eventually(lambda: list((p.state / "config-history").glob("*.json")), "a version of the file in the state directory")
    p.stop()
    used = {"total_input": 11, "total_output": 3, "total_requests": 2, "daily": {"2026-02-10": {"input": 11, "output": 3, "requests": 2}}}
    file = lab.folder / "declared.json"
    file.write_text(json.dumps({"keys": {USER_KEY: {"name": "old user", "enabled": True, "usage": used}}}))
    away = p.config.rename(lab.folder / "away.yaml")
    ran = run(lab, "import", "--keys", file, "--write", "--state", p.state)
    equal(ran.code, 69, "the exit code without the file")
    contains(ran.err, "give --config as well", "what is said")
    away.rename(p.config)
    ran = run(lab, "import", "--keys", file, "--write", "--state", p.state).good()
    contains(ran.err, "'user' is a key of the configuration", "what is said of it")
    p.start()
    (one,) = p.get("/admin/keys")["keys"]
    equal((one["name"], one["total_requests"]), ("user", 3), "the declared key")


@check("import --write into a running proxyd: the audit log tells what was booked for keys of the file")
def _(lab):
    p, _up = lab.simple()
    file = lab.folder / "declared.json"
    file.write_text(json.dumps({"keys": {USER_KEY: {"name": "old", "enabled": True, "usage": {"total_input": 5, "total_requests": 1}}}}))
    remote(p, "import", "--keys", file, "--write").good()
    (entry,) = [e for e in p.get("/admin/audit")["audit"] if e["action"] == "key.import"]
    equal(entry["detail"], "0 taken over, 0 there already, 1 booked for keys of the file", "the detail")


@check("import --write: a key that is deleted and then declared in the file has its history once")
def _(lab):
    p, _up = lab.simple()
    file = lab.folder / "one.json"
    file.write_text(json.dumps({"keys": {"sk-one-0123456789abcdef": {"name": "one", "enabled": True, "usage": {"total_input": 5, "total_requests": 2}}}}))
    remote(p, "import", "--keys", file, "--write").good()
    equal(p.admin("DELETE", "/admin/keys/one").status, 200, "the status of the deletion")
    alone = p.config.read_text()
    declared = alone.replace("keys: [", "keys: [{name: first, key: sk-one-0123456789abcdef}, ")
    expect(declared != alone, "a second key in the file", alone)
    p.config.write_text(declared)
    equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    contains(remote(p, "import", "--keys", file, "--write").good().err, "was there already", "what is said of the declared key")
    equal(p.get("/admin/usage")["total_requests"], 2, "requests of all keys")
    served(p.ask(key="sk-one-0123456789abcdef"))


def _much():
    """A second file: the old shapes of figures, and a history that no single call holds."""
    hours = {f"2025-{month:02d}-{day:02d} {hour:02d}:00": {} for month in range(1, 13) for day in range(1, 29) for hour in range(24)}
    for number, hour in enumerate(hours):
        hours[hour] = {"by_model": {OPUS: {"total": 10 + number % 7, "requests": 1}}}
    daily = {}
    for hour, told in hours.items():
        day = daily.setdefault(hour[:10], {"input": 0, "output": 3, "requests": 0})
        day["input"] += told["by_model"][OPUS]["total"] - (3 if hour.endswith("00:00") else 0)
        day["requests"] += 1
    old = {
        "total_input": 500,
        "total_output": 100,
        "total_requests": 3,
        "last_used": None,
        "daily": {
            "2026-02-02": {"input": 300, "output": 60, "requests": 2},
            "2026-02-03": {"input": 200, "output": 40, "requests": 1, "by_model": {KIMI: {"input": 200, "output": 40, "requests": 1}}},
        },
        "total_by_model": {KIMI: {"input": 200, "output": 40, "requests": 1}},
    }
    few = {f"sk-few-{n:04d}-0123456789abcdef": {"name": f"few {n % 5}", "enabled": n % 2, "usage": old} for n in range(40)}
    much = {"name": "much", "enabled": True, "usage": {"daily": daily, "hourly": hours}}
    return {"keys": {**few, "sk-much-0123456789abcdef": much, "any text": {"name": "few 0", "enabled": 1}}}


def _reports(p):
    """All that reports say, by the names of keys."""
    keys = p.get("/admin/keys")["keys"]
    names = {k["id"]: k["name"] for k in keys}
    equal(len(set(names.values())), len(names), "the number of names")
    calls = ("usage", "usage/daily", "usage/hourly?date=2025-03-01", "usage?group_by=day,model", "usage?group_by=hour")
    told = {call: p.get(f"/admin/{call}") for call in calls}
    told["keys"] = {k["name"]: {m: v for m, v in k.items() if m != "id"} for k in keys}
    told["usage of keys"] = {name: p.get(f"/admin/keys/{i}/usage") for i, name in names.items()}
    by_key = p.get("/admin/usage?group_by=key")["rows"]
    told["by key"] = {names.get(row["key"], row["key"]): {m: v for m, v in row.items() if m != "key"} for row in by_key}
    text = json.dumps(told)
    for key_id in names:
        text = text.replace(key_id, "ID")
    return json.loads(text)


@check("import --write into a running proxyd: the keys work and are told at once, figures to the token, and after a kill")
def _(lab):
    p, up = lab.simple()
    served(p.ask())
    files = _files(lab, up)
    ran = remote(p, "import", *files, "--write").good()
    contains(ran.out, "rules:", "what is printed")
    contains(ran.err, "3 keys and their usage taken over", "what is said")
    contains(ran.err, "a key is called 'alice (2)' now", "what is said")
    served(p.ask(key="sk-old-团队".encode().decode("latin-1")))
    served(p.ask(key="sk-old-alice-0123456789"))
    equal(p.ask(key="sk-old-alice-2-0123456789").status, 403, "the status of the disabled key")
    equal(p.get("/admin/usage")["total_requests"], 12, "requests of both")
    again = remote(p, "import", *files, "--write").good()
    contains(again.err, "the key of 'alice' was there already", "what is said the second time")
    contains(again.err, "0 keys and their usage taken over", "what is said the second time")
    p.restart(hard=True)
    served(p.ask(key="sk-old-alice-0123456789"))
    equal(p.get("/admin/usage")["total_requests"], 13, "requests after a kill")
    entries = [e for e in p.get("/admin/audit")["audit"] if e["action"] == "key.import"]
    equal([e["detail"] for e in entries], ["0 taken over, 3 there already", "3 taken over, 0 there already"], "the audit log")
    for name, data in p.written().items():
        for key in KEYS["keys"]:
            lacks(data, key.encode(), f"what proxyd wrote to {name}")


@check("import --write finds the running proxyd by its configuration; figures, names and times are kept")
def _(lab):
    p, up = lab.simple()
    run(lab, "import", *_files(lab, up), "--write", "-c", p.config, env={"PROXYD_ADMIN_KEY": ADMIN_KEY}).good()
    _expect_told(p)


@check("what a running proxyd takes over is what a stopped one does, however long the history")
def _(lab):
    (lab.folder / "keys.json").write_text(json.dumps(_much()))
    p, _up = lab.simple(start=False)
    stopped = run(lab, "import", "--keys", lab.folder / "keys.json", "--write", "-c", p.config).good()
    p.start()
    q, _up = lab.simple()
    running = remote(q, "import", "--keys", lab.folder / "keys.json", "--write").good()
    notes = [[line for line in ran.err.splitlines() if line.startswith("note: ")] for ran in (stopped, running)]
    equal(notes[1], notes[0], "the notes")
    expected, told = _reports(p), _reports(q)
    for dictionary in (expected, told):
        for key in dictionary["keys"].values():
            key["created"] = None  # nobody says when they were made: it is when they came here
    for what in expected:
        equal(told[what], expected[what], what)
    hours = _much()["keys"]["sk-much-0123456789abcdef"]["usage"]["hourly"].values()
    total = sum(hour["by_model"][OPUS]["total"] for hour in hours)
    much = told["usage of keys"]["much"]["usage"]
    equal(len(much["hourly"]), len(hours), "the hours of the long history")
    equal(len(q.get("/admin/usage/hourly")["hours"]), len(hours), "the hours of all keys")
    equal(much["total_by_model"][OPUS]["total"], total, "the tokens of the long history")
    served(q.ask(key="sk-much-0123456789abcdef"))
    parts = [e for e in q.get("/admin/audit?limit=1000")["audit"] if e["action"] == "key.import" and "part" in (e["detail"] or "")]
    expect(len(parts) > 2, "parts of a history in the audit log", len(parts))


@check("who may not change anything imports nothing; nobody there is exit 69")
def _(lab):
    p, up = lab.simple()
    files = _files(lab, up)
    equal(remote(p, "import", *files, "--write", key="sk-wrong").code, 1, "the exit code of a wrong admin key")
    equal(remote(p, "import", *files, "--write", key=None).code, 64, "the exit code without an admin key")
    env = {"PROXYD_ADMIN_KEY": ADMIN_KEY}
    equal(run(lab, "import", *files, "--write", "--admin", lab.dead_url(), env=env).code, 69, "the exit code where nobody is")
    equal(run(lab, "import", *files, "--write").code, 64, "the exit code without a place and a key")
    equal(len(p.get("/admin/keys")["keys"]), 1, "the keys")


@check("import --write into a directory in use is exit 69 and changes nothing")
def _(lab):
    p, up = lab.simple()
    equal(run(lab, "import", *_files(lab, up), "--write", "--state", p.state).code, 69, "the exit code")
    equal(len(p.get("/admin/keys")["keys"]), 1, "the keys")


@check("import keeps what the poll calls a tier's model: its quota decides")
def _(lab):
    up = lab.upstream()
    up.health = health({"polled": 0.01, "gemini-3-pro": 0.5})
    tiers = [{"name": "Opus", "model": OPUS, "type": "antigravity", "health_key": "polled"}, {"name": "Pro", "model": "gemini-3-pro", "type": "antigravity"}]
    fallback = {"enabled": True, "health_poll_interval_seconds": 1, "min_remaining_fraction": 0.05, "tiers": tiers}
    (lab.folder / "fallback.json").write_text(json.dumps(fallback))
    printed = run(lab, "import", "--fallback", lab.folder / "fallback.json").good().out
    contains(printed, "polled", "what is printed")
    kept = [line for line in printed.splitlines() if not line.startswith(("listen:", "timezone:"))]
    p = lab.proxyd("\n".join(kept).replace("http://localhost:8080", up.url))
    p.wait_polled(up)
    served(p.ask(model=OPUS))
    equal(up.models(), ["gemini-3-pro"], "who was asked")


@check("import of the second predecessor's environment prints a configuration that passes")
def _(lab):
    for number, text in enumerate(
        (
            "UPSTREAM_TYPE=azure\nAZURE_ENDPOINT=https://r.openai.azure.example\nAZURE_API_KEYS=k1-example,k2-example\n"
            "AZURE_DEPLOYMENT_NAMES=gpt-35-turbo,gpt-4,gpt-4,gpt-3.5-turbo\n",
            "UPSTREAM_TYPE=openai\nOPENAI_API_KEYS=sk-one-example,sk-two-example\n",
        )
    ):
        (lab.folder / "some.env").write_text(text)
        path = lab.folder / f"proxy{number}.yaml"
        path.write_text(run(lab, "import", "--env", lab.folder / "some.env").good().out)
        path.chmod(0o600)
        run(lab, "--check-config", "-c", path).good()
    (lab.folder / "odd.env").write_text("UPSTREAM_TYPE=other\nOPENAI_API_KEYS=sk-one-example\n")
    contains(run(lab, "import", "--env", lab.folder / "odd.env").err, "UPSTREAM_TYPE", "what is said of another type")
    (lab.folder / "odd.json").write_text(json.dumps({"keys": {"sk-odd-0123456789abcdef": {"name": "a\nb\x1b[2J", "usage": {"total_input": "12k"}}}}))
    told = run(lab, "import", "--keys", lab.folder / "odd.json", "--write", "--state", lab.folder / "odd").good().err
    contains(told, "'total_input' is no count", "what is said of a figure that is none")
    equal([line for line in told.splitlines() if "\x1b" in line or not line.startswith(("note: ", str(lab.folder)))], [], "lines that a name has made")
    equal(run(lab, "import").code, 64, "the exit code without a file")
    equal(run(lab, "import", "--keys", lab.folder / "missing").code, 64, "the exit code of a file that is not there")
