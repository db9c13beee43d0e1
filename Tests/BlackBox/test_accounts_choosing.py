"""Which account is taken, and which of `any`; which conversation stays where; who waits for quota, and in which order."""

import collections
import re
import threading
import time

from accounts import SPARE, House, declare, told, unified
from checks import check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC, compact
from harness import USER_KEY, served
from upstream import after, hang, healthy, says, status, whole
from upstream import stream as streamed

HOUR = 3600


def chosen(house, count, **more):
    return collections.Counter(house.who(**more) for _ in range(count))


# ---------------------------------------------------------------- among accounts


@check("without `choose` accounts serve in the file's order, and the first again once it is back")
def _(lab):
    house = House(lab, 3)
    equal(chosen(house, 10), {"one": 10}, "who served")
    house.a.reply(status(429, retry_after=60), healthy, key="one")
    house.since()
    equal((house.who(), house.who()), ("two", "two"), "who serves while it cools down")
    house.pass_to(62)
    equal(house.who(), "one", "who serves afterwards")


@check("`weighted` shares by weight")
def _(lab):
    house = House(lab, [("one", "weight: 3"), "two"], extra="affinity: none, choose: weighted", clock=False)
    count = chosen(house, 300)
    expect(190 <= count["one"] <= 260, "three to one", count)


@check("`least_busy` takes who has the fewest requests in flight for its weight")
def _(lab):
    house = House(lab, [("one", "weight: 2"), "two"], extra="affinity: none, choose: least_busy", clock=False)
    house.a.reply(hang)
    for i in range(6):
        connection = house.p.connect()
        body = house.dialect.request("m", text=f"held {i}")
        connection.request("POST", house.dialect.path, house.p.headers(headers=[("Content-Type", "application/json")]), body)
        house.a.wait(i + 1)
    equal((house.times("one"), house.times("two")), (4, 2), "requests at the account of weight 2, at the other")
    equal([house.account(n)["in_flight"] for n in ("one", "two")], [4, 2], "in_flight")


@check("`fastest` takes who has the lowest time to first byte")
def _(lab):
    house = House(lab, 3, extra="affinity: none, choose: fastest", clock=False)
    house.a.reply(after(0.25, healthy), key="two")
    chosen(house, 12)
    count = chosen(house, 20)
    expect(count["two"] <= 2, "hardly any at the slow one", count)
    account = house.account("two")
    expect(account["first_byte_ms"] is None or account["first_byte_ms"] >= 200, "its time", account)


@check("`most_quota` takes who has the largest share left")
def _(lab):
    house = House(lab, 3, extra="affinity: none, choose: most_quota")
    for name, share in (("one", 0.2), ("two", 0.8), ("three", 0.4)):
        told(house, unified("5h", share, house.now(), 5 * HOUR), key=name)
    chosen(house, 6)
    equal(chosen(house, 10), {"two": 10}, "who served once all is known")


@check("`soonest_reset` spends first what would be lost first, as long as it is over its threshold")
def _(lab):
    house = House(lab, 3, extra="affinity: none, choose: soonest_reset")
    shares = {"one": (0.9, 5 * HOUR), "two": (0.5, HOUR), "three": (0.9, 2 * HOUR)}
    for name, (share, wait) in shares.items():
        told(house, unified("5h", share, house.now(), wait), key=name)
        for other in set(shares) - {name}:
            house.drain(other)
        house.who()
        for other in set(shares) - {name}:
            house.free(other)
    equal(chosen(house, 5), {"two": 5}, "who served: it is reset in an hour")
    told(house, unified("5h", 0.03, house.now(), HOUR), key="two")
    house.who()
    eventually(lambda: house.who() == "three", "the next to be reset, once the first has 3% left")


@check("`cheapest` takes the lowest price of what the request will probably use")
def _(lab):
    first, second = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams:
  dear: {declare(first)}
  cheap: {declare(second)}
