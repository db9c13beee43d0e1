"""Limits: which apply to a request and in which bucket, what is reserved for it, what it comes to, and that all is given back."""

import json

from check_config import GOOD, Checked, edited
from checks import check, contains, equal, eventually, expect, one_of
from dialects import ANTHROPIC
from harness import USER_KEY, served
from limits import (
    BOB, CAROL, COST, ROOMY, TOKENS, WHAT, Gate, begin, costs, house, key_id, limited, refused, row, rows, settled, stand, taken
)  # fmt: skip
from upstream import hang, status, whole

# ---------------------------------------------------------------- each number

MOST = {"requests": ("1", 1, 1), "tokens": ("1000", 1000, 1000), "cost": ("500 USD", 500, 503.5)}  # as written, max, then used
FORMS = {"policy": "team.{}", "entry": "the limit"}


def _with(lab, form, numbers, more=""):
    """proxyd with these numbers in the policy `team`, or as an entry over keys."""
    return limited(lab, numbers, more=more) if form == "policy" else limited(
        lab, entries=f"- {{name: the limit, per: key.id, {numbers}}}", more=more
    )  # fmt: skip


@check("{form}: {number} lets through what fits and no more, for each key by itself", rows=[(f, n) for f in FORMS for n in WHAT])
def _(lab, form, number):
    kind, window = WHAT[number]
    written, most, used = MOST[kind]
    p, up = _with(lab, form, f"{number}: {written}")
    name = FORMS[form].format(number)
    up.reply(costs(993, 7))
    served(p.ask())
    told = settled(p, name, used, bucket=key_id(p))
    equal((told["kind"], told["window"], told["max"], told["remaining"]), (kind, window, most, 0), "kind, window, max, remaining")
    equal(told["blocked_until"], None, "blocked_until")
    for _ in range(2):
        refused(p.ask(), name)
    equal(len(up.requests), 1, "requests at the upstream")
    served(p.ask(key=BOB), "the answer to another key")
    settled(p, name, used, bucket=key_id(p, "bob"))
    settled(p, name, used, bucket=key_id(p))


@check("{form}: concurrent_requests lets so many be in flight, and the next as soon as one has ended", rows=list(FORMS))
def _(lab, form):
    p, up = _with(lab, form, "concurrent_requests: 2")
    name = FORMS[form].format("concurrent_requests")
    gate = Gate(whole(ANTHROPIC.whole("claude-test")))
    up.reply(gate)
    first, second = begin(p), begin(p)
    up.wait(2)
    told = row(p, name)
    equal((told["kind"], told["max"], taken(told), told["remaining"]), ("concurrency", 2, 2, 0), "kind, max, taken, remaining")
    refused(p.ask(), name)
    gate.open()
    served(first.answer()), served(second.answer())
    for _ in range(5):
        served(p.ask())
    equal(taken(row(p, name)), 0, "what is in flight at the end")


@check("a key that was made has its policy's limits, its id is the bucket")
def _(lab):
    p, _up = limited(lab, "requests_per_day: 1")
    made = p.create_key("made", policy="team")
    served(p.ask(key=made["api_key"]))
    refused(p.ask(key=made["api_key"]), "team.requests_per_day")
    equal(row(p, "team.requests_per_day", bucket=made["id"])["used"], 1, "used by the key that was made")


@check("a key without a policy has the limits of `default`, one of another policy has none of them")
def _(lab):
    p, _up = lab.simple(house("requests_per_day: 2").replace("default: {}", "default: {requests_per_day: 1}"))
    served(p.ask(key=CAROL))
    refused(p.ask(key=CAROL), "default.requests_per_day")
    served(p.ask()), served(p.ask())
    refused(p.ask(), "team.requests_per_day")


# ---------------------------------------------------------------- which bucket


