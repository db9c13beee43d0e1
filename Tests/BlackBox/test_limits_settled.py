"""Limits: what is reserved for a request, what it comes to, and that nothing stays reserved, however it ends."""

import json
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from checks import check, equal, eventually, expect, one_of
from dialects import ANTHROPIC, DIALECTS
from forwarding import ALONE
from harness import USER_KEY, served
from limits import (
    BOB, CACHED, COST, COST_WITHOUT_WRITES, ROOMY, TOKENS, WHAT, Gate, begin, costs, house, key_id, limited, refused, row, rows,
    settled, stand, taken
)  # fmt: skip
from upstream import drop, hang, raw, reset, says, status, stream, whole

# ---------------------------------------------------------------- reservation

GEN = "generationConfig"
AT_MOST = {  # the request's members, rules, more of the file -> the most the answer may be
    "anthropic: its max_tokens": ("anthropic", {"max_tokens": 700}, "", "", 700),
    "openai: its max_tokens": ("openai", {"max_tokens": 700}, "", "", 700),
    "openai: its max_completion_tokens": ("openai", {"max_completion_tokens": 700}, "", "", 700),
    "openai: each of its choices": ("openai", {"max_tokens": 700, "n": 3}, "", "", 2100),
    "responses: its max_output_tokens": ("responses", {"max_output_tokens": 700}, "", "", 700),
    "gemini: its maxOutputTokens": ("gemini", {GEN: {"maxOutputTokens": 700}}, "", "", 700),
    "gemini: each of its candidates": ("gemini", {GEN: {"maxOutputTokens": 700, "candidateCount": 3}}, "", "", 2100),
    "gemini: each of its candidates, in quotes": ("gemini", {GEN: {"maxOutputTokens": "700", "candidateCount": "3"}}, "", "", 2100),
    "openai: 4096 where nothing says it": ("openai", {}, "", "", 4096),
    "responses: 4096 where nothing says it": ("responses", {}, "", "", 4096),
    "gemini: 4096 where nothing says it": ("gemini", {}, "", "", 4096),
    "assumed_output where nothing says it": ("openai", {}, "", "usage: {assumed_output: 900}", 900),
    "the tier's where the request says nothing": ("openai", {}, "- {tiers: [{upstream: gpt, max_tokens: 600}]}", "", 600),
    "the tier's where it is less": ("anthropic", {"max_tokens": 700}, "- {tiers: [{upstream: claude, max_tokens: 600}]}", "", 600),
    "the request's where it is less": ("anthropic", {"max_tokens": 700}, "- {tiers: [{upstream: claude, max_tokens: 900}]}", "", 700),
    "openai: the 8192 put in for an upstream that wants a maximum": ("openai", {}, "- {tiers: [claude]}", "", 8192),
    "the tier's where it is less than what is put in": ("openai", {}, "- {tiers: [{upstream: claude, max_tokens: 600}]}", "", 600),
    "what the rule sets": ("anthropic", {"max_tokens": 700}, "- {tiers: [claude], set: {max_tokens: 300}}", "", 300),
}


@check("reserved is the estimated input and the most the answer may be ({what})", rows=list(AT_MOST))
def _(lab, what):
    dialect, fields, rules, more, most = AT_MOST[what]
    p, up = limited(lab, ROOMY, more=more, rules=rules or None)
    up.reply(hang)
    begin(p, dialect, **fields)
    up.wait(1)
    told = {one["limit"]: one for one in rows(p)}
    tokens = taken(told["team.tokens_per_day"])
    expect(most < tokens <= most + len(DIALECTS[dialect].request(**fields)), f"{most} and some tokens of input", tokens)
    equal(told["team.tokens_per_day"]["remaining"], 1_000_000 - tokens, "what remains")
    for number, (kind, _) in WHAT.items():
        amount = taken(told[f"team.{number}"])
        if kind == "cost":  # the input is a fresh one, or one that is written to a cache
            low, high = most + 0.5 * (tokens - most), most + 0.625 * (tokens - most)
            expect(low <= amount <= high, f"{low} to {high} USD taken of {number}", amount)
        else:
            equal(amount, 1 if kind == "requests" else tokens, f"taken of {number}")
    equal(taken(told["team.concurrent_requests"]), 1, "taken of concurrent_requests")


