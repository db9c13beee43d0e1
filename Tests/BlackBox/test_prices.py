"""Prices: those that come with the binary, what an upstream says itself, what has none, another list over the same tokens."""

import csv
import io
import json
import re

from checks import check, contains, equal, expect, lacks
from commands import remote, run
from dialects import ANTHROPIC, OPENAI
from harness import served
from records import grouped, near, row
from upstream import stream, whole

PRICED = {  # preset → a model of it
    "anthropic": "claude-sonnet-4-5",
    "openai": "gpt-4o",
    "moonshot": "kimi-k2.5",
    "deepseek": "deepseek-v4-flash",
    "mistral": "mistral-large-latest",
    "gemini": "gemini-2.5-flash",
}


def before(lab, preset, model, more="", **keywords):
    """proxyd before one upstream of a preset, led to loopback."""
    up = lab.upstream()
    path = "" if preset in ("anthropic", "gemini") else "/v1"
    p = lab.proxyd(
        f"upstreams: {{far: {{preset: {preset}, url: '{up.url}{path}', key: provider-key-one, models: {{discover: false}}}}}}\n"
        f"rules: [{{name: all, models: ['*'], tiers: ['far/{model}']}}]\n{more}", **keywords)  # fmt: skip
    return p, up


@check("a model of the preset {preset} has a price that came with the binary: {model}", rows=list(PRICED.items()))
def _(lab, preset, model):
    p, _up = before(lab, preset, model)
    served(p.ask("anthropic", "asked"))
    one = row(p)
    expect(isinstance(one["cost_nano"], int) and one["cost_nano"] > 0, "a cost", one)
    equal(grouped(p, "model")[0]["unpriced_requests"], 0, "unpriced requests")


@check("a dated name has the price of the longest name that it begins with")
def _(lab):
    p, _up = before(lab, "anthropic", "claude-sonnet-4-5-20250929")
    served(p.ask("anthropic", "asked"))
    dated = row(p)["cost_nano"]
    q, _up = before(lab, "anthropic", "claude-sonnet-4-5")
    served(q.ask("anthropic", "asked"))
    equal(dated, row(q)["cost_nano"], "the cost")


@check("`prices` in the file wins over what came with the binary")
def _(lab):
    p, _up = before(lab, "anthropic", "claude-sonnet-4-5", "prices: {claude-sonnet-4-5: {input: 500000, output: 1000000}}\n")
    served(p.ask("anthropic", "asked"))
    expect(row(p)["cost_nano"] > 10**9, "the file's price", row(p))


@check("a model without a price costs null, never 0, and is counted: {how}", rows=["by default", "unknown: warn"])
def _(lab, how):
    more = "prices: {unknown: warn}\n" if how != "by default" else ""
    p, _up = before(lab, "vllm", "house-model", more)
    served(p.ask("openai", "asked"))
    equal(row(p)["cost_nano"], None, "cost_nano of the row")
    one = grouped(p, "model")[0]
    equal((one["cost_usd"], one["unpriced_requests"]), (None, 1), "cost_usd, unpriced_requests")
    metrics = p.admin("GET", "/metrics").text
    found = re.search(r"^proxyd_unpriced_requests_total(?:\{[^}]*\})? (\d+)", metrics, re.M)
    expect(found and int(found.group(1)) == 1, "proxyd_unpriced_requests_total 1", [line for line in metrics.splitlines() if "unpriced" in line])


@check("`prices: {{unknown: 0}}` counts nothing for it")
def _(lab):
    p, _up = before(lab, "vllm", "house-model", "prices: {unknown: 0}\n")
    served(p.ask("openai", "asked"))
    equal(row(p)["cost_nano"], 0, "cost_nano")


@check("`prices: {{unknown: refuse}}` serves no model without a price")
def _(lab):
    p, up = before(lab, "vllm", "house-model", "prices: {unknown: refuse}\n")
    answer = p.ask("openai", "asked")
    expect(400 <= answer.status < 500, "a refusal", repr(answer))
    contains(answer.text, "price", "the message")
    equal(up.requests, [], "requests upstream")


@check("`prices: {{unknown: refuse}}`: a model without a price is not listed, nor there alone: {target}", rows=["/v1/models", "/v1/models/strange"])
def _(lab, target):
    up = lab.upstream()
    p = lab.proxyd(f"""
upstreams: {{a: {up.declare("openai")}}}
rules: [{{name: all, models: [known, strange, "*"], tiers: [a]}}]
prices: {{unknown: refuse, known: {{input: 1, output: 2}}}}
""")
    answer = p.send("GET", target)
    if target == "/v1/models":
        equal([one["id"] for one in served(answer).json()["data"]], ["known"], "the list")
    else:
        equal(answer.status, 404, "the status")
    equal((p.ask("openai", "known").status, p.ask("openai", "strange").status), (200, 403), "what a POST gets")
    equal(p.send("GET", "/v1/models/known").status, 200, "the one that has a price")


@check("--check-config warns of a model without a price, and of none that has one")
def _(lab):
    for preset, model, warned in (("vllm", "house-model", True), ("anthropic", "claude-sonnet-4-5", False)):
        p, _up = before(lab, preset, model, start=False)
        made = run(lab, "--check-config", "-c", p.config)
        equal((made.code, "price" in made.out + made.err), (0, warned), f"exit, a word of prices: {made}")


@check("--check-config warns of a price in the file that says nothing of input, and costs nothing: {price}", rows=["null", "{}", "{output: 15}"])
def _(lab, price):
    p, _up = lab.simple(f"prices: {{claude-test: {price}, gpt-test: {{input: 0}}}}", start=False)
    made = run(lab, "--check-config", "-c", p.config)
    equal(made.code, 0, "the exit code")
    contains(made.out + made.err, "prices.claude-test: names no price of input", "what is warned of")
    lacks(made.out + made.err, "prices.gpt-test", "what is warned of")


