"""Proactive fallback: /health of an upstream is polled, and a tier without quota is passed over."""

import gzip
import json
import time

from checks import check, equal, eventually, expect, one_of
from dialects import ANTHROPIC
from harness import served
from upstream import account, after, health, iso, raw, status, whole

POLL = "quota: {poll: /health, interval: 1s, timeout: 800ms}"


def _polled(lab, *told, count=2, fallback="", rule="", tier="{0}/{1}", extra=POLL, more=""):
    """Two tiers whose upstreams say this of themselves, polled before the first request."""
    p = lab.tiers(count, fallback=fallback, rule=rule, tier=tier, extra=extra, more=more, start=False)[0]
    ups = lab.upstreams
    for up, health_of in zip(ups, told):
        up.health = health_of
    p.start()
    p.wait_polled(*ups, total=1)
    return (p, *ups)


def _lands(p, ups, wanted):
    """Whole and streamed, the request goes to that tier and to no other."""
    before = [len(up.requests) for up in ups]
    for mode in (False, True):
        answer = served(p.ask(stream=mode), "a streamed answer" if mode else "a whole answer")
        equal(answer.header("x-proxyd-upstream"), wanted, f"the upstream that answered ({'streamed' if mode else 'whole'})")
        equal(answer.header("x-proxyd-attempts"), "1", "x-proxyd-attempts")
    asked = [f"t{i}" for i, (up, old) in enumerate(zip(ups, before), 1) if len(up.requests) > old]
    equal(asked, [wanted], "the upstreams that were asked")


def _one(share, **more):
    return health(account({"model-1": share}, **more))


SECOND = health({"model-2": 0.9})
CASES = {  # what the first upstream says, and the tier that serves
    "one account, full": (lambda: _one(1.0), "t1"),
    "one account, empty": (lambda: _one(0.0), "t2"),
    "one account, an integer 1": (lambda: _one(1), "t1"),
    "one account, an integer 0": (lambda: _one(0), "t2"),
    "accounts[0] empty and accounts[1] full": (lambda: health({"model-1": 0.0}, {"model-1": 1.0}), "t1"),
    "accounts[0] full and accounts[1] empty": (lambda: health({"model-1": 1.0}, {"model-1": 0.0}), "t1"),
    "ten accounts, only the last with quota": (lambda: health(*[{"model-1": 0.0}] * 9, {"model-1": 0.3}), "t1"),
    "all accounts empty": (lambda: health({"model-1": 0.0}, {"model-1": 0.01}), "t2"),
    "exactly the threshold": (lambda: _one(0.05), "t1"),
    "just below the threshold": (lambda: _one(0.0499), "t2"),
    "just above the threshold": (lambda: _one(0.0501), "t1"),
    "the threshold as the best of two": (lambda: health({"model-1": 0.01}, {"model-1": 0.05}), "t1"),
    "a model that is not named": (lambda: health({"other": 0.0}), "t1"),
    "no models at all": (lambda: health({}), "t1"),
    "no accounts at all": (lambda: health(), "t1"),
    "null without a reset time": (lambda: _one(None), "t1"),
    "null with a reset still to come": (lambda: _one((None, iso(3600))), "t2"),
    "null with a reset that has passed": (lambda: _one((None, iso(-3600))), "t1"),
    "null with a reset to come, another account full": (lambda: health({"model-1": (None, iso(3600))}, {"model-1": 0.8}), "t1"),
    "null with a reset to come on every account": (
        lambda: health({"model-1": (None, iso(3600))}, {"model-1": (None, iso(60))}),
        "t2",
    ),
    "empty with a reset to come": (lambda: _one((0.0, iso(3600))), "t2"),
    "an empty account and one that does not name the model": (lambda: health({"model-1": 0.0}, {"other": 1.0}), "either"),
    "full but invalid, another empty": (
        lambda: health(account({"model-1": 1.0}, "invalid"), account({"model-1": 0.0}, number=1)),
        "t2",
    ),
    "full but in error, another empty": (
        lambda: health(account({"model-1": 1.0}, "error"), account({"model-1": 0.0}, number=1)),
        "t2",
    ),
    "empty and invalid, another full": (
        lambda: health(account({"model-1": 0.0}, "invalid"), account({"model-1": 0.7}, number=1)),
        "t1",
    ),
    "rate-limited as a whole, quota left for this model": (lambda: _one(0.8, state="rate-limited"), "t1"),
    "a share although the model's own limit is not over": (lambda: _one(0.8, limited={"model-1": 600}), "t2"),
    "a limit of the model that is over": (lambda: _one(0.8, limited={"model-1": -600}), "t1"),
    "a limit of another model": (lambda: _one(0.8, limited={"other": 600}), "t1"),
    "a limited account and a free one": (
        lambda: health(account({"model-1": 0.9}, limited={"model-1": 600}), account({"model-1": 0.4}, number=1)),
        "t1",
    ),
}


