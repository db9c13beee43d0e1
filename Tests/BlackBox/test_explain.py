"""explain, whole: quota that is pretended, another time, a file alone, and x-proxyd-explain beside an admin's key."""

import json

from checks import check, contains, equal, expect, lacks
from commands import remote, run
from dialects import ANTHROPIC
from harness import ADMIN_KEY, USER_KEY, served
from test_dashboard import page

VIEWER = "viewer-key-for-explain-0123456789"
CONFIG = """
upstreams:
  a: {a}
  b: {b}
rules:
  - {{name: night, models: ["claude-*"], when: "now.getHours('UTC') < 6", reject: {{status: 403, message: asleep}}}}
  - {{name: beta, models: ["claude-*"], when: "'x-team' in request.headers && request.headers['x-team'] == 'beta'", tiers: [b/other]}}
  - {{name: rest, models: ["claude-*"], tiers: [{{upstream: a, model: x, threshold: 20%}}, b/y]}}
"""
NOON = "2027-01-31T12:00:00Z"


def house(lab, **more):
    a, b = lab.upstream(), lab.upstream()
    return lab.proxyd(CONFIG.format(a=a.declare("anthropic", ("one", "two")), b=b.declare("openai")), **more), a, b


def asked(p, **described):
    answer = p.admin("POST", "/admin/explain", {"model": "claude-1", "key": "user", "at": NOON, **described})
    equal(answer.status, 200, f"the status ({answer.text[:200]})")
    return answer.json()


@check("quota that is pretended decides as quota that is known: {form}", rows=["an object of texts", "an object of numbers", "texts"])
def _(lab, form):
    p, a, b = house(lab)
    quota = {"an object of texts": {"a/x": "3%"}, "an object of numbers": {"a/x": 0.03}, "texts": ["a/x=3%"]}[form]
    told = asked(p, quota=quota)
    first, second = told["tiers"]
    equal((first["upstream"], first["available"], first["obstacle"]), ("a", False, "under its threshold"), "the first tier")
    for account in first["accounts"]:
        equal(account["reason"], "3% left, under the threshold of 20%", "why an account is passed over")
    equal((second["upstream"], second["accounts"][0]["chosen"]), ("b", True), "the second tier")
    equal(told["attempts"][0]["upstream"], "b", "who is asked first")
    equal(asked(p, quota={"a/x": "20%"})["attempts"][0]["upstream"], "a", "exactly the threshold is enough")
    equal(asked(p, quota={"a/x": None})["attempts"][0]["upstream"], "a", "unknown counts as enough")
    equal(asked(p, quota={"a/x": "0%"})["tiers"][0]["accounts"][0]["state"], "out_of_quota", "nothing left")
    equal(asked(p)["attempts"][0]["upstream"], "a", "nothing is kept of what was pretended")
    equal(len(a.requests) + len(b.requests), 0, "requests at the upstreams")


@check("what is no quota is refused by name: {what}", rows=["upstream", "share", "form"])
def _(lab, what):
    p, _a, _b = house(lab)
    quota, words = {
        "upstream": ({"aa/x": "3%"}, "no upstream is called 'aa' (did you mean 'a'?)"),
        "share": ({"a/x": "300%"}, "must be a share from 0% to 100%"),
        "form": ({"x": "3%"}, "quota is written"),
    }[what]
    answer = p.admin("POST", "/admin/explain", {"model": "claude-1", "quota": quota})
    equal(answer.status, 400, "the status")
    contains(answer.json()["error"]["message"], words, "the message")


