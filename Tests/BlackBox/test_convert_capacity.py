"""Used-up capacity that is called something else, and what Antigravity's servers make of answers."""

from answers import FROM_ANTHROPIC
from checks import check, contains, equal, lacks
from conversions import Pair, least, named_events, told
from dialects import ANTHROPIC, GEMINI, OPENAI
from upstream import stream, whole


EXHAUSTED = "You have exhausted your capacity on gemini-2. Quota will reset after 1h2m3s."


@check("Antigravity's used-up capacity is a 429 with its time for a {client} client, {where}", rows=[(c, w) for c in ("anthropic", "openai", "responses", "gemini") for w in ("a 400", "a stream")])
def _(lab, client, where):
    pair = Pair(lab, "anthropic")
    if where == "a 400":
        pair.up.reply(whole(ANTHROPIC.error(400, EXHAUSTED), 400))
    else:
        pair.up.reply(stream(ANTHROPIC.stream_error(EXHAUSTED, "invalid_request_error")))
    answer = pair.ask(client, least(client), streamed=where == "a stream")
    equal((answer.status, answer.header("retry-after")), (429, "3723"), "status, retry-after")


@check(
    "used-up capacity of which no time is told is a 429 that names as long as its account rests, {where}, fallback {mode}",
    rows=[(where, mode) for where in ("a 400", "a stream") for mode in ("on", "off")],
)
def _(lab, where, mode):
    pair = Pair(lab, "anthropic", more=f"fallback: {{cooldown: 30s, enabled: {'true' if mode == 'on' else 'false'}}}\n")
    if where == "a 400":
        pair.up.reply(whole(ANTHROPIC.error(400, "Exhausted capacity"), 400))
    else:
        pair.up.reply(stream(ANTHROPIC.stream_error("Exhausted capacity", "invalid_request_error")))
    for client in ("anthropic", "openai") if mode == "off" else ("anthropic",):
        answer = pair.ask(client, least(client), streamed=where == "a stream")
        equal((answer.status, answer.header("retry-after")), (429, "30"), f"status, retry-after of {client}")


EMPTY = "[No response after retries - please try again]"


@check("Antigravity's empty answer is a failure, not an answer, {client} client, {mode}", rows=[(c, m) for c in ("anthropic", "openai", "gemini") for m in ("whole", "streamed")])
def _(lab, client, mode):
    one, two = lab.upstream(), lab.upstream()
    proxy = lab.proxyd(f"""
upstreams: {{a: {one.declare("anthropic")}, b: {two.declare("anthropic")}}}
rules: [{{name: all, tiers: [a, b]}}]
""")
    usage = {"input_tokens": 0, "output_tokens": 0}
    said = ANTHROPIC.start("m", usage) + ANTHROPIC.event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}) + ANTHROPIC.words(EMPTY) + ANTHROPIC.end(usage)
    one.reply(stream(said) if mode == "streamed" else whole(ANTHROPIC.whole("m", EMPTY, usage=usage)))
    dialect = {"anthropic": ANTHROPIC, "openai": OPENAI, "gemini": GEMINI}[client]
    if client == "gemini" and mode == "streamed":
        answer = proxy.send("POST", "/v1beta/models/asked:streamGenerateContent?alt=sse", dialect.request())
    else:
        answer = proxy.ask(dialect, stream=mode == "streamed")
    equal((answer.status, answer.header("x-proxyd-upstream")), (200, "b"), "status, upstream")
    lacks(answer.body, b"No response after", "the answer")


@check("Antigravity's end_turn with a call is tool_use, {mode}", rows=["whole", "streamed"])
def _(lab, mode):
    pair = Pair(lab, "anthropic")
    block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rom"}}
    if mode == "whole":
        pair.up.reply(whole(ANTHROPIC.whole("m", content=[block])))
        answer = pair.ask("anthropic", least("anthropic")).json()
        equal((answer["stop_reason"], answer["content"]), ("tool_use", [block]), "stop_reason, content")
    else:
        pair.up.reply(stream(named_events(FROM_ANTHROPIC[0], *[e | {"index": 0} for e in FROM_ANTHROPIC[11:15]],
                             {**FROM_ANTHROPIC[-2], "delta": {"stop_reason": "end_turn", "stop_sequence": None}}, FROM_ANTHROPIC[-1])))  # fmt: skip
        answer = pair.ask("openai", least("openai"), streamed=True)
        contains(answer.body, b'"finish_reason":"tool_calls"', "the stream")


@check("Antigravity's thoughtSignature beside a call does not reach an Anthropic client, {mode}", rows=["whole", "streamed", "streamed byte by byte"])
def _(lab, mode):
    pair = Pair(lab, "anthropic")
    block = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"thoughtSignature": "mine"}, "thoughtSignature": "c2lnLTE="}
    if mode == "whole":
        pair.up.reply(whole(ANTHROPIC.whole("m", content=[block], stop_reason="tool_use")))
    else:
        said = named_events(FROM_ANTHROPIC[0], {"type": "content_block_start", "index": 0, "content_block": block}, *[e | {"index": 0} for e in FROM_ANTHROPIC[12:15]], *FROM_ANTHROPIC[-2:])
        pair.up.reply(stream([said[i : i + 1] for i in range(len(said))] if mode.endswith("byte") else said))
    answer = pair.ask("anthropic", least("anthropic"), streamed=mode != "whole")
    equal(answer.status, 200, "the status")
    equal(answer.body.count(b"houghtSignature"), 1, "how often the answer says it")
    contains(answer.body, b'"thoughtSignature":"mine"', "the call's arguments")
    lacks(answer.body, b"c2lnLTE", "the answer")
    contains(answer.body, b"toolu_1", "the answer")
    if mode != "whole":
        for name, value in told(answer.body):
            equal(name, value["type"], "the events")
