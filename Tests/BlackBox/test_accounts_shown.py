"""What is told of accounts: the admin API to the letter, metrics, the explanation of a choice, the dashboard."""

import re
import time

from accounts import POLL, House, declare, named, rate, seconds, told, unified
from checks import check, contains, equal, eventually, expect, lacks
from harness import served
from test_dashboard import page
from upstream import hang, health, healthy, says, status

MEMBERS = {
    "upstream", "account", "state", "reason", "until", "in_flight", "failures", "success_rate", "first_byte_ms", "windows",
}  # fmt: skip
WINDOW = {"models", "kind", "limit", "remaining", "share", "resets_at", "source", "age_s", "runs_out_at"}
STATES = {"ready", "cooling", "out_of_quota", "out_of_money", "refused", "failing", "drained"}


def tier(p, number=0):
    return p.get("/admin/fallback")["tiers"][number]


# ---------------------------------------------------------------- /admin/fallback


@check("GET /admin/fallback tells of each account all that the contract names")
def _(lab):
    house = House(lab, 2)
    told(house, unified("5h", 0.4, house.now(), 6000) + rate("requests", "6m0s", remaining=40))
    house.who()
    accounts = house.p.get("/admin/fallback")["accounts"]
    names = [(each["upstream"], each["account"]) for each in accounts]
    equal(names, [("a", "one"), ("a", "two"), ("b", "spare")], "the accounts, in order")
    for account in accounts:
        equal(MEMBERS - set(account), set(), "members that an account lacks")
        expect(account["state"] in STATES, "a state of the contract", account)
    one = accounts[0]
    plain = [one[name] for name in ("state", "reason", "until", "in_flight", "failures")]
    equal(plain, ["ready", None, None, 0, 0], "an account")
    equal(one["success_rate"], 1, "its success rate")
    expect(one["first_byte_ms"] is None or one["first_byte_ms"] >= 0, "its time to first byte", one)
    equal(accounts[1]["windows"], [], "windows of an account that has not been asked")
    kinds = {window["kind"]: window for window in one["windows"]}
    equal(set(kinds), {"5h", "requests"}, "its windows")
    for window in kinds.values():
        equal(WINDOW - set(window), set(), "members that a window lacks")
    equal((kinds["5h"]["models"], kinds["requests"]["models"]), (["*"], ["m"]), "the models that they hold")
    equal((kinds["5h"]["limit"], kinds["5h"]["remaining"]), (None, None), "limit and remaining where only a share is told")


@check("failures are counted since the start, what is in flight is told while it is")
def _(lab):
    house = House(lab, 2, clock=False)
    house.a.reply(status(503), status(503), healthy, key="one")
    for _ in range(4):
        house.who()
    account = house.account()
    equal((account["failures"], account["in_flight"]), (2, 0), "failures, in flight")
    expect(0.49 < account["success_rate"] < 0.51, "half of four", account)
    house.a.reply(hang, key="one")
    connection = house.p.connect()
    headers = house.p.headers(headers=[("Content-Type", "application/json")])
    connection.request("POST", house.dialect.path, headers, house.dialect.request("m"))
    eventually(lambda: house.account()["in_flight"] == 1, "one in flight")
    connection.abort()
    eventually(lambda: house.account()["in_flight"] == 0, "none in flight, once the client has gone")


@check("the reason of a state is in words, without a key: {what}", rows=["401", "402", "503", "unreachable", "drained", "429"])
def _(lab, what):
    house = House(lab, 2, clock=False)
    answers = {
        "401": (says(401, "The key sk-provider-0123456789abcdef has been revoked."), 1, "revoked"),
        "402": (says(402, "Insufficient Balance"), 1, "Insufficient Balance"),
        "503": (status(503), 5, "5"),
        "429": (status(429, retry_after=60), 1, "429"),
    }
    if what == "drained":
        house.drain()
        word = ""
    elif what == "unreachable":
        house.a.close()
        for _ in range(5):
            house.ask()
        word = ""
    else:
        answer, times, word = answers[what]
        house.a.reply(answer, key="one")
        for _ in range(times):
            house.who()
    account = house.account()
    expect(account["state"] != "ready", "a state that is not ready", account)
    expect(account["reason"], "a reason", account)
    contains(account["reason"], word, "the reason")
    lacks(str(account), "sk-provider", "what is told")
    equal(account["until"] is None, what == "drained", "whether there is no end in sight")


