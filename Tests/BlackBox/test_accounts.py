"""What a refusal takes out, and for how long: the account, its money, a model, or nothing but the request."""

import threading
import time

from checks import check, contains, equal, eventually, expect
from dialects import ANTHROPIC, DIALECTS
from harness import served
from upstream import after, hang, healthy, iso, says, status, whole

BOTH = ("anthropic", "openai")
MODES = ("whole", "streamed")
SCOPE = "You have insufficient permissions for this operation. Missing scopes: api.usage.read."
NO_MODEL = "Project `proj_x` does not have access to model `special`"
REVOKED = "The key sk-provider-0123456789abcdef has been revoked."


def two(lab, more="", dialect="openai", extra="", second="openai"):
    """Every model goes to a, and to b where a does not serve it."""
    a, b = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{a: {a.declare(dialect, extra=extra)}, b: {b.declare(second)}}}
rules: [{{name: all, models: ["*"], tiers: [a, b/cheap]}}]
{more}
""")
    return p, a, b


def who(p, model="gpt-4o", dialect="openai", stream=False):
    return served(p.ask(dialect, model, stream)).header("x-proxyd-upstream")


def account(p, name="a"):
    return next(x for x in p.get("/admin/fallback")["accounts"] if x["upstream"] == name)


# ---------------------------------------------------------------- what it is about


@check(
    "{client} client, {dialect} upstream, {mode}: a {code} about a model rests that model of the account alone",
    rows=[(c, d, m, code) for c in BOTH for d in BOTH for m in MODES for code in (403, 401)],
)
def _(lab, client, dialect, mode, code):
    p, a, _b = two(lab, dialect=dialect)
    a.reply(says(code, NO_MODEL), model="special")
    equal(who(p, "special", client, mode == "streamed"), "b", "who serves the model that the first may not have")
    equal(who(p, "special", client), "b", "who serves it again")
    equal(sum(r.model == "special" for r in a.requests), 1, "times that the first was asked for it")
    equal(who(p, "other", client, mode == "streamed"), "a", "who serves another model")


@check(
    "{mode}: a {code} about {what} rests nothing",
    rows=[
        (m, c, w)
        for m in MODES
        for c, w in (
            (403, "a scope"),
            (401, "a scope"),
            (401, "a header"),
            (402, "a large request"),
            (429, "a large prompt"),
            (413, "a large prompt"),
            (403, "a file"),
        )
    ],
)
def _(lab, mode, code, what):
    p, a, _b = two(lab)
    message = {
        "a scope": SCOPE,
        "a header": "OpenAI-Organization header should match organization for API key",
        "a large request": "This request requires more credits, or fewer max_tokens. You requested up to 9, but can only afford 3",
        "a large prompt": "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 65432. rate_limit_exceeded",
        "a file": "You do not have permission to access the File x or it may not exist.",
    }[what]
    a.reply(says(code, message), healthy)
    equal(who(p, stream=mode == "streamed"), "b", "who serves the request that was refused")
    equal(who(p), "a", "who serves the next")


@check(
    "{method} {path}: a 403 there rests nothing, whatever it says: {message}",
    rows=[
        (m, path, text)
        for m, path in (("GET", "/v1/organization/costs"), ("GET", "/v1/files"), ("POST", "/v1/responses/compact"))
        for text in (SCOPE, REVOKED, "no")
    ],
)
def _(lab, method, path, message):
    p, a, b = two(lab)
    a.reply(says(403, message), path=path)
    b.reply(says(403, message), path=path)
    answer = p.send(method, path, {"model": "gpt-4o"} if method == "POST" else None)
    equal(answer.status, 403, "the status of an answer that is about the path")
    contains(answer.text, "insufficient permissions" if message == SCOPE else "revoked" if message == REVOKED else "no", "the words")
    equal(who(p), "a", "who serves the next")


@check("a {code} at a path that clients think of rests no model", rows=[500, 503, 429, 404])
def _(lab, code):
    p, a, _b = two(lab)
    a.reply(status(code), path="/v1/strange")
    for method, body in (("GET", None), ("DELETE", None), ("POST", {"x": 1})):
        p.send(method, "/v1/strange", body)
    equal((who(p), who(p, "cheap")), ("a", "a"), "who serves the next")


@check("a 401 at an endpoint beside generation takes the account out")
def _(lab):
    p, a, _b = two(lab)
    a.reply(says(401, "Incorrect API key provided"), path="/v1/files")
    p.send("GET", "/v1/files")
    equal(who(p), "b", "who serves the next")


@check(
    "{dialect}, {mode}: a {code} in the words '{message}' takes the account out, and is told",
    rows=[
        (d, m, c, t)
        for d in BOTH
        for m in MODES
        for c, t in (
            (401, "Incorrect API key provided: sk-provider-0123456789abcdef"),
            (403, REVOKED),
            (403, "This organization has been disabled."),
            (402, "Insufficient Balance"),
            (400, "Your credit balance is too low to access the API"),
        )
    ],
)
def _(lab, dialect, mode, code, message):
    p, a, _b = two(lab, dialect=dialect)
    a.reply(says(code, message))
    equal(who(p, "one", dialect, mode == "streamed"), "b", "who serves the request that was refused")
    equal((who(p, "two", dialect), who(p, "three", dialect)), ("b", "b"), "who serves other models")
    equal(len(a.requests), 1, "times that the account was asked")
    lines = [line for line in p.output().splitlines() if "an account is out" in line]
    equal(len(lines), 1, "lines that tell it")
    for part in ("warning", "upstream=a", "account=one", f"status={code}", message.split("sk-")[0].strip()[:20]):
        contains(lines[0], part, "the line")
    expect("sk-provider" not in p.output(), "no key in the log", lines)
    state = account(p)
    equal(state["state"], "out_of_money" if "alance" in message else "refused", "its state")
    contains(state["reason"], message.split("sk-")[0].strip()[:20], "its reason")


@check("{dialect}, {mode}: what a provider flagged goes to the client and to nobody else", rows=[(d, m) for d in BOTH for m in MODES])
def _(lab, dialect, mode):
    p, a, b = two(lab, dialect=dialect)
    a.reply(says(403, "openai/x requires moderation. Your input was flagged for 'quota'. No credits were charged."), healthy)
    answer = p.ask(dialect, "one", mode == "streamed")
    equal(answer.status, 403, "the status")
    contains(answer.text, "flagged", "the answer")
    equal(b.requests, [], "requests at the second")
    equal(who(p, "one", dialect), "a", "who serves the next")


@check(
    "no client puts words into a provider's mouth: {message}",
    rows=[
        "Invalid value: 'api_key_invalid'",
        "Unknown tool `credit balance is too low`",
        "Invalid schema for function 'check_quota'",
        "Unknown name 'organization has been disabled'",
    ],
)
def _(lab, message):
    p, a, b = two(lab)
    a.reply(says(400, message), healthy)
    equal(p.ask("openai", "one").status, 400, "the status")
    equal(b.requests, [], "requests at the second")
    equal(who(p, "one"), "a", "who serves the next")


@check("no client puts words into a provider's mouth by the names that it sends: {message}", rows=[
    "quota: Extra inputs are not permitted", "metadata.rate_limit: Extra inputs are not permitted",
    "credit balance is too low: Extra inputs are not permitted", "organization has been disabled: Extra inputs are not permitted"])
def _(lab, message):
    p, a, b = two(lab)
    a.reply(says(400, message), healthy)
    field = message.split(":")[0].split(".")[-1]
    equal(p.ask("openai", "one", metadata={field: "1"}).status, 400, "the status")
    equal(b.requests, [], "requests at the second")
    equal((who(p, "one"), account(p)["state"]), ("a", "ready"), "who serves the next, the account's state")


@check("no client puts words into a provider's mouth by its path, its query or a header: {message}", rows=[
    "Invalid URL (POST /v1/quota)", "Unknown query parameter quota", "Unsupported header x-quota"])
def _(lab, message):
    p, a, b = two(lab)
    a.reply(says(404, message), healthy)
    path = {"Inv": "/v1/quota", "Unk": "/v1/chat/completions?quota=1", "Uns": "/v1/chat/completions"}[message[:3]]
    answer = p.send("POST", path, DIALECTS["openai"].request("one"), headers={"x-quota": "1"} if "header" in message else ())
    equal(answer.status, 404, "the status")
    equal(b.requests, [], "requests at the second")
    equal((who(p, "one"), account(p)["state"]), ("a", "ready"), "who serves the next, the account's state")


@check("a 403 that says nothing takes the account out where it is the vendor's, and rests the model where it is about that, or a page: {what}", rows=["an error", "no body", "a page", "an error that names it"])
def _(lab, what):
    p, a, _b = two(lab)
    page = whole(b"<html><body>Forbidden</body></html>", 403, content_type="text/html")
    errors = {"an error": says(403, "no"), "no body": whole(b"", 403), "an error that names it": says(403, "first-one is not for you")}
    a.reply(errors.get(what, page), model="first-one")
    rests = what in ("a page", "an error that names it")
    equal(who(p, "first-one"), "b", "who serves the request that was refused")
    equal(account(p)["state"], "cooling" if rests else "refused", "its state")
    equal(who(p, "two"), "a" if rests else "b", "who serves another model")


@check("a WebSocket, a wrong method and an unknown path take nothing out")
def _(lab):
    p, a, _b = two(lab)
    a.reply(status(403), healthy, path="/v1/responses")
    p.send("GET", "/v1/responses", headers=[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "x")])
    p.send("DELETE", "/v1/chat/completions")
    p.send("POST", "/v1/nowhere/at/all", {"a": 1})
    equal((who(p), account(p)["state"]), ("a", "ready"), "who serves, the account's state")


# ---------------------------------------------------------------- the last word


@check(
    "{client} client, {dialect} upstream: a refused credential is a 502 in the provider's words that is not to be tried again",
    rows=[(c, d) for c in BOTH for d in BOTH],
)
def _(lab, client, dialect):
    p, first = lab.tiers(1, dialect)
    first.reply(says(401, "The organization of sk-provider-0123456789abcdef is gone"))
    answer = p.ask(client)
    equal((answer.status, answer.header("x-should-retry")), (502, "false"), "status and x-should-retry")
    message = DIALECTS[client].error_of(answer)["message"]
    contains(message, "The organization of", "the message")
    expect("sk-provider" not in answer.text, "no key in the answer", answer.text)


@check("{client} client, {dialect} upstream: a model that nobody may have is a 403", rows=[(c, d) for c in BOTH for d in BOTH])
def _(lab, client, dialect):
    p, first = lab.tiers(1, dialect)
    first.reply(says(403, NO_MODEL))
    answer = p.ask(client)
    equal((answer.status, answer.header("x-should-retry")), (403, "false"), "status and x-should-retry")
    contains(DIALECTS[client].error_of(answer)["message"], "does not have access to model", "the message")


# ---------------------------------------------------------------- ends


@check("an operator frees a refused account, and what rests")
def _(lab):
    p, a, _b = two(lab)
    a.reply(says(401, "no"), says(429, "slow down", retry_after=600), healthy)
    equal((who(p), who(p)), ("b", "b"), "who serves while it is out")
    for state in ("refused", "cooling"):
        equal(account(p)["state"], state, "its state")
        answer = p.admin("POST", "/admin/accounts/a/one/free")
        equal((answer.status, answer.json()), (200, {"status": "freed", "upstream": "a", "account": "one"}), "the answer")
        equal(account(p)["state"], "ready", "its state afterwards")
        who(p)
    p.wait_log("an account is back")
    equal(who(p), "a", "who serves at last")
    for path, word in (("/admin/accounts/x/one/free", "'x'"), ("/admin/accounts/a/x/free", "'x'")):
        answer = p.admin("POST", path)
        equal(answer.status, 404, path)
        contains(answer.text, word, path)
    equal(p.admin("POST", "/admin/accounts/a/one/free", key=None).status, 401, "without a key")


@check("a new key ends what was held against the old one")
def _(lab):
    p, a, _b = two(lab)
    a.reply(says(401, "no"), key="one")
    equal(who(p), "b", "who serves while it is out")
    p.replace(p.config.read_text().replace("provider-key-one", "provider-key-new", 1))
    eventually(lambda: who(p) == "a", "the first again", 8)


@check("what is said of an old key when there is a new one is nothing to the new one")
def _(lab):
    p, a, _b = two(lab)
    a.reply(after(4, says(401, "no")), key="one")
    got = []
    thread = threading.Thread(target=lambda: got.append(who(p)))
    thread.start()
    a.wait(1)
    p.replace(p.config.read_text().replace("provider-key-one", "provider-key-new", 1))
    p.wait_log("configuration applied")
    equal((who(p), a.last.credential), ("a", "provider-key-new"), "who serves with the new key")
    equal(got, [], "who served the one with the old key, which is under way")
    thread.join(10)
    equal(got, ["b"], "who served the one with the old key")
    equal((who(p), account(p)["state"]), ("a", "ready"), "who serves afterwards, the account's state")


@check("a limit of an old key rests nothing of the new one, and what the old one serves ends nothing that is held against it")
def _(lab):
    p, a, _b = two(lab)
    a.reply(after(3, status(429, retry_after=600)), after(3, healthy), key="one")
    threads = [threading.Thread(target=lambda: who(p)) for _ in range(2)]
    for thread in threads:
        thread.start()
    a.wait(2)
    a.reply(says(401, "no"), key="new")
    p.replace(p.config.read_text().replace("provider-key-one", "provider-key-new", 1))
    p.wait_log("configuration applied")
    equal((who(p), account(p)["state"]), ("b", "refused"), "who serves with the new key, the account's state")
    for thread in threads:
        thread.join(10)
    found = account(p)
    equal((found["state"], found["cooldowns"]), ("refused", []), "its state when the old key's answers are there, and who rests")


# ---------------------------------------------------------------- how long

YEARS = 50 * 365 * 86400


@check(
    "{form}: the rest is at most `max_cooldown`",
    rows=["seconds", "digits without end", "an instant", "an instant in ms", "a date", "milliseconds", "words"],
)
def _(lab, form):
    p, a, _b = two(lab, "fallback: {max_cooldown: 2s}")
    soon = int(time.time()) + 600
    headers = {
        "seconds": [("Retry-After", str(YEARS))],
        "digits without end": [("Retry-After", "9" * 400)],
        "an instant": [("Retry-After", str(soon))],
        "an instant in ms": [("Retry-After", str(soon * 1000))],
        "a date": [("Retry-After", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(soon + 86400)))],
        "milliseconds": [("retry-after-ms", "600000")],
        "words": [],
    }[form]
    a.reply(says(429, "slow down, try again in 10m0s" if form == "words" else "slow down", headers=headers), healthy)
    begun = time.monotonic()
    equal((who(p), who(p)), ("b", "b"), "who serves while it rests")
    eventually(lambda: who(p) == "a", "the first again", 6, every=0.2)
    expect(time.monotonic() - begun > 1, "no sooner than max_cooldown", time.monotonic() - begun)


@check("{form}: a quota's reset counts for eight days at most", rows=["words", "headers", "an instant in the headers"])
def _(lab, form):
    p, a, _b = two(lab, "fallback: {max_cooldown: 2s}")
    headers = {
        "words": [],
        "headers": [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1000h")],
        "an instant in the headers": [
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", str(int(time.time()) + YEARS // 2)),
        ],
    }[form]
    a.reply(says(429, "Quota will reset after 1000h0m0s" if form == "words" else "slow down", headers=headers))
    who(p)
    ahead = until(account(p)["cooldowns"][0]["until"]) - time.time()
    expect(7.9 * 86400 < ahead < 8.1 * 86400, "eight days", ahead)


@check("{form}: a client is told to wait no longer than `max_cooldown`, for a quota's reset eight days", rows=["seconds", "milliseconds", "words", "a reset", "not in `on`"])
def _(lab, form):
    a = lab.upstream()
    policy = "max_cooldown: 90s" + (", on: [503]" if form == "not in `on`" else "")
    p = lab.proxyd(f"""