@check('per: key.tags["team"]: the keys of a team share a bucket, one without the tag is not limited')
def _(lab):
    p, _up = limited(lab, entries="""- {name: team budget, per: 'key.tags["team"]', requests_per_day: 2}""")
    mate = p.create_key("mate", tags={"team": "infra"})["api_key"]
    bare = p.create_key("bare", tags={"other": "infra"})["api_key"]
    empty = p.create_key("empty", tags={"team": ""})["api_key"]
    served(p.ask()), served(p.ask(key=mate))
    refused(p.ask(), "team budget"), refused(p.ask(key=mate), "team budget")
    served(p.ask(key=BOB), "another team's")
    for key in (CAROL, bare, empty):
        for _ in range(3):
            served(p.ask(key=key), "an answer that no team is limited in")
    equal({one["bucket"]: one["used"] for one in rows(p, limit="team budget")}, {"infra": 2, "web": 1}, "used by bucket")


@check("everybody: one bucket for all keys, only where `when` is true")
def _(lab):
    entry = """- {name: opus, per: '"everybody"', when: 'request.model.startsWith("claude-opus")', requests_per_day: 2}"""
    p, up = limited(lab, entries=entry)
    served(p.ask(model="claude-opus-4")), served(p.ask(model="claude-opus-5", key=CAROL))
    for key in (USER_KEY, BOB, CAROL):
        refused(p.ask(model="claude-opus-4", key=key), "opus")
        served(p.ask(model="claude-sonnet", key=key))
    equal([(one["bucket"], one["used"]) for one in rows(p, limit="opus")], [("everybody", 2)], "bucket and used")
    equal(len(up.requests), 5, "requests at the upstream")


PARTS = "- {name: session, per: request.session, requests_per_day: 1}"
USER_ID = f"user_{'0a' * 32}_account_0b7e_session_from-user-id"
SOURCES = {  # where a session comes from -> headers, members of the body; in order: the first that is there wins
    "x-claude-code-session-id": ({"x-claude-code-session-id": "from-claude-code"}, {}, "from-claude-code"),
    "metadata.user_id": ({}, {"metadata": {"user_id": USER_ID}}, "from-user-id"),
    "metadata.user_id as JSON": (
        {},
        {"metadata": {"user_id": json.dumps({"device_id": "d", "account_uuid": "", "session_id": "from-json"})}},
        "from-json",
    ),
    "session_id": ({"session_id": "from-session_id"}, {}, "from-session_id"),
    "session-id": ({"session-id": "from-session-id"}, {}, "from-session-id"),
    "prompt_cache_key": ({}, {"prompt_cache_key": "from-cache-key"}, "from-cache-key"),
    "x-proxyd-session": ({"X-Proxyd-Session": "from-proxyd"}, {}, "from-proxyd"),
}
CODEX = ("session_id", "session-id", "prompt_cache_key", "x-proxyd-session")
CLAUDE_CODE = ("x-claude-code-session-id", "metadata.user_id", "metadata.user_id as JSON", "session_id", "session-id", "x-proxyd-session")


@check(
    "{dialect}: request.session comes from {source}",
    rows=[("anthropic", s) for s in CLAUDE_CODE] + [(d, s) for d in ("responses", "openai") for s in CODEX],
)
def _(lab, dialect, source):
    headers, fields, session = SOURCES[source]
    p, _up = limited(lab, entries=PARTS)
    served(p.ask(dialect, headers=headers, **fields))
    equal([one["bucket"] for one in rows(p, limit="session")], [session], "the bucket")
    refused(p.ask(dialect, headers=headers, **fields), "session", dialect)
    served(p.ask(dialect), "an answer outside of the session")


@check(
    "{dialect}: {source} comes before all that follows it as request.session",
    rows=[("anthropic", s) for s in CLAUDE_CODE[:-1]] + [("responses", s) for s in CODEX[:-1]],
)
def _(lab, dialect, source):
    order = CLAUDE_CODE if dialect == "anthropic" else CODEX
    headers, fields = {}, {}
    for later in reversed(order[order.index(source) :]):
        headers.update(SOURCES[later][0])
        fields.update(SOURCES[later][1])
    p, _up = limited(lab, entries=PARTS)
    served(p.ask(dialect, headers=headers, **fields))
    equal([one["bucket"] for one in rows(p, limit="session")], [SOURCES[source][2]], "the bucket")