rules: [{{name: all, tiers: [{{any: [dear/big, cheap/small], choose: cheapest}}], models: ["*"]}}]
prices: {{big: {{input: 15, output: 75}}, small: {{input: 1, output: 5}}}}
""")
    for i in range(10):
        equal(served(p.ask(text=f"x{i}")).header("x-proxyd-upstream"), "cheap", "the upstream")
    second.reply(status(429, retry_after=60))
    equal(served(p.ask(text="y")).header("x-proxyd-upstream"), "dear", "the upstream when the cheap one is out")


# ---------------------------------------------------------------- among equals


@check("among `any`, `{word}` chooses as among accounts", rows=["first", "least_busy", "most_quota", "soonest_reset", "fastest"])
def _(lab, word):
    first, second = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{x: {declare(first)}, y: {declare(second)}}}
rules: [{{name: all, models: ["*"], tiers: [{{any: [x, y], choose: {word}, affinity: none}}]}}]
""")
    now = time.time()

    def says(up, share, wait):
        headers = unified("5h", share, now, wait)
        up.reply(lambda request, wire: whole(ANTHROPIC.whole(request.model), headers=headers)(request, wire))

    says(first, 0.3, 5 * HOUR)
    says(second, 0.6, HOUR)
    if word == "fastest":
        first.reply(after(0.25, healthy))
    if word == "least_busy":
        first.reply(hang)
        second.reply(hang)
        for i in range(4):
            connection = p.connect()
            headers = p.headers(headers=[("Content-Type", "application/json")])
            connection.request("POST", ANTHROPIC.path, headers, ANTHROPIC.request(text=f"held {i}"))
            eventually(lambda: len(first.requests) + len(second.requests) == i + 1, "the request at one of them")
        return equal((len(first.requests), len(second.requests)), (2, 2), "requests at the two")
    for i in range(8):
        p.ask(text=f"learn {i}")
    count = collections.Counter(served(p.ask(text=f"x{i}")).header("x-proxyd-upstream") for i in range(20))
    if word == "first":
        return equal(count, {"x": 20}, "who served")
    expect(count["y"] >= (18 if word == "fastest" else 20), "the second", count)


# ---------------------------------------------------------------- affinity


def turns(number, so_far):
    """A conversation's request: it began with its number."""
    messages = [{"role": "user", "content": f"conversation {number}"}]
    for turn in range(so_far):
        messages += [{"role": "assistant", "content": f"answer {turn}"}, {"role": "user", "content": f"question {turn}"}]
    return messages


def talk(house, number, turn, **more):
    body = {"model": "m", "max_tokens": 64, "system": "Be kind.", "messages": turns(number, turn), **more}
    answer = house.p.send("POST", house.dialect.path, body)
    return served(answer).header("x-proxyd-account")


@check("a conversation stays with the account that served it first")
def _(lab):
    house = House(lab, 3, extra="choose: weighted", clock=False)
    where = collections.defaultdict(set)
    for turn in range(6):
        for number in range(12):
            where[number].add(talk(house, number, turn))
    equal([len(accounts) for accounts in where.values()], [1] * 12, "accounts of each conversation")
    expect(len(set.union(*where.values())) > 1, "conversations at several accounts", dict(where))
    turns = (
        {"system": "S", "messages": [{"role": "user", "content": "Q"}]},
        {"messages": [{"content": "Q", "role": "user"}, {"role": "assistant", "content": "A"}], "system": "S"},
    )
    for number in range(12):
        bodies = [compact({"model": "m", "max_tokens": 9, **turn, "tools": [{"name": f"t{number}"}]}) for turn in turns]
        served_by = {served(house.p.send("POST", house.dialect.path, body)).header("x-proxyd-account") for body in bodies}
        equal(len(served_by), 1, "accounts of a conversation whose client writes its members in another order")


@check("a session that a client names is one conversation, whatever it says")
def _(lab):
    house = House(lab, 3, extra="choose: weighted", clock=False)
    headers = {"x-claude-code-session-id": "0a1b2c3d-session"}
    where = {served(house.ask(text=f"unlike {i}", headers=headers)).header("x-proxyd-account") for i in range(20)}
    equal(len(where), 1, "accounts of the session")


