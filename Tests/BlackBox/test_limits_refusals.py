"""Limits: what a refusal says in each client's dialect, and what every other answer says of the limits."""

import re
import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from checks import check, contains, equal, eventually, expect, lacks, one_of
from dialects import ANTHROPIC, DIALECTS, GEMINI, OPENAI
from harness import USER_KEY, served
from limits import BOB, CAROL, ROOMY, WHAT, begin, costs, house, key_id, limited, refused, rows, settled, steer
from upstream import hang, says, status, stream, whole

SPENT = {"requests": "1", "tokens": "1000", "cost": "500 USD"}  # what one answer of `costs(993, 7)` uses up


def _noon():
    """A time zone in which it is about noon, so that no day ends meanwhile."""
    behind = datetime.now(timezone.utc).hour - 12
    return f"Etc/GMT{behind:+d}" if behind else "UTC"


NOON = _noon()


def used_up(lab, number, form="policy", more=""):
    """proxyd with that limit used up by one answer; gives the limit's name too."""
    numbers = f"{number}: {SPENT[WHAT[number][0]]}"
    entries = f"- {{name: team budget, per: 'key.tags[\"team\"]', {numbers}}}"
    p, up = limited(lab, numbers, more=more) if form == "policy" else limited(lab, entries=entries, more=more)
    name = f"team.{number}" if form == "policy" else "team budget"
    up.reply(costs(993, 7))
    served(p.ask())
    settled(p, name, {"requests": 1, "tokens": 1000, "cost": 503.5}[WHAT[number][0]])
    return p, up, name


# ---------------------------------------------------------------- the body

NEVER_FITS = {"tokens": "tokens_per_day: 10", "cost": "budget_per_day: 10 USD"}
OPENAI_WORDS = {
    "requests": ("requests", "rate_limit_exceeded"),
    "tokens": ("tokens", "rate_limit_exceeded"),
    "cost": ("insufficient_quota", "insufficient_quota"),
    "concurrency": ("requests", "rate_limit_exceeded"),
}


@check(
    "{dialect}, {mode}: a refusal by a limit of {kind} is the dialect's 429, and the upstream hears nothing",
    rows=[(d, m, k) for d in DIALECTS for m in ("whole", "streamed") for k in OPENAI_WORDS],
)
def _(lab, dialect, mode, kind):
    numbers = NEVER_FITS.get(kind) or {"requests": "requests_per_day: 1", "concurrency": "concurrent_requests: 1"}[kind]
    p, up = limited(lab, numbers)
    name = f"team.{numbers.partition(':')[0]}"
    if kind == "requests":
        served(p.ask())
    elif kind == "concurrency":
        up.reply(hang)
        begin(p)
        up.wait(1)
    asked = len(up.requests)
    answer = begin(p, dialect, stream=mode == "streamed").answer()
    error = refused(answer, name, dialect)
    contains(answer.header("content-type") or "", "application/json", "the content type")
    contains(error["message"], f"the limit '{name}'", "the message")
    if dialect in ("openai", "responses"):
        equal((error["type"], error["code"]), OPENAI_WORDS[kind], "type and code")
    expect(answer.header("x-request-id"), "x-request-id", answer.headers)
    equal(len(up.requests), asked, "requests at the upstream")


@check("gemini: RetryInfo says what retry-after says")
def _(lab):
    p, _up = limited(lab, "requests_per_minute: 1")
    served(p.ask("gemini"))
    answer = p.ask("gemini")
    error = refused(answer, "team.requests_per_minute", "gemini")
    infos = [one for one in error.get("details", []) if one.get("@type") == "type.googleapis.com/google.rpc.RetryInfo"]
    equal([one["retryDelay"] for one in infos], [f"{answer.header('retry-after')}s"], "retryDelay")