@check("a first tier with {what}: {tier} serves", rows=[(what, wanted) for what, (_, wanted) in CASES.items()])
def _(lab, what, tier):
    p, *ups = _polled(lab, CASES[what][0](), SECOND)
    if tier == "either":
        served(p.ask())
    else:
        _lands(p, ups, tier)


@check(
    "when every tier is under its threshold the fullest is tried all the same ({shares})",
    rows=[
        ("1% and 3%", 0.01, 0.03, "t2"),
        ("4% and 2%", 0.04, 0.02, "t1"),
        ("0% and 1%", 0.0, 0.01, "t2"),
        ("0% and 4.9%", 0.0, 0.049, "t2"),
    ],
)
def _(lab, shares, one, two, wanted):
    p, *ups = _polled(lab, _one(one), health({"model-2": two}))
    _lands(p, ups, wanted)


@check("when every tier has nothing left one is tried all the same")
def _(lab):
    p, *_ups = _polled(lab, _one(0.0), health({"model-2": 0.0}))
    served(p.ask())
    served(p.ask(stream=True))


@check("when the fullest of the low tiers fails another low tier is tried")
def _(lab):
    p, first, second = _polled(lab, _one(0.01), health({"model-2": 0.03}))
    second.reply(status(503))
    equal(served(p.ask()).header("x-proxyd-upstream"), "t1", "the upstream that answered")
    equal((len(first.requests), len(second.requests)), (1, 1), "requests at the two")


@check("the middle one of three tiers serves when only it has quota")
def _(lab):
    p, *ups = _polled(lab, _one(0.0), health({"model-2": 0.2}), health({"model-3": 1.0}), count=3)
    _lands(p, ups, "t2")


@check("two models of one upstream have quotas of their own")
def _(lab):
    up = lab.upstream()
    up.health = health({"big": 0.0, "small": 0.6}, {"big": 0.02, "small": 0.1})
    p = lab.proxyd(f"upstreams: {{a: {up.declare(extra=POLL)}}}\nrules: [{{name: all, tiers: [a/big, a/small]}}]")
    p.wait_polled(up)
    answer = served(p.ask())
    equal((answer.header("x-proxyd-tier"), up.last.model), ("a/small", "small"), "the tier and the model")
    equal(json.loads(answer.body)["model"], "small", "the model in the answer")


@check("a tier that keeps the model asked for is measured by that model")
def _(lab):
    p, *ups = _polled(lab, health({"claude-test": 0.0, "claude-other": 1.0}), health({}), tier="{0}")
    _lands(p, ups, "t2")
    equal(served(p.ask(model="claude-other")).header("x-proxyd-upstream"), "t1", "the upstream for the other model")


@check("with `enabled: false` quota does not matter")
def _(lab):
    p, *ups = _polled(lab, _one(0.0), SECOND, fallback="enabled: false")
    _lands(p, ups, "t1")


@check(
    "the threshold may be set {where}",
    rows=["in general", "in general as a number", "by the upstream", "by the tier", "by the rule"],
)
def _(lab, where):
    told = (_one(0.4), SECOND)
    if where.startswith("in general"):
        p, *ups = _polled(lab, *told, fallback="threshold: " + ("50%" if where == "in general" else "0.5"))
    elif where == "by the upstream":
        p, *ups = _polled(lab, *told, extra=POLL + ", threshold: 50%")
    elif where == "by the tier":
        p, *ups = _polled(lab, *told, tier="{{upstream: {0}, model: {1}, threshold: 50%}}")
    else:
        p, *ups = _polled(lab, *told, rule="fallback: {threshold: 50%}")
    _lands(p, ups, "t2")


@check("a tier's own threshold can be lower than the general one")
def _(lab):
    p, *ups = _polled(lab, _one(0.02), SECOND, tier="{{upstream: {0}, model: {1}, threshold: 1%}}", fallback="threshold: 50%")
    _lands(p, ups, "t1")


@check("a new quota is in force with the next poll, in both directions")
def _(lab):
    p, first, second = _polled(lab, _one(0.9), SECOND)
    _lands(p, (first, second), "t1")
    first.health = _one(0.0)
    p.wait_polled(first)
    _lands(p, (first, second), "t2")
    first.health = health({"model-1": 0.0}, {"model-1": 0.5})
    p.wait_polled(first)
    _lands(p, (first, second), "t1")


@check("the upstream is polled each `interval`, with its own key, at once after the start")
def _(lab):
    p, first, _second = _polled(lab, _one(0.9), SECOND)
    time.sleep(3.2)
    expect(3 <= len(first.polls) <= 6, "3 to 6 polls in about 3.5 s with an interval of 1 s", len(first.polls))
    equal({(poll.method, poll.target) for poll in first.polls}, {("GET", "/health")}, "what was asked")
    p.expect_alive()


