"""What is left of accounts' windows: told by every vendor's headers, by polls, or counted here; never believed beyond reason."""

import threading
import time

from accounts import POLL, SPARE, WAIT, House, anthropic, codex, instant, models, named, rate, seconds, told, unified
from checks import check, contains, equal, eventually, expect, lacks
from harness import served
from limits import reload
from upstream import after, health, healthy, says, status, whole

# What an answer's headers say when 2% are left for six minutes, the window that is told, and whether it holds one model or all.
FAMILIES = {
    "Anthropic's requests": (lambda now: anthropic("requests", now), "requests", "one"),
    "Anthropic's tokens": (lambda now: anthropic("tokens", now), "tokens", "one"),
    "Anthropic's input tokens": (lambda now: anthropic("input-tokens", now), "input_tokens", "one"),
    "Anthropic's output tokens": (lambda now: anthropic("output-tokens", now), "output_tokens", "one"),
    "a subscription's five hours": (lambda now: unified("5h", 0.02, now), "5h", "all"),
    "a subscription's seven days": (lambda now: unified("7d", 0.02, now), "7d", "all"),
    "OpenAI's requests": (lambda now: rate("requests", "6m0s"), "requests", "one"),
    "OpenAI's tokens": (lambda now: rate("tokens", "6m0s"), "tokens", "one"),
    "Azure's requests": (lambda now: rate("requests", "360"), "requests", "one"),
    "Groq's tokens": (lambda now: rate("tokens", "5m59.56s"), "tokens", "one"),
    "a reset in epoch milliseconds": (lambda now: rate("requests", str(int((now + WAIT) * 1000))), "requests", "one"),
    "Codex' first window": (lambda now: codex("primary"), "primary", "all"),
    "Codex' second window": (lambda now: codex("secondary"), "secondary", "all"),
}


@check("{family}: an account that has 2% left is passed over until its reset, and then is full", rows=list(FAMILIES))
def _(lab, family):
    headers, kind, holds = FAMILIES[family]
    house = House(lab, 2)
    told(house, headers(house.now()))
    house.since()
    equal(house.who(), "one", "who serves the first")
    eventually(lambda: house.who() == "two", "the second, once the first has 2% left")
    equal(house.who("other"), "two" if holds == "all" else "one", "who serves another model")
    window = house.window(kind)
    expect(window and 0.019 < window["share"] < 0.021 and window["source"] == "headers", "a window of 2%, from headers", window)
    equal(models(window), ["*"] if holds == "all" else ["m"], "the models that it holds")
    expect(WAIT - 15 < house.ahead(window["resets_at"]) <= WAIT + 1, "a reset in six minutes", (window, house.now()))
    if kind in ("requests", "tokens", "input_tokens", "output_tokens"):
        equal((window["limit"], window["remaining"]), (100, 2), "limit and what remains")
    house.a.reply(healthy, key="one")
    house.pass_to(WAIT - 20)
    equal(house.who(), "two", "who serves shortly before the reset")
    house.pass_to(WAIT + 3)
    window = house.window(kind)
    equal((window["share"], window["source"]), (1, "reset"), "share and source after the reset, by reckoning")
    equal(house.who(), "one", "who serves after the reset")


@check("streamed answers' headers are read, and those of errors")
def _(lab):
    house = House(lab, 2)
    error = status(400, headers=rate("requests", "6m0s"))
    house.a.reply(error, key="one", model="bad")
    house.ask("bad")
    eventually(lambda: house.window("requests", model="bad"), "the window that an error told of")

    def stream(request, wire):
        from upstream import stream as events

        events(house.dialect.stream(request.model), headers=unified("5h", 0.01, house.now()))(request, wire)

    house.a.reply(stream, key="one", model="m")
    house.who(stream=True)
    eventually(lambda: house.who(stream=True) == "two", "the second")


@check("the tightest of a model's windows counts, and a fresher value takes its place")
def _(lab):
    house = House(lab, 2, spare=False)
    told(house, unified("5h", 0.9, house.now()) + unified("7d", 0.02, house.now()))
    house.who()
    eventually(lambda: house.who() == "two", "the second: of seven days 2% are left")
    house.drain("two")
    told(house, unified("5h", 0.9, house.now()) + unified("7d", 0.5, house.now()))
    house.ask()
    house.free("two")
    eventually(lambda: house.who() == "one", "the first, once it said that half is left")


