"""The record of a request: a row for each that reached an upstream, none for others, and what stands in it."""

import json
import time
from datetime import datetime

from checks import check, contains, equal, eventually, expect, one_of, stays
from dialects import ANTHROPIC, DIALECTS, OPENAI, compact
from forwarding import ALONE
from harness import served
from limits import BOB, Gate, house, key_id, refused
from records import FORMATS, FRESH, MEMBERS, MODEL, NANO, amounts, ask, book, counted_well, grouped, listed, pieces, row, rows, start, total
from upstream import after, drop, hang, health, raw, reset, says, status, stream, whole

MODES = [(d, m) for d in FORMATS for m in ("whole", "streamed")]

# ---------------------------------------------------------------- what stands in a row


@check("{dialect}, {mode}: one answer is one row, with every member and what the upstream reported", rows=MODES)
def _(lab, dialect, mode):
    p, _up = book(lab)
    before = time.time()
    headers = {"x-proxyd-session": "conversation-7", "x-claude-code-agent-id": "agent-3"}
    answer = served(ask(p, dialect, stream=mode == "streamed", headers=headers))
    one = row(p)
    equal(MEMBERS - set(one), set(), "members that a row lacks")
    equal(amounts(one), FRESH[dialect], "input without caches, cache reads, cache writes, output")
    equal((one["cost_nano"], one["source"], one["status"]), (NANO[dialect], "reported", 200), "cost, source, status")
    equal((one["key"], one["key_id"], one["policy"]), ("user", key_id(p), "team"), "whose it is")
    equal((one["session"], one["agent"]), ("conversation-7", "agent-3"), "session and agent")
    equal((one["dialect"], one["model_asked"], one["model"]), (dialect, MODEL[dialect], MODEL[dialect]), "dialect and models")
    equal(one["id"], answer.header("x-request-id"), "id, as x-request-id has it")
    for name in ("rule", "tier", "upstream", "account", "model"):
        equal(one[name], answer.header(f"x-proxyd-{name}"), f"{name}, as x-proxyd-{name} has it")
    equal([(a["tier"], a["account"], a["status"]) for a in one["attempts"]], [(one["tier"], "one", 200)], "the only attempt")
    contains(one["outcome"], "done", "the outcome")
    told = datetime.fromisoformat(one["time"].replace("Z", "+00:00"))
    expect(told.tzinfo is not None and before - 2 <= told.timestamp() <= time.time() + 2, "a time that is now, with its zone", one)


@check("{dialect}, {mode}: times of a row are whole milliseconds, the first byte no later than the end", rows=MODES)
def _(lab, dialect, mode):
    p, up = book(lab)
    said = [data for data, *_ in pieces(dialect)]
    up.reply(after(0.3, stream([b"".join(said[:-1]), said[-1]], pause=0.2)), streamed=True)
    up.reply(after(0.3, whole(DIALECTS[dialect].whole(MODEL[dialect]))), streamed=False)
    ask(p, dialect, stream=mode == "streamed")
    one = row(p)
    first, end = one["first_byte_ms"], one["duration_ms"]
    expect(isinstance(first, int) and isinstance(end, int), "whole numbers", one)
    expect(300 <= first <= end < 30_000, "at least the 300 ms that the upstream waited, the first byte no later than the end", one)
    expect(mode == "whole" or end - first >= 100, "a stream that takes longer than its first byte", one)


REASONING = {
    "anthropic": None,
    "openai": ({"prompt_tokens": 50, "completion_tokens": 40, "completion_tokens_details": {"reasoning_tokens": 32}}, 50, 40, 32),
    "responses": ({"input_tokens": 50, "output_tokens": 40, "output_tokens_details": {"reasoning_tokens": 32}}, 50, 40, 32),
    "gemini": ({"promptTokenCount": 50, "candidatesTokenCount": 8, "thoughtsTokenCount": 32, "totalTokenCount": 90}, 50, 40, 32),
}