@check("the message tells the limit, its window and bucket, what is used and needed and when it begins anew ({number})", rows=list(WHAT))
def _(lab, number):
    p, _up, name = used_up(lab, number, more=f"timezone: {NOON}")
    kind, window = WHAT[number]
    unit = " USD" if kind == "cost" else ""
    figure = r"\d+(?:\.\d+)?"
    used = r"503\.50?" if kind == "cost" else {"requests": "1", "tokens": "1000"}[kind]
    pattern = (
        rf"the limit '{re.escape(name)}' \({number} {SPENT[kind]}, [^)]+\) is used up: {used}{unit} used, {figure}{unit} needed"
        + ("" if window == "total" else r", begins anew (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d))$")
    )
    message = refused(p.ask(), name)["message"]
    found = re.search(pattern, message)
    expect(found, f"a message like {pattern}", message)
    if window == "total":
        lacks(message, "begins anew", "the message")
    else:
        anew = datetime.fromisoformat(found.group(1).replace("Z", "+00:00")).timestamp()
        low, high = ends(window)
        expect(low - 2 <= anew <= high + 2, f"that it begins anew at {low:.0f} to {high:.0f}", message)


def ends(window, seconds=60):
    """When a window that began at most `seconds` ago ends, earliest and latest, in the time zone NOON."""
    if window == "minute":
        return time.time() + 60 - seconds, time.time() + 60
    now = datetime.now(ZoneInfo(NOON))
    day = now.date() + timedelta(days=1)
    end = day if window == "day" else (now.date().replace(day=1) + timedelta(days=32)).replace(day=1)
    stamp = datetime(end.year, end.month, end.day, tzinfo=ZoneInfo(NOON)).timestamp()
    return stamp, stamp


@check("the message of the contract's example, in the configured time zone")
def _(lab):
    p, _up, name = used_up(lab, "budget_per_month", "entry", more="timezone: Asia/Singapore")
    message = refused(p.ask(), name)["message"]
    pattern = (
        r"the limit 'team budget' \(budget_per_month 500 USD, team infra\) is used up: 503\.50? USD used, "
        r"\d+(\.\d+)? USD needed, begins anew \d{4}-\d\d-01T00:00:00\+08:00$"
    )
    expect(re.search(pattern, message), f"a message like {pattern}", message)


@check("no refusal tells a key, another bucket or the upstream")
def _(lab):
    p, up, name = used_up(lab, "requests_per_day")
    served(p.ask(key=BOB))
    text = p.ask().raw_head.decode() + p.ask().text
    for secret in (USER_KEY, BOB, "bob", "provider-key-one", str(up.port)):
        lacks(text, secret, "the refusal")


ODD = {
    "quotes and backslashes": 'a"b\\c\\"',
    "other scripts": "gr\xfc\xdfe \u4f60\u597d \U0001f30a",
    "mark-up": "<script>alert(1)</script>",
    "two hundred bytes": "s" * 200,
}
ODDER = {
    "line breaks": "a\r\nx-evil: 1\r\n\r\n",
    "a zero byte": "a\0b",
    "nothing": "",
    "sixty thousand bytes": "s" * 60_000,
}


def _session(text):
    return {"metadata": {"user_id": f"user_1_account_2_session_{text}"}}


@check("a session of {what} is a bucket like any other, in the refusal, in the figures and for the stop button", rows=list(ODD))
def _(lab, what):
    p, _up = limited(lab, entries="- {name: session, per: request.session, requests_per_day: 1}")
    served(p.ask(**_session(ODD[what])))
    refused(p.ask(**_session(ODD[what])), "session")
    equal([one["bucket"] for one in rows(p, limit="session")], [ODD[what]], "the bucket")
    equal(steer(p, "session", "reset", bucket=ODD[what]).status, 200, "the status of reset")
    served(p.ask(**_session(ODD[what])))


@check("a session of {what} is a bucket or no session, and breaks nothing", rows=list(ODDER))
def _(lab, what):
    p, _up = limited(lab, entries="- {name: session, per: request.session, requests_per_day: 1}")
    served(p.ask(**_session(ODDER[what])))
    answer = p.ask(**_session(ODDER[what]))
    buckets = [one["bucket"] for one in rows(p, limit="session")]
    one_of(buckets, ([], [ODDER[what]]) if ODDER[what] else ([],), "the buckets")
    equal(answer.status, 429 if buckets else 200, "the status of the second request")
    equal(answer.header("x-evil"), None, "a header that the session made")
    expect(len(answer.raw_head) < 16_384, "a head of a head's size", len(answer.raw_head))
    served(p.ask(**_session("another")))