@check("a price that the upstream reports itself is taken: {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    p, up = before(lab, "openrouter", "anthropic/claude-sonnet-4.5")
    if mode == "whole":
        body = json.loads(OPENAI.whole("m"))
        body["usage"]["cost"] = 0.000456789
        up.reply(whole(body))
    else:
        last = OPENAI.usage_chunk("m").replace(b'"usage":{', b'"usage":{"cost":0.000456789,')
        up.reply(stream(OPENAI.begin("m") + OPENAI.chunk("m", {}, "stop") + last + b"data: [DONE]\n\n"))
    served(p.ask("openai", "asked", stream=mode == "streamed", **({"stream_options": {"include_usage": True}} if mode == "streamed" else {})))
    equal(row(p)["cost_nano"], 456_789, "nano-dollars")


@check("OpenRouter with a provider's key of one's own: what the provider takes is the cost, beside the fee: {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    p, up = before(lab, "openrouter", "anthropic/claude-sonnet-4.5")
    told = b'"usage":{"cost":0.000001,"is_byok":true,"cost_details":{"upstream_inference_cost":0.000456},'
    if mode == "whole":
        up.reply(whole(OPENAI.whole("m").replace(b'"usage":{', told)))
    else:
        last = OPENAI.usage_chunk("m").replace(b'"usage":{', told)
        up.reply(stream(OPENAI.begin("m") + OPENAI.chunk("m", {}, "stop") + last + b"data: [DONE]\n\n"))
    served(p.ask("openai", "asked", stream=mode == "streamed", **({"stream_options": {"include_usage": True}} if mode == "streamed" else {})))
    equal(row(p)["cost_nano"], 457_000, "nano-dollars")


@check("odd costs of an upstream are not believed: {cost}", rows=["-1", "1e400", "\"free\"", "NaN", "null"])
def _(lab, cost):
    p, up = before(lab, "openrouter", "anthropic/claude-sonnet-4.5")
    up.reply(whole(OPENAI.whole("m").replace(b'"usage":{', b'"usage":{"cost":' + cost.encode() + b",")))
    p.ask("openai", "asked")
    if cost in ("-1", '"free"', "null"):
        one = row(p)
        expect(one["cost_nano"] is None or one["cost_nano"] >= 0, "no negative cost", one)


@check("an hour's cache write without a price of its own costs as `cache_write`")
def _(lab):
    body = json.loads(ANTHROPIC.whole("m"))
    body["usage"] = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1000, "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1000}}
    p, up = before(lab, "anthropic", "house-claude", "prices: {house-claude: {input: 1, output: 1, cache_write: 4}}\n")
    up.reply(whole(body))
    served(p.ask("anthropic", "asked"))
    equal(row(p)["cost_nano"], 4_000_000, "nano-dollars")


@check("reports tell cache writes for an hour apart, and `--reprice` gives them their own price, by whatever group")
def _(lab):
    body = json.loads(ANTHROPIC.whole("m"))
    body["usage"] = {"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1000, "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600}}
    p, up = before(lab, "anthropic", "house-claude", "prices: {house-claude: {input: 1, output: 1}}\n")
    up.reply(whole(body))
    served(p.ask("anthropic", "asked"))
    row(p)
    for by in ("model", "hour", "key,session"):
        equal([(one["cache_write"], one["cache_write_1h"]) for one in grouped(p, by)], [(1000, 600)], f"writes by {by}")
    file = p.folder / "other.yaml"
    file.write_text("prices:\n  house-claude: {input: 1, output: 1, cache_write: 1000, cache_write_1h: 500000}\n")
    for by in ("model", "day", "key,session"):
        (one,) = json.loads(remote(p, "usage", "--reprice", str(file), "--group-by", by, "--json").good().out)["rows"]
        near(one["cost_usd"], 400 * 1000 / 1e6 + 600 * 500_000 / 1e6, f"the money by {by}")
        equal((one["cache_write"], one["cache_write_1h"]), (1000, 600), f"the writes by {by}")


@check("`proxyd usage --reprice FILE` shows another price list over the same tokens, and changes nothing")
def _(lab):
    p, _up = before(lab, "vllm", "house-model", "prices: {house-model: {input: 1, output: 1}}\n")
    served(p.ask("openai", "asked"))
    was = row(p)["cost_nano"]
    file = p.folder / "other.yaml"
    file.write_text("prices:\n  house-model: {input: 500000, output: 1000000, cache_read: 0}\n")
    made = remote(p, "usage", "--reprice", str(file), "--group-by", "model", "--json")
    if made.code != 0:
        made = remote(p, "usage", "--reprice", str(file))
    made.good()
    contains(made.out, "14", "what it shows: 14 fresh tokens at half a dollar, 7 at one")
    table = remote(p, "usage", "--reprice", str(file), "--group-by", "model,key", "--csv").good().out
    plain = remote(p, "usage", "--group-by", "model,key", "--csv").good().out
    equal(table.splitlines()[0], plain.splitlines()[0], "the columns of CSV")
    (told,) = csv.DictReader(io.StringIO(table))
    equal([told[name] for name in ("model", "key", "requests", "input", "output", "unpriced_requests")], ["house-model", "user", "1", "14", "7", "0"], "a row of CSV")
    near(float(told["cost_usd"]), 14, "its money")
    equal(row(p)["cost_nano"], was, "the record")
    near(grouped(p, "model")[0]["cost_usd"], was / 1e9, "the report")
    bad = p.folder / "bad.yaml"
    bad.write_text("prices: {house-model: {input: -1}}\n")
    expect(remote(p, "usage", "--reprice", str(bad)).code != 0, "an error for a list that is none")