@check("a longer prompt reserves more")
def _(lab):
    p, up = limited(lab, ROOMY)
    up.reply(hang)
    for count, key in enumerate((USER_KEY, BOB), 1):
        begin(p, key=key, text="word " * (1 if key == USER_KEY else 10_000))
        up.wait(count)
    short, long = (taken(row(p, "team.tokens_per_day", bucket=key_id(p, name))) for name in ("user", "bob"))
    expect(short < 150 and 6_000 < long < 30_000, "few tokens for a word, some 12,000 for ten thousand", (short, long))


@check("a maximum of {value} reserves no less than nothing, and breaks nothing", rows=["-5", "-9223372036854775808", '"700"', "null", "1.5", "1e30", "[]", "0", "99999999999999999999"])
def _(lab, value):
    p, up = limited(lab, ROOMY)
    body = b'{"model":"gpt-test","messages":[{"role":"user","content":"Hi"}],"max_tokens":%s}' % value.encode()
    gate = Gate(whole(DIALECTS["openai"].whole("gpt-test")))
    up.reply(gate)
    connection = p.connect()
    connection.request("POST", "/v1/chat/completions", p.headers(headers={"Content-Type": "application/json"}), body)
    eventually(lambda: up.requests or _has_answer(connection), "the request at the upstream, or an answer")
    if up.requests:
        told = row(p, "team.tokens_per_day")
        expect(0 < told["reserved"] and told["remaining"] < told["max"], "something reserved", told)
        gate.open()
        served(connection.answer())
        stand(p, 1, TOKENS, COST_WITHOUT_WRITES)
    else:
        one_of(connection.answer().status, (400, 429), "the status")
        equal([one for one in rows(p) if taken(one)], [], "limits of which something is taken")


def _has_answer(connection):
    connection.socket.settimeout(0.01)
    try:
        return bool(connection.buffer) or connection.fill()
    except AssertionError:
        return False
    finally:
        connection.socket.settimeout(15)


TYPICAL = """
- {name: full, per: key.id, tokens_per_day: 1M}
- {name: typical, per: key.id, tokens_per_day: 1M, reserve: typical}"""


@check("reserve: typical reserves what answers of the model mostly are, 256 tokens at least ({words} each)", rows=[7, 256, 2_000])
def _(lab, words):
    p, up = limited(lab, entries=TYPICAL)
    up.reply(costs(10, words))
    for _ in range(30):
        served(p.ask(max_tokens=9_000))
    up.reply(hang)
    begin(p, max_tokens=9_000)
    up.wait(31)
    full, typical = (row(p, name)["reserved"] for name in ("full", "typical"))
    output = typical - (full - 9_000)
    expect(256 <= output <= max(256, words) + 1, f"256 to {max(256, words)} tokens of output reserved", output)
    expect(words < 1_000 or output >= 1_000, "what most answers are", output)


@check("reserve: typical never reserves more than the answer may be, and holds for a policy too")
def _(lab):
    p, up = limited(lab, "tokens_per_day: 1M, reserve: typical")
    up.reply(hang)
    begin(p, max_tokens=20)
    up.wait(1)
    expect(20 < row(p, "team.tokens_per_day")["reserved"] < 120, "some tokens of input and 20", row(p, "team.tokens_per_day"))


CHEAP, DEAR = "{input: 250000, output: 250000}", "{input: 750000, output: 750000}"


def _prices(lab, budget, names):
    """proxyd before the tiers t1, t2, …, whose models cost as named, with a budget over keys."""
    listed = ", ".join(f"model-{i}: {CHEAP if name == 'cheap' else DEAR}" for i, name in enumerate(names, 1))
    entry = f"- {{name: money, per: key.id, budget_total: {budget} USD}}"
    return lab.tiers(len(names), more=house("", entry, models=()).replace("prices: {}", f"prices: {{{listed}}}"))