@check("a limit called {name} is told by a header that is one", rows=["équipe 你好", "a: b", "50%", "a/b", "a?b#c"])
def _(lab, name):
    p, _up = limited(lab, entries=f"- {{name: '{name}', per: key.id, requests_per_day: 1}}")
    served(p.ask())
    answer = p.ask()
    equal(answer.status, 429, "the status")
    equal(len(answer.all("x-proxyd-limit")), 1, "lines of x-proxyd-limit")
    contains(ANTHROPIC.error_of(answer)["message"], f"'{name}'", "the message")
    equal([one["limit"] for one in rows(p)], [name], "the limit in the figures")
    equal(steer(p, name, "reset", bucket=key_id(p)).status, 200, "the status of reset")
    served(p.ask())


# ---------------------------------------------------------------- the headers


@check("{form}, {number}: retry-after says when the request would fit, x-should-retry: false where that is far off", rows=[(f, n) for f in ("policy", "entry") for n in WHAT])
def _(lab, form, number):
    _kind, window = WHAT[number]
    begun = time.time()
    p, _up, name = used_up(lab, number, form, more=f"timezone: {NOON}")
    answer = p.ask()
    refused(answer, name)
    after = answer.header("retry-after")
    if window == "total":
        equal(after, None, "retry-after")
    else:
        expect(re.fullmatch(r"[1-9]\d*", after or ""), "retry-after in whole seconds", after)
        low, high = ends(window, time.time() - begun)
        wait = int(after) + time.time()
        expect(low - 2 <= wait <= high + 3, f"that it fits at {low:.0f} to {high:.0f}", f"in {after} s, at {wait:.0f}")
    equal(answer.header("x-should-retry") == "false", window != "minute", "x-should-retry: false")


@check("over a limit of concurrency there is no retry-after, and retrying is not spoken against")
def _(lab):
    p, up = limited(lab, "concurrent_requests: 1")
    up.reply(hang)
    begin(p)
    up.wait(1)
    answer = p.ask()
    refused(answer, "team.concurrent_requests")
    equal(answer.header("retry-after"), None, "retry-after")
    expect(answer.header("x-should-retry") != "false", "no x-should-retry: false", answer.headers)


UNFIT = {
    "tokens_per_minute": ("tokens_per_minute: 50", {}),
    "tokens_per_day": ("tokens_per_day: 50", {}),
    "tokens_per_month": ("tokens_per_month: 50", {}),
    "budget_per_day": ("budget_per_day: 50 USD", {}),
    "budget_per_month": ("budget_per_month: 50 USD", {}),
    "budget_total": ("budget_total: 50 USD", {}),
    "tokens_per_day, an immense max_tokens": ("tokens_per_day: 1000000000000", {"max_tokens": 9_223_372_036_854_775_807}),
    "budget_per_day, an immense max_tokens": ("budget_per_day: 1000000 USD", {"max_tokens": 9_223_372_036_854_775_807}),
}


@check("what can never fit is refused at once, without retry-after, with x-should-retry: false ({what})", rows=list(UNFIT))
def _(lab, what):
    numbers, fields = UNFIT[what]
    p, up = limited(lab, numbers)
    for _ in range(2):
        answer = p.ask(**fields)
        refused(answer, "team." + numbers.partition(":")[0])
        equal((answer.header("retry-after"), answer.header("x-should-retry")), (None, "false"), "retry-after, x-should-retry")
    equal(up.requests, [], "requests at the upstream")
    equal([one for one in rows(p) if one["used"] or one["reserved"]], [], "limits of which something is taken")
    served(p.ask(key=CAROL))


@check("where several limits refuse, retry-after is the time when all of them let it through")
def _(lab):
    p, _up = limited(lab, "requests_per_minute: 1, requests_per_day: 1", more=f"timezone: {NOON}")
    served(p.ask())
    answer = p.ask()
    refused(answer, "team.requests_per_day")
    expect(int(answer.header("retry-after") or 0) > 3600, "hours", answer.header("retry-after"))


# ---------------------------------------------------------------- never sent on, never a fallback


