"""Cooldowns, several accounts of an upstream, the switch that turns fallback off, the budget that bounds it."""

import email.utils
import shutil
import ssl
import subprocess
import threading
import time

from checks import Failure, Skip, check, equal, eventually, expect
from dialects import ANTHROPIC
from harness import served
from upstream import hang, health, healthy, says, status, stream

MODES = ("whole", "streamed")
EXHAUSTED = "You have exhausted your capacity on claude-opus. Quota will reset after 1h2m3s."


# ---------------------------------------------------------------- cooldown


@check("Retry-After keeps a tier out until it has passed, in {form}", rows=["seconds", "a date"])
def _(lab, form):
    p, first, second = lab.tiers(2)
    after = "3" if form == "seconds" else email.utils.formatdate(int(time.time()) + 4, usegmt=True)
    first.reply(status(429, retry_after=after), healthy)
    begun = time.monotonic()
    served(p.ask())
    for _ in range(3):
        answer = served(p.ask())
        equal((answer.header("x-proxyd-upstream"), answer.header("x-proxyd-attempts")), ("t2", "1"), "upstream and attempts")
    equal((len(first.requests), len(second.requests)), (1, 4), "requests at the two while the first cools down")
    eventually(lambda: p.ask().header("x-proxyd-upstream") == "t1", "the first tier again", 6, every=0.2)
    expect(time.monotonic() - begun > 1.5, "no sooner than Retry-After said", time.monotonic() - begun)


@check("without Retry-After a tier cools down for `fallback.cooldown` after a {what}", rows=["429", "400 exhausted"])
def _(lab, what):
    p, first, _second = lab.tiers(2, fallback="cooldown: 2s")
    first.reply(status(429) if what == "429" else says(400, "We have no capacity for you"), healthy)
    served(p.ask())
    equal(served(p.ask()).header("x-proxyd-attempts"), "1", "attempts while it cools down")
    equal(len(first.requests), 1, "requests at the first")
    eventually(lambda: p.ask().header("x-proxyd-upstream") == "t1", "the first tier again", 5, every=0.2)


@check("a cooldown of one model does not keep another model of the upstream out")
def _(lab):
    first, second = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{a: {first.declare()}, b: {second.declare()}}}
rules:
  - {{models: [x], tiers: [a/one, b/spare]}}
  - {{models: [y], tiers: [a/two, b/spare]}}