@check("money is reserved at the price of the target that is asked: a dearer tier reserves the difference, a cheaper one gives it back")
def _(lab):
    p, *ups = _prices(lab, 100_000, ["cheap", "dear", "cheap"])
    gates = [Gate(status(529)) for _ in ups]
    for up, gate in zip(ups, gates):
        up.reply(gate)
    begin(p)
    reserved = []
    for up, gate in zip(ups, gates):
        up.wait(1)
        reserved.append(row(p, "money")["reserved"])
        gate.open()
    expect(16 < reserved[0] < 48, "16 USD and some for the input", reserved)
    equal(reserved[1:], [3 * reserved[0], reserved[0]], "USD reserved for the dear tier, then for the cheap one")


@check("a tier that is too dear is passed over, the one after it serves")
def _(lab):
    p, first, dear, last = _prices(lab, 48, ["cheap", "dear", "cheap"])
    first.reply(status(529))
    equal(served(p.ask()).header("x-proxyd-upstream"), "t3", "the upstream that answered")
    equal([len(up.requests) for up in (first, dear, last)], [1, 0, 1], "requests at the upstreams")
    settled(p, "money", (11 + 3 + 5 + 7) / 4)


@check("where the tier that is left is too dear, the client hears of the one that failed, and nothing stays reserved")
def _(lab):
    p, first, dear = _prices(lab, 48, ["cheap", "dear"])
    first.reply(status(529))
    equal(p.ask().status, 529, "the status")
    equal(dear.requests, [], "requests at the dear tier")
    settled(p, "money", 0)


@check("where the first tier is too dear, the next one serves, and no refusal comes")
def _(lab):
    p, dear, cheap = _prices(lab, 48, ["dear", "cheap"])
    equal(served(p.ask()).header("x-proxyd-upstream"), "t2", "the upstream that answered")
    equal(dear.requests, [], "requests at the dear tier")


@check("a prompt that is all written to a cache costs no more than was reserved for it")
def _(lab):
    p, up = limited(lab, ROOMY)
    gate = Gate(lambda request, wire: reply[0](request, wire))
    up.reply(gate)
    text = [{"type": "text", "text": "word " * 5_000, "cache_control": {"type": "ephemeral"}}]
    connection = begin(p, text=text)
    up.wait(1)
    tokens, money = (row(p, f"team.{number}")["reserved"] for number in ("tokens_per_day", "budget_total"))
    usage = {"input_tokens": 0, "cache_creation_input_tokens": tokens - 64, "cache_read_input_tokens": 0, "output_tokens": 64}
    reply = [whole({**json.loads(ANTHROPIC.whole("claude-test")), "usage": usage})]
    gate.open()
    served(connection.answer())
    stand(p, 1, tokens, (tokens - 64) * 0.625 + 64)
    expect(row(p, "team.budget_total")["used"] <= money, f"at most the {money} USD that were reserved", row(p, "team.budget_total"))


# ---------------------------------------------------------------- settlement

MODES = [(d, m) for d in DIALECTS for m in ("whole", "streamed")]


@check("{dialect}, {mode}: what was reserved becomes what was reported, cache reads left out of tokens and part of the money", rows=MODES)
def _(lab, dialect, mode):
    p, _up = limited(lab, ROOMY)
    for _ in range(2):
        served(begin(p, dialect, stream=mode == "streamed").answer())
    cost = COST if dialect == "anthropic" else COST_WITHOUT_WRITES
    stand(p, 2, 2 * TOKENS, 2 * cost)


@check("{dialect}, {mode}: with count_cached, cache reads are tokens", rows=MODES)
def _(lab, dialect, mode):
    p, _up = limited(lab, "tokens_per_day: 1M, count_cached: true", "- {name: all, per: key.id, tokens_per_minute: 1M, count_cached: true}")
    served(begin(p, dialect, stream=mode == "streamed").answer())
    settled(p, "team.tokens_per_day", TOKENS + CACHED)
    settled(p, "all", TOKENS + CACHED)