@check("at is the time that rules see; headers and a body are what they read")
def _(lab):
    p, _a, _b = house(lab)
    told = asked(p, at="2027-01-31T03:00:00Z")
    equal((told["decision"], told["status"], told["rule"], told["message"]), ("reject", 403, "night", "asleep"), "at night")
    expect(told["at"].startswith("2027-01-31T"), "the time is told", told["at"])
    told = asked(p, headers={"X-Team": "beta"})
    equal(told["rule"], "beta", "the rule")
    when = told["rules"][1]["when"]
    equal((when["value"], [part["value"] for part in when["parts"]][:2]), (True, [True, True]), "the condition's parts")
    answer = p.admin("POST", "/admin/explain", {"body": {"model": "claude-9", "max_tokens": 7}, "key": "user", "at": NOON})
    equal((answer.json()["model"], answer.json()["request"]["max_tokens"]), ("claude-9", 7), "what the body says")
    chat = {"model": "gpt-4o", "messages": [{"role": "system", "content": "a"}], "max_completion_tokens": 7}
    told = p.admin("POST", "/admin/explain", {"body": chat, "key": "user", "at": NOON}).json()["request"]
    equal((told["path"], told["max_tokens"]), ("/v1/chat/completions", 7), "the path that a body is sent to, and what it says")
    body = {"model": "claude-9", "metadata": {"user_id": "user_1_account_2_session_three"}}
    headers = {"X-Claude-Code-Agent-Id": "agent-7"}
    told = p.admin("POST", "/admin/explain", {"request": {"headers": headers}, "body": body, "key": "user"}).json()
    equal((told["request"]["session"], told["request"]["agent"]), ("three", "agent-7"), "whose it is, by header and body")
    told = p.admin("POST", "/admin/explain", {"request": {"headers": headers, "agent": "mine"}, "body": body, "key": "user"}).json()
    equal(told["request"]["agent"], "mine", "the agent that is named")


@check("proxyd explain takes header, body, quota and time; with --offline nobody is asked")
def _(lab):
    p, a, b = house(lab)
    line = ("explain", "--model", "claude-1", "--key", "user", "--at", NOON)
    text = remote(p, *line, "--quota", "a/x=3%").good().out
    contains(text, "first to b/", "who is asked first")
    contains(text, "under the threshold of 20%", "why the first tier is passed over")
    contains(text, "a/x has 3% left", "what is pretended")
    contains(remote(p, *line, "--header", "X-Team: beta").good().out, "by rule 'beta'", "the rule by a header")
    equal(remote(p, *line, "--quota", "z/x=3%").code, 64, "the exit code of an upstream that there is not")
    offline = run(lab, *line, "--offline", "--config", p.config, "--quota", "a/x=3%", "--format", "json").good()
    told = json.loads(offline.out)
    equal((told["decision"], told["rule"], told["attempts"][0]["upstream"]), ("route", "rest", "b"), "what the file says")
    online = json.loads(remote(p, *line, "--quota", "a/x=3%", "--format", "json").good().out)
    equal(set(online) ^ set(told), set(), "members that differ")
    equal([t["obstacle"] for t in told["tiers"]], [t["obstacle"] for t in online["tiers"]], "obstacles")
    p.stop()
    text = run(lab, *line, "--offline", "--config", p.config).good().out
    contains(text, "by rule 'rest'", "the decision of a file that nobody runs")
    contains(text, "of the file alone", "what is not known")
    unknown = run(lab, "explain", "--model", "claude-1", "--key", "nobody", "--offline", "--config", p.config).good().out
    contains(unknown, "the file does not declare that key", "a key that is elsewhere")
    broken = lab.folder / "broken.yaml"
    broken.write_text("upstreams: 7\n")
    equal(run(lab, *line, "--offline", "--config", broken).code, 78, "the exit code of a broken file")
    equal(run(lab, *line, "--offline", "--admin", "http://127.0.0.1:1").code, 64, "the exit code of both")
    equal(run(lab, *line, "--offline", "--config", p.config, "--quota", "a=3%").code, 64, "the exit code of what is no quota")
    equal(len(a.requests) + len(b.requests), 0, "requests at the upstreams")


def question(p, *headers, key=USER_KEY, model="claude-1", path="/v1/messages"):
    body = {"model": model, "max_tokens": 7, "messages": [{"role": "user", "content": "hidden words"}]}
    shown = [("x-proxyd-explain", "true"), *headers] + ([("x-api-key", key)] if key else [])
    return p.send("POST", path, body, key=None, headers=shown)


ADMIN = ("authorization", f"Bearer {ADMIN_KEY}")