NO_SESSION = {
    "nothing": {},
    "a user_id of other people": {"metadata": {"user_id": "somebody@example.com"}},
    "a user_id of JSON without session_id": {"metadata": {"user_id": '{"device_id":"d"}'}},
    "a user_id of JSON whose session_id is no text": {"metadata": {"user_id": '{"session_id":{"a":[1]}}'}},
    "a user_id of broken JSON": {"metadata": {"user_id": '{"session_id":"x'}},
    "a user_id that is no text": {"metadata": {"user_id": 5}},
    "metadata that are none": {"metadata": "_session_x"},
}


@check("{what} names no session: the limit does not apply", rows=list(NO_SESSION))
def _(lab, what):
    p, _up = limited(lab, entries=PARTS)
    for _ in range(2):
        served(p.ask(**NO_SESSION[what]))
    equal(rows(p, limit="session"), [], "buckets of the session limit")


@check("request.{variable} comes from {header}", rows=[("agent", "x-claude-code-agent-id"), ("parent_agent", "x-claude-code-parent-agent-id")])
def _(lab, variable, header):
    p, _up = limited(lab, entries=f"- {{name: agents, per: request.{variable}, requests_per_day: 1}}")
    served(p.ask(headers={header: "a1"}))
    refused(p.ask(headers={header: "a1"}), "agents")
    served(p.ask(headers={header: "a2"}))
    for _ in range(2):
        served(p.ask(), "an answer without an agent")
    equal(sorted(one["bucket"] for one in rows(p, limit="agents")), ["a1", "a2"], "the buckets")


@check("rules see request.session, request.agent and request.parent_agent, the empty text where they are unknown")
def _(lab):
    rules = """
- {name: marked, when: 'request.session == "s" && request.agent == "a" && request.parent_agent == "p"', tiers: [claude/marked]}
- {name: bare, when: 'request.session == "" && request.agent == "" && request.parent_agent == ""', tiers: [claude/bare]}"""
    p, up = limited(lab, rules=rules)
    served(p.ask(headers={"x-proxyd-session": "s", "x-claude-code-agent-id": "a", "x-claude-code-parent-agent-id": "p"}))
    served(p.ask())
    equal(up.models(), ["marked", "bare"], "the models asked for")


# ---------------------------------------------------------------- on_exhausted, limit()


@check("on_exhausted: {mode}, a request over the limit goes to its tiers instead of a refusal", rows=["whole", "streamed"])
def _(lab, mode):
    p, up = limited(lab, "requests_per_day: 4", "- {name: dear, per: key.id, requests_per_day: 2, on_exhausted: {tiers: [claude/claude-cheap]}}")
    for _ in range(4):
        served(p.ask(stream=mode == "streamed"))
    equal(up.models(), ["claude-test", "claude-test", "claude-cheap", "claude-cheap"], "the models asked for")
    refused(p.ask(stream=mode == "streamed"), "team.requests_per_day")
    equal(len(up.requests), 4, "requests at the upstream")


@check("on_exhausted: the other limits count what its tiers do, the limit itself stays as it is, also after a failure and a client that left")
def _(lab):
    entry = "- {name: dear, per: key.id, requests_per_day: 1, on_exhausted: {tiers: [claude/claude-test]}}"
    p, up = limited(lab, ROOMY, entry, more="fallback: {enabled: false}")
    for i in range(1, 4):
        served(p.ask())
        stand(p, i, i * TOKENS, i * COST)
    up.reply(status(529))
    equal(p.ask().status, 529, "the status")
    stand(p, 3, 3 * TOKENS, 3 * COST)
    up.reply(hang)
    connection = begin(p)
    up.wait(5)
    connection.abort()
    eventually(lambda: not any(one["reserved"] for one in rows(p)), "nothing reserved of any limit")
    equal([taken(row(p, name)) for name in ("dear", "team.concurrent_requests")], [1, 0], "taken of the limit, and in flight")