@check("{client} client of a {upstream} upstream: what was reserved becomes what was reported", rows=[(c, u) for c in DIALECTS for u in ("anthropic", "openai", "gemini") if c != u])
def _(lab, client, upstream):
    up = lab.upstream()
    model = DIALECTS[upstream].model
    p = lab.proxyd(f"upstreams: {{far: {up.declare(upstream)}}}\nrules: [{{tiers: [far/{model}]}}]\n{house(ROOMY)}")
    served(p.ask(client))
    stand(p, 1, TOKENS, COST if upstream == "anthropic" else COST_WITHOUT_WRITES)


@check("{dialect}: count_tokens takes one request and no tokens", rows=["anthropic", "responses", "gemini"])
def _(lab, dialect):
    path, said = {
        "anthropic": ("/v1/messages/count_tokens", {"input_tokens": 12}),
        "responses": ("/v1/responses/input_tokens", {"object": "response.input_tokens", "input_tokens": 12}),
        "gemini": ("/v1beta/models/gemini-test:countTokens", {"totalTokens": 12}),
    }[dialect]
    p, up = limited(lab, ROOMY)
    up.reply(whole(said), path=path)
    body = json.loads(DIALECTS[dialect].request())
    served(p.send("POST", path, body | ({} if dialect == "gemini" else {"model": DIALECTS[dialect].model})))
    stand(p, 1, 0, 0)


@check("count_tokens passes a limit of tokens that is used up, and is refused by one of requests")
def _(lab):
    p, up = limited(lab, "requests_per_day: 2, tokens_per_day: 1000")
    up.reply(whole({"input_tokens": 12}), path="/v1/messages/count_tokens")
    up.reply(costs(993, 7), path="/v1/messages")
    served(p.ask())
    settled(p, "team.tokens_per_day", 1000)
    refused(p.ask(), "team.tokens_per_day")
    served(p.send("POST", "/v1/messages/count_tokens", ANTHROPIC.request()))
    refused(p.send("POST", "/v1/messages/count_tokens", ANTHROPIC.request()), "team.requests_per_day")


@check("embeddings and completions are settled by what they report: {path}", rows=["/v1/embeddings", "/v1/completions"])
def _(lab, path):
    p, up = limited(lab, ROOMY)
    usage = {"prompt_tokens": 8, "total_tokens": 8} | ({"completion_tokens": 5, "total_tokens": 13} if "completions" in path else {})
    if "completions" in path:
        up.reply(whole({"object": "text_completion", "choices": [{"index": 0, "text": "x", "finish_reason": "stop"}], "usage": usage}))
    else:
        up.reply(whole({"object": "list", "data": [], "usage": usage}))
    body = {"model": "gpt-test"} | ({"prompt": "Hi", "max_tokens": 9} if "completions" in path else {"input": "Hi"})
    served(p.send("POST", path, body))
    stand(p, 1, 13 if "completions" in path else 8, 9 if "completions" in path else 4)


@check("what is only judged or ranked has no answer to be reserved, and is settled by what it reports: {path}", rows=["/v1/rerank", "/v1/moderations"])
def _(lab, path):
    p, up = limited(lab, "tokens_per_day: 1000")
    up.reply(whole({"results": [], "usage": {"total_tokens": 30}}))
    served(p.send("POST", path, {"model": "gpt-test", "query": "a", "input": "b", "documents": ["c"]}))
    equal(row(p, "team.tokens_per_day")["used"], 30, "tokens")
    answer = p.send("POST", "/v1/rerank", {"model": "gpt-test", "query": "a", "documents": ["words " * 1000]})
    equal(answer.status, 429, "the status of one that reads more than there is")


@check("explaining a request takes nothing")
def _(lab):
    p, up = limited(lab, ROOMY)
    served(p.ask())
    answer = p.admin("POST", "/admin/explain", {"key": "user", "model": "claude-test"})
    equal(answer.status, 200, "the status")
    stand(p, 1, TOKENS, COST)
    equal(len(up.requests), 1, "requests at the upstream")


