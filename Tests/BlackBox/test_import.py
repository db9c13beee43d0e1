"""Moving in: the predecessors' files become a configuration, keys that work, and a history to the token."""

import json

from checks import check, contains, equal, expect, lacks
from commands import run
from harness import served

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


@check("import --write: the same keys work, disabled ones stay disabled, names and times are kept, figures to the token")
def _(lab):
    p, up = lab.simple(start=False)
    files = _files(lab, up)
    run(lab, "import", *files, "--write", "-c", p.config).good()
    p.start()
    served(p.ask(key="sk-old-团队".encode().decode("latin-1")))
    equal(p.ask(key="sk-old-alice-2-0123456789").status, 403, "the status of the disabled key")
    keys = {k["name"]: k for k in p.get("/admin/keys")["keys"]}
    equal(set(keys), {"user", "alice", "alice (2)", "团队 B"}, "the names")
    equal(keys["alice"]["created"], "2026-01-15T09:30:12+08:00", "when alice was made")
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
    days = {d["date"]: d for d in p.get("/admin/usage/daily?date=2026-02-10")["days"]}
    equal(_figures(days["2026-02-10"]["by_model"]), told["daily"]["2026-02-10"]["by_model"], "the models of a day")
    equal(_figures(usage["daily"]["2026-02-10"]["by_model"]), told["daily"]["2026-02-10"]["by_model"], "the same of the key alone")
    hours = {h["hour"]: _figures(h["by_model"]) for h in p.get("/admin/usage/hourly?date=2026-02-11")["hours"]}
    equal(hours, {h: v["by_model"] for h, v in told["hourly"].items()}, "the hours")
    equal(p.get("/admin/usage/hourly?date=2026-02-10")["hours"], [], "hours of a day whose hours nobody knows")
    rows = p.get("/admin/usage?group_by=day")["rows"]
    equal(sum(row["requests"] for row in rows), p.get("/admin/usage")["total_requests"], "requests in a report by day")
    p.stop()
    ran = run(lab, "import", *files, "--write", "-c", p.config).good()
    contains(ran.err, "was there already", "what is said the second time")
    p.start()
    equal(p.get("/admin/usage")["total_requests"], 10, "requests after importing twice, and one of our own")
    for name, data in p.written().items():
        lacks(data, b"sk-old-alice", f"what proxyd wrote to {name}")


@check("import --write into a directory in use is exit 69 and changes nothing")
def _(lab):
    p, up = lab.simple()
    equal(run(lab, "import", *_files(lab, up), "--write", "--state", p.state).code, 69, "the exit code")
    equal(len(p.get("/admin/keys")["keys"]), 1, "the keys")


@check("import of the second predecessor's environment prints a configuration that passes")
def _(lab):
    for number, text in enumerate(
        (
            "UPSTREAM_TYPE=azure\nAZURE_ENDPOINT=https://r.openai.azure.example\nAZURE_API_KEYS=k1-example,k2-example\n"
            "AZURE_DEPLOYMENT_NAMES=gpt-35-turbo,gpt-4\n",
            "UPSTREAM_TYPE=openai\nOPENAI_API_KEYS=sk-one-example,sk-two-example\n",
        )
    ):
        (lab.folder / "some.env").write_text(text)
        path = lab.folder / f"proxy{number}.yaml"
        path.write_text(run(lab, "import", "--env", lab.folder / "some.env").good().out)
        path.chmod(0o600)
        run(lab, "--check-config", "-c", path).good()
    equal(run(lab, "import").code, 64, "the exit code without a file")
    equal(run(lab, "import", "--keys", lab.folder / "missing").code, 1, "the exit code of a file that is not there")