@check("on_exhausted: its tiers are tried in order, as a rule's are")
def _(lab):
    ups = [lab.upstream() for _ in range(3)]
    declared = "".join(f"\n  t{i}: {up.declare()}" for i, up in enumerate(ups, 1))
    entry = "- {name: dear, per: key.id, requests_per_day: 1, on_exhausted: {tiers: [t2/cheap, t3/cheaper]}}"
    p = lab.proxyd(f"upstreams:{declared}\nrules: [{{name: all, tiers: [t1]}}]\n{house(entries=entry)}")
    served(p.ask())
    ups[1].reply(status(529))
    equal(served(p.ask()).header("x-proxyd-upstream"), "t3", "the upstream that answered")
    equal([up.models() for up in ups], [["claude-test"], ["cheap"], ["cheaper"]], "the models asked for")


LEFT = {
    "an entry": ("team budget", "", """- {name: team budget, per: 'key.tags["team"]', requests_per_day: 10}"""),
    "a policy": ("team.requests_per_day", "requests_per_day: 10", ""),
}


@check("limit(): rules see the share that is left of {what}, 1 where it does not apply", rows=list(LEFT))
def _(lab, what):
    name, policy, entries = LEFT[what]
    rules = f"""
- {{name: spare, when: 'limit("{name}") < 0.55', tiers: [claude/spare]}}
- {{name: full, when: 'limit("{name}") == 1.0', tiers: [claude/full]}}
- {{name: main, tiers: [claude/main]}}"""
    p, up = limited(lab, policy, entries, rules=rules)
    for _ in range(8):
        served(p.ask())
    one_of(up.models()[0], ("full", "main"), "the model of the first request")  # whether it sees itself is nobody's business
    equal(up.models()[1:4] + up.models()[5:], ["main"] * 3 + ["spare"] * 3, "the models of requests 2 to 4 and 6 to 8")
    for _ in range(6):
        served(p.ask(key=CAROL))
    equal(up.models()[8:], ["full"] * 6, "the models of a key that the limit does not apply to")


# ---------------------------------------------------------------- what fails

FAILING = {
    "per that reads a header that is not there": """per: 'request.headers["x-team"]'""",
    "per that divides by nothing": "per: string(1 / (request.messages - 1))",
    "per that reads what is no number": "per: string(int(request.model))",
    "per that overflows": "per: string(request.messages * 9223372036854775807 + 1)",
    "when that reads a header that is not there": """per: key.id, when: 'request.headers["x-team"] == "a"'""",
    "when that divides by nothing": "per: key.id, when: 1 / (request.messages - 1) == 1",
}


@check("a {what} refuses the request by that limit's name", rows=list(FAILING))
def _(lab, what):
    p, up = limited(lab, ROOMY, f"- {{name: odd one, {FAILING[what]}, requests_per_day: 100}}")
    for _ in range(2):
        refused(p.ask(), "odd one")
    equal(up.requests, [], "requests at the upstream")
    equal([one for one in rows(p) if taken(one)], [], "limits of which something is taken")


@check("a tag that a key lacks, in an expression that does not fail for it, is the empty text")
def _(lab):
    p, _up = limited(lab, entries="""- {name: team day, per: 'key.tags["team"] + "/day"', requests_per_day: 1}""")
    served(p.ask(key=CAROL))
    served(p.ask())
    one_of(sorted(one["bucket"] for one in rows(p, limit="team day")), (["infra/day"], ["/day", "infra/day"]), "the buckets")