@check("model lists take nothing, and come though a limit is used up: GET {path}", rows=["/v1/models", "/v1/models/claude-test", "/v1beta/models"])
def _(lab, path):
    p, _up = limited(lab, "requests_per_day: 1", rules="- {name: claude, models: [claude-test], tiers: [claude]}")
    before = p.send("GET", path)
    for _ in range(3):
        equal(p.send("GET", path).status, before.status, f"the status of GET {path}")
    served(p.ask())
    refused(p.ask(), "team.requests_per_day")
    equal(p.send("GET", path).status, before.status, f"the status of GET {path}")
    settled(p, "team.requests_per_day", 1)


@check("what no rule and no policy lets through takes nothing: {what}", rows=["no rule", "a model that the policy does not allow", "no JSON", "reject"])
def _(lab, what):
    rules = "- {models: [claude-test], tiers: [claude]}\n- {models: [claude-no], reject: {status: 403, message: no}}"
    p, up = limited(lab, ROOMY + ', models: ["claude-*"]', rules=rules)
    served(p.ask())
    model = {"no rule": "claude-unknown", "a model that the policy does not allow": "gpt-test", "reject": "claude-no"}.get(what)
    answer = p.ask(model=model) if model else p.send("POST", "/v1/messages", b'{"model":')
    one_of(answer.status, (400, 403, 404), "the status")
    stand(p, 1, TOKENS, COST)
    equal(len(up.requests), 1, "requests at the upstream")


@check("a request that cannot be said in the upstream's format takes nothing")
def _(lab):
    up = lab.upstream()
    p = lab.proxyd(f"upstreams: {{far: {up.declare('openai')}}}\nrules: [{{tiers: [far/gpt-test]}}]\n{house(ROOMY)}")
    served(p.ask())
    stand(p, 1, TOKENS, COST_WITHOUT_WRITES)
    for messages in ([{"role": "user", "content": [{"type": "nonsense"}]}], 5, [{"role": "tool", "content": "x"}]):
        equal(p.send("POST", "/v1/messages", {"model": "m", "max_tokens": 5, "messages": messages}).status, 400, "the status")
    stand(p, 1, TOKENS, COST_WITHOUT_WRITES)
    equal(len(up.requests), 1, "requests at the upstream")


@check("tiers that all rest, and are asked once more for want of others, take nothing either")
def _(lab):
    p, first, second = lab.tiers(2, more=house(ROOMY, models=("model-1", "model-2")))
    for up in (first, second):
        up.reply(status(429, retry_after=30))
    for _ in range(4):
        equal(p.ask().status, 429, "the status")
    expect(len(first.requests) + len(second.requests) >= 2, "that the tiers were asked")
    eventually(lambda: not any(taken(one) for one in rows(p)), "nothing taken of any limit")
    first.reply(whole(ANTHROPIC.whole("model-1"))), second.reply(whole(ANTHROPIC.whole("model-2")))
    served(p.ask())
    stand(p, 1, TOKENS, COST)


FAILURES = {
    "a 400": says(400, "no"),
    "a 401": status(401),
    "a 404": status(404),
    "a 429": status(429, retry_after=1),
    "a 500": status(500),
    "a 529": status(529),
    "a page that is no answer": whole(b"<html>oops</html>", 502, content_type="text/html"),
    "the end of the connection": drop,
    "a reset": reset,
}


@check("{mode}: an attempt that ends in {failure} gives everything back, the request too", rows=[(m, f) for m in ("whole", "streamed") for f in FAILURES])
def _(lab, mode, failure):
    p, up = limited(lab, ROOMY, more=ALONE)
    served(p.ask())
    up.reply(FAILURES[failure])
    answer = p.ask(stream=mode == "streamed")
    expect(answer.status >= 400, "an error", repr(answer))
    expect(len(up.requests) > 1, "the request came to the upstream")
    stand(p, 1, TOKENS, COST)


