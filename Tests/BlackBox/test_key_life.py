"""Keys that change: names, rotation, what the file disables; admin keys with roles; the audit log."""

import json
import time

from checks import check, contains, equal, eventually, expect, lacks, one_of
from commands import run
from harness import ADMIN_KEY, served

OPS, VIEWER, METRICS = ("sk-ops-0123456789abcdefghij", "sk-viewer-0123456789abcdefgh", "sk-metrics-0123456789abcdefg")
ROLES = f"""
admin:
  key: {ADMIN_KEY}
  keys:
    - {{name: ops, key: {OPS}, role: admin}}
    - {{name: grafana, key: {VIEWER}, role: viewer}}
    - {{name: prometheus, key: {METRICS}, role: metrics}}
"""

CHANGES = [
    ("POST", "/admin/keys", {"name": "other"}),
    ("POST", "/admin/keys/made/disable", None),
    ("POST", "/admin/keys/made/enable", None),
    ("POST", "/admin/keys/made/rotate", {}),
    ("PATCH", "/admin/keys/made", {"name": "renamed"}),
    ("DELETE", "/admin/keys/made", None),
    ("POST", "/admin/reload", None),
]
LOOKS = ["/admin/keys", "/admin/usage", "/admin/usage/daily", "/admin/fallback", "/admin/config", "/admin/audit"]


@check("a name is one live key's: making and renaming are 409, also against declared keys")
def _(lab):
    p, _up = lab.simple()
    alice, bob = p.create_key("alice"), p.create_key("bob")
    for name in ("alice", " alice ", "user"):
        equal(p.admin("POST", "/admin/keys", {"name": name}).status, 409, f"the status of making {name!r}")
        equal(p.admin("PATCH", f"/admin/keys/{bob['id']}", {"name": name}).status, 409, f"of renaming bob to {name!r}")
    equal(len(p.get("/admin/keys")["keys"]), 3, "keys")
    equal(p.admin("DELETE", f"/admin/keys/{alice['id']}").status, 200, "the status of DELETE")
    equal(p.admin("PATCH", f"/admin/keys/{bob['id']}", {"name": "alice"}).status, 200, "of taking a free name")
    equal(p.admin("POST", "/admin/keys/alice/disable").json()["name"], "alice", "the key of that name")
    served(p.ask())
    equal(p.ask(key=bob["api_key"]).status, 403, "the status of the disabled key")


@check("a reload that declares a made key's name or text says so, and calls by a name that two keys have are 409")
def _(lab):
    p, _up = lab.simple()
    alice, bob = p.create_key("alice"), p.create_key("bob")
    text = p.config.read_text()
    more = f'{{name: alice, key: sk-alice-of-the-file-0123456789}}, {{name: carol, key: "{bob["api_key"]}"}}, '
    expect("\nkeys: [" in text, "keys in the file", text)
    p.config.write_text(text.replace("\nkeys: [", "\nkeys: [" + more, 1))
    for told in (p.admin("POST", "/admin/reload").json(), p.get("/admin/config")):
        words = [one["message"] for one in told["warnings"] if one["path"] == "keys"]
        equal(len(words), 2, "warnings of keys")
        expect(any("'alice'" in word and alice["id"] in word for word in words), "the name that two keys have", words)
        expect(any("'carol'" in word and "'bob'" in word for word in words), "the text that two keys have", words)
        lacks(json.dumps(told), bob["api_key"], "the answer")
    for is_running in (True, False):
        if not is_running:
            p.stop()
            shown = sorted(file.name for file in p.state.iterdir())
        ran = run(lab, "check", "-c", p.config).good()
        line = p.config.read_text().split("\nkeys: [")[0].count("\n") + 2
        told = [text for text in ran.err.splitlines() if " warning: keys[" in text]
        equal(len(told), 2, "warnings of the check")
        for text, number, word in zip(told, (0, 1), ("'alice' has the name of " + alice["id"], "'carol' has the text of 'bob'")):
            contains(text, f":{line}:", "the place")
            contains(text, f"keys[{number}]: the declared key {word}", "the words")
        lacks(ran.err, bob["api_key"], "the check")
    expect(set(shown) <= {file.name for file in p.state.iterdir()}, "what was there", shown)
    p.start()
    for method, path in (
        ("GET", "keys/alice/usage"), ("POST", "keys/alice/disable"), ("GET", "limits?key=alice"), ("GET", "requests?key=alice"),
    ):  # fmt: skip
        answer = p.admin(method, "/admin/" + path)
        equal(answer.status, 409, f"the status of {path}")
        contains(answer.text, alice["id"], f"the ids that {path} names")
    equal(p.admin("GET", "/admin/limits?key=nobody").status, 404, "the status for a name that no key has")
    equal(p.admin("DELETE", f"/admin/keys/{alice['id']}").status, 200, "the status of DELETE")
    equal(p.admin("POST", "/admin/keys/alice/disable").status, 200, "the status for the name that is one key's again")


