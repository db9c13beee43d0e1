"""What a kill leaves: all that had ended once, what was in flight marked, nothing reserved; and nothing secret in what is written."""

import json
import os
import signal
import threading
import time

from checks import Failure, check, contains, equal, eventually, expect, lacks, one_of
from dialects import ANTHROPIC, DIALECTS
from forwarding import ALONE
from harness import ADMIN_KEY, USER_KEY, served
from limits import BOB, ROOMY, key_id
from limits import rows as limit_rows
from records import FORMATS, MODEL, Pieces, amounts, ask, book, grouped, listed, pieces, rows, start, total
from upstream import after, hang, says, status, stream, whole

DURABILITY = ("crash", "power")

# ---------------------------------------------------------------- what had ended


@check("durability: {durability}: rows of all that had ended are the same after a SIGKILL, each there once", rows=list(DURABILITY))
def _(lab, durability):
    p, _up = book(lab, more=f"usage: {{durability: {durability}}}")
    for i in range(16):
        served(ask(p, FORMATS[i % 4], stream=i % 8 < 4))
    before = rows(p, 16)
    for _ in range(2):
        p.restart(hard=True)
        equal(listed(p), before, "rows after the kill")
        equal(total(grouped(p, "key"), "requests"), 16, "requests of the report")


@check("durability: {word} is an error of the file at its place", rows=["always", "0", "[]"])
def _(lab, word):
    p, _up = book(lab, start=False, more=f"usage: {{durability: {word}}}")
    p.spawn("--config", str(p.config), "--check-config")
    expect(p.wait(20) != 0, "an exit status that is not 0")
    contains(p.output(), "durability", "what is said")


@check("{dialect}, {mode}: a row is there after a SIGKILL right after the last byte of its answer", rows=[(d, m) for d in FORMATS for m in ("whole", "streamed")])
def _(lab, dialect, mode):
    p, _up = book(lab)
    sent = []
    for i in range(3):
        sent.append(served(ask(p, dialect, stream=mode == "streamed")).header("x-request-id"))
        p.signal(signal.SIGKILL)  # at once, nothing in between
        p.restart(hard=True)
        equal([one["id"] for one in listed(p)], sent[::-1], f"rows after kill {i + 1}")
        expect(all(one["source"] == "reported" and one["outcome"] != "crash" for one in listed(p)), "rows of what had ended", listed(p))


@check("an error that a client saw has its row after a SIGKILL right after it")
def _(lab):
    p, up = book(lab, more=ALONE)
    up.reply(status(529))
    equal(ask(p).status, 529, "the status")
    time.sleep(0.3)  # nothing is owed to what nobody paid for before its answer is out
    p.restart(hard=True)
    told = rows(p, 1)
    one_of(told[0]["status"], (529, 0), "the status of the row")


# ---------------------------------------------------------------- what was in flight


@check(
    "in flight at a SIGKILL, {mode}: a row each with outcome `crash`, marked, nothing reserved; told once, whatever comes after",
    rows=["whole", "streamed", "streamed, before its head"],
)
def _(lab, mode):
    p, up = book(lab, policy=ROOMY)
    served(ask(p))
    ended = rows(p, 1)[0]["id"]
    steps, held = pieces("anthropic")[:6], []
    up.reply(Pieces(steps) if mode == "streamed" else hang)
    model, sessions, agent = "claude-" + "m" * 150, [f"s{i}" + "x" * 120 * i for i in range(3)], "a" * 250  # however much there is to tell
    for session in sessions:
        held.append(start(p, model=model, stream=mode != "whole", headers={"x-proxyd-session": session, "x-claude-code-agent-id": agent}))
    up.wait(4)
    if mode == "streamed":
        for connection in held:
            told = connection.stream()
            while told.text.count(b"The river runs") < 24:
                expect(told.next() is not None, "the words at the client")
    time.sleep(0.3)
    p.restart(hard=True)
    for _ in range(2):
        found = [one for one in rows(p, 4) if one["id"] != ended]
        equal([one["outcome"] for one in found], ["crash"] * 3, "outcomes")
        equal(sorted(one["session"] for one in found), sessions, "sessions")
        for one in found:
            one_of(one["source"], ("counted", "none"), "the source")
            equal((one["key"], one["policy"], one["dialect"], one["model_asked"]), ("user", "team", "anthropic", model), "whose it is")
            equal((one["agent"], one["tags"]), (agent, {"team": "infra", "vendor": "a"}), "agent and tags")
            expect(0 <= one["duration_ms"] < 60_000, "a time that it may have taken", one)
        equal([one for one in limit_rows(p) if one["reserved"]], [], "limits of which something is reserved")
        equal([one["used"] for one in limit_rows(p, kind="concurrency", bucket=key_id(p))] or [0], [0], "what is in flight")
        p.restart(hard=True)
    up.reply(whole(ANTHROPIC.whole("claude-test")))
    served(ask(p), "the answer to the next request")
    equal(sum(one["outcome"] == "crash" for one in rows(p, 5)), 3, "rows of the crash at the end")


