"""Limits: what stands after a restart, a kill and a reload; the stop button; many clients at the last of a limit."""

import json
import signal
import threading
import time
from datetime import datetime, timezone
from urllib.parse import urlencode

from checks import check, contains, equal, eventually, expect, lacks, one_of
from clock import Clock
from dialects import ANTHROPIC, DIALECTS, OPENAI, compact
from harness import ADMIN_KEY, USER_KEY, served
from limits import (
    BOB, COST, COST_WITHOUT_WRITES, ROOMY, TOKENS, WHAT, Gate, begin, costs, house, key_id, limited, refused, reload, row, rows, settled, stand, steer, taken, together
)  # fmt: skip
from upstream import after, endless, hang, stream, whole

# ---------------------------------------------------------------- restarts

MOST = {"requests": "1", "tokens": "1000", "cost": "500 USD"}  # what one answer of `costs(1000)` uses up
ENDS = {"SIGTERM": False, "SIGKILL": True}
SESSION = "- {name: runaway session, per: request.session, requests_per_day: 50, tokens_per_minute: 1M, budget_total: 5000 USD}"


@check("{how}: every window of every limit stands where it stood, at once", rows=list(ENDS))
def _(lab, how):
    p, _up = limited(lab, ROOMY, SESSION)
    for i in range(1, 4):
        served(p.ask(headers={"x-proxyd-session": "s"}))
        served(p.ask("openai", stream=True, key=BOB))
        if ENDS[how]:
            p.signal(signal.SIGKILL)  # at once, nothing in between
        p.restart(hard=ENDS[how])
        stand(p, i, i * TOKENS, i * COST)
        stand(p, i, i * TOKENS, i * COST_WITHOUT_WRITES, key_id(p, "bob"))
        told = {one["kind"]: (one["used"], one["reserved"]) for one in rows(p, limit="runaway session", bucket="s")}
        equal(told, {"requests": (i, 0), "tokens": (i * TOKENS, 0), "cost": (i * COST, 0)}, "the session's figures")


@check("{how}: {number} that is used up refuses after it, too", rows=[(h, n) for h in ENDS for n in WHAT])
def _(lab, how, number):
    p, up = limited(lab, f"{number}: {MOST[WHAT[number][0]]}")
    up.reply(costs(1000))
    served(p.ask())
    p.restart(hard=ENDS[how])
    refused(p.ask(), f"team.{number}")
    served(p.ask(key=BOB))
    equal(len(up.requests), 2, "requests at the upstream")


@check("{how} with requests in flight: nothing stays reserved, the figures of what had ended stand", rows=list(ENDS))
def _(lab, how):
    p, up = limited(lab, ROOMY.replace("concurrent_requests: 100", "concurrent_requests: 2"), more="timeouts: {drain: 300ms}")
    served(p.ask())
    stand(p, 1, TOKENS, COST)
    up.reply(hang, streamed=False)
    up.reply(stream(ANTHROPIC.begin("claude-test"), ends=False, then="hang"), streamed=True)
    begin(p)
    begin(p, stream=True).final_head()
    up.wait(3)
    equal(taken(row(p, "team.concurrent_requests")), 2, "in flight before")
    p.restart(hard=ENDS[how])
    equal([one for one in rows(p) if one["reserved"]], [], "limits of which something is reserved")
    equal([one for one in rows(p, kind="concurrency") if taken(one)], [], "what is in flight")
    one_of(row(p, "team.requests_per_day")["used"], (1, 2, 3), "requests")
    used = row(p, "team.tokens_per_day")["used"]
    expect(TOKENS <= used <= TOKENS + 200, "the tokens that were used", used)
    up.reply(whole(ANTHROPIC.whole("claude-test")), streamed=False)
    served(p.ask())


