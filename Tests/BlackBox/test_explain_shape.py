"""POST /admin/explain: its shape to the member, and the same decision, status and words as a request gets."""

import json

from accounts import House
from checks import check, contains, equal, expect
from dialects import ANTHROPIC
from harness import USER_KEY, served
from limits import ROOMY, costs, key_id, limited, settled
from upstream import status

WHOLE = {
    "request": set(),
    "key": set(),
    "admission": {"allowed", "reason"},
    "rules": {"name", "matches", "models", "when"},
    "limits": {"limit", "bucket", "used", "max", "fits"},
    "tiers": {"tier", "upstream", "model", "available", "obstacle", "accounts"},
}
ACCOUNT = {"account", "state", "reason", "share", "chosen"}


def explain(p, **described):
    answer = p.admin("POST", "/admin/explain", described)
    equal(answer.status, 200, "the status of an explanation")
    told = answer.json()
    for name, members in WHOLE.items():
        expect(name in told, f"the member {name}", sorted(told))
        for each in told[name] if isinstance(told[name], list) else [told[name]]:
            equal(members - set(each), set(), f"members that {name} lacks")
    for tier in told["tiers"]:
        for account in tier["accounts"]:
            equal(ACCOUNT - set(account), set(), "members that an account lacks")
    for rule in told["rules"]:
        if rule["when"] is not None:
            equal({"text", "value", "parts"} - set(rule["when"]), set(), "members that a condition lacks")
            for part in rule["when"]["parts"]:
                equal({"text", "value"} - set(part), set(), "members that a part lacks")
    expect(told["decision"] in ("route", "reject", "no_match", "refused"), "the decision's word", told["decision"])
    expect({"rule", "status"} <= set(told) and isinstance(told["status"], int), "rule and status", told)
    return told


@check("an explanation has every member, for every kind of rule and tier")
def _(lab):
    up, other = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams:
  a: {up.declare("anthropic", ("one", "two"))}
  b: {other.declare("openai")}
rules:
  - {{name: old, models: [gpt-2], reject: {{status: 410, message: gone}}}}
  - {{name: big, models: ["claude-*"], when: "request.input_tokens > 1000 && !request.stream", tiers: [b]}}
  - {{name: all, models: ["claude-*", "gpt-*"], tiers: [{{any: [a/x, b/y]}}, b]}}