@check("a tier is available when a request that comes now would be served there: {what}", rows=[
    "all is well", "every account cools down", "one account cools down", "every account is used up", "everybody is drained",
    "the breaker is open",
])  # fmt: skip
def _(lab, what):
    rules = "rules: [{name: all, models: ['*'], tiers: [a/m, b/m]}]"
    house = House(lab, 2, more=rules, fallback="")
    if what in ("every account cools down", "one account cools down"):
        house.a.reply(status(429, retry_after=60), key="one")
        if what.startswith("every"):
            house.a.reply(status(429, retry_after=60), key="two")
        house.who()
    elif what == "every account is used up":
        told(house, unified("5h", 0.0, house.now()), key="one")
        told(house, unified("5h", 0.0, house.now()), key="two")
        house.who()
        house.who()
    elif what == "everybody is drained":
        house.drain("one")
        house.drain("two")
    elif what == "the breaker is open":
        house.a.reply(status(503))
        for _ in range(8):
            house.ask()
            time.sleep(0.15)  # within the budget of retries
    truth = tier(house.p)["available"]
    upstream = served(house.ask()).header("x-proxyd-upstream")
    equal(truth, upstream == "a", f"whether it is told to be available (served by {upstream})")
    equal(tier(house.p, 1)["available"], True, "whether the second tier is")


@check("a tier that keeps the model asked for tells model by model what it would find")
def _(lab):
    polled = health({"m": 0.0, "n": 0.8})
    house = House(lab, 1, extra=POLL, polled=polled)
    house.a.reply(status(429, retry_after=60), model="limited")
    house.ask("limited")
    models = {each["model"]: each for each in tier(house.p)["models"]}
    equal((models["m"]["available"], models["m"]["remaining"]), (False, "0%"), "the model that has nothing left")
    equal((models["n"]["available"], models["n"]["remaining"]), (True, "80%"), "the one that has")
    equal(models["limited"]["available"], False, "the one that cools down")


@check("accounts of a poll that are the file's are told as its accounts' windows")
def _(lab):
    house = House(lab, 2, extra=POLL, polled=named(one=0.25, two=0.75))
    shares = {name: house.window("share", name)["share"] for name in ("one", "two")}
    equal(shares, {"one": 0.25, "two": 0.75}, "the shares")
    equal(house.window("share")["models"], ["m"], "the model")


# ---------------------------------------------------------------- metrics