@check("{how}: what was given back stays given back, what was reset stays at zero", rows=list(ENDS))
def _(lab, how):
    p, up = limited(lab, ROOMY, SESSION)
    headers = {"x-proxyd-session": "s"}
    served(p.ask(headers=headers))
    stand(p, 1, TOKENS, COST)
    equal(steer(p, "runaway session", "reset", bucket="s").status, 200, "the status of reset")
    served(p.ask(headers=headers))
    stand(p, 2, 2 * TOKENS, 2 * COST)
    p.restart(hard=ENDS[how])
    stand(p, 2, 2 * TOKENS, 2 * COST)
    told = {one["kind"]: one["used"] for one in rows(p, limit="runaway session", bucket="s")}
    equal(told, {"requests": 1, "tokens": TOKENS, "cost": COST}, "the session's figures, counted from the reset")


@check("{how}: a bucket that was blocked stays blocked", rows=list(ENDS))
def _(lab, how):
    p, up = limited(lab, entries=SESSION)
    equal(steer(p, "runaway session", "block", bucket="s", **{"for": "1h"}).status, 200, "the status of block")
    p.restart(hard=ENDS[how])
    refused(p.ask(headers={"x-proxyd-session": "s"}), "runaway session")
    served(p.ask(headers={"x-proxyd-session": "t"}))
    equal(len(up.requests), 1, "requests at the upstream")


@check("{how}: a bucket that was forgotten after a month without use stays so when it is used again", rows=list(ENDS), seconds=60)
def _(lab, how):
    clock = Clock(lab)
    clock.set(time.time() - 40 * 86_400)
    p, _up = lab.simple(house(entries=SESSION), env=clock.env)
    headers = {"x-proxyd-session": "s"}

    def total():
        return {one["window"]: one["used"] for one in rows(p, limit="runaway session", bucket="s")}["total"]

    served(p.ask(headers=headers))
    served(p.ask(headers=headers))
    p.stop()
    clock.set(time.time())
    p.start()
    served(p.ask(headers=headers))
    equal(total(), COST, "what is used in all, when it is used again")
    for _ in range(2):
        if ENDS[how]:
            p.signal(signal.SIGKILL)
        p.restart(hard=ENDS[how])
        equal(total(), COST, "what is used in all, after a restart")


@check("a timezone further west, by a reload: day and month begin with what was used on them further east, live as after a restart", seconds=60)
def _(lab):
    clock = Clock(lab)
    clock.set(datetime(2026, 2, 28, 18, 20, tzinfo=timezone.utc).timestamp())  # the 1st of March in Tokyo
    p, _up = lab.simple(house("requests_per_day: 50, budget_per_month: 9000 USD", more="timezone: Asia/Tokyo"), env=clock.env)

    def used():
        return {one["window"]: one["used"] for one in rows(p, bucket=key_id(p))}

    served(p.ask()), served(p.ask())
    equal(used(), {"day": 2, "month": 2 * COST}, "what is used in Tokyo")
    reload(p, ("timezone: Asia/Tokyo", "timezone: UTC"))
    equal(used(), {"day": 0, "month": 2 * COST}, "what is used in UTC, where the month has not ended")
    clock.set(datetime(2026, 3, 1, 0, 0, 2, tzinfo=timezone.utc).timestamp())
    equal(used(), {"day": 2, "month": 2 * COST}, "what is used in UTC, on the day that was Tokyo's")
    served(p.ask())
    for _ in range(2):
        equal(used(), {"day": 3, "month": 3 * COST}, "what is used then, live and after a restart")
        p.restart()


@check("a clock that is ahead by {days} days for a while: what was used up is so for the first request after it", rows=[2, 40], seconds=60)
def _(lab, days):
    clock = Clock(lab)
    p, _up = lab.simple(house("requests_per_day: 2"), env=clock.env)
    served(p.ask()), served(p.ask())
    equal(p.ask().status, 429, "the status of a third request")
    clock.step(days * 86_400)
    served(p.ask())
    clock.step(-days * 86_400)
    equal([p.ask().status for _ in range(2)], [429, 429], "the statuses of requests when the clock is right again")


# ---------------------------------------------------------------- reload


