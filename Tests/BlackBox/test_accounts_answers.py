"""What each class of answer takes out, of whom, for how long, and that it comes back; whole, streamed, one account, three."""

import json
import threading
import time

from accounts import House, anthropic, codex, instant, seconds, told
from accounts import unified as of_window
from checks import check, contains, equal, eventually, expect
from harness import served
from upstream import after, drop, hang, healthy, raw, reset, says, status, stream, whole

MODES = ("whole", "streamed")
SHORT = "timeouts: {head: 30s, connect: 1s, first_byte: 400ms, idle: 60s}"
EXHAUSTED = "You have exhausted your capacity on m. Quota will reset after 1h2m3s."
HOUR = 3600


def limited(*headers):
    return says(429, "This request would exceed your account's rate limit. Please try again later.", headers=headers)


def unified(kind, now, wait):
    """A subscription's window that is used up, another one that is not."""
    prefix = "anthropic-ratelimit-unified"
    other = "7d" if kind == "5h" else "5h"
    return limited(
        ("retry-after", str(wait)),
        (f"{prefix}-status", "rejected"),
        (f"{prefix}-reset", str(int(now + wait))),
        (f"{prefix}-{kind}-status", "rejected"),
        (f"{prefix}-{kind}-utilization", "1.0"),
        (f"{prefix}-{kind}-reset", str(int(now + wait))),
        (f"{prefix}-{other}-status", "allowed"),
        (f"{prefix}-{other}-utilization", "0.25"),
        (f"{prefix}-{other}-reset", str(int(now + 6 * 86_400))),
    )


