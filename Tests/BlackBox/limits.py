"""For the checks of limits: proxyd with limits over its keys, what stands of them, requests in flight, what a refusal says."""

import json
import threading
from urllib.parse import quote

from checks import equal, eventually, expect
from dialects import ANTHROPIC, DIALECTS
from harness import ADMIN_KEY, USER_KEY, indented, json_type
from upstream import whole

BOB, CAROL = "sk-bob-0123456789abcdefghijklmnop", "sk-carol-0123456789abcdefghijklmnop"

# Every healthy answer comes to this of a limit: 11 fresh, 3 written to a cache, 7 out; 5 read from a cache; USD by `PRICE`.
TOKENS, CACHED, COST = 21, 5, 14.625
COST_WITHOUT_WRITES = 14.25  # where cache writes are not told apart: all but Anthropic
PRICE = "{input: 500000, output: 1000000, cache_read: 50000, cache_write: 625000}"  # a token in is 0.5 USD, one out is 1
MODELS = ("claude-test", "gpt-test", "gemini-test")

# A policy with every number, none of which a check comes near.
ROOMY = (
    "requests_per_minute: 1000, requests_per_day: 1000, tokens_per_minute: 1M, tokens_per_day: 1M, tokens_per_month: 1M, "
    "budget_per_day: 1000000 USD, budget_per_month: 1000000 USD, budget_total: 1000000 USD, concurrent_requests: 100"
)
WHAT = {  # a number -> its kind and its window
    "requests_per_minute": ("requests", "minute"),
    "requests_per_day": ("requests", "day"),
    "tokens_per_minute": ("tokens", "minute"),
    "tokens_per_day": ("tokens", "day"),
    "tokens_per_month": ("tokens", "month"),
    "budget_per_day": ("cost", "day"),
    "budget_per_month": ("cost", "month"),
    "budget_total": ("cost", "total"),
}


def house(policy="", entries="", more="", models=MODELS):
    """Of proxy.yaml: the keys `user` (team infra), `bob` (team web) and `carol` (no team, no policy), limits, prices."""
    return f"""
policies: {{default: {{}}, team: {{{policy}}}}}
keys:
  - {{name: user, key: {USER_KEY}, policy: team, tags: {{team: infra}}}}
  - {{name: bob, key: {BOB}, policy: team, tags: {{team: web}}}}
  - {{name: carol, key: {CAROL}}}
prices: {{{", ".join(f"{model}: {PRICE}" for model in models)}}}
{"usage_limits:" + indented(entries, 2) if entries else ""}
{more}
"""


def limited(lab, policy="", entries="", more="", rules=None):
    return lab.simple(house(policy, entries, more), rules)


def reload(p, *edits):
    """Saves the file with each (old, new) put in, and has it read."""
    text = p.config.read_text()
    for old, new in edits:
        expect(old in text, f"{old!r} in the file")
        text = text.replace(old, new)
    p.config.write_text(text)
    answer = p.admin("POST", "/admin/reload")
    expect(answer.status == 200, "200 of POST /admin/reload", repr(answer))


# ---------------------------------------------------------------- what stands


def rows(p, **wanted):
    """The rows of GET /admin/limits that have these members."""
    return [row for row in p.get("/admin/limits")["limits"] if all(row.get(name) == value for name, value in wanted.items())]


def row(p, limit, **wanted):
    found = rows(p, limit=limit, **wanted)
    expect(len(found) == 1, f"one row of {limit!r} {wanted or ''} in GET /admin/limits", found)
    return found[0]


def taken(one):
    """What a row says is gone, be it used already or only reserved."""
    return one["used"] + one["reserved"]


def settled(p, limit, used, **wanted):
    """Waits until so much is used of the limit and nothing is reserved; gives the row."""

    def found():
        one = row(p, limit, **wanted)
        equal((one["used"], one["reserved"]), (used, 0), f"used and reserved of {limit!r}")
        return one

    return eventually(found, f"{used} used of {limit!r}, nothing reserved")


def stand(p, requests, tokens, cost, bucket=None):
    """Waits until the policy `team` of ROOMY says exactly this, with nothing reserved and nothing in flight."""
    amounts = {"requests": requests, "tokens": tokens, "cost": cost}
    wanted = {f"team.{number}": (amounts[kind], 0) for number, (kind, _) in WHAT.items()} | {"team.concurrent_requests": (0, 0)}
    bucket = bucket or key_id(p)

    def same():
        told = [one for one in rows(p, bucket=bucket) if one["limit"].startswith("team.")]
        equal({one["limit"]: (one["used"], one["reserved"]) for one in told}, wanted, "used and reserved")
        return True

    eventually(same, f"{requests} requests, {tokens} tokens and {cost} USD used, nothing reserved")


def key_id(p, name="user"):
    return next(key["id"] for key in p.get("/admin/keys")["keys"] if key["name"] == name)


def steer(p, limit, call, **body):
    """POST /admin/limits/{limit}/{reset, block, unblock}; gives the answer."""
    return p.admin("POST", f"/admin/limits/{quote(limit, safe='')}/{call}", body, key=ADMIN_KEY)


# ---------------------------------------------------------------- requests and answers


def costs(tokens_in, tokens_out=0):
    """An Anthropic answer that reports this usage."""
    usage = {"input_tokens": tokens_in, "output_tokens": tokens_out}
    return whole({**json.loads(ANTHROPIC.whole("claude-test")), "usage": usage})


def begin(p, dialect="anthropic", model=None, stream=False, key=USER_KEY, headers=(), **fields):
    """Sends a request whose answer is not waited for; gives the connection."""
    dialect, connection = DIALECTS[dialect], p.connect()
    target = dialect.path.replace(":generateContent", ":streamGenerateContent?alt=sse") if stream else dialect.path
    body = dialect.request(model, stream, **fields)
    connection.request("POST", target, p.headers(key, json_type(headers, body)), body)
    return connection


class Gate:
    """A reply that waits until the gate is open; knows how many requests wait, and how many did at most."""

    def __init__(self, reply):
        self.reply, self.opened, self.waiting, self.most, self._lock = reply, threading.Event(), 0, 0, threading.Lock()

    def __call__(self, request, wire):
        with self._lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        self.opened.wait(20)
        with self._lock:  # before the answer goes out: what comes after it may be there already when it went
            self.waiting -= 1
        self.reply(request, wire)

    def open(self):
        self.opened.set()


def refused(answer, limit, dialect="anthropic"):
    """The answer is a 429 by this limit, in the client's dialect; gives the error."""
    expect(answer.status == 429, f"a 429 by {limit!r}", repr(answer))
    equal(answer.header("x-proxyd-limit"), limit, "x-proxyd-limit")
    return DIALECTS[dialect].error_of(answer)


def together(count, one):
    """Calls `one(i)` in so many threads at once; gives what each returned, and raises what one raised."""
    results, barrier = [None] * count, threading.Barrier(count)

    def run(i):
        barrier.wait(20)
        try:
            results[i] = one(i)
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results