upstreams: {{a: {a.declare("openai")}}}
fallback: {{{policy}}}
rules: [{{name: all, models: ["*"], tiers: [a]}}]
""")
    headers = {
        "milliseconds": [("retry-after-ms", "600000")],
        "words": [],
        "a reset": [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1000h")],
    }.get(form, [("Retry-After", str(YEARS))])
    a.reply(says(429, "slow down, try again in 10m0s" if form == "words" else "slow down", headers=headers))
    answer = p.ask("openai")
    equal((answer.status, answer.header("retry-after")), (429, str(8 * 86400) if form == "a reset" else "90"), "status and retry-after")
    if form != "a reset":
        equal(answer.header("retry-after-ms"), None, "retry-after-ms")


@check("a Retry-After of {value!r} rests nothing for long", rows=["-5", "NaN", "1e99", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT", "0"])
def _(lab, value):
    p, a, _b = two(lab, "fallback: {cooldown: 1s}")
    a.reply(says(429, "slow down", retry_after=value), healthy)
    equal(who(p), "b", "who serves while it is limited")
    eventually(lambda: who(p) == "a", "the first again", 4, every=0.2)


@check("`max_cooldown` is the rule's own where it says so, an hour where nobody does")
def _(lab):
    a, b = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{a: {a.declare("openai")}, b: {b.declare("openai")}}}
rules:
  - {{models: [short], tiers: [a, b/cheap], fallback: {{max_cooldown: 90s}}}}
  - {{models: ["*"], tiers: [a, b/cheap]}}
""")
    a.reply(says(429, "slow down", retry_after=YEARS))
    who(p, "short")
    who(p, "long")
    ahead = {c["model"]: until(c["until"]) - time.time() for c in account(p)["cooldowns"]}
    expect(80 < ahead["short"] < 95, "90 s", ahead)
    expect(3500 < ahead["long"] < 3610, "an hour", ahead)