@check("{dialect}: reasoning is told beside the output that it is a part of", rows=["openai", "responses", "gemini"])
def _(lab, dialect):
    usage, tokens_in, tokens_out, reasoning = REASONING[dialect]
    p, up = book(lab)
    member = "usageMetadata" if dialect == "gemini" else "usage"
    up.reply(whole({**json.loads(DIALECTS[dialect].whole(MODEL[dialect])), member: usage}))
    served(ask(p, dialect))
    one = row(p)
    equal((one["input"], one["output"], one["reasoning"]), (tokens_in, tokens_out, reasoning), "input, output, reasoning")
    equal(one["cost_nano"], (tokens_in * 500 + tokens_out * 1000) * 1_000_000, "cost, reasoning in it once")


@check("a row has the tags of its key and of its rule, the policy, and the name of a key that was made")
def _(lab):
    p, _up = book(lab)
    made = p.create_key("made", policy="team", tags={"team": "infra", "cost-centre": "4711"})
    served(ask(p, key=made["api_key"]))
    one = row(p)
    equal(one["tags"], {"team": "infra", "cost-centre": "4711", "vendor": "a"}, "tags")
    equal((one["key"], one["key_id"], one["policy"]), ("made", made["id"], "team"), "key, key_id, policy")


@check("a client of another format: the row has the client's dialect and model, and the model that served")
def _(lab):
    for upstream in ("anthropic", "openai", "gemini"):
        up = lab.upstream()
        p = lab.proxyd(f"upstreams: {{far: {up.declare(upstream)}}}\nrules: [{{name: all, tiers: [far/really]}}]\n{house(models=['really'])}")
        clients = [d for d in DIALECTS if d != upstream]
        for client in clients:
            served(p.ask(client))
        told = rows(p, len(clients))[::-1]
        equal([one["dialect"] for one in told], clients, "dialects, the oldest first")
        for client, one in zip(clients, told):
            equal((one["model_asked"], one["model"]), (DIALECTS[client].model, "really"), "the model asked for, and the one that served")
            equal((amounts(one), one["source"]), (FRESH[upstream], "reported"), f"what {client} of {upstream} used")


@check("sessions and agents of rows come from where request.session and request.agent do; the empty text where they are unknown")
def _(lab):
    p, _up = book(lab)
    asked = [
        ("anthropic", {"x-claude-code-session-id": "s1", "x-claude-code-agent-id": "a1"}, {}, ("s1", "a1")),
        ("anthropic", {}, {"metadata": {"user_id": f"user_{'0a' * 32}_account_0b7e_session_s2"}}, ("s2", "")),
        ("responses", {}, {"prompt_cache_key": "s3"}, ("s3", "")),
        ("openai", {"session_id": "s4"}, {}, ("s4", "")),
        ("gemini", {"x-proxyd-session": "s5"}, {}, ("s5", "")),
        ("openai", {}, {}, ("", "")),
    ]
    for dialect, headers, fields, _ in asked:
        served(ask(p, dialect, headers=headers, **fields))
    told = [(one["session"], one["agent"]) for one in rows(p, len(asked))[::-1]]
    equal(told, [wanted for *_, wanted in asked], "session and agent, the oldest first")


@check("names that clients choose come back as they were sent, also where they look like something else")
def _(lab):
    p, _up = book(lab)
    odd = ['"quoted", and; more\\', "<script>x</script>", "x" * 200, "%00%0a"]
    for session in odd:
        served(ask(p, headers={"x-proxyd-session": session}))
    equal([one["session"] for one in rows(p, len(odd))[::-1]], odd, "sessions")


# ---------------------------------------------------------------- which requests have one

FAILURES = {  # what the upstream says -> the status at the client
    "400": (says(400, "no"), 400),
    "401": (status(401), None),
    "429": (status(429, retry_after=1), 429),
    "500": (status(500), 500),
    "529": (status(529), 529),
    "a page": (whole(b"<html>oops</html>", 502, content_type="text/html"), 502),
    "the end of the connection": (drop, 502),
    "a reset": (reset, 502),
}