@check("a refusal is no failure of a tier: no fallback, no cooldown, no tier is asked")
def _(lab):
    p, first, second = lab.tiers(2, more=house("requests_per_day: 1", models=()))
    served(p.ask())
    for _ in range(5):
        answer = p.ask()
        refused(answer, "team.requests_per_day")
        equal(answer.header("x-proxyd-upstream"), None, "x-proxyd-upstream")
    equal((len(first.requests), len(second.requests)), (1, 0), "requests at the tiers")
    equal(served(p.ask(key=CAROL)).header("x-proxyd-upstream"), "t1", "the upstream of another key's answer")


@check("the connection of a refused request stays open for the next one")
def _(lab):
    p, _up = limited(lab, "requests_per_day: 1")
    connection, headers = p.connect(), {"Content-Type": "application/json"}
    for i, wanted in enumerate((200, 429, 429)):
        equal(connection.ask("POST", ANTHROPIC.path, p.headers(headers=headers), ANTHROPIC.request()).status, wanted, f"status {i}")
    equal(connection.ask("POST", ANTHROPIC.path, p.headers(CAROL, headers), ANTHROPIC.request()).status, 200, "another key's")


@check("an upstream's own 429 is not ours: no x-proxyd-limit, and its retry-after passes")
def _(lab):
    p, up = limited(lab, ROOMY, more="fallback: {enabled: false}")
    up.reply(status(429, retry_after=7, headers=[("x-proxyd-limit", "theirs")]))
    answer = p.ask()
    equal((answer.status, answer.header("retry-after")), (429, "7"), "status and retry-after")
    equal(answer.header("x-proxyd-limit"), None, "x-proxyd-limit")


# ---------------------------------------------------------------- what other answers say

KINDS = ("requests", "tokens")
NAMES = {
    "anthropic": {(k, f): f"anthropic-ratelimit-{k}-{f}" for k in KINDS for f in ("limit", "remaining", "reset")},
    "openai": {(k, f): f"x-ratelimit-{f}-{k}" for k in KINDS for f in ("limit", "remaining", "reset")},
}
NAMES["responses"] = NAMES["openai"]
THEIRS = [
    *((name, "2020-01-01T00:00:00Z" if "reset" in name else "77") for name in NAMES["anthropic"].values()),
    *((name, "77ms" if "reset" in name else "77") for name in NAMES["openai"].values()),
]
TWO = "requests_per_minute: 50, tokens_per_minute: 100k"
ASKING = """
- {name: of a session, per: request.session, budget_total: 20 USD}
- {name: of tools, per: string(request.messages), when: request.has_tools, requests_per_minute: 2}
- {name: failing, per: 'request.headers["x-nobody"]', when: request.method != "POST", requests_per_minute: 2}"""  # entries that ask for what stands in bodies, and none of which applies


def told(answer, dialect):
    """What an answer says of the limits: (kind, field) -> text; the other dialect's names must not be there."""
    ours = NAMES[dialect]
    others = NAMES["openai" if dialect == "anthropic" else "anthropic"]
    for name in others.values():
        equal(answer.all(name), [], f"{name} for a client of {dialect}")
    found = {}
    for what, name in ours.items():
        equal(len(answer.all(name)), 1, f"lines of {name}")
        found[what] = answer.header(name)
    return found


def seconds_until(text, dialect):
    """The seconds until a reset, as the dialect writes it."""
    if dialect == "anthropic":
        expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text), "RFC 3339 in UTC", text)
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - time.time()
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?", text)
    expect(text and found, "a time like 250ms, 12s or 6m0s", text)
    hours, minutes, seconds, millis = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds + millis / 1000


ANSWERS = {  # what answers -> the upstream's reply, streamed, model or target, status
    "a whole answer": (None, False, None, 200),
    "a stream": (None, True, None, 200),
    "an upstream's error": (says(400, "no"), False, None, 400),
    "an upstream that fails": (status(500), False, None, 500),
    "a model that no rule knows": (None, False, "allowed-nowhere", 404),
    "a model that is not allowed": (None, False, "o3", 403),
    "a body that is no JSON": (None, False, "broken", 400),
    "the model list": (None, False, "/v1/models", 200),
}