@check("a conversation leaves an account that cannot serve it, and stays where it went")
def _(lab):
    house = House(lab, 3, extra="")
    equal(talk(house, 1, 0), "one", "who serves at first")
    house.a.reply(status(429, retry_after=60), key="one")
    house.since()
    equal(talk(house, 1, 1), "two", "who serves while the first cools down")
    house.a.reply(healthy, key="one")
    house.pass_to(62)
    equal((talk(house, 1, 2), talk(house, 2, 0)), ("two", "one"), "who serves that conversation, who a new one")


@check("a conversation is forgotten an hour after its last use")
def _(lab):
    house = House(lab, 2, extra="affinity: conversation")
    house.drain("one")
    equal(talk(house, 1, 0), "two", "who serves while the first is drained")
    house.free("one")
    house.since()
    house.pass_to(50 * 60)
    equal(talk(house, 1, 1), "two", "who serves 50 minutes later")
    house.pass_to(100 * 60)
    equal(talk(house, 1, 2), "two", "who serves 50 minutes after that")
    house.pass_to(161 * 60)
    equal(talk(house, 1, 3), "one", "who serves an hour after its last use")


@check("`affinity: key` keeps a client key where it is, `none` nobody")
def _(lab):
    for word, wanted in (("key", 1), ("none", 3)):
        house = House(lab, 3, extra=f"choose: weighted, affinity: {word}", clock=False)
        equal(len({house.who() for _ in range(40)}), wanted, f"accounts that served one key with `{word}`")


@check("`affinity: key` keeps a client key with its account, whether its upstream is asked alone or as one of `any`")
def _(lab):
    first, second = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams:
  x: {declare(first, accounts=("one", "two", "three", "four"), extra="choose: weighted, affinity: key")}
  y: {declare(second)}
rules:
  - {{name: alone, models: [alone], tiers: [x]}}
  - {{name: among, models: [among], tiers: [{{any: [x, y], affinity: none}}]}}
""")
    answers = [served(p.ask(model=model, text=f"{model} {i}")) for i in range(20) for model in ("alone", "among")]
    seen = {answer.header("x-proxyd-account") for answer in answers if answer.header("x-proxyd-upstream") == "x"}
    equal(len(seen), 1, "accounts that served the key")


@check("`affinity: key`: a client key has an account of its own at each upstream, whichever is asked in between")
def _(lab):
    ups = {"x": lab.upstream(), "y": lab.upstream()}
    declared = {
        name: declare(up, accounts=("one", "two", "three", "four"), extra="choose: weighted, affinity: key")
        for name, up in ups.items()
    }
    p = lab.proxyd(f"""
upstreams:
  x: {declared["x"]}
  y: {declared["y"]}
rules:
  - {{name: x, models: [x], tiers: [x]}}
  - {{name: y, models: [y], tiers: [y]}}
  - {{name: both, models: [both], tiers: [{{any: [x, y], affinity: key}}]}}
