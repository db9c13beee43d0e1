"""The admin API: each call's JSON to the letter, who may call, what is masked."""

import gzip
import json
import re
import time
import zlib

from checks import check, contains, equal, eventually, expect, lacks, one_of
from commands import run
from dialects import ANTHROPIC, TOKENS_IN, TOKENS_OUT
from harness import ADMIN_KEY, USER_KEY, served
from ports import free_port
from upstream import status

CALLS = [
    ("GET", "/admin/fallback"),
    ("GET", "/admin/keys"),
    ("POST", "/admin/keys"),
    ("GET", "/admin/keys/x/usage"),
    ("POST", "/admin/keys/x/disable"),
    ("POST", "/admin/keys/x/enable"),
    ("DELETE", "/admin/keys/x"),
    ("GET", "/admin/usage"),
    ("GET", "/admin/usage/daily"),
    ("GET", "/admin/usage/hourly"),
    ("GET", "/admin/config"),
    ("POST", "/admin/reload"),
    ("POST", "/admin/explain"),
]


@check("{method} {path} without a key is a 401, with a wrong one or a client's a 403", rows=CALLS)
def _(lab, method, path):
    p, _up = lab.simple()
    body = b'{"name":"x"}' if method == "POST" else None
    equal(p.admin(method, path, body, key=None).status, 401, "the status without a key")
    equal(p.admin(method, path, body, key="sk-wrong").status, 403, "the status with a wrong key")
    equal(p.admin(method, path, body, key=USER_KEY).status, 403, "the status with a client's key")
    equal(p.admin(method, path, body, key=ADMIN_KEY[:-1]).status, 403, "the status with most of the key")
    equal([key["name"] for key in p.get("/admin/keys")["keys"]], ["user"], "the keys afterwards")


@check("the admin key may be shown as {form}", rows=["Authorization: Bearer", "x-api-key"])
def _(lab, form):
    p, _up = lab.simple()
    headers = {"x-api-key": ADMIN_KEY} if form == "x-api-key" else {"Authorization": f"Bearer {ADMIN_KEY}"}
    equal(p.admin("GET", "/admin/keys", key=None, headers=headers).status, 200, "the status")


@check("the admin key opens no model")
def _(lab):
    p, up = lab.simple()
    one_of(p.ask(key=ADMIN_KEY).status, (401, 403), "the status")
    equal(up.requests, [], "requests at the upstream")


@check("without admin.key there is no admin API")
def _(lab):
    p, _up = lab.simple("admin: {allow_from: [127.0.0.0/8]}")
    for method, path in CALLS:
        for key in (None, ADMIN_KEY, "", USER_KEY):
            one_of(p.admin(method, path, key=key).status, (401, 403, 404), f"the status of {method} {path}")


@check("metrics: open without any key: /metrics is there, and the admin API is not")
def _(lab):
    p, _up = lab.simple("admin: {metrics: open}")
    contains(p.admin("GET", "/metrics", key=None).text, "proxyd_build_info", "the metrics")
    equal(p.admin("GET", "/metrics", key="sk-any").status, 200, "the status with a key")
    for method, path in (*CALLS, ("GET", "/admin/"), ("GET", "/admin/login"), ("POST", "/admin/login"), ("GET", "/admin/whoami")):
        if path != "/metrics":
            equal(p.admin(method, path, key=None).status, 404, f"the status of {method} {path}")
    equal(run(lab, "check", p.config).code, 0, "the exit code of a check")


@check("admin.allow_from lets callers in by their address, or not")
def _(lab):
    p, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, allow_from: [10.0.0.0/8, '::1']}}")
    for method, path in CALLS[:2]:
        equal(p.admin(method, path, headers={"X-Forwarded-For": "10.0.0.1"}).status, 403, f"the status of {method} {path}")
    p, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, allow_from: [127.0.0.0/8, '::1']}}")
    equal(p.admin("GET", "/admin/keys").status, 200, "the status from 127.0.0.1 where 127.0.0.0/8 may")


