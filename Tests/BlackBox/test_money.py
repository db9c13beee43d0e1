"""Money: each kind of token at its price, told in rows, reports, the old shapes, metrics and the log; what has no price is told."""

import json
import re

from checks import check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC, DIALECTS
from forwarding import ALONE
from harness import served
from limits import BOB, ROOMY, house, key_id
from records import FORMATS, MODEL, NANO, Pieces, ask, as_csv, book, grouped, listed, near, pieces, row, rows, start, total
from upstream import hang, status, stream, whole

# Dear enough that each kind shows: USD of a million tokens.
EACH = "input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6"


def _usage(**usage):
    return whole({**json.loads(ANTHROPIC.whole("claude-test")), "usage": usage})


KINDS = {  # what is reported -> cache_write, cache_write_1h, nano-dollars
    "writes for five minutes": ({"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1000}, 1000, 0, 3_750_000),
    "writes for an hour": (
        {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": 1000,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1000},
        },
        1000,
        1000,
        6_000_000,
    ),
    "writes of both kinds": (
        {
            "input_tokens": 7,
            "output_tokens": 3,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 1000,
            "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600},
        },
        1000,
        600,
        7 * 3000 + 3 * 15_000 + 10 * 300 + 400 * 3750 + 600 * 6000,
    ),
}


@check("{mode}: {what} are told apart and priced apart", rows=[(m, k) for m in ("whole", "streamed") for k in KINDS])
def _(lab, mode, what):
    usage, write, hour, nano = KINDS[what]
    p, up = book(lab, prices=f"claude-test: {{{EACH}}}")
    if mode == "whole":
        up.reply(_usage(**usage))
    else:
        up.reply(stream(ANTHROPIC.start("claude-test", usage) + ANTHROPIC.words("x") + ANTHROPIC.end(usage)))
    served(ask(p, stream=mode == "streamed"))
    one = row(p)
    equal((one["cache_write"], one["cache_write_1h"]), (write, hour), "writes in all, and those for an hour")
    equal(one["cost_nano"], nano, "the cost")
    found = grouped(p, "model")[0]
    equal(found["cache_write"], write, "cache writes of the report")
    near(found["cost_usd"], nano / 1e9, "the cost of the report")


@check("prices that are left out: caches cost what other input does, an hour what other writes do")
def _(lab):
    p, up = book(lab, prices="claude-test: {input: 2, output: 10}, claude-write: {input: 2, output: 10, cache_write: 4}")
    usage = {
        "input_tokens": 100,
        "output_tokens": 10,
        "cache_read_input_tokens": 50,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    }
    up.reply(_usage(**usage))
    served(ask(p)), served(ask(p, model="claude-write"))
    costs = {one["model"]: one["cost_nano"] for one in rows(p, 2)}
    equal(costs, {"claude-test": 180 * 2000 + 100_000, "claude-write": 150 * 2000 + 30 * 4000 + 100_000}, "the costs")


@check("a cost is exact to the nano-dollar, and a thousand small ones add up to what they are", seconds=90)
def _(lab):
    p, up = book(lab, prices="claude-test: {input: 0.001, output: 0.003}")
    up.reply(_usage(input_tokens=1, output_tokens=1))
    connection = p.connect()
    for _ in range(300):
        served(connection.ask("POST", ANTHROPIC.path, p.headers(headers={"Content-Type": "application/json"}), ANTHROPIC.request()))
    eventually(lambda: total(grouped(p, "key"), "requests") == 300, "300 requests in the report", 10)
    equal(listed(p, limit=1)[0]["cost_nano"], 4, "the cost of one")
    near(total(grouped(p, "key"), "cost_usd"), 1200e-9, "the cost of all")
    near(p.get("/admin/usage")["total_cost_usd"], 1200e-9, "total_cost_usd")


@check("absurd counts cost no less than nothing, and spoil no sum: {count}", rows=["-5", "1e30", "99999999999999999999", "9223372036854775807", "281474976710656"])
def _(lab, count):
    p, up = book(lab)
    body = b'{"type":"message","content":[{"type":"text","text":"x"}],"usage":{"input_tokens":%s,"output_tokens":%s}}'
    up.reply(whole(body % ((count.encode(),) * 2)))
    for _ in range(3):
        ask(p)
    told = rows(p, 3)
    for one in told:
        expect(one["input"] >= 0 and one["output"] >= 0 and (one["cost_nano"] or 0) >= 0, "nothing below zero", one)
    found = grouped(p, "model")
    expect(total(found, "cost_usd") >= 0 and total(found, "input") >= 0, "sums that are not negative", found)
    expect(p.get("/admin/usage")["total_cost_usd"] >= 0, "a total that is not negative")
    as_csv(p, "model"), p.get("/admin/usage/daily"), p.admin("GET", "/metrics")


# ---------------------------------------------------------------- without a price


@check("a model without a price is told, never 0 in silence: in its row, in reports, in the total")
def _(lab):
    p, _up = book(lab, prices="claude-test: {input: 500000, output: 1000000, cache_read: 50000, cache_write: 625000}")
    served(ask(p))
    for _ in range(2):
        served(ask(p, "openai"))
    costs = [one["cost_nano"] for one in rows(p, 3)]
    equal(costs, [None, None, NANO["anthropic"]], "costs, the newest first")
    found = {one["model"]: (one["requests"], one["unpriced_requests"]) for one in grouped(p, "model")}
    equal(found, {"claude-test": (1, 0), "gpt-test": (2, 2)}, "requests, and those without a price, by model")
    usage = p.get("/admin/usage")
    equal(usage["unpriced_requests"], 2, "unpriced_requests")
    near(usage["total_cost_usd"], 14.625, "total_cost_usd")
    p.restart(hard=True)
    equal(p.get("/admin/usage")["unpriced_requests"], 2, "unpriced_requests after a restart")
    equal([one["cost_nano"] for one in listed(p)], costs, "costs after a restart")


@check("a model without a price that was given up for one with a price is told by its name, beside the cost that is known")
def _(lab):
    p, first, _second = lab.tiers(2, more=house(ROOMY, models=("model-2",)) + "\ntimeouts: {first_byte: 600ms}")
    first.reply(hang)
    served(p.ask())
    equal(row(p)["cost_nano"], NANO["anthropic"], "the cost of the row")
    usage = p.get("/admin/usage")
    equal((usage["total_cost_usd"], usage["unpriced_requests"]), (NANO["anthropic"] / 1e9, 1), "total_cost_usd and unpriced_requests")
    found = re.findall(r"^proxyd_unpriced_requests_total\{(.*)\} (\d+)$", p.admin("GET", "/metrics").text, re.M)
    equal(found, [('model="model-1"', "1")], "proxyd_unpriced_requests_total")


@check("a price of nothing is a price: 0, and not unpriced")
def _(lab):
    p, _up = book(lab, prices="claude-test: {input: 0, output: 0}")
    served(ask(p))
    equal(row(p)["cost_nano"], 0, "the cost")
    equal((grouped(p, "model")[0]["unpriced_requests"], p.get("/admin/usage")["unpriced_requests"]), (0, 0), "unpriced requests")


@check("what failed is not unpriced, though its model has no price")
def _(lab):
    p, up = book(lab, prices="claude-test: {input: 1, output: 1}", more=ALONE)
    up.reply(status(500))
    ask(p, "openai")
    rows(p, 1)
    equal(p.get("/admin/usage")["unpriced_requests"], 0, "unpriced_requests")
    equal(total(grouped(p, "model"), "unpriced_requests"), 0, "unpriced requests of the report")


# ---------------------------------------------------------------- where it is told


@check("cost_usd stands beside the tokens in every old shape, and their old members are what they were")
def _(lab):
    p, _up = book(lab)
    served(ask(p)), served(ask(p, "openai")), served(ask(p, "openai", key=BOB))
    rows(p, 3)
    mine, bobs = 14.625 + 14.25, 14.25
    usage = p.get("/admin/usage")
    equal(set(usage) >= {"total_input_tokens", "total_output_tokens", "total_requests", "total_keys", "active_keys"}, True, "old members")
    near(usage["total_cost_usd"], mine + bobs, "total_cost_usd")
    day = p.get("/admin/usage/daily")["days"][-1]
    equal(set(day) >= {"date", "total_input", "total_output", "total_requests", "by_model", "keys"}, True, "old members of a day")
    near(day["cost_usd"], mine + bobs, "cost_usd of the day")
    near(day["by_model"]["gpt-test"]["cost_usd"], 28.5, "cost_usd of a model of the day")
    keys = {one["name"]: one for one in day["keys"]}
    near(keys["user"]["cost_usd"], mine, "cost_usd of a key of the day"), near(keys["bob"]["cost_usd"], bobs, "cost_usd of the other")
    hours = [hour["by_model"].get("gpt-test", {"cost_usd": 0}) for hour in p.get("/admin/usage/hourly")["hours"]]
    near(total(hours, "cost_usd"), 28.5, "cost_usd of a model of the hours")
    listed_ = {one["name"]: one for one in p.get("/admin/keys")["keys"]}
    near(listed_["user"]["cost_usd"], mine, "cost_usd in the list of keys"), near(listed_["bob"]["cost_usd"], bobs, "the other's")
    of_key = p.get(f"/admin/keys/{key_id(p)}/usage")["usage"]
    near(of_key["cost_usd"], mine, "cost_usd of a key")
    near(of_key["total_by_model"]["claude-test"]["cost_usd"], 14.625, "cost_usd of a model of a key")
    of_day = list(of_key["daily"].values())[-1]
    near(of_day["cost_usd"], mine, "cost_usd of a key's day"), near(of_day["by_model"]["gpt-test"]["cost_usd"], 14.25, "of its model")
    near(sum(hour["by_model"].get("gpt-test", {"cost_usd": 0})["cost_usd"] for hour in of_key["hourly"].values()), 14.25, "of its hours")
    near(listed_["user"]["cost_usd"] + listed_["bob"]["cost_usd"], usage["total_cost_usd"], "the keys' costs together")


@check("a key that has used nothing costs 0")
def _(lab):
    p, _up = book(lab)
    for one in p.get("/admin/keys")["keys"]:
        equal(one["cost_usd"], 0, f"cost_usd of {one['name']}")
    usage = p.get("/admin/usage")
    equal((usage["total_cost_usd"], usage["unpriced_requests"]), (0, 0), "total_cost_usd and unpriced_requests")


def _spent(p):
    """proxyd_cost_usd_total by (key, model)."""
    found = {}
    for labels, value in re.findall(r"^proxyd_cost_usd_total\{(.*)\} ([-+.e0-9]+)$", p.admin("GET", "/metrics").text, re.M):
        pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
        equal(set(pairs), {"key", "model"}, "labels of proxyd_cost_usd_total")
        found[(pairs["key"], pairs["model"])] = found.get((pairs["key"], pairs["model"]), 0) + float(value)
    return found


@check("proxyd_cost_usd_total counts by the key's name and the model that served, left streams in it")
def _(lab):
    p, up = book(lab)
    served(ask(p)), served(ask(p, "openai", key=BOB)), served(ask(p, "openai", key=BOB))
    steps = pieces("gemini")[:3]
    up.reply(Pieces(steps))
    connection = start(p, "gemini", stream=True)
    told = connection.stream()
    for _ in steps:
        told.next()
    connection.abort()
    left = next(one for one in rows(p, 4) if one["dialect"] == "gemini")
    spent = eventually(lambda: len(_spent(p)) >= 3 and _spent(p), "three series of proxyd_cost_usd_total")
    wanted = {("user", "claude-test"): 14.625, ("bob", "gpt-test"): 28.5, ("user", "gemini-test"): left["cost_nano"] / 1e9}
    equal(set(spent), set(wanted), "keys and models")
    for labels, amount in wanted.items():
        near(spent[labels], amount, f"USD of {labels}")
    text = p.admin("GET", "/metrics").text
    contains(text, "# TYPE proxyd_cost_usd_total counter", "the metrics")


@check("proxyd_cost_usd_total: names that need escaping are escaped, a secret is in no label")
def _(lab):
    p, _up = book(lab)
    made = p.create_key('the "best"\\ one')
    served(ask(p, key=made["api_key"]))
    rows(p, 1)
    spent = eventually(lambda: _spent(p), "a series of proxyd_cost_usd_total")
    equal([(key, round(value, 6)) for (key, _model), value in spent.items() if value], [('the \\"best\\"\\\\ one', 14.625)], "the series")
    lacks(p.admin("GET", "/metrics").text, made["api_key"][:12], "the metrics")


@check("proxyd_cost_usd_total has few series, however many models clients think of")
def _(lab):
    p, _up = book(lab, more="log: {requests: false}")
    connection = p.connect()
    for i in range(200):
        body = ANTHROPIC.request(f"claude-made-up-{i}")
        served(connection.ask("POST", ANTHROPIC.path, p.headers(headers={"Content-Type": "application/json"}), body))
    served(ask(p))
    eventually(lambda: _spent(p).get(("user", "claude-test")), "the series of the model that has a price")
    expect(len(_spent(p)) <= 60, "few series", len(_spent(p)))
    near(_spent(p)[("user", "claude-test")], 14.625, "USD of the model that has a price")


@check("{form}: the request's log line has its cost", rows=["text", "json"])
def _(lab, form):
    p, _up = book(lab, more=f"log: {{format: {form}}}", prices="claude-test: {input: 500000, output: 1000000, cache_read: 50000, cache_write: 625000}")
    answer, unpriced = served(ask(p)), served(ask(p, "openai"))
    p.wait_log(unpriced.header("x-request-id"))

    def line(of):
        found = [text for text in p.output().splitlines() if of.header("x-request-id") in text]
        equal(len(found), 1, "lines of the request")
        return found[0]

    if form == "json":
        near(float(json.loads(line(answer))["cost_usd"]), 14.625, "cost_usd")
        expect(not json.loads(line(unpriced)).get("cost_usd"), "no cost where the model has no price", line(unpriced))
    else:
        found = re.search(r"cost_usd=([0-9.]+)", line(answer))
        expect(found, "cost_usd in the line", line(answer))
        near(float(found.group(1)), 14.625, "cost_usd")
        lacks(line(unpriced).replace("cost_usd=0 ", ""), "cost_usd=", "the line of a model without a price")


@check("{dialect}, {mode}: rows, reports, metrics and the log tell one cost", rows=[(d, m) for d in FORMATS for m in ("whole", "streamed")])
def _(lab, dialect, mode):
    p, _up = book(lab, more="log: {format: json}")
    answer = served(ask(p, dialect, stream=mode == "streamed"))
    one, usd = row(p), NANO[dialect] / 1e9
    equal(one["cost_nano"], NANO[dialect], "cost_nano of the row")
    near(grouped(p, "model")[0]["cost_usd"], usd, "the report")
    near(p.get("/admin/usage")["total_cost_usd"], usd, "total_cost_usd")
    near(eventually(lambda: _spent(p).get(("user", MODEL[dialect])), "a series"), usd, "the metric")
    p.wait_log(answer.header("x-request-id"))
    line = next(json.loads(text) for text in p.output().splitlines() if answer.header("x-request-id") in text)
    near(float(line["cost_usd"]), usd, "the log line")
    equal(DIALECTS[dialect].name, one["dialect"], "the dialect")