@check("rotate: both texts work until the overlap ends, usage stays on one id, also over a restart")
def _(lab):
    p, _up = lab.simple()
    made = p.create_key(tags={"team": "red"})
    served(p.ask(key=made["api_key"]))
    answer = p.admin("POST", f"/admin/keys/{made['id']}/rotate", {"overlap": "6s"}).json()
    equal((answer["id"], answer["name"]), (made["id"], "made"), "id and name")
    expect(answer["api_key"] != made["api_key"], "another key")
    served(p.ask(key=made["api_key"]), "the answer with the old key")
    p.restart(hard=True)
    for key in (made["api_key"], answer["api_key"]):
        served(p.ask(key=key))
    entry = next(k for k in p.get("/admin/keys")["keys"] if k["id"] == made["id"])
    equal((entry["total_requests"], entry["tags"]), (4, {"team": "red"}), "requests and tags")
    eventually(lambda: p.ask(key=made["api_key"]).status in (401, 403), "a refusal of the old key", 10, every=0.3)
    served(p.ask(key=answer["api_key"]))
    lacks(json.dumps(p.get("/admin/keys")), answer["api_key"], "the list")


@check("rotate without a body overlaps for a day; with none the old key ends at once; of a declared key it is 409")
def _(lab):
    p, _up = lab.simple()
    made = p.create_key()
    until = p.admin("POST", "/admin/keys/made/rotate").json()["old_key_until"]
    expect(until[:10] >= time.strftime("%Y-%m-%d", time.gmtime(time.time() + 80_000)), "a day's overlap", until)
    served(p.ask(key=made["api_key"]))
    second = p.admin("POST", "/admin/keys/made/rotate", {"overlap": "0s"}).json()["api_key"]
    third = p.admin("POST", "/admin/keys/made/rotate", {"overlap": "0s"}).json()["api_key"]
    one_of(p.ask(key=second).status, (401, 403), "the status of the key without overlap")
    one_of(p.ask(key=made["api_key"]).status, (401, 403), "the status of the text before, whose overlap was not over")
    served(p.ask(key=third))
    equal(p.admin("POST", "/admin/keys/user/rotate").status, 409, "the status for a declared key")
    equal(p.admin("POST", "/admin/keys/made/rotate", {"overlap": "1 day"}).status, 400, "for what is no duration")


@check("enabled: false in the file is a 403 that the admin API cannot lift, and ends with the file")
def _(lab):
    keys = "keys: [{{name: user, key: sk-user-0123456789abcdefghijklmnop, enabled: {}}}]"
    p, up = lab.simple(keys.format("false"))
    equal(p.ask().status, 403, "the status")
    equal(p.get("/admin/keys")["keys"][0]["enabled"], False, "enabled in the list")
    equal(p.admin("POST", "/admin/keys/user/enable").status, 409, "the status of enable")
    p.write(p.config.read_text().replace("enabled: false", "enabled: true"))
    eventually(lambda: p.ask().status == 200, "the key to work", 8)


@check("keys are listed by page and searched: every key once, next at an end")
def _(lab):
    p, _up = lab.simple()
    for number in range(25):
        p.create_key(f"key {number:02}", tags={"team": f"t{number % 5}"})
    seen, query = [], "limit=10"
    for _page in range(9):
        page = p.get(f"/admin/keys?{query}")
        expect(len(page["keys"]) <= 10, "at most ten keys on a page")
        seen += [key["name"] for key in page["keys"]]
        if not page["next"]:
            break
        query = f"limit=10&before={page['next']}"
    made = [f"key {n:02}" for n in range(25)]
    equal(sorted(seen), sorted(made + ["user"]), "the keys of all pages")
    equal([name for name in seen if name != "user"], made[::-1], "the keys that were made, the newest first")
    equal([key["name"] for key in p.get("/admin/keys")["keys"]], ["user"] + made, "all keys, the oldest first")
    p.restart(hard=True)
    equal([key["name"] for key in p.get("/admin/keys")["keys"]], ["user"] + made, "all keys after a restart")
    equal([k["name"] for k in p.get("/admin/keys?q=KEY%2007")["keys"]], ["key 07"], "what q finds by name")
    equal(len(p.get("/admin/keys?q=team=t3&limit=100")["keys"]), 5, "what q finds by tag")
    equal([k["name"] for k in p.get("/admin/keys?search=KEY%2007")["keys"]], ["key 07"], "what search finds, by name")
    equal(len(p.get("/admin/keys")["keys"]), 26, "the keys without a page")
    equal(p.admin("GET", "/admin/keys?limit=none").status, 400, "the status of a limit that is none")