@check("{dialect}: in flight at a SIGKILL, then a report: sums are what the rows come to", rows=FORMATS)
def _(lab, dialect):
    p, up = book(lab)
    for _ in range(3):
        served(ask(p, dialect))
    up.reply(Pieces(pieces(dialect)[:3]))
    told = start(p, dialect, stream=True).stream()
    expect(told.next() is not None, "an event at the client")
    time.sleep(0.3)
    p.restart(hard=True)
    found = rows(p, 4)
    equal([one["outcome"] == "crash" for one in found].count(True), 1, "rows of the crash")
    served_rows = [one for one in found if one["outcome"] != "crash"]
    counted = [one for one in found if one["outcome"] == "crash" and one["source"] == "counted"]
    report = grouped(p, "key")
    for name in ("input", "output", "cache_read", "cache_write"):
        one_of(total(report, name), {total(served_rows, name), total(served_rows + counted, name)}, f"{name} of the report")


@check("a request that waited for nobody at a SIGKILL, and one that never reached an upstream, leave no row")
def _(lab):
    p, up = book(lab, policy="requests_per_day: 1")
    served(ask(p))
    equal(ask(p).status, 429, "the status over the limit")
    idle = p.connect()
    idle.send(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: %s\r\nContent-Length: 900\r\n\r\n{" % BOB.encode())
    time.sleep(0.2)
    p.restart(hard=True)
    equal(len(rows(p, 1)), len(up.requests), "rows, and requests at the upstream")


@check("concurrency that was held at a SIGKILL is free at once, and the budget has room again")
def _(lab):
    p, up = book(lab, policy="concurrent_requests: 1, budget_total: 100 USD")
    up.reply(hang)
    start(p)
    up.wait(1)
    equal(ask(p).status, 429, "the status while one is in flight")
    p.restart(hard=True)
    up.reply(whole(ANTHROPIC.whole("claude-test")))
    served(ask(p), "the answer after the kill")


@check("ten SIGKILLs under load: every answer that a client saw whole is there once, no id twice, sums are the rows'", seconds=240)
def _(lab):
    p, up = book(lab, policy=ROOMY.replace("1000,", "1000000,").replace("requests_per_day: 1000", "requests_per_day: 1000000"))
    up.reply(after(0.002, stream(ANTHROPIC.stream("claude-test"))), streamed=True, path=ANTHROPIC.path)
    seen, started, lock = [], [0], threading.Lock()

    def load(stop, number):
        i = number
        while not stop.is_set():
            i += 1
            dialect, streamed = FORMATS[i % 4], i % 3 == 0
            with lock:
                started[0] += 1
            try:
                with start(p, dialect, stream=streamed) as connection:
                    answer = connection.answer()
                if answer.status == 200 and answer.complete and (not streamed or dialect == "gemini" or DIALECTS[dialect].finished(answer.body)):
                    with lock:
                        seen.append(answer.header("x-request-id"))
            except (Failure, OSError, ValueError):
                time.sleep(0.005)

    for round_number in range(10):
        stop = threading.Event()
        threads = [threading.Thread(target=load, args=(stop, n)) for n in range(6)]
        for thread in threads:
            thread.start()
        wanted = len(seen) + 6  # a slow machine takes its time; the kill comes under load all the same
        eventually(lambda: len(seen) >= wanted, "six answers", 15)
        time.sleep(0.017 * round_number)
        p.signal(signal.SIGKILL)
        p.meant_to_end = True
        stop.set()
        for thread in threads:
            thread.join()
        p.restart(hard=True)
    told, query = [], "limit=100"
    while query:
        page = p.get(f"/admin/requests?{query}")
        told += page["requests"]
        query = page.get("next") and f"limit=100&before={page['next']}"
    ids = [one["id"] for one in told]
    equal(len(ids), len(set(ids)), "rows, and ids among them")
    equal(set(seen) - set(ids), set(), "answers that have no row")
    expect(len(ids) <= started[0], "no more rows than requests", (len(ids), started[0]))
    counted = [one for one in told if one["status"] == 200 and one["outcome"].startswith("done")]
    report = grouped(p, "model")
    expect(total(report, "requests") >= len(counted), "no fewer requests in the report than served", report)
    equal([one for one in limit_rows(p) if one["reserved"]], [], "limits of which something is reserved")
    for one in counted:
        equal(amounts(one), {"anthropic": (11, 5, 3, 7)}.get(one["dialect"], (14, 5, 0, 7)), f"what {one['id']} used")


# ---------------------------------------------------------------- nothing secret

PROMPT, ANSWER, THOUGHT = "my-prompt-is-0f3a9c", "my-answer-is-7be21d", "my-thought-is-55ac10"
ARGUMENT, COMPLAINT = "my-argument-is-9d21ff", "my-complaint-is-c0ffee"


@check("no prompt, answer, thought, argument, upstream's complaint or key is in the state, the log, the metrics or the admin's answers")
def _(lab):
    p, up = book(lab, more="log: {level: debug}\nfallback: {enabled: false}")
    made = p.create_key("made", policy="team")
    thinking = [{"type": "thinking", "thinking": THOUGHT, "signature": "c2ln"}, {"type": "text", "text": ANSWER}]
    call = {"type": "tool_use", "id": "toolu_1", "name": "say", "input": {"text": ARGUMENT}}
    whole_answer = {**json.loads(ANTHROPIC.whole("claude-test")), "content": [*thinking, call]}
    up.reply(whole(whole_answer), model="claude-test")
    up.reply(Pieces([(ANTHROPIC.begin("claude-left") + ANTHROPIC.words(f" {ANSWER} "),)]), model="claude-left")
    up.reply(says(400, f"{COMPLAINT}: the prompt {PROMPT} of {made['api_key']} is bad, provider-key-one"), model="claude-bad")
    up.reply(hang, model="claude-killed")
    for key in (USER_KEY, BOB, made["api_key"]):
        served(ask(p, key=key, text=PROMPT, system=PROMPT, metadata={"user_id": "someone"}))
        ask(p, model="claude-bad", key=key, text=PROMPT)
    told = start(p, model="claude-left", stream=True, text=PROMPT)
    events = told.stream()
    while ANSWER.encode() not in events.text:
        expect(events.next() is not None, "the answer at the client")
    told.abort()
    for dialect in ("openai", "responses", "gemini"):
        served(ask(p, dialect, text=PROMPT))
    start(p, model="claude-killed", text=PROMPT)
    up.wait(11)
    eventually(lambda: len(listed(p)) >= 10, "rows of what has ended")
    answers = "".join(
        p.admin("GET", path).text for path in ("/admin/requests", "/admin/usage?group_by=session,agent,key", "/admin/limits", "/metrics", "/admin/keys")
    )
    time.sleep(0.3)
    p.restart(hard=True)
    answers += p.admin("GET", "/admin/requests").text
    p.stop()
    secrets = [PROMPT, ANSWER, THOUGHT, ARGUMENT, COMPLAINT, "provider-key-one", USER_KEY, BOB, made["api_key"], ADMIN_KEY]
    for secret in secrets:
        lacks(answers, secret, "what the admin API and the metrics told")
        for name, content in p.written().items():
            lacks(content, secret.encode(), f"the file {name}")
        for name in os.listdir(p.state):
            lacks(name, secret, "a name in the state directory")


@check("what may be looked at later is no one else's to read: files of the state are the owner's alone")
def _(lab):
    p, _up = book(lab)
    served(ask(p))
    rows(p, 1)
    for path in p.state.rglob("*"):
        expect(not path.stat().st_mode & 0o077 or path.is_dir() and not p.state.stat().st_mode & 0o077, "no rights of others", str(path))
    equal(p.state.stat().st_mode & 0o077, 0, "rights of others on the state directory")
    equal(MODEL["anthropic"], listed(p)[0]["model"], "the model of the row")