@check("a family's window holds the models that it was seen refusing, and no other")
def _(lab):
    house = House(lab, 2)
    headers = unified("7d_opus", 0.0, house.now(), 3600, status="rejected")
    house.a.reply(status(429, headers=[("retry-after", "3600"), *headers]), key="one", model="claude-opus-4")
    equal(house.who("claude-opus-4"), "two", "who serves the model that is refused")
    equal(house.who("claude-sonnet-4"), "one", "who serves another")
    equal(house.who("claude-opus-4"), "two", "who serves the refused one again")


@check("a model that is refused while five hours are used up is none of a family's")
def _(lab):
    house = House(lab, 2)
    headers = [("anthropic-ratelimit-unified-representative-claim", "five_hour")]
    for kind, wait in (("5h", 120), ("7d_opus", 3600)):
        headers += unified(kind, 0.0, house.now(), wait, status="rejected")
    house.since()
    house.a.reply(status(429, headers=[("retry-after", "120"), *headers]), healthy, key="one", model="claude-sonnet-4")
    equal(house.who("claude-sonnet-4"), "two", "who serves the model that is refused")
    equal(models(house.window("7d:opus")), [], "the models that the family holds")
    house.pass_to(125)
    equal(house.who("claude-sonnet-4"), "one", "who serves once the five hours are over")


@check("a window that is back before its reset ends what was refused for its lack")
def _(lab):
    house = House(lab, 2, spare=False)
    headers = unified("5h", 0.0, house.now(), 3600, status="rejected")
    house.a.reply(status(429, headers=[("retry-after", "3600"), *headers]), healthy, key="one", model="m")
    equal([house.who(), house.who("other")], ["two", "two"], "who serves while the first has nothing left")
    house.drain("two")
    told(house, unified("5h", 0.5, house.now(), 3600), model="other")
    equal(house.who("other"), "one", "who is asked for want of anybody else")
    house.free("two")
    eventually(lambda: house.who() == "one", "the first for the model that it refused")


@check(
    "{mode}: {family} that a refusal's head called used up is not where the account serves the next all the same",
    rows=[(m, f) for m in ("whole", "streamed") for f in ("a rate", "five hours", "Codex' window")],
)
def _(lab, mode, family):
    house = House(lab, 1, spare=False)
    headers = {
        "a rate": rate("requests", "6m0s", remaining=0),
        "five hours": unified("5h", 0, house.now(), 7200, status="rejected"),
        "Codex' window": codex("primary", "100", 7200),
    }[family]
    house.a.reply(says(429, "slow down", headers=headers))
    equal((house.ask(stream=mode == "streamed").status, house.state()), (429, "out_of_quota"), "status of the first, state")
    told(house, headers)
    equal((house.ask().status, house.state()), (200, "out_of_quota"), "status of one whose head tells the same, state")
    house.a.reply(says(429, "slow down", headers=headers))
    equal(house.ask().status, 429, "status of another refusal")
    house.a.reply(healthy)
    equal((house.ask(stream=mode == "streamed").status, house.state()), (200, "ready"), "status of one that tells nothing, state")


@check("{mode}: what was asked before {what} was told, and is served after it, ends nothing", rows=[
    (m, w) for m in ("whole", "streamed") for w in ("a burst", "a rate", "five hours", "a refusal", "an empty balance")])
def _(lab, mode, what):
    house = House(lab, 2, clock=False)
    headers = {"a rate": rate("requests", "6m0s", remaining=0), "five hours": unified("5h", 0, house.now(), 7200, status="rejected")}
    limited = says(429, "slow down", retry_after=600, headers=headers.get(what, []))
    told_so = {"a refusal": status(401), "an empty balance": status(402)}.get(what, limited)
    house.a.reply(after(1, healthy), told_so, healthy, key="one")
    early = []
    thread = threading.Thread(target=lambda: early.append(house.who(stream=mode == "streamed")))
    thread.start()
    house.a.wait(1)
    equal(house.who(stream=mode == "streamed"), "two", "who takes over from the one that is limited")
    thread.join(10)
    equal((early, house.state() != "ready"), (["one"], True), "who served the early one, whether the account is still out")
    equal(house.who(stream=mode == "streamed"), "two", "who serves the next")


@check("an account that an operator frees is asked again, whatever its windows said")
def _(lab):
    house = House(lab, 2)
    told(house, unified("5h", 0.0, house.now(), 3600))
    equal([house.who(), house.who()], ["one", "two"], "who serves")
    house.a.reply(healthy, key="one")
    equal(house.who(), "two", "who serves before it is freed")
    house.free()
    equal(house.who(), "one", "who serves after")