@check("an attempt that ends in {what} gives everything back, the request too", rows=["an error as its first event", "an upstream that is not there"])
def _(lab, what):
    up = lab.upstream()
    up.reply(stream(ANTHROPIC.stream_error("Overloaded")))
    url = up.url if what == "an error as its first event" else lab.dead_url()
    p = lab.proxyd(f"upstreams: {{far: {{url: '{url}', dialect: anthropic}}}}\nrules: [{{tiers: [far]}}]\n{ALONE}\n{house(ROOMY)}")
    p.ask(stream=True)
    eventually(lambda: not any(taken(one) for one in rows(p)), "nothing taken of any limit")
    up.reply(stream(ANTHROPIC.stream("claude-test")))
    if what == "an error as its first event":
        served(p.ask(stream=True))
        stand(p, 1, TOKENS, COST)


@check("{mode}: tiers that fail take nothing beside the one that serves", rows=["whole", "streamed"])
def _(lab, mode):
    p, first, second, third = lab.tiers(3, more=house(ROOMY, models=("model-1", "model-2", "model-3")))
    first.reply(status(529)), second.reply(drop)
    equal(served(p.ask(stream=mode == "streamed")).header("x-proxyd-upstream"), "t3", "the upstream that answered")
    equal([len(up.requests) > 0 for up in (first, second, third)], [True] * 3, "that each was asked")
    stand(p, 1, TOKENS, COST)


# ---------------------------------------------------------------- nothing stays reserved

BEGUN = stream(ANTHROPIC.begin("claude-test"), ends=False, then="hang")
CUT = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"id":"msg_1","type":"message",'
LEAVES = {  # how a request ends -> streamed, the upstream's answer, whether the client leaves, the least that is used
    "a client that leaves before the answer": (False, hang, True, 0),
    "a client that leaves before its stream": (True, hang, True, 0),
    "a client that leaves in its stream": (True, BEGUN, True, 15),
    "an upstream that closes in its stream": (True, stream(ANTHROPIC.begin("claude-test"), ends=False, then="close"), False, 15),
    "an upstream that resets in its stream": (True, stream(ANTHROPIC.begin("claude-test"), ends=False, then="reset"), False, 15),
    "an upstream that closes in its answer": (False, raw(CUT), False, 1),
    "an upstream that resets in its answer": (False, raw(CUT, then="reset"), False, 1),
    "no first byte in time": (False, hang, False, 1),
    "no first event in time": (True, hang, False, 1),
    "silence in a stream": (True, BEGUN, False, 15),
    "silence in an answer": (False, raw(CUT, then="hang"), False, 1),
    "an error in a stream": (True, stream(ANTHROPIC.begin("claude-test") + ANTHROPIC.stream_error("Overloaded")), False, 15),
}


@check("{what} leaves nothing reserved and nothing in flight", rows=list(LEAVES))
def _(lab, what):
    streamed, reply, leaves, least = LEAVES[what]
    times = "" if leaves else "timeouts: {first_byte: 700ms, idle: 700ms}"
    p, up = limited(lab, ROOMY.replace("concurrent_requests: 100", "concurrent_requests: 1"), more=f"{ALONE}\n{times}")
    up.reply(reply)
    connection = begin(p, stream=streamed)
    up.wait(1)
    if leaves:
        equal(taken(row(p, "team.concurrent_requests")), 1, "in flight before")
        if least:
            connection.final_head()
        connection.abort()
    else:
        connection.answer()
    eventually(lambda: not any(one["reserved"] for one in rows(p)), "nothing reserved of any limit", 8)
    equal(taken(row(p, "team.concurrent_requests")), 0, "in flight afterwards")
    used = {number: row(p, f"team.{number}")["used"] for number in WHAT}
    equal(len({used[number] for number in WHAT if WHAT[number][0] == "tokens"}), 1, "figures of tokens, whatever the window")
    expect(least <= used["tokens_per_day"] <= 200, f"{least} tokens or some more", used)
    up.reply(whole(ANTHROPIC.whole("claude-test")))
    served(p.ask(), "the answer to the next request")
    settled(p, "team.tokens_per_day", used["tokens_per_day"] + TOKENS)


