"""Accounts that fail in a row: who is asked meanwhile, who tries, who is back; accounts that an operator takes out."""

import time

from checks import check, contains, equal, eventually, expect, one_of
from dialects import ANTHROPIC, compact
from harness import served
from upstream import drop, hang, healthy, says, status, stream, whole

ANYWHERE = "affinity: none"  # what is asked here begins with the same words, and would stay where it was served
FAULTS = {"5xx": lambda: status(503), "connection": lambda: drop}


def told(p, account="one"):
    return next(a for a in p.get("/admin/fallback")["accounts"] if a["name"] == account and a["upstream"] == "t1")


def state(p, account="one"):
    return told(p, account)["state"]


def who(p, **keywords):
    return served(p.ask(**keywords)).header("x-proxyd-account")


def lines(p, text):
    return [line for line in p.output().splitlines() if text in line]


def asked(up, account):
    return sum(r.credential == f"provider-key-{account}" for r in up.requests)


@check(
    "{fault}: one failure rests nothing, five in a row take the account out, and its probe brings it back",
    rows=list(FAULTS),
    seconds=40,
)
def _(lab, fault):
    p, first = lab.tiers(1, accounts=("one", "two"), extra=ANYWHERE)
    first.reply(FAULTS[fault](), key="one")
    for number in range(1, 6):
        equal(who(p), "two", "who serves")
        if fault == "5xx":  # a connection that had served before is replaced once
            equal(asked(first, "one"), number, "times that the first account was asked")
    equal(state(p), "failing", "its state")
    before = asked(first, "one")
    for _ in range(5):
        equal((who(p), asked(first, "one")), ("two", before), "who serves, and times that the first was asked, while it is out")
    p.wait_log("an account is out")
    first.reply(healthy, key="one")
    begun = time.monotonic()
    eventually(lambda: who(p) == "one", "the first account again", 12, every=0.2)
    expect(time.monotonic() - begun > 2, "no sooner than after some of its five seconds", time.monotonic() - begun)
    p.wait_log("an account is back")
    equal(state(p), "ready", "its state afterwards")
    equal(len(lines(p, "an account is out")), 1, "lines that tell that it is out")


@check("a success between them ends the row")
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two"), extra=ANYWHERE)
    first.reply(*([status(503)] * 4 + [healthy]) * 2, key="one")
    for _ in range(2):  # a third time would make ten failures, which are half of twenty outcomes
        equal([who(p) for _ in range(5)], ["two"] * 4 + ["one"], "who serves")
        time.sleep(1)  # what further attempts may cost is earned anew
    equal((state(p), lines(p, "an account is out")), ("ready", []), "its state, lines that tell it")


@check("an error of a client's between them ends the row, too: somebody is there")
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two"), extra="affinity: none")
    first.reply(*([status(503)] * 4 + [says(400, "max_tokens is too large")]) * 2, key="one")
    for _ in range(2):
        equal([p.ask().status for _ in range(5)], [200] * 4 + [400], "the statuses")
        time.sleep(1)  # what further attempts may cost is earned anew
    equal((state(p), lines(p, "an account is out")), ("ready", []), "its state, lines that tell it")


@check("streams that break off count: where half of what an account answers does, it is out")
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two"), extra="affinity: none")
    first.reply(stream(ANTHROPIC.begin("model-1"), ends=False, then="reset"), key="one")
    for _ in range(9):
        equal(p.ask(stream=True).header("x-proxyd-account"), "one", "who begins to answer")
    equal(state(p), "ready", "its state after nine")
    p.ask(stream=True)
    eventually(lambda: state(p) == "failing", "the account out")
    equal(who(p), "two", "who serves then")


def refusal(kind):
    return (ANTHROPIC.stream_error("no", kind), compact({"type": "error", "error": {"type": kind, "message": "no"}}))