@check("a reset may be told by a header that means something else, too")
def _(lab):
    names = "header_names: {requests: {limit: all, remaining: left, reset: retry-after}}"
    house = House(lab, 2, extra=f"affinity: none, quota: {{{names}}}")
    house.since()
    told(house, [("all", "10"), ("left", "0"), ("retry-after", "120")])
    equal([house.who(), house.who()], ["one", "two"], "who serves")
    house.a.reply(healthy, key="one")
    expect(house.ahead(house.window("requests")["resets_at"]) > 100, "a reset in two minutes", house.window("requests"))
    house.pass_to(122)
    equal(house.who(), "one", "who serves after the reset")


@check("a refusal that names its window, {what}, in the head leaves one window", rows=["a subscription's", "a rate"])
def _(lab, what):
    house = House(lab, 2)
    headers = unified("5h", 0, house.now(), 7200, status="rejected") if what == "a subscription's" else rate("requests", "6m0s", remaining=0)
    house.a.reply(status(429, headers=headers), key="one")
    equal(house.who(), "two", "who takes over")
    equal([w["kind"] for w in house.account("one")["windows"]], ["5h" if what == "a subscription's" else "requests"], "its windows")


@check("with `headers: false` a 429 that names a rate alone rests the model as one that names no wait")
def _(lab):
    house = House(lab, 2, fallback="cooldown: 30s", extra="affinity: none, quota: {headers: false}")
    house.since()
    house.a.reply(status(429, headers=rate("requests", "6m0s", remaining=0)), healthy, key="one")
    equal(house.who(), "two", "who takes over")
    equal(house.account("one")["windows"], [], "its windows")
    house.pass_to(35)
    equal(house.who(), "one", "who serves after `cooldown`")


@check("with `headers: false` nothing that headers say counts")
def _(lab):
    house = House(lab, 2, extra="affinity: none, quota: {headers: false}")
    told(house, unified("5h", 0.0, house.now()))
    equal([house.who() for _ in range(3)], ["one"] * 3, "who serves")
    equal(house.account()["windows"], [], "its windows")


LIES = {
    "a negative number": "-5",
    "a number without end": "9" * 400,
    "NaN": "NaN",
    "infinity": "inf",
    "an exponent": "1e308",
    "more than the limit": "1000000",
    "nothing": "",
    "words": "plenty; thank you",
    "zero with a sign": "+0",
    "a fraction": "0.5",
    "other digits": "٣",
}
RESETS = {
    "1970": instant(0),
    "2099": instant(4_070_908_800),
    "a year without end": "99999999999-01-01T00:00:00Z",
    "a negative wait": "-10s",
    "a wait without end": "9" * 300 + "h",
    "NaN": "NaN",
    "nothing": "",
    "the year 0": "0000-00-00T00:00:00Z",
}


def bounded(house):
    """What is told of windows is within reason, whatever was said."""
    for each in house.p.get("/admin/fallback")["accounts"]:
        for window in each["windows"]:
            for name in ("share", "remaining", "limit"):
                expect(window[name] is None or window[name] >= 0, f"no negative {name}", window)
            expect(window["share"] is None or window["share"] <= 1, "a share of at most 1", window)
            if window["remaining"] is not None and window["limit"] is not None:
                expect(window["remaining"] <= window["limit"], "no more than the limit", window)
            if window["resets_at"]:
                expect(house.ahead(window["resets_at"]) < 8.01 * 86_400, "a reset within eight days", window)


@check("a vendor that says {what} is left is not believed beyond reason", rows=list(LIES))
def _(lab, what):
    house = House(lab, 2, clock=False)
    for build in (
        lambda: rate("requests", "6m0s", remaining=LIES[what]),
        lambda: rate("tokens", "6m0s", limit=LIES[what], remaining=LIES[what]),
        lambda: [(f"anthropic-ratelimit-tokens-{part}", LIES[what]) for part in ("limit", "remaining")],
        lambda: unified("5h", 0.5, house.now(), utilization=LIES[what]),
        lambda: codex("primary", used=LIES[what]),
    ):
        headers = [(name, value.encode().decode("latin-1")) for name, value in build()]
        told(house, headers)
        served(house.ask())
        bounded(house)
    expect(house.p.output().count("warning") <= 3, "said once at most", house.p.output())
    served(house.ask())