@check("x-proxyd-explain beside an admin's key: the answer is the explanation, nothing is sent and nothing booked")
def _(lab):
    p, a, b = house(lab)
    answer = question(p, ADMIN, ("x-team", "beta"))
    equal(answer.status, 200, f"the status ({answer.text[:300]})")
    told = answer.json()
    equal(told["key"]["name"], "user", "the client")
    equal((told["request"]["max_tokens"], told["request"]["path"], told["request"]["dialect"]), (7, "/v1/messages", "anthropic"), "the request")
    if told["decision"] == "route":
        equal((told["rule"], told["attempts"][0]["upstream"]), ("beta", "b"), "the decision")
    lacks(answer.text, "hidden words", "the answer")
    lacks(answer.text, ADMIN_KEY, "the answer")
    chat = question(p, ADMIN, path="/v1/chat/completions")
    equal((chat.status, chat.json()["request"]["dialect"]), (200, "openai"), "on another path")
    other = question(p, ADMIN, key="sk-nobody-knows-this-one")
    equal((other.status, other.json()["status"], other.json()["admission"]["allowed"]), (200, 401, False), "a key that is not known")
    none = question(p, ADMIN, key=None)
    equal((none.status, none.json()["status"]), (200, 401), "no key at all")
    equal(question(p, ADMIN, model="unheard-of").json()["decision"], "no_match", "a model that nobody serves")
    equal(len(a.requests) + len(b.requests), 0, "requests at the upstreams")
    equal(p.admin("GET", "/admin/requests").json()["requests"], [], "rows")


@check("x-proxyd-explain without an admin's key is a 403 that tells nothing, and nothing is sent: {shown}",
       rows=["nothing more", "a wrong key", "the client's own key", "a key that may read metrics alone"])
def _(lab, shown):
    a = lab.upstream()
    p = lab.proxyd(f"""
admin: {{keys: [{{name: ops, key: {ADMIN_KEY}, role: admin}}, {{name: prometheus, key: {VIEWER}, role: metrics}}]}}
upstreams: {{a: {a.declare("anthropic")}}}
rules: [{{name: all, models: ["*"], tiers: [a]}}]
""")
    headers = {
        "nothing more": [], "a wrong key": [("authorization", "Bearer wrong-key-wrong-key-wrong")],
        "the client's own key": [("authorization", f"Bearer {USER_KEY}")],
        "a key that may read metrics alone": [("authorization", f"Bearer {VIEWER}")],
    }[shown]
    answer = question(p, *headers)
    equal(answer.status, 403, "the status")
    equal(ANTHROPIC.error_of(answer)["type"], "permission_error", "the error in the client's words")
    for word in ("rules", "tiers", "upstream", "'a'"):
        lacks(answer.text, word, "the answer")
    equal(len(a.requests), 0, "requests at the upstream")


@check("a viewer's key may ask; the field never goes upstream, and false asks nothing")
def _(lab):
    a = lab.upstream()
    p = lab.proxyd(f"""
admin: {{keys: [{{name: ops, key: {ADMIN_KEY}, role: admin}}, {{name: eyes, key: {VIEWER}, role: viewer}}]}}
upstreams: {{a: {a.declare("anthropic")}}}
rules: [{{name: all, models: ["*"], tiers: [a]}}]
""")
    equal(question(p, ("authorization", f"Bearer {VIEWER}")).json()["decision"], "route", "what a viewer is told")
    equal(question(p, ("x-admin-key", VIEWER)).json()["decision"], "route", "the same by x-admin-key")
    equal(len(a.requests), 0, "requests at the upstream")
    served(p.ask("anthropic", "claude-1", headers=[("x-proxyd-explain", "false")]))
    names = [name.lower() for name, _value in a.requests[-1].headers]
    expect(not any(name.startswith("x-proxyd") for name in names), "fields that went upstream", names)


@check("the dashboard's box takes quota, time, headers and a body")
def _(lab):
    p, _a, _b = house(lab)
    ask = ("go explain", "write explain-model claude-1", "write explain-key user", f"write explain-at {NOON}")
    told = page(p, *ask, "write explain-quota a/x=3%", "submit describe")["shown"]["explained"]
    contains(told, "first to b / one", "the explanation")
    contains(told, "under its threshold", "the explanation")
    told = page(p, *ask, "write explain-headers X-Team: beta", "submit describe")["shown"]["explained"]
    contains(told, "by the rule “beta”", "the explanation")
    body = ("go explain", f"write explain-at {NOON}", 'write explain-body {"model":"claude-2","max_tokens":7}', "submit describe")
    contains(page(p, *body)["shown"]["explained"], "goes on by the rule “rest”", "the explanation of a body")
    contains(page(p, *ask, "write explain-quota x=3%", "submit describe")["shown"]["notice"], "quota is written", "the notice")