# What the account answers, how many times until it is out, whom that is about, for how many seconds, the account's state.
# A None for the seconds: an operator ends it.
CASES = {
    "429 that names a wait": (lambda now: status(429, retry_after=60), 1, "model", 60, "cooling"),
    "429 that names a wait in ms": (lambda now: limited(("retry-after-ms", "40000")), 1, "model", 40, "cooling"),
    "429 that names no wait": (lambda now: limited(), 1, "model", 30, "cooling"),
    "400 in words of exhaustion": (lambda now: says(400, EXHAUSTED), 1, "model", 3723, None),
    "429 of a rate that is used up": (
        lambda now: limited(("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s")),
        1, "model", 360, "out_of_quota",
    ),
    "429 of Anthropic's tokens that are used up": (
        lambda now: limited(
            ("anthropic-ratelimit-tokens-limit", "40000"),
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", instant(now + 300)),
            ("retry-after", "300"),
        ),
        1, "model", 300, "out_of_quota",
    ),
    "429 of a 5-hour window": (lambda now: unified("5h", now, 3 * HOUR), 1, "account", 3 * HOUR, "out_of_quota"),
    "429 of a 7-day window": (lambda now: unified("7d", now, 60 * HOUR), 1, "account", 60 * HOUR, "out_of_quota"),
    "429 of one model's 7-day window": (lambda now: unified("7d_opus", now, 60 * HOUR), 1, "model", 60 * HOUR, None),
    "429 of Codex' window": (
        lambda now: limited(
            ("x-codex-primary-used-percent", "100"),
            ("x-codex-primary-window-minutes", "300"),
            ("x-codex-primary-reset-after-seconds", "7200"),
        ),
        1, "account", 7200, "out_of_quota",
    ),
    "429 of a plan whose body tells its reset": (
        lambda now: status(429, b'{"error":{"type":"usage_limit_reached","message":"no","resets_at":%d}}' % (now + 5000)),
        1, "model", 5000, None,
    ),
    "429 of a plan whose body tells the seconds": (
        lambda now: status(429, b'{"error":{"type":"usage_limit_reached","message":"no","resets_in_seconds":5000}}'),
        1, "model", 5000, None,
    ),
    "429 that names two waits, one in ms": (
        lambda now: limited(("retry-after-ms", "40000"), ("retry-after", "900")), 1, "model", 40, "cooling",
    ),
    "429 that names a wait, and one that is none": (
        lambda now: limited(("retry-after", "40"), ("retry-after", "soon")), 1, "model", 40, "cooling",
    ),
    "429 that names one wait twice": (lambda now: limited(("retry-after", "60, 60")), 1, "model", 60, "cooling"),
    "429 that names two waits": (lambda now: limited(("retry-after", "60"), ("retry-after", "40")), 1, "model", 60, "cooling"),
    "400 of an account in arrears": (
        lambda now: status(400, b'{"error":{"code":"Arrearage","message":"Access denied, please see to it."}}'),
        1, "account", None, "out_of_money",
    ),
    "503 that names a wait": (lambda now: status(503, retry_after=90), 1, "model", 90, "cooling"),
    "403 in words of a rate": (lambda now: says(403, "API rate limit exceeded for user"), 1, "model", 30, "cooling"),
    "403 in words of capacity": (lambda now: says(403, "There is no capacity for you"), 1, "model", 30, "cooling"),
    "403 that is a quota": (
        lambda now: says(403, "Out of call volume quota. Quota will be replenished in 06:42:11."), 1, "model", 24_131, None,
    ),
    "401 that is a quota": (lambda now: says(401, "Your quota is exhausted"), 1, "model", 30, "cooling"),
    "403 of an exhausted balance": (
        lambda now: status(403, b'{"detail":"User is locked. Reason: Exhausted balance. Top up your balance at x.test."}'),
        1, "account", None, "out_of_money",
    ),
    "429 of credits that are depleted": (
        lambda now: says(429, "Your prepayment credits are depleted."), 1, "account", None, "out_of_money",
    ),
    "400 of a balance that is too low": (lambda now: says(400, "Your balance is too low."), 1, "account", None, "out_of_money"),
    "500 of an empty balance": (lambda now: says(500, "Insufficient Balance"), 1, "account", None, "out_of_money"),
    "401": (lambda now: status(401), 1, "account", 300, "refused"),
    "401 of an account without an organization": (
        lambda now: says(401, "You must be a member of an organization to use the API. Please contact us."),
        1, "account", 300, "refused",
    ),
    "403 of a closed account": (lambda now: says(403, "This organization has been disabled."), 1, "account", 300, "refused"),
    "402": (lambda now: says(402, "Insufficient Balance"), 1, "account", None, "out_of_money"),
    "400 of an empty balance": (
        lambda now: says(400, "Your credit balance is too low to access the Anthropic API."), 1, "account", None, "out_of_money",
    ),
    "500": (lambda now: status(500), 5, "account", 5, "failing"),
    "503": (lambda now: status(503), 5, "account", 5, "failing"),
    "529": (lambda now: status(529), 5, "account", 5, "failing"),
    "502 with an HTML page": (
        lambda now: whole(b"<html>Bad Gateway</html>", 502, content_type="text/html"), 5, "account", 5, "failing",
    ),
    "connection that closes without a byte": (lambda now: drop, 5, "account", 5, "failing"),
    "connection that is reset": (lambda now: reset, 5, "account", 5, "failing"),
    "answer that is no HTTP": (lambda now: raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n\x00\x01\x02"), 5, "account", 5, "failing"),
    "timeout": (lambda now: hang, 2, "account", 5, "failing"),
}  # fmt: skip
# A reset that stands in a header alone, sooner than `cooldown`.
CASES |= {
    f"429 whose reset stands in {name} alone": (lambda now, told=told: limited(*told(now)), 1, scope, 20, "out_of_quota")
    for name, scope, told in (
        ("input-tokens", "model", lambda now: anthropic("input-tokens", now, remaining=0, wait=20)),
        ("output-tokens", "model", lambda now: anthropic("output-tokens", now, remaining=0, wait=20)),
        ("unified-5h", "account", lambda now: of_window("5h", 0, now, 20, status="rejected")),
        ("unified-reset", "account", lambda now: [
            ("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-reset", str(int(now + 20))),
        ]),
        ("x-codex-primary", "account", lambda now: codex("primary", "100", 20)),
    )
}  # fmt: skip
# A head that names what is used up without its reset: the wait is told elsewhere.
CASES |= {
    "429 of a rate whose wait stands in Retry-After alone": (
        lambda now: limited(("x-ratelimit-remaining-tokens", "0"), ("retry-after", "20")), 1, "model", 20, "out_of_quota",
    ),
    "429 of a rate that is used up, and of no wait": (
        lambda now: limited(("x-ratelimit-remaining-requests", "0")), 1, "model", 30, "out_of_quota",
    ),
    "429 of a rate whose wait stands in the body alone": (
        lambda now: says(429, "Rate limit reached. Please try again in 20s.", headers=[("x-ratelimit-remaining-requests", "0")]),
        1, "model", 20, "out_of_quota",
    ),
    "429 of a 5-hour window whose wait stands in Retry-After alone": (
        lambda now: limited(
            ("anthropic-ratelimit-unified-status", "rejected"),
            ("anthropic-ratelimit-unified-5h-status", "rejected"),
            ("retry-after", "900"),
        ),
        1, "account", 900, "out_of_quota",
    ),
    "429 of a 5-hour window whose reset is that of all": (
        lambda now: limited(
            ("anthropic-ratelimit-unified-status", "rejected"),
            ("anthropic-ratelimit-unified-reset", str(int(now + 9000))),
            ("anthropic-ratelimit-unified-5h-status", "rejected"),
        ),
        1, "account", 9000, "out_of_quota",
    ),
    "429 of Z.ai's plan, whose reset is told by the clock of Beijing": (
        lambda now: status(429, json.dumps({"error": {"code": "1308", "message": (
            f"Usage limit reached for 5 hour. Your limit will reset at {instant(now + 5000 + 8 * HOUR)[:19].replace('T', ' ')}"
        )}}).encode()),
        1, "model", 5000, "out_of_quota",
    ),
    "429 that says after how many seconds to try again": (
        lambda now: says(429, "Your account reached its max RPM: 3, please try again after 15 seconds"), 1, "model", 15, "cooling",
    ),
    "429 of a quota whose reset is told in words, and as Retry-After": (
        lambda now: says(429, "Your quota will reset after 5h0m0s.", retry_after=5 * HOUR), 1, "model", 5 * HOUR, "out_of_quota",
    ),
}  # fmt: skip
BROKEN = ("connection that closes without a byte", "connection that is reset")


@check(
    "{mode}, {count} account(s): a {what} takes out what it is about, for as long as it says, and no longer",
    rows=[(m, n, w) for m in MODES for n in (1, 3) for w in CASES],
    seconds=60,
)
def _(lab, mode, count, what):
    answer, times, scope, wait, state = CASES[what]
    stream = mode == "streamed"
    house = House(lab, count, fallback="cooldown: 30s", more=SHORT)
    house.a.reply(answer(house.now()), key="one", model="m")
    house.since()
    for _ in range(times):
        equal(house.who(stream=stream), house.instead(), "who takes over")
    asked = house.times()
    # A connection that served before may have been closed for its age: a request that is lost on it is sent once more.
    most = 2 * times if what in BROKEN else times
    expect(times <= asked <= most, f"{times} times that the account was asked until it was out, {most} at most", asked)
    for _ in range(3):
        equal(house.who(stream=stream), house.instead(), "who serves while it is out")
    equal(house.times(), asked, "times that it was asked meanwhile")
    equal(house.who("other", stream), house.instead() if scope == "account" else "one", "who serves another model")
    if state:
        equal(house.state(), state, "its state")
    house.a.reply(healthy)
    if wait is None:
        equal(house.free().status, 200, "the status of /free")
    else:
        if wait > 10:
            house.pass_to(wait - 5)
            equal(house.who(stream=stream), house.instead(), "who serves shortly before it is back")
            if scope == "account":
                equal(house.who("other", stream), house.instead(), "who serves another model shortly before it is back")
        house.pass_to(wait + 2)
    equal(house.who(stream=stream), "one", "who serves when it is over")
    equal(house.state(), "ready", "its state at last")
    if count > 1:
        equal(house.b.requests, [], "requests at the spare upstream")


@check(
    "{dialect}: where nobody else can serve, an empty balance in a {code} is a 502 that says so, as in a 402",
    rows=[(d, c) for d in ("anthropic", "openai") for c in (402, 403)],
)
def _(lab, dialect, code):
    house = House(lab, 1, dialect=dialect, spare=False)
    house.a.reply(says(code, "Your credit balance is too low to access the API"))
    answer = house.ask()
    equal((answer.status, answer.header("x-should-retry")), (502, "false"), "status, x-should-retry")
    contains(answer.text, "out of money", "the message")
    contains(answer.text, "Your credit balance is too low", "the upstream's words")


@check("{dialect}: where nobody else can serve, a limit in a {code} is a 429", rows=[(d, c) for d in ("anthropic", "openai") for c in (401, 403)])
def _(lab, dialect, code):
    house = House(lab, 1, dialect=dialect, spare=False)
    house.a.reply(says(code, "Your quota is exhausted. Try again in 40 seconds."))
    answer = house.ask()
    equal((answer.status, answer.header("retry-after")), (429, "40"), "status, retry-after")
    contains(answer.text, "Your quota is exhausted", "the upstream's words")


@check("where all accounts fail the client is told to wait for the one that is back first")
def _(lab):
    house = House(lab, 3, spare=False)
    house.a.reply(status(429, retry_after=500), key="one")
    house.a.reply(status(429, retry_after=40), key="two")
    house.a.reply(status(402), key="three")
    answer = house.ask()
    equal((answer.status, answer.header("retry-after"), answer.header("x-proxyd-account")), (429, "40", "two"), "what is told")


@check("what an account says after a request has waited for it replaces what it said before", seconds=30)
def _(lab):
    house = House(lab, 1, spare=False, fallback="wait: 20s", clock=False)
    house.a.reply(status(429, retry_after=2), status(401))
    answer = house.ask()
    equal((answer.status, house.times()), (502, 2), "the status, times that it was asked")


@check(
    "{mode}: a {what} takes nothing out, nor rests anything",
    rows=[
        (m, w)
        for m in MODES
        for w in ("503", "500", "529", "connection that is reset", "timeout", "413", "404", "403 of a scope", "422")
    ],
)
def _(lab, mode, what):
    house = House(lab, 3, fallback="cooldown: 600s", more=SHORT)
    answers = {"413": status(413), "404": status(404), "422": status(422)}
    answers["403 of a scope"] = says(403, "You have insufficient permissions for this operation. Missing scopes: api.usage.read.")
    house.a.reply(answers.get(what) or CASES[what][0](house.now()), healthy, key="one")
    house.ask(stream=mode == "streamed")
    equal(house.who(stream=mode == "streamed"), "one", "who serves the next")
    equal(house.state(), "ready", "its state")


@check("{mode}: a {code} that `on` has sends the request on and takes nothing out", rows=[
    (m, c) for m in MODES for c in (400, 404, 408, 409, 413, 422)
])
def _(lab, mode, code):
    house = House(lab, 3, fallback="on: [429, 4xx], cooldown: 600s")
    house.a.reply(says(code, "max_tokens: must be less than 4096"), healthy, key="one")
    equal(house.who(stream=mode == "streamed"), "two", "who takes over")
    equal(house.state(), "ready", "its state")
    equal(house.who(stream=mode == "streamed"), "one", "who serves the next")


@check(
    "`on: {on}`: a {code} takes the account out as it does as `unauthorized`, and is no refusal of the client's key",
    rows=[(on, code) for on in ("[401, 402, 403]", "[4xx]") for code in (401, 402, 403)],
)
def _(lab, on, code):
    house = House(lab, 2, spare=False, fallback=f"on: {on}")
    house.a.reply(says(code, "This organization has been disabled."), key="one")
    equal([house.who() for _ in range(3)], ["two"] * 3, "who serves")
    equal((house.times(), house.state()), (1, "out_of_money" if code == 402 else "refused"), "times that it was asked, its state")
    house.a.reply(says(code, "This organization has been disabled."))
    answer = house.ask()
    equal(answer.status, 502, "the status where nobody else can serve")
    contains(answer.text, "This organization has been disabled.", "the upstream's words")


@check(
    "`on: {on}`: a {code} that sends nothing on goes to the client as it is, and is the account's all the same",
    rows=[(on, code) for on in ("[5xx]", "[429, 5xx, exhausted]") for code in (401, 403)] + [("[5xx]", 402)],
)
def _(lab, on, code):
    house = House(lab, 2, spare=False, fallback=f"on: {on}")
    house.a.reply(says(code, "This organization has been disabled."), key="one")
    answer = house.ask()
    equal((answer.status, house.times("two")), (code, 0), "the status of the first, how often the other account was asked")
    contains(answer.text, "This organization has been disabled.", "the upstream's words")
    equal(house.state(), "out_of_money" if code == 402 else "refused", "the account's state")
    equal([house.who() for _ in range(3)], ["two"] * 3, "who serves the next")
    equal(house.times(), 1, "times that it was asked")


@check("{seconds} s that Google asks to wait for are told to the client as long as they are held against the model", rows=[(40,), (18_000,)])
def _(lab, seconds):
    house = House(lab, 1, dialect="gemini", spare=False)
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}
    error = {"code": 429, "message": "Resource has been exhausted", "status": "RESOURCE_EXHAUSTED", "details": [info]}
    house.a.reply(status(429, json.dumps({"error": error}).encode()))
    equal(house.ask().header("retry-after"), str(seconds), "retry-after")
    rest = house.account()["cooldowns"][0]
    expect(seconds - 5 < house.ahead(rest["until"]) < seconds + 5, f"a rest of {seconds} s", rest)