""")
    first.reply(status(429, retry_after=60), model="one")
    equal(served(p.ask(model="x")).header("x-proxyd-upstream"), "b", "the upstream for x")
    equal(served(p.ask(model="y")).header("x-proxyd-upstream"), "a", "the upstream for y")


@check("the time that an exhausted answer names keeps the tier out")
def _(lab):
    p, first, _second = lab.tiers(2, fallback="cooldown: 100ms")
    first.reply(says(400, EXHAUSTED), healthy)
    served(p.ask())
    time.sleep(0.5)
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "the upstream long before 1h2m3s have passed")


@check("a fresh quota ends a cooldown early")
def _(lab):
    p, first, _second = lab.tiers(2, extra="quota: {poll: /health, interval: 1s, timeout: 1s}")
    first.health = health({"model-1": 0.0})
    p.wait_polled(first)
    first.health = health({"model-1": 0.5})
    p.wait_polled(first)
    first.reply(status(429, retry_after=3600), healthy)
    served(p.ask())
    first.health = health({"model-1": 0.9})
    p.wait_polled(first, more=2)
    equal(served(p.ask()).header("x-proxyd-upstream"), "t1", "the upstream after a fresh quota")


@check("while the only tier cools down the client gets a 429 with the time that is left")
def _(lab):
    p, first = lab.tiers(1)
    first.reply(status(429, retry_after=40))
    for _ in range(2):
        answer = p.ask()
        equal(answer.status, 429, "the status")
        ANTHROPIC.error_of(answer)
        expect(30 <= int(answer.header("retry-after") or 0) <= 40, "a retry-after of 30 to 40 s", answer.header("retry-after"))


# ---------------------------------------------------------------- several accounts


@check(
    "{mode}: after a {code} of one account the next account of the tier takes over",
    rows=[(m, c) for m in MODES for c in (429, 401, 402, 403, 503)],
)
def _(lab, mode, code):
    p, first, second = lab.tiers(2, accounts=("one", "two"))
    first.reply(status(code, retry_after=60), key="one")
    seen = set()
    for _ in range(4):
        answer = served(p.ask(stream=mode == "streamed"))
        equal(answer.header("x-proxyd-tier"), "t1/model-1", "the tier")
        seen.add(answer.header("x-proxyd-account"))
    equal(second.requests, [], "requests at the second tier")
    equal(seen, {"two"}, "the accounts that answered")
    equal(first.requests[-1].credential, "provider-key-two", "the credential of the last request")
    expect(sum(r.credential == "provider-key-one" for r in first.requests) <= 1, "the account that failed is asked once at most")


@check("the stream of one account that opens with an error goes on with the next account")
def _(lab):
    p, first, second = lab.tiers(2, accounts=("one", "two"))
    first.reply(stream(ANTHROPIC.stream_error("Overloaded")), key="one")
    answer = served(p.ask(stream=True))
    if first.requests[0].credential == "provider-key-one":
        equal(answer.header("x-proxyd-attempts"), "2", "x-proxyd-attempts")
    equal((answer.header("x-proxyd-account"), second.requests), ("two", []), "the account, requests at the second tier")


@check("when all accounts of a tier fail the next tier takes over")
def _(lab):
    p, first, _second = lab.tiers(2, accounts=("one", "two", "three"))
    first.reply(status(429, retry_after=30))
    answer = served(p.ask())
    equal((answer.header("x-proxyd-tier"), answer.header("x-proxyd-attempts")), ("t2/model-2", "4"), "tier and attempts")
    equal(sorted(r.credential for r in first.requests), [f"provider-key-{n}" for n in ("one", "three", "two")], "the keys tried")


@check("accounts of one upstream are used in the file's order, the next one only when one fails")
def _(lab):
    p, first = lab.tiers(1, accounts=("one", "two"))
    for _ in range(20):
        served(p.ask())
    equal({r.credential for r in first.requests}, {"provider-key-one"}, "the keys that were used")


# ---------------------------------------------------------------- off, and bounded


@check("{mode}: with `enabled: false` the first tier's failure goes to the client as it is", rows=list(MODES))
def _(lab, mode):
    p, first, second = lab.tiers(2, fallback="enabled: false")
    for code in (503, 429, 400):
        words = "messages: wrong" if code == 400 else EXHAUSTED
        first.reply(says(code, words, retry_after=5))
        answer = p.ask(stream=mode == "streamed")
        equal((answer.status, answer.body), (code, ANTHROPIC.error(code, words)), "status and body")
        equal(answer.header("retry-after"), "5", "retry-after")
    equal(second.requests, [], "requests at the second tier")


@check("retries have a budget: at most 20% more attempts than requests, plus 10 a second", seconds=60)
def _(lab):
    p, first, second = lab.tiers(2, fallback="cooldown: 1ms")
    first.reply(status(503))
    connection = p.connect()
    count, begun, statuses = 400, time.monotonic(), []
    for _ in range(count):
        statuses.append(connection.ask("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request()).status)
        time.sleep(0.002)
    took = time.monotonic() - begun
    attempts = len(first.requests) + len(second.requests)
    allowed = 1.2 * count + 10 * (took + 1)
    expect(attempts <= allowed, f"at most {allowed:.0f} attempts for {count} requests in {took:.1f} s", attempts)
    equal(statuses[0], 200, "the status of the first request, which may be retried")
    equal({s for s in statuses} - {200, 503, 529}, set(), "statuses other than the answer and the upstream's error")


@check("one hundred requests at once while the first tier fails are all answered", seconds=60)
def _(lab):
    p, first, second = lab.tiers(2, accounts=("one", "two"))
    first.reply(status(429, retry_after=30))
    bad = []

    def one(i):
        try:
            answer = p.ask(stream=i % 2 == 0)
            if answer.status != 200 or not answer.complete:
                bad.append(repr(answer))
        except (Failure, OSError) as failure:
            bad.append(str(failure))

    served(p.ask())
    threads = [threading.Thread(target=one, args=(i,)) for i in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(bad[:1], [], f"failures of 100 ({len(bad)})")
    equal(len(second.requests), 101, "requests at the second tier")


@check("nothing is retried for a client that has gone")
def _(lab):
    p, first, second = lab.tiers(2)
    first.reply(hang)
    connection = p.connect()
    connection.request("POST", ANTHROPIC.path, p.headers(), ANTHROPIC.request())
    first.wait(1)
    connection.abort()
    expect(first.last.gone.wait(5), "the upstream request ends")
    time.sleep(0.3)
    equal(second.requests, [], "requests at the second tier")


@check("an upstream over TLS whose certificate nobody signed is not trusted")
def _(lab):
    if not shutil.which("openssl"):
        raise Skip("no openssl to make a certificate with")
    pem = lab.folder / "self.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            pem,
            "-out",
            lab.folder / "crt",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        ],
        check=True,
        capture_output=True,
    )
    pem.write_text(pem.read_text() + (lab.folder / "crt").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    secure, spare = lab.upstream(), lab.upstream()
    secure.over_tls(context)
    p = lab.proxyd(f"""
upstreams:
  secure: {{url: 'https://localhost:{secure.port}', dialect: anthropic, accounts: [{{name: x, key: k}}]}}
  spare: {spare.declare()}
rules: [{{name: all, tiers: [secure, spare]}}]""")
    equal(served(p.ask()).header("x-proxyd-upstream"), "spare", "the upstream that answered")
    equal(secure.requests, [], "requests at the upstream that cannot be trusted")
