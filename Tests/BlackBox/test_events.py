"""Events: a line for each request with its row's members, at a webhook or in a file; what fails slows nobody and is counted."""

import json
import os
import signal
import stat
import time

from check_config import GOOD, Checked
from checks import check, contains, equal, eventually, expect, lacks, stays
from collector import Collector
from harness import USER_KEY, served
from records import MEMBERS, ask, book, rows
from test_traces import dropped
from upstream import drop, hang, status, whole


class Sink:
    """A webhook that keeps what it gets."""

    def __init__(self, lab, answer=None, path="/hook/secret-path?token=secret-token"):
        self.up = lab.upstream()
        self.target = path
        self.url = self.up.url + path
        self.up.reply(answer or whole({}))

    @property
    def lines(self):
        return [json.loads(line) for call in list(self.up.requests) for line in call.body.decode().splitlines()]

    def wait(self, count, within=5.0):
        eventually(lambda: len(self.lines) >= count, f"{count} events", within)
        return self.lines


def webhook(sink):
    return f"events: {{webhook: '{sink.url}'}}"


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@check("the webhook gets a line for each request, which is the request's row")
def _(lab):
    sink = Sink(lab)
    p, up = book(lab, more=webhook(sink))
    served(ask(p, headers={"x-proxyd-session": "s1"}))
    served(ask(p, "openai"))
    up.reply(status(400), path="/v1/messages")
    ask(p)
    lines = sink.wait(3)
    told = rows(p, 3)
    equal(sorted(lines, key=lambda one: one["id"]), sorted(told, key=lambda one: one["id"]), "events, beside the rows")
    equal({frozenset(one) for one in lines}, {frozenset(MEMBERS)}, "members")
    call = sink.up.requests[0]
    equal((call.method, call.target, call.header("content-type")), ("POST", sink.target, "application/x-ndjson"), "the call")
    expect(call.body.endswith(b"\n"), "a newline at the end", call.body)
    for secret in (USER_KEY, "provider-key-one", "hello"):
        lacks(call.body, secret.encode(), "what the webhook gets")
    for what in (p.output().encode(), p.admin("GET", "/admin/config").body):
        lacks(what, b"secret-token", "log and configuration")
        lacks(what, b"secret-path", "log and configuration")


@check("the file gets the same lines; it is made with 0600, appended to, and opened anew at SIGUSR1")
def _(lab):
    path = lab.folder / "events.jsonl"
    p, _up = book(lab, more=f"events: {{file: '{path}'}}")
    served(ask(p))
    eventually(lambda: len(read(path)) == 1, "a line in the file")
    equal(read(path), rows(p, 1), "the line, beside the row")
    equal(stat.S_IMODE(path.stat().st_mode), 0o600, "mode of the file")
    moved = lab.folder / "events.jsonl.1"
    os.rename(path, moved)
    p.signal(signal.SIGUSR1)
    time.sleep(0.3)
    served(ask(p))
    eventually(lambda: len(read(path)) == 1, "a line in the new file")
    equal(len(read(moved)), 1, "lines in the old one")
    p.restart()
    served(ask(p))
    eventually(lambda: len(read(path)) == 2, "a second line in the file")


@check("requests that nobody served have their event; those that are refused before anybody is asked have neither row nor event")
def _(lab):
    sink = Sink(lab)
    p, up = book(lab, more=webhook(sink))
    up.reply(drop)
    ask(p)
    (line,) = sink.wait(1)
    equal((line["status"], line["outcome"].split("/")[0]), (502, "upstream"), "the event")
    expect(line["attempts"] and line["attempts"][0]["reason"], "its attempts", line)
    ask(p, key="sk-wrong-key-wrong-key-wrong-key")
    p.send("GET", "/health", key=None)
    stays(lambda: len(sink.lines) == 1, "one event")


@check("many requests come in few calls, each event once")
def _(lab):
    sink = Sink(lab)
    p, _up = book(lab, more=webhook(sink))
    sent = {served(ask(p)).header("x-request-id") for _ in range(100)}
    lines = sink.wait(100)
    equal((len(lines), {one["id"] for one in lines}), (100, sent), "events")
    expect(len(sink.up.requests) < 100, "fewer calls than events", len(sink.up.requests))


