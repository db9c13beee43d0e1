"""Records of what was left or cut: counted by what had come or by the upstream's last word, whichever is more, and marked."""

import re
import time

from checks import Failure, check, equal, eventually, expect, one_of
from dialects import ANTHROPIC, DIALECTS, compact
from harness import served
from limits import ROOMY, house, key_id, stand, steer
from limits import rows as limit_rows
from records import (
    FORMATS, FRESH, LAST, MODEL, PIECE, TOLD, Pieces, amounts, ask, book, counted_well, grouped, listed, near, pieces, row, rows, start, total
)  # fmt: skip
from upstream import hang, status, stream, whole
from wire import events

OPTIONS = {"openai": {"stream_options": {"include_usage": True}}}
TELLS_FIRST = ("anthropic",)  # whose streams tell their input at once


def _read(connection, steps, reply):
    """Reads the events of these steps; where nothing was said yet, waits until the upstream has sent them."""
    if steps[-1][1] == 0:
        expect(reply.sent.wait(10), "that the upstream sent its first events")
        time.sleep(0.2)  # what is on its way has no other sign of its coming
        return
    told = connection.stream()
    for _ in events(b"".join(data for data, *_ in steps)):
        expect(told.next() is not None, "the event at the client")


def _right(dialect, one, step, before):
    """What a row says of a stream that was left or cut after this step."""
    _data, letters, final = step
    what = f"{dialect}, after {letters} letters{' and the last word on usage' if final else ''}"
    equal(one["dialect"], dialect, f"{what}: dialect")
    one_of(one["status"], (200,) if letters else (0, 200), f"{what}: status")  # nothing may have gone out yet
    one_of(one["source"], ("counted", "reported") if final else ("counted",), f"{what}: source")
    if final:
        equal(amounts(one), (*FRESH[dialect][:3], TOLD), f"{what}: what the upstream told")
        return
    if letters:
        counted_well(one, letters, what)
    else:
        expect(one["output"] <= 24, f"{what}: hardly any output", one)
    expect(one["output"] >= before, f"{what}: no less than after the step before ({before})", one)
    if dialect in TELLS_FIRST and letters:
        equal(amounts(one)[:3], FRESH[dialect][:3], f"{what}: the input that the upstream told")
    else:
        expect(0 < one["input"] + one["cache_read"] + one["cache_write"] < 200, f"{what}: some tokens of input", one)


@check("{dialect}: a client that leaves after each of a stream's events has a row that counts what had come: thoughts, text, a call", rows=FORMATS, seconds=90)
def _(lab, dialect):
    p, up = book(lab)
    steps, before = pieces(dialect), 0
    for n in range(1, len(steps) + 1):
        reply = Pieces(steps[:n])
        up.reply(reply)
        connection = start(p, dialect, stream=True, **OPTIONS.get(dialect, {}))
        _read(connection, steps[:n], reply)
        connection.abort() if n % 2 else connection.close()
        one = rows(p, n)[0]
        _right(dialect, one, steps[n - 1], before)
        outcomes = ("client", "done") if steps[n - 1][2] else ("client",)  # after the last word all may have been settled
        expect(one["outcome"].startswith(outcomes), "an outcome that says that the client went", one)
        before = one["output"] if not steps[n - 1][2] else before
    _sums(p, len(steps))


def _sums(p, count):
    """The reports add up what the rows say, the old shape with all input in one."""
    told, all_ = listed(p), grouped(p, "key")
    for name in ("input", "output", "cache_read", "cache_write", "reasoning"):
        equal(total(all_, name), total(told, name), f"{name} of the report, and of the rows")
    equal(total(all_, "requests"), count, "requests of the report")
    equal(total(all_, "counted_requests"), sum(one["source"] == "counted" for one in told), "counted_requests, and rows marked so")
    near(total(all_, "cost_usd"), total(told, "cost_nano") / 1e9, "cost of the report, and of the rows")
    old = p.get("/admin/usage")
    wanted = (total(told, "input") + total(told, "cache_read") + total(told, "cache_write"), total(told, "output"))
    equal((old["total_input_tokens"], old["total_output_tokens"]), wanted, "input and output of the old shape")


