"""What answers' heads, polls by name and declared numbers tell of an account's quota, and who is asked then."""

import threading
import time

from checks import check, equal, eventually
from dialects import ANTHROPIC, OPENAI, of_path
from harness import served
from upstream import after, health, iso, status, stream, whole

MODES = ("whole", "streamed")
HOUR = 3600


def well(*headers):
    """A good answer with these headers, whole or streamed as it is asked for."""

    def reply(request, wire):
        dialect = of_path(request.path)
        model = dialect.model_of(request)
        if request.streamed:
            stream(dialect.stream(model, usage_asked=dialect.asks_usage(request)), headers=headers)(request, wire)
        else:
            whole(dialect.whole(model), headers=headers)(request, wire)

    return reply


def two(lab, dialect="openai", extra="", accounts=None, rules='[{name: all, models: ["*"], tiers: [a/m]}]'):
    """One upstream with the accounts one and two; everybody asks for its model m, and no conversation stays where it was served."""
    up = lab.upstream()
    extra = "affinity: none" + (f", {extra}" if extra else "")
    declared = up.declare(dialect, accounts=("one", "two"), extra=extra)
    if accounts:
        declared = up.declare(dialect, accounts=(), extra=f"accounts: {accounts}, {extra}")
    return lab.proxyd(f"upstreams: {{a: {declared}}}\nrules: {rules}\n"), up


def who(p, dialect="openai", mode="whole", model="m"):
    return served(p.ask(dialect, model, mode == "streamed"), "the answer").header("x-proxyd-account")


def rate(kind, limit, remaining, reset):
    return [
        (f"x-ratelimit-limit-{kind}", limit),
        (f"x-ratelimit-remaining-{kind}", remaining),
        (f"x-ratelimit-reset-{kind}", reset),
    ]


def unified(window, used, reset):
    name = f"anthropic-ratelimit-unified-{window}"
    return [(f"{name}-utilization", used), (f"{name}-reset", str(int(time.time()) + reset)), (f"{name}-status", "allowed")]


def anthropic(kind, limit, remaining, reset):
    name = f"anthropic-ratelimit-{kind}"
    return [(f"{name}-limit", limit), (f"{name}-remaining", remaining), (f"{name}-reset", iso(reset))]


def codex(window, percent, reset):
    name = f"x-codex-{window}"
    return [(f"{name}-used-percent", percent), (f"{name}-window-minutes", "300"), (f"{name}-reset-after-seconds", str(reset))]


LOW = {  # what says that there is next to nothing left
    "OpenAI's requests, minutes and seconds": (OPENAI, lambda: rate("requests", "1000", "10", "6m0s")),
    "OpenAI's tokens, seconds": (OPENAI, lambda: rate("tokens", "100000", "0", "59")),
    "OpenAI's tokens, an instant": (OPENAI, lambda: rate("tokens", "100000", "1", str(int(time.time()) + HOUR))),
    "OpenAI's tokens, an instant in milliseconds": (
        OPENAI,
        lambda: rate("tokens", "100000", "1", str((int(time.time()) + HOUR) * 1000)),
    ),
    "Anthropic's requests": (ANTHROPIC, lambda: anthropic("requests", "50", "1", HOUR)),
    "Anthropic's input tokens": (ANTHROPIC, lambda: anthropic("input-tokens", "50000", "0", HOUR)),
    "Anthropic's output tokens": (ANTHROPIC, lambda: anthropic("output-tokens", "8000", "100", HOUR)),
    "five hours": (ANTHROPIC, lambda: unified("5h", "0.97", HOUR)),
    "seven days, a little over": (ANTHROPIC, lambda: unified("7d", "1.01", 90 * HOUR)),
    "Codex' primary window": (OPENAI, lambda: codex("primary", "98", HOUR)),
    "Codex' secondary window": (OPENAI, lambda: codex("secondary", "100", 90 * HOUR)),
}
ENOUGH = {  # the same with enough left
    "OpenAI's requests": (OPENAI, lambda: rate("requests", "1000", "50", "6m0s")),
    "Anthropic's tokens": (ANTHROPIC, lambda: anthropic("tokens", "50000", "2500", HOUR)),
    "five hours": (ANTHROPIC, lambda: unified("5h", "0.95", HOUR)),
    "Codex": (OPENAI, lambda: codex("primary", "95", HOUR)),
    "an unknown family that refused nobody": (ANTHROPIC, lambda: unified("lunar", "1", HOUR)),
}


