"""Limits of requests that wait for an account's quota (`fallback: {wait: …}`): asked before, counted meanwhile, blocked at once."""

import time

from checks import check, contains, equal, eventually, expect
from dialects import ANTHROPIC
from harness import served
from limits import CAROL, begin, house, key_id, refused, row, settled, steer, taken
from upstream import healthy, status

ASKED = {"model": "claude-test", "key": "user", "path": "/v1/messages", "input_tokens": 20, "max_tokens": 64}


def waiting(lab, policy="", entries="", wait="20s", more=""):
    """proxyd whose requests wait; the upstream `spare` is another one."""
    up, spare = lab.upstream(), lab.upstream()
    config = f"""
upstreams:
  claude: {up.declare("anthropic")}
  spare: {spare.declare("anthropic")}
fallback: {{wait: {wait}}}
rules: [{{name: all, models: ["*"], tiers: [claude/claude-test]}}]
{house(policy, entries, more)}
"""
    return lab.proxyd(config), up, spare


def rest(p, up, seconds, asked="claude-test", model="claude-test"):
    """A key without limits is told that the account rests, and goes away; who comes after that is served."""
    count = len(up.requests)
    up.reply(status(429, retry_after=seconds), healthy, model=model)
    connection = begin(p, model=asked, key=CAROL)
    up.wait(count + 1)
    time.sleep(0.3)  # the answer has to come back
    connection.abort()
    time.sleep(0.2)


def at_once(call, within=1.5):
    """What a call gives, which has no rest to wait for."""
    begun = time.monotonic()
    result = call()
    expect(time.monotonic() - begun < within, "at once", time.monotonic() - begun)
    return result


@check(
    "{limit}, {mode}: a key that has used it up does not wait for an account that rests, and explanations say so",
    rows=[(limit, mode) for limit in ("requests_per_day: 1", "budget_total: 80 USD") for mode in ("whole", "streamed")],
)
def _(lab, limit, mode):
    p, up, _spare = waiting(lab, limit)
    served(p.ask())
    rest(p, up, 6)
    asked = len(up.requests)
    told = p.admin("POST", "/admin/explain", ASKED).json()
    equal((told["decision"], told["status"], told["waits_for"]), ("refused", 429, None), "the explanation")
    answer = at_once(lambda: p.ask(stream=mode == "streamed"))
    error = refused(answer, f"team.{limit.partition(':')[0]}")
    contains(error["message"], f"the limit 'team.{limit.partition(':')[0]}'", "the message")
    equal(len(up.requests), asked, "requests at the upstream")


@check("a wait that is shorter than the account's rest does not hide the limit's refusal")
def _(lab):
    p, up, _spare = waiting(lab, "requests_per_day: 1", wait="2s")
    served(p.ask())
    rest(p, up, 9)
    answer = at_once(p.ask)
    refused(answer, "team.requests_per_day")
    equal(p.ask(key=CAROL).header("x-proxyd-limit"), None, "the limit that a key without limits is told")
    expect(int(answer.header("retry-after") or 0) > 9, "the limit's own retry-after", answer.header("retry-after"))


@check("on_exhausted: a limit that is used up sends a request elsewhere instead of letting it wait")
def _(lab):
    entry = "- {name: dear, per: key.id, requests_per_day: 1, on_exhausted: {tiers: [spare/claude-test]}}"
    p, up, spare = waiting(lab, entries=entry)
    served(p.ask())
    rest(p, up, 6)
    told = p.admin("POST", "/admin/explain", ASKED).json()
    equal([one["upstream"] for one in told["attempts"]], ["spare"], "who is asked, by the explanation")
    equal(served(at_once(p.ask)).header("x-proxyd-upstream"), "spare", "who serves")
    equal(len(spare.requests), 1, "requests elsewhere")


@check("a request that waits counts as one that runs: another is refused at once, and none waits whom a limit refuses")
def _(lab):
    p, up, _spare = waiting(lab, "concurrent_requests: 1, requests_per_day: 9, tokens_per_day: 100k", more="limits: {waiting: 2}")
    rest(p, up, 4)
    first = begin(p)
    eventually(lambda: taken(row(p, "team.concurrent_requests", bucket=key_id(p))) == 1, "one in flight")
    expect(row(p, "team.tokens_per_day", bucket=key_id(p))["reserved"] > 0, "tokens reserved while it waits")
    for _ in range(4):
        refused(at_once(p.ask), "team.concurrent_requests")
    # The place that is left is another key's.
    other = begin(p, key=CAROL)
    served(first.answer())
    served(other.answer())
    settled(p, "team.requests_per_day", 1)
    equal(taken(row(p, "team.concurrent_requests")), 0, "in flight")