@check(
    "{dialect}: a stream that its upstream cuts after each of its events has such a row, too ({how})",
    rows=[(d, h) for d in FORMATS for h in ("close", "reset")],
    seconds=90,
)
def _(lab, dialect, how):
    p, up = book(lab, more="fallback: {enabled: false}")
    steps = [step for step in pieces(dialect) if step[1] and not step[2]]
    all_, before = pieces(dialect), 0
    for count, step in enumerate(steps, 1):
        up.reply(Pieces(all_[: all_.index(step) + 1], then=how))
        try:
            start(p, dialect, stream=True).answer()
        except (Failure, OSError):
            pass  # a stream that is cut may end in any way
        one = rows(p, count)[0]
        if how == "close":  # a reset may overtake what was sent
            _right(dialect, one, step, before)
            before = one["output"]
        expect(one["source"] != "reported" and not one["outcome"].startswith("done"), "marked, and no success", one)


@check(
    "{client} client of {upstream} that leaves when thoughts, text and a call have come: counted as the upstream sent them",
    rows=[(c, u) for c in FORMATS for u in ("anthropic", "openai", "gemini") if c != u],
)
def _(lab, client, upstream):
    up = lab.upstream()
    p = lab.proxyd(f"upstreams: {{far: {up.declare(upstream)}}}\nrules: [{{name: all, tiers: [far/really]}}]\n{house(models=['really'])}")
    steps = [step for step in pieces(upstream) if not step[2]]
    reply = Pieces(steps)
    up.reply(reply)
    connection = start(p, client, "asked", stream=True)
    told = connection.stream()
    while (PIECE if client == "gemini" else LAST).encode() not in told.text:  # Gemini has a call whole, or not at all
        expect(told.next() is not None, "the call at the client")
    expect(reply.sent.wait(5), "that the upstream sent it all")
    time.sleep(0.2)  # what a client is not shown has no other sign of its coming
    connection.abort()
    one = row(p)
    equal((one["source"], one["dialect"], one["model"]), ("counted", client, "really"), "source, dialect, model")
    counted_well(one, steps[-1][1], "what had come")
    expect(one["outcome"].startswith("client"), "an outcome that says that the client went", one)


WORDS = {  # of an Anthropic stream: what the upstream tells in its middle, the least and the most that is counted
    "more than the letters come to": (5000, 5000, 5000),
    "less than the letters come to": (2, 100, 440),
    "nothing": (None, 100, 440),
}


@check("the upstream's last word or what had come, whichever is more: a stream that told {what}", rows=list(WORDS))
def _(lab, what):
    said, least, most = WORDS[what]
    p, up = book(lab)
    delta = ANTHROPIC.event({"type": "message_delta", "delta": {}, "usage": {"output_tokens": said}}) if said else b""
    up.reply(Pieces([(ANTHROPIC.begin("claude-test"),), (delta + ANTHROPIC.words(PIECE + LAST, PIECE, "the very end"),)]))
    connection = start(p, stream=True)
    told = connection.stream()
    while b"the very end" not in told.text:
        expect(told.next() is not None, "the words at the client")
    connection.abort()
    one = row(p)
    equal((one["source"], amounts(one)[:3]), ("counted", (11, 5, 3)), "source, and the input that was told")
    expect(least <= one["output"] <= most, f"{least} to {most} tokens of output", one)


@check("Gemini, which tells usage in every chunk: what the last chunk said counts, though the client left")
def _(lab):
    p, up = book(lab)
    gemini = DIALECTS["gemini"]
    usage = {"promptTokenCount": 4000, "cachedContentTokenCount": 1000, "candidatesTokenCount": 900, "totalTokenCount": 4900}
    body = gemini.stream("gemini-test", "Hello").replace(b'"finishReason":"STOP",', b"")
    said = b'"usageMetadata":{"promptTokenCount":19,"cachedContentTokenCount":5,"candidatesTokenCount":7,"totalTokenCount":26}'
    expect(said in body, "the usage of a chunk", body)
    up.reply(Pieces([(body.replace(said, b'"usageMetadata":' + compact(usage)),)]))
    connection = start(p, "gemini", stream=True)
    expect(connection.stream().next() is not None, "a chunk at the client")
    connection.abort()
    one = row(p)
    equal((amounts(one), one["source"]), ((3000, 1000, 0, 900), "counted"), "what was told, and the source")