@check("{told}, {mode}: an account with too little left is passed over", rows=[(told, mode) for told in LOW for mode in MODES])
def _(lab, told, mode):
    dialect, headers = LOW[told]
    p, up = two(lab, dialect.name)
    up.reply(well(*headers()), key="one")
    equal(who(p, dialect.name, mode), "one", "the account that answered first")
    equal([who(p, dialect.name, mode) for _ in range(2)], ["two", "two"], "the accounts that answered then")
    # Where all have too little the fullest is asked, and the client hears nothing of it.
    up.reply(well(*headers()), key="two")
    who(p, dialect.name, mode)
    served(p.ask(dialect.name, "m", mode == "streamed"), "an answer when all are low")


@check("{told}: an account with enough left is asked again", rows=[(told,) for told in ENOUGH])
def _(lab, told):
    dialect, headers = ENOUGH[told]
    p, up = two(lab, dialect.name)
    up.reply(well(*headers()), key="one")
    equal([who(p, dialect.name) for _ in range(3)], ["one"] * 3, "the accounts that answered")


@check("after its reset an account is asked again")
def _(lab):
    p, up = two(lab)
    up.reply(well(*rate("requests", "1000", "0", "2s")), well(), key="one")
    equal(who(p), "one", "the account that answered first")
    equal(who(p), "two", "the account that answered before the reset")
    eventually(lambda: who(p) == "one", "the first account is asked again", 10.0)


@check("an answer that comes late tells nothing of what one that was asked after it has told")
def _(lab):
    p, up = two(lab)

    def left(number):
        return well(*rate("requests", "1000", number, "1h"))

    up.reply(after(0.4, left("0")), left("500"), left("500"), after(0.4, left("900")), left("1"), key="one")
    for asked, instead in ((1, "one"), (4, "two")):
        late = threading.Thread(target=who, args=(p,))
        late.start()
        up.wait(asked)
        equal(who(p), "one", "the account that answered meanwhile")
        late.join(15)
        equal(who(p), instead, "the account that answered after the late answer")


LIES = {
    "a negative number": rate("requests", "1000", "-1", "1s"),
    "more left than there is": rate("requests", "10", "11", "1s"),
    "no number": rate("requests", "1000", "NaN", "1s"),
    "a number that nobody has": rate("requests", "9" * 40, "1", "1s"),
    "a share of another kind": [("anthropic-ratelimit-unified-5h-utilization", "97")],
    "a negative percentage": [("x-codex-primary-used-percent", "-5")],
}


@check("a head that tells {lie} takes nobody out, and is told once", rows=[(lie,) for lie in LIES])
def _(lab, lie):
    p, up = two(lab)
    up.reply(well(*LIES[lie]), key="one")
    equal([who(p) for _ in range(4)], ["one"] * 4, "the accounts that answered")
    p.wait_log("headers of quota tell what cannot be")
    equal(p.output().count("headers of quota tell what cannot be"), 1, "lines of the log")


@check("a lie leaves what was known before it")
def _(lab):
    p, up = two(lab)
    up.reply(well(*rate("requests", "1000", "0", "1h")), key="one")
    who(p)
    up.reply(well(*rate("requests", "1000", "2000", "1s")), key="two")
    equal([who(p) for _ in range(3)], ["two"] * 3, "the accounts that answered")


@check("with headers: false an account is what polls and refusals say")
def _(lab):
    p, up = two(lab, extra="quota: {headers: false}")
    up.reply(well(*rate("requests", "1000", "0", "1h")), key="one")
    equal([who(p) for _ in range(3)], ["one"] * 3, "the accounts that answered")