@check("reload: {number}, raised or lowered, applies to what is counted already", rows=list(WHAT))
def _(lab, number):
    kind, _window = WHAT[number]
    unit, one = " USD" if kind == "cost" else "", {"requests": 1, "tokens": 1000, "cost": 500}[kind]
    p, up = limited(lab, f"{number}: {one}{unit}")
    up.reply(costs(1000))
    served(p.ask())
    refused(p.ask(), f"team.{number}")
    reload(p, (f"{number}: {one}{unit}", f"{number}: {3 * one}{unit}"))
    served(p.ask())
    told = settled(p, f"team.{number}", 2 * one)
    equal((told["max"], told["remaining"]), (3 * one, one), "max and remaining, raised")
    reload(p, (f"{number}: {3 * one}{unit}", f"{number}: {one}{unit}"))
    refused(p.ask(), f"team.{number}")
    told = settled(p, f"team.{number}", 2 * one)
    equal((told["max"], told["remaining"]), (one, 0), "max and remaining, lowered")


@check("reload: concurrent_requests counts what is in flight already, and what ends later is given back")
def _(lab):
    p, up = limited(lab, "concurrent_requests: 2, tokens_per_day: 1M")
    gate = Gate(whole(ANTHROPIC.whole("claude-test")))
    up.reply(gate)
    held = [begin(p), begin(p)]
    up.wait(2)
    reload(p, ("concurrent_requests: 2", "concurrent_requests: 1"))
    refused(p.ask(), "team.concurrent_requests")
    reload(p, ("concurrent_requests: 1", "concurrent_requests: 3"))
    held.append(begin(p))
    up.wait(3)
    refused(p.ask(), "team.concurrent_requests")
    gate.open()
    for connection in held:
        served(connection.answer())
    settled(p, "team.tokens_per_day", 3 * TOKENS)
    equal(taken(row(p, "team.concurrent_requests")), 0, "in flight at the end")


@check("reload: an edit of something else leaves what is counted and what is blocked")
def _(lab):
    p, _up = limited(lab, "requests_per_day: 1", SESSION, more="log: {level: info}")
    served(p.ask())
    equal(steer(p, "runaway session", "block", bucket="s", **{"for": "1h"}).status, 200, "the status of block")
    reload(p, ("log: {level: info}", "log: {level: debug}"))
    refused(p.ask(), "team.requests_per_day")
    refused(p.ask(key=BOB, headers={"x-proxyd-session": "s"}), "runaway session")


RENAMED = {
    "an entry": ("", "- {name: old name, per: key.id, requests_per_day: 1}", ("name: old name", "name: new name"), "old name", "new name"),
    "a policy": ("requests_per_day: 1", "", ("team", "crew"), "team.requests_per_day", "crew.requests_per_day"),
}


@check("reload: {what} that is renamed starts anew", rows=list(RENAMED))
def _(lab, what):
    policy, entries, edit, old, new = RENAMED[what]
    p, _up = limited(lab, policy, entries)
    served(p.ask())
    refused(p.ask(), old)
    reload(p, edit)
    served(p.ask())
    refused(p.ask(), new)
    equal([one["limit"] for one in rows(p)], [new], "the limits that are told")


@check("reload: a limit that is taken out lets through, one that is added counts from then on")
def _(lab):
    p, _up = limited(lab, entries="- {name: one, per: key.id, requests_per_day: 1}")
    served(p.ask())
    refused(p.ask(), "one")
    reload(p, ("- {name: one, per: key.id, requests_per_day: 1}", "- {name: two, per: key.name, requests_per_day: 2}"))
    served(p.ask()), served(p.ask())
    refused(p.ask(), "two")
    equal(row(p, "two")["bucket"], "user", "the bucket")


# ---------------------------------------------------------------- GET /admin/limits

MEMBERS = {"limit", "bucket", "kind", "window", "max", "used", "reserved", "remaining", "resets_at", "blocked_until"}