@check("admin.listen: the admin API and the metrics are there, and not on `listen`")
def _(lab):
    port = free_port()
    p, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, listen: '127.0.0.1:{port}'}}")
    p.wait_listening(port)
    for path in ("/admin/keys", "/metrics", "/admin/usage"):
        equal(p.send("GET", path, key=ADMIN_KEY, port=port).status, 200, f"the status of {path} on admin.listen")
        equal(p.send("GET", path, key=ADMIN_KEY).status, 404, f"the status of {path} on listen")
    served(p.ask())
    one_of(
        p.send("POST", "/v1/messages", b'{"model":"claude-x","messages":[]}', port=port).status,
        (401, 403, 404),
        "the status of a model request on admin.listen",
    )


# ---------------------------------------------------------------- keys


@check("POST /admin/keys answers api_key, id and name")
def _(lab):
    p, _up = lab.simple()
    answer = p.admin("POST", "/admin/keys", {"name": 'Ünïcode "name"'})
    one_of(answer.status, (200, 201), "the status")
    contains(answer.header("content-type") or "", "application/json", "the content type")
    told = answer.json()
    equal(set(told), {"api_key", "id", "name"}, "the members")
    equal(told["name"], 'Ünïcode "name"', "name")
    expect(told["api_key"].startswith("sk-"), "an api_key that begins with sk-", told)
    expect(
        isinstance(told["id"], str) and told["id"] and told["id"] not in told["api_key"], "an id that is no part of the key", told
    )


@check("a compressed body of an admin call is read as what it is: {coding}", rows=["gzip", "deflate"])
def _(lab, coding):
    p, _up = lab.simple()
    body = json.dumps({"name": "packed"}).encode()
    packed = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    headers = {"content-type": "application/json", "content-encoding": coding}
    equal(p.admin("POST", "/admin/keys", packed, headers=headers).json()["name"], "packed", "the key's name")
    equal(p.admin("POST", "/admin/keys", packed[:-3], headers=headers).status, 400, "a body that is cut")
    large = gzip.compress(b" " * (64 << 20)) if coding == "gzip" else zlib.compress(b" " * (64 << 20))
    equal(p.admin("POST", "/admin/keys", large, headers=headers).status, 413, "a body that is too large behind its coding")


@check("what is said of a call of operators before anybody reads it has the admin plane's own shape: {what}", rows=["413", "415", "400", "405"])
def _(lab, what):
    p, _up = lab.simple()
    typed = {"content-type": "application/json"}
    answer, kind = {
        "413": lambda: (p.admin("POST", "/admin/keys", gzip.compress(b" " * (2 << 20)), headers={**typed, "content-encoding": "gzip"}), "request_too_large"),
        "415": lambda: (p.admin("POST", "/admin/keys", b"{}", headers={**typed, "content-encoding": "br"}), "bad_request"),
        "400": lambda: (p.admin("POST", "/admin/keys", b"{}", headers={**typed, "content-encoding": "gzip"}), "bad_request"),
        "405": lambda: (p.admin("TRACE", "/admin/keys"), "method_not_allowed"),
    }[what]()  # fmt: skip
    equal(answer.status, int(what), "the status")
    error = answer.json()["error"]
    equal((set(answer.json()), set(error), error["type"]), ({"error"}, {"type", "message"}, kind), "the members, and the kind")
    answer = p.send("POST", "/v1/chat/completions", b"{}", headers={**typed, "content-encoding": "br"})
    equal(set(answer.json()["error"]), {"message", "type", "param", "code"}, "the members of a client's")