@check("{dialect}: {what} tells of the limits in the client's words, the upstream's do not pass", rows=[(d, w) for d in NAMES for w in ANSWERS])
def _(lab, dialect, what):
    reply, streamed, model, wanted = ANSWERS[what]
    p, up = limited(lab, TWO + ', models: [claude-test, gpt-test, "allowed-*"]', ASKING, "fallback: {enabled: false}")
    speaks = ANTHROPIC if dialect == "anthropic" else OPENAI  # the upstream
    answers = speaks.stream("m") if streamed else speaks.whole("m")
    up.reply(reply or (stream(answers, headers=THEIRS) if streamed else whole(answers, headers=THEIRS)))
    if model == "/v1/models":
        answer = p.send("GET", model, headers={"anthropic-version": "2023-06-01"} if dialect == "anthropic" else {})
    elif model == "broken":
        answer = p.send("POST", DIALECTS[dialect].path, b'{"model":')
    else:
        answer = p.ask(dialect, model, stream=streamed)
    equal(answer.status, wanted, "the status")
    found = told(answer, dialect)
    equal((found["requests", "limit"], found["tokens", "limit"]), ("50", "100000"), "the limits")
    served_one = wanted == 200 and model is None
    one_of(found["requests", "remaining"], ("49",) if served_one else ("49", "50"), "requests that remain")
    expect(re.fullmatch(r"\d+", found["tokens", "remaining"]), "whole tokens that remain", found)
    expect((90_000 if served_one else 0) <= int(found["tokens", "remaining"]) <= 100_000, "tokens that remain", found)
    for kind in KINDS:
        left = seconds_until(found[kind, "reset"], dialect)
        expect(-2 <= left <= 61, f"a reset of {kind} within a minute", found)


@check("{dialect}: what is refused at its head tells of the limits too: {what}", rows=[(d, w) for d in NAMES for w in ("405", "413", "426", "a path")])
def _(lab, dialect, what):
    p, _up = limited(lab, TWO, ASKING, "limits: {body: 1KiB}")
    path = DIALECTS[dialect].path
    sent = {
        "405": ("GET", path, b"", ()),
        "413": ("POST", path, b"x" * 2000, ()),
        "426": ("GET", path, b"", [("Upgrade", "websocket"), ("Connection", "upgrade")]),
        "a path": ("POST", path.replace("/v1/", "/v1//"), b"{}", ()),
    }[what]
    for key, is_told in ((USER_KEY, True), ("sk-nobody-0123456789abcdef", False)):
        answer = p.send(*sent[:3], key=key, headers=sent[3])
        equal(answer.status, {"a path": 400}.get(what) or int(what), "the status")
        if is_told:
            found = told(answer, dialect)
            equal((found["requests", "limit"], found["requests", "remaining"], found["tokens", "limit"]), ("50", "50", "100000"), "the limits")
        else:
            equal([name for name, _ in answer.headers if "ratelimit" in name.lower()], [], "headers that tell a stranger of limits")


SHUT = ("a key that is disabled", "a key that has expired", "a key that comes from elsewhere")


@check("{dialect}: {what} is told of its limits all the same", rows=[(d, w) for d in NAMES for w in SHUT])
def _(lab, dialect, what):
    p, _up = limited(lab, TWO + (", allow_from: [10.0.0.0/8]" if "elsewhere" in what else ""))
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    made = p.create_key(policy="team", **({"expires": expires} if "expired" in what else {}))
    if "disabled" in what:
        equal(p.admin("POST", f"/admin/keys/{made['id']}/disable").status, 200, "the status of disable")
    eventually(lambda: p.ask(dialect, key=made["api_key"]).status == 403, "403", 10)
    found = told(p.ask(dialect, key=made["api_key"]), dialect)
    equal((found["requests", "limit"], found["tokens", "limit"]), ("50", "100000"), "the limits")


@check("{dialect}: what remains counts down with each answer, and is zero in the refusal", rows=list(NAMES))
def _(lab, dialect):
    p, _up = limited(lab, "requests_per_day: 3", more=f"timezone: {NOON}")
    name = NAMES[dialect]["requests", "remaining"]
    equal([served(p.ask(dialect)).header(name) for _ in range(3)], ["2", "1", "0"], name)
    answer = p.ask(dialect)
    refused(answer, "team.requests_per_day", dialect)
    equal(answer.header(name), "0", f"{name} of the refusal")
    for kind in ("limit", "remaining", "reset"):
        equal(answer.header(NAMES[dialect]["tokens", kind]), None, f"tokens-{kind} where there is no limit of tokens")
    left = seconds_until(answer.header(NAMES[dialect]["requests", "reset"]), dialect)
    expect(3600 < left <= 86_400, "a reset at the end of the day", left)