@check(
    "{dialect}, {mode}: a client that leaves before an answer began has a row: no output, never called reported",
    rows=[(d, m) for d in FORMATS for m in ("whole", "streamed")],
)
def _(lab, dialect, mode):
    p, up = book(lab)
    up.reply(hang)
    connection = start(p, dialect, stream=mode == "streamed", text="word " * 400)
    up.wait(1)
    connection.abort()
    one = row(p)
    one_of(one["source"], ("counted", "none"), "the source")
    equal((one["output"], one["model"], one["key"]), (0, MODEL[dialect], "user"), "output, model, key")
    expect(one["outcome"].startswith("client"), "an outcome that says that the client went", one)
    expect(one["input"] in (0, *range(200, 1000)), "no input, or some four hundred tokens", one)
    eventually(lambda: up.requests[0].gone.is_set(), "that the upstream's request ended, too")


@check("a client that leaves in the middle of a whole answer has a row that counts no less than what had come")
def _(lab):
    p, up = book(lab)
    body = ANTHROPIC.whole("claude-test", "word " * 400)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)

    def most(request, wire):
        wire.send(head + body[:-300])
        sent.append(True)
        hang(request, wire)

    sent = []
    up.reply(most)
    connection = start(p)
    eventually(lambda: sent, "that the upstream sent most of it")
    time.sleep(0.2)
    connection.abort()
    one = row(p)
    equal(one["source"], "counted", "the source")
    counted_well(one, 2000 - 200, "four hundred words, most of them")


@check("a client that leaves in the middle of an answer that is too long to be held has a row that counts no less than what had come")
def _(lab):
    p, up = book(lab)
    body = ANTHROPIC.whole("claude-test", "word " * 300_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)

    def most(request, wire):
        wire.send(head + body[:-300])
        hang(request, wire)

    up.reply(most)
    connection = start(p)
    connection.final_head()
    connection.abort()
    one = row(p)
    equal(one["source"], "counted", "the source")
    expect(one["input"] > 1, "the input, counted by the prompt", one)
    expect(200_000 <= one["output"] <= 500_000, "a token for each four letters of a million or more", one)


@check("a long prompt whose stream is left: the input that nobody told is counted by its length")
def _(lab):
    p, up = book(lab)
    up.reply(Pieces(pieces("openai")[:3]))
    connection = start(p, "openai", stream=True, text="word " * 4000)
    _read(connection, pieces("openai")[:3], None)
    connection.abort()
    one = row(p)
    expect(2_500 <= one["input"] <= 10_000, "some four or five thousand tokens of input", one)


@check("{mode}: a client that leaves while the next tier is asked has one row, the failed attempt in it", rows=["whole", "streamed"])
def _(lab, mode):
    p, first, second = lab.tiers(2, more=house(models=("model-1", "model-2")))
    first.reply(status(529)), second.reply(hang)
    connection = start(p, stream=mode == "streamed")
    second.wait(1)
    connection.abort()
    one = row(p)
    equal([(a["tier"], a["status"]) for a in one["attempts"]][0], ("t1/model-1", 529), "the attempt that failed")
    equal((one["upstream"], one["output"]), ("t2", 0), "who was asked last, and output")
    expect(one["outcome"].startswith("client"), "an outcome that says that the client went", one)


@check("{call}: a row of what proxyd itself ended does not say that the upstream answered so", rows=["a block", "a block of a count", "a stop"])
def _(lab, call):
    p, first, second = lab.tiers(2, more=house(ROOMY, models=("model-1", "model-2")) + "\ntimeouts: {drain: 300ms}")
    first.reply(status(529)), second.reply(hang)
    path = "/v1/messages/count_tokens" if call == "a block of a count" else "/v1/messages"
    body = ANTHROPIC.request("claude-test", False)
    connection = p.connect()
    connection.request("POST", path, p.headers(headers=[("Content-Type", "application/json")]), body)
    second.wait(1)
    time.sleep(0.2)
    if call == "a stop":
        p.restart()
    else:
        equal(steer(p, "team.requests_per_day", "block", bucket=key_id(p), **{"for": "1h"}).status, 200, "the status of block")
        equal(connection.answer().status, 429, "the client's status")
    told = row(p)["attempts"]
    word = "shutdown" if call == "a stop" else "blocked"
    equal([(a["tier"], a["status"]) for a in told], [("t1/model-1", 529), ("t2/model-2", 0)], "the attempts")
    equal(told[-1]["reason"], word, "why the last ended")
    connection.close()