@check("a client that leaves in the middle of its body takes nothing")
def _(lab):
    p, up = limited(lab, ROOMY)
    served(p.ask())
    connection = p.connect()
    connection.send(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: 900\r\n\r\n{" % USER_KEY.encode())
    connection.abort()
    stand(p, 1, TOKENS, COST)
    equal(len(up.requests), 1, "requests at the upstream")


def _batch(count, **params):
    request = {"model": "claude-test", "max_tokens": 700, "messages": [{"role": "user", "content": "hello " * 100}], **params}
    return json.dumps({"requests": [{"custom_id": str(i), "params": request} for i in range(count)]}).encode()


@check("a batch takes the input of its requests and the most that their answers may be, and its row says so")
def _(lab):
    p, up = limited(lab, ROOMY)
    up.reply(whole({"id": "msgbatch_1", "type": "message_batch", "processing_status": "in_progress"}))
    served(p.send("POST", "/v1/messages/batches", _batch(3)))
    (one,) = eventually(lambda: p.get("/admin/requests")["requests"], "the batch's row")
    equal((one["source"], one["output"]), ("counted", 2100), "source and output")
    expect(300 <= one["input"] <= 1200, "the input of three requests", one)
    stand(p, 1, one["input"] + one["output"], one["cost_nano"] / 1e9)


@check("a batch that may come to more than is left is refused, and asks nobody")
def _(lab):
    p, up = limited(lab, "tokens_per_day: 2000")
    equal(p.send("POST", "/v1/messages/batches", _batch(3)).status, 429, "the status")
    equal(up.requests, [], "requests at the upstream")


@check("a Gemini batch takes what other batches take, be its requests named ({named})", rows=[False, True])
def _(lab, named):
    up = lab.upstream()
    rules = "rules: [{models: ['*'], tiers: [gem]}]"
    p = lab.proxyd(f"upstreams: {{gem: {up.declare('gemini')}}}\n{rules}\npolicies: {{default: {{tokens_per_day: 5000}}}}\n")
    up.reply(whole({"name": "batches/1", "metadata": {"state": "BATCH_STATE_PENDING"}}))
    request = {"contents": [{"parts": [{"text": "hello " * 100}]}], GEN: {"maxOutputTokens": 700}}
    if named:
        request = {"model": "models/gemini-test", **request}

    def batch(count):
        return {"batch": {"inputConfig": {"requests": {"requests": [{"request": request}] * count}}}}

    served(p.send("POST", "/v1beta/models/gemini-test:batchGenerateContent", batch(3)))
    (one,) = eventually(lambda: p.get("/admin/requests")["requests"], "the batch's row")
    equal((one["source"], one["output"]), ("counted", 2100), "source and output")
    expect(300 <= one["input"] <= 1200, "the input of three requests", one)
    equal(p.send("POST", "/v1beta/models/gemini-test:batchGenerateContent", batch(6)).status, 429, "the status of more than is left")


@check("GET {path} uses nothing, though what it shows tells what it cost", rows=["/v1/responses/resp_1", "/v1/chat/completions/c1", "/v1/files/f1"])
def _(lab, path):
    p, up = limited(lab, ROOMY, rules='- {name: all, models: ["*"], tiers: [gpt]}')
    up.reply(whole(DIALECTS["responses" if "responses" in path else "openai"].whole("gpt-test")))
    equal(p.send("GET", path).status, 200, "the status")
    (one,) = eventually(lambda: p.get("/admin/requests")["requests"], "a row")
    equal((one["input"], one["output"], one["source"]), (0, 0, "none"), "what it used")
    equal(row(p, "team.tokens_per_day")["used"], 0, "tokens used")


@check("a response in the background counts the most that it may be, marked")
def _(lab):
    rules = '- {name: all, models: ["*"], tiers: [resp]}'
    up = lab.upstream()
    p = lab.proxyd(f"upstreams:\n  resp: {up.declare('responses')}\nrules:\n  {rules}\npolicies: {{default: {{tokens_per_day: 100000}}}}\n")
    up.reply(whole({"id": "resp_1", "object": "response", "status": "queued", "model": "m", "output": [], "usage": None}))
    served(p.ask("responses", background=True, max_output_tokens=700))
    (one,) = eventually(lambda: p.get("/admin/requests")["requests"], "a row")
    equal((one["output"], one["source"]), (700, "counted"), "what it used")
    equal(row(p, "default.tokens_per_day")["used"], one["input"] + 700, "tokens used")


@check("an answer without usage takes its request, and no tokens stay reserved")
def _(lab):
    p, up = limited(lab, ROOMY)
    up.reply(whole({"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello there, this is a text."}]}))
    served(p.ask())
    told = settled(p, "team.requests_per_day", 1)
    eventually(lambda: not any(one["reserved"] for one in rows(p)), "nothing reserved of any limit")
    equal(told["max"], 1000, "the most")
    expect(1 <= row(p, "team.tokens_per_day")["used"] <= 100, "some tokens, as they can be counted", row(p, "team.tokens_per_day"))