def until(text):
    """The seconds since 1970 of `2026-02-11T14:04:20+08:00`."""
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - 8 * 3600


# ---------------------------------------------------------------- names


def flood(p, names, path="/v1/chat/completions"):
    connection = p.connect(timeout=30)
    for name in names:
        connection.ask("POST", path, p.headers(headers=[("Content-Type", "application/json")]), ANTHROPIC.request(name))


@check("six thousand names that fail leave the admin pages small, and healthy() as it was", seconds=120)
def _(lab):
    a, b = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{a: {a.declare("anthropic")}, b: {b.declare("anthropic")}}}
rules:
  - {{name: well, models: [probe], when: 'healthy("a")', tiers: [a]}}
  - {{name: ill, models: [probe], tiers: [b]}}
  - {{name: all, models: ["*"], tiers: [a, b/cheap]}}
log: {{requests: false}}
""")
    a.reply(status(429))
    a.reply(healthy, model="probe")
    flood(p, (f"made-up-{i:05}-" + "x" * 200 for i in range(6000)), ANTHROPIC.path)
    page = p.admin("GET", "/admin/fallback")
    expect(len(page.body) < 64 << 10, "a page under 64 KiB", len(page.body))
    equal(len(account(p)["cooldowns"]) + account(p)["more_cooldowns"] <= 1000, True, "at most 1,000 that rest")
    equal(p.ask("anthropic", "probe").header("x-proxyd-rule"), "well", "the rule of who asks whether a is healthy")


@check("a model that only a `*` names: {what} in a row take the account out", rows=["five 503s", "two timeouts"])
def _(lab, what):
    p, a, _b = two(lab, "timeouts: {head: 30s, connect: 1s, first_byte: 400ms, idle: 60s}")
    a.reply(status(503) if what == "five 503s" else hang)
    for _ in range(5 if what == "five 503s" else 2):
        equal(account(p)["state"], "ready", "its state before")
        equal(who(p, "new"), "b", "who serves")
    equal(account(p)["state"], "failing", "its state")


@check("names that a client makes up take out no account that serves others")
def _(lab):
    p, a, _b = two(lab)
    equal(who(p), "a", "who serves a model that there is")
    for name in [f"made-up-{i}" for i in range(6)] + ["made-up"] * 6:
        a.reply(status(503), model=name)
        equal(who(p, name), "b", "who serves the name")
        time.sleep(0.1)  # what further attempts may cost is earned anew
    equal((who(p), account(p)["state"] in ("ready", "cooling")), ("a", True), "who serves the model that there is, the state")


@check("a model that only a `*` names: its first {code} leaves its windows, and is told", rows=[200, 429])
def _(lab, code):
    p, a, _b = two(lab, "log: {level: info, format: text}")
    left = "5" if code == 200 else "0"
    headers = [(f"x-ratelimit-{part}-requests", value) for part, value in (("limit", "10"), ("remaining", left), ("reset", "6m0s"))]
    body = DIALECTS["openai"].whole("new") if code == 200 else DIALECTS["openai"].error(429, "slow down")
    a.reply(whole(body, code, headers=headers), model="new")
    equal(who(p, "new"), "a" if code == 200 else "b", "who serves")
    windows = [w for w in account(p)["windows"] if w["kind"] == "requests"]
    equal([(w["models"], w["share"]) for w in windows], [(["new"], int(left) / 10)], "the windows of requests")
    if code == 429:
        p.wait_log("a model rests at an account")
        rest = [line for line in p.output().splitlines() if "a model rests at an account" in line]
        equal(["warning" in line for line in rest], [True], "lines of the rest that are warnings")


@check("names that nobody answers to, and names that an echo answers to, push nobody out of the metrics", seconds=120)
def _(lab):
    p, a, _b = two(lab, "log: {requests: false}", dialect="anthropic", second="anthropic")
    a.reply(status(404))
    flood(p, (f"nope{i}" for i in range(1100)), ANTHROPIC.path)
    a.reply(healthy)
    served(p.ask("anthropic", "found-later"))
    text = p.admin("GET", "/metrics").text
    contains(text, 'model="found-later"', "metrics after names that fail")
    expect("nope" not in text, "no series for names that fail", "")
    flood(p, (f"echo{i}" for i in range(1300)), ANTHROPIC.path)
    for _ in range(7):
        served(p.ask("anthropic", "claude-real"))
    p.ask("anthropic", "refused", key="sk-nobody-0123456789abcdefghij")
    text = p.admin("GET", "/metrics").text
    contains(text, 'model="claude-real"', "metrics after names that answer")
    contains(text, 'status="401"', "metrics of what a key refused")
    expect(len(text) < 1 << 20 and max(map(len, text.splitlines())) < 1024, "a short page of short lines", len(text))


@check("names that an echo answers to do not make the pages of usage grow, and nothing is lost of what they used", seconds=120)
def _(lab):
    p, _a, _b = two(lab, "log: {requests: false}", dialect="anthropic", second="anthropic")
    served(p.ask("anthropic", "first"))
    flood(p, (f"echo{i}" for i in range(1000)), ANTHROPIC.path)
    eventually(lambda: p.get("/admin/usage")["total_requests"] == 1001, "all requests booked", 10)
    models = p.get("/admin/usage/daily")["days"][0]["by_model"]
    expect(len(models) <= 301, "few models", len(models))
    equal((models["first"]["requests"], sum(m["requests"] for m in models.values())), (1, 1001), "requests")
    expect(models["other"]["requests"] >= 700, "the rest in `other`", models["other"])


@check("members that a client makes up are one series of what conversion lost")
def _(lab):
    p, _a, _b = two(lab, dialect="anthropic", second="anthropic")
    for i in range(30):
        p.ask("openai", "gpt-4o", **{f"zz{i}": 1, "logprobs": True})
    lines = [line for line in p.admin("GET", "/metrics").text.splitlines() if line.startswith("proxyd_conversion_lossy_total{")]
    expect(not any("zz" in line for line in lines), "no name of the client's", lines)
    expect(any('parameter="other"' in line for line in lines), "one other", lines)


# ---------------------------------------------------------------- polls


@check("a poll elsewhere ({where}) gets neither key nor headers; at home it gets both", rows=["another host", "another port", "home"])
def _(lab, where):
    other = lab.upstream()
    up = lab.upstream()
    url = {
        "another host": f"http://localhost:{other.port}/health",
        "another port": f"{other.url}/health",
        "home": f"{up.url}/health",
    }[where]
    asked = up if where == "home" else other
    asked.health = {"accounts": []}
    lab.proxyd(f"""