@check("headers of other names are read where the file names them")
def _(lab):
    names = "header_names: {requests: {limit: X-RateLimit-Limit, remaining: x-ratelimit-remaining, reset: X-RateLimit-Reset}}"
    p, up = two(lab, extra=f"quota: {{{names}}}")
    told = [("X-RateLimit-Limit", "20"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(int(time.time() + HOUR) * 1000))]
    up.reply(well(*told), key="one")
    equal([who(p) for _ in range(3)], ["one", "two", "two"], "the accounts that answered")


@check("Together's headers are read by its preset: {kind}", rows=[("requests",), ("tokens",)])
def _(lab, kind):
    up = lab.upstream()
    accounts = "[{name: one, key: provider-key-one}, {name: two, key: provider-key-two}]"
    declared = f"{{preset: together, url: '{up.url}/v1', affinity: none, models: {{discover: false}}, accounts: {accounts}}}"
    p = lab.proxyd(f'upstreams: {{a: {declared}}}\nrules: [{{name: all, models: [m, "*"], tiers: [a]}}]\n')
    name = {"requests": "x-ratelimit", "tokens": "x-tokenlimit"}[kind]
    up.reply(well((f"{name}-limit", "100"), (f"{name}-remaining", "1"), ("x-ratelimit-reset", "60")), key="one")
    equal([who(p) for _ in range(3)], ["one", "two", "two"], "the accounts that answered")
    window = next(w for w in p.get("/admin/fallback")["accounts"][0]["windows"] if w["kind"] == kind)
    equal((window["limit"], window["remaining"]), (100, 1), "limit and what remains")


@check("a family's window holds the models that it refuses, and no other")
def _(lab):
    p, up = two(lab, "anthropic", rules="[{name: all, models: [opus, haiku], tiers: [a]}]")
    name = "anthropic-ratelimit-unified"
    family = [(f"{name}-7d_opus-status", "rejected"), (f"{name}-7d_opus-reset", str(int(time.time()) + 50 * HOUR))]
    up.reply(status(429, headers=[(f"{name}-status", "rejected"), *family]), key="one", model="opus")
    up.reply(well((f"{name}-status", "allowed"), *family), key="one", model="haiku")
    equal(who(p, "anthropic", model="opus"), "two", "the account that answered for the refused model")
    equal(who(p, "anthropic", model="haiku"), "one", "the account that answered for another")
    equal(who(p, "anthropic", model="opus"), "two", "the account that answered for the refused model again")
    equal(sum(r.model == "opus" and r.credential == "provider-key-one" for r in up.requests), 1, "times that it was asked")


@check("a poll that tells accounts by {what} gives each its own", rows=[("name",), ("address",)])
def _(lab, what):
    up = lab.upstream()
    told = health({"m": 0.0}, {"m": 0.9})
    for entry, name in zip(told["accounts"], ("one", "two")):
        if what == "name":
            entry["name"] = name
        else:
            entry["email"] = f"{name}@example.test"
    up.health = told
    extra = "quota: {poll: /health, interval: 1s, timeout: 1s}"
    declared = up.declare("openai", accounts=("one", "two"), extra=extra)
    p = lab.proxyd(f'upstreams: {{a: {declared}}}\nrules: [{{name: all, models: ["*"], tiers: [a/m]}}]\n')
    p.wait_polled(up, more=1)
    equal(who(p), "two", "the account that answered")


@check("what a file declares for an account is counted")
def _(lab):
    accounts = (
        "[{name: one, key: provider-key-one, quota: {declared: {requests_per_minute: 2}}}, {name: two, key: provider-key-two}]"
    )
    p, _up = two(lab, accounts=accounts)
    equal([who(p) for _ in range(4)], ["one", "one", "two", "two"], "the accounts that answered")


@check("tokens that a file declares are counted when they are used")
def _(lab):
    accounts = (
        "[{name: one, key: provider-key-one, quota: {declared: {tokens_per_day: 1}}}, {name: two, key: provider-key-two}]"
    )
    p, _up = two(lab, accounts=accounts)
    seen = [who(p) for _ in range(3)]
    equal(seen, ["one", "two", "two"], "the accounts that answered")
