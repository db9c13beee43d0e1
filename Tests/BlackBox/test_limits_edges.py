"""Limits: what refusals cost and who hears of them, which buckets there are, what a request is reserved for on its second way."""

import json

from check_config import GOOD, Checked
from checks import check, contains, equal, eventually, expect
from dialects import ANTHROPIC, DIALECTS
from harness import served
from limits import BOB, CAROL, PRICE, Gate, begin, costs, house, key_id, limited, refused, reload, row, rows, settled, steer
from upstream import endless, hang, status, whole

# ---------------------------------------------------------------- tiers that are too dear

DEAR = [f"dear-{i}" for i in range(14)]


@check("tiers that are too dear cost no retry: after a failure and fourteen of them the last that is cheap is asked")
def _(lab):
    text = house("budget_total: 100 USD", models=()).replace("prices: {", "prices: {" + ", ".join(f"{model}: {PRICE}" for model in DEAR))
    tiers = ", ".join(f"claude/{model}" for model in ("claude-test", *DEAR, "cheap"))
    p, up = lab.simple(text, rules=f"\n- {{name: all, tiers: [{tiers}]}}")
    up.reply(status(529), model="claude-test")
    served(p.ask(max_tokens=400))
    equal(up.models(), ["claude-test", "cheap"], "the models asked for")


@check("a request that a cheaper tier serves is not counted as refused; one that nobody serves is, once")
def _(lab):
    text = house("budget_total: 100 USD", models=("dear",))
    p, _up = lab.simple(text, rules="\n- {name: both, models: [both], tiers: [claude/dear, claude/cheap]}\n- {name: dear, tiers: [claude/dear]}")
    counted = 'proxyd_limit_refusals_total{limit="team.budget_total"}'
    served(p.ask(model="both", max_tokens=400))
    expect(counted not in p.admin("GET", "/metrics").text, "no refusal counted for what was served")
    refused(p.ask(model="dear", max_tokens=400), "team.budget_total")
    contains(p.admin("GET", "/metrics").text, f"{counted} 1\n", "metrics")