@check("GET /admin/limits: members, money in USD, and what limit=, bucket= and key= pick")
def _(lab):
    p, _up = limited(lab, "budget_per_day: 99.5 USD", """- {name: team budget, per: 'key.tags["team"]', requests_per_day: 5}""")
    p.ask(max_tokens=20), p.ask(max_tokens=20, key=BOB)
    told = settled(p, "team.budget_per_day", COST, bucket=key_id(p))
    equal((told["max"], told["remaining"]), (99.5, 99.5 - COST), "max and remaining, in USD")
    for one in rows(p):
        equal(set(one) & MEMBERS, MEMBERS, "the members of a row")
    mine, bobs = key_id(p), key_id(p, "bob")

    def picked(**query):
        return sorted((one["limit"], one["bucket"]) for one in p.get(f"/admin/limits?{urlencode(query)}")["limits"])

    equal(picked(), sorted([("team budget", "infra"), ("team budget", "web"), *(("team.budget_per_day", k) for k in (mine, bobs))]), "all")
    equal(picked(limit="team budget"), [("team budget", "infra"), ("team budget", "web")], "limit=team budget")
    equal(picked(limit="team budget", bucket="web"), [("team budget", "web")], "limit and bucket")
    equal(picked(bucket=bobs), [("team.budget_per_day", bobs)], "bucket=")
    for key in ("bob", bobs):
        contains(picked(key=key), ("team.budget_per_day", bobs), f"key={key}")
        lacks(picked(key=key), ("team.budget_per_day", mine), f"key={key}")
        lacks(picked(key=key), ("team budget", "infra"), f"key={key}")


CALLS = [("GET", "/admin/limits"), *(("POST", f"/admin/limits/team%20budget/{call}") for call in ("reset", "block", "unblock"))]


@check("{method} {path}: 401 without a key, 403 with another, and nothing comes of it", rows=CALLS)
def _(lab, method, path):
    p, _up = limited(lab, entries="- {name: team budget, per: key.name, requests_per_day: 1}")
    served(p.ask())
    body = {"bucket": "user", "for": "1h"} if method == "POST" else None
    for key, status in ((None, 401), ("sk-wrong", 403), (USER_KEY, 403), (ADMIN_KEY[:-1], 403)):
        equal(p.admin(method, path, body, key=key).status, status, f"the status with the key {key}")
    told = settled(p, "team budget", 1)
    equal(told["blocked_until"], None, "blocked_until")


UNKNOWN = ("nobody", "team.tokens_per_day", "team budget ", "TEAM BUDGET", "", "team/budget", "team budget/x", "..")


@check("POST /admin/limits/{limit}/…: a limit that is not there is a 404 ({call})", rows=[(n, c) for n in UNKNOWN for c in ("reset", "block", "unblock")])
def _(lab, limit, call):
    p, _up = limited(lab, "requests_per_day: 5", "- {name: team budget, per: key.name, requests_per_day: 5}")
    served(p.ask())
    answer = steer(p, limit, call, bucket="user", **({"for": "1h"} if call == "block" else {}))
    one_of(answer.status, (400, 404) if limit in ("", "..", "team/budget", "team budget/x") else (404,), "the status")
    expect(answer.json()["error"]["message"], "an error with a message", answer.text)
    equal((settled(p, "team budget", 1)["blocked_until"], served(p.ask()).status), (None, 200), "blocked_until, and an answer")


BAD = {
    "no body": ("reset block unblock", None),
    "no JSON": ("reset block unblock", b'{"bucket":'),
    "a list": ("reset block unblock", b'["user"]'),
    "no bucket": ("reset block unblock", b'{"for":"1h"}'),
    "a bucket that is no text": ("reset block unblock", b'{"bucket":5,"for":"1h"}'),
    "a bucket that is null": ("reset block unblock", b'{"bucket":null,"for":"1h"}'),
    "a time in words": ("block", b'{"bucket":"user","for":"soon"}'),
    "a time without a unit": ("block", b'{"bucket":"user","for":"60"}'),
    "a time that is a number": ("block", b'{"bucket":"user","for":60}'),
    "a negative time": ("block", b'{"bucket":"user","for":"-1h"}'),
    "a time that overflows": ("block", b'{"bucket":"user","for":"99999999999999999999d"}'),
    "an empty time": ("block", b'{"bucket":"user","for":""}'),
}