@check(
    "an error of the client's in a success says nothing of the account, streamed or whole: {kind}",
    rows=["invalid_request_error", "not_found_error"],
)
def _(lab, kind):
    streamed, whole_one = refusal(kind)
    for answer, mode in ((stream(streamed), True), (whole(whole_one), False)):
        p, first = lab.tiers(1, accounts=("one", "two"), extra="affinity: none")
        first.reply(answer, key="one")
        for _ in range(6):
            equal(who(p, stream=mode), "two", "who serves")
        equal((state(p), lines(p, "an account is out")), ("ready", []), "its state, lines that tell it")


@check("the same in the other formats' streams: {dialect}", rows=["openai", "responses"])
def _(lab, dialect):
    told = {
        "openai": b"data: " + compact({"error": {"code": 400, "type": "invalid_request_error", "message": "no"}}) + b"\n\n",
        "responses": b"event: response.failed\ndata: "
        + compact(
            {
                "type": "response.failed",
                "response": {
                    "id": "r",
                    "object": "response",
                    "status": "failed",
                    "error": {"code": "invalid_prompt", "message": "no"},
                    "output": [],
                },
            }
        )
        + b"\n\n",
    }
    p, first = lab.tiers(1, dialect, accounts=("one", "two"), extra="affinity: none")
    first.reply(stream(told[dialect]), key="one")
    for _ in range(6):
        equal(who(p, dialect=dialect, stream=True), "two", "who serves")
    equal((state(p), lines(p, "an account is out")), ("ready", []), "its state, lines that tell it")


@check(
    "streams that tell an error after their first words count as those that break off: {kind}",
    rows=["overloaded_error", "api_error"],
)
def _(lab, kind):
    p, first = lab.tiers(1, accounts=("one", "two"), extra="affinity: none")
    first.reply(stream(ANTHROPIC.begin("model-1") + ANTHROPIC.stream_error("no", kind)), key="one")
    for _ in range(9):
        equal(p.ask(stream=True).header("x-proxyd-account"), "one", "who begins to answer")
    equal((state(p), told(p)["failures"]), ("ready", 9), "its state after nine, and failures")
    p.ask(stream=True)
    eventually(lambda: state(p) == "failing", "the account out")
    equal(who(p), "two", "who serves then")


@check("a client's error after the first words of a stream does not count")
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two"), extra="affinity: none")
    first.reply(stream(ANTHROPIC.begin("model-1") + ANTHROPIC.stream_error("no", "invalid_request_error")), key="one")
    for _ in range(12):
        equal(p.ask(stream=True).header("x-proxyd-account"), "one", "who begins to answer")
    equal((state(p), told(p)["failures"]), ("ready", 0), "its state, and failures")


@check(
    "what sends no request on counts all the same: {fault}, `{fallback}`",
    rows=[(fault, text) for fault in FAULTS for text in ("on: [429]", "enabled: false")],
)
def _(lab, fault, fallback):
    p, first = lab.tiers(1, fallback=fallback)
    first.reply(FAULTS[fault]())
    for _ in range(6):
        one_of(p.ask().status, (502, 503), "the status")
    now = told(p)
    expect(now["failures"] >= 5, "failures", now)
    equal((now["state"], now["success_rate"]), ("failing", 0), "its state, the share of successes")
    expect(now["last_error"], "the last error", now)


@check("that a rest is over is told, though nobody asks")
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two"))
    first.reply(status(429, retry_after=2), key="one")
    equal(who(p), "two", "who serves")
    p.wait_log("a model rests at an account")
    eventually(lambda: lines(p, "a model is back at an account"), "the line that tells that it is back", 5)
    contains(lines(p, "a model is back at an account")[0], "notice", "the line")
    equal((state(p), asked(first, "one")), ("ready", 1), "its state, and how often it was asked")


@check("a limit that sends no request on is counted, and nothing rests for it")
def _(lab):
    p, first = lab.tiers(1, fallback="on: [503]")
    first.reply(status(429))
    for _ in range(3):
        equal(p.ask().status, 429, "the status")
    equal((told(p)["failures"], state(p)), (3, "ready"), "failures, the account's state")


