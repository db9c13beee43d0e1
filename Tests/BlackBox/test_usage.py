"""Usage: exact counts from the answers, told per key, day, hour and model, and never lost."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from checks import Failure, Skip, check, contains, equal, eventually, expect, lacks
from dialects import ANTHROPIC, DIALECTS, OPENAI, TOKENS_IN, TOKENS_OUT, compact
from harness import served
from upstream import healthy, raw, says, status, stream, whole
from upstream import head as response_head

BOTH = ("anthropic", "openai")


def _totals(p, requests, within=5.0):
    """The totals, once that many requests are counted."""

    def counted():
        told = p.get("/admin/usage")
        return told if told["total_requests"] >= requests else None

    told = eventually(counted, f"{requests} requests in the usage", within)
    return told["total_input_tokens"], told["total_output_tokens"], told["total_requests"]


def _usage(p, key="user"):
    """GET /admin/keys/{id}/usage of the key with that name."""
    found = [entry["id"] for entry in p.get("/admin/keys")["keys"] if entry["name"] == key]
    expect(found, f"a key called {key} in GET /admin/keys")
    return p.get(f"/admin/keys/{found[0]}/usage")["usage"]


@check(
    "{dialect}, {mode}: the tokens of an answer are counted exactly, cached ones included",
    rows=[(d, m) for d in ("anthropic", "openai", "gemini") for m in ("whole", "streamed") if (d, m) != ("gemini", "streamed")],
)
def _(lab, dialect, mode):
    p, _up = lab.simple()
    for _ in range(3):
        served(p.ask(dialect, stream=mode == "streamed"))
    equal(_totals(p, 3), (3 * TOKENS_IN, 3 * TOKENS_OUT, 3), "input, output and requests of three answers")


COUNTS = {  # what the provider reports -> input, output
    "A: nothing cached": ("anthropic", {"input_tokens": 100, "output_tokens": 20}, 100, 20),
    "A: all cached": (
        "anthropic",
        {"input_tokens": 0, "cache_read_input_tokens": 5000, "cache_creation_input_tokens": 0, "output_tokens": 1},
        5000,
        1,
    ),
    "A: the split of cache writes is not counted twice": (
        "anthropic",
        {
            "input_tokens": 4,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 200,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 9,
        },
        234,
        9,
    ),
    "A: null members": (
        "anthropic",
        {"input_tokens": 4, "cache_creation_input_tokens": None, "cache_read_input_tokens": None, "output_tokens": 9},
        4,
        9,
    ),
    "C: cached and reasoning are parts": (
        "openai",
        {
            "prompt_tokens": 120,
            "completion_tokens": 40,
            "total_tokens": 160,
            "prompt_tokens_details": {"cached_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 32},
        },
        120,
        40,
    ),
    "C: without details": ("openai", {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}, 3, 2),
}


@check("the usage of a whole answer, {what}", rows=list(COUNTS))
def _(lab, what):
    dialect, usage, tokens_in, tokens_out = COUNTS[what]
    p, up = lab.simple()
    up.reply(whole({**json.loads(DIALECTS[dialect].whole("m")), "usage": usage}))
    served(p.ask(dialect))
    equal(_totals(p, 1), (tokens_in, tokens_out, 1), "input, output, requests")


STREAMS = {
    "message_delta is cumulative": lambda: (
        ANTHROPIC.start("m", {"input_tokens": 43, "output_tokens": 1})
        + ANTHROPIC.words("a")
        + ANTHROPIC.event({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 10}})
        + ANTHROPIC.end({"output_tokens": 25}),
        43,
        25,
    ),
    "a later input count replaces the first": lambda: (
        ANTHROPIC.start("m", {"input_tokens": 43, "output_tokens": 1})
        + ANTHROPIC.words("a")
        + ANTHROPIC.end({"input_tokens": 61, "output_tokens": 25}),
        61,
        25,
    ),
    "members that message_delta lacks keep their first value": lambda: (
        ANTHROPIC.start(
            "m", {"input_tokens": 1, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 300, "output_tokens": 1}
        )
        + ANTHROPIC.words("a")
        + ANTHROPIC.end({"output_tokens": 5}),
        321,
        5,
    ),
    "text that looks like usage is no usage": lambda: (
        ANTHROPIC.begin("m") + ANTHROPIC.words('{"usage":{"input_tokens":9999,"output_tokens":9999}}') + ANTHROPIC.end(),
        19,
        7,
    ),
}


@check(
    "the usage of an Anthropic stream: {what} ({cut})", rows=[(w, c) for w in STREAMS for c in ("in one piece", "byte by byte")]
)
def _(lab, what, cut):
    body, tokens_in, tokens_out = STREAMS[what]()
    p, up = lab.simple()
    up.reply(stream([body] if cut == "in one piece" else [body[i : i + 1] for i in range(len(body))]))
    equal(served(p.ask(stream=True)).body, body, "the stream at the client")
    equal(_totals(p, 1), (tokens_in, tokens_out, 1), "input, output, requests")


# ---------------------------------------------------------------- include_usage


@check(
    "include_usage is added to an OpenAI stream's request, and nothing else is changed ({form})",
    rows=["no stream_options", "empty stream_options", "include_usage: false", "other options", "odd whitespace"],
)
def _(lab, form):
    options = {
        "no stream_options": None,
        "empty stream_options": {},
        "include_usage: false": {"include_usage": False},
        "other options": {"include_obfuscation": False},
        "odd whitespace": None,
    }[form]
    body = compact(
        {
            "model": "gpt-test",
            "stream": True,
            "big": 1.5,
            **({"stream_options": options} if options is not None else {}),
            "messages": [],
        }
    )
    if form == "odd whitespace":
        body = b'{ "stream" : true,\n"n":12345678901234567890, "model":"gpt-test","messages" : [ ] }'
    p, up = lab.simple()
    served(p.send("POST", OPENAI.path, body))
    wanted = json.loads(body)
    wanted["stream_options"] = {**(options or {}), "include_usage": True}
    equal(up.last.json(), wanted, "the body at the upstream")
    if form == "odd whitespace":
        contains(up.last.body, b'"n":12345678901234567890, "model":"gpt-test","messages" : [ ]', "the bytes that need no change")
    equal(_totals(p, 1), (TOKENS_IN, TOKENS_OUT, 1), "input, output, requests")


@check(
    "the usage chunk is withheld from a client that did not ask for it, all else passes byte for byte ({cut})",
    rows=["in one piece", "byte by byte", "usage and [DONE] in one piece"],
)
def _(lab, cut):
    before = b": x\n\n" + OPENAI.begin("m").replace(b":", b" :", 1) + OPENAI.chunk("m", {}, "stop")
    body = before + OPENAI.usage_chunk("m") + b"data: [DONE]\n\n"
    pieces = {
        "in one piece": [body],
        "byte by byte": [body[i : i + 1] for i in range(len(body))],
        "usage and [DONE] in one piece": [before, body[len(before) :]],
    }[cut]
    p, up = lab.simple()
    up.reply(stream(pieces))
    answer = served(p.ask("openai", stream=True))
    equal(answer.body.replace(b" :", b":"), (before + b"data: [DONE]\n\n").replace(b" :", b":"), "the stream at the client")
    lacks(answer.body, b'"usage"', "the stream at the client")
    equal(_totals(p, 1), (TOKENS_IN, TOKENS_OUT, 1), "input, output, requests")


@check("the usage chunk passes to a client that asked for it")
def _(lab):
    p, up = lab.simple()
    body = compact({"model": "gpt-test", "stream": True, "stream_options": {"include_usage": True}, "messages": []})
    answer = served(p.send("POST", OPENAI.path, body))
    equal(up.last.body, body, "the body at the upstream")
    equal(answer.body, OPENAI.stream("gpt-test"), "the stream at the client")
    equal(_totals(p, 1), (TOKENS_IN, TOKENS_OUT, 1), "input, output, requests")


@check("a chunk with choices passes even when it carries usage")
def _(lab):
    p, up = lab.simple()
    body = OPENAI.begin("m") + OPENAI.chunk("m", {}, "stop", usage=OPENAI.usage()) + b"data: [DONE]\n\n"
    up.reply(stream(body))
    equal(served(p.ask("openai", stream=True)).body, body, "the stream at the client")
    equal(_totals(p, 1), (TOKENS_IN, TOKENS_OUT, 1), "input, output, requests")


@check("usage that comes in every chunk is counted once, the last one")
def _(lab):
    p, up = lab.simple()
    up.reply(
        stream(
            b"".join(
                OPENAI.chunk("m", {"content": "x"}, usage={"prompt_tokens": 5, "completion_tokens": i, "total_tokens": 5 + i})
                for i in range(1, 6)
            )
            + OPENAI.chunk("m", {}, "stop")
            + b"data: [DONE]\n\n"
        )
    )
    served(p.ask("openai", stream=True))
    equal(_totals(p, 1), (5, 5, 1), "input, output, requests")


@check("a whole OpenAI request is not given stream_options")
def _(lab):
    p, up = lab.simple()
    body = OPENAI.request()
    served(p.send("POST", OPENAI.path, body))
    equal(up.last.body, body, "the body at the upstream")


# ---------------------------------------------------------------- what is counted, and where


@check("usage is kept under the model that answered, also after a fallback")
def _(lab):
    p, first, _second = lab.tiers(2)
    first.reply(status(503))
    served(p.ask(model="asked-for"))
    _totals(p, 1)
    equal(set(_usage(p)["total_by_model"]), {"model-2"}, "the models of total_by_model")


@check("usage is kept per key")
def _(lab):
    p, _up = lab.simple("keys: [{name: a, key: sk-a}, {name: b, key: sk-b}]")
    made = p.create_key("c")["api_key"]
    for key, count in (("sk-a", 1), ("sk-b", 2), (made, 3)):
        for _ in range(count):
            served(p.ask(key=key))
    _totals(p, 6)
    told = {entry["name"]: entry for entry in p.get("/admin/keys")["keys"]}
    for name, count in (("a", 1), ("b", 2), ("c", 3)):
        equal(
            (told[name]["total_input"], told[name]["total_output"], told[name]["total_requests"]),
            (count * TOKENS_IN, count * TOKENS_OUT, count),
            f"the totals of {name}",
        )
        usage = _usage(p, name)
        equal(
            (usage["total_input"], usage["total_output"], usage["total_requests"]),
            (count * TOKENS_IN, count * TOKENS_OUT, count),
            f"the usage of {name}",
        )


@check("requests that are refused cost no tokens")
def _(lab):
    p, up = lab.simple("fallback: {enabled: false}")
    up.reply(says(400, "no"), model="claude-bad")
    for _ in range(3):
        p.ask(key="sk-wrong")
        p.ask(model="nope")
        p.ask(model="claude-bad")
        p.send("POST", ANTHROPIC.path, b"{")
    served(p.ask())
    equal(_totals(p, 1)[:2], (TOKENS_IN, TOKENS_OUT), "tokens in and out")


@check("a failed attempt costs nothing, the answer of the next tier does")
def _(lab):
    p, first, _second = lab.tiers(2)
    first.reply(stream(ANTHROPIC.stream_error("Overloaded")))
    served(p.ask(stream=True))
    equal(_totals(p, 1), (TOKENS_IN, TOKENS_OUT, 1), "input, output, requests")


@check("a stream that is cut counts what was reported until then")
def _(lab):
    p, up = lab.simple()
    up.reply(stream(ANTHROPIC.begin("m"), ends=False, then="reset"))
    p.ask(stream=True)
    tokens_in, tokens_out, _ = _totals(p, 1)
    equal(tokens_in, TOKENS_IN, "tokens in")
    expect(tokens_out >= 1, "the output tokens that message_start told", tokens_out)


@check("a client that goes in mid-stream is counted with what was reported")
def _(lab):
    p, up = lab.simple()
    up.reply(stream([ANTHROPIC.begin("m"), *[ANTHROPIC.words("x")] * 400], pause=0.02, ends=False))
    events = p.open_stream()
    events.next(), events.next()
    events.connection.abort()
    eventually(lambda: p.get("/admin/usage")["total_input_tokens"] == TOKENS_IN, "the tokens of message_start in the usage", 8)


@check("answers without usage are counted by what came, alike in totals, keys, days and groups")
def _(lab):
    p, up = lab.simple()
    up.reply(whole(b'{"type":"message","content":[{"type":"text","text":"Hello there, this is a text."}]}'))
    served(p.ask())
    wanted = _totals(p, 1)
    expect(wanted[0] > 0 and wanted[1] > 0, "some tokens in and out", wanted)
    (key, (day,)) = _usage(p), p.get("/admin/usage/daily")["days"]
    for told, what in ((key, "the key"), (day, "the day")):
        equal((told["total_input"], told["total_output"], told["total_requests"]), wanted, f"totals of {what}")
    for by in ("key", "day", "hour", "model", "rule"):
        (row,) = p.get(f"/admin/usage?group_by={by}")["rows"]
        equal((row["input"], row["output"], row["requests"]), wanted, f"the row by {by}")


@check(
    "absurd counts of a provider break nothing: {count}", rows=["-5", "1e30", "99999999999999999999", '"7"', "null", "1.5", "[]"]
)
def _(lab, count):
    p, up = lab.simple()
    up.reply(whole(b'{"content":[],"usage":{"input_tokens":%s,"output_tokens":%s}}' % ((count.encode(),) * 2)))
    for _ in range(2):
        served(p.ask())
    up.reply(healthy)
    served(p.ask())
    tokens_in, tokens_out, requests = _totals(p, 3)
    expect(tokens_in >= 0 and tokens_out >= 0, "totals that are not negative", (tokens_in, tokens_out))
    equal(requests, 3, "requests")


@check("embeddings count their prompt tokens")
def _(lab):
    p, up = lab.simple()
    up.reply(whole(b'{"object":"list","data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}'))
    served(p.send("POST", "/v1/embeddings", b'{"model":"gpt-embed","input":"x"}'))
    equal(_totals(p, 1), (8, 0, 1), "input, output, requests")


@check("sixty requests at once are counted exactly", seconds=60)
def _(lab):
    p, _up = lab.simple()
    failures = []

    def one(i):
        try:
            for dialect in BOTH:
                served(p.ask(dialect, stream=i % 2 == 0))
        except (Failure, OSError) as failure:
            failures.append(str(failure))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures, [], "failures")
    equal(_totals(p, 60), (60 * TOKENS_IN, 60 * TOKENS_OUT, 60), "input, output, requests")


# ---------------------------------------------------------------- days and hours


@check(
    "days and hours begin by the configured time zone: {zone}",
    rows=["Asia/Singapore", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC", "Asia/Kolkata"],
)
def _(lab, zone):
    p, _up = lab.simple(f"timezone: {zone}")
    before = datetime.now(ZoneInfo(zone))
    served(p.ask(model="claude-a"))
    served(p.ask(model="claude-b", stream=True))
    after = datetime.now(ZoneInfo(zone))
    _totals(p, 2)

    days = p.get("/admin/usage/daily")["days"]
    day = next((d for d in days if d["total_requests"]), {})
    expect(day.get("date") in {t.strftime("%Y-%m-%d") for t in (before, after)}, f"the day in {zone}", days)
    equal(
        (day["total_input"], day["total_output"], day["total_requests"]), (2 * TOKENS_IN, 2 * TOKENS_OUT, 2), "the day's totals"
    )
    both = TOKENS_IN + TOKENS_OUT
    one = {"total": both, "requests": 1, "cost_usd": None}
    equal(day["by_model"], {m: one for m in ("claude-a", "claude-b")}, "the day by model")
    key = {"name": "user", "input": 2 * TOKENS_IN, "output": 2 * TOKENS_OUT, "requests": 2, "cost_usd": None}
    equal(day["keys"], [key], "the day's keys")

    hours = [hour for hour in p.get("/admin/usage/hourly")["hours"] if hour["by_model"]]
    told = {hour["hour"] for hour in hours}
    expect(told <= {t.strftime("%Y-%m-%d %H:00") for t in (before, after)} and told, f"the hour in {zone}, minutes 00", told)
    equal(sum(hour["by_model"].get("claude-a", {}).get("total", 0) for hour in hours), both, "tokens of claude-a")

    usage = _usage(p)
    expect(
        set(usage["daily"]) <= {t.strftime("%Y-%m-%d") for t in (before, after)} and usage["daily"],
        "daily by date",
        usage["daily"],
    )
    expect(
        usage["hourly"] and all(re.match(r"\d{4}-\d\d-\d\d[ T]\d\d", hour) for hour in usage["hourly"]),
        "hourly by hour",
        usage["hourly"],
    )


@check("`?date=` picks one day of the daily and of the hourly usage")
def _(lab):
    p, _up = lab.simple()
    served(p.ask())
    _totals(p, 1)
    zone = ZoneInfo("Asia/Singapore")
    today, yesterday = datetime.now(zone), datetime.now(zone) - timedelta(days=1)
    days = p.get(f"/admin/usage/daily?date={today:%Y-%m-%d}")["days"]
    equal([(d["date"], d["total_requests"]) for d in days], [(f"{today:%Y-%m-%d}", 1)], "today")
    days = p.get(f"/admin/usage/daily?date={yesterday:%Y-%m-%d}")["days"]
    equal([d for d in days if d["total_requests"]], [], "yesterday")
    hours = p.get(f"/admin/usage/hourly?date={today:%Y-%m-%d}")["hours"]
    equal(sum(m["requests"] for hour in hours for m in hour["by_model"].values()), 1, "requests of today's hours")
    hours = p.get(f"/admin/usage/hourly?date={yesterday:%Y-%m-%d}")["hours"]
    equal([hour for hour in hours if hour["by_model"]], [], "yesterday's hours")


@check("a date that is no date is a 400 or no days, not an error of ours")
def _(lab):
    p, _up = lab.simple()
    for date in ("nonsense", "2026-13-45", "'%20OR%201=1", ""):
        answer = p.admin("GET", f"/admin/usage/daily?date={date}")
        expect(answer.status in (200, 400), f"200 or 400 for {date!r}", repr(answer))


# ---------------------------------------------------------------- never lost


@check("usage survives a restart with {how}", rows=["SIGTERM", "SIGKILL"])
def _(lab, how):
    p, _up = lab.simple()
    made = p.create_key("kept")["api_key"]
    for i in range(6):
        served(p.ask("anthropic" if i % 2 else "openai", stream=i % 3 == 0, key=made))
    p.restart(hard=how == "SIGKILL")
    equal(_totals(p, 6), (6 * TOKENS_IN, 6 * TOKENS_OUT, 6), "input, output, requests after the restart")
    equal(_usage(p, "kept")["total_requests"], 6, "the key's requests")
    served(p.ask(key=made))
    equal(_totals(p, 7), (7 * TOKENS_IN, 7 * TOKENS_OUT, 7), "input, output, requests after one more")


@check(
    "usage survives a SIGKILL right after the last byte, {dialect}, {mode}",
    rows=[(d, m) for d in BOTH for m in ("whole", "streamed")],
)
def _(lab, dialect, mode):
    p, _up = lab.simple()
    for i in range(1, 4):
        served(p.ask(dialect, stream=mode == "streamed"))
        p.process.send_signal(signal.SIGKILL)  # at once, nothing in between
        p.restart(hard=True)
        equal(_totals(p, i), (i * TOKENS_IN, i * TOKENS_OUT, i), f"input, output, requests after kill {i}")


@check("twenty SIGKILLs under load: no answer that a client saw whole is missing from the usage", seconds=150)
def _(lab):
    p, _up = lab.simple()
    complete, started, lock = [0], [0], threading.Lock()

    def load(stop, number):
        i = number
        while not stop.is_set():
            i += 1
            with lock:
                started[0] += 1
            try:
                dialect, streamed = BOTH[i % 2], i % 3 == 0
                answer = p.ask(dialect, stream=streamed)
                if answer.status == 200 and answer.complete and (not streamed or DIALECTS[dialect].finished(answer.body)):
                    with lock:
                        complete[0] += 1
            except (Failure, OSError, ValueError):
                time.sleep(0.005)

    for round_number in range(20):
        stop = threading.Event()
        threads = [threading.Thread(target=load, args=(stop, n)) for n in range(6)]
        for thread in threads:
            thread.start()
        time.sleep(0.15 + 0.013 * round_number)
        p.process.send_signal(signal.SIGKILL)
        p.meant_to_end = True
        stop.set()
        for thread in threads:
            thread.join()
        p.restart(hard=True)
    expect(complete[0] > 100, "a load worth the name (more than 100 whole answers)", complete[0])
    tokens_in, tokens_out, requests = _totals(p, complete[0], 10)
    expect(complete[0] <= requests <= started[0], f"between {complete[0]} and {started[0]} requests counted", requests)
    expect(
        tokens_in >= complete[0] * TOKENS_IN and tokens_out >= complete[0] * TOKENS_OUT,
        f"at least {complete[0] * TOKENS_IN} and {complete[0] * TOKENS_OUT} tokens counted",
        (tokens_in, tokens_out),
    )
    expect(
        tokens_in <= started[0] * TOKENS_IN and tokens_out <= started[0] * TOKENS_OUT,
        "nothing counted twice",
        (tokens_in, tokens_out),
    )


@check("keys, their state and their deletion survive a restart with {how}", rows=["SIGTERM", "SIGKILL"])
def _(lab, how):
    p, _up = lab.simple()
    kept, off, gone = (p.create_key(name, tags={"team": name}) for name in ("kept", "off", "gone"))
    p.admin("POST", f"/admin/keys/{off['id']}/disable")
    p.admin("DELETE", f"/admin/keys/{gone['id']}")
    p.restart(hard=how == "SIGKILL")
    served(p.ask(key=kept["api_key"]))
    equal(p.ask(key=off["api_key"]).status, 403, "the status with the disabled key")
    equal(p.ask(key=gone["api_key"]).status, 401, "the status with the deleted key")
    told = {entry["name"]: entry for entry in p.get("/admin/keys")["keys"]}
    equal((told["kept"]["enabled"], told["off"]["enabled"], "gone" in told), (True, False, False), "the list of keys")
    equal(told["kept"]["id"], kept["id"], "the key's id")


@check("a journal that ends in the middle of a record does not keep proxyd from starting")
def _(lab):
    p, _up = lab.simple()
    for _ in range(5):
        served(p.ask())
    p.kill()
    torn = [path for path in p.state.rglob("*") if _is_journal(path)]
    if not torn:
        raise Skip("no file under `state` looks like a journal")
    for path in torn:  # what was being appended when the power went
        with open(path, "ab") as out:
            out.write(b"\x17\x00\x00\x00torn")
    p.start()
    served(p.ask())
    equal(_totals(p, 6)[2], 6, "requests in the usage")


def _is_journal(path):
    named = any(word in str(path).lower() for word in ("journal", "ledger", "usage"))
    return path.is_file() and named and not path.name.endswith(("-wal", "-shm")) and path.read_bytes()[:6] != b"SQLite"


@check("a full disk: every request is answered, none is silently unaccounted, and it goes on when there is room again")
def _(lab):
    disk = lab.folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True).returncode:
        raise Skip("no file system may be mounted here")
    lab.after(lambda: subprocess.run(["umount", "-l", str(disk)], capture_output=True))
    p, _up = lab.simple(f"state: '{disk}/state'\nlog: {{level: info}}")
    served(p.ask())
    filler = disk / "filler"
    handle = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        while os.write(handle, b"x" * 4096):
            pass
    except OSError:
        os.close(handle)  # full
    answers = [p.ask(stream=i % 2 == 0) for i in range(200)]
    complete = 1 + sum(answer.status == 200 and answer.complete for answer in answers)
    for answer in answers:
        expect(answer.status == 200 or (answer.status >= 500 and answer.body), "200, or an error with a reason", repr(answer))
    if complete == 201:  # they went on: then the trouble is told
        told = p.send("GET", "/health", key=None)
        expect(told.json()["services"]["storage"] != "ok", "storage that is not ok in /health", told.text)
    filler.unlink()
    eventually(lambda: p.ask().status == 200, "service once there is room again", 10)
    _totals(p, complete + 1, 10)


@check("a raw upstream answer with odd headers is counted all the same")
def _(lab):
    p, up = lab.simple()
    body = ANTHROPIC.whole("m")
    up.reply(
        raw(response_head(200, [("content-TYPE", "application/json;charset=utf-8"), ("X-A", "1")], "length", len(body)) + body)
    )
    served(p.ask())
    equal(_totals(p, 1), (TOKENS_IN, TOKENS_OUT, 1), "input, output, requests")