@check("{mode}: an upstream's {failure} is a row with its status and outcome, without usage", rows=[(m, f) for m in ("whole", "streamed") for f in FAILURES])
def _(lab, mode, failure):
    reply, wanted = FAILURES[failure]
    p, up = book(lab, more=ALONE)
    up.reply(reply)
    answer = ask(p, stream=mode == "streamed")
    one = row(p)
    equal(one["status"], answer.status, "the status, as the client saw it")
    if wanted:
        equal(answer.status, wanted, "the status at the client")
    equal((amounts(one), one["source"], one["cost_nano"] or 0), ((0, 0, 0, 0), "none", 0), "usage, source, cost")
    expect(not one["outcome"].startswith("done") and one["outcome"], "an outcome that is no success", one)
    p.wait_log(f"outcome={one['outcome']}")
    equal((one["upstream"], one["account"]), ("claude", "one"), "who was asked")
    expect(one["attempts"] and one["attempts"][-1]["tier"] == "claude", "the attempt", one)


UNFINISHED = {  # how a stream of two hundred words ends -> what follows the words
    "an error of the upstream": ANTHROPIC.stream_error("Overloaded"),
    "the end of its framing, without its own end": b"",
    "the end of its framing within an event": b"event: content_block_delta\ndata: {",
}


@check("a stream that ends with {what} is a row that counts what had come, and an outcome that says whose it was", rows=list(UNFINISHED))
def _(lab, what):
    p, up = book(lab, more=ALONE)
    up.reply(stream(ANTHROPIC.begin("claude-test") + ANTHROPIC.words("word " * 200) + UNFINISHED[what]))
    ask(p, stream=True)
    one = row(p)
    equal((one["status"], amounts(one)[:3], one["source"]), (200, (11, 5, 3), "counted"), "status, input, source")
    counted_well(one, 1000, "two hundred words")
    expect(one["outcome"].startswith("upstream"), "an outcome of the upstream's", one)


BREAKS = {  # an upstream's error in the middle of its stream
    "anthropic": ANTHROPIC.stream_error("Overloaded"),
    "openai": DIALECTS["openai"].stream_error("Overloaded"),
    "responses": b'event: response.failed\ndata: {"type":"response.failed","response":{"id":"resp_1","object":"response","status":"failed",'
    b'"error":{"code":"server_error","message":"Overloaded"},"output":[],"usage":null}}\n\n',
    "gemini": b'data: {"error":{"code":503,"message":"Overloaded","status":"UNAVAILABLE"}}\r\n\r\n',
}


@check("{client} client of {upstream}: an error in the middle of a stream leaves a row that counts what had come", rows=[(c, u) for c in FORMATS for u in FORMATS])
def _(lab, client, upstream):
    up = lab.upstream()
    config = f"upstreams: {{far: {up.declare(upstream)}}}\nrules: [{{name: all, tiers: [far/really]}}]\n{house(models=['really'])}\n{ALONE}"
    p = lab.proxyd(config)
    steps = [step for step in pieces(upstream) if not step[2]][: 6 if upstream == "anthropic" else 3]
    up.reply(stream([b"".join(data for data, *_ in steps), BREAKS[upstream]], pause=0.2))
    ask(p, client, stream=True)
    one = row(p)
    equal((one["source"], one["status"]), ("counted", 200), "source and status")
    counted_well(one, steps[-1][1], "what had come before the error")
    expect(one["outcome"].startswith("upstream"), "an outcome of the upstream's", one)


TIMEOUTS = {"no first byte": (hang, {"stream": False}), "no first event": (hang, {"stream": True})}