@check("{dialect}: of the request's own reservation its input is taken from the tokens that remain, of others' all", rows=list(NAMES))
def _(lab, dialect):
    p, up = limited(lab, "tokens_per_minute: 100k, tokens_per_day: 200k", more=f"timezone: {NOON}")
    up.reply(hang, streamed=True)
    name, most = NAMES[dialect]["tokens", "remaining"], "max_output_tokens" if dialect == "responses" else "max_tokens"
    left = int(served(p.ask(dialect, **{most: 60_000})).header(name))
    expect(99_000 < left < 100_000, "tokens that remain, beside a long answer that may come", left)
    held = begin(p, dialect, stream=True, **{most: 60_000})
    up.wait(2)
    left = int(served(p.ask(dialect, **{most: 10})).header(name))
    expect(30_000 < left < 40_000, "tokens that remain, beside another request's reservation", left)
    held.close()


@check("{dialect}: of several limits the tightest is told, of requests and of tokens each", rows=list(NAMES))
def _(lab, dialect):
    entries = """
- {name: a, per: key.id, requests_per_minute: 7, tokens_per_day: 900k}
- {name: b, per: key.id, when: 'request.model == "other"', requests_per_minute: 2}
- {name: c, per: request.session, requests_per_minute: 2}"""
    p, _up = limited(lab, "requests_per_day: 9, tokens_per_minute: 90k", entries)
    for remaining in ("6", "5"):
        found = told(served(p.ask(dialect)), dialect)
        equal((found["requests", "limit"], found["requests", "remaining"]), ("7", remaining), "requests")
        equal(found["tokens", "limit"], "90000", "the limit of tokens")


@check("a key without limits of requests and tokens is told of none: {what}", rows=["a budget", "no policy"])
def _(lab, what):
    p, _up = limited(lab, "budget_total: 100000 USD, concurrent_requests: 9")
    for dialect in NAMES:
        answer = served(p.ask(dialect, key=USER_KEY if what == "a budget" else CAROL))
        equal([name for name, _ in answer.headers if "ratelimit" in name.lower()], [], "headers that tell of limits")


@check("gemini: no header of another dialect tells of the limits, not the upstream's either")
def _(lab):
    p, up = limited(lab, TWO)
    up.reply(whole(GEMINI.whole("gemini-test"), headers=THEIRS))
    answer = served(p.ask("gemini"))
    equal([name for name, _ in answer.headers if "ratelimit" in name.lower()], [], "headers that tell of limits")


@check("a client of one dialect before an upstream of another hears our limits in its own words")
def _(lab):
    up = lab.upstream()
    up.reply(whole(OPENAI.whole("gpt-test"), headers=THEIRS))
    far = up.declare("openai", extra="expose_rate_limits: true")
    p = lab.proxyd(f"upstreams: {{far: {far}}}\nrules: [{{name: all, tiers: [far/gpt-test]}}]\n{house(TWO)}")
    found = told(served(p.ask("anthropic")), "anthropic")
    equal((found["requests", "limit"], found["requests", "remaining"]), ("50", "49"), "requests")


# ---------------------------------------------------------------- a blocked bucket


@check("{dialect}: a blocked bucket is refused like a limit that is used up, until it ends", rows=list(DIALECTS))
def _(lab, dialect):
    p, up = limited(lab, "requests_per_day: 100")
    equal(steer(p, "team.requests_per_day", "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
    answer = p.ask(dialect)
    contains(refused(answer, "team.requests_per_day", dialect)["message"], "team.requests_per_day", "the message")
    expect(3_500 < int(answer.header("retry-after") or 0) <= 3_601, "an hour", answer.headers)
    equal(answer.header("x-should-retry"), "false", "x-should-retry")
    equal(up.requests, [], "requests at the upstream")


@check("on_exhausted is no way round a block")
def _(lab):
    p, up = limited(lab, entries="- {name: dear, per: key.id, requests_per_day: 9, on_exhausted: {tiers: [claude/claude-cheap]}}")
    equal(steer(p, "dear", "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
    refused(p.ask(), "dear")
    equal(up.requests, [], "requests at the upstream")