""")
    told = explain(p, request={"model": "claude-1", "path": "/v1/messages", "input_tokens": 5}, key="user")
    equal((told["decision"], told["status"], told["rule"]), ("route", 200, "all"), "the decision")
    equal([(rule["name"], rule["matches"]) for rule in told["rules"]], [("old", False), ("big", False), ("all", True)], "rules")
    when = told["rules"][1]["when"]
    equal((when["text"], when["value"]), ("request.input_tokens > 1000 && !request.stream", False), "the condition")
    parts = {part["text"]: part["value"] for part in when["parts"]}
    equal(parts["request.input_tokens > 1000"], False, "its first term")
    equal(parts["!request.stream"], True, "its second term, which was not come to")
    equal(parts["request.input_tokens"], 5, "what it looked at")
    equal(told["rules"][0]["when"], None, "no condition")
    equal([(t["tier"], t["upstream"], t["model"]) for t in told["tiers"]][0][1:], ("a", "x"), "the first tier's first target")
    equal([t["upstream"] for t in told["tiers"]], ["a", "b", "b"], "each target")
    equal(sum(a["chosen"] for t in told["tiers"] for a in t["accounts"]), 1, "accounts that are chosen")
    equal((told["key"]["name"], told["key"]["id"]), ("user", "declared:user"), "the key")
    equal(told["request"]["model"], "claude-1", "the request")
    equal(told["admission"], {"allowed": True, "reason": None}, "the admission")
    equal(len(up.requests) + len(other.requests), 0, "requests at the upstreams")


@check("a limit is told with its bucket and what is used, and one that refuses is the answer's status and words")
def _(lab):
    p, up = limited(lab, "requests_per_day: 1, budget_per_day: 2000 USD", entries="- {name: team, per: 'key.tags[\"team\"]', tokens_per_day: 5000}")
    body = json.loads(ANTHROPIC.request("claude-test", False, max_tokens=10))
    first = explain(p, path="/v1/messages", body=body, key="user")
    equal((first["decision"], first["status"]), ("route", 200), "the decision")
    equal([each["limit"] for each in first["limits"]], ["team.requests_per_day", "team.budget_per_day", "team"], "limits")
    equal([each["bucket"] for each in first["limits"]], [key_id(p), key_id(p), "infra"], "buckets")
    equal([each["max"] for each in first["limits"]], [1, 2000, 5000], "what they allow")
    expect(all(each["fits"] for each in first["limits"]), "that all fit", first["limits"])
    up.reply(costs(100, 10))
    served(p.ask("anthropic", "claude-test", max_tokens=10))
    settled(p, "team.requests_per_day", 1)
    second = explain(p, path="/v1/messages", body=body, key="user")
    answer = p.ask("anthropic", "claude-test", max_tokens=10)
    equal((second["decision"], second["status"]), ("refused", answer.status), "the decision")
    equal([each["used"] for each in second["limits"]], [1, 60, 110], "what is used")
    equal([each["fits"] for each in second["limits"]], [False, True, True], "what fits")
    equal(second["message"], ANTHROPIC.error_of(answer)["message"], "the words")
    equal((second["admission"]["allowed"], second["rule"]), (True, "claude"), "admission and rule")


@check("a limit that cannot be computed for a request is told with why, beside those that can")
def _(lab):
    entries = "- {name: by header, per: 'request.headers[\"x-team\"]', requests_per_day: 7, budget_total: 5000 USD}"
    p, _up = limited(lab, "requests_per_day: 3", entries=entries)
    told = explain(p, model="claude-test", path="/v1/messages", key="user")
    answer = p.ask()
    equal((answer.status, told["status"], told["decision"]), (429, 429, "refused"), "the decision")
    equal(told["message"], ANTHROPIC.error_of(answer)["message"], "the words")
    equal([(one["limit"], one["fits"]) for one in told["limits"]], [("team.requests_per_day", True), ("by header", False), ("by header", False)], "limits")
    equal([one["error"] is None for one in told["limits"]], [True, False, False], "which have none")
    contains(told["limits"][1]["error"], "cannot be computed", "why")
    equal([(one["bucket"], one["used"], one["max"]) for one in told["limits"][1:]], [(None, None, 7), (None, None, 5000)], "bucket, used, max")
    equal(explain(p, model="claude-test", path="/v1/messages", key="user", headers={"x-team": "t"})["status"], 200, "with the header")


@check("where {what} the status is the one that a request gets", rows=["all are drained", "all rest for too long", "a request may wait"])
def _(lab, what):
    house = House(lab, 2, spare=False, clock=False, fallback="wait: 1s")
    if what == "all are drained":
        house.drain("one")
        house.drain("two")
    else:
        for key in ("one", "two"):
            house.a.reply(status(429, retry_after=20), key=key)
        house.ask()
    if what == "a request may wait":
        house.p.replace(house.config.replace("wait: 1s", "wait: 60s"))
        equal(house.p.admin("POST", "/admin/reload").status, 200, "the status of the reload")
    told = explain(house.p, model="m", path="/v1/messages", key="user")
    equal(told["decision"], "route", "the decision")
    if what == "a request may wait":
        equal((told["status"], bool(told["waits_for"])), (200, True), "the status")
    else:
        answer = house.ask()
        equal(told["status"], answer.status, "the status")
        if what == "all are drained":
            equal(told["message"], answer.json()["error"]["message"], "the message")
        else:
            contains(told["message"], "out of quota or rests", "the message")
    equal(any(tier["available"] for tier in told["tiers"]), False, "whether anybody is available")
    expect(all(tier["obstacle"] for tier in told["tiers"]), "an obstacle", told["tiers"])


@check("no secret of the request's headers is repeated")
def _(lab):
    up = lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{a: {up.declare("anthropic")}}}
rules: [{{name: all, models: ["*"], when: "request.headers['x-secret-key'] == 'hidden-value' && key.name == 'user'", tiers: [a]}}]
""")
    answer = p.admin("POST", "/admin/explain", {"model": "m", "headers": {"x-secret-key": "header-value"}, "key": USER_KEY})
    equal(answer.status, 200, "the status")
    expect("header-value" not in answer.text and USER_KEY not in answer.text, "neither the header nor the key", answer.text)
    contains(answer.text, "<redacted>", "what stands in its place")
