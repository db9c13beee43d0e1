"""For the checks of accounts: an upstream with several before a spare one, time that passes, what is told of them."""

import calendar
import time

from clock import Clock
from dialects import DIALECTS
from harness import indented, served
from upstream import whole

SPARE = "spare"


def listed(accounts):
    """Accounts as they stand in proxy.yaml; one is a name, or a name and what else it says."""
    pairs = [(each, "") if isinstance(each, str) else each for each in accounts]
    return ", ".join(f"{{name: {name}, key: provider-key-{name}{', ' + more if more else ''}}}" for name, more in pairs)


def declare(up, dialect="anthropic", accounts=("one",), extra=""):
    path = "/v1" if dialect in ("openai", "responses") else ""
    return f"{{url: '{up.url}{path}', dialect: {dialect}, accounts: [{listed(accounts)}]{', ' + extra if extra else ''}}}"


class House:
    """Every model goes to the upstream `a` with its accounts, and to `b` (the account `spare`) where none of them serves."""

    def __init__(
        self,
        lab,
        accounts=3,
        dialect="anthropic",
        extra="affinity: none",
        fallback="",
        more="",
        polled=None,
        spare=True,
        clock=True,
    ):
        names = ("one", "two", "three", "four", "five")
        self.accounts = names[:accounts] if isinstance(accounts, int) else accounts
        self.dialect = DIALECTS[dialect]
        self.a, self.b = lab.upstream(), lab.upstream()
        self.a.health = polled
        self.clock = Clock(lab) if clock else None
        self.passed, self.asked = 0.0, 0
        # What the file names is no name that a client made up: it counts for the account from the first failure on.
        known = "m, n, other, bad, claude-opus-4, claude-sonnet-4"
        tiers = "a, b" if spare else "a"
        rules = "" if "rules:" in more else f"\nrules:\n  - {{name: all, models: [{known}, '*'], tiers: [{tiers}]}}"
        self.config = f"""
upstreams:
  a: {declare(self.a, dialect, self.accounts, extra)}
  b: {declare(self.b, dialect, [SPARE])}
fallback: {{{fallback}}}{rules}{indented(more, 0) if more else ''}
"""
        self.p = lab.proxyd(self.config, env=self.clock.env if clock else None)
        if polled is not None:
            self.p.wait_polled(self.a, total=1)

    def ask(self, model="m", stream=False, text=None, **more):
        """A request of a conversation of its own, unless the text says which."""
        self.asked += 1
        return self.p.ask(self.dialect, model, stream, text=text or f"conversation {self.asked}", **more)

    def who(self, model="m", stream=False, text=None, **more):
        """The account that serves."""
        return served(self.ask(model, stream, text, **more)).header("x-proxyd-account")

    def instead(self):
        """Who takes over from the first account: the file's next, else the spare upstream's."""
        names = [each if isinstance(each, str) else each[0] for each in self.accounts]
        return names[1] if len(names) > 1 else SPARE

    def times(self, key="one", model=None):
        """How often an account was asked."""
        return sum(r.credential == f"provider-key-{key}" and model in (None, r.model) for r in self.a.requests)

    # ------------------------------------------------------------ time

    def since(self):
        """From now on `pass_to` counts."""
        self.passed, self.begun = 0.0, time.monotonic()

    def pass_to(self, seconds):
        """It is so many seconds after `since`, or a moment later."""
        missing = int(seconds - self.passed - (time.monotonic() - self.begun))
        if missing > 0:
            self.clock.go_on(missing)
            self.passed += missing
        time.sleep(0.02)  # the coarse clock's next tick

    # ------------------------------------------------------------ what is told

    def account(self, name="one", upstream="a"):
        told = self.p.get("/admin/fallback")["accounts"]
        return next(each for each in told if each["upstream"] == upstream and each["account"] == name)

    def state(self, name="one"):
        return self.account(name)["state"]

    def window(self, kind, name="one", model=None):
        """A window of an account as it is told; None when there is none."""
        found = [w for w in self.account(name)["windows"] if w["kind"] == kind and (model is None or model in models(w))]
        return found[0] if found else None

    def free(self, name="one"):
        return self.p.admin("POST", f"/admin/accounts/a/{name}/free")

    def drain(self, name="one"):
        return self.p.admin("POST", f"/admin/accounts/a/{name}/drain")

    def changes(self, name="one", level="warning"):
        """The log's lines of an account that became worse (`warning`) or better (`notice`)."""
        parts = (level, "upstream=a", f"account={name}")
        return [line for line in self.p.output().splitlines() if all(part in line for part in parts) and "attempt" not in line]

    def now(self):
        return self.clock.now() if self.clock else time.time()

    def ahead(self, text):
        """Seconds from now until `2026-02-11T14:04:20+08:00`."""
        return seconds(text) - self.now()


def models(window):
    """The models that a window holds, `*` for all of them."""
    told = window["models"]
    return [told] if isinstance(told, str) else told


def seconds(text):
    """The seconds since 1970 of a time with its offset."""
    base = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    zone = text[19:].lstrip(".0123456789")
    if zone in ("Z", ""):
        return base
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    return base - (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def instant(epoch):
    """An instant as Anthropic's headers have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


# ---------------------------------------------------------------- what vendors tell


WAIT = 360


def unified(kind, share, now, wait=WAIT, **more):
    prefix = f"anthropic-ratelimit-unified-{kind}"
    told = {"utilization": f"{1 - share:.2f}", "status": "allowed_warning", "reset": str(int(now + wait)), **more}
    return [(f"{prefix}-{name}", value) for name, value in told.items()]


def anthropic(kind, now, limit=100, remaining=2, wait=WAIT):
    prefix = f"anthropic-ratelimit-{kind}"
    return [(f"{prefix}-limit", str(limit)), (f"{prefix}-remaining", str(remaining)), (f"{prefix}-reset", instant(now + wait))]


def rate(kind, reset, limit=100, remaining=2):
    return [
        (f"x-ratelimit-limit-{kind}", str(limit)),
        (f"x-ratelimit-remaining-{kind}", str(remaining)),
        (f"x-ratelimit-reset-{kind}", reset),
    ]


def codex(kind, used="98", wait=WAIT):
    prefix = f"x-codex-{kind}"
    return [(f"{prefix}-used-percent", used), (f"{prefix}-window-minutes", "300"), (f"{prefix}-reset-after-seconds", str(wait))]


def told(house, headers, model="m", key="one"):
    """From now on the account answers with these headers."""

    def reply(request, wire):
        body = house.dialect.whole(request.model)
        whole(body, headers=headers)(request, wire)

    house.a.reply(reply, key=key, model=model)


POLL = "affinity: none, quota: {poll: /health, interval: 1s, timeout: 800ms}"


def named(**shares):
    """A poll that names accounts by their addresses."""
    return {
        "accounts": [
            {"email": f"{name}@example.com", "status": "ok", "models": {"m": {"remainingFraction": share, "resetTime": None}}}
            for name, share in shares.items()
        ]
    }