@check("a probe whose client leaves gives its place to the next request", seconds=40)
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two"), extra="affinity: none")
    first.reply(status(503), key="one")
    for _ in range(5):
        equal(who(p), "two", "who serves")
    equal(state(p), "failing", "its state")
    time.sleep(5.3)  # until it may be tried
    first.reply(hang, key="one")
    connection, before = p.connect(), asked(first, "one")
    connection.request("POST", ANTHROPIC.path, p.headers(headers=[("Content-Type", "application/json")]), ANTHROPIC.request())
    eventually(lambda: asked(first, "one") == before + 1, "the probe at the account")
    equal(who(p), "two", "who serves while it is under way")
    first.reply(healthy, key="one")
    connection.abort()
    eventually(lambda: who(p) == "one", "the next request at the account, which is well again", 5)


@check("when everybody fails, each request asks somebody, and 1.2 of them at most", seconds=60)
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two", "three"))
    first.reply(status(503))
    for _ in range(200):
        one_of(p.ask().status, (502, 503, 529), "the status")
    expect(200 <= len(first.requests) <= 240, "200 to 240 attempts for 200 requests", len(first.requests))


@check("a refused account is not asked again, be it the only one, until it is freed")
def _(lab):
    p, first = lab.tiers(1)
    first.reply(says(401, "Incorrect API key provided"), healthy)
    equal(p.ask().status, 502, "the status while it is refused")
    answer = p.ask()
    equal((answer.status, len(first.requests)), (502, 1), "the status, and requests at the upstream, the next time")
    contains(answer.text, "refused the credential", "what the client is told")
    for client in ("anthropic", "openai", "responses", "gemini"):
        answer = p.ask(client)
        equal((answer.status, len(first.requests)), (502, 1), f"the status for {client}, and requests at the upstream")
        contains(answer.text, "Incorrect API key provided", "the upstream's own words")
    equal(p.admin("POST", "/admin/accounts/t1/one/free").status, 200, "the status of free")
    served(p.ask())


@check("a drained account gets no new request, be it the only one, until it is freed")
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two"))
    answer = p.admin("POST", "/admin/accounts/t1/one/drain")
    equal((answer.status, answer.json()), (200, {"status": "drained", "upstream": "t1", "account": "one"}), "the answer")
    equal((who(p), state(p)), ("two", "drained"), "who serves, the account's state")
    p.replace(p.config.read_text().replace("provider-key-two", "provider-key-new", 1))
    eventually(lambda: p.ask() and first.last.credential == "provider-key-new", "the new configuration", 8)
    equal(state(p), "drained", "its state after a reload")
    equal(p.admin("POST", "/admin/accounts/t1/two/drain").status, 200, "the status of a second drain")
    before = len(first.requests)
    equal((p.ask().status, len(first.requests)), (502, before), "the status, and requests, when all are drained")
    equal(p.admin("POST", "/admin/accounts/t1/one/free").status, 200, "the status of free")
    equal(who(p), "one", "who serves once it is freed")
    entries = [(e["action"], e["target"]) for e in p.get("/admin/audit")["audit"]]
    for entry in (("account.drain", "t1/one"), ("account.free", "t1/one")):
        expect(entry in entries, "an entry of the audit log", (entry, entries))
    equal(p.admin("POST", "/admin/accounts/t1/nobody/drain").status, 404, "the status for an account that is not there")


@check("a request that goes on is told in a line: who failed, how, and who took over")
def _(lab):
    p, first, _second = lab.tiers(2, more="log: {level: info, format: text}")
    first.reply(status(429))
    served(p.ask())
    p.wait_log("a request goes on elsewhere")
    line = lines(p, "a request goes on elsewhere")[0]
    for part in ("from=t1/one", "upstream=t2", "account=one", "model=model-2", "reason=429"):
        contains(line, part, "the line")
    rest = lines(p, "a model rests at an account")
    equal(len(rest), 1, "lines that tell that the model rests")
    for part in ("warning", "upstream=t1", "account=one", "model=model-1", "reason=429", "until="):
        contains(rest[0], part, "the line")