@check("a vendor whose window is reset in {what} is not believed beyond reason", rows=list(RESETS))
def _(lab, what):
    house = House(lab, 2)
    for headers in (
        rate("requests", RESETS[what], remaining=0),
        unified("5h", 0.0, house.now(), reset=RESETS[what]),
        [("anthropic-ratelimit-requests-remaining", "0"), ("anthropic-ratelimit-requests-reset", RESETS[what])],
        codex("primary", used="100", wait=RESETS[what]),
    ):
        told(house, headers)
        served(house.ask())
        bounded(house)
    house.a.reply(healthy)
    house.since()
    house.pass_to(8.2 * 86_400)
    eventually(lambda: house.who() == "one", "the first again after eight days at the latest")


@check("thousands of models with windows leave memory and the admin pages small", seconds=120)
def _(lab):
    house = House(lab, 2, more="log: {requests: false}", clock=False)
    told(house, rate("requests", "6m0s", remaining=50) + rate("tokens", "6m0s", remaining=50), model=None)
    connection = house.p.connect(timeout=30)
    headers = house.p.headers(headers=[("Content-Type", "application/json")])
    for i in range(3000):
        connection.ask("POST", house.dialect.path, headers, house.dialect.request(f"made-up-{i}-" + "x" * 200))
    page = house.p.admin("GET", "/admin/fallback")
    expect(len(page.body) < 128 << 10, "a page under 128 KiB", len(page.body))
    text = house.p.admin("GET", "/metrics").text
    expect(len(text) < 1 << 20, "metrics under 1 MiB", len(text))
    lacks(text, "made-up-2999", "metrics")


# ---------------------------------------------------------------- counted here


@check("{unit} that are declared are counted here, and a used-up one is back when its time is over", rows=["requests", "tokens"])
def _(lab, unit):
    # An answer has 26 tokens: 19 in, 7 out.
    declared = "requests_per_minute: 3" if unit == "requests" else "tokens_per_minute: 78"
    accounts = [("one", f"quota: {{declared: {{{declared}}}}}"), "two"]
    house = House(lab, accounts)
    house.since()
    equal([house.who() for _ in range(3)], ["one"] * 3, "who serves the first three")
    eventually(lambda: house.who() == "two", "the second, once three are used")
    window = house.window(unit)
    equal((window["remaining"], window["source"]), (0, "declared"), "what remains, and where that is from")
    equal(house.state(), "out_of_quota", "its state")
    eventually(lambda: len(house.changes()) == 1, "one line that tells that it is out")
    house.pass_to(62)
    equal(house.who(), "one", "who serves a minute later")
    eventually(lambda: len(house.changes(level="notice")) == 1, "one line that tells that it is back")