upstreams: {{a: {up.declare("openai", extra=f"headers: {{x-internal: header-secret}}, quota: {{poll: '{url}', interval: 500ms}}")}}}
rules: [{{models: ["*"], tiers: [a]}}]
""")
    eventually(lambda: asked.polls, "a poll", 8)
    told = (asked.polls[0].header("x-internal"), asked.polls[0].credential)
    equal(told, ("header-secret", "provider-key-one") if where == "home" else (None, None), "header and key")


@check(
    "a poll that gives {what} is told once, and takes nothing away",
    rows=["HTML", "a gzip body", "a redirect", "nothing", "other JSON", "ten megabytes"],
)
def _(lab, what):
    p, first = lab.tiers(1, extra="quota: {poll: /health, interval: 500ms, timeout: 500ms}")
    first.health = {
        "HTML": whole(b"<html>quota</html>", content_type="text/html"),
        "a gzip body": whole(b"\x1f\x8b\x08\x00quota", headers=[("Content-Encoding", "gzip")]),
        "a redirect": whole(b"", 302, headers=[("Location", "http://127.0.0.1:9/")]),
        "nothing": whole(b""),
        "other JSON": whole({"accounts": 7}),
        "ten megabytes": whole(b'{"accounts":[' + b'{"models":{}},' * 800_000 + b"{}]}"),
    }[what]
    p.wait_log("quota poll failed", 8)
    p.wait_polled(first, more=3)
    equal(p.output().count("quota poll failed"), 1, "lines that tell it")
    served(p.ask())


@check("a low reading that is not renewed is forgotten, and a poll's reset has its bounds", seconds=40)
def _(lab):
    p, first, _second = lab.tiers(2, extra="quota: {poll: /health, interval: 500ms, timeout: 500ms}")
    first.health = {"accounts": [{"email": "a@x", "models": {"model-1": {"remainingFraction": None, "resetTime": iso(10**9)}}}]}
    p.wait_polled(first)
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "who serves while the first is empty")
    first.health = status(500)
    eventually(lambda: p.ask().header("x-proxyd-upstream") == "t1", "the first again", 10, every=0.3)


# ---------------------------------------------------------------- told


@check("the line of a request that went on after a {code} says why, and metrics count it by that word", rows=[429, 503, 401])
def _(lab, code):
    p, a, _b = two(lab)
    a.reply(says(code, "no"))
    who(p)
    word = {429: "429", 503: "5xx", 401: "unauthorized"}[code]
    p.wait_log(f"reason={word}")
    contains(p.admin("GET", "/metrics").text, f'proxyd_fallbacks_total{{reason="{word}"}} 1', "metrics")