@check("of those that wait as many are served as the limit has left")
def _(lab):
    p, up, _spare = waiting(lab, "requests_per_day: 3")
    rest(p, up, 4)
    held = [begin(p) for _ in range(3)]
    eventually(lambda: row(p, "team.requests_per_day", bucket=key_id(p))["reserved"] == 3, "three reserved")
    for _ in range(3):
        refused(at_once(p.ask), "team.requests_per_day")
    for connection in held:
        served(connection.answer())
    settled(p, "team.requests_per_day", 3)


@check("a client that leaves while it waits gives back all that was reserved; so does one who waits in vain")
def _(lab):
    numbers = "concurrent_requests: 1, requests_per_day: 9, tokens_per_day: 100k, budget_total: 9000 USD"
    p, up, _spare = waiting(lab, numbers)
    rest(p, up, 5)
    connection = begin(p)
    eventually(lambda: taken(row(p, "team.concurrent_requests", bucket=key_id(p))) == 1, "one in flight")
    connection.abort()
    for limit in ("requests_per_day", "tokens_per_day", "budget_total", "concurrent_requests"):
        settled(p, f"team.{limit}", 0, bucket=key_id(p))
    served(p.ask())
    rest(p, up, 60)
    equal(at_once(p.ask).header("x-proxyd-limit"), None, "the limit of a 429 that is the account's")
    settled(p, "team.requests_per_day", 1)


@check("where the one that is back first is too dear for a budget, a request waits for the next that is not")
def _(lab):
    # The first costs about 65 USD, the other nothing.
    prices = "prices: {claude-test: {input: 500000, output: 1000000}, cheap: {input: 0, output: 0}}"
    up, spare = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams:
  claude: {up.declare("anthropic")}
  spare: {spare.declare("anthropic")}
fallback: {{wait: 20s}}
rules:
  - {{name: own, models: [claude-test], tiers: [claude/claude-test, spare/cheap]}}
  - {{name: first, models: [first], tiers: [claude/claude-test]}}
  - {{name: second, models: [second], tiers: [spare/cheap]}}
{house("budget_total: 20 USD", models=()).replace("prices: {}", prices)}
""")
    rest(p, up, 3, asked="first")
    rest(p, spare, 4, asked="second", model="cheap")
    told = p.admin("POST", "/admin/explain", ASKED).json()
    equal(told["waits_for"] and told["waits_for"]["model"], "cheap", "for whom it waits, by the explanation")
    equal(served(p.ask(max_tokens=64)).header("x-proxyd-model"), "cheap", "who serves")
    equal(len(up.requests), 1, "requests at the dear one")


# ---------------------------------------------------------------- the stop button


@check("block: who comes then does not wait, whoever rests")
def _(lab):
    p, up, _spare = waiting(lab, "requests_per_day: 100")
    rest(p, up, 6)
    equal(steer(p, "team.requests_per_day", "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
    refused(at_once(p.ask), "team.requests_per_day")


@check("block: a request that waits and has asked nobody ends within a second, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    p, up, _spare = waiting(lab, "requests_per_day: 100, concurrent_requests: 5")
    rest(p, up, 9)
    connections = [begin(p, stream=mode == "streamed") for _ in range(3)]
    limit, bucket = "team.requests_per_day", key_id(p)
    eventually(lambda: row(p, limit, bucket=bucket)["reserved"] == 3, "three that wait")
    asked = len(up.requests)
    equal(steer(p, limit, "block", bucket=bucket, **{"for": "1h"}).status, 200, "the status of block")
    for connection in connections:
        connection.socket.settimeout(2)
        refused(at_once(connection.answer), limit)
    settled(p, limit, 0, bucket=bucket)
    equal(taken(row(p, "team.concurrent_requests", bucket=bucket)), 0, "in flight")
    equal(len(up.requests), asked, "requests at the upstream")


@check("block: a stream that was told to be patient ends with the dialect's error", seconds=60)
def _(lab):
    p, up, _spare = waiting(lab, "requests_per_day: 100", wait="30s")
    rest(p, up, 25)
    connection = begin(p, stream=True)
    stream = connection.stream()
    equal(stream.answer.status, 200, "the status, while it waits")
    limit = "team.requests_per_day"
    equal(steer(p, limit, "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
    body = at_once(stream.rest).body
    expect(b"event: error" in body, "an error at the end of the stream", body[-300:])
    contains(body.decode(), f"the limit '{limit}'", "the error")
    expect(not ANTHROPIC.finished(body), "no ending of an answer", body[-300:])