@check("POST /admin/limits/…/{call} with {what} is a 400, and nothing comes of it", rows=[(c, w) for w, (calls, _) in BAD.items() for c in calls.split()])
def _(lab, call, what):
    p, _up = limited(lab, entries="- {name: team budget, per: key.name, requests_per_day: 5}")
    served(p.ask())
    answer = p.admin("POST", f"/admin/limits/team%20budget/{call}", BAD[what][1])
    equal(answer.status, 400, "the status")
    expect(answer.json()["error"]["message"], "an error with a message", answer.text)
    equal(settled(p, "team budget", 1)["blocked_until"], None, "blocked_until")


# ---------------------------------------------------------------- reset, block, unblock

WIDE = {"a policy's": ("team.{number}", "{number}: {most}", ""), "an entry's": ("wide", "", "- {{name: wide, per: key.id, {number}: {most}}}")}


@check("reset: {which} bucket counts from zero, others stay ({number})", rows=[(w, n) for w in WIDE for n in WHAT])
def _(lab, which, number):
    name, policy, entries = (part.format(number=number, most=MOST[WHAT[number][0]]) for part in WIDE[which])
    p, up = limited(lab, policy, entries)
    up.reply(costs(1000))
    served(p.ask()), served(p.ask(key=BOB))
    refused(p.ask(), name)
    equal(steer(p, name, "reset", bucket=key_id(p)).status, 200, "the status of reset")
    equal(row(p, name, bucket=key_id(p))["used"], 0, "used after the reset")
    refused(p.ask(key=BOB), name)
    served(p.ask())
    refused(p.ask(), name)


@check("reset: what is in flight is settled after it, and nothing falls below zero")
def _(lab):
    p, up = limited(lab, ROOMY)
    gate = Gate(whole(ANTHROPIC.whole("claude-test")))
    up.reply(gate)
    connection = begin(p)
    up.wait(1)
    for number in [*WHAT, "concurrent_requests"]:
        equal(steer(p, f"team.{number}", "reset", bucket=key_id(p)).status, 200, "the status of reset")
    gate.open()
    served(connection.answer())
    eventually(lambda: not any(one["reserved"] for one in rows(p)), "nothing reserved of any limit")
    told = {one["limit"]: one for one in rows(p)}
    equal(told["team.tokens_per_day"]["used"], TOKENS, "tokens used after the reset")
    equal(told["team.concurrent_requests"]["used"], 0, "in flight")
    for one in told.values():
        expect(one["used"] >= 0 and one["remaining"] <= one["max"], "nothing below zero", one)


@check("block: the bucket is refused from then on, no other is, until unblock")
def _(lab):
    p, up = limited(lab, entries=SESSION)
    mine, other = {"x-proxyd-session": "mine"}, {"x-proxyd-session": "other"}
    served(p.ask(headers=mine))
    answer = steer(p, "runaway session", "block", bucket="mine", **{"for": "1h"})
    equal(answer.status, 200, "the status of block")
    refused(p.ask(headers=mine), "runaway session")
    served(p.ask(headers=other)), served(p.ask())
    for one in rows(p, bucket="mine"):
        until = datetime.fromisoformat(one["blocked_until"].replace("Z", "+00:00")).timestamp()
        expect(3_500 < until - time.time() <= 3_601, "blocked for an hour", one)
    equal([one["blocked_until"] for one in rows(p, bucket="other")], [None] * 3, "blocked_until of the other bucket")
    equal(steer(p, "runaway session", "unblock", bucket="mine").status, 200, "the status of unblock")
    served(p.ask(headers=mine))
    equal([one["blocked_until"] for one in rows(p, bucket="mine")], [None] * 3, "blocked_until after unblock")
    equal(len(up.requests), 4, "requests at the upstream")