@check("what limits took of a stream that was left is what its row says, and nothing stays reserved")
def _(lab):
    p, up = book(lab, policy=ROOMY)
    steps = pieces("anthropic")[:6]
    up.reply(Pieces(steps))
    connection = start(p, stream=True)
    _read(connection, steps, None)
    connection.abort()
    one = row(p)
    stand(p, 1, one["input"] + one["cache_write"] + one["output"], one["cost_nano"] / 1e9)


@check("SIGTERM with streams open that do not end in time: each has a row, counted, also after the start that follows")
def _(lab):
    p, up = book(lab, more="timeouts: {drain: 300ms}")
    steps = pieces("anthropic")[:6]
    up.reply(Pieces(steps))
    held = [start(p, stream=True) for _ in range(3)]
    for connection in held:
        _read(connection, steps, None)
    p.restart()
    for one in rows(p, 3):
        equal((one["source"], amounts(one)[:3]), ("counted", (11, 5, 3)), "source and input")
        counted_well(one, steps[-1][1], "what had come")


@check("SIGTERM while whole answers are waited for: each has a row that counts its input, and limits have the same")
def _(lab):
    p, up = book(lab, policy=ROOMY, more="timeouts: {drain: 300ms}")
    up.reply(hang)
    held = [start(p) for _ in range(3)]
    up.wait(3)
    p.restart()
    told = rows(p, 3)
    for one in told:
        equal((one["source"], one["output"]), ("counted", 0), "source and output")
        expect(one["input"] > 0 and one["cost_nano"] > 0, "some input", one)
    stand(p, 3, sum(one["input"] for one in told), sum(one["cost_nano"] for one in told) / 1e9)
    for connection in held:
        connection.abort()


@check("a tier that is silent for too long has used its input: the row of the request that the next tier serves has it, and limits")
def _(lab):
    p, first, _second = lab.tiers(2, more=house(ROOMY, models=("model-1", "model-2")) + "\ntimeouts: {first_byte: 600ms}")
    first.reply(hang)
    served(p.ask())
    one = row(p)
    fresh = FRESH["anthropic"]
    equal((one["source"], amounts(one)[1:]), ("counted", fresh[1:]), "source, caches and output")
    expect(one["input"] > fresh[0], "the input of both attempts", one)
    stand(p, 1, one["input"] + one["cache_write"] + one["output"], one["cost_nano"] / 1e9)


@check("many clients that leave at random moments: a row for each that reached the upstream, no usage of others, nothing reserved", seconds=90)
def _(lab):
    p, up = book(lab, policy=ROOMY)
    for i in range(120):
        dialect = FORMATS[i % 4]
        steps = pieces(dialect)
        if i % 3:
            up.reply(stream([data for data, *_ in steps], pause=0.004, ends=False))
        else:
            up.reply(hang)
        connection = start(p, dialect, stream=True, text=f"number {i} of many", headers={"x-proxyd-session": f"number {i} of many"})
        time.sleep(i % 13 / 250)
        connection.abort() if i % 2 else connection.close()

    def settled():
        reached = {found.group().decode() for found in (re.search(rb"number \d+ of many", each.body) for each in up.requests) if found}
        found = listed(p, limit=500)
        told = [one["session"] for one in found]
        equal(reached - set(told), set(), "requests that reached the upstream and have no row")
        equal(len(told), len(set(told)), "rows, and sessions among them")
        used = [one for one in found if one["session"] not in reached and (any(amounts(one)) or one["cost_nano"])]
        equal(used, [], "usage of what reached nobody")
        equal([one for one in limit_rows(p) if one["reserved"]], [], "limits of which something is reserved")
        return True

    eventually(settled, "a row for each request that reached the upstream", 20)
    up.reply(whole(DIALECTS["openai"].whole("gpt-test")))
    served(ask(p, "openai"))