@check("{mode}: Retry-After in the head of a success that is a limit counts as in a 429's", rows=list(MODES))
def _(lab, mode):
    house = House(lab, 2, fallback="cooldown: 30s")
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    event = b"event: error\ndata: " + json.dumps(error).encode() + b"\n\n"
    retry = [("Retry-After", "300")]
    house.a.reply(whole(json.dumps(error).encode(), headers=retry), key="one", streamed=False)
    house.a.reply(stream(event, headers=retry), key="one", streamed=True)
    equal(house.who(stream=mode == "streamed"), "two", "who takes over")
    rest = house.account()["cooldowns"][0]
    expect(290 < house.ahead(rest["until"]) < 305, "a rest of 300 s", rest)


@check("an account whose head calls a rate used up, and not until when, is out until a time that is told")
def _(lab):
    house = House(lab, 2)
    told(house, [("x-ratelimit-remaining-requests", "0")])
    equal(house.who(), "one", "who serves")
    account = house.account()
    equal(account["state"], "out_of_quota", "its state")
    expect(account["until"] and 0 < house.ahead(account["until"]) <= 61, "within a minute", account)


@check("{count} in a row open a breaker only where they are in a row ({what})", rows=[(5, "503"), (2, "timeout")])
def _(lab, count, what):
    house = House(lab, 2, more=SHORT)
    failing = CASES[what][0](house.now())
    house.a.reply(*([failing] * (count - 1) + [healthy]) * 2, key="one")
    for _ in range(2 * count):
        house.who()
    equal(house.times(), 2 * count, "times that it was asked although it failed often")
    equal(house.state(), "ready", "its state")