@check("requests do not wait for a poll that hangs, nor does its quota stay unknown for ever")
def _(lab):
    first = lab.upstream()
    first.health = after(5, whole(_one(0.0)))
    p = lab.proxyd(f"upstreams: {{a: {first.declare(extra=POLL)}}}\nrules: [{{name: all, tiers: [a]}}]")
    begun = time.monotonic()
    served(p.ask())
    expect(time.monotonic() - begun < 2, "an answer at once", time.monotonic() - begun)
    first.health = _one(0.5)
    polls = len(first.polls)
    eventually(lambda: len(first.polls) > polls + 1, "further polls after one that hung", 8)


BAD_HEALTH = {
    "a 500": status(500),
    "a 404": status(404),
    "no JSON": whole(b"<html>"),
    "a page": whole(b"<!doctype html><title>Sign in</title>", content_type="text/html"),
    "compressed": whole(
        gzip.compress(b'{"accounts":[{"models":{"model-1":{"remainingFraction":0}}}]}'), headers=[("Content-Encoding", "gzip")]
    ),
    "a redirect": status(302, b"", headers=[("Location", "/elsewhere")]),
    "an array": whole(b"[1,2,3]"),
    "null": whole(b"null"),
    "nothing": whole(b""),
    "accounts that are no list": whole(b'{"accounts":{"a":1}}'),
    "accounts of other kinds": whole(b'{"accounts":[null,1,"x",[],{"models":[]},{"models":{"model-1":7}},{"status":3}]}'),
    "a share that is text": whole(b'{"accounts":[{"status":"ok","models":{"model-1":{"remainingFraction":"high"}}}]}'),
    "a reset time that is no time": whole(
        b'{"accounts":[{"status":"ok","models":{"model-1":{"remainingFraction":null,' b'"resetTime":"soon"}}}]}'
    ),
    "deep nesting": whole(b'{"accounts":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "10 MB": whole(b'{"accounts":[' + b'{"status":"ok","models":{}},' * 350_000 + b'{"models":{}}]}'),
    "a connection that closes": raw(b""),
    "bytes that are no HTTP": raw(b"\x00\x01\x02\r\n\r\n"),
}


@check("a /health that is {what} leaves the quota unknown and the tier in use", rows=list(BAD_HEALTH))
def _(lab, what):
    p, *ups = _polled(lab, BAD_HEALTH[what], SECOND)
    _lands(p, ups, "t1")
    ups[0].health = _one(0.0)
    p.wait_polled(ups[0], more=2)
    _lands(p, ups, "t2")


@check("a share of {share} is taken for what it can mean and breaks nothing", rows=["-0.5", "1.7", "1e308", "5e-324", "0.5e0"])
def _(lab, share):
    told = b'{"accounts":[{"status":"ok","models":{"model-1":{"remainingFraction":%s,"resetTime":null}}}]}' % share.encode()
    p, *_ups = _polled(lab, whole(told), SECOND)
    one_of(
        served(p.ask()).header("x-proxyd-upstream"),
        ("t1",) if share in ("1.7", "1e308", "0.5e0") else ("t1", "t2"),
        "the upstream",
    )


@check("an upstream without `quota` is never polled")
def _(lab):
    p, up = lab.tiers(1)
    served(p.ask())
    time.sleep(0.5)
    equal(up.polls, [], "polls")


@check("GET /admin/fallback tells the best account's share as a percentage and what is available")
def _(lab):
    p, first, second = _polled(lab, health({"model-1": 0.0}, {"model-1": 0.8}), health({"model-2": 0.01}))
    tiers = {tier["model"]: tier for tier in p.get("/admin/fallback")["tiers"]}
    equal((tiers["model-1"]["remaining"], tiers["model-1"]["available"]), ("80%", True), "remaining and available of the first")
    equal((tiers["model-2"]["remaining"], tiers["model-2"]["available"]), ("1%", False), "remaining and available of the second")
    equal((len(first.requests), len(second.requests)), (0, 0), "requests for it")


@check("a model's name may hold dots and slashes and still find its quota")
def _(lab):
    up, spare = lab.upstream(), lab.upstream()
    up.health = health({"vendor/gemini-2.5-pro": 0.0, "vendor/gemini-2": 1.0})
    p = lab.proxyd(f"""
upstreams: {{a: {up.declare(extra=POLL)}, b: {spare.declare()}}}
rules: [{{name: all, tiers: [a/vendor/gemini-2.5-pro, b]}}]""")
    p.wait_polled(up)
    equal(served(p.ask()).header("x-proxyd-upstream"), "b", "the upstream that answered")
    equal(ANTHROPIC.model_of(spare.last), "claude-test", "the model at the upstream")