@check("block: a bucket that nobody has used yet can be blocked, and a block ends by itself")
def _(lab):
    p, _up = limited(lab, entries=SESSION)
    equal(steer(p, "runaway session", "block", bucket="new", **{"for": "2s"}).status, 200, "the status of block")
    headers = {"x-proxyd-session": "new"}
    refused(p.ask(headers=headers), "runaway session")
    eventually(lambda: p.ask(headers=headers).status == 200, "an answer once the block has ended", 8, every=0.2)


GEMINI_PIECE = b"data: " + compact({"candidates": [{"content": {"role": "model", "parts": [{"text": "x"}]}, "index": 0}]}) + b"\r\n\r\n"


ENDLESS = {
    "anthropic": (ANTHROPIC.begin("claude-test"), ANTHROPIC.words("x")),
    "openai": (OPENAI.begin("gpt-test"), OPENAI.words("x")),
    "responses": (OPENAI.begin("gpt-test"), OPENAI.words("x")),  # the upstream speaks Chat
    "gemini": (GEMINI_PIECE, GEMINI_PIECE),
}


@check("block: a stream in flight ends within a second with an error of {dialect}, and its upstream is let go", rows=list(ENDLESS))
def _(lab, dialect):
    p, up = limited(lab, "concurrent_requests: 5, requests_per_day: 100")
    up.reply(endless(*ENDLESS[dialect]))
    connections = [begin(p, dialect, stream=True, key=key) for key in (USER_KEY, USER_KEY, BOB)]
    streams = [connection.stream() for connection in connections]
    for one in streams:
        equal(one.answer.status, 200, "the status")
        one.next()
    equal(steer(p, "team.concurrent_requests", "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
    for one in streams[:2]:
        one.connection.socket.settimeout(3)
        body = one.rest().body
        contains(body, b"error", "the stream's end")
        lacks(body, b"[DONE]", "the stream's end")
        expect(not DIALECTS[dialect].finished(body) if dialect != "gemini" else b"finishReason" not in body, "no ending of its own", body[-300:])
    eventually(lambda: taken(row(p, "team.concurrent_requests", bucket=key_id(p))) == 0, "nothing in flight of the bucket")
    eventually(lambda: sum(request.gone.is_set() for request in up.requests) == 2, "both upstream streams are let go")
    for _ in range(5):
        expect(streams[2].next(), "the stream of another bucket goes on")


@check("{dialect}: a request that still waits for its answer ends within a second when its bucket is blocked", rows=list(DIALECTS))
def _(lab, dialect):
    p, up = limited(lab, entries="- {name: wide, per: key.id, concurrent_requests: 5}")
    up.reply(hang)
    connections = [begin(p, dialect, stream=streamed) for streamed in (False, True)]
    up.wait(2)
    equal(steer(p, "wide", "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
    for connection in connections:
        connection.socket.settimeout(3)
        refused(connection.answer(), "wide", dialect)
    eventually(lambda: all(request.gone.is_set() for request in up.requests), "the upstream requests are let go")
    equal(taken(row(p, "wide")), 0, "in flight of the bucket")


@check("block: requests in flight of a limit that does not apply to them go on")
def _(lab):
    entries = "- {name: opus, per: key.id, when: 'request.model == \"opus\"', requests_per_day: 5}"
    p, up = limited(lab, entries=entries, rules="- {name: all, tiers: [claude]}")
    gate = Gate(whole(ANTHROPIC.whole("claude-test")))
    up.reply(gate)
    connection = begin(p)
    up.wait(1)
    equal(steer(p, "opus", "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
    refused(p.ask(model="opus"), "opus")
    gate.open()
    served(connection.answer())


# ---------------------------------------------------------------- many at once

CLIENTS, ROUNDS = 64, 5
FINE = whole({**json.loads(ANTHROPIC.whole("claude-test")), "usage": {"input_tokens": 1, "output_tokens": 64}})  # less than reserved
CROWD = {  # the limit, tokens (or requests) of an answer before, what each answer of 1 token in and 64 out comes to
    "tokens_per_day": ("1000", 800, 65),
    "tokens_per_minute": ("1000", 800, 65),
    "tokens_per_month": ("1000", 800, 65),
    "budget_per_day": ("500 USD", 700, 64.5),
    "budget_total": ("500 USD", 700, 64.5),
    "requests_per_day": ("8", 1, 1),
    "requests_per_minute": ("8", 1, 1),
}
ROUND = """per: 'request.headers["x-round"]'"""


@check("64 clients at the last of {number}: nothing is used beyond it, nothing stays reserved, each limit tells the same", rows=list(CROWD), seconds=120)
def _(lab, number):
    written, before, each = CROWD[number]
    spent = before / 2 if "USD" in written else before
    entries = f"- {{name: nearly spent, {ROUND}, {number}: {written}}}\n- {{name: counter, {ROUND}, requests_per_day: 10000}}"
    p, up = limited(lab, entries=entries)
    for bucket in [f"r{i}" for i in range(ROUNDS)]:
        headers = {"x-round": bucket}
        up.reply(costs(before), after(0.02, FINE))
        served(p.ask(headers=headers))
        settled(p, "nearly spent", spent, bucket=bucket)
        asked = len(up.requests)
        statuses = together(CLIENTS, lambda _i: p.ask(headers=headers, max_tokens=64).status)
        good = statuses.count(200)
        equal(good + statuses.count(429), CLIENTS, "answers of 200 and 429")
        told = settled(p, "nearly spent", spent + good * each, bucket=bucket)
        expect(told["used"] <= told["max"], "nothing beyond the limit", told)
        expect(good >= (7 if "requests" in number else 2), "what fits is let through", good)
        settled(p, "counter", 1 + good, bucket=bucket)
        equal(len(up.requests) - asked, good, "requests at the upstream")


def _open_late(gate):
    """Opens the gate once five wait before it, and a sixth had time to come."""
    try:
        eventually(lambda: gate.waiting >= 5, "five at the upstream", 10)
        time.sleep(0.3)
    finally:
        gate.open()


@check("64 clients at a concurrency of 5: no more than five are at the upstream, five can be again after each round", seconds=120)
def _(lab):
    p, up = limited(lab, entries=f"- {{name: five, {ROUND}, concurrent_requests: 5}}")
    gate = Gate(whole(ANTHROPIC.whole("claude-test")))
    up.reply(lambda request, wire: gate(request, wire))
    for _ in range(ROUNDS):
        gate, headers = Gate(whole(ANTHROPIC.whole("claude-test"))), {"x-round": "all"}
        opener = threading.Thread(target=_open_late, args=(gate,))
        opener.start()
        statuses = together(CLIENTS, lambda _i: p.ask(headers=headers).status)
        opener.join()
        equal(statuses.count(200) + statuses.count(429), CLIENTS, "answers of 200 and 429")
        expect(statuses.count(200) >= 5, "five are let through", statuses.count(200))
        equal(gate.most, 5, "the most that were at the upstream at once")
        eventually(lambda: taken(row(p, "five")) == 0, "nothing in flight after the round")


@check("64 clients that leave at once, in each state of a request: nothing stays reserved, nothing in flight", seconds=120)
def _(lab):
    p, up = limited(lab, ROOMY)
    up.reply(stream(ANTHROPIC.begin("claude-test"), ends=False, then="hang"), streamed=True)
    up.reply(after(0.05, FINE), streamed=False)
    for _ in range(ROUNDS):

        def leave(i):
            connection = begin(p, stream=i % 2 == 0)
            if i % 4 == 0:
                connection.final_head()
            elif i % 4 < 3:
                time.sleep(i % 7 / 100)
            connection.abort()

        together(CLIENTS, leave)
        eventually(lambda: not any(one["reserved"] for one in rows(p)), "nothing reserved of any limit", 10)
        equal(taken(row(p, "team.concurrent_requests")), 0, "in flight after the round")
    up.reply(FINE)
    before = row(p, "team.tokens_per_day")["used"]
    served(p.ask())
    settled(p, "team.tokens_per_day", before + 65)