def samples(p, name):
    """{labels: value} of a metric; labels as a frozenset of pairs."""
    text = p.admin("GET", "/metrics").text
    found = {}
    for labels, value in re.findall(rf"^{name}\{{(.*)\}} (\S+)$", text, re.M):
        found[frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = float(value)
    return found


def of(account, upstream="a", **more):
    return frozenset({("upstream", upstream), ("account", account), *more.items()})


@check("metrics tell of each account whether it is up, what is left of each window, and what is in flight")
def _(lab):
    house = House(lab, 2)
    told(house, unified("5h", 0.4, house.now(), 6000))
    house.who()
    equal(samples(house.p, "proxyd_account_up"), {of("one"): 1, of("two"): 1, of("spare", "b"): 1}, "proxyd_account_up")
    share = samples(house.p, "proxyd_account_quota_share")
    expect(abs(share[of("one", window="5h")] - 0.4) < 0.001 and len(share) == 1, "40% of one window", share)
    left = samples(house.p, "proxyd_account_quota_resets_seconds")[of("one", window="5h")]
    expect(5900 < left <= 6001, "about 6,000 seconds", left)
    equal(samples(house.p, "proxyd_account_in_flight")[of("one")], 0, "in flight")
    house.a.reply(status(401), key="one")
    house.who()
    house.drain("two")
    equal(samples(house.p, "proxyd_account_up"), {of("one"): 0, of("two"): 0, of("spare", "b"): 1}, "proxyd_account_up, two out")


@check("metrics of an account that a reload took away are gone")
def _(lab):
    house = House(lab, 2)
    told(house, unified("5h", 0.4, house.now(), 6000))
    house.who()
    house.p.replace(house.config.replace("{name: one, key: provider-key-one}, ", ""))
    equal(house.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")
    equal(set(samples(house.p, "proxyd_account_up")), {of("two"), of("spare", "b")}, "proxyd_account_up")
    equal(samples(house.p, "proxyd_account_quota_share"), {}, "proxyd_account_quota_share")


# ---------------------------------------------------------------- explain


def explained(p, model="m"):
    answer = p.admin("POST", "/admin/explain", {"model": model})
    equal(answer.status, 200, "the status of an explanation")
    return answer.json()


@check(
    "an explanation tells of each account its state, its share, and which is chosen: {what}",
    rows=["well", "cooling", "low", "drained"],
)
def _(lab, what):
    house = House(lab, 2)
    share = 0.02 if what == "low" else 0.4
    told(house, unified("5h", share, house.now(), 6000))
    house.who()
    if what == "cooling":
        house.a.reply(status(429, retry_after=60), key="one")
        house.who()
    if what == "drained":
        house.drain()
    tiers = explained(house.p)["tiers"]
    accounts = {each["account"]: each for target in tiers[0]["targets"] for each in target["accounts"]}
    for each in accounts.values():
        equal({"account", "state", "reason", "share", "chosen"} - set(each), set(), "members that an account lacks")
    expect(abs(accounts["one"]["share"] - share) < 0.001 and accounts["two"]["share"] is None, "the shares", accounts)
    equal(accounts["one"]["chosen"], what == "well", "whether the first is chosen")
    equal(accounts["two"]["chosen"], what != "well", "whether the second is chosen")
    equal(accounts["one"]["state"], {"cooling": "cooling", "drained": "drained"}.get(what, "ready"), "the first's state")
    if what != "well":
        expect(accounts["one"]["reason"], "why it is not", accounts)
    equal(house.who(), "one" if what == "well" else "two", "who serves in fact")


@check("where nobody can serve an explanation tells who is asked all the same, or for whom a request waits")
def _(lab):
    house = House(lab, 2, spare=False, clock=False)
    for key, rest in (("one", 60), ("two", 40)):
        house.a.reply(status(429, retry_after=rest), key=key)
    house.ask()
    told = explained(house.p)
    chosen = [each for each in told["tiers"][0]["targets"][0]["accounts"] if each["chosen"]]
    equal([each["account"] for each in chosen], ["two"], "who is asked: it is back first")
    contains(chosen[0]["because"], "nobody can serve", "why")
    equal(told["waits_for"], None, "for whom it waits")
    for wait, awaited in (("50s", "two"), ("5s", None)):
        house.p.replace(house.config.replace("fallback: {}", f"fallback: {{wait: {wait}}}"))
        equal(house.p.admin("POST", "/admin/reload").status, 200, "the status of a reload")
        told = explained(house.p)
        equal(told["attempts"], [], f"who is asked where a request may wait for {wait}")
        equal(told["waits_for"] and told["waits_for"]["account"], awaited, f"for whom it waits where it may for {wait}")


@check("an explanation compares prices as a request does")
def _(lab):
    first, second = lab.upstream(), lab.upstream()
    p = lab.proxyd(f"""
upstreams:
  dear: {declare(first)}
  cheap: {declare(second)}
rules: [{{name: all, tiers: [{{any: [dear/big, cheap/small], choose: cheapest}}], models: ["*"]}}]
prices: {{big: {{input: 15, output: 75}}, small: {{input: 1, output: 5}}}}
""")
    told = explained(p)
    equal([each["upstream"] for each in told["attempts"]], ["cheap", "dear"], "who is asked, in order")
    because = [a["because"] for target in told["tiers"][0]["targets"] for a in target["accounts"] if a["chosen"]]
    equal(because, ["among equals cheapest: the lowest price of what the request will probably use"], "why")


# ---------------------------------------------------------------- dashboard


@check("the dashboard tells of each account its windows with what is left and when they are reset, and its last reason")
def _(lab):
    house = House(lab, 2)
    told(house, unified("5h", 0.4, house.now(), 2 * 3600) + unified("7d", 0.9, house.now(), 3 * 86_400))
    house.who()
    house.a.reply(status(429, retry_after=600), key="two")
    house.drain()
    house.ask()
    rows = {row[0].split()[0]: " ".join(row) for row in page(house.p, "go accounts")["shown"]["accounts"]}
    for part in ("one", "drained", "5h", "40%", "7d", "90%"):
        contains(rows["one"], part, "the row of the first account")
    expect(re.search(r"in (1 h|2 h|119 min|120 min)", rows["one"]), "a countdown of two hours", rows["one"])
    for part in ("cooling", "429"):
        contains(rows["two"], part, "the row of the second")


@check("on the dashboard an operator drains an account and frees it")
def _(lab):
    house = House(lab, 1)
    page(house.p, "go accounts", "press Drain one")
    equal(house.state(), "drained", "its state")
    page(house.p, "go accounts", "press Free one")
    equal(house.state(), "ready", "its state")


@check("GET /admin/fallback has times with the zone's offset, and none of 1970")
def _(lab):
    house = House(lab, 1)
    told(house, unified("5h", 0.4, house.now(), 6000))
    house.who()
    text = house.p.admin("GET", "/admin/fallback").text
    for told_time in re.findall(r'"(?:until|resets_at|runs_out_at)":"([^"]+)"', text):
        expect(told_time.endswith("+08:00") and seconds(told_time) > house.now(), "a time to come, in the zone", told_time)


@check("a viewer sees accounts and may not drain them")
def _(lab):
    from test_dashboard import ROLES, VIEWER

    house = House(lab, 1, more=ROLES, clock=False)
    equal(house.p.admin("GET", "/admin/fallback", key=VIEWER).status, 200, "the status of reading")
    equal(house.p.admin("POST", "/admin/accounts/a/one/drain", key=VIEWER).status, 403, "the status of draining")
    equal(house.state(), "ready", "its state")


def two_upstreams(lab):
    first, second = lab.upstream(), lab.upstream()
    return lab.proxyd(f"""
upstreams: {{a: {declare(first)}, b: {declare(second)}}}
rules: [{{name: all, models: ["*"], tiers: [{{any: [a, b]}}]}}]
"""), first, second


@check("a tier of equals is available while one of them is")
def _(lab):
    p, first, second = two_upstreams(lab)
    for up in (first, second):
        up.reply(status(429, retry_after=60), model="m")
    p.ask(model="m")
    models = {each["model"]: each["available"] for each in tier(p)["models"]}
    equal(models["m"], False, "whether m is, once both cool down")
    equal(tier(p)["available"], True, "whether the tier is, for what does not cool down")