@check("{what} in time is a row of the status that the client saw", rows=list(TIMEOUTS))
def _(lab, what):
    reply, keywords = TIMEOUTS[what]
    p, up = book(lab, more=f"{ALONE}\ntimeouts: {{first_byte: 500ms, idle: 500ms}}")
    up.reply(reply)
    answer = ask(p, **keywords)
    one = row(p)
    equal((one["status"], one["output"]), (answer.status, 0), "status and output")
    expect(not one["outcome"].startswith("done"), "an outcome that is no success", one)
    expect(one["source"] == "counted" and one["input"] > 0 and one["cost_nano"] > 0, "the input that the upstream had, counted", one)
    equal(p.get("/admin/usage")["total_input_tokens"], one["input"], "the input of all usage")


@check("{dialect}: count_tokens has a row, and no usage", rows=["anthropic", "gemini"])
def _(lab, dialect):
    path, said = {
        "anthropic": ("/v1/messages/count_tokens", {"input_tokens": 12}),
        "gemini": ("/v1beta/models/gemini-test:countTokens", {"totalTokens": 12}),
    }[dialect]
    p, up = book(lab)
    up.reply(whole(said), path=path)
    body = json.loads(DIALECTS[dialect].request())
    served(p.send("POST", path, body))
    one = row(p)
    equal((amounts(one), one["reasoning"], one["cost_nano"] or 0), ((0, 0, 0, 0), 0, 0), "usage and cost")
    equal((one["status"], one["model"], one["key"]), (200, MODEL[dialect], "user"), "status, model, key")
    told = p.get("/admin/usage")
    equal((told["total_input_tokens"], told["total_output_tokens"]), (0, 0), "tokens of all usage")