ENTRY = "usage_limits: [{{name: odd one, {}}}]"
WRONG = {  # what is in the file -> a part of the message
    "per that is no text": (ENTRY.format("per: request.size, requests_per_day: 1"), "per"),
    "per of an unknown variable": (ENTRY.format("per: request.sesion, requests_per_day: 1"), "sesion"),
    "per that does not parse": (ENTRY.format("per: 'request.session +', requests_per_day: 1"), "per"),
    "per that always divides by nothing": (ENTRY.format("per: string(1 / 0), requests_per_day: 1"), "per"),
    "no per": (ENTRY.format("requests_per_day: 1"), "per"),
    "no name": ("usage_limits: [{per: key.id, requests_per_day: 1}]", "name"),
    "when that is no truth value": (ENTRY.format("per: key.id, when: request.model, requests_per_day: 1"), "when"),
    "a number that nobody knows": (ENTRY.format("per: key.id, requests_per_dya: 1"), "requests_per_day"),
    "a negative number": (ENTRY.format("per: key.id, requests_per_day: -1"), "requests_per_day"),
    "a number that overflows": (ENTRY.format("per: key.id, tokens_per_day: 99999999999999999999"), "tokens_per_day"),
    "money without its currency": (ENTRY.format("per: key.id, budget_total: 20"), "budget_total"),
    "money that overflows": (ENTRY.format("per: key.id, budget_total: 99999999999999999999 USD"), "budget_total"),
    "a way to reserve that nobody knows": (ENTRY.format("per: key.id, requests_per_day: 1, reserve: some"), "reserve"),
    "on_exhausted with an unknown upstream": (
        ENTRY.format("per: key.id, requests_per_day: 1, on_exhausted: {tiers: [antigravty]}"),
        "antigravty",
    ),
    "a policy's number that overflows": ("policies: {default: {requests_per_day: 99999999999999999999}}", "requests_per_day"),
}


@check("--check-config tells of {what}", rows=list(WRONG))
def _(lab, what):
    text, part = WRONG[what]
    checked = Checked(lab, GOOD + text + "\n").bad()
    contains(" ".join(message for *_, message in checked.errors), part, "the errors")


@check("--check-config warns of a limit that holds for no request")
def _(lab):
    empty, never, fine = "per: '\"\"', requests_per_day: 1", "per: key.id, when: 1 > 2, requests_per_day: 1", "per: '\"all\"', requests_per_day: 1"
    for text, count in ((empty, 1), (never, 1), (fine, 0)):
        checked = Checked(lab, GOOD + ENTRY.format(text) + "\n").good()
        told = [message for *_, message in checked.warnings if "holds for no request" in message]
        equal(len(told), count, f"warnings of a limit with {text}")


@check("--check-config tells of limit() with the name of no limit, where there are others")
def _(lab):
    entry = "usage_limits: [{name: team budget, per: key.id, requests_per_day: 1}]\n"
    for name, errors in (("team budget", 0), ("team budgte", 1)):
        checked = Checked(lab, edited(GOOD, ('    models: ["*"]', f"    when: 'limit(\"{name}\") < 0.5'")) + entry)
        equal(len(checked.errors), errors, f"errors with limit({name!r})")
        expect(not errors or name in checked.text, f"{name!r} in the error", checked.text)


# ---------------------------------------------------------------- all or nothing

@check("a request that {which} of its limits refuses takes nothing of the others", rows=["the first", "a middle one", "the last"])
def _(lab, which):
    names = ["the first", "a middle one", "the last"]
    entries = "\n".join(f"- {{name: {n}, per: key.id, requests_per_day: {1 if n == which else 100}, tokens_per_day: 1M, concurrent_requests: 9}}" for n in names)
    p, up = limited(lab, ROOMY, entries)
    served(p.ask())
    stand(p, 1, TOKENS, COST)
    for _ in range(3):
        refused(p.ask(), which)
    stand(p, 1, TOKENS, COST)
    for name in names:
        for kind, used in (("requests", 1), ("tokens", TOKENS), ("concurrency", 0)):
            told = row(p, name, kind=kind)
            equal((told["used"], told["reserved"]), (used, 0), f"used and reserved of {name!r}, {kind}")
    equal(len(up.requests), 1, "requests at the upstream")