@check("GET /admin/keys tells every member of every key, masked")
def _(lab):
    p, _up = lab.simple("policies: {default: {}, team: {}}")
    made = p.create_key("made", policy="team", tags={"a": "b"})
    keys = {key["name"]: key for key in p.get("/admin/keys")["keys"]}
    equal(set(keys), {"user", "made"}, "the names")
    wanted = {"id", "key", "name", "enabled", "created", "policy", "total_input", "total_output", "total_requests", "last_used"}
    for key in keys.values():
        equal(wanted - set(key), set(), f"members that {key['name']} lacks")
        equal((key["enabled"], key["total_input"], key["total_output"], key["total_requests"]), (True, 0, 0, 0), "its beginnings")
        equal(key["last_used"], None, "last_used before the first request")
    equal((keys["made"]["policy"], keys["user"]["policy"]), ("team", "default"), "the policies")
    equal(keys["made"]["id"], made["id"], "id")
    expect(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", keys["made"]["created"] or ""), "a created time", keys["made"])
    for name, key in (("made", made["api_key"]), ("user", USER_KEY)):
        equal(keys[name]["key"], f"{key[:8]}...{key[-4:]}", f"the mask of {name}")
    lacks(json.dumps(keys), made["api_key"], "the list")


@check("last_used is told once a key was used")
def _(lab):
    p, _up = lab.simple()
    served(p.ask())
    told = eventually(lambda: p.get("/admin/keys")["keys"][0]["last_used"], "a last_used")
    expect(re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", told), "a time", told)


@check("a made key is shown once: no later answer has it")
def _(lab):
    p, _up = lab.simple()
    made = p.create_key()
    for path in (
        "/admin/keys",
        f"/admin/keys/{made['id']}/usage",
        "/admin/config",
        "/admin/usage",
        "/admin/usage/daily",
        "/admin/fallback",
        "/metrics",
    ):
        lacks(p.admin("GET", path).text, made["api_key"], f"GET {path}")


@check(
    "POST /admin/keys with {what} is a 400 and makes no key",
    rows=["no JSON", "no name", "an empty name", "a name that is a number", "an unknown policy", "an array", "nothing"],
)
def _(lab, what):
    p, _up = lab.simple()
    body = {
        "no JSON": b"{",
        "no name": b"{}",
        "an empty name": b'{"name":""}',
        "a name that is a number": b'{"name":7}',
        "an unknown policy": b'{"name":"x","policy":"nope"}',
        "an array": b"[]",
        "nothing": b"",
    }[what]
    equal(p.admin("POST", "/admin/keys", body).status, 400, "the status")
    equal(len(p.get("/admin/keys")["keys"]), 1, "keys afterwards")


@check("disable, enable and delete answer with status and name, by {by}", rows=["id", "key"])
def _(lab, by):
    p, _up = lab.simple()
    made = p.create_key("the name")
    handle = made["id"] if by == "id" else made["api_key"]
    for method, path, word in (
        ("POST", f"/admin/keys/{handle}/disable", "disabled"),
        ("POST", f"/admin/keys/{handle}/enable", "enabled"),
        ("DELETE", f"/admin/keys/{handle}", "deleted"),
    ):
        answer = p.admin(method, path)
        equal((answer.status, answer.json()), (200, {"status": word, "name": "the name"}), f"{method} …{path[-8:]}")
    equal([key["name"] for key in p.get("/admin/keys")["keys"]], ["user"], "the keys afterwards")


@check("disable may be called twice, and enable")
def _(lab):
    p, _up = lab.simple()
    made = p.create_key("x")
    for word in ("disable", "disable", "enable", "enable"):
        equal(p.admin("POST", f"/admin/keys/{made['id']}/{word}").json(), {"status": f"{word}d", "name": "x"}, word)
    served(p.ask(key=made["api_key"]))


@check(
    "calls for a key that does not exist are a 404: {method} {path}",
    rows=[
        ("GET", "/admin/keys/nope/usage"),
        ("POST", "/admin/keys/nope/disable"),
        ("POST", "/admin/keys/nope/enable"),
        ("DELETE", "/admin/keys/nope"),
        ("GET", "/admin/keys/%2e%2e/usage"),
        ("DELETE", "/admin/keys/' OR 1=1 --".replace(" ", "%20")),
    ],
)
def _(lab, method, path):
    p, _up = lab.simple()
    answer = p.admin(method, path)
    equal(answer.status, 404, "the status")
    expect(isinstance(answer.json(), dict), "a JSON object", answer.text)
    equal(len(p.get("/admin/keys")["keys"]), 1, "keys afterwards")


@check("a deleted key's usage is a 404 and its id is gone from the list")
def _(lab):
    p, _up = lab.simple()
    made = p.create_key()
    p.admin("DELETE", f"/admin/keys/{made['id']}")
    equal(p.admin("GET", f"/admin/keys/{made['id']}/usage").status, 404, "the status")
    equal(p.admin("DELETE", f"/admin/keys/{made['id']}").status, 404, "the status of a second DELETE")


@check("GET /admin/keys/…/usage has the contract's members, by {by}", rows=["id", "key"])
def _(lab, by):
    p, _up = lab.simple()
    made = p.create_key("used")
    served(p.ask(key=made["api_key"]))
    eventually(lambda: p.get("/admin/usage")["total_requests"] == 1, "one request in the usage")
    told = p.get(f"/admin/keys/{made['id'] if by == 'id' else made['api_key']}/usage")
    equal((told["name"], told["enabled"]), ("used", True), "name and enabled")
    usage = told["usage"]
    equal(
        {"total_input", "total_output", "total_requests", "last_used", "daily", "hourly", "total_by_model"} - set(usage),
        set(),
        "members that are missing",
    )
    equal((usage["total_input"], usage["total_output"], usage["total_requests"]), (TOKENS_IN, TOKENS_OUT, 1), "the totals")
    for name in ("daily", "hourly", "total_by_model"):
        expect(isinstance(usage[name], dict) and len(usage[name]) == 1, f"an object with one member as {name}", usage[name])
    expect("claude-test" in usage["total_by_model"], "claude-test in total_by_model", usage)
    expect(usage["last_used"], "last_used", usage)


@check("GET /admin/keys/…/usage of a key that was never used has zeros")
def _(lab):
    p, _up = lab.simple()
    usage = p.get(f"/admin/keys/{p.create_key('fresh')['id']}/usage")["usage"]
    equal(
        (usage["total_input"], usage["total_output"], usage["total_requests"], usage["last_used"]), (0, 0, 0, None), "the totals"
    )
    equal((usage["daily"], usage["hourly"], usage["total_by_model"]), ({}, {}, {}), "daily, hourly, total_by_model")


@check("GET /admin/usage has the predecessor's members, what it cost, and what day it is")
def _(lab):
    p, _up = lab.simple()
    off = p.create_key("off")
    p.create_key("on")
    p.admin("POST", f"/admin/keys/{off['id']}/disable")
    served(p.ask())
    eventually(lambda: p.get("/admin/usage")["total_requests"] == 1, "one request in the usage")
    told = p.get("/admin/usage")
    expect(re.fullmatch(r"\d{4}-\d\d-\d\d", told.pop("today", "")), "the day", told)
    equal(
        told,
        {
            "total_input_tokens": TOKENS_IN,
            "total_output_tokens": TOKENS_OUT,
            "total_requests": 1,
            "total_keys": 3,
            "active_keys": 2,
            "total_cost_usd": None,
            "cost_usd": None,
            "unpriced_requests": 1,
            "time_zone": told.get("time_zone"),
        },
        "the answer",
    )


@check("daily and hourly usage are empty lists before the first request")
def _(lab):
    p, _up = lab.simple()
    told = p.get("/admin/usage/daily")
    equal((set(told), [d for d in told["days"] if d["total_requests"]]), ({"days"}, []), "the daily usage")
    told = p.get("/admin/usage/hourly")
    equal((set(told), [h for h in told["hours"] if h["by_model"]]), ({"hours"}, []), "the hourly usage")


# ---------------------------------------------------------------- the rest


@check("GET /admin/fallback has the contract's members")
def _(lab):
    p, _first, _second = lab.tiers(2)
    told = p.get("/admin/fallback")
    equal(told["enabled"], True, "enabled")
    equal(
        [(t["name"], t["model"]) for t in told["tiers"]],
        [(told["tiers"][0]["name"], "model-1"), (told["tiers"][1]["name"], "model-2")],
        "the models of the tiers, in order",
    )
    for tier in told["tiers"]:
        equal({"name", "model", "type", "remaining", "available"} - set(tier), set(), "members a tier lacks")
        equal(tier["available"], True, "available")
        expect(isinstance(tier["name"], str) and tier["name"] and isinstance(tier["type"], str), "name and type", tier)
    expect("last_health_poll" in told, "last_health_poll", told)


@check(
    "last_health_poll is told with the offset of the configured zone ({zone})",
    rows=[("Asia/Singapore", r"\+08:00$"), ("Asia/Kolkata", r"\+05:30$")],
)
def _(lab, zone, offset):
    p, up = lab.tiers(1, extra="quota: {poll: /health, interval: 1s}", more=f"timezone: {zone}")
    up.health = {"status": "ok", "accounts": []}
    p.wait_polled(up)
    told = p.get("/admin/fallback")["last_health_poll"]
    expect(
        re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", told) and re.search(offset, told), f"a time that ends with {offset}", told
    )


@check("GET /admin/fallback says enabled: false when it is off")
def _(lab):
    p, _first = lab.tiers(1, fallback="enabled: false")
    equal(p.get("/admin/fallback")["enabled"], False, "enabled")


@check("a tier that cools down is not available")
def _(lab):
    p, first, _second = lab.tiers(2)
    first.reply(status(429, retry_after=60))
    served(p.ask())
    tiers = {tier["model"]: tier["available"] for tier in p.get("/admin/fallback")["tiers"]}
    equal(tiers, {"model-1": False, "model-2": True}, "available")


@check("GET /admin/config tells generation and hash, secrets masked")
def _(lab):
    p, _up = lab.simple("lark: {app_id: cli_x, app_secret: lark-private-secret, token_file: '@DIR@/t.json'}")
    answer = p.admin("GET", "/admin/config")
    equal(answer.status, 200, "the status")
    told = answer.json()
    expect("generation" in answer.text and "hash" in answer.text, "generation and hash", told)
    for secret in (USER_KEY, ADMIN_KEY, "provider-key-one", "lark-private-secret"):
        lacks(answer.text, secret, "the body")


@check("POST /admin/reload puts an edited file in force before it answers")
def _(lab):
    p, _up = lab.simple()
    generation = p.health()["config"]["generation"]
    equal(p.ask("openai", "o3-mini").status, 404, "the status before")
    p.config.write_text(p.config.read_text().replace('["gpt-*"]', '["gpt-*", "o3*"]'))
    equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    served(p.ask("openai", "o3-mini"))
    expect(p.health()["config"]["generation"] > generation, "a higher generation", p.health())


@check("POST /admin/reload of a broken file says why, with its place, and changes nothing")
def _(lab):
    p, _up = lab.simple()
    before = p.health()["config"]
    good = p.config.read_text()
    p.config.write_text(good + "nonsense_key: 1\n")
    line = good.count("\n") + 1
    answer = p.admin("POST", "/admin/reload")
    expect(answer.status >= 400 and answer.status != 500, "an error status", repr(answer))
    contains(answer.text, "nonsense_key", "the body")
    contains(answer.text, f"{line}:1", "the body")
    served(p.ask())
    equal((p.health()["config"]["generation"], p.health()["config"]["hash"]), (before["generation"], before["hash"]), "what runs")
    contains(p.admin("GET", "/admin/config").text, "nonsense_key", "GET /admin/config")


@check("POST /admin/explain tells the rule, the tiers and what decided")
def _(lab):
    p, up = lab.simple()
    told = p.admin("POST", "/admin/explain", {"model": "gpt-4o", "path": "/v1/chat/completions", "key": "user"})
    equal(told.status, 200, "the status")
    expect(isinstance(told.json(), dict), "a JSON object", told.text)
    for part in ("claude", "gpt"):
        contains(told.text, part, "the rules that were tried")
    equal(up.requests, [], "requests at the upstream")


EXPLAINED = {  # the model that is asked for, and what becomes of it
    "a good key": ("claude-1", 200),
    "an unknown key": ("claude-1", 401),
    "a disabled key": ("claude-1", 403),
    "a disabled key of the file": ("claude-1", 403),
    "an expired key": ("claude-1", 403),
    "a key whose policy left the file": ("claude-1", 403),
    "a key whose policy refuses the address": ("claude-1", 403),
    "a model that the policy refuses": ("claude-1", 403),
    "a model that a rule rejects": ("gpt-2", 410),
    "a model that no rule serves": ("o3", 404),
}


@check("{what}: POST /admin/explain says what the request is answered", rows=list(EXPLAINED))
def _(lab, what):
    up = lab.upstream()
    text = f"""
upstreams:
  up: {up.declare("anthropic")}
rules:
  - {{name: old, models: [gpt-2], reject: {{status: 410, message: gone}}}}
  - {{name: all, models: ["claude-*", "gpt-*"], tiers: [up]}}
policies: {{narrow: {{models: ["gpt-*"]}}, far: {{allow_from: [10.0.0.0/8]}}, going: {{}}}}
"""
    p = lab.proxyd(text)
    model, status = EXPLAINED[what]
    policy = {"a key whose policy left the file": "going", "a key whose policy refuses the address": "far"}.get(what, "default")
    more = {"policy": "narrow" if what == "a model that the policy refuses" else policy}
    if what == "an expired key":
        more["expires"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    made = p.create_key(**more)
    key = made["api_key"]
    if what == "an unknown key":
        key = "sk-nobody"
    if what == "a disabled key":
        equal(p.admin("POST", f"/admin/keys/{made['id']}/disable").status, 200, "the status of disable")
    if what == "a disabled key of the file":
        key = USER_KEY
        equal(p.admin("POST", "/admin/keys/declared:user/disable").status, 200, "the status of disable")
    if what == "a key whose policy left the file":
        p.write(text.replace(", going: {}", ""))
        equal(p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    if what == "an expired key":
        eventually(lambda: p.ask(model=model, key=key).status == 403, "the key's end", 6)
    answer = p.ask(model=model, key=key)
    equal(answer.status, status, "the status")
    told = p.admin("POST", "/admin/explain", {"model": model, "path": "/v1/messages", "key": key}).json()
    equal(told["status"], status, "the status that is explained")
    words = {200: "route", 410: "reject", 404: "no_match"}
    equal(told["decision"], words.get(status, "refused"), "the decision")
    decision = told["decided"]
    if "message" in decision:
        equal(decision["message"], ANTHROPIC.error_of(answer)["message"], "the message that is explained")
    asked = [{"tier": "up", "upstream": "up", "account": "one", "model": model}] if status == 200 else []
    equal(told["attempts"], asked, "who would be asked")


@check("GET /metrics is Prometheus text, counts requests, tells no secret")
def _(lab):
    p, _up = lab.simple()
    served(p.ask())
    served(p.ask("openai", stream=True))
    p.ask(key="sk-wrong")
    answer = p.admin("GET", "/metrics")
    equal(answer.status, 200, "the status")
    contains(answer.header("content-type") or "", "text/plain", "the content type")
    line_of = re.compile(
        r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="([^"\\]|\\.)*",?)*\})? (-?[0-9.]+([eE][+-]?\d+)?|[+-]?Inf|NaN)( \d+)?$'
    )
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    odd = [line for line in lines if not line_of.match(line)]
    equal(odd, [], "lines that are no sample")
    expect(any("request" in line for line in lines), "a sample about requests", lines[:5])
    samples = [line.rsplit(" ", 1)[0] for line in lines]
    equal(len(samples), len(set(samples)), "samples that are told once")
    for secret in (USER_KEY, ADMIN_KEY, "provider-key-one", "sk-wrong"):
        lacks(answer.text, secret, "the metrics")


@check("a model's name cannot break the metrics")
def _(lab):
    p, _up = lab.simple()
    served(p.ask(model='claude-"quote\\ {}'))
    equal(p.ask(model='claude-"quote\\ \n newline{}').status, 400, "a name with a control character")
    p.ask(model='nope"} 1\nforged_metric 7')
    text = p.admin("GET", "/metrics").text
    expect(not any(line.startswith(("forged_metric", " newline")) for line in text.splitlines()), "no forged sample", text[-400:])


@check("GET /admin/ is one page with a strict content security policy")
def _(lab):
    p, _up = lab.simple()
    answer = p.admin("GET", "/admin/")
    equal(answer.status, 200, "the status")
    contains(answer.header("content-type") or "", "text/html", "the content type")
    policy = answer.header("content-security-policy") or ""
    contains(policy, "default-src", "content-security-policy")
    lacks(policy, "unsafe-eval", "content-security-policy")


@check("an admin path that does not exist is a 404 with a JSON body, another method a 404 or 405")
def _(lab):
    p, _up = lab.simple()
    for path in ("/admin/nope", "/admin/keys/a/b/c", "/admin/usage/weekly"):
        answer = p.admin("GET", path)
        equal(answer.status, 404, f"the status of GET {path}")
        expect(isinstance(answer.json(), dict), "a JSON object", answer.text)
    for method, path in (
        ("PUT", "/admin/keys"),
        ("DELETE", "/admin/usage"),
        ("POST", "/admin/fallback"),
        ("GET", "/admin/reload"),
    ):
        one_of(p.admin(method, path).status, (404, 405), f"the status of {method} {path}")