""")
    seen = collections.defaultdict(set)
    chosen = set()
    for i in range(20):
        for model in ("x", "y", "both"):
            answer = served(p.ask(model=model, text=f"{model} {i}"))
            seen[answer.header("x-proxyd-upstream")].add(answer.header("x-proxyd-account"))
            chosen |= {answer.header("x-proxyd-upstream")} if model == "both" else set()
    equal([len(seen["x"]), len(seen["y"])], [1, 1], "accounts of each upstream that served the key")
    equal(len(chosen), 1, "upstreams of the tier of both that served the key")


@check("two clients that begin with the same words are two conversations")
def _(lab):
    keys = f"keys: [{{name: user, key: {USER_KEY}}}, {{name: other, key: sk-other-0123456789abcdefghijkl}}]"
    house = House(lab, 2, extra="affinity: conversation", more=keys, clock=False)
    house.drain("one")
    equal(house.who(text="same"), "two", "who serves the first client")
    house.free("one")
    equal(house.who(text="same", key="sk-other-0123456789abcdefghijkl"), "one", "who serves the other")
    equal(house.who(text="same"), "two", "who serves the first client again")


@check("what became of conversations is counted")
def _(lab):
    house = House(lab, 2, extra="affinity: conversation", clock=False)
    for turn in range(4):
        talk(house, 1, turn)
    text = house.p.admin("GET", "/metrics").text
    found = re.findall(r'^proxyd_affinity_total\{upstream="a",account="(\w+)",result="(\w+)"\} (\d+)$', text, re.M)
    counts = {(account, result): int(count) for account, result, count in found if count != "0"}
    equal(counts, {("one", "begun"): 1, ("one", "kept"): 3}, "what became of them, by account")


@check("a thousand conversations while one of three accounts fails and returns: 95% of turns where they were before", seconds=150)
def _(lab):
    house = House(lab, 3, extra="choose: weighted, affinity: conversation", more="log: {requests: false}")
    connection = house.p.connect(timeout=30)
    headers = house.p.headers(headers=[("Content-Type", "application/json")])
    place, stayed, total = {}, 0, 0

    def round_of(turn):
        nonlocal stayed, total
        for number in range(1000):
            body = compact({"model": "m", "max_tokens": 64, "messages": turns(number, turn)})
            account = served(connection.ask("POST", house.dialect.path, headers, body)).header("x-proxyd-account")
            total += number in place
            stayed += place.get(number) == account
            place[number] = account

    round_of(0)
    round_of(1)
    moving = sum(account == "one" for account in place.values())
    house.a.reply(status(429, retry_after=60), key="one")
    house.since()
    round_of(2)
    house.a.reply(healthy, key="one")
    house.pass_to(70)
    round_of(3)
    round_of(4)
    # Those of the account that failed have to move, once.
    expect(stayed >= total - moving and stayed > 0.6 * total, f"all but the {moving} that had to move", (stayed, total))


# ---------------------------------------------------------------- waiting


@check("{mode}: a request waits for quota that is back in time instead of failing", rows=["whole", "streamed"])
def _(lab, mode):
    house = House(lab, 1, spare=False, fallback="wait: 20s", clock=False)
    house.a.reply(status(429, retry_after=2), healthy)
    begun = time.monotonic()
    equal(house.who(stream=mode == "streamed"), "one", "who served in the end")
    expect(time.monotonic() - begun > 1.2, "no sooner than the vendor said", time.monotonic() - begun)
    equal(len(house.a.requests), 2, "requests at the account")


@check("without `wait` nobody waits")
def _(lab):
    house = House(lab, 1, spare=False, clock=False)
    house.a.reply(status(429, retry_after=3), healthy)
    answer = house.ask()
    equal((answer.status, answer.header("retry-after")), (429, "3"), "status and retry-after")


@check("quota that is back too late is a 429 at once, with the time that is left")
def _(lab):
    house = House(lab, 1, spare=False, fallback="wait: 5s", clock=False)
    house.a.reply(status(429, retry_after=600))
    for _ in range(2):
        begun = time.monotonic()
        answer = house.ask()
        equal(answer.status, 429, "the status")
        expect(590 <= int(answer.header("retry-after") or 0) <= 600, "the time that is left", answer.header("retry-after"))
        expect(time.monotonic() - begun < 3, "at once", time.monotonic() - begun)
    for _ in range(2):  # the second hears it from proxyd
        answer = house.p.ask("gemini")
        delays = [detail.get("retryDelay") for detail in answer.json()["error"].get("details", [])]
        equal(delays, [f"{answer.header('retry-after')}s"], "what a client of Gemini's reads the time from")


@check("{mode}: who would wait for too long hears what the upstream said, when somebody is back, and who was asked", rows=["whole", "streamed"])
def _(lab, mode):
    house = House(lab, 2, spare=False, fallback="wait: 2s", clock=False)
    house.a.reply(says(429, "Slow down, please", retry_after=600), key="one")
    house.a.reply(says(429, "Not so fast", retry_after=40), key="two")
    answer = house.ask(stream=mode == "streamed")
    equal((answer.status, answer.header("retry-after")), (429, "40"), "status and retry-after")
    contains(answer.text, "Not so fast", "the upstream's words")
    equal((answer.header("x-proxyd-account"), answer.header("x-proxyd-attempts")), ("two", "2"), "who was asked")


@check("a stream that waits is told every five seconds that it is waited for", seconds=60)
def _(lab):
    house = House(lab, 1, spare=False, fallback="wait: 30s", clock=False)
    house.a.reply(status(429, retry_after=11), healthy)
    begun = time.monotonic()
    stream = house.p.open_stream("anthropic", "m")
    equal(stream.answer.status, 200, "the status, while it waits")
    expect(time.monotonic() - begun < 9, "a head before the wait is over", time.monotonic() - begun)
    answer = stream.rest()
    text = answer.body.decode()
    signs = text[: text.index("message_start")].count(": ") + text[: text.index("message_start")].count("event: ping")
    expect(signs >= 2, "two signs of life before the answer begins", text[:300])
    expect(house.dialect.finished(answer.body), "the answer, whole", text[-300:])


@check("so is a stream of legacy completions", seconds=60)
def _(lab):
    house = House(lab, 1, dialect="openai", spare=False, fallback="wait: 30s", clock=False)
    words = b'data: {"id":"c","object":"text_completion","choices":[{"index":0,"text":"Hi","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    house.a.reply(status(429, retry_after=9), streamed(words))
    begun = time.monotonic()
    connection = house.p.connect()
    body = compact({"model": "m", "prompt": "Hi", "stream": True})
    headers = house.p.headers(headers=[("Content-Type", "application/json")])
    connection.request("POST", "/v1/completions", headers, body)
    stream = connection.stream()
    equal(stream.answer.status, 200, "the status, while it waits")
    expect(time.monotonic() - begun < 8, "a head before the wait is over", time.monotonic() - begun)
    told = stream.rest().body
    expect(told.startswith(b": ") and told.endswith(words), "a sign of life, then the answer, whole", told[-300:])


@check("who finds no place to wait gets a 429 with Retry-After at once; a client that goes gives its place back")
def _(lab):
    house = House(lab, 1, spare=False, fallback="wait: 20s", more="limits: {waiting: 1}", clock=False)
    house.a.reply(status(429, retry_after=6), healthy)
    first = house.p.connect()
    headers = house.p.headers(headers=[("Content-Type", "application/json")])
    first.request("POST", house.dialect.path, headers, house.dialect.request("m", text="first"))
    house.a.wait(1)
    time.sleep(0.3)  # the answer has to come back and the request to sit down
    answer = house.ask()
    equal(answer.status, 429, "the status of the second")
    expect(1 <= int(answer.header("retry-after") or 0) <= 6, "a retry-after", answer.header("retry-after"))
    first.abort()
    time.sleep(0.3)
    equal(house.who(), "one", "who serves one that comes afterwards and waits")


@check("those who wait are served in their order, not all at once, and none is forgotten", seconds=60)
def _(lab):
    house = House(lab, 1, spare=False, fallback="wait: 30s", more="limits: {waiting: 256}", clock=False)
    house.a.reply(status(429, retry_after=6), after(0.05, healthy))
    statuses, threads = {}, []

    def one(number):
        statuses[number] = house.p.ask("anthropic", "m", text=f"number {number:03}").status

    for number in range(256):
        threads.append(threading.Thread(target=one, args=(number,)))
        threads[-1].start()
        if number == 0:
            house.a.wait(1)
            time.sleep(0.3)
        time.sleep(0.01)
    before = len(house.a.requests)
    equal(before, 1, "requests at the account before the wait is over")
    for thread in threads:
        thread.join(40)
    equal(set(statuses.values()), {200}, "the statuses")
    order = [int(re.search(rb"number (\d+)", request.body).group(1)) for request in house.a.requests[1:]]
    equal(sorted(order), list(range(256)), "who came to the account in the end, each once")
    # Two cores wake their own, each in order; by chance everybody would be 85 places off.
    off = sum(abs(place - number) for place, number in enumerate(order)) / len(order)
    expect(off < 28, "their order, but for who woke on another core", order)
    # Not all at once: of the first second only a few.
    came = [request.arrived for request in house.a.requests[1:]]
    early = sum(at - came[0] < 1 for at in came)
    expect(early <= 32, "who came to the account within a second of the first", early)


@check("a wait ends at once when an operator frees the account")
def _(lab):
    house = House(lab, 1, spare=False, fallback="wait: 40s", clock=False)
    house.a.reply(status(429, retry_after=30), healthy)
    got = []
    thread = threading.Thread(target=lambda: got.append(house.who()))
    thread.start()
    house.a.wait(1)
    time.sleep(0.3)
    begun = time.monotonic()
    equal(house.free().status, 200, "the status of /free")
    thread.join(15)
    equal(got, ["one"], "who served")
    expect(time.monotonic() - begun < 12, "long before 30 seconds are over", time.monotonic() - begun)


@check("a wait ends when a reload gives the account another key, and with that it is asked")
def _(lab):
    house = House(lab, 1, spare=False, fallback="wait: 40s", clock=False)
    house.a.reply(status(429, retry_after=30), says(401, "provider-key-new"))
    got = []
    thread = threading.Thread(target=lambda: got.append(house.ask()))
    thread.start()
    house.a.wait(1)
    time.sleep(0.3)
    house.p.replace(house.config.replace("provider-key-one", "provider-key-new"))
    equal(house.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")
    thread.join(15)
    equal([each.credential for each in house.a.requests], ["provider-key-one", "provider-key-new"], "keys that it was asked with")
    equal(house.state(), "refused", "what is held against the account for it")
    lacks(got[0].text, "provider-key-new", "the client's answer")


@check("what waits is ended in good order when proxyd stops", seconds=60)
def _(lab):
    house = House(lab, 1, spare=False, fallback="wait: 40s", more="timeouts: {drain: 3s}", clock=False)
    house.a.reply(status(429, retry_after=30))
    got = []

    def one():
        try:
            got.append(house.ask().status)
        except OSError as error:
            got.append(type(error).__name__)

    thread = threading.Thread(target=one)
    thread.start()
    house.a.wait(1)
    time.sleep(0.3)
    equal(house.p.stop(), 0, "the exit code")
    thread.join(5)
    expect(len(got) == 1 and (not isinstance(got[0], int) or got[0] >= 400), "an error, or the end of the connection", got)


# ---------------------------------------------------------------- who has failed already

SCOPE = "You have insufficient permissions for this operation. Missing scopes: api.usage.read."
FAILS = {
    "a scope": says(403, SCOPE),
    "a 503": status(503),
    "a 429 to be asked again at once": status(429, retry_after=0),
    "a request too large": says(429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 65432."),
    "half an answer": whole(b'{"id":'),
}


@check("who failed a request is not asked again while it waits for another ({kind}, {accounts})", rows=[(k, n) for k in FAILS for n in (1, 3)])
def _(lab, kind, accounts):
    house = House(lab, accounts, fallback="wait: 8s", clock=False)
    house.a.reply(FAILS[kind])
    house.b.reply(status(429, retry_after=3), healthy)
    equal(house.who(), SPARE, "who served")
    expect(len(house.a.requests) <= accounts, "each is asked once", len(house.a.requests))
    equal(len(house.b.requests), 2, "requests to the one that was waited for")


@check("who is not worth waiting for does not hide what else failed")
def _(lab):
    house = House(lab, 1, fallback="wait: 2s", clock=False)
    house.a.reply(status(503))
    house.b.reply(status(429, retry_after=600))
    house.ask(text="first")
    answer = house.ask(text="second")
    equal(answer.status, 503, "the status")
    expect(int(answer.header("retry-after") or 0) < 600, "no wait of ten minutes", answer.header("retry-after"))