@check("absurd counts of a provider take nothing below zero and break nothing: {count}", rows=["-5", "-9223372036854775808", "1e30", "99999999999999999999", "9223372036854775807", '"7"', "1.5"])
def _(lab, count):
    p, up = limited(lab, ROOMY)
    served(p.ask())
    stand(p, 1, TOKENS, COST)
    text = b'{"type":"message","role":"assistant","content":[{"type":"text","text":"x"}],"usage":{"input_tokens":%s,"output_tokens":%s}}'
    up.reply(whole(text % ((count.encode(),) * 2)))
    for _ in range(2):
        one_of(p.ask().status, (200, 429), "the status")
    eventually(lambda: not any(one["reserved"] for one in rows(p)), "nothing reserved of any limit")
    for one in rows(p):
        if one["kind"] != "concurrency":
            expect(one["used"] >= {"requests": 2, "tokens": TOKENS, "cost": COST}[one["kind"]], "no less than before", one)
        expect(0 <= one["remaining"] <= one["max"], "what remains", one)
    served(p.ask(key=BOB))


# ---------------------------------------------------------------- windows


def _ends(zone):
    """When the day and the month end there."""
    now = datetime.now(ZoneInfo(zone))
    day = now.date() + timedelta(days=1)
    month = (now.date().replace(day=1) + timedelta(days=32)).replace(day=1)
    return [datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone)).timestamp() for d in (day, month)]


@check(
    "days and months end by the calendar of {zone}, nothing else has an end of its own",
    rows=["Asia/Singapore", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati", "Europe/Berlin"],
)
def _(lab, zone):
    p, _up = limited(lab, ROOMY, more=f"timezone: {zone}")
    before = _ends(zone)
    served(p.ask())
    stand(p, 1, TOKENS, COST)
    told = {one["limit"].partition(".")[2]: one["resets_at"] for one in rows(p)}
    after = _ends(zone)
    for number, (_, window) in WHAT.items():
        if window in ("day", "month"):
            ends = datetime.fromisoformat(told[number].replace("Z", "+00:00")).timestamp()
            one_of(ends, [times[window == "month"] for times in (before, after)], f"the end of {number}")
    equal((told["budget_total"], told["concurrent_requests"]), (None, None), "the ends of budget_total and concurrent_requests")


@check("a minute is any 60 seconds: two requests a minute are two in each, and the third comes as soon as it may", seconds=120)
def _(lab):
    p, _up = limited(lab, entries="- {name: slow, per: key.id, requests_per_minute: 2}")
    times, begun = [], time.monotonic()
    while time.monotonic() < begun + 75 and len(times) < 4:
        sent = time.monotonic()
        answer = p.ask()
        if answer.status == 200:
            times.append((sent, time.monotonic()))
            time.sleep(4)  # so that the first two are not of one moment
        else:
            refused(answer, "slow")
            time.sleep(0.5)
    equal(len(times), 4, "requests served within 75 seconds")
    for (sent, _), (_, done) in zip(times, times[2:]):
        expect(done - sent >= 60, "no three requests within 60 seconds", times)