@check("a stream that a block ends is counted among the limit's refusals")
def _(lab):
    p, up = limited(lab, "requests_per_day: 100")
    up.reply(endless(ANTHROPIC.begin("claude-test"), ANTHROPIC.words("x")))
    connection = begin(p, stream=True)
    connection.stream().next()
    equal(steer(p, "team.requests_per_day", "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
    eventually(
        lambda: 'proxyd_limit_refusals_total{limit="team.requests_per_day"} 1\n' in p.admin("GET", "/metrics").text, "one refusal counted"
    )


@check("a limit that cannot be computed is warned of once a minute, however many requests it refuses")
def _(lab):
    p, _up = limited(lab, entries="""- {name: odd one, per: 'request.headers["x-team"]', requests_per_day: 100}""")
    for _ in range(20):
        refused(p.ask(), "odd one")
    p.wait_log("could not be computed")
    equal(p.output().count("could not be computed"), 1, "warnings")
    contains(p.admin("GET", "/metrics").text, 'proxyd_limit_refusals_total{limit="odd one"} 20\n', "metrics")


# ---------------------------------------------------------------- which buckets there are


@check("of many limits that apply to one request each stands where it stood after a kill; one for which there is no room refuses by its name")
def _(lab):
    entries = "\n".join(f"- {{name: limit {i}, per: '\"all\"', requests_per_day: 1000}}" for i in range(100))
    p, _up = limited(lab, "requests_per_day: 1000", entries)
    served(p.ask())
    served(p.ask())
    p.restart(hard=True)
    told = {one["limit"]: one["used"] for one in p.get("/admin/limits?count=1000")["limits"]}
    equal(told, {"team.requests_per_day": 2, **{f"limit {i}": 2 for i in range(100)}}, "what is used of each")
    more = "\n".join(f"- {{name: more {i}, per: '\"all\"', requests_per_day: 1000}}" for i in range(200))
    q, _up = limited(lab, "requests_per_day: 1000", entries + "\n" + more)
    refused(q.ask(), "more 155")


@check("a request that is refused makes no bucket of any limit, and pushes none out")
def _(lab):
    p, up = limited(lab, "requests_per_minute: 1", "- {name: session, per: request.session, budget_total: 5000 USD}")
    served(p.ask(headers={"x-proxyd-session": "first"}))
    for i in range(20):
        refused(p.ask(headers={"x-proxyd-session": f"s{i}"}), "team.requests_per_minute")
    equal([one["bucket"] for one in rows(p, limit="session")], ["first"], "the buckets of the session limit")
    equal(len(up.requests), 1, "requests at the upstream")


@check("{call}: a bucket of an entry is taken whether somebody has used it or not, also after a restart", rows=["reset", "unblock"])
def _(lab, call):
    p, _up = limited(lab, entries="- {name: session, per: request.session, requests_per_day: 9}")
    served(p.ask(headers={"x-proxyd-session": "used"}))
    settled(p, "session", 1, bucket="used")
    for _ in range(2):
        equal(steer(p, "session", call, bucket="unused").status, 200, "the status for a bucket that nobody has used")
        equal(steer(p, "session", call, bucket="used").status, 200, "the status for the bucket that is used")
        p.restart()
        served(p.ask(headers={"x-proxyd-session": "used"}))


@check("a key that has asked nothing has all of its policy's limits: bucket= its id, key= with limit=")
def _(lab):
    p, _up = limited(lab, "requests_per_minute: 5, budget_per_day: 10 USD")
    mine = key_id(p)
    for query, titles in (
        (f"bucket={mine}", ["team.requests_per_minute", "team.budget_per_day"]),
        (f"key={mine}&limit=team.requests_per_minute", ["team.requests_per_minute"]),
        (f"bucket={mine}&limit=team.requests_per_minute", ["team.requests_per_minute"]),
    ):
        told = p.get(f"/admin/limits?{query}")["limits"]
        equal(sorted(one["limit"] for one in told), sorted(titles), f"the limits of {query}")
        for one in told:
            equal((one["bucket"], one["used"], one["remaining"]), (mine, 0, one["max"]), f"{one['limit']} of {query}")


@check("a key whose first request is refused is told of, with nothing used")
def _(lab):
    p, _up = limited(lab, "budget_per_day: 1 USD")
    refused(p.ask(), "team.budget_per_day")
    told = row(p, "team.budget_per_day")
    equal((told["bucket"], told["used"], told["remaining"]), (key_id(p), 0, 1), "bucket, used and remaining")


@check("an entry that is called like a policy is meant by its name")
def _(lab):
    p, _up = limited(lab, "requests_per_day: 5", "- {name: team, per: key.name, requests_per_day: 5}")
    served(p.ask())
    equal([one["bucket"] for one in p.get("/admin/limits?limit=team")["limits"]], ["user"], "the buckets")
    for call, status in (("block", 429), ("unblock", 200), ("reset", 200)):
        equal(steer(p, "team", call, bucket="user").status, 200, f"the status of {call}")
        equal(p.ask().status, status, f"the status after {call}")


@check("after a restart a blocked limit is called as before")
def _(lab):
    p, _up = limited(lab, "requests_per_day: 5, budget_per_day: 10 USD")
    equal(steer(p, "team.requests_per_day", "block", bucket="user").status, 200, "the status of block")
    for _ in range(2):
        answer = p.ask()
        equal((answer.status, answer.header("x-proxyd-limit")), (429, "team.requests_per_day"), "status and x-proxyd-limit")
        contains(answer.text, "'team.requests_per_day'", "the message")
        p.restart()


@check("a Gemini client without alt=sse gets a limit's refusal as the one element of its array")
def _(lab):
    p, _up = limited(lab, "requests_per_day: 1")
    served(p.ask())
    path = "/v1beta/models/gemini-test:streamGenerateContent"
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    for query, is_list in (("", True), ("?alt=sse", False)):
        answer = p.send("POST", path + query, body)
        equal(answer.status, 429, f"the status of {query!r}")
        told = answer.json()
        equal(isinstance(told, list), is_list, f"whether {query!r} gives a list")
        equal((told[0] if is_list else told)["error"]["status"], "RESOURCE_EXHAUSTED", "the status in the error")


@check("a budget that is spent refuses models without a price too, a price of nothing goes on")
def _(lab):
    p, up = limited(lab, "budget_per_day: 500 USD")
    reload(p, ("prices: {", "prices: {claude-free: {input: 0, output: 0}, "))
    served(p.ask(model="claude-odd"))
    up.reply(costs(1000))
    served(p.ask())
    settled(p, "team.budget_per_day", 500)
    refused(p.ask(model="claude-odd"), "team.budget_per_day")
    served(p.ask(model="claude-free"))


@check("a budget that is spent refuses a batch of models without a price, too")
def _(lab):
    p, up = limited(lab, "budget_per_day: 500 USD")
    up.reply(costs(1000))
    served(p.ask())
    settled(p, "team.budget_per_day", 500)
    params = {"model": "claude-odd", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    refused(p.send("POST", "/v1/messages/batches", {"requests": [{"custom_id": "a", "params": params}]}), "team.budget_per_day")
    equal(len(up.requests), 1, "requests at the upstream")


@check("a limit's when asks what limits above it have left")
def _(lab):
    entries = """- {name: soft, per: key.id, requests_per_day: 4}
- {name: hard, per: '"all"', when: 'limit("soft") < 0.6', requests_per_day: 1}"""
    p, _up = limited(lab, entries=entries)
    for _ in range(3):
        served(p.ask())
    refused(p.ask(), "hard")


@check("--check-config tells of a limit that asks for itself or for one below it, with its place")
def _(lab):
    for asked in ("one", "two"):
        entries = (
            f"usage_limits:\n  - name: one\n    per: key.id\n    when: 'limit(\"{asked}\") < 0.5'\n    requests_per_day: 1\n"
            "  - name: two\n    per: key.id\n    requests_per_day: 1\n"
        )
        checked = Checked(lab, GOOD + entries).bad()
        contains(" ".join(message for *_, message in checked.errors), f"'{asked}'", "the errors")
        equal([line for line, *_ in checked.errors], [14], "the lines of the errors")


@check("{call}: a key of another policy has no bucket of the limit: 404, and its own limits stay", rows=["reset", "block", "unblock"])
def _(lab, call):
    text = house("requests_per_day: 1").replace("default: {}", "default: {requests_per_day: 1}")
    p, _up = lab.simple(text)
    served(p.ask()), served(p.ask(key=CAROL))
    for limit in ("default", "default.requests_per_day"):
        equal(steer(p, limit, call, bucket=key_id(p)).status, 404, "the status for a key of another policy")
    equal(steer(p, "team", call, bucket=key_id(p, "carol")).status, 404, "the status for a key without the policy")
    refused(p.ask(), "team.requests_per_day"), refused(p.ask(key=CAROL), "default.requests_per_day")


@check("reset: a key that was refused before a restart asks again after it")
def _(lab):
    p, up = limited(lab, "requests_per_minute: 1, budget_total: 500 USD")
    up.reply(costs(1000))
    served(p.ask())
    settled(p, "team.budget_total", 500)
    p.restart(hard=True)
    equal(steer(p, "team", "reset", bucket="user").status, 200, "the status of reset")
    served(p.ask())
    settled(p, "team.budget_total", 500)


@check("reset of one number: the others of its kind stand, also after a restart ({name})", rows=["requests_per_minute", "budget_per_day"])
def _(lab, name):
    numbers, costs_of = {
        "requests_per_minute": ("requests_per_minute: 1, requests_per_day: 1", 0),
        "budget_per_day": ("budget_per_day: 500 USD, budget_total: 600 USD", 1000),
    }[name]
    other = numbers.split(", ")[1].partition(":")[0]
    p, up = limited(lab, numbers)
    if costs_of:
        up.reply(costs(costs_of))
    served(p.ask())
    eventually(lambda: row(p, f"team.{other}")["reserved"] == 0, "nothing reserved")
    used = row(p, f"team.{other}")["used"]
    equal(steer(p, f"team.{name}", "reset", bucket="user").status, 200, "the status of reset")
    for _ in range(2):
        equal([one["used"] for one in rows(p, limit=f"team.{name}")], [0], f"used of {name}")
        equal(row(p, f"team.{other}")["used"], used, f"used of {other}")
        p.restart()
    refused(p.ask(max_tokens=400), f"team.{other}")


@check("reset, then a kill: the last minute of the journal does not bring back what was reset")
def _(lab):
    p, up = limited(lab, "requests_per_minute: 1, tokens_per_minute: 1000")
    up.reply(costs(1000))
    served(p.ask()), served(p.ask(key=BOB))
    equal(steer(p, "team", "reset", bucket="user").status, 200, "the status of reset")
    p.restart(hard=True)
    equal([one for one in rows(p, bucket=key_id(p)) if one["used"]], [], "limits of which the key has used something")
    equal([one["used"] for one in rows(p, bucket=key_id(p, "bob"))], [1, 1000], "what another key has used")
    equal(p.ask(key=BOB).status, 429, "the status for it")
    served(p.ask())


@check("a limit goes by what an alias stands for, as rules do; by the name of one that is a rule of its own")
def _(lab):
    entries = """
- {name: one, per: '"all"', when: 'request.model == "claude-test"', requests_per_day: 2}
- {name: own, per: request.model, when: 'request.model == "up"', requests_per_day: 1}"""
    p, up = limited(lab, "requests_per_day: 9", entries, "models: {fast: {to: claude-test}, up: {to: claude/claude-test}}")
    served(p.ask(model="fast"))
    served(p.ask())
    refused(p.ask(model="fast"), "one")
    equal(row(p, "one")["used"], 2, "used")
    told = p.admin("POST", "/admin/explain", {"key": "user", "model": "fast"}).json()
    equal([one["fits"] for one in told["limits"] if one["limit"] == "one"], [False], "what explain says of it")
    served(p.ask(model="up"))
    refused(p.ask(model="up"), "own")
    equal(len(up.requests), 3, "requests at the upstream")


@check("GET /admin/limits?key= tells of the policy's limits, used or not, and of entries' buckets of the key's id")
def _(lab):
    entries = "- {name: mine, per: key.id, requests_per_day: 9}\n- {name: named, per: key.name, requests_per_day: 9}"
    p, _up = limited(lab, "requests_per_day: 5", entries)
    served(p.ask())

    def picked(key):
        return [(one["limit"], one["used"]) for one in p.get(f"/admin/limits?key={key}")["limits"]]

    equal(picked("user"), [("team.requests_per_day", 1), ("mine", 1)], "the limits of a key that asked")
    equal(picked("bob"), [("team.requests_per_day", 0)], "the limits of one that did not")


# ---------------------------------------------------------------- another way


@check("on_exhausted: what the answer may be is reckoned by the new route, not by what the old rule sets")
def _(lab):
    entry = "- {name: dear, per: key.id, requests_per_day: 1, on_exhausted: {tiers: [claude/claude-cheap]}}"
    p, up = limited(lab, "tokens_per_day: 1M", entry, rules="\n- {name: all, tiers: [claude], set: {max_tokens: 5}}")

    def reserved():
        gate = Gate(whole(ANTHROPIC.whole("claude-test")))
        up.reply(gate)
        asked = len(up.requests)
        connection = begin(p, max_tokens=1000)
        up.wait(asked + 1)
        told = row(p, "team.tokens_per_day")["reserved"]
        gate.open()
        served(connection.answer())
        return told

    first, second = reserved(), reserved()
    equal([(one.model, one.fields["max_tokens"]) for one in up.requests], [("claude-test", 5), ("claude-cheap", 1000)], "what was asked")
    equal(second - first, 995, "tokens reserved more for the answer that may have 1000 than for the one that may have 5")


@check("what may be written to a cache for {ttl} is reserved at the price of that", rows=["5m", "1h"])
def _(lab, ttl):
    text = house("tokens_per_day: 1M, budget_total: 1000000 USD").replace("cache_write: 625000", "cache_write: 625000, cache_write_1h: 1000000")
    p, up = lab.simple(text)
    gate = Gate(whole(ANTHROPIC.whole("claude-test")))
    up.reply(gate)
    connection = begin(p, text=[{"type": "text", "text": "word " * 1000, "cache_control": {"type": "ephemeral", "ttl": ttl}}], max_tokens=64)
    up.wait(1)
    tokens, money = (row(p, f"team.{number}")["reserved"] for number in ("tokens_per_day", "budget_total"))
    gate.open()
    served(connection.answer())
    equal(money, (tokens - 64) * (0.625 if ttl == "5m" else 1) + 64, "USD reserved")


# ---------------------------------------------------------------- what answers tell that come early

EARLY = ("a coding that nobody reads", "the model list", "a body that is no JSON", "a model that is not allowed")
KNOWN = {  # an entry tighter than the policy -> for which early answers it can be known; the others tell of the policy alone
    "per: key.id": EARLY,
    "per: key.id, when: request.model != 'other'": EARLY,
    """per: 'request.headers["x-team"]'""": EARLY[1:],
    "per: request.session": EARLY[1:],
    "per: key.id, when: request.messages > 0": EARLY[3:],
}
STATUS = dict(zip(EARLY, (415, 200, 400, 403)))
FIELDS = {"x-proxyd-session": "s", "x-team": "t"}


def early(p, dialect, what):
    """An answer that comes before the limits of the request are looked for."""
    path = DIALECTS[dialect].path
    if what == "a coding that nobody reads":
        return p.send("POST", path, b"\0" * 64, headers={**FIELDS, "Content-Encoding": "br"})
    if what == "the model list":
        return p.send("GET", "/v1/models", headers={**FIELDS, **({"anthropic-version": "2023-06-01"} if dialect == "anthropic" else {})})
    if what == "a body that is no JSON":
        return p.send("POST", path, b'{"model":', headers=FIELDS)
    return p.ask(dialect, "o3", headers=FIELDS)


@check(
    "{dialect}, {entry}: {what} tells of the tightest limit that can be known to apply",
    rows=[(d, e, w) for d in ("anthropic", "openai") for e in KNOWN for w in EARLY],
)
def _(lab, dialect, entry, what):
    policy = "requests_per_minute: 50, models: [claude-test, gpt-test]"
    p, _up = limited(lab, policy, f"- {{name: tight, {entry}, requests_per_minute: 7}}")
    name = "anthropic-ratelimit-requests-limit" if dialect == "anthropic" else "x-ratelimit-limit-requests"
    equal(served(p.ask(dialect, headers=FIELDS)).header(name), "7", f"{name} of an answer")
    answer = early(p, dialect, what)
    equal(answer.status, STATUS[what], "the status")
    equal(answer.header(name), "7" if what in KNOWN[entry] else "50", name)


THINKS = {  # the client, its request, where it goes -> the most the answer may be, thoughts among it
    "an effort before an Anthropic upstream": ("openai", {"max_completion_tokens": 700, "reasoning_effort": "high"}, "claude/claude-sonnet-4-5", 25_276),
    "an effort before a Gemini upstream": ("openai", {"max_completion_tokens": 700, "reasoning_effort": "high"}, "gemini/gemini-2.5-flash", 25_276),
    "a budget before a Gemini upstream": (
        "anthropic", {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1500}}, "gemini/gemini-2.5-flash", 3500),
    "an effort before an Anthropic upstream, capped by the tier": (
        "openai", {"max_completion_tokens": 700, "reasoning_effort": "high"}, "{upstream: claude, model: claude-sonnet-4-5, max_tokens: 4000}", 4000),
}  # fmt: skip


@check("room that is made for thoughts is reserved too, and refused where it is not there: {what}", rows=list(THINKS))
def _(lab, what):
    dialect, fields, tier, most = THINKS[what]
    p, up = limited(lab, "tokens_per_day: 30k", rules=f"- {{tiers: [{tier}]}}", more="usage: {assumed_output: 100}")
    up.reply(hang)
    held = begin(p, dialect, **fields)
    (asked,) = up.wait(1)
    sent = asked.fields.get("max_tokens") or asked.fields["generationConfig"]["maxOutputTokens"]
    equal(sent, most, "what the upstream is asked for")
    tokens = row(p, "team.tokens_per_day")["reserved"]
    expect(most < tokens <= most + len(DIALECTS[dialect].request(**fields)), f"{most} and some tokens of input", tokens)
    held.close()
    eventually(lambda: row(p, "team.tokens_per_day")["reserved"] == 0, "nothing reserved")
    question = {"key": "user", "path": DIALECTS[dialect].path, "body": json.loads(DIALECTS[dialect].request(**fields))}
    equal([one["needed"] for one in p.admin("POST", "/admin/explain", question).json()["limits"]], [tokens], "what an explanation says it needs")
    reload(p, ("tokens_per_day: 30k", f"tokens_per_day: {most - 1}"))
    refused(p.ask(dialect, **fields), "team.tokens_per_day", dialect)
    equal((len(up.requests), row(p, "team.tokens_per_day")["reserved"]), (1, 0), "requests at the upstream, tokens that are reserved")