@check("half of twenty within 30 seconds open the breaker too")
def _(lab):
    house = House(lab, 2)
    house.a.reply(*[status(503), healthy] * 40, key="one")
    for _ in range(24):
        house.who()
    equal(house.state(), "failing", "its state")
    expect(house.times() <= 21, "asked no more once half of twenty failed", house.times())


@check("an open breaker lets one request try, doubles its wait when that fails, and closes when it succeeds")
def _(lab):
    house = House(lab, 2)
    house.a.reply(status(503), key="one")
    house.since()
    for _ in range(5):
        house.who()
    for wait in (5, 10, 20):
        asked = house.times()
        house.pass_to(house.passed + time.monotonic() - house.begun + wait + 1)
        for _ in range(3):
            equal(house.who(), "two", "who serves")
        equal(house.times(), asked + 1, f"times that it was tried after {wait} seconds")
    house.a.reply(after(0.8, healthy), key="one")
    house.pass_to(house.passed + time.monotonic() - house.begun + 41)
    served_by = []
    crowd = [threading.Thread(target=lambda: served_by.append(house.who())) for _ in range(6)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    equal(sorted(served_by), ["one"] + ["two"] * 5, "who served six at once while one tries")
    house.a.reply(healthy, key="one")
    equal([house.who() for _ in range(3)], ["one"] * 3, "who serves afterwards")
    equal(house.state(), "ready", "its state")


@check(
    "when nobody is left an account with an open breaker is tried all the same, one that is {what} never",
    rows=["drained", "refused"],
)
def _(lab, what):
    house = House(lab, 2, spare=False)
    house.a.reply(status(503), key="one")
    for _ in range(5):
        house.who()
    if what == "drained":
        equal(house.drain("two").status, 200, "the status of /drain")
    else:
        house.a.reply(status(401), key="two")
        house.ask()
    before = house.times("two")
    house.a.reply(healthy, key="one")
    equal(house.who(), "one", "who serves")
    house.drain("one")
    answer = house.ask()
    expect(answer.status >= 400, "an error when everybody is drained or refused", repr(answer))
    equal(house.times("two"), before, f"times that the {what} one was asked")


@check("a refused account is tried again after 5, 10 and 20 minutes, and comes back when that succeeds")
def _(lab):
    house = House(lab, 2)
    house.a.reply(status(401), key="one")
    house.since()
    house.who()
    passed = 0
    for minutes in (5, 10, 20):
        asked = house.times()
        house.pass_to(passed + minutes * 60 - 10)
        house.who()
        equal(house.times(), asked, f"times that it was asked before {minutes} minutes were over")
        passed = passed + minutes * 60 + 5
        house.pass_to(passed)
        for _ in range(3):
            equal(house.who(), "two", "who serves")
        equal(house.times(), asked + 1, f"times that it was asked after {minutes} minutes")
    house.a.reply(healthy, key="one")
    house.pass_to(passed + 40 * 60 + 10)
    eventually(lambda: house.who() == "one", "the first again")


@check("a success ends a cooldown of its model at once")
def _(lab):
    house = House(lab, 1, spare=False)
    house.a.reply(status(429, retry_after=600), healthy)
    house.ask()
    equal(house.state(), "cooling", "its state")
    equal(house.who(), "one", "who serves when nobody else is there")
    equal(house.state(), "ready", "its state after the success")


@check("a wait longer than `max_cooldown` is cut to it, a window's reset to eight days")
def _(lab):
    house = House(lab, 2, fallback="max_cooldown: 90s")
    house.a.reply(status(429, retry_after=10**9), key="one", model="m")
    house.since()
    house.who()
    house.pass_to(80)
    equal(house.who(), "two", "who serves after 80 seconds")
    house.a.reply(healthy, key="one")
    house.pass_to(95)
    equal(house.who(), "one", "who serves after 95")
    house.a.reply(unified("7d", house.now(), 400 * 86_400), key="one", model="m")
    house.who()
    equal(house.state(), "out_of_quota", "its state")
    ahead = seconds(house.account()["until"]) - house.now()
    expect(7.9 * 86_400 < ahead < 8.1 * 86_400, "eight days", ahead)


@check("every change of an account's state is one line of the log, worse as a warning, better as a notice: {what}", rows=[
    "503", "401", "402", "429 of a 5-hour window", "timeout",
])  # fmt: skip
def _(lab, what):
    answer, times, _scope, wait, _state = CASES[what]
    house = House(lab, 2, more=SHORT)
    house.a.reply(answer(house.now()), key="one")
    house.since()
    for _ in range(times + 2):
        house.who()
    lines = house.changes()
    equal(len(lines), 1, f"lines that tell that it is out ({lines})")
    for part in ("upstream=a", "account=one", "reason=", "until="):
        contains(lines[0], part, "the line")
    house.a.reply(healthy)
    house.free() if wait is None else house.pass_to(wait + 2)
    equal(house.who(), "one", "who serves when it is over")
    eventually(lambda: len(house.changes(level="notice")) == 1, "one line that tells that it is back")


@check("every fallback is a line of the log: who failed, how, and who took over")
def _(lab):
    house = House(lab, 2, fallback="cooldown: 1s")
    house.a.reply(status(503), healthy, key="one")
    house.who()

    def told():
        lines = [line for line in house.p.output().splitlines() if "503" in line or "5xx" in line]
        return [line for line in lines if "one" in line and "two" in line]

    eventually(told, "a line that names both accounts and the status")


@check("{count} requests while everything is down cause at most 1.2 attempts each", rows=[200], seconds=90)
def _(lab, count):
    house = House(lab, 3, more="log: {requests: false}")
    house.a.reply(status(503))
    house.b.reply(status(503))
    begun = time.monotonic()
    for _ in range(count):
        house.ask()
    took = time.monotonic() - begun
    attempts = len(house.a.requests) + len(house.b.requests)
    expect(attempts <= 1.2 * count + 10 * (took + 1), f"at most 1.2 for each of {count}, and 10 a second", (attempts, took))


@check(
    "what one client may not have, asks for or makes up changes nothing for another: {what}",
    rows=["a model", "a path", "a huge name"],
)
def _(lab, what):
    house = House(lab, 1)
    forbidden = says(403, "Your project does not have access to model `forbidden`.")
    house.a.reply(forbidden, model="forbidden")
    house.a.reply(says(403, "This organization has been disabled."), path="/v1/strange")
    for _ in range(6):
        if what == "a path":
            house.p.send("POST", "/v1/strange", {"model": "m"})
        else:
            house.ask("forbidden" if what == "a model" else "x" * 256)
    equal(house.who(), "one", "who serves another client's model")
    equal(house.state() in ("ready", "cooling"), True, "its state")


@check("cooldowns and their reasons survive a reload, and so do breaker and drain")
def _(lab):
    house = House(lab, 3)
    house.a.reply(status(401), key="one")
    house.who()
    house.drain("two")
    told = [(each["account"], each["state"], each["reason"]) for each in house.p.get("/admin/fallback")["accounts"]]
    house.p.replace(house.config + "\nlog: {level: debug}\n")
    equal(house.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")
    again = [(each["account"], each["state"], each["reason"]) for each in house.p.get("/admin/fallback")["accounts"]]
    equal(again, told, "accounts after the reload")
    equal(house.who(), "three", "who serves")
    equal(house.times(), 1, "times that the refused one was asked")


@check("a drained account stays out over a restart, until it is freed")
def _(lab):
    house = House(lab, 2)
    equal(house.drain().status, 200, "the status of /drain")
    house.p.restart()
    equal((house.who(), house.state()), ("two", "drained"), "who serves after a restart, its state")
    equal(len(house.changes(level="notice")), 2, "lines that say so, of the drain and of the start")
    for text in (house.config.replace("{name: one, key: provider-key-one}, ", ""), house.config):
        house.p.replace(text)
        equal(house.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")
    equal((house.who(), house.state()), ("two", "drained"), "who serves after it left the file and returned, its state")
    house.free()
    house.p.restart()
    equal((house.who(), house.state()), ("one", "ready"), "who serves after it was freed, and another restart")
    house.p.stop()
    (house.p.state / "drained.json").write_text("{")
    house.p.start()
    equal(house.who(), "one", "who serves after a list that is damaged")
    equal((house.p.state / "drained.json").exists(), False, "whether the damaged list is in its place")
    equal([file.read_text() for file in house.p.state.glob("drained.json.damaged-*")], ["{"], "what was set aside")
    contains(house.p.output(), "the list of drained accounts is damaged", "the log")


@check("an operator drains an account, and frees it")
def _(lab):
    house = House(lab, 2)
    held = house.p.open_stream("anthropic", "m")
    answer = house.drain()
    equal(
        (answer.status, answer.json()), (200, {"status": "drained", "upstream": "a", "account": "one"}), "the answer of /drain"
    )
    served(held.rest() or held.answer, "the stream that was there before")
    equal((house.who(), house.state()), ("two", "drained"), "who serves, its state")
    equal(house.free().json(), {"status": "freed", "upstream": "a", "account": "one"}, "the answer of /free")
    equal((house.who(), house.state()), ("one", "ready"), "who serves, its state")
    for path in ("/admin/accounts/x/one/drain", "/admin/accounts/a/x/drain"):
        equal(house.p.admin("POST", path).status, 404, path)
    equal(house.p.admin("POST", "/admin/accounts/a/one/drain", key=None).status, 401, "without a key")
    equal(house.p.admin("GET", "/admin/accounts/a/one/drain").status, 405, "asked with GET")
    actions = [entry["action"] for entry in house.p.get("/admin/audit")["audit"]]
    expect({"account.drain", "account.free"} <= set(actions), "both in the audit log", actions)