@check("embeddings have a row of what they report")
def _(lab):
    p, up = book(lab)
    up.reply(whole({"object": "list", "data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}))
    served(p.send("POST", "/v1/embeddings", {"model": "gpt-test", "input": "Hi"}))
    one = row(p)
    equal((amounts(one), one["source"], one["cost_nano"]), ((8, 0, 0, 0), "reported", 4_000_000_000), "usage, source, cost")


NOWHERE = [
    "no key", "a wrong key", "a model that no rule has", "a model that the policy has not", "no JSON", "reject", "over a limit",
    "a model list", "left in its body",
]  # fmt: skip


@check("a request that never reached an upstream has no row: {what}", rows=NOWHERE)
def _(lab, what):
    rules = """
- {models: [claude-test], tiers: [claude]}
- {models: [claude-no], reject: {status: 403, message: no}}"""
    p, up = book(lab, rules=rules, policy='models: ["claude-*"], requests_per_day: 1')
    if what == "left in its body":
        connection = p.connect()
        connection.send(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: 900\r\n\r\n{" % BOB.encode())
        connection.abort()
    elif what == "no JSON":
        equal(p.send("POST", ANTHROPIC.path, b'{"model":').status, 400, "the status")
    elif what == "a model list":
        p.send("GET", "/v1/models")
    elif what == "over a limit":
        served(ask(p))
        refused(ask(p), "team.requests_per_day")
    else:
        asked = {
            "no key": {"key": None}, "a wrong key": {"key": "sk-wrong"}, "a model that no rule has": {"model": "claude-unknown"},
            "a model that the policy has not": {"model": "gpt-test"}, "reject": {"model": "claude-no"},
        }[what]  # fmt: skip
        one_of(ask(p, **asked).status, (400, 401, 403, 404), "the status")
    served(ask(p, key=BOB))
    found = rows(p, len(up.requests))
    expect(all(one["status"] == 200 for one in found), "rows of what was served, and no other", found)
    stays(lambda: len(listed(p)) == len(up.requests), "no row of what reached nobody", 0.4)


@check("sixteen requests on one connection after another have a row each, each with an id of its own")
def _(lab):
    p, _up = book(lab)
    connection = p.connect()
    for i in range(16):
        dialect = FORMATS[i % 4]
        target = DIALECTS[dialect].path
        served(connection.ask("POST", target, p.headers(headers={"Content-Type": "application/json"}), DIALECTS[dialect].request(MODEL[dialect])))
    told = rows(p, 16)
    equal(len({one["id"] for one in told}), 16, "ids")
    equal([one["dialect"] for one in told[::-1]], FORMATS * 4, "dialects, the oldest first")


# ---------------------------------------------------------------- attempts


@check("{mode}: attempts are told in order with tier, account, status and reason, the one that answered last", rows=["whole", "streamed"])
def _(lab, mode):
    p, first, second, _third = lab.tiers(3, more=house(models=("model-1", "model-2", "model-3")))
    first.reply(status(529)), second.reply(status(503))
    answer = served(p.ask(stream=mode == "streamed"))
    equal(answer.header("x-proxyd-upstream"), "t3", "the upstream that answered")
    one = row(p)
    told, seen = [(a["tier"], a["account"], a["status"]) for a in one["attempts"]], []
    for step in told:
        if step not in seen:  # one that was asked twice is told twice
            seen.append(step)
    equal(seen, [("t1/model-1", "one", 529), ("t2/model-2", "one", 503), ("t3/model-3", "one", 200)], "the attempts")
    expect(all(a["reason"] for a in one["attempts"][:-1]), "why each went on", one["attempts"])
    equal((one["tier"], one["upstream"], one["model"]), ("t3/model-3", "t3", "model-3"), "tier, upstream and model that served")
    equal(len(told), sum(len(up.requests) for up in lab.upstreams), "attempts told, and requests at the upstreams")


@check("accounts of a tier are told apart in attempts")
def _(lab):
    p, up = lab.tiers(1, accounts=("one", "two"), more=house(models=("model-1",)))
    up.reply(status(429, retry_after=30), key="one")
    for _ in range(4):
        served(p.ask())
    told = rows(p, 4)
    failed = [a for one in told for a in one["attempts"] if a["status"] == 429]
    equal([a["account"] for a in failed], ["one"], "accounts whose attempt failed")
    equal({one["account"] for one in told}, {"two"}, "accounts that served")


@check("a tier that rests is told as passed over, with a reason and no status, beside the one that served")
def _(lab):
    p, first, _second = lab.tiers(2, more=house(models=("model-1", "model-2")))
    first.reply(status(429, retry_after=60))
    served(p.ask()), served(p.ask())
    newest, oldest = rows(p, 2)
    equal([(a["tier"], a["status"]) for a in oldest["attempts"]], [("t1/model-1", 429), ("t2/model-2", 200)], "attempts of the first")
    equal([a["tier"] for a in newest["attempts"]], ["t1/model-1", "t2/model-2"], "attempts of the second, the resting tier in it")
    expect(newest["attempts"][0]["reason"] and not newest["attempts"][0]["status"], "a reason, no status", newest["attempts"])
    equal(len(first.requests), 1, "requests at the tier that rests")


@check("a tier without quota is told as passed over, with a reason")
def _(lab):
    extra = "quota: {poll: /health, interval: 1s, timeout: 800ms}"
    p, first, second = lab.tiers(2, extra=extra, more=house(models=("model-1", "model-2")), start=False)
    first.health, second.health = health({"model-1": 0.01}), health({"model-2": 0.9})
    p.start()
    p.wait_polled(first, second, total=1)
    served(p.ask())
    one = row(p)
    equal([a["tier"] for a in one["attempts"]], ["t1/model-1", "t2/model-2"], "attempts, the tier without quota in it")
    contains(one["attempts"][0]["reason"], "quota", "its reason")


DEAR = {"the first": "dear cheap", "one after a failure": "cheap dear cheap"}


@check("a tier that is too dear for what is left of a budget, {which}, is told as passed over, with reason `limit`", rows=list(DEAR))
def _(lab, which):
    names = DEAR[which].split()
    prices = ", ".join(f"model-{i}: {{input: {n}, output: {n}}}" for i, n in enumerate((750000 if n == "dear" else 250000 for n in names), 1))
    entry = "- {name: money, per: key.id, budget_total: 48 USD}"
    p, *ups = lab.tiers(len(names), more=house("", entry, models=()).replace("prices: {}", f"prices: {{{prices}}}"))
    if names[0] == "cheap":
        ups[0].reply(status(529))
    served(p.ask())
    one, dear = row(p), names.index("dear") + 1
    told = {a["tier"]: a["reason"] for a in one["attempts"]}
    equal(list(told), [f"t{i}/model-{i}" for i in range(1, len(names) + 1)], "the tiers of the attempts")
    equal(told[f"t{dear}/model-{dear}"], "limit", "why the dear tier was passed over")
    equal((ups[dear - 1].requests, one["cost_nano"]), ([], 6_500_000_000), "requests at the dear tier, the cost")


@check("when every tier fails there is one row: all attempts, the status that the client saw, no usage")
def _(lab):
    p, first, second = lab.tiers(2, more=house(models=("model-1", "model-2")))
    first.reply(status(529)), second.reply(status(503))
    answer = p.ask()
    one = row(p)
    equal((one["status"], amounts(one), one["source"]), (answer.status, (0, 0, 0, 0), "none"), "status, usage, source")
    equal({(a["tier"], a["status"]) for a in one["attempts"]}, {("t1/model-1", 529), ("t2/model-2", 503)}, "the attempts")


# ---------------------------------------------------------------- where the numbers come from


@check("{dialect}, {mode}: an answer without usage is counted by what came, and marked", rows=MODES)
def _(lab, dialect, mode):
    letters = 4000
    text = ("word " * letters)[:letters]
    p, up = book(lab)
    model = MODEL[dialect]
    if mode == "whole":
        body = json.loads(DIALECTS[dialect].whole(model, text))
        body.pop("usage", None), body.pop("usageMetadata", None)
        up.reply(whole(body))
    else:
        up.reply(stream(_without_usage(dialect, model, text)))
    ask(p, dialect, stream=mode == "streamed")
    one = row(p)
    equal(one["source"], "counted", "the source")
    counted_well(one, letters, "an answer of four thousand letters")
    expect(0 < one["input"] < 200, "some tokens of input", one)
    expect(one["cost_nano"] > 0, "a cost", one)
    equal((total(grouped(p, "key"), "counted_requests"), total(grouped(p, "key"), "output")), (1, one["output"]), "the report")


HALVES = {  # a usage object -> input, output and source; None for what is counted
    "nothing": ({}, None, None, "counted"),
    "nulls": ({"prompt_tokens": None, "completion_tokens": None}, None, None, "counted"),
    "texts": ({"prompt_tokens": "10", "completion_tokens": "2"}, None, None, "counted"),
    "the input alone": ({"prompt_tokens": 10}, 10, None, "counted"),
    "the output alone": ({"completion_tokens": 2}, None, 2, "counted"),
    "the input and the sum": ({"prompt_tokens": 10, "total_tokens": 12}, 10, 2, "reported"),
    "the output and the sum": ({"completion_tokens": 2, "total_tokens": 12}, 10, 2, "reported"),
    "numbers with an exponent": ({"prompt_tokens": 1e1, "completion_tokens": 2.0}, 10, 2, "reported"),
    "zeros": ({"prompt_tokens": 0, "completion_tokens": 0}, 0, 0, "reported"),
}


@check("a usage object that tells {what}: what it does not is counted, and marked ({mode})", rows=[(w, m) for w in HALVES for m in ("whole", "streamed")])
def _(lab, what, mode):
    usage, wanted_in, wanted_out, source = HALVES[what]
    letters, told = 4000, json.dumps(usage).replace("10.0", "1e1").encode()
    text = ("word " * letters)[:letters]
    p, up = book(lab)
    if mode == "whole":
        body = json.dumps({**json.loads(OPENAI.whole("gpt-test", text)), "usage": "@"}).encode()
        up.reply(whole(body.replace(b'"@"', told)))
    else:
        last = b'data: {"id":"c","object":"chat.completion.chunk","model":"gpt-test","choices":[],"usage":%s}\n\n' % told
        events = OPENAI.stream("gpt-test", text, usage_asked=False)
        up.reply(stream(events.replace(b"data: [DONE]", last + b"data: [DONE]")))
    served(ask(p, "openai", stream=mode == "streamed"))
    one = row(p)
    equal(one["source"], source, "the source")
    if wanted_out is None:
        counted_well(one, letters, "an answer of four thousand letters")
    else:
        equal(one["output"], wanted_out, "the output")
    if wanted_in is None:
        expect(0 < one["input"] < 200, "some tokens of input", one)
    else:
        equal(one["input"], wanted_in, "the input")
    equal(total(grouped(p, "key"), "counted_requests"), int(source == "counted"), "counted requests in the report")


@check("a sum without its parts is kept as the sum")
def _(lab):
    p, up = book(lab)
    up.reply(whole({**json.loads(OPENAI.whole("gpt-test", "word " * 200)), "usage": {"total_tokens": 5000}}))
    served(ask(p, "openai"))
    one = row(p)
    equal((one["input"] + one["output"], one["source"]), (5000, "counted"), "the sum, the source")
    expect(0 < one["input"] < 200, "some tokens of input", one)


@check("embeddings and rankings that tell a sum alone: it is their input, as reported: {path}", rows=["/v1/embeddings", "/v1/rerank"])
def _(lab, path):
    p, up = book(lab)
    up.reply(whole({"object": "list", "model": "m", "data": [], "results": [], "usage": {"total_tokens": 50}}))
    served(p.send("POST", path, {"model": "gpt-test", "input": "Hi", "query": "Hi", "documents": ["a"]}))
    one = row(p)
    equal((amounts(one), one["source"]), ((50, 0, 0, 0), "reported"), "usage, source")


@check("an Anthropic stream that never tells its output: it is counted, whatever its beginning says")
def _(lab):
    letters = 4000
    p, up = book(lab)
    start = ANTHROPIC.start("claude-test", {"input_tokens": 11, "output_tokens": 1})
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    words = ANTHROPIC.words(("word " * letters)[:letters])
    up.reply(stream(start + words + ANTHROPIC.event(end) + ANTHROPIC.event({"type": "message_stop"})))
    served(ask(p, stream=True))
    one = row(p)
    equal((one["input"], one["source"]), (11, "counted"), "the input, the source")
    counted_well(one, letters, "an answer of four thousand letters")


def _without_usage(dialect, model, text):
    if dialect == "openai":
        return DIALECTS["openai"].stream(model, text, usage_asked=False)
    end = b"\r\n\r\n" if dialect == "gemini" else b"\n\n"
    return b"".join(_stripped(event, end) for event in DIALECTS[dialect].stream(model, text).split(end) if event)


def _stripped(event, end):
    name, data = event.split(b"data: ", 1)
    value = json.loads(data)
    for holder in (value, value.get("response") or {}, value.get("message") or {}):
        holder.pop("usage", None), holder.pop("usageMetadata", None)
    return name + b"data: " + compact(value) + end


@check("an upstream that ends in the middle of a whole answer: a row with the status and source `counted` or `none`, never `reported`")
def _(lab):
    p, up = book(lab, more=ALONE)
    cut = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"id":"msg_1","type":"message",'
    up.reply(raw(cut))
    answer = ask(p)
    one = row(p)
    equal(one["status"], answer.status, "the status")
    one_of(one["source"], ("counted", "none"), "the source")
    expect(not one["outcome"].startswith("done"), "an outcome that is no success", one)


@check("two clients at once: a row is there when its own answer has ended, not before and not only after the other's")
def _(lab):
    p, up = book(lab)
    gate = Gate(whole(ANTHROPIC.whole("claude-test")))
    up.reply(gate, model="claude-slow")
    held = start(p, model="claude-slow")
    up.wait(1)
    served(ask(p))
    equal([one["model"] for one in listed(p)], ["claude-test"], "rows while one waits")
    gate.open()
    served(held.answer())
    eventually(lambda: [one["model"] for one in listed(p)] == ["claude-slow", "claude-test"], "both, the newest first")