@check("declared numbers are whole before the first request, and ten requests at once do not pass them")
def _(lab):
    house = House(lab, [("one", "quota: {declared: {requests_per_minute: 2}}"), "two"])
    window = house.window("requests")
    equal((window["share"], window["remaining"], window["limit"], window["resets_at"]), (1, 2, 2, None), "the window at the start")
    house.a.reply(after(0.5, healthy))
    threads = [threading.Thread(target=house.p.ask, kwargs={"text": f"at once {i}"}) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    equal((house.times(), house.times("two")), (2, 8), "times that each was asked")
    equal(house.window("requests")["remaining"], 0, "what remains")


@check("what remains after a burst is told as it is")
def _(lab):
    house = House(lab, 1)
    for left in range(1000, 989, -1):
        told(house, rate("requests", "6m0s", limit=1000, remaining=left))
        served(house.ask())
    equal(house.window("requests", model="m")["remaining"], 990, "what remains")


@check("a declared number that a reload raises counts at once, from what was counted before")
def _(lab):
    house = House(lab, [("one", "quota: {declared: {requests_per_day: 2}}"), "two"])
    equal([house.who() for _ in range(3)], ["one", "one", "two"], "who serves with two a day")
    reload(house.p, ("requests_per_day: 2", "requests_per_day: 3"))
    equal([house.who() for _ in range(2)], ["one", "two"], "who serves with three a day")
    reload(house.p, ("requests_per_day: 3", "tokens_per_day: 1M"))
    equal(house.who(), "one", "who serves when requests are not counted any more")


@check("what the answers to an account's old credential tell of quota holds nothing against its new one")
def _(lab):
    house = House(lab, 2)
    asked, go = threading.Event(), threading.Event()

    def late(request, wire):
        asked.set()
        go.wait(10)
        whole(house.dialect.whole(request.model), headers=unified("5h", 0.0, house.now(), 3600))(request, wire)

    house.a.reply(late, key="one")
    asking = threading.Thread(target=house.ask)
    asking.start()
    expect(asked.wait(5), "the request at the upstream", house.a.requests)
    reload(house.p, ("provider-key-one", "provider-key-of-tomorrow"))
    go.set()
    asking.join()
    equal(house.who(), "one", "who serves, with the new credential")
    equal((house.state(), house.account()["windows"]), ("ready", []), "its state and its windows")


@check("what an answer tells of quota counts though the file was changed elsewhere meanwhile")
def _(lab):
    house = House(lab, 2, more="log: {level: info}")
    refused = status(429, headers=unified("5h", 0.0, house.now(), 3600, status="rejected"))
    house.a.reply(after(0.5, refused), key="one")
    asking = threading.Thread(target=house.ask)
    asking.start()
    house.a.wait(1)
    reload(house.p, ("level: info", "level: debug"))
    asking.join()
    expect(house.ahead(house.account()["until"]) > 3500, "an hour's rest", house.account())
    equal((house.state(), house.window("5h")["share"]), ("out_of_quota", 0), "its state, and what is left of the window")


@check("what an upstream told at another address holds nothing against its accounts")
def _(lab):
    house = House(lab, 2)
    told(house, unified("5h", 0.0, house.now(), 3600))
    equal([house.who(), house.who()], ["one", "two"], "who serves")
    reload(house.p, (house.a.url, lab.upstream().url))
    equal(house.who(), "one", "who serves at the new address")


# ---------------------------------------------------------------- polls


@check("a poll that calls accounts as the file does tells each its own; other names count together")
def _(lab):
    house = House(lab, 3, extra=POLL, polled=named(one=0.0, two=0.0, three=0.7))
    equal(house.who(), "three", "who serves")
    window = house.window("share", "three")
    equal((window["share"], window["source"]), (0.7, "poll"), "the window of the third")
    house.a.health = named(someone=0.0, other=0.6)
    house.p.wait_polled(house.a, more=2)
    equal(house.who(), "one", "who serves when the best of unknown names has quota")


@check(
    "a poll that tells {what} breaks nothing",
    rows=["two accounts with one name", "an account without a name", "shares out of bounds"],
)
def _(lab, what):
    told = named(one=0.5)
    double = named(one=0.0)["accounts"][0]
    if what == "two accounts with one name":
        told["accounts"].append(double)
    elif what == "an account without a name":
        del double["email"]
        told["accounts"].insert(0, double)
    else:
        told["accounts"] = [dict(double, models={"m": {"remainingFraction": share}}) for share in (-1, 2, 1e300, "x")]
    house = House(lab, 2, extra=POLL, polled=told)
    served(house.ask())
    bounded(house)


@check("an account that the poll calls {state} does not count, and is asked after the others", rows=["error", "invalid"])
def _(lab, state):
    told = named(one=0.9, two=0.5)
    told["accounts"][0]["status"] = state
    house = House(lab, 2, extra=POLL, polled=told)
    equal(house.who(), "two", "who serves")
    told["accounts"][1]["models"]["m"]["remainingFraction"] = 0.04
    house.p.wait_polled(house.a)
    equal(house.who(), SPARE, "who serves when only what does not count has more than the threshold")


@check("a poll's share of {share} is not believed, and said once", rows=[-3, 30])
def _(lab, share):
    told = named(one=0.5, two=0.5)
    told["accounts"][0]["models"]["m"]["remainingFraction"] = share
    house = House(lab, 2, extra=POLL, polled=told)
    house.p.wait_polled(house.a, more=2)
    equal(house.who(), "one", "who serves: the share is unknown")
    equal([w for w in house.account("one")["windows"] if w["kind"] == "share"], [], "what is known of the share")
    equal(house.p.output().count("a share that cannot be"), 1, "lines of the log")


@check("while a poll is {what} the last good value lives its time, and no longer", rows=["slow", "HTML", "an error"])
def _(lab, what):
    house = House(lab, 2, extra=POLL, polled=named(one=0.0, two=0.5))
    equal(house.who(), "two", "who serves")
    bad = {
        "slow": lambda _request, _wire: time.sleep(3),
        "HTML": whole(b"<html>", content_type="text/html"),
        "an error": status(500),
    }
    house.a.health = bad[what]
    house.p.wait_polled(house.a)
    equal(house.who(), "two", "who serves right after the first bad poll")
    eventually(lambda: house.who() == "one", "the first, once what is known of it is too old", 15, every=0.3)


@check("a poll shows another account's credential where the first one's is refused with {code}, and no other where it fails otherwise", rows=[401, 403, 500])
def _(lab, code):
    good = whole(named(one=0.0, two=0.5))
    house = House(lab, 2, extra=POLL, polled=named(one=0.0, two=0.5))
    house.a.health = lambda request, wire: (status(code) if request.credential == "provider-key-one" else good)(request, wire)
    before = len(house.a.polls)
    house.p.wait_polled(house.a, more=2)
    error = house.p.get("/admin/fallback")["upstreams"][0]["poll_error"]
    asked = {request.credential for request in house.a.polls[before:]}
    if code == 500:
        equal((error, asked), ("the upstream answered 500", {"provider-key-one"}), "what went wrong, whose credential was shown")
    else:
        equal((error, asked), (None, {"provider-key-one", "provider-key-two"}), "what went wrong, whose credential was shown")
        equal(house.who(), "two", "who serves")


@check("health()'s best account still counts for `quota()` in conditions, and `quota_runs_out` is a time")
def _(lab):
    rules = """
rules:
  - {name: soon, models: [probe], when: 'quota_runs_out("a", "m") < now + duration("10h")', tiers: [b]}
  - {name: full, models: [probe], when: 'quota("a", "m") > 0.9', tiers: [b]}
  - {name: low, models: [probe], when: 'quota("a", "m") > 0.1', tiers: [b]}
  - {name: all, models: ["*"], tiers: [a]}
"""
    house = House(lab, 2, extra=POLL, more=rules, polled=health({"m": 0.0}, {"m": 0.3}))
    equal(served(house.ask("probe")).header("x-proxyd-rule"), "low", "the rule, with 30% at the best account")


@check("what a {what} account has left does not count for `quota()`", rows=["drained", "refused"])
def _(lab, what):
    rules = """
rules:
  - {name: plenty, models: [probe], when: 'quota("a", "m") > 0.8', tiers: [b]}
  - {name: little, models: [probe], when: 'quota("a", "m") >= 0.0', tiers: [b]}
  - {name: unknown, models: [probe], tiers: [b]}
  - {name: all, models: ["*"], tiers: [a]}
"""
    house = House(lab, 2, extra=POLL, more=rules, polled=named(one=0.9, two=0.02))
    house.a.reply(status(401), key="one")

    def rule():
        return served(house.ask("probe")).header("x-proxyd-rule")

    equal(rule(), "plenty", "the rule while both may serve")
    equal(house.drain().status if what == "drained" else house.ask().header("x-proxyd-account"), 200 if what == "drained" else "two", "what comes of it")
    equal(rule(), "little", "the rule while one may serve")
    equal(house.drain("two").status, 200, "the status of /drain")
    equal(rule(), "unknown", "the rule while nobody may")
    equal((house.free().status, rule()), (200, "plenty"), "the status of /free, the rule after it")


@check("what is left runs out at a time that is told, at the present rate")
def _(lab):
    house = House(lab, 2)
    house.since()
    now = house.now()
    for minutes, share in ((0, 0.9), (10, 0.8), (20, 0.7), (30, 0.6)):
        house.pass_to(minutes * 60)
        told(house, unified("5h", share, now, 5 * 3600))
        house.who()
    window = house.window("5h")
    expect(window["runs_out_at"], "a forecast", window)
    expect(0.5 * 3600 < house.ahead(window["runs_out_at"]) < 2 * 3600, "about an hour ahead: a tenth in ten minutes", window)


@check("what was left when a window was reset is counted as lost")
def _(lab):
    house = House(lab, 2)
    house.since()
    told(house, unified("5h", 0.4, house.now(), 600))
    house.who()
    house.pass_to(700)
    told(house, unified("5h", 1.0, house.now(), 18_000))
    house.who()
    text = house.p.admin("GET", "/metrics").text
    line = next((x for x in text.splitlines() if x.startswith("proxyd_quota_wasted_share_total{") and 'window="5h"' in x), "")
    contains(line, 'account="one"', "the counter")
    expect(0.39 < float(line.split()[-1]) < 0.41, "40% lost", line)


@check("a reading that is seconds old says so")
def _(lab):
    house = House(lab, 2)
    told(house, unified("5h", 0.4, house.now(), 6000))
    house.since()
    house.who()
    house.pass_to(120)
    age = house.window("5h")["age_s"]
    expect(110 <= age <= 150, "about two minutes", age)
    expect(seconds(house.window("5h")["resets_at"]) > house.now(), "a reset to come", house.window("5h"))