@check("a viewer looks at everything and changes nothing; a metrics key reads /metrics alone")
def _(lab):
    p, _up = lab.simple(ROLES)
    p.create_key()
    for path in LOOKS:
        equal(p.admin("GET", path, key=VIEWER).status, 200, f"the viewer's status of {path}")
        answer = p.admin("GET", path, key=METRICS)
        equal(answer.status, 403, f"the status of {path} with a metrics key")
        contains(answer.json()["error"]["message"], "/metrics", "the message")
    before = p.get("/admin/keys")
    for method, path, body in CHANGES:
        for key, role in ((VIEWER, "viewer"), (METRICS, "metrics")):
            answer = p.admin(method, path, body, key=key)
            equal(answer.status, 403, f"the status of {method} {path} as {role}")
            contains(answer.json()["error"]["message"], role, "the message")
    equal(p.get("/admin/keys"), before, "the keys")
    for key in (ADMIN_KEY, OPS, VIEWER, METRICS):
        equal(p.admin("GET", "/metrics", key=key).status, 200, "the status of /metrics")
    equal(p.admin("POST", "/admin/keys", {"name": "by ops"}, key=OPS).status, 200, "the status for an admin")


@check("wrong admin keys are throttled by address whatever roles there are; a role that is not enough is no guess")
def _(lab):
    p, _up = lab.simple(ROLES)
    for _try in range(30):
        equal(p.admin("POST", "/admin/reload", key=VIEWER).status, 403, "the status of what a viewer may not do")
    equal(p.admin("GET", "/admin/keys", key=VIEWER).status, 200, "the viewer's status after that")
    for number in range(12):
        p.admin("GET", "/metrics", key=f"sk-wrong-{number}")
    equal(p.admin("GET", "/admin/keys", key=VIEWER).status, 429, "the status after wrong keys")


@check("metrics: open wants no key for /metrics, and for nothing else")
def _(lab):
    p, _up = lab.simple(f"admin: {{key: {ADMIN_KEY}, metrics: open}}")
    equal(p.admin("GET", "/metrics", key=None).status, 200, "the status of /metrics")
    equal(p.admin("GET", "/admin/usage", key=None).status, 401, "the status of /admin/usage")


@check("the audit log tells who did what to what, refused or not, over restarts, and holds no key")
def _(lab):
    p, _up = lab.simple(ROLES)
    made = p.admin("POST", "/admin/keys", {"name": "made"}, key=OPS).json()
    p.admin("POST", f"/admin/keys/{made['api_key']}/disable")
    p.admin("POST", "/admin/keys/made/rotate", key=VIEWER)
    rotated = p.admin("POST", "/admin/keys/made/rotate").json()
    p.restart(hard=True)
    p.admin("DELETE", "/admin/keys/nobody", key=OPS)
    p.admin("POST", "/admin/reload")
    entries = p.get("/admin/audit")["audit"]
    told = [(e["who"], e["action"], e["target"], e["result"]) for e in reversed(entries)]
    equal(
        told,
        [
            ("ops", "key.create", made["id"], "ok"),
            ("admin", "key.disable", made["id"], "ok"),
            ("grafana", "key.rotate", made["id"], "role_forbidden"),
            ("admin", "key.rotate", made["id"], "ok"),
            ("ops", "key.delete", None, "not_found"),
            ("admin", "config.reload", None, "ok"),
        ],
        "the entries",
    )
    expect(all(e["address"] == "127.0.0.1" and e["time"].startswith("20") for e in entries), "an address and a time", entries)
    page = p.get("/admin/audit?limit=4")
    rest = p.get(f"/admin/audit?limit=4&before={page['next']}")
    equal([e["id"] for e in page["audit"] + rest["audit"]], [e["id"] for e in entries], "the entries of two pages")
    equal(rest["next"], None, "next at the end")
    p.stop()
    for name, data in p.written().items():
        for secret in (made["api_key"], rotated["api_key"], ADMIN_KEY, OPS, VIEWER):
            lacks(data, secret.encode(), f"what proxyd wrote to {name}")