@check("a webhook that is {what} slows no request, and what is lost is counted and told", rows=["dead", "refusing"], seconds=60)
def _(lab, what):
    sink = Sink(lab, {"slow": hang, "failing": status(503, b"{}"), "refusing": status(400, b"{}")}.get(what))
    if what == "dead":
        sink.url = lab.dead_url()
    p, _up = book(lab, more=webhook(sink))
    for _ in range(20):
        begun = time.monotonic()
        served(ask(p))
        expect(time.monotonic() - begun < 2, "an answer at once")
    eventually(lambda: dropped(p, "proxyd_events_dropped_total") >= 20, "20 events counted as lost", within=40)
    p.wait_log("events were lost")
    equal(len(rows(p, 20)), 20, "rows")


@check("a file that cannot be written is told, and slows no request")
def _(lab):
    (lab.folder / "nowhere").mkdir()
    p, _up = book(lab, more=f"events: {{file: '{lab.folder}/nowhere/events.jsonl'}}")
    (lab.folder / "nowhere").rmdir()
    served(ask(p))
    p.wait_log("events cannot be delivered")
    contains(p.output(), "No such file", "the log")
    (lab.folder / "nowhere").mkdir()
    eventually(lambda: len(read(lab.folder / "nowhere" / "events.jsonl")) == 1, "the line, once it can be written", within=10)


@check("a reload switches events on, elsewhere, and off; what is there when proxyd stops is told before it ends")
def _(lab):
    sink, path = Sink(lab), lab.folder / "events.jsonl"
    p, _up = book(lab)
    text = p.config.read_text()
    p.replace(text + webhook(sink) + "\n")
    eventually(lambda: served(ask(p)) and sink.lines, "an event at the webhook")
    p.replace(text + f"events: {{file: '{path}'}}\n")
    eventually(lambda: served(ask(p)) and read(path), "an event in the file")
    p.replace(text)
    time.sleep(1)
    count = len(read(path))
    served(ask(p))
    stays(lambda: len(read(path)) == count, "no further event")
    p.replace(text + webhook(sink) + "\n")
    time.sleep(1)
    before = len(sink.lines)
    served(ask(p))
    p.stop()
    equal(len(sink.lines), before + 1, "events at the webhook")


@check("what is not answered for when proxyd stops is told once, with how many and who was to get it", seconds=60)
def _(lab):
    sink, collector = Sink(lab, hang), Collector(lab, hang)
    p, _up = book(lab, more=webhook(sink) + f"\ntelemetry: {{otlp: '{collector.url}'}}\n")
    served(ask(p))
    eventually(lambda: sink.up.requests and collector.calls, "both are asked")
    served(ask(p))
    p.stop()
    for name, count, up in (("events", 2, sink.up), ("traces", 4, collector.up)):
        told = [line for line in p.output().splitlines() if f"{name} were lost" in line]
        equal(len(told), 1, f"lines about lost {name}: {told}")
        for part in (f"count={count}", f"to=127.0.0.1:{up.port}"):
            contains(told[0], part, "the line")
    lacks(p.output(), "secret-token", "the log")


@check("{what} is refused by its place", rows=[
    ("events: {}", "'webhook' or 'file' is missing"), ("events: {webhook: 'http://127.0.0.1:1/', file: x}", "exclude one another"),
    ("events: {webhook: '127.0.0.1:1'}", "http://"), ("events: {hook: x}", "webhook"), ("events: {file: ''}", "empty"),
    ("events: {file: /tmp}", "it is a directory"), ("events: {file: /dev/null/x}", "cannot be written"),
    ("events: {file: /nowhere/at/all.jsonl}", "there is no folder '/nowhere/at'"),
])  # fmt: skip
def _(lab, what, says):
    told = Checked(lab, GOOD + what + "\n").bad()
    equal(told.errors[0][0], GOOD.count("\n") + 1, "line of the error")
    contains(told.text, says, "what is said")
